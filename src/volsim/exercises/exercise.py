"""What an exercise is: a story, a start, a task, hints, a solution, and the mutants that an answer must catch.

An exercise is a folder of `volsim.exercises.catalogue` with three files: ``__init__.py`` with an `EXERCISE`, and
``start.txt`` and ``solution.txt`` with the Python that a student gets and might write.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import attrs

from volsim.engine.simulation import Simulation
from volsim.errors import VolsimError
from volsim.exercises.semantics import Mutant

__all__ = ["Case", "Exercise"]


@attrs.frozen(kw_only=True)
class Case:
    """One thing that a student's controller or design has to do."""

    name: str
    title: str
    """What is expected, in words."""
    check: Callable[[Any, Callable[..., Any]], None] = attrs.field(repr=False)
    """Called with what the answer defines, and with what makes clusters, as `volsim_cluster` does.

    Raises `AssertionError` if the answer does not do it.
    """


@attrs.frozen(kw_only=True)
class Exercise:
    """One exercise: with mutants, and the answer is tests; or with cases, and the answer is what `defines` names."""

    name: str
    """As its folder, with hyphens."""
    title: str
    minutes: int
    """How long a class needs for it."""
    goal: str
    """What one knows afterwards."""
    story: str
    """What happened to somebody's data."""
    task: str
    hints: tuple[str, ...]
    mutants: tuple[Mutant, ...] = ()
    case: str = ""
    """What an answer must have looked at, in words; without it, it is vacuous."""
    reached: Callable[[Simulation], bool] | None = attrs.field(default=None, repr=False)
    """Whether a cluster of the answer's came to that."""
    cases: tuple[Case, ...] = ()
    defines: str = ""
    """The name that an answer defines, where it is no test."""
    opens: tuple[str, ...] = ()
    """Modules of the library that this answer may import besides the public ones."""

    def _text(self, file: str) -> str:
        folder = resources.files("volsim.exercises.catalogue") / self.name.replace("-", "_")
        return (folder / file).read_text(encoding="utf-8")

    @property
    def start(self) -> str:
        """The file with which a student begins."""
        return self._text("start.txt")

    @property
    def solution(self) -> str:
        """The reference solution."""
        return self._text("solution.txt")

    def _repr_markdown_(self) -> str:
        """What a notebook shows: the story and the task."""
        return f"### {self.title}\n\n{self.story}\n\n**Your task.** {self.task}"

    def hint(self, number: int) -> str:
        """A hint, counted from 1. Raises `VolsimError` if there are not so many."""
        if not 1 <= number <= len(self.hints):
            raise VolsimError(f"exercise {self.name} has no hint {number}; it has {len(self.hints)}, from 1 on")
        return self.hints[number - 1]
