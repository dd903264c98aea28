"""Cron job controller: jobs by the calendar.

Modelled: schedules and time zones, missed times and the deadline for them, what happens while a job still runs, the
list of active jobs, how many finished jobs are kept, names of jobs, the older controller that looks around every 10 s.
Not modelled: schedules that the API server would not take, the older controller's other order of steps.
Source: kube-controller-manager, pkg/controller/cronjob/{cronjob_controllerv2,utils}.go; 1.20: cronjob_controller.go.

A job is entered in the list of active jobs by the sync after the one that made it: only then its uid is known. Upstream
writes twice as well, and comes to the same end if it is interrupted in between.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from volsim.apiserver.writes import Create, Delete, Put, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, EventNote, Outcome, normal, warning
from volsim.control.workload import (
    backoff_us,
    condition_of,
    controlled,
    controller_of,
    controller_ref,
    namespace_ends,
    refusal_of,
)
from volsim.manifests.schedules import Schedule, parse_schedule, time_zone
from volsim.manifests.times import START
from volsim.objects import CronJob, FrozenDict, Job, ObjectMeta, ObjectReference
from volsim.state import Change, View, Wake

__all__ = ["CONTROLLER"]

_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_MANY = 100  # missed times, to warn of
_SECOND_US = 1_000_000
_DELTA_US = 100_000  # nextScheduleDelta
_ROUND_US = 10_000_000  # how often the older controller looks around
_START_S = int(START.timestamp())


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_own(view: View, change: Change) -> Iterator[str | Wake]:
    """A cron job needs a look when it changes; with another schedule, when that says so."""
    before: CronJob | None = change.before
    after: CronJob | None = change.after
    if before is None or after is None or before.metadata.uid != after.metadata.uid:
        yield _at_once(view, change.key)
    elif before.spec.schedule != after.spec.schedule or before.spec.time_zone != after.spec.time_zone:
        work = CronJobWork(view, after)
        wait_us = work.wait_us(work.schedule())
        later = None if wait_us is None else Wake(change.key, view.now_us + wait_us, background=True)
        yield later or _at_once(view, change.key)
    elif before.spec is not after.spec or before.metadata.deletion_timestamp != after.metadata.deletion_timestamp:
        yield _at_once(view, change.key)


def watch_jobs(view: View, change: Change) -> Iterator[str | Wake]:
    """A cron job needs a look when one of its jobs comes, goes, or ends."""
    before: Job | None = change.before
    after: Job | None = change.after
    if before is not None and after is not None and _end_of(before) == _end_of(after):
        if before.metadata.owner_references is after.metadata.owner_references:
            return
    for key in dict.fromkeys(_owners(change)):
        yield _at_once(view, key)


def _owners(change: Change) -> Iterator[str]:
    for job in (change.before, change.after):
        ref = None if job is None else controller_of(job)
        if ref is not None and ref.kind == "CronJob":
            yield f"{job.metadata.namespace}/{ref.name}"


def _at_once(view: View, key: str) -> str | Wake:
    """Now; the older controller: when it looks around next."""
    wait_us = -view.now_us % _ROUND_US
    return key if view.rules.cron_job_controller_v2 or not wait_us else Wake(key, view.now_us + wait_us)


# -- the controller ----------------------------------------------------------------------------------------------------
def sync(view: View, key: str) -> Outcome:
    """Report what became of a cron job's jobs, and make the next one when it is due."""
    row = f"cron-job/{key}"
    cron_job: CronJob | None = view.get("cronjobs", key)
    if cron_job is None:
        return NOTHING if view.get("memory", row) is None else Outcome((Put("memory", row, None),))
    work = CronJobWork(view, cron_job)
    work.enter_new_jobs()
    work.clean_up()
    work.review()
    wait_us = None
    if cron_job.metadata.deletion_timestamp is None and not cron_job.spec.suspend:
        wait_us = _start(work)
    since_us = view.now_us if work.refused_since_us is None else work.refused_since_us
    memory = since_us if work.refused else None
    if memory != work.refused_since_us:
        work.writes.append(Put("memory", row, memory))
    return work.outcome(wait_us)


def _start(work: CronJobWork) -> int | None:
    """Make the job that is due; how long to wait then."""
    schedule = work.schedule()
    try:
        due_us, missed = work.last_due(schedule, within_deadline=True)
    except ValueError as error:
        text = f"invalid schedule: {work.spec.schedule} : {error}"
        work.events.append(warning(work.cron_job, "InvalidSchedule", text))
        return None
    if due_us is None:
        return work.wait_us(schedule)
    if missed > _MANY and not _warn_of_many(work):
        return work.wait_us(schedule)
    if _may_start(work, due_us):
        for job in work.running() if work.spec.concurrency_policy == "Replace" else ():
            work.delete(job)
        return _create(work, work.job(due_us), schedule)
    return work.wait_us(schedule)


def _warn_of_many(work: CronJobWork) -> bool:
    """Whether the last of many missed times counts nevertheless."""
    remedy = "Set or decrease .spec.startingDeadlineSeconds or check clock skew"
    if work.view.rules.cron_job_controller_v2:
        work.events.append(warning(work.cron_job, "TooManyMissedTimes", f"too many missed start times. {remedy}"))
        return True
    text = f"Cannot determine if job needs to be started: too many missed start time (> {_MANY}). {remedy}"
    work.events.append(warning(work.cron_job, "FailedNeedsStart", text))
    return False


def _may_start(work: CronJobWork, due_us: int) -> bool:
    if work.last_schedule_us == due_us or any(ref.name == work.name_of(due_us) for ref in work.active):
        return False
    if work.spec.concurrency_policy == "Forbid" and work.active:
        if work.view.rules.cron_job_controller_v2:
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            work.events.append(normal(work.cron_job, "JobAlreadyActive", text))
        return False
    return True


def _create(work: CronJobWork, job: Job, schedule: Schedule) -> int | None:
    view = work.view
    if view.get("jobs", job.key) is not None and view.rules.cron_job_controller_v2:
        return None  # somebody else's: upstream looks again when something changes
    if namespace_ends(view, job.metadata.namespace):
        return None
    refusal = refusal_of(view, job)
    if refusal is not None:
        work.refused = True
        work.events.append(warning(work.cron_job, "FailedCreate", f"Error creating job: {refusal}"))
        return backoff_us(view, work.refused_since_us) if view.rules.cron_job_controller_v2 else _ROUND_US
    work.tell(normal(work.cron_job, "SuccessfulCreate", f"Created job {job.name}"), Create(job))
    return work.wait_us(schedule)


class CronJobWork:
    """One cron job while it is worked on."""

    def __init__(self, view: View, cron_job: CronJob):
        self.view, self.cron_job, self.spec = view, cron_job, cron_job.spec
        self.jobs: list[Job] = list(controlled(view, "jobs", cron_job))
        self.active = list(cron_job.status.active)
        self.last_schedule_us = cron_job.status.last_schedule_time
        self.last_success_us = cron_job.status.last_successful_time
        self.writes: list[Write] = []
        self.events: list[EventNote] = []
        self.refused = False
        self.refused_since_us: int | None = view.get("memory", f"cron-job/{cron_job.key}")

    def tell(self, event: EventNote, write: Write) -> None:
        """Do something, and tell of it if it is done."""
        self.events.append(event._replace(of_write=len(self.writes)))
        self.writes.append(write)

    # -- times -------------------------------------------------------------------------------------------------------
    def schedule(self) -> Schedule:
        """When jobs are due. The API server has seen to it that the text and the time zone mean something."""
        text = self.spec.schedule or ""
        if "TZ" in text and self.view.rules.cron_job_controller_v2:
            page = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"
            told = f'CRON_TZ or TZ used in schedule "{text}" is not officially supported, see {page} for more details'
            self.events.append(warning(self.cron_job, "UnsupportedSchedule", told))
        return parse_schedule(text, self.spec.time_zone)

    def last_due(self, schedule: Schedule, *, within_deadline: bool = False) -> tuple[int | None, int]:
        """The last time that is due since the last job, and about how many are missed. `ValueError` if none ever is.

        As upstream does: from the first two, it guesses how many there are, and looks from a little before the last.
        """
        now_us, since_us = self.view.now_us, self._since_us()
        if within_deadline and self.spec.starting_deadline_seconds is not None:
            since_us = max(since_us, now_us - self.spec.starting_deadline_seconds * _SECOND_US)
        first = schedule.next_us(since_us)
        second = None if first is None else schedule.next_us(first)
        if first is not None and now_us < first:
            return None, 0
        if first is None or second is None:
            raise ValueError("time difference between two schedules is less than 1 second")
        if now_us < second:
            return first, 0
        missed = (now_us - first) // (second - first) + 1
        last, at_us = None, schedule.next_us(first + (missed - 2) * (second - first))
        while at_us is not None and at_us <= now_us:
            last, at_us = at_us, schedule.next_us(at_us)
        return last, missed

    def _since_us(self) -> int:
        if self.last_schedule_us is not None:
            return self.last_schedule_us
        return self.cron_job.metadata.creation_timestamp or 0

    def wait_us(self, schedule: Schedule) -> int | None:
        """How long until the next job is due, with a little more for clocks that differ."""
        now_us = self.view.now_us
        try:
            last, missed = self.last_due(schedule)
        except ValueError:
            last, missed = None, 1
        if last is None:
            last = now_us if missed else self._since_us()
        due_us = schedule.next_us(last)
        if due_us is None:
            return None
        if self.view.rules.cron_job_controller_v2:
            return due_us + _DELTA_US - now_us
        return -(-due_us // _ROUND_US) * _ROUND_US - now_us

    # -- jobs --------------------------------------------------------------------------------------------------------
    def name_of(self, due_us: int) -> str:
        """The name of the job that is due then."""
        due_s = _START_S + due_us // _SECOND_US
        return f"{self.cron_job.name}-{due_s // 60 if self.view.rules.cron_job_controller_v2 else due_s}"

    def job(self, due_us: int) -> Job:
        """The job that is due then."""
        template = self.spec.job_template
        annotations = template.metadata.annotations
        if self.view.rules.cron_job_scheduled_annotation:
            when = _moment(due_us).astimezone(time_zone(self.spec.time_zone or ""))
            annotations = FrozenDict({**annotations, _SCHEDULED: when.isoformat().replace("+00:00", "Z")})
        metadata = ObjectMeta(
            name=self.name_of(due_us),
            namespace=self.cron_job.metadata.namespace,
            labels=template.metadata.labels,
            annotations=annotations,
            owner_references=(controller_ref(self.cron_job),),
        )
        return Job(metadata=metadata, spec=template.spec)

    def running(self) -> list[Job]:
        """The jobs of the list of active ones."""
        uids = {ref.uid for ref in self.active}
        return [job for job in self.jobs if job.metadata.uid in uids]

    def delete(self, job: Job) -> None:
        """Delete a job with its pods."""
        self.active = [ref for ref in self.active if ref.uid != job.metadata.uid]
        event = normal(self.cron_job, "SuccessfulDelete", f"Deleted job {job.name}")
        self.tell(event, Delete("jobs", job.key, uid=job.metadata.uid, propagation="Background"))

    def enter_new_jobs(self) -> None:
        """Enter what the sync before this one has made in the list of active jobs."""
        per_number = 60 if self.view.rules.cron_job_controller_v2 else 1
        for job in self.jobs:
            number = job.name.removeprefix(f"{self.cron_job.name}-")
            if not number.isdecimal():
                continue
            due_us = (int(number) * per_number - _START_S) * _SECOND_US
            if self._since_us() < due_us <= self.view.now_us:
                self.active.append(_reference(job))
                self.last_schedule_us = due_us

    def clean_up(self) -> None:
        """Delete the oldest finished jobs that are too many."""
        for end, limit in (
            ("Complete", self.spec.successful_jobs_history_limit),
            ("Failed", self.spec.failed_jobs_history_limit),
        ):
            ended = sorted((job for job in self.jobs if _end_of(job) == end), key=_age)
            for job in ended[: max(len(ended) - limit, 0)] if limit is not None else ():
                self.delete(job)

    def review(self) -> None:
        """Take finished and missing jobs from the list of active ones, and tell of strangers."""
        uids = {ref.uid for ref in self.active}
        for job in self.jobs:
            found, end = job.metadata.uid in uids, _end_of(job)
            if end is None and not found:
                text = f"Saw a job that the controller did not create or forgot: {job.name}"
                self.events.append(warning(self.cron_job, "UnexpectedJob", text))
            elif end is not None and found:
                self.active = [ref for ref in self.active if ref.uid != job.metadata.uid]
                word = "condition" if self.view.rules.cron_job_condition_in_event else "status"
                text = f"Saw completed job: {job.name}, {word}: {end}"
                self.events.append(normal(self.cron_job, "SawCompletedJob", text))
            if end == "Complete" and self.view.rules.cron_job_controller_v2:
                self.last_success_us = max(self.last_success_us or 0, job.status.completion_time or 0)
        there = {job.metadata.uid for job in self.jobs}
        for ref in self.active:
            if ref.uid not in there:
                self.events.append(normal(self.cron_job, "MissingJob", f"Active job went missing: {ref.name}"))
        self.active = [ref for ref in self.active if ref.uid in there]

    # -- what comes of it --------------------------------------------------------------------------------------------
    def outcome(self, wait_us: int | None) -> Outcome:
        """All that was decided. The calendar goes on for ever: settling does not wait for it."""
        status = self.cron_job.status.replace(
            active=tuple(self.active),
            last_schedule_time=self.last_schedule_us,
            last_successful_time=self.last_success_us,
        )
        if status != self.cron_job.status:
            self.writes.append(UpdateStatus(self.cron_job.replace(status=status)))
        notes = [_note(write) for write in self.writes if isinstance(write, Create | Delete)]
        says = f"cron job {self.cron_job.key}: {', '.join(notes) or 'report'}" if self.writes or self.events else ""
        return Outcome(tuple(self.writes), tuple(self.events), wait_us, background=True, says=says)


def _note(write: Create | Delete) -> str:
    return f"create job {write.obj.key}" if isinstance(write, Create) else f"delete job {write.key}"


def _end_of(job: Job) -> str | None:
    """How a job has ended: Complete or Failed; None if it has not."""
    for name in ("Complete", "Failed"):
        found = condition_of(job, name)
        if found is not None and found.status == "True":
            return name
    return None


def _age(job: Job) -> tuple[bool, int, str]:
    """For sorting: the first that started first, those that never started last."""
    start_us = job.status.start_time
    return (start_us is None, start_us or 0, job.name)


def _reference(job: Job) -> ObjectReference:
    metadata = job.metadata
    return ObjectReference(
        api_version=job.api_version,
        kind=job.kind,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )


def _moment(us: int) -> datetime.datetime:
    return START + datetime.timedelta(microseconds=us)


CONTROLLER = Controller(
    name="cron-job",
    component="cronjob-controller",
    watches={"cronjobs": watch_own, "jobs": watch_jobs},
    sync=sync,
)
