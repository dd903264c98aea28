"""Workloads: what keeps pods running, and how it replaces them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from volsim.objects._record import FrozenDict, Record, frozen_json, frozen_map, frozen_tuple, record
from volsim.objects.claims import PersistentVolumeClaim
from volsim.objects.meta import Condition, LabelSelector, Object, ObjectMeta, ObjectReference
from volsim.objects.pods import PodTemplateSpec

__all__ = [
    "ControllerRevision",
    "CronJob",
    "CronJobSpec",
    "CronJobStatus",
    "DaemonSet",
    "DaemonSetSpec",
    "DaemonSetStatus",
    "DaemonSetUpdateStrategy",
    "Deployment",
    "DeploymentSpec",
    "DeploymentStatus",
    "DeploymentStrategy",
    "Job",
    "JobSpec",
    "JobStatus",
    "JobTemplateSpec",
    "PodDisruptionBudget",
    "PodDisruptionBudgetSpec",
    "PodDisruptionBudgetStatus",
    "PodFailurePolicy",
    "PodFailurePolicyOnExitCodesRequirement",
    "PodFailurePolicyOnPodConditionsPattern",
    "PodFailurePolicyRule",
    "ReplicaSet",
    "ReplicaSetSpec",
    "ReplicaSetStatus",
    "ReplicationController",
    "ReplicationControllerSpec",
    "ReplicationControllerStatus",
    "RollingUpdateDaemonSet",
    "RollingUpdateDeployment",
    "RollingUpdateStatefulSetStrategy",
    "StatefulSet",
    "StatefulSetOrdinals",
    "StatefulSetPersistentVolumeClaimRetentionPolicy",
    "StatefulSetSpec",
    "StatefulSetStatus",
    "StatefulSetUpdateStrategy",
    "SuccessPolicy",
    "SuccessPolicyRule",
    "UncountedTerminatedPods",
]


@record
class RollingUpdateDeployment(Record):
    """How many pods a rollout may add and may lack."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class DeploymentStrategy(Record):
    """How a deployment replaces its pods."""

    type: str | None = None
    rolling_update: RollingUpdateDeployment | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class DeploymentSpec(Record):
    """Which pods a deployment keeps, how many, and how it replaces them."""

    min_ready_seconds: int | None = None
    paused: bool | None = None
    progress_deadline_seconds: int | None = None
    replicas: int | None = None
    revision_history_limit: int | None = None
    selector: LabelSelector | None = None
    strategy: DeploymentStrategy | None = None
    template: PodTemplateSpec = attrs.field(factory=PodTemplateSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class DeploymentStatus(Record):
    """How far a deployment has come."""

    available_replicas: int | None = None
    collision_count: int | None = None
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    observed_generation: int | None = None
    ready_replicas: int | None = None
    replicas: int | None = None
    terminating_replicas: int | None = None
    unavailable_replicas: int | None = None
    updated_replicas: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Deployment(Object):
    """A number of equal pods, replaced step by step."""

    KIND: ClassVar[str] = "Deployment"
    PLURAL: ClassVar[str] = "deployments"
    SINGULAR: ClassVar[str] = "deployment"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("deploy",)
    GROUP: ClassVar[str] = "apps"

    api_version: str = "apps/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: DeploymentSpec = attrs.field(factory=DeploymentSpec)
    status: DeploymentStatus = attrs.field(factory=DeploymentStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ReplicaSetSpec(Record):
    """Which pods a replica set keeps, and how many."""

    min_ready_seconds: int | None = None
    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec = attrs.field(factory=PodTemplateSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ReplicaSetStatus(Record):
    """How far a replica set has come."""

    available_replicas: int | None = None
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    fully_labeled_replicas: int | None = None
    observed_generation: int | None = None
    ready_replicas: int | None = None
    replicas: int | None = None
    terminating_replicas: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ReplicaSet(Object):
    """A number of equal pods."""

    KIND: ClassVar[str] = "ReplicaSet"
    PLURAL: ClassVar[str] = "replicasets"
    SINGULAR: ClassVar[str] = "replicaset"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("rs",)
    GROUP: ClassVar[str] = "apps"

    api_version: str = "apps/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: ReplicaSetSpec = attrs.field(factory=ReplicaSetSpec)
    status: ReplicaSetStatus = attrs.field(factory=ReplicaSetStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ReplicationControllerSpec(Record):
    """Which pods a replication controller keeps, and how many."""

    min_ready_seconds: int | None = None
    replicas: int | None = None
    selector: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    template: PodTemplateSpec = attrs.field(factory=PodTemplateSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ReplicationControllerStatus(Record):
    """How far a replication controller has come."""

    available_replicas: int | None = None
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    fully_labeled_replicas: int | None = None
    observed_generation: int | None = None
    ready_replicas: int | None = None
    replicas: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ReplicationController(Object):
    """A number of equal pods, in the oldest way."""

    KIND: ClassVar[str] = "ReplicationController"
    PLURAL: ClassVar[str] = "replicationcontrollers"
    SINGULAR: ClassVar[str] = "replicationcontroller"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("rc",)

    api_version: str = "v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: ReplicationControllerSpec = attrs.field(factory=ReplicationControllerSpec)
    status: ReplicationControllerStatus = attrs.field(factory=ReplicationControllerStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class RollingUpdateStatefulSetStrategy(Record):
    """From which ordinal on, and how many at once, a stateful set updates."""

    max_unavailable: int | str | None = None
    partition: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class StatefulSetUpdateStrategy(Record):
    """How a stateful set replaces its pods."""

    type: str | None = None
    rolling_update: RollingUpdateStatefulSetStrategy | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class StatefulSetPersistentVolumeClaimRetentionPolicy(Record):
    """What becomes of a stateful set's claims when it shrinks or goes."""

    when_deleted: str | None = None
    when_scaled: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class StatefulSetOrdinals(Record):
    """With which number a stateful set begins to count."""

    start: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class StatefulSetSpec(Record):
    """Which pods, with which claims, a stateful set keeps."""

    min_ready_seconds: int | None = None
    ordinals: StatefulSetOrdinals | None = None
    persistent_volume_claim_retention_policy: StatefulSetPersistentVolumeClaimRetentionPolicy | None = None
    pod_management_policy: str | None = None
    replicas: int | None = None
    revision_history_limit: int | None = None
    selector: LabelSelector | None = None
    service_name: str | None = None
    template: PodTemplateSpec = attrs.field(factory=PodTemplateSpec)
    update_strategy: StatefulSetUpdateStrategy | None = None
    volume_claim_templates: tuple[PersistentVolumeClaim, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class StatefulSetStatus(Record):
    """How far a stateful set has come."""

    available_replicas: int | None = None
    collision_count: int | None = None
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    current_replicas: int | None = None
    current_revision: str | None = None
    observed_generation: int | None = None
    ready_replicas: int | None = None
    replicas: int | None = None
    update_revision: str | None = None
    updated_replicas: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class StatefulSet(Object):
    """Pods with a number, a name and a claim of their own."""

    KIND: ClassVar[str] = "StatefulSet"
    PLURAL: ClassVar[str] = "statefulsets"
    SINGULAR: ClassVar[str] = "statefulset"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("sts",)
    GROUP: ClassVar[str] = "apps"

    api_version: str = "apps/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: StatefulSetSpec = attrs.field(factory=StatefulSetSpec)
    status: StatefulSetStatus = attrs.field(factory=StatefulSetStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class RollingUpdateDaemonSet(Record):
    """How many nodes' pods a daemon set replaces at once."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class DaemonSetUpdateStrategy(Record):
    """How a daemon set replaces its pods."""

    type: str | None = None
    rolling_update: RollingUpdateDaemonSet | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class DaemonSetSpec(Record):
    """Which pod a daemon set runs on each node."""

    min_ready_seconds: int | None = None
    revision_history_limit: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec = attrs.field(factory=PodTemplateSpec)
    update_strategy: DaemonSetUpdateStrategy | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class DaemonSetStatus(Record):
    """How far a daemon set has come."""

    collision_count: int | None = None
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    current_number_scheduled: int | None = None
    desired_number_scheduled: int | None = None
    number_available: int | None = None
    number_misscheduled: int | None = None
    number_ready: int | None = None
    number_unavailable: int | None = None
    observed_generation: int | None = None
    updated_number_scheduled: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class DaemonSet(Object):
    """One pod on each node."""

    KIND: ClassVar[str] = "DaemonSet"
    PLURAL: ClassVar[str] = "daemonsets"
    SINGULAR: ClassVar[str] = "daemonset"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("ds",)
    GROUP: ClassVar[str] = "apps"

    api_version: str = "apps/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: DaemonSetSpec = attrs.field(factory=DaemonSetSpec)
    status: DaemonSetStatus = attrs.field(factory=DaemonSetStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodFailurePolicyOnExitCodesRequirement(Record):
    """Exit codes that a failure rule is about."""

    container_name: str | None = None
    operator: str | None = None
    values: tuple[int, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodFailurePolicyOnPodConditionsPattern(Record):
    """A pod condition that a failure rule is about."""

    type: str | None = None
    status: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodFailurePolicyRule(Record):
    """What a job does when a pod fails in a given way."""

    action: str | None = None
    on_exit_codes: PodFailurePolicyOnExitCodesRequirement | None = None
    on_pod_conditions: tuple[PodFailurePolicyOnPodConditionsPattern, ...] = attrs.field(
        default=(), converter=frozen_tuple
    )
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodFailurePolicy(Record):
    """What a job does about failed pods, rule by rule."""

    rules: tuple[PodFailurePolicyRule, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class SuccessPolicyRule(Record):
    """Which indexes must succeed."""

    succeeded_count: int | None = None
    succeeded_indexes: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class SuccessPolicy(Record):
    """When an indexed job counts as done."""

    rules: tuple[SuccessPolicyRule, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class JobSpec(Record):
    """Which pods a job runs, how often, and when it gives up."""

    active_deadline_seconds: int | None = None
    backoff_limit: int | None = None
    backoff_limit_per_index: int | None = None
    completion_mode: str | None = None
    completions: int | None = None
    managed_by: str | None = None
    manual_selector: bool | None = None
    max_failed_indexes: int | None = None
    parallelism: int | None = None
    pod_failure_policy: PodFailurePolicy | None = None
    pod_replacement_policy: str | None = None
    selector: LabelSelector | None = None
    success_policy: SuccessPolicy | None = None
    suspend: bool | None = None
    template: PodTemplateSpec = attrs.field(factory=PodTemplateSpec)
    ttl_seconds_after_finished: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class UncountedTerminatedPods(Record):
    """Pods that have ended and are not in the counters yet."""

    failed: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    succeeded: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class JobStatus(Record):
    """How far a job has come."""

    active: int | None = None
    completed_indexes: str | None = None
    completion_time: int | None = None
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    failed: int | None = None
    failed_indexes: str | None = None
    ready: int | None = None
    start_time: int | None = None
    succeeded: int | None = None
    terminating: int | None = None
    uncounted_terminated_pods: UncountedTerminatedPods | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Job(Object):
    """Pods that run until enough of them have succeeded."""

    KIND: ClassVar[str] = "Job"
    PLURAL: ClassVar[str] = "jobs"
    SINGULAR: ClassVar[str] = "job"
    GROUP: ClassVar[str] = "batch"

    api_version: str = "batch/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: JobSpec = attrs.field(factory=JobSpec)
    status: JobStatus = attrs.field(factory=JobStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class JobTemplateSpec(Record):
    """The job that a cron job makes copies of."""

    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: JobSpec = attrs.field(factory=JobSpec)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CronJobSpec(Record):
    """When a cron job makes which job."""

    concurrency_policy: str | None = None
    failed_jobs_history_limit: int | None = None
    job_template: JobTemplateSpec = attrs.field(factory=JobTemplateSpec)
    schedule: str | None = None
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: int | None = None
    suspend: bool | None = None
    time_zone: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CronJobStatus(Record):
    """What a cron job has made."""

    active: tuple[ObjectReference, ...] = attrs.field(default=(), converter=frozen_tuple)
    last_schedule_time: int | None = None
    last_successful_time: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class CronJob(Object):
    """Jobs by the calendar."""

    KIND: ClassVar[str] = "CronJob"
    PLURAL: ClassVar[str] = "cronjobs"
    SINGULAR: ClassVar[str] = "cronjob"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("cj",)
    GROUP: ClassVar[str] = "batch"

    api_version: str = "batch/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: CronJobSpec = attrs.field(factory=CronJobSpec)
    status: CronJobStatus = attrs.field(factory=CronJobStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodDisruptionBudgetSpec(Record):
    """How many pods must stay, or may be missing."""

    max_unavailable: int | str | None = None
    min_available: int | str | None = None
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodDisruptionBudgetStatus(Record):
    """How many pods may be evicted now."""

    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=frozen_tuple)
    current_healthy: int | None = None
    desired_healthy: int | None = None
    disrupted_pods: Mapping[str, int] = attrs.field(factory=FrozenDict, converter=frozen_map)
    disruptions_allowed: int | None = None
    expected_pods: int | None = None
    observed_generation: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class PodDisruptionBudget(Object):
    """A bound on evictions."""

    KIND: ClassVar[str] = "PodDisruptionBudget"
    PLURAL: ClassVar[str] = "poddisruptionbudgets"
    SINGULAR: ClassVar[str] = "poddisruptionbudget"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("pdb",)
    GROUP: ClassVar[str] = "policy"

    api_version: str = "policy/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    spec: PodDisruptionBudgetSpec = attrs.field(factory=PodDisruptionBudgetSpec)
    status: PodDisruptionBudgetStatus = attrs.field(factory=PodDisruptionBudgetStatus)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ControllerRevision(Object):
    """One version of a stateful set's or daemon set's template."""

    KIND: ClassVar[str] = "ControllerRevision"
    PLURAL: ClassVar[str] = "controllerrevisions"
    SINGULAR: ClassVar[str] = "controllerrevision"
    GROUP: ClassVar[str] = "apps"

    api_version: str = "apps/v1"
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    data: Any = attrs.field(default=None, converter=frozen_json)
    revision: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)
