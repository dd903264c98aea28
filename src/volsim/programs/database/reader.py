"""Reads the words of a statement from left to right.

>>> from volsim.programs.database.lexer import tokens
>>> words = Words(tokens("drop table if exists a.b"))
>>> words.take("drop", "table"), words.take("if", "exists"), words.table()
(True, True, ('a', 'b'))

Source: MySQL reference manual, 13 (the grammar of statements).
"""

from __future__ import annotations

from typing import NoReturn

from volsim.programs.database.errors import syntax_error
from volsim.programs.database.lexer import Token

__all__ = ["Words", "commas", "spaced"]


def spaced(found: list[Token]) -> list[Token]:
    """Tokens with blanks between them, except around dots and before parentheses: functions need it so."""
    listed: list[Token] = []
    for token in found:
        tight = token.raw in (".", "(") or (listed and listed[-1].raw == ".")
        if listed and not tight:
            listed.append(Token("space", " ", " ", token.start))
        listed.append(token)
    return listed


def commas(found: list[Token]) -> list[list[Token]]:
    """A list split at its commas, but not inside parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        if token.kind == "sign":
            depth += {"(": 1, ")": -1}.get(token.raw, 0)
        if token.raw == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


class Words:
    """What is left to be read of a statement, without its blanks."""

    def __init__(self, found: list[Token], whole: list[Token] | None = None) -> None:
        """`whole` is the statement of which `found` is a part, for messages."""
        self.whole = found if whole is None else whole
        """The statement with its blanks."""
        self._words = [token for token in found if token.kind != "space"]
        self._at = 0

    @property
    def rest(self) -> list[Token]:
        """What has not been read."""
        return self._words[self._at :]

    @property
    def next(self) -> Token | None:
        """The next token; None at the end."""
        return self._words[self._at] if self._at < len(self._words) else None

    @property
    def text(self) -> str:
        """The next token in lower case if it is a word without quotes; otherwise an empty text."""
        token = self.next
        return token.text.lower() if token is not None and token.kind == "word" else ""

    def fail(self) -> NoReturn:
        """Raise the syntax error that starts here."""
        if self.next is not None:
            after = [token for token in self.whole if token.start >= self.next.start]
        else:
            last = self._words[-1].start if self._words else len(self.whole)
            after = [token for token in self.whole if token.start > last]
        raise syntax_error("".join(token.raw for token in after).strip())

    def take(self, *wanted: str) -> bool:
        """Read some words if they come next, all of them or none."""
        here = self.rest[: len(wanted)]
        if len(here) == len(wanted) and all(token.is_word(word) for token, word in zip(here, wanted, strict=True)):
            self._at += len(wanted)
            return True
        return False

    def take_any(self, *wanted: str) -> str:
        """Read one of some words if one comes next; which it was."""
        word = self.text
        if word not in wanted:
            return ""
        self._at += 1
        return word

    def take_sign(self, sign: str) -> bool:
        """Read a sign if it comes next."""
        if self.next is None or self.next.raw != sign:
            return False
        self._at += 1
        return True

    def token(self) -> Token:
        """Read the next token. Raises `SqlError` at the end."""
        token = self.next
        if token is None:
            self.fail()
        self._at += 1
        return token

    def name(self) -> str:
        """Read a name. Raises `SqlError` if none comes next."""
        if self.next is None or self.next.kind not in ("word", "name"):
            self.fail()
        return self.token().text

    def table(self) -> tuple[str, str]:
        """Read a table's name: the database, or an empty text, and the table."""
        name = self.name()
        return (name, self.name()) if self.take_sign(".") else ("", name)

    def group(self) -> list[Token]:
        """Read what stands in parentheses. Raises `SqlError` if none are opened and closed."""
        start = self._at
        if not self.take_sign("("):
            self.fail()
        depth = 1
        while depth:
            if self.next is None:
                self._at = start
                self.fail()
            depth += {"(": 1, ")": -1}.get(self.token().raw, 0)
        return self._words[start + 1 : self._at - 1]

    def expect_end(self) -> None:
        """Raise `SqlError` if anything is left."""
        if self.next is not None:
            self.fail()
