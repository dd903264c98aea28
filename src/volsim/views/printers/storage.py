"""Volumes, claims, classes, and what CSI adds: what `kubectl get` says of them.

Source: kubernetes, pkg/printers/internalversion/printers.go; pkg/apis/core/helper (access modes, class annotation).
"""

from __future__ import annotations

from collections.abc import Iterable

from volsim.objects import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    VolumeAttachment,
    VolumeAttributesClass,
)
from volsim.quantity import Quantity
from volsim.views.tables import Column, Look, Printer, Row

__all__ = ["STORAGE_PRINTERS", "access_modes", "class_of", "is_default_class"]

SHORT_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
DEFAULT_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
NOTHING = Quantity(0)


def access_modes(modes: Iterable[str]) -> str:
    """Access modes in short, in the API's order, each once.

    >>> access_modes(["ReadWriteMany", "ReadWriteOnce"])
    'RWO,RWX'
    """
    given = set(modes)
    return ",".join(short for mode, short in SHORT_MODES.items() if mode in given)


def class_of(obj: PersistentVolume | PersistentVolumeClaim) -> str:
    """The storage class that a volume or claim names; empty if none."""
    named = obj.metadata.annotations.get(CLASS_ANNOTATION)
    return named if named is not None else obj.spec.storage_class_name or ""


def is_default_class(obj: StorageClass) -> bool:
    """Whether the class is marked as a default."""
    return any(obj.metadata.annotations.get(name) == "true" for name in DEFAULT_ANNOTATIONS)


def _volume(volume: PersistentVolume, look: Look) -> Row:
    claim = volume.spec.claim_ref
    return {
        "NAME": volume.name,
        "CAPACITY": volume.spec.capacity.get("storage", NOTHING),
        "ACCESS MODES": access_modes(volume.spec.access_modes),
        "RECLAIM POLICY": volume.spec.persistent_volume_reclaim_policy or "",
        "STATUS": "Terminating" if volume.metadata.deletion_timestamp is not None else volume.status.phase or "",
        "CLAIM": f"{claim.namespace or ''}/{claim.name or ''}" if claim is not None else "",
        "STORAGECLASS": class_of(volume),
        "VOLUMEATTRIBUTESCLASS": _set(volume.spec.volume_attributes_class_name),
        "REASON": volume.status.reason or "",
        "AGE": look.age(volume),
        "VOLUMEMODE": _set(volume.spec.volume_mode),
    }


def _set(value: str | None) -> str:
    return "<unset>" if value is None else value


def _claim(claim: PersistentVolumeClaim, look: Look) -> Row:
    bound = bool(claim.spec.volume_name)
    return {
        "NAME": claim.name,
        "STATUS": "Terminating" if claim.metadata.deletion_timestamp is not None else claim.status.phase or "",
        "VOLUME": claim.spec.volume_name or "",
        "CAPACITY": claim.status.capacity.get("storage", NOTHING) if bound else "",
        "ACCESS MODES": access_modes(claim.status.access_modes) if bound else "",
        "STORAGECLASS": class_of(claim),
        "VOLUMEATTRIBUTESCLASS": _set(claim.spec.volume_attributes_class_name),
        "AGE": look.age(claim),
        "VOLUMEMODE": _set(claim.spec.volume_mode),
    }


def _class(obj: StorageClass, look: Look) -> Row:
    return {
        "NAME": f"{obj.name} (default)" if is_default_class(obj) else obj.name,
        "PROVISIONER": obj.provisioner or "",
        "RECLAIMPOLICY": obj.reclaim_policy or "Delete",
        "VOLUMEBINDINGMODE": obj.volume_binding_mode or "Immediate",
        "ALLOWVOLUMEEXPANSION": bool(obj.allow_volume_expansion),
        "AGE": look.age(obj),
    }


def _attributes_class(obj: VolumeAttributesClass, look: Look) -> Row:
    return {"NAME": obj.name, "DRIVERNAME": obj.driver_name or "", "AGE": look.age(obj)}


def _attachment(obj: VolumeAttachment, look: Look) -> Row:
    return {
        "NAME": obj.name,
        "ATTACHER": obj.spec.attacher or "",
        "PV": obj.spec.source.persistent_volume_name or "",
        "NODE": obj.spec.node_name or "",
        "ATTACHED": bool(obj.status.attached),
        "AGE": look.age(obj),
    }


def _csi_node(obj: CSINode, look: Look) -> Row:
    return {"NAME": obj.name, "DRIVERS": len(obj.spec.drivers), "AGE": look.age(obj)}


def _csi_driver(obj: CSIDriver, look: Look) -> Row:
    spec = obj.spec
    tokens = spec.carried.get("tokenRequests")
    return {
        "NAME": obj.name,
        "ATTACHREQUIRED": spec.attach_required is not False,
        "PODINFOONMOUNT": bool(spec.pod_info_on_mount),
        "STORAGECAPACITY": bool(spec.storage_capacity),
        "TOKENREQUESTS": "<unset>" if tokens is None else ",".join(each.get("audience", "") for each in tokens),
        "REQUIRESREPUBLISH": bool(spec.requires_republish),
        "MODES": ",".join(spec.volume_lifecycle_modes) or "<none>",
        "AGE": look.age(obj),
    }


def _csi_capacity(obj: CSIStorageCapacity, look: Look) -> Row:
    capacity = "<unset>" if obj.capacity is None else obj.capacity
    return {"NAME": obj.name, "STORAGECLASSNAME": obj.storage_class_name or "", "CAPACITY": capacity}


STORAGE_PRINTERS = {
    "PersistentVolume": Printer(
        columns=(
            Column("NAME"),
            Column("CAPACITY"),
            Column("ACCESS MODES"),
            Column("RECLAIM POLICY"),
            Column("STATUS"),
            Column("CLAIM"),
            Column("STORAGECLASS"),
            Column("VOLUMEATTRIBUTESCLASS", rule="volume_attributes_class"),
            Column("REASON"),
            Column("AGE"),
            Column("VOLUMEMODE", wide=True),
        ),
        row=_volume,
    ),
    "PersistentVolumeClaim": Printer(
        columns=(
            Column("NAME"),
            Column("STATUS"),
            Column("VOLUME"),
            Column("CAPACITY"),
            Column("ACCESS MODES"),
            Column("STORAGECLASS"),
            Column("VOLUMEATTRIBUTESCLASS", rule="volume_attributes_class"),
            Column("AGE"),
            Column("VOLUMEMODE", wide=True),
        ),
        row=_claim,
    ),
    "StorageClass": Printer(
        columns=(
            Column("NAME"),
            Column("PROVISIONER"),
            Column("RECLAIMPOLICY", rule="storage_class_details"),
            Column("VOLUMEBINDINGMODE", rule="storage_class_details"),
            Column("ALLOWVOLUMEEXPANSION", rule="storage_class_details"),
            Column("AGE"),
        ),
        row=_class,
    ),
    "VolumeAttributesClass": Printer(
        columns=(Column("NAME"), Column("DRIVERNAME"), Column("AGE")),
        row=_attributes_class,
    ),
    "VolumeAttachment": Printer(
        columns=(
            Column("NAME"),
            Column("ATTACHER"),
            Column("PV"),
            Column("NODE"),
            Column("ATTACHED"),
            Column("AGE"),
        ),
        row=_attachment,
    ),
    "CSINode": Printer(
        columns=(Column("NAME"), Column("DRIVERS", rule="csi_printers"), Column("AGE")),
        row=_csi_node,
    ),
    "CSIDriver": Printer(
        columns=(
            Column("NAME"),
            Column("ATTACHREQUIRED", rule="csi_printers"),
            Column("PODINFOONMOUNT", rule="csi_printers"),
            Column("STORAGECAPACITY", rule="csi_driver_capacity"),
            Column("TOKENREQUESTS", rule="csi_driver_capacity"),
            Column("REQUIRESREPUBLISH", rule="csi_driver_capacity"),
            Column("MODES", rule="csi_printers"),
            Column("AGE"),
        ),
        row=_csi_driver,
    ),
    "CSIStorageCapacity": Printer(
        columns=(Column("NAME"), Column("STORAGECLASSNAME"), Column("CAPACITY")),
        row=_csi_capacity,
    ),
}
