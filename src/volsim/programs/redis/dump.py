"""A data set as the bytes of an RDB file, and back.

The bytes follow from the data set alone: keys stand in their order, and the file says nothing of when it was made.

>>> load(dump({b"a": b"1", b"l": [b"x", b"y"]}, {b"a": 5_000}, "7.2.7"))
({b'a': b'1', b'l': [b'x', b'y']}, {b'a': 5000})

Modelled: the format that every Redis reads, with plain encodings and no checksum (``rdbchecksum no``).
Not modelled: compressed and packed encodings, which are not read.
Source: Redis, src/rdb.h, src/rdb.c (rdbSaveRio, rdbLoadRio).
"""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["Broken", "Data", "Expiries", "Value", "dump", "load"]

Value: TypeAlias = "bytes | list[bytes] | dict[bytes, bytes] | set[bytes]"
Data: TypeAlias = dict[bytes, Value]
Expiries: TypeAlias = dict[bytes, int]
"""When keys expire, in milliseconds."""

_STRING, _LIST, _SET, _HASH = 0, 1, 2, 4
_EXPIRES, _SIZES, _AUXILIARY, _DATABASE, _END = 0xFC, 0xFB, 0xFA, 0xFE, 0xFF
_FORMATS = {"4": 7, "5": 9, "6": 9, "7.0": 10, "7.2": 11, "7.4": 12, "8": 12}
"""The version of the format by that of the server."""


class Broken(Exception):
    """A file that is no RDB file, or not a whole one; the text is what the server says."""


def _length(number: int) -> bytes:
    if number < 1 << 6:
        return bytes([number])
    if number < 1 << 14:
        return bytes([0x40 | number >> 8, number & 0xFF])
    return b"\x80" + number.to_bytes(4)


def _text(data: bytes) -> bytes:
    return _length(len(data)) + data


def _format(version: str) -> int:
    return next((number for start, number in _FORMATS.items() if version.startswith(start)), 12)


def _entry(key: bytes, value: Value) -> bytes:
    """One key with its value."""
    match value:
        case bytes():
            kind, parts = _STRING, [value]
        case list():
            kind, parts = _LIST, value
        case set():
            kind, parts = _SET, sorted(value)
        case dict():
            kind, parts = _HASH, [part for pair in sorted(value.items()) for part in pair]
    count = b"" if kind == _STRING else _length(len(value))
    return bytes([kind]) + _text(key) + count + b"".join(map(_text, parts))


def dump(data: Data, expiries: Expiries, version: str) -> bytes:
    """The file that holds a data set, as a server of a version writes it."""
    out = [b"REDIS%04d" % _format(version), bytes([_AUXILIARY]), _text(b"redis-ver"), _text(version.encode())]
    if data:
        out += [bytes([_DATABASE, 0, _SIZES]), _length(len(data)), _length(len(expiries))]
    for key, value in sorted(data.items()):
        if key in expiries:
            out.append(bytes([_EXPIRES]) + expiries[key].to_bytes(8, "little"))
        out.append(_entry(key, value))
    return b"".join([*out, bytes([_END]), bytes(8)])


class _Reader:
    """Reads a file from its beginning. Raises `Broken` at its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise Broken("Short read or OOM loading DB. Unrecoverable error, aborting now.")
        self._at += count
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def length(self) -> int:
        first = self.byte()
        match first >> 6:
            case 0:
                return first
            case 1:
                return (first & 0x3F) << 8 | self.byte()
            case 2:
                return int.from_bytes(self.take(4))
        raise Broken(f"Unknown RDB string encoding type {first & 0x3F}")

    def text(self) -> bytes:
        return self.take(self.length())

    def value(self, kind: int) -> Value:
        if kind == _STRING:
            return self.text()
        if kind not in (_LIST, _SET, _HASH):
            raise Broken(f"Unknown RDB encoding type {kind}")
        count = self.length()
        if kind == _HASH:
            return {self.text(): self.text() for _ in range(count)}
        parts = [self.text() for _ in range(count)]
        return set(parts) if kind == _SET else parts


def load(file: bytes) -> tuple[Data, Expiries]:
    """The data set of a file, and when its keys expire. Raises `Broken`."""
    reader = _Reader(file)
    if reader.take(min(9, len(file)))[:5] != b"REDIS" or len(file) < 9:
        raise Broken("Wrong signature trying to load DB from file")
    data: Data = {}
    expiries: Expiries = {}
    expires: int | None = None
    while (code := reader.byte()) != _END:
        if code == _AUXILIARY:
            reader.text()
            reader.text()
        elif code == _DATABASE:
            reader.length()
        elif code == _SIZES:
            reader.length()
            reader.length()
        elif code == _EXPIRES:
            expires = int.from_bytes(reader.take(8), "little")
        else:
            key = reader.text()
            data[key] = reader.value(code)
            if expires is not None:
                expiries[key], expires = expires, None
    return data, expiries
