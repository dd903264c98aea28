"""Validation of workloads: selectors that fit their templates, how pods are replaced, what stays as it was.

Modelled: Deployment, ReplicaSet, ReplicationController, StatefulSet, DaemonSet, Job, CronJob, PodDisruptionBudget,
ControllerRevision.
Not modelled: statuses, pod failure and success policies, `managedBy`, changing where the pods of a suspended Job may
run.
Source: kube-apiserver, pkg/apis/{apps,batch,policy}/validation/validation.go; core validation,
ValidateReplicationController.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from volsim.apiserver.validation.fields import Errors, at_most, dns_label, same, with_pattern
from volsim.apiserver.validation.metadata import check_annotations, check_labels, check_selector
from volsim.apiserver.validation.persistent import check_claim_spec
from volsim.apiserver.validation.pods import check_pod_template
from volsim.manifests.schedules import parse_schedule, time_zone
from volsim.objects import (
    ControllerRevision,
    CronJob,
    CronJobSpec,
    DaemonSet,
    DaemonSetUpdateStrategy,
    Deployment,
    DeploymentStrategy,
    Job,
    JobSpec,
    LabelSelector,
    PersistentVolumeClaimVolumeSource,
    PodDisruptionBudget,
    PodTemplateSpec,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    StatefulSetSpec,
    Volume,
)

__all__ = [
    "check_cron_job",
    "check_cron_job_update",
    "check_daemon_set",
    "check_daemon_set_update",
    "check_deployment",
    "check_deployment_update",
    "check_disruption_budget",
    "check_job",
    "check_job_update",
    "check_replica_set",
    "check_replica_set_update",
    "check_replication_controller",
    "check_revision",
    "check_revision_update",
    "check_stateful_set",
    "check_stateful_set_update",
]


# -- templates and selectors -------------------------------------------------------------------------------------------
def _check_selected(
    errors: Errors, selector: LabelSelector | None, template: PodTemplateSpec, field: str, what: str
) -> bool:
    """A selector that is there, says something, and selects the template's pods: whether it can be read at all."""
    place, before = f"{field}.selector", len(errors)
    if selector is None:
        errors.required(place)
        _check_match(errors, None, template, f"{field}.template")
        return True
    check_selector(errors, selector, place)
    readable = len(errors) == before
    if not selector.match_labels and not selector.match_expressions:
        errors.invalid(place, selector, f"empty selector is invalid for {what}")
    elif readable:
        _check_match(errors, selector, template, f"{field}.template")
    return readable


def _check_match(errors: Errors, selector: LabelSelector | None, template: PodTemplateSpec, field: str) -> None:
    labels: Mapping[str, str] = template.metadata.labels
    if selector is None or not selector.matches(labels):
        errors.invalid(f"{field}.metadata.labels", labels, "`selector` does not match template `labels`")


def _check_endless(errors: Errors, template: PodTemplateSpec, field: str, what: str) -> None:
    """Pods that are kept running: restarted always, without a deadline."""
    if template.spec.restart_policy != "Always":
        errors.not_supported(f"{field}.spec.restartPolicy", template.spec.restart_policy or "", ("Always",))
    if template.spec.active_deadline_seconds is not None:
        text = f"activeDeadlineSeconds in {what} is not Supported"
        errors.forbidden(f"{field}.spec.activeDeadlineSeconds", text)


def _check_replicated(errors: Errors, template: PodTemplateSpec, field: str, replicas: int | None) -> None:
    """The template of a Deployment or ReplicaSet."""
    check_pod_template(errors, template, field)
    if (replicas or 0) > 1:
        _check_shared_disks(errors, template, field)
    _check_endless(errors, template, field, "ReplicaSet")


_SHARED_DISK = (
    "must be true for replicated pods > 1; GCE PD can only be mounted on multiple machines if it is read-only"
)


def _check_shared_disks(errors: Errors, template: PodTemplateSpec, field: str) -> None:
    """Several pods can have a Google disk only to read."""
    if not errors.rules.shared_disks_read_only:
        return
    for number, volume in enumerate(template.spec.volumes):
        disk = volume.gce_persistent_disk
        if disk is not None and not disk.read_only:
            errors.invalid(f"{field}.spec.volumes[{number}].gcePersistentDisk.readOnly", False, _SHARED_DISK)


# -- numbers and percentages -------------------------------------------------------------------------------------------
_PERCENT = r"[0-9]+%"
_is_percent = re.compile(_PERCENT).fullmatch


def _check_share(errors: Errors, share: int | str | None, field: str) -> None:
    """A number of pods, or a percentage of them."""
    if not isinstance(share, str):
        errors.not_negative(field, share)
    elif not _is_percent(share):
        rule = "a valid percent string must be a numeric string followed by an ending '%'"
        errors.invalid(field, share, with_pattern(rule, _PERCENT, "1%", "93%"))


def _check_at_most_all(errors: Errors, share: int | str | None, field: str) -> None:
    if isinstance(share, str) and _is_percent(share) and int(share[:-1]) > 100:
        errors.invalid(field, share, "must not be greater than 100%")


def _amount(share: int | str | None) -> int:
    """The number, or the percentage; 0 for what is neither."""
    if isinstance(share, str):
        return int(share[:-1]) if _is_percent(share) else 0
    return share or 0


# -- Deployment, ReplicaSet, ReplicationController ---------------------------------------------------------------------
def check_deployment(errors: Errors, deployment: Deployment) -> None:
    """A number of equal pods, and how they are replaced.

    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> check_deployment(errors, Deployment())
    >>> print(*errors[:2], sep=chr(10))
    spec.selector: Required value
    spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`
    """
    spec = deployment.spec
    errors.not_negative("spec.replicas", spec.replicas)
    if _check_selected(errors, spec.selector, spec.template, "spec", "deployment"):
        _check_replicated(errors, spec.template, "spec.template", spec.replicas)
    else:
        errors.invalid("spec.selector", spec.selector, "invalid label selector")
    _check_deployment_strategy(errors, spec.strategy or DeploymentStrategy(), "spec.strategy")
    errors.not_negative("spec.minReadySeconds", spec.min_ready_seconds)
    errors.not_negative("spec.revisionHistoryLimit", spec.revision_history_limit)
    deadline = spec.progress_deadline_seconds
    if deadline is not None:
        errors.not_negative("spec.progressDeadlineSeconds", deadline)
        if deadline <= (spec.min_ready_seconds or 0):
            errors.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _check_deployment_strategy(errors: Errors, strategy: DeploymentStrategy, field: str) -> None:
    rolling = strategy.rolling_update
    if strategy.type == "Recreate":
        if rolling is not None:
            text = "may not be specified when strategy `type` is 'Recreate'"
            errors.forbidden(f"{field}.rollingUpdate", text)
    elif strategy.type != "RollingUpdate":
        errors.not_supported(field, strategy, ("Recreate", "RollingUpdate"))
    elif rolling is None:
        errors.required(f"{field}.rollingUpdate", "this should be defaulted and never be nil")
    else:
        place = f"{field}.rollingUpdate.maxUnavailable"
        _check_share(errors, rolling.max_unavailable, place)
        _check_share(errors, rolling.max_surge, f"{field}.rollingUpdate.maxSurge")
        if _amount(rolling.max_unavailable) == _amount(rolling.max_surge) == 0:
            errors.invalid(place, rolling.max_unavailable or 0, "may not be 0 when `maxSurge` is 0")
        _check_at_most_all(errors, rolling.max_unavailable, place)


def check_deployment_update(errors: Errors, new: Deployment, old: Deployment) -> None:
    """A Deployment keeps its selector."""
    if new.spec is not old.spec:
        check_deployment(errors, new)
        errors.immutable("spec.selector", new.spec.selector, old.spec.selector)


def check_replica_set(errors: Errors, replica_set: ReplicaSet) -> None:
    """A number of equal pods. An empty selector is told of in the words for Deployments, as upstream does."""
    spec = replica_set.spec
    errors.not_negative("spec.replicas", spec.replicas)
    errors.not_negative("spec.minReadySeconds", spec.min_ready_seconds)
    if _check_selected(errors, spec.selector, spec.template, "spec", "deployment"):
        _check_replicated(errors, spec.template, "spec.template", spec.replicas)
    else:
        errors.invalid("spec.selector", spec.selector, "invalid label selector")


def check_replica_set_update(errors: Errors, new: ReplicaSet, old: ReplicaSet) -> None:
    """A ReplicaSet keeps its selector."""
    if new.spec is not old.spec:
        check_replica_set(errors, new)
        errors.immutable("spec.selector", new.spec.selector, old.spec.selector)


def check_replication_controller(errors: Errors, controller: ReplicationController) -> None:
    """A number of equal pods, in the oldest way; updates are asked the same."""
    spec = controller.spec
    errors.not_negative("spec.minReadySeconds", spec.min_ready_seconds)
    errors.needed("spec.selector", spec.selector)
    errors.not_negative("spec.replicas", spec.replicas)
    if spec.selector:
        _check_match(errors, LabelSelector(match_labels=spec.selector), spec.template, "spec.template")
    check_pod_template(errors, spec.template, "spec.template")
    if (spec.replicas or 0) > 1:
        _check_shared_disks(errors, spec.template, "spec.template")
    _check_endless(errors, spec.template, "spec.template", "ReplicationController")


# -- StatefulSet -------------------------------------------------------------------------------------------------------
def check_stateful_set(errors: Errors, stateful_set: StatefulSet) -> None:
    """Pods with a number, a name and claims of their own."""
    _check_stateful_set(errors, stateful_set.spec, is_new=True)


def _check_stateful_set(errors: Errors, spec: StatefulSetSpec, *, is_new: bool) -> None:
    policy, rules = spec.pod_management_policy, errors.rules
    if errors.needed("spec.podManagementPolicy", policy) and policy not in ("OrderedReady", "Parallel"):
        errors.invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    _check_stateful_set_strategy(errors, spec, "spec.updateStrategy")
    _check_retention(errors, spec, "spec.persistentVolumeClaimRetentionPolicy")
    if is_new and rules.stateful_set_template_checked:
        for number, claim in enumerate(spec.volume_claim_templates):
            check_claim_spec(errors, claim.spec, f"spec.volumeClaimTemplates[{number}].spec")
    errors.not_negative("spec.replicas", spec.replicas)
    errors.not_negative("spec.minReadySeconds", spec.min_ready_seconds)
    if spec.ordinals is not None:
        errors.not_negative("spec.ordinals.start", spec.ordinals.start)
    if is_new and spec.service_name and rules.stateful_set_service_is_label:
        errors.check("spec.serviceName", spec.service_name, dns_label)
    if _check_selected(errors, spec.selector, spec.template, "spec", "statefulset"):
        _check_stateful_template(errors, spec, "spec.template")
    else:
        errors.invalid("spec.selector", spec.selector)
    _check_endless(errors, spec.template, "spec.template", "StatefulSet")


def _check_stateful_set_strategy(errors: Errors, spec: StatefulSetSpec, field: str) -> None:
    strategy = spec.update_strategy
    if strategy is None or not strategy.type:
        errors.required(field)
        return
    rolling = strategy.rolling_update
    if strategy.type not in ("RollingUpdate", "OnDelete"):
        errors.invalid(field, strategy, "must be 'RollingUpdate' or 'OnDelete'")
    elif rolling is None:
        return
    elif strategy.type == "OnDelete":
        text = "only allowed for updateStrategy 'RollingUpdate'"
        errors.invalid(f"{field}.rollingUpdate", rolling, text)
    else:
        errors.not_negative(f"{field}.rollingUpdate.partition", rolling.partition)
        if rolling.max_unavailable is not None:
            place = f"{field}.rollingUpdate.maxUnavailable"
            _check_share(errors, rolling.max_unavailable, place)
            if not _amount(rolling.max_unavailable):
                errors.invalid(place, rolling.max_unavailable, "cannot be 0")
            _check_at_most_all(errors, rolling.max_unavailable, place)


def _check_retention(errors: Errors, spec: StatefulSetSpec, field: str) -> None:
    policy = spec.persistent_volume_claim_retention_policy
    if policy is None:
        return
    for value, name in ((policy.when_deleted, "whenDeleted"), (policy.when_scaled, "whenScaled")):
        if value not in ("Retain", "Delete"):
            errors.not_supported(f"{field}.{name}", value or "", ("Retain", "Delete"))


def _check_stateful_template(errors: Errors, spec: StatefulSetSpec, field: str) -> None:
    """The template with the volumes that each pod's claims will be; for long nobody looked at more than its labels."""
    if not errors.rules.stateful_set_template_checked:
        check_labels(errors, spec.template.metadata.labels, f"{field}.labels")
        check_annotations(errors, spec.template.metadata.annotations, f"{field}.annotations")
        return
    claims = {each.metadata.name: each.metadata.name for each in spec.volume_claim_templates}
    volumes = [
        Volume(name=name, persistent_volume_claim=PersistentVolumeClaimVolumeSource(claim_name=name)) for name in claims
    ]
    volumes += [volume for volume in spec.template.spec.volumes if volume.name not in claims]
    # The controller sets these two itself.
    pods = spec.template.spec.replace(volumes=tuple(volumes), hostname=None, subdomain=None)
    check_pod_template(errors, spec.template.replace(spec=pods), field)


def check_stateful_set_update(errors: Errors, new: StatefulSet, old: StatefulSet) -> None:
    """What of a StatefulSet may change: not its claims, which its pods have already."""
    if new.spec is old.spec:
        return
    rules = errors.rules
    if rules.stateful_set_checked_on_update:
        _check_stateful_set(errors, new.spec, is_new=False)
    else:
        errors.not_negative("spec.replicas", new.spec.replicas)
    kept = {
        "replicas": "replicas",
        "ordinals": "ordinals" if rules.stateful_set_start_ordinal else "",
        "template": "template",
        "updateStrategy": "update_strategy",
        "revisionHistoryLimit": "revision_history_limit" if rules.stateful_set_mutable_history else "",
        "persistentVolumeClaimRetentionPolicy": "persistent_volume_claim_retention_policy",
        "minReadySeconds": "min_ready_seconds",
    }
    if not rules.stateful_set_min_ready_seconds:
        del kept["persistentVolumeClaimRetentionPolicy"], kept["minReadySeconds"]
    kept = {name: attribute for name, attribute in kept.items() if attribute}
    spec = new.spec.replace(**{attribute: getattr(old.spec, attribute) for attribute in kept.values()})
    if not same(spec, old.spec):
        *first, last = (f"'{name}'" for name in kept)
        comma = "" if rules.stateful_set_min_ready_seconds else ","
        listed = f"{', '.join(first)}{comma} and {last}"
        errors.forbidden("spec", f"updates to statefulset spec for fields other than {listed} are forbidden")


# -- DaemonSet ---------------------------------------------------------------------------------------------------------
def check_daemon_set(errors: Errors, daemon_set: DaemonSet) -> None:
    """One pod on each node."""
    spec = daemon_set.spec
    before = len(errors)
    check_selector(errors, spec.selector, "spec.selector")
    if len(errors) == before:
        _check_match(errors, spec.selector, spec.template, "spec.template")
    selector = spec.selector
    if selector is not None and not selector.match_labels and not selector.match_expressions:
        errors.invalid("spec.selector", selector, "empty selector is invalid for daemonset")
    check_pod_template(errors, spec.template, "spec.template")
    _check_shared_disks(errors, spec.template, "spec.template")
    _check_endless(errors, spec.template, "spec.template", "DaemonSet")
    errors.not_negative("spec.minReadySeconds", spec.min_ready_seconds)
    _check_daemon_strategy(errors, spec.update_strategy or DaemonSetUpdateStrategy(), "spec.updateStrategy")
    errors.not_negative("spec.revisionHistoryLimit", spec.revision_history_limit)


def _check_daemon_strategy(errors: Errors, strategy: DaemonSetUpdateStrategy, field: str) -> None:
    rolling = strategy.rolling_update
    if strategy.type == "OnDelete":
        return
    if strategy.type != "RollingUpdate":
        errors.not_supported(field, strategy, ("RollingUpdate", "OnDelete"))
    elif rolling is None:
        errors.required(f"{field}.rollingUpdate")
    elif not errors.rules.daemon_set_update_surge:
        place = f"{field}.rollingUpdate.maxUnavailable"
        _check_share(errors, rolling.max_unavailable, place)
        if not _amount(rolling.max_unavailable):
            errors.invalid(place, rolling.max_unavailable or 0, "cannot be 0")
        _check_at_most_all(errors, rolling.max_unavailable, place)
    else:
        places = {"maxUnavailable": rolling.max_unavailable, "maxSurge": rolling.max_surge}
        for name, share in places.items():
            _check_share(errors, share, f"{field}.rollingUpdate.{name}")
        for name, share in places.items():
            _check_at_most_all(errors, share, f"{field}.rollingUpdate.{name}")
        missing, more = _amount(rolling.max_unavailable), _amount(rolling.max_surge)
        if missing and more:
            text = "may not be set when maxUnavailable is non-zero"
            errors.invalid(f"{field}.rollingUpdate.maxSurge", rolling.max_surge, text)
        elif not missing and not more:
            errors.required(f"{field}.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0")


def check_daemon_set_update(errors: Errors, new: DaemonSet, old: DaemonSet) -> None:
    """A DaemonSet keeps its selector."""
    if new.spec is not old.spec:
        errors.immutable("spec.selector", new.spec.selector, old.spec.selector)
        check_daemon_set(errors, new)


# -- Job and CronJob ---------------------------------------------------------------------------------------------------
_INDEXED_MOST = 100_000


def check_job(errors: Errors, job: Job) -> None:
    """Pods that run until enough of them have succeeded."""
    spec = job.spec
    _check_job_spec(errors, spec, "spec")
    if spec.manual_selector:
        if spec.selector is None:
            errors.required("spec.selector")
        before = len(errors)
        check_selector(errors, spec.selector, "spec.selector")
        if len(errors) == before:
            _check_match(errors, spec.selector, spec.template, "spec.template")
    elif spec.selector is not None and not _is_generated(spec.selector, job.metadata.uid):
        errors.invalid("spec.selector", spec.selector, "`selector` not auto-generated")
    if spec.completion_mode == "Indexed" and (spec.completions or 0) > 0:
        last = f"{job.metadata.name}-{(spec.completions or 0) - 1}"  # the longest hostname
        if dns_label(last):
            text = f"will not able to create pod with invalid DNS label: {last}"
            errors.invalid("metadata.name", job.metadata.name or "", text)


def _is_generated(selector: LabelSelector, uid: str | None) -> bool:
    """Whether the selector is the one that the API server has given to the Job with this uid."""
    labels = {name.rpartition("/")[2]: value for name, value in selector.match_labels.items()}
    return bool(uid) and labels == {"controller-uid": uid} and not selector.match_expressions


def _check_job_spec(errors: Errors, spec: JobSpec, field: str) -> None:
    for value, name in (
        (spec.parallelism, "parallelism"),
        (spec.completions, "completions"),
        (spec.active_deadline_seconds, "activeDeadlineSeconds"),
        (spec.backoff_limit, "backoffLimit"),
        (spec.ttl_seconds_after_finished, "ttlSecondsAfterFinished"),
        (spec.backoff_limit_per_index, "backoffLimitPerIndex"),
        (spec.max_failed_indexes, "maxFailedIndexes"),
    ):
        errors.not_negative(f"{field}.{name}", value)
    if spec.max_failed_indexes is not None and spec.backoff_limit_per_index is None:
        errors.required(f"{field}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    mode = spec.completion_mode
    if mode is not None and mode not in ("NonIndexed", "Indexed"):
        errors.not_supported(f"{field}.completionMode", mode, ("NonIndexed", "Indexed"))
    if mode == "Indexed":
        _check_indexed(errors, spec, field)
    elif mode in (None, "NonIndexed"):
        for value, name in (
            (spec.backoff_limit_per_index, "backoffLimitPerIndex"),
            (spec.max_failed_indexes, "maxFailedIndexes"),
        ):
            if value is not None:
                errors.invalid(f"{field}.{name}", value, "requires indexed completion mode")
    check_pod_template(errors, spec.template, f"{field}.template")
    policy = spec.template.spec.restart_policy
    if policy in (None, "", "Always"):
        text = 'valid values: "OnFailure", "Never"'
        errors.required(f"{field}.template.spec.restartPolicy", text)
    elif policy not in ("OnFailure", "Never"):
        errors.not_supported(f"{field}.template.spec.restartPolicy", policy, ("OnFailure", "Never"))


def _check_indexed(errors: Errors, spec: JobSpec, field: str) -> None:
    if spec.completions is None:
        errors.required(f"{field}.completions", "when completion mode is Indexed")
    if (spec.parallelism or 0) > _INDEXED_MOST:
        text = f"must be less than or equal to {_INDEXED_MOST} when completion mode is Indexed"
        errors.invalid(f"{field}.parallelism", spec.parallelism, text)
    failed = spec.max_failed_indexes or 0
    if spec.completions is not None and failed > spec.completions:
        errors.invalid(f"{field}.maxFailedIndexes", failed, "must be less than or equal to completions")
    if failed > _INDEXED_MOST:
        errors.invalid(f"{field}.maxFailedIndexes", failed, f"must be less than or equal to {_INDEXED_MOST}")


def check_job_update(errors: Errors, new: Job, old: Job) -> None:
    """A Job's pods stay the same, and how many of them are to succeed."""
    if new.spec is old.spec:
        return
    _check_job_spec(errors, new.spec, "spec")
    spec, was = new.spec, old.spec
    if spec.completion_mode != "Indexed":
        errors.immutable("spec.completions", spec.completions, was.completions)
    elif spec.completions not in (was.completions, None, spec.parallelism):
        errors.invalid("spec.completions", spec.completions, "can only be modified in tandem with spec.parallelism")
    errors.immutable("spec.selector", spec.selector, was.selector)
    errors.immutable("spec.template", spec.template, was.template)
    errors.immutable("spec.completionMode", spec.completion_mode, was.completion_mode)
    errors.immutable("spec.podFailurePolicy", spec.pod_failure_policy, was.pod_failure_policy)
    errors.immutable("spec.backoffLimitPerIndex", spec.backoff_limit_per_index, was.backoff_limit_per_index)
    errors.immutable("spec.managedBy", spec.managed_by, was.managed_by)
    errors.immutable("spec.successPolicy", spec.success_policy, was.success_policy)


_JOB_SUFFIX = 11  # a CronJob's jobs have a dash and the minute appended to its name


def check_cron_job(errors: Errors, cron_job: CronJob) -> None:
    """Jobs by the calendar."""
    _check_cron_job(errors, cron_job.spec)
    name, most = cron_job.metadata.name or "", 63 - _JOB_SUFFIX
    if len(name) > most:
        errors.invalid("metadata.name", name, at_most(most))


def _check_cron_job(errors: Errors, spec: CronJobSpec) -> None:
    if errors.needed("spec.schedule", spec.schedule):
        _check_schedule(errors, spec, "spec.schedule")
    errors.not_negative("spec.startingDeadlineSeconds", spec.starting_deadline_seconds)
    if spec.time_zone is not None:
        _check_time_zone(errors, spec.time_zone, "spec.timeZone")
    errors.one_of("spec.concurrencyPolicy", spec.concurrency_policy, ("Allow", "Forbid", "Replace"))
    job = spec.job_template.spec
    _check_job_spec(errors, job, "spec.jobTemplate.spec")
    if job.selector is not None:
        errors.invalid("spec.jobTemplate.spec.selector", job.selector, "`selector` will be auto-generated")
    if job.manual_selector:
        errors.not_supported("spec.jobTemplate.spec.manualSelector", job.manual_selector, ("nil", "false"))
    errors.not_negative("spec.successfulJobsHistoryLimit", spec.successful_jobs_history_limit)
    errors.not_negative("spec.failedJobsHistoryLimit", spec.failed_jobs_history_limit)


def _check_schedule(errors: Errors, spec: CronJobSpec, field: str) -> None:
    schedule = spec.schedule or ""
    try:
        parse_schedule(schedule)
    except ValueError as error:
        errors.invalid(field, schedule, str(error))
    if "TZ" in schedule and not errors.rules.zones_in_schedules:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.invalid(field, schedule, text)
    elif "TZ" in schedule and spec.time_zone is not None:
        errors.invalid(field, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule")


_ZONE_PART = re.compile(r"(?!-)(?!\.\.?$)[A-Za-z.\-_0-9+]{1,14}", re.ASCII)


def _check_time_zone(errors: Errors, zone: str, field: str) -> None:
    if not zone:
        errors.invalid(field, zone, "timeZone must be nil or non-empty string")
    elif not all(_ZONE_PART.fullmatch(part) for part in zone.split("/")):
        errors.invalid(field, zone, f"unknown time zone {zone}")
    else:
        if zone.lower() == "local":
            text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
            errors.invalid(field, zone, text)
        try:
            time_zone(zone)
        except ValueError as error:
            errors.invalid(field, zone, str(error))


def check_cron_job_update(errors: Errors, new: CronJob, old: CronJob) -> None:
    """A CronJob may change; its jobs do not."""
    if new.spec is not old.spec:
        _check_cron_job(errors, new.spec)


# -- the rest ----------------------------------------------------------------------------------------------------------
def check_disruption_budget(errors: Errors, budget: PodDisruptionBudget) -> None:
    """How many pods must stay, or may be missing; updates are asked the same."""
    spec = budget.spec
    if spec.min_available is not None and spec.max_unavailable is not None:
        errors.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for share, name in ((spec.min_available, "minAvailable"), (spec.max_unavailable, "maxUnavailable")):
        if share is not None:
            _check_share(errors, share, f"spec.{name}")
            _check_at_most_all(errors, share, f"spec.{name}")
    check_selector(errors, spec.selector, "spec.selector")
    policy = spec.unhealthy_pod_eviction_policy
    if policy is not None and policy not in ("AlwaysAllow", "IfHealthyBudget"):
        errors.not_supported("spec.unhealthyPodEvictionPolicy", policy, ("AlwaysAllow", "IfHealthyBudget"))


def check_revision(errors: Errors, revision: ControllerRevision) -> None:
    """One version of a template."""
    errors.not_negative("revision", revision.revision)
    if revision.data is None:
        errors.required("data", "data is mandatory")


def check_revision_update(errors: Errors, new: ControllerRevision, old: ControllerRevision) -> None:
    """What is kept of a version does not change."""
    errors.not_negative("revision", new.revision)
    errors.immutable("data", new.data, old.data)
