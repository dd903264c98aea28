"""Kubelet: how much fits into what a container has mounted, and as whom its processes work.

Modelled: the size of disks, of devices and of memory-backed emptyDirs (the smallest of their sizeLimit, the memory
limits of the pod's containers together and what the node has); user, group and supplemental groups of processes.
Not modelled: how full a node's disk can get; inodes; capabilities.
Source: pkg/volume/emptydir/empty_dir.go (calculateEmptyDirMemorySize); kubelet, pkg/kubelet/kuberuntime
(determineEffectiveSecurityContext); pkg/securitycontext/util.go.
"""

from __future__ import annotations

from typing import Any

from volsim.control.kubelet.work import ATTACHED, BACKEND, DEVICE, DISK, MEMORY, PodWork
from volsim.objects import Container, Node, Pod
from volsim.storage import tree
from volsim.storage.backends import Backend
from volsim.storage.mounts import ROOT, Credentials, Memory
from volsim.storage.tree import DIRECTORY_BYTES, Special

__all__ = ["credentials", "is_in_memory", "limit_of", "memory_left", "memory_size"]


def limit_of(work: PodWork, backing: Any) -> int | None:
    """How many bytes a backing takes at most, its own top directory included on disks; None if nobody says."""
    kind, name = backing
    most: int | None = None
    if kind in (BACKEND, ATTACHED):
        most = _disk_size(work, backing)
    elif kind == DEVICE:
        device = tree.lookup(work.fetch((DISK, work.node)), name)
        most = device.capacity if isinstance(device, Special) else None
    elif kind == MEMORY:
        return memory_size(work, name)
    return None if most is None else most + DIRECTORY_BYTES


def _disk_size(work: PodWork, backing: Any) -> int | None:
    """The size of a disk: what its storage says, or else the PersistentVolume through which the pod has it."""
    backend: Backend | None = work.view.get("backends", backing[1])
    if backend is not None and backend.capacity is not None:
        return backend.capacity if backend.family == "disk" else None
    places = work.sandbox.mounted.values() if work.sandbox is not None else ()
    sizes = [place.capacity for place in places if place.backing == backing and place.capacity is not None]
    return min(sizes, default=None)


def is_in_memory(backing: Any) -> bool:
    """Whether what a backing holds lies in memory, where it is counted in pages."""
    kind: str = backing[0]
    return kind == MEMORY


_OWN_MEMORY = 5 * 256 * 1024  # what a small process takes itself


def memory_left(work: PodWork, spec: Container) -> Memory | None:
    """What a container's processes may put into memory before they are killed; None: any amount."""
    limit = spec.resources.limits.get("memory") if spec.resources is not None else None
    if limit is None:
        return None
    most = max(int(limit) - _OWN_MEMORY, 0)
    return Memory(most, work.row(spec.name or "").charged, work.rules.container_is_killed_whole)


def memory_size(work: PodWork, volume: str) -> int | None:
    """The size of the file system in memory that an emptyDir of the pod is; None for other volumes."""
    found = next((each.empty_dir for each in work.pod.spec.volumes if each.name == volume), None)
    if found is None or found.medium != "Memory" or not work.rules.memory_volumes_are_sized:
        return None
    sizes = [_pod_memory(work.pod), _node_memory(work), int(found.size_limit) if found.size_limit else None]
    known = [size for size in sizes if size]
    return min(known) if known else None


def _pod_memory(pod: Pod) -> int | None:
    """What the pod's containers may use together; None if one of them may use any amount."""
    limits = [spec.resources.limits.get("memory") for spec in pod.spec.containers if spec.resources is not None]
    if len(limits) < len(pod.spec.containers) or any(limit is None for limit in limits):
        return None
    return sum(int(limit) for limit in limits if limit is not None)


def _node_memory(work: PodWork) -> int | None:
    node: Node | None = work.view.nodes.get(work.node)
    memory = node.status.allocatable.get("memory") if node is not None else None
    return None if memory is None else int(memory)


def credentials(pod: Pod, spec: Container) -> Credentials:
    """As whom the processes of a container work.

    >>> from volsim.objects import PodSecurityContext, PodSpec
    >>> context = PodSecurityContext(run_as_user=1000, fs_group=2000)
    >>> credentials(Pod(spec=PodSpec(security_context=context)), Container())
    Credentials(uid=1000, gid=0, groups=(2000,))
    """
    of_pod, own = pod.spec.security_context, spec.security_context
    if of_pod is None and own is None:
        return ROOT
    uid = own.run_as_user if own is not None and own.run_as_user is not None else getattr(of_pod, "run_as_user", None)
    gid = (
        own.run_as_group if own is not None and own.run_as_group is not None else getattr(of_pod, "run_as_group", None)
    )
    groups: dict[int, None] = dict.fromkeys(of_pod.supplemental_groups if of_pod is not None else ())
    if of_pod is not None and of_pod.fs_group is not None:
        groups[of_pod.fs_group] = None
    return Credentials(uid or 0, gid or 0, tuple(groups))
