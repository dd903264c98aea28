"""``SHOW`` and ``DESCRIBE``: what the server tells of itself and of its tables.

Source: MySQL reference manual, 13.7.7 (SHOW statements), 13.8.1 (DESCRIBE).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from volsim.programs.database import translate
from volsim.programs.database.engine import Result, Session
from volsim.programs.database.errors import SqlError
from volsim.programs.database.lexer import Token
from volsim.programs.database.storage import opened
from volsim.programs.database.translate import name_at, near, quoted, words

__all__ = ["describe", "show", "tables_of", "variable"]


def variable(session: Session, name: str) -> str | int:
    """The value of a system variable. Raises `SqlError` for one that is not known."""
    plain = name.rpartition(".")[2].lower() if name.lower().startswith(("global.", "session.", "local.")) else name.lower()
    values = _variables(session)
    if plain not in values:
        raise SqlError(1193, "HY000", f"Unknown system variable '{plain}'")
    return values[plain]


def _variables(session: Session) -> dict[str, str | int]:
    facts = session.facts
    return {
        "autocommit": 1, "character_set_client": "utf8mb4", "character_set_server": "utf8mb4", "datadir": facts.data.path + "/",
        "hostname": facts.hostname, "innodb_flush_log_at_trx_commit": 1, "max_allowed_packet": 67108864, "max_connections": 151,
        "port": 3306, "read_only": 0, "server_id": 1, "socket": "/var/run/mysqld/mysqld.sock", "sql_mode": "STRICT_TRANS_TABLES",
        "storage_engine": "InnoDB", "default_storage_engine": "InnoDB", "time_zone": "SYSTEM", "version": facts.version,
        "version_comment": "MySQL Community Server", "wait_timeout": 28800,
    }  # fmt: skip


def tables_of(session: Session, database: str) -> list[str]:
    """The tables and views of a database, sorted."""
    connection = opened(session.facts.data.read(database))
    query = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite%' order by name"
    names = [row[0] for row in connection.execute(query)]
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
    shown = [token for token in words(found)[1:] if not token.is_word("full", "global", "session", "extended", "storage")]
    what = shown[0].text.lower() if shown else ""
    if what not in _SHOWS:
        raise near(words(found), 1)
    return _SHOWS[what](session, shown)


def _databases(session: Session, shown: list[Token]) -> Result:
    fits = _like(shown)
    names = sorted({"information_schema", *session.facts.data.databases()})
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
    schema, table = _table(session, shown)
    keys = _keys(session, schema, table)
    rows = []
    for _, name, declared, not_null, default, primary in _pragma(session, "table_info", schema, table):
        declared = str(declared).lower()
        increments = primary and declared == "integer"
        key = "PRI" if primary else keys.get(name, "")
        shown_default = None if default is None or default.lower() == "null" else default.strip("'()").upper() if "(" in default else default.strip("'")
        rows.append(
            (name, _type(session, "int" if increments else declared), "NO" if not_null or primary else "YES", key, shown_default,
             "auto_increment" if increments else "")
        )  # fmt: skip
    return Result(("Field", "Type", "Null", "Key", "Default", "Extra"), tuple(rows))


def _type(session: Session, declared: str) -> str:
    """A type as `DESCRIBE` shows it: before 8.0 whole numbers have a width."""
    declared = {"integer": "int", "bool": "tinyint(1)", "boolean": "tinyint(1)"}.get(declared, declared)
    old = session.facts.version < "8" or "MariaDB" in session.facts.version
    widths = {"tinyint": 4, "smallint": 6, "mediumint": 9, "int": 11, "bigint": 20}
    base, _, unsigned = declared.partition(" ")
    if old and base in widths:
        base = f"{base}({widths[base] - (1 if unsigned and base != 'bigint' else 0)})"
    return f"{base} {unsigned}".strip()


def _table(session: Session, shown: list[Token]) -> tuple[str, str]:
    """The database and the table that are meant. Raises `SqlError` if they are not there."""
    table = name_at(shown, 0)
    database = session.database
    if len(shown) > 2 and shown[1].raw == ".":
        database, table = table, name_at(shown, 2)
    elif len(shown) > 2 and shown[1].is_word("from", "in"):
        database = name_at(shown, 2)
    if not database:
        raise SqlError(1046, "3D000", "No database selected")
    if not session.facts.data.exists(database):
        raise SqlError(1049, "42000", f"Unknown database '{database}'")
    names = {name.lower(): name for name in tables_of(session, database)}
    if table.lower() not in names:
        raise SqlError(1146, "42S02", f"Table '{database}.{table}' doesn't exist")
    return database, names[table.lower()]


def _pragma(session: Session, name: str, database: str, argument: str) -> list[tuple[Any, ...]]:
    connection = opened(session.facts.data.read(database))
    rows = connection.execute(f"pragma {name}({quoted(argument)})").fetchall()
    connection.close()
    return rows


def _keys(session: Session, database: str, table: str) -> dict[str, str]:
    """Which columns begin a key: ``UNI`` or ``MUL``."""
    keys: dict[str, str] = {}
    for _, label, unique, origin, _ in _pragma(session, "index_list", database, table):
        columns = [row[2] for row in _pragma(session, "index_info", database, label)]
        if columns and origin == "c":
            keys.setdefault(columns[0], "UNI" if unique and len(columns) == 1 else "MUL")
    return keys


def _indexes(session: Session, shown: list[Token]) -> Result:
    database, table = _table(session, shown[2:])
    rows: list[tuple[Any, ...]] = []
    primary = [row[1] for row in sorted(_pragma(session, "table_info", database, table), key=lambda row: row[5]) if row[5]]
    rows += [(table, 0, "PRIMARY", number, column, "A", "BTREE") for number, column in enumerate(primary, 1)]
    for _, label, unique, origin, _ in sorted(_pragma(session, "index_list", database, table), key=lambda row: row[1]):
        if origin == "c":
            for number, row in enumerate(_pragma(session, "index_info", database, label), 1):
                rows.append((table, int(not unique), label.partition(":")[2], number, row[2], "A", "BTREE"))
    return Result(("Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Index_type"), tuple(rows))


def _create(session: Session, shown: list[Token]) -> Result:
    if len(shown) > 2 and shown[1].is_word("database", "schema"):
        name = name_at(shown, 2)
        if not session.facts.data.exists(name):
            raise SqlError(1049, "42000", f"Unknown database '{name}'")
        return Result(("Database", "Create Database"), ((name, f"CREATE DATABASE `{name}`"),))
    if len(shown) < 3 or not shown[1].is_word("table"):
        raise near(shown, 1)
    database, table = _table(session, shown[2:])
    return Result(("Table", "Create Table"), ((table, _definition(session, database, table)),))


def _definition(session: Session, database: str, table: str) -> str:
    """``CREATE TABLE`` for a table that is there."""
    lines = []
    primary = {}
    for field in describe(session, [Token("name", database, database, 0), Token("sign", ".", ".", 0), Token("name", table, table, 0)]).rows:
        name, type_, null, key, default, extra = field
        shown = f"`{name}` {type_}"
        shown += " NOT NULL" if null == "NO" else "" if default is not None else " DEFAULT NULL"
        shown += f" DEFAULT {default if default in ('CURRENT_TIMESTAMP', 'NOW') else translate.text(default)}" if default is not None else ""
        lines.append(shown + (" AUTO_INCREMENT" if extra else ""))
        if key == "PRI":
            primary[name] = None
    if primary:
        lines.append(f"PRIMARY KEY ({','.join(f'`{name}`' for name in primary)})")
    for _, label, unique, origin, _ in sorted(_pragma(session, "index_list", database, table), key=lambda row: row[1]):
        if origin == "c":
            columns = ",".join(f"`{row[2]}`" for row in _pragma(session, "index_info", database, label))
            lines.append(f"{'UNIQUE ' if unique else ''}KEY `{label.partition(':')[2]}` ({columns})")
    body = ",\n".join(f"  {line}" for line in lines)
    return f"CREATE TABLE `{table}` (\n{body}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"


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
    return Result(columns, ((2, session.facts.user, "localhost", session.database or None, "Query", 0, "starting", "show processlist"),))


def _engines(session: Session, shown: list[Token]) -> Result:
    return Result(("Engine", "Support", "Comment"), (("InnoDB", "DEFAULT", "Supports transactions, row-level locking, and foreign keys"),))


def _warnings(session: Session, shown: list[Token]) -> Result:
    return Result(("Level", "Code", "Message"), tuple(session.warnings))


def _grants(session: Session, shown: list[Token]) -> Result:
    account = f"{session.facts.user}@localhost"
    return Result((f"Grants for {account}",), ((f"GRANT ALL PRIVILEGES ON *.* TO '{session.facts.user}'@'localhost' WITH GRANT OPTION",),))


_SHOWS: dict[str, Callable[[Session, list[Token]], Result]] = {
    "columns": _columns, "create": _create, "databases": _databases, "engines": _engines, "errors": _warnings,
    "fields": _columns, "grants": _grants, "index": _indexes, "indexes": _indexes, "keys": _indexes,
    "processlist": _processes, "schemas": _databases, "status": _status, "table": _status, "tables": _tables,
    "variables": _variables_shown, "warnings": _warnings,
}  # fmt: skip
