"""Disks behind the network that must be attached to a node before it can mount them: which volumes name one, and how.

Two volumes that name the same disk have the same `Disk`, so that whoever attaches it sees one thing. What a plugin
calls its disks stands in the API, in `status.volumesAttached` and `status.volumesInUse` of nodes.
Source: pkg/volume/{iscsi,fc,rbd,awsebs,gcepd,…}/*.go (GetVolumeName); csi-translation-lib, plugins/*.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from volsim.objects.names import snake
from volsim.rules import Rules
from volsim.storage.backends import backend_of
from volsim.storage.sources import has_own_plugin

__all__ = ["Disk", "csi_name", "disk_of"]


class Disk(NamedTuple):
    """A disk as a volume's source names it."""

    source: str
    """The source's name in the API."""
    handle: str
    """What the plugin calls the disk; of a CSI volume its handle."""
    driver: str
    """The CSI driver; empty for a plugin of Kubernetes' own."""
    backend: str
    """The name of the backend that has its bytes."""

    @property
    def key(self) -> str:
        """The disk's name in the tables, the same in all versions.

        >>> Disk("csi", "vol-1", "csi.example.com", "vol-1").key
        'csi/csi.example.com^vol-1'
        """
        return f"{self.source}/{self.driver}^{self.handle}" if self.driver else f"{self.source}/{self.handle}"

    def attached_by(self, rules: Rules) -> tuple[str, str] | None:
        """(CSI driver or empty, the disk's name in the API) in this version; None if nothing attaches it.

        >>> disk = Disk("gcePersistentDisk", "pd-1", "", "pd-1")
        >>> disk.attached_by(Rules.for_version("1.20"))
        ('', 'kubernetes.io/gce-pd/pd-1')
        >>> disk.attached_by(Rules.for_version("1.36"))[0]
        'pd.csi.storage.gke.io'
        """
        if self.driver:
            return self.driver, csi_name(self.driver, self.handle)
        plugin = _PLUGINS[self.source].name
        driver = rules.csi_driver_for(plugin)
        if driver is not None:
            return driver, csi_name(driver, self.csi_handle)
        if not has_own_plugin(self.source, rules):
            return None
        return "", f"{plugin}/{self.handle}"

    @property
    def csi_handle(self) -> str:
        """What the disk is called by the CSI driver that has it, or has taken it over."""
        return self.handle if self.driver else _PLUGINS[self.source].csi_handle(self.handle)


def csi_name(driver: str, handle: str) -> str:
    """The name of a CSI volume in a node's status.

    >>> csi_name("csi.example.com", "vol-1")
    'kubernetes.io/csi/csi.example.com^vol-1'
    """
    return f"kubernetes.io/csi/{driver}^{handle}"


class _Plugin(NamedTuple):
    name: str
    handle: Callable[[Any], str | None]
    csi_handle: Callable[[str], str] = str


def _go_list(items: Any) -> str:
    return f"[{' '.join(items)}]"


def _fibre_channel(source: Any) -> str:
    return f"{_go_list(source.target_wwns)}:{source.lun or 0}" if source.target_wwns else _go_list(source.wwids)


_PLUGINS: dict[str, _Plugin] = {
    "iscsi": _Plugin("kubernetes.io/iscsi", lambda s: f"{s.target_portal}:{s.iqn}:{s.lun or 0}"),
    "fc": _Plugin("kubernetes.io/fc", _fibre_channel),
    "rbd": _Plugin("kubernetes.io/rbd", lambda s: f"{_go_list(s.monitors)}:{s.image}"),
    "awsElasticBlockStore": _Plugin(  # aws://zone/vol-1, or only vol-1
        "kubernetes.io/aws-ebs", lambda s: s.volume_id, lambda handle: handle.rpartition("/")[2]
    ),
    "gcePersistentDisk": _Plugin(
        "kubernetes.io/gce-pd",
        lambda s: s.pd_name,
        # The zone is the driver's to find out where the volume does not say it
        lambda handle: f"projects/UNSPECIFIED/zones/UNSPECIFIED/disks/{handle}",
    ),
    "azureDisk": _Plugin("kubernetes.io/azure-disk", lambda s: s.disk_uri),
    "cinder": _Plugin("kubernetes.io/cinder", lambda s: s.volume_id),
    "vsphereVolume": _Plugin("kubernetes.io/vsphere-volume", lambda s: s.volume_path),
    "photonPersistentDisk": _Plugin("kubernetes.io/photon-pd", lambda s: s.pd_id),
}
_ATTRIBUTES = {name: snake(name) for name in _PLUGINS}


def disk_of(volume: Any) -> Disk | None:
    """The disk that a pod's volume or a PersistentVolume's spec names; None if it names none that is ever attached.

    Inline CSI volumes live and die with their pod and are never attached.

    >>> from volsim.objects import ISCSIVolumeSource, Volume
    >>> source = ISCSIVolumeSource(target_portal="10.0.0.1:3260", iqn="iqn.2026-01.org:disk", lun=0)
    >>> disk_of(Volume(name="v", iscsi=source)).attached_by(Rules())
    ('', 'kubernetes.io/iscsi/10.0.0.1:3260:iqn.2026-01.org:disk:0')
    """
    csi = volume.csi
    if csi is not None:
        handle = getattr(csi, "volume_handle", None)
        return Disk("csi", handle, csi.driver or "", handle) if handle else None
    for name, attribute in _ATTRIBUTES.items():
        source = getattr(volume, attribute)
        if source is not None:
            return Disk(name, _PLUGINS[name].handle(source) or "", "", backend_of(name, source)[0])
    return None
