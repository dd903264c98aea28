"""What one state has that another has not: for sending a state to where the other one is known already.

States that come from each other share the pages of their tables (`volsim.state.table`), so what differs is found
without looking at what does not.

>>> from volsim.rules import Rules
>>> before = State.empty(Rules())
>>> draft = before.draft()
>>> draft.put("machines", "node01", ("on",))
>>> after = draft.seal()
>>> difference(before, after).rows
(('machines', 'node01', ('on',)),)
>>> with_difference(before, difference(before, after)) == after
True
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from volsim.state.cluster import _FAILURES as FAILURES
from volsim.state.cluster import _TIMERS as TIMERS
from volsim.state.cluster import Draft, Due, State
from volsim.state.table import Fifo, Table

__all__ = ["Difference", "Row", "difference", "with_difference"]

Row = tuple[str, Any, Any]
"""Table, key and value of a row; None as its value if there is none."""


class Difference(NamedTuple):
    """What is to be put into a state to make another one of it."""

    now_us: int
    serial: int
    ready: tuple[tuple[str, str], ...]
    first: tuple[tuple[str, str], ...]
    """The work that is ready and comes before the rest (`volsim.state.First`)."""
    rows: tuple[Row, ...]


def difference(before: State, after: State) -> Difference:
    """What `after` has that `before` has not. Cost: the pages in which they differ."""
    rows = [
        (name, key, value)
        for name in dict.fromkeys((*before._tables, *after._tables))
        for key, value in _changed(before.table(name), after.table(name))
    ]
    return Difference(after.now_us, after.serial, tuple(after._ready), tuple(after._first), tuple(rows))


def _changed(before: Table[Any, Any], after: Table[Any, Any]) -> Iterator[tuple[Any, Any]]:
    if before is after:
        return
    old_pages, new_pages = before._pages, after._pages
    if len(old_pages) != len(new_pages):  # the table has grown: its rows stand on other pages
        old_pages, new_pages = [dict(before.unordered_items())], [dict(after.unordered_items())]
    for old, new in zip(old_pages, new_pages, strict=True):
        if old is new:
            continue
        for key, value in new.items():
            if old.get(key) is not value:
                yield key, value
        for key in old:
            if key not in new:
                yield key, None


def with_difference(before: State, found: Difference) -> State:
    """The state that `before` becomes with a difference. Cost: the rows of the difference, and their indexes."""
    draft = before.draft()
    draft.now_us, draft.serial = found.now_us, found.serial
    for table, key, value in found.rows:
        if table == TIMERS:
            _restore_timer(draft, key, value)
        elif table == FAILURES:
            _restore(draft, table, key, value)
        else:
            draft.put(table, key, value)
    draft._ready, draft._first = _queue(found.ready), _queue(found.first)
    return draft.seal()


def _restore(draft: Draft, table: str, key: Any, value: Any) -> None:
    """Put a row of a table that has neither indexes nor watchers."""
    rows = draft._rows(table)
    draft._dirty.setdefault((table, key), rows.get(key))
    if value is None:
        rows.discard(key)
    else:
        rows.set(key, value)


def _restore_timer(draft: Draft, work: Any, value: tuple[Due, bool] | None) -> None:
    before = draft.table(TIMERS).get(work)
    if draft._timers.owner is not draft._owner:
        draft._timers = draft._timers.fork(draft._owner)
    if before is not None:
        draft._timers.discard(before[0])
    if value is not None:
        draft._timers.add(value[0])
    _restore(draft, TIMERS, work, value)


def _queue(items: Iterable[tuple[str, str]]) -> Fifo[tuple[str, str]]:
    queue: Fifo[tuple[str, str]] = Fifo().fork(object())
    for item in items:
        queue.push(item)
    return queue
