"""PV reclaimer: what happens to the storage of a volume whose claim is gone.

Modelled: Retain (nothing), Delete with and without a plugin that can, policies that do not exist; Recycle is the
recycler's.
Not modelled: errors of cloud providers, back-off between attempts that cannot succeed.
Source: kube-controller-manager, persistent volume controller (reclaimVolume, deleteVolumeOperation).
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Delete, Update, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, Outcome, warning
from volsim.control.persistent_volume.plugins import DeleteError, delete_storage
from volsim.control.persistent_volume.volumes import IN_TREE_FINALIZER, claim_of
from volsim.control.writing import without_finalizer
from volsim.objects import PersistentVolume
from volsim.objects.binding import MIGRATED_TO
from volsim.state import Change, View

__all__ = ["CONTROLLER", "fail", "is_released"]


def watch_volume(view: View, change: Change) -> Iterator[str]:
    """A volume needs a look when it has been released, or changes afterwards."""
    after: PersistentVolume | None = change.after
    if after is not None and after.status.phase in ("Released", "Failed"):
        yield change.key


def is_released(view: View, volume: PersistentVolume) -> bool:
    """Whether the claim that the volume belonged to is gone, or has taken another volume."""
    ref = volume.spec.claim_ref
    if ref is None or not ref.uid or volume.status.phase not in ("Released", "Failed"):
        return False
    claim = claim_of(view, volume)
    return claim is None or bool(claim.spec.volume_name and claim.spec.volume_name != volume.metadata.name)


def sync(view: View, key: str) -> Outcome:
    """Do with one released volume what its policy says now."""
    volume = view.persistent_volumes.get(key)
    if volume is None or not is_released(view, volume) or MIGRATED_TO in volume.metadata.annotations:
        return NOTHING
    match volume.spec.persistent_volume_reclaim_policy:
        case "Retain" | "Recycle":
            return NOTHING
        case "Delete":
            going = volume.metadata.deletion_timestamp is not None
            return NOTHING if going and not view.rules.honor_pv_reclaim_policy else _delete(view, volume)
    return fail(
        volume, "VolumeUnknownReclaimPolicy", "Volume has unrecognized PersistentVolumeReclaimPolicy", message=""
    )


def _delete(view: View, volume: PersistentVolume) -> Outcome:
    name = volume.metadata.name or ""
    try:
        storage = delete_storage(view, volume)
    except DeleteError as error:
        return fail(volume, "VolumeFailedDelete", str(error))
    if storage is None:
        return NOTHING  # somebody else deletes it
    writes: list[Write] = [*storage]
    freed = without_finalizer(volume, IN_TREE_FINALIZER)
    if freed is not volume:
        writes.append(Update(freed))
    if volume.metadata.deletion_timestamp is None:
        writes.append(Delete("persistentvolumes", name, uid=volume.metadata.uid))
    return Outcome(tuple(writes), says=f"delete the storage of volume {name}, and the volume")


def fail(volume: PersistentVolume, reason: str, text: str, message: str | None = None) -> Outcome:
    """Mark a volume Failed and say why, once."""
    if volume.status.phase == "Failed":
        return NOTHING
    status = volume.status.replace(phase="Failed", message=text if message is None else message)
    note = warning(volume, reason, text)
    return Outcome(
        (UpdateStatus(volume.replace(status=status)),), (note,), says=f"volume {volume.metadata.name}: {text}"
    )


CONTROLLER = Controller(
    name="pv-reclaimer",
    component="persistentvolume-controller",
    watches={"persistentvolumes": watch_volume},
    sync=sync,
)
