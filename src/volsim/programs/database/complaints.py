"""SQLite's errors in MySQL's words.

Modelled: number, SQLSTATE and text of the errors that people meet.
Not modelled: in which clause an unknown column stands (it is always the field list), rows but the first.
Source: MySQL 8.0 error reference, server error messages; https://sqlite.org/rescode.html.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from volsim.programs.database.errors import SqlError, is_modern, syntax_error
from volsim.programs.database.lexer import Token
from volsim.programs.database.translate import quoted, text

__all__ = ["Broken", "explained", "repeated"]

_COPY = "volsim_copy"


def repeated(
    connection: sqlite3.Connection, sql: str, table: str, names: list[str], *, defaults: bool
) -> tuple[object, ...] | None:
    """The values of some columns that a statement would have made a second time; None if that is not to be found.

    It is run again on a copy of the table that has no keys; `defaults`: a copy that keeps its primary key and defaults.
    """
    target = re.compile(
        rf"(\b(?:into|update)\s+(?:or\s+\w+\s+)?)(?:\S+\.)?[\"`]?{re.escape(table)}[\"`]?(?!\w)", re.IGNORECASE
    )
    sql, count = target.subn(rf"\g<1>temp.{_COPY}", sql, count=1)
    if not count:
        return None
    listed = ", ".join(map(quoted, names))
    try:
        _copy(connection, table, defaults=defaults)
        connection.execute(sql)
        query = f"select {listed} from temp.{_COPY} group by {listed} having count(*) > 1 order by max(rowid) limit 1"
        found: tuple[object, ...] | None = connection.execute(query).fetchone()
    except sqlite3.Error:
        return None
    finally:
        connection.execute(f"drop table if exists temp.{_COPY}")
    return found


def _copy(connection: sqlite3.Connection, table: str, *, defaults: bool) -> None:
    query = f"select sql from sqlite_master where name = {text(table)} collate nocase"
    definition = connection.execute(query).fetchone()
    if definition is None or not defaults:
        connection.execute(f"create temp table {_COPY} as select * from {quoted(table)}")
        return
    columns = definition[0].partition("(")[2]
    connection.execute(f"create temp table {_COPY} ({columns}")
    connection.execute(f"insert into temp.{_COPY} select * from {quoted(table)}")


class Broken:
    """A statement that failed: what it was, and where."""

    def __init__(
        self, connection: sqlite3.Connection, database: str, found: list[Token], sql: str, version: str
    ) -> None:
        self.connection, self.database, self.sql, self.version = connection, database, sql, version
        self.original = "".join(token.raw for token in found)
        self.words = [token for token in found if token.kind != "space"]

    # -- what it spoke of ---------------------------------------------------------------------------------------------
    def full_name(self, table: str) -> str:
        """A table with its database: ``main.t`` and ``t`` are in the present one."""
        schema, _, name = table.rpartition(".")
        return f"{self.database if schema in ('', 'main') else schema}.{name}"

    def columns_named(self) -> set[str]:
        """The columns that an ``INSERT`` lists."""
        opening = next((at for at, token in enumerate(self.words[:8]) if token.raw == "("), None)
        if opening is None:
            return set()
        names = set()
        for token in self.words[opening + 1 :]:
            if token.raw == ")":
                break
            names.add(token.text.lower())
        return names

    def duplicate(self, columns: str) -> SqlError:
        """Which value was there already: found by running the statement on a copy of the table without keys."""
        table = columns.split(".", maxsplit=1)[0]
        names = [each.strip().rpartition(".")[2] for each in columns.split(",")]
        label = self._key(table, names)
        found = repeated(self.connection, self.sql, table, names, defaults=label != "PRIMARY")
        shown = "-".join(map(str, found or names))
        key = f"{table}.{label}" if is_modern(self.version) else label
        return SqlError(1062, "23000", f"Duplicate entry '{shown}' for key '{key}'")

    def _key(self, table: str, names: list[str]) -> str:
        for _, label, unique, origin, _ in self.connection.execute(f"pragma index_list({quoted(table)})"):
            columns = [row[2] for row in self.connection.execute(f"pragma index_info({quoted(label)})")]
            if unique and columns == names and origin == "c":
                return str(label).partition(":")[2]
        return "PRIMARY"

    def syntax(self, token: str) -> SqlError:
        """A syntax error at the first place where a token stands."""
        at = self.original.lower().find(token.lower()) if token else len(self.original)
        at = len(self.original) if at < 0 else at
        return syntax_error(self.original[at:].strip(), self.original.count("\n", 0, at) + 1)


def _check(name: str) -> SqlError:
    """A constraint that `translate` made, by its name."""
    kind, _, column = name.partition(" ")
    match kind:
        case "long":
            return SqlError(1406, "22001", f"Data too long for column '{column}' at row 1")
        case "integer":
            return SqlError(1366, "HY000", f"Incorrect integer value for column '{column}' at row 1")
        case "decimal":
            return SqlError(1366, "HY000", f"Incorrect decimal value for column '{column}' at row 1")
        case "range":
            return SqlError(1264, "22003", f"Out of range value for column '{column}' at row 1")
        case "truncated":
            return SqlError(1265, "01000", f"Data truncated for column '{column}' at row 1")
    return SqlError(3819, "HY000", f"Check constraint '{column or name}' is violated.")


def explained(broken: Broken, error: Exception) -> SqlError:
    """What MySQL says of an error of SQLite."""
    text = str(error)
    if isinstance(error, OverflowError):
        return SqlError(1690, "22003", "BIGINT value is out of range")
    if not isinstance(error, sqlite3.Error):  # several statements in one, or a zero byte
        return broken.syntax(";")
    for pattern, answer in _ANSWERS:
        found = re.match(pattern, text, re.DOTALL)
        if found is not None:
            return answer(broken, *found.groups())
    return SqlError(1105, "HY000", f"Unknown error: {text}")


def _no_table(broken: Broken, table: str) -> SqlError:
    if not broken.database and "." not in table:
        return SqlError(1046, "3D000", "No database selected")
    return SqlError(1146, "42S02", f"Table '{broken.full_name(table)}' doesn't exist")


def _null(broken: Broken, column: str) -> SqlError:
    name = column.rpartition(".")[2]
    named = broken.columns_named()
    if named and name.lower() not in named:
        return SqlError(1364, "HY000", f"Field '{name}' doesn't have a default value")
    return SqlError(1048, "23000", f"Column '{name}' cannot be null")


def _foreign(broken: Broken) -> SqlError:
    verb = broken.words[0].text.lower() if broken.words else ""
    if verb in ("delete", "drop"):
        return SqlError(1451, "23000", "Cannot delete or update a parent row: a foreign key constraint fails")
    return SqlError(1452, "23000", "Cannot add or update a child row: a foreign key constraint fails")


def _unknown_column(broken: Broken, name: str) -> SqlError:
    return SqlError(1054, "42S22", f"Unknown column '{name}' in 'field list'")


def _exists(broken: Broken, name: str) -> SqlError:
    return SqlError(1050, "42S01", f"Table '{name}' already exists")


def _no_function(broken: Broken, name: str) -> SqlError:
    return SqlError(1305, "42000", f"FUNCTION {broken.database}.{name} does not exist")


def _column_count(broken: Broken) -> SqlError:
    return SqlError(1136, "21S01", "Column count doesn't match value count at row 1")


def _saying(number: int, state: str, text: str) -> Callable[..., SqlError]:
    """An answer that only puts a name into its text."""
    return lambda broken, name="": SqlError(number, state, text.format(name=name))


_ANSWERS: tuple[tuple[str, Callable[..., SqlError]], ...] = (
    (r"no such table: (.+)", _no_table),
    (r"no such column: (?:.+\.)?(.+)", _unknown_column),
    (r"table .+ has no column named (.+)", _unknown_column),
    (r"(?:table|view) \"?([^\"]+)\"? already exists", _exists),
    (r"index [^:]+:(.+) already exists", _saying(1061, "42000", "Duplicate key name '{name}'")),
    (
        r"no such index: .*?:?([^:]+)$",
        _saying(1091, "42000", "Can't DROP '{name}'; check that column/key exists"),
    ),
    (r"duplicate column name: (.+)", _saying(1060, "42S21", "Duplicate column name '{name}'")),
    (r"UNIQUE constraint failed: (.+)", Broken.duplicate),
    (r"NOT NULL constraint failed: (.+)", _null),
    (r"CHECK constraint failed: (.+)", lambda broken, name: _check(name)),
    (r"FOREIGN KEY constraint failed", _foreign),
    (r"foreign key mismatch", _saying(1215, "HY000", "Cannot add foreign key constraint")),
    (r"table .+ has \d+ columns? but \d+ values were supplied", _column_count),
    (r"\d+ values for \d+ columns", _column_count),
    (r"all VALUES must have the same number of terms", _column_count),
    (r"(?:no such function|not authorized to use function): (?:mysql_)?(.+)", _no_function),
    (
        r"wrong number of arguments to function (?:mysql_)?(.+)\(\)",
        _saying(1582, "42000", "Incorrect parameter count in the call to native function '{name}'"),
    ),
    (r"ambiguous column name: (.+)", _saying(1052, "23000", "Column '{name}' in field list is ambiguous")),
    (r"no such savepoint: (.+)", _saying(1305, "42000", "SAVEPOINT {name} does not exist")),
    (r'near "(.*)": syntax error', Broken.syntax),
    (r'unrecognized token: "(.*)"', Broken.syntax),
    (r"incomplete input", lambda broken: broken.syntax("")),
    (
        r"interrupted",
        _saying(3024, "HY000", "Query execution was interrupted, maximum statement execution time exceeded"),
    ),
)
"""What SQLite says, as a regular expression, and what MySQL says then."""
