"""A design: an application's manifests on a cluster, with what they leave open made up, and its independent parts.

>>> design = Design.read('''
... apiVersion: v1
... kind: Pod
... metadata: {name: p}
... spec:
...   containers: [{name: c, image: nginx}]
...   volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
... ---
... apiVersion: v1
... kind: PersistentVolumeClaim
... metadata: {name: data}
... spec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
... ''')
>>> for line in design.assumed: print(line)
nodes: node01, node02, node03 in one zone, with room for everything
storageclass/fast: provisioned by a CSI driver that attaches its disks (disks.csi.volsim.dev)
>>> [part.workloads for part in design.parts()]
[('Pod/default/p',)]
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
import networkx as nx

from volsim.checking.findings import Place
from volsim.checking.made_up import MadeUp
from volsim.checking.nodes import HOSTNAME, ZONE, labelled
from volsim.checking.provisioners import IN_TREE, is_on_a_node, is_on_a_server
from volsim.checking.replicas import fewer
from volsim.checking.workloads import WORKLOADS, Manifest, claims_of, ref, selectors_of, template_of, volumes_of
from volsim.errors import ManifestError, Problem, VolsimError
from volsim.manifests import Reading, read, to_manifest
from volsim.objects import KINDS, GenericObject
from volsim.rules import Rules
from volsim.simulation import Simulation
from volsim.storage.sources import taken_over_by

__all__ = ["Design", "Part"]

_FIRST = ("Namespace", "PriorityClass", "CSIDriver", "StorageClass", "PersistentVolume", "ConfigMap", "Secret")


@attrs.frozen
class Part:
    """What of a design has to do with each other and is checked together."""

    workloads: tuple[str, ...]
    objects: tuple[Manifest, ...] = attrs.field(repr=False)


@attrs.frozen
class Design:
    """An application and the cluster on which it is to run."""

    objects: tuple[Manifest, ...]
    nodes: tuple[Any, ...]
    rules: Rules
    assumed: tuple[str, ...]
    seed: int = 0
    are_counted: bool = False
    """Whether nobody has described the nodes: each part then finds what it asks of them."""
    places: Mapping[str, Place] = attrs.field(factory=dict, repr=False)
    """Where each object stands, as far as it stands in a file."""

    @classmethod
    def read(
        cls,
        source: Any,
        *,
        nodes: Any = None,
        kubernetes: str | None = None,
        seed: int = 0,
        all_replicas: bool = False,
    ) -> Design:
        """Read manifests and make up what they leave open. Raises `ManifestError`, and `VolsimError` for odd nodes.

        Of replicas that are alike two are kept, unless `all_replicas` are asked for.
        """
        rules = Rules() if kubernetes is None else Rules.for_version(kubernetes)
        reading = read(source)
        _refuse_old(reading)
        objects = [{"metadata": {}, **to_manifest(obj)} for obj in reading.objects]
        if not objects:
            raise VolsimError("there is nothing to check: the source holds no object")
        made = MadeUp(objects, [f"not modelled: {each}" for each in reading.notices])
        if not all_replicas:
            made.assumed += fewer(objects, nodes)
        chosen, are_counted = made.nodes(nodes)
        made.namespaces()
        made.names()
        made.schedules()
        places = {ref(each): Place(*place) for each, place in zip(objects, reading.places, strict=True) if place[1]}
        made.history()
        made.provisioners()
        made.classes()
        made.file_systems()
        made.configuration()
        made.scratch()
        made.programs()
        if not made.of_kind(*WORKLOADS):
            made.assumed.append("no workload is among the objects: nothing runs that could be checked")
        if len(_zones(chosen)) > 1:
            made.assumed.append("disks of CSI drivers: each is in a zone, and reached only from there")
        return cls(
            tuple(sorted(made.objects, key=_rank)),
            chosen,
            rules,
            tuple(dict.fromkeys(made.assumed)),
            seed,
            are_counted,
            places,
        )

    def start(self, part: Part) -> Simulation:
        """The cluster to which a part has just been applied. Raises `VolsimError` for what the API server refuses."""
        nodes = labelled(self.nodes, part.objects) if self.are_counted else self.nodes
        sim = Simulation(nodes=list(nodes), rules=self.rules, seed=self.seed)
        problems = []
        drivers = sorted(set(_drivers(part.objects, self.rules)))
        attached = {driver for driver in drivers if _has_to_be_attached(driver, part.objects)}
        for driver in drivers:
            sim.install_csi_driver(
                driver,
                attach_required=driver in attached,
                topology_key=_reached_from(driver, nodes),
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for manifest in part.objects:
                try:
                    _apply(sim, manifest)
                except VolsimError as error:
                    problems.append(f"{ref(manifest)}: {error}")
        if problems:
            raise VolsimError("the API server refuses the design:\n" + "\n".join(problems))
        return sim

    def parts(self) -> tuple[Part, ...]:
        """The parts that share no claim, volume, node's path, selector or budget, in order of their first workload."""
        graph: nx.Graph[str] = nx.Graph()
        by_ref = {ref(each): each for each in self.objects}
        for name in by_ref:
            graph.add_node(name)
        for one, other in _ties(self.objects):
            graph.add_edge(one, other)
        shared = [each for each in self.objects if each["kind"] in _SHARED]
        found = []
        for names in nx.connected_components(graph):
            mine = [each for name, each in by_ref.items() if name in names and each["kind"] not in _SHARED]
            workloads = tuple(ref(each) for each in mine if each["kind"] in WORKLOADS)
            if workloads:
                objects = sorted([*shared, *mine], key=_rank)
                found.append(Part(workloads, tuple(objects)))
        return tuple(found)


_SHARED = frozenset(
    {"Namespace", "PriorityClass", "CSIDriver", "StorageClass", "Node", "CSINode", "ConfigMap", "Secret"}
)
"""What every part has; none of it is changed by a workload."""


def _rank(manifest: Manifest) -> int:
    kind: str = manifest["kind"]
    if kind in _FIRST:
        return _FIRST.index(kind)
    return len(_FIRST) + 2 * (kind in WORKLOADS) + (kind != "PersistentVolumeClaim")


def _refuse_old(reading: Reading) -> None:
    """Raise `ManifestError` for versions of Kubernetes' kinds that no server takes since 1.15."""
    problems = [
        Problem(place[0], place[1], 1, "apiVersion", f"no server since 1.15 has {obj.api_version} of {obj.kind}")
        for obj, place in zip(reading.objects, reading.places, strict=True)
        if isinstance(obj, GenericObject) and obj.kind in KINDS and "." not in obj.api_version
    ]
    if problems:
        raise ManifestError(problems)


def _zones(nodes: Iterable[Any]) -> set[str]:
    """The zones in which the nodes are."""
    manifests = [node if isinstance(node, dict) else to_manifest(node) for node in nodes]
    labels = [each["metadata"].get("labels") or {} for each in manifests]
    return {each[ZONE] for each in labels if ZONE in each}


def _reached_from(driver: str, nodes: Iterable[Any]) -> str | None:
    """The label of the nodes that reach a volume of a driver: those of its zone, or one; None for all nodes."""
    if is_on_a_node(driver):
        return HOSTNAME
    return ZONE if not is_on_a_server(driver) and len(_zones(nodes)) > 1 else None


def _has_to_be_attached(driver: str, objects: Iterable[Manifest]) -> bool:
    """Whether a driver's volumes are attached before they are mounted: what its CSIDriver says, if it is there."""
    for manifest in objects:
        if manifest["kind"] == "CSIDriver" and manifest["metadata"].get("name") == driver:
            return bool((manifest.get("spec") or {}).get("attachRequired", True))
    return not is_on_a_node(driver) and not is_on_a_server(driver)


def _apply(sim: Simulation, manifest: Manifest) -> None:
    """Apply an object; of a CSINode, what it says of limits."""
    if manifest["kind"] == "CSINode":
        _limit(sim, manifest)
    else:
        sim.apply(manifest)


def _limit(sim: Simulation, csi_node: Manifest) -> None:
    """Let a node take no more volumes of a driver than its CSINode says; the rest of it is for the kubelet to say."""
    name = csi_node["metadata"].get("name")
    drivers = []
    for each in (csi_node.get("spec") or {}).get("drivers") or []:
        driver = sim.state.get("drivers", each["name"])
        if driver is not None and each.get("allocatable"):
            keys = [driver.topology_key] if driver.topology_key else None
            drivers.append(
                {"name": each["name"], "nodeID": name, "topologyKeys": keys, "allocatable": each["allocatable"]}
            )
    if drivers and name in sim.state.nodes:
        meta = {"name": name}
        sim.apply(
            {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": meta, "spec": {"drivers": drivers}}
        )


def _drivers(objects: Iterable[Manifest], rules: Rules) -> Iterator[str]:
    """The CSI drivers of which a design speaks, those included that have taken over from in-tree plugins."""
    for manifest in objects:
        if manifest["kind"] == "StorageClass":
            name = manifest.get("provisioner") or ""
            if not name.startswith(IN_TREE):
                yield name
            elif driver := rules.csi_driver_for(name):
                yield driver
        volumes = [manifest.get("spec") or {}] if manifest["kind"] == "PersistentVolume" else []
        for volume in volumes_of(manifest) if manifest["kind"] in WORKLOADS else volumes:
            if volume.get("csi"):
                yield volume["csi"]["driver"]
            for source in volume:
                if driver := taken_over_by(source, rules):
                    yield driver


# -- what belongs together ---------------------------------------------------------------------------------------------
def _ties(objects: tuple[Manifest, ...]) -> Iterator[tuple[str, str]]:
    """Pairs of objects that have to do with each other, some by a word that both name."""
    pools = {each["spec"].get("storageClassName", "") for each in objects if each["kind"] == "PersistentVolume"}
    for manifest in objects:
        for word in _words(manifest, pools):
            yield ref(manifest), word
    workloads = [each for each in objects if each["kind"] in WORKLOADS]
    for chooser in objects:
        for namespace, selector in selectors_of(chooser):
            for workload in workloads:
                labels = (template_of(workload).get("metadata") or {}).get("labels") or {}
                if workload["metadata"].get("namespace") == namespace and selector.matches(labels):
                    yield ref(chooser), ref(workload)


def _words(manifest: Manifest, pools: set[str]) -> Iterator[str]:
    """What an object names and another may name, too. Claims of one class compete for the volumes that are there."""
    kind, namespace = manifest["kind"], manifest["metadata"].get("namespace")
    if kind in WORKLOADS:
        for claim in (*claims_of(manifest), *_claims_of_pods(manifest)):
            yield f"PersistentVolumeClaim/{namespace}/{claim}"
        for template in (manifest.get("spec") or {}).get("volumeClaimTemplates") or []:
            if (name := (template.get("spec") or {}).get("storageClassName")) in pools:
                yield f"pool {name}"
        for volume in volumes_of(manifest):
            if "hostPath" in volume:
                yield f"path {volume['hostPath']['path']}"
            if "nfs" in volume:
                yield f"export {volume['nfs']['server']}:{volume['nfs']['path']}"
    elif kind in ("PersistentVolume", "PersistentVolumeClaim"):
        if (name := manifest["spec"].get("storageClassName", "")) in pools:
            yield f"pool {name}"


def _claims_of_pods(workload: Manifest) -> Iterator[str]:
    """The names of the claims that are made for pods whose names are known before."""
    spec, name = workload.get("spec") or {}, workload["metadata"].get("name")
    pods = [name] if workload["kind"] == "Pod" else []
    if workload["kind"] == "StatefulSet":
        first, wanted = (spec.get("ordinals") or {}).get("start") or 0, spec.get("replicas")
        pods = [f"{name}-{number}" for number in range(first, first + (1 if wanted is None else wanted))]
    for pod in pods:
        yield from (f"{each['metadata']['name']}-{pod}" for each in spec.get("volumeClaimTemplates") or [])
        yield from (f"{pod}-{volume['name']}" for volume in volumes_of(workload) if "ephemeral" in volume)
