"""Kubelet: which source a pod's volume stands for, looked up through its claim.

Source: kubelet, pkg/kubelet/volumemanager/populator/desired_state_of_world_populator.go (createVolumeSpec,
getPVCExtractPV, getPVSpec), cache/desired_state_of_world.go (AddPodToVolume).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from volsim.control.kubelet.places import ProcessingError
from volsim.control.kubelet.work import PodWork
from volsim.objects import Container, PersistentVolume, PersistentVolumeClaim, Pod, Volume
from volsim.rules import Rules
from volsim.storage.sources import has_own_plugin, source_of, taken_over_by

__all__ = ["Wanted", "csi_driver_of", "expected_volumes", "has_plugin", "resolve"]

_PROTECTION = "kubernetes.io/pvc-protection"


class Wanted(NamedTuple):
    """What is to be mounted for one volume of a pod."""

    source: str
    """The source's name in the API."""
    record: Any
    """The source itself, of the pod's volume or of the PersistentVolume that is bound to its claim."""
    name: str
    """What the kubelet calls it: of a claim, the PersistentVolume."""
    read_only: bool = False
    volume: PersistentVolume | None = None
    block: bool = False
    """Whether the containers get the bare device."""


def _containers(pod: Pod) -> Iterator[Container]:
    yield from pod.spec.init_containers
    yield from pod.spec.containers
    yield from getattr(pod.spec, "ephemeral_containers", ())


def _names(spec: Container) -> Iterator[str | None]:
    for mount in spec.volume_mounts:
        yield mount.name
    for device in spec.volume_devices:
        yield device.name


def expected_volumes(pod: Pod) -> list[Volume]:
    """The volumes that some container uses, in the order of the manifest; the kubelet leaves all others alone.

    >>> from volsim.objects import PodSpec
    >>> expected_volumes(Pod(spec=PodSpec(volumes=(Volume(name="unused"),))))
    []
    """
    used = {name for spec in _containers(pod) for name in _names(spec)}
    return [volume for volume in pod.spec.volumes if volume.name in used]


def resolve(work: PodWork, volume: Volume) -> Wanted:
    """What a pod's volume stands for. Raises `ProcessingError` in the kubelet's words."""
    name, source = source_of(volume)
    if name in ("persistentVolumeClaim", "ephemeral"):
        return _resolve_claim(work, volume, name, source)
    if name is None or not has_plugin(name, work.rules):
        raise _no_plugin(volume.name or "")
    return Wanted(name, source, volume.name or "", bool(getattr(source, "read_only", False)))


def _no_plugin(name: str) -> ProcessingError:
    return ProcessingError(f'failed to get Plugin from volumeSpec for volume "{name}" err=no volume plugin matched')


def has_plugin(source: str, rules: Rules) -> bool:
    """Whether a kubelet of this version can mount the type, by itself or through the CSI driver that took over."""
    if source == "image":
        return rules.image_volume
    return taken_over_by(source, rules) is not None or has_own_plugin(source, rules)


def csi_driver_of(wanted: Wanted, rules: Rules) -> str | None:
    """The CSI driver that mounts a volume; None if a plugin of Kubernetes' own does."""
    return wanted.record.driver or "" if wanted.source == "csi" else taken_over_by(wanted.source, rules)


def _resolve_claim(work: PodWork, volume: Volume, source_name: str, source: Any) -> Wanted:
    pod, namespace = work.pod, work.pod.metadata.namespace
    ephemeral = source_name == "ephemeral"
    name = f"{pod.metadata.name}-{volume.name}" if ephemeral else source.claim_name or ""
    try:
        claim = _claim(work, f"{namespace}/{name}", name)
        if ephemeral and not any(
            owner.controller and owner.uid == pod.metadata.uid for owner in claim.metadata.owner_references
        ):
            raise _Plain(f"PVC {namespace}/{name} was not created for pod {pod.key} (pod is not owner)")
        bound = _bound(work, claim)
    except _Plain as error:
        raise ProcessingError(str(error)) from None
    except ProcessingError as error:
        raise ProcessingError(f"error processing PVC {namespace}/{name}: {error}") from None
    return _of_volume(work, volume, bound, not ephemeral and bool(source.read_only))


class _Plain(ProcessingError):
    """Said without naming the claim first."""


def _claim(work: PodWork, key: str, name: str) -> PersistentVolumeClaim:
    claim = work.view.persistent_volume_claims.get(key)
    if claim is None:
        raise ProcessingError(f'failed to fetch PVC from API server: persistentvolumeclaims "{name}" not found')
    if claim.metadata.deletion_timestamp is not None and _PROTECTION not in claim.metadata.finalizers:
        raise ProcessingError("PVC is being deleted")
    if claim.status.phase != "Bound":
        raise ProcessingError("PVC is not bound")
    if not claim.spec.volume_name:
        raise ProcessingError("PVC has empty pvc.Spec.VolumeName")
    return claim


def _bound(work: PodWork, claim: PersistentVolumeClaim) -> PersistentVolume:
    name = claim.spec.volume_name or ""
    volume = work.view.persistent_volumes.get(name)
    if volume is None:
        raise ProcessingError(f'failed to fetch PV {name} from API server: persistentvolumes "{name}" not found')
    ref = volume.spec.claim_ref
    if ref is None:
        raise ProcessingError(
            f"found PV object {name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim"
        )
    if ref.uid != claim.metadata.uid:
        raise ProcessingError(
            f"found PV object {name} but its pv.Spec.ClaimRef.UID {ref.uid or ''} does not point to claim.UID "
            f"{claim.metadata.uid}"
        )
    return volume


def _of_volume(work: PodWork, volume: Volume, bound: PersistentVolume, read_only: bool) -> Wanted:
    name, source = source_of(bound.spec)
    spec_name = bound.metadata.name or ""
    mode = bound.spec.volume_mode or "Filesystem"
    mounted = {mount.name for spec in _containers(work.pod) for mount in spec.volume_mounts}
    devices = {device.name for spec in _containers(work.pod) for device in spec.volume_devices}
    if volume.name in mounted and mode != "Filesystem":
        raise ProcessingError(f"volume {volume.name} has volumeMode {mode}, but is specified in volumeMounts")
    if volume.name in devices and mode != "Block":
        raise ProcessingError(f"volume {volume.name} has volumeMode {mode}, but is specified in volumeDevices")
    if name is None or not has_plugin(name, work.rules):
        raise _no_plugin(spec_name)
    read_only = read_only or bool(getattr(source, "read_only", False))
    return Wanted(name, source, spec_name, read_only, bound, mode == "Block")
