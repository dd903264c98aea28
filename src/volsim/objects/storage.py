"""Persistent volumes, classes, attachments and what CSI drivers tell the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from volsim.objects._record import FrozenDict, Record, frozen_json, frozen_map, frozen_tuple, record
from volsim.objects.meta import LabelSelector, NodeSelector, Object, ObjectMeta, ObjectReference, TopologySelectorTerm
from volsim.objects.persistent import (
    AzureFilePersistentVolumeSource,
    CephFSPersistentVolumeSource,
    CinderPersistentVolumeSource,
    CSIPersistentVolumeSource,
    FlexPersistentVolumeSource,
    GlusterfsPersistentVolumeSource,
    ISCSIPersistentVolumeSource,
    LocalVolumeSource,
    RBDPersistentVolumeSource,
    ScaleIOPersistentVolumeSource,
    StorageOSPersistentVolumeSource,
)
from volsim.objects.volumes import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    FCVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    HostPathVolumeSource,
    NFSVolumeSource,
    PhotonPersistentDiskVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    VsphereVirtualDiskVolumeSource,
)
from volsim.quantity import Quantity

__all__ = [
    "CSIDriver",
    "CSIDriverSpec",
    "CSINode",
    "CSINodeDriver",
    "CSINodeSpec",
    "CSIStorageCapacity",
    "PersistentVolume",
    "PersistentVolumeSpec",
    "PersistentVolumeStatus",
    "StorageClass",
    "VolumeAttachment",
    "VolumeAttachmentSource",
    "VolumeAttachmentSpec",
    "VolumeAttachmentStatus",
    "VolumeAttributesClass",
    "VolumeError",
    "VolumeNodeAffinity",
    "VolumeNodeResources",
]


@record
class VolumeNodeAffinity(Record):
    """Which nodes can reach a volume."""

    required: NodeSelector | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PersistentVolumeSpec(Record):
    """What a volume is, what it can do, and whose it is."""

    access_modes: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    azure_file: AzureFilePersistentVolumeSource | None = None
    capacity: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    cephfs: CephFSPersistentVolumeSource | None = None
    cinder: CinderPersistentVolumeSource | None = None
    claim_ref: ObjectReference | None = None
    csi: CSIPersistentVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flex_volume: FlexPersistentVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    glusterfs: GlusterfsPersistentVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    iscsi: ISCSIPersistentVolumeSource | None = None
    local: LocalVolumeSource | None = None
    mount_options: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    nfs: NFSVolumeSource | None = None
    node_affinity: VolumeNodeAffinity | None = None
    persistent_volume_reclaim_policy: str | None = None
    photon_persistent_disk: PhotonPersistentDiskVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDPersistentVolumeSource | None = None
    scale_io: ScaleIOPersistentVolumeSource | None = None
    storage_class_name: str | None = None
    storageos: StorageOSPersistentVolumeSource | None = None
    volume_attributes_class_name: str | None = None
    volume_mode: str | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PersistentVolumeStatus(Record):
    """Whether a volume is available, bound, released or failed."""

    last_phase_transition_time: int | None = None
    message: str | None = None
    phase: str | None = None
    reason: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PersistentVolume(Object):
    """A piece of storage of the cluster."""

    KIND: ClassVar[str] = "PersistentVolume"
    PLURAL: ClassVar[str] = "persistentvolumes"
    SINGULAR: ClassVar[str] = "persistentvolume"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("pv",)
    NAMESPACED: ClassVar[bool] = False

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: PersistentVolumeSpec = attrs.field(factory=PersistentVolumeSpec)
    status: PersistentVolumeStatus = attrs.field(factory=PersistentVolumeStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class StorageClass(Object):
    """How volumes of this class are made, bound and reclaimed."""

    KIND: ClassVar[str] = "StorageClass"
    PLURAL: ClassVar[str] = "storageclasses"
    SINGULAR: ClassVar[str] = "storageclass"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("sc",)
    NAMESPACED: ClassVar[bool] = False
    GROUP: ClassVar[str] = "storage.k8s.io"

    api_version: str = "storage.k8s.io/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    allow_volume_expansion: bool | None = None
    allowed_topologies: tuple[TopologySelectorTerm, ...] = attrs.field(default=(), converter=frozen_tuple)
    mount_options: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    parameters: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    provisioner: str | None = None
    reclaim_policy: str | None = None
    volume_binding_mode: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeAttachmentSource(Record):
    """Which volume is to be attached."""

    inline_volume_spec: PersistentVolumeSpec | None = None
    persistent_volume_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeAttachmentSpec(Record):
    """Which volume is to be attached where, and by whom."""

    attacher: str | None = None
    node_name: str | None = None
    source: VolumeAttachmentSource = attrs.field(factory=VolumeAttachmentSource)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeError(Record):
    """The last error of attaching or detaching."""

    error_code: int | None = None
    message: str | None = None
    time: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeAttachmentStatus(Record):
    """Whether the volume is attached, and what went wrong."""

    attach_error: VolumeError | None = None
    attached: bool | None = None
    attachment_metadata: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    detach_error: VolumeError | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeAttachment(Object):
    """The wish that a CSI volume be attached to a node."""

    KIND: ClassVar[str] = "VolumeAttachment"
    PLURAL: ClassVar[str] = "volumeattachments"
    SINGULAR: ClassVar[str] = "volumeattachment"
    NAMESPACED: ClassVar[bool] = False
    GROUP: ClassVar[str] = "storage.k8s.io"

    api_version: str = "storage.k8s.io/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: VolumeAttachmentSpec = attrs.field(factory=VolumeAttachmentSpec)
    status: VolumeAttachmentStatus = attrs.field(factory=VolumeAttachmentStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CSIDriverSpec(Record):
    """What a CSI driver needs and can do."""

    attach_required: bool | None = None
    fs_group_policy: str | None = None
    node_allocatable_update_period_seconds: int | None = None
    pod_info_on_mount: bool | None = None
    prevent_pod_scheduling_if_missing: bool | None = None
    requires_republish: bool | None = None
    se_linux_mount: bool | None = None
    service_account_token_in_secrets: bool | None = None
    storage_capacity: bool | None = None
    volume_lifecycle_modes: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CSIDriver(Object):
    """A CSI driver that is installed in the cluster."""

    KIND: ClassVar[str] = "CSIDriver"
    PLURAL: ClassVar[str] = "csidrivers"
    SINGULAR: ClassVar[str] = "csidriver"
    NAMESPACED: ClassVar[bool] = False
    GROUP: ClassVar[str] = "storage.k8s.io"

    api_version: str = "storage.k8s.io/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: CSIDriverSpec = attrs.field(factory=CSIDriverSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeNodeResources(Record):
    """How many volumes of a driver a node can take."""

    count: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CSINodeDriver(Record):
    """A driver that runs on a node, with its topology keys."""

    name: str | None = None
    allocatable: VolumeNodeResources | None = None
    node_id: str | None = None
    topology_keys: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CSINodeSpec(Record):
    """The drivers that run on a node."""

    drivers: tuple[CSINodeDriver, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CSINode(Object):
    """What a node knows about CSI."""

    KIND: ClassVar[str] = "CSINode"
    PLURAL: ClassVar[str] = "csinodes"
    SINGULAR: ClassVar[str] = "csinode"
    NAMESPACED: ClassVar[bool] = False
    GROUP: ClassVar[str] = "storage.k8s.io"

    api_version: str = "storage.k8s.io/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: CSINodeSpec = attrs.field(factory=CSINodeSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CSIStorageCapacity(Object):
    """How much storage a class can still provide in a topology."""

    KIND: ClassVar[str] = "CSIStorageCapacity"
    PLURAL: ClassVar[str] = "csistoragecapacities"
    SINGULAR: ClassVar[str] = "csistoragecapacity"
    GROUP: ClassVar[str] = "storage.k8s.io"

    api_version: str = "storage.k8s.io/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    capacity: Quantity | None = None
    maximum_volume_size: Quantity | None = None
    node_topology: LabelSelector | None = None
    storage_class_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeAttributesClass(Object):
    """Parameters of a volume that can be changed while it lives."""

    KIND: ClassVar[str] = "VolumeAttributesClass"
    PLURAL: ClassVar[str] = "volumeattributesclasses"
    SINGULAR: ClassVar[str] = "volumeattributesclass"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("vac",)
    NAMESPACED: ClassVar[bool] = False
    GROUP: ClassVar[str] = "storage.k8s.io"

    api_version: str = "storage.k8s.io/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    driver_name: str | None = None
    parameters: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)
