"""`find`: walks directories and tests, prints or deletes what it finds.

Modelled: ``-name -iname -path -type -size -empty -newer -mmin -mtime -maxdepth -mindepth -depth -prune -print -print0
-delete -exec … ; -exec … +``, ``! -not -a -o ( )``.
Not modelled: users, permissions, file systems.
Source: POSIX.1-2017, XCU 4 (find); busybox, findutils/find.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from posixpath import basename, join
from typing import NamedTuple

from volsim.errors import FileError
from volsim.programs.files import Files
from volsim.programs.patterns import fits
from volsim.programs.process import Process, Program
from volsim.programs.tools.applet import Applet, UsageError, fail, whole_number
from volsim.programs.tools.running import run_at_once
from volsim.storage.mounts import Stat

__all__ = ["TOOLS"]

_TYPES = {"f": "file", "d": "directory", "l": "link", "c": "char", "b": "block", "s": "socket", "p": "fifo"}
_DEPTH_MOST = 200  # directories within each other


class _Found(NamedTuple):
    """A file that was reached."""

    name: str
    stat: Stat
    depth: int


Test = Callable[[_Found], bool]


class _Find:
    """One run: what is looked for, and what has happened."""

    def __init__(self, process: Process, words: list[str]) -> None:
        self.process, self.files, self._words = process, Files(process), words
        self.depth_first = "-depth" in words or "-delete" in words
        self.least, self.most = 0, _DEPTH_MOST
        self.status = 0
        self._acts = False
        self._pruned = False
        self._collected: list[tuple[list[str], list[str]]] = []

    # -- the expression -----------------------------------------------------------------------------------------------
    def expression(self) -> Test:
        """The whole expression; it prints if it does nothing else."""
        test = self._either() if self._words else lambda found: True
        if self._words:
            raise UsageError(f"unrecognized: {self._words[0]}")
        if self._acts:
            return test
        return lambda found: test(found) and self._print(found, "\n")

    def _either(self) -> Test:
        test = self._both()
        while self._words[:1] in (["-o"], ["-or"]):
            self._words.pop(0)
            test = _or(test, self._both())
        return test

    def _both(self) -> Test:
        test = self._not()
        while self._words and self._words[0] not in ("-o", "-or", ")"):
            if self._words[0] in ("-a", "-and"):
                self._words.pop(0)
            test = _and(test, self._not())
        return test

    def _not(self) -> Test:
        if self._words[:1] in (["!"], ["-not"]):
            self._words.pop(0)
            inner = self._not()
            return lambda found: not inner(found)
        return self._primary()

    def _primary(self) -> Test:
        if not self._words:
            raise UsageError("expression expected")
        word = self._words.pop(0)
        if word == "(":
            test = self._either()
            if self._words[:1] != [")"]:
                raise UsageError("unmatched '('")
            self._words.pop(0)
            return test
        plain: dict[str, Test] = {
            "-print": lambda found: self._print(found, "\n"), "-print0": lambda found: self._print(found, "\0"),
            "-delete": self._delete, "-empty": self._empty, "-prune": self._prune, "-true": lambda found: True,
            "-false": lambda found: False, "-depth": lambda found: True, "-xdev": lambda found: True,
            "-mount": lambda found: True, "-quit": self._quit,
        }  # fmt: skip
        if word in plain:
            self._acts = self._acts or word in ("-print", "-print0", "-delete", "-quit")
            return plain[word]
        if word in ("-exec", "-ok"):
            self._acts = True
            return self._exec()
        if not self._words:
            raise UsageError(f"{word} requires an argument" if word.startswith("-") else f"unrecognized: {word}")
        return self._valued(word, self._words.pop(0))

    def _valued(self, word: str, value: str) -> Test:
        match word:
            case "-name":
                return lambda found: fits(value, basename(found.name.rstrip("/")) or "/")
            case "-iname":
                return lambda found: fits(value.lower(), basename(found.name).lower())
            case "-path" | "-wholename":
                return lambda found: fits(value, found.name)
            case "-type":
                kinds = [_TYPES.get(letter) for letter in value.split(",")]
                if None in kinds:
                    raise UsageError(f"unknown argument '{value}' to -type")
                return lambda found: found.stat.kind in kinds
            case "-maxdepth":
                self.most = whole_number(value)
                return lambda found: True
            case "-mindepth":
                self.least = whole_number(value)
                return lambda found: True
            case "-size":
                unit = 1 if value[-1:].isalpha() else 512
                return self._compared(value, lambda found: -(-found.stat.size // unit), unit_in_value=True)
            case "-mmin" | "-mtime":
                unit = 60_000_000 if word == "-mmin" else 86_400_000_000
                return self._compared(value, lambda found: (self.process.now_us - found.stat.mtime_us) // unit)
            case "-newer":
                time_us = self.files.stat(value).mtime_us
                return lambda found: found.stat.mtime_us > time_us
        raise UsageError(f"unrecognized: {word}")

    @staticmethod
    def _compared(value: str, of: Callable[[_Found], int], *, unit_in_value: bool = False) -> Test:
        number = (
            abs(whole_number(value, signs="+-")) if unit_in_value else abs(whole_number(value.rstrip("c"), signs="+-"))
        )
        if value.startswith("+"):
            return lambda found: of(found) > number
        if value.startswith("-"):
            return lambda found: of(found) < number
        return lambda found: of(found) == number

    # -- actions ------------------------------------------------------------------------------------------------------
    def _print(self, found: _Found, end: str) -> bool:
        self.process.print(found.name, end=end)
        return True

    def _delete(self, found: _Found) -> bool:
        if found.name == ".":
            return True
        try:
            self.files.remove(found.name)
        except FileError as error:
            self.status = fail(self.process, f"{found.name}: {error.strerror}")
            return False
        return True

    def _empty(self, found: _Found) -> bool:
        if found.stat.kind == "directory":
            return not self.files.listdir(found.name)
        return found.stat.kind == "file" and found.stat.size == 0

    def _prune(self, found: _Found) -> bool:
        self._pruned = True
        return True

    def _quit(self, found: _Found) -> bool:
        raise StopIteration

    def _exec(self) -> Test:
        ends = [at for at, word in enumerate(self._words) if word in (";", "+")]
        if not ends:
            raise UsageError("-exec requires an argument ended by ;")
        command, end = self._words[: ends[0]], self._words[ends[0]]
        del self._words[: ends[0] + 1]
        if end == ";":
            return lambda found: run_at_once(self.process, [word.replace("{}", found.name) for word in command]) == 0
        names: list[str] = []
        self._collected.append((command, names))

        def collect(found: _Found) -> bool:
            names.append(found.name)
            return True

        return collect

    def finish(self) -> None:
        """Run the commands that get all names at once."""
        for command, names in self._collected:
            if names:
                argv = [each for word in command for each in (names if word == "{}" else [word])]
                self.status = int(run_at_once(self.process, argv) != 0) or self.status

    # -- walking ------------------------------------------------------------------------------------------------------
    def walk(self, name: str, test: Test, depth: int = 0) -> None:
        """Test a file and all below it."""
        found = _Found(name, self.files.stat(name, follow=False), depth)
        self._pruned = False
        if not self.depth_first and depth >= self.least:
            test(found)
        if found.stat.kind == "directory" and depth < self.most and not self._pruned:
            for entry in self._names(name):
                self.walk(join(name, entry), test, depth + 1)
        if self.depth_first and depth >= self.least:
            test(found)

    def _names(self, name: str) -> Iterator[str]:
        try:
            return iter(self.files.listdir(name))
        except FileError as error:
            self.status = fail(self.process, f"{name}: {error.strerror}")
            return iter(())


def _or(one: Test, two: Test) -> Test:
    return lambda found: one(found) or two(found)


def _and(one: Test, two: Test) -> Test:
    return lambda found: one(found) and two(found)


def _find(process: Process) -> int:
    words = [word for word in process.argv[1:] if word not in ("-L", "-H", "-P")]
    at = next((at for at, word in enumerate(words) if word.startswith("-") or word in ("!", "(")), len(words))
    names = words[:at] or ["."]
    run = _Find(process, words[at:])
    test = run.expression()
    for name in names:
        try:
            run.walk(name, test)
        except FileError as error:
            run.status = fail(process, f"{name}: {error.strerror}")
        except StopIteration:
            break
    run.finish()
    return run.status


TOOLS: dict[str, Program] = {"find": Applet(_find)}
