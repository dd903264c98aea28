"""The *situation* that a state is in: all that matters for what can happen next, and nothing else.

Two paths often lead to clusters that differ in nothing but when they got there, and in what was given out on the way:
uids, addresses, generated names. `State.fingerprint` keeps them apart; here they are one situation.

- A time counts as its distance from now. What is longer ago than anything looks back is only *long ago*; of several
  such times it still counts which came first, no longer by how much. Times that are only told to people do not count.
- Of the clock itself only the phase counts in which the control plane's loops are (the resync every 15 s and so on),
  unless there are CronJobs, which go by the calendar.
- Uids, container ids, addresses and generated names are *marks*: it counts where the same one stands, not how it reads.
  A `Recogniser` with the names of nodes takes these for marks as well: two situations that differ only in *which* of
  several equal nodes something is on are one then (symmetry).

What is not recognised (a time or a name inside a message or a file) keeps two states apart, which costs time and
nothing else. The number of a pod's next address is left out: it decides how an address reads.

>>> from volsim import Simulation
>>> one, other = Simulation(nodes=1, seed=1), Simulation(nodes=1, seed=2)
>>> one.run("1d"), other.run("2d")
(86400.0, 172800.0)
>>> one.state == other.state, situation(one.state) == situation(other.state)
(False, True)
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from math import lcm
from typing import Any, NamedTuple

import attrs

from volsim.exploration.digests import Digest, Reader, is_suffix
from volsim.rules import Rules, microseconds
from volsim.state import State
from volsim.state.cluster import is_api
from volsim.state.fingerprint import fingerprint, scattered

__all__ = ["Clocks", "Recogniser", "clocks", "exact", "situation"]

_SECOND_US = 1_000_000  # the API keeps times in whole seconds, and some rules compare these
_MASK = (1 << 64) - 1
_SUFFIX_LENGTH = 5  # of most marks it is seen at once that they are none
_READERS_MOST = 2  # a search's own, and the one that tells whether two moves commute
_SINGLED_OUT_MOST = 64  # so often at most is one of several equal marks singled out to compare entangled ones

Row = tuple[int, tuple[str, ...]]
"""What a row says, its times included, and its marks."""


# -- times -------------------------------------------------------------------------------------------------------------
class Clocks(NamedTuple):
    """How far times matter under some rules, in microseconds."""

    phase_us: int
    """After how long all loops of the control plane are where they were, in whole seconds."""
    look_back_us: int
    """How long ago something may be and still matter, as far as the rules go; objects may ask for more."""
    late_us: int
    """The longest period of a loop: by so much somebody may be late who looks back."""


@lru_cache(maxsize=64)
def clocks(rules: Rules) -> Clocks:
    """How far times matter under these rules.

    >>> clocks(Rules()).phase_us % microseconds(Rules().pv_resync_period)
    0
    """
    names = [field.name for field in attrs.fields(Rules) if field.metadata.get("what") == "clock"]
    lasting = {name: microseconds(getattr(rules, name)) for name in names}
    periods = [us for name, us in lasting.items() if us and name.endswith(("_period", "_interval"))]  # 0: no such loop
    lasting["event_ttl"] = 0  # events are no part of a state
    lasting["crash_loop_backoff_max"] *= 2  # a crash back-off is forgotten after twice its longest wait
    look_back_us = max(lasting.values()) + max(periods)  # a loop may be late by its period
    return Clocks(lcm(_SECOND_US, *periods), look_back_us, max(periods))


class _Page(NamedTuple):
    """What a table says: the rows in which there is neither a time nor a mark as one sum, and the others."""

    plain: int
    others: tuple[Digest, ...]
    times: frozenset[int]
    first_us: int
    """The earliest of the times, if there are any."""
    longest_us: int
    homes: dict[str, int]
    """By uid: a number of the object that has it, where somebody chose its name."""


class _Now(NamedTuple):
    """What times count as: their distance from now, or the place among those that are long ago."""

    since: tuple[int, int, tuple[int, ...]]
    """Now, since when it is not long ago, and the times before that: on these it depends."""
    long_ago: dict[int, int]
    """What the times before that count as."""


class _Read:
    """What a reader remembers with a table: its page, and its rows as they were last put in order of time."""

    __slots__ = ("marked", "page", "since", "timed")

    def __init__(self, page: _Page) -> None:
        self.page = page
        self.since: Any = None
        self.timed = 0
        self.marked: list[Row] = []

    def at(self, now: _Now) -> None:
        """Put its times at their distances from now; nothing is done if they are there already."""
        if self.since == now.since:
            return
        now_us, since_us, _ = now.since
        long_ago = now.long_ago
        total, marked = 0, []
        for row in self.page.others:
            distances = [time - now_us if time >= since_us else long_ago[time] for time in row.times]
            shape = hash((row.shape, *distances))
            if row.marks:
                marked.append((shape, row.marks))
            else:
                total += scattered(shape)
        self.since, self.timed, self.marked = now.since, total, marked


# -- the situation -----------------------------------------------------------------------------------------------------
class Recogniser:
    """Says by a 64-bit number which situation a state is in; `interchangeable` are names of nodes that may be swapped.

    Without `phases`, it does not count how far the loops of the control plane are within their periods: what happens
    next is the same, but may come up to a period (15 s, 60 s) earlier or later.

    The same on any machine and hash seed. Cost: the rows of the tables that changed since a state was last looked at,
    and the times and marks of all.
    """

    def __init__(self, interchangeable: Iterable[str] = (), *, phases: bool = True) -> None:
        self._reader, self._phases = Reader(interchangeable), phases

    def __reduce__(self) -> tuple[Any, ...]:
        return _recogniser, (tuple(sorted(self._reader.names)), self._phases)  # what it remembers need not travel

    def __call__(self, state: State, *more: Any) -> int:
        """The number of a state's situation; `more` are values that count, too."""
        limits = clocks(state.rules)
        read = [self._read(name, table) for name, table in state._tables.items() if len(table)]
        read += [_Read(self._more(value)) for value in more]
        ready = [self._reader.row("@ready", work, True) for work in state.ready()]
        pages = [each.page for each in read]
        now = _now(state.now_us, pages, limits)
        rows: list[Row] = [(work.shape, work.marks) for work in ready]
        total = 0
        for each in read:
            each.at(now)
            total += each.page.plain + each.timed
            rows += each.marked
        total += _canonical(rows, self._first_colours(state, pages, rows))
        calendar = len(state.table("cronjobs")) > 0  # their schedules ask for the hour, the day, the month
        phase_us = state.now_us % limits.phase_us if self._phases else 0
        return hash((total & _MASK, state.now_us if calendar else phase_us)) & _MASK

    def _read(self, name: str, table: Any) -> _Read:
        """What the table says; remembered with it, for a table that has been sealed does not change."""
        known = table.remembered
        if known is None:
            known = table.remembered = {}
        found = known.get(self._reader)
        if found is None:
            if len(known) >= _READERS_MOST:
                known.clear()
            found = known[self._reader] = _Read(self._page(name, table))
        return found  # type: ignore[no-any-return]

    def _page(self, name: str, table: Any) -> _Page:
        reader, items = self._reader, table.unordered_items()
        if name == "@timers":
            rows = [reader.timer(key, due.due_us, background) for key, (due, background) in items]
        else:
            rows = [reader.row(name, key, value) for key, value in items]
        others = tuple(row for row in rows if row.times or row.marks)
        plain = sum(scattered(row.shape) for row in rows if not (row.times or row.marks))
        times = frozenset(time for row in others for time in row.times)
        longest_us = max((row.longest_us for row in rows), default=0)
        return _Page(plain, others, times, min(times, default=0), longest_us, self._homes(name, table))

    def _more(self, value: Any) -> _Page:
        row = self._reader.digest(value)
        return _Page(0, (row,), frozenset(row.times), min(row.times, default=0), row.longest_us, {})

    def _homes(self, name: str, table: Any) -> dict[str, int]:
        if not is_api(name):
            return {}
        found = {}
        for key, obj in table.unordered_items():
            where = self._reader.digest(key)
            if obj.metadata.uid is not None and not where.marks:
                found[obj.metadata.uid] = hash((fingerprint(name), where.shape))
        return found

    def _first_colours(self, state: State, pages: list[_Page], rows: list[Row]) -> dict[str, int]:
        """What is known of the marks beforehand: whose uid they are, or that somebody chose them."""
        given = _given_suffixes(state)
        colours = dict.fromkeys(chain.from_iterable([marks for _, marks in rows]), 0)
        for page in pages:
            colours.update({uid: home for uid, home in page.homes.items() if uid in colours})
        for mark in colours:
            if len(mark) == _SUFFIX_LENGTH and is_suffix(mark) and mark not in given and mark not in self._reader.names:
                colours[mark] = hash(mark_number(mark))
        return colours


def _recogniser(interchangeable: tuple[str, ...], phases: bool) -> Recogniser:
    return Recogniser(interchangeable, phases=phases)


def mark_number(mark: str) -> int:
    """A number of a word that is the same on any machine."""
    return int.from_bytes(mark.encode())


def _now(now_us: int, pages: list[_Page], limits: Clocks) -> _Now:
    """From where times are looked at."""
    longest_us = max((page.longest_us for page in pages), default=0)
    back_us = max(limits.look_back_us, longest_us + limits.late_us)
    since_us = now_us - back_us
    old = (page.times for page in pages if page.times and page.first_us < since_us)
    long_ago = sorted({time for times in old for time in times if time < since_us})
    places = {time: place - back_us - len(long_ago) for place, time in enumerate(long_ago)}
    return _Now((now_us, since_us, tuple(long_ago)), places)


def _given_suffixes(state: State) -> set[str]:
    """The suffixes of names that were generated; others that look like one were chosen by somebody."""
    found = set()
    for table in ("pods", "replicasets", "jobs", "controllerrevisions"):
        for obj in state.table(table).unordered():
            prefix = obj.metadata.generate_name
            if prefix and obj.name.startswith(prefix):
                found.add(obj.name.removeprefix(prefix))
    return found


# -- marks -------------------------------------------------------------------------------------------------------------
def _refined(rows: list[Row], colours: dict[str, int]) -> dict[str, int]:
    """A number for each mark that says where it stands, and beside which others: colour refinement."""
    alike = _alike(colours)
    while alike:
        places: dict[str, list[int]] = {mark: [] for mark in alike}
        rows = [row for row in rows if not alike.isdisjoint(row[1])]
        colour_of = colours.__getitem__
        for shape, marks in rows:
            row = hash((shape, *map(colour_of, marks)))
            for at, mark in enumerate(marks):
                if mark in alike:
                    places[mark].append(hash((row, at)))
        finer = {mark: hash((colours[mark], *sorted(found))) for mark, found in places.items()}
        is_stable = len(set(finer.values())) == len({colours[mark] for mark in alike})
        colours = {**colours, **finer}
        if is_stable:
            break
        alike = _alike(finer)
    return colours


def _alike(colours: dict[str, int]) -> set[str]:
    """The marks that share their number with others."""
    first: dict[int, str] = {}
    found = set()
    for mark, colour in colours.items():
        other = first.setdefault(colour, mark)
        if other is not mark:
            found.add(mark)
            found.add(other)
    return found


def _canonical(rows: list[Row], colours: dict[str, int]) -> int:
    """A sum over the rows that is the same however the marks read, and different where they stand otherwise.

    Marks that refinement cannot tell apart could be exchanged for each other, unless several of them stand in one row:
    then one is singled out after the other, and the least sum counts (individualisation).
    """
    budget = [_SINGLED_OUT_MOST]
    return _least(rows, colours, budget)


def _least(rows: list[Row], colours: dict[str, int], budget: list[int]) -> int:
    colours = _refined(rows, colours)
    alike = _entangled(rows, colours)
    if not alike:
        colour_of = colours.__getitem__
        return sum([scattered(hash((shape, *map(colour_of, marks)))) for shape, marks in rows]) & _MASK
    budget[0] -= len(alike)
    if budget[0] < 0:  # too many: tell them apart by how they read, which keeps states apart that are one situation
        return _least(rows, {**colours, **{mark: hash((colours[mark], mark_number(mark))) for mark in alike}}, budget)
    return min(_least(rows, {**colours, mark: hash((colours[mark], 1))}, budget) for mark in alike)


def _entangled(rows: list[Row], colours: dict[str, int]) -> list[str]:
    """The smallest set of marks of one colour of which one stands in a row with another mark that is not unique."""
    members: dict[int, list[str]] = {}
    for mark, colour in colours.items():
        members.setdefault(colour, []).append(mark)
    if len(members) == len(colours):
        return []
    several = {colour for colour, found in members.items() if len(found) > 1}
    candidates: set[int] = set()
    for _, marks in rows:
        if len(marks) > 1:
            found = {mark for mark in marks if colours[mark] in several}
            if len(found) > 1:
                candidates.update(colours[mark] for mark in found)
    if not candidates:
        return []
    return sorted(members[min(candidates, key=lambda colour: (len(members[colour]), colour))])


situation = Recogniser()
"""The number of the situation that a state is in; nodes count by name."""


def exact(state: State, *more: Any) -> int:
    """A 64-bit number of the state itself: for a search that is to keep all states apart. O(1)."""
    return state.fingerprint if not more else hash((state.fingerprint, fingerprint(more)))
