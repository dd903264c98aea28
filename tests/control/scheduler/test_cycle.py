"""Pods get nodes, or are told why not.

Source: kube-scheduler, pkg/scheduler/schedule_one.go; kube-apiserver, pkg/registry/core/pod/storage (binding).
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.scheduler.clusters import attempts, cluster, found_pod, node, place, pod, said, scheduled, why
from volsim.control.contract import Choose, Outcome
from volsim.control.scheduler import CONTROLLER

DB_ONLY = [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]


class TestAPodThatFits:
    def test_it_is_bound_and_told_so(self) -> None:
        sim = cluster([node("n1")], pod())
        assert place(sim) == "n1"
        condition = scheduled(sim)
        assert (condition.status, condition.reason, condition.message) == ("True", None, None)
        (event,) = sim.events
        assert (event.type, event.reason, event.message) == (
            "Normal",
            "Scheduled",
            "Successfully assigned default/web to n1",
        )
        assert event.source is not None
        assert event.source.component == "default-scheduler"
        assert not sim.state.table("scheduling")

    def test_it_goes_to_the_emptier_node(self) -> None:
        sim = cluster([node("n1"), node("n2")], pod("big", cpu="2", nodeName="n1"), pod(cpu="1"))
        assert place(sim) == "n2"

    def test_it_gets_the_labels_of_its_nodes_topology(self) -> None:
        zone, region = {"topology.kubernetes.io/zone": "a"}, {"topology.kubernetes.io/region": "x"}
        for version, expected in (("1.34", {}), ("1.36", {**zone, **region})):
            sim = cluster([node("n1", labels={**zone, **region, "disk": "ssd"})], pod(), kubernetes=version)
            assert dict(found_pod(sim).metadata.labels) == expected

    def test_a_second_look_changes_nothing(self) -> None:
        sim = cluster([node("n1")], pod(), pod("wide", cpu="8"))
        bound, unplaced = (CONTROLLER.sync(sim.state, key) for key in ("default/web", "default/wide"))
        assert isinstance(bound, Outcome)
        assert isinstance(unplaced, Outcome)
        assert (bound.writes, bound.events) == ((), ())
        assert (unplaced.writes, unplaced.events) == ((), ())


class TestPodsThatAreNoneOfItsBusiness:
    @pytest.mark.parametrize(
        "spec",
        [
            {"nodeName": "n1"},
            {"schedulerName": "mine"},
            {"schedulingGates": [{"name": "example.com/wait"}]},
        ],
        ids=["has a node", "another scheduler's", "gated"],
    )
    def test_it_leaves_them_alone(self, spec: dict[str, Any]) -> None:
        sim = cluster([node("n1", taints=DB_ONLY)], pod(**spec))
        assert not sim.events
        assert not sim.state.table("scheduling")
        assert place(sim) == spec.get("nodeName")

    def test_a_pod_whose_gates_are_gone_is_scheduled(self) -> None:
        sim = cluster([node("n1")], pod(schedulingGates=[{"name": "example.com/wait"}]))
        sim.patch("pod/web", {"spec": {"schedulingGates": None}})
        sim.settle()
        assert place(sim) == "n1"

    def test_a_pod_that_is_being_deleted_is_not_scheduled(self) -> None:
        sim = cluster([node("n1", taints=DB_ONLY)], {**pod(), "metadata": {"name": "web", "finalizers": ["a/b"]}})
        sim.delete("pod/web")
        sim.taint("n1", "dedicated", effect="NoSchedule", remove=True)
        sim.settle()
        assert place(sim) is None
        assert not sim.state.table("scheduling")


class TestAPodThatFitsNowhere:
    def test_its_condition_and_an_event_say_why(self) -> None:
        sim = cluster([node("n1", taints=DB_ONLY), node("n2")], pod(cpu="5"))
        condition = scheduled(sim)
        assert (condition.status, condition.reason) == ("False", "Unschedulable")
        assert why(sim) == "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s)."
        (event,) = sim.events
        assert (event.type, event.reason, event.message) == ("Warning", "FailedScheduling", said(sim))

    def test_without_nodes(self) -> None:
        sim = cluster(0, pod())
        assert said(sim) == "no nodes available to schedule pods"
        sim.apply(node("n1"))
        sim.settle()
        assert place(sim) == "n1"

    def test_settling_does_not_wait_for_it(self) -> None:
        sim = cluster([node("n1")], pod(cpu="5"))
        assert sim.now == 0.0

    def test_the_condition_keeps_the_time_of_its_last_change(self) -> None:
        sim = cluster([node("n1")], pod(cpu="5"))
        sim.run("10s")
        sim.taint("n1", "dedicated", "db", effect="NoSchedule")
        sim.run("5m")
        assert why(sim) == "0/1 nodes are available: 1 node(s) had untolerated taint(s)."
        assert scheduled(sim).last_transition_time == 0

    def test_the_same_answer_is_not_written_again(self) -> None:
        sim = cluster([node("n1")], pod(cpu="5"))
        version = found_pod(sim).metadata.resource_version
        sim.run("5m")
        assert len(attempts(sim)) == 2
        assert found_pod(sim).metadata.resource_version == version


class TestEquallyGoodNodes:
    def test_are_a_choice(self) -> None:
        """Every label is a node with the best score, and leads to it."""
        sim = volsim.Simulation(nodes=[node("n1"), node("n2"), node("n3")])
        sim.apply(pod("there", nodeName="n2", cpu="1"))
        sim.apply(pod())
        found = CONTROLLER.sync(sim.state, "default/web")
        assert isinstance(found, Choose)
        assert found.what == "one of 2 equally good places for pod default/web"
        assert [label for label, _ in found.options] == ["n1", "n3"]
        for label, made in found.options:
            outcome = made() if callable(made) else made
            assert outcome.says == f"assign pod default/web to {label}"

    def test_the_seed_decides(self) -> None:
        def places(seed: int) -> list[str | None]:
            names = [f"web-{number}" for number in range(6)]
            sim = cluster([node(f"n{number}") for number in range(6)], *map(pod, names), seed=seed)
            return [place(sim, name) for name in names]

        assert places(1) == places(1)
        assert len({tuple(places(seed)) for seed in range(5)}) > 1
        assert sorted(filter(None, places(3))) == [f"n{number}" for number in range(6)]
