"""Kubelet: how containers are stopped: preStop hook, their turn, TERM, and KILL at the end of the grace.

Modelled: the grace that hook and turn use up, the two seconds that every container gets after TERM, sidecars that are
told after the containers that need them, in reverse order.
Not modelled: a stop signal other than TERM.
Source: kubelet, pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer), …_termination_order.go.

A second deletion with a shorter grace changes nothing: what was begun is waited for (kubernetes#113606).
"""

from __future__ import annotations

from volsim.control.kubelet import containers, lifecycle
from volsim.control.kubelet.work import PodWork, added_containers
from volsim.objects import Container as ContainerSpec

__all__ = ["begin", "go_on", "stop_pod"]

_SHORTEST_GRACE_US = 2_000_000  # minimumGracePeriodInSeconds: also a pod deleted by force gets it


def stop_pod(work: PodWork, grace_us: int) -> bool:
    """Stop all containers, or go on with it; whether none runs any more. Only the first `grace_us` counts."""
    sandbox = work.sandbox
    assert sandbox is not None, "a pod that nothing was set up for has nothing to stop"
    if sandbox.kill_us is None:
        work.sandbox = sandbox.replace(kill_us=work.now_us + max(grace_us, _SHORTEST_GRACE_US))
    for spec in _in_order(work):
        begin(work, spec, grace_us, f"Stopping container {spec.name}")
    for spec in _in_order(work):
        go_on(work, spec)
    return not any(work.row(spec.name or "").running for spec in work.specs)


def _in_order(work: PodWork) -> tuple[ContainerSpec, ...]:
    """The containers as they are stopped: what the pod is for, then what was started before it, last first.

    What was added to look into the pod stands last: no sidecar waits for its end.
    """
    spec = work.pod.spec
    return (*spec.containers, *reversed(spec.init_containers), *added_containers(work.pod))


def begin(work: PodWork, spec: ContainerSpec, grace_us: int, message: str) -> None:
    """Begin to stop a running container, once: say so, and run its preStop hook if there is time for it."""
    name = spec.name or ""
    row = work.row(name)
    if not row.running or row.until_us is not None:
        return
    work.event("Normal", "Killing", message)
    work.set_row(name, row.replace(until_us=work.now_us + grace_us, hook=None))
    if grace_us > 0:
        lifecycle.begin(work, spec, "preStop")


def go_on(work: PodWork, spec: ContainerSpec) -> None:
    """Take the next step in stopping a container, if it is time for it."""
    name = spec.name or ""
    if not work.row(name).running:
        lifecycle.cut_short(work, spec)
        return
    lifecycle.go_on(work, spec)
    _tell(work, spec)
    row = work.row(name)
    if row.kill_us is not None and work.now_us >= row.kill_us:
        containers.kill(work, spec)
    else:
        containers.go_on(work, spec)
        work.wake_at(row.kill_us, background=False)
    if not work.row(name).running:
        lifecycle.cut_short(work, spec)


def _tell(work: PodWork, spec: ContainerSpec) -> None:
    """Send TERM, unless the container's hook still runs or it is not its turn, and there is time left."""
    name = spec.name or ""
    row = work.row(name)
    if not row.running or row.signalled:
        return
    assert row.until_us is not None, "it is being stopped"
    if work.now_us < row.until_us and (row.hook is not None or not _its_turn(work, spec)):
        work.wake_at(row.until_us, background=False)
        return
    kill_us = max(row.until_us, work.now_us + _SHORTEST_GRACE_US)
    work.set_row(name, row.replace(signalled=True, kill_us=kill_us))
    containers.signal(work, spec, "TERM")


def _its_turn(work: PodWork, spec: ContainerSpec) -> bool:
    """Whether all that run because of a sidecar have ended."""
    if spec.restart_policy != "Always" or not _is_while_pod_stops(work):
        return True
    order = _in_order(work)
    return not any(work.row(other.name or "").running for other in order[: order.index(spec)])


def _is_while_pod_stops(work: PodWork) -> bool:
    return work.sandbox is not None and work.sandbox.kill_us is not None
