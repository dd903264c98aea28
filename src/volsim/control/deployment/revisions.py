"""Revisions: which replica set was which version of the template, and how a new one is made.

Modelled: the revision and its history in annotations, the deployment's annotations on its new replica set, names by the
hash of the template with collisions, the bound of the history, refusals.
Not modelled: `rollbackTo` of extensions/v1beta1 (kubectl rolls back by patching the template).
Source: kube-controller-manager, pkg/controller/deployment/sync.go (getNewReplicaSet, cleanupDeployment).
"""

from __future__ import annotations

from volsim.apiserver.writes import Create, Delete
from volsim.control.contract import normal, warning
from volsim.control.deployment.rollout import (
    DESIRED_REPLICAS,
    HASH_LABEL,
    MAX_REPLICAS,
    NO_LIMIT,
    Rollout,
    annotated,
    by_age,
    labelled,
    noted_number,
    rolls,
    scaling_message,
    size_of,
)
from volsim.control.workload import backoff_us, controller_ref, namespace_ends, refusal_of, template_hash
from volsim.objects import FrozenDict, LabelSelector, ObjectMeta, ReplicaSet, ReplicaSetSpec

__all__ = ["forget_history", "grown_size", "make_new", "sync_revision"]

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        REVISION_HISTORY,
        DESIRED_REPLICAS,
        MAX_REPLICAS,
        "deprecated.deployment.rollback.to",
    }
)
_HISTORY_LETTERS = 2000  # maxRevHistoryLengthInChars: about a hundred revisions
_NAME_LETTERS = 253  # a DNS subdomain


def sync_revision(work: Rollout) -> None:
    """Give the new replica set (if there is one) the deployment's annotations and the highest revision."""
    new, deployment = work.new, work.deployment
    if new is None:
        return
    changed = _with_revision(work, new)
    if changed.spec.min_ready_seconds != deployment.spec.min_ready_seconds:
        spec = changed.spec.replace(min_ready_seconds=deployment.spec.min_ready_seconds)
        changed = changed.replace(spec=spec)
    if changed is not new:
        work.store(changed)
    _note_revision(work, changed)
    if work.deadline_seconds is not None and work.condition("Progressing") is None:
        work.note_condition("Progressing", "True", "FoundNewReplicaSet", f'Found new replica set "{new.name}"')


def _revision(replica_set: ReplicaSet) -> int:
    return noted_number(replica_set, REVISION) or 0


def _with_revision(work: Rollout, replica_set: ReplicaSet) -> ReplicaSet:
    """The replica set with what it takes over from the deployment; its revision only ever grows."""
    annotations = {key: value for key, value in work.deployment.metadata.annotations.items() if key not in _NOT_COPIED}
    revision = max(map(_revision, work.old), default=0) + 1
    if _revision(replica_set) < revision:
        annotations[REVISION] = str(revision)
        before = replica_set.metadata.annotations.get(REVISION)
        if before is not None:
            annotations[REVISION_HISTORY] = _history(replica_set.metadata.annotations.get(REVISION_HISTORY, ""), before)
    return annotated(replica_set, annotations)


def _history(known: str, revision: str) -> str:
    """The list of the revisions that a replica set was before, the oldest dropped where it would get too long."""
    revisions = [*known.split(","), revision] if known else [revision]
    while len(revisions) > 1 and len(",".join(revisions)) > _HISTORY_LETTERS:
        revisions.pop(0)
    return ",".join(revisions)


def _note_revision(work: Rollout, replica_set: ReplicaSet) -> None:
    revision = replica_set.metadata.annotations.get(REVISION)
    if revision is not None and work.annotations.get(REVISION) != revision:
        work.annotations = FrozenDict({**work.annotations, REVISION: revision})


def forget_history(work: Rollout) -> None:
    """Delete the oldest replica sets that have no pods, until no more are left than the history may hold."""
    limit = work.deployment.spec.revision_history_limit
    if limit is None or limit == NO_LIMIT:
        return
    old = [each for each in work.old if each.metadata.deletion_timestamp is None]
    old.sort(key=lambda each: (_revision(each), *by_age(each)))
    for replica_set in old[: max(len(old) - limit, 0)]:
        seen = (replica_set.status.observed_generation or 0) >= (replica_set.metadata.generation or 0)
        if seen and not size_of(replica_set) and not replica_set.status.replicas:
            work.writes.append(Delete("replicasets", replica_set.key, uid=replica_set.metadata.uid))
            work.notes.append(f"forget {replica_set.name}")


# -- a new replica set -------------------------------------------------------------------------------------------------
def make_new(work: Rollout) -> bool:
    """Make the replica set of the present template if there is none; whether there is one now."""
    if work.new is not None:
        return True
    if namespace_ends(work.view, work.deployment.metadata.namespace):
        return False
    replica_set = _with_revision(work, work.sized(_new_replica_set(work)))
    name, size = replica_set.name, size_of(replica_set)
    refusal = refusal_of(work.view, replica_set)
    if refusal is not None:
        _note_refusal(work, f'Failed to create new replica set "{name}": {refusal}')
        return False
    work.new = replica_set
    work.writes.append(Create(replica_set))
    work.notes.append(f"create replica set {name}")
    if size:
        message = scaling_message(work.rules, name, None, size)
        told = normal(work.deployment, "ScalingReplicaSet", message)
        work.events.append(told._replace(of_write=len(work.writes) - 1))
    _note_revision(work, replica_set)
    if work.deadline_seconds is not None:
        work.note_condition("Progressing", "True", "NewReplicaSetCreated", f'Created new replica set "{name}"')
    return True


def _new_replica_set(work: Rollout) -> ReplicaSet:
    deployment = work.deployment
    namespace, template = deployment.metadata.namespace, deployment.spec.template
    hashed = template_hash(template, work.status.collision_count)
    while (name := _replica_set_name(deployment.name, hashed)) and work.view.replica_sets.get(f"{namespace}/{name}"):
        work.status = work.status.replace(collision_count=(work.status.collision_count or 0) + 1)
        hashed = template_hash(template, work.status.collision_count)
    selector = deployment.spec.selector or LabelSelector()
    template = labelled(template, hashed)
    return ReplicaSet(
        metadata=ObjectMeta(
            name=name,
            namespace=namespace,
            labels=template.metadata.labels,
            owner_references=(controller_ref(deployment),),
        ),
        spec=ReplicaSetSpec(
            replicas=grown_size(work),
            min_ready_seconds=deployment.spec.min_ready_seconds,
            selector=selector.replace(match_labels=FrozenDict({**selector.match_labels, HASH_LABEL: hashed})),
            template=template,
        ),
    )


def _replica_set_name(deployment: str, hashed: str) -> str:
    return f"{deployment[: _NAME_LETTERS - 1 - len(hashed)]}-{hashed}"


def _note_refusal(work: Rollout, message: str) -> None:
    """Say that the new replica set was refused, and try again after a while."""
    found = work.condition("Progressing")
    since_us = found.last_update_time if found is not None and found.reason == "ReplicaSetCreateError" else None
    if work.deadline_seconds is not None:
        work.note_condition("Progressing", "False", "ReplicaSetCreateError", message)
    work.events.append(warning(work.deployment, "ReplicaSetCreateError", message))
    work.after_us, work.background = backoff_us(work.view, since_us), True


def grown_size(work: Rollout) -> int:
    """The size that the new replica set may grow to now."""
    have = 0 if work.new is None else size_of(work.new)
    if not rolls(work.deployment):
        return work.replicas
    room = work.replicas + work.surge - sum(map(size_of, work.all))
    return have if room <= 0 else have + min(room, work.replicas - have)
