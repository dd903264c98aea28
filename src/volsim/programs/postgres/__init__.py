"""A small PostgreSQL: a server and its client, whose tables are nowhere but in the files of the data directory.

`server` makes and opens the data directory; the client (`client`) splits what it reads into statements (`sql`), and has
a session (`session`) do them, which gives SQLite what it makes of them (`tables`) and says in PostgreSQL's words what
goes wrong (`complaints`). How a database is one file of the volume, it has in common with MySQL (`database.storage`).

Modelled: what survives, to the byte; SQL as far as ordinary applications and people use it; the messages.
Not modelled: connections from other containers, privileges, locks, schemas but ``public``, replication, how long
anything takes.
Source: PostgreSQL documentation; docker-library/postgres.
"""

from __future__ import annotations

from volsim.programs.postgres.client import PG_ISREADY, PSQL
from volsim.programs.postgres.server import ENTRYPOINT, POSTGRES
from volsim.programs.process import Program

__all__ = ["PROGRAMS"]

PROGRAMS: dict[str, Program] = {
    "docker-entrypoint.sh": ENTRYPOINT, "postgres": POSTGRES, "psql": PSQL, "pg_isready": PG_ISREADY,
}  # fmt: skip
"""What an image with the database holds, by name."""
