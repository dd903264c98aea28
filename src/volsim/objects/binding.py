"""What volumes and claims say about each other: classes, modes, references, and the annotations of binding.

Source: component-helpers, storage/volume/{helpers,pv_helpers}.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from volsim.objects.claims import PersistentVolumeClaim
from volsim.objects.meta import ObjectReference
from volsim.objects.storage import PersistentVolume

__all__ = [
    "BETA_CLASS",
    "BETA_PROVISIONER",
    "BIND_COMPLETED",
    "BOUND_BY_CONTROLLER",
    "MIGRATED_TO",
    "PRE_RESIZE_CAPACITY",
    "PROVISIONED_BY",
    "PROVISIONER",
    "SELECTED_NODE",
    "access_modes_fit",
    "claim_class",
    "has_class",
    "is_bound_to",
    "reaches",
    "reference_to",
    "requested_storage",
    "volume_class",
    "volume_modes_differ",
]

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
"""On a claim: it has been bound once; losing its volume makes it Lost, not Pending."""
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
"""On a volume or claim: the reference to the other was made by a controller, not by a person."""
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
"""On a volume: who made it."""
PRE_RESIZE_CAPACITY = "volume.alpha.kubernetes.io/pre-resize-capacity"
"""On a volume: how large its file system is as long as only the storage behind it has been made larger."""
MIGRATED_TO = "pv.kubernetes.io/migrated-to"
"""On a volume or claim: the CSI driver that has taken over from the in-tree plugin."""
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""On a claim: the scheduler has chosen this node; provision where it can be reached from there."""
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
"""On a claim: who is to provision."""
BETA_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
"""The older name of the same annotation."""
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
"""On a volume or claim: the class as it was written before there was a field; it wins over the field."""


def claim_class(claim: PersistentVolumeClaim) -> str:
    """The class that a claim asks for; an empty text for none.

    >>> claim_class(PersistentVolumeClaim())
    ''
    """
    beta = claim.metadata.annotations.get(BETA_CLASS)
    return beta if beta is not None else claim.spec.storage_class_name or ""


def has_class(claim: PersistentVolumeClaim) -> bool:
    """Whether the claim says anything about a class, be it that it wants none (``""``)."""
    return BETA_CLASS in claim.metadata.annotations or claim.spec.storage_class_name is not None


def volume_class(volume: PersistentVolume) -> str:
    """The class of a volume; an empty text for none."""
    beta = volume.metadata.annotations.get(BETA_CLASS)
    return beta if beta is not None else volume.spec.storage_class_name or ""


def requested_storage(claim: PersistentVolumeClaim) -> int:
    """How much storage a claim asks for, in 10**-9 bytes; 0 if it does not say."""
    found = claim.spec.resources.requests.get("storage")
    return found.nano if found is not None else 0


def reference_to(claim: PersistentVolumeClaim) -> ObjectReference:
    """The claimRef by which a volume belongs to this claim and to no other of its name.

    >>> reference_to(PersistentVolumeClaim()).kind
    'PersistentVolumeClaim'
    """
    meta = claim.metadata
    return ObjectReference(
        api_version="v1",
        kind="PersistentVolumeClaim",
        name=meta.name,
        namespace=meta.namespace,
        resource_version=meta.resource_version,
        uid=meta.uid,
    )


def is_bound_to(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether the volume's claimRef means this claim: the same name, and the same uid if it has one."""
    ref = volume.spec.claim_ref
    if ref is None or ref.name != claim.metadata.name or ref.namespace != claim.metadata.namespace:
        return False
    return not ref.uid or ref.uid == claim.metadata.uid


def volume_modes_differ(claim: PersistentVolumeClaim, volume: PersistentVolume) -> bool:
    """Whether one is `Block` and the other `Filesystem` (which is what nothing means)."""
    return (claim.spec.volume_mode or "Filesystem") != (volume.spec.volume_mode or "Filesystem")


def access_modes_fit(claim: PersistentVolumeClaim, volume: PersistentVolume) -> bool:
    """Whether the volume has every access mode that the claim asks for."""
    return set(claim.spec.access_modes) <= set(volume.spec.access_modes)


def reaches(volume: PersistentVolume, labels: Mapping[str, str]) -> bool:
    """Whether a node with these labels can reach the volume, as far as its node affinity says.

    >>> reaches(PersistentVolume(), {"zone": "a"})
    True
    """
    affinity = volume.spec.node_affinity
    return affinity is None or affinity.required is None or affinity.required.matches(labels)
