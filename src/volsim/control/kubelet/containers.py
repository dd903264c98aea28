"""Kubelet: a container's process, from its start to its end.

Modelled: environment, command and arguments, mounts, a new writable layer at every start, exit codes, programs that
cannot be started, restart policies, crash back-off with its reset, commands beside the first process.
Not modelled: what a container shares with others besides volumes.
Source: kubelet, pkg/kubelet/kuberuntime/kuberuntime_{manager,container}.go; client-go, util/flowcontrol/backoff.go.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from volsim.control.kubelet import eviction
from volsim.control.kubelet.configuration import MountError, field_value, resource_value
from volsim.control.kubelet.container_mounts import bind, bound_mounts, root_mount
from volsim.control.kubelet.limits import credentials, is_in_memory, limit_of, memory_left
from volsim.control.kubelet.work import PodWork
from volsim.errors import FileError, OutOfMemory
from volsim.objects import Container as ContainerSpec
from volsim.objects._record import FrozenDict
from volsim.programs.images import Image, answering, command, image_for
from volsim.programs.process import Pause, Process, Program
from volsim.rules import microseconds
from volsim.state.runtime import Container, Ended
from volsim.storage.mounts import MountedFiles

__all__ = [
    "ConfigError",
    "answer",
    "end",
    "execute",
    "go_on",
    "kill",
    "last_run",
    "may_answer",
    "may_restart",
    "open_process",
    "restart_at",
    "signal",
    "start",
]

LOG_LIMIT = 10 * 1024 * 1024  # containerLogMaxSize: what a log keeps
KILLED = 137  # 128 + SIGKILL


class ConfigError(Exception):
    """A container cannot be made from what the pod says: `CreateContainerConfigError`."""


# -- environment -------------------------------------------------------------------------------------------------------
_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")


def expand(text: str, env: dict[str, str]) -> str:
    """``$(NAME)`` replaced by its value; ``$$`` is a dollar, and an unknown name stays as it is.

    >>> expand("$(HOST):$(PORT) $$(HOST)", {"HOST": "db"})
    'db:$(PORT) $(HOST)'
    """

    def value(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return env.get(match[2], match[0])

    return _REFERENCE.sub(value, text)


def environment(work: PodWork, spec: ContainerSpec, image: Image) -> dict[str, str]:
    """The environment of a container's process. Raises `ConfigError` for what it refers to and is not there."""
    env = {**image.env, "HOSTNAME": work.pod.spec.hostname or work.pod.metadata.name or ""}
    for source in spec.env_from:
        for ref, table in ((source.config_map_ref, "configmaps"), (source.secret_ref, "secrets")):
            if ref is not None:
                for key, value in _data(work, table, ref.name or "", bool(ref.optional)).items():
                    env[(source.prefix or "") + key] = value
    for each in spec.env:
        if each.value_from is None:
            env[each.name or ""] = expand(each.value or "", env)
        else:
            found = _value(work, each.value_from, spec.name)
            if found is not None:
                env[each.name or ""] = found
    return env


def _value(work: PodWork, source: Any, container: str | None) -> str | None:
    if source.resource_field_ref is not None:
        return resource_value(work.view, work.pod, source.resource_field_ref, container)
    if source.field_ref is not None:
        address = work.sandbox.address if work.sandbox is not None else ""
        return field_value(work.pod, source.field_ref.field_path, address=address)
    for ref, table, kind in (
        (source.config_map_key_ref, "configmaps", "ConfigMap"),
        (source.secret_key_ref, "secrets", "Secret"),
    ):
        if ref is not None:
            data = _data(work, table, ref.name or "", bool(ref.optional))
            if ref.key not in data and not ref.optional:
                raise ConfigError(f"couldn't find key {ref.key} in {kind} {work.pod.metadata.namespace}/{ref.name}")
            return data.get(ref.key)
    return None


def _data(work: PodWork, table: str, name: str, optional: bool) -> dict[str, str]:
    found = work.view.get(table, f"{work.pod.metadata.namespace}/{name}")
    if found is None:
        if optional:
            return {}
        raise ConfigError(f'{table.removesuffix("s")} "{name}" not found')
    if table == "configmaps":
        return dict(found.data)
    return {**{key: b64decode(value).decode() for key, value in found.data.items()}, **found.string_data}


# -- processes ---------------------------------------------------------------------------------------------------------
def open_process(
    work: PodWork,
    spec: ContainerSpec,
    argv: tuple[str, ...],
    *,
    stdin: bytes = b"",
    tty: bool = False,
    pid1: bool = False,
) -> Process:
    """A process in the container's mounts and environment. Raises `ConfigError` and `MountError`."""
    env = dict(work.row(spec.name or "").env)
    files = MountedFiles(
        [root_mount(spec), *bound_mounts(work, spec)],
        work.fetch,
        lambda backing: limit_of(work, backing),
        now_us=work.now_us,
        who=credentials(work.pod, spec),
        paged=is_in_memory,
        memory=memory_left(work, spec),
    )
    return Process(
        argv=argv,
        env=env,
        files=files,
        now_us=work.now_us,
        stdin=stdin,
        hostname=env["HOSTNAME"],
        tty=tty,
        pid1=pid1,
        cwd=spec.working_dir or "/",
        stdin_open=pid1 and bool(spec.tty or spec.stdin),
    )


def _expand_strictly(text: str, env: dict[str, str]) -> str:
    for match in _REFERENCE.finditer(text):
        if match[1] != "$" and not env.get(match[2]):
            raise ConfigError(f"missing value for {match[2]}")
    return expand(text, env)


def keep_files(work: PodWork, name: str, process: Process) -> None:
    """Note what a process of a container has written."""
    for backing, root in process.files.changed().items():
        work.store(backing, root)
        eviction.note_writing(work, backing)
    row = work.row(name)
    if process.files.charged != row.charged:
        work.set_row(name, row.replace(charged=process.files.charged))


def let(process: Process, act: Callable[[], Pause | None]) -> Pause | None:
    """Let a program act until it pauses, or is killed for want of memory."""
    try:
        return act()
    except OutOfMemory as error:
        process.starved = error
        return Pause.exited(KILLED)


def execute(
    work: PodWork, spec: ContainerSpec, argv: tuple[str, ...], memory: Any, *, first: bool
) -> tuple[Process, Pause]:
    """Run a command beside the first process of a running container, or let it go on; until it ends or pauses.

    Raises `ConfigError` and `MountError`.
    """
    process = open_process(work, spec, argv)
    program = _program(image_for(spec.image or ""), argv)
    if program is None:
        process.complain(f'exec: "{argv[0]}": executable file not found in $PATH')
        return process, Pause.exited(127)
    pause = let(process, lambda: program.start(process) if first else program.resume(memory, process))
    assert pause is not None, "only signals are ignored"
    keep_after(work, spec, process)
    return process, pause


def keep_after(work: PodWork, spec: ContainerSpec, process: Process) -> None:
    """Note what a process beside the first one has done: to files, and to the first process."""
    name = spec.name or ""
    keep_files(work, name, process)
    if process.starved is not None and process.starved.whole and work.row(name).running:
        end(work, name, KILLED, "OOMKilled")
    for number, signal_name in process.sent:
        if number == 1:  # ``kill 1``: the container's own process
            signal(work, spec, signal_name)


def may_answer(spec: ContainerSpec) -> bool:
    """Whether the container's program answers probes over the network by itself."""
    return answering(image_for(spec.image or "")) is not None


def answer(work: PodWork, spec: ContainerSpec, kind: str) -> str | None:
    """What the container's program says is wrong when it is probed over the network; None if all is well."""
    image = image_for(spec.image or "")
    asked = answering(image)
    if asked is None:
        return None
    process = open_process(work, spec, _argv(work, spec, image), pid1=True)
    wrong = asked(process, work.row(spec.name or "").memory, kind)
    keep_files(work, spec.name or "", process)
    return wrong


def _program(image: Image, argv: tuple[str, ...], process: Process | None = None) -> Program | None:
    """What the container runs; None if there is no such program. Raises `FileError` for a mere file."""
    return command(image, argv, process) if argv else None


def start(work: PodWork, spec: ContainerSpec) -> None:
    """Make the container's layer anew and start its process."""
    name = spec.name or ""
    row = work.row(name)
    image = image_for(spec.image or "")
    work.set_row(name, _fresh(work, name, image))
    try:
        process, argv = _prepared(work, spec, image)
    except (ConfigError, MountError) as error:
        reason = error.reason if isinstance(error, MountError) else "CreateContainerConfigError"
        if reason == "RunContainerError":
            _cannot_start(work, name, str(error))
            return
        work.set_row(name, row.replace(running=False, waiting=reason, waiting_message=str(error)))
        if row.waiting != reason:
            work.event("Warning", "Failed", f"Error: {error}")
        work.wake_at(work.now_us + microseconds(work.rules.crash_loop_backoff_initial), background=True)
        return
    terse = work.rules.terse_container_events
    work.event("Normal", "Created", "Container created" if terse else f"Created container {name}")
    try:
        program = _program(image, argv, process)
        why = None if program is not None else _not_found(argv)
    except FileError as error:
        program, why = None, f'exec: "{argv[0]}": {(error.strerror or "").lower()}'
    if program is None:
        _cannot_start(work, name, why or "")
        return
    work.event("Normal", "Started", "Container started" if terse else f"Started container {name}")
    work.notes.append(f"start container {name}")
    take(work, name, process, let(process, lambda: program.start(process)))
    _note_pause(work, spec)


def _fresh(work: PodWork, name: str, image: Image) -> Container:
    """The row of a container that is started now."""
    row = work.row(name)
    first = row.started_us is None
    restarts = row.restarts if first else row.restarts + 1
    return Container(
        boot=work.machine.boot,
        attempt=work.sandbox.attempt if work.sandbox is not None else 0,
        running=True,
        restarts=restarts,
        started_us=work.now_us,
        layer=image.files,
        last=None if first else last_run(row),
        previous_log=row.log,
        backoff_us=row.backoff_us,
        backoff_since_us=row.backoff_since_us,
        container_id=_container_id(work.uid, name, restarts),
    )


def _not_found(argv: tuple[str, ...]) -> str:
    """What the runtime says of a program that is not there."""
    if not argv:
        return "no command specified"
    if "/" in argv[0]:
        return f'exec: "{argv[0]}": stat {argv[0]}: no such file or directory'
    return f'exec: "{argv[0]}": executable file not found in $PATH'


_CONTAINERD = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: {}: unknown"
)
_DOCKER = (
    'failed to start container "{}": Error response from daemon: OCI runtime create failed: container_linux.go:345: '
    "starting container process caused {}: unknown"
)


def _cannot_start(work: PodWork, name: str, why: str) -> None:
    """The runtime has made the container, and cannot start its process."""
    docker = work.rules.nodes_run_docker
    message = _DOCKER.format(name, json.dumps(why)) if docker else _CONTAINERD.format(why)
    work.event("Warning", "Failed", f"Error: {message}")
    row = work.row(name).replace(
        running=False,
        exit_code=127 if docker else 128,
        reason="ContainerCannotRun" if docker else "StartError",
        message=message,
        finished_us=work.now_us,
        waiting="RunContainerError",
        waiting_message=message,
    )
    work.set_row(name, row)
    work.notes.append(f"cannot start container {name}")


def _prepared(work: PodWork, spec: ContainerSpec, image: Image) -> tuple[Process, tuple[str, ...]]:
    """The first process of a container that is about to start, its environment and mounts noted for all others."""
    name = spec.name or ""
    env = environment(work, spec, image)
    mounts = bind(work, spec, lambda text: _expand_strictly(text, env))
    work.set_row(name, work.row(name).replace(env=FrozenDict(env), mounts=mounts))
    argv = _argv(work, spec, image)
    return open_process(work, spec, argv, tty=bool(spec.tty), pid1=True), argv


def _argv(work: PodWork, spec: ContainerSpec, image: Image) -> tuple[str, ...]:
    """What is run: the pod's command or the image's entrypoint, then the pod's arguments or the image's."""
    env = dict(work.row(spec.name or "").env)
    if spec.command:
        argv = (*spec.command, *spec.args)
    else:
        argv = (*image.entrypoint, *(spec.args or image.arguments))
    return tuple(expand(word, env) for word in argv)


def _container_id(uid: str, name: str, attempt: int) -> str:
    return "containerd://" + blake2b(f"{uid}/{name}/{attempt}".encode(), digest_size=32).hexdigest()


def last_run(row: Container) -> Ended | None:
    """How the last run of a container ended that has ended."""
    if row.finished_us is None:
        return row.last
    return Ended(
        exit_code=row.exit_code or 0,
        started_us=row.started_us or 0,
        finished_us=row.finished_us,
        reason=row.reason,
        message=row.message,
    )


def take(work: PodWork, name: str, process: Process, pause: Pause | None) -> None:
    """Note what a run of the container's program did: files, output, and how it ended for now."""
    assert pause is not None, "only signals are ignored"
    keep_files(work, name, process)
    row = work.row(name)
    row = row.replace(log=(row.log + b"".join(data for _, data in process.output))[-LOG_LIMIT:])
    if pause.exit_code is not None:
        work.set_row(name, row)
        starved = process.starved is not None and pause.exit_code == KILLED
        end(work, name, pause.exit_code, "OOMKilled" if starved else "")
        return
    wake_us = None if pause.wake_after_us is None else work.now_us + pause.wake_after_us
    work.set_row(name, row.replace(memory=pause.memory, wake_us=wake_us))


def end(work: PodWork, name: str, code: int, reason: str = "") -> None:
    """The container's process has ended."""
    row = work.row(name)
    reason = reason or ("Completed" if code == 0 else "Error")
    work.set_row(
        name,
        row.replace(running=False, exit_code=code, reason=reason, finished_us=work.now_us, memory=None, wake_us=None),
    )
    work.notes.append(f"container {name} exits {code}")


def go_on(work: PodWork, spec: ContainerSpec) -> None:
    """Let a container whose pause is over go on."""
    name = spec.name or ""
    row = work.row(name)
    if not row.running or row.wake_us is None:
        return
    if row.wake_us > work.now_us:
        work.wake_at(row.wake_us, background=_endless(work, spec))
        return
    image = image_for(spec.image or "")
    argv = _argv(work, spec, image)
    program = _program(image, argv)
    assert program is not None, "it was started"
    process = open_process(work, spec, argv, tty=bool(spec.tty), pid1=True)
    work.set_row(name, row.replace(wake_us=None))
    take(work, name, process, let(process, lambda: program.resume(row.memory, process)))
    _note_pause(work, spec)


def _note_pause(work: PodWork, spec: ContainerSpec) -> None:
    """Look at the pod again when the container's pause is over."""
    row = work.row(spec.name or "")
    if row.running:
        work.wake_at(row.wake_us, background=_endless(work, spec))


def _endless(work: PodWork, spec: ContainerSpec) -> bool:
    """Whether the end of this container changes nothing for good: it is restarted whatever happens."""
    return (work.pod.spec.restart_policy or "Always") == "Always" and spec in work.pod.spec.containers


def signal(work: PodWork, spec: ContainerSpec, signal_name: str) -> None:
    """Send a signal to a running container's first process; dropped without a handler, as is KILL from inside."""
    name = spec.name or ""
    row = work.row(name)
    image = image_for(spec.image or "")
    argv = _argv(work, spec, image)
    program = _program(image, argv)
    if program is None or not row.running or signal_name == "KILL":
        return
    process = open_process(work, spec, argv, tty=bool(spec.tty), pid1=True)
    process.remaining_us = None if row.wake_us is None else row.wake_us - work.now_us
    pause = let(process, lambda: program.signal(row.memory, process, signal_name))
    if pause is not None:
        take(work, name, process, pause)


def kill(work: PodWork, spec: ContainerSpec) -> None:
    """Send KILL to a running container."""
    if work.row(spec.name or "").running:
        end(work, spec.name or "", KILLED)


# -- restarts ----------------------------------------------------------------------------------------------------------
def may_restart(work: PodWork, spec: ContainerSpec) -> bool:
    """Whether a container that has ended is to be started again."""
    policy = spec.restart_policy or work.pod.spec.restart_policy or "Always"
    row = work.row(spec.name or "")
    if policy == "Always" and spec in work.pod.spec.init_containers and spec.restart_policy is None:
        policy = "OnFailure"  # an init container that has done its work is done
    return policy == "Always" or (policy == "OnFailure" and row.exit_code != 0)


def restart_at(work: PodWork, name: str) -> int:
    """When a container that has ended may be started again; raises its back-off if that is now.

    The first restart is at once, the next after 10 s, 20 s … up to 5 min; ten minutes without a restart forget it.
    """
    row = work.row(name)
    finished = row.finished_us or 0
    first = microseconds(work.rules.crash_loop_backoff_initial)
    most = microseconds(work.rules.crash_loop_backoff_max)
    known = row.backoff_since_us is not None and finished - row.backoff_since_us <= 2 * most
    if known and work.now_us < finished + row.backoff_us:
        return finished + row.backoff_us
    known = row.backoff_since_us is not None and work.now_us - row.backoff_since_us <= 2 * most
    backoff = min(2 * row.backoff_us, most) if known else first
    work.set_row(name, row.replace(backoff_us=backoff, backoff_since_us=work.now_us, waiting="", waiting_message=""))
    return work.now_us
