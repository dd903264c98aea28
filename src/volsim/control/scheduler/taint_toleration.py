"""TaintToleration: a pod goes only to nodes whose taints it tolerates, and rather to those without soft taints.

Modelled: NoSchedule and NoExecute taints, PreferNoSchedule as a score.
Not modelled: the operators `Lt` and `Gt` (an alpha feature).
Source: kube-scheduler, plugins/tainttoleration/taint_toleration.go; component-helpers, scheduling/corev1/helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from volsim.control.scheduler.framework import Attempt, Known, Plugin, Status, normalized, unresolvable
from volsim.control.scheduler.lineup import Lineup, Nodes, union
from volsim.control.scheduler.node_facts import NodeInfo, facts_of
from volsim.objects import Pod, Taint
from volsim.objects.tolerations import tolerates
from volsim.rules import Rules
from volsim.state import Change, View

__all__ = ["PLUGIN", "tolerated", "untolerated"]


def untolerated(pod: Pod, taints: Sequence[Taint]) -> Taint | None:
    """The first of the taints that the pod does not tolerate, or None.

    >>> untolerated(Pod(), [Taint(key="dedicated", value="db", effect="NoSchedule")]).key
    'dedicated'
    """
    for taint in taints:
        if not any(tolerates(each, taint) for each in pod.spec.tolerations):
            return taint
    return None


def reason(taint: Taint, rules: Rules) -> str:
    """Why a node with this taint is out of the question, in the words of the version.

    >>> reason(Taint(key="dedicated", value="db", effect="NoSchedule"), Rules.for_version("1.30"))
    'node(s) had untolerated taint {dedicated: db}'
    """
    if rules.terse_taint_reason:
        return "node(s) had untolerated taint(s)"
    named = f"{{{taint.key}: {taint.value or ''}}}"
    if rules.untolerated_taint_reason:
        return f"node(s) had untolerated taint {named}"
    if rules.taint_named_in_reason:
        return f"node(s) had taint {named}, that the pod didn't tolerate"
    return "node(s) had taints that the pod didn't tolerate"


def tolerated(pod: Pod, lineup: Lineup) -> Nodes:
    """All nodes whose taints the pod tolerates.

    >>> tolerated(Pod(), Lineup([]))
    0
    """
    return lineup.every & ~union(
        nodes for taints, nodes in lineup.by_taints.items() if untolerated(pod, taints) is not None
    )


def pre_filter(attempt: Attempt) -> Known:
    """The filter."""
    pod, rules = attempt.pod, attempt.rules

    def check(node: NodeInfo) -> Status | None:
        taints = node.facts.taints
        taint = untolerated(pod, taints) if taints else None
        return None if taint is None else unresolvable(reason(taint, rules))

    def refused(lineup: Lineup) -> Iterator[tuple[Status, Nodes]]:
        for taints, nodes in lineup.by_taints.items():
            taint = untolerated(pod, taints)
            if taint is not None:
                yield unresolvable(reason(taint, rules)), nodes

    return Known(check, refused)


def score(attempt: Attempt, nodes: Sequence[NodeInfo]) -> list[int] | None:
    """The fewer soft taints that the pod does not tolerate, the better; no say where there is none."""
    if not attempt.lineup.has_soft_taints or not any(node.facts.soft_taints for node in nodes):
        return None
    soft = [each for each in attempt.pod.spec.tolerations if each.effect in (None, "", "PreferNoSchedule")]
    counts = [
        sum(not any(tolerates(each, taint) for each in soft) for taint in node.facts.soft_taints) for node in nodes
    ]
    return normalized(counts, reverse=True)


def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A node whose taints the pod tolerates and did not before."""
    before, after = change.before, change.after
    if after is None or untolerated(pod, facts_of(after).taints) is not None:
        return False
    return before is None or untolerated(pod, facts_of(before).taints) is not None


PLUGIN = Plugin(
    name="TaintToleration",
    pre_filter=pre_filter,
    score=score,
    weight=lambda rules: 3 if rules.scheduler_weights_preferences else 1,
    wakes={"nodes": node_may_help},
)
