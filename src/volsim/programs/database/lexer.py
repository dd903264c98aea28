"""SQL as MySQL reads it: tokens, and where statements end.

>>> [token.text for token in tokens("select `a b` from t -- all") if token.kind != "space"]
['select', 'a b', 'from', 't']

Source: MySQL reference manual, 9.1 (literal values), 9.2 (object names), 9.7 (comments).
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Statement", "Token", "is_command", "literal", "split", "tokens"]

_TOKEN = re.compile(
    r"(?P<space>\s+|--(?=\s|$)[^\n]*|\#[^\n]*|/\*(?!!).*?\*/)"
    r"|(?P<string>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\")"
    r"|(?P<name>`(?:[^`]|``)*`)"
    r"|(?P<variable>@@?[\w.$]+|@'[^']*'|@`[^`]*`)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w$]))"
    r"|(?P<word>[\w$]+)"
    r"|(?P<sign><=>|<=|>=|<>|!=|:=|&&|\|\||<<|>>|->>|->|.)",
    re.DOTALL,
)
_VERSIONED = re.compile(r"/\*!\d*(.*?)\*/", re.DOTALL)
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_LINE_COMMAND = re.compile(
    r"(?:(?:use|source|delimiter)[ \t]+|(?:exit|quit|help|status|clear|warnings|nowarning|rehash)\b)[^\n]*",
    re.IGNORECASE,
)
_SHORT_COMMAND = re.compile(r"\\[qhsud.?](?:[ \t]+[^\n;]*)?")
_BLANKS = re.compile(r"\s*")
_UNCLOSED = re.compile(r"['\"`]|/\*(?!!)")


class Token(NamedTuple):
    """A piece of a statement; `text` is what a string or quoted name means, `raw` what was written."""

    kind: str
    text: str
    raw: str
    start: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of some words that have no quotes."""
        return self.kind == "word" and self.text.lower() in words


def _meaning(kind: str, raw: str) -> str:
    """What a quoted text means."""
    if kind == "name":
        return raw[1:-1].replace("``", "`")
    if kind != "string":
        return raw
    quote = raw[0]
    inner = raw[1:-1].replace(quote * 2, quote)
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), inner, flags=re.DOTALL)


def tokens(sql: str) -> list[Token]:
    """The tokens of a statement; comments are blanks. What ``/*!40101 … */`` holds is part of it."""
    sql = _VERSIONED.sub(lambda match: f" {match[1]} ", sql)
    found = []
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "sign"
        raw = match[0]
        if kind == "space":
            raw = " "
        found.append(Token(kind, _meaning(kind, raw), raw, match.start()))
    return found


_WRITTEN = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\x1a": "\\Z"}


def literal(value: str) -> str:
    r"""A text as MySQL's SQL writes it.

    >>> print(literal("it's a \\"))
    'it\'s a \\'
    """
    return "'" + "".join(_WRITTEN.get(sign, sign) for sign in value) + "'"


class Statement(NamedTuple):
    """A statement, or a command of the client, with where it stands in its text."""

    text: str
    end: str
    r"""What ended it: the delimiter, ``\g``, ``\G`` or ``\c``; ``line`` for a command of the client."""
    start: int
    stop: int


def is_command(text: str) -> bool:
    """Whether a statement is a command of the client that takes no delimiter, such as `use` and `exit`."""
    return _LINE_COMMAND.fullmatch(text) is not None


def split(text: str, at: int = 0, delimiter: str = ";") -> Statement | None:
    r"""The first statement or command in a text from a place on; None if there is no whole one.

    >>> split("select ';'; select 2").text, split("use db\n").end, split("select 1")
    ("select ';'", 'line', None)
    """
    blanks = _BLANKS.match(text, at)
    assert blanks is not None, "it matches nothing, too"
    at = begin = blanks.end()
    command = _command(text, at, delimiter)
    if command is not None:
        return command
    while at < len(text):
        if text.startswith(delimiter, at):
            return Statement(text[begin:at], delimiter, begin, at + len(delimiter))
        if text[at : at + 2] in ("\\g", "\\G", "\\c"):
            return Statement(text[begin:at], text[at : at + 2], begin, at + 2)
        match = _TOKEN.match(text, at)
        if match is None or (match.lastgroup == "sign" and _UNCLOSED.match(text, at)):
            return None
        at = match.end()
    return None


def _command(text: str, at: int, delimiter: str) -> Statement | None:
    """The client's command that stands at a place: one with a backslash, or a line that has no delimiter."""
    short = _SHORT_COMMAND.match(text, at)
    if short is not None:
        return Statement(short[0].strip(), "line", at, short.end())
    found = _LINE_COMMAND.match(text, at)
    if found is None or (delimiter in found[0] and not found[0].lower().startswith("delimiter")):
        return None
    return Statement(found[0].strip(), "line", at, min(found.end() + 1, len(text)))
