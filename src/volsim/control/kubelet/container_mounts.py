"""Kubelet and container runtime: what a container has mounted, from its start to its end.

What is mounted is decided when the container starts, and holds until it ends: a subPath is the file or directory that
was there then, also if another one has its name by now. So a container never sees what replaces a file of a ConfigMap
that it has by subPath, and goes on reading a file that has been renamed over.

Modelled: subPath and subPathExpr, devices, mount points that are made where they are missing, the order of mounts,
read-only mounts, directories of the node that the runtime makes, what is mounted below them, the working directory.
Not modelled: mounts made by a container for others, hosts and resolv.conf, a directory that was moved elsewhere while
it was mounted.
Source: kubelet, pkg/kubelet/kubelet_pods.go (makeMounts, makeBlockVolumes); containerd, pkg/cri/server (generateMounts,
WithMounts); runc, libcontainer/rootfs_linux.go; mount_namespaces(7).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from volsim.control.kubelet.host_mounts import mounts_below, propagates
from volsim.control.kubelet.places import MountError, Place
from volsim.control.kubelet.sub_paths import sub_path
from volsim.control.kubelet.work import DISK, HELD, LAYER, MEMORY, RAW, RAW_ATTACHED, PodWork
from volsim.errors import FileError
from volsim.objects import Container, VolumeMount
from volsim.objects._record import FrozenDict
from volsim.storage import tree
from volsim.storage.mounts import Identity, Mount, MountedFiles
from volsim.storage.tree import Directory, File

__all__ = ["bind", "bound_mounts", "root_mount"]

FILE = "file"
"""The name of a file that a container holds, in the directory that stands for it."""


# -- at the start ------------------------------------------------------------------------------------------------------
def bind(work: PodWork, spec: Container, expand: Callable[[str], str]) -> tuple[Mount, ...]:
    """The mounts of a container that is about to start; what they need is made. Raises `MountError`."""
    made = [_mount(work, spec, mount, expand) for mount in spec.volume_mounts]
    made += [_device(work, device.name or "", device.device_path or "", spec) for device in spec.volume_devices]
    ordered = sorted(made, key=lambda mount: mount.path.count("/"))
    if any(mount.path == "/" for mount in ordered):
        raise MountError(
            f"{_RUNC}error closing exec fds: open /proc/self/fd: no such file or directory: unknown",
            reason="RunContainerError",
        )
    layer = root_mount(spec)._replace(read_only=False)  # it becomes read-only last
    for number, mount in enumerate(ordered):
        _make_point(work, [layer, *ordered[:number]], mount)
    ordered += [
        below
        for spec_mount in spec.volume_mounts
        if not propagates(spec_mount)
        for mount in ordered
        if mount.path == _point(spec_mount)
        for below in mounts_below(work, mount, spec_mount)
    ]
    if spec.working_dir:
        _make_working_directory(work, [layer, *ordered], spec.working_dir)
    return tuple(_identified(work, spec, mount) for mount in ordered)


def root_mount(spec: Container) -> Mount:
    """The container's own layer."""
    read_only = bool(spec.security_context and spec.security_context.read_only_root_filesystem)
    return Mount(path="/", backing=(LAYER, spec.name), read_only=read_only)


def _place(work: PodWork, volume: str, spec: Container, verb: str) -> Place:
    assert work.sandbox is not None, "volumes are set up before containers start"
    place: Place | None = work.sandbox.mounted.get(volume)
    if place is None:
        raise MountError(f'cannot find volume "{volume}" to {verb} into container "{spec.name}"')
    return place


def _mount(work: PodWork, spec: Container, mount: VolumeMount, expand: Callable[[str], str]) -> Mount:
    place = _place(work, mount.name or "", spec, "mount")
    sub = expand(mount.sub_path_expr) if mount.sub_path_expr else mount.sub_path or ""
    path = place.path
    if sub:
        path = sub_path(work, place, sub, mount.name or "", spec.name or "")
    elif place.kind == DISK:
        _make_on_host(work, spec, path)
    return Mount(_point(mount), place.backing, path, place.read_only or bool(mount.read_only))


def _point(mount: VolumeMount) -> str:
    return "/" + "/".join(part for part in (mount.mount_path or "").split("/") if part)


def _device(work: PodWork, volume: str, path: str, spec: Container) -> Mount:
    place = _place(work, volume, spec, "pass")
    inner = DEVICE_FILE if place.kind in (RAW, RAW_ATTACHED) else place.path
    return Mount(path, place.backing, inner, place.read_only)


DEVICE_FILE = "device"
"""The name of a disk's device, in the directory that stands for it."""


def _make_on_host(work: PodWork, spec: Container, path: str) -> None:
    """The container runtime makes a directory that is to be mounted and is not there."""
    if tree.exists(work.disk, path):
        return
    try:
        work.disk = tree.mkdir(work.disk, path, parents=True, mtime_us=work.now_us)
    except FileError as error:
        number = blake2b(f"{work.uid}/{spec.name}".encode(), digest_size=32).hexdigest()
        text = f'failed to mkdir "{path}": mkdir {path}: {(error.strerror or "").lower()}'
        raise MountError(
            f'failed to generate container "{number}" spec: failed to generate spec: {text}',
            reason="CreateContainerError",
        ) from None


_RUNC = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: "
)


def _files(work: PodWork, mounts: list[Mount]) -> MountedFiles:
    return MountedFiles(mounts, work.fetch, now_us=work.now_us)


def _make_point(work: PodWork, below: list[Mount], mount: Mount) -> None:
    """Make the directory or file over which something is mounted, in the layer or in another volume."""
    files = _files(work, below)
    try:
        files.real(mount.path)
        return
    except FileError as error:
        if error.strerror == "Input/output error":
            return
    try:
        parent = mount.path.rpartition("/")[0]
        if parent:
            files.mkdir(parent, parents=True)
        if _is_directory(work, mount):
            files.mkdir(mount.path)
        else:
            files.write(mount.path, b"")
    except FileError as error:
        text = f'error mounting "{mount.subpath}" to rootfs at "{mount.path}": mkdir {mount.path}'
        raise MountError(
            f"{_RUNC}error during container init: {text}: {(error.strerror or '').lower()}: unknown",
            reason="RunContainerError",
        ) from None
    _keep(work, files)


def _is_directory(work: PodWork, mount: Mount) -> bool:
    try:
        root = work.fetch(mount.backing)
    except FileError:
        return True
    found = tree.lookup(root, mount.subpath) if mount.subpath else root
    return found is None or isinstance(found, Directory)


def _make_working_directory(work: PodWork, mounts: list[Mount], path: str) -> None:
    files = _files(work, mounts)
    if not files.exists(path):
        try:
            files.mkdir(path, parents=True)
        except FileError:
            return  # the process starts where it can
        _keep(work, files)


def _keep(work: PodWork, files: MountedFiles) -> None:
    for backing, root in files.changed().items():
        work.store(backing, root)


def _identified(work: PodWork, spec: Container, mount: Mount) -> Mount:
    """The mount of the very file or directory that is there now; a file is held from now on."""
    kind = mount.backing[0] if isinstance(mount.backing, tuple) else ""
    if not mount.subpath or kind in (RAW, RAW_ATTACHED):
        return mount
    try:
        root = work.fetch(mount.backing)
        path = tree.real(root, mount.subpath)
    except FileError:
        return mount
    numbers = tree.identity(root, path)
    assert numbers is not None, "it is there"
    found = tree.lookup(root, path)
    if isinstance(found, File):
        _hold(work, spec, mount.path, found)
    return mount._replace(subpath=path, identity=Identity(numbers), remote=kind not in (DISK, MEMORY))


def _hold(work: PodWork, spec: Container, path: str, file: File) -> None:
    row = work.row(spec.name or "")
    held: Any = row.held.get(path)
    if held is None or held.entries[FILE] is not file:
        entries: dict[str, Any] = {FILE: file}
        root = Directory(entries=FrozenDict(entries))
        work.set_row(spec.name or "", row.replace(held=FrozenDict({**row.held, path: root})))


# -- while it runs -----------------------------------------------------------------------------------------------------
def bound_mounts(work: PodWork, spec: Container) -> tuple[Mount, ...]:
    """The mounts of a container that runs; files that are gone from where they were are the container's own."""
    bound = [_followed(work, spec, mount) for mount in work.row(spec.name or "").mounts]
    for spec_mount in filter(propagates, spec.volume_mounts):
        for mount in [each for each in bound if each.path == _point(spec_mount)]:
            bound += mounts_below(work, mount, spec_mount)
    return tuple(bound)


def _followed(work: PodWork, spec: Container, mount: Mount) -> Mount:
    row = work.row(spec.name or "")
    if mount.path not in row.held or mount.identity is None:
        return mount
    try:
        root = work.fetch(mount.backing)
    except FileError:
        return mount
    found = tree.lookup(root, mount.subpath)
    if isinstance(found, File) and mount.identity.names(tree.identity(root, mount.subpath)):
        if found != row.held[mount.path].entries[FILE]:
            _hold(work, spec, mount.path, found)
        return mount
    return Mount(mount.path, (HELD, f"{spec.name}|{mount.path}"), FILE, mount.read_only)
