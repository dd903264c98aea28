"""Deployments, sets, jobs, budgets: what `kubectl get` says of them.

Source: kubernetes, pkg/printers/internalversion/printers.go; apimachinery, labels.Requirement.String.
"""

from __future__ import annotations

from typing import Any

from volsim.objects import (
    ControllerRevision,
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    LabelSelector,
    LabelSelectorRequirement,
    PodDisruptionBudget,
    PodSpec,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    group_of,
)
from volsim.views.tables import Column, Look, Printer, Row, human_duration, labels_text

__all__ = ["WORKLOAD_PRINTERS", "selector_text"]


def selector_text(selector: LabelSelector | None) -> str:
    """A selector as one text, its requirements by key; empty if it requires nothing.

    >>> selector_text(LabelSelector(match_labels={"app": "mysql"}))
    'app=mysql'
    """
    if selector is None:
        return ""
    parts = [(key, f"{key}={value}") for key, value in selector.match_labels.items()]
    parts += [(each.key or "", _requirement(each)) for each in selector.match_expressions]
    return ",".join(text for _, text in sorted(parts, key=lambda part: part[0]))


def _requirement(requirement: LabelSelectorRequirement) -> str:
    key = requirement.key or ""
    match requirement.operator:
        case "Exists":
            return key
        case "DoesNotExist":
            return f"!{key}"
    word = "in" if requirement.operator == "In" else "notin"
    return f"{key} {word} ({','.join(sorted(requirement.values))})"


def _containers(spec: PodSpec) -> Row:
    return {
        "CONTAINERS": ",".join(each.name or "" for each in spec.containers),
        "IMAGES": ",".join(each.image or "" for each in spec.containers),
    }


def _deployment(obj: Deployment, look: Look) -> Row:
    status = obj.status
    return {
        "NAME": obj.name,
        "READY": f"{status.ready_replicas or 0}/{obj.spec.replicas or 0}",
        "UP-TO-DATE": status.updated_replicas or 0,
        "AVAILABLE": status.available_replicas or 0,
        "AGE": look.age(obj),
        **_containers(obj.spec.template.spec),
        "SELECTOR": selector_text(obj.spec.selector),
    }


def _replica_set(obj: ReplicaSet, look: Look) -> Row:
    return {**_counts(obj, look), "SELECTOR": selector_text(obj.spec.selector) or "<none>"}


def _replication_controller(obj: ReplicationController, look: Look) -> Row:
    return {**_counts(obj, look), "SELECTOR": labels_text(obj.spec.selector)}


def _counts(obj: ReplicaSet | ReplicationController, look: Look) -> Row:
    template = obj.spec.template
    return {
        "NAME": obj.name,
        "DESIRED": obj.spec.replicas or 0,
        "CURRENT": obj.status.replicas or 0,
        "READY": obj.status.ready_replicas or 0,
        "AGE": look.age(obj),
        **_containers(template.spec if template is not None else PodSpec()),
    }


def _stateful_set(obj: StatefulSet, look: Look) -> Row:
    return {
        "NAME": obj.name,
        "READY": f"{obj.status.ready_replicas or 0}/{obj.spec.replicas or 0}",
        "AGE": look.age(obj),
        **_containers(obj.spec.template.spec),
    }


def _daemon_set(obj: DaemonSet, look: Look) -> Row:
    status = obj.status
    return {
        "NAME": obj.name,
        "DESIRED": status.desired_number_scheduled or 0,
        "CURRENT": status.current_number_scheduled or 0,
        "READY": status.number_ready or 0,
        "UP-TO-DATE": status.updated_number_scheduled or 0,
        "AVAILABLE": status.number_available or 0,
        "NODE SELECTOR": labels_text(obj.spec.template.spec.node_selector),
        "AGE": look.age(obj),
        **_containers(obj.spec.template.spec),
        "SELECTOR": selector_text(obj.spec.selector) or "<none>",
    }


def _job(obj: Job, look: Look) -> Row:
    return {
        "NAME": obj.name,
        "STATUS": _job_status(obj, look),
        "COMPLETIONS": _completions(obj),
        "DURATION": _duration(obj, look),
        "AGE": look.age(obj),
        **_containers(obj.spec.template.spec),
        "SELECTOR": selector_text(obj.spec.selector) or "<none>",
    }


def _completions(job: Job) -> str:
    done = job.status.succeeded or 0
    if job.spec.completions is not None:
        return f"{done}/{job.spec.completions}"
    parallel = job.spec.parallelism or 0
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _duration(job: Job, look: Look) -> str:
    start = job.status.start_time
    if start is None:
        return ""
    end = job.status.completion_time
    return human_duration((look.now_us if end is None else end) - start)


def _job_status(job: Job, look: Look) -> str:
    true = {each.type for each in job.status.conditions if each.status == "True"}
    for condition, word in (("Complete", "Complete"), ("Failed", "Failed")):
        if condition in true:
            return word
    if job.metadata.deletion_timestamp is not None:
        return "Terminating"
    for condition, word in (("Suspended", "Suspended"), ("FailureTarget", "FailureTarget")):
        if condition in true:
            return word
    return "SuccessCriteriaMet" if look.dialect.job_success_criteria and "SuccessCriteriaMet" in true else "Running"


def _cron_job(obj: CronJob, look: Look) -> Row:
    last, template = obj.status.last_schedule_time, obj.spec.job_template.spec
    return {
        "NAME": obj.name,
        "SCHEDULE": obj.spec.schedule or "",
        "TIMEZONE": obj.spec.time_zone or "<none>",
        "SUSPEND": {None: "<unset>", True: "True", False: "False"}[obj.spec.suspend],
        "ACTIVE": len(obj.status.active),
        "LAST SCHEDULE": "<none>" if last is None else look.since(last),
        "AGE": look.age(obj),
        **_containers(template.template.spec),
        "SELECTOR": selector_text(template.selector) or "<none>",
    }


def _budget(obj: PodDisruptionBudget, look: Look) -> Row:
    return {
        "NAME": obj.name,
        "MIN AVAILABLE": _or_none(obj.spec.min_available),
        "MAX UNAVAILABLE": _or_none(obj.spec.max_unavailable),
        "ALLOWED DISRUPTIONS": obj.status.disruptions_allowed or 0,
        "AGE": look.age(obj),
    }


def _or_none(value: Any) -> Any:
    return "N/A" if value is None else value


def _revision(obj: ControllerRevision, look: Look) -> Row:
    owner = next((each for each in obj.metadata.owner_references if each.controller), None)
    controller = "<none>"
    if owner is not None:
        group = group_of(owner.api_version or "")
        controller = f"{(owner.kind or '').lower()}{'.' if group else ''}{group}/{owner.name}"
    return {"NAME": obj.name, "CONTROLLER": controller, "REVISION": obj.revision or 0, "AGE": look.age(obj)}


_CONTAINERS = (Column("CONTAINERS", wide=True), Column("IMAGES", wide=True))
_SELECTOR = Column("SELECTOR", wide=True)
_REPLICAS = tuple(map(Column, ("NAME", "DESIRED", "CURRENT", "READY", "AGE")))

WORKLOAD_PRINTERS = {
    "Deployment": Printer(
        columns=(
            *map(Column, ("NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE")),
            *_CONTAINERS,
            _SELECTOR,
        ),
        row=_deployment,
    ),
    "ReplicaSet": Printer(columns=(*_REPLICAS, *_CONTAINERS, _SELECTOR), row=_replica_set),
    "ReplicationController": Printer(columns=(*_REPLICAS, *_CONTAINERS, _SELECTOR), row=_replication_controller),
    "StatefulSet": Printer(columns=(*map(Column, ("NAME", "READY", "AGE")), *_CONTAINERS), row=_stateful_set),
    "DaemonSet": Printer(
        columns=(
            *map(
                Column,
                ("NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR", "AGE"),
            ),
            *_CONTAINERS,
            _SELECTOR,
        ),
        row=_daemon_set,
    ),
    "Job": Printer(
        columns=(
            Column("NAME"),
            Column("STATUS", rule="job_status"),
            Column("COMPLETIONS"),
            Column("DURATION"),
            Column("AGE"),
            *_CONTAINERS,
            _SELECTOR,
        ),
        row=_job,
    ),
    "CronJob": Printer(
        columns=(
            Column("NAME"),
            Column("SCHEDULE"),
            Column("TIMEZONE", rule="cron_job_time_zone"),
            Column("SUSPEND"),
            Column("ACTIVE"),
            Column("LAST SCHEDULE"),
            Column("AGE"),
            *_CONTAINERS,
            _SELECTOR,
        ),
        row=_cron_job,
    ),
    "PodDisruptionBudget": Printer(
        columns=tuple(map(Column, ("NAME", "MIN AVAILABLE", "MAX UNAVAILABLE", "ALLOWED DISRUPTIONS", "AGE"))),
        row=_budget,
    ),
    "ControllerRevision": Printer(
        columns=tuple(map(Column, ("NAME", "CONTROLLER", "REVISION", "AGE"))),
        row=_revision,
    ),
}
