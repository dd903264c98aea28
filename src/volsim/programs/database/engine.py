"""What a MySQL server does with one statement.

A session holds the tables of the present database in memory while it works, and stores them after every statement that
changed them and is not in a transaction: a row that was acknowledged is in the volume.

Modelled: databases, tables, keys and foreign keys, views, transactions, users with their passwords, the usual ``SHOW`` statements.
Not modelled: privileges (who can log in can do everything), locks between sessions, stored programs, triggers, user variables.
Source: MySQL reference manual, 13 (SQL statements) and B (error messages).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from volsim.errors import FileError
from volsim.programs.database import translate
from volsim.programs.database.errors import SqlError, from_file_error, syntax_error
from volsim.programs.database.functions import install
from volsim.programs.database.lexer import Token, tokens
from volsim.programs.database.storage import DataDirectory, dumped, load, opened
from volsim.programs.database.translate import near, name_at, quoted, words

__all__ = ["Result", "Server", "Session"]

STEPS_MOST = 20_000_000  # instructions of SQLite for one statement: a second or two, then it is stopped
_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")


class Server(NamedTuple):
    """What a session asks its server."""

    data: DataDirectory
    now_us: int
    version: str
    hostname: str


class Result(NamedTuple):
    """What a statement gave: rows, or a number of rows that it changed."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    affected: int = 0
    info: str = ""
    changed_database: bool = False


class Session:
    """One connection to the server, of a user."""

    def __init__(self, server: Server, user: str) -> None:
        self.server, self.user = server, user
        self.database = ""
        self._connection: sqlite3.Connection | None = None
        self._known = b""
        """The bytes that the connection was opened with."""
        self._warnings: list[tuple[str, int, str]] = []
        self._last_id = 0

    # -- the connection -----------------------------------------------------------------------------------------------
    def _tables(self) -> sqlite3.Connection:
        """The tables of the present database. They are read again if somebody else has changed the file."""
        connection = self._connection
        if connection is not None and connection.in_transaction:
            return connection
        data = self.server.data.read(self.database) if self.database else b""
        if connection is None or data != self._known:
            self.close()
            connection = self._connection = self._opened(data)
            self._known = data
        return connection

    def _opened(self, data: bytes) -> sqlite3.Connection:
        connection = opened(data)
        server = self.server
        facts = {
            "version": server.version, "database": self.database or None, "schema": self.database or None,
            "user": f"{self.user}@localhost", "current_user": f"{self.user}@localhost", "connection_id": 2,
            "found_rows": 0, "last_insert_id": self._last_id,
        }  # fmt: skip
        install(connection, server.now_us, facts)
        connection.execute("pragma foreign_keys = on")
        connection.set_progress_handler(lambda: 1, STEPS_MOST)
        return connection

    def close(self) -> None:
        """End the connection; a transaction that was not committed is lost."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    # -- statements ---------------------------------------------------------------------------------------------------
    def execute(self, sql: str) -> Result:
        """Do one statement. Raises `SqlError`."""
        found = tokens(sql.strip())
        shown = words(found)
        if not shown:
            raise SqlError(1065, "42000", "Query was empty")
        first = shown[0].text.lower()
        if first != "show":
            self._warnings = []
        do = _STATEMENTS.get(first) if shown[0].kind == "word" else None
        if first == "(" or shown[0].raw == "(":
            do = Session._query
        if do is None:
            raise syntax_error(sql.strip())
        try:
            return do(self, found, shown)
        except FileError as error:
            raise from_file_error(error, self._first_table(shown)) from None

    @staticmethod
    def _first_table(shown: list[Token]) -> str:
        """The table that a statement speaks of, for an error about files."""
        before = ("into", "update", "from", "table", "ignore")
        at = next((at for at, token in enumerate(shown[:-1]) if token.is_word(*before)), 0)
        return shown[-1 if at + 3 >= len(shown) else at + 1].text if shown[at + 2 : at + 3] != [] else shown[-1].text

    def _run(self, sql: str, shown: list[Token], *, original: str = "") -> sqlite3.Cursor:
        """Run SQLite's SQL on the present database, with the other databases that the statement names at hand."""
        connection = self._tables()
        others = self._attach(connection, shown)
        in_transaction = connection.in_transaction
        before = connection.total_changes
        try:
            if not in_transaction:
                connection.execute("begin")
            cursor = connection.execute(sql)
            cursor_rows = cursor.fetchall()
            if not in_transaction:
                connection.execute("commit")
        except sqlite3.Error as error:
            wrong = self._explained(connection, error, original or sql, shown)
            if not in_transaction and connection.in_transaction:
                connection.execute("rollback")
            self._detach(connection, others)
            raise wrong from None
        self._store(connection, others, changed=connection.total_changes != before or _defines(shown))
        return _Rows(cursor.description, cursor_rows, cursor.rowcount, cursor.lastrowid or 0)
