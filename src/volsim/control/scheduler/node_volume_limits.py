"""NodeVolumeLimits: a node takes only so many volumes of a CSI driver.

Modelled: the limits of CSINode objects, volumes of the pods on the node and of its VolumeAttachments, each counted
once; claims without a volume count for their class's provisioner.
Not modelled: CSI migration; VolumeLimitScaling (an alpha feature).
Source: kube-scheduler, plugins/nodevolumelimits/{csi,utils}.go.
"""

from __future__ import annotations

from collections import Counter

from volsim.control.scheduler.framework import (
    Attempt,
    Code,
    Known,
    Partly,
    Plugin,
    Status,
    pod_has_gone,
    rejected,
    unresolvable,
)
from volsim.control.scheduler.lineup import Lineup, Nodes, union
from volsim.control.scheduler.node_facts import NodeInfo
from volsim.objects import CSINode, PersistentVolume, PersistentVolumeClaim, Pod, VolumeAttachment
from volsim.objects.binding import claim_class
from volsim.state import Change, View, claim_keys_of

__all__ = ["PLUGIN"]

EXCEEDED = rejected("node(s) exceed max volume count")
IN_ALLOCATABLE = "attachable-volumes-csi-"
"""How the resource begins by which nodes told their limits before CSINodes did."""

Unique = tuple[str, str]
"""A volume by its driver and its handle."""


def pre_filter(attempt: Attempt) -> Known | Partly | None:
    """The filter; none for a pod without CSI volumes."""
    wanted = _wanted(attempt)
    if isinstance(wanted, Status):
        return Known(lambda node: wanted, lambda lineup: [(wanted, lineup.every)])
    if not wanted:
        return None
    view, drivers = attempt.view, sorted({driver for driver, _ in wanted})

    def unlimited(lineup: Lineup) -> Nodes:
        return lineup.every & ~union(_limited(view, lineup, driver) for driver in drivers)

    def check(node: NodeInfo) -> Status | None:
        limits = limits_of(view, node)
        if not any(driver in limits for driver, _ in wanted):
            return None
        used = {volume for pod in attempt.pods_on(node.name) for volume in volumes_of(view, pod)}
        attached = used | _attached(view, node.name)
        have = Counter(driver for driver, _ in attached)
        more = Counter(driver for driver, _ in wanted - used)
        full = any(have[driver] + count > limits[driver] for driver, count in more.items() if driver in limits)
        return EXCEEDED if full else None

    return Partly(check, accepted=unlimited)


def _limited(view: View, lineup: Lineup, driver: str) -> Nodes:
    """The nodes that say how many volumes of the driver they can take."""
    said = lineup.named(view.group("csinodes_by_limit", driver))
    return said | lineup.offering(IN_ALLOCATABLE + driver) if view.rules.volume_limits_in_allocatable else said


def _wanted(attempt: Attempt) -> set[Unique] | Status:
    """The CSI volumes of the attempt's pod, or what is wrong with a claim of it."""
    view, pod = attempt.view, attempt.pod
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            name = volume.persistent_volume_claim.claim_name or ""
        elif volume.ephemeral is not None:
            name = f"{pod.metadata.name}-{volume.name}"
        else:
            continue
        claim = view.persistent_volume_claims.get(f"{pod.metadata.namespace}/{name}")
        if claim is None:
            space = pod.metadata.namespace
            return unresolvable(f'looking up PVC {space}/{name}: persistentvolumeclaims "{name}" not found')
        if volume.ephemeral is not None and not _belongs_to(claim, pod):
            return Status(Code.ERROR, (f"PVC {claim.key} was not created for pod {pod.key} (pod is not owner)",))
    return volumes_of(view, pod)


def _belongs_to(claim: PersistentVolumeClaim, pod: Pod) -> bool:
    return any(each.controller and each.uid == pod.metadata.uid for each in claim.metadata.owner_references)


def limits_of(view: View, node: NodeInfo) -> dict[str, int]:
    """How many volumes of each driver the node can take; a driver that is not in it has no limit."""
    found: CSINode | None = view.get("csinodes", node.name)
    limits: dict[str, int] = {}
    if view.rules.volume_limits_in_allocatable:
        limits = {
            name.removeprefix(IN_ALLOCATABLE): amount
            for name, amount in node.facts.allocatable.items()
            if name.startswith(IN_ALLOCATABLE)
        }
    for driver in found.spec.drivers if found is not None else ():
        if driver.allocatable is not None and driver.allocatable.count is not None:
            limits[driver.name or ""] = driver.allocatable.count
    return limits


def volumes_of(view: View, pod: Pod) -> set[Unique]:
    """The CSI volumes that a pod uses."""
    found = set()
    for key in claim_keys_of(pod):
        claim = view.persistent_volume_claims.get(key)
        unique = _volume_of(view, claim) if claim is not None else None
        if unique is not None:
            found.add(unique)
    return found


def _volume_of(view: View, claim: PersistentVolumeClaim) -> Unique | None:
    """The CSI volume of a claim; where it has none yet, one that its class would make."""
    volume: PersistentVolume | None = view.persistent_volumes.get(claim.spec.volume_name or "")
    if volume is not None:
        csi = volume.spec.csi
        return (csi.driver or "", csi.volume_handle or "") if csi is not None else None
    found = view.storage_classes.get(claim_class(claim))
    return (found.provisioner or "", f"-{claim.key}") if found is not None else None


def _attached(view: View, node: str) -> set[Unique]:
    """The CSI volumes that are attached to the node, or are to be."""
    if not view.rules.volume_attachments_are_counted:
        return set()
    found = set()
    for name in view.group("attachments_by_node", node):
        attachment: VolumeAttachment = view.table("volumeattachments")[name]
        volume = view.persistent_volumes.get(attachment.spec.source.persistent_volume_name or "")
        if attachment.spec.attacher and volume is not None and volume.spec.csi is not None:
            found.add((attachment.spec.attacher, volume.spec.csi.volume_handle or ""))
    return found


# -- what may help -----------------------------------------------------------------------------------------------------
def csi_node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A new CSINode, or one that can take more volumes of some driver."""
    before, after = change.before, change.after
    if after is None or before is None:
        return after is not None
    old, new = _counts(before), _counts(after)
    return any(count > old.get(driver, 0) for driver, count in new.items())


def _counts(node: CSINode) -> dict[str, int]:
    return {
        driver.name or "": (driver.allocatable.count or 0) if driver.allocatable is not None else 0
        for driver in node.spec.drivers
    }


def pod_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A pod with claims that has gone."""
    return pod_has_gone(view, change, pod) and bool(claim_keys_of(change.before))


def claim_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A claim of the pod that is new."""
    return change.before is None and change.key in claim_keys_of(pod)


def attachment_may_help(view: View, change: Change, pod: Pod) -> bool:
    """An attachment that is gone, for a pod with claims."""
    return change.after is None and bool(claim_keys_of(pod))


PLUGIN = Plugin(
    name="NodeVolumeLimits",
    pre_filter=pre_filter,
    wakes={
        "csinodes": csi_node_may_help,
        "pods": pod_may_help,
        "persistentvolumeclaims": claim_may_help,
        "volumeattachments": attachment_may_help,
    },
)
