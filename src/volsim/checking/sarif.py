"""A report as SARIF 2.1.0, which code hosts and editors show beside the lines of the manifests.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from volsim import __version__
from volsim.checking.findings import CheckReport, Explored, Finding, Place
from volsim.checking.kinds import KINDS, Kind

__all__ = ["sarif"]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_CODES = tuple(KINDS)


def sarif(report: CheckReport) -> str:
    """The report as a SARIF log."""
    run = {
        "tool": {
            "driver": {
                "name": "volsim",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(kind) for kind in KINDS.values()],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_unseen(each) for each in report.explored if not each.complete],
            }
        ],
        "results": [_result(report, finding) for finding in report.findings],
        "properties": {"verdict": report.verdict, "kubernetes": report.kubernetes, "assumed": list(report.assumed)},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(kind: Kind) -> dict[str, Any]:
    return {
        "id": kind.code,
        "name": "".join(word.title() for word in kind.name.split("-")),
        "shortDescription": {"text": kind.means},
        "fullDescription": {"text": f"{kind.surprise} {kind.mechanism}"},
        "help": {"text": kind.helps},
        "defaultConfiguration": {"level": kind.severity},
    }


def _unseen(explored: Explored) -> dict[str, Any]:
    what = f"{', '.join(explored.part)} under {explored.fault or 'no fault'}"
    return {"level": "warning", "message": {"text": f"not all was seen of {what}: {explored.why}"}}


def _result(report: CheckReport, finding: Finding) -> dict[str, Any]:
    first, *others = [*map(_location, report.places_of(finding))] or [{}]
    first = {
        **first,
        "logicalLocations": [{"fullyQualifiedName": each, "kind": "resource"} for each in finding.objects],
    }
    identity = "\n".join([finding.code, *finding.objects])
    return {
        "ruleId": finding.code,
        "ruleIndex": _CODES.index(finding.code),
        "level": finding.kind.severity,
        "message": {"text": f"{finding.summary}. What helps: {finding.remedy}"},
        "locations": [first],
        "relatedLocations": others,
        "codeFlows": [{"threadFlows": [{"locations": [{"location": _step(first, line)} for line in finding.told]}]}],
        "partialFingerprints": {"finding/v1": hashlib.sha256(identity.encode()).hexdigest()},
        "properties": {"fault": finding.fault, "also": list(finding.also)},
    }


def _location(place: Place) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": {"uri": _uri(place.file)}, "region": {"startLine": place.line}},
    }


def _step(where: dict[str, Any], line: str) -> dict[str, Any]:
    """A line of the story. Viewers want a place for each; nothing happens in a file, so all have the finding's."""
    return {
        **{key: value for key, value in where.items() if key == "physicalLocation"},
        "message": {"text": line.strip()},
    }


def _uri(file: str) -> str:
    """The file as SARIF names it: relative to where the check runs if it is below, with slashes, and quoted."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_uri() if path.is_absolute() else quote(path.as_posix(), safe="/<>")
