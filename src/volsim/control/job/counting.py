"""How the pods of a job are counted: which have failed, when, and which numbers are done.

Modelled: failure by phase and (with tracking) by deletion, the time of an end, restarts under OnFailure, completed
indexes as the API writes them.
Not modelled: backoffLimitPerIndex, podFailurePolicy, successPolicy.
Source: kube-controller-manager, pkg/controller/job/{job_controller,backoff_utils,indexed_job_utils}.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from volsim.control.workload import condition_of
from volsim.objects import Job, Pod
from volsim.rules import Rules

__all__ = [
    "INDEX",
    "TRACKING",
    "finished_at",
    "has_failed",
    "index_of",
    "indexes_from",
    "indexes_to_text",
    "is_finished",
    "is_tracked",
    "replaces_only_failed",
    "restarts",
]

TRACKING = "batch.kubernetes.io/job-tracking"
"""The finalizer of a pod that has not been counted yet."""
INDEX = "batch.kubernetes.io/job-completion-index"
"""The annotation (and label) with the number of a pod of an indexed job."""


def is_finished(job: Job) -> bool:
    """Whether a job is complete or has failed for good.

    >>> is_finished(Job())
    False
    """
    return any(each.type in ("Complete", "Failed") and each.status == "True" for each in job.status.conditions)


def is_tracked(pod: Pod) -> bool:
    """Whether a pod is still to be counted."""
    return TRACKING in pod.metadata.finalizers


def replaces_only_failed(job: Job, rules: Rules) -> bool:
    """Whether a pod is replaced only when it has ended, not when it begins to terminate."""
    by_policy = rules.job_pod_replacement_policy and job.spec.pod_replacement_policy == "Failed"
    return by_policy or job.spec.pod_failure_policy is not None


def has_failed(pod: Pod, job: Job, rules: Rules) -> bool:
    """Whether a pod counts as failed; with tracking, a deleted one does (it may never come to an end)."""
    if pod.status.phase == "Failed":
        return True
    if not rules.job_tracking_with_finalizers or replaces_only_failed(job, rules):
        return False
    return pod.metadata.deletion_timestamp is not None and pod.status.phase != "Succeeded"


def finished_at(pod: Pod) -> int:
    """When a pod ended: its last container, else when it ceased to be ready, was deleted, or was made."""
    ends = [
        each.state.terminated.finished_at if each.state is not None and each.state.terminated is not None else None
        for each in pod.status.container_statuses
    ]
    if ends and all(end is not None for end in ends):
        return max(end for end in ends if end is not None)
    ready = condition_of(pod, "Ready")
    if ready is not None and ready.status == "False" and ready.last_transition_time is not None:
        return ready.last_transition_time
    metadata = pod.metadata
    if metadata.deletion_timestamp is not None:
        return metadata.deletion_timestamp - (metadata.deletion_grace_period_seconds or 0) * 1_000_000
    return metadata.creation_timestamp or 0


def restarts(pods: Iterable[Pod]) -> int:
    """How often the containers of pods that still run were started again."""
    running = (pod for pod in pods if pod.status.phase in ("Running", "Pending"))
    statuses = (
        each for pod in running for each in (*pod.status.init_container_statuses, *pod.status.container_statuses)
    )
    return sum(each.restart_count or 0 for each in statuses)


# -- indexes -----------------------------------------------------------------------------------------------------------
def index_of(pod: Pod) -> int | None:
    """The number of a pod of an indexed job, or None."""
    text = pod.metadata.annotations.get(INDEX, "")
    return int(text) if text.isascii() and text.isdecimal() else None


def indexes_from(text: str | None, most: int) -> set[int]:
    """The numbers below `most` that a text such as ``1,3-5`` stands for.

    >>> sorted(indexes_from("1,3-5", 5))
    [1, 3, 4]
    """
    found: set[int] = set()
    for part in filter(None, (text or "").split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return {number for number in found if number < most}


def indexes_to_text(numbers: Iterable[int]) -> str:
    """The text for these numbers: three or more in a row are written with a dash.

    >>> indexes_to_text([1, 3, 4, 5, 7, 8])
    '1,3-5,7,8'
    """
    ordered = sorted(numbers)
    breaks = [0, *(at for at, (one, other) in enumerate(pairwise(ordered), 1) if other != one + 1), len(ordered)]
    parts: list[str] = []
    for start, end in pairwise(breaks):
        run = ordered[start:end]
        parts += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else map(str, run)
    return ",".join(parts)
