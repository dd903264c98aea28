"""Node lifecycle and taint eviction do what upstream's own unit tests say.

Source: pkg/controller/tainteviction/taint_eviction_test.go and
pkg/controller/nodelifecycle/node_lifecycle_controller_test.go, as neutral data (see the tables' README).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.tables import Case, check_counts, parameters, rules_of
from volsim.control import node_lifecycle, taint_eviction
from volsim.control.taint_eviction import evicted_at
from volsim.engine.perform import Engine
from volsim.manifests import from_manifest, to_manifest
from volsim.objects import Condition, Pod
from volsim.rules import Duration, Rules, microseconds
from volsim.state import Draft, State

HEARTBEATS = "heartbeats are written by hand; here they follow from whether the machine is on (see the incidents)"
EVICTION = ("podCreated", "podUpdated", "nodeCreated", "nodeUpdated", "nodeUpdatedSteps")


def why_not(case: Case) -> str | None:
    """Why a case is left out."""
    if case.get("legacy"):
        return "eviction without taints, which no version that is simulated uses"
    call = case["action"]["call"]
    if call in ("updateStatus", "markPodsNotReady", "podStatusReason"):
        return HEARTBEATS
    if call == "zoneStates" and any("node-master" in str(node) for node in case["initial"]["nodes"]):
        return "the label of the excluded node is not in the data"
    return None


class Controllers:
    """The two controllers alone, with nodes and pods that are put before them."""

    def __init__(self, rules: Rules, initial: dict[str, Any]) -> None:
        self.engine = Engine((node_lifecycle.CONTROLLER, taint_eviction.CONTROLLER))
        self.draft: Draft = State.empty(rules).draft(self.engine.watches)
        for kind, plural in (("Node", "nodes"), ("Pod", "pods")):
            for given in initial.get(plural, []):
                self.put(kind, given)
        self.run(0)

    def put(self, kind: str, given: dict[str, Any]) -> None:
        if kind == "Pod":  # the tables' pods have no containers
            given = {**given, "spec": {"containers": [{"name": "c"}], **given.get("spec", {})}}
        obj: Any = from_manifest({"apiVersion": "v1", "kind": kind, **given})
        obj = obj.replace(metadata=obj.metadata.replace(uid=f"uid-{obj.name}"))
        before = self.draft.get(obj.PLURAL, obj.key)
        if before is not None and before.spec == obj.spec:  # what did not change is the very same
            obj = obj.replace(spec=before.spec)
        self.draft.put(obj.PLURAL, obj.key, obj)
        self.draft.take_changes()

    def run(self, for_: Duration) -> None:
        end_us = self.draft.now_us + microseconds(for_)
        while (action := self.engine.next_action(self.draft, end_us)) is not None:
            self.engine.sync(self.draft, action)
        self.draft.wait_until(end_us)

    def deleted(self) -> set[str]:
        """The pods that were told to go."""
        return {pod.name for pod in self.draft.pods.values() if pod.metadata.deletion_timestamp is not None}

    def taints(self, node: str, effect: str) -> list[dict[str, Any]]:
        found = to_manifest(self.draft.nodes[node]).get("spec", {}).get("taints", [])
        return [
            {key: value for key, value in taint.items() if key != "timeAdded"}
            for taint in found
            if taint["effect"] == effect
        ]


def made(path: Path, case: Case) -> Controllers:
    return Controllers(rules_of(path), case["initial"])


def is_marked(pod: Pod) -> bool:
    return any(each.type == "DisruptionTarget" and each.status == "True" for each in pod.status.conditions)


@pytest.mark.parametrize(
    ("path", "case"), parameters("node_eviction", lambda case: case["action"]["call"] in EVICTION, why_not)
)
def test_pods_are_evicted_as_upstream_says(path: Path, case: Case) -> None:
    cluster, action, expected = made(path, case), case["action"], case["expected"]
    for number, step in enumerate(action.get("steps", [action])):
        for kind in ("node", "pod"):
            if kind in step:
                cluster.put(kind.capitalize(), step[kind])
        cluster.run(0)
        if "queuedForDeletion" in expected:
            [pod] = cluster.draft.pods.values()
            assert (evicted_at(cluster.draft, pod) is not None) == expected["queuedForDeletion"][number]
    gone: set[str] = set()
    for each in expected.get("deletedAfter", []):
        gone |= set(each["pods"])
        cluster.run(microseconds(each["after"]) / 1_000_000 - cluster.draft.now_us / 1_000_000)
        assert cluster.deleted() == gone
    if "deleted" in expected:
        cluster.run(action.get("wait", "5s" if not expected["deleted"] else 0))
        assert bool(cluster.deleted()) == expected["deleted"]
    if "disruptionTarget" in expected:
        assert any(map(is_marked, cluster.draft.pods.values())) == expected["disruptionTarget"]


@pytest.mark.parametrize(
    ("path", "case"), parameters("node_eviction", lambda case: case["action"]["call"] == "taintByCondition", why_not)
)
def test_conditions_taint_a_node_as_upstream_says(path: Path, case: Case) -> None:
    assert made(path, case).taints("node0", "NoSchedule") == case["expected"]["taints"]


@pytest.mark.parametrize(
    ("path", "case"), parameters("node_eviction", lambda case: case["action"]["call"] == "noExecuteTaints", why_not)
)
def test_silent_nodes_are_tainted_as_upstream_says(path: Path, case: Case) -> None:
    cluster = made(path, case)
    cluster.run("1m")
    for name, status in case["action"].get("change", {}).items():
        cluster.put("Node", {**to_manifest(cluster.draft.nodes[name]), "status": status})
    cluster.run("1m")
    for name, taints in case["expected"]["taints"].items():
        assert cluster.taints(name, "NoExecute") == taints


@pytest.mark.parametrize(
    ("path", "case"), parameters("node_eviction", lambda case: case["action"]["call"] == "zoneStates", why_not)
)
def test_zones_are_as_upstream_says(path: Path, case: Case) -> None:
    cluster = made(path, case)
    assert states(cluster, case["expected"]["zoneStatesBefore"]) == case["expected"]["zoneStatesBefore"]
    for node, ready in zip(list(cluster.draft.nodes.values()), case["action"]["updatedReady"], strict=True):
        conditions = tuple(Condition(type="Ready", status=status) for status in ready)
        cluster.draft.put("nodes", node.name, node.replace(status=node.status.replace(conditions=conditions)))
    cluster.draft.take_changes()
    assert states(cluster, case["expected"]["zoneStatesAfter"]) == case["expected"]["zoneStatesAfter"]


def states(cluster: Controllers, keys: dict[str, str]) -> dict[str, str]:
    """The states of the zones, by upstream's way of writing region and zone."""
    names = {key: "/".join(key.split(":\0:")) if key else "/" for key in keys}
    return {key: node_lifecycle.zone_state(cluster.draft, name) for key, name in names.items()}


LATE = "late watch event; the outcome without the delay is the same"
PINNED = {
    "1.20.2 run": 20,
    "1.20.2 skipped: eviction without taints, which no version that is simulated uses": 10,
    f"1.20.2 skipped: {HEARTBEATS}": 6,
    "1.20.2 skipped: helper function": 5,
    f"1.20.2 skipped: {LATE}": 4,
    "1.36.2 run": 27,
    f"1.36.2 skipped: {HEARTBEATS}": 7,
    "1.36.2 skipped: helper function": 5,
    f"1.36.2 skipped: {LATE}": 4,
    "1.36.2 skipped: the label of the excluded node is not in the data": 1,
}


def test_what_was_run_and_why_the_rest_was_not() -> None:
    check_counts("node_eviction", PINNED, why_not=why_not)
