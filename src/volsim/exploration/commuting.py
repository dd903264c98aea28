"""Which of the moves that are possible must be followed at once, and which can wait.

Two moves *commute* in a state if each would do the same after the other and both orders end in the same situation. The
moves of a wave (`volsim.exploration.moves`) fall into groups of which none has to do with another; it is enough to
follow the smallest, for the others come to the same afterwards (a persistent set: Godefroid, *Partial-Order Methods for
the Verification of Concurrent Systems*, 1996). Faults belong to the group of moves with which they do not commute.

Whether moves commute is tried out for every two that do the same (`Signature`: who looks at what, and what he would
write), and remembered. If two that seemed to commute are found not to, they never count as commuting again, and a
search that has relied on it goes over everything once more.

Moves after which a property says something else than before are *visible*: of these every order is followed, so that no
state is left out of which the property could say something else. That, too, is learned.

What is known (`Known`) never changes: each part of a search begins with what was known when it was cut off from the
rest (`volsim.exploration.expanding`), and what it learns is added in turn. So it does not depend on who is quicker.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, NamedTuple

from volsim.apiserver.requests import table_of
from volsim.apiserver.writes import Bind, Delete, Put
from volsim.control.contract import Choose, Outcome
from volsim.engine.actions import Crash, Sync
from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.exploration.digests import Reader
from volsim.exploration.moves import Move, perform_move, rest
from volsim.exploration.situation import situation
from volsim.state import State
from volsim.state.fingerprint import fingerprint

__all__ = ["NOTHING_KNOWN", "Commuting", "Known", "Learned", "Lesson", "Signature"]

FAULT = fingerprint("fault")


class Signature(NamedTuple):
    """What a move does, as far as that can be said without doing it; the same on any machine and hash seed."""

    label: int
    """Who looks at what; marks in the key do not count."""
    number: int
    """The same, and what he would write."""


Pair = tuple[int, int]
"""The numbers of two signatures, the smaller first."""
Learned = tuple[Mapping[Pair, bool], Set[Pair]]
"""Which pairs were found to conflict, or not to, and which were relied on not to."""
Signed = tuple[Signature, Move]


class Known(NamedTuple):
    """What a search has found out about its moves so far."""

    visible: frozenset[int]
    """The numbers of signatures."""
    conflicts: Mapping[Pair, bool]
    """Whether two conflict, of those that were tried out."""
    relied_on: frozenset[Pair]
    """The pairs that counted as commuting in this run."""

    def learning(self, learned: Learned) -> Known:
        """With what one part of the search has learned."""
        conflicts, relied_on = learned
        if not conflicts and not relied_on:
            return self
        found = {pair: is_one or self.conflicts.get(pair, False) for pair, is_one in conflicts.items()}
        return self._replace(conflicts={**self.conflicts, **found}, relied_on=self.relied_on.union(relied_on))

    def showing(self, number: int) -> Known:
        """With a move after which a property says something else than before."""
        return self if number in self.visible else self._replace(visible=self.visible | {number})

    @property
    def is_stale(self) -> bool:
        """Whether something that was relied on in this run has turned out to be wrong."""
        return any(self.conflicts[pair] or self.visible.issuperset(pair) for pair in self.relied_on)


NOTHING_KNOWN = Known(frozenset(), {}, frozenset())


class Commuting:
    """Tells which moves of one cluster commute."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._reader = engine, Reader()

    def signature(self, move: Move) -> Signature:
        """What a move does."""
        action, digest = move.action, self._reader.digest
        if not isinstance(action, Sync):
            label = hash((FAULT, digest(str(action)).shape))
            return Signature(label, label)
        says, rows = _intended(move)
        label = hash((fingerprint(action.controller), digest(action.key).shape))
        what = [(digest(table).shape, digest(key).shape) for table, key in rows]
        return Signature(label, hash((label, digest(says).shape, *what)))

    def commute(self, state: State, one: Move, other: Move) -> bool:
        """Try out whether two moves that are possible in a state commute there."""
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


class Lesson:
    """What one part of a search learns about its moves, beyond what is known."""

    def __init__(self, commuting: Commuting, known: Known) -> None:
        self._commuting, self._known = commuting, known
        self._conflicts: dict[Pair, bool] = {}
        self._relied_on: set[Pair] = set()

    @property
    def learned(self) -> Learned:
        """What was learned so far."""
        return self._conflicts, self._relied_on

    def followed(self, state: State, moves: list[Move]) -> list[Move]:
        """The moves that must be followed now, of those that are possible in `state`."""
        work = [move for move in moves if move.found is not None]
        strikes = [move for move in moves if move.found is None]
        if len({move.action[:2] for move in work}) < 2 - bool(strikes):
            return moves
        if any(isinstance(move.action, Crash) for move in strikes):
            return moves  # whoever crashes wakes everybody of his process: nothing commutes with that
        start = work[0].state
        assert start is not None
        signed = [(self._commuting.signature(move), move) for move in moves]
        groups = self._groups(start, signed)
        chosen = min(groups, key=len)
        followed = [move for at, move in enumerate(moves) if at in chosen]
        if start.now_us == state.now_us:
            return followed
        # The clock goes on with these: a fault may strike now, or after the first of them, but not in between.
        return moves if any(move.found is None for move in followed) else [*followed, *strikes]

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
        first, second = one[0], other[0]
        if first.label == second.label:
            return True
        numbers = (first.number, second.number)
        if self._known.visible.issuperset(numbers):
            return True
        pair = (min(numbers), max(numbers))
        found = self._known.conflicts.get(pair, self._conflicts.get(pair))
        if found is None:
            found = self._conflicts[pair] = not self._commuting.commute(state, one[1], other[1])
        if not found and pair not in self._known.relied_on:
            self._relied_on.add(pair)
        return found


# -- what a move does --------------------------------------------------------------------------------------------------
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
