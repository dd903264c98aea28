"""The judge: runs an answer on the truth and on every mutant, and says what it is worth.

It runs in a process of its own (`volsim.exercises.confined`); here are no limits. It is deterministic: Hypothesis draws
the same examples every time, and clusters have three seeds, one after the other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from hypothesis import settings
from hypothesis.errors import Flaky, Unsatisfiable

import volsim
from volsim.engine.perform import Engine
from volsim.engine.simulation import Simulation
from volsim.errors import LimitExceeded, VolsimError
from volsim.exercises import given
from volsim.exercises.exercise import Exercise
from volsim.exercises.guard import guarded
from volsim.exercises.reading import improper, parsed
from volsim.exercises.report import Report, Result, Verdict
from volsim.exercises.trials import GRADING, Clusters, Trial, Unreadable, load, said, trial

__all__ = ["came_to", "judge", "made"]

_SEEDS = 3  # what Kubernetes leaves open falls out differently with each


def judge(exercise: Exercise, text: str, *, kubernetes: str | None = None, seed: int = 0) -> Iterator[Report]:
    """What the answer is worth. Before each stage, what the report would be if it never ended."""
    report = Report(exercise=exercise.name, verdict=Verdict.NEVER_ENDS, message="")
    try:
        tree = parsed(text)
    except VolsimError as error:
        yield report.saying(Verdict.UNREADABLE, str(error))
        return
    found = improper(tree, exercise.opens)
    if found:
        yield report.saying(found[0][0], "; ".join(what for verdict, what in found if verdict is found[0][0]))
        return
    before = settings.get_current_profile_name()
    settings.load_profile(GRADING)
    try:
        if exercise.cases:
            yield from _judge_cases(exercise, text, report, Clusters(exercise, seed=seed, kubernetes=kubernetes))
        else:
            yield from _Judged(exercise, text, tree, report, kubernetes, seed).reports()
    except MemoryError:
        raise
    except Unreadable as error:
        yield report.saying(Verdict.UNREADABLE, str(error))
    except BaseException as error:  # noqa: BLE001 - the answer's own, while it was loaded
        what = f"{type(error).__name__}: {error}".removesuffix(": ")
        yield report.saying(Verdict.UNREADABLE, f"it cannot be loaded: {what}{_remedy(error)}")
    finally:
        settings.load_profile(before)


# -- tests -------------------------------------------------------------------------------------------------------------
class _Judged:
    """An answer that is tests, before the judge."""

    def __init__(
        self, exercise: Exercise, text: str, tree: ast.Module, report: Report, kubernetes: str | None, seed: int
    ) -> None:
        self.exercise, self.text, self.tree, self.report, self.seed = exercise, text, tree, report, seed
        self._clusters = partial(Clusters, exercise, kubernetes=kubernetes)

    def _trial(self, engine: Engine | None = None, seed: int | None = None) -> Trial:
        return trial(self.text, self._clusters(engine, seed=self.seed if seed is None else seed))

    def reports(self) -> Iterator[Report]:
        """What the answer is worth, at last; before that, what it would be if it never ended."""
        yield self.report.saying(Verdict.NEVER_ENDS, "it did not end on the truth")
        changed = guarded()
        truths = [self._trial(seed=self.seed + more) for more in range(_SEEDS)]
        truth = truths[0]
        if patched := changed():
            yield self.report.saying(Verdict.PATCHES, f"it changes {', '.join(patched)}")
            return
        problem = self._problem(truths)
        if problem is not None:
            yield self.report.saying(*problem, story=truth.story)
            return
        results = []
        for mutant in self.exercise.mutants:
            yield self.report.saying(Verdict.NEVER_ENDS, f"it did not end on the mutant {mutant.name}")
            tried = self._trial(mutant.engine())
            results.append(
                Result(
                    name=mutant.name,
                    title=mutant.title,
                    belief=mutant.belief,
                    passed=tried.error is not None,
                    failure=tried.failure,
                    example=tried.example,
                    story="" if tried.error is None or tried.story in tried.example else tried.story,
                )
            )
        yield self.report.saying(Verdict.NEVER_ENDS, "it did not end when it was run on the truth again")
        again = self._trial()
        if (truth.failure, truth.digest) != (again.failure, again.digest):
            text = "run twice, it does not do the same: it looks at something that is not in the cluster"
            yield self.report.saying(Verdict.FLAKY, text, story=truth.story)
            return
        yield self._verdict(truth, self.report.with_results(results))

    def _problem(self, truths: list[Trial]) -> tuple[Verdict, str] | None:
        """What keeps an answer from being compared with the mutants."""
        for each in truths:
            if isinstance(each.error, Unsatisfiable):
                return Verdict.VACUOUS, "its assumptions leave no example over"
            if isinstance(each.error, Flaky):
                return Verdict.FLAKY, "the same example holds once and fails once"
            if each.skipped:
                return Verdict.VACUOUS, f"it skips itself: {each.failure}"
        first = truths[0]
        at = f"line {first.line}: " if first.line else ""
        if first.error is not None and not first.asserted:
            return Verdict.BROKEN, f"{at}{first.failure}{_remedy(first.error)}"
        if isinstance(first.error, LimitExceeded):
            return Verdict.BROKEN, f"{at}a wait in it does not end: {first.failure}"
        for more, other in enumerate(truths[1:], 1):
            if bool(other.error) != bool(first.error):
                holds = "does not" if other.error else "does"
                failing = first if first.error else other
                text = (
                    f"whether it holds hangs on what Kubernetes leaves open (with seed {self.seed + more} it {holds})"
                )
                return Verdict.FLAKY, f"{text}: {failing.failure}"
        return None

    def _verdict(self, truth: Trial, report: Report) -> Report:
        if truth.error is not None:
            believed = [result for result in report.results if not result.passed]
            if not believed:
                return report.saying(Verdict.ALWAYS_FAILS, truth.failure, story=truth.story, example=truth.example)
            text = f"it fails on the truth ({truth.failure}) and holds of {believed[0].name}: {believed[0].title}"
            return report.saying(Verdict.BELIEF, text, story=truth.story, example=truth.example)
        if not truth.used:
            return report.saying(Verdict.VACUOUS, "it makes no cluster: sim = volsim_cluster(manifest, …, nodes=1)")
        if not truth.reached:
            return report.saying(Verdict.VACUOUS, f"it never came to this: {self.exercise.case}")
        survivors = [result.name for result in report.results if not result.passed]
        if survivors:
            nothing = "" if _asserts(self.tree) else "it asserts nothing, so "
            return report.saying(Verdict.TOO_WEAK, f"{nothing}it holds of {', '.join(survivors)} as well")
        return report.saying(Verdict.PASSED, f"it holds of Kubernetes and of none of {len(report.results)} mutants")


def _remedy(error: BaseException) -> str:
    """What would help against an error of the answer's own, if that is known."""
    if isinstance(error, NameError) and error.name in given.__all__:
        return f"; begin with: from volsim.exercises.given import {error.name}"
    if isinstance(error, NameError) and error.name in volsim.__all__:
        return f"; write volsim.{error.name}, and begin with: import volsim"
    return ""


def _asserts(tree: ast.Module) -> bool:
    """Whether there is anything in the answer by which it could fail."""
    words = ("raises", "fail")
    return any(
        isinstance(node, ast.Assert | ast.Raise) or (isinstance(node, ast.Attribute) and node.attr in words)
        for node in ast.walk(tree)
    )


# -- controllers and designs -------------------------------------------------------------------------------------------
def _judge_cases(exercise: Exercise, text: str, report: Report, clusters: Clusters) -> Iterator[Report]:
    yield report.saying(Verdict.NEVER_ENDS, "it did not end when it was loaded")
    changed = guarded()
    names = load(text)
    if exercise.defines not in names:
        raise Unreadable(f"it does not define {exercise.defines}")
    results = []
    for case in exercise.cases:
        yield report.saying(Verdict.NEVER_ENDS, f"it did not end in the case {case.name}")
        try:
            case.check(names[exercise.defines], clusters)
            failure = ""
        except MemoryError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever an answer raises is its answer
            failure = said(error)
        results.append(Result(name=case.name, title=case.title, passed=not failure, failure=failure))
    if patched := changed():
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


def made(sim: Simulation) -> set[str]:
    """What users have applied or created, as `persistentvolumeclaim/default/data`: for `Exercise.reached`."""
    steps = (str(step).partition("  user: ")[2].split() for step in sim.trace)
    return {words[1] for words in steps if words and words[0] in ("apply", "create")}
