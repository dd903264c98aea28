r"""kubectl's template dialect of JSONPath: `{.items[*].metadata.name}`, ranges, filters, unions, quoted text.

Modelled: fields (with escaped dots), wildcards, `..`, indexes, slices with steps, unions, filters with one comparison
or none, `range` and `end`, quoted texts and their escapes, numbers, booleans.
Not modelled: nothing that is known.
Source: client-go, util/jsonpath (parser.go, jsonpath.go); kubectl, pkg/cmd/get/customcolumn.go.

>>> data = {"items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]}
>>> Template("{.items[*].metadata.name}").text(data)
'a b'
>>> Template('{range .items[*]}{.metadata.name}{"\\n"}{end}').text(data)
'a\nb\n'
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from volsim.errors import VolsimError

__all__ = ["JsonPathError", "Template", "relaxed"]


class JsonPathError(VolsimError):
    """A template that cannot be read, or does not fit the data."""


Values = list[Any]
Step = Callable[[Values], Values]
MAX_DEPTH = 50  # ranges within ranges, filters within filters: far more than anybody writes


class _Range(NamedTuple):
    """A loop: over which values, and what is done for each."""

    over: Step
    body: tuple[Any, ...]


RELAXED = re.compile(r"\{\.?([^{}]+)\}|\.?([^{}]+)")


def relaxed(path: str) -> str:
    """A path as `--sort-by` and custom columns take it, with or without braces and leading dot, as a template.

    >>> relaxed("metadata.name"), relaxed("{.metadata.name}")
    ('{.metadata.name}', '{.metadata.name}')
    """
    if not path:
        return path
    found = RELAXED.fullmatch(path)
    if found is None:
        raise JsonPathError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
        )
    return "{." + (found[1] or found[2]) + "}"


class Template:
    """A template that has been read. Raises `JsonPathError` if it cannot be."""

    def __init__(self, text: str) -> None:
        self._nodes = _Reader(text).template()

    def results(self, data: Any) -> list[Values]:
        """What each action of the template finds, one list for each."""
        return list(_run(self._nodes, [data]))

    def values(self, data: Any) -> Values:
        """All that the template finds."""
        return [value for found in self.results(data) for value in found]

    def text(self, data: Any) -> str:
        """The template filled in."""
        return "".join(" ".join(map(_printed, found)) for found in self.results(data))


def _printed(value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _run(nodes: Sequence[Any], values: Values) -> Iterator[Values]:
    for node in nodes:
        if isinstance(node, _Range):
            for value in node.over(values):
                yield from _run(node.body, [value])
        else:
            yield node(values)


# -- reading -----------------------------------------------------------------------------------------------------------
_TERMINATORS = frozenset(" \t\r\n.,[]$@{}")
_COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+?)", re.DOTALL)
_SLICE = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?", re.ASCII)
_KEY = re.compile(r"'([^']*)'")


class _Reader:
    """Reads a template from left to right."""

    def __init__(self, text: str, depth: int = 0) -> None:
        self.text, self.at, self.depth = text, 0, depth
        if depth > MAX_DEPTH:
            raise JsonPathError(f"templates nested more than {MAX_DEPTH} deep are not read")

    def template(self) -> tuple[Any, ...]:
        nodes = tuple(self._nodes(0))
        if self.at < len(self.text):
            raise JsonPathError("not in range, nothing to end")
        return nodes

    def _nodes(self, depth: int) -> Iterator[Any]:
        """Texts and actions up to the ``{end}`` of the range that they are in, or the end of the template."""
        if depth > MAX_DEPTH:
            raise JsonPathError(f"ranges nested more than {MAX_DEPTH} deep are not read")
        while self.at < len(self.text):
            start = self.text.find("{", self.at)
            end = len(self.text) if start < 0 else start
            if end > self.at:
                yield _constant(self.text[self.at : end])
            before, self.at = self.at, end
            if start < 0:
                return
            self.at = start + 1
            word, step = self._action()
            if word == "end":
                if depth == 0:
                    self.at = before
                return
            yield _Range(step, tuple(self._nodes(depth + 1))) if word == "range" else step

    def _action(self) -> tuple[str, Step]:
        """What stands in braces: its keyword, if any, and what it does."""
        steps: list[Step] = []
        keyword = ""
        while True:
            rest = self.text[self.at :]
            if not rest or rest[0] in "\r\n":
                raise JsonPathError("unclosed action")
            if rest[0] == "}":
                self.at += 1
                return keyword, _chain(steps)
            if rest.startswith("[?("):
                steps.append(self._filter())
            elif rest.startswith(".."):
                steps.append(self._recursive(steps))
            elif rest[0] in " @$":
                self.at += 1
            elif rest[0] == "[":
                steps.append(self._array())
            elif rest[0] in "\"'":
                steps.append(_constant(self._quoted(rest[0])))
            elif rest[0] == ".":
                self.at += 1
                steps.append(self._field())
            elif rest[0] in "+-" or rest[0].isdigit():
                steps.append(self._number())
            elif rest[0] == "_" or rest[0].isalpha():
                keyword = self._identifier(steps) or keyword
            else:
                raise JsonPathError(f"unrecognized character in action: U+{ord(rest[0]):04X} '{rest[0]}'")

    def _until_terminator(self) -> str:
        """A name up to what ends it; a backslash keeps the next character in it."""
        name = ""
        while self.at < len(self.text) and self.text[self.at] not in _TERMINATORS:
            if self.text[self.at] == "\\":
                self.at += 1
            name += self.text[self.at : self.at + 1]
            self.at += 1
        return name

    def _field(self) -> Step:
        name = self._until_terminator()
        return _wildcard if name == "*" else _field(name)

    def _recursive(self, steps: list[Step]) -> Step:
        if steps and steps[-1] is _descend:
            raise JsonPathError("invalid multiple recursive descent")
        self.at += 2
        if re.match(r"\w", self.text[self.at :]):
            field = self._field()
            return _chain([_descend, field])
        return _descend

    def _identifier(self, steps: list[Step]) -> str:
        word = self._until_terminator()
        if word in ("true", "false"):
            steps.append(_each(word == "true"))
            return ""
        if word not in ("range", "end"):
            raise JsonPathError(f"unrecognized identifier {word}")
        return word

    def _number(self) -> Step:
        found = re.match(r"[+-]?[\d.]*", self.text[self.at :], re.ASCII)
        assert found is not None, "a sign or digit stands here"
        self.at += len(found[0])
        try:
            return _each(int(found[0]))
        except ValueError:
            pass
        try:
            return _each(float(found[0]))
        except ValueError:
            raise JsonPathError(f"cannot parse number {found[0]}") from None

    def _quoted(self, quote: str) -> str:
        start = self.at
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] not in (quote, "\n"):
            self.at += 2 if self.text[self.at] == "\\" else 1
        if self.text[self.at : self.at + 1] != quote:
            raise JsonPathError("unterminated quoted string")
        self.at += 1
        return _unquoted(self.text[start : self.at])

    def _array(self) -> Step:
        end = self.text.find("]", self.at)
        if end < 0 or "\n" in self.text[self.at : end]:
            raise JsonPathError("unterminated array")
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        parts = inside.split(",")
        if len(parts) > 1:
            return _union([self._one_index(part.strip()) for part in parts])
        return self._one_index(inside)

    def _one_index(self, text: str) -> Step:
        key = _KEY.fullmatch(text)
        if key is not None:
            return self._inner(f".{key[1]}")
        found = _SLICE.fullmatch(":" if text == "*" else text)
        if found is None:
            raise JsonPathError(f"invalid array index {text}")
        return _slice(found[1], found[2], found[3])

    def _filter(self) -> Step:
        """``[?(left OP right)]`` or ``[?(path)]``."""
        start = self.at + len("[?(")
        end, quote = start, ""
        while end < len(self.text) and (quote or self.text[end] != ")"):
            letter = self.text[end]
            if letter == "\n":
                break
            if letter in "\"'" and (not quote or (letter == quote and self.text[end - 1] != "\\")):
                quote = "" if quote else letter
            end += 1
        if self.text[end : end + 1] != ")":
            raise JsonPathError("unterminated filter")
        if self.text[end + 1 : end + 2] != "]":
            raise JsonPathError("unclosed array expect ]")
        self.at = end + 2
        return self._comparison(self.text[start:end])

    def _comparison(self, text: str) -> Step:
        found = _COMPARISON.fullmatch(text)
        if found is None:
            return _having(self._inner(text))
        if found[2] not in _OPERATORS:
            raise JsonPathError(f"unrecognized filter operator {found[2]}")
        return _comparing(self._inner(found[1]), _OPERATORS[found[2]], self._inner(found[3]))

    def _inner(self, text: str) -> Step:
        """What a part of an action does on its own."""
        reader = _Reader(f"{{{text}}}", self.depth + 1)
        reader.at = 1
        keyword, step = reader._action()
        if keyword:
            raise JsonPathError(f"unrecognized identifier {keyword}")
        return step


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", "'": "'", '"': '"'}


def _unquoted(text: str) -> str:
    def replace(found: re.Match[str]) -> str:
        code = found[1]
        if code in _ESCAPES:
            return _ESCAPES[code]
        if code[0] in "xuU" and len(code) > 1:
            return chr(int(code[1:], 16))
        raise JsonPathError(f"unquote string {text} error invalid syntax")

    try:
        return re.sub(r"\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|.?)", replace, text[1:-1])
    except (ValueError, OverflowError):
        raise JsonPathError(f"unquote string {text} error invalid syntax") from None


# -- what the steps do -------------------------------------------------------------------------------------------------
def _chain(steps: Sequence[Step]) -> Step:
    def chain(values: Values) -> Values:
        for step in steps:
            values = step(values)
        return values

    return chain


def _constant(text: str) -> Step:
    return lambda values: [text]


def _each(value: Any) -> Step:
    return lambda values: [value for _ in values]


def _field(name: str) -> Step:
    return lambda values: [value[name] for value in values if isinstance(value, dict) and name in value]


def _children(value: Any) -> Values:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list | tuple) else []


def _wildcard(values: Values) -> Values:
    return [child for value in values for child in _children(value)]


def _descend(values: Values) -> Values:
    found: Values = []
    for value in values:
        children = _children(value)
        if children:
            found += [value, *_descend(children)]
    return found


def _union(steps: Sequence[Step]) -> Step:
    return lambda values: [found for step in steps for found in step(values)]


def _slice(first: str, last: str | None, step: str | None) -> Step:
    """Indexes as Python's, but one outside of the list is an error."""
    start = int(first) if first else 0
    end = None if last in (":", None) else int((last or "")[1:])
    if last is None and first:
        end = start + 1 or None  # the one behind -1 is the end
    stride = int(step[1:]) if step and step != ":" else 1

    def cut(values: Values) -> Values:
        found: Values = []
        for value in values:
            if value is None:
                continue
            if not isinstance(value, list | tuple):
                raise JsonPathError(f"{_go_type(value)} is not array or slice")
            found += _cut(value, start, end, stride)
        return found

    return cut


def _cut(value: Sequence[Any], start: int, end: int | None, stride: int) -> Values:
    length = len(value)
    low = start + length if start < 0 else start
    high = length if end is None else end + length if end < 0 else end
    if low == high:
        return []
    if not 0 <= low < length:
        raise JsonPathError(f"array index out of bounds: index {low}, length {length}")
    if not 0 <= high <= length:
        raise JsonPathError(f"array index out of bounds: index {high - 1}, length {length}")
    if low > high:
        raise JsonPathError(f"starting index {low} is greater than ending index {high}")
    if stride <= 0:
        raise JsonPathError("step must be > 0")
    return list(value[low:high:stride])


def _go_type(value: Any) -> str:
    if isinstance(value, dict):
        return "map[string]interface {}"
    return "string" if isinstance(value, str) else "bool" if isinstance(value, bool) else "int64"


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
}


def _items(values: Values) -> Iterator[Any]:
    for value in values:
        if not isinstance(value, list | tuple):
            raise JsonPathError(f"{_printed(value)} is not array or slice and cannot be filtered")
        yield from value


def _having(path: Step) -> Step:
    return lambda values: [item for item in _items(values) if path([item])]


def _comparing(left: Step, compare: Callable[[Any, Any], Any], right: Step) -> Step:
    def matches(item: Any) -> bool:
        lefts, rights = left([item]), right([item])
        if not lefts or not rights:
            return False
        if len(lefts) > 1 or len(rights) > 1:
            raise JsonPathError("can only compare one element at a time")
        try:
            return bool(compare(lefts[0], rights[0]))
        except TypeError:
            raise JsonPathError("incompatible types for comparison") from None

    return lambda values: [item for item in _items(values) if matches(item)]
