"""What no file of the project may hold, whoever wrote it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.repo.sources import PACKAGE, ROOT, dotted, modules, parsed, tracked

HOMES = re.compile(r"(?<![\w.])/(?:home|Users|work)/\w")
LEFT_OVER = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
VAGUE = re.compile(r"(?:Manager|Helper|Utils?)$")
MAX_LINES = 700  # a module is one room; `objects.workloads` is the longest


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", tracked(), ids=relative)
def test_no_file_names_a_path_of_somebodys_machine(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not HOMES.search(line), f"{relative(path)}:{number}: {line.strip()}"


@pytest.mark.parametrize("path", list(modules()), ids=dotted)
def test_a_module_says_what_it_is_and_is_no_longer_than_a_room(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(parsed(path)), f"{dotted(path)} has no docstring"
    assert text.count("\n") <= MAX_LINES, f"{dotted(path)} has {text.count(chr(10))} lines; which two rooms is it?"
    assert not LEFT_OVER.search(text), f"{dotted(path)}: finish it, or say under 'Not modelled' that it is missing"


@pytest.mark.parametrize("path", list(modules()), ids=dotted)
def test_a_class_has_a_name_that_says_something(path: Path) -> None:
    vague = [node.name for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef) and VAGUE.search(node.name)]
    assert not vague, f"{dotted(path)}: {vague}"


def test_every_folder_of_the_package_is_a_package() -> None:
    """Else neither the layers' contract nor the documentation's tests see what is in it."""
    folders = {path.parent for path in modules()}
    assert not [relative(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()]


def test_only_the_front_prints() -> None:
    for path in modules():
        calls = (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
        names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
        assert "print" not in names or path in (PACKAGE / "cli.py", PACKAGE / "tour.py"), dotted(path)
