"""ReplicaSet and ReplicationController: as many pods as asked for.

Modelled: adoption and release by selector, creation with generated names, deletion of surplus pods in upstream's
order (where that leaves it open, any of the tied pods), minReadySeconds, the status with its ReplicaFailure condition.
Not modelled: slow start batches, expectations.
Source: kube-controller-manager, pkg/controller/replicaset/{replica_set,replica_set_utils}.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from volsim.apiserver.writes import Create, Delete, UpdateStatus, Write
from volsim.control.contract import NOTHING, Choose, Controller, EventNote, Outcome, normal, warning
from volsim.control.workload import (
    availability_due_us,
    backoff_us,
    claim,
    condition_of,
    controlled,
    controller_of,
    is_active,
    is_available,
    is_ready,
    is_terminating,
    namespace_ends,
    owner_keys,
    pod_of,
    refusal_of,
    selects,
    takes_its_time,
    wants_a_look,
    with_condition,
    without_condition,
)
from volsim.objects import Condition, Pod
from volsim.state import Change, View

__all__ = ["CONTROLLERS", "first_to_go"]

_BURST = 500  # BurstReplicas: at most so many pods are made or deleted in one go
_FAILURE = "ReplicaFailure"


def watch_own(view: View, change: Change) -> Iterator[str]:
    """A replica set needs a look when it is new, or somebody changes more than its status."""
    before, after = change.before, change.after
    if after is not None and (
        before is None
        or before.spec is not after.spec
        or before.metadata.uid != after.metadata.uid
        or before.metadata.deletion_timestamp != after.metadata.deletion_timestamp
    ):
        yield change.key


def watch_pods(kind: str, table: str, view: View, change: Change) -> Iterable[str]:
    """A replica set needs a look when one of its pods, or an orphan that it may adopt, changes."""
    return owner_keys(view, change, kind, table) if wants_a_look(change.before, change.after) else ()


def sync(table: str, view: View, key: str) -> Outcome | Choose:
    """Bring the number of pods of one replica set to what it asks for, and report it."""
    owner = view.get(table, key)
    if owner is None:
        return NOTHING
    claimed = claim(view, owner, "pods", consider=is_active)
    pods: tuple[Pod, ...] = claimed.mine
    surplus = len(pods) - (owner.spec.replicas or 0)
    if owner.metadata.deletion_timestamp is not None or surplus == 0:
        return _outcome(view, owner, pods, claimed.writes)
    if surplus < 0:
        return _create(view, owner, pods, claimed.writes, min(-surplus, _BURST))
    doomed, tied = _surplus_pods(view, owner, pods, min(surplus, _BURST))
    if not tied:
        return _outcome(view, owner, pods, claimed.writes, doomed=doomed)
    options = ((each.name, _outcome(view, owner, pods, claimed.writes, doomed=[*doomed, each])) for each in tied)
    return Choose(f"one of {len(tied)} equal pods of {owner.SINGULAR} {key} to delete", tuple(options))


def _create(view: View, owner: Any, pods: tuple[Pod, ...], writes: tuple[Write, ...], number: int) -> Outcome:
    if namespace_ends(view, owner.metadata.namespace):
        return _outcome(view, owner, pods, writes)
    pod = pod_of(owner.spec.template, owner)
    refusal = refusal_of(view, pod)
    return _outcome(view, owner, pods, writes, made=[pod] * (number if refusal is None else 0), refusal=refusal)


def _outcome(
    view: View,
    owner: Any,
    pods: tuple[Pod, ...],
    claiming: tuple[Write, ...],
    *,
    made: Sequence[Pod] = (),
    doomed: Sequence[Pod] = (),
    refusal: str | None = None,
) -> Outcome:
    """The writes that make and delete pods, and the report of what there is then."""
    writes, events, says = list(claiming), list[EventNote](), list[str]()
    for pod in made:
        told = normal(owner, "SuccessfulCreate", "Created pod: {name}")
        events.append(told._replace(of_write=len(writes)))
        writes.append(Create(pod))
    for pod in doomed:
        told = normal(owner, "SuccessfulDelete", f"Deleted pod: {pod.name}")
        events.append(told._replace(of_write=len(writes)))
        writes.append(Delete("pods", pod.key, uid=pod.metadata.uid))
    if refusal is not None:
        events.append(warning(owner, "FailedCreate", f"Error creating: {refusal}"))
    kept = tuple(pod for pod in pods if pod not in doomed)
    leaving = sum(takes_its_time(view, pod) for pod in doomed)
    new = _reported(view, owner, kept, fresh=len(made), leaving=leaving, refusal=refusal)
    if new is not owner:
        writes.append(UpdateStatus(new))
    after_us, background = _look_again(view, new, kept)
    if claiming:
        says.append(f"take or leave {len(claiming)} pods")
    if made:
        says.append(f"create {len(made)} pods")
    if doomed:
        says.append(f"delete {', '.join(pod.name for pod in doomed)}")
    text = f"{owner.SINGULAR} {owner.key}: {', '.join(says) or 'report'}"
    return Outcome(tuple(writes), tuple(events), after_us, background, text if writes or events else "")


# -- status ------------------------------------------------------------------------------------------------------------
def _reported(view: View, owner: Any, pods: tuple[Pod, ...], *, fresh: int, leaving: int, refusal: str | None) -> Any:
    """The replica set with its status as it should be now; the very same object if nothing has changed.

    `pods` are its active ones; there are as many `fresh` ones besides, and `leaving` ones that have just been deleted.
    Zeros are left out as the API leaves them out, but for `replicas`.
    """
    labels = owner.spec.template.metadata.labels.items()
    ready = [pod for pod in pods if is_ready(pod)]
    available = [pod for pod in ready if is_available(pod, owner.spec.min_ready_seconds, view.now_us)]
    counts: dict[str, int | None] = {
        "replicas": len(pods) + fresh,
        "fully_labeled_replicas": fresh + sum(labels <= pod.metadata.labels.items() for pod in pods) or None,
        "ready_replicas": len(ready) or None,
        "available_replicas": len(available) or None,
        "observed_generation": owner.metadata.generation,
    }
    if owner.kind == "ReplicaSet" and view.rules.terminating_replicas:
        mine = (pod for pod in controlled(view, "pods", owner) if is_terminating(pod))
        counts["terminating_replicas"] = leaving + sum(selects(owner, pod) for pod in mine)
    conditions = owner.status.conditions
    if refusal is None:
        conditions = without_condition(conditions, _FAILURE)
    elif condition_of(owner, _FAILURE) is None:
        failure = Condition(
            type=_FAILURE, status="True", reason="FailedCreate", message=refusal, last_transition_time=view.now_us
        )
        conditions = with_condition(conditions, failure)
    status = owner.status.replace(conditions=conditions, **counts)
    return owner if status == owner.status else owner.replace(status=status)


def _look_again(view: View, owner: Any, pods: tuple[Pod, ...]) -> tuple[int | None, bool]:
    """When to look again although nothing changes, and whether that is only a back-off."""
    failure = condition_of(owner, _FAILURE)
    if failure is not None:
        return backoff_us(view, failure.last_transition_time), True
    seconds = owner.spec.min_ready_seconds
    if not seconds:
        return None, False
    waiting = [availability_due_us(pod, seconds) for pod in pods if is_ready(pod)]
    due = [due_us - view.now_us for due_us in waiting if due_us > view.now_us]
    return min(due, default=None), False


# -- which pods to delete ----------------------------------------------------------------------------------------------
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def _surplus_pods(view: View, owner: Any, pods: tuple[Pod, ...], number: int) -> tuple[list[Pod], list[Pod]]:
    """The pods that surely go, and (if it is not decided by then) those of which one more goes."""
    if number == len(pods):
        return list(pods), []
    ranks = _neighbours(view, owner)
    left, doomed = list(pods), list[Pod]()
    while len(doomed) < number:
        tied = first_to_go(view, left, ranks)
        if len(tied) > number - len(doomed):
            return doomed, tied
        doomed += tied
        left = [pod for pod in left if pod not in tied]
    return doomed, []


def _neighbours(view: View, owner: Any) -> dict[str | None, int]:
    """How many active pods of the same deployment (or of this replica set) are on each node."""
    ref = controller_of(owner)
    related = [owner]
    if ref is not None and owner.kind == "ReplicaSet":
        rows = view.table("replicasets")
        related = [rows[key] for table, key in view.group("dependents", ref.uid or "") if table == "replicasets"]
    counts: dict[str | None, int] = {}
    for replica_set in related:
        for pod in controlled(view, "pods", replica_set):
            if is_active(pod):
                counts[pod.spec.node_name] = counts.get(pod.spec.node_name, 0) + 1
    return counts


def first_to_go(view: View, pods: list[Pod], ranks: dict[str | None, int]) -> list[Pod]:
    """The pods of which any may be the first to be deleted; `ranks` are the numbers of related pods by node.

    Unassigned before assigned, pending before unknown before running, unready before ready, cheap before dear, crowded
    before lonely, shortly ready before long ready, often restarted before seldom, young before old. Ages are compared
    by their order of magnitude where the version does so; upstream then goes by the uid, which is a lottery.
    """
    best = min(_urgency(view, pod, ranks) for pod in pods)
    group = [pod for pod in pods if _urgency(view, pod, ranks) == best]
    by_time: dict[int | None, list[Pod]] = {}
    for pod in group:
        by_time.setdefault(_ready_since(pod), []).append(pod)
    tied: list[Pod] = []
    for equal in by_time.values():
        least = min(_tie_breaker(view, pod) for pod in equal)
        tied += [pod for pod in equal if _tie_breaker(view, pod) == least]
    return tied


def _urgency(view: View, pod: Pod, ranks: dict[str | None, int]) -> tuple[Any, ...]:
    ready_since = _ready_since(pod)
    return (
        bool(pod.spec.node_name),
        _PHASES.get(pod.status.phase or "", 0),
        ready_since is not None,
        _cost(pod) if view.rules.pod_deletion_cost else 0,
        -ranks.get(pod.spec.node_name, 0),
        0 if ready_since is None else _age(view, ready_since),
    )


def _tie_breaker(view: View, pod: Pod) -> tuple[int, int, int]:
    names = {each.name for each in pod.spec.init_containers if each.restart_policy == "Always"}
    restarts = max((each.restart_count or 0 for each in pod.status.container_statuses), default=0)
    sidecars = (each.restart_count or 0 for each in pod.status.init_container_statuses if each.name in names)
    return -restarts, -max(sidecars, default=0), _age(view, pod.metadata.creation_timestamp or 0)


def _ready_since(pod: Pod) -> int | None:
    """Since when the pod is ready, in whole seconds as the API keeps it; None if it is not."""
    found = condition_of(pod, "Ready")
    if found is None or found.status != "True":
        return None
    return (found.last_transition_time or 0) // 1_000_000 * 1_000_000


def _age(view: View, since_us: int) -> int:
    """An age to compare by: its order of magnitude (base 2) or, in older versions, the whole seconds themselves."""
    age_us = view.now_us - since_us // 1_000_000 * 1_000_000
    return (age_us * 1_000).bit_length() if view.rules.logarithmic_scale_down else age_us


def _cost(pod: Pod) -> int:
    text = pod.metadata.annotations.get(_DELETION_COST, "0")
    digits = text.removeprefix("-")
    plain = digits.isdecimal() and digits.isascii() and (digits == "0" or not digits.startswith("0"))
    return int(text) if plain else 0


def _controller(name: str, component: str, kind: str, table: str) -> Controller:
    return Controller(
        name=name,
        component=component,
        watches={table: watch_own, "pods": partial(watch_pods, kind, table)},
        sync=partial(sync, table),
    )


CONTROLLERS = (
    _controller("replicaset", "replicaset-controller", "ReplicaSet", "replicasets"),
    _controller("replication", "replication-controller", "ReplicationController", "replicationcontrollers"),
)
