"""Stateful sets name, number and own as upstream's own unit tests say.

Source: pkg/controller/statefulset/{stateful_set_utils,stateful_pod_control}_test.go, as neutral data (see the tables'
README).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from volsim.control.stateful_set import retention
from volsim.control.stateful_set.identity import REVISION_LABEL, claims_for, new_pod, ordinal_of
from volsim.manifests import from_manifest, to_manifest
from volsim.objects import (
    PersistentVolumeClaim,
    Pod,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
)
from volsim.rules import Rules

TABLES = Path(__file__).parents[2] / ".." / "shared" / "conformance" / "tables"
pytestmark = pytest.mark.skipif(not TABLES.is_dir(), reason="the conformance tables lie beside the repository")


def cases() -> list[Any]:
    return [
        pytest.param(file.parent.name, case, id=f"{file.parent.name}/{case['id']}")
        for file in sorted(TABLES.glob("*/statefulset.json"))
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
        if not case.get("internal")
    ]


def read(kind: str, api_version: str, given: dict[str, Any]) -> Any:
    return from_manifest({**given, "apiVersion": api_version, "kind": kind})


def the_set(initial: dict[str, Any]) -> StatefulSet:
    if "statefulSets" in initial:
        found: StatefulSet = read("StatefulSet", "apps/v1", initial["statefulSets"][0])
        return found
    policy = initial["persistentVolumeClaimRetentionPolicy"]
    spec = {"replicas": initial["replicas"], "persistentVolumeClaimRetentionPolicy": policy}
    made: StatefulSet = read("StatefulSet", "apps/v1", {"metadata": {"name": "set", "uid": "set-uid"}, "spec": spec})
    return made


def the_pod(initial: dict[str, Any]) -> Pod:
    given = initial.get("pods") or [{"metadata": {"name": f"set-{initial['ordinal']}", "uid": "pod-uid"}}]
    found: Pod = read("Pod", "v1", given[0])
    return found


def the_claim(initial: dict[str, Any]) -> PersistentVolumeClaim:
    metadata = {"name": "claim", "ownerReferences": initial.get("ownerReferences", [])}
    found: PersistentVolumeClaim = read("PersistentVolumeClaim", "v1", {"metadata": metadata})
    return found


def owned(claim: PersistentVolumeClaim, uid: str | None) -> bool:
    return any(ref.uid == uid for ref in claim.metadata.owner_references)


POLICIES = [("Retain", "Delete"), ("Delete", "Retain"), ("Delete", "Delete")]


def with_policy(stateful_set: StatefulSet, when_scaled: str, when_deleted: str) -> StatefulSet:
    policy = StatefulSetPersistentVolumeClaimRetentionPolicy(when_scaled=when_scaled, when_deleted=when_deleted)
    return stateful_set.replace(spec=stateful_set.spec.replace(persistent_volume_claim_retention_policy=policy))


def plain_claims(stateful_set: StatefulSet, ordinal: int) -> dict[str, Any]:
    claims = {}
    for template, claim in claims_for(stateful_set, ordinal).items():
        shown = to_manifest(claim)
        claims[template] = {key: shown[key] for key in ("metadata", "spec") if key in shown}
    return claims


def pod_for_ordinal(version: str, case: dict[str, Any]) -> dict[str, Any]:
    stateful_set, ordinal = the_set(case["initial"]), case["action"]["ordinal"]
    rules = Rules.for_version(version.rpartition(".")[0])
    shown = to_manifest(new_pod(stateful_set, stateful_set.spec.template, ordinal, "revision", rules))
    metadata, spec = shown["metadata"], shown["spec"]
    assert metadata["labels"].pop(REVISION_LABEL) == "revision"  # the table's pods are made without a revision
    del metadata["ownerReferences"]
    named = {key: spec[key] for key in ("hostname", "subdomain", "volumes")}
    return {"pod": {"metadata": metadata, "spec": named}, "claims": plain_claims(stateful_set, ordinal)}


def retention_answer(case: dict[str, Any]) -> dict[str, Any]:
    call, initial = case["action"]["call"], case["initial"]
    stateful_set, pod, claim = the_set(initial), the_pod(initial), the_claim(initial)
    if call == "claimOwnerUpToDate":
        return {"upToDate": retention.is_up_to_date(claim, stateful_set, pod)}
    if call == "hasUnexpectedController":
        assert not retention.has_other_controller(claim, stateful_set, pod)  # it says nothing of a policy: Retain
        (found,) = {retention.has_other_controller(claim, with_policy(stateful_set, *each), pod) for each in POLICIES}
        return {"unexpectedController": found}
    if call == "hasNonControllerOwner":
        return {"nonControllerOwner": retention.has_plain_owner(claim, stateful_set, pod)}
    if call == "podClaimIsStale":
        return {"stale": is_stale(stateful_set, pod, initial["persistentVolumeClaims"])}
    assert call in ("claimOwnerRefs", "updateClaimOwnerRefs")
    after = retention.with_owners(claim, stateful_set, pod)
    refs = to_manifest(after)["metadata"].get("ownerReferences", [])
    answer = {
        "ownedByPod": owned(after, pod.metadata.uid),
        "ownedBySet": owned(after, stateful_set.metadata.uid),
        "ownerReferences": sorted(map(essence, refs), key=str),
    }
    return {key: answer[key] for key in case["expected"]}


def essence(ref: dict[str, Any]) -> dict[str, Any]:
    """A reference without the field that not all of the table's have."""
    return {key: value for key, value in sorted(ref.items()) if key != "blockOwnerDeletion"}


def is_stale(stateful_set: StatefulSet, pod: Pod, given: list[dict[str, Any]]) -> bool:
    names = {claim.name for claim in claims_for(stateful_set, ordinal_of(pod)).values()}
    claims = [read("PersistentVolumeClaim", "v1", each) for each in given]
    if retention.is_kept_on_scaling(stateful_set):
        return False
    return any(retention.is_stale(claim, pod) for claim in claims if claim.name in names)


@pytest.mark.parametrize(("version", "case"), cases())
def test_upstream_case(version: str, case: dict[str, Any]) -> None:
    call, expected = case["action"]["call"], case["expected"]
    if call == "podForOrdinal":
        assert pod_for_ordinal(version, case) == expected
    elif call == "claimsFromTemplates":
        ordinal = ordinal_of(the_pod(case["initial"]))
        assert plain_claims(the_set(case["initial"]), ordinal) == expected["claims"]
    else:
        if "ownerReferences" in expected:
            expected = {**expected, "ownerReferences": sorted(map(essence, expected["ownerReferences"]), key=str)}
        assert retention_answer(case) == expected


def test_both_versions_of_the_table_were_read() -> None:
    assert len(cases()) == 6 + 111
