"""What the scheduler's tests share: manifests of nodes, pods and volumes, and clusters with few controllers."""

from __future__ import annotations

from typing import Any

import volsim
from tests.control.workloads import engine_of
from volsim.apiserver import requests
from volsim.control.scheduler.framework import Attempt
from volsim.control.scheduler.search import best, search
from volsim.manifests import from_manifest
from volsim.objects import Condition, Pod
from volsim.state import Draft

Manifest = dict[str, Any]


def node(name: str, *, labels: dict[str, str] | None = None, taints: Any = None, **allocatable: Any) -> Manifest:
    """A node; `allocatable` are its resources beside or instead of 4 cpu, 8Gi memory and 110 pods."""
    have = {"cpu": "4", "memory": "8Gi", "pods": "110", **allocatable}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {"taints": taints} if taints else {},
        "status": {"allocatable": have, "capacity": have},
    }


def zoned(*names: str) -> list[Manifest]:
    """Nodes ``a1``, ``a2``, ``b1``, … in the zone that their first letter names."""
    return [node(name, labels={"topology.kubernetes.io/zone": name[0]}) for name in names]


def pod(
    name: str = "web", *, labels: dict[str, str] | None = None, claims: tuple[str, ...] = (), **spec: Any
) -> Manifest:
    """A pod; `cpu` and `memory` in `spec` are what its container asks for, `claims` are mounted."""
    asked = {key: spec.pop(key) for key in ("cpu", "memory") if key in spec}
    container: Manifest = {"name": "c", "image": "nginx:1", "resources": {"requests": asked}}
    ports = spec.pop("ports", None)
    if ports:
        container["ports"] = ports
    volumes = [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"containers": [container], **({"volumes": volumes} if volumes else {}), **spec},
    }


def storage_class(name: str = "later", **fields: Any) -> Manifest:
    """A class that waits for the first consumer, and for which nobody makes volumes."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
        **fields,
    }


def claim(name: str = "data", size: str = "1Gi", storage_class: str | None = "later", **spec: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": storage_class,
            **spec,
        },
    }


def volume(name: str, size: str = "1Gi", *, node: str | None = None, storage_class: str = "later") -> Manifest:
    """A local volume of a node, or one that every node reaches."""
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    local = {
        "local": {"path": f"/mnt/{name}"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            **(local if node is not None else {"nfs": {"server": "nfs", "path": f"/{name}"}}),
        },
    }


def cluster(nodes: Any, *manifests: Manifest, more: tuple[str, ...] = (), **options: Any) -> volsim.Simulation:
    """A simulation in which only the scheduler works, and the controllers named in `more`; settled."""
    sim = volsim.Simulation(nodes=nodes, engine=engine_of("scheduler", *more), **options)
    for manifest in manifests:
        sim.apply(manifest)
    sim.settle()
    return sim


def place(sim: volsim.Simulation, name: str = "web") -> str | None:
    """The node that the pod was given."""
    return found_pod(sim, name).spec.node_name


def found_pod(sim: volsim.Simulation, name: str = "web") -> Pod:
    found = sim.get(f"pod/{name}")
    assert isinstance(found, Pod)
    return found


def scheduled(sim: volsim.Simulation, name: str = "web") -> Condition:
    """The pod's condition PodScheduled."""
    return next(each for each in found_pod(sim, name).status.conditions if each.type == "PodScheduled")


def said(sim: volsim.Simulation, name: str = "web") -> str:
    """Why the pod cannot be placed, as its condition says."""
    condition = scheduled(sim, name)
    assert condition.status == "False"
    return condition.message or ""


def why(sim: volsim.Simulation, name: str = "web") -> str:
    """Why the pod cannot be placed, without what is said of preemption."""
    return said(sim, name).partition(" no new claims to deallocate")[0]


def attempts(sim: volsim.Simulation, name: str = "web") -> list[float]:
    """When the pod was turned away, in seconds."""
    return [
        (event.last_timestamp or 0) / 1_000_000
        for event in sim.events
        if event.reason == "FailedScheduling" and event.involved_object and event.involved_object.name == name
    ]


def attempt_for(sim: volsim.Simulation, manifest: Manifest) -> Attempt:
    """An attempt to place a pod that is made for it, and of which the simulation does not know."""
    draft = sim.state.draft({})
    return Attempt(draft, created_pod(draft, manifest))


def created_pod(draft: Draft, manifest: Manifest) -> Pod:
    """A pod that is made in a draft."""
    obj = from_manifest(manifest)
    stored = requests.create(draft, obj.replace(metadata=obj.metadata.replace(namespace="default")))
    assert isinstance(stored, Pod)
    return stored


def possible(sim: volsim.Simulation, manifest: Manifest) -> list[str]:
    """The nodes that such a pod could go to."""
    return sorted(found.name for found in search(attempt_for(sim, manifest)).nodes)


def favourites(sim: volsim.Simulation, manifest: Manifest) -> list[str]:
    """Of the nodes that such a pod could go to the best."""
    attempt = attempt_for(sim, manifest)
    return best(attempt, search(attempt).nodes)
