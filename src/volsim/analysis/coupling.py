"""What hangs on what: pods on nodes and volumes, claims on volumes, volumes on servers and disks, workloads on pods.

An edge leads from what needs something to what it needs. A node of the graph is called as kubectl calls the object,
with its namespace: ``pod/default/web``, ``pv/data``; besides objects there are ``disk/NODE`` (what a node's own disk
holds), ``backend/NAME`` (a file server or disk behind the network) and ``volume/NAMESPACE/POD/NAME`` (what belongs to
one pod). Node attributes are `kind` and `name`; the edge attribute `relation` is one of `RELATIONS`.

The graph tells of now: a pod that runs on a node hangs on it, even if another node would take it; one that has ended
needs nothing. What would happen next is for a simulation to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from volsim.errors import NotFound, did_you_mean
from volsim.objects import PersistentVolume, PersistentVolumeClaim, Pod, Volume
from volsim.objects.binding import claim_class, reaches
from volsim.state import State, claim_keys_of
from volsim.storage.backends import backend_of
from volsim.storage.sources import SOURCES, source_of

if TYPE_CHECKING:
    import networkx

__all__ = ["RELATIONS", "BlastRadius", "blast_radius", "coupling"]

RELATIONS: dict[str, str] = {
    "runs on": "pod -> node: its processes are there",
    "mounts": "pod -> claim, volume or disk: its containers see the bytes",
    "is part of": "disk -> node: it can be reached while the node has power",
    "is bound to": "claim -> persistent volume: it stands for it",
    "lies on": "volume -> backend, disk or node: its bytes are there",
    "lies partly on": "persistent volume -> disk: another directory on each of several nodes",
    "reads": "pod -> config map or secret: it does not start without",
    "consists of": "workload -> workload or pod: it works as long as one of them does",
    "is of class": "claim or volume -> storage class: it goes on without it",
}
"""What an edge means: who -> what, and why."""

_ALTERNATIVES = frozenset({"consists of", "lies partly on"})
"""Relations of which one is enough."""
_HARMLESS = frozenset({"is of class"})
_FAMILY = {kind.name: kind.family for kind in SOURCES}

_WORKLOADS = {
    "deployments": "deploy",
    "replicasets": "rs",
    "statefulsets": "sts",
    "daemonsets": "ds",
    "jobs": "job",
    "cronjobs": "cronjob",
    "replicationcontrollers": "rc",
}
"""By table: the kinds that consist of pods or of each other, as the graph calls them."""


class _Edge(NamedTuple):
    source: str
    target: str
    relation: str


# -- the graph ---------------------------------------------------------------------------------------------------------
def coupling(state: State) -> networkx.MultiDiGraph[str]:
    """The graph of what hangs on what in a state. Cost: O(objects and what they refer to).

    What something refers to and is not there (a claim that nobody made) is in the graph, with the attribute
    `missing`.

    >>> from volsim import Simulation
    >>> sim = Simulation(nodes=1)
    >>> _ = sim.apply('''
    ... apiVersion: v1
    ... kind: Pod
    ... metadata: {name: web}
    ... spec:
    ...   containers: [{name: web, image: nginx}]
    ...   volumes: [{name: logs, hostPath: {path: /logs}}]
    ... ''')
    >>> _ = sim.settle()
    >>> for pod, needed, relation in coupling(sim.state).out_edges("pod/default/web", data="relation"):
    ...     print(relation, needed)
    runs on node/node01
    mounts disk/node01
    """
    import networkx

    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    for node, kind, name in _nodes(state):
        graph.add_node(node, kind=kind, name=name)
    for edge in _edges(state):
        for end in (edge.source, edge.target):
            if end not in graph:
                kind, _, name = end.partition("/")
                graph.add_node(end, kind=kind, name=name, missing=True)
        graph.add_edge(edge.source, edge.target, relation=edge.relation)
    return graph


def _nodes(state: State) -> Iterator[tuple[str, str, str]]:
    """Everything that there is, with its kind and its name."""
    for name in state.nodes:
        yield f"node/{name}", "node", name
        yield f"disk/{name}", "disk", name
    tables = {"pods": "pod", "persistentvolumeclaims": "pvc", "persistentvolumes": "pv", "storageclasses": "sc"}
    for table, kind in {**tables, **_WORKLOADS, "configmaps": "cm", "secrets": "secret"}.items():
        for key in state.table(table):
            yield f"{kind}/{key}", kind, key
    for name in state.table("backends"):
        yield f"backend/{name}", "backend", name
    for persistent in state.persistent_volumes.values():  # a backend that nobody has used yet is there all the same
        for target in _backends(persistent.spec):
            yield target, "backend", target.partition("/")[2]
    for pod in state.pods.values():
        for volume in pod.spec.volumes:
            if _belongs_to_pod(volume):
                name = f"{pod.key}/{volume.name}"
                yield f"volume/{name}", "volume", name


def _edges(state: State) -> Iterator[_Edge]:
    for name in state.nodes:
        yield _Edge(f"disk/{name}", f"node/{name}", "is part of")
    for pod in state.pods.values():
        if pod.status.phase not in ("Succeeded", "Failed"):
            yield from _of_pod(pod)
    for claim in state.persistent_volume_claims.values():
        yield from _of_claim(claim)
    for volume in state.persistent_volumes.values():
        yield from _of_volume(state, volume)
    yield from _of_workloads(state)


# -- pods --------------------------------------------------------------------------------------------------------------
def _belongs_to_pod(volume: Volume) -> bool:
    """Whether what the volume holds is made for the pod and goes with it."""
    return _FAMILY.get(source_of(volume)[0] or "") in ("node-directory", "stand-in")


def _of_pod(pod: Pod) -> Iterator[_Edge]:
    me, namespace, node = f"pod/{pod.key}", pod.metadata.namespace, pod.spec.node_name
    if node:
        yield _Edge(me, f"node/{node}", "runs on")
    for key in claim_keys_of(pod):
        yield _Edge(me, f"pvc/{key}", "mounts")
    for volume in pod.spec.volumes:
        source_name, source = source_of(volume)
        family = _FAMILY.get(source_name or "")
        if _belongs_to_pod(volume):
            mine = f"volume/{pod.key}/{volume.name}"
            yield _Edge(me, mine, "mounts")
            if node:
                in_memory = volume.empty_dir is not None and volume.empty_dir.medium == "Memory"
                yield _Edge(mine, f"node/{node}" if in_memory else f"disk/{node}", "lies on")
        elif family == "host-path" and node:
            yield _Edge(me, f"disk/{node}", "mounts")
        elif family in ("export", "disk"):
            yield _Edge(me, f"backend/{backend_of(source_name or '', source)[0]}", "mounts")
        elif family == "configuration":
            for kind, name in _configuration(volume):
                yield _Edge(me, f"{kind}/{namespace}/{name}", "reads")
    for kind, name in _environment(pod):
        yield _Edge(me, f"{kind}/{namespace}/{name}", "reads")


def _environment(pod: Pod) -> Iterator[tuple[str, str]]:
    """Kind and name of what the environment of a pod's containers needs, each once."""
    needed: dict[tuple[str, str], None] = {}
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        refs: list[tuple[str, Any]] = []
        for source in container.env_from:
            refs += [("cm", source.config_map_ref), ("secret", source.secret_ref)]
        for variable in container.env:
            if variable.value_from is not None:
                found = variable.value_from
                refs += [("cm", found.config_map_key_ref), ("secret", found.secret_key_ref)]
        needed.update({(kind, ref.name or ""): None for kind, ref in refs if ref is not None and not ref.optional})
    yield from needed


def _configuration(volume: Volume) -> Iterator[tuple[str, str]]:
    """Kind and name of what a configuration volume needs; what is optional is not needed."""
    if volume.config_map is not None and not volume.config_map.optional:
        yield "cm", volume.config_map.name or ""
    if volume.secret is not None and not volume.secret.optional:
        yield "secret", volume.secret.secret_name or ""
    for each in volume.projected.sources if volume.projected is not None else ():
        if each.config_map is not None and not each.config_map.optional:
            yield "cm", each.config_map.name or ""
        if each.secret is not None and not each.secret.optional:
            yield "secret", each.secret.name or ""


# -- claims and volumes ------------------------------------------------------------------------------------------------
def _of_claim(claim: PersistentVolumeClaim) -> Iterator[_Edge]:
    me = f"pvc/{claim.key}"
    if claim.status.phase in ("Bound", "Lost") and claim.spec.volume_name:
        yield _Edge(me, f"pv/{claim.spec.volume_name}", "is bound to")
    if claim_class(claim):
        yield _Edge(me, f"sc/{claim_class(claim)}", "is of class")


def _backends(spec: Any) -> Iterator[str]:
    source_name, source = source_of(spec)
    if _FAMILY.get(source_name or "") in ("export", "disk"):
        yield f"backend/{backend_of(source_name or '', source)[0]}"


def _of_volume(state: State, volume: PersistentVolume) -> Iterator[_Edge]:
    me = f"pv/{volume.name}"
    for target in _backends(volume.spec):
        yield _Edge(me, target, "lies on")
    disks = _disks(state, volume)
    for name in disks:
        yield _Edge(me, f"disk/{name}", "lies on" if len(disks) == 1 else "lies partly on")
    if volume.spec.storage_class_name:
        yield _Edge(me, f"sc/{volume.spec.storage_class_name}", "is of class")


def _disks(state: State, volume: PersistentVolume) -> list[str]:
    """The nodes whose disks hold a volume's bytes: where pods use it, else where the only place is that they may.

    A hostPath volume is another directory on each node; what it holds is where its pods are and have written.
    """
    if _FAMILY.get(source_of(volume.spec)[0] or "") != "host-path":
        return []
    ref = volume.spec.claim_ref
    keys = state.group("pods_by_claim", f"{ref.namespace}/{ref.name}") if ref is not None else ()
    used = {state.pods[key].spec.node_name for key in keys} - {None, ""}
    if used:
        return sorted(name for name in used if name)
    reached = [name for name, node in state.nodes.items() if reaches(volume, node.metadata.labels)]
    return reached if len(reached) == 1 else []


# -- workloads ---------------------------------------------------------------------------------------------------------
def _of_workloads(state: State) -> Iterator[_Edge]:
    """A workload consists of what it controls."""
    owners = {}
    for table, kind in _WORKLOADS.items():
        owners.update({obj.metadata.uid: f"{kind}/{key}" for key, obj in state.table(table).items()})
    for table, kind in {"pods": "pod", **_WORKLOADS}.items():
        for key, obj in state.table(table).items():
            for ref in obj.metadata.owner_references:
                if ref.controller and ref.uid in owners:
                    yield _Edge(owners[ref.uid], f"{kind}/{key}", "consists of")


# -- failures ----------------------------------------------------------------------------------------------------------
@attrs.frozen(kw_only=True)
class BlastRadius:
    """What a failure takes with it, as nodes of the graph, sorted.

    >>> BlastRadius(failed="node/node01", stops=("pod/default/web",))
    BlastRadius(failed='node/node01', stops=('pod/default/web',), weakened=(), data=())
    """

    failed: str
    stops: tuple[str, ...] = ()
    """Pods, workloads and claims that do not work while it is away."""
    weakened: tuple[str, ...] = ()
    """Workloads of which a part still works, volumes of which a part is elsewhere."""
    data: tuple[str, ...] = ()
    """Volumes whose bytes are on it, wholly or in part: they cannot be reached, and are lost if it is."""


def blast_radius(graph: networkx.MultiDiGraph[str], failed: str) -> BlastRadius:
    """What stops, and whose bytes cannot be reached, if one thing fails; from the graph alone.

    Raises `NotFound` for what is not in the graph. Cost: O(edges that lead there).

    >>> from volsim import Simulation
    >>> blast_radius(coupling(Simulation(nodes=2).state), "node/node01")
    BlastRadius(failed='node/node01', stops=(), weakened=(), data=())
    """
    if failed not in graph:
        raise NotFound(f"{failed!r} is not in the graph; {did_you_mean(failed, graph) or 'nothing is'}")
    dead = _dead(graph, failed)
    weak = _weakened(graph, dead)
    kind = graph.nodes(data="kind")
    holding = {node for node in dead | weak if kind[node] in ("pv", "volume")}
    stops = {node for node in dead - {failed} if kind[node] not in ("pv", "volume", "disk")}
    return BlastRadius(failed=failed, stops=_sorted(stops), weakened=_sorted(weak), data=_sorted(holding - {failed}))


def _dead(graph: networkx.MultiDiGraph[str], failed: str) -> set[str]:
    """What cannot go on without something: it, what needs it, and what is left with none of what would be enough."""
    dead, frontier = {failed}, [failed]
    while frontier:
        for needing, _, relation in _edges_of(graph.in_edges(frontier.pop(), data="relation")):
            if needing in dead or relation in _HARMLESS:
                continue
            if relation not in _ALTERNATIVES or _nothing_left(graph, needing, relation, dead):
                dead.add(needing)
                frontier.append(needing)
    return dead


def _weakened(graph: networkx.MultiDiGraph[str], dead: set[str]) -> set[str]:
    """What has lost a part and goes on with the rest, up to the workloads that consist of it."""
    weak, frontier = set[str](), list(dead)
    while frontier:
        for needing, _, relation in _edges_of(graph.in_edges(frontier.pop(), data="relation")):
            if relation in _ALTERNATIVES and needing not in dead and needing not in weak:
                weak.add(needing)
                frontier.append(needing)
    return weak


def _nothing_left(graph: networkx.MultiDiGraph[str], node: str, relation: str, dead: set[str]) -> bool:
    """Whether all that a node has in this relation, of which one would be enough, is dead."""
    out = _edges_of(graph.out_edges(node, data="relation"))
    return all(needed in dead for _, needed, other in out if other == relation)


def _edges_of(found: Any) -> Iterator[_Edge]:
    """What networkx gives, with the type that it has here."""
    return (_Edge(*edge) for edge in found)


def _sorted(nodes: set[str]) -> tuple[str, ...]:
    return tuple(sorted(nodes))
