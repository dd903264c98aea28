"""How long bytes live: each type of volume, each thing that ends a life, and what is left then.

Each cell of the matrix is run, none is looked up: a pod writes a file into the volume, something happens, and a pod
like it is started where the volume is to be used next. Then it is seen whether that pod reads the file, and if not,
whether the bytes are anywhere at all.

>>> lifetime("emptyDir", "container crash"), lifetime("emptyDir", "pod deleted"), lifetime("hostPath", "pod moved")
('kept', 'gone', 'left behind')
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from volsim.engine.simulation import Simulation
from volsim.errors import VolsimError, did_you_mean
from volsim.rules import NEWEST, Rules
from volsim.state import State
from volsim.storage import tree
from volsim.storage.tree import Directory, File

__all__ = ["ENDINGS", "OUTCOMES", "VOLUMES", "lifetime", "lifetimes"]

MARK = b"written before"
DRIVER = "disks.example.com"
_PATH = "/data/mark"
_SIZE = {"storage": "1Gi"}
_NFS = {"server": "nas", "path": "/export"}

VOLUMES = (
    "container's own layer",
    "emptyDir",
    "emptyDir in memory",
    "hostPath",
    "nfs",
    "generic ephemeral",
    "claim of a disk",
    "claim of an export",
    "claim of a local directory",
)
"""What is looked at, from what lives shortest on."""

ENDINGS = (
    "container crash",
    "pod deleted",
    "pod moved",
    "node rebooted",
    "node destroyed",
    "claim deleted: Retain",
    "claim deleted: Delete",
    "claim deleted: Recycle",
)
"""What happens. A deleted pod is made again on the same node, a moved one on another, as that of a destroyed node is.
The class of storage that is made for a claim says Delete, unless the ending says something else."""

OUTCOMES = {
    "kept": "the next container or pod reads the file",
    "left behind": "the next one does not, but the bytes are somewhere: a person can get at them",
    "gone": "the bytes are nowhere",
    "": "there is no such thing: the volume has no claim, or its storage is made for it and cannot be recycled",
}


# -- what is run -------------------------------------------------------------------------------------------------------
def _source(volume: str) -> dict[str, Any]:
    """The volume as it stands in the pod."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": _SIZE}, "storageClassName": "disks"}
    sources: dict[str, dict[str, Any]] = {
        "emptyDir": {"emptyDir": {}},
        "emptyDir in memory": {"emptyDir": {"medium": "Memory"}},
        "hostPath": {"hostPath": {"path": "/srv/app", "type": "DirectoryOrCreate"}},
        "nfs": {"nfs": _NFS},
        "generic ephemeral": {"ephemeral": {"volumeClaimTemplate": {"spec": claim}}},
    }
    return sources.get(volume, {"persistentVolumeClaim": {"claimName": "data"}})


def _pod(volume: str, node: str) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "app", "image": "nginx"}
    spec: dict[str, Any] = {"containers": [container], "nodeSelector": {"kubernetes.io/hostname": node}}
    if volume != "container's own layer":
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        spec["volumes"] = [{"name": "data", **_source(volume)}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": spec}


def _storage(volume: str, policy: str) -> list[dict[str, Any]]:
    """The class of disks and, for a claim, its volume."""
    made: list[dict[str, Any]] = [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "disks"},
            "provisioner": DRIVER,
            "reclaimPolicy": policy if policy != "Recycle" else "Delete",
        }
    ]
    if not volume.startswith("claim"):
        return made
    class_name = "disks" if volume == "claim of a disk" else ""
    if not class_name:
        source: dict[str, Any] = {"nfs": _NFS}
        if volume == "claim of a local directory":
            here = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node01"]}
            affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}
            source = {"local": {"path": "/srv/app"}, "nodeAffinity": affinity}
        spec = {"capacity": _SIZE, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": policy, **source}
        made.append({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv"}, "spec": spec})
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": class_name, "resources": {"requests": _SIZE}}
    made.append({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec})
    return made


@lru_cache(maxsize=64)
def _started(volume: str, policy: str, version: tuple[int, int]) -> Simulation:
    """A cluster in which the pod has written its file."""
    sim = Simulation(nodes=2, rules=Rules.for_version(version))
    sim.install_csi_driver(DRIVER)
    sim.apply([*_storage(volume, policy), _pod(volume, "node01")])
    sim.run(until=_runs, limit="5m")
    sim.exec("app", ["mkdir", "-p", "/data"])
    sim.write_file("app", _PATH, MARK)
    return sim


def _runs(sim: Simulation) -> bool:
    (pod,) = sim.list("pods", "default")
    return pod.status.phase == "Running"  # type: ignore[no-any-return]


def _start_again(sim: Simulation, volume: str, node: str) -> None:
    """Start the pod where its volume is used next; it may be that it cannot."""
    sim.apply(_pod(volume, node))
    sim.run("20m")


# -- what happens ------------------------------------------------------------------------------------------------------
def _crash(sim: Simulation, volume: str) -> None:
    sim.crash_container("app")
    sim.run("1m")


def _delete_pod(sim: Simulation, volume: str, node: str = "node01") -> None:
    sim.delete("pod/app")
    sim.run("5m")
    _start_again(sim, volume, node)


def _move_pod(sim: Simulation, volume: str) -> None:
    _delete_pod(sim, volume, "node02")


def _reboot(sim: Simulation, volume: str) -> None:
    sim.fail_node("node01")
    sim.run("30s")
    sim.recover_node("node01")
    sim.run("20m")


def _destroy(sim: Simulation, volume: str) -> None:
    sim.destroy_node("node01")
    sim.delete("pod/app", force=True)
    sim.delete("node/node01")
    sim.run("1m")
    _start_again(sim, volume, "node02")


def _delete_claim(sim: Simulation, volume: str) -> None:
    sim.delete("pod/app")
    sim.run("2m")
    if volume.startswith("claim"):
        sim.delete("pvc/data")
    sim.run("20m")


_HAPPENS: dict[str, Callable[[Simulation, str], None]] = {
    "container crash": _crash,
    "pod deleted": _delete_pod,
    "pod moved": _move_pod,
    "node rebooted": _reboot,
    "node destroyed": _destroy,
}


# -- what is left ------------------------------------------------------------------------------------------------------
def _is_read(sim: Simulation) -> bool:
    """Whether the pod that is there now reads the file."""
    try:
        return sim.read_file("app", _PATH) == MARK
    except VolsimError:
        return False


def _trees(state: State) -> Iterator[Directory]:
    """All that holds bytes: the disks and memory of nodes, layers of containers, what is behind the network."""
    for machine in state.table("machines").values():
        yield machine.disk
    for sandbox in state.table("sandboxes").values():
        if sandbox.boot == state.get("machines", sandbox.node).boot:
            yield from sandbox.memory.values()
    for key, container in state.table("containers").items():
        sandbox = state.get("sandboxes", key.partition("/")[0])
        if sandbox is not None and container.boot == state.get("machines", sandbox.node).boot and container.running:
            yield container.layer
    for backend in state.table("backends").values():
        yield backend.root


def _is_anywhere(state: State) -> bool:
    return any(isinstance(node, File) and node.data == MARK for root in _trees(state) for _, node in tree.walk(root))


def lifetime(volume: str, ending: str, version: tuple[int, int] = NEWEST) -> str:
    """What is left of a volume's bytes (one of `OUTCOMES`) when something has happened (one of `ENDINGS`).

    Raises `VolsimError` for a name that is not in `VOLUMES` or `ENDINGS`. Cost: one short simulation.
    """
    for name, known in ((volume, VOLUMES), (ending, ENDINGS)):
        if name not in known:
            raise VolsimError(f"{name!r} is not looked at; {did_you_mean(name, known)}")
    event, _, policy = ending.partition(": ")
    has_claim = volume.startswith("claim") or volume == "generic ephemeral"
    if policy and (not has_claim or (volume == "generic ephemeral" and policy == "Recycle")):
        return ""
    sim = _started(volume, policy or "Delete", version).fork()
    if volume == "claim of a disk" and policy == "Recycle":
        claim: Any = sim.get("pvc/data")
        sim.patch(f"pv/{claim.spec.volume_name}", {"spec": {"persistentVolumeReclaimPolicy": "Recycle"}})
    _HAPPENS.get(event, _delete_claim)(sim, volume)
    if _is_read(sim):
        return "kept"
    return "left behind" if _is_anywhere(sim.state) else "gone"


def lifetimes(version: tuple[int, int] = NEWEST) -> Iterator[tuple[str, str, str]]:
    """The whole matrix as (volume, ending, what is left), row by row.

    >>> next(lifetimes())
    ("container's own layer", 'container crash', 'gone')
    """
    for volume in VOLUMES:
        for ending in ENDINGS:
            yield volume, ending, lifetime(volume, ending, version)
