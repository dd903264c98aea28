"""What wakes a pod that was turned away, and when.

Source: kube-scheduler, pkg/scheduler/backend/queue/scheduling_queue.go.
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.scheduler.clusters import Manifest, attempts, claim, cluster, node, place, pod, storage_class, volume
from tests.control.scheduler.test_preemption import priority_class
from tests.control.workloads import messages
from volsim.apiserver import requests
from volsim.apiserver.writes import Put
from volsim.control.contract import Outcome
from volsim.control.scheduler import CONTROLLER

TAINT = [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]


def joined_by_useless_nodes(version: str) -> volsim.Simulation:
    """Every second a node joins that seems to help, but does not."""
    sim = cluster([node("n1")], pod(cpu="8"), kubernetes=version)
    for number in range(30):
        sim.apply({**node(f"x{number:02}", cpu="16"), "spec": {"taints": TAINT}})
        sim.run("1s")
    return sim


class TestBackOff:
    def test_it_doubles_from_one_second_to_ten(self) -> None:
        assert attempts(joined_by_useless_nodes("1.32")) == [0.0, 1.0, 3.0, 7.0, 15.0, 25.0]

    def test_an_idle_scheduler_does_not_wait_for_its_end_since_1_33(self) -> None:
        sim = cluster([node("n1")], pod(cpu="8"))
        sim.apply(node("n2", cpu="16"))
        sim.settle()
        assert (place(sim), sim.now) == ("n2", 0.0)
        assert (
            len(attempts(joined_by_useless_nodes("1.36"))) == 31
        )  # the text counts the nodes: it is another each time

    def test_the_same_answer_is_not_given_again_before_its_end(self) -> None:
        for version in ("1.20", "1.36"):
            sim = cluster([node("n1")], pod(cpu="8"), kubernetes=version)
            sim.label("pod/web", a="b")
            sim.run("30s")
            assert attempts(sim) == [0.0]

    def test_a_changed_pod_waits_for_its_end_from_1_21_to_1_32(self) -> None:
        tolerations = [{"key": "dedicated", "operator": "Exists"}]
        for version, when in (("1.20", 0.0), ("1.21", 1.0), ("1.32", 1.0), ("1.33", 0.0)):
            sim = cluster([node("n1", taints=TAINT)], pod(), kubernetes=version)
            given = volsim.to_manifest(sim.get("pod/web"))["spec"].get("tolerations", [])
            sim.patch("pod/web", {"spec": {"tolerations": [*given, *tolerations]}})
            sim.settle()
            assert (version, place(sim), sim.now) == (version, "n1", when)

    def test_a_new_pod_of_the_same_name_starts_afresh(self) -> None:
        sim = cluster([node("n1")], pod(cpu="8"))
        for number in range(3):
            sim.apply({**node(f"x{number}", cpu="16"), "spec": {"taints": TAINT}})
            sim.run("3s")
        assert sim.state.get("scheduling", "default/web").backoff_us > 2_000_000
        sim.delete("pod/web", force=True)
        sim.apply(pod(cpu="8"))
        sim.settle()
        assert attempts(sim)[-1] == sim.now
        assert sim.state.get("scheduling", "default/web").backoff_us == 1_000_000


class TestTheFlush:
    def test_a_pod_that_nothing_helps_is_tried_every_five_minutes(self) -> None:
        sim = cluster([node("n1")], pod(cpu="8"))
        sim.run("11m")
        assert attempts(sim) == [0.0, 300.0, 600.0]


def turned_away_by_taint() -> volsim.Simulation:
    return cluster([node("n1", taints=TAINT)], pod())


class TestWhatHelps:
    """Each change is one that the plugin which turned the pod away has been waiting for."""

    def test_uncordon(self) -> None:
        sim = cluster([node("n1", taints=[])])
        sim.cordon("n1")
        sim.apply(pod())
        sim.settle()
        assert place(sim) is None
        sim.run("1m")
        sim.uncordon("n1")
        sim.settle()
        assert (place(sim), sim.now) == ("n1", 60.0)

    def test_a_taint_that_goes(self) -> None:
        sim = turned_away_by_taint()
        sim.run("1m")
        sim.taint("n1", "dedicated", "db", effect="NoSchedule", remove=True)
        sim.settle()
        assert (place(sim), sim.now) == ("n1", 60.0)

    def test_a_toleration_that_the_pod_gets(self) -> None:
        sim = turned_away_by_taint()
        sim.run("1m")
        given = volsim.to_manifest(sim.get("pod/web"))["spec"].get("tolerations", [])
        sim.patch("pod/web", {"spec": {"tolerations": [*given, {"key": "dedicated", "operator": "Exists"}]}})
        sim.settle()
        assert (place(sim), sim.now) == ("n1", 60.0)

    def test_a_label_that_the_node_gets(self) -> None:
        sim = cluster([node("n1")], pod(nodeSelector={"disk": "ssd"}))
        sim.run("1m")
        sim.label("node/n1", disk="ssd")
        sim.settle()
        assert (place(sim), sim.now) == ("n1", 60.0)

    def test_a_pod_that_leaves_room(self) -> None:
        sim = cluster([node("n1")], pod("big", cpu="3", nodeName="n1"), pod(cpu="2"))
        sim.run("1m")
        sim.delete("pod/big", force=True)
        sim.settle()
        assert (place(sim), sim.now) == ("n1", 60.0)

    def test_a_pod_that_frees_a_port(self) -> None:
        ports = [{"containerPort": 80, "hostPort": 8080}]
        sim = cluster([node("n1")], pod("first", ports=ports, nodeName="n1"), pod(ports=ports))
        sim.run("1m")
        sim.delete("pod/first", force=True)
        sim.settle()
        assert (place(sim), sim.now) == ("n1", 60.0)

    @pytest.mark.parametrize(
        ("there", "missing"),
        [
            ([], claim()),
            ([claim(), storage_class()], volume("pv", node="n1")),
        ],
        ids=["claim", "volume"],
    )
    def test_a_part_of_its_storage(self, there: list[Manifest], missing: Manifest) -> None:
        rest = [] if there else [storage_class(), volume("pv", node="n1")]
        sim = cluster([node("n1")], *rest, *there, pod(claims=("data",)), more=("pv-binder", "pv-phases"))
        assert place(sim) is None
        sim.run("1m")
        sim.apply(missing)
        assert sim.run(until=lambda sim: place(sim) == "n1") == 0.0


class TestWhatDoesNotHelp:
    @pytest.mark.parametrize(
        "change",
        [
            {"metadata": {"labels": {"disk": "ssd"}}},
            {"spec": {"taints": [*TAINT, {"key": "more", "effect": "NoSchedule"}]}},
            {"spec": {"unschedulable": True}},
        ],
        ids=["label", "taint", "cordon"],
    )
    def test_is_no_reason_to_try_again(self, change: Any) -> None:
        sim = turned_away_by_taint()
        sim.run("1m")
        sim.patch("node/n1", change)
        sim.run("1m")
        assert attempts(sim) == [0.0]

    def test_a_pod_that_goes_does_not_help_against_a_taint(self) -> None:
        sim = cluster([node("n1", taints=TAINT)], pod("other", nodeName="n1"), pod())
        sim.run("1m")
        sim.delete("pod/other", force=True)
        sim.run("1m")
        assert attempts(sim) == [0.0]


class TestPodsThatAreDeleted:
    """The queue was told that the pod has changed, before it was told that it is gone."""

    def last_words(self, version: str, after: str) -> list[str]:
        sim = cluster([node("n1")], pod(cpu="8"), kubernetes=version)
        sim.run(after)
        sim.delete("pod/web")
        sim.settle()
        assert not sim.state.table("scheduling")
        return messages(sim, "FailedScheduling")[1:]

    def test_were_mentioned_until_1_31(self) -> None:
        assert self.last_words("1.31", "2s") == ["skip schedule deleting pod: default/web"]
        assert self.last_words("1.32", "2s") == []

    def test_unless_they_were_in_their_back_off(self) -> None:
        assert self.last_words("1.20", "0s") == ["skip schedule deleting pod: default/web"]
        assert self.last_words("1.31", "0s") == []

    def test_nothing_is_left_to_do(self) -> None:
        sim = cluster([node("n1")], pod(cpu="8"))
        sim.delete("pod/web")
        sim.settle()
        assert not sim.state.table("scheduling")
        assert sim.peek() is None


def test_a_pod_that_somebody_else_gives_a_node_is_forgotten() -> None:
    sim = cluster([node("n1")], pod(cpu="8"))
    draft = sim.state.draft(sim.engine.watches)
    requests.bind(draft, "default/web", None, "n1")
    state = draft.seal()
    assert ("scheduler", "default/web") in {(action.controller, action.key) for action in sim.engine.enabled(state)}
    assert CONTROLLER.sync(state, "default/web") == Outcome((Put("scheduling", "default/web", None),))


class TestTheOrderOfTheQueue:
    """One node becomes free, and only one of those that wait for it can have it."""

    def winner(self, *waiting: Manifest) -> list[str]:
        sim = cluster([node("n1", cpu="1")], *map(priority_class, (1, 2, 9)), guest())
        for each in waiting:
            sim.apply(each)
            sim.run("20s")
        sim.delete("pod/guest", force=True, grace_period=0)
        sim.settle()
        return [name for name in ("a", "b", "c") if place(sim, name) is not None]

    def test_the_most_important_comes_first(self) -> None:
        pods = [pod(name, cpu="1", priorityClassName=f"p{value}") for name, value in (("a", 1), ("b", 2), ("c", 1))]
        assert self.winner(*pods) == ["b"]

    def test_of_equals_the_one_that_was_tried_the_longest_time_ago(self) -> None:
        pods = [pod(name, cpu="1", priorityClassName="p1") for name in ("c", "a", "b")]
        assert self.winner(*pods) == ["c"]


def guest() -> Manifest:
    """The pod that has the node for the time being."""
    return pod("guest", cpu="1", nodeName="n1", priorityClassName="p9")
