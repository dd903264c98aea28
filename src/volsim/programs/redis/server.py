"""The server `redis-server`: it loads what it finds, waits, and saves when it is time to.

It is woken when there is something to be saved: a client that has changed keys sends it POLL, as the kernel tells a
process that there is something to be read.

Modelled: snapshots after so many seconds and changes, tried again after 5 s if they fail; the last one at TERM, without
which it does not end; the entrypoint of the image.
Not modelled: the log of what clients ask for, how long loading and saving takes, two servers in one container.
Source: Redis, src/server.c (serverCron, prepareForShutdown), src/rdb.c; docker-library/redis, docker-entrypoint.sh.
"""

from __future__ import annotations

from typing import Any

from volsim.errors import FileError
from volsim.programs.files import Files
from volsim.programs.process import Pause, Process, Program, decode
from volsim.programs.redis.commands import COMMANDS, CommandError, Reply, Status, execute
from volsim.programs.redis.configuration import Configuration, ConfigurationError, configuration
from volsim.programs.redis.dump import Broken
from volsim.programs.redis.memory import PLACE, Memory
from volsim.programs.redis.persistence import Store
from volsim.programs.tools.clock import moment, rendered

__all__ = ["ENTRYPOINT", "REDIS_SERVER", "Instance", "version_of"]

_RETRY_US = 5_000_000  # CONFIG_BGSAVE_RETRY_DELAY: how long after a snapshot that failed the next one is tried
_SETTINGS = "/proc/1/cmdline"  # where the server's words are found, by which clients know how it is configured
_MISCONF = (
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that "
    "may modify the data set are disabled, because this instance is configured to report errors during writes if RDB "
    "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB "
    "error."
)


def version_of(process: Process) -> str:
    """The version of the container's server, which the image says."""
    return process.env.get("REDIS_VERSION", "7.4.2")


class Instance:
    """A server that runs, for one process of its container: itself, or a client that has it do something."""

    def __init__(self, process: Process, settings: Configuration, memory: Memory) -> None:
        self._files, self._now_us = Files(process), process.now_us
        self.settings, self.memory = settings, memory
        self.store = Store(self._files, settings, version_of(process))

    @classmethod
    def running(cls, process: Process) -> Instance | None:
        """The server of the container; None if none runs."""
        files = Files(process)
        memory = Memory.recall(files)
        if memory is None:
            return None
        words = tuple(decode(files.read(_SETTINGS)).split("\0"))
        return cls(process, configuration(process.like(words)), memory)

    def keep(self) -> None:
        """Keep the memory until the next process comes."""
        self.memory.store(self._files)

    # -- commands -----------------------------------------------------------------------------------------------------
    def do(self, words: list[bytes]) -> Reply:
        """Do a command. Raises `CommandError`."""
        name = decode(words[0]).lower()
        if name in _SERVING:
            return _SERVING[name](self, words)
        if name in COMMANDS and COMMANDS[name].writes:
            self._check_disk()
        reply, logged = execute(self.memory, words, self._now_us)
        if self.settings.appends:
            self.store.append(self.memory, logged)
        return reply

    def _check_disk(self) -> None:
        """Raise `CommandError` if what has been written before could not be kept."""
        settings = self.settings
        if settings.saves and settings.stops_writes and self.memory.failed:
            raise CommandError(_MISCONF)
        if settings.appends:
            self.store.append(self.memory, [])
            if self.memory.pending:
                raise CommandError(f"MISCONF Errors writing to the AOF file: {self.memory.pending_error}")

    def _save(self, words: list[bytes]) -> Reply:
        if not self.store.save(self.memory, self._now_us):
            raise CommandError("ERR")
        return Status("OK")

    def _save_behind(self, words: list[bytes]) -> Reply:
        self.store.save(self.memory, self._now_us)
        return Status("Background saving started")

    def _rewrite(self, words: list[bytes]) -> Reply:
        try:
            self.store.rewrite(self.memory)
        except FileError as error:
            raise CommandError(f"ERR Can't rewrite append only file in background: {error.strerror}") from None
        return Status("Background append only file rewriting started")

    def _last_save(self, words: list[bytes]) -> int:
        return int(moment(self.memory.saved_us).timestamp())

    def _info(self, words: list[bytes]) -> Reply:
        memory, on = self.memory, int(self.settings.appends)
        lines = [
            "# Persistence", "loading:0", f"rdb_changes_since_last_save:{memory.changes}",
            f"rdb_last_save_time:{self._last_save([])}",
            f"rdb_last_bgsave_status:{'err' if memory.failed else 'ok'}", f"aof_enabled:{on}",
            f"aof_last_write_status:{'err' if memory.pending else 'ok'}", "", "# Keyspace",
        ]  # fmt: skip
        if memory.data:
            lines.append(f"db0:keys={len(memory.data)},expires={len(memory.expiries)},avg_ttl=0")
        return "".join(f"{line}\r\n" for line in lines).encode()

    def _config(self, words: list[bytes]) -> Reply:
        settings = self.settings
        known = {
            "dir": settings.directory, "dbfilename": settings.file, "appendonly": "yes" if settings.appends else "no",
            "save": " ".join(f"{seconds} {changes}" for seconds, changes in settings.saves),
        }  # fmt: skip
        if len(words) < 3 or words[1].lower() != b"get":
            raise CommandError("ERR not modelled: CONFIG but for GET")
        name = decode(words[2]).lower()
        return [words[2], known[name].encode()] if name in known else []

    # -- time ---------------------------------------------------------------------------------------------------------
    def due_us(self) -> int | None:
        """In how many microseconds the next snapshot is to be made, if nothing else changes."""
        memory = self.memory
        whole = memory.saved_us // 1_000_000 * 1_000_000
        times = [
            whole + (seconds + 1) * 1_000_000 for seconds, changes in self.settings.saves if memory.changes >= changes
        ]
        if not times:
            return None
        due = max(min(times), memory.tried_us + _RETRY_US) if memory.failed else min(times)
        return max(due - self._now_us, 0)


_SERVING = {
    "save": Instance._save, "bgsave": Instance._save_behind, "bgrewriteaof": Instance._rewrite,
    "lastsave": Instance._last_save, "info": Instance._info, "config": Instance._config,
}  # fmt: skip
"""The commands that are about the server."""


class _Server:
    """`redis-server`, or the entrypoint that becomes it."""

    def __init__(self, *, entrypoint: bool) -> None:
        self._entrypoint = entrypoint

    def _inner(self, process: Process) -> Process:
        """The process of the server: the entrypoint puts its name before options and configuration files."""
        if not self._entrypoint:
            return process
        words = process.argv[1:]
        implied = not words or words[0].startswith("-") or words[0].endswith(".conf")
        return process.like(("redis-server", *words) if implied else words)

    def _other(self, process: Process) -> tuple[Process, Program] | None:
        """What the entrypoint runs if it is told to run something else than the server."""
        inner = self._inner(process)
        if not self._entrypoint or inner.name.endswith("-server"):
            return None
        program = inner.find(inner.argv[0], inner)
        return None if program is None else (inner, program)

    @staticmethod
    def _log(process: Process, level: str, what: str) -> None:
        when = rendered(moment(process.now_us), "%d %b %Y %T.000")
        process.print(f"1:M {when} {level} {what}")

    def start(self, process: Process) -> Pause:
        """Load the data, and serve; exit code 1 if that cannot be."""
        other = self._other(process)
        if other is not None:
            return other[1].start(other[0])
        inner = self._inner(process)
        version = version_of(process)
        self._log(process, "*", "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo")
        self._log(process, "*", f"Redis version={version}, bits=64, commit=00000000, modified=0, pid=1, just started")
        try:
            settings = configuration(inner)
            store = Store(Files(process), settings, version)
            memory, said = store.load(process.now_us)
        except ConfigurationError as wrong:
            process.complain(f"\n*** FATAL CONFIG FILE ERROR (Redis {version}) ***\n>>> '{wrong}'\nargument(s) invalid")
            return Pause.exited(1)
        except Broken as broken:
            self._log(process, "#", str(broken))
            self._log(process, "#", "Fatal error loading the DB, check server logs. Exiting.")
            return Pause.exited(1)
        except FileError as error:
            self._log(process, "#", f"Fatal error: can't open {error.filename}: {error.strerror}. Exiting.")
            return Pause.exited(1)
        for line in said:
            self._log(process, "*", line)
        self._log(process, "*", "Ready to accept connections tcp")
        files = Files(process)
        Instance(inner, settings, memory).keep()
        files.replace(_SETTINGS, "\0".join(inner.argv).encode())
        return Pause.serving()

    def resume(self, memory: Any, process: Process) -> Pause:
        """Make the snapshot that is due, and wait for the next."""
        other = self._other(process)
        if other is not None:
            return other[1].resume(memory, other[0])
        instance = Instance.running(process)
        if instance is None:
            return Pause.serving()
        if instance.due_us() == 0:
            self._snapshot(process, instance)
            instance.keep()
        return self._waiting(instance)

    def _snapshot(self, process: Process, instance: Instance) -> None:
        changes = instance.memory.changes
        seconds = next(each for each, count in sorted(instance.settings.saves) if changes >= count)
        self._log(process, "*", f"{changes} changes in {seconds} seconds. Saving...")
        if instance.store.save(instance.memory, process.now_us):
            self._log(process, "*", "DB saved on disk")
            self._log(process, "*", "Background saving terminated with success")
        else:
            self._log(process, "#", instance.store.error)
            self._log(process, "#", "Background saving error")

    @staticmethod
    def _waiting(instance: Instance) -> Pause:
        due = instance.due_us()
        return Pause.serving() if due is None else Pause.sleeping(due)

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        """TERM and INT end the server, if it can save; POLL says that a client has come."""
        other = self._other(process)
        if other is not None:
            return other[1].signal(memory, other[0], name)
        instance = Instance.running(process)
        if instance is None:
            return Pause.exited(0) if name in ("TERM", "INT") else None
        match name:
            case "POLL":
                return self._waiting(instance)
            case "TERM" | "INT":
                return self._end(process, instance, name)
        return None

    def _end(self, process: Process, instance: Instance, name: str) -> Pause:
        self._log(process, "*", f"Received SIG{name} scheduling shutdown...")
        self._log(process, "*", "User requested shutdown...")
        if instance.settings.appends:
            self._log(process, "*", "Calling fsync() on the AOF file.")
            instance.store.append(instance.memory, [])
        if instance.settings.saves and not instance.memory.leaves:
            self._log(process, "*", "Saving the final RDB snapshot before exiting.")
            if not instance.store.save(instance.memory, process.now_us):
                self._log(process, "#", "Error trying to save the DB, can't exit.")
                instance.keep()
                return self._waiting(instance)
            self._log(process, "*", "DB saved on disk")
        Files(process).remove(PLACE)
        self._log(process, "#", "Redis is now ready to exit, bye bye...")
        return Pause.exited(0)

    def __repr__(self) -> str:
        return "ENTRYPOINT" if self._entrypoint else "REDIS_SERVER"


ENTRYPOINT = _Server(entrypoint=True)
"""``docker-entrypoint.sh``."""
REDIS_SERVER = _Server(entrypoint=False)
"""The server."""
