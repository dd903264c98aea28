"""NodeResourcesBalancedAllocation: rather a node on which cpu and memory would be used in equal shares.

Modelled: cpu and memory, in the three forms that the score has had.
Not modelled: further resources that an administrator adds; attached volumes (an alpha feature until 1.21).
Source: kube-scheduler, plugins/noderesources/balanced_allocation.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from volsim.control.scheduler.framework import MAX_SCORE, Attempt, Plugin
from volsim.control.scheduler.node_facts import NodeInfo, question
from volsim.rules import Rules

__all__ = ["PLUGIN"]


def score(attempt: Attempt, nodes: Sequence[NodeInfo]) -> list[int] | None:
    """100 for a perfect balance of cpu and memory."""
    rules = attempt.rules
    if not rules.balance_of_requests:
        cpu, memory = attempt.scored_requests
    else:
        cpu, memory = attempt.requests.get("cpu", 0), attempt.requests.get("memory", 0)
        if not cpu and not memory and rules.best_effort_has_no_balance:
            return None
    balance = question("balance", cpu, memory, rules.balance_of_requests, rules.balance_counts_improvement)
    found = []
    for node in nodes:
        memo = node.memo
        if balance not in memo:
            memo[balance] = _score(node, cpu, memory, rules)
        found.append(memo[balance])
    return found


def _score(node: NodeInfo, cpu: int, memory: int, rules: Rules) -> int:
    """The score of one node; it follows from its facts and usage alone."""
    if not rules.balance_of_requests:
        return _old_balance(node, cpu, memory)
    after = _balance(node, cpu, memory)
    if not rules.balance_counts_improvement:
        return after
    half = MAX_SCORE // 2
    return half + (half + after - _balance(node, 0, 0)) // 2


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
