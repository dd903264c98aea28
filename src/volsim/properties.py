"""Properties that people ask about, ready to be explored: what runs again, who writes, what is lost, what is left.

Each is a function that gives a `Property`; `always`, `sometimes`, `eventually` and `within` make your own.

>>> import volsim
>>> volsim.properties.runs("deploy/web")
<eventually 'deploy/web runs'>
"""

from __future__ import annotations

from typing import Any

from volsim.analysis.living import living, writers
from volsim.engine.simulation import Simulation
from volsim.exploration.properties import Observer, Property, always, eventually, sometimes, within
from volsim.rules import Duration

__all__ = [
    "Observer",
    "Property",
    "always",
    "eventually",
    "nothing_is_left",
    "nothing_terminates_for_ever",
    "one_identity",
    "one_to_one",
    "one_writer",
    "runs",
    "runs_again_within",
    "sometimes",
    "within",
]


def _runs(sim: Simulation, ref: str, namespace: str) -> bool:
    """Whether a workload has all its pods, and each of them really runs where the control plane hears it."""
    found = sim.get(ref, namespace)
    if found.kind == "Pod":
        wanted = 1
        mine = [each for each in living(sim.state) if each.uid == found.metadata.uid]
    else:
        wanted = _wanted(found)
        mine = [each for each in living(sim.state) if each.workload == (found.kind, namespace, found.name)]
    return sum(each.serves for each in mine) >= wanted


def _wanted(workload: Any) -> int:
    """How many pods a workload wants."""
    replicas: int | None = getattr(workload.spec, "replicas", None)
    if replicas is None:
        replicas = getattr(workload.status, "desired_number_scheduled", None)
    return 1 if replicas is None else replicas


def runs(ref: str, namespace: str = "default") -> Property:
    """The workload (or pod) comes to run at last, whatever happened: as many pods as it wants are ready and alive.

    A pod of which the API says Running, and whose node has no power, does not run. Story: a Deployment with a disk that
    can be on one node only waits for ever for a node that is off, because nobody says that it is off for good.
    """
    return eventually(f"{ref} runs", lambda sim: _runs(sim, ref, namespace))


def runs_again_within(limit: Duration, ref: str, namespace: str = "default") -> Property:
    """It is never for longer than `limit` that the workload does not run.

    Story: the default tolerations alone are 300 s, and before that a node counts as silent only after 40 or 50 s.
    """
    return within(f"{ref} runs again within {limit}", limit, lambda sim: _runs(sim, ref, namespace))


def one_writer(claim: str, namespace: str = "default") -> Property:
    """Never can two living pods write the claim's data.

    Story: on a node that is cut off, a database goes on writing to the same NFS directory as its replacement.
    """
    return always(f"{claim} has one writer", lambda sim: len(writers(sim.state, f"{namespace}/{claim}")) <= 1)


def one_identity(ref: str, namespace: str = "default") -> Property:
    """Never do two processes live that are one pod of a StatefulSet.

    Story: ``kubectl delete --force`` takes the object away, not the process on a node that nobody reaches.
    """
    name = ref.partition("/")[2]

    def holds(sim: Simulation) -> bool:
        names = [each.key for each in living(sim.state) if each.workload == ("StatefulSet", namespace, name)]
        return len(names) == len(set(names))

    return always(f"{ref} has no identity twice", holds)


def one_to_one() -> Property:
    """No volume is ever bound to two claims, and no claim to two volumes."""

    def holds(sim: Simulation) -> bool:
        bound = [claim.spec.volume_name for claim in sim.list("persistentvolumeclaims") if claim.spec.volume_name]
        uids = [
            volume.spec.claim_ref.uid
            for volume in sim.list("persistentvolumes")
            if volume.spec.claim_ref is not None and volume.spec.claim_ref.uid and volume.status.phase == "Bound"
        ]
        return len(bound) == len(set(bound)) and len(uids) == len(set(uids))

    return always("claims and volumes are one to one", holds)


def nothing_is_left() -> Property:
    """At last no storage is left of which no object speaks any more.

    Story: the volume was deleted before its claim, and with it went the only record of the disk.
    """
    from volsim.analysis.orphans import orphans

    return eventually("no storage is left without an owner", lambda sim: not orphans(sim.state))


def nothing_terminates_for_ever() -> Property:
    """At last whatever is being deleted is gone.

    Story: a claim stays Terminating as long as a pod that has long been completed still names it.
    """

    def holds(sim: Simulation) -> bool:
        state = sim.state
        return not any(
            obj.metadata.deletion_timestamp is not None
            for table in state.api_tables
            for obj in state.table(table).unordered()
        )

    return eventually("nothing terminates for ever", holds)
