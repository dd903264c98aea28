"""What a deployment reports: its numbers, and the conditions Available, Progressing and ReplicaFailure.

Modelled: all counts (terminatingReplicas by version), progress and its deadline, failures of the replica sets.
Not modelled: nothing that the API has.
Source: kube-controller-manager, pkg/controller/deployment/{progress,sync}.go (syncRolloutStatus, calculateStatus).
"""

from __future__ import annotations

from volsim.control.deployment.rollout import Rollout, size_of
from volsim.control.workload import condition_of, with_condition, without_condition
from volsim.objects import Condition, DeploymentStatus, ReplicaSet

__all__ = ["counts", "is_complete", "report_counts", "report_progress"]


def counts(work: Rollout) -> DeploymentStatus:
    """The status with the numbers as they are now. Zeros are left out, as the API leaves them out."""
    sets, new = work.all, work.new
    available = sum(each.status.available_replicas or 0 for each in sets)
    terminating = None
    if work.rules.terminating_replicas:
        terminating = sum(each.status.terminating_replicas or 0 for each in sets)
    return work.status.replace(
        observed_generation=work.deployment.metadata.generation,
        replicas=sum(each.status.replicas or 0 for each in sets) or None,
        updated_replicas=(new.status.replicas if new is not None else None) or None,
        ready_replicas=sum(each.status.ready_replicas or 0 for each in sets) or None,
        available_replicas=available or None,
        unavailable_replicas=max(sum(map(size_of, sets)) - available, 0) or None,
        terminating_replicas=terminating,
    )


def report_counts(work: Rollout) -> None:
    """Set the numbers, and the condition Available."""
    work.status = counts(work)
    if (work.status.available_replicas or 0) >= work.replicas - work.unavailable:
        text = "Deployment has minimum availability."
        work.note_condition("Available", "True", "MinimumReplicasAvailable", text)
    else:
        text = "Deployment does not have minimum availability."
        work.note_condition("Available", "False", "MinimumReplicasUnavailable", text)


def is_complete(work: Rollout, status: DeploymentStatus) -> bool:
    """Whether all replicas are new and available, and nothing else is left."""
    counts = (status.updated_replicas, status.replicas, status.available_replicas)
    return all((count or 0) == work.replicas for count in counts)


def report_progress(work: Rollout) -> None:
    """Report a rollout: the numbers, and the conditions Progressing and ReplicaFailure."""
    before = work.deployment.status
    found = work.condition("Progressing")
    report_counts(work)
    status = work.status
    over = status.replicas == status.updated_replicas and found is not None and found.reason == "NewReplicaSetAvailable"
    if work.deadline_seconds is None:
        work.status = status.replace(conditions=without_condition(status.conditions, "Progressing"))
    elif not over:
        _note_progress(work, before, found)
    sets = [work.new, *work.old] if work.new is not None else work.old
    failure = next((found for found in map(_failure, sets) if found is not None), None)
    conditions = work.status.conditions
    if failure is None:
        conditions = without_condition(conditions, "ReplicaFailure")
    else:
        conditions = with_condition(conditions, failure)
    work.status = work.status.replace(conditions=conditions)
    _watch_deadline(work)


def _failure(replica_set: ReplicaSet) -> Condition | None:
    found = condition_of(replica_set, "ReplicaFailure")
    return None if found is None else found.replace(last_update_time=found.last_transition_time)


def _note_progress(work: Rollout, before: DeploymentStatus, found: Condition | None) -> None:
    new = work.new
    what = f'ReplicaSet "{new.name}"' if new is not None else f'Deployment "{work.deployment.name}"'
    if is_complete(work, work.status):
        text = f"{what} has successfully progressed."
        work.note_condition("Progressing", "True", "NewReplicaSetAvailable", text)
    elif _has_progressed(before, work.status):
        conditions = without_condition(work.status.conditions, "Progressing")
        work.status = work.status.replace(conditions=conditions)
        work.note_condition("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.")
        if found is not None and found.status == "True":
            *others, noted = work.status.conditions
            noted = noted.replace(last_transition_time=found.last_transition_time)
            work.status = work.status.replace(conditions=(*others, noted))
    elif _has_timed_out(work):
        text = f"{what} has timed out progressing."
        work.note_condition("Progressing", "False", "ProgressDeadlineExceeded", text)


def _has_progressed(before: DeploymentStatus, now: DeploymentStatus) -> bool:
    """Whether there are more new pods, fewer old ones, or more that are ready or available."""

    def old(status: DeploymentStatus) -> int:
        return (status.replicas or 0) - (status.updated_replicas or 0)

    return (
        (now.updated_replicas or 0) > (before.updated_replicas or 0)
        or old(now) < old(before)
        or (now.ready_replicas or 0) > (before.ready_replicas or 0)
        or (now.available_replicas or 0) > (before.available_replicas or 0)
    )


def _has_timed_out(work: Rollout) -> bool:
    found = work.condition("Progressing")
    if found is None or work.deadline_seconds is None or found.reason == "NewReplicaSetAvailable":
        return False
    since_us = found.last_update_time or 0
    return found.reason == "ProgressDeadlineExceeded" or since_us + work.deadline_seconds * 1_000_000 < work.view.now_us


def _watch_deadline(work: Rollout) -> None:
    """Look again a second after the deadline, unless the rollout was over once or has already failed it."""
    found = work.condition("Progressing")
    if found is None or work.deadline_seconds is None:
        return
    if found.reason in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return
    if not is_complete(work, work.status):
        due_us = (found.last_update_time or 0) + work.deadline_seconds * 1_000_000
        work.after_us = max(due_us - work.view.now_us, 0) + 1_000_000
