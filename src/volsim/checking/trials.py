"""What containers really run is tried before anything is explored: what nobody can follow stands as a server.

A script that goes round for ever (it writes the date each second) never comes back to where it was. A command that the
image here does not hold says nothing about the design, nor does a program that ends at once even where each of its
volumes is an empty directory: it lacks a password or the like, which whoever deploys it may well give it.

>>> loop = {"name": "c", "image": "busybox", "command": ["sh", "-c", "while true; do date; sleep 5; done"]}
>>> pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [loop]}}
>>> design = Design.read(pod, nodes=1)
>>> part, said = tried(design, design.parts()[0])
>>> part.objects[-1]["spec"]["containers"][0]["command"]
['sh', '-c', "trap 'exit 0' TERM; sleep infinity & wait"]
>>> said
('containers c: run as servers, for they go round for ever',)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy

from volsim.analysis.living import workload_of
from volsim.checking.design import Design, Part
from volsim.checking.made_up import MADE_UP, configuration_of
from volsim.checking.workloads import WORKLOADS, Manifest, ref, template_of
from volsim.programs.images import image_for
from volsim.simulation import Simulation
from volsim.state.runtime import Container

__all__ = ["tried"]

_SOON, _LATER = "10m", "10m"
"""When it is looked first, and how much later again: what works between is not at rest, and no back-off is longer."""
_SERVE = ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"]
"""What serves until it is told to stop, as an image does of which nothing is known."""
_NOT_THERE = (126, 127)
"""How a shell says that a command cannot be run, or is not there. Source: POSIX, 2.8.2 Exit Status for Commands."""
_CONFIGURATION = frozenset({"configMap", "secret", "projected", "downwardAPI"})
_BUSY, _MISSING = "for they go round for ever", "for what they run is not known"
_ENDED = "for what they run ends at once: it lacks settings that no manifest gives"
Named = tuple[str, str]
"""A workload and one of its containers."""


def tried(design: Design, part: Part) -> tuple[Part, tuple[str, ...]]:
    """A part whose containers can be followed, and what was said instead of what they run."""
    if not any(_runs_something(each) for each in _containers(part.objects)):
        return part, ()
    sim = design.start(part)
    sim.run(_SOON)
    before = dict(sim.state.table("containers").items())
    sim.run(_LATER)
    found = {why: set(names) for why, names in ((_BUSY, _busy(sim, before)), (_MISSING, _missing(sim)))}
    own = set(_on_their_own(part.objects))
    ended = set(_ended(sim, own)) - found[_MISSING]
    if ended:
        alone = design.start(Part(part.workloads, with_empty_volumes(part.objects)))
        alone.run(_SOON)
        found[_ENDED] = ended & set(_ended(alone, own))
    replaced = set().union(*found.values())
    if not replaced:
        return part, ()
    objects = deepcopy(part.objects)
    for manifest in objects:
        for container in _containers([manifest]):
            if (ref(manifest), container.get("name") or "") in replaced:
                container |= {"command": _SERVE, "args": []}
    return Part(part.workloads, objects), tuple(_said(found))


def _containers(objects: Iterable[Manifest]) -> Iterator[Manifest]:
    for manifest in objects:
        if manifest["kind"] in WORKLOADS:
            yield from (template_of(manifest).get("spec") or {}).get("containers") or []


def _runs_something(container: Manifest) -> bool:
    """Whether more is known of what a container runs than that it serves."""
    return bool(container.get("command") or container.get("args")) or image_for(container.get("image") or "").known


def _on_their_own(objects: Sequence[Manifest]) -> Iterator[Named]:
    """The containers that run what their image runs by itself, or with configuration that nobody has defined."""
    made = {ref(each) for each in objects if MADE_UP in (each["metadata"].get("annotations") or {})}
    for manifest in objects:
        spec = template_of(manifest).get("spec") or {} if manifest["kind"] in WORKLOADS else {}
        namespace = manifest["metadata"].get("namespace", "default")
        is_lost = any(f"{kind}/{namespace}/{name}" in made for kind, name, _ in configuration_of(spec))
        for container in _containers([manifest]):
            if is_lost or not container.get("command"):
                yield ref(manifest), container.get("name") or ""


def with_empty_volumes(objects: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """The objects, with an empty directory, to be written, in place of each volume that could hold anything.

    >>> used = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
    >>> pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [], "volumes": [used]}}
    >>> with_empty_volumes([pod])[0]["spec"]["volumes"]
    [{'name': 'v', 'emptyDir': {}}]
    """
    changed = deepcopy(tuple(objects))
    for manifest in changed:
        if manifest["kind"] not in WORKLOADS:
            continue
        spec = template_of(manifest).get("spec") or {}
        for container in spec.get("containers") or []:
            container["volumeMounts"] = [{**each, "readOnly": False} for each in container.get("volumeMounts") or []]
        templates = (manifest.get("spec") or {}).pop("volumeClaimTemplates", None) or []
        names = [each["metadata"]["name"] for each in templates]
        volumes = [each for each in spec.get("volumes") or [] if each["name"] not in names]
        spec["volumes"] = [
            *(each if _CONFIGURATION & each.keys() else {"name": each["name"], "emptyDir": {}} for each in volumes),
            *({"name": name, "emptyDir": {}} for name in names),
        ]
    return changed


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


def _ended(sim: Simulation, own: set[Named]) -> Iterator[Named]:
    """Those that have ended with an error, of `own`."""
    for _, named, row in _named(sim):
        if not row.running and row.exit_code and named in own:
            yield named


def _said(found: dict[str, set[Named]]) -> Iterator[str]:
    for why, names in found.items():
        if names:
            yield f"containers {', '.join(sorted({name for _, name in names}))}: run as servers, {why}"
