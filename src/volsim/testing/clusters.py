"""What generated examples are made of: a cluster from a few objects. It prints as Python that can be pasted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from volsim.engine.perform import Engine
from volsim.testing.recording import RecordedSimulation

__all__ = ["cluster_of"]


def cluster_of(
    objects: Iterable[Any] = (),
    *,
    nodes: int | Sequence[Any] = 1,
    kubernetes: str | None = None,
    seed: int = 0,
    engine: Engine | None = None,
) -> RecordedSimulation:
    """A simulation to which `objects` have just been applied, in order; nothing has happened since.

    >>> from volsim.objects import Namespace, ObjectMeta
    >>> sim = cluster_of([Namespace(metadata=ObjectMeta(name="team"))], nodes=2)
    >>> sim.now, sim.get("namespace/team").status.phase, len(sim.list("nodes"))
    (0.0, 'Active', 2)
    """
    sim = RecordedSimulation(nodes=nodes, kubernetes=kubernetes, seed=seed, engine=engine)
    for each in objects:
        sim.apply(each)
    return sim
