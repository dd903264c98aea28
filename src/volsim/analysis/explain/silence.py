"""What it means for pods that their node does not answer, or has taints that they have to bear."""

from __future__ import annotations

from volsim.analysis.explain.findings import Findings
from volsim.control.attach_detach import OUT_OF_SERVICE
from volsim.control.node_lifecycle import all_disrupted, detected_at, tainted_at, zone_rate
from volsim.control.taint_eviction import evicted_at, no_execute, patience
from volsim.objects import Node, Pod
from volsim.state import View, is_ready, zone_of
from volsim.state.runtime import Machine

__all__ = ["how_to_replace", "is_silent", "lost_patience", "say_detection", "say_why_silent"]


def is_silent(view: View, node: str) -> bool:
    """Whether nobody hears of a node.

    >>> from volsim import Simulation
    >>> is_silent(Simulation(nodes=1).state, "node01")
    False
    """
    machine: Machine | None = view.get("machines", node)
    return machine is None or not machine.answers


def say_why_silent(found: Findings, node: str) -> None:
    """Why a node does not answer, as only somebody knows who stands beside it, and what runs on there.

    >>> from volsim import Simulation
    >>> sim = Simulation(nodes=1)
    >>> sim.fail_node("node01")
    >>> found = Findings(sim.state, "node/node01")
    >>> say_why_silent(found, "node01")
    >>> found.explanation("").causes[0].text
    'node node01 is off: nothing runs there any more, its disk has what was written to it'
    """
    machine: Machine | None = found.view.get("machines", node)
    address = f"node/{node}"
    if machine is None:
        found.cause("node-unknown", f"there is no machine behind node {node}", address)
    elif machine.destroyed:
        found.cause("node-destroyed", f"node {node} is destroyed with its disk: nothing of it comes back", address)
    elif not machine.powered:
        text = "is off: nothing runs there any more, its disk has what was written to it"
        found.cause("node-off", f"node {node} {text}", address)
    elif not machine.kubelet:
        text = "its containers go on and write, but nobody starts, stops or reports any"
        found.cause("kubelet-stopped", f"the kubelet of node {node} does not run: {text}", address)
    elif not machine.connected:
        text = "its containers go on and write, and nobody can tell them to stop"
        found.cause("node-cut-off", f"node {node} is cut off: {text}", address)


# -- what comes of it --------------------------------------------------------------------------------------------------
def say_detection(found: Findings, node: Node) -> bool:
    """Say how far the control plane is with a silent node: whether it has the taint that its pods have to bear."""
    view, name = found.view, node.metadata.name or ""
    machine: Machine | None = view.get("machines", name)
    address = f"node/{name}"
    if is_ready(node) and machine is not None:
        seconds = view.rules.node_monitor_grace_period
        text = f"a node may be silent for {seconds:g} s, counted from when its last lease was seen"
        found.cause("not-noticed", f"nobody has noticed yet that node {name} is silent: {text}", address)
        text = f"node {name} is found out: it is NotReady then, and so are its pods"
        found.expect("noticed", text, detected_at(view, machine), address)
        return False
    if no_execute(node):
        return True
    _say_why_not_tainted(found, node)
    return False


def _say_why_not_tainted(found: Findings, node: Node) -> None:
    view, name, zone = found.view, node.metadata.name or "", zone_of(node)
    address = f"node/{name}"
    slot_us = tainted_at(view, name)
    if all_disrupted(view):
        text = "no node at all answers, so the fault may be the control plane's: nobody is evicted"
        found.cause("full-disruption", text, address)
        found.remedy("bring one node back: from then on the pods of the others are evicted, each after its full time")
    elif zone_rate(view, zone) <= 0:
        nodes, silent = view.total("zone_health", zone) or (0, 0)
        text = f"{silent} of the {nodes} nodes of its zone are silent: in so small a zone nobody is evicted then"
        found.cause("partial-disruption", text, address)
        found.remedy("bring nodes of the zone back until less than 55 % of them are silent")
    elif slot_us is not None:
        rate = zone_rate(view, zone)
        text = f"nodes of a zone are given up one after the other, {rate:g} in a second, and others come first"
        found.cause("rate-limit", text, address)
        found.expect("tainted", f"node {name} gets the taint that its pods have to bear", slot_us, address)


def lost_patience(found: Findings, pod: Pod, node: Node) -> None:
    """Say when a pod is told to go because of its node's taints, or why it is not."""
    taints = no_execute(node)
    keys = " and ".join(sorted({taint.key or "" for taint in taints}))
    address = f"pod/{pod.metadata.name}"
    due_us = evicted_at(found.view, pod)
    if due_us is not None:
        text = f"pod {pod.key} is told to go: its time with {keys} is over"
        found.expect("evicted", f"{text}; {_what_then(pod)}", due_us, address)
    elif taints and patience(pod.spec.tolerations, taints) is None:
        owner = _owner(pod)
        who = "a DaemonSet's pods always do" if owner == "DaemonSet" else "as its tolerations say"
        found.cause("tolerates", f"pod {pod.key} bears {keys} for ever, {who}: it is never evicted", address)


def _owner(pod: Pod) -> str:
    return next((owner.kind or "" for owner in pod.metadata.owner_references if owner.controller), "")


def _what_then(pod: Pod) -> str:
    match _owner(pod):
        case "":
            return "nobody replaces it"
        case "StatefulSet":
            return "its StatefulSet replaces it when its object is gone, not before"
        case "DaemonSet":
            return "its DaemonSet makes no other while the node is as it is"
        case "ReplicaSet":
            return "its ReplicaSet makes another one at once"
    return f"its {_owner(pod)} decides what follows"


# -- what would help ---------------------------------------------------------------------------------------------------
def how_to_replace(found: Findings, node: str, pod: Pod | None = None) -> None:
    """What an administrator can do about pods of a silent node, and what each way risks, the safest first."""
    view = found.view
    machine: Machine | None = view.get("machines", node)
    off = machine is None or not machine.powered
    if machine is None or not machine.destroyed:
        found.remedy(f"bring node {node} back: its kubelet ends what was told to go, and disks are let go in order")
    risk = "that it is off is certain here" if off else "NOT here: it runs, and then two would write"
    row = view.nodes.get(node)
    if view.rules.out_of_service_taint and row is not None:
        if not any(taint.key == OUT_OF_SERVICE for taint in row.spec.taints):
            found.remedy(
                f"kubectl taint node {node} {OUT_OF_SERVICE}=nodeshutdown:NoExecute: pods are removed within "
                f"{view.rules.pod_gc_period:g} s and disks detached at once; only for a machine that is off ({risk})"
            )
    forced = f"a disk that one node alone may have follows after {view.rules.max_wait_for_unmount:g} s"
    if view.rules.disable_force_detach_on_timeout:
        forced = "a disk that one node alone may have stays where it is"
    twice = "" if off else "; it RUNS ON over there, so there are two of it, and both may write"
    if pod is not None:
        name, space = pod.metadata.name, pod.metadata.namespace
        found.remedy(
            f"kubectl delete pod {name} -n {space} --force --grace-period=0: only its object goes, at once{twice}; "
            f"{forced}"
        )
    if row is not None:
        found.remedy(
            f"kubectl delete node {node}: the objects of its pods go after {view.rules.pod_gc_quarantine:g} s and up "
            f"to two passes of {view.rules.pod_gc_period:g} s{twice}; {forced}"
        )
