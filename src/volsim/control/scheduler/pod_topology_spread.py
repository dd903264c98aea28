"""PodTopologySpread: pods of a kind spread over zones and nodes.

Modelled: constraints with DoNotSchedule as a filter and ScheduleAnyway as a score, minDomains, node inclusion policies,
matchLabelKeys; the default constraints for the pods of a service or workload.
Not modelled: default constraints of an administrator; before 1.20 the default spreading was a plugin of its own
(SelectorSpread), which is replaced by today's score.
Source: kube-scheduler, plugins/podtopologyspread/{common,filtering,scoring,plugin}.go, plugins/helper/spread.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from math import floor, log
from operator import and_
from typing import Any, NamedTuple

from volsim.control.scheduler.framework import (
    MAX_SCORE,
    Attempt,
    Graded,
    Known,
    Plugin,
    Sample,
    Status,
    rejected,
    unresolvable,
)
from volsim.control.scheduler.lineup import Lineup, Nodes, merged, refined, set_of
from volsim.control.scheduler.node_affinity import fitting, node_fits
from volsim.control.scheduler.node_facts import NodeFacts, NodeInfo
from volsim.control.scheduler.taint_toleration import tolerated, untolerated
from volsim.objects import LabelSelector, LabelSelectorRequirement, Node, Pod, TopologySpreadConstraint
from volsim.state import Change, View

__all__ = ["PLUGIN", "constraints_of", "domains_of"]

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
UNEVEN = rejected("node(s) didn't match pod topology spread constraints")
NO_LABEL = unresolvable("node(s) didn't match pod topology spread constraints (missing required label)")


class Constraint(NamedTuple):
    """One constraint, with everything filled in."""

    key: str
    max_skew: int
    selector: LabelSelector
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False

    def includes(self, pod: Pod, node: NodeFacts) -> bool:
        """Whether the node counts at all for this constraint of the pod."""
        if self.honors_affinity and not node_fits(pod, node.node):
            return False
        return not (self.honors_taints and untolerated(pod, node.taints) is not None)

    def included(self, pod: Pod, lineup: Lineup) -> Nodes:
        """All nodes that count for this constraint of the pod."""
        fit = fitting(pod, lineup) if self.honors_affinity else lineup.every
        return fit & tolerated(pod, lineup) if self.honors_taints else fit


def constraints_of(pod: Pod, action: str) -> list[Constraint]:
    """The pod's own constraints with this `whenUnsatisfiable`."""
    given = pod.spec.topology_spread_constraints
    return [_constraint(each, pod) for each in given if each.when_unsatisfiable == action]


def _constraint(given: TopologySpreadConstraint, pod: Pod) -> Constraint:
    # A constraint without a selector matches no pod
    selector = given.label_selector or LabelSelector(
        match_expressions=(LabelSelectorRequirement(key="", operator="Exists"),)
    )
    more = tuple(
        LabelSelectorRequirement(key=key, operator="In", values=(pod.metadata.labels[key],))
        for key in given.match_label_keys
        if key in pod.metadata.labels
    )
    if more:
        selector = selector.replace(match_expressions=(*selector.match_expressions, *more))
    return Constraint(
        key=given.topology_key or "",
        max_skew=given.max_skew or 1,
        selector=selector,
        min_domains=given.min_domains or 1,
        honors_affinity=given.node_affinity_policy in (None, "Honor"),
        honors_taints=given.node_taints_policy == "Honor",
    )


def _has_all(labels: Mapping[str, str], constraints: Sequence[Constraint]) -> bool:
    return all(each.key in labels for each in constraints)


def _counted(attempt: Attempt, constraint: Constraint) -> Counter[NodeFacts]:
    """How many pods on each node count for the constraint."""
    if constraint.selector == LabelSelector():
        return Counter()  # upstream counts nothing for a selector that selects everything
    return Counter(
        node
        for pod, node in attempt.selected(attempt.pod.metadata.namespace, constraint.selector)
        if pod.metadata.deletion_timestamp is None
    )


# -- filter ------------------------------------------------------------------------------------------------------------
class Domains(NamedTuple):
    """How many matching pods there are in each domain of a constraint."""

    constraint: Constraint
    counts: Mapping[str, int]
    """Of the domains that have any."""
    lowest: int
    """The count of the emptiest domain; 0 if there are fewer domains than demanded."""
    itself: int
    """1 if the pod matches its own constraint."""

    def is_uneven(self, count: int) -> bool:
        """Whether the pod must not go to a domain with so many."""
        return count + self.itself - self.lowest > self.constraint.max_skew


def pre_filter(attempt: Attempt) -> Known | None:
    """The filter; none for a pod without hard constraints."""
    constraints = constraints_of(attempt.pod, "DoNotSchedule")
    if not constraints:
        return None
    every_domain = domains_of(attempt, constraints)

    def check(node: NodeInfo) -> Status | None:
        for domains in every_domain:
            value = node.labels.get(domains.constraint.key)
            if value is None:
                return NO_LABEL
            if domains.is_uneven(domains.counts.get(value, 0)):
                return UNEVEN
        return None

    def refused(lineup: Lineup) -> Iterator[tuple[Status, Nodes]]:
        left = lineup.every
        for domains in every_domain:
            key = domains.constraint.key
            yield NO_LABEL, left & ~lineup.having(key)
            left &= lineup.having(key)
            full = [value for value, count in domains.counts.items() if domains.is_uneven(count)]
            yield UNEVEN, left & lineup.labelled(key, full)
            left &= ~lineup.labelled(key, full)

    return Known(check, refused)


def domains_of(attempt: Attempt, constraints: Sequence[Constraint]) -> list[Domains]:
    """How many matching pods there are in the domains of each constraint."""
    pod, lineup = attempt.pod, attempt.lineup
    labelled = having_all(lineup, constraints)
    found = []
    for constraint in constraints:
        included = labelled & constraint.included(pod, lineup)
        counts: dict[str, int] = {}
        for node, amount in _counted(attempt, constraint).items():
            if included >> lineup.place[node.name] & 1:
                value = node.labels[constraint.key]
                counts[value] = counts.get(value, 0) + amount
        there = lineup.domains(constraint.key, included)
        lowest = 0 if there < constraint.min_domains or len(counts) < there else min(counts.values(), default=0)
        found.append(Domains(constraint, counts, lowest, int(constraint.selector.matches(pod.metadata.labels))))
    return found


# -- score -------------------------------------------------------------------------------------------------------------
def score(attempt: Attempt, nodes: Sample) -> Graded | None:
    """The fewer matching pods in the node's domains, the better; no say without soft constraints.

    A node without a label that the pod's own constraints name gets 0.
    """
    own = bool(attempt.pod.spec.topology_spread_constraints)
    constraints = constraints_of(attempt.pod, "ScheduleAnyway") if own else _defaults(attempt)
    if not constraints:
        return None
    demanded = having_all(attempt.lineup, constraints) if own else attempt.lineup.every
    sums: dict[float, Nodes] = {0.0: nodes.set & demanded} if nodes.set & demanded else {}
    matching: dict[int, Counter[NodeFacts]] = {}  # the default constraints share one selector: count once
    for constraint in constraints:
        counts = matching.get(id(constraint.selector))
        if counts is None:
            counts = matching[id(constraint.selector)] = _counted(attempt, constraint)
        amounts = _amounts(attempt, counts, constraint, demanded)
        sums = _added(attempt.lineup, sums, nodes.set & demanded, constraint, amounts)
    return Graded(_turned(sums))


def having_all(lineup: Lineup, constraints: Sequence[Constraint]) -> Nodes:
    """The nodes that have every label that the constraints name."""
    return reduce(and_, (lineup.having(each.key) for each in constraints), lineup.every)


def _amounts(attempt: Attempt, counts: Counter[NodeFacts], constraint: Constraint, demanded: Nodes) -> dict[int, Nodes]:
    """The nodes by how many matching pods there are in their domain: on them, or on those that count for it."""
    lineup, key = attempt.lineup, constraint.key
    if key == HOSTNAME:
        places: dict[int, list[int]] = {}
        for node, amount in counts.items():
            places.setdefault(amount, []).append(lineup.place[node.name])
        return {amount: set_of(some) & lineup.having(key) for amount, some in places.items()}
    by_value: dict[str, int] = {}
    for node, amount in counts.items():
        value = node.labels.get(key)
        if value is not None and demanded >> lineup.place[node.name] & 1 and constraint.includes(attempt.pod, node):
            by_value[value] = by_value.get(value, 0) + amount
    values: dict[int, list[str]] = {}
    for value, amount in by_value.items():
        values.setdefault(amount, []).append(value)
    return {amount: lineup.labelled(key, some) for amount, some in values.items()}


def _added(
    lineup: Lineup, sums: Mapping[float, Nodes], among: Nodes, constraint: Constraint, amounts: Mapping[int, Nodes]
) -> dict[float, Nodes]:
    """The sums with what a constraint adds: its domain's pods, each of which weighs more the more domains there are."""
    key, base = constraint.key, constraint.max_skew - 1
    unlabelled = among & ~lineup.having(key)
    domains = among.bit_count() if key == HOSTNAME else lineup.domains(key, among) + (unlabelled != 0)
    weight = log(domains + 2)

    def added(value: float, amount: int | None) -> float:
        return value if amount is None else value + amount * weight + base

    return refined(sums, {**amounts, None: unlabelled}, added, 0)


def _turned(sums: Mapping[float, Nodes]) -> dict[int, Nodes]:
    """The nodes by score: the lowest sum brought to 100.

    >>> _turned({0.0: 0b001, 1.0: 0b010, 2.0: 0b100}), _turned({0.0: 0b11})
    ({100: 1, 50: 2, 0: 4}, {100: 3})
    """
    raw = [(floor(value + 0.5), nodes) for value, nodes in sums.items()]
    lowest, highest = min((value for value, _ in raw), default=0), max((value for value, _ in raw), default=0)
    if not highest:
        return merged((MAX_SCORE, nodes) for _, nodes in raw)
    return merged((MAX_SCORE * (highest + lowest - value) // highest, nodes) for value, nodes in raw)


def _defaults(attempt: Attempt) -> list[Constraint]:
    """The constraints for a pod that has none of its own and belongs to a service or workload."""
    selector = _default_selector(attempt.view, attempt.pod)
    if selector is None:
        return []
    return [Constraint(HOSTNAME, 3, selector), Constraint(ZONE, 5, selector)]


def _default_selector(view: View, pod: Pod) -> LabelSelector | None:
    """What the pod's services and its controller select by, all together."""
    labels: dict[str, str] = {}
    for key in view.group("services_by_namespace", pod.metadata.namespace or ""):
        wanted = view.table("services")[key].spec.selector
        if wanted and all(pod.metadata.labels.get(name) == value for name, value in wanted.items()):
            labels.update(wanted)
    selector = LabelSelector(match_labels=labels)
    owner: Any = _controller(view, pod)
    if owner is not None and owner.spec.selector is not None:
        theirs = owner.spec.selector
        if not isinstance(theirs, LabelSelector):  # a ReplicationController's is a plain map
            theirs = LabelSelector(match_labels=theirs)
        selector = LabelSelector(
            match_labels={**labels, **theirs.match_labels}, match_expressions=theirs.match_expressions
        )
    return selector if selector != LabelSelector() else None


_SPREADING = {
    ("v1", "ReplicationController"): "replicationcontrollers",
    ("apps/v1", "ReplicaSet"): "replicasets",
    ("apps/v1", "StatefulSet"): "statefulsets",
}


def _controller(view: View, pod: Pod) -> Any:
    for owner in pod.metadata.owner_references:
        if owner.controller:
            table = _SPREADING.get((owner.api_version or "", owner.kind or ""))
            return view.get(table, f"{pod.metadata.namespace}/{owner.name}") if table is not None else None
    return None


# -- what may help -----------------------------------------------------------------------------------------------------
def pod_may_help(view: View, change: Change, pod: Pod) -> bool:
    """An assigned pod of the namespace that has come to match a constraint, or does not any more."""
    old, new = change.before, change.after
    constraints = constraints_of(pod, "DoNotSchedule")
    return any(_matches(each, old, pod) != _matches(each, new, pod) for each in constraints)


def _matches(constraint: Constraint, other: Pod | None, pod: Pod) -> bool:
    if other is None or not other.spec.node_name or other.metadata.namespace != pod.metadata.namespace:
        return False
    return other.metadata.deletion_timestamp is None and constraint.selector.matches(other.metadata.labels)


def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A node that joins, leaves or moves between the domains, or gets other taints."""
    constraints = constraints_of(pod, "DoNotSchedule")
    before, after = _position(change.before, constraints), _position(change.after, constraints)
    return before != after


def _position(node: Node | None, constraints: Sequence[Constraint]) -> tuple[object, ...] | None:
    if node is None or not _has_all(node.metadata.labels, constraints):
        return None
    return (*(node.metadata.labels[each.key] for each in constraints), node.spec.taints)


PLUGIN = Plugin(
    name="PodTopologySpread",
    pre_filter=pre_filter,
    score=score,
    weight=lambda rules: 2 if rules.default_topology_spread else 1,
    wakes={"pods": pod_may_help, "nodes": node_may_help},
)
