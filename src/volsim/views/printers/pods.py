"""Pods: what `kubectl get pods` says of them.

Source: kubernetes, pkg/printers/internalversion/printers.go, printPod.
"""

from __future__ import annotations

from typing import NamedTuple

from volsim.objects import Condition, ContainerState, ContainerStatus, Pod
from volsim.views.tables import Column, Look, Printer, Row

__all__ = ["POD", "PodSummary", "summary"]

TERMINAL = ("Failed", "Succeeded")


class PodSummary(NamedTuple):
    """What the containers of a pod come to."""

    status: str
    ready: int
    containers: int
    restarts: int
    last_restart_us: int | None


def summary(pod: Pod, look: Look) -> PodSummary:
    """The pod's STATUS, READY and RESTARTS.

    >>> from volsim.objects import PodStatus
    >>> from volsim.views.dialect import Dialect
    >>> summary(Pod(status=PodStatus(phase="Pending")), Look(Dialect(), 0)).status
    'Pending'
    """
    sidecars = {each.name or "" for each in pod.spec.init_containers if each.restart_policy == "Always"}
    count = len(pod.spec.containers) + len(sidecars)
    reason = pod.status.reason or pod.status.phase or ""
    if look.dialect.scheduling_gated and _condition(pod, "PodScheduled").reason == "SchedulingGated":
        reason = "SchedulingGated"
    start = _initialization(pod, sidecars)
    initialized = look.dialect.initialized_condition_counts and _condition(pod, "Initialized").status == "True"
    counted, ready = start.looked_at, start.ready
    if start.reason and not initialized:
        reason = start.reason
    else:
        counted = [status for status in counted if status.name in sidecars]
        counted += pod.status.container_statuses
        ready += sum(1 for status in pod.status.container_statuses if _runs_ready(status))
        reason = _running_reason(pod, start.reason or reason, look)
    restarts = sum(status.restart_count or 0 for status in counted)
    return PodSummary(_deletion(pod, reason, look), ready, count, restarts, _last_restart(counted))


class Start(NamedTuple):
    """How far the init containers are: what keeps the pod there (empty: nothing), and which of them were looked at."""

    reason: str
    ready: int
    looked_at: list[ContainerStatus]


def _condition(pod: Pod, kind: str) -> Condition:
    return next((each for each in pod.status.conditions if each.type == kind), Condition())


def _state(status: ContainerStatus) -> ContainerState:
    return status.state or ContainerState()


def _runs_ready(status: ContainerStatus) -> bool:
    state = _state(status)
    stopped = state.terminated is not None or (state.waiting is not None and state.waiting.reason)
    return bool(status.ready and state.running is not None and not stopped)


def _last_restart(statuses: list[ContainerStatus]) -> int | None:
    ends = [status.last_state.terminated for status in statuses if status.last_state is not None]
    return max((end.finished_at for end in ends if end is not None and end.finished_at is not None), default=None)


def _initialization(pod: Pod, sidecars: set[str]) -> Start:
    """Go through the init containers up to the first that has not done its part."""
    ready = 0
    statuses = list(pod.status.init_container_statuses)
    for number, status in enumerate(statuses):
        state, looked_at = _state(status), statuses[: number + 1]
        if state.terminated is not None and not state.terminated.exit_code:
            continue
        if status.name in sidecars and status.started:
            ready += bool(status.ready)
            continue
        if state.terminated is not None:
            return Start(f"Init:{_end(status)}", ready, looked_at)
        waiting = state.waiting.reason if state.waiting is not None else None
        if waiting and waiting != "PodInitializing":
            return Start(f"Init:{waiting}", ready, looked_at)
        return Start(f"Init:{number}/{len(pod.spec.init_containers)}", ready, looked_at)
    return Start("", ready, statuses)


def _end(status: ContainerStatus) -> str:
    """How a container ended, in a word."""
    end = _state(status).terminated
    assert end is not None, "only asked about containers that have ended"
    return end.reason or (f"Signal:{end.signal}" if end.signal else f"ExitCode:{end.exit_code or 0}")


def _running_reason(pod: Pod, reason: str, look: Look) -> str:
    """What the app containers say; the first one has the last word."""
    error, running = "", False
    for status in reversed(pod.status.container_statuses):
        state = _state(status)
        if state.waiting is not None and state.waiting.reason:
            reason = state.waiting.reason
        elif state.terminated is not None:
            reason = _end(status)
            if state.terminated.exit_code:
                error = reason
        elif status.ready and state.running is not None:
            running = True
    if reason != "Completed":
        return reason
    if running and (not look.dialect.not_ready_if_partly_completed or _condition(pod, "Ready").status == "True"):
        return "Running"
    if error and look.dialect.error_beats_completed:
        return error
    return "NotReady" if running else reason


def _deletion(pod: Pod, reason: str, look: Look) -> str:
    if pod.metadata.deletion_timestamp is None:
        return reason
    if pod.status.reason == "NodeLost":
        return "Unknown"
    if pod.status.phase in TERMINAL and look.dialect.terminal_pods_keep_their_status:
        return reason
    return "Terminating"


def _row(pod: Pod, look: Look) -> Row:
    short = summary(pod, look)
    restarts = str(short.restarts)
    if look.dialect.restart_age and short.restarts and short.last_restart_us is not None:
        restarts = f"{short.restarts} ({look.since(short.last_restart_us)} ago)"
    address = pod.status.pod_ip or (pod.status.pod_ips[0].ip if pod.status.pod_ips else None)
    return {
        "NAME": pod.name,
        "READY": f"{short.ready}/{short.containers}",
        "STATUS": short.status,
        "RESTARTS": restarts,
        "AGE": look.age(pod),
        "IP": address or "<none>",
        "NODE": pod.spec.node_name or "<none>",
        "NOMINATED NODE": pod.status.nominated_node_name or "<none>",
        "READINESS GATES": _gates(pod),
    }


def _gates(pod: Pod) -> str:
    gates = pod.spec.readiness_gates
    if not gates:
        return "<none>"
    true = sum(1 for gate in gates if _condition(pod, gate.condition_type or "").status == "True")
    return f"{true}/{len(gates)}"


POD = Printer(
    columns=(
        Column("NAME"),
        Column("READY"),
        Column("STATUS"),
        Column("RESTARTS"),
        Column("AGE"),
        Column("IP", wide=True),
        Column("NODE", wide=True),
        Column("NOMINATED NODE", wide=True),
        Column("READINESS GATES", wide=True),
    ),
    row=_row,
)
