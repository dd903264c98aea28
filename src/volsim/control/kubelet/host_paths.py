"""Kubelet: paths of the node's own disk as volumes: hostPath with its type checks, and local volumes.

Source: pkg/volume/hostpath/host_path.go (checkTypeInternal, makeDir, makeFile); pkg/volume/local/local.go
(getGlobalLocalPath, SetUpAt); pkg/volume/util/hostutil.
"""

from __future__ import annotations

from volsim.control.kubelet.claims import Wanted
from volsim.control.kubelet.places import MountError, Place
from volsim.control.kubelet.work import DEVICE, DISK, PodWork
from volsim.errors import FileError
from volsim.storage import tree
from volsim.storage.tree import Directory, File, Node, Special

__all__ = ["host_path", "local_device", "local_path"]

_WRONG_KIND = {
    "Directory": "a directory",
    "DirectoryOrCreate": "a directory",
    "File": "a file",
    "FileOrCreate": "a file",
    "Socket": "a socket file",
    "CharDevice": "a character device",
    "BlockDevice": "a block device",
}
_SPECIAL = {"Socket": "socket", "CharDevice": "char", "BlockDevice": "block"}


def host_path(work: PodWork, path: str, type_: str) -> Place:
    """A hostPath volume, after what its type asks for. Raises `MountError`.

    Without a type nothing is looked at, and nothing made: the container runtime makes a directory that is missing.
    """
    found = tree.lookup(work.disk, path)
    if found is None and type_ in ("DirectoryOrCreate", "FileOrCreate"):
        _make(work, path, type_)
    elif type_ and not _is_kind(found, type_):
        raise MountError(f"hostPath type check failed: {path} is not {_WRONG_KIND.get(type_, type_)}")
    return Place(kind=DISK, name=work.node, path=path)


def _make(work: PodWork, path: str, type_: str) -> None:
    try:
        if type_ == "DirectoryOrCreate":
            work.disk = tree.mkdir(work.disk, path, parents=True, mtime_us=work.now_us)
        else:
            work.disk = tree.write(work.disk, path, b"", mtime_us=work.now_us)
    except FileError as error:
        text = (error.strerror or "").lower()
        if type_ == "FileOrCreate":
            raise MountError(f"open {path}: {text}") from None
        if text != "file exists":  # a link that leads nowhere: left to the container runtime
            raise MountError(f"mkdir {path}: {text}") from None


def _is_kind(found: Node | None, type_: str) -> bool:
    if type_.startswith("Directory"):
        return isinstance(found, Directory)
    if type_.startswith("File"):
        return isinstance(found, File)
    return isinstance(found, Special) and found.kind == _SPECIAL.get(type_)


def _found(work: PodWork, wanted: Wanted, during: str) -> Node:
    """What is at a local volume's path: a directory or a block device."""
    path = wanted.record.path or ""
    found = tree.lookup(work.disk, path)
    if found is None and work.rules.local_paths_are_prepared:
        work.disk = tree.mkdir(work.disk, path, parents=True)
        found = tree.lookup(work.disk, path)
    if found is None:
        raise MountError(f'path "{path}" does not exist', during=during)
    if not isinstance(found, Directory) and not (isinstance(found, Special) and found.kind == "block"):
        raise MountError("only directory and block device are supported", during=during)
    return found


def local_path(work: PodWork, wanted: Wanted) -> Place:
    """A local volume with a file system: a directory, or a device, which is formatted if nothing is on it."""
    found = _found(work, wanted, "MountVolume.NewMounter initialization failed")
    path = wanted.record.path or ""
    if isinstance(found, Directory):
        return Place(kind=DISK, name=work.node, path=path, read_only=wanted.read_only)
    assert isinstance(found, Special), "a local volume is a directory or a device"
    if found.files is None:
        work.store((DEVICE, path), Directory(mode=0o755, mtime_us=work.now_us))
    return Place(kind=DEVICE, name=path, read_only=wanted.read_only)


def local_device(work: PodWork, wanted: Wanted) -> Place:
    """A local volume without a file system: its device. Raises `MountError`."""
    found = _found(work, wanted, "MapVolume.NewBlockVolumeMapper initialization failed")
    path = wanted.record.path or ""
    if not isinstance(found, Special):
        raise MountError(f"{path} is not a block device", during="MapVolume.MapBlockVolume failed")
    return Place(kind=DISK, name=work.node, path=path, read_only=wanted.read_only)
