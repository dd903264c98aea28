"""Regular expressions as `grep`, `sed` and `expr` read them, as Python's.

Source: POSIX.1-2017, XBD 9 (regular expressions), with the ``\\|``, ``\\+`` and ``\\?`` of GNU and busybox.
"""

from __future__ import annotations

import re

from volsim.programs.tools.applet import UsageError

__all__ = ["expression"]

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "blank": r" \t", "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9a-fA-F", "cntrl": r"\x00-\x1f\x7f", "print": r"\x20-\x7e",
    "graph": r"\x21-\x7e",
}  # fmt: skip
_BRACKET = re.compile(r"\[(\^?)(\]?(?:\[:[a-z]+:\]|[^\]])*)\]", re.DOTALL)
_CLASS = re.compile(r"\[:([a-z]+):\]")
_SPECIAL = frozenset("(){}|+?")
_BEHIND_BACKSLASH = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "n": r"\n", "t": r"\t"}


def _bracket(match: re.Match[str]) -> str:
    negated, content = match.groups()
    out, at = [], 0
    while at < len(content):
        named = _CLASS.match(content, at)
        if named is not None:
            out.append(_CLASSES.get(named[1], ""))
            at = named.end()
        else:
            sign = content[at]
            out.append("\\" + sign if sign in "\\[]^&~|" or (sign == "-" and at in (0, len(content) - 1)) else sign)
            at += 1
    return f"[{negated}{''.join(out)}]"


def _translated(text: str, extended: bool) -> str:
    out: list[str] = []
    at = 0
    while at < len(text):
        sign = text[at]
        bracket = _BRACKET.match(text, at) if sign == "[" else None
        if bracket is not None:
            out.append(_bracket(bracket))
            at = bracket.end()
            continue
        at += 1
        if sign == "\\" and at < len(text):
            sign = text[at]
            at += 1
            if sign in _SPECIAL:
                out.append("\\" + sign if extended else sign)
            elif sign in "wWsSbB" or sign.isdigit():
                out.append("\\" + sign)
            else:
                out.append(_BEHIND_BACKSLASH.get(sign) or re.escape(sign))
        elif sign in _SPECIAL:
            out.append(sign if extended else "\\" + sign)
        elif sign == "*" and (not out or out[-1] in ("(", "|", "^")):
            out.append(r"\*")
        elif sign in ".*":
            out.append(sign)
        elif sign == "^":
            out.append("^" if extended or not out or out[-1] in ("(", "|") else r"\^")
        elif sign == "$":
            at_end = at == len(text) or text.startswith(("\\)", "\\|"), at)
            out.append(r"$" if extended or at_end else r"\$")
        else:
            out.append(re.escape(sign))
    return "".join(out)


def expression(text: str, *, extended: bool = False, ignore_case: bool = False) -> re.Pattern[str]:
    r"""A regular expression, basic or extended. Raises `UsageError` for one that is none.

    >>> bool(expression(r"a\(b\)*c").search("xabbc")), bool(expression("a+", extended=True).fullmatch("aaa"))
    (True, True)
    >>> bool(expression("[[:digit:]]{2}$", extended=True).search("x12"))
    True
    """
    try:
        return re.compile(_translated(text, extended), re.IGNORECASE if ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"bad regex '{text}': {error}") from None
