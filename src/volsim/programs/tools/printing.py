"""`echo` and `printf`.

Modelled: ``-n``, ``-e``, ``-E``; the conversions ``b c d i o u x X e E f F g G q s %`` with flags, width and
precision, the format used again while there are arguments.
Source: POSIX.1-2017, XCU 4 (printf); busybox, coreutils/echo.c, coreutils/printf.c.
"""

from __future__ import annotations

import re

from volsim.programs.process import Process, encode

__all__ = ["echo", "printf", "unescaped"]

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|(0[0-7]{0,3}|[1-7][0-7]{0,2})|([abcefnrtv\\\"']))")
_SIGNS = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_CONVERSION = re.compile(r"%(?:%|([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?[hlLqjzt]*([a-zA-Z]))")
_INTEGER = re.compile(r"\s*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)", re.ASCII)
_REPEATED_MOST = 100_000  # how often a format is used again; every round takes an argument, so this bounds the output
_WIDTH_MOST = 65_536  # a width beyond this is a mistake


def _byte(number: int) -> str:
    """The character that stands for one byte, as `volsim.programs.process.decode` gives it."""
    return chr(number) if number < 128 else chr(0xDC00 + number)


def unescaped(text: str, *, quotes: bool = False, zero: bool = True) -> tuple[str, bool]:
    r"""A text with its backslash escapes replaced, and whether ``\c`` ended it.

    `quotes`: ``\"`` and ``\'`` are escapes, too; `zero`: an octal number may have a zero before its three digits.

    >>> unescaped(r"a\tb\c, and no more")
    ('a\tb', True)
    """
    out, at = [], 0
    for match in _ESCAPE.finditer(text):
        if match.start() < at:
            continue
        out.append(text[at : match.start()])
        at = match.end()
        hexadecimal, octal, sign = match.groups()
        if sign == "c":
            return "".join(out), True
        if hexadecimal:
            out.append(_byte(int(hexadecimal, 16)))
        elif octal:
            digits = octal if zero and octal[0] == "0" else octal[:3]
            at -= len(octal) - len(digits)
            out.append(_byte(int(digits, 8) & 255))
        elif sign in "\"'":
            out.append(sign if quotes else match[0])
        else:
            out.append(_SIGNS[sign])
    return "".join([*out, text[at:]]), False


def echo(process: Process) -> int:
    """Write the arguments, separated by blanks."""
    words, newline, escapes = list(process.argv[1:]), "\n", False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        for letter in words.pop(0)[1:]:
            newline = "" if letter == "n" else newline
            escapes = letter == "e" if letter in "eE" else escapes
    text = " ".join(words)
    if escapes:
        text, stopped = unescaped(text)
        newline = "" if stopped else newline
    process.write(encode(text + newline))
    return 0


class _Printf:
    """One run of `printf`: the arguments that are left, and what went wrong."""

    def __init__(self, process: Process, arguments: list[str]) -> None:
        self.process, self.arguments = process, arguments
        self.status = 0
        self.stopped = False

    def _next(self) -> str | None:
        return self.arguments.pop(0) if self.arguments else None

    def _complain(self, text: str) -> None:
        self.process.complain(f"{self.process.name}: {text}")
        self.status = 1

    def _integer(self, text: str | None) -> int:
        if not text:
            return 0
        if text[0] in "\"'":
            return ord(text[1]) if len(text) > 1 else 0
        found = _INTEGER.fullmatch(text)
        if found is None:
            self._complain(f"invalid number '{text}'")
            return 0
        digits = found[2]
        base = 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" and len(digits) > 1 else 10
        return int(digits, base) * (-1 if found[1] == "-" else 1)

    def _float(self, text: str | None) -> float:
        try:
            return float(text) if text else 0.0
        except ValueError:
            self._complain(f"invalid number '{text}'")
            return 0.0

    def _size(self, given: str | None) -> int | None:
        if given is None:
            return None
        number = self._integer(self._next()) if given == "*" else int(given or 0)
        return max(min(number, _WIDTH_MOST), -_WIDTH_MOST)

    def round(self, format_: str) -> str:
        """The format once, with the next arguments."""
        out, at = [], 0
        for match in _CONVERSION.finditer(format_):
            text, self.stopped = unescaped(format_[at : match.start()], quotes=True, zero=False)
            out.append(text)
            at = match.end()
            if not self.stopped:
                out.append("%" if match[0] == "%%" else self._converted(match))
            if self.stopped or self.status > 1:
                return "".join(out)
        text, self.stopped = unescaped(format_[at:], quotes=True, zero=False)
        return "".join([*out, text])

    def _converted(self, match: re.Match[str]) -> str:
        flags, letter = match[1], match[4]
        width, precision = self._size(match[2]), self._size(match[3])
        if width is not None and width < 0:
            flags, width = flags + "-", -width
        if precision is not None and precision < 0:
            precision = None
        if letter not in "bcdiouxXeEfFgGqs":
            self._complain(f"%{letter}: invalid format")
            self.status = 2
            return ""
        text = self._value(letter, flags, precision)
        if "-" in flags:
            return text.ljust(width or 0)
        if "0" in flags and letter not in "bcqs" and (precision is None or letter in "eEfFgG"):
            sign = text[:1] if text[:1] in tuple("+- ") else ""
            return sign + text[len(sign) :].rjust((width or 0) - len(sign), "0")
        return text.rjust(width or 0)

    def _value(self, letter: str, flags: str, precision: int | None) -> str:
        given = self._next()
        match letter:
            case "s":
                return (given or "")[:precision]
            case "c":
                return (given or "")[:1]
            case "q":
                return _quoted(given or "")
            case "b":
                text, self.stopped = unescaped(given or "")
                return text[:precision]
            case "e" | "E" | "f" | "F" | "g" | "G":
                mark = "#" if "#" in flags else ""
                return _signed(f"{self._float(given):{mark}.{6 if precision is None else precision}{letter}}", flags)
        number = self._integer(given)
        if letter not in "di" and number < 0:
            number += 2**64
        shown = f"{abs(number):{'d' if letter in 'diu' else letter}}".rjust(precision or 0, "0")
        if precision == 0 and number == 0:
            shown = ""
        if "#" in flags and number:
            shown = {"o": "0", "x": "0x", "X": "0X"}.get(letter, "") + shown
        shown = "-" + shown if number < 0 else shown
        return _signed(shown, flags) if letter in "di" else shown


def _signed(text: str, flags: str) -> str:
    if text.startswith("-"):
        return text
    return "+" + text if "+" in flags else " " + text if " " in flags else text


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w./:@%+,-]+", text, re.ASCII) else "'" + text.replace("'", "'\\''") + "'"


def printf(process: Process) -> int:
    """Write the arguments as the format says, again and again until they are used up."""
    words = list(process.argv[1:])
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        process.complain(f"{process.name}: usage: printf FORMAT [ARG]...")
        return 2
    run = _Printf(process, words[1:])
    for _ in range(_REPEATED_MOST):
        before = len(run.arguments)
        process.write(encode(run.round(words[0])))
        if run.stopped or not run.arguments or len(run.arguments) == before or run.status > 1:
            break
    return min(run.status, 1)
