"""One daemon set while it is worked on: its pods by node, what is made and deleted, and what it reports.

Modelled: one pod a node (two while surging), failed pods with their back-off, succeeded ones by version, unscheduled
pods of nodes that are gone, all counts of the status.
Not modelled: slow start batches.
Source: kube-controller-manager, pkg/controller/daemon/daemon_controller.go (podsShouldBeOnNode, syncNodes,
updateDaemonSetStatus).
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import NamedTuple

from volsim.apiserver.writes import Create, Delete, Put, UpdateStatus, Write
from volsim.control.contract import EventNote, Outcome, normal, warning
from volsim.control.daemon_set.placement import (
    GENERATION_LABEL,
    HASH_LABEL,
    Placement,
    placement,
    target_node,
    template_for,
)
from volsim.control.history import history_of, truncated
from volsim.control.workload import (
    availability_due_us,
    backoff_us,
    has_ended,
    is_available,
    is_ready,
    namespace_ends,
    pod_of,
    refusal_of,
    scaled_number,
    takes_its_time,
)
from volsim.objects import DaemonSet, DaemonSetStatus, FrozenDict, Pod
from volsim.state import View

__all__ = ["DaemonWork", "Memory", "memory_row"]

GENERATION = "deprecated.daemonset.template.generation"
_BURST = 250  # BurstReplicas: at most so many pods are made or deleted in one go
_BACKOFF_FIRST_US, _BACKOFF_MAX_US = 1_000_000, 900_000_000  # failedPodsBackoff: 1 s to 15 min


class Memory(NamedTuple):
    """What the controller remembers of a daemon set."""

    failures: FrozenDict[str, tuple[int, int]] = FrozenDict()
    """By node: how long to wait between two failed pods, and when the last one was deleted."""
    refused_since_us: int | None = None
    """Since when the API server takes no pod of it."""


def memory_row(key: str) -> str:
    """The key of a daemon set's memory."""
    return f"daemonset/{key}"


def _age(pod: Pod) -> tuple[bool, int, str]:
    """Sorts pods: those that have a node first, then the oldest."""
    return not pod.spec.node_name, pod.metadata.creation_timestamp or 0, pod.name


class DaemonWork:
    """One daemon set, its pods and the nodes, being worked on: a private copy of what may change."""

    def __init__(self, view: View, daemon_set: DaemonSet, pods: Iterable[Pod], claiming: Iterable[Write]):
        self.view, self.rules, self.set = view, view.rules, daemon_set
        history = history_of(view, daemon_set, HASH_LABEL, daemon_set.metadata.annotations)
        self.hash = history.update.metadata.labels[HASH_LABEL]
        self.generation = daemon_set.metadata.annotations.get(GENERATION)
        self.collisions = history.collisions
        self.pods = [pod for pod in pods if not (has_ended(pod) and pod.metadata.deletion_timestamp is not None)]
        live = [pod.metadata.labels.get(HASH_LABEL) for pod in self.pods]
        kept = [each.name for each in history.revisions if each.metadata.labels.get(HASH_LABEL) in live]
        self.writes: list[Write] = [*claiming, *history.writes]
        self.writes += truncated(history, kept, daemon_set.spec.revision_history_limit)
        self.events: list[EventNote] = []
        self.notes: list[str] = []
        self.by_node: dict[str, list[Pod]] = {}
        for pod in self.pods:
            self.by_node.setdefault(target_node(pod), []).append(pod)
        template = daemon_set.spec.template
        self.places: dict[str, Placement] = {node.name: placement(template, node) for node in view.nodes.values()}
        self.made: list[str] = []
        """The nodes for which pods are created in this sync."""
        self.doomed: list[Pod] = []
        """The pods that are deleted in this sync."""
        known: Memory | None = view.get("memory", memory_row(daemon_set.key))
        self.memory = known or Memory()
        self.refused = False
        self.waits_us: list[int] = []
        """When failed pods may be deleted."""

    def fork(self) -> DaemonWork:
        """A copy that goes its own way."""
        new = copy(self)
        for name in ("writes", "events", "notes", "made", "doomed", "waits_us"):
            setattr(new, name, list(getattr(self, name)))
        return new

    # -- questions ---------------------------------------------------------------------------------------------------
    @property
    def desired(self) -> int:
        """How many nodes should run a pod."""
        return sum(place.run for place in self.places.values())

    @property
    def surge(self) -> int:
        """How many nodes may have two pods during an update."""
        return self._surge_of(self.desired)

    @property
    def allows_surge(self) -> bool:
        """Whether a node may ever have two pods."""
        return self._surge_of(1) > 0

    def _surge_of(self, number: int) -> int:
        strategy = self.set.spec.update_strategy
        if strategy is None or strategy.type != "RollingUpdate" or strategy.rolling_update is None:
            return 0
        return scaled_number(strategy.rolling_update.max_surge, number, up=True)

    def is_available(self, pod: Pod) -> bool:
        """Whether a pod has been ready for long enough."""
        return is_available(pod, self.set.spec.min_ready_seconds, self.view.now_us)

    def is_updated(self, pod: Pod) -> bool:
        """Whether a pod was made from the present template."""
        labels = pod.metadata.labels
        if labels.get(HASH_LABEL) == self.hash:
            return True
        return self.generation is not None and labels.get(GENERATION_LABEL) == self.generation

    # -- deeds -------------------------------------------------------------------------------------------------------
    def create(self, node: str) -> None:
        """Make a pod for a node, unless the API server would not take it."""
        if self.refused or len(self.made) >= _BURST or namespace_ends(self.view, self.set.metadata.namespace):
            return
        pod = pod_of(template_for(self.set.spec.template, node, self.hash, self.generation), self.set)
        refusal = refusal_of(self.view, pod) if not self.made else None
        if refusal is not None:
            self.refused = True
            self.events.append(warning(self.set, "FailedCreate", f"Error creating: {refusal}"))
            return
        told = normal(self.set, "SuccessfulCreate", "Created pod: {name}")
        self.events.append(told._replace(of_write=len(self.writes)))
        self.writes.append(Create(pod))
        self.made.append(node)
        self.notes.append(f"create a pod for {node}")

    def delete(self, pod: Pod) -> None:
        """Delete a pod."""
        if len(self.doomed) >= _BURST:
            return
        told = normal(self.set, "SuccessfulDelete", f"Deleted pod: {pod.name}")
        self.events.append(told._replace(of_write=len(self.writes)))
        self.writes.append(Delete("pods", pod.key, uid=pod.metadata.uid))
        self.doomed.append(pod)
        self.notes.append(f"delete {pod.name}")

    # -- one pod a node ----------------------------------------------------------------------------------------------
    def settle_nodes(self) -> None:
        """Make and delete pods so that each node has what it should have."""
        for node, place in self.places.items():
            pods = self.by_node.get(node, [])
            living = [pod for pod in pods if pod.metadata.deletion_timestamp is None]
            if place.run and not pods:
                self.create(node)
            elif place.stay:
                running = [pod for pod in living if not self._bury(node, pod)]
                self._prune(node, sorted(running, key=_age), wanted=place.run)
            else:
                for pod in living:
                    self.delete(pod)
        for node, pods in self.by_node.items():
            for pod in pods:
                if node not in self.places and not pod.spec.node_name and pod.metadata.deletion_timestamp is None:
                    self.delete(pod)  # it will never be scheduled, so nobody else removes it

    def _bury(self, node: str, pod: Pod) -> bool:
        """Delete a pod that has ended, failed ones not too often; whether it has ended."""
        where = f"daemon pod {pod.key} on node {node}, will try to"
        if pod.status.phase == "Failed":
            if self._may_bury(node):
                self.events.append(warning(self.set, "FailedDaemonPod", f"Found failed {where} kill it"))
                self.delete(pod)
            return True
        if pod.status.phase == "Succeeded" and self.rules.daemon_set_restarts_succeeded:
            self.events.append(normal(self.set, "SucceededDaemonPod", f"Found succeeded {where} delete it"))
            self.delete(pod)
            return True
        return False

    def _may_bury(self, node: str) -> bool:
        """Whether the back-off for failed pods of a node is over; if so, the next one is twice as long."""
        now_us = self.view.now_us
        delay_us, since_us = self.memory.failures.get(node, (0, now_us - 2 * _BACKOFF_MAX_US))
        if now_us - since_us < delay_us:
            self.waits_us.append(since_us + delay_us - now_us)
            return False
        fresh = now_us - since_us >= 2 * _BACKOFF_MAX_US
        longer_us = _BACKOFF_FIRST_US if fresh else min(2 * delay_us, _BACKOFF_MAX_US)
        failures = FrozenDict({**self.memory.failures, node: (longer_us, now_us)})
        self.memory = self.memory._replace(failures=failures)
        return True

    def _prune(self, node: str, running: list[Pod], *, wanted: bool) -> None:
        """Keep one pod, the oldest; where surging is allowed, the oldest new one beside the oldest old one."""
        if not self.allows_surge:
            for pod in running[1:]:
                self.delete(pod)
            return
        if not running and wanted:
            self.create(node)
        new = [pod for pod in running if pod.metadata.labels.get(HASH_LABEL) == self.hash]
        old = [pod for pod in running if pod not in new]
        for pod in (*new[1:], *old[1:]):
            self.delete(pod)
        if new and old and (not is_ready(old[0]) or self.is_available(new[0])):
            self.delete(old[0])

    # -- what comes of it --------------------------------------------------------------------------------------------
    def status(self) -> DaemonSetStatus:
        """The status as it will be when all is written. Zeros are left out where the API leaves them out."""
        counts = dict.fromkeys(("current", "misscheduled", "ready", "available", "updated"), 0)
        for node, place in self.places.items():
            pods = [each for each in self.by_node.get(node, ()) if not self._vanishes(each)]
            if not pods and node not in self.made:
                continue
            if not place.run:
                counts["misscheduled"] += 1
                continue
            first = min(pods, key=_age, default=None)
            counts["current"] += 1
            counts["ready"] += first is not None and is_ready(first)
            counts["available"] += first is not None and self.is_available(first)
            counts["updated"] += first is None or self.is_updated(first)
        return self.set.status.replace(
            observed_generation=self.set.metadata.generation,
            desired_number_scheduled=self.desired,
            current_number_scheduled=counts["current"],
            number_misscheduled=counts["misscheduled"],
            number_ready=counts["ready"],
            number_available=counts["available"] or None,
            number_unavailable=self.desired - counts["available"] or None,
            updated_number_scheduled=counts["updated"] or None,
            collision_count=self.collisions or None,
        )

    def _vanishes(self, pod: Pod) -> bool:
        return pod in self.doomed and not takes_its_time(self.view, pod)

    def outcome(self) -> Outcome:
        """All that was decided, as writes, and when to look again."""
        status = self.status()
        if status != self.set.status:
            self.writes.append(UpdateStatus(self.set.replace(status=status)))
        refused_since = self.memory.refused_since_us
        if self.refused:
            self.waits_us.append(backoff_us(self.view, refused_since))
        now_us = self.view.now_us
        self.memory = self.memory._replace(refused_since_us=(refused_since or now_us) if self.refused else None)
        row, memory = memory_row(self.set.key), self.memory if self.memory != Memory() else None
        if memory != self.view.get("memory", row):
            self.writes.append(Put("memory", row, memory))
        available_us = self._available_in_us()
        after_us = min((*self.waits_us, *([] if available_us is None else [available_us])), default=None)
        says = f"daemon set {self.set.key}: {', '.join(self.notes) or 'report'}" if self.writes or self.events else ""
        return Outcome(tuple(self.writes), tuple(self.events), after_us, available_us is None, says)

    def _available_in_us(self) -> int | None:
        """When the next pod will have been ready for long enough."""
        seconds = self.set.spec.min_ready_seconds
        if not seconds:
            return None
        waits = (availability_due_us(pod, seconds) - self.view.now_us for pod in self.pods if is_ready(pod))
        return min((wait for wait in waits if wait > 0), default=None)
