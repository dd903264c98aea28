"""The cluster around the pods: nodes, namespaces, events, configuration, services, quotas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from volsim.objects._record import FrozenDict, Record, frozen_json, frozen_map, frozen_tuple, record
from volsim.objects.meta import Condition, LocalObjectReference, Object, ObjectMeta, ObjectReference
from volsim.quantity import Quantity

__all__ = [
    "AttachedVolume",
    "ConfigMap",
    "Event",
    "EventSeries",
    "EventSource",
    "Lease",
    "LeaseSpec",
    "LimitRange",
    "LimitRangeItem",
    "LimitRangeSpec",
    "Namespace",
    "NamespaceSpec",
    "NamespaceStatus",
    "Node",
    "NodeAddress",
    "NodeSpec",
    "NodeStatus",
    "NodeSystemInfo",
    "PriorityClass",
    "ResourceQuota",
    "ResourceQuotaSpec",
    "ResourceQuotaStatus",
    "Secret",
    "Service",
    "ServiceAccount",
    "ServicePort",
    "ServiceSpec",
    "Taint",
]


@record
class Taint(Record):
    """What keeps pods off a node, or drives them from it."""

    key: str | None = None
    effect: str | None = None
    time_added: int | None = None
    value: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class NodeSpec(Record):
    """What an administrator says of a node."""

    external_id: str | None = None
    pod_cidr: str | None = None
    pod_cidrs: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    provider_id: str | None = None
    taints: tuple[Taint, ...] = attrs.field(default=(), converter=frozen_tuple)
    unschedulable: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class NodeAddress(Record):
    """One name or address of a node."""

    type: str | None = None
    address: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class NodeSystemInfo(Record):
    """What a node's kubelet says of its machine."""

    architecture: str | None = None
    boot_id: str | None = None
    container_runtime_version: str | None = None
    kernel_version: str | None = None
    kube_proxy_version: str | None = None
    kubelet_version: str | None = None
    machine_id: str | None = None
    operating_system: str | None = None
    os_image: str | None = None
    system_uuid: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class AttachedVolume(Record):
    """A volume that is attached to a node, and as which device."""

    name: str | None = None
    device_path: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class NodeStatus(Record):
    """What a node's kubelet and the control plane say of it."""

    addresses: tuple[NodeAddress, ...] = attrs.field(default=(), converter=frozen_tuple)
    allocatable: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    capacity: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    declared_features: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    node_info: NodeSystemInfo | None = None
    phase: str | None = None
    volumes_attached: tuple[AttachedVolume, ...] = attrs.field(default=(), converter=frozen_tuple)
    volumes_in_use: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Node(Object):
    """A machine that runs pods."""

    KIND: ClassVar[str] = "Node"
    PLURAL: ClassVar[str] = "nodes"
    SINGULAR: ClassVar[str] = "node"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("no",)
    NAMESPACED: ClassVar[bool] = False

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: NodeSpec = attrs.field(factory=NodeSpec)
    status: NodeStatus = attrs.field(factory=NodeStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class NamespaceSpec(Record):
    """The finalizers that must go before the namespace does."""

    finalizers: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class NamespaceStatus(Record):
    """Whether a namespace is active or terminating."""

    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    phase: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Namespace(Object):
    """A room for names."""

    KIND: ClassVar[str] = "Namespace"
    PLURAL: ClassVar[str] = "namespaces"
    SINGULAR: ClassVar[str] = "namespace"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("ns",)
    NAMESPACED: ClassVar[bool] = False

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: NamespaceSpec = attrs.field(factory=NamespaceSpec)
    status: NamespaceStatus = attrs.field(factory=NamespaceStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class EventSource(Record):
    """The component and the node that an event comes from."""

    component: str | None = None
    host: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class EventSeries(Record):
    """How often an event was seen, and when last."""

    count: int | None = None
    last_observed_time: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Event(Object):
    """What happened to an object."""

    KIND: ClassVar[str] = "Event"
    PLURAL: ClassVar[str] = "events"
    SINGULAR: ClassVar[str] = "event"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("ev",)

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    type: str | None = None
    action: str | None = None
    count: int | None = None
    event_time: int | None = None
    first_timestamp: int | None = None
    involved_object: ObjectReference | None = None
    last_timestamp: int | None = None
    message: str | None = None
    reason: str | None = None
    related: ObjectReference | None = None
    reporting_component: str | None = None
    reporting_instance: str | None = None
    series: EventSeries | None = None
    source: EventSource | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ConfigMap(Object):
    """Configuration as keys and texts."""

    KIND: ClassVar[str] = "ConfigMap"
    PLURAL: ClassVar[str] = "configmaps"
    SINGULAR: ClassVar[str] = "configmap"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("cm",)

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    binary_data: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    data: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    immutable: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Secret(Object):
    """Keys and values that are not to be shown; values are base64 text."""

    KIND: ClassVar[str] = "Secret"
    PLURAL: ClassVar[str] = "secrets"
    SINGULAR: ClassVar[str] = "secret"

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    type: str | None = None
    data: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    immutable: bool | None = None
    string_data: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ServicePort(Record):
    """One port of a service."""

    name: str | None = None
    app_protocol: str | None = None
    node_port: int | None = None
    port: int | None = None
    protocol: str | None = None
    target_port: int | str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ServiceSpec(Record):
    """Which pods a service stands for, and how it is reached."""

    type: str | None = None
    allocate_load_balancer_node_ports: bool | None = None
    cluster_ip: str | None = None
    cluster_ips: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    external_ips: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    external_name: str | None = None
    external_traffic_policy: str | None = None
    health_check_node_port: int | None = None
    internal_traffic_policy: str | None = None
    ip_families: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    ip_family_policy: str | None = None
    load_balancer_class: str | None = None
    load_balancer_ip: str | None = None
    load_balancer_source_ranges: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    ports: tuple[ServicePort, ...] = attrs.field(default=(), converter=frozen_tuple)
    publish_not_ready_addresses: bool | None = None
    selector: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    session_affinity: str | None = None
    traffic_distribution: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Service(Object):
    """A stable address for pods."""

    KIND: ClassVar[str] = "Service"
    PLURAL: ClassVar[str] = "services"
    SINGULAR: ClassVar[str] = "service"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("svc",)

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: ServiceSpec = attrs.field(factory=ServiceSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ServiceAccount(Object):
    """Whom a pod is to the API server."""

    KIND: ClassVar[str] = "ServiceAccount"
    PLURAL: ClassVar[str] = "serviceaccounts"
    SINGULAR: ClassVar[str] = "serviceaccount"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("sa",)

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    automount_service_account_token: bool | None = None
    image_pull_secrets: tuple[LocalObjectReference, ...] = attrs.field(default=(), converter=frozen_tuple)
    secrets: tuple[ObjectReference, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PriorityClass(Object):
    """How important pods of this class are."""

    KIND: ClassVar[str] = "PriorityClass"
    PLURAL: ClassVar[str] = "priorityclasses"
    SINGULAR: ClassVar[str] = "priorityclass"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("pc",)
    NAMESPACED: ClassVar[bool] = False
    GROUP: ClassVar[str] = "scheduling.k8s.io"

    api_version: str = "scheduling.k8s.io/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    description: str | None = None
    global_default: bool | None = None
    preemption_policy: str | None = None
    value: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class LeaseSpec(Record):
    """Who holds a lease, since when and for how many seconds."""

    acquire_time: int | None = None
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    lease_transitions: int | None = None
    preferred_holder: str | None = None
    renew_time: int | None = None
    strategy: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Lease(Object):
    """A lock or a heartbeat."""

    KIND: ClassVar[str] = "Lease"
    PLURAL: ClassVar[str] = "leases"
    SINGULAR: ClassVar[str] = "lease"
    GROUP: ClassVar[str] = "coordination.k8s.io"

    api_version: str = "coordination.k8s.io/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: LeaseSpec = attrs.field(factory=LeaseSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class LimitRangeItem(Record):
    """Bounds and defaults for one type of thing."""

    type: str | None = None
    default: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    default_request: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    max: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    max_limit_request_ratio: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    min: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class LimitRangeSpec(Record):
    """All bounds and defaults of a limit range."""

    limits: tuple[LimitRangeItem, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class LimitRange(Object):
    """Bounds and defaults for what a namespace's pods, containers and claims ask for."""

    KIND: ClassVar[str] = "LimitRange"
    PLURAL: ClassVar[str] = "limitranges"
    SINGULAR: ClassVar[str] = "limitrange"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("limits",)

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: LimitRangeSpec = attrs.field(factory=LimitRangeSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ResourceQuotaSpec(Record):
    """What a namespace may use at most."""

    hard: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    scopes: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ResourceQuotaStatus(Record):
    """What a namespace may use, and uses."""

    hard: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    used: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ResourceQuota(Object):
    """An upper bound on what a namespace uses."""

    KIND: ClassVar[str] = "ResourceQuota"
    PLURAL: ClassVar[str] = "resourcequotas"
    SINGULAR: ClassVar[str] = "resourcequota"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("quota",)

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: ResourceQuotaSpec = attrs.field(factory=ResourceQuotaSpec)
    status: ResourceQuotaStatus = attrs.field(factory=ResourceQuotaStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)
