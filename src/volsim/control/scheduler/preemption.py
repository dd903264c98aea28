"""DefaultPreemption: room is made for an important pod by removing less important ones from a node.

Modelled: which nodes preemption could help on, the fewest and least important victims, disruption budgets, the choice
of the node, the nomination; what is said where it does not help.
Not modelled: where there are more than 100 candidates the search begins at a random one (here it takes the first 100,
or a tenth, by name).
Source: kube-scheduler, plugins/defaultpreemption/default_preemption.go, framework/preemption/{preemption,executor}.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from volsim.apiserver.writes import Delete, UpdateStatus, Write
from volsim.control.contract import EventNote
from volsim.control.scheduler.fit_error import preemption_text
from volsim.control.scheduler.framework import Attempt, Code, Status, has_ended, priority_of, unresolvable
from volsim.control.scheduler.lineup import Nodes, union
from volsim.objects import Condition, LabelSelector, Pod, PodDisruptionBudget
from volsim.rules import Rules
from volsim.state import View

__all__ = ["Preemption", "preempt", "removal", "with_condition"]

FEWEST_CANDIDATES = 100
"""At least so many nodes are tried, or a tenth of those where preemption might help."""

NO_VICTIMS = unresolvable("No preemption victims found for incoming pod")

Ask = Callable[[Attempt, str], Status | None]
"""Asks all filters about one node: why the pod of the attempt cannot go there, or None."""

Refusals = Sequence[tuple[Status, Nodes]]
"""Why a pod can go to no node, each reason with its nodes."""


class Candidate(NamedTuple):
    """A node that would do if the victims were gone, the most important first."""

    node: str
    victims: tuple[Pod, ...]
    violations: int
    """How many of them a disruption budget protects."""


class Preemption(NamedTuple):
    """What came of the search for victims."""

    candidates: tuple[Candidate, ...] = ()
    """Equally good ones; empty if preemption does not help."""
    text: str = ""
    """Why it does not help."""
    keeps_nomination: bool = False
    """The nomination of an earlier attempt still holds."""


def preempt(attempt: Attempt, refused: Refusals, ask: Ask) -> Preemption:
    """Look for the node on which removing less important pods does the least harm.

    `refused` says why the pod cannot go to its nodes; what is not in it cannot be helped.
    """
    pod, view = attempt.pod, attempt.view
    if pod.spec.preemption_policy == "Never":
        return Preemption(text="not eligible due to preemptionPolicy=Never.", keeps_nomination=True)
    if _waits_for_victims(attempt, pod.status.nominated_node_name or "", refused):
        text = "not eligible due to a terminating pod on the nominated node."
        return Preemption(text=text, keeps_nomination=True)
    hopeful = union(nodes for status, nodes in refused if status.code is Code.UNSCHEDULABLE)
    least = min((int(each) for each in view.group_names("pods_by_priority")), default=0)
    if least >= priority_of(pod):  # nobody is less important
        nobody = [(NO_VICTIMS, hopeful.bit_count())] if hopeful else []
        return Preemption(text=preemption_text(attempt.node_count, nobody))
    answers: list[tuple[Status, int]] = []
    candidates: list[Candidate] = []
    for node in sorted(attempt.lineup.names(hopeful)):
        found = _victims(attempt, node, ask)
        if not isinstance(found, Candidate):
            answers.append((found, 1))
            continue
        candidates.append(found)
        if len(candidates) >= max(FEWEST_CANDIDATES, hopeful.bit_count() // 10):
            break
    if candidates:
        return Preemption(_best(candidates))
    return Preemption(text=preemption_text(attempt.node_count, answers))


def _waits_for_victims(attempt: Attempt, node: str, refused: Refusals) -> bool:
    """Whether pods that were removed for this one are still on their way out of the nominated node."""
    place = attempt.lineup.place.get(node)
    if place is None:
        return False
    if any(nodes >> place & 1 and status.code is Code.UNRESOLVABLE for status, nodes in refused):
        return False
    return any(
        pod.metadata.deletion_timestamp is not None and priority_of(pod) < priority_of(attempt.pod)
        for pod in attempt.pods_on(node)
    )


# -- one node ----------------------------------------------------------------------------------------------------------
def _victims(attempt: Attempt, node: str, ask: Ask) -> Candidate | Status:
    """The pods that would have to go from the node, as few and as unimportant as can be; or why it does not help."""
    view, pod = attempt.view, attempt.pod
    lesser = [each for each in attempt.pods_on(node) if priority_of(each) < priority_of(pod)]
    if not lesser:
        return NO_VICTIMS
    gone = {each.key for each in lesser}
    status = ask(Attempt(view, pod, without=frozenset(gone)), node)
    if status is not None:
        return status
    lesser.sort(key=_importance)
    protected, free = _by_protection(view, lesser)
    victims, violations = [], 0
    for each in (*protected, *free):  # give back as many as the pod can do with
        gone.discard(each.key)
        if ask(Attempt(view, pod, without=frozenset(gone)), node) is not None:
            gone.add(each.key)
            victims.append(each)
            violations += each in protected
    return Candidate(node, tuple(sorted(victims, key=_importance)), violations) if victims else NO_VICTIMS


_JUST_NOW = 1 << 62  # a pod that has not started counts as the last to start


def _started(pod: Pod) -> int:
    return pod.status.start_time if pod.status.start_time is not None else _JUST_NOW


def _importance(pod: Pod) -> tuple[int, int, str]:
    """What pods are sorted by, the most important first: the priority, then who has run longest."""
    return (-priority_of(pod), _started(pod), pod.key)


def _by_protection(view: View, pods: list[Pod]) -> tuple[list[Pod], list[Pod]]:
    """The pods whose removal a disruption budget does not allow, and the others; order is kept."""
    budgets: list[PodDisruptionBudget] = list(view.table("poddisruptionbudgets").values())
    allowed = [budget.status.disruptions_allowed or 0 for budget in budgets]
    protected: list[Pod] = []
    free: list[Pod] = []
    for pod in pods:
        violated = False
        for at, budget in enumerate(budgets):
            if _protects(budget, pod):
                allowed[at] -= 1
                violated = violated or allowed[at] < 0
        (protected if violated else free).append(pod)
    return protected, free


def _protects(budget: PodDisruptionBudget, pod: Pod) -> bool:
    selector = budget.spec.selector
    return (
        budget.metadata.namespace == pod.metadata.namespace
        and selector is not None
        and selector != LabelSelector()
        and selector.matches(pod.metadata.labels)
        and (pod.metadata.name or "") not in budget.status.disrupted_pods
    )


# -- which node --------------------------------------------------------------------------------------------------------
def _best(candidates: list[Candidate]) -> tuple[Candidate, ...]:
    """The candidates whose victims are the least loss, by node."""
    harm = [_harm(candidate) for candidate in candidates]
    least = min(harm)
    return tuple(each for each, its in zip(candidates, harm, strict=True) if its == least)


def _harm(candidate: Candidate) -> tuple[int, int, int, int, int]:
    """Budgets violated, the highest priority, the sum of priorities, how many, and how long the best has run."""
    priorities = [priority_of(pod) for pod in candidate.victims]
    highest = max(priorities)
    # each pod counts at least a little, however negative its priority
    total = sum(priority + (1 << 31) for priority in priorities)
    started = min(_started(pod) for pod in candidate.victims if priority_of(pod) == highest)
    return (candidate.violations, highest, total, len(priorities), -started)


# -- removal -----------------------------------------------------------------------------------------------------------
def removal(view: View, preemptor: Pod, candidate: Candidate) -> tuple[list[Write], list[EventNote]]:
    """The writes that remove the victims, and what is said of it."""
    writes: list[Write] = []
    notes: list[EventNote] = []
    said = _preempted_by(preemptor, view.rules)
    for victim in candidate.victims:
        if victim.metadata.deletion_timestamp is not None or has_ended(victim):
            continue
        if view.rules.pod_disruption_conditions:
            condition = Condition(
                type="DisruptionTarget",
                status="True",
                reason="PreemptionByScheduler",
                message="default-scheduler: preempting to accommodate a higher priority pod",
                last_transition_time=view.now_us,
            )
            writes.append(UpdateStatus(with_condition(victim, condition)))
        writes.append(Delete("pods", victim.key, uid=victim.metadata.uid))
        notes.append(EventNote("Normal", "Preempted", f"{said} on node {candidate.node}", victim))
    return writes, notes


def _preempted_by(preemptor: Pod, rules: Rules) -> str:
    if rules.preemptor_named_by_uid:
        return f"Preempted by pod {preemptor.metadata.uid}"
    if rules.preemptor_is_anonymous:
        return "Preempted by a pod"
    return f"Preempted by {preemptor.key}" if rules.preempted_by_reason else f"by {preemptor.key}"


def with_condition(pod: Pod, condition: Condition) -> Pod:
    """The pod with the condition set; the very same pod if it says so already.

    >>> pod = with_condition(Pod(), Condition(type="PodScheduled", status="False"))
    >>> with_condition(pod, Condition(type="PodScheduled", status="False")) is pod
    True
    """
    kept = []
    for old in pod.status.conditions:
        if old.type != condition.type:
            kept.append(old)
        elif old.status == condition.status:
            if (old.reason, old.message) == (condition.reason, condition.message):
                return pod
            condition = condition.replace(last_transition_time=old.last_transition_time)
    return pod.replace(status=pod.status.replace(conditions=(*kept, condition)))
