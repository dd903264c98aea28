"""All nodes in a row, and sets of them as integers: what holds for many nodes is found without a look at each.

Each node has a place, from 0 on: of each zone one in turn. A set of nodes is an integer in which bit p is 1 if the node
at place p is in it. So `&`, `|` and `bit_count` take thousands of nodes at once, and a search passes over those that
are full, tainted or of another zone at no cost worth speaking of.

Which node has which label or taint follows from the Node objects: it is worked out once for each set of nodes. What
depends on usage as well (`Lineup.standing`) is kept up from change to change, with the help of the state's trail.

Source: kube-scheduler, pkg/scheduler/backend/cache/node_tree.go (the order).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from itertools import chain, compress, islice, zip_longest
from operator import and_, or_
from typing import Any, TypeVar

from volsim.control.scheduler.node_facts import NodeFacts, NodeInfo, Question, facts_of, usage_of
from volsim.objects import (
    LabelSelector,
    LabelSelectorRequirement,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Taint,
    TopologySelectorTerm,
)
from volsim.state import View, zone_of

__all__ = ["Lineup", "Nodes", "Standing", "lineup_of", "merged", "places_in", "refined", "set_of", "union"]

Nodes = int
"""A set of nodes: bit p is 1 if the node at place p is in it."""

_PIECE = 512  # bits that are looked through at a time: shifting a larger integer for every bit costs more

Requirement = NodeSelectorRequirement | LabelSelectorRequirement

_SPARSE = 16  # to find one bit costs as much as to pass over so many nodes
_ZERO_OR_ONE = bytes.maketrans(b"01", b"\0\1")


def places_in(nodes: Nodes, start: int = 0) -> Iterator[int]:
    """The places of the nodes in a set, from `start` on, in order.

    >>> list(places_in(0b10110)), list(places_in(0b10110, 2))
    ([1, 2, 4], [2, 4])
    """
    rest = nodes >> start
    while rest:
        piece = rest & ((1 << _PIECE) - 1)
        while piece:
            lowest = piece & -piece
            yield start + lowest.bit_length() - 1
            piece ^= lowest
        rest >>= _PIECE
        start += _PIECE


def set_of(places: Iterable[int]) -> Nodes:
    """The set of the nodes at these places.

    >>> bin(set_of([1, 2, 4]))
    '0b10110'
    """
    given = list(places)
    if len(given) < 2:
        return 1 << given[0] if given else 0
    row = bytearray((max(given) >> 3) + 1)
    for place in given:
        row[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(row, "little")


def union(sets: Iterable[Nodes]) -> Nodes:
    """The nodes that are in any of the sets.

    >>> bin(union([0b100, 0b1]))
    '0b101'
    """
    return reduce(or_, sets, 0)


T = TypeVar("T")
S = TypeVar("S")


def refined(
    sets: Mapping[T, Nodes], others: Mapping[S, Nodes], joined: Callable[[T, S], T], otherwise: S
) -> dict[T, Nodes]:
    """The sets cut by other sets, no two of which have a node in common; what is in none of these counts as in one.

    >>> refined({1: 0b111}, {10: 0b001}, int.__add__, 0)
    {11: 1, 1: 6}
    """
    found: dict[T, Nodes] = {}
    for mine, nodes in sets.items():
        left = nodes
        for its, among in others.items():
            both = left & among
            if both:
                key = joined(mine, its)
                found[key] = found.get(key, 0) | both
                left ^= both
                if not left:
                    break
        if left:
            key = joined(mine, otherwise)
            found[key] = found.get(key, 0) | left
    return found


def merged(pairs: Iterable[tuple[T, Nodes]]) -> dict[T, Nodes]:
    """The sets by what they are marked with; those that are marked alike are one.

    >>> merged([(1, 0b001), (2, 0b010), (1, 0b100)])
    {1: 5, 2: 2}
    """
    found: dict[T, Nodes] = {}
    for mark, nodes in pairs:
        found[mark] = found.get(mark, 0) | nodes
    return found


class Standing:
    """What has been found out of each node from its facts and its usage: an answer by place, and the sets of equals."""

    __slots__ = ("_lineup", "_of", "_trail", "said", "sets")

    def __init__(self, lineup: Lineup, of: Callable[[NodeInfo], Any], view: View) -> None:
        self._lineup, self._of = lineup, of
        self.said: list[Any] = []
        """The answers, by place."""
        self.sets: dict[Any, Nodes] = {}
        """The nodes of which the answer is the same, by answer."""
        self._begin(view)

    def _begin(self, view: View) -> None:
        self.said = [self._of(NodeInfo(facts, usage_of(view, facts.name))) for facts in self._lineup.nodes]
        places: dict[Any, list[int]] = {}
        for place, answer in enumerate(self.said):
            places.setdefault(answer, []).append(place)
        self.sets = {answer: set_of(some) for answer, some in places.items()}
        self._trail = view.trail

    def follow(self, view: View) -> Standing:
        """The same, after all that has happened up to `view`."""
        if view.trail is not self._trail:
            changed = view.trail.since(self._trail, len(self.said))
            if changed is None:
                self._begin(view)
            else:
                for name in changed:
                    self._ask_again(view, name)
                self._trail = view.trail
        return self

    def _ask_again(self, view: View, name: str) -> None:
        place = self._lineup.place.get(name)
        if place is None:
            return  # usage of a node that does not exist
        answer = self._of(NodeInfo(self._lineup.nodes[place], usage_of(view, name)))
        before = self.said[place]
        if answer == before:
            return
        self.said[place] = answer
        bit = 1 << place
        left = self.sets[before] ^ bit
        if left:
            self.sets[before] = left
        else:
            del self.sets[before]
        self.sets[answer] = self.sets.get(answer, 0) | bit


_STANDINGS_LIMIT = 512  # questions that are remembered of one line-up; forget all and start again


class Lineup:
    """The nodes of a cluster in turn.

    >>> line = Lineup([])
    >>> line.every, line.having("zone")
    (0, 0)
    """

    def __init__(self, nodes: Sequence[NodeFacts]) -> None:
        self.nodes = nodes
        self._names = [node.name for node in nodes]
        self.place = {node.name: place for place, node in enumerate(nodes)}
        self.every: Nodes = (1 << len(nodes)) - 1
        self._labels: dict[str, dict[str, Nodes]] = {}
        self._having: dict[str, Nodes] = {}
        self._standings: dict[Question, Standing] = {}

    def facts(self, name: str) -> NodeFacts:
        """The node of this name, which must exist."""
        return self.nodes[self.place[name]]

    def named(self, names: Iterable[str]) -> Nodes:
        """Those of the nodes that exist."""
        return set_of(self.place[name] for name in names if name in self.place)

    def names(self, nodes: Nodes) -> list[str]:
        """The names of the nodes in a set, in turn."""
        first, count = (nodes & -nodes).bit_length() - 1, nodes.bit_count()
        if count * _SPARSE < nodes.bit_length() - first:
            return [self._names[place] for place in places_in(nodes)]
        marks = bin(nodes >> first)[:1:-1].encode().translate(_ZERO_OR_ONE)
        return list(compress(islice(self._names, first, None), marks))

    # -- what follows from the Node objects --------------------------------------------------------------------------
    @cached_property
    def unschedulable(self) -> Nodes:
        """The nodes that are cordoned."""
        return set_of(place for place, node in enumerate(self.nodes) if node.unschedulable)

    @cached_property
    def by_taints(self) -> Mapping[tuple[Taint, ...], Nodes]:
        """The nodes that have NoSchedule or NoExecute taints, by these."""
        return self._grouped((node.taints, place) for place, node in enumerate(self.nodes) if node.taints)

    @cached_property
    def has_soft_taints(self) -> bool:
        """Whether any node has a taint with PreferNoSchedule."""
        return any(node.soft_taints for node in self.nodes)

    def offering(self, resource: str) -> Nodes:
        """The nodes that say how much of a resource they have."""
        return self._by_resource.get(resource, 0)

    @cached_property
    def _by_resource(self) -> Mapping[str, Nodes]:
        return self._grouped((name, place) for place, node in enumerate(self.nodes) for name in node.allocatable)

    def by_label(self, key: str) -> Mapping[str, Nodes]:
        """The nodes that have a label, by its value."""
        found = self._labels.get(key)
        if found is None:
            pairs = ((node.labels[key], place) for place, node in enumerate(self.nodes) if key in node.labels)
            found = self._labels[key] = self._grouped(pairs)
        return found

    def having(self, key: str) -> Nodes:
        """The nodes that have a label, whatever it says."""
        found = self._having.get(key)
        if found is None:
            found = self._having[key] = union(self.by_label(key).values())
        return found

    def labelled(self, key: str, values: Iterable[str]) -> Nodes:
        """The nodes whose label says one of these values."""
        by_value = self.by_label(key)
        return union(by_value[value] for value in values if value in by_value)

    def domains(self, key: str, within: Nodes) -> int:
        """How many values a label has on the nodes of a set."""
        by_value, having = self.by_label(key), self.having(key)
        if having & ~within == 0:
            return len(by_value)
        if len(by_value) == having.bit_count():  # every node has a value of its own
            return (having & within).bit_count()
        return sum(nodes & within != 0 for nodes in by_value.values())

    def selected(self, selector: LabelSelector) -> Nodes:
        """The nodes whose labels a selector selects."""
        given = (self.labelled(key, [value]) for key, value in selector.match_labels.items())
        more = (self._where(each, self.by_label(each.key or "")) for each in selector.match_expressions)
        return reduce(and_, chain(given, more), self.every)

    def within(self, topology: TopologySelectorTerm) -> Nodes:
        """The nodes that lie in a topology."""
        demands = topology.match_label_expressions
        return reduce(and_, (self.labelled(each.key or "", set(each.values)) for each in demands), self.every)

    def matching(self, selector: NodeSelector, *, by_name: bool = True) -> Nodes:
        """The nodes that a node selector selects; without `by_name` none has a name that its fields could match."""
        return union(self._meeting(term, self._by_name if by_name else {}) for term in selector.node_selector_terms)

    def _meeting(self, term: NodeSelectorTerm, names: Mapping[str, Nodes]) -> Nodes:
        if not term.match_expressions and not term.match_fields:
            return 0
        labels = (self._where(each, self.by_label(each.key or "")) for each in term.match_expressions)
        fields = (self._where(each, names if each.key == "metadata.name" else {}) for each in term.match_fields)
        return reduce(and_, chain(labels, fields), self.every)

    @cached_property
    def _by_name(self) -> Mapping[str, Nodes]:
        return {name: 1 << place for name, place in self.place.items()}

    def _where(self, requirement: Requirement, by_value: Mapping[str, Nodes]) -> Nodes:
        if requirement.operator == "In":
            return union(by_value[value] for value in set(requirement.values) if value in by_value)
        if requirement.operator == "NotIn":
            return self.every & ~union(by_value[value] for value in set(requirement.values) if value in by_value)
        key = requirement.key or ""
        found = union(nodes for value, nodes in by_value.items() if requirement.matches({key: value}))
        without = self.every & ~union(by_value.values()) if requirement.matches({}) else 0
        return found | without

    @staticmethod
    def _grouped(pairs: Iterable[tuple[Any, int]]) -> dict[Any, Nodes]:
        places: dict[Any, list[int]] = {}
        for what, place in pairs:
            places.setdefault(what, []).append(place)
        return {what: set_of(some) for what, some in places.items()}

    # -- what depends on usage as well -------------------------------------------------------------------------------
    def standing(self, view: View, asked: Question, of: Callable[[NodeInfo], Any]) -> Standing:
        """What `of`, which stands for the question, says of each node as it is used in `view`.

        Cost: one answer for each node whose usage has changed since the question was last asked.
        """
        found = self._standings.get(asked)
        if found is not None:
            return found.follow(view)
        if len(self._standings) >= _STANDINGS_LIMIT:
            self._standings.clear()
        found = self._standings[asked] = Standing(self, of, view)
        return found


_KNOWN: dict[tuple[int, ...], Lineup] = {}
_KNOWN_LIMIT = 64  # an explorer goes to and fro between a few sets of nodes; forget all and start again
_NOBODY = Lineup([])


def lineup_of(view: View) -> Lineup:
    """The nodes of the cluster in turn; remembered for this very set of nodes."""
    alike = view.total("nodes_alike", "")
    if alike is None:
        return _NOBODY
    found = _KNOWN.get(alike)
    if found is None:
        if len(_KNOWN) >= _KNOWN_LIMIT:
            _KNOWN.clear()
        zones: dict[str, list[NodeFacts]] = {}
        for node in view.nodes.values():
            zones.setdefault(zone_of(node), []).append(facts_of(node))
        turns = zip_longest(*(zones[zone] for zone in sorted(zones)))
        found = _KNOWN[alike] = Lineup([node for turn in turns for node in turn if node is not None])
    return found
