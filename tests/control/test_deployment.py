"""Deployments: rollouts, their promises and what they report.

Source: pkg/controller/deployment (rolling.go, recreate.go, sync.go, progress.go), util/deployment_util.go.
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.workloads import condition, deployment, messages, sizes
from volsim.control.deployment.rollout import fenceposts
from volsim.control.workload import template_hash
from volsim.objects import Deployment, DeploymentSpec, DeploymentStrategy, PodTemplateSpec, RollingUpdateDeployment

HASH = "pod-template-hash"
RECREATE = {"type": "Recreate"}


def settled(version: str | None = None, **spec: Any) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=1, kubernetes=version)
    sim.apply(deployment(**spec))
    sim.settle()
    return sim


def rolling(surge: int | str, unavailable: int | str) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def reason(sim: volsim.Simulation, name: str = "Progressing") -> str:
    return str(condition(sim.get("deploy/web"), name).reason)


def revision(obj: Any) -> str:
    return str(obj.metadata.annotations["deployment.kubernetes.io/revision"])


class TestReplicaSets:
    """A Deployment makes one ReplicaSet for each version of its template."""

    def test_name_selector_and_labels_carry_the_hash_of_the_template(self) -> None:
        sim = settled(replicas=1)
        (replica_set,) = sim.list("rs")
        hashed = replica_set.metadata.labels[HASH]
        assert replica_set.name == f"web-{hashed}"
        assert replica_set.spec.selector.match_labels == {"app": "web", HASH: hashed}
        assert sim.list("pods")[0].metadata.labels == {"app": "web", HASH: hashed}
        assert set(hashed) <= set("bcdfghjklmnpqrstvwxz2456789")

    def test_the_hash_is_the_templates_alone(self) -> None:
        (one,) = settled(replicas=1).list("rs")
        (other,) = settled(replicas=5, paused=False, minReadySeconds=3).list("rs")
        assert one.name == other.name
        assert template_hash(PodTemplateSpec(), None) != template_hash(PodTemplateSpec(), 1)

    def test_annotations_are_copied_but_for_those_of_kubectl_and_the_controller(self) -> None:
        sim = volsim.Simulation(nodes=1)
        manifest = deployment(replicas=1)
        manifest["metadata"]["annotations"] = {"team": "a"}
        sim.apply(manifest)
        sim.settle()
        assert dict(sim.list("rs")[0].metadata.annotations) == {
            "team": "a",
            "deployment.kubernetes.io/revision": "1",
            "deployment.kubernetes.io/desired-replicas": "1",
            "deployment.kubernetes.io/max-replicas": "2",
        }

    def test_a_name_that_is_taken_makes_another_hash(self) -> None:
        name = settled(replicas=1).list("rs")[0].name
        sim = volsim.Simulation(nodes=1)
        taken = deployment("other", replicas=0)
        taken.update(kind="ReplicaSet", metadata={"name": name})
        sim.apply(taken)
        sim.apply(deployment(replicas=1))
        sim.settle()
        made = next(each for each in sim.list("rs") if each.name != name)
        assert made.name.startswith("web-")
        assert sim.get("deploy/web").status.collision_count == 1

    def test_a_new_template_makes_a_new_revision_and_the_old_one_a_newer_revision_again(self) -> None:
        sim = settled(replicas=1)
        (first,) = sim.list("rs")
        sim.apply(deployment(replicas=1, image="nginx:2"))
        sim.settle()
        assert revision(sim.get("deploy/web")) == "2"
        assert sizes(sim) == [0, 1]
        sim.apply(deployment(replicas=1))
        sim.settle()
        again = sim.get(f"rs/{first.name}")
        assert (revision(again), again.spec.replicas) == ("3", 1)
        assert again.metadata.annotations["deployment.kubernetes.io/revision-history"] == "1"
        assert revision(sim.get("deploy/web")) == "3"

    def test_the_history_keeps_as_many_old_replica_sets_as_it_may(self) -> None:
        sim = settled(replicas=1, revisionHistoryLimit=2)
        for number in range(2, 7):
            sim.apply(deployment(replicas=1, revisionHistoryLimit=2, image=f"nginx:{number}"))
            sim.settle()
        assert sorted(map(revision, sim.list("rs"))) == ["4", "5", "6"]

    def test_a_history_of_none_keeps_the_new_one_only(self) -> None:
        sim = settled(replicas=1, revisionHistoryLimit=0)
        sim.apply(deployment(replicas=1, revisionHistoryLimit=0, image="nginx:2"))
        sim.settle()
        assert len(sim.list("rs")) == 1

    def test_replica_sets_that_were_let_go_are_adopted_by_a_new_deployment(self) -> None:
        sim = settled(replicas=2)
        (replica_set,) = sim.list("rs")
        pods = [pod.name for pod in sim.list("pods")]
        sim.delete("deploy/web", propagation="Orphan")
        sim.settle()
        assert sim.get(f"rs/{replica_set.name}").metadata.owner_references == ()
        sim.apply(deployment(replicas=2))
        sim.settle()
        (adopted,) = sim.list("rs")
        assert adopted.metadata.uid == replica_set.metadata.uid
        assert adopted.metadata.owner_references[0].uid == sim.get("deploy/web").metadata.uid
        assert [pod.name for pod in sim.list("pods")] == pods


class TestArithmetic:
    """ResolveFenceposts: surge is rounded up, unavailability down; if both come to nothing, one may be unavailable."""

    @pytest.mark.parametrize(
        ("replicas", "surge", "unavailable", "expected"),
        [
            (2, "0%", "1%", (0, 1)),
            (1, "0%", "1%", (0, 1)),
            (2, "1%", "25%", (1, 0)),
            (1, "1%", "25%", (1, 0)),
            (2, "1%", "0%", (1, 0)),
            (10, "25%", "25%", (3, 2)),
            (10, 3, 2, (3, 2)),
            (2, 0, 5, (0, 2)),
            (0, "25%", "25%", (0, 0)),
        ],
    )
    def test_surge_and_unavailability(
        self, replicas: int, surge: int | str, unavailable: int | str, expected: tuple[int, int]
    ) -> None:
        update = RollingUpdateDeployment(max_surge=surge, max_unavailable=unavailable)
        strategy = DeploymentStrategy(type="RollingUpdate", rolling_update=update)
        assert fenceposts(Deployment(spec=DeploymentSpec(replicas=replicas, strategy=strategy))) == expected

    def test_recreate_has_neither(self) -> None:
        spec = DeploymentSpec(replicas=3, strategy=DeploymentStrategy(type="Recreate"))
        assert fenceposts(Deployment(spec=spec)) == (0, 0)


class TestRollingUpdate:
    def test_one_pod_is_added_then_one_goes_and_so_on(self) -> None:
        sim = settled(replicas=2, strategy=rolling(1, 0))
        (old,) = sim.list("rs")
        sim.apply(deployment(replicas=2, strategy=rolling(1, 0), image="nginx:2"))
        sim.settle()
        new = next(each.name for each in sim.list("rs") if each.name != old.name)
        assert messages(sim, "ScalingReplicaSet") == [
            f"Scaled up replica set {old.name} from 0 to 2",
            f"Scaled up replica set {new} from 0 to 1",
            f"Scaled down replica set {old.name} from 2 to 1",
            f"Scaled up replica set {new} from 1 to 2",
            f"Scaled down replica set {old.name} from 1 to 0",
        ]

    @pytest.mark.parametrize(
        ("version", "made", "scaled"),
        [
            ("1.20", "Scaled up replica set x to 1", "Scaled up replica set x to 3"),
            ("1.28", "Scaled up replica set x to 1", "Scaled up replica set x to 3 from 1"),
            ("1.31", "Scaled up replica set x from 0 to 1", "Scaled up replica set x from 1 to 3"),
        ],
    )
    def test_the_event_is_worded_as_the_version_words_it(self, version: str, made: str, scaled: str) -> None:
        sim = settled(version, replicas=1)
        sim.scale("deploy/web", 3)
        sim.settle()
        name = sim.list("rs")[0].name
        assert [text.replace(name, "x") for text in messages(sim, "ScalingReplicaSet")] == [made, scaled]

    def test_pods_that_never_become_ready_stop_it(self) -> None:
        sim = settled(replicas=3, strategy=rolling(1, 0))
        sim.apply(deployment(replicas=3, strategy=rolling(1, 0), pod={"nodeName": "nowhere"}))
        sim.run("1s")
        assert sizes(sim) == [3, 1]
        status = sim.get("deploy/web").status
        assert (status.replicas, status.updated_replicas, status.available_replicas) == (4, 1, 3)
        assert status.unavailable_replicas == 1

    def test_ill_pods_of_old_versions_go_first(self) -> None:
        sim = settled(replicas=2, strategy=rolling(1, 0))
        sim.apply(deployment(replicas=2, strategy=rolling(1, 0), pod={"nodeName": "nowhere"}))
        sim.run("1s")
        assert sizes(sim) == [2, 1]
        sim.apply(deployment(replicas=2, strategy=rolling(1, 0), image="nginx:3"))
        sim.settle()
        assert sizes(sim) == [0, 0, 2]

    def test_min_ready_seconds_slow_it_down(self) -> None:
        sim = settled(replicas=2, strategy=rolling(0, 1))
        sim.apply(deployment(replicas=2, strategy=rolling(0, 1), minReadySeconds=10, image="nginx:2"))
        assert sim.settle() == 20.0

    def test_min_ready_seconds_reach_the_replica_set_that_is_there(self) -> None:
        sim = settled(replicas=1)
        sim.patch("deploy/web", {"spec": {"minReadySeconds": 30}})
        sim.settle()
        (found,) = sim.list("rs")
        assert (found.spec.min_ready_seconds, found.metadata.generation) == (30, 2)


class TestRecreate:
    """Old pods first go, terminating ones included; only then come new ones."""

    def test_no_old_and_new_pod_live_at_once(self) -> None:
        sim = settled(replicas=2, strategy=RECREATE)
        sim.apply(deployment(replicas=2, strategy=RECREATE, image="nginx:2"))
        while sim.peek() is not None and sim.step() is not None:
            assert len({pod.spec.containers[0].image for pod in sim.list("pods")}) <= 1
        assert sizes(sim) == [0, 2]

    def test_it_waits_for_a_pod_that_cannot_end(self) -> None:
        sim = settled(replicas=1, strategy=RECREATE)
        old = sim.list("pods")[0].name
        sim.partition_node("node01")
        sim.apply(deployment(replicas=1, strategy=RECREATE, image="nginx:2"))
        sim.run("5s")
        assert [pod.name for pod in sim.list("pods")] == [old]
        assert sizes(sim) == [0]
        sim.delete(f"pod/{old}", force=True)
        sim.run("5s")
        assert sizes(sim) == [0, 1]

    def test_an_ended_pod_does_not_hold_it_up(self) -> None:
        sim = settled(replicas=1, strategy=RECREATE)
        old = sim.list("pods")[0].name
        sim.partition_node("node01")
        sim.apply(deployment(replicas=1, strategy=RECREATE, image="nginx:2"))
        sim.run("1s")
        sim.patch(f"pod/{old}", {"status": {"phase": "Failed"}}, subresource="status")
        sim.run("1s")
        assert sizes(sim) == [0, 1]


class TestScaling:
    def test_up_and_down(self) -> None:
        sim = settled(replicas=1)
        sim.scale("deploy/web", 4)
        sim.settle()
        assert sim.get("deploy/web").status.available_replicas == 4
        sim.scale("deploy/web", 0)
        sim.settle()
        assert sim.list("pods") == []
        assert sim.get("deploy/web").status.replicas is None

    def test_during_a_rollout_all_replica_sets_grow_in_proportion(self) -> None:
        """The example of the documentation: 10 replicas, surge 3, unavailable 2, scaled to 15 while it is stuck."""
        sim = settled(replicas=10, strategy=rolling(3, 2))
        sim.apply(deployment(replicas=10, strategy=rolling(3, 2), pod={"nodeName": "nowhere"}))
        sim.run("1s")
        assert sizes(sim) == [8, 5]
        sim.scale("deploy/web", 15)
        sim.run("1s")
        assert sizes(sim) == [11, 7]

    def test_to_nothing_during_a_rollout(self) -> None:
        sim = settled(replicas=4, strategy=rolling(1, 0))
        sim.apply(deployment(replicas=4, strategy=rolling(1, 0), pod={"nodeName": "nowhere"}))
        sim.run("1s")
        sim.scale("deploy/web", 0)
        sim.run("1s")
        assert sizes(sim) == [0, 0]

    def test_in_proportion_also_down(self) -> None:
        sim = settled(replicas=10, strategy=rolling(2, 2))
        sim.apply(deployment(replicas=10, strategy=rolling(2, 2), pod={"nodeName": "nowhere"}))
        sim.run("1s")
        assert sizes(sim) == [8, 4]
        sim.scale("deploy/web", 5)
        sim.run("1s")
        texts = [text.partition(" from ")[2] for text in messages(sim, "ScalingReplicaSet")]
        assert texts[-4:] == ["8 to 5", "4 to 2", "5 to 3", "2 to 4"]
        assert sizes(sim) == [3, 4]
        assert sim.get("deploy/web").status.available_replicas == 3

    def test_while_it_is_paused(self) -> None:
        sim = settled(replicas=2, paused=True)
        assert sim.list("rs") == []
        assert reason(sim) == "DeploymentPaused"
        sim.patch("deploy/web", {"spec": {"paused": None}})
        sim.settle()
        assert reason(sim) == "NewReplicaSetAvailable"
        sim.patch("deploy/web", {"spec": {"paused": True, "replicas": 3}})
        sim.settle()
        sim.apply(deployment(replicas=3, paused=True, image="nginx:2"))
        sim.settle()
        assert sizes(sim) == [3]

    def test_a_saturated_new_replica_set_sends_the_old_ones_away(self) -> None:
        sim = settled(replicas=2)
        (old,) = sim.list("rs")
        sim.apply(deployment(replicas=2, image="nginx:2"))
        sim.settle()
        sim.patch("deploy/web", {"spec": {"paused": True}})
        sim.settle()
        sim.scale(f"rs/{old.name}", 1)
        sim.settle()
        assert sizes(sim) == [0, 2]


class TestStatus:
    def test_of_a_complete_rollout(self) -> None:
        sim = settled("1.30", replicas=2)
        status = volsim.to_manifest(sim.get("deploy/web"))["status"]
        conditions = [(each["type"], each["status"], each["reason"]) for each in status.pop("conditions")]
        assert status == {
            "observedGeneration": 1,
            "replicas": 2,
            "updatedReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
        }
        assert sorted(conditions) == [
            ("Available", "True", "MinimumReplicasAvailable"),
            ("Progressing", "True", "NewReplicaSetAvailable"),
        ]
        name = sim.list("rs")[0].name
        text = f'ReplicaSet "{name}" has successfully progressed.'
        assert condition(sim.get("deploy/web"), "Progressing").message == text

    def test_of_one_that_cannot_start(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(deployment(replicas=2, pod={"nodeName": "nowhere"}))
        sim.run("1s")
        assert reason(sim) == "ReplicaSetUpdated"
        assert reason(sim, "Available") == "MinimumReplicasUnavailable"

    def test_no_progress_within_the_deadline_is_said_a_second_later(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.partition_node("node01")
        sim.apply(deployment(replicas=1, progressDeadlineSeconds=100))
        sim.run("100s")
        assert reason(sim) == "ReplicaSetUpdated"
        sim.run("1s")
        found = condition(sim.get("deploy/web"), "Progressing")
        assert (found.status, found.reason) == ("False", "ProgressDeadlineExceeded")
        assert found.message == f'ReplicaSet "{sim.list("rs")[0].name}" has timed out progressing.'

    def test_progress_starts_the_clock_again(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.partition_node("node01")
        sim.apply(deployment(replicas=2, progressDeadlineSeconds=100))
        sim.run("60s")
        (name, _) = (pod.name for pod in sim.list("pods"))
        ready = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:01:00Z"}]
        sim.patch(f"pod/{name}", {"status": {"conditions": ready}}, subresource="status")
        sim.run("100s")
        assert reason(sim) == "ReplicaSetUpdated"
        sim.run("1s")
        assert reason(sim) == "ProgressDeadlineExceeded"

    def test_without_a_deadline_nothing_is_said_of_progress(self) -> None:
        sim = settled(replicas=1, progressDeadlineSeconds=2**31 - 1)
        assert [each.type for each in sim.get("deploy/web").status.conditions] == ["Available"]

    def test_a_pause_and_its_end_start_the_clock_again(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.partition_node("node01")
        sim.apply(deployment(replicas=1, progressDeadlineSeconds=100))
        sim.run("60s")
        sim.patch("deploy/web", {"spec": {"paused": True}})
        sim.run("60s")
        sim.patch("deploy/web", {"spec": {"paused": False}})
        sim.run("10s")
        assert reason(sim) == "DeploymentResumed"
        sim.run("80s")
        assert reason(sim) == "DeploymentResumed"
        sim.run("11s")
        assert reason(sim) == "ProgressDeadlineExceeded"

    def test_a_refused_pod_is_a_failure_of_the_deployment_too(self) -> None:
        sim = settled(replicas=1, pod={"priorityClassName": "high"})
        assert reason(sim, "ReplicaFailure") == "FailedCreate"
        sim.apply(
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}
        )
        sim.run("1m")
        assert {each.type for each in sim.get("deploy/web").status.conditions} == {"Available", "Progressing"}

    def test_a_refused_replica_set_is_told_and_tried_again(self) -> None:
        sim = settled(replicas=1)
        [hashed] = (each.metadata.labels["pod-template-hash"] for each in sim.list("rs"))
        sim.delete("deploy/web")
        sim.settle()
        kept = 253 - 1 - len(hashed) - 1
        name = f"{'w' * kept}.{'w' * 11}"[:253]  # cut off for the hash, it ends with the dot
        sim.apply({**deployment("web", replicas=1), "metadata": {"name": name}})
        sim.run("1m")
        told = messages(sim, "ReplicaSetCreateError")
        assert len(set(told)) == 1
        assert told[0].startswith(f'Failed to create new replica set "{"w" * kept}.-')
        (progress,) = (each for each in sim.get(f"deploy/{name}").status.conditions if each.type == "Progressing")
        assert (progress.status, progress.reason, progress.message) == ("False", "ReplicaSetCreateError", told[0])
        assert sim.list("rs") == []

    def test_an_adopted_version_is_said_to_be_found(self) -> None:
        sim = settled(replicas=1)
        sim.delete("deploy/web", propagation="Orphan")
        sim.settle()
        sim.partition_node("node01")
        sim.apply(deployment(replicas=2))
        steps = iter(sim.step, None)
        while condition_or_none(sim) is None:
            assert next(steps) is not None
        assert condition_or_none(sim) == "FoundNewReplicaSet"


def condition_or_none(sim: volsim.Simulation) -> str | None:
    conditions = sim.get("deploy/web").status.conditions
    return next((each.reason for each in conditions if each.type == "Progressing"), None)
