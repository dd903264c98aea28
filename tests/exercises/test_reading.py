"""Whatever the file is that is handed in, it is read as its author meant it, or what is wrong with it is said."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import volsim
from volsim.cli import main
from volsim.exercises import EXERCISES, Verdict, exercise
from volsim.exercises.grading import graded
from volsim.exercises.reading import MAX_BYTES, exercise_of, improper, parsed, read

TEXT = 'EXERCISE = "container-layer"\n# Überlegung: 3 €\nx = 1\n'
EXPORTED = "# In[1]:\nget_ipython().run_line_magic('load_ext', 'volsim.exercises')\n"

SAME: dict[str, bytes] = {
    "utf-8": TEXT.encode(),
    "with a byte order mark": TEXT.encode("utf-8-sig"),
    "from PowerShell": TEXT.encode("utf-16"),
    "lines of Windows": TEXT.replace("\n", "\r\n").encode(),
    "lines of an old Mac": TEXT.replace("\n", "\r").encode(),
    "with a cookie": ("# coding: cp1252\n" + TEXT).encode("cp1252"),
}


@pytest.mark.parametrize("name", SAME)
def test_an_editors_way_of_saving_a_file_does_not_matter(name: str, tmp_path: Path) -> None:
    file = tmp_path / "answer.py"
    file.write_bytes(SAME[name])
    assert read(file).removeprefix("# coding: cp1252\n").removeprefix("\ufeff") == TEXT
    assert exercise_of(parsed(read(file))) == "container-layer"


WRONG: dict[str, tuple[bytes, str]] = {
    "saved by an old editor": (TEXT.encode("cp1252"), "line 2 is no UTF-8 text; let the editor save it as UTF-8"),
    "no text": (bytes(range(256)), "is no UTF-8 text"),
    "too large": (b"#" * (MAX_BYTES + 1), "it is larger than 1 MiB"),
    "empty": (b"", "which exercise is it? Let the answer say EXERCISE = 'container-layer', or name it"),
    "no name": (b"x = 1", "which exercise is it?"),
    "an unknown name": (b"EXERCISE = 'released-1'", "there is no exercise 'released-1'; did you mean 'released'?"),
    "no Python": (b"EXERCISE = 'released'\ndef", "line 2: invalid syntax; so it does not say which exercise"),
    "nul bytes": (b"EXERCISE = 'released'\0", "null bytes; so it does not say which exercise it answers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_read_has_a_verdict_and_a_sentence(name: str, tmp_path: Path) -> None:
    data, said = WRONG[name]
    file = tmp_path / "answer.py"
    file.write_bytes(data)
    report = graded(str(file))
    assert report.verdict is Verdict.UNREADABLE
    assert said in report.message
    assert str(report).startswith("no exercise: unreadable: ")


def test_a_file_that_is_none_has_a_verdict_as_well(tmp_path: Path) -> None:
    broken = tmp_path / "answer.ipynb"
    broken.write_text("{}", encoding="utf-8")
    for file, said in (
        (tmp_path / "nowhere.py", "No such file or directory; give the path of an answer"),
        (tmp_path, "Is a directory"),
        (tmp_path / "a\0b.py", "null byte"),
        (broken, "it is no notebook"),
    ):
        report = graded(str(file))
        assert report.verdict is Verdict.UNREADABLE
        assert said in report.message


def test_an_exercise_or_a_version_that_there_is_not_is_no_answers_fault(tmp_path: Path) -> None:
    file = tmp_path / "answer.py"
    file.write_text(TEXT, encoding="utf-8")
    with pytest.raises(volsim.VolsimError, match="no exercise 'relesed'"):
        graded(str(file), "relesed")
    with pytest.raises(volsim.VolsimError, match=r"1\.99"):
        graded(str(file), kubernetes="1.99")


def test_an_answer_that_was_exported_from_a_notebook_is_found_in_it(tmp_path: Path) -> None:
    cell = "x = 1\ny = '\\n'\n"
    file = tmp_path / "answer.py"
    file.write_text(EXPORTED + f"get_ipython().run_cell_magic('answer', 'released', {cell!r})\n", encoding="utf-8")
    assert read(file) == "# %%answer released\nx = 1\ny = '\\n'\nEXERCISE = 'released'"
    file.write_text(f"{EXPORTED}{TEXT}", encoding="utf-8")
    assert read(file) == f"# In[1]:\n# {EXPORTED.splitlines()[1]}\n{TEXT}".strip()


def test_a_class_is_graded_at_once_and_every_file_is_in_the_register(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"good.py": exercise(1).solution, "bad.py": "def", "none.py": None, "odd.ipynb": "[]"}
    for name, text in files.items():
        if text is not None:
            (tmp_path / name).write_text(text, encoding="utf-8")
    paths = [str(tmp_path / name) for name in files]
    assert main(["exercise", "check", *paths, paths[1], "-o", "json"]) == 1
    register = json.loads(capsys.readouterr().out)
    assert [each["file"] for each in register] == paths
    assert [each["verdict"] for each in register] == ["passed", "unreadable", "unreadable", "unreadable"]
    assert main(["exercise", "check", *paths[1:]]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == paths[1:]


# -- what it may do ----------------------------------------------------------------------------------------------------
def test_an_answer_says_what_it_answers() -> None:
    assert exercise_of(parsed("EXERCISE = 'released'")) == "released"
    assert exercise_of(parsed("x = 1")) is None


def test_the_reference_solutions_do_nothing_improper() -> None:
    for each in EXERCISES:
        assert improper(ast.parse(each.solution), each.opens) == []
        assert improper(ast.parse(each.start), each.opens) == []


PROPER = [
    "import volsim\nfrom volsim import Simulation, testing",
    "from volsim.exercises import given",
    "from volsim.testing import strategies as some, ClusterMachine",
    "import math, itertools\nfrom datetime import timedelta\npause = timedelta(minutes=1)",
    "class Machine:\n    seen = 0\n    def rule(self):\n        self._count = 1\nMachine.seen = 1",
    "from hypothesis import given, strategies as st",
    "import yaml, pytest\nmarks = pytest.mark.slow",
    "def test_it(volsim_cluster):\n    sim = volsim_cluster()\n    assert sim.now == 0",
]


@pytest.mark.parametrize("text", PROPER)
def test_what_any_answer_may_do_is_not_improper(text: str) -> None:
    assert improper(parsed(text)) == []
