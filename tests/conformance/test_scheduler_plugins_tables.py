"""The scheduler's plugins answer as upstream's own unit tests say.

Source: kube-scheduler, pkg/scheduler/framework/plugins/*/*_test.go, as neutral data (see the tables' README).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.tables import Case, check_counts, parameters, rules_of
from volsim.control.scheduler.framework import Answer, Attempt, Known, Narrowed, Partly, Status, Steady
from volsim.control.scheduler.plugins import plugins_of
from volsim.manifests import from_manifest
from volsim.objects import Pod
from volsim.state import Draft, State

KINDS = {
    "nodes": ("v1", "Node"),
    "persistentVolumes": ("v1", "PersistentVolume"),
    "persistentVolumeClaims": ("v1", "PersistentVolumeClaim"),
    "storageClasses": ("storage.k8s.io/v1", "StorageClass"),
    "csiNodes": ("storage.k8s.io/v1", "CSINode"),
    "csiDrivers": ("storage.k8s.io/v1", "CSIDriver"),
    "csiStorageCapacities": ("storage.k8s.io/v1", "CSIStorageCapacity"),
    "volumeAttachments": ("storage.k8s.io/v1", "VolumeAttachment"),
}
NODE = "the-node"  # many of upstream's nodes and pods have no name

# what the tables of 1.20.2 name instead of saying it
TEXTS = {
    "BindConflict": "node(s) didn't find available persistent volumes to bind",
    "NodeConflict": "node(s) had volume node affinity conflict",
    "PVNotExist": "pvc(s) bound to non-existent pv(s)",
    "DiskConflict": "node(s) had no available disk",
    "ZoneConflict": "node(s) had no available volume zone",
    "PVCWithoutPVAndClass": "PersistentVolumeClaim had no pv name and storageClass name",
    "MaxVolumeCountExceeded": "node(s) exceed max volume count",
    "NodeAffinityPod": "node(s) didn't match Pod's node affinity",
    "NodeUnschedulable": "node(s) were unschedulable",
}
NAMED = {  # the beginning of a text that goes on with a name
    "PVCNotFound": "persistentvolumeclaim ",
    "StorageClassNotFound": "storageclasses.storage.k8s.io ",
    "BindingModeNotSet": "VolumeBindingMode not set for StorageClass ",
    "UntoleratedTaint": "node(s) had taint {",
}


def parsed(key: str, manifest: dict[str, Any]) -> Any:
    api_version, kind = KINDS[key]
    obj = from_manifest({"apiVersion": api_version, "kind": kind, **manifest})
    if not obj.NAMESPACED or obj.metadata.namespace:
        return obj
    return obj.replace(metadata=obj.metadata.replace(namespace="default"))


def is_modelled(case: Case) -> bool:
    """Not modelled: alpha features, and affinity that an administrator adds in the scheduler's configuration."""
    return "alpha" not in (case.get("feature_state") or "") and "addedAffinity" not in case["action"]


def pods_of(case: Case, key: str) -> list[Any]:
    found = []
    for number, manifest in enumerate(case["initial"].get(key, [])):
        metadata = {"name": f"{key}-{number}", "namespace": "default", **manifest.get("metadata", {})}
        pod = from_manifest({"apiVersion": "v1", "kind": "Pod", **manifest, "metadata": metadata})
        assert isinstance(pod, Pod)
        node = case["initial"].get("nodes", [{}])[0].get("metadata", {}).get("name", NODE)
        found.append(pod.replace(spec=pod.spec.replace(node_name=node if key == "existingPods" else None)))
    return found


def state_of(path: Path, case: Case) -> Draft:
    draft = State.empty(rules_of(path)).draft()
    for key in KINDS:
        for manifest in case["initial"].get(key, [{}] if key == "nodes" else []):
            obj = parsed(key, manifest)
            if key == "nodes" and not obj.metadata.name:
                obj = obj.replace(metadata=obj.metadata.replace(name=NODE))
            draft.put(obj.PLURAL, obj.key, obj)
    for pod in pods_of(case, "existingPods"):
        draft.put("pods", pod.key, pod)
    return draft


def verdict(attempt: Attempt, answer: Answer, node: str) -> Status | None:
    """What the plugin says of a node, be it already when it looks at the pod; the sets of nodes say the same."""
    if answer is None or isinstance(answer, Status):
        return answer
    if isinstance(answer, Narrowed):
        answer = answer.filter
    said = (answer.filter if isinstance(answer, Known | Partly | Steady) else answer)(attempt.node(node))
    if isinstance(answer, Known):
        place = attempt.lineup.place[node]
        refused = [status for status, nodes in answer.refused(attempt.lineup) if nodes >> place & 1]
        assert refused == ([said] if said is not None else [])
    return said


def assert_says(found: Status | None, wanted: dict[str, Any]) -> None:
    if wanted["code"] in ("Success", "Skip"):
        assert found is None
        return
    assert found is not None
    assert found.code == wanted["code"]
    if "messages" in wanted:
        assert list(found.reasons) == wanted["messages"]
    elif found.code != "Error":
        assert len(found.reasons) == len(wanted["reasons"])
        for said, identifier in zip(found.reasons, wanted["reasons"], strict=True):
            assert said == TEXTS[identifier] if identifier in TEXTS else said.startswith(NAMED[identifier])


@pytest.mark.parametrize(("path", "case"), parameters("scheduler_plugins", is_modelled))
def test_case(path: Path, case: Case) -> None:
    draft, wanted = state_of(path, case), case["expected"]
    plugin = {each.name: each for each in plugins_of(draft.rules)}[case["action"]["plugin"]]
    attempt = Attempt(draft, pods_of(case, "pods")[0])
    assert plugin.pre_filter is not None
    answer = plugin.pre_filter(attempt)
    pre_filter = wanted.get("preFilter", {"code": "Success"})
    if pre_filter["code"] == "Skip":
        assert answer is None
    if "nodeNames" in pre_filter:
        assert isinstance(answer, Narrowed)
        assert sorted(answer.nodes) == sorted(pre_filter["nodeNames"])
    first = next(iter(draft.nodes))
    failed = pre_filter["code"] not in ("Success", "Skip")
    assert_says(verdict(attempt, answer, first), pre_filter if failed else wanted["filter"])
    for node, said in wanted.get("filterByNode", {}).items():
        assert_says(verdict(attempt, answer, node), said)


def test_the_cases_are_those_that_are_known() -> None:
    check_counts(
        "scheduler_plugins",
        {
            "1.20.2 run": 123,
            "1.20.2 skipped: in-tree to CSI migration counting": 6,
            "1.20.2 skipped: not of this area": 2,
            "1.36.2 run": 85,
            "1.36.2 skipped: in-tree to CSI migration counting": 11,
            "1.36.2 skipped: not of this area": 22,
        },
        is_modelled,
    )
