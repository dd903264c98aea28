"""One stateful set while it is worked on: its pods by number, and what is done to them and their claims.

Modelled: creation of claims before their pod, repair of identity, storage and ownership, deletion, events in the words
of the version.
Not modelled: conflicts between writers.
Source: kube-controller-manager, pkg/controller/statefulset/stateful_pod_control.go.
"""

from __future__ import annotations

from volsim.apiserver.writes import Create, Delete, Update, Write
from volsim.control.contract import EventNote, normal, warning
from volsim.control.history import History, template_of
from volsim.control.stateful_set.identity import (
    claim_names,
    claims_for,
    has_identity,
    has_storage,
    new_pod,
    ordinal_of,
    ordinals,
    with_identity,
    with_storage,
)
from volsim.control.stateful_set.retention import (
    has_other_controller,
    is_kept_on_scaling,
    is_stale,
    is_up_to_date,
    with_owners,
)
from volsim.control.workload import is_available, is_ready, refusal_of
from volsim.objects import ControllerRevision, PersistentVolumeClaim, Pod, PodTemplateSpec, StatefulSet
from volsim.state import View

__all__ = ["SetWork", "is_running_and_ready"]


def is_running_and_ready(pod: Pod) -> bool:
    """Whether a pod counts as one of the set's ready replicas."""
    return pod.status.phase == "Running" and is_ready(pod)


class SetWork:
    """One stateful set and its pods, being worked on: a private copy of what may change."""

    def __init__(self, view: View, stateful_set: StatefulSet, pods: tuple[Pod, ...], history: History):
        self.view, self.rules = view, view.rules
        self.set = stateful_set
        self.pods = pods
        self.history = history
        self.writes: list[Write] = list(history.writes)
        self.events: list[EventNote] = []
        self.notes: list[str] = []
        self.made: list[Pod] = []
        """Pods that are created in this sync."""
        self.doomed: list[Pod] = []
        """Pods that are deleted in this sync."""
        self.refused = False
        """The API server would not take something: try again later."""
        self.waits_for_claim = False
        """A claim is on its way out: it has to be gone before it can be made again."""
        self.replicas: dict[int, Pod | None] = dict.fromkeys(ordinals(stateful_set))
        """The pods that are to be, by number, lowest first; None where there is none yet."""
        condemned: list[Pod] = []
        for pod in pods:
            number = ordinal_of(pod)
            if number in self.replicas:
                self.replicas[number] = pod
            elif number >= 0:
                condemned.append(pod)
        self.condemned = sorted(condemned, key=ordinal_of, reverse=True)
        """The pods whose number is out of range, highest first."""

    @property
    def is_monotonic(self) -> bool:
        """Whether one pod goes after the other (`OrderedReady`)."""
        return self.set.spec.pod_management_policy != "Parallel"

    @property
    def current(self) -> ControllerRevision:
        """The revision that pods had before the present rollout."""
        name = self.set.status.current_revision
        return next((each for each in self.history.revisions if each.name == name), self.history.update)

    def is_unavailable(self, pod: Pod | None) -> bool:
        """Whether a pod is not there, not ready for long enough, or on its way out."""
        if pod is None or pod.metadata.deletion_timestamp is not None:
            return True
        return not is_available(pod, self.set.spec.min_ready_seconds, self.view.now_us)

    @property
    def first_unavailable(self) -> Pod | None:
        """The lowest pod that is unavailable; None if that one is not there yet, or if there is none."""
        for pod in (*self.replicas.values(), *reversed(self.condemned)):
            if self.is_unavailable(pod):
                return pod
        return None

    # -- events ------------------------------------------------------------------------------------------------------
    def _tell(self, verb: str, what: str, error: str | None, done: str) -> None:
        shown = verb.title() if self.rules.stateful_set_capital_events else verb
        if error is None:
            told = normal(
                self.set, f"Successful{verb.title()}", f"{shown} {what} in StatefulSet {self.set.name} {done}"
            )
            self.events.append(told._replace(of_write=len(self.writes) - 1))
            return
        text = f"{shown} {what} in StatefulSet {self.set.name} failed error: {error}"
        self.events.append(warning(self.set, f"Failed{verb.title()}", text))

    def _tell_of_pod(self, verb: str, pod: Pod, error: str | None = None) -> None:
        self._tell(verb, f"Pod {pod.name}", error, "successful")

    # -- pods --------------------------------------------------------------------------------------------------------
    def create(self, ordinal: int) -> bool:
        """Make the pod with this number, its claims first; False if that has to wait."""
        template, revision = self._version_for(ordinal)
        pod = new_pod(self.set, template, ordinal, revision, self.rules)
        if not is_kept_on_scaling(self.set) and any(is_stale(claim, pod) for claim in self._claims(ordinal)):
            return False
        error = self._create_claims(pod) or refusal_of(self.view, pod)
        if error is not None:
            self.refused = self.refused or not self.waits_for_claim
            self._tell_of_pod("create", pod, error)
            return False
        self.writes.append(Create(pod))
        self._tell_of_pod("create", pod)
        self.notes.append(f"create {pod.name}")
        self.made.append(pod)
        return True

    def _version_for(self, ordinal: int) -> tuple[PodTemplateSpec, str]:
        """The template and the revision of a new pod: below the partition the current one, else the new one."""
        strategy = self.set.spec.update_strategy
        rolling = strategy.rolling_update if strategy is not None else None
        first = ordinals(self.set).start
        if rolling is not None:
            old = ordinal < first + (rolling.partition or 0)
        else:
            is_rolling = strategy is not None and strategy.type == "RollingUpdate"
            old = is_rolling and ordinal < first + (self.set.status.current_replicas or 0)
        revision = self.current if old else self.history.update
        if revision is self.history.update:
            return self.set.spec.template, revision.name
        return template_of(revision), revision.name

    def delete(self, pod: Pod) -> None:
        """Delete a pod."""
        self.writes.append(Delete("pods", pod.key, uid=pod.metadata.uid))
        self._tell_of_pod("delete", pod)
        self.notes.append(f"delete {pod.name}")
        self.doomed.append(pod)

    def restart(self, pod: Pod) -> None:
        """Delete a pod that has ended, so that it can be made again."""
        if self.rules.stateful_set_tells_of_recreation:
            name = f"StatefulSet {self.set.key} is recreating"
            if pod.status.phase == "Failed":
                self.events.append(warning(self.set, "RecreatingFailedPod", f"{name} failed Pod {pod.name}"))
            else:
                self.events.append(normal(self.set, "RecreatingTerminatedPod", f"{name} terminated Pod {pod.name}"))
        if pod.metadata.deletion_timestamp is None:
            self.delete(pod)

    def repair(self, pod: Pod) -> bool:
        """Give a pod back its identity, its volumes and its claims their owners; False if that has to wait."""
        changed = pod if has_identity(pod) else with_identity(pod, self.rules)
        if not has_storage(self.set, changed):
            changed = with_storage(self.set, changed)
            error = self._create_claims(changed)
            if error is not None:
                self._tell_of_pod("update", pod, error)
                return False
        owners_changed = self.settle_owners(pod)
        if changed is pod and not owners_changed:
            return True
        refusal = refusal_of(self.view, changed, change=True)
        if refusal is not None:
            self.refused = True
            self._tell_of_pod("update", pod, refusal)
            return False
        self.writes.append(Update(changed))
        self._tell_of_pod("update", pod)
        return True

    # -- claims ------------------------------------------------------------------------------------------------------
    def _claims(self, ordinal: int) -> list[PersistentVolumeClaim]:
        """The claims of a number that are there."""
        rows = self.view.persistent_volume_claims
        found = (rows.get(f"{self.set.metadata.namespace}/{name}") for name in claim_names(self.set, ordinal).values())
        return [claim for claim in found if claim is not None]

    def _create_claims(self, pod: Pod) -> str | None:
        """Make the claims that a pod lacks; what stands in the way, or None."""
        errors: list[str] = []
        for claim in claims_for(self.set, ordinal_of(pod)).values():
            found = self.view.persistent_volume_claims.get(claim.key)
            if found is not None:
                if found.metadata.deletion_timestamp is not None:
                    errors.append(f"pvc {claim.name} is being deleted")
                    self.waits_for_claim = True
                continue
            refusal = refusal_of(self.view, claim)
            if refusal is None:
                self.writes.append(Create(claim))
                self._tell("create", f"Claim {claim.name} Pod {pod.name}", None, "success")
            else:
                errors.append(f"failed to create PVC {claim.name}: {refusal}")
                self.refused = True
                self._tell("create", f"Claim {claim.name} for Pod {pod.name}", refusal, "")
        if not errors:
            return None
        return errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"

    def complete_claims(self, pod: Pod) -> bool:
        """Make the claims that a pending pod has lost, with their owners; False if that has to wait."""
        if self.rules.stateful_set_remakes_claims and self._create_claims(pod) is not None:
            return False
        self.settle_owners(pod)
        return True

    def settle_owners(self, pod: Pod) -> bool:
        """Have a pod's claims owned as the retention policy says; whether anything had to be changed."""
        if not self.rules.stateful_set_auto_delete_pvc:
            return False
        changed = False
        for claim in self._claims(ordinal_of(pod)):
            if is_up_to_date(claim, self.set, pod):
                continue
            if has_other_controller(claim, self.set, pod):
                text = (
                    f"PersistentVolumeClaim {claim.name} has a conflicting OwnerReference that acts as a manging "
                    "controller, the retention policy is ignored for this claim"
                )
                self.events.append(warning(self.set, "ConflictingController", text))
            self.writes.append(Update(with_owners(claim, self.set, pod)))
            changed = True
        return changed
