"""The faults by the names that a check takes, and what each means for an exploration.

Two that come together are one name: ``node-loss+rollout``.

>>> names("container-crash, node-loss")
('container-crash', 'node-loss')
>>> names("earthquake")  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
volsim.errors.VolsimError: there is no fault 'earthquake'; there are container-crash, pod-loss, reboot, ...
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from volsim.checking.design import Part
from volsim.checking.workloads import WORKLOADS
from volsim.engine.actions import Ask
from volsim.errors import VolsimError, did_you_mean
from volsim.exploration.faults import BUDGETS, Faults
from volsim.simulation import Simulation
from volsim.views.dialect import Dialect

__all__ = ["DEFAULT_FAULTS", "FAULTS_MEAN", "FAULT_NAMES", "ROLLED_OUT", "budgets", "kinds_of", "names"]

_WORLD: dict[str, Faults] = {
    "container-crash": Faults(container_crashes=1),
    "pod-loss": Faults(pod_deletions=1),
    "reboot": Faults(reboots=1),
    "node-loss": Faults(node_failures=1, healing=False),
    "node-return": Faults(node_failures=1),
    "partition": Faults(partitions=1),
    "disk-loss": Faults(node_losses=1),
    "backend-loss": Faults(backend_failures=1),
}
FAULT_NAMES = (*_WORLD, "rollout", "drain", "deletion", "force-deletion", "out-of-service")
"""All faults that a check knows: those of the world, and what people do."""
FAULTS_MEAN = {
    "container-crash": "the process of a container is killed",
    "pod-loss": "somebody deletes a pod",
    "reboot": "a node goes off and on again, sooner than anybody misses it",
    "node-loss": "a node loses power for good; its disk is kept, but nobody reads it",
    "node-return": "a node loses power, and may come back at any time",
    "partition": "a node is cut off from the control plane while its containers go on; the network may come back",
    "disk-loss": "a node goes for good, with its disk",
    "backend-loss": "a file server or a disk behind the network cannot be reached; it may come back",
    "rollout": "somebody rolls a workload out anew (`kubectl rollout restart`)",
    "drain": "somebody drains a node (`kubectl drain --ignore-daemonsets --delete-emptydir-data`), "
    "with `--force` where it is refused without",
    "deletion": "somebody deletes a claim, or the whole application, its workloads, claims and volumes in any order, "
    "or its namespace",
    "force-deletion": "somebody deletes a pod by force, without waiting for its kubelet (`--force --grace-period=0`)",
    "out-of-service": "somebody taints a node with `node.kubernetes.io/out-of-service`, whatever it does",
}
"""What happens, in a few words."""
DEFAULT_FAULTS = ("container-crash", "pod-loss", "node-loss", "node-return", "rollout", "drain")
ROLLED_OUT = ("Deployment", "StatefulSet", "DaemonSet")
"""The kinds that `kubectl rollout restart` knows."""
_PROTECTED = ("default", "kube-system", "kube-public")
"""Namespaces that nobody can delete. Source: kube-apiserver, plugin/namespace/lifecycle."""
_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"


def names(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """The faults that are asked for: a text with commas, or names; with ``+``, several at once.

    Raises `VolsimError` for an unknown one.

    >>> names("node-loss+rollout")
    ('node-loss+rollout',)
    """
    if given is None:
        return DEFAULT_FAULTS
    asked = given.split(",") if isinstance(given, str) else list(given)
    found = tuple(dict.fromkeys("+".join(kinds_of(name)) for name in asked if name.strip()))
    for name in found:
        for kind in kinds_of(name):
            if kind not in FAULT_NAMES:
                known = did_you_mean(kind, FAULT_NAMES) or f"there are {', '.join(FAULT_NAMES)}"
                raise VolsimError(f"there is no fault {kind!r}; {known}")
    if not found:
        raise VolsimError(f"no fault is asked for; there are {', '.join(FAULT_NAMES)}")
    return found


def kinds_of(fault: str) -> tuple[str, ...]:
    """The faults that come together under one name.

    >>> kinds_of("node-loss + rollout")
    ('node-loss', 'rollout')
    """
    return tuple(kind.strip() for kind in fault.split("+"))


def budgets(fault: str, part: Part, sim: Simulation) -> Iterator[Faults]:
    """What explorations of a part, which runs in `sim`, may choose for a fault: people do one thing at a time."""
    for together in product(*(list(_of_kind(kind, part, sim)) for kind in kinds_of(fault))):
        counts = {name: sum(getattr(each, name) for each in together) for name in BUDGETS}
        asks = tuple(ask for each in together for ask in each.user_actions)
        yield Faults(**counts, user_actions=asks, healing=all(each.healing for each in together))


def _of_kind(kind: str, part: Part, sim: Simulation) -> Iterator[Faults]:
    if kind in _WORLD:
        yield _WORLD[kind]
    elif kind == "drain":
        yield Faults(drains=1, healing=False)
    else:
        for asks in _ASKED[kind](part, sim):
            yield Faults(user_actions=asks)
    if kind == "drain":
        yield from (Faults(user_actions=asks, healing=False) for asks in _refused_drains(part, sim))


Asks = tuple[Ask, ...]


def _refused_drains(part: Part, sim: Simulation) -> Iterator[Asks]:
    """Drains without ``--force`` of the nodes on which a pod is that nobody owns."""
    alone = {name.partition("/")[2] for name in part.workloads if name.startswith("Pod/")}
    pods = [pod for pod in sim.state.pods.unordered() if pod.key in alone and pod.status.phase == "Running"]
    for node in sorted({pod.spec.node_name or "" for pod in pods}):
        yield (Ask(f"kubectl drain {node} --ignore-daemonsets {_empty_dirs(sim)}"),)


def _empty_dirs(sim: Simulation) -> str:
    return "--delete-emptydir-data" if Dialect(sim.rules.version).delete_empty_dir_data else "--delete-local-data"


def _rollouts(part: Part, sim: Simulation) -> Iterator[Asks]:
    for name in part.workloads:
        kind, namespace, short = name.split("/")
        if kind in ROLLED_OUT:
            yield (Ask(f"kubectl rollout restart {kind.lower()}/{short} -n {namespace}"),)


def _deletions(part: Part, sim: Simulation) -> Iterator[Asks]:
    """A claim alone; the whole application, in any order; its namespace."""
    release = []
    for manifest in part.objects:
        kind, meta = manifest["kind"], manifest["metadata"]
        if kind in (*WORKLOADS, "PersistentVolumeClaim", "PersistentVolume") and meta.get("name"):
            where = f" -n {meta['namespace']}" if meta.get("namespace") else ""
            release.append(Ask(f"kubectl delete {kind.lower()} {meta['name']}{where} --wait=false"))
            if kind == "PersistentVolumeClaim":
                yield (release[-1],)
    yield tuple(release)
    for namespace in sorted({name.split("/")[1] for name in part.workloads}):
        if namespace not in _PROTECTED:
            yield (Ask(f"kubectl delete namespace {namespace} --wait=false"),)


def _forced_deletions(part: Part, sim: Simulation) -> Iterator[Asks]:
    for pod in sorted(sim.list("pods"), key=lambda pod: pod.key):
        where = f"-n {pod.metadata.namespace}"
        yield (Ask(f"kubectl delete pod {pod.name} {where} --force --grace-period=0 --wait=false"),)


def _taints(part: Part, sim: Simulation) -> Iterator[Asks]:
    for node in sim.state.nodes:
        yield (Ask(f"kubectl taint node {node} {_OUT_OF_SERVICE}"),)


_ASKED = {
    "rollout": _rollouts,
    "deletion": _deletions,
    "force-deletion": _forced_deletions,
    "out-of-service": _taints,
}
"""What people do, one tuple of actions for each exploration."""
