"""`CREATE`, `ALTER`, `DROP`, `RENAME` and `TRUNCATE`: what databases, tables, keys and views there are.

Modelled: each of them commits an open transaction, as in MySQL.
Not modelled: ``CREATE TABLE … LIKE``, new constraints and changed columns in `ALTER`, triggers, stored programs.
Source: MySQL reference manual, 13.1 (data definition statements).
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from volsim.errors import FileError
from volsim.programs.database.accounts import alter_user, create_user, drop_user
from volsim.programs.database.columns import Index, create_table, indexed
from volsim.programs.database.engine import Result, Session
from volsim.programs.database.errors import SqlError
from volsim.programs.database.lexer import Token
from volsim.programs.database.reader import Words, commas, spaced
from volsim.programs.database.shows import tables_of
from volsim.programs.database.translate import quoted, text

__all__ = ["alter", "create", "drop", "rename", "truncate"]

_NO_DUPLICATES = "Records: 0  Duplicates: 0  Warnings: 0"
_OPTIONS = ("auto_increment", "character", "charset", "comment", "convert", "default", "disable", "enable", "engine")
"""Changes of a table that change nothing here."""


def _unsupported(what: str) -> SqlError:
    return SqlError(1235, "42000", f"not modelled: {what}")


def _noted(session: Session, number: int, message: str) -> Result:
    """A statement with ``IF [NOT] EXISTS`` that had nothing to do."""
    session.warnings.append(("Note", number, message))
    return Result(warnings=1)


# -- create ------------------------------------------------------------------------------------------------------------
def create(session: Session, words: Words) -> Result:
    """`CREATE …`."""
    session.commit()
    words.token()
    replaces = words.take("or", "replace")
    words.take_any("temporary")
    unique = words.take("unique")
    kind = words.take_any("database", "schema", "table", "view", "index", "user")
    match kind:
        case "database" | "schema":
            return _create_database(session, words)
        case "table":
            return _create_table(session, words)
        case "view":
            return _create_view(session, words, replaces)
        case "index":
            return _create_index(session, words, unique)
        case "user":
            return create_user(session, words)
        case _:
            return words.fail()


def _create_database(session: Session, words: Words) -> Result:
    lenient = words.take("if", "not", "exists")
    name = words.name()
    if session.facts.data.exists(name):
        message = f"Can't create database '{name}'; database exists"
        if not lenient:
            raise SqlError(1007, "HY000", message)
        return _noted(session, 1007, message)._replace(affected=1)
    try:
        session.facts.data.create(name)
    except FileError as error:
        if error.errno == errno.EROFS:
            raise
        why = f"errno: {error.errno} - {error.strerror}"
        raise SqlError(1006, "HY000", f"Can't create database '{name}' ({why})") from None
    return Result(affected=1)


def _create_table(session: Session, words: Words) -> Result:
    lenient = words.take("if", "not", "exists")
    name = words.table()
    target = session.target(name)
    if session.exists(name, words.whole):
        message = f"Table '{name[1]}' already exists"
        if not lenient:
            raise SqlError(1050, "42S01", message)
        return _noted(session, 1050, message)
    words.take("as")
    if words.text == "select":
        session.run(f"create table {target} as {session.sql(spaced(words.rest))}", words.whole)
        count = session.run(f"select count(*) from {target}", words.whole, asks=True).rows[0][0]
        return Result(affected=count, info=f"Records: {count}  Duplicates: 0  Warnings: 0")
    if words.take("like"):
        raise _unsupported("CREATE TABLE ... LIKE")
    table = create_table(words.group(), words.whole)
    session.run(f"create table {target} {table.definition}", words.whole)
    for index in table.indexes:
        _add_index(session, target, name[1], index, words.whole)
    return Result()


def _add_index(session: Session, target: str, table: str, index: Index, found: list[Token]) -> None:
    """Make an index; in SQLite its name must be the only one in the database."""
    schema = target.partition(".")[0]
    kind = "unique index" if index.unique else "index"
    label = quoted(f"{table}:{index.name}")
    session.run(f"create {kind} {schema}.{label} on {quoted(table)} {index.columns}", found)


def _drop_index(session: Session, target: str, table: str, index: str, found: list[Token]) -> None:
    session.run(f"drop index {target.partition('.')[0]}.{quoted(f'{table}:{index}')}", found)


def _create_index(session: Session, words: Words, unique: bool) -> Result:
    index = words.name()
    if not words.take("on"):
        words.fail()
    name = words.table()
    _add_index(session, session.target(name), name[1], Index(index, indexed(words.group()), unique), words.whole)
    return Result(info=_NO_DUPLICATES)


def _create_view(session: Session, words: Words, replaces: bool) -> Result:
    target = session.target(words.table())
    if not words.take("as"):
        words.fail()
    query = session.sql(spaced(words.rest)) if words.rest else words.fail()
    session.run(query, words.whole, asks=True)  # a view of what is not there is refused
    if replaces:
        session.run(f"drop view if exists {target}", words.whole)
    session.run(f"create view {target} as {query}", words.whole)
    return Result()


# -- drop --------------------------------------------------------------------------------------------------------------
def drop(session: Session, words: Words) -> Result:
    """`DROP …`."""
    session.commit()
    words.token()
    words.take_any("temporary")
    kind = words.take_any("database", "schema", "table", "view", "index", "user")
    match kind:
        case "database" | "schema":
            return _drop_database(session, words)
        case "table" | "view":
            return _drop_tables(session, words, kind)
        case "index":
            return _drop_index_of(session, words)
        case "user":
            return drop_user(session, words)
        case _:
            return words.fail()


def _drop_database(session: Session, words: Words) -> Result:
    lenient = words.take("if", "exists")
    name = words.name()
    if not session.facts.data.exists(name):
        message = f"Can't drop database '{name}'; database doesn't exist"
        if not lenient:
            raise SqlError(1008, "HY000", message)
        return _noted(session, 1008, message)
    count = len(tables_of(session, name))
    session.facts.data.drop(name)
    if session.database == name:
        session.leave()
    return Result(affected=count)


def _drop_tables(session: Session, words: Words, kind: str) -> Result:
    lenient = words.take("if", "exists")
    names = [Words(part, words.whole).table() for part in commas(words.rest)]
    missing = [name for name in names if not session.exists(name, words.whole)]
    for name in missing:
        message = f"Unknown table '{session.full_name(name)}'"
        if not lenient:
            raise SqlError(1051, "42S02", message)
        _noted(session, 1051, message)
    for name in names:
        if name not in missing:
            session.run(f"drop {kind} {session.target(name)}", words.whole)
    return Result(warnings=len(missing))


def _drop_index_of(session: Session, words: Words) -> Result:
    index = words.name()
    if not words.take("on"):
        words.fail()
    name = words.table()
    _drop_index(session, session.target(name), name[1], index, words.whole)
    return Result(info=_NO_DUPLICATES)


def truncate(session: Session, words: Words) -> Result:
    """`TRUNCATE`: no rows are left, and numbers begin again."""
    session.commit()
    words.token()
    words.take("table")
    name = words.table()
    target = session.target(name)
    schema = target.partition(".")[0]
    session.run(f"delete from {target}", words.whole)
    counts = f"select 1 from {schema}.sqlite_master where name = 'sqlite_sequence'"
    if session.run(counts, words.whole, asks=True).rows:
        session.run(f"delete from {schema}.sqlite_sequence where name = {text(name[1])}", words.whole)
    return Result()


# -- alter and rename --------------------------------------------------------------------------------------------------
def alter(session: Session, words: Words) -> Result:
    """`ALTER TABLE` and `ALTER USER`."""
    session.commit()
    words.token()
    if words.take("user"):
        return alter_user(session, words)
    if not words.take("table"):
        words.fail()
    name = words.table()
    for part in commas(words.rest):
        _alter_table(session, name, Words(part, words.whole), words.whole)
    return Result(info=_NO_DUPLICATES)


def _alter_table(session: Session, name: tuple[str, str], change: Words, found: list[Token]) -> None:
    """One change of a table."""
    target = session.target(name)
    verb = change.take_any("add", "drop", "rename", *_OPTIONS)
    if verb in _OPTIONS:
        return
    if verb not in _CHANGES:
        raise _unsupported(f"ALTER TABLE ... {change.text.upper()}")
    _CHANGES[verb](session, target, name[1], change, found)


def _add(session: Session, target: str, table: str, change: Words, found: list[Token]) -> None:
    """``ADD``: a column, or a key."""
    is_key = change.text in ("index", "key", "unique", "primary", "constraint", "foreign", "fulltext")
    change.take("column")
    part = change.rest
    last = next((at for at, token in enumerate(part) if token.is_word("after", "first")), len(part))
    made = create_table(part[:last], found)
    if is_key and not made.indexes:
        raise _unsupported("ALTER TABLE ... ADD CONSTRAINT")
    if not is_key:
        session.run(f"alter table {target} add column {made.definition[1:-1]}", found)
    for index in made.indexes:
        _add_index(session, target, table, index, found)


def _drop_part(session: Session, target: str, table: str, change: Words, found: list[Token]) -> None:
    """``DROP``: a column, or a key."""
    if change.take_any("index", "key"):
        _drop_index(session, target, table, change.name(), found)
        return
    if change.text in ("primary", "foreign", "constraint", "check"):
        raise _unsupported(f"ALTER TABLE ... DROP {change.text.upper()}")
    change.take("column")
    session.run(f"alter table {target} drop column {quoted(change.name())}", found)


def _rename_part(session: Session, target: str, table: str, change: Words, found: list[Token]) -> None:
    """``RENAME``: the table, or a column of it."""
    if change.take("column"):
        old = change.name()
        if not change.take("to"):
            change.fail()
        session.run(f"alter table {target} rename column {quoted(old)} to {quoted(change.name())}", found)
        return
    change.take_any("to", "as")
    session.run(f"alter table {target} rename to {quoted(change.name())}", found)


_CHANGES: dict[str, Callable[[Session, str, str, Words, list[Token]], None]] = {
    "add": _add,
    "drop": _drop_part,
    "rename": _rename_part,
}


def rename(session: Session, words: Words) -> Result:
    """`RENAME TABLE`."""
    session.commit()
    words.token()
    if not words.take("table"):
        words.fail()
    for part in commas(words.rest):
        each = Words(part, words.whole)
        old = each.table()
        if not each.take("to"):
            each.fail()
        new = each.table()
        if new[0] not in ("", old[0] or session.database):
            raise _unsupported("RENAME TABLE to another database")
        session.run(f"alter table {session.target(old)} rename to {quoted(new[1])}", words.whole)
    return Result()
