"""What a kubelet holds in its hands while it works on one pod: a private copy of everything that may change.

Nothing here is written until `PodWork.outcome` turns it into writes, so that a sync stays a pure function.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import attrs

from volsim.apiserver.writes import Delete, Put, UpdateStatus, Write
from volsim.control.contract import EventNote, Outcome
from volsim.control.kubelet.mirrors import is_static
from volsim.errors import FileError
from volsim.objects import Container as ContainerSpec
from volsim.objects import Pod
from volsim.objects._record import FrozenDict
from volsim.state import View
from volsim.state.runtime import Container, Machine, Sandbox
from volsim.storage import tree
from volsim.storage.backends import Backend
from volsim.storage.tree import Directory, Special

__all__ = [
    "ATTACHED",
    "BACKEND",
    "DEVICE",
    "DISK",
    "HELD",
    "LAYER",
    "MEMORY",
    "OTHERS",
    "RAW",
    "RAW_ATTACHED",
    "PodWork",
    "added_containers",
]

DISK, MEMORY, BACKEND, ATTACHED, LAYER = "disk", "memory", "backend", "attached", "layer"
"""The first half of a backing's name: the node's disk, the pod's memory, a backend, a backend that only those nodes can
reach to which it is attached, a container's own layer."""
HELD, DEVICE, RAW, RAW_ATTACHED, OTHERS = "held", "device", "raw", "raw-attached", "others"
"""Likewise: a file that a container has mounted (`container|mount point`), the file system on a block device of the
node, the device of a backend, of one that only those nodes can reach to which it is attached, the memory of another pod
(`uid|volume`)."""


def added_containers(pod: Pod) -> tuple[ContainerSpec, ...]:
    """The ephemeral containers of a pod as the kubelet runs them: like others, but never again.

    >>> from volsim.objects import EphemeralContainer, PodSpec
    >>> pod = Pod(spec=PodSpec(ephemeral_containers=(EphemeralContainer(name="look", image="busybox"),)))
    >>> [(each.name, each.restart_policy) for each in added_containers(pod)]
    [('look', 'Never')]
    """
    return tuple(
        ContainerSpec(
            name=each.name,
            args=each.args,
            command=each.command,
            env=each.env,
            env_from=each.env_from,
            image=each.image,
            image_pull_policy=each.image_pull_policy,
            restart_policy="Never",
            security_context=each.security_context,
            stdin=each.stdin,
            stdin_once=each.stdin_once,
            tty=each.tty,
            volume_devices=each.volume_devices,
            volume_mounts=each.volume_mounts,
            working_dir=each.working_dir,
        )
        for each in pod.spec.ephemeral_containers
    )


class PodWork:
    """One pod on one machine, being worked on."""

    def __init__(self, view: View, node: str, machine: Machine, pod: Pod, sandbox: Sandbox | None, *, gone: bool):
        self.view, self.node, self.machine, self.pod = view, node, machine, pod
        self.gone = gone
        """The API object is not there any more (it was deleted by force)."""
        self.uid = pod.metadata.uid or ""
        self.rules, self.now_us = view.rules, view.now_us
        self._sandbox_before = sandbox
        self._machine_before = machine
        self.sandbox: Sandbox | None = sandbox
        self._containers: dict[str, Container] = {}
        self._trees: dict[Hashable, Directory] = {}
        self.events: list[EventNote] = []
        self.notes: list[str] = []
        self._wake_us: int | None = None
        self._wake_background = True
        self.remove = False
        """Everything is stopped and torn down: the API object may go."""
        self.rejected: tuple[str, str] | None = None
        """Why the kubelet will not run the pod: reason and message."""

    # -- containers ---------------------------------------------------------------------------------------------------
    @property
    def specs(self) -> tuple[ContainerSpec, ...]:
        """The pod's init and app containers, in the order in which they start, and what was added to look into it."""
        spec = self.pod.spec
        added = added_containers(self.pod) if spec.ephemeral_containers else ()
        return (*spec.init_containers, *spec.containers, *added)

    def row(self, name: str) -> Container:
        """The container as it is now; a fresh one if it never started."""
        found = self._containers.get(name)
        if found is None:
            found = self.view.get("containers", f"{self.uid}/{name}") or Container()
        return found

    def set_row(self, name: str, row: Container) -> None:
        """Note how a container is now."""
        self._containers[name] = row

    @property
    def knows_nothing(self) -> bool:
        """Whether nothing of the pod was there when the work began."""
        return self._sandbox_before is None

    @property
    def grace_us(self) -> int:
        """How long the pod's containers may take to end, by its spec."""
        seconds = self.pod.spec.termination_grace_period_seconds
        return (30 if seconds is None else seconds) * 1_000_000

    @property
    def known_pod(self) -> Pod | None:
        """The pod as the kubelet knew it before this look; None if it is new to it."""
        return self._sandbox_before.pod if self._sandbox_before is not None else None

    # -- bytes --------------------------------------------------------------------------------------------------------
    def fetch(self, backing: Any) -> Directory:
        """The root of what a backing holds. `FileError` EIO if it does not answer."""
        found = self._trees.get(backing)
        if found is not None:
            return found
        kind, name = backing
        if kind == DISK:
            return self.machine.disk
        if kind == MEMORY:
            assert self.sandbox is not None
            return self.sandbox.memory.get(name) or Directory()
        if kind == LAYER:
            return self.row(name).layer
        if kind == HELD:
            container, _, point = name.partition("|")
            held: Directory = self.row(container).held[point]
            return held
        if kind == DEVICE:
            return self._device(name).files or Directory()
        if kind == OTHERS:
            uid, _, volume = name.partition("|")
            other: Sandbox | None = self.view.get("sandboxes", uid)
            return other.memory.get(volume) or Directory() if other is not None else Directory()
        return self._of_backend(kind, name)

    def _device(self, path: str) -> Special:
        """A block device of the node. `FileError` EIO if it is not there any more."""
        found = tree.lookup(self.disk, path)
        if not isinstance(found, Special):
            raise FileError.of("EIO", path)
        return found

    def _of_backend(self, kind: str, name: str) -> Directory:
        exclusive, raw = kind in (ATTACHED, RAW_ATTACHED), kind in (RAW, RAW_ATTACHED)
        backend: Backend | None = self.view.get("backends", name)
        if backend is None:
            if exclusive:  # the disk was deleted
                raise FileError.of("EIO", name)
            backend = Backend(name=name)
        if not backend.reachable or (exclusive and self.node not in backend.attached_to):
            raise FileError.of("EIO", name)
        entries: dict[str, Any] = {"device": backend.device}
        return Directory(entries=FrozenDict(entries)) if raw else backend.root

    def store(self, backing: Any, root: Directory) -> None:
        """Note what a backing holds now."""
        if backing[0] == DEVICE:
            self.disk = tree.put(self.disk, backing[1], attrs.evolve(self._device(backing[1]), files=root))
        else:
            self._trees[backing] = root

    @property
    def disk(self) -> Directory:
        """The node's disk as it is now."""
        return self.fetch((DISK, self.node))

    @disk.setter
    def disk(self, root: Directory) -> None:
        self.store((DISK, self.node), root)

    # -- what comes of it ---------------------------------------------------------------------------------------------
    def event(self, type_: str, reason: str, message: str) -> None:
        """Record an event about the pod."""
        self.events.append(EventNote(type_, reason, message, self.pod, host=self.node))

    def wake_at(self, time_us: int | None, *, background: bool) -> None:
        """Look at the pod again at `time_us`, or earlier if somebody else wants that."""
        if time_us is None:
            return
        if self._wake_us is None or time_us < self._wake_us:
            self._wake_us = time_us
        self._wake_background = self._wake_background and background

    def outcome(self, status: Any) -> Outcome:
        """All that was done, as writes; `status` is the pod's new status, or None if nobody can be told."""
        writes: list[Write] = []
        for backing, root in self._trees.items():
            write = self._keep_tree(backing, root)
            if write is not None:
                writes.append(write)
        if self.machine is not self._machine_before:
            writes.append(Put("machines", self.node, self.machine))
        for name, row in self._containers.items():
            key = f"{self.uid}/{name}"
            if row != self.view.get("containers", key):
                writes.append(Put("containers", key, row))
        if self.sandbox is not self._sandbox_before:
            writes.append(Put("sandboxes", self.uid, self.sandbox))
        if self.sandbox is None:
            writes = [write for write in writes if not (isinstance(write, Put) and write.table == "containers")]
            writes += [
                Put("containers", f"{self.uid}/{spec.name}", None)
                for spec in self.specs
                if self.view.get("containers", f"{self.uid}/{spec.name}") is not None
            ]
        if status is not None and status != self.pod.status:
            writes.append(UpdateStatus(self.pod.replace(status=status)))
        if self.remove and not self.gone and self.machine.hears and not is_static(self.pod):
            writes.append(Delete("pods", self.pod.key, uid=self.uid, grace_seconds=0))
        after = None if self._wake_us is None else max(self._wake_us - self.now_us, 0)
        if not writes and not self.events and after is None:
            return Outcome()
        says = f"pod {self.pod.key} on {self.node}: {', '.join(self.notes) or 'look'}"
        return Outcome(tuple(writes), tuple(self.events), after, self._wake_background, says)

    def _keep_tree(self, backing: Any, root: Directory) -> Put | None:
        """Put a changed tree where it belongs; the write of a row that nothing else here changes."""
        kind, name = backing
        if kind == DISK:
            if root is not self.machine.disk:
                self.machine = self.machine.replace(disk=root)
            return None
        if kind == MEMORY:
            if self.sandbox is not None and name in self.sandbox.mounted:
                memory = type(self.sandbox.memory)({**self.sandbox.memory, name: root})
                self.sandbox = self.sandbox.replace(memory=memory)
            return None
        if kind == LAYER:
            row = self.row(name)
            if row.layer is not root:
                self.set_row(name, row.replace(layer=root))
            return None
        if kind == HELD:
            container, _, point = name.partition("|")
            row = self.row(container)
            self.set_row(container, row.replace(held=FrozenDict({**row.held, point: root})))
            return None
        if kind == OTHERS:
            uid, _, volume = name.partition("|")
            other: Sandbox | None = self.view.get("sandboxes", uid)
            if other is None:
                return None
            memory = FrozenDict({**other.memory, volume: root})
            return Put("sandboxes", uid, other.replace(memory=memory))
        backend = self.view.get("backends", name) or Backend(name=name)
        if kind in (RAW, RAW_ATTACHED):
            return Put("backends", name, backend.replace(device=root.entries["device"]))
        return None if backend.root is root else Put("backends", name, backend.replace(root=root))
