"""Kubelet: the group that a pod's volumes are given to, so that its processes can write to them.

Source: pkg/volume/volume_linux.go (VolumeOwnership); pkg/volume/csi/csi_mounter.go (supportsFSGroup).
"""

from __future__ import annotations

import attrs

from volsim.control.kubelet.claims import Wanted
from volsim.control.kubelet.places import Place
from volsim.control.kubelet.work import PodWork
from volsim.objects import CSIDriver
from volsim.storage import tree
from volsim.storage.tree import Directory, Node, Symlink

__all__ = ["give_to_group", "own", "takes_group"]

_READ_WRITE, _READ_ONLY, _EXECUTE, _SET_GROUP = 0o660, 0o440, 0o110, 0o2000

_OWNED = frozenset(
    {
        "emptyDir", "configMap", "secret", "downwardAPI", "projected", "gitRepo", "local", "iscsi", "fc", "rbd",
        "awsElasticBlockStore", "gcePersistentDisk", "azureDisk", "azureFile", "cinder", "vsphereVolume",
        "portworxVolume", "flexVolume", "photonPersistentDisk", "scaleIO", "storageos", "quobyte",
    }
)  # fmt: skip
"""The types whose plugins hand the volume over. hostPath, nfs, cephfs, glusterfs and images stay as they are."""


def own(work: PodWork, place: Place, wanted: Wanted) -> None:
    """Give what is at a place to the group of the pod (`fsGroup`), if its type lets that be done."""
    security = work.pod.spec.security_context
    group = security.fs_group if security is not None else None
    if group is None or not takes_group(work, wanted) or wanted.block:
        return
    configuration = wanted.source in ("configMap", "secret", "downwardAPI", "projected")
    if place.read_only and not configuration:
        return
    root = work.fetch(place.backing)
    node = tree.lookup(root, place.path) if place.path else root
    if node is None:
        return
    always = security is None or security.fs_group_change_policy != "OnRootMismatch" or configuration
    if not always and _is_owned(node, group):
        return
    changed = give_to_group(node, group, read_only=place.read_only)
    if not place.path:
        assert isinstance(changed, Directory)
        work.store(place.backing, changed)
    else:
        work.store(place.backing, tree.put(root, tree.real(root, place.path), changed))


def takes_group(work: PodWork, wanted: Wanted) -> bool:
    """Whether the plugin of a volume hands it over to the pod's group."""
    if wanted.source != "csi":
        return wanted.source in _OWNED
    driver: CSIDriver | None = work.view.get("csidrivers", wanted.record.driver or "")
    policy = (driver.spec.fs_group_policy if driver is not None else None) or "ReadWriteOnceWithFSType"
    if policy != "ReadWriteOnceWithFSType":
        return policy == "File"
    if not wanted.record.fs_type:
        return False
    modes = wanted.volume.spec.access_modes if wanted.volume is not None else ("ReadWriteOnce",)
    return "ReadWriteOnce" in modes or "ReadWriteOncePod" in modes


def _is_owned(root: Node, group: int) -> bool:
    """Whether the top of a volume belongs to the group already, with all that it needs."""
    wanted = _READ_WRITE | _EXECUTE | _SET_GROUP
    return isinstance(root, Directory) and root.gid == group and root.mode & wanted == wanted


def give_to_group(node: Node, group: int, *, read_only: bool = False) -> Node:
    """A file, or a directory with all below it, given to a group that may use it.

    >>> given = give_to_group(Directory(mode=0o755), 2000)
    >>> given.gid, oct(given.mode)
    (2000, '0o2775')
    """
    if isinstance(node, Symlink):
        return node
    mask = _READ_ONLY if read_only else _READ_WRITE
    if not isinstance(node, Directory):
        return attrs.evolve(node, gid=group, mode=node.mode | mask)
    entries = {name: give_to_group(inner, group, read_only=read_only) for name, inner in node.entries.items()}
    return node.replace(entries=entries, gid=group, mode=node.mode | mask | _EXECUTE | _SET_GROUP)
