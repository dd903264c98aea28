"""The images of Bitnami: the same servers, with their data elsewhere, and other names for their settings.

Modelled: where the data lie (in a directory within the volume, so nothing that lies in its root is in the way), the
passwords that must be given, users and databases that are made, Redis' append-only file, which is switched on.
Not modelled: the log lines of the images' own scripts, that they do not run as root, replication, custom configuration.
Source: bitnami/containers, bitnami/{mariadb,mysql,postgresql,redis}/…/scripts (lib*.sh, *-env.sh).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from posixpath import dirname
from typing import Any, NamedTuple

from volsim.errors import FileError
from volsim.programs import database, postgres, redis
from volsim.programs.files import Files
from volsim.programs.process import Pause, Process, Program
from volsim.programs.tools.clock import moment, rendered

__all__ = ["KINDS", "Kind"]


class Kind(NamedTuple):
    """A server in an image of Bitnami."""

    directory: str
    """Where its data lie."""
    password: str
    """The variable that must be set, unless empty passwords are allowed."""
    programs: Mapping[str, Program]
    argv: Callable[[Kind, Mapping[str, str]], tuple[str, ...]]
    """What is run, by the environment."""
    renamed: Mapping[str, str]
    """Variables by the names that the server's own image has for them."""

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """The environment as the server's own image takes it."""
        own = {name: env[given] for name, given in self.renamed.items() if env.get(given)}
        trusting = {"MYSQL_ALLOW_EMPTY_PASSWORD": "yes", "POSTGRES_HOST_AUTH_METHOD": "trust"}
        return {**env, **own, **(trusting if _allows_empty(env) else {})}


def _allows_empty(env: Mapping[str, str]) -> bool:
    return env.get("ALLOW_EMPTY_PASSWORD", "").lower() in ("yes", "true", "1")


class Entrypoint:
    """The script that starts the server as its own image would, with what is said differently here."""

    def __init__(self, name: str, kind: Kind) -> None:
        self._name, self._kind = name, kind
        self._server = kind.programs["docker-entrypoint.sh"]

    @staticmethod
    def _serves(process: Process) -> bool:
        """Whether it is to start the server, and not something else."""
        return len(process.argv) < 2 or process.argv[1].endswith("run.sh")

    def _inner(self, process: Process) -> Process:
        env = self._kind.environment(process.env)
        words = self._kind.argv(self._kind, env) if self._serves(process) else process.argv[1:]
        return process.like(("docker-entrypoint.sh", *words), env)

    def start(self, process: Process) -> Pause:
        """Start the server, if it has a password; or whatever else is asked for."""
        kind, env = self._kind, self._kind.environment(process.env)
        if not self._serves(process):
            return self._server.start(self._inner(process))
        if not (env.get(kind.password) or _allows_empty(env)):
            when = rendered(moment(process.now_us), "%T.00")
            process.complain(
                f"{self._name} {when} ERROR ==> The {kind.password} environment variable is empty or not set. Set the "
                "environment variable ALLOW_EMPTY_PASSWORD=yes to allow the container to be started with blank "
                "passwords. This is recommended only for development."
            )
            return Pause.exited(1)
        try:
            _make(Files(process), kind.directory)
        except FileError as error:
            process.complain(f"mkdir: cannot create directory '{error.filename}': {error.strerror}")
            return Pause.exited(1)
        return self._server.start(self._inner(process))

    def resume(self, memory: Any, process: Process) -> Pause:
        """Let the server go on."""
        return self._server.resume(memory, self._inner(process))

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        """Pass a signal on to the server."""
        return self._server.signal(memory, self._inner(process), name)

    def __repr__(self) -> str:
        return f"Entrypoint({self._name!r})"


def _make(files: Files, path: str) -> None:
    """Make a directory and those that it lies in."""
    if not files.exists(path):
        _make(files, dirname(path))
        files.mkdir(path)


def _mysqld(kind: Kind, env: Mapping[str, str]) -> tuple[str, ...]:
    return ("mysqld", f"--datadir={kind.directory}")


def _postgres(kind: Kind, env: Mapping[str, str]) -> tuple[str, ...]:
    return ("postgres", "-D", kind.directory)


def _redis(kind: Kind, env: Mapping[str, str]) -> tuple[str, ...]:
    password = env.get(kind.password, "")
    appends = env.get("REDIS_AOF_ENABLED", "yes")
    secret = ("--requirepass", password) if password else ()
    return ("redis-server", "--dir", kind.directory, "--appendonly", appends, *secret)


def _mysql(name: str) -> Kind:
    upper = name.upper()
    renamed = {
        f"MYSQL_{each}": f"{upper}_{each}" for each in ("ROOT_PASSWORD", "DATABASE", "USER", "PASSWORD")
    }  # fmt: skip
    return Kind(f"/bitnami/{name}/data", f"{upper}_ROOT_PASSWORD", database.PROGRAMS, _mysqld, renamed)


KINDS: dict[str, Kind] = {
    "mariadb": _mysql("mariadb"),
    "mysql": _mysql("mysql"),
    "postgresql": Kind(
        "/bitnami/postgresql/data", "POSTGRESQL_PASSWORD", postgres.PROGRAMS, _postgres,
        {
            "POSTGRESQL_PASSWORD": "POSTGRES_PASSWORD", "POSTGRES_PASSWORD": "POSTGRESQL_PASSWORD",
            "POSTGRES_USER": "POSTGRESQL_USERNAME", "POSTGRES_DB": "POSTGRESQL_DATABASE",
        },
    ),
    "redis": Kind("/bitnami/redis/data", "REDIS_PASSWORD", redis.PROGRAMS, _redis, {}),
}  # fmt: skip
"""The images of which something is known, by name."""
