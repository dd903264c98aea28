"""VolumeRestrictions: what two pods cannot use at the same time.

Modelled: GCE disks, EBS disks, iSCSI targets and RBD images named in pods; claims with ReadWriteOncePod.
Not modelled: nothing known.
Source: kube-scheduler, plugins/volumerestrictions/volume_restrictions.go.
"""

from __future__ import annotations

from volsim.control.scheduler.framework import (
    Attempt,
    Filter,
    Known,
    Plugin,
    Status,
    pod_has_gone,
    rejected,
    unresolvable,
)
from volsim.control.scheduler.node_facts import NodeInfo
from volsim.objects import Pod, Volume
from volsim.rules import Rules
from volsim.state import Change, View

__all__ = ["PLUGIN"]

DISK_CONFLICT = rejected("node(s) had no available disk")


def claim_names(pod: Pod) -> list[str]:
    """The names of the claims that the pod's volumes name, without those of generic ephemeral volumes."""
    return [
        each.persistent_volume_claim.claim_name or ""
        for each in pod.spec.volumes
        if each.persistent_volume_claim is not None
    ]


def _is_restricted(volume: Volume) -> bool:
    return bool(volume.gce_persistent_disk or volume.aws_elastic_block_store or volume.iscsi or volume.rbd)


def conflict(mine: Volume, other: Volume) -> bool:
    """Whether the two are one disk that two pods cannot share: unless both only read, and an EBS disk never.

    >>> from volsim.objects import AWSElasticBlockStoreVolumeSource
    >>> disk = Volume(aws_elastic_block_store=AWSElasticBlockStoreVolumeSource(volume_id="v", read_only=True))
    >>> conflict(disk, disk), conflict(disk, Volume())
    (True, False)
    """
    if mine.aws_elastic_block_store is not None and other.aws_elastic_block_store is not None:
        return mine.aws_elastic_block_store.volume_id == other.aws_elastic_block_store.volume_id
    if mine.gce_persistent_disk is not None and other.gce_persistent_disk is not None:
        gce, disk = mine.gce_persistent_disk, other.gce_persistent_disk
        return gce.pd_name == disk.pd_name and not (gce.read_only and disk.read_only)
    if mine.iscsi is not None and other.iscsi is not None:
        return mine.iscsi.iqn == other.iscsi.iqn and not (mine.iscsi.read_only and other.iscsi.read_only)
    if mine.rbd is not None and other.rbd is not None:
        rbd, image = mine.rbd, other.rbd
        same = (rbd.pool, rbd.image) == (image.pool, image.image) and bool(set(rbd.monitors) & set(image.monitors))
        return same and not (rbd.read_only and image.read_only)
    return False


def _disks_conflict(pod: Pod, other: Pod) -> bool:
    return any(conflict(mine, its) for mine in pod.spec.volumes for its in other.spec.volumes)


def in_use(rules: Rules) -> Status:
    """What is said where another pod uses a claim with ReadWriteOncePod."""
    if rules.read_write_once_pod_reason_names_nodes:
        return rejected(
            "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by "
            "another pod"
        )
    return rejected("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode")


def pre_filter(attempt: Attempt) -> Filter | Known | Status | None:
    """The filter; none for a pod without restricted disks whose claims nobody else uses alone."""
    pod, rules = attempt.pod, attempt.rules
    disks = any(map(_is_restricted, pod.spec.volumes))
    used = False
    if rules.read_write_once_pod:
        for name in claim_names(pod):
            key = f"{pod.metadata.namespace}/{name}"
            claim = attempt.view.persistent_volume_claims.get(key)
            if claim is None:
                return unresolvable(f'persistentvolumeclaim "{name}" not found')
            if "ReadWriteOncePod" in claim.spec.access_modes:
                used = used or next(attempt.placed(attempt.view.group("pods_by_claim", key)), None) is not None
    if not disks and not used:
        return None
    taken = in_use(rules)

    def check(node: NodeInfo) -> Status | None:
        if disks and any(_disks_conflict(pod, other) for other in attempt.pods_on(node.name)):
            return DISK_CONFLICT
        return taken if used else None

    return check if disks else Known(check, lambda lineup: [(taken, lineup.every)])


# -- what may help -----------------------------------------------------------------------------------------------------
def pod_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A pod that has gone and had one of this one's disks or claims."""
    gone = change.before
    if not pod_has_gone(view, change, pod) or gone.metadata.namespace != pod.metadata.namespace:
        return False
    return _disks_conflict(pod, gone) or bool(set(claim_names(pod)) & set(claim_names(gone)))


def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A new node."""
    return change.before is None


def claim_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A claim of the pod that is new."""
    namespace, _, name = change.key.partition("/")
    return change.before is None and namespace == pod.metadata.namespace and name in claim_names(pod)


PLUGIN = Plugin(
    name="VolumeRestrictions",
    pre_filter=pre_filter,
    wakes={"pods": pod_may_help, "nodes": node_may_help, "persistentvolumeclaims": claim_may_help},
)
