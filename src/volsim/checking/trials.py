"""What containers really run is tried before anything is explored: what nobody can follow stands as a server.

A script that goes round for ever (it writes the date each second) never comes back to where it was, and a command that
the image here does not hold says nothing about the design.

>>> loop = {"name": "c", "image": "busybox", "command": ["sh", "-c", "while true; do date; sleep 5; done"]}
>>> pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [loop]}}
>>> design = Design.read(pod, nodes=1)
>>> part, said = tried(design, design.parts()[0])
>>> part.objects[-1]["spec"]["containers"][0]["command"], said
(['sleep', 'infinity'], ('containers c: run as servers, for they go round for ever',))
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from volsim.analysis.living import workload_of
from volsim.checking.design import Design, Part
from volsim.checking.workloads import WORKLOADS, ref, template_of
from volsim.simulation import Simulation
from volsim.state.runtime import Container

__all__ = ["tried"]

_SOON, _LATER = "10m", "10m"
"""When it is looked first, and how much later again: what works between is not at rest, and no back-off is longer."""
_SERVE = ["sleep", "infinity"]
_NOT_THERE = (126, 127)
"""How a shell says that a command cannot be run, or is not there. Source: POSIX, 2.8.2 Exit Status for Commands."""
Named = tuple[str, str]
"""A workload and one of its containers."""


def tried(design: Design, part: Part) -> tuple[Part, tuple[str, ...]]:
    """A part whose containers can be followed, and what was said instead of what they run."""
    if not any(_has_command(each) for each in part.objects):
        return part, ()
    sim = design.start(part)
    sim.run(_SOON)
    before = dict(sim.state.table("containers").items())
    sim.run(_LATER)
    busy, missing = set(_busy(sim, before)), set(_missing(sim))
    if not busy | missing:
        return part, ()
    objects = deepcopy(part.objects)
    for manifest in objects:
        spec = template_of(manifest).get("spec") or {} if manifest["kind"] in WORKLOADS else {}
        for container in spec.get("containers") or []:
            if (ref(manifest), container.get("name") or "") in busy | missing:
                container |= {"command": _SERVE, "args": []}
    return Part(part.workloads, objects), tuple(_said(busy, missing))


def _has_command(manifest: dict[str, object]) -> bool:
    spec = template_of(manifest).get("spec") or {} if manifest["kind"] in WORKLOADS else {}
    return any(each.get("command") or each.get("args") for each in spec.get("containers") or [])


def _named(sim: Simulation) -> Iterator[tuple[str, Named, Container]]:
    """The containers: their key, whose they are, how they are."""
    for uid, sandbox in sim.state.table("sandboxes").items():
        workload = "/".join(workload_of(sim.state, sandbox.pod))
        for spec in sandbox.pod.spec.containers:
            key = f"{uid}/{spec.name}"
            row: Container | None = sim.state.get("containers", key)
            if row is not None:
                yield key, (workload, spec.name or ""), row


def _busy(sim: Simulation, before: dict[str, Container]) -> Iterator[Named]:
    """Those that have gone on working in one and the same process."""
    for key, named, row in _named(sim):
        old = before.get(key)
        if old is not None and old.running and row.running and old.started_us == row.started_us and old != row:
            yield named


def _missing(sim: Simulation) -> Iterator[Named]:
    """Those that end again and again because what they are to run is not there."""
    for _, named, row in _named(sim):
        is_no_command = row.reason == "StartError" and "exec:" in row.message
        if row.restarts and (row.exit_code in _NOT_THERE or is_no_command):
            yield named


def _said(busy: set[Named], missing: set[Named]) -> Iterator[str]:
    for found, why in ((busy, "for they go round for ever"), (missing, "for what they run is not known")):
        if found:
            yield f"containers {', '.join(sorted({name for _, name in found}))}: run as servers, {why}"
