"""The faults by the names that a check takes, and what each means for an exploration.

>>> names("container-crash, node-loss")
('container-crash', 'node-loss')
>>> names("earthquake")  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
volsim.errors.VolsimError: there is no fault 'earthquake'; there are 'backend-loss', 'container-crash', ...
"""

from __future__ import annotations

from collections.abc import Iterable

from volsim.errors import VolsimError, did_you_mean
from volsim.exploration.faults import Faults

__all__ = ["DEFAULT_FAULTS", "FAULTS_MEAN", "FAULT_NAMES", "budget", "names"]

_BUDGETS: dict[str, Faults] = {
    "container-crash": Faults(container_crashes=1),
    "pod-loss": Faults(pod_deletions=1),
    "reboot": Faults(reboots=1),
    "node-loss": Faults(node_failures=1, healing=False),
    "node-return": Faults(node_failures=1),
    "partition": Faults(partitions=1),
    "disk-loss": Faults(node_losses=1),
    "backend-loss": Faults(backend_failures=1),
}
FAULT_NAMES = (*_BUDGETS, "rollout", "drain", "deletion")
"""All faults that a check knows: those of the world, and what people do."""
FAULTS_MEAN = {
    "container-crash": "the process of a container is killed",
    "pod-loss": "somebody deletes a pod",
    "reboot": "a node goes off and on again, sooner than anybody misses it",
    "node-loss": "a node loses power for good; its disk is kept, but nobody reads it",
    "node-return": "a node loses power, and may come back at any time",
    "partition": "a node is cut off from the control plane while its containers go on; the network may come back",
    "disk-loss": "a node goes for good, with its disk",
    "backend-loss": "a file server or a disk behind the network cannot be reached; it may come back",
    "rollout": "somebody rolls a workload out anew (`kubectl rollout restart`)",
    "drain": "somebody drains a node",
    "deletion": "somebody deletes a claim, or the whole application, its workloads and claims in any order",
}
"""What happens, in a few words."""
DEFAULT_FAULTS = ("container-crash", "pod-loss", "node-loss", "node-return", "rollout", "drain")


def names(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """The faults that are asked for: a text with commas, or names. Raises `VolsimError` for an unknown one."""
    if given is None:
        return DEFAULT_FAULTS
    asked = given.split(",") if isinstance(given, str) else list(given)
    found = tuple(dict.fromkeys(name.strip() for name in asked if name.strip()))
    for name in found:
        if name not in FAULT_NAMES:
            raise VolsimError(f"there is no fault {name!r}; {did_you_mean(name, FAULT_NAMES)}")
    if not found:
        raise VolsimError(f"no fault is asked for; there are {', '.join(FAULT_NAMES)}")
    return found


def budget(name: str) -> Faults | None:
    """What a fault of the world means; None for what people do."""
    return _BUDGETS.get(name)
