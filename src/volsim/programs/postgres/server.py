"""The server `postgres`, as the entrypoint of the image `postgres` starts it.

Each container has process numbers of its own, and the server is number 1 in all of them. So the lock file
``postmaster.pid`` always looks like one that this very server left behind: it keeps nobody from opening a data
directory that a server in another pod has open, as with the real image.

Modelled: a data directory without ``PG_VERSION`` is initialised, with the role, the database and the scripts that
the environment and ``/docker-entrypoint-initdb.d`` name; one that holds something else, or that another major version
made, is refused; the recovery after a server that was not shut down; the layout of 18 and newer; a clean end at TERM.
Not modelled: how long this takes, configuration files, permissions of the data directory, replication, what two
servers on one directory do to it but for each overwriting what the other wrote, that a server stops when its lock file
is removed.
Source: docker-library/postgres, docker-entrypoint.sh; PostgreSQL, src/bin/initdb/initdb.c, src/port/pgcheckdir.c,
src/backend/utils/init/miscinit.c, src/backend/access/transam/xlogrecovery.c.
"""

from __future__ import annotations

from posixpath import dirname, join
from typing import Any

from volsim.errors import FileError
from volsim.programs.database.storage import DataDirectory
from volsim.programs.files import Files, noise
from volsim.programs.postgres.errors import PostgresError
from volsim.programs.postgres.session import Cluster, Session
from volsim.programs.postgres.sql import statements
from volsim.programs.process import Pause, Process, Program
from volsim.programs.tools.clock import moment, rendered

__all__ = ["ENTRYPOINT", "POSTGRES", "SOCKET", "version_of"]

SOCKET = "/var/run/postgresql/.s.PGSQL.5432"
_SCRIPTS = "/docker-entrypoint-initdb.d"
_LOCK = "postmaster.pid"
_CONTROL = "global/pg_control"
_DIRECTORIES = ("pg_wal", "pg_xact", "pg_stat", "pg_tblspc", "pg_twophase")
_NO_PASSWORD = """\
Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".

       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
       connections without a password. This is *not* recommended.

       See PostgreSQL documentation about "trust":
       https://www.postgresql.org/docs/current/auth-trust.html"""
_OLD_DATA = """\
Error: in 18+, these Docker images are configured to store database data in a
       format which is compatible with "pg_ctlcluster" (specifically, using
       major-version-specific directory names).  This better reflects how
       PostgreSQL itself works, and how upgrades are to be performed.

       See also https://github.com/docker-library/postgres/pull/1259

       Counter to that, there appears to be PostgreSQL data in:
         {where}

       This is usually the result of upgrading the Docker image without
       upgrading the underlying database using "pg_upgrade" (which requires both
       versions).

       The suggested container configuration for 18+ is to place a single mount
       at /var/lib/postgresql which will then place PostgreSQL data in a
       subdirectory, allowing usage of "pg_upgrade --link" without mount point
       boundary issues.

       See https://github.com/docker-library/postgres/issues/37 for a (long)
       discussion around this process, and suggestions for how to do so."""
_MOUNT_POINT = "Using a mount point directly as the data directory is not recommended."


class _Stopped(Exception):
    """The server cannot start; the text is its last word."""


def version_of(process: Process) -> str:
    """The version of the container's server, which the image says."""
    return process.env.get("PG_VERSION", "17.2").partition("-")[0]


class _Start:
    """One start of the server."""

    def __init__(self, process: Process, arguments: tuple[str, ...]) -> None:
        self._process, self._files = process, Files(process)
        self.version = version_of(process)
        self.major = self.version.partition(".")[0]
        self.path = _directory(process, arguments)
        self.cluster = Cluster(DataDirectory(self._files, self.path))

    # -- messages -----------------------------------------------------------------------------------------------------
    def log(self, what: str, level: str = "LOG") -> None:
        """A line of the server's log."""
        when = rendered(moment(self._process.now_us), "%F %T.000 UTC")
        self._process.complain(f"{when} [1] {level}:  {what}")

    def _fatal(self, what: str, *more: str) -> _Stopped:
        when = rendered(moment(self._process.now_us), "%F %T.000 UTC")
        return _Stopped("\n".join(f"{when} [1] {each}" for each in (f"FATAL:  {what}", *more)))

    # -- initialising -------------------------------------------------------------------------------------------------
    def prepare(self) -> None:
        """What the entrypoint does before the server: make the data if there are none. Raises `_Stopped`."""
        made = self._has("PG_VERSION")
        self._make_directory(self.path)
        if made:
            self._process.print(
                "\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n"
            )
            return
        password = self._setting("PASSWORD")
        if not password and self._process.env.get("POSTGRES_HOST_AUTH_METHOD") != "trust":
            raise _Stopped(_NO_PASSWORD)
        self._refuse_old_data()
        self._initdb(password)
        self._run_scripts()
        self._process.print("\nPostgreSQL init process complete; ready for start up.\n")

    def _has(self, name: str) -> bool:
        """Whether a file of the data directory is there and not empty."""
        return self._files.length(join(self.path, name)) > 0

    def _make_directory(self, path: str) -> None:
        if not self._files.exists(path):
            self._make_directory(dirname(path))
            self._files.mkdir(path)

    def _setting(self, name: str, otherwise: str = "") -> str:
        """A variable of the environment, which a file may hold."""
        value = self._process.env.get(f"POSTGRES_{name}")
        path = self._process.env.get(f"POSTGRES_{name}_FILE")
        if not value and path:
            value = self._files.read(path).decode(errors="replace").rstrip("\n")
        return value or otherwise

    def _refuse_old_data(self) -> None:
        """From 18 on the data lie elsewhere, so what an older image has left would not be seen."""
        if self.path != f"/var/lib/postgresql/{self.major}/docker":
            return
        root = "/var/lib/postgresql"
        inner = self._files.listdir(root) if self._files.kind(root) == "directory" else []
        places = [root, f"{root}/data", *(f"{root}/{name}/docker" for name in inner)]
        found = [place for place in places if self._files.length(f"{place}/PG_VERSION")]
        if (
            not found
            and self._files.exists(f"{root}/data")
            and self._files.usage(f"{root}/data")[0].path == f"{root}/data"
        ):
            found = [f"{root}/data (unused mount/volume)"]
        if found:
            raise _Stopped(_OLD_DATA.format(where=" ".join(found)))

    def _initdb(self, password: str) -> None:
        """`initdb`: the files that every data directory has. Raises `_Stopped` if there are others."""
        self._process.print(
            'The files belonging to this database system will be owned by user "postgres".\n'
            "This user must also own the server process.\n\n"
            'The database cluster will be initialized with locale "en_US.utf8".\n'
            'The default database encoding has accordingly been set to "UTF8".\n'
            'The default text search configuration will be set to "english".\n\n'
            "Data page checksums are disabled.\n"
        )
        self._check_empty()
        self._process.print(f"fixing permissions on existing directory {self.path} ... ok")
        data = self.cluster.data
        self.cluster.make()
        for name in _DIRECTORIES:
            data.create(name)
        for name in ("postgresql.conf", "pg_hba.conf"):
            data.mark(
                name, b"host all all all scram-sha-256\n" if name == "pg_hba.conf" else b"listen_addresses = '*'\n"
            )
        user = self._setting("USER", "postgres")
        self.cluster.set_role(user, password or None)
        data.mark("PG_VERSION", f"{self.major}\n".encode())
        self._control("shut down")
        self._process.print(
            "creating subdirectories ... ok\nrunning bootstrap script ... ok\nsyncing data to disk ... ok\n"
        )
        database = self._setting("DB", user)
        if self.cluster.directory(database) is None:
            self.cluster.create_database(database, user)
            self._process.print("CREATE DATABASE\n")

    def _check_empty(self) -> None:
        """Raise `_Stopped` if there is anything in the data directory; each kind of it has its own words."""
        names = self.cluster.data.names()
        if not names:
            return
        if any(not name.startswith(".") and name != "lost+found" for name in names):
            raise _Stopped(self._not_empty("", self._remedy()))
        what = "lost+found directory" if "lost+found" in names else "dot-prefixed/invisible file"
        detail = f"It contains a {what}, perhaps due to it being a mount point."
        raise _Stopped(self._not_empty(detail, f"{_MOUNT_POINT}\nCreate a subdirectory under the mount point."))

    def _remedy(self) -> str:
        return (
            "If you want to create a new database system, either remove or empty\n"
            f'the directory "{self.path}" or run initdb\nwith an argument other than "{self.path}".'
        )

    def _not_empty(self, detail: str, hint: str) -> str:
        """What `initdb` says; since 15 each part has a title, and sentences are not broken into lines."""
        text = f'initdb: error: directory "{self.path}" exists but is not empty'
        if int(self.major) < 15:
            return "\n".join(part for part in (text, detail, hint) if part)
        whole = hint if detail else hint.replace("\n", " ")
        return "\n".join([text, *([f"initdb: detail: {detail}"] if detail else []), f"initdb: hint: {whole}"])

    def _run_scripts(self) -> None:
        """Run the SQL that somebody has put beside the entrypoint."""
        user = self._setting("USER", "postgres")
        names = self._files.listdir(_SCRIPTS) if self._files.kind(_SCRIPTS) == "directory" else []
        for name in names:
            path = f"{_SCRIPTS}/{name}"
            own = self._process.argv[0]
            if not name.endswith(".sql"):
                self._process.print(f"{own}: ignoring {path}\n")
                continue
            self._process.print(f"{own}: running {path}")
            session = Session(self.cluster, self._setting("DB", user), user, self.version, self._process.now_us)
            for statement in statements(self._files.read(path).decode(errors="replace")):
                try:
                    self._process.print(session.execute(statement.text).tag)
                except PostgresError as error:
                    raise _Stopped(f"psql:{path}:{statement.line}: {error.shown(statement.text)}") from None
            session.close()

    # -- serving ------------------------------------------------------------------------------------------------------
    def _control(self, state: str) -> None:
        """Note in the data directory whether a server has it open, and since when."""
        self.cluster.data.mark(_CONTROL, f"{state} {self._process.now_us}\n".encode())

    def serve(self) -> None:
        """Open the data and the socket. Raises `_Stopped`."""
        self._check_version()
        self.log(f"starting PostgreSQL {self.version} on x86_64-pc-linux-gnu, 64-bit")
        self.log('listening on IPv4 address "0.0.0.0", port 5432')
        self.log(f'listening on Unix socket "{SOCKET}"')
        self._recover()
        now = self._process.now_us
        key = int.from_bytes(noise(f"{self._process.hostname}/{self.path}", 3))
        lock = f"1\n{self.path}\n{now // 1_000_000}\n5432\n/var/run/postgresql\n*\n{key:>9} {0:>9}\nready   \n"
        self.cluster.data.mark(_LOCK, lock.encode())
        self._control("in production")
        self._make_directory(dirname(SOCKET))
        self._files.write(SOCKET, self.path.encode())
        self.log("database system is ready to accept connections")

    def _check_version(self) -> None:
        data = self.cluster.data
        if not self._files.exists(self.path):
            raise _Stopped(
                f'postgres: could not access directory "{self.path}": No such file or directory\n'
                "Run initdb or pg_basebackup to initialize a PostgreSQL data directory."
            )
        if not data.has("PG_VERSION"):
            raise self._fatal(
                f'"{self.path}" is not a valid data directory',
                f'DETAIL:  File "{self.path}/PG_VERSION" is missing.',
            )
        made = self._files.read(join(self.path, "PG_VERSION")).decode(errors="replace").strip()
        if made != self.major:
            raise self._fatal(
                "database files are incompatible with server",
                f"DETAIL:  The data directory was initialized by PostgreSQL version {made}, which is not compatible "
                f"with this version {self.version}.",
            )

    def _recover(self) -> None:
        """Say how the server before this one ended; there is nothing to be mended."""
        state, _, since = self._files.read(join(self.path, _CONTROL)).decode().strip().rpartition(" ")
        when = rendered(moment(int(since)), "%F %T UTC")
        if state == "shut down":
            self.log(f"database system was shut down at {when}")
            return
        self.log(f"database system was interrupted; last known up at {when}")
        self.log("database system was not properly shut down; automatic recovery in progress")
        self.log("redo is not required")

    def stop(self, how: str) -> None:
        """Close the data. What cannot be written any more is left as it is."""
        self.log(f"received {how} shutdown request")
        self.log("shutting down")
        try:
            self._control("shut down")
            for path in (join(self.path, _LOCK), SOCKET):
                if self._files.exists(path):
                    self._files.remove(path)
        except FileError as error:
            self.log(f'could not write to file "{error.filename}": {error.strerror}', "PANIC")
        self.log("database system is shut down")


def _directory(process: Process, arguments: tuple[str, ...]) -> str:
    """The data directory: what ``-D`` says, or the environment."""
    for at, word in enumerate(arguments[:-1]):
        if word == "-D":
            return arguments[at + 1].rstrip("/")
    return process.env.get("PGDATA", "/var/lib/postgresql/data").rstrip("/")


class _Server:
    """`postgres`, or the entrypoint that initialises the data first and becomes `postgres`."""

    def __init__(self, *, entrypoint: bool) -> None:
        self._entrypoint = entrypoint

    def _other(self, process: Process) -> tuple[Process, Program] | None:
        """What the entrypoint runs if it is told to run something else than the server."""
        words = process.argv[1:]
        if not self._entrypoint or not words or words[0].startswith("-") or words[0].rpartition("/")[2] == "postgres":
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
                run.prepare()
            run.serve()
        except _Stopped as stopped:
            process.complain(str(stopped))
            return Pause.exited(1)
        except PostgresError as error:
            run.log(error.text, "FATAL")
            return Pause.exited(1)
        except FileError as error:
            run.log(f'could not open file "{error.filename}": {error.strerror}', "FATAL")
            return Pause.exited(1)
        return Pause.serving()

    def resume(self, memory: Any, process: Process) -> Pause:
        """A server goes on serving."""
        other = self._other(process)
        return Pause.serving() if other is None else other[1].resume(memory, other[0])

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        """TERM and INT end the server in order, QUIT at once."""
        other = self._other(process)
        if other is not None:
            return other[1].signal(memory, other[0], name)
        run = _Start(process, process.argv[1:])
        match name:
            case "TERM" | "INT":
                run.stop("smart" if name == "TERM" else "fast")
                return Pause.exited(0)
            case "QUIT":
                run.log("received immediate shutdown request")
                return Pause.exited(0)
        return None

    def __repr__(self) -> str:
        return "ENTRYPOINT" if self._entrypoint else "POSTGRES"


ENTRYPOINT = _Server(entrypoint=True)
"""``docker-entrypoint.sh``."""
POSTGRES = _Server(entrypoint=False)
"""The server alone, which does not initialise anything."""
