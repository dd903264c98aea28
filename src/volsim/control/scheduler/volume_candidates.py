"""The volumes that a claim may get, arranged by the nodes that reach them: asking for one node costs what it reaches.

Source: component-helpers, storage/volume/pv_helpers.go (FindMatchingVolume, CheckNodeAffinity).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import chain

from volsim.control.scheduler.lineup import Lineup, Nodes, union
from volsim.objects import NodeSelector, NodeSelectorRequirement, PersistentVolume
from volsim.objects.binding import reaches

__all__ = ["MOST_EQUAL", "Candidates", "affinities_of"]

MOST_EQUAL = 16
"""How many equally good ways to serve a pod's claims are looked at on each node: one would do to know that it fits."""


class Candidates:
    """Volumes, the smallest first.

    >>> Candidates([]).best({"kubernetes.io/hostname": "node01"}, ())
    []
    """

    def __init__(self, volumes: Sequence[PersistentVolume]) -> None:
        self.volumes = volumes
        self._everywhere: list[int] = []
        self._labelled: dict[tuple[str, str], list[int]] = {}
        self._particular: list[int] = []
        for at, volume in enumerate(volumes):
            if volume.spec.node_affinity is None or volume.spec.node_affinity.required is None:
                self._everywhere.append(at)
                continue
            demand = _one_label(volume)
            if demand is None:
                self._particular.append(at)
                continue
            for value in sorted(set(demand.values)):
                self._labelled.setdefault((demand.key or "", value), []).append(at)
        self._keys = sorted({key for key, _ in self._labelled})

    def reached(self, lineup: Lineup) -> Nodes:
        """All nodes that reach any of them."""
        if self._everywhere:
            return lineup.every
        labelled = (lineup.labelled(key, [value for its, value in self._labelled if its == key]) for key in self._keys)
        affinities = affinities_of([self.volumes[at] for at in self._particular])
        return union(chain(labelled, (lineup.matching(each, by_name=False) for each in affinities)))

    def best(self, labels: Mapping[str, str], taken: Collection[str], most: int = MOST_EQUAL) -> list[PersistentVolume]:
        """The smallest that a node with these labels reaches, without those `taken`: any of them, at most so many."""
        found: list[PersistentVolume] = []
        for at in self._reached(labels):
            volume = self.volumes[at]
            if (volume.metadata.name or "") in taken:
                continue
            if found and _size(volume) != _size(found[0]):
                break
            found.append(volume)
            if len(found) == most:
                break
        return found

    def _reached(self, labels: Mapping[str, str]) -> Iterator[int]:
        particular = (at for at in self._particular if reaches(self.volumes[at], labels))
        labelled = [self._labelled.get((key, labels.get(key, "")), []) for key in self._keys if key in labels]
        return merge(self._everywhere, *labelled, particular)


def affinities_of(volumes: Iterable[PersistentVolume]) -> Iterator[NodeSelector]:
    """What the volumes demand of a node that is to use them.

    >>> list(affinities_of([PersistentVolume()]))
    []
    """
    for volume in volumes:
        affinity = volume.spec.node_affinity
        if affinity is not None and affinity.required is not None:
            yield affinity.required


def _one_label(volume: PersistentVolume) -> NodeSelectorRequirement | None:
    """The one label that decides on who reaches the volume, as of a local volume; None if it is not so simple."""
    affinity = volume.spec.node_affinity
    terms = affinity.required.node_selector_terms if affinity is not None and affinity.required is not None else ()
    if len(terms) != 1 or terms[0].match_fields or len(terms[0].match_expressions) != 1:
        return None
    only = terms[0].match_expressions[0]
    return only if only.operator == "In" else None


def _size(volume: PersistentVolume) -> int:
    storage = volume.spec.capacity.get("storage")
    return storage.nano if storage is not None else 0
