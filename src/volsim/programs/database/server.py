"""The server `mysqld`, as the entrypoint of the images `mysql`, `mariadb` and `percona` starts it.

Modelled: a data directory without a database `mysql` is initialised, with the users that the environment names and
with what lies in ``/docker-entrypoint-initdb.d``; one that holds something else is refused; the socket, by which a
client finds out that the server runs and where its data is; a clean end at TERM.
Not modelled: how long this takes, configuration files, replication, two servers on one directory.
Source: docker-library/mysql, docker-entrypoint.sh; MySQL reference manual, 2.9.1 (initializing the data directory).
"""

from __future__ import annotations

from posixpath import dirname
from typing import Any

from volsim.errors import FileError
from volsim.programs.database.accounts import make_table
from volsim.programs.database.engine import Facts, Session
from volsim.programs.database.errors import SqlError
from volsim.programs.database.lexer import literal, split, tokens
from volsim.programs.database.statements import execute
from volsim.programs.database.storage import DataDirectory
from volsim.programs.files import Files, noise
from volsim.programs.process import Pause, Process, Program
from volsim.programs.tools.clock import moment, rendered

__all__ = ["ENTRYPOINT", "MYSQLD", "SOCKET", "option", "version_of"]

SOCKET = "/var/run/mysqld/mysqld.sock"
_SCRIPTS = "/docker-entrypoint-initdb.d"
_DATA = "/var/lib/mysql"
_MARKS = ("ib_logfile0", "ib_logfile1", "ibdata1")  # InnoDB's own files
_TEMPORARY = "ibtmp1"  # made at every start: a directory that cannot be written is found out


class _Stopped(Exception):
    """The server cannot start; the text is its last word."""


def option(words: tuple[str, ...], name: str, otherwise: str = "") -> str:
    """The value of ``--name=value`` or ``--name value`` among some words.

    >>> option(("mysqld", "--datadir=/data"), "datadir")
    '/data'
    """
    for at, word in enumerate(words):
        if word == f"--{name}" and at + 1 < len(words):
            return words[at + 1]
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
    return otherwise


def version_of(process: Process) -> str:
    """The version of the container's server, which the image says."""
    return process.env.get("MYSQL_VERSION", "8.0.36")


class _Start:
    """One start of the server."""

    def __init__(self, process: Process, arguments: tuple[str, ...]) -> None:
        self._process, self._arguments = process, arguments
        self._files = Files(process)
        self.data = DataDirectory(self._files, option(arguments, "datadir", _DATA).rstrip("/"))
        self.version = version_of(process)
        self.facts = Facts(self.data, process.now_us, self.version, process.hostname)

    # -- messages -----------------------------------------------------------------------------------------------------
    def note(self, what: str) -> None:
        """A line of the entrypoint's in the log."""
        when = rendered(moment(self._process.now_us), "%F %T+00:00")
        self._process.complain(f"{when} [Note] [Entrypoint]: {what}")

    def log(self, level: str, what: str) -> None:
        """A line of the server's in the log."""
        when = rendered(moment(self._process.now_us), "%FT%T.000000Z")
        self._process.complain(f"{when} 0 [{level}] {what}")

    # -- initialising -------------------------------------------------------------------------------------------------
    def initialise(self) -> None:
        """What the entrypoint does before the server: make the data directory if it is empty. Raises `_Stopped`."""
        self.note(f"Entrypoint script for MySQL Server {self.version} started.")
        if self.data.has("mysql"):
            return
        password = self._root_password()
        ignored = {option(self._arguments, "ignore-db-dir")}
        left = [name for name in self.data.names() if not name.startswith(".") and name not in ignored]
        if left:
            self.log("ERROR", "--initialize specified but the data directory has files in it. Aborting.")
            raise _Stopped("Aborting")
        self.note("Initializing database files")
        self._make()
        self.note("Database files initialized")
        self._make_users(password)
        self._run_scripts()
        self.note("MySQL init process done. Ready for start up.")

    def _setting(self, name: str) -> str:
        """A variable of the environment; MariaDB has its own names, and a file may hold the value."""
        env = self._process.env
        for prefix in ("MYSQL_", "MARIADB_"):
            if env.get(prefix + name):
                return env[prefix + name]
            path = env.get(f"{prefix}{name}_FILE")
            if path:
                return self._files.read(path).decode(errors="replace").rstrip("\n")
        return ""

    def _root_password(self) -> str:
        password = self._setting("ROOT_PASSWORD")
        if password or self._setting("ALLOW_EMPTY_PASSWORD") or self._setting("ALLOW_EMPTY_ROOT_PASSWORD"):
            return password
        if self._setting("RANDOM_ROOT_PASSWORD"):
            return noise(f"{self._process.hostname}/password", 16).hex()
        when = rendered(moment(self._process.now_us), "%F %T+00:00")
        raise _Stopped(
            f"{when} [ERROR] [Entrypoint]: Database is uninitialized and password option is not specified\n"
            "    You need to specify one of the following as an environment variable:\n"
            "    - MYSQL_ROOT_PASSWORD\n    - MYSQL_ALLOW_EMPTY_PASSWORD\n    - MYSQL_RANDOM_ROOT_PASSWORD"
        )

    def _make(self) -> None:
        """Make the files and databases that every data directory has."""
        uuid = noise(f"{self._process.hostname}/uuid", 16).hex()
        shown = "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))
        self.data.mark("auto.cnf", f"[auto]\nserver-uuid={shown}\n".encode())
        for name in _MARKS:
            self.data.mark(name)
        for name in ("mysql", "performance_schema", "sys"):
            self.data.create(name)
        make_table(Session(self.facts))

    def _make_users(self, password: str) -> None:
        session = Session(self.facts)
        host = self._setting("ROOT_HOST") or "%"
        for each in sorted({"localhost", host}):
            execute(session, f"create user 'root'@{literal(each)} identified by {literal(password)}")
        if self._setting("RANDOM_ROOT_PASSWORD"):
            self.note(f"GENERATED ROOT PASSWORD: {password}")
        database, user = self._setting("DATABASE"), self._setting("USER")
        if database:
            self.note(f"Creating database {database}")
            execute(session, f"create database if not exists `{database}`")
        if user and self._setting("PASSWORD"):
            self.note(f"Creating user {user}")
            execute(session, f"create user {literal(user)}@'%' identified by {literal(self._setting('PASSWORD'))}")

    def _run_scripts(self) -> None:
        """Run the SQL that somebody has put beside the entrypoint."""
        names = self._files.listdir(_SCRIPTS) if self._files.kind(_SCRIPTS) == "directory" else []
        session = Session(self.facts)
        database = self._setting("DATABASE")
        if database:
            session.use(database)
        for name in names:
            path = f"{_SCRIPTS}/{name}"
            if not name.endswith(".sql"):
                self.note(f"ignoring {path}")
                continue
            self.note(f"running {path}")
            self._run_script(session, self._files.read(path).decode(errors="replace") + "\n;")

    @staticmethod
    def _run_script(session: Session, script: str) -> None:
        at = 0
        while (statement := split(script, at)) is not None:
            at = statement.stop
            if any(token.kind != "space" for token in tokens(statement.text)):
                try:
                    execute(session, statement.text)
                except SqlError as error:
                    raise _Stopped(error.shown(script.count("\n", 0, statement.start) + 1)) from None

    # -- serving ------------------------------------------------------------------------------------------------------
    def serve(self) -> None:
        """Open the data and the socket. Raises `_Stopped`."""
        if not self.data.has("mysql"):
            self.log("ERROR", "Fatal error: Can't open and lock privilege tables: Table 'mysql.user' doesn't exist")
            raise _Stopped("Aborting")
        self.data.read("mysql")
        self.data.mark(_TEMPORARY)
        directory = dirname(SOCKET)
        if not self._files.exists(directory):
            self._files.mkdir(directory)
        self._files.write(SOCKET, self.data.path.encode())
        self.log("Note", "mysqld: ready for connections.")
        self._process.complain(
            f"Version: '{self.facts.version}'  socket: '{SOCKET}'  port: 3306  MySQL Community Server (GPL)"
        )

    def stop(self) -> None:
        """Close the data. What cannot be written any more is left as it is."""
        self.log("Note", f"mysqld: Shutdown complete (mysqld {self.facts.version})")
        for path in (SOCKET, f"{self.data.path}/{_TEMPORARY}"):
            try:
                if self._files.exists(path):
                    self._files.remove(path)
            except FileError as error:
                self.log("ERROR", f"{path}: {error.strerror}")


class _Server:
    """`mysqld`, or the entrypoint that initialises the data first and becomes `mysqld`."""

    def __init__(self, *, entrypoint: bool) -> None:
        self._entrypoint = entrypoint

    def _other(self, process: Process) -> tuple[Process, Program] | None:
        """What the entrypoint runs if it is told to run something else than a server."""
        words = process.argv[1:]
        if not self._entrypoint or not words or words[0].startswith("-") or words[0].rpartition("/")[2] in _SERVERS:
            return None
        inner = process.like(words)
        program = inner.find(words[0], inner)
        return None if program is None else (inner, program)

    def start(self, process: Process) -> Pause:
        """Serve; exit code 1 if that cannot be."""
        other = self._other(process)
        if other is not None:
            return other[1].start(other[0])
        run = _Start(process, process.argv[1:])
        try:
            if self._entrypoint:
                run.initialise()
            run.serve()
        except _Stopped as stopped:
            process.complain(str(stopped))
            return Pause.exited(1)
        except SqlError as error:
            run.log("ERROR", error.text)
            return Pause.exited(1)
        except FileError as error:
            run.log(
                "ERROR",
                f"mysqld: Can't create/write to file '{error.filename}' (Errcode: {error.errno} - {error.strerror})",
            )
            return Pause.exited(1)
        return Pause.serving()

    def resume(self, memory: Any, process: Process) -> Pause:
        """A server goes on serving."""
        other = self._other(process)
        return Pause.serving() if other is None else other[1].resume(memory, other[0])

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        """TERM ends the server in order."""
        other = self._other(process)
        if other is not None:
            return other[1].signal(memory, other[0], name)
        if name not in ("TERM", "QUIT"):
            return None
        _Start(process, process.argv[1:]).stop()
        return Pause.exited(0)

    def __repr__(self) -> str:
        return "ENTRYPOINT" if self._entrypoint else "MYSQLD"


_SERVERS = frozenset({"mysqld", "mariadbd", "mysqld_safe"})

ENTRYPOINT = _Server(entrypoint=True)
"""``docker-entrypoint.sh``."""
MYSQLD = _Server(entrypoint=False)
"""The server alone, which does not initialise anything."""
