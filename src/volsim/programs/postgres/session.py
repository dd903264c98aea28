"""What a PostgreSQL server does with one statement.

A session holds the tables of its database in memory while it works, and stores them after every statement that changed
them and is not in a transaction: a row that was acknowledged is in the volume.

Modelled: databases, tables, indexes, views, transactions and how they fail, roles with their passwords.
Not modelled: privileges (who can log in can do everything), locks between sessions, schemas, functions and triggers,
`COPY`, `EXPLAIN`, booleans as results of comparisons that have a name.
Source: PostgreSQL documentation, VI.I (SQL commands).
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

from volsim.errors import FileError
from volsim.programs.database.storage import DataDirectory, bound, dumped, opened
from volsim.programs.files import noise
from volsim.programs.postgres.complaints import explained
from volsim.programs.postgres.errors import PostgresError, from_file_error
from volsim.programs.postgres.sql import Token, commas, group_of, quoted, spaced, tokens, translated
from volsim.programs.postgres.tables import definition
from volsim.programs.tools.clock import moment, rendered

__all__ = ["Cluster", "Result", "Session", "password_hash"]

_CATALOG = "global"  # the directory of what all databases share
_FIRST_OID = 16384  # the first number of what is not the server's own
_OWN = {1: "template1", 4: "template0", 5: "postgres"}


class Result(NamedTuple):
    """What a statement gave: rows, or what was done."""

    tag: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    notice: str = ""


class _Ran(NamedTuple):
    """What SQLite made of a statement."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    affected: int
    """How many rows it changed."""


def password_hash(role: str, password: str) -> str:
    """A password as the server stores it (``md5``).

    >>> password_hash("postgres", "secret")[:8]
    'md553f48'
    """
    return "md5" + hashlib.md5(f"{password}{role}".encode(), usedforsecurity=False).hexdigest()


class Cluster:
    """All databases and roles in a data directory."""

    def __init__(self, data: DataDirectory) -> None:
        self.data = data

    def make(self) -> None:
        """Make what every data directory has."""
        self.data.create(_CATALOG)
        self.data.create("base")
        connection = opened(b"")
        connection.execute("create table pg_database (oid integer primary key, datname text unique, owner text)")
        connection.execute("create table pg_authid (rolname text primary key, rolpassword text)")
        for oid, name in _OWN.items():
            connection.execute("insert into pg_database values (?, ?, 'postgres')", (oid, name))
            self.data.create(f"base/{oid}")
        self._store(connection)

    def _store(self, connection: sqlite3.Connection) -> None:
        self.data.write(_CATALOG, dumped(connection))
        connection.close()

    def ask(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Rows of the catalogue."""
        connection = opened(self.data.read(_CATALOG))
        rows = connection.execute(query, values).fetchall()
        connection.close()
        return rows

    def change(self, query: str, *values: str) -> None:
        """Change the catalogue."""
        connection = opened(self.data.read(_CATALOG))
        connection.execute(query, values)
        self._store(connection)

    def databases(self) -> list[tuple[str, str]]:
        """The names of all databases with their owners, sorted."""
        return [(name, owner) for name, owner in self.ask("select datname, owner from pg_database order by datname")]

    def directory(self, database: str) -> str | None:
        """The directory of a database below the data directory; None if there is no such database."""
        found = self.ask("select oid from pg_database where datname = ?", database)
        return f"base/{found[0][0]}" if found else None

    def roles(self) -> dict[str, str]:
        """The roles and their passwords, as they are stored."""
        return dict(self.ask("select rolname, coalesce(rolpassword, '') from pg_authid order by rolname"))

    def create_database(self, name: str, owner: str) -> None:
        """Make an empty database. Raises `PostgresError` if it is there."""
        if self.directory(name) is not None:
            raise PostgresError(f'database "{name}" already exists')
        oid = max(_FIRST_OID, *(row[0] + 1 for row in self.ask("select oid from pg_database")))
        self.data.create(f"base/{oid}")
        self.change("insert into pg_database values (?, ?, ?)", str(oid), name, owner)

    def drop_database(self, name: str) -> None:
        """Remove a database with all in it."""
        directory = self.directory(name)
        assert directory is not None, "whoever drops it has found it"
        self.data.drop(directory)
        self.change("delete from pg_database where datname = ?", name)

    def set_role(self, name: str, password: str | None) -> None:
        """Make a role, or give it another password."""
        stored = password_hash(name, password) if password else ""
        self.change("insert or replace into pg_authid values (?, ?)", name, stored)


class Session:
    """One connection of a role to a database."""

    def __init__(self, cluster: Cluster, database: str, user: str, version: str, now_us: int) -> None:
        self.cluster, self.database, self.user, self.version, self._now_us = cluster, database, user, version, now_us
        directory = cluster.directory(database)
        assert directory is not None, "whoever connects has looked for it"
        self.directory = directory
        self._connection: sqlite3.Connection | None = None
        self._known = b""
        self.failed = False
        """A statement of the open transaction has failed: nothing but its end is taken."""

    # -- the connection -----------------------------------------------------------------------------------------------
    def close(self) -> None:
        """End the connection; a transaction that was not committed is lost."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self.failed = None, False

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection is not None and self._connection.in_transaction

    def connected(self) -> sqlite3.Connection:
        """The tables of the database. They are read again if somebody else has changed the file."""
        if self._connection is not None and self._connection.in_transaction:
            return self._connection
        data = self.cluster.data.read(self.directory)
        if self._connection is None or self._known != data:
            self.close()
            self._connection, self._known = opened(data), data
            self._prepare(self._connection)
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        now = moment(self._now_us)
        drawn = [0]

        def chance() -> float:
            drawn[0] += 1
            return int.from_bytes(noise(f"random/{self._now_us}/{drawn[0]}", 6)) / 2**48

        def matches(pattern: str, value: str) -> bool:
            wanted = re.escape(str(pattern)).replace("%", ".*").replace("_", ".")
            return re.fullmatch(wanted, str(value), re.IGNORECASE | re.DOTALL) is not None

        facts: dict[str, tuple[int, Callable[..., Any]]] = {
            "now": (0, lambda: rendered(now, "%F %T+00")), "curdate": (0, lambda: rendered(now, "%F")),
            "version": (0, lambda: f"PostgreSQL {self.version} on x86_64-pc-linux-gnu, 64-bit"),
            "localtimestamp": (0, lambda: rendered(now, "%F %T")), "pg_is_in_recovery": (0, lambda: "f"),
            "current_database": (0, lambda: self.database), "current_user": (0, lambda: self.user),
            "pg_random": (0, chance), "match": (2, matches),
            "regexp": (2, lambda pattern, value: re.search(str(pattern), str(value)) is not None),
            "md5": (1, lambda value: hashlib.md5(str(value).encode(), usedforsecurity=False).hexdigest()),
            "repeat": (2, lambda value, count: str(value) * max(min(count, 1_000_000), 0)),
            "concat": (-1, lambda *values: "".join(str(value) for value in values if value is not None)),
        }  # fmt: skip
        for name, (count, function) in facts.items():
            connection.create_function(name, count, function)
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma case_sensitive_like = on")
        bound(connection)

    def _store(self) -> None:
        """Store what has changed."""
        assert self._connection is not None, "something was run"
        data = dumped(self._connection)
        if data != self._known:
            self.cluster.data.write(self.directory, data)
            self._known = data

    # -- statements ---------------------------------------------------------------------------------------------------
    def execute(self, sql: str) -> Result:
        """Do one statement. Raises `PostgresError`."""
        found = [token for token in tokens(sql) if token.kind != "space"]
        verb = found[0].text if found else ""
        if self.failed and verb not in ("commit", "rollback", "end", "abort"):
            raise PostgresError("current transaction is aborted, commands ignored until end of transaction block")
        do = _STATEMENTS.get(verb, Session._other)
        try:
            return do(self, found, sql)
        except FileError as error:
            self.close()  # what could not be stored has not happened
            raise from_file_error(error, self.directory) from None
        except PostgresError:
            self.failed = self.in_transaction
            raise
        except IndexError:  # it ends where more words must follow
            self.failed = self.in_transaction
            raise PostgresError("syntax error at end of input") from None

    def _other(self, found: list[Token], sql: str) -> Result:
        raise PostgresError(f'syntax error at or near "{found[0].raw}"', near=found[0].raw)

    def run(self, sql: str, *, changes: bool = True) -> _Ran:
        """Run SQLite's SQL, and store what it changed. Raises `PostgresError`."""
        connection = self.connected()
        try:
            cursor = connection.execute(sql)
            rows = tuple(cursor.fetchall())
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            raise explained(connection, sql, error) from None
        if changes and not connection.in_transaction:
            self._store()
        names = [each[0] for each in cursor.description or ()]
        rows = _with_booleans(names, rows)
        return _Ran(tuple(map(_title, names)), rows, max(cursor.rowcount, 0))

    # -- rows ---------------------------------------------------------------------------------------------------------
    def _query(self, found: list[Token], sql: str) -> Result:
        if any(token.text in _VIEWS for token in found):
            self._show_catalogue()
        ran = self.run(translated(tokens(sql)), changes=False)
        return Result(f"SELECT {len(ran.rows)}", ran.columns, ran.rows)

    def _show_catalogue(self) -> None:
        """Make tables of the catalogue that queries can ask; they are of the session alone."""
        connection = self.connected()
        shown: dict[str, tuple[str, list[tuple[str, ...]]]] = {
            "pg_database": ("datname", [(name,) for name, _ in self.cluster.databases()]),
            "pg_roles": ("rolname", [(name,) for name in self.cluster.roles()]),
            "pg_tables": (
                "schemaname, tablename, tableowner",
                [("public", name, self.user) for name in self.tables()],
            ),
        }
        for name, (columns, rows) in shown.items():
            connection.execute(f"drop table if exists temp.{name}")
            connection.execute(f"create temp table {name} ({columns})")
            connection.executemany(f"insert into {name} values ({', '.join('?' * len(columns.split(',')))})", rows)

    def tables(self) -> list[str]:
        """The names of all tables, sorted."""
        query = "select name from main.sqlite_master where type = 'table' and name not like 'sqlite_%' order by name"
        return [row[0] for row in self.connected().execute(query)]

    def _change(self, found: list[Token], sql: str) -> Result:
        written = tokens(sql)
        ran = self.run(translated(self._with_columns(written) if found[0].is_word("insert") else written))
        verb = found[0].text.upper()
        return Result(f"{verb}{' 0' if verb == 'INSERT' else ''} {ran.affected}", ran.columns, ran.rows)

    def _with_columns(self, written: list[Token]) -> list[Token]:
        """An ``INSERT`` of fewer values than there are columns, with the names of those that it means: the first."""
        at = next((at for at, token in enumerate(written) if token.is_word("values")), None)
        head = [token for token in written[:at] if token.kind != "space"]
        if at is None or any(token.raw == "(" for token in head):
            return written
        table = head[-1].text
        columns = [row[1] for row in self.connected().execute(f"pragma table_info({quoted(table)})")]
        count = len(commas(group_of(written[at + 1 :])))
        if not 0 < count < len(columns):
            return written
        names = ", ".join(map(quoted, columns[:count]))
        return [*written[:at], *tokens(f"({names}) "), *written[at:]]

    def _table(self, found: list[Token], sql: str) -> Result:
        """``TABLE t``: all that is in it."""
        return self._query(found, f"select * from {translated(spaced(found[1:]))}")

    def _explain(self, found: list[Token], sql: str) -> Result:
        raise PostgresError("not modelled: EXPLAIN")

    def _truncate(self, found: list[Token], sql: str) -> Result:
        names = found[2:] if found[1].is_word("table") else found[1:]
        for part in commas([token for token in names if not token.is_word("cascade", "restart", "identity")]):
            self.run(f"delete from {translated(part)}")
        return Result("TRUNCATE TABLE")

    # -- transactions -------------------------------------------------------------------------------------------------
    def _begin(self, found: list[Token], sql: str) -> Result:
        if self.in_transaction:
            return Result("BEGIN", notice="WARNING:  there is already a transaction in progress")
        self.connected().execute("begin")
        return Result("BEGIN")

    def _end(self, found: list[Token], sql: str) -> Result:
        if not self.in_transaction:
            tag = "COMMIT" if found[0].text != "rollback" else "ROLLBACK"
            return Result(tag, notice="WARNING:  there is no transaction in progress")
        if self.failed or found[0].is_word("rollback", "abort"):
            self.connected().execute("rollback")
            self.failed = False
            return Result("ROLLBACK")
        self.run("commit")
        return Result("COMMIT")

    # -- definitions --------------------------------------------------------------------------------------------------
    def _create(self, found: list[Token], sql: str) -> Result:
        rest = found[1:]
        while rest and rest[0].is_word("temp", "temporary", "unlogged", "unique", "or", "replace"):
            rest = rest[1:]
        kind = rest[0].text if rest else ""
        lenient = len(rest) > 4 and [token.text for token in rest[1:4]] == ["if", "not", "exists"]
        rest = rest[4:] if lenient else rest[1:]
        match kind:
            case "database":
                self._outside("CREATE DATABASE")
                self.cluster.create_database(rest[0].text, rest[-1].text if len(rest) > 1 else self.user)
                return Result("CREATE DATABASE")
            case "user" | "role":
                return self._create_role(rest)
            case "table":
                return self._create_table(rest, lenient=lenient)
            case "view":
                if found[1].is_word("or"):
                    self.run(f"drop view if exists {quoted(rest[0].text)}")
                self.run(translated(tokens(re.sub(r"(?i)\bor\s+replace\b", "", sql))))
                return Result("CREATE VIEW")
            case "index":
                self.run(translated([token for token in tokens(sql) if not token.is_word("concurrently")]))
                return Result("CREATE INDEX")
            case "extension":
                return Result("CREATE EXTENSION")
        raise PostgresError(f"not modelled: CREATE {kind.upper()}")

    def _outside(self, what: str) -> None:
        if self.in_transaction:
            raise PostgresError(f"{what} cannot run inside a transaction block")

    def _create_table(self, rest: list[Token], *, lenient: bool) -> Result:
        rest = rest[2:] if len(rest) > 2 and rest[0].is_word("public") and rest[1].raw == "." else rest
        name = rest[0].text
        if lenient and name in self.tables():
            return Result("CREATE TABLE", notice=f'NOTICE:  relation "{name}" already exists, skipping')
        if len(rest) > 1 and rest[1].is_word("as"):
            self.run(f"create table {quoted(name)} as {translated(spaced(rest[2:]))}")
            return Result(f"SELECT {self.connected().execute(f'select count(*) from {quoted(name)}').fetchone()[0]}")
        if len(rest) < 3 or rest[1].raw != "(":
            raise PostgresError("syntax error at end of input")
        closing = max((at for at, token in enumerate(rest) if token.raw == ")"), default=len(rest))
        self.run(f"create table {quoted(name)} {definition(rest[2:closing])}")
        return Result("CREATE TABLE")

    def _create_role(self, rest: list[Token]) -> Result:
        name = rest[0].text
        if name in self.cluster.roles():
            raise PostgresError(f'role "{name}" already exists')
        self.cluster.set_role(name, _password(rest))
        return Result("CREATE ROLE")

    def _alter(self, found: list[Token], sql: str) -> Result:
        kind = found[1].text if len(found) > 1 else ""
        if kind in ("user", "role"):
            name = found[2].text
            if name not in self.cluster.roles():
                raise PostgresError(f'role "{name}" does not exist')
            if _password(found) is not None:
                self.cluster.set_role(name, _password(found))
            return Result("ALTER ROLE")
        if kind == "table" and not any(token.is_word("owner", "enable") for token in found):
            self.run(translated(tokens(sql)))
        return Result(f"ALTER {kind.upper()}")

    def _drop(self, found: list[Token], sql: str) -> Result:
        kind = found[1].text if len(found) > 1 else ""
        lenient = len(found) > 3 and found[2].is_word("if")
        names = [
            part[-1].text
            for part in commas(
                [each for each in found[4 if lenient else 2 :] if not each.is_word("cascade", "restrict")]
            )
        ]
        known = {"database": [name for name, _ in self.cluster.databases()], "role": list(self.cluster.roles())}
        known["user"], known["table"] = known["role"], self.tables()
        for name in names:
            if kind in known and name not in known[kind]:
                word = {"user": "role"}.get(kind, kind)
                if not lenient:
                    raise PostgresError(f'{word} "{name}" does not exist')
                return Result(f"DROP {kind.upper()}", notice=f'NOTICE:  {word} "{name}" does not exist, skipping')
            self._drop_one(kind, name, lenient=lenient)
        return Result(f"DROP {'ROLE' if kind == 'user' else kind.upper()}")

    def _drop_one(self, kind: str, name: str, *, lenient: bool) -> None:
        match kind:
            case "database":
                self._outside("DROP DATABASE")
                if name == self.database:
                    raise PostgresError("cannot drop the currently open database")
                self.cluster.drop_database(name)
            case "user" | "role":
                self.cluster.change("delete from pg_authid where rolname = ?", name)
            case "table" | "view" | "index":
                self.run(f"drop {kind} {'if exists ' * lenient}{quoted(name)}")

    # -- the rest -----------------------------------------------------------------------------------------------------
    def _show(self, found: list[Token], sql: str) -> Result:
        name = found[1].text if len(found) > 1 else ""
        known = {
            "data_directory": self.cluster.data.path, "server_version": self.version, "port": "5432",
            "max_connections": "100", "wal_level": "replica", "fsync": "on", "timezone": "Etc/UTC",
        }  # fmt: skip
        if name not in known:
            raise PostgresError(f'unrecognized configuration parameter "{name}"')
        return Result("SHOW", (name,), ((known[name],),))

    def _nothing(self, found: list[Token], sql: str) -> Result:
        """A statement that changes nothing that is modelled."""
        return Result(found[0].text.upper())


_VIEWS = frozenset({"pg_database", "pg_roles", "pg_tables"})
_Do = Callable[[Session, list[Token], str], Result]
_STATEMENTS: dict[str, _Do] = {
    "select": Session._query, "table": Session._table, "explain": Session._explain, "with": Session._query,
    "values": Session._query, "(": Session._query,
    "insert": Session._change, "update": Session._change, "delete": Session._change, "truncate": Session._truncate,
    "begin": Session._begin, "start": Session._begin, "commit": Session._end, "end": Session._end,
    "rollback": Session._end, "abort": Session._end, "create": Session._create, "alter": Session._alter,
    "drop": Session._drop, "show": Session._show, "set": Session._nothing, "grant": Session._nothing,
    "revoke": Session._nothing, "vacuum": Session._nothing, "analyze": Session._nothing,
    "checkpoint": Session._nothing, "comment": Session._nothing, "reset": Session._nothing, "lock": Session._nothing,
}  # fmt: skip
"""What each statement does, by its first word."""


def _title(expression: str) -> str:
    """The title of a column: its name, the function that is called, or none."""
    if re.fullmatch(r"\w+", expression) and not expression[0].isdigit():
        return expression
    called = re.match(r"([a-z_]\w*)\(", expression)
    if called is None:
        return "?column?"
    return {"curdate": "current_date", "pg_random": "random"}.get(called[1], called[1])


_TRUTH = re.compile(r"exists\s*\(.*\)|[^'(]*(?:[=<>]|\b(?:is|like|in|between|match|regexp)\b)[^(]*", re.DOTALL)


def _with_booleans(names: list[str], rows: tuple[tuple[Any, ...], ...]) -> tuple[tuple[Any, ...], ...]:
    """The rows with ``t`` and ``f`` in columns that have no name and are comparisons."""
    truths = {at for at, name in enumerate(names) if _TRUTH.fullmatch(name)}
    if not truths:
        return rows
    shown = {0: "f", 1: "t"}
    return tuple(
        tuple(shown.get(value, value) if at in truths else value for at, value in enumerate(row)) for row in rows
    )


def _password(found: list[Token]) -> str | None:
    """The password that ``PASSWORD 'x'`` gives; None if there is none."""
    for at, token in enumerate(found[:-1]):
        if token.is_word("password") and found[at + 1].kind == "string":
            return found[at + 1].text
    return None
