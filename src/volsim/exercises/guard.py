"""Whether an answer has changed the library while it ran."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["guarded"]

_Snapshot = dict[tuple[str, str], int]


def guarded() -> Callable[[], list[str]]:
    """A function that says which of the library's own modules and classes were changed since now."""
    modules = {name: module for name, module in sys.modules.items() if name.startswith("volsim")}
    classes = {
        f"{value.__module__}.{value.__qualname__}": value
        for module in modules.values()
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__.startswith("volsim")
    }
    before_modules, before_classes = _functions(modules), _attributes(classes)

    def changed() -> list[str]:
        # A module may get more names, when something is loaded at last; a class gets none.
        here, there = _functions(modules), _attributes(classes)
        found = [key for key, value in before_modules.items() if here.get(key) != value]
        found += [key for key in {**before_classes, **there} if before_classes.get(key) != there.get(key)]
        return sorted(map(".".join, found))

    return changed


def _functions(modules: dict[str, ModuleType]) -> _Snapshot:
    return {
        (name, attribute): id(value)
        for name, module in modules.items()
        for attribute, value in vars(module).items()
        if callable(value)
    }


def _attributes(classes: dict[str, type[Any]]) -> _Snapshot:
    return {
        (name, attribute): id(value)
        for name, owner in classes.items()
        for attribute, value in vars(owner).items()
        if not attribute.startswith("__") or callable(value)
    }
