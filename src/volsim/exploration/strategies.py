"""In which order a search follows what it has found: nearest first, last found first, or by chance.

The breadth-first search is cut into parts of `PART` situations as it finds them, each with what is known of moves by
then, and what comes of the parts is put together in the order in which they were cut off. So it may be done by many
(`volsim.exploration.workers`), and finds out the same, word for word, as if it had been done by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from random import Random
from typing import NamedTuple, Protocol

from volsim.exploration.bounds import Bounds, Progress, Watch
from volsim.exploration.commuting import Learned, Lesson
from volsim.exploration.expanding import Chunk, Expander, Followed
from volsim.exploration.seen import NoRoom, Place, Seen, Stale
from volsim.state import State

__all__ = ["PART", "Begun", "Hands", "Here", "Run", "Strategy"]

PART = 64
"""Situations of a part: about 100 ms of work. Of fewer, more parts find out the same of moves, and find out that they
disagree; more leave workers without work."""


class Strategy(StrEnum):
    """Which situation is followed next."""

    BREADTH = "breadth"
    """The nearest: stories are shortest."""
    DEPTH = "depth"
    """The last that was found: fewer wait at a time."""
    RANDOM = "random"
    """Walks from the start, each move drawn; where a walk ends, another begins. It never has seen everything."""


class Begun(NamedTuple):
    """A part of the search that somebody works on."""

    followed: Iterator[Followed]
    """What comes of its places in turn."""
    learned: Callable[[], Learned | None]
    """What is learned of moves, when all has come."""


class Hands(Protocol):
    """Who follows the moves."""

    def begin(self, chunk: Chunk) -> Begun:
        """Begin with a part, or note it."""
        ...

    def stop(self) -> None:
        """Leave undone what is not done."""
        ...


class Here:
    """The moves are followed by the search itself, when their turn comes."""

    def __init__(self, expander: Expander, seen: Seen) -> None:
        self._expander, self._seen = expander, seen

    def begin(self, chunk: Chunk) -> Begun:
        """Note a part; it is worked on while somebody asks for what comes of it."""
        commuting = self._expander.commuting
        lesson = None if commuting is None else Lesson(commuting, chunk.known)
        followed = self._expander.expand(chunk, lesson, self._seen.visited.__contains__)
        return Begun(followed, lambda: None if lesson is None else lesson.learned)

    def stop(self) -> None:
        """Nothing is under way."""


class Run:
    """One run over everything that can happen."""

    def __init__(
        self,
        expander: Expander,
        seen: Seen,
        bounds: Bounds,
        watch: Watch,
        tell: Callable[[Progress], None] | None,
    ) -> None:
        self._expander, self._seen, self._bounds, self._watch, self._tell = expander, seen, bounds, watch, tell
        self._cut_by = ""
        """A bound behind which something would happen."""

    def go(self, start: State, strategy: Strategy, hands: Hands, seed: int) -> str:
        """Follow what can happen from `start`; the bound that kept it from seeing everything, if one did."""
        first = self._seen.arrive(None, self._expander.begin(start), self._bounds.max_states)
        assert first is not None
        try:
            if strategy is Strategy.RANDOM:
                return self._walk(first, Random(seed))  # noqa: S311 - a walk, no secret
            if strategy is Strategy.DEPTH:
                return self._depth_first(first, hands)
            return self._breadth_first(first, hands)
        except NoRoom:
            return "max_states"
        finally:
            hands.stop()

    # -- everything ----------------------------------------------------------------------------------------------------
    def _breadth_first(self, first: Place, hands: Hands) -> str:
        waiting = deque(self._further(first))
        parts: deque[tuple[list[Place], Begun]] = deque()
        while waiting or parts:
            while len(waiting) >= PART or (waiting and not parts):
                places = [waiting.popleft() for _ in range(min(PART, len(waiting)))]
                parts.append((places, self._begin(places, hands)))
            stopped_by = self._put_together(*parts.popleft(), waiting)
            if stopped_by:
                return stopped_by
        return self._cut_by

    def _depth_first(self, first: Place, hands: Hands) -> str:
        waiting = deque(self._further(first))
        while waiting:
            places = [waiting.pop()]
            stopped_by = self._put_together(places, self._begin(places, hands), waiting)
            if stopped_by:
                return stopped_by
        return self._cut_by

    def _begin(self, places: list[Place], hands: Hands) -> Begun:
        return hands.begin(Chunk(tuple(place.here for place in places), self._seen.known, self._seen.open_bits))

    def _put_together(self, places: list[Place], begun: Begun, waiting: deque[Place]) -> str:
        """Note what comes of a part in turn; the bound that ends the search there, if one does."""
        seen = self._seen
        for place, followed in zip(places, begun.followed, strict=True):
            seen.expanded += 1
            if followed.is_cut:
                self._cut_by = "until"
            for arrival in followed.arrivals:
                seen.transitions += 1
                new = seen.arrive(place, arrival, self._bounds.max_states)
                if new is not None:
                    waiting.extend(self._further(new))
            stopped_by = self._watch.hit()
            if stopped_by:
                return stopped_by
            self._say_how_far(place)
        learned = begun.learned()
        if learned is not None:
            seen.learn(learned)
            if seen.known.is_stale:
                raise Stale
        return ""

    def _further(self, place: Place) -> tuple[Place, ...]:
        """The place, if it may be followed."""
        if self._bounds.max_depth is None or place.depth < self._bounds.max_depth:
            return (place,)
        self._cut_by = self._cut_by or "max_depth"
        return ()

    def _say_how_far(self, place: Place) -> None:
        if self._tell is not None:
            seen = self._seen
            self._tell(Progress(len(seen.visited), seen.frontier, place.depth, self._watch.seconds, seen.runs))

    # -- by chance -----------------------------------------------------------------------------------------------------
    def _walk(self, start: Place, random: Random) -> str:
        """Walk by chance until a bound is hit: `max_states` counts moves then, for walks may meet nothing new."""
        seen, expander, most = self._seen, self._expander, self._bounds.max_depth
        place = start
        while seen.transitions < self._bounds.max_states and not self._watch.hit():
            lesson = None if expander.commuting is None else Lesson(expander.commuting, seen.known)
            moves, wave, _ = expander.moves(place.here, lesson)
            if not moves or (most is not None and place.depth >= most):
                if place is start:
                    break
                place = start
                continue
            arrival = expander.arrive(place.here, random.choice(moves), wave, seen.open_bits, lambda _: False)
            seen.transitions += 1
            new = seen.arrive(place, arrival, self._bounds.max_states)
            if lesson is not None:
                seen.learn(lesson.learned)
            assert arrival.news is not None
            at = seen.visited.index(arrival.number)
            assert at is not None
            place = new or Place(at, place.depth + 1, arrival.news.here)
            self._say_how_far(place)
        seen.expanded = len(seen.visited)  # which of them have moves that were not drawn is not noted
        return "chance"
