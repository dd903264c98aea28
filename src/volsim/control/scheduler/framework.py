"""What a scheduler plugin is, and what plugins may look at during one attempt to place one pod.

A plugin looks at the pod once (`pre_filter`), and answers with a function that says of a single node whether the pod
may go there; if it can, it says as well which of all nodes it refuses (`Known`, `Steady`), so that nobody has to ask
about each. It may score the nodes that are left, and it says which changes of the cluster could help a pod that it has
turned away (`wakes`). It keeps nothing between attempts: what it needs to remember is in the state.

Modelled: PreFilter, Filter, Score with normalisation, queueing hints; pods that are to be thought away (preemption),
and pods that are to come: those whose volumes are being bound, and those that a node is nominated for.
Not modelled: extenders, plugins of an administrator's own.
Source: kube-scheduler, pkg/scheduler/framework/{interface,cycle_state,types}.go, plugins/helper/normalize_score.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, overload

import attrs

from volsim.control.scheduler.lineup import Lineup, Nodes, lineup_of, places_in
from volsim.control.scheduler.node_facts import NodeFacts, NodeInfo, Question, Usage, usage_of
from volsim.objects import LabelSelector, Pod
from volsim.objects.resources import Amounts, pod_requests, scored_requests
from volsim.rules import Rules
from volsim.state import Change, View

__all__ = [
    "MAX_SCORE",
    "SUMMED",
    "Answer",
    "Attempt",
    "Code",
    "Filter",
    "Graded",
    "Hint",
    "Known",
    "Narrowed",
    "Partly",
    "Plugin",
    "Sample",
    "Status",
    "Steady",
    "SteadyScore",
    "asks",
    "has_ended",
    "normalized",
    "pod_has_gone",
    "priority_of",
    "rejected",
    "unresolvable",
]

MAX_SCORE = 100
"""What a plugin gives the best node; Kubernetes scales every plugin's scores to 0 … 100."""


SUMMED = ("cpu", "memory", "ephemeral-storage", "pods")
"""The resources of which the total ``node_usage`` keeps the sums."""


class Code(StrEnum):
    """What a plugin says of a pod, or of a pod and a node, where it does not agree."""

    UNSCHEDULABLE = "Unschedulable"
    """Not now; it might help to remove other pods."""
    UNRESOLVABLE = "UnschedulableAndUnresolvable"
    """Not now, and removing other pods would not help."""
    ERROR = "Error"
    """Something is as it should not be."""


class Status(NamedTuple):
    """Why a plugin does not agree; agreement is None."""

    code: Code
    reasons: tuple[str, ...]


def rejected(*reasons: str) -> Status:
    """The pod cannot go there now; removing other pods might help."""
    return Status(Code.UNSCHEDULABLE, reasons)


def unresolvable(*reasons: str) -> Status:
    """The pod cannot go there now, whatever pods are removed."""
    return Status(Code.UNRESOLVABLE, reasons)


Filter = Callable[["NodeInfo"], Status | None]
"""Says of one node why the pod of the attempt cannot go there; None: it can."""


class Known(NamedTuple):
    """A filter together with all the nodes that it refuses: for each reason a set of nodes, no node in two of them."""

    filter: Filter
    refused: Callable[[Lineup], Iterable[tuple[Status, Nodes]]]


def no_nodes(lineup: Lineup) -> Nodes:
    """No nodes."""
    return 0


class Partly(NamedTuple):
    """A filter together with nodes of which its answer is known: of the others, and of the reasons, one must ask it."""

    filter: Filter
    refused: Callable[[Lineup], Nodes] = no_nodes
    accepted: Callable[[Lineup], Nodes] = no_nodes


class Steady(NamedTuple):
    """A filter whose answer follows from a node's facts and usage alone: it may be remembered for the question."""

    filter: Filter
    question: Question


class Narrowed(NamedTuple):
    """A filter together with the only nodes that come into question at all."""

    filter: Filter | Known
    nodes: frozenset[str]


class SteadyScore(NamedTuple):
    """How good a node is, where that follows from its facts and usage alone: it may be remembered for the question."""

    of: Callable[[NodeInfo], int]
    question: Question


Answer = Filter | Known | Partly | Steady | Narrowed | Status | None
"""What a plugin says of a pod: a filter for nodes, a status that turns it away from all, or None if it has no say."""


class Graded(NamedTuple):
    """How good the nodes of a sample are, by sets: the nodes of each score. Those in none have 0."""

    sets: Mapping[int, Nodes]


Hint = Callable[[View, Change, Pod], bool]
"""Whether a change may help this pod, which the plugin has turned away."""


@attrs.frozen(kw_only=True)
class Plugin:
    """One plugin of the scheduler."""

    name: str
    """Its name in Kubernetes: ``NodeResourcesFit``."""
    pre_filter: Callable[[Attempt], Answer] | None = None
    """Looks at the pod."""
    score: Callable[[Attempt, Sample], Sequence[int] | SteadyScore | Graded | None] | None = None
    """How good each of the nodes is, 0 … 100; None if it has no say."""
    weight: Callable[[Rules], int] = lambda rules: 1
    wakes: Mapping[str, Hint] = attrs.field(factory=dict)
    """By table: which changes may help a pod that the plugin has turned away."""


def normalized(scores: Sequence[int], *, reverse: bool = False) -> list[int]:
    """Scores from 0 to the highest brought to 0 … 100; with `reverse`, the highest becomes 0.

    >>> normalized([0, 1, 2]), normalized([0, 1, 2], reverse=True), normalized([0, 0], reverse=True)
    ([0, 50, 100], [100, 50, 0], [100, 100])
    """
    highest = max(scores, default=0)
    if highest == 0:
        return [MAX_SCORE if reverse else 0] * len(scores)
    scaled = (MAX_SCORE * score // highest for score in scores)
    return [MAX_SCORE - score for score in scaled] if reverse else list(scaled)


# -- pods --------------------------------------------------------------------------------------------------------------
def has_ended(pod: Pod) -> bool:
    """Whether all its containers have ended for good: the scheduler does not count it any more.

    >>> has_ended(Pod())
    False
    """
    return pod.status.phase in ("Succeeded", "Failed")


def pod_has_gone(view: View, change: Change, pod: Pod) -> bool:
    """A hint: a pod that was on a node has gone or ended."""
    before, after = change.before, change.after
    if before is None or not before.spec.node_name or has_ended(before):
        return False
    return after is None or has_ended(after)


def priority_of(pod: Pod) -> int:
    """The pod's priority; 0 if it has none.

    >>> priority_of(Pod())
    0
    """
    return pod.spec.priority or 0


def asks(pod: Pod) -> tuple[int, ...]:
    """What the pod adds to its node's usage: the columns of the total ``node_usage``.

    >>> asks(Pod())
    (1, 0, 0, 0, 0, 0)
    """
    asked = pod_requests(pod.spec)
    return (
        1,
        asked.get("cpu", 0),
        asked.get("memory", 0),
        asked.get("ephemeral-storage", 0),
        *scored_requests(pod.spec),
    )


# -- the attempt -------------------------------------------------------------------------------------------------------
class Attempt:
    """One attempt to place one pod: what plugins may look at.

    `without` are keys of pods that are to be thought away: preemption asks what would be if they were gone.
    """

    def __init__(self, view: View, pod: Pod, *, without: frozenset[str] = frozenset()) -> None:
        self.view, self.pod, self.without = view, pod, without
        self.rules = view.rules
        self.requests: Amounts = pod_requests(pod.spec)
        self.found: dict[str, Any] = {}
        """What a plugin has found out and is needed after the search, by the plugin's name."""
        self.lineup: Lineup = lineup_of(view)
        self.nominated = _nominated(view)
        """The nodes that are nominated for some pod for which none is reserved."""

    @cached_property
    def scored_requests(self) -> tuple[int, int]:
        """The pod's cpu and memory as scoring counts them."""
        return scored_requests(self.pod.spec)

    @cached_property
    def others_asked(self) -> tuple[tuple[str, int], ...]:
        """What the pod asks for besides what is summed up for each node, by name."""
        return tuple((name, asked) for name, asked in sorted(self.requests.items()) if asked and name not in SUMMED)

    @property
    def node_count(self) -> int:
        """How many nodes there are."""
        return len(self.lineup.nodes)

    # -- what counts as being on a node ------------------------------------------------------------------------------
    def node(self, name: str) -> NodeInfo:
        """The node called `name`, which must exist, and what the pods that count as being on it ask for."""
        usage = usage_of(self.view, name)
        if self.without or name in self.nominated:
            usage = self._changed(name, usage)
        return NodeInfo(self.lineup.facts(name), usage)

    def at(self, place: int) -> NodeInfo:
        """The node at a place of the line-up."""
        return self.node(self.lineup.nodes[place].name)

    def _changed(self, node: str, usage: Usage) -> Usage:
        """The usage with the pods that the node is nominated for and without those that are thought away."""
        for pod in self._nominated_to(node):
            usage = tuple(have + more for have, more in zip(usage, asks(pod), strict=True))
        for key in self.without:
            pod = self.view.pods[key]
            if (pod.spec.node_name or self._reserved_node(key)) == node and not has_ended(pod):
                usage = tuple(have - less for have, less in zip(usage, asks(pod), strict=True))
        return usage

    def pods_on(self, node: str) -> Iterator[Pod]:
        """The pods that count as being on the node, by key; then those that are to come."""
        pods, view = self.view.pods, self.view
        for key in view.group("pods_by_node", node):
            pod = pods[key]
            if not has_ended(pod) and key not in self.without:
                yield pod
        for key in view.group("pods_reserved", node):
            reserved = pods.get(key)
            if reserved is not None and key not in self.without:
                yield reserved
        if node in self.nominated:
            yield from self._nominated_to(node)

    def _nominated_to(self, node: str) -> Iterator[Pod]:
        """The pods that the node is nominated for and that are at least as important as this one."""
        pods, away = self.view.pods, (self.pod.key, *self.without)
        for key in self.view.group("pods_nominated", node):
            pod = pods[key]
            if key not in away and priority_of(pod) >= priority_of(self.pod) and not self._reserved_node(key):
                yield pod

    def _reserved_node(self, key: str) -> str:
        memory = self.view.get("scheduling", key)
        return memory.node if memory is not None else ""

    # -- other pods --------------------------------------------------------------------------------------------------
    def placed(self, keys: Iterable[str]) -> Iterator[tuple[Pod, NodeFacts]]:
        """Of the pods with these keys those that count as being on a node that exists, each with its node."""
        pods, lineup, itself = self.view.pods, self.lineup, self.pod.key
        some_reserved = self.view.group_size("pods_reserved", "") > 0
        for key in keys:
            pod = pods[key]
            name = pod.spec.node_name or (self._reserved_node(key) if some_reserved else "")
            if not name or has_ended(pod) or key in self.without or key == itself:
                continue
            place = lineup.place.get(name)
            if place is not None:
                yield pod, lineup.nodes[place]

    def selected(self, namespace: str | None, selector: LabelSelector) -> Iterator[tuple[Pod, NodeFacts]]:
        """The placed pods of the namespace that the selector selects.

        Cost: the pods with the rarest of the labels that the selector demands; without any, all of the namespace.
        """
        groups = [f"{namespace}|{key}={value}" for key, value in sorted(selector.match_labels.items())]
        rarest = min(groups, key=lambda group: self.view.group_size("pods_by_label", group), default=f"{namespace}|")
        found = self.placed(self.view.group("pods_by_label", rarest))
        if len(groups) == 1 and not selector.match_expressions:
            return found
        return ((pod, node) for pod, node in found if selector.matches(pod.metadata.labels))


def _nominated(view: View) -> tuple[str, ...]:
    """Cost: the nodes that are nominated, unless all of them are reserved as well."""
    nominated, reserved = view.group_size("pods_nominated", ""), view.group_size("pods_reserved", "")
    if nominated == (reserved if view.rules.nominated_node_while_binding else 0):
        return ()
    return tuple(filter(None, view.group_names("pods_nominated")))


class Sample(Sequence[NodeInfo]):
    """Some of an attempt's nodes, in turn: made when somebody looks at them."""

    def __init__(self, attempt: Attempt, nodes: Nodes) -> None:
        self._attempt = attempt
        self.set = nodes

    @cached_property
    def _nodes(self) -> list[NodeInfo]:
        return [self._attempt.at(place) for place in places_in(self.set)]

    @property
    def names(self) -> list[str]:
        """The nodes' names."""
        return self._attempt.lineup.names(self.set)

    def __len__(self) -> int:
        return self.set.bit_count()

    def __iter__(self) -> Iterator[NodeInfo]:
        return iter(self._nodes)

    @overload
    def __getitem__(self, at: int) -> NodeInfo: ...
    @overload
    def __getitem__(self, at: slice) -> list[NodeInfo]: ...
    def __getitem__(self, at: int | slice) -> NodeInfo | list[NodeInfo]:
        return self._nodes[at]
