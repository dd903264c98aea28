"""`perform`: one action on one state gives the next state. Every driver uses this, and only this.

A simulation performs the action that is first in line, the explorer every action that is enabled, a Hypothesis machine
the one that it is told. Work that is ready comes before the clock goes on (maximal progress); work that is due at the
same instant is ordered by (time, priority, sequence), never by a hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from typing import Any

import attrs

from volsim.apiserver.requests import carry_out
from volsim.apiserver.writes import Put, Write
from volsim.control.contract import NOTHING, Choose, Controller, EventNote, Outcome
from volsim.engine.actions import Action, Crash, Lapse, Recorded, Step, Sync
from volsim.engine.components import crash, is_down, looks_at_everything
from volsim.errors import VolsimError, did_you_mean
from volsim.state import ANY, REMEMBERED, RUNTIME, Draft, State, View, Watch

__all__ = ["Engine", "chosen", "draw", "lasting", "named"]

_RETRY_FIRST_US = 5_000
_RETRY_MAX_US = 1_000_000_000  # client-go's DefaultControllerRateLimiter: 5 ms doubled up to 1000 s

Pick = Callable[[Draft, tuple[str, ...]], str]
"""How a driver picks one of several labels."""


def draw(draft: Draft, labels: tuple[str, ...]) -> str:
    """One of `labels`, by the cluster's seed and how much has happened so far: the same on every machine."""
    seed = f"{draft.salt}/{draft.serial}".encode()
    number = int.from_bytes(blake2b(seed, digest_size=8).digest())
    return labels[number % len(labels)]


@attrs.frozen
class Engine:
    """The controllers of a cluster, wired to what they watch. A value: replace one to get another semantics."""

    controllers: tuple[Controller, ...]
    _by_name: dict[str, Controller] = attrs.field(init=False, repr=False, eq=False)
    watches: dict[str, tuple[tuple[str, Watch], ...]] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {controller.name: controller for controller in self.controllers})
        named = dict.fromkeys(table for controller in self.controllers for table in controller.watches)
        watches: dict[str, list[tuple[str, Watch]]] = {table: [] for table in named}
        for controller in self.controllers:
            for table, watch in controller.watches.items():
                if table != ANY:
                    watches[table].append((controller.name, watch))
                    continue
                for every in named:
                    if every not in RUNTIME:
                        watches[every].append((controller.name, watch))
        watches["components"] = [(controller.name, looks_at_everything(controller)) for controller in self.controllers]
        object.__setattr__(self, "watches", {table: tuple(found) for table, found in watches.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.controllers,)  # the wiring follows from them

    def controller(self, name: str) -> Controller:
        """The controller called `name`; `VolsimError` if there is none."""
        found = self._by_name.get(name)
        if found is None:
            raise VolsimError(f"there is no controller {name!r}; {did_you_mean(name, self._by_name)}")
        return found

    def replacing(self, name: str, **changes: Any) -> Engine:
        """The same engine with one controller changed: a mutant.

        Raises `VolsimError` if there is no controller of that name.
        """
        wrong = attrs.evolve(self.controller(name), **changes)
        return Engine(tuple(wrong if each.name == name else each for each in self.controllers))

    # -- what can happen ---------------------------------------------------------------------------------------------
    def next_action(self, draft: Draft, until_us: int | None = None) -> Sync | None:
        """The work that is first in line; lets the clock go on if nothing is ready, but not past `until_us`."""
        while True:
            first = draft.first_ready()
            if first is None:
                due = draft.next_due_us()
                if due is None or (until_us is not None and due > until_us):
                    return None
                draft.wait_until(due)
            elif is_down(draft, self.controller(first[0])):
                draft.take(*first)  # when it is up again it looks at everything
            else:
                return Sync(*first)

    def enabled(self, state: State) -> Iterator[Sync]:
        """Every piece of work that can be done now, with every choice that is open in it.

        If nothing is ready, the work that is due next (the clock will go on to it).
        """
        draft = state.draft(self.watches)
        if draft.first_ready() is None and (due := draft.next_due_us()) is not None:
            draft.wait_until(due)
        for name, key in draft.ready():
            outcome = self.look(draft, name, key)
            if isinstance(outcome, Choose):
                for label, _ in outcome.options:
                    yield Sync(name, key, label)
            else:
                yield Sync(name, key)

    # -- doing it ----------------------------------------------------------------------------------------------------
    def perform(self, state: State, action: Sync, pick: Pick = draw) -> tuple[State, Step]:
        """The state after `action`, and what it did. `state` stays as it is."""
        draft = state.draft(self.watches)
        if draft.first_ready() is None and (due := draft.next_due_us()) is not None:
            draft.wait_until(due)
        step = self.sync(draft, action, pick)
        return draft.seal(), step

    def lapse(self, state: State, action: Lapse) -> tuple[State, Step]:
        """The state when the clock has gone on to what is due next, though work is ready; nobody comes to that."""
        draft = state.draft(self.watches)
        due = next(draft.timers(), None)
        if due is None:
            raise VolsimError(f"{action}: nothing is due; whoever is ready comes next")
        late = ", ".join(named(*work) for work in draft.ready())
        draft.wait_until(due.due_us)
        return draft.seal(), Step(draft.now_us, action, (), (), f"goes on to {action.due}, before {late or 'nobody'}")

    def crash(self, state: State, action: Crash) -> tuple[State, Step]:
        """The state after a controller's process has ended in the middle of a look and has started again.

        Of the look, the first `action.writes` lasting writes stay; events and what it wanted to remember are lost.
        """
        draft = state.draft(self.watches)
        if draft.first_ready() is None and (due := draft.next_due_us()) is not None:
            draft.wait_until(due)
        controller = self.controller(action.controller)
        draft.take(action.controller, action.key)
        found = self.look(draft, action.controller, action.key)
        if isinstance(found, Choose):
            found = chosen(found, action.controller, action.choice or "")
        total = lasting(found)
        if not 0 < action.writes < total:
            raise VolsimError(f"{action}: it has {total} writes to do, and crashes after the first and before the last")
        with suppress(VolsimError):  # what is refused ends the look before the crash does
            for write in _first(found.writes, action.writes):
                carry_out(draft, write)
        changes = draft.take_changes()
        name, restarted = crash(draft, controller)
        after = "the first" if action.writes == 1 else f"{action.writes}"
        says = f"{name} crashes after {after} of {total} writes of {controller.name}: {found.says or action.key}"
        return draft.seal(), Step(draft.now_us, action, (*changes, *restarted), (), says)

    def look(self, view: View, name: str, key: str) -> Outcome | Choose:
        """What a controller would do about a key now: nothing while its process is down. Nothing is changed."""
        controller = self.controller(name)
        return NOTHING if is_down(view, controller) else controller.sync(view, key)

    def sync(self, draft: Draft, action: Sync, pick: Pick = draw, *, found: Outcome | Choose | None = None) -> Step:
        """Perform `action` on a draft. `found` is what `look` has just said of it, if somebody has looked."""
        name, key, _ = action
        controller = self._by_name.get(name) or self.controller(name)
        draft.take(name, key)
        if found is None:
            found = self.look(draft, name, key)
        if found is NOTHING and not draft.failures(name, key):  # the most common case by far
            return Step(draft.now_us, action, (), ())
        if isinstance(found, Choose):
            label = action.choice if action.choice is not None else pick(draft, tuple(dict(found.options)))
            action, found = action._replace(choice=label), chosen(found, name, label)
        events = self._carry_out(draft, controller, key, found)
        return Step(draft.now_us, action, draft.take_changes(), events, found.says)

    def _carry_out(self, draft: Draft, controller: Controller, key: str, outcome: Outcome) -> tuple[Recorded, ...]:
        written: list[Any] = []
        after, background = outcome.requeue_after_us, outcome.background
        refusal: tuple[EventNote, ...] = ()
        try:
            for write in outcome.writes:
                written.append(carry_out(draft, write))  # noqa: PERF401 - as far as it gets
        except VolsimError as error:
            again = draft.note_failure(controller.name, key, failed=True)
            after, background = min(_RETRY_FIRST_US << min(again - 1, 40), _RETRY_MAX_US), True
            refused = outcome.if_refused
            refusal = (refused._replace(message=refused.message.replace("{error}", str(error))),) if refused else ()
        else:
            draft.note_failure(controller.name, key, failed=False)
        if after is not None:
            draft.set_timer(
                controller.name, key, draft.now_us + after, priority=controller.priority, background=background
            )
        if not outcome.events and not refusal:
            return ()
        notes = (*_told(outcome, written), *refusal)
        return tuple(recorded(draft, note, controller.component) for note in notes)


def chosen(found: Choose, controller: str, label: str) -> Outcome:
    """What a controller does that chooses `label`. Raises `VolsimError` if it cannot."""
    options = dict(found.options)
    if label not in options:
        raise VolsimError(f"{controller} cannot choose {label!r} now; {did_you_mean(label, options)}")
    option = options[label]
    return option if isinstance(option, Outcome) else option()


def lasting(outcome: Outcome) -> int:
    """How many of an outcome's writes outlive the process that makes them: not what it merely remembers."""
    return sum(_lasts(write) for write in outcome.writes)


def _lasts(write: Write) -> bool:
    return not isinstance(write, Put) or write.table not in REMEMBERED


def _first(writes: tuple[Write, ...], count: int) -> Iterator[Write]:
    """The first `count` writes that last, and none of the others."""
    return islice((write for write in writes if _lasts(write)), count)


def named(controller: str, key: str) -> str:
    """Who is to look at what, for people: without the uids that some keys have, and keys that say nothing.

    >>> named("kubelet", "default/web@4106b5de-ca34-4e98-98c4-666aa522a29e"), named("pv-binder", "")
    ('kubelet: default/web', 'pv-binder')
    """
    what = key.partition("@")[0]
    return f"{controller}: {what}" if what else controller


def _told(outcome: Outcome, written: list[Any]) -> Iterator[EventNote]:
    """The events of an outcome of which the first writes were carried out."""
    complete = len(written) == len(outcome.writes)
    for note in outcome.events:
        if note.of_write is None:
            if complete:
                yield note
        elif note.of_write < len(written):
            name = written[note.of_write].metadata.name if "{name}" in note.message else ""
            yield note._replace(message=note.message.replace("{name}", name))


def recorded(draft: Draft, note: EventNote, component: str) -> Recorded:
    """The event that `note` becomes when `component` records it now."""
    return Recorded(draft.now_us, note.component or component, note, note.host)


def is_sync(action: Action) -> bool:
    """Whether `action` is a controller's work, not a request or a fault."""
    return isinstance(action, Sync)
