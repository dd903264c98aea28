"""PV phases: what a volume is, seen from the claim that it refers to: Available, Bound, Released.

Modelled: free and reserved volumes, released ones, volumes whose claim took another one, volumes of another mode than
the claim to which they refer, the deletion finalizer of in-tree volumes.
Not modelled: stale caches.
Source: kube-controller-manager, persistent volume controller (syncVolume, unbindVolume, modifyDeletionFinalizers).
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Update, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, Outcome, warning
from volsim.control.persistent_volume.provisioning import IN_TREE_FINALIZER
from volsim.control.writing import with_finalizer, without_annotation, without_finalizer
from volsim.objects import PersistentVolume, PersistentVolumeClaim
from volsim.objects.binding import BOUND_BY_CONTROLLER, PROVISIONED_BY, volume_modes_differ
from volsim.state import Change, View

__all__ = ["CONTROLLER", "IN_TREE_FINALIZER", "claim_of", "in_phase", "unbound", "with_right_finalizers"]


EXTERNAL_FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"


def watch_volume(view: View, change: Change) -> Iterator[str]:
    """A volume needs a look when it changes, unless it was made by hand and its phase is right."""
    volume: PersistentVolume | None = change.after
    if volume is not None and (PROVISIONED_BY in volume.metadata.annotations or not in_order(view, volume)):
        yield change.key


def in_order(view: View, volume: PersistentVolume) -> bool:
    """Whether a volume that nobody refers to is Available, or one whose claim refers back is Bound."""
    ref = volume.spec.claim_ref
    if ref is None or not ref.uid:
        return volume.status.phase == "Available"
    claim = claim_of(view, volume)
    return claim is not None and claim.spec.volume_name == volume.metadata.name and volume.status.phase == "Bound"


def watch_claim(view: View, change: Change) -> Iterator[str]:
    """A volume needs a look when a claim that refers to it comes, goes, or takes another volume."""
    before: PersistentVolumeClaim | None = change.before
    after: PersistentVolumeClaim | None = change.after
    if (
        before is not None
        and after is not None
        and before.spec is after.spec
        and before.metadata.uid == after.metadata.uid
    ):
        return
    for name in view.group("volumes_by_claim", change.key):
        if not in_order(view, view.persistent_volumes[name]):
            yield name


def claim_of(view: View, volume: PersistentVolume) -> PersistentVolumeClaim | None:
    """The claim that the volume's claimRef means; None if it is gone, or another one has its name."""
    ref = volume.spec.claim_ref
    if ref is None:
        return None
    claim = view.persistent_volume_claims.get(f"{ref.namespace}/{ref.name}")
    return claim if claim is not None and claim.metadata.uid == ref.uid else None


def sync(view: View, key: str) -> Outcome:
    """Give one volume the phase that follows from its claimRef."""
    volume = view.persistent_volumes.get(key)
    if volume is None:
        return NOTHING
    finalized = with_right_finalizers(view, volume)
    outcome = _with_right_phase(view, finalized)
    if finalized is volume:
        return outcome
    says = outcome.says or f"set the finalizers of volume {key}"
    return outcome._replace(writes=(Update(finalized), *outcome.writes), says=says)


def _with_right_phase(view: View, volume: PersistentVolume) -> Outcome:
    key, ref = volume.key, volume.spec.claim_ref
    if ref is None or not ref.uid:
        return in_phase(volume, "Available")
    claim = claim_of(view, volume)
    if claim is None:
        return _released(volume)
    if not claim.spec.volume_name:
        return _claim_not_bound_yet(volume, claim)
    if claim.spec.volume_name == key:
        return in_phase(volume, "Bound")
    if PROVISIONED_BY in volume.metadata.annotations and volume.spec.persistent_volume_reclaim_policy == "Delete":
        return _released(volume)
    return Outcome(unbound(volume), says=f"unbind volume {key}: claim {claim.key} has {claim.spec.volume_name}")


def in_phase(volume: PersistentVolume, phase: str, message: str | None = None) -> Outcome:
    """Give the volume a phase, if it has not got it yet."""
    if volume.status.phase == phase:
        return NOTHING
    new = volume.replace(status=volume.status.replace(phase=phase, message=message))
    return Outcome((UpdateStatus(new),), says=f"volume {volume.metadata.name} is {phase}")


def _released(volume: PersistentVolume) -> Outcome:
    """The claim is gone. A volume that could not be reclaimed stays Failed, for people to see."""
    return NOTHING if volume.status.phase == "Failed" else in_phase(volume, "Released")


def _claim_not_bound_yet(volume: PersistentVolume, claim: PersistentVolumeClaim) -> Outcome:
    """The binder completes the binding, unless the two can never fit."""
    if not volume_modes_differ(claim, volume):
        return NOTHING
    name, claim_name = volume.metadata.name, claim.metadata.name
    return Outcome(
        events=(
            warning(
                volume,
                "VolumeMismatch",
                f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{claim_name}" due to incompatible '
                "volumeMode.",
            ),
            warning(
                claim,
                "VolumeMismatch",
                f'Cannot bind PersistentVolume "{name}" to requested PersistentVolumeClaim '
                "due to incompatible volumeMode.",
            ),
        ),
        says=f"volume {name} cannot be bound: claim {claim.key} has another volumeMode",
    )


def unbound(volume: PersistentVolume) -> tuple[Write, ...]:
    """The writes that free a volume. What a person reserved for a claim stays reserved; only the uid goes."""
    assert volume.spec.claim_ref is not None, "a volume without a claimRef is free"
    if BOUND_BY_CONTROLLER in volume.metadata.annotations:
        new = without_annotation(volume, BOUND_BY_CONTROLLER)
        new = new.replace(spec=new.spec.replace(claim_ref=None))
    else:
        ref = volume.spec.claim_ref.replace(uid=None)
        new = volume.replace(spec=volume.spec.replace(claim_ref=ref))
    writes: list[Write] = [Update(new)]
    return (*writes, *in_phase(new, "Available").writes)


def with_right_finalizers(view: View, volume: PersistentVolume) -> PersistentVolume:
    """In-tree volumes that are to be deleted with their claim are held until their storage is gone."""
    provisioner = volume.metadata.annotations.get(PROVISIONED_BY)
    if not view.rules.honor_pv_reclaim_policy or provisioner is None:
        return volume
    if view.rules.csi_driver_for(provisioner) is not None:
        return without_finalizer(volume, IN_TREE_FINALIZER)
    if not provisioner.startswith("kubernetes.io/"):
        return volume
    policy = volume.spec.persistent_volume_reclaim_policy
    if policy == "Delete" and volume.metadata.deletion_timestamp is None:  # too late for one that is going already
        volume = with_finalizer(volume, IN_TREE_FINALIZER)
    elif policy in ("Retain", "Recycle"):
        volume = without_finalizer(volume, IN_TREE_FINALIZER)
    return without_finalizer(volume, EXTERNAL_FINALIZER)


CONTROLLER = Controller(
    name="pv-phases",
    component="persistentvolume-controller",
    watches={"persistentvolumes": watch_volume, "persistentvolumeclaims": watch_claim},
    sync=sync,
)
