"""Claims and volumes are protected, and let go, as upstream's own unit tests say.

Source: kube-controller-manager, pkg/controller/volume/pvcprotection/pvc_protection_controller_test.go and
pvprotection/pv_protection_controller_test.go, as neutral data (see the tables' README).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.conformance.pv_controller import KINDS, parsed
from tests.conformance.tables import Case, check_counts, parameters, rules_of
from volsim.apiserver.writes import Update, UpdateStatus
from volsim.control.protection import CONTROLLERS
from volsim.rules import Rules
from volsim.state import Draft, State

CLAIMS, VOLUMES, _ = CONTROLLERS


class Cluster:
    """One case's objects and the two controllers, woken by what the case says has happened."""

    def __init__(self, path: Path, case: Case) -> None:
        rules: Rules = rules_of(path)
        if case["action"].get("featureGates", {}).get("PersistentVolumeClaimUnusedSinceTime"):
            rules = attrs.evolve(rules, pvc_unused_since_time=True)
        watches: dict[str, list[Any]] = {}
        for controller in CONTROLLERS:
            for table, watch in controller.watches.items():
                watches.setdefault(table, []).append((controller.name, watch))
        self.draft: Draft = State.empty(rules).draft(watches)
        self.updates = self.status_updates = 0
        for name, kind in KINDS.items():
            for manifest in case["initial"].get(name, []):
                obj = parsed(kind, manifest)
                self.draft.put(obj.PLURAL, obj.key, obj)
        self.draft.changes.clear()

    def happen(self, step: dict[str, Any]) -> None:
        if "claimEvent" in step:
            key = f"{step.get('namespace', 'default')}/{step['claimEvent']}"
            self.touch("persistentvolumeclaims", key)
        elif "volumeEvent" in step:
            self.touch("persistentvolumes", step["volumeEvent"])
        else:
            self.pod(step)
        self.draft.take_changes()
        while (work := self.draft.first_ready()) is not None:
            self.draft.take(*work)
            self.sync(*work)

    def touch(self, table: str, key: str) -> None:
        """The informer tells of an object as it is."""
        obj = self.draft.get(table, key)
        self.draft.put(table, key, None)
        self.draft.take_changes()
        self.draft.put(table, key, obj)

    def pod(self, step: dict[str, Any]) -> None:
        """A pod was changed, deleted, or replaced by another of its name (the one that the case begins with)."""
        if "podDeleted" in step:
            gone = parsed("Pod", step["podDeleted"])
            self.draft.put("pods", gone.key, gone)
            self.draft.changes.clear()
            self.draft.put("pods", gone.key, None)
            return
        key = f"default/{step.get('podUpdated') or step['podReplaced']}"
        now = self.draft.pods[key]
        before = parsed("Pod", step["old"]) if "old" in step else now.replace(metadata=now.metadata.replace(labels={}))
        self.draft.put("pods", key, before)
        self.draft.changes.clear()
        self.draft.put("pods", key, now)

    def sync(self, name: str, key: str) -> None:
        controller = CLAIMS if name == CLAIMS.name else VOLUMES
        found: Any = controller.sync(self.draft, key)
        for write in found.writes:
            assert isinstance(write, Update | UpdateStatus)
            current = self.draft.get(write.obj.PLURAL, write.obj.key)
            if isinstance(write, Update):
                self.updates += 1
                new = write.obj.replace(status=current.status)
            else:
                self.status_updates += 1
                new = current.replace(status=write.obj.status)
            self.draft.put(new.PLURAL, new.key, new)


@pytest.mark.parametrize(("path", "case"), parameters("protection"))
def test_case(path: Path, case: Case) -> None:
    cluster, wanted = Cluster(path, case), case["expected"]
    for step in case["action"]["steps"]:
        cluster.happen(step)
    table = "persistentvolumeclaims" if case["action"]["call"] == "pvcProtection" else "persistentvolumes"
    for key, finalizers in wanted["finalizers"].items():
        found = cluster.draft.get(table, key if "/" in key or table == "persistentvolumes" else f"default/{key}")
        assert list(found.metadata.finalizers) == finalizers
    assert cluster.updates == wanted["updates"]
    assert cluster.status_updates == wanted.get("statusUpdates", 0)
    for key, condition in wanted.get("unusedCondition", {}).items():
        claim = cluster.draft.persistent_volume_claims[key if "/" in key else f"default/{key}"]
        [said] = [each for each in claim.status.conditions if each.type == "Unused"]
        assert (said.status, said.reason) == (condition["status"], condition["reason"])


def test_the_cases_are_those_that_are_known() -> None:
    check_counts(
        "protection",
        {
            "1.20.2 run": 17,
            "1.20.2 skipped: StorageObjectInUseProtection feature switched off": 2,
            "1.20.2 skipped: informer cache late, live list needed": 1,
            "1.20.2 skipped: injected API client errors, only the retry differs": 4,
            "1.36.2 run": 31,
            "1.36.2 skipped: informer cache late, live list needed": 3,
            "1.36.2 skipped: injected API client errors, only the retry differs": 6,
        },
    )
