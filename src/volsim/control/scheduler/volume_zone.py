"""VolumeZone: a volume whose labels name a zone or region can be used by nodes of that zone or region only.

Modelled: zone and region labels of bound volumes, the beta labels beside the final ones.
Not modelled: nothing known. (Volumes that CSI drivers make have node affinity instead of such labels.)
Source: kube-scheduler, plugins/volumezone/volume_zone.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from volsim.control.scheduler.framework import Attempt, Code, Known, Plugin, Status, unresolvable
from volsim.control.scheduler.lineup import Lineup, Nodes, union
from volsim.control.scheduler.node_facts import NodeInfo
from volsim.control.scheduler.volume_restrictions import claim_names
from volsim.objects import PersistentVolume, Pod
from volsim.objects.binding import claim_class
from volsim.rules import Rules
from volsim.state import Change, View

__all__ = ["PLUGIN", "topologies_of"]

CONFLICT = unresolvable("node(s) had no available volume zone")
FINAL = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
}
LABELS = (*FINAL, *FINAL.values())


class Topology(NamedTuple):
    """A label that a volume has, and the values of it that a node may have."""

    key: str
    values: frozenset[str]


def topologies_of(volume: PersistentVolume, rules: Rules) -> Iterator[Topology]:
    """What the volume's labels demand; several zones are separated by two underscores."""
    for key in LABELS if rules.volume_zone_knows_final_labels else FINAL:
        value = volume.metadata.labels.get(key)
        values = [each.strip() for each in value.split("__")] if value is not None else []
        if values and all(values):
            yield Topology(key, frozenset(values))


def pre_filter(attempt: Attempt) -> Known | Status | None:
    """The filter; none where no volume has such a label, and a refusal where that cannot be known."""
    found: list[Topology] = []
    for name in claim_names(attempt.pod):
        answer = _demands(attempt, name)
        if isinstance(answer, Status):
            return answer if attempt.rules.volume_zone_looks_first else _filter(found, answer)
        found += answer
    return _filter(found, None) if found else None


def _demands(attempt: Attempt, name: str) -> Status | list[Topology]:
    """What the volume of the pod's claim demands, or why that cannot be known."""
    view, rules = attempt.view, attempt.rules
    claim = view.persistent_volume_claims.get(f"{attempt.pod.metadata.namespace}/{name}")
    if claim is None:
        return unresolvable(f'persistentvolumeclaim "{name}" not found')
    if claim.spec.volume_name:
        volume = view.persistent_volumes.get(claim.spec.volume_name)
        if volume is None:
            return unresolvable(f'persistentvolume "{claim.spec.volume_name}" not found')
        return list(topologies_of(volume, rules))
    problem = _binding_mode_problem(view, claim_class(claim))
    if problem is None:
        return []
    return unresolvable(problem) if rules.volume_zone_refuses_unbound else Status(Code.ERROR, (problem,))


def _binding_mode_problem(view: View, name: str) -> str | None:
    """Why a claim without a volume cannot be passed over; None if its class waits for a consumer."""
    if not name:
        return "PersistentVolumeClaim had no pv name and storageClass name"
    found = view.storage_classes.get(name)
    if found is None:
        return f'storageclasses.storage.k8s.io "{name}" not found'
    if found.volume_binding_mode is None:
        return f'VolumeBindingMode not set for StorageClass "{name}"'
    return None if found.volume_binding_mode == "WaitForFirstConsumer" else "PersistentVolume had no name"


def _filter(demands: list[Topology], problem: Status | None) -> Known:
    """What a node of a zone must meet; beyond that there may be a problem with one of the claims."""

    def check(node: NodeInfo) -> Status | None:
        labels = node.labels
        if not any(label in labels for label in LABELS):
            return None  # a cluster without zones
        for key, values in demands:
            value = labels.get(key, labels.get(FINAL.get(key, key)))
            if value not in values:
                return CONFLICT
        return problem

    def refused(lineup: Lineup) -> Iterator[tuple[Status, Nodes]]:
        zoned = fit = union(map(lineup.having, LABELS))
        for key, values in demands:
            other = FINAL.get(key, key)  # counts where the node does not have the label itself
            fit &= lineup.labelled(key, values) | (lineup.labelled(other, values) & ~lineup.having(key))
        yield CONFLICT, zoned & ~fit
        if problem is not None:
            yield problem, fit

    return Known(check, refused)


# -- what may help -----------------------------------------------------------------------------------------------------
def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A new node, or one with other labels."""
    before, after = change.before, change.after
    return after is not None and (before is None or before.metadata.labels != after.metadata.labels)


def claim_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A claim of the pod that is new or changed."""
    namespace, _, name = change.key.partition("/")
    return change.after is not None and namespace == pod.metadata.namespace and name in claim_names(pod)


def volume_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A new volume, or one whose labels say something else."""
    before, after = change.before, change.after
    return after is not None and (
        before is None or list(topologies_of(before, view.rules)) != list(topologies_of(after, view.rules))
    )


def class_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A new class that waits for a consumer."""
    return change.before is None and change.after.volume_binding_mode == "WaitForFirstConsumer"


PLUGIN = Plugin(
    name="VolumeZone",
    pre_filter=pre_filter,
    wakes={
        "nodes": node_may_help,
        "persistentvolumeclaims": claim_may_help,
        "persistentvolumes": volume_may_help,
        "storageclasses": class_may_help,
    },
)
