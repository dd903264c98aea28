"""`date` and `sleep`: the time of the simulation, which begins at 2026-01-01T00:00:00Z.

Modelled: durations with units, ``infinity``; the formats and most ways to name a time.
Not modelled: time zones but UTC, languages but English, setting the clock.
Source: busybox, coreutils/date.c, coreutils/sleep.c.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from volsim.programs.files import Files
from volsim.programs.process import Pause, Process, Program
from volsim.programs.tools.applet import Applet, Tool, UsageError, fail, options

__all__ = ["EPOCH", "TOOLS", "duration_us", "moment", "rendered"]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_UNITS_US = {"": 1_000_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_DURATION = re.compile(r"(\d*\.?\d+|\d+\.)([smhd]?)", re.ASCII)
_LONGEST_US = 2**62  # 146,000 years: nobody waits longer
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%H:%M:%S", "%H:%M")
_DIRECTIVE = re.compile(r"%([-_0^]?)([a-zA-Z%])")
_PARTS = {"D": "%m/%d/%y", "F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "c": "%a %b %e %H:%M:%S %Y", "x": "%m/%d/%y",
          "X": "%H:%M:%S", "r": "%I:%M:%S %p", "h": "%b"}  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip


def moment(now_us: int) -> datetime:
    """The date and time that a simulated instant is.

    >>> moment(60_000_000).isoformat()
    '2026-01-01T00:01:00+00:00'
    """
    return EPOCH + timedelta(microseconds=now_us)


def rendered(when: datetime, format_: str) -> str:
    """A time as `date` writes it; names are English, whatever language the machine speaks.

    >>> rendered(EPOCH, "%F %T %a %s")
    '2026-01-01 00:00:00 Thu 1767225600'
    """

    def value(match: re.Match[str]) -> str:
        flag, letter = match.groups()
        if letter in _PARTS:
            return rendered(when, _PARTS[letter])
        text = _directive(when, letter)
        if text is None:
            return match[0]
        if flag in ("-", "_") and text.isdigit():
            return text.lstrip("0").rjust(len(text) if flag == "_" else 0) or "0"
        return text.upper() if flag == "^" else text

    return _DIRECTIVE.sub(value, format_)


def _directive(when: datetime, letter: str) -> str | None:
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    hour = when.hour % 12 or 12
    texts = {
        "Y": f"{when.year:04}", "y": f"{when.year % 100:02}", "C": f"{when.year // 100:02}", "m": f"{when.month:02}",
        "d": f"{when.day:02}", "e": f"{when.day:2}", "H": f"{when.hour:02}", "k": f"{when.hour:2}", "I": f"{hour:02}",
        "l": f"{hour:2}", "M": f"{when.minute:02}", "S": f"{when.second:02}", "N": f"{when.microsecond * 1000:09}",
        "s": str(int(when.timestamp())), "p": "AM" if when.hour < 12 else "PM", "a": day[:3], "A": day, "b": month[:3],
        "B": month, "j": f"{when.timetuple().tm_yday:03}", "u": str(when.isoweekday()), "w": str(when.isoweekday() % 7),
        "Z": "UTC", "z": "+0000", "n": "\n", "t": "\t", "%": "%",
    }  # fmt: skip
    return texts.get(letter)


def _date(process: Process) -> int:
    process.argv = tuple(f"--iso-8601={word[2:]}" if word.startswith("-I") else word for word in process.argv)
    found = options(
        process, "uR", "drsD", {"utc": "u", "date": "d", "reference": "r", "rfc-email": "R", "iso-8601": "I"}
    )
    if "s" in found:
        return fail(process, "can't set date: Operation not permitted")
    when = moment(process.now_us)
    if "r" in found:
        when = moment(Files(process).stat(found.last("r")).mtime_us)
    if "d" in found:
        when = _given(found.last("d"), when)
    format_ = found.operands[0] if found.operands else ""
    if format_ and not format_.startswith("+"):
        raise UsageError(f"invalid date '{format_}'")
    if format_:
        format_ = format_[1:]
    elif "R" in found:
        format_ = "%a, %d %b %Y %H:%M:%S %z"
    elif "I" in found:
        format_ = {"seconds": "%FT%T+00:00", "s": "%FT%T+00:00", "minutes": "%FT%R+00:00"}.get(found.last("I"), "%F")
    else:
        format_ = "%a %b %e %H:%M:%S UTC %Y"
    process.print(rendered(when, format_))
    return 0


def _given(text: str, now: datetime) -> datetime:
    """The time that ``-d`` means."""
    if text == "now":
        return now
    try:
        if re.fullmatch(r"@-?\d{1,11}", text, re.ASCII):
            return datetime.fromtimestamp(int(text[1:]), UTC)
        for format_ in _FORMATS:
            if len(text) == len(now.strftime(format_)):
                found = datetime.strptime(text, format_).replace(tzinfo=UTC)
                return found if "%Y" in format_ else found.replace(year=now.year, month=now.month, day=now.day)
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"invalid date '{text}'")


def duration_us(text: str) -> int:
    """A duration such as ``5``, ``1.5m`` or ``2d`` in microseconds. Raises `UsageError`.

    >>> duration_us("1.5m")
    90000000
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise UsageError(f"invalid number '{text}'")
    return min(round(Decimal(found[1]) * _UNITS_US[found[2]]), _LONGEST_US)


class _Sleep(Tool):
    """`sleep`: pauses once."""

    def start(self, process: Process) -> Pause:
        words = [word for word in process.argv[1:] if word != "--"]
        if not words:
            return Pause.exited(fail(process, "missing operand"))
        if any(word in ("infinity", "inf") for word in words):
            return Pause.serving()
        try:
            total = sum(map(duration_us, words))
        except UsageError as wrong:
            return Pause.exited(fail(process, str(wrong)))
        return Pause.sleeping(min(total, _LONGEST_US)) if total else Pause.exited(0)

    def resume(self, memory: Any, process: Process) -> Pause:
        return Pause.exited(0)


TOOLS: dict[str, Program] = {"date": Applet(_date), "sleep": _Sleep()}
