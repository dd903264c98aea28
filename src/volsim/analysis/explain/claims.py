"""Why a claim is Pending, Bound, Lost or stuck; per volume, which predicate fails and by how much; what would help."""

from __future__ import annotations

from collections.abc import Iterator

from volsim.analysis.explain.explanation import Cause, Explanation
from volsim.control.persistent_volume.binder import delays_binding, next_resync_us
from volsim.control.persistent_volume.matching import attributes_class_differs, best_matches, mismatch
from volsim.control.protection import uses_claim
from volsim.objects import PersistentVolume, PersistentVolumeClaim
from volsim.objects.binding import (
    SELECTED_NODE,
    claim_class,
    has_class,
    is_bound_to,
    requested_storage,
    volume_class,
    volume_modes_differ,
)
from volsim.quantity import Quantity
from volsim.state import View

__all__ = ["explain", "obstacles"]

_EASE = (
    "too-small",
    "class-differs",
    "labels-differ",
    "taken",
    "access-modes-lacking",
    "volume-mode-differs",
    "attributes-class-differs",
    "not-available",
    "being-deleted",
)
"""The obstacles, the one that is most easily removed first: so volumes that are as near are told of in that order."""

MOST_LISTED = 10
"""How many volumes are told of: the nearest ones. Nobody reads more."""


def explain(view: View, claim: PersistentVolumeClaim) -> Explanation:
    """Why the claim is as it is now."""
    if claim.metadata.deletion_timestamp is not None:
        return _terminating(view, claim)
    if claim.status.phase == "Bound":
        return _bound(view, claim)
    if claim.status.phase == "Lost":
        return _lost(view, claim)
    return _pending(view, claim)


def _address(claim: PersistentVolumeClaim) -> str:
    return f"pvc/{claim.metadata.name}"


# -- what keeps a volume from a claim ----------------------------------------------------------------------------------
def obstacles(view: View, claim: PersistentVolumeClaim, volume: PersistentVolume) -> list[Cause]:
    """Every predicate that keeps this volume from this claim, with the difference; empty if it fits.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> obstacles(State.empty(Rules()), PersistentVolumeClaim(), PersistentVolume())[0].code
    'not-available'
    """
    return list(_obstacles(view, claim, volume))


def _obstacles(view: View, claim: PersistentVolumeClaim, volume: PersistentVolume) -> Iterator[Cause]:
    name = volume.metadata.name or ""
    objects = (f"pv/{name}",)
    ref = volume.spec.claim_ref
    if volume.metadata.deletion_timestamp is not None:
        yield Cause("being-deleted", f"volume {name} is being deleted", objects)
    if ref is not None and not is_bound_to(volume, claim):
        yield Cause("taken", f"volume {name} belongs to claim {ref.namespace}/{ref.name}", objects)
    elif ref is None and volume.status.phase != "Available":
        yield Cause("not-available", f"volume {name} is {volume.status.phase or 'not looked at yet'}", objects)
    missing = requested_storage(claim) - _size(volume)
    if missing > 0:
        has, wants = _amount(_size(volume)), _amount(requested_storage(claim))
        yield Cause(
            "too-small", f"volume {name} has {has}, {_amount(missing)} less than the {wants} asked for", objects
        )
    if volume_modes_differ(claim, volume):
        mode = volume.spec.volume_mode or "Filesystem"
        yield Cause("volume-mode-differs", f"volume {name} has volumeMode {mode}", objects)
    if attributes_class_differs(claim, volume, view.rules):
        other = volume.spec.volume_attributes_class_name or "none"
        yield Cause("attributes-class-differs", f"volume {name} has VolumeAttributesClass {other}", objects)
    if ref is not None:
        return  # of a volume that is reserved for the claim no more is asked
    if volume_class(volume) != claim_class(claim):
        yield Cause("class-differs", f"volume {name} has {_class(volume_class(volume))}", objects)
    lacking = sorted(set(claim.spec.access_modes) - set(volume.spec.access_modes))
    if lacking:
        yield Cause("access-modes-lacking", f"volume {name} does not have {', '.join(lacking)}", objects)
    selector = claim.spec.selector
    if selector is not None and not selector.matches(volume.metadata.labels):
        yield Cause("labels-differ", f"the claim's selector does not match the labels of volume {name}", objects)


def _size(volume: PersistentVolume) -> int:
    found = volume.spec.capacity.get("storage")
    return found.nano if found is not None else 0


def _amount(nano: int) -> str:
    return Quantity.of_nano(nano, "BinarySI").canonical()


def _class(name: str) -> str:
    return f"class {name}" if name else "no class"


# -- pending -----------------------------------------------------------------------------------------------------------
def _pending(view: View, claim: PersistentVolumeClaim) -> Explanation:
    if claim.spec.volume_name:
        return _pending_on_one(view, claim, claim.spec.volume_name)
    delayed = bool(delays_binding(view, claim))
    ready = best_matches(view, claim, delayed=delayed)
    if ready:
        seconds = (next_resync_us(view) - view.now_us) / 1_000_000
        text = f"volume {ready[0].metadata.name} fits; the controller looks again within {seconds:g} s"
        return Explanation(_address(claim), f"{_address(claim)} is Pending, but not for long: {text}.")
    if delayed and SELECTED_NODE not in claim.metadata.annotations:
        return _waiting_for_consumer(view, claim)
    rows = sorted(
        (found for volume in view.persistent_volumes.values() if (found := obstacles(view, claim, volume))),
        key=lambda found: (len(found), [_EASE.index(cause.code) for cause in found]),
    )
    causes = tuple(cause for found in rows[:MOST_LISTED] for cause in found)
    none = Cause("no-volumes", f"there is no PersistentVolume {_of_class(claim)}")
    provisioning, remedies = _provisioning(view, claim)
    return Explanation(
        _address(claim),
        f"{_address(claim)} is Pending: there is no volume for it.",
        (*(causes or (none,)), *provisioning),
        (*_smallest_change(view, claim, rows), *remedies),
    )


def _of_class(claim: PersistentVolumeClaim) -> str:
    return f"of class {claim_class(claim)}" if claim_class(claim) else "without a class"


def _smallest_change(view: View, claim: PersistentVolumeClaim, rows: list[list[Cause]]) -> Iterator[str]:
    """The one change of the claim, or of a volume, that would bind it; and the volume that somebody could create."""
    for found in rows:
        if len(found) == 1:
            remedy = _remedy(view, claim, found[0])
            if remedy is not None:
                yield remedy
                break
    wants, modes = _amount(requested_storage(claim)), ", ".join(claim.spec.access_modes)
    yield f"create a PersistentVolume {_of_class(claim)}, of at least {wants}, with {modes}"


def _remedy(view: View, claim: PersistentVolumeClaim, cause: Cause) -> str | None:
    name = cause.objects[0].partition("/")[2]
    volume = view.persistent_volumes[name]
    match cause.code:
        case "too-small":
            return f"ask for {_amount(_size(volume))} or less, and volume {name} fits"
        case "class-differs":
            return f'set storageClassName: "{volume_class(volume)}" in the claim (a new one), and volume {name} fits'
        case "access-modes-lacking":
            return f"ask only for {', '.join(volume.spec.access_modes)}, or give volume {name} the other modes"
        case "labels-differ":
            return f"label volume {name} as the claim's selector wants it"
        case "taken" if volume.status.phase == "Released":
            return f"clear spec.claimRef of volume {name}, which is Released, and it fits"
        case "volume-mode-differs":
            return f"ask for volumeMode {volume.spec.volume_mode or 'Filesystem'}, and volume {name} fits"
    return None


def _provisioning(view: View, claim: PersistentVolumeClaim) -> tuple[tuple[Cause, ...], tuple[str, ...]]:
    """Why nobody makes a volume for the claim, and what would change that."""
    name = claim_class(claim)
    if not name:
        why = "it has no class" if has_class(claim) else "it has no class, and there is no default one"
        return (Cause("not-provisioned", f"nobody makes a volume for it: {why}"),), ()
    storage_class = view.storage_classes.get(name)
    if storage_class is None:
        text = f"there is no StorageClass {name}, so nobody makes a volume for it"
        return (Cause("class-missing", text, (f"sc/{name}",)),), (f"create a StorageClass {name} with a provisioner",)
    provisioner = storage_class.provisioner or ""
    driver = view.rules.csi_driver_for(provisioner) or provisioner
    known = view.get("drivers", driver) is not None or view.get("plugins", provisioner) is not None
    if not known:
        text = f"nobody answers to the provisioner {driver} of class {name}"
        return (Cause("no-provisioner", text, (f"sc/{name}",)),), (f'install it: sim.install_csi_driver("{driver}")',)
    if claim.spec.selector is not None:
        return (Cause("not-provisioned", "a provisioner makes no volume for a claim with a selector"),), ()
    if storage_class.parameters.get("fail") == "true":
        text = f"the provisioner {driver} fails for class {name}"
        return (Cause("provisioning-fails", text, (f"sc/{name}",)),), ()
    backend = view.get("backends", driver)
    if backend is not None and not backend.reachable:
        return (Cause("provisioning-fails", f"{driver} does not answer"),), (f"make {driver} reachable again",)
    return (), ()


def _waiting_for_consumer(view: View, claim: PersistentVolumeClaim) -> Explanation:
    """A claim whose class waits for a pod, and what keeps the pod."""
    name = claim_class(claim)
    head = f"{_address(claim)} is Pending: its class {name} waits for the first pod that uses it"
    keys = [key for key in view.group("pods_by_claim", claim.key) if view.pods[key].status.phase == "Pending"]
    if not keys:
        return Explanation(_address(claim), f"{head}, and none does.", (), ("create a pod that uses the claim",))
    causes = []
    for key in keys:
        pod = view.pods[key]
        said = next(
            (each.message for each in pod.status.conditions if each.type == "PodScheduled" and each.message), None
        )
        if pod.spec.node_name:
            text = (
                f"pod {key} was put on node {pod.spec.node_name} without the scheduler, which alone chooses for a claim"
            )
            causes.append(Cause("not-scheduled", text, (f"pod/{pod.metadata.name}",)))
        else:
            text = f"pod {key} is not scheduled: {said or 'the scheduler has not looked at it yet'}"
            causes.append(Cause("pod-not-scheduled", text, (f"pod/{pod.metadata.name}",)))
    return Explanation(_address(claim), f"{head}.", tuple(causes))


def _pending_on_one(view: View, claim: PersistentVolumeClaim, name: str) -> Explanation:
    """A claim that names its volume."""
    head = f"{_address(claim)} is Pending: it takes volume {name} and no other"
    volume = view.persistent_volumes.get(name)
    if volume is None:
        cause = Cause("volume-missing", f"there is no volume {name}", (f"pv/{name}",))
        return Explanation(_address(claim), f"{head}.", (cause,), (f"create a PersistentVolume named {name}",))
    ref = volume.spec.claim_ref
    if ref is not None and not is_bound_to(volume, claim):
        cause = Cause("taken", f"volume {name} belongs to claim {ref.namespace}/{ref.name}", (f"pv/{name}",))
        return Explanation(_address(claim), f"{head}.", (cause,), (f"clear spec.claimRef of volume {name}",))
    problem = mismatch(claim, volume, view.rules)
    if ref is None and problem is not None:
        causes = tuple(obstacles(view, claim, volume))
        remedies = tuple(filter(None, (_remedy(view, claim, cause) for cause in causes)))
        also = (f"name the claim in spec.claimRef of volume {name}: then nothing is compared",)
        return Explanation(_address(claim), f"{head}, and {problem}.", causes, (*remedies, *also))
    return Explanation(_address(claim), f"{head}; they are about to be bound.")


# -- bound, lost, going ------------------------------------------------------------------------------------------------
def _bound(view: View, claim: PersistentVolumeClaim) -> Explanation:
    name = claim.spec.volume_name
    volume = view.persistent_volumes.get(name or "")
    policy = volume.spec.persistent_volume_reclaim_policy if volume is not None else "?"
    has = claim.status.capacity.get("storage")
    fate = _fate(policy)
    text = f"{_address(claim)} is Bound to volume {name}, of {has}, which will be {fate} when the claim is deleted."
    causes = []
    if has is not None and requested_storage(claim) > has.nano:
        more = _amount(requested_storage(claim) - has.nano)
        causes.append(Cause("expanding", f"it asks for {more} more than it has", (f"pv/{name}",)))
    return Explanation(_address(claim), text, tuple(causes))


def _fate(policy: str | None) -> str:
    return {"Retain": "kept", "Delete": "deleted with its bytes", "Recycle": "scrubbed and free again"}.get(
        policy or "", "kept"
    )


def _lost(view: View, claim: PersistentVolumeClaim) -> Explanation:
    name = claim.spec.volume_name
    if not name:
        return Explanation(_address(claim), f"{_address(claim)} is Lost: somebody took its spec.volumeName away.")
    volume = view.persistent_volumes.get(name)
    uid = claim.metadata.uid
    if volume is None:
        cause = Cause("volume-missing", f"volume {name} is gone", (f"pv/{name}",))
        back = f"create PersistentVolume {name} for the same storage, without a claimRef or with the claim's uid {uid}"
        return Explanation(_address(claim), f"{_address(claim)} is Lost: its volume is not there.", (cause,), (back,))
    cause = Cause("taken", f"volume {name} does not refer to this claim by its uid", (f"pv/{name}",))
    remedy = f"clear spec.claimRef of volume {name}, or put the claim's uid {uid} into it"
    return Explanation(_address(claim), f"{_address(claim)} is Lost: its volume is another's.", (cause,), (remedy,))


def _terminating(view: View, claim: PersistentVolumeClaim) -> Explanation:
    users = [key for key in view.group("pods_by_claim", claim.key) if uses_claim(view.pods[key], claim)]
    causes = [
        Cause(
            "in-use", f"pod {key} ({view.pods[key].status.phase}) still refers to it", (f"pod/{key.partition('/')[2]}",)
        )
        for key in users
    ]
    others = [name for name in claim.metadata.finalizers if name != "kubernetes.io/pvc-protection"]
    causes += [Cause("held", f"finalizer {name} holds it", ()) for name in others]
    remedies = tuple(f"delete pod {key}: also one that has ended counts while it is there" for key in users)
    return Explanation(_address(claim), f"{_address(claim)} is being deleted, and waits.", tuple(causes), remedies)
