"""``SHOW`` and ``DESCRIBE``: what the server tells of itself and of its tables.

Source: MySQL reference manual, 13.7.7 (SHOW statements), 13.8.1 (DESCRIBE).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from volsim.programs.database.catalog import CATALOG, tables_in
from volsim.programs.database.engine import Result, Session
from volsim.programs.database.errors import SqlError, is_modern
from volsim.programs.database.lexer import Token
from volsim.programs.database.storage import opened
from volsim.programs.database.structure import Key, Structure, structure
from volsim.programs.database.translate import name_at, near, words

__all__ = ["describe", "show", "table_of", "tables_of", "variable"]


def variable(session: Session, name: str) -> str | int:
    """The value of a system variable. Raises `SqlError` for one that is not known."""
    plain = (
        name.rpartition(".")[2].lower() if name.lower().startswith(("global.", "session.", "local.")) else name.lower()
    )
    values = _variables(session)
    if plain not in values:
        raise SqlError(1193, "HY000", f"Unknown system variable '{plain}'")
    return values[plain]


def _variables(session: Session) -> dict[str, str | int]:
    facts = session.facts
    return {
        "autocommit": 1, "character_set_client": "utf8mb4", "character_set_server": "utf8mb4",
        "datadir": facts.data.path + "/", "hostname": facts.hostname, "innodb_flush_log_at_trx_commit": 1,
        "max_allowed_packet": 67108864, "max_connections": 151, "port": 3306, "read_only": 0, "server_id": 1,
        "socket": "/var/run/mysqld/mysqld.sock", "sql_mode": "STRICT_TRANS_TABLES", "storage_engine": "InnoDB",
        "default_storage_engine": "InnoDB", "time_zone": "SYSTEM", "version": facts.version,
        "version_comment": "MySQL Community Server", "wait_timeout": 28800,
    }  # fmt: skip


def tables_of(session: Session, database: str, *, views: bool = True) -> list[str]:
    """The tables and perhaps the views of a database, sorted."""
    connection = opened(session.facts.data.read(database))
    names = [name for name, kind in tables_in(connection) if views or kind == "table"]
    connection.close()
    return names


def _like(shown: list[Token]) -> Callable[[str], bool]:
    """What ``LIKE 'pattern'`` at the end lets through."""
    at = next((at for at, token in enumerate(shown) if token.is_word("like")), None)
    if at is None:
        return lambda name: True
    pattern = re.escape(shown[at + 1].text if at + 1 < len(shown) else "").replace("%", ".*").replace("_", ".")
    return lambda name: re.fullmatch(pattern, name, re.IGNORECASE) is not None


def show(session: Session, found: list[Token]) -> Result:
    """``SHOW …``."""
    shown = [
        token for token in words(found)[1:] if not token.is_word("full", "global", "session", "extended", "storage")
    ]
    what = shown[0].text.lower() if shown else ""
    if what not in _SHOWS:
        raise near(words(found), 1)
    return _SHOWS[what](session, shown)


def _databases(session: Session, shown: list[Token]) -> Result:
    fits = _like(shown)
    names = sorted({CATALOG, *session.facts.data.databases()})
    return Result(("Database",), tuple((name,) for name in names if fits(name)))


def _database_of(session: Session, shown: list[Token]) -> str:
    """The database that ``FROM name`` means, or the present one."""
    froms = [at for at, token in enumerate(shown) if token.is_word("from", "in")]
    name = name_at(shown, froms[-1] + 1) if froms else session.database
    if not name:
        raise SqlError(1046, "3D000", "No database selected")
    if not session.facts.data.exists(name):
        raise SqlError(1049, "42000", f"Unknown database '{name}'")
    return name


def _tables(session: Session, shown: list[Token]) -> Result:
    database, fits = _database_of(session, shown), _like(shown)
    return Result((f"Tables_in_{database}",), tuple((name,) for name in tables_of(session, database) if fits(name)))


def _columns(session: Session, shown: list[Token]) -> Result:
    return describe(session, shown[2:]) if len(shown) > 2 else describe(session, [])


def describe(session: Session, shown: list[Token]) -> Result:
    """The columns of a table."""
    rows = []
    table = _table(session, shown)
    for column in table.columns:
        extra = "auto_increment" if column.increments else ""
        null = "YES" if column.nullable else "NO"
        rows.append((column.name, column.type, null, table.key_of(column.name), column.default, extra))
    return Result(("Field", "Type", "Null", "Key", "Default", "Extra"), tuple(rows))


def _table(session: Session, shown: list[Token]) -> Structure:
    """The table that is meant. Raises `SqlError` if it is not there."""
    table, database = name_at(shown, 0), session.database
    if len(shown) > 2 and shown[1].raw == ".":
        database, table = table, name_at(shown, 2)
    elif len(shown) > 2 and shown[1].is_word("from", "in"):
        database = name_at(shown, 2)
    return table_of(session, database, table)


def table_of(session: Session, database: str, table: str) -> Structure:
    """How a table is made. Raises `SqlError` if it is not there."""
    if not database:
        raise SqlError(1046, "3D000", "No database selected")
    if not session.facts.data.exists(database):
        raise SqlError(1049, "42000", f"Unknown database '{database}'")
    connection = opened(session.facts.data.read(database))
    names = {name.lower(): name for name, _ in tables_in(connection)}
    if table.lower() not in names:
        raise SqlError(1146, "42S02", f"Table '{database}.{table}' doesn't exist")
    found = structure(connection, names[table.lower()], widths=not is_modern(session.facts.version))
    connection.close()
    return found


def _indexes(session: Session, shown: list[Token]) -> Result:
    table = _table(session, shown[2:])
    keys = [Key("PRIMARY", table.primary, True)] * bool(table.primary) + list(table.keys)
    rows = tuple(
        (table.name, int(not key.unique), key.name, number, column, "A", "BTREE")
        for key in keys
        for number, column in enumerate(key.columns, 1)
    )
    titles = ("Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Index_type")
    return Result(titles, rows)


def _create(session: Session, shown: list[Token]) -> Result:
    if len(shown) > 2 and shown[1].is_word("database", "schema"):
        name = name_at(shown, 2)
        if not session.facts.data.exists(name):
            raise SqlError(1049, "42000", f"Unknown database '{name}'")
        return Result(("Database", "Create Database"), ((name, f"CREATE DATABASE `{name}`"),))
    if len(shown) < 3 or not shown[1].is_word("table"):
        raise near(shown, 1)
    table = _table(session, shown[2:])
    return Result(("Table", "Create Table"), ((table.name, table.definition),))


def _variables_shown(session: Session, shown: list[Token]) -> Result:
    fits = _like(shown)
    words_for = {"autocommit": {0: "OFF", 1: "ON"}, "read_only": {0: "OFF", 1: "ON"}}
    rows = [
        (name, str(words_for.get(name, {}).get(value, value) if isinstance(value, int) else value))
        for name, value in sorted(_variables(session).items())
        if fits(name)
    ]
    return Result(("Variable_name", "Value"), tuple(rows))


def _status(session: Session, shown: list[Token]) -> Result:
    if len(shown) > 1 and shown[0].is_word("table"):
        database = _database_of(session, shown)
        return Result(("Name", "Engine"), tuple((name, "InnoDB") for name in tables_of(session, database)))
    fits = _like(shown)
    values = {"Threads_connected": "1", "Threads_running": "1", "Uptime": "1"}
    return Result(("Variable_name", "Value"), tuple(item for item in values.items() if fits(item[0])))


def _processes(session: Session, shown: list[Token]) -> Result:
    columns = ("Id", "User", "Host", "db", "Command", "Time", "State", "Info")
    return Result(
        columns,
        ((2, session.facts.user, "localhost", session.database or None, "Query", 0, "starting", "show processlist"),),
    )


def _engines(session: Session, shown: list[Token]) -> Result:
    return Result(
        ("Engine", "Support", "Comment"),
        (("InnoDB", "DEFAULT", "Supports transactions, row-level locking, and foreign keys"),),
    )


def _warnings(session: Session, shown: list[Token]) -> Result:
    return Result(("Level", "Code", "Message"), tuple(session.warnings))


def _grants(session: Session, shown: list[Token]) -> Result:
    account = f"{session.facts.user}@localhost"
    return Result(
        (f"Grants for {account}",),
        ((f"GRANT ALL PRIVILEGES ON *.* TO '{session.facts.user}'@'localhost' WITH GRANT OPTION",),),
    )


_SHOWS: dict[str, Callable[[Session, list[Token]], Result]] = {
    "columns": _columns, "create": _create, "databases": _databases, "engines": _engines, "errors": _warnings,
    "fields": _columns, "grants": _grants, "index": _indexes, "indexes": _indexes, "keys": _indexes,
    "processlist": _processes, "schemas": _databases, "status": _status, "table": _status, "tables": _tables,
    "variables": _variables_shown, "warnings": _warnings,
}  # fmt: skip
