"""`check`: an application's manifests, what can happen to its data and pods, and the proof of each finding.

A pattern alone is never a finding: each is established by exploring what can happen, from the cluster in which the
design runs, under one fault after the other. What was found shows the shortest way there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs

from volsim.checking.design import Design, Part
from volsim.checking.endings import ending
from volsim.checking.findings import UNCLEAR, CheckReport, Explored, Finding
from volsim.checking.kinds import KINDS
from volsim.checking.marks import leave_marks
from volsim.checking.plans import budgets, names
from volsim.checking.questions import Question, questions_after, questions_at_start, runs
from volsim.checking.remedies import changes
from volsim.checking.telling import claims_of_volumes, tell
from volsim.checking.trials import tried
from volsim.errors import LimitExceeded, VolsimError
from volsim.exploration.faults import Faults
from volsim.exploration.report import Report, Violation, explore
from volsim.exploration.search import Progress, Verdict
from volsim.rules import Duration, microseconds
from volsim.simulation import Simulation

__all__ = ["check"]

Tell = Callable[[str], None]
_OFTEN = 0.2
"""So many seconds lie between two words of progress at least: nobody reads faster."""


def check(
    source: Any,
    *,
    nodes: Any = None,
    faults: str | Iterable[str] | None = None,
    kubernetes: str | None = None,
    recover_within: Duration | None = None,
    read_only_images: Iterable[str] = (),
    seed: int = 0,
    all_replicas: bool = False,
    max_states: int = 20_000,
    max_seconds: float | None = 60.0,
    remedies: bool = True,
    progress: Tell | None = None,
) -> CheckReport:
    """What can ever happen to an application's data and pods under the faults asked for.

    `source` is as for `Simulation.apply`; what it leaves open (nodes, classes, secrets, config maps) is made up and
    said. `nodes` is a number, names or manifests; `faults` are names, with commas or as a list (default:
    ``container-crash, pod-loss, node-loss, node-return, rollout, drain``). With `recover_within`, recovering later is a
    finding. `read_only_images` write nothing. What is left open on the way to the cluster in which the design runs is
    drawn from `seed`. Of replicas that are alike two are explored, or with `all_replicas` all. Each part of the design
    under each fault is explored for at most `max_states` situations and `max_seconds`; what was not seen is *unknown*.
    With `remedies`, changes that may help are explored, too, and those that do are told. Raises `ManifestError` for
    manifests that cannot be read, `VolsimError` for what the API server refuses, unknown faults and impossible nodes.

    >>> report = check('''
    ... apiVersion: v1
    ... kind: Pod
    ... metadata: {name: web}
    ... spec: {containers: [{name: web, image: nginx}]}
    ... ''', nodes=2, faults="pod-loss")
    >>> report.verdict, [(finding.code, finding.objects) for finding in report.findings]
    ('findings', [('VS303', ('Pod/default/web',))])
    >>> print(report.findings[0].story)  # doctest: +NORMALIZE_WHITESPACE +ELLIPSIS
    3600.000s fault: delete pod/default/web
    3600.000s kubelet: pod default/web on node0...: container web exits 0, remove its directories, remove it
    """
    asked, within = names(faults), _within(recover_within)
    if max_seconds is not None and max_seconds <= 0:
        raise VolsimError(f"max_seconds={max_seconds:g}: give more than 0 seconds, or None for no bound")
    design = Design.read(source, nodes=nodes, kubernetes=kubernetes, seed=seed, all_replicas=all_replicas)
    bounds = _Bounds(within, frozenset(read_only_images), max_states, max_seconds, progress)
    findings: list[Finding] = []
    explored: list[Explored] = []
    assumed = list(design.assumed)
    for written in design.parts():
        part, said = tried(design, written)
        assumed += said
        seen, found = _explore_part(design, part, asked, bounds)
        explored += seen
        mine = [_finding(each, part) for each in _merged(found)]
        codes = {each.code for each in mine}
        findings += [_with_remedy(each, codes, design, part, bounds) for each in mine] if remedies else mine
    return CheckReport(
        findings=tuple(findings),
        explored=tuple(explored),
        assumed=tuple(dict.fromkeys(assumed)),
        kubernetes=".".join(map(str, design.rules.version)),
        faults=asked,
        places=design.places,
    )


def _within(given: Duration | None) -> float | None:
    if given is None:
        return None
    within = microseconds(given) / 1e6
    if within <= 0:
        raise VolsimError(f"recover_within={given!r}: give a time within which it has to run again, such as '10m'")
    return within


@attrs.frozen
class _Found:
    """Something that an exploration found; what is told of it comes later, for the shortest of its kind."""

    question: Question
    violation: Violation
    fault: str
    start: Simulation
    also: tuple[str, ...] = ()

    @property
    def about(self) -> tuple[str, tuple[str, ...]]:
        """Kind, and whom it is about."""
        return self.question.code, self.question.objects


@attrs.frozen
class _Bounds:
    """How a part is explored, whichever fault strikes."""

    within_seconds: float | None
    read_only: frozenset[str]
    max_states: int
    max_seconds: float | None
    progress: Tell | None


def _explore_part(
    design: Design, part: Part, faults: tuple[str, ...], bounds: _Bounds
) -> tuple[list[Explored], list[_Found]]:
    """What was seen of a part, and what was found."""
    explored: list[Explored] = []
    found: list[_Found] = []
    for start, fault, questions, report in _explorations(design, part, faults, bounds):
        explored.append(
            Explored(
                part=part.workloads,
                fault=fault,
                states=report.states,
                complete=_is_complete(report),
                why=report.explored.stopped_by or ("" if _is_complete(report) else UNCLEAR),
                seconds=report.explored.seconds,
            )
        )
        by_name = {question.prop.name: question for question in questions}
        found += [_Found(by_name[each.name], each, fault, start) for each in report.violations]
    return explored, found


def _explorations(
    design: Design, part: Part, faults: tuple[str, ...], bounds: _Bounds, *, beginning: bool = True
) -> Iterator[tuple[Simulation, str, list[Question], Report]]:
    """Each exploration of a part: from where, under which fault, what was asked, what was found.

    The first, if the `beginning` is wanted, is how the design comes to run.
    """

    def run(
        sim: Simulation, what: str, chosen: Faults, asked: list[Question]
    ) -> tuple[Simulation, str, list[Question], Report]:
        tell = _telling(bounds.progress, part, what)
        found = explore(
            sim,
            faults=chosen,
            properties=[question.prop for question in asked],
            max_states=bounds.max_states,
            max_seconds=bounds.max_seconds,
            progress=tell,
        )
        return sim, what, asked, found

    start = design.start(part)
    if beginning:
        yield run(start, "", Faults(), questions_at_start(start, part))
    running = start.fork()
    try:
        running.settle()
    except LimitExceeded:
        running.run("10m")
    if not any(runs(running, name) for name in part.workloads):
        if not beginning:
            raise VolsimError("nothing of it runs")
        return  # and that has been said
    marks = leave_marks(running, bounds.read_only)
    running.run("1h")  # whatever was young is old
    for fault in faults:
        for each in budgets(fault, part, running):
            asked = questions_after(running, part, fault, marks, bounds.within_seconds, bounds.read_only)
            yield run(running, fault, each, asked)


def _is_complete(report: Report) -> bool:
    """Whether everything was seen, and of each question it is known what that says."""
    return report.complete and not any(answer.verdict is Verdict.UNKNOWN for answer in report.answers)


def _telling(tell: Tell | None, part: Part, fault: str) -> Callable[[Progress], None] | None:
    """Tells in words how far an exploration is; that it begins, at once."""
    if tell is None:
        return None
    first, *others = part.workloads
    what = f"{first}{f' and {len(others)} more' if others else ''}: {fault or 'start'}"
    tell(what)
    told = 0.0

    def how_far(far: Progress) -> None:
        nonlocal told
        if far.seconds - told >= _OFTEN:
            told = far.seconds
            tell(f"{what}, {far.states} situations, {far.seconds:.0f} s")

    return how_far


# -- findings ----------------------------------------------------------------------------------------------------------
def _merged(found: list[_Found]) -> Iterator[_Found]:
    """One for each kind and object, with the shortest story; the other faults are named."""
    groups: dict[tuple[str, tuple[str, ...]], list[_Found]] = {}
    for each in found:
        groups.setdefault(each.about, []).append(each)
    for group in groups.values():
        first = min(group, key=lambda each: len(tell(each.violation.story)))
        yield attrs.evolve(first, also=tuple(dict.fromkeys(each.fault for each in group if each.fault != first.fault)))


def _finding(found: _Found, part: Part) -> Finding:
    """What is told of it."""
    question, violation = found.question, found.violation
    last = violation.simulation
    assert isinstance(last, Simulation), "it is of the kind from which the search began"
    end = ending(last, question.code, question.objects[0], part.objects)
    summary = question.summary.replace("{fault}", found.fault or "no fault")
    if violation.error:
        summary = f"{violation.name}: the question itself failed: {violation.error}"
    return Finding(
        code=question.code,
        objects=question.objects,
        part=part.workloads,
        summary=summary,
        fault=found.fault,
        also=found.also,
        story=violation.story,
        told=tell(violation.story, claims_of_volumes([found.start, last])),
        why=end.why,
        way_out=end.way_out,
        remedy=_sentence(end.helps) if question.code == "VS301" and end.helps else question.remedy,
    )


def _sentence(helps: tuple[str, ...]) -> str:
    words = "; ".join(helps)
    return f"{words[0].upper()}{words[1:]}."


def _with_remedy(finding: Finding, codes: set[str], design: Design, part: Part, bounds: _Bounds) -> Finding:
    """The finding, with the first change of the design that has been seen to help; `codes` are all that were found."""
    for words, objects in changes(finding.code, finding.objects[0], part.objects):
        instead = _found_instead(finding, design, Part(part.workloads, objects), bounds)
        if instead is not None:
            new = ", ".join(f"{code} {KINDS[code].name}" for code in sorted(instead - codes))
            but = f", but {new} is found" if new else ""
            return attrs.evolve(finding, remedy=f"With {words} this finding is gone{but}. Other ways: {finding.remedy}")
    return finding


def _found_instead(finding: Finding, design: Design, changed: Part, bounds: _Bounds) -> set[str] | None:
    """What is found where a finding was, in a design that was changed; None if it is not gone, or not all was seen."""
    faults = tuple(filter(None, (finding.fault, *finding.also)))
    codes: set[str] = set()
    try:
        for _, _, questions, report in _explorations(design, changed, faults, bounds, beginning=not finding.fault):
            by_name = {question.prop.name: question for question in questions}
            found = [by_name[each.name] for each in report.violations]
            if not _is_complete(report) or any(
                (each.code, each.objects) == (finding.code, finding.objects) for each in found
            ):
                return None
            codes.update(each.code for each in found)
    except VolsimError:
        return None  # the API server refuses the change, or nothing runs with it
    return codes
