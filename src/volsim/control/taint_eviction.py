"""Taint eviction: deletes the pods that cannot live with a NoExecute taint of their node, when their patience ends.

Modelled: matching tolerations, the shortest tolerationSeconds, the time that counts from when the pod was first
affected, cancellation when the taint goes, the condition DisruptionTarget by version.
Not modelled: the limit on deletions at a time.
Source: kube-controller-manager, pkg/controller/tainteviction/taint_eviction.go (processPodOnNode,
addConditionAndDeletePod).

The key of a pod is ``namespace/name@uid``.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Delete, Put, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, Outcome, normal
from volsim.objects import Condition, Node, Pod, Taint, Toleration
from volsim.objects.tolerations import tolerates
from volsim.state import Change, View

__all__ = ["CONTROLLER", "patience"]

NAME = "taint-eviction"


def _key(pod: Pod) -> str:
    return f"{pod.key}@{pod.metadata.uid}"


def _no_execute(node: Node | None) -> tuple[Taint, ...]:
    return () if node is None else tuple(taint for taint in node.spec.taints if taint.effect == "NoExecute")


def watch_node(view: View, change: Change) -> Iterator[str]:
    """The pods of a node need a look when its NoExecute taints change."""
    before: Node | None = change.before
    after: Node | None = change.after
    if before is not None and after is not None and before.spec is after.spec:
        return
    if _no_execute(before) != _no_execute(after):
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
        if _no_execute(view.nodes.get(pod.spec.node_name)) or view.get("memory", f"{NAME}/{_key(pod)}") is not None:
            yield _key(pod)


def patience(tolerations: tuple[Toleration, ...], taints: tuple[Taint, ...]) -> int | None:
    """How many seconds a pod can bear the taints: 0 if it cannot, None if for ever.

    >>> unreachable = Taint(key="node.kubernetes.io/unreachable", effect="NoExecute")
    >>> patience((Toleration(key=unreachable.key, operator="Exists", toleration_seconds=300),), (unreachable,))
    300
    >>> patience((), (unreachable,)), patience((Toleration(operator="Exists"),), (unreachable,))
    (0, None)
    """
    used: list[Toleration] = []
    for taint in taints:
        found = [toleration for toleration in tolerations if tolerates(toleration, taint)]
        if not found:
            return 0
        used.append(found[0])
    limits = [each.toleration_seconds for each in used if each.toleration_seconds is not None]
    return max(min(limits), 0) if limits else None


def sync(view: View, key: str) -> Outcome:
    """Wait with one pod for the end of its patience, delete it then, or forget about it."""
    pod_key, _, uid = key.rpartition("@")
    pod = view.pods.get(pod_key)
    row = f"{NAME}/{key}"
    since_us = view.get("memory", row)
    if pod is None or pod.metadata.uid != uid:
        return NOTHING if since_us is None else Outcome((Put("memory", row, None),))
    taints = _no_execute(view.nodes.get(pod.spec.node_name or ""))
    seconds = patience(pod.spec.tolerations, taints) if taints else None
    if seconds is None:
        return NOTHING if since_us is None else _cancel(pod, row)
    begin: list[Write] = [Put("memory", row, view.now_us)] if since_us is None else []
    due_us = (view.now_us if since_us is None else since_us) + seconds * 1_000_000
    if view.now_us < due_us:
        return Outcome(
            tuple(begin), requeue_after_us=due_us - view.now_us, says=f"pod {pod.key} has {seconds} s" if begin else ""
        )
    return _evict(view, pod, [] if since_us is None else [Put("memory", row, None)])


def _cancel(pod: Pod, row: str) -> Outcome:
    note = normal(pod, "TaintManagerEviction", f"Cancelling deletion of Pod {pod.key}")
    return Outcome((Put("memory", row, None),), (note,), says=f"let pod {pod.key} stay")


def _evict(view: View, pod: Pod, writes: list[Write]) -> Outcome:
    if pod.metadata.deletion_timestamp is not None:
        return Outcome(tuple(writes))  # it is on its way out, or would be if its node were there
    if view.rules.pod_disruption_conditions:
        writes.append(UpdateStatus(_marked(view, pod)))
    writes.append(Delete("pods", pod.key, uid=pod.metadata.uid))
    note = normal(pod, "TaintManagerEviction", f"Marking for deletion Pod {pod.key}")
    return Outcome(tuple(writes), (note,), says=f"evict pod {pod.key} from {pod.spec.node_name}")


def _marked(view: View, pod: Pod) -> Pod:
    """The pod with the condition that says why it goes."""
    why = Condition(
        type="DisruptionTarget",
        status="True",
        reason="DeletionByTaintManager",
        message="Taint manager: deleting due to NoExecute taint",
        last_transition_time=view.now_us,
    )
    others = tuple(each for each in pod.status.conditions if each.type != "DisruptionTarget")
    return pod.replace(status=pod.status.replace(conditions=(*others, why)))


CONTROLLER = Controller(
    name=NAME, component="taint-eviction-controller", watches={"nodes": watch_node, "pods": watch_pod}, sync=sync
)
