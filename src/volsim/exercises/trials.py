"""A trial: all tests of an answer on one semantics, and what became of them."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable
from hashlib import blake2b
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, signature
from types import ModuleType
from typing import Any

import attrs
from hypothesis import HealthCheck, Phase, settings

from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.exercises.exercise import Exercise
from volsim.testing.clusters import cluster_of
from volsim.testing.recording import RecordedSimulation

__all__ = ["GRADING", "Clusters", "Trial", "Unreadable", "load", "said", "trial"]

NAME = "answer.py"
"""What the answer is called in tracebacks."""
_STORY = 40  # lines of a story are shown: what led there stands at the end
_EXAMPLES = 50  # of each property and semantics: a mutant that they miss is missed

GRADING = "grading"
"""The profile of Hypothesis under which answers are graded."""
settings.register_profile(
    GRADING,
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


class Unreadable(VolsimError):
    """The answer is no answer: it cannot be read, or defines nothing of what was asked for."""


class Clusters:
    """What an answer gets as `volsim_cluster`: makes clusters of one semantics, and watches them."""

    def __init__(
        self, exercise: Exercise, engine: Engine | None = None, *, seed: int = 0, kubernetes: str | None = None
    ) -> None:
        self._exercise, self._engine, self._seed, self._kubernetes = exercise, engine, seed, kubernetes
        self._fresh: dict[tuple[Any, ...], RecordedSimulation] = {}
        """Clusters in which nothing has happened, by how they were asked for: a fork of one costs next to nothing."""
        self._open: list[RecordedSimulation] = []
        self._digest = blake2b(digest_size=16)
        self._reached = False

    def __call__(
        self,
        *sources: Any,
        nodes: Any = 1,
        seed: int | None = None,
        kubernetes: str | None = None,
        engine: Engine | None = None,
    ) -> RecordedSimulation:
        """A cluster to which the sources have just been applied; what is given goes before what the grader has."""
        self._look()
        asked = (repr(nodes), seed, kubernetes, id(engine))  # the cluster that is kept keeps its engine
        if asked not in self._fresh:
            self._fresh[asked] = cluster_of(
                (),
                nodes=nodes,
                kubernetes=kubernetes or self._kubernetes,
                seed=self._seed if seed is None else seed,
                engine=engine or self._engine,
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

    @property
    def used(self) -> bool:
        """Whether anything was made."""
        return bool(self._fresh)

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
    used: bool
    """Whether they made a cluster."""
    story: str
    reached: bool
    digest: str

    @property
    def failure(self) -> str:
        """What the first failing test said; empty if all held."""
        return "" if self.error is None else said(self.error)

    @property
    def line(self) -> int:
        """The line of the answer in which it failed; 0 if that is not known."""
        return 0 if self.error is None else _line(self.error)

    @property
    def skipped(self) -> bool:
        """Whether a test said of itself that it is not to be run."""
        return _outcome(self.error) in ("Skipped", "XFailed", "Exit")

    @property
    def asserted(self) -> bool:
        """Whether a test found what it looks for, rather than broke."""
        return isinstance(self.error, AssertionError | VolsimError) or _outcome(self.error) == "Failed"

    @property
    def example(self) -> str:
        """What Hypothesis drew, after shrinking; empty if the test draws nothing."""
        notes = getattr(self.error, "__notes__", [])
        return "\n".join(note for note in notes if "test case" in note or "example" in note)


def _outcome(error: BaseException | None) -> str:
    """The name of an outcome of pytest's own: a failure (as of `pytest.raises` that waited in vain), a skip."""
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    return type(error).__name__ if "_pytest.outcomes.OutcomeException" in kinds else ""


def _line(error: BaseException) -> int:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == NAME]
    return (lines[-1] or 0) if lines else 0


def said(error: BaseException) -> str:
    """What an error of an answer says, in a line; an assertion without words is quoted."""
    asserts = isinstance(error, AssertionError) or _outcome(error) == "Failed"
    words = " ".join(str(error).split())
    if not words and asserts:
        line = _line(error)
        words = f"line {line}: {linecache.getline(NAME, line).strip()}" if line else "an assertion without words"
    return words if asserts else f"{type(error).__name__}: {words}".removesuffix(": ")


# -- running it --------------------------------------------------------------------------------------------------------
def load(text: str) -> dict[str, Any]:
    """What the answer defines. Raises what running it raises."""
    module = ModuleType("answer")
    linecache.cache[NAME] = (len(text), None, text.splitlines(keepends=True), NAME)
    exec(compile(text, NAME, "exec"), module.__dict__)  # noqa: S102 - that is what a grader is for
    return module.__dict__


def _tests(names: dict[str, Any]) -> list[Callable[..., Any]]:
    functions = {name: value for name, value in names.items() if callable(value) and not isinstance(value, type)}
    found = [value for name, value in functions.items() if name.startswith("test")]
    if not found:
        raise Unreadable(f"there is no test in it{_instead(names)}: write def test_…(volsim_cluster)")
    for test in found:
        wanted = set(signature(test).parameters)
        if iscoroutinefunction(test) or isgeneratorfunction(test) or isasyncgenfunction(test):
            raise Unreadable(f"{test.__name__} would never run: write it without async and yield")
        if wanted != {"volsim_cluster"}:
            others = ", ".join(sorted(wanted - {"volsim_cluster"})) or "nothing"
            raise Unreadable(f"{test.__name__} takes {others}; a test here takes volsim_cluster, and what @given draws")
        _settled(test)
    return found


def _instead(names: dict[str, Any]) -> str:
    """What the answer defines where a test should be."""
    own = [name for name, value in names.items() if getattr(value, "__module__", "") == "answer" and callable(value)]
    kinds = {name: "a class" if isinstance(names[name], type) else "no test by its name" for name in own}
    return "".join(f", {name} is {kind}" for name, kind in kinds.items())


def _settled(test: Any) -> None:
    """Let a property draw the same each time, and take its time, whatever it says of that."""
    given = getattr(test, "_hypothesis_internal_use_settings", None)
    if given is not None:
        test._hypothesis_internal_use_settings = settings(
            given, derandomize=True, database=None, deadline=None, print_blob=False, report_multiple_bugs=False
        )


def trial(text: str, clusters: Clusters) -> Trial:
    """Run all tests of the answer, loaded anew, up to the first that fails."""
    error: BaseException | None = None
    for test in _tests(load(text)):
        try:
            test(volsim_cluster=clusters)
        except MemoryError:
            raise  # no answer, but the end of it
        except BaseException as raised:  # noqa: BLE001 - whatever an answer raises is its answer
            error = raised
            break
    return Trial(error, clusters.used, *clusters.seen())
