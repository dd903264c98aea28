"""The generated pages say what the code says; `python tools/build_reference.py` writes them anew."""

from __future__ import annotations

import importlib.util
from functools import cache
from types import ModuleType
from typing import Any

import pytest

import volsim
from tests.repo.sources import ROOT


@cache
def generator() -> ModuleType:
    """`tools/build_reference.py`, which is no part of any package."""
    spec = importlib.util.spec_from_file_location("build_reference", ROOT / "tools" / "build_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def pages() -> dict[str, str]:
    made: dict[str, str] = generator().pages()
    return made


def page(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_every_generated_page_is_fresh() -> None:
    stale = [name for name, text in pages().items() if page(name) != text]
    assert not stale, f"run `python tools/build_reference.py`: {', '.join(stale)}"


@pytest.mark.parametrize("name", volsim.__all__)
def test_every_public_name_has_a_place_in_the_reference(name: str) -> None:
    assert f":: volsim.{name}\n" in page("api.md")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Title.\n\nModelled: a,\nb.\nNot modelled: c.\nSource: d.\n\nMore: e.", ["a, b.", "c.", "d."]),
        ("Title.\n\nModelled: a.\nSource: d.", []),
    ],
)
def test_the_three_words_are_read_from_a_docstring(text: str, found: list[str]) -> None:
    words: dict[str, Any] = generator().three_words(text)
    assert list(words.values()) == found
