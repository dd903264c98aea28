"""A report as JUnit XML, which build servers show: a suite for each part, a test case for each kind of finding."""

from __future__ import annotations

from xml.etree import ElementTree

from volsim.checking.findings import CheckReport, Finding
from volsim.checking.kinds import KINDS, Kind

__all__ = ["junit"]


def junit(report: CheckReport) -> str:
    """The report as an XML document. A kind of which not all was seen, and none found, counts as skipped."""
    root = ElementTree.Element("testsuites", name="volsim check")
    for part in dict.fromkeys(each.part for each in report.explored):
        _suite(root, report, part)
    for attribute in ("tests", "failures", "skipped"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in root)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _suite(root: ElementTree.Element, report: CheckReport, part: tuple[str, ...]) -> None:
    name = ", ".join(part)
    unseen = [each for each in report.explored if each.part == part and not each.complete]
    suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(KINDS)), errors="0")
    seconds = sum(each.seconds for each in report.explored if each.part == part)
    failures = skipped = 0
    for kind in KINDS.values():
        case = ElementTree.SubElement(suite, "testcase", classname=name, name=f"{kind.code} {kind.name}")
        found = [each for each in report.findings if each.part == part and each.code == kind.code]
        if found:
            failures += 1
            _failure(case, kind, found)
        elif unseen:
            skipped += 1
            why = "; ".join(f"not all was seen under {each.fault or 'no fault'}: {each.why}" for each in unseen)
            ElementTree.SubElement(case, "skipped", message=why)
    suite.set("failures", str(failures))
    suite.set("skipped", str(skipped))
    suite.set("time", f"{seconds:.3f}")


def _failure(case: ElementTree.Element, kind: Kind, found: list[Finding]) -> None:
    failure = ElementTree.SubElement(case, "failure", type=kind.severity, message=found[0].summary)
    failure.text = "\n\n".join("\n".join([each.summary, *each.told, f"what helps: {each.remedy}"]) for each in found)
