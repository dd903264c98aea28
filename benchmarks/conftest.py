"""Prints the figures as a table with the goal beside each; `--table FILE` writes it as Markdown.

python -m pytest benchmarks --benchmark-disable-gc --table docs/explanation/figures.md
"""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

import volsim

NOTES: dict[str, tuple[str, str]] = {}
"""By benchmark: the figure in words, and the goal."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--table", metavar="FILE", help="write the table of figures and goals to FILE, as Markdown")


@pytest.fixture
def note(request: pytest.FixtureRequest):
    """Say what a benchmark showed, and what the goal is."""

    def say(figure: str, goal: str = "") -> None:
        NOTES[request.node.name] = (figure, goal)

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not NOTES:
        return
    lines = [
        f"volsim {volsim.__version__}, Python {platform.python_version()}, CPU time of one core.",
        "",
        "| benchmark | figure | goal |",
        "| --- | --- | --- |",
        *(f"| {name} | {figure} | {goal} |" for name, (figure, goal) in NOTES.items()),
    ]
    terminalreporter.section("figures")
    terminalreporter.write_line("\n".join(lines))
    target = config.getoption("--table")
    if target:
        head = "# Figures\n\nMade by `python -m pytest benchmarks --table docs/explanation/figures.md`. "
        Path(target).write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
