"""From MySQL's SQL to SQLite's: quotes, the names of functions, ``INSERT``'s other forms.

Modelled: ``INSERT … SET``, ``INSERT IGNORE``, ``ON DUPLICATE KEY UPDATE``, whole and other divisions, hexadecimal
texts.
Not modelled: user variables, hints, character sets (all text is UTF-8 and compares without case).
Source: MySQL reference manual, 9 and 13.2.6 (INSERT); https://sqlite.org/lang.html.
"""

from __future__ import annotations

from volsim.programs.database.lexer import Token
from volsim.programs.database.reader import Words, commas, spaced

__all__ = ["join", "quoted", "statement", "text"]

_FUNCTIONS = {
    "concat": "mysql_concat", "concat_ws": "mysql_concat_ws", "if": "iif", "length": "octet_length",
    "left": "mysql_left", "right": "mysql_right", "char_length": "length", "character_length": "length",
    "substring": "substr", "mid": "substr", "ucase": "upper", "lcase": "lower", "rand": "mysql_rand",
    "pow": "mysql_pow", "power": "mysql_pow", "mod": "mysql_mod", "format": "mysql_format", "locate": "mysql_locate",
    "date": "mysql_date", "time": "mysql_time",
}  # fmt: skip
"""Functions that SQLite has under another name, or that mean something else there."""
_CONSTANTS = {
    "current_timestamp": "now", "localtime": "now", "localtimestamp": "now", "utc_timestamp": "now",
    "current_date": "curdate", "current_time": "curtime",
}  # fmt: skip
"""Functions that need no parentheses."""
_WORDS = {"div": "/", "rlike": "regexp", "xor": "<>", "unsigned": "integer", "signed": "integer"}
_SIGNS = {"&&": " and ", "<=>": " is ", "!": " not ", "/": " * 1.0 / "}
"""Operators that SQLite has under another name; a slash never divides as whole numbers."""
_HINTS = frozenset(
    {"delayed", "high_priority", "low_priority", "quick", "sql_calc_found_rows", "sql_no_cache", "straight_join"}
)  # fmt: skip


def quoted(name: str) -> str:
    """A name as SQLite takes it."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQLite takes it. One with a zero byte must be put together."""
    return "||char(0)||".join("'" + part.replace("'", "''") + "'" for part in value.split("\0"))


def join(found: list[Token]) -> str:
    """Tokens as SQLite's SQL: with its quotes, and with the names that functions have there."""
    out = []
    for at, token in enumerate(found):
        match token.kind:
            case "string":
                out.append(text(token.text))
            case "name":
                out.append(quoted(token.text))
            case "word":
                out.append(_word(found, at))
            case "number" if token.raw[:2].lower() == "0x" and len(token.raw) % 2 == 0:
                out.append(f"x'{token.raw[2:]}'")
            case "sign":
                out.append(_SIGNS.get(token.raw, token.raw))
            case _:
                out.append(token.raw)
    return "".join(out)


def _word(found: list[Token], at: int) -> str:
    token, lower = found[at], found[at].text.lower()
    following = next((each.raw for each in found[at + 1 :] if each.kind != "space"), "")
    before = next((each.raw for each in reversed(found[:at]) if each.kind != "space"), "")
    if before == ".":
        return quoted(token.text)
    if following == "(" and lower in _FUNCTIONS:
        return _FUNCTIONS[lower]
    if lower in _CONSTANTS and following != ".":
        return _CONSTANTS[lower] if following == "(" else f"{_CONSTANTS[lower]}()"
    return _WORDS.get(lower, token.raw)


def statement(found: list[Token]) -> str:
    """A query, or a statement that changes rows, as SQLite's SQL."""
    verb = found[0].text.lower()
    if verb in ("insert", "replace"):
        return _insert(Words(found))
    dropped = _HINTS | {"ignore"} if verb in ("update", "delete") else _HINTS
    return join([token for at, token in enumerate(found) if at > 8 or not token.is_word(*dropped)])


def _insert(words: Words) -> str:
    verb = words.name()
    ignore = False
    while taken := words.take_any("ignore", "into", *_HINTS):
        ignore = ignore or taken == "ignore"
    database, table = words.table()
    target = f"{quoted(database)}.{quoted(table)}" if database else quoted(table)
    columns = _columns(words)
    head = f"{verb} {'or ignore ' if ignore else ''}into {target}"
    if words.take("set"):
        columns, body = _assigned(words)
    elif words.take_any("values", "value"):
        body = "values " + join(spaced([token for token in _up_to_update(words) if not token.is_word("row")]))
    else:
        body = join(spaced(_up_to_update(words)))
    if body.replace(" ", "") == "values()":
        columns, body = "", "default values"
    return f"{head} {columns} {body}{_on_duplicate(words)}"


def _columns(words: Words) -> str:
    """The list of columns, if there is one: a query may stand in parentheses, too."""
    following = words.rest[1:2]
    if words.next is None or words.next.raw != "(" or (following and following[0].is_word("select", "with")):
        return ""
    return f"({', '.join(quoted(token.text) for token in words.group() if token.raw != ',')})"


def _up_to_update(words: Words) -> list[Token]:
    """Read up to ``ON DUPLICATE KEY UPDATE``, which is read, too."""
    taken = []
    while words.next is not None and not words.take("on", "duplicate", "key", "update"):
        taken.append(words.token())
    return taken


def _assigned(words: Words) -> tuple[str, str]:
    """``SET a = 1, b = 2`` as columns and values."""
    names, values = [], []
    for part in commas(_up_to_update(words)):
        each = Words(part, words.whole)
        names.append(quoted(each.name()))
        if not each.take_sign("="):
            each.fail()
        values.append(join(spaced(each.rest)))
    return f"({', '.join(names)})", f"values ({', '.join(values)})"


def _on_duplicate(words: Words) -> str:
    """What is left is what ``ON DUPLICATE KEY UPDATE`` changes; ``VALUES(column)`` is the row that was refused."""
    changed: list[Token] = []
    while words.next is not None:
        if words.text == "values" and words.rest[1:2] and words.rest[1].raw == "(":
            words.token()
            changed += [Token("word", "excluded", "excluded", 0), Token("sign", ".", ".", 0), *words.group()]
        else:
            changed.append(words.token())
    return f" on conflict do update set {join(spaced(changed))}" if changed else ""
