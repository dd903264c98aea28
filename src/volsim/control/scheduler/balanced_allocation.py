"""NodeResourcesBalancedAllocation: rather a node on which cpu and memory would be used in equal shares.

Modelled: cpu and memory, in the three forms that the score has had.
Not modelled: further resources that an administrator adds; attached volumes (an alpha feature until 1.21).
Source: kube-scheduler, plugins/noderesources/balanced_allocation.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from volsim.control.scheduler.framework import MAX_SCORE, Attempt, Plugin, SteadyScore
from volsim.control.scheduler.node_facts import NodeInfo, question

__all__ = ["PLUGIN"]


def score(attempt: Attempt, nodes: Sequence[NodeInfo]) -> SteadyScore | None:
    """100 for a perfect balance of cpu and memory."""
    rules = attempt.rules
    if not rules.balance_of_requests:
        cpu, memory = attempt.scored_requests
        return SteadyScore(lambda node: _old_balance(node, cpu, memory), question("OldBalance", cpu, memory))
    cpu, memory = attempt.requests.get("cpu", 0), attempt.requests.get("memory", 0)
    if not cpu and not memory and rules.best_effort_has_no_balance:
        return None
    if not rules.balance_counts_improvement:
        return SteadyScore(lambda node: _balance(node, cpu, memory), question("Balance", cpu, memory))
    return SteadyScore(lambda node: _improvement(node, cpu, memory), question("Improvement", cpu, memory))


def _improvement(node: NodeInfo, cpu: int, memory: int) -> int:
    """By how much the pod would better the balance: 75 for not at all."""
    half = MAX_SCORE // 2
    return half + (half + _balance(node, cpu, memory) - _balance(node, 0, 0)) // 2


def _balance(node: NodeInfo, cpu: int, memory: int) -> int:
    """The balance on the node with so much more asked for."""
    facts, usage = node.facts, node.usage
    if not facts.cpu or not facts.memory:
        return MAX_SCORE
    of_cpu = min((usage[1] + cpu) / facts.cpu, 1.0)
    of_memory = min((usage[2] + memory) / facts.memory, 1.0)
    return int((1 - abs((of_cpu - of_memory) / 2)) * MAX_SCORE)


def _old_balance(node: NodeInfo, cpu: int, memory: int) -> int:
    """The same as it was before standard deviations: with the amounts that scoring counts, 0 for a full node."""
    facts, usage = node.facts, node.usage
    of_cpu = (usage[4] + cpu) / facts.cpu if facts.cpu else 1.0
    of_memory = (usage[5] + memory) / facts.memory if facts.memory else 1.0
    if of_cpu >= 1 or of_memory >= 1:
        return 0
    return int((1 - abs(of_cpu - of_memory)) * MAX_SCORE)


PLUGIN = Plugin(name="NodeResourcesBalancedAllocation", score=score)
