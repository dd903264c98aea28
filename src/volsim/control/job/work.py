"""One job while it is worked on: what its pods came to, what is made and deleted, and what it reports.

Modelled: parallelism and completions, indexed jobs, suspension, replacement after a back-off, counting under a
finalizer, the conditions of the end.
Not modelled: slow start batches, limits on how many pods are counted at once.
Source: kube-controller-manager, pkg/controller/job/job_controller.go (syncJob, manageJob).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from volsim.apiserver.writes import Create, Delete, Put, Update, UpdateStatus, Write
from volsim.control.contract import EventNote, Outcome, normal, warning
from volsim.control.job.counting import (
    INDEX,
    TRACKING,
    finished_at,
    has_failed,
    index_of,
    indexes_from,
    indexes_to_text,
    is_tracked,
    replaces_only_failed,
)
from volsim.control.workload import (
    backoff_us,
    is_active,
    is_ready,
    is_terminating,
    namespace_ends,
    pod_of,
    refusal_of,
    takes_its_time,
    without_condition,
)
from volsim.control.writing import with_finalizer, without_finalizer
from volsim.objects import Condition, EnvVar, FrozenDict, Job, JobStatus, Pod, UncountedTerminatedPods
from volsim.rules import Rules
from volsim.state import View

__all__ = ["JobWork", "Memory", "memory_row"]

_BURST = 500  # MaxPodCreateDeletePerSync
_REFUSED_FIRST_US, _REFUSED_MOST_US = 1_000_000, 60_000_000  # DefaultJobApiBackOff, MaxJobApiBackOff
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


class Memory(NamedTuple):
    """What the controller remembers of a job."""

    failures: int = 0
    """Pods that have failed since one last succeeded; or (by version) how often the job was looked at again."""
    last_failure_us: int | None = None
    refused_since_us: int | None = None
    """Since when the API server takes no pod of it."""


def memory_row(key: str) -> str:
    """The key of a job's memory."""
    return f"job/{key}"


def _removal_order(pod: Pod) -> tuple[Any, ...]:
    restarts = max((each.restart_count or 0 for each in pod.status.container_statuses), default=0)
    created = pod.metadata.creation_timestamp or 0
    return (
        bool(pod.spec.node_name),
        _PHASES.get(pod.status.phase or "", 0),
        is_ready(pod),
        -restarts,
        -created,
        pod.name,
    )


class JobWork:
    """One job and its pods, being worked on: a private copy of what may change."""

    def __init__(self, view: View, job: Job, pods: Iterable[Pod], claiming: Iterable[Write]):
        self.view, self.rules, self.job = view, view.rules, job
        self.tracks = view.rules.job_tracking_with_finalizers
        self.pods = list(pods)
        self.active = [pod for pod in self.pods if is_active(pod)]
        self.writes: list[Write] = list(claiming)
        self.events: list[EventNote] = []
        self.notes: list[str] = []
        self.made = 0
        self.doomed: list[Pod] = []
        self.conditions = job.status.conditions
        self.start_time = job.status.start_time
        self.completion_time = job.status.completion_time
        self.memory: Memory = view.get("memory", memory_row(job.key)) or Memory()
        self.refused = False
        self.waits_us: list[int] = []
        uncounted = [pod for pod in self.pods if is_tracked(pod)] if self.tracks else self.pods
        self.new_succeeded = [pod for pod in uncounted if pod.status.phase == "Succeeded"]
        self.new_failed = [pod for pod in uncounted if has_failed(pod, job, self.rules)]
        self.given_up: list[Pod] = []
        """Pods that still run while the job fails: they count as failed."""
        most = job.spec.completions or 0
        self.indexes = indexes_from(job.status.completed_indexes, most)
        found = (index_of(pod) for pod in self.new_succeeded)
        self.indexes |= {number for number in found if self.is_indexed and number is not None and number < most}

    # -- numbers -----------------------------------------------------------------------------------------------------
    @property
    def is_indexed(self) -> bool:
        """Whether each pod has a number."""
        return self.job.spec.completion_mode == "Indexed"

    @property
    def is_suspended(self) -> bool:
        """Whether it is to have no pods for now."""
        return bool(self.job.spec.suspend)

    @property
    def succeeded(self) -> int:
        """How many pods have succeeded; of an indexed job, how many numbers."""
        if self.is_indexed:
            return len(self.indexes)
        counted = (self.job.status.succeeded or 0) if self.tracks else 0
        return counted + len(self.new_succeeded)

    @property
    def failed(self) -> int:
        """How many pods have failed."""
        counted = (self.job.status.failed or 0) if self.tracks else 0
        return counted + len(self.new_failed) + len(self.given_up)

    @property
    def has_new_success(self) -> bool:
        """Whether more has succeeded than is reported."""
        return self.succeeded > (self.job.status.succeeded or 0)

    @property
    def has_new_failure(self) -> bool:
        """Whether more has failed than is reported."""
        return self.failed > (self.job.status.failed or 0)

    @property
    def left(self) -> list[Pod]:
        """The active pods that are not deleted in this sync."""
        return [pod for pod in self.active if pod not in self.doomed]

    @property
    def terminating(self) -> int:
        """How many pods are on their way out and have not ended."""
        leaving = sum(takes_its_time(self.view, pod) for pod in self.doomed)
        return leaving + sum(map(is_terminating, self.pods))

    def note_condition(self, name: str, reason: str, message: str, status: str = "True") -> bool:
        """Set a condition; whether that changed anything. A condition that never was is not set to false."""
        old = next((each for each in self.conditions if each.type == name), None)
        if old is None and status == "False":
            return False
        if old is not None and (old.status, old.reason, old.message) == (status, reason or None, message or None):
            return False
        now_us = self.view.now_us
        new = Condition(
            type=name,
            status=status,
            reason=reason or None,
            message=message or None,
            last_probe_time=now_us,
            last_transition_time=now_us,
        )
        self.conditions = (*without_condition(self.conditions, name), new)
        return True

    # -- pods --------------------------------------------------------------------------------------------------------
    def delete(self, pods: Iterable[Pod], *, uncounted: bool = False) -> None:
        """Delete pods; `uncounted` ones are let go without being counted."""
        for pod in pods:
            if uncounted and is_tracked(pod):
                self.writes.append(Update(without_finalizer(pod, TRACKING)))
            told = normal(self.job, "SuccessfulDelete", f"Deleted pod: {pod.name}")
            self.events.append(told._replace(of_write=len(self.writes)))
            self.writes.append(Delete("pods", pod.key, uid=pod.metadata.uid))
            self.doomed.append(pod)
            self.notes.append(f"delete {pod.name}")

    def manage(self) -> None:
        """Make or delete pods so that as many are active as should be."""
        if self.is_suspended:
            self.delete(self.active, uncounted=True)
            return
        wanted = self._wanted()
        surplus = self._surplus(len(self.active) - wanted)
        if surplus:
            self.delete(surplus[:_BURST], uncounted=True)
            return
        lacking = wanted - len(self.active)
        if replaces_only_failed(self.job, self.rules):
            lacking -= self.terminating
        if lacking > 0 and not self._must_wait():
            self._create(min(lacking, _BURST))

    def _wanted(self) -> int:
        """How many pods should be active."""
        parallelism, completions = self.job.spec.parallelism or 0, self.job.spec.completions
        if completions is None:
            return len(self.active) if self.succeeded else parallelism
        return min(max(completions - self.succeeded, 0), parallelism)

    def _surplus(self, number: int) -> list[Pod]:
        """The pods that are too many: of an indexed job, first those whose number is not wanted (any more)."""
        surplus: list[Pod] = []
        left = sorted(self.active, key=_removal_order, reverse=True)
        if self.is_indexed:
            seen: set[int | None] = {None, *self.indexes}
            for pod in left:
                number_of = index_of(pod)
                if number_of in seen or (number_of or 0) >= (self.job.spec.completions or 0):
                    surplus.append(pod)
                seen.add(number_of)
        rest = [pod for pod in reversed(left) if pod not in surplus]
        return surplus + rest[: max(number - len(surplus), 0)]

    def _must_wait(self) -> bool:
        """Whether the back-off after a failed pod is not over yet."""
        failures, last_us = self.memory.failures, self.memory.last_failure_us
        if not self.rules.job_pod_failure_backoff or not failures or last_us is None:
            return False
        wait_us = last_us + pod_backoff_us(failures, self.rules) - self.view.now_us
        if wait_us > 0:
            self.waits_us.append(wait_us)
        return wait_us > 0

    def _create(self, number: int) -> None:
        if namespace_ends(self.view, self.job.metadata.namespace):
            return
        pods = [self._pod(index) for index in self._next_indexes(number)]
        refusal = refusal_of(self.view, pods[0]) if pods else None
        if refusal is not None:
            self.refused = True
            self.events.append(warning(self.job, "FailedCreate", f"Error creating: {refusal}"))
            return
        for pod in pods:
            told = normal(self.job, "SuccessfulCreate", "Created pod: {name}")
            self.events.append(told._replace(of_write=len(self.writes)))
            self.writes.append(Create(pod))
        self.made = len(pods)
        self.notes.append(f"create {len(pods)} pods")

    def _next_indexes(self, number: int) -> list[int | None]:
        """The numbers of the next pods: the lowest that are neither done nor running; None each if there are none."""
        if not self.is_indexed:
            return [None] * number
        taken = self.indexes | {index for pod in self.active if (index := index_of(pod)) is not None}
        free: list[int | None] = [each for each in range(self.job.spec.completions or 0) if each not in taken]
        return free[:number]

    def _pod(self, index: int | None) -> Pod:
        pod = pod_of(self.job.spec.template, self.job)
        if self.tracks:
            pod = with_finalizer(pod, TRACKING)
        return pod if index is None else _numbered(pod, self.job, index, self.rules)

    # -- what comes of it --------------------------------------------------------------------------------------------
    def count(self, *, all_of_them: bool) -> None:
        """Let go of the pods that are counted now: those that have ended, or all if the job is over."""
        if not self.tracks:
            return
        ended = {pod.metadata.uid for pod in (*self.new_succeeded, *self.new_failed)}
        released = {write.obj.metadata.uid for write in self.writes if isinstance(write, Update)}
        for pod in self.pods:
            uid = pod.metadata.uid
            if is_tracked(pod) and uid not in released and (all_of_them or uid in ended):
                self.writes.append(Update(without_finalizer(pod, TRACKING)))

    def remember_failures(self) -> None:
        """Count failures since the last success, for the back-off."""
        if not self.rules.job_pod_failure_backoff:
            return
        failed = sorted(finished_at(pod) for pod in self.new_failed)
        failures, last_us = self.memory.failures, self.memory.last_failure_us
        if self.new_succeeded:
            success_us = max(map(finished_at, self.new_succeeded))
            failed = [each for each in failed if each > success_us]
            failures, last_us = 0, None
        if failed:
            failures, last_us = failures + len(failed), failed[-1]
        self.memory = self.memory._replace(failures=failures, last_failure_us=last_us)

    def status(self) -> JobStatus:
        """The status as it will be when all is written. Zeros are left out where the API leaves them out."""
        left = self.left
        return self.job.status.replace(
            active=len(left) + self.made or None,
            succeeded=self.succeeded or None,
            failed=self.failed or None,
            completed_indexes=indexes_to_text(self.indexes) or None,
            ready=sum(map(is_ready, left)) if self.rules.job_ready_pods else None,
            terminating=self.terminating if self.rules.job_pod_replacement_policy else None,
            uncounted_terminated_pods=UncountedTerminatedPods() if self.tracks else None,
            conditions=self.conditions,
            start_time=self.start_time,
            completion_time=self.completion_time,
        )

    def outcome(self, *, over: bool) -> Outcome:
        """All that was decided, as writes, and when to look again."""
        status = self.status()
        if status != self.job.status:
            self.writes.append(UpdateStatus(self.job.replace(status=status)))
        background = self.refused and not self.waits_us
        self._note_refusal()
        row = memory_row(self.job.key)
        memory = None if over or self.memory == Memory() else self.memory
        if memory != self.view.get("memory", row):
            self.writes.append(Put("memory", row, memory))
        says = f"job {self.job.key}: {', '.join(self.notes) or 'report'}" if self.writes or self.events else ""
        return Outcome(tuple(self.writes), tuple(self.events), min(self.waits_us, default=None), background, says)

    def _note_refusal(self) -> None:
        """Remember since when no pod is taken, and try again after a while."""
        since_us = self.memory.refused_since_us
        if not self.refused:
            self.memory = self.memory._replace(refused_since_us=None)
            return
        if self.rules.job_pod_failure_backoff:
            self.waits_us.append(backoff_us(self.view, since_us, _REFUSED_FIRST_US, _REFUSED_MOST_US))
        else:
            self.waits_us.append(pod_backoff_us(self.memory.failures, self.rules))
        self.memory = self.memory._replace(refused_since_us=self.view.now_us if since_us is None else since_us)


def pod_backoff_us(failures: int, rules: Rules) -> int:
    """How long after its last failure a job waits before it makes another pod: 10 s, doubled up to some minutes.

    >>> [pod_backoff_us(number, Rules()) // 1_000_000 for number in (0, 1, 2, 3, 9)]
    [0, 10, 20, 40, 600]
    """
    most_us = 600_000_000 if rules.job_pod_failure_backoff else 360_000_000
    return min(10_000_000 << min(failures - 1, 20), most_us) if failures else 0


def _numbered(pod: Pod, job: Job, index: int, rules: Rules) -> Pod:
    """The pod with its number in name, hostname, annotation, label (by version) and environment."""
    labels, annotations = pod.metadata.labels, FrozenDict({**pod.metadata.annotations, INDEX: str(index)})
    if rules.pod_index_label:
        labels = FrozenDict({**labels, INDEX: str(index)})
    metadata = pod.metadata.replace(generate_name=f"{job.name}-{index}-", labels=labels, annotations=annotations)
    variable = EnvVar(name="JOB_COMPLETION_INDEX", value=str(index))
    spec = pod.spec
    inits = tuple(each.replace(env=(*each.env, variable)) for each in spec.init_containers)
    containers = tuple(each.replace(env=(*each.env, variable)) for each in spec.containers)
    spec = spec.replace(hostname=f"{job.name}-{index}", init_containers=inits, containers=containers)
    return pod.replace(metadata=metadata, spec=spec)
