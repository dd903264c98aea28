"""What the scheduler says when no node is found: the text of the condition and of the event.

Modelled: the counts of reasons over all nodes, sorted as texts; what PreFilter and PostFilter plugins say; the wordings
of the versions.
Not modelled: the cut of an event's text at 1024 bytes; before 1.18 all reasons of resources, ports and selectors of a
node were given, here the first.
Source: kube-scheduler, pkg/scheduler/framework/types.go (FitError); before 1.20, core/generic_scheduler.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from volsim.control.scheduler.framework import Code, Status
from volsim.control.scheduler.volume_binding import IMMEDIATE
from volsim.objects import Pod
from volsim.rules import Rules

__all__ = ["NO_NODES", "fit_error", "preemption_text", "turned_away"]

NO_NODES = "no nodes available to schedule pods"
"""What is said where there is no node at all."""
NOT_HELPFUL = "Preemption is not helpful for scheduling"


def fit_error(nodes: int, refused: Iterable[tuple[Status, int]], elsewhere: str = "") -> str:
    """The text for so many nodes of which none fits: why, and how many of them; `elsewhere` is why the others do not.

    >>> from volsim.control.scheduler.framework import unresolvable
    >>> fit_error(3, [(unresolvable("no disk"), 1), (unresolvable("cold"), 2)])
    '0/3 nodes are available: 1 no disk, 2 cold.'
    """
    counted: Counter[str] = Counter()
    others = nodes
    for status, count in refused:
        others -= count
        for reason in status.reasons:
            counted[reason] += count
    if elsewhere and others > 0:
        counted[elsewhere] += others
    lines = sorted(f"{count} {reason}" for reason, count in counted.items())
    return f"0/{nodes} nodes are available:" + (f" {', '.join(lines)}." if lines else "")


def preemption_text(nodes: int, refused: Iterable[tuple[Status, int]]) -> str:
    """Why preemption does not help: why, and on how many nodes; on all others it could not.

    >>> preemption_text(2, [])
    '0/2 nodes are available: 2 Preemption is not helpful for scheduling.'
    """
    return fit_error(nodes, refused, NOT_HELPFUL)


def turned_away(pod: Pod, status: Status, nodes: int, rules: Rules) -> str:
    """The text for a pod that a PreFilter plugin turned away from all nodes at once.

    >>> turned_away(Pod(), Status(Code.UNRESOLVABLE, ("no claim",)), 3, Rules())
    '0/3 nodes are available: no claim.'
    """
    reason = ", ".join(status.reasons)
    unbound = status.reasons == (IMMEDIATE,)
    if unbound and rules.unbound_claim_names_plugin:
        return f'running "VolumeBinding" filter plugin for pod "{pod.metadata.name}": {reason}'
    if unbound and not rules.unbound_claim_is_counted:  # the same error of each node
        return f"{reason} (repeated {nodes} times)" if nodes > 1 else reason
    if status.code is Code.ERROR or (not unbound and not rules.missing_claim_is_counted):
        return reason
    count = "" if rules.pre_filter_reason_uncounted else f"{nodes} "
    return f"0/{nodes} nodes are available: {count}{reason}."
