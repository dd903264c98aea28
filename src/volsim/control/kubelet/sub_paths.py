"""Kubelet: the part of a volume that a container gets (`subPath`), which never leads out of the volume.

The path is resolved as the kubelet resolves it: on the node, where an absolute link means the node's own root. What it
leads to must lie in the volume; what is missing is made, with the mode of the volume's root.
Source: kubelet, pkg/kubelet/kubelet_pods.go (makeMounts); pkg/volume/util/subpath/subpath_linux.go (doSafeMakeDir,
doBindSubPath).
"""

from __future__ import annotations

from volsim.control.kubelet.places import MountError, Place
from volsim.control.kubelet.work import DISK, PodWork
from volsim.errors import FileError
from volsim.storage.mounts import Mount, MountedFiles

__all__ = ["sub_path"]

_VOLUME = "/var/lib/kubelet/volume"
"""Where the kubelet sees a volume that is mounted from elsewhere. The name does not matter: nobody else is there."""


def sub_path(work: PodWork, place: Place, sub: str, volume: str, container: str) -> str:
    """The path in the place's backing that `sub` leads to; made if it is not there. Raises `MountError`."""
    if sub.startswith("/"):
        raise MountError(f"error SubPath `{sub}` must not be an absolute path")
    if ".." in sub.split("/"):
        raise MountError(f"unable to provision SubPath `{sub}`: must not contain '..'")
    base = place.path if place.kind == DISK else _VOLUME
    host = _host(work, place, base)
    try:
        wanted = f"{base.rstrip('/')}/{sub.strip('/')}"
        if _is_missing(host, wanted):
            _make(work, host, base, sub, f"volumeMount {_quoted(volume)} of container {_quoted(container)}")
            _keep(work, host)
        return _within(host, base, wanted, volume, container)
    except _Unreachable:
        return f"{place.path.rstrip('/')}/{sub.strip('/')}"  # whoever reads or writes there gets the error


class _Unreachable(Exception):
    """The backing does not answer."""


def _quoted(name: str) -> str:
    return f'"{name}"'


def _host(work: PodWork, place: Place, base: str) -> MountedFiles:
    """The node's files as the kubelet sees them, the volume included."""
    mounts = [Mount(path="/", backing=(DISK, work.node))]
    if place.kind != DISK:
        mounts.append(Mount(path=base, backing=place.backing, subpath=place.path))
    return MountedFiles(mounts, work.fetch, now_us=work.now_us)


def _is_missing(host: MountedFiles, path: str) -> bool:
    """Whether nothing is there; what cannot be looked at is not missing."""
    try:
        host.real(path)
    except FileError as error:
        if error.strerror == "Input/output error":
            raise _Unreachable from None
        return error.strerror == "No such file or directory"
    return False


def _make(work: PodWork, host: MountedFiles, base: str, sub: str, what: str) -> None:
    try:
        mode = host.stat(base).mode
    except FileError:
        raise MountError(f"stat {base}: no such file or directory") from None
    root = host.real(base)
    at = root
    try:
        for name in (part for part in sub.split("/") if part not in ("", ".")):
            at = f"{at.rstrip('/')}/{name}"
            if _is_missing(host, at):
                if _is_link(host, at):
                    raise FileError.of("EEXIST", at)
                host.mkdir(at, mode=mode)
                host.chmod(at, mode)
            at = host.real(at)
            if not _lies_in(at, root):
                raise FileError.of("EXDEV", at)
    except FileError:
        raise MountError(f"failed to create subPath directory for {what}") from None


def _is_link(host: MountedFiles, path: str) -> bool:
    try:
        return host.stat(path, follow=False).kind == "link"
    except FileError:
        return False


def _lies_in(path: str, base: str) -> bool:
    return path == base or path.startswith(f"{base.rstrip('/')}/")


def _keep(work: PodWork, host: MountedFiles) -> None:
    for backing, root in host.changed().items():
        work.store(backing, root)


def _within(host: MountedFiles, base: str, wanted: str, volume: str, container: str) -> str:
    """Where a path leads in the volume's backing. Raises `MountError` if it leads out of the volume."""
    try:
        found = host.real(wanted)
        root = host.real(base)
    except FileError:
        found, root = "/", "/-"
    if not _lies_in(found, root):
        raise MountError(f'failed to prepare subPath for volumeMount "{volume}" of container "{container}"')
    return host.mount_of(found)[1]
