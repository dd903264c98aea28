"""What survives what: one workload with one volume, one fault, and what becomes of it within a day.

Each cell of the matrix is run, none is looked up. A pod writes a file; its node is struck; a day goes by. Then it is
seen whether the workload runs again, whether it finds the file, and which living containers could still change that
file. Where nobody runs again by himself, it is tried what a person could do.

>>> cell = survive("emptyDir", "Deployment", "power off")
>>> cell.where, cell.data, f"{cell.after_seconds:g} s"
('another node', 'left behind', '350 s')
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import attrs

from volsim.analysis.living import Living, living
from volsim.control.kubelet.configuration import MountError
from volsim.control.kubelet.containers import ConfigError, open_process
from volsim.control.kubelet.pods import work_on
from volsim.engine.perform import Engine
from volsim.engine.simulation import Simulation
from volsim.errors import FileError, LimitExceeded, VolsimError
from volsim.objects import Pod
from volsim.rules import Rules
from volsim.state import State
from volsim.storage import tree

__all__ = ["FAULTS", "REMEDIES", "VOLUMES", "WORKLOADS", "Remedy", "Survival", "matrix", "survive"]

NAME, DRIVER, MARK = "app", "disks.example.com", b"written before the fault"
STRUCK_AT_SECONDS, WITHIN, TRIED_FOR = 3600, "24h", "1h"
_PATH = "/data/mark"
_NFS = {"server": "nas", "path": "/app"}

VOLUMES = ("emptyDir", "hostPath", "NFS claim", "disk claim", "local claim")
"""Where the bytes may be: with the pod, on the node, on a file server, on a disk that is attached to one node at a
time, on a disk that is a part of a node."""
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


# -- what is run -------------------------------------------------------------------------------------------------------
def _template(volume: str, *, claimed_by_set: bool) -> dict[str, Any]:
    """A pod's template with the volume at /data, unless the workload makes a claim for each pod itself."""
    source: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "data"}}
    if volume == "emptyDir":
        source = {"emptyDir": {}}
    elif volume == "hostPath":
        source = {"hostPath": {"path": "/mnt/app", "type": "DirectoryOrCreate"}}
    mounts = [{"name": "data", "mountPath": "/data"}]
    spec: dict[str, Any] = {"containers": [{"name": "app", "image": "nginx", "volumeMounts": mounts}]}
    if not claimed_by_set:
        spec["volumes"] = [{"name": "data", **source}]
    return {"metadata": {"labels": {"app": NAME}}, "spec": spec}


def _workload(kind: str, volume: str) -> list[dict[str, Any]]:
    """The workload, and the claim that it needs if it does not make its own."""
    is_claim = volume.endswith("claim")
    per_pod = is_claim and kind == "StatefulSet"
    claim_spec = {
        "accessModes": ["ReadWriteMany" if volume == "NFS claim" else "ReadWriteOnce"],
        "storageClassName": _CLASS_OF.get(volume, ""),
        "resources": {"requests": {"storage": "1Gi"}},
    }
    metadata = {"name": "data"}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": NAME}},
        "template": _template(volume, claimed_by_set=per_pod),
    }
    if kind == "StatefulSet":
        spec["serviceName"] = NAME
        if per_pod:
            spec["volumeClaimTemplates"] = [{"metadata": metadata, "spec": claim_spec}]
    if kind == "DaemonSet":  # one node is enough, and a disk can be on one node only
        spec["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "node01"}
    made = [{"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": NAME}, "spec": spec}]
    if is_claim and not per_pod:
        made.insert(0, {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim_spec})
    return made


_CLASS_OF = {"disk claim": "disks", "local claim": "local"}


def _storage(volume: str) -> list[dict[str, Any]]:
    """What an administrator has prepared."""
    common = {"capacity": {"storage": "1Gi"}, "persistentVolumeReclaimPolicy": "Retain"}
    late = {"volumeBindingMode": "WaitForFirstConsumer", "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass"}
    if volume == "NFS claim":
        spec = {**common, "accessModes": ["ReadWriteMany"], "storageClassName": "", "nfs": _NFS}
        return [{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "export"}, "spec": spec}]
    if volume == "disk claim":
        return [{**late, "metadata": {"name": "disks"}, "provisioner": DRIVER}]
    if volume == "local claim":
        made: list[dict[str, Any]] = [
            {**late, "metadata": {"name": "local"}, "provisioner": "kubernetes.io/no-provisioner"}
        ]
        for node in ("node01", "node02", "node03"):
            here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
            spec = {
                **common,
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "local",
                "local": {"path": "/mnt/disk"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
            }
            made.append(
                {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"local-{node}"}, "spec": spec}
            )
        return made
    return []


def _running(volume: str, workload: str, rules: Rules, engine: Engine | None = None) -> State:
    """The cluster in which the workload runs and has written, just before it is struck."""
    sim = Simulation(nodes=3, rules=rules, engine=engine)
    sim.install_csi_driver(DRIVER)
    sim.apply([*_storage(volume), *_workload(workload, volume)])
    sim.settle()
    [pod] = sim.list("pods", "default")
    sim.write_file(pod.name, _PATH, MARK)
    sim.run(STRUCK_AT_SECONDS - sim.now)
    return sim.state


@lru_cache(maxsize=64)
def _known_running(volume: str, workload: str, rules: Rules) -> State:
    """The same for the controllers of Kubernetes: five faults strike each of these clusters."""
    return _running(volume, workload, rules)


# -- what is seen ------------------------------------------------------------------------------------------------------
def _current(sim: Simulation) -> Living | None:
    """The pod that people would name if they were asked what runs."""
    if not any(_says_ready(pod) for pod in sim.list("pods", "default")):  # that costs least: it is asked at every step
        return None
    return next((each for each in living(sim.state) if each.serves), None)


def _says_ready(pod: Pod) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions)


def _has_mark(state: State, pod: Living) -> bool:
    """Whether a process of the pod could read the file, and change it now."""
    work = work_on(state, pod.key, pod.uid)
    if work is None:
        return False
    try:
        files = open_process(work, work.pod.spec.containers[0], ()).files
        found: bytes = files.read(_PATH)
        files.write(_PATH, found)
    except (FileError, ConfigError, MountError):
        return False
    return found == MARK


def _exists(state: State) -> bool:
    """Whether the file is on any disk or server, whoever may reach it."""
    roots = [machine.disk for machine in state.table("machines").values()]
    roots += [backend.root for backend in state.table("backends").values()]
    return any(isinstance(file, tree.File) and file.data == MARK for root in roots for _, file in tree.walk(root))


# -- the faults --------------------------------------------------------------------------------------------------------
FAULTS: dict[str, Callable[[Simulation, str], None]] = {
    "power off": Simulation.fail_node,
    "reboot": Simulation.reboot_node,
    "partition": Simulation.partition_node,
    "node destroyed": Simulation.destroy_node,
    "drain": Simulation.drain,
}
"""What happens to the node on which the pod runs."""


def _force_delete(sim: Simulation, node: str) -> None:
    """Delete the pods of the node by force."""
    for pod in [each for each in sim.list("pods", "default") if each.spec.node_name == node]:
        sim.delete(f"pod/{pod.name}", force=True)


def _out_of_service(sim: Simulation, node: str) -> None:
    sim.taint(node, "node.kubernetes.io/out-of-service", "nodeshutdown", effect="NoExecute")


def _delete_node(sim: Simulation, node: str) -> None:
    sim.delete(f"node/{node}")


def _heal(sim: Simulation, node: str) -> None:
    """Undo the fault."""
    sim.recover_node(node)
    sim.heal_node(node)
    sim.uncordon(node)


REMEDIES: dict[str, Callable[[Simulation, str], None]] = {
    "the node comes back": _heal,
    "pod deleted by force": _force_delete,
    "out-of-service taint": _out_of_service,
    "Node deleted": _delete_node,
}
"""What could be done about a workload that does not run again."""


@attrs.frozen(kw_only=True)
class Remedy:
    """What comes of one thing that a person could do, a day after the fault.

    >>> Remedy(name="Node deleted", after_seconds=None, data="kept").runs
    False
    """

    name: str
    after_seconds: float | None
    """How long it takes until the workload runs again; None: it does not."""
    data: str
    two_writers: bool = False
    """Whether two living containers could change the same file meanwhile."""

    @property
    def runs(self) -> bool:
        """Whether it helps."""
        return self.after_seconds is not None


@attrs.frozen(kw_only=True)
class Survival:
    """What became of one workload with one volume after one fault, within a day and without anybody's help."""

    volume: str
    workload: str
    fault: str
    where: str
    """Where it runs again: `same pod`, `same node`, `another node`, or `nowhere`."""
    after_seconds: float | None
    """When it runs again; None: it does not."""
    data: str
    """`kept`: whoever runs finds it, or would if he ran; `left behind`: it exists, and whoever runs does not find it;
    `lost`."""
    writers: tuple[str, ...]
    """Who could change the file at the end of the day: `old pod`, `new pod`."""
    remedies: tuple[Remedy, ...] = ()
    """What could be done, where it runs nowhere."""


def survive(
    volume: str, workload: str, fault: str, *, kubernetes: str = "1.36", engine: Engine | None = None
) -> Survival:
    """Run one cell, with the controllers of Kubernetes or those of `engine`.

    Raises `VolsimError` for a word that is not in `VOLUMES`, `WORKLOADS`, `FAULTS`.
    """
    for word, known in ((volume, VOLUMES), (workload, WORKLOADS), (fault, FAULTS)):
        if word not in known:
            raise VolsimError(f"{word!r} is not one of {', '.join(map(repr, known))}")
    rules = Rules.for_version(kubernetes)
    state = _known_running(volume, workload, rules) if engine is None else _running(volume, workload, rules, engine)
    sim = Simulation.of(state, engine)
    [old] = living(state)
    FAULTS[fault](sim, old.node)
    after = _time_until_it_runs(sim)
    current = _current(sim)
    return Survival(
        volume=volume,
        workload=workload,
        fault=fault,
        where=_where(current, old),
        after_seconds=after,
        data=_data(sim, current),
        writers=_writers(sim, old),
        remedies=() if current is not None else tuple(_tried(sim, name, old) for name in REMEDIES),
    )


def _time_until_it_runs(sim: Simulation) -> float | None:
    """How long it takes until the workload runs; None if it does not within a day. The day has passed then."""
    end = sim.now + 86_400
    sim.run(0)  # what is due at this very instant
    try:
        after = sim.run(until=lambda later: _current(later) is not None, limit=WITHIN)
    except LimitExceeded:
        return None
    sim.run(end - sim.now)
    return after


def _where(current: Living | None, old: Living) -> str:
    if current is None:
        return "nowhere"
    if current.uid == old.uid:
        return "same pod"
    return "same node" if current.node == old.node else "another node"


def _data(sim: Simulation, current: Living | None) -> str:
    if not _exists(sim.state):
        return "lost"
    return "kept" if current is None or _has_mark(sim.state, current) else "left behind"


def _writers(sim: Simulation, old: Living) -> tuple[str, ...]:
    """Who could change the file now."""
    state = sim.state
    found = {"old pod" if each.uid == old.uid else "new pod" for each in living(state) if _has_mark(state, each)}
    return tuple(sorted(found, reverse=True))


def _tried(before: Simulation, name: str, old: Living) -> Remedy:
    """Try one remedy on a copy of the cluster."""
    sim = before.fork()
    try:
        REMEDIES[name](sim, old.node)
        after = sim.run(until=lambda later: _current(later) is not None, limit=TRIED_FOR)
    except VolsimError:
        after = None
    two = len(_writers(sim, old)) > 1
    return Remedy(name=name, after_seconds=after, data=_data(sim, _current(sim)), two_writers=two)


def matrix(*, kubernetes: str = "1.36") -> tuple[Survival, ...]:
    """All cells, by volume, fault and workload."""
    return tuple(
        survive(volume, workload, fault, kubernetes=kubernetes)
        for volume in VOLUMES
        for fault in FAULTS
        for workload in WORKLOADS
    )
