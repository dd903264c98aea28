"""The API server's write path: what a create, update, patch or delete does to the cluster.

Modelled: conversion of old apiVersions, dropping of fields whose gate is off, admission (namespace, default class,
protection finalizers, default tolerations), defaulting, validation, immutability, uids, resource versions, graceful
deletion, finalizers. A refused request changes nothing.
Not modelled: authentication and authorisation, quotas, webhooks.
Source: kube-apiserver, registry/generic/registry/store.go (Create, Update, Delete),
registry/rest/{create,update,delete}.go.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from volsim.apiserver import admission
from volsim.apiserver.conversion import convert
from volsim.apiserver.defaults import default
from volsim.apiserver.strategy import (
    grace_period,
    name_suffix,
    prepare_for_create,
    prepare_for_status_update,
    prepare_for_update,
    strip_disabled,
    with_generated_selector,
)
from volsim.apiserver.validation import (
    validate_create,
    validate_ephemeral_containers,
    validate_status_update,
    validate_update,
)
from volsim.apiserver.writes import Bind, Create, Put, Update, UpdateStatus, Write
from volsim.errors import AlreadyExists, Conflict, FieldError, Forbidden, Invalid, NotFound
from volsim.objects import Condition, GenericObject, Job, Pod
from volsim.objects._record import FrozenDict
from volsim.objects.kinds import find_kind
from volsim.state import Draft, View

__all__ = [
    "accepted",
    "bind",
    "carry_out",
    "changed",
    "create",
    "delete",
    "resource_name",
    "table_of",
    "update",
    "update_ephemeral_containers",
    "update_status",
]

Warn = Callable[[str], None]


def _quiet(text: str) -> None:
    """Whoever does not care for the API server's warnings."""


def resource_name(obj: Any) -> str:
    """The resource of an object as the API server names it in errors.

    >>> from volsim.objects import Deployment, Pod
    >>> resource_name(Pod()), resource_name(Deployment())
    ('pods', 'deployments.apps')
    """
    if isinstance(obj, GenericObject):
        plural = obj.kind.lower() + ("es" if obj.kind.endswith("s") else "s")
        return f"{plural}.{obj.group}" if obj.group else plural
    return f"{obj.PLURAL}.{obj.GROUP}" if obj.GROUP else str(obj.PLURAL)


def table_of(obj: Any) -> str:
    """The table in which an object is kept: its plural; with the group for kinds that are carried, not modelled."""
    return obj.PLURAL or resource_name(obj)


def carry_out(draft: Draft, write: Write) -> Any:
    """Do what a controller asked for; the object as it is stored, if one is. Raises as the functions below do."""
    if isinstance(write, UpdateStatus):  # by frequency: a match statement costs more than the write of a row
        return update_status(draft, write.obj)
    if isinstance(write, Update):
        return update(draft, write.obj)
    if isinstance(write, Create):
        return create(draft, write.obj)
    if isinstance(write, Bind):
        return bind(draft, write.key, write.uid, write.node)
    if isinstance(write, Put):
        draft.put(write.table, write.key, write.value)
    else:
        delete(
            draft,
            write.table,
            write.key,
            uid=write.uid,
            grace_seconds=write.grace_seconds,
            propagation=write.propagation,
        )
    return None


# -- create ------------------------------------------------------------------------------------------------------------
def create(draft: Draft, obj: Any, *, warn: Warn = _quiet) -> Any:
    """POST: the object as it is stored.

    Raises `Invalid` with all field errors at once, `AlreadyExists`, `NotFound` (its namespace; a version of its kind
    that no server has any more), `Forbidden` (admission).
    """
    obj = accepted(draft, obj, warn)
    table, key = table_of(obj), obj.key
    serial = draft.next_serial()
    stored = obj.replace(
        metadata=obj.metadata.replace(
            uid=_uid(draft.salt, serial),
            creation_timestamp=draft.now_us,
            deletion_timestamp=None,
            deletion_grace_period_seconds=None,
            resource_version=str(serial),
        )
    )
    if isinstance(stored, Job):
        stored = with_generated_selector(stored, draft.rules)
    draft.put(table, key, stored)
    return stored


def accepted(draft: View, obj: Any, warn: Warn = _quiet) -> Any:
    """The object as a POST would store it now, but for uid, version and time. Raises as `create`; writes nothing."""
    if isinstance(obj, GenericObject) and not obj.group and find_kind(obj.kind) is not None:
        raise NotFound(f'no matches for kind "{obj.kind}" in version "{obj.api_version}"')  # from before 1.15
    obj = prepared(draft, obj, warn)
    errors = validate_create(obj, draft.rules)
    if errors:
        raise _invalid(obj, errors)
    if draft.get(table_of(obj), obj.key) is not None:
        raise AlreadyExists(f'{resource_name(obj)} "{obj.metadata.name}" already exists')
    return obj


def prepared(draft: View, obj: Any, warn: Warn = _quiet) -> Any:
    """The object as admission and defaulting make it, ready to be validated. Raises `NotFound` and `Forbidden`."""
    rules = draft.rules
    obj, warnings = convert(obj, rules)
    for text in warnings:
        warn(text)
    metadata = obj.metadata
    if obj.NAMESPACED and not isinstance(obj, GenericObject):
        if not metadata.namespace:
            metadata = metadata.replace(namespace="default")
    elif metadata.namespace and not isinstance(obj, GenericObject):
        metadata = metadata.replace(namespace=None)
    if metadata is not obj.metadata:
        obj = obj.replace(metadata=metadata)
    admission.check_namespace(draft, obj)
    obj = admission.admit(draft, default(obj, rules))
    metadata = obj.metadata
    if not metadata.name and metadata.generate_name:
        name = metadata.generate_name + name_suffix(_seed(draft))
        obj = obj.replace(metadata=metadata.replace(name=name))
    return prepare_for_create(strip_disabled(obj, rules), rules, draft.now_us)


def _seed(view: View) -> int:
    return int.from_bytes(blake2b(f"name/{view.salt}/{view.serial}".encode(), digest_size=8).digest())


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}  # RFC 4122


def _uid(salt: int, serial: int) -> str:
    text = blake2b(f"uid/{salt}/{serial}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:]}"


def _invalid(obj: Any, errors: list[FieldError]) -> Invalid:
    return Invalid.of(
        obj.kind, obj.metadata.name or obj.metadata.generate_name or "", errors, group=getattr(obj, "group", obj.GROUP)
    )


# -- update ------------------------------------------------------------------------------------------------------------
def _current(draft: View, obj: Any) -> Any:
    current = draft.get(table_of(obj), obj.key)
    if current is None:
        raise NotFound(f'{resource_name(obj)} "{obj.metadata.name}" not found')
    if obj.metadata.uid and obj.metadata.uid != current.metadata.uid:
        raise Conflict(
            f'Operation cannot be fulfilled on {resource_name(obj)} "{obj.metadata.name}": StorageError: '
            "invalid object, "
            f"Code: 4, Precondition failed: UID in precondition: {obj.metadata.uid}, "
            f"UID in object meta: {current.metadata.uid}"
        )
    return current


def update(draft: Draft, obj: Any, *, user: bool = False, warn: Warn = _quiet) -> Any:
    """PUT of metadata and spec: the object as it is stored. The last finalizer's removal ends a deleted object.

    With `user`, the object's resourceVersion (if it has one) must still be the server's, and everything is defaulted
    and admitted again. Raises `NotFound`, `Conflict`, `Forbidden`, `Invalid`.
    """
    current = _current(draft, obj)
    if user:
        given = obj.metadata.resource_version
        if given and given != current.metadata.resource_version:
            raise Conflict(
                f'Operation cannot be fulfilled on {resource_name(obj)} "{obj.metadata.name}": the object has been '
                "modified; please apply your changes to the latest version and try again"
            )
        obj, warnings = convert(obj, draft.rules)
        for text in warnings:
            warn(text)
        obj = strip_disabled(default(obj, draft.rules), draft.rules)
        obj = admission.admit_changed(draft, obj, current)
    obj = _checked(draft, obj, current)
    if user:
        admission.admit_update(draft, obj, current)
    return _store(draft, obj, current)


def changed(draft: View, obj: Any) -> Any:
    """The object as a controller's PUT would store it now, but for its version. Raises as `update`; writes nothing."""
    return _checked(draft, obj, _current(draft, obj))


def _checked(draft: View, obj: Any, current: Any) -> Any:
    obj = _with_servers_metadata(prepare_for_update(obj, current, draft.rules), current)
    errors = validate_update(obj, current, draft.rules)
    if errors:
        raise _invalid(obj, errors)
    return obj


_SERVERS = ("uid", "creation_timestamp", "deletion_timestamp", "deletion_grace_period_seconds", "resource_version")
"""What of an object's metadata is the server's alone."""


def _with_servers_metadata(obj: Any, current: Any) -> Any:
    new, kept = obj.metadata, current.metadata
    changed = {name: getattr(kept, name) for name in _SERVERS if getattr(new, name) != getattr(kept, name)}
    return obj.replace(metadata=new.replace(**changed)) if changed else obj


def update_status(draft: Draft, obj: Any, *, user: bool = False) -> Any:
    """PUT of the status: the object as it is stored. Raises `NotFound`, `Conflict`, `Invalid`."""
    current = _current(draft, obj)
    new = prepare_for_status_update(obj, current, draft.rules, draft.now_us)
    if new is current:
        return current
    if user:
        errors = validate_status_update(new, current, draft.rules)
        if errors:
            raise _invalid(new, errors)
    return _store(draft, new, current)


def update_ephemeral_containers(draft: Draft, obj: Any) -> Pod:
    """PUT of a pod's subresource `ephemeralcontainers`: the pod as it is stored; all else of it stays as it is.

    Raises `NotFound` (also where the version has no such subresource), `Invalid`. Source:
    kube-apiserver, pkg/registry/core/pod/strategy.go (podEphemeralContainersStrategy).
    """
    if not isinstance(obj, Pod) or not draft.rules.ephemeral_containers:
        raise NotFound("the server could not find the requested resource")
    current: Pod = _current(draft, obj)
    added = strip_disabled(default(obj, draft.rules), draft.rules).spec.ephemeral_containers
    new = current.replace(spec=current.spec.replace(ephemeral_containers=added))
    new = prepare_for_update(new, current, draft.rules)
    errors = validate_ephemeral_containers(new, current, draft.rules)
    if errors:
        raise _invalid(new, errors)
    stored: Pod = _store(draft, new, current)
    return stored


def _store(draft: Draft, obj: Any, current: Any) -> Any:
    if _finished(obj):
        draft.put(table_of(obj), obj.key, None)
        return obj
    if obj == current:
        return current
    stored = obj.replace(metadata=obj.metadata.replace(resource_version=str(draft.next_serial())))
    draft.put(table_of(stored), stored.key, stored)
    return stored


def _finished(obj: Any) -> bool:
    """Whether a deleted object has nothing left to wait for."""
    metadata = obj.metadata
    if metadata.deletion_timestamp is None or metadata.finalizers:
        return False
    if obj.kind == "Namespace" and obj.spec is not None and obj.spec.finalizers:
        return False
    return not metadata.deletion_grace_period_seconds


# -- bind --------------------------------------------------------------------------------------------------------------
def bind(draft: Draft, key: str, uid: str | None, node: str) -> Pod:
    """POST of a pod's binding: the pod as it is stored, on its node.

    Raises `NotFound`, and `Conflict` if it is another pod, is being deleted, is on a node already or has gates. Source:
    kube-apiserver, pkg/registry/core/pod/storage/storage.go (assignPod); plugin/pkg/admission/podtopologylabels.
    """
    current: Pod | None = draft.pods.get(key)
    name = key.rpartition("/")[2]
    if current is None:
        raise NotFound(f'pods "{name}" not found')
    why = _not_bindable(current, uid)
    if why is not None:
        raise Conflict(f'Operation cannot be fulfilled on pods/binding "{name}": {why}')
    metadata, status = current.metadata, current.status
    found = admission.topology_labels(draft, node)
    if found:
        metadata = metadata.replace(labels=FrozenDict({**metadata.labels, **found}))
    if draft.rules.nominated_node_cleared_when_bound and status.nominated_node_name:
        status = status.replace(nominated_node_name=None)
    scheduled = Condition(type="PodScheduled", status="True", last_transition_time=draft.now_us)
    conditions = (*(each for each in status.conditions if each.type != "PodScheduled"), scheduled)
    status = status.replace(conditions=conditions)
    bound = current.replace(metadata=metadata, spec=current.spec.replace(node_name=node), status=status)
    _store(draft, bound, current)
    return bound


def _not_bindable(pod: Pod, uid: str | None) -> str | None:
    """Why the pod cannot be bound, or None."""
    name = pod.metadata.name
    if uid is not None and uid != pod.metadata.uid:
        return f"Precondition failed: UID in precondition: {uid}, UID in object meta: {pod.metadata.uid}"
    if pod.metadata.deletion_timestamp is not None:
        return f"pod {name} is being deleted, cannot be assigned to a host"
    if pod.spec.node_name:
        return f'pod {name} is already assigned to node "{pod.spec.node_name}"'
    return f"pod {name} has non-empty .spec.schedulingGates" if pod.spec.scheduling_gates else None


# -- delete ------------------------------------------------------------------------------------------------------------
_BLOCKERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


def delete(
    draft: Draft,
    table: str,
    key: str,
    *,
    uid: str | None = None,
    grace_seconds: int | None = None,
    propagation: str = "Background",
) -> bool:
    """DELETE: whether the object is gone at once. Otherwise it has a deletionTimestamp and waits.

    A pod waits for its kubelet for the grace period, any object for its finalizers. Raises `NotFound`, `Conflict` if
    `uid` is given and the object is another one, and `Forbidden` for the namespaces that every cluster has.
    """
    current = draft.get(table, key)
    if current is None:
        raise NotFound(f'{table} "{key.rpartition("/")[2]}" not found')
    if uid is not None and uid != current.metadata.uid:
        raise Conflict(
            f"the UID in the precondition ({uid}) does not match the UID in record ({current.metadata.uid}). "
            "The object might have been deleted and then recreated"
        )
    admission.admit_delete(current)
    metadata = current.metadata
    blocker = _BLOCKERS.get(propagation)
    finalizers = metadata.finalizers
    if blocker is not None and blocker not in finalizers:
        finalizers = (*finalizers, blocker)
    grace = grace_period(current, grace_seconds, draft.rules) if isinstance(current, Pod) else 0
    if metadata.deletion_timestamp is not None:
        before = metadata.deletion_grace_period_seconds or 0
        if grace < before:  # a second delete can only shorten the wait
            since_us = metadata.deletion_timestamp - before * 1_000_000
            metadata = metadata.replace(
                deletion_grace_period_seconds=grace, deletion_timestamp=since_us + grace * 1_000_000
            )
    else:
        metadata = metadata.replace(
            deletion_grace_period_seconds=grace, deletion_timestamp=draft.now_us + grace * 1_000_000
        )
    new = current.replace(metadata=metadata.replace(finalizers=finalizers))
    if new.kind == "Namespace":
        new = new.replace(status=new.status.replace(phase="Terminating"))
    return _store(draft, new, current) is new


def must_exist(namespace: str, view: View) -> None:
    """Raise `NotFound` or `Forbidden` unless objects can be made in `namespace`."""
    found = view.namespaces.get(namespace)
    if found is None:
        raise NotFound(f'namespaces "{namespace}" not found')
    if found.metadata.deletion_timestamp is not None:
        raise Forbidden(f"unable to create new content in namespace {namespace} because it is being terminated")
