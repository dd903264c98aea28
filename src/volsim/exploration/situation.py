"""The *situation* that a state is in: all that matters for what can happen next, and nothing else.

Two paths often lead to clusters that differ in nothing but when they got there, and in what was given out on the way:
uids, addresses, generated names. `State.fingerprint` keeps them apart; here they are one situation.

- A time counts as its distance from now. What is longer ago than anything looks back is only *long ago*; of several
  such times it still counts which came first, no longer by how much. Times that are only told to people do not count.
- Of the clock itself only the phase counts in which the control plane's loops are (the resync every 15 s and so on),
  unless there are CronJobs, which go by the calendar.
- Uids, container ids, addresses and generated names are *marks*: it counts where the same one stands, not how it reads.

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

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import lcm
from typing import Any, NamedTuple

import attrs

from volsim.objects import FrozenDict, Record
from volsim.rules import Rules, microseconds
from volsim.state import State, fingerprint
from volsim.storage.tree import Directory, File

__all__ = ["TIMES", "TOLD", "Clocks", "clocks", "exact", "situation"]

TIMES = frozenset(
    {
        "completion_time",
        "creation_timestamp",
        "deletion_timestamp",
        "finished_at",
        "last_schedule_time",
        "last_successful_time",
        "last_transition_time",
        "last_update_time",
        "start_time",
        "awaiting_since_us",
        "backoff_since_us",
        "changed_us",
        "deadline_us",
        "due_us",
        "fails_us",
        "finished_us",
        "kill_us",
        "last_failure_us",
        "mtime_us",
        "refused_since_us",
        "released_us",
        "retry_us",
        "since_us",
        "started_us",
        "until_us",
        "wake_us",
    }
)
"""The fields of records that hold a point in time, of the API and of what no API shows."""

TOLD = frozenset(
    {
        "acquire_time",
        "deprecated_first_timestamp",
        "deprecated_last_timestamp",
        "event_time",
        "first_timestamp",
        "last_heartbeat_time",
        "last_observed_time",
        "last_phase_transition_time",
        "last_probe_time",
        "last_timestamp",
        "renew_time",
        "started_at",
        "time",
        "time_added",
    }
)
"""Such fields that only tell people something: nothing in a cluster ever asks for them. A test sees to that."""

_TIME_KEEPERS = frozenset({"cron-job", "node-lifecycle", "pod-gc", "pv-binder", "statefulset", "taint-eviction"})
"""The controllers whose numbers in the table `memory` are points in time."""
_LEFT_OUT = TOLD | {"resource_version", "next_address"}

_SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"  # volsim.apiserver.strategy.name_suffix
_MARK = re.compile(
    "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"  # uid
    "|containerd://[0-9a-f]{64}"
    r"|\b10\.(?:24[4-9]|25[0-5])\.\d{1,3}\.\d{1,3}\b"  # Machine.pod_network
    rf"|(?<=-){_SUFFIX}(?![a-z0-9])"
)
_IS_SUFFIX = re.compile(_SUFFIX).fullmatch

_LONGEST_BACKOFF_US = 1_000_000_000  # client-go's: nobody waits longer before he tries again
_SECOND_US = 1_000_000  # the API keeps times in whole seconds, and some rules compare these
_KNOWN_MOST = 100_000  # forget all and start again: bounds memory in long explorations
_MASK = (1 << 64) - 1


class Digest(NamedTuple):
    """A value taken apart: what it says, its times and marks in order, and the longest duration that it asks for."""

    shape: int
    times: tuple[int, ...] = ()
    marks: tuple[str, ...] = ()
    longest_us: int = 0


_KNOWN: dict[Any, Digest] = {}  # of texts by themselves, of records and trees by their fingerprint, of rows by both


# -- values taken apart ------------------------------------------------------------------------------------------------
def _known(name: Any, make: Any, *args: Any) -> Digest:
    found = _KNOWN.get(name)
    if found is None:
        if len(_KNOWN) >= _KNOWN_MOST:
            _KNOWN.clear()
        found = _KNOWN[name] = make(*args)
    return found


def digest(value: Any) -> Digest:
    """What a value of the model says. Cost: what was not seen before.

    >>> digest("pod/web-x8k2p of 10.244.0.2").marks
    ('x8k2p', '10.244.0.2')
    """
    if isinstance(value, str):
        return _known(value, _text, value)
    if isinstance(value, Record | Directory | File):
        return _known(fingerprint(value), _fields, value)
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        return _joined(("tuple",), map(digest, value) if names is None else _named(zip(names, value, strict=True)))
    if isinstance(value, FrozenDict):
        entries = [_joined((), (digest(key), digest(item))) for key, item in value.items()]
        return _joined(("map",), sorted(entries))
    return Digest(fingerprint(value))


def _text(text: str) -> Digest:
    marks: list[str] = []

    def blank(found: re.Match[str]) -> str:
        marks.append(found[0])
        return "\0"

    return Digest(fingerprint(_MARK.sub(blank, text)), marks=tuple(marks))


def _fields(value: Any) -> Digest:
    names = [field.name for field in attrs.fields(type(value)) if field.eq and field.name not in _LEFT_OUT]
    return _joined((type(value).__name__,), _named((name, getattr(value, name)) for name in names))


def _named(fields: Iterable[tuple[str, Any]]) -> Iterator[Digest]:
    """The fields that say something, by name."""
    for name, value in fields:
        if value is None:
            continue
        yield digest(name)
        if name in TIMES and isinstance(value, int):
            yield Digest(0, times=(value,))
        elif name == "last" and isinstance(value, tuple):  # how a container's run before this one ended
            code, started_us, finished_us, reason = value
            yield digest((code, reason))._replace(times=(started_us, finished_us))
        elif name.endswith("_seconds") and isinstance(value, int):
            yield Digest(fingerprint(value), longest_us=value * _SECOND_US)
        else:
            yield digest(value)


def _joined(names: tuple[str, ...], parts: Iterable[Digest]) -> Digest:
    shapes, times, marks, longest_us = list(map(fingerprint, names)), list[int](), list[str](), 0
    for part in parts:
        shapes.append(part.shape)
        times += part.times
        marks += part.marks
        longest_us = max(longest_us, part.longest_us)
    return Digest(hash(tuple(shapes)), tuple(times), tuple(marks), longest_us)


# -- rows --------------------------------------------------------------------------------------------------------------
def _rows(state: State) -> Iterator[Digest]:
    """Everything that is, in no particular order."""
    for name, table in state._tables.items():
        for key, value in table.unordered_items():
            if name == "@timers":
                yield _known((name, key, value[1]), _row, name, key, value[1])._replace(times=(value[0].due_us,))
            else:
                yield _known((name, key, fingerprint(value)), _row, name, key, value)
    for work in state.ready():
        yield _known(("@ready", work), _row, "@ready", work, True)


def _row(table: str, key: Any, value: Any) -> Digest:
    if table == "memory" and type(value) is int and key.partition("/")[0] in _TIME_KEEPERS:
        return _joined((table,), (digest(key), Digest(0, times=(value,))))
    return _joined((table,), (digest(key), digest(value)))


# -- times -------------------------------------------------------------------------------------------------------------
class Clocks(NamedTuple):
    """How far times matter under some rules, in microseconds."""

    phase_us: int
    """After how long all loops of the control plane are where they were, in whole seconds."""
    look_back_us: int
    """How long ago something may be and still matter, as far as the rules go; objects may ask for more."""


@lru_cache(maxsize=64)
def clocks(rules: Rules) -> Clocks:
    """How far times matter under these rules.

    >>> clocks(Rules()).phase_us % microseconds(Rules().pv_resync_period)
    0
    """
    names = [field.name for field in attrs.fields(Rules) if field.metadata.get("what") == "clock"]
    lasting = {name: microseconds(getattr(rules, name)) for name in names}
    phase_us = lcm(_SECOND_US, *(us for name, us in lasting.items() if name.endswith(("_period", "_interval"))))
    lasting["event_ttl"] = 0  # events are no part of a state
    lasting["crash_loop_backoff_max"] *= 2  # a crash back-off is forgotten after twice its longest wait
    return Clocks(phase_us, max(*lasting.values(), _LONGEST_BACKOFF_US) + phase_us)  # a loop may be late by its period


def _distances(state: State, rows: list[Digest], limits: Clocks) -> dict[int, int]:
    """What each time of the state counts as: its distance from now, or its place among those that are long ago."""
    longest_us = max((row.longest_us for row in rows), default=0)
    since_us = state.now_us - max(limits.look_back_us, longest_us + limits.phase_us)
    times = sorted({time for row in rows for time in row.times})
    long_ago = [time for time in times if time < since_us]
    found = {time: time - state.now_us for time in times}
    found.update({time: since_us - state.now_us - len(long_ago) + place for place, time in enumerate(long_ago)})
    return found


# -- marks -------------------------------------------------------------------------------------------------------------
def _given_names(state: State) -> set[str]:
    """The suffixes of names that were generated; others that look like one were chosen by somebody."""
    found = set()
    for table in state.api_tables:
        for obj in state.table(table).unordered():
            prefix = obj.metadata.generate_name
            if prefix and obj.name.startswith(prefix):
                found.add(obj.name.removeprefix(prefix))
    return found


def _colours(state: State, rows: list[tuple[int, tuple[str, ...]]]) -> dict[str, int]:
    """A number for each mark that says where it stands, and beside which others: by colour refinement.

    Marks that could be exchanged for each other keep equal numbers.
    """
    names = _given_names(state)
    colours = {
        mark: fingerprint(mark) if _IS_SUFFIX(mark) and mark not in names else 0 for _, marks in rows for mark in marks
    }
    distinct = 0
    while distinct < len(set(colours.values())):
        distinct = len(set(colours.values()))
        places: dict[str, list[int]] = {mark: [] for mark in colours}
        for shape, marks in rows:
            row = hash((shape, *[colours[mark] for mark in marks]))
            for at, mark in enumerate(marks):
                places[mark].append(hash((row, at)))
        colours = {mark: hash((colours[mark], *sorted(found))) for mark, found in places.items()}
    return colours


# -- the situation -----------------------------------------------------------------------------------------------------
def situation(state: State) -> int:
    """A 64-bit number of the situation that the state is in; cost: O(rows of the state).

    The same on any machine and hash seed.
    """
    limits = clocks(state.rules)
    rows = list(_rows(state))
    distances = _distances(state, rows, limits)
    shapes = [(hash((row.shape, *[distances[time] for time in row.times])), row.marks) for row in rows]
    colours = _colours(state, [row for row in shapes if row[1]])
    total = sum(hash((shape, *[colours[mark] for mark in marks])) & _MASK for shape, marks in shapes)
    calendar = len(state.table("cronjobs")) > 0  # their schedules ask for the hour, the day, the month
    phase_us = state.now_us if calendar else state.now_us % limits.phase_us
    return hash((total & _MASK, phase_us)) & _MASK


def exact(state: State) -> int:
    """A 64-bit number of the state itself: for a search that is to keep all states apart. O(1)."""
    return state.fingerprint
