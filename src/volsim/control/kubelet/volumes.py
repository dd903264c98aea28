"""Kubelet: where the bytes of a pod's volumes are, set up before its containers start and torn down after.

Modelled: emptyDir on disk and in memory, hostPath with its type checks, claims (bound, through their volume), exports
and disks behind the network (those that have to be attached can be used only from where they are), configuration
volumes, subPath.
Not modelled: formatting, fsGroup, mount propagation, block mode; gitRepo, image, flexVolume and inline CSI volumes are
empty directories of the pod.
Source: kubelet, pkg/kubelet/volumemanager, pkg/volume/{emptydir,hostpath,local,nfs,…}, pkg/volume/util/subpath.
"""

from __future__ import annotations

from typing import Any

from volsim.control.kubelet.configuration import MountError, configuration
from volsim.control.kubelet.work import ATTACHED, BACKEND, DISK, MEMORY, PodWork
from volsim.errors import FileError
from volsim.objects import PersistentVolume, PersistentVolumeClaim, Volume, VolumeMount
from volsim.objects._record import Record, record
from volsim.state.runtime import Sandbox
from volsim.storage import tree
from volsim.storage.backends import Backend, backend_of
from volsim.storage.mounts import Mount
from volsim.storage.sources import SOURCES, source_of
from volsim.storage.tree import Directory, File, Special

__all__ = ["MountError", "Place", "mounts_of", "pod_directory", "set_up", "tear_down", "volume_directory"]

KUBELET = "/var/lib/kubelet"
_DEVICES = frozenset(kind.name for kind in SOURCES if kind.attachable)
_PLUGINS = {  # API name -> the directory of its plugin below a pod's volumes
    "emptyDir": "kubernetes.io~empty-dir",
    "configMap": "kubernetes.io~configmap",
    "secret": "kubernetes.io~secret",
    "downwardAPI": "kubernetes.io~downward-api",
    "projected": "kubernetes.io~projected",
    "gitRepo": "kubernetes.io~git-repo",
    "image": "kubernetes.io~image",
    "csi": "kubernetes.io~csi",
    "flexVolume": "kubernetes.io~flexvolume",
}


@record
class Place(Record):
    """Where a volume's bytes are.

    >>> Place(kind="disk", name="node01", path="/data").backing
    ('disk', 'node01')
    """

    kind: str
    """`disk` (of a node), `memory` (of the pod), `backend`, or `attached` (a backend that is attached to the node)."""
    name: str
    path: str = ""
    """Below the root of the backing."""
    read_only: bool = False

    @property
    def backing(self) -> tuple[str, str]:
        """The name of the backing, as `PodWork.fetch` takes it."""
        return (self.kind, self.name)


def pod_directory(uid: str) -> str:
    """The directory of a pod on its node's disk.

    >>> pod_directory("756b4f4a")
    '/var/lib/kubelet/pods/756b4f4a'
    """
    return f"{KUBELET}/pods/{uid}"


def volume_directory(uid: str, source: str, volume: str) -> str:
    """The directory of a volume of a pod on its node's disk; `source` is the source's name in the API.

    >>> volume_directory("756b4f4a", "emptyDir", "share-volume")
    '/var/lib/kubelet/pods/756b4f4a/volumes/kubernetes.io~empty-dir/share-volume'
    """
    return f"{pod_directory(uid)}/volumes/{_PLUGINS.get(source, source.lower())}/{volume}"


# -- set up ------------------------------------------------------------------------------------------------------------
def set_up(work: PodWork, volume: Volume, *, attached: bool = False) -> Place:
    """Make a volume ready for the pod's containers; `attached` if it is a disk that was attached to the node for it.

    Raises `MountError` in the kubelet's words.
    """
    kind = ATTACHED if attached else BACKEND
    name, source = source_of(volume)
    assert name is not None, "a volume without a source is not set up"
    match name:
        case "emptyDir":
            return _empty_dir(work, volume)
        case "hostPath":
            return _host_path(work, source.path or "", source.type or "")
        case "persistentVolumeClaim":
            return _claim(work, source.claim_name or "", bool(source.read_only), kind)
        case "ephemeral":
            return _claim(work, f"{work.pod.metadata.name}-{volume.name}", False, kind)
        case "configMap" | "secret" | "downwardAPI" | "projected":
            root = configuration(work.view, work.pod, volume, work.now_us)
            return _in_memory(work, volume.name or "", root, read_only=True)
        case "gitRepo" | "image" | "flexVolume" | "csi":
            return _pod_directory(work, volume_directory(work.uid, name, volume.name or ""), 0o777)
    return _backend(work, name, source, bool(getattr(source, "read_only", False)), kind)


def _in_memory(work: PodWork, name: str, root: Directory, *, read_only: bool = False) -> Place:
    assert work.sandbox is not None
    memory = type(work.sandbox.memory)({**work.sandbox.memory, name: root})
    work.sandbox = work.sandbox.replace(memory=memory)
    return Place(kind=MEMORY, name=name, read_only=read_only)


def _empty_dir(work: PodWork, volume: Volume) -> Place:
    assert volume.empty_dir is not None and work.sandbox is not None
    medium = volume.empty_dir.medium or ""
    name = volume.name or ""
    if medium == "Memory" or medium.startswith("HugePages"):
        return _in_memory(work, name, work.sandbox.memory.get(name) or Directory(mode=0o1777))
    if medium:
        raise MountError(f'unknown storage medium "{medium}"')
    return _pod_directory(work, volume_directory(work.uid, "emptyDir", name), 0o777)


def _pod_directory(work: PodWork, path: str, mode: int) -> Place:
    """A directory on the node's disk; one that is there already (after a reboot) is kept as it is."""
    if not tree.exists(work.disk, path):
        disk = tree.mkdir(work.disk, path.rpartition("/")[0], parents=True)
        work.disk = tree.mkdir(disk, path, mode=mode)
    return Place(kind=DISK, name=work.node, path=path)


_WRONG_KIND = {
    "Directory": "a directory",
    "DirectoryOrCreate": "a directory",
    "File": "a file",
    "FileOrCreate": "a file",
    "Socket": "a socket file",
    "CharDevice": "a character device",
    "BlockDevice": "a block device",
}


def _host_path(work: PodWork, path: str, type_: str) -> Place:
    found = tree.lookup(work.disk, path)
    if found is None and type_ in ("", "DirectoryOrCreate"):
        # Without a type the kubelet checks nothing, and the container runtime makes the directory
        work.disk = tree.mkdir(work.disk, path, parents=True)
    elif found is None and type_ == "FileOrCreate":
        try:
            work.disk = tree.write(work.disk, path, b"", mode=0o644, mtime_us=work.now_us)
        except FileError as error:
            raise MountError(f"open {path}: {(error.strerror or '').lower()}") from None
    elif type_ and not _is_kind(found, type_):
        raise MountError(f"hostPath type check failed: {path} is not {_WRONG_KIND.get(type_, type_)}")
    return Place(kind=DISK, name=work.node, path=path)


def _is_kind(found: Any, type_: str) -> bool:
    if type_.startswith("Directory"):
        return isinstance(found, Directory)
    if type_.startswith("File"):
        return isinstance(found, File)
    wanted = {"Socket": "socket", "CharDevice": "char", "BlockDevice": "block"}.get(type_)
    return isinstance(found, Special) and found.kind.startswith(wanted or "?")


def _claim(work: PodWork, name: str, read_only: bool, kind: str) -> Place:
    key = f"{work.pod.metadata.namespace}/{name}"
    claim: PersistentVolumeClaim | None = work.view.persistent_volume_claims.get(key)
    if claim is None:
        raise MountError(f'failed to fetch PVC from API server: persistentvolumeclaims "{name}" not found')
    if claim.status.phase != "Bound" or not claim.spec.volume_name:
        raise MountError("PVC is not bound")
    volume: PersistentVolume | None = work.view.persistent_volumes.get(claim.spec.volume_name)
    if volume is None:
        raise MountError(
            f"failed to fetch PV {claim.spec.volume_name} from API server: persistentvolumes "
            f'"{claim.spec.volume_name}" not found'
        )
    ref = volume.spec.claim_ref
    if ref is None or ref.uid != claim.metadata.uid:
        raise MountError(f"PVC {key} binding mismatch: pv.Spec.ClaimRef does not point to it")
    source_name, source = source_of(volume.spec)
    if source_name is None:
        raise MountError("no volume plugin matched")
    if _is_used_alone(volume, source_name) and _mounted_for_another_pod(work, name):
        raise MountError("volume uses the ReadWriteOncePod access mode and is already in use by another pod")
    if source_name == "hostPath":
        return _host_path(work, source.path or "", source.type or "").replace(read_only=read_only)
    if source_name == "local":
        if not tree.exists(work.disk, source.path or ""):  # whoever makes a local volume has prepared its directory
            work.disk = tree.mkdir(work.disk, source.path or "", parents=True)
        return Place(kind=DISK, name=work.node, path=source.path or "", read_only=read_only)
    return _backend(work, source_name, source, read_only or bool(getattr(source, "read_only", False)), kind)


def _is_used_alone(volume: PersistentVolume, source_name: str) -> bool:
    """Whether one pod alone may mount the volume; plugins that mount anew for each pod (hostPath, nfs) cannot tell."""
    return "ReadWriteOncePod" in volume.spec.access_modes and (source_name == "local" or source_name in _DEVICES)


def _mounted_for_another_pod(work: PodWork, claim_name: str) -> bool:
    """Whether the kubelet has mounted the claim's volume for another pod, which may be gone from the API already."""
    for uid in work.view.group("sandboxes_by_node", work.node):
        sandbox: Sandbox = work.view.get("sandboxes", uid)
        pod = sandbox.pod
        if (
            uid == work.uid
            or sandbox.boot != work.machine.boot
            or pod.metadata.namespace != work.pod.metadata.namespace
        ):
            continue
        for each in pod.spec.volumes:
            source = each.persistent_volume_claim
            if source is not None and source.claim_name == claim_name and each.name in sandbox.mounted:
                return True
    return False


def _backend(work: PodWork, source_name: str, source: Any, read_only: bool, kind: str) -> Place:
    name, path = backend_of(source_name, source)
    backend: Backend | None = work.view.get("backends", name)
    if backend is not None and not backend.reachable:
        raise MountError(f"mount failed: exit status 32: mount: {name}{path}: Connection timed out")
    place = Place(kind=kind, name=name, path=path, read_only=read_only)
    root = work.fetch(place.backing)
    if path and not tree.exists(root, path):
        root = tree.mkdir(root, path, parents=True)  # an export that nobody declared is there, and empty
    work.store(place.backing, root)
    return place


# -- tear down ---------------------------------------------------------------------------------------------------------
def tear_down(work: PodWork) -> None:
    """Remove the pod's own directories and what it had in memory. What is mounted from elsewhere is only let go."""
    path = pod_directory(work.uid)
    if tree.exists(work.disk, path):
        work.disk = tree.rmtree(work.disk, path)


# -- mounts of one container -------------------------------------------------------------------------------------------
def mounts_of(work: PodWork, mounts: tuple[VolumeMount, ...], expand: Any) -> list[Mount]:
    """The mounts of a container, its subPaths made if they are not there. Raises `MountError`."""
    assert work.sandbox is not None
    made = []
    for mount in mounts:
        place: Place = work.sandbox.mounted[mount.name or ""]
        path = place.path
        sub = expand(mount.sub_path_expr) if mount.sub_path_expr else mount.sub_path or ""
        if sub:
            path = _sub_path(work, place, sub, mount.name or "")
        read_only = place.read_only or bool(mount.read_only)
        made.append(Mount(path=mount.mount_path or "", backing=place.backing, subpath=path, read_only=read_only))
    return made


def _sub_path(work: PodWork, place: Place, sub: str, volume: str) -> str:
    if ".." in sub.split("/"):
        raise MountError(
            f'failed to prepare subPath for volumeMount "{volume}" of container: "{sub}" leaves the volume'
        )
    path = f"{place.path.rstrip('/')}/{sub.strip('/')}"
    try:
        root = work.fetch(place.backing)
    except FileError:
        return path  # what does not answer fails whoever reads or writes there
    if not tree.exists(root, path):
        base = tree.lookup(root, place.path) if place.path else root
        if base is None:
            raise MountError(f"stat {place.path}: no such file or directory")
        work.store(place.backing, tree.mkdir(root, path, mode=base.mode, parents=True))
    return path
