"""Storage that is left without an owner: nobody can reach it through the API any more, and somebody pays for it.

>>> from volsim import Simulation
>>> orphans(Simulation(nodes=1).state)
()
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from volsim.state import View
from volsim.storage.backends import NETWORK, backend_of
from volsim.storage.sources import source_of

__all__ = ["orphans"]


def orphans(view: View) -> tuple[str, ...]:
    """The names of the disks and servers with bytes or capacity of which no volume and no pod speaks, sorted.

    A Released volume still speaks of its disk. O(volumes + pods + backends).
    """
    owned = set(_owned(view))
    return tuple(
        name
        for name, backend in view.table("backends").items()
        if name not in owned and (backend.family == "disk" or backend.root.entries)
    )


def _owned(view: View) -> Iterator[str]:
    """The backends that PersistentVolumes and the volumes of pods name."""
    volumes: list[Any] = [each.spec for each in view.persistent_volumes.unordered()]
    for pod in view.pods.unordered():
        volumes += pod.spec.volumes
    for volume in volumes:
        name, source = source_of(volume)
        if name in NETWORK:
            yield backend_of(name, source)[0]
