"""What the workload controllers share: which pods count, who controls what, and who may take what over.

Modelled: controller references, adoption of orphans by label selector, release of what is not selected any more, pods
made from templates, when a refused creation is tried again.
Not modelled: expectations and stale caches (a controller sees its own writes at once), slow start batches.
Source: kube-controller-manager, pkg/controller/{controller_utils,controller_ref_manager}.go; pkg/api/v1/pod/util.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from volsim.apiserver.requests import accepted, changed
from volsim.apiserver.strategy import grace_period
from volsim.apiserver.writes import Update, Write
from volsim.errors import VolsimError
from volsim.objects import Condition, LabelSelector, ObjectMeta, OwnerReference, Pod, PodTemplateSpec
from volsim.state import Change, View, fingerprint, label_groups, selected_group

__all__ = [
    "Claimed",
    "availability_due_us",
    "backoff_us",
    "claim",
    "condition_of",
    "controlled",
    "controller_of",
    "controller_ref",
    "has_ended",
    "is_active",
    "is_available",
    "is_ready",
    "is_terminating",
    "namespace_ends",
    "owner_keys",
    "pod_of",
    "refusal_of",
    "retry_at_us",
    "scaled_number",
    "selector_of",
    "selects",
    "takes_its_time",
    "template_hash",
    "wants_a_look",
    "with_condition",
    "without_condition",
]

_RETRY_FIRST_US, _RETRY_MAX_US = 5_000, 1_000_000_000  # client-go's DefaultControllerRateLimiter: 5 ms to 1000 s


# -- pods --------------------------------------------------------------------------------------------------------------
def has_ended(pod: Pod) -> bool:
    """Whether the pod's containers have ended for good.

    >>> has_ended(Pod())
    False
    """
    return pod.status.phase in ("Succeeded", "Failed")


def is_active(pod: Pod) -> bool:
    """Whether a pod counts as one of its controller's replicas: neither ended nor being deleted."""
    return not has_ended(pod) and pod.metadata.deletion_timestamp is None


def is_terminating(pod: Pod) -> bool:
    """Whether a pod is being deleted and has not ended yet."""
    return not has_ended(pod) and pod.metadata.deletion_timestamp is not None


def condition_of(obj: Any, name: str) -> Condition | None:
    """The condition called `name` of an object's status, or None."""
    return next((each for each in obj.status.conditions if each.type == name), None)


def is_ready(pod: Pod) -> bool:
    """Whether the pod's Ready condition is true."""
    found = condition_of(pod, "Ready")
    return found is not None and found.status == "True"


def is_available(pod: Pod, min_ready_seconds: int | None, now_us: int) -> bool:
    """Whether the pod has been ready for long enough."""
    return is_ready(pod) and availability_due_us(pod, min_ready_seconds) <= now_us


def availability_due_us(pod: Pod, min_ready_seconds: int | None) -> int:
    """When a ready pod counts as available."""
    found = condition_of(pod, "Ready")
    assert found is not None
    return (found.last_transition_time or 0) + (min_ready_seconds or 0) * 1_000_000


def takes_its_time(view: View, pod: Pod) -> bool:
    """Whether a pod is still there after it has been deleted: it has a grace period or a finalizer."""
    return bool(pod.metadata.finalizers) or grace_period(pod, None, view.rules) > 0


def wants_a_look(before: Pod | None, after: Pod | None) -> bool:
    """Whether a change of a pod is one that its controller cares for."""
    if before is None or after is None:
        return True
    old, new = before.metadata, after.metadata
    return (
        old.labels is not new.labels
        or old.owner_references is not new.owner_references
        or old.deletion_timestamp != new.deletion_timestamp
        or old.uid != new.uid
        or before.status.phase != after.status.phase
        or before.status.conditions != after.status.conditions
    )


def pod_of(template: PodTemplateSpec, owner: Any, name: str | None = None) -> Pod:
    """The pod that a controller makes from a template; without a name, the server makes one up behind the owner's."""
    given = template.metadata
    return Pod(
        metadata=ObjectMeta(
            name=name,
            generate_name=f"{owner.metadata.name}-",
            namespace=owner.metadata.namespace,
            labels=given.labels,
            annotations=given.annotations,
            finalizers=given.finalizers,
            owner_references=(controller_ref(owner),),
        ),
        spec=template.spec,
    )


def template_hash(template: PodTemplateSpec, collisions: int | None) -> str:
    """A short text that is the same for the same template, in the letters of generated names.

    >>> template_hash(PodTemplateSpec(), None) == template_hash(PodTemplateSpec(), None)
    True
    """
    number = fingerprint((template, collisions)) & 0xFFFF_FFFF
    return str(number).translate(_SAFE_DIGITS)


_SAFE_DIGITS = str.maketrans("0123456789", "456789bcdf")  # as upstream spells its 32-bit hash


# -- conditions of a workload ------------------------------------------------------------------------------------------
def with_condition(conditions: tuple[Condition, ...], new: Condition) -> tuple[Condition, ...]:
    """The conditions with `new` as the last, unless one of its type already has the same status and reason.

    The time of the last transition stays while the status does.
    """
    old = next((each for each in conditions if each.type == new.type), None)
    if old is not None and old.status == new.status:
        if old.reason == new.reason:
            return conditions
        new = new.replace(last_transition_time=old.last_transition_time)
    return (*without_condition(conditions, new.type), new)


def without_condition(conditions: tuple[Condition, ...], name: str | None) -> tuple[Condition, ...]:
    """The conditions but the one called `name`."""
    return tuple(each for each in conditions if each.type != name)


# -- numbers that may be percentages -----------------------------------------------------------------------------------
def scaled_number(value: int | str | None, total: int, *, up: bool) -> int:
    """A number, or a percentage of `total` rounded up or down, as a number; 0 for None.

    >>> scaled_number("25%", 3, up=True), scaled_number("25%", 3, up=False), scaled_number(2, 3, up=True)
    (1, 0, 2)
    """
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    percent = int(value.removesuffix("%")) * total
    return -(-percent // 100) if up else percent // 100


# -- controllers -------------------------------------------------------------------------------------------------------
def controller_of(obj: Any) -> OwnerReference | None:
    """The reference to the object's controlling owner, or None.

    >>> controller_of(Pod()) is None
    True
    """
    return next((each for each in obj.metadata.owner_references if each.controller), None)


def controller_ref(owner: Any) -> OwnerReference:
    """The reference by which `owner` controls what it makes or adopts."""
    return OwnerReference(
        api_version=owner.api_version,
        kind=owner.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )


def selector_of(workload: Any) -> LabelSelector:
    """What a workload selects, as a label selector whatever its kind; empty if it has none."""
    selector = workload.spec.selector
    if selector is None:
        return LabelSelector()
    return selector if isinstance(selector, LabelSelector) else LabelSelector(match_labels=selector)


def selects(workload: Any, obj: Any) -> bool:
    """Whether the workload's selector selects the object; an empty one selects nothing."""
    selector = selector_of(workload)
    if not selector.match_labels and not selector.match_expressions:
        return False
    return selector.matches(obj.metadata.labels)


def controlled(view: View, table: str, owner: Any) -> Iterator[Any]:
    """The objects of a table that `owner` controls, by key. Cost: its dependents."""
    rows, uid = view.table(table), owner.metadata.uid
    if table == "pods":
        yield from (rows[key] for key in view.group("pods_by_controller", uid))
        return
    for found, key in view.group("dependents", uid):
        if found == table:
            ref = controller_of(rows[key])
            if ref is not None and ref.uid == uid:
                yield rows[key]


class Claimed(NamedTuple):
    """What a controller has after adoption and release, and the writes that make it so."""

    mine: tuple[Any, ...]
    writes: tuple[Write, ...]


def claim(
    view: View,
    owner: Any,
    table: str,
    *,
    consider: Callable[[Any], bool] = bool,
    member: Callable[[Any], bool] = bool,
) -> Claimed:
    """Adopt the orphans that the owner's selector selects, release what it does not select any more.

    Only objects of which `consider` holds are looked at; to be selected, an object must be a `member` as well. An owner
    that is being deleted neither adopts nor releases. Cost: the owner's dependents, and the orphans that have one label
    in common with its selector.
    """
    alive = owner.metadata.deletion_timestamp is None
    mine: list[Any] = []
    writes: list[Write] = []
    for obj in controlled(view, table, owner):
        if not consider(obj):
            continue
        if selects(owner, obj) and member(obj):
            mine.append(obj)
        elif alive:
            writes.append(Update(_released(obj, owner)))
    for obj in _orphans(view, owner, table) if alive else ():
        if consider(obj) and member(obj) and obj.metadata.deletion_timestamp is None:
            adopted = _adopted(obj, owner)
            mine.append(adopted)
            writes.append(Update(adopted))
    return Claimed(tuple(mine), tuple(writes))


def _orphans(view: View, owner: Any, table: str) -> Iterator[Any]:
    rows = view.table(table)
    group = selected_group(owner.metadata.namespace, selector_of(owner))
    return (rows[key] for key in view.group(f"orphan_{table}", group) if selects(owner, rows[key]))


def _adopted(obj: Any, owner: Any) -> Any:
    others = (each for each in obj.metadata.owner_references if each.uid != owner.metadata.uid)
    return obj.replace(metadata=obj.metadata.replace(owner_references=(*others, controller_ref(owner))))


def _released(obj: Any, owner: Any) -> Any:
    others = tuple(each for each in obj.metadata.owner_references if each.uid != owner.metadata.uid)
    return obj.replace(metadata=obj.metadata.replace(owner_references=others))


def owner_keys(view: View, change: Change, kind: str, table: str) -> Iterable[str]:
    """The keys of the workloads (of a kind, kept in `table`) that control the changed object or may adopt it."""
    keys: dict[str, None] = {}
    for obj in (change.before, change.after):
        if obj is None:
            continue
        ref = controller_of(obj)
        if ref is not None:
            if ref.kind == kind:
                keys[f"{obj.metadata.namespace}/{ref.name}"] = None
        elif obj is change.after:
            for group in label_groups(obj):
                for key in view.group(f"{table}_by_selector", group):
                    if selects(view.table(table)[key], obj):
                        keys[key] = None
    return keys


# -- what the API server would say -------------------------------------------------------------------------------------
def refusal_of(view: View, obj: Any, *, change: bool = False) -> str | None:
    """What the API server would say against creating (or changing) the object now; None if it would take it."""
    try:
        changed(view, obj) if change else accepted(view, obj)
    except VolsimError as error:
        return str(error)
    return None


def namespace_ends(view: View, namespace: str | None) -> bool:
    """Whether nothing can be created in the namespace any more: controllers then say nothing about it."""
    found = view.namespaces.get(namespace or "")
    return found is None or found.metadata.deletion_timestamp is not None


def backoff_us(view: View, since_us: int | None, first_us: int = _RETRY_FIRST_US, most_us: int = _RETRY_MAX_US) -> int:
    """How long to wait before trying again what is refused since `since_us`: at first `first_us`, then ever twice."""
    failing_us = 0 if since_us is None else view.now_us - since_us
    return min(failing_us + first_us, most_us)


def retry_at_us(since_us: int, now_us: int) -> int:
    """When what is refused since `since_us` is tried again, from now on: after 5 ms, 10 ms more, 20 ms more and so on.

    >>> retry_at_us(0, 3_000), retry_at_us(0, 11_000)
    (5000, 15000)
    """
    at_us = since_us + _RETRY_FIRST_US
    while at_us < now_us:
        at_us += min(at_us - since_us + _RETRY_FIRST_US, _RETRY_MAX_US)
    return at_us
