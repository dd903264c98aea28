"""Job: pods that run until enough of them have succeeded.

Modelled: parallelism, completions, indexed jobs, backoffLimit, activeDeadlineSeconds, suspend, podReplacementPolicy,
back-off after failed pods, tracking of pods by a finalizer (by version), the conditions of the end and their delay (by
version), pods of jobs that are gone.
Not modelled: backoffLimitPerIndex, podFailurePolicy (but for when pods are replaced), successPolicy.
Source: kube-controller-manager, pkg/controller/job/job_controller.go (syncJob, syncOrphanPod).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from volsim.apiserver.writes import Put, Update, Write
from volsim.control.contract import NOTHING, Controller, Outcome, normal, warning
from volsim.control.job.counting import TRACKING, is_finished, is_tracked, restarts
from volsim.control.job.work import JobWork, Memory, memory_row, pod_backoff_us
from volsim.control.workload import claim, controller_of, owner_keys, wants_a_look
from volsim.control.writing import with_finalizer, without_finalizer
from volsim.objects import Job, Pod
from volsim.rules import microseconds
from volsim.state import Change, View, Wake

__all__ = ["CONTROLLERS"]

_OWN_NAME = "kubernetes.io/job-controller"


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_own(view: View, change: Change) -> Iterator[str]:
    """A job needs a look when it is new, or somebody changes more than its status, and when it is gone."""
    before, after = change.before, change.after
    if (
        before is None
        or after is None
        or before.spec is not after.spec
        or before.metadata.uid != after.metadata.uid
        or before.metadata.deletion_timestamp != after.metadata.deletion_timestamp
    ):
        yield change.key


def watch_pods(view: View, change: Change) -> Iterator[str | Wake]:
    """A job needs a look when one of its pods changes: after a while, so that changes are gathered."""
    before: Pod | None = change.before
    after: Pod | None = change.after
    if not _counts(before, after):
        return
    for key in owner_keys(view, change, "Job", "jobs"):
        wait_us = microseconds(view.rules.job_sync_batch_period)
        if not view.rules.job_pod_failure_backoff and _is_new_failure(view, before, after):
            memory: Memory = view.get("memory", memory_row(key)) or Memory()
            wait_us = max(wait_us, pod_backoff_us(memory.failures, view.rules))
        yield Wake(key, view.now_us + wait_us) if wait_us else key


def _is_new_failure(view: View, before: Pod | None, after: Pod | None) -> bool:
    """Whether a pod has failed just now; before pods were tracked, whether one changes that has failed."""
    if after is None or after.status.phase != "Failed":
        return False
    return not view.rules.job_tracking_with_finalizers or before is None or before.status.phase != "Failed"


def _counts(before: Pod | None, after: Pod | None) -> bool:
    if wants_a_look(before, after):
        return True
    assert before is not None
    assert after is not None
    return before.status.container_statuses is not after.status.container_statuses


# -- the controller ----------------------------------------------------------------------------------------------------
class Verdict(NamedTuple):
    """That a job is over, and why."""

    succeeded: bool
    reason: str
    message: str


def sync(view: View, key: str) -> Outcome:
    """Bring one job a step closer to its end, and report it."""
    job: Job | None = view.get("jobs", key)
    if job is None or is_finished(job):
        row = memory_row(key)
        return NOTHING if view.get("memory", row) is None else Outcome((Put("memory", row, None),))
    if view.rules.job_managed_by and job.spec.managed_by not in (None, _OWN_NAME):
        return NOTHING
    work = _claimed(view, job)
    work.remember_failures()
    if job.status.start_time is None and not work.is_suspended:
        work.start_time = view.now_us
    verdict = _verdict(work)
    if verdict is not None:
        if not verdict.succeeded:
            work.given_up = [pod for pod in work.active if is_tracked(pod) or not work.tracks]
        work.delete(work.active)
    elif job.metadata.deletion_timestamp is None:
        work.manage()
        verdict = _completed(work)
        if verdict is None:
            _note_suspension(work)
    work.count(all_of_them=verdict is not None or job.metadata.deletion_timestamp is not None)
    over = _conclude(work, verdict) if verdict is not None else False
    if not work.rules.job_pod_failure_backoff:
        _requeue(work, over=over)
    return work.outcome(over=over)


def _claimed(view: View, job: Job) -> JobWork:
    """The job with its pods; those that it adopts are to be counted, too."""
    claimed = claim(view, job, "pods")
    pods: list[Pod] = list(claimed.mine)
    writes: list[Write] = list(claimed.writes)
    if view.rules.job_tracking_with_finalizers:
        adopted = {write.obj.key for write in writes if isinstance(write, Update)} & {pod.key for pod in pods}
        pods = [with_finalizer(pod, TRACKING) if pod.key in adopted else pod for pod in pods]
        mine = {pod.key: pod for pod in pods}
        writes = [Update(mine.get(write.obj.key, write.obj)) for write in writes if isinstance(write, Update)]
    return JobWork(view, job, pods, writes)


def _verdict(work: JobWork) -> Verdict | None:
    """Whether the job is over, but for having completed just now."""
    for each in work.job.status.conditions:
        if each.status == "True" and each.type in ("SuccessCriteriaMet", "FailureTarget"):
            return Verdict(each.type == "SuccessCriteriaMet", each.reason or "", each.message or "")
    if _exceeds_limit(work):
        return Verdict(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    seconds = work.job.spec.active_deadline_seconds
    if seconds is not None and work.start_time is not None and not work.is_suspended:
        left_us = work.start_time + seconds * 1_000_000 - work.view.now_us
        if left_us <= 0:
            return Verdict(False, "DeadlineExceeded", "Job was active longer than specified deadline")
        work.waits_us.append(left_us)
    return None


def _exceeds_limit(work: JobWork) -> bool:
    """Whether too many pods have failed, or too many containers were started again (OnFailure)."""
    limit = work.job.spec.backoff_limit
    limit = 6 if limit is None else limit
    if work.job.spec.template.spec.restart_policy == "OnFailure":
        again = restarts(work.pods)
        if again >= max(limit, 1):
            return True
    if work.tracks:
        return work.failed > limit
    if not work.has_new_failure or len(work.active) == work.job.spec.parallelism:
        return False
    return (work.failed if work.rules.job_counts_failed_pods else work.memory.failures + 1) > limit


def _completed(work: JobWork) -> Verdict | None:
    """Whether the job has what it wants, and no pod is left."""
    if work.left or work.made:
        return None
    completions = work.job.spec.completions
    if work.succeeded < (1 if completions is None else completions):
        return None
    if not work.rules.job_delays_terminal_condition:
        return Verdict(True, "", "")
    return Verdict(True, "CompletionsReached", "Reached expected number of succeeded pods")


def _note_suspension(work: JobWork) -> None:
    if work.is_suspended:
        if work.note_condition("Suspended", "JobSuspended", "Job suspended"):
            work.events.append(normal(work.job, "Suspended", "Job suspended"))
            if work.rules.job_start_cleared_by_suspension:
                work.start_time = None
    elif work.note_condition("Suspended", "JobResumed", "Job resumed", status="False"):
        work.events.append(normal(work.job, "Resumed", "Job resumed"))
        work.start_time = work.view.now_us


def _conclude(work: JobWork, verdict: Verdict) -> bool:
    """Say that the job is over: at once, or (by version) when its last pod is gone. Whether it is."""
    why = (verdict.reason, verdict.message)
    if work.rules.job_delays_terminal_condition:
        work.note_condition("SuccessCriteriaMet" if verdict.succeeded else "FailureTarget", *why)
        if work.terminating:
            return False
    work.note_condition("Complete" if verdict.succeeded else "Failed", *why)
    work.notes.append("complete" if verdict.succeeded else "failed")
    if verdict.succeeded:
        work.completion_time = work.view.now_us
        work.events.append(normal(work.job, "Completed", "Job completed"))
    else:
        work.events.append(warning(work.job, *why))
    return True


def _requeue(work: JobWork, *, over: bool) -> None:
    """Before there was a back-off by pods: a job is looked at again after each failure, and later each time.

    With tracking only a success ends that, without it whatever changes the status and is no failure.
    """
    retries = work.memory.failures
    if (work.has_new_failure and not over) or work.refused:
        retries += 1
        if work.has_new_failure:
            work.waits_us.append(pod_backoff_us(retries, work.rules))
    elif work.has_new_success if work.tracks else work.status() != work.job.status:
        retries = 0
    work.memory = work.memory._replace(failures=retries)


# -- pods of jobs that are gone ----------------------------------------------------------------------------------------
def watch_lost_pods(view: View, change: Change) -> Iterator[str]:
    """A pod that is to be counted needs a look when nobody is there to count it."""
    if change.after is not None and _is_lost(view, change.after):
        yield change.key


def watch_lost_jobs(view: View, change: Change) -> Iterable[str]:
    """The pods of a job need a look when it is gone."""
    if change.before is None or (change.after is not None and change.after.metadata.uid == change.before.metadata.uid):
        return ()
    return view.group("pods_by_controller", change.before.metadata.uid)


def _is_lost(view: View, pod: Pod) -> bool:
    if not is_tracked(pod):
        return False
    ref = controller_of(pod)
    if ref is None:
        return True
    if ref.kind != "Job":
        return False
    job = view.get("jobs", f"{pod.metadata.namespace}/{ref.name}")
    return job is None or job.metadata.uid != ref.uid or is_finished(job)


def sync_lost_pod(view: View, key: str) -> Outcome:
    """Let go of a pod that nobody will count."""
    pod = view.pods.get(key)
    if pod is None or not _is_lost(view, pod):
        return NOTHING
    return Outcome((Update(without_finalizer(pod, TRACKING)),), says=f"let go of pod {key}: its job is gone")


CONTROLLERS = (
    Controller(name="job", component="job-controller", watches={"jobs": watch_own, "pods": watch_pods}, sync=sync),
    Controller(
        name="job-lost-pods",
        component="job-controller",
        watches={"jobs": watch_lost_jobs, "pods": watch_lost_pods},
        sync=sync_lost_pod,
    ),
)
