"""Volume sources, as `kubectl describe` shows them under a pod's volumes and a volume's source.

One table has all sources: their attribute, what they are called, and which fields are shown.
Source: kubectl, pkg/describe/describe.go (print…VolumeSource).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from volsim.objects import (
    DownwardAPIVolumeSource,
    EphemeralVolumeSource,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    ProjectedVolumeSource,
    Volume,
    VolumeProjection,
)
from volsim.views.describers.claims import describe_claim
from volsim.views.sheet import LONGEST_ANNOTATION, Sheet

__all__ = ["describe_source", "describe_volumes"]


def _value(value: Any) -> str:
    """A value as Go prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, tuple):
        return f"[{' '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{_value(item)}" for key, item in sorted(value.items())) + "]"
    return str(value)


class Shown(NamedTuple):
    """One line of a source: its title, its field, and how the value is written."""

    title: str
    field: str
    write: Callable[[Any], str] = _value


class Source(NamedTuple):
    """A kind of volume source: what it is called, and its lines."""

    name: str
    lines: tuple[Shown, ...]


def _switch(value: bool | None) -> str:
    return "true" if value else "false"


def _number(value: int | None) -> str:
    return str(value or 0)


def _or(text: str) -> Callable[[Any], str]:
    return lambda value: text if value is None else _value(value)


def _secret(value: Any) -> str:
    """A reference to a secret, as Go prints a pointer to one."""
    if value is None:
        return "nil"
    namespace = getattr(value, "namespace", None)
    inside = f"Name:{value.name}," + (f"Namespace:{namespace}," if hasattr(value, "namespace") else "")
    return f"&{type(value).__name__}{{{inside}}}"


def _attributes(values: Mapping[str, str]) -> str:
    lines = [f"{key}={value}" for key, value in sorted(values.items())] or ["<none>"]
    cut = [line if len(line) <= LONGEST_ANNOTATION else f"{line[:LONGEST_ANNOTATION]}..." for line in lines]
    return "\n    \t".join(cut)


def _size_limit(value: Any) -> str:
    return str(value) if value else "<unset>"


READ_ONLY = Shown("ReadOnly", "read_only", _switch)
FS_TYPE = Shown("FSType", "fs_type")
SECRET_REF = Shown("SecretRef", "secret_ref", _secret)
OPTIONAL = Shown("Optional", "optional", _switch)

SOURCES: Mapping[str, Source] = {
    "host_path": Source(
        "HostPath (bare host directory volume)",
        (Shown("Path", "path"), Shown("HostPathType", "type", _or("<none>"))),
    ),
    "empty_dir": Source(
        "EmptyDir (a temporary directory that shares a pod's lifetime)",
        (Shown("Medium", "medium"), Shown("SizeLimit", "size_limit", _size_limit)),
    ),
    "gce_persistent_disk": Source(
        "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
        (Shown("PDName", "pd_name"), FS_TYPE, Shown("Partition", "partition", _number), READ_ONLY),
    ),
    "aws_elastic_block_store": Source(
        "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
        (Shown("VolumeID", "volume_id"), FS_TYPE, Shown("Partition", "partition", _number), READ_ONLY),
    ),
    "git_repo": Source(
        "GitRepo (a volume that is pulled from git when the pod is created)",
        (Shown("Repository", "repository"), Shown("Revision", "revision")),
    ),
    "secret": Source("Secret (a volume populated by a Secret)", (Shown("SecretName", "secret_name"), OPTIONAL)),
    "config_map": Source("ConfigMap (a volume populated by a ConfigMap)", (Shown("Name", "name"), OPTIONAL)),
    "nfs": Source(
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        (Shown("Server", "server"), Shown("Path", "path"), READ_ONLY),
    ),
    "iscsi": Source(
        "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
        (
            Shown("TargetPortal", "target_portal"),
            Shown("IQN", "iqn"),
            Shown("Lun", "lun", _number),
            Shown("ISCSIInterface", "iscsi_interface"),
            FS_TYPE,
            READ_ONLY,
            Shown("Portals", "portals"),
            Shown("DiscoveryCHAPAuth", "chap_auth_discovery", _switch),
            Shown("SessionCHAPAuth", "chap_auth_session", _switch),
            SECRET_REF,
            Shown("InitiatorName", "initiator_name", _or("<none>")),
        ),
    ),
    "glusterfs": Source(
        "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
        (
            Shown("EndpointsName", "endpoints"),
            Shown("EndpointsNamespace", "endpoints_namespace", _or("<unset>")),
            Shown("Path", "path"),
            READ_ONLY,
        ),
    ),
    "persistent_volume_claim": Source(
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        (Shown("ClaimName", "claim_name"), READ_ONLY),
    ),
    "rbd": Source(
        "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)",
        (
            Shown("CephMonitors", "monitors"),
            Shown("RBDImage", "image"),
            FS_TYPE,
            Shown("RBDPool", "pool"),
            Shown("RadosUser", "user"),
            Shown("Keyring", "keyring"),
            SECRET_REF,
            READ_ONLY,
        ),
    ),
    "quobyte": Source(
        "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
        (Shown("Registry", "registry"), Shown("Volume", "volume"), READ_ONLY),
    ),
    "azure_disk": Source(
        "AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)",
        (
            Shown("DiskName", "disk_name"),
            Shown("DiskURI", "disk_uri"),
            Shown("Kind", "kind"),
            FS_TYPE,
            Shown("CachingMode", "caching_mode"),
            READ_ONLY,
        ),
    ),
    "vsphere_volume": Source(
        "vSphereVolume (a Persistent Disk resource in vSphere)",
        (Shown("VolumePath", "volume_path"), FS_TYPE, Shown("StoragePolicyName", "storage_policy_name")),
    ),
    "cinder": Source(
        "Cinder (a Persistent Disk resource in OpenStack)",
        (Shown("VolumeID", "volume_id"), FS_TYPE, READ_ONLY, SECRET_REF),
    ),
    "photon_persistent_disk": Source(
        "PhotonPersistentDisk (a Persistent Disk resource in photon platform)",
        (Shown("PdID", "pd_id"), FS_TYPE),
    ),
    "portworx_volume": Source(
        "PortworxVolume (a Portworx Volume resource)",
        (Shown("VolumeID", "volume_id"),),
    ),
    "scale_io": Source(
        "ScaleIO (a persistent volume backed by a block device in ScaleIO)",
        (
            Shown("Gateway", "gateway"),
            Shown("System", "system"),
            Shown("Protection Domain", "protection_domain"),
            Shown("Storage Pool", "storage_pool"),
            Shown("Storage Mode", "storage_mode"),
            Shown("VolumeName", "volume_name"),
            FS_TYPE,
            READ_ONLY,
        ),
    ),
    "local": Source("LocalVolume (a persistent volume backed by local storage on a node)", (Shown("Path", "path"),)),
    "cephfs": Source(
        "CephFS (a CephFS mount on the host that shares a pod's lifetime)",
        (
            Shown("Monitors", "monitors"),
            Shown("Path", "path"),
            Shown("User", "user"),
            Shown("SecretFile", "secret_file"),
            SECRET_REF,
            READ_ONLY,
        ),
    ),
    "storageos": Source(
        "StorageOS (a StorageOS Persistent Disk resource)",
        (Shown("VolumeName", "volume_name"), Shown("VolumeNamespace", "volume_namespace"), FS_TYPE, READ_ONLY),
    ),
    "fc": Source(
        "FC (a Fibre Channel disk)",
        (
            Shown("TargetWWNs", "target_wwns", ", ".join),
            Shown("LUN", "lun", _or("<none>")),
            FS_TYPE,
            READ_ONLY,
        ),
    ),
    "azure_file": Source(
        "AzureFile (an Azure File Service mount on the host and bind mount to the pod)",
        (
            Shown("SecretName", "secret_name"),
            Shown("SecretNamespace", "secret_namespace"),
            Shown("ShareName", "share_name"),
            READ_ONLY,
        ),
    ),
    "flex_volume": Source(
        "FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)",
        (Shown("Driver", "driver"), FS_TYPE, SECRET_REF, READ_ONLY, Shown("Options", "options")),
    ),
    "flocker": Source(
        "Flocker (a Flocker volume mounted by the Flocker agent)",
        (Shown("DatasetName", "dataset_name"), Shown("DatasetUUID", "dataset_uuid")),
    ),
    "csi": Source(
        "CSI (a Container Storage Interface (CSI) volume source)",
        (
            Shown("Driver", "driver"),
            FS_TYPE,
            Shown("VolumeHandle", "volume_handle"),
            READ_ONLY,
            Shown("VolumeAttributes", "volume_attributes", _attributes),
        ),
    ),
    "image": Source(
        "Image (a container image or OCI artifact)",
        (Shown("Reference", "reference"), Shown("PullPolicy", "pull_policy")),
    ),
}


def describe_volumes(sheet: Sheet, volumes: tuple[Volume, ...], level: int = 0) -> None:
    """A pod's volumes; one level deeper for a template's."""
    if not volumes:
        sheet.field("Volumes", "<none>", level)
        return
    sheet.line("Volumes:", level)
    for volume in volumes:
        sheet.line(f"{' ' if level else ''}{volume.name}:", 1)
        describe_source(sheet, volume)


def describe_source(sheet: Sheet, holder: Volume | PersistentVolumeSpec) -> None:
    """The source of a pod's volume or of a persistent volume."""
    for attribute, source in SOURCES.items():
        found = getattr(holder, attribute, None)
        if found is not None:
            sheet.field("Type", source.name, 2)
            for shown in source.lines:
                if hasattr(found, shown.field):  # a volume's CSI source has a handle, a pod's has none
                    sheet.field(shown.title, shown.write(getattr(found, shown.field)), 2)
            return
    if isinstance(holder, Volume):
        _describe_made(sheet, holder)
    else:
        sheet.line("<unknown>", 1)


def _describe_made(sheet: Sheet, volume: Volume) -> None:
    """Sources that are put together from others."""
    if volume.projected is not None:
        _projected(sheet, volume.projected)
    elif volume.downward_api is not None:
        _downward(sheet, volume.downward_api)
    elif volume.ephemeral is not None:
        _ephemeral(sheet, volume.ephemeral)
    else:
        sheet.line("<unknown>", 1)


def _projected(sheet: Sheet, source: ProjectedVolumeSource) -> None:
    sheet.field("Type", "Projected (a volume that contains injected data from multiple sources)", 2)
    for part in source.sources:
        _projection(sheet, part)


def _projection(sheet: Sheet, part: VolumeProjection) -> None:
    if part.secret is not None:
        sheet.field("SecretName", part.secret.name or "", 2)
        plain = sheet.look.dialect.plain_optional
        sheet.field("Optional" if plain else "SecretOptionalName", _optional(part.secret.optional, plain=plain), 2)
    elif part.downward_api is not None:
        sheet.field("DownwardAPI", "true", 2)
    elif part.config_map is not None:
        sheet.field("ConfigMapName", part.config_map.name or "", 2)
        plain = sheet.look.dialect.plain_optional
        sheet.field("Optional" if plain else "ConfigMapOptional", _optional(part.config_map.optional, plain=plain), 2)
    elif part.service_account_token is not None:
        sheet.field("TokenExpirationSeconds", _number(part.service_account_token.expiration_seconds), 2)


def _optional(value: bool | None, *, plain: bool) -> str:
    """Whether a part may be missing; before that was mended, Go's word for no pointer."""
    return "<nil>" if value is None and not plain else _switch(value)


def _downward(sheet: Sheet, source: DownwardAPIVolumeSource) -> None:
    sheet.field("Type", "DownwardAPI (a volume populated by information about the pod)", 2)
    sheet.line("Items:", 2)
    for item in source.items:
        if item.field_ref is not None:
            sheet.line(f"{item.field_ref.field_path} -> {item.path}", 3)
        if item.resource_field_ref is not None:
            sheet.line(f"{item.resource_field_ref.resource} -> {item.path}", 3)


def _ephemeral(sheet: Sheet, source: EphemeralVolumeSource) -> None:
    sheet.field(
        "Type", "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)", 2
    )
    template = source.volume_claim_template
    if template is not None:
        describe_claim(sheet, PersistentVolumeClaim(metadata=template.metadata, spec=template.spec), level=2)
