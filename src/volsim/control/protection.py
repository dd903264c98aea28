"""PVC, PV and VAC protection: a deleted claim waits for its pods, a volume for its claim, a class for both.

Modelled: which pods count (those that have a node, whatever their phase), ephemeral volumes, finalizers of objects from
before there was an admission plugin, finalizers that somebody takes away, the alpha condition Unused.
Not modelled: nothing known.
Source: kube-controller-manager, pkg/controller/volume/{pvcprotection,pvprotection,vacprotection}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from volsim.apiserver.admission import PV_PROTECTION, PVC_PROTECTION, VAC_PROTECTION
from volsim.apiserver.writes import Update, UpdateStatus
from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.control.writing import with_finalizer, without_finalizer
from volsim.objects import Condition, PersistentVolume, PersistentVolumeClaim, Pod
from volsim.state import Change, View, claim_keys_of
from volsim.state.indexes import attributes_class_of, attributes_classes_of

__all__ = ["CONTROLLERS", "uses_claim"]


def _needs_a_look(obj: Any, finalizer: str) -> bool:
    """Whether the object is being deleted and held, or is not being deleted and not protected."""
    return (obj.metadata.deletion_timestamp is not None) == (finalizer in obj.metadata.finalizers)


# -- claims ------------------------------------------------------------------------------------------------------------
def watch_claim(view: View, change: Change) -> Iterator[str]:
    """A claim needs a look when it is deleted, or is not protected."""
    claim: PersistentVolumeClaim | None = change.after
    if claim is not None and (_needs_a_look(claim, PVC_PROTECTION) or _unsaid(view, claim)):
        yield change.key


def _unsaid(view: View, claim: PersistentVolumeClaim) -> bool:
    """Whether nothing has been said yet of whether the claim is used, where that is said."""
    return view.rules.pvc_unused_since_time and not any(each.type == "Unused" for each in claim.status.conditions)


def watch_pod(view: View, change: Change) -> Iterator[str]:
    """A deleted claim needs a look when a pod that uses it goes, or has been shut down; any, where use is told of."""
    before: Pod | None = change.before
    after: Pod | None = change.after
    for pod in (before, after):
        if pod is None or (pod is before and after is not None and before.metadata.uid == after.metadata.uid):
            continue
        for key in claim_keys_of(pod):
            claim = view.persistent_volume_claims.get(key)
            if claim is not None and (
                claim.metadata.deletion_timestamp is not None or view.rules.pvc_unused_since_time
            ):
                yield key


def uses_claim(pod: Pod, claim: PersistentVolumeClaim) -> bool:
    """Whether a pod holds a claim: it has a node, and is not through with a claim that was made for it.

    A pod that has ended but is still there holds its claim; one that has not been scheduled does not.
    """
    if not pod.spec.node_name:
        return False
    name, meta = claim.metadata.name, pod.metadata
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None and volume.persistent_volume_claim.claim_name == name:
            return True
        if volume.ephemeral is not None and f"{meta.name}-{volume.name}" == name:
            mine = any(owner.controller and owner.uid == meta.uid for owner in claim.metadata.owner_references)
            shut_down = meta.deletion_timestamp is not None and meta.deletion_grace_period_seconds == 0
            if mine and not shut_down:
                return True
    return False


def sync_claim(view: View, key: str) -> Outcome:
    """Let a deleted claim go if no pod uses it; protect one that is not protected; say whether it is used."""
    claim = view.persistent_volume_claims.get(key)
    if claim is None:
        return NOTHING
    used = _tell_of_use(view, claim) if view.rules.pvc_unused_since_time else NOTHING
    protected = _protect(view, claim)
    return used._replace(writes=(*used.writes, *protected.writes), says=protected.says or used.says)


def _protect(view: View, claim: PersistentVolumeClaim) -> Outcome:
    key = claim.key
    if not _needs_a_look(claim, PVC_PROTECTION):
        return NOTHING
    if claim.metadata.deletion_timestamp is None:
        return Outcome((Update(with_finalizer(claim, PVC_PROTECTION)),), says=f"protect claim {key}")
    if any(uses_claim(view.pods[pod], claim) for pod in view.group("pods_by_claim", key)):
        return NOTHING
    return Outcome((Update(without_finalizer(claim, PVC_PROTECTION)),), says=f"let claim {key} go: no pod uses it")


def _tell_of_use(view: View, claim: PersistentVolumeClaim) -> Outcome:
    """Keep the condition Unused; a pod that has ended, or has not been scheduled, counts differently here."""
    if claim.metadata.deletion_timestamp is not None:
        return NOTHING
    used = any(_refers_to(view.pods[pod], claim) for pod in view.group("pods_by_claim", claim.key))
    old = next((each for each in claim.status.conditions if each.type == "Unused"), None)
    status = "False" if used else "True"
    if old is not None and old.status == status:
        return NOTHING
    new = Condition(
        type="Unused",
        status=status,
        reason="PodUsingPVC" if used else "NoPodsUsingPVC",
        message="A pod is currently referencing this PVC" if used else "No pods are currently referencing this PVC",
        last_transition_time=view.now_us,
    )
    others = tuple(each for each in claim.status.conditions if each.type != "Unused")
    said = claim.replace(status=claim.status.replace(conditions=(*others, new)))
    return Outcome((UpdateStatus(said),), says=f"claim {claim.key} is {'used' if used else 'unused'}")


def _refers_to(pod: Pod, claim: PersistentVolumeClaim) -> bool:
    """Whether a pod that has not ended refers to the claim, scheduled or not."""
    if pod.status.phase in ("Succeeded", "Failed"):
        return False
    name, meta = claim.metadata.name, pod.metadata
    mine = any(owner.controller and owner.uid == meta.uid for owner in claim.metadata.owner_references)
    return any(
        (volume.persistent_volume_claim is not None and volume.persistent_volume_claim.claim_name == name)
        or (volume.ephemeral is not None and f"{meta.name}-{volume.name}" == name and mine)
        for volume in pod.spec.volumes
    )


# -- volumes -----------------------------------------------------------------------------------------------------------
def watch_volume(view: View, change: Change) -> Iterator[str]:
    """A volume needs a look when it is deleted, is not protected, or is no longer bound."""
    if change.after is not None and _needs_a_look(change.after, PV_PROTECTION):
        yield change.key


def sync_volume(view: View, key: str) -> Outcome:
    """Let a deleted volume go if it is not bound; protect one that is not protected."""
    volume: PersistentVolume | None = view.persistent_volumes.get(key)
    if volume is None or not _needs_a_look(volume, PV_PROTECTION):
        return NOTHING
    if volume.metadata.deletion_timestamp is None:
        return Outcome((Update(with_finalizer(volume, PV_PROTECTION)),), says=f"protect volume {key}")
    if volume.status.phase == "Bound":
        return NOTHING
    return Outcome((Update(without_finalizer(volume, PV_PROTECTION)),), says=f"let volume {key} go: it is not bound")


# -- volume attributes classes -----------------------------------------------------------------------------------------
def watch_attributes_class(view: View, change: Change) -> Iterator[str]:
    """A VolumeAttributesClass needs a look when it is deleted, or is not protected."""
    if change.after is not None and _needs_a_look(change.after, VAC_PROTECTION):
        yield change.key


def watch_use_of_class(view: View, change: Change) -> Iterator[str]:
    """A VolumeAttributesClass needs a look when a claim or volume names it no more."""
    named = attributes_classes_of if change.table == "persistentvolumeclaims" else attributes_class_of
    before = named(change.before) if change.before is not None else ()
    if before:
        after = named(change.after) if change.after is not None else ()
        yield from (name for name in before if name not in after)


def sync_attributes_class(view: View, key: str) -> Outcome:
    """Let a deleted VolumeAttributesClass go if nothing names it; protect one that is not protected."""
    found = view.get("volumeattributesclasses", key)
    if found is None or not view.rules.volume_attributes_class or not _needs_a_look(found, VAC_PROTECTION):
        return NOTHING
    if found.metadata.deletion_timestamp is None:
        return Outcome((Update(with_finalizer(found, VAC_PROTECTION)),), says=f"protect class {key}")
    if view.group_size("claims_by_attributes_class", key) or view.group_size("volumes_by_attributes_class", key):
        return NOTHING
    return Outcome((Update(without_finalizer(found, VAC_PROTECTION)),), says=f"let class {key} go: nothing names it")


CONTROLLERS = (
    Controller(
        name="pvc-protection",
        component="pvc-protection-controller",
        watches={"persistentvolumeclaims": watch_claim, "pods": watch_pod},
        sync=sync_claim,
    ),
    Controller(
        name="pv-protection",
        component="pv-protection-controller",
        watches={"persistentvolumes": watch_volume},
        sync=sync_volume,
    ),
    Controller(
        name="vac-protection",
        component="volumeattributesclass-protection-controller",
        watches={
            "volumeattributesclasses": watch_attributes_class,
            "persistentvolumeclaims": watch_use_of_class,
            "persistentvolumes": watch_use_of_class,
        },
        sync=sync_attributes_class,
    ),
)
