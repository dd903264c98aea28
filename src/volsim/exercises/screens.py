"""What the command line shows of exercises."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from volsim.errors import VolsimError
from volsim.exercises.catalogue import EXERCISES, exercise
from volsim.exercises.exercise import Exercise

__all__ = ["as_json", "listing", "shown", "write_notebooks"]


def listing() -> str:
    """All exercises, a line each: number, name, minutes, title.

    >>> print(listing().splitlines()[0])
     1  container-layer         20 min  A container forgets
    """
    lines = [f"{at:2}  {each.name:22} {each.minutes:3} min  {each.title}" for at, each in enumerate(EXERCISES, 1)]
    return "\n".join(lines)


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 100)


def shown(exercise: Exercise, *, hints: int = 0) -> str:
    """The story and the task of an exercise, its first hints, and how to go on."""
    number = EXERCISES.index(exercise) + 1
    parts = [f"{number}. {exercise.title}  ({exercise.minutes} min)", _paragraph(exercise.story)]
    parts.append(_paragraph("Task: " + exercise.task))
    if exercise.cases:
        parts.append("\n".join(f"- {case.name}: {case.title}" for case in exercise.cases))
    parts += [_paragraph(f"Hint {at}: {exercise.hint(at)}") for at in range(1, hints + 1)]
    next_hint = f"volsim exercise show {number} --hint {hints + 1}"
    more = [f"A hint: {next_hint}"] if hints < len(exercise.hints) else []
    begin = f"Begin:  volsim exercise show {number} --start > answer.py"
    parts.append("\n".join([begin, "Then:   volsim exercise check answer.py", *more]))
    return "\n\n".join(parts)


def as_json(exercises: Sequence[Exercise] = EXERCISES) -> list[dict[str, Any]]:
    """Exercises as what JSON has; what would give the answer away is left out."""
    return [
        {
            "number": EXERCISES.index(each) + 1,
            "name": each.name,
            "title": each.title,
            "minutes": each.minutes,
            "goal": each.goal,
            "story": each.story,
            "task": each.task,
            "hints": len(each.hints),
            "mutants": len(each.mutants),
            "cases": [case.name for case in each.cases],
        }
        for each in exercises
    ]


def write_notebooks(which: Sequence[str], folder: Path) -> list[str]:
    """Write worksheets as notebooks, and say where they are. Raises `VolsimError` rather than write over one.

    `which` has names and numbers; ``all`` stands for all exercises.
    """
    from volsim.exercises.notebooks import as_json as text_of
    from volsim.exercises.notebooks import notebook_of, worksheet

    named = EXERCISES if "all" in which else [exercise(each) for each in which]
    files = {folder / f"{each.name}.ipynb": each for each in named}
    for file in files:
        if file.exists():
            raise VolsimError(f"{file} is there already, perhaps with an answer in it; give another --folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, each in files.items():
            file.write_text(text_of(notebook_of(worksheet(each))), encoding="utf-8")
    except OSError as error:
        raise VolsimError(f"{error.filename}: {error.strerror}; give another --folder") from None
    return [f"wrote {file}" for file in files]
