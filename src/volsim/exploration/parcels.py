"""How situations travel: what they have that the start of the search has not, each row said once.

A row that was written is made into bytes once, by whoever wrote it, and has a name that follows from these bytes. Who
puts the parts of a search together never looks inside; who gets a parcel makes the state of it from the one that he
has made last, from which it differs by a few rows.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from hashlib import blake2b
from typing import Any, NamedTuple

from volsim.engine.actions import Sync
from volsim.engine.perform import Engine
from volsim.exploration.faults import Spent
from volsim.exploration.moves import Standpoint
from volsim.state import State
from volsim.state.difference import Difference, difference, with_difference

__all__ = ["Packer", "Parcel", "Row", "Wire", "received", "wired"]

_REMEMBERED_MOST = 20_000  # rows; forget all and start again: bounds a worker's memory


class Row:
    """A row of a table, as bytes."""

    __slots__ = ("__weakref__", "data", "entry", "name")

    def __init__(self, name: bytes, data: bytes, entry: Any = None) -> None:
        self.name, self.data = name, data
        self.entry = entry
        """Table, key and value, once somebody has looked."""

    def opened(self) -> tuple[str, Any, Any]:
        """Table, key and value."""
        if self.entry is None:
            self.entry = pickle.loads(self.data)  # noqa: S301 - made by a worker of the same search
        return self.entry  # type: ignore[no-any-return]


class Rest(NamedTuple):
    """What of a standpoint stands in no table."""

    now_us: int
    serial: int
    ready: tuple[tuple[str, str], ...]
    first: tuple[tuple[str, str], ...]
    spent: Spent
    memories: bytes
    work: tuple[tuple[str, str], ...]
    """Who is ready and looks at what; what he would do is asked again."""


class Parcel(NamedTuple):
    """A standpoint that can be sent."""

    rows: tuple[Row, ...]
    rest: Rest


Wire = tuple[list[tuple[bytes, bytes | None]], list[tuple[tuple[int, ...], Rest]]]
"""Parcels as they are sent: the names and bytes of their rows (None: the other one has them), and which are whose."""


def wired(parcels: Iterable[Parcel], known: frozenset[bytes] = frozenset()) -> Wire:
    """The parcels, each of their rows once. Of rows that are `known`, only the name."""
    place: dict[bytes, int] = {}
    rows: list[tuple[bytes, bytes | None]] = []
    sent = []
    for parcel in parcels:
        for row in parcel.rows:
            if row.name not in place:
                place[row.name] = len(rows)
                rows.append((row.name, None if row.name in known else row.data))
        sent.append((tuple(place[row.name] for row in parcel.rows), parcel.rest))
    return rows, sent


def received(wire: Wire, known: MutableMapping[bytes, Row]) -> Iterator[Parcel]:
    """The parcels that were sent; `known` are the rows by name, and notes new ones."""
    rows = []
    for name, data in wire[0]:
        row = known.get(name)
        if row is None:
            assert data is not None, "who sends a name alone has it from the one to whom he sends it"
            row = known[name] = Row(name, data)
        rows.append(row)
    for places, rest in wire[1]:
        yield Parcel(tuple([rows[place] for place in places]), rest)


class Packer:
    """Makes parcels of standpoints and standpoints of parcels, around one state that both sides have."""

    def __init__(self, start: State, engine: Engine, dumps: Callable[[Any], bytes]) -> None:
        self._start, self._engine, self._dumps = start, engine, dumps
        self.rows: dict[bytes, Row] = {}
        """By name: those that came or went lately."""
        self._of_value: dict[tuple[str, Any, int], tuple[Row, Any]] = {}
        """By table, key and the object that is the value; it is held, so that nothing else is that object."""
        self._made: tuple[State, dict[tuple[str, Any], Row]] = (start, {})
        """The state that was made last, and its rows that are not the start's."""

    def pack(self, here: Standpoint) -> Parcel:
        """A standpoint as a parcel."""
        found = difference(self._start, here.state)
        memories = self._dumps(here.memories) if any(memory is not None for memory in here.memories) else b""
        work = tuple([sync[:2] for sync, _ in here.work])
        rest = Rest(found.now_us, found.serial, found.ready, found.first, here.spent, memories, work)
        return Parcel(tuple([self._row(entry) for entry in found.rows]), rest)

    def _row(self, entry: tuple[str, Any, Any]) -> Row:
        """The row's bytes, made once for each value."""
        known = self._of_value.get((*entry[:2], id(entry[2])))
        if known is not None:
            return known[0]
        data = pickle.dumps(entry, pickle.HIGHEST_PROTOCOL)
        name = blake2b(data, digest_size=16).digest()
        row = self.rows.get(name) or Row(name, data, entry)
        self._remember(row, entry)
        return row

    def _remember(self, row: Row, entry: tuple[str, Any, Any]) -> None:
        if len(self._of_value) >= _REMEMBERED_MOST:
            self._of_value.clear()
            self.rows.clear()
        self.rows[row.name] = row
        self._of_value[*entry[:2], id(entry[2])] = (row, entry[2])

    def unpack(self, parcel: Parcel, no_memories: tuple[None, ...]) -> Standpoint:
        """The standpoint of a parcel; `no_memories` are those of properties that remember nothing."""
        rest = parcel.rest
        made, before = self._made
        wanted: dict[tuple[str, Any], Row] = {}
        changed = []
        for row in parcel.rows:
            entry = row.opened()
            self._remember(row, entry)
            wanted[entry[:2]] = row
            if before.get(entry[:2]) is not row:
                changed.append(entry)
        gone = [place for place in before if place not in wanted]
        changed += [(table, key, self._start.table(table).get(key)) for table, key in gone]
        state = with_difference(made, Difference(rest.now_us, rest.serial, rest.ready, rest.first, tuple(changed)))
        self._made = (state, wanted)
        memories = pickle.loads(rest.memories) if rest.memories else no_memories  # noqa: S301 - see above
        work = [(Sync(name, key), self._engine.look(state, name, key)) for name, key in rest.work]
        return Standpoint(state, rest.spent, memories, work)
