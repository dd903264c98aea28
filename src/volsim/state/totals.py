"""What is added up on every write: amounts over groups of a table's rows, such as what the pods of a node ask for.

A total is derived, like an index (`volsim.state.indexes`): it can be rebuilt from the tables at any time, and a law
test does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from volsim.objects import Node, Pod
from volsim.objects.resources import Amounts, pod_requests, scored_requests
from volsim.state.fingerprint import fingerprint, scattered
from volsim.state.indexes import is_ready, same_key, same_spec, zone_of
from volsim.state.table import Table

__all__ = ["TOTALS", "Total", "totals_rebuilt"]


class Total(NamedTuple):
    """Amounts added up over groups of a table's rows: a tuple of integers for each group that is not empty."""

    name: str
    table: str
    group: Callable[[Any], str | None]
    """The group that a row counts for; None for none."""
    amounts: Callable[[Any], tuple[int, ...]]
    unchanged: Callable[[Any, Any], bool]
    """Whether a row, before and after a write, surely counts the same, given that it counts for the same group."""
    what: str = ""
    trailed: bool = False
    """Whether the groups whose sums change are noted on the state's trail."""


def _node_of_live_pod(pod: Pod) -> str | None:
    """The scheduler does not count pods that have ended."""
    return None if pod.status.phase in ("Succeeded", "Failed") else pod.spec.node_name or None


def _requests(pod: Pod) -> tuple[int, ...]:
    amounts: Amounts = pod_requests(pod.spec)
    cpu, memory = scored_requests(pod.spec)
    return (1, amounts.get("cpu", 0), amounts.get("memory", 0), amounts.get("ephemeral-storage", 0), cpu, memory)


def _position(node: Node) -> tuple[int, ...]:
    """What the scheduler looks at in a node: not its conditions, nor which disks it has."""
    meta, spec = node.metadata, node.spec
    what = (meta.name, meta.labels, spec.taints, bool(spec.unschedulable), node.status.allocatable)
    return (1, scattered(fingerprint(what)))


def _same_position(before: Node, after: Node) -> bool:
    return (
        before.metadata.labels is after.metadata.labels
        and before.spec is after.spec
        and before.status.allocatable is after.status.allocatable
    )


def _zone_that_counts(node: Node) -> str | None:
    excluded = "node.kubernetes.io/exclude-disruption" in node.metadata.labels
    return None if excluded else zone_of(node)


def _health(node: Node) -> tuple[int, ...]:
    return (1, 0 if is_ready(node) else 1)


def _same_conditions(before: Node, after: Node) -> bool:
    return before.status.conditions is after.status.conditions


TOTALS: tuple[Total, ...] = (
    Total(
        "node_usage",
        "pods",
        _node_of_live_pod,
        _requests,
        same_spec,
        what="by node, over its pods that have not ended: pods, cpu (thousandths), memory and ephemeral storage "
        "(bytes) asked for, and cpu and memory as scoring counts them (with defaults for what asks for nothing)",
        trailed=True,
    ),
    Total(
        "reserved_usage",
        "scheduling",
        lambda memory: memory.node or None,
        lambda memory: memory.asks,
        lambda before, after: before.asks == after.asks,
        what="the same, over the pods for which the node is reserved while their volumes are being bound",
        trailed=True,
    ),
    Total(
        "ended_pods",
        "pods",
        lambda pod: "" if pod.status.phase in ("Succeeded", "Failed") else None,
        lambda pod: (1,),
        same_key,
        what="pods that have ended (one group, named '')",
    ),
    Total(
        "nodes_alike",
        "nodes",
        lambda node: "",
        _position,
        _same_position,
        what="the nodes' fingerprints, as the scheduler sees them (one group, named ''): the same sums stand for the "
        "same nodes",
    ),
    Total(
        "zone_health",
        "nodes",
        _zone_that_counts,
        _health,
        _same_conditions,
        what="by zone: nodes, and those of them that are not ready",
    ),
)


def totals_rebuilt(tables: dict[str, Table[str, Any]]) -> dict[str, dict[str, tuple[int, ...]]]:
    """All totals computed afresh from the tables: total -> group -> sums. For tests."""
    found: dict[str, dict[str, tuple[int, ...]]] = {total.name: {} for total in TOTALS}
    for total in TOTALS:
        for row in tables.get(total.table, Table()).values():
            group = total.group(row)
            if group is not None:
                sums = found[total.name]
                amounts = total.amounts(row)
                sums[group] = tuple(map(sum, zip(sums[group], amounts, strict=True))) if group in sums else amounts
    return found
