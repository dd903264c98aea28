"""`DifferentialMachine`: the same run on two semantics in lockstep, compared after every step.

One is the truth, the other what somebody wrote: a mutant, or a student's own controller.
"""

from __future__ import annotations

from typing import Any

from hypothesis.stateful import invariant

from volsim.engine.cluster import default_engine
from volsim.engine.perform import Engine
from volsim.simulation import Simulation
from volsim.testing.calls import Call
from volsim.testing.machine import ClusterMachine

__all__ = ["DifferentialMachine"]


class DifferentialMachine(ClusterMachine):
    """Does everything twice: to a true cluster (`sim`) and to one with `other_engine` (`other`).

    After each call both do what can be done without time passing, and then `seen` must be the same of both. What
    Kubernetes leaves open is drawn from one seed: it falls out alike as long as both have done alike.

    >>> from hypothesis import settings
    >>> from hypothesis.stateful import run_state_machine_as_test
    >>> few = settings(max_examples=3, stateful_step_count=5, derandomize=True, database=None, deadline=None)
    >>> run_state_machine_as_test(DifferentialMachine, settings=few)
    """

    other: Simulation

    def other_engine(self) -> Engine:
        """The semantics to be compared with the truth: override it, with `Engine.replacing` or a mutant's engine."""
        return default_engine()

    def new_simulation(self) -> Simulation:
        """The true cluster; a cluster of the same nodes and the other semantics stands beside it."""
        self.other = self.new_cluster(self.other_engine())
        return self.new_cluster(default_engine())

    def new_cluster(self, engine: Engine) -> Simulation:
        """A cluster of this semantics: override it for other nodes or versions."""
        return Simulation(nodes=2, engine=engine)

    def attempt(self, method: str, argument: Any = None, **options: Any) -> None:
        """Make a call on both sides; that only one of them refuses it is a difference."""
        call = Call(method, argument, tuple(options.items()))
        self.calls.append(call)
        mine, theirs = call.do(self.sim), call.do(self.other)
        assert mine == theirs, f"{call}: {_verdict(mine)} by the truth, {_verdict(theirs)} by the other"
        if not mine:
            self.refused(method)
        self.sim.run("0s")
        self.other.run("0s")

    def seen(self, sim: Simulation) -> dict[str, str]:
        """What is compared: override it. By default, the phases of all claims and volumes."""
        return {
            f"{word}/{obj.key}": str(obj.status.phase)
            for word, kind in (("pvc", "persistentvolumeclaims"), ("pv", "persistentvolumes"))
            for obj in sim.list(kind)
        }

    @invariant()
    def both_look_alike(self) -> None:
        """What is seen of the two clusters is the same."""
        mine, theirs = self.seen(self.sim), self.seen(self.other)
        found = [
            f"{name}: {mine.get(name, 'not there')} in truth, {theirs.get(name, 'not there')} here"
            for name in sorted({*mine, *theirs})
            if mine.get(name) != theirs.get(name)
        ]
        assert not found, "; ".join(found)


def _verdict(accepted: bool) -> str:
    return "accepted" if accepted else "refused"
