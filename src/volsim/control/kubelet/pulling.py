"""Kubelet: whether a container's image is there, and what is said while it is not.

Modelled: images that cannot be pulled (`volsim.programs.withhold`), pull policies, the back-off of pulling.
Not modelled: the time that pulling takes, and what is pulled again though it is there: every other image is on every
node.
Source: kubelet, pkg/kubelet/images/image_manager.go.
"""

from __future__ import annotations

from volsim.control.kubelet.work import PodWork
from volsim.objects import Container as ContainerSpec
from volsim.programs.images import withheld
from volsim.rules import microseconds

__all__ = ["is_there"]


def is_there(work: PodWork, spec: ContainerSpec) -> bool:
    """Whether the container's image is on the node; if not, it is pulled, or waited for."""
    why = withheld(spec.image or "")
    name = spec.name or ""
    row = work.row(name)
    if why is None:
        where = " and can be accessed by the pod" if work.rules.terse_container_events else ""
        work.event("Normal", "Pulled", f'Container image "{spec.image}" already present on machine{where}')
        work.set_row(name, row.replace(pull_backoff_us=0, retry_us=None))
        return True
    if row.retry_us is not None and work.now_us < row.retry_us:
        _say_backing_off(work, spec, why)
    elif spec.image_pull_policy == "Never":
        _never_pull(work, spec)
    else:
        _pull(work, spec, why)
    return False


def _wait(work: PodWork, name: str, reason: str, message: str, until_us: int) -> None:
    """Say why the container waits, and look again later."""
    work.event("Warning", "Failed", f"Error: {reason}")
    work.set_row(name, work.row(name).replace(waiting=reason, waiting_message=message))
    work.wake_at(until_us, background=True)


def _never_pull(work: PodWork, spec: ContainerSpec) -> None:
    message = f'Container image "{spec.image}" is not present with pull policy of Never'
    work.event("Warning", "ErrImageNeverPull", message)
    retry_us = work.now_us + microseconds(work.rules.crash_loop_backoff_initial)
    name = spec.name or ""
    work.set_row(name, work.row(name).replace(retry_us=retry_us))
    _wait(work, name, "ErrImageNeverPull", message, retry_us)


def _pull(work: PodWork, spec: ContainerSpec, why: str) -> None:
    """Try to pull the image, in vain; the next attempt is twice as far away."""
    name = spec.name or ""
    row = work.row(name)
    work.event("Normal", "Pulling", f'Pulling image "{spec.image}"')
    work.event("Warning", "Failed", f'Failed to pull image "{spec.image}": {why}')
    first, most = microseconds(work.rules.crash_loop_backoff_initial), microseconds(work.rules.crash_loop_backoff_max)
    backoff_us = min(2 * row.pull_backoff_us or first, most)
    work.set_row(name, row.replace(pull_backoff_us=backoff_us, retry_us=work.now_us + backoff_us))
    _wait(work, name, "ErrImagePull", why, work.now_us + microseconds(work.rules.pod_sync_delay))


def _say_backing_off(work: PodWork, spec: ContainerSpec, why: str) -> None:
    """Say once of each wait that the kubelet waits until it pulls again."""
    name = spec.name or ""
    row = work.row(name)
    assert row.retry_us is not None, "it waits"
    if row.waiting == "ErrImagePull":
        said_us = row.retry_us - row.pull_backoff_us + microseconds(work.rules.pod_sync_delay)
        if work.now_us < said_us:
            work.wake_at(said_us, background=True)
            return
        message = f'Back-off pulling image "{spec.image}"'
        work.event("Normal", "BackOff", message)
        _wait(work, name, "ImagePullBackOff", f"{message}: ErrImagePull: {why}", row.retry_us)
    work.wake_at(row.retry_us, background=True)
