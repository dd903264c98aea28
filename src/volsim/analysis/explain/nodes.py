"""What is known of a node, what becomes of its pods and disks and when; what would help, and what that risks."""

from __future__ import annotations

from volsim.analysis.explain import disks, silence
from volsim.analysis.explain.explanation import Explanation
from volsim.analysis.explain.findings import Findings
from volsim.control.attach_detach import OUT_OF_SERVICE, users
from volsim.control.pod_gc import removed_at
from volsim.control.taint_eviction import no_execute
from volsim.objects import Node, Pod
from volsim.state import View, is_ready
from volsim.state.runtime import Attachment

__all__ = ["explain"]

MOST_LISTED = 10
"""How many pods and disks are told of. Nobody reads more."""


def explain(view: View, node: Node) -> Explanation:
    """Why the node is as it is now, and what follows for what is on it.

    >>> from volsim import Simulation
    >>> sim = Simulation(nodes=1)
    >>> print(explain(sim.state, sim.get("node/node01")))
    node/node01 is Ready; no pods are on it.
    """
    name = node.metadata.name or ""
    found = Findings(view, f"node/{name}")
    silent = silence.is_silent(view, name)
    if silent:
        silence.say_why_silent(found, name)
        silence.say_detection(found, node)
    _say_taints(found, node, silent)
    pods = [pod for pod in view.pods_on(name) if pod.status.phase not in ("Succeeded", "Failed")]
    for pod in pods[:MOST_LISTED]:
        _say_pod(found, node, pod, silent)
    _say_disks(found, name)
    if silent:
        silence.how_to_replace(found, name)
    return found.explanation(f"{found.about} {_state(node, silent)}; {_counted(len(pods))} on it.")


def _state(node: Node, silent: bool) -> str:
    if silent:
        return "does not answer, and is still shown as Ready" if is_ready(node) else "does not answer"
    said = "is Ready" if is_ready(node) else "answers, but is not Ready"
    return f"{said}, and cordoned" if node.spec.unschedulable else said


def _counted(pods: int) -> str:
    return "no pods are" if not pods else "1 pod is" if pods == 1 else f"{pods} pods are"


def _say_taints(found: Findings, node: Node, silent: bool) -> None:
    if node.spec.unschedulable:
        found.cause("cordoned", "somebody has marked it unschedulable: it gets no new pods, and keeps those it has")
        found.remedy(f"kubectl uncordon {node.metadata.name}")
    for taint in node.spec.taints:
        if taint.key != OUT_OF_SERVICE:
            continue
        text = "it is marked out of service: its pods are removed by force, and disks detached without asking it"
        found.cause("out-of-service", text, found.about)
        if not silent:
            found.remedy(
                f"kubectl taint node {node.metadata.name} {OUT_OF_SERVICE}-: it is back, and must not keep that"
            )


def _say_pod(found: Findings, node: Node, pod: Pod, silent: bool) -> None:
    """What becomes of one of its pods."""
    address = f"pod/{pod.metadata.name}"
    if pod.metadata.deletion_timestamp is not None:
        due_us = removed_at(found.view, pod)
        if due_us is not None:
            found.expect("removed", f"pod {pod.key} is removed", due_us, address)
        elif silent:
            text = f"pod {pod.key} was told to go, and stays until the node confirms that it has ended"
            found.cause("unconfirmed", text, address)
    elif no_execute(node):
        silence.lost_patience(found, pod, node)


def _say_disks(found: Findings, name: str) -> None:
    """Which disks it has without pods that want them."""
    view = found.view
    for key in list(view.group("attach_detach_by_node", name))[:MOST_LISTED]:
        row: Attachment = view.get("attach_detach", key)
        if row.holds and row.state != "attaching" and not users(view, row):
            disks.say_leaving(found, row)
