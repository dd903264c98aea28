"""What a state has that another has not, put into the other, makes the same state, with all that hangs on it."""

from __future__ import annotations

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploration.clusters import claim, cluster, deployment, pod, settled, volume
from volsim import Simulation
from volsim.state import State
from volsim.state.difference import Difference, difference, with_difference
from volsim.testing import strategies


def parts(state: State) -> dict[str, object]:
    """All that a state consists of, but the trail, which is no part of its value."""
    return {
        "tables": {name: dict(table.unordered_items()) for name, table in state._tables.items() if len(table)},
        "groups": {name: {key: list(each) for key, each in groups.items()} for name, groups in state._groups.items()},
        "totals": {name: dict(rows.unordered_items()) for name, rows in state._totals.items()},
        "timers": list(state.timers()),
        "ready": state.ready(),
        "given out": (state.now_us, state.serial, state.salt, state.rules),
    }


def sent(found: Difference) -> Difference:
    made: Difference = pickle.loads(pickle.dumps(found))
    return made


def check(before: State, after: State) -> None:
    made = with_difference(before, sent(difference(before, after)))
    assert made == after
    assert parts(made) == parts(after)


@given(strategies.clusters(max_nodes=2, max_volumes=2, max_claims=2, max_pods=2), st.integers(0, 12))
@settings(max_examples=25, deadline=None)
def test_whatever_has_happened_since(sim: Simulation, steps: int) -> None:
    states = [sim.state]
    for _ in range(steps):
        sim.step()
        states.append(sim.state)
    check(State.empty(sim.rules, salt=sim.state.salt), states[-1])
    check(states[0], states[-1])
    check(states[-1], states[0])
    check(states[len(states) // 2], states[-1])


def test_a_table_that_has_grown_since() -> None:
    sim = cluster(*(claim(f"c{number}") for number in range(20)))
    before = sim.state
    sim.apply([volume(f"v{number}") for number in range(90)])
    settled(sim)
    check(before, sim.state)
    check(sim.state, before)


def test_rows_that_both_share_are_not_looked_at() -> None:
    sim = settled(cluster(deployment("web", 2), nodes=2))
    before = sim.state
    sim.apply(pod("p"))
    assert {table for table, _, _ in difference(before, sim.state).rows} == {"pods"}
    assert difference(before, before).rows == ()
