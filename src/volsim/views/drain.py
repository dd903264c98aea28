"""What `kubectl drain` does to the pods of a node, and when it refuses.

Modelled: the filters (DaemonSets, mirror pods, local storage, pods without a controller, pods long deleted), eviction
through the API server, which asks the disruption budgets; retries, waiting, the time limit.
Not modelled: a limit for all nodes together before 1.18.
Source: kubectl, pkg/drain (drain.go, filters.go), pkg/cmd/drain/drain.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from volsim.apiserver.eviction import evict
from volsim.errors import Forbidden, LimitExceeded, NotFound, TooManyRequests, VolsimError
from volsim.objects import OwnerReference, Pod
from volsim.objects.selectors import parse_selector

if TYPE_CHECKING:
    from volsim.engine.simulation import Simulation
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
        pods, errors = self._chosen()
        if errors:
            return errors
        problems = self._delete(pods) if self.flags["disable-eviction"] else self._evict(pods)
        if problems:
            self._tell_pending(problems)
        return problems

    def _chosen(self) -> tuple[list[Pod], list[str]]:
        """The pods that are to go, with a warning about some; or what stands against it."""
        verdicts = [(pod, self._verdict(pod)) for pod in self._pods()]
        errors = _joined((f"cannot delete {verdict.error}" if verdict.error else "", pod) for pod, verdict in verdicts)
        warnings = [] if errors else _joined((verdict.warning, pod) for pod, verdict in verdicts)
        if warnings:
            word = "Warning" if self.session.dialect.warnings_look_alike else "WARNING"
            self.session.say(f"{word}: {'; '.join(warnings)}")
        return [pod for pod, verdict in verdicts if verdict.evict], errors

    def _tell_pending(self, problems: list[str]) -> None:
        """Say which pods are left on the node."""
        left = [pod for pod in self._pods() if self._verdict(pod).evict]
        if left:
            text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            self.session.say(f'There are pending pods in node "{self.node}" when an error occurred: {text}')
            for pod in left:
                self.session.say(f"pod/{pod.name}")

    def _pods(self) -> list[Pod]:
        wanted = parse_selector(self.flags["pod-selector"])
        return [pod for pod in self.sim.state.pods_on(self.node) if wanted.matches(pod.metadata.labels)]

    # -- filters -----------------------------------------------------------------------------------------------------
    def _verdict(self, pod: Pod) -> Verdict:
        """The filters in their order; the first that keeps the pod decides, else the last one alone."""
        verdict = OKAY
        for each in (self._deleted, self._daemon_set, self._mirror, self._local_storage, self._unmanaged):
            verdict = each(pod)
            if not verdict.evict:
                break
        return verdict

    def _deleted(self, pod: Pod) -> Verdict:
        return SKIP if self._is_skipped(pod) else OKAY

    def _is_skipped(self, pod: Pod) -> bool:
        """Whether a pod has been deleted for so long that nobody waits for it any more."""
        limit, gone_us = self.flags["skip-wait-for-delete-timeout"], pod.metadata.deletion_timestamp
        return limit > 0 and gone_us is not None and (self.session.now_us - gone_us) // 1_000_000 > limit

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
        """Evict the pods, each as often as it takes, and wait until they are gone; what went wrong with some."""
        problems: list[str] = []
        waiting: list[Pod] = []
        while pods:
            again: list[Pod] = []
            for pod in pods:
                try:
                    (waiting if self._evict_one(pod) else again).append(pod)
                except NotFound:
                    continue  # somebody was faster
                except VolsimError as error:
                    problems.append(f"error when evicting {self._named(pod)}: {error}")
            if self.session.dry_run:
                return problems
            if again:
                retry_us = self.session.now_us + RETRY_SECONDS * 1_000_000
                waiting = self._wait(waiting, retry_us)
                self._let_pass(retry_us)
            pods = [self.sim.state.pods.get(pod.key) or pod for pod in again]
        for pod in self._wait(waiting, self.end_us):
            what = "terminating"
            if self.session.dialect.drain_errors_name_namespace:
                what = f'in namespace "{pod.metadata.namespace}" to terminate'
            problems.append(f'error when waiting for pod "{pod.name}" {what}: {self._out_of_time()}')
        return problems

    def _evict_one(self, pod: Pod) -> bool:
        """Ask for the eviction of one pod; whether it was accepted, or is to be asked for again.

        Raises what else the API server says, and `LimitExceeded` if there is no time left.
        """
        where = pod.key if self.session.dialect.drain_names_namespace else f'"{pod.name}"'
        self.session.say(f"evicting pod {where}{self.session.dry_run}")
        if self.session.dry_run == " (dry run)":
            return True
        if self.session.now_us >= self.end_us:
            raise LimitExceeded(self._out_of_time(asking=True))
        grace = self.flags["grace-period"]
        try:
            if self.session.dry_run:
                return not evict(self.sim.state.draft(), pod.key, dry_run=True)
            self.sim.evict(pod.name, pod.metadata.namespace or "default", None if grace < 0 else grace)
        except TooManyRequests as error:
            self.session.say(f"error when evicting {self._named(pod)} (will retry after {RETRY_SECONDS}s): {error}")
            return False
        except Forbidden as error:
            if not self._namespace_ends(pod):
                raise
            if pod.metadata.deletion_timestamp is None:
                where = f'pod "{pod.name}" from terminating namespace "{pod.metadata.namespace}"'
                self.session.say(f"error when evicting {where} (will retry after {RETRY_SECONDS}s): {error}")
                return False
        return True

    def _namespace_ends(self, pod: Pod) -> bool:
        namespace = self.sim.state.namespaces.get(pod.metadata.namespace or "")
        return namespace is not None and namespace.metadata.deletion_timestamp is not None

    def _named(self, pod: Pod) -> str:
        """A pod as errors name it."""
        if self.session.dialect.drain_errors_name_namespace:
            return f'pods/"{pod.name}" -n "{pod.metadata.namespace}"'
        return f'pod "{pod.name}"'

    def _out_of_time(self, *, asking: bool = False) -> str:
        given = self.flags["timeout"]
        if not given:
            return f"global timeout reached: {PATIENCE_SECONDS}s (a real kubectl without --timeout tries for ever)"
        if not asking and self.session.dialect.drain_waits_with_context:
            return "context deadline exceeded"
        return f"global timeout reached: {given:g}s"

    # -- deletion ----------------------------------------------------------------------------------------------------
    def _delete(self, pods: list[Pod]) -> list[str]:
        """Delete the pods, whatever budgets say, and wait until they are gone; what went wrong."""
        grace = self.flags["grace-period"]
        if self.session.dry_run == " (dry run)":
            for pod in pods:
                self.session.say(f"evicting pod {pod.key}{self.session.dry_run}")
        if self.session.dry_run:
            return []
        for pod in pods:
            with suppress(NotFound):
                namespace = pod.metadata.namespace or "default"
                self.sim.delete(f"pod/{pod.name}", namespace, grace_period=None if grace < 0 else grace)
        if not self._wait(pods, self.end_us):
            return []
        with_context = self.session.dialect.drain_waits_with_context
        return ["context deadline exceeded" if with_context else "timed out waiting for the condition"]

    # -- waiting -----------------------------------------------------------------------------------------------------
    def _wait(self, pods: list[Pod], until_us: int) -> list[Pod]:
        """Let time pass until the pods are gone, at most until then; those that are not."""
        while True:
            pods = [pod for pod in pods if not self._is_over(pod)]
            if not pods or self.session.now_us >= until_us:
                return pods
            seconds = (min([until_us, *self._skipped_us(pods)]) - self.session.now_us) / 1_000_000
            with suppress(LimitExceeded):
                self.sim.run(until=partial(self._some_are_gone, pods), limit=seconds)

    def _some_are_gone(self, pods: list[Pod], sim: Simulation) -> bool:
        return any(self.session.get(pod) is None for pod in pods)

    def _is_over(self, pod: Pod) -> bool:
        """Whether nobody waits for the pod any more, and say so."""
        found = self.session.get(pod)
        if found is None:
            self.session.say(f"pod/{pod.name} {'deleted' if self.flags['disable-eviction'] else 'evicted'}")
        elif self._is_skipped(found):
            limit = self.flags["skip-wait-for-delete-timeout"]
            self.session.say(f'pod "{pod.name}" has DeletionTimestamp older than {limit:g} seconds, skipping')
        else:
            return False
        return True

    def _skipped_us(self, pods: list[Pod]) -> list[int]:
        """When the pods will have been deleted for so long that nobody waits any more."""
        limit = self.flags["skip-wait-for-delete-timeout"]
        found = (self.session.get(pod) for pod in pods if limit > 0)
        gone = (pod.metadata.deletion_timestamp for pod in found if pod is not None)
        return [gone_us + (int(limit) + 1) * 1_000_000 for gone_us in gone if gone_us is not None]

    def _let_pass(self, until_us: int) -> None:
        if until_us > self.session.now_us:
            self.sim.run((until_us - self.session.now_us) / 1_000_000)


def _joined(told: Iterable[tuple[str, Pod]]) -> list[str]:
    """Texts with the pods that each is about, as one line for each text."""
    about: dict[str, list[str]] = {}
    for text, pod in told:
        if text:
            about.setdefault(text, []).append(f"{pod.metadata.namespace}/{pod.name}")
    return [f"{text}: {', '.join(names)}" for text, names in about.items()]
