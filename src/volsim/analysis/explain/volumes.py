"""Why a volume is Available, Bound, Released, Failed or stuck, where its bytes are, and what would change it."""

from __future__ import annotations

from volsim.analysis.explain.claims import obstacles
from volsim.analysis.explain.explanation import Cause, Explanation
from volsim.control.persistent_volume.volumes import claim_of
from volsim.objects import PersistentVolume
from volsim.objects.binding import volume_class
from volsim.state import View

__all__ = ["explain"]

MOST_LISTED = 10


def explain(view: View, volume: PersistentVolume) -> Explanation:
    """Why the volume is as it is now."""
    if volume.metadata.deletion_timestamp is not None:
        return _terminating(view, volume)
    match volume.status.phase:
        case "Bound":
            return _bound(view, volume)
        case "Released":
            return _released(view, volume)
        case "Failed":
            return _failed(volume)
    return _available(view, volume)


def _address(volume: PersistentVolume) -> str:
    return f"pv/{volume.metadata.name}"


def _available(view: View, volume: PersistentVolume) -> Explanation:
    """Which claims wait, and why none of them gets it."""
    about, ref = _address(volume), volume.spec.claim_ref
    if ref is not None:
        text = f"{about} is reserved for claim {ref.namespace}/{ref.name}"
        claim = view.persistent_volume_claims.get(f"{ref.namespace}/{ref.name}")
        if claim is None:
            return Explanation(
                about, f"{text}, which does not exist.", (), (f"create claim {ref.namespace}/{ref.name}",)
            )
        return Explanation(about, f"{text}, which is {claim.status.phase}.", tuple(obstacles(view, claim, volume)))
    waiting = [view.persistent_volume_claims[key] for key in view.group("claims_unbound", volume_class(volume))]
    causes = []
    for claim in waiting[:MOST_LISTED]:
        found = obstacles(view, claim, volume)
        why = "; ".join(cause.text for cause in found) or "it is about to get it"
        causes.append(Cause("claim-waits", f"claim {claim.key} waits, but {why}", (f"pvc/{claim.metadata.name}",)))
    name = volume_class(volume)
    if not causes:
        text = f"{about} is Available: no claim {f'of class {name}' if name else 'without a class'} waits for a volume."
        return Explanation(about, text)
    return Explanation(about, f"{about} is Available, and claims of its class wait.", tuple(causes))


def _bound(view: View, volume: PersistentVolume) -> Explanation:
    about, claim = _address(volume), claim_of(view, volume)
    assert volume.spec.claim_ref is not None, "a bound volume refers to its claim"
    key = f"{volume.spec.claim_ref.namespace}/{volume.spec.claim_ref.name}"
    if claim is None:
        return Explanation(about, f"{about} is Bound to claim {key}, which is gone: it is about to be Released.")
    policy = volume.spec.persistent_volume_reclaim_policy
    return Explanation(about, f"{about} is Bound to claim {key}; its reclaim policy is {policy}.")


def _released(view: View, volume: PersistentVolume) -> Explanation:
    about, policy = _address(volume), volume.spec.persistent_volume_reclaim_policy
    head = f"{about} is Released: its claim is gone"
    free = f"clear spec.claimRef of {about} (kubectl patch), and it is Available, with the bytes that are on it"
    if policy == "Retain":
        return Explanation(about, f"{head}, and Retain keeps volume and bytes until somebody decides.", (), (free,))
    if policy == "Recycle":
        ref = volume.spec.claim_ref
        users = list(view.group("pods_by_claim", f"{ref.namespace}/{ref.name}")) if ref is not None else []
        causes = tuple(Cause("in-use", f"pod {key} still refers to its claim", (f"pod/{key}",)) for key in users)
        return Explanation(about, f"{head}, and it is being scrubbed.", causes)
    attached = list(view.group("attachments_by_volume", volume.metadata.name or ""))
    causes = tuple(Cause("attached", f"VolumeAttachment {name} is still there", (f"va/{name}",)) for name in attached)
    driver = volume.spec.csi.driver if volume.spec.csi is not None else None
    if driver is not None and view.get("drivers", driver) is None:
        cause = Cause("no-deleter", f"no driver {driver} is installed that could delete it", (about,))
        return Explanation(about, f"{head}, and nobody deletes it.", (*causes, cause), (free,))
    return Explanation(about, f"{head}, and it is about to be deleted with its bytes.", causes)


def _failed(volume: PersistentVolume) -> Explanation:
    about = _address(volume)
    cause = Cause("failed", volume.status.message or "the controller does not say why", (about,))
    remedies = (
        f"clear spec.claimRef of {about}: it is Available again, with the bytes that are on it",
        "delete the volume, and its storage by hand",
    )
    return Explanation(about, f"{about} is Failed: its storage could not be reclaimed.", (cause,), remedies)


def _terminating(view: View, volume: PersistentVolume) -> Explanation:
    about, meta = _address(volume), volume.metadata
    causes = []
    if "kubernetes.io/pv-protection" in meta.finalizers and volume.status.phase == "Bound":
        ref = volume.spec.claim_ref
        key = f"{ref.namespace}/{ref.name}" if ref is not None else "?"
        causes.append(Cause("in-use", f"it is Bound to claim {key}", (f"pvc/{key.partition('/')[2]}",)))
    others = [name for name in meta.finalizers if name != "kubernetes.io/pv-protection"]
    causes += [Cause("held", f"finalizer {name} holds it until its storage is deleted", ()) for name in others]
    remedies = ("delete its claim",) if causes and causes[0].code == "in-use" else ()
    return Explanation(about, f"{about} is being deleted, and waits.", tuple(causes), remedies)
