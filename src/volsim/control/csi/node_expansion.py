"""Expansion on the node: a kubelet makes the file system as large as the storage behind it already is.

Modelled: volumes that are mounted already, those that are mounted later, pods that only read, nodes that are cut off.
Not modelled: file systems that cannot be expanded, expansion of one volume on several nodes one after the other.
Source: kubelet, pkg/kubelet/volumemanager; pkg/volume/util/operationexecutor (expandVolumeDuringMount, NodeExpander).

The key is the claim's ``namespace/name``.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import UpdateStatus
from volsim.control.attachable import bound_volume
from volsim.control.contract import NOTHING, Controller, Outcome, normal
from volsim.objects import FrozenDict, PersistentVolume, PersistentVolumeClaim, Pod, Volume
from volsim.state import Change, View, claim_keys_of
from volsim.state.runtime import Machine, Sandbox

__all__ = ["CONTROLLER"]

PENDING = "FileSystemResizePending"
_CONDITIONS = ("Resizing", "ControllerResizeError", PENDING, "NodeResizeError")


# -- what wakes it -----------------------------------------------------------------------------------------------------
def is_pending(claim: PersistentVolumeClaim | None) -> bool:
    """Whether a claim waits for a node to expand its file system.

    >>> is_pending(PersistentVolumeClaim())
    False
    """
    return claim is not None and any(each.type == PENDING for each in claim.status.conditions)


def watch_claim(view: View, change: Change) -> Iterator[str]:
    """A claim needs a look when it begins to wait for a node."""
    if is_pending(change.after) and not is_pending(change.before):
        yield change.key


def watch_sandbox(view: View, change: Change) -> Iterator[str]:
    """The claims of a pod need a look when a volume of the pod has been mounted."""
    before: Sandbox | None = change.before
    after: Sandbox | None = change.after
    if after is not None and (before is None or before.mounted is not after.mounted):
        yield from _pending_claims(view, after.pod)


def watch_machine(view: View, change: Change) -> Iterator[str]:
    """The claims of a node's pods need a look when the node answers again."""
    before: Machine | None = change.before
    after: Machine | None = change.after
    if after is not None and after.answers and before is not None and not before.answers:
        for uid in view.group("sandboxes_by_node", change.key):
            yield from _pending_claims(view, view.get("sandboxes", uid).pod)


def _pending_claims(view: View, pod: Pod) -> Iterator[str]:
    for key in claim_keys_of(pod):
        if is_pending(view.persistent_volume_claims.get(key)):
            yield key


# -- one claim ---------------------------------------------------------------------------------------------------------
def sync(view: View, key: str) -> Outcome:
    """Expand the file system of one claim's volume, if a node has it mounted to write."""
    claim = view.persistent_volume_claims.get(key)
    if claim is None or not is_pending(claim):
        return NOTHING
    volume = view.persistent_volumes.get(claim.spec.volume_name or "")
    if volume is None:
        return NOTHING
    users = (view.pods[each] for each in view.group("pods_by_claim", key))
    pod = next((each for each in users if _writes(view, each, volume)), None)
    if pod is None:
        return NOTHING
    status = claim.status.replace(
        capacity=FrozenDict({**claim.status.capacity, "storage": volume.spec.capacity["storage"]}),
        conditions=tuple(each for each in claim.status.conditions if each.type not in _CONDITIONS),
        allocated_resource_statuses=FrozenDict(),
    )
    node = pod.spec.node_name or ""
    text = f'MountVolume.NodeExpandVolume succeeded for volume "{volume.metadata.name}" {node}'
    events = tuple(normal(each, "FileSystemResizeSuccessful", text)._replace(host=node) for each in (pod, claim))
    says = f"expand the file system of volume {volume.metadata.name} on {node}"
    return Outcome((UpdateStatus(claim.replace(status=status)),), events, says=says)


def _writes(view: View, pod: Pod, volume: PersistentVolume) -> bool:
    """Whether a kubelet that the control plane hears has mounted the volume for a pod, and not only to read."""
    sandbox: Sandbox | None = view.get("sandboxes", pod.metadata.uid or "")
    machine: Machine | None = view.get("machines", sandbox.node) if sandbox is not None else None
    if sandbox is None or machine is None or not machine.answers or sandbox.boot != machine.boot:
        return False
    return any(
        each.name in sandbox.mounted and not _only_reads(each) and bound_volume(view, pod, each) is volume
        for each in pod.spec.volumes
        if each.persistent_volume_claim is not None or each.ephemeral is not None
    )


def _only_reads(volume: Volume) -> bool:
    return volume.persistent_volume_claim is not None and bool(volume.persistent_volume_claim.read_only)


CONTROLLER = Controller(
    name="node-expansion",
    component="kubelet",
    watches={
        "persistentvolumeclaims": watch_claim,
        "sandboxes": watch_sandbox,
        "machines": watch_machine,
    },
    sync=sync,
)
