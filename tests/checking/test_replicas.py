"""Two replicas stand for all where all are alike; where their number matters, they stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import volsim
from volsim.checking.replicas import fewer

LABELS = {"app": "web"}


def workload(
    kind: str = "StatefulSet", replicas: int = 4, pod: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    containers = [{"name": "c", "image": "nginx"}]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": containers, **(pod or {})}},
            **({"serviceName": "web"} if kind == "StatefulSet" else {}),
            **spec,
        },
    }


def on_claims(replicas: int, **spec: Any) -> dict[str, Any]:
    """A StatefulSet each of whose pods writes to a claim of its own."""
    made = workload(replicas=replicas, **spec)
    container = {"name": "c", "image": "nginx", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    made["spec"]["template"]["spec"]["containers"] = [container]
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    made["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
    return made


def claim(mode: str) -> dict[str, Any]:
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {"accessModes": [mode]}}


SHARED = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}
BUDGET = {"kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": LABELS}}}
OTHER = {"kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": {"app": "x"}}}}
APART = {
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]
        }
    }
}
SPREAD = {"topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}]}


def left(*objects: dict[str, Any], nodes: Any = None) -> int:
    fewer(objects, nodes)
    found: int = objects[-1]["spec"]["replicas"]
    return found


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"])
def test_two_stand_for_all(kind: str) -> None:
    assert left(workload(kind, 14)) == 2
    assert left(workload(kind, 2)) == 2
    assert left(workload(kind, 1)) == 1


@pytest.mark.parametrize(
    ("objects", "nodes"),
    [
        ([BUDGET, {**workload(), "metadata": {"name": "other"}}, workload()], None),
        ([claim("ReadWriteOnce"), workload("Deployment", pod=SHARED)], None),
        ([workload(pod={"volumes": [{"name": "v", "hostPath": {"path": "/d"}}]})], None),
        ([workload(pod={"volumes": [{"name": "v", "awsElasticBlockStore": {"volumeID": "d"}}]})], None),
        ([{"kind": "PersistentVolume", "metadata": {"name": "v"}}, workload()], None),
        ([{"kind": "Node", "metadata": {"name": "n"}}, workload()], None),
        ([workload(pod=APART)], 3),
        ([workload()], ["a", "b"]),
        ([workload(pod=SPREAD)], None),
        ([workload(updateStrategy={"rollingUpdate": {"partition": 2}})], None),
    ],
)
def test_they_stay_where_their_number_matters(objects: list[dict[str, Any]], nodes: Any) -> None:
    assert left(*objects, nodes=nodes) == 4


@pytest.mark.parametrize(
    ("objects", "nodes"),
    [
        ([OTHER, workload()], 3),
        ([claim("ReadWriteMany"), workload("Deployment", pod=SHARED)], 3),
        ([workload(pod=APART)], None),
        ([workload(pod={"volumes": [{"name": "v", "emptyDir": {}}]})], None),
    ],
)
def test_they_need_not_where_it_does_not(objects: list[dict[str, Any]], nodes: Any) -> None:
    assert left(*objects, nodes=nodes) == 2


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"minAvailable": "67%"}, 1),
        ({"minAvailable": "80%"}, 0),
        ({"minAvailable": 4}, 0),
        ({"minAvailable": 1}, 1),
        ({"maxUnavailable": 0}, 0),
        ({"maxUnavailable": 1}, 1),
        ({"maxUnavailable": "10%"}, 1),
        ({"maxUnavailable": "0%"}, 0),
    ],
)
def test_a_budget_allows_two_what_it_allows_all(said: dict[str, Any], kept: int) -> None:
    budget = {**BUDGET, "spec": {**BUDGET["spec"], **said}}  # type: ignore[dict-item]
    assert left(budget, workload()) == 2
    assert budget["spec"] == {**BUDGET["spec"], "maxUnavailable": kept}  # type: ignore[dict-item]


@pytest.mark.parametrize("said", [{"minAvailable": "67%"}, {"maxUnavailable": 1}])
def test_two_are_drained_as_three_are(said: dict[str, Any]) -> None:
    def codes(*, all_replicas: bool) -> list[str]:
        budget = {
            "apiVersion": "policy/v1",
            **BUDGET,
            "spec": {"selector": {"matchLabels": LABELS}, **said},
        }
        objects = [budget, deployment(3)]
        report = volsim.check(objects, nodes=2, faults="drain", remedies=False, all_replicas=all_replicas)
        return sorted(finding.code for finding in report.findings)

    assert codes(all_replicas=True) == codes(all_replicas=False)
    assert ("VS501" in codes(all_replicas=False)) == ("minAvailable" in said)


@pytest.mark.parametrize(
    ("rolling", "kept"),
    [
        ({}, {"maxSurge": 1, "maxUnavailable": 1}),
        ({"maxSurge": 0, "maxUnavailable": "10%"}, {"maxSurge": 0, "maxUnavailable": 0}),
        ({"maxSurge": "10%", "maxUnavailable": 0}, {"maxSurge": 1, "maxUnavailable": 0}),
        ({"maxSurge": 3, "maxUnavailable": 2}, {"maxSurge": 1, "maxUnavailable": 1}),
    ],
)
def test_a_rolling_update_may_still_take_away_what_it_could(rolling: dict[str, Any], kept: dict[str, int]) -> None:
    made = workload("Deployment", strategy={"type": "RollingUpdate", "rollingUpdate": rolling} if rolling else {})
    fewer([made], None)
    assert made["spec"]["strategy"]["rollingUpdate"] == kept


def test_what_is_left_out_is_said() -> None:
    report = volsim.check(on_claims(3), nodes=2, faults="pod-loss", remedies=False)
    assert "StatefulSet/default/web: 2 of its 3 replicas are explored, for they are alike" in report.assumed
    report = volsim.check(on_claims(3), nodes=2, faults="container-crash", remedies=False, all_replicas=True)
    assert not any("alike" in each for each in report.assumed)


def deployment(replicas: int) -> dict[str, Any]:
    made = workload("Deployment", replicas, {"volumes": [{"name": "v", "emptyDir": {}}]})
    container = {"name": "c", "image": "nginx", "volumeMounts": [{"name": "v", "mountPath": "/data"}]}
    made["spec"]["template"]["spec"]["containers"] = [container]
    return made


@pytest.mark.parametrize(
    ("make", "faults", "found"),
    [
        (on_claims, "node-loss,pod-loss", {("VS303", "node-loss")}),
        (deployment, "node-loss,pod-loss", {("VS101", "node-loss"), ("VS101", "pod-loss")}),
    ],
)
def test_two_show_what_three_do(
    make: Callable[[int], dict[str, Any]], faults: str, found: set[tuple[str, str]]
) -> None:
    def codes(*, all_replicas: bool) -> set[tuple[str, str]]:
        report = volsim.check(make(3), nodes=2, faults=faults, remedies=False, all_replicas=all_replicas)
        assert all(each.complete for each in report.explored)
        return {(each.code, fault) for each in report.findings for fault in (each.fault, *each.also)}

    assert codes(all_replicas=True) == codes(all_replicas=False) == found
