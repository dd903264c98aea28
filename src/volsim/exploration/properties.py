"""Properties in three words: `always`, `sometimes`, `eventually`.

A property looks at a cluster as a user does, through a `Simulation` that stands at the state in question, and says True
or False. It may remember something of the path (`Observer`): then the memory is part of what is explored.

>>> from volsim.exploration.properties import always
>>> always("nobody is lost", lambda sim: all(claim.status.phase != "Lost" for claim in sim.list("pvc")))
<always 'nobody is lost'>
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

import attrs

from volsim.engine.perform import Engine
from volsim.engine.simulation import Simulation
from volsim.errors import VolsimError
from volsim.rules import Duration, microseconds
from volsim.state import State

__all__ = [
    "Asked",
    "Holds",
    "Observer",
    "Property",
    "Since",
    "Word",
    "always",
    "eventually",
    "sometimes",
    "within",
]

Holds = Callable[..., bool]
"""Called with a `Simulation`, and with the memory if the property has an observer."""


class Word(StrEnum):
    """How a property is meant."""

    ALWAYS = "always"
    """In every state."""
    SOMETIMES = "sometimes"
    """In at least one."""
    EVENTUALLY = "eventually"
    """On every path at last, if nobody who can work is passed over for ever. Faults need not come."""


@attrs.frozen
class Observer:
    """Remembers something of the path to a state. What it remembers must be a value: numbers, texts, tuples, records.

    A time (in microseconds) counts as its distance from now if it is a field of a named tuple that is called
    ``since_us`` or ``until_us``.
    """

    start: Callable[[Simulation], Any]
    """What is remembered at the beginning."""
    after: Callable[[Any, Simulation], Any]
    """What is remembered in a state: of the memory before it, and the state."""


@attrs.frozen(repr=False)
class Property:
    """What is asked of all that can happen."""

    name: str
    word: Word
    holds: Holds
    when: Holds | None = None
    """Where an *always* is about something: if it never comes to that, the property is vacuous."""
    observer: Observer | None = None
    on_state: bool = False
    """Whether it is called with the `State` itself, which is faster, and not with a `Simulation`."""
    is_timed: bool = False
    """Whether it measures time, which is found to within a period of the control plane's loops."""

    def __repr__(self) -> str:
        return f"<{self.word} {self.name!r}>"


def always(name: str, holds: Holds, *, when: Holds | None = None, observer: Observer | None = None) -> Property:
    """`holds` in every state; with `when`, in every state in which that is so (and there must be one)."""
    return Property(name, Word.ALWAYS, holds, when, observer)


def sometimes(name: str, holds: Holds, *, observer: Observer | None = None) -> Property:
    """`holds` in at least one state."""
    return Property(name, Word.SOMETIMES, holds, None, observer)


def eventually(name: str, holds: Holds, *, observer: Observer | None = None) -> Property:
    """From every state on, `holds` comes to hold at last: a path that ends, or goes round, without it is a violation.

    Faults, healings and what people do need not come: after the last of them that does, it must still come to hold.
    """
    return Property(name, Word.EVENTUALLY, holds, None, observer)


class Since(NamedTuple):
    """Since when something has not been so."""

    since_us: int


def _now_us(sim: Simulation) -> int:
    return round(sim.now * 1_000_000)


def within(name: str, limit: Duration, holds: Holds) -> Property:
    """`holds` again at the latest `limit` after it ceased to (or after the search began).

    >>> within("it runs", "10m", lambda sim: sim.get("pod/p").status.phase == "Running")
    <always 'it runs'>
    """
    limit_us = microseconds(limit)
    if limit_us <= 0:
        raise VolsimError(f"within {limit!r}: give a time after which it must hold again")

    def since(memory: Since | None, sim: Simulation) -> Since | None:
        if holds(sim):
            return None
        return memory if memory is not None else Since(_now_us(sim))

    def is_in_time(sim: Simulation, memory: Since | None) -> bool:
        if memory is None:
            return True
        due_us = sim.state.next_due_us()  # where nothing more happens in time, time passes all the same
        return due_us is not None and due_us <= memory.since_us + limit_us

    observer = Observer(lambda sim: since(None, sim), since)
    return Property(name, Word.ALWAYS, is_in_time, None, observer, is_timed=True)


class Asked:
    """A property as a search asks it."""

    def __init__(self, prop: Property, engine: Engine) -> None:
        self.prop, self._engine = prop, engine

    def start(self, state: State) -> Any:
        """What is remembered at the beginning."""
        return None if self.prop.observer is None else self.prop.observer.start(self._look(state))

    def after(self, memory: Any, state: State) -> Any:
        """What is remembered in `state`, reached with `memory`."""
        return None if self.prop.observer is None else self.prop.observer.after(memory, self._look(state))

    def holds(self, state: State, memory: Any) -> bool:
        """Whether the property holds in a state."""
        return self._call(self.prop.holds, state, memory)

    def applies(self, state: State, memory: Any) -> bool:
        """Whether the state is one of those that the property is about."""
        return self.prop.when is None or self._call(self.prop.when, state, memory)

    def _call(self, function: Holds, state: State, memory: Any) -> bool:
        look = self._look(state)
        return bool(function(look) if self.prop.observer is None else function(look, memory))

    def _look(self, state: State) -> Any:
        return state if self.prop.on_state else Simulation.of(state, self._engine)
