"""The conformance data: where it lies, its cases, and which of them are run.

`--conformance DIR` names another directory of the same layout; what it holds is run the same way. The pinned counts of
cases are those of the default directory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from volsim.rules import Rules

DEFAULT = Path(__file__).parents[2] / ".." / "shared" / "conformance"
Case = dict[str, Any]


class Chosen:
    """The directory that the command line names; set once when pytest has read its options."""

    directory: Path = DEFAULT


def is_default() -> bool:
    """Whether the data is the collection that the counts are pinned for."""
    return Chosen.directory.resolve() == DEFAULT.resolve()


@cache
def _table(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def files(name: str) -> list[Path]:
    """The table `name` of every version that there is, oldest version first."""
    return sorted((Chosen.directory / "tables").glob(f"*/{name}.json"))


def rules_of(path: Path) -> Rules:
    """The rules of the version whose table this is."""
    return Rules.for_version(path.parent.name)


def _nothing(case: Case) -> str | None:
    """No reason to leave any case out."""
    return None


def parameters(
    name: str, wanted: Callable[[Case], bool] = lambda case: True, why_not: Callable[[Case], str | None] = _nothing
) -> list[Any]:
    """(path, case) of every case of a table that is to be run, as pytest parameters; `why_not` is a reason to skip."""
    return [
        pytest.param(path, case, id=f"{path.parent.name}/{case['id']}")
        for path in files(name)
        for case in _table(path)["cases"]
        if not case.get("internal") and wanted(case) and why_not(case) is None
    ]


def fixtures(path: Path) -> dict[str, Any]:
    """The objects that several cases of a table share."""
    found: dict[str, Any] = _table(path).get("fixtures", {})
    return found


def counts(
    name: str, wanted: Callable[[Case], bool] = lambda case: True, why_not: Callable[[Case], str | None] = _nothing
) -> dict[str, int]:
    """How many cases are run, and how many are skipped for which reason; printed, and pinned for the default data."""
    found: dict[str, int] = {}
    for path in files(name):
        for case in _table(path)["cases"]:
            if case.get("internal"):
                why = f"{path.parent.name} skipped: {case.get('internal_reason') or 'tests an implementation detail'}"
            elif not wanted(case):
                why = f"{path.parent.name} skipped: not of this area"
            elif (reason := why_not(case)) is not None:
                why = f"{path.parent.name} skipped: {reason}"
            else:
                why = f"{path.parent.name} run"
            found[why] = found.get(why, 0) + 1
    return dict(sorted(found.items()))


def check_counts(
    name: str,
    pinned: dict[str, int],
    wanted: Callable[[Case], bool] = lambda case: True,
    why_not: Callable[[Case], str | None] = _nothing,
) -> None:
    """Print what was run and skipped; compare with the pinned counts, which hold for the default data only."""
    found = counts(name, wanted, why_not)
    print(f"{name}: " + "; ".join(f"{why}: {number}" for why, number in found.items()))
    if not found:
        pytest.skip("the conformance tables lie beside the repository, or where --conformance says")
    if is_default():
        assert found == pinned
