"""Breadth-first search through everything that can happen to a cluster.

All interleavings of the work that is ready, all open choices, and the faults for which there is a budget. Work that is
ready comes before the clock goes on, as in a simulation. Of visited states only a number is kept, and how it was
reached; whole states wait only in the frontier. A path that the search gives is a shortest one and can be replayed.

A search that did not see everything is never a pass: its verdict is *unknown*, unless something bad was found.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

import attrs

from volsim.engine.actions import Action, Fault, Step, Sync
from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.exploration.faults import Faults, Spent, strike
from volsim.exploration.situation import situation
from volsim.rules import Duration, microseconds
from volsim.state import State

__all__ = ["Answer", "Exploration", "Path", "Property", "Verdict", "perform", "search"]

Path = tuple[Action, ...]
"""What was done from the start on."""
Property = Callable[[State], bool]
"""Something that a state has or has not. It should not ask for the time or for a uid: many states are one situation."""
Recogniser = Callable[[State], int]
"""Says by a number which states count as the same."""


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
    """`always` or `sometimes`."""
    verdict: Verdict
    path: Path | None = None
    """A shortest path to where an *always* breaks or a *sometimes* shows; None if the search saw no such state."""
    error: str = ""
    """What the property raised at the end of the path. Such a property is violated."""

    def __str__(self) -> str:
        where = f" after {len(self.path)} actions" if self.path is not None else ""
        return f"{self.word} {self.name}: {self.verdict}{where}" + (f": it raised {self.error}" if self.error else "")


class _Reached(NamedTuple):
    """How a situation was first reached: from which one, by which action."""

    before: int
    action: Action


@attrs.frozen(kw_only=True, eq=False)
class Exploration:
    """What a search has seen."""

    states: int
    """Different situations, the first one included."""
    transitions: int
    """Actions that were performed; some lead to the same situation."""
    stopped_by: str
    """The bound that kept the search from seeing everything: `max_states` or `until`; empty if it saw everything."""
    terminal: tuple[int, ...]
    """The situations in which nothing more happens by itself, as `Simulation.settle` understands it; nearest first."""
    answers: tuple[Answer, ...]
    _start: State = attrs.field(repr=False)
    _engine: Engine = attrs.field(repr=False)
    _reached: Mapping[int, _Reached | None] = attrs.field(repr=False)

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

    def path(self, number: int) -> Path:
        """A shortest path to a situation. Raises `VolsimError` for one that was not seen."""
        if number not in self._reached:
            raise VolsimError(f"the search did not see situation {number}; it saw {self.states} others")
        return _path(self._reached, number)

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
    if isinstance(action, Fault):
        return strike(engine, state, action)
    raise VolsimError(f"{action}: a search chooses controllers' work and faults, no requests")


def _path(reached: Mapping[int, _Reached | None], number: int) -> Path:
    actions = []
    while (how := reached[number]) is not None:
        actions.append(how.action)
        number = how.before
    return tuple(reversed(actions))


# -- properties --------------------------------------------------------------------------------------------------------
class _Question:
    """A property, and the first situation that decides it."""

    def __init__(self, name: str, word: str, holds: Property) -> None:
        self.name, self.word, self._holds = name, word, holds
        self.decided_at: int | None = None
        self.error = ""

    def ask(self, state: State, number: int) -> None:
        """Look at one more state, unless the question is decided."""
        if self.decided_at is not None:
            return
        try:
            holds = self._holds(state)
        except Exception as error:  # noqa: BLE001 - whatever a user's property raises is told with its story
            self.error, holds = f"{type(error).__name__}: {error}", self.word == "sometimes"
        if bool(holds) == (self.word == "sometimes"):
            self.decided_at = number

    def answer(self, reached: Mapping[int, _Reached | None], *, complete: bool) -> Answer:
        """What is known at the end of a search."""
        is_always = self.word == "always"
        if self.decided_at is not None:
            verdict = Verdict.VIOLATED if is_always or self.error else Verdict.HOLDS
        elif complete:
            verdict = Verdict.HOLDS if is_always else Verdict.VIOLATED
        else:
            verdict = Verdict.UNKNOWN
        path = None if self.decided_at is None else _path(reached, self.decided_at)
        return Answer(name=self.name, word=self.word, verdict=verdict, path=path, error=self.error)


def _questions(always: Mapping[str, Property], sometimes: Mapping[str, Property]) -> list[_Question]:
    twice = sorted(set(always) & set(sometimes))
    if twice:
        raise VolsimError(f"{', '.join(map(repr, twice))} is asked for always and sometimes; give each its own name")
    return [
        *(_Question(name, "always", holds) for name, holds in always.items()),
        *(_Question(name, "sometimes", holds) for name, holds in sometimes.items()),
    ]


# -- the search --------------------------------------------------------------------------------------------------------
class _Search:
    """The frontier, and what has been seen."""

    def __init__(
        self, engine: Engine, faults: Faults, until_us: int | None, same: Recogniser, questions: list[_Question]
    ) -> None:
        self.engine, self.faults, self.until_us, self.same = engine, faults, until_us, same
        self.questions = questions
        self.reached: dict[int, _Reached | None] = {}
        self.transitions = 0
        self.terminal: list[int] = []
        self.is_cut = False
        """Something would happen after `until`."""
        self._frontier: deque[tuple[int, State, Spent]] = deque()
        self._actions: dict[Action, Action] = {}  # each action once: paths have most of them in common

    def run(self, start: State, max_states: int) -> bool:
        """Follow every action from every situation, nearest first; whether that came to its end."""
        spent = self.faults.none_spent
        self._visit(self._number(start, spent), start, spent, None)
        while self._frontier:
            before, state, spent = self._frontier.popleft()
            for action, after in self._choices(state, spent):
                new, _ = perform(self.engine, state, action)
                self.transitions += 1
                number = self._number(new, after)
                if number in self.reached:
                    continue
                if len(self.reached) >= max_states:
                    return False
                self._visit(number, new, after, _Reached(before, self._actions.setdefault(action, action)))
        return True

    def _number(self, state: State, spent: Spent) -> int:
        """The number of a situation, what may still come included."""
        return hash((self.same(state), spent))

    def _visit(self, number: int, state: State, spent: Spent, how: _Reached | None) -> None:
        """Note a situation that was not seen before."""
        self.reached[number] = how
        self._frontier.append((number, state, spent))
        if state.next_due_us(background=False) is None:
            self.terminal.append(number)
        for question in self.questions:
            question.ask(state, number)

    def _choices(self, state: State, spent: Spent) -> Iterator[tuple[Action, Spent]]:
        """All that can happen next: work first, in the order in which it became ready, then faults."""
        due_us = state.next_due_us()
        if due_us is not None and self.until_us is not None and due_us > self.until_us:
            self.is_cut = True
        else:
            for action in self.engine.enabled(state):
                yield action, spent
        yield from self.faults.choices(state, spent)


def search(
    state: State,
    engine: Engine,
    *,
    faults: Faults | None = None,
    always: Mapping[str, Property] | None = None,
    sometimes: Mapping[str, Property] | None = None,
    max_states: int = 100_000,
    until: Duration | None = None,
    same: Recogniser = situation,
) -> Exploration:
    """Everything that can happen from `state` on, and what that says of the properties.

    A property of `always` must hold in every state, one of `sometimes` in at least one. The search ends when there is
    nothing new, after `max_states`, or where nothing more is due within `until` from now. `same` says which states
    count as one; `volsim.exploration.exact` keeps all apart. Cost: all actions of all states that are seen.

    >>> from volsim import Simulation
    >>> sim = Simulation(nodes=1)
    >>> off = lambda state: not state.get("machines", "node01").powered
    >>> print(search(sim.state, sim.engine, faults=Faults(node_losses=1), sometimes={"the node is off": off}))
    holds: 6 states, 5 transitions, 2 terminal
    sometimes the node is off: holds after 1 actions
    """
    if max_states < 1:
        raise VolsimError(f"max_states={max_states}: a search sees at least the state from which it starts")
    budget = faults if faults is not None else Faults()
    until_us = None if until is None else state.now_us + microseconds(until)
    found = _Search(engine, budget, until_us, same, _questions(always or {}, sometimes or {}))
    ended = found.run(state, max_states)
    stopped_by = "max_states" if not ended else "until" if found.is_cut else ""
    return Exploration(
        states=len(found.reached),
        transitions=found.transitions,
        stopped_by=stopped_by,
        terminal=tuple(found.terminal),
        answers=tuple(question.answer(found.reached, complete=not stopped_by) for question in found.questions),
        start=state,
        engine=engine,
        reached=found.reached,
    )
