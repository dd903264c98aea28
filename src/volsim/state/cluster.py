"""The cluster as a value (`State`), and the private draft on which work is done (`Draft`).

A `State` holds everything that decides what can happen next: the API's objects, what is on the nodes (disks,
sandboxes, containers), the storage backends, the work that is due, and the clock. It never changes; equal states have
equal fingerprints. A `Draft` starts as a state, is changed through one write path (`Draft.put`), and is sealed into
the next state when somebody wants to look. Forking, drafting and sealing cost O(1) in the number of objects: the
tables share their pages (`volsim.state.table`).

Tables are named by the API's plural (`"pods"`), runtime tables (what no API shows) in the singular-less words of
`RUNTIME`. Keys are ``namespace/name``, or ``name`` for what has no namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from volsim.objects import (
    Deployment,
    Namespace,
    Node,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    ReplicaSet,
    StorageClass,
)
from volsim.rules import Rules
from volsim.state.fingerprint import fingerprint, scattered
from volsim.state.groups import Group, at_least, join, leave
from volsim.state.indexes import INDEXES, Index, by_table
from volsim.state.table import Fifo, Ordered, Table
from volsim.state.totals import TOTALS, Total
from volsim.state.trail import Trail

__all__ = ["ANY", "RUNTIME", "Change", "Draft", "Due", "First", "State", "View", "Wake", "Watch"]

RUNTIME: Mapping[str, str] = {
    "machines": "a node's machine: power, network, boot, disk (key: node)",
    "components": "a process of the control plane that is down or was restarted (key: its name)",
    "sandboxes": "what a kubelet has set up for a pod: mounts, tmpfs contents (key: pod uid)",
    "containers": "a container's process, writable layer, log (key: pod uid/container)",
    "plugins": "volume plugins that are built into the controller manager (key: plugin name)",
    "drivers": "CSI drivers that are installed (key: driver name)",
    "attach_detach": "what the attach/detach controller knows of a disk on a node (key: disk@node)",
    "backends": "what holds bytes outside the nodes: exports and disks (key: backend name)",
    "scheduling": "the scheduler's memory of a pod: attempts, back-off (key: namespace/name)",
    "memory": "a controller's memory of a key that no API object holds (key: controller/key)",
}
"""The tables that no API shows, and what their rows are."""

REMEMBERED = frozenset({"attach_detach", "scheduling", "memory"})
"""The runtime tables that only their controller sees: what he notes there has changed nothing in the cluster."""

_TIMERS, _FAILURES = "@timers", "@failures"
_MASK = (1 << 64) - 1


class Change(NamedTuple):
    """One row before and after a write; `before` is None for a new row, `after` for a removed one."""

    table: str
    key: str
    before: Any
    after: Any


class Due(NamedTuple):
    """Work that is due at a time: which controller is to look at which key."""

    due_us: int
    priority: int
    serial: int
    controller: str
    key: str


class Wake(NamedTuple):
    """What a `watch` yields to have a key looked at later than at once."""

    key: str
    due_us: int
    background: bool = False
    """Whether settling does not wait for it."""


class First(NamedTuple):
    """What a `watch` yields to have a key looked at before what waits already: this controller reacts quickest.

    That is an order for whoever follows one path; an explorer takes all orders.
    """

    key: str


ANY = "*"
"""Stands among a controller's watches for every table of API objects, those of kinds that are not modelled included."""

Watch = Callable[["View", Change], Iterable["str | Wake | First"]]
"""What wakes a controller: for a change, the keys that it must look at."""


class View:
    """What can be read from a state or a draft. Controllers get a view and return writes; they cannot change it."""

    __slots__ = (
        "_base", "_first", "_groups", "_ready", "_tables", "_timers", "_totals", "_touched",
        "now_us", "rules", "salt", "serial", "trail",
    )  # fmt: skip

    rules: Rules
    """The Kubernetes that is simulated."""
    now_us: int
    """Microseconds since the start."""
    serial: int
    """Counts writes and names: source of uids, resource versions and the order of equal times."""
    salt: int
    """Makes the uids of different seeds differ."""
    trail: Trail
    """The groups of trailed totals (`volsim.state.totals.Total.trailed`) that have changed; no part of the value."""
    _tables: dict[str, Table[Any, Any]]
    _groups: dict[str, Table[str, Group]]
    _totals: dict[str, Table[str, tuple[int, ...]]]
    _timers: Ordered[Due]
    _ready: Fifo[tuple[str, str]]
    _first: Fifo[tuple[str, str]]  # ready as well, and before all the others
    # The rows written since the fingerprint was last asked for, and what they were then: oldest first, the oldest
    # counts
    _touched: tuple[dict[tuple[str, Any], Any], ...]
    _base: int

    # -- tables -----------------------------------------------------------------------------------------------------
    def table(self, name: str) -> Table[str, Any]:
        """The table called `name` (an API plural or a name in `RUNTIME`); empty if nothing was ever put there."""
        found = self._tables.get(name)
        return _EMPTY if found is None else found

    def get(self, table: str, key: str) -> Any:
        """The row `key` of `table`, or None."""
        found = self._tables.get(table)
        return None if found is None else found.get(key)

    @property
    def api_tables(self) -> list[str]:
        """The names of the tables of API objects that have ever been used, sorted."""
        return sorted(name for name in self._tables if is_api(name))

    @property
    def pods(self) -> Table[str, Pod]:
        """Pods by ``namespace/name``."""
        return self.table("pods")

    @property
    def nodes(self) -> Table[str, Node]:
        """Nodes by name."""
        return self.table("nodes")

    @property
    def namespaces(self) -> Table[str, Namespace]:
        """Namespaces by name."""
        return self.table("namespaces")

    @property
    def persistent_volumes(self) -> Table[str, PersistentVolume]:
        """PersistentVolumes by name."""
        return self.table("persistentvolumes")

    @property
    def persistent_volume_claims(self) -> Table[str, PersistentVolumeClaim]:
        """PersistentVolumeClaims by ``namespace/name``."""
        return self.table("persistentvolumeclaims")

    @property
    def storage_classes(self) -> Table[str, StorageClass]:
        """StorageClasses by name."""
        return self.table("storageclasses")

    @property
    def deployments(self) -> Table[str, Deployment]:
        """Deployments by ``namespace/name``."""
        return self.table("deployments")

    @property
    def replica_sets(self) -> Table[str, ReplicaSet]:
        """ReplicaSets by ``namespace/name``."""
        return self.table("replicasets")

    # -- indexes ----------------------------------------------------------------------------------------------------
    def group(self, index: str, name: str) -> Iterator[Any]:
        """The entries of one group of an index (`volsim.state.indexes.INDEXES`), in order. Cost: what is read of it."""
        found = self._groups[index].get(name)
        return iter(()) if found is None else iter(found)

    def group_size(self, index: str, name: str) -> int:
        """How many entries the group has; O(1)."""
        found = self._groups[index].get(name)
        return 0 if found is None else len(found)

    def group_names(self, index: str) -> list[str]:
        """The names of an index's groups that are not empty, sorted."""
        return list(self._groups[index])

    def at_least(self, index: str, name: str, item: tuple[Any, ...]) -> Iterator[Any]:
        """The entries of an ordered group from `item` on; O(log n) to the first."""
        found = self._groups[index].get(name)
        return iter(()) if found is None else at_least(found, item)

    def total(self, name: str, group: str) -> tuple[int, ...] | None:
        """The sums of one group of a total (`volsim.state.totals.TOTALS`); None if nothing counts for it. O(1)."""
        return self._totals[name].get(group)

    def totals(self, name: str) -> Table[str, tuple[int, ...]]:
        """All groups of a total that are not empty, with their sums."""
        return self._totals[name]

    def pods_on(self, node: str) -> Iterator[Pod]:
        """The pods assigned to `node`, by key."""
        pods = self.pods
        return (pods[key] for key in self.group("pods_by_node", node))

    # -- work that is due --------------------------------------------------------------------------------------------
    def ready(self) -> list[tuple[str, str]]:
        """(controller, key) of the work that can be done now, first come first but for what is `First`."""
        return [*self._first, *self._ready]

    def timers(self) -> Iterator[Due]:
        """The work that is due later, in order of time."""
        return iter(self._timers)

    def next_due_us(self, *, background: bool = True) -> int | None:
        """When the next work is due; None if nothing is. Without `background`, recurring work does not count."""
        if len(self._ready) or len(self._first):
            return self.now_us
        if background:
            first = self._timers.first()
            return None if first is None else max(first.due_us, self.now_us)
        rows = self.table(_TIMERS)
        for due in self._timers:
            if not rows[(due.controller, due.key)][1]:  # type: ignore[index]
                return max(due.due_us, self.now_us)
        return None

    def failures(self, controller: str, key: str) -> int:
        """How often in a row the controller's writes for this key were refused."""
        return cast("int", self.table(_FAILURES).get((controller, key), 0))  # type: ignore[call-overload]

    # -- value ------------------------------------------------------------------------------------------------------
    @property
    def fingerprint(self) -> int:
        """A 64-bit number of everything that is; equal for equal states. Cost: what was written since last asked."""
        first: dict[tuple[str, Any], Any] = {}
        for touched in reversed(self._dirty_too()):
            first.update(touched)
        total = self._base
        for (table, key), before in first.items():
            after = self._tables[table].get(key)
            if before is not after:
                total += _row(table, key, after) - _row(table, key, before)
        self._base = total & _MASK
        self._forget_touched()
        total += sum(_row("@ready", work, True) for work in self.ready())  # little, as a rule: not kept on write
        return hash((total & _MASK, self.now_us)) & _MASK

    def _dirty_too(self) -> tuple[dict[tuple[str, Any], Any], ...]:
        return self._touched

    def _forget_touched(self) -> None:
        self._touched = ()


def _row(table: str, key: Any, value: Any) -> int:
    if value is None:
        return 0
    if table == _TIMERS:
        value = (value[0].due_us, value[1])
    return scattered(hash((fingerprint(table), fingerprint(key), fingerprint(value))))


_EMPTY: Table[Any, Any] = Table()
_NO_TRAIL = Trail()


def is_api(table: str) -> bool:
    """Whether `table` holds API objects."""
    return not table.startswith("@") and table not in RUNTIME


class State(View):
    """The cluster at one instant: a value that never changes.

    Two states are equal if all that is in them is equal; `hash(state)` and `==` go by the fingerprint.

    >>> from volsim.rules import Rules
    >>> state = State.empty(Rules())
    >>> draft = state.draft()
    >>> draft.put("machines", "node01", ("on",))
    >>> after = draft.seal()
    >>> state == after, state.get("machines", "node01"), after.get("machines", "node01")
    (False, None, ('on',))
    """

    __slots__ = ()

    @classmethod
    def empty(cls, rules: Rules, *, salt: int = 0) -> State:
        """A cluster with nothing in it, at time 0."""
        new = cls.__new__(cls)
        new.rules, new.now_us, new.serial, new.salt = rules, 0, 0, salt
        new._tables = {}
        new._groups = {index.name: Table() for index in INDEXES}
        new._totals, new.trail = {total.name: Table() for total in TOTALS}, _NO_TRAIL
        new._timers, new._ready, new._first, new._touched, new._base = Ordered(), Fifo(), Fifo(), (), 0
        return new

    def draft(self, watches: Mapping[str, Sequence[tuple[str, Watch]]] | None = None) -> Draft:
        """A draft that starts as this state; `watches` says by table who is woken by a write. O(1)."""
        return Draft(self, watches or {})

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return self.now_us / 1_000_000

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return self.fingerprint

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self._tables[name])} {name}" for name in self.api_tables if len(self._tables[name]))
        return f"<State at {self.now:g} s: {counts or 'empty'}>"


class Draft(View):
    """A cluster that is being worked on. Only the engine and the API server hold one.

    `put` is the one write path: it updates the table, its indexes, the journal and what the fingerprint will need.
    Taking the journal ends a step: then whoever watches the tables that were written is woken.
    """

    __slots__ = ("_dirty", "_owner", "_watches", "changes")

    def __init__(self, state: State, watches: Mapping[str, Sequence[tuple[str, Watch]]]) -> None:
        self.rules, self.now_us, self.serial, self.salt = state.rules, state.now_us, state.serial, state.salt
        self._tables = dict(state._tables)
        self._groups = dict(state._groups)
        self._totals, self.trail = dict(state._totals), state.trail
        self._timers, self._ready, self._first = state._timers, state._ready, state._first
        self._touched, self._base = state._touched, state._base
        self._owner = object()
        self._dirty: dict[tuple[str, Any], Any] = {}
        self._watches = watches
        self.changes: list[Change] = []
        """The journal: every write since it was last taken."""

    def seal(self) -> State:
        """The state as it is now. The draft can be worked on further; the state will not notice. O(1)."""
        if self._dirty:
            self._touched = _merged((*self._touched, self._dirty))
            self._dirty = {}
        new = State.__new__(State)
        new.rules, new.now_us, new.serial, new.salt = self.rules, self.now_us, self.serial, self.salt
        new._tables = dict(self._tables)
        new._groups = dict(self._groups)
        new._totals, new.trail = dict(self._totals), self.trail
        new._timers, new._ready, new._first = self._timers, self._ready, self._first
        new._touched, new._base = self._touched, self._base
        self._owner = object()  # from now on every page that is written is copied first
        return new

    def _dirty_too(self) -> tuple[dict[tuple[str, Any], Any], ...]:
        return (*self._touched, self._dirty)

    def _forget_touched(self) -> None:
        self._touched, self._dirty = (), {}

    def take_changes(self) -> tuple[Change, ...]:
        """The journal since the last call. That ends a step: whoever watches a row that it changed is woken.

        A row that was written several times in the step is told of once, as it was before and as it is now. What a
        controller merely remembers wakes, but is not part of the journal.
        """
        taken = tuple(self.changes)
        self.changes = []
        for change in taken if len(taken) < 2 else _coalesced(taken):
            for controller, watch in self._watching(change.table):
                for woken in watch(self, change):
                    if isinstance(woken, str):
                        self.enqueue(controller, woken)
                    elif isinstance(woken, First):
                        self.enqueue(controller, woken.key, first=True)
                    else:
                        self.set_timer(
                            controller, woken.key, woken.due_us, background=woken.background, keep_earlier=True
                        )
        return tuple(change for change in taken if change.table not in REMEMBERED)

    def _watching(self, table: str) -> Sequence[tuple[str, Watch]]:
        """Who is woken by changes of a table; of one that nobody names, those who watch every object of the API."""
        found = self._watches.get(table)
        if found is None and ANY in self._watches and is_api(table):
            return self._watches[ANY]
        return found or ()

    def next_serial(self) -> int:
        """A number that was never given before in this cluster."""
        self.serial += 1
        return self.serial

    # -- the one write path ------------------------------------------------------------------------------------------
    def put(self, table: str, key: str, value: Any) -> None:
        """Make `value` the row `key` of `table`; None removes it. O(1) and the indexes that the row is in."""
        rows = self._rows(table)
        before = rows.get(key)
        if before is value:
            return
        if value is None:
            rows.discard(key)
        else:
            rows.set(key, value)
        self._dirty.setdefault((table, key), before)
        indexes, totals = _kept(table)
        for index in indexes:
            unchanged = index.unchanged
            if unchanged is None or before is None or value is None or not unchanged(before, value):
                self._reindex(index, table, key, before, value)
        for total in totals:
            self._add_up(total, before, value)
        self.changes.append(Change(table, key, before, value))

    def _rows(self, table: str) -> Table[Any, Any]:
        rows = self._tables.get(table, _EMPTY)
        if rows.owner is not self._owner:
            rows = self._tables[table] = rows.fork(self._owner)
        return rows

    def _reindex(self, index: Index, table: str, key: str, before: Any, after: Any) -> None:
        old = index.groups(before) if before is not None else ()
        new = index.groups(after) if after is not None else ()
        old_entry = index.entry(table, key, before) if old else None
        new_entry = index.entry(table, key, after) if new else None
        moved = old_entry != new_entry
        if not moved and old == new:
            return
        groups = self._groups[index.name]
        if groups.owner is not self._owner:
            groups = self._groups[index.name] = groups.fork(self._owner)
        for group in old:
            if moved or group not in new:
                leave(groups, group, old_entry, self._owner)
        for group in new:
            if moved or group not in old:
                join(groups, group, new_entry, index.order is not None, self._owner)

    def _add_up(self, total: Total, before: Any, after: Any) -> None:
        old = total.group(before) if before is not None else None
        new = total.group(after) if after is not None else None
        if old == new and (old is None or total.unchanged(before, after)):
            return
        rows = self._totals[total.name]
        if rows.owner is not self._owner:
            rows = self._totals[total.name] = rows.fork(self._owner)
        if old is not None:
            left = tuple(have - less for have, less in zip(rows[old], total.amounts(before), strict=True))
            rows.set(old, left) if left[0] else rows.discard(old)
        if new is not None:
            amounts, have_now = total.amounts(after), rows.get(new)
            rows.set(new, amounts if have_now is None else tuple(map(sum, zip(have_now, amounts, strict=True))))
        if total.trailed:
            for group in dict.fromkeys((old, new)):
                self.trail = self.trail.then(group) if group is not None else self.trail

    # -- work that is due --------------------------------------------------------------------------------------------
    def enqueue(self, controller: str, key: str, *, first: bool = False) -> None:
        """Have `controller` look at `key` now; once is enough, however often it is asked for.

        `first`: before the work that is ready already, but for what was to be first itself.
        """
        work = (controller, key)
        if len(self._first) and work in self._first:
            return
        if not first:
            self._own_ready().push(work)
            return
        if work in self._ready:
            self._own_ready().discard(work)
        self._own_first().push(work)

    def take(self, controller: str, key: str) -> None:
        """Note that `controller` is looking at `key` now: it is neither ready nor due any more."""
        if len(self._first) and (controller, key) in self._first:
            self._own_first().discard((controller, key))
        else:
            self._own_ready().discard((controller, key))
        self.set_timer(controller, key, None)

    def _own_ready(self) -> Fifo[tuple[str, str]]:
        if self._ready.owner is not self._owner:
            self._ready = self._ready.fork(self._owner)
        return self._ready

    def _own_first(self) -> Fifo[tuple[str, str]]:
        if self._first.owner is not self._owner:
            self._first = self._first.fork(self._owner)
        return self._first

    def first_ready(self) -> tuple[str, str] | None:
        """(controller, key) of the work that is next in line, or None."""
        return self._first.first() or self._ready.first()

    def set_timer(
        self,
        controller: str,
        key: str,
        due_us: int | None,
        *,
        priority: int = 0,
        background: bool = False,
        keep_earlier: bool = False,
    ) -> None:
        """Have `controller` look at `key` at `due_us`; None: do not. A key has at most one timer.

        A `background` timer is a recurring back-off or a program's own pause, for which settling does not wait.
        With `keep_earlier`, an earlier timer stays.
        """
        work = (controller, key)
        before = self.table(_TIMERS).get(work)  # type: ignore[call-overload]
        if before is None and due_us is None:
            return
        rows = self._rows(_TIMERS)
        if before is not None and keep_earlier and due_us is not None and before[0].due_us <= due_us:
            return
        if self._timers.owner is not self._owner:
            self._timers = self._timers.fork(self._owner)
        if before is not None:
            self._timers.discard(before[0])
        if due_us is None:
            rows.discard(work)
        else:
            due = Due(due_us, priority, self.next_serial(), controller, key)
            self._timers.add(due)
            rows.set(work, (due, background))
        self._dirty.setdefault((_TIMERS, work), before)

    def wait_until(self, time_us: int) -> None:
        """Let the clock go on to `time_us` and make ready what is due by then. Nothing is skipped: callers step."""
        self.now_us = max(self.now_us, time_us)
        while (first := self._timers.first()) is not None and first.due_us <= self.now_us:
            self.set_timer(first.controller, first.key, None)
            self.enqueue(first.controller, first.key)

    def note_failure(self, controller: str, key: str, failed: bool) -> int:
        """Count the refusals in a row of a key's writes; returns the count."""
        work = (controller, key)
        rows = self._tables.get(_FAILURES, _EMPTY)
        before = rows.get(work)
        if not failed and before is None:
            return 0
        rows = self._rows(_FAILURES)
        if failed:
            rows.set(work, (before or 0) + 1)
        else:
            rows.discard(work)
        self._dirty.setdefault((_FAILURES, work), before)
        return 0 if not failed else (before or 0) + 1


def _coalesced(changes: tuple[Change, ...]) -> list[Change]:
    """One change for each row, from what it was to what it is, in the order of the first writes."""
    rows: dict[tuple[str, str], Change] = {}
    for change in changes:
        row = (change.table, change.key)
        earlier = rows.get(row)
        rows[row] = change if earlier is None else earlier._replace(after=change.after)
    return [change for change in rows.values() if change.before is not change.after]


def _merged(touched: tuple[dict[Any, Any], ...]) -> tuple[dict[Any, Any], ...]:
    """The same touched rows in fewer dicts: each at least twice as large as the next, so that there are never many."""
    parts = list(touched)
    while len(parts) > 1 and len(parts[-2]) < 2 * len(parts[-1]):
        newer, older = parts.pop(), parts.pop()
        parts.append({**newer, **older})
    return tuple(parts)


_KEPT: dict[str, tuple[tuple[Index, ...], tuple[Total, ...]]] = {}


def _kept(table: str) -> tuple[tuple[Index, ...], tuple[Total, ...]]:
    """The indexes and totals that a write to `table` must keep."""
    found = _KEPT.get(table)
    if found is None:
        totals = tuple(total for total in TOTALS if total.table == table)
        found = _KEPT[table] = (by_table(table, is_api(table)), totals)
    return found
