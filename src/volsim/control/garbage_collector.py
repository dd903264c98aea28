"""Garbage collector: what becomes of objects whose owners are gone, or are waiting for them to go.

Modelled: background, foreground and orphan deletion, owners that are gone or never were (by kind, name, uid), several
owners, owners of kinds that are carried but not modelled.
Not modelled: the event OwnerRefInvalidNamespace, retries for kinds that nobody knows (such references keep an object).
Source: kube-controller-manager, pkg/controller/garbagecollector/{garbagecollector,graph_builder}.go.

The key of an object is ``table/namespace/name`` or ``table/name``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from volsim.apiserver.requests import table_of
from volsim.apiserver.writes import Delete, Update, Write
from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.control.writing import without_finalizer
from volsim.objects import GenericObject, ObjectMeta, OwnerReference
from volsim.objects.kinds import KINDS, group_of
from volsim.state import ANY, Change, View

__all__ = ["CONTROLLER", "FOREGROUND", "ORPHAN"]

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
"""The finalizers by which an object waits for its dependents: to be gone, or to be let go."""


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_all(view: View, change: Change) -> Iterator[str]:
    """An object needs a look when its owners change, go or begin to wait for it; an owner when its dependents do."""
    before, after = change.before, change.after
    old = before.metadata if before is not None else None
    new = after.metadata if after is not None else None
    if old is not None and (new is None or new.uid != old.uid):
        yield from _owners_waiting(view, before)
        yield from _dependents(view, old.uid)
        old = None
    if new is None:
        return
    if old is None or old.owner_references != new.owner_references:
        if not all(_is_solid(_owner(view, after, ref)) for ref in new.owner_references):
            yield f"{change.table}/{change.key}"
        if old is not None:
            yield from _owners_waiting(view, before)
    if _waiting_for(new) != (_waiting_for(old) if old is not None else frozenset()):
        yield f"{change.table}/{change.key}"
        yield from _dependents(view, new.uid)


def _waiting_for(metadata: ObjectMeta) -> frozenset[str]:
    """The finalizers by which a deleted object waits for its dependents."""
    if metadata.deletion_timestamp is None:
        return frozenset()
    return frozenset(metadata.finalizers) & {FOREGROUND, ORPHAN}


def _is_solid(owner: Any) -> bool:
    return owner is not None and FOREGROUND not in _waiting_for(owner.metadata)


def _dependents(view: View, uid: str | None) -> Iterator[str]:
    return (f"{table}/{key}" for table, key in view.group("dependents", uid or ""))


def _owners_waiting(view: View, obj: Any) -> Iterator[str]:
    """The owners that wait for the object to be gone, or not to block them any more."""
    for ref in obj.metadata.owner_references:
        found = _owner(view, obj, ref)
        if found is not None and FOREGROUND in _waiting_for(found.metadata):
            yield f"{table_of(found)}/{found.key}"


# -- owners ------------------------------------------------------------------------------------------------------------
def _owner(view: View, obj: Any, ref: OwnerReference) -> Any:
    """The object that a reference means, or None: an owner is in the same namespace or in none, and has that uid."""
    for table, key in _places(view, obj, ref):
        found = view.get(table, key)
        if found is not None and found.metadata.uid == ref.uid:
            return found
    return None


def _places(view: View, obj: Any, ref: OwnerReference) -> Iterator[tuple[str, str]]:
    """Where the owner would be kept (table, key); nowhere if nobody knows its kind."""
    kind, group, name = ref.kind or "", group_of(ref.api_version or ""), ref.name or ""
    known = KINDS.get(kind)
    namespaced = f"{obj.metadata.namespace}/{name}"
    if known is not None and group == known.GROUP:
        yield known.PLURAL, namespaced if known.NAMESPACED else name
        return
    table = table_of(GenericObject(api_version=ref.api_version or "", kind=kind))
    if table in view.api_tables:  # such an object was there once, so the kind exists
        yield table, namespaced
        yield table, name


# -- the controller ----------------------------------------------------------------------------------------------------
def sync(view: View, key: str) -> Outcome:
    """Let one object go if its owners want that, or let its dependents go if it waits for them."""
    table, _, name = key.partition("/")
    obj = view.get(table, name)
    if obj is None:
        return NOTHING
    waiting_for = _waiting_for(obj.metadata)
    if ORPHAN in waiting_for:
        return _orphan_dependents(view, obj)
    if FOREGROUND in waiting_for:
        return _finish_foreground(view, obj)
    if obj.metadata.deletion_timestamp is not None or not obj.metadata.owner_references:
        return NOTHING
    return _judge(view, table, obj)


def _orphan_dependents(view: View, obj: Any) -> Outcome:
    """Take the object out of its dependents' owners, then let it go."""
    uid = obj.metadata.uid
    dependents = [view.get(table, key) for table, key in view.group("dependents", uid)]
    writes: list[Write] = [Update(_without_owners(each, {uid})) for each in dependents]
    writes.append(Update(without_finalizer(obj, ORPHAN)))
    return Outcome(tuple(writes), says=f"orphan the {len(dependents)} dependents of {_name(obj)}")


def _finish_foreground(view: View, obj: Any) -> Outcome:
    """Let the object go once nothing that it owns holds it back."""
    uid = obj.metadata.uid
    for table, key in view.group("dependents", uid):
        refs = view.get(table, key).metadata.owner_references
        if any(ref.uid == uid and ref.block_owner_deletion for ref in refs):
            return NOTHING
    return Outcome((Update(without_finalizer(obj, FOREGROUND)),), says=f"{_name(obj)} waits for no dependent any more")


def _judge(view: View, table: str, obj: Any) -> Outcome:
    """Delete what has no owner left; forget owners that are gone of what has another one."""
    gone, waiting, solid = set[str | None](), set[str | None](), 0
    for ref in obj.metadata.owner_references:
        owner = _owner(view, obj, ref)
        if owner is None:
            if not any(_places(view, obj, ref)):
                return NOTHING
            gone.add(ref.uid)
        elif _is_solid(owner):
            solid += 1
        else:
            waiting.add(ref.uid)
    if solid:
        if not gone and not waiting:
            return NOTHING
        return Outcome((Update(_without_owners(obj, gone | waiting)),), says=f"{_name(obj)} has lost an owner")
    writes: list[Write] = []
    propagation = "Background"
    if waiting and view.group_size("dependents", obj.metadata.uid):
        propagation = "Foreground"
        if _is_in_circle(view, obj):
            writes.append(Update(_unblocked(obj)))
    elif ORPHAN in obj.metadata.finalizers:
        propagation = "Orphan"
    elif FOREGROUND in obj.metadata.finalizers:
        propagation = "Foreground"
    writes.append(Delete(table, obj.key, uid=obj.metadata.uid, propagation=propagation))
    why = "its owner waits for that" if waiting else "its owner is gone"
    return Outcome(tuple(writes), says=f"delete {_name(obj)}: {why}")


def _is_in_circle(view: View, obj: Any) -> bool:
    """Whether a dependent waits for its own dependents: then the object's owners must not wait for the object."""
    found = (view.get(table, key) for table, key in view.group("dependents", obj.metadata.uid))
    return any(FOREGROUND in _waiting_for(each.metadata) for each in found)


def _without_owners(obj: Any, uids: set[str | None]) -> Any:
    kept = tuple(ref for ref in obj.metadata.owner_references if ref.uid not in uids)
    return obj.replace(metadata=obj.metadata.replace(owner_references=kept))


def _unblocked(obj: Any) -> Any:
    refs = tuple(ref.replace(block_owner_deletion=False) for ref in obj.metadata.owner_references)
    return obj.replace(metadata=obj.metadata.replace(owner_references=refs))


def _name(obj: Any) -> str:
    return f"{obj.kind.lower()} {obj.key}"


CONTROLLER = Controller(
    name="garbage-collector",
    component="garbage-collector-controller",
    watches={ANY: watch_all},
    sync=sync,
)
