"""How a story ends: why it stays so, and what somebody can do then, tried out on the cluster as it stands there.

>>> sim = Simulation(nodes=2)
>>> _ = sim.apply('''
... apiVersion: v1
... kind: Pod
... metadata: {name: web}
... spec: {containers: [{name: web, image: nginx}]}
... '''), sim.settle(), sim.delete("pod/web"), sim.settle()
>>> ending(sim, "VS303", "Pod/default/web", ()).why
('pod/web is gone, and it belongs to no controller that would make it anew',)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs

from volsim.analysis.explain import explain
from volsim.analysis.explain.explanation import Explanation
from volsim.analysis.living import workload_of
from volsim.apiserver.eviction import budgets_of
from volsim.checking.questions import is_rolled_out, runs
from volsim.checking.telling import without_preemption
from volsim.checking.workloads import Manifest, ref
from volsim.errors import VolsimError
from volsim.objects import Pod
from volsim.simulation import Simulation

__all__ = ["Ending", "ending"]

_ASKS = re.compile(r'sim\.explain\("([^"]+)"\)')
_MOST = 4
"""So many reasons are told."""
_SOON = "30m"
"""By then it must run again for a way out to count: longer than any back-off and than any forced detach."""
_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
_NO_CAUSES = ("deadline-exceeded",)
"""What follows from the causes, and is none."""
_EXPLAINED = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job")


@attrs.frozen
class Ending:
    """What is so at the end of a story."""

    why: tuple[str, ...] = ()
    """What keeps it so."""
    helps: tuple[str, ...] = ()
    """What would change it, in words."""
    way_out: str = ""
    """What was tried, and brought it back."""


def ending(sim: Simulation, code: str, about: str, objects: Sequence[Manifest]) -> Ending:
    """How the story of a finding ends, in the cluster as it then is. `about` is whom it is told of."""
    if code not in _TOLD:
        return Ending()
    found = list(_explanations(sim, code, about))
    found += _asked_for(sim, found, about)
    causes = [cause for each in found for cause in each.causes if cause.code not in _NO_CAUSES]
    why = dict.fromkeys(without_preemption(cause.text) for cause in causes)
    helps = dict.fromkeys(remedy for each in found for remedy in each.remedies if not _ASKS.search(remedy))
    return Ending(
        tuple(why or _plain(sim, code, about))[:_MOST], tuple(helps)[:_MOST], _way_out(sim, code, about, objects)
    )


_TOLD = ("VS301", "VS302", "VS303", "VS402", "VS501")
"""The kinds that are about something that stays as it is."""


# -- why ---------------------------------------------------------------------------------------------------------------
def _explanations(sim: Simulation, code: str, about: str) -> Iterator[Explanation]:
    """The explanations of what a finding is about."""
    state = sim.state
    if code == "VS402":
        for table in ("pods", "persistentvolumeclaims", "persistentvolumes"):
            for obj in state.table(table).values():
                if obj.metadata.deletion_timestamp is not None:
                    yield explain(state, obj)
        return
    pods = _pods(sim, about)
    if code == "VS501":
        held = {budget.key: budget for pod in pods for budget in budgets_of(state, pod)}
        yield from (explain(state, budget) for budget in held.values() if not budget.status.disruptions_allowed)
        return
    kind, namespace, name = about.split("/")
    if kind in _EXPLAINED:
        try:
            yield sim.explain(f"{kind}/{name}", namespace)
        except VolsimError:
            return  # it is gone
    else:
        yield from (explain(state, pod) for pod in pods if not _is_ready(pod))


def _asked_for(sim: Simulation, found: list[Explanation], about: str) -> list[Explanation]:
    """The explanations to which others send the reader."""
    refs = dict.fromkeys(ref for each in found for remedy in each.remedies for ref in _ASKS.findall(remedy))
    told = []
    for each in refs:
        try:
            told.append(sim.explain(each, about.split("/")[1]))
        except VolsimError:
            continue  # of a kind of which nothing more is known
    return told


def _plain(sim: Simulation, code: str, about: str) -> tuple[str, ...]:
    """What can be said where nothing is left that could be explained."""
    kind, namespace, name = about.split("/")
    if kind == "Pod" and f"{namespace}/{name}" not in sim.state.pods:
        return (f"pod/{name} is gone, and it belongs to no controller that would make it anew",)
    if code == "VS501" and kind == "Pod":
        return (f"kubectl drain refuses pod/{name}, which no controller would make anew, unless it is forced",)
    return ()


def _pods(sim: Simulation, about: str) -> list[Pod]:
    """The pods of a workload."""
    workload = tuple(about.split("/"))
    return [pod for _, pod in sim.state.pods.items() if workload_of(sim.state, pod) == workload]


def _is_ready(pod: Pod) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions)


# -- ways out ----------------------------------------------------------------------------------------------------------
def _way_out(sim: Simulation, code: str, about: str, objects: Sequence[Manifest]) -> str:
    """The first thing to do that was seen to help, and how long it takes."""
    if code not in ("VS302", "VS303"):
        return ""
    is_well = is_rolled_out if code == "VS302" else runs
    for line in _lines(sim, code, about):
        fork = sim.fork()
        try:
            if line == _AGAIN:
                fork.apply([each for each in objects if ref(each) == about])
            else:
                fork.kubectl(line)
            seconds = fork.run(until=lambda later: is_well(later, about), limit=_SOON)
        except VolsimError:
            continue  # refused, or it does not help in time
        told = line if line == _AGAIN else f"`kubectl {line}`"
        return f"{told}: tried, it runs again after {seconds:.0f} s"
    return ""


_AGAIN = "apply its manifest again"


def _lines(sim: Simulation, code: str, about: str) -> Iterator[str]:
    """What somebody may try, the gentlest first."""
    pods = _pods(sim, about)
    if code == "VS302":
        yield from (f"delete pod {pod.name} -n {pod.metadata.namespace} --wait=false" for pod in pods if _is_ready(pod))
        return
    dead = [name for name, row in sim.state.table("machines").items() if not row.powered]
    for node in dead:
        if node in sim.state.nodes:
            yield f"taint node {node} {_OUT_OF_SERVICE}"
            yield f"delete node {node}"
    if not dead:
        yield _AGAIN
        for pod in pods:
            if pod.metadata.deletion_timestamp is not None:
                yield f"delete pod {pod.name} -n {pod.metadata.namespace} --force --grace-period=0"
