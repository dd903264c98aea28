"""The designs of the examples: the bad one of each pair has its finding, the good one is free of it.

What to run and what to find stands in the last line of each design's comment.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from volsim.cli import main

DESIGNS = Path(__file__).parents[2] / "examples" / "designs"
BAD = sorted(DESIGNS.glob("*-bad.yaml"))
GOOD = sorted(DESIGNS.glob("*-good.yaml"))


def command_of(design: Path) -> tuple[list[str], str]:
    """The command line in a design's comment, and the code that it is about."""
    [line] = [line for line in design.read_text().splitlines() if line.startswith("# $ volsim ")]
    command, _, expected = line.removeprefix("# $ volsim ").partition("  # ")
    word = "finds " if design in BAD else "free of "
    assert expected.startswith(word)
    return shlex.split(command), expected.removeprefix(word)


def run(design: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    monkeypatch.chdir(DESIGNS)
    command, _ = command_of(design)
    code = main([*command, "--no-remedies", "-o", "json"])
    told = capsys.readouterr()
    assert code in (0, 1), told.err or told.out
    return json.loads(told.out)  # type: ignore[no-any-return]


@pytest.mark.parametrize("design", BAD, ids=lambda design: design.stem)
def test_a_bad_design_has_its_finding_with_a_story(
    design: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = run(design, monkeypatch, capsys)
    command, code = command_of(design)
    found = [each for each in report["findings"] if each["code"] == code]
    assert found, [each["code"] for each in report["findings"]]
    for each in found:
        assert each["story"]
        assert not each["fault"] or each["fault"] in command[command.index("--faults") + 1].split(",")


@pytest.mark.parametrize("design", GOOD, ids=lambda design: design.stem)
def test_a_good_design_is_free_of_it(
    design: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = run(design, monkeypatch, capsys)
    _, code = command_of(design)
    assert code not in [each["code"] for each in report["findings"]]
    assert all(each["complete"] for each in report["explored"])
    assert {each["fault"] for each in report["explored"]} - {None}, "it never came to run"


def test_each_bad_design_has_a_good_one_that_differs_little() -> None:
    assert [each.name.replace("-bad.", "-good.") for each in BAD] == [each.name for each in GOOD]
    for bad, good in zip(BAD, GOOD, strict=True):
        assert command_of(bad)[1] == command_of(good)[1]
        assert command_of(bad)[0][:-1] == command_of(good)[0][:-1]
