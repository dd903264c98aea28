"""What a cluster consists of before anybody uses it: its namespaces, its nodes, its controllers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from volsim.apiserver import requests
from volsim.control.contract import Controller
from volsim.control.persistent_volume.plugins import in_tree_plugins
from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.manifests import load
from volsim.objects import Namespace, Node, ObjectMeta
from volsim.rules import Rules
from volsim.state import Draft

__all__ = ["CONTROLLERS", "bootstrap", "default_engine", "node_objects"]

CONTROLLERS: tuple[str, ...] = (
    "persistent_volume",
    "protection",
    "attach_detach",
    "csi.attacher",
    "csi.provisioner",
    "csi.resizer",
    "csi.node_expansion",
    "node_lifecycle",  # taints are set and taken away before pods are tried: recordings of uncordoned nodes show it
    "scheduler",
    "deployment",
    "replica_set",
    "stateful_set",
    "daemon_set",
    "job",
    "cron_job",
    "ttl_after_finished",
    "disruption",
    "ephemeral_volume",
    "garbage_collector",
    "namespace",
    "pod_gc",
    "taint_eviction",
    "kubelet.node",
    "kubelet.static_pods",
    "kubelet.pods",
    "kubelet.pressure",
)
"""The modules of `volsim.control` whose controllers make up a cluster, in the order in which they break ties."""

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")

_ENGINE: list[Engine] = []


def default_engine() -> Engine:
    """The engine with all controllers of Kubernetes that are modelled; made once."""
    if not _ENGINE:
        _ENGINE.append(Engine(tuple(each for name in CONTROLLERS for each in _controllers(name))))
    return _ENGINE[0]


def _controllers(module: str) -> tuple[Controller, ...]:
    found = import_module(f"volsim.control.{module}")
    several = getattr(found, "CONTROLLERS", None)
    return tuple(several) if several is not None else (found.CONTROLLER,)


def bootstrap(draft: Draft) -> None:
    """Make what every cluster has: some namespaces, and the volume plugins of its controller manager."""
    for name in NAMESPACES:
        requests.create(draft, Namespace(metadata=ObjectMeta(name=name)))
    for plugin in in_tree_plugins(draft.rules):
        draft.put("plugins", plugin.name, plugin)


def node_objects(nodes: int | Sequence[str | Mapping[str, Any] | Node] | Any, rules: Rules) -> list[Node]:
    """The Node objects that `nodes` stands for: a number, names, manifests or objects."""
    if isinstance(nodes, bool) or (isinstance(nodes, int) and nodes < 0):
        raise VolsimError(f"nodes={nodes!r}: give a number from 0 on, names, manifests or Node objects")
    if isinstance(nodes, int):
        width = max(2, len(str(nodes)))
        return [_node(f"node{number:0{width}}") for number in range(1, nodes + 1)]
    made: list[Node] = []
    for each in nodes if isinstance(nodes, list | tuple) else [nodes]:
        if isinstance(each, str) and "\n" not in each and ":" not in each and "/" not in each:
            made.append(_node(each))
        else:
            for obj in load(each):
                if not isinstance(obj, Node):
                    raise VolsimError(f"nodes=…: {obj.kind} {obj.metadata.name!r} is no Node")
                made.append(obj)
    names = [node.metadata.name for node in made]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise VolsimError(f"nodes=…: {', '.join(map(repr, twice))} stands there more than once")
    return made


def _node(name: str) -> Node:
    return Node(metadata=ObjectMeta(name=name))
