"""The search for nodes: PreFilter, Filter and Score.

Modelled: all nodes in a cluster of fewer than 100; in a larger one a sample, which goes on where the last one ended and
takes one node of each zone in turn; the nominated node first; the totals of the plugins' scores.
Not modelled: ImageLocality (which node has the image already).
Source: kube-scheduler, pkg/scheduler/schedule_one.go (schedulePod), backend/cache/node_tree.go.

Upstream asks every filter about one node after the other. Here those that can say at once which nodes they refuse are
asked first, and the others only about the nodes that are left, until enough are found. If there are none, all filters
are gone through in their order, because the first that refuses a node has the word; what is said is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from volsim.apiserver.writes import Put, Write
from volsim.control.scheduler.framework import (
    Attempt,
    Filter,
    Graded,
    Known,
    Narrowed,
    Partly,
    Sample,
    Status,
    Steady,
    SteadyScore,
    unresolvable,
)
from volsim.control.scheduler.lineup import Nodes, places_in, refined, set_of, union
from volsim.control.scheduler.node_facts import NodeInfo, question
from volsim.control.scheduler.plugins import plugins_of

__all__ = ["Found", "Prepared", "Refused", "ask", "best", "filter_of", "prepare", "search", "totals_of"]

FEW_NODES = 100
"""In a cluster of fewer nodes all are looked at; in a larger one at least so many must fit."""
LEAST_PERCENTAGE = 5
ROTATION = "scheduler/next-node"
"""The row of the table ``memory`` that says with which node the next search begins: its number in turn."""


class Refused(NamedTuple):
    """Nodes that a plugin refuses, all for the same reason."""

    plugin: str
    status: Status
    nodes: Nodes


class Found(NamedTuple):
    """What a search has come to."""

    nodes: Sample
    """The nodes that the pod may go to: all, or enough of them."""
    refused: Sequence[Refused] = ()
    """If there are none: why not, for all nodes that were asked about."""
    whole: tuple[str, Status] | None = None
    """The plugin that turned the pod away from all nodes at once, and why."""
    narrowed_by: tuple[str, ...] = ()
    """The plugins that left only some nodes to be asked about."""
    rotation: Write | None = None
    """What must be remembered for the next search."""


Asked = Filter | Known | Partly | Steady


class Prepared(NamedTuple):
    """What the plugins want to ask of each node."""

    filters: list[tuple[str, Asked]]
    """By plugin, in the order in which they are asked."""
    only: frozenset[str] | None = None
    """The only nodes that come into question; None: all."""
    narrowed_by: tuple[str, ...] = ()
    whole: tuple[str, Status] | None = None

    def refusal(self, node: NodeInfo) -> tuple[str, Status] | None:
        """The first plugin that refuses the node, and why; None if none does."""
        for plugin, answer in self.filters:
            status = filter_of(answer)(node)
            if status is not None:
                return plugin, status
        return None


def filter_of(answer: Asked) -> Filter:
    """What a plugin says of a single node."""
    return answer.filter if isinstance(answer, Known | Partly | Steady) else answer


def prepare(attempt: Attempt) -> Prepared:
    """Ask the plugins about the pod."""
    filters: list[tuple[str, Asked]] = []
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
        if answer is not None:
            filters.append((plugin.name, answer))
    return Prepared(filters, only, tuple(sorted(narrowed_by)))


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
    prepared, lineup = prepare(attempt), attempt.lineup
    if prepared.whole is not None:
        return Found(Sample(attempt, 0), whole=prepared.whole)
    within = lineup.every if prepared.only is None else lineup.named(prepared.only)
    nominated = lineup.named([attempt.pod.status.nominated_node_name or ""]) & within
    if nominated and prepared.refusal(attempt.at(nominated.bit_length() - 1)) is None:
        return Found(Sample(attempt, nominated))
    sieve, count = Sieve(attempt, prepared, within), within.bit_count()
    start = attempt.view.get("memory", ROTATION) or 0 if prepared.only is None and count >= FEW_NODES else 0
    nodes, end = sieve.first(_enough(count), start)
    moved = end != start and prepared.only is None
    return Found(
        Sample(attempt, nodes),
        refused=() if nodes else sieve.refused(),
        narrowed_by=prepared.narrowed_by,
        rotation=Put("memory", ROTATION, end) if moved else None,
    )


class Sieve:
    """All filters, about all nodes of a set."""

    def __init__(self, attempt: Attempt, prepared: Prepared, within: Nodes) -> None:
        self._attempt, self._prepared = attempt, prepared
        # What counts on a node that is nominated for some pod depends on both pods: such nodes are asked one by one
        self._special = attempt.lineup.named(attempt.nominated) & within
        self._common = within & ~self._special

    def first(self, enough: int, start: int) -> tuple[Nodes, int]:
        """The first nodes that no filter refuses from place `start` on and round, and where the search ended."""
        left, slow, lineup = self._common, list[tuple[Filter, Nodes]](), self._attempt.lineup
        for _, answer in self._prepared.filters:
            if isinstance(answer, Known | Steady):
                left &= ~union(nodes for _, nodes in self._sets(answer))
            elif isinstance(answer, Partly):
                left &= ~answer.refused(lineup)
                slow.append((answer.filter, answer.accepted(lineup)))
            else:
                slow.append((answer, 0))
        left |= set_of(
            place for place in places_in(self._special) if self._prepared.refusal(self._attempt.at(place)) is None
        )
        slow = [(check, accepted) for check, accepted in slow if left & ~accepted]
        if slow:
            return self._first_asked(left, slow, enough, start)
        return _first(left, enough, start, self._attempt.node_count)

    def _first_asked(self, left: Nodes, slow: list[tuple[Filter, Nodes]], enough: int, start: int) -> tuple[Nodes, int]:
        places = []
        for place in chain(places_in(left, start), places_in(left & ((1 << start) - 1))):
            node = self._attempt.at(place)
            if all(accepted >> place & 1 or check(node) is None for check, accepted in slow):
                places.append(place)
                if len(places) == enough:
                    return set_of(places), (place + 1) % self._attempt.node_count
        return set_of(places), start

    def refused(self) -> list[Refused]:
        """Why each node is refused, if all are."""
        found: dict[tuple[str, Status], Nodes] = {}
        left = self._common
        for plugin, answer in self._prepared.filters:
            for status, nodes in self._said(answer, left):
                if nodes & left:
                    found[plugin, status] = found.get((plugin, status), 0) | nodes & left
                    left &= ~nodes
        for place in places_in(self._special):
            refusal = self._prepared.refusal(self._attempt.at(place))
            assert refusal is not None
            found[refusal] = found.get(refusal, 0) | 1 << place
        return [Refused(plugin, status, nodes) for (plugin, status), nodes in found.items()]

    def _said(self, answer: Asked, left: Nodes) -> Iterator[tuple[Status, Nodes]]:
        if isinstance(answer, Known | Steady):
            yield from self._sets(answer)
            return
        check, places = filter_of(answer), dict[Status, list[int]]()
        for place in places_in(left):
            status = check(self._attempt.at(place))
            if status is not None:
                places.setdefault(status, []).append(place)
        for status, some in places.items():
            yield status, set_of(some)

    def _sets(self, answer: Known | Steady) -> Iterator[tuple[Status, Nodes]]:
        lineup = self._attempt.lineup
        if isinstance(answer, Known):
            yield from answer.refused(lineup)
            return
        for status, nodes in lineup.standing(self._attempt.view, answer.question, answer.filter).sets.items():
            if status is not None:
                yield status, nodes


def _first(nodes: Nodes, enough: int, start: int, count: int) -> tuple[Nodes, int]:
    """The first of the nodes from a place on and round, and the place after the last of them if there are enough.

    >>> _first(0b10110, 2, 2, 5), _first(0b10110, 2, 3, 5), _first(0b10110, 9, 2, 5)
    ((20, 0), (18, 2), (22, 2))
    """
    if not nodes or nodes.bit_count() < enough:
        return nodes, start
    later = nodes >> start << start
    missing = enough - later.bit_count()
    if missing <= 0:
        end = _place_after(later, enough)
        return later & ((1 << end) - 1), end % count
    end = _place_after(nodes, missing)
    return later | (nodes & ((1 << end) - 1)), end


def _place_after(nodes: Nodes, number: int) -> int:
    """The first place before which there are so many of the nodes.

    >>> _place_after(0b10110, 2)
    3
    """
    low, high = 0, nodes.bit_length()
    while low < high:
        middle = (low + high) // 2
        if (nodes & ((1 << middle) - 1)).bit_count() < number:
            low = middle + 1
        else:
            high = middle
    return low


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
def best(attempt: Attempt, nodes: Sample) -> list[str]:
    """The names of the nodes with the highest total of the plugins' scores, sorted."""
    if len(nodes) < 2:
        return nodes.names
    totals = totals_of(attempt, nodes)
    return sorted(attempt.lineup.names(totals[max(totals)]))


def totals_of(attempt: Attempt, nodes: Sample) -> dict[int, Nodes]:
    """The nodes by the totals of the plugins' scores."""
    steady: list[tuple[int, SteadyScore]] = []
    others: list[tuple[int, Graded]] = []
    for plugin in plugins_of(attempt.rules):
        answer = plugin.score(attempt, nodes) if plugin.score is not None else None
        weight = plugin.weight(attempt.rules)
        if isinstance(answer, SteadyScore):
            steady.append((weight, answer))
        elif answer is not None:
            others.append((weight, answer if isinstance(answer, Graded) else _graded(nodes, answer)))

    def total(node: NodeInfo) -> int:
        return sum(weight * each.of(node) for weight, each in steady)

    asked = question(*((weight, each.question) for weight, each in steady))
    equals = attempt.lineup.standing(attempt.view, asked, total).sets.items()
    totals = {total: some & nodes.set for total, some in equals if some & nodes.set}
    for weight, answer in others:
        weighted = {weight * score: some for score, some in answer.sets.items()}
        totals = refined(totals, weighted, int.__add__, 0)
    return totals


def _graded(nodes: Sample, scores: Sequence[int]) -> Graded:
    places: dict[int, list[int]] = {}
    for place, score in zip(places_in(nodes.set), scores, strict=True):
        places.setdefault(score, []).append(place)
    return Graded({score: set_of(some) for score, some in places.items()})
