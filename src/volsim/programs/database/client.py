"""The client `mysql`: reads statements, has the container's server do them, and prints what comes.

On a terminal it looks as a terminal looks: prompts, what was typed behind them, frames around rows. Otherwise it is a
batch: values separated by tabs, and the first error ends it.

Modelled: ``-u -p -D -e -h -B -t -N -f -E``, ``\\G``, ``\\c``, `delimiter`, `use`, `status`, `source`, `exit`.
Not modelled: servers in other containers, how long a statement takes (``0.00 sec``).
Source: MySQL, client/mysql.cc.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from volsim.errors import FileError
from volsim.programs.database.accounts import password_hash
from volsim.programs.database.engine import Facts, Result, Session
from volsim.programs.database.errors import SqlError, from_file_error
from volsim.programs.database.grid import table, tabs, vertical
from volsim.programs.database.lexer import Statement, is_command, split, tokens
from volsim.programs.database.server import SOCKET, version_of
from volsim.programs.database.statements import execute
from volsim.programs.database.storage import DataDirectory, opened
from volsim.programs.files import Files
from volsim.programs.process import Process, decode
from volsim.programs.tools.applet import Applet

__all__ = ["MYSQL", "Login", "connect", "login"]

_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_SOURCES_MOST = 10  # files that `source` one another
_VALUED = frozenset("uDehPS")
_LONG = {
    "user": "u", "database": "D", "execute": "e", "host": "h", "port": "P", "socket": "S", "protocol": "S",
    "default-character-set": "S", "defaults-extra-file": "S", "batch": "B", "table": "t", "skip-column-names": "N",
    "force": "f", "vertical": "E",
}  # fmt: skip
_HELP = """
For information about MySQL products and services, visit:
   http://www.mysql.com/

List of all MySQL commands:
Note that all text commands must be first on line and end with ';'
clear     (\\c) Clear the current input statement.
delimiter (\\d) Set statement delimiter.
exit      (\\q) Exit mysql. Same as quit.
go        (\\g) Send command to mysql server.
help      (\\h) Display this help.
quit      (\\q) Quit mysql.
source    (\\.) Execute an SQL script file. Takes a file name as an argument.
status    (\\s) Get status information from the server.
use       (\\u) Use another database. Takes database name as argument.
"""


class Login(NamedTuple):
    """What a command line says of the connection, and its other options."""

    user: str
    password: str | None
    host: str
    options: dict[str, str]
    operands: list[str]


def login(process: Process) -> Login:
    """The arguments of a client. Raises `SqlError` for an option that it does not know."""
    found: dict[str, str] = {}
    password: str | None = process.env.get("MYSQL_PWD")
    operands: list[str] = []
    words = list(process.argv[1:])
    while words:
        word = words.pop(0)
        if word.startswith("--password"):
            password = word.partition("=")[2]
        elif word.startswith("--"):
            name, sign, value = word[2:].partition("=")
            letter = _LONG.get(name, name)
            found[letter] = value if sign or letter not in _VALUED else (words.pop(0) if words else "")
        elif word.startswith("-") and len(word) > 1:
            letters = re.match(r"-([^uDehPSp]*)([uDehPSp]?)(.*)", word, re.DOTALL)
            assert letters is not None, "it matches anything that begins with a dash"
            found.update(dict.fromkeys(letters[1], ""))
            if letters[2] == "p":
                password = letters[3]
            elif letters[2]:
                found[letters[2]] = letters[3] or (words.pop(0) if words else "")
        else:
            operands.append(word)
    return Login(found.get("u", "root"), password, found.get("h", ""), found, operands)


def connect(process: Process, who: Login) -> Session:
    """A session with the container's server. Raises `SqlError` if it does not run or does not know the user."""
    files = Files(process)
    if who.host not in _LOCAL and who.host != process.hostname:
        raise SqlError(2005, "HY000", f"Unknown MySQL server host '{who.host}' (0)")
    if not files.exists(SOCKET):
        raise SqlError(2002, "HY000", f"Can't connect to local MySQL server through socket '{SOCKET}' (2)")
    data = DataDirectory(files, decode(files.read(SOCKET)))
    try:
        _check(data, who)
    except FileError as error:
        raise from_file_error(error, "user") from None
    return Session(Facts(data, process.now_us, version_of(process), process.hostname, who.user))


def _check(data: DataDirectory, who: Login) -> None:
    """Raise `SqlError` unless the server knows the user and the password."""
    connection = opened(data.read("mysql"))
    tables = connection.execute("select count(*) from sqlite_master where name = 'user'").fetchone()[0]
    rows = []
    if tables:
        query = (
            "select authentication_string from user where User = ? and Host in ('localhost', '%') order by Host = '%'"
        )
        rows = connection.execute(query, (who.user,)).fetchall()
    connection.close()
    if not rows or rows[0][0] != password_hash(who.password or ""):
        using = "YES" if who.password else "NO"
        raise SqlError(1045, "28000", f"Access denied for user '{who.user}'@'localhost' (using password: {using})")


class _Client:
    """One run of the client."""

    def __init__(self, process: Process, who: Login, session: Session) -> None:
        self._process, self._session, self._options = process, session, who.options
        self.interactive = process.tty and "e" not in who.options and "B" not in who.options
        self._delimiter = ";"
        self._depth = 0
        self.ended = False
        self.status = 0

    # -- printing -----------------------------------------------------------------------------------------------------
    def _say(self, text: str) -> None:
        """Write what only a person sees."""
        if self.interactive:
            self._process.print(text)

    def greet(self) -> None:
        """What the client says when it has connected."""
        self._say(
            "Welcome to the MySQL monitor.  Commands end with ; or \\g.\nYour MySQL connection id is 2\n"
            f"Server version: {self._session.facts.version} MySQL Community Server (GPL)\n\n"
            "Type 'help;' or '\\h' for help. Type '\\c' to clear the current input statement.\n"
        )

    def _show(self, result: Result, end: str) -> None:
        if result.text:
            self._say(result.text)
        elif result.columns:
            self._show_rows(result, vertically=end == "\\G" or "E" in self._options)
        else:
            self._say(_counted(result) + "\n")

    def _show_rows(self, result: Result, *, vertically: bool) -> None:
        count = len(result.rows)
        if vertically:
            text = vertical(result.columns, result.rows)
        elif self.interactive or "t" in self._options:
            text = table(result.columns, result.rows) if count else ""
        else:
            text = tabs(result.columns, result.rows, titles="N" not in self._options)
        self._process.print(text, end="")
        rows = f"{count} row{'' if count == 1 else 's'} in set" if count else "Empty set"
        self._say(f"{rows} (0.00 sec)\n")

    def fail(self, error: SqlError, line: int) -> None:
        """Say what is wrong; it ends a batch unless ``-f`` is given."""
        self._process.complain(error.shown(None if self.interactive else line))
        if self.interactive:
            return
        self.status = 1
        self.ended = self.ended or "f" not in self._options

    # -- reading ------------------------------------------------------------------------------------------------------
    def converse(self, typed: str) -> None:
        """Do what a person has typed, line by line, each behind a prompt."""
        waiting = ""
        for line in typed.splitlines(keepends=True):
            self._process.print(f"{_prompt(waiting)}{line}", end="" if line.endswith("\n") else "\n")
            waiting += line
            while not self.ended and (statement := split(waiting, 0, self._delimiter)) is not None:
                waiting = waiting[statement.stop :]
                self._do(statement, 1)
            if self.ended:
                return
            waiting = waiting if waiting.strip() else ""
        self._process.print(f"{_prompt(waiting)}exit\nBye")

    def work_off(self, text: str) -> None:
        """Do all statements of a batch; the last one may lack its delimiter."""
        at, line, counted = 0, 1, 0
        while not self.ended:
            statement = split(text, at, self._delimiter)
            if statement is None:
                rest = text[at:]
                if all(token.kind == "space" for token in tokens(rest)):
                    break
                start = len(text) - len(rest.lstrip())
                statement = Statement(rest.strip(), self._delimiter, start, len(text))
            line, counted = line + text.count("\n", counted, statement.start), statement.start
            self._do(statement, line)
            at = statement.stop

    def _do(self, statement: Statement, line: int) -> None:
        if statement.end == "line" or is_command(statement.text):
            self._command(statement.text, line)
        elif statement.end != "\\c":
            self._execute(statement.text, statement.end, line)

    def _execute(self, text: str, end: str, line: int) -> None:
        try:
            self._show(execute(self._session, text), end)
        except SqlError as error:
            self.fail(error, line)

    def _command(self, text: str, line: int) -> None:
        """A command of the client itself."""
        found = re.match(r"(\\.|\w+)\s*(.*)", text, re.DOTALL)
        assert found is not None, "it begins with a word or a backslash"
        word, rest = found[1].lower(), found[2].strip()
        match word:
            case "use" | "\\u":
                self._execute(f"use {rest}", ";", line)
            case "exit" | "quit" | "\\q":
                self._say("Bye")
                self.ended = True
            case "delimiter" | "\\d":
                self._delimiter = rest or ";"
            case "help" | "\\h" | "\\?":
                self._say(_HELP)
            case "status" | "\\s":
                self._status()
            case "source" | "\\.":
                self._source(rest, line)

    def _status(self) -> None:
        facts = self._session.facts
        self._process.print(
            f"--------------\nConnection id:\t\t2\nCurrent database:\t{self._session.database}\n"
            f"Current user:\t\t{facts.user}@localhost\n"
            f"Server version:\t\t{facts.version} MySQL Community Server (GPL)\n"
            f"UNIX socket:\t\t{SOCKET}\n--------------\n"
        )

    def _source(self, name: str, line: int) -> None:
        """Do the statements of a file."""
        if self._depth >= _SOURCES_MOST:
            self.fail(SqlError(2013, "HY000", f"source {name}: files within files, too deep"), line)
            return
        try:
            text = Files(self._process).read(name).decode(errors="replace")
        except FileError as error:
            self.fail(SqlError(error.errno or 0, "HY000", f"Failed to open file '{name}', error: {error.errno}"), line)
            return
        self._depth += 1
        self.work_off(text)
        self._depth -= 1


def _prompt(waiting: str) -> str:
    """What stands before a line, depending on what has been typed and not yet ended."""
    if not waiting:
        return "mysql> "
    unclosed = tokens(waiting)
    mark = next((token.raw for token in unclosed if token.kind == "sign" and token.raw in ("'", '"', "`")), "-")
    return f"    {mark}> "


def _counted(result: Result) -> str:
    """How many rows were changed, as the client says it."""
    rows = f"{result.affected} row{'' if result.affected == 1 else 's'} affected"
    warned = f", {result.warnings} warning{'' if result.warnings == 1 else 's'}" if result.warnings else ""
    info = f"\n{result.info}" if result.info else ""
    return f"Query OK, {rows}{warned} (0.00 sec){info}"


def _mysql(process: Process) -> int:
    who = login(process)
    if "V" in who.options or "version" in who.options:
        process.print(f"mysql  Ver {version_of(process)} for Linux on x86_64")
        return 0
    text = who.options.get("e")
    typed = process.input().decode(errors="replace") if text is None else text
    if who.password:
        process.complain("mysql: [Warning] Using a password on the command line interface can be insecure.")
    try:
        session = connect(process, who)
        database = who.options.get("D") or (who.operands[0] if who.operands else "")
        if database:
            session.use(database)
    except SqlError as error:
        process.complain(str(error))
        return 1
    client = _Client(process, who, session)
    client.greet()
    if client.interactive:
        client.converse(typed)
    else:
        client.work_off(typed)
    session.close()
    return client.status


MYSQL = Applet(_mysql)
"""The client."""
