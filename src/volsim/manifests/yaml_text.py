"""YAML as kubectl reads it: YAML 1.1 with go-yaml's idea of what a plain word means, and with the place of everything.

Modelled: documents, anchors, merge keys, octal and binary numbers, yes/no as booleans, dates as texts, refused
duplicate keys, keys that are no texts.
Not modelled: go-yaml's own wording of syntax errors; that a merge key behind a key overrides it.
Source: go.yaml.in/yaml/v2 (resolve), sigs.k8s.io/yaml.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from volsim.errors import Problem
from volsim.manifests.given import MOST_ALIASED, Given, Refusal, key_text

__all__ = ["documents", "plain_word"]

_TAG = "tag:yaml.org,2002:"
_PLAIN = "!plain"  # our own mark: an untagged, unquoted scalar, whose type its text decides

_WORDS: dict[str, Any] = {
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False),
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], math.inf),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], -math.inf),
}
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)

_REMEDIES = {
    "mapping values are not allowed in this context": "a ':' where none can be; is this line indented too far, "
    "or must the text be quoted?",
    "did not find expected key": "this line does not fit the map that it stands in; check its indentation",
    "did not find expected '-' indicator": "this line does not fit the list that it stands in; "
    "check its indentation and the '- '",
    "found character that cannot start any token": "no unquoted text can start with this character; quote the text "
    "(and indent with blanks, never with tabs)",
    "could not find expected ':'": "this line is no 'key: value'; is the ':' missing?",
    "block sequence entries are not allowed in this context": "no '- ' can stand here; is this line indented wrongly?",
    "found duplicate anchor": "give each anchor a name of its own",
}


def plain_word(text: str) -> Any:
    """What an unquoted word means: a text, number, boolean or None.

    Whole floats are whole numbers, as they are after the way through JSON.

    >>> [plain_word(word) for word in ("0644", "1e3", "1:30", "yes", "2001-01-01", "0x1F", "1_000", "~", "10Gi")]
    [420, 1000, '1:30', True, '2001-01-01', 31, 1000, None, '10Gi']
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if text[0] != ".":
        digits = text.replace("_", "")
        if found := _INTEGER.fullmatch(digits):
            group = found.lastgroup or "dec"
            number = int(found["sign"] + found[group], _BASES[group])
            if -(2**63) <= number < 2**64:
                return number
    else:
        digits = text
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    return text


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes only, and marks plain scalars instead of guessing their type."""

    def resolve(self, kind: type, value: str, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TAG + "str"
        return _TAG + ("seq" if kind is yaml.SequenceNode else "map")


def documents(text: str, source: str) -> tuple[list[Given], list[Problem]]:
    """The documents of a YAML or JSON text that are not empty, and every problem of its form.

    A syntax error ends its own document only: documents are cut at the `---` lines first, as kubectl does.
    """
    found: list[Given] = []
    problems: list[Problem] = []
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("{") and _is_json(text):
        text = text.replace("\t", " ")  # YAML's flow style is picky about tabs, JSON is not; places stay the same
    for chunk, first_line in _chunks(text):
        reader = _Walk(source, first_line, problems, len(chunk))
        try:
            loader = _Loader(chunk)
            try:
                while loader.check_node():
                    given = reader.walk(loader.get_node(), "")
                    if given.value is not None:
                        found.append(given)
            finally:
                loader.dispose()
        except Refusal as refusal:
            problems.append(refusal.problem)
        except yaml.YAMLError as error:
            problems.append(_syntax_problem(error, source, first_line, chunk))
        except RecursionError:
            problems.append(Problem(source, first_line + 1, 1, "", "this document is nested too deeply to be read"))
    return found, problems


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _chunks(text: str) -> Iterator[tuple[str, int]]:
    """The text of each document and the number of lines before it."""
    starts = [found.start() for found in _MARKER.finditer(text)]
    bounds = [0, *(start for start in starts if start), len(text)]
    begin = 0
    for end in bounds[1:]:
        chunk = text[begin:end]
        if end != len(text) and _only_directives(chunk):
            continue  # `%YAML 1.1` belongs to the document that follows it
        yield chunk, text.count("\n", 0, begin)
        begin = end


def _only_directives(chunk: str) -> bool:
    lines = [line for line in chunk.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and all(line.startswith("%") for line in lines)


def _syntax_problem(error: yaml.YAMLError, source: str, first_line: int, chunk: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    told = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    remedy = _REMEDIES.get(told, "")
    if (
        mark is not None
        and chunk.splitlines()[mark.line : mark.line + 1]
        and chunk.splitlines()[mark.line].startswith("```")
    ):
        remedy = "this is a code fence of Markdown; remove it and the one at the end"
    if told.startswith("found undefined alias"):
        remedy = "define the anchor (&name) before the alias (*name), in the same document"
    text = f"YAML: {told}" + (f": {remedy}" if remedy else "")
    context = getattr(error, "context_mark", None)
    if mark is None:
        return Problem(source, first_line + 1, 1, "", text)
    if context is not None and context.line != mark.line:
        text += f" (it began in line {first_line + context.line + 1})"
    return Problem(source, first_line + mark.line + 1, mark.column + 1, "", text)


class _Walk:
    """From composed nodes to `Given`, with every duplicate key and impossible value noted on the way."""

    def __init__(self, source: str, first_line: int, problems: list[Problem], length: int) -> None:
        self.most = length + MOST_ALIASED  # without aliases there is at most one node a character
        self.source = source
        self.first_line = first_line
        self.problems = problems
        self.above: list[yaml.Node] = []
        self.count = 0

    def place(self, node: yaml.Node) -> tuple[int, int]:
        return self.first_line + node.start_mark.line + 1, node.start_mark.column + 1

    def note(self, node: yaml.Node, path: str, text: str) -> None:
        self.problems.append(Problem(self.source, *self.place(node), path, text))

    def walk(self, node: yaml.Node, path: str) -> Given:
        self.count += 1
        if self.count > self.most:
            raise Refusal(Problem(self.source, *self.place(node), path, "the aliases make this text too large"))
        if isinstance(node, yaml.ScalarNode):
            return Given(self.scalar(node, path), *self.place(node))
        if any(node is upper for upper in self.above):
            raise Refusal(Problem(self.source, *self.place(node), path, "this anchor contains itself"))
        self.above.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                items = [self.walk(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
                return Given(items, *self.place(node))
            assert isinstance(node, yaml.MappingNode), "a composed node is a scalar, a sequence or a mapping"
            return Given(self.mapping(node, path), *self.place(node))
        finally:
            self.above.pop()

    def scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        text: str = node.value
        if node.tag == _PLAIN or node.tag in (_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null"):
            value = plain_word(text)
            if isinstance(value, float) and not math.isfinite(value):
                self.note(node, path, f"{text!r} is a number that JSON does not have; quote it if it is a text")
                return None
            return value
        if node.tag == _TAG + "binary":
            try:
                return base64.b64decode("".join(text.split()), validate=True).decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                self.note(node, path, "this is not the base64 of a text")
                return None
        return text

    def mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Given]:
        items: dict[str, Given] = {}
        merged: dict[str, Given] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _PLAIN and key_node.value == "<<":
                self.merge(value_node, path, merged)
                continue
            key = None if not isinstance(key_node, yaml.ScalarNode) else key_text(self.scalar(key_node, path))
            if key is None:
                self.note(key_node, path, "a key must be a text; quote it")
                continue
            inner = _join(path, key)
            if key in items:
                before = items[key].key_line
                self.note(key_node, inner, f"duplicate key; '{key}' stands in line {before} already; keep one of them")
                continue
            given = self.walk(value_node, inner)
            if given.line == 0 or value_node.start_mark.index < key_node.start_mark.index:
                given = self.moved(given)  # an alias: its place is where it is used
            given.key_line, given.key_column = self.place(key_node)
            items[key] = given
        return {**merged, **items}

    @staticmethod
    def moved(given: Given) -> Given:
        return Given(given.value, given.line, given.column)

    def merge(self, node: yaml.Node, path: str, into: dict[str, Given]) -> None:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for part in parts:
            if not isinstance(part, yaml.MappingNode):
                self.note(part, path, "only a map, or a list of maps, can be merged with '<<'")
                continue
            for key, given in self.walk(part, path).value.items():
                into.setdefault(key, given)  # of several maps the first has the last word


def _join(path: str, key: str) -> str:
    if not path:
        return key
    return f"{path}.{key}" if re.fullmatch(r"[\w-]+", key) else f"{path}[{key}]"
