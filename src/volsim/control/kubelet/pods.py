"""Kubelet: one pod on one node, from its assignment until nothing of it is left.

Modelled: volumes (attached, then mounted) before containers, init containers in order, sidecars, restart policies,
graceful stop with TERM and KILL, removal of the pod's directories before its API object, return after a reboot, orphans
that were deleted by force.
Not modelled: static pods, probes, lifecycle hooks, eviction under pressure, active deadlines.
Source: kubelet, pkg/kubelet/kubelet.go (SyncPod, SyncTerminatingPod, SyncTerminatedPod), pkg/kubelet/pod_workers.go.

The key of a pod is ``namespace/name@uid``: two pods of one name are two pods.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.control.attachable import bound_volume
from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.control.kubelet import attaching, containers
from volsim.control.kubelet.status import pod_status
from volsim.control.kubelet.volumes import MountError, set_up, tear_down
from volsim.control.kubelet.work import PodWork
from volsim.objects import Container as ContainerSpec
from volsim.objects import Pod, PodStatus, Volume
from volsim.rules import microseconds
from volsim.state import Change, View
from volsim.state.runtime import Machine, Sandbox
from volsim.storage.sources import source_of

__all__ = ["CONTROLLER", "key_of", "work_on"]

_SHORTEST_GRACE_US = 2_000_000  # minimumGracePeriodInSeconds: also a pod deleted by force gets it


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
    )


def _ready_by_others(before: Pod, after: Pod) -> bool:
    """Whether somebody else touched what the kubelet reports (the node controller marks pods of silent nodes)."""
    return before.status.conditions != after.status.conditions or before.status.phase != after.status.phase


def watch_machine(view: View, change: Change) -> Iterator[str]:
    """All pods of a machine need a look when its power or network changes."""
    before, after = change.before, change.after
    if after is None or (
        before is not None
        and (before.powered, before.hears, before.boot) == (after.powered, after.hears, after.boot)
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
    """A pod needs a look when somebody else ends one of its containers."""
    row = change.after
    if row is not None and not row.running and row.finished_us is not None and change.before is not None:
        if change.before.running:
            sandbox = view.get("sandboxes", change.key.partition("/")[0])
            if sandbox is not None:
                yield key_of(sandbox.pod)


def watch_node(view: View, change: Change) -> Iterator[str]:
    """A pod that waits for a disk needs a look when the disk is attached."""
    for sandbox in attaching.waiting_pods(view, change):
        yield key_of(sandbox.pod)


def work_on(view: View, pod_key: str, uid: str) -> PodWork | None:
    """The work on a pod that its kubelet can do now; None if there is no such pod or its node is off."""
    pod: Pod | None = view.pods.get(pod_key)
    if pod is not None and pod.metadata.uid != uid:
        pod = None
    sandbox: Sandbox | None = view.get("sandboxes", uid)
    node = sandbox.node if sandbox is not None else pod.spec.node_name if pod is not None else None
    machine: Machine | None = view.get("machines", node) if node else None
    if node is None or machine is None or not machine.powered:
        return None
    gone = machine.hears and pod is None
    if gone or not machine.hears:
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
    _see(work)
    _notice_reboot(work)
    if work.gone or work.pod.metadata.deletion_timestamp is not None:
        _stop(work)
    elif work.pod.status.phase in ("Succeeded", "Failed"):
        _end(work)
    else:
        _run(work)
    told = work.machine.hears and not work.gone
    return work.outcome(_report(work) if told else None)


def _unattended(work: PodWork) -> Outcome:
    """While the kubelet does not run: processes go on by themselves; nothing is started, stopped or reported."""
    assert work.sandbox is not None, "who cannot ask the API knows only pods with a sandbox"
    if work.sandbox.boot == work.machine.boot:
        for spec in work.specs:
            containers.go_on(work, spec)
    return work.outcome(None)


def _report(work: PodWork) -> PodStatus:
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
        known.spec is not pod.spec
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
        row = work.row(spec.name or "")
        if row.running:
            containers.end(work, spec.name or "", containers.KILLED)
    work.sandbox = sandbox.replace(
        boot=work.machine.boot,
        memory=type(sandbox.memory)(),
        mounted=type(sandbox.mounted)(),
        init_done=False,
        address="",
    )


# -- running -----------------------------------------------------------------------------------------------------------
def _run(work: PodWork) -> None:
    if work.sandbox is None:
        work.sandbox = Sandbox(node=work.node, pod=work.pod, boot=work.machine.boot)
    if not _mount(work):
        return
    _take_address(work)
    if not _initialise(work):
        return
    for spec in work.pod.spec.containers:
        _keep_running(work, spec)


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


def _mount(work: PodWork) -> bool:
    """Set up the volumes that are not yet; whether all are."""
    sandbox = work.sandbox
    assert sandbox is not None
    missing = [volume for volume in work.pod.spec.volumes if volume.name not in sandbox.mounted]
    if not missing:
        return True
    if sandbox.retry_us is not None and sandbox.retry_us > work.now_us and sandbox.boot == work.machine.boot:
        work.wake_at(sandbox.retry_us, background=True)
        return False
    disks = attaching.disks_of(work)
    waiting = attaching.note_waiting(work, disks, missing)
    failed = ""
    for volume in missing:
        if source_of(volume)[0] is not None and volume.name not in waiting:
            failed = _set_up(work, volume, attached=volume.name in disks) or failed
    if waiting:
        attaching.say_waiting(work, disks, waiting)
        if work.rejected is not None:
            return False
    sandbox = work.sandbox
    assert sandbox is not None
    if not failed:
        work.sandbox = sandbox.replace(mount_failures=0, mount_error="", retry_us=None)
        return not waiting
    first, most = microseconds(work.rules.mount_retry_initial), microseconds(work.rules.mount_retry_max)
    retry_us = work.now_us + min(first << min(sandbox.mount_failures, 40), most)
    work.sandbox = sandbox.replace(mount_failures=sandbox.mount_failures + 1, mount_error=failed, retry_us=retry_us)
    work.wake_at(retry_us, background=True)
    work.notes.append(failed)
    return False


def _spec_name(work: PodWork, volume: Volume) -> str:
    """What the kubelet calls a volume in its messages: of a claim, the PersistentVolume."""
    if source_of(volume)[0] not in ("persistentVolumeClaim", "ephemeral"):
        return volume.name or ""
    bound = bound_volume(work.view, work.pod, volume)
    return (bound.metadata.name if bound is not None else volume.name) or ""


def _set_up(work: PodWork, volume: Volume, *, attached: bool) -> str:
    """Set up one volume; what is wrong with it, or nothing."""
    try:
        place = set_up(work, volume, attached=attached)
    except MountError as error:
        failed = f'MountVolume.SetUp failed for volume "{_spec_name(work, volume)}" : {error}'
        work.event("Warning", "FailedMount", failed)
        return failed
    sandbox = work.sandbox
    assert sandbox is not None
    work.sandbox = sandbox.replace(mounted=type(sandbox.mounted)({**sandbox.mounted, volume.name or "": place}))
    return ""


def _initialise(work: PodWork) -> bool:
    """Let the init containers run, one after the other; whether they are done."""
    assert work.sandbox is not None
    done = work.sandbox.init_done
    for spec in work.pod.spec.init_containers:
        name = spec.name or ""
        if spec.restart_policy == "Always":  # a sidecar: started in turn, then kept running beside the others
            _keep_running(work, spec)
            if not work.row(name).running:
                return done
            continue
        if done:
            continue
        row = work.row(name)
        fresh = row.boot != work.machine.boot or row.started_us is None
        if fresh:
            containers.start(work, spec)
        elif row.running:
            containers.go_on(work, spec)
        elif row.exit_code != 0:
            _keep_running(work, spec)
        row = work.row(name)
        if row.running or row.exit_code != 0:
            return False
    if not done:
        work.sandbox = work.sandbox.replace(init_done=True)
    return True


def _keep_running(work: PodWork, spec: ContainerSpec) -> None:
    """Start the container, let it go on, or start it again as its restart policy says."""
    name = spec.name or ""
    if work.row(name).started_us is None:
        containers.start(work, spec)
    elif work.row(name).running:
        containers.go_on(work, spec)
    row = work.row(name)
    if row.running or row.started_us is None or not containers.may_restart(work, spec):
        return
    at_us = containers.restart_at(work, name)
    if at_us <= work.now_us:
        containers.start(work, spec)
        row = work.row(name)
        if row.running:
            work.wake_at(row.wake_us, background=True)
            return
        at_us = (
            containers.restart_at(work, name) if row.started_us is not None and row.finished_us is not None else at_us
        )
    _back_off(work, name, at_us)


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
    """Stop the pod: TERM, at the end of the grace period KILL, then remove everything."""
    sandbox = work.sandbox
    if sandbox is None:
        work.remove = True
        return
    if sandbox.kill_us is None:
        grace_us = 0 if work.gone else (work.pod.metadata.deletion_grace_period_seconds or 0) * 1_000_000
        sandbox = work.sandbox = sandbox.replace(kill_us=work.now_us + max(grace_us, _SHORTEST_GRACE_US))
        for spec in work.specs:
            containers.terminate(work, spec)
    assert sandbox.kill_us is not None
    for spec in work.specs:
        if work.now_us >= sandbox.kill_us:
            containers.kill(work, spec)
        elif work.row(spec.name or "").running:
            containers.go_on(work, spec)
            work.wake_at(sandbox.kill_us, background=False)
    if any(work.row(spec.name or "").running for spec in work.specs):
        return
    _end(work)
    work.sandbox = None
    work.remove = True
    work.notes.append("remove it")


CONTROLLER = Controller(
    name="kubelet",
    component="kubelet",
    watches={"pods": watch_pod, "machines": watch_machine, "containers": watch_container, "nodes": watch_node},
    sync=sync,
    priority=10,
)
