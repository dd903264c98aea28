"""What a person does inside containers and on nodes: exec, files, the host's disk.

These are actions on the data plane, outside the API server's objects: they need the node to have power and, for exec,
to be connected to the control plane.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from volsim.apiserver.requests import carry_out
from volsim.control.kubelet import containers
from volsim.control.kubelet.configuration import MountError
from volsim.control.kubelet.containers import ConfigError, keep_files, open_process
from volsim.control.kubelet.mirrors import runtime_uid
from volsim.control.kubelet.pods import work_on
from volsim.control.kubelet.volumes import Place, volume_directory
from volsim.control.kubelet.work import MEMORY, PodWork, added_containers
from volsim.errors import FileError, NotFound, OutOfMemory, Unreachable, VolsimError, did_you_mean
from volsim.objects import Container, Pod
from volsim.programs.images import command, image_for
from volsim.programs.process import Process
from volsim.state import Draft, View
from volsim.state.runtime import Machine, Sandbox
from volsim.storage import tree
from volsim.storage.mounts import MountedFiles
from volsim.storage.sources import source_of

__all__ = [
    "ExecResult",
    "Run",
    "exit_containers",
    "files_of",
    "host_files",
    "lose_sandbox",
    "words",
    "write_file",
    "write_host_file",
]


class ExecResult(NamedTuple):
    """What a command left: its output as text, and its exit code.

    >>> ExecResult("hello\\n", "", 0).exit_code
    0
    """

    stdout: str
    stderr: str
    exit_code: int


def words(line: str | Sequence[str]) -> tuple[str, ...]:
    """A command as words; a text is split as a shell splits it.

    >>> words("cat '/a b'")
    ('cat', '/a b')
    """
    if not isinstance(line, str):
        return tuple(line)
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        raise VolsimError(f"{line!r} cannot be split into words: {error}; give a list of words instead") from None


def _work(view: View, pod: Pod) -> PodWork:
    """The pod in its kubelet's hands. Raises `VolsimError` or `Unreachable` if nobody can be asked."""
    node = pod.spec.node_name
    if not node:
        raise VolsimError(f"pod {pod.metadata.name} does not have a host assigned")
    machine: Machine | None = view.get("machines", node)
    if machine is None or not machine.answers:
        raise Unreachable(f"error dialing backend: node {node} {_silence(machine)}")
    return _known_work(view, pod)


def _silence(machine: Machine | None) -> str:
    """Why a node does not answer."""
    if machine is None:
        return "does not exist"
    if not machine.powered:
        return "is off"
    return "is cut off" if machine.kubelet else "has no kubelet that runs"


def _known_work(view: View, pod: Pod) -> PodWork:
    work = work_on(view, pod.key, pod.metadata.uid or "")
    if work is None:
        raise Unreachable(f"the kubelet of node {pod.spec.node_name} does not know pod {pod.key}")
    return work


def _spec(pod: Pod, container: str | None) -> Container:
    """The container that is meant: the one named, the annotated default, or the first."""
    specs = (*pod.spec.containers, *pod.spec.init_containers, *added_containers(pod))
    name = container or pod.metadata.annotations.get("kubectl.kubernetes.io/default-container")
    if name is None:
        return pod.spec.containers[0]
    for spec in specs:
        if spec.name == name:
            return spec
    raise NotFound(
        f"container {name} is not valid for pod {pod.metadata.name}; "
        f"{did_you_mean(name, [spec.name or '' for spec in specs])}"
    )


def _running(view: View, pod: Pod, container: str | None) -> tuple[PodWork, Container]:
    spec = _spec(pod, container)
    work = _work(view, pod)
    if not work.row(spec.name or "").running or work.sandbox is None or work.sandbox.boot != work.machine.boot:
        raise VolsimError(f'unable to upgrade connection: container not found ("{spec.name}"): it does not run')
    return work, spec


def _process(work: PodWork, spec: Container, argv: tuple[str, ...], stdin: bytes, tty: bool) -> Process:
    try:
        return open_process(work, spec, argv, stdin=stdin, tty=tty)
    except (ConfigError, MountError) as error:
        raise VolsimError(str(error)) from None


class Run:
    """One exec: started by the first `go_on`, resumed by the next ones while it sleeps."""

    def __init__(self, pod: Pod, container: str | None, argv: tuple[str, ...], stdin: bytes, tty: bool) -> None:
        if not argv:
            raise VolsimError("you must specify at least one command for the container")
        self.pod, self.container, self.argv, self.stdin, self.tty = pod, container, argv, stdin, tty
        self.wake_us: int | None = None
        self._memory: Any = None
        self._started = False
        self._out, self._err = b"", b""
        self._code: int | None = None

    @property
    def result(self) -> ExecResult:
        """Output and exit code so far."""
        code = 0 if self._code is None else self._code
        return ExecResult(self._out.decode(errors="replace"), self._err.decode(errors="replace"), code)

    def go_on(self, draft: Draft) -> bool:
        """Run until the command ends or sleeps; whether it has ended."""
        current = draft.pods.get(self.pod.key)
        if self._started and (current is None or current.metadata.uid != self.pod.metadata.uid):
            self._code = containers.KILLED
            return True
        work, spec = _running(draft, current or self.pod, self.container)
        program = command(image_for(spec.image or ""), self.argv)
        if program is None:
            self._err += f'exec: "{self.argv[0]}": executable file not found in $PATH\n'.encode()
            self._code = 127
            return True
        process = _process(work, spec, self.argv, self.stdin, self.tty)
        started, memory = self._started, self._memory
        pause = containers.let(process, lambda: program.resume(memory, process) if started else program.start(process))
        assert pause is not None, "only signals are ignored"
        self._started = True
        containers.keep_after(work, spec, process)
        for write in work.outcome(None).writes:
            carry_out(draft, write)
        if self.tty:  # a terminal has one screen
            self._out += b"".join(data for _, data in process.output)
        else:
            self._out, self._err = self._out + process.stdout, self._err + process.stderr
        self._memory, self._code = pause.memory, pause.exit_code
        self.wake_us = None if pause.wake_after_us is None else draft.now_us + pause.wake_after_us
        return pause.exit_code is not None


def files_of(view: View, pod: Pod, container: str | None) -> MountedFiles:
    """The files as a process of the container sees them."""
    work, spec = _running(view, pod, container)
    return _process(work, spec, (), b"", False).files


def write_file(draft: Draft, pod: Pod, container: str | None, path: str, data: bytes) -> None:
    """Write a file as a process of the container would."""
    work, spec = _running(draft, pod, container)
    process = _process(work, spec, (), b"", False)
    try:
        process.files.write(path, data)
    except OutOfMemory:
        raise FileError.of("ENOMEM", path) from None
    keep_files(work, spec.name or "", process)
    for write in work.outcome(None).writes:
        carry_out(draft, write)


def exit_containers(draft: Draft, pod: Pod, container: str | None, code: int) -> None:
    """End the processes of one container, or of all app containers that run, whoever hears of it.

    Raises `VolsimError` if the one that is named does not run; if none is named and none runs, nothing happens.
    """
    specs = [_spec(pod, container)] if container else list(pod.spec.containers)
    if container is None and not any(_runs(draft, pod, spec) for spec in specs):
        return
    work = _known_work(draft, pod)
    running = [spec for spec in specs if work.row(spec.name or "").running]
    if not running:
        raise VolsimError(f"container {container} of pod {pod.key} does not run, so it cannot exit")
    for spec in running:
        containers.end(work, spec.name or "", code)
    for write in work.outcome(None).writes:
        carry_out(draft, write)


def lose_sandbox(draft: Draft, pod: Pod) -> None:
    """Kill the process that holds the pod's namespaces, and all its containers with it, whoever hears of it."""
    work = _known_work(draft, pod)
    if work.sandbox is None:
        raise VolsimError(f"nothing of pod {pod.key} runs yet")
    for spec in work.specs:
        containers.kill(work, spec)
    work.sandbox = work.sandbox.replace(lost=True)
    for write in work.outcome(None).writes:
        carry_out(draft, write)


def _runs(view: View, pod: Pod, spec: Container) -> bool:
    row = view.get("containers", f"{runtime_uid(pod)}/{spec.name}")
    return row is not None and row.running


def write_host_file(draft: Draft, node: str, path: str, data: bytes | None) -> None:
    """Write a file on a node's disk, with its directories, as root on the node would; None: remove it."""
    machine = _powered(draft, node)
    if data is None:
        disk = tree.remove(machine.disk, path)
    else:
        disk = tree.mkdir(machine.disk, path.rpartition("/")[0] or "/", parents=True)
        disk = tree.write(disk, path, data, mtime_us=draft.now_us)
    draft.put("machines", node, machine.replace(disk=disk))


def _powered(view: View, node: str) -> Machine:
    machine: Machine | None = view.get("machines", node)
    if machine is None:
        raise NotFound(f"no node named {node!r}; {did_you_mean(node, view.table('machines'))}")
    if not machine.powered:
        raise Unreachable(f"node {node} is off: nobody can reach its disk")
    return machine


def host_files(view: View, node: str) -> Mapping[str, bytes]:
    """All files of a node by path. Memory-backed volumes are seen where they are mounted."""
    machine = _powered(view, node)
    root = machine.disk
    for uid in view.group("sandboxes_by_node", node):
        sandbox: Sandbox = view.get("sandboxes", uid)
        if sandbox.boot != machine.boot:
            continue
        for volume in sandbox.pod.spec.volumes:
            place: Place | None = sandbox.mounted.get(volume.name or "")
            if place is not None and place.kind == MEMORY:
                path = volume_directory(uid, source_of(volume)[0] or "", volume.name or "")
                content = sandbox.memory.get(place.name)
                if content is not None:
                    root = tree.put(tree.mkdir(root, path.rpartition("/")[0], parents=True), path, content)
    return {path: file.data for path, file in tree.walk(root) if isinstance(file, tree.File)}
