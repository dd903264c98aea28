"""PV binder: what happens to a claim. It finds a volume, binds the two, and notices when they part.

Modelled: best fit, reservation from either side, delayed binding, the default class given afterwards, Lost and the way
back, who is asked to provision, the resync every 15 s for what nobody tells the controller.
Not modelled: stale caches; an event that would be repeated at every resync is recorded once.
Source: kube-controller-manager, persistent volume controller (syncClaim, syncUnboundClaim, syncBoundClaim, bind).

The key is a claim's ``namespace/name``, or ``@class`` for a look at all claims of a class that are not bound; with
``@alone`` after it, a claim that was to wait for its first consumer and had none when it was made: the controller looks
at a new claim within a millisecond or two, before the request that makes the pod.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.admission import default_class, is_default
from volsim.apiserver.writes import Put, Update, UpdateStatus, Write
from volsim.control.contract import NOTHING, Choose, Controller, EventNote, Outcome, normal, warning
from volsim.control.persistent_volume.matching import best_matches, mismatch
from volsim.control.persistent_volume.provisioning import only_asked, provision
from volsim.control.writing import annotated
from volsim.objects import FrozenDict, PersistentVolume, PersistentVolumeClaim, Pod
from volsim.objects.binding import (
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    PRE_RESIZE_CAPACITY,
    SELECTED_NODE,
    claim_class,
    has_class,
    is_bound_to,
    reference_to,
    volume_class,
)
from volsim.objects.claims import PersistentVolumeClaimStatus
from volsim.quantity import Quantity
from volsim.rules import microseconds
from volsim.state import Change, View, Wake, claim_keys_of

__all__ = ["CONTROLLER", "bind", "delays_binding", "next_resync_us"]

NAME = "pv-binder"
COMPONENT = "persistentvolume-controller"
_ALONE = "@alone"


# -- what wakes it -----------------------------------------------------------------------------------------------------
def next_resync_us(view: View) -> int:
    """When the controller next looks at everything, whether it was told of a change or not."""
    period_us = microseconds(view.rules.pv_resync_period)
    return (view.now_us // period_us + 1) * period_us


def watch_claim(view: View, change: Change) -> Iterator[str]:
    """A claim needs a look when it changes, unless it is bound and all is well, or its provisioner was just asked."""
    before, after = change.before, change.after
    if after is None or in_order(view, after) or (before is not None and only_asked(before, after)):
        return
    yield f"{change.key}{_ALONE}" if before is None and _is_alone(view, after) else change.key


def _is_alone(view: View, claim: PersistentVolumeClaim) -> bool:
    """Whether there is nothing to do about a claim yet but to say that it waits for its first consumer."""
    if not delays_binding(view, claim) or claim.spec.volume_name or SELECTED_NODE in claim.metadata.annotations:
        return False
    earlier = [pod for pod in _consumers(view, claim) if not _made_afterwards(pod, claim)]
    return not earlier and not best_matches(view, claim, delayed=True)


def _made_afterwards(pod: Pod, claim: PersistentVolumeClaim) -> bool:
    """Whether a StatefulSet has made the pod together with its new claim: first the claims, then the pod."""
    owners = pod.metadata.owner_references
    by_set = any(owner.controller and owner.kind == "StatefulSet" for owner in owners)
    return by_set and pod.metadata.creation_timestamp == claim.metadata.creation_timestamp


def in_order(view: View, claim: PersistentVolumeClaim) -> bool:
    """Whether claim and volume are bound to each other and both say so."""
    if claim.status.phase != "Bound" or BIND_COMPLETED not in claim.metadata.annotations:
        return False
    volume = view.persistent_volumes.get(claim.spec.volume_name or "")
    if volume is None or volume.spec.claim_ref is None or volume.status.phase != "Bound":
        return False
    ref, modes = volume.spec.claim_ref, volume.spec.access_modes
    return ref.uid == claim.metadata.uid and ref.name == claim.metadata.name and claim.status.access_modes == modes


def watch_volume(view: View, change: Change) -> Iterator[str | Wake]:
    """A claim hears of its own volume at once, and of volumes that it might get at the next resync."""
    before: PersistentVolume | None = change.before
    after: PersistentVolume | None = change.after
    volume = after if after is not None else before
    assert volume is not None
    ref = volume.spec.claim_ref
    if ref is not None:
        key = f"{ref.namespace}/{ref.name}"
        claim = view.persistent_volume_claims.get(key)
        if claim is not None and (after is None or (ref.uid and not claim.spec.volume_name)):
            yield key
        elif claim is not None and not ref.uid:
            yield Wake(key, next_resync_us(view))
    elif after is not None:
        group = volume_class(after)
        if view.group_size("claims_unbound", group):
            yield Wake(f"@{group}", next_resync_us(view))
    if after is not None and (before is None or before.spec is not after.spec):
        for key in view.group("claims_by_volume", change.key):
            if not in_order(view, view.persistent_volume_claims[key]):
                yield Wake(key, next_resync_us(view))


def watch_class(view: View, change: Change) -> Iterator[Wake]:
    """The claims of a class hear of it at the next resync; of a default class, those that asked for none too.

    Of a class that is gone as well: a claim that was to wait for its first consumer is then bound at once.
    """
    groups = [change.key, ""] if change.after is not None and is_default(change.after) else [change.key]
    for group in groups:
        if view.group_size("claims_unbound", group):
            yield Wake(f"@{group}", next_resync_us(view))


def watch_pod(view: View, change: Change) -> Iterator[Wake]:
    """A claim that waits for its first consumer says so when there is one."""
    if change.before is None and not change.after.spec.node_name:
        for key in claim_keys_of(change.after):
            claim = view.persistent_volume_claims.get(key)
            if claim is not None and not claim.spec.volume_name:
                yield Wake(key, next_resync_us(view))


def watch_resync(view: View, change: Change) -> Iterator[str]:
    """The resync of a class wakes all its claims that are not bound, the oldest first.

    The controller takes them from a Go map, so in any order; but a small map's iteration starts at a random slot and
    goes round, so that mostly it is the order in which they came.
    """
    name, _, group = change.key.partition("/@")
    if name == NAME:
        claims = view.persistent_volume_claims
        yield from sorted(
            view.group("claims_unbound", group), key=lambda key: (claims[key].metadata.creation_timestamp or 0, key)
        )


# -- one claim ---------------------------------------------------------------------------------------------------------
def sync(view: View, key: str) -> Outcome | Choose:
    """Bring one claim closer to its volume, or say why that cannot be."""
    if key.startswith("@"):
        return Outcome((Put("memory", f"{NAME}/{key}", view.now_us),), says=f"look at all claims of class {key[1:]!r}")
    claim = view.persistent_volume_claims.get(key.removesuffix(_ALONE))
    if claim is None or in_order(view, claim):
        return NOTHING
    if key.endswith(_ALONE):
        return _waits(view, claim, [])
    if BIND_COMPLETED in claim.metadata.annotations:
        return _bound_before(view, claim)
    if claim.spec.volume_name:
        return _volume_named(view, claim)
    return _any_volume(view, claim)


def _any_volume(view: View, claim: PersistentVolumeClaim) -> Outcome | Choose:
    """A claim that takes any volume."""
    delayed = delays_binding(view, claim)
    if delayed is None:
        return NOTHING
    found = best_matches(view, claim, delayed=delayed)
    if len(found) == 1:
        return bind(view, found[0], claim)
    if found:
        options = tuple((volume.metadata.name or "", bind(view, volume, claim)) for volume in found)
        return Choose(f"one of {len(found)} volumes that fit claim {claim.key} equally well", options)
    given = _default_class_given(view, claim)
    if given is not None:
        return given
    if delayed and SELECTED_NODE not in claim.metadata.annotations:
        return _waits(view, claim, _consumers(view, claim))
    if claim_class(claim):
        return provision(view, claim)
    text = "no persistent volumes available for this claim and no storage class is set"
    return _stay_pending(view, claim, normal(claim, "FailedBinding", text))


def delays_binding(view: View, claim: PersistentVolumeClaim) -> bool | None:
    """Whether the claim's class waits for a consumer; None for a class without a binding mode: nobody can tell."""
    storage_class = view.storage_classes.get(claim_class(claim))
    if storage_class is None:
        return False
    mode = storage_class.volume_binding_mode
    return None if mode is None else mode == "WaitForFirstConsumer"


def _default_class_given(view: View, claim: PersistentVolumeClaim) -> Outcome | None:
    """The default class for a claim that did not say anything about a class, where it gets one afterwards."""
    if not view.rules.retroactive_default_storage_class or has_class(claim):
        return None
    found = default_class(view)
    if found is None:
        return None
    name = found.metadata.name
    new = claim.replace(spec=claim.spec.replace(storage_class_name=name))
    return Outcome((Update(new),), says=f"give claim {claim.key} the default class {name}")


def _consumers(view: View, claim: PersistentVolumeClaim) -> list[Pod]:
    """The pods that use the claim and have no node yet."""
    pods = (view.pods[key] for key in view.group("pods_by_claim", claim.key))
    return [pod for pod in pods if not pod.spec.node_name and pod.status.phase not in ("Succeeded", "Failed")]


def _waits(view: View, claim: PersistentVolumeClaim, pods: list[Pod]) -> Outcome:
    """A claim whose binding is delayed until the scheduler has chosen a node for one of the pods, if there are any."""
    if not pods:
        text = "waiting for first consumer to be created before binding"
        return _stay_pending(view, claim, normal(claim, "WaitForFirstConsumer", text))
    named = f"pod {pods[0].name}" if len(pods) == 1 else f"pods {','.join(pod.name for pod in pods)}"
    return _stay_pending(view, claim, normal(claim, "WaitForPodScheduled", f"waiting for {named} to be scheduled"))


def _volume_named(view: View, claim: PersistentVolumeClaim) -> Outcome:
    """A claim that names its volume."""
    volume = view.persistent_volumes.get(claim.spec.volume_name or "")
    if volume is None:
        return _stay_pending(view, claim)
    name = volume.metadata.name
    if volume.spec.claim_ref is None:
        problem = mismatch(claim, volume, view.rules)
        if problem is not None:
            text = f'Cannot bind to requested volume "{name}": {problem}'
            return _stay_pending(view, claim, warning(claim, "VolumeMismatch", text))
        return bind(view, volume, claim)
    if is_bound_to(volume, claim):
        return bind(view, volume, claim)
    text = f'volume "{name}" already bound to a different claim.'
    note = warning(claim, "FailedBinding", text)
    if BOUND_BY_CONTROLLER in claim.metadata.annotations:  # somebody took the other annotation away: touch nothing
        return Outcome(events=(note,), says=f"claim {claim.key} is bound wrongly: {text}")
    return _stay_pending(view, claim, note)


def _bound_before(view: View, claim: PersistentVolumeClaim) -> Outcome:
    """A claim that has been bound: it has its volume, gets it back, or has lost it."""
    name = claim.spec.volume_name
    if not name:
        text = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
        return _lose(view, claim, "ClaimLost", text)
    volume = view.persistent_volumes.get(name)
    if volume is None:
        return _lose(view, claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    if volume.spec.claim_ref is None or volume.spec.claim_ref.uid == claim.metadata.uid:
        return bind(view, volume, claim)
    text = "Two claims are bound to the same volume, this one is bound incorrectly"
    return _lose(view, claim, "ClaimMisbound", text)


def _lose(view: View, claim: PersistentVolumeClaim, reason: str, text: str) -> Outcome:
    if claim.status.phase == "Lost":
        return NOTHING
    status = _status(view, claim, "Lost", None)
    new = UpdateStatus(claim.replace(status=status))
    return Outcome((new,), (warning(claim, reason, text),), says=f"claim {claim.key} is lost")


def _stay_pending(view: View, claim: PersistentVolumeClaim, note: EventNote | None = None) -> Outcome:
    status = _status(view, claim, "Pending", None)
    writes: tuple[Write, ...] = () if status is claim.status else (UpdateStatus(claim.replace(status=status)),)
    if note is None:
        return Outcome(writes)
    return Outcome(writes, (note,), says=f"claim {claim.key} stays pending: {note.message}")


# -- binding -----------------------------------------------------------------------------------------------------------
def bind(view: View, volume: PersistentVolume, claim: PersistentVolumeClaim) -> Outcome:
    """Bind the two: the volume's reference and phase, then the claim's. What is as it should be is not written."""
    writes: list[Write] = []
    volume = _volume_bound(volume, claim, writes)
    if volume.status.phase != "Bound":
        volume = volume.replace(status=volume.status.replace(phase="Bound", message=None))
        writes.append(UpdateStatus(volume))
    claim = _claim_bound(claim, volume, writes)
    status = _status(view, claim, "Bound", volume)
    if status is not claim.status:
        writes.append(UpdateStatus(claim.replace(status=status)))
    if not writes:
        return NOTHING
    return Outcome(tuple(writes), says=f"bind claim {claim.key} to volume {volume.metadata.name}")


def _volume_bound(volume: PersistentVolume, claim: PersistentVolumeClaim, writes: list[Write]) -> PersistentVolume:
    ref, meta = volume.spec.claim_ref, claim.metadata
    new = volume
    if ref is None or (ref.name, ref.namespace, ref.uid) != (meta.name, meta.namespace, meta.uid):
        new = new.replace(spec=new.spec.replace(claim_ref=reference_to(claim)))
    if not is_bound_to(volume, claim):
        new = annotated(new, BOUND_BY_CONTROLLER)
    if new is not volume:
        writes.append(Update(new))
    return new


def _claim_bound(claim: PersistentVolumeClaim, volume: PersistentVolume, writes: list[Write]) -> PersistentVolumeClaim:
    new = claim
    if claim.spec.volume_name != volume.metadata.name:
        new = new.replace(spec=new.spec.replace(volume_name=volume.metadata.name))
        new = annotated(new, BOUND_BY_CONTROLLER)
    new = annotated(new, BIND_COMPLETED)
    if new is not claim:
        writes.append(Update(new))
    return new


def _status(
    view: View, claim: PersistentVolumeClaim, phase: str, volume: PersistentVolume | None
) -> PersistentVolumeClaimStatus:
    """The claim's status in this phase; the very same object if there is nothing to change."""
    old = claim.status
    if volume is None:
        if (
            old.phase == phase
            and not old.access_modes
            and not old.capacity
            and not old.current_volume_attributes_class_name
        ):
            return old
        return old.replace(
            phase=phase, access_modes=(), capacity=FrozenDict(), current_volume_attributes_class_name=None
        )
    if old.phase == phase:  # an administrator or a resizer may have changed the capacity: leave it alone
        modes = volume.spec.access_modes
        return old if old.access_modes == modes else old.replace(access_modes=modes)
    new = old.replace(phase=phase, access_modes=volume.spec.access_modes, capacity=_capacity(volume, old))
    if view.rules.volume_attributes_class and old.phase == "Pending":
        new = new.replace(current_volume_attributes_class_name=volume.spec.volume_attributes_class_name)
    return new


def _capacity(volume: PersistentVolume, old: PersistentVolumeClaimStatus) -> FrozenDict[str, Quantity]:
    before_resize = volume.metadata.annotations.get(PRE_RESIZE_CAPACITY)
    if before_resize is None:
        return FrozenDict(volume.spec.capacity)
    try:
        return FrozenDict({**old.capacity, "storage": Quantity(before_resize)})
    except ValueError:  # somebody wrote nonsense into the annotation
        return FrozenDict({**old.capacity, "storage": volume.spec.capacity["storage"]})


CONTROLLER = Controller(
    name=NAME,
    component=COMPONENT,
    watches={
        "persistentvolumeclaims": watch_claim,
        "persistentvolumes": watch_volume,
        "storageclasses": watch_class,
        "pods": watch_pod,
        "memory": watch_resync,
    },
    sync=sync,
)
