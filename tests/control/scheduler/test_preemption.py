"""An important pod takes the place of less important ones.

Source: kube-scheduler, plugins/defaultpreemption; framework/preemption.
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.scheduler.clusters import Manifest, claim, found_pod, node, place, said, volume
from tests.control.scheduler.clusters import cluster as without_classes
from tests.control.scheduler.clusters import pod as without_priority
from tests.control.workloads import condition, messages
from volsim.control.contract import Choose
from volsim.control.scheduler import CONTROLLER

HIGH = 1000
BINDERS = ("pv-binder", "pv-phases")


def priority_class(value: int) -> Manifest:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": f"p{value}"},
        "value": value,
    }


def pod(name: str = "web", *, priority: int = 0, **spec: Any) -> Manifest:
    """A pod of the class that gives this priority."""
    return without_priority(name, priorityClassName=f"p{priority}", **spec)


def cluster(nodes: Any, *manifests: Manifest, **options: Any) -> volsim.Simulation:
    """A cluster with a class for each priority that is used here."""
    values = (0, 1, 2, 3, 4, 5, HIGH - 1, HIGH, HIGH + 1)
    return without_classes(nodes, *map(priority_class, values), *manifests, **options)


def filled(*names: str, version: str | None = None, **spec: Any) -> volsim.Simulation:
    """A cluster in which each node has one pod of each of `names`; they ask for what `spec` says."""
    sim = cluster([node("n1"), node("n2")], kubernetes=version or "1.36")
    for on in ("n1", "n2"):
        for name in names:
            sim.apply(pod(f"{name}-{on}", labels={"app": name}, nodeName=on, priority=0, **spec))
    return sim


def left(sim: volsim.Simulation) -> list[str]:
    """The pods that are there and not on their way out."""
    return [each.metadata.name or "" for each in sim.list("pods") if each.metadata.deletion_timestamp is None]


class TestVictims:
    def test_make_room_and_the_pod_follows(self) -> None:
        sim = cluster([node("n1")], pod("low", cpu="3", priority=1), pod(cpu="3", priority=HIGH))
        victim = found_pod(sim, "low")
        assert victim.metadata.deletion_timestamp is not None
        assert found_pod(sim).status.nominated_node_name == "n1"
        assert place(sim) is None
        sim.delete("pod/low", force=True)
        sim.settle()
        assert place(sim) == "n1"
        assert found_pod(sim).status.nominated_node_name is None

    def test_whoever_has_the_only_use_of_a_claim_gives_it_up(self) -> None:
        """Removing the pod helps on its own node only: ReadWriteOncePod is asked about on every node."""
        alone: dict[str, Any] = {"accessModes": ["ReadWriteOncePod"]}
        made = volume("v", storage_class="")
        made["spec"].update(alone)
        low = pod("low", claims=("data",), priority=1, nodeName="n2")
        sim = cluster([node("n1"), node("n2")], made, claim(storage_class="", **alone), low, more=BINDERS)
        sim.apply(pod(claims=("data",), priority=HIGH))
        sim.run("1s")
        assert left(sim) == ["web"]
        assert found_pod(sim).status.nominated_node_name == "n2"
        sim.delete("pod/low", force=True, grace_period=0)
        sim.run("1m")
        assert place(sim) == "n2"

    def test_are_as_few_as_can_be(self) -> None:
        sim = cluster([node("n1")])
        for number in range(4):
            sim.apply(pod(f"low-{number}", cpu="1", nodeName="n1", priority=number))
        sim.apply(pod(cpu="2", priority=HIGH))
        sim.settle()
        assert left(sim) == ["low-2", "low-3", "web"]

    def test_are_never_as_important_as_the_pod(self) -> None:
        sim = cluster([node("n1")], pod("low", cpu="3", priority=HIGH), pod(cpu="3", priority=HIGH))
        assert left(sim) == ["low", "web"]
        assert "1 No preemption victims found for incoming pod." in said(sim)

    def test_do_not_help_where_something_else_is_in_the_way(self) -> None:
        sim = cluster(
            [node("n1")], pod("low", cpu="3", priority=0), pod(cpu="3", priority=HIGH, nodeSelector={"a": "b"})
        )
        assert left(sim) == ["low", "web"]
        assert "Preemption is not helpful for scheduling" in said(sim)

    def test_do_not_help_where_it_would_not_be_enough(self) -> None:
        """The pod that stays has the port that is wanted, too."""
        ports = [{"containerPort": 80, "hostPort": 80}]
        sim = cluster([node("n1")], pod("low", cpu="1", priority=0), pod("peer", ports=ports, priority=HIGH))
        sim.apply(pod(ports=ports, priority=HIGH))
        sim.settle()
        assert left(sim) == ["low", "peer", "web"]
        assert "1 node(s) didn't have free ports for the requested pod ports." in said(sim).partition("preemption")[2]

    @pytest.mark.parametrize(
        ("version", "text"),
        [
            ("1.20", "Preempted by default/web on node n1"),
            ("1.28", "Preempted by a pod on node n1"),
            ("1.36", "Preempted by pod {uid} on node n1"),
        ],
    )
    def test_are_told(self, version: str, text: str) -> None:
        sim = cluster([node("n1")], pod("low", cpu="3", priority=0), pod(cpu="3", priority=1), kubernetes=version)
        uid = found_pod(sim).metadata.uid
        assert messages(sim, "Preempted") == [text.format(uid=uid)]

    def test_have_a_condition_since_1_26(self) -> None:
        sim = cluster([node("n1")], pod("low", cpu="3", priority=0), pod(cpu="3", priority=1))
        why = condition(found_pod(sim, "low"), "DisruptionTarget")
        assert (why.status, why.reason) == ("True", "PreemptionByScheduler")


class TestWhichNode:
    def test_the_one_with_the_least_important_victim(self) -> None:
        sim = cluster([node("n1"), node("n2")])
        for name, priority in (("n1", 5), ("n2", 3)):
            sim.apply(pod(f"low-{name}", cpu="4", nodeName=name, priority=priority))
        sim.apply(pod(cpu="1", priority=HIGH))
        sim.settle()
        assert left(sim) == ["low-n1", "web"]

    def test_then_the_one_with_the_smaller_sum_of_priorities(self) -> None:
        sim = cluster([node("n1"), node("n2")])
        for name, priorities in (("n1", (5, 4)), ("n2", (5, 1))):
            for number, priority in enumerate(priorities):
                sim.apply(pod(f"low-{name}-{number}", cpu="2", nodeName=name, priority=priority))
        sim.apply(pod(cpu="4", priority=HIGH))
        sim.settle()
        assert left(sim) == ["low-n1-0", "low-n1-1", "web"]

    def test_then_the_one_whose_victim_has_run_for_the_shortest_time(self) -> None:
        sim = cluster([node("n1"), node("n2")])
        for name, started in (("n1", "2026-01-01T00:00:00Z"), ("n2", "2026-01-01T00:01:00Z")):
            sim.apply(pod(f"low-{name}", cpu="4", nodeName=name, priority=1))
            sim.patch(f"pod/low-{name}", {"status": {"startTime": started}}, subresource="status")
        sim.run("2m")
        sim.apply(pod(cpu="1", priority=HIGH))
        sim.settle()
        assert left(sim) == ["low-n1", "web"]

    def test_equally_good_ones_are_a_choice(self) -> None:
        sim = filled("low", cpu="4")
        sim.apply(pod(cpu="1", priority=HIGH))
        found = CONTROLLER.sync(sim.state, "default/web")
        assert isinstance(found, Choose)
        assert [label for label, _ in found.options] == ["n1", "n2"]
        sim.settle()
        assert len(left(sim)) == 2

    def test_pods_under_a_disruption_budget_are_spared(self) -> None:
        sim = filled("low", cpu="4")
        sim.apply(budget("low", allowed=0))
        sim.label("pod/low-n2", app="other")
        sim.apply(pod(cpu="1", priority=HIGH))
        sim.settle()
        assert left(sim) == ["low-n1", "web"]

    def test_but_not_at_any_price(self) -> None:
        sim = cluster([node("n1")], pod("low", labels={"app": "low"}, cpu="4", priority=0), budget("low", allowed=0))
        sim.apply(pod(cpu="1", priority=HIGH))
        sim.settle()
        assert left(sim) == ["web"]

    def test_of_a_nodes_pods_the_protected_are_given_back_first(self) -> None:
        sim = cluster([node("n1")], budget("safe", allowed=0))
        for name, priority in (("safe", 0), ("free", 5)):
            sim.apply(pod(name, labels={"app": name}, cpu="2", nodeName="n1", priority=priority))
        sim.apply(pod(cpu="2", priority=HIGH))
        sim.settle()
        assert left(sim) == ["safe", "web"]


def budget(app: str, *, allowed: int) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": app},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": app}}},
        "status": {"disruptionsAllowed": allowed},
    }


class TestWhatIsNominated:
    def waiting(self) -> volsim.Simulation:
        """The victim is on its way out, the important pod waits for that."""
        return cluster([node("n1")], pod("low", cpu="3", priority=1), pod(cpu="3", priority=HIGH))

    def test_less_important_pods_cannot_have_the_place(self) -> None:
        sim = self.waiting()
        sim.apply(pod("late", cpu="3", priority=HIGH - 1))
        sim.delete("pod/low", force=True)
        sim.settle()
        assert place(sim) == "n1"
        assert place(sim, "late") is None

    def test_a_more_important_one_can(self) -> None:
        sim = self.waiting()
        sim.apply(pod("late", cpu="3", priority=HIGH + 1))
        sim.delete("pod/low", force=True)
        sim.settle()
        assert place(sim, "late") == "n1"
        assert place(sim) is None

    def test_nobody_else_is_removed_while_a_victim_is_on_its_way_out(self) -> None:
        sim = self.waiting()
        sim.apply(pod("other", cpu="0", memory="0", nodeName="n1", priority=0))
        sim.run("6m")  # the pod is tried again meanwhile
        assert left(sim) == ["other", "web"]
        assert "not eligible due to a terminating pod on the nominated node." in said(sim)
        assert found_pod(sim).status.nominated_node_name == "n1"

    def test_a_nomination_that_has_become_useless_is_cleared(self) -> None:
        sim = self.waiting()
        sim.apply(node("n2", cpu="1"))
        sim.patch("node/n1", {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}})
        sim.delete("pod/low", force=True)
        sim.run("6m")
        assert found_pod(sim).status.nominated_node_name is None


def test_a_pod_may_be_important_and_polite() -> None:
    polite = {**priority_class(HIGH + 2), "preemptionPolicy": "Never"}
    sim = cluster([node("n1")], polite, pod("low", cpu="3", priority=1), pod(cpu="3", priority=HIGH + 2))
    sim.settle()
    assert left(sim) == ["low", "web"]
    assert "not eligible due to preemptionPolicy=Never." in said(sim)


def test_a_victim_that_is_on_its_way_out_is_not_removed_again() -> None:
    """A more important pod comes while the first one waits for its victim: it takes the same place."""
    sim = cluster([node("n1")], pod("low", cpu="3", priority=1), pod("first", cpu="3", priority=HIGH))
    sim.run("2s")
    sim.apply(pod(cpu="3", priority=HIGH + 1))
    sim.settle()
    assert found_pod(sim).status.nominated_node_name == "n1"
    assert len(messages(sim, "Preempted")) == 1


def test_of_many_candidates_a_hundred_are_enough() -> None:
    names = [f"n{number:03}" for number in range(101)]
    sim = cluster([node(name, pods="1") for name in names])
    for name in names:
        sim.apply(pod(f"low-{name}", nodeName=name, priority=2 if name != names[-1] else 1))
    sim.apply(pod(priority=HIGH))
    found = CONTROLLER.sync(sim.state, "default/web")
    assert isinstance(found, Choose)
    assert [label for label, _ in found.options] == names[:100]  # the last would have been better
