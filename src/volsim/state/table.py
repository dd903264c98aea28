"""Maps that are values: cheap to fork, cheap to change in place while nobody looks.

`Table` is a hash map in pages, `Ordered` a sorted collection in chunks, `Fifo` a queue of two tables. Each can be
*forked* in O(number of pages) and then shares its pages with the original; a write copies the one page that it touches,
once. The one who forked owns the copy until he seals it: writes of one owner to a page that he has already copied
happen in place. Readers never see a difference: what has been sealed does not change any more.

Why not a library: the C hash trie (`immutables`) has no wheels for the newest Pythons, and `rpds-py` reads 5 to 10
times slower than a dict. `docs/explanation/representation.md` has the figures.

>>> owner = object()
>>> before = Table().fork(owner)
>>> before.set("a", 1)
>>> after = before.fork(object())
>>> after.set("b", 2)
>>> dict(before), dict(after)
({'a': 1}, {'a': 1, 'b': 2})
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from _typeshed import SupportsRichComparison

__all__ = ["Fifo", "Ordered", "Table"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
D = TypeVar("D")
C = TypeVar("C", bound="SupportsRichComparison")


def _capacity(pages: int) -> int:
    """How many entries `pages` pages hold before there should be more of them.

    Pages grow with the table, so that copying one page and copying the list of pages cost about the same:
    at 100,000 entries there are 256 pages of about 400 entries.
    """
    return 64 if pages == 1 else pages * (32 + 4 * pages)


class Table(Mapping[K, V], Generic[K, V]):
    """A hash map with O(1) look-up and writes whose cost does not depend on its size.

    As a `Mapping` it is read-only and iterates in the order of its keys (so O(n log n)), never in hash order.
    """

    __slots__ = ("_mask", "_owned", "_pages", "_size", "owner", "remembered")

    def __init__(self) -> None:
        self._pages: list[dict[K, V]] = [{}]
        self._mask = 0
        self._size = 0
        self._owned: set[int] = set()
        self.owner: object = None
        self.remembered: Any = None
        """What a reader has worked out from a table that is sealed; a fork begins without."""

    def fork(self, owner: object) -> Table[K, V]:
        """A table with the same entries that `owner` may change; the original stays as it is."""
        new: Table[K, V] = Table.__new__(Table)
        new._pages = self._pages.copy()
        new._mask = self._mask
        new._size = self._size
        new._owned = set()
        new.owner = owner
        new.remembered = None
        return new

    # -- reading ---------------------------------------------------------------------------------------------------
    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, default: V | D, /) -> V | D: ...
    def get(self, key: K, default: Any = None, /) -> Any:
        """The value of `key`, or `default`."""
        return self._pages[hash(key) & self._mask].get(key, default)

    def __getitem__(self, key: K) -> V:
        return self._pages[hash(key) & self._mask][key]

    def __contains__(self, key: object) -> bool:
        return key in self._pages[hash(key) & self._mask]

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[K]:
        return iter(sorted(key for page in self._pages for key in page))  # type: ignore[type-var]

    def __repr__(self) -> str:
        return f"<Table of {self._size}>"

    def unordered(self) -> Iterator[V]:
        """The values in no particular order: for sums and counts only."""
        for page in self._pages:
            yield from page.values()

    def unordered_keys(self) -> Iterator[K]:
        """The keys in no particular order: for sums and counts only."""
        for page in self._pages:
            yield from page

    def unordered_items(self) -> Iterator[tuple[K, V]]:
        """The entries in no particular order: for sums and counts only."""
        for page in self._pages:
            yield from page.items()

    # -- writing: only by the owner ---------------------------------------------------------------------------------
    def set(self, key: K, value: V) -> None:
        """Store `value`; a page that is still shared is copied first."""
        at = hash(key) & self._mask
        page = self._pages[at]
        if at not in self._owned:
            page = self._pages[at] = page.copy()
            self._owned.add(at)
        before = len(page)
        page[key] = value
        if len(page) != before:
            self._size += 1
            if self._size > _capacity(self._mask + 1):
                self._grow()

    def discard(self, key: K) -> None:
        """Remove `key` if it is there."""
        at = hash(key) & self._mask
        page = self._pages[at]
        if key not in page:
            return
        if at not in self._owned:
            page = self._pages[at] = page.copy()
            self._owned.add(at)
        del page[key]
        self._size -= 1

    def _grow(self) -> None:
        count = (self._mask + 1) * (8 if self._mask == 0 else 2)
        mask = count - 1
        pages: list[dict[K, V]] = [{} for _ in range(count)]
        for page in self._pages:
            for key, value in page.items():
                pages[hash(key) & mask][key] = value
        self._pages = pages
        self._mask = mask
        self._owned = set(range(count))


_CHUNK = 256  # entries of a chunk before it is split: copying one costs about 0.3 µs


class Ordered(Generic[C]):
    """A sorted collection of distinct, comparable items; finding, adding and removing cost O(log n).

    >>> sizes = Ordered().fork(object())
    >>> for item in [(5, "b"), (1, "a"), (9, "c")]:
    ...     sizes.add(item)
    >>> next(sizes.at_least((2,)))
    (5, 'b')
    """

    __slots__ = ("_chunks", "_firsts", "_owned", "_size", "owner")

    def __init__(self) -> None:
        self._chunks: list[list[C]] = []
        self._firsts: list[C] = []
        self._size = 0
        self._owned: set[int] = set()
        self.owner: object = None

    def fork(self, owner: object) -> Ordered[C]:
        """A collection with the same items that `owner` may change; the original stays as it is."""
        new: Ordered[C] = Ordered.__new__(Ordered)
        new._chunks = self._chunks.copy()
        new._firsts = self._firsts.copy()
        new._size = self._size
        new._owned = set()
        new.owner = owner
        return new

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[C]:
        for chunk in self._chunks:
            yield from chunk

    def __repr__(self) -> str:
        return f"<Ordered of {self._size}>"

    def first(self) -> C | None:
        """The smallest item, or None."""
        return self._chunks[0][0] if self._chunks else None

    def at_least(self, item: Any) -> Iterator[C]:
        """The items from `item` on, in order; a shorter tuple is smaller than the ones that it begins."""
        at = max(bisect_right(self._firsts, item) - 1, 0)
        if at < len(self._chunks):
            chunk = self._chunks[at]
            yield from chunk[bisect_left(chunk, item) :]
            for chunk in self._chunks[at + 1 :]:
                yield from chunk

    def _own(self, at: int) -> list[C]:
        chunk = self._chunks[at]
        if id(chunk) not in self._owned:
            chunk = self._chunks[at] = chunk.copy()
            self._owned.add(id(chunk))
        return chunk

    def add(self, item: C) -> None:
        """Add `item`, which must not be there yet."""
        self._size += 1
        if not self._chunks:
            self._chunks, self._firsts = [[item]], [item]
            self._owned.add(id(self._chunks[0]))
            return
        at = max(bisect_right(self._firsts, item) - 1, 0)
        chunk = self._own(at)
        insort(chunk, item)
        self._firsts[at] = chunk[0]
        if len(chunk) > _CHUNK:
            half = chunk[_CHUNK // 2 :]
            del chunk[_CHUNK // 2 :]
            self._chunks.insert(at + 1, half)
            self._firsts.insert(at + 1, half[0])
            self._owned.add(id(half))

    def discard(self, item: C) -> None:
        """Remove `item` if it is there."""
        at = bisect_right(self._firsts, item) - 1
        if at < 0:
            return
        place = bisect_left(self._chunks[at], item)
        if place >= len(self._chunks[at]) or self._chunks[at][place] != item:
            return
        chunk = self._own(at)
        del chunk[place]
        self._size -= 1
        if chunk:
            self._firsts[at] = chunk[0]
        else:
            self._owned.discard(id(chunk))
            del self._chunks[at], self._firsts[at]


class Fifo(Generic[K]):
    """A first-in first-out queue in which an item stands at most once; adding, taking and finding cost O(1).

    Forking costs O(1), and the first write after it what forking two tables does, however many items wait.

    >>> queue = Fifo().fork(object())
    >>> for item in "abab":
    ...     queue.push(item)
    >>> queue.discard("a"); list(queue), queue.first()
    (['b'], 'b')
    """

    __slots__ = ("_head", "_items", "_places", "_shared", "_tail", "owner")

    def __init__(self) -> None:
        self._items: Table[int, K] = Table()  # by the number of its place
        self._places: Table[K, int] = Table()
        self._head = self._tail = 0  # places before the head are empty, as is the tail
        self._shared = False
        self.owner: object = None

    def fork(self, owner: object) -> Fifo[K]:
        """A queue with the same items that `owner` may change; the original must not be changed any more."""
        new: Fifo[K] = Fifo.__new__(Fifo)
        new._items, new._places, new._head, new._tail = self._items, self._places, self._head, self._tail
        new._shared = True
        new.owner = owner
        return new

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[K]:
        return iter(self._items.values())

    def __contains__(self, item: object) -> bool:
        return item in self._places

    def __repr__(self) -> str:
        return f"<Fifo of {len(self._places)}>"

    def first(self) -> K | None:
        """The item that has waited longest; None if there is none."""
        while self._head < self._tail:
            item = self._items.get(self._head)
            if item is not None:
                return item
            self._head += 1  # who stood here has been taken out: that shows to nobody
        return None

    def push(self, item: K) -> None:
        """Add `item` at the end, unless it waits already."""
        if item in self._places:
            return
        if self._shared:
            self._own()
        self._places.set(item, self._tail)
        self._items.set(self._tail, item)
        self._tail += 1

    def discard(self, item: K) -> None:
        """Take `item` out of the queue if it is there."""
        place = self._places.get(item)
        if place is None:
            return
        if self._shared:
            self._own()
        self._places.discard(item)
        self._items.discard(place)

    def _own(self) -> None:
        self._items, self._places = self._items.fork(self.owner), self._places.fork(self.owner)
        self._shared = False
