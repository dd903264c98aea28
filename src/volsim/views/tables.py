"""Tables as kubectl prints them: columns, their padding, and durations that people can read.

Source: apimachinery, pkg/util/duration/duration.go; cli-runtime, pkg/printers (tablewriter, tableprinter.go); Go's
text/tabwriter, whose column blocks decide how wide a column is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from volsim.objects import Object
from volsim.views.dialect import Dialect

__all__ = ["Column", "Look", "Printer", "aligned", "human_duration", "labels_text"]

SECOND, MINUTE, HOUR, DAY = 1, 60, 3600, 86400


def human_duration(microseconds: int) -> str:
    """A duration with two or three significant figures, as kubectl shows an age.

    >>> [human_duration(seconds * 1_000_000) for seconds in (14, 119, 574, 1740, 12_345, 39 * 86_400, 51 * 3600)]
    ['14s', '119s', '9m34s', '29m', '3h25m', '39d', '2d3h']
    """
    seconds = abs(microseconds) // 1_000_000 * (-1 if microseconds < 0 else 1)  # towards zero, as Go converts
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    if seconds < 2 * MINUTE:
        return f"{seconds}s"
    if seconds < 10 * MINUTE:
        return _two("m", seconds // MINUTE, "s", seconds % MINUTE)
    if seconds < 3 * HOUR:
        return f"{seconds // MINUTE}m"
    if seconds < 8 * HOUR:
        return _two("h", seconds // HOUR, "m", seconds // MINUTE % 60)
    if seconds < 2 * DAY:
        return f"{seconds // HOUR}h"
    if seconds < 8 * DAY:
        return _two("d", seconds // DAY, "h", seconds // HOUR % 24)
    days = seconds // DAY
    if days < 2 * 365:
        return f"{days}d"
    return _two("y", days // 365, "d", days % 365) if days < 8 * 365 else f"{days // 365}y"


def _two(unit: str, amount: int, smaller: str, rest: int) -> str:
    return f"{amount}{unit}{rest}{smaller}" if rest else f"{amount}{unit}"


def aligned(lines: Iterable[str], *, minimum: int = 6, padding: int = 3) -> str:
    r"""Lines whose tabs end cells, as Go's tabwriter aligns them; each with its line end.

    A column is as wide as the widest of its cells in neighbouring lines; what stands behind the last tab is in none.

    >>> print(aligned(["NAME\tAGE", "nfs-pv\t18m"]), end="")
    NAME     AGE
    nfs-pv   18m
    """
    cells = [line.split("\t") for line in lines]
    out: list[str] = []
    _block(cells, 0, len(cells), [], out, minimum, padding)
    return "".join(f"{line}\n" for line in out)


def _block(
    lines: Sequence[Sequence[str]], start: int, end: int, widths: list[int], out: list[str], minimum: int, padding: int
) -> None:
    """Write the lines from `start` to `end`, which agree on the widths of their first columns."""
    column, at = len(widths), start
    while at < end:
        if column >= len(lines[at]) - 1:  # nothing of this line is in this column
            out.append(_written(lines[at], widths))
            at += 1
            continue
        last = at
        while last < end and column < len(lines[last]) - 1:
            last += 1
        width = max(minimum, *(len(line[column]) + padding for line in lines[at:last]))
        _block(lines, at, last, [*widths, width], out, minimum, padding)
        at = last


def _written(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)) + "".join(
        cells[len(widths) :]
    )


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as one cell shows them; `<none>` if there are none.

    >>> labels_text({"tier": "db", "app": "mysql"})
    'app=mysql,tier=db'
    """
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"


@attrs.frozen
class Look:
    """From where an object is looked at: the version's words, and the time."""

    dialect: Dialect
    now_us: int

    def since(self, time_us: int | None) -> str:
        """How long ago a time was; `<unknown>` if there is none."""
        return "<unknown>" if time_us is None else human_duration(self.now_us - time_us)

    def age(self, obj: Object) -> str:
        """How old an object is."""
        return self.since(obj.metadata.creation_timestamp)


@attrs.frozen
class Column:
    """A column of a kind's table: its title, whether only `-o wide` shows it, and which rule must hold for it.

    A rule is a name in `Dialect`; with a ``!`` before it, it must not hold.
    """

    title: str
    wide: bool = False
    rule: str = ""

    def in_dialect(self, dialect: Dialect) -> bool:
        """Whether the version has this column."""
        return not self.rule or getattr(dialect, self.rule.removeprefix("!")) is not self.rule.startswith("!")


Row = Mapping[str, Any]


@attrs.frozen
class Printer:
    """How a kind is shown by `kubectl get`: its columns, and what an object has in them, by title."""

    columns: tuple[Column, ...]
    row: Callable[[Any, Look], Row]

    def shown(self, look: Look, *, wide: bool) -> list[Column]:
        """The columns that this version shows."""
        return [column for column in self.columns if (wide or not column.wide) and column.in_dialect(look.dialect)]

    def cells(self, obj: Object, look: Look, columns: Iterable[Column]) -> list[str]:
        """One object's cells; text behind the end of a line is not shown."""
        row = self.row(obj, look)
        return [_cell(row[column.title]) for column in columns]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    first, *rest = text.splitlines() or [""]
    return f"{first}..." if rest else first
