"""Kubelet, the node's own part: registers the machine and says that it is ready.

Modelled: Ready and the pressure conditions of a healthy node, addresses, capacity of a node that says nothing of it, the
return after a power cut or a partition. Heartbeats that arrive are not events; only their absence is
(`volsim.control.node_lifecycle`).
Not modelled: node pressure, image garbage collection, graceful node shutdown.
Source: kubelet, pkg/kubelet/kubelet_node_status.go, pkg/kubelet/nodestatus/setters.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Put, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.objects import Condition, Node, NodeAddress, NodeStatus, NodeSystemInfo
from volsim.state import Change, View
from volsim.state.runtime import Machine

__all__ = ["CONTROLLER"]

_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def watch_node(view: View, change: Change) -> Iterator[str]:
    """A node needs a look when it is registered; its status is written by others only when it is silent."""
    if change.before is None and change.after is not None:
        yield change.key


def watch_machine(view: View, change: Change) -> Iterator[str]:
    """A machine needs a look when it answers again."""
    before, after = change.before, change.after
    if after is not None and after.answers and (before is None or not before.answers or before.boot != after.boot):
        yield change.key


def sync(view: View, key: str) -> Outcome:
    """Say of one node what its kubelet would say now."""
    node = view.nodes.get(key)
    if node is None:
        return NOTHING
    machine: Machine | None = view.get("machines", key)
    writes: list[Write] = []
    if machine is None:
        machine = Machine(number=len(view.table("machines")), changed_us=view.now_us)
        writes.append(Put("machines", key, machine))
    if machine.answers:
        status = _status(view, node, machine)
        if status != node.status:
            writes.append(UpdateStatus(node.replace(status=status)))
    return Outcome(tuple(writes), says=f"report node {key} ready") if writes else NOTHING


def _status(view: View, node: Node, machine: Machine) -> NodeStatus:
    status = node.status
    kept = {condition.type: condition for condition in status.conditions}
    for type_, value, reason, message in _HEALTHY:
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
    addresses = status.addresses or (
        NodeAddress(type="InternalIP", address=machine.address),
        NodeAddress(type="Hostname", address=node.metadata.name),
    )
    return status.replace(conditions=tuple(kept.values()), node_info=info, addresses=addresses)


CONTROLLER = Controller(
    name="kubelet-node",
    component="kubelet",
    watches={"nodes": watch_node, "machines": watch_machine},
    sync=sync,
)
