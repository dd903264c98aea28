"""The API server refuses what upstream's own unit tests say that it refuses, with the same errors in the same order.

Source: kube-apiserver, pkg/apis/core/validation/validation_test.go and pkg/apis/storage/validation/validation_test.go,
as neutral data (see the tables' README). The functions are those that every write to a simulated API server asks;
where upstream validated only a part of an object, the function for that part is asked.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.conformance.pv_controller import parsed
from tests.conformance.tables import Case, check_counts, parameters, rules_of
from volsim.apiserver.validation import (
    configuration,
    containers,
    persistent,
    placement,
    pods,
    sources,
    validate_create,
    validate_status_update,
    validate_update,
    volumes,
)
from volsim.apiserver.validation.fields import Errors
from volsim.errors import FieldError
from volsim.manifests import read
from volsim.rules import Rules

# -- which rules a case is about ---------------------------------------------------------------------------------------
GATES = {
    "MutablePVNodeAffinity": "mutable_pv_node_affinity",
    "CrossNamespaceVolumeDataSource": "cross_namespace_volume_data_source",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "AllowTaintTolerationComparisonOperators": {"taint_toleration_comparison": True},
    "AllowInvalidLabelValueInRequiredNodeAffinity": {"node_affinity_values_checked": False},
}
NAMED = {"hugepages-downwardAPI-enabled": {"huge_pages_in_downward_api": True}}  # only the case's name says so
IN_A_TEMPLATE = "image volume with empty reference on other object"  # likewise


def rules_for(path: Path, case: Case) -> Rules:
    rules, action = rules_of(path), case["action"]
    changed: dict[str, Any] = {GATES[name]: value for name, value in action.get("featureGates", {}).items()}
    for name in action.get("options", []):
        changed |= OPTIONS[name]
    changed |= NAMED.get(case["name"], {})
    if case["test"] == "TestValidatePersistentVolumeClaimUpdate" and rules.version < (1, 24):
        changed["expand_persistent_volumes"] = bool(action.get("expandPersistentVolumes"))
    return attrs.evolve(rules, **changed)


# -- asking ------------------------------------------------------------------------------------------------------------
ROOT = "source"


def of_a_source(kind: str, manifest: dict[str, Any], errors: Errors) -> None:
    """The cases that are about a volume source, or an item of one."""
    match kind:
        case "KeyToPath":
            [volume] = pod_with({"secret": {"items": [manifest]}})
            configuration.check_key_to_path(errors, volume.secret.items[0], ROOT)
        case "NFSVolumeSource":
            [volume] = pod_with({"nfs": manifest})
            sources.check_nfs(errors, volume.nfs, f"{ROOT}.nfs")
        case "CSIVolumeSource":
            [volume] = pod_with({"csi": manifest})
            sources.check_csi(errors, volume.csi, f"{ROOT}.csi")
        case _:
            source = parsed("PersistentVolume", {"spec": {"csi": manifest}}).spec.csi
            sources.check_persistent_csi(errors, source, f"{ROOT}.csi")


def pod_with(source: dict[str, Any]) -> tuple[Any, ...]:
    found: tuple[Any, ...] = parsed("Pod", {"spec": {"volumes": [{"name": "data", **source}]}}).spec.volumes
    return found


def of_a_part(part: str, obj: Any, errors: Errors, is_pod: bool) -> None:
    """The cases in which the rest of the object is missing."""
    by_name = {volume.name: volume for volume in getattr(obj.spec, "volumes", ())}
    match part, obj.kind:
        case "spec", "Pod":
            pods.check_pod_spec(errors, obj.spec, part, pod_name=None, is_pod=False)
        case "spec", "PersistentVolume":
            persistent.check_volume(errors, obj)
        case "spec", _:
            persistent.check_claim_spec(errors, obj.spec, part)
        case "spec.volumes", _:
            check = persistent.check_claim_template
            name = obj.name if is_pod else None
            found = (errors, obj.spec.volumes, part)
            volumes.check_volumes(*found, check_claim_template=check, pod_name=name, is_pod=is_pod)
        case "spec.tolerations", _:
            placement.check_tolerations(errors, obj.spec.tolerations, part)
        case "spec.containers[0].volumeMounts", _:
            containers.check_mounts(errors, obj.spec.containers[0], part, by_name)
        case "spec.containers[0].volumeDevices", _:
            containers.check_devices(errors, obj.spec.containers[0], part, by_name)
        case _:
            assert part == "fileKeyRef env sources"
            pods.check_file_keys(errors, obj.spec, "spec")


SOURCES = ("KeyToPath", "NFSVolumeSource", "CSIVolumeSource", "CSIPersistentVolumeSource")


def answer(path: Path, case: Case) -> list[FieldError]:
    rules, action, initial = rules_for(path, case), case["action"], case["initial"]
    kind, part = action["kind"], action.get("part")
    if action["call"] == "update":
        new, old = parsed(kind, initial["new"]), parsed(kind, initial["old"])
        validate = validate_status_update if action.get("subresource") == "status" else validate_update
        return validate(new, old, rules)
    errors = Errors(rules)
    if kind in SOURCES:
        of_a_source(kind, initial["object"], errors)
    elif part is not None:
        of_a_part(part, parsed(kind, initial["object"]), errors, case["name"] != IN_A_TEMPLATE)
    else:
        return validate_create(parsed(kind, initial["object"]), rules)
    return errors


# -- which cases are left out ------------------------------------------------------------------------------------------
CARRIED = ("seccomp", "apparmor", "appArmor")  # as annotations and as fields
WITHOUT_CONTAINER = "TestValidateMountPropagation/mount propagation 11"


def why_not(case: Case) -> str | None:
    """Why a case cannot be run: it is about what is only carried, or about what the data have left out."""
    errors = case["expected"].get("errors", [])
    fields = [re.sub(r"\[\d+\]", "[]", error["field"]) for error in errors]
    if any(field.endswith(".resourceVersion") for field in fields):
        return "the data leave resource versions out"
    if any(name in field for name in CARRIED for field in fields):
        return "about what volsim only carries"
    if case["action"]["call"] == "create" and case["action"]["kind"] not in SOURCES:
        for path in carried_by(case):
            if any(field.startswith(path) or ("[" in field and path.startswith(field)) for field in fields):
                return "about what volsim only carries"
    return "mounts without a container, which no simulation has" if case["id"] == WITHOUT_CONTAINER else None


def carried_by(case: Case) -> list[str]:
    manifest = {"apiVersion": "v1", "kind": case["action"]["kind"], **case["initial"]["object"]}
    if manifest["kind"] == "StorageClass":
        return []
    return [notice.path for notice in read(manifest).notices]


# -- the tests ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("path", "case"), parameters("validation", why_not=why_not))
def test_the_same_errors_in_the_same_order(path: Path, case: Case) -> None:
    found = answer(path, case)
    told = [(error.type.removeprefix("FieldValue"), error.field.removeprefix(f"{ROOT}.")) for error in found]
    expected = [(error["type"], error["field"]) for error in case["expected"].get("errors", [])]
    assert told == expected, "\n".join(map(str, found))
    assert (not told) == case["expected"]["valid"]


PINNED = {
    "1.20.2 run": 353,
    "1.20.2 skipped: PV spec inlined in a VolumeAttachment": 9,
    "1.20.2 skipped: about what volsim only carries": 10,
    "1.20.2 skipped: mounts without a container, which no simulation has": 1,
    "1.20.2 skipped: the data leave resource versions out": 1,
    "1.36.2 run": 598,
    "1.36.2 skipped: PV spec inlined in a VolumeAttachment": 9,
    "1.36.2 skipped: about what volsim only carries": 21,
    "1.36.2 skipped: feature switched off that 1.36 has locked on": 9,
    "1.36.2 skipped: mounts without a container, which no simulation has": 1,
    "1.36.2 skipped: the data leave resource versions out": 1,
}


def test_how_many_cases_were_run_is_pinned() -> None:
    check_counts("validation", PINNED, why_not=why_not)
