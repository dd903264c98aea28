"""What a controller is: a name, what wakes it, and a pure function from a view and a key to an outcome.

Modelled: level-triggered controllers that read one consistent view and return their writes.
Not modelled: stale caches (an exploration may make controllers slow instead: `volsim.exploration.Order.SLOW`).
Source: client-go, util/workqueue; controller-runtime's reconciler is of the same form.

A controller has no state of its own, no clock, no randomness and no iteration over a `set`. It talks to other
controllers only through the state. Where Kubernetes leaves something open, it returns a `Choose` instead of an
`Outcome`, and whoever drives the engine picks: a simulation by its seed, the explorer every one in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import attrs

from volsim.apiserver.writes import Write
from volsim.state import View, Watch

__all__ = ["NOTHING", "Choose", "Controller", "EventNote", "Outcome", "normal", "warning"]


class EventNote(NamedTuple):
    """An event that a component wants recorded about an object: one line of `kubectl get events`."""

    type: str
    """`Normal` or `Warning`."""
    reason: str
    message: str
    about: Any
    """The object that the event is about."""
    component: str | None = None
    """Who says it, where that is not the controller's own component (`Controller.component`)."""
    host: str = ""
    """The node that says it, for kubelets."""
    of_write: int | None = None
    """The number of the outcome's write that it tells of: it is recorded only if that write was carried out, and
    ``{name}`` in its message stands for the name of the written object (which the server may have made up)."""


def normal(about: Any, reason: str, message: str) -> EventNote:
    """A Normal event."""
    return EventNote("Normal", reason, message, about)


def warning(about: Any, reason: str, message: str) -> EventNote:
    """A Warning event."""
    return EventNote("Warning", reason, message, about)


class Outcome(NamedTuple):
    """What a sync decided: writes in order, events, and when to look again.

    If a write is refused, the rest is not carried out and the key is looked at again after a back-off; of the events
    only those of writes that were carried out are recorded then, and `if_refused`, with the refusal's text put for
    ``{error}`` in its message.
    """

    writes: tuple[Write, ...] = ()
    events: tuple[EventNote, ...] = ()
    requeue_after_us: int | None = None
    """Look again after this long, even if nothing changes. Replaces what an earlier sync asked for."""
    background: bool = False
    """The look again is a recurring back-off or a program's own pause: settling does not wait for it."""
    says: str = ""
    """One line of English for the trace, without the actor: ``bind claim default/c to volume v``."""
    if_refused: EventNote | None = None


NOTHING = Outcome()
"""The outcome of a sync that found nothing to do."""


class Choose(NamedTuple):
    """Several outcomes, any of which is right: what Kubernetes leaves open."""

    what: str
    """What is being chosen, for the trace: ``one of 2 nodes with the best score``."""
    options: tuple[tuple[str, Outcome | Callable[[], Outcome]], ...]
    """(label, outcome); labels are distinct and stable. Where there may be hundreds: functions that make it."""


Sync = Callable[[View, str], Outcome | Choose]


@attrs.frozen(kw_only=True)
class Controller:
    """One actor of the cluster: `watches` says by table what wakes it, `sync` brings one key a step closer.

    A mutant (wrong semantics for an exercise or a test) is a controller with another function:
    ``attrs.evolve(controller, sync=wrong)``.
    """

    name: str
    """The short name that stands in traces: ``pv-binder``."""
    component: str
    """Who Kubernetes says the events come from: ``persistentvolume-controller``."""
    watches: Mapping[str, Watch]
    """By table: the function that says which keys a change wakes."""
    sync: Sync
    priority: int = 0
    """Among timers that are due at the same instant, lower comes first."""
