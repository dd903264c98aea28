"""``$((…))``: integer arithmetic of 64 bits, with variables.

>>> evaluate("1 + 2 * 3", {}.get, lambda name, value: None)
7
>>> variables = {"n": "5"}
>>> evaluate("n += 2", variables.get, variables.__setitem__), variables
(7, {'n': '7'})

Source: POSIX.1-2017, XCU 2.6.4; busybox, shell/math.c (``**``, ``++``, ``--``).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

__all__ = ["ArithmeticFault", "evaluate"]

_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|[0-9][0-9a-zA-Z]*)|([A-Za-z_]\w*)"
    r"|(<<=|>>=|\*\*|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^~!<>=?:,()]))",
    re.ASCII,
)
_ASSIGNING = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="})
_NESTED_MOST = 20  # parentheses and signs within each other
_VARIABLES_MOST = 10  # variables whose values are names of variables
_LEVELS = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", "<=", ">", ">="), ("<<", ">>"), ("+", "-"),
    ("*", "/", "%"),
)  # fmt: skip
"""Operators between two expressions, those that bind least first."""
_LEVEL = {sign: level for level, signs in enumerate(_LEVELS) for sign in signs}

Get = Callable[[str], "str | None"]
Put = Callable[[str, str], None]
Tree = Any  # a number, or a tuple: what to do, and with what


class ArithmeticFault(Exception):
    """An expression that has no value."""


def _wrapped(number: int) -> int:
    """The number as 64 bits hold it."""
    return (number + 2**63) % 2**64 - 2**63


def _divided(first: int, second: int) -> int:
    if second == 0:
        raise ArithmeticFault("divide by zero")
    quotient = abs(first) // abs(second)
    return quotient if (first < 0) == (second < 0) else -quotient


def _power(first: int, second: int) -> int:
    if second < 0:
        raise ArithmeticFault("exponent less than 0")
    return pow(first, second, 2**64)


_BINARY: dict[str, Callable[[int, int], int]] = {
    "|": operator.or_, "^": operator.xor, "&": operator.and_, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "<<": lambda first, second: first << (second & 63), ">>": lambda first, second: first >> (second & 63),
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided,
    "%": lambda first, second: first - second * _divided(first, second), "**": _power,
}  # fmt: skip
_UNARY: dict[str, Callable[[int], int]] = {
    "-": operator.neg, "+": operator.pos, "~": operator.invert, "!": lambda number: int(not number),
}  # fmt: skip


class _Reader:
    """From the text of an expression to a tree."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise ArithmeticFault("arithmetic syntax error")
            self._tokens.append(found[1] or found[2] or found[3])
            at = found.end()
        self._tokens.append("")
        self._depth = 0

    @property
    def _next(self) -> str:
        return self._tokens[0]

    def _take(self, *tokens: str) -> str:
        return self._tokens.pop(0) if self._tokens[0] in tokens and self._tokens[0] else ""

    def whole(self) -> Tree:
        """The tree of the whole text; an empty one is 0."""
        if not self._next:
            return 0
        tree = self._comma()
        if self._next:
            raise ArithmeticFault("arithmetic syntax error")
        return tree

    def _deeper(self, read: Callable[[], Tree]) -> Tree:
        """What `read` reads, which may contain as much again, but not without end."""
        if self._depth >= _NESTED_MOST:
            raise ArithmeticFault("expression recursion loop detected")
        self._depth += 1
        tree = read()
        self._depth -= 1
        return tree

    def _comma(self) -> Tree:
        tree = self._deeper(self._assignment)
        while self._take(","):
            tree = (",", tree, self._deeper(self._assignment))
        return tree

    def _assignment(self) -> Tree:
        tree = self._choice()
        if self._next in _ASSIGNING and isinstance(tree, tuple) and tree[0] == "name":
            sign = self._tokens.pop(0)
            value = self._deeper(self._assignment)
            tree = ("=", tree[1], value if sign == "=" else (sign[:-1], tree, value))
        return tree

    def _choice(self) -> Tree:
        condition = self._binary(0)
        if not self._take("?"):
            return condition
        yes = self._deeper(self._assignment)
        if not self._take(":"):
            raise ArithmeticFault("arithmetic syntax error")
        return ("?", condition, yes, self._deeper(self._assignment))

    def _binary(self, least: int) -> Tree:
        """Operands joined by operators that bind at least so much."""
        tree = self._powers()
        while (level := _LEVEL.get(self._next, -1)) >= least:
            sign = self._tokens.pop(0)
            tree = (sign, tree, self._binary(level + 1))
        return tree

    def _powers(self) -> Tree:
        tree = self._signed()
        return ("**", tree, self._deeper(self._powers)) if self._take("**") else tree

    def _signed(self) -> Tree:
        step = self._take("++", "--")
        if step:
            tree = self._deeper(self._signed)
            if isinstance(tree, tuple) and tree[0] == "name":
                return ("=", tree[1], (step[0], tree, 1))
            return (step[0], (step[0], tree))  # ``--5`` is 5
        sign = self._take("-", "+", "~", "!")
        return (sign, self._deeper(self._signed)) if sign else self._single()

    def _single(self) -> Tree:
        if self._take("("):
            tree = self._comma()
            if not self._take(")"):
                raise ArithmeticFault("arithmetic syntax error")
            return tree
        token = self._tokens.pop(0) if self._next else ""
        if token[:1].isdigit():
            return _number(token)
        if not re.fullmatch(r"[A-Za-z_]\w*", token, re.ASCII):
            raise ArithmeticFault("arithmetic syntax error")
        step = self._take("++", "--")
        if step:
            return ("after", token, 1 if step == "++" else -1)
        return ("name", token)


def _number(token: str) -> int:
    base = 16 if token[:2].lower() == "0x" else 8 if token.startswith("0") else 10
    try:
        return _wrapped(int(token, base))
    except ValueError:
        raise ArithmeticFault("arithmetic syntax error") from None


class _Evaluation:
    """From a tree to its value."""

    def __init__(self, get: Get, put: Put, depth: int) -> None:
        self._get, self._put, self._depth = get, put, depth

    def value(self, tree: Tree) -> int:
        """The value of a tree. What ``&&``, ``||`` and ``?:`` do not choose is not evaluated."""
        if isinstance(tree, int):
            return tree
        match tree:
            case ("name", name):
                return self._variable(name)
            case ("after", name, step):
                before = self._variable(name)
                self._put(name, str(_wrapped(before + step)))
                return before
            case ("=", name, inner):
                after = self.value(inner)
                self._put(name, str(after))
                return after
            case ("?", condition, yes, no):
                return self.value(yes if self.value(condition) else no)
            case (sign, inner):
                return _wrapped(_UNARY[sign](self.value(inner)))
        return self._chain(tree)

    def _chain(self, tree: Tree) -> int:
        """The value of ``a + b + c …``, from left to right."""
        links: list[tuple[str, Tree]] = []
        while isinstance(tree, tuple) and len(tree) == 3 and tree[0] not in ("after", "="):
            links.append((tree[0], tree[2]))
            tree = tree[1]
        value = self.value(tree)
        for sign, right in reversed(links):
            if sign == "&&":
                value = int(bool(value) and bool(self.value(right)))
            elif sign == "||":
                value = int(bool(value) or bool(self.value(right)))
            elif sign == ",":
                value = self.value(right)
            else:
                value = _wrapped(int(_BINARY[sign](value, self.value(right))))
        return value

    def _variable(self, name: str) -> int:
        text = self._get(name)
        if text is None or not text.strip():
            return 0
        if self._depth >= _VARIABLES_MOST:
            raise ArithmeticFault("expression recursion loop detected")
        return _Evaluation(self._get, self._put, self._depth + 1).value(_Reader(text).whole())


def evaluate(text: str, get: Get, put: Put) -> int:
    """The value of an expression. Raises `ArithmeticFault`."""
    return _Evaluation(get, put, 0).value(_Reader(text).whole())
