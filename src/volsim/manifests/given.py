"""What was given: data with the place where each piece of it stands.

YAML, JSON, dicts and client objects all become a tree of `Given`; only then is it compared with what Kubernetes knows.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

from volsim.errors import Problem
from volsim.quantity import Quantity

__all__ = ["Given", "Refusal", "from_python", "key_text", "plain"]

MOST_ALIASED = 200_000  # pieces that aliases may add to a text: real files add a few, hostile ones millions


class Refusal(Exception):
    """A text that cannot be read on; carries the problem. Never leaves `manifests/`."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class Given:
    """One value and its place. `value` is a scalar, a list of `Given` or a dict of text to `Given`.

    `line` and `column` are the value's own, `key_line` and `key_column` those of the key before it; 0 where
    there are none.
    """

    __slots__ = ("column", "key_column", "key_line", "line", "value")

    def __init__(self, value: Any, line: int = 0, column: int = 0) -> None:
        self.value = value
        self.line = line
        self.column = column
        self.key_line = line
        self.key_column = column


def plain(given: Given) -> Any:
    """The bare data, nulls in maps and lists included."""
    value = given.value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def key_text(key: object) -> str | None:
    """A map's key as JSON has it, None where there is no such text (a null, a list).

    Source: sigs.k8s.io/yaml, convertToJSONableObject.

    >>> key_text(8080), key_text(True), key_text(1.5), key_text("a")
    ('8080', 'true', '1.5', 'a')
    """
    match key:
        case str():
            return key
        case bool():
            return "true" if key else "false"
        case int():
            return str(key)
        case float():
            return _float_key(key)
    return None


def _float_key(key: float) -> str:
    if math.isnan(key):
        return ".nan"
    if key in (float("inf"), float("-inf")):
        return ".inf" if key > 0 else "-.inf"
    return str(int(key)) if key.is_integer() and abs(key) < 1e21 else f"{key:.8g}"


def from_python(value: Any, source: str) -> Given:
    """A dict, list or scalar as `Given`. Raises `Refusal` for what no manifest can hold."""
    try:
        return _given(value)
    except _Misplaced as error:
        path = "".join(reversed(error.steps)).removeprefix(".")
        raise Refusal(Problem(source, 0, 0, path, error.text)) from None


class _Misplaced(Exception):
    """What no manifest can hold, and the way to it, its last step first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.steps: list[str] = []
        super().__init__(text)


def _given(value: Any) -> Given:
    kind = type(value)
    if kind is str or value is None or isinstance(value, str | bool | int | float):
        return Given(value)
    if kind is dict or isinstance(value, Mapping):
        return Given(_items(value))
    if isinstance(value, list | tuple):
        found = []
        for index, item in enumerate(value):
            try:
                found.append(_given(item))
            except _Misplaced as error:
                error.steps.append(f"[{index}]")
                raise
        return Given(found)
    if isinstance(value, Quantity):
        return Given(value.written)
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return Given(moment.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z"))
    if isinstance(value, datetime.date):
        return Given(value.isoformat())
    raise _Misplaced(
        f"a {kind.__name__} is nothing that a manifest can hold; give texts, numbers, true/false, lists and dicts"
    )


def _items(value: Mapping[Any, Any]) -> dict[str, Given]:
    items: dict[str, Given] = {}
    for key, item in value.items():
        text = key if type(key) is str else key_text(key)
        if text is None:
            raise _Misplaced(f"the key {key!r} is no text")
        try:
            items[text] = _given(item)
        except _Misplaced as error:
            error.steps.append(f".{text}")
            raise
    return items
