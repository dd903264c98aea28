"""A grade for tests: how many mutants a whole suite for pytest catches.

The suite uses the fixtures `volsim_cluster` and `volsim_simulation`, which then make clusters of each mutant in turn.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import attrs

import volsim
from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.exercises.grading import CPU_SECONDS, MEMORY_BYTES, Ended, confined
from volsim.exercises.mutants import MUTANTS, mutant

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


def mutation_score(
    suite: Path | str, mutants: Sequence[str] | None = None, *, kubernetes: str | None = None, seed: int = 0
) -> Score:
    """Run tests for pytest, a file or a folder, on the truth and on each mutant, in processes of their own.

    All mutants, unless some are named. Clusters of the fixtures are of the version `kubernetes` (the newest) and have
    the seed, unless a test asks for others. Raises `VolsimError` if there is no such file, mutant or version.
    """
    path = Path(suite)
    if not path.exists():
        raise VolsimError(f"there is no file {str(suite)!r}; give a file of tests for pytest, or a folder of them")
    names = list(MUTANTS) if mutants is None else [mutant(name).name for name in mutants]
    volsim.Simulation(nodes=0, kubernetes=kubernetes)
    options = [f"--volsim-seed={seed}", *([] if kubernetes is None else [f"--volsim-kubernetes={kubernetes}"])]
    job = {"what": "suite", "path": str(path.resolve()), "options": options}
    truth, ended = _found(job, ["", *names])
    if "" not in truth:
        why = f"within {CPU_SECONDS} s" if ended.out_of_time else f"(its process ended {ended.how})"
        return Score(passes_on_truth=False, problem=f"it did not end on the truth {why}")
    if truth[""]["failed"]:
        return Score(passes_on_truth=False, problem=f"it fails on the truth: {truth['']['said']}")
    if not truth[""]["passed"]:
        return Score(passes_on_truth=True, problem="no test in it ran")
    if not truth[""]["clusters"]:
        text = "no test in it makes a cluster with volsim_cluster or volsim_simulation, so none can see a mutant"
        return Score(passes_on_truth=True, problem=text)
    caught = _caught(job, names, truth)
    return Score(passes_on_truth=True, caught=caught, missed=tuple(name for name in names if name not in caught))


def _found(job: dict[str, Any], names: Sequence[str]) -> tuple[dict[str, dict[str, Any]], Ended]:
    """What became of the suite on each of these semantics, as far as its process came; the truth has no name."""
    ended = confined({**job, "mutants": names}, cpu_seconds=CPU_SECONDS * len(names), memory_bytes=MEMORY_BYTES)
    return {line["mutant"]: line for line in ended.lines}, ended


def _caught(job: dict[str, Any], names: Sequence[str], found: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """The mutants that the suite catches. One on which it never ends was told from the truth as well."""
    caught, left = [], list(names)
    while left:
        caught += [name for name in left if name in found and found[name]["failed"]]
        left = [name for name in left if name not in found]
        caught += left[:1]  # the process ended there; the others go on in another one
        left = left[1:]
        if left:
            found, _ = _found(job, left)
    return tuple(name for name in names if name in caught)


# -- in the confined process -------------------------------------------------------------------------------------------
def reports_of(path: str, mutants: Sequence[str], options: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Run the suite on each of the semantics; what became of it, a record each.

    The truth has no name; if nothing can be said of it, that is all.
    """
    from hypothesis import settings

    from volsim.exercises.confined import allow
    from volsim.exercises.trials import GRADING

    settings.load_profile(GRADING)
    for name in mutants:
        allow(CPU_SECONDS)
        record = _run(path, name, MUTANTS[name].engine() if name else None, options)
        yield record
        if not name and (record["failed"] or not record["passed"] or not record["clusters"]):
            return


class _Semantics:
    """A pytest plugin for one run: gives the fixtures their semantics, and counts."""

    def __init__(self, engine: Engine | None) -> None:
        self.engine = engine
        self.passed, self.failed, self.said, self.clusters = 0, 0, "", 0

    def pytest_configure(self, config: Any) -> None:
        """Put the semantics where the fixtures look for it."""
        from volsim.testing.plugin import ENGINE

        if self.engine is not None:
            config.stash[ENGINE] = self.engine

    def pytest_fixture_setup(self, fixturedef: Any) -> None:
        """Count the tests that can make clusters of this semantics."""
        self.clusters += fixturedef.argname in ("volsim_cluster", "volsim_simulation")

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


def _run(path: str, mutant: str, engine: Engine | None, options: Sequence[str]) -> dict[str, Any]:
    import pytest

    counted = _Semantics(engine)
    known = {each.name for each in entry_points(group="pytest11")}
    plugin = [] if "volsim" in known else ["-p", "volsim.testing.plugin"]
    folder = path if Path(path).is_dir() else str(Path(path).parent)
    own = ["-q", "-x", "-p", "no:cacheprovider", *plugin, "--rootdir", folder, "-c", os.devnull, *options]
    before = set(sys.modules)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        pytest.main([*own, path], plugins=[counted])
    for name in set(sys.modules) - before:  # the suite's own are read anew for the next semantics
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
            del sys.modules[name]
    outcome = {"passed": counted.passed, "failed": counted.failed, "said": counted.said}
    return {"mutant": mutant, "clusters": counted.clusters, **outcome}
