"""`SHOW` and `DESCRIBE`: what the server tells of itself and of its tables.

Modelled: databases, tables, columns, keys, ``CREATE TABLE``, variables, warnings; what tells of load tells of an idle
server.
Not modelled: replication, plugins, privileges, sizes.
Source: MySQL reference manual, 13.7.7 (SHOW statements), 13.8.1 (DESCRIBE).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from volsim.programs.database.catalog import CATALOG, tables_in
from volsim.programs.database.engine import Result, Session
from volsim.programs.database.errors import SqlError, is_modern
from volsim.programs.database.reader import Words
from volsim.programs.database.storage import opened
from volsim.programs.database.structure import Key, Structure, structure

__all__ = ["describe", "show", "table_of", "tables_of", "variable"]


# -- variables ---------------------------------------------------------------------------------------------------------
def _variables(session: Session) -> dict[str, str | int]:
    facts = session.facts
    return {
        "autocommit": 1, "character_set_client": "utf8mb4", "character_set_server": "utf8mb4",
        "datadir": facts.data.path + "/", "default_storage_engine": "InnoDB", "hostname": facts.hostname,
        "innodb_flush_log_at_trx_commit": 1, "max_allowed_packet": 67108864, "max_connections": 151, "port": 3306,
        "read_only": 0, "server_id": 1, "socket": "/var/run/mysqld/mysqld.sock", "sql_mode": "STRICT_TRANS_TABLES",
        "time_zone": "SYSTEM", "version": facts.version, "version_comment": "MySQL Community Server",
        "wait_timeout": 28800,
    }  # fmt: skip


_SWITCHES = frozenset({"autocommit", "read_only"})
"""Variables that are shown as ON or OFF."""


def variable(session: Session, name: str) -> str | int:
    """The value of a system variable. Raises `SqlError` for one that is not known."""
    plain = re.sub(r"^(?:global|session|local)\.", "", name.lower())
    values = _variables(session)
    if plain not in values:
        raise SqlError(1193, "HY000", f"Unknown system variable '{plain}'")
    return values[plain]


def _variable_rows(session: Session, words: Words) -> Result:
    rows = {
        name: ("ON" if value else "OFF") if name in _SWITCHES else str(value)
        for name, value in _variables(session).items()
    }
    return _pairs(("Variable_name", "Value"), rows, words)


def _pairs(titles: tuple[str, str], rows: dict[str, str], words: Words) -> Result:
    fits = _like(words)
    return Result(titles, tuple((name, rows[name]) for name in sorted(rows) if fits(name)))


def _like(words: Words) -> Callable[[str], bool]:
    """What ``LIKE 'pattern'`` lets through, if it comes next."""
    if not words.take("like"):
        return lambda name: True
    pattern = re.escape(words.token().text).replace("%", ".*").replace("_", ".")
    return lambda name: re.fullmatch(pattern, name, re.IGNORECASE) is not None


# -- databases and tables ----------------------------------------------------------------------------------------------
def tables_of(session: Session, database: str, *, views: bool = True) -> list[str]:
    """The tables and perhaps the views of a database, sorted."""
    connection = opened(session.facts.data.read(database))
    names = [name for name, kind in tables_in(connection) if views or kind == "table"]
    connection.close()
    return names


def table_of(session: Session, database: str, table: str) -> Structure:
    """How a table is made. Raises `SqlError` if it is not there."""
    database = _there(session, database)
    connection = opened(session.facts.data.read(database))
    names = {name.lower(): name for name, _ in tables_in(connection)}
    if table.lower() not in names:
        raise SqlError(1146, "42S02", f"Table '{database}.{table}' doesn't exist")
    found = structure(connection, names[table.lower()], widths=not is_modern(session.facts.version))
    connection.close()
    return found


def _there(session: Session, database: str) -> str:
    """The database of that name; for an empty text the present one. Raises `SqlError` if there is none."""
    name = database or session.database
    if not name:
        raise SqlError(1046, "3D000", "No database selected")
    if not session.facts.data.exists(name):
        raise SqlError(1049, "42000", f"Unknown database '{name}'")
    return name


def _databases(session: Session, words: Words) -> Result:
    fits = _like(words)
    names = sorted({CATALOG, *session.facts.data.databases()})
    return Result(("Database",), tuple((name,) for name in names if fits(name)))


def _from(session: Session, words: Words) -> str:
    """The database that ``FROM name`` means, or the present one."""
    return _there(session, words.name() if words.take_any("from", "in") else "")


def _tables(session: Session, words: Words) -> Result:
    database = _from(session, words)
    fits = _like(words)
    return Result((f"Tables_in_{database}",), tuple((name,) for name in tables_of(session, database) if fits(name)))


def _table_status(session: Session, words: Words) -> Result:
    if not words.take("status"):
        words.fail()
    database = _from(session, words)
    return Result(("Name", "Engine"), tuple((name, "InnoDB") for name in tables_of(session, database)))


def _named_table(session: Session, words: Words) -> Structure:
    """The table that ``[FROM] table [FROM database]`` means."""
    words.take_any("from", "in")
    database, table = words.table()
    if words.take_any("from", "in"):
        database = words.name()
    return table_of(session, database, table)


def describe(session: Session, words: Words) -> Result:
    """The columns of a table."""
    table = _named_table(session, words)
    rows = tuple(
        (
            column.name,
            column.type,
            "YES" if column.nullable else "NO",
            table.key_of(column.name),
            column.default,
            "auto_increment" if column.increments else "",
        )
        for column in table.columns
    )
    return Result(("Field", "Type", "Null", "Key", "Default", "Extra"), rows)


def _indexes(session: Session, words: Words) -> Result:
    table = _named_table(session, words)
    keys = [Key("PRIMARY", table.primary, unique=True)] if table.primary else []
    rows = tuple(
        (table.name, int(not key.unique), key.name, number, column, "A", "BTREE")
        for key in (*keys, *table.keys)
        for number, column in enumerate(key.columns, 1)
    )
    titles = ("Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Index_type")
    return Result(titles, rows)


def _create(session: Session, words: Words) -> Result:
    if words.take_any("database", "schema"):
        name = _there(session, words.name())
        return Result(("Database", "Create Database"), ((name, f"CREATE DATABASE `{name}`"),))
    if not words.take("table"):
        words.fail()
    table = table_of(session, *words.table())
    return Result(("Table", "Create Table"), ((table.name, table.definition),))


# -- the server --------------------------------------------------------------------------------------------------------
def _status(session: Session, words: Words) -> Result:
    return _pairs(("Variable_name", "Value"), {"Threads_connected": "1", "Threads_running": "1"}, words)


def _processes(session: Session, words: Words) -> Result:
    row = (2, session.facts.user, "localhost", session.database or None, "Query", 0, "starting", "show processlist")
    return Result(("Id", "User", "Host", "db", "Command", "Time", "State", "Info"), (row,))


def _engines(session: Session, words: Words) -> Result:
    row = ("InnoDB", "DEFAULT", "Supports transactions, row-level locking, and foreign keys")
    return Result(("Engine", "Support", "Comment"), (row,))


def _warnings(session: Session, words: Words) -> Result:
    rows: tuple[tuple[Any, ...], ...] = tuple(session.warnings)
    return Result(("Level", "Code", "Message"), rows)


def _grants(session: Session, words: Words) -> Result:
    user = session.facts.user
    row = (f"GRANT ALL PRIVILEGES ON *.* TO '{user}'@'localhost' WITH GRANT OPTION",)
    return Result((f"Grants for {user}@localhost",), (row,))


_SHOWS: dict[str, Callable[[Session, Words], Result]] = {
    "columns": describe, "create": _create, "databases": _databases, "engines": _engines, "errors": _warnings,
    "fields": describe, "grants": _grants, "index": _indexes, "indexes": _indexes, "keys": _indexes,
    "processlist": _processes, "schemas": _databases, "status": _status, "table": _table_status, "tables": _tables,
    "variables": _variable_rows, "warnings": _warnings,
}  # fmt: skip


def show(session: Session, words: Words) -> Result:
    """`SHOW …`."""
    words.token()
    while words.take_any("extended", "full", "global", "session", "storage"):
        pass
    if words.text not in _SHOWS:
        words.fail()
    return _SHOWS[words.name().lower()](session, words)
