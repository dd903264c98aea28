"""Kubelet: one pod on one node, from its assignment until nothing of it is left.

Modelled: volumes (attached, then mounted) before containers, init containers in order, sidecars, restart policies,
ephemeral containers, hooks and probes, graceful stop, active deadlines, evictions, removal of the pod's directories
before its API object, return after a reboot or the loss of the sandbox, orphans that were deleted by force.
Not modelled: the process namespace that an ephemeral container shares with its target.
Source: kubelet, pkg/kubelet/kubelet.go (SyncPod, SyncTerminatingPod, SyncTerminatedPod), pkg/kubelet/pod_workers.go.

The key of a pod is ``namespace/name@uid``: two pods of one name are two pods.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.control.kubelet import attaching, containers, eviction, lifecycle, pressure, probes, pulling, termination
from volsim.control.kubelet.mirrors import is_mirror, is_static, runtime_uid
from volsim.control.kubelet.mounting import has_configuration, mount, pods_waiting_for_others, pods_with_configuration
from volsim.control.kubelet.status import pod_status
from volsim.control.kubelet.volumes import tear_down
from volsim.control.kubelet.work import DISK, PodWork, added_containers
from volsim.objects import Container as ContainerSpec
from volsim.objects import Pod, PodStatus
from volsim.state import Change, View
from volsim.state.runtime import Ending, Machine, Sandbox

__all__ = ["CONTROLLER", "key_of", "work_on"]


def key_of(pod: Pod) -> str:
    """The kubelet's key of a pod.

    >>> from volsim.objects import ObjectMeta
    >>> key_of(Pod(metadata=ObjectMeta(name="web", namespace="default", uid="756b")))
    'default/web@756b'
    """
    return f"{pod.key}@{pod.metadata.uid}"


def watch_pod(view: View, change: Change) -> Iterator[str]:
    """A pod needs a look when it is assigned or deleted, or its spec changes; its status is the kubelet's own word."""
    before, after = change.before, change.after
    for pod in (before, after):
        if pod is None or not pod.spec.node_name:
            continue
        another = before is None or after is None or before.metadata.uid != after.metadata.uid
        if another or (pod is after and _wants_a_look(before, after)):
            yield key_of(pod)


def _wants_a_look(before: Pod, after: Pod) -> bool:
    old, new = before.metadata, after.metadata
    return (
        before.spec is not after.spec
        or old.deletion_timestamp != new.deletion_timestamp
        or old.deletion_grace_period_seconds != new.deletion_grace_period_seconds
        or _ready_by_others(before, after)
        or ((old.labels, old.annotations) != (new.labels, new.annotations) and has_configuration(after))
    )


def _ready_by_others(before: Pod, after: Pod) -> bool:
    """Whether somebody else touched what the kubelet reports (the node controller marks pods of silent nodes)."""
    return before.status.conditions != after.status.conditions or before.status.phase != after.status.phase


def watch_machine(view: View, change: Change) -> Iterator[str]:
    """All pods of a machine need a look when its power or network changes."""
    before, after = change.before, change.after
    if after is None or (
        before is not None and (before.powered, before.hears, before.boot) == (after.powered, after.hears, after.boot)
    ):
        return
    seen = set()
    for pod in view.pods_on(change.key):
        seen.add(pod.metadata.uid)
        yield key_of(pod)
    for uid in view.group("sandboxes_by_node", change.key):
        if uid not in seen:
            yield key_of(view.get("sandboxes", uid).pod)


def watch_container(view: View, change: Change) -> Iterator[str]:
    """A pod needs a look when somebody else ends one of its containers, or has it go on earlier, by a signal."""
    before, row = change.before, change.after
    if before is None or row is None or not before.running:
        return
    if row.running:
        wanted = row.wake_us is not None and (before.wake_us is None or row.wake_us < before.wake_us)
    else:
        wanted = row.finished_us is not None
    sandbox = view.get("sandboxes", change.key.partition("/")[0]) if wanted else None
    if sandbox is not None:
        yield key_of(sandbox.pod)


def watch_sandbox(view: View, change: Change) -> Iterator[str]:
    """A pod needs a look when what it uses is to be counted, or its sandbox is lost."""
    before, after = change.before, change.after
    if after is not None and before is not None:
        told = after.ending is not None and before.ending is None
        if is_static(after.pod) and before.pod.metadata is not after.pod.metadata:
            told = True  # its file is gone
        if told or after.due_us not in (None, before.due_us) or (after.lost and not before.lost):
            yield key_of(after.pod)
    elif after is not None and is_static(after.pod):
        yield key_of(after.pod)
    for pod in pods_waiting_for_others(view, change):
        yield key_of(pod)


def watch_node(view: View, change: Change) -> Iterator[str]:
    """A pod that waits for a disk needs a look when the disk is attached."""
    for sandbox in attaching.waiting_pods(view, change):
        yield key_of(sandbox.pod)


def watch_configuration(view: View, change: Change) -> Iterator[str]:
    """A pod needs a look when a ConfigMap or Secret in its volumes changes."""
    for pod in pods_with_configuration(view, change):
        yield key_of(pod)


def work_on(view: View, pod_key: str, uid: str) -> PodWork | None:
    """The work on a pod that its kubelet can do now; None if there is no such pod or its node is off."""
    pod: Pod | None = view.pods.get(pod_key)
    if pod is not None and pod.metadata.uid != uid:
        pod = None
    if pod is not None and is_mirror(pod):
        uid = runtime_uid(pod)
        pod = None
    sandbox: Sandbox | None = view.get("sandboxes", uid)
    node = sandbox.node if sandbox is not None else pod.spec.node_name if pod is not None else None
    machine: Machine | None = view.get("machines", node) if node else None
    if node is None or machine is None or not machine.powered:
        return None
    static = sandbox is not None and is_static(sandbox.pod)
    gone = machine.hears and pod is None and not static
    if gone or static or not machine.hears:
        if sandbox is None:
            return None
        pod = sandbox.pod
    assert pod is not None
    return PodWork(view, node, machine, pod, sandbox, gone=gone)


def sync(view: View, key: str) -> Outcome:
    """Bring one pod on its node to what its spec says."""
    pod_key, _, uid = key.rpartition("@")
    work = work_on(view, pod_key, uid)
    if work is None:
        return NOTHING
    if not work.machine.kubelet:
        return _unattended(work)
    static = is_static(work.pod)
    if not static and not work.machine.hears and work.sandbox is not None and work.sandbox.boot != work.machine.boot:
        return NOTHING  # a kubelet that has just started has its pods from the API server, but for static ones
    _see(work)
    _notice_reboot(work)
    if work.gone or work.pod.metadata.deletion_timestamp is not None:
        _stop(work)
    elif work.pod.status.phase in ("Succeeded", "Failed"):
        _end(work)
    elif _is_to_end(work):
        if work.sandbox is not None:
            termination.stop_pod(work, _grace_us(work))
    else:
        _run(work)
    if static:
        _note_status(work)
    told = work.machine.hears and not work.gone and not static
    return work.outcome(_report(work) if told else None)


def _note_status(work: PodWork) -> None:
    """Keep the status of a static pod, which the API may not know; its mirror is told of it."""
    status = _report(work)
    if work.sandbox is not None and status != work.pod.status:
        work.sandbox = work.sandbox.replace(pod=work.pod.replace(status=status))


def _unattended(work: PodWork) -> Outcome:
    """While the kubelet does not run: processes go on by themselves; nothing is started, stopped or reported."""
    assert work.sandbox is not None, "who cannot ask the API knows only pods with a sandbox"
    _forget(work)
    if work.sandbox.boot == work.machine.boot:
        for spec in work.specs:
            containers.go_on(work, spec)
    return work.outcome(None)


def _is_to_end(work: PodWork) -> bool:
    """Whether the pod is being ended by the kubelet itself: its time is up, or it uses too much."""
    if work.sandbox is None:
        if work.machine.until_us is not None and not pressure.is_critical(work.pod):
            work.rejected = "Evicted", "The node had condition: [DiskPressure]. "
            work.event("Warning", *work.rejected)
            return True
        work.sandbox = Sandbox(node=work.node, pod=work.pod, boot=work.machine.boot)
    if work.sandbox.ending is None:
        ending = _overdue(work) or eviction.look(work)
        assert work.sandbox is not None
        if ending is not None:
            work.sandbox = work.sandbox.replace(ending=ending)
            work.notes.append(ending.reason)
    return work.sandbox.ending is not None


_OVERDUE = Ending(
    reason="DeadlineExceeded", message="Pod was active on the node longer than the specified deadline", fails=True
)


def _overdue(work: PodWork) -> Ending | None:
    """Why the pod ends if its activeDeadlineSeconds are over."""
    seconds, started_us = work.pod.spec.active_deadline_seconds, work.pod.status.start_time
    if seconds is None:
        return None
    deadline_us = (work.now_us if started_us is None else started_us) + seconds * 1_000_000
    if work.now_us < deadline_us:
        work.wake_at(deadline_us, background=False)
        return None
    work.event("Normal", _OVERDUE.reason, _OVERDUE.message)
    return _OVERDUE


def _grace_us(work: PodWork) -> int:
    """How long the containers of a pod that the kubelet ends may take."""
    assert work.sandbox is not None and work.sandbox.ending is not None, "it is to end"
    return eviction.GRACE_US if work.sandbox.ending.reason == "Evicted" else work.grace_us


def _report(work: PodWork) -> PodStatus:
    if work.remove and work.knows_nothing and work.pod.status.container_statuses:
        return work.pod.status  # its end was told; only a finalizer keeps the object
    status = pod_status(work)
    if work.remove:
        return status if work.rules.terminal_phase_before_removal else status.replace(phase=work.pod.status.phase)
    if work.rejected is not None:
        reason, message = work.rejected
        status = PodStatus(
            qos_class=status.qos_class, phase="Failed", reason=reason, message=f"Pod was rejected: {message}"
        )
    if status.phase in ("Succeeded", "Failed"):
        _end(work)
    return status


def _see(work: PodWork) -> None:
    """Remember the pod as the kubelet sees it now, for times when it cannot ask."""
    sandbox, pod = work.sandbox, work.pod
    if sandbox is None or work.gone:
        return
    known = sandbox.pod
    if (
        (known.spec is not pod.spec and known.spec != pod.spec)
        or known.metadata.deletion_timestamp != pod.metadata.deletion_timestamp
        or known.metadata.deletion_grace_period_seconds != pod.metadata.deletion_grace_period_seconds
    ):
        work.sandbox = sandbox.replace(pod=pod)


def _notice_reboot(work: PodWork) -> None:
    """After a reboot no process runs, memory is empty, and everything has to be set up again."""
    sandbox = work.sandbox
    if sandbox is None or sandbox.boot == work.machine.boot:
        return
    for spec in work.specs:
        name = spec.name or ""
        if work.row(name).running:
            containers.end(work, name, containers.KILLED)
    _forget(work)
    sandbox = work.sandbox
    assert sandbox is not None
    work.sandbox = sandbox.replace(
        boot=work.machine.boot,
        memory=type(sandbox.memory)(),
        mounted=type(sandbox.mounted)(),
        lost=True,
    )


def _forget(work: PodWork) -> None:
    """What only the kubelet had in mind is gone with it: back-offs, and how far it was in stopping the pod."""
    for spec in work.specs:
        name = spec.name or ""
        row = work.row(name)
        idle = row.replace(backoff_us=0, backoff_since_us=None, pull_backoff_us=0, retry_us=None)
        if row.running:
            idle = idle.replace(until_us=None, kill_us=None, signalled=False, hook=None)
        if idle != row:
            work.set_row(name, idle)
    sandbox = work.sandbox
    assert sandbox is not None, "something was set up for it"
    fresh = sandbox.replace(kill_us=None, mount_failures=0, retry_us=None)
    if fresh != sandbox:
        work.sandbox = fresh


# -- running -----------------------------------------------------------------------------------------------------------
def _run(work: PodWork) -> None:
    if not _mount(work) or not _renew_sandbox(work):
        return
    _take_address(work)
    _look_in(work)
    if not _initialise(work):
        return
    for spec in work.pod.spec.containers:
        if not _keep_running(work, spec):
            return
    _end_with_sidecars(work)


def _mount(work: PodWork) -> bool:
    """Set up the volumes that are not yet; whether all are. What a new one takes is counted before long."""
    before = work.sandbox
    done = mount(work)
    assert before is not None and work.sandbox is not None, "a pod has a sandbox before its volumes are looked at"
    if work.sandbox.mounted is not before.mounted:
        eviction.note_writing(work, (DISK, work.node))
    return done


def _renew_sandbox(work: PodWork) -> bool:
    """Make the pod's sandbox anew if it was lost, for what is to run again; whether there is a sandbox."""
    sandbox = work.sandbox
    assert sandbox is not None
    if not sandbox.lost:
        return True
    again = [spec for spec in work.pod.spec.containers if not _is_over(work, spec)]
    if not again or (work.pod.spec.restart_policy == "Never" and _has_run(work)):
        return False
    if sandbox.address:
        work.event("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
    work.sandbox = sandbox.replace(lost=False, attempt=sandbox.attempt + 1, init_done=False, address="")
    return True


def _is_over(work: PodWork, spec: ContainerSpec) -> bool:
    """Whether a container has ended for good."""
    row = work.row(spec.name or "")
    return row.finished_us is not None and not row.running and not containers.may_restart(work, spec)


def _has_run(work: PodWork) -> bool:
    return any(work.row(spec.name or "").started_us is not None for spec in work.specs)


def _end_with_sidecars(work: PodWork) -> None:
    """Stop what else runs in a pod whose containers have all ended for good: sidecars, ephemeral containers."""
    sandbox = work.sandbox
    assert sandbox is not None
    sidecars = any(spec.restart_policy == "Always" for spec in work.pod.spec.init_containers)
    looked_into = any(work.row(spec.name or "").running for spec in added_containers(work.pod))
    if (sidecars or looked_into) and all(_is_over(work, spec) for spec in work.pod.spec.containers):
        work.sandbox = sandbox.replace(ending=Ending())
        termination.stop_pod(work, work.grace_us)


def _take_address(work: PodWork) -> None:
    assert work.sandbox is not None
    if work.sandbox.address:
        return
    machine = work.machine
    address = machine.address
    if not work.pod.spec.host_network:
        address = f"{machine.pod_network}.{machine.next_address}"
        work.machine = machine.replace(next_address=2 + (machine.next_address - 1) % 253)
    work.sandbox = work.sandbox.replace(address=address)


def _look_in(work: PodWork) -> None:
    """Start the ephemeral containers, each once: also where init containers fail, and nothing waits for them."""
    for spec in added_containers(work.pod):
        row = work.row(spec.name or "")
        if row.started_us is None:
            _start(work, spec)
        elif row.running:
            _tend(work, spec)


def _initialise(work: PodWork) -> bool:
    """Let the init containers run, one after the other; whether they are done."""
    assert work.sandbox is not None
    done = work.sandbox.init_done
    for spec in work.pod.spec.init_containers:
        if spec.restart_policy == "Always":  # a sidecar: started in turn, then kept running beside the others
            _keep_running(work, spec)
            if not done and not probes.is_started(spec, work.row(spec.name or "")):
                return False
        elif not done:
            _run_once(work, spec)
            row = work.row(spec.name or "")
            if row.running or row.exit_code != 0 or row.attempt != work.sandbox.attempt:
                return False
    if not done:
        work.sandbox = work.sandbox.replace(init_done=True)
    return True


def _run_once(work: PodWork, spec: ContainerSpec) -> None:
    """Let an init container run until it exits with 0, once in each sandbox."""
    assert work.sandbox is not None
    row = work.row(spec.name or "")
    if row.started_us is not None and row.attempt != work.sandbox.attempt:
        _start_again(work, spec)
    elif row.started_us is None or row.running or row.exit_code != 0:
        _keep_running(work, spec)


def _keep_running(work: PodWork, spec: ContainerSpec) -> bool:
    """Start the container, let it go on, or start it again as its restart policy says.

    False while its postStart hook runs: what comes after it waits.
    """
    name = spec.name or ""
    if work.row(name).started_us is None:
        _start(work, spec)
    elif work.row(name).running:
        _tend(work, spec)
    else:
        lifecycle.cut_short(work, spec)
    row = work.row(name)
    if row.started_us is not None and not row.running and containers.may_restart(work, spec):
        _start_again(work, spec)
    return work.row(name).hook is None


def _start_again(work: PodWork, spec: ContainerSpec) -> None:
    """Start a container that has ended, when its back-off allows it."""
    name = spec.name or ""
    at_us = containers.restart_at(work, name)
    if at_us <= work.now_us:
        restarts = work.row(name).restarts
        _start(work, spec)
        row = work.row(name)
        if row.running or row.restarts == restarts or not containers.may_restart(work, spec):
            return
        at_us = containers.restart_at(work, name)
        if at_us <= work.now_us:
            work.wake_at(work.now_us, background=True)
            return
    _back_off(work, name, at_us)


def _start(work: PodWork, spec: ContainerSpec) -> None:
    """Start a container, if its image is there, and its postStart hook."""
    if not pulling.is_there(work, spec):
        return
    containers.start(work, spec)
    if work.row(spec.name or "").running:
        probes.begin(work, spec)
        _after_hook(work, spec, lifecycle.begin(work, spec, "postStart"))


def _tend(work: PodWork, spec: ContainerSpec) -> None:
    """Let a container that runs go on; ask its probes, and stop it if they fail."""
    name = spec.name or ""
    if work.row(name).until_us is not None:
        termination.go_on(work, spec)
        return
    containers.go_on(work, spec)
    if not work.row(name).running:
        lifecycle.cut_short(work, spec)
        return
    _after_hook(work, spec, lifecycle.go_on(work, spec))


def _after_hook(work: PodWork, spec: ContainerSpec, well: bool) -> None:
    """Stop a container whose postStart hook failed, or else ask its probes."""
    name = spec.name or ""
    grace_us = work.grace_us
    message = None if well else "FailedPostStartHook"
    if well and work.row(name).hook is None:
        failed = probes.ask(work, spec)
        if failed is not None:
            probe = probes.probe_of(spec, failed)
            assert probe is not None, "it has failed"
            if probe.termination_grace_period_seconds is not None:
                grace_us = probe.termination_grace_period_seconds * 1_000_000
            what = "Init container" if spec in work.pod.spec.init_containers else "Container"
            message = f"{what} {name} failed {failed} probe, will be restarted"
    if message is not None and work.row(name).running:
        termination.begin(work, spec, grace_us, message)
        termination.go_on(work, spec)


def _back_off(work: PodWork, name: str, at_us: int) -> None:
    row = work.row(name)
    seconds = row.backoff_us // 1_000_000
    minutes, rest = divmod(seconds, 60)
    delay = f"{minutes}m{rest}s" if minutes else f"{rest}s"
    pod = work.pod
    where = f"{pod.metadata.name}_{pod.metadata.namespace}({work.uid})"
    text = f"back-off {delay} restarting failed container={name} pod={where}"
    if row.waiting != "CrashLoopBackOff" or row.waiting_message != text:
        work.event("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {where}")
        work.set_row(name, row.replace(waiting="CrashLoopBackOff", waiting_message=text))
    work.wake_at(at_us, background=True)


# -- ending ------------------------------------------------------------------------------------------------------------
def _end(work: PodWork) -> None:
    """The pod has ended: its directories go, its object and its containers' logs stay."""
    sandbox = work.sandbox
    if sandbox is None or sandbox.torn_down:
        return
    tear_down(work)
    empty = type(sandbox.mounted)()
    memory = type(sandbox.memory)()
    work.sandbox = sandbox.replace(torn_down=True, mounted=empty, memory=memory, in_use=(), awaiting=())
    work.notes.append("remove its directories")


def _stop(work: PodWork) -> None:
    """Stop a pod that was deleted, then remove everything."""
    if work.sandbox is not None:
        grace_us = 0 if work.gone else (work.pod.metadata.deletion_grace_period_seconds or 0) * 1_000_000
        if not termination.stop_pod(work, grace_us):
            return
        _end(work)
        work.sandbox = None
        work.notes.append("remove it")
    work.remove = True


CONTROLLER = Controller(
    name="kubelet",
    component="kubelet",
    watches={
        "pods": watch_pod,
        "machines": watch_machine,
        "sandboxes": watch_sandbox,
        "containers": watch_container,
        "nodes": watch_node,
        "configmaps": watch_configuration,
        "secrets": watch_configuration,
    },
    sync=sync,
    priority=10,
)
