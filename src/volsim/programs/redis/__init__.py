"""A small Redis: a server whose data are in its memory, and in the files of a volume as often as it saves them.

The server (`server`) loads what it finds, waits, and saves when its configuration (`configuration`) says so; the client
(`client`) has it do commands (`commands`) on its data set (`memory`), of which `dump` makes a file.

The memory of the server is a file of its container, which is gone with the container. So what is lost when a process is
killed or a node loses its power follows from where the bytes were.

Modelled: strings, lists, hashes, sets, and keys that expire; RDB files and when they are made; append-only files; what
each kind of crash loses; disks that are full or gone.
Not modelled: connections from other containers, sorted sets and streams, several databases, transactions, scripts,
replication, clusters, eviction, what an append-only file has not yet synchronised when the power fails.
Source: Redis 7.2, src/server.c, rdb.c, aof.c, redis-cli.c; docker-library/redis.
"""

from __future__ import annotations

from volsim.programs.process import Program
from volsim.programs.redis.client import REDIS_CLI
from volsim.programs.redis.server import ENTRYPOINT, REDIS_SERVER

__all__ = ["PROGRAMS"]

PROGRAMS: dict[str, Program] = {
    "docker-entrypoint.sh": ENTRYPOINT, **dict.fromkeys(("redis-server", "valkey-server"), REDIS_SERVER),
    **dict.fromkeys(("redis-cli", "valkey-cli"), REDIS_CLI),
}  # fmt: skip
"""What an image with the server holds, by name."""
