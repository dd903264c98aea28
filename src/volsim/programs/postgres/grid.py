"""How the client shows rows: aligned, one value a line, or separated by bars.

Source: PostgreSQL, src/fe_utils/print.c (print_aligned_text, print_aligned_vertical, print_unaligned_text).
"""

from __future__ import annotations

from typing import Any

__all__ = ["Rows", "aligned", "expanded", "unaligned"]

Rows = tuple[tuple[Any, ...], ...]


def _shown(value: Any) -> str:
    """A value as the server writes it; nothing for NULL."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _count(rows: Rows) -> str:
    return f"({len(rows)} row{'' if len(rows) == 1 else 's'})"


def _are_numbers(values: list[Any]) -> bool:
    """Whether a column is one of numbers."""
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def aligned(
    columns: tuple[str, ...], rows: Rows, *, titles: bool = True, heading: str = "", foot: str | None = None
) -> str:
    """Rows in columns, numbers at the right; `foot`, if there is one, stands in the place of their count.

    >>> aligned(("id", "name"), ((1, "a"),))
    ' id | name \\n----+------\\n  1 | a\\n(1 row)\\n\\n'
    """
    texts = [[_shown(value) for value in row] for row in rows]
    widths = [max([len(title), *(len(row[at]) for row in texts)]) for at, title in enumerate(columns)]
    right = [_are_numbers([row[at] for row in rows]) for at in range(len(columns))]
    lines = []
    if heading:
        lines.append(heading.center(sum(widths) + 3 * len(widths) - 1).rstrip())
    if titles:
        lines.append("|".join(f" {_centred(title, width)} " for title, width in zip(columns, widths, strict=True)))
        lines.append("+".join("-" * (width + 2) for width in widths))
    last = len(columns) - 1
    for row in texts:
        cells = [
            f" {cell:>{width}} " if at_right else f" {cell:<{width}} "
            for cell, width, at_right in zip(row, widths, right, strict=True)
        ]
        if cells:
            cells[last] = cells[last][:-1] if right[last] else f" {row[last]}"
        lines.append("|".join(cells))
    if foot is None and titles:
        lines.append(_count(rows))
    elif foot:
        lines.append(foot)
    return "".join(line + "\n" for line in lines) + "\n"


def _centred(title: str, width: int) -> str:
    """A title in the middle, rather to the left."""
    left = (width - len(title)) // 2
    return " " * left + title + " " * (width - len(title) - left)


def expanded(columns: tuple[str, ...], rows: Rows) -> str:
    r"""Each value on a line of its own, as ``-x`` and ``\x`` ask for."""
    if not rows:
        return "(0 rows)\n\n"
    texts = [[_shown(value) for value in row] for row in rows]
    width, values = max(map(len, columns), default=0), max([len(cell) for row in texts for cell in row], default=0)
    lines = []
    for number, row in enumerate(texts, 1):
        head = f"-[ RECORD {number} ]"
        bar = "-" * (width + 1) + "+" + "-" * (values + 1)
        lines.append(head + bar[len(head) :])
        lines += [f"{title:<{width}} | {cell}" for title, cell in zip(columns, row, strict=True)]
    return "\n".join(lines) + "\n\n"


def unaligned(columns: tuple[str, ...], rows: Rows, *, titles: bool = True, separator: str = "|") -> str:
    """Values with bars, or something else, between them, as ``-A`` and ``-F`` ask for.

    >>> unaligned(("id", "name"), ((1, "a"),))
    'id|name\\n1|a\\n(1 row)\\n'
    """
    lines = [separator.join(map(_shown, row)) for row in rows]
    if titles:
        lines = [separator.join(columns), *lines, _count(rows)]
    return "".join(line + "\n" for line in lines)
