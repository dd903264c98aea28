"""DaemonSets: where their pods are, how they are replaced, what they survive.

Source: pkg/controller/daemon/daemon_controller.go, update.go, util/daemonset_util.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import volsim
from tests.control.workloads import messages, workload
from volsim.control.contract import Choose
from volsim.control.daemon_set.placement import Placement, placement
from volsim.objects import Node, NodeSpec, ObjectMeta, PodSpec, PodTemplateSpec, Taint, Toleration

ANYWHERE = {"nodeName": None}


def daemon_set(name: str = "agent", *, pod: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return workload("DaemonSet", name, pod={**ANYWHERE, **(pod or {})}, **spec)


def settled(version: str | None = None, *, nodes: int = 3, **spec: Any) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=nodes, kubernetes=version)
    sim.apply(daemon_set(**spec))
    sim.settle()
    return sim


def nodes_of(sim: volsim.Simulation) -> list[str]:
    return sorted(pod.spec.node_name or "" for pod in sim.list("pods"))


def images(sim: volsim.Simulation) -> set[str]:
    return {str(pod.spec.containers[0].image) for pod in sim.list("pods")}


def is_replaced(name: str) -> Callable[[Any], bool]:
    def replaced(sim: Any) -> bool:
        names = {pod.name for pod in sim.list("pods")}
        return bool(names) and name not in names

    return replaced


def rolling(**given: Any) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": given}


class TestPlacement:
    """One pod on each node that the template fits."""

    def test_one_pod_on_each_node(self) -> None:
        sim = settled()
        assert nodes_of(sim) == ["node01", "node02", "node03"]
        status = sim.get("ds/agent").status
        assert (status.desired_number_scheduled, status.number_ready, status.number_available) == (3, 3, 3)
        assert (status.current_number_scheduled, status.updated_number_scheduled) == (3, 3)
        assert (status.number_misscheduled, status.number_unavailable) == (0, None)

    def test_a_pod_is_tied_to_its_node_by_affinity_and_tolerates_its_troubles(self) -> None:
        pod = settled(nodes=1).list("pods")[0]
        (term,) = (
            pod.spec.affinity.node_affinity.required_during_scheduling_ignored_during_execution.node_selector_terms
        )
        assert [(each.key, each.values) for each in term.match_fields] == [("metadata.name", ("node01",))]
        tolerated = {
            (each.key.partition("/")[2], each.effect, each.toleration_seconds) for each in pod.spec.tolerations
        }
        assert tolerated == {
            ("not-ready", "NoExecute", None),
            ("unreachable", "NoExecute", None),
            ("disk-pressure", "NoSchedule", None),
            ("memory-pressure", "NoSchedule", None),
            ("pid-pressure", "NoSchedule", None),
            ("unschedulable", "NoSchedule", None),
        }

    def test_a_new_node_gets_a_pod(self) -> None:
        sim = settled(nodes=1)
        sim.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node99"}})
        sim.settle()
        assert "node99" in nodes_of(sim)

    def test_a_cordoned_node_gets_one_too(self) -> None:
        sim = volsim.Simulation(nodes=2)
        sim.cordon("node02")
        sim.apply(daemon_set())
        sim.settle()
        assert nodes_of(sim) == ["node01", "node02"]

    def test_a_label_brings_a_pod_and_takes_it_away(self) -> None:
        sim = settled(pod={"nodeSelector": {"disk": "ssd"}})
        assert nodes_of(sim) == []
        sim.label("node/node02", disk="ssd")
        sim.settle()
        assert nodes_of(sim) == ["node02"]
        sim.label("node/node02", disk=None)
        sim.settle()
        assert nodes_of(sim) == []

    def test_a_no_schedule_taint_keeps_the_pod_that_is_there(self) -> None:
        sim = settled(nodes=2)
        sim.taint("node01", "maintenance", effect="NoSchedule")
        sim.settle()
        assert nodes_of(sim) == ["node01", "node02"]
        sim.delete(f"pod/{next(pod.name for pod in sim.list('pods') if pod.spec.node_name == 'node01')}")
        sim.settle()
        assert nodes_of(sim) == ["node02"]
        assert sim.get("ds/agent").status.desired_number_scheduled == 1

    def test_a_no_execute_taint_takes_it_away(self) -> None:
        sim = settled(nodes=2)
        sim.taint("node01", "maintenance", effect="NoExecute")
        sim.settle()
        assert nodes_of(sim) == ["node02"]

    @pytest.mark.parametrize(
        ("spec", "taints", "expected"),
        [
            ({}, [], Placement(run=True, stay=True)),
            ({"node_name": "other"}, [], Placement(run=False, stay=False)),
            ({"node_name": "node01"}, [], Placement(run=True, stay=True)),
            ({"node_selector": {"disk": "ssd"}}, [], Placement(run=False, stay=False)),
            ({}, [("k", "NoSchedule")], Placement(run=False, stay=True)),
            ({}, [("k", "NoExecute")], Placement(run=False, stay=False)),
            ({}, [("k", "PreferNoSchedule")], Placement(run=True, stay=True)),
            ({}, [("node.kubernetes.io/unreachable", "NoExecute")], Placement(run=True, stay=True)),
            ({}, [("node.kubernetes.io/network-unavailable", "NoSchedule")], Placement(run=False, stay=True)),
            (
                {"host_network": True},
                [("node.kubernetes.io/network-unavailable", "NoSchedule")],
                Placement(run=True, stay=True),
            ),
            (
                {"tolerations": (Toleration(key="k", operator="Exists"),)},
                [("k", "NoExecute")],
                Placement(run=True, stay=True),
            ),
        ],
    )
    def test_rule(self, spec: dict[str, Any], taints: list[tuple[str, str]], expected: Placement) -> None:
        node = Node(
            metadata=ObjectMeta(name="node01"),
            spec=NodeSpec(taints=tuple(Taint(key=key, effect=effect) for key, effect in taints)),
        )
        assert placement(PodTemplateSpec(spec=PodSpec(**spec)), node) == expected


class TestTemplate:
    def test_the_old_generation_is_a_label_if_an_annotation_says_it(self) -> None:
        sim = volsim.Simulation(nodes=1)
        manifest = daemon_set()
        manifest["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": "7"}
        sim.apply(manifest)
        sim.settle()
        assert sim.list("pods")[0].metadata.labels["pod-template-generation"] == "7"


class TestLife:
    def test_a_pod_stays_on_a_dead_node_and_none_is_made_beside_it(self) -> None:
        sim = settled(nodes=2)
        sim.fail_node("node01")
        sim.run("1h")
        assert nodes_of(sim) == ["node01", "node02"]
        status = sim.get("ds/agent").status
        assert (status.desired_number_scheduled, status.number_misscheduled, status.number_ready) == (1, 1, 1)
        sim.recover_node("node01")
        sim.settle()
        assert sim.get("ds/agent").status.number_ready == 2

    def test_a_failed_pod_is_replaced_at_once_and_then_ever_more_slowly(self) -> None:
        sim = settled(nodes=1)
        for expected in (0.0, 1.0, 2.0):
            start, old = sim.now, sim.list("pods")[0]
            sim.patch(f"pod/{old.name}", {"status": {"phase": "Failed"}}, subresource="status")
            sim.run(until=is_replaced(old.name))
            assert sim.now - start == expected
        text = f"Found failed daemon pod default/{old.name} on node node01, will try to kill it"
        assert text in messages(sim, "FailedDaemonPod")

    def test_a_succeeded_pod_is_replaced_since_1_27(self) -> None:
        for version, expected in (("1.26", "Succeeded"), ("1.27", "Running")):
            sim = settled(version, nodes=1)
            name = sim.list("pods")[0].name
            sim.patch(f"pod/{name}", {"status": {"phase": "Succeeded"}}, subresource="status")
            sim.settle()
            assert [pod.status.phase for pod in sim.list("pods")] == [expected]

    def test_what_is_left_goes_with_the_set(self) -> None:
        sim = settled()
        sim.delete("ds/agent")
        sim.settle()
        assert (sim.list("pods"), sim.list("controllerrevisions")) == ([], [])

    def test_orphans_are_adopted_and_surplus_ones_deleted(self) -> None:
        sim = settled(nodes=2)
        sim.delete("ds/agent", propagation="Orphan")
        sim.settle()
        kept = nodes_of(sim)
        spec = {"nodeName": "node01", "containers": [{"name": "c", "image": "nginx:1"}]}
        metadata = {"name": "late", "labels": {"app": "agent"}}
        sim.run("1m")
        sim.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        sim.apply(daemon_set())
        sim.settle()
        assert nodes_of(sim) == kept
        assert messages(sim, "SuccessfulDelete") == ["Deleted pod: late"]

    def test_a_refused_pod_is_told_once_a_try_and_made_when_it_can_be(self) -> None:
        sim = settled(nodes=3, pod={"priorityClassName": "high"})
        assert len(messages(sim, "FailedCreate")) == 1
        sim.apply(
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}
        )
        sim.run("1m")
        assert len(nodes_of(sim)) == 3

    def test_an_unscheduled_pod_of_a_node_that_is_gone_is_deleted(self) -> None:
        sim = volsim.Simulation(nodes=2)
        sim.apply(daemon_set(pod={"schedulerName": "nobody"}))
        sim.settle()
        assert nodes_of(sim) == ["", ""]
        sim.delete("node/node02")
        sim.label("node/node01", touched="yes")
        sim.apply(daemon_set(pod={"schedulerName": "nobody"}, minReadySeconds=1))
        sim.settle()
        assert nodes_of(sim) == [""]


class TestUpdates:
    def test_one_node_after_the_other(self) -> None:
        sim = settled()
        sim.apply(daemon_set(image="nginx:2"))
        while sim.peek() is not None and sim.step() is not None:
            assert len([pod for pod in sim.list("pods") if pod.metadata.deletion_timestamp is None]) >= 2
        assert images(sim) == {"nginx:2"}
        assert sim.get("ds/agent").status.updated_number_scheduled == 3

    def test_which_node_is_next_is_open(self) -> None:
        sim = settled()
        sim.apply(daemon_set(image="nginx:2"))
        found = sim.engine.controller("daemonset").sync(sim.state, "default/agent")
        assert isinstance(found, Choose)
        assert sorted(label for label, _ in found.options) == sorted(pod.name for pod in sim.list("pods"))

    def test_as_many_at_once_as_may_be_unavailable(self) -> None:
        strategy = rolling(maxUnavailable="100%")
        sim = settled(updateStrategy=strategy)
        sim.apply(daemon_set(updateStrategy=strategy, image="nginx:2"))
        assert not isinstance(sim.engine.controller("daemonset").sync(sim.state, "default/agent"), Choose)
        sim.settle()
        assert images(sim) == {"nginx:2"}

    def test_a_pod_that_is_ill_is_replaced_first(self) -> None:
        sim = settled(nodes=3)
        sick = next(pod.name for pod in sim.list("pods") if pod.spec.node_name == "node02")
        sim.partition_node("node02")
        sim.patch(
            f"pod/{sick}", {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, subresource="status"
        )
        sim.run("1s")
        sim.apply(daemon_set(image="nginx:2"))
        sim.run("1s")
        assert sim.get(f"pod/{sick}").metadata.deletion_timestamp is not None

    def test_with_surge_a_node_has_its_new_pod_before_the_old_one_goes(self) -> None:
        strategy = rolling(maxSurge=1, maxUnavailable=0)
        sim = settled(updateStrategy=strategy)
        sim.apply(daemon_set(updateStrategy=strategy, image="nginx:2"))
        most = 0
        while sim.peek() is not None and sim.step() is not None:
            living = [pod for pod in sim.list("pods") if pod.metadata.deletion_timestamp is None]
            most = max(most, len(living))
            assert len(living) >= 3
        assert most == 4
        assert images(sim) == {"nginx:2"}

    def test_an_ill_pod_has_its_new_one_at_once_whatever_the_surge(self) -> None:
        strategy = rolling(maxSurge=1, maxUnavailable=0)
        sim = settled(updateStrategy=strategy)
        for node in ("node01", "node02"):
            sim.partition_node(node)
            sick = next(pod.name for pod in sim.list("pods") if pod.spec.node_name == node)
            unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
            sim.patch(f"pod/{sick}", unready, subresource="status")
        sim.run("1s")
        sim.apply(daemon_set(updateStrategy=strategy, image="nginx:2"))
        sim.run("1s")
        assert len([pod for pod in sim.list("pods") if pod.spec.containers[0].image == "nginx:2"]) == 3
        for node in ("node01", "node02"):
            sim.heal_node(node)
        sim.settle()
        assert (nodes_of(sim), images(sim)) == (["node01", "node02", "node03"], {"nginx:2"})

    def test_a_node_that_is_not_wanted_keeps_its_old_pod_while_others_are_missing(self) -> None:
        strategy = rolling(maxSurge=1, maxUnavailable=0)
        sim = settled(updateStrategy=strategy)
        sim.taint("node01", "maintenance", effect="NoSchedule")
        sim.settle()
        sim.apply(daemon_set(updateStrategy=strategy, image="nginx:2"))
        sim.settle()
        assert (nodes_of(sim), images(sim)) == (["node02", "node03"], {"nginx:2"})

    def test_surge_is_not_there_before_1_22(self) -> None:
        sim = settled("1.21", updateStrategy=rolling(maxSurge=1, maxUnavailable=1))
        assert sim.get("ds/agent").spec.update_strategy.rolling_update.max_surge is None

    def test_on_delete_waits(self) -> None:
        strategy = {"type": "OnDelete"}
        sim = settled(nodes=2, updateStrategy=strategy)
        sim.apply(daemon_set(updateStrategy=strategy, image="nginx:2"))
        sim.settle()
        assert images(sim) == {"nginx:1"}
        sim.delete(f"pod/{sim.list('pods')[0].name}")
        sim.settle()
        assert images(sim) == {"nginx:1", "nginx:2"}

    def test_min_ready_seconds_slow_it_down(self) -> None:
        sim = settled(nodes=2)
        sim.run("1m")
        sim.apply(daemon_set(minReadySeconds=10, image="nginx:2"))
        assert sim.settle() == 20.0

    def test_the_history_is_bounded_and_numbered(self) -> None:
        sim = settled(nodes=1, revisionHistoryLimit=1)
        for image in ("nginx:2", "nginx:3", "nginx:4"):
            sim.apply(daemon_set(revisionHistoryLimit=1, image=image))
            sim.settle()
        revisions = sim.list("controllerrevisions")
        assert sorted(each.revision for each in revisions) == [3, 4]
        hashes = {each.metadata.labels["controller-revision-hash"] for each in revisions}
        assert sim.list("pods")[0].metadata.labels["controller-revision-hash"] in hashes
