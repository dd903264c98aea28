"""Schedules of cron jobs: from five fields, a name such as ``@daily`` or ``@every 90m`` to points in time.

Modelled: lists, ranges, steps, names of months and weekdays, named schedules, time zones and their changes of the
clock.
Not modelled: seconds (Kubernetes has none).
Source: github.com/robfig/cron/v3, parser.go (ParseStandard), spec.go (Next), constantdelay.go.

Times are whole microseconds since the simulation's start. Without a time zone a schedule is in UTC.
"""

from __future__ import annotations

import datetime
import re
import zoneinfo
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import attrs

from volsim.errors import VolsimError
from volsim.manifests.times import START
from volsim.rules import seconds

__all__ = ["Schedule", "parse_schedule", "time_zone"]

_START_MINUTE = int(START.timestamp()) // 60
_SECOND_US, _MINUTE_US = 1_000_000, 60_000_000
_YEARS = 5  # that far ahead a time is looked for
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class _Bounds(NamedTuple):
    low: int
    high: int
    names: Mapping[str, int] = {}


_FIELDS = (
    _Bounds(0, 59),
    _Bounds(0, 23),
    _Bounds(1, 31),
    _Bounds(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Bounds(0, 6, {name: number for number, name in enumerate(_WEEKDAYS)}),
)
_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class _Field(NamedTuple):
    """The numbers that one field allows."""

    numbers: frozenset[int]
    starred: bool
    """Whether it says ``*`` (or ``?``): then it does not restrict the day."""


@attrs.frozen
class Schedule:
    """When something is due."""

    fields: tuple[_Field, ...]
    """Minutes, hours, days of the month, months, weekdays; none if it is due every so often."""
    zone: datetime.tzinfo = datetime.UTC
    every_us: int = 0

    def next_us(self, after_us: int) -> int | None:
        """The first time after this one; None if there is none for years.

        >>> parse_schedule("30 2 * * *").next_us(0) // 60_000_000
        150
        """
        if self.every_us:
            return after_us - after_us % _SECOND_US + self.every_us
        minute = after_us // _MINUTE_US + 1 + _START_MINUTE
        last = minute + _YEARS * 366 * 24 * 60
        while minute < last:
            skipped = self._skipped(minute)
            if skipped is None:
                return (minute - _START_MINUTE) * _MINUTE_US
            minute += skipped
        return None

    def _skipped(self, minute: int) -> int | None:
        """How many minutes on something may be due again; None if it is now. `minute` counts from 1970."""
        wall = datetime.datetime.fromtimestamp(minute * 60, self.zone)
        minutes, hours, days, months, weekdays = self.fields
        if wall.month not in months.numbers:
            return self._minutes_until(wall.replace(day=1) + datetime.timedelta(days=32), minute, day=1)
        on_day, on_weekday = wall.day in days.numbers, wall.isoweekday() % 7 in weekdays.numbers
        fits = (on_day and on_weekday) if days.starred or weekdays.starred else (on_day or on_weekday)
        if not fits:
            return self._minutes_until(wall + datetime.timedelta(days=1), minute, day=None)
        if wall.hour not in hours.numbers:
            return 60 - wall.minute
        return None if wall.minute in minutes.numbers else 1

    def _minutes_until(self, wall: datetime.datetime, minute: int, day: int | None) -> int:
        midnight = wall.replace(day=day or wall.day, hour=0, minute=0, second=0, fold=0)
        return max(int(midnight.timestamp()) // 60 - minute, 1)


@lru_cache(maxsize=1024)
def parse_schedule(text: str, zone: str | None = None) -> Schedule:
    """The schedule that a text means. Raises `ValueError` with Kubernetes' own words.

    >>> parse_schedule("*/15 * * * mon-fri", "Europe/Berlin").next_us(0) // 60_000_000
    15
    >>> parse_schedule("61 * * * *")
    Traceback (most recent call last):
        ...
    ValueError: end of range (61) above maximum (59): 61
    """
    if not text:
        raise ValueError("empty spec string")
    if text.startswith(("TZ=", "CRON_TZ=")):
        prefix, space, text = text.partition(" ")
        zone = prefix.partition("=")[2]
        if not space:
            raise ValueError("invalid schedule format: runtime error: slice bounds out of range [:-1]")
        try:
            where = time_zone(zone)
        except ValueError as error:
            raise ValueError(f"provided bad location {zone}: {error}") from None
        text = text.strip()
    else:
        where = time_zone(zone or "UTC")
    if text.startswith("@every "):
        return Schedule((), where, every_us=_delay_us(text.removeprefix("@every ")))
    if text.startswith("@"):
        if text not in _NAMED:
            raise ValueError(f"unrecognized descriptor: {text}")
        text = _NAMED[text]
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"expected exactly {len(_FIELDS)} fields, found {len(parts)}: [{' '.join(parts)}]")
    return Schedule(tuple(_field(part, bounds) for part, bounds in zip(parts, _FIELDS, strict=True)), where)


def time_zone(name: str) -> datetime.tzinfo:
    """The time zone of that name in the IANA's data base. Raises `ValueError` if there is none.

    >>> time_zone("Europe/Atlantis")
    Traceback (most recent call last):
        ...
    ValueError: unknown time zone Europe/Atlantis
    """
    if name in ("", "UTC"):
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError(f"unknown time zone {name}") from None


def _delay_us(text: str) -> int:
    reason = "missing unit in" if text.isdecimal() else "invalid"
    try:
        if not text.isdecimal():
            return max(int(seconds(text)), 1) * _SECOND_US
    except VolsimError:
        pass
    raise ValueError(f'failed to parse duration @every {text}: time: {reason} duration "{text}"')


def _field(text: str, bounds: _Bounds) -> _Field:
    numbers: set[int] = set()
    starred = False
    for part in filter(None, text.split(",")):
        found = _range(part, bounds)
        numbers |= found.numbers
        starred |= found.starred
    return _Field(frozenset(numbers), starred)


def _range(text: str, bounds: _Bounds) -> _Field:
    """``*``, ``5``, ``1-5``, and each with a step: ``*/2``; ``5/2`` means from 5 on."""
    reach, *steps = text.split("/")
    first, *others = reach.split("-")
    starred = first in ("*", "?")
    if starred:
        low, high = bounds.low, bounds.high
    else:
        low = high = _number(first, bounds.names)
        if len(others) > 1:
            raise ValueError(f"too many hyphens: {text}")
        if others:
            high = _number(others[0], bounds.names)
    step = 1
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {text}")
    if steps:
        step = _number(steps[0], {})
        high = high if others else bounds.high
        starred = starred and step <= 1
    if low < bounds.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({bounds.low}): {text}")
    if high > bounds.high:
        raise ValueError(f"end of range ({high}) above maximum ({bounds.high}): {text}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")
    return _Field(frozenset(range(low, high + 1, step)), starred)


def _number(text: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    if int(text) < 0:
        raise ValueError(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)
