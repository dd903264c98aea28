"""Deployments, sets and jobs, as `kubectl describe` shows them.

Source: kubectl, pkg/describe/describe.go (describeDeployment, describeReplicaSet, describeStatefulSet, …).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from volsim.objects import (
    Condition,
    DaemonSet,
    Deployment,
    Event,
    Job,
    PersistentVolumeClaim,
    Pod,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
)
from volsim.views.describers.pods import describe_template
from volsim.views.printers.storage import class_of
from volsim.views.printers.workloads import selector_text
from volsim.views.sheet import Sheet, moment
from volsim.views.tables import human_duration, labels_text

__all__ = [
    "describe_daemon_set",
    "describe_deployment",
    "describe_job",
    "describe_replication",
    "describe_stateful_set",
]


def _pods_status(pods: Iterable[Pod]) -> str:
    """How many pods are in which phase."""
    count = Counter(pod.status.phase for pod in pods)
    return (
        f"{count['Running']} Running / {count['Pending']} Waiting / "
        f"{count['Succeeded']} Succeeded / {count['Failed']} Failed"
    )


def _conditions(sheet: Sheet, conditions: Sequence[Condition]) -> None:
    if not conditions:
        return
    sheet.line("Conditions:\n  Type\tStatus\tReason")
    sheet.line("----\t------\t------", 1)
    for each in conditions:
        sheet.line(f"{each.type} \t{each.status}\t{each.reason or ''}", 1)


# -- deployments -------------------------------------------------------------------------------------------------------
def describe_deployment(
    sheet: Sheet, obj: Deployment, replica_sets: Sequence[ReplicaSet], events: Sequence[Event] | None
) -> None:
    """The whole page of a deployment; `replica_sets` are those that it controls."""
    spec, status = obj.spec, obj.status
    sheet.head(obj)
    sheet.field("CreationTimestamp", moment(obj.metadata.creation_timestamp))
    sheet.marks(obj)
    sheet.field("Selector", selector_text(spec.selector))
    sheet.field(
        "Replicas",
        f"{spec.replicas or 0} desired | {status.updated_replicas or 0} updated | {status.replicas or 0} total | "
        f"{status.available_replicas or 0} available | {status.unavailable_replicas or 0} unavailable",
    )
    strategy = spec.strategy
    sheet.field("StrategyType", strategy.type or "" if strategy is not None else "")
    sheet.field("MinReadySeconds", spec.min_ready_seconds or 0)
    rolling = strategy.rolling_update if strategy is not None else None
    if rolling is not None:
        text = f"{rolling.max_unavailable} max unavailable, {rolling.max_surge} max surge"
        sheet.field("RollingUpdateStrategy", text)
    describe_template(sheet, spec.template)
    _conditions(sheet, status.conditions)
    _replica_sets(sheet, obj, replica_sets)
    sheet.events(events)


def _replica_sets(sheet: Sheet, deployment: Deployment, replica_sets: Sequence[ReplicaSet]) -> None:
    """The newest replica set, and older ones that still have pods."""
    newest = max(replica_sets, key=revision_of, default=None)
    old = [each for each in replica_sets if each is not newest and (each.spec.replicas or each.status.replicas)]
    if not sheet.look.dialect.lists_empty_replica_sets:
        shown_old = old
    else:
        shown_old = [each for each in replica_sets if each is not newest]
    if shown_old or newest is not None or not sheet.look.dialect.lists_empty_replica_sets:
        sheet.field("OldReplicaSets", ", ".join(map(_replica_set, shown_old)) or "<none>")
        sheet.field("NewReplicaSet", _replica_set(newest) if newest is not None else "<none>")


def revision_of(obj: Any) -> int:
    """The number of the rollout that an object belongs to."""
    given = obj.metadata.annotations.get("deployment.kubernetes.io/revision", "")
    return int(given) if given.isdecimal() else 0


def _replica_set(obj: ReplicaSet) -> str:
    return f"{obj.name} ({obj.status.replicas or 0}/{obj.spec.replicas or 0} replicas created)"


# -- replica sets and controllers --------------------------------------------------------------------------------------
def describe_replication(
    sheet: Sheet, obj: ReplicaSet | ReplicationController, pods: Sequence[Pod], events: Sequence[Event] | None
) -> None:
    """The whole page of a replica set or replication controller."""
    sheet.head(obj)
    if isinstance(obj, ReplicationController):
        sheet.field("Selector", labels_text(obj.spec.selector))
    else:
        sheet.field("Selector", selector_text(obj.spec.selector) or "<none>")
    sheet.marks(obj)
    sheet.controller(obj)
    sheet.field("Replicas", f"{obj.status.replicas or 0} current / {obj.spec.replicas or 0} desired")
    sheet.field("Pods Status", _pods_status(pods))
    describe_template(sheet, obj.spec.template)
    _conditions(sheet, obj.status.conditions)
    sheet.events(events)


# -- stateful sets -----------------------------------------------------------------------------------------------------
def describe_stateful_set(sheet: Sheet, obj: StatefulSet, pods: Sequence[Pod], events: Sequence[Event] | None) -> None:
    """The whole page of a stateful set."""
    sheet.head(obj)
    sheet.field("CreationTimestamp", moment(obj.metadata.creation_timestamp))
    sheet.field("Selector", selector_text(obj.spec.selector))
    sheet.marks(obj)
    sheet.field("Replicas", f"{obj.spec.replicas or 0} desired | {obj.status.replicas or 0} total")
    strategy = obj.spec.update_strategy
    sheet.field("Update Strategy", strategy.type or "" if strategy is not None else "")
    rolling = strategy.rolling_update if strategy is not None else None
    if rolling is not None and rolling.partition is not None:
        sheet.field("Partition", rolling.partition, 1)
        if rolling.max_unavailable is not None and sheet.look.dialect.describes_max_unavailable:
            sheet.field("MaxUnavailable", rolling.max_unavailable, 1)
    sheet.field("Pods Status", _pods_status(pods))
    describe_template(sheet, obj.spec.template)
    _claim_templates(sheet, obj.spec.volume_claim_templates)
    sheet.events(events)


def _claim_templates(sheet: Sheet, templates: Sequence[PersistentVolumeClaim]) -> None:
    sheet.line("Volume Claims:" if templates else "Volume Claims:\t<none>")
    for claim in templates:
        sheet.field("Name", claim.name, 1)
        sheet.field("StorageClass", class_of(claim), 1)
        sheet.labels("Labels", claim.metadata.labels, 1)
        sheet.labels("Annotations", claim.metadata.annotations, 1)
        sheet.field("Capacity", claim.spec.resources.requests.get("storage", "<default>"), 1)
        sheet.field("Access Modes", f"[{' '.join(claim.spec.access_modes)}]", 1)


# -- daemon sets and jobs ----------------------------------------------------------------------------------------------
def describe_daemon_set(sheet: Sheet, obj: DaemonSet, pods: Sequence[Pod], events: Sequence[Event] | None) -> None:
    """The whole page of a daemon set."""
    status = obj.status
    sheet.head(obj)
    sheet.field("Selector", selector_text(obj.spec.selector))
    sheet.field("Node-Selector", labels_text(obj.spec.template.spec.node_selector))
    sheet.marks(obj)
    for title, count in (
        ("Desired Number of Nodes Scheduled", status.desired_number_scheduled),
        ("Current Number of Nodes Scheduled", status.current_number_scheduled),
        ("Number of Nodes Scheduled with Up-to-date Pods", status.updated_number_scheduled),
        ("Number of Nodes Scheduled with Available Pods", status.number_available),
        ("Number of Nodes Misscheduled", status.number_misscheduled),
    ):
        sheet.line(f"{title}: {count or 0}")
    sheet.field("Pods Status", _pods_status(pods))
    describe_template(sheet, obj.spec.template)
    sheet.events(events)


def describe_job(sheet: Sheet, obj: Job, events: Sequence[Event] | None) -> None:
    """The whole page of a job."""
    spec, status = obj.spec, obj.status
    sheet.head(obj)
    sheet.field("Selector", selector_text(spec.selector))
    sheet.marks(obj)
    sheet.controller(obj)
    modes = sheet.look.dialect.describes_completion_mode
    for title, value in (
        ("Parallelism", spec.parallelism),
        ("Completions", "<unset>" if spec.completions is None else spec.completions),
        ("Completion Mode", spec.completion_mode if modes else None),
        ("Suspend", None if spec.suspend is None or not modes else str(spec.suspend).lower()),
        ("Backoff Limit", spec.backoff_limit if modes else None),
        ("Start Time", None if status.start_time is None else moment(status.start_time)),
        ("Completed At", None if status.completion_time is None else moment(status.completion_time)),
    ):
        if value is not None:
            sheet.field(title, value)
    if status.start_time is not None and status.completion_time is not None:
        sheet.field("Duration", human_duration(status.completion_time - status.start_time))
    if spec.active_deadline_seconds is not None:
        sheet.field("Active Deadline Seconds", f"{spec.active_deadline_seconds}s")
    sheet.field("Pods Statuses", _job_pods(sheet, obj))
    describe_template(sheet, spec.template)
    sheet.events(events)


def _job_pods(sheet: Sheet, job: Job) -> str:
    status = job.status
    ready = status.ready if sheet.look.dialect.describes_ready_job_pods else None
    middle = "" if ready is None else f" ({ready} Ready)"
    running = "Active" if sheet.look.dialect.describes_ready_job_pods else "Running"
    return f"{status.active or 0} {running}{middle} / {status.succeeded or 0} Succeeded / {status.failed or 0} Failed"
