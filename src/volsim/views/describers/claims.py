"""What a claim says, whether it is an object of its own or part of a pod's volume.

Source: kubectl, pkg/describe/describe.go (printPersistentVolumeClaim).
"""

from __future__ import annotations

from volsim.objects import PersistentVolumeClaim
from volsim.quantity import Quantity
from volsim.views.printers.storage import access_modes, class_of
from volsim.views.sheet import Sheet

__all__ = ["describe_claim"]

NOTHING = Quantity(0)


def describe_claim(sheet: Sheet, claim: PersistentVolumeClaim, level: int = 0) -> None:
    """What a claim says; one that is part of a pod's volume (at a deeper level) has no name and no status."""
    whole = level == 0
    if whole:
        sheet.head(claim)
    sheet.field("StorageClass", class_of(claim), level)
    gone_us = claim.metadata.deletion_timestamp
    if whole and gone_us is not None:
        sheet.field("Status", f"Terminating (lasts {sheet.look.since(gone_us)})")
    elif whole:
        sheet.field("Status", claim.status.phase or "")
    sheet.field("Volume", claim.spec.volume_name or "", level)
    sheet.labels("Labels", claim.metadata.labels, level)
    sheet.annotations("Annotations", claim.metadata.annotations, level)
    if whole:
        sheet.field("Finalizers", f"[{' '.join(claim.metadata.finalizers)}]")
    bound = bool(claim.spec.volume_name)
    sheet.field("Capacity", claim.status.capacity.get("storage", NOTHING) if bound else "", level)
    sheet.field("Access Modes", access_modes(claim.status.access_modes) if bound else "", level)
    if claim.spec.volume_mode is not None:
        sheet.field("VolumeMode", claim.spec.volume_mode, level)
    source = claim.spec.data_source
    if source is not None:
        sheet.line("DataSource:", level)
        if source.api_group is not None:
            sheet.field("APIGroup", source.api_group, level + 1)
        sheet.field("Kind", source.kind or "", level + 1)
        sheet.field("Name", source.name or "", level + 1)
