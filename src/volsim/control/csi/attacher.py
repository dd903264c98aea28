"""External attacher: does for a CSI driver what VolumeAttachments ask, and says when it is done.

Modelled: attaching and detaching, the finalizer on VolumeAttachments and on the volumes that were ever attached,
volumes that are being deleted (they are not attached any more, and go when they are attached nowhere), nodes that can
take no more, disks that pods name themselves and that another node has, storage that takes its time, is late or answers
with errors. The simulated drivers understand one parameter of a class here: `maxPerNode`, how many volumes of the
driver a node can really take, whatever its CSINode says.
Not modelled: how late a disk is asked for again that another node had (up to 5 minutes), the 15 s after which a call is
given up and made again, metadata, resyncs with the driver.
Source: kubernetes-csi/external-attacher, pkg/controller/csi_handler.go, pkg/controller/controller.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from volsim.apiserver.writes import Put, Update, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.control.writing import with_finalizer, without_finalizer
from volsim.objects import PersistentVolume, VolumeAttachment
from volsim.objects.binding import volume_class
from volsim.objects.storage import VolumeError
from volsim.state import Change, View
from volsim.state.runtime import Driver
from volsim.storage.backends import Backend
from volsim.storage.disks import disk_of

__all__ = ["CONTROLLERS", "done_at", "finalizer"]

_PREFIX = "external-attacher/"
_MEMORY = "external-attacher"
_RETRY_FIRST_US, _RETRY_MAX_US = 1_000_000, 300_000_000  # --retry-interval-start, --retry-interval-max
_FAILURES_THAT_COUNT = 9  # 2 ** 9 s is more than the longest pause
_RESOURCE_EXHAUSTED, _FAILED_PRECONDITION, _UNAVAILABLE = 8, 9, 14  # google.golang.org/grpc/codes


def finalizer(driver: str) -> str:
    """The finalizer by which a driver's attacher holds VolumeAttachments and volumes.

    >>> finalizer("csi.example.com")
    'external-attacher/csi-example-com'
    """
    name = re.sub(r"[^a-zA-Z0-9-]", "-", driver)
    return f"{_PREFIX}{name}X" if name.endswith("-") else f"{_PREFIX}{name}"


# -- attachments -------------------------------------------------------------------------------------------------------
def watch_attachment(view: View, change: Change) -> Iterator[str]:
    """An attachment needs a look when it is made, changed or deleted; what the attacher says of errors is no change."""
    before: VolumeAttachment | None = change.before
    after: VolumeAttachment | None = change.after
    if after is None:
        yield from (
            key
            for key, each in view.table("volumeattachments").items()
            if each.spec.source.inline_volume_spec is not None and not each.status.attached
        )  # it may have had the disk for which they wait
        return
    errors = (after.status.attach_error, after.status.detach_error)
    if errors == (None, None) or before is None or errors == (before.status.attach_error, before.status.detach_error):
        yield change.key


def watch_volume(view: View, change: Change) -> Iterator[str]:
    """The attachments of a volume need a look when it comes."""
    if change.before is None:
        yield from view.group("attachments_by_volume", change.key)


def watch_driver(view: View, change: Change) -> Iterator[str]:
    """What has waited for a driver needs a look when it is installed or mended."""
    for key, attachment in view.table("volumeattachments").items():
        if attachment.spec.attacher == change.key:
            yield key


def sync_attachment(view: View, key: str) -> Outcome:
    """Attach or detach one volume."""
    attachment: VolumeAttachment | None = view.get("volumeattachments", key)
    driver: Driver | None = view.get("drivers", attachment.spec.attacher or "") if attachment is not None else None
    if attachment is None or driver is None or not driver.attach_required:
        return NOTHING
    hold = finalizer(driver.name)
    if attachment.metadata.deletion_timestamp is not None:
        if hold not in attachment.metadata.finalizers:
            return NOTHING
        return _in_time(view, attachment, driver) or _detach(view, attachment, hold)
    if attachment.status.attached:
        return NOTHING
    most = _most_on_node(view, attachment)
    if most is not None and _attached_to_node(view, attachment) >= most:
        return _refuse_for_want_of_room(view, attachment, most)
    if (other := _other_node(view, attachment)) is not None:
        return _wait_for(view, attachment, other)
    return _in_time(view, attachment, driver) or _attach(view, attachment, hold)


def done_at(driver: Driver, attachment: VolumeAttachment) -> int | None:
    """When the storage has attached or detached what it was asked for, in microseconds; None: it answers with errors.

    >>> from volsim.objects import ObjectMeta
    >>> asked = VolumeAttachment(metadata=ObjectMeta(creation_timestamp=1_000_000))
    >>> done_at(Driver(name="csi.example.com", attach_seconds=5, attach_delay_seconds=10), asked)
    16000000
    """
    asked_us, usual, more = attachment.metadata.deletion_timestamp, driver.detach_seconds, driver.detach_delay_seconds
    if asked_us is None:
        asked_us, usual = attachment.metadata.creation_timestamp or 0, driver.attach_seconds
        more = driver.attach_delay_seconds
    return None if more is None else asked_us + (usual + more) * 1_000_000


def _in_time(view: View, attachment: VolumeAttachment, driver: Driver) -> Outcome | None:
    """What is done instead while the storage is at it, or answers with errors; None if it is done."""
    done_us = done_at(driver, attachment)
    if done_us is None:
        text = f"rpc error: code = Unavailable desc = the storage of {attachment.spec.attacher} does not answer"
        return _refuse(view, attachment, text, _UNAVAILABLE)
    return Outcome(requeue_after_us=done_us - view.now_us) if done_us > view.now_us else None


def _most_on_node(view: View, attachment: VolumeAttachment) -> int | None:
    """How many volumes a node can take, by the class of the volume; None: as many as one likes."""
    volume = view.persistent_volumes.get(attachment.spec.source.persistent_volume_name or "")
    storage_class = view.storage_classes.get(volume_class(volume)) if volume is not None else None
    most = storage_class.parameters.get("maxPerNode") if storage_class is not None else None
    return int(most) if most is not None and most.isdecimal() else None


def _attached_to_node(view: View, attachment: VolumeAttachment) -> int:
    """How many volumes of the driver the node has already."""
    keys = view.group("attachments_by_node", attachment.spec.node_name or "")
    others: Iterator[VolumeAttachment] = (view.get("volumeattachments", key) for key in keys)
    return sum(bool(each.status.attached) and each.spec.attacher == attachment.spec.attacher for each in others)


def _other_node(view: View, attachment: VolumeAttachment) -> str | None:
    """The node that has a disk of which no PersistentVolume says that several may: then its storage gives it to one.

    Of a disk that a pod names itself the attach/detach controller does not know whether it can be shared, and asks.
    What is only read is given to any number of nodes.
    """
    spec = attachment.spec.source.inline_volume_spec
    if spec is None or (spec.csi is not None and spec.csi.read_only):
        return None
    disk = _disk(view, attachment)
    backend: Backend | None = view.get("backends", disk) if disk is not None else None
    others = (
        name for name in (backend.attached_to if backend is not None else ()) if name != attachment.spec.node_name
    )
    return next(others, None)


def _wait_for(view: View, attachment: VolumeAttachment, other: str) -> Outcome:
    """Say in the status that another node has the disk; once that is said, wait until it has gone from there."""
    text = f"rpc error: code = FailedPrecondition desc = the disk is attached to node {other}"
    said = attachment.status.attach_error
    if said is not None and said.message == text:
        return NOTHING
    code = _FAILED_PRECONDITION if view.rules.mutable_csi_node_allocatable else None
    error = VolumeError(message=text, time=view.now_us, error_code=code)
    status = attachment.status.replace(attached=False, attach_error=error)
    return Outcome(
        (UpdateStatus(attachment.replace(status=status)),),
        says=f"{_what(attachment)} is not attached to {attachment.spec.node_name}: {text}",
    )


def _failures(attachment: VolumeAttachment) -> str:
    """Where it is remembered how often the driver has refused."""
    return f"{_MEMORY}/{attachment.metadata.name}"


def _forgiven(view: View, attachment: VolumeAttachment) -> list[Write]:
    row = _failures(attachment)
    return [] if view.get("memory", row) is None else [Put("memory", row, None)]


def _refuse_for_want_of_room(view: View, attachment: VolumeAttachment, most: int) -> Outcome:
    node = attachment.spec.node_name
    text = f"rpc error: code = ResourceExhausted desc = node {node} has {most} volumes and can take no more"
    return _refuse(view, attachment, text, _RESOURCE_EXHAUSTED)


def _refuse(view: View, attachment: VolumeAttachment, text: str, code: int) -> Outcome:
    """Say in the status what the driver says, and ask it again later and later."""
    row = _failures(attachment)
    failures = view.get("memory", row) or 0
    error = VolumeError(
        message=text, time=view.now_us, error_code=code if view.rules.mutable_csi_node_allocatable else None
    )
    writes: list[Write] = [Put("memory", row, min(failures + 1, _FAILURES_THAT_COUNT))]
    if attachment.metadata.deletion_timestamp is not None:
        status, what = attachment.status.replace(detach_error=error), "detached from"
    else:
        writes.append(Update(with_finalizer(attachment, finalizer(attachment.spec.attacher or ""))))
        status, what = attachment.status.replace(attached=False, attach_error=error), "attached to"
    writes.append(UpdateStatus(attachment.replace(status=status)))
    return Outcome(
        tuple(writes),
        requeue_after_us=min(_RETRY_FIRST_US << failures, _RETRY_MAX_US),
        background=True,
        says=f"{_what(attachment)} is not {what} {attachment.spec.node_name}: {text}",
    )


def _attach(view: View, attachment: VolumeAttachment, hold: str) -> Outcome:
    writes: list[Write] = [*_forgiven(view, attachment), Update(with_finalizer(attachment, hold))]
    name = attachment.spec.source.persistent_volume_name
    if name is not None:
        volume = view.persistent_volumes.get(name)
        if volume is None or volume.metadata.deletion_timestamp is not None:
            return NOTHING  # a volume that is to go gets no new users
        if hold not in volume.metadata.finalizers:
            writes.append(Update(with_finalizer(volume, hold)))
    disk = _disk(view, attachment)
    if disk is not None:
        backend: Backend = view.get("backends", disk) or Backend(name=disk, family="disk")
        writes.append(Put("backends", disk, backend.attached(attachment.spec.node_name or "")))
    status = attachment.status.replace(attached=True, attach_error=None)
    writes.append(UpdateStatus(attachment.replace(status=status)))
    return Outcome(tuple(writes), says=f"attach {_what(attachment)} to {attachment.spec.node_name}")


def _detach(view: View, attachment: VolumeAttachment, hold: str) -> Outcome:
    writes = _forgiven(view, attachment)
    disk = _disk(view, attachment)
    backend: Backend | None = view.get("backends", disk) if disk is not None else None
    if backend is not None:
        writes.append(Put("backends", backend.name, backend.detached(attachment.spec.node_name or "")))
    writes.append(Update(without_finalizer(attachment, hold)))
    return Outcome(tuple(writes), says=f"detach {_what(attachment)} from {attachment.spec.node_name}")


def _what(attachment: VolumeAttachment) -> str:
    return attachment.spec.source.persistent_volume_name or f"the disk of {attachment.metadata.name}"


def _disk(view: View, attachment: VolumeAttachment) -> str | None:
    """The backend that is meant; None if nobody can say any more which it is."""
    volume = view.persistent_volumes.get(attachment.spec.source.persistent_volume_name or "")
    disk = disk_of(volume.spec) if volume is not None else None
    if disk is not None:
        return disk.backend
    # A volume in a pod, or one that was removed by force: the controller that asked knows the disk
    keys = view.group("attach_detach_by_attachment", attachment.metadata.name or "")
    return next((view.get("attach_detach", key).backend for key in keys), None)


# -- volumes -----------------------------------------------------------------------------------------------------------
def watch_deleted_volume(view: View, change: Change) -> Iterator[str]:
    """A volume needs a look when it is deleted and an attacher holds it."""
    volume: PersistentVolume | None = change.after
    if volume is not None and volume.metadata.deletion_timestamp is not None and _holds(volume):
        yield change.key


def watch_removed_attachment(view: View, change: Change) -> Iterator[str]:
    """A volume needs a look when one of its attachments is gone."""
    if change.after is None:
        name = change.before.spec.source.persistent_volume_name
        if name:
            yield name


def _holds(volume: PersistentVolume) -> list[str]:
    return [each for each in volume.metadata.finalizers if each.startswith(_PREFIX)]


def sync_volume(view: View, key: str) -> Outcome:
    """Let a deleted volume go that is attached nowhere; the finalizer of one that is not deleted stays for ever."""
    volume = view.persistent_volumes.get(key)
    if volume is None or volume.metadata.deletion_timestamp is None or view.group_size("attachments_by_volume", key):
        return NOTHING
    freed = volume
    for hold in _holds(volume):
        if any(hold == finalizer(name) for name in view.table("drivers")):  # nobody else's finalizer is taken away
            freed = without_finalizer(freed, hold)
    if freed is volume:
        return NOTHING
    return Outcome((Update(freed),), says=f"let volume {key} go: it is attached nowhere")


CONTROLLERS = (
    Controller(
        name="csi-attacher",
        component="external-attacher",
        watches={
            "volumeattachments": watch_attachment,
            "persistentvolumes": watch_volume,
            "drivers": watch_driver,
        },
        sync=sync_attachment,
    ),
    Controller(
        name="csi-attacher-volumes",
        component="external-attacher",
        watches={"persistentvolumes": watch_deleted_volume, "volumeattachments": watch_removed_attachment},
        sync=sync_volume,
    ),
)
