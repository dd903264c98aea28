"""What the grader says of an answer: a verdict, and a result for each mutant or case."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from html import escape
from typing import Any, Self

import attrs

__all__ = ["Report", "Result", "Verdict"]


class Verdict(StrEnum):
    """What an answer is."""

    PASSED = "passed"
    """It holds of Kubernetes, and of no mutant."""
    TOO_WEAK = "too-weak"
    """It holds of Kubernetes, and of some mutant as well; or not all cases are as they should be."""
    BELIEF = "a-belief"
    """It fails on Kubernetes and holds of a mutant: that is what people believe."""
    ALWAYS_FAILS = "always-fails"
    """It fails on Kubernetes, and on everything else."""
    VACUOUS = "vacuous"
    """It never came to what the exercise is about."""
    FLAKY = "flaky"
    """It holds once and fails once."""
    BROKEN = "broken"
    """It raises an error of its own, or ends its process."""
    READS_INTERNALS = "reads-internals"
    """It looks at what no user of a cluster can see."""
    REACHES_OUTSIDE = "reaches-outside"
    """It uses files, processes or the network."""
    PATCHES = "patches-the-library"
    """It changes the library."""
    NEVER_ENDS = "never-ends"
    """It took more than the time that it has."""
    TOO_MUCH_MEMORY = "too-much-memory"
    """It took more than the memory that it has."""
    UNREADABLE = "unreadable"
    """It is no answer."""


@attrs.frozen(kw_only=True)
class Result:
    """What became of one mutant (`passed`: it was caught) or of one case."""

    name: str
    title: str
    belief: str = ""
    passed: bool
    failure: str = ""
    """What the answer said when it failed."""
    example: str = ""
    """What Hypothesis had drawn then, shrunk."""
    story: str = ""
    """What was done to the cluster then, as kubectl commands."""


@attrs.frozen(kw_only=True)
class Report:
    """What an answer is worth. `str()` is for people, `as_json` for a class register."""

    exercise: str
    verdict: Verdict
    message: str
    results: tuple[Result, ...] = ()
    example: str = ""
    story: str = ""

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.verdict is Verdict.PASSED

    def saying(self, verdict: Verdict, message: str, *, story: str = "", example: str = "") -> Self:
        """The same report with a verdict."""
        return attrs.evolve(self, verdict=verdict, message=message, story=story, example=example)

    def with_results(self, results: Iterable[Result]) -> Self:
        """The same report with results."""
        return attrs.evolve(self, results=tuple(results))

    def as_json(self) -> dict[str, Any]:
        """The report as what JSON has."""
        return {**attrs.asdict(self), "verdict": str(self.verdict), "passed": self.passed}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """The report that `as_json` gave."""
        given = {name: value for name, value in found.items() if name != "passed"}
        results = tuple(Result(**each) for each in given.pop("results"))
        return cls(**{**given, "verdict": Verdict(given["verdict"]), "results": results})

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict, and a row for each mutant or case with the shrunk story to unfold."""
        colour = "#1a7f37" if self.passed else "#cf222e"
        head = f'<b>{escape(self.exercise or "no exercise")}: <span style="color:{colour}">{self.verdict}</span></b>'
        rows = "".join(_row(result) for result in self.results)
        table = f"<table>{_HEAD}{rows}</table>" if rows else ""
        return f"<p>{head}<br>{escape(self.message)}</p>{_unfolded(self.example, self.story)}{table}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What IPython shows in a terminal."""
        printer.text(str(self))

    def __str__(self) -> str:
        lines = [f"{self.exercise or 'no exercise'}: {self.verdict}: {self.message}"]
        lines += _indented(self.example) + _indented(self.story)
        for result in self.results:
            lines.append(f"  {'+' if result.passed else '-'} {result.name}: {result.title}")
            if result.belief and not result.passed:
                lines.append(f"      why people believe it: {result.belief}")
            if result.failure:
                lines.append(f"      {result.failure}")
            lines += _indented(result.example) + _indented(result.story)
        return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"      | {line}" for line in text.splitlines()]


# -- for notebooks -----------------------------------------------------------------------------------------------------
_HEAD = (
    "<tr><th></th><th style='text-align:left'>wrong idea or case</th><th style='text-align:left'>your answer</th></tr>"
)
_LEFT = "<td style='text-align:left;vertical-align:top'>"


def _row(result: Result) -> str:
    name = f"<b>{escape(result.name)}</b><br>{escape(result.title)}"
    if result.belief and not result.passed:
        name += f"<br><i>Why people believe it:</i> {escape(result.belief)}"
    caught = "fails on it" if result.belief else "as it should be"
    missed = "holds of it" if result.belief else "not as it should be"
    said = f"<b>{caught if result.passed else missed}</b>" + (f"<br>{escape(result.failure)}" if result.failure else "")
    said += _unfolded(result.example, result.story)
    return f"<tr>{_LEFT}{'✓' if result.passed else '✗'}</td>{_LEFT}{name}</td>{_LEFT}{said}</td></tr>"


def _unfolded(example: str, story: str) -> str:
    """An example and a story that one can unfold; nothing where there are none."""
    told = "\n".join(part for part in (example, story) if part)
    return f"<details><summary>the story</summary><pre>{escape(told)}</pre></details>" if told else ""
