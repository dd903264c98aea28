"""Why a pod is Pending, does not run, is not evicted or does not go; what comes next and when; what would help.

A simulation knows more than a cluster's administrator: also what goes on on a node that nobody hears of.
"""

from __future__ import annotations

from volsim.analysis.explain import disks, silence
from volsim.analysis.explain.explanation import Explanation
from volsim.analysis.explain.findings import Findings
from volsim.analysis.explain.scheduling import explain_pending
from volsim.control.attachable import bound_volume
from volsim.control.pod_gc import is_abandoned, removed_at
from volsim.control.taint_eviction import no_execute
from volsim.objects import Pod
from volsim.state import View
from volsim.state.runtime import Container, Sandbox

__all__ = ["explain"]


def explain(view: View, pod: Pod) -> Explanation:
    """Why the pod is as it is now.

    >>> from volsim import Simulation
    >>> sim = Simulation(nodes=1)
    >>> pods = sim.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {
    ...     "containers": [{"name": "web", "image": "nginx"}]}})
    >>> _ = sim.settle()
    >>> print(explain(sim.state, sim.get("pod/web")))
    pod/web is Running on node node01, and ready.
    """
    found = Findings(view, f"pod/{pod.metadata.name}")
    if pod.metadata.deletion_timestamp is not None:
        return _terminating(found, pod)
    if pod.status.phase in ("Succeeded", "Failed"):
        return _ended(found, pod)
    if not pod.spec.node_name:
        return explain_pending(view, pod)
    if silence.is_silent(view, pod.spec.node_name):
        return _on_a_silent_node(found, pod)
    return _on_its_node(found, pod)


# -- on its way out ----------------------------------------------------------------------------------------------------
def _terminating(found: Findings, pod: Pod) -> Explanation:
    """Who has to confirm that it is gone, and what keeps him."""
    view, node = found.view, pod.spec.node_name or ""
    due_us = removed_at(view, pod)
    if due_us is not None:
        where = f"node {node} is not there any more" if node not in view.nodes else f"node {node} is out of service"
        why = "it has no node" if not node else where
        found.cause("no-kubelet", f"{why}, so the pod garbage collector removes it in one of its passes")
        found.expect("removed", f"pod {pod.key} is removed", due_us, found.about)
        if not is_abandoned(view, pod) and node:
            found.remedy(f"kubectl delete pod {pod.metadata.name} -n {pod.metadata.namespace} --force: at once")
    elif silence.is_silent(view, node):
        silence.say_why_silent(found, node)
        text = "only its kubelet can say that its containers have ended, so its object stays for ever"
        found.cause("unconfirmed", text, f"node/{node}")
        silence.how_to_replace(found, node, pod)
    else:
        _say_grace(found, pod)
    _say_finalizers(found, pod)
    return found.explanation(f"{found.about} is Terminating, and its object is still there.")


def _say_grace(found: Findings, pod: Pod) -> None:
    """What its kubelet waits for."""
    sandbox: Sandbox | None = found.view.get("sandboxes", pod.metadata.uid or "")
    running = [name for name, row in _containers(found.view, pod) if row.running]
    if sandbox is None or not running:
        return
    text = f"its kubelet has told its containers to stop ({', '.join(running)}), and they have not yet"
    found.cause("grace", text, f"node/{pod.spec.node_name}")
    rows = [row for _, row in _containers(found.view, pod) if row.running]
    kills = [row.kill_us or row.until_us for row in rows]
    ends_us = max((each for each in kills if each is not None), default=sandbox.kill_us)
    if ends_us is not None:
        text = f"what of pod {pod.key} still runs is killed: its grace period is over"
        found.expect("killed", text, ends_us, found.about)
        found.remedy("a shorter grace period, or a program that stops when it gets TERM")


def _say_finalizers(found: Findings, pod: Pod) -> None:
    for name in pod.metadata.finalizers:
        text = f"finalizer {name} holds its object, until whoever set it takes it away"
        found.cause("held", text, found.about)
        found.remedy(f"take finalizer {name} away by a patch; what it was to wait for is then not done")


# -- ended -------------------------------------------------------------------------------------------------------------
def _ended(found: Findings, pod: Pod) -> Explanation:
    status = pod.status
    for told in status.container_statuses:
        ended = told.state.terminated if told.state is not None else None
        if ended is not None:
            text = f"container {told.name} ended with exit code {ended.exit_code} ({ended.reason})"
            found.cause("container-ended", text)
    if status.reason:
        found.cause("ended-by-kubelet", f"{status.reason}: {status.message}")
    text = "an ended pod stays until somebody deletes it, and until then its claims count as used"
    found.remedy(f"delete it when its logs are not wanted any more: {text}")
    return found.explanation(f"{found.about} has ended: {status.phase}.")


# -- a node that does not answer ---------------------------------------------------------------------------------------
def _on_a_silent_node(found: Findings, pod: Pod) -> Explanation:
    """Why it is still there though nobody hears of its node, and when it is told to go."""
    view, name = found.view, pod.spec.node_name or ""
    silence.say_why_silent(found, name)
    node = view.nodes.get(name)
    if node is None:
        found.cause("node-gone", f"there is no object for node {name} any more", f"node/{name}")
        due_us = removed_at(view, pod)
        assert due_us is not None, "pods of a node that is not there are collected"
        found.expect("removed", f"pod {pod.key} is removed by the pod garbage collector", due_us, found.about)
    elif silence.say_detection(found, node):
        silence.lost_patience(found, pod, node)
    silence.how_to_replace(found, name, pod)
    what = pod.status.phase or "Pending"
    return found.explanation(f"{found.about} is {what} as far as anybody knows: its node {name} does not answer.")


# -- a node that answers -----------------------------------------------------------------------------------------------
def _on_its_node(found: Findings, pod: Pod) -> Explanation:
    """What its kubelet is doing with it."""
    view, name = found.view, pod.spec.node_name or ""
    node = view.nodes.get(name)
    if node is not None and no_execute(node):
        silence.lost_patience(found, pod, node)
    waits = disks.say_waiting(found, pod)
    _say_claims(found, pod)
    _say_mounting(found, pod)
    _say_initialising(found, pod)
    for container, row in _containers(view, pod):
        _say_container(found, container, row)
    ready = any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions)
    if ready:
        return found.explanation(f"{found.about} is Running on node {name}, and ready.")
    if pod.status.phase == "Running":
        return found.explanation(f"{found.about} is Running on node {name}, but not ready.")
    why = "it waits for a disk" if waits else "its kubelet has not started all of it yet"
    return found.explanation(f"{found.about} is {pod.status.phase or 'Pending'} on node {name}: {why}.")


def _say_claims(found: Findings, pod: Pod) -> None:
    """Claims that are not bound: the kubelet waits for those of pods that did not go through the scheduler."""
    for volume in pod.spec.volumes:
        source = volume.persistent_volume_claim
        if source is None or bound_volume(found.view, pod, volume) is not None:
            continue
        claim = found.view.persistent_volume_claims.get(f"{pod.metadata.namespace}/{source.claim_name}")
        what = "is not there" if claim is None else f"is {claim.status.phase}"
        address = f"pvc/{source.claim_name}"
        found.cause("claim-not-bound", f"claim {source.claim_name} of its volume {volume.name} {what}", address)
        found.remedy(f"create claim {source.claim_name}" if claim is None else f'see sim.explain("{address}")')


def _say_mounting(found: Findings, pod: Pod) -> None:
    """What the kubelet says of volumes that it cannot mount."""
    sandbox: Sandbox | None = found.view.get("sandboxes", pod.metadata.uid or "")
    if sandbox is None or sandbox.retry_us is None:
        return
    if sandbox.mount_error:
        found.cause("mount-fails", sandbox.mount_error, found.about)
        found.expect("mount-retried", "the kubelet tries again to mount it", sandbox.retry_us, found.about)
    else:
        found.expect("volume-looked-up", "the kubelet looks again what the volume is", sandbox.retry_us, found.about)


def _containers(view: View, pod: Pod) -> list[tuple[str, Container]]:
    """What the kubelet knows of the pod's containers, those that it has begun with."""
    specs = (*pod.spec.init_containers, *pod.spec.containers)
    rows = ((spec.name or "", view.get("containers", f"{pod.metadata.uid}/{spec.name}")) for spec in specs)
    return [(name, row) for name, row in rows if row is not None]


def _say_container(found: Findings, name: str, row: Container) -> None:
    """Why a container does not run, or is not ready; and when it is tried again."""
    if row.running:
        _say_probes(found, name, row)
        return
    if not row.waiting:
        return
    if row.waiting == "CrashLoopBackOff":
        text = f"container {name} ended with exit code {row.exit_code} each time, {row.restarts + 1} times so far"
        found.cause("crash-loop", text, found.about)
        at_us = (row.finished_us or 0) + row.backoff_us
        found.expect("restarted", f"container {name} is started again", at_us, found.about)
        found.remedy(f"see what it said: kubectl logs {found.about.partition('/')[2]} -c {name} --previous")
        return
    code = {"CreateContainerConfigError": "configuration-missing"}.get(row.waiting, "not-started")
    found.cause(code, f"container {name}: {row.waiting}: {row.waiting_message}", found.about)
    if row.retry_us is not None and row.retry_us > found.view.now_us:
        found.expect("image-pulled", f"the image of container {name} is asked for again", row.retry_us, found.about)


def _say_probes(found: Findings, name: str, row: Container) -> None:
    """The probes that keep a container that runs from being ready."""
    for probe in row.probes:
        if probe.kind == "liveness" or probe.holds:
            continue
        text = f"the {probe.kind} probe of container {name} has not succeeded yet"
        if probe.last is False:
            text = f"the {probe.kind} probe of container {name} fails"
        found.cause("probe-fails", text, found.about)
        if probe.due_us is not None:
            found.expect("probed", f"container {name} is asked again", probe.due_us, found.about)


def _say_initialising(found: Findings, pod: Pod) -> None:
    """The init container for whose end the others wait."""
    for spec in pod.spec.init_containers:
        row: Container | None = found.view.get("containers", f"{pod.metadata.uid}/{spec.name}")
        if row is not None and row.running and spec.restart_policy != "Always":
            text = f"init container {spec.name} runs, and has to end before the next one starts"
            found.cause("initialising", text, found.about)
