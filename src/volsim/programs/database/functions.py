"""MySQL's functions that SQLite does not have.

Time is the simulation's, and there is no chance: `rand()` follows from the time.

Modelled: texts, dates and times, hashes, regular expressions, a few of arithmetic.
Not modelled: intervals, time zones, JSON, spatial functions.
Source: MySQL reference manual, 12 (functions and operators).
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable
from typing import Any

from volsim.programs.files import noise
from volsim.programs.tools.clock import moment, rendered

__all__ = ["install"]

_FORMATS = {
    "Y": "%Y", "y": "%y", "m": "%m", "c": "%-m", "d": "%d", "e": "%-d", "H": "%H", "k": "%-H", "h": "%I",
    "I": "%I", "l": "%-I", "i": "%M", "s": "%S", "S": "%S", "p": "%p", "W": "%A", "a": "%a", "M": "%B", "b": "%b",
    "j": "%j", "T": "%T", "r": "%r", "f": "000000", "%": "%%", "w": "%w",
}  # fmt: skip


def _text(value: Any) -> str:
    """A value as MySQL writes it."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _concat(*values: Any) -> str | None:
    return None if None in values else "".join(map(_text, values))


def _concat_ws(separator: Any, *values: Any) -> str | None:
    return None if separator is None else _text(separator).join(_text(value) for value in values if value is not None)


def _regexp(pattern: Any, value: Any) -> int | None:
    if pattern is None or value is None:
        return None
    try:
        return int(re.search(_text(pattern), _text(value), re.IGNORECASE) is not None)
    except re.error:
        return None


def _hashed(name: str) -> Callable[[Any], str | None]:
    def digest(value: Any) -> str | None:
        if value is None:
            return None
        data = value if isinstance(value, bytes) else _text(value).encode()
        return hashlib.new(name, data, usedforsecurity=False).hexdigest()

    return digest


def _locate(part: Any, value: Any, start: int = 1) -> int | None:
    return None if part is None or value is None else _text(value).lower().find(_text(part).lower(), start - 1) + 1


def _mod(one: Any, two: Any) -> Any:
    if one is None or two is None or two == 0:
        return None
    remainder = abs(one) % abs(two)
    return -remainder if one < 0 else remainder


def _power(one: Any, two: Any) -> float | None:
    try:
        result = float(one) ** float(two)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return result if isinstance(result, float) else None


def _left(value: Any, count: int) -> str | None:
    return None if value is None else _text(value)[: max(count, 0)]


def _right(value: Any, count: int) -> str | None:
    return None if value is None else _text(value)[-count:] if count > 0 else ""


def _format(value: Any, digits: int) -> str | None:
    return None if value is None else f"{float(value):,.{max(min(digits, 30), 0)}f}"


def _octets(value: Any) -> int | None:
    return None if value is None else len(value if isinstance(value, bytes) else _text(value).encode())


def install(connection: sqlite3.Connection, now_us: int, facts: dict[str, Callable[[], Any]]) -> None:
    """Give a connection the functions; `facts` are those without arguments, such as `version()`."""
    now = moment(now_us)
    drawn = [0]

    def rand(*seed: Any) -> float:
        drawn[0] += 1
        return int.from_bytes(noise(f"rand/{now_us}/{seed}/{drawn[0]}", 6)) / 2**48

    def date_format(value: Any, format_: Any) -> str | None:
        when = _parsed(value)
        if when is None or format_ is None:
            return None
        return re.sub(r"%(.)", lambda match: rendered(when, _FORMATS.get(match[1], match[1])), _text(format_))

    def _parsed(value: Any) -> Any:
        try:
            return None if value is None else type(now).fromisoformat(_text(value))
        except ValueError:
            return None

    def unix_timestamp(*given: Any) -> int | None:
        when = _parsed(given[0]) if given else now
        return None if when is None else int(when.replace(tzinfo=now.tzinfo).timestamp())

    table: dict[str, tuple[int, Callable[..., Any]]] = {
        "mysql_concat": (-1, _concat), "mysql_concat_ws": (-1, _concat_ws), "regexp": (2, _regexp),
        "octet_length": (1, _octets), "mysql_left": (2, _left), "mysql_right": (2, _right),
        "md5": (1, _hashed("md5")), "sha1": (1, _hashed("sha1")), "sha": (1, _hashed("sha1")),
        "mysql_locate": (-1, _locate), "mysql_mod": (2, _mod), "mysql_pow": (2, _power), "mysql_rand": (-1, rand),
        "date_format": (2, date_format), "mysql_format": (2, _format), "unix_timestamp": (-1, unix_timestamp),
        "now": (-1, lambda *digits: rendered(now, "%F %T")),
        "sysdate": (-1, lambda *digits: rendered(now, "%F %T")), "curdate": (0, lambda: rendered(now, "%F")),
        "curtime": (-1, lambda *digits: rendered(now, "%T")),
        "mysql_date": (1, lambda value: None if value is None else _text(value)[:10]),
        "mysql_time": (1, lambda value: None if value is None else _text(value)[11:19]),
        "sleep": (1, lambda seconds: 0),
        "reverse": (1, lambda value: None if value is None else _text(value)[::-1]),
        "repeat": (2, lambda value, count: None if value is None else _text(value) * max(min(count, 10_000), 0)),
        **{name: (0, fact) for name, fact in facts.items()},
    }  # fmt: skip
    for name, (count, function) in table.items():
        connection.create_function(name, count, function)
