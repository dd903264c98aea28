"""`ClusterMachine`: a Hypothesis state machine that uses a cluster as people do, and breaks it as the world does.

Subclass it and add invariants, or rules of your own; `ClusterMachine.TestCase` runs it. A failing run prints as the
calls that lead there.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from volsim.errors import VolsimError
from volsim.objects import PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from volsim.simulation import Simulation
from volsim.state import State
from volsim.state.runtime import Machine
from volsim.testing import strategies

__all__ = ["ClusterMachine"]


def _bound_twice(state: State) -> list[str]:
    """Volumes to which more than one claim says to be bound."""
    found = []
    for name in state.persistent_volumes:
        users = [state.persistent_volume_claims[key] for key in state.group("claims_by_volume", name)]
        bound = [claim.key for claim in users if claim.status.phase == "Bound"]
        if len(bound) > 1:
            found.append(f"{name}: {', '.join(bound)}")
    return found


def _binding_twice(state: State) -> list[str]:
    """Claims to which more than one volume says to be bound."""
    found = []
    for key, claim in state.persistent_volume_claims.items():
        volumes = [state.persistent_volumes[name] for name in state.group("volumes_by_claim", key)]
        bound = [
            volume.name
            for volume in volumes
            if volume.status.phase == "Bound"
            and volume.spec.claim_ref is not None
            and volume.spec.claim_ref.uid == claim.metadata.uid
        ]
        if len(bound) > 1:
            found.append(f"{key}: {', '.join(bound)}")
    return found


class ClusterMachine(RuleBasedStateMachine):
    """One rule for each thing that people do to a small cluster, or the world does; what is refused changes nothing.

    `new_simulation` makes the cluster; override it for other nodes, versions or semantics.

    >>> from hypothesis import settings
    >>> from hypothesis.stateful import run_state_machine_as_test
    >>> class NothingIsEverLost(ClusterMachine):
    ...     @invariant()
    ...     def no_claim_is_lost(self):
    ...         assert all(claim.status.phase != "Lost" for claim in self.sim.list("pvc"))
    >>> few = settings(max_examples=5, stateful_step_count=5, derandomize=True, database=None, deadline=None)
    >>> run_state_machine_as_test(NothingIsEverLost, settings=few)
    """

    sim: Simulation

    def new_simulation(self) -> Simulation:
        """The cluster with which a run begins."""
        return Simulation(nodes=2)

    @initialize(objects=strategies.objects(max_volumes=3, max_claims=3))
    def begin(self, objects: list[Any]) -> None:
        """Begin with a new cluster and what somebody has just applied to it."""
        self.sim = self.new_simulation()
        for obj in objects:
            self.attempt("create", obj)

    def attempt(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Call a method of the simulation; a refusal is no failure."""
        try:
            getattr(self.sim, method)(*args, **kwargs)
        except VolsimError:
            self.refused(method)

    def refused(self, method: str) -> None:
        """A call was refused: nothing is to be done about it. For subclasses that want to know."""

    # -- people --------------------------------------------------------------------------------------------------------
    @rule(storage_class=strategies.storage_classes())
    def create_class(self, storage_class: StorageClass) -> None:
        """Create a StorageClass."""
        self.attempt("create", storage_class)

    @rule(volume=strategies.persistent_volumes(node_names=st.sampled_from(strategies.NODES[:2])))
    def create_volume(self, volume: PersistentVolume) -> None:
        """Create a PersistentVolume."""
        self.attempt("create", volume)

    @rule(claim=strategies.claims())
    def create_claim(self, claim: PersistentVolumeClaim) -> None:
        """Create a PersistentVolumeClaim."""
        self.attempt("create", claim)

    @rule(pod=strategies.pods())
    def create_pod(self, pod: Pod) -> None:
        """Create a Pod."""
        self.attempt("create", pod)

    @rule(name=st.sampled_from(strategies.VOLUMES))
    def delete_volume(self, name: str) -> None:
        """Delete a PersistentVolume."""
        self.attempt("delete", f"pv/{name}")

    @rule(name=st.sampled_from(strategies.CLAIMS))
    def delete_claim(self, name: str) -> None:
        """Delete a PersistentVolumeClaim."""
        self.attempt("delete", f"pvc/{name}")

    @rule(name=st.sampled_from(strategies.PODS), force=st.booleans())
    def delete_pod(self, name: str, force: bool) -> None:
        """Delete a Pod, perhaps by force."""
        self.attempt("delete", f"pod/{name}", force=force)

    # -- the world -----------------------------------------------------------------------------------------------------
    def _machines(self, *, answering: bool) -> list[str]:
        machines: dict[str, Machine] = dict(self.sim.state.table("machines").items())
        return [name for name, machine in machines.items() if machine.answers is answering and not machine.destroyed]

    @precondition(lambda self: self._machines(answering=True))
    @rule(data=st.data())
    def fail_node(self, data: st.DataObject) -> None:
        """Switch a node off."""
        self.sim.fail_node(data.draw(st.sampled_from(self._machines(answering=True)), label="node"))

    @precondition(lambda self: self._machines(answering=True))
    @rule(data=st.data())
    def partition_node(self, data: st.DataObject) -> None:
        """Cut a node off from the control plane."""
        self.sim.partition_node(data.draw(st.sampled_from(self._machines(answering=True)), label="node"))

    @precondition(lambda self: self._machines(answering=False))
    @rule(data=st.data())
    def mend_node(self, data: st.DataObject) -> None:
        """Bring a node back, whatever it lacks."""
        name = data.draw(st.sampled_from(self._machines(answering=False)), label="node")
        self.sim.recover_node(name)
        self.sim.heal_node(name)

    @rule(name=st.sampled_from(strategies.PODS))
    def crash(self, name: str) -> None:
        """Let the processes of a pod die."""
        self.attempt("crash_container", name)

    # -- time ----------------------------------------------------------------------------------------------------------
    @rule(pause=st.sampled_from(strategies.PAUSES))
    def wait(self, pause: str) -> None:
        """Let time pass."""
        self.sim.run(pause)

    @rule()
    def step(self) -> None:
        """Perform the next action."""
        self.sim.step()

    # -- what always holds ---------------------------------------------------------------------------------------------
    @invariant()
    def no_volume_has_two_claims(self) -> None:
        """Binding is one to one, seen from the volumes."""
        twice = _bound_twice(self.sim.state)
        assert not twice, f"bound to two claims: {twice}"

    @invariant()
    def no_claim_has_two_volumes(self) -> None:
        """Binding is one to one, seen from the claims."""
        twice = _binding_twice(self.sim.state)
        assert not twice, f"bound to two volumes: {twice}"
