"""Kubelet: what a kubelet reports of a pod: phase, conditions, container statuses.

Modelled: phases, Initialized, ContainersReady, Ready, PodReadyToStartContainers, container states with their reasons.
Not modelled: readiness gates, resize.
Source: kubelet, pkg/kubelet/kubelet_pods.go (getPhase, convertToAPIContainerStatuses), pkg/kubelet/status/generate.go.
"""

from __future__ import annotations

from volsim.control.kubelet import probes
from volsim.control.kubelet.containers import last_run, may_restart
from volsim.control.kubelet.work import PodWork, added_containers
from volsim.objects import (
    Condition,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    PodIP,
    PodStatus,
)
from volsim.objects import Container as ContainerSpec
from volsim.state.runtime import Container

__all__ = ["phase_of", "pod_status"]


def pod_status(work: PodWork) -> PodStatus:
    """The status that the kubelet posts for the pod as it is now."""
    old = work.pod.status
    phase = old.phase if old.phase in ("Succeeded", "Failed") else phase_of(work)
    spec = work.pod.spec
    inits = tuple(_status(work, each) for each in spec.init_containers)
    apps = tuple(_status(work, each) for each in spec.containers)
    address = work.sandbox.address if work.sandbox is not None else old.pod_ip or ""
    ending = work.sandbox.ending if work.sandbox is not None else None
    told = ending is not None and phase == "Failed" and old.phase not in ("Succeeded", "Failed")
    return old.replace(
        phase=phase,
        reason=(ending.reason or None) if told and ending is not None else old.reason,
        message=(ending.message or None) if told and ending is not None else old.message,
        conditions=_conditions(work, phase, inits, apps),
        init_container_statuses=inits,
        container_statuses=apps,
        ephemeral_container_statuses=tuple(_status_of_added(work, each) for each in added_containers(work.pod)),
        host_ip=work.machine.address,
        host_ips=(HostIP(ip=work.machine.address),) if work.rules.pod_ready_to_start_containers else (),
        pod_ip=address or None,
        pod_ips=(PodIP(ip=address),) if address else (),
        start_time=old.start_time if old.start_time is not None else work.now_us,
    )


def phase_of(work: PodWork) -> str:
    """The phase that follows from the containers: Pending, Running, Succeeded or Failed."""
    sandbox = work.sandbox
    ending = sandbox.ending if sandbox is not None else None
    phase = _phase(work, _is_stopping(work))
    if phase in ("Succeeded", "Failed") and any(work.row(spec.name or "").running for spec in work.specs):
        return "Running"  # its sidecars are still there
    if ending is not None and ending.reason and not any(work.row(spec.name or "").running for spec in work.specs):
        return "Failed" if ending.fails or phase == "Pending" else phase
    return phase


def _is_stopping(work: PodWork) -> bool:
    sandbox = work.sandbox
    return work.remove or (sandbox is not None and (sandbox.ending is not None or sandbox.kill_us is not None))


def _phase(work: PodWork, stopping: bool) -> str:
    spec = work.pod.spec
    for each in spec.init_containers:
        row = work.row(each.name or "")
        if each.restart_policy == "Always":
            continue
        if row.finished_us is None or row.running:
            return "Pending"
        if row.exit_code != 0:
            again = may_restart(work, each) and not stopping
            return "Pending" if again else "Failed"
    rows = [work.row(each.name or "") for each in spec.containers]
    if any(row.started_us is None for row in rows):
        return "Failed" if stopping and any(row.exit_code for row in rows) else "Pending"
    if any(row.running for row in rows):
        return "Running"
    if not stopping and any(may_restart(work, each) for each in spec.containers):
        return "Running"
    return "Failed" if any(row.exit_code != 0 for row in rows) else "Succeeded"


def _status(work: PodWork, spec: ContainerSpec) -> ContainerStatus:
    row = work.row(spec.name or "")
    return ContainerStatus(
        name=spec.name,
        image=spec.image,
        image_id=spec.image,
        container_id=row.container_id or None,
        ready=_ready(work, spec, row),
        started=probes.is_started(spec, row),
        restart_count=row.restarts,
        state=_state(work, spec, row),
        last_state=_last_state(work, spec, row),
    )


def _status_of_added(work: PodWork, spec: ContainerSpec) -> ContainerStatus:
    """An ephemeral container promises nothing: it is never said to be ready, or to have started."""
    return _status(work, spec).replace(ready=False, started=None)


def _ready(work: PodWork, spec: ContainerSpec, row: Container) -> bool:
    if spec in work.pod.spec.init_containers and spec.restart_policy != "Always":
        return not row.running and row.exit_code == 0
    return probes.is_ready(spec, row) and not row.signalled


def _waits(work: PodWork, spec: ContainerSpec, row: Container) -> bool:
    """Whether a container waits for something; one that has ended does only if it is to be started again."""
    return bool(row.waiting) and (row.finished_us is None or (may_restart(work, spec) and not _is_stopping(work)))


def _state(work: PodWork, spec: ContainerSpec, row: Container) -> ContainerState:
    if _waits(work, spec, row):
        return ContainerState(waiting=ContainerStateWaiting(reason=row.waiting, message=row.waiting_message or None))
    if row.running and (row.hook is None or row.hook.kind != "postStart"):
        return ContainerState(running=ContainerStateRunning(started_at=row.started_us))
    if row.finished_us is not None:
        return ContainerState(
            terminated=ContainerStateTerminated(
                exit_code=row.exit_code,
                reason=row.reason,
                message=row.message or None,
                started_at=row.started_us,
                finished_at=row.finished_us,
                container_id=row.container_id or None,
            )
        )
    initialising = bool(work.pod.spec.init_containers) and not (work.sandbox is not None and work.sandbox.init_done)
    return ContainerState(
        waiting=ContainerStateWaiting(reason="PodInitializing" if initialising else "ContainerCreating")
    )


def _last_state(work: PodWork, spec: ContainerSpec, row: Container) -> ContainerState:
    last = last_run(row) if _waits(work, spec, row) else row.last
    if last is None:
        return ContainerState()
    return ContainerState(
        terminated=ContainerStateTerminated(
            exit_code=last.exit_code,
            reason=last.reason,
            message=last.message or None,
            started_at=last.started_us,
            finished_at=last.finished_us,
        )
    )


def _conditions(
    work: PodWork, phase: str, inits: tuple[ContainerStatus, ...], apps: tuple[ContainerStatus, ...]
) -> tuple[Condition, ...]:
    old = {condition.type: condition for condition in work.pod.status.conditions}
    ended = phase in ("Succeeded", "Failed")
    reason = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase or "")
    waiting_inits = [status.name for status in inits if not status.ready]
    unready = [status.name for status in apps if not status.ready]
    made: dict[str, tuple[bool, str | None, str | None]] = {}
    if work.rules.pod_ready_to_start_containers:
        stands = work.sandbox is not None and bool(work.sandbox.address) and not work.sandbox.lost and not ended
        made["PodReadyToStartContainers"] = (stands, None, None)
    initialized = not waiting_inits or phase == "Succeeded"
    made["Initialized"] = (
        initialized,
        ("PodCompleted" if phase == "Succeeded" else None) if initialized else "ContainersNotInitialized",
        None if initialized else f"containers with incomplete status: [{' '.join(map(str, waiting_inits))}]",
    )
    ready = not ended and not unready and not waiting_inits
    why = reason if ended else "ContainersNotReady"
    text = None if ended else f"containers with unready status: [{' '.join(map(str, unready))}]"
    made["Ready"] = made["ContainersReady"] = (ready, None if ready else why, None if ready else text)
    ending = work.sandbox.ending if work.sandbox is not None else None
    if ending is not None and ending.condition and work.rules.pod_disruption_conditions:
        made["DisruptionTarget"] = (True, "TerminationByKubelet", ending.condition)
    conditions = [_condition(old.get(name), name, *value, work.now_us) for name, value in made.items()]
    return (*conditions, *(condition for name, condition in old.items() if name not in made))


def _condition(
    old: Condition | None, name: str, holds: bool, reason: str | None, message: str | None, now_us: int
) -> Condition:
    status = "True" if holds else "False"
    same = old is not None and old.status == status
    if old is not None and same and (old.reason, old.message) == (reason, message):
        return old
    since = old.last_transition_time if old is not None and same else now_us
    return Condition(type=name, status=status, reason=reason, message=message, last_transition_time=since)
