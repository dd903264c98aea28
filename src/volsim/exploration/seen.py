"""What a search has seen, put together in turn: the situations, the moves between them, what properties say.

Only here something is remembered, and only in the order in which the situations were found: so what a search says does
not depend on who followed the moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from volsim.exploration.answers import Answer, Edge, Question, Visited
from volsim.exploration.commuting import NOTHING_KNOWN, Learned
from volsim.exploration.expanding import Arrival
from volsim.exploration.properties import Property

__all__ = ["NoRoom", "Place", "Seen", "Stale", "ToldApart"]


class Place(NamedTuple):
    """A situation whose moves have not been followed yet."""

    at: int
    """The how-manieth that was found, from 0."""
    depth: int
    """Moves from the start."""
    here: Any
    """Where the search stands there: a `Standpoint`, or what stands for one that is elsewhere."""


class Seen:
    """What has been seen of a cluster, and what that says of the properties."""

    def __init__(self, properties: Iterable[Property], *, keep_edges: bool, is_strict: bool = False) -> None:
        self.questions = [Question(prop, place) for place, prop in enumerate(properties)]
        self._keep_edges, self._is_strict = keep_edges, is_strict
        self._exact_bits = sum((not each.prop.is_timed) << bit for bit, each in enumerate(self.questions))
        self.known = NOTHING_KNOWN
        self.runs = 0
        self.begin()

    def begin(self) -> None:
        """Forget what was seen, but not what was learned of the moves, for another run."""
        self.visited = Visited()
        self.edges: list[Edge] = []
        self.terminal: list[int] = []
        self.ends: list[int] = []
        self.transitions = self.depth = self.expanded = 0
        self._holds: list[int] = []
        """By situation: what the properties said, a bit for each."""
        self.known = self.known._replace(relied_on=frozenset())
        self.runs += 1
        for question in self.questions:
            question.begin()

    @property
    def open_bits(self) -> int:
        """The properties that are not decided yet, a bit for each."""
        return sum((question.decided_at is None) << bit for bit, question in enumerate(self.questions))

    def arrive(self, before: Place | None, arrival: Arrival, max_states: int) -> Place | None:
        """Note where a move leads: the place, if it is new.

        Raises `NoRoom` if there is no room for another one, and, where that is asked for, `ToldApart`.
        """
        at = self.visited.index(arrival.number)
        is_new = at is None
        if at is None:
            if len(self.visited) >= max_states:
                raise NoRoom
            at = self._add(before, arrival)
        else:
            self._compare(at, arrival)
        if before is not None:
            if self._keep_edges:
                self.edges.append(Edge(before.at, self.visited.way(arrival.how), at, arrival.is_strike))
            if arrival.signature is not None and (self._holds[before.at] ^ self._holds[at]) & self.open_bits:
                self.known = self.known.showing(arrival.signature)
        if not is_new or arrival.news is None:
            return None
        return Place(at, 0 if before is None else before.depth + 1, arrival.news.here)

    def _compare(self, at: int, arrival: Arrival) -> None:
        """Note which properties say something else than where the situation was first met."""
        differ = (arrival.said.holds ^ self._holds[at]) & self.open_bits & self._exact_bits
        if not differ:
            return
        if self._is_strict:
            raise ToldApart
        for bit, question in enumerate(self.questions):
            question.is_unclear = question.is_unclear or bool(differ >> bit & 1)

    def _add(self, before: Place | None, arrival: Arrival) -> int:
        news = arrival.news
        assert news is not None, "only of a situation that was met before nothing need be said"
        at = self.visited.add(arrival.number, -1 if before is None else before.at, arrival.how)
        self.depth = max(self.depth, 0 if before is None else before.depth + 1)
        if news.is_terminal:
            self.terminal.append(arrival.number)
        if news.is_end:
            self.ends.append(at)
        for question in self.questions:
            question.note(at, arrival.said)
        self._holds.append(arrival.said.holds)
        return at

    def learn(self, learned: Learned) -> None:
        """Note what one part of the search has learned about its moves."""
        self.known = self.known.learning(learned)

    @property
    def frontier(self) -> int:
        """Situations that were seen, but from which nothing was followed any more."""
        return len(self.visited) - self.expanded

    def answers(self, *, complete: bool) -> tuple[Answer, ...]:
        """What is known of each property."""
        return tuple(
            question.answer(self.visited, self.edges, self.ends, complete=complete) for question in self.questions
        )


class NoRoom(Exception):
    """There is no room for another situation: `max_states`."""


class Stale(Exception):
    """Something that this run has relied on has turned out to be wrong: it is begun anew, with what is known now."""


class ToldApart(Exception):
    """A property says different things of two states that count as one situation."""
