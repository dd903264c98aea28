"""The judge: runs an answer on the truth and on every mutant, and says what it is worth.

It runs in a process of its own (`volsim.exercises.confined`); here are no limits. It is deterministic: Hypothesis draws
the same examples every time, and clusters have the seeds 0, 1 and 2.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator
from hashlib import blake2b
from inspect import signature
from types import ModuleType
from typing import Any

import attrs
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky, Unsatisfiable

from volsim.engine.perform import Engine
from volsim.engine.simulation import Simulation
from volsim.errors import LimitExceeded, VolsimError
from volsim.exercises.exercise import Exercise
from volsim.exercises.reading import improper
from volsim.exercises.report import Report, Result, Verdict
from volsim.testing.clusters import cluster_of
from volsim.testing.recording import RecordedSimulation

__all__ = ["judge", "load"]

SEEDS = (0, 1, 2)
"""With more than one seed, what Kubernetes leaves open falls out differently."""
_STORY = 40  # lines of a story are shown: what led there stands at the end
_EXAMPLES = 50  # of each property and semantics: a mutant that they miss is missed

settings.register_profile(
    "grading",
    settings.get_profile("default"),
    max_examples=_EXAMPLES,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


class Clusters:
    """What an answer gets as `volsim_cluster`: makes clusters of one semantics, and watches them."""

    def __init__(self, exercise: Exercise, engine: Engine | None, seed: int) -> None:
        self._exercise, self._engine, self._seed = exercise, engine, seed
        self._fresh: dict[str, RecordedSimulation] = {}
        """Clusters in which nothing has happened, by how they were asked for: a fork of one costs next to nothing."""
        self._open: list[RecordedSimulation] = []
        self._digest = blake2b(digest_size=16)
        self._reached = False

    def __call__(self, *sources: Any, nodes: Any = 1, kubernetes: str | None = None) -> RecordedSimulation:
        """A cluster to which the sources have just been applied."""
        self._look()
        asked = repr((nodes, kubernetes))
        if asked not in self._fresh:
            self._fresh[asked] = cluster_of(
                (), nodes=nodes, kubernetes=kubernetes, seed=self._seed, engine=self._engine
            )
        made = self._fresh[asked].fork()
        self._open = [made]
        made.forked = self._open.append
        for source in sources:
            made.apply(source)
        return made

    def __repr__(self) -> str:
        return "volsim_cluster"

    def _look(self) -> None:
        """Look at the clusters of before, which are not needed any more."""
        for sim in self._open:
            self._digest.update(sim.program().encode())
            if not self._reached and self._exercise.reached is not None:
                self._reached = self._exercise.reached(sim)

    def seen(self) -> tuple[str, bool, str]:
        """The last cluster's story, whether it came to what the exercise is about, a digest of all that was done."""
        self._look()
        story = self._open[-1].story().splitlines() if self._open else []
        left_out = [f"# ({len(story) - _STORY} lines before that)"] if len(story) > _STORY else []
        told = "\n".join([*left_out, *story[-_STORY:]])
        return told, self._reached or self._exercise.reached is None, self._digest.hexdigest()


@attrs.frozen
class Trial:
    """What became of all tests of an answer on one semantics."""

    error: BaseException | None
    story: str
    reached: bool
    digest: str

    @property
    def failure(self) -> str:
        """What the first failing test said; empty if all held."""
        if self.error is None:
            return ""
        words = " ".join(str(self.error).split()) or "an assertion without words"
        kind = "" if isinstance(self.error, AssertionError) else f"{type(self.error).__name__}: "
        return kind + words

    @property
    def example(self) -> str:
        """What Hypothesis drew, after shrinking; empty if the test draws nothing."""
        notes = getattr(self.error, "__notes__", [])
        return "\n".join(note for note in notes if "test case" in note or "example" in note)


class Unreadable(VolsimError):
    """The answer is no answer: it cannot be read, or defines nothing of what was asked for."""


def load(text: str, name: str = "answer.py") -> dict[str, Any]:
    """What the answer defines. Raises what running it raises."""
    module = ModuleType("answer")
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), module.__dict__)  # noqa: S102 - that is what a grader is for
    return module.__dict__


def _tests(names: dict[str, Any]) -> list[Callable[..., Any]]:
    found = [value for name, value in names.items() if name.startswith("test_") and callable(value)]
    if not found:
        raise Unreadable("there is no test in it: write def test_…(volsim_cluster)")
    for test in found:
        wanted = set(signature(test).parameters)
        if wanted != {"volsim_cluster"}:
            others = ", ".join(sorted(wanted - {"volsim_cluster"})) or "nothing"
            raise Unreadable(f"{test.__name__} takes {others}; a test here takes volsim_cluster, and what @given draws")
    return found


def _trial(text: str, exercise: Exercise, engine: Engine | None, seed: int) -> Trial:
    """Run all tests of the answer, loaded anew, up to the first that fails."""
    clusters = Clusters(exercise, engine, seed)
    error: BaseException | None = None
    for test in _tests(load(text)):
        try:
            test(volsim_cluster=clusters)
        except (Exception, SystemExit) as raised:  # noqa: BLE001 - whatever an answer raises is its answer
            error = raised
            break
    return Trial(error, *clusters.seen())


def _guarded() -> Callable[[], list[str]]:
    """A function that says which of the library's own classes and modules were changed since now."""
    import sys

    def snapshot() -> dict[tuple[str, str], int]:
        modules = {name: module for name, module in sys.modules.items() if name.startswith("volsim")}
        classes = {
            f"{name}.{attribute}": value
            for name, module in modules.items()
            for attribute, value in vars(module).items()
            if isinstance(value, type) and value.__module__.startswith("volsim")
        }
        return {
            (name, attribute): id(value)
            for name, owner in {**modules, **classes}.items()
            for attribute, value in vars(owner).items()
            if callable(value) or isinstance(value, property | classmethod | staticmethod)
        }

    before = snapshot()

    def changed() -> list[str]:
        after = snapshot()
        return sorted(f"{'.'.join(key)}" for key, value in before.items() if after.get(key, value) != value)

    return changed


def judge(exercise: Exercise, text: str) -> Iterator[Report]:
    """What the answer is worth. Before each stage, what the report would be if it never ended."""
    report = Report(exercise=exercise.name, verdict=Verdict.NEVER_ENDS, message="")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        yield report.saying(Verdict.UNREADABLE, f"line {error.lineno}: {error.msg}")
        return
    found = improper(tree, exercise.opens)
    if found:
        yield report.saying(Verdict.READS_INTERNALS, "; ".join(found))
        return
    before = settings.get_current_profile_name()
    settings.load_profile("grading")
    try:
        if exercise.cases:
            yield from _judge_cases(exercise, text, report)
        else:
            yield from _judge_tests(exercise, text, report)
    except Unreadable as error:
        yield report.saying(Verdict.UNREADABLE, str(error))
    except Exception as error:  # noqa: BLE001 - the answer's own, while it was loaded
        yield report.saying(Verdict.UNREADABLE, f"it cannot be loaded: {type(error).__name__}: {error}")
    finally:
        settings.load_profile(before)


# -- tests -------------------------------------------------------------------------------------------------------------
def _judge_tests(exercise: Exercise, text: str, report: Report) -> Iterator[Report]:
    yield report.saying(Verdict.NEVER_ENDS, "it did not end on the truth")
    changed = _guarded()
    trials = [_trial(text, exercise, None, seed) for seed in (SEEDS[0], *SEEDS)]
    truth = trials[0]
    patched = changed()
    if patched:
        yield report.saying(Verdict.PATCHES, f"it changes {', '.join(patched)}")
        return
    problem = _problem(trials)
    if problem is not None:
        yield report.saying(*problem, story=truth.story)
        return
    results = []
    for mutant in exercise.mutants:
        yield report.saying(Verdict.NEVER_ENDS, f"it did not end on the mutant {mutant.name}")
        trial = _trial(text, exercise, mutant.engine(), SEEDS[0])
        results.append(
            Result(
                name=mutant.name,
                title=mutant.title,
                belief=mutant.belief,
                passed=trial.error is not None,
                failure=trial.failure,
                example=trial.example,
                story=trial.story if trial.error is not None else "",
            )
        )
    yield _judged(exercise, truth, report.with_results(results))


def _problem(trials: list[Trial]) -> tuple[Verdict, str] | None:
    """What keeps an answer from being compared with the mutants."""
    first, again, *others = trials
    for trial in trials:
        if isinstance(trial.error, Unsatisfiable):
            return Verdict.VACUOUS, "its assumptions leave no example over"
        if isinstance(trial.error, Flaky):
            return Verdict.FLAKY, "the same example holds once and fails once"
    if (first.failure, first.digest) != (again.failure, again.digest):
        return Verdict.FLAKY, "run twice, it does not do the same: does it look at a clock, or throw dice?"
    for seed, other in zip(SEEDS[1:], others, strict=True):
        if bool(other.error) != bool(first.error):
            failing = first if first.error else other
            text = f"whether it holds hangs on what Kubernetes leaves open (with seed {seed}: it does "
            return Verdict.FLAKY, f"{text}{'not' if other.error else ''}): {failing.failure}".replace("does )", "does)")
    if first.error is not None and not isinstance(first.error, AssertionError | VolsimError):
        return Verdict.BROKEN, first.failure
    if isinstance(first.error, LimitExceeded):
        return Verdict.BROKEN, f"a wait in it does not end: {first.failure}"
    return None


def _judged(exercise: Exercise, truth: Trial, report: Report) -> Report:
    if truth.error is not None:
        believed = [result for result in report.results if not result.passed]
        if not believed:
            return report.saying(Verdict.ALWAYS_FAILS, truth.failure, story=truth.story, example=truth.example)
        text = f"it fails on the truth ({truth.failure}) and holds of {believed[0].name}: {believed[0].title}"
        return report.saying(Verdict.BELIEF, text, story=truth.story, example=truth.example)
    if not truth.reached:
        return report.saying(Verdict.VACUOUS, f"it never came to this: {exercise.case}")
    survivors = [result.name for result in report.results if not result.passed]
    if survivors:
        return report.saying(Verdict.TOO_WEAK, f"it holds of {', '.join(survivors)} as well")
    return report.saying(Verdict.PASSED, f"it holds of Kubernetes and of none of {len(report.results)} mutants")


# -- controllers and designs -------------------------------------------------------------------------------------------
def _judge_cases(exercise: Exercise, text: str, report: Report) -> Iterator[Report]:
    yield report.saying(Verdict.NEVER_ENDS, "it did not end when it was loaded")
    changed = _guarded()
    names = load(text)
    if exercise.defines not in names:
        raise Unreadable(f"it does not define {exercise.defines}")
    results = []
    for case in exercise.cases:
        yield report.saying(Verdict.NEVER_ENDS, f"it did not end in the case {case.name}")
        try:
            case.check(names[exercise.defines])
            failure = ""
        except Exception as error:  # noqa: BLE001 - whatever an answer raises is its answer
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            failure = kind + (" ".join(str(error).split()) or "an assertion without words")
        results.append(Result(name=case.name, title=case.title, passed=not failure, failure=failure))
    patched = changed()
    if patched:
        yield report.saying(Verdict.PATCHES, f"it changes {', '.join(patched)}")
        return
    failed = [result.name for result in results if not result.passed]
    if not failed:
        yield report.with_results(results).saying(Verdict.PASSED, f"all {len(results)} cases are as they should be")
    elif len(failed) == len(results):
        yield report.with_results(results).saying(Verdict.ALWAYS_FAILS, results[0].failure)
    else:
        yield report.with_results(results).saying(Verdict.TOO_WEAK, f"not as it should be: {', '.join(failed)}")


def came_to(sim: Simulation, *words: str) -> bool:
    """Whether the cluster's path has a step that says all of the words: for `Exercise.reached`."""
    return any(all(word in str(step) for word in words) for step in sim.trace)
