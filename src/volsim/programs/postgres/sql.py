"""SQL as PostgreSQL reads it: tokens, where statements end, and the same as SQLite reads it.

>>> [each.text for each in statements("select ';'; select 2")]
["select ';'", 'select 2']
>>> translated(tokens("SELECT Name FROM public.T WHERE ok = TRUE AND x::int > 1"))
"select name from t where ok = 't' and x > 1"

Modelled: quoted and folded names, strings with and without escapes, casts, ``true`` and ``false``, ``ILIKE``, ``~``,
``generate_series`` of two whole numbers.
Not modelled: what a cast makes of a value, arrays, ``E'\\x41'``.
Source: PostgreSQL documentation, 4.1 (lexical structure).
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Statement", "Token", "commas", "group_of", "quoted", "spaced", "statements", "tokens", "translated"]

_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*|/\*.*?\*/)"
    r"|(?P<string>[eE]?'(?:[^']|'')*'|\$\$.*?\$\$)"
    r'|(?P<name>"(?:[^"]|"")*")'
    r"|(?P<cast>::\s*[A-Za-z_]\w*(?:\s+(?:varying|precision))?(?:\s*\(\d+(?:,\s*\d+)?\))?(?:\[\])?)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<sign><=|>=|<>|!=|\|\||~\*|!~|->>|->|.)",
    re.DOTALL,
)
_WORDS = {
    "true": "'t'", "false": "'f'", "ilike": "match", "current_timestamp": "now()", "current_date": "curdate()",
    "current_user": "current_user()", "session_user": "current_user()",
}  # fmt: skip
_FUNCTIONS = {"random": "pg_random"}
_SIGNS = {"~": "regexp", "~*": "regexp"}


class Token(NamedTuple):
    """A piece of a statement; `text` is what a string or name means, `raw` what was written."""

    kind: str
    text: str
    raw: str

    def is_word(self, *words: str) -> bool:
        """Whether it is one of some words that have no quotes."""
        return self.kind == "word" and self.text in words


class Statement(NamedTuple):
    """A statement, and the number of the line that it begins in."""

    text: str
    line: int


def _meaning(kind: str, raw: str) -> str:
    match kind:
        case "word":
            return raw.lower()
        case "name":
            return raw[1:-1].replace('""', '"')
        case "string" if raw.startswith("$$"):
            return raw[2:-2]
        case "string":
            inner = raw[raw.index("'") + 1 : -1].replace("''", "'")
            return inner.replace("\\n", "\n").replace("\\t", "\t") if raw[0] in "eE" else inner
    return raw


def tokens(sql: str) -> list[Token]:
    """The tokens of a statement; comments are blanks."""
    found = []
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "sign"
        found.append(Token(kind, _meaning(kind, match[0]), " " if kind == "space" else match[0]))
    return found


def statements(text: str) -> list[Statement]:
    """The statements of a text, without their semicolons; empty ones are left out."""
    found, start, at = [], 0, 0
    while at <= len(text):
        match = _TOKEN.match(text, at)
        if match is None or match[0] == ";":
            body = text[start:at]
            if any(token.kind != "space" for token in tokens(body)):
                begin = start + len(body) - len(body.lstrip())
                found.append(Statement(body.strip(), text.count("\n", 0, begin) + 1))
            start = at + 1
        at = match.end() if match is not None else len(text) + 1
    return found


def quoted(name: str) -> str:
    """A name as SQLite takes it."""
    return '"' + name.replace('"', '""') + '"'


def commas(found: list[Token]) -> list[list[Token]]:
    """A list split at its commas, but not inside parentheses; blanks are left out."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += {"(": 1, ")": -1}.get(token.raw, 0) if token.kind == "sign" else 0
        if token.raw == "," and depth == 0:
            parts.append([])
        elif token.kind != "space":
            parts[-1].append(token)
    return parts


def group_of(found: list[Token]) -> list[Token]:
    """What stands in the parentheses that come first; nothing if none do.

    >>> [token.raw for token in group_of(tokens("(f(1), 2), (3)"))]
    ['f', '(', '1', ')', ',', ' ', '2']
    """
    depth, group = 0, list[Token]()
    for token in found:
        depth += {"(": 1, ")": -1}.get(token.raw, 0)
        if depth == 0 and token.kind != "space":
            break
        group.append(token)
    return [token for at, token in enumerate(group) if at or token.kind != "space"][1:]


def spaced(found: list[Token]) -> list[Token]:
    """Tokens with blanks between them, except around dots and parentheses."""
    listed: list[Token] = []
    for token in found:
        if listed and token.raw[:1] not in (".", "(", ")") and listed[-1].raw not in (".", "("):
            listed.append(Token("space", " ", " "))
        listed.append(token)
    return listed


_SERIES = re.compile(
    r"(?P<from>\bfrom\s+)?generate_series\(\s*(?P<first>-?\d+)\s*,\s*(?P<last>-?\d+)\s*\)"
    r"(?:\s+(?:as\s+)?(?!(?:where|order|limit|group|join|on|cross|union|returning)\b)(?P<name>[a-z_]\w*))?"
)


def _with_series(sql: str) -> str:
    """``generate_series`` of two numbers as a table of its own; behind ``SELECT`` it becomes what is selected from."""
    found = _SERIES.search(sql)
    if found is None:
        return sql
    name = found["name"] or "generate_series"
    table = (
        f"(with recursive counted({name}) as (select {found['first']} where {found['first']} <= {found['last']} "
        f"union all select {name} + 1 from counted where {name} < {found['last']}) select {name} from counted) {name}"
    )
    before, after = sql[: found.start()], sql[found.end() :]
    return f"{before}from {table}{after}" if found["from"] else f"{before}{name}{after} from {table}"


def translated(found: list[Token]) -> str:
    """Tokens as SQLite's SQL."""
    return _with_series(_joined(found))


def _joined(found: list[Token]) -> str:
    out: list[str] = []
    for at, token in enumerate(found):
        follows = found[at + 1].raw if at + 1 < len(found) else ""
        match token.kind:
            case "string":
                out.append("'" + token.text.replace("'", "''") + "'")
            case "cast":
                pass
            case "word" if token.text == "public" and follows == ".":
                pass
            case "sign" if token.raw == "." and at and found[at - 1].is_word("public"):
                pass
            case "word" if follows in (".", "("):
                out.append(_FUNCTIONS.get(token.text, token.text) if follows == "(" else token.text)
            case "word":
                out.append(_WORDS.get(token.text, token.text))
            case "sign":
                out.append(_SIGNS.get(token.raw, token.raw))
            case _:
                out.append(token.raw)
    return "".join(out)
