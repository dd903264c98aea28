"""Claims: what storage somebody asks for, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from volsim.objects._record import FrozenDict, Record, frozen_json, frozen_map, frozen_tuple, record
from volsim.objects.meta import (
    Condition,
    LabelSelector,
    Object,
    ObjectMeta,
    TypedLocalObjectReference,
    TypedObjectReference,
)
from volsim.quantity import Quantity

__all__ = [
    "ModifyVolumeStatus",
    "PersistentVolumeClaim",
    "PersistentVolumeClaimSpec",
    "PersistentVolumeClaimStatus",
    "PersistentVolumeClaimTemplate",
    "VolumeResourceRequirements",
]


@record
class VolumeResourceRequirements(Record):
    """How much storage a claim asks for, and may ask for."""

    limits: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    requests: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PersistentVolumeClaimSpec(Record):
    """What storage a claim wants: modes, class, size, selector, source of data."""

    access_modes: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    data_source: TypedLocalObjectReference | None = None
    data_source_ref: TypedObjectReference | None = None
    resources: VolumeResourceRequirements = attrs.field(factory=VolumeResourceRequirements)
    selector: LabelSelector | None = None
    storage_class_name: str | None = None
    volume_attributes_class_name: str | None = None
    volume_mode: str | None = None
    volume_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ModifyVolumeStatus(Record):
    """How far the change of a claim's VolumeAttributesClass has come."""

    status: str | None = None
    target_volume_attributes_class_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PersistentVolumeClaimStatus(Record):
    """What a claim got: phase, capacity, access modes, progress of a resize."""

    access_modes: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    allocated_resource_statuses: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    allocated_resources: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    capacity: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    current_volume_attributes_class_name: str | None = None
    modify_volume_status: ModifyVolumeStatus | None = None
    phase: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PersistentVolumeClaim(Object):
    """A request for storage by name, bound to at most one volume."""

    KIND: ClassVar[str] = "PersistentVolumeClaim"
    PLURAL: ClassVar[str] = "persistentvolumeclaims"
    SINGULAR: ClassVar[str] = "persistentvolumeclaim"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("pvc",)

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: PersistentVolumeClaimSpec = attrs.field(factory=PersistentVolumeClaimSpec)
    status: PersistentVolumeClaimStatus = attrs.field(factory=PersistentVolumeClaimStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PersistentVolumeClaimTemplate(Record):
    """A claim to be made for a pod (generic ephemeral volume)."""

    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: PersistentVolumeClaimSpec = attrs.field(factory=PersistentVolumeClaimSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)
