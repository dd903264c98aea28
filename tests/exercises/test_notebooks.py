"""Chapters and exercises as notebooks: they show what the pages show, and an answer is graded in its cell."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

import volsim
from tests.repo.sources import ROOT
from volsim.cli import main
from volsim.exercises import EXERCISES, Report, Result, Verdict, check, exercise
from volsim.exercises.notebooks import answer_cell, answer_in, as_json, notebook_of, worksheet

pytest.importorskip("jupytext", reason="pip install 'volsim[notebooks]'")


@cache
def builder() -> ModuleType:
    """`tools/build_notebooks.py`, which is no part of any package."""
    spec = importlib.util.spec_from_file_location("build_notebooks", ROOT / "tools" / "build_notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHAPTERS: list[Path] = builder().CHAPTERS
FEW = [path for path in CHAPTERS if path.stem in ("first-simulation", "container-layer")]
"""Those that run in a kernel every time; a kernel takes seconds to start, so the others are slow."""


def name(page: Path) -> str:
    return f"{page.parent.name}/{page.stem}"


def run(notebook: Any) -> Any:
    """The notebook after all of its cells ran, from the top to the bottom, in a kernel of its own."""
    pytest.importorskip("ipykernel", reason="pip install 'volsim[notebooks]'")
    client = pytest.importorskip("nbclient", reason="pip install 'volsim[notebooks]'")
    client.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    return notebook


def code_of(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


# -- from the pages ----------------------------------------------------------------------------------------------------
def test_every_chapter_becomes_a_notebook() -> None:
    assert {page.stem for page in CHAPTERS if page.parent.name == "exercises"} == {each.name for each in EXERCISES}
    assert len(CHAPTERS) == len(EXERCISES) + 7


@pytest.mark.parametrize("page", CHAPTERS, ids=name)
def test_all_that_a_page_types_stands_in_its_notebook_in_order(page: Path) -> None:
    text, made = page.read_text(encoding="utf-8"), builder().notebook(page)
    typed = [line[4:] for line in text.splitlines() if line.startswith((">>> ", "... "))]
    code = code_of(made)[: len(builder().wanted(page))]
    assert [line for cell in code for line in cell.splitlines()] == [line.rstrip() for line in typed]
    for cell in code:
        compile(cell, page.name, "exec")
    told = "".join(cell.source for cell in made.cells if cell.cell_type == "markdown")
    assert ">>>" not in told
    assert "literalinclude" not in told


@pytest.mark.parametrize("page", CHAPTERS, ids=name)
def test_a_page_gives_the_same_notebook_every_time(page: Path) -> None:
    assert as_json(builder().notebook(page)) == as_json(builder().notebook(page))


def test_a_link_leads_to_the_notebook_of_its_chapter_or_is_none() -> None:
    told = builder().markdown(ROOT / "docs" / "tutorial" / "claim.md")
    assert "[Now a database](database.ipynb)" in told
    assert ".md)" not in "".join(map(builder().markdown, CHAPTERS))


@pytest.mark.parametrize("page", FEW, ids=name)
def test_a_notebook_shows_what_its_page_shows(page: Path) -> None:
    executed = run(builder().notebook(page))
    assert not builder().differences(page, executed), "\n".join(builder().differences(page, executed))


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in CHAPTERS if page not in FEW], ids=name)
def test_every_notebook_shows_what_its_page_shows(page: Path) -> None:
    executed = run(builder().notebook(page))
    assert not builder().differences(page, executed), "\n".join(builder().differences(page, executed))


def test_a_notebook_that_shows_something_else_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\n>>> x = 3\n>>> x\n3\n>>> x / 0\nTraceback (most recent call last):\n    ...\n")
    page.write_text(page.read_text() + "ZeroDivisionError: division by zero\n```\n")
    made = builder().notebook(page)
    first, second = [cell for cell in made.cells if cell.cell_type == "code"]
    result = _Output(output_type="execute_result", data={"text/plain": "3"})
    error = _Output(output_type="error", ename="ZeroDivisionError", evalue="division by zero")
    first.outputs, second.outputs = [result], [error]
    assert second.metadata["tags"] == ["raises-exception"]
    assert builder().differences(page, made) == []
    result["data"] = {"text/plain": "4"}
    error["evalue"] = "modulo by zero"
    assert len(builder().differences(page, made)) == 2


class _Output(dict[str, Any]):
    """An output as nbformat has them: its entries are attributes as well."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


# -- worksheets --------------------------------------------------------------------------------------------------------
def test_the_first_exercise_takes_ten_lines_from_the_import_to_the_graded_answer() -> None:
    made = notebook_of(worksheet(exercise(1)))
    lines = [line for cell in code_of(made) for line in cell.splitlines() if line.strip()]
    assert len(lines) <= 10, "\n".join(lines)
    shown = run(made).cells[-1].outputs[0].data["text/html"]
    assert "a-belief" in shown
    assert "<b>layer-survives-restart</b>" in shown
    assert "why people believe it".casefold() in shown.casefold()
    assert "# the container of pod/wiki crashes" in shown


def test_a_report_and_an_exercise_can_be_read_in_a_notebook_and_in_a_terminal() -> None:
    caught = Result(
        name="one", title="<One>", belief="why not", passed=True, failure="no", example="n=1", story="$ kubectl"
    )
    missed = Result(name="two", title="Two", belief="because", passed=False)
    report = Report(exercise="released", verdict=Verdict.TOO_WEAK, message="a & b", results=(caught, missed))
    shown = report._repr_html_()
    assert shown.count("<tr>") == 3
    assert "✓" in shown.partition("<b>one</b>")[0]
    assert "✗" in shown.partition("<b>one</b>")[2].partition("<b>two</b>")[0]
    for text in ("a &amp; b", "&lt;One&gt;", "fails on it", "n=1\n$ kubectl", "holds of it", "because"):
        assert text in shown
    ElementTree.fromstring(f"<div>{shown.replace('<br>', '<br/>')}</div>")
    printed: list[str] = []
    report._repr_pretty_(SimpleNamespace(text=printed.append), False)
    assert printed == [str(report)]
    assert exercise("released").task in exercise("released")._repr_markdown_()


@pytest.mark.parametrize("each", EXERCISES, ids=lambda each: each.name)
def test_what_a_student_gets_in_a_notebook_is_the_start(each: volsim.exercises.Exercise) -> None:
    cell = answer_cell(each)
    assert cell.startswith(f"%%answer {each.name}\n")
    body = cell.partition("\n")[2]
    compile(body, each.name, "exec")
    assert body.replace("\n", "") in each.start.replace("\n", "").replace(f'EXERCISE = "{each.name}"', "")


def test_notebooks_are_written_but_never_over_one_that_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "class")
    assert main(["exercise", "notebook", "1", "released", "--folder", folder]) == 0
    written = sorted(path.name for path in (tmp_path / "class").iterdir())
    assert written == ["container-layer.ipynb", "released.ipynb"]
    assert "wrote" in capsys.readouterr().out
    assert main(["exercise", "notebook", "all", "--folder", folder]) == 1
    assert "is there already" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "class").iterdir()) == written


# -- what is handed in -------------------------------------------------------------------------------------------------
def notebook(*cells: str) -> str:
    """A notebook of these cells of code, as text."""
    return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4})


def test_the_last_answer_of_a_notebook_counts_and_its_other_cells_do_not() -> None:
    text = notebook("1 / 0", "%%answer 1\nfirst = 1", "%%answer released\n%matplotlib inline\nsecond = 2", "1 / 0")
    assert answer_in(text) == "# %%answer released\n# %matplotlib inline\nsecond = 2\nEXERCISE = 'released'"


def test_without_the_magic_all_code_of_a_notebook_is_the_answer() -> None:
    assert answer_in(notebook("!pip install x", "EXERCISE = 'released'")) == "# !pip install x\n\nEXERCISE = 'released'"


def test_what_is_no_notebook_is_said_to_be_none() -> None:
    for text in ("", "[]", "{}", '{"cells": 3}', "not json"):
        with pytest.raises(volsim.VolsimError, match="it is no notebook"):
            answer_in(text)


@pytest.mark.slow
def test_a_notebook_that_is_handed_in_is_graded_as_its_answer(tmp_path: Path) -> None:
    each = exercise(1)
    text = json.dumps(notebook_of(worksheet(each)))
    assert check(answer_in(text)).verdict is Verdict.BELIEF
