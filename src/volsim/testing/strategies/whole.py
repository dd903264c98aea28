"""Strategies for what stands together: lists of objects, clusters, and designs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from volsim.simulation import Simulation
from volsim.testing.clusters import cluster_of
from volsim.testing.strategies.api_objects import (
    CLASSES,
    NODES,
    claims,
    nodes,
    persistent_volumes,
    pods,
    storage_classes,
)
from volsim.testing.strategies.pod_owners import deployments, stateful_sets

__all__ = ["clusters", "designs", "objects"]


@st.composite
def _one(draw: st.DrawFn, places: SearchStrategy[int], each: Sequence[SearchStrategy[Any]]) -> tuple[int, Any]:
    place = draw(places)
    return place, draw(each[place])


@st.composite
def _several(draw: st.DrawFn, numbers: SearchStrategy[int], one: SearchStrategy[tuple[int, Any]]) -> list[Any]:
    found: dict[int, Any] = {}
    for _ in range(draw(numbers)):
        place, made = draw(one)
        found.setdefault(place, made)
    return list(found.values())


def _some(each: Sequence[SearchStrategy[Any]], least: int = 0) -> SearchStrategy[list[Any]]:
    """What some of the strategies make, in any order; of one strategy at most one thing.

    A number and then so many draws, not a list of draws: Hypothesis can then leave out any one of them when it shrinks,
    however much went into it. What a strategy makes a second time is thrown away.
    """
    if not each:
        return st.just([])
    return _several(st.integers(least, len(each)), _one(st.integers(0, len(each) - 1), each))


def _numbered(stem: str, most: int) -> list[str]:
    return [f"{stem}{number}" for number in range(1, most + 1)]


def objects(
    *, max_classes: int = 1, max_volumes: int = 2, max_claims: int = 2, max_pods: int = 2
) -> SearchStrategy[list[Any]]:
    """Lists of objects for a cluster, all with different names, in any order.

    There are names for two classes, so there are at most as many. Shrinks to an empty list.
    """
    volume_names, claim_names = _numbered("v", max_volumes), _numbered("c", max_claims)
    maybe_volumes = st.sampled_from(volume_names) if volume_names else st.just("v1")
    maybe_claims = st.sampled_from(claim_names) if claim_names else st.just("c1")
    each = [
        *(persistent_volumes(names=st.just(name)) for name in volume_names),
        *(claims(names=st.just(name), volume_names=maybe_volumes) for name in claim_names),
        *(pods(names=st.just(name), claim_names=maybe_claims) for name in _numbered("p", max_pods)),
        *(storage_classes(names=st.just(name)) for name in CLASSES[:max_classes]),
    ]
    return _some(each)


def clusters(
    *,
    max_nodes: int = 3,
    max_classes: int = 1,
    max_volumes: int = 2,
    max_claims: int = 2,
    max_pods: int = 2,
) -> SearchStrategy[Simulation]:
    """Simulations of small clusters to which some objects have just been applied, in any order.

    There are names for three nodes and two classes, so there are at most as many. Shrinks to one node and no objects.
    """
    inside = objects(max_classes=max_classes, max_volumes=max_volumes, max_claims=max_claims, max_pods=max_pods)
    here = _some([nodes(names=st.just(name)) for name in NODES[:max_nodes]], least=1)
    return st.builds(cluster_of, objects=inside, nodes=here)


@st.composite
def _designs(draw: st.DrawFn, kinds: Sequence[str]) -> list[Any]:
    """A class, a volume and a claim that fit each other, and a workload that uses the claim."""
    classes = st.just(draw(st.sampled_from(["", *CLASSES])))
    (storage_class,) = [draw(classes)]
    volume = draw(persistent_volumes(names=st.just("v1"), classes=classes))
    claim = draw(claims(names=st.just("c1"), classes=classes, volume_names=st.just("v1")))
    claim = claim.replace(
        spec=claim.spec.replace(
            access_modes=volume.spec.access_modes[:1],
            resources=claim.spec.resources.replace(requests=volume.spec.capacity),
        )
    )
    names, claim_names = st.just("app1"), st.just("c1")
    if draw(st.sampled_from(kinds)) == "Deployment":
        workload: Any = draw(deployments(names=names, claim_names=claim_names))
    else:
        workload = draw(stateful_sets(names=names, claim_names=claim_names, classes=classes))
    made = [] if not storage_class else [draw(storage_classes(names=classes))]
    return [*made, volume, claim, workload]


def designs(*, kinds: Sequence[str] = ("Deployment", "StatefulSet")) -> SearchStrategy[list[Any]]:
    """What one would find in a folder of manifests: a workload with its claim, a volume that fits it, its class.

    Shrinks to an NFS volume, a claim for it, and a Deployment app1 of one pod that does not mount it.
    """
    return _designs(kinds)
