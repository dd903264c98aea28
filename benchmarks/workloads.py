"""The clusters that the benchmarks work on, built through the API server as anybody would build them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from volsim.apiserver import requests
from volsim.engine.cluster import bootstrap, default_engine, node_objects
from volsim.engine.perform import Engine
from volsim.objects import (
    NFSVolumeSource,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeSpec,
    VolumeResourceRequirements,
)
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
