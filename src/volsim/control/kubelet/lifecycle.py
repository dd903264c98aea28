"""Kubelet: the hooks of a container, after its start and before its stop.

Modelled: commands and pauses, with the time that they take; a hook that fails, or is cut short by its container's end;
what waits for a postStart hook.
Not modelled: requests over the network, which succeed at once: no container answers any.
Source: kubelet, pkg/kubelet/lifecycle/handlers.go; kuberuntime_container.go (startContainer, executePreStopHook).
"""

from __future__ import annotations

from volsim.control.kubelet import containers
from volsim.control.kubelet.configuration import MountError
from volsim.control.kubelet.work import PodWork
from volsim.objects import Container as ContainerSpec
from volsim.objects import LifecycleHandler
from volsim.programs.process import Pause
from volsim.state.runtime import Hook

__all__ = ["begin", "cut_short", "go_on"]

_EVENTS = {
    "preStop": ("FailedPreStopHook", "PreStopHook failed"),
    "postStart": ("FailedPostStartHook", "PostStartHook failed"),
}


def begin(work: PodWork, spec: ContainerSpec, kind: str) -> bool:
    """Start a hook of a running container, if it has one of that kind; False if it failed."""
    name = spec.name or ""
    handler = _handler(spec, kind)
    if handler is None:
        return True
    if handler.sleep is not None:
        wake_us = work.now_us + (handler.sleep.seconds or 0) * 1_000_000
        work.set_row(name, work.row(name).replace(hook=Hook(kind=kind, wake_us=wake_us)))
        return go_on(work, spec)
    if handler.exec is None:
        return True
    work.set_row(name, work.row(name).replace(hook=Hook(kind=kind, wake_us=work.now_us)))
    return _run(work, spec, tuple(handler.exec.command), first=True)


def go_on(work: PodWork, spec: ContainerSpec) -> bool:
    """Let a hook whose pause is over go on; False if it failed."""
    hook = work.row(spec.name or "").hook
    if hook is None or hook.wake_us is None:
        return True
    if hook.wake_us > work.now_us:
        work.wake_at(hook.wake_us, background=False)
        return True
    handler = _handler(spec, hook.kind)
    if handler is not None and handler.exec is not None:
        return _run(work, spec, tuple(handler.exec.command), first=False)
    _done(work, spec)
    return True


def _handler(spec: ContainerSpec, kind: str) -> LifecycleHandler | None:
    if spec.lifecycle is None:
        return None
    return spec.lifecycle.pre_stop if kind == "preStop" else spec.lifecycle.post_start


def _run(work: PodWork, spec: ContainerSpec, argv: tuple[str, ...], *, first: bool) -> bool:
    """Run the hook's command until it ends or pauses; False if it failed."""
    name = spec.name or ""
    hook = work.row(name).hook
    assert hook is not None, "it has begun"
    try:
        _, pause = containers.execute(work, spec, argv, hook.memory, first=first)
    except (containers.ConfigError, MountError):
        pause = Pause.exited(1)
    if pause.exit_code is None and work.row(name).running:
        wake_us = None if pause.wake_after_us is None else work.now_us + pause.wake_after_us
        work.set_row(name, work.row(name).replace(hook=hook.replace(memory=pause.memory, wake_us=wake_us)))
        work.wake_at(wake_us, background=False)
        return True
    _done(work, spec)
    if pause.exit_code != 0:
        work.event("Warning", *_EVENTS[hook.kind])
    return pause.exit_code == 0


def _done(work: PodWork, spec: ContainerSpec) -> None:
    name = spec.name or ""
    work.set_row(name, work.row(name).replace(hook=None))


def cut_short(work: PodWork, spec: ContainerSpec) -> None:
    """A hook that runs while its container ends has failed."""
    hook = work.row(spec.name or "").hook
    if hook is not None:
        _done(work, spec)
        work.event("Warning", *_EVENTS[hook.kind])
