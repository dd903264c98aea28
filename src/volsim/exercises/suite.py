"""A grade for tests: how many mutants a whole pytest file catches.

The suite uses the fixtures `volsim_cluster` and `volsim_simulation`, which then make clusters of each mutant in turn.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import attrs

from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.exercises.grading import CPU_SECONDS, MEMORY_BYTES, confined
from volsim.exercises.mutants import MUTANTS

__all__ = ["Score", "mutation_score", "reports_of"]


@attrs.frozen(kw_only=True)
class Score:
    """How good a suite is at telling mutants from the truth.

    >>> print(Score(passes_on_truth=True, caught=("empty-dir-stays",), missed=("binder-ignores-size",)))
    1 of 2 mutants caught
    missed: binder-ignores-size: A claim is bound to a volume that is too small
    """

    passes_on_truth: bool
    caught: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    problem: str = ""
    """Why nothing can be said; empty if something can."""

    @property
    def share(self) -> float:
        """The mutation score, from 0 to 1."""
        whole = len(self.caught) + len(self.missed)
        return len(self.caught) / whole if whole else 0.0

    def as_json(self) -> dict[str, Any]:
        """The score as what JSON has."""
        return {**attrs.asdict(self), "share": self.share}

    def __str__(self) -> str:
        if self.problem:
            return f"no score: {self.problem}"
        lines = [f"{len(self.caught)} of {len(self.caught) + len(self.missed)} mutants caught"]
        return "\n".join([*lines, *(f"missed: {MUTANTS[name]}" for name in self.missed)])


def mutation_score(suite: Path | str, mutants: Sequence[str] | None = None) -> Score:
    """Run a pytest file on the truth and on each mutant (all, unless some are named), in a process of its own.

    Raises `VolsimError` if there is no such file or mutant.
    """
    path = Path(suite)
    if not path.is_file():
        raise VolsimError(f"there is no file {str(suite)!r}")
    names = list(MUTANTS) if mutants is None else list(mutants)
    unknown = [name for name in names if name not in MUTANTS]
    if unknown:
        raise VolsimError(f"there is no mutant {unknown[0]!r}")
    job = {"what": "suite", "path": str(path.resolve()), "mutants": names}
    lines, code, _ = confined(job, cpu_seconds=CPU_SECONDS * 2, memory_bytes=MEMORY_BYTES)
    found = {line["mutant"]: line for line in lines}
    if "" not in found:
        return Score(passes_on_truth=False, problem=f"it did not end on the truth (its process ended with {code})")
    if found[""]["failed"]:
        return Score(passes_on_truth=False, problem=f"it fails on the truth: {found['']['said']}")
    if found[""]["passed"] == 0:
        return Score(passes_on_truth=True, problem="no test in it ran")
    # A mutant on which the suite never ended was told from the truth as well.
    caught = tuple(name for name in names if name not in found or found[name]["failed"])
    return Score(passes_on_truth=True, caught=caught, missed=tuple(name for name in names if name not in caught))


def reports_of(path: str, mutants: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Run the suite on the truth, then on each mutant; what became of it, a record each."""
    yield _run(path, "", None)
    for name in mutants:
        yield _run(path, name, MUTANTS[name].engine())


class _Semantics:
    """A pytest plugin for one run: gives the fixtures their semantics, and counts."""

    def __init__(self, engine: Engine | None) -> None:
        self.engine = engine
        self.passed, self.failed, self.said = 0, 0, ""

    def pytest_configure(self, config: Any) -> None:
        """Put the semantics where the fixtures look for it."""
        from volsim.testing.plugin import ENGINE

        if self.engine is not None:
            config.stash[ENGINE] = self.engine

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count."""
        self.passed += report.when == "call" and report.passed
        if report.failed:
            self.failed += 1
            self.said = self.said or f"{report.nodeid.rpartition('::')[2]}"

    def pytest_collectreport(self, report: Any) -> None:
        """Count what cannot even be read."""
        if report.failed:
            self.failed += 1
            self.said = self.said or " ".join(str(report.longrepr).split())[-300:]


def _run(path: str, mutant: str, engine: Engine | None) -> dict[str, Any]:
    import pytest

    counted = _Semantics(engine)
    known = {each.name for each in entry_points(group="pytest11")}
    plugin = [] if "volsim" in known else ["-p", "volsim.testing.plugin"]
    folder = str(Path(path).parent)
    options = ["-q", "-x", "-p", "no:cacheprovider", *plugin, "--rootdir", folder, "-c", os.devnull]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        pytest.main([*options, path], plugins=[counted])
    return {"mutant": mutant, "passed": counted.passed, "failed": counted.failed, "said": counted.said}
