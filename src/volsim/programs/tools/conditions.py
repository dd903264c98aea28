"""`test`, also called ``[``.

Modelled: all of POSIX, ``==``, ``-nt``, ``-ot``, ``-ef``; everybody is root.
Not modelled: permissions of users, so that ``-r`` holds for any file and ``-w`` for any in a mount that can be written.
Source: POSIX.1-2017, XCU 4 (test); busybox, coreutils/test.c.
"""

from __future__ import annotations

from collections.abc import Callable

from volsim.programs.files import Files
from volsim.programs.process import Process
from volsim.storage.mounts import Stat

__all__ = ["test"]

_KINDS = {"f": "file", "d": "directory", "c": "char", "b": "block", "S": "socket", "p": "fifo"}
_NESTED_MOST = 50  # parentheses and negations within each other


class _Wrong(Exception):
    """An expression that is none; the text says why."""


def _number(text: str) -> int:
    try:
        if text.strip() and "_" not in text:
            return int(text)
    except ValueError:
        pass
    raise _Wrong(f"{text}: bad number" if text else "bad number")


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda one, two: one == two, "==": lambda one, two: one == two, "!=": lambda one, two: one != two,
    "<": lambda one, two: one < two, ">": lambda one, two: one > two,
    "-eq": lambda one, two: _number(one) == _number(two), "-ne": lambda one, two: _number(one) != _number(two),
    "-lt": lambda one, two: _number(one) < _number(two), "-le": lambda one, two: _number(one) <= _number(two),
    "-gt": lambda one, two: _number(one) > _number(two), "-ge": lambda one, two: _number(one) >= _number(two),
}  # fmt: skip


class _Test:
    """Evaluates one expression, from its words."""

    def __init__(self, process: Process, words: list[str]) -> None:
        self._process, self._files, self._words = process, Files(process), words
        self._depth = 0
        age = {
            "-nt": lambda one, two: self._age(one) > self._age(two),
            "-ot": lambda one, two: self._age(one) < self._age(two),
        }
        self._binary: dict[str, Callable[[str, str], bool]] = {**_COMPARISONS, **age, "-ef": self._same}

    def result(self) -> bool:
        """The value of the whole expression."""
        if not self._words:
            return False
        found = self._either()
        if self._words:
            raise _Wrong(f"{self._words[0]}: unknown operand")
        return found

    def _either(self) -> bool:
        found = self._both()
        while self._words[:1] == ["-o"]:
            self._words.pop(0)
            found = self._both() or found
        return found

    def _both(self) -> bool:
        found = self._negated()
        while self._words[:1] == ["-a"]:
            self._words.pop(0)
            found = self._negated() and found
        return found

    def _negated(self) -> bool:
        self._depth += 1
        if self._depth > _NESTED_MOST:
            raise _Wrong("too many parentheses")
        if self._words[:1] == ["!"] and len(self._words) > 1 and not self._is_binary(1):
            self._words.pop(0)
            found = not self._negated()
        else:
            found = self._primary()
        self._depth -= 1
        return found

    def _is_binary(self, at: int) -> bool:
        return len(self._words) > at + 1 and self._words[at] in self._binary

    def _primary(self) -> bool:
        if not self._words:
            raise _Wrong("argument expected")
        if self._is_binary(1):
            one, operator, two = self._words[:3]
            del self._words[:3]
            return self._binary[operator](one, two)
        word = self._words.pop(0)
        if word == "(" and self._words:
            found = self._either()
            if self._words[:1] != [")"]:
                raise _Wrong("closing paren expected")
            self._words.pop(0)
            return found
        if self._words and len(word) == 2 and word[0] == "-" and word[1] in "nzefdcbSpLhsrwxtugkGO":
            return self._unary(word[1], self._words.pop(0))
        return word != ""

    def _unary(self, letter: str, operand: str) -> bool:
        if letter in "nz":
            return (operand != "") == (letter == "n")
        if letter == "t":
            return self._process.tty and operand in ("0", "1", "2")
        if letter in "Lh":
            return self._files.kind(operand, follow=False) == "link"
        kind = self._files.kind(operand)
        if letter in _KINDS:
            return kind == _KINDS[letter]
        if not kind:
            return False
        return self._is(letter, operand, self._files.stat(operand))

    def _is(self, letter: str, operand: str, stat: Stat) -> bool:
        """What is asked of something that is there; everybody is root here."""
        match letter:
            case "s":
                return stat.size > 0
            case "w":
                return not self._files.read_only(operand)
            case "x":
                return stat.kind == "directory" or stat.mode & 0o111 != 0
            case "u" | "g" | "k":
                return stat.mode & {"u": 0o4000, "g": 0o2000, "k": 0o1000}[letter] != 0
            case "O":
                return stat.uid == 0
            case "G":
                return stat.gid == 0
        return True

    def _age(self, name: str) -> int:
        return self._files.stat(name).mtime_us if self._files.exists(name) else -1

    def _same(self, one: str, two: str) -> bool:
        return self._files.exists(one) and self._files.resolved(one) == self._files.resolved(two)


def test(process: Process) -> int:
    """0 if the expression holds, 1 if not, 2 if it is none."""
    words = list(process.argv[1:])
    closing = {"[": "]", "[[": "]]"}.get(process.argv[0].rpartition("/")[2])
    if closing is not None:
        if words[-1:] != [closing]:
            process.complain(f"{process.name}: missing {closing}")
            return 2
        words.pop()
    try:
        return int(not _Test(process, words).result())
    except _Wrong as wrong:
        process.complain(f"{process.name}: {wrong}")
        return 2
