"""Node lifecycle: notices that a node is silent, says so, and taints it.

Modelled: leases and their observation every 5 s, the grace period, conditions, pods marked not ready, taints by
condition, NoExecute taints with the zone's rate limit, partial and full disruption, the return of a node.
Not modelled: nodes that never posted a status, excluded nodes beyond their not counting, probe times after full
disruption.
Source: kube-controller-manager, pkg/controller/nodelifecycle/node_lifecycle_controller.go (monitorNodeHealth,
doNoScheduleTaintingPass, processTaintBaseEviction, handleDisruption, ComputeZoneState).

A heartbeat that arrives is no event here: the time of the last one follows from when the machine fell silent.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Put, Update, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, EventNote, Outcome, normal, warning
from volsim.objects import Node, ObjectMeta, Pod, Taint
from volsim.rules import microseconds
from volsim.state import Change, View, is_ready, zone_of
from volsim.state.runtime import Component, Machine

__all__ = [
    "CONTROLLER",
    "NOT_READY",
    "UNREACHABLE",
    "all_disrupted",
    "detected_at",
    "tainted_at",
    "zone_rate",
    "zone_state",
]

NAME = "node-lifecycle"
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
LARGE_ZONE = 50  # --large-cluster-size-threshold
UNHEALTHY_SHARE = 0.55  # --unhealthy-zone-threshold

_BY_CONDITION = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
}
_OWN_KEYS = frozenset({*_BY_CONDITION.values(), UNSCHEDULABLE})
_POSTED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_machine(view: View, change: Change) -> Iterator[str]:
    """A node needs a look when its machine falls silent or is heard again."""
    before, after = change.before, change.after
    if after is not None and (before is None or before.answers != after.answers):
        yield change.key


def watch_node(view: View, change: Change) -> Iterator[str]:
    """A node needs a look when it changes; all silent nodes, when their zone's state does."""
    before: Node | None = change.before
    after: Node | None = change.after
    if (
        after is None
        or before is None
        or before.spec is not after.spec
        or before.status.conditions is not after.status.conditions
    ):
        yield change.key
    if before is not None and after is not None and before.status.conditions is after.status.conditions:
        return
    if _disruption_changed(view, before, after):
        yield from view.group("nodes_not_ready", "")


def _disruption_changed(view: View, before: Node | None, after: Node | None) -> bool:
    """Whether the write changed the state of a zone, or of all zones together."""
    counts = {zone: (found[0], found[1]) for zone, found in view.totals("zone_health").items()}
    now = {zone: _state(*count) for zone, count in counts.items()}
    for node, sign in ((before, 1), (after, -1)):
        if node is not None:
            nodes, silent = counts.get(zone_of(node), (0, 0))
            counts[zone_of(node)] = (nodes + sign, silent + sign * (not is_ready(node)))
    then = {zone: _state(*count) for zone, count in counts.items() if count[0] > 0}
    return now != then


# -- zones -------------------------------------------------------------------------------------------------------------
def _state(nodes: int, silent: int) -> str:
    if nodes and silent == nodes:
        return "FullDisruption"
    if silent > 2 and silent / nodes >= UNHEALTHY_SHARE:
        return "PartialDisruption"
    return "Normal"


def zone_state(view: View, zone: str) -> str:
    """How a zone is: `Normal`, `PartialDisruption` or `FullDisruption`.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> zone_state(State.empty(Rules()), "/")
    'Normal'
    """
    return _state(*(view.total("zone_health", zone) or (0, 0)))


def all_disrupted(view: View) -> bool:
    """Whether no node of the whole cluster answers: then it is more likely that the control plane is cut off.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> all_disrupted(State.empty(Rules()))
    False
    """
    zones = view.totals("zone_health")
    return bool(len(zones)) and all(nodes == silent for nodes, silent in zones.unordered())


def zone_rate(view: View, zone: str) -> float:
    """How many nodes of a zone get their NoExecute taint in a second; 0 if none may.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> zone_rate(State.empty(Rules()), "/")
    0.1
    """
    nodes, _ = view.total("zone_health", zone) or (0, 0)
    if all_disrupted(view):
        return 0.0
    if zone_state(view, zone) == "PartialDisruption":
        return view.rules.secondary_node_eviction_rate if nodes > LARGE_ZONE else 0.0
    return view.rules.node_eviction_rate


def tainted_at(view: View, node: str) -> int | None:
    """When a silent node's turn comes to get its NoExecute taint, in microseconds; None if it has no number.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> tainted_at(State.empty(Rules()), "node01") is None
    True
    """
    found: int | None = view.get("memory", f"{NAME}/slot/{node}")
    return found


# -- one node ----------------------------------------------------------------------------------------------------------
def detected_at(view: View, machine: Machine) -> int:
    """When a machine that is silent now is found out, in microseconds.

    The grace period counts from when the controller, which looks every 5 s, saw the last lease that was renewed.
    """
    lease_us = microseconds(view.rules.node_lease_renew_interval)
    monitor_us = microseconds(view.rules.node_monitor_period)
    phase_us = machine.heartbeat_phase_us
    renewed_us = max(phase_us + (machine.changed_us - phase_us) // lease_us * lease_us, 0)
    seen_us = max(-(-renewed_us // monitor_us) * monitor_us, _started_at(view))
    found_us = seen_us + microseconds(view.rules.node_monitor_grace_period)
    return -(-found_us // monitor_us) * monitor_us


def _started_at(view: View) -> int:
    """When the controller saw its first node: what a process before it had seen, it does not know."""
    process: Component | None = view.get("components", "controller-manager")
    return process.since_us if process is not None and process.running else 0


def sync(view: View, key: str) -> Outcome:
    """Bring what the API says of one node closer to what is known of it."""
    node = view.nodes.get(key)
    known = view.get("memory", f"{NAME}/known/{key}")
    if node is None:
        return _forget(view, key, known)
    outcome = _judge(view, node)
    if known is not None:
        return outcome
    text = f"Node {key} event: Registered Node {key} in Controller"
    return Outcome(
        (Put("memory", f"{NAME}/known/{key}", node.metadata.uid), *outcome.writes),
        (normal(node, "RegisteredNode", text), *outcome.events),
        outcome.requeue_after_us,
        says=f"register node {key}" + (f"; {outcome.says}" if outcome.says else ""),
    )


def _judge(view: View, node: Node) -> Outcome:
    """What follows from what is heard of a node, or is not."""
    machine: Machine | None = view.get("machines", node.metadata.name or "")
    if machine is not None and not machine.answers:
        at_us = detected_at(view, machine)
        if view.now_us < at_us:
            return Outcome(requeue_after_us=at_us - view.now_us)
        if _says_otherwise(node):
            return _mark_silent(view, node)
    return _taint(view, node)


def _forget(view: View, key: str, known: str | None) -> Outcome:
    if known is None:
        return NOTHING
    gone = Node(metadata=ObjectMeta(name=key, uid=known))
    text = f"Node {key} event: Removing Node {key} from Controller"
    writes = tuple(
        Put("memory", row, None)
        for row in (f"{NAME}/known/{key}", f"{NAME}/slot/{key}")
        if view.get("memory", row) is not None
    )
    return Outcome(writes, (normal(gone, "RemovingNode", text),), says=f"forget node {key}")


def _says_otherwise(node: Node) -> bool:
    """Whether the API still says something of a silent node that only its kubelet could know."""
    return any(each.type in _POSTED and each.status != "Unknown" for each in node.status.conditions)


def _mark_silent(view: View, node: Node) -> Outcome:
    """Make the conditions Unknown and the node's pods not ready."""
    name = node.metadata.name or ""
    conditions = tuple(
        each.replace(
            status="Unknown",
            reason="NodeStatusUnknown",
            message="Kubelet stopped posting node status.",
            last_transition_time=view.now_us,
        )
        if each.type in _POSTED and each.status != "Unknown"
        else each
        for each in node.status.conditions
    )
    writes: list[Write] = [UpdateStatus(node.replace(status=node.status.replace(conditions=conditions)))]
    events: list[EventNote] = []
    if is_ready(node):
        events.append(normal(node, "NodeNotReady", f"Node {name} status is now: NodeNotReady"))
        for pod in view.pods_on(name):
            unready = _not_ready_any_more(view, pod)
            if unready is not pod:
                writes.append(UpdateStatus(unready))
                events.append(warning(pod, "NodeNotReady", "Node is not ready"))
    return Outcome(tuple(writes), tuple(events), says=f"node {name} is silent: its conditions are Unknown")


def _not_ready_any_more(view: View, pod: Pod) -> Pod:
    """The pod with its condition Ready False, if it was True."""
    conditions = tuple(
        each.replace(status="False", last_transition_time=view.now_us)
        if each.type == "Ready" and each.status == "True"
        else each
        for each in pod.status.conditions
    )
    if conditions == pod.status.conditions:
        return pod
    return pod.replace(status=pod.status.replace(conditions=conditions))


# -- taints ------------------------------------------------------------------------------------------------------------
def _taint(view: View, node: Node) -> Outcome:
    """Give the node the taints that follow from its conditions, the NoExecute one when its zone's turn has come."""
    name = node.metadata.name or ""
    taints = _with_no_schedule(node)
    wanted, after_us, slot = _no_execute(view, node)
    if wanted is not None:
        taints = _with_no_execute(view, taints, wanted)
    writes: list[Write] = []
    if taints != node.spec.taints:
        writes.append(Update(node.replace(spec=node.spec.replace(taints=taints))))
    writes += slot
    says = f"taint node {name}: {', '.join(f'{taint.key}:{taint.effect}' for taint in taints) or 'nothing'}"
    return Outcome(tuple(writes), requeue_after_us=after_us, says=says if writes else "")


def _with_no_schedule(node: Node) -> tuple[Taint, ...]:
    """The taints with those NoSchedule ones that follow from the conditions and from cordoning."""
    keys = [_BY_CONDITION.get((each.type or "", each.status or "")) for each in node.status.conditions]
    wanted = [key for key in keys if key is not None] + ([UNSCHEDULABLE] if node.spec.unschedulable else [])
    kept = tuple(
        taint
        for taint in node.spec.taints
        if taint.effect != "NoSchedule" or taint.key not in _OWN_KEYS or taint.key in wanted
    )
    there = {taint.key for taint in kept if taint.effect == "NoSchedule"}
    return (*kept, *(Taint(key=key, effect="NoSchedule") for key in wanted if key not in there))


def _no_execute(view: View, node: Node) -> tuple[str | None, int | None, list[Write]]:
    """The NoExecute taint that the node is to have (empty: none; None: leave it), when to look again, and writes."""
    name, zone = node.metadata.name or "", zone_of(node)
    slot_key, zone_key = f"{NAME}/slot/{name}", f"{NAME}/zone/{zone}"
    slot = view.get("memory", slot_key)
    status = next((each.status for each in node.status.conditions if each.type == "Ready"), None)
    give_back: list[Write] = [] if slot is None else [Put("memory", slot_key, None)]
    if status in (None, "True") or all_disrupted(view):
        return "", None, give_back
    wanted = UNREACHABLE if status == "Unknown" else NOT_READY
    if any(taint.effect == "NoExecute" and taint.key in (NOT_READY, UNREACHABLE) for taint in node.spec.taints):
        return wanted, None, give_back  # it has one already: swapped at once
    rate = zone_rate(view, zone)
    if rate <= 0:
        return None, None, give_back
    if slot is None:  # take a number
        free_us = max(view.get("memory", zone_key) or 0, view.now_us)
        next_us = free_us + round(1_000_000 / rate)
        if free_us <= view.now_us:
            return wanted, None, [Put("memory", zone_key, next_us)]
        return None, free_us - view.now_us, [Put("memory", zone_key, next_us), Put("memory", slot_key, free_us)]
    if slot > view.now_us:
        return None, slot - view.now_us, []
    return wanted, None, give_back


def _with_no_execute(view: View, taints: tuple[Taint, ...], wanted: str) -> tuple[Taint, ...]:
    """The taints with `wanted` as the only one of the two NoExecute taints of silent nodes."""
    kept = tuple(
        taint
        for taint in taints
        if taint.effect != "NoExecute" or taint.key not in (NOT_READY, UNREACHABLE) or taint.key == wanted
    )
    if not wanted or any(taint.effect == "NoExecute" and taint.key == wanted for taint in kept):
        return kept
    return (*kept, Taint(key=wanted, effect="NoExecute", time_added=view.now_us))


CONTROLLER = Controller(
    name=NAME,
    component="node-controller",
    watches={"machines": watch_machine, "nodes": watch_node},
    sync=sync,
)
