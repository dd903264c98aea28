"""Kubelet: what a node does when its disk is nearly full: it says so, and evicts pods until there is room.

Modelled: the hard limit of 10 % that stay free, the condition DiskPressure for as long as that and five minutes more,
one eviction in each round of ten seconds, ranked by usage above the request and by priority; pods that come meanwhile
are turned away.
Not modelled: other resources (memory, inodes, processes), soft limits, images and dead containers that are removed
first, disks that are really full; layers and logs count as what a pod uses, not as what fills the disk.
Source: kubelet, pkg/kubelet/eviction/{eviction_manager,helpers}.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Put, Write
from volsim.control.contract import NOTHING, Controller, EventNote, Outcome
from volsim.control.kubelet.eviction import layer_usage, used_by_pod
from volsim.control.kubelet.mirrors import is_mirror, is_static
from volsim.control.kubelet.work import PodWork
from volsim.objects import Node, Pod
from volsim.quantity import Quantity
from volsim.rules import microseconds
from volsim.state import Change, View
from volsim.state.runtime import Ending, Machine, Sandbox

__all__ = ["CONTROLLER", "is_critical", "threshold"]

_RESOURCE = "ephemeral-storage"
_CRITICAL = 2_000_000_000  # SystemCriticalPriority


def threshold(node: Node) -> tuple[int, int] | None:
    """The bytes of a node's disk, and how many of them are to stay free; None if nobody knows how large it is.

    >>> from volsim.objects import NodeStatus
    >>> threshold(Node(status=NodeStatus(capacity={"ephemeral-storage": Quantity("100Gi")})))
    (107374182400, 10737418240)
    """
    capacity = node.status.capacity.get(_RESOURCE)
    return None if capacity is None else (int(capacity), int(capacity) // 10)


def is_critical(pod: Pod) -> bool:
    """Whether a node needs the pod so much that it is neither evicted nor turned away."""
    return (pod.spec.priority or 0) >= _CRITICAL or is_static(pod) or is_mirror(pod)


def _available(view: View, name: str, machine: Machine | None) -> tuple[int, int] | None:
    """The free bytes of a node's disk, and how many are to stay free."""
    node: Node | None = view.nodes.get(name)
    known = threshold(node) if node is not None else None
    if known is None or machine is None:
        return None
    capacity, least = known
    return capacity - machine.disk.size, least


def watch_machine(view: View, change: Change) -> Iterator[str]:
    """A node needs a look when its disk becomes too full, or empty enough again."""
    before, after = change.before, change.after
    if after is None or (before is not None and before.disk is after.disk and before.powered == after.powered):
        return
    found = _available(view, change.key, after)
    if found is not None and (found[0] < found[1]) is not after.full:
        yield change.key


def sync(view: View, key: str) -> Outcome:
    """Compare what is free on one node's disk with what has to be, and act on it."""
    machine: Machine | None = view.get("machines", key)
    found = _available(view, key, machine)
    if machine is None or found is None or not machine.powered or not machine.kubelet:
        return NOTHING
    period_us = microseconds(view.rules.eviction_monitoring_period)
    full = found[0] < found[1]
    if full or machine.full:
        early_us = -view.now_us % period_us
        if early_us:
            return Outcome(requeue_after_us=early_us)
        return _round(view, key, machine, found, full)
    if machine.until_us is None:
        return NOTHING
    if view.now_us < machine.until_us:
        return Outcome(requeue_after_us=machine.until_us - view.now_us)
    return Outcome((Put("machines", key, machine.replace(until_us=None)),), says=f"node {key} has room on its disk")


def _round(view: View, key: str, machine: Machine, found: tuple[int, int], full: bool) -> Outcome:
    """What one round finds, and does."""
    until_us = view.now_us + microseconds(view.rules.eviction_pressure_transition)
    writes: list[Write] = [Put("machines", key, machine.replace(full=full, until_us=until_us))]
    if not full:
        return Outcome(tuple(writes), requeue_after_us=until_us - view.now_us, says=f"disk of {key} has room again")
    node = view.nodes[key]
    events = [EventNote("Warning", "EvictionThresholdMet", f"Attempting to reclaim {_RESOURCE}", node, host=key)]
    victim = next(iter(_ranked(view, key, machine)), None)
    if victim is not None:
        sandbox = victim.sandbox
        assert sandbox is not None, "it runs here"
        message = _message(victim, found)
        ending = Ending(reason="Evicted", message=message, condition=message)
        writes.append(Put("sandboxes", victim.uid, sandbox.replace(ending=ending)))
        events.append(EventNote("Warning", "Evicted", message, victim.pod, host=key))
    says = f"disk of {key} is too full" + (f": evict pod {victim.pod.key}" if victim is not None else "")
    return Outcome(tuple(writes), tuple(events), microseconds(view.rules.eviction_monitoring_period), True, says)


def _ranked(view: View, key: str, machine: Machine) -> list[PodWork]:
    """The pods that can be evicted, the next one first."""
    works = []
    for uid in view.group("sandboxes_by_node", key):
        sandbox: Sandbox = view.get("sandboxes", uid)
        ended = sandbox.torn_down or sandbox.kill_us is not None or sandbox.ending is not None
        if not ended and not is_critical(sandbox.pod):
            works.append(PodWork(view, key, machine, sandbox.pod, sandbox, gone=False))
    return sorted(works, key=_rank)


def _rank(work: PodWork) -> tuple[bool, int, int, str]:
    """Who uses more than it asked for first, then the less important, then who uses most above its request."""
    excess = used_by_pod(work) - _requested(work.pod)
    return excess <= 0, work.pod.spec.priority or 0, -excess, work.pod.key


def _requested(pod: Pod) -> int:
    requests = [spec.resources.requests.get(_RESOURCE) for spec in pod.spec.containers if spec.resources is not None]
    return sum(int(request) for request in requests if request is not None)


def _message(work: PodWork, found: tuple[int, int]) -> str:
    """Why a pod is evicted, as the kubelet says it."""
    available, least = found
    text = f"The node was low on resource: {_RESOURCE}. "
    text += f"Threshold quantity: {least}, available: {Quantity(f'{max(available, 0) // 1024}Ki')}. "
    for spec in work.pod.spec.containers:
        row = work.row(spec.name or "")
        request = spec.resources.requests.get(_RESOURCE) if spec.resources is not None else None
        used = layer_usage(work, spec) + len(row.log) if row.started_us is not None else 0
        if used > (0 if request is None else int(request)):
            text += (
                f"Container {spec.name} was using {Quantity(f'{-(-used // 1024)}Ki')}, request is {request or 0}, "
                f"has larger consumption of {_RESOURCE}. "
            )
    return text


CONTROLLER = Controller(
    name="kubelet-eviction", component="kubelet", watches={"machines": watch_machine}, sync=sync, priority=20
)
