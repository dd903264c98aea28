"""The search for nodes: PreFilter, Filter and Score.

Modelled: all nodes in a cluster of fewer than 100; in a larger one a sample, which goes on where the last one ended and
takes one node of each zone in turn; the nominated node first; the totals of the plugins' scores.
Not modelled: ImageLocality (which node has the image already).
Source: kube-scheduler, pkg/scheduler/schedule_one.go (schedulePod), backend/cache/node_tree.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import NamedTuple

from volsim.apiserver.writes import Put, Write
from volsim.control.scheduler.framework import Attempt, Filter, Narrowed, Status, Steady, SteadyScore, unresolvable
from volsim.control.scheduler.node_facts import NodeFacts, NodeInfo, Question, facts_of, nodes_in_turn, question
from volsim.control.scheduler.plugins import plugins_of

__all__ = ["Found", "ask", "best", "search"]

FEW_NODES = 100
"""In a cluster of fewer nodes all are looked at; in a larger one at least so many must fit."""
LEAST_PERCENTAGE = 5
_PIECE = 256
ROTATION = "scheduler/next-node"
"""The row of the table ``memory`` that says with which node the next search begins: its number in turn."""


class Found(NamedTuple):
    """What a search has come to."""

    nodes: list[NodeInfo]
    """The nodes that the pod may go to: all, or enough of them."""
    statuses: dict[str, tuple[str, Status]]
    """By node: the plugin that refused it, and why."""
    whole: tuple[str, Status] | None = None
    """The plugin that turned the pod away from all nodes at once, and why."""
    narrowed_by: tuple[str, ...] = ()
    """The plugins that left only some nodes to be asked about."""
    rotation: Write | None = None
    """What must be remembered for the next search."""


Refusal = tuple[str, Status] | None
"""The plugin that refuses a node, and why; None if none does."""


class Prepared(NamedTuple):
    """What the plugins want to ask of each node."""

    steps: list[tuple[Question | None, list[tuple[str, Filter]]]]
    """The filters in order. Those that follow from a node's facts and usage alone stand together under a question: the
    answer to all of them is remembered at the node."""
    only: frozenset[str] | None = None
    """The only nodes that come into question; None: all."""
    narrowed_by: tuple[str, ...] = ()
    whole: tuple[str, Status] | None = None

    def refusal(self, node: NodeInfo) -> Refusal:
        """The first plugin that refuses the node, and why; None if none does."""
        for steady, filters in self.steps:
            refused: Refusal
            if steady is None:
                refused = _refusal(filters, node)
            elif steady in node.memo:
                refused = node.memo[steady]
            else:
                refused = node.memo[steady] = _refusal(filters, node)
            if refused is not None:
                return refused
        return None


def _refusal(filters: list[tuple[str, Filter]], node: NodeInfo) -> Refusal:
    for plugin, check in filters:
        status = check(node)
        if status is not None:
            return plugin, status
    return None


def prepare(attempt: Attempt) -> Prepared:
    """Ask the plugins about the pod."""
    asked: list[tuple[Question | None, str, Filter]] = []
    only: frozenset[str] | None = None
    narrowed_by: list[str] = []
    for plugin in plugins_of(attempt.rules):
        answer = plugin.pre_filter(attempt) if plugin.pre_filter is not None else None
        if isinstance(answer, Status):
            return Prepared([], whole=(plugin.name, answer))
        if isinstance(answer, Narrowed):
            only = answer.nodes if only is None else only & answer.nodes
            narrowed_by.append(plugin.name)
            answer = answer.filter
        if isinstance(answer, Steady):
            asked.append((answer.question, plugin.name, answer.filter))
        elif answer is not None:
            asked.append((None, plugin.name, answer))
    steps: list[tuple[Question | None, list[tuple[str, Filter]]]] = []
    for steady, group in groupby(asked, lambda each: each[0] is not None):
        together = list(group)
        filters = [(plugin, check) for _, plugin, check in together]
        steps.append((question(*(each for each, _, _ in together)) if steady else None, filters))
    return Prepared(steps, only, tuple(sorted(narrowed_by)))


def ask(attempt: Attempt, node: str) -> Status | None:
    """Why the pod of the attempt cannot go to this one node; None if it can."""
    prepared = prepare(attempt)
    if prepared.whole is not None:
        return prepared.whole[1]
    if prepared.only is not None and node not in prepared.only:
        return unresolvable(f"node(s) didn't satisfy plugin(s) [{' '.join(prepared.narrowed_by)}]")
    refused = prepared.refusal(attempt.node(node))
    return None if refused is None else refused[1]


def search(attempt: Attempt) -> Found:
    """Ask the plugins about the pod, then about nodes until enough are found."""
    prepared = prepare(attempt)
    view = attempt.view
    if prepared.whole is not None:
        return Found([], {}, prepared.whole)
    nominated = attempt.pod.status.nominated_node_name
    if nominated and nominated in view.nodes and (prepared.only is None or nominated in prepared.only):
        node = attempt.node(nominated)
        if prepared.refusal(node) is None:
            return Found([node], {})
    if prepared.only is not None:
        some = [facts_of(view.nodes[name]) for name in sorted(prepared.only) if name in view.nodes]
        nodes, statuses = _look(attempt, prepared, some, _enough(len(some)))
        return Found(nodes, statuses, narrowed_by=prepared.narrowed_by)
    every = nodes_in_turn(view)
    start = view.get("memory", ROTATION) or 0 if len(every) >= FEW_NODES else 0
    nodes, statuses = _look(attempt, prepared, _from(every, start), _enough(len(every)))
    end = (start + len(nodes) + len(statuses)) % max(len(every), 1)
    return Found(nodes, statuses, rotation=Put("memory", ROTATION, end) if end != start else None)


def _look(
    attempt: Attempt, prepared: Prepared, facts: Iterable[NodeFacts], enough: int
) -> tuple[list[NodeInfo], dict[str, tuple[str, Status]]]:
    """The nodes that fit, until there are enough, and why others do not."""
    nodes: list[NodeInfo] = []
    statuses: dict[str, tuple[str, Status]] = {}
    for each in facts:
        node = attempt.info(each)
        refused = prepared.refusal(node)
        if refused is not None:
            statuses[each.name] = refused
            continue
        nodes.append(node)
        if len(nodes) == enough:
            break
    return nodes, statuses


def _from(every: list[NodeFacts], start: int) -> Iterator[NodeFacts]:
    """All of them from a place on and round. In pieces: seldom more than a few are looked at."""
    places = chain(range(start, len(every), _PIECE), range(0, start, _PIECE))
    for at in places:
        end = len(every) if at >= start else start
        yield from every[at : min(at + _PIECE, end)]


def _enough(count: int) -> int:
    """How many nodes must fit before the search of so many nodes ends.

    >>> _enough(50), _enough(100), _enough(1000), _enough(5000), _enough(50000)
    (50, 100, 420, 500, 2500)
    """
    if count < FEW_NODES:
        return count
    percentage = max(50 - count // 125, LEAST_PERCENTAGE)
    return max(count * percentage // 100, FEW_NODES)


# -- score -------------------------------------------------------------------------------------------------------------
def best(attempt: Attempt, nodes: list[NodeInfo]) -> list[str]:
    """The names of the nodes with the highest total of the plugins' scores, sorted."""
    if len(nodes) == 1:
        return [nodes[0].name]
    totals = scores(attempt, nodes)
    highest = max(totals)
    return sorted(node.name for node, total in zip(nodes, totals, strict=True) if total == highest)


def scores(attempt: Attempt, nodes: list[NodeInfo]) -> list[int]:
    """The totals of the plugins' scores; what follows from a node's facts and usage alone is remembered there."""
    steady: list[tuple[int, SteadyScore]] = []
    others: list[tuple[int, Sequence[int]]] = []
    for plugin in plugins_of(attempt.rules):
        answer = plugin.score(attempt, nodes) if plugin.score is not None else None
        if isinstance(answer, SteadyScore):
            steady.append((plugin.weight(attempt.rules), answer))
        elif answer is not None:
            others.append((plugin.weight(attempt.rules), answer))
    all_of_it = question(*((weight, each.question) for weight, each in steady))
    totals = []
    for node in nodes:
        memo = node.memo
        if all_of_it not in memo:
            memo[all_of_it] = sum(weight * each.of(node) for weight, each in steady)
        totals.append(memo[all_of_it])
    for weight, answer in others:
        totals = [total + weight * score for total, score in zip(totals, answer, strict=True)]
    return totals
