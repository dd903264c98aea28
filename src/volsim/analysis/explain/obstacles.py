"""What keeps a pod from one node, in words: every filter of the scheduler that refuses it, and by how much.

The scheduler itself stops at the first filter that refuses a node; whoever wants to change something must know all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from volsim.analysis.explain.explanation import Cause
from volsim.control.scheduler.framework import Attempt, Status
from volsim.control.scheduler.inter_pod_affinity import means, required_terms
from volsim.control.scheduler.node_affinity import required_selector
from volsim.control.scheduler.node_facts import NodeFacts, NodeInfo
from volsim.control.scheduler.node_ports import clash, host_ports
from volsim.control.scheduler.node_resources_fit import unmet_demands
from volsim.control.scheduler.pod_topology_spread import constraints_of, domains_of
from volsim.control.scheduler.search import Prepared, filter_of
from volsim.control.scheduler.taint_toleration import untolerated
from volsim.control.scheduler.volume_binding import BIND_CONFLICT, NO_SPACE, is_bound
from volsim.control.scheduler.volume_zone import topologies_of
from volsim.objects import PersistentVolume, PersistentVolumeClaim, Pod, PodAffinityTerm, Taint
from volsim.objects.binding import reaches
from volsim.quantity import Quantity
from volsim.state import claim_keys_of

__all__ = ["CORDONED", "amount", "claims_of", "obstacles", "port_users", "taint_text"]


CORDONED = "node.kubernetes.io/unschedulable"
"""The taint that a cordoned node gets besides."""


def obstacles(attempt: Attempt, prepared: Prepared, name: str) -> list[Cause]:
    """Everything that keeps the pod of the attempt from a node; empty if it can go there, or to no node at all.

    `prepared` is what the plugins want to ask about the pod.
    """
    node, found = attempt.node(name), list[Cause]()
    for plugin, answer in prepared.filters:
        status = filter_of(answer)(node)
        if status is not None:
            known = _WORDS.get(plugin)
            found += known(attempt, node, status) if known is not None else [_in_kubernetes_words(plugin, node, status)]
    return found


def _in_kubernetes_words(plugin: str, node: NodeInfo, status: Status) -> Cause:
    return _cause("refused-by-filter", node, f"{', '.join(status.reasons)} ({plugin})")


def _cause(code: str, node: NodeInfo, text: str, *objects: str) -> Cause:
    return Cause(code, f"{node.name}: {text}", (f"node/{node.name}", *objects))


def amount(resource: str, number: int) -> str:
    """So much of a resource, as it is counted here, as Kubernetes writes it.

    >>> amount("cpu", 1500), amount("memory", 2**30)
    ('1500m', '1Gi')
    """
    if resource == "cpu":
        return Quantity.of_nano(number * 1_000_000).canonical()
    binary = resource == "memory" or resource.endswith("storage")
    return Quantity.of_nano(number * 1_000_000_000, "BinarySI" if binary else "DecimalSI").canonical()


def taint_text(taint: Taint) -> str:
    """A taint as `kubectl taint` takes it.

    >>> taint_text(Taint(key="dedicated", value="db", effect="NoSchedule"))
    'dedicated=db:NoSchedule'
    """
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"


# -- nodes -------------------------------------------------------------------------------------------------------------
def _cordoned(attempt: Attempt, node: NodeInfo, status: Status) -> Iterator[Cause]:
    yield _cause("cordoned", node, "it is cordoned")


def _tainted(attempt: Attempt, node: NodeInfo, status: Status) -> Iterator[Cause]:
    for taint in node.facts.taints:
        told = taint.key == CORDONED and node.facts.unschedulable  # the same once more
        if untolerated(attempt.pod, [taint]) is not None and not told:
            yield _cause("taint-not-tolerated", node, f"the pod does not tolerate its taint {taint_text(taint)}")


def _not_selected(attempt: Attempt, node: NodeInfo, status: Status) -> Iterator[Cause]:
    for key, value in attempt.pod.spec.node_selector.items():
        has = node.labels.get(key)
        if has != value:
            text = f"its label {key} says {has}" if has is not None else f"it has no label {key}"
            yield _cause("selector-differs", node, f"{text}; the pod's nodeSelector wants {value}")
    wanted = required_selector(attempt.pod)
    if wanted is not None and not wanted.matches(node.labels, {"metadata.name": node.name}):
        yield _cause("affinity-differs", node, "the pod's required node affinity does not match it")


def _too_small(attempt: Attempt, node: NodeInfo, status: Status) -> Iterator[Cause]:
    there = node.usage[0]
    if there >= node.facts.pods:
        yield _cause("too-many-pods", node, f"it takes {node.facts.pods} pods and has {there}")
    for resource, asked, capacity, used in unmet_demands(attempt, node):
        left, missing = max(capacity - used, 0), asked - max(capacity - used, 0)
        text = f"it has {amount(resource, left)} of {amount(resource, capacity)} {resource} left, "
        text += f"{amount(resource, missing)} less than the {amount(resource, asked)} asked for"
        yield _cause("too-little-left", node, text)


def port_users(attempt: Attempt, node: str) -> Iterator[tuple[int, Pod]]:
    """The ports of the host that the pod wants and others have, each with the pod that has it."""
    for wanted in host_ports(attempt.pod):
        for other in attempt.pods_on(node):
            if any(clash(wanted, used) for used in host_ports(other)):
                yield wanted[1], other


def _port_taken(attempt: Attempt, node: NodeInfo, status: Status) -> Iterator[Cause]:
    for port, other in port_users(attempt, node.name):
        yield _cause("port-taken", node, f"pod {other.key} has its port {port}", f"pod/{other.metadata.name}")


# -- volumes -----------------------------------------------------------------------------------------------------------
def claims_of(attempt: Attempt) -> Iterator[tuple[PersistentVolumeClaim, PersistentVolume | None]]:
    """The pod's claims that exist, each with the volume that it is bound to."""
    view = attempt.view
    for key in claim_keys_of(attempt.pod):
        claim = view.persistent_volume_claims.get(key)
        if claim is not None:
            yield claim, view.persistent_volumes.get(claim.spec.volume_name or "") if is_bound(claim) else None


def _volume_elsewhere(attempt: Attempt, node: NodeInfo, status: Status) -> Iterator[Cause]:
    waiting = []
    for claim, volume in claims_of(attempt):
        if volume is None:
            waiting.append(claim.metadata.name or "")
        elif not reaches(volume, node.labels):
            names = f"volume {volume.metadata.name} of claim {claim.metadata.name}"
            objects = (f"pvc/{claim.metadata.name}", f"pv/{volume.metadata.name}")
            yield _cause("volume-elsewhere", node, f"it does not reach {names}, {_place_of(volume)}", *objects)
    if set(status.reasons) & {BIND_CONFLICT, NO_SPACE}:
        text = f"there is no volume for {', '.join(waiting)} that it reaches, and none can be made for it"
        yield _cause("no-volume-here", node, text, *(f"pvc/{name}" for name in waiting))


def _place_of(volume: PersistentVolume) -> str:
    """Where a volume can be used, if one label says so."""
    affinity = volume.spec.node_affinity
    terms = affinity.required.node_selector_terms if affinity is not None and affinity.required is not None else ()
    if len(terms) == 1 and len(terms[0].match_expressions) == 1:
        (only,) = terms[0].match_expressions
        if only.operator == "In":
            return f"which is where {only.key} is {' or '.join(only.values)}"
    return "whose node affinity is another"


def _zone_differs(attempt: Attempt, node: NodeInfo, status: Status) -> Iterator[Cause]:
    bound = [(claim.metadata.name, volume) for claim, volume in claims_of(attempt) if volume is not None]
    for name, volume in bound:
        for key, values in topologies_of(volume, attempt.rules):
            if node.labels.get(key) not in values:
                text = f"volume {volume.metadata.name} of claim {name} is where {key} is {' or '.join(sorted(values))}"
                yield _cause("zone-differs", node, text, f"pvc/{name}", f"pv/{volume.metadata.name}")


def _used_alone(attempt: Attempt, node: NodeInfo, status: Status) -> Iterator[Cause]:
    for claim, _ in claims_of(attempt):
        if "ReadWriteOncePod" in claim.spec.access_modes:
            for other, _ in attempt.placed(attempt.view.group("pods_by_claim", claim.key)):
                text = f"pod {other.key} uses claim {claim.metadata.name}, which is for one pod alone: ReadWriteOncePod"
                yield _cause("claim-in-use", node, text, f"pvc/{claim.metadata.name}", f"pod/{other.metadata.name}")


_PLACED = "explain/placed"  # all pods that have a node: looked up once for all nodes that are explained


# -- other pods --------------------------------------------------------------------------------------------------------
def _not_wanted(attempt: Attempt, node: NodeInfo, status: Status) -> Iterator[Cause]:
    new, view = attempt.pod, attempt.view
    if _PLACED not in attempt.found:
        attempt.found[_PLACED] = list(attempt.placed(view.pods))
    there: list[tuple[Pod, NodeFacts]] = attempt.found[_PLACED]
    for other, at in there:
        for owner, its, who in ((new, other, "the pod does"), (other, new, f"pod {other.key} does")):
            for term in required_terms(owner, anti=True):
                if _are_together(node, at, term) and means(view, term, owner, its):
                    text = f"{who} not want to be with {other.key if owner is new else 'it'}, {_domain(node, term)}"
                    yield _cause("unwanted-neighbour", node, text, f"pod/{other.metadata.name}")
    for term in required_terms(new, anti=False):
        if not any(_are_together(node, at, term) and means(view, term, new, other) for other, at in there):
            yield _cause("no-neighbour", node, f"no pod that the pod wants to be with is there, {_domain(node, term)}")


def _are_together(node: NodeInfo, other: NodeFacts, term: PodAffinityTerm) -> bool:
    key = term.topology_key or ""
    return key in node.labels and node.labels[key] == other.labels.get(key)


def _domain(node: NodeInfo, term: PodAffinityTerm) -> str:
    key = term.topology_key or ""
    return f"where {key} is {node.labels[key]}" if key in node.labels else f"without a label {key}"


def _uneven(attempt: Attempt, node: NodeInfo, status: Status) -> Iterator[Cause]:
    for domains in domains_of(attempt, constraints_of(attempt.pod, "DoNotSchedule")):
        key, most = domains.constraint.key, domains.constraint.max_skew
        value = node.labels.get(key)
        if value is None:
            yield _cause("spread-label-missing", node, f"it has no label {key}, over which the pod is to be spread")
        elif domains.is_uneven(domains.counts.get(value, 0)):
            text = f"where {key} is {value} there are {domains.counts.get(value, 0)} pods of its kind, elsewhere only "
            yield _cause("spread-uneven", node, f"{text}{domains.lowest}; one more would be more than maxSkew {most}")


_WORDS: dict[str, Callable[[Attempt, NodeInfo, Status], Iterator[Cause]]] = {
    "NodeUnschedulable": _cordoned,
    "TaintToleration": _tainted,
    "NodeAffinity": _not_selected,
    "NodeResourcesFit": _too_small,
    "NodePorts": _port_taken,
    "VolumeBinding": _volume_elsewhere,
    "VolumeZone": _zone_differs,
    "VolumeRestrictions": _used_alone,
    "InterPodAffinity": _not_wanted,
    "PodTopologySpread": _uneven,
}
"""By plugin: what it means where it refuses a node. Of the others their own words are given."""
