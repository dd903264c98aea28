"""Validation of volumes: of a pod's, and of a PersistentVolume's source.

Modelled: exactly one source, and its own rules; names of a pod's volumes; claims that are made for the pod.
Source: kube-apiserver, pkg/apis/core/validation/validation.go (ValidateVolumes, validateVolumeSource,
ValidatePersistentVolumeSpec). Some field paths there do not spell the field as the API does (`persistentDisk`,
`downwarAPI`): so do ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from volsim.apiserver.validation import configuration, sources
from volsim.apiserver.validation.fields import Errors, dns_label, dns_name
from volsim.apiserver.validation.sources import Check, needs
from volsim.objects import EphemeralVolumeSource, ImageVolumeSource, PersistentVolumeSpec, Volume

__all__ = ["PERSISTENT_SOURCES", "check_persistent_source", "check_volumes"]

_ONE_ONLY = "may not specify more than 1 volume type"


# -- a pod's volumes ---------------------------------------------------------------------------------------------------
class _Source(NamedTuple):
    """How a source is checked, and what it is called in the errors."""

    attribute: str
    second: str  # as a second source of the volume
    only: str  # as the only one
    check: Check


def _source(attribute: str, name: str, check: Check, *, second: str = "") -> _Source:
    return _Source(attribute, second or name, name, check)


_POD_SOURCES = (
    _source("empty_dir", "emptyDir", sources.check_empty_dir),
    _source("host_path", "hostPath", sources.check_host_path),
    _source("git_repo", "gitRepo", sources.check_git_repo),
    _source("gce_persistent_disk", "persistentDisk", sources.check_gce_disk, second="gcePersistentDisk"),
    _source("aws_elastic_block_store", "awsElasticBlockStore", sources.check_aws_disk),
    _source("secret", "secret", configuration.check_secret),
    _source("nfs", "nfs", sources.check_nfs),
    _source("iscsi", "iscsi", sources.check_iscsi),
    _source("glusterfs", "glusterfs", sources.check_glusterfs),
    _source("flocker", "flocker", sources.check_flocker),
    _source("persistent_volume_claim", "persistentVolumeClaim", needs("claim_name:claimName")),
    _source("rbd", "rbd", needs("monitors:monitors", "image:image")),
    _source("cinder", "cinder", sources.check_cinder),
    _source("cephfs", "cephfs", needs("monitors:monitors"), second="cephFS"),
    _source("quobyte", "quobyte", sources.check_quobyte),
    _source("downward_api", "downwardAPI", configuration.check_downward, second="downwarAPI"),
    _source("fc", "fc", sources.check_fc),
    _source("flex_volume", "flexVolume", sources.check_flex),
    _source("config_map", "configMap", configuration.check_config_map),
    _source("azure_file", "azureFile", sources.check_azure_file),
    _source("vsphere_volume", "vsphereVolume", needs("volume_path:volumePath")),
    _source("photon_persistent_disk", "photonPersistentDisk", needs("pd_id:pdID")),
    _source("portworx_volume", "portworxVolume", needs("volume_id:volumeID")),
    _source("azure_disk", "azureDisk", sources.check_azure_disk),
    _source("storageos", "storageos", sources.check_storageos),
    _source("projected", "projected", configuration.check_projected),
    _source("scale_io", "scaleIO", needs("gateway:gateway", "system:system", "volume_name:volumeName")),
    _source("csi", "csi", sources.check_csi),
)


def check_volumes(
    errors: Errors,
    volumes: Sequence[Volume],
    field: str,
    *,
    check_claim_template: Check,
    pod_name: str | None = None,
    is_pod: bool = True,
) -> Mapping[str, Volume]:
    """All volumes of a pod or template: those that are right, by name, which containers can mount.

    `pod_name` is None for a template: nobody knows yet what its claims will be called. `check_claim_template` checks
    the claim of a generic ephemeral volume.
    """
    right: dict[str, Volume] = {}
    made = {f"{pod_name}-{each.name}" for each in volumes if each.ephemeral is not None} if pod_name else frozenset()
    for number, volume in enumerate(volumes):
        place, before = f"{field}[{number}]", len(errors)
        _check_source(errors, volume, place)
        if volume.ephemeral is not None:
            _check_ephemeral(errors, volume.ephemeral, volume, place, pod_name, check_claim_template)
        if volume.image is not None:
            _check_image(errors, volume.image, f"{place}.image", is_pod)
        errors.name(f"{place}.name", volume.name, dns_label)
        if volume.name in right:
            errors.duplicate(f"{place}.name", volume.name)
        if len(errors) == before:
            right[volume.name or ""] = volume
        claim = volume.persistent_volume_claim
        if claim is not None and claim.claim_name in made:
            text = "must not reference a PVC that gets created for an ephemeral volume"
            errors.invalid(f"{place}.persistentVolumeClaim.claimName", claim.claim_name, text)
    return right


def _check_source(errors: Errors, volume: Volume, field: str) -> None:
    """Exactly one source, and that one's rules."""
    found = ""
    for source in _POD_SOURCES:
        given = getattr(volume, source.attribute)
        if given is None:
            continue
        if found:
            errors.forbidden(f"{field}.{source.second}", _ONE_ONLY)
        else:
            source.check(errors, given, f"{field}.{source.only}")
        found = found or source.only
        if source.attribute == "iscsi" and sources.portal_is_too_long(given, volume.name):
            errors.invalid(f"{field}.name", volume.name or "", sources.PORTAL_TEXT)
    for given, name in ((volume.ephemeral, "ephemeral"), (volume.image, "image")):
        if given is not None and found:
            errors.forbidden(f"{field}.{name}", _ONE_ONLY)
        found = found or (name if given is not None else "")
    if not found and not volume.carried:  # a source that volsim does not know is carried
        errors.required(field, "must specify a volume type")


def _check_ephemeral(
    errors: Errors,
    source: EphemeralVolumeSource,
    volume: Volume,
    field: str,
    pod_name: str | None,
    check_claim_template: Check,
) -> None:
    template = source.volume_claim_template
    if template is None:
        errors.required(f"{field}.ephemeral.volumeClaimTemplate")
    else:
        check_claim_template(errors, template, f"{field}.ephemeral.volumeClaimTemplate")
    if pod_name and volume.name:
        claim = f"{pod_name}-{volume.name}"
        for problem in dns_name(claim):
            errors.tell(f"{field}.name", volume.name, (f'PVC name "{claim}": {problem}',))


def _check_image(errors: Errors, source: ImageVolumeSource, field: str, is_pod: bool) -> None:
    if is_pod:
        errors.needed(f"{field}.reference", source.reference)
    errors.one_of(f"{field}.pullPolicy", source.pull_policy, ("Always", "IfNotPresent", "Never"))


# -- a PersistentVolume's source ---------------------------------------------------------------------------------------
_PERSISTENT_SOURCES = (
    _source("host_path", "hostPath", sources.check_host_path),
    _source("gce_persistent_disk", "persistentDisk", sources.check_gce_disk, second="gcePersistentDisk"),
    _source("aws_elastic_block_store", "awsElasticBlockStore", sources.check_aws_disk),
    _source("glusterfs", "glusterfs", sources.check_persistent_glusterfs),
    _source("flocker", "flocker", sources.check_flocker),
    _source("nfs", "nfs", sources.check_nfs),
    _source("rbd", "rbd", needs("monitors:monitors", "image:image")),
    _source("quobyte", "quobyte", sources.check_quobyte),
    _source("cephfs", "cephfs", needs("monitors:monitors"), second="cephFS"),
    _source("iscsi", "iscsi", sources.check_persistent_iscsi),
    _source("cinder", "cinder", sources.check_persistent_cinder),
    _source("fc", "fc", sources.check_fc),
    _source("flex_volume", "flexVolume", sources.check_flex),
    _source("azure_file", "azureFile", sources.check_persistent_azure_file),
    _source("vsphere_volume", "vsphereVolume", needs("volume_path:volumePath")),
    _source("photon_persistent_disk", "photonPersistentDisk", needs("pd_id:pdID")),
    _source("portworx_volume", "portworxVolume", needs("volume_id:volumeID")),
    _source("azure_disk", "azureDisk", sources.check_azure_disk),
    _source("scale_io", "scaleIO", needs("gateway:gateway", "system:system", "volume_name:volumeName")),
    _source("local", "local", sources.check_local),
    _source("storageos", "storageos", sources.check_persistent_storageos),
    _source("csi", "csi", sources.check_persistent_csi),
)
PERSISTENT_SOURCES = tuple(source.attribute for source in _PERSISTENT_SOURCES)
"""The sources of a PersistentVolume, as attributes of its spec."""


def check_persistent_source(errors: Errors, spec: PersistentVolumeSpec, field: str, name: str) -> None:
    """Exactly one source of a PersistentVolume called `name`, and that one's rules."""
    found = False
    for source in _PERSISTENT_SOURCES:
        given = getattr(spec, source.attribute)
        if given is None:
            continue
        if found and source.attribute != "flex_volume":  # a second one of this type is not noticed upstream
            errors.forbidden(f"{field}.{source.second}", _ONE_ONLY)
            continue
        found = True
        if source.attribute == "iscsi" and sources.portal_is_too_long(given, name):
            errors.invalid(f"{field}.iscsi.targetportal", given.target_portal or "", sources.PORTAL_TEXT)
        source.check(errors, given, f"{field}.{source.only}")
        if source.attribute == "local" and spec.node_affinity is None:
            errors.required(f"{field}.nodeAffinity", "Local volume requires node affinity")
    if not found and not spec.carried:
        errors.required(field, "must specify a volume type")
