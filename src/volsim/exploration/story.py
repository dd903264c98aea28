"""How something comes about, step by step: for people, as a script, as a test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import indent

import attrs

from volsim.engine.actions import Action, Ask, Crash, Fault, Lapse, Step, Sync

__all__ = ["Story"]


@attrs.frozen
class Story:
    """The steps of a path, and those that can go on for ever at its end.

    `str()` of it tells those that changed something, each with its time. `script()` is a program that goes the same
    way, `test()` a pytest function that fails as long as that is possible.
    """

    steps: tuple[Step, ...]
    cycle: tuple[Step, ...] = ()

    @property
    def actions(self) -> tuple[Action, ...]:
        """What was done, looks that changed nothing included: `Simulation.perform` does each again."""
        return tuple(step.action for step in self.steps)

    def told(self) -> tuple[str, ...]:
        """The steps that changed something, a line for each."""
        return tuple(_lines(self.steps))

    def __str__(self) -> str:
        told = list(self.told()) or ["nothing has to happen for it"]
        if self.cycle:
            told += ["and so on for ever:", *_lines(self.cycle)]
        return "\n".join(told)

    def script(self, setup: str) -> str:
        """A Python program that goes the same way; `setup` are the lines that make `sim`, the cluster at the start."""
        return f'"""How it comes about."""\n\nimport volsim\n\n{setup.rstrip()}\n\n{self._performed()}\n'

    def test(self, name: str, setup: str, holds: str) -> str:
        """A pytest function that goes the same way and then asserts the expression `holds`."""
        body = f"{setup.rstrip()}\n{self._performed()}\nassert {holds}\n"
        return f"import volsim\n\n\ndef test_{name}() -> None:\n{indent(body, '    ')}"

    def _performed(self) -> str:
        lines = [f"    {_code(action)}," for action in self.actions]
        return "\n".join(["for action in [", *lines, "]:", "    print(sim.perform(action))"])


def _lines(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        if step.changes or not isinstance(step.action, Sync):
            yield str(step)


def _code(action: Action) -> str:
    """The action as Python code."""
    if isinstance(action, Sync):
        given = [action.controller, action.key, *([] if action.choice is None else [action.choice])]
        return f"volsim.Sync({', '.join(map(repr, given))})"
    if isinstance(action, Fault):
        return f"volsim.Fault({action.what!r}, {action.target!r})"
    if isinstance(action, Lapse):
        return f"volsim.Lapse({action.due!r})"
    if isinstance(action, Crash):
        chosen = "" if action.choice is None else f", {action.choice!r}"
        return f"volsim.Crash({action.controller!r}, {action.key!r}, {action.writes}{chosen})"
    assert isinstance(action, Ask)
    return f"volsim.Ask({', '.join(repr(part) for part in action if part)})"
