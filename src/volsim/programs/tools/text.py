"""Tools that read text: `cat`, `head`, `tail`, `wc`.

Modelled: ``tail -f``, which looks a second after something has come and then ever later, up to a minute, so that a
file that nobody writes costs nothing; what has come of the input of `cat`.
Not modelled: ``cat -n`` and what else changes the text.
Source: busybox, coreutils/cat.c, coreutils/head.c, coreutils/tail.c, coreutils/wc.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from volsim.errors import FileError
from volsim.programs.files import BLOCK, Files
from volsim.programs.process import SIGNALS, Pause, Process, Program
from volsim.programs.tools.applet import (
    CANNOT_OPEN,
    Applet,
    Filter,
    Tool,
    UsageError,
    contents,
    fail,
    options,
    whole_number,
)

__all__ = ["TOOLS"]

_BLOCKS_MOST = 64  # of 1 MiB, that `cat` reads from a device that never ends
_POLL_FIRST_US, _POLL_MAX_US = 1_000_000, 60_000_000  # when ``tail -f`` looks again whether a file has grown


def _lines(data: bytes) -> list[bytes]:
    """The lines of a text, with their ends."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


# -- cat ---------------------------------------------------------------------------------------------------------------
def _cat_input(process: Process, memory: Any, data: bytes, last: bool) -> tuple[Any, int | None]:
    process.write(data)
    return None, 0 if last else None


def _cat_files(process: Process) -> int:
    found = options(process, "uv")
    files, status = Files(process), 0
    for name in found.operands or ["-"]:
        try:
            source = None if files.is_input(name) else files.endless(files.path(name))
            process.write(files.read(name) if source is None else source(BLOCK))
        except FileError as error:
            directory = files.kind(name) == "directory"
            status = fail(
                process,
                f"read error: {error.strerror}" if directory else CANNOT_OPEN.format(name=name, why=error.strerror),
            )
    return status


class _Cat(Tool):
    """`cat`: with files all at once, without them as its input comes; a device that never ends block by block."""

    _files, _input = Applet(_cat_files), Filter(_cat_input, lines=False)

    def _part(self, process: Process) -> Applet:
        return self._files if any(word not in ("-", "-u") for word in process.argv[1:]) else self._input

    def start(self, process: Process) -> Pause:
        source = Files(process).endless(process.argv[1]) if len(process.argv) == 2 else None
        return self._part(process).start(process) if source is None else self._endless(process, source, 0)

    @staticmethod
    def _endless(process: Process, source: Callable[[int], bytes], blocks: int) -> Pause:
        if blocks >= _BLOCKS_MOST:
            process.complain("cat: killed: it reads a device that never ends")
            return Pause.exited(128 + SIGNALS["KILL"])
        process.write(source(BLOCK))
        return Pause.sleeping(0, memory=blocks + 1)

    def resume(self, memory: Any, process: Process) -> Pause:
        source = Files(process).endless(process.argv[1]) if isinstance(memory, int) else None
        return self._part(process).resume(memory, process) if source is None else self._endless(process, source, memory)


# -- head and tail -----------------------------------------------------------------------------------------------------
def _old_style(process: Process) -> Process:
    """``head -5`` is ``head -n 5``."""
    name, *words = process.argv
    if words and words[0].startswith("-") and words[0][1:].isdigit():
        words[0] = f"-n{words[0][1:]}"
    process.argv = (name, *words)
    return process


def _titles(process: Process, names: list[str], *, quiet: bool, always: bool, number: int) -> None:
    """``==> name <==`` before each of several files."""
    if (len(names) > 1 and not quiet) or always:
        process.print(f"{chr(10) if number else ''}==> {names[number] if names else 'standard input'} <==")


def _first(data: bytes, count: int, by_bytes: bool) -> bytes:
    if by_bytes:
        return data[:count] if count >= 0 else data[: max(len(data) + count, 0)]
    return b"".join(_lines(data)[:count])


def _head(process: Process) -> int:
    found = options(_old_style(process), "qv", "nc")
    by_bytes = "c" in found
    count = whole_number(found.last("c" if by_bytes else "n", "10"), signs="-")
    status = 0
    files = Files(process)
    for number, name in enumerate(found.operands or ["-"]):
        source = None if files.is_input(name) else files.endless(files.path(name))
        if source is not None:
            data: bytes | None = source(count if by_bytes else BLOCK)
        elif files.is_input(name):
            data = _enough(process, count, by_bytes)
        else:
            data = next(contents(process, [name]))[1]
        if data is None:
            status = 1
            continue
        _titles(process, found.operands, quiet="q" in found, always="v" in found, number=number)
        process.write(_first(data, count, by_bytes))
    return status


def _enough(process: Process, count: int, by_bytes: bool) -> bytes:
    """What `head` needs of the input; it does not wait for more."""
    data = process.stdin
    if count < 0 or (len(data) if by_bytes else data.count(b"\n")) < count:
        return process.input()
    process.consumed = len(data)
    return data


class _Tail(Tool):
    """`tail`; with ``-f`` it waits for more."""

    def start(self, process: Process) -> Pause:
        try:
            return self._run(process)
        except UsageError as wrong:
            return Pause.exited(fail(process, str(wrong)))

    def _run(self, process: Process) -> Pause:
        found = options(_old_style(process), "qvfF", "ncs", {"follow": "f", "retry": "F", "lines": "n", "bytes": "c"})
        by_bytes = "c" in found
        given = found.last("c" if by_bytes else "n", "10")
        count = abs(whole_number(given, signs="+-"))
        once = Applet(
            lambda inner: self._shown(inner, found.operands, count, by_bytes, given.startswith("+"), found.given)
        )
        pause = once.start(process)
        follows = "f" in found or "F" in found
        if pause.exit_code is None or not follows or not found.operands:
            return pause
        if pause.exit_code and not any(Files(process).exists(name) for name in found.operands) and "F" not in found:
            return Pause.exited(fail(process, "no files"))
        return self._wait(process, found.operands, _POLL_FIRST_US)

    @staticmethod
    def _shown(
        process: Process, names: list[str], count: int, by_bytes: bool, from_start: bool, given: dict[str, list[str]]
    ) -> int:
        status = 0
        for number, (_, data) in enumerate(contents(process, names, CANNOT_OPEN)):
            if data is None:
                status = 1
                continue
            _titles(process, names, quiet="q" in given, always="v" in given, number=number)
            pieces = [data[at : at + 1] for at in range(len(data))] if by_bytes else _lines(data)
            start = max(count - 1, 0) if from_start else max(len(pieces) - count, 0)
            process.write(b"".join(pieces[start:]))
        return status

    @staticmethod
    def _wait(process: Process, names: list[str], wait_us: int) -> Pause:
        """Look again later; what can never grow is not looked at."""
        files = Files(process)
        if all(files.kind(name) == "char" for name in names):
            return Pause.serving()
        return Pause.sleeping(wait_us, memory=(wait_us, tuple(map(files.length, names))))

    def resume(self, memory: Any, process: Process) -> Pause:
        if memory is None:
            return self.start(process)
        names = options(_old_style(process), "qvfF", "ncs", {"follow": "f", "retry": "F"}).operands
        files = Files(process)
        wait_us, lengths = memory
        wait_us = min(2 * wait_us, _POLL_MAX_US)
        for number, (name, before) in enumerate(zip(names, lengths, strict=True)):
            now = files.length(name)
            if now != before:
                _titles(process, names, quiet=False, always=False, number=number)
                process.write(files.read(name)[before if now > before else 0 :] if now else b"")
                wait_us = _POLL_FIRST_US
        return self._wait(process, names, wait_us)


# -- wc ----------------------------------------------------------------------------------------------------------------
def _wc(process: Process) -> int:
    found = options(process, "lwcmL")
    letters = [letter for letter in "lwmcL" if letter in found] or ["l", "w", "c"]
    rows, status = [], 0
    for name, data in contents(process, found.operands):
        if data is None:
            status = 1
            continue
        text = data.decode(errors="replace")
        counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data), "m": len(text)}
        counts["L"] = max(map(len, text.split("\n")))
        rows.append(([counts[letter] for letter in letters], name if found.operands else ""))
    if len(found.operands) > 1:
        columns = list(zip(*(row for row, _ in rows), strict=True))
        longest = [
            max(each, default=0) if letter == "L" else sum(each) for letter, each in zip(letters, columns, strict=False)
        ]
        rows.append((longest or [0] * len(letters), "total"))
    for row, name in rows:
        alone = len(letters) == 1
        shown = str(row[0]) if alone else " ".join(f"{number:9}" for number in row)
        process.print(f"{shown} {name}".rstrip() if name else shown)
    return status


TOOLS: dict[str, Program] = {"cat": _Cat(), "head": Applet(_head), "tail": _Tail(), "wc": Applet(_wc)}
