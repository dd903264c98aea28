"""The scheduling queue: which pods wait, and what wakes them.

Modelled: a pod is tried when it appears and when it is changed itself; one that was turned away is tried again when
something happens that may help one of the plugins that turned it away, but not before its back-off is over (since 1.33
only an error's back-off is waited for: an idle scheduler takes the others at once); one whose volumes are being bound
is looked at when they change. Of several pods that a change wakes the more important is tried first, then the one that
was tried the longest time ago.
Not modelled: a more important pod does not overtake those that have been woken before it. Before 1.32 any change of a
kind woke all pods that a plugin had turned away; here only those that it may help, in every version.
Source: kube-scheduler, pkg/scheduler/backend/queue/scheduling_queue.go, plugins/queuesort, eventhandlers.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.control.scheduler.framework import priority_of
from volsim.control.scheduler.memory import Memory
from volsim.control.scheduler.plugins import HINTS
from volsim.objects import PersistentVolume, Pod
from volsim.rules import Rules, microseconds
from volsim.state import Change, First, View, Wake, Watch

__all__ = ["NAME", "WATCHES", "must_wait", "next_backoff_us", "wants_a_node"]

NAME = "default-scheduler"
"""The scheduler that a pod gets unless it asks for another."""


def wants_a_node(pod: Pod) -> bool:
    """Whether it is for this scheduler to find the pod a node, now.

    >>> from volsim.objects import PodSpec
    >>> wants_a_node(Pod()), wants_a_node(Pod(spec=PodSpec(scheduler_name="other")))
    (True, False)
    """
    spec = pod.spec
    return (
        not spec.node_name
        and spec.scheduler_name in (NAME, "", None)
        and not spec.scheduling_gates
        and pod.metadata.deletion_timestamp is None
        and pod.status.phase not in ("Succeeded", "Failed")
    )


def next_backoff_us(rules: Rules, before_us: int) -> int:
    """The back-off after one more attempt: the first, then twice the one before, up to the highest.

    >>> next_backoff_us(Rules(), 0), next_backoff_us(Rules(), 4_000_000), next_backoff_us(Rules(), 8_000_000)
    (1000000, 8000000, 10000000)
    """
    first, most = microseconds(rules.scheduler_backoff_initial), microseconds(rules.scheduler_backoff_max)
    return min(before_us * 2 or first, most)


def must_wait(view: View, memory: Memory) -> bool:
    """Whether the pod's back-off is not over, and has to be waited for."""
    if memory.until_us <= view.now_us:
        return False
    early = view.rules.scheduler_pops_from_backoff or view.rules.pod_update_ends_backoff
    return not (early and memory.rejected_by)  # an error's back-off is always waited for


# -- what wakes --------------------------------------------------------------------------------------------------------
def watch_pod(view: View, change: Change) -> Iterator[str | Wake | First]:
    """A pod that wants a node needs a look when it is new or changed, but not when only its status is.

    A new pod is tried within a millisecond or two. Whoever else is at work takes several requests: a claim that was
    made just before it is not bound yet.
    """
    before, after = change.before, change.after
    if after is not None and wants_a_node(after) and (before is None or _asks_otherwise(before, after)):
        yield First(change.key) if before is None else change.key
    elif view.get("scheduling", change.key) is not None and (after is None or not wants_a_node(after)):
        yield change.key  # it need not be remembered any more
    if (before is not None and before.spec.node_name) or (after is not None and after.spec.node_name):
        yield from _helped(view, change)


def _asks_otherwise(before: Pod, after: Pod) -> bool:
    old, new = before.metadata, after.metadata
    return before.spec is not after.spec or (old.labels, old.uid) != (new.labels, new.uid)


def watch_claim(view: View, change: Change) -> Iterator[str | Wake]:
    """A claim wakes the pods whose volumes are being bound with it, and those that it may help."""
    yield from _binding(view, change.key)
    yield from _helped(view, change)


def watch_volume(view: View, change: Change) -> Iterator[str | Wake]:
    """A volume wakes the pods whose claims are being bound to it, and those that it may help."""
    for volume in (change.before, change.after):
        if volume is not None:
            yield from _binding(view, _claim_key(volume))
    yield from _helped(view, change)


def watch_node(view: View, change: Change) -> Iterator[str | Wake]:
    """A node that is gone wakes the pods for which it is reserved; a node wakes those that it may help."""
    if change.after is None:
        yield from view.group("pods_reserved", change.key)
    yield from _helped(view, change)


def _claim_key(volume: PersistentVolume) -> str:
    ref = volume.spec.claim_ref
    return f"{ref.namespace}/{ref.name}" if ref is not None else ""


def _binding(view: View, claim: str) -> Iterator[str]:
    """The pods whose volumes are being bound and that use the claim."""
    if view.group_size("pods_reserved", ""):
        for key in view.group("pods_by_claim", claim):
            memory: Memory | None = view.get("scheduling", key)
            if memory is not None and memory.is_binding:
                yield key


def _helped(view: View, change: Change) -> Iterator[str | Wake]:
    """The pods that a change may help, each once, in the order of the queue; those in back-off at its end."""
    found: dict[str, Pod] = {}
    for plugin, hint in HINTS.get(change.table, ()):
        for key in view.group("pods_rejected", plugin):
            pod = view.pods.get(key)
            if pod is not None and key not in found and hint(view, change, pod):
                found[key] = pod
    for pod in sorted(found.values(), key=lambda pod: _turn(view, pod)) if len(found) > 1 else found.values():
        memory: Memory = view.get("scheduling", pod.key)
        waits = memory.until_us > view.now_us and not view.rules.scheduler_pops_from_backoff
        yield Wake(pod.key, memory.until_us) if waits else pod.key


def _turn(view: View, pod: Pod) -> tuple[int, int, int, str]:
    """What the queue is sorted by: the priority, then who was tried, or came, the longest time ago."""
    memory: Memory = view.get("scheduling", pod.key)
    tried_us = memory.until_us - memory.backoff_us
    return (-priority_of(pod), tried_us, pod.metadata.creation_timestamp or 0, pod.key)


WATCHES: dict[str, Watch] = dict.fromkeys(HINTS, _helped) | {
    "pods": watch_pod,
    "persistentvolumeclaims": watch_claim,
    "persistentvolumes": watch_volume,
    "nodes": watch_node,
}
"""By table: what wakes the scheduler."""
