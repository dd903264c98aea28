"""Volumes, claims and classes, as `kubectl describe` shows them.

Source: kubectl, pkg/describe/describe.go (describePersistentVolume, printPersistentVolumeClaim, describeStorageClass).
"""

from __future__ import annotations

from collections.abc import Sequence

from volsim.objects import (
    Event,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    StorageClass,
    VolumeAttributesClass,
    VolumeNodeAffinity,
)
from volsim.quantity import Quantity
from volsim.views.describers.claims import describe_claim
from volsim.views.describers.volumes import describe_source
from volsim.views.printers.storage import access_modes, class_of, is_default_class
from volsim.views.sheet import Sheet, moment
from volsim.views.tables import labels_text

__all__ = [
    "describe_attributes_class",
    "describe_bound_claim",
    "describe_class",
    "describe_volume",
]

NOTHING = Quantity(0)


def describe_volume(sheet: Sheet, volume: PersistentVolume, events: Sequence[Event] | None) -> None:
    """The whole page of a persistent volume."""
    spec, gone_us = volume.spec, volume.metadata.deletion_timestamp
    sheet.head(volume, namespaced=False)
    sheet.marks(volume)
    sheet.field("Finalizers", f"[{' '.join(volume.metadata.finalizers)}]")
    sheet.field("StorageClass", class_of(volume))
    terminating = f"Terminating (lasts {sheet.look.since(gone_us)})"
    sheet.field("Status", volume.status.phase or "" if gone_us is None else terminating)
    claim = spec.claim_ref
    sheet.field("Claim", f"{claim.namespace or ''}/{claim.name or ''}" if claim is not None else "")
    sheet.field("Reclaim Policy", spec.persistent_volume_reclaim_policy or "")
    sheet.field("Access Modes", access_modes(spec.access_modes))
    if spec.volume_mode is not None:
        sheet.field("VolumeMode", spec.volume_mode)
    sheet.field("Capacity", spec.capacity.get("storage", NOTHING))
    _affinity(sheet, spec.node_affinity)
    sheet.field("Message", volume.status.message or "")
    sheet.line("Source:")
    describe_source(sheet, spec)
    sheet.events(events)


def _affinity(sheet: Sheet, affinity: VolumeNodeAffinity | None) -> None:
    if affinity is None or affinity.required is None:
        sheet.field("Node Affinity", "<none>")
        return
    sheet.line("Node Affinity:\t")
    terms = affinity.required.node_selector_terms
    sheet.line("Required Terms:\t" if terms else "Required Terms:\t<none>", 1)
    for number, term in enumerate(terms):
        lines = []
        for each in term.match_expressions:
            text = f"{each.key} {(each.operator or '').lower()}"
            lines.append(f"{text} [{', '.join(each.values)}]" if each.values else text)
        sheet.several(f"Term {number}", lines, 2)


# -- claims ------------------------------------------------------------------------------------------------------------
def describe_bound_claim(
    sheet: Sheet, claim: PersistentVolumeClaim, users: Sequence[Pod], events: Sequence[Event] | None
) -> None:
    """The whole page of a claim; `users` are the pods that name it."""
    describe_claim(sheet, claim)
    title = "Used By" if sheet.look.dialect.claim_used_by else "Mounted By"
    sheet.several(title, sorted(pod.name for pod in users))
    if claim.status.conditions:
        sheet.line("Conditions:")
        sheet.line("Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage", 1)
        sheet.line("----\t------\t-----------------\t------------------\t------\t-------", 1)
    for each in claim.status.conditions:
        times = f"{moment(each.last_probe_time)} \t{moment(each.last_transition_time)}"
        sheet.line(f"{each.type} \t{each.status} \t{times} \t{each.reason or ''} \t{each.message or ''}", 1)
    sheet.events(events)


# -- classes -----------------------------------------------------------------------------------------------------------
def describe_class(sheet: Sheet, obj: StorageClass, events: Sequence[Event] | None) -> None:
    """The whole page of a storage class."""
    sheet.head(obj, namespaced=False)
    sheet.field("IsDefaultClass", "Yes" if is_default_class(obj) else "No")
    sheet.field("Annotations", labels_text(obj.metadata.annotations))
    sheet.field("Provisioner", obj.provisioner or "")
    sheet.field("Parameters", labels_text(obj.parameters))
    expands = {None: "<unset>", True: "True", False: "False"}[obj.allow_volume_expansion]
    sheet.field("AllowVolumeExpansion", expands)
    sheet.line("MountOptions:" if obj.mount_options else "MountOptions:\t<none>")
    for option in obj.mount_options:
        sheet.line(option, 1)
    if obj.reclaim_policy is not None:
        sheet.field("ReclaimPolicy", obj.reclaim_policy)
    if obj.volume_binding_mode is not None:
        sheet.field("VolumeBindingMode", obj.volume_binding_mode)
    if obj.allowed_topologies:
        sheet.line("AllowedTopologies:\t")
    for number, term in enumerate(obj.allowed_topologies):
        lines = [f"{each.key} in [{', '.join(each.values)}]" for each in term.match_label_expressions]
        sheet.several(f"Term {number}", lines, 1)
    sheet.events(events)


def describe_attributes_class(sheet: Sheet, obj: VolumeAttributesClass, events: Sequence[Event] | None) -> None:
    """The whole page of a volume attributes class."""
    sheet.head(obj, namespaced=False)
    sheet.field("Annotations", labels_text(obj.metadata.annotations))
    sheet.field("DriverName", obj.driver_name or "")
    sheet.field("Parameters", labels_text(obj.parameters))
    sheet.events(events)
