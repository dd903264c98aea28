"""The clusters that the benchmarks work on, built through the API server as anybody would build them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from volsim.apiserver import requests
from volsim.engine.cluster import bootstrap, default_engine, node_objects
from volsim.engine.perform import Engine
from volsim.objects import (
    Container,
    Deployment,
    DeploymentSpec,
    LabelSelector,
    NFSVolumeSource,
    Node,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource,
    PersistentVolumeSpec,
    Pod,
    PodSpec,
    PodTemplateSpec,
    Taint,
    Volume,
    VolumeMount,
    VolumeResourceRequirements,
)
from volsim.objects._record import FrozenDict
from volsim.quantity import Quantity
from volsim.rules import Rules
from volsim.state import Draft, State


def volume(number: int) -> PersistentVolume:
    """Volume i has i+1 Mi, so that exactly one is the best for claim i."""
    return PersistentVolume(
        metadata=ObjectMeta(name=f"pv-{number:06}"),
        spec=PersistentVolumeSpec(
            capacity={"storage": Quantity(f"{number + 1}Mi")},
            access_modes=("ReadWriteOnce",),
            storage_class_name="",
            nfs=NFSVolumeSource(server="10.0.0.9", path=f"/exports/{number}"),
        ),
    )


def claim(number: int) -> PersistentVolumeClaim:
    """Claim i asks for i+1 Mi of no class."""
    return PersistentVolumeClaim(
        metadata=ObjectMeta(name=f"c-{number:06}", namespace="default"),
        spec=PersistentVolumeClaimSpec(
            access_modes=("ReadWriteOnce",),
            storage_class_name="",
            resources=VolumeResourceRequirements(requests={"storage": Quantity(f"{number + 1}Mi")}),
        ),
    )


def cluster(nodes: int = 0) -> tuple[Engine, Draft]:
    """A draft of a cluster with so many nodes, all of them Ready."""
    engine = default_engine()
    rules = Rules()
    draft = State.empty(rules).draft(engine.watches)
    bootstrap(draft)
    for node in node_objects(nodes, rules):
        requests.create(draft, node)
    draft.take_changes()
    run(engine, draft)
    return engine, draft


def run(engine: Engine, draft: Draft) -> int:
    """Do what is ready now; the number of actions."""
    count = 0
    while draft.first_ready() is not None:
        action = engine.next_action(draft)
        assert action is not None
        engine.sync(draft, action)
        count += 1
    return count


def create(draft: Draft, obj: object) -> None:
    """POST, as one step."""
    requests.create(draft, obj)
    draft.take_changes()


@contextmanager
def quiet_gc() -> Iterator[None]:
    """No collection inside, what is there already left out of the later ones."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


# -- pods and nodes ----------------------------------------------------------------------------------------------------
def pod(number: int, **spec: Any) -> Pod:
    """A pod with one container that serves until it is stopped."""
    container = Container(name="c", image="nginx:1", volume_mounts=_mounts(spec.get("volumes", ())))
    return Pod(
        metadata=ObjectMeta(name=f"p-{number:06}", namespace="default"), spec=PodSpec(containers=(container,), **spec)
    )


def _mounts(volumes: tuple[Volume, ...]) -> tuple[VolumeMount, ...]:
    return tuple(VolumeMount(name=each.name, mount_path=f"/{each.name}") for each in volumes)


def claimed(number: int) -> dict[str, Any]:
    """The part of a pod's spec by which it uses claim `number`."""
    source = PersistentVolumeClaimVolumeSource(claim_name=f"c-{number:06}")
    return {"volumes": (Volume(name="data", persistent_volume_claim=source),)}


def deployment(replicas: int) -> Deployment:
    """A Deployment of pods that want nothing."""
    template = PodTemplateSpec(
        metadata=ObjectMeta(labels={"app": "web"}), spec=PodSpec(containers=(Container(name="c", image="nginx:1"),))
    )
    return Deployment(
        metadata=ObjectMeta(name="web", namespace="default"),
        spec=DeploymentSpec(replicas=replicas, selector=LabelSelector(match_labels={"app": "web"}), template=template),
    )


OBSTACLES = ("tainted", "full", "unlabelled", "elsewhere")
"""Why a node cannot take a pod: a taint, pods, no label that the pod selects, another zone than that of its volume."""
ZONE = "topology.kubernetes.io/zone"


def crowd(nodes: int, free: int, obstacle: str) -> tuple[Engine, Draft]:
    """A cluster of which only the first `free` nodes can take a pod that `wishes(obstacle)` belong to."""
    engine, draft = cluster(nodes)
    for number, name in enumerate(list(draft.nodes)):
        node, blocked = draft.nodes[name], number >= free
        meta, spec, status = node.metadata, node.spec, node.status
        labels = {**meta.labels, "disk": "none" if blocked else "ssd", ZONE: "b" if blocked else "a"}
        if blocked and obstacle == "tainted":
            spec = spec.replace(taints=(Taint(key="dedicated", value="db", effect="NoSchedule"),))
        if blocked and obstacle == "full":
            status = status.replace(allocatable=FrozenDict({**status.allocatable, "pods": Quantity("1")}))
            there = pod(100_000 + number, node_name=name)
            draft.put("pods", there.key, there)
        draft.put("nodes", name, Node(metadata=meta.replace(labels=FrozenDict(labels)), spec=spec, status=status))
    if obstacle == "elsewhere":
        zonal = volume(0)
        labelled = zonal.metadata.replace(labels=FrozenDict({ZONE: "a"}))
        create(draft, zonal.replace(metadata=labelled))
        create(draft, claim(0))
    draft.take_changes()
    run(engine, draft)
    return engine, draft


def wishes(obstacle: str) -> dict[str, Any]:
    """What a pod wants in such a cluster."""
    if obstacle == "unlabelled":
        return {"node_selector": {"disk": "ssd"}}
    return claimed(0) if obstacle == "elsewhere" else {}
