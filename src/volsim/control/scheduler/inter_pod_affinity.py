"""InterPodAffinity: near to some pods, away from others.

Modelled: required affinity and anti-affinity of the pod, required anti-affinity of the pods that are there, preferred
terms of both sides as a score, namespaces and namespaceSelector, matchLabelKeys and mismatchLabelKeys.
Not modelled: nothing known.
Source: kube-scheduler, plugins/interpodaffinity/{filtering,scoring,plugin}.go; kube-apiserver, pkg/registry/core/pod/
strategy.go (matchLabelKeys are merged into the selector).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from volsim.control.scheduler.framework import (
    MAX_SCORE,
    Attempt,
    Graded,
    Known,
    Plugin,
    Sample,
    Status,
    has_ended,
    rejected,
    unresolvable,
)
from volsim.control.scheduler.lineup import Lineup, Nodes, merged, refined, union
from volsim.control.scheduler.node_facts import NodeFacts, NodeInfo
from volsim.objects import (
    LabelSelector,
    LabelSelectorRequirement,
    Pod,
    PodAffinityTerm,
    WeightedPodAffinityTerm,
)
from volsim.state import Change, View

__all__ = ["PLUGIN", "means", "required_terms"]

AFFINITY = unresolvable("node(s) didn't match pod affinity rules")
ANTI_AFFINITY = rejected("node(s) didn't match pod anti-affinity rules")
EXISTING = rejected("node(s) didn't satisfy existing pods anti-affinity rules")

HARD_AFFINITY_WEIGHT = 1
"""What the required affinity of a pod that is there weighs for one that it would like to be near."""

Counts = Counter[tuple[str, str]]
"""How many pods match, by label and value of the nodes that they are on."""


# -- terms -------------------------------------------------------------------------------------------------------------
def required_terms(pod: Pod, *, anti: bool) -> tuple[PodAffinityTerm, ...]:
    """The terms of the pod's required affinity, or of its required anti-affinity."""
    affinity = pod.spec.affinity
    half = affinity and (affinity.pod_anti_affinity if anti else affinity.pod_affinity)
    return half.required_during_scheduling_ignored_during_execution if half else ()


def preferred_terms(pod: Pod, *, anti: bool) -> tuple[WeightedPodAffinityTerm, ...]:
    """The terms of the pod's preferred affinity, or of its preferred anti-affinity."""
    affinity = pod.spec.affinity
    half = affinity and (affinity.pod_anti_affinity if anti else affinity.pod_affinity)
    return half.preferred_during_scheduling_ignored_during_execution if half else ()


def selector_of(term: PodAffinityTerm, owner: Pod) -> LabelSelector | None:
    """The term's selector, with what its label keys demand of the owner's own labels; None selects nothing."""
    selector = term.label_selector
    if selector is None or not (term.match_label_keys or term.mismatch_label_keys):
        return selector
    labels = owner.metadata.labels
    more = [
        LabelSelectorRequirement(key=key, operator=operator, values=(labels[key],))
        for keys, operator in ((term.match_label_keys, "In"), (term.mismatch_label_keys, "NotIn"))
        for key in keys
        if key in labels
    ]
    merged = (*selector.match_expressions, *(each for each in more if each not in selector.match_expressions))
    return selector.replace(match_expressions=merged)


def namespaces_of(view: View, term: PodAffinityTerm, owner: Pod) -> list[str]:
    """The namespaces that the term means: named, selected, or else its owner's own."""
    named = set(term.namespaces)
    if term.namespace_selector is not None:
        named |= {
            space.metadata.name or ""
            for space in view.namespaces.values()
            if term.namespace_selector.matches(space.metadata.labels)
        }
    elif not named:
        named = {owner.metadata.namespace or ""}
    return sorted(named)


def means(view: View, term: PodAffinityTerm, owner: Pod, pod: Pod) -> bool:
    """Whether `pod` is one that the term of `owner` means."""
    selector = selector_of(term, owner)
    return (
        selector is not None
        and selector.matches(pod.metadata.labels)
        and (pod.metadata.namespace or "") in namespaces_of(view, term, owner)
    )


class Meant:
    """Whether terms of pods that are there mean the attempt's pod; equal terms of equal pods are looked at once."""

    def __init__(self, attempt: Attempt) -> None:
        self._view, self._pod = attempt.view, attempt.pod
        self._known: dict[tuple[int, str | None], bool] = {}

    def by(self, term: PodAffinityTerm, owner: Pod) -> bool:
        """Whether the term of `owner` means the pod."""
        if term.match_label_keys or term.mismatch_label_keys:
            return means(self._view, term, owner, self._pod)
        same = (id(term), owner.metadata.namespace)  # pods of one template share their terms
        found = self._known.get(same)
        if found is None:
            found = self._known[same] = means(self._view, term, owner, self._pod)
        return found


def _meant(attempt: Attempt, term: PodAffinityTerm) -> Iterator[tuple[Pod, NodeFacts]]:
    """The placed pods that a term of the attempt's pod means."""
    selector = selector_of(term, attempt.pod)
    if selector is not None:
        for namespace in namespaces_of(attempt.view, term, attempt.pod):
            yield from attempt.selected(namespace, selector)


def _count(counts: Counts, node: NodeFacts, key: str | None, amount: int = 1) -> None:
    value = node.labels.get(key or "")
    if value is not None:
        counts[key or "", value] += amount


# -- filter ------------------------------------------------------------------------------------------------------------
def pre_filter(attempt: Attempt) -> Known | None:
    """The filter; none if neither the pod nor one that is there minds."""
    near, away = required_terms(attempt.pod, anti=False), required_terms(attempt.pod, anti=True)
    existing = _existing(attempt)
    if not near and not away and not existing:
        return None
    friends = _friends(attempt, near)
    foes: Counts = Counter()
    for term in away:
        for _, node in _meant(attempt, term):
            _count(foes, node, term.topology_key)
    first = not friends and all(means(attempt.view, term, attempt.pod, attempt.pod) for term in near)

    foe_keys = sorted({key for key, _ in foes})

    def check(node: NodeInfo) -> Status | None:
        labels = node.labels
        if near and not _near(labels, near, friends, first):
            return AFFINITY
        if any(foes[key, labels[key]] for key in foe_keys if key in labels):
            return ANTI_AFFINITY
        return EXISTING if existing and any(existing[pair] for pair in labels.items()) else None

    def refused(lineup: Lineup) -> Iterator[tuple[Status, Nodes]]:
        free = _all_near(lineup, near, friends, first)
        yield AFFINITY, lineup.every & ~free
        for status, counts in ((ANTI_AFFINITY, foes), (EXISTING, existing)):
            hostile = free & union(lineup.labelled(key, [value]) for (key, value), count in counts.items() if count)
            yield status, hostile
            free &= ~hostile

    return Known(check, refused)


def _existing(attempt: Attempt) -> Counts:
    """The topologies in which there is a pod that does not want this one near."""
    counts: Counts = Counter()
    meant = Meant(attempt)
    for pod, node in attempt.placed(attempt.view.group("pods_with_affinity", "anti")):
        for term in required_terms(pod, anti=True):
            if meant.by(term, pod):
                _count(counts, node, term.topology_key)
    return counts


def _friends(attempt: Attempt, near: Sequence[PodAffinityTerm]) -> Counts:
    """The topologies in which there is a pod that all of the affinity's terms mean."""
    counts: Counts = Counter()
    if near:
        for pod, node in _meant(attempt, near[0]):
            if all(means(attempt.view, term, attempt.pod, pod) for term in near[1:]):
                for term in near:
                    _count(counts, node, term.topology_key)
    return counts


def _near(labels: Mapping[str, str], near: Sequence[PodAffinityTerm], friends: Counts, first: bool) -> bool:
    """Whether a node with these labels is near to a friend of each term; the `first` of a series may go anywhere."""
    keys = [term.topology_key or "" for term in near]
    if not all(key in labels for key in keys):
        return False
    return first or all(friends[key, labels[key]] for key in keys)


def _all_near(lineup: Lineup, near: Sequence[PodAffinityTerm], friends: Counts, first: bool) -> Nodes:
    """All nodes that are near to a friend of each term."""
    fit = lineup.every
    for key in {term.topology_key or "": None for term in near}:
        values = [value for (friendly, value), count in friends.items() if friendly == key and count]
        fit &= lineup.having(key) if first else lineup.labelled(key, values)
    return fit


# -- score -------------------------------------------------------------------------------------------------------------
def score(attempt: Attempt, nodes: Sample) -> Graded | None:
    """The wishes that a node would fulfil, of the pod and of those that are there; no say if nobody wishes anything."""
    wishes = _wishes(attempt)
    if not wishes:
        return None
    by_key: dict[str, dict[int, list[str]]] = {}
    for (key, value), weight in wishes.items():
        by_key.setdefault(key, {}).setdefault(weight, []).append(value)
    sums: dict[int, Nodes] = {0: nodes.set}
    for key, values in by_key.items():
        fulfilled = {weight: attempt.lineup.labelled(key, some) for weight, some in values.items()}
        sums = refined(sums, fulfilled, int.__add__, 0)
    return Graded(_scaled(sums))


def _scaled(sums: Mapping[int, Nodes]) -> dict[int, Nodes]:
    """The nodes by score: the lowest sum brought to 0, the highest to 100.

    >>> _scaled({-1: 0b01, 3: 0b10}), _scaled({5: 0b11})
    ({0: 1, 100: 2}, {0: 3})
    """
    lowest, highest = min(sums, default=0), max(sums, default=0)
    span = (highest - lowest) or 1
    return merged((int(MAX_SCORE * ((value - lowest) / span)), nodes) for value, nodes in sums.items())


def _wishes(attempt: Attempt) -> Counts:
    """The weights of all wishes by topology: of the pod for those that are there, and the other way round."""
    view, incoming = attempt.view, attempt.pod
    sums: Counts = Counter()
    for sign, anti in ((1, False), (-1, True)):
        for wish in preferred_terms(incoming, anti=anti):
            if wish.pod_affinity_term is not None:
                for _, node in _meant(attempt, wish.pod_affinity_term):
                    _count(sums, node, wish.pod_affinity_term.topology_key, sign * (wish.weight or 0))
    meant = Meant(attempt)
    for pod, node in attempt.placed(view.group("pods_with_affinity", "any")):
        for term, weight in _weighted(pod):
            if meant.by(term, pod):
                _count(sums, node, term.topology_key, weight)
    return sums


def _weighted(pod: Pod) -> Iterator[tuple[PodAffinityTerm, int]]:
    """What a pod that is there wishes of new ones, with its weight."""
    for term in required_terms(pod, anti=False):
        yield term, HARD_AFFINITY_WEIGHT
    for sign, anti in ((1, False), (-1, True)):
        for wish in preferred_terms(pod, anti=anti):
            if wish.pod_affinity_term is not None:
                yield wish.pod_affinity_term, sign * (wish.weight or 0)


# -- what may help -----------------------------------------------------------------------------------------------------
def pod_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A pod that has come to a node and is a friend, or that has gone and was a foe."""
    old, new = _placed(change.before), _placed(change.after)
    near, away = required_terms(pod, anti=False), required_terms(pod, anti=True)
    if _all_mean(view, near, pod, new) and not _all_mean(view, near, pod, old):
        return True
    if _all_mean(view, away, pod, old) and not _all_mean(view, away, pod, new):
        return True
    return old is not None and new is None and _all_mean(view, required_terms(old, anti=True), old, pod)


def _placed(pod: Pod | None) -> Pod | None:
    return pod if pod is not None and pod.spec.node_name and not has_ended(pod) else None


def _all_mean(view: View, terms: Sequence[PodAffinityTerm], owner: Pod, pod: Pod | None) -> bool:
    """Whether there are terms, and all of them mean the pod."""
    return bool(terms) and pod is not None and all(means(view, term, owner, pod) for term in terms)


def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A node that has come into, or out of, a topology that the pod's terms speak of."""
    before, after = change.before, change.after
    if after is None:
        return False
    new = after.metadata.labels
    near, away = required_terms(pod, anti=False), required_terms(pod, anti=True)
    if before is None:
        return bool(away) or any(term.topology_key in new for term in near) or not (near or away)
    old = before.metadata.labels
    moved = [(term.topology_key or "", anti) for terms, anti in ((near, False), (away, True)) for term in terms]
    return any(old.get(key) != new.get(key) and (key in old if anti else key in new) for key, anti in moved)


PLUGIN = Plugin(
    name="InterPodAffinity",
    pre_filter=pre_filter,
    score=score,
    weight=lambda rules: 2 if rules.scheduler_weights_preferences else 1,
    wakes={"pods": pod_may_help, "nodes": node_may_help},
)
