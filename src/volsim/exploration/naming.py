"""Which names properties and people use: what somebody calls by its name is not interchangeable.

>>> names = {"node01", "node02"}
>>> named_by(lambda sim: sim.get("pod/p").spec.node_name == "node02", names)
{'node02'}
>>> named_by("kubectl drain node01 --force", names)
{'node01'}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from inspect import getattr_static
from types import CodeType, FunctionType, MethodType
from typing import Any

__all__ = ["named_by"]


def named_by(what: Any, names: Iterable[str]) -> set[str]:
    """Those of the names that stand in texts: in the constants of a function, in what it closes over, in its defaults.

    Functions that it calls are looked through where they are of the same module. A name that is put together is not
    found. Cost: the code of the functions.
    """
    words = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
    if not words:
        return set()
    whole = re.compile(f"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])")
    return {found for text in _texts(what) for found in whole.findall(text)}


def _texts(what: Any) -> Iterator[str]:
    """The texts in a value, and in the functions in it."""
    seen: set[int] = set()
    kept: list[Any] = []  # so that no number of an object is given to another one meanwhile
    waiting: list[Any] = [what]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
            continue
        if id(value) in seen:
            continue
        seen.add(id(value))
        kept.append(value)
        waiting.extend(_parts(value))


def _parts(value: Any) -> Iterator[Any]:
    match value:
        case Mapping():
            yield from value.keys()
            yield from value.values()
        case list() | tuple() | set() | frozenset():
            yield from value
        case partial():
            yield from (value.func, value.args, value.keywords)
        case MethodType():
            yield from (value.__func__, getattr(value.__self__, "__dict__", None))
        case FunctionType():
            yield from _parts_of(value)
        case CodeType():
            yield value.co_consts
        case _ if not isinstance(value, type) and isinstance(
            call := getattr_static(value, "__call__", None), FunctionType
        ):
            yield from (call, getattr(value, "__dict__", None))


def _parts_of(function: FunctionType) -> Iterator[Any]:
    yield from (function.__code__, function.__defaults__, function.__kwdefaults__)
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # nothing is in it yet
            continue
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        if not isinstance(value, FunctionType) or value.__module__ == function.__module__:
            yield value


def _names(code: CodeType) -> Iterator[str]:
    """The names that a function looks up outside of itself, those in it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
