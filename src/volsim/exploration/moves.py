"""What can happen next in a state, one *move* for each: a controller's work with one of its choices, or a fault.

Controllers take turns in one of three ways (`Order`). In *any* order, whatever is ready may come next. In *waves*,
everything that is ready at one time comes, in any order, before what it has woken in the meantime: nobody is passed
over by those who became ready later. Real controllers are between the two: each works off its own queue, most of them
within milliseconds. Waves have far fewer paths; what needs a controller that sleeps while others act several times is
found only in any order. In both, all work that is ready is done before the clock goes on. Where somebody may be *slow*,
it may go on meanwhile: a cache that is stale for minutes, a kubelet that does not come to it.

With `Reduction.IDLE`, work that would change nothing is done at once and is no move: a controller that was woken for
nothing only stands in a queue, and every order of such looks leads to the same cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from volsim.control.contract import NOTHING, Choose, Outcome
from volsim.engine.actions import Action, Lapse, Sync
from volsim.engine.perform import Engine, named
from volsim.exploration.faults import Faults, Spent, strike
from volsim.state import Draft, State

__all__ = [
    "ALL_REDUCTIONS",
    "Move",
    "Order",
    "Reduction",
    "Standpoint",
    "Work",
    "moves_from",
    "perform_move",
    "ready",
    "rest",
    "wave_after",
]


class Order(StrEnum):
    """Who may come next of those who are ready."""

    ANY = "any"
    """Everybody."""
    WAVES = "waves"
    """Everybody who was ready when the last of those before him had come."""
    SLOW = "slow"
    """Everybody, and the clock may go on to what is due next although somebody is ready."""


class Reduction(StrEnum):
    """What a search may leave out without missing a verdict."""

    IDLE = "idle"
    """Work that changes nothing is done at once, not in every order."""
    SYMMETRY = "symmetry"
    """Situations that differ only in which of several equal nodes something is on are one."""
    PHASE = "phase"
    """How far loops are within their periods does not count: times are found to within a period (15 s, 60 s)."""
    COMMUTING = "commuting"
    """Of moves of a wave that do not touch each other, not every order is followed (`volsim.exploration.commuting`)."""


ALL_REDUCTIONS = frozenset(Reduction)

Found = Outcome | Choose
Work = list[tuple[Sync, Found]]
"""What is ready, and what it would do."""


class Move(NamedTuple):
    """Something that can happen next."""

    action: Action
    spent: Spent
    """What has been spent of the faults' budgets afterwards."""
    found: Found | None = None
    """What the controller said that it would do; None for a fault, and where the clock goes on before work."""
    state: State | None = None
    """The state in which it does so, where that is not the one that was asked about: the clock has gone on."""
    before: tuple[Sync, ...] = ()
    """The looks that change nothing and that come before it."""


class Standpoint(NamedTuple):
    """Where a search stands, as far as it decides what can come next."""

    state: State
    spent: Spent
    memories: tuple[Any, ...]
    """What properties remember of the path."""
    work: Work
    """What is ready and is done before anything else: of a wave, the rest of it."""


def moves_from(
    engine: Engine, here: Standpoint, faults: Faults, until_us: int | None, *, skip_idle: bool, is_slow: bool = False
) -> Iterator[Move]:
    """All that can happen next: work first, in the order in which it became ready, then faults.

    If nothing is ready, the work that is due next: the clock goes on to it, but not past `until_us`. With `skip_idle`,
    looks that change nothing are no moves; where the clock goes on and there are only such looks, these are one. If
    somebody `is_slow`, the clock may go on before work that is ready.
    """
    state, spent, work = here.state, here.spent, here.work
    before: tuple[Sync, ...] = ()
    due_us = None if work else state.next_due_us()
    if due_us is not None and (until_us is None or due_us <= until_us):
        draft = state.draft(engine.watches)
        draft.wait_until(due_us)
        later = draft.seal()
        if skip_idle:
            state, before, work = rest(engine, later)
            if not work and before:
                yield Move(before[-1], spent, NOTHING, later, before[:-1])
        else:
            state, work = later, ready(engine, later)
    for sync, found in work:
        if isinstance(found, Choose):
            for label, _ in found.options:
                yield Move(sync._replace(choice=label), spent, found, state, before)
        else:
            yield Move(sync, spent, found, state, before)
    for sync, found in work if faults.controller_crashes else ():
        for crash, after in faults.crashes(engine, found, sync, spent):
            yield Move(crash, after, None, state, before)
    due = next(here.state.timers(), None) if is_slow and here.work else None
    if due is not None and (until_us is None or due.due_us <= until_us):
        yield Move(Lapse(named(due.controller, due.key)), spent)
    for action, after in faults.choices(here.state, spent):
        yield Move(action, after)


def ready(engine: Engine, state: State) -> Work:
    """What is ready, and what it would do."""
    return [(Sync(name, key), engine.look(state, name, key)) for name, key in state.ready()]


def rest(engine: Engine, state: State) -> tuple[State, tuple[Sync, ...], Work]:
    """The state after all looks that change nothing, these looks, and the work that is left, with what it would do."""
    idle: list[Sync] = []
    draft: Draft | None = None
    work: Work = []
    for sync, found in ready(engine, state):
        name, key, _ = sync
        if found is NOTHING and not state.failures(name, key):
            draft = state.draft(engine.watches) if draft is None else draft
            draft.take(name, key)
            idle.append(sync)
        else:
            work.append((sync, found))
    return state if draft is None else draft.seal(), tuple(idle), work


def wave_after(move: Move, before: Work, work: Work) -> Work:
    """What is left of a wave after one of its moves; where nothing is, the next wave."""
    waiting = {sync[:2] for sync, _ in before} - {move.action[:2]}
    return [each for each in work if each[0][:2] in waiting] or work


def perform_move(engine: Engine, state: State, move: Move) -> State:
    """The state after a move."""
    start = move.state if move.state is not None else state
    if isinstance(move.action, Lapse):
        return engine.lapse(start, move.action)[0]
    if move.found is None:
        return strike(engine, start, move.action)[0]  # type: ignore[arg-type]
    assert isinstance(move.action, Sync)
    draft = start.draft(engine.watches)
    engine.sync(draft, move.action, found=move.found)
    return draft.seal()
