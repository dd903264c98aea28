"""What a search leaves out changes no verdict: the same is said of a cluster with and without each reduction."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from volsim.exploration import Bounds, Exploration, Faults, Order, Reduction, search
from volsim.exploration.properties import Property, always, eventually, sometimes
from volsim.testing import strategies

MOST = 1_500
MANY = settings(max_examples=25, deadline=None)

small_clusters = strategies.clusters(max_nodes=2, max_volumes=2, max_claims=2, max_pods=1)
budgets = st.sampled_from(
    [
        Faults(),
        Faults(node_failures=1),
        Faults(node_failures=1, healing=False),
        Faults(partitions=1),
        Faults(node_losses=1),
        Faults(container_crashes=1),
        Faults(pod_deletions=1),
    ]
)


def phases(sim: volsim.Simulation, kind: str) -> list[str | None]:
    return [each.status.phase for each in sim.list(kind)]


PROPERTIES: tuple[Property, ...] = (
    always("nothing is lost", lambda sim: "Lost" not in phases(sim, "persistentvolumeclaims")),
    always("nothing failed", lambda sim: "Failed" not in phases(sim, "persistentvolumes")),
    always("two claims are never bound", lambda sim: phases(sim, "persistentvolumeclaims").count("Bound") < 2),
    sometimes("a claim is bound", lambda sim: "Bound" in phases(sim, "persistentvolumeclaims")),
    sometimes("a pod runs", lambda sim: "Running" in phases(sim, "pods")),
    eventually("no claim waits", lambda sim: "Pending" not in phases(sim, "persistentvolumeclaims")),
    eventually("every pod runs", lambda sim: all(phase == "Running" for phase in phases(sim, "pods"))),
    eventually("nothing terminates", lambda sim: all(p.metadata.deletion_timestamp is None for p in sim.list("pods"))),
)


def found(sim: volsim.Simulation, faults: Faults, order: Order, reductions: Iterable[Reduction]) -> Exploration:
    bounds = Bounds(max_states=MOST)
    return search(
        sim.state, sim.engine, faults=faults, properties=PROPERTIES, bounds=bounds, order=order, reductions=reductions
    )


def verdicts(explored: Exploration) -> dict[str, str]:
    return {answer.name: answer.verdict.value for answer in explored.answers}


@pytest.mark.parametrize(
    ("order", "reductions"),
    [
        (Order.ANY, {Reduction.IDLE}),
        (Order.ANY, {Reduction.SYMMETRY}),
        (Order.ANY, {Reduction.PHASE}),
        (Order.WAVES, {Reduction.IDLE}),
        (Order.WAVES, {Reduction.COMMUTING}),
        (Order.WAVES, {Reduction.SYMMETRY, Reduction.PHASE}),
        (Order.WAVES, set(Reduction)),
    ],
    ids=lambda value: value.value if isinstance(value, Order) else "+".join(sorted(value)),
)
@given(sim=small_clusters, faults=budgets)
@MANY
def test_verdicts_are_the_same_with_and_without(
    order: Order, reductions: set[Reduction], sim: volsim.Simulation, faults: Faults
) -> None:
    plain = found(sim, faults, order, ())
    if not plain.complete:
        return
    reduced = found(sim, faults, order, reductions)
    assert reduced.complete
    assert verdicts(reduced) == verdicts(plain)
    assert reduced.states <= plain.states


@given(sim=small_clusters, faults=budgets)
@MANY
def test_what_waves_find_any_order_finds_too(sim: volsim.Simulation, faults: Faults) -> None:
    """Waves are some of all orders: no end is reached that is not reached in any order."""
    everything = found(sim, faults, Order.ANY, {Reduction.IDLE})
    if not everything.complete:
        return
    waves = found(sim, faults, Order.WAVES, {Reduction.IDLE})
    assert set(waves.terminal) <= set(everything.terminal)


@given(sim=small_clusters, faults=budgets)
@MANY
def test_a_reduced_story_can_be_gone(sim: volsim.Simulation, faults: Faults) -> None:
    explored = found(sim, faults, Order.WAVES, Reduction)
    for answer in explored.answers:
        if answer.path is not None:
            steps = explored.replay((*answer.path, *answer.cycle))
            assert [step.action for step in steps] == [*answer.path, *answer.cycle]
