"""PreBind: the volumes that were chosen for a pod are bound before the pod is.

Modelled: the requests that start binding and provisioning; when they are done, and what makes them fail.
Not modelled: the second that upstream waits between two looks.
Source: kube-scheduler, plugins/volumebinding/binder.go (AssumePodVolumes, BindPodVolumes, checkBindings).
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Update, Write
from volsim.control.scheduler.memory import Memory
from volsim.control.scheduler.volume_binding import Decision, is_bound
from volsim.control.writing import annotated
from volsim.objects import Node, PersistentVolume, PersistentVolumeClaim
from volsim.objects.binding import BOUND_BY_CONTROLLER, SELECTED_NODE, is_bound_to, reaches, reference_to
from volsim.rules import Rules
from volsim.state import View

__all__ = ["check", "failure", "requests", "timed_out"]


def failure(text: str) -> str:
    """What is said of a pod whose volumes cannot be bound.

    >>> failure("context deadline exceeded")
    'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded'
    """
    return f'running PreBind plugin "VolumeBinding": binding volumes: {text}'


def timed_out(rules: Rules) -> str:
    """What is said where binding took too long."""
    return "context deadline exceeded" if rules.deadlines_are_contexts else "timed out waiting for the condition"


def requests(way: Decision, node: str) -> Iterator[Write]:
    """What starts it: volumes get their claims, claims to provision get the selected node."""
    for claim, volume in way.bindings:
        new = _given_to(volume, claim)
        if new is not volume:
            yield Update(new)
    for claim in way.provisions:
        if SELECTED_NODE not in claim.metadata.annotations:
            yield Update(annotated(claim, SELECTED_NODE, node))


def _given_to(volume: PersistentVolume, claim: PersistentVolumeClaim) -> PersistentVolume:
    """The volume with a reference to the claim; the very same one if it has it."""
    ref, meta = volume.spec.claim_ref, claim.metadata
    new = volume
    if ref is None or (ref.name, ref.namespace, ref.uid) != (meta.name, meta.namespace, meta.uid):
        new = volume.replace(spec=volume.spec.replace(claim_ref=reference_to(claim)))
    return new if is_bound_to(volume, claim) else annotated(new, BOUND_BY_CONTROLLER)


def check(view: View, memory: Memory) -> bool | str:
    """Whether all is bound: yes, not yet, or why it never will be."""
    node = view.nodes.get(memory.node)
    if node is None:
        return f'failed to get node "{memory.node}": node "{memory.node}" not found'
    answers = [_binding(view, node, *binding) for binding in memory.bindings]
    answers += [_provision(view, node, key) for key in memory.provisions]
    for answer in answers:
        if answer is not True:
            return answer
    return True


def _binding(view: View, node: Node, key: str, name: str) -> bool | str:
    """Whether a claim has been bound to the volume that was chosen for it."""
    volume = view.persistent_volumes.get(name)
    claim = view.persistent_volume_claims.get(key)
    if volume is None:
        return "failed to check binding: " + _missing(view.rules, "PersistentVolume", name)
    if claim is None:
        return "failed to check binding: " + _missing(view.rules, "PersistentVolumeClaim", key)
    if not reaches(volume, node.metadata.labels):
        return _unreached(volume, node)
    if volume.spec.claim_ref is None or not volume.spec.claim_ref.uid:
        return f'ClaimRef got reset for pv "{name}"'
    return is_bound(claim)


def _provision(view: View, node: Node, key: str) -> bool | str:
    """Whether a volume has been made for a claim, and is bound to it."""
    claim = view.persistent_volume_claims.get(key)
    if claim is None:
        return "failed to check provisioning pvc: " + _missing(view.rules, "PersistentVolumeClaim", key)
    if not claim.metadata.annotations:
        return f'selectedNode annotation reset for PVC "{claim.metadata.name}"'
    if claim.metadata.annotations.get(SELECTED_NODE) != node.metadata.name:
        return f'provisioning failed for PVC "{claim.metadata.name}"'
    if claim.spec.volume_name:
        volume = view.persistent_volumes.get(claim.spec.volume_name)
        if volume is None:
            return False
        if not reaches(volume, node.metadata.labels):
            return _unreached(volume, node)
    return is_bound(claim)


def _unreached(volume: PersistentVolume, node: Node) -> str:
    names = f'pv "{volume.metadata.name}" node affinity doesn\'t match node "{node.metadata.name}"'
    return f"{names}: no matching NodeSelectorTerms"


def _missing(rules: Rules, kind: str, key: str) -> str:
    if rules.deadlines_are_contexts:
        return f'{kind.lower()}s "{key}" not found'
    return f'could not find v1.{kind} "{key}"'
