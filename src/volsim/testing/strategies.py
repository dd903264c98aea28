"""Hypothesis strategies for objects, for whole clusters, and for what can be done to them.

What they make is valid: the API server of the newest version accepts it. It is meant to collide: there are few names,
sizes near to each other, mixed classes and modes, claims that ask for what some volumes have. It shrinks to what reads
best: the first name, the smallest size, no options.

Each strategy takes strategies for the names that it uses, so that what is made fits to what else there is.

>>> from hypothesis import given
>>> @given(claims(names=st.just("data"), classes=st.just("fast")))
... def check_that_the_claim_is_as_asked_for(claim):
...     assert (claim.name, claim.spec.storage_class_name) == ("data", "fast")
>>> check_that_the_claim_is_as_asked_for()
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from volsim.errors import VolsimError
from volsim.objects import (
    Container,
    EmptyDirVolumeSource,
    HostPathVolumeSource,
    ISCSIPersistentVolumeSource,
    LocalVolumeSource,
    NFSVolumeSource,
    Node,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    NodeSpec,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource,
    PersistentVolumeSpec,
    Pod,
    PodSpec,
    StorageClass,
    Taint,
    Volume,
    VolumeMount,
    VolumeNodeAffinity,
    VolumeResourceRequirements,
)
from volsim.quantity import Quantity
from volsim.simulation import Simulation
from volsim.testing.clusters import Call, cluster_of

__all__ = [
    "access_modes",
    "actions",
    "claims",
    "clusters",
    "nodes",
    "objects",
    "persistent_volumes",
    "pods",
    "quantities",
    "sizes",
    "storage_classes",
]

VOLUMES, CLAIMS, PODS = ("v1", "v2", "v3"), ("c1", "c2", "c3"), ("p1", "p2", "p3")
NODES, CLASSES = ("node01", "node02", "node03"), ("fast", "slow")
"""The names that objects get unless others are asked for."""

_CLASSES = ("", "", "", *CLASSES)  # more often none than any other: it is there without being made

_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany")
_OFTEN = (("ReadWriteOnce",), ("ReadWriteMany",)) * 4
"""What is drawn as often as all other sets of access modes together: else hardly a claim would find a volume."""
_SUFFIXES = ("", "k", "Ki", "M", "Mi", "G", "Gi", "T", "Ti")
PAUSES = ("1s", "15s", "1m", "10m", "1h")
"""How long one may wait: less and more than a resync, than a silent node is noticed, than its pods are evicted."""


# -- amounts and modes -------------------------------------------------------------------------------------------------
def quantities(*, min_value: str = "0", max_value: str = "10Ti") -> SearchStrategy[Quantity]:
    """Quantities between two others, with any suffix in which a whole number lies between them.

    Raises `VolsimError` if there is none. Shrinks to the smallest one, with the shortest suffix.
    """
    least, most = Quantity(min_value).nano, Quantity(max_value).nano
    choices = []
    for suffix in _SUFFIXES:
        unit = Quantity(f"1{suffix}").nano
        if -(-least // unit) <= most // unit:
            numbers = st.integers(-(-least // unit), most // unit)
            choices.append(numbers.map(f"{{}}{suffix}".format))
    if not choices:
        raise VolsimError(
            f"there is no whole number from {min_value} to {max_value}; give bounds that are further apart"
        )
    return st.builds(Quantity, st.one_of(choices))


def sizes() -> SearchStrategy[Quantity]:
    """Sizes of storage, of which several are equal and others just miss: 1Gi to 3Gi.

    Shrinks to 1Gi.
    """
    return st.builds(Quantity, st.sampled_from(["1Gi", "2Gi", "3Gi", "1500Mi"]))


def access_modes() -> SearchStrategy[tuple[str, ...]]:
    """Sets of access modes as they may stand together: ReadWriteOncePod stands alone.

    Shrinks to ReadWriteOnce.
    """
    sets = [modes for number in (1, 2, 3) for modes in combinations(_MODES, number)]
    return st.sampled_from([*_OFTEN, *sets, ("ReadWriteOncePod",)])


def _metas(names: SearchStrategy[str], **more: Any) -> SearchStrategy[ObjectMeta]:
    return st.builds(ObjectMeta, name=names, **more)


def _or(given: SearchStrategy[Any] | None, usual: Sequence[Any]) -> SearchStrategy[Any]:
    """What was asked for, or one of the usual values."""
    return st.sampled_from(usual) if given is None else given


# -- objects -----------------------------------------------------------------------------------------------------------
def nodes(*, names: SearchStrategy[str] | None = None) -> SearchStrategy[Node]:
    """Nodes, some of them in a zone, tainted or cordoned.

    Shrinks to a plain node, node01.
    """
    zones = st.sampled_from([None, "a", "b"]).map(lambda zone: {"topology.kubernetes.io/zone": zone} if zone else {})
    taints = st.just(()) | st.just((Taint(key="dedicated", value="db", effect="NoSchedule"),))
    specs = st.builds(NodeSpec, taints=taints, unschedulable=st.none() | st.just(True))
    return st.builds(Node, metadata=_metas(_or(names, NODES), labels=zones), spec=specs)


def storage_classes(*, names: SearchStrategy[str] | None = None) -> SearchStrategy[StorageClass]:
    """StorageClasses that make no volumes, or whose CSI driver may not be there; some are the default.

    Shrinks to a class that binds at once and makes no volumes.
    """
    is_default = st.booleans().map(lambda yes: {"storageclass.kubernetes.io/is-default-class": "true"} if yes else {})
    return st.builds(
        StorageClass,
        metadata=_metas(_or(names, CLASSES), annotations=is_default),
        provisioner=st.sampled_from(["kubernetes.io/no-provisioner", "csi.example.com"]),
        volume_binding_mode=st.sampled_from([None, "WaitForFirstConsumer"]),
        reclaim_policy=st.sampled_from([None, "Retain"]),
        allow_volume_expansion=st.none() | st.just(True),
    )


def _on_node(name: str) -> VolumeNodeAffinity:
    here = NodeSelectorRequirement(key="kubernetes.io/hostname", operator="In", values=(name,))
    return VolumeNodeAffinity(required=NodeSelector(node_selector_terms=(NodeSelectorTerm(match_expressions=(here,)),)))


@st.composite
def _persistent_volumes(
    draw: st.DrawFn, names: SearchStrategy[str], specs: SearchStrategy[PersistentVolumeSpec], nodes: SearchStrategy[str]
) -> PersistentVolume:
    name, spec, kind = draw(names), draw(specs), draw(_KINDS)
    if kind == "nfs":
        spec = spec.replace(nfs=NFSVolumeSource(server="nfs.example.com", path=f"/{name}"))
    elif kind == "hostPath":
        spec = spec.replace(host_path=HostPathVolumeSource(path=f"/data/{name}"))
    elif kind == "local":
        spec = spec.replace(local=LocalVolumeSource(path=f"/mnt/{name}"), node_affinity=_on_node(draw(nodes)))
    else:
        iqn = f"iqn.2026-01.com.example:{name}"
        disk = ISCSIPersistentVolumeSource(target_portal="10.0.0.1:3260", iqn=iqn, lun=0)
        spec = spec.replace(iscsi=disk)
    return PersistentVolume(
        metadata=ObjectMeta(name=name), spec=spec.replace(persistent_volume_reclaim_policy=draw(_POLICIES[kind]))
    )


_KINDS = st.sampled_from(["nfs", "hostPath", "local", "iscsi"])
_POLICIES = {  # only these two have a recycler, and the API server refuses the policy for others
    kind: st.sampled_from([None, "Delete", *(["Recycle"] if kind in ("nfs", "hostPath") else [])])
    for kind in ("nfs", "hostPath", "local", "iscsi")
}


def persistent_volumes(
    *,
    names: SearchStrategy[str] | None = None,
    classes: SearchStrategy[str] | None = None,
    node_names: SearchStrategy[str] | None = None,
) -> SearchStrategy[PersistentVolume]:
    """PersistentVolumes: exports, directories and disks of nodes, disks behind the network; of all policies.

    Shrinks to an NFS volume v1 of 1Gi without a class.
    """
    specs = st.builds(
        PersistentVolumeSpec,
        capacity=st.fixed_dictionaries({"storage": sizes()}),
        access_modes=access_modes(),
        storage_class_name=_or(classes, _CLASSES),
    )
    return _persistent_volumes(_or(names, VOLUMES), specs, _or(node_names, NODES))


def claims(
    *,
    names: SearchStrategy[str] | None = None,
    classes: SearchStrategy[str] | None = None,
    volume_names: SearchStrategy[str] | None = None,
) -> SearchStrategy[PersistentVolumeClaim]:
    """PersistentVolumeClaims: of no class, of some, or of whatever is the default; a few name their volume.

    Shrinks to a claim c1 for 1Gi without a class.
    """
    named = st.none() | (_or(volume_names, VOLUMES))
    requests = st.fixed_dictionaries({"storage": sizes()})
    specs = st.builds(
        PersistentVolumeClaimSpec,
        access_modes=access_modes(),
        storage_class_name=_or(classes, (*_CLASSES, None)),
        resources=st.builds(VolumeResourceRequirements, requests=requests),
        volume_name=named,
    )
    metadata = _metas(_or(names, CLAIMS), namespace=st.just("default"))
    return st.builds(PersistentVolumeClaim, metadata=metadata, spec=specs)


def _volumes(claim_names: SearchStrategy[str]) -> SearchStrategy[Volume]:
    """Volumes of a pod that have no name yet."""
    return st.one_of(
        st.builds(Volume, empty_dir=st.builds(EmptyDirVolumeSource, medium=st.sampled_from([None, "Memory"]))),
        st.builds(Volume, host_path=st.builds(HostPathVolumeSource, path=st.sampled_from(["/data", "/logs"]))),
        st.builds(Volume, persistent_volume_claim=st.builds(PersistentVolumeClaimVolumeSource, claim_name=claim_names)),
    )


@st.composite
def _pods(
    draw: st.DrawFn,
    names: SearchStrategy[str],
    volumes: SearchStrategy[list[Volume]],
    policies: SearchStrategy[str | None],
) -> Pod:
    named = tuple(volume.replace(name=f"data{number}") for number, volume in enumerate(draw(volumes), 1))
    mounts = tuple(VolumeMount(name=volume.name, mount_path=f"/{volume.name}") for volume in named)
    container = Container(name="app", image="nginx", volume_mounts=mounts)
    spec = PodSpec(containers=(container,), volumes=named, restart_policy=draw(policies))
    return Pod(metadata=ObjectMeta(name=draw(names), namespace="default"), spec=spec)


def pods(
    *,
    names: SearchStrategy[str] | None = None,
    claim_names: SearchStrategy[str] | None = None,
    max_volumes: int = 2,
) -> SearchStrategy[Pod]:
    """Pods of one container that mounts all of the pod's volumes: emptyDir, hostPath, claims.

    Shrinks to a pod p1 without volumes.
    """
    volumes = st.lists(_volumes(_or(claim_names, CLAIMS)), max_size=max_volumes)
    return _pods(_or(names, PODS), volumes, st.sampled_from([None, "OnFailure", "Never"]))


# -- clusters and what can be done to them -----------------------------------------------------------------------------
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


def actions() -> SearchStrategy[Call]:
    """Calls of a simulation: letting time pass, deleting, breaking nodes and mending them, and creating.

    Some are refused, because what they mean is not there. Shrinks to letting a second pass.
    """
    refs = [*(f"pod/{name}" for name in PODS), *(f"pvc/{name}" for name in CLAIMS), *(f"pv/{name}" for name in VOLUMES)]
    return st.one_of(
        st.builds(Call, st.just("run"), st.sampled_from(PAUSES)),
        st.builds(Call, st.just("delete"), st.sampled_from(refs)),
        st.builds(
            Call,
            st.sampled_from(["fail_node", "recover_node", "partition_node", "heal_node", "cordon", "uncordon"]),
            st.sampled_from(NODES),
        ),
        st.builds(Call, st.just("crash_container"), st.sampled_from(PODS)),
        st.builds(Call, st.just("create"), persistent_volumes() | claims() | pods() | storage_classes()),
    )
