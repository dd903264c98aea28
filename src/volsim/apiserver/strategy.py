"""What the API server does to an object besides checking it: names, statuses, generations, grace periods, old fields.

Source: kube-apiserver, pkg/registry/{core,apps,batch,storage}/*/strategy.go (PrepareForCreate, PrepareForUpdate,
CheckGracefulDelete), apiserver, pkg/storage/names/generate.go.
"""

from __future__ import annotations

from typing import Any

from volsim.objects import (
    Condition,
    DaemonSet,
    FrozenDict,
    Job,
    LabelSelector,
    Namespace,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimStatus,
    PersistentVolumeStatus,
    Pod,
    PodStatus,
    TypedLocalObjectReference,
    TypedObjectReference,
)
from volsim.objects._record import Record
from volsim.rules import Rules

__all__ = [
    "grace_period",
    "name_suffix",
    "prepare_for_create",
    "prepare_for_status_update",
    "prepare_for_update",
    "qos_class",
    "strip_disabled",
    "with_generated_selector",
]

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # no vowels and no digits that look like letters: no bad words


def name_suffix(seed: int, length: int = 5) -> str:
    """The random part of a generated name, as `generateName` and ReplicaSets append it.

    >>> name_suffix(0), len(name_suffix(12345678901234567890))
    ('bbbbb', 5)
    """
    letters = []
    for _ in range(length):
        seed, number = divmod(seed, len(_ALPHABET))
        letters.append(_ALPHABET[number])
    return "".join(letters)


# -- create and update -------------------------------------------------------------------------------------------------
_FRESH_STATUS: dict[type, Record] = {
    Pod: PodStatus(phase="Pending"),
    PersistentVolume: PersistentVolumeStatus(phase="Pending"),
    PersistentVolumeClaim: PersistentVolumeClaimStatus(phase="Pending"),
}
_STATUS_IS_KEPT = frozenset({"Node", "Namespace"})


def prepare_for_create(obj: Any, rules: Rules, now_us: int = 0) -> Any:
    """A new object as it is stored: a fresh status, generation 1 where the kind has one."""
    metadata = obj.metadata
    if obj.kind in _HAS_GENERATION:
        metadata = metadata.replace(generation=1)
    obj = obj.replace(metadata=metadata)
    if isinstance(obj, PersistentVolumeClaim):
        obj = obj.replace(spec=_with_data_sources(obj.spec, None, rules))
    if isinstance(obj, Namespace):
        obj = _with_its_name(obj, rules)
    if obj.kind in _STATUS_IS_KEPT or not hasattr(obj, "status"):
        return obj
    fresh = _FRESH_STATUS.get(type(obj))
    if fresh is None:
        fresh = type(obj.status)() if obj.status is not None else None
    if isinstance(obj, Pod):
        fresh = PodStatus(phase="Pending", qos_class=qos_class(obj), conditions=_gated(obj, now_us))
    if isinstance(obj, DaemonSet):
        obj = obj.replace(metadata=_with_template_generation(obj.metadata, max(_template_generation(obj), 1)))
    return obj.replace(status=fresh)


_NAME_LABEL = "kubernetes.io/metadata.name"


def _with_its_name(namespace: Namespace, rules: Rules) -> Namespace:
    """A namespace is labelled with its name, so that selectors can mean it.

    Source: pkg/registry/core/namespace/strategy.go, Canonicalize.
    """
    metadata = namespace.metadata
    if not rules.namespace_name_label or metadata.labels.get(_NAME_LABEL) == metadata.name:
        return namespace
    labels = FrozenDict({**metadata.labels, _NAME_LABEL: metadata.name or ""})
    return namespace.replace(metadata=metadata.replace(labels=labels))


def _gated(pod: Pod, now_us: int) -> tuple[Condition, ...]:
    """What a new pod says of itself: that it is not to be scheduled yet."""
    if not pod.spec.scheduling_gates:
        return ()
    text = "Scheduling is blocked due to non-empty scheduling gates"
    return (
        Condition(
            type="PodScheduled", status="False", reason="SchedulingGated", message=text, last_transition_time=now_us
        ),
    )


_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def _template_generation(daemon_set: DaemonSet) -> int:
    """How often a daemon set's template has been changed, as its annotation says it."""
    text = daemon_set.metadata.annotations.get(_TEMPLATE_GENERATION, "")
    return int(text) if text.isascii() and text.isdecimal() else 0


def _with_template_generation(metadata: ObjectMeta, number: int) -> ObjectMeta:
    if metadata.annotations.get(_TEMPLATE_GENERATION) == str(number):
        return metadata
    annotations = FrozenDict({**metadata.annotations, _TEMPLATE_GENERATION: str(number)})
    return metadata.replace(annotations=annotations)


_HAS_GENERATION = frozenset(
    {
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "ReplicationController",
        "PodDisruptionBudget",
    }
)


def with_generated_selector(job: Job, rules: Rules) -> Job:
    """A new Job with a selector of its own, by its uid, and the labels in its template that match.

    Source: pkg/registry/batch/job/strategy.go, generateSelector.
    """
    if job.spec.manual_selector:
        return job
    named = {"controller-uid": job.metadata.uid or "", "job-name": job.name}
    labels, key = dict(named), "controller-uid"
    if rules.job_prefixed_labels:
        labels |= {f"batch.kubernetes.io/{name}": value for name, value in named.items()}
        key = "batch.kubernetes.io/controller-uid"
    template = job.spec.template
    metadata = template.metadata.replace(labels=FrozenDict({**template.metadata.labels, **labels}))
    selector = LabelSelector(match_labels={key: labels[key]})
    return job.replace(spec=job.spec.replace(selector=selector, template=template.replace(metadata=metadata)))


def prepare_for_update(new: Any, old: Any, rules: Rules) -> Any:
    """An updated object: its status stays the server's, its generation counts changes of the spec."""
    if hasattr(new, "status"):
        new = new.replace(status=old.status)
    if isinstance(new, PersistentVolumeClaim) and new.spec is not old.spec:
        new = new.replace(spec=_with_data_sources(new.spec, old.spec, rules))
    if isinstance(new, Namespace):
        new = _with_its_name(new, rules)
    if isinstance(new, DaemonSet):
        number = _template_generation(old) + (new.spec.template != old.spec.template)
        new = new.replace(metadata=_with_template_generation(new.metadata, number))
    generation = old.metadata.generation
    if generation is not None and getattr(new, "spec", None) != getattr(old, "spec", None):
        generation += 1
    if new.metadata.generation == generation:
        return new
    return new.replace(metadata=new.metadata.replace(generation=generation))


def prepare_for_status_update(new: Any, old: Any, rules: Rules, now_us: int) -> Any:
    """The server's object with the new status, the very same object if it is the same; metadata and spec stay.

    A volume remembers when it changed its phase.
    """
    status = new.status
    if status == old.status:
        return old
    if rules.pv_last_phase_transition_time and isinstance(old, PersistentVolume) and status.phase != old.status.phase:
        status = status.replace(last_phase_transition_time=now_us)
    return old.replace(status=status)


def _with_data_sources(
    spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec | None, rules: Rules
) -> PersistentVolumeClaimSpec:
    """A claim's source of data, said in both fields alike; what a version does not know is dropped.

    Source: pkg/api/persistentvolumeclaim/util.go (DropDisabledFields, EnforceDataSourceBackwardsCompatibility,
    NormalizeDataSources); KEP-1495.
    """
    source, ref = spec.data_source, spec.data_source_ref
    if source is None and ref is None:
        return spec
    known = rules.any_volume_data_source and (rules.cross_namespace_volume_data_source or not (ref and ref.namespace))
    if not known and (old is None or old.data_source_ref is None):
        ref = None
    if ref is None and (old is None or (old.data_source is None and old.data_source_ref is None)):
        # For years anything else in this field was ignored: it still is, unless it is said in the new one.
        if source is not None and (source.api_group or "", source.kind) not in _OLD_SOURCES:
            source = None
    if rules.any_volume_data_source and ref is None and source is not None:
        ref = TypedObjectReference(api_group=source.api_group, kind=source.kind, name=source.name)
    elif rules.any_volume_data_source and source is None and ref is not None and not ref.namespace:
        source = TypedLocalObjectReference(api_group=ref.api_group, kind=ref.kind, name=ref.name)
    return spec.replace(data_source=source, data_source_ref=ref)


_OLD_SOURCES = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def qos_class(pod: Pod) -> str:
    """Guaranteed, Burstable or BestEffort, from the containers' requests and limits of cpu and memory.

    Source: pkg/apis/core/v1/helper/qos/qos.go.

    >>> from volsim.objects import Container, PodSpec
    >>> qos_class(Pod(spec=PodSpec(containers=(Container(name="c"),))))
    'BestEffort'
    """
    any_given, guaranteed = False, True
    for each in (*pod.spec.containers, *pod.spec.init_containers):
        requests = {name: each.resources.requests.get(name) for name in ("cpu", "memory")}
        limits = {name: each.resources.limits.get(name) for name in ("cpu", "memory")}
        any_given = any_given or any([*requests.values(), *limits.values()])
        guaranteed = guaranteed and all(limits.values()) and all(requests[n] in (None, limits[n]) for n in requests)
    if not any_given:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


# -- deletion ----------------------------------------------------------------------------------------------------------
def grace_period(pod: Pod, asked: int | None, rules: Rules) -> int:
    """The seconds that a deleted pod has before its object goes: 0 if it never ran or has ended.

    Source: pkg/registry/core/pod/strategy.go, CheckGracefulDelete.

    >>> grace_period(Pod(), 30, Rules())
    0
    """
    grace = asked if asked is not None else pod.spec.termination_grace_period_seconds
    grace = 30 if grace is None else grace
    if not pod.spec.node_name or pod.status.phase in ("Succeeded", "Failed"):
        return 0
    return 1 if grace < 0 else grace


# -- fields that a version does not have -------------------------------------------------------------------------------
def strip_disabled(obj: Any, rules: Rules) -> Any:
    """The object without the fields whose feature gate is off in this version: they are dropped, not refused."""
    spec: Any = getattr(obj, "spec", None)
    if isinstance(obj, Pod):
        return obj.replace(spec=_strip_pod(spec, rules))
    template = getattr(spec, "template", None)
    if template is not None and getattr(template, "spec", None) is not None:
        spec = spec.replace(template=template.replace(spec=_strip_pod(template.spec, rules)))
        obj = obj.replace(spec=spec)
    if isinstance(obj, PersistentVolume | PersistentVolumeClaim) and not rules.volume_attributes_class:
        return obj.replace(spec=spec.replace(volume_attributes_class_name=None))
    if obj.kind == "StatefulSet":
        return obj.replace(spec=_strip_stateful_set(spec, rules))
    if obj.kind == "DaemonSet" and not rules.daemon_set_update_surge:
        return obj.replace(spec=_strip_surge(spec))
    if obj.kind == "PriorityClass" and not rules.non_preempting_priority:
        return obj.replace(preemption_policy=None)
    if obj.kind == "Job":
        return obj.replace(spec=_strip_job(spec, rules))
    if obj.kind == "PodDisruptionBudget" and not rules.unhealthy_pod_eviction_policy:
        return obj.replace(spec=spec.replace(unhealthy_pod_eviction_policy=None))
    return _strip_cron_job(obj, rules) if obj.kind == "CronJob" else obj


def _strip_stateful_set(spec: Any, rules: Rules) -> Any:
    if not rules.stateful_set_auto_delete_pvc:
        spec = spec.replace(persistent_volume_claim_retention_policy=None)
    if not rules.stateful_set_start_ordinal:
        spec = spec.replace(ordinals=None)
    strategy = spec.update_strategy
    if not rules.max_unavailable_stateful_set and strategy is not None and strategy.rolling_update is not None:
        rolling = strategy.rolling_update.replace(max_unavailable=None)
        spec = spec.replace(update_strategy=strategy.replace(rolling_update=rolling))
    return spec


def _strip_surge(spec: Any) -> Any:
    strategy = spec.update_strategy
    if strategy is None or strategy.rolling_update is None:
        return spec
    return spec.replace(
        update_strategy=strategy.replace(rolling_update=strategy.rolling_update.replace(max_surge=None))
    )


_GATED_JOB_FIELDS = (
    ("indexed_job", "completion_mode"),
    ("suspend_job", "suspend"),
    ("ttl_after_finished", "ttl_seconds_after_finished"),
    ("job_pod_failure_policy", "pod_failure_policy"),
    ("job_pod_replacement_policy", "pod_replacement_policy"),
    ("job_backoff_limit_per_index", "backoff_limit_per_index"),
    ("job_backoff_limit_per_index", "max_failed_indexes"),
    ("job_success_policy", "success_policy"),
    ("job_managed_by", "managed_by"),
)


def _strip_job(spec: Any, rules: Rules) -> Any:
    gone = {field: None for gate, field in _GATED_JOB_FIELDS if not getattr(rules, gate)}
    return spec.replace(**gone) if gone else spec


def _strip_cron_job(cron_job: Any, rules: Rules) -> Any:
    spec = cron_job.spec if rules.cron_job_time_zone else cron_job.spec.replace(time_zone=None)
    template = spec.job_template
    job = _strip_job(template.spec, rules)
    job = job.replace(template=job.template.replace(spec=_strip_pod(job.template.spec, rules)))
    return cron_job.replace(spec=spec.replace(job_template=template.replace(spec=job)))


def _strip_pod(spec: Any, rules: Rules) -> Any:
    if not rules.generic_ephemeral_volume and any(volume.ephemeral is not None for volume in spec.volumes):
        volumes = tuple(each.replace(ephemeral=None) for each in spec.volumes)
        spec = spec.replace(volumes=volumes)
    if not rules.image_volume and any(volume.image is not None for volume in spec.volumes):
        spec = spec.replace(volumes=tuple(each.replace(image=None) for each in spec.volumes))
    if not rules.pod_scheduling_readiness and spec.scheduling_gates:
        spec = spec.replace(scheduling_gates=())
    if not rules.ephemeral_containers and spec.ephemeral_containers:
        spec = spec.replace(ephemeral_containers=())
    for gate, field in _GATED_FIELDS:
        if not getattr(rules, gate) and getattr(spec, field) is not None:
            spec = spec.replace(**{field: None})
    if all(getattr(rules, gate) for gate in _CONTAINER_GATES):
        return spec
    return spec.replace(
        containers=tuple(_strip_container(each, rules) for each in spec.containers),
        init_containers=tuple(_strip_container(each, rules) for each in spec.init_containers),
        ephemeral_containers=tuple(_strip_container(each, rules) for each in spec.ephemeral_containers),
    )


_GATED_FIELDS = (
    ("pod_level_resources", "resources"),
    ("hostname_override", "hostname_override"),
    ("user_namespaces", "host_users"),
    ("non_preempting_priority", "preemption_policy"),
)
_CONTAINER_GATES = (
    "sidecar_containers",
    "container_restart_rules",
    "env_files",
    "recursive_read_only_mounts",
    "sleep_action",
)


def _strip_container(container: Any, rules: Rules) -> Any:
    if not rules.sidecar_containers and container.restart_policy is not None:
        container = container.replace(restart_policy=None)
    if not rules.container_restart_rules and container.restart_policy_rules:
        container = container.replace(restart_policy_rules=())
    if not rules.env_files and any(each.value_from and each.value_from.file_key_ref for each in container.env):
        container = container.replace(env=tuple(_without_file(each) for each in container.env))
    if not rules.recursive_read_only_mounts and any(each.recursive_read_only for each in container.volume_mounts):
        mounts = tuple(each.replace(recursive_read_only=None) for each in container.volume_mounts)
        container = container.replace(volume_mounts=mounts)
    if not rules.sleep_action and container.lifecycle is not None:
        container = container.replace(lifecycle=_without_sleep(container.lifecycle))
    return container


def _without_file(variable: Any) -> Any:
    source = variable.value_from
    return variable if source is None else variable.replace(value_from=source.replace(file_key_ref=None))


def _without_sleep(lifecycle: Any) -> Any:
    hooks = {name: getattr(lifecycle, name) for name in ("post_start", "pre_stop")}
    kept = {name: hook if hook is None else hook.replace(sleep=None) for name, hook in hooks.items()}
    return lifecycle.replace(**kept)
