"""What holds bytes outside the nodes: exports of file servers, and disks behind the network.

All network volume types are one of two things: an *export* that any number of nodes mount, or a *disk* that is attached
to a node. Which backend a volume means follows from a few of its fields; `backend_of` has a row for each type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from volsim.errors import VolsimError
from volsim.objects._record import Record, record
from volsim.storage.tree import Directory, Special

__all__ = ["NETWORK", "Backend", "backend_of"]


@record
class Backend(Record):
    """One file server or disk.

    >>> Backend(name="172.16.1.30", family="export").reachable
    True
    """

    name: str
    family: str = "export"
    """`export` or `disk`."""
    root: Directory = attrs.field(factory=Directory)
    """What its file system holds."""
    device: Special = Special(kind="block", mode=0o660)
    """A disk's bare bytes, as they are seen where it is used without a file system."""
    reachable: bool = True
    capacity: int | None = None
    """Bytes; None: nobody said."""
    attached_to: tuple[str, ...] = ()
    """The nodes to which a disk is attached, as the storage knows it, sorted. Nobody else can read or write a disk that
    has to be attached."""

    def attached(self, node: str) -> Backend:
        """The disk attached to one node more; the very same one if it is already.

        >>> Backend(name="disk").attached("node01").attached_to
        ('node01',)
        """
        if node in self.attached_to:
            return self
        return self.replace(attached_to=tuple(sorted((*self.attached_to, node))))

    def detached(self, node: str) -> Backend:
        """The disk detached from a node; the very same one if it was not attached to it."""
        if node not in self.attached_to:
            return self
        return self.replace(attached_to=tuple(each for each in self.attached_to if each != node))


_Where = Callable[[Any], tuple[str, str]]

_NAMED_BY: dict[str, _Where] = {
    "nfs": lambda s: (s.server, s.path),
    "iscsi": lambda s: (f"{s.target_portal}/{s.iqn}/{s.lun or 0}", ""),
    "fc": lambda s: ("/".join([*s.wwids, *s.target_wwns]) + f"/{s.lun or 0}", ""),
    "rbd": lambda s: (f"{s.pool or 'rbd'}/{s.image}", ""),
    "cephfs": lambda s: (",".join(s.monitors), s.path or "/"),
    "glusterfs": lambda s: (s.endpoints, s.path),
    "azureDisk": lambda s: (s.disk_name, ""),
    "azureFile": lambda s: (s.share_name, ""),
    "awsElasticBlockStore": lambda s: (s.volume_id, ""),
    "gcePersistentDisk": lambda s: (s.pd_name, ""),
    "cinder": lambda s: (s.volume_id, ""),
    "vsphereVolume": lambda s: (s.volume_path, ""),
    "portworxVolume": lambda s: (s.volume_id, ""),
    "photonPersistentDisk": lambda s: (s.pd_id, ""),
    "quobyte": lambda s: (f"{s.registry}/{s.volume}", ""),
    "scaleIO": lambda s: (s.volume_name, ""),
    "storageos": lambda s: (s.volume_name, ""),
    "flocker": lambda s: (s.dataset_name or s.dataset_uuid, ""),
    "csi": lambda s: (s.volume_handle, ""),
    "flexVolume": lambda s: (f"{s.driver}/{'/'.join(s.options.values())}", ""),
}

NETWORK = frozenset(_NAMED_BY)
"""The volume sources, as in a manifest, whose bytes are outside the nodes."""


def backend_of(source_name: str, source: Any) -> tuple[str, str]:
    """The name of the backend that a network volume source means, and the path in it.

    >>> from volsim.objects import NFSVolumeSource
    >>> backend_of("nfs", NFSVolumeSource(server="172.16.1.30", path="/nfsdata"))
    ('172.16.1.30', '/nfsdata')
    """
    where = _NAMED_BY.get(source_name)
    if where is None:
        raise VolsimError(f"a {source_name} volume has no backend outside its node")
    name, path = where(source)
    return name or "", path or ""
