"""What is done to a fork does not show in what it was forked from, nor the other way round."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import volsim
from volsim.testing import Call, strategies

calls = st.lists(strategies.actions(), max_size=3)


def story(sim: volsim.Simulation) -> list[str]:
    return [str(step) for step in sim.trace] + [f"{event.reason} {event.message}" for event in sim.events]


@given(strategies.clusters(), calls, calls)
def test_each_goes_its_own_way(sim: volsim.Simulation, mine: list[Call], other: list[Call]) -> None:
    fork = sim.fork()
    state, before = sim.state, story(sim)
    for call in other:
        call.do(fork)
    assert (sim.state, story(sim)) == (state, before)
    theirs, told = fork.state, story(fork)
    for call in mine:
        call.do(sim)
    assert (fork.state, story(fork)) == (theirs, told)


@given(strategies.clusters(), calls)
def test_the_same_done_to_both_leads_both_to_the_same(sim: volsim.Simulation, done: list[Call]) -> None:
    fork = sim.fork()
    for call in done:
        assert call.do(sim) == call.do(fork)
    assert sim.state == fork.state
    assert story(sim) == story(fork)
