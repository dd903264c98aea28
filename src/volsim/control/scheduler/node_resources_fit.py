"""NodeResourcesFit: what the pod asks for must be left on the node, and the emptier node is the better one.

Modelled: cpu, memory, ephemeral storage, number of pods, extended resources and huge pages; init containers, sidecars
and overhead; LeastAllocated scoring of cpu and memory.
Not modelled: MostAllocated and RequestedToCapacityRatio (an administrator's choice), in-place resize, pod-level
resources, devices of dynamic resource allocation.
Source: kube-scheduler, plugins/noderesources/{fit,least_allocated,resource_allocation}.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from volsim.control.scheduler.framework import (
    MAX_SCORE,
    SUMMED,
    Attempt,
    Code,
    Filter,
    Plugin,
    Status,
    Steady,
    SteadyScore,
    pod_has_gone,
)
from volsim.control.scheduler.node_facts import NodeInfo, facts_of, question
from volsim.objects import Pod
from volsim.objects.resources import Amounts, pod_requests
from volsim.state import Change, View

__all__ = ["PLUGIN", "Demand", "unmet_demands"]


class Demand(NamedTuple):
    """What a pod asks for of one resource, and what a node has of it and has given away."""

    resource: str
    asked: int
    capacity: int
    used: int

    @property
    def unmet(self) -> bool:
        """Whether there is not enough left."""
        return self.asked > 0 and self.capacity - self.used < self.asked


def pre_filter(attempt: Attempt) -> Filter | Steady:
    """The filter; what it says of the resources that are summed up can be remembered."""
    asked = attempt.requests

    def check(node: NodeInfo) -> Status | None:
        return _verdict(attempt, node)

    if attempt.others_asked:
        return check
    hopeless_is_said = attempt.rules.unfit_request_is_unresolvable
    return Steady(check, question("NodeResourcesFit", *(asked.get(name, 0) for name in SUMMED), hopeless_is_said))


def _verdict(attempt: Attempt, node: NodeInfo) -> Status | None:
    """Why the pod does not fit."""
    unmet = unmet_demands(attempt, node)
    reasons = ["Too many pods"] if node.usage[0] >= node.facts.pods else []
    reasons += [f"Insufficient {demand.resource}" for demand in unmet]
    if not reasons:
        return None
    hopeless = any(demand.asked > demand.capacity for demand in unmet) and attempt.rules.unfit_request_is_unresolvable
    return Status(Code.UNRESOLVABLE if hopeless else Code.UNSCHEDULABLE, tuple(reasons))


def unmet_demands(attempt: Attempt, node: NodeInfo) -> list[Demand]:
    """The resources of which the node has not enough left for the attempt's pod."""
    facts, (_, cpu, memory, storage, *_), asked = node.facts, node.usage, attempt.requests
    demands = (
        Demand("cpu", asked.get("cpu", 0), facts.cpu, cpu),
        Demand("memory", asked.get("memory", 0), facts.memory, memory),
        Demand("ephemeral-storage", asked.get("ephemeral-storage", 0), facts.storage, storage),
        *(
            Demand(name, more, facts.allocatable.get(name, 0), _used(attempt, node, name))
            for name, more in attempt.others_asked
        ),
    )
    return [demand for demand in demands if demand.unmet]


def _used(attempt: Attempt, node: NodeInfo, resource: str) -> int:
    return sum(pod_requests(pod.spec).get(resource, 0) for pod in attempt.pods_on(node.name))


def score(attempt: Attempt, nodes: Sequence[NodeInfo]) -> SteadyScore:
    """The share of cpu and memory that would be left, the mean of both."""
    cpu, memory = attempt.scored_requests

    def left(node: NodeInfo) -> int:
        facts, usage = node.facts, node.usage
        shares = [
            max(capacity - used - asked, 0) * MAX_SCORE // capacity
            for capacity, used, asked in ((facts.cpu, usage[4], cpu), (facts.memory, usage[5], memory))
            if capacity
        ]
        return sum(shares) // len(shares) if shares else 0

    return SteadyScore(left, question("LeastAllocated", cpu, memory))


# -- what may help -----------------------------------------------------------------------------------------------------
def _fits_empty(requests: Amounts, allocatable: Amounts) -> bool:
    """Whether a pod that asks for this would fit on a node with this much and nothing on it."""
    return allocatable.get("pods", 0) > 0 and all(
        amount <= allocatable.get(name, 0) for name, amount in requests.items()
    )


def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A new node on which the pod would fit, or one that has more of what it asks for."""
    if change.after is None:
        return False
    requests, now = pod_requests(pod.spec), facts_of(change.after).allocatable
    if not _fits_empty(requests, now):
        return False
    before = facts_of(change.before).allocatable if change.before is not None else {}
    return any(now.get(name, 0) > before.get(name, 0) for name in ("pods", *requests))


PLUGIN = Plugin(
    name="NodeResourcesFit",
    pre_filter=pre_filter,
    score=score,
    wakes={"nodes": node_may_help, "pods": pod_has_gone},
)
