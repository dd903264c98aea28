"""The ways from one version to the next: RollingUpdate, Recreate, and scaling in between.

Modelled: surge and unavailability of a rolling update, ill pods of old replica sets first, waiting for old pods
(Recreate), proportional scaling during a rollout.
Not modelled: custom strategies (the API has none).
Source: kube-controller-manager, pkg/controller/deployment/{rolling,recreate,sync}.go.
"""

from __future__ import annotations

from volsim.control.deployment.revisions import forget_history, grown_size, make_new
from volsim.control.deployment.rollout import (
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    Rollout,
    by_age,
    noted_number,
    rolls,
    size_of,
)
from volsim.control.deployment.status import counts, is_complete, report_progress
from volsim.control.workload import controlled, has_ended
from volsim.objects import ReplicaSet

__all__ = ["recreate", "resize", "roll"]


# -- RollingUpdate -----------------------------------------------------------------------------------------------------
def roll(work: Rollout) -> None:
    """One step of a rolling update: first grow the new replica set, if that cannot be, shrink old ones."""
    if not make_new(work):
        return
    if not _grow_new(work) and not _shrink_old(work) and is_complete(work, counts(work)):
        forget_history(work)
    report_progress(work)


def _grow_new(work: Rollout) -> bool:
    new = work.new
    assert new is not None
    return work.scale(new, work.replicas if size_of(new) > work.replicas else grown_size(work))


def _shrink_old(work: Rollout) -> bool:
    """Shrink old replica sets as far as enough pods stay available; those that are ill go first."""
    new = work.new
    assert new is not None
    names = [each.name for each in work.old if size_of(each)]
    if not names:
        return False
    least = work.replicas - work.unavailable
    ill_in_new = size_of(new) - (new.status.available_replicas or 0)
    may_go = sum(map(size_of, work.all)) - least - ill_in_new
    if may_go <= 0:
        return False
    gone = 0
    for old in _named(work, names):
        ill = size_of(old) - (old.status.available_replicas or 0)
        if ill < 0 and gone < may_go:
            return False  # its status is behind: who is available is not known yet
        gone += _shrink(work, old, min(ill, may_go - gone))
    sets = [*_named(work, names), new]
    spare = sum(each.status.available_replicas or 0 for each in sets) - least
    gone_well = 0
    for old in _named(work, names):
        gone_well += _shrink(work, old, min(size_of(old), spare - gone_well))
    return gone + gone_well > 0


def _named(work: Rollout, names: list[str]) -> list[ReplicaSet]:
    """The old replica sets of these names as they are now, the oldest first."""
    return [each for each in work.old if each.name in names]


def _shrink(work: Rollout, replica_set: ReplicaSet, number: int) -> int:
    if number <= 0:
        return 0
    work.scale(replica_set, size_of(replica_set) - number)
    return number


# -- Recreate ----------------------------------------------------------------------------------------------------------
def recreate(work: Rollout) -> None:
    """All old pods first go, those that are still terminating included; only then come the new ones."""
    scaled = [work.scale(old, 0) for old in list(work.old)]
    if any(scaled) or _old_pods_run(work):
        report_progress(work)
        return
    if not make_new(work):
        return
    assert work.new is not None
    work.scale(work.new, work.replicas)
    if is_complete(work, counts(work)):
        forget_history(work)
    report_progress(work)


def _old_pods_run(work: Rollout) -> bool:
    return any(
        old.status.replicas or any(not has_ended(pod) for pod in controlled(work.view, "pods", old)) for old in work.old
    )


# -- scaling -----------------------------------------------------------------------------------------------------------
def resize(work: Rollout) -> None:
    """Scale what is there to the deployment's new size: all of it, in proportion, if a rollout is under way."""
    active = [each for each in work.all if size_of(each)]
    if len(active) <= 1:
        only = active[0] if active else work.new or (work.old[-1] if work.old else None)
        if only is not None:
            work.scale(only, work.replicas)
    elif _is_saturated(work):
        for old in list(work.old):
            work.scale(old, 0)
    elif rolls(work.deployment):
        for replica_set, size in _proportions(work, active):
            work.scale(replica_set, size, force=True)


def _is_saturated(work: Rollout) -> bool:
    """Whether the new replica set has all replicas already, and all are available."""
    new = work.new
    return (
        new is not None
        and size_of(new) == work.replicas
        and noted_number(new, DESIRED_REPLICAS) == work.replicas
        and (new.status.available_replicas or 0) == work.replicas
    )


def _proportions(work: Rollout, active: list[ReplicaSet]) -> list[tuple[ReplicaSet, int]]:
    """The replica sets and their sizes after what is added or taken away has been shared out; the largest has the rest.

    Among equally large ones the newer grow first and the older shrink first.
    """
    allowed = work.replicas + work.surge if work.replicas else 0
    change = allowed - sum(map(size_of, active))
    ordered = sorted(active, key=lambda each: (by_age(each)[0], each.name), reverse=change > 0)
    ordered.sort(key=size_of, reverse=True)
    sizes, shared = [], 0
    for replica_set in ordered:
        share = _share(work, replica_set, change - shared, change)
        shared += share
        sizes.append(size_of(replica_set) + share)
    sizes[0] = max(sizes[0] + change - shared, 0)
    return list(zip(ordered, sizes, strict=True))


def _share(work: Rollout, replica_set: ReplicaSet, left: int, change: int) -> int:
    """What one replica set gets of a change, in proportion to its share of the deployment before."""
    size = size_of(replica_set)
    if change == 0 or left == 0:
        return 0
    if work.replicas == 0:
        return max(-size, left)
    before = noted_number(replica_set, MAX_REPLICAS) or work.deployment.status.replicas or 0
    if before == 0:
        return 0
    fraction = (2 * size * (work.replicas + work.surge) + before) // (2 * before) - size  # rounded half up
    return min(fraction, left) if change > 0 else max(fraction, left)
