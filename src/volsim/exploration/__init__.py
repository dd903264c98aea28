"""What can *ever* happen: every interleaving of controllers, kubelets, timers and faults that a cluster allows.

A simulation follows one path through a cluster; a search follows all of them, with the same `perform(state, action)`.

>>> from volsim import Simulation
>>> from volsim.exploration import search
>>> sim = Simulation(nodes=0)
>>> _ = sim.apply('''
... apiVersion: v1
... kind: PersistentVolumeClaim
... metadata: {name: c}
... spec: {storageClassName: "", accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
... ''')
>>> print(search(sim.state, sim.engine))
holds: 2 states, 1 transitions, 1 terminal
"""

from __future__ import annotations

from volsim.exploration.faults import Faults
from volsim.exploration.moves import ALL_REDUCTIONS, Order, Reduction
from volsim.exploration.properties import Observer, Property, always, eventually, sometimes, within
from volsim.exploration.report import Report, Violation, explore
from volsim.exploration.search import Answer, Bounds, Exploration, Path, Progress, Strategy, Verdict, search
from volsim.exploration.situation import Recogniser, exact, situation
from volsim.exploration.story import Story

__all__ = [
    "ALL_REDUCTIONS",
    "Answer",
    "Bounds",
    "Exploration",
    "Faults",
    "Observer",
    "Order",
    "Path",
    "Progress",
    "Property",
    "Recogniser",
    "Reduction",
    "Report",
    "Story",
    "Strategy",
    "Verdict",
    "Violation",
    "always",
    "eventually",
    "exact",
    "explore",
    "search",
    "situation",
    "sometimes",
    "within",
]
