"""The client `mysql`: reads statements, has the container's server do them, and prints what comes.

On a terminal it looks as a terminal looks: prompts, what was typed behind them, frames around rows. Otherwise it is a batch:
values separated by tabs, and the first error ends it.

Modelled: ``-u -p -D -e -h -B -t -N -s -f -E``, ``delimiter``, ``\\G``, ``use``, ``status``, ``source``.
Not modelled: servers in other containers, how long a statement takes (``0.00 sec``).
Source: MySQL, client/mysql.cc.
"""

from __future__ import annotations

from typing import NamedTuple

from volsim.errors import FileError
from volsim.programs.database.engine import Facts, Result, Session
from volsim.programs.database.errors import SqlError, from_file_error
from volsim.programs.database.grid import table, tabs, vertical
from volsim.programs.database.lexer import Statement, split, tokens
from volsim.programs.database.server import SOCKET
from volsim.programs.database.statements import password_hash
from volsim.programs.database.storage import DataDirectory, opened
from volsim.programs.files import Files
from volsim.programs.process import Process, decode
from volsim.programs.tools.applet import Applet

__all__ = ["MYSQL", "Login", "connect", "login"]

_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_VALUED = frozenset("uDehPS")
_LONG = {"user": "u", "database": "D", "execute": "e", "host": "h", "port": "P", "socket": "S", "protocol": "S",
         "default-character-set": "S", "batch": "B", "table": "t", "skip-column-names": "N", "silent": "s", "force": "f",
         "vertical": "E", "raw": "r", "no-defaults": "S0", "defaults-extra-file": "S"}  # fmt: skip
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
        elif word.startswith("-p"):
            password = word[2:]
        elif word.startswith("-") and len(word) > 1:
            if word[1] in _VALUED:
                found[word[1]] = word[2:] or (words.pop(0) if words else "")
            else:
                found.update(dict.fromkeys(word[1:], ""))
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
    version = process.env.get("MYSQL_VERSION", "8.0").partition("-")[0]
    try:
        _check(data, who)
    except FileError as error:
        raise from_file_error(error, "user") from None
    return Session(Facts(data, process.now_us, version, process.hostname, who.user))


def _check(data: DataDirectory, who: Login) -> None:
    """Raise `SqlError` unless the server knows the user and the password."""
    connection = opened(data.read("mysql"))
    tables = connection.execute("select count(*) from sqlite_master where name = 'user'").fetchone()[0]
    rows = []
    if tables:
        query = "select authentication_string from user where User = ? and Host in ('localhost', '%') order by Host = '%'"
        rows = connection.execute(query, (who.user,)).fetchall()
    connection.close()
    if not rows or rows[0][0] != password_hash(who.password or ""):
        using = "YES" if who.password else "NO"
        raise SqlError(1045, "28000", f"Access denied for user '{who.user}'@'localhost' (using password: {using})")


class _Client:
    """One run of the client."""

    def __init__(self, process: Process, who: Login, session: Session) -> None:
        self._process, self._who, self._session = process, who, session
        self.interactive = process.tty and "e" not in who.options and "B" not in who.options
        self._delimiter = ";"
        self._force = "f" in who.options or self.interactive
        self.status = 0
        self._ended = False
        self._depth = 0

    # -- printing -----------------------------------------------------------------------------------------------------
    def _say(self, text: str) -> None:
        if self.interactive:
            self._process.print(text)

    def greet(self) -> None:
        """What the client says when it has connected."""
        version = self._session.facts.version
        self._say("Welcome to the MySQL monitor.  Commands end with ; or \\g.")
        self._say(f"Your MySQL connection id is 2\nServer version: {version} MySQL Community Server (GPL)\n")
        self._say("Type 'help;' or '\\h' for help. Type '\\c' to clear the current input statement.\n")

    def _show(self, result: Result, end: str) -> None:
        options = self._who.options
        if result.text:
            self._say(result.text)
            return
        if result.columns:
            self._rows(result, vertically=end == "\\G" or "E" in options, titles="N" not in options)
        elif self.interactive:
            warned = f", {result.warnings} warning{'s' if result.warnings > 1 else ''}" if result.warnings else ""
            rows = f"{result.affected} row{'' if result.affected == 1 else 's'} affected"
            self._say(f"Query OK, {rows}{warned} (0.00 sec)")
            if result.info:
                self._say(result.info)
        self._say("")

    def _rows(self, result: Result, *, vertically: bool, titles: bool) -> None:
        count = len(result.rows)
        if vertically:
            self._process.print(vertical(result.columns, result.rows), end="")
        elif self.interactive or "t" in self._who.options:
            if count:
                self._process.print(table(result.columns, result.rows), end="")
        else:
            self._process.print(tabs(result.columns, result.rows, titles=titles), end="")
        counted = f"{count} row{'' if count == 1 else 's'} in set" if count else "Empty set"
        self._say(f"{counted} (0.00 sec)")

    def fail(self, error: SqlError, line: int | None) -> None:
        """Say an error; it ends a batch."""
        self._process.complain(error.shown(None if self.interactive or "e" in self._who.options and line is None else line))
        if self.interactive:
            self._say("")
        else:
            self.status = 1
        self._ended = self._ended or not self._force

    # -- reading ------------------------------------------------------------------------------------------------------
    def run(self, text: str) -> None:
        """Do all statements of a text."""
        at, line = 0, 1
        pending_prompt = True
        while not self._ended:
            statement = split(text[at:], self._delimiter)
            if statement is None:
                break
            if self.interactive:
                self._echo(text[at : at + statement.stop], fresh=pending_prompt)
                pending_prompt = text[at : at + statement.stop].endswith("\n") or text[at + statement.stop :].startswith("\n")
            self._do(statement, line + text.count("\n", at, at + statement.start))
            line += text.count("\n", at, at + statement.stop)
            at += statement.stop
        rest = text[at:]
        if not self._ended and rest.strip():
            self._rest(rest, line)
        if self.interactive and not self._ended:
            self._process.print("mysql> Bye" if False else "mysql> exit\nBye")

    def _rest(self, rest: str, line: int) -> None:
        """What stands behind the last delimiter: a batch does it, a person's is never sent."""
        if self.interactive:
            self._echo(rest, fresh=True)
            return
        if any(token.kind != "space" for token in tokens(rest)):
            self._do(Statement(rest.strip(), "", 0, 0), line + len(rest) - len(rest.lstrip()) * 0 - len(rest))

    def _echo(self, typed: str, *, fresh: bool) -> None:
        """Show what was typed behind the prompts."""
        prompt = "mysql> "
        for number, each in enumerate(typed.strip("\n").split("\n")):
            self._process.print(f"{prompt if number == 0 else '    -> '}{each}")

    def _do(self, statement: Statement, line: int) -> None:
        if statement.end == "line":
            self._command(statement.text, line)
            return
        if statement.end == "\\c":
            return
        try:
            self._show(self._session.execute(statement.text), statement.end)
        except SqlError as error:
            self.fail(error, line)

    def _command(self, text: str, line: int) -> None:
        """A command of the client itself."""
        word, _, rest = text.partition(" ")
        rest = rest.strip().removesuffix(";").strip() if word.lower() != "delimiter" else rest.strip()
        match word.lower().removesuffix(";"):
            case "use" | "\\u":
                self._do(Statement(f"use {rest}", ";", 0, 0), line)
            case "exit" | "quit" | "\\q":
                self._say("Bye")
                self._ended = True
            case "delimiter" | "\\d":
                self._delimiter = rest or ";"
            case "help" | "\\h" | "\\?" | "?":
                self._say(_HELP)
            case "status" | "\\s":
                self._status()
            case "source" | "\\.":
                self._source(rest, line)

    def _status(self) -> None:
        session = self._session
        self._process.print(
            f"--------------\nConnection id:\t\t2\nCurrent database:\t{session.database}\n"
            f"Current user:\t\t{session.facts.user}@localhost\nServer version:\t\t{session.facts.version} "
            f"MySQL Community Server (GPL)\nUNIX socket:\t\t{SOCKET}\n--------------\n"
        )

    def _source(self, name: str, line: int) -> None:
        self._depth += 1
        try:
            if self._depth > 10:
                raise SqlError(2, "HY000", "source: files within files too deep")
            text = decode(Files(self._process).read(name))
        except FileError as error:
            self.fail(SqlError(error.errno or 2, "HY000", f"Failed to open file '{name}', error: {error.errno}"), line)
            return
        except SqlError as error:
            self.fail(error, line)
            return
        interactive, self.interactive = self.interactive, False
        self.run(text)
        self.interactive = interactive
        self._depth -= 1


def _mysql(process: Process) -> int:
    who = login(process)
    if "V" in who.options or "version" in who.options:
        process.print(f"mysql  Ver {process.env.get('MYSQL_VERSION', '8.0').partition('-')[0]} for Linux on x86_64")
        return 0
    text = who.options.get("e")
    typed = decode(process.input()) if text is None else text
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
    except FileError as error:
        process.complain(str(from_file_error(error, "")))
        return 1
    client = _Client(process, who, session)
    client.greet()
    client.run(typed)
    session.close()
    return client.status


MYSQL = Applet(_mysql)
"""The client."""
