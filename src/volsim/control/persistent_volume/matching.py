"""Which volume fits a claim: the one rule that the PV binder and the scheduler share.

Modelled: size, class, access modes, volume mode, VolumeAttributesClass, selector, node affinity, volumes reserved for a
claim; the binder's order (the sets with the fewest access modes first) and the scheduler's (the smallest of all).
Not modelled: nothing known.
Source: kube-controller-manager, pkg/controller/volume/persistentvolume/index.go; component-helpers,
storage/volume/pv_helpers.go (FindMatchingVolume).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

from volsim.objects import PersistentVolume, PersistentVolumeClaim
from volsim.objects.binding import (
    access_modes_fit,
    claim_class,
    is_bound_to,
    requested_storage,
    volume_class,
    volume_modes_differ,
)
from volsim.rules import Rules
from volsim.state import View, volume_group

__all__ = ["best_matches", "candidates", "mismatch"]

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")

MOST_EQUAL = 16
"""How many equally good volumes are offered for a choice. Kubernetes takes any of them; more than this many volumes
that differ in nothing but their names would only make the choice dear."""


def attributes_class_differs(claim: PersistentVolumeClaim, volume: PersistentVolume, rules: Rules) -> bool:
    """Whether claim and volume disagree about the VolumeAttributesClass; without the feature none may have one."""
    wanted = claim.spec.volume_attributes_class_name or ""
    offered = volume.spec.volume_attributes_class_name or ""
    return wanted != offered if rules.volume_attributes_class else bool(wanted or offered)


def mismatch(claim: PersistentVolumeClaim, volume: PersistentVolume, rules: Rules) -> str | None:
    """Why a claim that names this volume cannot have it, in Kubernetes' words; None if it can.

    Selector and node affinity are not looked at: whoever names a volume means it.

    >>> mismatch(PersistentVolumeClaim(), PersistentVolume(), Rules()) is None
    True
    """
    storage = volume.spec.capacity.get("storage")
    if volume.metadata.deletion_timestamp is not None:
        return f'the volume is marked for deletion "{volume.metadata.name}"'
    if (storage.nano if storage is not None else 0) < requested_storage(claim):
        return "requested PV is too small"
    if volume_class(volume) != claim_class(claim):
        return "storageClassName does not match"
    if attributes_class_differs(claim, volume, rules):
        if rules.volume_attributes_class:
            return "volumeAttributesClassName does not match"
        return "volumeAttributesClassName is not supported when the feature-gate VolumeAttributesClass is disabled"
    if volume_modes_differ(claim, volume):
        return "incompatible volumeMode"
    return None if access_modes_fit(claim, volume) else "incompatible accessMode"


# -- the binder's order ------------------------------------------------------------------------------------------------
def best_matches(view: View, claim: PersistentVolumeClaim, *, delayed: bool) -> tuple[PersistentVolume, ...]:
    """The volumes of which the binder takes any: equally good ones, by name, at most `MOST_EQUAL`; empty if none fits.

    The sets of access modes are tried from the fewest modes up; of a set, a volume that is reserved for the claim
    comes before the smallest that fits. If binding is `delayed`, only a reserved volume counts: the rest is the
    scheduler's. Cost: one look-up for each of at most 16 sets, and what is skipped of their volumes.
    """
    reserved = [volume for volume in _reserved(view, claim) if _possible(claim, volume, view.rules)]
    if delayed and not reserved:
        return ()
    for modes_of_this_size in _mode_sets(tuple(claim.spec.access_modes)):
        found: list[PersistentVolume] = []
        for modes in modes_of_this_size:
            mine = [volume for volume in reserved if tuple(sorted(set(volume.spec.access_modes))) == modes]
            found += mine or ([] if delayed else _smallest(view, claim, modes))
        if len(found) > 1:
            found.sort(key=lambda volume: volume.metadata.name or "")
        if found:
            return tuple(found[:MOST_EQUAL])
    return ()


@lru_cache(maxsize=1024)  # there are 15 sets of the four modes; the bound is for claims that validation refuses
def _mode_sets(wanted: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """The sets of access modes that contain those wanted, sorted, in groups of equal size from the smallest up."""
    others = [mode for mode in ACCESS_MODES if mode not in wanted]
    return tuple(
        tuple(tuple(sorted({*wanted, *more})) for more in combinations(others, extra))
        for extra in range(len(others) + 1)
    )


def _reserved(view: View, claim: PersistentVolumeClaim) -> Iterator[PersistentVolume]:
    for name in view.group("volumes_by_claim", claim.key):
        volume = view.persistent_volumes[name]
        if is_bound_to(volume, claim):
            yield volume


def _possible(claim: PersistentVolumeClaim, volume: PersistentVolume, rules: Rules) -> bool:
    """What is asked even of a volume that is reserved for the claim: size, mode, attributes, no deletion."""
    storage = volume.spec.capacity.get("storage")
    return (
        (storage.nano if storage is not None else 0) >= requested_storage(claim)
        and not volume_modes_differ(claim, volume)
        and not attributes_class_differs(claim, volume, rules)
        and volume.metadata.deletion_timestamp is None
    )


def _free(claim: PersistentVolumeClaim, volume: PersistentVolume, rules: Rules) -> bool:
    """What is asked of a volume that is nobody's, besides its class, its modes and its size."""
    selector = claim.spec.selector
    return (
        volume.status.phase == "Available"
        and _possible(claim, volume, rules)
        and (selector is None or selector.matches(volume.metadata.labels))
    )


def _smallest(view: View, claim: PersistentVolumeClaim, modes: tuple[str, ...]) -> list[PersistentVolume]:
    """The smallest free volumes with exactly these modes that fit the claim."""
    group = volume_group(claim_class(claim), modes)
    found: list[PersistentVolume] = []
    size: int | None = None
    for nano, name in view.at_least("free_volumes", group, (requested_storage(claim),)):
        if (size is not None and nano > size) or len(found) == MOST_EQUAL:
            break
        volume = view.persistent_volumes[name]
        if _free(claim, volume, view.rules):
            found.append(volume)
            size = nano
    return found


# -- the scheduler's order ---------------------------------------------------------------------------------------------
def candidates(view: View, claim: PersistentVolumeClaim) -> list[PersistentVolume]:
    """The volumes that the scheduler may give to a claim, wherever they are reached from; of all access modes.

    The volume that is reserved for the claim, alone, or else all that are free and fit: the smallest first, equally
    large ones by name. Of those that a node reaches it takes the smallest, any of the equally large ones.
    """
    for volume in _reserved(view, claim):
        if _possible(claim, volume, view.rules):
            return [volume]
    found: list[tuple[int, str, PersistentVolume]] = []
    for sets in _mode_sets(tuple(claim.spec.access_modes)):
        for modes in sets:
            group = volume_group(claim_class(claim), modes)
            for nano, name in view.at_least("free_volumes", group, (requested_storage(claim),)):
                volume = view.persistent_volumes[name]
                if _free(claim, volume, view.rules):
                    found.append((nano, name, volume))
    return [volume for _, _, volume in sorted(found, key=lambda each: each[:2])]
