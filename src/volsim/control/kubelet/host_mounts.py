"""What a kubelet has mounted on its node, as a container sees it that has a directory of the node above.

Modelled: a container gets the mounts that are there when it starts; with mountPropagation HostToContainer or
Bidirectional also those that come later, and it loses those that go. A read-only mount does not make them read-only,
unless it is recursive.
Not modelled: what a container mounts itself; other mounts of the node.
Source: mount_namespaces(7) (rbind, propagation); kubelet, pkg/kubelet/kubelet_pods.go (translateMountPropagation,
resolveRecursiveReadOnly).
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.control.kubelet.places import Place
from volsim.control.kubelet.work import DISK, MEMORY, OTHERS, PodWork
from volsim.objects import VolumeMount
from volsim.state.runtime import Sandbox
from volsim.storage.mounts import Mount

__all__ = ["mounts_below", "propagates"]


def propagates(mount: VolumeMount) -> bool:
    """Whether a container sees what is mounted on the node after it has started."""
    return mount.mount_propagation in ("HostToContainer", "Bidirectional")


def mounts_below(work: PodWork, mount: Mount, spec: VolumeMount) -> Iterator[Mount]:
    """What the kubelet has mounted below the directory of the node that a container has, as the container sees it."""
    if mount.backing != (DISK, work.node):
        return
    above = mount.subpath.rstrip("/") + "/"
    recursive = bool(spec.read_only) and spec.recursive_read_only in ("Enabled", "IfPossible")
    for uid, volume, place in _mounted(work):
        if place.mounted_at.startswith(above):
            backing = (OTHERS, f"{uid}|{volume}") if place.kind == MEMORY else place.backing
            point = f"{mount.path.rstrip('/')}/{place.mounted_at[len(above) :]}"
            yield Mount(point, backing, place.path, recursive)


def _mounted(work: PodWork) -> Iterator[tuple[str, str, Place]]:
    for uid in work.view.group("sandboxes_by_node", work.node):
        sandbox: Sandbox = work.view.get("sandboxes", uid)
        if sandbox.boot == work.machine.boot and uid != work.uid:
            for name, place in sandbox.mounted.items():
                if place.mounted_at:
                    yield uid, name, place
