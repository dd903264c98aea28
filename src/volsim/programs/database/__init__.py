"""A small MySQL: a server and its client, whose tables are nowhere but in the files of the data directory."""

from __future__ import annotations

from volsim.programs.database.client import MYSQL
from volsim.programs.database.server import ENTRYPOINT, MYSQLD
from volsim.programs.process import Program

__all__ = ["PROGRAMS"]

PROGRAMS: dict[str, Program] = {
    "docker-entrypoint.sh": ENTRYPOINT, "mysqld": MYSQLD, "mariadbd": MYSQLD, "mysql": MYSQL, "mariadb": MYSQL,
}  # fmt: skip
"""What an image with the database holds, by name."""
