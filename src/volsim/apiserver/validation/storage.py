"""Validation of storage.k8s.io: classes, attachments, and what CSI drivers say of themselves and of nodes.

Modelled: StorageClass, VolumeAttributesClass, VolumeAttachment, CSIDriver, CSINode, CSIStorageCapacity.
Not modelled: token requests of a CSIDriver.
Source: kube-apiserver, pkg/apis/storage/validation/validation.go; core validation, ValidateTopologySelectorTerm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from volsim.apiserver.validation.fields import Errors, between, dns_name, label_key
from volsim.apiserver.validation.metadata import check_selector
from volsim.apiserver.validation.persistent import check_inline_volume
from volsim.apiserver.validation.sources import check_csi_driver_name
from volsim.objects import (
    CSIDriver,
    CSINode,
    CSINodeDriver,
    CSIStorageCapacity,
    StorageClass,
    TopologySelectorTerm,
    VolumeAttachment,
    VolumeAttachmentSource,
    VolumeAttachmentStatus,
    VolumeAttributesClass,
    VolumeError,
)

__all__ = [
    "check_attachment",
    "check_attachment_update",
    "check_attributes_class",
    "check_attributes_class_update",
    "check_csi_driver",
    "check_csi_driver_update",
    "check_csi_node",
    "check_csi_node_update",
    "check_storage_capacity",
    "check_storage_capacity_update",
    "check_storage_class",
    "check_storage_class_update",
]

_MOST_PARAMETERS = 512
_MOST_BYTES = 256 * 1024  # of parameters, and of an attachment's metadata
_LONGEST_MESSAGE = 1024


# -- classes -----------------------------------------------------------------------------------------------------------
def check_storage_class(errors: Errors, storage_class: StorageClass) -> None:
    """How volumes are made, bound and reclaimed.

    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> check_storage_class(errors, StorageClass(reclaim_policy="Recycle", volume_binding_mode="Immediate"))
    >>> print(*errors, sep=chr(10))
    provisioner: Required value
    reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"
    """
    _check_provisioner(errors, storage_class.provisioner, "provisioner")
    _check_parameters(errors, storage_class.parameters)
    policy = storage_class.reclaim_policy
    if policy and policy not in ("Delete", "Retain"):
        errors.not_supported("reclaimPolicy", policy, ("Delete", "Retain"))
    mode = storage_class.volume_binding_mode
    if mode is None:
        errors.required("volumeBindingMode")
    elif mode not in ("Immediate", "WaitForFirstConsumer"):
        errors.not_supported("volumeBindingMode", mode, ("Immediate", "WaitForFirstConsumer"))
    _check_topologies(errors, storage_class.allowed_topologies)


def _check_provisioner(errors: Errors, name: str | None, field: str) -> None:
    errors.name(field, (name or "").lower(), label_key)


def _check_parameters(errors: Errors, parameters: Mapping[str, str]) -> None:
    if len(parameters) > _MOST_PARAMETERS:
        errors.too_long("parameters", _MOST_PARAMETERS)
        return
    if "" in parameters:
        errors.invalid("parameters", "", "field can not be empty.")
    if _bytes(parameters) > _MOST_BYTES:
        errors.too_long("parameters", _MOST_BYTES)


def _bytes(texts: Mapping[str, str]) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in texts.items())


def _check_topologies(errors: Errors, topologies: Sequence[TopologySelectorTerm]) -> None:
    """Where volumes may be made: no two terms alike. An empty term counts as being there already, once for each."""
    seen: list[dict[str, set[str]]] = [{} for _ in topologies]
    for number, term in enumerate(topologies):
        place = f"allowedTopologies[{number}].matchLabelExpressions"
        found = _check_topology(errors, term, place)
        for other in seen:
            if other == found:
                errors.duplicate(place, "")
        seen.append(found)


def _check_topology(errors: Errors, term: TopologySelectorTerm, field: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for number, expression in enumerate(term.match_label_expressions):
        place, key = f"{field}[{number}]", expression.key or ""
        if not expression.values:
            errors.required(f"{place}.values")
        for index, value in enumerate(expression.values):
            if value in expression.values[:index]:
                errors.duplicate(f"{place}.values[{index}]", value)
        errors.check(f"{place}.key", key, label_key)
        if key in found:
            errors.duplicate(f"{place}.key", key)
        found[key] = set(expression.values)
    return found


def check_storage_class_update(errors: Errors, new: StorageClass, old: StorageClass) -> None:
    """A class says the same for ever, but for whether its volumes can grow, how they are mounted and where they are."""
    if errors.rules.class_fields_immutable:
        errors.immutable("parameters", new.parameters, old.parameters)
        errors.immutable("provisioner", new.provisioner, old.provisioner)
        errors.immutable("reclaimPolicy", new.reclaim_policy, old.reclaim_policy)
    else:
        _forbid_change(errors, "parameters", new.parameters, old.parameters)
        _forbid_change(errors, "provisioner", new.provisioner, old.provisioner)
        _forbid_change(errors, "reclaimPolicy", new.reclaim_policy, old.reclaim_policy)
    errors.immutable("volumeBindingMode", new.volume_binding_mode, old.volume_binding_mode)


def _forbid_change(errors: Errors, field: str, new: object, old: object) -> None:
    if new != old:
        errors.forbidden(field, f"updates to {field} are forbidden.")


def check_attributes_class(errors: Errors, attributes: VolumeAttributesClass) -> None:
    """A driver, and one parameter at least."""
    _check_provisioner(errors, attributes.driver_name, "driverName")
    _check_parameters(errors, attributes.parameters)
    if not attributes.parameters:
        errors.required("parameters", "must contain at least one key/value pair")


def check_attributes_class_update(errors: Errors, new: VolumeAttributesClass, old: VolumeAttributesClass) -> None:
    """Claims change their class; a class does not change."""
    _forbid_change(errors, "driverName", new.driver_name, old.driver_name)
    _forbid_change(errors, "parameters", new.parameters, old.parameters)
    check_attributes_class(errors, new)


# -- VolumeAttachment --------------------------------------------------------------------------------------------------
def check_attachment(errors: Errors, attachment: VolumeAttachment) -> None:
    """Which volume is to be attached where; one volume, by name or in full."""
    spec = attachment.spec
    check_csi_driver_name(errors, spec.attacher, "spec.attacher")
    _check_attached(errors, spec.source, "spec.source")
    errors.check("spec.nodeName", spec.node_name or "", dns_name)
    _check_attachment_status(errors, attachment.status)
    name = spec.source.persistent_volume_name
    if name is not None and errors.rules.attachment_volume_name_checked:
        errors.check("spec.source.persistentVolumeName", name, dns_name)


def _check_attached(errors: Errors, source: VolumeAttachmentSource, field: str) -> None:
    name, inline = source.persistent_volume_name, source.inline_volume_spec
    text = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if inline is None and name is None:
        errors.required(field, text)
    elif inline is not None and name is not None:
        errors.forbidden(field, text)
    elif inline is not None:
        check_inline_volume(errors, inline, f"{field}.inlineVolumeSpec")
    elif not name:
        errors.required(f"{field}.persistentVolumeName", "must specify non empty persistentVolumeName")


def _check_attachment_status(errors: Errors, status: VolumeAttachmentStatus) -> None:
    if _bytes(status.attachment_metadata) > _MOST_BYTES:
        errors.too_long("status.attachmentMetadata", _MOST_BYTES)
    _check_volume_error(errors, status.attach_error, "status.attachError")
    _check_volume_error(errors, status.detach_error, "status.detachError")


def _check_volume_error(errors: Errors, error: VolumeError | None, field: str) -> None:
    if error is None:
        return
    if len((error.message or "").encode()) > _LONGEST_MESSAGE:
        errors.too_long(f"{field}.message", _MOST_BYTES)  # upstream names the wrong bound
    if (error.error_code or 0) < 0:
        errors.invalid(f"{field}.errorCode", error.error_code, between(0, 2**31 - 1))


def check_attachment_update(errors: Errors, new: VolumeAttachment, old: VolumeAttachment) -> None:
    """Only an attachment's status changes."""
    check_attachment(errors, new)
    errors.immutable("spec", new.spec, old.spec)


# -- CSIDriver ---------------------------------------------------------------------------------------------------------
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Persistent", "Ephemeral")


def check_csi_driver(errors: Errors, driver: CSIDriver) -> None:
    """What a driver needs and can do."""
    spec = driver.spec
    if spec.fs_group_policy is not None and spec.fs_group_policy not in _GROUP_POLICIES:
        errors.not_supported("spec.fsGroupPolicy", spec.fs_group_policy, _GROUP_POLICIES)
    for mode in spec.volume_lifecycle_modes:
        if mode not in _LIFECYCLES:
            errors.not_supported("spec.volumeLifecycleModes", mode, _LIFECYCLES)
    period = spec.node_allocatable_update_period_seconds
    if period is not None and period < 10:
        text = "must be greater than or equal to 10 seconds"
        errors.invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, text)


def check_csi_driver_update(errors: Errors, new: CSIDriver, old: CSIDriver) -> None:
    """What of a driver may change: nothing at first, more and more with the years."""
    if new.spec is old.spec:
        return
    rules = errors.rules
    if not rules.csi_driver_fields_mutable:
        errors.immutable("spec", new.spec, old.spec)
        return
    check_csi_driver(errors, new)
    errors.immutable("spec.attachedRequired", new.spec.attach_required, old.spec.attach_required)
    if not rules.csi_driver_mostly_mutable:
        errors.immutable("spec.fsGroupPolicy", new.spec.fs_group_policy, old.spec.fs_group_policy)
        errors.immutable("spec.podInfoOnMount", new.spec.pod_info_on_mount, old.spec.pod_info_on_mount)
    modes, before = new.spec.volume_lifecycle_modes, old.spec.volume_lifecycle_modes
    errors.immutable("spec.volumeLifecycleModes", modes, before)
    if not rules.csi_driver_capacity_mutable:
        errors.immutable("spec.storageCapacity", new.spec.storage_capacity, old.spec.storage_capacity)


# -- CSINode -----------------------------------------------------------------------------------------------------------
def check_csi_node(errors: Errors, node: CSINode) -> None:
    """The drivers of a node: each once, under the id that it gives to the node."""
    longest = 256 if errors.rules.long_csi_node_ids else 128
    names: set[str | None] = set()
    for number, driver in enumerate(node.spec.drivers):
        place = f"spec.drivers[{number}]"
        check_csi_driver_name(errors, driver.name, f"{place}.name")
        errors.needed(f"{place}.nodeID", driver.node_id)
        if len(driver.node_id or "") > longest:
            errors.invalid(f"{place}.nodeID", driver.node_id, f"must be {longest} characters or less")
        if driver.allocatable is not None:
            errors.not_negative(f"{place}.allocatable.count", driver.allocatable.count)
        if driver.name in names:
            errors.duplicate(f"{place}.name", driver.name or "")
        names.add(driver.name)
        _check_topology_keys(errors, driver, place)


def _check_topology_keys(errors: Errors, driver: CSINodeDriver, field: str) -> None:
    for number, key in enumerate(driver.topology_keys):
        errors.needed(field, key)
        if key in driver.topology_keys[:number]:
            errors.duplicate(field, key)
        errors.check(field, key, label_key)


def check_csi_node_update(errors: Errors, new: CSINode, old: CSINode) -> None:
    """Drivers come and go; those that stay are what they were, but perhaps for how many volumes they can take."""
    if new.spec is old.spec:
        return
    check_csi_node(errors, new)
    field = "spec.drivers" if errors.rules.csi_node_drivers_path else "CSINodeDriver"
    before = {driver.name: driver for driver in old.spec.drivers}
    for driver in new.spec.drivers:
        was = before.get(driver.name)
        if was is None:
            continue
        if errors.rules.mutable_csi_node_allocatable:
            was = was.replace(allocatable=driver.allocatable)
        errors.immutable(field, driver, was)


# -- CSIStorageCapacity ------------------------------------------------------------------------------------------------
def check_storage_capacity(errors: Errors, capacity: CSIStorageCapacity) -> None:
    """How much a class can still provide in a topology."""
    check_selector(errors, capacity.node_topology, "nodeTopology")
    errors.check("storageClassName", capacity.storage_class_name or "", dns_name)
    errors.not_negative("capacity", capacity.capacity)


def check_storage_capacity_update(errors: Errors, new: CSIStorageCapacity, old: CSIStorageCapacity) -> None:
    """The amount changes; where and for which class it is does not."""
    errors.immutable("nodeTopology", new.node_topology, old.node_topology)
    errors.immutable("storageClassName", new.storage_class_name, old.storage_class_name)
