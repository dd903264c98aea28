"""External resizer: makes a volume larger when its claim asks for more.

Modelled: controller expansion, sizes that the backend cannot provide, recovery from them by asking for less (by
version). The simulated drivers understand one parameter of a class here: `maxSize`, beyond which they refuse; and they
need no expansion on the node.
Not modelled: expansion of the file system on the node, VolumeAttributesClass changes.
Source: kubernetes-csi/external-resizer, pkg/controller/{controller,expand_and_recover}.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from volsim.apiserver.writes import Put, Update, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, EventNote, Outcome, normal, warning
from volsim.control.persistent_volume.expand import wants_more
from volsim.control.writing import annotated, without_annotation
from volsim.objects import Condition, FrozenDict, PersistentVolume, PersistentVolumeClaim
from volsim.objects.binding import PRE_RESIZE_CAPACITY, claim_class
from volsim.objects.claims import PersistentVolumeClaimStatus
from volsim.quantity import Quantity
from volsim.state import Change, View
from volsim.state.runtime import Driver

__all__ = ["CONTROLLER"]

NOT_ON_NODE = "volume.kubernetes.io/node-expansion-not-required"
_PENDING = "FileSystemResizePending"
_CONDITIONS = ("Resizing", "ControllerResizeError", _PENDING, "NodeResizeError")
_INFEASIBLE = "ControllerResizeInfeasible"


def watch_claim(view: View, change: Change) -> Iterator[str]:
    """A claim needs a look when it asks for more than it has, and changes; and when it has got what it asked for."""
    if wants_more(change.after) or (wants_more(change.before) and change.after is not None):
        yield change.key


def sync(view: View, key: str) -> Outcome:
    """Give one claim the size that it asks for, or say why that cannot be."""
    claim = view.persistent_volume_claims.get(key)
    volume = view.persistent_volumes.get(claim.spec.volume_name or "") if claim is not None else None
    if claim is None or volume is None or volume.spec.csi is None:
        return NOTHING
    driver: Driver | None = view.get("drivers", volume.spec.csi.driver or "")
    if driver is None or not driver.resizer:
        return NOTHING
    if not wants_more(claim):
        return _forget_old_size(claim, volume)
    wanted = claim.spec.resources.requests["storage"]
    if _is_left_to_node(view, claim, volume, wanted):
        return NOTHING
    storage_class = view.storage_classes.get(claim_class(claim))
    parameters = storage_class.parameters if storage_class is not None else {}
    most = parameters.get("maxSize")
    if most is not None and wanted > Quantity(most):
        return _refuse(view, driver, claim, volume, wanted, most)
    if parameters.get("nodeExpansion") == "true":
        return _expand(view, driver, claim, volume, wanted, _pending_on_node)
    return _expand(view, driver, claim, volume, wanted, _finished)


def _is_left_to_node(view: View, claim: PersistentVolumeClaim, volume: PersistentVolume, wanted: Quantity) -> bool:
    """Whether the storage is large enough and only its file system is not yet.

    With recovery the node finishes what it has begun, before the storage is made larger once more.
    """
    if not any(each.type == _PENDING for each in claim.status.conditions):
        return False
    return view.rules.recover_volume_expansion_failure or volume.spec.capacity["storage"] >= wanted


def _forget_old_size(claim: PersistentVolumeClaim, volume: PersistentVolume) -> Outcome:
    """The volume's note of its old size goes when the file system is as large as the storage."""
    new = without_annotation(volume, PRE_RESIZE_CAPACITY)
    has, size = claim.status.capacity.get("storage"), volume.spec.capacity.get("storage")
    if new is volume or has is None or (size is not None and has < size):
        return NOTHING
    return Outcome((Update(new),), says=f"volume {volume.metadata.name} is as large as its storage")


def _said(driver: Driver, note: EventNote) -> EventNote:
    return note._replace(component=f"external-resizer {driver.name}")


def _begins(driver: Driver, claim: PersistentVolumeClaim, volume: PersistentVolume) -> EventNote:
    text = f"External resizer is resizing volume {volume.metadata.name}"
    return _said(driver, normal(claim, "Resizing", text))


class _Done(NamedTuple):
    """What becomes of claim and volume once the storage is larger, and what is said of it."""

    claim: PersistentVolumeClaim
    volume: PersistentVolume
    note: EventNote


_Finish = Callable[[View, PersistentVolumeClaim, PersistentVolume, Quantity], _Done]


def _expand(
    view: View,
    driver: Driver,
    claim: PersistentVolumeClaim,
    volume: PersistentVolume,
    wanted: Quantity,
    finish: _Finish,
) -> Outcome:
    """Make the storage larger, then the volume, then say to the claim that it is, or that a node has to go on."""
    assert volume.spec.csi is not None, "only CSI volumes are resized here"
    writes: list[Write] = []
    backend = view.get("backends", volume.spec.csi.volume_handle or "")
    if backend is not None:
        writes.append(Put("backends", backend.name, backend.replace(capacity=int(wanted))))
    done = finish(view, claim, volume, wanted)
    larger = done.volume
    capacity = volume.spec.capacity.get("storage")
    if capacity is None or capacity < wanted:
        larger = larger.replace(
            spec=larger.spec.replace(capacity=FrozenDict({**volume.spec.capacity, "storage": wanted}))
        )
    if larger is not volume:
        writes.append(Update(larger))
    if done.claim.metadata is not claim.metadata:
        writes.append(Update(claim.replace(metadata=done.claim.metadata)))
    writes.append(UpdateStatus(done.claim))
    events = (_begins(driver, claim, volume), _said(driver, done.note))
    return Outcome(tuple(writes), events, says=f"make volume {volume.metadata.name} {wanted} large")


def _allocated(
    view: View, status: PersistentVolumeClaimStatus, size: Quantity, state: str
) -> PersistentVolumeClaimStatus:
    """The status that says how much is allocated, and how far the expansion is; before there was recovery, neither."""
    if not view.rules.recover_volume_expansion_failure:
        return status
    return status.replace(
        allocated_resources=FrozenDict({**status.allocated_resources, "storage": size}),
        allocated_resource_statuses=FrozenDict({"storage": state} if state else {}),
    )


def _other_conditions(claim: PersistentVolumeClaim) -> tuple[Condition, ...]:
    return tuple(each for each in claim.status.conditions if each.type not in _CONDITIONS)


def _finished(view: View, claim: PersistentVolumeClaim, volume: PersistentVolume, wanted: Quantity) -> _Done:
    """The driver needs no node for it: the claim has its size."""
    status = claim.status.replace(
        capacity=FrozenDict({**claim.status.capacity, "storage": wanted}), conditions=_other_conditions(claim)
    )
    noted = annotated(claim, NOT_ON_NODE, "true").replace(status=_allocated(view, status, wanted, ""))
    return _Done(noted, volume, normal(claim, "VolumeResizeSuccessful", "Resize volume succeeded"))


def _pending_on_node(view: View, claim: PersistentVolumeClaim, volume: PersistentVolume, wanted: Quantity) -> _Done:
    """A node that mounts the volume has to expand its file system; until then the claim has what it had."""
    text = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."
    pending = Condition(type=_PENDING, status="True", message=text, last_transition_time=view.now_us)
    conditions: tuple[Condition, ...] = (pending,)
    if view.rules.recover_volume_expansion_failure:  # the older way took the condition Resizing away
        conditions = (Condition(type="Resizing", status="True", last_transition_time=view.now_us), pending)
    status = claim.status.replace(conditions=(*_other_conditions(claim), *conditions))
    noted = without_annotation(claim, NOT_ON_NODE).replace(status=_allocated(view, status, wanted, "NodeResizePending"))
    old_size = str(claim.status.capacity["storage"])
    note = normal(claim, "FileSystemResizeRequired", "Require file system resize of volume on node")
    return _Done(noted, annotated(volume, PRE_RESIZE_CAPACITY, old_size), note)


def _refuse(
    view: View, driver: Driver, claim: PersistentVolumeClaim, volume: PersistentVolume, wanted: Quantity, most: str
) -> Outcome:
    """Say once that the backend cannot provide so much; a smaller request recovers."""
    why = f"rpc error: code = OutOfRange desc = requested size {wanted} is greater than the limit {most}"
    text = f"failed to expand pvc with {why}"
    if any(each.type == "ControllerResizeError" and each.message == text for each in claim.status.conditions):
        return NOTHING
    now_us = view.now_us
    conditions = (
        Condition(type="ControllerResizeError", status="True", message=text, last_transition_time=now_us),
        Condition(type="Resizing", status="True", last_transition_time=now_us),
    )
    status = claim.status.replace(conditions=(*_other_conditions(claim), *conditions))
    status = _allocated(view, status, wanted, _INFEASIBLE)
    name = volume.metadata.name
    failed = warning(claim, "VolumeResizeFailed", f'resize volume "{name}" by resizer "{driver.name}" failed: {why}')
    return Outcome(
        (UpdateStatus(claim.replace(status=status)),),
        (_begins(driver, claim, volume), _said(driver, failed)),
        says=f"volume {name} cannot be made {wanted} large",
    )


CONTROLLER = Controller(
    name="csi-resizer", component="external-resizer", watches={"persistentvolumeclaims": watch_claim}, sync=sync
)
