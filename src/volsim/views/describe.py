"""`kubectl describe`: which kind has which page, and what else of the cluster a page needs.

Source: kubectl, pkg/describe/describe.go (describerMap and the Describe methods).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from volsim.objects import LabelSelector, Object, Pod
from volsim.views.describers import cluster, nodes, storage, workloads
from volsim.views.describers.pods import describe_pod
from volsim.views.events import events_about
from volsim.views.printers.pods import TERMINAL
from volsim.views.session import Session
from volsim.views.sheet import Sheet

__all__ = ["DESCRIBERS", "describe"]

Events = Any
Describer = Callable[[Session, Sheet, Any, Events], None]


def describe(session: Session, obj: Object) -> str:
    """The page of an object."""
    sheet = Sheet(session.look)
    events = events_about(session.sim, obj) if session.flags["show-events"] else None
    DESCRIBERS.get(obj.kind, _anything)(session, sheet, obj, events)
    return sheet.text()


def _controlled_pods(session: Session, obj: Object) -> list[Pod]:
    """The pods that an object controls."""
    return [
        pod
        for pod in session.sim.state.pods.values()
        if any(owner.controller and owner.uid == obj.metadata.uid for owner in pod.metadata.owner_references)
    ]


def _namespaced(session: Session, table: str, namespace: str | None) -> list[Any]:
    return [obj for obj in session.sim.state.table(table).values() if obj.metadata.namespace == namespace]


def _pod(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    describe_pod(sheet, obj, events)


def _volume(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    storage.describe_volume(sheet, obj, events)


def _claim(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    owners = {owner.uid for owner in obj.metadata.owner_references if owner.kind == "Pod"}
    users = [
        pod
        for pod in _namespaced(session, "pods", obj.metadata.namespace)
        if pod.metadata.uid in owners or obj.name in _claims_of(pod)
    ]
    storage.describe_bound_claim(sheet, obj, users, events)


def _claims_of(pod: Pod) -> list[str | None]:
    sources = [volume.persistent_volume_claim for volume in pod.spec.volumes]
    return [source.claim_name for source in sources if source is not None]


def _class(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    storage.describe_class(sheet, obj, events)


def _attributes_class(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    storage.describe_attributes_class(sheet, obj, events)


def _node(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    state = session.sim.state
    pods = [pod for pod in state.pods_on(obj.name) if pod.status.phase not in TERMINAL]
    nodes.describe_node(sheet, obj, pods, state.get("leases", f"kube-node-lease/{obj.name}"), events)


def _deployment(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    replica_sets = [
        each
        for each in _namespaced(session, "replicasets", obj.metadata.namespace)
        if any(owner.controller and owner.uid == obj.metadata.uid for owner in each.metadata.owner_references)
    ]
    workloads.describe_deployment(sheet, obj, replica_sets, events)


def _replication(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    workloads.describe_replication(sheet, obj, _controlled_pods(session, obj), events)


def _stateful_set(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    workloads.describe_stateful_set(sheet, obj, _controlled_pods(session, obj), events)


def _daemon_set(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    workloads.describe_daemon_set(sheet, obj, _controlled_pods(session, obj), events)


def _job(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    workloads.describe_job(sheet, obj, events)


def _service(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    selector = LabelSelector(match_labels=obj.spec.selector)
    pods = [
        pod
        for pod in _namespaced(session, "pods", obj.metadata.namespace)
        if obj.spec.selector and selector.matches(pod.metadata.labels)
    ]
    cluster.describe_service(sheet, obj, pods, events)


def _namespace(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    quotas = _namespaced(session, "resourcequotas", obj.name)
    cluster.describe_namespace(sheet, obj, quotas, _namespaced(session, "limitranges", obj.name))


def _config_map(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    cluster.describe_config_map(sheet, obj, events)


def _secret(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    cluster.describe_secret(sheet, obj)


def _anything(session: Session, sheet: Sheet, obj: Any, events: Events) -> None:
    cluster.describe_anything(sheet, obj, events)


DESCRIBERS: Mapping[str, Describer] = {
    "ConfigMap": _config_map,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "Job": _job,
    "Namespace": _namespace,
    "Node": _node,
    "PersistentVolume": _volume,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "ReplicaSet": _replication,
    "ReplicationController": _replication,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _stateful_set,
    "StorageClass": _class,
    "VolumeAttributesClass": _attributes_class,
}
"""The kinds that have a page of their own."""
