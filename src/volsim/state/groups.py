"""The groups of an index: what stands in them, and how one joins and leaves them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, cast

from volsim.state.table import Ordered, Table

__all__ = ["Group", "at_least", "join", "leave"]

Group = tuple[Any, ...] | Table[Any, None] | Ordered[Any]
"""The entries of a group: a sorted tuple while there are few (most groups have one), else at most O(log n) each."""

_FEW = 8  # up to here copying a tuple costs less than the look-up of a page


def join(groups: Table[str, Group], group: str, entry: Any, ordered: bool, owner: object) -> None:
    """Add an entry to a group; `owner` may change what he has copied."""
    members = groups.get(group)
    if members is None:
        groups.set(group, (entry,))
    elif isinstance(members, tuple):
        at = bisect_left(members, entry)
        if len(members) < _FEW:
            groups.set(group, (*members[:at], entry, *members[at:]))
        else:
            many: Group = (Ordered() if ordered else Table()).fork(owner)
            for each in (*members, entry):
                _add(many, each)
            groups.set(group, many)
    else:
        if members.owner is not owner:
            members = members.fork(owner)
            groups.set(group, members)
        _add(members, entry)


def _add(members: Any, entry: Any) -> None:
    if isinstance(members, Table):
        members.set(entry, None)
    else:
        members.add(entry)


def leave(groups: Table[str, Group], group: str, entry: Any, owner: object) -> None:
    """Remove an entry from a group that has it; a group without entries is none."""
    members = groups.get(group)
    assert members is not None, "what is in no group has not joined one"
    if isinstance(members, tuple):
        left = tuple(each for each in members if each != entry)
        if left:
            groups.set(group, left)
        else:
            groups.discard(group)
        return
    if members.owner is not owner:
        members = members.fork(owner)
        groups.set(group, members)
    members.discard(entry)
    if not len(members):
        groups.discard(group)


def at_least(members: Group, item: tuple[Any, ...]) -> Iterator[Any]:
    """The entries of an ordered group from `item` on."""
    if isinstance(members, tuple):
        return iter(members[bisect_left(members, item) :])
    return cast("Ordered[Any]", members).at_least(item)
