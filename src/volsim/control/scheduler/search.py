"""The search for nodes: PreFilter, Filter and Score.

Modelled: all nodes in a cluster of fewer than 100; in a larger one a sample, which goes on where the last one ended and
takes one node of each zone in turn; the nominated node first; the totals of the plugins' scores.
Not modelled: ImageLocality (which node has the image already).
Source: kube-scheduler, pkg/scheduler/schedule_one.go (schedulePod), backend/cache/node_tree.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from volsim.apiserver.writes import Put, Write
from volsim.control.scheduler.framework import Attempt, Filter, Narrowed, Status, Steady, unresolvable
from volsim.control.scheduler.node_facts import NodeInfo, Question, question
from volsim.control.scheduler.plugins import plugins_of
from volsim.objects import FrozenDict
from volsim.state import View

__all__ = ["Found", "ask", "best", "search"]

FEW_NODES = 100
"""In a cluster of fewer nodes all are looked at; in a larger one at least so many must fit."""
LEAST_PERCENTAGE = 5
ROTATION = "scheduler/last-looked-at"
"""The row of the table ``memory`` that says, by zone, at which node the last search ended."""


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

    filters: list[tuple[str, Filter]]
    steady: Question | None = None
    """Set if all of them follow from a node's facts and usage alone: under it the answer is remembered."""
    only: frozenset[str] | None = None
    """The only nodes that come into question; None: all."""
    narrowed_by: tuple[str, ...] = ()
    whole: tuple[str, Status] | None = None

    def refusal(self, node: NodeInfo) -> Refusal:
        """The first plugin that refuses the node, and why; None if none does."""
        for plugin, check in self.filters:
            status = check(node)
            if status is not None:
                return plugin, status
        return None


def prepare(attempt: Attempt) -> Prepared:
    """Ask the plugins about the pod."""
    filters: list[tuple[str, Filter]] = []
    questions: list[Question] | None = []
    only: frozenset[str] | None = None
    narrowed_by: list[str] = []
    for plugin in plugins_of(attempt.rules):
        answer = plugin.pre_filter(attempt) if plugin.pre_filter is not None else None
        if answer is None:
            continue
        if isinstance(answer, Status):
            return Prepared([], whole=(plugin.name, answer))
        if isinstance(answer, Steady):
            filters.append((plugin.name, answer.filter))
            questions = [*questions, answer.question] if questions is not None else None
            continue
        questions = None
        if isinstance(answer, Narrowed):
            only = answer.nodes if only is None else only & answer.nodes
            narrowed_by.append(plugin.name)
            answer = answer.filter
        filters.append((plugin.name, answer))
    steady = question(*questions) if questions is not None else None
    return Prepared(filters, steady, only, tuple(sorted(narrowed_by)))


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
        names = [name for name in sorted(prepared.only) if name in view.nodes]
        nodes, statuses, _ = _look(attempt, prepared, iter([("", name) for name in names]), _enough(len(names)))
        return Found(nodes, statuses, narrowed_by=prepared.narrowed_by)
    count = attempt.node_count
    if count < FEW_NODES:
        nodes, statuses, _ = _look(attempt, prepared, (("", name) for name in view.nodes), count)
        return Found(nodes, statuses)
    last: Mapping[str, str] = view.get("memory", ROTATION) or {}
    nodes, statuses, ends = _look(attempt, prepared, _in_turn(view, last), _enough(count))
    everywhere = len(nodes) + len(statuses) == count
    rotation = None if everywhere else Put("memory", ROTATION, FrozenDict({**last, **ends}))
    return Found(nodes, statuses, rotation=rotation)


def _look(
    attempt: Attempt, prepared: Prepared, names: Iterator[tuple[str, str]], enough: int
) -> tuple[list[NodeInfo], dict[str, tuple[str, Status]], dict[str, str]]:
    """The nodes that fit, why others do not, and by zone which was the last."""
    nodes: list[NodeInfo] = []
    statuses: dict[str, tuple[str, Status]] = {}
    ends: dict[str, str] = {}
    steady = prepared.steady
    for zone, name in names:
        ends[zone] = name
        node = attempt.node(name)
        refused: Refusal
        if steady is None:
            refused = prepared.refusal(node)
        elif steady in node.memo:
            refused = node.memo[steady]
        else:
            refused = node.memo[steady] = prepared.refusal(node)
        if refused is not None:
            statuses[name] = refused
            continue
        nodes.append(node)
        if len(nodes) == enough:
            break
    return nodes, statuses, ends


def _enough(count: int) -> int:
    """How many nodes must fit before the search of so many nodes ends.

    >>> _enough(50), _enough(100), _enough(1000), _enough(5000), _enough(50000)
    (50, 100, 420, 500, 2500)
    """
    if count < FEW_NODES:
        return count
    percentage = max(50 - count // 125, LEAST_PERCENTAGE)
    return max(count * percentage // 100, FEW_NODES)


def _in_turn(view: View, last: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """All nodes, (zone, name), one of each zone in turn, each zone from after its last one on and round."""
    zones = [(zone, _round(view, zone, last.get(zone, ""))) for zone in view.group_names("nodes_by_zone")]
    while zones:
        left = []
        for zone, names in zones:
            name = next(names, None)
            if name is not None:
                yield zone, name
                left.append((zone, names))
        zones = left


def _round(view: View, zone: str, last: str) -> Iterator[str]:
    """The names of a zone's nodes that come after `last`, then those up to it."""
    after = (name for (name,) in view.at_least("nodes_by_zone", zone, (last + "\0",)))
    before = (name for (name,) in view.group("nodes_by_zone", zone))
    return chain(after, _until(before, last))


def _until(names: Iterator[str], last: str) -> Iterator[str]:
    for name in names:
        if name > last:
            return
        yield name


def best(attempt: Attempt, nodes: list[NodeInfo]) -> list[str]:
    """The names of the nodes with the highest total of the plugins' scores, sorted."""
    if len(nodes) == 1:
        return [nodes[0].name]
    totals = [0] * len(nodes)
    for plugin in plugins_of(attempt.rules):
        scores = plugin.score(attempt, nodes) if plugin.score is not None else None
        if scores is not None:
            weight = plugin.weight(attempt.rules)
            totals = [total + weight * score for total, score in zip(totals, scores, strict=True)]
    highest = max(totals)
    return sorted(node.name for node, total in zip(nodes, totals, strict=True) if total == highest)
