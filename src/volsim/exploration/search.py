"""The search through everything that can happen to a cluster.

All interleavings of the work that is ready, all open choices, and the faults for which there is a budget. Work that is
ready comes before the clock goes on, as in a simulation. Of visited situations only a number is kept, and how it was
reached; whole states wait only in the frontier. A path that a breadth-first search gives is a shortest one.

A search that did not see everything is never a pass: its verdict is *unknown*, unless something bad was found.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple

import attrs

from volsim.engine.actions import Action, Request, Step, Sync
from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.exploration.answers import Answer, Edge, Path, Question, Verdict, Visited
from volsim.exploration.commuting import Commuting
from volsim.exploration.faults import Faults, Spent, strike
from volsim.exploration.moves import (
    Move,
    Order,
    Place,
    Reduction,
    Work,
    moves_from,
    perform_move,
    ready,
    rest,
    wave_after,
)
from volsim.exploration.properties import Property, Word
from volsim.exploration.situation import Recogniser, situation
from volsim.rules import Duration, microseconds
from volsim.state import State

__all__ = ["Answer", "Bounds", "Exploration", "Path", "Progress", "Strategy", "Verdict", "perform", "search"]

Same = Callable[..., int]
"""Says by a number which states count as the same; more values that count may follow the state."""


@attrs.frozen(kw_only=True)
class Bounds:
    """Where a search ends early. What it did not see, it says."""

    max_states: int = 100_000
    max_depth: int | None = None
    """Moves from the start."""
    max_seconds: float | None = None
    """Real seconds."""
    until: Duration | None = None
    """Simulated time from the start: nothing that is due later is done."""

    def __attrs_post_init__(self) -> None:
        if self.max_states < 1:
            raise VolsimError(f"max_states={self.max_states}: a search sees at least the state from which it starts")


class Strategy(StrEnum):
    """Which situation is followed next."""

    BREADTH = "breadth"
    """The nearest: stories are shortest."""
    DEPTH = "depth"
    """The last that was found: fewer wait at a time."""
    RANDOM = "random"
    """Walks from the start, each move drawn; where a walk ends, another begins. It never has seen everything."""


class Progress(NamedTuple):
    """How far a search is."""

    states: int
    frontier: int
    depth: int
    seconds: float
    run: int
    """The how-manieth time it goes over everything, from 1: see `volsim.exploration.commuting`."""


@attrs.frozen(kw_only=True, eq=False)
class Exploration:
    """What a search has seen."""

    states: int
    """Different situations, the first one included."""
    transitions: int
    """Moves that were followed; some lead to the same situation."""
    stopped_by: str
    """The bound that kept the search from seeing everything, such as `max_states`; empty if it saw everything."""
    terminal: tuple[int, ...]
    """The situations in which nothing more happens by itself, as `Simulation.settle` understands it; nearest first."""
    answers: tuple[Answer, ...]
    depth: int
    """The greatest number of moves to a situation."""
    seconds: float
    """How long it took, of real time."""
    frontier: int = 0
    """Situations that were seen, but from which nothing was followed any more."""
    order: Order = Order.ANY
    """Of which orders of the work that is ready it speaks."""
    _start: State = attrs.field(repr=False)
    _engine: Engine = attrs.field(repr=False)
    _visited: Visited = attrs.field(repr=False)
    _edges: tuple[Edge, ...] | None = attrs.field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether everything that can happen was seen."""
        return not self.stopped_by

    @property
    def verdict(self) -> Verdict:
        """`violated` if a property is; else `holds` if the search is complete, and `unknown` if it is not."""
        if any(answer.verdict is Verdict.VIOLATED for answer in self.answers):
            return Verdict.VIOLATED
        return Verdict.HOLDS if self.complete else Verdict.UNKNOWN

    def answer(self, name: str) -> Answer:
        """What was found out about a property. Raises `VolsimError` for a name that was not asked about."""
        for answer in self.answers:
            if answer.name == name:
                return answer
        asked = ", ".join(repr(answer.name) for answer in self.answers) or "no property"
        raise VolsimError(f"the search was not asked about {name!r}; it was about {asked}")

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of all situations, nearest first."""
        return tuple(self._visited.numbers)

    def path(self, number: int) -> Path:
        """How a situation was reached. Raises `VolsimError` for one that was not seen. O(situations)."""
        if number not in self._visited:
            raise VolsimError(f"the search did not see situation {number}; it saw {self.states} others")
        return self._visited.path(self._visited.numbers.index(number))

    def replay(self, path: Iterable[Action]) -> tuple[Step, ...]:
        """What each action of a path does."""
        return tuple(step for _, step in self._walk(path))

    def state(self, path: Iterable[Action]) -> State:
        """The state at the end of a path."""
        state = self._start
        for found, _ in self._walk(path):
            state = found
        return state

    def _walk(self, path: Iterable[Action]) -> Iterator[tuple[State, Step]]:
        state = self._start
        for action in path:
            state, step = perform(self._engine, state, action)
            yield state, step

    def __str__(self) -> str:
        stopped = f", stopped by {self.stopped_by}" if self.stopped_by else ""
        seen = f"{self.states} states, {self.transitions} transitions, {len(self.terminal)} terminal{stopped}"
        return "\n".join([f"{self.verdict}: {seen}", *map(str, self.answers)])


def perform(engine: Engine, state: State, action: Action) -> tuple[State, Step]:
    """The state after any action that a search chooses, and what it did."""
    if isinstance(action, Sync):
        return engine.perform(state, action)
    if isinstance(action, Request):
        raise VolsimError(f"{action}: a search chooses controllers' work and faults, no requests")
    return strike(engine, state, action)


# -- the search --------------------------------------------------------------------------------------------------------
class _Search:
    """The frontier, and what has been seen."""

    def __init__(
        self,
        engine: Engine,
        faults: Faults,
        bounds: Bounds,
        same: Same,
        questions: list[Question],
        reductions: frozenset[Reduction],
        order: Order,
        strategy: Strategy,
        *,
        seed: int,
        keep_edges: bool,
    ) -> None:
        self.engine, self.faults, self.bounds, self.same = engine, faults, bounds, same
        self.questions, self.reductions, self.keep_edges = questions, reductions, keep_edges
        self.order, self.strategy, self.seed = order, strategy, seed
        is_reduced = Reduction.COMMUTING in reductions and order is Order.WAVES
        self.commuting = Commuting(engine) if is_reduced else None
        self._woken: Work = []
        """What was possible where the search stands."""
        self.runs = 0
        self.until_us: int | None = None
        self.started = time.monotonic()

    def begin(self) -> None:
        """Forget what was seen, for another run."""
        self.visited = Visited()
        self.edges: list[Edge] = []
        self.terminal: list[int] = []
        self.ends: list[int] = []
        self.transitions = self.depth = 0
        self.is_cut = ""
        """A bound behind which something would happen."""
        self.frontier: deque[Place] = deque()
        self._of_number: dict[int, int] = {}
        self._said: list[int] = []
        self.runs += 1
        for question in self.questions:
            question.begin()

    def run(self, start: State, tell: Callable[[Progress], None] | None) -> str:
        """Follow every move from every situation, nearest first; the bound that stopped that, if one did."""
        self.begin()
        memories = tuple(question.asked.start(start) for question in self.questions)
        self._arrive(start, self.faults.none_spent, memories, None, None)
        if self.strategy is Strategy.RANDOM:
            return self._walk(tell)
        while self.frontier:
            place = self.frontier.popleft() if self.strategy is Strategy.BREADTH else self.frontier.pop()
            if self.bounds.max_depth is not None and place.depth >= self.bounds.max_depth:
                self.is_cut = self.is_cut or "max_depth"
                continue
            for move in self._followed(place):
                self.transitions += 1
                new = perform_move(self.engine, place.state, move)
                if not self._arrive(new, move.spent, place.memories, place, move):
                    return "max_states"
            if self._is_late():
                return "max_seconds"
            if tell is not None:
                tell(self.progress(place.depth))
        return self.is_cut

    def _is_late(self) -> bool:
        return self.bounds.max_seconds is not None and time.monotonic() - self.started > self.bounds.max_seconds

    def _walk(self, tell: Callable[[Progress], None] | None) -> str:
        """Walk by chance until a bound is hit: `max_states` counts moves then, for walks may meet nothing new."""
        start = place = self.frontier.popleft()
        random = Random(self.seed)  # noqa: S311 - a walk, no secret
        while self.transitions < self.bounds.max_states and not self._is_late():
            found = self._followed(place)
            if not found or (self.bounds.max_depth is not None and place.depth >= self.bounds.max_depth):
                if place is start:
                    break
                place = start
                continue
            move = random.choice(found)
            self.transitions += 1
            self._arrive(perform_move(self.engine, place.state, move), move.spent, place.memories, place, move)
            place = self.arrived
            self.frontier.clear()
            if tell is not None:
                tell(self.progress(place.depth))
        return "chance"

    def progress(self, depth: int) -> Progress:
        """How far it is."""
        return Progress(
            len(self.visited), len(self.frontier), depth, time.monotonic() - self.started, max(self.runs, 1)
        )

    def _arrive(
        self, state: State, spent: Spent, memories: tuple[Any, ...], before: Place | None, move: Move | None
    ) -> bool:
        """Come to a state by a move; False if there is no room for another situation."""
        how: Path = () if move is None else (*move.before, move.action)
        if Reduction.IDLE in self.reductions:
            state, idle, work = rest(self.engine, state)
            how += idle
        else:
            work = ready(self.engine, state)
        if self.order is Order.WAVES and before is not None and move is not None:
            work = self._wave(before, move, work)
        if before is not None:
            memories = tuple(q.asked.after(memory, state) for q, memory in zip(self.questions, memories, strict=True))
        number = self._number(state, spent, memories, work)
        depth = 0 if before is None else before.depth + 1
        if number in self.visited:
            at = self._of_number.get(number, -1)
            self._note(before, how, at, move)
            said = self._said[at] if at >= 0 else 0
            self.arrived = Place(at, state, spent, memories, work, depth, said)
            self._show(before, move, said)
            return True
        if len(self.visited) >= self.bounds.max_states:
            return False
        at = self.visited.add(number, -1 if before is None else before.at, how)
        if self.keep_edges or self.commuting is not None:
            self._of_number[number] = at
        self._note(before, how, at, move)
        self.depth = max(self.depth, depth)
        if state.next_due_us(background=False) is None:
            self.terminal.append(number)
        if state.next_due_us() is None:
            self.ends.append(at)
        said = 0
        for bit, (question, memory) in enumerate(zip(self.questions, memories, strict=True)):
            said |= question.ask(state, memory, at) << bit
        self._said.append(said)
        self.arrived = Place(at, state, spent, memories, work, depth, said)
        self._show(before, move, said)
        self.frontier.append(self.arrived)
        return True

    def _show(self, before: Place | None, move: Move | None, said: int) -> None:
        """Note a move after which a property that is not decided says something else."""
        if self.commuting is not None and before is not None and move is not None:
            open_bits = sum((question.decided_at is None) << bit for bit, question in enumerate(self.questions))
            if (before.said ^ said) & open_bits:
                self.commuting.show(move)

    def _wave(self, before: Place, move: Move, work: Work) -> Work:
        """What comes before anything else after a move."""
        wave = before.work
        if move.found is not None and not wave:  # the clock went on to this wave
            wave = self._woken
        return wave_after(move, wave, work)

    def _note(self, before: Place | None, how: Path, target: int, move: Move | None) -> None:
        if self.keep_edges and before is not None and move is not None:
            self.edges.append(Edge(before.at, self.visited.way(how), target, move.found is None))

    def _number(self, state: State, spent: Spent, memories: tuple[Any, ...], work: Work) -> int:
        """The number of a situation, what may still come included."""
        more: list[Any] = [memories] if any(memory is not None for memory in memories) else []
        if self.order is Order.WAVES and len(work) != len(state.ready()):
            more += [("wave", name, key) for name, key in sorted(sync[:2] for sync, _ in work)]
        return hash((self.same(state, *more), spent)) & ((1 << 64) - 1)

    def _followed(self, place: Place) -> list[Move]:
        """The moves that are followed from a situation."""
        due_us = place.state.next_due_us()
        if due_us is not None and self.until_us is not None and due_us > self.until_us:
            self.is_cut = "until"
        skip_idle = Reduction.IDLE in self.reductions
        found = list(moves_from(self.engine, place, self.faults, self.until_us, skip_idle=skip_idle))
        self._woken = [(move.action, move.found) for move in found if isinstance(move.action, Sync) and move.found]
        return found if self.commuting is None else self.commuting.followed(place.state, found)


def search(
    state: State,
    engine: Engine,
    *,
    faults: Faults | None = None,
    always: Mapping[str, Callable[[State], bool]] | None = None,
    sometimes: Mapping[str, Callable[[State], bool]] | None = None,
    properties: Iterable[Property] = (),
    max_states: int = 100_000,
    until: Duration | None = None,
    bounds: Bounds | None = None,
    same: Same | None = None,
    reductions: Iterable[Reduction] = (),
    order: Order = Order.ANY,
    strategy: Strategy = Strategy.BREADTH,
    seed: int = 0,
    keep_edges: bool = False,
    tell: Callable[[Progress], None] | None = None,
) -> Exploration:
    """Everything that can happen from `state` on, and what that says of the properties.

    `always` and `sometimes` are given by name and look at the `State`; `properties` are of any sort. The search ends
    when there is nothing new, at a bound, or where nothing more is due within `until` from now. `same` says which
    states count as one; `volsim.exploration.exact` keeps all apart. Without `reductions`, nothing is left out. Cost:
    all moves of all situations that are seen.

    >>> from volsim import Simulation
    >>> sim = Simulation(nodes=1)
    >>> off = lambda state: not state.get("machines", "node01").powered
    >>> print(search(sim.state, sim.engine, faults=Faults(node_losses=1), sometimes={"the node is off": off}))
    holds: 6 states, 5 transitions, 2 terminal
    sometimes the node is off: holds after 1 actions
    """
    chosen = frozenset(reductions)
    if Reduction.COMMUTING in chosen:
        chosen |= {Reduction.IDLE}
    limits = bounds if bounds is not None else Bounds(max_states=max_states, until=until)
    questions = [Question(prop, engine) for prop in _all_properties(always or {}, sometimes or {}, properties)]
    budget = faults if faults is not None else Faults()
    if same is None:
        same = _recogniser(state, chosen)
    edges_wanted = (
        keep_edges
        or strategy is Strategy.RANDOM
        or any(question.prop.word is Word.EVENTUALLY for question in questions)
    )
    found = _Search(
        engine,
        budget,
        limits,
        same,
        questions,
        chosen,
        Order(order),
        Strategy(strategy),
        seed=seed,
        keep_edges=edges_wanted,
    )
    found.until_us = None if limits.until is None else state.now_us + microseconds(limits.until)
    stopped_by = found.run(state, tell)
    while not stopped_by and found.commuting is not None and found.commuting.is_stale():
        stopped_by = found.run(state, tell)
    return Exploration(
        states=len(found.visited),
        transitions=found.transitions,
        stopped_by=stopped_by,
        terminal=tuple(found.terminal),
        answers=tuple(
            question.answer(found.visited, found.edges, found.ends, complete=not stopped_by) for question in questions
        ),
        depth=found.depth,
        seconds=time.monotonic() - found.started,
        frontier=len(found.frontier),
        order=order,
        start=state,
        engine=engine,
        visited=found.visited,
        edges=tuple(found.edges) if keep_edges else None,
    )


def _recogniser(state: State, reductions: frozenset[Reduction]) -> Same:
    if not reductions & {Reduction.SYMMETRY, Reduction.PHASE}:
        return situation
    swapped = state.nodes if Reduction.SYMMETRY in reductions else ()
    return Recogniser(swapped, phases=Reduction.PHASE not in reductions)


def _all_properties(
    always: Mapping[str, Callable[[State], bool]],
    sometimes: Mapping[str, Callable[[State], bool]],
    properties: Iterable[Property],
) -> list[Property]:
    found = [
        *(Property(name, Word.ALWAYS, holds, on_state=True) for name, holds in always.items()),
        *(Property(name, Word.SOMETIMES, holds, on_state=True) for name, holds in sometimes.items()),
        *properties,
    ]
    names = [prop.name for prop in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise VolsimError(f"{', '.join(map(repr, twice))} is asked for twice; give each property its own name")
    return found
