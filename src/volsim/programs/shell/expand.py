"""Words become what commands get: parameters, substitutions, arithmetic, splitting into fields, file names.

An expansion never waits. If it needs the output of a substitution that has not been run yet, it stops with
`OutputNeeded`; the shell runs the substitution and expands the command once more from the same state. So whatever an
expansion changes (``${x:=1}``, ``$((i++))``) counts once.

Modelled: all of POSIX; of bash ``${x:1:2}``, ``${x/a/b}``, ``$RANDOM`` (which is no chance: it follows from the host
name).
Not modelled: ``~user``, arrays.
Source: POSIX.1-2017, XCU 2.6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from volsim.objects._record import FrozenDict
from volsim.programs.files import Files, noise
from volsim.programs.patterns import Piece, file_names, has_magic, matcher
from volsim.programs.shell.arithmetic import ArithmeticFault, evaluate
from volsim.programs.shell.state import ShellState
from volsim.programs.shell.syntax import Arithmetic, Parameter, Part, Substitution, Text, Word

__all__ = ["Context", "Expander", "OutputNeeded", "ShellFault", "split_fields"]

TEXT_MOST = 4 * 1024 * 1024  # characters of a word: more than this a script has only by mistake
_SPACES = " \t\n"


class ShellFault(Exception):
    """What ends a shell that is not interactive: an expansion that cannot be done, a readonly variable."""


class OutputNeeded(Exception):
    """The output of the substitution `number` is needed to go on."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Fields:
    """The fields that a word becomes, while it is being expanded."""

    def __init__(self, separators: str | None) -> None:
        """`separators` is ``$IFS``; None if nothing is to be split."""
        self.fields: list[list[Piece]] = []
        self.separators = separators
        self._open = False
        self._size = 0

    def add(self, text: str, quoted: bool) -> None:
        """Go on with the present field. A quoted text makes a field even if it is empty."""
        self._size += len(text)
        if self._size > TEXT_MOST:
            raise ShellFault("out of memory")
        if not text and not quoted:
            return
        if not self._open:
            self.fields.append([])
            self._open = True
        self.fields[-1].append((text, quoted))

    def end(self) -> None:
        """What follows belongs to another field."""
        self._open = False

    def split(self, text: str) -> None:
        """Add what an expansion outside quotes gave: separators in it end fields."""
        if self.separators is None:
            self.add(text, False)
            return
        spaces = "".join(sign for sign in self.separators if sign in _SPACES)
        at, length = 0, len(text)
        while at < length:
            start = at
            while at < length and text[at] not in self.separators:
                at += 1
            self.add(text[start:at], False)
            if at < length:
                at = self._separator(text, at, spaces)

    def _separator(self, text: str, at: int, spaces: str) -> int:
        """Read one separator: blanks around at most one other sign. That sign alone makes an empty field."""
        while at < len(text) and text[at] in spaces:
            at += 1
        if at < len(text) and text[at] in (self.separators or ""):
            if not self._open:
                self.add("", True)
            at += 1
            while at < len(text) and text[at] in spaces:
                at += 1
        self.end()
        return at


class Context(NamedTuple):
    """Where words are expanded."""

    files: Files
    hostname: str
    tty: bool = False


class Expander:
    """Expands the words of one command. `shell` is the state afterwards."""

    def __init__(self, shell: ShellState, context: Context) -> None:
        self.shell, self._context = shell, context
        self._results = iter(shell.results)
        self.status: int | None = None
        """The status of the last substitution; None if there was none."""

    # -- results ------------------------------------------------------------------------------------------------------
    def words(self, words: Iterable[Word]) -> list[str]:
        """The fields that words become."""
        return [name for word in words for field in self._fields(word) for name in self._named(field)]

    def text(self, word: Word) -> str:
        """A word as one text, not split and no file names: an assignment's value, a here-document."""
        return "".join(text for text, _ in self.pieces(word))

    def pieces(self, word: Word) -> list[Piece]:
        """A word as one pattern."""
        out = _Fields(None)
        self._parts(self._home(word), out)
        joined: list[Piece] = []
        for number, field in enumerate(out.fields):
            joined += [(" ", True), *field] if number else field
        return joined

    def _fields(self, word: Word) -> list[list[Piece]]:
        out = _Fields(self.shell.variables.get("IFS", _SPACES))
        self._parts(self._home(word), out)
        return out.fields

    def _named(self, field: list[Piece]) -> list[str]:
        """The names of files that a field fits, or its text."""
        text = "".join(each for each, _ in field)
        if "f" in self.shell.options or not has_magic(field):
            return [text]
        return file_names(field, self._context.files) or [text]

    def _home(self, word: Word) -> Word:
        """``~`` at the beginning is the home directory."""
        first = word[0] if word else None
        if isinstance(first, Text) and not first.quoted and (first.text == "~" or first.text.startswith("~/")):
            home = self.shell.variables.get("HOME", "")
            return (Text(home, True), Text(first.text[1:], False), *word[1:])
        return word

    # -- parts --------------------------------------------------------------------------------------------------------
    def _parts(self, word: Word, out: _Fields, *, inner: bool = False) -> None:
        """Expand each part; `inner` if the word itself is what an expansion gave, so that it is split."""
        for part in word:
            if isinstance(part, Text):
                if inner and not part.quoted:
                    out.split(part.text)
                else:
                    out.add(part.text, part.quoted)
            elif isinstance(part, Parameter):
                self._parameter(part, out)
            else:
                self._result(self._computed(part), part.quoted, out)

    @staticmethod
    def _result(text: str, quoted: bool, out: _Fields) -> None:
        if quoted:
            out.add(text, True)
        else:
            out.split(text)

    def _computed(self, part: Part) -> str:
        if isinstance(part, Substitution):
            known = next(self._results, None)
            if known is None:
                raise OutputNeeded(part.number)
            self.status = known[1]
            return known[0]
        assert isinstance(part, Arithmetic), "the other parts are handled before"
        return str(self.arithmetic(self.text(part.word)))

    def arithmetic(self, expression: str) -> int:
        """The value of an arithmetic expression; it may set variables. Raises `ShellFault`."""
        try:
            return evaluate(expression, lambda name: self.value(name) or "0", self.assign)
        except ArithmeticFault as fault:
            raise ShellFault(str(fault)) from None

    # -- parameters ---------------------------------------------------------------------------------------------------
    def value(self, name: str) -> str | None:
        """The value of a variable or parameter; None if it is not set."""
        shell = self.shell
        if name.isdigit():
            number = int(name)
            if number == 0:
                return shell.name
            return shell.parameters[number - 1] if number <= len(shell.parameters) else None
        special = {
            "?": str(shell.status), "#": str(len(shell.parameters)), "$": str(shell.pid), "-": shell.options,
            "!": None if shell.background is None else str(shell.background),
        }  # fmt: skip
        if name in special:
            return special[name]
        if name in ("@", "*"):
            return self._joined() if shell.parameters else None
        if name == "RANDOM" and name not in shell.variables:
            return self._random()
        return shell.variables.get(name)

    def _joined(self) -> str:
        """``$*``: all parameters with the first separator between them."""
        return self.shell.variables.get("IFS", " ")[:1].join(self.shell.parameters)

    def _random(self) -> str:
        """A number from 0 to 32767 that follows from the host name and from how many were drawn before."""
        drawn = self.shell.chance + 1
        self.shell = self.shell.replace(chance=drawn)
        return str(int.from_bytes(noise(f"{self._context.hostname}/{drawn}", 2)) & 0x7FFF)

    def assign(self, name: str, value: str) -> None:
        """Set a variable. Raises `ShellFault` if it is readonly."""
        if name in self.shell.readonly:
            raise ShellFault(f"{name}: is read only")
        exported = self.shell.exported
        if "a" in self.shell.options and name not in exported:
            exported = tuple(sorted((*exported, name)))
        self.shell = self.shell.replace(variables=FrozenDict({**self.shell.variables, name: value}), exported=exported)

    def _parameter(self, part: Parameter, out: _Fields) -> None:
        if part.name in ("@", "*") and part.operator == "":
            self._all(part, out)
            return
        if part.quoted:
            out.add("", True)  # a field, whatever comes
        value = self.value(part.name)
        unset = value is None or (value == "" and part.operator.startswith(":") and len(part.operator) > 1)
        match part.operator.lstrip(":") if part.operator != ":" else ":":
            case "-" if unset:
                self._parts(part.word, out, inner=not part.quoted)
            case "+":
                if not unset:
                    self._parts(part.word, out, inner=not part.quoted)
            case "=" if unset:
                self._set_default(part, out)
            case "?" if unset:
                text = self.text(part.word) or "parameter not set"
                raise ShellFault(f"{part.name}: {text}")
            case "-" | "=" | "?":
                self._result(value or "", part.quoted, out)
            case operator:
                if value is None and "u" in self.shell.options and part.name not in "@*":
                    raise ShellFault(f"{part.name}: parameter not set")
                self._result(self._changed(part, operator, value or ""), part.quoted, out)

    def _set_default(self, part: Parameter, out: _Fields) -> None:
        if not part.name.isidentifier():
            raise ShellFault(f"{part.name}: bad variable name")
        value = self.text(part.word)
        self.assign(part.name, value)
        self._result(value, part.quoted, out)

    def _all(self, part: Parameter, out: _Fields) -> None:
        """``$@`` and ``$*``."""
        if part.quoted and part.name == "*":
            out.add(self._joined(), True)
            return
        for number, value in enumerate(self.shell.parameters):
            if number:
                out.end()
            self._result(value, part.quoted, out)

    def _changed(self, part: Parameter, operator: str, value: str) -> str:
        """The value with something cut off or replaced."""
        match operator:
            case "length":
                return str(len(self.shell.parameters) if part.name in ("@", "*") else len(value))
            case "#" | "##" | "%" | "%%":
                return _trimmed(value, operator, self.pieces(part.word))
            case "/" | "//":
                return self._replaced(value, part)
            case ":":
                return self._cut(value, part)
        return value

    def _replaced(self, value: str, part: Parameter) -> str:
        fits, new = matcher(self.pieces(part.word)), self.text(part.other)
        out, at = [], 0
        while at < len(value):
            end = next((end for end in range(len(value), at, -1) if fits(value[at:end])), None)
            if end is None:
                out.append(value[at])
                at += 1
                continue
            out.append(new)
            at = end
            if part.operator == "/":
                break
        return "".join(out) + value[at:]

    def _cut(self, value: str, part: Parameter) -> str:
        start = self.arithmetic(self.text(part.word))
        start = max(len(value) + start, 0) if start < 0 else start
        if not part.other:
            return value[start:]
        length = self.arithmetic(self.text(part.other))
        return value[start : start + length] if length >= 0 else value[start:length]


def _trimmed(value: str, operator: str, pieces: list[Piece]) -> str:
    """``${x#pattern}`` and the like: without the shortest or longest beginning or end that fits."""
    fits = matcher(pieces)
    places = range(len(value) + 1)
    if operator in ("##", "%"):
        places = places[::-1]
    for place in places:
        if operator[0] == "#" and fits(value[:place]):
            return value[place:]
        if operator[0] == "%" and fits(value[place:]):
            return value[:place]
    return value


def split_fields(signs: list[tuple[str, bool]], separators: str, most: int) -> list[str]:
    """What `read` gives its variables: at most so many fields, the last of which is all the rest.

    A sign comes with whether a backslash protects it from being a separator.

    >>> split_fields([(sign, False) for sign in " a  b c "], " \\t\\n", 2)
    ['a', 'b c']
    """

    def is_separator(at: int, among: str) -> bool:
        return at < len(signs) and not signs[at][1] and signs[at][0] in among

    blanks = "".join(sign for sign in separators if sign in _SPACES)
    fields: list[str] = []
    at, end = 0, len(signs)
    while end and is_separator(end - 1, blanks):
        end -= 1
    signs = signs[:end]
    while is_separator(at, blanks):
        at += 1
    while at < end:
        start = at
        while at < end and not is_separator(at, separators):
            at += 1
        field = "".join(sign for sign, _ in signs[start:at])
        after = at
        while is_separator(after, blanks):
            after += 1
        if is_separator(after, separators.translate({ord(sign): None for sign in blanks})):
            after += 1
            while is_separator(after, blanks):
                after += 1
        if len(fields) == most - 1 and after < end:
            return [*fields, "".join(sign for sign, _ in signs[start:])]
        fields.append(field)
        at = after
    return fields
