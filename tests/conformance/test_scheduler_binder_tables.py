"""Volumes are found, reserved and bound for a pod as upstream's own unit tests say.

Source: kube-scheduler, plugins/volumebinding/binder_test.go; before 1.21, pkg/controller/volume/scheduling/
scheduler_binder_test.go, as neutral data (see the tables' README).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.tables import Case, check_counts, fixtures, parameters, rules_of
from volsim.apiserver.writes import Bind, Update
from volsim.control.contract import Outcome
from volsim.control.scheduler import cycle, pre_bind, volume_binding
from volsim.control.scheduler.framework import Attempt, Known, Partly, Status
from volsim.control.scheduler.memory import Memory
from volsim.control.scheduler.volume_binding import Decision
from volsim.control.writing import annotated
from volsim.manifests import from_manifest
from volsim.objects import ObjectMeta, Pod
from volsim.objects.binding import BIND_COMPLETED, SELECTED_NODE
from volsim.state import Draft, State

KINDS = {
    "nodes": ("v1", "Node"),
    "persistentVolumes": ("v1", "PersistentVolume"),
    "persistentVolumeClaims": ("v1", "PersistentVolumeClaim"),
    "storageClasses": ("storage.k8s.io/v1", "StorageClass"),
    "csiNodes": ("storage.k8s.io/v1", "CSINode"),
    "csiDrivers": ("storage.k8s.io/v1", "CSIDriver"),
    "csiStorageCapacities": ("storage.k8s.io/v1", "CSIStorageCapacity"),
}
NODE = {"metadata": {"name": "node1", "labels": {"nodeKey": "node1"}}}
REASONS = {
    "BindConflict": volume_binding.BIND_CONFLICT,
    "NodeConflict": "node(s) had volume node affinity conflict",
    "NotEnoughSpace": volume_binding.NO_SPACE,
    "PVNotExist": "pvc(s) bound to non-existent pv(s)",
}


def parsed(key: str, manifest: dict[str, Any]) -> Any:
    api_version, kind = KINDS[key]
    return from_manifest({"apiVersion": api_version, "kind": kind, **manifest})


def put(draft: Draft, key: str, manifest: dict[str, Any]) -> None:
    obj = parsed(key, manifest)
    draft.put(obj.PLURAL, obj.key, obj)


def state_of(path: Path, case: Case) -> Draft:
    draft = State.empty(rules_of(path)).draft()
    initial = dict(case["initial"])
    if "storageClassesFrom" in initial:
        initial["storageClasses"] = fixtures(path)[initial.pop("storageClassesFrom")]
    for key in KINDS:
        for manifest in initial.get(key, [NODE] if key == "nodes" else []):
            put(draft, key, manifest)
    return draft


def decision_of(draft: Draft, action: dict[str, Any]) -> Decision:
    claims = draft.persistent_volume_claims
    return Decision(
        tuple(
            (claims[f"testns/{each['claim']}"], draft.persistent_volumes[each["volume"]])
            for each in action.get("bindings", [])
        ),
        tuple(claims[f"testns/{name}"] for name in action.get("provision", [])),
    )


def memory_of(action: dict[str, Any]) -> Memory:
    return Memory(
        uid="pod-uid",
        node="node1",
        deadline_us=action.get("bindTimeoutSeconds", 0) * 1_000_000,
        bindings=tuple((f"testns/{each['claim']}", each["volume"]) for each in action.get("bindings", [])),
        provisions=tuple(f"testns/{name}" for name in action.get("provision", [])),
    )


@pytest.mark.parametrize(
    ("path", "case"), parameters("scheduler_binder", lambda case: case["action"]["call"] == "findPodVolumes")
)
def test_volumes_are_found(path: Path, case: Case) -> None:
    draft, wanted, name = state_of(path, case), case["expected"], case["action"]["node"]
    pod = from_manifest({"apiVersion": "v1", "kind": "Pod", **case["initial"]["pods"][0]})
    assert isinstance(pod, Pod)
    waiting = pod.replace(
        metadata=pod.metadata.replace(uid=pod.metadata.uid or ""), spec=pod.spec.replace(node_name=None)
    )
    attempt = Attempt(draft, waiting)
    answer = volume_binding.pre_filter(attempt)
    assert isinstance(answer, Status) == wanted["error"]
    if isinstance(answer, Status):
        return
    check = answer.filter if isinstance(answer, Known | Partly) else answer
    found = check(attempt.node(name)) if check is not None else None
    said = list(found.reasons) if found is not None else []
    assert said == wanted.get("messages", [REASONS[each] for each in wanted["reasons"]])
    if said:
        return
    possible = volume_binding.ways(attempt, name)
    chosen = {each["claim"]: each["volume"] for each in wanted["bindings"]}
    assert chosen in [{claim.metadata.name: volume.metadata.name for claim, volume in way.bindings} for way in possible]
    assert sorted(claim.metadata.name or "" for claim in possible[0].provisions) == sorted(wanted["provision"])


@pytest.mark.parametrize(
    ("path", "case"), parameters("scheduler_binder", lambda case: case["action"]["call"] == "assumePodVolumes")
)
def test_volumes_are_reserved(path: Path, case: Case) -> None:
    draft, wanted = state_of(path, case), case["expected"]
    way = decision_of(draft, case["action"])
    assert (way == Decision()) == wanted["allBound"]
    for write in pre_bind.requests(way, case["action"]["node"]):
        assert isinstance(write, Update)
        draft.put(write.obj.PLURAL, write.obj.key, write.obj)
    for each in wanted["bindings"]:
        ref = draft.persistent_volumes[each["volume"]].spec.claim_ref
        assert ref is not None
        assert (ref.name, ref.namespace, ref.uid) == (each["claim"], "testns", each["claimRef"]["uid"])
    for name in wanted["provision"]:
        claim = draft.persistent_volume_claims[f"testns/{name}"]
        assert claim.metadata.annotations[SELECTED_NODE] == case["action"]["node"]


@pytest.mark.parametrize(
    ("path", "case"), parameters("scheduler_binder", lambda case: case["action"]["call"] == "checkBindings")
)
def test_bindings_are_checked(path: Path, case: Case) -> None:
    draft, action, wanted = state_of(path, case), case["action"], case["expected"]
    for write in pre_bind.requests(decision_of(draft, {"provision": action.get("provision", [])}), "node1"):
        assert isinstance(write, Update)
        draft.put(write.obj.PLURAL, write.obj.key, write.obj)
    for key, table in (("thenUpdatedPVs", "persistentVolumes"), ("thenUpdatedPVCs", "persistentVolumeClaims")):
        for manifest in action.get(key, []):
            put(draft, table, manifest)
    for key, table in (("thenDeletePVs", "persistentvolumes"), ("thenDeletePVCs", "persistentvolumeclaims")):
        for name in list(draft.table(table)) if action.get(key) else []:
            draft.put(table, name, None)
    found = pre_bind.check(draft, memory_of(action))
    assert isinstance(found, str) == wanted["error"]
    assert (found is True) == wanted["allBound"]


def meanwhile(draft: Draft, what: str) -> None:
    """What the case says that others do while the pod waits."""
    claim = next(iter(draft.persistent_volume_claims.values()))
    volume = "pv-node1a"
    if what == "the claim is deleted":
        draft.put("persistentvolumeclaims", claim.key, None)
        return
    if what == "the pod is deleted":
        draft.put("pods", "testns/test-pod", None)
        return
    if "PV is provisioned" in what or "pv-node2" in what:
        volume = "pv-node2" if "pv-node2" in what else "provisioned"
        node = "node2" if volume == "pv-node2" else "node1"
        term = {"matchExpressions": [{"key": "nodeKey", "operator": "In", "values": [node]}]}
        affinity = {"required": {"nodeSelectorTerms": [term]}}
        put(draft, "persistentVolumes", {"metadata": {"name": volume}, "spec": {"nodeAffinity": affinity}})
    bound = annotated(claim, BIND_COMPLETED).replace(spec=claim.spec.replace(volume_name=volume))
    draft.put("persistentvolumeclaims", claim.key, bound)


def outcome(draft: Draft) -> Outcome:
    found = cycle.sync(draft, "testns/test-pod")
    assert isinstance(found, Outcome)
    return found


@pytest.mark.parametrize(
    ("path", "case"), parameters("scheduler_binder", lambda case: case["action"]["call"] == "bindPodVolumes")
)
def test_the_pod_is_bound_after_its_volumes_are(path: Path, case: Case) -> None:
    draft, action = state_of(path, case), case["action"]
    for write in pre_bind.requests(decision_of(draft, action), "node1"):
        assert isinstance(write, Update)
        draft.put(write.obj.PLURAL, write.obj.key, write.obj)
    pod = Pod(metadata=ObjectMeta(namespace="testns", name="test-pod", uid="pod-uid"))
    draft.put("pods", pod.key, pod)
    draft.put("scheduling", pod.key, memory_of(action))
    found = outcome(draft)
    if not found.events and "whileWaiting" in action:
        draft.wait_until(5_000_000)
        meanwhile(draft, action["whileWaiting"])
        found = outcome(draft)
    if not found.events:
        draft.wait_until(action["bindTimeoutSeconds"] * 1_000_000)
        found = outcome(draft)
    assert {note.reason for note in found.events} == {"FailedScheduling" if case["expected"]["error"] else "Scheduled"}
    assert any(isinstance(write, Bind) for write in found.writes) != case["expected"]["error"]


def test_the_cases_are_those_that_are_known() -> None:
    check_counts(
        "scheduler_binder",
        {
            "1.20.2 run": 58,
            "1.20.2 skipped: API version conflict": 1,
            "1.20.2 skipped: PV not yet in the informer cache": 1,
            "1.20.2 skipped: assume-cache version conflict": 2,
            "1.20.2 skipped: in-tree to CSI migration translation": 10,
            "1.20.2 skipped: nil or empty slice arguments": 6,
            "1.20.2 skipped: scheduler writing its assumed bindings to the API (nil slices, version conflicts)": 11,
            "1.36.2 run": 73,
            "1.36.2 skipped: API version conflict": 1,
            "1.36.2 skipped: PV not yet in the informer cache": 1,
            "1.36.2 skipped: assume-cache version conflict": 2,
            "1.36.2 skipped: in-tree to CSI migration translation": 10,
            "1.36.2 skipped: nil or empty slice arguments": 6,
            "1.36.2 skipped: scheduler writing its assumed bindings to the API (nil slices, version conflicts)": 10,
        },
    )
