"""``information_schema``: what databases, tables and columns there are, as tables.

Modelled: `schemata`, `tables` and `columns`, with the columns that say what there is.
Not modelled: everything about sizes, times and privileges.
Source: MySQL reference manual, 26 (INFORMATION_SCHEMA tables).
"""

from __future__ import annotations

import sqlite3

from volsim.programs.database.storage import DataDirectory, opened
from volsim.programs.database.translate import quoted

__all__ = ["CATALOG", "fill", "tables_in"]

CATALOG = "information_schema"
"""Its name as a database."""

_TABLES = {
    "schemata": "catalog_name, schema_name, default_character_set_name",
    "tables": "table_catalog, table_schema, table_name, table_type, engine",
    "columns": "table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, "
    "column_type, column_key",
}


def tables_in(connection: sqlite3.Connection, schema: str = "main") -> list[tuple[str, str]]:
    """The tables and views of a schema with their kinds, by name."""
    query = (
        f"select name, type from {quoted(schema)}.sqlite_master "
        "where type in ('table', 'view') and name not like 'sqlite%' order by name"
    )
    return connection.execute(query).fetchall()


def fill(connection: sqlite3.Connection, data: DataDirectory) -> None:
    """Attach the catalogue of all databases to a connection. Raises `FileError`."""
    connection.execute(f"attach ':memory:' as {CATALOG}")
    for table, columns in _TABLES.items():
        connection.execute(f"create table {CATALOG}.{table} ({columns})")
    for database in (CATALOG, *data.databases()):
        _insert(connection, "schemata", ("def", database, "utf8mb4"))
        if database == CATALOG:
            for table in _TABLES:
                _insert(connection, "tables", ("def", database, table.upper(), "SYSTEM VIEW", None))
            continue
        inner = opened(data.read(database))
        for name, kind in tables_in(inner):
            shown = ("BASE TABLE", "InnoDB") if kind == "table" else ("VIEW", None)
            _insert(connection, "tables", ("def", database, name, *shown))
            for at, column, declared, required, default, key in inner.execute(f"pragma table_info({quoted(name)})"):
                nullable, primary = "NO" if required or key else "YES", "PRI" if key else ""
                _insert(
                    connection,
                    "columns",
                    ("def", database, name, column, at + 1, default, nullable, declared.lower(), primary),
                )
        inner.close()


def _insert(connection: sqlite3.Connection, table: str, row: tuple[object, ...]) -> None:
    connection.execute(f"insert into {CATALOG}.{table} values ({', '.join('?' * len(row))})", row)
