"""What a check asks of a design: one question for each kind of finding and whom it may happen to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from volsim.analysis.living import Living, Use, living, workload_of
from volsim.analysis.orphans import orphans
from volsim.apiserver.eviction import evict
from volsim.checking.design import Part
from volsim.checking.marks import Mark, exists, is_found, written_by
from volsim.checking.plans import ROLLED_OUT, kinds_of
from volsim.checking.provisioners import in_tree_source
from volsim.checking.remedies import helps
from volsim.checking.workloads import BY_HAND, Manifest, claim_specs, claims_of, ref, volumes_of
from volsim.control.kubelet.claims import has_plugin
from volsim.errors import Conflict, NotFound, VolsimError
from volsim.exploration.properties import Property, always, eventually, within
from volsim.objects import Job, PersistentVolume, Pod
from volsim.objects.binding import PROVISIONED_BY
from volsim.rules import Rules
from volsim.simulation import Simulation
from volsim.state import State
from volsim.storage.backends import NETWORK, backend_of
from volsim.storage.sources import SOURCES, is_switched_off, source_of

__all__ = ["Question", "is_rolled_out", "questions_after", "questions_at_start", "runs"]

_WORLD = ("node-return", "partition", "backend-loss", "reboot")
"""The faults that go by again: what counts is what is so when they have."""


@attrs.frozen
class Question:
    """A property, and the finding that it is if it does not hold."""

    code: str
    objects: tuple[str, ...]
    prop: Property
    summary: str
    remedy: str


def _asked(code: str, objects: tuple[str, ...], prop: Property, summary: str, remedy: str = "") -> Question:
    return Question(code, objects, prop, summary, remedy or helps(code, objects[0]))


# -- what is so in a state ---------------------------------------------------------------------------------------------
def is_calm(sim: Simulation) -> bool:
    """Whether nothing is broken that may come back."""
    state = sim.state
    machines = all(
        machine.destroyed or (machine.powered and machine.connected and machine.kubelet)
        for machine in state.table("machines").unordered()
    )
    return machines and all(backend.reachable for backend in state.table("backends").unordered())


def runs(sim: Simulation, name: str) -> bool:
    """Whether a workload has all its pods, and each really runs; a job, whether it is done (and perhaps removed)."""
    kind, namespace, short = name.split("/")
    state = sim.state
    if kind == "Job":
        job = state.get("jobs", f"{namespace}/{short}")
        return job is None or _is_done(job) or _count(sim, name) > 0
    if kind == "Pod":
        pod: Pod | None = state.pods.get(f"{namespace}/{short}")
        if pod is not None and pod.status.phase == "Succeeded":
            return True
        return _count(sim, name) >= 1
    found = state.get(_TABLES[kind], f"{namespace}/{short}")
    if found is None:
        return False
    if kind == "DaemonSet":
        return _count(sim, name) >= min(found.status.desired_number_scheduled or 0, _alive(sim))
    wanted = found.spec.replicas
    return _count(sim, name) >= (1 if wanted is None else wanted)


def _is_done(job: Job) -> bool:
    return any(each.type == "Complete" and each.status == "True" for each in job.status.conditions)


_TABLES = {
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
    "ReplicaSet": "replicasets",
    "ReplicationController": "replicationcontrollers",
}


_LAST: list[tuple[list[Any], tuple[Living, ...]]] = []


def _pods(sim: Simulation) -> tuple[Living, ...]:
    """The living pods; remembered for the state that was asked about last, for many questions ask it of one."""
    state = sim.state
    tables = [state.table(name) for name in ("sandboxes", "containers", "machines", "pods", "replicasets", "jobs")]
    last = _LAST[0] if _LAST else None
    if last is None or any(one is not other for one, other in zip(last[0], tables, strict=True)):
        last = (tables, tuple(living(state)))
        _LAST[:] = [last]
    return last[1]


def _alive(sim: Simulation) -> int:
    return sum(machine.answers and not machine.destroyed for machine in sim.state.table("machines").unordered())


def _count(sim: Simulation, name: str) -> int:
    workload = tuple(name.split("/"))
    return sum(each.serves and each.workload == workload for each in _pods(sim))


def is_rolled_out(sim: Simulation, name: str) -> bool:
    """Whether every pod that the workload wants is of its newest template, and ready."""
    kind, namespace, short = name.split("/")
    found = sim.state.get(_TABLES[kind], f"{namespace}/{short}")
    if found is None:
        return False
    status, generation = found.status, found.metadata.generation or 0
    if (status.observed_generation or 0) < generation:
        return False
    if kind != "Deployment" and found.spec.update_strategy.type == "OnDelete":
        return runs(sim, name)
    if kind == "DaemonSet":
        wanted = min(status.desired_number_scheduled or 0, _alive(sim))
        return (status.updated_number_scheduled or 0) >= wanted and runs(sim, name)
    wanted = 1 if found.spec.replicas is None else found.spec.replicas
    held_back = _held_back(found)  # pods below the partition of a StatefulSet stay as they are
    is_all_new = (status.updated_replicas or 0) >= wanted - held_back and (status.replicas or 0) == wanted
    return is_all_new and runs(sim, name)


def _held_back(workload: Any) -> int:
    rolling = workload.spec.update_strategy.rolling_update if workload.kind == "StatefulSet" else None
    return int(rolling.partition or 0) if rolling is not None else 0


# -- the questions -----------------------------------------------------------------------------------------------------
def questions_at_start(sim: Simulation, part: Part) -> list[Question]:
    """What is asked of the design before anything goes wrong."""
    return list(_start(sim, part))


def _start(sim: Simulation, part: Part) -> Iterator[Question]:
    for name in part.workloads:
        removed = sorted(set(_removed_types(sim, part, name)))
        yield _asked(
            "VS601" if removed else "VS301",
            (name,),
            eventually(f"{name} comes to run", lambda sim, name=name: _runs_at_last(sim, name)),
            f"{name} never comes to run"
            + (f": Kubernetes {sim.rules.git_version} mounts no {', '.join(removed)} any more" if removed else ""),
        )


def _removed_types(sim: Simulation, part: Part, name: str) -> Iterator[str]:
    """The types of a workload's volumes that kubelets of this version cannot mount, or nobody provisions any more."""
    types = {kind.name for kind in SOURCES} - {"persistentVolumeClaim", "ephemeral"}
    has_claims = any(ref(each) == name and claims_of(each) for each in part.objects)
    for manifest in part.objects:
        volumes = volumes_of(manifest) if ref(manifest) == name else []
        if has_claims and manifest["kind"] == "PersistentVolume":
            volumes = [manifest["spec"]]
        elif has_claims and manifest["kind"] == "StorageClass" and _is_named(manifest, part):
            source = in_tree_source(manifest.get("provisioner") or "")
            volumes = [{source: {}}]
        for volume in volumes:
            yield from (each for each in types & volume.keys() if _is_gone(each, sim.rules))


def _is_named(storage_class: Manifest, part: Part) -> bool:
    name = storage_class["metadata"].get("name")
    return any(spec.get("storageClassName") == name for each in part.objects for spec in claim_specs(each))


def _is_gone(source: str, rules: Rules) -> bool:
    return not has_plugin(source, rules) or is_switched_off(source, rules)


def questions_after(
    sim: Simulation,
    part: Part,
    fault: str,
    marks: tuple[Mark, ...],
    within_seconds: float | None,
    read_only: frozenset[str] = frozenset(),
) -> list[Question]:
    """What is asked of the design under a fault, of those workloads that ran before."""
    up = [name for name in part.workloads if runs(sim, name)]
    found = list(_after(sim, part, fault, marks, within_seconds, up))
    return found if "deletion" in kinds_of(fault) else [*found, *_writers(sim, read_only)]


def _after(
    sim: Simulation, part: Part, fault: str, marks: tuple[Mark, ...], seconds: float | None, up: list[str]
) -> Iterator[Question]:
    kinds = kinds_of(fault)
    passes = any(kind in _WORLD for kind in kinds)
    if "deletion" in kinds:
        yield from _deletion(part, marks, _disks_of_volumes(sim))
        return
    for name in up:
        if "rollout" in kinds and name.partition("/")[0] in ROLLED_OUT:
            yield _asked(
                "VS302",
                (name,),
                eventually(
                    f"{name} is rolled out",
                    lambda sim, name=name: is_rolled_out(sim, name) or _waits_for_a_job(sim, name),
                ),
                f"a rollout of {name} can stop for ever",
            )
        elif "drain" in kinds:
            yield _asked(
                "VS501",
                (name,),
                eventually(f"{name} leaves a node that is drained", lambda sim, name=name: not _is_held(sim, name)),
                f"a node on which {name} runs cannot be drained",
            )
        if _has_ended(sim, name):
            continue  # it runs again when its time comes, or has nothing more to do
        yield _asked(
            "VS303",
            (name,),
            eventually(
                f"{name} runs again",
                lambda sim, name=name: (passes and not is_calm(sim)) or _runs_at_last(sim, name),
            ),
            f"after {{fault}}, {name} does not run again without an administrator",
        )
        if seconds is not None:
            yield _asked(
                "VS304",
                (name,),
                within(
                    f"{name} runs again within {seconds:g} s",
                    seconds,
                    lambda sim, name=name: (passes and not is_calm(sim)) or _runs_at_last(sim, name),
                ),
                f"after {{fault}}, {name} may need longer than {seconds:g} s to run again",
            )
    yield from _data(marks, passes=passes)
    if owners := sorted({"/".join(each.workload) for each in _pods(sim) if _has_ephemeral(sim, each)}):
        yield _storage_question(tuple(owners), _disks_of_volumes(sim))
    if not {*_WORLD, "node-loss", "disk-loss"} & set(kinds):
        yield _asked(
            "VS402",
            part.workloads,
            eventually("nothing terminates for ever", _nothing_terminates),
            "after {fault}, something is deleted and never goes",
        )


def _runs_at_last(sim: Simulation, name: str) -> bool:
    """Whether a workload runs, or waits for nothing but a job that ends some day."""
    return runs(sim, name) or _waits_for_a_job(sim, name)


def _waits_for_a_job(sim: Simulation, name: str) -> bool:
    """Whether the pod of a job runs with a claim that the workload's own pods want, too."""
    state, workload = sim.state, tuple(name.split("/"))
    jobs = [each for each in _pods(sim) if each.workload[0] == "Job" and each.workload != workload]
    held = {use.claim for each in jobs for use in each.uses if use.claim}
    return bool(held) and any(
        workload_of(state, pod) == workload and held & set(_claim_keys(pod)) for pod in state.pods.unordered()
    )


def _has_ephemeral(sim: Simulation, each: Living) -> bool:
    pod = sim.state.pods.get(each.key)
    return pod is not None and any(volume.ephemeral is not None for volume in pod.spec.volumes)


def _has_ended(sim: Simulation, name: str) -> bool:
    """Whether a pod of its own has done what it was for, or a job comes again by itself."""
    kind, _, key = name.partition("/")
    if kind == "Job":
        job = sim.state.get("jobs", key)
        return job is not None and BY_HAND in job.metadata.annotations
    pod = sim.state.pods.get(key) if kind == "Pod" else None
    return pod is not None and pod.status.phase == "Succeeded"


def _is_held(sim: Simulation, name: str) -> bool:
    """Whether a pod of the workload stays on a node that is being drained, as things are.

    A drain tries again what a budget refuses; a pod that nobody owns it does not touch without ``--force``.
    """
    kind = name.partition("/")[0]
    if kind == "DaemonSet":
        return False
    workload, nodes = tuple(name.split("/")), sim.state.nodes
    mine = [each for each in _pods(sim) if each.workload == workload and each.node in nodes]
    drained = [each for each in mine if nodes[each.node].spec.unschedulable]
    return any(kind == "Pod" or not _may_be_evicted(sim, each) for each in drained)


def _may_be_evicted(sim: Simulation, each: Living) -> bool:
    try:
        evict(sim.state.draft(), each.key, uid=each.uid, dry_run=True)
    except (NotFound, Conflict):
        return True  # it is gone already
    except VolsimError:
        return False
    return True


def _nothing_terminates(sim: Simulation) -> bool:
    """Whether nothing is deleted that does not go; a claim that a pod uses, and its volume, go with that pod."""
    state = sim.state
    used = {key for pod in state.pods.unordered() if _is_at_work(pod) for key in _claim_keys(pod)}
    for table in ("pods", "namespaces"):
        if any(obj.metadata.deletion_timestamp is not None for obj in state.table(table).unordered()):
            return False
    for key, claim in state.persistent_volume_claims.items():
        if claim.metadata.deletion_timestamp is not None and key not in used:
            return False
    return not any(
        volume.metadata.deletion_timestamp is not None and _claim_that_stays(state, volume, used) is None
        for volume in state.persistent_volumes.unordered()
    )


def _is_at_work(pod: Pod) -> bool:
    return bool(pod.spec.node_name) and pod.status.phase not in ("Succeeded", "Failed")


def _claim_keys(pod: Pod) -> Iterator[str]:
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            yield f"{pod.metadata.namespace}/{volume.persistent_volume_claim.claim_name}"
        elif volume.ephemeral is not None:
            yield f"{pod.metadata.namespace}/{pod.name}-{volume.name}"


def _claim_that_stays(state: State, volume: PersistentVolume, used: set[str]) -> str | None:
    """The claim that a volume is bound to and that nobody has deleted, or that goes with its pods."""
    bound = volume.spec.claim_ref
    key = f"{bound.namespace}/{bound.name}" if bound is not None and volume.status.phase == "Bound" else ""
    claim = state.persistent_volume_claims.get(key)
    return key if claim is not None and (claim.metadata.deletion_timestamp is None or key in used) else None


def _place(mark: Mark) -> str:
    if mark.claim and mark.source != "ephemeral":
        return f"claim {mark.claim.partition('/')[2]}"
    return f"{mark.source} volume {mark.volume}"


def _data(marks: tuple[Mark, ...], *, passes: bool) -> Iterator[Question]:
    by_volume: dict[tuple[tuple[str, str, str], str], list[Mark]] = {}
    for mark in marks:
        by_volume.setdefault((mark.workload, mark.volume), []).append(mark)
    for (workload, volume), mine in by_volume.items():
        name, objects = "/".join(workload), ("/".join(workload), f"volume {volume}")
        yield _asked(
            "VS101",
            objects,
            always(
                f"what {name} wrote to {volume} is not lost",
                lambda sim, mine=mine: all(exists(sim.state, mark) for mark in mine),
            ),
            f"what {name} had written to its {_place(mine[0])} is gone after {{fault}}",
        )
        yield _asked(
            "VS102",
            objects,
            eventually(
                f"{name} finds in {volume} what it wrote",
                lambda sim, mine=mine, name=name: (passes and not is_calm(sim)) or not _is_left(sim, name, mine),
            ),
            f"after {{fault}}, {name} runs again without what it had written to its {_place(mine[0])}",
        )


def _is_left(sim: Simulation, name: str, marks: list[Mark]) -> bool:
    """Whether the workload runs, and of what it wrote something exists that none of its pods finds.

    What a daemon wrote is for the daemon of the same node: where none runs, nobody goes without.
    """
    if not runs(sim, name):
        return False
    state = sim.state
    pods = list(_pods(sim))
    places = {each.node for each in pods if each.serves and "/".join(each.workload) == name}
    asked = [mark for mark in marks if not name.startswith("DaemonSet/") or mark.node in places]
    return any(not is_found(state, mark, pods) and exists(state, mark) for mark in asked)


def _writers(sim: Simulation, read_only: frozenset[str]) -> Iterator[Question]:
    """For all data that one pod at a time should write: whether two can."""
    users: dict[Data, set[str]] = {}
    volumes: dict[Data, str] = {}
    for each in living(sim.state):
        for use in each.uses:
            if (data := _data_of(use)) is not None:
                users.setdefault(data, set()).add("/".join(each.workload))
                volumes.setdefault(data, f"claim {use.claim}" if use.claim else f"volume {use.volume}")
    for data, names in users.items():
        if _is_for_one(sim, data, names):
            yield _asked(
                "VS201",
                (*sorted(names), volumes[data]),
                always(
                    f"one pod at a time writes {volumes[data]} of {', '.join(sorted(names))}",
                    lambda sim, data=data: _count_writers(sim, data, read_only) <= 1,
                ),
                f"under {{fault}}, two pods can write {volumes[data].removeprefix('claim ')} at once",
            )


Data = tuple[str, ...]
"""A claim's key, and the node if the bytes are on its disk; or a backend that pods name, and a path in it."""
_OF_NODES = ("disk", "memory", "device")


def _data_of(use: Use) -> Data | None:
    """The data that a pod uses, if it can be reached from several nodes or is a claim's."""
    place = use.place
    if use.claim:
        return (use.claim, place.name if place.kind in _OF_NODES else "")
    return None if place.kind in _OF_NODES else (place.kind, place.name, place.path)


def _is_for_one(sim: Simulation, data: Data, names: set[str]) -> bool:
    """Whether one pod at a time should write data: so says the access mode, or else the workload."""
    claim = sim.state.persistent_volume_claims.get(data[0])
    modes = set(claim.spec.access_modes) if claim is not None else set()
    if modes & {"ReadWriteOnce", "ReadWriteOncePod"} and "ReadWriteMany" not in modes:
        return True
    return modes != {"ReadOnlyMany"} and len(names) == 1 and _is_alone(sim, *names, is_own=bool(claim))


def _is_alone(sim: Simulation, name: str, *, is_own: bool) -> bool:
    """Whether a workload never means to have two pods at once that use the same; a set has claims for each pod."""
    kind, namespace, short = name.split("/")
    if kind not in ("Deployment", "StatefulSet"):
        return kind == "Pod"
    found = sim.state.get(_TABLES[kind], f"{namespace}/{short}")
    replicas = 1 if found.spec.replicas is None else found.spec.replicas
    if kind == "StatefulSet":
        return replicas <= 1 or (is_own and bool(found.spec.volume_claim_templates))
    return replicas <= 1 and found.spec.strategy.type == "Recreate"


def _count_writers(sim: Simulation, data: Data, read_only: frozenset[str]) -> int:
    return sum(
        any(_data_of(use) == data and _can_write(sim, each, use, read_only) for use in each.uses) for each in _pods(sim)
    )


def _can_write(sim: Simulation, each: Living, use: Use, read_only: frozenset[str]) -> bool:
    """Whether a pod can write a volume: not if the disk has been taken from its node meanwhile."""
    if not use.paths or not written_by(sim.state.table("sandboxes")[each.uid].pod, use, read_only):
        return False
    backend = sim.state.get("backends", use.place.name) if use.place.kind.endswith("attached") else None
    return backend is None or each.node in backend.attached_to


def _disks_of_volumes(sim: Simulation) -> frozenset[str]:
    """The disks of which PersistentVolumes speak; one that only a pod names was made by hand, and is its maker's."""
    found = (source_of(volume.spec) for volume in sim.state.persistent_volumes.unordered())
    return frozenset(backend_of(name, source)[0] for name, source in found if name in NETWORK)


def _is_left_over(sim: Simulation, disks: frozenset[str]) -> bool:
    """Whether a disk is left that no volume speaks of, or one that was made for a claim and is kept without it."""
    state = sim.state
    left = (state.get("backends", name) for name in orphans(state))
    return any(each.family == "disk" and (each.name in disks or each.name.startswith("pvc-")) for each in left) or any(
        volume.status.phase == "Released"
        and volume.spec.persistent_volume_reclaim_policy == "Retain"
        and PROVISIONED_BY in volume.metadata.annotations
        for volume in state.persistent_volumes.unordered()
    )


def _storage_question(owners: tuple[str, ...], disks: frozenset[str]) -> Question:
    return _asked(
        "VS401",
        owners,
        eventually("no storage is left that nobody will free", lambda sim: not _is_left_over(sim, disks)),
        "after {fault}, storage is left that nothing will ever free",
    )


def _deletion(part: Part, marks: tuple[Mark, ...], disks: frozenset[str]) -> Iterator[Question]:
    claimed = [mark for mark in marks if mark.claim]
    for mark in claimed:
        yield _asked(
            "VS101",
            ("/".join(mark.workload), f"claim {mark.claim}"),
            always(
                f"the data of {mark.claim} is not lost ({mark.path})", lambda sim, mark=mark: exists(sim.state, mark)
            ),
            f"with the claim {mark.claim}, its data goes, too",
        )
    owners = tuple(dict.fromkeys("/".join(mark.workload) for mark in claimed)) or part.workloads
    yield _storage_question(owners, disks)
    yield _asked(
        "VS402",
        tuple(dict.fromkeys("/".join(mark.workload) for mark in marks)) or part.workloads,
        eventually("nothing terminates for ever", _nothing_terminates),
        "after {fault}, something is deleted and never goes",
    )
