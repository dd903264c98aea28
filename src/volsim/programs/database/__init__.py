"""A small MySQL: a server and its client, whose tables are nowhere but in the files of the data directory."""

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
