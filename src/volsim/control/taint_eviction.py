"""Taint eviction: deletes the pods that cannot live with a NoExecute taint of their node, when their patience ends.

Modelled: matching tolerations, the shortest tolerationSeconds, the time that runs from when the pod was first affected
and is not changed by further taints that the pod bears for a while, nor by the node's deletion; cancellation when the
taints go, when others come that the pod cannot bear (then it goes at once), and when the pod itself goes; pods that are
being deleted already; the condition DisruptionTarget and the name in events by version.
Not modelled: the limit on deletions at a time.
Source: kube-controller-manager, pkg/controller/tainteviction/taint_eviction.go (processPodOnNode,
addConditionAndDeletePod).

The key of a pod is ``namespace/name@uid``.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Delete, Put, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, EventNote, Outcome, normal
from volsim.objects import Condition, Node, ObjectMeta, Pod, Taint, Toleration
from volsim.objects.tolerations import tolerates
from volsim.state import Change, View

__all__ = ["CONTROLLER", "evicted_at", "no_execute", "patience"]

NAME = "taint-eviction"


def _key(pod: Pod) -> str:
    return f"{pod.key}@{pod.metadata.uid}"


def no_execute(node: Node | None) -> tuple[Taint, ...]:
    """The taints of a node that its pods have to bear.

    >>> no_execute(None)
    ()
    """
    return () if node is None else tuple(taint for taint in node.spec.taints if taint.effect == "NoExecute")


def watch_node(view: View, change: Change) -> Iterator[str]:
    """The pods of a node need a look when its NoExecute taints change."""
    before: Node | None = change.before
    after: Node | None = change.after
    if before is not None and after is not None and before.spec is after.spec:
        return
    if no_execute(before) != no_execute(after):
        yield from map(_key, view.pods_on(change.key))


def watch_pod(view: View, change: Change) -> Iterator[str]:
    """A pod needs a look when it comes to a tainted node, changes its tolerations, or goes."""
    before: Pod | None = change.before
    after: Pod | None = change.after
    for pod in (before, after):
        if pod is None or not pod.spec.node_name:
            continue
        if (
            before is not None
            and after is not None
            and before.spec is after.spec
            and before.metadata.uid == after.metadata.uid
        ):
            return
        if no_execute(view.nodes.get(pod.spec.node_name)) or view.get("memory", f"{NAME}/{_key(pod)}") is not None:
            yield _key(pod)


def evicted_at(view: View, pod: Pod) -> int | None:
    """When a pod is told to go, in microseconds; None while no such time runs.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> evicted_at(State.empty(Rules()), Pod()) is None
    True
    """
    found: int | None = view.get("memory", f"{NAME}/{_key(pod)}")
    return found


def tolerates_all(tolerations: tuple[Toleration, ...], taints: tuple[Taint, ...]) -> bool:
    """Whether there is a toleration for each of the taints, for ever or for a while."""
    return all(any(tolerates(toleration, taint) for toleration in tolerations) for taint in taints)


def patience(tolerations: tuple[Toleration, ...], taints: tuple[Taint, ...]) -> int | None:
    """How many seconds a pod can bear the taints: 0 if it cannot, None if for ever.

    >>> unreachable = Taint(key="node.kubernetes.io/unreachable", effect="NoExecute")
    >>> patience((Toleration(key=unreachable.key, operator="Exists", toleration_seconds=300),), (unreachable,))
    300
    >>> patience((), (unreachable,)), patience((Toleration(operator="Exists"),), (unreachable,))
    (0, None)
    """
    if not tolerates_all(tolerations, taints):
        return 0
    used = [next(each for each in tolerations if tolerates(each, taint)) for taint in taints]
    limits = [each.toleration_seconds for each in used if each.toleration_seconds is not None]
    return max(min(limits), 0) if limits else None


def sync(view: View, key: str) -> Outcome:
    """Wait with one pod for the end of its patience, delete it then, or forget about it."""
    pod_key, _, uid = key.rpartition("@")
    pod = view.pods.get(pod_key)
    row = f"{NAME}/{key}"
    due_us: int | None = view.get("memory", row)
    if pod is None or pod.metadata.uid != uid:
        return _cancel(view, _named(pod_key, uid), row) if due_us is not None else NOTHING
    node = view.nodes.get(pod.spec.node_name or "")
    if node is None:
        return NOTHING if due_us is None else _wait(view, pod, due_us)  # a deleted node changes nothing
    taints = no_execute(node)
    seconds = patience(pod.spec.tolerations, taints) if taints else None
    if due_us is None:
        return NOTHING if seconds is None else _begin(view, pod, seconds)
    if seconds is None:
        return _cancel(view, pod, row)
    if not tolerates_all(pod.spec.tolerations, taints):
        cancelled, evicted = _cancel(view, pod, row), _evict(view, pod)
        return evicted._replace(events=(*cancelled.events, *evicted.events))
    return _wait(view, pod, due_us)


def _named(key: str, uid: str) -> Pod:
    """What is known of a pod that is gone."""
    namespace, _, name = key.partition("/")
    return Pod(metadata=ObjectMeta(namespace=namespace, name=name, uid=uid))


def _begin(view: View, pod: Pod, seconds: int) -> Outcome:
    """Let the pod's time run; what other taints come meanwhile does not change when it ends."""
    if not seconds:
        return _evict(view, pod)
    due_us = view.now_us + seconds * 1_000_000
    writes = (Put("memory", f"{NAME}/{_key(pod)}", due_us),)
    return Outcome(writes, requeue_after_us=due_us - view.now_us, says=f"pod {pod.key} has {seconds} s")


def _wait(view: View, pod: Pod, due_us: int) -> Outcome:
    return _evict(view, pod) if view.now_us >= due_us else Outcome(requeue_after_us=due_us - view.now_us)


def _said(view: View, pod: Pod, text: str) -> EventNote:
    """An event by the controller, which once was a part of the node controller with a name of its own."""
    note = normal(pod, "TaintManagerEviction", text)
    return note if view.rules.separate_taint_eviction else note._replace(component="taint-controller")


def _cancel(view: View, pod: Pod, row: str) -> Outcome:
    note = _said(view, pod, f"Cancelling deletion of Pod {pod.key}")
    return Outcome((Put("memory", row, None),), (note,), says=f"do not evict pod {pod.key} any more")


def _evict(view: View, pod: Pod) -> Outcome:
    """Delete the pod. One that is being deleted already is told so as well; nothing else comes of it."""
    row = f"{NAME}/{_key(pod)}"
    writes: list[Write] = [] if view.get("memory", row) is None else [Put("memory", row, None)]
    marked = _marked(view, pod)
    if view.rules.pod_disruption_conditions and marked is not pod:
        writes.append(UpdateStatus(marked))
    writes.append(Delete("pods", pod.key, uid=pod.metadata.uid))
    note = _said(view, pod, f"Marking for deletion Pod {pod.key}")
    return Outcome(tuple(writes), (note,), says=f"evict pod {pod.key} from {pod.spec.node_name}")


def _marked(view: View, pod: Pod) -> Pod:
    """The pod with the condition that says why it goes; the very same one if it has it."""
    why = Condition(
        type="DisruptionTarget",
        status="True",
        reason="DeletionByTaintManager",
        message="Taint manager: deleting due to NoExecute taint",
        last_transition_time=view.now_us,
    )
    old = next((each for each in pod.status.conditions if each.type == why.type), None)
    if old is not None and old.status == "True":
        why = why.replace(last_transition_time=old.last_transition_time)
        if old == why:
            return pod
    others = tuple(each for each in pod.status.conditions if each.type != why.type)
    return pod.replace(status=pod.status.replace(conditions=(*others, why)))


CONTROLLER = Controller(
    name=NAME, component="taint-eviction-controller", watches={"nodes": watch_node, "pods": watch_pod}, sync=sync
)
