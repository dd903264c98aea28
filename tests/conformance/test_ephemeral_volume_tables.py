"""The ephemeral volume controller does what upstream's own unit tests say.

Source: pkg/controller/volume/ephemeral/controller_test.go, as neutral data (see the tables' README).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from volsim.apiserver.writes import Create
from volsim.control.contract import Outcome
from volsim.control.ephemeral_volume import CONTROLLER
from volsim.manifests import from_manifest, to_manifest
from volsim.rules import Rules
from volsim.state import State

TABLES = Path(__file__).parents[2] / ".." / "shared" / "conformance" / "tables"
pytestmark = pytest.mark.skipif(not TABLES.is_dir(), reason="the conformance tables lie beside the repository")

KINDS = {"pods": "Pod", "persistentVolumeClaims": "PersistentVolumeClaim"}


def cases() -> list[Any]:
    return [
        pytest.param(file.parent.name, case, id=f"{file.parent.name}/{case['id']}")
        for file in sorted(TABLES.glob("*/ephemeral_volume.json"))
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
        if not case.get("internal")
    ]


def essence(claim: dict[str, Any]) -> dict[str, Any]:
    """What the tables tell of a claim."""
    kept = ("name", "namespace", "ownerReferences")
    return {key: claim["metadata"][key] for key in kept if key in claim["metadata"]}


@pytest.mark.parametrize(("version", "case"), cases())
def test_upstream_case(version: str, case: dict[str, Any]) -> None:
    """The claims of the tables have no access modes: they are taken as a client would that checks nothing."""
    draft = State.empty(Rules.for_version(version)).draft()
    for field, kind in KINDS.items():
        for given in case["initial"].get(field, []):
            obj = from_manifest({"apiVersion": "v1", "kind": kind, **given})
            draft.put(obj.PLURAL, obj.key, obj)
    events: list[str] = []
    while True:
        outcome = CONTROLLER.sync(draft, case["action"]["key"])
        assert isinstance(outcome, Outcome)
        events += [event.reason for event in outcome.events]
        if not outcome.writes:
            break
        (write,) = outcome.writes
        assert isinstance(write, Create)
        draft.put("persistentvolumeclaims", write.obj.key, write.obj)
    claims = [essence(to_manifest(claim)) for claim in draft.persistent_volume_claims.values()]
    expected = [essence(claim) for claim in case["expected"]["persistentVolumeClaims"]]
    assert sorted(claims, key=str) == sorted(expected, key=str)
    assert bool(events) == case["expected"]["error"]


def test_both_versions_of_the_table_were_read() -> None:
    assert len(cases()) == 5 + 5
