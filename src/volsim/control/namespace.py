"""Namespace controller: empties a namespace that is being deleted, then lets it go.

Modelled: the five seconds before it begins, pods before everything else (by version), looking again when the rest
should be gone, the conditions of the status.
Not modelled: discovery failures. While something refuses to go, a real controller looks again every few seconds in
vain; here it does so when something has changed, at the time when the real one would have looked.
Source: kube-controller-manager, pkg/controller/namespace/namespace_controller.go and deletion/*.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from volsim.apiserver.strategy import grace_period
from volsim.apiserver.writes import Delete, Put, Update, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.objects import Condition, GenericObject, Namespace, Pod
from volsim.state import ANY, Change, View, Wake

__all__ = ["CONTROLLER"]

_HESITATION_US = 5_000_000  # namespaceDeletionGracePeriod: late creations are to be seen first
_FINALIZERS_TAKE = 15  # seconds; finalizerEstimateSeconds
_RETRY_FIRST_US, _RETRY_MAX_US = 5_000, 60_000_000  # nsControllerRateLimiter
_FINALIZER = "kubernetes"

_ALL_WELL: Mapping[str, tuple[str, str]] = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_namespaces(view: View, change: Change) -> Iterator[Wake]:
    """A namespace that is being deleted needs a look some seconds after each change, also of its status."""
    if change.after is None:
        yield Wake(change.key, view.now_us)
    elif change.after.metadata.deletion_timestamp is not None:
        yield Wake(change.key, view.now_us + _HESITATION_US)


def watch_content(view: View, change: Change) -> Iterator[Wake]:
    """A namespace needs a look when something of what it waits for is gone: at the next time it would look."""
    if change.after is not None:
        return
    namespace = change.before.metadata.namespace
    waiting: Patience | None = view.get("memory", _memory(namespace)) if namespace else None
    if waiting is not None:
        yield Wake(namespace, waiting.next_look(view.now_us))


def _memory(namespace: str) -> str:
    return f"namespace/{namespace}"


class Patience(NamedTuple):
    """When a namespace is looked at again: every so often, or (no period) in ever longer steps."""

    since_us: int
    """When it was last looked at; without a period, when it first should have been empty."""
    period_us: int | None
    in_grace: bool = False
    """It waits for pods in their grace period, which ends by itself."""

    def next_look(self, now_us: int) -> int:
        """The first time after `since_us` and not before now at which the namespace is looked at.

        >>> Patience(5_000_000, 8_000_000).next_look(6_000_000), Patience(0, None).next_look(6_000)
        (13000000, 15000)
        """
        if self.period_us is not None:
            periods = max(-(-(now_us - self.since_us) // self.period_us), 1)
            return self.since_us + periods * self.period_us
        at_us, step_us = self.since_us + _RETRY_FIRST_US, 2 * _RETRY_FIRST_US
        while at_us < now_us:
            at_us += step_us
            step_us = min(2 * step_us, _RETRY_MAX_US)
        return at_us


# -- the controller ----------------------------------------------------------------------------------------------------
def sync(view: View, key: str) -> Outcome:
    """Delete what is left in one terminating namespace; when nothing is left, let it go."""
    namespace = view.namespaces.get(key)
    if namespace is None:
        return _forget(view, key)
    metadata = namespace.metadata
    if metadata.deletion_timestamp is None or _FINALIZER not in namespace.spec.finalizers:
        return NOTHING
    begin_us = metadata.deletion_timestamp + _HESITATION_US
    if view.now_us < begin_us:
        return Outcome(requeue_after_us=begin_us - view.now_us)
    content = [(table, view.get(table, each)) for table, each in view.group("objects_by_namespace", key)]
    pods = [pair for pair in content if pair[0] == "pods"]
    pods_first = view.rules.ordered_namespace_deletion and any(_stays(view, pod) for _, pod in pods)
    return _empty(view, namespace, pods if pods_first else content, pods_first=pods_first)


def _forget(view: View, key: str) -> Outcome:
    known = view.get("memory", _memory(key)) is not None
    return Outcome((Put("memory", _memory(key), None),)) if known else NOTHING


def _empty(view: View, namespace: Namespace, content: list[tuple[str, Any]], *, pods_first: bool) -> Outcome:
    writes: list[Write] = [
        Delete(table, obj.key, uid=obj.metadata.uid)
        for table, obj in content
        if obj.metadata.deletion_timestamp is None or not _stays(view, obj)
    ]
    says = f"namespace {namespace.name}: delete {len(writes)} of {len(content)} objects"
    left = [obj for _, obj in content if _stays(view, obj)]
    look = _next_look(view, namespace, left)
    reported = _reported(view, namespace, left, stuck=look.period_us is None, pods_first=pods_first)
    if reported is not namespace:
        writes.append(UpdateStatus(reported))
    known = view.get("memory", _memory(namespace.name))
    if not left:
        finalizers = tuple(each for each in namespace.spec.finalizers if each != _FINALIZER)
        writes.append(Update(namespace.replace(spec=namespace.spec.replace(finalizers=finalizers))))
        if known is not None:
            writes.append(Put("memory", _memory(namespace.name), None))
        return Outcome(tuple(writes), says=f"namespace {namespace.name} is empty")
    writes.append(Put("memory", _memory(namespace.name), look))
    wait_us = look.period_us if look.in_grace else None
    return Outcome(tuple(writes), requeue_after_us=wait_us, says=says)


def _stays(view: View, obj: Any) -> bool:
    """Whether a deleted object does not go at once."""
    if obj.metadata.finalizers:
        return True
    if not isinstance(obj, Pod):
        return False
    asked = obj.metadata.deletion_grace_period_seconds
    return bool(grace_period(obj, asked, view.rules))


def _next_look(view: View, namespace: Namespace, left: list[Any]) -> Patience:
    """When to look again, by what is left: pods in their grace period, pods that should have gone, finalizers."""
    deleted_us = namespace.metadata.deletion_timestamp or 0
    pods = [obj for obj in left if isinstance(obj, Pod)]
    running = (pod for pod in pods if pod.status.phase not in ("Succeeded", "Failed"))
    grace = max((pod.spec.termination_grace_period_seconds or 0 for pod in running), default=0)
    if view.now_us < deleted_us + grace * 1_000_000:
        return Patience(view.now_us, _period_us(grace), in_grace=True)
    if not pods or any(pod.metadata.finalizers for pod in pods):
        return Patience(view.now_us, _period_us(_FINALIZERS_TAKE))
    known: Patience | None = view.get("memory", _memory(namespace.name))
    return known if known is not None and known.period_us is None else Patience(view.now_us, None)


def _period_us(estimate_seconds: int) -> int:
    return (estimate_seconds // 2 + 1) * 1_000_000


# -- status ------------------------------------------------------------------------------------------------------------
def _reported(view: View, namespace: Namespace, left: list[Any], *, stuck: bool, pods_first: bool) -> Namespace:
    """The namespace with its conditions as they should be; the very same object if nothing has changed.

    While pods go first, upstream does not yet say what remains.
    """
    bad: dict[str, tuple[str, str]] = {}
    if left and stuck:
        text = f"unexpected items still remain in namespace: {namespace.name} for gvr: /v1, Resource=pods"
        bad["NamespaceDeletionContentFailure"] = (
            "ContentDeletionFailed",
            f"Failed to delete all resource types, 1 remaining: {text}",
        )
    if left and not pods_first:
        bad["NamespaceContentRemaining"] = (
            "SomeResourcesRemain",
            f"Some resources are remaining: {_counted(map(_resource, left), 'has {} resource instances')}",
        )
    finalizers = [name for obj in left for name in obj.metadata.finalizers]
    if finalizers and not pods_first:
        bad["NamespaceFinalizersRemaining"] = (
            "SomeFinalizersRemain",
            "Some content in the namespace has finalizers remaining: "
            + _counted(finalizers, "in {} resource instances"),
        )
    old = {each.type: each for each in namespace.status.conditions}
    for name, well in _ALL_WELL.items():
        status = "True" if name in bad else "False"
        reason, message = bad.get(name, well)
        found = old.get(name)
        since = found.last_transition_time if found is not None and found.status == status else view.now_us
        old[name] = Condition(type=name, status=status, reason=reason, message=message, last_transition_time=since)
    status_now = namespace.status.replace(conditions=tuple(old.values()))
    return namespace if status_now == namespace.status else namespace.replace(status=status_now)


def _counted(names: Iterable[str], text: str) -> str:
    counts = Counter(names)
    return ", ".join(f"{name} {text.format(counts[name])}" for name in sorted(counts))


def _resource(obj: Any) -> str:
    """A resource as the controller names it: plural, dot, group (the dot stands there without a group, too)."""
    if isinstance(obj, GenericObject):
        return f"{obj.kind.lower()}s.{obj.group}"
    return f"{obj.PLURAL}.{obj.GROUP}"


CONTROLLER = Controller(
    name="namespace",
    component="namespace-controller",
    watches={"namespaces": watch_namespaces, ANY: watch_content},
    sync=sync,
)
