"""What a script consists of: words and commands, as the parser finds them.

A word is a sequence of parts; each part knows whether it stands in quotes, because what comes out of quotes is neither
split into fields nor taken for a pattern of file names.

Source: POSIX.1-2017, XCU 2 (Shell Command Language), 2.10 (grammar).
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

__all__ = [
    "AndOr", "Arithmetic", "Case", "Command", "Define", "For", "Group", "If", "Item", "Loop", "Parameter", "Part",
    "Pipeline", "Redirect", "Sequence", "ShellSyntaxError", "Simple", "Subshell", "Substitution", "Text", "Word",
    "literal",
]  # fmt: skip


class ShellSyntaxError(Exception):
    """A script that is none; `incomplete` if more lines could still make it one."""

    def __init__(self, message: str, *, incomplete: bool = False) -> None:
        super().__init__(message)
        self.incomplete = incomplete


# -- words -------------------------------------------------------------------------------------------------------------
class Text(NamedTuple):
    """Characters that stand for themselves, or for a pattern if they are not quoted."""

    text: str
    quoted: bool


class Parameter(NamedTuple):
    """``$name`` or ``${name…}``; `operator` is one of ``:-  - := = :? ? :+ + # ## % %% / // : length``."""

    name: str
    quoted: bool
    operator: str = ""
    word: Word = ()
    other: Word = ()
    """What ``${name/word/other}`` puts in its place; the length in ``${name:word:other}``."""


class Substitution(NamedTuple):
    """``$(…)`` or backquotes: the output of commands, which are a number in the script's list."""

    number: int
    quoted: bool


class Arithmetic(NamedTuple):
    """``$((…))``: the value of an expression, whose text is a word."""

    word: Word
    quoted: bool


Part: TypeAlias = "Text | Parameter | Substitution | Arithmetic"
Word: TypeAlias = "tuple[Part, ...]"


def literal(word: Word) -> str | None:
    """The text of a word that has no quotes and no expansions; None for any other.

    >>> literal((Text("done", False),)), literal((Text("done", True),))
    ('done', None)
    """
    if len(word) == 1 and isinstance(word[0], Text) and not word[0].quoted:
        return word[0].text
    return None


# -- commands ----------------------------------------------------------------------------------------------------------
class Redirect(NamedTuple):
    """``2>file``: the descriptor, the operator, and where to; a here-document is a number in the script's list."""

    number: int
    operator: str
    target: Word | int


class Simple(NamedTuple):
    """``A=1 name argument… >file``."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    line: int


class Group(NamedTuple):
    """``{ …; }``."""

    body: Sequence
    redirects: tuple[Redirect, ...] = ()


class Subshell(NamedTuple):
    """``( … )``."""

    body: Sequence
    redirects: tuple[Redirect, ...] = ()


class If(NamedTuple):
    """``if …; then …; elif …; else …; fi``."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence
    redirects: tuple[Redirect, ...] = ()


class Loop(NamedTuple):
    """``while`` or, with `until`, ``until``."""

    condition: Sequence
    body: Sequence
    until: bool
    redirects: tuple[Redirect, ...] = ()


class For(NamedTuple):
    """``for name in words; do …; done``; `words` is None for all positional parameters."""

    name: str
    words: tuple[Word, ...] | None
    body: Sequence
    redirects: tuple[Redirect, ...] = ()


class Case(NamedTuple):
    """``case word in pattern) …;; esac``."""

    word: Word
    arms: tuple[tuple[tuple[Word, ...], Sequence], ...]
    redirects: tuple[Redirect, ...] = ()


class Define(NamedTuple):
    """``name() body``."""

    name: str
    body: Command


Command: TypeAlias = "Simple | Group | Subshell | If | Loop | For | Case | Define"


class Pipeline(NamedTuple):
    """``! a | b``."""

    commands: tuple[Command, ...]
    negated: bool


class AndOr(NamedTuple):
    """``a && b || c``: pipelines, each but the first with the operator before it."""

    first: Pipeline
    rest: tuple[tuple[str, Pipeline], ...]


class Item(NamedTuple):
    """A list of pipelines, and whether it ends in ``&``."""

    list: AndOr
    background: bool


Sequence: TypeAlias = "tuple[Item, ...]"
