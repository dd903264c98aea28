"""Strategies for what the API server refuses: a valid object with one thing wrong, and the field that is told of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from volsim.objects import (
    Deployment,
    HostPathVolumeSource,
    LabelSelector,
    NFSVolumeSource,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    StorageClass,
    Volume,
    VolumeMount,
)
from volsim.quantity import Quantity
from volsim.testing.strategies import api_objects, pod_owners

__all__ = [
    "Refused",
    "invalid_claims",
    "invalid_persistent_volumes",
    "invalid_pods",
    "invalid_quantities",
    "invalid_storage_classes",
    "invalid_workloads",
]


class Refused(NamedTuple):
    """An object that is refused, and a field that the error names."""

    obj: Any
    field: str


_Spoil = Callable[[Any], Refused]
_BAD_NAMES = ("Upper", "-a", "a_b", "a..b")


def _named(name: str) -> _Spoil:
    return lambda obj: Refused(obj.replace(metadata=obj.metadata.replace(name=name)), "metadata.name")


def _spoilt(objects: SearchStrategy[Any], ways: Sequence[_Spoil]) -> SearchStrategy[Refused]:
    each = [*ways, *map(_named, _BAD_NAMES)]
    return st.builds(lambda obj, spoil: spoil(obj), objects, st.sampled_from(each))


def _spec(field: str, **changes: Any) -> _Spoil:
    return lambda obj: Refused(obj.replace(spec=obj.spec.replace(**changes)), f"spec.{field}")


def _requests(claim: PersistentVolumeClaim, requests: dict[str, Quantity], field: str) -> Refused:
    resources = claim.spec.resources.replace(requests=requests)
    return Refused(claim.replace(spec=claim.spec.replace(resources=resources)), field)


def invalid_claims() -> SearchStrategy[Refused]:
    """Claims without access modes or a size, with a mode that there is not, with a bad name or class.

    Shrinks to a claim without access modes.
    """
    size = "spec.resources[storage]"
    ways: list[_Spoil] = [
        _spec("accessModes", access_modes=()),
        _spec("accessModes", access_modes=("ReadWrite",)),
        _spec("accessModes", access_modes=("ReadWriteOncePod", "ReadWriteOnce")),
        lambda claim: _requests(claim, {}, size),
        lambda claim: _requests(claim, {"storage": Quantity("0")}, size),
        _spec("storageClassName", storage_class_name="Not a name"),
        _spec("volumeMode", volume_mode="Tape"),
    ]
    return _spoilt(api_objects.claims(), ways)


def _two_sources(volume: PersistentVolume) -> Refused:
    both = volume.spec.replace(
        nfs=NFSVolumeSource(server="nfs.example.com", path="/"),
        host_path=HostPathVolumeSource(path="/data"),
        iscsi=None,
        local=None,
        node_affinity=None,
    )
    return Refused(volume.replace(spec=both), "spec.nfs")


def invalid_persistent_volumes() -> SearchStrategy[Refused]:
    """Volumes without a size, access modes or storage, with two kinds of storage, with a policy that there is not.

    Shrinks to a volume without access modes.
    """
    ways: list[_Spoil] = [
        _spec("accessModes", access_modes=()),
        _spec("accessModes", access_modes=("ReadWriteTwice",)),
        _spec("capacity", capacity={}),
        _spec("capacity[storage]", capacity={"storage": Quantity("0")}),
        lambda volume: Refused(
            volume.replace(spec=volume.spec.replace(nfs=None, host_path=None, local=None, iscsi=None)), "spec"
        ),
        _two_sources,
        _spec("persistentVolumeReclaimPolicy", persistent_volume_reclaim_policy="Forget"),
        _spec("storageClassName", storage_class_name="Not a name"),
    ]
    return _spoilt(api_objects.persistent_volumes(), ways)


def _mounts(pod: Pod, mounts: tuple[VolumeMount, ...], field: str) -> Refused:
    (container,) = pod.spec.containers
    spec = pod.spec.replace(containers=(container.replace(volume_mounts=mounts),))
    return Refused(pod.replace(spec=spec), field)


def _same_name(pod: Pod) -> Refused:
    twice = (Volume(name="twice"), Volume(name="twice"))
    return Refused(pod.replace(spec=pod.spec.replace(volumes=(*pod.spec.volumes, *twice))), "spec.volumes")


def invalid_pods() -> SearchStrategy[Refused]:
    """Pods without containers, with mounts of volumes that are not there or two in one place, with volumes of one name.

    Shrinks to a pod without containers.
    """
    here = "spec.containers[0].volumeMounts"
    ways: list[_Spoil] = [
        _spec("containers", containers=()),
        lambda pod: _mounts(pod, (VolumeMount(name="nowhere", mount_path="/a"),), f"{here}[0].name"),
        lambda pod: _mounts(pod, (VolumeMount(name="nowhere", mount_path=""),), f"{here}[0].mountPath"),
        lambda pod: _mounts(pod, (VolumeMount(name="a", mount_path="/a"),) * 2, f"{here}[1].mountPath"),
        _same_name,
        _spec("restartPolicy", restart_policy="Sometimes"),
    ]
    return _spoilt(api_objects.pods(), ways)


def _field(name: str, **changes: Any) -> _Spoil:
    return lambda obj: Refused(obj.replace(**changes), name)


def invalid_storage_classes() -> SearchStrategy[Refused]:
    """Classes without a provisioner, with a policy or a binding mode that there is not.

    Shrinks to a class without a provisioner.
    """
    ways: list[_Spoil] = [
        _field("provisioner", provisioner=""),
        _field("reclaimPolicy", reclaim_policy="Forget"),
        _field("reclaimPolicy", reclaim_policy="Recycle"),
        _field("volumeBindingMode", volume_binding_mode="Later"),
    ]
    storage_classes: SearchStrategy[StorageClass] = api_objects.storage_classes()
    return _spoilt(storage_classes, ways)


def invalid_quantities() -> SearchStrategy[str]:
    """Texts that people write for quantities and that are none: bytes, blanks, commas, other bases, nothing.

    Shrinks to '1Gb'.
    """
    written = ["{}Gb", "{}GB", "{}GiB", "{} Gi", "{},5Gi", "{}gi", "{}Gi1", "0x{}g", "Gi{}", "--{}", "{}e3Gi"]
    return st.builds(str.format, st.sampled_from([*written, "", "Gi", "much"]), st.integers(1, 100))


def _template(field: str, **changes: Any) -> _Spoil:
    """A way to spoil the pods that a workload makes."""

    def spoilt(workload: Deployment) -> Refused:
        template = workload.spec.template
        changed = template.replace(spec=template.spec.replace(**changes))
        return Refused(workload.replace(spec=workload.spec.replace(template=changed)), f"spec.template.spec.{field}")

    return spoilt


def invalid_workloads() -> SearchStrategy[Refused]:
    """Deployments that select pods of others or none, with fewer than no replicas, with pods that are refused.

    Shrinks to a Deployment without a selector.
    """
    ways: list[_Spoil] = [
        _spec("selector", selector=None),
        _spec("template.metadata.labels", selector=LabelSelector(match_labels={"app": "another"})),
        _spec("replicas", replicas=-1),
        _template("restartPolicy", restart_policy="Never"),
        _template("containers", containers=()),
    ]
    return _spoilt(pod_owners.deployments(), ways)
