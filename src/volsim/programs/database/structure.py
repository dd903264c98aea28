"""How a table is made, read back from SQLite: columns, keys, and the ``CREATE TABLE`` that makes it again.

Source: https://sqlite.org/pragma.html (table_info, index_list, foreign_key_list); MySQL reference manual, 13.7.7.10.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from volsim.programs.database.lexer import literal
from volsim.programs.database.translate import quoted

__all__ = ["Column", "Key", "Structure", "structure"]

_WIDTHS = {"tinyint": 4, "smallint": 6, "mediumint": 9, "int": 11, "bigint": 20}
"""How wide whole numbers were shown before 8.0, their sign included."""
_SYNONYMS = {"integer": "int", "bool": "tinyint(1)", "boolean": "tinyint(1)", "dec": "decimal", "numeric": "decimal"}


class Column(NamedTuple):
    """A column of a table."""

    name: str
    type: str
    nullable: bool
    default: str | None
    """As a text; None if it has none."""
    computed: bool
    """The default is an expression."""
    increments: bool

    @property
    def definition(self) -> str:
        """As ``CREATE TABLE`` has it."""
        parts = [f"`{self.name}` {self.type}", "" if self.nullable else "NOT NULL"]
        if self.default is not None:
            parts.append(f"DEFAULT {self.default if self.computed else literal(self.default)}")
        elif self.nullable:
            parts.append("DEFAULT NULL")
        return " ".join(part for part in (*parts, "AUTO_INCREMENT" * self.increments) if part)


class Key(NamedTuple):
    """A key that is not the primary one."""

    name: str
    columns: tuple[str, ...]
    unique: bool


class Structure(NamedTuple):
    """A table."""

    name: str
    columns: tuple[Column, ...]
    primary: tuple[str, ...]
    keys: tuple[Key, ...]
    references: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...]
    """Foreign keys: columns, the other table, its columns."""

    @property
    def definition(self) -> str:
        """The ``CREATE TABLE`` that makes it."""
        lines = [column.definition for column in self.columns]
        if self.primary:
            lines.append(f"PRIMARY KEY ({_listed(self.primary)})")
        lines += [f"{'UNIQUE ' * key.unique}KEY `{key.name}` ({_listed(key.columns)})" for key in self.keys]
        for number, (own, table, others) in enumerate(self.references, 1):
            name = f"{self.name}_ibfk_{number}"
            lines.append(f"CONSTRAINT `{name}` FOREIGN KEY ({_listed(own)}) REFERENCES `{table}` ({_listed(others)})")
        body = ",\n".join(f"  {line}" for line in lines)
        return f"CREATE TABLE `{self.name}` (\n{body}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"

    def key_of(self, column: str) -> str:
        """``PRI``, ``UNI`` or ``MUL``, if the column begins a key."""
        if column in self.primary:
            return "PRI"
        kinds = [
            "UNI" if key.unique and len(key.columns) == 1 else "MUL" for key in self.keys if key.columns[0] == column
        ]
        return max(kinds, default="")


def _listed(names: tuple[str, ...]) -> str:
    return ",".join(f"`{name}`" for name in names)


def structure(connection: sqlite3.Connection, table: str, *, widths: bool) -> Structure:
    """How a table of a connection is made; `widths`: whole numbers have them, as before 8.0."""
    info = connection.execute(f"pragma table_info({quoted(table)})").fetchall()
    primary = tuple(row[1] for row in sorted(info, key=lambda row: row[5]) if row[5])
    columns = []
    for _, name, declared, required, default, key in info:
        plain = declared.lower()
        increments = bool(key) and plain == "integer"
        shown, computed = _default(default)
        nullable = not (required or key)
        columns.append(Column(name, _type(plain, widths), nullable, shown, computed, increments))
    keys = []
    for _, label, unique, origin, _ in connection.execute(f"pragma index_list({quoted(table)})").fetchall():
        if origin == "c":
            names = tuple(row[2] for row in connection.execute(f"pragma index_info({quoted(label)})"))
            keys.append(Key(label.partition(":")[2], names, bool(unique)))
    foreign: dict[int, list[tuple[str, str, str]]] = {}
    for number, _, other, own, theirs, *_ in connection.execute(f"pragma foreign_key_list({quoted(table)})"):
        foreign.setdefault(number, []).append((own, other, theirs))
    references = tuple(
        (tuple(own for own, _, _ in rows), rows[0][1], tuple(theirs for _, _, theirs in rows))
        for _, rows in sorted(foreign.items())
    )
    return Structure(table, tuple(columns), primary, tuple(sorted(keys)), references)


def _type(declared: str, widths: bool) -> str:
    """A type as MySQL shows it."""
    base, _, unsigned = declared.partition(" ")
    base = _SYNONYMS.get(base, base)
    if widths and base in _WIDTHS:
        base = f"{base}({_WIDTHS[base] - (1 if unsigned and base != 'bigint' else 0)})"
    return f"{base} {unsigned}".strip()


def _default(written: str | None) -> tuple[str | None, bool]:
    """A default as a text, and whether it is an expression."""
    if written is None or written.lower() == "null":
        return None, False
    if written.startswith("'"):
        return written[1:-1].replace("''", "'"), False
    if "now" in written:
        return "CURRENT_TIMESTAMP", True
    return written, "(" in written
