"""PV provisioning, the controller manager's part: who makes the volume that a claim waits for.

Modelled: plugins of the controller manager itself, external provisioners (asked by annotation), CSI drivers that have
taken over from a plugin, classes and plugins that are not there, a provider that does not answer.
Not modelled: mount options and zones of in-tree plugins.
Source: kube-controller-manager, persistent volume controller (provisionClaim, provisionClaimOperation,
provisionClaimOperationExternal, rescheduleProvisioning).
"""

from __future__ import annotations

from volsim.apiserver.writes import Create, Put, Update, UpdateStatus, Write
from volsim.control.contract import EventNote, Outcome, normal, warning
from volsim.control.persistent_volume.plugins import new_source
from volsim.control.writing import without_annotation
from volsim.objects import (
    FrozenDict,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    StorageClass,
)
from volsim.objects.binding import (
    BETA_PROVISIONER,
    BOUND_BY_CONTROLLER,
    MIGRATED_TO,
    PROVISIONED_BY,
    PROVISIONER,
    SELECTED_NODE,
    claim_class,
    reference_to,
)
from volsim.rules import Rules, microseconds
from volsim.state import View
from volsim.state.runtime import Plugin
from volsim.storage.backends import Backend, backend_of
from volsim.storage.sources import SOURCES, source_of

__all__ = ["IN_TREE_FINALIZER", "only_asked", "provision"]

IN_TREE_FINALIZER = "kubernetes.io/pv-controller"
_ASKING = {BETA_PROVISIONER, PROVISIONER, MIGRATED_TO}
_FAMILIES = {kind.name: kind.family for kind in SOURCES}


def provision(view: View, claim: PersistentVolumeClaim) -> Outcome:
    """Make a volume for a claim, or ask the provisioner of its class for one, unless it has been asked."""
    name = claim_class(claim)
    storage_class = view.storage_classes.get(name)
    if storage_class is None:
        return _cannot(claim, f'storageclass.storage.k8s.io "{name}" not found')
    provisioner = storage_class.provisioner or ""
    driver = view.rules.csi_driver_for(provisioner)
    if driver is not None:
        return _ask(view, claim, driver, migrated=True)
    plugin: Plugin | None = view.get("plugins", provisioner)
    if plugin is not None and plugin.provisions:
        return _make(view, claim, storage_class, plugin)
    if not provisioner.startswith("kubernetes.io/"):
        return _ask(view, claim, provisioner, migrated=False)
    if plugin is not None:
        return _cannot(claim, "no provisionable volume plugin matched")
    return _cannot(claim, f"no volume plugin matched name: {provisioner}")


def _cannot(claim: PersistentVolumeClaim, text: str) -> Outcome:
    return Outcome(events=(warning(claim, "ProvisioningFailed", text),), says=f"claim {claim.key} waits: {text}")


# -- somebody else's task ----------------------------------------------------------------------------------------------
def _ask(view: View, claim: PersistentVolumeClaim, provisioner: str, *, migrated: bool) -> Outcome:
    asked = _asked(claim, provisioner, migrated=migrated, rules=view.rules)
    note = normal(claim, "ExternalProvisioning", _message(provisioner, view.rules))
    writes = () if asked is claim else (Update(asked),)
    return Outcome(writes, (note,), says=f"ask {provisioner} for a volume for claim {claim.key}")


def _asked(claim: PersistentVolumeClaim, provisioner: str, *, migrated: bool, rules: Rules) -> PersistentVolumeClaim:
    """The claim with the annotations that a provisioner waits for; the very same one if it was asked before."""
    annotations = claim.metadata.annotations
    if annotations.get(PROVISIONER if rules.ga_provisioner_annotation else BETA_PROVISIONER) == provisioner:
        return claim
    wanted = {BETA_PROVISIONER: provisioner}
    if rules.ga_provisioner_annotation:
        wanted[PROVISIONER] = provisioner
    if migrated:
        wanted[MIGRATED_TO] = provisioner
    return claim.replace(metadata=claim.metadata.replace(annotations=FrozenDict({**annotations, **wanted})))


def only_asked(before: PersistentVolumeClaim, after: PersistentVolumeClaim) -> bool:
    """Whether nothing happened to a claim but that its provisioner was asked: the binder's own work, no news to it."""
    if before.spec is not after.spec or before.status is not after.status:
        return False
    old, new = before.metadata.annotations, after.metadata.annotations
    return old != new and {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)} <= _ASKING


def _message(provisioner: str, rules: Rules) -> str:
    if rules.external_provisioning_hint:
        return (
            f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
            "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
            "correctly registered."
        )
    return (
        f'waiting for a volume to be created, either by external provisioner "{provisioner}" or manually created by '
        "system administrator"
    )


# -- the controller manager's own plugins ------------------------------------------------------------------------------
def _make(view: View, claim: PersistentVolumeClaim, storage_class: StorageClass, plugin: Plugin) -> Outcome:
    if claim.spec.data_source is not None:
        return _cannot(
            claim,
            f'plugin "{plugin.name}" is not a CSI plugin. Only CSI plugin can provision a claim with a datasource',
        )
    name = f"pvc-{claim.metadata.uid}"
    asked = _asked(claim, plugin.name, migrated=False, rules=view.rules)
    writes: list[Write] = [] if asked is claim else [Update(asked)]
    if view.persistent_volumes.get(name) is not None:
        return Outcome(tuple(writes))
    selected = claim.metadata.annotations.get(SELECTED_NODE)
    if selected is not None and view.nodes.get(selected) is None:
        text = f'Failed to get target node: node "{selected}" not found'
        return Outcome(tuple(writes), (warning(claim, "ProvisioningFailed", text),), says=f"claim {claim.key}: {text}")
    provider: Backend | None = view.get("backends", plugin.name)
    if provider is not None and not provider.reachable:
        return _refused(view, asked, storage_class, plugin, writes)
    volume = _volume(view, claim, storage_class, plugin, name)
    if plugin.source:
        writes.append(_storage_of(volume))
    writes += [Create(volume), UpdateStatus(volume.replace(status=volume.status.replace(phase="Bound")))]
    note = normal(claim, "ProvisioningSucceeded", f"Successfully provisioned volume {name} using {plugin.name}")
    return Outcome(tuple(writes), (note,), says=f"make volume {name} for claim {claim.key}")


def _storage_of(volume: PersistentVolume) -> Put:
    """The storage behind a volume that was just made, under the name by which it is mounted and deleted."""
    source, record = source_of(volume.spec)
    assert source is not None, "what a plugin makes has a source"
    name, _ = backend_of(source, record)
    return Put("backends", name, Backend(name=name, family=_FAMILIES[source]))


def _refused(
    view: View, claim: PersistentVolumeClaim, storage_class: StorageClass, plugin: Plugin, writes: list[Write]
) -> Outcome:
    """Say so, let the scheduler choose another node if it chose one, and try again at the next resync."""
    text = (
        f'Failed to provision volume with StorageClass "{storage_class.metadata.name}": {plugin.name} does not answer'
    )
    note: EventNote = warning(claim, "ProvisioningFailed", text)
    free = without_annotation(claim, SELECTED_NODE)
    if free is not claim:
        writes.append(Update(free))
    period_us = microseconds(view.rules.pv_resync_period)
    return Outcome(tuple(writes), (note,), period_us, background=True, says=f"claim {claim.key}: {text}")


def _volume(
    view: View, claim: PersistentVolumeClaim, storage_class: StorageClass, plugin: Plugin, name: str
) -> PersistentVolume:
    policy = storage_class.reclaim_policy
    held = view.rules.honor_pv_reclaim_policy and policy == "Delete"
    return PersistentVolume(
        metadata=ObjectMeta(
            name=name,
            annotations={BOUND_BY_CONTROLLER: "yes", PROVISIONED_BY: plugin.name},
            finalizers=(IN_TREE_FINALIZER,) if held else (),
        ),
        spec=PersistentVolumeSpec(
            access_modes=claim.spec.access_modes,
            capacity={"storage": claim.spec.resources.requests["storage"]},
            claim_ref=reference_to(claim),
            mount_options=storage_class.mount_options,
            persistent_volume_reclaim_policy=policy,
            storage_class_name=claim_class(claim),
            volume_mode=claim.spec.volume_mode,
            **new_source(plugin, name),
        ),
    )
