"""Which names may be swapped for each other: of nodes, and of volumes, claims and pods that are alike.

Two situations that differ only in which of several equal ones something is on are one (`Recogniser`). That two are
equal where it counts, the recogniser finds out in each state anew; here it is only said whose names nobody goes by. A
StatefulSet goes by the numbers of its pods and claims.

>>> from volsim import Simulation
>>> sim = Simulation(nodes=2)
>>> claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
...          "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
>>> _ = sim.apply([{**claim, "metadata": {"name": name}} for name in ("c1", "c2")])
>>> sorted(interchangeable(sim.state))
['c1', 'c2', 'node01', 'node02']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from volsim.exploration.digests import Reader
from volsim.state import State

__all__ = ["interchangeable"]

_TABLES = ("persistentvolumes", "persistentvolumeclaims", "pods")


def interchangeable(state: State) -> set[str]:
    """The names of all nodes, and of what is not the only one of its kind that is asked for so. O(objects)."""
    objects = [
        (table, obj) for table in _TABLES for obj in state.table(table).unordered() if not _is_ranked(state, obj)
    ]
    reader = Reader({obj.name for _, obj in objects} | set(state.nodes))
    shapes = [(table, *_shape(reader, obj)) for table, obj in objects]
    several = {shape for shape, count in Counter(shapes).items() if count > 1}
    alike = {obj.name for (_, obj), shape in zip(objects, shapes, strict=True) if shape in several}
    alone = {obj.name for (_, obj), shape in zip(objects, shapes, strict=True) if shape not in several}
    return (alike - alone) | set(state.nodes)


def _shape(reader: Reader, obj: Any) -> Iterator[Any]:
    """What an object is, but for the names in it."""
    yield obj.metadata.namespace
    for part in (obj.spec, obj.metadata.labels, obj.metadata.annotations):
        yield reader.digest(part).shape


def _is_ranked(state: State, obj: Any) -> bool:
    """Whether somebody goes by the object's name, or made it: a StatefulSet, whose pods and claims have numbers."""
    if obj.metadata.owner_references:
        return True
    name, _, number = obj.name.rpartition("-")
    if not number.isdecimal():
        return False
    return any(
        each.metadata.namespace == obj.metadata.namespace and (name == each.name or name.endswith(f"-{each.name}"))
        for each in state.table("statefulsets").unordered()
    )
