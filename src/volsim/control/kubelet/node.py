"""Kubelet, the node's own part: registers the machine and says that it is ready.

Modelled: Ready and the pressure conditions of a healthy node, addresses, labels, capacity, the CSI drivers of the node,
the disks in use, the return after a power cut, a reboot or a partition; a kubelet that starts registers its Node if
somebody has deleted it. Heartbeats that arrive are not events; only their absence is
(`volsim.control.node_lifecycle`).
Not modelled: labels, taints and amounts that a manifest gave to a Node, once that is gone; the up to 10 s until a node
says that it uses a disk, or no more; pressure on memory and processes, image garbage collection, graceful node
shutdown.
Source: kubelet, pkg/kubelet/kubelet_node_status.go, pkg/kubelet/nodestatus/setters.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from uuid import UUID

from volsim.apiserver.writes import Create, Put, Update, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, EventNote, Outcome
from volsim.objects import (
    Condition,
    CSINode,
    CSINodeDriver,
    CSINodeSpec,
    FrozenDict,
    Node,
    NodeAddress,
    NodeStatus,
    NodeSystemInfo,
    ObjectMeta,
    OwnerReference,
)
from volsim.quantity import Quantity
from volsim.state import Change, View
from volsim.state.runtime import Machine
from volsim.storage.node_disk import NODE_DISK

__all__ = ["CONTROLLER"]

DEFAULT_CAPACITY = {
    "cpu": Quantity("4"),
    "memory": Quantity("8Gi"),
    "ephemeral-storage": Quantity("100Gi"),
    "pods": Quantity("110"),
}
"""What a node has of which nobody said anything: a small virtual machine."""

_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_PRESSED = ("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")


def watch_node(view: View, change: Change) -> Iterator[str]:
    """A node needs a look when it is registered; its status is written by others only when it is silent."""
    if change.before is None and change.after is not None:
        yield change.key


def watch_machine(view: View, change: Change) -> Iterator[str]:
    """A machine needs a look when it answers again."""
    before, after = change.before, change.after
    if after is None or not after.answers:
        return
    heard = before is None or not before.answers or before.boot != after.boot
    if heard or (before.until_us is None) is not (after.until_us is None):
        yield change.key


def watch_sandbox(view: View, change: Change) -> Iterator[str]:
    """A node says something new when other disks are in use on it."""
    before, after = change.before, change.after
    if (before.in_use if before is not None else ()) != (after.in_use if after is not None else ()):
        yield (after or before).node


def watch_driver(view: View, change: Change) -> Iterator[str]:
    """Every node needs a look when a CSI driver is installed."""
    yield from view.nodes


def watch_csi_node(view: View, change: Change) -> Iterator[str]:
    """A node whose CSINode somebody removed makes it anew."""
    if change.after is None:
        yield change.key


def sync(view: View, key: str) -> Outcome:
    """Say of one node what its kubelet would say now."""
    node = view.nodes.get(key)
    machine: Machine | None = view.get("machines", key)
    if node is None:
        return _register(key, machine)
    writes: list[Write] = []
    events: tuple[EventNote, ...] = ()
    if machine is None:
        machine = Machine(number=len(view.table("machines")), changed_us=view.now_us, disk=NODE_DISK)
        writes.append(Put("machines", key, machine))
    elif machine.destroyed and (node.metadata.creation_timestamp or 0) > machine.changed_us:
        # another machine, which has been registered under the name of one that is lost
        machine = Machine(number=machine.number, boot=machine.boot + 1, changed_us=view.now_us, disk=NODE_DISK)
        writes.append(Put("machines", key, machine))
    if machine.answers:
        labelled = _with_labels(node)
        if labelled is not node:
            writes.append(Update(labelled))
        status = _status(view, node, machine)
        if status != node.status:
            writes.append(UpdateStatus(node.replace(status=status)))
            events = (*_reboot_told(node, status), *_pressure_told(node, status))
        writes += _csi_node(view, node)
        if machine.registers:
            writes.append(Put("machines", key, machine.replace(registers=False)))
    return Outcome(tuple(writes), events, says=f"report node {key} ready") if writes else NOTHING


def _register(name: str, machine: Machine | None) -> Outcome:
    """Only a kubelet that has just started makes its Node: one that runs does not miss it."""
    if machine is None or not machine.answers or not machine.registers:
        return NOTHING
    node = _with_labels(Node(metadata=ObjectMeta(name=name)))
    writes = (Create(node), Put("machines", name, machine.replace(registers=False)))
    return Outcome(writes, says=f"register node {name}")


def _reboot_told(node: Node, status: NodeStatus) -> tuple[EventNote, ...]:
    """The event by which a node tells that it was off since it was last heard."""
    before, after = node.status.node_info, status.node_info
    if before is None or after is None or not before.boot_id or before.boot_id == after.boot_id:
        return ()
    name = node.metadata.name or ""
    text = f"Node {name} has been rebooted, boot id: {after.boot_id}"
    return (EventNote("Warning", "Rebooted", text, node, host=name),)


def _boot_id(name: str, boot: int) -> str:
    """What the machine's kernel has drawn by lot when it started; of one boot always the same: it ends with it."""
    drawn = str(UUID(bytes=blake2b(f"{name}/{boot}".encode(), digest_size=16).digest(), version=4))
    return f"{drawn.rpartition('-')[0]}-{boot:012x}"


def _pressure_told(node: Node, status: NodeStatus) -> tuple[EventNote, ...]:
    """The event by which a node tells that its disk is under pressure, or no more."""
    before, after = (
        next((each.status for each in conditions if each.type == "DiskPressure"), "False")
        for conditions in (node.status.conditions, status.conditions)
    )
    if before == after:
        return ()
    reason = "NodeHasDiskPressure" if after == "True" else "NodeHasNoDiskPressure"
    name = node.metadata.name or ""
    return (EventNote("Normal", reason, f"Node {name} status is now: {reason}", node, host=name),)


_PLATFORM = {"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"}


def _with_labels(node: Node) -> Node:
    """The node with the labels that a kubelet gives to its own; those that are there stay."""
    labels = {"kubernetes.io/hostname": node.metadata.name or "", **_PLATFORM, **node.metadata.labels}
    if labels == node.metadata.labels:
        return node
    return node.replace(metadata=node.metadata.replace(labels=FrozenDict(labels)))


def _csi_node(view: View, node: Node) -> list[Write]:
    """The writes by which the node says which CSI drivers run on it."""
    name = node.metadata.name or ""
    drivers = tuple(
        CSINodeDriver(
            name=driver.name, node_id=name, topology_keys=(driver.topology_key,) if driver.topology_key else ()
        )
        for driver in view.table("drivers").values()
    )
    found: CSINode | None = view.get("csinodes", name)
    if found is None:
        owner = OwnerReference(api_version="v1", kind="Node", name=name, uid=node.metadata.uid)
        meta = ObjectMeta(name=name, owner_references=(owner,))
        return [Create(CSINode(metadata=meta, spec=CSINodeSpec(drivers=drivers)))]
    missing = tuple(driver for driver in drivers if driver.name not in {each.name for each in found.spec.drivers})
    if not missing:
        return []
    return [Update(found.replace(spec=found.spec.replace(drivers=(*found.spec.drivers, *missing))))]


def _status(view: View, node: Node, machine: Machine) -> NodeStatus:
    status = node.status
    kept = {condition.type: condition for condition in status.conditions}
    pressed = () if machine.until_us is None else (_PRESSED,)
    for type_, value, reason, message in {each[0]: each for each in (*_HEALTHY, *pressed)}.values():
        old = kept.get(type_)
        if old is None or old.status != value:
            kept[type_] = Condition(
                type=type_,
                status=value,
                reason=reason,
                message=message,
                last_heartbeat_time=view.now_us,
                last_transition_time=view.now_us,
            )
    info = status.node_info or NodeSystemInfo(
        architecture="amd64",
        container_runtime_version=view.rules.container_runtime_version,
        kernel_version="6.1.0",
        kube_proxy_version=view.rules.git_version,
        kubelet_version=view.rules.git_version,
        operating_system="linux",
        os_image="Debian GNU/Linux 12 (bookworm)",
    )
    boot_id = _boot_id(node.metadata.name or "", machine.boot)
    if info.boot_id != boot_id:
        info = info.replace(boot_id=boot_id)
    addresses = status.addresses or (
        NodeAddress(type="InternalIP", address=machine.address),
        NodeAddress(type="Hostname", address=node.metadata.name),
    )
    capacity = {**DEFAULT_CAPACITY, **status.capacity}
    return status.replace(
        conditions=tuple(kept.values()),
        node_info=info,
        addresses=addresses,
        capacity=FrozenDict(capacity),
        allocatable=FrozenDict({**capacity, **status.allocatable}),
        volumes_in_use=_volumes_in_use(view, node.metadata.name or ""),
    )


def _volumes_in_use(view: View, node: str) -> tuple[str, ...]:
    """The attached disks that the node's pods have mounted, or are to have mounted."""
    sandboxes = (view.get("sandboxes", uid) for uid in view.group("sandboxes_with_disks", node))
    return tuple(sorted({disk for sandbox in sandboxes for disk in sandbox.in_use}))


CONTROLLER = Controller(
    name="kubelet-node",
    component="kubelet",
    watches={
        "nodes": watch_node,
        "machines": watch_machine,
        "sandboxes": watch_sandbox,
        "drivers": watch_driver,
        "csinodes": watch_csi_node,
    },
    sync=sync,
)
