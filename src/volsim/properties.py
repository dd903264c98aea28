"""Properties that people ask about, ready to be explored: what runs again, who writes, what is lost, what is left.

Each is a function that gives a `Property`; `always`, `sometimes`, `eventually` and `within` make your own.

>>> import volsim
>>> volsim.properties.runs("deploy/web")
<eventually 'deploy/web runs'>
"""

from __future__ import annotations

from typing import Any

from volsim.analysis.living import Living, living, writers
from volsim.analysis.whereabouts import is_anywhere
from volsim.engine.simulation import Simulation
from volsim.errors import NotFound, VolsimError
from volsim.exploration.properties import Observer, Property, always, eventually, sometimes, within
from volsim.rules import Duration

__all__ = [
    "Observer",
    "Property",
    "always",
    "eventually",
    "finds_again",
    "never_lost",
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
    found = _found(sim, ref, namespace)
    if found is None:
        return False
    wanted = 1 if found.kind == "Pod" else _wanted(found)
    return sum(each.serves for each in _pods_of(sim, found, namespace)) >= wanted


def _found(sim: Simulation, ref: str, namespace: str) -> Any:
    """What is asked about; None while it is not there, as a pod between its deletion and its successor."""
    try:
        return sim.get(ref, namespace)
    except NotFound:
        return None


def _pods_of(sim: Simulation, found: Any, namespace: str) -> list[Living]:
    """The living pods of a workload; of a pod, itself."""
    if found.kind == "Pod":
        return [each for each in living(sim.state) if each.uid == found.metadata.uid]
    return [each for each in living(sim.state) if each.workload == (found.kind, namespace, found.name)]


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


def never_lost(data: bytes | str) -> Property:
    """Once the bytes are written, some file or device that can be read again some day holds them, for ever.

    The disk of a machine without power counts; memory that has lost its power and a machine that is destroyed do not.
    Where they never were written, the property is vacuous. Story: a database in an emptyDir has all its rows until its
    pod is deleted.

    >>> import volsim
    >>> sim = volsim.Simulation(nodes=1)
    >>> sim.write_host_file("node01", "/srv/letter", "precious")
    >>> kept = volsim.properties.never_lost("precious")
    >>> volsim.explore(sim, properties=[kept], faults=volsim.Faults(node_failures=1)).ok
    True
    >>> volsim.explore(sim, properties=[kept], faults=volsim.Faults(node_losses=1)).ok
    False
    """
    wanted = data.encode() if isinstance(data, str) else data
    if not wanted:
        raise VolsimError("never_lost(''): give the bytes that must not be lost")

    def was_written(memory: bool, sim: Simulation) -> bool:
        return memory or is_anywhere(sim.state, wanted)

    return always(
        f"{_shown(wanted)} is never lost",
        lambda sim, written: not written or is_anywhere(sim.state, wanted),
        when=lambda sim, written: written,
        observer=Observer(lambda sim: was_written(False, sim), was_written),
    )


def finds_again(
    ref: str, path: str, data: bytes | str, container: str | None = None, namespace: str = "default"
) -> Property:
    """At last a pod of the workload that serves reads the bytes in its file at `path`, whatever happened.

    Stricter than `never_lost`: bytes that lie on another node's disk are not lost, and yet nobody finds them. Story: a
    pod with a hostPath that is started on another node finds an empty directory there.
    """
    wanted = data.encode() if isinstance(data, str) else data

    def finds(sim: Simulation, each: Living) -> bool:
        try:
            return wanted in sim.read_file(f"pod/{each.key.partition('/')[2]}", path, container, namespace)
        except VolsimError:
            return False

    def holds(sim: Simulation) -> bool:
        found = _found(sim, ref, namespace)
        pods = () if found is None else _pods_of(sim, found, namespace)
        return any(each.serves and finds(sim, each) for each in pods)

    return eventually(f"{ref} finds {_shown(wanted)} in {path}", holds)


def _shown(data: bytes) -> str:
    text = data.decode(errors="backslashreplace")
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


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
