"""Patterns of ``case``, ``${name#…}`` and file names: ``*``, ``?``, ``[…]``.

A pattern is a sequence of pieces of text, each quoted or not; what is quoted stands for itself.

>>> bool(matcher([("*.", False), ("log", True)])("a.log")), bool(matcher([("*", True)])("a"))
(True, False)

Source: POSIX.1-2017, XCU 2.13.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from volsim.errors import FileError
from volsim.programs.files import Files

__all__ = ["Piece", "file_names", "fits", "has_magic", "matcher"]

Piece = tuple[str, bool]
"""A text, and whether it is quoted."""

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "blank": r" \t", "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9a-fA-F", "word": r"\w", "cntrl": r"\x00-\x1f\x7f",
    "print": r"\x20-\x7e", "graph": r"\x21-\x7e",
}  # fmt: skip
_MAGIC = re.compile(r"[*?\[]")
_SET = re.compile(r"\[([!^]?)(\]?(?:\[:[a-z]+:\]|[^\]])*)\]", re.DOTALL)
_CLASS = re.compile(r"\[:([a-z]+):\]")


def has_magic(pieces: Iterable[Piece]) -> bool:
    """Whether there is anything in it that does not stand for itself."""
    return any(not quoted and _MAGIC.search(text) for text, quoted in pieces)


def _set(negated: str, content: str) -> str:
    """A set in brackets, as a regular expression."""
    out, at = [], 0
    while at < len(content):
        named = _CLASS.match(content, at)
        if named is not None:
            out.append(_CLASSES.get(named[1], ""))
            at = named.end()
        elif content[at + 1 : at + 2] == "-" and at + 2 < len(content):
            first, last = content[at], content[at + 2]
            if first <= last:
                out.append(f"{re.escape(first)}-{re.escape(last)}")
            at += 3
        else:
            out.append(re.escape(content[at]))
            at += 1
    inner = "".join(out)
    if not inner:
        return "." if negated else r"(?!)"
    return f"[{'^' if negated else ''}{inner}]"


def _unquoted(text: str) -> str:
    out, at = [], 0
    while at < len(text):
        sign = text[at]
        group = _SET.match(text, at) if sign == "[" else None
        if group is not None:
            out.append(_set(group[1], group[2]))
            at = group.end()
            continue
        if sign == "\\" and at + 1 < len(text):
            at += 1
            out.append(re.escape(text[at]))
        elif sign == "*":
            if not out or out[-1] != ".*":
                out.append(".*")
        else:
            out.append("." if sign == "?" else re.escape(sign))
        at += 1
    return "".join(out)


@lru_cache(maxsize=1024)
def _expression(pieces: tuple[Piece, ...]) -> re.Pattern[str]:
    joined: list[Piece] = []
    for text, quoted in pieces:  # a set may be made of several pieces: ``[a"b"]``
        if joined and joined[-1][1] == quoted:
            joined[-1] = (joined[-1][0] + text, quoted)
        else:
            joined.append((text, quoted))
    return re.compile("".join(re.escape(text) if quoted else _unquoted(text) for text, quoted in joined), re.DOTALL)


def matcher(pieces: Iterable[Piece]) -> Callable[[str], object]:
    """A function that says whether a whole text fits the pattern."""
    return _expression(tuple(pieces)).fullmatch


def fits(pattern: str, text: str) -> bool:
    """Whether a whole text fits a pattern that has no quotes.

    >>> fits("*.[ch]", "main.c")
    True
    """
    return matcher([(pattern, False)])(text) is not None


def _by_directory(pieces: Iterable[Piece]) -> list[list[Piece]]:
    parts: list[list[Piece]] = [[]]
    for text, quoted in pieces:
        first, *rest = text.split("/")
        parts[-1].append((first, quoted))
        parts += [[(each, quoted)] for each in rest]
    return parts


def file_names(pieces: Iterable[Piece], files: Files) -> list[str]:
    """The names of existing files that fit a pattern, sorted; a leading dot must be written out."""
    found = [""]
    parts = _by_directory(pieces)
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        text = "".join(each for each, _ in part)
        if not has_magic(part):
            found = [each + text + ("" if last else "/") for each in found]
            continue
        fits, hidden = matcher(part), text.startswith(".")
        found = [
            directory + name + ("" if last else "/")
            for directory in found
            for name in _names(files, directory)
            if fits(name) and name.startswith(".") == hidden
        ]
    return sorted(each for each in found if files.exists(each, follow=False))


def _names(files: Files, directory: str) -> list[str]:
    try:
        return files.listdir(directory or ".")
    except FileError:
        return []
