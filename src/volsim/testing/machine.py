"""`ClusterMachine`: a Hypothesis state machine that uses a cluster as people do, and breaks it as the world does.

Subclass it and add invariants, or rules of your own; `ClusterMachine.TestCase` runs it. A failing run prints, besides
Hypothesis' own account, a program of plain volsim calls that can be pasted, and the same as kubectl commands.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from hypothesis import note, target
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from volsim.objects import Deployment, StatefulSet
from volsim.simulation import Simulation
from volsim.state import State
from volsim.state.table import Table
from volsim.testing import strategies
from volsim.testing.calls import Call, program, story
from volsim.testing.strategies.pod_owners import WORKLOADS

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


@functools.cache
def _two_nodes() -> Simulation:
    """A cluster of two nodes, never touched: a fork of it costs a hundredth of a new one, and every run needs one."""
    return Simulation(nodes=2)


_CREATED = st.one_of(
    strategies.persistent_volumes(node_names=st.sampled_from(strategies.NODES[:2])),
    strategies.claims(),
    strategies.pods(),
    strategies.storage_classes(),
)
_WORKLOADS = [f"{kind}/{name}" for kind in ("deployment", "statefulset") for name in WORKLOADS]
_REFS = [
    *(f"pod/{name}" for name in strategies.PODS),
    *(f"pvc/{name}" for name in strategies.CLAIMS),
    *(f"pv/{name}" for name in strategies.VOLUMES),
]


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

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._looked: dict[str, tuple[Table[str, Any], ...]] = {}
        """The tables in which all was well when they were looked at, by what was looked for: tables are values."""
        self._nodes: tuple[Table[str, Any] | None, list[str], list[str]] = (None, [], [])

    def new_simulation(self) -> Simulation:
        """The cluster with which a run begins."""
        return _two_nodes().fork()

    start = "volsim.Simulation(nodes=2)"
    """`new_simulation` as the program prints it that a failing run leaves."""

    @initialize(objects=strategies.objects(max_volumes=3, max_claims=3))
    def begin(self, objects: list[Any]) -> None:
        """Begin with a new cluster and what somebody has just applied to it."""
        self.sim = self.new_simulation()
        for obj in objects:
            self.attempt("create", obj)

    def attempt(self, method: str, argument: Any = None, **options: Any) -> None:
        """Call a method of the simulation; a refusal is no failure."""
        call = Call(method, argument, tuple(options.items()))
        self.calls.append(call)
        if not call.do(self.sim):
            self.refused(method)

    def refused(self, method: str) -> None:
        """A call was refused: nothing is to be done about it. For subclasses that want to know."""

    def hints(self) -> dict[str, float]:
        """What Hypothesis is to look for more of, by name: it prefers runs in which the numbers are larger."""
        return {"different events": float(len({each.note.reason for each in self.sim._recorded}))}

    def teardown(self) -> None:
        """Say what was done, if the run failed: as a program and as kubectl commands."""
        if not self.calls:
            return
        for label, number in self.hints().items():
            target(number, label=label)
        note(_Told(self))

    # -- people --------------------------------------------------------------------------------------------------------
    @rule(obj=_CREATED)
    def create(self, obj: Any) -> None:
        """Create a class, a volume, a claim or a pod."""
        self.attempt("create", obj)

    @rule(workload=strategies.deployments() | strategies.stateful_sets())
    def apply_workload(self, workload: Deployment | StatefulSet) -> None:
        """Apply a Deployment or a StatefulSet."""
        self.attempt("apply", workload)

    @rule(ref=st.sampled_from(_WORKLOADS), replicas=st.integers(0, 3))
    def scale(self, ref: str, replicas: int) -> None:
        """Scale a workload."""
        self.attempt("scale", ref, replicas=replicas)

    @rule(ref=st.sampled_from(_REFS))
    def delete(self, ref: str) -> None:
        """Delete a pod, a claim or a volume."""
        self.attempt("delete", ref)

    @rule(name=st.sampled_from(strategies.PODS))
    def delete_by_force(self, name: str) -> None:
        """Delete a pod by force: its object goes at once, whatever its node does."""
        self.attempt("delete", f"pod/{name}", force=True)

    @rule(name=st.sampled_from(strategies.NODES[:2]), back=st.booleans())
    def cordon(self, name: str, back: bool) -> None:
        """Keep new pods off a node, or let them come back."""
        self.attempt("uncordon" if back else "cordon", name)

    # -- the world -----------------------------------------------------------------------------------------------------
    def _machines(self, *, answering: bool) -> list[str]:
        """The nodes that answer, or those that do not; worked out anew only when something became of one."""
        table = self.sim.state.table("machines")
        if table is not self._nodes[0]:
            standing = [(name, machine.answers) for name, machine in table.items() if not machine.destroyed]
            self._nodes = (
                table,
                [name for name, answers in standing if answers],
                [name for name, answers in standing if not answers],
            )
        return self._nodes[1] if answering else self._nodes[2]

    @precondition(lambda self: self._machines(answering=True))
    @rule(data=st.data())
    def fail_node(self, data: st.DataObject) -> None:
        """Switch a node off."""
        self.attempt("fail_node", data.draw(st.sampled_from(self._machines(answering=True)), label="node"))

    @precondition(lambda self: self._machines(answering=True))
    @rule(data=st.data())
    def partition_node(self, data: st.DataObject) -> None:
        """Cut a node off from the control plane."""
        self.attempt("partition_node", data.draw(st.sampled_from(self._machines(answering=True)), label="node"))

    @precondition(lambda self: self._machines(answering=False))
    @rule(data=st.data())
    def mend_node(self, data: st.DataObject) -> None:
        """Bring a node back, whatever it lacks."""
        name = data.draw(st.sampled_from(self._machines(answering=False)), label="node")
        self.attempt("recover_node", name)
        self.attempt("heal_node", name)

    @rule(name=st.sampled_from(strategies.PODS))
    def crash(self, name: str) -> None:
        """Let the processes of a pod die."""
        self.attempt("crash_container", name)

    # -- time ----------------------------------------------------------------------------------------------------------
    @rule(pause=st.sampled_from(strategies.PAUSES))
    def wait(self, pause: str) -> None:
        """Let time pass."""
        self.attempt("run", pause)

    @rule()
    def step(self) -> None:
        """Perform the next action."""
        self.attempt("step")

    # -- what always holds ---------------------------------------------------------------------------------------------
    def _look(self, what: str, wrong: Callable[[State], list[str]]) -> None:
        """Look for what is wrong with volumes and claims, unless they are those that were looked at last."""
        state = self.sim.state
        tables = (state.table("persistentvolumes"), state.table("persistentvolumeclaims"))
        seen = self._looked.get(what)
        if seen is not None and seen[0] is tables[0] and seen[1] is tables[1]:
            return
        found = wrong(state)
        assert not found, f"{what}: {found}"
        self._looked[what] = tables

    @invariant()
    def no_volume_has_two_claims(self) -> None:
        """Binding is one to one, seen from the volumes."""
        self._look("bound to two claims", _bound_twice)

    @invariant()
    def no_claim_has_two_volumes(self) -> None:
        """Binding is one to one, seen from the claims."""
        self._look("bound to two volumes", _binding_twice)


class _Told:
    """What a failing run prints at last; it is worked out only if somebody reads it."""

    def __init__(self, machine: ClusterMachine) -> None:
        self._machine = machine

    def __str__(self) -> str:
        calls, start = self._machine.calls, self._machine.start
        return f"As a program:\n{program(calls, start=start)}\nWith kubectl:\n{story(calls)}"

    __repr__ = __str__
