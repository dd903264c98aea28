"""MySQL's statements, by their first word.

Source: MySQL reference manual, 13 (SQL statements).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from volsim.programs.database import translate
from volsim.programs.database.engine import Result, Session
from volsim.programs.database.errors import SqlError, syntax_error
from volsim.programs.database.lexer import Token
from volsim.programs.database.shows import describe, show, tables_of, variable
from volsim.programs.database.translate import create_table, name_at, near, quoted, words

__all__ = ["STATEMENTS", "password_hash"]

Do = Callable[[Session, list[Token]], Result]


def password_hash(password: str) -> str:
    """A password as the server stores it (`mysql_native_password`).

    >>> password_hash("123.com")[:9], password_hash("")
    ('*AC241830', '')
    """
    if not password:
        return ""
    inner = hashlib.sha1(password.encode(errors="surrogateescape"), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(inner, usedforsecurity=False).hexdigest().upper()


_ASKING = [Token("word", "select", "select", 0)]
"""What a statement of the server's own looks like that only asks."""


# -- rows --------------------------------------------------------------------------------------------------------------
def _query(session: Session, found: list[Token]) -> Result:
    changed = []
    for token in found:
        if token.kind == "variable" and token.raw.startswith("@@"):
            value = variable(session, token.raw[2:])
            changed.append(Token("string" if isinstance(value, str) else "number", str(value), str(value), token.start))
        elif token.kind == "variable":
            changed.append(Token("word", "null", "null", token.start))  # a user variable that was never set
        else:
            changed.append(token)
    columns, rows, _, _ = session.run(session.sql(changed), found)
    return Result(_titles(columns, found), tuple(rows))


def _titles(columns: tuple[str, ...], found: list[Token]) -> tuple[str, ...]:
    """The titles of columns: an expression is shown as it was written."""
    shown = list(found)
    if not shown[0].is_word("select"):
        return columns
    end = next((at for at, token in enumerate(shown) if token.is_word("from")), len(shown))
    parts = translate.commas(shown[1:end])
    if len(parts) != len(columns) or any(
        token.raw == "*" and len(words(part)) == 1 for part in parts for token in part
    ):
        return columns
    titles = []
    for part, column in zip(parts, columns, strict=True):
        written = "".join(token.raw for token in part).strip()
        inner = words(part)
        named = any(token.is_word("as") for token in inner) or (
            len(inner) > 1 and inner[-1].kind in ("word", "name") and inner[-2].raw not in (".",)
        )
        simple = len(inner) == 1 and inner[0].kind in ("name", "word")
        if len(inner) == 1 and inner[0].kind == "string":
            written = inner[0].text
        titles.append(column if named or simple or (inner[-2:-1] and inner[-2].raw == ".") else written)
    return tuple(titles)


def _change(session: Session, found: list[Token]) -> Result:
    first = found[0].text.lower()
    _, _, count, row = session.run(session.sql(found), found)
    if first == "insert":
        session.remember_id(row)
    if first in ("insert", "replace"):
        many = count > 1
        return Result(affected=count, info=f"Records: {count}  Duplicates: 0  Warnings: 0" if many else "")
    if first == "update":
        return Result(affected=count, info=f"Rows matched: {count}  Changed: {count}  Warnings: 0")
    return Result(affected=count)


def _truncate(session: Session, found: list[Token]) -> Result:
    shown = words(found)
    at = 2 if len(shown) > 1 and shown[1].is_word("table") else 1
    session.commit()
    target, name, _ = _target(session, shown, at)
    session.run(f"delete from {target}", found)
    if session.run("select 1 from sqlite_master where name = 'sqlite_sequence'", _ASKING)[1]:
        schema = target.partition(".")[0]
        session.run(f"delete from {schema}.sqlite_sequence where name = {translate.text(name)}", found)
    return Result()


def _target(session: Session, shown: list[Token], at: int) -> tuple[str, str, int]:
    """A table's name at a place: as SQLite takes it, the name alone, and where it ends."""
    name = name_at(shown, at)
    if at + 1 < len(shown) and shown[at + 1].raw == ".":
        table = name_at(shown, at + 2)
        if name != session.database and not session.facts.data.exists(name):
            raise SqlError(1049, "42000", f"Unknown database '{name}'")
        return f"{'main' if name == session.database else quoted(name)}.{quoted(table)}", table, at + 3
    if not session.database:
        raise SqlError(1046, "3D000", "No database selected")
    return f"main.{quoted(name)}", name, at + 1


# -- definitions -------------------------------------------------------------------------------------------------------
def _create(session: Session, found: list[Token]) -> Result:
    session.commit()
    shown = words(found)
    kind = next((token.text.lower() for token in shown[1:4] if token.is_word(*_CREATE)), "")
    if kind not in _CREATE:
        raise near(shown, 1)
    return _CREATE[kind](session, found)


def _if_exists(shown: list[Token], at: int) -> tuple[bool, int]:
    """Whether ``IF [NOT] EXISTS`` stands at a place, and what comes behind it."""
    for wanted in (("if", "not", "exists"), ("if", "exists")):
        here = shown[at : at + len(wanted)]
        if len(here) == len(wanted) and all(token.is_word(word) for token, word in zip(here, wanted, strict=True)):
            return True, at + len(wanted)
    return False, at


def _create_database(session: Session, found: list[Token]) -> Result:
    shown = words(found)
    lenient, at = _if_exists(shown, 2)
    name = name_at(shown, at)
    if session.facts.data.exists(name):
        if not lenient:
            raise SqlError(1007, "HY000", f"Can't create database '{name}'; database exists")
        session.warnings.append(("Note", 1007, f"Can't create database '{name}'; database exists"))
        return Result(affected=1, warnings=1)
    session.facts.data.create(name)
    return Result(affected=1)


def _create_table(session: Session, found: list[Token]) -> Result:
    shown = words(found)
    at = next(at for at, token in enumerate(shown) if token.is_word("table")) + 1
    lenient, at = _if_exists(shown, at)
    target, name, at = _target(session, shown, at)
    if _exists(session, shown, target):
        if not lenient:
            raise SqlError(1050, "42S01", f"Table '{name}' already exists")
        session.warnings.append(("Note", 1050, f"Table '{name}' already exists"))
        return Result(warnings=1)
    rest = shown[at:]
    if rest and rest[0].is_word("as", "select"):
        query = [token for token in rest if not token.is_word("as") or token is not rest[0]]
        _, _, count, _ = session.run(f"create table {target} as {session.sql(_blanks(query))}", found)
        return Result(affected=count, info=f"Records: {count}  Duplicates: 0  Warnings: 0")
    if rest and rest[0].is_word("like"):
        raise SqlError(1235, "42000", "This version of MySQL doesn't yet support 'CREATE TABLE ... LIKE'")
    if not rest or rest[0].raw != "(":
        raise near(rest, 0) if rest else SqlError(4028, "HY000", "A table must have at least one visible column.")
    end = translate.closing(rest, 0)
    table = create_table(rest[1:end])
    session.run(f"create table {target} {table.definition}", found)
    for index in table.indexes:
        _index(session, target, name, index, found)
    return Result()


def _blanks(shown: list[Token]) -> list[Token]:
    """Tokens with blanks between them again."""
    out = []
    for token in shown:
        out += [token, Token("space", " ", " ", token.start)]
    return out


def _index(session: Session, target: str, table: str, index: translate.Index, found: list[Token]) -> None:
    schema = target.partition(".")[0]
    unique = "unique " if index.unique else ""
    label = quoted(f"{table}:{index.name}")
    session.run(f"create {unique}index {schema}.{label} on {quoted(table)} {index.columns}", found)


def _exists(session: Session, shown: list[Token], target: str) -> bool:
    """Whether there is a table or view."""
    schema, _, name = target.partition(".")
    query = f"select 1 from {schema}.sqlite_master where type in ('table', 'view') and name = {translate.text(name[1:-1])} collate nocase"
    return bool(session.run(query, [Token("word", "select", "select", 0), *shown])[1])


def _create_index(session: Session, found: list[Token]) -> Result:
    shown = words(found)
    unique = shown[1].is_word("unique")
    at = next(at for at, token in enumerate(shown) if token.is_word("index")) + 1
    name = name_at(shown, at)
    on = next((at for at, token in enumerate(shown) if token.is_word("on")), len(shown))
    target, table, at = _target(session, shown, on + 1)
    if at >= len(shown) or shown[at].raw != "(":
        raise near(shown, at)
    end = translate.closing(shown, at)
    _index(session, target, table, translate.Index(name, translate.columns(shown[at : end + 1]), unique), found)
    return Result(info="Records: 0  Duplicates: 0  Warnings: 0")


def _create_view(session: Session, found: list[Token]) -> Result:
    shown = words(found)
    at = next(at for at, token in enumerate(shown) if token.is_word("view"))
    target, _, end = _target(session, shown, at + 1)
    if any(token.is_word("replace") for token in shown[:at]):
        session.run(f"drop view if exists {target}", found)
    if end >= len(shown) or not shown[end].is_word("as"):
        raise near(shown, end)
    session.run(f"create view {target} as {session.sql(_blanks(shown[end + 1 :]))}", found)
    return Result()


def _drop(session: Session, found: list[Token]) -> Result:
    session.commit()
    shown = words(found)
    kind = shown[1].text.lower() if len(shown) > 1 else ""
    if kind in ("database", "schema"):
        return _drop_database(session, shown)
    if kind in ("table", "view"):
        return _drop_tables(session, found, kind)
    if kind == "index":
        table = _target(session, shown, 4)
        session.run(f"drop index {table[0].partition('.')[0]}.{quoted(f'{table[1]}:{name_at(shown, 2)}')}", found)
        return Result(info="Records: 0  Duplicates: 0  Warnings: 0")
    if kind == "user":
        return _drop_users(session, shown)
    raise near(shown, 1)


def _drop_database(session: Session, shown: list[Token]) -> Result:
    lenient, at = _if_exists(shown, 2)
    name = name_at(shown, at)
    if not session.facts.data.exists(name):
        if not lenient:
            raise SqlError(1008, "HY000", f"Can't drop database '{name}'; database doesn't exist")
        session.warnings.append(("Note", 1008, f"Can't drop database '{name}'; database doesn't exist"))
        return Result(warnings=1)
    count = len(tables_of(session, name))
    session.facts.data.drop(name)
    if session.database == name:
        session.close()
        session.database = ""
    return Result(affected=count)


def _drop_tables(session: Session, found: list[Token], kind: str) -> Result:
    shown = words(found)
    lenient, at = _if_exists(shown, 2)
    warnings = 0
    for part in translate.commas(shown[at:]):
        target, name, _ = _target(session, part, 0)
        if not _exists(session, part, target):
            full = f"{target.partition('.')[0].strip(chr(34)).replace('main', session.database)}.{name}"
            if not lenient:
                raise SqlError(1051, "42S02", f"Unknown table '{full}'")
            session.warnings.append(("Note", 1051, f"Unknown table '{full}'"))
            warnings += 1
            continue
        session.run(f"drop {kind} {target}", found)
    return Result(warnings=warnings)


def _alter(session: Session, found: list[Token]) -> Result:
    session.commit()
    shown = words(found)
    if len(shown) > 1 and shown[1].is_word("user"):
        return _create_user(session, found)
    if len(shown) < 3 or not shown[1].is_word("table"):
        raise near(shown, 1)
    target, name, at = _target(session, shown, 2)
    for part in translate.commas(shown[at:]):
        _alteration(session, target, name, part, found)
    return Result(info="Records: 0  Duplicates: 0  Warnings: 0")


def _alteration(session: Session, target: str, name: str, part: list[Token], found: list[Token]) -> None:
    """One change of a table."""
    verb = part[0].text.lower() if part else ""
    rest = [token for token in part[1:] if not token.is_word("column")]
    if verb in (
        "disable",
        "enable",
        "engine",
        "auto_increment",
        "default",
        "comment",
        "convert",
        "character",
        "charset",
    ):
        return
    if (
        verb == "add"
        and rest
        and rest[0].is_word("index", "key", "unique", "primary", "constraint", "foreign", "fulltext")
    ):
        table = create_table(rest)
        if not table.indexes:
            raise SqlError(1235, "42000", "This version of MySQL doesn't yet support 'ALTER TABLE ... ADD CONSTRAINT'")
        for index in table.indexes:
            _index(session, target, name, index, found)
    elif verb == "add" and rest:
        last = next((at for at, token in enumerate(rest) if token.is_word("after", "first")), len(rest))
        session.run(f"alter table {target} add column {create_table(rest[:last]).definition[1:-1]}", found)
    elif verb == "drop" and rest and rest[0].is_word("index", "key"):
        session.run(f"drop index {target.partition('.')[0]}.{quoted(f'{name}:{name_at(rest, 1)}')}", found)
    elif verb == "drop" and rest:
        session.run(f"alter table {target} drop column {quoted(name_at(rest, 0))}", found)
    elif verb == "rename" and len(rest) == 3 and rest[1].is_word("to"):
        session.run(f"alter table {target} rename column {quoted(rest[0].text)} to {quoted(rest[2].text)}", found)
    elif verb == "rename" and rest:
        session.run(f"alter table {target} rename to {quoted(rest[-1].text)}", found)
    else:
        raise SqlError(1235, "42000", f"This version of MySQL doesn't yet support 'ALTER TABLE ... {verb.upper()}'")


def _rename(session: Session, found: list[Token]) -> Result:
    session.commit()
    shown = words(found)
    if len(shown) < 5 or not shown[1].is_word("table"):
        raise near(shown, 1)
    for part in translate.commas(shown[2:]):
        target, _, at = _target(session, part, 0)
        if at >= len(part) or not part[at].is_word("to"):
            raise near(part, at)
        session.run(f"alter table {target} rename to {quoted(_target(session, part, at + 1)[1])}", found)
    return Result()


# -- users -------------------------------------------------------------------------------------------------------------
def _accounts(shown: list[Token]) -> list[tuple[str, str, list[Token]]]:
    """User, host and what is said of them: ``'a'@'%' IDENTIFIED BY 'x'``."""
    accounts = []
    for part in translate.commas(shown):
        if not part or part[0].kind not in ("word", "string", "name"):
            raise near(part, 0)
        user, host, rest = part[0].text, "%", part[1:]
        if rest and rest[0].kind == "variable":
            host, rest = rest[0].text[1:].strip("'`"), rest[1:]
        elif len(rest) > 1 and rest[0].raw == "@":
            host, rest = rest[1].text, rest[2:]
        accounts.append((user, host, rest))
    return accounts


def _create_user(session: Session, found: list[Token]) -> Result:
    shown = words(found)
    verb = shown[0].text.lower()
    lenient, at = _if_exists(shown, 2)
    for user, host, rest in _accounts(shown[at:]):
        password = next((token.text for token in rest if token.kind == "string" and token is not rest[0]), "")
        known = bool(_user_rows(session, user, host))
        if verb == "create" and known and not lenient:
            raise SqlError(1396, "HY000", f"Operation CREATE USER failed for '{user}'@'{host}'")
        if verb == "alter" and not known:
            raise SqlError(1396, "HY000", f"Operation ALTER USER failed for '{user}'@'{host}'")
        if not (verb == "create" and known):
            _store_user(session, user, host, password)
    return Result()


def _user_rows(session: Session, user: str, host: str) -> list[tuple[Any, ...]]:
    inner = Session(session.facts)
    inner.use("mysql")
    query = f"select User from user where User = {translate.text(user)} and Host = {translate.text(host)}"
    rows = inner.run(query, _ASKING)[1]
    inner.close()
    return rows


def _store_user(session: Session, user: str, host: str, password: str) -> None:
    inner = Session(session.facts)
    inner.use("mysql")
    values = ", ".join(map(translate.text, (host, user, password_hash(password))))
    inner.run(f"replace into user values ({values})", [Token("word", "replace", "replace", 0)])
    inner.close()


def _drop_users(session: Session, shown: list[Token]) -> Result:
    lenient, at = _if_exists(shown, 2)
    for user, host, _ in _accounts(shown[at:]):
        if not _user_rows(session, user, host):
            if lenient:
                continue
            raise SqlError(1396, "HY000", f"Operation DROP USER failed for '{user}'@'{host}'")
        inner = Session(session.facts)
        inner.use("mysql")
        where = f"User = {translate.text(user)} and Host = {translate.text(host)}"
        inner.run(f"delete from user where {where}", [Token("word", "delete", "delete", 0)])
        inner.close()
    return Result()


def _grant(session: Session, found: list[Token]) -> Result:
    """Privileges are not modelled; ``GRANT … IDENTIFIED BY`` of 5.7 makes the user."""
    shown = words(found)
    to = next((at for at, token in enumerate(shown) if token.is_word("to", "from")), None)
    if to is None:
        raise near(shown, len(shown))
    if shown[0].is_word("grant"):
        for user, host, rest in _accounts(shown[to + 1 :]):
            password = next((token.text for token in rest if token.kind == "string"), None)
            if password is not None:
                _store_user(session, user, host, password)
            elif not _user_rows(session, user, host):
                raise SqlError(1410, "42000", "You are not allowed to create a user with GRANT")
    return Result()


# -- the rest ----------------------------------------------------------------------------------------------------------
def _use(session: Session, found: list[Token]) -> Result:
    session.use(name_at(words(found), 1))
    return Result(text="Database changed")


def _set(session: Session, found: list[Token]) -> Result:
    shown = words(found)
    if len(shown) > 2 and shown[1].is_word("password"):
        value = next((token.text for token in reversed(shown) if token.kind == "string"), "")
        _store_user(session, session.facts.user, "localhost" if session.facts.user == "root" else "%", value)
    elif len(shown) < 3:
        raise near(shown, len(shown))
    elif any(token.text.lower().rpartition(".")[2].strip("@") == "foreign_key_checks" for token in shown[1:3]):
        session.check_references(shown[-1].text.lower() in ("1", "on"))
    return Result()


def _start(session: Session, found: list[Token]) -> Result:
    session.begin()
    return Result()


def _commit(session: Session, found: list[Token]) -> Result:
    session.commit()
    return Result()


def _rollback(session: Session, found: list[Token]) -> Result:
    shown = words(found)
    if any(token.is_word("to") for token in shown):
        return _savepoint(session, found)
    session.rollback()
    return Result()


def _savepoint(session: Session, found: list[Token]) -> Result:
    if session.in_transaction:
        session.run(translate.join(found), found)
    return Result()


def _nothing(session: Session, found: list[Token]) -> Result:
    """A statement that changes nothing that is modelled."""
    return Result()


def _explain(session: Session, found: list[Token]) -> Result:
    if len(words(found)) > 1 and words(found)[1].is_word(
        "select", "insert", "update", "delete", "replace", "format", "extended"
    ):
        raise SqlError(1235, "42000", "This version of MySQL doesn't yet support 'EXPLAIN of a statement'")
    return describe(session, words(found)[1:])


def _maintain(session: Session, found: list[Token]) -> Result:
    """``CHECK TABLE`` and the like: there is nothing to repair."""
    shown = words(found)
    rows = []
    for part in translate.commas(shown[2:]):
        target, name, _ = _target(session, part, 0)
        if not _exists(session, part, target):
            raise SqlError(1146, "42S02", f"Table '{session.database}.{name}' doesn't exist")
        rows.append((f"{session.database}.{name}", shown[0].text.lower(), "status", "OK"))
    return Result(("Table", "Op", "Msg_type", "Msg_text"), tuple(rows))


def _unknown(session: Session, found: list[Token]) -> Result:
    raise syntax_error("".join(token.raw for token in found))


_CREATE: dict[str, Do] = {
    "database": _create_database, "index": _create_index, "schema": _create_database, "table": _create_table,
    "user": _create_user, "view": _create_view,
}  # fmt: skip

STATEMENTS: dict[str, Do] = {
    "(": _query, "alter": _alter, "analyze": _maintain, "begin": _start, "check": _maintain, "commit": _commit,
    "create": _create, "delete": _change, "desc": _explain, "describe": _explain, "do": _nothing, "drop": _drop,
    "explain": _explain, "flush": _nothing, "grant": _grant, "insert": _change, "lock": _nothing,
    "optimize": _maintain, "release": _savepoint, "rename": _rename, "repair": _maintain, "replace": _change,
    "revoke": _grant, "rollback": _rollback, "savepoint": _savepoint, "select": _query, "set": _set, "show": show,
    "start": _start, "truncate": _truncate, "unlock": _nothing, "update": _change, "use": _use, "values": _query,
    "with": _query,
}  # fmt: skip
"""What each statement does."""
