"""The designs of the examples: the bad one of each pair has its finding, the good one is free of it.

What to run and what to find stands in the last line of each design's comment.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from volsim.cli import main

DESIGNS = Path(__file__).parents[2] / "examples" / "designs"
BAD = sorted(DESIGNS.glob("*-bad.yaml"))
GOOD = sorted(DESIGNS.glob("*-good.yaml"))
SLOW = {f"{name}-and-cut-off-{sort}" for name in ("force", "out-of-service") for sort in ("bad", "good")}
"""Two faults at once: everything that can happen is much."""


def each(designs: list[Path]) -> list[Any]:
    """Designs as parameters, with marks."""
    marked = ((design, [pytest.mark.slow] if design.stem in SLOW else []) for design in designs)
    return [pytest.param(design, marks=marks, id=design.stem) for design, marks in marked]


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


@pytest.mark.parametrize("design", each(BAD))
def test_a_bad_design_has_its_finding_with_a_story(
    design: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = run(design, monkeypatch, capsys)
    command, code = command_of(design)
    found = [finding for finding in report["findings"] if finding["code"] == code]
    assert found, [finding["code"] for finding in report["findings"]]
    for finding in found:
        assert finding["story"]
        assert not finding["fault"] or finding["fault"] in command[command.index("--faults") + 1].split(",")


@pytest.mark.parametrize("design", each(GOOD))
def test_a_good_design_is_free_of_it(
    design: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = run(design, monkeypatch, capsys)
    _, code = command_of(design)
    assert code not in [finding["code"] for finding in report["findings"]]
    assert all(one["complete"] for one in report["explored"])
    assert {one["fault"] for one in report["explored"]} - {None}, "it never came to run"


def test_each_bad_design_has_a_good_one_that_differs_little() -> None:
    assert [bad.name.replace("-bad.", "-good.") for bad in BAD] == [good.name for good in GOOD]
    for bad, good in zip(BAD, GOOD, strict=True):
        assert command_of(bad)[1] == command_of(good)[1]
        assert command_of(bad)[0][:-1] == command_of(good)[0][:-1]


def test_the_table_names_every_incident_once_and_every_pair_with_its_code() -> None:
    rows = [line.split(" | ") for line in (DESIGNS / "README.md").read_text().splitlines() if line.startswith("| ")]
    entries = [entry for row in rows for entry in re.findall(r"^\| (INC-\d+)$", row[0])]
    assert entries == [f"INC-{number:02}" for number in range(1, 71)]
    told: dict[str, set[str]] = {}
    for row in rows:
        for name in re.findall("`([a-z-]+)`", " ".join(row[:3])):
            told.setdefault(name, set()).update(re.findall(r"VS\d+", " ".join(row)))
    assert sorted(told) == sorted(bad.stem.removesuffix("-bad") for bad in BAD)
    for bad in BAD:
        assert command_of(bad)[1] in told[bad.stem.removesuffix("-bad")], bad.stem
