"""MySQL's statements, by their first word.

Modelled: queries, changes of rows, transactions, definitions, users, `SHOW`; what only tunes a server changes nothing.
Not modelled: `EXPLAIN` of a statement, prepared statements, `LOAD DATA`, variables of the user's own.
Source: MySQL reference manual, 13 (SQL statements).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volsim.errors import FileError
from volsim.programs.database.accounts import grant, set_password
from volsim.programs.database.definitions import alter, create, drop, rename, truncate
from volsim.programs.database.engine import Result, Session
from volsim.programs.database.errors import SqlError, from_file_error, syntax_error
from volsim.programs.database.lexer import Token, tokens
from volsim.programs.database.reader import Words, commas, spaced
from volsim.programs.database.shows import describe, show, variable
from volsim.programs.database.translate import join

__all__ = ["execute"]

Do = Callable[[Session, Words], Result]


def execute(session: Session, sql: str) -> Result:
    """Do one statement. Raises `SqlError`."""
    found = tokens(sql.strip())
    while found and found[0].kind == "space":
        found.pop(0)
    if not found:
        raise SqlError(1065, "42000", "Query was empty")
    do = _STATEMENTS.get(found[0].text.lower()) if found[0].kind in ("word", "sign") else None
    if do is None:
        raise syntax_error(sql.strip())
    if not found[0].is_word("show"):
        session.warnings = []
    try:
        return do(session, Words(found))
    except FileError as error:
        session.close()  # what could not be stored has not happened
        raise from_file_error(error, _table_of(found)) from None


def _table_of(found: list[Token]) -> str:
    """The table that a statement speaks of, for an error about files."""
    words = Words(found)
    while words.next is not None and not words.take_any("into", "update", "from", "table", "database", "schema"):
        words.token()
    words.take("if", "not", "exists")
    try:
        return words.table()[1]
    except SqlError:
        return found[-1].text


# -- rows --------------------------------------------------------------------------------------------------------------
def _query(session: Session, words: Words) -> Result:
    found = words.whole
    if words.next is not None and words.next.raw == "(":  # a query may stand in parentheses
        found = spaced(words.group())
        words.expect_end()
    valued = [_valued(session, token) for token in found]
    ran = session.run(session.sql(valued), found, asks=True)
    return Result(_titles(ran.columns, found), tuple(ran.rows))


def _valued(session: Session, token: Token) -> Token:
    """A variable as its value; one of the user's own was never set."""
    if token.kind != "variable":
        return token
    if not token.raw.startswith("@@"):
        return Token("word", "null", "null", token.start)
    value = variable(session, token.raw[2:])
    return Token("string" if isinstance(value, str) else "number", str(value), str(value), token.start)


def _titles(columns: tuple[str, ...], found: list[Token]) -> tuple[str, ...]:
    """The titles of columns: an expression without a name is shown as it was written."""
    if not found[0].is_word("select"):
        return columns
    chosen = []
    depth = 0
    for token in found[1:]:
        if token.kind == "sign":
            depth += {"(": 1, ")": -1}.get(token.raw, 0)
        if depth == 0 and token.is_word("from", "limit", "union", "order"):
            break
        chosen.append(token)
    titles = [_title(part) for part in commas(chosen)]
    if len(titles) != len(columns) or any(title.endswith("*") for title in titles):
        return columns
    return tuple(titles)


def _title(part: list[Token]) -> str:
    """The title of one column: its name, or the expression."""
    words = [token for token in part if token.kind != "space"]
    if len(words) == 1 and words[0].kind in ("string", "name"):
        return words[0].text
    before = words[-2] if len(words) > 1 else None
    named = before is not None and (
        before.raw in (".", ")")
        or before.is_word("as", "distinct", "end")
        or (before.kind in ("name", "string", "number", "word") and not before.is_word(*_OPERATORS))
    )
    if named and words[-1].kind in ("word", "name", "string") and not words[-1].is_word("end"):
        return words[-1].text
    return "".join(token.raw for token in part).strip()


_OPERATORS = ("and", "div", "is", "like", "mod", "not", "or", "regexp", "rlike", "then", "else", "when", "xor")
"""Words behind which no name of a column stands."""


def _change(session: Session, words: Words) -> Result:
    verb = words.text
    ran = session.run(session.sql(words.whole), words.whole)
    if verb == "delete":
        return Result(affected=ran.affected)
    if verb == "insert":
        session.last_id = ran.last_id
    info = f"Records: {ran.affected}  Duplicates: 0  Warnings: 0"
    return Result(affected=ran.affected, info=info if ran.affected > 1 else "")


def _update(session: Session, words: Words) -> Result:
    """`UPDATE`, which tells rows that it found from rows that it changed."""
    inner = Words(words.whole)
    inner.token()
    inner.take_any("low_priority")
    inner.take_any("ignore")
    query = f"select rowid, * from {session.target(inner.table())}"
    before = _rows_by_number(session, query, words.whole)
    ran = session.run(session.sql(words.whole), words.whole)
    after = _rows_by_number(session, query, words.whole)
    changed = sum(after.get(number) != row for number, row in before.items())
    return Result(affected=changed, info=f"Rows matched: {ran.affected}  Changed: {changed}  Warnings: 0")


def _rows_by_number(session: Session, query: str, found: list[Token]) -> dict[int, tuple[Any, ...]]:
    return {row[0]: row for row in session.run(query, found, asks=True).rows}


# -- transactions ------------------------------------------------------------------------------------------------------
def _start(session: Session, words: Words) -> Result:
    session.begin()
    return Result()


def _commit(session: Session, words: Words) -> Result:
    session.commit()
    return Result()


def _rollback(session: Session, words: Words) -> Result:
    if any(token.is_word("to") for token in words.rest):
        return _savepoint(session, words)
    session.rollback()
    return Result()


def _savepoint(session: Session, words: Words) -> Result:
    """`SAVEPOINT`, and what goes back to one or forgets it; outside of a transaction there are none."""
    if session.in_transaction:
        session.run(join(words.whole), words.whole)
    return Result()


# -- the rest ----------------------------------------------------------------------------------------------------------
def _use(session: Session, words: Words) -> Result:
    words.token()
    session.use(words.name())
    return Result(text="Database changed")


def _set(session: Session, words: Words) -> Result:
    """`SET`: a password, or whether foreign keys are looked at; other variables change nothing that is modelled."""
    words.token()
    if words.take("password"):
        return set_password(session, words)
    while words.take_any("session", "global", "local"):
        pass
    name = words.token().text.lower().lstrip("@").rpartition(".")[2]
    if name == "foreign_key_checks" and (words.take_sign("=") or words.take_sign(":=")):
        session.check_references(words.token().text.lower() in ("1", "on"))
    return Result()


def _nothing(session: Session, words: Words) -> Result:
    """A statement that changes nothing that is modelled."""
    return Result()


def _explain(session: Session, words: Words) -> Result:
    words.token()
    if words.text in ("select", "insert", "update", "delete", "replace", "with", "format", "extended"):
        raise SqlError(1235, "42000", "not modelled: EXPLAIN of a statement")
    return describe(session, words)


def _maintain(session: Session, words: Words) -> Result:
    """`CHECK TABLE` and the like: there is nothing to repair."""
    verb = words.name().lower()
    words.take_any("local", "no_write_to_binlog")
    if not words.take("table"):
        words.fail()
    rows = []
    for part in commas(words.rest):
        name = Words(part, words.whole).table()
        if not session.exists(name, words.whole):
            raise SqlError(1146, "42S02", f"Table '{session.full_name(name)}' doesn't exist")
        rows.append((session.full_name(name), verb, "status", "OK"))
    return Result(("Table", "Op", "Msg_type", "Msg_text"), tuple(rows))


_STATEMENTS: dict[str, Do] = {
    "(": _query, "alter": alter, "analyze": _maintain, "begin": _start, "check": _maintain, "commit": _commit,
    "create": create, "delete": _change, "desc": _explain, "describe": _explain, "do": _nothing, "drop": drop,
    "explain": _explain, "flush": _nothing, "grant": grant, "insert": _change, "lock": _nothing, "optimize": _maintain,
    "release": _savepoint, "rename": rename, "repair": _maintain, "replace": _change, "revoke": grant,
    "rollback": _rollback, "savepoint": _savepoint, "select": _query, "set": _set, "show": show, "start": _start,
    "truncate": truncate, "unlock": _nothing, "update": _update, "use": _use, "values": _query, "with": _query,
}  # fmt: skip
"""What each statement does."""
