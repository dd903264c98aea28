"""A trail: what has changed lately, so that whoever has worked something out need not do it all afresh."""

from __future__ import annotations

__all__ = ["Trail"]


class Trail:
    """The groups of totals that have changed, the last one first: a chain that states share as far as they agree.

    Who has worked something out from the totals, and kept the trail of then, sees what to work out afresh; and if the
    trail of now does not lead back to it, that this is another history. Histories are cut from time to time.

    >>> start = Trail()
    >>> now = start.then("node01").then("node02")
    >>> now.since(start, 9), start.since(now, 9), now.since(now, 9)
    (['node02', 'node01'], None, [])
    """

    __slots__ = ("_before", "_group", "_length")

    def __init__(self, group: str = "", before: Trail | None = None) -> None:
        self._group, self._before = group, before
        self._length: int = before._length + 1 if before is not None else 0

    def __reduce__(self) -> tuple[type[Trail], tuple[()]]:
        return Trail, ()  # a copy that goes elsewhere begins a history of its own

    def then(self, group: str) -> Trail:
        """The trail after one more change."""
        return Trail(group, self if self._length < _LONGEST_TRAIL else None)

    def since(self, earlier: Trail, most: int) -> list[str] | None:
        """The groups that have changed since `earlier`, each once; None if that is not known, or more than `most`."""
        found: dict[str, None] = {}
        at: Trail | None = self
        while at is not earlier:
            if at is None or len(found) > most:
                return None
            found[at._group] = None
            at = at._before
        return list(found)


_LONGEST_TRAIL = 10_000
"""After so many changes the past is forgotten: it would only hold memory."""
