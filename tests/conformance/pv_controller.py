"""Runs one case of the persistent volume controller's tables through the controllers that every simulation uses.

Around them stands only what upstream's own tests have around theirs: an API that stores what it is given without
looking at it (the objects are partial), a volume plugin whose calls succeed or fail as the case says, and somebody
who finishes the recycler pods.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conformance.tables import Case, rules_of
from volsim.apiserver.writes import Create, Delete, Put, Update, UpdateStatus, Write
from volsim.control.contract import Choose, Outcome
from volsim.control.persistent_volume import binder, reclaimer, recycler, volumes
from volsim.control.persistent_volume.plugins import in_tree_plugins
from volsim.manifests import from_manifest, to_manifest
from volsim.state import Draft, State
from volsim.state.runtime import Plugin
from volsim.storage.backends import Backend

MOCK = "kubernetes.io/mock-volume"
KINDS = {
    "persistentVolumes": "PersistentVolume",
    "persistentVolumeClaims": "PersistentVolumeClaim",
    "storageClasses": "StorageClass",
    "pods": "Pod",
    "nodes": "Node",
}
TABLES = {"PersistentVolume": "persistentvolumes", "PersistentVolumeClaim": "persistentvolumeclaims"}
API = {"StorageClass": "storage.k8s.io/v1"}


def parsed(kind: str, manifest: dict[str, Any]) -> Any:
    """The object that a case's partial manifest stands for."""
    return from_manifest({"apiVersion": API.get(kind, "v1"), "kind": kind, **manifest})


class Cluster:
    """The state of one case, and the controllers at work on it."""

    def __init__(self, path: Path, case: Case) -> None:
        self.case = case
        self.draft: Draft = State.empty(rules_of(path)).draft()
        self.events: list[str] = []
        for name, kind in KINDS.items():
            for manifest in case["initial"].get(name, []):
                obj = parsed(kind, manifest)
                self.draft.put(obj.PLURAL, obj.key, obj)
        self.plugin = case["action"].get("plugin")
        given = self.plugin or {}
        self.outcomes = {verb: list(given.get(verb, [])) for verb in ("recycle", "delete", "provision")}
        self.install()

    def install(self) -> None:
        """The controller manager's plugins: the case's own one, or none."""
        if self.plugin is not None:
            recycles, deletes, provisions = (verb in self.plugin for verb in ("recycle", "delete", "provision"))
            plugin = Plugin(name=MOCK, recycles=recycles, deletes=deletes, provisions=provisions)
            self.draft.put("plugins", MOCK, plugin)
        elif self.case["test"] == "TestProvisionSync":
            for plugin in in_tree_plugins(self.draft.rules):
                self.draft.put("plugins", plugin.name, plugin)

    # -- the API ------------------------------------------------------------------------------------------------------
    def carry_out(self, write: Write) -> None:
        match write:
            case Put(table, key, value):
                self.draft.put(table, key, value)
            case Create(obj):
                self.draft.put(obj.PLURAL, obj.key, obj)
            case Update(obj):
                current = self.draft.get(obj.PLURAL, obj.key)
                kept = obj.replace(status=current.status) if hasattr(obj, "status") else obj
                gone = kept.metadata.deletion_timestamp is not None and not kept.metadata.finalizers
                self.draft.put(obj.PLURAL, obj.key, None if gone else kept)
            case UpdateStatus(obj):
                current = self.draft.get(obj.PLURAL, obj.key)
                self.draft.put(obj.PLURAL, obj.key, current.replace(status=obj.status))
            case Delete(table, key):
                self.delete(table, key)

    def delete(self, table: str, key: str) -> None:
        found = self.draft.get(table, key)
        if found is None:
            return
        marked = found.replace(metadata=found.metadata.replace(deletion_timestamp=self.draft.now_us))
        self.draft.put(table, key, marked if found.metadata.finalizers else None)

    # -- the controllers ----------------------------------------------------------------------------------------------
    def take(self, found: Outcome | Choose) -> bool:
        """Carry out what a controller wants; whether that was anything."""
        outcome = found.options[0][1] if isinstance(found, Choose) else found
        assert isinstance(outcome, Outcome), "the binder's choices are few: it makes their outcomes at once"
        for write in outcome.writes:
            self.carry_out(write)
        self.events += [f"{note.type} {note.reason}" for note in outcome.events]
        return bool(outcome.writes)

    def sync_claim(self, key: str) -> bool:
        self.provider_answers(self.next("provision"))
        before = len(self.events)
        changed = self.take(binder.CONTROLLER.sync(self.draft, key))
        if any("Provisioning" in event for event in self.events[before:]):
            changed |= self.called("provision")
        return changed

    def sync_volume(self, key: str) -> bool:
        """One pass of syncVolume, with the operations that it starts."""
        changed = self.take(volumes.CONTROLLER.sync(self.draft, key))
        volume = self.draft.persistent_volumes.get(key)
        deleting = (
            volume is not None
            and volume.spec.persistent_volume_reclaim_policy == "Delete"
            and reclaimer.is_released(self.draft, volume)
        )
        self.provider_answers(self.next("delete"))
        changed |= self.take(reclaimer.CONTROLLER.sync(self.draft, key))
        changed |= deleting and self.called("delete")
        changed |= self.take(recycler.CONTROLLER.sync(self.draft, key))
        if self.finish_recycler(key):
            changed |= self.take(recycler.CONTROLLER.sync(self.draft, key))
        return changed

    def next(self, verb: str) -> str:
        """What comes of the plugin's next call; a plugin of whose calls nothing is said fails them all."""
        if self.plugin is None or verb not in self.plugin or not self.outcomes[verb]:
            return "error"
        first = self.outcomes[verb][0]
        return str(first["outcome"] if isinstance(first, dict) else first)

    def called(self, verb: str) -> bool:
        """Note that the plugin was called; whether anything was said of that call."""
        return bool(self.outcomes.get(verb) and self.outcomes[verb].pop(0))

    def provider_answers(self, outcome: str) -> None:
        if self.plugin is not None:
            self.draft.put("backends", MOCK, Backend(name=MOCK, reachable=outcome == "ok"))

    def finish_recycler(self, name: str) -> bool:
        key = f"default/recycler-for-{name}"
        pod = self.draft.pods.get(key)
        if pod is None:
            return False
        phase = "Succeeded" if self.next("recycle") == "ok" else "Failed"
        self.called("recycle")
        self.draft.put("pods", key, pod.replace(status=pod.status.replace(phase=phase)))
        return True

    # -- running ------------------------------------------------------------------------------------------------------
    def run(self) -> None:
        action = self.case["action"]
        for step in action.get("steps", []) if action["call"] == "events" else ():
            self.until_stable()
            self.step(step)
        if action["call"] == "events":
            self.until_stable()
            return
        target = action["target"]
        if action["call"] == "syncClaim":
            self.sync_claim(self.claim_key(target))
        else:
            self.sync_volume(target)
        if action["repeat"] != "once":
            self.until_stable()

    def claim_key(self, name: str) -> str:
        return next(key for key, claim in self.draft.persistent_volume_claims.items() if claim.metadata.name == name)

    def step(self, step: dict[str, Any]) -> None:
        if "createClaim" in step:
            obj = parsed("PersistentVolumeClaim", step["createClaim"])
            self.draft.put(obj.PLURAL, obj.key, obj)
        elif "deleteClaim" in step:
            self.draft.put("persistentvolumeclaims", self.claim_key(step["deleteClaim"]), None)
        else:  # upstream deletes the first volume of its list, whatever the case's text calls it
            self.draft.put("persistentvolumes", next(iter(self.draft.persistent_volumes)), None)

    def until_stable(self) -> None:
        """Sync every claim and volume until nothing changes."""
        for _ in range(50):
            changed = [self.sync_claim(key) for key in list(self.draft.persistent_volume_claims)]
            changed += [self.sync_volume(key) for key in list(self.draft.persistent_volumes)]
            created = self.case["action"].get("externalProvisionerCreates")
            if created is not None and "Normal ExternalProvisioning" in self.events:
                volume = parsed("PersistentVolume", created)
                if volume.metadata.name not in self.draft.persistent_volumes:
                    self.draft.put("persistentvolumes", volume.key, volume)
                    continue
            if not any(changed):
                return
        raise AssertionError("this never comes to rest")

    # -- what came of it ----------------------------------------------------------------------------------------------
    def objects(self, kind: str) -> list[dict[str, Any]]:
        return [shown(obj) for obj in self.draft.table(TABLES[kind]).values()]


def shown(obj: Any) -> dict[str, Any]:
    """An object as the tables show it: without times, messages, versions and what is empty."""
    manifest = to_manifest(obj)
    manifest.pop("apiVersion"), manifest.pop("kind")
    meta = manifest["metadata"]
    for name in ("creationTimestamp", "resourceVersion", "generation"):
        meta.pop(name, None)
    if "deletionTimestamp" in meta:
        meta["deletionTimestamp"] = "set"
    manifest.get("status", {}).pop("message", None)
    manifest.get("status", {}).pop("lastPhaseTransitionTime", None)
    ref = manifest.get("spec", {}).get("claimRef")
    if ref is not None:
        ref.pop("resourceVersion", None)
    return dict(without_empty(manifest))


def without_empty(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        kept = dict(without_empty(item)) if isinstance(item, dict) else item
        if kept not in ({}, [], None) or key in ("emptyDir", "selector"):
            yield key, kept


def expected(kind: str, manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [shown(parsed(kind, manifest)) for manifest in manifests]
