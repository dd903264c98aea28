"""Actions: what can happen next, as frozen values. An action is a choice not yet made; a `Step` is what came of it."""

from __future__ import annotations

from typing import NamedTuple

from volsim.control.contract import EventNote
from volsim.state import Change

__all__ = ["Action", "Ask", "Crash", "Fault", "Lapse", "Recorded", "Request", "Step", "Sync"]


class Sync(NamedTuple):
    """A controller looks at one key. `choice` is the label of what it picks, where something is left open.

    >>> print(Sync("pv-binder", "claim default/c"))
    pv-binder: claim default/c
    """

    controller: str
    key: str
    choice: str | None = None

    def __str__(self) -> str:
        return f"{self.controller}: {self.key}" + (f" ({self.choice})" if self.choice is not None else "")


class Request(NamedTuple):
    """Somebody asks the API server for something.

    >>> print(Request("apply", "pod/web"))
    user: apply pod/web
    """

    verb: str
    what: str
    actor: str = "user"

    def __str__(self) -> str:
        return f"{self.actor}: {self.verb} {self.what}"


class Fault(NamedTuple):
    """The world intervenes: power, network, a process, a storage backend. Each has its healing twin.

    >>> print(Fault("power off", "node01"))
    fault: power off node01
    """

    what: str
    target: str

    def __str__(self) -> str:
        return f"fault: {self.what} {self.target}"


class Ask(NamedTuple):
    """Somebody types a kubectl command: a request that can be made again, with all that it needs.

    >>> print(Ask("kubectl cordon node01"))
    user: kubectl cordon node01
    """

    line: str
    stdin: str = ""
    """What the command reads: manifests."""
    about: str = ""
    """What the manifests are about, for people."""

    def __str__(self) -> str:
        return f"user: {self.line}" + (f" ({self.about})" if self.about else "")


class Lapse(NamedTuple):
    """Time passes although somebody is ready: he is slow. The clock goes on to what is due next.

    >>> print(Lapse("taint-eviction: node01"))
    clock: goes on to taint-eviction: node01
    """

    due: str
    """What is due next, for people."""

    def __str__(self) -> str:
        return f"clock: goes on to {self.due}"


class Crash(NamedTuple):
    """A controller's process ends in the middle of a look, after the first of its writes, and starts again.

    >>> print(Crash("pv-binder", "default/c", 1))
    fault: crash of pv-binder after 1 of its writes for default/c
    """

    controller: str
    key: str
    writes: int
    """How many of its writes were carried out, of those that outlive its process."""
    choice: str | None = None

    def __str__(self) -> str:
        chosen = f" ({self.choice})" if self.choice is not None else ""
        return f"fault: crash of {self.controller} after {self.writes} of its writes for {self.key}{chosen}"


Action = Sync | Request | Fault | Ask | Lapse | Crash


class Recorded(NamedTuple):
    """An event with its time and sayer, as it was recorded."""

    time_us: int
    component: str
    note: EventNote
    host: str = ""


class Step(NamedTuple):
    """What one action did: when, what changed, which events were recorded."""

    time_us: int
    action: Action
    changes: tuple[Change, ...]
    events: tuple[Recorded, ...]
    says: str = ""

    @property
    def time(self) -> float:
        """Seconds since the start."""
        return self.time_us / 1_000_000

    def __str__(self) -> str:
        line = str(self.action)
        if self.says:
            actor = self.action.controller if isinstance(self.action, Sync) else line.partition(":")[0]
            line = f"{actor}: {self.says}"
        return f"{self.time:10.3f}s  {line}"
