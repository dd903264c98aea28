"""Kubelet: pods that use more of their node's disk than their limits allow are evicted.

Modelled: sizeLimit of emptyDirs, ephemeral-storage limits of containers and pods, the periods after which usage is
seen: volumes are counted every minute, containers' layers and logs every ten seconds. What fits again in time is not
noticed. A volume in memory has a size instead, so it is full and never too large (before 1.22 it was counted, too).
Not modelled: sparse files (they count as if they had been written), files that were removed and are still open.
Source: kubelet, pkg/kubelet/eviction/eviction_manager.go (localStorageEviction); pkg/kubelet/server/stats.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from volsim.control.kubelet.work import DISK, LAYER, MEMORY, PodWork
from volsim.objects import Container as ContainerSpec
from volsim.objects import Pod, Volume
from volsim.programs.images import image_for
from volsim.quantity import Quantity
from volsim.rules import microseconds
from volsim.state.runtime import Ending
from volsim.storage import tree
from volsim.storage.tree import Directory, File

__all__ = ["GRACE_US", "disk_usage", "layer_usage", "look", "note_writing", "used_by_pod"]

GRACE_US = 1_000_000  # immediateEvictionGracePeriodSeconds
_BLOCK = 4096  # what files and directories on ext4 are counted in


def disk_usage(root: Directory) -> int:
    """The bytes that a directory takes on the disk, as `du` counts them: in blocks, itself included.

    >>> disk_usage(tree.write(Directory(), "/f", b"x"))
    8192
    """
    return _BLOCK + sum(
        -(-node.size // _BLOCK) * _BLOCK if isinstance(node, File) else _BLOCK if isinstance(node, Directory) else 0
        for _, node in tree.walk(root)
    )


def layer_usage(work: PodWork, spec: ContainerSpec) -> int:
    """The bytes that a container has added to its image."""
    return max(disk_usage(work.fetch((LAYER, spec.name))) - disk_usage(image_for(spec.image or "").files), 0)


# -- when to look ------------------------------------------------------------------------------------------------------
def note_writing(work: PodWork, backing: Any) -> None:
    """Something was written: if the pod has limits, what it uses is compared with them before long."""
    sandbox = work.sandbox
    if sandbox is None or not _is_limited(work, work.pod):
        return
    kind = backing[0]
    period = work.rules.eviction_monitoring_period if kind == LAYER else work.rules.volume_stats_period
    due_us = _next(work.now_us, microseconds(period))
    if sandbox.due_us is None or due_us < sandbox.due_us:
        work.sandbox = sandbox.replace(due_us=due_us)


def _next(now_us: int, period_us: int) -> int:
    """The next time that is a multiple of the period: the kubelet's loops began when the clock did."""
    return (now_us // period_us + 1) * period_us


def _is_limited(work: PodWork, pod: Pod) -> bool:
    return any(_size_limit(work, volume) is not None for volume in pod.spec.volumes) or any(
        _storage_limit(spec) is not None for spec in pod.spec.containers
    )


def _size_limit(work: PodWork, volume: Volume) -> Quantity | None:
    """How large an emptyDir may be before its pod is evicted; None if that never happens."""
    source = volume.empty_dir
    if source is None or source.size_limit is None or int(source.size_limit) <= 0:
        return None
    return None if source.medium and work.rules.memory_volumes_are_sized else source.size_limit


def _storage_limit(spec: ContainerSpec) -> Quantity | None:
    limit = spec.resources.limits.get("ephemeral-storage") if spec.resources is not None else None
    return limit if limit is not None and limit else None


# -- looking -----------------------------------------------------------------------------------------------------------
def look(work: PodWork) -> Ending | None:
    """Compare what the pod uses with its limits if it is time to; why it is evicted, if it is."""
    sandbox = work.sandbox
    if sandbox is None or sandbox.due_us is None:
        return None
    counted_us = microseconds(work.rules.volume_stats_period)
    if work.now_us < sandbox.due_us:
        over = next(_excesses(work, volumes=True), None)
        work.wake_at(sandbox.due_us, background=over is None)
        return None
    counted = work.now_us % counted_us == 0
    message = next(_excesses(work, volumes=counted), None)
    due_us = None if counted else _next(work.now_us, counted_us)
    work.sandbox = sandbox.replace(due_us=None if message else due_us)
    if message is None:
        work.wake_at(due_us, background=True)
        return None
    work.event("Warning", "Evicted", message)
    return Ending(reason="Evicted", message=message)


def _excesses(work: PodWork, *, volumes: bool) -> Iterator[str]:
    """What is too large, as the kubelet says it, in the order in which it asks."""
    pod = work.pod
    if volumes:
        for volume in pod.spec.volumes:
            limit = _size_limit(work, volume)
            if limit is not None and _volume_usage(work, volume) > int(limit):
                yield f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{limit}". '
    limits = {spec.name: limit for spec in pod.spec.containers if (limit := _storage_limit(spec)) is not None}
    if limits:
        total = sum(limits.values(), Quantity("0"))
        if used_by_pod(work, volumes=volumes) > int(total):
            yield f"Pod ephemeral local storage usage exceeds the total limit of containers {total}. "
    for spec in pod.spec.containers:
        if spec.name in limits and _container_usage(work, spec) > int(limits[spec.name]):
            yield f'Container {spec.name} exceeded its local ephemeral storage limit "{limits[spec.name]}". '


def used_by_pod(work: PodWork, *, volumes: bool = True) -> int:
    """The bytes that a pod uses of its node's disk: layers, logs, and volumes that are its own."""
    used = sum(_container_usage(work, spec) for spec in work.specs)
    if volumes:
        used += sum(_volume_usage(work, each) for each in work.pod.spec.volumes if _is_on_disk(work, each))
    return used


def _container_usage(work: PodWork, spec: ContainerSpec) -> int:
    row = work.row(spec.name or "")
    return layer_usage(work, spec) + len(row.log) if row.started_us is not None else 0


def _is_on_disk(work: PodWork, volume: Volume) -> bool:
    assert work.sandbox is not None, "it has volumes"
    place = work.sandbox.mounted.get(volume.name or "")
    return volume.empty_dir is not None and place is not None and place.kind == DISK


def _volume_usage(work: PodWork, volume: Volume) -> int:
    place = work.sandbox.mounted.get(volume.name or "") if work.sandbox is not None else None
    if place is None:
        return 0
    root = work.fetch(place.backing)
    found = tree.lookup(root, place.path) if place.path else root
    used = disk_usage(found) if isinstance(found, Directory) else 0
    return used - _BLOCK if place.kind == MEMORY else used  # a tmpfs' own directory takes nothing
