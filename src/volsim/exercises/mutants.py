"""Mutants: plausible wrong semantics, each one controller with another `sync`.

A mutant is a rule change, not a patched module: `Mutant.engine()` is a value beside the true engine, and
``Simulation(engine=…)`` takes it. Each is what somebody really believes; a property or a test is worth something if it
tells the mutant from the truth.
"""

from __future__ import annotations

from collections.abc import Iterable

from volsim.apiserver.admission import PVC_PROTECTION
from volsim.apiserver.writes import Delete, Put, Update, UpdateStatus, Write
from volsim.control import protection
from volsim.control.contract import NOTHING, Choose, Outcome
from volsim.control.kubelet import pods as kubelet
from volsim.control.kubelet.volumes import pod_directory, volume_directory
from volsim.control.persistent_volume import binder, reclaimer, volumes
from volsim.control.writing import annotated, without_finalizer
from volsim.errors import VolsimError, did_you_mean
from volsim.exercises.semantics import Mutant
from volsim.exercises.wrong import bytes as wrong_bytes
from volsim.exercises.wrong import claims as wrong_claims
from volsim.exercises.wrong import nodes as wrong_nodes
from volsim.objects import PersistentVolume, PersistentVolumeClaim
from volsim.objects.binding import BIND_COMPLETED, access_modes_fit, claim_class, volume_class
from volsim.state import View
from volsim.state.runtime import Machine, Sandbox
from volsim.storage import tree
from volsim.storage.backends import Backend, backend_of
from volsim.storage.sources import SOURCES, source_of

__all__ = ["MUTANTS", "Mutant", "mutant"]

_FAMILY = {kind.name: kind.family for kind in SOURCES}


def mutant(name: str) -> Mutant:
    """The mutant called `name`. Raises `VolsimError` if there is none.

    >>> mutant("binder-ignores-sizes")
    Traceback (most recent call last):
        ...
    volsim.errors.VolsimError: there is no mutant 'binder-ignores-sizes'; did you mean 'binder-ignores-size'?
    """
    found = MUTANTS.get(name)
    if found is None:
        raise VolsimError(f"there is no mutant {name!r}; {did_you_mean(name, MUTANTS)}")
    return found


# -- binding -----------------------------------------------------------------------------------------------------------
def _is_unbound(claim: PersistentVolumeClaim | None) -> bool:
    return claim is not None and not claim.spec.volume_name and BIND_COMPLETED not in claim.metadata.annotations


def _alike(view: View, claim: PersistentVolumeClaim) -> list[PersistentVolume]:
    """The volumes of the claim's class that have its access modes, whatever their size and whoever has them."""
    return [
        volume
        for volume in view.persistent_volumes.values()
        if volume_class(volume) == claim_class(claim) and access_modes_fit(claim, volume)
    ]


def bind_any_size(view: View, key: str) -> Outcome | Choose:
    """Bind a claim to the first free volume of its class and modes."""
    claim = view.persistent_volume_claims.get(key)
    if claim is not None and _is_unbound(claim) and not binder.delays_binding(view, claim):
        for volume in _alike(view, claim):
            if volume.status.phase == "Available" and volume.spec.claim_ref is None:
                return binder.bind(view, volume, claim)
    return binder.sync(view, key)


def bind_shared(view: View, key: str) -> Outcome | Choose:
    """Bind a claim to a volume that another claim has, if its modes allow several writers; leave it at that."""
    claim = view.persistent_volume_claims.get(key)
    if claim is not None and claim.status.phase == "Bound" and claim.spec.volume_name in view.persistent_volumes:
        return NOTHING  # whomever the volume refers to
    if claim is not None and _is_unbound(claim):
        for volume in _alike(view, claim):
            if volume.status.phase == "Bound" and "ReadWriteMany" in volume.spec.access_modes:
                return _share(volume, claim)
    return binder.sync(view, key)


def _share(volume: PersistentVolume, claim: PersistentVolumeClaim) -> Outcome:
    new = annotated(claim.replace(spec=claim.spec.replace(volume_name=volume.name)), BIND_COMPLETED)
    status = new.status.replace(phase="Bound", access_modes=volume.spec.access_modes, capacity=volume.spec.capacity)
    return Outcome(
        (Update(new), UpdateStatus(new.replace(status=status))),
        says=f"bind claim {claim.key} to volume {volume.name}, which is bound already",
    )


# -- reclaiming --------------------------------------------------------------------------------------------------------
def delete_retained(view: View, key: str) -> Outcome:
    """Delete a released volume and its bytes although it is to be retained."""
    volume = view.persistent_volumes.get(key)
    if volume is None or volume.spec.persistent_volume_reclaim_policy != "Retain":
        return reclaimer.sync(view, key)
    if not reclaimer.is_released(view, volume) or volume.metadata.deletion_timestamp is not None:
        return NOTHING
    gone = Delete("persistentvolumes", key, uid=volume.metadata.uid)
    return Outcome((*_wiped(view, volume), gone), says=f"delete volume {key} and what is on it")


def _wiped(view: View, volume: PersistentVolume) -> tuple[Write, ...]:
    """The writes by which the bytes of a volume go, if they are on a server or a disk behind the network."""
    name, source = source_of(volume.spec)
    if name is None or _FAMILY[name] not in ("export", "disk"):
        return ()
    where, path = backend_of(name, source)
    backend: Backend | None = view.get("backends", where)
    if backend is None or not tree.exists(backend.root, path or "/"):
        return ()
    root = tree.rmtree(backend.root, path) if path.strip("/") else tree.Directory()
    return (Put("backends", where, backend.replace(root=root)),)


def free_released(view: View, key: str) -> Outcome:
    """Make a volume available again as soon as its claim is gone."""
    volume = view.persistent_volumes.get(key)
    if volume is None or volume.spec.claim_ref is None or not volume.spec.claim_ref.uid:
        return volumes.sync(view, key)
    if volumes.claim_of(view, volume) is not None:
        return volumes.sync(view, key)
    free = volume.replace(spec=volume.spec.replace(claim_ref=None))
    return Outcome((Update(free), *volumes.in_phase(free, "Available").writes), says=f"volume {key} is free again")


def let_claim_go(view: View, key: str) -> Outcome:
    """Let a deleted claim go at once, whoever uses it."""
    claim = view.persistent_volume_claims.get(key)
    if claim is None or claim.metadata.deletion_timestamp is None:
        return protection.sync_claim(view, key)
    if PVC_PROTECTION not in claim.metadata.finalizers:
        return NOTHING
    return Outcome((Update(without_finalizer(claim, PVC_PROTECTION)),), says=f"let claim {key} go")


# -- emptyDirs ---------------------------------------------------------------------------------------------------------
def _machine(view: View, node: str, writes: Iterable[Write]) -> Machine | None:
    """A node's machine as it is after the writes."""
    found: Machine | None = view.get("machines", node)
    for write in writes:
        if isinstance(write, Put) and (write.table, write.key) == ("machines", node):
            found = write.value
    return found


def _with_machine(outcome: Outcome, node: str, machine: Machine) -> Outcome:
    """The outcome, with another machine at the end of it."""
    kept = [
        write
        for write in outcome.writes
        if not (isinstance(write, Put) and (write.table, write.key) == ("machines", node))
    ]
    return outcome._replace(writes=(Put("machines", node, machine), *kept))


def keep_empty_dirs(view: View, key: str) -> Outcome:
    """Leave the directories of a pod that goes on its node's disk."""
    outcome = kubelet.sync(view, key)
    path = pod_directory(key.rpartition("@")[2])
    sandbox: Sandbox | None = view.get("sandboxes", key.rpartition("@")[2])
    before: Machine | None = view.get("machines", sandbox.node) if sandbox is not None else None
    after = _machine(view, sandbox.node, outcome.writes) if sandbox is not None else None
    if sandbox is None or before is None or after is None or tree.exists(after.disk, path):
        return outcome
    kept = tree.lookup(before.disk, path)
    if kept is None:
        return outcome
    disk = tree.put(tree.mkdir(after.disk, path.rpartition("/")[0], parents=True), path, kept)
    return _with_machine(outcome, sandbox.node, after.replace(disk=disk))


def empty_at_restart(view: View, key: str) -> Outcome:
    """Empty a pod's emptyDirs whenever one of its containers is started again."""
    outcome = kubelet.sync(view, key)
    uid = key.rpartition("@")[2]
    sandbox: Sandbox | None = view.get("sandboxes", uid)
    restarted = any(
        write.value is not None and write.value.restarts > _restarts(view, write.key)
        for write in outcome.writes
        if isinstance(write, Put) and write.table == "containers"
    )
    machine = _machine(view, sandbox.node, outcome.writes) if sandbox is not None else None
    if sandbox is None or machine is None or not restarted:
        return outcome
    disk = machine.disk
    for volume in sandbox.pod.spec.volumes:
        path = volume_directory(uid, "emptyDir", volume.name or "")
        if volume.empty_dir is not None and tree.exists(disk, path):
            disk = tree.mkdir(tree.rmtree(disk, path), path, mode=0o777)
    return _with_machine(outcome, sandbox.node, machine.replace(disk=disk))


def _restarts(view: View, key: str) -> int:
    row = view.get("containers", key)
    return 0 if row is None else int(row.restarts)


# -- nodes -------------------------------------------------------------------------------------------------------------
def never_evict(view: View, key: str) -> Outcome:
    """Do nothing about pods on tainted nodes."""
    return NOTHING


_ALL = (
    Mutant(
        name="binder-ignores-size",
        title="A claim is bound to a volume that is too small",
        belief="The binder matches class and access modes, and 'requests' sounds like a wish. A volume's capacity is "
        "only a label, which nothing enforces on an NFS export.",
        controller="pv-binder",
        sync=bind_any_size,
    ),
    Mutant(
        name="binder-shares-volume",
        title="Several claims are bound to one ReadWriteMany volume",
        belief="ReadWriteMany sounds as if many claims could have the volume. It is many nodes that can mount it, "
        "through one claim.",
        controller="pv-binder",
        sync=bind_shared,
    ),
    Mutant(
        name="reclaimer-deletes-retained",
        title="A volume with the policy Retain goes with its claim, and so do its bytes",
        belief="Whoever deletes a claim means its data; what else should be deleted with it?",
        controller="pv-reclaimer",
        sync=delete_retained,
    ),
    Mutant(
        name="released-is-available",
        title="A volume whose claim was deleted can be claimed again at once, with what is on it",
        belief="The claim is gone and nobody uses the volume, so it must be free; Released sounds just like that.",
        controller="pv-phases",
        sync=free_released,
    ),
    Mutant(
        name="claim-goes-at-once",
        title="A claim can be deleted under the pod that uses it",
        belief="`kubectl delete` deletes. A claim is only a piece of paper, and the pod has mounted its volume.",
        controller="pvc-protection",
        sync=let_claim_go,
    ),
    Mutant(
        name="empty-dir-stays",
        title="What was in a deleted pod's emptyDir is still on the node's disk",
        belief="It is a directory on the node's disk, and disks do not forget; one only has to know where to look.",
        controller="kubelet",
        sync=keep_empty_dirs,
    ),
    Mutant(
        name="empty-dir-dies-with-container",
        title="An emptyDir is empty again after its container was restarted",
        belief="What a container writes is gone when it restarts; only persistent volumes are kept, and this is none.",
        controller="kubelet",
        sync=empty_at_restart,
    ),
    Mutant(
        name="eviction-never-comes",
        title="Pods of a node that fails are never replaced",
        belief="A node that does not answer may come back, so Kubernetes leaves its pods alone until an administrator "
        "decides.",
        controller="taint-eviction",
        sync=never_evict,
    ),
)

MUTANTS: dict[str, Mutant] = {
    each.name: each for each in (*_ALL, *wrong_bytes.MUTANTS, *wrong_claims.MUTANTS, *wrong_nodes.MUTANTS)
}
"""All mutants, by name."""
