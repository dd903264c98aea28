"""Tools that choose and change lines: `cut`, `grep`, `rev`, `sort`, `tac`, `tee`, `tr`, `uniq`.

Modelled: what has come of the input is worked on at once by `cut`, `grep`, `tee` and `tr`, so that they can stand
behind ``tail -f``.
Not modelled: orders of letters other than that of bytes.
Source: busybox, findutils/grep.c, coreutils/sort.c, coreutils/uniq.c, coreutils/cut.c, coreutils/tr.c, coreutils/tee.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from volsim.errors import FileError
from volsim.programs.files import Files
from volsim.programs.process import Pause, Process, Program, decode, encode
from volsim.programs.tools.applet import (
    CANNOT_OPEN,
    Applet,
    Filter,
    Options,
    Tool,
    UsageError,
    contents,
    fail,
    options,
    whole_number,
)
from volsim.programs.tools.looking import below
from volsim.programs.tools.printing import unescaped
from volsim.programs.tools.regular import expression

__all__ = ["TOOLS"]


def _lines(data: bytes) -> list[str]:
    """The lines of a text, without their ends."""
    if not data:
        return []
    return decode(data.removesuffix(b"\n")).split("\n")


# -- grep --------------------------------------------------------------------------------------------------------------
class _Search(NamedTuple):
    """What `grep` looks for, and where."""

    found: Options
    patterns: tuple[re.Pattern[str], ...]
    names: list[str]
    recursive: bool

    def hits(self, line: str) -> list[str]:
        """The parts of a line that fit; an empty list if it is not wanted."""
        parts = [match for pattern in self.patterns for match in pattern.finditer(line)]
        if "x" in self.found:
            parts = [match for pattern in self.patterns if (match := pattern.fullmatch(line))]
        if "v" in self.found:
            return [] if parts else [line]
        return [match[0] for match in parts] or []

    @property
    def titled(self) -> bool:
        """Whether each line has the name of its file."""
        if "h" in self.found:
            return False
        return "H" in self.found or len(self.names) > 1 or self.recursive


_GREP_LONG = {"ignore-case": "i", "invert-match": "v", "count": "c", "quiet": "q", "silent": "q", "line-number": "n",
              "only-matching": "o", "word-regexp": "w", "recursive": "r", "extended-regexp": "E", "fixed-strings": "F",
              "regexp": "e", "files-with-matches": "l", "no-messages": "s", "color": "a", "line-regexp": "x",
              "no-filename": "h", "with-filename": "H", "max-count": "m"}  # fmt: skip


def _search(process: Process) -> _Search:
    found = options(process, "ivcqnowxEFGPrRlLshHaz", "efmABC", _GREP_LONG)
    names = list(found.operands)
    texts = [line for each in found.given.get("e", []) for line in each.split("\n")]
    for name in found.given.get("f", []):
        texts += _lines(Files(process).read(name))
    if "e" not in found and "f" not in found:
        if not names:
            raise UsageError("missing pattern")
        texts = names.pop(0).split("\n")
    extended = "E" in found or "P" in found or process.name == "egrep"
    patterns = []
    for text in texts:
        if "F" in found or process.name == "fgrep":
            pattern = re.compile(re.escape(text), re.IGNORECASE if "i" in found else 0)
        else:
            pattern = expression(text, extended=extended, ignore_case="i" in found)
        if "w" in found:
            pattern = re.compile(rf"(?<!\w)(?:{pattern.pattern})(?!\w)", pattern.flags)
        patterns.append(pattern)
    return _Search(found, tuple(patterns), names, "r" in found or "R" in found)


def _grep_files(process: Process) -> int:
    search = _search(process)
    hit, broken = False, False
    for name, data in _sources(process, search):
        if data is None:
            broken = True
            continue
        hit = _grep_one(process, search, name, data) or hit
        if hit and "q" in search.found:
            return 0
    return 2 if broken else int(not hit)


def _sources(process: Process, search: _Search) -> Iterator[tuple[str, bytes | None]]:
    """The files that are searched, with what is in them."""
    files = Files(process)
    names = search.names or ["." if search.recursive else "-"]
    for name in names:
        if files.kind(name) == "directory" and not files.is_input(name):
            if search.recursive:
                below_it = [path for path, stat, _ in below(files, name) if stat.kind == "file"]
                yield from contents(process, below_it) if below_it else ()
            elif "s" not in search.found:
                fail(process, f"{name}: Is a directory")
        elif "s" in search.found and not files.exists(name):
            yield name, None
        else:
            yield from contents(process, [name])


def _grep_one(process: Process, search: _Search, name: str, data: bytes) -> bool:
    """Search one file; whether there was anything."""
    found = search.found
    shown_name = "(standard input)" if name == "-" else name
    title = f"{shown_name}:" if search.titled else ""
    most = whole_number(found.last("m")) if "m" in found else None
    count = 0
    window = _Window(process, found, shown_name if search.titled else "")
    for number, line in enumerate(_lines(data), 1):
        if most is not None and count >= most:
            break
        hits = search.hits(line)
        count += bool(hits)
        if not any(letter in found for letter in "cqlL"):
            window.line(number, line, hits)
    if "c" in found:
        process.print(f"{title}{count}")
    if ("l" in found and count) or ("L" in found and not count):
        process.print(shown_name)
    return count > 0


class _Window:
    """Prints the lines that were found, with those around them that ``-A``, ``-B`` and ``-C`` ask for."""

    def __init__(self, process: Process, found: Options, name: str) -> None:
        around = whole_number(found.last("C", "0"))
        self._process, self._found, self._name = process, found, name
        self._before = whole_number(found.last("B", str(around)))
        self._after = whole_number(found.last("A", str(around)))
        self._kept: list[tuple[int, str]] = []
        self._left = 0
        self._last = 0

    def line(self, number: int, line: str, hits: list[str]) -> None:
        """Take the next line."""
        if hits:
            kept = self._kept[-self._before :] if self._before else []
            for each, text in kept:
                self._print(each, text, "-")
            for text in hits if "o" in self._found and "v" not in self._found else [line]:
                self._print(number, text, ":")
            self._kept, self._left = [], self._after
        elif self._left:
            self._print(number, line, "-")
            self._left -= 1
        elif self._before:
            self._kept = [*self._kept[-self._before :], (number, line)]

    def _print(self, number: int, text: str, sign: str) -> None:
        if (self._before or self._after) and self._last and number > self._last + 1:
            self._process.print("--")
        self._last = number
        title = f"{self._name}{sign}" if self._name else ""
        at = f"{number}{sign}" if "n" in self._found else ""
        self._process.print(f"{title}{at}{text}")


def _grep_input(process: Process, memory: Any, data: bytes, last: bool) -> tuple[Any, int | None]:
    """Search the input as it comes; `memory` is how many lines there were, and whether one was found."""
    search = _search(process)
    seen, hit = memory or (0, False)
    for number, line in enumerate(_lines(data), seen + 1):
        hits = search.hits(line)
        hit = hit or bool(hits)
        if hits and "q" in search.found:
            return None, 0
        for text in hits if "o" in search.found and "v" not in search.found else [line] * bool(hits):
            process.print(f"{number}:{text}" if "n" in search.found else text)
    return (seen + data.count(b"\n"), hit), int(not hit) if last else None


class _Grep(Tool):
    """`grep`: the input as it comes if nothing asks for more than its lines, otherwise all at once."""

    _whole, _stream = Applet(_grep_files), Filter(_grep_input)

    def _part(self, process: Process) -> Applet:
        try:
            search = _search(process)
        except (UsageError, FileError):
            return self._whole
        streams = search.names in ([], ["-"]) and not any(letter in search.found for letter in "clLmABCHrR")
        return self._stream if streams else self._whole

    def start(self, process: Process) -> Pause:
        pause = self._part(process).start(process)
        return Pause.exited(2) if pause.exit_code == 1 and self._wrong(process) else pause

    @staticmethod
    def _wrong(process: Process) -> bool:
        """Whether it was called wrongly, which is status 2."""
        try:
            _search(process)
        except (UsageError, FileError):
            return True
        return False

    def resume(self, memory: Any, process: Process) -> Pause:
        return self._part(process).resume(memory, process)


# -- sort and uniq -----------------------------------------------------------------------------------------------------
_NUMBER = re.compile(r"\s*(-?\d*\.?\d*)")
_UNITS = {"K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def _number(text: str, human: bool = False) -> float:
    found = _NUMBER.match(text)
    digits = found[1] if found is not None else ""
    try:
        value = float(digits) if digits not in ("", "-", ".", "-.") else 0.0
    except ValueError:
        value = 0.0
    unit = text[found.end() : found.end() + 1].upper() if found is not None and human else ""
    return value * float(1024 ** _UNITS.get(unit, 0))


class _Key(NamedTuple):
    """``-k 2,3n``: fields and how they are compared."""

    first: int
    last: int | None
    letters: str


def _key(text: str) -> _Key:
    found = re.fullmatch(r"(\d+)(?:\.\d+)?([a-zA-Z]*)(?:,(\d+)(?:\.\d+)?([a-zA-Z]*))?", text, re.ASCII)
    if found is None or found[1] == "0":
        raise UsageError(f"bad field specification '{text}'")
    return _Key(int(found[1]), int(found[3]) if found[3] else None, found[2] + (found[4] or ""))


def _sort_value(line: str, key: _Key | None, letters: str, separator: str | None) -> Any:
    """What a line is sorted by."""
    text = line
    if key is not None:
        letters = key.letters or letters
        fields = line.split(separator) if separator else re.findall(r"\s*\S+", line)
        text = (separator or "").join(fields[key.first - 1 : key.last])
    if "b" in letters:
        text = text.lstrip()
    if "d" in letters:
        text = "".join(sign for sign in text if sign.isalnum() or sign.isspace())
    if "f" in letters:
        text = text.upper()
    if "n" in letters or "g" in letters or "h" in letters:
        return _number(text, human="h" in letters)
    if "V" in letters:
        return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
    return encode(text)


def _sort(process: Process) -> int:
    found = options(process, "nrufghbdVscmz", "kto", {"reverse": "r", "unique": "u", "numeric-sort": "n"})
    lines: list[str] = []
    for _, data in contents(process, found.operands, CANNOT_OPEN):
        if data is None:
            return 2
        lines += _lines(data)
    keys: list[_Key | None] = [_key(text) for text in found.given.get("k", [])] or [None]
    letters = "".join(letter for letter in "nfghbdV" if letter in found)
    separator = found.last("t") or None
    ordered = list(lines) if "s" in found or "u" in found else sorted(lines, key=encode, reverse="r" in found)
    for key in reversed(keys):
        backwards = "r" in (key.letters if key is not None and key.letters else "r" if "r" in found else "")
        ordered.sort(key=lambda line, key=key: _sort_value(line, key, letters, separator), reverse=backwards)  # type: ignore[misc]
    if "c" in found:
        return int(ordered != lines)
    if "u" in found:
        values = [[_sort_value(line, key, letters, separator) for key in keys] for line in ordered]
        ordered = [line for at, line in enumerate(ordered) if at == 0 or values[at] != values[at - 1]]
    data = encode("".join(line + "\n" for line in ordered))
    if "o" in found:
        Files(process).write(found.last("o"), data)
    else:
        process.write(data)
    return 0


def _uniq(process: Process) -> int:
    found = options(process, "cdui", "fsw", {"count": "c", "repeated": "d", "unique": "u"})
    data = next(contents(process, found.operands[:1], CANNOT_OPEN))[1]
    if data is None:
        return 1
    skipped = whole_number(found.last("f", "0"))

    def value(line: str) -> str:
        text = line
        for _ in range(skipped):
            text = re.sub(r"^\s*\S+", "", text)
        text = text[whole_number(found.last("s", "0")) :]
        text = text[: whole_number(found.last("w"))] if "w" in found else text
        return text.lower() if "i" in found else text

    groups: list[tuple[str, int]] = []
    for line in _lines(data):
        if groups and value(groups[-1][0]) == value(line):
            groups[-1] = (groups[-1][0], groups[-1][1] + 1)
        else:
            groups.append((line, 1))
    out = []
    for line, count in groups:
        if not (("d" in found and count == 1) or ("u" in found and count > 1)):
            out.append(f"{count:7} {line}\n" if "c" in found else f"{line}\n")
    if len(found.operands) > 1:
        Files(process).write(found.operands[1], encode("".join(out)))
    else:
        process.write(encode("".join(out)))
    return 0


# -- cut and tr --------------------------------------------------------------------------------------------------------
def _ranges(text: str) -> list[tuple[int, int | None]]:
    """``1,3-5,7-`` as places from 0."""
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d*)(-?)(\d*)", part, re.ASCII)
        if match is None or not (match[1] or match[3]) or "0" in (match[1], match[3]):
            raise UsageError(f"invalid range {part}")
        first = int(match[1] or 1) - 1
        found.append((first, None if match[2] and not match[3] else int(match[3] or match[1])))
    return found


def _chosen(items: list[str], ranges: Iterable[tuple[int, int | None]]) -> list[str]:
    wanted = {
        at for first, last in ranges for at in range(first, len(items) if last is None else min(last, len(items)))
    }
    return [items[at] for at in sorted(wanted)]


def _cut_lines(process: Process, data: bytes) -> None:
    found = options(process, "sn", "bcfd", {"delimiter": "d", "fields": "f", "characters": "c", "bytes": "b"})
    letter = next((letter for letter in "fcb" if letter in found), None)
    if letter is None:
        raise UsageError("expected a list of bytes, characters, or fields")
    ranges, separator = _ranges(found.last(letter)), found.last("d", "\t")[:1] or "\0"
    for line in _lines(data):
        if letter == "f":
            if separator not in line:
                if "s" not in found:
                    process.print(line)
                continue
            process.print(separator.join(_chosen(line.split(separator), ranges)))
        else:
            process.print("".join(_chosen(list(line), ranges)))


def _cut(process: Process, memory: Any, data: bytes, last: bool) -> tuple[Any, int | None]:
    operands = options(
        process, "sn", "bcfd", {"delimiter": "d", "fields": "f", "characters": "c", "bytes": "b"}
    ).operands
    if operands not in ([], ["-"]):
        status = 0
        for _, each in contents(process, operands):
            status = 1 if each is None else status
            _cut_lines(process, each or b"")
        return None, status
    _cut_lines(process, data)
    return None, 0 if last else None


_TR_CLASSES = {
    "alpha": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "digit": "0123456789", "space": "\t\n\v\f\r ",
    "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "lower": "abcdefghijklmnopqrstuvwxyz", "blank": "\t ",
    "alnum": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "punct": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "cntrl": "".join(map(chr, [*range(32), 127])),
    "xdigit": "0123456789ABCDEFabcdef",
}  # fmt: skip


def _signs(text: str) -> str:
    """A set of signs as `tr` reads it: ``a-z``, ``[:digit:]``, ``\\n``."""
    text = unescaped(text)[0]
    text = re.sub(r"\[:([a-z]+):\]", lambda match: _TR_CLASSES.get(match[1], match[0]), text)

    def spread(match: re.Match[str]) -> str:
        first, last = ord(match[1]), ord(match[2])
        return "".join(map(chr, range(first, last + 1))) if last - first < 256 else match[0]

    return re.sub(r"(.)-(.)", spread, text, flags=re.DOTALL)


def _tr(process: Process, memory: Any, data: bytes, last: bool) -> tuple[Any, int | None]:
    found = options(process, "cCdst", operands=1)
    sets = [_signs(text) for text in found.operands[:2]]
    complement = "c" in found or "C" in found
    deletes, squeezes = "d" in found, "s" in found
    if len(sets) < 2 and not (deletes or squeezes):
        raise UsageError("missing operand")
    old, new = sets[0], sets[1] if len(sets) > 1 else ""
    table = {} if complement or not new else dict(zip(old, new.ljust(len(old), new[-1]), strict=False))
    out, before = [], memory or ""
    for sign in decode(data):
        inside = (sign in old) != complement
        if inside and deletes:
            continue
        changed = sign
        if inside and new and not deletes:
            changed = new[-1] if complement else table[sign]
        squeezed = (changed in new) if new else inside
        if squeezes and squeezed and changed == before:
            continue
        out.append(changed)
        before = changed
    process.write(encode("".join(out)))
    return before, 0 if last else None


# -- the rest ----------------------------------------------------------------------------------------------------------
def _tee(process: Process, memory: Any, data: bytes, last: bool) -> tuple[Any, int | None]:
    """`memory`: whether it has begun, and whether something failed."""
    found = options(process, "ai", long={"append": "a"})
    files, (begun, status) = Files(process), memory or (False, 0)
    process.write(data)
    for name in found.operands:
        try:
            if data or not begun:
                files.write(name, data, append=begun or "a" in found)
        except FileError as error:
            status = fail(process, f"{name}: {error.strerror}")
    return (True, status), status if last else None


def _each_line(change: Callable[[list[str]], list[str]]) -> Applet:
    """A tool that changes the lines of its files."""

    def run(process: Process) -> int:
        status = 0
        for _, data in contents(process, options(process).operands):
            if data is None:
                status = 1
            else:
                process.write(encode("".join(line + "\n" for line in change(_lines(data)))))
        return status

    return Applet(run)


TOOLS: dict[str, Program] = {
    "cut": Filter(_cut), "egrep": _Grep(), "fgrep": _Grep(), "grep": _Grep(),
    "rev": _each_line(lambda lines: [line[::-1] for line in lines]), "sort": Applet(_sort),
    "tac": _each_line(lambda lines: lines[::-1]), "tee": Filter(_tee, lines=False), "tr": Filter(_tr, lines=False),
    "uniq": Applet(_uniq),
}  # fmt: skip
