"""The client `psql`: reads statements, has the container's server do them, and prints what comes; and `pg_isready`.

Modelled: ``-U -d -h -c -f -t -A -F -x -q -l -v ON_ERROR_STOP=1``, ``\\d``, ``\\dt``, ``\\l``, ``\\du``, ``\\c``,
``\\x``, ``\\q``; a person's prompts.
Not modelled: servers in other containers, the other commands with a backslash, variables, pagers.
Source: PostgreSQL, src/bin/psql (startup.c, mainloop.c, common.c, describe.c), src/bin/scripts/pg_isready.c.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from volsim.errors import FileError
from volsim.programs.database.storage import DataDirectory
from volsim.programs.files import Files
from volsim.programs.postgres.errors import PostgresError
from volsim.programs.postgres.grid import aligned, expanded, unaligned
from volsim.programs.postgres.server import SOCKET, version_of
from volsim.programs.postgres.session import Cluster, Result, Session, password_hash
from volsim.programs.postgres.sql import Statement, statements
from volsim.programs.postgres.tables import described
from volsim.programs.process import Process, decode
from volsim.programs.tools.applet import Applet, UsageError

__all__ = ["PG_ISREADY", "PSQL"]

_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_VALUED = frozenset("UdhpcfvFPLon")
_LONG = {
    "username": "U", "dbname": "d", "host": "h", "port": "p", "command": "c", "file": "f", "set": "v", "variable": "v",
    "tuples-only": "t", "no-align": "A", "expanded": "x", "quiet": "q", "list": "l", "no-psqlrc": "X",
    "no-password": "w", "password": "W", "single-transaction": "1", "echo-all": "a",
    "version": "V", "field-separator": "F",
}  # fmt: skip
_META = re.compile(r"\s*(\\[a-z?+!]+)[ \t]*([^\n]*)(?:\n|$)")
_CONTROL = re.compile(r"(?:begin|start|commit|end|rollback|abort)\b", re.IGNORECASE)
_STOPPED = 3  # what a script that stops at its first error exits with


class _Refused(Exception):
    """There is no connection; the text says why."""


class _Options(NamedTuple):
    """What a command line says."""

    given: dict[str, list[str]]
    operands: list[str]

    def last(self, letter: str, otherwise: str) -> str:
        """The value that was given last."""
        return self.given[letter][-1] if letter in self.given else otherwise


def _options(process: Process) -> _Options:
    given: dict[str, list[str]] = {}
    operands: list[str] = []
    words = list(process.argv[1:])
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, sign, value = word[2:].partition("=")
            if name not in _LONG:
                raise UsageError(f"unrecognized option '--{name}'")
            letter = _LONG[name]
            value = value if sign or letter not in _VALUED else (words.pop(0) if words else "")
            given.setdefault(letter, []).append(value)
        elif word.startswith("-") and len(word) > 1:
            found = re.match(rf"-([^{''.join(sorted(_VALUED))}]*)(.?)(.*)", word, re.DOTALL)
            assert found is not None, "it matches anything that begins with a dash"
            for letter in found[1]:
                given.setdefault(letter, []).append("")
            if found[2]:
                given.setdefault(found[2], []).append(found[3] or (words.pop(0) if words else ""))
        else:
            operands.append(word)
    return _Options(given, operands)


# -- connecting --------------------------------------------------------------------------------------------------------
class _Address(NamedTuple):
    """Whom a client wants to be, and where."""

    user: str
    database: str
    host: str


def _address(process: Process, options: _Options) -> _Address:
    env = process.env
    user = options.last("U", env.get("PGUSER", "root"))
    names = [*options.given.get("d", []), *options.operands[:1], env.get("PGDATABASE", ""), user]
    database = next(name for name in names if name)
    address = re.fullmatch(r"postgres(?:ql)?://(?:([^:@/]+)(?::[^@/]*)?@)?([^:/?]*)(?::\d+)?/?([^?]*).*", database)
    if address is not None:
        user = address[1] or user
        return _Address(user, address[3] or user, address[2])
    return _Address(user, database, options.last("h", env.get("PGHOST", "")))


def _connect(process: Process, address: _Address) -> Session:
    """A session with the container's server. Raises `_Refused`."""
    files, host = Files(process), address.host
    local = host in _LOCAL or host.startswith("/")
    if not local and host != process.hostname:
        raise _Refused(f'could not translate host name "{host}" to address: Name or service not known')
    where = f'on socket "{SOCKET}"' if host in ("", "/var/run/postgresql") else f'at "{host}", port 5432'
    if not files.exists(SOCKET):
        why = "No such file or directory" if "socket" in where else "Connection refused"
        more = (
            "locally and accepting connections on that socket?"
            if "socket" in where
            else "on that host and accepting TCP/IP connections?"
        )
        raise _Refused(f"connection to server {where} failed: {why}\n\tIs the server running {more}")
    cluster = Cluster(DataDirectory(files, decode(files.read(SOCKET))))
    try:
        _check(cluster, address, process, local=local)
    except FileError as error:
        why = f'could not open file "global/pg_filenode.map": {error.strerror}'
        raise _Refused(f"connection to server {where} failed: FATAL:  {why}") from None
    except PostgresError as error:
        raise _Refused(f"connection to server {where} failed: FATAL:  {error.text}") from None
    return Session(cluster, address.database, address.user, version_of(process), process.now_us)


def _check(cluster: Cluster, address: _Address, process: Process, *, local: bool) -> None:
    """Raise `PostgresError` unless the server has the role and the database; only from afar it wants a password."""
    roles = cluster.roles()
    user = address.user
    trusted = local or process.env.get("POSTGRES_HOST_AUTH_METHOD") == "trust"
    if not trusted and roles.get(user) != password_hash(user, process.env.get("PGPASSWORD", "")):
        raise PostgresError(f'password authentication failed for user "{user}"')
    if user not in roles:
        raise PostgresError(f'role "{user}" does not exist')
    if cluster.directory(address.database) is None:
        raise PostgresError(f'database "{address.database}" does not exist')


# -- the client --------------------------------------------------------------------------------------------------------
class _Client:
    """One run of the client."""

    def __init__(self, process: Process, options: _Options, session: Session) -> None:
        self._process, self._options, self._session = process, options, session
        self._expanded = "x" in options.given
        self.interactive = process.tty and not {"c", "f", "l"} & set(options.given)
        settings = options.given.get("v", [])
        self._stops = any(value.startswith("ON_ERROR_STOP=") and value[-1] in "1n" for value in settings)
        self.ended, self.failed = False, False

    # -- printing -----------------------------------------------------------------------------------------------------
    def _table(
        self, columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...], heading: str = "", foot: str | None = None
    ) -> None:
        titles = "t" not in self._options.given
        if self._expanded:
            text = expanded(columns, rows)
        elif "A" in self._options.given:
            text = unaligned(columns, rows, titles=titles, separator=self._options.last("F", "|"))
        else:
            text = aligned(columns, rows, titles=titles, heading=heading, foot=foot)
        self._process.print(text, end="")

    def _show(self, result: Result) -> None:
        if result.notice:
            self._process.complain(result.notice)
        if result.columns:
            self._table(result.columns, result.rows)
        if not result.tag.startswith(("SELECT", "SHOW")) and not {"q"} & set(self._options.given):
            self._process.print(result.tag)

    # -- running ------------------------------------------------------------------------------------------------------
    def run(self, text: str, source: str = "") -> None:
        """Do all statements and commands of a text; `source` is what messages call it."""
        at, line = 0, 1
        while not self.ended and at < len(text):
            command = _META.match(text, at)
            if command is not None:
                self._command(command[1], command[2].strip())
                line, at = line + command[0].count("\n"), command.end()
                continue
            slash = re.search(r"^\s*\\[a-z]", text[at:], re.MULTILINE)
            end = len(text) if slash is None else at + slash.start()
            for statement in statements(text[at:end]):
                if not self.ended:
                    self._execute(statement, f"psql:{source}:{line + statement.line - 1}: " if source else "")
            line, at = line + text.count("\n", at, end), max(end, at + 1)

    def run_command(self, text: str) -> None:
        """Do what one ``-c`` gives: several statements are done all or none, up to the first that fails."""
        found = statements(text)
        whole = len(found) > 1 and not text.lstrip().startswith("\\")
        if not whole or any(_CONTROL.match(statement.text) for statement in found):
            self.run(text)
            return
        self._session.execute("begin")
        for statement in found:
            if not self.failed:
                self._execute(statement, "")
        self._session.execute("rollback" if self.failed else "commit")

    def _execute(self, statement: Statement, where: str) -> None:
        try:
            self._show(self._session.execute(statement.text))
        except PostgresError as error:
            self._process.complain(where + error.shown(statement.text))
            self.failed = True
            self.ended = self._stops and not self.interactive

    def converse(self, typed: str) -> None:
        """Do what a person has typed, line by line, each behind a prompt."""
        self._process.print(f'psql ({self._session.version})\nType "help" for help.\n')
        waiting = ""
        for line in typed.splitlines():
            self._process.print(f"{self._session.database}{self._sign(waiting)}# {line}")
            waiting += line + "\n"
            if line.startswith("\\") or line.rstrip().endswith(";"):
                self.run(waiting)
                waiting = ""
            if self.ended:
                return
        self._process.print(f"{self._session.database}{self._sign(waiting)}# \\q")

    def _sign(self, waiting: str) -> str:
        """What stands before the ``#`` of a prompt."""
        return "-" if waiting else "=*" if self._session.in_transaction else "="

    # -- its own commands ---------------------------------------------------------------------------------------------
    def _command(self, name: str, argument: str) -> None:
        match name:
            case "\\q":
                self.ended = True
            case "\\x":
                self._expanded = not self._expanded
                self._process.print(f"Expanded display is {'on' if self._expanded else 'off'}.")
            case "\\c" | "\\connect":
                self._change_database(argument)
            case "\\l" | "\\list":
                self.list_databases()
            case "\\du":
                rows = tuple(
                    (name, "Superuser" if name == self._session.user else "") for name in self._session.cluster.roles()
                )
                self._table(("Role name", "Attributes"), rows, "List of roles")
            case "\\dt" | "\\d" | "\\d+" | "\\dt+":
                self._describe(argument.rstrip(";").rpartition(".")[2])
            case _:
                self._process.complain(f"invalid command {name}\nTry \\? for help.")

    def _change_database(self, name: str) -> None:
        session = self._session
        if session.cluster.directory(name) is None:
            self._process.complain(
                f'connection to server on socket "{SOCKET}" failed: FATAL:  database "{name}" does not exist\n'
                "Previous connection kept"
            )
            return
        session.close()
        now = self._process.now_us
        self._session = Session(session.cluster, name, session.user, session.version, now)
        self._process.print(f'You are now connected to database "{name}" as user "{session.user}".')

    def list_databases(self) -> None:
        """The databases of the server."""
        rows = tuple(
            (name, owner, "UTF8", "en_US.utf8", "en_US.utf8") for name, owner in self._session.cluster.databases()
        )
        self._table(("Name", "Owner", "Encoding", "Collate", "Ctype"), rows, "List of databases")

    def _describe(self, table: str) -> None:
        names = self._session.tables()
        if table and table not in names:
            self._process.complain(f'Did not find any relation named "{table}".')
        elif table:
            columns, indexes = described(self._session.connected(), table)
            titles = ("Column", "Type", "Collation", "Nullable", "Default")
            foot = "\n".join(["Indexes:", *indexes]) if indexes else ""
            self._table(titles, tuple(columns), f'Table "public.{table}"', foot)
        elif not names:
            self._process.complain("Did not find any relations.")
        else:
            rows = tuple(("public", name, "table", self._session.user) for name in names)
            self._table(("Schema", "Name", "Type", "Owner"), rows, "List of relations")


def _psql(process: Process) -> int:
    options = _options(process)
    if "V" in options.given:
        process.print(f"psql (PostgreSQL) {version_of(process)}")
        return 0
    given = options.given
    typed = "" if {"c", "f", "l"} & set(given) else process.input().decode(errors="replace")
    try:
        session = _connect(process, _address(process, options))
    except _Refused as refused:
        process.complain(f"psql: error: {refused}")
        return 2
    client = _Client(process, options, session)
    if "l" in given:
        client.list_databases()
    for text in given.get("c", []):
        client.run_command(text)
        client.ended = client.ended or client.failed
    for name in given.get("f", []):
        client.run(Files(process).read(name).decode(errors="replace"), name)
    if client.interactive:
        client.converse(typed)
    else:
        client.run(typed, "<stdin>")
    session.close()
    if client.failed and "c" in given:
        return 1
    return _STOPPED if client.failed and client.ended and not client.interactive else 0


def _isready(process: Process) -> int:
    host = _address(process, _options(process)).host
    running = Files(process).exists(SOCKET) and (host in _LOCAL or host == process.hostname)
    process.print(f"{host or '/var/run/postgresql'}:5432 - {'accepting connections' if running else 'no response'}")
    return 0 if running else 2


PSQL = Applet(_psql)
"""The client."""
PG_ISREADY = Applet(_isready)
"""The tool that asks whether the server takes connections."""
