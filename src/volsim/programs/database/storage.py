"""The data directory: one directory a database, in it one SQLite file with all of its tables.

The bytes of a file follow from the rows that are in it, and from nothing else: a file is rebuilt before it is written,
and the counters of its header are set. So what a volume holds is the same whenever the same statements were run.

Modelled: that every acknowledged statement is in the files.
Not modelled: InnoDB's own files (those that mark a data directory are there, and empty), binary logs.
Source: MySQL reference manual, 5.4 (the data directory); https://sqlite.org/fileformat.html, 1.3.
"""

from __future__ import annotations

import errno
import sqlite3
from posixpath import join

from volsim.errors import FileError
from volsim.programs.files import Files

__all__ = ["TABLES", "DataDirectory", "bound", "dumped", "load", "opened"]

STEPS_MOST = 20_000_000  # instructions of SQLite for one statement: a second or two, then it is stopped
VALUE_MOST = 16 * 1024**2  # bytes of one value, and of one statement
TABLES = "tables.sqlite"
"""The file that holds the tables of a database."""


class DataDirectory:
    """The directory of a server, such as ``/var/lib/mysql``. All that goes wrong is a `FileError`."""

    def __init__(self, files: Files, path: str) -> None:
        self._files, self.path = files, path

    def databases(self) -> list[str]:
        """The names of all databases, sorted: every directory is one."""
        names = self._files.listdir(self.path)
        return [name for name in names if self._files.kind(join(self.path, name)) == "directory"]

    def exists(self, database: str) -> bool:
        """Whether there is a database."""
        if not database or "/" in database or database in (".", ".."):
            return False
        self._files.listdir(self.path)  # a volume that cannot be read has no databases and lacks none
        return self._files.kind(join(self.path, database)) == "directory"

    def create(self, database: str) -> None:
        """Make an empty database."""
        self._files.mkdir(join(self.path, database))

    def drop(self, database: str) -> None:
        """Remove a database with all in it."""
        directory = join(self.path, database)
        for name in self._files.listdir(directory):
            self._files.remove(join(directory, name))
        self._files.remove(directory)

    def read(self, database: str) -> bytes:
        """The file with its tables; empty if it has none yet."""
        try:
            return self._files.read(join(self.path, database, TABLES))
        except FileError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return b""
            raise

    def write(self, database: str, data: bytes) -> None:
        """Store the file with its tables."""
        self._files.replace(join(self.path, database, TABLES), data)

    def mark(self, name: str, data: bytes = b"") -> None:
        """Write one of the files that tell that a directory is a data directory."""
        self._files.write(join(self.path, name), data)

    def has(self, name: str) -> bool:
        """Whether there is a file or directory of a name."""
        return name in self.names()

    def names(self) -> list[str]:
        """What lies in it. ENOENT if it is not there."""
        return self._files.listdir(self.path)


_FOREIGN = frozenset(
    {"date", "datetime", "julianday", "load_extension", "random", "randomblob", "strftime", "time", "unixepoch"}
)  # fmt: skip
"""Functions of SQLite that ask the machine for its time, for chance, or for files."""


def _allowed(action: int, _: str | None, function: str | None, *where: str | None) -> int:
    """What statements may do: all but call functions that do not belong to the simulation."""
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_FUNCTION and function in _FOREIGN else sqlite3.SQLITE_OK


def bound(connection: sqlite3.Connection) -> None:
    """Keep what users write within bounds: how long it may take, how large it may be, what it may ask for."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_MOST)
    connection.set_progress_handler(lambda: 1, STEPS_MOST)
    connection.set_authorizer(_allowed)


def opened(data: bytes) -> sqlite3.Connection:
    """A connection to the tables that a file holds."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    if data:
        load(connection, "main", data)
    return connection


def load(connection: sqlite3.Connection, schema: str, data: bytes) -> None:
    """Put the tables of a file into a schema of a connection. EIO if it is no such file."""
    try:
        connection.deserialize(data, name=schema)
        connection.execute(f'select count(*) from "{schema}".sqlite_master').fetchone()
    except sqlite3.DatabaseError:
        raise FileError.of("EIO", TABLES) from None


def dumped(connection: sqlite3.Connection, schema: str = "main") -> bytes:
    """The bytes of a schema, the same for the same content."""
    connection.execute(f'vacuum "{schema}"')
    data = bytearray(connection.serialize(name=schema))
    for start, number in ((24, 1), (40, 1), (92, 1), (96, 3_040_000)):  # counters of changes, version of the library
        data[start : start + 4] = number.to_bytes(4)
    return bytes(data)
