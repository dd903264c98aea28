"""Deployment: equal pods in replica sets, one for each version of the template, and the way from one to the next.

Modelled: RollingUpdate and Recreate, scaling, pausing, revisions, adoption of replica sets, the progress deadline, the
status.
Not modelled: `rollbackTo` of extensions/v1beta1 (kubectl rolls back by patching the template).
Source: kube-controller-manager, pkg/controller/deployment/deployment_controller.go (syncDeployment).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.control.deployment.revisions import forget_history, sync_revision
from volsim.control.deployment.rollout import DESIRED_REPLICAS, Rollout, noted_number, rolls, size_of
from volsim.control.deployment.status import report_counts
from volsim.control.deployment.strategies import recreate, resize, roll
from volsim.control.workload import claim, controller_of, has_ended, owner_keys
from volsim.state import Change, View

__all__ = ["CONTROLLER"]


def watch_own(view: View, change: Change) -> Iterator[str]:
    """A deployment needs a look when it is new, or somebody changes more than its status."""
    before, after = change.before, change.after
    if after is not None and (
        before is None
        or before.spec is not after.spec
        or before.metadata.uid != after.metadata.uid
        or before.metadata.annotations is not after.metadata.annotations
        or before.metadata.deletion_timestamp != after.metadata.deletion_timestamp
    ):
        yield change.key


def watch_replica_sets(view: View, change: Change) -> Iterable[str]:
    """A deployment needs a look when one of its replica sets, or an orphan that it may adopt, changes."""
    return owner_keys(view, change, "Deployment", "deployments")


def watch_pods(view: View, change: Change) -> Iterator[str]:
    """A deployment that recreates waits for the last of its old pods to be gone or at an end."""
    before, after = change.before, change.after
    if before is None or has_ended(before) or (after is not None and not has_ended(after)):
        return
    ref = controller_of(before)
    if ref is None or ref.kind != "ReplicaSet":
        return
    replica_set = view.replica_sets.get(f"{before.metadata.namespace}/{ref.name}")
    owner = controller_of(replica_set) if replica_set is not None else None
    if owner is not None and owner.kind == "Deployment":
        yield f"{before.metadata.namespace}/{owner.name}"


def sync(view: View, key: str) -> Outcome:
    """Bring one deployment a step closer to what its spec says, and report it."""
    deployment = view.deployments.get(key)
    if deployment is None:
        return NOTHING
    claimed = claim(view, deployment, "replicasets")
    work = Rollout(view, deployment, claimed.mine, claimed.writes)
    if deployment.metadata.deletion_timestamp is not None:
        sync_revision(work)
        report_counts(work)
        return work.outcome()
    _note_pause(work)
    sync_revision(work)
    if deployment.spec.paused or _was_scaled(work):
        resize(work)
        if deployment.spec.paused:
            forget_history(work)
        report_counts(work)
    elif rolls(deployment):
        roll(work)
    else:
        recreate(work)
    return work.outcome()


def _note_pause(work: Rollout) -> None:
    """Say that it is paused, or goes on: the clock of the progress deadline starts again then."""
    found = work.condition("Progressing")
    if work.deadline_seconds is None or (found is not None and found.reason == "ProgressDeadlineExceeded"):
        return
    was_paused = found is not None and found.reason == "DeploymentPaused"
    if work.deployment.spec.paused and not was_paused:
        work.note_condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    elif not work.deployment.spec.paused and was_paused:
        work.note_condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")


def _was_scaled(work: Rollout) -> bool:
    """Whether somebody changed the number of replicas since the replica sets were last sized."""
    active = (each for each in work.all if size_of(each))
    return any(noted_number(each, DESIRED_REPLICAS) not in (None, work.replicas) for each in active)


CONTROLLER = Controller(
    name="deployment",
    component="deployment-controller",
    watches={"deployments": watch_own, "replicasets": watch_replica_sets, "pods": watch_pods},
    sync=sync,
)
