"""A small MySQL: a server and its clients, whose tables are nowhere but in the files of the data directory.

The client (`client`) splits what it reads into statements (`lexer`); `statements` does each in a session (`engine`),
which gives SQLite what it makes of it (`translate`, `columns`), says in MySQL's words what goes wrong (`complaints`),
and stores the tables of a database as one file of the volume (`storage`). `server` makes and opens the data directory.

Modelled: what survives, to the byte; MySQL's SQL as far as ordinary applications and people use it; its messages.
Not modelled: connections from other containers, privileges, locks, replication, stored programs, how long anything
takes.
Source: MySQL reference manual; docker-library/mysql.
"""

from __future__ import annotations

from volsim.programs.database.administration import MYSQLADMIN, MYSQLDUMP
from volsim.programs.database.client import MYSQL
from volsim.programs.database.server import ENTRYPOINT, MYSQLD
from volsim.programs.process import Program

__all__ = ["PROGRAMS"]

PROGRAMS: dict[str, Program] = {
    "docker-entrypoint.sh": ENTRYPOINT, **dict.fromkeys(("mysqld", "mariadbd"), MYSQLD),
    **dict.fromkeys(("mysql", "mariadb"), MYSQL), **dict.fromkeys(("mysqladmin", "mariadb-admin"), MYSQLADMIN),
    **dict.fromkeys(("mysqldump", "mariadb-dump"), MYSQLDUMP),
}  # fmt: skip
"""What an image with the database holds, by name."""
