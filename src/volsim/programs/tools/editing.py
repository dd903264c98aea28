"""`sed`: changes lines as a script says.

Modelled: the commands ``a b c d D g G h H i l n N p P q s t T x y = { } :`` and ``#``, addresses with ``,`` ``!`` and
``~``, ``-n -e -f -i -E -r -s``.
Not modelled: ``w`` and ``r``, output before the input has ended.
Source: POSIX.1-2017, XCU 4 (sed); busybox, editors/sed.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from volsim.errors import FileError
from volsim.programs.files import Files
from volsim.programs.process import Process, Program, decode, encode
from volsim.programs.tools.applet import Applet, UsageError, contents, fail, options
from volsim.programs.tools.regular import expression

__all__ = ["TOOLS"]

_STEPS_MOST = 10_000  # commands for each line: a loop that does not end is found out


class _Address(NamedTuple):
    """One end of an address: a line's number, ``$``, or an expression."""

    kind: str
    number: int = 0
    step: int = 0
    pattern: re.Pattern[str] | None = None


class _Command(NamedTuple):
    """One command of a script."""

    name: str
    addresses: tuple[_Address, ...] = ()
    negated: bool = False
    text: str = ""
    pattern: re.Pattern[str] | None = None
    flags: str = ""
    number: int = 0
    target: int = 0
    """Of ``{`` and of jumps: the place to go on."""


class _Parser:
    """From the text of a script to commands."""

    def __init__(self, text: str, *, extended: bool) -> None:
        self._text, self._at, self._extended = text, 0, extended
        self._last: re.Pattern[str] | None = None

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, signs: str) -> None:
        while self._peek() and self._peek() in signs:
            self._at += 1

    def commands(self) -> list[_Command]:
        """All commands, with the places of jumps filled in."""
        found: list[_Command] = []
        opened: list[int] = []
        while True:
            self._skip(" \t\n;")
            if not self._peek():
                break
            command = self._command()
            if command.name == "{":
                opened.append(len(found))
            elif command.name == "}":
                if not opened:
                    raise UsageError("unexpected '}'")
                start = opened.pop()
                found[start] = found[start]._replace(target=len(found) + 1)
            found.append(command)
        if opened:
            raise UsageError("unterminated {")
        labels = {each.text: at for at, each in enumerate(found) if each.name == ":"}
        for at, each in enumerate(found):
            if each.name in ("b", "t", "T"):
                if each.text and each.text not in labels:
                    raise UsageError(f"can't find label for jump to '{each.text}'")
                found[at] = each._replace(target=labels.get(each.text, len(found)))
        return found

    def _command(self) -> _Command:
        addresses = []
        first = self._address()
        if first is not None:
            addresses.append(first)
            self._skip(" \t")
            if self._peek() == ",":
                self._at += 1
                self._skip(" \t")
                second = self._address()
                if second is None:
                    raise UsageError("unexpected ','")
                addresses.append(second)
        self._skip(" \t")
        negated = self._peek() == "!"
        if negated:
            self._skip("! \t")
        name = self._peek()
        self._at += 1
        command = _Command(name, tuple(addresses), negated)
        if name in tuple("{}dDgGhHnNpPx=l"):
            return command
        if name in tuple("qQ"):
            self._skip(" \t")
            return command._replace(number=self._digits())
        if name in tuple("btT:"):
            self._skip(" \t")
            return command._replace(text=self._word())
        if name in tuple("aic"):
            return command._replace(text=self._inserted())
        if name == "#":
            self._line()
            return command
        if name == "s":
            return self._substitution(command)
        if name == "y":
            delimiter = self._delimiter()
            return command._replace(text=self._until(delimiter), flags=self._until(delimiter))
        raise UsageError(f"unsupported command {name}" if name else "missing command")

    def _address(self) -> _Address | None:
        sign = self._peek()
        if sign.isdigit():
            number = self._digits()
            if self._peek() == "~":
                self._at += 1
                return _Address("step", number, self._digits())
            return _Address("number", number)
        if sign == "$":
            self._at += 1
            return _Address("last")
        if sign in ("/", "\\") and sign:
            self._at += 1
            delimiter = "/" if sign == "/" else self._delimiter()
            text = self._until(delimiter)
            ignore = self._peek() == "I"
            self._at += ignore
            return _Address("pattern", pattern=self._pattern(text, ignore))
        return None

    def _pattern(self, text: str, ignore: bool) -> re.Pattern[str]:
        if text:
            self._last = expression(text, extended=self._extended, ignore_case=ignore)
        if self._last is None:
            raise UsageError("no previous regexp")
        return self._last

    def _digits(self) -> int:
        start = self._at
        while self._peek().isdigit():
            self._at += 1
        return int(self._text[start : self._at] or 0)

    def _word(self) -> str:
        start = self._at
        while self._peek() and self._peek() not in " \t\n;}":
            self._at += 1
        return self._text[start : self._at]

    def _line(self) -> str:
        end = self._text.find("\n", self._at)
        text = self._text[self._at : len(self._text) if end < 0 else end]
        self._at += len(text)
        return text

    def _inserted(self) -> str:
        self._skip(" \t")
        if self._text.startswith("\\", self._at):
            self._at += 1
            self._skip(" \t")
            if self._peek() == "\n":
                self._at += 1
        lines = [self._line()]
        while lines[-1].endswith("\\") and self._peek():
            self._at += 1
            lines[-1] = lines[-1][:-1]
            lines.append(self._line())
        return "\n".join(lines)

    def _delimiter(self) -> str:
        delimiter = self._peek()
        if not delimiter or delimiter in "\n\\":
            raise UsageError("bad format in substitution expression")
        self._at += 1
        return delimiter

    def _until(self, delimiter: str) -> str:
        """The text up to a delimiter that is not behind a backslash or in brackets."""
        out = []
        bracket = False
        while self._peek() != delimiter or bracket:
            sign = self._peek()
            if not sign:
                raise UsageError("unterminated s command" if delimiter else "unterminated address regex")
            self._at += 1
            if sign == "\\" and self._peek():
                following = self._peek()
                self._at += 1
                out.append(
                    following if following == delimiter and delimiter not in "nt123456789&" else sign + following
                )
                continue
            if sign == "[" and not bracket:
                bracket = "]" in self._text[self._at + 1 :]
            elif sign == "]" and bracket and not "".join(out).endswith(("[", "[^")):
                bracket = False
            out.append(sign)
        self._at += 1
        return "".join(out)

    def _substitution(self, command: _Command) -> _Command:
        delimiter = self._delimiter()
        pattern, replacement = self._until(delimiter), self._until(delimiter)
        start = self._at
        while self._peek() and self._peek() in "gpiI0123456789":
            self._at += 1
        flags = self._text[start : self._at]
        digits = re.sub(r"\D", "", flags)
        if self._peek() and self._peek() not in " \t\n;}#":
            raise UsageError(f"unknown option to s: {self._peek()}")
        compiled = self._pattern(pattern, "i" in flags or "I" in flags)
        return command._replace(pattern=compiled, text=replacement, flags=flags, number=int(digits or 1))


_SHOWING: dict[str, Callable[[str], str]] = {
    "l": lambda space: space.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n") + "$",
    "p": lambda space: space,
    "P": lambda space: space.partition("\n")[0],
}
"""What the commands that print make of the present line."""


class _Run:
    """One run over the lines of an input."""

    def __init__(self, commands: list[_Command], lines: list[str], *, quiet: bool) -> None:
        self._commands, self._lines, self._quiet = commands, lines, quiet
        self.out: list[str] = []
        self.status = 0
        self._at, self._hold, self._space = 0, "", ""
        self._active: dict[int, bool] = {}
        self._appended: list[str] = []
        self._steps = 0

    def all(self) -> str:
        """Work through all lines; what is written."""
        again = False
        while again or self._at < len(self._lines):
            if not again:
                self._space = self._lines[self._at]
                self._at += 1
            ending = self._cycle()
            again = ending == "restart"
            if ending in ("end", "quit") and not self._quiet:
                self.out.append(self._space)
            self.out += self._appended
            self._appended = []
            if ending in ("quit", "stop"):
                break
        return "".join(line + "\n" for line in self.out)

    @property
    def _last(self) -> bool:
        return self._at >= len(self._lines)

    def _cycle(self) -> str:
        """The script once, on one line; how it ended."""
        at, replaced = 0, False
        while at < len(self._commands):
            self._steps += 1
            if self._steps > _STEPS_MOST * (self._at + 1):
                raise UsageError("the script does not end")
            command = self._commands[at]
            chosen = self._chosen(at, command) != command.negated
            at += 1
            if not chosen:
                at = command.target if command.name == "{" else at
                continue
            match command.name:
                case "b":
                    at = command.target
                case "t" | "T":
                    at, replaced = (command.target if replaced == (command.name == "t") else at), False
                case "s":
                    replaced = self._substitute(command) or replaced
                case _:
                    ending = self._simple(command)
                    if ending:
                        return ending
        return "end"

    def _chosen(self, at: int, command: _Command) -> bool:
        """Whether a command's addresses hold for the present line."""
        if not command.addresses:
            return True
        first = command.addresses[0]
        if len(command.addresses) == 1:
            return self._holds(first)
        second = command.addresses[1]
        if self._active.get(at):
            over = self._at >= second.number if second.kind == "number" else self._holds(second)
            self._active[at] = not over
            return second.kind != "number" or self._at <= second.number
        if self._holds(first):
            self._active[at] = not (second.kind == "number" and second.number <= self._at)
            return True
        return False

    def _holds(self, address: _Address) -> bool:
        match address.kind:
            case "number":
                return self._at == address.number
            case "last":
                return self._last
            case "step":
                return self._at >= address.number and (self._at - address.number) % max(address.step, 1) == 0
        assert address.pattern is not None, "what is left are expressions"
        return address.pattern.search(self._space) is not None

    def _simple(self, command: _Command) -> str:
        """A command that does not jump; how the cycle ends, if it ends it."""
        name = command.name
        if name in _SHOWING:
            self.out.append(_SHOWING[name](self._space))
        elif name == "=":
            self.out.append(str(self._at))
        elif name == "i":
            self.out.append(command.text)
        elif name == "a":
            self._appended.append(command.text)
        elif name == "y":
            self._space = _exchanged(self._space, command.text, command.flags)
        elif name in tuple("gGhHx"):
            self._exchange(name)
        else:
            return self._ending(command)
        return ""

    def _ending(self, command: _Command) -> str:
        """A command that may end the cycle."""
        match command.name:
            case "d":
                return "delete"
            case "D":
                _, newline, self._space = self._space.partition("\n")
                return "restart" if newline else "delete"
            case "c":
                if len(command.addresses) < 2 or not self._active.get(self._commands.index(command)):
                    self.out.append(command.text)
                return "delete"
            case "q" | "Q":
                self.status = command.number
                return "quit" if command.name == "q" else "stop"
            case "n" | "N":
                return self._next(command.name)
        return ""  # braces, labels and comments

    def _next(self, name: str) -> str:
        if self._last:
            return "end" if name == "N" or not self._quiet else "delete"
        if name == "n":
            if not self._quiet:
                self.out.append(self._space)
            self._space = self._lines[self._at]
        else:
            self._space += "\n" + self._lines[self._at]
        self._at += 1
        return ""

    def _exchange(self, name: str) -> None:
        space, hold = self._space, self._hold
        match name:
            case "g":
                self._space = hold
            case "G":
                self._space = space + "\n" + hold
            case "h":
                self._hold = space
            case "H":
                self._hold = hold + "\n" + space
            case "x":
                self._space, self._hold = hold, space

    def _substitute(self, command: _Command) -> bool:
        """``s///``; whether anything was replaced."""
        assert command.pattern is not None, "the parser has set it"
        count = 0
        done = False

        def replaced(match: re.Match[str]) -> str:
            nonlocal count, done
            count += 1
            if count < command.number or (done and "g" not in command.flags):
                return match[0]
            done = True
            return _filled(command.text, match)

        self._space = command.pattern.sub(replaced, self._space)
        if done and "p" in command.flags:
            self.out.append(self._space)
        return done


def _exchanged(text: str, old: str, new: str) -> str:
    """A text with signs exchanged for others, one for one."""
    old, new = old.replace("\\n", "\n"), new.replace("\\n", "\n")
    if len(old) != len(new):
        raise UsageError("y command strings have different lengths")
    return text.translate(str.maketrans(old, new))


def _filled(text: str, match: re.Match[str]) -> str:
    """A replacement with ``&``, ``\\1`` and escapes filled in."""

    def value(part: re.Match[str]) -> str:
        sign = part[0]
        if sign == "&":
            return match[0]
        if sign[1].isdigit():
            number = int(sign[1])
            if number > (match.re.groups or 0):
                raise UsageError(f"invalid reference \\{number} on s command's RHS")
            return match[number] or ""
        return {"n": "\n", "t": "\t"}.get(sign[1], sign[1])

    return re.sub(r"\\.|&", value, text, flags=re.DOTALL)


def _sed(process: Process) -> int:
    words = list(process.argv)
    suffix = next((word[2:] for word in words if word.startswith("-i") and word != "-i"), "")
    process.argv = tuple("-i" if word.startswith("-i") else word for word in words)
    found = options(process, "nErsuzi", "ef", _LONG)
    files, names = Files(process), list(found.operands)
    texts = [*found.given.get("e", []), *(decode(files.read(name)).rstrip("\n") for name in found.given.get("f", []))]
    if not texts:
        if not names:
            raise UsageError("no script specified")
        texts = [names.pop(0)]
    commands = _Parser("\n".join(texts), extended="E" in found or "r" in found).commands()
    in_place = "i" in found
    quiet = "n" in found or texts[0].startswith("#n\n")
    if not in_place and "s" not in found:
        return _edit_together(process, commands, names, quiet)
    status = 0
    for name, data in contents(process, names):
        if data is None:
            status = 1
            continue
        run = _Run(commands, _lines(data), quiet=quiet)
        text = encode(run.all())
        status = run.status or status
        if not in_place or files.is_input(name):
            process.write(text)
            continue
        try:
            if suffix:
                files.write(name + suffix, data)
            files.write(name, text)
        except FileError as error:
            status = fail(process, f"{name}: {error.strerror}")
    return status


_LONG = {"quiet": "n", "silent": "n", "expression": "e", "in-place": "i", "file": "f", "regexp-extended": "E"}


def _edit_together(process: Process, commands: list[_Command], names: list[str], quiet: bool) -> int:
    """Edit all files as one text."""
    lines: list[str] = []
    status = 0
    for _, data in contents(process, names):
        if data is None:
            status = 1
        else:
            lines += _lines(data)
    run = _Run(commands, lines, quiet=quiet)
    process.write(encode(run.all()))
    return run.status or status


def _lines(data: bytes) -> list[str]:
    return decode(data.removesuffix(b"\n")).split("\n") if data else []


TOOLS: dict[str, Program] = {"sed": Applet(_sed)}
