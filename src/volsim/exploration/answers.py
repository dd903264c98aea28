"""What a search finds out about properties, and what it keeps of the situations that it has seen."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

import attrs
import networkx as nx

from volsim.engine.actions import Action
from volsim.exploration.properties import Asked, Property, Word
from volsim.state import State

__all__ = ["Answer", "Edge", "Path", "Question", "Said", "Verdict", "Visited", "say"]

_FREE = -1
Path = tuple[Action, ...]
"""What was done from the start on."""


class Verdict(StrEnum):
    """What is known of a property."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "unknown"


@attrs.frozen(kw_only=True)
class Answer:
    """What a search found out about one property.

    >>> print(Answer(name="no two writers", word="always", verdict=Verdict.HOLDS))
    always no two writers: holds
    """

    name: str
    word: str
    """`always`, `sometimes` or `eventually`."""
    verdict: Verdict
    path: Path | None = None
    """A shortest path to where an *always* breaks, a *sometimes* shows or an *eventually* has failed; None if the
    search saw no such state."""
    cycle: Path = ()
    """What can go on for ever at the end of the path, where an *eventually* fails by going round."""
    error: str = ""
    """What the property raised at the end of the path. Such a property is violated."""
    vacuous: bool = False
    """An *always* whose `when` never was so: it holds of nothing."""
    unclear: bool = False
    """It says different things of states that count as one situation: what it asks for does not count there, such as
    the time, a log, or how a uid reads. Nothing is known of it then, unless a state was seen that decides it."""

    def __str__(self) -> str:
        where = f" after {len(self.path)} actions" if self.path is not None else ""
        notes = (": it never came to that" if self.vacuous else "") + (
            f": it raised {self.error}" if self.error else ""
        )
        if self.unclear:
            notes += ": it tells states apart that count as one (by the time, a log, a uid); ask for what is so in them"
        return f"{self.word} {self.name}: {self.verdict}{where}{notes}"


class Visited:
    """The situations that were seen, and how each was first reached: at most 32 bytes for each, in arrays.

    Where a number stands is found by open addressing: the numbers are as good as drawn by chance.
    """

    def __init__(self) -> None:
        self.numbers = array("Q")
        self._before = array("i")
        self._how = array("i")
        self._slots = array("i", [_FREE]) * 64
        """By the lowest bits of a number, or the next free place: where it stands in `numbers`."""
        self.ways: list[Path] = []
        self._way: dict[Path, int] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def __contains__(self, number: int) -> bool:
        return self._slots[self._slot(number)] != _FREE

    def index(self, number: int) -> int | None:
        """The how-manieth situation that is, from 0; None if it was not seen."""
        found = self._slots[self._slot(number)]
        return None if found == _FREE else found

    def _slot(self, number: int) -> int:
        """Where a number is noted, or will be."""
        slots, numbers = self._slots, self.numbers
        mask = len(slots) - 1
        slot = number & mask
        while (found := slots[slot]) != _FREE and numbers[found] != number:
            slot = (slot + 1) & mask
        return slot

    def add(self, number: int, before: int, how: Path) -> int:
        """Note a situation that was not seen before; returns its index."""
        at = len(self.numbers)
        if 2 * (at + 1) > len(self._slots):
            self._slots = array("i", [_FREE]) * (2 * len(self._slots))
            for place, each in enumerate(self.numbers):
                self._slots[self._slot(each)] = place
        self._slots[self._slot(number)] = at
        self.numbers.append(number)
        self._before.append(before)
        self._how.append(self.way(how))
        return at

    def way(self, how: Path) -> int:
        """A number for the actions of a move: the same ones come again and again."""
        found = self._way.get(how)
        if found is None:
            found = self._way[how] = len(self.ways)
            self.ways.append(how)
        return found

    def path(self, index: int) -> Path:
        """How a situation was first reached. To the first one lead the looks that changed nothing there."""
        moves = []
        while index >= 0:
            moves.append(self.ways[self._how[index]])
            index = self._before[index]
        return tuple(action for move in reversed(moves) for action in move)


class Edge(NamedTuple):
    """One move from one situation to another, by their indexes."""

    source: int
    way: int
    target: int
    is_fault: bool


class Said(NamedTuple):
    """What properties say of one state, a bit for each; of those that are decided already, nothing."""

    holds: int = 0
    applies: int = 0
    decides: int = 0
    errors: tuple[tuple[int, str], ...] = ()
    """What properties raised, each by its place."""


def say(asked: Sequence[Asked], state: State, memories: Sequence[Any], open_bits: int) -> Said:
    """Ask the properties of `open_bits` about a state."""
    holds = applies = decides = 0
    errors: list[tuple[int, str]] = []
    for place, (each, memory) in enumerate(zip(asked, memories, strict=True)):
        bit = 1 << place
        if not open_bits & bit:
            continue
        word = each.prop.word
        try:
            is_about = word is not Word.ALWAYS or each.applies(state, memory)
            applies |= bit if is_about else 0
            is_so = not is_about or each.holds(state, memory)
        except Exception as error:  # noqa: BLE001 - whatever a user's property raises is told with its story
            errors.append((place, f"{type(error).__name__}: {error}"))
            decides |= bit
            continue
        holds |= bit if is_so else 0
        if (word is Word.ALWAYS and not is_so) or (word is Word.SOMETIMES and is_so):
            decides |= bit
    return Said(holds, applies, decides, tuple(errors))


class Question:
    """A property, and what has been seen of it. `place` is its bit's."""

    def __init__(self, prop: Property, place: int) -> None:
        self.prop, self._place, self._bit = prop, place, 1 << place
        self.begin()

    def begin(self) -> None:
        """Forget what was seen, for another run."""
        self.decided_at: int | None = None
        self.error = ""
        self.is_unclear = False
        """Whether it says different things of states that count as one situation."""
        self.applied = self.prop.when is None
        self.held = bytearray()
        """Of an *eventually*: in which situations it held."""

    def note(self, index: int, said: Said) -> None:
        """Note what it says of one more situation, unless it is decided."""
        if self.decided_at is not None:
            return
        self.applied = self.applied or bool(said.applies & self._bit)
        if said.decides & self._bit:
            self.decided_at = index
            self.error = dict(said.errors).get(self._place, "")
        elif self.prop.word is Word.EVENTUALLY:
            self.held.append(bool(said.holds & self._bit))

    def answer(self, visited: Visited, edges: list[Edge], ends: list[int], *, complete: bool) -> Answer:
        """What is known at the end of a search."""
        prop = self.prop
        cycle: Path = ()
        if self.decided_at is not None:
            is_bad = prop.word is not Word.SOMETIMES or bool(self.error)
            verdict = Verdict.VIOLATED if is_bad else Verdict.HOLDS
        elif prop.word is Word.EVENTUALLY:
            self.decided_at, cycle = _failed(self.held, visited, edges, ends)
            verdict = (
                Verdict.VIOLATED if self.decided_at is not None else Verdict.HOLDS if complete else Verdict.UNKNOWN
            )
        elif complete:
            verdict = Verdict.HOLDS if prop.word is Word.ALWAYS else Verdict.VIOLATED
        else:
            verdict = Verdict.UNKNOWN
        is_unclear = self.is_unclear and verdict is not Verdict.UNKNOWN and not _was_seen(prop, verdict)
        if is_unclear:
            verdict, self.decided_at, cycle = Verdict.UNKNOWN, None, ()
        path = None if self.decided_at is None else visited.path(self.decided_at)
        is_vacuous = verdict is Verdict.HOLDS and not self.applied
        return Answer(
            name=prop.name,
            word=prop.word.value,
            verdict=verdict,
            path=path,
            cycle=cycle,
            error=self.error,
            vacuous=is_vacuous,
            unclear=is_unclear,
        )


def _was_seen(prop: Property, verdict: Verdict) -> bool:
    """Whether a verdict follows from one state that was seen, whatever others say."""
    return verdict is {Word.ALWAYS: Verdict.VIOLATED, Word.SOMETIMES: Verdict.HOLDS}.get(prop.word)


def _failed(held: bytearray, visited: Visited, edges: list[Edge], ends: list[int]) -> tuple[int | None, Path]:
    """Where a path ends, or begins to go round, without the property; the nearest such place and the round."""
    dry = [end for end in ends if not held[end]]
    graph: nx.DiGraph[int] = nx.DiGraph()
    ways: dict[tuple[int, int], int] = {}
    for edge in edges:
        if not edge.is_fault and not held[edge.source] and not held[edge.target]:
            graph.add_edge(edge.source, edge.target)
            ways.setdefault((edge.source, edge.target), edge.way)
    round_trips = {}
    for component in nx.strongly_connected_components(graph):
        first = min(component)
        if len(component) > 1 or graph.has_edge(first, first):
            round_trips[first] = component
    nearest = min([*dry, *round_trips], default=None)
    if nearest is None or nearest not in round_trips:
        return nearest, ()
    inside = graph.subgraph(round_trips[nearest])
    after = min(inside.successors(nearest), key=lambda node: nx.shortest_path_length(inside, node, nearest))
    nodes = [nearest, *nx.shortest_path(inside, after, nearest)]
    return nearest, tuple(action for pair in pairwise(nodes) for action in visited.ways[ways[pair]])
