"""TTL after finished: deletes jobs some time after their end.

Modelled: ttlSecondsAfterFinished (by version), deletion in the foreground.
Not modelled: nothing of it.
Source: kube-controller-manager, pkg/controller/ttlafterfinished/ttlafterfinished_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Delete
from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.objects import Job
from volsim.state import Change, View

__all__ = ["CONTROLLER"]


def watch_jobs(view: View, change: Change) -> Iterator[str]:
    """A job needs a look when it has an end and a time to live after it."""
    if change.after is not None and change.after.spec.ttl_seconds_after_finished is not None:
        if finished_at(change.after) is not None:
            yield change.key


def finished_at(job: Job) -> int | None:
    """When a job came to its end; None if it has not.

    >>> finished_at(Job()) is None
    True
    """
    for each in job.status.conditions:
        if each.type in ("Complete", "Failed") and each.status == "True":
            return each.last_transition_time or 0
    return None


def sync(view: View, key: str) -> Outcome:
    """Delete one job when its time is over."""
    job: Job | None = view.get("jobs", key)
    if job is None or job.metadata.deletion_timestamp is not None or not view.rules.ttl_after_finished:
        return NOTHING
    end_us, seconds = finished_at(job), job.spec.ttl_seconds_after_finished
    if end_us is None or seconds is None:
        return NOTHING
    left_us = end_us + seconds * 1_000_000 - view.now_us
    if left_us > 0:
        return Outcome(requeue_after_us=left_us)
    delete = Delete("jobs", key, uid=job.metadata.uid, propagation="Foreground")
    return Outcome((delete,), says=f"delete job {key}, which has been over for {seconds} s")


CONTROLLER = Controller(
    name="ttl-after-finished", component="ttl-after-finished-controller", watches={"jobs": watch_jobs}, sync=sync
)
