"""Which volume fits a claim, as upstream's own unit tests say.

Source: pkg/controller/volume/persistentvolume/index_test.go and pv_controller_test.go; component-helpers,
storage/volume (pv_helpers_test.go, helpers_test.go), as neutral data (see the tables' README).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.pv_controller import parsed
from tests.conformance.tables import Case, check_counts, fixtures, parameters, rules_of
from volsim.control.persistent_volume.binder import delays_binding
from volsim.control.persistent_volume.matching import best_matches, candidates, mismatch
from volsim.control.persistent_volume.volumes import with_right_finalizers
from volsim.objects.binding import access_modes_fit, has_class, reaches, volume_modes_differ
from volsim.state import Draft, State


def volumes(path: Path, case: Case) -> list[Any]:
    initial = case["initial"]
    named = initial.get("persistentVolumesFrom")
    found = initial.get("persistentVolumes", []) if named is None else fixtures(path)[named]
    return [parsed("PersistentVolume", manifest) for manifest in found]


def claim_of(case: Case) -> Any:
    return parsed("PersistentVolumeClaim", case["initial"]["persistentVolumeClaims"][0])


def state_of(path: Path, case: Case) -> Draft:
    """The volumes under keys of their own: upstream's list has two of one name."""
    draft = State.empty(rules_of(path)).draft()
    for number, volume in enumerate(volumes(path, case)):
        draft.put("persistentvolumes", f"{number:03}", volume)
    return draft


def named(volumes: tuple[Any, ...], wanted: dict[str, str] | None) -> bool:
    """Whether the one volume that is wanted is among those of which any may be taken; none if none is wanted."""
    if wanted is None:
        return not volumes
    return any(all(getattr(volume.metadata, key) == value for key, value in wanted.items()) for volume in volumes)


@pytest.mark.parametrize(("path", "case"), parameters("pv_matching"))
def test_case(path: Path, case: Case) -> None:
    action, wanted, claim = case["action"], case["expected"], claim_of(case)
    draft = state_of(path, case)
    if action["call"] in ("findBestMatch", "findMatchingVolume") and wanted.get("error"):
        assert not best_matches(draft, claim, delayed=False)
        return
    match action["call"]:
        case "findBestMatch":
            found = best_matches(draft, claim, delayed=action.get("delayBinding", False))
            if "matches" in wanted:
                assert bool(found) is wanted["matches"]
            else:
                assert named(found, wanted["match"])
        case "findMatchingVolume":
            nodes = case["initial"].get("nodes") or [{"metadata": {}}]
            labels = nodes[0]["metadata"].get("labels", {})
            excluded = action.get("excludedVolumes", [])
            left = [each for each in candidates(draft, claim) if each.metadata.name not in excluded]
            reached = [each for each in left if reaches(each, labels)]
            assert named(tuple(reached[:1]), wanted["match"])
        case "checkAccessModes":
            assert access_modes_fit(claim, volumes(path, case)[0]) is wanted["matches"]
        case "checkVolumeModeMismatches":
            assert volume_modes_differ(claim, volumes(path, case)[0]) is wanted["mismatch"]
        case "checkVolumeSatisfyClaim":
            assert (mismatch(claim, volumes(path, case)[0], rules_of(path)) is None) is wanted["matches"]
        case call:
            raise AssertionError(f"nobody knows how to run {call}")


@pytest.mark.parametrize(("path", "case"), parameters("pv_misc"))
def test_misc_case(path: Path, case: Case) -> None:
    initial, wanted = case["initial"], case["expected"]
    match case["action"]["call"]:
        case "checkNodeAffinity":
            labels = initial["nodes"][0]["metadata"].get("labels", {})
            assert reaches(volumes(path, case)[0], labels) is wanted["matches"]
        case "hasClass":
            assert has_class(claim_of(case)) is wanted["hasClass"]
        case "isDelayBindingMode":
            draft = State.empty(rules_of(path)).draft()
            for manifest in initial.get("storageClasses", []):
                storage_class = parsed("StorageClass", manifest)
                draft.put("storageclasses", storage_class.key, storage_class)
            delays = delays_binding(draft, claim_of(case))
            assert delays is (None if wanted.get("error") else wanted["delay"])
        case "modifyDeletionFinalizers":
            draft, before = State.empty(rules_of(path)).draft(), volumes(path, case)[0]
            after = with_right_finalizers(draft, before)
            assert list(after.metadata.finalizers) == wanted["finalizers"]
            assert (after is not before) is wanted["modified"]
        case call:
            raise AssertionError(f"nobody knows how to run {call}")


def test_the_cases_are_those_that_are_known() -> None:
    check_counts(
        "pv_matching",
        {
            "1.20.2 run": 48,
            "1.20.2 skipped: StorageObjectInUseProtection feature switched off": 4,
            "1.20.2 skipped: internal index helper (exact access-mode set, then sorted by capacity)": 2,
            "1.36.2 run": 52,
            "1.36.2 skipped: VolumeAttributesClass feature switched off": 2,
            "1.36.2 skipped: internal index helper (exact access-mode set, then sorted by capacity)": 2,
        },
    )


def test_the_misc_cases_are_those_that_are_known() -> None:
    check_counts(
        "pv_misc",
        {
            "1.20.2 run": 5,
            "1.20.2 skipped: in-tree to CSI migration annotations": 8,
            "1.36.2 run": 27,
            "1.36.2 skipped: in-tree to CSI migration annotations": 7,
            "1.36.2 skipped: in-tree to CSI migration switched on or off": 5,
        },
    )
