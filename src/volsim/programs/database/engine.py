"""What a MySQL server does with one statement.

A session holds the tables of the present database in memory while it works, and stores them after every statement that
changed them and is not in a transaction: a row that was acknowledged is in the volume.

Modelled: databases, tables, keys and foreign keys, views, transactions, users with their passwords, the usual ``SHOW``
statements.
Not modelled: privileges (who can log in can do everything), locks between sessions, stored programs, triggers, user
variables.
Source: MySQL reference manual, 13 (SQL statements) and B (error messages).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

from volsim.programs.database.catalog import CATALOG, fill
from volsim.programs.database.complaints import Broken, explained
from volsim.programs.database.errors import SqlError
from volsim.programs.database.functions import install
from volsim.programs.database.lexer import Token
from volsim.programs.database.storage import DataDirectory, bound, dumped, load, opened
from volsim.programs.database.translate import quoted, statement, text

__all__ = ["Facts", "Ran", "Result", "Session", "qualifiers"]

ATTACHED_MOST = 9  # databases besides the present one that a statement can speak of: SQLite attaches ten


class Facts(NamedTuple):
    """What a session knows of its server."""

    data: DataDirectory
    now_us: int
    version: str
    hostname: str
    user: str = "root"


class Result(NamedTuple):
    """What a statement gave: rows, or a number of rows that it changed."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    affected: int = 0
    info: str = ""
    warnings: int = 0
    text: str = ""
    """What the client says instead of ``Query OK``."""


class Ran(NamedTuple):
    """What SQLite made of a statement."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    affected: int
    """How many rows it changed."""
    last_id: int


class Session:
    """One connection of a user to the server."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.database = ""
        """The present database, or an empty text."""
        self.warnings: list[tuple[str, int, str]] = []
        """What the last statement is to be warned of: level, number, text."""
        self.last_id = 0
        """The number that an ``AUTO_INCREMENT`` column was given last."""
        self._connection: sqlite3.Connection | None = None
        self._known: dict[str, bytes] = {}
        """By schema of the connection: the bytes that are stored."""
        self._attached: list[str] = []
        """Other databases that are at hand."""
        self._references = True

    # -- the connection -----------------------------------------------------------------------------------------------
    def close(self) -> None:
        """End the connection; a transaction that was not committed is lost."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._known, self._attached = None, {}, []

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection is not None and self._connection.in_transaction

    def _connected(self) -> sqlite3.Connection:
        """The tables of the present database. They are read again if somebody else has changed the file."""
        if self._connection is not None and self._connection.in_transaction:
            return self._connection
        data = self.facts.data.read(self.database) if self.database else b""
        if self._connection is None or self._known.get("main") != data:
            self.close()
            self._connection, self._known = opened(data), {"main": data}
            self._prepare(self._connection)
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        facts = self.facts
        account = f"{facts.user}@localhost"
        told: dict[str, Callable[[], Any]] = {
            "version": lambda: facts.version, "database": lambda: self.database or None,
            "schema": lambda: self.database or None, "user": lambda: account, "current_user": lambda: account,
            "session_user": lambda: account, "connection_id": lambda: 2, "last_insert_id": lambda: self.last_id,
        }  # fmt: skip
        install(connection, facts.now_us, told)
        connection.execute(f"pragma foreign_keys = {'on' if self._references else 'off'}")
        connection.execute("pragma legacy_alter_table = on")  # a view of a table that is gone is no reason to refuse
        bound(connection)

    def _attach(self, connection: sqlite3.Connection, names: list[str]) -> None:
        """Have the tables of other databases at hand."""
        for name in names:
            if name == CATALOG:
                fill(connection, self.facts.data)
            else:
                self._known[name] = data = self.facts.data.read(name)
                connection.execute(f"attach ':memory:' as {quoted(name)}")
                if data:
                    load(connection, name, data)
            self._attached.append(name)

    def _detach(self, connection: sqlite3.Connection) -> None:
        for name in self._attached:
            connection.execute(f"detach {quoted(name)}")
            self._known.pop(name, None)
        self._attached = []

    def _others(self, found: list[Token]) -> list[str]:
        """The other databases that a statement names: ``name.table``."""
        others: dict[str, None] = {}
        for name in qualifiers(found):
            plain = name.lower() if name.lower() == CATALOG else name
            if plain != self.database and (plain == CATALOG or self.facts.data.exists(plain)):
                others[plain] = None
        return list(others)[:ATTACHED_MOST]

    # -- running ------------------------------------------------------------------------------------------------------
    def run(self, sql: str, found: list[Token], *, asks: bool = False) -> Ran:
        """Run SQLite's SQL; `asks`: it changes nothing. Raises `SqlError` and `FileError`.

        `found` is what the user wrote, for messages and for the databases that it names.
        """
        connection = self._connected()
        outside = not connection.in_transaction
        if outside:
            self._attach(connection, self._others(found))
        with self._explaining(connection, sql, found):
            if outside:
                connection.execute("begin")
            cursor = connection.execute(sql)
            rows = cursor.fetchall()
            if outside:
                connection.execute("commit")
        columns = tuple(each[0] for each in cursor.description or ())
        if outside:
            self._keep(connection, changed=not asks)
        return Ran(columns, rows, max(cursor.rowcount, 0), cursor.lastrowid or 0)

    @contextmanager
    def _explaining(self, connection: sqlite3.Connection, sql: str, found: list[Token]) -> Iterator[None]:
        """Say in MySQL's words what goes wrong, and undo what was half done."""
        outside = not connection.in_transaction
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            wrong = explained(Broken(connection, self.database, found, sql, self.facts.version), error)
            if outside:
                if connection.in_transaction:
                    connection.execute("rollback")
                self._detach(connection)
            raise wrong from None

    def _keep(self, connection: sqlite3.Connection, *, changed: bool) -> None:
        """Store what has changed."""
        for schema, before in list(self._known.items()) if changed else []:
            if schema == "main" and not self.database:
                continue
            data = dumped(connection, schema)
            if data != before:
                self.facts.data.write(self.database if schema == "main" else schema, data)
                self._known[schema] = data
        self._detach(connection)

    def sql(self, found: list[Token]) -> str:
        """A query, or a statement that changes rows, as SQLite takes it."""
        return statement(self.located(found))

    def located(self, found: list[Token]) -> list[Token]:
        """The tokens with the present database under the name that it has in the connection."""
        words = [token for token in found if token.kind != "space"]
        present = {token.start for token, dot in pairwise(words) if dot.raw == "." and self._is_present(token)}
        return [Token("name", "main", "main", each.start) if each.start in present else each for each in found]

    def _is_present(self, token: Token) -> bool:
        return token.text == self.database and token.kind in ("word", "name")

    def target(self, name: tuple[str, str]) -> str:
        """A table as SQLite takes it. Raises `SqlError` if its database is not there, or none is in use."""
        database, table = name
        if database and database != self.database and not self.facts.data.exists(database):
            raise SqlError(1049, "42000", f"Unknown database '{database}'")
        if not database and not self.database:
            raise SqlError(1046, "3D000", "No database selected")
        return f"{'main' if database in ('', self.database) else quoted(database)}.{quoted(table)}"

    def full_name(self, name: tuple[str, str]) -> str:
        """A table with its database, as messages name it."""
        return f"{name[0] or self.database}.{name[1]}"

    def exists(self, name: tuple[str, str], found: list[Token]) -> bool:
        """Whether there is a table or view."""
        schema = self.target(name).partition(".")[0]
        kinds = "type in ('table', 'view')"
        query = f"select 1 from {schema}.sqlite_master where {kinds} and name = {text(name[1])} collate nocase"
        return bool(self.run(query, found, asks=True).rows)

    # -- databases and transactions -----------------------------------------------------------------------------------
    def use(self, database: str) -> None:
        """Change the present database. Raises `SqlError` if there is none."""
        self.commit()
        if database != self.database:
            if not self.facts.data.exists(database):
                raise SqlError(1049, "42000", f"Unknown database '{database}'")
            self.close()
            self.database = database

    def leave(self) -> None:
        """The present database is gone."""
        self.close()
        self.database = ""

    def check_references(self, on: bool) -> None:
        """Whether foreign keys are looked at."""
        self.commit()
        self._references = on
        self.close()

    def begin(self) -> None:
        """Open a transaction, with the other databases at hand."""
        self.commit()
        connection = self._connected()
        others = [name for name in self.facts.data.databases() if name != self.database]
        self._attach(connection, others[:ATTACHED_MOST])
        connection.execute("begin")

    def commit(self) -> None:
        """Make what the open transaction did count."""
        connection = self._connection
        if connection is not None and connection.in_transaction:
            with self._explaining(connection, "commit", []):
                connection.execute("commit")
            self._keep(connection, changed=True)

    def rollback(self) -> None:
        """Undo what the open transaction did."""
        connection = self._connection
        if connection is not None and connection.in_transaction:
            connection.execute("rollback")
            self._detach(connection)


def qualifiers(found: list[Token]) -> list[str]:
    """The names before dots."""
    words = [token for token in found if token.kind != "space"]
    return [token.text for token, dot in pairwise(words) if dot.raw == "." and token.kind in ("word", "name")]
