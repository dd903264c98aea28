"""Exercises in notebooks: a worksheet to fill in, the magic that grades a cell, and the answer in what is handed in.

A notebook is written as Markdown first, as jupytext reads it: a ```python block is a cell of code, all else is text.
Making one needs jupytext (``pip install 'volsim[notebooks]'``); reading an answer out of one needs nothing.
"""

from __future__ import annotations

import ast
import json
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from volsim.errors import VolsimError

if TYPE_CHECKING:
    from volsim.exercises.exercise import Exercise
    from volsim.exercises.report import Report

__all__ = ["LOADS", "MAGIC", "answer_cell", "answer_in", "as_json", "notebook_of", "worksheet"]

MAGIC = "%%answer"
"""Begins a cell that is an answer; the exercise's name or number follows."""
LOADS = "%load_ext volsim.exercises"
"""Makes the magic known."""
_MAGICS = re.compile(r"^\s*[%!]|get_ipython\(\)")
"""Lines that are no Python: IPython's own."""


# -- making one --------------------------------------------------------------------------------------------------------
def answer_cell(exercise: Exercise) -> str:
    """The start of an exercise as a cell that is graded when it is run.

    >>> from volsim.exercises import exercise
    >>> print(answer_cell(exercise(1)).partition("def")[0])
    %%answer container-layer
    from volsim.exercises.given import pod
    <BLANKLINE>
    <BLANKLINE>
    """
    text = exercise.start
    dropped = [node for node in ast.parse(text).body if _goes_without_saying(node)]
    gone = {number for node in dropped for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    kept = [line for number, line in enumerate(text.splitlines(), 1) if number not in gone]
    return f"{MAGIC} {exercise.name}\n" + re.sub(r"\n{3,}", "\n\n", "\n".join(kept).strip())


def _goes_without_saying(node: ast.stmt) -> bool:
    """Whether it is the answer's docstring, or says which exercise it answers: the magic does."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Assign(targets=[ast.Name(id="EXERCISE")]):
            return True
    return False


def worksheet(exercise: Exercise) -> str:
    """The exercise as Markdown: its story and task, its hints to unfold, and the start as a cell that grades itself."""
    hints = [
        f"<details><summary>Hint {number}</summary>\n\n{hint}\n\n</details>"
        for number, hint in enumerate(exercise.hints, 1)
    ]
    cases = [f"* *{case.name}*: {case.title}" for case in exercise.cases]
    parts = [
        f"# {exercise.title}",
        exercise.story,
        f"**Your task.** {exercise.task}",
        "\n".join(cases),
        "\n\n".join(hints),
        f"```python\n{LOADS}\n```",
        "Run the cell below: it is graded. Then change it until it passes.",
        f"```python\n{answer_cell(exercise)}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def notebook_of(markdown: str) -> Any:
    """The notebook that jupytext reads out of the Markdown, the same every time.

    Raises `VolsimError` if jupytext is not there.
    """
    try:
        jupytext: Any = import_module("jupytext")
    except ImportError:
        raise VolsimError("notebooks are made with jupytext: pip install 'volsim[notebooks]'") from None
    made = jupytext.reads(markdown, fmt="md")
    made.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(made.cells, 1):
        cell["id"] = f"cell-{number}"  # else they are drawn anew each time
    return made


def as_json(notebook: Any) -> str:
    """The notebook as the text of an ``.ipynb`` file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


# -- reading one -------------------------------------------------------------------------------------------------------
def answer_in(text: str) -> str:
    """The answer in the text of a notebook: its last cell that begins with the magic, or else all of its code.

    Raises `VolsimError` if it is no notebook.

    >>> cells = [{"cell_type": "code", "source": ["%%answer released\\n", "def test_it(volsim_cluster): ..."]}]
    >>> print(answer_in(json.dumps({"cells": cells})))
    # %%answer released
    def test_it(volsim_cluster): ...
    EXERCISE = 'released'
    """
    try:
        cells = json.loads(text)["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, TypeError, KeyError):
        raise VolsimError("it is no notebook: there are no cells in it; save it anew as .ipynb") from None
    return _answer_of(sources)


def _answer_of(sources: list[str]) -> str:
    answers = [source for source in sources if source.lstrip().startswith(MAGIC)]
    if not answers:
        return "\n\n".join(map(python_of, sources))
    cell = python_of(answers[-1].lstrip())
    named = answers[-1].lstrip().splitlines()[0].removeprefix(MAGIC).strip()
    return f"{cell}\nEXERCISE = {named!r}" if named else cell


def answer_of_export(text: str) -> str:
    """The answer in a file of Python: all of it, unless it was exported from a notebook that has one.

    >>> print(answer_of_export("get_ipython().run_cell_magic('answer', 'released', 'x = 1')"))
    # %%answer released
    x = 1
    EXERCISE = 'released'
    """
    if "get_ipython()" not in text:
        return text
    try:
        found = [_cell_of(node) for node in ast.walk(ast.parse(text))]
    except (SyntaxError, ValueError, RecursionError):
        found = []
    return _answer_of([text, *filter(None, found)])


def _cell_of(node: ast.AST) -> str:
    """The cell of an answer as it was before it was exported."""
    match node:
        case ast.Call(
            func=ast.Attribute(attr="run_cell_magic"),
            args=[ast.Constant(value="answer"), ast.Constant(value=str() as named), ast.Constant(value=str() as cell)],
        ):
            return f"{MAGIC} {named}\n{cell}"
    return ""


def python_of(text: str) -> str:
    """Python without the lines that only IPython reads: they become comments, so that line numbers stay.

    >>> print(python_of("%matplotlib inline\\nx = 1"))
    # %matplotlib inline
    x = 1
    """
    return "\n".join(f"# {line}" if _MAGICS.match(line) else line for line in text.splitlines())


# -- within one --------------------------------------------------------------------------------------------------------
def answer(line: str, cell: str) -> Report:
    """The magic ``%%answer``: the report on the cell, which the notebook shows as a table."""
    from volsim.exercises.grading import check

    return check(f"# {MAGIC} {line}\n{python_of(cell)}", line.strip() or None)


def load_ipython_extension(ipython: Any) -> None:
    """Called by ``%load_ext volsim.exercises``."""
    ipython.register_magic_function(answer, magic_kind="cell", magic_name="answer")
