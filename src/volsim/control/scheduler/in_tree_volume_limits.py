"""EBSLimits, GCEPDLimits, AzureDiskLimits: a node takes only so many disks of a cloud, before CSI drivers counted them.

Modelled: disks named in pods and by their claims' volumes, each counted once; claims without a volume count for their
class's provisioner; the limits that a node reports, or else the clouds' own; nodes whose plugin has moved to CSI.
Not modelled: KUBE_MAX_PD_VOLS; CinderLimits, which no default profile has.
Source: kube-scheduler before 1.31, plugins/nodevolumelimits/non_csi.go; pkg/volume/util/attach_limit.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from volsim.control.scheduler.framework import Attempt, Filter, Plugin, Status, pod_has_gone, rejected
from volsim.control.scheduler.node_facts import NodeFacts, NodeInfo
from volsim.objects import CSINode, PersistentVolumeClaim, Pod
from volsim.state import Change, View, claim_keys_of

__all__ = ["AZURE_DISK", "EBS", "GCE_PD"]

EXCEEDED = rejected("node(s) exceed max volume count")
MIGRATED = "storage.alpha.kubernetes.io/migrated-plugins"
"""On a CSINode: the in-tree plugins that have moved to CSI drivers there."""


class Disks(NamedTuple):
    """One kind of disk."""

    name_of: Callable[[Any], str | None]
    """The disk's name, from a volume of a pod or from the spec of a persistent volume; None for anything else."""
    provisioner: str
    resource: str
    """Under this name a node reports how many it can take."""
    limit: Callable[[NodeFacts], int]
    """How many a node can take that does not report it."""


def disks_of(view: View, pod: Pod, kind: Disks) -> set[str]:
    """The names of the pod's disks of this kind; a disk that is yet to be made is named after its claim."""
    found = {name for volume in pod.spec.volumes if (name := kind.name_of(volume)) is not None}
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is None:
            continue
        key = f"{pod.metadata.namespace}/{volume.persistent_volume_claim.claim_name}"
        claim: PersistentVolumeClaim | None = view.persistent_volume_claims.get(key)
        bound = view.persistent_volumes.get(claim.spec.volume_name or "") if claim is not None else None
        if bound is not None:
            name = kind.name_of(bound.spec)
            found |= {name} if name is not None else set()
        elif claim is not None:
            storage_class = view.storage_classes.get(claim.spec.storage_class_name or "")
            if storage_class is not None and storage_class.provisioner == kind.provisioner:
                found.add(f"-{key}")
    return found


def pre_filter(kind: Disks, attempt: Attempt) -> Filter | None:
    """The filter; none for a pod without such disks."""
    view = attempt.view
    wanted = disks_of(view, attempt.pod, kind) if attempt.rules.in_tree_volumes_are_counted else set()
    if not wanted:
        return None

    def check(node: NodeInfo) -> Status | None:
        if _has_moved(view.get("csinodes", node.name), kind):
            return None
        used = {name for pod in attempt.pods_on(node.name) for name in disks_of(view, pod, kind)}
        limit = node.facts.allocatable.get(kind.resource)
        return EXCEEDED if len(used | wanted) > (kind.limit(node.facts) if limit is None else limit) else None

    return check


def _has_moved(node: CSINode | None, kind: Disks) -> bool:
    moved = node.metadata.annotations.get(MIGRATED, "") if node is not None else ""
    return kind.provisioner in moved.split(",")


# -- the clouds --------------------------------------------------------------------------------------------------------
_NITRO = re.compile(r"[cmr]5.*|t3|z1d")


def _ebs_limit(facts: NodeFacts) -> int:
    """39, or 25 for machines on which network cards count as well."""
    labels = facts.labels
    machine = labels.get("beta.kubernetes.io/instance-type") or labels.get("node.kubernetes.io/instance-type") or ""
    return 25 if _NITRO.match(machine) else 39


def _ebs(source: Any) -> str | None:
    disk = source.aws_elastic_block_store
    return disk.volume_id or "" if disk is not None else None


def _gce_pd(source: Any) -> str | None:
    disk = source.gce_persistent_disk
    return disk.pd_name or "" if disk is not None else None


def _azure_disk(source: Any) -> str | None:
    disk = source.azure_disk
    return disk.disk_name or "" if disk is not None else None


# -- the plugins -------------------------------------------------------------------------------------------------------
def claim_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A claim of the pod that is new or changed."""
    return change.after is not None and change.key in claim_keys_of(pod)


def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A new node, or one that says otherwise what it can take."""
    before, after = change.before, change.after
    return after is not None and (before is None or before.status.allocatable != after.status.allocatable)


def _plugin(name: str, kind: Disks) -> Plugin:
    return Plugin(
        name=name,
        pre_filter=partial(pre_filter, kind),
        wakes={"pods": pod_has_gone, "persistentvolumeclaims": claim_may_help, "nodes": node_may_help},
    )


EBS = _plugin("EBSLimits", Disks(_ebs, "kubernetes.io/aws-ebs", "attachable-volumes-aws-ebs", _ebs_limit))
GCE_PD = _plugin("GCEPDLimits", Disks(_gce_pd, "kubernetes.io/gce-pd", "attachable-volumes-gce-pd", lambda facts: 16))
AZURE_DISK = _plugin(
    "AzureDiskLimits",
    Disks(_azure_disk, "kubernetes.io/azure-disk", "attachable-volumes-azure-disk", lambda facts: 16),
)
