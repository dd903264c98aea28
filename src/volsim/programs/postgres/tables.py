"""``CREATE TABLE``: columns and their types, as SQLite takes them, and read back from it.

What PostgreSQL checks and SQLite does not (whole numbers, lengths) becomes a constraint whose name says what was
broken, so that it can be said in PostgreSQL's words (`complaints`).

Modelled: the usual types, ``serial`` and identity columns that are primary keys, defaults, keys, foreign keys, checks.
Not modelled: other ``serial`` columns, arrays, enums, domains, partitions, inheritance.
Source: PostgreSQL documentation, CREATE TABLE; 8 (data types).
"""

from __future__ import annotations

import sqlite3

from volsim.programs.postgres.errors import PostgresError
from volsim.programs.postgres.sql import Token, commas, quoted, spaced, translated

__all__ = ["definition", "described"]

_TYPES = {
    "int": "int4", "integer": "int4", "int4": "int4", "bigint": "int8", "int8": "int8", "smallint": "int2",
    "int2": "int2", "text": "text", "varchar": "varchar", "character varying": "varchar", "char": "bpchar",
    "character": "bpchar", "boolean": "bool", "bool": "bool", "real": "float4", "float4": "float4", "float": "float8",
    "double precision": "float8", "float8": "float8", "numeric": "numeric", "decimal": "numeric", "date": "date",
    "timestamp": "timestamp", "timestamp without time zone": "timestamp", "timestamptz": "timestamptz",
    "timestamp with time zone": "timestamptz", "time": "time", "interval": "interval", "json": "json",
    "jsonb": "jsonb", "uuid": "uuid", "bytea": "bytea", "inet": "inet", "serial": "int4", "bigserial": "int8",
    "smallserial": "int2",
}  # fmt: skip
"""PostgreSQL's types and the names that they have in its catalogue."""
_SHOWN = {
    "int4": "integer", "int8": "bigint", "int2": "smallint", "varchar": "character varying", "bpchar": "character",
    "bool": "boolean", "float4": "real", "float8": "double precision", "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone", "time": "time without time zone",
}  # fmt: skip
_BITS = {"int2": 16, "int4": 32, "int8": 64}
_SERIAL = frozenset({"serial", "bigserial", "smallserial"})
_ATTRIBUTES = (
    "not", "null", "default", "primary", "unique", "references", "check", "constraint", "generated", "collate",
)  # fmt: skip
_TABLE = ("primary", "unique", "foreign", "check", "constraint", "exclude", "like")


class _Column:
    """One column, while its definition is read."""

    def __init__(self, part: list[Token]) -> None:
        self._rest = part[::-1]
        self.name = self._next()
        words, self._size = [], ""
        while self._rest and not self._rest[-1].is_word(*_ATTRIBUTES):
            if self._rest[-1].raw == "(":
                self._size = self._group().replace(" ", "")
            else:
                words.append(self._next())
        written = " ".join(words)
        if written not in _TYPES:
            raise PostgresError(f'type "{written}" does not exist', near=written)
        self._type, self._numbered = _TYPES[written], written in _SERIAL
        self._primary = False
        self._attributes: list[str] = []
        while self._rest:
            self._attribute()

    def _next(self) -> str:
        return self._rest.pop().text

    def _group(self) -> str:
        """Read what stands in parentheses, these included."""
        depth, taken = 0, list[Token]()
        while self._rest:
            token = self._rest.pop()
            depth += {"(": 1, ")": -1}.get(token.raw, 0)
            taken.append(token)
            if depth == 0:
                break
        return translated(spaced(taken))

    def _attribute(self) -> None:
        """Read one thing that is said of the column."""
        word = self._next()
        match word:
            case "generated":  # always as identity
                while self._rest and self._next() != "identity":
                    pass
                self._numbered = True
            case "primary":
                self._next()
                self._primary = True
            case "default":
                value = self._expression()
                local = self._type == "timestamp" and value == "now()"
                self._attributes.append(f"default ({'localtimestamp()' if local else value})")
            case _:
                self._attributes.append(f"{word} {self._expression()}".strip())

    def _expression(self) -> str:
        """Read up to the next attribute; ``NOT NULL`` is two words of one."""
        taken: list[Token] = []
        while self._rest and (
            not self._rest[-1].is_word(*_ATTRIBUTES) or (not taken and self._rest[-1].text == "null")
        ):
            if self._rest[-1].raw == "(":
                taken.append(Token("sign", "", self._group()))
            else:
                taken.append(self._rest.pop())
        return translated(spaced(taken))

    @property
    def definition(self) -> str:
        """The column as SQLite takes it."""
        name = quoted(self.name)
        if self._numbered and self._primary:  # only a column of this type gets numbers by itself
            return " ".join([name, "integer primary key autoincrement", *self._attributes])
        if self._numbered:
            raise PostgresError(f'not modelled: column "{self.name}" has a sequence and is no primary key')
        parts = [name, self._type + self._size, *self._attributes]
        parts += ["primary key not null"] if self._primary else []
        return " ".join([*parts, *self._checks(name)])

    def _checks(self, name: str) -> list[str]:
        checks = []
        if self._type in ("varchar", "bpchar") and self._size:
            shown = f"{_SHOWN[self._type]}{self._size}"
            checks.append((f"long {shown}", f"length({name}) <= {self._size.strip('()')}"))
        if self._type in _BITS:
            shown, most = _SHOWN[self._type], 2 ** (_BITS[self._type] - 1)
            checks.append((f"type {shown}", f"typeof({name}) = 'integer'"))
            checks.append((f"range {shown}", f"{name} between {-most} and {most - 1}"))
        return [f"constraint {quoted(label)} check ({name} is null or {condition})" for label, condition in checks]


def definition(group: list[Token]) -> str:
    """What stands in the parentheses of ``CREATE TABLE``, as SQLite takes it. Raises `PostgresError`.

    >>> from volsim.programs.postgres.sql import tokens
    >>> definition(tokens("id serial primary key, name text not null"))
    '("id" integer primary key autoincrement, "name" text not null)'
    """
    columns, constraints = [], []
    for part in commas(group):
        if part and part[0].is_word(*_TABLE):
            constraints.append(translated(spaced(part)))
        elif part:
            columns.append(_Column(part).definition)
    return f"({', '.join([*columns, *constraints])})"


def described(connection: sqlite3.Connection, table: str) -> tuple[list[tuple[str, ...]], list[str]]:
    """The columns of a table (name, type, collation, whether it must be given, default), and its indexes as lines."""
    rows: list[tuple[str, ...]] = []
    primary: list[tuple[int, str]] = []
    for _, name, declared, required, default, key in connection.execute(f"pragma table_info({quoted(table)})"):
        base, _, size = declared.lower().partition("(")
        serial = base == "integer"
        shown = "integer" if serial else _SHOWN.get(base, base) + (f"({size}" if size else "")
        written = {"'t'": "true", "'f'": "false", "localtimestamp()": "now()"}.get(default or "", default or "")
        value = f"nextval('{table}_{name}_seq'::regclass)" if serial else written
        rows.append((name, shown, "", "not null" if required or key else "", value))
        primary += [(key, name)] if key else []
    names = ", ".join(name for _, name in sorted(primary))
    lines = [f'    "{table}_pkey" PRIMARY KEY, btree ({names})'] if primary else []
    for _, label, unique, origin, _ in connection.execute(f"pragma index_list({quoted(table)})").fetchall():
        listed = ", ".join(str(row[2]) for row in connection.execute(f"pragma index_info({quoted(label)})"))
        if origin == "c":
            lines.append(f'    "{label}" {"UNIQUE, " * bool(unique)}btree ({listed})')
        elif origin == "u":
            lines.append(f'    "{table}_{listed.replace(", ", "_")}_key" UNIQUE CONSTRAINT, btree ({listed})')
    return rows, lines
