"""Disruption budgets: how many pods may be evicted.

Source: pkg/controller/disruption/disruption.go.
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.workloads import condition, deployment, messages, workload

ONE_POD = {"containers": [{"name": "c", "image": "nginx:1"}]}


def budget(name: str = "web", **spec: Any) -> dict[str, Any]:
    spec.setdefault("selector", {"matchLabels": {"app": "web"}})
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}


def cluster(*manifests: dict[str, Any], version: str | None = None) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=2, kubernetes=version)
    for manifest in manifests:
        is_old = version == "1.20" and manifest["kind"] == "PodDisruptionBudget"
        sim.apply({**manifest, "apiVersion": "policy/v1beta1"} if is_old else manifest)
    sim.settle()
    return sim


def numbers(sim: volsim.Simulation, name: str = "web") -> tuple[int | None, int | None, int | None, int | None]:
    """Expected, desired, healthy, allowed."""
    status = sim.get(f"pdb/{name}").status
    return status.expected_pods, status.desired_healthy, status.current_healthy, status.disruptions_allowed


class TestNumbers:
    @pytest.mark.parametrize(
        ("spec", "expected"),
        [
            ({"minAvailable": 2}, (3, 2, 3, 1)),
            ({"minAvailable": 5}, (3, 5, 3, 0)),
            ({"minAvailable": "50%"}, (3, 2, 3, 1)),
            ({"maxUnavailable": 1}, (3, 2, 3, 1)),
            ({"maxUnavailable": "50%"}, (3, 1, 3, 2)),
            ({"maxUnavailable": 5}, (3, 0, 3, 3)),
            ({"maxUnavailable": 0}, (3, 3, 3, 0)),
        ],
    )
    def test_rule(self, spec: dict[str, Any], expected: tuple[int, ...]) -> None:
        assert numbers(cluster(deployment(replicas=3), budget(**spec))) == expected

    def test_a_pod_that_goes_is_missing_until_another_is_ready(self) -> None:
        sim = cluster(deployment(replicas=3), budget(maxUnavailable=1))
        sim.partition_node("node01")
        sim.delete(f"pod/{sim.list('pods')[0].name}")
        sim.run("1s")
        assert numbers(sim)[2:] == (2, 0)
        sim.heal_node("node01")
        sim.settle()
        assert numbers(sim)[2:] == (3, 1)

    def test_each_workload_counts_as_it_asks_and_once(self) -> None:
        labels = {"matchLabels": {"tier": "all"}}
        manifests = []
        for kind, name, size in (("Deployment", "a", 2), ("StatefulSet", "b", 3), ("ReplicaSet", "c", 1)):
            manifest = workload(kind, name, replicas=size)
            manifest["spec"]["template"]["metadata"]["labels"]["tier"] = "all"
            manifests.append(manifest)
        sim = cluster(*manifests, budget(selector=labels, maxUnavailable=1))
        assert numbers(sim) == (6, 5, 6, 1)

    def test_a_replication_controller_counts_too(self) -> None:
        manifest = workload("ReplicationController", "web", replicas=2)
        manifest["apiVersion"], manifest["spec"]["selector"] = "v1", {"app": "web"}
        assert numbers(cluster(manifest, budget(maxUnavailable=1))) == (2, 1, 2, 1)

    def test_a_change_of_the_budget_counts_at_once(self) -> None:
        sim = cluster(deployment(replicas=3), budget(minAvailable=3))
        assert numbers(sim)[3] == 0
        sim.patch("pdb/web", {"spec": {"minAvailable": 1}})
        sim.settle()
        assert numbers(sim)[3] == 2
        assert sim.get("pdb/web").status.observed_generation == 2

    def test_nothing_may_be_evicted_where_nothing_is(self) -> None:
        sim = cluster(budget(minAvailable=0))
        assert numbers(sim) == (0, 0, 0, 0)
        assert set(messages(sim, "NoPods")) == {"No matching pods found"}

    def test_an_empty_selector_selects_all_since_1_21(self) -> None:
        for version, expected in (("1.20", 0), ("1.21", 3)):
            sim = cluster(deployment(replicas=3), budget(selector={}, minAvailable=1), version=version)
            assert numbers(sim)[0] == expected


class TestCondition:
    def test_says_whether_there_is_room(self) -> None:
        sim = cluster(deployment(replicas=2), budget(minAvailable=1))
        told = condition(sim.get("pdb/web"), "DisruptionAllowed")
        assert (told.status, told.reason, told.observed_generation) == ("True", "SufficientPods", 1)
        sim.run("1m")
        sim.scale("deploy/web", 1)
        sim.settle()
        told = condition(sim.get("pdb/web"), "DisruptionAllowed")
        assert (told.status, told.reason) == ("False", "InsufficientPods")
        assert told.last_transition_time == 60_000_000

    def test_is_there_since_1_21(self) -> None:
        sim = cluster(deployment(replicas=2), budget(minAvailable=1), version="1.20")
        assert sim.get("pdb/web").status.conditions == ()
        assert numbers(sim)[3] == 1


class TestTrouble:
    def test_a_share_of_a_daemon_sets_pods_cannot_be_computed(self) -> None:
        sim = cluster(workload("DaemonSet", "web", pod={"nodeName": None}), budget(maxUnavailable=1))
        reason = "daemonsets.apps does not implement the scale subresource"
        told = condition(sim.get("pdb/web"), "DisruptionAllowed")
        assert (told.status, told.reason, told.message) == ("False", "SyncFailed", reason)
        assert f"Failed to calculate the number of expected pods: {reason}" in messages(
            sim, "CalculateExpectedPodCountFailed"
        )
        assert numbers(sim)[3] == 0

    def test_a_number_of_them_can(self) -> None:
        sim = cluster(workload("DaemonSet", "web", pod={"nodeName": None}), budget(minAvailable=1))
        assert numbers(sim) == (2, 1, 2, 1)

    def test_pods_without_a_workload_are_left_out_of_a_share(self) -> None:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "web"}}, "spec": ONE_POD}
        sim = cluster(deployment(replicas=2), pod, budget(maxUnavailable=1))
        assert numbers(sim) == (2, 1, 3, 2)
        labels, demands = "map[string]string{app: web,}", "[]LabelSelectorRequirement{}"
        selector = f"&LabelSelector{{MatchLabels:{labels},MatchExpressions:{demands},}}"
        start = f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged."
        assert messages(sim, "UnmanagedPods")[0].startswith(start)

    def test_the_selector_is_shown_whole(self) -> None:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "web"}}, "spec": ONE_POD}
        demand = {"key": "app", "operator": "In", "values": ["db", "web"]}
        sim = cluster(pod, budget(selector={"matchExpressions": [demand]}, maxUnavailable=1))
        shown = "[]LabelSelectorRequirement{LabelSelectorRequirement{Key:app,Operator:In,Values:[db web],},}"
        assert (
            f"(selector: &LabelSelector{{MatchLabels:map[string]string{{}},MatchExpressions:{shown},}})"
            in (messages(sim, "UnmanagedPods")[0])
        )

    def test_without_a_selector_nothing_is_selected(self) -> None:
        sim = cluster(deployment(replicas=2), budget(selector=None, minAvailable=1))
        assert numbers(sim) == (0, 1, 0, 0)

    def test_a_budget_that_is_gone_is_forgotten(self) -> None:
        sim = cluster(deployment(replicas=2), budget(minAvailable=1))
        sim.delete(f"pod/{sim.list('pods')[0].name}")
        sim.delete("pdb/web")
        sim.settle()
        assert len(sim.list("pods")) == 2

    def test_which_before_1_22_is_an_error(self) -> None:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "web"}}, "spec": ONE_POD}
        sim = cluster(pod, budget(maxUnavailable=1), version="1.21")
        assert condition(sim.get("pdb/web"), "DisruptionAllowed").message == 'found no controller ref for pod "p"'

    def test_pods_of_a_workload_that_is_gone(self) -> None:
        sim = cluster(workload("ReplicaSet", "web", replicas=1), budget(maxUnavailable=1))
        (pod,) = sim.list("pods")
        owner = {**volsim.to_manifest(pod)["metadata"]["ownerReferences"][0], "uid": "another"}
        sim.patch(f"pod/{pod.name}", {"metadata": {"ownerReferences": [owner]}})
        told = None
        while told is None or told.reason != "SyncFailed":
            assert sim.step() is not None
            told = condition(sim.get("pdb/web"), "DisruptionAllowed")
        assert told.message == f'found no controllers for pod "{pod.name}"'


class TestAnnouncements:
    def test_an_announced_eviction_counts_for_two_minutes(self) -> None:
        sim = cluster(deployment(replicas=3), budget(maxUnavailable=1))
        name = sim.list("pods")[0].name
        announced = volsim.to_manifest(sim.get("pdb/web"))["metadata"]["creationTimestamp"]
        sim.patch("pdb/web", {"status": {"disruptedPods": {name: announced}}}, subresource="status")
        sim.run("1m")
        assert numbers(sim)[2:] == (2, 0)
        sim.run("61s")
        assert numbers(sim)[2:] == (3, 1)
        assert messages(sim, "NotDeleted") == ["Pod was expected by PDB default/default to be deleted but it wasn't"]

    def test_a_disruption_that_did_not_come_is_taken_back(self) -> None:
        sim = cluster(deployment(replicas=1))
        name = sim.list("pods")[0].name
        target = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
        status = {"conditions": [{**target, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
        sim.patch(f"pod/{name}", {"status": status}, subresource="status")
        sim.run("1m59s")
        assert condition(sim.get(f"pod/{name}"), "DisruptionTarget").status == "True"
        sim.run("2s")
        told = condition(sim.get(f"pod/{name}"), "DisruptionTarget")
        assert (told.status, told.last_transition_time) == ("False", 120_000_000)
