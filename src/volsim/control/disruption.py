"""Disruption controller: how many pods of a disruption budget may be evicted now.

Modelled: minAvailable and maxUnavailable as numbers and shares, the size that workloads ask for, pods that an eviction
has announced, the condition DisruptionAllowed (by version), budgets that cannot be computed, announced disruptions of
pods that did not come.
Not modelled: workloads of kinds that are not modelled, telling a pod of two budgets that select it.
Source: kube-controller-manager, pkg/controller/disruption/disruption.go; component-helpers, apps/poddisruptionbudget.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from volsim.apiserver.eviction import budgets_of, selects
from volsim.apiserver.writes import UpdateStatus
from volsim.control.contract import NOTHING, Controller, EventNote, Outcome, normal, warning
from volsim.control.workload import condition_of, controller_of, has_ended, is_ready, scaled_number, wants_a_look
from volsim.objects import Condition, FrozenDict, LabelSelector, OwnerReference, Pod, PodDisruptionBudget
from volsim.state import Change, View, Wake, selected_group

__all__ = ["CONTROLLERS"]

_TIMEOUT_US = 120_000_000  # DeletionTimeout, stalePodDisruptionTimeout
_SIZED = {
    "ReplicaSet": "replicasets",
    "ReplicationController": "replicationcontrollers",
    "StatefulSet": "statefulsets",
    "Deployment": "deployments",
}
_UNSIZED = {"DaemonSet": "daemonsets.apps", "Job": "jobs.batch"}


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_budgets(view: View, change: Change) -> Iterator[str]:
    """A budget needs a look when it changes."""
    if change.after is not None:
        yield change.key


def watch_pods(view: View, change: Change) -> Iterator[str]:
    """The budgets that select a pod need a look when it changes."""
    if not len(view.table("poddisruptionbudgets")) or not wants_a_look(change.before, change.after):
        return
    found = (budget.key for pod in (change.before, change.after) if pod is not None for budget in budgets_of(view, pod))
    yield from dict.fromkeys(found)


# -- budgets -----------------------------------------------------------------------------------------------------------
class Expected(NamedTuple):
    """What a budget asks for."""

    pods: int
    healthy: int
    unmanaged: bool = False
    """Whether there are pods that no workload controls: they are left out of a share."""


class CannotTell(Exception):
    """Why it cannot be computed what a budget asks for."""


def sync(view: View, key: str) -> Outcome:
    """Compute how many pods of one budget may be evicted."""
    budget: PodDisruptionBudget | None = view.get("poddisruptionbudgets", key)
    if budget is None:
        return NOTHING
    pods = _pods_of(view, budget)
    events = [] if pods else [normal(budget, "NoPods", "No matching pods found")]
    try:
        expected = _expected(view, budget, pods)
    except CannotTell as error:
        text = f"Failed to calculate the number of expected pods: {error}"
        return _safe(view, budget, str(error), (*events, warning(budget, "CalculateExpectedPodCountFailed", text)))
    if expected.unmanaged:
        events.append(_told_unmanaged(budget))
    announced, gone = _announced(view, budget, pods)
    for pod in gone:
        namespace = budget.metadata.namespace  # upstream's message names it twice
        text = f"Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't"
        events.append(warning(pod, "NotDeleted", text))
    leaving = {pod.name for pod in pods if pod.metadata.deletion_timestamp is not None} | announced.keys()
    healthy = sum(is_ready(pod) for pod in pods if pod.name not in leaving)
    allowed = max(healthy - expected.healthy, 0) if expected.pods > 0 else 0
    status = budget.status.replace(
        current_healthy=healthy,
        desired_healthy=expected.healthy,
        expected_pods=expected.pods,
        disruptions_allowed=allowed,
        disrupted_pods=FrozenDict(announced),
        observed_generation=budget.metadata.generation,
    )
    reason = "SufficientPods" if allowed else "InsufficientPods"
    status = _with_condition(view, status, bool(allowed), reason)
    recheck_us = min((at_us + _TIMEOUT_US - view.now_us for at_us in announced.values()), default=None)
    return _outcome(budget, status, tuple(events), recheck_us)


def _pods_of(view: View, budget: PodDisruptionBudget) -> list[Pod]:
    if budget.spec.selector is None:
        return []
    group = view.group("pods_by_label", selected_group(budget.metadata.namespace, budget.spec.selector))
    return [pod for pod in (view.pods[key] for key in group) if selects(budget, pod, view.rules)]


def _expected(view: View, budget: PodDisruptionBudget, pods: list[Pod]) -> Expected:
    most, least = budget.spec.max_unavailable, budget.spec.min_available
    if most is None and (least is None or isinstance(least, int)):
        return Expected(len(pods) if least is not None else 0, least or 0)
    total, unmanaged = _asked_for(view, pods)
    if most is not None:
        return Expected(total, max(total - scaled_number(most, total, up=True), 0), unmanaged)
    return Expected(total, scaled_number(least, total, up=True), unmanaged)


def _asked_for(view: View, pods: list[Pod]) -> tuple[int, bool]:
    """How many pods the workloads that control these ask for together; whether some have none."""
    sizes: dict[str, int] = {}
    unmanaged = False
    for pod in pods:
        ref = controller_of(pod)
        if ref is not None:
            workload = _workload(view, ref, pod)
            sizes[workload.metadata.uid] = workload.spec.replicas or 0
        elif view.rules.budgets_bear_unmanaged_pods:
            unmanaged = True
        else:
            raise CannotTell(f'found no controller ref for pod "{pod.name}"')
    return sum(sizes.values()), unmanaged


def _workload(view: View, ref: OwnerReference, pod: Pod) -> Any:
    """The workload that says how many pods there should be: of a replica set its deployment, if it has one."""
    if ref.kind in _UNSIZED:
        raise CannotTell(f"{_UNSIZED[ref.kind]} does not implement the scale subresource")
    found = None
    if ref.kind in _SIZED:
        found = view.get(_SIZED[ref.kind], f"{pod.metadata.namespace}/{ref.name}")
    if found is None or found.metadata.uid != ref.uid:
        raise CannotTell(f'found no controllers for pod "{pod.name}"')
    above = controller_of(found)
    if ref.kind == "ReplicaSet" and above is not None and above.kind == "Deployment":
        return _workload(view, above, pod)
    return found


def _told_unmanaged(budget: PodDisruptionBudget) -> EventNote:
    selector = budget.spec.selector or LabelSelector()
    labels = "".join(f"{key}: {value}," for key, value in sorted(selector.match_labels.items()))
    demands = "".join(
        f"LabelSelectorRequirement{{Key:{each.key},Operator:{each.operator},Values:[{' '.join(each.values)}],}},"
        for each in selector.match_expressions
    )
    shown = f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
    shown += f"MatchExpressions:[]LabelSelectorRequirement{{{demands}}},}}"
    text = (
        f"Pods selected by this PodDisruptionBudget (selector: {shown}) were found to be unmanaged. As a result, the "
        "status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for "
        'these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
    )
    return warning(budget, "UnmanagedPods", text)


def _announced(view: View, budget: PodDisruptionBudget, pods: list[Pod]) -> tuple[dict[str, int], list[Pod]]:
    """The pods that an eviction has announced to be deleted, with the time; and those that should be gone by now."""
    times, late = {}, []
    for pod in pods:
        at_us = budget.status.disrupted_pods.get(pod.name)
        if at_us is None or pod.metadata.deletion_timestamp is not None:
            continue
        if at_us + _TIMEOUT_US <= view.now_us:
            late.append(pod)
        else:
            times[pod.name] = at_us
    return times, late


def _safe(view: View, budget: PodDisruptionBudget, why: str, events: tuple[EventNote, ...]) -> Outcome:
    """Nothing may be evicted while it is not known what there should be."""
    status = budget.status.replace(disruptions_allowed=0)
    return _outcome(budget, _with_condition(view, status, False, "SyncFailed", why), events)


def _with_condition(view: View, status: Any, allowed: bool, reason: str, message: str | None = None) -> Any:
    if not view.rules.disruption_allowed_condition:
        return status
    old = next((each for each in status.conditions if each.type == "DisruptionAllowed"), None)
    word = str(allowed)
    stays = old is not None and old.status == word
    new = Condition(
        type="DisruptionAllowed",
        status=word,
        reason=reason,
        message=message,
        observed_generation=status.observed_generation,
        last_transition_time=old.last_transition_time if old is not None and stays else view.now_us,
    )
    others = tuple(each for each in status.conditions if each.type != "DisruptionAllowed")
    return status.replace(conditions=(*others, new))


def _outcome(
    budget: PodDisruptionBudget, status: Any, events: tuple[EventNote, ...], recheck_us: int | None = None
) -> Outcome:
    if status == budget.status:
        return Outcome(
            events=events, requeue_after_us=recheck_us, says=f"look at budget {budget.key}" if events else ""
        )
    says = f"budget {budget.key} allows {status.disruptions_allowed} disruptions"
    return Outcome((UpdateStatus(budget.replace(status=status)),), events, recheck_us, says=says)


# -- announced disruptions that did not come ---------------------------------------------------------------------------
def watch_announced(view: View, change: Change) -> Iterator[str | Wake]:
    """A pod that is announced to be disrupted needs a look some time later."""
    pod: Pod | None = change.after
    if pod is not None and (change.before is None or change.before.status.conditions != pod.status.conditions):
        wait_us = _stale_in_us(view, pod)
        if wait_us is not None:
            yield Wake(change.key, view.now_us + wait_us) if wait_us else change.key


def sync_announced(view: View, key: str) -> Outcome:
    """Take the announcement back if the pod is still there."""
    pod = view.pods.get(key)
    wait_us = None if pod is None else _stale_in_us(view, pod)
    if pod is None or wait_us is None:
        return NOTHING
    if wait_us:
        return Outcome(requeue_after_us=wait_us)
    conditions = tuple(
        Condition(type=each.type, status="False", last_transition_time=view.now_us)
        if each.type == "DisruptionTarget"
        else each
        for each in pod.status.conditions
    )
    write = UpdateStatus(pod.replace(status=pod.status.replace(conditions=conditions)))
    return Outcome((write,), says=f"pod {key} was not disrupted after all")


def _stale_in_us(view: View, pod: Pod) -> int | None:
    """How long until the announcement of the pod's disruption is stale; None if it has none that can be."""
    found = condition_of(pod, "DisruptionTarget")
    if found is None or found.status != "True" or found.reason == "TerminationByKubelet":
        return None
    if pod.metadata.deletion_timestamp is not None or has_ended(pod):
        return None
    return max((found.last_transition_time or 0) + _TIMEOUT_US - view.now_us, 0)


CONTROLLERS = (
    Controller(
        name="disruption",
        component="controllermanager",
        watches={"poddisruptionbudgets": watch_budgets, "pods": watch_pods},
        sync=sync,
    ),
    Controller(
        name="stale-disruption", component="controllermanager", watches={"pods": watch_announced}, sync=sync_announced
    ),
)
