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
from volsim.errors import ManifestError, Problem, VolsimError
from volsim.manifests import Reading, read, to_manifest
from volsim.objects import KINDS, FrozenDict, GenericObject, LabelSelector, LabelSelectorRequirement, NodeStatus
from volsim.programs.images import image_for
from volsim.quantity import Quantity
from volsim.rules import Rules
from volsim.simulation import Simulation
from volsim.storage.sources import taken_over_by

__all__ = ["Design", "Part"]

Manifest = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod")
MOST_NODES = 5000
"""Source: Kubernetes' documentation, considerations for large clusters."""
DRIVER = "disks.csi.volsim.dev"
_FIRST = ("Namespace", "PriorityClass", "CSIDriver", "StorageClass", "PersistentVolume", "ConfigMap", "Secret")
_UNKNOWABLE = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle")
_NO_PROVISIONER, _IN_TREE = "kubernetes.io/no-provisioner", "kubernetes.io/"
_ZONE = "topology.kubernetes.io/zone"
_LABELS = FrozenDict({_ZONE: "zone-a", "topology.kubernetes.io/region": "region-1"})
_LARGE = NodeStatus(capacity={"cpu": Quantity("256"), "memory": Quantity("2Ti"), "ephemeral-storage": Quantity("16Ti")})
"""How large nodes are whose size nobody has said is no finding about a design."""
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def ref(manifest: Manifest) -> str:
    """How the object is called: ``KIND/NAMESPACE/NAME``, or ``KIND/NAME`` for what has no namespace."""
    meta = manifest["metadata"]
    name = meta.get("name") or f"{meta.get('generateName', '')}*"
    return "/".join(filter(None, (manifest["kind"], meta.get("namespace"), name)))


def template_of(manifest: Manifest) -> Manifest:
    """The pod (or pod template) of a workload."""
    if manifest["kind"] == "Pod":
        return manifest
    spec = manifest.get("spec") or {}
    if manifest["kind"] == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    return spec.get("template") or {}


def volumes_of(manifest: Manifest) -> list[Manifest]:
    """The volumes of a workload's pods."""
    return list((template_of(manifest).get("spec") or {}).get("volumes") or [])


def claims_of(workload: Manifest) -> list[str]:
    """The names of the claims of a workload's pods; those that its templates make end with a star."""
    named = [volume.get("persistentVolumeClaim") for volume in volumes_of(workload)]
    found = [claim["claimName"] for claim in named if claim]
    templates = (workload.get("spec") or {}).get("volumeClaimTemplates") or []
    return found + [f"{each['metadata']['name']}-{workload['metadata']['name']}-*" for each in templates]


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
    places: Mapping[str, Place] = attrs.field(factory=dict, repr=False)
    """Where each object stands, as far as it stands in a file."""

    @classmethod
    def read(cls, source: Any, *, nodes: Any = None, kubernetes: str | None = None, seed: int = 0) -> Design:
        """Read manifests and make up what they leave open. Raises `ManifestError`, and `VolsimError` for odd nodes."""
        rules = Rules() if kubernetes is None else Rules.for_version(kubernetes)
        reading = read(source)
        _refuse_old(reading)
        objects = [{"metadata": {}, **to_manifest(obj)} for obj in reading.objects]
        if not objects:
            raise VolsimError("there is nothing to check: the source holds no object")
        made = _Made(objects, [f"not modelled: {each}" for each in reading.notices])
        chosen = made.nodes(nodes)
        made.namespaces()
        places = {ref(each): Place(*place) for each, place in zip(objects, reading.places, strict=True) if place[1]}
        made.provisioners()
        made.classes()
        made.configuration()
        made.programs()
        if not made.of_kind(*WORKLOADS):
            made.assumed.append("no workload is among the objects: nothing runs that could be checked")
        if len(_zones(chosen)) > 1:
            made.assumed.append("disks of CSI drivers: each is in a zone, and reached only from there")
        return cls(
            tuple(sorted(made.objects, key=_rank)), chosen, rules, tuple(dict.fromkeys(made.assumed)), seed, places
        )

    def start(self, part: Part) -> Simulation:
        """The cluster to which a part has just been applied. Raises `VolsimError` for what the API server refuses."""
        sim = Simulation(nodes=list(self.nodes), rules=self.rules, seed=self.seed)
        problems = []
        for driver in sorted(set(_drivers(part.objects, self.rules))):
            sim.install_csi_driver(
                driver,
                attach_required=driver not in _NOT_ATTACHED,
                topology_key=_ZONE if driver not in _NOT_ATTACHED and len(_zones(self.nodes)) > 1 else None,
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for manifest in part.objects:
                try:
                    sim.apply(manifest)
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
    return {each[_ZONE] for each in labels if _ZONE in each}


def _drivers(objects: Iterable[Manifest], rules: Rules) -> Iterator[str]:
    """The CSI drivers of which a design speaks, those included that have taken over from in-tree plugins."""
    for manifest in objects:
        if manifest["kind"] == "StorageClass":
            name = manifest.get("provisioner") or ""
            if not name.startswith(_IN_TREE):
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


_NOT_ATTACHED = frozenset({"file.csi.azure.com", "efs.csi.aws.com", "nfs.csi.k8s.io", "smb.csi.k8s.io"})
"""Drivers whose storage is mounted over the network by any number of nodes."""


# -- what belongs together ---------------------------------------------------------------------------------------------
def _ties(objects: tuple[Manifest, ...]) -> Iterator[tuple[str, str]]:
    """Pairs of objects that have to do with each other, some by a word that both name."""
    pools = {each["spec"].get("storageClassName", "") for each in objects if each["kind"] == "PersistentVolume"}
    for manifest in objects:
        for word in _words(manifest, pools):
            yield ref(manifest), word
    workloads = [each for each in objects if each["kind"] in WORKLOADS]
    for chooser in objects:
        for namespace, selector in _selectors(chooser):
            for workload in workloads:
                labels = (template_of(workload).get("metadata") or {}).get("labels") or {}
                if workload["metadata"].get("namespace") == namespace and selector.matches(labels):
                    yield ref(chooser), ref(workload)


def _words(manifest: Manifest, pools: set[str]) -> Iterator[str]:
    """What an object names and another may name, too. Claims of one class compete for the volumes that are there."""
    kind, namespace = manifest["kind"], manifest["metadata"].get("namespace")
    if kind in WORKLOADS:
        for claim in claims_of(manifest):
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


def _selectors(manifest: Manifest) -> Iterator[tuple[str | None, LabelSelector]]:
    """Which pods an object chooses by their labels."""
    namespace, spec = manifest["metadata"].get("namespace"), manifest.get("spec") or {}
    if manifest["kind"] == "PodDisruptionBudget" and spec.get("selector"):
        yield namespace, _selector(spec["selector"])
    if manifest["kind"] in WORKLOADS:
        affinity = (template_of(manifest).get("spec") or {}).get("affinity") or {}
        for sort in ("podAffinity", "podAntiAffinity"):
            for term in (affinity.get(sort) or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or []:
                if term.get("labelSelector"):
                    yield namespace, _selector(term["labelSelector"])


def _selector(manifest: Manifest) -> LabelSelector:
    expressions = manifest.get("matchExpressions") or []
    return LabelSelector(
        match_labels=manifest.get("matchLabels") or {},
        match_expressions=tuple(
            LabelSelectorRequirement(key=each["key"], operator=each["operator"], values=tuple(each.get("values") or ()))
            for each in expressions
        ),
    )


# -- what is made up ---------------------------------------------------------------------------------------------------
class _Made:
    """The objects of a design, and what was added to them."""

    def __init__(self, objects: list[Manifest], assumed: list[str]) -> None:
        self.objects, self.assumed = objects, assumed

    def of_kind(self, *kinds: str) -> list[Manifest]:
        """The objects of some kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    def nodes(self, given: Any) -> tuple[Any, ...]:
        """The nodes: those that are given, else those of the manifests, else three."""
        from volsim.engine.cluster import node_objects

        own = self.of_kind("Node")
        self.objects = [each for each in self.objects if each["kind"] not in ("Node", "CSINode")]
        if given is None and own:
            return tuple(own)
        if isinstance(given, int) and given > MOST_NODES:
            raise VolsimError(
                f"nodes={given}: a Kubernetes cluster has at most {MOST_NODES} nodes; few are enough here"
            )
        found = node_objects(3 if given is None else given, Rules())
        if not found:
            raise VolsimError(f"nodes={given!r}: a design needs at least one node to run on")
        if given is None:
            self.assumed.append(
                f"nodes: {', '.join(node.name for node in found)} in one zone, with room for everything"
            )
        if given is None or isinstance(given, int):
            found = [node.replace(metadata=node.metadata.replace(labels=_LABELS), status=_LARGE) for node in found]
        return tuple(found)

    def namespaces(self) -> None:
        """Give each object its namespace, and make those that are missing."""
        from volsim.objects.kinds import find_kind

        there = {each["metadata"].get("name") for each in self.of_kind("Namespace")}
        there |= {"default", "kube-system", "kube-public", "kube-node-lease"}
        for manifest in self.objects:
            kind = find_kind(manifest["kind"])
            if kind is not None and kind.NAMESPACED:
                manifest["metadata"].setdefault("namespace", "default")
            manifest.pop("status", None) if manifest["kind"] in WORKLOADS else None
        for name in sorted({each["metadata"].get("namespace", "default") for each in self.objects} - there):
            self.objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            self.assumed.append(f"namespace/{name}: is there")

    def provisioners(self) -> None:
        """Let a CSI driver that needs no attaching stand for external provisioners that are no CSI drivers."""
        for manifest in self.of_kind("StorageClass"):
            name = manifest.get("provisioner") or ""
            if "/" in name and not name.startswith(_IN_TREE):
                stand_in = ".".join(reversed(name.split("/"))).lower()
                manifest["provisioner"] = stand_in
                self.assumed.append(f"provisioner {name}: a CSI driver stands for it ({stand_in})")

    def classes(self) -> None:
        """Make the storage classes that claims name and nobody has defined."""
        there = {each["metadata"].get("name") for each in self.of_kind("StorageClass")}
        static = {each["spec"].get("storageClassName", "") for each in self.of_kind("PersistentVolume")}
        annotations = [each["metadata"].get("annotations") or {} for each in self.of_kind("StorageClass")]
        has_default = any(each.get(_DEFAULT_CLASS) == "true" for each in annotations)
        wanted = {spec.get("storageClassName") for spec in self._claim_specs()}
        for name in sorted(name for name in wanted if name and name not in there | static):
            self._make_class(name)
        if None in wanted and not has_default and not static & {"", None}:
            self._make_class("standard", default=True)

    def _claim_specs(self) -> Iterator[Manifest]:
        for claim in self.of_kind("PersistentVolumeClaim"):
            yield claim["spec"]
        for workload in self.of_kind(*WORKLOADS):
            for template in (workload.get("spec") or {}).get("volumeClaimTemplates") or []:
                yield template.get("spec") or {}
            for volume in volumes_of(workload):
                if "ephemeral" in volume:
                    yield volume["ephemeral"]["volumeClaimTemplate"]["spec"]

    def _make_class(self, name: str, *, default: bool = False) -> None:
        annotations = {"annotations": {_DEFAULT_CLASS: "true"}} if default else {}
        self.objects.append(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": name, **annotations},
                "provisioner": DRIVER,
                "volumeBindingMode": "WaitForFirstConsumer",
            }
        )
        what = "the default, provisioned" if default else "provisioned"
        self.assumed.append(f"storageclass/{name}: {what} by a CSI driver that attaches its disks ({DRIVER})")

    def programs(self) -> None:
        """Let what cannot be known go well: init containers, probes, hooks, the commands of unknown images."""
        ended, asked, served = set(), set(), set()
        for workload in self.of_kind(*WORKLOADS):
            spec = template_of(workload).get("spec") or {}
            for container in spec.get("initContainers") or []:
                if container.get("restartPolicy") != "Always":
                    container |= {"command": ["true"], "args": []}
                    ended.add(container.get("name") or "")
            for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
                found = [name for name in _UNKNOWABLE if container.pop(name, None)]
                asked.update([container.get("name") or ""] if found else [])
            for container in spec.get("containers") or []:
                if not image_for(container.get("image") or "").known and (
                    container.get("command") or container.get("args")
                ):
                    container |= {"command": [], "args": []}
                    served.add(container.get("name") or "")
        if ended:
            self.assumed.append(f"init containers {', '.join(sorted(ended))}: end well, whatever they run")
        if served:
            self.assumed.append(f"containers {', '.join(sorted(served))}: run as servers, whatever their command does")
        if asked:
            self.assumed.append(f"probes and hooks of {', '.join(sorted(asked))}: succeed")

    def configuration(self) -> None:
        """Make the ConfigMaps, Secrets and PriorityClasses that pods name and nobody has defined."""
        there = {ref(each) for each in self.objects}
        wanted: dict[tuple[str, str, str], set[str]] = {}
        for workload in self.of_kind(*WORKLOADS):
            namespace = workload["metadata"].get("namespace", "default")
            spec = template_of(workload).get("spec") or {}
            for kind, name, key in _named(spec):
                wanted.setdefault((kind, namespace, name), set()).update([key] if key else [])
            priority = spec.get("priorityClassName")
            if priority and not priority.startswith("system-") and f"PriorityClass/{priority}" not in there:
                wanted.setdefault(("PriorityClass", "", priority), set())
        for (kind, namespace, name), keys in sorted(wanted.items()):
            if "/".join(filter(None, (kind, namespace, name))) in there:
                continue
            made: Manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
            if kind == "PriorityClass":
                made |= {"apiVersion": "scheduling.k8s.io/v1", "value": 0}
            else:
                made["metadata"]["namespace"] = namespace
                made["data" if kind == "ConfigMap" else "stringData"] = dict.fromkeys(sorted(keys), "made up")
            self.objects.append(made)
            with_keys = f", with {', '.join(sorted(keys))}" if keys else ""
            self.assumed.append(f"{kind.lower()}/{name}: is there{with_keys}")


def _named(spec: Manifest) -> Iterator[tuple[str, str, str]]:
    """(kind, name, key) of the configuration that a pod needs; the key may be empty."""
    sources = [source for volume in spec.get("volumes") or [] for source in _sources(volume)]
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for each in container.get("envFrom") or []:
            sources += [(sort, each[sort]) for sort in ("configMapRef", "secretRef") if sort in each]
        for each in container.get("env") or []:
            value = each.get("valueFrom") or {}
            sources += [(sort, value[sort]) for sort in ("configMapKeyRef", "secretKeyRef") if sort in value]
    for sort, source in sources:
        name = source.get("name") or source.get("secretName")
        if not name or source.get("optional"):
            continue
        kind = "ConfigMap" if sort.startswith("configMap") else "Secret"
        keys = [each["key"] for each in source.get("items") or []] or [source.get("key", "")]
        for key in keys:
            yield kind, name, key


def _sources(volume: Manifest) -> Iterator[tuple[str, Manifest]]:
    for sort in ("configMap", "secret"):
        if volume.get(sort):
            yield sort, volume[sort]
    for each in (volume.get("projected") or {}).get("sources") or []:
        for sort in ("configMap", "secret"):
            if each.get(sort):
                yield sort, each[sort]
