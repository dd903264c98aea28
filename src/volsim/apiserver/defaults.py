"""Defaulting: what the API server fills in where the user said nothing.

Modelled: pods and pod templates, volumes of every type, PersistentVolumes, claims, StorageClasses, the workload kinds,
Services, quantities in their canonical form. Defaulting is idempotent.
Source: kube-apiserver, pkg/apis/{core,apps,batch,storage,policy}/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from volsim.objects import (
    Container,
    CronJob,
    CSIDriver,
    DaemonSet,
    DaemonSetUpdateStrategy,
    Deployment,
    DeploymentStrategy,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    EnvVar,
    Job,
    Lifecycle,
    LifecycleHandler,
    Namespace,
    Node,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    Probe,
    ProjectedVolumeSource,
    ReplicaSet,
    ReplicationController,
    RollingUpdateDaemonSet,
    RollingUpdateDeployment,
    RollingUpdateStatefulSetStrategy,
    Secret,
    Service,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetUpdateStrategy,
    StorageClass,
    Volume,
    VolumeProjection,
)
from volsim.objects._record import FrozenDict
from volsim.quantity import Quantity
from volsim.rules import Rules
from volsim.storage.sources import source_of

__all__ = ["default"]


def default(obj: Any, rules: Rules) -> Any:
    """The object with every default filled in; idempotent.

    >>> default(PersistentVolume(), Rules()).spec.persistent_volume_reclaim_policy
    'Retain'
    """
    act = _DEFAULTS.get(type(obj))
    return obj if act is None else act(obj, rules)


def _set(record: Any, **values: Any) -> Any:
    """The record with those of the values filled in whose field is None."""
    missing = {name: value for name, value in values.items() if getattr(record, name) is None}
    return record.replace(**missing) if missing else record


def _fill(record: Any, **values: Any) -> Any:
    """The same for fields that the API does not keep as pointers: there an empty text or 0 says nothing either."""
    missing = {name: value for name, value in values.items() if not getattr(record, name)}
    return record.replace(**missing) if missing else record


def _canonical(amounts: Mapping[str, Quantity]) -> FrozenDict[str, Quantity]:
    """Quantities as the API server writes them: ``1.5Gi`` becomes ``1536Mi``."""
    if all(amount.given == amount.canonical() for amount in amounts.values()):
        return amounts if isinstance(amounts, FrozenDict) else FrozenDict(amounts)
    return FrozenDict({name: Quantity(amount.canonical()) for name, amount in amounts.items()})


# -- pods --------------------------------------------------------------------------------------------------------------
def _pod(pod: Pod, rules: Rules) -> Pod:
    """A pod with its defaults: those of a template, and some more that a template must not have yet."""
    spec = _set(pod_spec(pod.spec, rules), enable_service_links=True)
    spec = spec.replace(
        containers=tuple(_requesting(each) for each in spec.containers),
        init_containers=tuple(_requesting(each) for each in spec.init_containers),
    )
    return pod.replace(spec=_host_ports(spec) if spec.host_network else spec)


def _requesting(container: Container) -> Container:
    """A container that is limited but does not say what it requests, requests its limits."""
    resources = container.resources
    if resources.limits.keys() <= resources.requests.keys():
        return container
    requests = FrozenDict({**resources.limits, **resources.requests})
    return container.replace(resources=resources.replace(requests=requests))


def pod_spec(spec: PodSpec, rules: Rules) -> PodSpec:
    """A pod's spec with its defaults; of a pod and of a template alike."""
    spec = _fill(spec, restart_policy="Always", dns_policy="ClusterFirst", scheduler_name="default-scheduler")
    spec = _set(spec, termination_grace_period_seconds=30, security_context=PodSecurityContext())
    if spec.service_account_name is None and spec.service_account:
        spec = spec.replace(service_account_name=spec.service_account)
    spec = spec.replace(
        containers=tuple(_container(each) for each in spec.containers),
        init_containers=tuple(_container(each) for each in spec.init_containers),
        ephemeral_containers=tuple(_container(each) for each in spec.ephemeral_containers),
        volumes=tuple(_volume(each) for each in spec.volumes),
        overhead=_canonical(spec.overhead),
    )
    return _host_ports(spec) if spec.host_network and not rules.host_network_in_templates else spec


def _host_ports(spec: PodSpec) -> PodSpec:
    """On the node's own network a container's port is the node's."""

    def on_node(container: Container) -> Container:
        return container.replace(ports=tuple(_fill(port, host_port=port.container_port) for port in container.ports))

    return spec.replace(
        containers=tuple(on_node(each) for each in spec.containers),
        init_containers=tuple(on_node(each) for each in spec.init_containers),
    )


def _pull_policy(image: str) -> str:
    newest = (":" not in image.rpartition("/")[2] and "@" not in image) or image.endswith(":latest")
    return "Always" if newest else "IfNotPresent"


def _container(container: Any) -> Any:
    container = _fill(
        container,
        image_pull_policy=_pull_policy(container.image or ""),
        termination_message_path="/dev/termination-log",
        termination_message_policy="File",
    )
    resources = container.resources
    limits, requests = _canonical(resources.limits), _canonical(resources.requests)
    return container.replace(
        resources=resources.replace(limits=limits, requests=requests),
        ports=tuple(_fill(port, protocol="TCP") for port in container.ports),
        env=tuple(_variable(each) for each in container.env),
        lifecycle=_lifecycle(container.lifecycle),
        liveness_probe=_probe(container.liveness_probe),
        readiness_probe=_probe(container.readiness_probe),
        startup_probe=_probe(container.startup_probe),
    )


def _variable(variable: EnvVar) -> EnvVar:
    source = variable.value_from
    if source is None or source.field_ref is None:
        return variable
    return variable.replace(value_from=_with_version(source))


def _with_version(part: Any) -> Any:
    """What shows a field of the pod shows it as version v1 has it."""
    return part if part.field_ref is None else part.replace(field_ref=_fill(part.field_ref, api_version="v1"))


def _lifecycle(lifecycle: Lifecycle | None) -> Lifecycle | None:
    if lifecycle is None:
        return None
    return lifecycle.replace(post_start=_hook(lifecycle.post_start), pre_stop=_hook(lifecycle.pre_stop))


def _hook(hook: LifecycleHandler | None) -> LifecycleHandler | None:
    if hook is None or hook.http_get is None:
        return hook
    return hook.replace(http_get=_fill(hook.http_get, path="/", scheme="HTTP"))


def _probe(probe: Probe | None) -> Probe | None:
    if probe is None:
        return None
    probe = _fill(probe, timeout_seconds=1, period_seconds=10, success_threshold=1, failure_threshold=3)
    if probe.http_get is not None:
        probe = probe.replace(http_get=_fill(probe.http_get, path="/", scheme="HTTP"))
    return probe


_MODES: tuple[tuple[str, str], ...] = (
    ("secret", "default_mode"),
    ("config_map", "default_mode"),
    ("downward_api", "default_mode"),
    ("projected", "default_mode"),
)


def _volume(volume: Volume) -> Volume:
    if source_of(volume)[0] is None and not volume.carried:
        return volume.replace(empty_dir=EmptyDirVolumeSource())
    for source, field in _MODES:
        found = getattr(volume, source)
        if found is not None:
            return volume.replace(**{source: _files(_set(found, **{field: 0o644}))})
    if volume.empty_dir is not None and volume.empty_dir.size_limit is not None:
        limit = Quantity(volume.empty_dir.size_limit.canonical())
        return volume.replace(empty_dir=volume.empty_dir.replace(size_limit=limit))
    if volume.image is not None:
        policy = _pull_policy(volume.image.reference or "")
        return volume.replace(image=_fill(volume.image, pull_policy=policy))
    if volume.ephemeral is not None and volume.ephemeral.volume_claim_template is not None:
        template = volume.ephemeral.volume_claim_template
        claim = template.replace(spec=_claim_spec(template.spec))
        ephemeral = volume.ephemeral.replace(volume_claim_template=claim)
        return volume.replace(ephemeral=ephemeral)
    filled: Volume = _volume_source(volume)
    return filled


def _files(source: Any) -> Any:
    """What a volume's files show of the pod, and how long its tokens are good."""
    if isinstance(source, DownwardAPIVolumeSource):
        return source.replace(items=tuple(_with_version(each) for each in source.items))
    if isinstance(source, ProjectedVolumeSource):
        return source.replace(sources=tuple(_projection(each) for each in source.sources))
    return source


def _projection(part: VolumeProjection) -> VolumeProjection:
    if part.downward_api is not None:
        items = tuple(_with_version(each) for each in part.downward_api.items)
        part = part.replace(downward_api=part.downward_api.replace(items=items))
    if part.service_account_token is not None:
        part = part.replace(service_account_token=_set(part.service_account_token, expiration_seconds=3600))
    return part


def _volume_source(volume: Any) -> Any:
    """The defaults that a source has in a pod as in a PersistentVolume."""
    if volume.host_path is not None:
        return volume.replace(host_path=_set(volume.host_path, type=""))
    if volume.iscsi is not None:
        return volume.replace(iscsi=_fill(volume.iscsi, iscsi_interface="default"))
    if volume.rbd is not None:
        return volume.replace(rbd=_fill(volume.rbd, pool="rbd", user="admin", keyring="/etc/ceph/keyring"))
    if volume.azure_disk is not None:
        disk = _set(volume.azure_disk, caching_mode="ReadWrite", kind="Shared", fs_type="ext4", read_only=False)
        return volume.replace(azure_disk=disk)
    if volume.scale_io is not None:
        return volume.replace(scale_io=_fill(volume.scale_io, storage_mode="ThinProvisioned", fs_type="xfs"))
    return volume


# -- volumes and claims ------------------------------------------------------------------------------------------------
def _persistent_volume(volume: PersistentVolume, rules: Rules) -> PersistentVolume:
    spec = _fill(_set(volume.spec, volume_mode="Filesystem"), persistent_volume_reclaim_policy="Retain")
    return volume.replace(spec=_volume_source(spec.replace(capacity=_canonical(spec.capacity))))


def _claim(claim: PersistentVolumeClaim, rules: Rules) -> PersistentVolumeClaim:
    return claim.replace(spec=_claim_spec(claim.spec))


def _claim_spec(spec: Any) -> Any:
    spec = _set(spec, volume_mode="Filesystem")
    resources = spec.resources
    limits = _canonical(resources.limits)
    return spec.replace(resources=resources.replace(limits=limits, requests=_canonical(resources.requests)))


def _storage_class(storage_class: StorageClass, rules: Rules) -> StorageClass:
    filled: StorageClass = _set(storage_class, reclaim_policy="Delete", volume_binding_mode="Immediate")
    return filled


def _csi_driver(driver: CSIDriver, rules: Rules) -> CSIDriver:
    spec = _set(driver.spec, attach_required=True, pod_info_on_mount=False, storage_capacity=False)
    modes = spec.volume_lifecycle_modes or ("Persistent",)
    spec = spec.replace(volume_lifecycle_modes=modes)
    return driver.replace(spec=_set(spec, fs_group_policy="ReadWriteOnceWithFSType"))


# -- workloads ---------------------------------------------------------------------------------------------------------
def _template(template: PodTemplateSpec, rules: Rules) -> PodTemplateSpec:
    return template.replace(spec=pod_spec(template.spec, rules))


def _deployment(deployment: Deployment, rules: Rules) -> Deployment:
    spec = _set(
        deployment.spec,
        replicas=1,
        revision_history_limit=10,
        progress_deadline_seconds=600,
        strategy=DeploymentStrategy(),
    )
    strategy = _fill(spec.strategy, type="RollingUpdate")
    if strategy.type == "RollingUpdate":
        rolling = _set(strategy.rolling_update or RollingUpdateDeployment(), max_surge="25%", max_unavailable="25%")
        strategy = strategy.replace(rolling_update=rolling)
    return deployment.replace(spec=spec.replace(strategy=strategy, template=_template(spec.template, rules)))


def _replica_set(replica_set: ReplicaSet, rules: Rules) -> ReplicaSet:
    spec = _set(replica_set.spec, replicas=1)
    return replica_set.replace(spec=spec.replace(template=_template(spec.template, rules)))


def _replication_controller(controller: ReplicationController, rules: Rules) -> ReplicationController:
    spec = _set(controller.spec, replicas=1)
    labels = spec.template.metadata.labels if spec.template.metadata is not None else FrozenDict()
    selector = spec.selector or FrozenDict(labels)
    controller = controller.replace(metadata=_labelled(controller.metadata, labels))
    return controller.replace(spec=spec.replace(selector=selector, template=_template(spec.template, rules)))


def _labelled(metadata: ObjectMeta, labels: Mapping[str, str]) -> ObjectMeta:
    """What has no labels of its own is labelled as its pods are."""
    return metadata if metadata.labels or not labels else metadata.replace(labels=FrozenDict(labels))


def _stateful_set(stateful_set: StatefulSet, rules: Rules) -> StatefulSet:
    spec = _set(
        stateful_set.spec,
        replicas=1,
        revision_history_limit=10,
        pod_management_policy="OrderedReady",
        update_strategy=StatefulSetUpdateStrategy(),
    )
    if rules.stateful_set_auto_delete_pvc:
        policy = spec.persistent_volume_claim_retention_policy or StatefulSetPersistentVolumeClaimRetentionPolicy()
        policy = _fill(policy, when_deleted="Retain", when_scaled="Retain")
        spec = spec.replace(persistent_volume_claim_retention_policy=policy)
    spec = spec.replace(update_strategy=_set_strategy(spec.update_strategy, rules))
    claims = tuple(each.replace(spec=_claim_spec(each.spec)) for each in spec.volume_claim_templates)
    return stateful_set.replace(
        spec=spec.replace(volume_claim_templates=claims, template=_template(spec.template, rules))
    )


def _set_strategy(strategy: StatefulSetUpdateStrategy, rules: Rules) -> StatefulSetUpdateStrategy:
    """A stateful set's strategy: who names RollingUpdate and says no more of it gets no partition either."""
    if not strategy.type:
        given = None if rules.stateful_set_partition_needs_type else strategy.rolling_update
        strategy = strategy.replace(type="RollingUpdate", rolling_update=given or RollingUpdateStatefulSetStrategy())
    if strategy.type != "RollingUpdate" or strategy.rolling_update is None:
        return strategy
    rolling = _set(strategy.rolling_update, partition=0)
    if rules.max_unavailable_stateful_set:
        rolling = _set(rolling, max_unavailable=1)
    return strategy.replace(rolling_update=rolling)


def _daemon_set(daemon_set: DaemonSet, rules: Rules) -> DaemonSet:
    spec = _set(daemon_set.spec, revision_history_limit=10, update_strategy=DaemonSetUpdateStrategy())
    strategy = _fill(spec.update_strategy, type="RollingUpdate")
    if strategy.type == "RollingUpdate":
        rolling = _set(strategy.rolling_update or RollingUpdateDaemonSet(), max_unavailable=1)
        if rules.daemon_set_update_surge:
            rolling = _set(rolling, max_surge=0)
        strategy = strategy.replace(rolling_update=rolling)
    return daemon_set.replace(spec=spec.replace(update_strategy=strategy, template=_template(spec.template, rules)))


def _job(job: Job, rules: Rules) -> Job:
    spec = job.spec
    if spec.completions is None and spec.parallelism is None:
        spec = spec.replace(completions=1)
    spec = _set(
        spec,
        parallelism=1,
        backoff_limit=6 if spec.backoff_limit_per_index is None else _MOST,
        completion_mode="NonIndexed",
        suspend=False,
        manual_selector=False,
        pod_replacement_policy="TerminatingOrFailed" if spec.pod_failure_policy is None else "Failed",
    )
    metadata = _labelled(job.metadata, spec.template.metadata.labels)
    return job.replace(metadata=metadata, spec=spec.replace(template=_template(spec.template, rules)))


_MOST = 2**31 - 1
"""The largest number that a field can hold: as good as no bound."""


def _cron_job(cron_job: CronJob, rules: Rules) -> CronJob:
    spec = _set(
        cron_job.spec,
        concurrency_policy="Allow",
        suspend=False,
        successful_jobs_history_limit=3,
        failed_jobs_history_limit=1,
    )
    made = spec.job_template
    if made is not None:  # but for its pods, a job gets its defaults when it is made
        job = made.spec.replace(template=_template(made.spec.template, rules))
        spec = spec.replace(job_template=made.replace(spec=job))
    return cron_job.replace(spec=spec)


# -- the rest ----------------------------------------------------------------------------------------------------------
def _service(service: Service, rules: Rules) -> Service:
    spec = _fill(service.spec, type="ClusterIP", session_affinity="None")
    ports = tuple(_fill(port, protocol="TCP", target_port=port.port) for port in spec.ports)
    return service.replace(spec=spec.replace(ports=ports))


def _secret(secret: Secret, rules: Rules) -> Secret:
    filled: Secret = _fill(secret, type="Opaque")
    return filled


def _namespace(namespace: Namespace, rules: Rules) -> Namespace:
    spec = namespace.spec
    if "kubernetes" not in spec.finalizers:
        spec = spec.replace(finalizers=(*spec.finalizers, "kubernetes"))
    return namespace.replace(spec=spec, status=_fill(namespace.status, phase="Active"))


def _node(node: Node, rules: Rules) -> Node:
    status = node.status
    if status.allocatable or not status.capacity:
        return node
    return node.replace(status=status.replace(allocatable=status.capacity))


_DEFAULTS: dict[type, Callable[[Any, Rules], Any]] = {
    Pod: _pod,
    PersistentVolume: _persistent_volume,
    PersistentVolumeClaim: _claim,
    StorageClass: _storage_class,
    CSIDriver: _csi_driver,
    Deployment: _deployment,
    ReplicaSet: _replica_set,
    ReplicationController: _replication_controller,
    StatefulSet: _stateful_set,
    DaemonSet: _daemon_set,
    Job: _job,
    CronJob: _cron_job,
    Secret: _secret,
    Service: _service,
    Namespace: _namespace,
    Node: _node,
}
