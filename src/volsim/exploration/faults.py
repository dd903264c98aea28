"""Which faults an exploration may choose, and how often: budgets, each fault with its healing twin; and what people do.

A fault strikes between any two actions, at the instant at which the cluster then is: the clock does not go on for it.
What people may do (`Faults.user_actions`) happens once each, at any time and in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from volsim.control.contract import Choose, Outcome
from volsim.engine import faults
from volsim.engine.actions import Ask, Crash, Fault, Step, Sync
from volsim.engine.components import API_SERVER, can_crash, runs
from volsim.engine.perform import Engine, chosen, lasting
from volsim.errors import VolsimError
from volsim.exploration.asking import asked, carry_out
from volsim.state import State

__all__ = ["BUDGETS", "Faults", "strike"]

_CRASHES = "controller_crashes"
BUDGETS: dict[str, tuple[faults.Kind, ...]] = {
    **{
        name: tuple(kind for kind in faults.KINDS if kind.budget == name)
        for name in dict.fromkeys(kind.budget for kind in faults.KINDS)
    },
    _CRASHES: (),  # where one may come is said by who is ready: `Faults.crashes`
}
"""The kinds of faults that each budget allows."""
_CRASHES_AT = list(BUDGETS).index(_CRASHES)

Spent = tuple[int, ...]
"""How often each kind has struck, in the order of `BUDGETS`; then whether each of the user's actions is done."""
Chosen = Fault | Ask | Crash


def _asks(given: Iterable[Any] | Any) -> tuple[Ask, ...]:
    if isinstance(given, str | dict) or not isinstance(given, Iterable):
        raise VolsimError(f"user_actions={given!r}: give a list, also of one action")
    return tuple(map(asked, given))


@attrs.frozen(kw_only=True, repr=False)
class Faults:
    """How often faults may strike on one path. Of a kind that is allowed at all, each can be healed at any time.

    >>> Faults(node_failures=1, user_actions=["kubectl cordon node01"])
    Faults(node_failures=1, user_actions=(Ask(line='kubectl cordon node01', stdin='', about=''),))
    >>> Faults(node_failures=-1)
    Traceback (most recent call last):
        ...
    volsim.errors.VolsimError: node_failures=-1: a budget is a whole number from 0 on
    """

    node_failures: int = 0
    """Power cuts; the disk stays, and power may come back."""
    reboots: int = 0
    """Nodes that go off and on again, sooner than anybody misses them."""
    partitions: int = 0
    """Nodes cut off from the control plane, whose containers go on; the network may come back."""
    node_losses: int = 0
    """Nodes that go for ever, with their disks."""
    kubelet_stops: int = 0
    """Kubelets that do not run, while their containers go on; they may be started again."""
    zone_failures: int = 0
    """Zones of which all nodes lose power; it may come back."""
    backend_failures: int = 0
    """File servers and disks behind the network that cannot be reached; they may come back."""
    driver_failures: int = 0
    """CSI drivers that cannot attach, or cannot detach; they may be mended."""
    component_outages: int = 0
    """API server, controller manager or scheduler that are down; they may be started again."""
    container_crashes: int = 0
    """Containers whose process is killed."""
    pod_deletions: int = 0
    """Pods that somebody deletes."""
    drains: int = 0
    """Nodes that somebody drains; they may be uncordoned."""
    controller_crashes: int = 0
    """Controllers whose process ends between two writes of one look; it starts again, and knows what the API says."""
    healing: bool = True
    """Whether what can be healed may be."""
    user_actions: tuple[Ask, ...] = attrs.field(default=(), converter=_asks)
    """What people may do, once each: lines that begin with ``kubectl``, manifests to apply, functions of a module."""

    def __attrs_post_init__(self) -> None:
        for name in BUDGETS:
            budget = getattr(self, name)
            if not isinstance(budget, int) or isinstance(budget, bool) or budget < 0:
                raise VolsimError(f"{name}={budget!r}: a budget is a whole number from 0 on")

    def __repr__(self) -> str:
        given = [(each.name, getattr(self, each.name), each.default) for each in attrs.fields(Faults)]
        return f"Faults({', '.join(f'{name}={value!r}' for name, value, default in given if value != default)})"

    @property
    def budgets(self) -> tuple[tuple[str, int], ...]:
        """How often each kind may strike, by name."""
        return tuple((name, getattr(self, name)) for name in BUDGETS)

    @property
    def none_spent(self) -> Spent:
        """Nothing has struck yet, and nobody has done anything."""
        return (0,) * (len(BUDGETS) + len(self.user_actions))

    def choices(self, state: State, spent: Spent) -> Iterator[tuple[Chosen, Spent]]:
        """The faults and healings that may come now, by kind and name, and what people may do.

        With each, what has been spent afterwards.
        """
        for place, (name, kinds) in enumerate(BUDGETS.items()):
            if getattr(self, name):
                may_strike = spent[place] < getattr(self, name)
                for kind in kinds:
                    yield from self._of_kind(kind, state, spent, place, may_strike=may_strike)
        is_served = runs(state, API_SERVER)  # else nobody can ask for anything
        for place, ask in enumerate(self.user_actions, len(BUDGETS)):
            if is_served and not spent[place]:
                yield ask, _once_more(spent, place)

    def crashes(
        self, engine: Engine, found: Outcome | Choose, sync: Sync, spent: Spent
    ) -> Iterator[tuple[Crash, Spent]]:
        """Where in a controller's look its process may end: after each of its writes but the last."""
        if spent[_CRASHES_AT] >= self.controller_crashes or not can_crash(engine.controller(sync.controller)):
            return
        labels = [None] if isinstance(found, Outcome) else [label for label, _ in found.options]
        for label in labels:
            outcome = found if isinstance(found, Outcome) else chosen(found, sync.controller, label or "")
            for writes in range(1, lasting(outcome)):
                yield Crash(sync.controller, sync.key, writes, label), _once_more(spent, _CRASHES_AT)

    def _of_kind(
        self, kind: faults.Kind, state: State, spent: Spent, place: int, *, may_strike: bool
    ) -> Iterator[tuple[Chosen, Spent]]:
        for target in kind.targets(state):
            if may_strike and kind.can_strike(state, target):
                yield Fault(kind.what, target), _once_more(spent, place)
            if self.healing and kind.can_heal(state, target):
                yield Fault(kind.healing, target), spent


def _once_more(spent: Spent, place: int) -> Spent:
    return (*spent[:place], spent[place] + 1, *spent[place + 1 :])


def strike(engine: Engine, state: State, fault: Chosen) -> tuple[State, Step]:
    """The state after a fault, a healing, a crash or what somebody does, and what it did. `state` stays as it is."""
    if isinstance(fault, Ask):
        return carry_out(engine, state, fault)
    if isinstance(fault, Crash):
        return engine.crash(state, fault)
    draft = state.draft(engine.watches)
    faults.inflict(draft, fault)
    step = Step(draft.now_us, fault, draft.take_changes(), ())  # that wakes whoever watches: before the state is sealed
    return draft.seal(), step
