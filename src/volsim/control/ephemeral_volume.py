"""Ephemeral volume controller: the claims of generic ephemeral volumes.

Modelled: a claim ``pod-volume`` that the pod owns for each such volume, claims that are made again, conflicts with
claims of the same name that are not the pod's.
Not modelled: nothing of it.
Source: kube-controller-manager, pkg/controller/volume/ephemeral/controller.go; component-helpers, storage/ephemeral.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Create
from volsim.control.contract import NOTHING, Controller, Outcome, warning
from volsim.control.workload import controller_of, controller_ref
from volsim.objects import ObjectMeta, PersistentVolumeClaim, PersistentVolumeClaimSpec, Pod, Volume
from volsim.state import Change, View

__all__ = ["CONTROLLER"]


def watch_pods(view: View, change: Change) -> Iterator[str]:
    """A new pod needs a look; its volumes never change."""
    before, after = change.before, change.after
    is_new = after is not None and (before is None or before.metadata.uid != after.metadata.uid)
    if is_new and any(volume.ephemeral is not None for volume in after.spec.volumes):
        yield change.key


def watch_claims(view: View, change: Change) -> Iterator[str]:
    """The pods of a claim need a look when it comes, goes, or changes hands."""
    before, after = change.before, change.after
    if before is None or after is None or before.metadata.owner_references is not after.metadata.owner_references:
        for key in view.group("pods_by_claim", change.key):
            if any(volume.ephemeral is not None for volume in view.pods[key].spec.volumes):
                yield key


def sync(view: View, key: str) -> Outcome:
    """Make the first claim that a pod's ephemeral volumes lack; each new claim brings the pod here again."""
    pod = view.pods.get(key)
    if pod is None or pod.metadata.deletion_timestamp is not None:
        return NOTHING
    for volume in pod.spec.volumes:
        if volume.ephemeral is None:
            continue
        claim_key = f"{key}-{volume.name}"
        claim = view.persistent_volume_claims.get(claim_key)
        if claim is None:
            return _create(pod, volume)
        ref = controller_of(claim)
        if ref is None or ref.uid != pod.metadata.uid:
            text = f"PVC {claim_key} was not created for pod {key} (pod is not owner)"
            event = warning(pod, "FailedBinding", f"ephemeral volume {volume.name}: {text}")
            return Outcome(events=(event,), says=f"claim {claim_key} is not of pod {key}")
    return NOTHING


def _create(pod: Pod, volume: Volume) -> Outcome:
    assert volume.ephemeral is not None
    template, name = volume.ephemeral.volume_claim_template, f"{pod.name}-{volume.name}"
    claim = PersistentVolumeClaim(
        metadata=ObjectMeta(
            name=name,
            namespace=pod.metadata.namespace,
            annotations=template.metadata.annotations if template is not None else {},
            labels=template.metadata.labels if template is not None else {},
            owner_references=(controller_ref(pod),),
        ),
        spec=template.spec if template is not None else PersistentVolumeClaimSpec(),
    )
    refused = warning(pod, "FailedBinding", f"ephemeral volume {volume.name}: create PVC {name}: {{error}}")
    return Outcome((Create(claim),), says=f"create claim {claim.key} for pod {pod.key}", if_refused=refused)


CONTROLLER = Controller(
    name="ephemeral-volume",
    component="ephemeral_volume",
    watches={"pods": watch_pods, "persistentvolumeclaims": watch_claims},
    sync=sync,
)
