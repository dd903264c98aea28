"""The path that a simulation has taken: steps and events, shared by forks up to where they part.

A path is part of a simulation, not of a state: two ways to the same cluster lead to equal states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar, overload

from volsim.engine.actions import Recorded
from volsim.objects import Event, EventSource, ObjectMeta, ObjectReference

__all__ = ["EventLog", "Log"]

T = TypeVar("T")


class Log(Sequence[T], Generic[T]):
    """An append-only list whose forks share what they have in common; `fork` costs O(1).

    >>> first = Log(); first.append("a"); second = first.fork()
    >>> first.append("b"); second.append("c")
    >>> list(first), list(second)
    (['a', 'b'], ['a', 'c'])
    """

    __slots__ = ("_items", "_length")

    def __init__(self, items: list[T] | None = None, length: int = 0) -> None:
        self._items: list[T] = [] if items is None else items
        self._length = length

    def fork(self) -> Log[T]:
        """A log with the same items; what is appended to one does not show in the other."""
        return Log(self._items, self._length)

    def append(self, item: T) -> None:
        """Add `item`. The first to append after a fork goes on with the shared list, the others copy it once."""
        if self._length != len(self._items):
            self._items = self._items[: self._length]
        self._items.append(item)
        self._length += 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        items = self._items
        return (items[at] for at in range(self._length))

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    def __getitem__(self, at: int | slice) -> T | list[T]:
        if isinstance(at, slice):
            return [self._items[number] for number in range(*at.indices(self._length))]
        number = at + self._length if at < 0 else at
        if not 0 <= number < self._length:
            raise IndexError(f"there are {self._length} entries; {at} is none of them")
        return self._items[number]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._length}>"


class EventLog(Sequence[Event]):
    """The events of a simulation, oldest first, as `v1/Event` objects made when they are asked for."""

    __slots__ = ("_log",)

    def __init__(self, log: Log[Recorded]) -> None:
        self._log = log

    def __len__(self) -> int:
        return len(self._log)

    @overload
    def __getitem__(self, at: int) -> Event: ...
    @overload
    def __getitem__(self, at: slice) -> list[Event]: ...
    def __getitem__(self, at: int | slice) -> Event | list[Event]:
        if isinstance(at, slice):
            return [_event(self._log[number], number) for number in range(*at.indices(len(self._log)))]
        return _event(self._log[at], at % max(len(self._log), 1))

    def __repr__(self) -> str:
        return f"<EventLog of {len(self._log)}>"


def _event(entry: Recorded, number: int) -> Event:
    about, note = entry.note.about, entry.note
    meta = about.metadata
    return Event(
        metadata=ObjectMeta(
            name=f"{meta.name}.{number:016x}",
            namespace=meta.namespace or "default",
            creation_timestamp=entry.time_us,
        ),
        involved_object=ObjectReference(
            api_version=about.api_version,
            kind=about.kind,
            namespace=meta.namespace,
            name=meta.name,
            uid=meta.uid,
        ),
        type=note.type,
        reason=note.reason,
        message=note.message,
        source=EventSource(component=entry.component, host=entry.host or None),
        first_timestamp=entry.time_us,
        last_timestamp=entry.time_us,
        count=1,
    )
