"""SQL as MySQL reads it: tokens, and where statements end.

>>> [token.text for token in tokens("select `a b` from t -- all") if token.kind != "space"]
['select', 'a b', 'from', 't']

Source: MySQL reference manual, 9.1 (literal values), 9.2 (object names), 9.7 (comments).
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Statement", "Token", "split", "tokens"]

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
    r"(?:(use|source|delimiter|connect|tee)[ \t]+|(exit|quit|help|status|clear|notee|nopager|warnings|nowarning|rehash)\b)"
    r"[^\n]*",
    re.IGNORECASE,
)
_SHORT_COMMAND = re.compile(r"\\[qhscur.?#WwRTtPp!dex](?:[ \t]+[^\n;]*)?")
_UNCLOSED = re.compile(r"['\"`]|/\*")


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


class Statement(NamedTuple):
    """A statement, or a command of the client, with what ended it."""

    text: str
    end: str
    """``;``, ``\\G``, ``\\g``, another delimiter, ``line`` for a command of the client, or empty at the end of the text."""
    start: int
    stop: int


def split(text: str, delimiter: str = ";") -> Statement | None:
    """The first statement or command in a text; None if there is no whole one.

    >>> split("select ';'; select 2").text, split("use db\\n").end, split("select 1")
    ("select ';'", 'line', None)
    """
    start = re.match(r"\s*", text)
    assert start is not None, "it matches nothing, too"
    at = begin = start.end()
    command = _LINE_COMMAND.match(text, at) or _SHORT_COMMAND.match(text, at)
    if command is not None:
        end = re.compile(r"[^\n]*\n?").match(text, command.end())
        stop = end.end() if end is not None and _LINE_COMMAND.match(text, at) else command.end()
        return Statement(command[0].strip(), "line", begin, stop)
    while at < len(text):
        if text.startswith(delimiter, at):
            return Statement(text[begin:at], delimiter, begin, at + len(delimiter))
        if text[at : at + 2] in ("\\g", "\\G", "\\c"):
            return Statement(text[begin:at], text[at : at + 2], begin, at + 2)
        match = _TOKEN.match(text, at)
        if match is None or (match.lastgroup == "sign" and _UNCLOSED.match(text, at) and not text.startswith("/*!", at)):
            return None
        at = match.end()
    return None
