"""Admission: what the API server changes in, or refuses of, an object before it validates it.

Modelled: NamespaceLifecycle, DefaultStorageClass (by version), StorageObjectInUseProtection, DefaultTolerationSeconds,
PersistentVolumeClaimResize, Priority, PodTopologyLabels (by version).
Not modelled: ServiceAccount tokens, LimitRanger, ResourceQuota, webhooks, PodSecurity.
Source: kube-apiserver, plugin/pkg/admission/*; apiserver, pkg/admission/plugin/namespace/lifecycle.
"""

from __future__ import annotations

from typing import Any

from volsim.errors import Forbidden, NotFound
from volsim.objects import (
    FrozenDict,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    PriorityClass,
    StorageClass,
    Toleration,
    VolumeAttributesClass,
)
from volsim.objects.generic import GenericObject
from volsim.state import View

__all__ = [
    "admit",
    "admit_changed",
    "admit_delete",
    "admit_update",
    "check_namespace",
    "default_class",
    "topology_labels",
]

PVC_PROTECTION, PV_PROTECTION = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"
VAC_PROTECTION = "kubernetes.io/vac-protection"
DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


def _resource(obj: Any) -> str:
    return f"{obj.PLURAL}.{obj.GROUP}" if obj.GROUP else str(obj.PLURAL)


def _forbidden(obj: Any, why: object) -> Forbidden:
    """A refusal; while an object has no name yet, it is called by what its name will begin with."""
    name = obj.metadata.name or obj.metadata.generate_name or "Unknown"
    return Forbidden(f'{_resource(obj)} "{name}" is forbidden: {why}')


def check_namespace(view: View, obj: Any) -> None:
    """Raise `NotFound` or `Forbidden` unless objects can be made in the object's namespace."""
    namespace = obj.metadata.namespace
    if not namespace or isinstance(obj, GenericObject):
        return
    found = view.namespaces.get(namespace)
    if found is None:
        raise NotFound(f'namespaces "{namespace}" not found')
    if found.metadata.deletion_timestamp is not None:
        raise _forbidden(obj, f"unable to create new content in namespace {namespace} because it is being terminated")


def admit(view: View, obj: Any) -> Any:
    """The new object as the admission plugins leave it. Raises `Forbidden`."""
    if isinstance(obj, PersistentVolumeClaim):
        return _with_finalizer(_with_class(view, obj), PVC_PROTECTION)
    if isinstance(obj, PersistentVolume):
        return _with_finalizer(obj, PV_PROTECTION)
    if isinstance(obj, VolumeAttributesClass) and view.rules.volume_attributes_class:
        return _with_finalizer(obj, VAC_PROTECTION)
    if isinstance(obj, Pod):
        return _with_topology(view, _with_priority(view, _with_tolerations(view, obj)))
    if isinstance(obj, PriorityClass):
        _check_default_priority(view, obj)
    return obj


def _with_finalizer(obj: Any, name: str) -> Any:
    if name in obj.metadata.finalizers:
        return obj
    return obj.replace(metadata=obj.metadata.replace(finalizers=(*obj.metadata.finalizers, name)))


# -- DefaultStorageClass -----------------------------------------------------------------------------------------------
def is_default(storage_class: StorageClass) -> bool:
    """Whether a class is marked as the default one."""
    return any(storage_class.metadata.annotations.get(name) == "true" for name in DEFAULT_CLASS)


def default_class(view: View) -> StorageClass | None:
    """The default class: the newest of those marked, among equally old ones the first by name; None if none is.

    Before kubernetes#110559 several are refused: raises `Forbidden`-worthy text through `ValueError`.
    """
    marked = [each for each in view.storage_classes.values() if is_default(each)]
    if len(marked) > 1 and not view.rules.newest_default_class_wins:
        raise ValueError(f"{len(marked)} default StorageClasses were found")
    return min(marked, key=lambda each: (-(each.metadata.creation_timestamp or 0), each.metadata.name), default=None)


def _with_class(view: View, claim: PersistentVolumeClaim) -> PersistentVolumeClaim:
    if claim.spec.storage_class_name is not None or BETA_CLASS in claim.metadata.annotations:
        return claim
    try:
        found = default_class(view)
    except ValueError as error:
        raise _forbidden(claim, f"Internal error occurred: {error}") from None
    if found is None:
        return claim
    return claim.replace(spec=claim.spec.replace(storage_class_name=found.metadata.name))


# -- pods --------------------------------------------------------------------------------------------------------------
def _with_tolerations(view: View, pod: Pod) -> Pod:
    tolerations = list(pod.spec.tolerations)
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(
            (each.key == key or (not each.key and each.operator == "Exists")) and each.effect in (None, "", "NoExecute")
            for each in pod.spec.tolerations
        ):
            seconds = round(view.rules.default_toleration_seconds)
            tolerations.append(Toleration(key=key, operator="Exists", effect="NoExecute", toleration_seconds=seconds))
    if len(tolerations) == len(pod.spec.tolerations):
        return pod
    return pod.replace(spec=pod.spec.replace(tolerations=tuple(tolerations)))


_SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_PREEMPTS = "PreemptLowerPriority"


def _with_priority(view: View, pod: Pod) -> Pod:
    """The pod with the priority of its class, or of the default one; what it says itself must be the same."""
    name, priority, policy = _established(view, pod)
    spec = pod.spec
    if spec.priority is not None and spec.priority != priority:
        raise _forbidden(
            pod,
            f"the integer value of priority ({spec.priority}) must not be provided in pod spec; priority admission "
            f"controller computed {priority} from the given PriorityClass name",
        )
    if not view.rules.non_preempting_priority:
        return pod.replace(spec=spec.replace(priority=priority, priority_class_name=name))
    if spec.preemption_policy is not None and spec.preemption_policy != policy:
        raise _forbidden(
            pod,
            f"the string value of PreemptionPolicy ({spec.preemption_policy}) must not be provided in pod spec; "
            f"priority admission controller computed {policy} from the given PriorityClass name",
        )
    return pod.replace(spec=spec.replace(priority=priority, priority_class_name=name, preemption_policy=policy))


def _established(view: View, pod: Pod) -> tuple[str | None, int, str]:
    """A pod's class, its priority, and whether it preempts others. Raises `Forbidden` if there is no such class."""
    name = pod.spec.priority_class_name
    found = view.get("priorityclasses", name) if name else _default_priority(view)
    if found is not None:
        return found.metadata.name, found.value or 0, found.preemption_policy or _PREEMPTS
    if not name:
        return None, 0, _PREEMPTS
    if name not in _SYSTEM_CLASSES:
        raise _forbidden(pod, f"no PriorityClass with name {name} was found")
    return name, _SYSTEM_CLASSES[name], _PREEMPTS


def _default_priority(view: View) -> PriorityClass | None:
    """The class of pods that name none; should there be several, the lowest."""
    marked = (each for each in view.table("priorityclasses").values() if each.global_default)
    return min(marked, key=lambda each: (each.value, each.metadata.name), default=None)


def _check_default_priority(view: View, obj: PriorityClass, *, change: bool = False) -> None:
    """Refuse a second class for pods that name none."""
    found = _default_priority(view) if obj.global_default else None
    if found is not None and not (change and found.metadata.name == obj.metadata.name):
        name = found.metadata.name
        raise _forbidden(obj, f"PriorityClass {name} is already marked as default. Only one default can exist")


_TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


def topology_labels(view: View, node: str | None) -> dict[str, str]:
    """The labels that a pod gets from the node that it is put on; none before 1.35.

    Source: KEP-4742; plugin/pkg/admission/podtopologylabels.
    """
    found = view.nodes.get(node) if node and view.rules.pod_topology_labels else None
    labels = found.metadata.labels if found is not None else {}
    return {label: labels[label] for label in _TOPOLOGY if label in labels}


def _with_topology(view: View, pod: Pod) -> Pod:
    labels = topology_labels(view, pod.spec.node_name)
    if not labels:
        return pod
    return pod.replace(metadata=pod.metadata.replace(labels=FrozenDict({**pod.metadata.labels, **labels})))


# -- deletion ----------------------------------------------------------------------------------------------------------
_IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


def admit_delete(current: Any) -> None:
    """Refuse to delete the namespaces without which a cluster does not work. Raises `Forbidden`."""
    name = current.metadata.name
    if current.kind == "Namespace" and name in _IMMORTAL:
        raise Forbidden(f'namespaces "{name}" is forbidden: this namespace may not be deleted')


# -- updates -----------------------------------------------------------------------------------------------------------
def admit_changed(view: View, obj: Any, current: Any) -> Any:
    """A changed object as the admission plugins leave it: a pod keeps its priority and the tolerations of all pods."""
    if not isinstance(obj, Pod):
        return obj
    pod = _with_tolerations(view, obj)
    names = ("priority", "preemption_policy")
    kept = {name: getattr(current.spec, name) for name in names if getattr(pod.spec, name) is None}
    return pod.replace(spec=pod.spec.replace(**kept)) if kept else pod


def admit_update(view: View, obj: Any, current: Any) -> None:
    """Refuse what admission refuses of an update: a claim that may not grow, a second default PriorityClass."""
    if isinstance(obj, PriorityClass):
        _check_default_priority(view, obj, change=True)
    if not isinstance(obj, PersistentVolumeClaim):
        return
    new, old = obj.spec.resources.requests.get("storage"), current.spec.resources.requests.get("storage")
    if new is None or old is None or new <= old:
        return
    if current.status.phase != "Bound":
        raise _forbidden(obj, "Only bound persistent volume claims can be expanded")
    name = _class_of(obj)
    storage_class = view.storage_classes.get(name) if name == _class_of(current) else None
    if storage_class is None or not storage_class.allow_volume_expansion:
        raise _forbidden(
            obj,
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
            "support resize",
        )


def _class_of(claim: PersistentVolumeClaim) -> str:
    """The name of a claim's class, which may still stand in an annotation; empty if it has none."""
    return claim.metadata.annotations.get(BETA_CLASS, claim.spec.storage_class_name) or ""
