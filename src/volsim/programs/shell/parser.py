"""From the text of a script to its commands.

>>> script = parse("echo hi; fi")
>>> script.lines, str(script.error)
((), 'syntax error: unexpected "fi"')
>>> len(parse("echo a; echo b").lines[0])
2

Modelled: POSIX' grammar, ``function name``, ``;&`` is not there; messages are busybox'.
Not modelled: aliases, arrays, process substitution, ``for ((``.
Source: POSIX.1-2017, XCU 2.10; busybox, shell/ash.c.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from volsim.programs.shell.syntax import (
    AndOr,
    Case,
    Command,
    Define,
    For,
    Group,
    If,
    Item,
    Loop,
    Pipeline,
    Redirect,
    Sequence,
    ShellSyntaxError,
    Simple,
    Subshell,
    Text,
    Word,
    literal,
)
from volsim.programs.shell.words import NAME, WordReader

__all__ = ["Script", "parse", "parse_line"]

_BLANKS = re.compile(r"(?:[ \t]|\\\n)*(?:#[^\n]*)?")
_OPERATOR = re.compile(r"&&|&>>|&>|\|\||;;|<<<|<<-|<<|>>|<&|>&|<>|>\||[;&|()<>\n]")
_BARE = re.compile(r"[^\s;&|()<>'\"\\$`]+")
_NUMBER = re.compile(r"[0-9]+(?=[<>])")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_PARENTHESIS = re.compile(r"[ \t]*\(")
_REDIRECTIONS = frozenset({"<", ">", ">>", "<<", "<<-", "<<<", "<&", ">&", "<>", ">|", "&>", "&>>"})
_CLOSING = frozenset({"then", "else", "elif", "fi", "do", "done", "esac", "}"})
_RESERVED = _CLOSING | {"!", "{", "case", "for", "function", "if", "in", "until", "while"}
_END = ""  # the token at the end of the text


class Script(NamedTuple):
    """A parsed text: its lines, each a complete command, and why it ends early, if it does."""

    lines: tuple[Sequence, ...]
    documents: tuple[Word, ...]
    """The bodies of its here-documents."""
    substitutions: tuple[Sequence, ...]
    """What stands in its ``$(…)``."""
    error: ShellSyntaxError | None = None


class _Document(NamedTuple):
    """A here-document whose body has not been reached yet."""

    number: int
    delimiter: str
    quoted: bool
    tabs: bool


class Parser(WordReader):
    """Parses one text; `final` if no more lines can follow it."""

    def __init__(self, text: str, *, final: bool = True, outer: Parser | None = None) -> None:
        super().__init__(text, outer._depth if outer is not None else 0)
        self.final = final
        self.documents: list[Word] = outer.documents if outer is not None else []
        self.substitutions: list[Sequence] = outer.substitutions if outer is not None else []
        self._waiting: list[_Document] = []
        self._ended_by_semicolon = False

    def inner(self, text: str) -> Parser:
        """A parser for commands in backquotes, or for the body of a here-document."""
        return Parser(text, outer=self)

    def substituted(self) -> int:
        """The number of the commands up to a closing parenthesis."""
        number = len(self.substitutions)
        self.substitutions.append(())
        found = self._sequence()
        self._expect(")")
        self.substitutions[number] = found
        return number

    # -- tokens -------------------------------------------------------------------------------------------------------
    def ahead(self) -> str:
        """The operator that comes next, ``word``, or an empty text at the end. Blanks and comments are skipped."""
        blanks = _BLANKS.match(self.text, self.at)
        assert blanks is not None, "it matches nothing, too"
        self.at = blanks.end()
        if self.at >= len(self.text):
            return _END
        operator = _OPERATOR.match(self.text, self.at)
        if operator is not None:
            return operator[0]
        return "<" if _NUMBER.match(self.text, self.at) else "word"

    def reserved(self) -> str:
        """The reserved word that comes next; an empty text if none does."""
        if self.ahead() != "word":
            return ""
        bare = _BARE.match(self.text, self.at)
        if bare is None or bare[0] not in _RESERVED:
            return ""
        return "" if self.text[bare.end() : bare.end() + 1] in tuple("'\"\\$`") else bare[0]

    def _take(self, token: str) -> bool:
        """Read an operator or a reserved word if it comes next."""
        if self.ahead() == token != "word" and not _NUMBER.match(self.text, self.at):
            self.at += len(token)
            if token == "\n":
                self._read_documents()
            return True
        if token in _RESERVED and self.reserved() == token:
            self.at += len(token)
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._take(token):
            self.unexpected(expected=token)

    def _newlines(self) -> None:
        while self._take("\n"):
            pass

    def unexpected(self, expected: str = "") -> NoReturn:
        """Say that what comes next cannot stand here."""
        token = self.ahead()
        shown = f'"{token}"'
        if token == _END:
            shown = "end of file"
        elif token == "\n":
            shown = "newline"
        elif token in _REDIRECTIONS:
            shown = "redirection"
        elif token == "word":
            shown = f'"{self.reserved()}"' if self.reserved() else "word"
        wanted = f' (expecting "{expected}")' if expected else ""
        raise ShellSyntaxError(f"syntax error: unexpected {shown}{wanted}", incomplete=token == _END)

    # -- lists --------------------------------------------------------------------------------------------------------
    def line(self) -> Sequence:
        """The commands up to the end of the line; empty for an empty line."""
        items: list[Item] = []
        while self.ahead() not in ("\n", _END):
            items.append(self._item())
            if self.ahead() not in ("\n", _END) and not items[-1].background and not self._ended_by_semicolon:
                self.unexpected()
        if not self._take("\n"):
            self._read_documents()
        return tuple(items)

    def _sequence(self) -> Sequence:
        """Commands, one or more lines of them, up to what cannot start one."""
        items: list[Item] = []
        self._newlines()
        while self.ahead() not in (")", ";;", _END) and self.reserved() not in _CLOSING:
            items.append(self._item())
            if not (items[-1].background or self._ended_by_semicolon or self.ahead() == "\n"):
                break
            self._newlines()
        return tuple(items)

    def _item(self) -> Item:
        list_ = self._and_or()
        background = self._take("&")
        self._ended_by_semicolon = not background and self._take(";")
        return Item(list_, background)

    def _and_or(self) -> AndOr:
        first = self._pipeline()
        rest = []
        while (operator := self.ahead()) in ("&&", "||"):
            self.at += 2
            self._newlines()
            rest.append((operator, self._pipeline()))
        return AndOr(first, tuple(rest))

    def _pipeline(self) -> Pipeline:
        negated = self._take("!")
        commands = [self._command()]
        while self._take("|"):
            self._newlines()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated)

    # -- commands -----------------------------------------------------------------------------------------------------
    def _command(self) -> Command:
        self._deeper()
        command = self._compound()
        if command is None:
            command = self._definition() or self._simple()
        self._depth -= 1
        return command

    def _compound(self) -> Command | None:
        """A command that starts with a reserved word or a parenthesis."""
        start = {
            "{": self._group, "if": self._if, "while": self._while, "until": self._until_loop, "for": self._for,
            "case": self._case, "function": self._function,
        }  # fmt: skip
        if self._take("("):
            body = self._body(")")
            return Subshell(body, self._redirects())
        word = self.reserved()
        if word in start:
            self.at += len(word)
            return start[word]()
        if word in _CLOSING or word == "!":
            self.unexpected()
        return None

    def _body(self, end: str) -> Sequence:
        body = self._sequence()
        if not body and self.ahead() != _END:
            self.unexpected()
        self._expect(end)
        return body

    def _group(self) -> Command:
        body = self._body("}")
        return Group(body, self._redirects())

    def _if(self) -> Command:
        branches = []
        while True:
            condition = self._body("then")
            body = self._sequence()
            if not body and self.ahead() != _END:
                self.unexpected()
            branches.append((condition, body))
            if not self._take("elif"):
                break
        otherwise = self._body("fi") if self._take("else") else None
        if otherwise is None:
            self._expect("fi")
        return If(tuple(branches), otherwise or (), self._redirects())

    def _while(self, *, until: bool = False) -> Command:
        condition = self._body("do")
        body = self._body("done")
        return Loop(condition, body, until, self._redirects())

    def _until_loop(self) -> Command:
        return self._while(until=True)

    def _for(self) -> Command:
        self.ahead()
        name = literal(self.word()) or ""
        if not NAME.fullmatch(name):
            raise ShellSyntaxError("syntax error: bad for loop variable")
        self._newlines()
        words: list[Word] | None = None
        if self._take("in"):
            words = []
            while self.ahead() == "word":
                words.append(self.word())
            if not self._take(";") and self.ahead() != "\n":
                self.unexpected()
        else:
            self._take(";")
        self._newlines()
        self._expect("do")
        body = self._body("done")
        return For(name, None if words is None else tuple(words), body, self._redirects())

    def _case(self) -> Command:
        if self.ahead() != "word":
            self.unexpected()
        subject = self.word()
        self._newlines()
        self._expect("in")
        self._newlines()
        arms = []
        while not self._take("esac"):
            self._take("(")
            patterns = [self._pattern()]
            while self._take("|"):
                patterns.append(self._pattern())
            self._expect(")")
            body = self._sequence()
            arms.append((tuple(patterns), body))
            if not self._take(";;"):
                if not self._take("esac"):
                    self.unexpected(expected=";;")
                break
            self._newlines()
        return Case(subject, tuple(arms), self._redirects())

    def _pattern(self) -> Word:
        if self.ahead() != "word":
            self.unexpected(expected=")")
        return self.word()

    def _function(self) -> Command:
        """``function name [()] body``."""
        self.ahead()
        name = literal(self.word()) or ""
        if self._take("("):
            self._expect(")")
        return self._defined(name)

    def _definition(self) -> Command | None:
        """``name() body``."""
        found = _BARE.match(self.text, self.at) if self.ahead() == "word" else None
        if found is None or not _PARENTHESIS.match(self.text, found.end()):
            return None
        self.at = found.end()
        self._expect("(")
        self._expect(")")
        return self._defined(found[0])

    def _defined(self, name: str) -> Command:
        if not NAME.fullmatch(name.replace("-", "_").replace(".", "_")):
            raise ShellSyntaxError("syntax error: bad function name")
        self._newlines()
        return Define(name, self._command())

    def _simple(self) -> Simple:
        line = self.text.count("\n", 0, self.at) + 1
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while (token := self.ahead()) == "word" or token in _REDIRECTIONS:
            assignment = _ASSIGNMENT.match(self.text, self.at)
            if token != "word":
                redirects.append(self._redirect())
            elif assignment is not None and not words:
                self.at = assignment.end()
                assignments.append((assignment[1], self.word()))
            else:
                words.append(self.word())
        if not (assignments or words or redirects):
            self.unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirects), line)

    # -- redirections -------------------------------------------------------------------------------------------------
    def _redirects(self) -> tuple[Redirect, ...]:
        found = []
        while self.ahead() in _REDIRECTIONS:
            found.append(self._redirect())
        return tuple(found)

    def _redirect(self) -> Redirect:
        number = _NUMBER.match(self.text, self.at)
        if number is not None:
            self.at = number.end()
        operator = _OPERATOR.match(self.text, self.at)
        assert operator is not None, "a redirection comes next"
        self.at = operator.end()
        default = 0 if operator[0].startswith("<") else 1
        descriptor = int(number[0]) if number is not None else default
        if self.ahead() != "word":
            self.unexpected()
        target = self.word()
        if operator[0] in ("<<", "<<-"):
            return Redirect(descriptor, "<<", self._document(target, tabs=operator[0] == "<<-"))
        return Redirect(descriptor, operator[0], target)

    def _document(self, delimiter: Word, *, tabs: bool) -> int:
        """Note a here-document; its body follows after the end of the line."""
        if not all(isinstance(part, Text) for part in delimiter):
            raise ShellSyntaxError("syntax error: illegal eof marker for << redirection")
        text = "".join(part.text for part in delimiter if isinstance(part, Text))
        quoted = any(isinstance(part, Text) and part.quoted for part in delimiter)
        self.documents.append(())
        self._waiting.append(_Document(len(self.documents) - 1, text, quoted, tabs))
        return len(self.documents) - 1

    def _read_documents(self) -> None:
        """Read the bodies of the here-documents that the line just ended has announced."""
        for document in self._waiting:
            lines: list[str] = []
            while True:
                if self.at >= len(self.text):
                    if not self.final:
                        raise ShellSyntaxError("syntax error: unterminated here-document", incomplete=True)
                    break
                end = self.text.find("\n", self.at)
                line = self.text[self.at : len(self.text) if end < 0 else end + 1]
                self.at += len(line)
                shown = line.lstrip("\t") if document.tabs else line
                if shown.removesuffix("\n") == document.delimiter:
                    break
                lines.append(shown)
            body = "".join(lines)
            word: Word = (Text(body, True),) if document.quoted else self.inner(body).document()
            self.documents[document.number] = word
        self._waiting = []


def parse(text: str) -> Script:
    """All commands of a script; those before a line with a syntax error, and that error.

    >>> parse("if true; then echo yes; fi").error is None
    True
    """
    parser = Parser(text)
    lines: list[Sequence] = []
    error = None
    while error is None and parser.ahead() != _END:
        try:
            lines.append(parser.line())
        except ShellSyntaxError as wrong:
            error = wrong
    lines = [line for line in lines if line]
    return Script(tuple(lines), tuple(parser.documents), tuple(parser.substitutions), error)


def parse_line(text: str) -> int:
    """How many characters the first complete command of `text` takes, its newline included.

    Raises `ShellSyntaxError`, with `incomplete` if more lines are needed.

    >>> parse_line("echo a\\necho b\\n")
    7
    """
    parser = Parser(text, final=False)
    parser.line()
    return parser.at
