"""Commands: what they answer, and what they change in the data set.

Source: Redis, src/t_string.c, t_list.c, t_hash.c, t_set.c, db.c, expire.c; https://redis.io/commands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from volsim.programs.patterns import fits
from volsim.programs.process import decode
from volsim.programs.redis.memory import Memory, milliseconds

__all__ = ["COMMANDS", "CommandError", "Reply", "Status", "execute"]


class Status(str):
    """An answer that is one word, such as ``OK``."""

    __slots__ = ()


Reply: TypeAlias = "Status | int | bytes | list[Any] | None"
OK = Status("OK")


class CommandError(Exception):
    """What the server answers to a command that it cannot do."""


class Command(NamedTuple):
    """A command: what it does, how many words it takes at least (exactly, if negative), whether it may change keys."""

    run: Callable[[_Call], Reply]
    words: int
    writes: bool = False


WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
NO_INTEGER = "ERR value is not an integer or out of range"
SYNTAX = "ERR syntax error"


class _Call:
    """One command that is being done."""

    def __init__(self, memory: Memory, words: list[bytes], now_ms: int) -> None:
        self.memory, self.words, self.now_ms = memory, words, now_ms
        self.logged: list[list[bytes]] = []
        """What makes the same change again: for the append-only file."""

    @property
    def key(self) -> bytes:
        """The first argument."""
        return self.words[1]

    def changed(self, count: int = 1, *logged: list[bytes]) -> None:
        """Note changes of keys; `logged` makes them again, if the command itself would not."""
        self.memory.changes += count
        if count:
            self.logged += logged or (self.words,)

    def integer(self, at: int) -> int:
        """An argument as a number."""
        return whole(self.words[at])

    # -- values -------------------------------------------------------------------------------------------------------
    def value(self, kind: type, otherwise: Any = None) -> Any:
        """The value of the key, which must be of a kind."""
        found = self.memory.data.get(self.key)
        if found is None:
            return otherwise
        if not isinstance(found, kind):
            raise CommandError(WRONG_TYPE)
        return found

    def made(self, kind: type) -> Any:
        """The value of the key, made if there is none."""
        found = self.value(kind)
        if found is None:
            found = self.memory.data[self.key] = kind()
        return found

    def put(self, key: bytes, value: bytes) -> None:
        """Set a key, which then does not expire."""
        self.memory.data[key] = value
        self.memory.expiries.pop(key, None)

    def tidy(self) -> None:
        """A list, hash or set that has become empty is no key any more."""
        if not self.memory.data.get(self.key, b"-"):
            self.remove(self.key)

    def remove(self, key: bytes) -> bool:
        """Remove a key; whether it was there."""
        self.memory.expiries.pop(key, None)
        return self.memory.data.pop(key, None) is not None


def whole(data: bytes) -> int:
    """A text as a number. Raises `CommandError`."""
    text = decode(data)
    if not text.removeprefix("-").isdigit() or not text.isascii() or abs(int(text)) >= 1 << 63:
        raise CommandError(NO_INTEGER)
    return int(text)


# -- strings -----------------------------------------------------------------------------------------------------------
def _set(call: _Call) -> Reply:
    key, value, *options = call.words[1:]
    names = [decode(option).upper() for option in options]
    expires: int | None = None
    for at, name in enumerate(names):
        if name in ("EX", "PX", "PXAT") and at + 1 < len(names):
            number = whole(options[at + 1])
            if number <= 0:
                raise CommandError("ERR invalid expire time in 'set' command")
            expires = number if name == "PXAT" else call.now_ms + number * (1000 if name == "EX" else 1)
        elif name not in ("NX", "XX", "KEEPTTL") and (at == 0 or names[at - 1] not in ("EX", "PX", "PXAT")):
            raise CommandError(SYNTAX)
    there = key in call.memory.data
    if ("NX" in names and there) or ("XX" in names and not there):
        return None
    kept = call.memory.expiries.get(key) if "KEEPTTL" in names else None
    call.put(key, value)
    expires = kept if expires is None else expires
    if expires is not None:
        call.memory.expiries[key] = expires
    call.changed(1, [b"SET", key, value, b"PXAT", b"%d" % expires] if expires is not None else call.words)
    return OK


def _setex(call: _Call) -> Reply:
    call.words = [b"SET", call.key, call.words[3], b"EX", call.words[2]]
    return _set(call)


def _setnx(call: _Call) -> Reply:
    call.words = [b"SET", call.key, call.words[2], b"NX"]
    return int(_set(call) is not None)


def _get(call: _Call) -> Reply:
    found: bytes | None = call.value(bytes)
    return found


def _getset(call: _Call) -> Reply:
    found = _get(call)
    call.put(call.key, call.words[2])
    call.changed(1, [b"SET", call.key, call.words[2]])
    return found


def _mset(call: _Call) -> Reply:
    pairs = call.words[1:]
    if len(pairs) % 2:
        raise CommandError("ERR wrong number of arguments for 'mset' command")
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        call.put(key, value)
    call.changed(len(pairs) // 2)
    return OK


def _mget(call: _Call) -> Reply:
    found = [call.memory.data.get(key) for key in call.words[1:]]
    return [value if isinstance(value, bytes) else None for value in found]


def _append(call: _Call) -> Reply:
    value = call.value(bytes, b"") + call.words[2]
    call.memory.data[call.key] = value
    call.changed()
    return len(value)


def _added(call: _Call, by: int) -> Reply:
    value = whole(call.value(bytes, b"0")) + by
    if abs(value) >= 1 << 63:
        raise CommandError("ERR increment or decrement would overflow")
    call.memory.data[call.key] = b"%d" % value
    call.changed()
    return value


# -- keys --------------------------------------------------------------------------------------------------------------
def _delete(call: _Call) -> Reply:
    count = sum(call.remove(key) for key in call.words[1:])
    call.changed(count)
    return count


def _keys(call: _Call) -> Reply:
    pattern = decode(call.key)
    return [key for key in sorted(call.memory.data) if fits(pattern, decode(key))]


def _type(call: _Call) -> Reply:
    names = {bytes: "string", list: "list", dict: "hash", set: "set", type(None): "none"}
    return Status(names[type(call.memory.data.get(call.key))])


def _rename(call: _Call) -> Reply:
    if call.key not in call.memory.data:
        raise CommandError("ERR no such key")
    value, expires = call.memory.data[call.key], call.memory.expiries.get(call.key)
    call.remove(call.key)
    call.remove(call.words[2])
    call.memory.data[call.words[2]] = value
    if expires is not None:
        call.memory.expiries[call.words[2]] = expires
    call.changed()
    return OK


def _expire_at(call: _Call, when_ms: int) -> Reply:
    if call.key not in call.memory.data:
        return 0
    if when_ms <= call.now_ms:
        call.remove(call.key)
        call.changed(1, [b"DEL", call.key])
    else:
        call.memory.expiries[call.key] = when_ms
        call.changed(1, [b"PEXPIREAT", call.key, b"%d" % when_ms])
    return 1


def _left(call: _Call, unit: int) -> Reply:
    if call.key not in call.memory.data:
        return -2
    when = call.memory.expiries.get(call.key)
    return -1 if when is None else (when - call.now_ms + unit // 2) // unit


def _persist(call: _Call) -> Reply:
    kept = call.memory.expiries.pop(call.key, None) is not None
    call.changed(int(kept))
    return int(kept)


def _flush(call: _Call) -> Reply:
    count = len(call.memory.data)
    call.memory.data.clear()
    call.memory.expiries.clear()
    call.changed(max(count, 1))
    return OK


# -- lists -------------------------------------------------------------------------------------------------------------
def _push(call: _Call, *, left: bool) -> Reply:
    items = call.made(list)
    for word in call.words[2:]:
        items.insert(0 if left else len(items), word)
    call.changed(len(call.words) - 2)
    return len(items)


def _pop(call: _Call, *, left: bool) -> Reply:
    items = call.value(list)
    if not items:
        return None
    found: bytes = items.pop(0 if left else -1)
    call.tidy()
    call.changed()
    return found


def _range(call: _Call) -> Reply:
    items = call.value(list, [])
    first, last = call.integer(2), call.integer(3)
    first = max(first + len(items), 0) if first < 0 else first
    last = last + len(items) if last < 0 else last
    return list(items[first : last + 1])


def _index(call: _Call) -> Reply:
    items, at = call.value(list, []), call.integer(2)
    return items[at] if -len(items) <= at < len(items) else None


# -- hashes and sets ---------------------------------------------------------------------------------------------------
def _hset(call: _Call) -> Reply:
    pairs = call.words[2:]
    if len(pairs) % 2:
        raise CommandError("ERR wrong number of arguments for 'hset' command")
    fields = call.made(dict)
    before = len(fields)
    fields.update(zip(pairs[::2], pairs[1::2], strict=True))
    call.changed(len(pairs) // 2)
    added = len(fields) - before
    return OK if call.words[0].upper() == b"HMSET" else added


def _hget(call: _Call) -> Reply:
    found: bytes | None = call.value(dict, {}).get(call.words[2])
    return found


def _hgetall(call: _Call) -> Reply:
    return [part for pair in sorted(call.value(dict, {}).items()) for part in pair]


def _hdel(call: _Call) -> Reply:
    fields = call.value(dict, {})
    count = sum(fields.pop(field, None) is not None for field in call.words[2:])
    call.tidy()
    call.changed(count)
    return count


def _hincrby(call: _Call) -> Reply:
    by = call.integer(3)
    fields = call.made(dict)
    value = whole(fields.get(call.words[2], b"0")) + by
    fields[call.words[2]] = b"%d" % value
    call.changed()
    return value


def _sadd(call: _Call) -> Reply:
    members = call.made(set)
    before = len(members)
    members.update(call.words[2:])
    call.changed(len(members) - before)
    return len(members) - before


def _srem(call: _Call) -> Reply:
    members = call.value(set, set())
    count = len(members & set(call.words[2:]))
    members.difference_update(call.words[2:])
    call.tidy()
    call.changed(count)
    return count


def _select(call: _Call) -> Reply:
    if call.key != b"0":
        raise CommandError("ERR DB index is out of range")
    return OK


COMMANDS: dict[str, Command] = {
    "ping": Command(lambda call: call.words[1] if len(call.words) > 1 else Status("PONG"), 1),
    "echo": Command(lambda call: call.key, -2), "set": Command(_set, 3, writes=True), "get": Command(_get, -2),
    "setex": Command(_setex, -4, writes=True), "setnx": Command(_setnx, -3, writes=True),
    "getset": Command(_getset, -3, writes=True), "mset": Command(_mset, 3, writes=True), "mget": Command(_mget, 2),
    "append": Command(_append, -3, writes=True), "strlen": Command(lambda call: len(call.value(bytes, b"")), -2),
    "incr": Command(lambda call: _added(call, 1), -2, writes=True),
    "decr": Command(lambda call: _added(call, -1), -2, writes=True),
    "incrby": Command(lambda call: _added(call, call.integer(2)), -3, writes=True),
    "decrby": Command(lambda call: _added(call, -call.integer(2)), -3, writes=True),
    "del": Command(_delete, 2, writes=True), "unlink": Command(_delete, 2, writes=True),
    "exists": Command(lambda call: sum(key in call.memory.data for key in call.words[1:]), 2),
    "keys": Command(_keys, -2), "dbsize": Command(lambda call: len(call.memory.data), -1), "type": Command(_type, -2),
    "rename": Command(_rename, -3, writes=True),
    "expire": Command(lambda call: _expire_at(call, call.now_ms + call.integer(2) * 1000), 3, writes=True),
    "pexpire": Command(lambda call: _expire_at(call, call.now_ms + call.integer(2)), 3, writes=True),
    "pexpireat": Command(lambda call: _expire_at(call, call.integer(2)), 3, writes=True),
    "ttl": Command(lambda call: _left(call, 1000), -2), "pttl": Command(lambda call: _left(call, 1), -2),
    "persist": Command(_persist, -2, writes=True), "flushall": Command(_flush, 1, writes=True),
    "flushdb": Command(_flush, 1, writes=True), "lpush": Command(lambda call: _push(call, left=True), 3, writes=True),
    "rpush": Command(lambda call: _push(call, left=False), 3, writes=True),
    "lpop": Command(lambda call: _pop(call, left=True), -2, writes=True),
    "rpop": Command(lambda call: _pop(call, left=False), -2, writes=True),
    "llen": Command(lambda call: len(call.value(list, [])), -2), "lrange": Command(_range, -4),
    "lindex": Command(_index, -3), "hset": Command(_hset, 4, writes=True), "hmset": Command(_hset, 4, writes=True),
    "hget": Command(_hget, -3), "hgetall": Command(_hgetall, -2), "hdel": Command(_hdel, 3, writes=True),
    "hlen": Command(lambda call: len(call.value(dict, {})), -2),
    "hkeys": Command(lambda call: sorted(call.value(dict, {})), -2),
    "hvals": Command(lambda call: [value for _, value in sorted(call.value(dict, {}).items())], -2),
    "hexists": Command(lambda call: int(call.words[2] in call.value(dict, {})), -3),
    "hincrby": Command(_hincrby, -4, writes=True), "sadd": Command(_sadd, 3, writes=True),
    "srem": Command(_srem, 3, writes=True), "smembers": Command(lambda call: sorted(call.value(set, set())), -2),
    "sismember": Command(lambda call: int(call.words[2] in call.value(set, set())), -3),
    "scard": Command(lambda call: len(call.value(set, set())), -2),
    "select": Command(_select, -2),
}  # fmt: skip
"""The commands on keys, by name."""


def execute(memory: Memory, words: list[bytes], now_us: int) -> tuple[Reply, list[list[bytes]]]:
    """Do a command on the data set; what it answers, and what makes its changes again. Raises `CommandError`.

    >>> memory = Memory()
    >>> execute(memory, [b"SET", b"a", b"1"], 0), execute(memory, [b"INCR", b"a"], 0)[0], memory.changes
    (('OK', [[b'SET', b'a', b'1']]), 2, 2)
    """
    name = decode(words[0]).lower()
    command = COMMANDS.get(name)
    if command is None:
        beginning = " ".join(f"'{decode(word)}'" for word in words[1:])
        raise CommandError(f"ERR unknown command '{decode(words[0])}', with args beginning with: {beginning}")
    if len(words) < abs(command.words) or (command.words < 0 and len(words) != -command.words):
        raise CommandError(f"ERR wrong number of arguments for '{name}' command")
    now_ms = milliseconds(now_us)
    memory.expire(now_ms)
    call = _Call(memory, words, now_ms)
    reply = command.run(call)
    return reply, call.logged
