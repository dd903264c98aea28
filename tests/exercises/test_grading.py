"""The grader calls each sort of answer by its name, and nothing that an answer does can hurt it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from tests.exercises.bad_answers import CLAIMS, ENDINGS, VERDICTS, test_of
from tests.exercises.test_answers import verdict_on
from volsim.cli import main
from volsim.exercises import EXERCISES, Report, Result, Verdict, check, exercise
from volsim.exercises.grading import graded

LAYER = exercise("container-layer")
QUICK = ("never ends", "takes all memory", "ends its process")
"""Answers that are graded in a process of their own every time; each takes seconds, so the others are slow."""


@pytest.mark.parametrize(("verdict", "text", "said"), VERDICTS.values(), ids=VERDICTS)
def test_each_sort_of_answer_is_called_by_its_name(verdict: Verdict, text: str, said: str) -> None:
    report = verdict_on(LAYER, text)
    assert report.verdict is verdict, str(report)
    assert said in report.message
    assert Report.from_json(json.loads(json.dumps(report.as_json()))) == report


@given(data=st.data())
@settings(max_examples=15)
def test_whatever_is_spoilt_in_a_right_answer_it_has_a_verdict(data: st.DataObject) -> None:
    lines = LAYER.solution.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1), label="line")
    lines[at] = data.draw(st.sampled_from(["", *lines]) | st.just(lines[at].replace(" ", "", 1)), label="instead")
    report = verdict_on(LAYER, "".join(lines))
    assert report.message
    assert Report.from_json(json.loads(json.dumps(report.as_json()))) == report


@pytest.mark.parametrize(
    ("verdict", "text", "said"),
    [pytest.param(*case, id=name, marks=[] if name in QUICK else pytest.mark.slow) for name, case in ENDINGS.items()],
)
def test_whatever_becomes_of_the_process_the_answer_has_a_verdict(verdict: Verdict, text: str, said: str) -> None:
    report = check(text, "container-layer", cpu_seconds=3, memory_bytes=1 << 30)
    assert report.verdict is verdict, str(report)
    assert said in report.message


@pytest.mark.slow
def test_what_an_answer_prints_is_no_report() -> None:
    forged = json.dumps({"exercise": "container-layer", "verdict": "passed", "message": "", "results": []})
    assert check(test_of(f"print('''{forged}''')")).verdict is Verdict.VACUOUS


@pytest.mark.slow
def test_all_exercises_are_graded_within_three_minutes_of_computing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="counts the time of other processes")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for each in EXERCISES:
        file = tmp_path / f"{each.name}.py"
        file.write_text(each.solution, encoding="utf-8")
        assert graded(str(file)).passed
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 180


@pytest.mark.slow
def test_the_grader_is_deterministic() -> None:
    assert check(exercise("empty-dir").solution).as_json() == check(exercise("empty-dir").solution).as_json()


def test_a_caught_mutant_has_its_shrunk_example_and_a_story_for_kubectl() -> None:
    report = verdict_on(LAYER, LAYER.solution)
    caught = report.results[1]
    assert caught.failure == "after exit code 0 the page is still there"
    assert "code=0" in caught.example
    assert "$ kubectl apply -f - <<EOF" in caught.story
    assert "# the container of pod/wiki exits" in caught.story
    assert caught.failure in str(report)


@pytest.mark.slow
def test_a_story_that_the_example_tells_already_is_told_once() -> None:
    (caught, *_) = verdict_on(exercise("smallest-fit"), CLAIMS).results
    assert caught.passed
    assert caught.example.count("With kubectl:\n$ kubectl create -f") == 1
    assert caught.story == ""


def test_a_report_goes_through_json() -> None:
    report = Report(
        exercise="e", verdict=Verdict.TOO_WEAK, message="m", results=(Result(name="n", title="t", passed=False),)
    )
    assert Report.from_json(json.loads(json.dumps(report.as_json()))) == report


def test_an_answer_whose_exercise_is_unknown_is_an_error() -> None:
    with pytest.raises(volsim.VolsimError, match="which exercise is it"):
        check("def test_it(volsim_cluster): pass")
    with pytest.raises(volsim.VolsimError, match="no exercise 'relesed'; did you mean 'released'"):
        check("EXERCISE = 'relesed'")
    with pytest.raises(volsim.VolsimError, match="numbered from 1 to"):
        check("x = 1", exercise=99)


# -- the command -------------------------------------------------------------------------------------------------------
def test_the_list_has_all_exercises(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exercise", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(EXERCISES)
    assert main(["exercise", "list", "-o", "json"]) == 0
    assert [each["number"] for each in json.loads(capsys.readouterr().out)] == list(range(1, len(EXERCISES) + 1))


def test_hints_open_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    main(["exercise", "show", "3"])
    first = capsys.readouterr().out
    main(["exercise", "show", "3", "--hint", "2"])
    second = capsys.readouterr().out
    assert "Hint 1" not in first
    assert "Hint 2" in second
    assert "--hint 3" in second
    assert main(["exercise", "show", "3", "--hint", "9"]) == 1
    assert "has no hint" in capsys.readouterr().err


def test_an_answer_is_checked_from_a_file_and_the_exit_code_says_whether_all_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(LAYER.solution, encoding="utf-8")
    bad.write_text(LAYER.start, encoding="utf-8")
    assert main(["exercise", "check", str(good)]) == 0
    assert capsys.readouterr().out.startswith(
        "container-layer: passed: it holds of Kubernetes and of none of 2 mutants"
    )
    assert main(["exercise", "check", str(bad), "-o", "json"]) == 1
    [report] = json.loads(capsys.readouterr().out)
    assert (report["file"], report["passed"], report["verdict"]) == (str(bad), False, "a-belief")
    assert main(["exercise", "check", str(tmp_path / "nowhere.py")]) == 1
    assert "unreadable: " in (printed := capsys.readouterr().out)
    assert "No such file or directory; give the path of an answer" in printed


def test_the_start_is_a_file_to_begin_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exercise", "show", "1", "--start"]) == 0
    assert capsys.readouterr().out == LAYER.start
