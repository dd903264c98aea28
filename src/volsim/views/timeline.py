"""The path of a simulation as lines of text: when, who, what, and which events came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from volsim.engine.simulation import Simulation

__all__ = ["timeline"]


def timeline(sim: Simulation, *, events: bool = True) -> str:
    """Every step so far as a line, the events that it recorded below it, indented.

    Steps in which nothing changed and nothing was said are left out.

    >>> from volsim import Simulation
    >>> sim = Simulation(nodes=1)
    >>> sim.cordon("node01")
    >>> print(timeline(sim).splitlines()[-1])
         0.000s  user: patch node/node01
    """
    lines = []
    for step in sim.trace:
        if not step.changes and not step.events:
            continue
        lines.append(str(step))
        if events:
            for recorded in step.events:
                about = recorded.note.about
                name = f"{about.kind.lower()}/{about.metadata.name}"
                lines.append(f"{'':13}{recorded.note.type} {recorded.note.reason} {name}: {recorded.note.message}")
    return "\n".join(lines) + "\n"
