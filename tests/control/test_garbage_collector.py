"""The garbage collector: what goes with its owner, what waits for it, and what is let go.

Source: pkg/controller/garbagecollector/garbagecollector.go (attemptToDeleteItem, attemptToOrphanWorker).
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.workloads import deployment

WIDGET = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "default"}}


def owned(
    name: str, *owners: Any, finalizers: tuple[str, ...] = (), block: bool = True, uid: str = ""
) -> dict[str, Any]:
    """A ConfigMap with owners."""
    refs = [
        {
            "apiVersion": owner.api_version,
            "kind": owner.kind,
            "name": owner.name,
            "uid": uid or owner.metadata.uid,
            "blockOwnerDeletion": block,
        }
        for owner in owners
    ]
    metadata: dict[str, Any] = {"name": name, "ownerReferences": refs}
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def config_map(sim: volsim.Simulation, name: str, *owners: Any, **given: Any) -> Any:
    (made,) = sim.apply(owned(name, *owners, **given))
    return made


def names(sim: volsim.Simulation) -> set[str]:
    return {each.name for each in sim.list("configmaps")}


@pytest.fixture
def sim() -> volsim.Simulation:
    return volsim.Simulation(nodes=1)


class TestBackground:
    """The owner goes at once; what it owned is deleted afterwards."""

    def test_dependents_go_after_their_owner(self, sim: volsim.Simulation) -> None:
        owner = config_map(sim, "owner")
        config_map(sim, "child", owner)
        sim.delete("cm/owner")
        assert names(sim) == {"child"}
        sim.settle()
        assert names(sim) == set()

    def test_a_whole_chain_goes(self, sim: volsim.Simulation) -> None:
        sim.apply(deployment(replicas=2))
        sim.settle()
        sim.delete("deploy/web")
        sim.settle()
        assert (sim.list("deploy"), sim.list("rs"), sim.list("pods")) == ([], [], [])

    def test_one_owner_that_is_left_is_enough_and_the_other_is_forgotten(self, sim: volsim.Simulation) -> None:
        first, second = config_map(sim, "first"), config_map(sim, "second")
        config_map(sim, "child", first, second)
        sim.delete("cm/first")
        sim.settle()
        assert [ref.name for ref in sim.get("cm/child").metadata.owner_references] == ["second"]
        sim.delete("cm/second")
        sim.settle()
        assert names(sim) == set()

    def test_an_object_of_the_same_name_but_another_uid_is_no_owner(self, sim: volsim.Simulation) -> None:
        owner = config_map(sim, "owner")
        config_map(sim, "child", owner, uid="11111111-2222-3333-4444-555555555555")
        sim.settle()
        assert names(sim) == {"owner"}

    def test_an_owner_that_never_was_is_gone(self, sim: volsim.Simulation) -> None:
        owner = config_map(sim, "owner")
        sim.delete("cm/owner")
        config_map(sim, "child", owner)
        sim.settle()
        assert names(sim) == set()

    def test_an_owner_in_another_namespace_is_no_owner(self, sim: volsim.Simulation) -> None:
        owner = config_map(sim, "owner")
        sim.apply(owned("child", owner), namespace="kube-public")
        sim.settle()
        assert names(sim) == {"owner"}

    def test_an_owner_without_a_namespace_is_one_everywhere(self, sim: volsim.Simulation) -> None:
        node = sim.get("node/node01")
        config_map(sim, "child", node)
        sim.settle()
        assert names(sim) == {"child"}
        sim.delete("node/node01")
        sim.settle()
        assert names(sim) == set()

    def test_a_finalizer_of_the_dependent_holds_it(self, sim: volsim.Simulation) -> None:
        owner = config_map(sim, "owner")
        config_map(sim, "child", owner, finalizers=("example.com/keep",))
        sim.delete("cm/owner")
        sim.settle()
        assert sim.get("cm/child").metadata.deletion_timestamp is not None
        sim.patch("cm/child", {"metadata": {"finalizers": None}})
        sim.settle()
        assert names(sim) == set()


class TestForeground:
    """The owner stays, being deleted, until nothing that blocks it is left."""

    def test_the_owner_waits_for_its_dependents(self, sim: volsim.Simulation) -> None:
        owner = config_map(sim, "owner")
        config_map(sim, "child", owner, finalizers=("example.com/keep",))
        sim.delete("cm/owner", propagation="Foreground")
        sim.settle()
        assert sim.get("cm/owner").metadata.finalizers == ("foregroundDeletion",)
        assert sim.get("cm/child").metadata.deletion_timestamp is not None
        sim.patch("cm/child", {"metadata": {"finalizers": None}})
        sim.settle()
        assert names(sim) == set()

    def test_a_dependent_that_does_not_block_is_not_waited_for(self, sim: volsim.Simulation) -> None:
        owner = config_map(sim, "owner")
        config_map(sim, "child", owner, finalizers=("example.com/keep",), block=False)
        sim.delete("cm/owner", propagation="Foreground")
        sim.settle()
        assert names(sim) == {"child"}

    def test_without_dependents_it_goes_at_once(self, sim: volsim.Simulation) -> None:
        config_map(sim, "owner")
        sim.delete("cm/owner", propagation="Foreground")
        sim.settle()
        assert names(sim) == set()

    def test_it_goes_down_the_chain_from_the_end(self, sim: volsim.Simulation) -> None:
        sim.apply(deployment(replicas=1))
        sim.settle()
        sim.partition_node("node01")
        sim.delete("deploy/web", propagation="Foreground")
        sim.run("10s")
        for ref in ("deploy/web", f"rs/{sim.list('rs')[0].name}"):
            assert sim.get(ref).metadata.finalizers == ("foregroundDeletion",)
        sim.heal_node("node01")
        sim.settle()
        assert (sim.list("deploy"), sim.list("rs"), sim.list("pods")) == ([], [], [])

    def test_a_dependent_with_another_owner_is_let_go(self, sim: volsim.Simulation) -> None:
        first, second = config_map(sim, "first"), config_map(sim, "second")
        config_map(sim, "child", first, second)
        sim.delete("cm/first", propagation="Foreground")
        sim.settle()
        assert names(sim) == {"second", "child"}

    def test_what_is_made_for_an_owner_that_waits_goes_too(self, sim: volsim.Simulation) -> None:
        owner = config_map(sim, "owner")
        config_map(sim, "child", owner, finalizers=("example.com/keep",))
        sim.delete("cm/owner", propagation="Foreground")
        config_map(sim, "late", owner)
        sim.settle()
        assert names(sim) == {"owner", "child"}

    def test_a_circle_does_not_wait_for_itself(self, sim: volsim.Simulation) -> None:
        first = config_map(sim, "first")
        second = config_map(sim, "second", first)
        sim.apply(owned("first", second))
        sim.delete("cm/first", propagation="Foreground")
        sim.settle()
        assert names(sim) == set()


class TestOrphan:
    """The owner goes, what it owned stays and belongs to nobody."""

    def test_dependents_stay_without_owner(self, sim: volsim.Simulation) -> None:
        owner = config_map(sim, "owner")
        config_map(sim, "child", owner)
        sim.delete("cm/owner", propagation="Orphan")
        sim.settle()
        assert names(sim) == {"child"}
        assert sim.get("cm/child").metadata.owner_references == ()

    def test_the_pods_of_an_orphaned_replica_set_run_on(self, sim: volsim.Simulation) -> None:
        sim.apply(deployment(replicas=2))
        sim.settle()
        pods = sim.list("pods")
        sim.delete(f"rs/{sim.list('rs')[0].name}", propagation="Orphan")
        sim.settle()
        assert {pod.name for pod in pods} <= {pod.name for pod in sim.list("pods")}
        assert len(sim.list("pods")) == 2  # the deployment has made a replica set that took them over

    @pytest.mark.parametrize(("finalizer", "left"), [("orphan", {"grandchild"}), ("foregroundDeletion", set())])
    def test_a_dependent_goes_as_its_own_finalizer_says(
        self, sim: volsim.Simulation, finalizer: str, left: set[str]
    ) -> None:
        owner = config_map(sim, "owner")
        child = config_map(sim, "child", owner, finalizers=(finalizer,))
        config_map(sim, "grandchild", child)
        sim.delete("cm/owner")
        sim.settle()
        assert names(sim) == left


class TestKindsThatAreNotModelled:
    """A custom resource owns as any object does; an owner of a kind that nobody knows keeps what it owns."""

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_a_custom_owner_takes_its_dependents_along(self, sim: volsim.Simulation) -> None:
        (widget,) = sim.apply(WIDGET)
        config_map(sim, "child", widget)
        sim.settle()
        assert names(sim) == {"child"}
        sim.delete("widget/w")
        sim.settle()
        assert names(sim) == set()

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_a_custom_dependent_goes_with_its_owner(self, sim: volsim.Simulation) -> None:
        owner = config_map(sim, "owner")
        refs = owned("child", owner)["metadata"]["ownerReferences"]
        metadata = {"name": "w", "namespace": "default", "ownerReferences": refs}
        sim.apply({**WIDGET, "metadata": metadata})
        sim.delete("cm/owner")
        sim.settle()
        with pytest.raises(volsim.NotFound):
            sim.get("widget/w")

    def test_an_unknown_owner_keeps_what_it_owns(self, sim: volsim.Simulation) -> None:
        child = owned("child", config_map(sim, "owner"))
        child["metadata"]["ownerReferences"][0].update(kind="Gadget", apiVersion="example.com/v1")
        sim.apply(child)
        sim.settle()
        assert names(sim) == {"owner", "child"}
