"""The persistent volume controller does what upstream's own unit tests say.

Source: kube-controller-manager,
pkg/controller/volume/persistentvolume/{binder,delete,recycle,provision,pv_controller}_test.go, as neutral data (see the
tables' README).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.pv_controller import Cluster, expected
from tests.conformance.tables import Case, check_counts, parameters


def by_name(objects: list[dict[str, Any]]) -> dict[str, Any]:
    return {obj["metadata"]["name"]: obj for obj in objects}


@pytest.mark.parametrize(("path", "case"), parameters("pv_controller"))
def test_case(path: Path, case: Case) -> None:
    cluster = Cluster(path, case)
    cluster.run()
    wanted = case["expected"]
    for name, kind in (("persistentVolumes", "PersistentVolume"), ("persistentVolumeClaims", "PersistentVolumeClaim")):
        assert by_name(cluster.objects(kind)) == by_name(expected(kind, wanted[name]))
    assert cluster.events[: len(wanted["events"])] == wanted["events"]
    if not case.get("observedEvents", ["?"]):
        assert cluster.events == []


def test_the_cases_are_those_that_are_known() -> None:
    check_counts(
        "pv_controller",
        {
            "1.20.2 run": 97,
            "1.20.2 skipped: claim exists in the API but is missing from the controller cache": 1,
            "1.20.2 skipped: in-tree to CSI migration translation": 1,
            "1.20.2 skipped: injected API client errors": 6,
            "1.20.2 skipped: race injected between sync and the asynchronous operation": 6,
            "1.36.2 run": 111,
            "1.36.2 skipped: VolumeAttributesClass feature switched off": 1,
            "1.36.2 skipped: claim exists in the API but is missing from the controller cache": 1,
            "1.36.2 skipped: in-tree to CSI migration": 1,
            "1.36.2 skipped: in-tree to CSI migration rollback": 1,
            "1.36.2 skipped: in-tree to CSI migration translation": 1,
            "1.36.2 skipped: injected API client errors": 6,
            "1.36.2 skipped: race injected between sync and the asynchronous operation": 6,
            "1.36.2 skipped: the API has a newer claim (other UID) than the controller cache": 1,
        },
    )
