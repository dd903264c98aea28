"""Command lines: words into a command's arguments and flags, with kubectl's own complaints.

Source: spf13/pflag (flag.go: parseLongArg, parseShortArg) and spf13/cobra (command.go), as kubectl uses them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from volsim.errors import VolsimError
from volsim.rules import seconds
from volsim.views.dialect import Dialect

__all__ = ["Flag", "Flags", "UsageError", "parse", "split_words"]

TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


class UsageError(VolsimError):
    """A command line that cannot be understood."""


@attrs.frozen
class Flag:
    """One flag of a command.

    `kind` is ``"switch"``, ``"text"``, ``"texts"`` (may be given several times), ``"number"`` or ``"duration"``.
    `implied` is the value of the bare flag where a value can follow only behind ``=``. `refusal` says, for a flag that
    kubectl has and volsim has no use for, what to do instead. `rule` names the `Dialect` rule that must hold.
    """

    name: str
    short: str = ""
    kind: str = "text"
    default: Any = None
    implied: str | None = None
    refusal: str = ""
    rule: str = ""

    @property
    def title(self) -> str:
        """The flag as complaints call it."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"

    @property
    def bare_value(self) -> str | None:
        """The value that the flag has without one; None if it needs one."""
        return "true" if self.kind == "switch" and self.implied is None else self.implied

    def value(self, text: str) -> Any:
        """What a text means as this flag's value. Raises `UsageError`."""
        match self.kind:
            case "switch":
                if text in TRUE or text in FALSE:
                    return text in TRUE
                raise self._invalid(text, f'strconv.ParseBool: parsing "{text}": invalid syntax')
            case "number":
                if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
                    return int(text)
                raise self._invalid(text, f'strconv.ParseInt: parsing "{text}": invalid syntax')
            case "duration":
                return self._duration(text)
        return text

    def _duration(self, text: str) -> float:
        try:
            if re.fullmatch(r"0|(\d+(\.\d+)?(ms|s|m|h))+", text, re.ASCII):
                return seconds(text)
        except VolsimError:
            pass
        missing = "missing unit in" if re.fullmatch(r"\d+", text, re.ASCII) else "invalid"
        raise self._invalid(text, f'time: {missing} duration "{text}"')

    def _invalid(self, text: str, why: str) -> UsageError:
        return UsageError(f'invalid argument "{text}" for "{self.title}" flag: {why}')


class Flags:
    """The flags of one command line.

    >>> flags, words = parse("pods -n kube-system".split(), [Flag("namespace", "n")])
    >>> flags["namespace"], flags.given("namespace"), words.arguments
    ('kube-system', True, ['pods'])
    """

    def __init__(self, known: Iterable[Flag]) -> None:
        self._values: dict[str, Any] = {flag.name: [] if flag.kind == "texts" else flag.default for flag in known}
        self._given: set[str] = set()

    def put(self, flag: Flag, text: str) -> None:
        """Note that the flag was given."""
        value = flag.value(text)
        if flag.kind == "texts":
            self._values[flag.name].append(value)
        else:
            self._values[flag.name] = value
        self._given.add(flag.name)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def get(self, name: str) -> Any:
        """The flag's value; None if the command has no such flag."""
        return self._values.get(name)

    def given(self, name: str) -> bool:
        """Whether the flag stood on the command line."""
        return name in self._given


@attrs.define
class Words:
    """The words of a command line that are no flags; `dash` is how many of them stood before ``--``, if it stood."""

    arguments: list[str] = attrs.field(factory=list)
    dash: int | None = None


def split_words(line: str) -> list[str]:
    """The words of a line, as a shell splits them, without the word kubectl.

    >>> split_words("kubectl exec web -- sh -c 'ls -l'")
    ['exec', 'web', '--', 'sh', '-c', 'ls -l']
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"error: {line!r} cannot be split into words: {error}") from None
    return words[1:] if words[:1] in (["kubectl"], ["k"]) else words


def parse(words: Sequence[str], known: Sequence[Flag], dialect: Dialect | None = None) -> tuple[Flags, Words]:
    """Flags and arguments of a command's words. Raises `UsageError` in pflag's words."""
    if dialect is not None:
        known = [flag for flag in known if not flag.rule or getattr(dialect, flag.rule)]
    return _Parser(known).parse(words)


class _Parser:
    def __init__(self, known: Sequence[Flag]) -> None:
        self.long: Mapping[str, Flag] = {flag.name: flag for flag in known}
        self.short: Mapping[str, Flag] = {flag.short: flag for flag in known if flag.short}
        self.flags, self.words = Flags(known), Words()
        self.rest: list[str] = []

    def parse(self, words: Sequence[str]) -> tuple[Flags, Words]:
        self.rest = list(words)
        while self.rest:
            word = self.rest.pop(0)
            if word == "--":
                self.words.dash = len(self.words.arguments)
                self.words.arguments += self.rest
                break
            if word.startswith("--"):
                self._long(word[2:])
            elif word.startswith("-") and word != "-":
                self._short(word)
            else:
                self.words.arguments.append(word)
        return self.flags, self.words

    def _put(self, flag: Flag, text: str) -> None:
        if flag.refusal:
            raise UsageError(f"error: --{flag.name} is not modelled: {flag.refusal}")
        self.flags.put(flag, text)

    def _long(self, text: str) -> None:
        name, equals, value = text.partition("=")
        if not name or name.startswith("-"):
            raise UsageError(f"bad flag syntax: --{text}")
        flag = self.long.get(name)
        if flag is None:
            raise UsageError(f"unknown flag: --{name}")
        if equals:
            self._put(flag, value)
        elif flag.bare_value is not None:
            self._put(flag, flag.bare_value)
        elif self.rest:
            self._put(flag, self.rest.pop(0))
        else:
            raise UsageError(f"flag needs an argument: --{name}")

    def _short(self, word: str) -> None:
        """One or several short flags in one word; the last may have its value behind it."""
        letters = word[1:]
        while letters:
            flag = self.short.get(letters[0])
            if flag is None:
                raise UsageError(f"unknown shorthand flag: '{letters[0]}' in -{letters}")
            rest = letters[1:]
            if rest.startswith("=") and len(rest) > 1:
                self._put(flag, rest[1:])
                return
            if flag.bare_value is not None:
                self._put(flag, flag.bare_value)
                letters = rest
                continue
            if rest:
                self._put(flag, rest)
            elif self.rest:
                self._put(flag, self.rest.pop(0))
            else:
                raise UsageError(f"flag needs an argument: '{letters[0]}' in -{letters}")
            return
