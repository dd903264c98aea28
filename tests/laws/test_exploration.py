"""Laws of exploring: what is found depends on the cluster alone, and what counts as one situation has one future."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from tests.exploration.clusters import claim, cluster, deployment, pod, settled, volume
from volsim.engine.actions import Action, Fault, Sync
from volsim.engine.perform import Engine
from volsim.exploration import ALL_REDUCTIONS, Faults, Order, eventually, exact, search, situation
from volsim.exploration.faults import Spent
from volsim.exploration.search import perform
from volsim.state import State
from volsim.testing import strategies

FEW = settings(max_examples=30)

small_clusters = strategies.clusters(max_nodes=2, max_volumes=1, max_claims=1, max_pods=1)
budgets = st.builds(Faults, node_failures=st.integers(0, 1), partitions=st.integers(0, 1))


class Backwards(Engine):
    """The same engine, which names what can happen in the opposite order."""

    def enabled(self, state: State) -> Iterator[Sync]:
        yield from reversed(list(super().enabled(state)))


@given(small_clusters, budgets)
@FEW
def test_the_order_of_exploring_changes_no_count(sim: volsim.Simulation, faults: Faults) -> None:
    forwards = search(sim.state, sim.engine, faults=faults, max_states=400)
    if not forwards.complete:
        return
    backwards = search(sim.state, Backwards(sim.engine.controllers), faults=faults)
    assert (backwards.states, backwards.transitions) == (forwards.states, forwards.transitions)
    assert sorted(backwards.terminal) == sorted(forwards.terminal)


@pytest.mark.parametrize("same", [exact, situation])
@given(sim=small_clusters, faults=budgets)
@FEW
def test_every_path_replays_to_where_it_is_said_to_lead(
    same: Callable[[State], int], sim: volsim.Simulation, faults: Faults
) -> None:
    found = search(sim.state, sim.engine, faults=faults, max_states=40, same=same)
    for number in found.numbers:
        path = found.path(number)
        assert [step.action for step in found.replay(path)] == list(path)
        state, spent = sim.state, faults.none_spent
        for action in path:
            if isinstance(action, Fault):
                spent = dict(faults.choices(state, spent))[action]
            state, _ = perform(sim.engine, state, action)
        assert state == found.state(path)
        assert hash((same(state), spent)) & ((1 << 64) - 1) == number


@given(small_clusters, budgets)
@FEW
def test_states_of_one_situation_have_the_same_future(sim: volsim.Simulation, faults: Faults) -> None:
    check_futures(sim, faults, most=250)


@pytest.mark.parametrize(
    ("sim", "most"),
    [
        pytest.param(cluster(pod("p")), 60, id="a pod that is tried again for ever"),
        pytest.param(cluster(deployment("web", 2), nodes=2), 500, id="two replicas"),
        pytest.param(settled(cluster(deployment("web", 1), nodes=1)), 500, id="a replica on the only node"),
        pytest.param(settled(cluster(volume("v"), claim("c"), pod("p", "c"), nodes=2)), 300, id="a pod with a claim"),
    ],
)
def test_states_of_one_situation_have_the_same_future_where_many_are_one(sim: volsim.Simulation, most: int) -> None:
    check_futures(sim, Faults(node_failures=1), most)


def check_futures(sim: volsim.Simulation, faults: Faults, most: int) -> None:
    """Go through states that are all kept apart; those of one situation must lead to the same situations."""
    start = (sim.state, faults.none_spent)
    frontier, seen = deque([start]), {(exact(sim.state), faults.none_spent)}
    futures: dict[tuple[int, Spent], set[tuple[int, Spent]]] = {}
    while frontier and len(seen) < most:
        state, spent = frontier.popleft()
        work: list[tuple[Action, Spent]] = [(action, spent) for action in sim.engine.enabled(state)]
        choices = [*work, *faults.choices(state, spent)]
        after = [(perform(sim.engine, state, action)[0], left) for action, left in choices]
        future = {(situation(new), left) for new, left in after}
        assert futures.setdefault((situation(state), spent), future) == future
        for new, left in after:
            if (exact(new), left) not in seen:
                seen.add((exact(new), left))
                frontier.append((new, left))


@given(sim=small_clusters, faults=budgets, order=st.sampled_from(list(Order)), threads=st.integers(1, 3))
@FEW
def test_who_follows_the_moves_changes_nothing(
    sim: volsim.Simulation, faults: Faults, order: Order, threads: int
) -> None:
    settles = eventually("all claims are bound", lambda sim: all(c.status.phase == "Bound" for c in sim.list("pvc")))
    given: dict[str, Any] = {"faults": faults, "max_states": 200, "order": order, "reductions": ALL_REDUCTIONS}
    plain = search(sim.state, sim.engine, properties=[settles], **given)
    with ThreadPoolExecutor(threads) as executor:
        shared = search(sim.state, sim.engine, properties=[settles], executor=executor, **given)
    assert str(shared) == str(plain)
    assert shared.numbers == plain.numbers
    assert shared.answers == plain.answers


SEARCH = """
from tests.laws.test_exploration import told
print(told())
"""


def told() -> str:
    """Everything that a search of one replica on a node that may fail finds out."""
    sim = cluster(deployment("web", 1), nodes=1)
    found = search(sim.state, sim.engine, faults=Faults(node_failures=1))
    stories = [str(step) for number in found.terminal for step in found.replay(found.path(number))]
    return f"{found} {list(found.numbers)} {stories}"


@pytest.mark.parametrize("hash_seed", ["0", "1", "4294967295"])
def test_a_search_finds_out_the_same_under_every_hash_seed(hash_seed: str) -> None:
    env = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", SEARCH], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == told()
    assert done.stdout.startswith("holds: ")
