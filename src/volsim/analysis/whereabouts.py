"""Where bytes still are: on the disks of nodes, on storage servers, in the memory of what runs.

>>> from volsim import Simulation
>>> sim = Simulation(nodes=1)
>>> sim.write_host_file("node01", "/srv/letter", "precious")
>>> is_anywhere(sim.state, b"precious")
True
>>> sim.destroy_node("node01")
>>> is_anywhere(sim.state, b"precious")
False
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.state import View
from volsim.state.runtime import Machine
from volsim.storage.tree import Directory, File, Special

__all__ = ["is_anywhere", "is_below"]

_KNOWN: dict[tuple[int, bytes], bool] = {}
_KNOWN_MOST = 100_000  # forget all and start again: bounds memory in long explorations


def is_anywhere(view: View, data: bytes) -> bool:
    """Whether a file or block device that can be read again some day holds the bytes.

    A machine without power keeps its disk, and loses its memory; a destroyed one keeps nothing. What a container has
    written into its own layer is there as long as the container is. Cost: the directories that were not searched for
    these bytes before.
    """
    devices = (backend.device for backend in view.table("backends").unordered())
    return any(is_below(root, data) for root in _roots(view)) or any(_holds(device, data) for device in devices)


def is_below(root: Directory, data: bytes) -> bool:
    """Whether a file or block device in the directory, or below it, holds the bytes."""
    key = (root.fingerprint, data)
    found = _KNOWN.get(key)
    if found is None:
        if len(_KNOWN) >= _KNOWN_MOST:
            _KNOWN.clear()
        found = _KNOWN[key] = any(_holds(node, data) for node in root.entries.values())
    return found


def _holds(node: object, data: bytes) -> bool:
    if isinstance(node, Directory):
        return is_below(node, data)
    if isinstance(node, Special):
        return data in node.data or (node.files is not None and is_below(node.files, data))
    return isinstance(node, File) and data in node.data


def _roots(view: View) -> Iterator[Directory]:
    for machine in view.table("machines").unordered():
        if not machine.destroyed:
            yield machine.disk
    for backend in view.table("backends").unordered():
        yield backend.root
    for uid, sandbox in view.table("sandboxes").unordered_items():
        host: Machine | None = view.get("machines", sandbox.node)
        if host is None or host.destroyed:
            continue
        if host.powered and host.boot == sandbox.boot:
            yield from sandbox.memory.values()
        rows = (view.get("containers", f"{uid}/{each.name}") for each in sandbox.pod.spec.containers)
        yield from (row.layer for row in rows if row is not None)
