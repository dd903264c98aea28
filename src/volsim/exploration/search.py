"""The search through everything that can happen to a cluster.

All interleavings of the work that is ready, all open choices, and the faults for which there is a budget. Work that is
ready comes before the clock goes on, as in a simulation. Of visited situations only a number is kept, and how it was
reached; whole states wait only in the frontier. A path that a breadth-first search gives is a shortest one.

A search that did not see everything is never a pass: its verdict is *unknown*, unless something bad was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor

import attrs

from volsim.engine.actions import Action, Lapse, Request, Step, Sync
from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.exploration.answers import Answer, Edge, Path, Verdict, Visited
from volsim.exploration.bounds import Bounds, Progress, Watch
from volsim.exploration.expanding import Expander, Same
from volsim.exploration.faults import Faults, strike
from volsim.exploration.interchangeable import interchangeable
from volsim.exploration.moves import Order, Reduction
from volsim.exploration.naming import named_by
from volsim.exploration.properties import Property, Word
from volsim.exploration.seen import Seen, Stale, ToldApart
from volsim.exploration.situation import Recogniser, situation
from volsim.exploration.strategies import Hands, Run, Strategy
from volsim.exploration.workers import hands_of
from volsim.rules import Duration, microseconds
from volsim.state import State

__all__ = ["Answer", "Bounds", "Exploration", "Path", "Progress", "Strategy", "Verdict", "perform", "search"]


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
        is_known = self.complete and all(answer.verdict is not Verdict.UNKNOWN for answer in self.answers)
        return Verdict.HOLDS if is_known else Verdict.UNKNOWN

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
    if isinstance(action, Lapse):
        return engine.lapse(state, action)
    if isinstance(action, Request):
        raise VolsimError(f"{action}: a search chooses controllers' work and faults, no requests")
    return strike(engine, state, action)


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
    executor: Executor | None = None,
) -> Exploration:
    """Everything that can happen from `state` on, and what that says of the properties.

    `always` and `sometimes` are given by name and look at the `State`; `properties` are of any sort. The search ends
    when there is nothing new, at a bound, or where nothing more is due within `until` from now. `same` says which
    states count as one; `volsim.exploration.exact` keeps all apart. Without `reductions`, nothing is left out. With an
    `executor` its workers follow the moves; what is found is the same. Cost: all moves of all situations that are seen.

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
    if executor is not None and Strategy(strategy) is not Strategy.BREADTH:
        raise VolsimError(f"strategy={strategy!s}: only a breadth-first search can be shared; leave out the executor")
    limits = bounds if bounds is not None else Bounds(max_states=max_states, until=until)
    asked = _all_properties(always or {}, sometimes or {}, properties)
    budget = faults if faults is not None else Faults()
    watch = Watch(limits)
    runs, stopped_by = 0, ""
    while True:
        seen = Seen(
            asked,
            keep_edges=keep_edges or any(prop.word is Word.EVENTUALLY for prop in asked),
            is_strict=same is None and Reduction.SYMMETRY in chosen,
        )
        seen.runs += runs
        expander = Expander(
            engine,
            budget,
            same if same is not None else _recogniser(state, chosen, asked, budget),
            asked,
            chosen,
            Order(order),
            None if limits.until is None else state.now_us + microseconds(limits.until),
        )
        run, hands = Run(expander, seen, limits, watch, tell), hands_of(executor, expander, seen, state)
        try:
            stopped_by = _to_the_end(run, seen, state, Strategy(strategy), hands, seed)
        except ToldApart:  # by which one it is: what looks alike is not interchangeable for somebody
            chosen, runs = chosen - {Reduction.SYMMETRY}, seen.runs
        else:
            break
    return Exploration(
        states=len(seen.visited),
        transitions=seen.transitions,
        stopped_by=stopped_by,
        terminal=tuple(seen.terminal),
        answers=seen.answers(complete=not stopped_by),
        depth=seen.depth,
        seconds=watch.seconds,
        frontier=seen.frontier,
        order=order,
        start=state,
        engine=engine,
        visited=seen.visited,
        edges=tuple(seen.edges) if keep_edges else None,
    )


def _to_the_end(run: Run, seen: Seen, start: State, strategy: Strategy, hands: Hands, seed: int) -> str:
    """Go over everything until nothing that was relied on turns out to be wrong; the bound that was hit, if any."""
    while True:
        try:
            stopped_by = run.go(start, strategy, hands, seed)
        except Stale:
            seen.begin()
            continue
        if stopped_by or not seen.known.is_stale:
            return stopped_by
        seen.begin()


def _recogniser(state: State, reductions: frozenset[Reduction], properties: list[Property], faults: Faults) -> Same:
    """Says which states count as the same. What somebody calls by its name is not interchangeable."""
    if not reductions & {Reduction.SYMMETRY, Reduction.PHASE}:
        return situation
    swapped: set[str] = set()
    if Reduction.SYMMETRY in reductions:
        observers = [(prop.observer.start, prop.observer.after) for prop in properties if prop.observer is not None]
        said = [(prop.holds, prop.when) for prop in properties]
        alike = interchangeable(state)
        swapped = alike - named_by((said, observers, faults.user_actions), alike)
    return Recogniser(sorted(swapped), phases=Reduction.PHASE not in reductions)


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
