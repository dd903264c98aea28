"""From MySQL's SQL to SQLite's: quotes, functions' names, and the columns of ``CREATE TABLE``.

What MySQL checks and SQLite does not (lengths, whole numbers, members of an enum) becomes a constraint whose name says
what was broken, so that the engine can say it in MySQL's words.

Modelled: MySQL's column types, `AUTO_INCREMENT`, keys, `ON DUPLICATE KEY UPDATE`, ``INSERT … SET``, ``INSERT IGNORE``.
Not modelled: partitions, triggers, stored programs, character sets (all text is UTF-8 and compares without case),
``ON UPDATE CURRENT_TIMESTAMP``.
Source: MySQL reference manual, 13.1.20 (CREATE TABLE), 13.2.6 (INSERT); https://sqlite.org/lang.html.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from volsim.programs.database.errors import SqlError, syntax_error
from volsim.programs.database.lexer import Token

__all__ = [
    "Index",
    "Table",
    "closing",
    "columns",
    "commas",
    "create_table",
    "join",
    "name_at",
    "near",
    "quoted",
    "statement",
    "text",
    "words",
]

_TEXTS = frozenset(
    {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "nchar", "nvarchar"}
)
_INTEGERS = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "integer": 4, "bigint": 8, "bool": 1, "boolean": 1}
_REALS = frozenset({"float", "double", "real", "decimal", "numeric", "dec", "fixed"})
_OTHERS = frozenset(
    {"date", "datetime", "timestamp", "time", "year", "json", "blob", "tinyblob", "mediumblob", "longblob", "binary",
     "varbinary", "bit"}
)  # fmt: skip
_FUNCTIONS = {
    "concat_ws": "mysql_concat_ws", "concat": "mysql_concat", "if": "iif", "length": "octet_length",
    "left": "mysql_left", "right": "mysql_right", "char_length": "length", "character_length": "length",
    "substring": "substr", "mid": "substr", "ucase": "upper", "lcase": "lower", "rand": "mysql_rand",
    "pow": "mysql_pow", "power": "mysql_pow", "mod": "mysql_mod", "format": "mysql_format",
    "locate": "mysql_locate", "date": "mysql_date", "time": "mysql_time",
}  # fmt: skip
"""Functions that SQLite has under another name, or that mean something else there."""
_SIGNS = {"&&": " and ", "<=>": " is ", "!": " not ", "/": " * 1.0 / "}
"""Operators that SQLite has under another name; a slash never divides as whole numbers."""
_CONSTANTS = {
    "current_timestamp": "now()", "localtime": "now()", "localtimestamp": "now()", "current_date": "curdate()",
    "current_time": "curtime()", "utc_timestamp": "now()",
}  # fmt: skip


def words(found: Iterable[Token]) -> list[Token]:
    """The tokens without the blanks."""
    return [token for token in found if token.kind != "space"]


def quoted(name: str) -> str:
    """A name as SQLite takes it."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQLite takes it. One with a zero byte must be put together."""
    return "||char(0)||".join("'" + part.replace("'", "''") + "'" for part in value.split("\0"))


def name_at(found: list[Token], at: int) -> str:
    """The name that stands at a place. Raises `SqlError` if none does."""
    if at >= len(found) or found[at].kind not in ("word", "name"):
        raise near(found, at)
    return found[at].text


def near(found: list[Token], at: int) -> SqlError:
    """A syntax error at a token."""
    return syntax_error("".join(token.raw for token in found[at:]))


def join(found: Iterable[Token]) -> str:
    """Tokens as SQLite's SQL: with its quotes, and with the names that functions have there."""
    listed = list(found)
    out = []
    for at, token in enumerate(listed):
        match token.kind:
            case "string":
                out.append(text(token.text))
            case "name":
                out.append(quoted(token.text))
            case "word":
                out.append(_word(listed, at))
            case "number" if token.raw[:2].lower() == "0x" and len(token.raw) % 2 == 0:
                out.append(f"x'{token.raw[2:]}'")
            case "sign":
                out.append(_SIGNS.get(token.raw, token.raw))
            case _:
                out.append(token.raw)
    return "".join(out)


def _word(listed: list[Token], at: int) -> str:
    token = listed[at]
    lower = token.text.lower()
    following = next((each.raw for each in listed[at + 1 :] if each.kind != "space"), "")
    before = next((each.raw for each in reversed(listed[:at]) if each.kind != "space"), "")
    if before == ".":
        return quoted(token.text)
    if following == "(" and lower in _FUNCTIONS:
        return _FUNCTIONS[lower]
    if lower in _CONSTANTS and following != ".":
        return _CONSTANTS[lower].removesuffix("()") if following == "(" else _CONSTANTS[lower]
    return {"div": "/", "rlike": "regexp", "xor": "<>", "unsigned": "integer", "signed": "integer"}.get(
        lower, token.raw
    )


# -- statements --------------------------------------------------------------------------------------------------------
def statement(found: list[Token]) -> str:
    """A query or a statement that changes rows."""
    first = found[0].text.lower() if found else ""
    if first in ("insert", "replace"):
        return _insert(found)
    if first in ("update", "delete"):
        return join(_without(found, {"ignore", "low_priority", "quick"}, 3))
    return join(_without(found, {"sql_no_cache", "straight_join", "high_priority", "sql_calc_found_rows"}, 4))


def _without(found: list[Token], dropped: set[str], within: int) -> list[Token]:
    """The tokens without some words near the beginning."""
    return [token for at, token in enumerate(found) if at >= 2 * within or not token.is_word(*dropped)]


def _insert(found: list[Token]) -> str:
    verb = found[0].text.lower()
    rest = words(found[1:])
    ignore = any(token.is_word("ignore") for token in rest[:3])
    while rest and rest[0].is_word("ignore", "low_priority", "delayed", "high_priority", "into"):
        rest.pop(0)
    end = next(
        (at for at, token in enumerate(rest) if token.is_word("values", "value", "set", "select", "with")), len(rest)
    )
    update = next((at for at in range(len(rest)) if _starts_update(rest, at)), len(rest))
    target, body = rest[:end], rest[end:update]
    head = f"{verb} {'or ignore ' if ignore else ''}into {_spaced(target)}"
    if body and body[0].is_word("set"):
        body_text = _set_form(body[1:])
    elif body and body[0].is_word("values", "value"):
        body_text = "values " + _spaced([*_without_row(body[1:])])
    else:
        body_text = _spaced(body)
    if body_text == "values ( )":
        body_text = "default values"
        head = head.replace(" ( )", "")
    return f"{head} {body_text}{_on_duplicate(rest[update:])}"


def _without_row(body: list[Token]) -> list[Token]:
    return [token for token in body if not token.is_word("row")]


def _starts_update(rest: list[Token], at: int) -> bool:
    wanted = ("on", "duplicate", "key", "update")
    return all(at + number < len(rest) and rest[at + number].is_word(word) for number, word in enumerate(wanted))


def _spaced(found: Iterable[Token]) -> str:
    """Tokens with blanks between them, except around dots and behind the names of functions."""
    listed: list[Token] = []
    for token in found:
        tight = token.raw in (".", "(") or (listed and listed[-1].raw == ".")
        if listed and not tight:
            listed.append(Token("space", " ", " ", token.start))
        listed.append(token)
    return join(listed)


def _set_form(body: list[Token]) -> str:
    """``SET a = 1, b = 2`` as columns and values."""
    names, values = [], []
    for part in commas(body):
        if len(part) < 3 or part[1].raw != "=":
            raise near(part, 0)
        names.append(quoted(part[0].text))
        values.append(_spaced(part[2:]))
    return f"({', '.join(names)}) values ({', '.join(values)})"


def _on_duplicate(found: list[Token]) -> str:
    if not found:
        return ""
    changed: list[Token] = []
    rest = found[4:]
    at = 0
    while at < len(rest):
        if rest[at].is_word("values") and at + 3 < len(rest) and rest[at + 1].raw == "(":
            changed += [Token("word", "excluded", "excluded", 0), Token("sign", ".", ".", 0), rest[at + 2]]
            at += 4
        else:
            changed.append(rest[at])
            at += 1
    return " on conflict do update set " + _spaced(changed)


def commas(found: list[Token]) -> list[list[Token]]:
    """A list split at its commas, but not inside parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += {"(": 1, ")": -1}.get(token.raw, 0) if token.kind == "sign" else 0
        if token.raw == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def closing(found: list[Token], at: int) -> int:
    """Where the parenthesis that stands at `at` is closed."""
    depth = 0
    for number in range(at, len(found)):
        if found[number].kind == "sign":
            depth += {"(": 1, ")": -1}.get(found[number].raw, 0)
            if depth == 0:
                return number
    raise near(found, at)


# -- CREATE TABLE ------------------------------------------------------------------------------------------------------
class Index(NamedTuple):
    """A key: its name, its columns in parentheses, and whether a value may be there only once."""

    name: str
    columns: str
    unique: bool = False


class Table(NamedTuple):
    """What ``CREATE TABLE`` becomes."""

    definition: str
    """The columns and constraints, in parentheses."""
    indexes: tuple[Index, ...]
    """Its keys but the primary one."""


class _Column:
    """One column, while its definition is being read."""

    def __init__(self, found: list[Token]) -> None:
        self._found, self.at = found, 2
        self.name = name_at(found, 0)
        self.type = name_at(found, 1).lower()
        if self.type not in _TEXTS | _REALS | _OTHERS and self.type not in _INTEGERS:
            raise near(found, 1)
        self.declared = self._declared()
        self.unsigned = False
        self.increments = False
        self.key = False
        self.unique = False
        self.out: list[str] = []

    def _declared(self) -> str:
        """The type as it was written."""
        shown = self.type
        if self.type == "double" and self._take("precision"):
            pass
        if self.at < len(self._found) and self._found[self.at].raw == "(":
            end = closing(self._found, self.at)
            self.size = self._found[self.at + 1 : end]
            shown += "(" + "".join(text(each.text) if each.kind == "string" else each.raw for each in self.size) + ")"
            self.at = end + 1
        else:
            self.size = []
        return shown

    def _take(self, *wanted: str) -> bool:
        """Read some words if they come next."""
        here = self._found[self.at : self.at + len(wanted)]
        if len(here) == len(wanted) and all(token.is_word(word) for token, word in zip(here, wanted, strict=True)):
            self.at += len(wanted)
            return True
        return False

    def read(self) -> str:
        """The column as SQLite takes it."""
        while self.at < len(self._found):
            self._attribute()
        if self.unsigned:
            self.declared += " unsigned"
        parts = [quoted(self.name)]
        if self.increments:
            parts.append("integer primary key autoincrement")
        else:
            parts.append(quoted(self.declared) if "'" in self.declared else self.declared)
            parts += ["primary key not null"] if self.key else []
            parts += ["collate nocase"] if self.type in _TEXTS else []
        return " ".join([*parts, *self.out, *self._checks()])

    def _attribute(self) -> None:
        take = self._take
        if take("unsigned") or take("zerofill"):
            self.unsigned = True
        elif take("not", "null"):
            self.out.append("not null")
        elif take("null") or take("signed"):
            pass
        elif take("auto_increment"):
            self.increments = True
        elif take("primary", "key") or take("key"):
            self.key = True
        elif take("unique", "key") or take("unique"):
            self.unique = True
        elif take("default"):
            self.out.append("default " + self._expression())
        elif take("on", "update"):
            self._expression()
        elif take("comment") or take("collate") or take("character", "set") or take("charset"):
            self.at += 1
        elif take("references"):
            self.out.append("references " + _spaced(self._found[self.at :]))
            self.at = len(self._found)
        elif take("check"):
            end = closing(self._found, self.at)
            self.out.append("check " + _spaced(self._found[self.at : end + 1]))
            self.at = end + 1
        else:
            raise near(self._found, self.at)

    def _expression(self) -> str:
        """A default: one token, perhaps with a sign, or with parentheses behind it."""
        start = self.at
        self.at += 2 if self._found[start].raw in ("-", "+") else 1
        if start < len(self._found) and self._found[start].raw == "(":
            self.at = closing(self._found, start) + 1
        elif self.at < len(self._found) and self._found[self.at].raw == "(":
            self.at = closing(self._found, self.at) + 1
        shown = _spaced(self._found[start : self.at])
        return f"({shown})" if "(" in shown and not shown.startswith("(") else shown

    def _checks(self) -> list[str]:
        name, column = self.name, quoted(self.name)
        checks = []
        if self.type in ("char", "varchar") and self.size:
            checks.append((f"long {name}", f"length({column}) <= {self.size[0].raw}"))
        if self.type in _INTEGERS and not self.increments:
            checks.append((f"integer {name}", f"typeof({column}) in ('integer', 'null')"))
            bits = 8 * _INTEGERS[self.type]
            least, most = (0, 2**bits - 1) if self.unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
            if bits < 64 or self.unsigned:
                checks.append((f"range {name}", f"{column} between {least} and {min(most, 2**63 - 1)}"))
        if self.type in _REALS:
            checks.append((f"decimal {name}", f"typeof({column}) in ('integer', 'real', 'null')"))
        if self.type == "enum":
            members = ", ".join(text(each.text) for each in self.size if each.kind == "string")
            checks.append((f"truncated {name}", f"{column} in ({members})"))
        return [f"constraint {quoted(label)} check ({column} is null or {condition})" for label, condition in checks]


def create_table(found: list[Token]) -> Table:
    """The definition of a table, from the tokens in its parentheses."""
    read: list[_Column] = []
    constraints: list[str] = []
    indexes: list[Index] = []
    keys: list[list[Token]] = []
    for part in commas(found):
        if not part:
            raise near(found, len(found))
        if _is_constraint(part):
            _constraint(part, constraints, indexes, keys)
        else:
            read.append(_Column(part))
    texts = [column.read() for column in read]
    indexes += [Index(column.name, f"({quoted(column.name)})", unique=True) for column in read if column.unique]
    incrementing = {column.name.lower() for column in read if column.increments}
    for key in keys:
        names = {token.text.lower() for token in key if token.kind in ("word", "name")}
        if not names & incrementing:
            constraints.append("primary key " + columns(key))
    return Table("(" + ", ".join([*texts, *constraints]) + ")", tuple(indexes))


def _is_constraint(part: list[Token]) -> bool:
    return part[0].is_word("primary", "key", "index", "unique", "constraint", "foreign", "fulltext", "spatial", "check")


def _constraint(part: list[Token], constraints: list[str], indexes: list[Index], keys: list[list[Token]]) -> None:
    """Read one constraint or key of a table."""
    name = ""
    if part[0].is_word("constraint"):
        named = len(part) > 1 and not part[1].is_word("primary", "unique", "foreign", "check")
        name = part[1].text if named else ""
        part = part[1 + named :]
    if not part:
        raise syntax_error("")
    opening = next((at for at, token in enumerate(part) if token.raw == "("), None)
    if opening is None:
        raise near(part, 0)
    end = closing(part, opening)
    inner = part[opening : end + 1]
    before = [token for token in part[1:opening] if not token.is_word("key", "index", "using", "btree", "hash")]
    name = before[0].text if before else name
    if part[0].is_word("primary"):
        keys.append(inner)
    elif part[0].is_word("unique"):
        label = name or next(token.text for token in inner if token.kind in ("word", "name"))
        indexes.append(Index(label, columns(inner), unique=True))
    elif part[0].is_word("foreign"):
        constraints.append(f"foreign key {columns(inner)} {_spaced(part[end + 1 :])}")
    elif part[0].is_word("check"):
        label = f"constraint {quoted('check ' + name)} " if name else ""
        constraints.append(f"{label}check {_spaced(inner)}")
    else:
        label = name or next(token.text for token in inner if token.kind in ("word", "name"))
        indexes.append(Index(label, columns(inner)))


def columns(inner: list[Token]) -> str:
    """The columns of a key; how many signs of them count is left out."""
    names = []
    for part in commas(inner[1:-1]):
        descending = " desc" if part[-1].is_word("desc") else ""
        names.append(quoted(name_at(part, 0)) + descending)
    return "(" + ", ".join(names) + ")"
