"""The machine does what people and the world do, and sees when binding is not one to one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

import volsim
from tests.exploration.clusters import claim, pod, volume
from volsim.engine.perform import Engine
from volsim.exercises import mutant
from volsim.testing import ClusterMachine, DifferentialMachine, cluster_of


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
    assert [call.method for call in machine.calls] == ["delete", "run", "step"]


# -- a failing run -----------------------------------------------------------------------------------------------------
class NobodyIsEverBound(ClusterMachine):
    """A property that fails."""

    @invariant()
    def no_claim_is_bound(self) -> None:
        assert all(each.status.phase != "Bound" for each in self.sim.list("pvc")), "one is bound"


def notes_of(machine: type[ClusterMachine], *phases: Phase, examples: int = 300, steps: int = 8) -> str:
    """What a machine's failing run leaves to read."""
    tries = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, *phases],
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(AssertionError) as failure:
        run_state_machine_as_test(machine, settings=tries)
    return "\n".join([str(failure.value), *failure.value.__notes__])


def test_a_failing_run_prints_as_a_program_that_leads_there_and_as_kubectl_commands() -> None:
    told = notes_of(NobodyIsEverBound, Phase.shrink)
    program = told.partition("As a program:\n")[2].partition("\nWith kubectl:\n")[0]
    assert program.startswith("import volsim\nsim = volsim.Simulation(nodes=2)\nsim.create(")
    names: dict[str, Any] = {}
    exec(program, names)
    assert [each.status.phase for each in names["sim"].list("pvc")] == ["Bound"]
    story = told.partition("With kubectl:\n")[2]
    assert story.count("$ kubectl create -f - <<EOF") == 2
    assert "pass" in story or "the next thing happens" in story


def test_the_hints_are_numbers_of_the_run() -> None:
    machine = machine_with(cluster_of([volume("v"), claim("c"), pod("p", "c")], nodes=1))
    before = machine.hints()
    machine.sim.settle()
    assert before["different events"] < machine.hints()["different events"]


# -- two semantics in lockstep -----------------------------------------------------------------------------------------
class BinderAgainstTruth(DifferentialMachine):
    """A student's binder that ignores sizes, beside the true one."""

    def other_engine(self) -> Engine:
        return mutant("binder-ignores-size").engine()


def test_the_truth_does_as_the_truth() -> None:
    few = settings(max_examples=10, stateful_step_count=10, derandomize=True, database=None, deadline=None)
    run_state_machine_as_test(DifferentialMachine, settings=few)


def test_a_difference_is_found_and_told_from_both_sides() -> None:
    told = notes_of(BinderAgainstTruth, examples=500)
    assert re.search(r"pvc/default/c\d: Pending in truth, Bound here", told)


def test_what_one_side_refuses_is_a_difference() -> None:
    machine = DifferentialMachine()
    machine.begin([])
    machine.other.cordon("node01")
    machine.other.delete("node/node02")
    machine.attempt("cordon", "node01")
    with pytest.raises(AssertionError, match=r"sim.cordon\('node02'\): accepted by the truth, refused by the other"):
        machine.attempt("cordon", "node02")
