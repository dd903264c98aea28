"""Replicas that are alike: where nothing counts them, two stand for all.

Each pod of a StatefulSet has claims of its own, and pods without a volume have none to share: with three of them or
with thirty the same can happen to each. Two show it, the one to which it happens and another that goes on or waits. A
disruption budget of theirs then allows two what it allows all: a disruption, or none.

Replicas stay as they are where their number matters: where they share storage that not all of them can have at once, or
a budget with others, where volumes are made by hand, where nodes are described (and may be too small or too few), where
pods are spread or an update keeps to a part of them.

>>> spec = {"replicas": 5, "template": {"metadata": {"labels": {"app": "web"}}}}
>>> objects = [{"kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec}]
>>> fewer(objects, None)
('StatefulSet/default/web: 2 of its 5 replicas are explored, for they are alike',)
>>> spec["replicas"]
2
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import Any

from volsim.checking.nodes import USUAL, wants_nodes_apart
from volsim.checking.workloads import WORKLOADS, Manifest, ref, selectors_of, template_of, volumes_of

__all__ = ["fewer"]

ENOUGH = 2
_ALIKE = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
_OWN = {
    *(
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ),
    *("azureFile", "cephfs", "glusterfs", "nfs"),
}
"""Volumes that each pod has for itself, or that any number of pods can have at once."""
_MANY = {"ReadWriteMany", "ReadOnlyMany"}


def fewer(objects: Sequence[Manifest], nodes: Any) -> tuple[str, ...]:
    """Leave two replicas of those workloads of which two show it all; what is said of it. `objects` are changed.

    `nodes` is what is said of the nodes.
    """
    kinds = {each["kind"] for each in objects}
    is_counted = nodes is None or (isinstance(nodes, int) and not isinstance(nodes, bool))
    if not is_counted or kinds & {"Node", "PersistentVolume", "ResourceQuota"}:
        return ()
    return tuple(_lessened(objects, nodes))


def _lessened(objects: Sequence[Manifest], nodes: int | None) -> Iterator[str]:
    shared = {_claim(each) for each in objects if each["kind"] == "PersistentVolumeClaim" and not _is_for_many(each)}
    for workload in objects:
        spec = workload.get("spec") or {}
        number = spec.get("replicas") or 1
        if workload["kind"] not in _ALIKE or number <= ENOUGH or _is_counted(workload, shared):
            continue
        if wants_nodes_apart(workload) and (nodes is not None or number <= USUAL):
            continue
        budgets = _budgets(workload, objects)
        others = [each for each in objects if each["kind"] in WORKLOADS and each is not workload]
        if any(budget in _budgets(other, objects) for other in others for budget in budgets):
            continue
        for budget in budgets:
            _lessen_budget(budget, number)
            allowed = budget["spec"]["maxUnavailable"]
            yield f"{_called(budget)}: has maxUnavailable: {allowed} for these, as many as it allows of all, or 1"
        spec["replicas"] = ENOUGH
        if workload["kind"] == "Deployment":
            _keep_limits(spec, number)
        yield f"{_called(workload)}: {ENOUGH} of its {number} replicas are explored, for they are alike"


def _called(workload: Manifest) -> str:
    """As it is called when everything has its namespace."""
    return ref({**workload, "metadata": {"namespace": "default", **workload["metadata"]}})


def _is_counted(workload: Manifest, shared: set[tuple[str, str]]) -> bool:
    """Whether it matters how many there are."""
    spec, namespace = workload.get("spec") or {}, workload["metadata"].get("namespace", "default")
    update = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    pods = template_of(workload).get("spec") or {}
    spreads = [
        each.get("whenUnsatisfiable") != "ScheduleAnyway" for each in pods.get("topologySpreadConstraints") or []
    ]
    if update.get("partition") or update.get("maxUnavailable") or any(spreads):
        return True
    for volume in volumes_of(workload):
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if not _OWN & volume.keys() or (claim and (namespace, claim) in shared):
            return True
    return False


def _budgets(workload: Manifest, objects: Iterable[Manifest]) -> list[Manifest]:
    """The disruption budgets that select the pods of a workload."""
    labels = (template_of(workload).get("metadata") or {}).get("labels") or {}
    namespace = workload["metadata"].get("namespace", "default")
    return [
        each
        for each in objects
        if each["kind"] == "PodDisruptionBudget" and each["metadata"].get("namespace", "default") == namespace
        if any(selector.matches(labels) for _, selector in selectors_of(each))
    ]


def _lessen_budget(budget: Manifest, number: int) -> None:
    """Let a budget allow for two what it allows for all: one disruption, or none."""
    spec = budget["spec"]
    if spec.get("maxUnavailable") is not None:
        allowed = _amount(spec["maxUnavailable"], number, up=True)
    else:
        allowed = number - _amount(spec.pop("minAvailable", 0), number, up=True)
    spec["maxUnavailable"] = max(0, min(allowed, ENOUGH - 1))


def _claim(claim: Manifest) -> tuple[str, str]:
    return claim["metadata"].get("namespace", "default"), claim["metadata"].get("name") or ""


def _is_for_many(claim: Manifest) -> bool:
    return set((claim.get("spec") or {}).get("accessModes") or []) <= _MANY


def _keep_limits(spec: Manifest, number: int) -> None:
    """Let a rolling update of two go as that of all: as many more and fewer, if these are so many."""
    strategy = spec.setdefault("strategy", {})
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return
    rolling = strategy.get("rollingUpdate") or {}
    more = _amount(rolling.get("maxSurge", "25%"), number, up=True)
    less = _amount(rolling.get("maxUnavailable", "25%"), number, up=False)
    strategy["rollingUpdate"] = {"maxSurge": min(more, ENOUGH - 1), "maxUnavailable": min(less, ENOUGH - 1)}


def _amount(given: int | str, number: int, *, up: bool) -> int:
    if isinstance(given, int):
        return given
    share = int(given.rstrip("%")) * number / 100
    return ceil(share) if up else int(share)
