"""A report as people read it: a timeline for each finding, and what was explored."""

from __future__ import annotations

from textwrap import fill

from volsim.checking.findings import CheckReport, Finding

__all__ = ["text"]

_MOST_NAMED = 4
"""So many objects that were assumed are named: a dashboard may mount thirty ConfigMaps."""


def text(report: CheckReport) -> str:
    """The report for a terminal."""
    lines = [f"Kubernetes {report.kubernetes}; faults: {', '.join(report.faults)}"]
    lines += [f"assumed: {line}" for line in _short(report.assumed)]
    for number, finding in enumerate(report.findings, 1):
        lines += ["", *_finding(report, number, finding)]
    lines += ["", *_explored(report)]
    return "\n".join(lines)


def _short(assumed: tuple[str, ...]) -> list[str]:
    """What was assumed; of many things that are simply there, how many."""
    there = [line.removesuffix(": is there") for line in assumed if line.endswith(": is there")]
    if len(there) <= _MOST_NAMED:
        return list(assumed)
    rest = len(there) - _MOST_NAMED
    others = [line for line in assumed if not line.endswith(": is there")]
    return [*others, f"{', '.join(there[:_MOST_NAMED])} and {_count(rest, 'other')}: are there"]


def _finding(report: CheckReport, number: int, finding: Finding) -> list[str]:
    kind = finding.kind
    lines = [f"{number}. {finding.code} {kind.name} ({kind.severity}): {finding.summary}"]
    if places := report.places_of(finding):
        lines.append(f"   at {', '.join(map(str, places))}")
    lines.append("   how it comes about:")
    lines += [f"   {line}" for line in finding.told]
    if finding.why:
        lines += ["   why it stays so:", *(f"   - {each}" for each in finding.why)]
    if finding.also:
        lines.append(f"   also under: {', '.join(finding.also)}")
    lines.append(fill(f"what helps: {finding.remedy}", 110, initial_indent="   ", subsequent_indent="     "))
    if finding.way_out:
        lines.append(f"   way out: {finding.way_out}")
    return lines


def _explored(report: CheckReport) -> list[str]:
    states = sum(each.states for each in report.explored)
    parts = {each.part for each in report.explored}
    seconds = sum(each.seconds for each in report.explored)
    seen = f"{_count(states, 'situation')} of {_count(len(parts), 'independent part')} in {seconds:.1f} s"
    return [
        f"{report.verdict}: {_count(len(report.findings), 'finding')}; {seen}",
        *(
            f"  not all was seen of {', '.join(each.part)} under {each.fault or 'no fault'}: {each.why}; {each.hint}"
            for each in report.explored
            if not each.complete
        ),
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
