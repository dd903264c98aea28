"""ReplicaSet and ReplicationController.

Source: pkg/controller/replicaset/replica_set.go, pkg/controller/controller_utils.go (ActivePodsWithRanks).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

import volsim
from tests.control.workloads import condition, messages, template, workload
from volsim.control.contract import Choose
from volsim.control.replica_set import first_to_go
from volsim.objects import Condition, ContainerStatus, ObjectMeta, Pod, PodSpec, PodStatus


def replica_set(name: str = "web", **spec: Any) -> dict[str, Any]:
    return workload("ReplicaSet", name, **spec)


def pod_manifest(name: str, labels: dict[str, str]) -> dict[str, Any]:
    spec = template()["spec"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


class TestNumber:
    """A ReplicaSet's purpose is to maintain a stable set of replica Pods running at any given time."""

    def test_pods_are_made_with_generated_names_and_an_owner(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=2))
        sim.settle()
        pods = sim.list("pods")
        owner = sim.get("rs/web")
        assert len({pod.name for pod in pods}) == 2
        for pod in pods:
            assert pod.name.startswith("web-")
            assert len(pod.name) == len("web-") + 5
            assert pod.metadata.generate_name == "web-"
            (ref,) = pod.metadata.owner_references
            assert (ref.kind, ref.name, ref.uid, ref.controller) == ("ReplicaSet", "web", owner.metadata.uid, True)
            assert ref.block_owner_deletion
        assert messages(sim, "SuccessfulCreate") == [f"Created pod: {name}" for name in sorted_as_made(pods)]

    def test_a_lost_pod_is_replaced(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=2))
        sim.settle()
        lost, kept = (pod.name for pod in sim.list("pods"))
        sim.delete(f"pod/{lost}")
        sim.settle()
        names = {pod.name for pod in sim.list("pods")}
        assert len(names) == 2
        assert kept in names
        assert lost not in names

    def test_a_terminating_pod_is_replaced_before_it_is_gone(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=1))
        sim.settle()
        sim.fail_node("node01")
        sim.delete(f"pod/{sim.list('pods')[0].name}")
        sim.run("1s")
        assert len(sim.list("pods")) == 2
        assert sim.get("rs/web").status.terminating_replicas == 1

    def test_an_ended_pod_is_replaced_and_kept(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=1))
        sim.settle()
        name = sim.list("pods")[0].name
        sim.patch(f"pod/{name}", {"status": {"phase": "Failed"}}, subresource="status")
        sim.settle()
        assert sorted(pod.status.phase for pod in sim.list("pods")) == ["Failed", "Running"]

    def test_it_does_not_replace_pods_while_it_is_being_deleted(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=2))
        sim.settle()
        sim.delete("rs/web", propagation="Foreground")
        sim.settle()
        assert sim.list("pods") == []
        assert len(messages(sim, "SuccessfulCreate")) == 2

    def test_a_replication_controller_does_the_same(self) -> None:
        sim = volsim.Simulation(nodes=1)
        spec = {"replicas": 2, "template": template()}
        sim.apply({"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"}, "spec": spec})
        sim.settle()
        controller = sim.get("rc/web")
        assert controller.status.ready_replicas == 2
        assert {pod.metadata.owner_references[0].kind for pod in sim.list("pods")} == {"ReplicationController"}
        sim.scale("rc/web", 0)
        sim.settle()
        assert sim.list("pods") == []


def sorted_as_made(pods: list[Pod]) -> list[str]:
    return [pod.name for pod in sorted(pods, key=lambda pod: int(pod.metadata.resource_version or 0))]


class TestStatus:
    def test_zeros_are_left_out_but_for_replicas(self) -> None:
        sim = volsim.Simulation(nodes=1, kubernetes="1.30")
        sim.apply(replica_set(replicas=0))
        sim.settle()
        status = volsim.to_manifest(sim.get("rs/web"))["status"]
        assert status == {"replicas": 0, "observedGeneration": 1}

    def test_terminating_replicas_are_counted_since_1_35(self) -> None:
        for version, expected in (("1.34", None), ("1.35", 0)):
            sim = volsim.Simulation(nodes=1, kubernetes=version)
            sim.apply(replica_set(replicas=1))
            sim.settle()
            assert sim.get("rs/web").status.terminating_replicas == expected

    def test_a_pod_counts_as_available_after_min_ready_seconds(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=1, minReadySeconds=20))
        sim.run("19s")
        status = sim.get("rs/web").status
        assert (status.ready_replicas, status.available_replicas) == (1, None)
        assert sim.settle() == 1.0
        assert sim.get("rs/web").status.available_replicas == 1


class TestRefusal:
    """What the API server refuses is said in an event and a condition, and tried again ever more seldom."""

    def test_a_refused_pod_is_told_and_made_when_it_can_be(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=1, pod={"priorityClassName": "high"}))
        sim.settle()
        failure = condition(sim.get("rs/web"), "ReplicaFailure")
        assert failure.reason == "FailedCreate"
        assert "no PriorityClass with name high was found" in failure.message
        (told,) = set(messages(sim, "FailedCreate"))
        assert told.startswith("Error creating: pods")
        sim.apply(
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}
        )
        sim.run("1m")
        status = sim.get("rs/web").status
        assert status.ready_replicas == 1
        assert status.conditions == ()

    def test_the_wait_doubles(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=1, pod={"priorityClassName": "high"}))
        sim.run("10s")
        times = [event.last_timestamp or 0 for event in sim.events if event.reason == "FailedCreate"]
        waits = [after - before for before, after in pairwise(times)]
        assert waits[:4] == [5_000, 10_000, 20_000, 40_000]
        assert len(times) < 15

    def test_nothing_is_said_while_the_namespace_is_terminating(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply("{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
        sim.apply(replica_set(replicas=1), namespace="team")
        sim.settle()
        sim.delete("ns/team")
        sim.settle()
        assert messages(sim, "FailedCreate") == []
        with pytest.raises(volsim.NotFound):
            sim.get("ns/team")


class TestAdoption:
    """Orphans that the selector selects are adopted; owned pods that it does not select any more are released."""

    def test_an_orphan_is_adopted_and_counts(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(pod_manifest("lonely", {"app": "web"}))
        sim.apply(replica_set(replicas=2))
        sim.settle()
        assert len(sim.list("pods")) == 2
        assert sim.get("pod/lonely").metadata.owner_references[0].name == "web"

    def test_an_orphan_that_comes_later_is_surplus(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=1))
        sim.settle()
        sim.run("1m")
        sim.apply(pod_manifest("lonely", {"app": "web"}))
        sim.settle()
        assert [pod.name for pod in sim.list("pods")] != []
        assert len(sim.list("pods")) == 1
        assert messages(sim, "SuccessfulDelete") == ["Deleted pod: lonely"]

    def test_others_pods_are_left_alone(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(pod_manifest("other", {"app": "other"}))
        sim.apply(replica_set("first", replicas=1))
        sim.settle()
        sim.apply(replica_set("web", replicas=1))
        sim.settle()
        assert sim.get("pod/other").metadata.owner_references == ()
        assert len(sim.list("pods")) == 3

    def test_a_pod_is_released_when_its_label_goes_and_adopted_again_when_it_comes_back(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=1))
        sim.settle()
        name = sim.list("pods")[0].name
        sim.label(f"pod/{name}", app="debug")
        sim.settle()
        assert len(sim.list("pods")) == 2
        assert sim.get(f"pod/{name}").metadata.owner_references == ()
        sim.scale("rs/web", 2)
        sim.settle()
        sim.label(f"pod/{name}", app="web")
        sim.settle()
        assert len(sim.list("pods")) == 2

    def test_a_selector_of_expressions_only_finds_its_orphans_too(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(pod_manifest("lonely", {"app": "web"}))
        expressions = [{"key": "app", "operator": "In", "values": ["web", "www"]}]
        sim.apply(replica_set(replicas=1, selector={"matchExpressions": expressions}))
        sim.settle()
        assert [pod.name for pod in sim.list("pods")] == ["lonely"]


SECOND = 1_000_000


def candidate(
    name: str,
    *,
    node: str | None = "node01",
    phase: str = "Running",
    ready: int | None = 0,
    created: int = 0,
    restarts: int = 0,
    cost: str | None = None,
) -> Pod:
    """A pod, ready since and created at so many seconds."""
    conditions = () if ready is None else (Condition(type="Ready", status="True", last_transition_time=ready * SECOND),)
    annotations = {} if cost is None else {"controller.kubernetes.io/pod-deletion-cost": cost}
    return Pod(
        metadata=ObjectMeta(name=name, annotations=annotations, creation_timestamp=created * SECOND),
        spec=PodSpec(node_name=node),
        status=PodStatus(
            phase=phase,
            conditions=conditions,
            container_statuses=(ContainerStatus(name="c", restart_count=restarts),),
        ),
    )


class TestWhichPodGoes:
    """ActivePodsWithRanks: in this order, until one rule tells the pods apart."""

    @pytest.mark.parametrize(
        ("goes", "stays"),
        [
            ({"node": None}, {}),
            ({"phase": "Pending", "ready": None}, {"phase": "Unknown", "ready": None}),
            ({"phase": "Unknown", "ready": None}, {"ready": None}),
            ({"ready": None}, {}),
            ({"cost": "-5"}, {}),
            ({"cost": "1"}, {"cost": "2"}),
            ({"ready": 90}, {"ready": 10}),
            ({"restarts": 3}, {"restarts": 1}),
            ({"created": 80}, {"created": 10}),
        ],
    )
    def test_rule(self, goes: dict[str, Any], stays: dict[str, Any]) -> None:
        view = volsim.Simulation(nodes=1)
        view.run("100s")
        pods = [candidate("stays", **stays), candidate("goes", **goes)]
        assert [pod.name for pod in first_to_go(view.state, pods, {})] == ["goes"]

    def test_a_crowded_node_loses_a_pod_first(self) -> None:
        view = volsim.Simulation(nodes=1)
        pods = [candidate("lonely", node="node02"), candidate("crowded", node="node01")]
        ranks: dict[str | None, int] = {"node01": 2, "node02": 1}
        assert [pod.name for pod in first_to_go(view.state, pods, ranks)] == ["crowded"]

    def test_a_cost_that_is_no_number_counts_as_nothing(self) -> None:
        view = volsim.Simulation(nodes=1)
        pods = [candidate("a", cost="cheap"), candidate("b", cost="01"), candidate("c", cost="0")]
        assert len(first_to_go(view.state, pods, {})) == 3

    def test_ages_of_one_order_of_magnitude_are_equal_since_1_22(self) -> None:
        for version, expected in (("1.21", ["young"]), ("1.22", ["old", "young"])):
            view = volsim.Simulation(nodes=1, kubernetes=version)
            view.run("100s")
            pods = [candidate("old", ready=0), candidate("young", ready=10)]
            assert [pod.name for pod in first_to_go(view.state, pods, {})] == expected

    def test_among_equal_pods_any_may_go(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=3))
        sim.settle()
        sim.scale("rs/web", 1)
        found = sim.engine.controller("replicaset").sync(sim.state, "default/web")
        assert isinstance(found, Choose)
        assert [label for label, _ in found.options] == [pod.name for pod in sim.list("pods")]
        sim.settle()
        assert len(sim.list("pods")) == 1

    def test_all_go_without_a_choice_if_all_must(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(replica_set(replicas=3))
        sim.settle()
        sim.scale("rs/web", 0)
        assert not isinstance(sim.engine.controller("replicaset").sync(sim.state, "default/web"), Choose)
        sim.settle()
        assert sim.list("pods") == []
        assert len(messages(sim, "SuccessfulDelete")) == 3
