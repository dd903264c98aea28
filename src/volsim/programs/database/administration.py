"""`mysqladmin` and `mysqldump`.

Modelled: ``mysqladmin ping|status|version|create|drop|password|shutdown``; dumps of some or all databases as SQL that
makes them again.
Not modelled: users and views in dumps, options about locks and replication (they are taken and change nothing).
Source: MySQL reference manual, 4.5.2 (mysqladmin), 4.5.4 (mysqldump).
"""

from __future__ import annotations

from typing import Any

from volsim.errors import FileError
from volsim.programs.database.client import Login, connect, login
from volsim.programs.database.engine import Session
from volsim.programs.database.errors import SqlError, from_file_error
from volsim.programs.database.lexer import literal
from volsim.programs.database.shows import table_of, tables_of
from volsim.programs.database.statements import execute
from volsim.programs.process import Process
from volsim.programs.tools.applet import Applet, fail

__all__ = ["MYSQLADMIN", "MYSQLDUMP"]

_OWN = frozenset({"mysql", "performance_schema", "sys"})
"""The server's own databases, which a dump leaves out."""


# -- mysqladmin --------------------------------------------------------------------------------------------------------
def _mysqladmin(process: Process) -> int:
    who = login(process)
    if not who.operands:
        return fail(process, "a command is needed, such as ping or status")
    command, *rest = who.operands
    try:
        return _administer(process, who, command, rest)
    except SqlError as error:
        if command == "ping" and error.number == 1045:  # it answers, if only to refuse
            process.print("mysqld is alive")
            return 0
        process.complain(f"{process.name}: connect to server at 'localhost' failed\nerror: '{error.text}'")
        return 1


def _administer(process: Process, who: Login, command: str, rest: list[str]) -> int:
    session = connect(process, who)
    match command:
        case "ping":
            process.print("mysqld is alive")
        case "status":
            process.print("Uptime: 1  Threads: 1  Questions: 1  Slow queries: 0  Opens: 1  Open tables: 1")
        case "version":
            process.print(f"Server version\t\t{session.facts.version}\nConnection\t\tLocalhost via UNIX socket")
        case "shutdown":
            process.sent.append((1, "TERM"))
        case "create" | "drop" if rest:
            execute(session, f"{command} database `{rest[0].replace('`', '``')}`")
            if command == "drop":
                process.print(f'Database "{rest[0]}" dropped')
        case "password" if rest:
            execute(session, f"set password = {literal(rest[0])}")
        case _:
            return fail(process, f"Unknown command: '{command}'")
    return 0


# -- mysqldump ---------------------------------------------------------------------------------------------------------
def _mysqldump(process: Process) -> int:
    who = login(process)
    try:
        session = connect(process, who)
        everything, several = "all-databases" in who.options or "A" in who.options, "databases" in who.options
        several = several or "B" in who.options
        if everything:
            names = [name for name in session.facts.data.databases() if name not in _OWN]
        else:
            names = who.operands if several else who.operands[:1]
        if not names and not everything:
            return fail(process, "name a database, or use --all-databases")
        process.print(f"-- MySQL dump 10.13\n--\n-- Server version\t{session.facts.version}\n")
        process.print("SET FOREIGN_KEY_CHECKS=0;\n")
        for name in names:
            _dump(process, session, name, named=everything or several, only=[] if several else who.operands[1:])
    except FileError as error:
        process.complain(f"{process.name}: Got error: {from_file_error(error, '').text}")
        return 2
    except SqlError as error:
        process.complain(f"{process.name}: Got error: {error.number}: {error.text} when trying to connect")
        return 2
    process.print("SET FOREIGN_KEY_CHECKS=1;\n-- Dump completed")
    return 0


def _dump(process: Process, session: Session, database: str, *, named: bool, only: list[str]) -> None:
    """Write one database; with `named` the statements that make and use it, too."""
    session.use(database)
    if named:
        process.print(f"CREATE DATABASE IF NOT EXISTS `{database}`;\nUSE `{database}`;\n")
    for table in only or tables_of(session, database, views=False):
        process.print(f"DROP TABLE IF EXISTS `{table}`;\n{table_of(session, database, table).definition};")
        rows = execute(session, f"select * from `{table}`").rows
        if rows:
            values = ",".join(f"({','.join(map(_literal, row))})" for row in rows)
            process.print(f"INSERT INTO `{table}` VALUES {values};")
        process.print("")


def _literal(value: Any) -> str:
    """A value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"0x{value.hex()}" if value else "''"
    if isinstance(value, int | float):
        return repr(value)
    return literal(str(value))


MYSQLADMIN = Applet(_mysqladmin)
MYSQLDUMP = Applet(_mysqldump)
