"""The server `mysqld`, as the entrypoint of the images `mysql`, `mariadb` and `percona` starts it.

Modelled: a data directory is initialised if it has no database `mysql`, with the users that the environment names, and with
what lies in ``/docker-entrypoint-initdb.d``; a directory that holds something else is refused; the socket, by which a
client finds out whether the server runs.
Not modelled: the time that this takes, configuration files, replication, two servers on one directory.
Source: docker-library/mysql, docker-entrypoint.sh; MySQL reference manual, 2.9.1 (initializing the data directory).
"""

from __future__ import annotations

from posixpath import dirname, join
from typing import Any

from volsim.errors import FileError
from volsim.programs.database.engine import Facts, Session
from volsim.programs.database.errors import SqlError
from volsim.programs.database.lexer import split
from volsim.programs.database.statements import password_hash
from volsim.programs.database.storage import DataDirectory
from volsim.programs.database.translate import text
from volsim.programs.files import Files, noise
from volsim.programs.process import Pause, Process, Program
from volsim.programs.tools.clock import moment, rendered

__all__ = ["MYSQLD", "SOCKET", "data_directory", "facts_of", "option"]

SOCKET = "/var/run/mysqld/mysqld.sock"
_SCRIPTS = "/docker-entrypoint-initdb.d"
_DATA = "/var/lib/mysql"


def option(process: Process, name: str, otherwise: str = "") -> str:
    """The value of ``--name=value`` or ``--name value`` among the arguments."""
    words = process.argv[1:]
    for at, word in enumerate(words):
        if word == f"--{name}" and at + 1 < len(words):
            return words[at + 1]
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
    return otherwise


def data_directory(process: Process) -> DataDirectory:
    """The data directory of the container's server."""
    return DataDirectory(Files(process), process.env.get("VOLSIM_DATADIR", _DATA))


def facts_of(process: Process, user: str = "root") -> Facts:
    """What a session has to know of the container's server."""
    version = process.env.get("MYSQL_VERSION", "8.0.36").partition("-")[0]
    return Facts(data_directory(process), process.now_us, version, process.hostname, user)
