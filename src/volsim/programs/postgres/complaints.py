"""SQLite's errors in PostgreSQL's words.

Modelled: the text, the detail where it can be known, and the place of the errors that people meet.
Not modelled: error codes, the row that fails in details.
Source: PostgreSQL documentation, A (error codes); https://sqlite.org/rescode.html.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from volsim.programs.database.complaints import repeated
from volsim.programs.postgres.errors import PostgresError
from volsim.programs.postgres.sql import quoted

__all__ = ["explained"]

_Answer = Callable[[sqlite3.Connection, str, str], PostgresError]


def _verb(sql: str) -> str:
    return sql.split(None, 1)[0].lower() if sql.strip() else ""


def _named(text: str) -> _Answer:
    """An answer that only puts a name into its text, and is about that name."""
    return lambda connection, sql, name: PostgresError(text.format(name=name), near=name)


def _duplicate(connection: sqlite3.Connection, sql: str, columns: str) -> PostgresError:
    table = columns.partition(".")[0]
    names = [each.strip().rpartition(".")[2] for each in columns.split(",")]
    key = _key(connection, table, names)
    found = repeated(connection, sql, table, names, defaults=False)
    values = ", ".join(map(str, found)) if found else ""
    detail = f"Key ({', '.join(names)})=({values}) already exists." if found else ""
    return PostgresError(f'duplicate key value violates unique constraint "{key}"', detail=detail)


def _key(connection: sqlite3.Connection, table: str, names: list[str]) -> str:
    """The name of the key that some columns are."""
    for _, label, _, origin, _ in connection.execute(f"pragma index_list({quoted(table)})").fetchall():
        columns = [row[2] for row in connection.execute(f"pragma index_info({quoted(label)})")]
        if columns == names and origin != "pk":
            return str(label) if origin == "c" else f"{table}_{'_'.join(names)}_key"
    return f"{table}_pkey"


def _null(connection: sqlite3.Connection, sql: str, column: str) -> PostgresError:
    table, _, name = column.rpartition(".")
    return PostgresError(f'null value in column "{name}" of relation "{table}" violates not-null constraint')


def _check(connection: sqlite3.Connection, sql: str, name: str) -> PostgresError:
    """A constraint that `tables` made, by its name, or one of the user's."""
    kind, _, rest = name.partition(" ")
    match kind:
        case "long":
            return PostgresError(f"value too long for type {rest}")
        case "type":
            return PostgresError(f"invalid input syntax for type {rest}")
        case "range":
            return PostgresError(f"{rest} out of range")
    table = re.match(r"(?:insert(?: or \w+)? into|update)\s+\"?(\w+)", sql)
    return PostgresError(f'new row for relation "{table[1] if table else ""}" violates check constraint "{name}"')


def _foreign(connection: sqlite3.Connection, sql: str, _: str) -> PostgresError:
    if _verb(sql) in ("delete", "drop"):
        return PostgresError("update or delete on table violates foreign key constraint")
    return PostgresError("insert or update on table violates foreign key constraint")


def _syntax(connection: sqlite3.Connection, sql: str, name: str) -> PostgresError:
    return PostgresError(f'syntax error at or near "{name}"', near=name) if name else _incomplete(connection, sql, "")


def _incomplete(connection: sqlite3.Connection, sql: str, _: str) -> PostgresError:
    return PostgresError("syntax error at end of input")


def _columns(connection: sqlite3.Connection, sql: str, _: str) -> PostgresError:
    return PostgresError("INSERT has more expressions than target columns")


def _no_column(connection: sqlite3.Connection, sql: str, name: str) -> PostgresError:
    table = re.match(r"insert into \"?(\w+)", sql)
    of = f' of relation "{table[1]}"' if table else ""
    return PostgresError(f'column "{name}"{of} does not exist', near=name)


_ANSWERS: tuple[tuple[str, _Answer], ...] = (
    (r"no such table: (?:main\.)?(.+)", _named('relation "{name}" does not exist')),
    (r"no such column: (?:.+\.)?(.+)", _named('column "{name}" does not exist')),
    (r"table .+ has no column named (.+)", _no_column),
    (
        r"(?:table|view) \"?([^\"]+)\"? already exists",
        lambda _c, _s, name: PostgresError(f'relation "{name}" already exists'),
    ),
    (r"index (.+) already exists", lambda _c, _s, name: PostgresError(f'relation "{name}" already exists')),
    (r"no such index: (.+)", lambda _c, _s, name: PostgresError(f'index "{name}" does not exist')),
    (r"no such view: (.+)", lambda _c, _s, name: PostgresError(f'view "{name}" does not exist')),
    (r"duplicate column name: (.+)", lambda _c, _s, name: PostgresError(f'column "{name}" specified more than once')),
    (r"UNIQUE constraint failed: (.+)", _duplicate),
    (r"NOT NULL constraint failed: (.+)", _null),
    (r"CHECK constraint failed: (.+)", _check),
    (r"(FOREIGN KEY) constraint failed", _foreign),
    (r"table .+ has (\d+) columns? but \d+ values were supplied", _columns),
    (r"(\d+) values for \d+ columns", _columns),
    (r"(?:no such function|not authorized to use function): (.+)", _named("function {name} does not exist")),
    (r"ambiguous column name: (.+)", _named('column reference "{name}" is ambiguous')),
    (r'near "(.*)": syntax error', _syntax),
    (r'unrecognized token: "(.*)"', _syntax),
    (r"(incomplete) input", _incomplete),
    (r"(interrupted)", lambda _c, _s, _n: PostgresError("canceling statement due to statement timeout")),
)
"""What SQLite says, as a regular expression, and what PostgreSQL says then."""


def explained(connection: sqlite3.Connection, sql: str, error: Exception) -> PostgresError:
    """What PostgreSQL says of an error of SQLite that a statement ran into."""
    text = str(error)
    if isinstance(error, OverflowError):
        return PostgresError("bigint out of range")
    for pattern, answer in _ANSWERS:
        found = re.match(pattern, text, re.DOTALL)
        if found is not None:
            return answer(connection, sql, found[1])
    return PostgresError(text)
