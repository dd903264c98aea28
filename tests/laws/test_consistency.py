"""Whatever is done to a cluster, what is kept beside its tables says what they say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from volsim.state import State
from volsim.state.cluster import is_api
from volsim.state.indexes import rebuilt
from volsim.state.totals import totals_rebuilt
from volsim.testing import ClusterMachine


def made_anew(state: State) -> State:
    """A state of the same rows and the same work, made row by row."""
    draft = State.empty(state.rules, salt=state.salt).draft()
    for table, rows in sorted(state._tables.items()):
        if not table.startswith("@"):
            for key, value in rows.items():
                draft.put(table, key, value)
    draft.take_changes()
    backgrounds: dict[Any, Any] = dict(state.table("@timers").items())
    for due in state.timers():
        work = (due.controller, due.key)
        draft.set_timer(*work, due.due_us, priority=due.priority, background=backgrounds[work][1])
    failures: dict[Any, int] = dict(state.table("@failures").items())
    for (controller, key), count in failures.items():
        for _ in range(count):
            draft.note_failure(controller, key, failed=True)
    for controller, key in state.ready():
        draft.enqueue(controller, key)
    draft.now_us = state.now_us
    return draft.seal()


class ConsistentCluster(ClusterMachine):
    """What people and the world do, and a look at what the state keeps beside its tables."""

    @invariant()
    def indexes_say_what_the_tables_say(self) -> None:
        state = self.sim.state
        kept = {
            index: {name: list(state.group(index, name)) for name in state.group_names(index)}
            for index in state._groups
        }
        assert kept == rebuilt(state._tables, is_api)

    @invariant()
    def totals_say_what_the_tables_say(self) -> None:
        state = self.sim.state
        kept = {name: dict(state.totals(name).items()) for name in state._totals}
        assert kept == totals_rebuilt(state._tables)

    @invariant()
    def the_fingerprint_is_that_of_the_rows(self) -> None:
        state = self.sim.state
        assert made_anew(state).fingerprint == state.fingerprint

    def teardown(self) -> None:
        """Whatever was done, a cluster that is left alone comes to rest."""
        self.sim.settle()


@pytest.mark.parametrize("machine", [ConsistentCluster])
def test_a_cluster_is_consistent_whatever_is_done_to_it(machine: type[ClusterMachine]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=25))
