"""Users and their passwords: rows of the table `mysql.user`.

Modelled: who may log in, with which password.
Not modelled: privileges; who can log in can do everything.
Source: MySQL reference manual, 13.7.1 (account management statements), 6.4.1.1 (native authentication).
"""

from __future__ import annotations

import hashlib

from volsim.programs.database.engine import Result, Session
from volsim.programs.database.errors import SqlError
from volsim.programs.database.reader import Words, commas
from volsim.programs.database.translate import text

__all__ = ["alter_user", "create_user", "drop_user", "grant", "make_table", "password_hash", "set_password"]


def password_hash(password: str) -> str:
    """A password as the server stores it (`mysql_native_password`).

    >>> password_hash("123.com")[:9], password_hash("")
    ('*AC241830', '')
    """
    if not password:
        return ""
    inner = hashlib.sha1(password.encode(errors="surrogateescape"), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(inner, usedforsecurity=False).hexdigest().upper()


def make_table(session: Session) -> None:
    """Make the table of users in a new data directory."""
    session.use("mysql")
    columns = "Host char(60) collate nocase, User char(32), authentication_string text, primary key (Host, User)"
    session.run(f"create table user ({columns})", [])


class _Account:
    """A user, as a statement names one: ``'a'@'%' IDENTIFIED BY 'x'``."""

    def __init__(self, part: Words) -> None:
        if part.next is None or part.next.kind not in ("word", "string", "name"):
            part.fail()
        self.user, self.host = part.token().text, "%"
        if part.next is not None and part.next.kind == "variable":
            self.host = part.token().text[1:].strip("'`")
        elif part.take_sign("@"):
            self.host = part.token().text
        self.password: str | None = None
        if part.take("identified"):
            strings = [token.text for token in part.rest if token.kind == "string"]
            self.password = strings[-1] if strings else ""

    def __str__(self) -> str:
        return f"'{self.user}'@'{self.host}'"

    @property
    def condition(self) -> str:
        """What is true of its row."""
        return f"User = {text(self.user)} and Host = {text(self.host)}"

    def exists(self, session: Session) -> bool:
        """Whether there is such a user."""
        query = f"select 1 from user where {self.condition}"
        return bool(_users(session).run(query, [], asks=True).rows)

    def store(self, session: Session) -> None:
        """Make the user, or give it the new password."""
        values = ", ".join(map(text, (self.host, self.user, password_hash(self.password or ""))))
        _users(session).run(f"replace into user values ({values})", [])


def _users(session: Session) -> Session:
    """A session of the server's own, with the users."""
    inner = Session(session.facts)
    inner.use("mysql")
    return inner


def _accounts(words: Words) -> list[_Account]:
    return [_Account(Words(part, words.whole)) for part in commas(words.rest)]


def create_user(session: Session, words: Words) -> Result:
    """`CREATE USER`."""
    lenient = words.take("if", "not", "exists")
    for account in _accounts(words):
        if not account.exists(session):
            account.store(session)
        elif not lenient:
            raise SqlError(1396, "HY000", f"Operation CREATE USER failed for {account}")
    return Result()


def alter_user(session: Session, words: Words) -> Result:
    """`ALTER USER`: another password."""
    lenient = words.take("if", "exists")
    for account in _accounts(words):
        if account.exists(session):
            account.store(session)
        elif not lenient:
            raise SqlError(1396, "HY000", f"Operation ALTER USER failed for {account}")
    return Result()


def drop_user(session: Session, words: Words) -> Result:
    """`DROP USER`."""
    lenient = words.take("if", "exists")
    for account in _accounts(words):
        if account.exists(session):
            _users(session).run(f"delete from user where {account.condition}", [])
        elif not lenient:
            raise SqlError(1396, "HY000", f"Operation DROP USER failed for {account}")
    return Result()


def grant(session: Session, words: Words) -> Result:
    """`GRANT` and `REVOKE`; ``GRANT … IDENTIFIED BY`` of 5.7 makes the user."""
    verb = words.name().lower()
    while words.next is not None and not words.take_any("to", "from"):
        words.token()
    for account in _accounts(words) if verb == "grant" else []:
        if account.password is not None:
            account.store(session)
        elif not account.exists(session):
            raise SqlError(1410, "42000", "You are not allowed to create a user with GRANT")
    return Result()


def set_password(session: Session, words: Words) -> Result:
    """``SET PASSWORD [FOR user] = 'x'``; without a user, of whoever asks."""
    strings = [token.text for token in words.rest if token.kind == "string"]
    password = password_hash(strings[-1] if strings else "")
    if words.take("for"):
        condition = _Account(Words(words.rest)).condition
    else:
        condition = f"User = {text(session.facts.user)} and Host in ('localhost', '%')"
    _users(session).run(f"update user set authentication_string = {text(password)} where {condition}", [])
    return Result()
