"""Every example of the documentation and of the docstrings is a test: Sybil finds them, pytest runs them.

A ```python block holds what one types at Python's prompt and what comes back. In a ```console block the lines that
begin with ``$ volsim`` are run as well, in this process; other commands (``pip``, ``git``) are for the reader.

The examples of one document go on from each other: with pytest-xdist, use ``--dist loadfile``.
"""

from __future__ import annotations

import shlex
from contextlib import redirect_stdout
from doctest import ELLIPSIS, OutputChecker
from io import StringIO

import pytest
from sybil import Example, Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

FLAGS = ELLIPSIS


def run_console(example: Example) -> str | None:
    """What is wrong with a ```console block: None, or what a command of it printed instead of what it shows."""
    from volsim.cli import main

    for session in ("\n" + str(example.parsed)).split("\n$ ")[1:]:
        line, _, shown = session.partition("\n")
        if not line.startswith("volsim "):
            continue
        printed = StringIO()
        with redirect_stdout(printed):
            main(shlex.split(line)[1:])
        if not OutputChecker().check_output(shown.strip() + "\n", printed.getvalue().strip() + "\n", FLAGS):
            return f"$ {line}\n{printed.getvalue()}"
    return None


documents = Sybil(
    name="docs",
    parsers=[PythonCodeBlockParser(doctest_optionflags=FLAGS), CodeBlockParser("console", run_console), SkipParser()],
    patterns=["*.md"],
)
docstrings = Sybil(name="docstring", parsers=[DocTestParser(FLAGS)], path="src", patterns=["*.py"])

pytest_collect_file = (documents + docstrings).pytest()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An example may warn: the reader sees it too, and the text speaks of it."""
    for item in items:
        if isinstance(item, SybilItem):
            item.add_marker(pytest.mark.filterwarnings("default::UserWarning"))
