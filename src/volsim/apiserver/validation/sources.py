"""Validation of each volume source on its own: directories, exports, disks, CSI volumes.

Source: kube-apiserver, pkg/apis/core/validation/validation.go (a function for each source).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from volsim.apiserver.validation.fields import Errors, between, dns_label, dns_name
from volsim.apiserver.validation.paths import check_no_backsteps, check_relative_path
from volsim.objects import SecretReference

Check = Callable[[Errors, Any, str], None]
"""A source's rules: the errors, the source, and the field in which it stands."""


def needs(*names: str) -> Check:
    """The check of a source that only must have some fields, given by attribute and name in a manifest."""
    pairs = [each.split(":") for each in names]

    def check(errors: Errors, source: Any, field: str) -> None:
        for attribute, name in pairs:
            if not getattr(source, attribute):
                errors.required(f"{field}.{name}")

    return check


def _check_secret_ref(errors: Errors, source: Any, field: str, *names: str) -> None:
    if source.secret_ref is not None:
        for name in names:
            errors.needed(f"{field}.secretRef.{name}", getattr(source.secret_ref, name))


# -- directories and exports -------------------------------------------------------------------------------------------
HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)


def check_empty_dir(errors: Errors, source: Any, field: str) -> None:
    """A directory of the pod; its size limit is not negative."""
    if source.size_limit is not None and source.size_limit.nano < 0:
        errors.forbidden(f"{field}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def check_host_path(errors: Errors, source: Any, field: str) -> None:
    """A path of the node, and what must be there."""
    if not errors.needed(f"{field}.path", source.path):
        return
    check_no_backsteps(errors, source.path, f"{field}.path")
    if source.type is not None and source.type not in HOST_PATH_TYPES:
        errors.not_supported(f"{field}.type", source.type, HOST_PATH_TYPES)


def check_local(errors: Errors, source: Any, field: str) -> None:
    """A path of one node's disk."""
    if errors.needed(f"{field}.path", source.path):
        check_no_backsteps(errors, source.path, f"{field}.path")


def check_git_repo(errors: Errors, source: Any, field: str) -> None:
    """A repository, and the directory it is checked out into."""
    errors.needed(f"{field}.repository", source.repository)
    check_relative_path(errors, source.directory or "", f"{field}.directory")


def check_nfs(errors: Errors, source: Any, field: str) -> None:
    """An absolute path that a server exports."""
    errors.needed(f"{field}.server", source.server)
    errors.needed(f"{field}.path", source.path)
    if not (source.path or "").startswith("/"):
        errors.invalid(f"{field}.path", source.path or "", "must be an absolute path")


def check_persistent_glusterfs(errors: Errors, source: Any, field: str) -> None:
    """A Gluster volume, whose endpoints may be in another namespace."""
    check_glusterfs(errors, source, field)
    namespace = source.endpoints_namespace
    if namespace == "":
        text = "if the endpointnamespace is set, it must be a valid namespace name"
        errors.invalid(f"{field}.endpointsNamespace", namespace, text)
    elif namespace is not None:
        errors.check(f"{field}.endpointsNamespace", namespace, dns_label)


check_glusterfs = needs("endpoints:endpoints", "path:path")
check_azure_file = needs("secret_name:secretName", "share_name:shareName")


def check_persistent_azure_file(errors: Errors, source: Any, field: str) -> None:
    """An Azure file share, whose secret may be in another namespace."""
    check_azure_file(errors, source, field)
    if source.secret_namespace == "":
        errors.required(f"{field}.secretNamespace")


_HOST_PORT = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*):[^\[\]:]*")


def check_quobyte(errors: Errors, source: Any, field: str) -> None:
    """A Quobyte volume, and its registries."""
    pairs = "must be a host:port pair or multiple pairs separated by commas"
    if not source.registry:
        errors.required(f"{field}.registry", pairs)
    elif len(source.tenant or "") >= 65:
        errors.required(f"{field}.tenant", "must be a UUID and may not exceed a length of 64 characters")
    else:
        for pair in source.registry.split(","):
            if not _HOST_PORT.fullmatch(pair):
                errors.invalid(f"{field}.registry", source.registry, pairs)
    errors.needed(f"{field}.volume", source.volume)


# -- disks -------------------------------------------------------------------------------------------------------------
def _check_partition(errors: Errors, source: Any, field: str) -> None:
    if not 0 <= (source.partition or 0) <= 255:
        errors.invalid(f"{field}.partition", source.partition, between(1, 255))


def check_gce_disk(errors: Errors, source: Any, field: str) -> None:
    """A Google persistent disk."""
    errors.needed(f"{field}.pdName", source.pd_name)
    _check_partition(errors, source, field)


def check_aws_disk(errors: Errors, source: Any, field: str) -> None:
    """An EBS disk."""
    errors.needed(f"{field}.volumeID", source.volume_id)
    _check_partition(errors, source, field)


_ISCSI_NAMES = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$"),
    "eui": re.compile(r"^eui.[A-Za-z0-9]{16}$"),
    "naa": re.compile(r"^naa.[A-Za-z0-9]{32}$"),
}


def check_iscsi(errors: Errors, source: Any, field: str) -> None:
    """A LUN of an iSCSI target, in a pod."""
    errors.needed(f"{field}.targetPortal", source.target_portal)
    if errors.needed(f"{field}.iqn", source.iqn):
        _check_iscsi_name(errors, source.iqn, f"{field}.iqn", "must be valid format starting with iqn, eui, or naa")
    _check_iscsi_rest(errors, source, field, "must be valid format starting with iqn, eui, or naa")


def check_persistent_iscsi(errors: Errors, source: Any, field: str) -> None:
    """A LUN of an iSCSI target, in a PersistentVolume."""
    errors.needed(f"{field}.targetPortal", source.target_portal)
    if errors.needed(f"{field}.iqn", source.iqn):
        _check_iscsi_name(errors, source.iqn, f"{field}.iqn", "must be valid format")
    _check_iscsi_rest(errors, source, field, "must be valid format")


def _check_iscsi_rest(errors: Errors, source: Any, field: str, no_prefix: str) -> None:
    if not 0 <= (source.lun or 0) <= 255:
        errors.invalid(f"{field}.lun", source.lun, between(0, 255))
    if (source.chap_auth_discovery or source.chap_auth_session) and source.secret_ref is None:
        errors.required(f"{field}.secretRef")
    if isinstance(source.secret_ref, SecretReference):
        errors.needed(f"{field}.secretRef.name", source.secret_ref.name)
    if source.initiator_name is not None:
        _check_iscsi_name(errors, source.initiator_name, f"{field}.initiatorname", no_prefix)


def _check_iscsi_name(errors: Errors, name: str, field: str, no_prefix: str) -> None:
    pattern = _ISCSI_NAMES.get(name[:3])
    if pattern is None:
        errors.invalid(field, name, no_prefix)
    elif not pattern.search(name):
        errors.invalid(field, name, "must be valid format")


PORTAL_TEXT = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters "
    "if iscsi.initiatorName is specified."
)


def portal_is_too_long(source: Any, name: str | None) -> bool:
    """Whether a LUN with an initiator of its own has names too long for the node to keep."""
    return source.initiator_name is not None and len(f"{name or ''}:{source.target_portal or ''}") > 64


def check_fc(errors: Errors, source: Any, field: str) -> None:
    """A fibre channel LUN, by its target or by its world wide ids."""
    if not source.target_wwns and not source.wwids:
        errors.required(f"{field}.targetWWNs", "must specify either targetWWNs or wwids, but not both")
    if source.target_wwns and source.wwids:
        text = "targetWWNs and wwids can not be specified simultaneously"
        errors.invalid(f"{field}.targetWWNs", source.target_wwns, text)
    if source.target_wwns and source.lun is None:
        errors.required(f"{field}.lun", "lun is required if targetWWNs is specified")
    elif source.target_wwns and not 0 <= source.lun <= 255:
        errors.invalid(f"{field}.lun", source.lun, between(0, 255))


def check_cinder(errors: Errors, source: Any, field: str) -> None:
    """An OpenStack disk, in a pod."""
    errors.needed(f"{field}.volumeID", source.volume_id)
    _check_secret_ref(errors, source, field, "name")


def check_persistent_cinder(errors: Errors, source: Any, field: str) -> None:
    """An OpenStack disk, in a PersistentVolume."""
    errors.needed(f"{field}.volumeID", source.volume_id)
    _check_secret_ref(errors, source, field, "name", "namespace")


def check_storageos(errors: Errors, source: Any, field: str, *secret: str) -> None:
    """A StorageOS volume; `secret`: what of its secret must be named."""
    errors.name(f"{field}.volumeName", source.volume_name, dns_label)
    if source.volume_namespace:
        errors.check(f"{field}.volumeNamespace", source.volume_namespace, dns_label)
    _check_secret_ref(errors, source, field, *(secret or ("name",)))


def check_persistent_storageos(errors: Errors, source: Any, field: str) -> None:
    """A StorageOS volume, in a PersistentVolume."""
    check_storageos(errors, source, field, "name", "namespace")


def check_flocker(errors: Errors, source: Any, field: str) -> None:
    """A Flocker dataset, by name or by id."""
    if not source.dataset_name and not source.dataset_uuid:
        errors.required(field, "one of datasetName and datasetUUID is required")
    if source.dataset_name and source.dataset_uuid:
        errors.invalid(field, "resource", "datasetName and datasetUUID can not be specified simultaneously")
    if "/" in (source.dataset_name or ""):
        errors.invalid(f"{field}.datasetName", source.dataset_name, "must not contain '/'")


def check_flex(errors: Errors, source: Any, field: str) -> None:
    """A FlexVolume driver; Kubernetes' own option names are reserved."""
    errors.needed(f"{field}.driver", source.driver)
    for key in source.options:
        domain = "." + key.split("/", 1)[0].lower()
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            errors.invalid(f"{field}.options[{key}]", key, "kubernetes.io and k8s.io namespaces are reserved")


_AZURE_CACHING = ("None", "ReadOnly", "ReadWrite")
_AZURE_KINDS = ("Dedicated", "Managed", "Shared")
_AZURE_MANAGED = ("/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",)
_AZURE_BLOB = ("https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",)


def check_azure_disk(errors: Errors, source: Any, field: str) -> None:
    """An Azure disk, and the URI that its kind asks for."""
    errors.needed(f"{field}.diskName", source.disk_name)
    errors.needed(f"{field}.diskURI", source.disk_uri)
    if source.caching_mode is not None and source.caching_mode not in _AZURE_CACHING:
        errors.not_supported(f"{field}.cachingMode", source.caching_mode, _AZURE_CACHING)
    if source.kind is None:
        return
    if source.kind not in _AZURE_KINDS:
        errors.not_supported(f"{field}.kind", source.kind, _AZURE_KINDS)
    uri = source.disk_uri or ""
    if source.kind == "Managed" and not uri.startswith("/subscriptions/"):
        errors.not_supported(f"{field}.diskURI", uri, _AZURE_MANAGED)
    if source.kind != "Managed" and not uri.startswith("https://"):
        errors.not_supported(f"{field}.diskURI", uri, _AZURE_BLOB)


# -- CSI ---------------------------------------------------------------------------------------------------------------
def check_csi_driver_name(errors: Errors, name: str | None, field: str) -> None:
    """The name of a CSI driver: a DNS subdomain of at most 63 characters, in any case.

    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> check_csi_driver_name(errors, "Disk.CSI.example.com", "spec.csi.driver"), len(errors)
    (None, 0)
    """
    if not errors.needed(field, name) and errors.rules.csi_driver_name_needed_first:
        return
    name = name or ""
    if len(name) > 63:
        errors.too_long(field, 63)
    problems = dns_name(name.lower())
    if problems:
        errors.tell(field, name, problems)


def check_csi(errors: Errors, source: Any, field: str) -> None:
    """A volume that a CSI driver makes for the pod."""
    check_csi_driver_name(errors, source.driver, f"{field}.driver")
    secret = source.node_publish_secret_ref
    if secret is None:
        return
    if secret.name:
        errors.check(f"{field}.name", secret.name, dns_name)
    else:
        # The blank is upstream's, until 1.23.
        blank = "" if errors.rules.secret_references_named else " "
        errors.required(f"{field}.nodePublishSecretRef{blank}.name")


_CSI_SECRETS = (
    ("controller_publish_secret_ref", "controllerPublishSecretRef"),
    ("controller_expand_secret_ref", "controllerExpandSecretRef"),
    ("node_publish_secret_ref", "nodePublishSecretRef"),
    ("node_expand_secret_ref", "nodeExpandSecretRef"),
)


def check_persistent_csi(errors: Errors, source: Any, field: str) -> None:
    """A CSI volume: driver, handle, secrets."""
    check_csi_driver_name(errors, source.driver, f"{field}.driver")
    errors.needed(f"{field}.volumeHandle", source.volume_handle)
    for attribute, name in _CSI_SECRETS:
        secret = getattr(source, attribute)
        if secret is not None:
            _check_csi_secret(errors, secret, field, name)


def _check_csi_secret(errors: Errors, secret: SecretReference, field: str, name: str) -> None:
    rules = errors.rules
    named = f"{field}.{name}"
    wrong = named if rules.secret_references_named else field
    rule = dns_name if rules.secret_names_with_dots else dns_label
    for part, value, text_rule in (("name", secret.name, rule), ("namespace", secret.namespace, dns_label)):
        if value:
            errors.check(f"{wrong}.{part}", value, text_rule)
        else:
            errors.required(f"{named}.{part}")
