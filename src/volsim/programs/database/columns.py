"""``CREATE TABLE``: columns and keys, as SQLite takes them.

What MySQL checks and SQLite does not (lengths, whole numbers, members of an enum) becomes a constraint whose name says
what was broken, so that it can be said in MySQL's words (`complaints`).

Modelled: MySQL's types, ``NOT NULL``, defaults, ``AUTO_INCREMENT``, ``UNSIGNED``, all kinds of keys, checks.
Not modelled: partitions, generated columns, ``ON UPDATE CURRENT_TIMESTAMP``, storage engines, that a decimal number
has as many digits as its type says.
Source: MySQL reference manual, 11 (data types), 13.1.20 (CREATE TABLE).
"""

from __future__ import annotations

from typing import NamedTuple

from volsim.programs.database.lexer import Token
from volsim.programs.database.reader import Words, commas, spaced
from volsim.programs.database.translate import join, quoted, text

__all__ = ["Index", "Table", "create_table", "indexed"]

_TEXTS = frozenset(
    {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "nchar", "nvarchar"}
)
_BYTES = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "integer": 4, "bigint": 8, "bool": 1, "boolean": 1}
_NUMBERS = frozenset({"float", "double", "real", "decimal", "numeric", "dec", "fixed"})
_OTHERS = frozenset(
    {"date", "datetime", "timestamp", "time", "year", "json", "blob", "tinyblob", "mediumblob", "longblob", "binary",
     "varbinary", "bit"}
)  # fmt: skip
_TYPES = _TEXTS | _NUMBERS | _OTHERS | set(_BYTES)


class Index(NamedTuple):
    """A key: its name, its columns in parentheses, and whether a value may be there only once."""

    name: str
    columns: str
    unique: bool = False


class Table(NamedTuple):
    """What ``CREATE TABLE`` becomes."""

    definition: str
    """The columns and constraints, in parentheses."""
    indexes: tuple[Index, ...]
    """Its keys but the primary one."""


def indexed(group: list[Token]) -> str:
    """The columns of a key in parentheses; how many signs of them count is left out."""
    names = []
    for part in commas(group):
        words = Words(part)
        name = quoted(words.name())
        names.append(f"{name} desc" if part[-1].is_word("desc") else name)
    return f"({', '.join(names)})"


class _Column:
    """One column, while its definition is read."""

    def __init__(self, part: list[Token], whole: list[Token]) -> None:
        words = Words(part, whole)
        self.name = words.name()
        if words.text not in _TYPES:
            words.fail()
        self.type = words.name().lower()
        words.take("precision")
        self._size = words.group() if words.next is not None and words.next.raw == "(" else []
        self._unsigned = self._primary = self.unique = self.increments = False
        self._attributes: list[str] = []
        while words.next is not None:
            self._attribute(words)

    def _attribute(self, words: Words) -> None:
        """Read one thing that is said of the column."""
        if self._is_key(words) or words.take_any("null", "signed"):
            return
        if words.take_any("unsigned", "zerofill"):
            self._unsigned = True
        elif words.take("auto_increment"):
            self.increments = True
        elif words.take("not", "null"):
            self._attributes.append("not null")
        elif words.take("default"):
            self._attributes.append(f"default {self._expression(words)}")
        elif words.take("on", "update"):
            self._expression(words)
        elif words.take("check"):
            self._attributes.append(f"check ({join(spaced(words.group()))})")
        elif words.take("references"):  # MySQL reads this and forgets it
            while words.next is not None:
                words.token()
        elif words.take("comment") or words.take_any("collate", "charset") or words.take("character", "set"):
            words.token()
        else:
            words.fail()

    def _is_key(self, words: Words) -> bool:
        """Read that the column is a key, if that comes next."""
        if words.take("unique", "key") or words.take("unique"):
            self.unique = True
        elif words.take("primary", "key") or words.take("key"):
            self._primary = True
        else:
            return False
        return True

    @staticmethod
    def _expression(words: Words) -> str:
        """Read a default: a value, perhaps with a sign, or an expression in parentheses, or a function's call."""
        if words.next is not None and words.next.raw == "(":
            return f"({join(spaced(words.group()))})"
        taken = [words.token()]
        if taken[0].raw in ("-", "+"):
            taken.append(words.token())
        called = words.next is not None and words.next.raw == "("
        if called:
            words.group()
        shown = join(taken) + ("()" if called else "")
        return f"({shown})" if "(" in shown else shown

    @property
    def definition(self) -> str:
        """The column as SQLite takes it."""
        if self.increments:  # only a column of this type gets numbers by itself
            return " ".join([quoted(self.name), "integer primary key autoincrement", *self._attributes])
        size = ",".join(
            text(each.text) if each.kind == "string" else each.raw for each in self._size if each.raw != ","
        )
        declared = f"{self.type}({size})" if self._size else self.type
        declared += " unsigned" if self._unsigned else ""
        simple = declared.isidentifier() or (declared.endswith(")") and "'" not in declared)
        parts = [quoted(self.name), declared if simple else quoted(declared)]
        parts += ["primary key not null"] if self._primary else []
        parts += ["collate nocase"] if self.type in _TEXTS else []
        return " ".join([*parts, *self._attributes, *self._constraints()])

    def _constraints(self) -> list[str]:
        """What is checked of its values, under names that `complaints` knows."""
        column, checks = quoted(self.name), []
        if self.type in ("char", "varchar") and self._size:
            checks.append(("long", f"length({column}) <= {self._size[0].raw}"))
        if self.type in _BYTES:
            checks.append(("integer", f"typeof({column}) = 'integer'"))
            bits = 8 * _BYTES[self.type]
            least, most = (0, 2**bits - 1) if self._unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
            checks.append(("range", f"{column} between {least} and {min(most, 2**63 - 1)}"))
        if self.type in _NUMBERS:
            checks.append(("decimal", f"typeof({column}) in ('integer', 'real')"))
        if self.type == "enum":
            members = ", ".join(text(each.text) for each in self._size if each.kind == "string")
            checks.append(("truncated", f"{column} in ({members})"))
        return [
            f"constraint {quoted(f'{kind} {self.name}')} check ({column} is null or {condition})"
            for kind, condition in checks
        ]


class _Definition:
    """What stands in the parentheses of one ``CREATE TABLE``."""

    def __init__(self, whole: list[Token]) -> None:
        self._whole = whole
        self.columns: list[_Column] = []
        self.constraints: list[str] = []
        self.indexes: list[Index] = []
        self._primary: list[list[Token]] = []

    def add(self, part: list[Token]) -> None:
        """Read one column or constraint."""
        words = Words(part, self._whole)
        if words.text not in (
            "primary",
            "key",
            "index",
            "unique",
            "constraint",
            "foreign",
            "fulltext",
            "spatial",
            "check",
        ):
            self.columns.append(_Column(part, self._whole))
            return
        name = ""
        if words.take("constraint") and words.text not in ("primary", "unique", "foreign", "check"):
            name = words.name()
        if words.take("primary", "key"):
            self._primary.append(words.group())
        elif words.take("foreign", "key"):
            own = indexed(words.group())
            self.constraints.append(f"foreign key {own} {join(spaced(words.rest))}")
        elif words.take("check"):
            label = f"constraint {quoted(f'check {name}')} " if name else ""
            self.constraints.append(f"{label}check ({join(spaced(words.group()))})")
        else:
            self._add_index(words, name)

    def _add_index(self, words: Words, name: str) -> None:
        unique = words.take("unique")
        words.take_any("fulltext", "spatial")
        words.take_any("key", "index")
        if words.next is not None and words.next.raw != "(" and words.text != "using":
            name = words.name()
        if words.take("using"):
            words.name()
        group = words.group()
        self.indexes.append(Index(name or Words(group).name(), indexed(group), unique))

    def table(self) -> Table:
        """All that was read."""
        incrementing = {column.name.lower() for column in self.columns if column.increments}
        primary = [
            f"primary key {indexed(group)}"
            for group in self._primary
            if not any(token.text.lower() in incrementing for token in group)
        ]
        unique = [Index(each.name, f"({quoted(each.name)})", unique=True) for each in self.columns if each.unique]
        parts = [*(column.definition for column in self.columns), *self.constraints, *primary]
        return Table(f"({', '.join(parts)})", (*self.indexes, *unique))


def create_table(group: list[Token], whole: list[Token]) -> Table:
    """The definition of a table, from the tokens in its parentheses in a statement. Raises `SqlError`."""
    definition = _Definition(whole)
    for part in commas(group):
        definition.add(part)
    return definition.table()
