"""PV provisioning, the controller manager's part: whom a claim asks for a volume, and how it says so.

Modelled: external provisioners (asked by annotation), in-tree plugins that CSI drivers have taken over, classes and plugins
that are not there.
Not modelled: provisioning by in-tree plugins themselves.
Source: kube-controller-manager, persistent volume controller (provisionClaim, provisionClaimOperationExternal).
"""

from __future__ import annotations

from volsim.apiserver.writes import Update
from volsim.control.contract import NOTHING, Outcome, normal, warning
from volsim.objects import FrozenDict, PersistentVolumeClaim
from volsim.objects.binding import BETA_PROVISIONER, MIGRATED_TO, PROVISIONER, claim_class
from volsim.rules import Rules
from volsim.state import View

__all__ = ["ask_to_provision"]


def ask_to_provision(view: View, claim: PersistentVolumeClaim) -> Outcome:
    """Ask the provisioner of the claim's class for a volume, unless it has been asked."""
    name = claim_class(claim)
    storage_class = view.storage_classes.get(name)
    if storage_class is None:
        text = f'storageclass.storage.k8s.io "{name}" not found'
        return Outcome(events=(warning(claim, "ProvisioningFailed", text),), says=f"claim {claim.key} waits: {text}")
    provisioner = storage_class.provisioner or ""
    driver = view.rules.csi_driver_for(provisioner)
    if driver is None and provisioner.startswith("kubernetes.io/"):
        text = f"no volume plugin matched name: {provisioner}"
        return Outcome(events=(warning(claim, "ProvisioningFailed", text),), says=f"claim {claim.key} waits: {text}")
    asked = _asked(claim, driver or provisioner, migrated=driver is not None, rules=view.rules)
    if asked is claim:
        return NOTHING
    note = normal(claim, "ExternalProvisioning", _message(driver or provisioner, view.rules))
    return Outcome((Update(asked),), (note,), says=f"ask {driver or provisioner} for a volume for claim {claim.key}")


def _asked(claim: PersistentVolumeClaim, provisioner: str, *, migrated: bool, rules: Rules) -> PersistentVolumeClaim:
    """The claim with the annotations that a provisioner waits for."""
    wanted = {BETA_PROVISIONER: provisioner}
    if rules.ga_provisioner_annotation:
        wanted[PROVISIONER] = provisioner
    if migrated:
        wanted[MIGRATED_TO] = provisioner
    annotations = claim.metadata.annotations
    if all(annotations.get(key) == value for key, value in wanted.items()):
        return claim
    return claim.replace(metadata=claim.metadata.replace(annotations=FrozenDict({**annotations, **wanted})))


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
