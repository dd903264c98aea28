"""A controller is level-triggered: where all is as it should be, a look at anything changes nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import volsim
from volsim.engine.actions import Sync
from volsim.state import State
from volsim.state.cluster import is_api
from volsim.testing import Call, strategies


def looks(sim: volsim.Simulation) -> list[Sync]:
    """Every look that any controller has had so far, each once, but for those that are due again by themselves.

    Who waits for a back-off to end is no further than he was: a new attempt may find another reason why it fails.
    """
    had = dict.fromkeys(step.action._replace(choice=None) for step in sim.trace if isinstance(step.action, Sync))
    due = {(timer.controller, timer.key) for timer in sim.state.timers()}
    return [look for look in had if (look.controller, look.key) not in due]


@given(strategies.clusters(), st.lists(strategies.actions(), max_size=3))
def test_looking_again_changes_nothing_that_the_api_shows(sim: volsim.Simulation, calls: list[Call]) -> None:
    for call in calls:
        call.do(sim)
    sim.settle()
    state: State = sim.state
    for look in looks(sim):
        _, step = sim.engine.perform(_with(sim, state, look), look)
        assert not [change for change in step.changes if is_api(change.table)], look


def _with(sim: volsim.Simulation, state: State, look: Sync) -> State:
    """The state with one more look to do."""
    draft = state.draft(sim.engine.watches)
    draft.enqueue(look.controller, look.key)
    return draft.seal()
