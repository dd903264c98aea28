"""Pods that have to bear taints: whose time runs, what ends it, and what is said.

Source: pkg/controller/tainteviction/taint_eviction.go (processPodOnNode, handlePodUpdate, handleNodeUpdate).
"""

from __future__ import annotations

import pytest

import volsim
from tests.incidents.manifests import exists, messages, pod, settled

MARKED, CANCELLED = "Marking for deletion Pod default/p", "Cancelling deletion of Pod default/p"


def bearing(*limits: tuple[str, int]) -> volsim.Simulation:
    """A pod that bears taints for so many seconds, on the only node, which is off but not noticed yet."""
    each = "{{key: {}, operator: Exists, effect: NoExecute, tolerationSeconds: {}}}"
    tolerations = f"[{', '.join(each.format(*limit) for limit in limits)}]"
    sim = volsim.Simulation(nodes=1, rules=volsim.Rules.for_version("1.36", node_monitor_grace_period="10d"))
    settled(sim, pod(source="emptyDir: {}", tolerations=tolerations))
    sim.fail_node("node01")
    return sim


def told(sim: volsim.Simulation) -> list[tuple[float, str]]:
    return [((each.first_timestamp or 0) / 1e6, each.message or "") for each in sim.events if is_eviction(each.reason)]


def is_eviction(reason: str | None) -> bool:
    return reason == "TaintManagerEviction"


def test_the_time_runs_from_the_first_taint_whatever_comes_after_it() -> None:
    sim = bearing(("a", 60), ("b", 600), ("c", 1))
    sim.taint("node01", "a", effect="NoExecute")
    sim.run("10s")
    for key in "bc":
        sim.taint("node01", key, effect="NoExecute")
    sim.taint("node01", "a", effect="NoExecute", remove=True)
    sim.run("5m")
    assert told(sim) == [(60, MARKED)]


def test_a_taint_that_it_cannot_bear_ends_it_at_once() -> None:
    sim = bearing(("a", 60))
    sim.taint("node01", "a", effect="NoExecute")
    sim.run("10s")
    sim.taint("node01", "b", effect="NoExecute")
    sim.run("5m")
    assert told(sim) == [(10, CANCELLED), (10, MARKED)]


def test_it_is_cancelled_when_the_taints_go_and_begins_afresh() -> None:
    sim = bearing(("a", 60))
    sim.taint("node01", "a", effect="NoExecute")
    sim.run("50s")
    sim.taint("node01", "a", effect="NoExecute", remove=True)
    sim.run("50s")
    sim.taint("node01", "a", effect="NoExecute")
    sim.run("5m")
    assert told(sim) == [(50, CANCELLED), (160, MARKED)]


def test_it_is_cancelled_when_the_pod_goes() -> None:
    sim = bearing(("a", 60))
    sim.taint("node01", "a", effect="NoExecute")
    sim.run("10s")
    sim.delete("pod/p", force=True)
    sim.run("5m")
    assert told(sim) == [(10, CANCELLED)]


def test_a_pod_that_was_told_to_go_already_is_told_again() -> None:
    sim = bearing(("a", 60))
    sim.taint("node01", "a", effect="NoExecute")
    sim.delete("pod/p")
    sim.run("5m")
    assert told(sim) == [(60, MARKED)]
    conditions = {each.type: each.reason for each in sim.get("pod/p").status.conditions}
    assert conditions["DisruptionTarget"] == "DeletionByTaintManager"


def test_the_nodes_deletion_does_not_stop_the_time() -> None:
    sim = bearing(("a", 30))
    sim.taint("node01", "a", effect="NoExecute")
    sim.run("1s")
    sim.delete("node/node01")
    sim.run("30s")
    assert told(sim) == [(30, MARKED)]
    sim.run("2m")
    assert not exists(sim, "pod/p"), "the garbage collector removes it"
    assert messages(sim, "TaintManagerEviction") == [MARKED]


@pytest.mark.parametrize(
    ("kubernetes", "component"), [("1.28", "taint-controller"), ("1.29", "taint-eviction-controller")]
)
def test_who_says_so(kubernetes: str, component: str) -> None:
    sim = settled(volsim.Simulation(nodes=1, kubernetes=kubernetes), pod(source="emptyDir: {}"))
    sim.taint("node01", "a", effect="NoExecute")
    sim.run("1s")
    [event] = [each for each in sim.events if each.reason == "TaintManagerEviction"]
    assert event.source is not None
    assert event.source.component == component
