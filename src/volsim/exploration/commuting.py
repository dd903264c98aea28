"""Which of the moves that are possible must be followed at once, and which can wait.

Two moves *commute* in a state if each would do the same after the other and both orders end in the same situation. The
moves of a wave (`volsim.exploration.moves`) fall into groups of which none has to do with another; it is enough to
follow the smallest, for the others come to the same afterwards (a persistent set: Godefroid, *Partial-Order Methods for
the Verification of Concurrent Systems*, 1996). Faults belong to the group of moves with which they do not commute.

Whether moves commute is tried out, once for every two that do the same (`Signature`: who looks at what, and what he
would write), and remembered. If two that seemed to commute fail to do so in another state, they never count as
commuting again, and a search that has relied on it goes over everything once more.

Moves after which a property says something else than before are *visible*: of these every order is followed, so that no
state is left out of which the property could say something else. That, too, is learned.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from volsim.apiserver.requests import table_of
from volsim.apiserver.writes import Bind, Delete, Put
from volsim.control.contract import Choose, Outcome
from volsim.engine.actions import Sync
from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.exploration.digests import Reader
from volsim.exploration.moves import Move, perform_move, rest
from volsim.exploration.situation import situation
from volsim.state import State

__all__ = ["Commuting", "Signature"]

Label = tuple[str, int]
"""Who looks at what; marks in the key do not count."""
FAULT = "fault"


class Signature(NamedTuple):
    """What a move does, as far as that can be said without doing it."""

    label: Label
    what: int


Signed = tuple[Signature, Move]


class Commuting:
    """What a search has found out about its moves."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._reader = engine, Reader()
        self._visible: set[Signature] = set()
        self._conflicts: dict[frozenset[Signature], bool] = {}
        self._relied_on: set[frozenset[Signature]] = set()
        """The pairs that counted as commuting in this run."""

    def show(self, move: Move) -> None:
        """Note that a property says something else after a move than before."""
        self._visible.add(self._signature(move))

    def is_stale(self) -> bool:
        """Whether something that was relied on in this run has turned out to be wrong; begins to note another run."""
        wrong = any(self._conflicts[pair] or self._both_visible(pair) for pair in self._relied_on)
        self._relied_on = set()
        return wrong

    def followed(self, state: State, moves: list[Move]) -> list[Move]:
        """The moves that must be followed now, of those that are possible in `state`."""
        work = [move for move in moves if move.found is not None]
        strikes = [move for move in moves if move.found is None]
        if len({move.action[:2] for move in work}) < 2 - bool(strikes):
            return moves
        start = work[0].state
        assert start is not None
        signed = [(self._signature(move), move) for move in moves]
        groups = self._groups(start, signed)
        chosen = min(groups, key=len)
        followed = [move for at, move in enumerate(moves) if at in chosen]
        if start.now_us == state.now_us:
            return followed
        # The clock goes on with these: a fault may strike now, or after the first of them, but not in between.
        return moves if any(move.found is None for move in followed) else [*followed, *strikes]

    # -- groups ------------------------------------------------------------------------------------------------------
    def _groups(self, state: State, signed: list[Signed]) -> list[set[int]]:
        """Who has to do with whom: the moves by number. Faults alone are no group: they need not come."""
        group = list(range(len(signed)))
        for at, one in enumerate(signed):
            for other_at in range(at + 1, len(signed)):
                if group[at] != group[other_at] and self._conflict(state, one, signed[other_at]):
                    old, new = group[other_at], group[at]
                    group = [new if each == old else each for each in group]
        found: dict[int, set[int]] = {}
        for at, each in enumerate(group):
            found.setdefault(each, set()).add(at)
        return [members for members in found.values() if any(signed[at][1].found is not None for at in members)]

    def _conflict(self, state: State, one: Signed, other: Signed) -> bool:
        if one[0].label == other[0].label:
            return True
        pair = frozenset({one[0], other[0]})
        if self._both_visible(pair):
            return True
        found = self._conflicts.get(pair)
        if found is None:
            found = self._conflicts[pair] = not self._commute(state, one[1], other[1])
        if not found:
            self._relied_on.add(pair)
        return found

    def _both_visible(self, pair: frozenset[Signature]) -> bool:
        return pair <= self._visible

    # -- trying it out -------------------------------------------------------------------------------------------------
    def _commute(self, state: State, one: Move, other: Move) -> bool:
        if one.found is None and other.found is None:
            return False
        end = self._after_both(state, one, other)
        return end is not None and end == self._after_both(state, other, one)

    def _after_both(self, state: State, first: Move, second: Move) -> int | None:
        """The situation after two moves; None if the second would not do the same after the first."""
        after = perform_move(self._engine, state, first._replace(state=state))
        if second.found is not None:
            assert isinstance(second.action, Sync)
            name, key, _ = second.action
            found = self._engine.look(after, name, key)
            if (name, key) not in after.ready() or not _alike(found, second.found):
                return None
            second = second._replace(found=found)
        try:
            return situation(rest(self._engine, perform_move(self._engine, after, second._replace(state=after)))[0])
        except VolsimError:
            return None

    # -- signatures ----------------------------------------------------------------------------------------------------
    def _signature(self, move: Move) -> Signature:
        action, digest = move.action, self._reader.digest
        if not isinstance(action, Sync):
            return Signature((FAULT, digest(str(action)).shape), 0)
        says, rows = _intended(move)
        what = hash((digest(says).shape, *[(digest(table).shape, digest(key).shape) for table, key in rows]))
        return Signature((action.controller, digest(action.key).shape), what)


def _intended(move: Move) -> tuple[str, list[tuple[str, str]]]:
    """What a controller says that it does, and the rows that it would write."""
    found = move.found
    choice = move.action.choice if isinstance(move.action, Sync) else None
    if isinstance(found, Choose):
        option = dict(found.options)[choice or ""]
        found = option if isinstance(option, Outcome) else option()
    assert isinstance(found, Outcome)
    return f"{found.says} {choice}", [_target(write) for write in found.writes]


def _target(write: Any) -> tuple[str, str]:
    """The table and the key of the row that a write is about."""
    if isinstance(write, Put | Delete):
        return write.table, write.key
    if isinstance(write, Bind):
        return "pods", write.key
    meta = write.obj.metadata
    return table_of(write.obj), write.obj.key if meta.name else f"{meta.namespace}/{meta.generate_name}"


def _alike(one: Outcome | Choose, other: Outcome | Choose) -> bool:
    """Whether a controller would do the same."""
    if isinstance(one, Choose) or isinstance(other, Choose):
        if not (isinstance(one, Choose) and isinstance(other, Choose)):
            return False
        return [label for label, _ in one.options] == [label for label, _ in other.options]
    return one == other
