"""A report as Markdown, for a comment on a change: a table of the findings, and their stories to unfold."""

from __future__ import annotations

from volsim.checking.findings import CheckReport, Finding

__all__ = ["markdown"]

_SIGNS = {"error": "🔴", "warning": "🟡", "note": "🔵"}
_VERDICTS = {
    "clean": "nothing was found, and all was seen that can happen",
    "findings": "something can happen that people do not expect",
    "unknown": "nothing was found, but not all was seen",
}


def markdown(report: CheckReport) -> str:
    """The report as GitHub and GitLab show it."""
    asked = f"Kubernetes {report.kubernetes}; faults: {', '.join(report.faults)}."
    lines = [
        f"### volsim check: {report.verdict}",
        "",
        f"{_VERDICTS[report.verdict].capitalize()}. {asked}",
        "",
    ]
    if report.findings:
        lines += ["| | finding | what can happen | where |", "| --- | --- | --- | --- |"]
        lines += [_row(report, finding) for finding in report.findings] + [""]
    for finding in report.findings:
        lines += _story(finding)
    unseen = [each for each in report.explored if not each.complete]
    lines += [
        f"* not all was seen of {', '.join(each.part)} under {each.fault or 'no fault'}: {each.why}; {each.hint}"
        for each in unseen
    ]
    lines += [f"* assumed: {line}" for line in report.assumed]
    return "\n".join(lines).rstrip()


def _row(report: CheckReport, finding: Finding) -> str:
    kind, places = finding.kind, report.places_of(finding)
    where = f"`{places[0]}`" if places else ""
    summary = finding.summary.replace("|", "\\|")
    return f"| {_SIGNS[kind.severity]} | {kind.code} {kind.name} | {summary} | {where} |"


def _story(finding: Finding) -> list[str]:
    also = f" Also under {', '.join(finding.also)}." if finding.also else ""
    return [
        "<details>",
        f"<summary>{finding.code}: how it comes about, and what helps</summary>",
        "",
        "```text",
        *finding.told,
        "```",
        "",
        *(f"* why it stays so: {each}" for each in finding.why),
        *([""] if finding.why else []),
        f"**What helps:** {finding.remedy}{also}",
        "",
        *([f"**Way out:** {finding.way_out}", ""] if finding.way_out else []),
        "</details>",
        "",
    ]
