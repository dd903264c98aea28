"""Tools that make and measure data.

Modelled: `base64`, `basename`, `dd`, `dirname`, `expr`, `fallocate`, `seq`, `md5sum` and its relatives.
Not modelled: how long a copy takes, files beyond 256 MiB, conversions but ``notrunc``.
Source: busybox, coreutils/dd.c, coreutils/seq.c, coreutils/expr.c, coreutils/md5_sha1_sum.c, coreutils/basename.c.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import re
from collections.abc import Callable
from posixpath import basename, dirname
from typing import NamedTuple

from volsim.errors import FileError
from volsim.programs.files import FILE_MOST, Files
from volsim.programs.process import Process, Program, decode, encode
from volsim.programs.tools.applet import CANNOT_OPEN, Applet, UsageError, contents, fail, options, whole_number
from volsim.programs.tools.regular import expression

__all__ = ["TOOLS"]

_SEQUENCE_MOST = 1_000_000  # numbers that `seq` writes


# -- names and numbers -------------------------------------------------------------------------------------------------
def _basename(process: Process) -> int:
    found = options(process, "az", "s", operands=1)
    names = found.operands if "a" in found or "s" in found else found.operands[:1]
    suffix = found.last("s") if "s" in found else (found.operands[1:2] or [""])[0]
    for name in names:
        base = basename(name.rstrip("/")) or ("/" if name else "")
        process.print(base.removesuffix(suffix) if suffix and base != suffix else base)
    return 0


def _dirname(process: Process) -> int:
    for name in options(process, operands=1).operands:
        directory = dirname(name.rstrip("/")).rstrip("/")
        process.print(directory or ("/" if name.startswith("/") else "."))
    return 0


def _seq(process: Process) -> int:
    words, separator, wide = list(process.argv[1:]), "\n", False
    while (words and words[0] in ("-w", "-s")) or (words and words[0].startswith("-s")):
        word = words.pop(0)
        if word == "-w":
            wide = True
        else:
            separator = word[2:] or (words.pop(0) if words else "\n")
    if not 1 <= len(words) <= 3:
        raise UsageError("expected one to three numbers")
    for word in words:
        if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)", word, re.ASCII) is None:
            raise UsageError(f"invalid number '{word}'")
    digits = max(len(word.partition(".")[2]) for word in words)
    scale = 10**digits
    numbers = [round(float(word) * scale) for word in words]
    first, step, last = (scale, scale, *numbers)[-3:] if len(numbers) == 1 else (
        (numbers[0], scale, numbers[1]) if len(numbers) == 2 else tuple(numbers))  # fmt: skip
    if step == 0:
        raise UsageError("increment must not be zero")
    values = range(first, last + (1 if step > 0 else -1), step)
    if len(values) > _SEQUENCE_MOST:
        raise UsageError(f"more than {_SEQUENCE_MOST} numbers are not modelled")
    texts = [f"{value / scale:.{digits}f}" if digits else str(value) for value in values]
    width = max(map(len, texts), default=0) if wide else 0
    if texts:
        process.print(separator.join(text.zfill(width) for text in texts))
    return 0


# -- expr --------------------------------------------------------------------------------------------------------------
class _Expression:
    """Evaluates the words of `expr`."""

    _LEVELS = (("|",), ("&",), ("=", "==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"), (":",))

    def __init__(self, words: list[str]) -> None:
        self._words = words

    def result(self) -> str:
        """The value of all words."""
        value = self._level(0)
        if self._words:
            raise UsageError("syntax error")
        return value

    def _level(self, level: int) -> str:
        if level == len(self._LEVELS):
            return self._primary()
        value = self._level(level + 1)
        while self._words and self._words[0] in self._LEVELS[level]:
            sign = self._words.pop(0)
            value = self._combined(sign, value, self._level(level + 1))
        return value

    def _primary(self) -> str:
        if not self._words:
            raise UsageError("syntax error")
        word = self._words.pop(0)
        if word == "(":
            value = self._level(0)
            if not self._words or self._words.pop(0) != ")":
                raise UsageError("syntax error")
            return value
        if word == "length" and self._words:
            return str(len(self._primary()))
        if word == "substr" and len(self._words) > 2:
            text, start, length = self._primary(), _whole(self._primary()), _whole(self._primary())
            return text[start - 1 : start - 1 + length] if start > 0 and length > 0 else ""
        if word == "index" and len(self._words) > 1:
            text, signs = self._primary(), self._primary()
            return str(next((at for at, sign in enumerate(text, 1) if sign in signs), 0))
        if word == "match" and len(self._words) > 1:
            return _matched(self._primary(), self._primary())
        return word

    @staticmethod
    def _combined(sign: str, one: str, two: str) -> str:
        if sign == "|":
            return one if _true(one) else two if _true(two) else "0"
        if sign == "&":
            return one if _true(one) and _true(two) else "0"
        if sign == ":":
            return _matched(one, two)
        if sign in _COMPARED:
            numbers = _is_whole(one) and _is_whole(two)
            return str(int(_COMPARED[sign](int(one), int(two)) if numbers else _COMPARED[sign](one, two)))
        first, second = _whole(one), _whole(two)
        if sign in "/%" and second == 0:
            raise UsageError("division by zero")
        quotient = abs(first) // abs(second or 1) * (1 if (first < 0) == (second < 0) else -1)
        return str({"+": first + second, "-": first - second, "*": first * second, "/": quotient,
                    "%": first - quotient * second}[sign])  # fmt: skip


_COMPARED: dict[str, Callable[..., bool]] = {
    "=": lambda one, two: one == two, "==": lambda one, two: one == two, "!=": lambda one, two: one != two,
    "<": lambda one, two: one < two, "<=": lambda one, two: one <= two, ">": lambda one, two: one > two,
    ">=": lambda one, two: one >= two,
}  # fmt: skip


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"-?\d+", text, re.ASCII) is not None


def _whole(text: str) -> int:
    if not _is_whole(text):
        raise UsageError("non-numeric argument")
    return int(text)


def _true(text: str) -> bool:
    return text not in ("", "0")


def _matched(text: str, pattern: str) -> str:
    found = expression(pattern).match(text)
    groups = r"\(" in pattern
    if found is None:
        return "" if groups else "0"
    return (found[1] or "") if groups else str(len(found[0]))


def _expr(process: Process) -> int:
    words = list(process.argv[1:])
    try:
        value = _Expression(words[1:] if words[:1] == ["--"] else words).result()
    except UsageError as wrong:
        fail(process, str(wrong))
        return 2
    process.print(value)
    return int(not _true(value))


# -- dd ----------------------------------------------------------------------------------------------------------------
class _Copy(NamedTuple):
    """What `dd` is to do."""

    source: str
    target: str
    block: int
    blocks: int | None
    skip: int
    seek: int
    keep: bool
    quiet: bool


def _dd_arguments(process: Process) -> _Copy:
    given: dict[str, str] = {}
    for word in process.argv[1:]:
        name, sign, value = word.partition("=")
        if not sign or name not in (
            "if",
            "of",
            "bs",
            "ibs",
            "obs",
            "count",
            "skip",
            "seek",
            "conv",
            "status",
            "iflag",
            "oflag",
        ):
            raise UsageError(f"unrecognized operand '{word}'")
        given[name] = value
    block = whole_number(given.get("bs") or given.get("ibs") or given.get("obs") or "512")
    if block == 0:
        raise UsageError("invalid number '0'")
    return _Copy(
        source=given.get("if", "-"), target=given.get("of", ""), block=block,
        blocks=whole_number(given["count"]) if "count" in given else None, skip=whole_number(given.get("skip", "0")),
        seek=whole_number(given.get("seek", "0")), keep="notrunc" in given.get("conv", ""),
        quiet=given.get("status", "") == "none",
    )  # fmt: skip


def _dd_read(process: Process, copy: _Copy) -> bytes:
    """What is to be copied. Raises `FileError`."""
    files = Files(process)
    most = None if copy.blocks is None else copy.blocks * copy.block
    source = None if files.is_input(copy.source) else files.endless(files.path(copy.source))
    if source is None:
        data = files.read(copy.source)[copy.skip * copy.block :]
        return data if most is None else data[:most]
    if most is not None and most <= FILE_MOST:
        return source(most)
    return source(FILE_MOST)  # a disk that nothing limits would be full some day, too


def _dd(process: Process) -> int:
    copy = _dd_arguments(process)
    files = Files(process)
    try:
        data = _dd_read(process, copy)
    except FileError as error:
        return fail(process, f"can't open '{copy.source}': {error.strerror}")
    written, problem = len(data), ""
    if not copy.target:
        process.write(data)
    else:
        start = copy.seek * copy.block
        old = b""
        try:
            if files.kind(copy.target) == "file" and (copy.keep or start):
                old = files.read(copy.target)
            new = old[:start].ljust(start, b"\0") + data + (old[start + len(data) :] if copy.keep else b"")
            files.write(copy.target, new)
        except FileError as error:
            if error.errno != errno.ENOSPC:
                return fail(process, f"can't open '{copy.target}': {error.strerror}")
            written = max(files.length(copy.target) - start, 0)
            problem = f"error writing '{copy.target}': {error.strerror}"
            data = data[: (written // copy.block + 1) * copy.block]  # no more was read
    if problem:
        fail(process, problem)
    if not copy.quiet:
        whole, part = divmod(len(data), copy.block)
        process.complain(f"{whole}+{int(part > 0)} records in")
        whole, part = divmod(written, copy.block)
        process.complain(f"{whole}+{int(part > 0 and not problem)} records out")  # a block that failed does not count
        process.complain(f"{written} bytes ({_amount(written)}) copied, 0.000000 seconds, 0B/s")
    return int(bool(problem))


def _amount(size: int) -> str:
    amount = float(size)
    for unit in ("bytes", "KB", "MB", "GB"):
        if amount < 1024 or unit == "GB":
            return f"{size} bytes" if unit == "bytes" else f"{amount:.1f}{unit}"
        amount /= 1024
    raise AssertionError("the last unit takes all")


def _fallocate(process: Process) -> int:
    found = options(process, "", "lo", {"length": "l", "offset": "o"}, operands=1)
    files, size = Files(process), whole_number(found.last("l", "0").removesuffix("iB"))
    name = found.operands[0]
    if size > FILE_MOST:
        return fail(process, f"fallocate '{name}': File too large")
    try:
        data = files.read(name) if files.exists(name) else b""
        files.write(name, data.ljust(size, b"\0"))
    except FileError as error:
        return fail(process, f"fallocate '{name}': {error.strerror}")
    return 0


# -- sums --------------------------------------------------------------------------------------------------------------
def _sum(algorithm: str) -> Applet:
    """`md5sum` and its like."""

    def run(process: Process) -> int:
        found = options(process, "bcsw", long={"check": "c"})
        if "c" in found:
            return _check_sums(process, algorithm, found.operands)
        status = 0
        for name, data in contents(process, found.operands, CANNOT_OPEN):
            if data is None:
                status = 1
            else:
                process.print(f"{hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()}  {name}")
        return status

    return Applet(run)


def _check_sums(process: Process, algorithm: str, names: list[str]) -> int:
    """Compare files with the sums that a file lists."""
    failed = 0
    for _, listed in contents(process, names, CANNOT_OPEN):
        for line in decode(listed or b"").splitlines():
            wanted, _, name = line.partition("  ")
            data = next(contents(process, [name], CANNOT_OPEN))[1]
            good = data is not None and hashlib.new(algorithm, data, usedforsecurity=False).hexdigest() == wanted
            process.print(f"{name}: {'OK' if good else 'FAILED'}")
            failed += not good
    if failed:
        fail(process, f"WARNING: {failed} computed checksums did NOT match")
    return int(failed > 0)


def _base64(process: Process) -> int:
    found = options(process, "di", "w", {"decode": "d", "wrap": "w"})
    data = next(contents(process, found.operands, CANNOT_OPEN))[1]
    if data is None:
        return 1
    if "d" in found:
        try:
            process.write(base64.b64decode(b"".join(data.split()), validate=True))
        except (binascii.Error, ValueError):
            return fail(process, "truncated input")
        return 0
    text, width = base64.b64encode(data).decode(), whole_number(found.last("w", "76"))
    lines = [text[at : at + width] for at in range(0, len(text), width)] if width else [text]
    process.write(encode("".join(line + "\n" for line in lines) if width else text))
    return 0


TOOLS: dict[str, Program] = {
    "base64": Applet(_base64), "basename": Applet(_basename), "dd": Applet(_dd), "dirname": Applet(_dirname),
    "expr": Applet(_expr), "fallocate": Applet(_fallocate), "seq": Applet(_seq),
    **{f"{name}sum": _sum(name) for name in ("md5", "sha1", "sha256", "sha512")},
}  # fmt: skip
