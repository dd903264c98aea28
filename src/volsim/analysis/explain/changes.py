"""What would give a pod a place: single changes, and pairs of them, tried on a fork of the state by the same filters.

Which changes come into question follows from what keeps the pod from the nodes; whether one helps is not guessed, but
tried. The smaller ones come first: what an administrator does to a node, then what the pod could do without, then what
others lose, then what has to be bought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, combinations
from typing import Any, NamedTuple

from volsim.analysis.explain.obstacles import CORDONED, amount, claims_of, port_users, taint_text
from volsim.control.scheduler.framework import Attempt
from volsim.control.scheduler.node_resources_fit import unmet_demands
from volsim.control.scheduler.search import search
from volsim.control.scheduler.taint_toleration import untolerated
from volsim.objects import (
    FrozenDict,
    Node,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    Pod,
    Taint,
    Toleration,
)
from volsim.objects.binding import claim_class
from volsim.objects.resources import amount_of
from volsim.quantity import Quantity
from volsim.state import Draft, State

__all__ = ["Change", "changes", "smallest"]

MOST_TRIED = 150
"""How many changes and pairs are tried: each costs a search over all nodes."""
MOST_TOLD = 3
"""How many changes of the same size are told of."""
HOSTNAME = "kubernetes.io/hostname"


class Change(NamedTuple):
    """Something that could be done."""

    text: str
    do: Callable[[Draft, Pod], Pod]
    """Does it to the draft, or to the pod, which it returns."""


def smallest(state: State, pod: Pod, some: Iterable[Change]) -> list[str]:
    """The changes that help by themselves; if there are none, the first pair that does.

    >>> from volsim.rules import Rules
    >>> smallest(State.empty(Rules()), Pod(), [Change("nothing", lambda draft, pod: pod)])
    []
    """
    known = list({change.text: change for change in some}.values())
    singles = [(change,) for change in known]
    tried = 0
    for group in (singles, combinations(known, 2)):
        found: list[str] = []
        for together in group:
            tried += 1
            if tried > MOST_TRIED or len(found) == MOST_TOLD:
                break
            if _helps(state, pod, together):
                found.append(", and ".join(change.text for change in together))
        if found:
            return found
    return []


def _helps(state: State, pod: Pod, together: Iterable[Change]) -> bool:
    draft = state.draft({})
    for change in together:
        pod = change.do(draft, pod)
        draft.put("pods", pod.key, pod)
    return bool(len(search(Attempt(draft, pod)).nodes))


def changes(attempt: Attempt, names: Iterable[str]) -> Iterator[Change]:
    """The changes that come into question, given the nodes that are nearest to taking the pod."""
    near = list(names)
    for act in (_open, _label, _demand_less, _move_others, _make_volumes):
        yield from chain.from_iterable(act(attempt, name) for name in near)
    shapes = {_shape(attempt, name): name for name in reversed(near)}
    yield from chain.from_iterable(_add_node(attempt, name) for name in near if name in shapes.values())


# -- what is done to a node --------------------------------------------------------------------------------------------
def _put_node(draft: Draft, name: str, change: Callable[[Node], Node]) -> None:
    node = draft.nodes.get(name)
    if node is not None:
        draft.put("nodes", name, change(node))


def _on_node(name: str, change: Callable[[Node], Node]) -> Callable[[Draft, Pod], Pod]:
    def do(draft: Draft, pod: Pod) -> Pod:
        _put_node(draft, name, change)
        return pod

    return do


def _open(attempt: Attempt, name: str) -> Iterator[Change]:
    """Uncordon the node, bring it back, take a taint away, or tolerate it."""
    facts = attempt.lineup.facts(name)
    taints = [taint for taint in facts.taints if untolerated(attempt.pod, [taint]) is not None]
    if facts.unschedulable:
        open_again = partial(_with_spec, unschedulable=None, taints=_without(facts.node, CORDONED))
        yield Change(f"uncordon node {name}", _on_node(name, open_again))
    if any(taint.key in _SILENT for taint in taints):
        heard = partial(_with_spec, taints=_without(facts.node, *_SILENT))
        yield Change(f"bring node {name} back", _on_node(name, heard))
    for taint in taints:
        if not (taint.key or "").startswith("node.kubernetes.io/"):  # Kubernetes would set it again
            away = _on_node(name, partial(_with_spec, taints=_without(facts.node, taint.key or "")))
            yield Change(f"remove the taint {taint_text(taint)} of node {name}", away)
            yield Change(f"let the pod (a new one) tolerate {taint_text(taint)}", partial(_tolerating, taint))


_SILENT = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def _without(node: Node, *keys: str) -> tuple[Taint, ...]:
    return tuple(taint for taint in node.spec.taints if taint.key not in keys)


def _with_spec(node: Node, **fields: Any) -> Node:
    return node.replace(spec=node.spec.replace(**fields))


def _label(attempt: Attempt, name: str) -> Iterator[Change]:
    """Give the node the label that the pod selects."""
    labels = attempt.lineup.facts(name).labels
    for key, value in attempt.pod.spec.node_selector.items():
        if labels.get(key) != value and key != HOSTNAME:
            yield Change(f"label node {name} {key}={value}", _on_node(name, partial(_labelled, key=key, value=value)))


def _labelled(node: Node, *, key: str, value: str) -> Node:
    labels = FrozenDict({**node.metadata.labels, key: value})
    return node.replace(metadata=node.metadata.replace(labels=labels))


# -- what the pod could do without -------------------------------------------------------------------------------------
def _pod_with(draft: Draft, pod: Pod, **fields: Any) -> Pod:
    return pod.replace(spec=pod.spec.replace(**fields))


def _tolerating(taint: Taint, draft: Draft, pod: Pod) -> Pod:
    more = Toleration(key=taint.key, operator="Equal", value=taint.value, effect=taint.effect)
    return _pod_with(draft, pod, tolerations=(*pod.spec.tolerations, more))


def _demand_less(attempt: Attempt, name: str) -> Iterator[Change]:
    """Ask for what is left, drop a selector, make a hard wish about other pods a soft one."""
    spec = attempt.pod.spec
    for resource, asked, capacity, used in unmet_demands(attempt, attempt.node(name)):
        left = capacity - used
        if left > 0:
            text = f"ask for no more than {amount(resource, left)} {resource} (a new pod)"
            yield Change(text, partial(_asking_less, resource, asked - left))
    for key, value in spec.node_selector.items():
        kept = FrozenDict({other: its for other, its in spec.node_selector.items() if other != key})
        text = f"take {key}={value} out of the pod's nodeSelector (a new pod)"
        yield Change(text, partial(_pod_with, node_selector=kept))
    if spec.topology_spread_constraints:
        soft = tuple(each.replace(when_unsatisfiable="ScheduleAnyway") for each in spec.topology_spread_constraints)
        text = "set whenUnsatisfiable: ScheduleAnyway in the pod's topologySpreadConstraints (a new pod)"
        yield Change(text, partial(_pod_with, topology_spread_constraints=soft))
    yield from _without_affinity(attempt.pod)


_HALVES: tuple[tuple[str, Any], ...] = (("node_affinity", None), ("pod_affinity", ()), ("pod_anti_affinity", ()))
"""The parts of an affinity, and what their required terms are where there are none."""


def _without_affinity(pod: Pod) -> Iterator[Change]:
    affinity = pod.spec.affinity
    for field, nothing in _HALVES:
        half = getattr(affinity, field, None)
        if affinity is not None and half is not None and half.required_during_scheduling_ignored_during_execution:
            soft = half.replace(required_during_scheduling_ignored_during_execution=nothing)
            words = field.replace("_", " ").replace("anti ", "anti-")
            text = f"make the pod's required {words} a preferred one (a new pod)"
            yield Change(text, partial(_pod_with, affinity=affinity.replace(**{field: soft})))


def _asking_less(resource: str, less: int, draft: Draft, pod: Pod) -> Pod:
    """The pod of which the containers ask for so much less together, the first ones first."""
    containers = []
    for container in pod.spec.containers:
        resources = container.resources
        has = amount_of(resource, resources.requests.get(resource, Quantity("0")))
        cut = min(has, less)
        now = FrozenDict({**resources.requests, resource: Quantity(amount(resource, has - cut))})
        containers.append(container.replace(resources=resources.replace(requests=now)) if cut else container)
        less -= cut
    return _pod_with(draft, pod, containers=tuple(containers))


# -- what others lose --------------------------------------------------------------------------------------------------
def _move_others(attempt: Attempt, name: str) -> Iterator[Change]:
    """Delete a pod: one that has what the pod wants, or one of the node's, the smallest first."""
    users = [other for _, other in port_users(attempt, name)]
    for claim, _ in claims_of(attempt):
        if "ReadWriteOncePod" in claim.spec.access_modes:
            users += [other for other, _ in attempt.placed(attempt.view.group("pods_by_claim", claim.key))]
    for other in users:
        yield _deletion(other)
    others = sorted(attempt.pods_on(name), key=lambda other: (Attempt(attempt.view, other).scored_requests, other.key))
    for other in others[:MOST_TOLD] + others[-MOST_TOLD:]:
        yield _deletion(other)


def _deletion(other: Pod) -> Change:
    def do(draft: Draft, pod: Pod) -> Pod:
        draft.put("pods", other.key, None)
        return pod

    node = f" from node {other.spec.node_name}" if other.spec.node_name else ""
    return Change(f"delete pod {other.key}{node}", do)


# -- what has to be made or bought -------------------------------------------------------------------------------------
def _make_volumes(attempt: Attempt, name: str) -> Iterator[Change]:
    """A volume for each claim that waits, which the node reaches."""
    bound = {claim.key for claim, volume in claims_of(attempt) if volume is not None}
    for claim, _ in claims_of(attempt):
        if claim.key not in bound:
            size = claim.spec.resources.requests.get("storage")
            of_class = f"of class {claim_class(claim)}" if claim_class(claim) else "without a class"
            text = f"create a PersistentVolume {of_class}, of at least {size}, that node {name} reaches"
            yield Change(f"{text}, for claim {claim.metadata.name}", partial(_new_volume, claim))


def _new_volume(claim: PersistentVolumeClaim, draft: Draft, pod: Pod) -> Pod:
    spec = PersistentVolumeSpec(
        access_modes=claim.spec.access_modes,
        capacity=FrozenDict(claim.spec.resources.requests),
        storage_class_name=claim_class(claim),
        volume_mode=claim.spec.volume_mode,
    )
    name = f"new-for-{claim.metadata.name}"
    labels = claim.spec.selector.match_labels if claim.spec.selector is not None else FrozenDict()
    made = PersistentVolume(metadata=ObjectMeta(name=name, labels=labels), spec=spec)
    draft.put("persistentvolumes", name, made.replace(status=made.status.replace(phase="Available")))
    return pod


def _shape(attempt: Attempt, name: str) -> tuple[Any, ...]:
    """What a node has besides its name: of several that are alike, one more like the first will do."""
    facts = attempt.lineup.facts(name)
    labels = sorted((key, value) for key, value in facts.labels.items() if key != HOSTNAME)
    return (*labels, *sorted(facts.allocatable.items()))


def _add_node(attempt: Attempt, name: str) -> Iterator[Change]:
    """One more node: like this one, and where the pod's bound volumes are."""
    labels = dict(attempt.lineup.facts(name).labels)
    moved = {}
    for _, volume in claims_of(attempt):
        affinity = volume.spec.node_affinity if volume is not None else None
        terms = affinity.required.node_selector_terms if affinity is not None and affinity.required is not None else ()
        for each in terms[0].match_expressions if terms else ():
            if each.operator == "In" and labels.get(each.key or "") not in each.values:
                moved[each.key or ""] = each.values[0]
    moved |= {key: value for key, value in attempt.pod.spec.node_selector.items() if labels.get(key) != value}
    if HOSTNAME not in moved:  # a node of that very name cannot be had a second time
        where = ", but with " + ", ".join(f"{key}={value}" for key, value in sorted(moved.items())) if moved else ""
        yield Change(f"add a node like {name}{where}", partial(_new_node, name, {**labels, **moved}))


def _new_node(like: str, labels: dict[str, str], draft: Draft, pod: Pod) -> Pod:
    node, name = draft.nodes[like], f"new-{like}"
    meta = node.metadata.replace(name=name, labels=FrozenDict({**labels, HOSTNAME: name}))
    spec = node.spec.replace(taints=(), unschedulable=None)
    draft.put("nodes", name, node.replace(metadata=meta, spec=spec))
    return pod
