"""The eviction of a pod: a deletion that a disruption budget may refuse, and that it counts if it does not.

Modelled: pods that need no budget's leave (by version), unready pods and `unhealthyPodEvictionPolicy`, the lowered
budget with the pod noted in it, the condition DisruptionTarget, the refusals and their causes.
Not modelled: retries of conflicting writes (there are none), preconditions but the uid.
Source: kube-apiserver, pkg/registry/core/pod/storage/eviction.go; component-helpers, apps/poddisruptionbudget.
"""

from __future__ import annotations

from volsim.apiserver import admission, requests
from volsim.errors import Conflict, Forbidden, InternalError, NotFound, TooManyRequests
from volsim.objects import Condition, FrozenDict, LabelSelector, Pod, PodDisruptionBudget, PodDisruptionBudgetStatus
from volsim.rules import Rules
from volsim.state import Draft, View, label_groups

__all__ = ["budgets_of", "evict", "selects"]

_MOST_DISRUPTED = (
    2_000  # MaxDisruptedPodSize: so many evictions may be under way before a budget's controller sees them
)
_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


def evict(
    draft: Draft, key: str, *, uid: str | None = None, grace_seconds: int | None = None, dry_run: bool = False
) -> bool:
    """POST of an Eviction for the pod ``namespace/name``: whether its object is gone at once.

    Raises `NotFound`, `Conflict` if `uid` is given and it is another pod, `Forbidden` in a namespace that is being
    deleted, `TooManyRequests` if a budget does not allow it now, and `InternalError` if two budgets select the pod.

    >>> from volsim.state import State
    >>> evict(State.empty(Rules()).draft(), "default/web")
    Traceback (most recent call last):
        ...
    volsim.errors.NotFound: pods "web" not found
    """
    pod: Pod | None = draft.pods.get(key)
    name = key.rpartition("/")[2]
    if pod is None:
        raise NotFound(f'pods "{name}" not found')
    if uid is not None and uid != pod.metadata.uid:
        raise Conflict(
            f'Operation cannot be fulfilled on Pod "{name}": the UID in the precondition ({uid}) does not match the '
            f"UID in record ({pod.metadata.uid}). The object might have been deleted and then recreated"
        )
    admission.check_namespace(draft, pod)
    budget = None if _needs_no_leave(pod, draft.rules) else _asked(draft, pod)
    if dry_run:
        return False
    if budget is not None:
        requests.update_status(draft, budget)
    if draft.rules.pod_disruption_conditions:
        requests.update_status(draft, _announced(pod, draft.now_us))
    return requests.delete(draft, "pods", key, uid=pod.metadata.uid, grace_seconds=grace_seconds)


def _needs_no_leave(pod: Pod, rules: Rules) -> bool:
    """Whether nothing is disrupted any more, or yet, by the pod's end."""
    if pod.status.phase in ("Succeeded", "Failed"):
        return True
    return rules.evictions_ignore_pending_pods and (
        pod.status.phase == "Pending" or pod.metadata.deletion_timestamp is not None
    )


def _announced(pod: Pod, now_us: int) -> Pod:
    """The pod with the condition that says why it goes."""
    old = next((each for each in pod.status.conditions if each.type == "DisruptionTarget"), None)
    new = Condition(
        type="DisruptionTarget",
        status="True",
        reason="EvictionByEvictionAPI",
        message="Eviction API: evicting",
        last_transition_time=old.last_transition_time if old is not None and old.status == "True" else now_us,
    )
    others = tuple(each for each in pod.status.conditions if each.type != "DisruptionTarget")
    return pod.replace(status=pod.status.replace(conditions=(*others, new)))


# -- budgets -----------------------------------------------------------------------------------------------------------
def selects(budget: PodDisruptionBudget, pod: Pod, rules: Rules) -> bool:
    """Whether a budget is about a pod: an empty selector selects every pod of the namespace, in policy/v1beta1 none.

    >>> selects(PodDisruptionBudget(), Pod(), Rules())
    False
    """
    selector = budget.spec.selector
    if selector is None or budget.metadata.namespace != pod.metadata.namespace:
        return False
    if selector == LabelSelector() and not rules.empty_budget_selects_all:
        return False
    return selector.matches(pod.metadata.labels)


def budgets_of(view: View, pod: Pod) -> list[PodDisruptionBudget]:
    """The budgets that are about a pod, by name. Cost: those that have a label in common with it.

    >>> from volsim.state import State
    >>> budgets_of(State.empty(Rules()), Pod())
    []
    """
    keys = (key for group in label_groups(pod) for key in view.group("poddisruptionbudgets_by_selector", group))
    found = (view.table("poddisruptionbudgets")[key] for key in sorted(set(keys)))
    return [budget for budget in found if selects(budget, pod, view.rules)]


def _asked(view: View, pod: Pod) -> PodDisruptionBudget | None:
    """The pod's budget as it is after the eviction; None if none has to change. Raises if it does not allow it."""
    budgets = budgets_of(view, pod)
    if len(budgets) > 1:
        raise InternalError(_SEVERAL)
    if not budgets or _may_go_as_unhealthy(budgets[0], pod, view.rules):
        return None
    [budget] = budgets
    status = budget.status
    if (status.observed_generation or 0) < (budget.metadata.generation or 0):
        cause = f"The disruption budget {budget.name} is still being processed by the server."
        raise TooManyRequests(_VIOLATED, cause)
    allowed = status.disruptions_allowed or 0
    about = f'poddisruptionbudget.policy "{budget.name}" is forbidden'
    if allowed < 0:
        raise Forbidden(f"{about}: pdb disruptions allowed is negative")
    if len(status.disrupted_pods) > _MOST_DISRUPTED:
        raise Forbidden(f"{about}: DisruptedPods map too big - too many evictions not confirmed by PDB controller")
    if allowed == 0:
        raise TooManyRequests(_VIOLATED, _why_not(budget, view.rules))
    lowered = status.replace(
        disruptions_allowed=allowed - 1,
        disrupted_pods=FrozenDict({**status.disrupted_pods, pod.name: view.now_us}),
    )
    if allowed == 1 and view.rules.disruption_allowed_condition:
        lowered = _exhausted(lowered, view.now_us)
    return budget.replace(status=lowered)


def _may_go_as_unhealthy(budget: PodDisruptionBudget, pod: Pod, rules: Rules) -> bool:
    """Whether the pod is not ready and so nothing that the budget guards.

    By default that is so only while there are enough others that are healthy.
    """
    if any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions):
        return False
    if rules.unhealthy_pod_eviction_policy and budget.spec.unhealthy_pod_eviction_policy == "AlwaysAllow":
        return True
    desired = budget.status.desired_healthy or 0
    return rules.evictions_spare_unready_pods and (budget.status.current_healthy or 0) >= desired > 0


def _why_not(budget: PodDisruptionBudget, rules: Rules) -> str:
    """What a refusal gives as its cause."""
    status, head = budget.status, f"The disruption budget {budget.name} does not allow evicting pods currently"
    found = next((each for each in status.conditions if each.type == "DisruptionAllowed"), None)
    told = found.message if found is not None and found.status == "False" and found.message else ""
    has, needs = status.current_healthy or 0, status.desired_healthy or 0
    if rules.eviction_tells_of_failed_sync:
        if found is not None and told and found.reason == "SyncFailed":
            return f"{head} because it failed sync: {told}"
        if has > needs:
            return f"{head} ({found.reason}): {told}" if found is not None and told else head
    return f"The disruption budget {budget.name} needs {needs} healthy pods and has {has} currently"


def _exhausted(status: PodDisruptionBudgetStatus, now_us: int) -> PodDisruptionBudgetStatus:
    """The status of a budget that has just allowed its last disruption."""
    old = next((each for each in status.conditions if each.type == "DisruptionAllowed"), None)
    new = Condition(
        type="DisruptionAllowed",
        status="False",
        reason="InsufficientPods",
        observed_generation=status.observed_generation,
        last_transition_time=old.last_transition_time if old is not None and old.status == "False" else now_us,
    )
    others = tuple(each for each in status.conditions if each.type != "DisruptionAllowed")
    return status.replace(conditions=(*others, new))
