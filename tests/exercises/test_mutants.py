"""Each mutant differs from the truth in something that everybody can see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

import volsim
from tests.exploration.clusters import claim, deployment, pod, volume
from volsim.engine.perform import Engine
from volsim.exercises import EXERCISES, MUTANTS, Mutant, mutant
from volsim.testing import ClusterMachine, cluster_of

Experiment = Callable[[Engine | None], Any]


def cluster(engine: Engine | None, *manifests: dict[str, Any], nodes: int = 1) -> volsim.Simulation:
    """A cluster that has come to rest."""
    sim = cluster_of(manifests, nodes=nodes, engine=engine)
    sim.settle()
    return sim


def phase(sim: volsim.Simulation, ref: str) -> Any:
    return sim.get(ref).status.phase


def with_empty_dir(name: str) -> dict[str, Any]:
    made = pod(name)
    made["spec"]["volumes"] = [{"name": "cache", "emptyDir": {}}]
    made["spec"]["containers"][0]["volumeMounts"] = [{"name": "cache", "mountPath": "/cache"}]
    return made


# -- one experiment for each -------------------------------------------------------------------------------------------
def ask_for_more_than_there_is(engine: Engine | None) -> Any:
    return phase(cluster(engine, volume("v", "1Gi"), claim("c", "2Gi")), "pvc/c")


def claim_one_shared_volume_twice(engine: Engine | None) -> Any:
    manifests = [volume("v"), claim("c"), claim("d")]
    for manifest in manifests:
        manifest["spec"]["accessModes"] = ["ReadWriteMany"]
    sim = cluster(engine, *manifests)
    return sorted(phase(sim, ref) for ref in ("pvc/c", "pvc/d"))


def delete_the_claim_of_a_retained_volume(engine: Engine | None) -> Any:
    sim = cluster(engine, volume("v"), claim("c"), pod("p", "c"))
    sim.write_file("pod/p", "/data/letter", b"dear")
    sim.delete("pod/p")
    sim.settle()
    sim.delete("pvc/c")
    sim.settle()
    bytes_left = b"dear" in repr(sim.state.get("backends", "172.16.1.30").root).encode()
    return len(sim.list("pv")), bytes_left


def claim_a_released_volume(engine: Engine | None) -> Any:
    sim = cluster(engine, volume("v"), claim("c"))
    sim.delete("pvc/c")
    sim.settle()
    sim.apply(claim("d"))
    sim.settle()
    return phase(sim, "pvc/d")


def delete_a_claim_in_use(engine: Engine | None) -> Any:
    sim = cluster(engine, volume("v"), claim("c"), pod("p", "c"))
    sim.delete("pvc/c")
    sim.settle()
    return len(sim.list("pvc"))


def look_for_the_empty_dir_of_a_deleted_pod(engine: Engine | None) -> Any:
    sim = cluster(engine, with_empty_dir("p"))
    sim.write_file("pod/p", "/cache/letter", b"dear")
    sim.delete("pod/p")
    sim.settle()
    return [path for path in sim.host_files("node01") if path.endswith("/letter")] != []


def look_into_the_empty_dir_of_a_crashed_container(engine: Engine | None) -> Any:
    sim = cluster(engine, with_empty_dir("p"))
    sim.write_file("pod/p", "/cache/letter", b"dear")
    sim.crash_container("pod/p")
    sim.run("1m")
    assert phase(sim, "pod/p") == "Running"
    try:
        return sim.read_file("pod/p", "/cache/letter")
    except volsim.FileError as error:
        return error.errno


def wait_for_the_replacement_of_a_pod_on_a_dead_node(engine: Engine | None) -> Any:
    sim = cluster(engine, deployment("web", 1), nodes=2)
    (only,) = sim.list("pods")
    sim.fail_node(only.spec.node_name)
    sim.run("1h")
    return [each.spec.node_name == only.spec.node_name for each in sim.list("pods") if not is_going(each)]


def is_going(obj: Any) -> bool:
    return obj.metadata.deletion_timestamp is not None


EXPERIMENTS: dict[str, tuple[Experiment, Any]] = {
    "binder-ignores-size": (ask_for_more_than_there_is, "Pending"),
    "binder-shares-volume": (claim_one_shared_volume_twice, ["Bound", "Pending"]),
    "reclaimer-deletes-retained": (delete_the_claim_of_a_retained_volume, (1, True)),
    "released-is-available": (claim_a_released_volume, "Pending"),
    "claim-goes-at-once": (delete_a_claim_in_use, 1),
    "empty-dir-stays": (look_for_the_empty_dir_of_a_deleted_pod, False),
    "empty-dir-dies-with-container": (look_into_the_empty_dir_of_a_crashed_container, b"dear"),
    "eviction-never-comes": (wait_for_the_replacement_of_a_pod_on_a_dead_node, [False]),
}


def test_there_is_an_experiment_for_every_mutant_or_an_exercise() -> None:
    taught = {each.name for one in EXERCISES for each in one.mutants}
    assert EXPERIMENTS.keys() | taught == MUTANTS.keys()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_tells_the_mutant_from_the_truth(name: str) -> None:
    experiment, truth = EXPERIMENTS[name]
    assert experiment(None) == truth
    assert experiment(MUTANTS[name].engine()) != truth


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_mutant_is_wrong_in_nothing_else_that_the_experiments_show(name: str) -> None:
    """A mutant that breaks everything teaches nothing."""
    engine = MUTANTS[name].engine()
    differing = {other for other, (experiment, truth) in EXPERIMENTS.items() if experiment(engine) != truth}
    assert differing == {name}


class BoundVolumesAreLargeEnough(ClusterMachine):
    """What a student may write: the cluster of a mutant, and one more thing that should always hold."""

    def new_simulation(self) -> volsim.Simulation:
        return volsim.Simulation(nodes=1, engine=mutant("binder-ignores-size").engine())

    @invariant()
    def a_bound_volume_is_large_enough(self) -> None:
        for each in self.sim.list("pvc"):
            if each.status.phase == "Bound":
                capacity = self.sim.get(f"pv/{each.spec.volume_name}").spec.capacity["storage"]
                assert each.spec.resources.requests["storage"] <= capacity, f"{each.name} got {capacity}"


def test_a_machine_with_one_more_invariant_finds_a_mutant() -> None:
    few = settings(max_examples=500, stateful_step_count=10, derandomize=True, database=None, phases=[Phase.generate])
    with pytest.raises(AssertionError, match=r"c\d got"):
        run_state_machine_as_test(BoundVolumesAreLargeEnough, settings=few)


# -- the records -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("each", MUTANTS.values(), ids=str)
def test_a_mutant_says_what_it_is(each: Mutant) -> None:
    assert each.name == each.name.lower()
    assert each.title
    assert not each.title.endswith(".")
    assert each.belief.endswith((".", "?", ")"))
    assert str(each) == f"{each.name}: {each.title}"


def test_an_unknown_mutant_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(volsim.VolsimError, match="no mutant 'empty-dir-stay'; did you mean 'empty-dir-stays'"):
        mutant("empty-dir-stay")
