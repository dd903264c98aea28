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
from typing import Any, NamedTuple

from volsim.errors import FileError
from volsim.programs.database import translate
from volsim.programs.database.catalog import CATALOG, fill
from volsim.programs.database.complaints import Broken, explained
from volsim.programs.database.errors import SqlError, from_file_error, syntax_error
from volsim.programs.database.functions import install
from volsim.programs.database.lexer import Token, tokens
from volsim.programs.database.storage import DataDirectory, dumped, load, opened
from volsim.programs.database.translate import quoted, words

__all__ = ["Facts", "Result", "Session"]

STEPS_MOST = 20_000_000  # instructions of SQLite for one statement: a second or two, then it is stopped
ATTACHED_MOST = 9  # databases besides the present one that a statement can speak of: SQLite attaches ten


_FOREIGN = frozenset(
    {"date", "datetime", "julianday", "load_extension", "random", "randomblob", "strftime", "time", "unixepoch"}
)  # fmt: skip
"""Functions of SQLite that MySQL does not have and that ask the machine for its time, for chance, or for files."""


def _allowed(action: int, _: str | None, function: str | None, *where: str | None) -> int:
    """What statements may do: all but call functions that do not belong to the simulation."""
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_FUNCTION and function in _FOREIGN else sqlite3.SQLITE_OK


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


class Session:
    """One connection of a user to the server."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.database = ""
        self.warnings: list[tuple[str, int, str]] = []
        self._connection: sqlite3.Connection | None = None
        self._known: dict[str, bytes] = {}
        """By schema of the connection: the bytes that are stored."""
        self._attached: list[str] = []
        """Other databases that are at hand."""
        self._last_id = 0
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
        told: dict[str, Callable[[], Any]] = {
            "version": lambda: facts.version, "database": lambda: self.database or None,
            "schema": lambda: self.database or None, "user": lambda: f"{facts.user}@localhost",
            "current_user": lambda: f"{facts.user}@localhost", "session_user": lambda: f"{facts.user}@localhost",
            "connection_id": lambda: 2, "last_insert_id": lambda: self._last_id, "found_rows": lambda: 0,
        }  # fmt: skip
        install(connection, facts.now_us, told)
        connection.execute(f"pragma foreign_keys = {'on' if self._references else 'off'}")
        connection.execute("pragma legacy_alter_table = on")  # a view of a table that is gone is no reason to refuse
        connection.set_progress_handler(lambda: 1, STEPS_MOST)
        connection.set_authorizer(_allowed)

    def _attach(self, connection: sqlite3.Connection, names: list[str]) -> None:
        """Have the tables of other databases at hand."""
        for name in names:
            if name == CATALOG:
                fill(connection, self.facts.data)
                self._attached.append(name)
            elif name not in self._known:
                data = self.facts.data.read(name)
                connection.execute(f"attach ':memory:' as {quoted(name)}")
                self._attached.append(name)
                if data:
                    load(connection, name, data)
                self._known[name] = data

    def _detach(self, connection: sqlite3.Connection) -> None:
        for name in self._attached:
            connection.execute(f"detach {quoted(name)}")
            self._known.pop(name, None)
        self._attached = []

    def _others(self, shown: list[Token]) -> list[str]:
        """The other databases that a statement names: ``name.table``."""
        found: dict[str, None] = {}
        for token, dot in zip(shown, shown[1:], strict=False):
            if dot.raw == "." and token.kind in ("word", "name") and token.text != self.database:
                name = token.text.lower() if token.text.lower() == CATALOG else token.text
                if name not in found and (name == CATALOG or self.facts.data.exists(name)):
                    found[name] = None
        return list(found)[:ATTACHED_MOST]

    # -- running ------------------------------------------------------------------------------------------------------
    def run(self, sql: str, found: list[Token]) -> tuple[tuple[str, ...], list[tuple[Any, ...]], int, int]:
        """Run SQLite's SQL; the columns, the rows, how many it changed, and the number given to the last row.

        `found` is what the user wrote, for messages and for the databases that it names.
        """
        connection, shown = self._connected(), words(found)
        if not connection.in_transaction:
            self._attach(connection, self._others(shown))
        with self._explaining(connection, sql, found):
            outside = not connection.in_transaction
            if outside:
                connection.execute("begin")
            cursor = connection.execute(sql)
            rows = cursor.fetchall()
            if outside:
                connection.execute("commit")
        columns = tuple(each[0] for each in cursor.description or ())
        if outside:
            self._keep(connection, changed=not shown[0].is_word("select", "with", "values", "show"))
        return columns, rows, max(cursor.rowcount, 0), cursor.lastrowid or 0

    @contextmanager
    def _explaining(self, connection: sqlite3.Connection, sql: str, found: list[Token]) -> Iterator[None]:
        """Say in MySQL's words what goes wrong, and undo what was half done."""
        outside = not connection.in_transaction
        try:
            yield
        except (sqlite3.Error, OverflowError) as error:
            original = "".join(token.raw for token in found)
            broken = Broken(connection, self.database, original, words(found), sql, self.facts.version)
            wrong = (
                explained(broken, error) if isinstance(error, sqlite3.Error) else SqlError(1690, "22003", str(error))
            )
            connection.execute("drop table if exists temp.volsim_copy")
            if outside:
                if connection.in_transaction:
                    connection.execute("rollback")
                self._detach(connection)
            raise wrong from None

    def _keep(self, connection: sqlite3.Connection, *, changed: bool) -> None:
        """Store what has changed. What cannot be stored is forgotten: the statement has failed."""
        try:
            for schema, before in list(self._known.items()) if changed else []:
                if schema == "main" and not self.database:
                    continue
                data = dumped(connection, schema)
                if data != before:
                    self.facts.data.write(self.database if schema == "main" else schema, data)
                    self._known[schema] = data
        except FileError:
            self.close()
            raise
        self._detach(connection)

    def sql(self, found: list[Token]) -> str:
        """The statement as SQLite takes it: its present database is called `main` there."""
        return translate.statement(self.located(found))

    def located(self, found: list[Token]) -> list[Token]:
        """The tokens with the present database under the name that it has in the connection."""
        shown = words(found)
        present = {
            token.start
            for token, dot in zip(shown, shown[1:], strict=False)
            if dot.raw == "." and token.text == self.database and token.kind in ("word", "name")
        }
        return [Token("name", "main", "main", token.start) if token.start in present else token for token in found]

    # -- statements ---------------------------------------------------------------------------------------------------
    def execute(self, sql: str) -> Result:
        """Do one statement. Raises `SqlError`."""
        from volsim.programs.database.statements import STATEMENTS

        sql = sql.strip()
        found = tokens(sql)
        while found and found[0].kind == "space":
            found.pop(0)
        if not found:
            raise SqlError(1065, "42000", "Query was empty")
        do = STATEMENTS.get(found[0].text.lower()) if found[0].kind in ("word", "sign") else None
        if do is None:
            raise syntax_error(sql)
        if not found[0].is_word("show"):
            self.warnings = []
        try:
            return do(self, found)
        except FileError as error:
            raise from_file_error(error, _table_of(words(found))) from None

    def remember_id(self, number: int) -> None:
        """Note the number that an ``AUTO_INCREMENT`` column got."""
        self._last_id = number

    def check_references(self, on: bool) -> None:
        """Whether foreign keys are looked at."""
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

    def use(self, database: str) -> None:
        """Change the present database. Raises `SqlError` if there is none."""
        self.commit()
        if database != self.database:
            if not self.facts.data.exists(database):
                raise SqlError(1049, "42000", f"Unknown database '{database}'")
            self.close()
            self.database = database


def _table_of(shown: list[Token]) -> str:
    """The table that a statement speaks of, for an error about files."""
    for at, token in enumerate(shown[:-1]):
        if token.is_word("into", "update", "from", "table", "database"):
            qualified = at + 3 < len(shown) and shown[at + 2].raw == "."
            return shown[at + 3 if qualified else at + 1].text
    return shown[-1].text
