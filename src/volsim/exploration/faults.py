"""Which faults an exploration may choose, and how often: budgets, each fault with its healing twin.

A fault strikes between any two actions, at the instant at which the cluster then is: the clock does not go on for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import attrs

from volsim.engine import faults
from volsim.engine.actions import Fault, Step
from volsim.engine.perform import Engine
from volsim.errors import VolsimError, did_you_mean
from volsim.state import Draft, State

__all__ = ["Faults", "strike"]

Act = Callable[[Draft, str], None]

ACTS: dict[str, Act] = {
    "power off": faults.power_off,
    "power on": faults.power_on,
    "cut off": faults.partition,
    "reconnect": faults.heal,
    "destroy": faults.destroy,
    "make unreachable": faults.fail_backend,
    "make reachable": faults.recover_backend,
}
"""What a fault or a healing does, by `Fault.what`."""


class Kind(NamedTuple):
    """One kind of fault: to which rows of which table it can come, and what heals it."""

    table: str
    what: str
    can_strike: Callable[[Any], bool]
    healed_by: str = ""
    can_heal: Callable[[Any], bool] = lambda row: False


KINDS: dict[str, Kind] = {
    "node_failures": Kind(
        "machines",
        "power off",
        lambda machine: machine.powered,
        "power on",
        lambda machine: not machine.powered and not machine.destroyed,
    ),
    "partitions": Kind(
        "machines",
        "cut off",
        lambda machine: machine.connected and not machine.destroyed,
        "reconnect",
        lambda machine: not machine.connected and not machine.destroyed,
    ),
    "node_losses": Kind("machines", "destroy", lambda machine: not machine.destroyed),
    "backend_failures": Kind(
        "backends",
        "make unreachable",
        lambda backend: backend.reachable,
        "make reachable",
        lambda backend: not backend.reachable,
    ),
}
"""The kinds of faults, by the name of their budget."""

Spent = tuple[int, ...]
"""How often each kind has struck, in the order of `KINDS`."""


@attrs.frozen(kw_only=True)
class Faults:
    """How often faults may strike on one path. Of a kind that is allowed at all, each can be healed at any time.

    >>> Faults(node_failures=1)
    Faults(node_failures=1, partitions=0, node_losses=0, backend_failures=0, healing=True)
    >>> Faults(node_failures=-1)
    Traceback (most recent call last):
        ...
    volsim.errors.VolsimError: node_failures=-1: a budget is a whole number from 0 on
    """

    node_failures: int = 0
    """Power cuts; the disk stays, and power may come back."""
    partitions: int = 0
    """Nodes cut off from the control plane, whose containers go on; the network may come back."""
    node_losses: int = 0
    """Nodes that go for ever, with their disks."""
    backend_failures: int = 0
    """File servers and disks behind the network that cannot be reached; they may come back."""
    healing: bool = True
    """Whether what can be healed may be."""

    def __attrs_post_init__(self) -> None:
        for name in KINDS:
            budget = getattr(self, name)
            if not isinstance(budget, int) or isinstance(budget, bool) or budget < 0:
                raise VolsimError(f"{name}={budget!r}: a budget is a whole number from 0 on")

    @property
    def none_spent(self) -> Spent:
        """Nothing has struck yet."""
        return (0,) * len(KINDS)

    def choices(self, state: State, spent: Spent) -> Iterator[tuple[Fault, Spent]]:
        """The faults and healings that may come now, by kind and name, with what has been spent afterwards."""
        for place, (name, kind) in enumerate(KINDS.items()):
            budget = getattr(self, name)
            if not budget:
                continue
            for target, row in state.table(kind.table).items():
                if spent[place] < budget and kind.can_strike(row):
                    yield Fault(kind.what, target), (*spent[:place], spent[place] + 1, *spent[place + 1 :])
                if self.healing and kind.can_heal(row):
                    yield Fault(kind.healed_by, target), spent


def strike(engine: Engine, state: State, fault: Fault) -> tuple[State, Step]:
    """The state after a fault or a healing, and what it did. `state` stays as it is."""
    act = ACTS.get(fault.what)
    if act is None:
        raise VolsimError(f"there is no fault {fault.what!r}; {did_you_mean(fault.what, ACTS)}")
    draft = state.draft(engine.watches)
    act(draft, fault.target)
    step = Step(draft.now_us, fault, draft.take_changes(), ())  # that wakes whoever watches: before the state is sealed
    return draft.seal(), step
