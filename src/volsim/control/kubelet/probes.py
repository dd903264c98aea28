"""Kubelet: probes: whether a container has started, lives and is ready.

Modelled: commands with the time that they take, delays, periods, timeouts, thresholds; a startup probe that holds the
others back; the restart after a liveness or startup probe has failed too often.
Not modelled: answers over the network: a container that runs answers them, unless its program says otherwise
(`volsim.programs.function`, `on_probe`); the random delay of the first probe after the kubelet has started.
Source: kubelet, pkg/kubelet/prober/{worker,prober,prober_manager}.go.
"""

from __future__ import annotations

from volsim.control.kubelet import containers
from volsim.control.kubelet.configuration import MountError
from volsim.control.kubelet.work import PodWork
from volsim.objects import Container as ContainerSpec
from volsim.objects import Probe
from volsim.programs.process import decode
from volsim.state.runtime import Container, Probed

__all__ = ["ask", "begin", "is_ready", "is_started", "probe_of"]

_KINDS = ("startup", "liveness", "readiness")
_SECOND_US = 1_000_000
_OUTPUT_MOST = 10 * 1024  # maxReadLength: what an event shows of a probe's output


def probe_of(spec: ContainerSpec, kind: str) -> Probe | None:
    """The probe of a container of one of the three kinds."""
    found = {"startup": spec.startup_probe, "liveness": spec.liveness_probe, "readiness": spec.readiness_probe}
    return found[kind]


def is_started(spec: ContainerSpec, row: Container) -> bool:
    """Whether a container has started, for those that wait for it."""
    return row.running and row.hook is None and (spec.startup_probe is None or _known(row, "startup").holds is True)


def is_ready(spec: ContainerSpec, row: Container) -> bool:
    """Whether a container is ready."""
    return is_started(spec, row) and (spec.readiness_probe is None or _known(row, "readiness").holds is True)


def _known(row: Container, kind: str) -> Probed:
    return next((each for each in row.probes if each.kind == kind), Probed(kind=kind))


def begin(work: PodWork, spec: ContainerSpec) -> None:
    """A container has been started: it is asked after its delays."""
    name = spec.name or ""
    row = work.row(name)
    made = []
    for kind in _KINDS:
        probe = probe_of(spec, kind)
        if probe is not None:
            delay_us = (probe.initial_delay_seconds or 0) * _SECOND_US
            if kind == "liveness":  # nobody is in a hurry to hear that it lives
                delay_us = max(delay_us, _period_us(probe))
            made.append(Probed(kind=kind, due_us=work.now_us + delay_us))
    if made:
        work.set_row(name, row.replace(probes=tuple(made)))


def _period_us(probe: Probe) -> int:
    return (10 if probe.period_seconds is None else probe.period_seconds) * _SECOND_US


def ask(work: PodWork, spec: ContainerSpec) -> str | None:
    """Ask what is due; the kind of the probe for whose answers the container is to be restarted, if there is one."""
    name = spec.name or ""
    for kind in [each.kind for each in work.row(name).probes]:
        row = work.row(name)
        if not row.running:
            return None
        probe, known = probe_of(spec, kind), _known(row, kind)
        if probe is None or (kind != "startup" and not is_started(spec, row)):
            continue
        _ask_one(work, spec, probe, known)
        failed = _known(work.row(name), kind).holds is False
        if failed and kind != "readiness":
            return kind
    return None


def _ask_one(work: PodWork, spec: ContainerSpec, probe: Probe, known: Probed) -> None:
    name = spec.name or ""
    if known.deadline_us is not None:
        _go_on(work, spec, probe, known)
    elif known.due_us is not None and known.due_us <= work.now_us:
        if probe.exec is not None:
            _run(work, spec, probe, known, first=True)
        else:
            _heard(work, spec, probe, known, containers.answer(work, spec, known.kind))
    latest = _known(work.row(name), known.kind)
    settled = latest.holds is not None and latest.last is latest.holds and latest.deadline_us is None
    for time_us in (latest.due_us, latest.wake_us, latest.deadline_us):
        work.wake_at(time_us, background=settled)


def _run(work: PodWork, spec: ContainerSpec, probe: Probe, known: Probed, *, first: bool) -> None:
    """Run the probe's command until it ends or pauses."""
    assert probe.exec is not None, "it is a command"
    timeout_us = (1 if probe.timeout_seconds is None else probe.timeout_seconds) * _SECOND_US
    deadline_us = work.now_us + timeout_us if first else known.deadline_us
    try:
        process, pause = containers.execute(work, spec, tuple(probe.exec.command), known.memory, first=first)
    except (containers.ConfigError, MountError) as error:
        _heard(work, spec, probe, known, str(error))
        return
    if not work.row(spec.name or "").running:
        return
    if pause.exit_code is None:
        wake_us = None if pause.wake_after_us is None else work.now_us + pause.wake_after_us
        going = known.replace(memory=pause.memory, due_us=None, wake_us=wake_us, deadline_us=deadline_us)
        _note(work, spec, going)
        return
    output = decode(b"".join(data for _, data in process.output))[:_OUTPUT_MOST]
    _heard(work, spec, probe, known, None if pause.exit_code == 0 else output)


def _go_on(work: PodWork, spec: ContainerSpec, probe: Probe, known: Probed) -> None:
    """Let the probe's command go on, or give it up."""
    assert known.deadline_us is not None and probe.exec is not None, "its command runs"
    if known.wake_us is not None and known.wake_us <= work.now_us <= known.deadline_us:
        _run(work, spec, probe, known, first=False)
    elif known.deadline_us <= work.now_us:
        seconds = 1 if probe.timeout_seconds is None else probe.timeout_seconds
        _heard(work, spec, probe, known, f"command timed out: {_quoted(probe.exec.command)} timed out after {seconds}s")


def _quoted(command: tuple[str, ...]) -> str:
    return '"' + " ".join(command).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _heard(work: PodWork, spec: ContainerSpec, probe: Probe, known: Probed, wrong: str | None) -> None:
    """Count an answer: `wrong` says what is wrong with it, None that it is well."""
    well = wrong is None
    if not well:
        work.event("Warning", "Unhealthy", f"{known.kind.capitalize()} probe failed: {wrong}")
    needed = (probe.success_threshold or 1) if well else (probe.failure_threshold or 3)
    times = min(known.times + 1, needed) if known.last is well else 1
    holds = well if times >= needed else known.holds
    over = (holds is not None and known.kind == "startup") or (holds is False and known.kind == "liveness")
    again_us: int | None = work.now_us + _period_us(probe)
    if over or (well and probe.exec is None and times >= needed and not containers.may_answer(spec)):
        again_us = None
    _note(work, spec, Probed(kind=known.kind, holds=holds, last=well, times=times, due_us=again_us))


def _note(work: PodWork, spec: ContainerSpec, known: Probed) -> None:
    name = spec.name or ""
    row = work.row(name)
    work.set_row(name, row.replace(probes=tuple(known if each.kind == known.kind else each for each in row.probes)))
