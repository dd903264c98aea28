"""Every source that the volume of a pod can have, the removed ones included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from volsim.objects._record import FrozenDict, Record, frozen_json, frozen_map, frozen_tuple, record
from volsim.objects.claims import PersistentVolumeClaimTemplate
from volsim.objects.meta import LabelSelector, LocalObjectReference
from volsim.quantity import Quantity

__all__ = [
    "AWSElasticBlockStoreVolumeSource",
    "AzureDiskVolumeSource",
    "AzureFileVolumeSource",
    "CSIVolumeSource",
    "CephFSVolumeSource",
    "CinderVolumeSource",
    "ClusterTrustBundleProjection",
    "ConfigMapProjection",
    "ConfigMapVolumeSource",
    "DownwardAPIProjection",
    "DownwardAPIVolumeFile",
    "DownwardAPIVolumeSource",
    "EmptyDirVolumeSource",
    "EphemeralVolumeSource",
    "FCVolumeSource",
    "FlexVolumeSource",
    "FlockerVolumeSource",
    "GCEPersistentDiskVolumeSource",
    "GitRepoVolumeSource",
    "GlusterfsVolumeSource",
    "HostPathVolumeSource",
    "ISCSIVolumeSource",
    "ImageVolumeSource",
    "KeyToPath",
    "NFSVolumeSource",
    "ObjectFieldSelector",
    "PersistentVolumeClaimVolumeSource",
    "PhotonPersistentDiskVolumeSource",
    "PortworxVolumeSource",
    "ProjectedVolumeSource",
    "QuobyteVolumeSource",
    "RBDVolumeSource",
    "ResourceFieldSelector",
    "ScaleIOVolumeSource",
    "SecretProjection",
    "SecretVolumeSource",
    "ServiceAccountTokenProjection",
    "StorageOSVolumeSource",
    "Volume",
    "VolumeProjection",
    "VsphereVirtualDiskVolumeSource",
]


@record
class KeyToPath(Record):
    """One key of a secret or config map, and the file it becomes."""

    key: str | None = None
    mode: int | None = None
    path: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ObjectFieldSelector(Record):
    """A field of the pod (`metadata.name`)."""

    api_version: str | None = None
    field_path: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ResourceFieldSelector(Record):
    """A container's request or limit, divided by `divisor`."""

    container_name: str | None = None
    divisor: Quantity | None = None
    resource: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class EmptyDirVolumeSource(Record):
    """A directory that lives as long as the pod on its node; `medium: Memory` puts it into memory."""

    medium: str | None = None
    size_limit: Quantity | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class HostPathVolumeSource(Record):
    """A path of the node's own disk; `type` says what must be there first."""

    type: str | None = None
    path: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PersistentVolumeClaimVolumeSource(Record):
    """The volume that a claim of the pod's namespace is bound to."""

    claim_name: str | None = None
    read_only: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class EphemeralVolumeSource(Record):
    """A claim that is made for the pod and goes with it."""

    volume_claim_template: PersistentVolumeClaimTemplate | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CSIVolumeSource(Record):
    """A volume that a CSI driver makes inline for the pod."""

    driver: str | None = None
    fs_type: str | None = None
    node_publish_secret_ref: LocalObjectReference | None = None
    read_only: bool | None = None
    volume_attributes: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class NFSVolumeSource(Record):
    """A directory that an NFS server exports."""

    path: str | None = None
    read_only: bool | None = None
    server: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ISCSIVolumeSource(Record):
    """A LUN of an iSCSI target."""

    chap_auth_discovery: bool | None = None
    chap_auth_session: bool | None = None
    fs_type: str | None = None
    initiator_name: str | None = None
    iqn: str | None = None
    iscsi_interface: str | None = None
    lun: int | None = None
    portals: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    target_portal: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class FCVolumeSource(Record):
    """A fibre channel LUN."""

    fs_type: str | None = None
    lun: int | None = None
    read_only: bool | None = None
    target_wwns: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    wwids: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class RBDVolumeSource(Record):
    """A Ceph block image (removed in Kubernetes 1.31)."""

    fs_type: str | None = None
    image: str | None = None
    keyring: str | None = None
    monitors: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    pool: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    user: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CephFSVolumeSource(Record):
    """A CephFS path (removed in Kubernetes 1.31)."""

    monitors: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    path: str | None = None
    read_only: bool | None = None
    secret_file: str | None = None
    secret_ref: LocalObjectReference | None = None
    user: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class GlusterfsVolumeSource(Record):
    """A Gluster volume (removed in Kubernetes 1.26)."""

    endpoints: str | None = None
    path: str | None = None
    read_only: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class AzureDiskVolumeSource(Record):
    """An Azure data disk (served by CSI migration)."""

    caching_mode: str | None = None
    disk_name: str | None = None
    disk_uri: str | None = None
    fs_type: str | None = None
    kind: str | None = None
    read_only: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class AzureFileVolumeSource(Record):
    """An Azure file share (served by CSI migration)."""

    read_only: bool | None = None
    secret_name: str | None = None
    share_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class AWSElasticBlockStoreVolumeSource(Record):
    """An EBS disk (served by CSI migration)."""

    fs_type: str | None = None
    partition: int | None = None
    read_only: bool | None = None
    volume_id: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class GCEPersistentDiskVolumeSource(Record):
    """A Google persistent disk (served by CSI migration)."""

    fs_type: str | None = None
    partition: int | None = None
    pd_name: str | None = None
    read_only: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CinderVolumeSource(Record):
    """An OpenStack block volume (served by CSI migration)."""

    fs_type: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    volume_id: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VsphereVirtualDiskVolumeSource(Record):
    """A vSphere virtual disk (served by CSI migration)."""

    fs_type: str | None = None
    storage_policy_id: str | None = None
    storage_policy_name: str | None = None
    volume_path: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PortworxVolumeSource(Record):
    """A Portworx volume (served by CSI migration)."""

    fs_type: str | None = None
    read_only: bool | None = None
    volume_id: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PhotonPersistentDiskVolumeSource(Record):
    """A Photon Controller disk (removed long ago)."""

    fs_type: str | None = None
    pd_id: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class QuobyteVolumeSource(Record):
    """A Quobyte volume (removed in Kubernetes 1.25)."""

    group: str | None = None
    read_only: bool | None = None
    registry: str | None = None
    tenant: str | None = None
    user: str | None = None
    volume: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ScaleIOVolumeSource(Record):
    """A ScaleIO volume (removed in Kubernetes 1.22)."""

    fs_type: str | None = None
    gateway: str | None = None
    protection_domain: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    ssl_enabled: bool | None = None
    storage_mode: str | None = None
    storage_pool: str | None = None
    system: str | None = None
    volume_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class StorageOSVolumeSource(Record):
    """A StorageOS volume (removed in Kubernetes 1.25)."""

    fs_type: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    volume_name: str | None = None
    volume_namespace: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class FlockerVolumeSource(Record):
    """A Flocker dataset (removed in Kubernetes 1.25)."""

    dataset_name: str | None = None
    dataset_uuid: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class FlexVolumeSource(Record):
    """A volume of a FlexVolume driver on the node."""

    driver: str | None = None
    fs_type: str | None = None
    options: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class GitRepoVolumeSource(Record):
    """An emptyDir with a git checkout in it (disabled since Kubernetes 1.33)."""

    directory: str | None = None
    repository: str | None = None
    revision: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class SecretVolumeSource(Record):
    """The keys of a secret as files in memory."""

    default_mode: int | None = None
    items: tuple[KeyToPath, ...] = attrs.field(default=(), converter=frozen_tuple)
    optional: bool | None = None
    secret_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ConfigMapVolumeSource(Record):
    """The keys of a config map as files."""

    name: str | None = None
    default_mode: int | None = None
    items: tuple[KeyToPath, ...] = attrs.field(default=(), converter=frozen_tuple)
    optional: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class DownwardAPIVolumeFile(Record):
    """One file of the downward API: a pod field or a container resource."""

    field_ref: ObjectFieldSelector | None = None
    mode: int | None = None
    path: str | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class DownwardAPIVolumeSource(Record):
    """Facts about the pod as files."""

    default_mode: int | None = None
    items: tuple[DownwardAPIVolumeFile, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class SecretProjection(Record):
    """A secret inside a projected volume."""

    name: str | None = None
    items: tuple[KeyToPath, ...] = attrs.field(default=(), converter=frozen_tuple)
    optional: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ConfigMapProjection(Record):
    """A config map inside a projected volume."""

    name: str | None = None
    items: tuple[KeyToPath, ...] = attrs.field(default=(), converter=frozen_tuple)
    optional: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class DownwardAPIProjection(Record):
    """Facts about the pod inside a projected volume."""

    items: tuple[DownwardAPIVolumeFile, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ServiceAccountTokenProjection(Record):
    """A token of the pod's service account as a file."""

    audience: str | None = None
    expiration_seconds: int | None = None
    path: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ClusterTrustBundleProjection(Record):
    """Trust anchors of the cluster as a file."""

    name: str | None = None
    label_selector: LabelSelector | None = None
    optional: bool | None = None
    path: str | None = None
    signer_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeProjection(Record):
    """One of the parts of a projected volume."""

    cluster_trust_bundle: ClusterTrustBundleProjection | None = None
    config_map: ConfigMapProjection | None = None
    downward_api: DownwardAPIProjection | None = None
    secret: SecretProjection | None = None
    service_account_token: ServiceAccountTokenProjection | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ProjectedVolumeSource(Record):
    """Several sources in one directory."""

    default_mode: int | None = None
    sources: tuple[VolumeProjection, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ImageVolumeSource(Record):
    """The files of an OCI image, read-only."""

    pull_policy: str | None = None
    reference: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Volume(Record):
    """A volume of a pod: a name and exactly one source."""

    name: str | None = None
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    azure_file: AzureFileVolumeSource | None = None
    cephfs: CephFSVolumeSource | None = None
    cinder: CinderVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    csi: CSIVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flex_volume: FlexVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    git_repo: GitRepoVolumeSource | None = None
    glusterfs: GlusterfsVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    image: ImageVolumeSource | None = None
    iscsi: ISCSIVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    photon_persistent_disk: PhotonPersistentDiskVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    scale_io: ScaleIOVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    storageos: StorageOSVolumeSource | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)
