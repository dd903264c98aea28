"""How the client shows rows: as a table, one value a line, or separated by tabs.

Source: MySQL, client/mysql.cc (print_table_data, print_table_data_vertically, print_tab_data).
"""

from __future__ import annotations

from typing import Any
from unicodedata import east_asian_width

__all__ = ["table", "tabs", "vertical"]


def _shown(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return "0x" + value.hex().upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def _width(text: str) -> int:
    """The columns that a text takes on a terminal."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def table(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> str:
    """Rows in a frame; numbers stand at the right.

    >>> print(table(("id", "name"), ((1, "zhangsan"),)), end="")
    +----+----------+
    | id | name     |
    +----+----------+
    |  1 | zhangsan |
    +----+----------+
    """
    texts = [[_shown(value) for value in row] for row in rows]
    widths = [max([_width(title), *(_width(row[at]) for row in texts)]) for at, title in enumerate(columns)]
    right = [bool(rows) and all(_is_number(row[at]) for row in rows) for at in range(len(columns))]
    line = "+" + "+".join("-" * (width + 2) for width in widths) + "+\n"

    def cells(row: list[str], sides: list[bool]) -> str:
        padded = [
            " " * (width - _width(cell)) + cell if at_right else cell + " " * (width - _width(cell))
            for cell, width, at_right in zip(row, widths, sides, strict=True)
        ]
        return "| " + " | ".join(padded) + " |\n"

    return (
        line + cells(list(columns), [False] * len(columns)) + line + "".join(cells(row, right) for row in texts) + line
    )


def vertical(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> str:
    r"""Each value on a line of its own, as ``\G`` asks for."""
    width = max(map(len, columns), default=0)
    out = []
    for number, row in enumerate(rows, 1):
        out.append(f"*************************** {number}. row ***************************\n")
        out += [f"{title:>{width}}: {_shown(value)}\n" for title, value in zip(columns, row, strict=True)]
    return "".join(out)


def tabs(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...], *, titles: bool = True) -> str:
    """Values separated by tabs, with what would be taken for a separator escaped.

    >>> tabs(("id", "name"), ((1, "a\\tb"),))
    'id\\tname\\n1\\ta\\\\tb\\n'
    """

    def escaped(value: Any) -> str:
        text = _shown(value).replace("\\", "\\\\")
        return text.replace("\t", "\\t").replace("\n", "\\n").replace("\0", "\\0")

    lines = ["\t".join(columns)] if titles and rows else []
    lines += ["\t".join(map(escaped, row)) for row in rows]
    return "".join(line + "\n" for line in lines)
