"""What a search finds out about properties, and what it keeps of the situations that it has seen."""

from __future__ import annotations

from array import array
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

import attrs
import networkx as nx

from volsim.engine.actions import Action
from volsim.engine.perform import Engine
from volsim.exploration.properties import Asked, Property, Word
from volsim.state import State

__all__ = ["Answer", "Edge", "Path", "Question", "Verdict", "Visited"]

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

    def __str__(self) -> str:
        where = f" after {len(self.path)} actions" if self.path is not None else ""
        notes = (": it never came to that" if self.vacuous else "") + (
            f": it raised {self.error}" if self.error else ""
        )
        return f"{self.word} {self.name}: {self.verdict}{where}{notes}"


class Visited:
    """The situations that were seen, and how each was first reached: 20 bytes for each and its number in a set."""

    def __init__(self) -> None:
        self.numbers = array("Q")
        self._before = array("l")
        self._how = array("l")
        self._known: set[int] = set()
        self.ways: list[Path] = []
        self._way: dict[Path, int] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def __contains__(self, number: int) -> bool:
        return number in self._known

    def add(self, number: int, before: int, how: Path) -> int:
        """Note a situation that was not seen before; returns its index."""
        self._known.add(number)
        self.numbers.append(number)
        self._before.append(before)
        self._how.append(self.way(how))
        return len(self.numbers) - 1

    def way(self, how: Path) -> int:
        """A number for the actions of a move: the same ones come again and again."""
        found = self._way.get(how)
        if found is None:
            found = self._way[how] = len(self.ways)
            self.ways.append(how)
        return found

    def path(self, index: int) -> Path:
        """How a situation was first reached."""
        moves = []
        while index > 0:
            moves.append(self.ways[self._how[index]])
            index = self._before[index]
        return tuple(action for move in reversed(moves) for action in move)


class Edge(NamedTuple):
    """One move from one situation to another, by their indexes."""

    source: int
    way: int
    target: int
    is_fault: bool


class Question:
    """A property, and what has been seen of it."""

    def __init__(self, prop: Property, engine: Engine) -> None:
        self.prop, self.asked = prop, Asked(prop, engine)
        self.begin()

    def begin(self) -> None:
        """Forget what was seen, for another run."""
        self.decided_at: int | None = None
        self.error = ""
        self.applied = self.prop.when is None
        self.held = bytearray()
        """Of an *eventually*: in which situations it held."""

    def ask(self, state: State, memory: Any, index: int) -> bool:
        """Look at one more state, unless the question is decided; what the property says of it."""
        if self.decided_at is not None:
            return False
        word = self.prop.word
        decides, holds = False, False
        try:
            if word is Word.ALWAYS:
                applies = self.asked.applies(state, memory)
                self.applied = self.applied or applies
                holds = not applies or self.asked.holds(state, memory)
                decides = not holds
            else:
                holds = self.asked.holds(state, memory)
                decides = holds and word is Word.SOMETIMES
                if word is Word.EVENTUALLY:
                    self.held.append(holds)
        except Exception as error:  # noqa: BLE001 - whatever a user's property raises is told with its story
            self.error, decides = f"{type(error).__name__}: {error}", True
        if decides:
            self.decided_at = index
        return holds

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
        )


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
