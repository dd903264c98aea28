"""Validation of PersistentVolumes and PersistentVolumeClaims: what can be asked for, and what stays as it was.

Modelled: create, update and status update; claims in templates; volumes that stand in a VolumeAttachment.
Source: kube-apiserver, pkg/apis/core/validation/validation.go (ValidatePersistentVolume…), pkg/volume/validation.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from volsim.apiserver.validation.fields import Errors, difference, dns_label, dns_name, label_key, same
from volsim.apiserver.validation.metadata import check_selector, check_template_metadata, selector_has_wrong_value
from volsim.apiserver.validation.placement import check_node_selector, node_selector_has_wrong_value
from volsim.apiserver.validation.volumes import PERSISTENT_SOURCES, check_persistent_source
from volsim.objects import (
    NodeSelector,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimTemplate,
    PersistentVolumeSpec,
    TypedLocalObjectReference,
    TypedObjectReference,
    VolumeNodeAffinity,
)
from volsim.quantity import Quantity

__all__ = [
    "BETA_CLASS",
    "check_claim",
    "check_claim_spec",
    "check_claim_status",
    "check_claim_template",
    "check_claim_update",
    "check_inline_volume",
    "check_volume",
    "check_volume_update",
]

BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
"""The annotation that named a claim's class before `spec.storageClassName`."""

_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce")
_ALONE = "ReadWriteOncePod"
_RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
_VOLUME_MODES = ("Block", "Filesystem")
_ZERO = Quantity("0")


# -- what both have ----------------------------------------------------------------------------------------------------
def _check_modes(errors: Errors, modes: Sequence[str], field: str, missing: str = "") -> None:
    """Access modes: at least one, all known, ReadWriteOncePod alone."""
    if not modes:
        errors.required(field, missing)
    known = (*_MODES, _ALONE) if errors.rules.read_write_once_pod else _MODES
    for mode in modes:
        if mode not in known:
            errors.not_supported(field, mode, known)
    if _ALONE in modes and any(mode in _MODES for mode in modes):
        errors.forbidden(field, "may not use ReadWriteOncePod with other access modes")


def _check_volume_mode(errors: Errors, mode: str | None, field: str) -> None:
    if mode is not None and mode not in _VOLUME_MODES:
        errors.not_supported(field, mode, _VOLUME_MODES)


def _check_amount(errors: Errors, amount: Quantity, field: str) -> None:
    """An amount of a resource that is there: not less than nothing."""
    if amount.nano < 0:
        errors.invalid(field, int(amount), "must be a valid resource quantity")


# -- PersistentVolume --------------------------------------------------------------------------------------------------
def check_volume(errors: Errors, volume: PersistentVolume, old: PersistentVolumeSpec | None = None) -> None:
    """The spec of a PersistentVolume; what is wrong in the old one as well is let pass.

    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> check_volume(errors, PersistentVolume())
    >>> print(*errors, sep=chr(10))
    spec.accessModes: Required value
    spec.capacity: Required value
    spec.capacity: Unsupported value: null: supported values: "storage"
    spec: Required value: must specify a volume type
    """
    spec = volume.spec
    _check_modes(errors, spec.access_modes, "spec.accessModes")
    _check_capacity(errors, spec.capacity)
    policy = spec.persistent_volume_reclaim_policy
    if policy and policy not in _RECLAIM_POLICIES:
        errors.not_supported("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM_POLICIES)
    if spec.node_affinity is not None:
        _check_node_affinity(errors, spec.node_affinity, old.node_affinity if old is not None else None)
    check_persistent_source(errors, spec, "spec", volume.metadata.name or "")
    if policy == "Recycle" and spec.host_path is not None and _is_root(spec.host_path.path or ""):
        errors.forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")
    if spec.storage_class_name:
        errors.check("spec.storageClassName", spec.storage_class_name, dns_name)
    _check_volume_mode(errors, spec.volume_mode, "spec.volumeMode")
    _check_attributes_class(errors, spec, "spec")
    _check_mount_annotation(errors, volume)


def _check_capacity(errors: Errors, capacity: Mapping[str, Quantity]) -> None:
    if not capacity:
        errors.required("spec.capacity")
    if "storage" not in capacity or len(capacity) > 1:
        errors.not_supported("spec.capacity", capacity, ("storage",))
    for name, amount in capacity.items():
        _check_amount(errors, amount, f"spec.capacity[{name}]")
        errors.positive(f"spec.capacity[{name}]", amount)


def _check_node_affinity(errors: Errors, affinity: VolumeNodeAffinity, old: VolumeNodeAffinity | None) -> None:
    if affinity.required is None:
        errors.required("spec.nodeAffinity.required", "must specify required node constraints")
        return
    wrong_before = node_selector_has_wrong_value(old.required if old is not None else None)
    check_node_selector(errors, affinity.required, "spec.nodeAffinity.required", any_value=wrong_before)


def _is_root(path: str) -> bool:
    return path.startswith("/") and not posixpath.normpath(path).strip("/")


def _check_attributes_class(errors: Errors, spec: PersistentVolumeSpec, field: str) -> None:
    name = spec.volume_attributes_class_name
    if name is None or not errors.rules.volume_attributes_class:
        return
    if name:
        errors.check(f"{field}.volumeAttributesClassName", name, dns_name)
    else:
        errors.required(f"{field}.volumeAttributesClassName", "an empty string is disallowed")
    if spec.csi is None:
        errors.required(f"{field}.csi", "has to be specified when using volumeAttributesClassName")


_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_MOUNTED_WITH_OPTIONS = (
    "gce_persistent_disk",
    "aws_elastic_block_store",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "iscsi",
    "cinder",
    "cephfs",
    "azure_file",
    "vsphere_volume",
    "azure_disk",
    "photon_persistent_disk",
)


def _check_mount_annotation(errors: Errors, volume: PersistentVolume) -> None:
    """Mount options by annotation, as they were given before `spec.mountOptions`: only some sources have any."""
    if _MOUNT_OPTIONS in volume.metadata.annotations:
        if all(getattr(volume.spec, source) is None for source in _MOUNTED_WITH_OPTIONS):
            text = "may not specify mount options for this volume type"
            errors.forbidden(f"metadata.annotations.{_MOUNT_OPTIONS}", text)


_NOT_INLINE = "may not be specified in the context of inline volumes"


def check_inline_volume(errors: Errors, spec: PersistentVolumeSpec, field: str) -> None:
    """A volume that stands in a VolumeAttachment: an in-tree volume of a pod, translated for its CSI driver."""
    if spec.claim_ref is not None:
        errors.forbidden(f"{field}.claimRef", _NOT_INLINE)
    if spec.capacity:
        errors.forbidden(f"{field}.capacity", _NOT_INLINE)
    if spec.csi is None:
        errors.required(f"{field}.csi", "has to be specified in the context of inline volumes")
    _check_modes(errors, spec.access_modes, f"{field}.accessModes")
    if spec.persistent_volume_reclaim_policy not in (None, "", "Retain"):
        text = "may only be Retain in the context of inline volumes"
        errors.forbidden(f"{field}.persistentVolumeReclaimPolicy", text)
    if spec.node_affinity is not None:
        errors.forbidden(f"{field}.nodeAffinity", _NOT_INLINE)
    check_persistent_source(errors, spec, field, "")
    if spec.storage_class_name:
        errors.forbidden(f"{field}.storageClassName", _NOT_INLINE)
    if spec.volume_mode not in (None, "Filesystem"):
        text = "may not specify volumeMode other than Filesystem in the context of inline volumes"
        errors.forbidden(f"{field}.volumeMode", text)
    _check_attributes_class(errors, spec, field)


def check_volume_update(errors: Errors, new: PersistentVolume, old: PersistentVolume) -> None:
    """What may not change of a PersistentVolume: its source, its mode, the nodes that reach it."""
    if new.spec is old.spec:
        _check_mount_annotation(errors, new)
        return
    check_volume(errors, new, old.spec)
    _check_same_source(errors, new.spec, old.spec)
    errors.immutable("volumeMode", new.spec.volume_mode, old.spec.volume_mode)
    affinity, were = new.spec.node_affinity, old.spec.node_affinity
    if were is not None and not errors.rules.mutable_pv_node_affinity:
        if not errors.rules.beta_topology_labels_replaceable:
            errors.immutable("nodeAffinity", affinity, were)
        elif not _same_but_for_beta_labels(affinity, were):
            text = "field is immutable, except for updating from beta label to GA"
            errors.invalid("nodeAffinity", affinity, text)
    if old.spec.volume_attributes_class_name is not None and new.spec.volume_attributes_class_name is None:
        errors.forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden")


def _check_same_source(errors: Errors, new: PersistentVolumeSpec, old: PersistentVolumeSpec) -> None:
    if all(getattr(new, name) is getattr(old, name) for name in PERSISTENT_SOURCES) and new.carried is old.carried:
        return
    source, before = _source_of(new), _source_of(old)
    if source.csi is not None and before.csi is not None and before.csi.controller_expand_secret_ref is None:
        source = source.replace(csi=source.csi.replace(controller_expand_secret_ref=None))  # may be set, once
    if same(source, before):
        return
    field = "spec.persistentvolumesource"
    if errors.rules.immutable_specs_show_difference:
        errors.forbidden(field, f"{field} is immutable after creation\n{difference(before, source)}")
    else:
        errors.forbidden(field, "is immutable after creation")


def _source_of(spec: PersistentVolumeSpec) -> PersistentVolumeSpec:
    """Nothing of the spec but the source."""
    sources = {name: getattr(spec, name) for name in PERSISTENT_SOURCES}
    return PersistentVolumeSpec().replace(**sources, carried=spec.carried)


_FINAL_LABELS = {
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
}


def _same_but_for_beta_labels(new: VolumeNodeAffinity | None, old: VolumeNodeAffinity) -> bool:
    """Whether the affinity is the old one, but for node labels that have got their final names."""
    if new is None or new.required is None or old.required is None:
        return same(new, old)
    terms, before = new.required.node_selector_terms, old.required.node_selector_terms
    if len(terms) != len(before):
        return False
    renamed = []
    for term, was in zip(terms, before, strict=True):
        expressions = tuple(
            each.replace(key=now.key) if _FINAL_LABELS.get(each.key or "") == now.key else each
            for now, each in zip(term.match_expressions, was.match_expressions, strict=False)
        )
        if len(expressions) < len(was.match_expressions):
            return False
        renamed.append(was.replace(match_expressions=expressions))
    return same(new, old.replace(required=NodeSelector(node_selector_terms=tuple(renamed))))


# -- PersistentVolumeClaim ---------------------------------------------------------------------------------------------
def check_claim(errors: Errors, claim: PersistentVolumeClaim) -> None:
    """The spec of a PersistentVolumeClaim.

    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> check_claim(errors, PersistentVolumeClaim())
    >>> print(*errors, sep=chr(10))
    spec.accessModes: Required value: at least 1 access mode is required
    spec.resources[storage]: Required value
    """
    check_claim_spec(errors, claim.spec, "spec")


def check_claim_template(errors: Errors, template: PersistentVolumeClaimTemplate, field: str) -> None:
    """A claim that is to be made for a pod."""
    check_template_metadata(errors, template.metadata, f"{field}.metadata")
    check_claim_spec(errors, template.spec, f"{field}.spec")


def check_claim_spec(
    errors: Errors, spec: PersistentVolumeClaimSpec, field: str, old: PersistentVolumeClaimSpec | None = None
) -> None:
    """What a claim asks for; what is wrong in the old one as well is let pass."""
    if not spec.access_modes:
        errors.required(f"{field}.accessModes", "at least 1 access mode is required")
    if spec.selector is not None:
        wrong_before = old is not None and selector_has_wrong_value(old.selector)
        check_selector(errors, spec.selector, f"{field}.selector", any_value=wrong_before)
    if spec.access_modes:
        _check_modes(errors, spec.access_modes, f"{field}.accessModes")
    size = spec.resources.requests.get("storage")
    if size is None:
        errors.required(f"{field}.resources[storage]")
    else:
        errors.positive(f"{field}.resources[storage]", size)
    if spec.storage_class_name:
        errors.check(f"{field}.storageClassName", spec.storage_class_name, dns_name)
    _check_volume_mode(errors, spec.volume_mode, f"{field}.volumeMode")
    if spec.data_source is not None or spec.data_source_ref is not None:
        _check_data_sources(errors, spec, field, old)
    if spec.volume_attributes_class_name and errors.rules.volume_attributes_class:
        errors.check(f"{field}.volumeAttributesClassName", spec.volume_attributes_class_name, dns_name)


def _check_data_sources(
    errors: Errors, spec: PersistentVolumeClaimSpec, field: str, old: PersistentVolumeClaimSpec | None
) -> None:
    """What the volume is filled from: said once, or twice alike."""
    source, ref = spec.data_source, spec.data_source_ref
    group_checked = errors.rules.data_source_group_checked and not (old is not None and _has_wrong_group(old))
    if source is not None:
        _check_data_source(errors, source, f"{field}.dataSource", group_checked)
    if ref is not None:
        _check_data_source(errors, ref, f"{field}.dataSourceRef", group_checked)
        if ref.namespace:
            errors.check(f"{field}.dataSourceRef.namespace", ref.namespace, dns_label)
    if source is None or ref is None:
        return
    if ref.namespace:
        text = "may not be specified when dataSourceRef.namespace is specified"
        errors.invalid(field, f"{field}.dataSource", text)
    elif (source.api_group, source.kind, source.name) != (ref.api_group, ref.kind, ref.name):
        errors.invalid(field, f"{field}.dataSource", "must match dataSourceRef")


def _check_data_source(
    errors: Errors, source: TypedLocalObjectReference | TypedObjectReference, field: str, group_checked: bool
) -> None:
    errors.needed(f"{field}.name", source.name)
    errors.needed(f"{field}.kind", source.kind)
    if not source.api_group and source.kind != "PersistentVolumeClaim":
        text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.invalid(field, source.kind or "", text if errors.rules.data_source_remedy else "")
    if source.api_group and group_checked:
        errors.check(f"{field}.apiGroup", source.api_group, dns_name)


def _has_wrong_group(spec: PersistentVolumeClaimSpec) -> bool:
    return any(
        ref is not None and ref.api_group and dns_name(ref.api_group)
        for ref in (spec.data_source, spec.data_source_ref)
    )


# -- updates of claims -------------------------------------------------------------------------------------------------
def check_claim_update(errors: Errors, new: PersistentVolumeClaim, old: PersistentVolumeClaim) -> None:
    """A claim is what it was: its volume is set once, and only a bound one can grow or change its attributes' class."""
    if new.spec is not old.spec:
        check_claim_spec(errors, new.spec, "spec", old.spec)
    spec = _with_class(errors, new, old)
    if new.spec is old.spec:
        return
    kept = old.spec if old.spec.volume_name else old.spec.replace(volume_name=new.spec.volume_name)
    if new.status.phase == "Bound" and errors.rules.expand_persistent_volumes:
        size = old.spec.resources.requests.get("storage", _ZERO)
        requests = {**spec.resources.requests, "storage": size}
        spec = spec.replace(
            resources=spec.resources.replace(requests=requests),
            volume_attributes_class_name=old.spec.volume_attributes_class_name,
        )
    if not same(spec, kept):
        _immutable_claim(errors, spec, kept)
    _check_shrinking(errors, new, old)
    errors.immutable("volumeMode", new.spec.volume_mode, old.spec.volume_mode)
    if old.status.current_volume_attributes_class_name is not None and not new.spec.volume_attributes_class_name:
        to = "nil" if new.spec.volume_attributes_class_name is None else "empty string"
        text = f"update to {to} is forbidden when status.currentVolumeAttributesClassName is not nil"
        errors.forbidden("spec.volumeAttributesClassName", text)


def _with_class(errors: Errors, new: PersistentVolumeClaim, old: PersistentVolumeClaim) -> PersistentVolumeClaimSpec:
    """The new spec, with the old class if the change is allowed: from the annotation, or from none at all.

    Else the annotation is to stay as it was.
    """
    spec, was = new.spec, old.metadata.annotations.get(BETA_CLASS)
    unset_before = spec.storage_class_name is not None and old.spec.storage_class_name is None
    kept = spec.replace(storage_class_name=None) if unset_before else spec
    now = new.metadata.annotations.get(BETA_CLASS)
    if unset_before and was is not None and spec.storage_class_name == was and now in (None, was):
        return kept
    errors.immutable(f"metadata.annotations.{BETA_CLASS}", now or "", was or "")
    if not errors.rules.retroactive_default_storage_class or was not in (None, spec.storage_class_name):
        return spec
    return kept


def _immutable_claim(errors: Errors, new: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec) -> None:
    what = (
        "resources.requests and volumeAttributesClassName"
        if errors.rules.attributes_class_in_wording
        else "resources.requests"
    )
    text = f"is immutable after creation except {what} for bound claims"
    if not errors.rules.expand_persistent_volumes:
        text = "field is immutable after creation"
    elif errors.rules.immutable_specs_show_difference:
        text = f"spec {text}"
    if errors.rules.immutable_specs_show_difference:
        text = f"{text}\n{difference(old, new)}"
    errors.forbidden("spec", text)


def _check_shrinking(errors: Errors, new: PersistentVolumeClaim, old: PersistentVolumeClaim) -> None:
    """A claim never shrinks; where a failed expansion can be taken back, not to what it has already."""
    size, before = (each.spec.resources.requests.get("storage", _ZERO) for each in (new, old))
    if not size < before or not errors.rules.expand_persistent_volumes:
        return
    if not _recovers(errors, old):
        errors.forbidden("spec.resources.requests.storage", "field can not be less than previous value")
    elif size <= old.status.capacity.get("storage", _ZERO):
        errors.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")


def _recovers(errors: Errors, old: PersistentVolumeClaim) -> bool:
    """Whether a failed expansion can be taken back: by rule, or because the claim shows that it could be."""
    known = errors.rules.recover_volume_expansion_failure
    return known or bool(old.status.allocated_resources or old.status.allocated_resource_statuses)


# -- the status of claims ----------------------------------------------------------------------------------------------
_RESIZE_STATUSES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)


def check_claim_status(errors: Errors, new: PersistentVolumeClaim, old: PersistentVolumeClaim) -> None:
    """What controllers say of a claim: capacity, and how far an expansion has come."""
    if not new.spec.access_modes:
        errors.required("Spec.accessModes")
    for name, amount in new.status.capacity.items():
        _check_amount(errors, amount, f"status.capacity[{name}]")
    if not _recovers(errors, old):
        return
    for name, state in new.status.allocated_resource_statuses.items():
        _check_claim_resource(errors, name, "status.allocatedResourceStatuses")
        if state not in _RESIZE_STATUSES:
            errors.not_supported("status.allocatedResourceStatuses", name, _RESIZE_STATUSES)
    for name, amount in new.status.allocated_resources.items():
        if _check_claim_resource(errors, name, "status.allocatedResources"):
            _check_amount(errors, amount, f"status.allocatedResources[{name}]")


def _check_claim_resource(errors: Errors, name: str, field: str) -> bool:
    """Whether a claim can have the resource: of Kubernetes' own only `storage`."""
    if not errors.check(field, name, label_key):
        return False
    if name != "storage" and ("/" not in name or "kubernetes.io/" in name):
        errors.not_supported(field, name, ("storage",))
        return False
    return True
