"""One part of a search: from some situations, every move that must be followed, and where each leads.

That needs nothing but the situations themselves and what is known so far, so it does not matter who does it, or when:
the search does it itself, or has others do it (`volsim.exploration.workers`). What comes of it is put together in turn
by `volsim.exploration.seen`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from volsim.engine.actions import Sync
from volsim.engine.perform import Engine
from volsim.exploration.answers import Path, Said, say
from volsim.exploration.commuting import Commuting, Known, Lesson
from volsim.exploration.faults import Faults
from volsim.exploration.moves import (
    Move,
    Order,
    Reduction,
    Standpoint,
    Work,
    moves_from,
    perform_move,
    ready,
    rest,
    wave_after,
)
from volsim.exploration.properties import Asked, Property
from volsim.state import State

__all__ = ["Arrival", "Chunk", "Expander", "Followed", "IsKnown", "News", "Same"]

Same = Callable[..., int]
"""Says by a number which states count as the same; more values that count may follow the state."""
IsKnown = Callable[[int], bool]
"""Whether a situation is known already: whoever says so knows that nothing need be said of it. No is never wrong."""
_MASK = (1 << 64) - 1


class News(NamedTuple):
    """A situation that may be new."""

    here: Standpoint
    is_terminal: bool
    """Whether nothing more happens by itself, as `Simulation.settle` understands it."""
    is_end: bool
    """Whether nothing at all is due any more."""


class Arrival(NamedTuple):
    """Where one move leads."""

    number: int
    """The situation's."""
    how: Path
    """The actions of the move, looks that change nothing included."""
    is_strike: bool
    signature: int | None
    """What the move does, if somebody may ask for it (`volsim.exploration.commuting`)."""
    said: Said
    """What the properties say there, which is the same wherever the situation is the same."""
    news: News | None
    """None if the situation is known to whoever puts it together."""


class Followed(NamedTuple):
    """What came of one situation."""

    arrivals: tuple[Arrival, ...]
    is_cut: bool
    """Whether something is due behind the bound `until`."""


class Chunk(NamedTuple):
    """A part of a search."""

    places: Iterable[Standpoint]
    known: Known
    open_bits: int
    """The properties that are not decided yet, a bit for each."""


class Expander:
    """Follows the moves of situations. Everything that is the same for a whole search."""

    def __init__(
        self,
        engine: Engine,
        faults: Faults,
        same: Same,
        properties: Iterable[Property],
        reductions: frozenset[Reduction],
        order: Order,
        until_us: int | None,
    ) -> None:
        self.engine, self.faults, self.same, self.until_us = engine, faults, same, until_us
        self.order, self.properties = order, tuple(properties)
        self.given = (engine, faults, same, self.properties, reductions, order, until_us)
        """What makes the same one elsewhere."""
        self._asked = tuple(Asked(prop, engine) for prop in self.properties)
        self._is_idle_skipped = Reduction.IDLE in reductions
        is_reduced = Reduction.COMMUTING in reductions and order is Order.WAVES
        self.commuting = Commuting(engine) if is_reduced else None

    def begin(self, start: State) -> Arrival:
        """The situation from which a search starts."""
        memories = tuple(asked.start(start) for asked in self._asked)
        state, idle, work = self._rested(start)
        here = Standpoint(state, self.faults.none_spent, memories, work)
        return Arrival(self._number(here), idle, False, None, self._say(here, (1 << len(self._asked)) - 1), _news(here))

    def expand(self, chunk: Chunk, lesson: Lesson | None, is_known: IsKnown) -> Iterator[Followed]:
        """What comes of each place of a chunk in turn. What is said of a situation twice is said once."""
        met: set[int] = set()

        def is_told(number: int) -> bool:
            return number in met or is_known(number)

        for here in chunk.places:
            moves, wave, is_cut = self.moves(here, lesson)
            found = []
            for move in moves:
                arrival = self.arrive(here, move, wave, chunk.open_bits, is_told)
                met.add(arrival.number)
                found.append(arrival)
            yield Followed(tuple(found), is_cut)

    def moves(self, here: Standpoint, lesson: Lesson | None) -> tuple[list[Move], Work, bool]:
        """The moves that are followed, the wave that they belong to, and whether something is due behind `until`."""
        due_us = here.state.next_due_us()
        is_cut = due_us is not None and self.until_us is not None and due_us > self.until_us
        found = moves_from(
            self.engine,
            here,
            self.faults,
            self.until_us,
            skip_idle=self._is_idle_skipped,
            is_slow=self.order is Order.SLOW,
        )
        moves = list(found)
        coming = [(move.action, move.found) for move in moves if isinstance(move.action, Sync) and move.found]
        return moves if lesson is None else lesson.followed(here.state, moves), here.work or coming, is_cut

    def arrive(self, here: Standpoint, move: Move, wave: Work, open_bits: int, is_known: IsKnown) -> Arrival:
        """Where a move leads."""
        state, idle, work = self._rested(perform_move(self.engine, here.state, move))
        if self.order is Order.WAVES:  # a fault does not begin the wave to which the clock goes on
            work = wave_after(move, wave if move.state is not None else here.work, work)
        memories = tuple(asked.after(memory, state) for asked, memory in zip(self._asked, here.memories, strict=True))
        there = Standpoint(state, move.spent, memories, work)
        number = self._number(there)
        return Arrival(
            number,
            (*move.before, move.action, *idle),
            move.found is None,
            self.commuting.signature(move).number if self.commuting is not None and open_bits else None,
            self._say(there, open_bits),
            None if is_known(number) else _news(there),
        )

    def _say(self, here: Standpoint, open_bits: int) -> Said:
        return say(self._asked, here.state, here.memories, open_bits)

    def _rested(self, state: State) -> tuple[State, tuple[Sync, ...], Work]:
        return rest(self.engine, state) if self._is_idle_skipped else (state, (), ready(self.engine, state))

    def _number(self, here: Standpoint) -> int:
        """The number of a situation, what may still come included."""
        more: list[Any] = [here.memories] if any(memory is not None for memory in here.memories) else []
        if self.order is Order.WAVES and len(here.work) != len(here.state.ready()):
            more += [("wave", name, key) for name, key in sorted(sync[:2] for sync, _ in here.work)]
        return hash((self.same(here.state, *more), here.spent)) & _MASK


def _news(here: Standpoint) -> News:
    return News(here, here.state.next_due_us(background=False) is None, here.state.next_due_us() is None)
