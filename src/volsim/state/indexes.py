"""What can be looked up without a scan: the indexes that are kept on every write.

An index is derived: it says nothing that the tables do not say, is no part of a state's value, and can be rebuilt from
the tables at any time (a law test does). There are two kinds: a *grouping* finds the keys of the objects that have
something in common (the pods of a node), an *ordering* keeps such a group sorted (the free volumes of a class and a
set of access modes, by capacity). What is added up over a group stands in `volsim.state.totals`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from volsim.objects import CSINodeDriver, LabelSelector, Node, PersistentVolume, PersistentVolumeClaim, Pod
from volsim.objects.binding import claim_class, volume_class
from volsim.state.table import Table
from volsim.storage.disks import disk_of

__all__ = [
    "INDEXES",
    "Index",
    "attributes_class_of",
    "attributes_classes_of",
    "claim_keys_of",
    "configuration_of",
    "host_port_group",
    "label_groups",
    "on_node",
    "rebuilt",
    "same_key",
    "same_spec",
    "selected_group",
]


class Index(NamedTuple):
    """One index: over which table, grouped by what, and (for an ordering) sorted by what."""

    name: str
    table: str | None
    """The table that it covers; None for all API objects."""
    groups: Callable[[Any], tuple[str, ...]]
    """The names of the groups that an object belongs to."""
    order: Callable[[Any], tuple[Any, ...]] | None = None
    """What a group is sorted by; None for a grouping."""
    what: str = ""
    unchanged: Callable[[Any, Any], bool] | None = None
    """Whether a row, before and after a write, surely stands in the same groups: then nothing has to be done."""

    def entry(self, table: str, key: str, value: Any) -> Any:
        """What stands in a group for the object `value`."""
        if self.order is not None:
            return (*self.order(value), key)
        return key if self.table is not None else (table, key)


def claim_keys_of(pod: Pod) -> tuple[str, ...]:
    """The keys of the claims that a pod uses, its generic ephemeral volumes' included, in order, each once."""
    found: dict[str, None] = {}
    if pod.spec is not None:
        for volume in pod.spec.volumes:
            if volume.persistent_volume_claim is not None:
                found[f"{pod.metadata.namespace}/{volume.persistent_volume_claim.claim_name}"] = None
            elif volume.ephemeral is not None:
                found[f"{pod.metadata.namespace}/{pod.metadata.name}-{volume.name}"] = None
    return tuple(found)


def configuration_of(pod: Pod) -> tuple[str, ...]:
    """The ConfigMaps and Secrets in a pod's volumes, as ``configmaps/default/name``, each once.

    >>> configuration_of(Pod())
    ()
    """
    found: dict[str, None] = {}
    for volume in pod.spec.volumes if pod.spec is not None else ():
        for source in volume.projected.sources if volume.projected is not None else (volume,):
            if source.config_map is not None:
                found[f"configmaps/{pod.metadata.namespace}/{source.config_map.name}"] = None
            if source.secret is not None:
                name = getattr(source.secret, "secret_name", None) or getattr(source.secret, "name", "")
                found[f"secrets/{pod.metadata.namespace}/{name}"] = None
    return tuple(found)


def _node(pod: Pod) -> tuple[str, ...]:
    return (pod.spec.node_name,) if pod.spec is not None and pod.spec.node_name else ()


def _unscheduled(pod: Pod) -> tuple[str, ...]:
    return ("",) if pod.spec is not None and not pod.spec.node_name else ()


def _owners(obj: Any) -> tuple[str, ...]:
    return tuple(owner.uid for owner in obj.metadata.owner_references if owner.uid)


def _controller(pod: Pod) -> tuple[str, ...]:
    return tuple(owner.uid for owner in pod.metadata.owner_references if owner.controller and owner.uid)


def _claim_of_volume(volume: PersistentVolume) -> tuple[str, ...]:
    ref = volume.spec.claim_ref
    return (f"{ref.namespace}/{ref.name}",) if ref is not None and ref.name else ()


def _volume_of_claim(claim: PersistentVolumeClaim) -> tuple[str, ...]:
    return (claim.spec.volume_name,) if claim.spec.volume_name else ()


def _disk_of_volume(volume: PersistentVolume) -> tuple[str, ...]:
    disk = disk_of(volume.spec)
    return (disk.key,) if disk is not None else ()


def on_node(node: str, *, claim: str = "", disk: str = "") -> str:
    """The name of the group of pods on a node that use a claim (by its key), or a disk without a claim.

    >>> on_node("node01", claim="default/data")
    'node01|claim|default/data'
    """
    return f"{node}|claim|{claim}" if claim else f"{node}|disk|{disk}"


def _volumes_on_node(pod: Pod) -> tuple[str, ...]:
    node = pod.spec.node_name
    if not node or not pod.spec.volumes:
        return ()
    disks = [disk for disk in map(disk_of, pod.spec.volumes) if disk is not None]
    claims = [on_node(node, claim=key) for key in claim_keys_of(pod)]
    return (*claims, *dict.fromkeys(on_node(node, disk=disk.key) for disk in disks))


def attributes_classes_of(claim: PersistentVolumeClaim) -> tuple[str, ...]:
    """The names of the VolumeAttributesClasses that a claim asks for, has, or is being given."""
    status = claim.status
    changing = status.modify_volume_status
    names = (
        claim.spec.volume_attributes_class_name,
        status.current_volume_attributes_class_name,
        changing.target_volume_attributes_class_name if changing is not None else None,
    )
    return tuple(dict.fromkeys(name for name in names if name))


def attributes_class_of(volume: PersistentVolume) -> tuple[str, ...]:
    """The name of the VolumeAttributesClass of a volume, if it has one."""
    return (volume.spec.volume_attributes_class_name,) if volume.spec.volume_attributes_class_name else ()


def volume_group(storage_class: str, access_modes: tuple[str, ...]) -> str:
    """The name of the group of free volumes with exactly this class and this set of access modes."""
    return f"{storage_class}|{','.join(sorted(set(access_modes)))}"


def _free_volume(volume: PersistentVolume) -> tuple[str, ...]:
    if volume.spec.claim_ref is not None:
        return ()
    return (volume_group(volume_class(volume), volume.spec.access_modes),)


def _capacity(volume: PersistentVolume) -> tuple[Any, ...]:
    storage = volume.spec.capacity.get("storage")
    return (storage.nano if storage is not None else 0,)


def _unbound_claim(claim: PersistentVolumeClaim) -> tuple[str, ...]:
    return () if claim.spec.volume_name else (claim_class(claim),)


def _class_of_claim(claim: PersistentVolumeClaim) -> tuple[str, ...]:
    return (claim_class(claim),)


def selected_group(namespace: str | None, selector: LabelSelector) -> str:
    """The name of the group in which everything that a selector can select is found: by one label that it demands.

    >>> selected_group("default", LabelSelector(match_labels={"tier": "1", "app": "db"}))
    'default|app=db'
    """
    label = min(selector.match_labels.items(), default=None)
    return f"{namespace}|" if label is None else f"{namespace}|{label[0]}={label[1]}"


def label_groups(obj: Any) -> tuple[str, ...]:
    """The names of the groups that an object is in by its labels; in the first one it is whatever its labels are."""
    namespace = obj.metadata.namespace
    return (f"{namespace}|", *(f"{namespace}|{key}={value}" for key, value in obj.metadata.labels.items()))


def _orphan(obj: Any) -> tuple[str, ...]:
    return () if any(owner.controller for owner in obj.metadata.owner_references) else label_groups(obj)


def _selecting(obj: Any) -> tuple[str, ...]:
    selector = obj.spec.selector
    if selector is None:
        return ()
    if not isinstance(selector, LabelSelector):  # a ReplicationController's is a plain map
        selector = LabelSelector(match_labels=selector)
    return (selected_group(obj.metadata.namespace, selector),)


def _same_owners_and_labels(before: Any, after: Any) -> bool:
    return _same_owners(before, after) and before.metadata.labels is after.metadata.labels


def same_spec(before: Any, after: Any) -> bool:
    """Whether an object's spec is the very same after a write."""
    return before.spec is after.spec


def same_key(before: Any, after: Any) -> bool:
    """For what only asks whether there is a row."""
    return True


def _same_spec_and_annotations(before: Any, after: Any) -> bool:
    return before.spec is after.spec and before.metadata.annotations is after.metadata.annotations


def _same_owners(before: Any, after: Any) -> bool:
    return before.metadata.owner_references is after.metadata.owner_references


def zone_of(node: Node) -> str:
    """The zone whose nodes fail together, as the node lifecycle controller sees it.

    >>> zone_of(Node())
    '/'
    """
    labels = node.metadata.labels
    zone = labels.get("topology.kubernetes.io/zone") or labels.get("failure-domain.beta.kubernetes.io/zone") or ""
    region = labels.get("topology.kubernetes.io/region") or labels.get("failure-domain.beta.kubernetes.io/region") or ""
    return f"{region}/{zone}"


def is_ready(node: Node) -> bool:
    """Whether the condition Ready is True."""
    return any(each.type == "Ready" and each.status == "True" for each in node.status.conditions)


def _not_ready(node: Node) -> tuple[str, ...]:
    return () if is_ready(node) else ("",)


def _same_conditions(before: Node, after: Node) -> bool:
    return before.status.conditions is after.status.conditions


def _same_labels(before: Any, after: Any) -> bool:
    return before.metadata.labels is after.metadata.labels


def _with_affinity(pod: Pod) -> tuple[str, ...]:
    affinity = pod.spec.affinity
    if affinity is None or not pod.spec.node_name:
        return ()
    anti = affinity.pod_anti_affinity
    if anti is not None and anti.required_during_scheduling_ignored_during_execution:
        return ("any", "anti")
    return ("any",) if anti is not None or affinity.pod_affinity is not None else ()


def host_port_group(protocol: str | None, port: int) -> str:
    """The name of the group of pods that want a port of their host, of whatever address.

    >>> host_port_group(None, 80)
    'TCP/80'
    """
    return f"{protocol or 'TCP'}/{port}"


def _host_ports(pod: Pod) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        for port in container.ports:
            if port.host_port:
                found[host_port_group(port.protocol, port.host_port)] = None
    return tuple(found)


def _priority(pod: Pod) -> tuple[str, ...]:
    return (str(pod.spec.priority or 0),) if pod.spec.node_name else ()


def _is_limited(driver: CSINodeDriver) -> bool:
    return driver.allocatable is not None and driver.allocatable.count is not None


def _nominated(pod: Pod) -> tuple[str, ...]:
    node = pod.status.nominated_node_name
    return ("", node) if node and not pod.spec.node_name else ()


def _namespace(obj: Any) -> tuple[str, ...]:
    return (obj.metadata.namespace,) if obj.metadata.namespace else ()


INDEXES: tuple[Index, ...] = (
    Index("pods_by_node", "pods", _node, what="pods that are assigned to a node", unchanged=same_spec),
    Index(
        "pods_unscheduled", "pods", _unscheduled, what="pods without a node (one group, named '')", unchanged=same_spec
    ),
    Index(
        "pods_by_node_and_volume",
        "pods",
        _volumes_on_node,
        what="pods of a node that use a claim, or a disk without a claim (group: `on_node`)",
        unchanged=same_spec,
    ),
    Index(
        "volumes_by_disk",
        "persistentvolumes",
        _disk_of_volume,
        what="volumes that name a disk which has to be attached",
        unchanged=same_spec,
    ),
    Index(
        "pods_by_claim",
        "pods",
        claim_keys_of,
        what="pods that use a claim (group: namespace/name)",
        unchanged=same_spec,
    ),
    Index(
        "pods_by_controller",
        "pods",
        _controller,
        what="pods whose controlling owner has this uid",
        unchanged=_same_owners,
    ),
    Index(
        "dependents",
        None,
        _owners,
        what="objects (table, key) of which the object with this uid is an owner",
        unchanged=_same_owners,
    ),
    Index("objects_by_namespace", None, _namespace, what="objects (table, key) of a namespace", unchanged=same_key),
    Index(
        "volumes_by_claim",
        "persistentvolumes",
        _claim_of_volume,
        what="volumes whose claimRef names a claim",
        unchanged=same_spec,
    ),
    Index(
        "claims_by_volume",
        "persistentvolumeclaims",
        _volume_of_claim,
        what="claims whose volumeName names a volume",
        unchanged=same_spec,
    ),
    Index(
        "claims_unbound",
        "persistentvolumeclaims",
        _unbound_claim,
        what="claims without a volumeName, by class",
        unchanged=_same_spec_and_annotations,
    ),
    Index(
        "claims_by_class",
        "persistentvolumeclaims",
        _class_of_claim,
        what="claims of a storage class",
        unchanged=_same_spec_and_annotations,
    ),
    Index(
        "claims_by_attributes_class",
        "persistentvolumeclaims",
        attributes_classes_of,
        what="claims that name a VolumeAttributesClass in their spec or status",
        unchanged=lambda before, after: before.spec is after.spec and before.status is after.status,
    ),
    Index(
        "volumes_by_attributes_class",
        "persistentvolumes",
        attributes_class_of,
        what="volumes that name a VolumeAttributesClass",
        unchanged=same_spec,
    ),
    Index(
        "free_volumes",
        "persistentvolumes",
        _free_volume,
        _capacity,
        what="volumes without a claimRef, by class and access modes, ordered by capacity",
        unchanged=_same_spec_and_annotations,
    ),
    *(
        Index(
            f"orphan_{table}",
            table,
            _orphan,
            what=f"{table} without a controller, by namespace and label",
            unchanged=_same_owners_and_labels,
        )
        for table in ("pods", "replicasets", "controllerrevisions")
    ),
    *(
        Index(
            f"{table}_by_selector",
            table,
            _selecting,
            what=f"{table} by a label that their selector demands",
            unchanged=same_spec,
        )
        for table in (
            "replicasets",
            "replicationcontrollers",
            "deployments",
            "statefulsets",
            "daemonsets",
            "jobs",
            "poddisruptionbudgets",
        )
    ),
    Index(
        "nodes_not_ready",
        "nodes",
        _not_ready,
        what="nodes whose condition Ready is not True (one group, named '')",
        unchanged=_same_conditions,
    ),
    Index(
        "sandboxes_by_node", "sandboxes", lambda sandbox: (sandbox.node,), what="pod uids that a node's kubelet holds"
    ),
    Index(
        "sandboxes_by_configuration",
        "sandboxes",
        lambda sandbox: configuration_of(sandbox.pod),
        what="pod uids whose volumes show a ConfigMap or Secret (as configmaps/namespace/name)",
        unchanged=lambda before, after: before.pod.spec is after.pod.spec,
    ),
    Index(
        "pods_by_label",
        "pods",
        label_groups,
        what="pods by namespace and label; all pods of a namespace in its group without a label",
        unchanged=_same_labels,
    ),
    Index(
        "pods_with_affinity",
        "pods",
        _with_affinity,
        what="pods with a node that have terms about other pods ('any'), those with required anti-affinity ('anti')",
        unchanged=same_spec,
    ),
    Index(
        "pods_by_host_port",
        "pods",
        _host_ports,
        what="pods that want a port of their host (group: `host_port_group`)",
        unchanged=same_spec,
    ),
    Index(
        "pods_by_priority",
        "pods",
        _priority,
        what="pods with a node, by priority",
        unchanged=same_spec,
    ),
    Index(
        "pods_nominated",
        "pods",
        _nominated,
        what="pods without a node, by the node that is nominated for them; all of them under ''",
        unchanged=lambda before, after: before.spec is after.spec and before.status is after.status,
    ),
    Index("services_by_namespace", "services", _namespace, what="services of a namespace", unchanged=same_key),
    Index(
        "capacities_by_class",
        "csistoragecapacities",
        lambda capacity: (capacity.storage_class_name or "",),
        what="CSIStorageCapacities of a storage class",
    ),
    Index(
        "csinodes_by_limit",
        "csinodes",
        lambda node: tuple(driver.name for driver in node.spec.drivers if _is_limited(driver)),
        what="CSINodes on which a CSI driver says how many volumes it can take, by driver",
        unchanged=same_spec,
    ),
    Index(
        "attachments_by_volume",
        "volumeattachments",
        lambda each: (each.spec.source.persistent_volume_name,) if each.spec.source.persistent_volume_name else (),
        what="attachments of a PersistentVolume",
        unchanged=same_spec,
    ),
    Index(
        "attachments_by_node",
        "volumeattachments",
        lambda attachment: (attachment.spec.node_name,) if attachment.spec.node_name else (),
        what="VolumeAttachments of a node",
        unchanged=same_spec,
    ),
    Index(
        "attach_detach_by_disk",
        "attach_detach",
        lambda row: (row.disk,) if row.holds else (),
        what="nodes (as disk@node) that have a disk, or may have it",
    ),
    Index(
        "attach_detach_blocked",
        "attach_detach",
        lambda row: () if row.holds else (row.disk,),
        what="nodes (as disk@node) that wait for a disk which another node has",
    ),
    Index("attach_detach_by_node", "attach_detach", lambda row: (row.node,), what="disks (as disk@node) of a node"),
    Index(
        "attach_detach_by_attachment",
        "attach_detach",
        lambda row: (row.attachment,) if row.attachment else (),
        what="disk and node (as disk@node) of a VolumeAttachment",
    ),
    Index(
        "sandboxes_with_disks",
        "sandboxes",
        lambda sandbox: (sandbox.node,) if sandbox.in_use else (),
        what="pod uids for which a node's kubelet uses attached disks",
    ),
    Index(
        "pods_rejected",
        "scheduling",
        lambda memory: memory.rejected_by,
        what="pods that the scheduler could not place, by the plugins that turned them away",
    ),
    Index(
        "pods_reserved",
        "scheduling",
        lambda memory: ("", memory.node) if memory.node else (),
        what="pods whose volumes are being bound, by the node that is reserved for them; all of them under ''",
    ),
)


def by_table(table: str, api: bool) -> tuple[Index, ...]:
    """The indexes that a write to `table` must keep; `api` says whether it is a table of API objects."""
    return tuple(index for index in INDEXES if index.table == table or (index.table is None and api))


# -- for tests ---------------------------------------------------------------------------------------------------------
def rebuilt(tables: dict[str, Table[str, Any]], api: Callable[[str], bool]) -> dict[str, dict[str, list[Any]]]:
    """All indexes computed afresh from the tables: index -> group -> sorted entries. For tests."""
    found: dict[str, dict[str, list[Any]]] = {index.name: {} for index in INDEXES}
    for name, table in tables.items():
        for index in by_table(name, api(name)):
            for key, value in table.items():
                for group in index.groups(value):
                    found[index.name].setdefault(group, []).append(index.entry(name, key, value))
    return {name: {group: sorted(entries) for group, entries in groups.items()} for name, groups in found.items()}
