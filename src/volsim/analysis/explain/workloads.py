"""Why a workload has fewer ready pods than it wants, or why its rollout does not go on, and what would help.

Each kind has what its own controller waits for (the progress deadline, the order of a stateful set, old pods that have
to be gone, the back-off of a job); then comes what keeps each of its pods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from volsim.analysis.explain import pods
from volsim.analysis.explain.explanation import Cause, Expectation, Explanation
from volsim.analysis.explain.findings import Findings
from volsim.analysis.explain.hindrances import hindrance, remedies, trouble_of
from volsim.control.daemon_set.placement import placement, target_node
from volsim.control.deployment.rollout import NO_LIMIT, Rollout, rolls, size_of
from volsim.control.deployment.status import is_complete
from volsim.control.job.counting import is_finished
from volsim.control.job.work import Memory, memory_row, pod_backoff_us
from volsim.control.stateful_set.identity import claims_for, new_pod, ordinal_of, ordinals, revision_of
from volsim.control.workload import (
    availability_due_us,
    condition_of,
    controlled,
    has_ended,
    is_active,
    is_ready,
    refusal_of,
)
from volsim.objects import DaemonSet, Deployment, Job, Pod, ReplicaSet, StatefulSet
from volsim.rules import microseconds
from volsim.state import View

__all__ = ["explain"]

MOST_LISTED = 10
"""How many pods or nodes are told of. Nobody reads more."""

_SHORT = {"Deployment": "deploy", "ReplicaSet": "rs", "StatefulSet": "sts", "DaemonSet": "ds", "Job": "job"}


def explain(view: View, workload: Any) -> Explanation:
    """Why a Deployment, ReplicaSet, StatefulSet, DaemonSet or Job is as it is now."""
    if workload.metadata.deletion_timestamp is not None:
        return _terminating(view, workload)
    act: Callable[[View, Any], Explanation] = _ACTS[workload.kind]
    return act(view, workload)


def _address(obj: Any) -> str:
    return f"{_SHORT[obj.kind]}/{obj.metadata.name}"


def _told(
    view: View, workload: Any, summary: str, causes: Iterable[Cause], expected: Iterable[Expectation] = ()
) -> Explanation:
    found, reasons = Findings(view, _address(workload)), tuple(causes)
    for cause in reasons:
        found.cause(cause.code, cause.text, *cause.objects)
    for text in remedies(reasons):
        found.remedy(text)
    for each in expected:
        found.expect(each.code, each.text, microseconds(each.at), *each.objects)
    return found.explanation(summary)


def _in_us(view: View, code: str, text: str, at_us: int, *objects: str) -> Expectation:
    """Something that comes by itself."""
    return Expectation(code, text, at_us / 1_000_000, (at_us - view.now_us) / 1_000_000, objects)


def _terminating(view: View, workload: Any) -> Explanation:
    causes = [Cause("held", f"finalizer {name} holds it") for name in workload.metadata.finalizers]
    causes += [
        Cause("dependent-remains", f"{table} {key} is still there", (f"{table}/{key.rpartition('/')[2]}",))
        for table, key in view.group("dependents", workload.metadata.uid)
    ][:MOST_LISTED]
    return _told(view, workload, f"{_address(workload)} is being deleted, and waits.", causes)


def _hindered(view: View, candidates: Iterable[Pod], seconds: int | None = None) -> list[tuple[Pod, Cause]]:
    """The pods of which something keeps from being ready (for so long), and what: the first few."""
    found = ((pod, hindrance(view, pod, seconds)) for pod in candidates)
    return [(pod, cause) for pod, cause in found if cause is not None][:MOST_LISTED]


def _expected(view: View, hindered: list[tuple[Pod, Cause]], seconds: int | None = None) -> Iterator[Expectation]:
    """What comes next of such pods by itself."""
    for pod, cause in hindered:
        if cause.code == "not-ready-for-long":
            due_us = availability_due_us(pod, seconds)
            yield _in_us(view, "available", f"pod {pod.name} counts as available", due_us, f"pod/{pod.name}")
        else:
            yield from pods.explain(view, pod).expected


def _refused(view: View, obj: Any) -> Iterator[Cause]:
    """That the API server does not take a workload's pods, as its status has it."""
    for name in ("ReplicaFailure", "Progressing"):
        found = condition_of(obj, name)
        if found is not None and found.reason in ("FailedCreate", "ReplicaSetCreateError"):
            yield Cause("pods-refused", f"the API server refuses what it makes: {found.message}")


# -- Deployments -------------------------------------------------------------------------------------------------------
def _deployment(view: View, deployment: Deployment) -> Explanation:
    work = Rollout(view, deployment, controlled(view, "replicasets", deployment), ())
    status, wanted = deployment.status, deployment.spec.replicas or 0
    about = _address(deployment)
    if status.observed_generation != deployment.metadata.generation:
        return Explanation(about, f"{about} has just been changed: its controller has not looked at it yet.")
    if is_complete(work, status) and not deployment.spec.paused:
        return Explanation(about, f"{about} is complete: {wanted} of {wanted} pods are new and available.")
    has, new = status.available_replicas or 0, status.updated_replicas or 0
    summary = f"{about} has {has} of {wanted} pods available; {new} pods are of its present version."
    seconds = deployment.spec.min_ready_seconds
    hindered = [] if work.new is None else _hindered(view, controlled(view, "pods", work.new), seconds)
    causes = [*_progress(deployment), *_refused(view, deployment)]
    causes += _old_ones(view, work) if rolls(deployment) else _old_pods(view, work)
    causes += [cause for _, cause in hindered]
    return _told(view, deployment, summary, causes, [*_deadline(view, deployment), *_expected(view, hindered, seconds)])


def _progress(deployment: Deployment) -> Iterator[Cause]:
    if deployment.spec.paused:
        yield Cause("paused", "it is paused: a change of its template waits", (_address(deployment),))
    found = condition_of(deployment, "Progressing")
    if found is not None and found.reason == "ProgressDeadlineExceeded":
        seconds = deployment.spec.progress_deadline_seconds
        yield Cause(
            "deadline-exceeded",
            f"nothing has moved for more than {seconds} s: its rollout counts as failed, though the controller goes on",
        )


def _deadline(view: View, deployment: Deployment) -> Iterator[Expectation]:
    """When a rollout that does not move counts as failed."""
    found, seconds = condition_of(deployment, "Progressing"), deployment.spec.progress_deadline_seconds
    if (
        found is None
        or found.status != "True"
        or found.reason == "NewReplicaSetAvailable"
        or seconds in (None, NO_LIMIT)
    ):
        return
    due_us = (found.last_update_time or 0) + (seconds + 1) * 1_000_000  # the controller looks a second later
    yield _in_us(view, "deadline-exceeded", "its rollout counts as failed, if nothing moves before", due_us)


def _old_ones(view: View, work: Rollout) -> Iterator[Cause]:
    """What a rolling update waits for before it takes more of the old pods away."""
    old = [each for each in work.old if size_of(each)]
    if not old or work.new is None:
        return
    if work.unavailable == 0:
        names = tuple(_address(each) for each in old)
        text = f"of {work.replicas} pods none may be unavailable: old ones stay until new ones are available"
        yield Cause("none-may-go", text, names)


def _old_pods(view: View, work: Rollout) -> Iterator[Cause]:
    """The old pods that have to be gone before a deployment that recreates makes new ones."""
    left = [pod for old in work.old for pod in controlled(view, "pods", old) if not has_ended(pod)]
    for pod in left[:MOST_LISTED]:
        trouble = trouble_of(view, pod.spec.node_name)
        why = f", and its node {pod.spec.node_name} {trouble}" if trouble else ""
        text = f"Recreate makes no new pod before the old pod {pod.name} is gone{why}"
        objects = (f"pod/{pod.name}", *([f"node/{pod.spec.node_name}"] if trouble else []))
        yield Cause("old-pod-remains", text, objects)


def _replica_set(view: View, replica_set: ReplicaSet) -> Explanation:
    wanted, ready = size_of(replica_set), replica_set.status.ready_replicas or 0
    about = _address(replica_set)
    if ready == wanted:
        return Explanation(about, f"{about} has {ready} of {wanted} pods ready.")
    hindered = _hindered(view, controlled(view, "pods", replica_set))
    causes = [*_refused(view, replica_set), *(cause for _, cause in hindered)]
    summary = f"{about} has {ready} of {wanted} pods ready."
    return _told(view, replica_set, summary, causes, _expected(view, hindered))


# -- StatefulSets ------------------------------------------------------------------------------------------------------
def _stateful_set(view: View, stateful_set: StatefulSet) -> Explanation:
    about, wanted, seconds = _address(stateful_set), ordinals(stateful_set), stateful_set.spec.min_ready_seconds
    there = {ordinal_of(pod): pod for pod in controlled(view, "pods", stateful_set)}
    ready = [number for number in wanted if number in there and is_active(there[number]) and is_ready(there[number])]
    old = [each for each in map(there.get, wanted) if each is not None and _is_old(stateful_set, each)]
    extra = sorted(set(there) - set(wanted))
    told = f"{about} has {len(ready)} of {len(wanted)} pods ready"
    hindered = _hindered(view, (there[number] for number in sorted(there)), seconds)
    if len(ready) == len(wanted) and not old and not extra and not hindered:
        return Explanation(about, f"{told}, all of its present version.")
    present = f", and {len(old)} of another version" if old else f", and {len(extra)} too many" if extra else ""
    causes = [*_missing(view, stateful_set, there), *_kept_old(stateful_set, old), *(cause for _, cause in hindered)]
    return _told(view, stateful_set, f"{told}{present}.", causes, _expected(view, hindered, seconds))


def _is_old(stateful_set: StatefulSet, pod: Pod) -> bool:
    return revision_of(pod) != stateful_set.status.update_revision


def _missing(view: View, stateful_set: StatefulSet, there: dict[int, Pod]) -> Iterator[Cause]:
    """Why the pods that are not there yet are not made: whom they wait for, or what is in the way."""
    ordered = stateful_set.spec.pod_management_policy != "Parallel"
    for number in ordinals(stateful_set):
        name = f"{stateful_set.name}-{number}"
        pod = there.get(number)
        if pod is None:
            yield from _unmade(view, stateful_set, number, name)
        if ordered and (pod is None or not is_active(pod) or not is_ready(pod)):
            later = [each for each in ordinals(stateful_set) if each > number and each not in there]
            if later:
                text = f"pods go in order: {stateful_set.name}-{later[0]} is made when {name} is ready"
                yield Cause("waits-for", text, (f"pod/{name}",))
            return


def _unmade(view: View, stateful_set: StatefulSet, number: int, name: str) -> Iterator[Cause]:
    for claim in claims_for(stateful_set, number).values():
        found = view.persistent_volume_claims.get(claim.key)
        if found is not None and found.metadata.deletion_timestamp is not None:
            text = f"pod {name} is made when its claim {claim.name}, which is being deleted, is gone"
            yield Cause("claim-being-deleted", text, (f"pvc/{claim.name}",))
    revision = stateful_set.status.update_revision or ""
    refusal = refusal_of(view, new_pod(stateful_set, stateful_set.spec.template, number, revision, view.rules))
    if refusal is not None:
        yield Cause("pods-refused", f"the API server refuses pod {name}: {refusal}")


def _kept_old(stateful_set: StatefulSet, old: list[Pod]) -> Iterator[Cause]:
    """Why pods of another version stay."""
    strategy = stateful_set.spec.update_strategy
    if strategy is not None and strategy.type == "OnDelete" and old:
        text = f"with OnDelete, pods of another version stay until somebody deletes them: {_listed(old)}"
        yield Cause("on-delete", text, _refs(old))
        return
    rolling = strategy.rolling_update if strategy is not None else None
    partition = (rolling.partition or 0) if rolling is not None else 0
    held = [pod for pod in old if ordinal_of(pod) < partition]
    if held:
        text = f"the partition {partition} keeps pods of a lower number as they are: {_listed(held)}"
        yield Cause("partition", text, _refs(held))
    broken = [pod for pod in old if pod not in held and is_active(pod) and not is_ready(pod)]
    if broken and stateful_set.spec.pod_management_policy != "Parallel":
        text = (
            f"the controller waits until {broken[0].name} is ready, and does not replace it before: {_listed(broken)}"
        )
        yield Cause("broken-pod-is-waited-for", text, _refs(broken))


def _listed(pods: list[Pod]) -> str:
    names = [pod.name for pod in pods[:MOST_LISTED]]
    return ", ".join(names) + (", …" if len(pods) > MOST_LISTED else "")


def _refs(pods: list[Pod]) -> tuple[str, ...]:
    return tuple(f"pod/{pod.name}" for pod in pods[:MOST_LISTED])


# -- DaemonSets --------------------------------------------------------------------------------------------------------
def _daemon_set(view: View, daemon_set: DaemonSet) -> Explanation:
    about, status, template = _address(daemon_set), daemon_set.status, daemon_set.spec.template
    wanted, ready = status.desired_number_scheduled or 0, status.number_ready or 0
    updated = status.updated_number_scheduled or 0
    spared = [node.name for node in view.nodes.values() if not placement(template, node).run]
    elsewhere = f"; {len(spared)} of {len(view.nodes)} nodes are not for it" if spared else ""
    told = f"{about} has {ready} of {wanted} pods ready{elsewhere}"
    if ready == updated == wanted and not status.number_misscheduled:
        return Explanation(about, f"{told}.")
    there = sorted(controlled(view, "pods", daemon_set), key=lambda pod: pod.name)
    causes: list[Cause] = []
    old = f", and {wanted - updated} of another version" if updated < wanted else ""
    if old and daemon_set.spec.update_strategy is not None and daemon_set.spec.update_strategy.type == "OnDelete":
        text = "with OnDelete, pods of another version stay until somebody deletes them"
        causes.append(Cause("on-delete", text, (about,)))
    causes += _nodes_without(view, daemon_set, {target_node(pod) for pod in there})
    hindered = _hindered(view, there, daemon_set.spec.min_ready_seconds)
    causes += [cause for _, cause in hindered]
    expected = _expected(view, hindered, daemon_set.spec.min_ready_seconds)
    return _told(view, daemon_set, f"{told}{old}.", causes, expected)


def _nodes_without(view: View, daemon_set: DaemonSet, having: set[str]) -> Iterator[Cause]:
    """The nodes that should have a pod, and for which there is none."""
    names = [node.name for node in view.nodes.values() if placement(daemon_set.spec.template, node).run]
    for name in [each for each in names if each not in having][:MOST_LISTED]:
        yield Cause("no-pod-for-node", f"there is no pod for node {name}", (f"node/{name}",))


# -- Jobs --------------------------------------------------------------------------------------------------------------
def _job(view: View, job: Job) -> Explanation:
    about, status = _address(job), job.status
    completions = job.spec.completions
    told = f"{about} has {status.succeeded or 0} of {completions if completions is not None else 'any'} completions"
    if is_finished(job):
        return _finished(job)
    running = [pod for pod in controlled(view, "pods", job) if not has_ended(pod)]
    hindered, next_us = _hindered(view, running), _next_pod_us(view, job)
    causes = [*_job_waits(view, job, next_us), *(cause for _, cause in hindered)]
    failed = f", {job.status.failed} pods have failed" if status.failed else ""
    active = f"{status.active or 0} pods are active{failed}"
    if not causes and running:
        return Explanation(about, f"{told}; {active}, and run.")
    expected = [*_expected(view, hindered)]
    if next_us is not None:
        expected.append(_in_us(view, "next-pod", "another pod is made", next_us, about))
    return _told(view, job, f"{told}; {active}.", causes, expected)


def _finished(job: Job) -> Explanation:
    about = _address(job)
    failed = condition_of(job, "Failed")
    if failed is None or failed.status != "True":
        return Explanation(about, f"{about} is complete: {job.status.succeeded or 0} pods have succeeded.")
    cause = Cause("job-failed", f"{failed.reason}: {failed.message}", (about,))
    summary = f"{about} has failed for good: nobody makes another pod."
    return Explanation(about, summary, (cause,), remedies((cause,)))


def _next_pod_us(view: View, job: Job) -> int | None:
    """When a job's back-off after failures is over; None if it has none now."""
    memory: Memory | None = view.get("memory", memory_row(job.key))
    if memory is None or memory.last_failure_us is None or job.status.active:
        return None
    due_us = memory.last_failure_us + pod_backoff_us(memory.failures, view.rules)
    return due_us if due_us > view.now_us else None


def _job_waits(view: View, job: Job, next_us: int | None) -> Iterator[Cause]:
    """What a job's controller waits for before it makes another pod."""
    if job.spec.suspend:
        yield Cause("suspended", "it is suspended: it has no pods meanwhile", (_address(job),))
    elif job.spec.parallelism == 0:
        yield Cause("no-parallelism", "its parallelism is 0: no pod is made", (_address(job),))
    elif next_us is not None:
        yield Cause("backing-off", "it waits after a failure, each time twice as long", (_address(job),))


_ACTS: dict[str, Callable[[View, Any], Explanation]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
}
