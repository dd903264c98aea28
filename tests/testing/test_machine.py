"""The machine does what people and the world do, and sees when binding is not one to one."""

from __future__ import annotations

import pytest

import volsim
from tests.exploration.clusters import claim, volume
from volsim.exercises import mutant
from volsim.testing import ClusterMachine, cluster_of


def machine_with(sim: volsim.Simulation) -> ClusterMachine:
    machine = ClusterMachine()
    machine.sim = sim
    return machine


def test_it_sees_a_volume_with_two_claims() -> None:
    manifests = [volume("v"), claim("c"), claim("d")]
    for manifest in manifests:
        manifest["spec"]["accessModes"] = ["ReadWriteMany"]
    machine = machine_with(cluster_of(manifests, engine=mutant("binder-shares-volume").engine()))
    machine.no_volume_has_two_claims()
    machine.sim.settle()
    with pytest.raises(AssertionError, match=r"bound to two claims: .'v: default/c, default/d'"):
        machine.no_volume_has_two_claims()
    machine.no_claim_has_two_volumes()


def test_it_sees_a_claim_with_two_volumes() -> None:
    machine = machine_with(cluster_of([volume("v"), claim("c")]))
    machine.sim.settle()
    machine.no_claim_has_two_volumes()
    bound = machine.sim.get("pv/v")
    machine.sim._draft.put("persistentvolumes", "w", bound.replace(metadata=bound.metadata.replace(name="w")))
    with pytest.raises(AssertionError, match=r"bound to two volumes: .'default/c: v, w'"):
        machine.no_claim_has_two_volumes()


def test_a_node_that_does_not_answer_is_mended_whatever_it_lacks() -> None:
    machine = machine_with(cluster_of(nodes=1))
    assert (machine._machines(answering=True), machine._machines(answering=False)) == (["node01"], [])
    machine.sim.fail_node("node01")
    machine.sim.partition_node("node01")
    assert (machine._machines(answering=True), machine._machines(answering=False)) == ([], ["node01"])


def test_a_refusal_is_no_failure_and_can_be_noticed() -> None:
    refusals = []

    class Curious(ClusterMachine):
        def refused(self, method: str) -> None:
            refusals.append(method)

    machine = Curious()
    machine.begin([])
    machine.attempt("delete", "pod/p1")
    machine.wait("1m")
    machine.step()
    assert (refusals, machine.sim.now) == (["delete"], 60)
