"""What becomes of a stateful set's claims when it shrinks or goes: owner references, by the retention policy.

Modelled: `whenScaled` and `whenDeleted`, claims that somebody else controls, references to owners of the same name that
are gone.
Not modelled: nothing of it.
Source: kube-controller-manager, pkg/controller/statefulset/stateful_set_utils.go (isClaimOwnerUpToDate,
updateClaimOwnerRefForSetAndPod), KEP-1847.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from volsim.control.stateful_set.identity import ordinal_of, ordinals
from volsim.control.workload import controller_ref
from volsim.objects import OwnerReference, PersistentVolumeClaim, Pod, StatefulSet

__all__ = ["has_other_controller", "has_plain_owner", "is_kept_on_scaling", "is_stale", "is_up_to_date", "with_owners"]


def _policy(stateful_set: StatefulSet) -> tuple[str, str]:
    """(whenScaled, whenDeleted)."""
    found = stateful_set.spec.persistent_volume_claim_retention_policy
    if found is None:
        return "Retain", "Retain"
    return found.when_scaled or "Retain", found.when_deleted or "Retain"


def is_kept_on_scaling(stateful_set: StatefulSet) -> bool:
    """Whether a claim waits for its number to come back."""
    return _policy(stateful_set)[0] == "Retain"


def _names(ref: OwnerReference, obj: Any) -> bool:
    """Whether a reference means an object by kind and name, whatever its uid."""
    return (ref.api_version, ref.kind, ref.name) == (obj.api_version, obj.kind, obj.name)


def is_stale(claim: PersistentVolumeClaim, obj: Any) -> bool:
    """Whether the claim is still owned by an earlier object of the same name."""
    found = next((ref for ref in claim.metadata.owner_references if _names(ref, obj)), None)
    return found is not None and found.uid != obj.metadata.uid


def _is_owned(claim: PersistentVolumeClaim, obj: Any) -> bool:
    return any(ref.uid == obj.metadata.uid for ref in claim.metadata.owner_references)


def has_other_controller(claim: PersistentVolumeClaim, stateful_set: StatefulSet, pod: Pod) -> bool:
    """Whether somebody else controls the claim, so that the policy cannot be followed."""
    if _policy(stateful_set) == ("Retain", "Retain"):
        return False
    for ref in claim.metadata.owner_references:
        ours = next((each for each in (stateful_set, pod) if _names(ref, each)), None)
        if ours is None:
            if ref.controller:
                return True
        elif ref.uid != ours.metadata.uid:
            return True
    return False


def has_plain_owner(claim: PersistentVolumeClaim, stateful_set: StatefulSet, pod: Pod) -> bool:
    """Whether the set or the pod owns the claim without controlling it."""
    uids = (stateful_set.metadata.uid, pod.metadata.uid)
    return any(ref.uid in uids and not ref.controller for ref in claim.metadata.owner_references)


def _owners(stateful_set: StatefulSet, pod: Pod) -> Iterator[Any]:
    """Who should own the claim: the set, if it is to go with it; the pod, if its number is condemned."""
    when_scaled, when_deleted = _policy(stateful_set)
    condemned = when_scaled == "Delete" and ordinal_of(pod) not in ordinals(stateful_set)
    if condemned:
        yield pod
    elif when_deleted == "Delete":
        yield stateful_set


def is_up_to_date(claim: PersistentVolumeClaim, stateful_set: StatefulSet, pod: Pod) -> bool:
    """Whether the claim is owned as the policy says, or is not the controller's to touch."""
    if is_stale(claim, stateful_set) or is_stale(claim, pod):
        return True
    if has_other_controller(claim, stateful_set, pod):
        return not (_is_owned(claim, stateful_set) or _is_owned(claim, pod))
    if has_plain_owner(claim, stateful_set, pod):
        return False
    wanted = list(_owners(stateful_set, pod))
    return all(_is_owned(claim, each) == any(each is owner for owner in wanted) for each in (stateful_set, pod))


def with_owners(claim: PersistentVolumeClaim, stateful_set: StatefulSet, pod: Pod) -> PersistentVolumeClaim:
    """The claim owned as the policy says; if somebody else controls it, neither by the set nor by the pod."""
    refs = [ref for ref in claim.metadata.owner_references if not (_names(ref, stateful_set) or _names(ref, pod))]
    if not has_other_controller(claim, stateful_set, pod):
        refs += [controller_ref(owner) for owner in _owners(stateful_set, pod)]
    return claim.replace(metadata=claim.metadata.replace(owner_references=tuple(refs)))
