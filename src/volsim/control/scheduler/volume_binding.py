"""VolumeBinding: a pod goes where its claims' volumes are or can be, and claims that waited for it are bound first.

Modelled: claims that are missing, lost, being deleted, of another pod, or unbound though binding is immediate; the node
affinity of bound volumes; for claims that wait for their first consumer the smallest volumes that the node reaches, the
smallest claim first, or else provisioning where the class's allowedTopologies and the storage capacity permit it.
Not modelled: CSI migration of in-tree volumes; StorageCapacityScoring (an alpha feature).
Source: kube-scheduler, plugins/volumebinding/{volume_binding,binder}.go; before 1.19, pkg/controller/volume/scheduling.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import islice
from operator import and_
from typing import NamedTuple

from volsim.control.persistent_volume.matching import candidates
from volsim.control.scheduler.framework import (
    Attempt,
    Code,
    Known,
    Partly,
    Plugin,
    Status,
    unresolvable,
)
from volsim.control.scheduler.lineup import Lineup, Nodes, union
from volsim.control.scheduler.node_facts import NodeFacts, NodeInfo
from volsim.control.scheduler.volume_candidates import MOST_EQUAL, Candidates, affinities_of
from volsim.objects import (
    CSIDriver,
    CSIStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    TopologySelectorTerm,
    Volume,
)
from volsim.objects.binding import BIND_COMPLETED, SELECTED_NODE, claim_class, reaches, requested_storage, volume_class
from volsim.quantity import Quantity
from volsim.rules import Rules
from volsim.state import Change, View, claim_keys_of

__all__ = ["BIND_CONFLICT", "IMMEDIATE", "NO_SPACE", "PLUGIN", "Decision", "common_decision", "is_bound", "ways"]

NAME = "VolumeBinding"
IMMEDIATE = "pod has unbound immediate PersistentVolumeClaims"
BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
NO_SPACE = "node(s) did not have enough free storage"
NO_PROVISIONER = "kubernetes.io/no-provisioner"


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


def _problem(pod: Pod, volume: Volume, name: str, claim: PersistentVolumeClaim | None, rules: Rules) -> str | None:
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


NO_CHOICE = Decision()
"""For a pod without claims that wait."""


class Delayed:
    """The claims of a pod that wait for their first consumer, and what they could get: looked up once for all nodes."""

    def __init__(self, view: View, claims: Sequence[PersistentVolumeClaim]) -> None:
        self._view = view
        self._selected = {node for claim in claims if (node := claim.metadata.annotations.get(SELECTED_NODE))}
        """The nodes that were selected in an earlier attempt: volumes may be being made there."""
        self._to_provision: list[PersistentVolumeClaim] = []
        self._to_bind: list[tuple[PersistentVolumeClaim, Candidates]] = []
        for claim in sorted(claims, key=requested_storage):
            found = [] if SELECTED_NODE in claim.metadata.annotations else candidates(view, claim)
            if found:
                self._to_bind.append((claim, Candidates(found)))
            else:
                self._to_provision.append(claim)
        self._provisioning = {claim.key: Provisioning.of(view, claim) for claim in claims}

    @property
    def common(self) -> Decision | None:
        """The decision on every node that will do, if there is nothing to choose."""
        return None if self._to_bind else Decision((), tuple(self._to_provision))

    @property
    def is_one(self) -> bool:
        """Whether there is only one claim."""
        return len(self._provisioning) == 1

    def refused(self, lineup: Lineup) -> list[tuple[str, Nodes]]:
        """The nodes on which some claim cannot be served by itself, and why; if there is only one claim, that is all.

        What several claims take from each other is seen only where one asks about a node.
        """
        elsewhere = lineup.every if len(self._selected) > 1 else lineup.every & ~lineup.named(self._selected)
        found = {BIND_CONFLICT: elsewhere if self._selected else 0, NO_SPACE: 0}
        reached = [(claim, volumes.reached(lineup)) for claim, volumes in self._to_bind]
        for claim, nodes in (*((claim, 0) for claim in self._to_provision), *reached):
            if nodes != lineup.every:
                for why, refused in self._provisioning[claim.key].refused(self._view, lineup):
                    found[why] |= refused & ~nodes & ~found[BIND_CONFLICT]
        return list(found.items())

    def decisions(self, node: NodeFacts, most: int = MOST_EQUAL) -> list[Decision] | str:
        """The ways to serve the claims on the node, equally good ones, at most so many; or why there is none.

        The smallest claim chooses first; a claim that fits no volume is to be provisioned.
        """
        if any(name != node.name for name in self._selected):
            return BIND_CONFLICT
        ways = [Decision((), tuple(self._to_provision))]
        for claim, volumes in self._to_bind:
            ways = list(islice((way for each in ways for way in _served(each, claim, volumes, node, most)), most))
        problem = ""
        possible = []
        for way in ways:
            problems = (self._provisioning[claim.key].problem(self._view, node) for claim in way.provisions)
            why = next(filter(None, problems), None)
            if why is None:
                possible.append(way)
            problem = problem or why or ""
        return possible or problem


class Provisioning(NamedTuple):
    """Whether a volume can be made for a claim: what depends on the node, and what does not."""

    claim: PersistentVolumeClaim
    possible: bool
    """Its class names somebody who makes volumes."""
    topologies: tuple[TopologySelectorTerm, ...] = ()
    capacities: tuple[str, ...] | None = None
    """What its driver has left: keys of CSIStorageCapacities; None if the driver does not report that."""

    @classmethod
    def of(cls, view: View, claim: PersistentVolumeClaim) -> Provisioning:
        """What can be known of a claim before a node is."""
        found = view.storage_classes.get(claim_class(claim))
        if found is None or found.provisioner in (None, "", NO_PROVISIONER):
            return cls(claim, False)
        driver: CSIDriver | None = view.get("csidrivers", found.provisioner or "")
        tracked = driver is not None and driver.spec.storage_capacity and "storage" in claim.spec.resources.requests
        capacities = tuple(view.group("capacities_by_class", claim_class(claim))) if tracked else None
        return cls(claim, True, found.allowed_topologies, capacities)

    def problem(self, view: View, node: NodeFacts) -> str | None:
        """Why no volume can be made where the node reaches it; None if one can."""
        if not self.possible:
            return BIND_CONFLICT
        if self.topologies and not any(each.matches(node.labels) for each in self.topologies):
            return BIND_CONFLICT
        if self.capacities is None:
            return None
        table, asked = view.table("csistoragecapacities"), self.claim.spec.resources.requests["storage"]
        return None if any(_suffices(table[key], asked, node) for key in self.capacities) else NO_SPACE

    def refused(self, view: View, lineup: Lineup) -> list[tuple[str, Nodes]]:
        """The nodes that could not reach a volume if one were made, and why."""
        if not self.possible:
            return [(BIND_CONFLICT, lineup.every)]
        within = union(map(lineup.within, self.topologies)) if self.topologies else lineup.every
        found = [(BIND_CONFLICT, lineup.every & ~within)]
        if self.capacities is not None:
            table, asked = view.table("csistoragecapacities"), self.claim.spec.resources.requests["storage"]
            enough = (table[key].node_topology for key in self.capacities if _has(table[key], asked))
            space = union(lineup.selected(topology) for topology in enough if topology is not None)
            found.append((NO_SPACE, within & ~space))
        return found


def _has(capacity: CSIStorageCapacity, asked: Quantity) -> bool:
    """Whether a volume of this size can still be made in the capacity's topology."""
    limit = capacity.maximum_volume_size if capacity.maximum_volume_size is not None else capacity.capacity
    return limit is not None and limit >= asked


def _suffices(capacity: CSIStorageCapacity, asked: Quantity, node: NodeFacts) -> bool:
    """Whether a volume of this size can still be made in a topology that the node is in."""
    topology = capacity.node_topology
    return _has(capacity, asked) and topology is not None and topology.matches(node.labels)


def _served(
    before: Decision, claim: PersistentVolumeClaim, volumes: Candidates, node: NodeFacts, most: int
) -> Iterator[Decision]:
    """A decision with one more claim: bound to one of the volumes that fit best, or to be provisioned."""
    taken = [volume.metadata.name or "" for _, volume in before.bindings]
    found = volumes.best(node.labels, taken, most)
    if not found:
        yield before._replace(provisions=(*before.provisions, claim))
    for volume in found:
        yield before._replace(bindings=(*before.bindings, (claim, volume)))


def common_decision(attempt: Attempt) -> Decision | None:
    """How the claims of the attempt's pod are served on whatever node; None if that depends on the node."""
    delayed: Delayed | None = attempt.found.get(NAME)
    return NO_CHOICE if delayed is None else delayed.common


def ways(attempt: Attempt, node: str, most: int = MOST_EQUAL) -> list[Decision]:
    """The ways to serve the claims of the attempt's pod on a node that has passed the filter, at most so many."""
    common = common_decision(attempt)
    if common is not None:
        return [common]
    delayed: Delayed = attempt.found[NAME]
    found = delayed.decisions(attempt.lineup.facts(node), most)
    assert not isinstance(found, str), "the filter would have refused the node"
    return found


# -- the plugin --------------------------------------------------------------------------------------------------------
def pre_filter(attempt: Attempt) -> Known | Partly | Status | None:
    """The filter; none where every node will do, and a refusal where a claim is not as it should be."""
    view = attempt.view
    claims = claims_of(view, attempt.pod)
    if isinstance(claims, Status):
        return claims
    if claims.immediate:
        return unresolvable(IMMEDIATE)
    volumes, gone = _bound_volumes(view, claims.bound)
    if not volumes and not gone and not claims.delayed:
        return None
    delayed = attempt.found[NAME] = Delayed(view, claims.delayed) if claims.delayed else None
    rules = attempt.rules

    def check(node: NodeInfo) -> Status | None:
        found = []
        if not all(reaches(volume, node.labels) for volume in volumes):
            found.append(node_conflict(rules))
        elif gone:
            found.append(volume_gone(rules))
        served = delayed.decisions(node.facts) if delayed is not None else None
        if isinstance(served, str):
            found.append(served)
        return unresolvable(*found) if found else None

    def refused(lineup: Lineup) -> Iterator[tuple[Status, Nodes]]:
        reached = reduce(and_, (lineup.matching(each, by_name=False) for each in affinities_of(volumes)), lineup.every)
        bound = [(node_conflict(rules), lineup.every & ~reached)]
        if gone:
            bound.append((volume_gone(rules), reached))
        unserved = delayed.refused(lineup) if delayed is not None else []
        yield from _combined(bound, unserved)

    if delayed is None or delayed.is_one:
        return Known(check, refused)
    return Partly(check, lambda lineup: union(nodes for _, nodes in refused(lineup)))


def _combined(some: Sequence[tuple[str, Nodes]], others: Sequence[tuple[str, Nodes]]) -> Iterator[tuple[Status, Nodes]]:
    """The nodes that are in one of two lists of sets, or in both: then with both reasons."""
    in_some, in_others = union(nodes for _, nodes in some), union(nodes for _, nodes in others)
    for reason, nodes in some:
        yield unresolvable(reason), nodes & ~in_others
        for other, its in others:
            yield unresolvable(reason, other), nodes & its
    for other, its in others:
        yield unresolvable(other), its & ~in_some


def _bound_volumes(view: View, claims: Sequence[PersistentVolumeClaim]) -> tuple[list[PersistentVolume], bool]:
    """The volumes of the bound claims that are not reached from everywhere, up to one that is gone; whether one is."""
    volumes: list[PersistentVolume] = []
    for claim in claims:
        volume = view.persistent_volumes.get(claim.spec.volume_name or "")
        if volume is None:
            return volumes, True
        if volume.spec.node_affinity is not None:
            volumes.append(volume)
    return volumes, False


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
    name=NAME,
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
