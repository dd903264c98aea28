"""Who calls nodes by their names gets answers about these nodes, whatever is left out for symmetry."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import volsim
from tests.exploration.clusters import cluster, pod, settled
from volsim import Faults, properties
from volsim.exploration import ALL_REDUCTIONS, Reduction
from volsim.exploration.naming import named_by

NODES = ("node01", "node02", "node03")
LAST = "node03"


def node_of(sim: volsim.Simulation) -> str | None:
    node: str | None = sim.get("pod/p").spec.node_name
    return node


def is_on(node: str, sim: volsim.Simulation) -> bool:
    return node_of(sim) == node


def is_on_the_last(sim: volsim.Simulation) -> bool:
    return is_on(LAST, sim)


class On:
    def __init__(self, node: str) -> None:
        self.node = node

    def __call__(self, sim: volsim.Simulation) -> bool:
        return is_on(self.node, sim)

    def holds(self, sim: volsim.Simulation) -> bool:
        return is_on(self.node, sim)


def closing_over(node: str) -> Callable[[volsim.Simulation], bool]:
    return lambda sim: node_of(sim) == node


WAYS: dict[str, Callable[[volsim.Simulation], bool]] = {
    "constant": lambda sim: node_of(sim) == "node03",
    "default": lambda sim, node="node03": node_of(sim) == node,  # type: ignore[misc]
    "closure": closing_over("node03"),
    "partial": partial(is_on, "node03"),
    "global": is_on_the_last,
    "object": On("node03"),
    "method": On("node03").holds,
    "in a container": lambda sim: node_of(sim) in {"node03": 1},
    "nested": lambda sim: any(node == "node03" for node in map(node_of, [sim])),
}
"""Ways to name a node in a property."""


@pytest.mark.parametrize("way", WAYS)
def test_a_name_is_found_wherever_it_stands(way: str) -> None:
    assert named_by(WAYS[way], NODES) == {"node03"}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_asked_of_one_node_by_name_is_answered(way: str) -> None:
    report = volsim.explore(cluster(pod("p"), nodes=3), properties=[properties.sometimes("on node03", WAYS[way])])
    assert report.ok


def test_names_are_whole_words() -> None:
    assert named_by("node012 xnode01", NODES) == set()
    assert named_by("drain node01,node02", NODES) == {"node01", "node02"}
    assert named_by("anything", ()) == set()


@pytest.mark.parametrize("place", range(3))
def test_a_node_that_is_found_by_its_place_is_told_apart_too(place: int) -> None:
    def holds(sim: volsim.Simulation) -> bool:
        return bool(node_of(sim) == sim.list("nodes")[place].name)

    report = volsim.explore(cluster(pod("p"), nodes=3), properties=[properties.sometimes("it is there", holds)])
    assert report.ok


def test_never_on_a_node_that_is_found_by_its_place_is_violated() -> None:
    def holds(sim: volsim.Simulation) -> bool:
        return bool(node_of(sim) != sim.list("nodes")[-1].name)

    runs: list[int] = []
    report = volsim.explore(
        cluster(pod("p"), nodes=3),
        properties=[properties.always("it is elsewhere", holds)],
        progress=lambda progress: runs.append(progress.run),
    )
    assert [violation.name for violation in report.violations] == ["it is elsewhere"]
    assert runs[-1] == 2  # once more, without symmetry


def test_what_people_do_to_a_node_by_name_counts() -> None:
    start = cluster(pod("p"), nodes=2)
    gone = properties.sometimes("it is gone", lambda sim: not sim.list("pods"))
    for node in ("node01", "node02"):
        faults = Faults(user_actions=[f"kubectl taint node {node} broken=yes:NoExecute"])
        assert volsim.explore(start, properties=[gone], faults=faults).ok


def test_nodes_that_nobody_names_are_still_interchangeable() -> None:
    start = cluster(pod("p"), nodes=3)
    runs = properties.runs("pod/p")
    without = volsim.explore(start, properties=[runs], reductions=ALL_REDUCTIONS - {Reduction.SYMMETRY})
    report = volsim.explore(start, properties=[runs])
    assert report.ok
    assert without.ok
    assert report.states < without.states


@pytest.mark.parametrize("reductions", [(), ALL_REDUCTIONS])
def test_what_does_not_count_in_a_situation_cannot_be_asked_for(reductions: Any) -> None:
    start = settled(cluster(pod("p"), nodes=1))
    report = volsim.explore(
        start,
        faults=Faults(node_failures=1),
        properties=[properties.always("it is early", lambda sim: sim.now < start.now + 20)],
        reductions=reductions,
    )
    assert not report.ok
    assert report.violations or (report.answers[0].unclear and "tells states apart that count as one" in str(report))


def test_of_the_time_nothing_is_known_that_no_state_decides() -> None:
    start = settled(cluster(nodes=1))
    report = volsim.explore(
        start,
        faults=Faults(node_failures=1),
        properties=[properties.sometimes("an hour has passed", lambda sim: sim.now > start.now + 3600)],
    )
    assert not report.ok
