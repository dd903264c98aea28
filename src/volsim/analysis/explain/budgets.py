"""Why a disruption budget lets nobody be evicted now, as a drain finds it, and what would help."""

from __future__ import annotations

from collections.abc import Iterator

from volsim.analysis.explain.explanation import Explanation
from volsim.analysis.explain.findings import Findings
from volsim.analysis.explain.hindrances import hindrance
from volsim.apiserver.eviction import budgets_of, selects
from volsim.control.workload import condition_of, has_ended
from volsim.objects import Pod, PodDisruptionBudget
from volsim.state import View, selected_group

__all__ = ["explain"]

MOST_LISTED = 10
"""How many pods are told of. Nobody reads more."""
_TIMEOUT_US = 120_000_000  # an eviction that was announced counts for two minutes, whatever became of it


def explain(view: View, budget: PodDisruptionBudget) -> Explanation:
    """Why the budget allows as many evictions as it does.

    >>> from volsim import Simulation
    >>> from volsim.objects import ObjectMeta
    >>> print(explain(Simulation(nodes=0).state, PodDisruptionBudget(metadata=ObjectMeta(name="web"))))
    pdb/web allows 0 evictions: 0 pods have to be healthy, 0 are.
    - selects-nobody: it selects no pods
    """
    found, status = Findings(view, f"pdb/{budget.name}"), budget.status
    allowed, needs, has = (
        number or 0 for number in (status.disruptions_allowed, status.desired_healthy, status.current_healthy)
    )
    told = f"{found.about} allows {allowed} evictions: {needs} pods have to be healthy, {has} are."
    there = list(_pods(view, budget))
    if not there:
        found.cause("selects-nobody", "it selects no pods")
    _say_unsynced(found, budget)
    _say_several(found, budget, there)
    if not allowed and there and needs:
        _say_spent(found, budget, there)
    return found.explanation(told)


def _pods(view: View, budget: PodDisruptionBudget) -> Iterator[Pod]:
    """The pods that it is about and that have not ended."""
    if budget.spec.selector is None:
        return
    for key in view.group("pods_by_label", selected_group(budget.metadata.namespace, budget.spec.selector)):
        pod = view.pods[key]
        if selects(budget, pod, view.rules) and not has_ended(pod):
            yield pod


def _say_unsynced(found: Findings, budget: PodDisruptionBudget) -> None:
    """That its numbers are not those of its present spec: nobody is evicted while that is so."""
    told = condition_of(budget, "DisruptionAllowed")
    if told is not None and told.reason == "SyncFailed":
        found.cause("cannot-tell", f"its controller cannot tell how many pods there should be: {told.message}")
        found.remedy("give minAvailable as a number: then nobody has to know how many pods there should be")
    elif (budget.status.observed_generation or 0) < (budget.metadata.generation or 0):
        found.cause("not-looked-at", "it has just been changed: its controller has not looked at it yet", found.about)


def _say_several(found: Findings, budget: PodDisruptionBudget, there: list[Pod]) -> None:
    """That others are about the same pods: the API server then evicts none of them."""
    others = {other.name for pod in there for other in budgets_of(found.view, pod)} - {budget.name}
    for name in sorted(others):
        text = f"budget {name} is about some of the same pods: those cannot be evicted at all"
        found.cause("several-budgets", text, f"pdb/{name}")
        found.remedy(f"delete {found.about} or pdb/{name}, or let them select different pods")


def _say_spent(found: Findings, budget: PodDisruptionBudget, there: list[Pod]) -> None:
    """What counts against it: pods that are ill, and pods that somebody has evicted already."""
    ill = 0
    for pod in there:
        cause = hindrance(found.view, pod)
        at_us = budget.status.disrupted_pods.get(pod.name)
        if cause is not None:
            ill += 1
            if ill <= MOST_LISTED:
                found.cause(cause.code, cause.text, *cause.objects)
        elif at_us is not None:
            found.cause("announced", f"pod {pod.name} has been evicted, and is still there", f"pod/{pod.name}")
            found.expect("forgotten", "the eviction does not count any more", at_us + _TIMEOUT_US, f"pod/{pod.name}")
    if not ill and not budget.status.disrupted_pods:
        asked = budget.spec.max_unavailable
        bound = f"minAvailable {budget.spec.min_available}" if asked is None else f"maxUnavailable {asked}"
        text = f"all its {len(there)} pods are healthy, and {bound} lets none of them go"
        found.cause("too-tight", text, found.about)
        found.remedy("run one pod more than it demands, or let it demand one less")
        found.remedy("kubectl drain --disable-eviction asks no budget; its pods are then missing for a while")
