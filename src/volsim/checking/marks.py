"""Bytes that are followed: a mark in every volume that a workload can write, and what becomes of it.

A mark stands for data that a container has written and that somebody has been told is safe. It is lost if it is on no
disk, server or memory that can ever be read again; it is left behind if the workload runs at full strength and none of
its pods finds it.
"""

from __future__ import annotations

import attrs

from volsim.analysis.living import Living, Use, living, running_containers
from volsim.analysis.whereabouts import is_anywhere
from volsim.checking.provisioners import is_on_a_node
from volsim.control.kubelet.configuration import MountError
from volsim.control.kubelet.containers import ConfigError, open_process
from volsim.control.kubelet.pods import work_on
from volsim.errors import FileError, VolsimError
from volsim.objects import Pod
from volsim.simulation import Simulation
from volsim.state import State
from volsim.storage.sources import source_of

__all__ = ["Mark", "exists", "is_found", "leave_marks", "written_by"]

NAME = ".volsim-check"
SCRATCH, READ_ONLY = "volsim.dev/scratch", "volsim.dev/read-only"


@attrs.frozen
class Mark:
    """One piece of data that was written."""

    workload: tuple[str, str, str]
    pod: str
    """The key of the pod that wrote it, if it is one of a StatefulSet: its successor must find it."""
    volume: str
    """The volume's name in the pod."""
    claim: str
    container: str
    path: str
    data: bytes
    source: str
    """What the volume is: ``emptyDir``, ``hostPath``, ``persistentVolumeClaim``, …"""
    node: str
    """Where the pod ran that wrote it."""
    key: str
    uid: str
    """The pod that wrote it."""
    is_local: bool
    """Whether it was written to a claim's volume that a driver keeps on that node's disk."""


def leave_marks(sim: Simulation, read_only: frozenset[str]) -> tuple[Mark, ...]:
    """Write a mark into each volume of each pod that runs and can write it.

    A volume that the annotation ``volsim.dev/scratch`` names (or ``*``) holds nothing of value; a pod that is annotated
    ``volsim.dev/read-only: "true"``, and one whose image is among `read_only`, writes nothing.
    """
    found: list[Mark] = []
    for each in list(living(sim.state)):
        pod = sim.state.pods.get(each.key)
        if pod is None:
            continue
        scratch = set((pod.metadata.annotations.get(SCRATCH) or "").replace(" ", "").split(","))
        for use in each.uses:
            paths = written_by(pod, use, read_only)
            if use.volume in scratch or "*" in scratch or not paths:
                continue
            mark = _mark(sim, each, use, paths[0], pod, len(found))
            if mark is not None:
                found.append(mark)
    return tuple(found)


def written_by(pod: Pod, use: Use, read_only: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """The containers that write a volume of a pod, each with the path at which it has it.

    `read_only` are images, with or without a tag, that write nothing.
    """
    if pod.metadata.annotations.get(READ_ONLY) == "true":
        return ()
    images = {container.name or "": container.image or "" for container in running_containers(pod)}
    return tuple((name, path) for name, path in use.paths if not {images[name], _untagged(images[name])} & read_only)


def _untagged(image: str) -> str:
    """The name of an image without its tag or digest.

    >>> _untagged("registry:5000/nginx:1.25@sha256:0123"), _untagged("nginx")
    ('registry:5000/nginx', 'nginx')
    """
    name = image.partition("@")[0]
    start, colon, tag = name.rpartition(":")
    return start if colon and "/" not in tag else name


def _mark(sim: Simulation, each: Living, use: Use, where: tuple[str, str], pod: Pod, number: int) -> Mark | None:
    container, mount = where
    path = f"{mount.rstrip('/')}/{NAME}-{number}"
    data = f"mark {number} of {each.key}".encode()
    namespace, _, name = each.key.rpartition("/")
    try:
        sim.write_file(f"pod/{name}", path, data, container=container, namespace=namespace)
    except VolsimError:
        return None  # nobody can write there, so nothing is written
    volume = next(volume for volume in pod.spec.volumes if volume.name == use.volume)
    source = source_of(volume)[0] or ""
    identity = each.key if each.workload[0] == "StatefulSet" else ""
    writer = (each.node, each.key, each.uid, _is_on_the_node(sim, use.claim))
    return Mark(each.workload, identity, use.volume, use.claim, container, path, data, source, *writer)


def _is_on_the_node(sim: Simulation, claim: str) -> bool:
    bound = sim.state.persistent_volume_claims.get(claim)
    volume = sim.state.persistent_volumes.get(bound.spec.volume_name or "") if bound is not None else None
    return volume is not None and volume.spec.csi is not None and is_on_a_node(volume.spec.csi.driver or "")


def exists(state: State, mark: Mark) -> bool:
    """Whether the bytes are anywhere where they can be read again some day."""
    return not _is_doomed(state, mark) and is_anywhere(state, mark.data)


def _is_doomed(state: State, mark: Mark) -> bool:
    """Whether the bytes are on a node without power, in an emptyDir of a pod that is deleted.

    Should the node come back, the first thing that its kubelet does is to remove them. A driver's volume on the disk of
    a node goes with the node.
    """
    machine = state.get("machines", mark.node)
    if mark.is_local:
        return machine is None or machine.destroyed
    if mark.source != "emptyDir" or machine is None or machine.powered:
        return False
    pod: Pod | None = state.pods.get(mark.key)
    return pod is None or pod.metadata.uid != mark.uid or pod.metadata.deletion_timestamp is not None


def is_found(state: State, mark: Mark, pods: list[Living]) -> bool:
    """Whether a pod of the workload that serves now reads the mark where it was written."""
    return any(each.workload == mark.workload and _reads(state, mark, each) for each in pods if each.serves)


def _reads(state: State, mark: Mark, each: Living) -> bool:
    if mark.pod and each.key != mark.pod:
        return False
    work = work_on(state, each.key, each.uid)
    if work is None:
        return False
    spec = next((spec for spec in running_containers(work.pod) if spec.name == mark.container), None)
    try:
        return spec is not None and open_process(work, spec, ()).files.read(mark.path) == mark.data
    except (FileError, ConfigError, MountError):
        return False
