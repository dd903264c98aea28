"""Why a pod has no node: what holds it, what each node lacks, from the pod to claim, volume and zone; what would help.

>>> import volsim
>>> sim = volsim.Simulation(nodes=2)
>>> sim.cordon("node01")
>>> sim.taint("node02", "dedicated", "db", effect="NoSchedule")
>>> _ = sim.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
...     "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}})
>>> sim.settle()
0.0
>>> print(explain_pending(sim.state, sim.get("pod/web")))
pod/web is Pending: none of 2 nodes can take it.
- cordoned: node01: it is cordoned
- taint-not-tolerated: node02: the pod does not tolerate its taint dedicated=db:NoSchedule
What would help:
- uncordon node node01
- remove the taint dedicated=db:NoSchedule of node node02
- let the pod (a new one) tolerate dedicated=db:NoSchedule
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.analysis.explain import claims
from volsim.analysis.explain.changes import changes, smallest
from volsim.analysis.explain.explanation import Cause, Explanation
from volsim.analysis.explain.obstacles import obstacles
from volsim.control.persistent_volume.binder import delays_binding
from volsim.control.scheduler.framework import Attempt, priority_of
from volsim.control.scheduler.memory import Memory
from volsim.control.scheduler.node_resources_fit import unmet_demands
from volsim.control.scheduler.queue import NAME, wants_a_node
from volsim.control.scheduler.search import Found, prepare, search
from volsim.control.scheduler.volume_binding import is_bound
from volsim.objects import PersistentVolumeClaim, Pod, Volume
from volsim.state import Draft, State, View

__all__ = ["explain_pending"]

MOST_LISTED = 10
"""How many nodes are told of: the nearest ones. Nobody reads more."""
MOST_ASKED = 20
"""Of how many nodes that are refused for the same reason all obstacles are looked for."""
MOST_CHANGED = 4
"""For how many nodes changes are tried."""


def explain_pending(view: View, pod: Pod) -> Explanation:
    """Why a pod that does not run yet has no node, or cannot start on one that it was given past the scheduler."""
    if pod.spec.node_name:
        return _named_node(view, pod)
    held = _held_back(pod)
    if held is not None:
        return held
    memory: Memory | None = view.get("scheduling", pod.key)
    if memory is not None and memory.is_binding and memory.uid == pod.metadata.uid:
        return _binding(view, pod, memory)
    return _unplaced(view, pod)


def _about(pod: Pod, why: str, causes: tuple[Cause, ...] = (), remedies: tuple[str, ...] = ()) -> Explanation:
    address = f"pod/{pod.metadata.name}"
    return Explanation(address, f"{address} is Pending: {why}", causes, remedies)


# -- not for the scheduler ---------------------------------------------------------------------------------------------
def _held_back(pod: Pod) -> Explanation | None:
    """A pod that this scheduler does not look at, yet or ever."""
    gates = [gate.name or "" for gate in pod.spec.scheduling_gates]
    if gates:
        causes = tuple(Cause("gated", f"the scheduling gate {gate} is closed") for gate in gates)
        remedy = f"take {', '.join(gates)} out of spec.schedulingGates: whoever set them is to do that"
        return _about(pod, "the scheduler does not look at it while it has scheduling gates.", causes, (remedy,))
    if not wants_a_node(pod) and pod.spec.scheduler_name not in (NAME, "", None):
        name = pod.spec.scheduler_name
        cause = Cause("no-such-scheduler", f"it waits for the scheduler {name}; there is only {NAME}")
        return _about(pod, "nobody looks for a node for it.", (cause,), ("leave schedulerName out (in a new pod)",))
    return None


def _named_node(view: View, pod: Pod) -> Explanation:
    """A pod with a node that does not run yet: the claims that it waits for."""
    node = pod.spec.node_name or ""
    if node not in view.nodes:
        cause = Cause("node-missing", f"there is no node {node}", (f"node/{node}",))
        text = f"its nodeName names node {node}, which does not exist: it will be deleted."
        return _about(pod, text, (cause,), (f"register a node {node}", "leave nodeName out (in a new pod)"))
    causes, remedies = _of_claims(view, pod)
    late = [claim for claim in _claims(view, pod) if _waits_for_the_scheduler(view, claim)]
    if late:
        names = ", ".join(claim.metadata.name or "" for claim in late)
        text = f"node {node} was named in its nodeName, so the scheduler, which alone chooses for {names}, never saw it"
        causes = (Cause("not-scheduled", text, tuple(f"pvc/{claim.metadata.name}" for claim in late)), *causes)
        remedies = (f"select the node by nodeSelector kubernetes.io/hostname: {node} (in a new pod)", *remedies)
    if not causes:
        return _about(pod, f"it is on node {node}, which is to start it.")
    return _about(pod, f"it is on node {node}, but cannot start there.", causes, remedies)


def _waits_for_the_scheduler(view: View, claim: PersistentVolumeClaim) -> bool:
    return not is_bound(claim) and delays_binding(view, claim) is True


# -- being bound -------------------------------------------------------------------------------------------------------
def _binding(view: View, pod: Pod, memory: Memory) -> Explanation:
    """A pod for which a node is reserved."""
    left = (memory.deadline_us - view.now_us) / 1_000_000
    causes = []
    for key, name in memory.bindings:
        claim = view.persistent_volume_claims.get(key)
        if claim is not None and not is_bound(claim):
            text = f"claim {key} is to be bound to volume {name}"
            causes.append(Cause("claim-being-bound", text, (f"pvc/{key.partition('/')[2]}", f"pv/{name}")))
    more, remedies = _of_claims(view, pod)
    text = f"node {memory.node} is reserved for it until its volumes are bound; the scheduler gives up in {left:g} s."
    return _about(pod, text, (*causes, *more), remedies)


# -- not placed --------------------------------------------------------------------------------------------------------
def _unplaced(view: View, pod: Pod) -> Explanation:
    attempt = Attempt(view, pod)
    found = search(attempt)
    if len(found.nodes):
        address, names = f"pod/{pod.metadata.name}", _some(found.nodes.names)
        text = f"{address} is Pending, but not for long: {names} can take it; it is to be tried again."
        return Explanation(address, text)
    if found.whole is not None:
        causes, remedies = _of_claims(view, pod)
        told = causes or (Cause("refused", ", ".join(found.whole[1].reasons)),)
        return _about(pod, "it cannot be placed on any node.", told, remedies)
    count = attempt.node_count
    if not count:
        return _about(pod, "there is no node.", (), ("add a node",))
    waits = _victims(attempt)
    if waits:
        return _about(pod, f"less important pods make room for it on node {pod.status.nominated_node_name}.", waits)
    rows = _rows(attempt, found)
    listed = tuple(cause for row in rows[:MOST_LISTED] for cause in row)
    summed = tuple(_summary(found, count)) if count > MOST_LISTED else ()
    near = [row[0].objects[0].partition("/")[2] for row in rows[:MOST_CHANGED] if row]
    remedies = tuple(smallest(_sealed(view), pod, changes(attempt, near)))
    whose = f"none of {count} nodes can" if count > 1 else "the only node cannot"
    return _about(pod, f"{whose} take it.", (*listed, *summed), remedies)


def _rows(attempt: Attempt, found: Found) -> list[list[Cause]]:
    """Of some nodes of each reason what they lack: the nearest first, which lack least."""
    prepared, names = prepare(attempt), list[str]()
    for each in found.refused:
        names += attempt.lineup.names(each.nodes)[:MOST_ASKED]
    if prepared.only is not None:
        names += sorted(name for name in attempt.lineup.place if name not in prepared.only)[:MOST_ASKED]
    rows = {name: obstacles(attempt, prepared, name) for name in names}
    order = sorted(names, key=lambda name: (len(rows[name]), _shortage(attempt, name), name))
    return [rows[name] for name in order if rows[name]]


def _shortage(attempt: Attempt, name: str) -> float:
    """Which part of what the pod asks for the node does not have left, over all resources."""
    unmet = unmet_demands(attempt, attempt.node(name))
    return sum((asked - max(capacity - used, 0)) / asked for _, asked, capacity, used in unmet)


def _summary(found: Found, count: int) -> Iterator[Cause]:
    """How many nodes there are of each reason, in Kubernetes' words."""
    for each in sorted(found.refused, key=lambda each: -each.nodes.bit_count()):
        text = f"of {count} nodes {each.nodes.bit_count()}: {', '.join(each.status.reasons)}"
        yield Cause("nodes-refused", text)


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _victims(attempt: Attempt) -> tuple[Cause, ...]:
    """The pods that are on their way out of the nominated node."""
    name = attempt.pod.status.nominated_node_name or ""
    if name not in attempt.lineup.place:
        return ()
    going = [
        other
        for other in attempt.pods_on(name)
        if other.metadata.deletion_timestamp is not None and priority_of(other) < priority_of(attempt.pod)
    ]
    return tuple(Cause("victim-leaving", f"pod {each.key} is on its way out", (f"pod/{each.name}",)) for each in going)


def _sealed(view: View) -> State:
    if isinstance(view, State):
        return view
    assert isinstance(view, Draft)
    return view.seal()


# -- claims ------------------------------------------------------------------------------------------------------------
def _claims(view: View, pod: Pod) -> Iterator[PersistentVolumeClaim]:
    for volume in pod.spec.volumes:
        claim = view.persistent_volume_claims.get(f"{pod.metadata.namespace}/{_claim_name(pod, volume)}")
        if claim is not None:
            yield claim


def _claim_name(pod: Pod, volume: Volume) -> str | None:
    if volume.persistent_volume_claim is not None:
        return volume.persistent_volume_claim.claim_name
    return f"{pod.metadata.name}-{volume.name}" if volume.ephemeral is not None else None


def _of_claims(view: View, pod: Pod) -> tuple[tuple[Cause, ...], tuple[str, ...]]:
    """What is wrong with the pod's claims, with what their own explanations say; and what would help them."""
    causes: list[Cause] = []
    remedies: list[str] = []
    for volume in pod.spec.volumes:
        name = _claim_name(pod, volume)
        if name is None:
            continue
        claim = view.persistent_volume_claims.get(f"{pod.metadata.namespace}/{name}")
        if claim is None:
            text = f"its volume {volume.name} is claim {name}, which namespace {pod.metadata.namespace} does not have"
            causes.append(Cause("claim-missing", text, (f"pvc/{name}",)))
            remedies.append(f"create a PersistentVolumeClaim {name} in namespace {pod.metadata.namespace}")
        elif not is_bound(claim) or claim.status.phase == "Lost" or claim.metadata.deletion_timestamp is not None:
            why = claims.explain(view, claim)
            text = f"its volume {volume.name} is claim {name}: {why.summary}"
            causes.append(Cause("claim-not-usable", text, (f"pvc/{name}",)))
            causes += [each._replace(text=f"claim {name}: {each.text}") for each in why.causes]
            remedies += why.remedies
    return tuple(causes), tuple(dict.fromkeys(remedies))
