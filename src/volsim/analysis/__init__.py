"""What hangs on what: the coupling of a cluster's parts as a graph, and what a failure takes with it.

>>> from volsim import Simulation
>>> sim = Simulation(nodes=1)
>>> sorted(graph(sim).nodes)
['disk/node01', 'node/node01']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from volsim.analysis.coupling import BlastRadius, blast_radius, coupling

if TYPE_CHECKING:
    import networkx

    from volsim.engine.simulation import Simulation

__all__ = ["BlastRadius", "blast_radius", "coupling", "graph"]


def graph(sim: Simulation) -> networkx.MultiDiGraph[str]:
    """What hangs on what in a simulation, as it is now: see `volsim.analysis.coupling` for nodes, edges, attributes.

    >>> from volsim import Simulation
    >>> list(graph(Simulation(nodes=1)).edges(data="relation"))
    [('disk/node01', 'node/node01', 'is part of')]
    """
    return coupling(sim.state)
