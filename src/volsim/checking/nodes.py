"""The nodes of a design that nobody has described: so many as it needs, and with what it asks of them.

A cluster that is only counted is no obstacle: it has the labels that selectors name, the devices that pods ask for, and
room for everything. What is told of a design is then about the design.

>>> pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeSelector": {"disk": "fast"}}}
>>> [node.metadata.name for node in counted(2, [pod])], labels_asked([pod])
(['node01', 'node02'], {'disk': ('fast',)})
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from volsim.checking.workloads import WORKLOADS, Manifest, template_of
from volsim.engine.cluster import node_objects
from volsim.errors import VolsimError
from volsim.objects import FrozenDict, Node, NodeStatus
from volsim.quantity import Quantity
from volsim.rules import Rules

__all__ = ["HOSTNAME", "USUAL", "ZONE", "counted", "labelled", "labels_asked", "wants_nodes_apart"]

USUAL = 3
"""How many nodes a design gets of which nobody says how many there are."""
MOST = 5000
"""Source: Kubernetes' documentation, considerations for large clusters."""
ZONE, HOSTNAME = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
_REGION = "topology.kubernetes.io/region"
_OLD = {"failure-domain.beta.kubernetes.io/zone": ZONE, "failure-domain.beta.kubernetes.io/region": _REGION}
_PLATFORM = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
"""What every node says of itself, if nobody says otherwise. Source: kubelet, kubelet_node_status."""
_LARGE = {"cpu": "256", "memory": "2Ti", "ephemeral-storage": "16Ti"}
"""How large nodes are whose size nobody has said is no finding about a design."""
_MANY, _HUGE_PAGES = "64", "512Gi"
"""How many there are of each device that a pod asks for, and how large the pages that it asks for are together."""

Alternatives = tuple[str, tuple[str, ...]]
"""A label, and the values of which one is wanted."""


def counted(given: int | None, objects: Sequence[Manifest]) -> tuple[Node, ...]:
    """So many nodes as are given; else three, or one more than pods that want a node each, if these are more.

    Raises `VolsimError` for none.
    """
    if given is not None and given > MOST:
        raise VolsimError(f"nodes={given}: a Kubernetes cluster has at most {MOST} nodes; few are enough here")
    hosts = list(dict.fromkeys(_hosts(objects)))
    number = (
        given if given is not None else max(USUAL, len(hosts), *(1 + each for each in _apart(objects) if each > USUAL))
    )
    usual = [node.metadata.name or "" for node in node_objects(number, Rules())]
    if not usual:
        raise VolsimError(f"nodes={given!r}: a design needs at least one node to run on")
    chosen = hosts[:number]
    chosen += [name for name in usual if name not in chosen][: number - len(chosen)]
    status = NodeStatus(capacity={name: Quantity(amount) for name, amount in _capacity(objects).items()})
    return tuple(node.replace(status=status) for node in node_objects(chosen, Rules()))


def labelled(nodes: Sequence[Node], objects: Iterable[Manifest]) -> tuple[Node, ...]:
    """Nodes with the labels for which a design asks; where it asks for several values, in turn.

    >>> volume = {"kind": "PersistentVolume", "metadata": {"name": "v", "labels": {ZONE: "eu-1"}}, "spec": {}}
    >>> [node.metadata.labels[ZONE] for node in labelled(counted(1, []), [volume])]
    ['eu-1']
    """
    asked = {ZONE: ("zone-a",), _REGION: ("region-1",), **labels_asked(objects)}
    return tuple(
        node.replace(
            metadata=node.metadata.replace(
                labels=FrozenDict({key: values[number % len(values)] for key, values in asked.items()})
            )
        )
        for number, node in enumerate(nodes)
    )


def labels_asked(objects: Iterable[Manifest]) -> dict[str, tuple[str, ...]]:
    """The labels that a design asks nodes to have, each with as few values as do for all that it asks."""
    found: dict[str, tuple[str, ...]] = {}
    for given, values in _terms(objects):
        key = _OLD.get(given, given)
        if (
            key != HOSTNAME
            and _PLATFORM.get(key) not in values
            and values
            and not set(values) & set(found.get(key, ()))
        ):
            found[key] = (*found.get(key, ()), values[0])
    for old, new in _OLD.items():
        if new in found and any(key == old for key, _ in _terms(objects)):
            found[old] = found[new]
    return found


# -- what a design asks for --------------------------------------------------------------------------------------------
def _terms(objects: Iterable[Manifest]) -> Iterator[Alternatives]:
    """The labels that nodes must have for pods, volumes and classes, each with the values that would do."""
    for manifest in objects:
        spec = manifest.get("spec") or {}
        if manifest["kind"] in WORKLOADS:
            yield from _terms_of_pod(template_of(manifest).get("spec") or {})
        elif manifest["kind"] == "PersistentVolume":
            yield from _terms_of((spec.get("nodeAffinity") or {}).get("required") or {})
            labels = manifest["metadata"].get("labels") or {}
            yield from ((key, tuple(labels[key].split("__"))) for key in (ZONE, _REGION, *_OLD) if key in labels)
        elif manifest["kind"] == "StorageClass":
            for term in manifest.get("allowedTopologies") or []:
                for each in term.get("matchLabelExpressions") or []:
                    yield each["key"], tuple(each["values"])


def _terms_of_pod(spec: Manifest) -> Iterator[Alternatives]:
    yield from ((key, (value,)) for key, value in (spec.get("nodeSelector") or {}).items())
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    yield from _terms_of(affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {})


def _terms_of(selector: Manifest) -> Iterator[Alternatives]:
    """What the first of the terms of a selector wants: one of them is enough."""
    for term in (selector.get("nodeSelectorTerms") or [])[:1]:
        for each in term.get("matchExpressions") or []:
            values = tuple(each.get("values") or ())
            match each["operator"]:
                case "In":
                    yield each["key"], values
                case "Exists":
                    yield each["key"], ("true",)
                case "Gt":
                    yield each["key"], tuple(str(int(value) + 1) for value in values)
                case "Lt":
                    yield each["key"], tuple(str(int(value) - 1) for value in values)


def _hosts(objects: Iterable[Manifest]) -> Iterator[str]:
    """The nodes that a design names."""
    for manifest in objects:
        spec = template_of(manifest).get("spec") or {} if manifest["kind"] in WORKLOADS else {}
        if spec.get("nodeName"):
            yield spec["nodeName"]
    for key, values in _terms(objects):
        if key == HOSTNAME:
            yield from values


def wants_nodes_apart(workload: Manifest) -> bool:
    """Whether each pod of a workload wants a node without another of them."""
    spec = template_of(workload).get("spec") or {} if workload["kind"] in WORKLOADS else {}
    affinity = (spec.get("affinity") or {}).get("podAntiAffinity") or {}
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or []
    ports = [port for each in spec.get("containers") or [] for port in each.get("ports") or []]
    return any(term.get("topologyKey") == HOSTNAME for term in terms) or any("hostPort" in each for each in ports)


def _apart(objects: Iterable[Manifest]) -> Iterator[int]:
    """For each workload that wants a node for each of its pods, how many these are."""
    for workload in objects:
        if wants_nodes_apart(workload):
            yield (workload.get("spec") or {}).get("replicas") or 1


def _capacity(objects: Iterable[Manifest]) -> dict[str, str]:
    """Room for everything, and of each device that a pod asks for some."""
    found = dict(_LARGE)
    for workload in objects:
        spec = template_of(workload).get("spec") or {} if workload["kind"] in WORKLOADS else {}
        for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
            resources = container.get("resources") or {}
            for name in {**(resources.get("limits") or {}), **(resources.get("requests") or {})}:
                found.setdefault(name, _HUGE_PAGES if name.startswith("hugepages-") else _MANY)
    return found
