"""What `kubectl drain` does to the pods of a node, and when it refuses.

Modelled: the filters (DaemonSets, mirror pods, local storage, pods without a controller, pods long deleted), eviction
with disruption budgets as the API server keeps them, retries, waiting.
Not modelled: the eviction API's own rate limits.
Source: kubectl, pkg/drain (drain.go, filters.go); kube-apiserver, registry/core/pod/rest/eviction.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from volsim.errors import LimitExceeded, NotFound
from volsim.objects import OwnerReference, Pod, PodDisruptionBudget
from volsim.objects.selectors import parse_selector

if TYPE_CHECKING:
    from volsim.views.session import Session

__all__ = ["Drain"]

RETRY_SECONDS = 5  # an eviction that a budget refuses is tried again after that
PATIENCE_SECONDS = 600  # a real client tries for ever; nobody here wants to wait that long without --timeout

DAEMON_SET = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
LOCAL_STORAGE = "Pods with local storage (use --delete-emptydir-data to override)"
LOCAL_STORAGE_OLD = "Pods with local storage (use --delete-local-data to override)"
UNMANAGED = "Pods that declare no controller"
UNMANAGED_OLD = "Pods not managed by ReplicationController, ReplicaSet, Job, DaemonSet or StatefulSet"


class Verdict(NamedTuple):
    """What a filter says of a pod: whether to evict it, and a warning, or an error that ends the drain."""

    evict: bool = True
    warning: str = ""
    error: str = ""


OKAY, SKIP = Verdict(), Verdict(evict=False)


def finished(pod: Pod) -> bool:
    """Whether the pod's containers have ended for good."""
    return pod.status.phase in ("Succeeded", "Failed")


def controller_of(pod: Pod) -> OwnerReference | None:
    """The owner that keeps the pod running."""
    return next((owner for owner in pod.metadata.owner_references if owner.controller), None)


class Drain:
    """The draining of one node."""

    def __init__(self, session: Session, node: str) -> None:
        self.session, self.node = session, node
        self.sim, self.flags = session.sim, session.flags
        given = self.flags["timeout"]
        self.end_us = session.now_us + int((given or PATIENCE_SECONDS) * 1_000_000)

    def run(self) -> list[str]:
        """Evict what can be evicted and wait until it is gone; what stands in the way."""
        verdicts = [(pod, self._verdict(pod)) for pod in self._pods()]
        errors = _joined((f"cannot delete {verdict.error}" if verdict.error else "", pod) for pod, verdict in verdicts)
        if errors:
            return errors
        warnings = _joined((verdict.warning, pod) for pod, verdict in verdicts)
        if warnings:
            word = "Warning" if self.session.dialect.warnings_look_alike else "WARNING"
            self.session.say(f"{word}: {'; '.join(warnings)}")
        return self._evict([pod for pod, verdict in verdicts if verdict.evict])

    def _pods(self) -> list[Pod]:
        wanted = parse_selector(self.flags["pod-selector"])
        return [pod for pod in self.sim.state.pods_on(self.node) if wanted.matches(pod.metadata.labels)]

    # -- filters -----------------------------------------------------------------------------------------------------
    def _verdict(self, pod: Pod) -> Verdict:
        """The filters in their order; the first that keeps the pod decides, the last warning is told."""
        warning = ""
        for each in (self._deleted, self._daemon_set, self._mirror, self._local_storage, self._unmanaged):
            verdict = each(pod)
            if not verdict.evict:
                return verdict
            warning = verdict.warning or warning
        return Verdict(warning=warning)

    def _deleted(self, pod: Pod) -> Verdict:
        limit, gone_us = self.flags["skip-wait-for-delete-timeout"], pod.metadata.deletion_timestamp
        late = gone_us is not None and (self.session.now_us - gone_us) // 1_000_000 > limit
        return SKIP if limit > 0 and late else OKAY

    def _daemon_set(self, pod: Pod) -> Verdict:
        owner = controller_of(pod)
        if owner is None or owner.kind != "DaemonSet" or finished(pod):
            return OKAY
        if self.sim.state.get("daemonsets", f"{pod.metadata.namespace}/{owner.name}") is None:
            gone = f'daemonsets.apps "{owner.name}" not found'
            return Verdict(warning=gone) if self.flags["force"] else Verdict(evict=False, error=gone)
        if not self.flags["ignore-daemonsets"]:
            return Verdict(evict=False, error=DAEMON_SET)
        return Verdict(evict=False, warning="ignoring DaemonSet-managed Pods")

    def _mirror(self, pod: Pod) -> Verdict:
        return SKIP if "kubernetes.io/config.mirror" in pod.metadata.annotations else OKAY

    def _local_storage(self, pod: Pod) -> Verdict:
        if finished(pod) or not any(volume.empty_dir is not None for volume in pod.spec.volumes):
            return OKAY
        if self.flags.get("delete-emptydir-data") or self.flags["delete-local-data"]:
            return Verdict(warning="deleting Pods with local storage")
        new = self.session.dialect.delete_empty_dir_data
        return Verdict(evict=False, error=LOCAL_STORAGE if new else LOCAL_STORAGE_OLD)

    def _unmanaged(self, pod: Pod) -> Verdict:
        if finished(pod) or controller_of(pod) is not None:
            return OKAY
        kind = UNMANAGED if self.session.dialect.drain_knows_any_controller else UNMANAGED_OLD
        if self.flags["force"]:
            return Verdict(warning=f"deleting {kind}")
        return Verdict(evict=False, error=f"{kind} (use --force to override)")

    # -- eviction ----------------------------------------------------------------------------------------------------
    def _evict(self, pods: list[Pod]) -> list[str]:
        left = list(pods)
        while left:
            refused = [pod for pod in left if not self._evict_one(pod)]
            if self.session.dry_run or not refused:
                break
            if self.session.now_us + RETRY_SECONDS * 1_000_000 > self.end_us:
                return [self._gave_up(pod) for pod in refused]
            self.sim.run(RETRY_SECONDS)
            left = [pod for pod in refused if self.session.get(pod) is not None]
        return [] if self.session.dry_run else self._wait(pods)

    def _evict_one(self, pod: Pod) -> bool:
        """Evict one pod; whether it was accepted."""
        name = f"{pod.metadata.namespace}/{pod.name}"
        quiet = self.session.dry_run == " (dry run)"
        if self.flags["disable-eviction"]:
            self.session.say(f"deleting pod {name}{self.session.dry_run}")
        else:
            self.session.say(f"evicting pod {name}{self.session.dry_run}")
            problem = "" if quiet else self._refusal(pod)
            if problem:
                self.session.say(
                    f'error when evicting pods/"{pod.name}" -n "{pod.metadata.namespace}" '
                    f"(will retry after {RETRY_SECONDS}s): {problem}"
                )
                return False
        grace = self.flags["grace-period"]
        namespace = pod.metadata.namespace or "default"
        with suppress(NotFound):  # somebody was faster
            self.sim.delete(f"pod/{pod.name}", namespace, grace_period=None if grace < 0 else grace)
        return True

    def _refusal(self, pod: Pod) -> str:
        """Why the API server refuses the eviction; empty if it does not."""
        if finished(pod) or pod.status.phase == "Pending" or pod.metadata.deletion_timestamp is not None:
            return ""
        budgets = self._budgets(pod)
        if len(budgets) > 1:
            return "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        for budget in budgets:
            if not budget.status.disruptions_allowed:
                return "Cannot evict pod as it would violate the pod's disruption budget."
        return ""

    def _budgets(self, pod: Pod) -> list[PodDisruptionBudget]:
        return [
            budget
            for budget in self.sim.state.table("poddisruptionbudgets").values()
            if budget.metadata.namespace == pod.metadata.namespace
            and budget.spec.selector is not None
            and budget.spec.selector.matches(pod.metadata.labels)
        ]

    def _gave_up(self, pod: Pod) -> str:
        given = self.flags["timeout"]
        text = f'error when evicting pods/"{pod.name}" -n "{pod.metadata.namespace}": global timeout reached: '
        return text + (
            f"{given:g}s" if given else f"{PATIENCE_SECONDS}s (a real kubectl without --timeout tries for ever)"
        )

    def _wait(self, pods: list[Pod]) -> list[str]:
        """Wait until the pods are gone; those that are not."""
        limit = max(0, self.end_us - self.session.now_us) / 1_000_000
        try:
            self.sim.run(until=lambda sim: all(self.session.get(pod) is None for pod in pods), limit=limit)
        except LimitExceeded:
            left = [pod for pod in pods if self.session.get(pod) is not None]
            return [
                f'error when waiting for pod "{pod.name}" in namespace "{pod.metadata.namespace}" to terminate: '
                f"global timeout reached: {limit:g}s"
                for pod in left
            ]
        for pod in pods:
            self.session.say(f"pod/{pod.name} {'deleted' if self.flags['disable-eviction'] else 'evicted'}")
        return []


def _joined(told: Iterable[tuple[str, Pod]]) -> list[str]:
    """Texts with the pods that each is about, as one line for each text."""
    about: dict[str, list[str]] = {}
    for text, pod in told:
        if text:
            about.setdefault(text, []).append(f"{pod.metadata.namespace}/{pod.name}")
    return [f"{text}: {', '.join(names)}" for text, names in about.items()]
