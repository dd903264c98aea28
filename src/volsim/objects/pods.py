"""Pods: what they run, where they want to run, and what the kubelet says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from volsim.objects._record import FrozenDict, Record, frozen_json, frozen_map, frozen_tuple, record
from volsim.objects.containers import (
    Container,
    ContainerStatus,
    EphemeralContainer,
    ResourceRequirements,
    SELinuxOptions,
)
from volsim.objects.meta import (
    Condition,
    LabelSelector,
    LocalObjectReference,
    NodeSelector,
    NodeSelectorTerm,
    Object,
    ObjectMeta,
)
from volsim.objects.volumes import Volume
from volsim.quantity import Quantity

__all__ = [
    "Affinity",
    "HostIP",
    "NodeAffinity",
    "Pod",
    "PodAffinity",
    "PodAffinityTerm",
    "PodAntiAffinity",
    "PodIP",
    "PodOS",
    "PodReadinessGate",
    "PodSchedulingGate",
    "PodSecurityContext",
    "PodSpec",
    "PodStatus",
    "PodTemplateSpec",
    "PreferredSchedulingTerm",
    "Toleration",
    "TopologySpreadConstraint",
    "WeightedPodAffinityTerm",
]


@record
class PreferredSchedulingTerm(Record):
    """A node selector term that is wished for, with its weight."""

    preference: NodeSelectorTerm | None = None
    weight: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class NodeAffinity(Record):
    """Which nodes a pod must or would like to run on."""

    preferred_during_scheduling_ignored_during_execution: tuple[PreferredSchedulingTerm, ...] = attrs.field(
        default=(), converter=frozen_tuple
    )
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodAffinityTerm(Record):
    """Pods to be near to, or away from, within a topology."""

    label_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    mismatch_label_keys: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    namespace_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    topology_key: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class WeightedPodAffinityTerm(Record):
    """A pod affinity term that is wished for, with its weight."""

    pod_affinity_term: PodAffinityTerm | None = None
    weight: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodAffinity(Record):
    """Pods to be near to."""

    preferred_during_scheduling_ignored_during_execution: tuple[WeightedPodAffinityTerm, ...] = attrs.field(
        default=(), converter=frozen_tuple
    )
    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = attrs.field(
        default=(), converter=frozen_tuple
    )
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodAntiAffinity(Record):
    """Pods to be away from."""

    preferred_during_scheduling_ignored_during_execution: tuple[WeightedPodAffinityTerm, ...] = attrs.field(
        default=(), converter=frozen_tuple
    )
    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = attrs.field(
        default=(), converter=frozen_tuple
    )
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Affinity(Record):
    """All that a pod says about where it wants to run."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAntiAffinity | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Toleration(Record):
    """A taint that a pod can live with, for `toleration_seconds` or for ever."""

    key: str | None = None
    effect: str | None = None
    operator: str | None = None
    toleration_seconds: int | None = None
    value: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class TopologySpreadConstraint(Record):
    """How evenly pods are to spread over a topology."""

    label_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    max_skew: int | None = None
    min_domains: int | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
    topology_key: str | None = None
    when_unsatisfiable: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodSchedulingGate(Record):
    """A reason not to schedule the pod yet."""

    name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodReadinessGate(Record):
    """A condition that must be true before the pod is ready."""

    condition_type: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodOS(Record):
    """The operating system that the pod is made for."""

    name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodSecurityContext(Record):
    """As whom the pod's containers run, and which group owns its volumes."""

    fs_group: int | None = None
    fs_group_change_policy: str | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    se_linux_change_policy: str | None = None
    se_linux_options: SELinuxOptions | None = None
    supplemental_groups: tuple[int, ...] = attrs.field(default=(), converter=frozen_tuple)
    supplemental_groups_policy: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodSpec(Record):
    """What a pod runs, on which volumes, where and as whom."""

    active_deadline_seconds: int | None = None
    affinity: Affinity | None = None
    automount_service_account_token: bool | None = None
    containers: tuple[Container, ...] = attrs.field(default=(), converter=frozen_tuple)
    dns_policy: str | None = None
    enable_service_links: bool | None = None
    ephemeral_containers: tuple[EphemeralContainer, ...] = attrs.field(default=(), converter=frozen_tuple)
    host_ipc: bool | None = None
    host_network: bool | None = None
    host_pid: bool | None = None
    host_users: bool | None = None
    hostname: str | None = None
    hostname_override: str | None = None
    image_pull_secrets: tuple[LocalObjectReference, ...] = attrs.field(default=(), converter=frozen_tuple)
    init_containers: tuple[Container, ...] = attrs.field(default=(), converter=frozen_tuple)
    node_name: str | None = None
    node_selector: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    os: PodOS | None = None
    overhead: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    preemption_policy: str | None = None
    priority: int | None = None
    priority_class_name: str | None = None
    readiness_gates: tuple[PodReadinessGate, ...] = attrs.field(default=(), converter=frozen_tuple)
    resources: ResourceRequirements | None = None
    restart_policy: str | None = None
    runtime_class_name: str | None = None
    scheduler_name: str | None = None
    scheduling_gates: tuple[PodSchedulingGate, ...] = attrs.field(default=(), converter=frozen_tuple)
    security_context: PodSecurityContext | None = None
    service_account: str | None = None
    service_account_name: str | None = None
    set_hostname_as_fqdn: bool | None = None
    share_process_namespace: bool | None = None
    subdomain: str | None = None
    termination_grace_period_seconds: int | None = None
    tolerations: tuple[Toleration, ...] = attrs.field(default=(), converter=frozen_tuple)
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = attrs.field(default=(), converter=frozen_tuple)
    volumes: tuple[Volume, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodIP(Record):
    """One address of a pod."""

    ip: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class HostIP(Record):
    """One address of a pod's node."""

    ip: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodStatus(Record):
    """What the kubelet and the scheduler say of a pod."""

    allocated_resources: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    container_statuses: tuple[ContainerStatus, ...] = attrs.field(default=(), converter=frozen_tuple)
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = attrs.field(default=(), converter=frozen_tuple)
    host_ip: str | None = None
    host_ips: tuple[HostIP, ...] = attrs.field(default=(), converter=frozen_tuple)
    init_container_statuses: tuple[ContainerStatus, ...] = attrs.field(default=(), converter=frozen_tuple)
    message: str | None = None
    nominated_node_name: str | None = None
    observed_generation: int | None = None
    phase: str | None = None
    pod_ip: str | None = None
    pod_ips: tuple[PodIP, ...] = attrs.field(default=(), converter=frozen_tuple)
    qos_class: str | None = None
    reason: str | None = None
    resize: str | None = None
    resources: ResourceRequirements | None = None
    start_time: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Pod(Object):
    """Containers that run together on one node and share its volumes."""

    KIND: ClassVar[str] = "Pod"
    PLURAL: ClassVar[str] = "pods"
    SINGULAR: ClassVar[str] = "pod"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("po",)

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: PodSpec = attrs.field(factory=PodSpec)
    status: PodStatus = attrs.field(factory=PodStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodTemplateSpec(Record):
    """The pod that a workload makes copies of."""

    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: PodSpec = attrs.field(factory=PodSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)
