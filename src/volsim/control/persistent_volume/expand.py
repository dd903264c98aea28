"""Volume expansion, the controller manager's part: tells whoever can do it that a claim wants to be larger.

Modelled: claims that ask for more than they have (by version only if their class is there), the CSI driver that has
taken over from an in-tree plugin.
Not modelled: expansion by in-tree plugins themselves.
Source: kube-controller-manager, pkg/controller/volume/expand/expand_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.control.contract import NOTHING, Controller, Outcome, normal
from volsim.objects import PersistentVolumeClaim
from volsim.objects.binding import claim_class, requested_storage
from volsim.state import Change, View

__all__ = ["CONTROLLER", "wants_more"]


def wants_more(claim: PersistentVolumeClaim | None) -> bool:
    """Whether a bound claim asks for more than it has.

    >>> wants_more(PersistentVolumeClaim())
    False
    """
    if claim is None or claim.status.phase != "Bound":
        return False
    has = claim.status.capacity.get("storage")
    return requested_storage(claim) > (has.nano if has is not None else 0)


def watch_claim(view: View, change: Change) -> Iterator[str]:
    """A claim needs a look when it begins to ask for more than it has, or asks for another size."""
    before: PersistentVolumeClaim | None = change.before
    after: PersistentVolumeClaim | None = change.after
    if wants_more(after) and not (wants_more(before) and _same_request(before, after)):
        yield change.key


def _same_request(before: PersistentVolumeClaim | None, after: PersistentVolumeClaim | None) -> bool:
    assert before is not None and after is not None, "both want more"
    return requested_storage(before) == requested_storage(after)


def sync(view: View, key: str) -> Outcome:
    """Say that somebody else is to expand the volume: no plugin of the controller manager can."""
    claim = view.persistent_volume_claims.get(key)
    if claim is None or not wants_more(claim):
        return NOTHING
    volume = view.persistent_volumes.get(claim.spec.volume_name or "")
    if volume is None or volume.spec.claim_ref is None or volume.spec.claim_ref.uid != claim.metadata.uid:
        return NOTHING
    if view.rules.expanding_needs_class and claim_class(claim) not in view.storage_classes:
        return NOTHING
    text = "waiting for an external controller to expand this PVC"
    if not view.rules.external_expanding_terse:
        text = "didn't find a plugin capable of expanding the volume; "
        text += "waiting for an external controller to process this PVC"
    return Outcome(events=(normal(claim, "ExternalExpanding", text),), says=f"claim {key}: {text}")


CONTROLLER = Controller(
    name="volume-expand", component="volume_expand", watches={"persistentvolumeclaims": watch_claim}, sync=sync
)
