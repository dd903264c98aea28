"""The table of real applications in the documentation says what a check finds; their manifests lie beside it all.

Where it does not any more, look at what has changed, and let `python tools/check_corpus.py --page` write it anew.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

import volsim

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / ".." / "shared" / "manifests"
PAGE = ROOT / "docs" / "explanation" / "thirty-applications.md"
FAST = ("A pod on CephFS", "MinIO, alone", "A pod that mounts NFS inline by CSI", "GlusterFS servers, a DaemonSet")
"""Those of which all is seen in a second or two."""
THIRTY, PARTLY = 30, "findings (not all seen)"


def rows() -> list[list[str]]:
    """The rows of the table: application, manifest, verdict, codes, situations, seconds."""
    table = PAGE.read_text(encoding="utf-8").partition("<!-- begin")[2].partition("<!-- end")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@cache
def files() -> dict[str, Path]:
    """The file of each manifest that the table names."""
    index = json.loads((CORPUS / "INDEX.json").read_text(encoding="utf-8"))
    return {f"{each['repository'].split('/', 3)[3]}: {each['path']}": CORPUS / each["file"] for each in index}


def test_there_are_thirty_and_each_has_a_verdict() -> None:
    found = rows()
    assert len(found) >= THIRTY
    assert {row[2] for row in found} <= {"clean", "findings", PARTLY}
    assert all(bool(row[3]) == row[2].startswith("findings") for row in found)
    assert sum(row[2] != PARTLY for row in found) >= THIRTY


def test_the_fast_ones_are_among_them() -> None:
    assert set(FAST) <= {row[0] for row in rows()}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the collection of manifests lies beside the repository")
@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row[0], marks=() if row[0] in FAST else pytest.mark.slow) for row in rows()]
)
def test_a_check_finds_what_the_table_says(row: list[str]) -> None:
    _, manifest, verdict, codes, *_ = row
    is_partly = verdict == PARTLY
    report = volsim.check(files()[manifest.strip("`")], remedies=False, max_seconds=60 if is_partly else None)
    found = " ".join(sorted({finding.code for finding in report.findings}))
    assert (report.verdict, found) == (verdict.partition(" (")[0], codes)
    assert is_partly or all(each.complete for each in report.explored)
