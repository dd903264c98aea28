"""Strategies for amounts, modes, and the objects that volumes are about."""

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

__all__ = [
    "CLAIMS",
    "CLASSES",
    "NODES",
    "PODS",
    "VOLUMES",
    "access_modes",
    "claims",
    "metas",
    "nodes",
    "one_of",
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


def metas(names: SearchStrategy[str], **more: Any) -> SearchStrategy[ObjectMeta]:
    """Metadata with one of the names."""
    return st.builds(ObjectMeta, name=names, **more)


def one_of(given: SearchStrategy[Any] | None, usual: Sequence[Any]) -> SearchStrategy[Any]:
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
    return st.builds(Node, metadata=metas(one_of(names, NODES), labels=zones), spec=specs)


def storage_classes(*, names: SearchStrategy[str] | None = None) -> SearchStrategy[StorageClass]:
    """StorageClasses that make no volumes, or whose CSI driver may not be there; some are the default.

    Shrinks to a class that binds at once and makes no volumes.
    """
    is_default = st.booleans().map(lambda yes: {"storageclass.kubernetes.io/is-default-class": "true"} if yes else {})
    return st.builds(
        StorageClass,
        metadata=metas(one_of(names, CLASSES), annotations=is_default),
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
        storage_class_name=one_of(classes, _CLASSES),
    )
    return _persistent_volumes(one_of(names, VOLUMES), specs, one_of(node_names, NODES))


def claims(
    *,
    names: SearchStrategy[str] | None = None,
    classes: SearchStrategy[str] | None = None,
    volume_names: SearchStrategy[str] | None = None,
) -> SearchStrategy[PersistentVolumeClaim]:
    """PersistentVolumeClaims: of no class, of some, or of whatever is the default; a few name their volume.

    Shrinks to a claim c1 for 1Gi without a class.
    """
    named = st.none() | (one_of(volume_names, VOLUMES))
    requests = st.fixed_dictionaries({"storage": sizes()})
    specs = st.builds(
        PersistentVolumeClaimSpec,
        access_modes=access_modes(),
        storage_class_name=one_of(classes, (*_CLASSES, None)),
        resources=st.builds(VolumeResourceRequirements, requests=requests),
        volume_name=named,
    )
    metadata = metas(one_of(names, CLAIMS), namespace=st.just("default"))
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
    volumes = st.lists(_volumes(one_of(claim_names, CLAIMS)), max_size=max_volumes)
    return _pods(one_of(names, PODS), volumes, st.sampled_from([None, "OnFailure", "Never"]))
