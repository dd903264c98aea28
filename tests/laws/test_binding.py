"""In whatever order the controllers work, binding leads to a legal cluster and leaves nothing that could be bound.

What is legal is said here once more, in the words of the documentation (Persistent Volumes: Binding, Access Modes,
Class), not by the code that is tested.
"""

from __future__ import annotations

from hypothesis import assume, given, settings

import volsim
from volsim.exploration import Verdict, search
from volsim.objects import PersistentVolume, PersistentVolumeClaim, StorageClass
from volsim.state import State
from volsim.testing import strategies


def fits(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """At least as large, of the same class, with at least the access modes."""
    return (
        volume.spec.capacity["storage"] >= claim.spec.resources.requests["storage"]
        and (volume.spec.storage_class_name or "") == (claim.spec.storage_class_name or "")
        and set(claim.spec.access_modes) <= set(volume.spec.access_modes)
    )


def bindings_are_mutual_and_fit(state: State) -> bool:
    volumes, claims = state.persistent_volumes, state.persistent_volume_claims
    for claim in claims.values():
        if claim.status.phase != "Bound":
            continue
        volume = volumes[claim.spec.volume_name or ""]
        ref = volume.spec.claim_ref
        if ref is None or ref.uid != claim.metadata.uid or not fits(volume, claim):
            return False
    taken = [claim.spec.volume_name for claim in claims.values() if claim.status.phase == "Bound"]
    return len(taken) == len(set(taken))


def waits_for_a_pod(state: State, claim: PersistentVolumeClaim) -> bool:
    found: StorageClass | None = state.storage_classes.get(claim.spec.storage_class_name or "")
    return found is not None and found.volume_binding_mode == "WaitForFirstConsumer"


def nothing_more_can_be_bound(state: State) -> bool:
    """At rest: no volume is free that fits a claim which waits for nothing else."""
    if state.next_due_us(background=False) is not None:
        return True
    free = [volume for volume in state.persistent_volumes.values() if volume.status.phase == "Available"]
    return not any(
        fits(volume, claim) and claim.spec.volume_name in (None, volume.name)
        for claim in state.persistent_volume_claims.values()
        if claim.status.phase == "Pending" and not waits_for_a_pod(state, claim)
        for volume in free
        if volume.spec.claim_ref is None
    )


@given(strategies.clusters(max_nodes=1, max_pods=0, max_volumes=3))
@settings(max_examples=60)
def test_in_every_order_of_work_binding_is_legal_and_complete(sim: volsim.Simulation) -> None:
    found = search(
        sim.state,
        sim.engine,
        always={"mutual": bindings_are_mutual_and_fit, "complete": nothing_more_can_be_bound},
        max_states=3_000,
    )
    assume(found.complete or found.verdict is Verdict.VIOLATED)
    assert found.verdict is Verdict.HOLDS, "\n".join(
        [str(found), *(str(step) for answer in found.answers for step in found.replay(answer.path or ()))]
    )
