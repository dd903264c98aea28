"""Values taken apart: what they say, which points in time they hold, and which names nobody chose.

A *mark* is a word of which only matters where else it stands: a uid, a container id, an address, the suffix of a
generated name, the name of a VolumeAttachment, and the names that a `Reader` is told to take for marks.

>>> Reader().digest("pod/web-x8k2p of 10.244.0.2").marks
('x8k2p', '10.244.0.2')
>>> Reader(["node01", "node02"]).digest("it runs on node02").marks
('node02',)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import attrs

from volsim.objects import Condition, FrozenDict, Record
from volsim.state.fingerprint import fingerprint
from volsim.storage.tree import Directory, File

__all__ = ["COUNTS", "LOGS", "TIMES", "TOLD", "Digest", "Reader", "is_suffix"]

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
        "refresh_us",
        "refused_since_us",
        "released_us",
        "retry_us",
        "since_us",
        "started_us",
        "unmounted_since_us",
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
LOGS = frozenset({"log", "previous_log"})
"""What containers have said: it only grows, with the time in each line, and nothing but people reads it."""
_LEFT_OUT = TOLD | LOGS | {"resource_version", "next_address"}

COUNTS: dict[str, int] = {
    "attempts": 8,
    "failures": 20,
    "mount_failures": 12,
    "restart_count": 20,
    "restarts": 20,
}
"""The fields that only count up, and from where on it no longer matters how far: every back-off has reached its longest
then, and whoever compares two of them (which replica goes first) sees many in both."""

_SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"  # volsim.apiserver.strategy.name_suffix
_MARK = (
    "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"  # uid
    "|containerd://[0-9a-f]{64}"
    "|csi-[0-9a-f]{64}"  # a VolumeAttachment's name
    r"|\.\.\d{4}(?:_\d\d){5}\.\d{9}"  # the directory of one generation of a configuration volume
    r"|\b10\.(?:24[4-9]|25[0-5])\.\d{1,3}\.\d{1,3}\b"  # Machine.pod_network
    rf"|(?<=-){_SUFFIX}(?![a-z0-9])"
)
is_suffix = re.compile(_SUFFIX).fullmatch
"""Whether a mark looks like the suffix of a generated name."""

_SECOND_US = 1_000_000
_NEVER_SECONDS = 2**31 - 1
"""A deadline that is none, as extensions/v1beta1 sets it. Source: deployment/util, HasProgressDeadline."""
_LONGEST_BACKOFF_US = 1_000_000_000  # client-go's: so long at most a workload that failed to make a pod waits
_KNOWN_MOST = 100_000  # forget all and start again: bounds memory in long explorations


class Digest(NamedTuple):
    """A value taken apart: what it says, its times and marks in order, and the longest duration that it asks for."""

    shape: int
    times: tuple[int, ...] = ()
    marks: tuple[str, ...] = ()
    longest_us: int = 0


class Reader:
    """Takes values apart, and remembers what it has seen. `names` are words that count as marks, such as nodes' names.

    A node's number and its own addresses are left out where its name is a mark: they follow from each other.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = frozenset(names)
        self._left_out = _LEFT_OUT | ({"number", "addresses"} if self.names else set())
        words = "|".join(re.escape(name) for name in sorted(self.names, key=lambda name: (-len(name), name)))
        self._mark = re.compile(f"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])|{_MARK}" if words else _MARK)
        self._known: dict[
            Any, Digest
        ] = {}  # of texts by themselves, of records and trees by fingerprint, of rows by both
        self._fields: dict[type, tuple[str, ...]] = {}

    def digest(self, value: Any) -> Digest:
        """What a value of the model says. Cost: what was not seen before."""
        if isinstance(value, str):
            return self._remembered(value, self._text, value)
        if isinstance(value, Record | Directory | File):
            return self._remembered(fingerprint(value), self._record, value)
        if isinstance(value, tuple):
            names = getattr(value, "_fields", None)
            parts = map(self.digest, value) if names is None else self._named(zip(names, value, strict=True))
            return _joined(("tuple",), parts)
        if isinstance(value, FrozenDict):
            entries = [_joined((), (self.digest(key), self.digest(item))) for key, item in value.items()]
            return _joined(("map",), sorted(entries))
        return Digest(fingerprint(value))

    def row(self, table: str, key: Any, value: Any) -> Digest:
        """What a row of a table says."""
        return self._remembered((table, key, fingerprint(value)), self._row, table, key, value)

    def timer(self, key: Any, due_us: int, background: bool) -> Digest:
        """What a timer says: the time, too."""
        return self.row("@timers", key, background)._replace(times=(due_us,))

    def _remembered(self, name: Any, make: Any, *args: Any) -> Digest:
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= _KNOWN_MOST:
                self._known.clear()
            found = self._known[name] = make(*args)
        return found

    def _row(self, table: str, key: Any, value: Any) -> Digest:
        if table == "@failures":
            value = min(value, COUNTS["failures"])
        if table == "memory" and type(value) is int and key.partition("/")[0] in _TIME_KEEPERS:
            return _joined((table,), (self.digest(key), Digest(0, times=(value,))))
        return _joined((table,), (self.digest(key), self.digest(value)))

    def _text(self, text: str) -> Digest:
        marks: list[str] = []

        def blank(found: re.Match[str]) -> str:
            marks.append(found[0])
            return "\0"

        return Digest(fingerprint(self._mark.sub(blank, text)), marks=tuple(marks))

    def _record(self, value: Any) -> Digest:
        kind = type(value)
        names = self._fields.get(kind)
        if names is None:
            fields = attrs.fields(kind)
            names = self._fields[kind] = tuple(f.name for f in fields if f.eq and f.name not in self._left_out)
        found = _joined((kind.__name__,), self._named((name, getattr(value, name)) for name in names))
        if kind is Condition and value.type == "ReplicaFailure":
            return found._replace(longest_us=_LONGEST_BACKOFF_US)
        return found

    def _named(self, fields: Iterable[tuple[str, Any]]) -> Iterator[Digest]:
        """The fields that say something, by name."""
        for name, value in fields:
            if value is None:
                continue
            yield self.digest(name)
            if name in TIMES and isinstance(value, int):
                yield Digest(0, times=(value,))
            elif name == "boot_id" and isinstance(value, str):  # it follows from the node and the boot at its end
                yield Digest(fingerprint(value.rpartition("-")[2]))
            elif name in COUNTS and isinstance(value, int):
                yield Digest(fingerprint(min(value, COUNTS[name])))
            elif name.endswith("_seconds") and isinstance(value, int) and value != _NEVER_SECONDS:
                yield Digest(fingerprint(value), longest_us=value * _SECOND_US)
            else:
                yield self.digest(value)


def _joined(names: tuple[str, ...], parts: Iterable[Digest]) -> Digest:
    shapes, times, marks, longest_us = list(map(fingerprint, names)), list[int](), list[str](), 0
    for part in parts:
        shapes.append(part.shape)
        times += part.times
        marks += part.marks
        longest_us = max(longest_us, part.longest_us)
    return Digest(hash(tuple(shapes)), tuple(times), tuple(marks), longest_us)
