"""`kubectl exec` and `kubectl logs`.

Source: kubectl, pkg/cmd/exec/exec.go, pkg/cmd/logs/logs.go, pkg/cmd/util/podcmd, pkg/polymorphichelpers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from volsim.control.kubelet.mirrors import runtime_uid
from volsim.errors import NotFound, Unreachable, VolsimError
from volsim.objects import Container, LabelSelector, Pod
from volsim.views.arguments import Flag
from volsim.views.commands.command import FILES, SELECTORS, Command, usage_error
from volsim.views.resources import find, kind_called, objects_of
from volsim.views.session import Session, server_error

__all__ = ["EXEC", "LOGS"]

OLD_FORM = (
    "kubectl exec [POD] [COMMAND] is DEPRECATED and will be removed in a future version. "
    "Use kubectl exec [POD] -- [COMMAND] instead."
)
REFUSED_FORM = (
    "Warning: kubectl exec [POD] [COMMAND] is not supported anymore since kubectl 1.31. "
    "Use kubectl exec [POD] -- [COMMAND] instead; volsim runs it all the same."
)
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def _pod_of(session: Session, target: str) -> Any:
    """The pod that ``NAME`` or ``KIND/NAME`` means: of a workload, its first running one."""
    word, slash, name = target.partition("/")
    if not slash:
        return find(session, kind_called(session, "pods"), target)
    kind = kind_called(session, word)
    obj = find(session, kind, name)
    if isinstance(obj, Pod):
        return obj
    pods = pods_of(session, obj)
    if not pods:
        raise VolsimError(f"error: timed out waiting for the condition: {target} has no pods")
    return pods[0]


def pods_of(session: Session, obj: Any) -> list[Pod]:
    """The pods of a workload or service, running and ready ones first."""
    selector = getattr(obj.spec, "selector", None)
    if selector is None:
        raise VolsimError(f"error: cannot attach to {type(obj).__name__}: selector for {obj.kind} not implemented")
    wanted = selector if isinstance(selector, LabelSelector) else LabelSelector(match_labels=selector)
    found = [
        pod
        for pod in session.sim.state.pods.values()
        if pod.metadata.namespace == obj.metadata.namespace and wanted.matches(pod.metadata.labels)
    ]
    return sorted(found, key=lambda pod: (pod.status.phase != "Running", pod.metadata.deletion_timestamp is not None))


def container_names(pod: Pod) -> str:
    """All containers of a pod, as kubectl lists them."""
    return ", ".join(
        [
            *(each.name or "" for each in pod.spec.containers),
            *(f"{each.name} (ephem)" for each in pod.spec.ephemeral_containers),
            *(f"{each.name} (init)" for each in pod.spec.init_containers),
        ]
    )


def _all_containers(pod: Pod) -> list[str]:
    specs: tuple[Any, ...] = (*pod.spec.containers, *pod.spec.init_containers, *pod.spec.ephemeral_containers)
    return [each.name or "" for each in specs]


def _default_container(session: Session, pod: Pod) -> str:
    """The container of a command that names none; says so if there was a choice."""
    annotated = pod.metadata.annotations.get(DEFAULT_CONTAINER) if session.dialect.defaulted_container else None
    if annotated:
        return annotated
    first = pod.spec.containers[0].name or ""
    if session.dialect.defaulted_container:
        if len(_all_containers(pod)) > 1 and not session.flags.get("quiet"):
            session.say(f'Defaulted container "{first}" out of: {container_names(pod)}')
    elif len(pod.spec.containers) > 1:
        session.say(f"Defaulting container name to {first}.")
        session.say(
            f"Use 'kubectl describe pod/{pod.name} -n {pod.metadata.namespace}' "
            "to see all of the containers in this pod."
        )
    return first


def _check_container(session: Session, pod: Pod, name: str, prefix: str) -> None:
    """Raise unless the pod has that container; `prefix` says who would find out in older versions."""
    if name in _all_containers(pod):
        return
    if session.dialect.names_valid_containers:
        raise NotFound(f"error: container {name} is not valid for pod {pod.name} out of: {container_names(pod)}")
    raise NotFound(f"{prefix}: container {name} is not valid for pod {pod.name}")


# -- exec --------------------------------------------------------------------------------------------------------------
def _exec(session: Session) -> None:
    target, command = _command(session)
    pod = _pod_of(session, target)
    if pod.status.phase in ("Succeeded", "Failed"):
        raise VolsimError(
            f"error: cannot exec into a container in a completed pod; current phase is {pod.status.phase}"
        )
    container = session.flags["container"] or _default_container(session, pod)
    _check_container(session, pod, container, "Error from server (BadRequest)")
    stdin = (session.stdin or b"") if session.flags["stdin"] else b""
    try:
        result = session.sim.exec(
            f"pod/{pod.name}",
            command,
            container,
            pod.metadata.namespace or "default",
            stdin=stdin,
            tty=bool(session.flags["tty"]),
        )
    except VolsimError as error:
        raise _exec_error(error) from None
    session.write(result.stdout + result.stderr)
    if result.exit_code:
        if session.printed and not session.printed.endswith("\n"):
            session.write("\n")
        session.failed(VolsimError(f"command terminated with exit code {result.exit_code}"))


def _exec_error(error: VolsimError) -> VolsimError:
    text = str(error)
    if isinstance(error, Unreachable):
        return server_error(error)
    if "does not have a host assigned" in text:
        return VolsimError(f"Error from server (BadRequest): {text}")
    return server_error(error)


def _command(session: Session) -> tuple[str, list[str]]:
    """Which pod, and what to run in it.

    The old form without ``--``, which old tutorials have, is always understood, though kubectl refuses it since 1.31.
    """
    words, dash = session.arguments, session.words.dash
    if session.flags["filename"]:
        raise VolsimError("error: exec -f is not modelled: name the pod")
    target = words[0] if words and dash != 0 else ""
    command = words[1:] if dash is None else words[dash:]
    if dash is None and command:
        if session.dialect.exec_needs_dashes:
            session.say(REFUSED_FORM)
        elif session.dialect.exec_without_dashes_warns:
            session.say(OLD_FORM)
    if not target:
        raise VolsimError("error: pod, type/name or --filename must be specified")
    if not command:
        raise VolsimError("error: you must specify at least one command for the container")
    return target, command


EXEC = Command(
    "exec",
    _exec,
    (
        *FILES[:1],
        Flag("container", "c"),
        Flag("stdin", "i", "switch"),
        Flag("tty", "t", "switch"),
        Flag("quiet", "q", "switch"),
        Flag("pod-running-timeout", kind="duration"),
    ),
    about="Execute a command in a container",
)


# -- logs --------------------------------------------------------------------------------------------------------------
def _logs(session: Session) -> None:
    if session.arguments and session.flags["selector"]:
        raise usage_error(session, "only a selector (-l) or a POD name is allowed")
    if not session.arguments and not session.flags["selector"]:
        raise usage_error(
            session,
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
            "POD or TYPE/NAME is a required argument for the logs command",
        )
    inline = session.arguments[1] if len(session.arguments) > 1 else None
    if inline and session.flags["container"]:
        raise VolsimError("error: only one of -c or an inline [CONTAINER] arg is allowed")
    if session.flags["all-containers"] and (inline or session.flags["container"]):
        name = inline or session.flags["container"]
        raise VolsimError(f"error: --all-containers=true should not be specified with container name {name}")
    for pod in _logged_pods(session):
        _pod_logs(session, pod, inline or session.flags["container"])


def _logged_pods(session: Session) -> list[Any]:
    if session.arguments:
        return [_pod_of(session, session.arguments[0])]
    pods = objects_of(session, kind_called(session, "pods"))
    if not pods:
        session.say(f"No resources found in {session.namespace} namespace.")
    return pods


def _pod_logs(session: Session, pod: Pod, given: str | None) -> None:
    if session.flags["all-containers"]:
        specs: tuple[Any, ...] = (*pod.spec.init_containers, *pod.spec.containers, *pod.spec.ephemeral_containers)
        names = [each.name or "" for each in specs]
    else:
        names = [_logged_container(session, pod, given)]
    for name in names:
        text = _tail(session, _log(session, pod, name))
        if session.flags["prefix"]:
            text = "".join(f"[pod/{pod.name}/{name}] {line}" for line in text.splitlines(keepends=True))
        session.write(text)


def _logged_container(session: Session, pod: Pod, given: str | None) -> str:
    """As for exec; before 1.24 there had to be only one, or one named."""
    annotated = pod.metadata.annotations.get(DEFAULT_CONTAINER) if session.dialect.defaulted_container else None
    if given is None and annotated is None and not session.dialect.logs_default_container:
        if len(pod.spec.containers) > 1:
            raise VolsimError(f"error: {_choose(pod)}")
        return pod.spec.containers[0].name or ""
    name = given or _default_container(session, pod)
    _check_container(session, pod, name, "error")
    return name


def _choose(pod: Pod) -> str:
    text = f"a container name must be specified for pod {pod.name}, choose one of: [{_names(pod.spec.containers)}]"
    if pod.spec.init_containers:
        text += f" or one of the init containers: [{_names(pod.spec.init_containers)}]"
    return text


def _names(containers: Iterable[Container]) -> str:
    return " ".join(each.name or "" for each in containers)


def _log(session: Session, pod: Pod, name: str) -> bytes:
    """The log of a container's present or previous run."""
    previous = bool(session.flags["previous"])
    node = pod.spec.node_name
    if not node:
        raise VolsimError(f"Error from server (BadRequest): pod {pod.name} does not have a host assigned")
    machine = session.sim.state.get("machines", node)
    if machine is None or not machine.answers:
        raise Unreachable(
            f'Error from server: Get "https://{node}:10250/containerLogs/{pod.metadata.namespace}/{pod.name}/{name}": '
            "dial tcp: connect: no route to host"
        )
    row = session.sim.state.get("containers", f"{runtime_uid(pod)}/{name}")
    if previous and (row is None or not row.restarts):
        raise VolsimError(
            f'Error from server (BadRequest): previous terminated container "{name}" in pod "{pod.name}" not found'
        )
    if row is None or (row.started_us is None and not row.restarts):
        raise VolsimError(
            f'Error from server (BadRequest): container "{name}" in pod "{pod.name}" is waiting to start: '
            f"{_waiting(pod, name)}"
        )
    log: bytes = row.previous_log if previous else row.log
    return log


def _waiting(pod: Pod, name: str) -> str:
    statuses = (*pod.status.container_statuses, *pod.status.init_container_statuses)
    for status in statuses:
        if status.name == name and status.state is not None and status.state.waiting is not None:
            return status.state.waiting.reason or "ContainerCreating"
    return "ContainerCreating"


def _tail(session: Session, log: bytes) -> str:
    """The log as text, its last lines only if ``--tail`` says so; -1 means all."""
    text = log.decode(errors="replace")
    count: int = session.flags["tail"]
    if count < -1:
        raise VolsimError("error: --tail must be greater than or equal to -1")
    if not session.flags.given("tail") and session.flags["selector"]:
        count = 10
    lines = text.splitlines(keepends=True)
    return "".join(lines[len(lines) - count :] if 0 <= count < len(lines) else lines)


NO_FOLLOW = "the clock stands still between two commands; let time pass with sim.run(…) and ask again"

LOGS = Command(
    "logs",
    _logs,
    (
        *SELECTORS[:1],
        Flag("container", "c"),
        Flag("previous", "p", "switch"),
        Flag("tail", kind="number", default=-1),
        Flag("all-containers", kind="switch"),
        Flag("prefix", kind="switch"),
        Flag("follow", "f", "switch", refusal=NO_FOLLOW),
        Flag("timestamps", kind="switch", refusal="logs are kept without the times of their lines"),
        Flag("since", refusal="logs are kept without the times of their lines; use --tail"),
        Flag("since-time", refusal="logs are kept without the times of their lines; use --tail"),
        Flag("limit-bytes", refusal="use --tail"),
        Flag("ignore-errors", kind="switch"),
        Flag("max-log-requests", kind="number"),
    ),
    about="Print the logs for a container in a pod",
    aliases=("log",),
)
