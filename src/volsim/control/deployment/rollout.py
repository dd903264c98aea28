"""One deployment and its replica sets while they are worked on, and the arithmetic of a rollout.

Modelled: surge and unavailability, which replica set is the new one, sizes and their annotations, events of scaling.
Not modelled: `rollbackTo` of extensions/v1beta1.
Source: kube-controller-manager, pkg/controller/deployment/util/deployment_util.go, pkg/controller/deployment/sync.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from volsim.apiserver.writes import Update, UpdateStatus, Write
from volsim.control.contract import EventNote, Outcome, normal
from volsim.control.workload import scaled_number, with_condition
from volsim.objects import Condition, Deployment, FrozenDict, PodTemplateSpec, ReplicaSet
from volsim.rules import Rules
from volsim.state import View

__all__ = [
    "DESIRED_REPLICAS",
    "HASH_LABEL",
    "MAX_REPLICAS",
    "NO_LIMIT",
    "Rollout",
    "annotated",
    "by_age",
    "fenceposts",
    "labelled",
    "noted_number",
    "rolls",
    "scaling_message",
    "size_of",
]

HASH_LABEL = "pod-template-hash"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
NO_LIMIT = 2**31 - 1
"""What stands for no deadline and no bound of the history: the largest number that the field can hold."""


def fenceposts(deployment: Deployment) -> tuple[int, int]:
    """How many pods a rollout may add, and how many it may lack.

    Percentages of the surge are rounded up, of what may be unavailable down; if both come to nothing, one may be
    unavailable, or the rollout could not move.

    >>> from volsim.objects import DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment
    >>> quarter = RollingUpdateDeployment(max_surge="25%", max_unavailable="25%")
    >>> strategy = DeploymentStrategy(type="RollingUpdate", rolling_update=quarter)
    >>> fenceposts(Deployment(spec=DeploymentSpec(replicas=3, strategy=strategy)))
    (1, 0)
    """
    if not rolls(deployment):
        return 0, 0
    strategy = deployment.spec.strategy
    rolling = strategy.rolling_update if strategy is not None else None
    replicas = deployment.spec.replicas or 0
    surge = scaled_number(rolling.max_surge if rolling else None, replicas, up=True)
    unavailable = scaled_number(rolling.max_unavailable if rolling else None, replicas, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, replicas)


def rolls(deployment: Deployment) -> bool:
    """Whether the strategy is RollingUpdate."""
    strategy = deployment.spec.strategy
    return strategy is not None and strategy.type == "RollingUpdate"


def size_of(replica_set: ReplicaSet) -> int:
    """How many replicas a replica set asks for."""
    return replica_set.spec.replicas or 0


def by_age(replica_set: ReplicaSet) -> tuple[int, str]:
    """Sorts replica sets from old to new."""
    return replica_set.metadata.creation_timestamp or 0, replica_set.name


def noted_number(replica_set: ReplicaSet, annotation: str) -> int | None:
    """The number that an annotation holds; None if it holds none."""
    text = replica_set.metadata.annotations.get(annotation, "")
    return int(text) if text.isascii() and text.isdecimal() else None


def _without_hash(template: PodTemplateSpec) -> PodTemplateSpec:
    labels = template.metadata.labels
    if HASH_LABEL not in labels:
        return template
    kept = FrozenDict({key: value for key, value in labels.items() if key != HASH_LABEL})
    return template.replace(metadata=template.metadata.replace(labels=kept))


def labelled(template: PodTemplateSpec, hashed: str) -> PodTemplateSpec:
    """The template with its own hash among its labels."""
    labels = FrozenDict({**template.metadata.labels, HASH_LABEL: hashed})
    return template.replace(metadata=template.metadata.replace(labels=labels))


class Rollout:
    """One deployment and its replica sets while a sync works on them: a private copy of what may change."""

    def __init__(self, view: View, deployment: Deployment, replica_sets: Iterable[ReplicaSet], writes: Iterable[Write]):
        self.view, self.rules = view, view.rules
        self.deployment = deployment
        self.replicas = deployment.spec.replicas or 0
        self.surge, self.unavailable = fenceposts(deployment)
        ordered = sorted(replica_sets, key=by_age)
        template = _without_hash(deployment.spec.template)
        self.new: ReplicaSet | None = next(
            (each for each in ordered if _without_hash(each.spec.template) == template), None
        )
        """The replica set with the deployment's template: the oldest, should there be several."""
        self.old = [each for each in ordered if each is not self.new]
        """The others, the oldest first."""
        self.status = deployment.status
        self.annotations = deployment.metadata.annotations
        self.writes: list[Write] = list(writes)
        self.events: list[EventNote] = []
        self.notes: list[str] = []
        self.after_us: int | None = None
        self.background = False

    @property
    def all(self) -> list[ReplicaSet]:
        """All replica sets, the new one last."""
        return self.old if self.new is None else [*self.old, self.new]

    @property
    def deadline_seconds(self) -> int | None:
        """The progress deadline; None if there is none."""
        seconds = self.deployment.spec.progress_deadline_seconds
        return None if seconds == NO_LIMIT else seconds

    def note_condition(self, name: str, status: str, reason: str, message: str) -> None:
        """Set a condition; one that already says so keeps its times."""
        new = Condition(
            type=name,
            status=status,
            reason=reason,
            message=message,
            last_update_time=self.view.now_us,
            last_transition_time=self.view.now_us,
        )
        self.status = self.status.replace(conditions=with_condition(self.status.conditions, new))

    def condition(self, name: str) -> Condition | None:
        """A condition as it is now."""
        return next((each for each in self.status.conditions if each.type == name), None)

    def store(self, replica_set: ReplicaSet) -> None:
        """Put a changed replica set in the place of the one of that name."""
        if self.new is not None and self.new.name == replica_set.name:
            self.new = replica_set
        else:
            self.old = [replica_set if each.name == replica_set.name else each for each in self.old]
        self.writes.append(Update(replica_set))

    def scale(self, replica_set: ReplicaSet, size: int, *, force: bool = False) -> bool:
        """Give a replica set another size; whether it has changed. With `force`, its annotations are renewed anyway."""
        before = size_of(replica_set)
        if before == size and not force:
            return False
        changed = self.sized(replica_set).replace(spec=replica_set.spec.replace(replicas=size))
        if changed == replica_set:
            return False
        self.store(changed)
        if before == size:
            return False
        self.told_of_scaling(replica_set.name, before, size)
        return True

    def told_of_scaling(self, name: str, before: int, size: int) -> None:
        """Record the event of a replica set's new size, bound to the last write."""
        message = scaling_message(self.rules, name, before, size)
        told = normal(self.deployment, "ScalingReplicaSet", message)
        self.events.append(told._replace(of_write=len(self.writes) - 1))
        self.notes.append(f"scale {name} from {before} to {size}")

    def sized(self, replica_set: ReplicaSet) -> ReplicaSet:
        """The replica set with the annotations that say how large the deployment is."""
        return annotated(
            replica_set, {DESIRED_REPLICAS: str(self.replicas), MAX_REPLICAS: str(self.replicas + self.surge)}
        )

    def outcome(self) -> Outcome:
        """All that was decided, as writes."""
        deployment = self.deployment
        if self.annotations != deployment.metadata.annotations:
            metadata = deployment.metadata.replace(annotations=self.annotations)
            self.writes.append(Update(deployment.replace(metadata=metadata)))
        if self.status != deployment.status:
            self.writes.append(UpdateStatus(deployment.replace(status=self.status)))
        says = f"deployment {deployment.key}: {', '.join(self.notes) or 'report'}" if self.writes or self.events else ""
        return Outcome(tuple(self.writes), tuple(self.events), self.after_us, self.background, says)


def annotated(replica_set: ReplicaSet, annotations: Mapping[str, str]) -> ReplicaSet:
    """The replica set with these annotations; the very same one if it has them."""
    have = replica_set.metadata.annotations
    if annotations.items() <= have.items():
        return replica_set
    new = FrozenDict({**have, **annotations})
    return replica_set.replace(metadata=replica_set.metadata.replace(annotations=new))


def scaling_message(rules: Rules, name: str, before: int | None, size: int) -> str:
    """What the event says; before 1.31 it did not name the old size of a new replica set (`before` None: it is new)."""
    direction = "up" if (before or 0) < size else "down"
    if rules.scaling_event_from_to:
        return f"Scaled {direction} replica set {name} from {before or 0} to {size}"
    if rules.scaling_event_names_old_size and before is not None:
        return f"Scaled {direction} replica set {name} to {size} from {before}"
    return f"Scaled {direction} replica set {name} to {size}"
