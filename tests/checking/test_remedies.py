"""What is said to help has been tried."""

from __future__ import annotations

from pathlib import Path

import pytest

import volsim
from volsim.checking.design import Design
from volsim.checking.remedies import changes

DESIGNS = Path(__file__).parents[2] / "examples" / "designs"


@pytest.mark.parametrize(
    ("name", "code", "options", "says"),
    [
        ("rolling-update", "VS302", {"nodes": 2, "faults": "rollout"}, "`strategy: {type: Recreate}` in Deployment"),
        (
            "one-pod-a-node",
            "VS302",
            {"nodes": 2, "faults": "rollout"},
            "`maxSurge: 0, maxUnavailable: 1` in Deployment",
        ),
        ("claim-and-its-disk", "VS101", {"nodes": 1, "faults": "deletion"}, "`reclaimPolicy: Retain` in StorageClass"),
        ("scratch-that-stays", "VS401", {"nodes": 1, "faults": "deletion"}, "`reclaimPolicy: Delete` in StorageClass"),
        ("zones", "VS301", {"faults": "pod-loss"}, "`volumeBindingMode: WaitForFirstConsumer` in StorageClass/fast"),
        ("selector-and-class", "VS301", {"nodes": 1, "faults": "pod-loss"}, "`no selector` in PersistentVolumeClaim"),
        ("hostpath-type", "VS301", {"nodes": 1, "faults": "pod-loss"}, "`hostPath: {type: DirectoryOrCreate}` in Depl"),
        ("budget-allows-nothing", "VS501", {"nodes": 2, "faults": "drain"}, "`maxUnavailable: 1` in PodDisruption"),
        (
            "slow-recovery",
            "VS304",
            {"nodes": 2, "faults": "node-loss", "recover_within": "3m"},
            "`tolerationSeconds: 30 for node.kubernetes.io/not-ready and unreachable` in Deployment/default/web",
        ),
        ("recycle", "VS101", {"nodes": 1, "faults": "deletion"}, "`persistentVolumeReclaimPolicy: Retain` in Persis"),
        ("claims-of-a-set", "VS101", {"nodes": 1, "faults": "deletion"}, "`whenDeleted: Retain` in StatefulSet"),
        (
            "no-grace",
            "VS201",
            {"nodes": 2, "faults": "partition"},
            "`terminationGracePeriodSeconds: 30` in StatefulSet",
        ),
        ("job-without-retries", "VS303", {"nodes": 2, "faults": "node-loss"}, "`backoffLimit: 6` in Job"),
        ("spread-and-dead-node", "VS303", {"nodes": 2, "faults": "node-loss"}, "`whenUnsatisfiable: ScheduleAnyway`"),
        ("completed-pod", "VS402", {"nodes": 1, "faults": "deletion"}, "`ttlSecondsAfterFinished: 60` in Job"),
    ],
)
def test_a_change_that_helps_is_told(name: str, code: str, options: dict[str, object], says: str) -> None:
    report = volsim.check(DESIGNS / f"{name}-bad.yaml", **options)  # type: ignore[arg-type]
    found = [each for each in report.findings if each.code == code]
    assert found
    assert all(each.remedy.startswith(f"With {says}") for each in found), [each.remedy for each in found]
    assert all("this finding is gone" in each.remedy for each in found)


def test_what_comes_instead_is_told() -> None:
    report = volsim.check(DESIGNS / "claim-and-its-disk-bad.yaml", nodes=1, faults="deletion")
    [lost] = [each for each in report.findings if each.code == "VS101"]
    assert "this finding is gone, but VS401 storage-leaked is found. Other ways: " in lost.remedy


def test_what_does_not_help_is_not_told() -> None:
    report = volsim.check(DESIGNS / "dead-node-stateful-set-bad.yaml", nodes=2, faults="node-loss")
    assert [each.code for each in report.findings] == ["VS303"]
    assert not report.findings[0].remedy.startswith("With ")


def test_nothing_is_tried_if_not_asked_for() -> None:
    report = volsim.check(DESIGNS / "rolling-update-bad.yaml", nodes=2, faults="rollout", remedies=False)
    assert not report.findings[0].remedy.startswith("With ")


def test_trying_a_change_leaves_the_design_as_it_is() -> None:
    design = Design.read(DESIGNS / "rolling-update-bad.yaml", nodes=2)
    [part] = design.parts()
    before = repr(part.objects)
    assert len(list(changes("VS302", part.workloads[0], part.objects))) == 2
    assert repr(part.objects) == before
