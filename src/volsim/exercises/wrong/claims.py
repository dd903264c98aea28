"""Binders, reclaimers and protectors that do what one might expect of them."""

from __future__ import annotations

from volsim.apiserver.admission import PV_PROTECTION
from volsim.apiserver.writes import Put, Update
from volsim.control import protection
from volsim.control.contract import NOTHING, Choose, Outcome
from volsim.control.persistent_volume import binder, reclaimer, recycler, volumes
from volsim.control.persistent_volume.matching import best_matches
from volsim.control.workload import has_ended
from volsim.control.writing import without_finalizer
from volsim.exercises.semantics import Mutant
from volsim.objects import PersistentVolume, PersistentVolumeClaim
from volsim.objects.binding import BIND_COMPLETED, requested_storage
from volsim.state import View

__all__ = ["MUTANTS"]


def _unbound(view: View, key: str) -> PersistentVolumeClaim | None:
    """The claim, if it may still get any volume."""
    claim = view.persistent_volume_claims.get(key)
    if claim is None or claim.spec.volume_name or BIND_COMPLETED in claim.metadata.annotations:
        return None
    return claim


def bind_first(view: View, key: str) -> Outcome | Choose:
    """Bind a claim to the first volume, by name, that is large enough."""
    claim = _unbound(view, key)
    best = best_matches(view, claim, delayed=bool(binder.delays_binding(view, claim))) if claim is not None else ()
    if claim is None or not best or best[0].spec.claim_ref is not None:
        return binder.sync(view, key)
    fits = [
        volume
        for volume in view.persistent_volumes.values()
        if volume.status.phase == "Available"
        and volume.spec.claim_ref is None
        and volume.spec.storage_class_name == best[0].spec.storage_class_name
        and volume.spec.access_modes == best[0].spec.access_modes
        and volume.spec.capacity["storage"] >= best[0].spec.capacity["storage"]
    ]
    return binder.bind(view, fits[0], claim)


def bind_exact(view: View, key: str) -> Outcome | Choose:
    """Bind a claim only to a volume of exactly its size."""
    claim = _unbound(view, key)
    best = best_matches(view, claim, delayed=bool(binder.delays_binding(view, claim))) if claim is not None else ()
    if claim is not None and best and best[0].spec.capacity["storage"].nano != requested_storage(claim):
        return NOTHING
    return binder.sync(view, key)


def bind_when_used(view: View, key: str) -> Outcome | Choose:
    """Leave every claim alone until a pod uses it."""
    if _unbound(view, key) is not None and not view.group_size("pods_by_claim", key):
        return Outcome(requeue_after_us=binder.next_resync_us(view) - view.now_us, background=True)
    return binder.sync(view, key)


def bind_at_once(view: View, key: str) -> Outcome | Choose:
    """Bind a claim at once, whatever its class says of waiting."""
    claim = _unbound(view, key)
    if claim is None or not binder.delays_binding(view, claim):
        return binder.sync(view, key)
    best = best_matches(view, claim, delayed=False)
    return binder.bind(view, best[0], claim) if best else binder.sync(view, key)


def give_back(view: View, key: str) -> Outcome:
    """Give a released volume to a new claim of the old one's name."""
    volume = view.persistent_volumes.get(key)
    ref = volume.spec.claim_ref if volume is not None else None
    if volume is None or ref is None or not ref.uid or volume.status.phase != "Released":
        return volumes.sync(view, key)
    claim = _unbound(view, f"{ref.namespace}/{ref.name}")
    if claim is None or claim.metadata.uid == ref.uid:
        return volumes.sync(view, key)
    again = volume.replace(spec=volume.spec.replace(claim_ref=ref.replace(uid=claim.metadata.uid)))
    return Outcome((Update(again),), says=f"volume {key} is {claim.key}'s again")


def free_without_scrubbing(view: View, key: str) -> Outcome:
    """Make a volume with the policy Recycle available again with what is on it."""
    volume: PersistentVolume | None = view.persistent_volumes.get(key)
    if volume is None or volume.spec.persistent_volume_reclaim_policy != "Recycle":
        return recycler.sync(view, key)
    if not reclaimer.is_released(view, volume):
        return NOTHING
    return Outcome(volumes.unbound(volume), says=f"volume {key} is free again")


def delete_only_the_object(view: View, key: str) -> Outcome:
    """Delete a volume with the policy Delete, and leave its bytes where they are."""
    outcome = reclaimer.sync(view, key)
    return outcome._replace(writes=tuple(write for write in outcome.writes if not isinstance(write, Put)))


def let_volume_go(view: View, key: str) -> Outcome:
    """Let a deleted volume go at once, bound or not."""
    volume: PersistentVolume | None = view.persistent_volumes.get(key)
    if volume is None or volume.metadata.deletion_timestamp is None:
        return protection.sync_volume(view, key)
    if PV_PROTECTION not in volume.metadata.finalizers:
        return NOTHING
    return Outcome((Update(without_finalizer(volume, PV_PROTECTION)),), says=f"let volume {key} go")


def let_claim_of_ended_pods_go(view: View, key: str) -> Outcome:
    """Let a deleted claim go if all pods that use it have ended."""
    claim = view.persistent_volume_claims.get(key)
    users = [view.pods[name] for name in view.group("pods_by_claim", key)]
    if claim is not None and claim.metadata.deletion_timestamp is not None and users and all(map(has_ended, users)):
        freed = without_finalizer(claim, "kubernetes.io/pvc-protection")
        return NOTHING if freed is claim else Outcome((Update(freed),), says=f"let claim {key} go")
    return protection.sync_claim(view, key)


MUTANTS = (
    Mutant(
        name="binder-takes-first",
        title="A claim gets the first volume that is large enough, not the smallest",
        belief="Any volume that fits is as good as another, and the list is in the order of the names.",
        controller="pv-binder",
        sync=bind_first,
    ),
    Mutant(
        name="binder-wants-exact-size",
        title="A claim is bound only to a volume of exactly its size",
        belief="I asked for 2Gi and not for 5Gi; a claim is a contract.",
        controller="pv-binder",
        sync=bind_exact,
    ),
    Mutant(
        name="immediate-waits-for-pod",
        title="A claim of any class is bound only when a pod uses it",
        belief="Why should a volume be taken for nobody? And StorageClasses of clouds mostly wait.",
        controller="pv-binder",
        sync=bind_when_used,
    ),
    Mutant(
        name="first-consumer-is-not-awaited",
        title="A claim of a class with WaitForFirstConsumer is bound as soon as a volume fits",
        belief="A claim binds when there is a volume; what has the pod to do with it?",
        controller="pv-binder",
        sync=bind_at_once,
    ),
    Mutant(
        name="released-knows-its-name",
        title="A claim that is deleted and created again gets its old volume back",
        belief="The volume still names the claim in its claimRef, and the claim has the same name.",
        controller="pv-phases",
        sync=give_back,
    ),
    Mutant(
        name="recycler-scrubs-nothing",
        title="A recycled volume still has the files of its last owner",
        belief="Recycle means used again, like a bottle; nobody spoke of cleaning.",
        controller="pv-recycler",
        sync=free_without_scrubbing,
    ),
    Mutant(
        name="delete-leaves-bytes",
        title="With the policy Delete the volume's object goes, and its bytes stay",
        belief="Kubernetes manages objects; deleting a PersistentVolume by hand leaves the bytes as well.",
        controller="pv-reclaimer",
        sync=delete_only_the_object,
    ),
    Mutant(
        name="volume-goes-at-once",
        title="A volume can be deleted under the claim that is bound to it",
        belief="The administrator's word is final: `kubectl delete pv` deletes.",
        controller="pv-protection",
        sync=let_volume_go,
    ),
    Mutant(
        name="ended-pod-holds-no-claim",
        title="A pod that has ended holds its claim no longer",
        belief="A Completed pod uses nothing any more: no process runs, nothing is mounted.",
        controller="pvc-protection",
        sync=let_claim_of_ended_pods_go,
    ),
)
