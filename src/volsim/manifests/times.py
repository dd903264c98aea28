"""Points in time: RFC 3339 in a manifest, whole microseconds since the simulation's start in an object."""

from __future__ import annotations

import datetime
import re

__all__ = ["parse_time", "timestamp"]

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)  # when every simulation begins
_MICROSECOND = datetime.timedelta(microseconds=1)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_time(text: str) -> int:
    """Microseconds since the start; raises `ValueError` with a remedy. What is finer than that is cut off.

    >>> parse_time("2026-01-01T00:00:02Z"), parse_time("2026-01-01T01:00:00.5+01:00")
    (2000000, 500000)
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time; write it like '2026-01-01T12:00:00Z'")
    date, fraction, zone = found.groups()
    try:
        moment = datetime.datetime.fromisoformat(date.upper() + ("+00:00" if zone in "Zz" else zone))
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: {error}") from None
    return (moment - START) // _MICROSECOND + int((fraction or "0")[:6].ljust(6, "0"))


def timestamp(microseconds: int, *, micro: bool = False) -> str:
    """RFC 3339 in UTC: whole seconds, or with `micro` six digits more (Kubernetes' MicroTime).

    >>> timestamp(2_500_000), timestamp(2_500_000, micro=True)
    ('2026-01-01T00:00:02Z', '2026-01-01T00:00:02.500000Z')
    """
    moment = START + datetime.timedelta(microseconds=microseconds)
    text = f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0")  # %Y does not pad years before 1000 everywhere
    return f"{text}.{moment.microsecond:06d}Z" if micro else f"{text}Z"
