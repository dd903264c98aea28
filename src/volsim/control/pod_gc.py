"""Pod garbage collector: removes by force the pods that no kubelet will remove.

Modelled: pods of nodes that do not exist (after a quarantine), terminating pods without a node, terminating pods on
nodes that are out of service (by version), ended pods beyond a threshold. All happens in passes, one every period.
Not modelled: nodes that only the controller's cache does not know.
Source: kube-controller-manager, pkg/controller/podgc/gc_controller.go.

The keys are ``node/name``, ``pod/namespace/name`` and ``ended``. A pass that would find nothing does not take place.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Delete, Put, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.control.workload import has_ended
from volsim.objects import Condition, Node, Pod
from volsim.rules import microseconds
from volsim.state import Change, View, Wake, is_ready

__all__ = ["CONTROLLER", "OUT_OF_SERVICE", "is_abandoned", "removed_at"]

NAME = "pod-gc"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
_ENDED = "ended"


def _next_pass(view: View, time_us: int) -> int:
    """The first pass from a time on."""
    period_us = microseconds(view.rules.pod_gc_period)
    return -(-time_us // period_us) * period_us


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_pods(view: View, change: Change) -> Iterator[Wake]:
    """The next pass has to look at a pod that nobody looks after, and at ended ones if they are too many."""
    before, after = change.before, change.after
    if after is None:
        return
    next_us = _next_pass(view, view.now_us)
    node_name = after.spec.node_name
    if node_name and node_name not in view.nodes and (before is None or before.spec is not after.spec):
        yield Wake(f"node/{node_name}", next_us)
    if is_abandoned(view, after):
        yield Wake(f"pod/{change.key}", next_us)
    if has_ended(after) and (before is None or not has_ended(before)) and _surplus(view) > 0:
        yield Wake(_ENDED, next_us)


def watch_nodes(view: View, change: Change) -> Iterator[Wake]:
    """The next pass has to look at the pods of a node that is gone, or is out of service."""
    before, after = change.before, change.after
    next_us = _next_pass(view, view.now_us)
    if after is None:
        if view.group_size("pods_by_node", change.key):
            yield Wake(f"node/{change.key}", next_us)
    elif _is_out_of_service(after) and (before is None or not _is_out_of_service(before)):
        for pod in view.pods_on(change.key):
            if is_abandoned(view, pod):
                yield Wake(f"pod/{pod.key}", next_us)


def _is_out_of_service(node: Node) -> bool:
    return not is_ready(node) and any(taint.key == OUT_OF_SERVICE for taint in node.spec.taints)


def is_abandoned(view: View, pod: Pod) -> bool:
    """Whether a terminating pod has no kubelet that could finish it, so that the next pass removes it.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> is_abandoned(State.empty(Rules()), Pod())
    False
    """
    if pod.metadata.deletion_timestamp is None:
        return False
    if not pod.spec.node_name:
        return True
    node = view.nodes.get(pod.spec.node_name)
    return view.rules.out_of_service_taint and node is not None and _is_out_of_service(node)


def removed_at(view: View, pod: Pod) -> int | None:
    """When a pod that no kubelet looks after is removed, in microseconds; None if it is not.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> removed_at(State.empty(Rules()), Pod()) is None
    True
    """
    if is_abandoned(view, pod):
        return _next_pass(view, view.now_us)
    node = pod.spec.node_name
    if not node or node in view.nodes:
        return None
    due_us: int | None = view.get("memory", f"{NAME}/{node}")
    if due_us is None:
        due_us = _next_pass(view, _next_pass(view, view.now_us) + microseconds(view.rules.pod_gc_quarantine))
    return due_us


def _surplus(view: View) -> int:
    """How many ended pods there are beyond the threshold."""
    threshold = view.rules.terminated_pod_gc_threshold
    ended = view.total("ended_pods", "")
    return ended[0] - threshold if threshold > 0 and ended is not None else 0


# -- the controller ----------------------------------------------------------------------------------------------------
def sync(view: View, key: str) -> Outcome:
    """Do what the pass at this time does about one key; wait for the next pass at any other time."""
    pass_us = _next_pass(view, view.now_us)
    if view.now_us < pass_us:
        return Outcome(requeue_after_us=pass_us - view.now_us)
    what, _, name = key.partition("/")
    if what == "node":
        return _sync_node(view, name)
    if what == "pod":
        pod = view.pods.get(name)
        if pod is None or not is_abandoned(view, pod):
            return NOTHING
        return Outcome(tuple(_remove(view, pod)), says=f"remove pod {name}, which nobody looks after")
    return _remove_ended(view)


def _sync_node(view: View, name: str) -> Outcome:
    """Put a missing node under quarantine; when that is over and it is still missing, remove its pods."""
    row = f"{NAME}/{name}"
    due_us: int | None = view.get("memory", row)
    missing = name not in view.nodes
    if due_us is None:
        if not missing or not view.group_size("pods_by_node", name):
            return NOTHING
        due_us = _next_pass(view, view.now_us + microseconds(view.rules.pod_gc_quarantine))
        says = f"node {name} is missing: its pods are looked at again"
        return Outcome((Put("memory", row, due_us),), requeue_after_us=due_us - view.now_us, says=says)
    if view.now_us < due_us:
        return Outcome(requeue_after_us=due_us - view.now_us)
    writes: list[Write] = [Put("memory", row, None)]
    if not missing:
        return Outcome(tuple(writes), says=f"node {name} is there again")
    gone = Condition(
        type="DisruptionTarget",
        status="True",
        reason="DeletionByPodGC",
        message="PodGC: node no longer exists",
        last_transition_time=view.now_us,
    )
    for pod in view.pods_on(name):
        writes += _remove(view, pod, gone)
    return Outcome(tuple(writes), says=f"remove the pods of node {name}, which is gone")


def _remove_ended(view: View) -> Outcome:
    """Remove the oldest of the ended pods that are too many. Cost: all pods, whenever there are too many."""
    surplus = _surplus(view)
    if surplus <= 0:
        return NOTHING
    ended = sorted(filter(has_ended, view.pods.values()), key=lambda pod: _ended_order(view, pod))
    writes = [write for pod in ended[:surplus] for write in _remove(view, pod)]
    return Outcome(tuple(writes), says=f"remove {surplus} of {len(ended)} ended pods")


def _ended_order(view: View, pod: Pod) -> tuple[bool, int, str]:
    evicted = pod.status.phase == "Failed" and pod.status.reason == "Evicted"
    return view.rules.pod_gc_evicted_first and not evicted, pod.metadata.creation_timestamp or 0, pod.name


def _remove(view: View, pod: Pod, why: Condition | None = None) -> Iterator[Write]:
    """Delete a pod by force; by version, say first that it has failed."""
    if view.rules.pod_disruption_conditions and not has_ended(pod):
        conditions = pod.status.conditions
        if why is not None:
            conditions = (*(each for each in conditions if each.type != why.type), why)
        yield UpdateStatus(pod.replace(status=pod.status.replace(phase="Failed", conditions=conditions)))
    yield Delete("pods", pod.key, uid=pod.metadata.uid, grace_seconds=0)


CONTROLLER = Controller(
    name=NAME,
    component="pod-garbage-collector",
    watches={"pods": watch_pods, "nodes": watch_nodes},
    sync=sync,
)
