"""Nodes as the scheduler looks at them: what follows from a Node object alone, and what its pods ask for.

It is worked out once, not once for each pod that looks for a node. Both are values: the facts belong to one Node
record, and a `NodeInfo` to the facts and one tuple of usage.

Source: kube-scheduler, pkg/scheduler/framework/types.go (NodeInfo).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from volsim.objects import Node
from volsim.objects.resources import Amounts, amount_of
from volsim.state import View

__all__ = ["UNUSED", "NodeFacts", "NodeInfo", "Question", "Usage", "facts_of", "question", "usage_of"]

Usage = tuple[int, ...]
UNUSED: Usage = (0, 0, 0, 0, 0, 0)
"""The usage of a node without pods: pods, cpu, memory and ephemeral storage asked for, cpu and memory as scored."""


class NodeFacts:
    """A node as the scheduler looks at it."""

    __slots__ = (
        "allocatable", "cpu", "labels", "memory", "name", "node", "pods", "soft_taints", "storage", "taints",
        "unschedulable",
    )  # fmt: skip

    def __init__(self, node: Node) -> None:
        self.node = node
        self.name = node.metadata.name or ""
        self.labels = node.metadata.labels
        self.allocatable: Amounts = {
            name: amount_of(name, quantity) for name, quantity in node.status.allocatable.items()
        }
        self.cpu, self.memory = self.allocatable.get("cpu", 0), self.allocatable.get("memory", 0)
        self.storage, self.pods = self.allocatable.get("ephemeral-storage", 0), self.allocatable.get("pods", 0)
        self.taints = tuple(taint for taint in node.spec.taints if taint.effect in ("NoSchedule", "NoExecute"))
        self.soft_taints = tuple(taint for taint in node.spec.taints if taint.effect == "PreferNoSchedule")
        self.unschedulable = bool(node.spec.unschedulable)


class NodeInfo:
    """A node and what its pods ask for."""

    __slots__ = ("facts", "labels", "name", "usage")

    def __init__(self, facts: NodeFacts, usage: Usage) -> None:
        self.facts = facts
        self.usage = usage
        self.name = facts.name
        self.labels: Mapping[str, str] = facts.labels


_KNOWN: dict[int, NodeFacts] = {}
_KNOWN_LIMIT = 50_000  # forget all and start again: bounds memory where many clusters come and go


def facts_of(node: Node) -> NodeFacts:
    """The facts of a node, remembered for this very record (which never changes).

    >>> facts_of(Node()).unschedulable
    False
    """
    found = _KNOWN.get(id(node))
    if found is None or found.node is not node:
        if len(_KNOWN) >= _KNOWN_LIMIT:
            _KNOWN.clear()
        found = _KNOWN[id(node)] = NodeFacts(node)  # holds the record, so that nothing else gets its id
    return found


def usage_of(view: View, name: str) -> Usage:
    """What the pods on a node ask for, those for which it is reserved included."""
    placed, reserved = view.total("node_usage", name), view.total("reserved_usage", name)
    if reserved is None:
        return UNUSED if placed is None else placed
    return reserved if placed is None else tuple(map(sum, zip(placed, reserved, strict=True)))


# -- remembering -------------------------------------------------------------------------------------------------------
class Question:
    """What a plugin asks about nodes, as a key that is cheap to look up: equal questions are the same object."""

    __slots__ = ()


_QUESTIONS: dict[Hashable, Question] = {}


def question(*what: Hashable) -> Question:
    """The question that is made up of these parts.

    >>> question("fit", 100) is question("fit", 100), question("fit", 100) is question("fit", 200)
    (True, False)
    """
    found = _QUESTIONS.get(what)
    if found is None:
        if len(_QUESTIONS) >= _KNOWN_LIMIT:
            _QUESTIONS.clear()
        found = _QUESTIONS[what] = Question()
    return found
