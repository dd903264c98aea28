"""What a server knows while it runs: its data set, and how it stands with its files.

It lies in a file of the server's container, where Linux shows the memory of the first process. It is made with the
container and gone with it, whatever volumes there are.

Source: Redis, src/server.h (struct redisServer).
"""

from __future__ import annotations

import json

import attrs

from volsim.programs.files import Files
from volsim.programs.redis.dump import Data, Expiries, dump, load
from volsim.programs.tools.clock import moment

__all__ = ["PLACE", "Memory", "milliseconds"]

PLACE = "/proc/1/mem"


def milliseconds(now_us: int) -> int:
    """A time of the simulation as Redis counts it.

    >>> milliseconds(1_500_000)
    1767225601500
    """
    return round(moment(now_us).timestamp() * 1000)


@attrs.define
class Memory:
    """The server's memory."""

    data: Data = attrs.field(factory=dict)
    expiries: Expiries = attrs.field(factory=dict)
    changes: int = 0
    """Changes of keys since the last snapshot."""
    saved_us: int = 0
    """When the last snapshot was made, or the server was started."""
    tried_us: int = 0
    """When a snapshot was tried last."""
    failed: bool = False
    """The last snapshot could not be written."""
    pending: bytes = b""
    """What could not be appended to the append-only file."""
    pending_error: str = ""
    """Why not."""
    leaves: bool = False
    """It has been told to end without a snapshot."""

    def store(self, files: Files) -> None:
        """Keep it until the next command."""
        facts = attrs.asdict(self, filter=lambda field, _: field.name not in ("data", "expiries", "pending"))
        head = json.dumps({**facts, "pending": len(self.pending)}, sort_keys=True).encode()
        if not files.exists("/proc/1"):
            files.mkdir("/proc/1")
        files.replace(PLACE, head + b"\n" + self.pending + dump(self.data, self.expiries, ""))

    @classmethod
    def recall(cls, files: Files) -> Memory | None:
        """The memory of the server; None if none runs."""
        if not files.exists(PLACE):
            return None
        head, _, rest = files.read(PLACE).partition(b"\n")
        facts = json.loads(head)
        pending = facts.pop("pending")
        data, expiries = load(rest[pending:])
        return cls(**facts, pending=rest[:pending], data=data, expiries=expiries)

    def expire(self, now_ms: int) -> None:
        """Forget the keys whose time has come."""
        for key in [key for key, when in self.expiries.items() if when <= now_ms]:
            del self.expiries[key]
            self.data.pop(key, None)
