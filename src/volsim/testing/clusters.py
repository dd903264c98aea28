"""What generated examples are made of: a cluster from a few objects, and calls of a simulation as values.

Both print as Python that can be pasted, so that a counterexample is a program.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.simulation import Simulation

__all__ = ["Call", "cluster_of"]


def cluster_of(
    objects: Iterable[Any] = (),
    *,
    nodes: int | Sequence[Any] = 1,
    kubernetes: str | None = None,
    seed: int = 0,
    engine: Engine | None = None,
) -> Simulation:
    """A simulation to which `objects` have just been applied, in order; nothing has happened since.

    >>> from volsim.objects import Namespace, ObjectMeta
    >>> sim = cluster_of([Namespace(metadata=ObjectMeta(name="team"))], nodes=2)
    >>> sim.now, sim.get("namespace/team").status.phase, len(sim.list("nodes"))
    (0.0, 'Active', 2)
    """
    sim = Simulation(nodes=nodes, kubernetes=kubernetes, seed=seed, engine=engine)
    for each in objects:
        sim.apply(each)
    return sim


class Call(NamedTuple):
    """One call of a `Simulation`'s method, as a value.

    >>> call = Call("delete", "pod/p1")
    >>> print(call)
    sim.delete('pod/p1')
    >>> call.do(cluster_of())
    False
    """

    method: str
    argument: Any

    def __str__(self) -> str:
        return f"sim.{self.method}({self.argument!r})"

    def do(self, sim: Simulation) -> bool:
        """Make the call; whether it was accepted. A call that is refused changes nothing."""
        try:
            getattr(sim, self.method)(self.argument)
        except VolsimError:
            return False
        return True
