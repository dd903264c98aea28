"""How a tool is made: from a function that does all at once, or from one that takes its input as it comes.

A tool keeps nothing. One that needs all of its input and does not have it yet begins again when there is more; a
filter is given what has come, and remembers a value until more comes.

>>> def shout(process, memory, data, last):
...     process.write(data.upper())
...     return memory, 0 if last else None
>>> Filter(shout)
Filter(shout)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from volsim.errors import FileError
from volsim.programs.files import Files
from volsim.programs.process import MoreInput, Pause, Process, default_signal

__all__ = [
    "CANNOT_OPEN",
    "Applet",
    "Filter",
    "Options",
    "Tool",
    "UsageError",
    "contents",
    "fail",
    "options",
    "whole_number",
]


class UsageError(Exception):
    """A tool that was called wrongly; the text says how."""


class Tool:
    """What all tools have: a name, and no handlers for signals."""

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        """It has no handlers."""
        return default_signal(process, name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Applet(Tool):
    """A program that does all it has to do at once; the function returns its status."""

    def __init__(self, run: Callable[[Process], int]) -> None:
        self._run = run

    def start(self, process: Process) -> Pause:
        """Run to the end, or wait for the end of the input."""
        try:
            return Pause.exited(self._run(process))
        except MoreInput:
            process.output.clear()
            return Pause.reading()
        except UsageError as wrong:
            return Pause.exited(fail(process, str(wrong)))
        except FileError as error:
            return Pause.exited(fail(process, f"{error.filename}: {error.strerror}"))

    def resume(self, memory: Any, process: Process) -> Pause:
        """Begin again: there is more input now."""
        return self.start(process)

    def __repr__(self) -> str:
        return f"Applet({self._run.__name__})"


class Filter(Applet):
    """A program that takes its input as it comes.

    The function gets the process, what it remembers (None at the start), the data that has come, and whether that is
    the last; it returns what it remembers and its status, which is None as long as it wants more.
    """

    def __init__(
        self, run: Callable[[Process, Any, bytes, bool], tuple[Any, int | None]], *, lines: bool = True
    ) -> None:
        self._filter, self._lines = run, lines

    def start(self, process: Process) -> Pause:
        """Take what has come."""
        return self.resume(None, process)

    def resume(self, memory: Any, process: Process) -> Pause:
        """Take what has come since."""
        data, last = process.stdin, not process.stdin_open
        if not last and self._lines:  # only whole lines
            data = data[: data.rfind(b"\n") + 1]
        process.consumed = len(data)
        try:
            memory, status = self._filter(process, memory, data, last)
        except UsageError as wrong:
            return Pause.exited(fail(process, str(wrong)))
        except FileError as error:
            return Pause.exited(fail(process, f"{error.filename}: {error.strerror}"))
        return Pause.reading(memory) if status is None else Pause.exited(status)

    def __repr__(self) -> str:
        return f"Filter({self._filter.__name__})"


def fail(process: Process, text: str) -> int:
    """Say what is wrong, as a tool says it; the status 1."""
    process.complain(f"{process.name}: {text}")
    return 1


# -- arguments ---------------------------------------------------------------------------------------------------------
@attrs.frozen
class Options:
    """The options of a tool by their letters, and its other arguments."""

    given: dict[str, list[str]]
    operands: list[str]

    def __contains__(self, letter: object) -> bool:
        return letter in self.given

    def last(self, letter: str, otherwise: str = "") -> str:
        """The value that was given last."""
        return self.given[letter][-1] if letter in self.given else otherwise


def options(
    process: Process, flags: str = "", valued: str = "", long: dict[str, str] | None = None, *, operands: int = 0
) -> Options:
    """The arguments of a tool: `flags` are its letters without a value, `valued` those with one, `long` its long names.

    Raises `UsageError` for an option it does not know, or if there are fewer than `operands` other arguments.

    >>> from volsim.storage.mounts import MountedFiles
    >>> process = Process(argv=("head", "-n2", "-q", "f"), env={}, files=MountedFiles([], dict().get), now_us=0)
    >>> options(process, "q", "n")
    Options(given={'n': ['2'], 'q': ['']}, operands=['f'])
    """
    given: dict[str, list[str]] = {}
    rest: list[str] = []
    words = list(process.argv[1:])
    while words:
        word = words.pop(0)
        if word == "--":
            rest += words
            break
        if word.startswith("--"):
            name, sign, value = word[2:].partition("=")
            letter = (long or {}).get(name)
            if letter is None:
                raise UsageError(f"unrecognized option: {name}")
            given.setdefault(letter, []).append(value if sign or letter not in valued else _value(words, name))
        elif word.startswith("-") and len(word) > 1:
            _letters(word[1:], words, flags, valued, given)
        else:
            rest.append(word)
    if len(rest) < operands:
        raise UsageError("missing operand")
    return Options(given, rest)


def _letters(letters: str, words: list[str], flags: str, valued: str, given: dict[str, list[str]]) -> None:
    for at, letter in enumerate(letters):
        if letter in valued:
            rest = letters[at + 1 :]
            given.setdefault(letter, []).append(rest or _value(words, letter))
            return
        if letter not in flags:
            raise UsageError(f"unrecognized option: {letter}")
        given.setdefault(letter, []).append("")


def _value(words: list[str], name: str) -> str:
    if not words:
        raise UsageError(f"option requires an argument: {name}")
    return words.pop(0)


_UNITS = {"": 1, "b": 512, "c": 1, "w": 2, "k": 1024, "K": 1024, "kB": 1000, "M": 1024**2, "MB": 1000**2, "G": 1024**3}


def whole_number(text: str, *, signs: str = "") -> int:
    """A number of lines, bytes or blocks, perhaps with a unit. Raises `UsageError`.

    >>> whole_number("10"), whole_number("4k"), whole_number("-3", signs="-")
    (10, 4096, -3)
    """
    sign = text[:1] if text[:1] and text[:1] in signs else ""
    digits = text[len(sign) :].rstrip("bcwkKMGB")
    unit = text[len(sign) + len(digits) :]
    if not (digits.isascii() and digits.isdigit()) or unit not in _UNITS:
        raise UsageError(f"invalid number '{text}'")
    return int(digits) * _UNITS[unit] * (-1 if sign == "-" else 1)


# -- files -------------------------------------------------------------------------------------------------------------
CANNOT_OPEN = "can't open '{name}': {why}"
"""How some tools say that a file cannot be opened; the others only name it."""


def contents(process: Process, names: list[str], error: str = "{name}: {why}") -> Iterator[tuple[str, bytes | None]]:
    """Each file with its bytes; standard input if there is none. One that cannot be read is complained about, and None.

    `error` is how the tool says that a file cannot be opened.
    """
    files = Files(process)
    for name in names or ["-"]:
        try:
            yield name, files.read(name)
        except FileError as wrong:
            fail(process, error.format(name=name, why=wrong.strerror))
            yield name, None
