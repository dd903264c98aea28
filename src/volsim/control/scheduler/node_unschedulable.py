"""NodeUnschedulable: a cordoned node takes no new pods.

Modelled: `spec.unschedulable`, the toleration of the taint that stands for it.
Not modelled: nothing known.
Source: kube-scheduler, plugins/nodeunschedulable/node_unschedulable.go.
"""

from __future__ import annotations

from volsim.control.scheduler.framework import Attempt, Known, Plugin, Status, unresolvable
from volsim.control.scheduler.node_facts import NodeInfo
from volsim.objects import Pod, Taint
from volsim.objects.tolerations import tolerates
from volsim.state import Change, View

__all__ = ["PLUGIN"]

UNSCHEDULABLE = unresolvable("node(s) were unschedulable")
TAINT = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


def pre_filter(attempt: Attempt) -> Known | None:
    """The filter; none for a pod that tolerates cordoned nodes (a DaemonSet's)."""
    if any(tolerates(each, TAINT) for each in attempt.pod.spec.tolerations):
        return None
    return Known(_filter, lambda lineup: [(UNSCHEDULABLE, lineup.unschedulable)])


def _filter(node: NodeInfo) -> Status | None:
    return UNSCHEDULABLE if node.facts.unschedulable else None


def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A node that is new and open, or that was uncordoned."""
    before, after = change.before, change.after
    return after is not None and not after.spec.unschedulable and (before is None or bool(before.spec.unschedulable))


PLUGIN = Plugin(name="NodeUnschedulable", pre_filter=pre_filter, wakes={"nodes": node_may_help})
