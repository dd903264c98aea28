"""Admission fills in the default class, protects what is in use and refuses to grow, as upstream's own unit tests say.

Source: kube-apiserver, plugin/pkg/admission/storage/{storageclass/setdefault,persistentvolume/resize,
storageobjectinuseprotection}/admission_test.go, as neutral data (see the tables' README).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.pv_controller import parsed
from tests.conformance.tables import Case, check_counts, parameters, rules_of
from volsim.apiserver.admission import admit, admit_update
from volsim.errors import Forbidden
from volsim.manifests import from_manifest
from volsim.state import Draft, State

KINDS = {
    "persistentvolumeclaims": ("v1", "PersistentVolumeClaim"),
    "persistentvolumes": ("v1", "PersistentVolume"),
    "volumeattributesclasses": ("storage.k8s.io/v1", "VolumeAttributesClass"),
}


def cluster(path: Path, case: Case) -> Draft:
    """An API server that knows the case's classes. Two classes of one name are one: the later one."""
    draft: Draft = State.empty(rules_of(path)).draft()
    for manifest in case["initial"].get("storageClasses", []):
        storage_class = parsed("StorageClass", manifest)
        draft.put("storageclasses", storage_class.key, storage_class)
    return draft


def answer(path: Path, case: Case) -> dict[str, Any]:
    draft, initial, action = cluster(path, case), case["initial"], case["action"]
    if action["call"] == "createClaim":
        [manifest] = initial["persistentVolumeClaims"]
        try:
            return {"storageClassName": admit(draft, parsed("PersistentVolumeClaim", manifest)).spec.storage_class_name}
        except Forbidden:
            return {"error": True}
    if action["call"] == "create":
        version, kind = KINDS[action["resource"]]
        obj: Any = from_manifest({"apiVersion": version, "kind": kind, **initial["object"]})
        return {"finalizers": list(admit(draft, obj).metadata.finalizers)}
    new, old = (parsed("PersistentVolumeClaim", initial[name]) for name in ("new", "old"))
    try:
        admit_update(draft, new, old)
    except Forbidden:
        return {"rejected": True}
    return {"rejected": False}


@pytest.mark.parametrize(("path", "case"), parameters("admission"))
def test_admission_answers_as_upstream_says(path: Path, case: Case) -> None:
    assert answer(path, case) == case["expected"]


def test_how_many_cases_were_run_is_pinned() -> None:
    pinned = {
        "1.20.2 run": 14,
        "1.20.2 skipped: StorageObjectInUseProtection feature switched off": 2,
        "1.36.2 run": 17,
        "1.36.2 skipped: feature switched off that 1.36 has locked on": 2,
    }
    check_counts("admission", pinned)
