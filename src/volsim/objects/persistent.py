"""The sources of persistent volumes that differ from those of pods: mostly in how they name a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from volsim.objects._record import FrozenDict, Record, frozen_json, frozen_map, frozen_tuple, record
from volsim.objects.meta import ObjectReference, SecretReference

__all__ = [
    "AzureFilePersistentVolumeSource",
    "CSIPersistentVolumeSource",
    "CephFSPersistentVolumeSource",
    "CinderPersistentVolumeSource",
    "FlexPersistentVolumeSource",
    "GlusterfsPersistentVolumeSource",
    "ISCSIPersistentVolumeSource",
    "LocalVolumeSource",
    "RBDPersistentVolumeSource",
    "ScaleIOPersistentVolumeSource",
    "StorageOSPersistentVolumeSource",
]


@record
class LocalVolumeSource(Record):
    """A disk or directory of one node (persistent volumes only)."""

    fs_type: str | None = None
    path: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class AzureFilePersistentVolumeSource(Record):
    """`azureFile` of a persistent volume."""

    read_only: bool | None = None
    secret_name: str | None = None
    secret_namespace: str | None = None
    share_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CephFSPersistentVolumeSource(Record):
    """`cephfs` of a persistent volume."""

    monitors: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    path: str | None = None
    read_only: bool | None = None
    secret_file: str | None = None
    secret_ref: SecretReference | None = None
    user: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CinderPersistentVolumeSource(Record):
    """`cinder` of a persistent volume."""

    fs_type: str | None = None
    read_only: bool | None = None
    secret_ref: SecretReference | None = None
    volume_id: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CSIPersistentVolumeSource(Record):
    """`csi` of a persistent volume: driver and handle."""

    controller_expand_secret_ref: SecretReference | None = None
    controller_publish_secret_ref: SecretReference | None = None
    driver: str | None = None
    fs_type: str | None = None
    node_expand_secret_ref: SecretReference | None = None
    node_publish_secret_ref: SecretReference | None = None
    node_stage_secret_ref: SecretReference | None = None
    read_only: bool | None = None
    volume_attributes: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    volume_handle: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class FlexPersistentVolumeSource(Record):
    """`flexVolume` of a persistent volume."""

    driver: str | None = None
    fs_type: str | None = None
    options: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    read_only: bool | None = None
    secret_ref: SecretReference | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class GlusterfsPersistentVolumeSource(Record):
    """`glusterfs` of a persistent volume."""

    endpoints: str | None = None
    endpoints_namespace: str | None = None
    path: str | None = None
    read_only: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ISCSIPersistentVolumeSource(Record):
    """`iscsi` of a persistent volume."""

    chap_auth_discovery: bool | None = None
    chap_auth_session: bool | None = None
    fs_type: str | None = None
    initiator_name: str | None = None
    iqn: str | None = None
    iscsi_interface: str | None = None
    lun: int | None = None
    portals: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    read_only: bool | None = None
    secret_ref: SecretReference | None = None
    target_portal: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class RBDPersistentVolumeSource(Record):
    """`rbd` of a persistent volume."""

    fs_type: str | None = None
    image: str | None = None
    keyring: str | None = None
    monitors: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    pool: str | None = None
    read_only: bool | None = None
    secret_ref: SecretReference | None = None
    user: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ScaleIOPersistentVolumeSource(Record):
    """`scaleIO` of a persistent volume."""

    fs_type: str | None = None
    gateway: str | None = None
    protection_domain: str | None = None
    read_only: bool | None = None
    secret_ref: SecretReference | None = None
    ssl_enabled: bool | None = None
    storage_mode: str | None = None
    storage_pool: str | None = None
    system: str | None = None
    volume_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class StorageOSPersistentVolumeSource(Record):
    """`storageos` of a persistent volume."""

    fs_type: str | None = None
    read_only: bool | None = None
    secret_ref: ObjectReference | None = None
    volume_name: str | None = None
    volume_namespace: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)
