"""What a controller must say of itself, and what it must not touch."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.repo.sources import CONTROL, PACKAGE, assigned, dotted, modules, parsed

WORDS = ("Modelled:", "Not modelled:", "Source:")

# Time and chance come from the state or from whoever drives it: the same inputs give the same trace on any machine.
DETERMINISTIC = ("apiserver", "control", "engine", "manifests", "objects", "programs", "state", "storage")
FORBIDDEN_MODULES = {"random", "secrets", "time", "threading", "asyncio"}
FORBIDDEN_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "getrandbits", "urandom"}


def controllers() -> list[Path]:
    """The modules that define controllers; a package that only gathers those of its modules is none."""
    defining = [path for path in modules(CONTROL) if assigned(parsed(path)) & {"CONTROLLER", "CONTROLLERS"}]
    return [path for path in defining if path.name != "__init__.py"]


def deterministic() -> list[Path]:
    return [path for room in DETERMINISTIC for path in modules(PACKAGE / room)]


def test_there_are_controllers() -> None:
    assert len(controllers()) >= 2


def words_that_begin_a_line(path: Path) -> set[str]:
    return {word for word in WORDS for line in docstring(path).splitlines() if line.startswith(f"{word} ")}


def docstring(path: Path) -> str:
    return ast.get_docstring(parsed(path)) or ""


@pytest.mark.parametrize("path", controllers(), ids=dotted)
def test_a_controller_says_what_it_models_what_not_and_after_which_source(path: Path) -> None:
    missing = sorted(set(WORDS) - words_that_begin_a_line(path))
    assert not missing, f"{dotted(path)}: its docstring needs one line each that begins with {', '.join(missing)}"


@pytest.mark.parametrize("path", list(modules()), ids=dotted)
def test_each_of_the_three_words_begins_a_line(path: Path) -> None:
    """Else the fidelity page does not see it."""
    said = {word for word in WORDS if re.search(rf"(?<!Not )\b{word} ", docstring(path))}
    assert said == words_that_begin_a_line(path), f"{dotted(path)}: begin a line with each of {', '.join(WORDS)}"


@pytest.mark.parametrize("path", deterministic(), ids=dotted)
def test_no_module_that_decides_anything_looks_at_a_clock_or_throws_dice(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Import(names=names):
                used = {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module)):
                used = {module.partition(".")[0]}
            case _:
                continue
        assert not used & FORBIDDEN_MODULES, f"{dotted(path)}:{node.lineno} imports {used & FORBIDDEN_MODULES}"


@pytest.mark.parametrize("path", deterministic(), ids=dotted)
def test_no_module_that_decides_anything_asks_for_the_time_or_a_random_number(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = f"{dotted(path)}:{node.lineno}"
            assert node.func.attr not in FORBIDDEN_CALLS, f"{name} calls {node.func.attr}()"
