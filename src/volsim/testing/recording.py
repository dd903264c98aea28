"""A simulation that remembers what was asked of it, so that a failing test can print how to get there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from inspect import signature
from typing import Any, Self

from volsim.engine.perform import Engine
from volsim.engine.trace import Log
from volsim.simulation import Simulation
from volsim.state import State
from volsim.testing.calls import Call, program, story

__all__ = ["RecordedSimulation"]

_REMEMBERED = (
    *("apply", "create", "replace", "delete", "patch", "scale", "label", "rollout_restart", "taint", "kubectl"),
    *("cordon", "uncordon", "exec", "read_file", "write_file", "install_csi_driver", "run", "settle", "step"),
    *("fail_node", "recover_node", "partition_node", "heal_node", "destroy_node", "fail_backend", "recover_backend"),
    *("crash_container", "exit_container"),
)


class RecordedSimulation(Simulation):
    """A `Simulation` with a list of the calls that were made.

    A call that calls another counts once; what a fork does, only the fork remembers.

    >>> sim = RecordedSimulation(nodes=1)
    >>> sim.cordon("node01")
    >>> fork = sim.fork()
    >>> _ = fork.run("1m")
    >>> print(fork.story())
    $ kubectl cordon node01
    # 1m pass
    >>> print(sim.program())
    import volsim
    sim = volsim.Simulation(nodes=1)
    sim.cordon('node01')
    """

    forked: Callable[[RecordedSimulation], None] | None = None
    """Told of every fork."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._calls: Log[Call] = Log()
        self._inside = False
        shown = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items() if name != "engine")]
        self._start = f"volsim.Simulation({', '.join(shown)})"
        super().__init__(*args, **kwargs)

    @property
    def calls(self) -> list[Call]:
        """What was asked of the simulation, oldest first."""
        return list(self._calls)

    def program(self) -> str:
        """What was done as a Python program that can be pasted."""
        return program(self._calls, start=self._start)

    def story(self) -> str:
        """What was done as kubectl commands, with what the world did in comments."""
        return story(self._calls)

    def fork(self) -> Self:
        """A simulation that starts as this one is now, with what was done so far, and goes its own way. O(1)."""
        new = super().fork()
        new._calls, new._inside, new._start, new.forked = self._calls.fork(), False, self._start, self.forked
        if self.forked is not None:
            self.forked(new)
        return new

    @classmethod
    def of(cls, state: State, engine: Engine | None = None) -> Self:
        """A simulation that goes on from a state, without a past. O(1)."""
        new = super().of(state, engine)
        new._calls, new._inside, new._start = Log(), False, "volsim.Simulation.of(state)"
        return new


def _remembered(name: str) -> Callable[..., Any]:
    original = getattr(Simulation, name)
    names = tuple(signature(original).parameters)[2:]

    @functools.wraps(original)
    def method(self: RecordedSimulation, *args: Any, **kwargs: Any) -> Any:
        if self._inside:  # `cordon` is a patch: one call was made, not two
            return original(self, *args, **kwargs)
        first = args[0] if args else None
        named = (*zip(names, args[1:], strict=False), *kwargs.items())
        self._calls.append(Call(name, first, named))
        self._inside = True
        try:
            return original(self, *args, **kwargs)
        finally:
            self._inside = False

    return method


for _name in _REMEMBERED:
    setattr(RecordedSimulation, _name, _remembered(_name))
