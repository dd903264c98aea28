"""External provisioner: makes volumes for claims that ask a CSI driver, and deletes the storage of released ones.

Modelled: immediate and delayed provisioning, the topology of the selected node, of allowedTopologies or of any node,
claims with a selector (refused), selected nodes that are gone, failure with retries, the deletion finalizer by version,
deletion only of what is not attached, with retries. The simulated drivers understand one parameter of a class here:
`fail: "true"` makes provisioning fail for ever.
Not modelled: snapshots and clones, capacity objects, in-tree volumes that a driver has taken over, secrets; the rest of
a back-off once a volume is detached.
Source: kubernetes-csi/external-provisioner; sig-storage-lib-external-provisioner, controller/controller.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Create, Delete, Put, Update, Write
from volsim.control.contract import NOTHING, Choose, Controller, EventNote, Outcome, normal, warning
from volsim.control.writing import with_finalizer, without_annotation, without_finalizer
from volsim.objects import (
    CSIPersistentVolumeSource,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    StorageClass,
    VolumeNodeAffinity,
)
from volsim.objects.binding import (
    BETA_PROVISIONER,
    PROVISIONED_BY,
    PROVISIONER,
    SELECTED_NODE,
    claim_class,
    reference_to,
)
from volsim.state import Change, View
from volsim.state.runtime import Driver
from volsim.storage.backends import Backend

__all__ = ["CONTROLLERS", "FINALIZER"]

FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"
_RETRY_FIRST_US, _RETRY_MAX_US = 1_000_000, 300_000_000  # --retry-interval-start, --retry-interval-max
_FAILURES_THAT_COUNT = 9  # 2 ** 9 s is more than the longest pause
_FSTYPE = "csi.storage.k8s.io/fstype"
_MEMORY = "external-provisioner"


# -- claims ------------------------------------------------------------------------------------------------------------
def watch_claim(view: View, change: Change) -> Iterator[str]:
    """A claim needs a look when it asks one of the drivers, and changes."""
    claim: PersistentVolumeClaim | None = change.after
    if claim is not None and not claim.spec.volume_name and _driver_asked(view, claim) is not None:
        yield change.key


def watch_driver(view: View, change: Change) -> Iterator[str]:
    """The claims that have asked for a driver hear of it when it comes."""
    for storage_class in view.storage_classes.values():
        if storage_class.provisioner == change.key:
            yield from view.group("claims_unbound", storage_class.metadata.name or "")


def _driver_asked(view: View, claim: PersistentVolumeClaim) -> Driver | None:
    annotations = claim.metadata.annotations
    name = annotations.get(PROVISIONER) or annotations.get(BETA_PROVISIONER)
    found: Driver | None = view.get("drivers", name) if name else None
    return found


def sync_claim(view: View, key: str) -> Outcome | Choose:
    """Make the volume that one claim asks for."""
    claim = view.persistent_volume_claims.get(key)
    if claim is None or claim.spec.volume_name or claim.metadata.deletion_timestamp is not None:
        return NOTHING
    driver, storage_class = _driver_asked(view, claim), view.storage_classes.get(claim_class(claim))
    if driver is None or storage_class is None or view.persistent_volumes.get(_volume_name(claim)) is not None:
        return NOTHING
    selected = claim.metadata.annotations.get(SELECTED_NODE)
    if selected is None and storage_class.volume_binding_mode == "WaitForFirstConsumer":
        return NOTHING
    if selected is not None and selected not in view.nodes:
        return _without_node(view, driver, claim, selected)
    problem = _problem(claim, storage_class)
    if problem is not None:
        return _fail(view, driver, claim, problem)
    places = _places(view, driver, claim, storage_class)
    if places is None:
        return _provision(driver, claim, storage_class, None, view)
    if not places:
        return _fail(view, driver, claim, "error generating accessibility requirements: no available topology found")
    options = tuple((place, _provision(driver, claim, storage_class, place, view)) for place in places)
    return options[0][1] if len(options) == 1 else Choose(f"where the volume for claim {key} is made", options)


def _volume_name(claim: PersistentVolumeClaim) -> str:
    return f"pvc-{claim.metadata.uid}"


def _problem(claim: PersistentVolumeClaim, storage_class: StorageClass) -> str | None:
    if claim.spec.selector is not None:
        return "claim Selector is not supported"
    if storage_class.parameters.get("fail") == "true":
        return "rpc error: code = Internal desc = emulated backend failure"
    return None


def _file_system(storage_class: StorageClass, claim: PersistentVolumeClaim) -> str | None:
    """The file system for which a class asks; its kubelets hand over to a pod's group only what has one.

    Source: external-provisioner, Provision: the parameter `csi.storage.k8s.io/fstype`, or `fstype` in any case.
    """
    if claim.spec.volume_mode == "Block":
        return None
    asked = (value for key, value in storage_class.parameters.items() if key.lower() in ("fstype", _FSTYPE))
    return next(asked, None)


def _fail(view: View, driver: Driver, claim: PersistentVolumeClaim, problem: str, what: str = "") -> Outcome:
    """Say so, and try again later and later."""
    row = f"{_MEMORY}/{claim.key}"
    failures = view.get("memory", row) or 0
    what = what or f'failed to provision volume with StorageClass "{claim_class(claim)}"'
    text = f"{what}: {problem}"
    return Outcome(
        (Put("memory", row, min(failures + 1, _FAILURES_THAT_COUNT)),),
        (_begins(claim, driver), _said(warning(claim, "ProvisioningFailed", text), driver)),
        requeue_after_us=min(_RETRY_FIRST_US << failures, _RETRY_MAX_US),
        background=True,
        says=f"claim {claim.key}: {text}",
    )


def _without_node(view: View, driver: Driver, claim: PersistentVolumeClaim, node: str) -> Outcome:
    """The selected node is gone: let the scheduler select another. Old provisioners tried again for ever."""
    missing = f'node "{node}" not found'
    if not view.rules.provisioner_deselects_lost_node:
        return _fail(view, driver, claim, missing, "failed to get target node")
    note = _said(warning(claim, "ProvisioningFailed", missing), driver)
    return Outcome(
        (Update(without_annotation(claim, SELECTED_NODE)),), (note,), says=f"deselect {node} for {claim.key}"
    )


def _begins(claim: PersistentVolumeClaim, driver: Driver) -> EventNote:
    text = f'External provisioner is provisioning volume for claim "{claim.key}"'
    return _said(normal(claim, "Provisioning", text), driver)


def _said(note: EventNote, driver: Driver) -> EventNote:
    return note._replace(component=driver.name)


def _places(view: View, driver: Driver, claim: PersistentVolumeClaim, storage_class: StorageClass) -> list[str] | None:
    """The values of the driver's topology key where the volume may be made; None if it is reached from everywhere."""
    key = driver.topology_key
    if key is None:
        return None
    selected = claim.metadata.annotations.get(SELECTED_NODE)
    if selected is not None:
        node = view.nodes.get(selected)
        value = node.metadata.labels.get(key) if node is not None else None
        return [value] if value is not None else []
    terms = storage_class.allowed_topologies
    places = {
        node.metadata.labels[key]
        for node in view.nodes.unordered()
        if key in node.metadata.labels and (not terms or any(term.matches(node.metadata.labels) for term in terms))
    }
    return sorted(places)


def _provision(
    driver: Driver, claim: PersistentVolumeClaim, storage_class: StorageClass, place: str | None, view: View
) -> Outcome:
    volume = _volume(driver, claim, storage_class, place)
    if view.rules.honor_pv_reclaim_policy and volume.spec.persistent_volume_reclaim_policy == "Delete":
        volume = with_finalizer(volume, FINALIZER)
    name, handle = _volume_name(claim), f"vol-{claim.metadata.uid}"
    storage = volume.spec.capacity.get("storage")
    backend = Backend(name=handle, family="disk", capacity=int(storage) if storage is not None else None)
    writes: list[Write] = [Put("backends", handle, backend), Create(volume)]
    if view.get("memory", f"{_MEMORY}/{claim.key}") is not None:
        writes.append(Put("memory", f"{_MEMORY}/{claim.key}", None))
    done = _said(normal(claim, "ProvisioningSucceeded", f"Successfully provisioned volume {name}"), driver)
    where = f" in {place}" if place else ""
    return Outcome(
        tuple(writes), (_begins(claim, driver), done), says=f"make volume {name} for claim {claim.key}{where}"
    )


def _volume(
    driver: Driver, claim: PersistentVolumeClaim, storage_class: StorageClass, place: str | None
) -> PersistentVolume:
    return PersistentVolume(
        metadata=ObjectMeta(name=_volume_name(claim), annotations={PROVISIONED_BY: driver.name}),
        spec=PersistentVolumeSpec(
            access_modes=claim.spec.access_modes,
            capacity={"storage": claim.spec.resources.requests["storage"]},
            claim_ref=reference_to(claim),
            csi=CSIPersistentVolumeSource(
                driver=driver.name,
                volume_handle=f"vol-{claim.metadata.uid}",
                fs_type=_file_system(storage_class, claim),
            ),
            mount_options=storage_class.mount_options,
            node_affinity=_affinity(driver, place),
            persistent_volume_reclaim_policy=storage_class.reclaim_policy,
            storage_class_name=storage_class.metadata.name,
            volume_attributes_class_name=claim.spec.volume_attributes_class_name,
            volume_mode=claim.spec.volume_mode,
        ),
    )


def _affinity(driver: Driver, place: str | None) -> VolumeNodeAffinity | None:
    if place is None:
        return None
    requirement = NodeSelectorRequirement(key=driver.topology_key, operator="In", values=(place,))
    term = NodeSelectorTerm(match_expressions=(requirement,))
    return VolumeNodeAffinity(required=NodeSelector(node_selector_terms=(term,)))


# -- volumes -----------------------------------------------------------------------------------------------------------
def watch_volume(view: View, change: Change) -> Iterator[str]:
    """A volume of one of the drivers needs a look when it changes, and once more when it is gone."""
    volume: PersistentVolume | None = change.after
    if volume is None and view.get("memory", _attempts(change.key)) is not None:
        yield change.key
    if volume is not None and volume.spec.csi is not None:
        yield change.key


def watch_attachment(view: View, change: Change) -> Iterator[str]:
    """A volume that could not be deleted because it was attached can be when it is not any more."""
    if change.after is None:
        name = change.before.spec.source.persistent_volume_name
        if name and view.get("memory", _attempts(name)) is not None:
            yield name


def sync_volume(view: View, key: str) -> Outcome:
    """Hold a volume that is to be deleted with its claim, and delete it when its time has come."""
    volume = view.persistent_volumes.get(key)
    if volume is None or volume.spec.csi is None or view.get("drivers", volume.spec.csi.driver or "") is None:
        return _forget(view, key)
    if _to_be_deleted(view, volume):
        return _delete(view, volume)
    if not view.rules.honor_pv_reclaim_policy:
        return NOTHING
    policy, new = volume.spec.persistent_volume_reclaim_policy, volume
    if policy == "Delete" and volume.status.phase == "Bound" and volume.metadata.deletion_timestamp is None:
        new = with_finalizer(volume, FINALIZER)
    elif policy in ("Retain", "Recycle"):
        new = without_finalizer(volume, FINALIZER)
    return NOTHING if new is volume else Outcome((Update(new),), says=f"set the finalizers of volume {key}")


def _forget(view: View, name: str) -> Outcome:
    row = _attempts(name)
    return NOTHING if view.get("memory", row) is None else Outcome((Put("memory", row, None),))


def _attempts(name: str) -> str:
    """Where it is remembered how often a volume could not be deleted."""
    return f"csi-deleter/{name}"


def _to_be_deleted(view: View, volume: PersistentVolume) -> bool:
    """Whether the volume is released, is to be deleted, and is this driver's own."""
    spec, meta = volume.spec, volume.metadata
    assert spec.csi is not None, "only CSI volumes are looked at"
    mine = meta.annotations.get(PROVISIONED_BY) == spec.csi.driver
    if view.rules.honor_pv_reclaim_policy:
        ripe = volume.status.phase == "Released" and (meta.deletion_timestamp is None or FINALIZER in meta.finalizers)
    else:
        ripe = volume.status.phase in ("Released", "Failed") and mine and meta.deletion_timestamp is None
    return ripe and spec.persistent_volume_reclaim_policy == "Delete"


def _delete(view: View, volume: PersistentVolume) -> Outcome:
    """Delete a volume with its storage, unless it is attached somewhere or the storage does not answer."""
    assert volume.spec.csi is not None, "only CSI volumes are deleted here"
    handle, name = volume.spec.csi.volume_handle or "", volume.metadata.name or ""
    backend: Backend | None = view.get("backends", handle)
    problem = _undeletable(view, name, backend)
    if problem is not None:
        return _delete_later(view, volume, problem)
    writes: list[Write] = [*_forget(view, name).writes]
    if backend is not None:
        writes.append(Put("backends", handle, None))
    if volume.metadata.deletion_timestamp is None:
        writes.append(Delete("persistentvolumes", name, uid=volume.metadata.uid))
    if FINALIZER in volume.metadata.finalizers:
        writes.append(Update(without_finalizer(volume, FINALIZER)))
    return Outcome(tuple(writes), says=f"delete the storage of volume {name}, and the volume")


def _undeletable(view: View, name: str, backend: Backend | None) -> str | None:
    for key in view.group("attachments_by_volume", name):
        return f"persistentvolume {name} is still attached to node {view.get('volumeattachments', key).spec.node_name}"
    if backend is not None and not backend.reachable:
        return f"rpc error: code = Unavailable desc = backend {backend.name} does not answer"
    return None


def _delete_later(view: View, volume: PersistentVolume, problem: str) -> Outcome:
    """Say so, and try again later and later."""
    assert volume.spec.csi is not None, "only CSI volumes are deleted here"
    name = volume.metadata.name or ""
    failures = view.get("memory", _attempts(name)) or 0
    pause_us = min(_RETRY_FIRST_US << failures, _RETRY_MAX_US)
    return Outcome(
        (Put("memory", _attempts(name), min(failures + 1, _FAILURES_THAT_COUNT)),),
        (warning(volume, "VolumeFailedDelete", problem)._replace(component=volume.spec.csi.driver),),
        requeue_after_us=pause_us,
        background=True,
        says=f"volume {name}: {problem}",
    )


CONTROLLERS = (
    Controller(
        name="csi-provisioner",
        component="external-provisioner",
        watches={"persistentvolumeclaims": watch_claim, "drivers": watch_driver},
        sync=sync_claim,
    ),
    Controller(
        name="csi-deleter",
        component="external-provisioner",
        watches={"persistentvolumes": watch_volume, "volumeattachments": watch_attachment},
        sync=sync_volume,
    ),
)
