"""External resizer: makes a volume larger when its claim asks for more.

Modelled: controller expansion, sizes that the backend cannot provide, recovery from them by asking for less (by
version). The simulated drivers understand one parameter of a class here: `maxSize`, beyond which they refuse; and they
need no expansion on the node. Not modelled: expansion of the file system on the node, VolumeAttributesClass changes.
Source: kubernetes-csi/external-resizer, pkg/controller/{controller,expand_and_recover}.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Put, Update, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, EventNote, Outcome, normal, warning
from volsim.control.persistent_volume.expand import wants_more
from volsim.control.writing import annotated
from volsim.objects import Condition, FrozenDict, PersistentVolume, PersistentVolumeClaim
from volsim.objects.binding import claim_class
from volsim.quantity import Quantity
from volsim.state import Change, View
from volsim.state.runtime import Driver

__all__ = ["CONTROLLER"]

NOT_ON_NODE = "volume.kubernetes.io/node-expansion-not-required"
_CONDITIONS = ("Resizing", "ControllerResizeError")
_INFEASIBLE = "ControllerResizeInfeasible"


def watch_claim(view: View, change: Change) -> Iterator[str]:
    """A claim needs a look when it asks for more than it has, and changes."""
    if wants_more(change.after):
        yield change.key


def sync(view: View, key: str) -> Outcome:
    """Give one claim the size that it asks for, or say why that cannot be."""
    claim = view.persistent_volume_claims.get(key)
    if claim is None or not wants_more(claim):
        return NOTHING
    volume = view.persistent_volumes.get(claim.spec.volume_name or "")
    if volume is None or volume.spec.csi is None:
        return NOTHING
    driver: Driver | None = view.get("drivers", volume.spec.csi.driver or "")
    if driver is None or not driver.resizer:
        return NOTHING
    wanted = claim.spec.resources.requests["storage"]
    storage_class = view.storage_classes.get(claim_class(claim))
    most = storage_class.parameters.get("maxSize") if storage_class is not None else None
    if most is not None and wanted > Quantity(most):
        return _refuse(view, driver, claim, volume, wanted, most)
    return _expand(view, driver, claim, volume, wanted)


def _said(driver: Driver, note: EventNote) -> EventNote:
    return note._replace(component=f"external-resizer {driver.name}")


def _begins(driver: Driver, claim: PersistentVolumeClaim, volume: PersistentVolume) -> EventNote:
    text = f"External resizer is resizing volume {volume.metadata.name}"
    return _said(driver, normal(claim, "Resizing", text))


def _expand(
    view: View, driver: Driver, claim: PersistentVolumeClaim, volume: PersistentVolume, wanted: Quantity
) -> Outcome:
    assert volume.spec.csi is not None, "only CSI volumes are resized here"
    writes: list[Write] = []
    backend = view.get("backends", volume.spec.csi.volume_handle or "")
    if backend is not None:
        writes.append(Put("backends", backend.name, backend.replace(capacity=int(wanted))))
    capacity = volume.spec.capacity.get("storage")
    if capacity is None or capacity < wanted:
        larger = FrozenDict({**volume.spec.capacity, "storage": wanted})
        writes.append(Update(volume.replace(spec=volume.spec.replace(capacity=larger))))
    noted = annotated(claim, NOT_ON_NODE, "true")
    if noted is not claim:
        writes.append(Update(noted))
    status = claim.status.replace(
        capacity=FrozenDict({**claim.status.capacity, "storage": wanted}),
        conditions=tuple(each for each in claim.status.conditions if each.type not in _CONDITIONS),
    )
    if view.rules.recover_volume_expansion_failure:
        status = status.replace(
            allocated_resources=FrozenDict({**status.allocated_resources, "storage": wanted}),
            allocated_resource_statuses=FrozenDict(),
        )
    writes.append(UpdateStatus(noted.replace(status=status)))
    done = _said(driver, normal(claim, "VolumeResizeSuccessful", "Resize volume succeeded"))
    name = volume.metadata.name
    return Outcome(tuple(writes), (_begins(driver, claim, volume), done), says=f"make volume {name} {wanted} large")


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
    others = tuple(each for each in claim.status.conditions if each.type not in _CONDITIONS)
    status = claim.status.replace(conditions=(*others, *conditions))
    if view.rules.recover_volume_expansion_failure:
        status = status.replace(
            allocated_resources=FrozenDict({**status.allocated_resources, "storage": wanted}),
            allocated_resource_statuses=FrozenDict({"storage": _INFEASIBLE}),
        )
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
