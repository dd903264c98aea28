"""Which volumes of a pod have to be attached to its node, by whom and under which name.

The attach/detach controller and the kubelet must agree on that.
Source: pkg/volume/plugins.go (FindAttachablePluginBySpec); pkg/volume/csi/csi_plugin.go (CanAttach); pkg/volume/util,
IsMultiAttachAllowed; attach/detach controller, util.CreateVolumeSpec.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from volsim.objects import CSIDriver, PersistentVolume, Pod, Volume
from volsim.state import View
from volsim.storage.disks import Disk, disk_of

__all__ = ["Attachable", "attachable", "attachables", "bound_volume"]

_EXCLUSIVE_INLINE = frozenset({"azureDisk", "cinder"})
"""Without a PersistentVolume there are no access modes to go by; these types are known never to be shared."""


class Attachable(NamedTuple):
    """A volume that has to be attached before it can be mounted."""

    disk: str
    """The disk's key (`volsim.storage.disks.Disk.key`)."""
    volume: str
    """The disk's name in a node's status."""
    name: str
    """The PersistentVolume's name, or that of the pod's volume: what messages call it."""
    driver: str
    """The CSI driver that attaches it; empty if a plugin of Kubernetes' own does."""
    handle: str
    """What the driver calls it."""
    backend: str
    """The backend that has its bytes."""
    shared: bool
    """Whether it may be attached to several nodes."""


def attachable(view: View, pod: Pod, volume: Volume) -> Attachable | None:
    """What must be attached for one volume of a pod; None if nothing has to be, or its claim has no volume yet.

    >>> from volsim.objects import EmptyDirVolumeSource
    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> attachable(State.empty(Rules()), Pod(), Volume(name="v", empty_dir=EmptyDirVolumeSource())) is None
    True
    """
    if volume.persistent_volume_claim is None and volume.ephemeral is None:
        disk = disk_of(volume)
        if disk is None:
            return None
        return _attachable(view, disk, volume.name or "", disk.source not in _EXCLUSIVE_INLINE)
    bound = bound_volume(view, pod, volume)
    disk = disk_of(bound.spec) if bound is not None else None
    if bound is None or disk is None:
        return None
    modes = bound.spec.access_modes
    shared = not modes or "ReadWriteMany" in modes or "ReadOnlyMany" in modes
    return _attachable(view, disk, bound.metadata.name or "", shared)


def attachables(view: View, pod: Pod) -> Iterator[tuple[str, Attachable]]:
    """The volumes of a pod that have to be attached, by their names in the pod."""
    for volume in pod.spec.volumes:
        found = attachable(view, pod, volume)
        if found is not None:
            yield volume.name or "", found


def bound_volume(view: View, pod: Pod, volume: Volume) -> PersistentVolume | None:
    """The volume of the claim that a pod's volume names; None as long as claim and volume do not belong together."""
    if volume.persistent_volume_claim is not None:
        name = volume.persistent_volume_claim.claim_name
    else:
        name = f"{pod.metadata.name}-{volume.name}"
    claim = view.persistent_volume_claims.get(f"{pod.metadata.namespace}/{name}")
    if claim is None or claim.status.phase != "Bound" or not claim.spec.volume_name:
        return None
    if volume.ephemeral is not None:
        owners = claim.metadata.owner_references
        if not any(owner.controller and owner.uid == pod.metadata.uid for owner in owners):
            return None
    bound = view.persistent_volumes.get(claim.spec.volume_name)
    if bound is None or bound.spec.claim_ref is None or bound.spec.claim_ref.uid != claim.metadata.uid:
        return None
    return bound


def _attachable(view: View, disk: Disk, name: str, shared: bool) -> Attachable | None:
    by = disk.attached_by(view.rules)
    if by is None:
        return None
    driver, volume = by
    if driver and not _attach_required(view, driver):
        return None
    return Attachable(disk.key, volume, name, driver, disk.csi_handle, disk.backend, shared)


def _attach_required(view: View, driver: str) -> bool:
    """Whether volumes of a CSI driver have to be attached; one that never introduced itself is taken to need it."""
    found: CSIDriver | None = view.get("csidrivers", driver)
    return found is None or found.spec.attach_required is not False
