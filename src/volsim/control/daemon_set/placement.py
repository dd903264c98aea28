"""On which nodes a daemon set's pod belongs, and how a pod is tied to its node.

Modelled: node selector and required node affinity, taints with the tolerations that daemon pods get, `nodeName` in the
template, the affinity by which the scheduler finds the node.
Not modelled: resources and ports (the scheduler sees to them).
Source: kube-controller-manager, pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod),
pkg/controller/daemon/util/daemonset_util.go.
"""

from __future__ import annotations

from typing import NamedTuple

from volsim.objects import (
    Affinity,
    FrozenDict,
    Node,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Pod,
    PodSpec,
    PodTemplateSpec,
    Toleration,
)
from volsim.objects.tolerations import tolerates

__all__ = ["GENERATION_LABEL", "HASH_LABEL", "Placement", "placement", "target_node", "template_for"]

HASH_LABEL = "controller-revision-hash"
GENERATION_LABEL = "pod-template-generation"
_NAME_FIELD = "metadata.name"
_NO_EXECUTE = ("not-ready", "unreachable")
_NO_SCHEDULE = ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")


class Placement(NamedTuple):
    """Whether a daemon pod should be made on a node, and whether one that is there should stay."""

    run: bool
    stay: bool


def _tolerations(spec: PodSpec) -> tuple[Toleration, ...]:
    """The tolerations of a daemon pod: it stays on nodes that are in trouble, and goes to those that are cordoned."""
    names = [(name, "NoExecute") for name in _NO_EXECUTE] + [(name, "NoSchedule") for name in _NO_SCHEDULE]
    if spec.host_network:
        names.append(("network-unavailable", "NoSchedule"))
    added = [Toleration(key=f"node.kubernetes.io/{name}", operator="Exists", effect=effect) for name, effect in names]
    same = {(each.key, each.operator, each.effect) for each in added}
    given = (each for each in spec.tolerations if (each.key, each.operator, each.effect) not in same or each.value)
    return (*given, *added)


def placement(template: PodTemplateSpec, node: Node) -> Placement:
    """What the template's node selector, affinity and tolerations say about a node.

    >>> placement(PodTemplateSpec(), Node())
    Placement(run=True, stay=True)
    """
    spec = template.spec
    if spec.node_name not in (None, "", node.name) or not _is_selected(spec, node):
        return Placement(run=False, stay=False)
    tolerations = _tolerations(spec)
    effects = {
        taint.effect
        for taint in node.spec.taints
        if taint.effect in ("NoSchedule", "NoExecute") and not any(tolerates(each, taint) for each in tolerations)
    }
    return Placement(run=not effects, stay="NoExecute" not in effects)


def _is_selected(spec: PodSpec, node: Node) -> bool:
    labels = node.metadata.labels
    if not spec.node_selector.items() <= labels.items():
        return False
    affinity = spec.affinity.node_affinity if spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
    return required is None or required.matches(labels, {_NAME_FIELD: node.name})


def template_for(template: PodTemplateSpec, node: str, hashed: str, generation: str | None) -> PodTemplateSpec:
    """The template of the pod for one node: with its tolerations, its revision, and an affinity for that node alone."""
    labels = {**template.metadata.labels, HASH_LABEL: hashed}
    if generation is not None:
        labels[GENERATION_LABEL] = generation
    spec = template.spec.replace(
        tolerations=_tolerations(template.spec), affinity=_pinned(template.spec.affinity or Affinity(), node)
    )
    return template.replace(metadata=template.metadata.replace(labels=FrozenDict(labels)), spec=spec)


def _pinned(affinity: Affinity, node: str) -> Affinity:
    """The affinity with the node's name in the place of what it required of nodes."""
    requirement = NodeSelectorRequirement(key=_NAME_FIELD, operator="In", values=(node,))
    required = NodeSelector(node_selector_terms=(NodeSelectorTerm(match_fields=(requirement,)),))
    nodes = affinity.node_affinity or NodeAffinity()
    return affinity.replace(node_affinity=nodes.replace(required_during_scheduling_ignored_during_execution=required))


def target_node(pod: Pod) -> str:
    """The node that a daemon pod is on or meant for; an empty text if nothing says so."""
    if pod.spec.node_name:
        return pod.spec.node_name
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
    for term in required.node_selector_terms if required is not None else ():
        for each in term.match_fields:
            if each.key == _NAME_FIELD and each.operator == "In" and len(each.values) == 1:
                return each.values[0]
    return ""
