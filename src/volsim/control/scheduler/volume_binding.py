"""VolumeBinding: a pod goes where its claims' volumes are or can be, and claims that waited for it are bound first.

Modelled: claims that are missing, lost, being deleted, of another pod, or unbound though binding is immediate; the node
affinity of bound volumes; for claims that wait for their first consumer the smallest volumes that the node reaches, the
smallest claim first, or else provisioning where the class's allowedTopologies and the storage capacity permit it.
Not modelled: CSI migration of in-tree volumes; StorageCapacityScoring (an alpha feature).
Source: kube-scheduler, plugins/volumebinding/{volume_binding,binder}.go; before 1.19, pkg/controller/volume/scheduling.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from volsim.control.persistent_volume.matching import smallest_match
from volsim.control.scheduler.framework import (
    Attempt,
    Code,
    Filter,
    Plugin,
    Status,
    unresolvable,
)
from volsim.control.scheduler.node_facts import NodeFacts, NodeInfo
from volsim.objects import CSIDriver, CSIStorageCapacity, PersistentVolume, PersistentVolumeClaim, Pod, Volume
from volsim.objects.binding import BIND_COMPLETED, SELECTED_NODE, claim_class, reaches, requested_storage, volume_class
from volsim.rules import Rules
from volsim.state import Change, View, claim_keys_of

__all__ = ["IMMEDIATE", "PLUGIN", "Claims", "Decision", "claims_of", "decisions", "is_bound", "reasons"]

IMMEDIATE = "pod has unbound immediate PersistentVolumeClaims"
BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
NO_SPACE = "node(s) did not have enough free storage"
NO_PROVISIONER = "kubernetes.io/no-provisioner"

MOST_DECISIONS = 16
"""How many ways to bind a pod's claims on one node are offered for a choice, where volumes are equally good."""


def is_bound(claim: PersistentVolumeClaim) -> bool:
    """Whether the binder has finished with the claim.

    >>> is_bound(PersistentVolumeClaim())
    False
    """
    return bool(claim.spec.volume_name) and BIND_COMPLETED in claim.metadata.annotations


def node_conflict(rules: Rules) -> str:
    """What is said of a node that cannot reach a bound volume, in the words of the version."""
    if rules.volume_affinity_in_reason:
        return "node(s) didn't match PersistentVolume's node affinity"
    return "node(s) had volume node affinity conflict"


def volume_gone(rules: Rules) -> str:
    """What is said of every node where a bound claim's volume does not exist."""
    if rules.lost_claim_is_noticed:
        return "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
    return "pvc(s) bound to non-existent pv(s)"


# -- the pod's claims --------------------------------------------------------------------------------------------------
class Claims(NamedTuple):
    """The claims of a pod."""

    bound: list[PersistentVolumeClaim]
    delayed: list[PersistentVolumeClaim]
    """Those that wait for their first consumer."""
    immediate: list[PersistentVolumeClaim]
    """Those that should have been bound already."""


def claims_of(view: View, pod: Pod) -> Claims | Status:
    """The claims of a pod, or what is wrong with one of them."""
    found = Claims([], [], [])
    for volume in pod.spec.volumes:
        name = _claim_name(pod, volume)
        if name is None:
            continue
        claim = view.persistent_volume_claims.get(f"{pod.metadata.namespace}/{name}")
        problem = _problem(pod, volume, name, claim, view.rules)
        if problem is not None:
            return unresolvable(problem)
        assert claim is not None
        if is_bound(claim):
            found.bound.append(claim)
            continue
        delayed = _delays_binding(view, claim)
        if delayed is None:
            return Status(Code.ERROR, (f'VolumeBindingMode not set for StorageClass "{claim_class(claim)}"',))
        (found.delayed if delayed and not claim.spec.volume_name else found.immediate).append(claim)
    return found


def _claim_name(pod: Pod, volume: Volume) -> str | None:
    if volume.persistent_volume_claim is not None:
        return volume.persistent_volume_claim.claim_name or ""
    return f"{pod.metadata.name}-{volume.name}" if volume.ephemeral is not None else None


def _problem(
    pod: Pod, volume: Volume, name: str, claim: PersistentVolumeClaim | None, rules: Rules
) -> str | None:
    """Why the pod cannot be placed with this claim of its, wherever; None if it can."""
    if claim is None:
        if volume.ephemeral is not None:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        return f'persistentvolumeclaim "{name}" not found'
    if claim.status.phase == "Lost" and rules.lost_claim_is_noticed:
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{claim.spec.volume_name}"'
    if claim.metadata.deletion_timestamp is not None:
        return f'persistentvolumeclaim "{name}" is being deleted'
    owners = claim.metadata.owner_references
    if volume.ephemeral is not None and not any(each.controller and each.uid == pod.metadata.uid for each in owners):
        return f"PVC {claim.key} was not created for pod {pod.key} (pod is not owner)"
    return None


def _delays_binding(view: View, claim: PersistentVolumeClaim) -> bool | None:
    """Whether the claim's class waits for a consumer; None if the class does not say."""
    found = view.storage_classes.get(claim_class(claim))
    if found is None:
        return False
    return None if found.volume_binding_mode is None else found.volume_binding_mode == "WaitForFirstConsumer"


# -- one node ----------------------------------------------------------------------------------------------------------
class Decision(NamedTuple):
    """How the claims that waited are to get their volumes on a node."""

    bindings: tuple[tuple[PersistentVolumeClaim, PersistentVolume], ...] = ()
    provisions: tuple[PersistentVolumeClaim, ...] = ()


def decisions(view: View, claims: Claims, node: NodeFacts) -> tuple[list[Decision], list[str]]:
    """The ways to serve the delayed claims on the node, equally good ones, and why there is none.

    Claims that fit no volume are to be provisioned; there are several ways where volumes are equally good.
    """
    chosen_before = [claim for claim in claims.delayed if SELECTED_NODE in claim.metadata.annotations]
    if any(claim.metadata.annotations[SELECTED_NODE] != node.name for claim in chosen_before):
        return [], [BIND_CONFLICT]
    rest = [claim for claim in claims.delayed if SELECTED_NODE not in claim.metadata.annotations]
    ways = [Decision((), tuple(chosen_before))]
    for claim in sorted(rest, key=requested_storage):
        ways = [after for before in ways for after in _served(view, before, claim, node)]
        ways = list(islice(ways, MOST_DECISIONS))
    possible = []
    problems: list[str] = []
    for way in ways:
        problem = _provisioning_problem(view, way.provisions, node)
        if problem is None:
            possible.append(way)
        else:
            problems.append(problem)
    return possible, [] if possible else problems[:1]


def _served(view: View, before: Decision, claim: PersistentVolumeClaim, node: NodeFacts) -> list[Decision]:
    """A decision with one more claim: bound to one of the volumes that fit best, or to be provisioned."""
    taken = {volume.metadata.name or "" for _, volume in before.bindings}
    volumes = smallest_match(view, claim, node.labels, taken)
    if not volumes:
        return [before._replace(provisions=(*before.provisions, claim))]
    return [before._replace(bindings=(*before.bindings, (claim, volume))) for volume in volumes]


def _provisioning_problem(
    view: View, claims: tuple[PersistentVolumeClaim, ...], node: NodeFacts
) -> str | None:
    """Why volumes cannot be made for these claims where the node reaches them; None if they can."""
    for claim in claims:
        found = view.storage_classes.get(claim_class(claim))
        if found is None or found.provisioner in (None, "", NO_PROVISIONER):
            return BIND_CONFLICT
        topologies = found.allowed_topologies
        if topologies and not any(each.matches(node.labels) for each in topologies):
            return BIND_CONFLICT
        if not _has_space(view, found.provisioner or "", claim, node):
            return NO_SPACE
    return None


def _has_space(view: View, provisioner: str, claim: PersistentVolumeClaim, node: NodeFacts) -> bool:
    """Whether the driver says that it has enough; one that does not report its capacity is believed to."""
    driver: CSIDriver | None = view.get("csidrivers", provisioner)
    asked = claim.spec.resources.requests.get("storage")
    if asked is None or driver is None or not driver.spec.storage_capacity:
        return True
    for key in view.group("capacities_by_class", claim_class(claim)):
        capacity: CSIStorageCapacity = view.table("csistoragecapacities")[key]
        limit = capacity.maximum_volume_size if capacity.maximum_volume_size is not None else capacity.capacity
        topology = capacity.node_topology
        if limit is not None and limit >= asked and topology is not None and topology.matches(node.labels):
            return True
    return False


# -- the plugin --------------------------------------------------------------------------------------------------------
def pre_filter(attempt: Attempt) -> Filter | Status | None:
    """The filter; none where every node will do, and a refusal where a claim is not as it should be."""
    view = attempt.view
    claims = claims_of(view, attempt.pod)
    if isinstance(claims, Status):
        return claims
    if claims.immediate:
        return unresolvable(IMMEDIATE)
    volumes, gone = _bound_volumes(view, claims)
    if not volumes and not gone and not claims.delayed:
        return None
    rules = attempt.rules

    def check(node: NodeInfo) -> Status | None:
        found = reasons(view, claims, volumes, gone, node.facts, rules)
        return unresolvable(*found) if found else None

    return check


def _bound_volumes(view: View, claims: Claims) -> tuple[list[PersistentVolume], bool]:
    """The volumes of the bound claims that are not reached from everywhere, up to one that is gone; whether one is."""
    volumes = []
    for claim in claims.bound:
        volume = view.persistent_volumes.get(claim.spec.volume_name or "")
        if volume is None:
            return volumes, True
        if volume.spec.node_affinity is not None:
            volumes.append(volume)
    return volumes, False


def reasons(
    view: View, claims: Claims, volumes: list[PersistentVolume], gone: bool, node: NodeFacts, rules: Rules
) -> list[str]:
    """Why the pod's volumes cannot be had on the node; empty if they can."""
    found = []
    if not all(reaches(volume, node.labels) for volume in volumes):
        found.append(node_conflict(rules))
    elif gone:
        found.append(volume_gone(rules))
    return found + (decisions(view, claims, node)[1] if claims.delayed else [])


# -- what may help -----------------------------------------------------------------------------------------------------
def claim_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A claim of the pod that is new or changed."""
    return change.after is not None and change.key in claim_keys_of(pod)


def is_there(view: View, change: Change, pod: Pod) -> bool:
    """Anything that is new or changed."""
    return change.after is not None


def volume_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A volume that a claim of the pod is bound to, or that one might get which waits for its first consumer."""
    volume: PersistentVolume | None = change.after
    if volume is None:
        return False
    for key in claim_keys_of(pod):
        claim = view.persistent_volume_claims.get(key)
        if claim is None:
            continue
        if claim.spec.volume_name:
            if claim.spec.volume_name == change.key:
                return True
        elif claim_class(claim) == volume_class(volume) and _delays_binding(view, claim):
            return True
    return False


def class_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A new class, or one with other allowed topologies."""
    before, after = change.before, change.after
    return after is not None and (before is None or before.allowed_topologies != after.allowed_topologies)


def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A new node, or one with other labels."""
    before, after = change.before, change.after
    return after is not None and (before is None or before.metadata.labels != after.metadata.labels)


PLUGIN = Plugin(
    name="VolumeBinding",
    pre_filter=pre_filter,
    wakes={
        "persistentvolumeclaims": claim_may_help,
        "persistentvolumes": volume_may_help,
        "storageclasses": class_may_help,
        "nodes": node_may_help,
        "csinodes": is_there,
        "csidrivers": is_there,
        "csistoragecapacities": is_there,
    },
)
