"""RollingUpdate of a daemon set: which nodes get their new pod next.

Modelled: `maxUnavailable` (delete, then make), `maxSurge` (make, then delete), pods that are ill first, nodes that
should not run the pod any more. Which of several healthy nodes comes next is open.
Not modelled: nothing of it.
Source: kube-controller-manager, pkg/controller/daemon/update.go (rollingUpdate).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from volsim.control.daemon_set.work import DaemonWork
from volsim.control.workload import scaled_number
from volsim.objects import Pod

__all__ = ["Choices", "roll"]

T = TypeVar("T")

Choices = list[tuple[str, Callable[[DaemonWork], None]]]
"""By label: what may be done next, if not all of it may be done at once."""


def roll(work: DaemonWork) -> Choices:
    """Take the next steps of an update; what remains to be chosen."""
    strategy = work.set.spec.update_strategy
    if strategy is None or strategy.type != "RollingUpdate" or work.made or work.doomed:
        return []  # what was made or deleted is to be seen first
    rolling = strategy.rolling_update
    unavailable = scaled_number(rolling.max_unavailable if rolling is not None else 1, work.desired, up=True)
    if work.surge:
        return _surge(work)
    return _replace(work, unavailable or 1)


def _pods_by_version(work: DaemonWork, node: str) -> tuple[list[Pod], list[Pod]]:
    """The new and the old pods of a node that are not on their way out."""
    living = [pod for pod in work.by_node.get(node, ()) if pod.metadata.deletion_timestamp is None]
    new = [pod for pod in living if work.is_updated(pod)]
    return new, [pod for pod in living if pod not in new]


def _nodes(work: DaemonWork) -> list[str]:
    """The nodes that have a pod or should have one."""
    return sorted({*work.by_node, *(node for node, place in work.places.items() if place.run)})


def _replace(work: DaemonWork, most: int) -> Choices:
    """Delete old pods: all that are ill, and as many others as may be unavailable."""
    unavailable, candidates = 0, list[Pod]()
    for node in _nodes(work):
        new, old = _pods_by_version(work, node)
        if len(old) == 1 and not new:
            if work.is_available(old[0]):
                candidates.append(old[0])
                continue
            work.delete(old[0])
        unavailable += not (len(new) == 1 and not old and work.is_available(new[0]))
    return _some_of(candidates, most - unavailable, work, DaemonWork.delete, lambda pod: pod.name)


def _surge(work: DaemonWork) -> Choices:
    """Make new pods beside old ones: where the old is ill, and on as many other nodes as may have two."""
    surging, available = 0, 0
    candidates, leaving = list[str](), list[Pod]()
    for node in _nodes(work):
        new, old = _pods_by_version(work, node)
        if len(new) > 1 or len(old) > 1:
            surging += 1
            continue
        available += any(map(work.is_available, old or new))
        if not old:
            continue
        well, place = work.is_available(old[0]), work.places.get(node)
        if new:
            if work.is_available(new[0]):
                work.delete(old[0])
            else:
                surging += 1
        elif place is None or not place.run:
            leaving.append(old[0]) if well else work.delete(old[0])
        elif well:
            candidates.append(node)
        else:
            work.create(node)
    for pod in leaving[: max(available - work.desired, 0)]:
        work.delete(pod)
    return _some_of(candidates, work.surge - surging, work, DaemonWork.create, str)


def _some_of(
    candidates: list[T], number: int, work: DaemonWork, act: Callable[[DaemonWork, T], None], label: Callable[[T], str]
) -> Choices:
    """Act on all candidates if there is room for all; else on any one of them, and the others have to wait."""
    if number <= 0:
        return []
    if number < len(candidates):
        return [(label(each), partial(_act, act, each)) for each in candidates]
    for each in candidates:
        act(work, each)
    return []


def _act(act: Callable[[DaemonWork, T], None], candidate: T, work: DaemonWork) -> None:
    act(work, candidate)
