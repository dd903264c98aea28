"""NodeAffinity: the pod's nodeSelector and node affinity.

Modelled: nodeSelector, required terms (labels, and `metadata.name` as a field), preferred terms as a score, the
short cut to the nodes that the required terms name.
Not modelled: affinity that an administrator adds in the scheduler's configuration.
Source: kube-scheduler, plugins/nodeaffinity/node_affinity.go; component-helpers, scheduling/corev1/nodeaffinity.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from volsim.control.scheduler.framework import (
    Attempt,
    Graded,
    Known,
    Narrowed,
    Plugin,
    Sample,
    Status,
    normalized,
    unresolvable,
)
from volsim.control.scheduler.lineup import Lineup, Nodes, merged, refined
from volsim.control.scheduler.node_facts import NodeInfo
from volsim.objects import Node, NodeSelector, NodeSelectorTerm, Pod
from volsim.rules import Rules
from volsim.state import Change, View

__all__ = ["PLUGIN", "fitting", "node_fits", "required_selector"]

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
"""What a label may say. The API server has checked the values of required terms only since 1.33."""

CONFLICT = unresolvable("pod affinity terms conflict")


def required_selector(pod: Pod) -> NodeSelector | None:
    """What the pod's node affinity requires, or None. A term with a value that no label can have matches nothing."""
    affinity = pod.spec.affinity
    if affinity is None or affinity.node_affinity is None:
        return None
    wanted = affinity.node_affinity.required_during_scheduling_ignored_during_execution
    if wanted is None or all(map(_can_match, wanted.node_selector_terms)):
        return wanted
    return wanted.replace(node_selector_terms=tuple(filter(_can_match, wanted.node_selector_terms)))


def _can_match(term: NodeSelectorTerm) -> bool:
    return all(_LABEL_VALUE.fullmatch(value) for each in term.match_expressions for value in each.values)


def node_fits(pod: Pod, node: Node) -> bool:
    """Whether the node is one that the pod's nodeSelector and required affinity want.

    >>> from volsim.objects import ObjectMeta, PodSpec
    >>> node_fits(Pod(spec=PodSpec(node_selector={"disk": "ssd"})), Node(metadata=ObjectMeta(labels={"disk": "ssd"})))
    True
    """
    return _is_wanted(pod.spec.node_selector, required_selector(pod), node)


def _is_wanted(labels: Mapping[str, str], wanted: NodeSelector | None, node: Node) -> bool:
    have = node.metadata.labels
    return all(have.get(key) == value for key, value in labels.items()) and (
        wanted is None or wanted.matches(have, {"metadata.name": node.metadata.name or ""})
    )


def fitting(pod: Pod, lineup: Lineup) -> Nodes:
    """All nodes that the pod's nodeSelector and required affinity want.

    >>> fitting(Pod(), Lineup([]))
    0
    """
    wanted = required_selector(pod)
    fit = lineup.every if wanted is None else lineup.matching(wanted)
    for key, value in pod.spec.node_selector.items():
        fit &= lineup.labelled(key, [value])
    return fit


def reason(rules: Rules) -> str:
    """Why a node that the pod does not want is out of the question, in the words of the version."""
    if rules.node_selector_in_reason:
        return "node(s) didn't match Pod's node affinity/selector"
    wanted = "Pod's node affinity" if rules.node_affinity_in_reason else "node selector"
    return f"node(s) didn't match {wanted}"


def pre_filter(attempt: Attempt) -> Known | Narrowed | Status | None:
    """The filter; none for a pod that wants nothing, and only the named nodes where every required term names some."""
    pod, rules = attempt.pod, attempt.rules
    wanted = required_selector(pod)
    if wanted is None and not pod.spec.node_selector:
        return None
    mismatch = unresolvable(reason(rules))

    def check(node: NodeInfo) -> Status | None:
        return None if _is_wanted(pod.spec.node_selector, wanted, node.facts.node) else mismatch

    known = Known(check, lambda lineup: [(mismatch, lineup.every & ~fitting(pod, lineup))])
    named = _named_nodes(wanted.node_selector_terms) if wanted is not None and rules.pre_filter_narrows_nodes else None
    if named is None:
        return known
    return Narrowed(known, named) if named else CONFLICT


def _named_nodes(terms: Sequence[NodeSelectorTerm]) -> frozenset[str] | None:
    """The nodes that the terms name; None if some term names none, so that any node comes into question."""
    found: frozenset[str] = frozenset()
    for term in terms:
        names: frozenset[str] | None = None
        for requirement in term.match_fields:
            if requirement.key == "metadata.name" and requirement.operator == "In":
                values = frozenset(requirement.values)
                names = values if names is None else names & values
        if names is None:
            return None
        found |= names
    return found if terms else None


def score(attempt: Attempt, nodes: Sample) -> Graded | None:
    """The weights of the preferred terms that a node meets, added up; no say if the pod prefers nothing."""
    affinity = attempt.pod.spec.affinity
    if affinity is None or affinity.node_affinity is None:
        return None
    preferred = affinity.node_affinity.preferred_during_scheduling_ignored_during_execution
    wishes = [(each.preference, each.weight) for each in preferred if each.preference is not None and each.weight]
    if not wishes:
        return None
    sums: dict[int, Nodes] = {0: nodes.set}
    for term, weight in wishes:
        wanted = attempt.lineup.matching(NodeSelector(node_selector_terms=(term,)))
        sums = refined(sums, {weight: wanted}, int.__add__, 0)
    return Graded(merged(zip(normalized(list(sums)), sums.values(), strict=True)))


def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A node that the pod wants and did not before."""
    before, after = change.before, change.after
    return after is not None and node_fits(pod, after) and (before is None or not node_fits(pod, before))


PLUGIN = Plugin(
    name="NodeAffinity",
    pre_filter=pre_filter,
    score=score,
    weight=lambda rules: 2 if rules.scheduler_weights_preferences else 1,
    wakes={"nodes": node_may_help},
)
