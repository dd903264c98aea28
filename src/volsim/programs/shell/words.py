"""Reading words: quotes, ``$``, backquotes, here-documents.

Source: POSIX.1-2017, XCU 2.2 (quoting), 2.3 (token recognition), 2.6 (word expansions).
"""

from __future__ import annotations

import re

from volsim.programs.shell.syntax import (
    Arithmetic,
    Parameter,
    Part,
    ShellSyntaxError,
    Substitution,
    Text,
    Word,
)

__all__ = ["NAME", "WordReader"]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
_SHORT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_OPERATOR = re.compile(r":[-=?+]|##|%%|//|[-=?+#%/:]")
_PLAIN = re.compile(r"[^\\'\"$`\s;&|()<>]+")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_CONTROL = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ENDS_WORD = frozenset(" \t\n;&|()<>")
_NESTED_MOST = 40  # how deep substitutions and braces may stand in each other: keeps the reader off Python's own limit


class WordReader:
    """Reads words from `text`, at the position `at`. What a ``$(…)`` contains, a subclass parses."""

    def __init__(self, text: str, depth: int = 0) -> None:
        self.text, self.at, self._depth = text, 0, depth

    def substituted(self) -> int:
        """The number of the commands up to the parenthesis that ends them, which is read too."""
        raise NotImplementedError

    def inner(self, text: str) -> WordReader:
        """A reader for a text that was quoted in this one."""
        raise NotImplementedError

    # -- characters ---------------------------------------------------------------------------------------------------
    def _next(self, length: int = 1) -> str:
        return self.text[self.at : self.at + length]

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _NESTED_MOST:
            raise ShellSyntaxError("syntax error: nested too deeply")

    # -- words --------------------------------------------------------------------------------------------------------
    def word(self) -> Word:
        """The word that starts here; empty if none does."""
        parts: list[Part] = []
        while self.at < len(self.text) and self.text[self.at] not in _ENDS_WORD:
            plain = _PLAIN.match(self.text, self.at)
            if plain is not None:
                self.at = plain.end()
                parts.append(Text(plain[0], False))
            else:
                parts += self._special(quoted=False)
        return tuple(parts)

    def _special(self, *, quoted: bool) -> list[Part]:
        """What starts with a backslash, a quote, a dollar or a backquote; any other character is itself."""
        sign = self._next()
        self.at += 1
        if sign == "\\":
            return self._escaped(quoted)
        if sign == "'" and not quoted:
            return [Text(self._until("'"), True)]
        if sign == '"':
            return self._quoted() or [Text("", True)]
        if sign == "$":
            return self._dollar(quoted)
        if sign == "`":
            return [self._backquotes(quoted)]
        return [Text(sign, quoted)]

    def _escaped(self, quoted: bool) -> list[Part]:
        sign = self._next()
        self.at += 1
        if sign == "\n":
            return []
        if quoted and sign not in '$`"\\}':
            return [Text("\\" + sign, True)]
        return [Text(sign or "\\", True)]

    def _until(self, mark: str) -> str:
        end = self.text.find(mark, self.at)
        if end < 0:
            raise ShellSyntaxError("syntax error: unterminated quoted string", incomplete=True)
        text = self.text[self.at : end]
        self.at = end + 1
        return text

    def _quoted(self) -> list[Part]:
        """What stands in double quotes, whose first has been read."""
        parts: list[Part] = []
        while self._next() != '"':
            if self.at >= len(self.text):
                raise ShellSyntaxError("syntax error: unterminated quoted string", incomplete=True)
            parts += self._in_quotes('"$`\\')
        self.at += 1
        return parts

    def _in_quotes(self, special: str) -> list[Part]:
        """One piece of a double-quoted text."""
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in special:
            self.at += 1
        if self.at > start:
            return [Text(self.text[start : self.at], True)]
        if self._next() == "\\" and self._next(2)[1:] not in tuple('$`"\\\n'):
            self.at += 1
            return [Text("\\", True)]
        return self._special(quoted=True)

    def document(self) -> Word:
        """All of the text as the body of a here-document: expansions, but no quotes."""
        parts: list[Part] = []
        while self.at < len(self.text):
            if self._next(2) == '\\"':
                self.at += 2
                parts.append(Text('\\"', True))
            else:
                parts += self._in_quotes("$`\\")
        return tuple(parts)

    # -- dollars ------------------------------------------------------------------------------------------------------
    def _dollar(self, quoted: bool) -> list[Part]:
        if self._next(2) == "((":
            self.at += 2
            return [Arithmetic(self._expression(), quoted)]
        if self._next() == "(":
            self.at += 1
            self._deeper()
            number = self.substituted()
            self._depth -= 1
            return [Substitution(number, quoted)]
        if self._next() == "{":
            self.at += 1
            self._deeper()
            part = self._braces(quoted)
            self._depth -= 1
            return [part]
        if self._next() == "'" and not quoted:
            self.at += 1
            return [Text(self._c_string(), True)]
        name = _SHORT.match(self.text, self.at)
        if name is None:
            return [Text("$", quoted)]
        self.at = name.end()
        return [Parameter(name[0], quoted)]

    def _c_string(self) -> str:
        """``$'a\\tb'``: a quoted text with the escapes of C."""
        start = self.at
        while self._next() != "'":
            if self.at >= len(self.text):
                raise ShellSyntaxError("syntax error: unterminated quoted string", incomplete=True)
            self.at += 2 if self._next() == "\\" else 1
        text = self.text[start : self.at]
        self.at += 1

        def meaning(match: re.Match[str]) -> str:
            hexadecimal, octal, other = match.groups()
            if other is not None:
                return _CONTROL.get(other, other if other in "'\"\\" else match[0])
            return chr(int(hexadecimal, 16) if hexadecimal else int(octal, 8) & 255)

        return _ESCAPE.sub(meaning, text)

    def _backquotes(self, quoted: bool) -> Part:
        start = self.at
        while self._next() != "`":
            if self.at >= len(self.text):
                raise ShellSyntaxError("syntax error: unterminated quoted string", incomplete=True)
            self.at += 2 if self._next() == "\\" else 1
        text = re.sub(r'\\([`\\$"])' if quoted else r"\\([`\\$])", r"\1", self.text[start : self.at])
        self.at += 1
        self._deeper()
        number = self.inner(text + ")").substituted()
        self._depth -= 1
        return Substitution(number, quoted)

    def _expression(self) -> Word:
        """The text of ``$((…))`` up to its end."""
        parts: list[Part] = []
        depth = 0
        while True:
            sign = self._next()
            if not sign or (sign == ")" and depth == 0 and self._next(2) != "))"):
                raise ShellSyntaxError("syntax error: missing '))'", incomplete=not sign)
            if sign == ")" and depth == 0:
                self.at += 2
                return tuple(parts)
            if sign in "$`\\":
                parts += self._special(quoted=True)
                continue
            depth += {"(": 1, ")": -1}.get(sign, 0)
            self.at += 1
            if sign != '"':
                parts.append(Text(sign, True))

    # -- braces -------------------------------------------------------------------------------------------------------
    def _braces(self, quoted: bool) -> Parameter:
        """``${…}``, whose first brace has been read."""
        if self._next() == "#" and self._next(2)[1:] not in ("}", ""):
            self.at += 1
            name = self._name()
            self._close()
            return Parameter(name, quoted, "length")
        name = self._name()
        if self._next() == "}":
            self.at += 1
            return Parameter(name, quoted)
        operator = _OPERATOR.match(self.text, self.at)
        if operator is None:
            raise self._bad()
        self.at = operator.end()
        plain = operator[0] in (":-", "-", ":=", "=", ":?", "?", ":+", "+")
        separator = {"/": "/", "//": "/", ":": ":"}.get(operator[0], "")
        word = self._in_braces(separator, quoted and plain)
        other: Word = ()
        if separator and self._next() == separator:
            self.at += 1
            other = self._in_braces("", False)
        self._close()
        return Parameter(name, quoted, operator[0], word, other)

    def _name(self) -> str:
        found = _PARAMETER.match(self.text, self.at)
        if found is None:
            raise self._bad()
        self.at = found.end()
        return found[0]

    def _bad(self) -> ShellSyntaxError:
        if self.at >= len(self.text):
            return ShellSyntaxError("syntax error: missing '}'", incomplete=True)
        return ShellSyntaxError("syntax error: bad substitution")

    def _close(self) -> None:
        if self._next() != "}":
            raise self._bad()
        self.at += 1

    def _in_braces(self, separator: str, quoted: bool) -> Word:
        """The word up to the closing brace, or to the separator."""
        parts: list[Part] = []
        while self._next() != "}" and not (separator and self._next() == separator):
            if self.at >= len(self.text):
                raise self._bad()
            parts += self._special(quoted=quoted)
        return tuple(parts)
