"""StatefulSet: pods with a number, a name and claims of their own, one after the other.

Modelled: OrderedReady and Parallel, RollingUpdate with partition (and maxUnavailable, where the gate is on), OnDelete,
minReadySeconds, start ordinals, retention of claims, revisions with their history, no replacement while the old object
is there.
Not modelled: conditions (the controller sets none).
Source: kube-controller-manager, pkg/controller/statefulset/{stateful_set,stateful_set_control}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from volsim.apiserver.writes import Put, UpdateStatus
from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.control.history import history_of, truncated
from volsim.control.stateful_set.identity import claim_names, is_member, ordinals, revision_of
from volsim.control.stateful_set.work import SetWork, is_running_and_ready
from volsim.control.workload import (
    availability_due_us,
    backoff_us,
    claim,
    is_available,
    is_ready,
    owner_keys,
    retry_at_us,
    scaled_number,
    selects,
    takes_its_time,
    wants_a_look,
)
from volsim.objects import Pod, StatefulSet, StatefulSetStatus
from volsim.state import Change, View, Wake, label_groups

__all__ = ["CONTROLLER"]

NAME = "statefulset"
HASH_LABEL = "controller.kubernetes.io/hash"


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_own(view: View, change: Change) -> Iterator[str]:
    """A stateful set needs a look when it is new, or somebody changes more than its status, and when it is gone."""
    before, after = change.before, change.after
    if (
        before is None
        or after is None
        or before.spec is not after.spec
        or before.metadata.uid != after.metadata.uid
        or before.metadata.deletion_timestamp != after.metadata.deletion_timestamp
    ):
        yield change.key


def watch_pods(view: View, change: Change) -> Iterable[str]:
    """A stateful set needs a look when one of its pods, or an orphan that it may adopt, changes."""
    if not wants_a_look(change.before, change.after):
        return ()
    return owner_keys(view, change, "StatefulSet", "statefulsets")


def watch_claims(view: View, change: Change) -> Iterator[Wake]:
    """A stateful set that waits for a claim to go needs a look when it is gone: with its next try."""
    if change.after is not None:
        return
    for group in label_groups(change.before):
        for key in view.group("statefulsets_by_selector", group):
            stateful_set: StatefulSet = view.table("statefulsets")[key]
            if selects(stateful_set, change.before) and _has_claim(stateful_set, change.before.name):
                since_us: int | None = view.get("memory", f"{NAME}/{key}")
                yield Wake(key, view.now_us if since_us is None else retry_at_us(since_us, view.now_us))


def _has_claim(stateful_set: StatefulSet, name: str) -> bool:
    number = name.rpartition("-")[2]
    if not number.isdecimal() or int(number) not in ordinals(stateful_set):
        return False
    return name in claim_names(stateful_set, int(number)).values()


# -- the controller ----------------------------------------------------------------------------------------------------
def sync(view: View, key: str) -> Outcome:
    """Bring one stateful set a step closer to what its spec says, and report it."""
    stateful_set: StatefulSet | None = view.get("statefulsets", key)
    if stateful_set is None:
        known = view.get("memory", f"{NAME}/{key}") is not None
        return Outcome((Put("memory", f"{NAME}/{key}", None),)) if known else NOTHING
    claimed = claim(view, stateful_set, "pods", member=lambda pod: is_member(stateful_set, pod))
    history = history_of(view, stateful_set, HASH_LABEL, stateful_set.metadata.annotations)
    work = SetWork(view, stateful_set, claimed.mine, history)
    work.writes[:0] = claimed.writes
    if stateful_set.metadata.deletion_timestamp is None:
        _advance(work)
    status = _status(work)
    live = [status.current_revision, *map(revision_of, work.pods)]
    work.writes += truncated(history, live, stateful_set.spec.revision_history_limit)
    if status != stateful_set.status:
        work.writes.append(UpdateStatus(stateful_set.replace(status=status)))
    return _outcome(work)


def _outcome(work: SetWork) -> Outcome:
    """All that was decided, as writes, and when to look again."""
    view, row = work.view, f"{NAME}/{work.set.key}"
    since_us: int | None = view.get("memory", row)
    after_us, background = _available_in_us(work), False
    if work.refused or work.waits_for_claim:
        if since_us is None:
            work.writes.append(Put("memory", row, view.now_us))
        if work.refused and after_us is None:
            after_us, background = backoff_us(view, since_us), True
    elif since_us is not None:
        work.writes.append(Put("memory", row, None))
    says = f"stateful set {work.set.key}: {', '.join(work.notes) or 'report'}" if work.writes or work.events else ""
    return Outcome(tuple(work.writes), tuple(work.events), after_us, background, says)


def _available_in_us(work: SetWork) -> int | None:
    """When the next pod will have been ready for long enough."""
    seconds, now_us = work.set.spec.min_ready_seconds, work.view.now_us
    if not seconds:
        return None
    waits = (availability_due_us(pod, seconds) - now_us for pod in work.pods if is_ready(pod))
    return min((wait for wait in waits if wait > 0), default=None)


# -- what is done ------------------------------------------------------------------------------------------------------
def _advance(work: SetWork) -> None:
    """Make what lacks, delete what is too much, replace what is old: each only when the stage before is done."""
    if not _go_through(work, (_settle_replica(work, number) for number in work.replicas)):
        return
    for pod in work.condemned:
        work.settle_owners(pod)
    if _go_through(work, (_settle_condemned(work, pod) for pod in work.condemned)):
        _replace_old(work)


def _go_through(work: SetWork, steps: Iterator[bool]) -> bool:
    """Take the steps in order, where one goes after the other only until one has to wait; whether all is done."""
    for done in steps:
        if not done and work.is_monotonic:
            return False
    return not work.refused and not work.waits_for_claim


def _settle_replica(work: SetWork, number: int) -> bool:
    """Make or mend the pod with this number; whether the next one may have its turn."""
    pod = work.replicas[number]
    if pod is None:
        work.create(number)
        return False
    if pod.status.phase == "Failed" or (pod.status.phase == "Succeeded" and work.rules.stateful_set_restarts_succeeded):
        work.restart(pod)
        return False
    if pod.status.phase == "Pending" and not work.complete_claims(pod):
        return False
    if work.is_monotonic and (not is_running_and_ready(pod) or work.is_unavailable(pod)):
        return False
    return work.repair(pod)


def _settle_condemned(work: SetWork, pod: Pod) -> bool:
    """Delete a pod whose number is out of range; whether the next one may have its turn."""
    if pod.metadata.deletion_timestamp is not None:
        return False
    well = is_running_and_ready(pod) and not work.is_unavailable(pod)
    if well or not work.is_monotonic or pod is work.first_unavailable:
        work.delete(pod)
    return False


def _replace_old(work: SetWork) -> None:
    """Delete pods of another revision, the highest first, down to the partition."""
    strategy = work.set.spec.update_strategy
    if strategy is None or strategy.type == "OnDelete":
        return
    rolling = strategy.rolling_update
    partition = (rolling.partition or 0) if rolling is not None else 0
    if work.rules.max_unavailable_stateful_set:
        _replace_several(work, partition, rolling.max_unavailable if rolling is not None else None)
        return
    for pod in [*work.replicas.values()][: partition - 1 if partition else None : -1]:
        if pod is not None and _is_old(work, pod):
            work.delete(pod)
            return
        if work.is_unavailable(pod):
            return


def _is_old(work: SetWork, pod: Pod) -> bool:
    return revision_of(pod) != work.history.update.name and pod.metadata.deletion_timestamp is None


def _replace_several(work: SetWork, partition: int, most: int | str | None) -> None:
    """Delete as many pods of another revision as may be unavailable at once."""
    pods = [*work.replicas.values()]
    allowed = max(scaled_number(1 if most is None else most, len(pods), up=False), 1)
    left = allowed - sum(map(work.is_unavailable, pods))
    old = [pod for pod in reversed(pods[partition:]) if pod is not None and _is_old(work, pod)]
    for pod in old[: max(left, 0)]:
        work.delete(pod)


# -- status ------------------------------------------------------------------------------------------------------------
def _status(work: SetWork) -> StatefulSetStatus:
    """The status as it will be when all is written. Zeros are left out where the API leaves them out."""
    gone = [pod for pod in work.doomed if not takes_its_time(work.view, pod)]
    there = [pod for pod in work.pods if pod not in gone]
    lasting = [pod for pod in there if pod.metadata.deletion_timestamp is None and pod not in work.doomed]
    revisions = [revision_of(pod) for pod in (*lasting, *work.made)]
    ready = sum(map(is_running_and_ready, there))
    seconds, now_us = work.set.spec.min_ready_seconds, work.view.now_us
    available = sum(is_running_and_ready(pod) and is_available(pod, seconds, now_us) for pod in there)
    current, update = work.current.name, work.history.update.name
    replicas, updated = len(there) + len(work.made), revisions.count(update)
    currently = revisions.count(current)
    strategy = work.set.spec.update_strategy
    if strategy is not None and strategy.type == "RollingUpdate":
        if updated == ready == replicas == (work.set.spec.replicas or 0):
            current, currently = update, updated
    return work.set.status.replace(
        observed_generation=work.set.metadata.generation,
        replicas=replicas,
        ready_replicas=ready or None,
        available_replicas=available if work.rules.stateful_set_min_ready_seconds else None,
        current_replicas=currently or None,
        updated_replicas=updated or None,
        current_revision=current,
        update_revision=update,
        collision_count=work.history.collisions,
    )


CONTROLLER = Controller(
    name=NAME,
    component="statefulset-controller",
    watches={"statefulsets": watch_own, "pods": watch_pods, "persistentvolumeclaims": watch_claims},
    sync=sync,
)
