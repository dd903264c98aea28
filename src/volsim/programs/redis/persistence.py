"""What a server writes into its directory, and what it finds there when it starts.

Modelled: snapshots; the append-only file, in one part before 7 and in several since; that it is read instead of the
snapshot when it is switched on, even if there is none yet; an end that is cut off.
Not modelled: rewriting it by itself, timestamps in it, what has been written and not yet synchronised.
Source: Redis, src/rdb.c (rdbSave), src/aof.c (loadAppendOnlyFiles, flushAppendOnlyFile), src/server.c
(loadDataFromDisk).
"""

from __future__ import annotations

import errno
import re
from posixpath import join

from volsim.errors import FileError
from volsim.programs.files import Files
from volsim.programs.redis.commands import CommandError, execute
from volsim.programs.redis.configuration import Configuration
from volsim.programs.redis.dump import Broken, dump, load
from volsim.programs.redis.memory import Memory, milliseconds

__all__ = ["Store", "words_as_bytes"]

_HEAD = re.compile(rb"([*$])(\d+)\r\n")


def words_as_bytes(words: list[bytes]) -> bytes:
    """A command as it is sent, and as it stands in an append-only file.

    >>> words_as_bytes([b"GET", b"a"])
    b'*2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\na\\r\\n'
    """
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def _commands(data: bytes) -> tuple[list[list[bytes]], bool]:
    """The commands of an append-only file, and whether it ends with a whole one. Raises `Broken`."""
    found: list[list[bytes]] = []
    at = 0
    while at < len(data):
        head = _HEAD.match(data, at)
        if head is None and b"\r\n" in data[at:]:
            raise Broken("Bad file format reading the append only file: make a backup of your AOF file")
        if head is None:
            return found, False
        place, words = head.end(), []
        for _ in range(int(head[2])):
            part = _HEAD.match(data, place)
            if part is None or part.end() + int(part[2]) + 2 > len(data):
                return found, False
            words.append(data[part.end() : part.end() + int(part[2])])
            place = part.end() + int(part[2]) + 2
        found.append(words)
        at = place
    return found, True


def _why(error: FileError, directory: str) -> str:
    """Why a snapshot could not be written, as the server says it."""
    if error.errno == errno.ENOSPC:
        return f"Write error saving DB on disk(rdbSaveRio): {error.strerror}"
    return f"Failed opening the temp RDB file temp-22.rdb (in server root dir {directory}) for saving: {error.strerror}"


class Store:
    """The directory of a server, through the eyes of a process of its container."""

    def __init__(self, files: Files, configuration: Configuration, version: str) -> None:
        self._files, self._configuration, self._version = files, configuration, version
        directory, name = configuration.directory, configuration.append_file
        self.snapshot = join(directory, configuration.file)
        self._modern = int(version.partition(".")[0]) >= 7  # since then the append-only file is kept in parts
        self.error = ""
        """Why the last snapshot could not be written."""
        self.parts = join(directory, configuration.append_directory)
        self._manifest = join(self.parts, f"{name}.manifest")
        self._base = join(self.parts, f"{name}.1.base.rdb")
        self.log = join(self.parts, f"{name}.1.incr.aof") if self._modern else join(directory, name)

    # -- loading ------------------------------------------------------------------------------------------------------
    def load(self, now_us: int) -> tuple[Memory, list[str]]:
        """What a server has in memory when it has started, and what it says of that. `Broken` and `FileError`."""
        memory = Memory(saved_us=now_us, tried_us=now_us)
        said: list[str] = []
        if self._configuration.appends:
            if self._files.exists(self._manifest if self._modern else self.log):
                self._load_log(memory, said, now_us)
                said.append("DB loaded from append only file: 0.000 seconds")
            self.open_log(memory)
        elif self._files.exists(self.snapshot):
            memory.data, memory.expiries = load(self._files.read(self.snapshot))
            before = len(memory.data)
            memory.expire(milliseconds(now_us))
            kept = len(memory.data)
            said.append(f"Done loading RDB, keys loaded: {kept}, keys expired: {before - kept}.")
            said.append("DB loaded from disk: 0.000 seconds")
        memory.changes = 0
        return memory, said

    def _load_log(self, memory: Memory, said: list[str], now_us: int) -> None:
        if self._modern and self._files.exists(self._base):
            memory.data, memory.expiries = load(self._files.read(self._base))
        if not self._files.exists(self.log):
            return
        commands, whole = _commands(self._files.read(self.log))
        for words in commands:
            try:
                execute(memory, words, now_us)
            except CommandError as error:
                raise Broken(
                    f"Unknown command '{words[0].decode(errors='replace')}' reading the AOF: {error}"
                ) from None
        if not whole:
            said.append("!!! Warning: short read while loading the AOF file !!!")
            said.append("AOF loaded anyway because aof-load-truncated is enabled")
            self._files.replace(self.log, b"".join(map(words_as_bytes, commands)))

    # -- writing ------------------------------------------------------------------------------------------------------
    def open_log(self, memory: Memory) -> None:
        """Make the append-only file if there is none, beginning with what is in memory."""
        if not self._modern:
            if not self._files.exists(self.log):
                self._files.write(self.log, b"")
            return
        if not self._files.exists(self.parts):
            self._files.mkdir(self.parts)
        if not self._files.exists(self._manifest):
            self.rewrite(memory)

    def rewrite(self, memory: Memory) -> None:
        """Begin the append-only file anew."""
        whole = dump(memory.data, memory.expiries, self._version)
        if not self._modern:
            self._files.replace(self.log, b"")
            return
        self._files.replace(self._base, whole)
        self._files.replace(self.log, b"")
        names = [path.rpartition("/")[2] for path in (self._base, self.log)]
        self._files.replace(self._manifest, f"file {names[0]} seq 1 type b\nfile {names[1]} seq 1 type i\n".encode())

    def save(self, memory: Memory, now_us: int) -> bool:
        """Make a snapshot; whether that could be done."""
        memory.tried_us = now_us
        try:
            self._files.replace(self.snapshot, dump(memory.data, memory.expiries, self._version))
        except FileError as error:
            memory.failed = True
            self.error = _why(error, self._configuration.directory)
            return False
        memory.failed, memory.changes, memory.saved_us = False, 0, now_us
        return True

    def append(self, memory: Memory, commands: list[list[bytes]]) -> None:
        """Append commands to the append-only file; what cannot be written waits in memory."""
        data = memory.pending + b"".join(map(words_as_bytes, commands))
        if not data:
            return
        fresh = not memory.pending and not self._files.length(self.log)
        data = words_as_bytes([b"SELECT", b"0"]) + data if fresh else data
        before = self._files.length(self.log)
        try:
            self._files.write(self.log, data, append=True)
            memory.pending, memory.pending_error = b"", ""
        except FileError as error:
            memory.pending, memory.pending_error = data, error.strerror or ""
            self._cut(before)

    def _cut(self, length: int) -> None:
        """Take back a command that is only half written, as the server does."""
        try:
            self._files.replace(self.log, self._files.read(self.log)[:length])
        except FileError:  # the next one to start will find a short end, and leave it out
            return
