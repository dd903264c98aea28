"""The pod garbage collector does what upstream's own unit tests say.

Source: pkg/controller/podgc/gc_controller_test.go, as neutral data (see the tables' README).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from volsim.apiserver.writes import Delete, UpdateStatus
from volsim.control.contract import Outcome
from volsim.control.pod_gc import CONTROLLER
from volsim.engine.actions import Sync
from volsim.engine.perform import Engine
from volsim.manifests import from_manifest, to_manifest
from volsim.rules import Rules, microseconds
from volsim.state import Draft, State

TABLES = Path(__file__).parents[2] / ".." / "shared" / "conformance" / "tables"
pytestmark = pytest.mark.skipif(not TABLES.is_dir(), reason="the conformance tables lie beside the repository")

ENGINE = Engine((CONTROLLER,))
PODS, NODES = "pods", "nodes"


def all_cases() -> list[tuple[str, dict[str, Any]]]:
    return [
        (file.parent.name, case)
        for file in sorted(TABLES.glob("*/podgc.json"))
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
    ]


def cases() -> list[Any]:
    return [
        pytest.param(version, case, id=f"{version}/{case['id']}")
        for version, case in all_cases()
        if not case.get("internal")
    ]


class Collector:
    """The controller alone with a cluster, made to work only when a step of the table says so."""

    def __init__(self, version: str, case: dict[str, Any]) -> None:
        threshold = max(case["action"].get("terminatedPodThreshold", 0), 0)
        rules = Rules.for_version(version, terminated_pod_gc_threshold=threshold)
        self.draft: Draft = State.empty(rules).draft(ENGINE.watches)
        self.deleted: list[str] = []
        self.marked: list[str] = []
        self.last_status: dict[str, Any] = {}
        for kind, plural in (("Node", NODES), ("Pod", PODS)):
            for given in case["initial"].get(plural, []):
                self.put(kind, given)
        self.draft.take_changes()

    def put(self, kind: str, given: dict[str, Any]) -> None:
        if kind == "Pod":  # the tables' pods have no containers
            given = {**given, "spec": {"containers": [{"name": "c"}], **given.get("spec", {})}}
        obj = from_manifest({"apiVersion": "v1", "kind": kind, **given})
        namespace = "default" if kind == "Pod" else None
        obj = obj.replace(metadata=obj.metadata.replace(namespace=namespace, uid=f"uid-{obj.name}"))
        self.draft.put(obj.PLURAL, obj.key, obj)

    def step(self, step: dict[str, Any]) -> None:
        if "wait" in step:
            wait = "1m" if step["wait"].startswith("longer") else step["wait"]
            self.draft.wait_until(self.draft.now_us + microseconds(wait))
        for name in step.get("addNodes", []):
            self.put("Node", {"metadata": {"name": name}})
        self.draft.take_changes()
        if "gc" in step:
            self.work()

    def work(self) -> None:
        self.draft.wait_until(self.draft.now_us)
        while (first := self.draft.first_ready()) is not None:
            outcome = CONTROLLER.sync(self.draft, first[1])
            assert isinstance(outcome, Outcome)
            for write in outcome.writes:
                if isinstance(write, UpdateStatus):
                    self.marked.append(write.obj.name)
                    self.last_status = to_manifest(write.obj)["status"]
                elif isinstance(write, Delete):
                    assert write.grace_seconds == 0
                    self.deleted.append(write.key.rpartition("/")[2])
            ENGINE.sync(self.draft, Sync(*first))


@pytest.mark.parametrize(("version", "case"), cases())
def test_upstream_case(version: str, case: dict[str, Any]) -> None:
    collector = Collector(version, case)
    for step in case["action"].get("steps", [{"gc": 1}]):
        collector.step(step)
    expected = case["expected"]
    assert sorted(collector.deleted) == sorted(expected["deletedPods"])
    assert sorted(collector.marked) == sorted(expected.get("markedFailedFirst", []))
    if "podBeforeDeletion" in expected:
        status = expected["podBeforeDeletion"]["status"]
        for condition in collector.last_status["conditions"]:
            condition.pop("lastTransitionTime", None)
        assert {key: collector.last_status[key] for key in status} == status


def test_both_versions_of_the_table_were_read() -> None:
    internal = [case["internal_reason"] for _, case in all_cases() if case.get("internal")]
    assert (len(cases()), len(internal)) == (32, 8)
    assert set(internal) == {"node informer and API disagree"}
