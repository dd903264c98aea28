"""What keeps a workload's pod from being ready, in one sentence, and what would help.

The volumes stand first where they are the reason: a claim that waits, is being deleted or is in use on another node, a
disk that is not attached, a mount that fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from volsim.analysis.explain.explanation import Cause
from volsim.control.workload import condition_of, is_available, is_ready
from volsim.objects import PersistentVolumeClaim, Pod
from volsim.state import View
from volsim.state.runtime import Machine, Sandbox

__all__ = ["hindrance", "remedies", "trouble_of"]

_ALONE = ("ReadWriteOnce", "ReadWriteOncePod")


def trouble_of(view: View, node: str | None) -> str:
    """What is wrong with a node; empty if nothing is.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> trouble_of(State.empty(Rules()), "node01"), trouble_of(State.empty(Rules()), None)
    ('is not there any more', '')
    """
    if not node:
        return ""
    machine: Machine | None = view.get("machines", node)
    if node not in view.nodes or machine is None:
        return "is not there any more"
    if machine.destroyed:
        return "is off for ever"
    if not machine.powered:
        return "is off"
    if not machine.connected:
        return "is cut off"
    return "" if machine.answers else "does not answer"


def hindrance(view: View, pod: Pod, min_ready_seconds: int | None = None) -> Cause | None:
    """Why a pod is not ready, or not for long enough; None if it is.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> print(hindrance(State.empty(Rules()), Pod()))
    pod-not-scheduled: pod  is not scheduled: the scheduler has not looked at it yet
    """
    if pod.metadata.deletion_timestamp is not None:
        return _leaving(view, pod)
    if pod.status.phase in ("Succeeded", "Failed"):
        why = ": ".join(each for each in (pod.status.reason, pod.status.message) if each)
        return _cause("pod-ended", pod, f"has {pod.status.phase.lower()}" + (f" ({why})" if why else ""))
    if not pod.spec.node_name:
        return next(_claims(view, pod), None) or _unscheduled(pod)
    trouble = trouble_of(view, pod.spec.node_name)
    if trouble:
        node = f"node/{pod.spec.node_name}"
        return _cause("node-in-trouble", pod, f"is on node {pod.spec.node_name}, which {trouble}", node)
    if is_ready(pod):
        if is_available(pod, min_ready_seconds, view.now_us):
            return None
        return _cause("not-ready-for-long", pod, f"is ready, but not yet for {min_ready_seconds} s")
    return _starting(view, pod)


def _cause(code: str, pod: Pod, text: str, *objects: str) -> Cause:
    return Cause(code, f"pod {pod.metadata.name or ''} {text}", (f"pod/{pod.metadata.name}", *objects))


def _leaving(view: View, pod: Pod) -> Cause:
    """A pod on its way out, for which most controllers wait."""
    trouble = trouble_of(view, pod.spec.node_name)
    if trouble:
        node = pod.spec.node_name
        text = f"is being deleted, and its node {node}, which {trouble}, does not confirm that it has ended"
        return _cause("end-unconfirmed", pod, text, f"node/{node}")
    if pod.metadata.finalizers:
        return _cause("held", pod, f"is being deleted, and finalizer {pod.metadata.finalizers[0]} holds it")
    return _cause("being-deleted", pod, "is being deleted")


def _unscheduled(pod: Pod) -> Cause:
    if pod.spec.scheduling_gates:
        names = ", ".join(each.name or "" for each in pod.spec.scheduling_gates)
        return _cause("gated", pod, f"waits at a gate: {names}")
    found = condition_of(pod, "PodScheduled")
    said = found.message if found is not None and found.message else "the scheduler has not looked at it yet"
    return _cause("pod-not-scheduled", pod, f"is not scheduled: {said}")


# -- volumes -----------------------------------------------------------------------------------------------------------
def _claim_names(pod: Pod) -> Iterator[str]:
    """The names of the claims that a pod uses, those of its ephemeral volumes as well."""
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            yield volume.persistent_volume_claim.claim_name or ""
        elif volume.ephemeral is not None:
            yield f"{pod.metadata.name}-{volume.name}"


def _claims(view: View, pod: Pod) -> Iterator[Cause]:
    """The claims of a pod that are not as it needs them."""
    for name in _claim_names(pod):
        claim = view.persistent_volume_claims.get(f"{pod.metadata.namespace}/{name}")
        ref = f"pvc/{name}"
        if claim is None:
            yield _cause("claim-missing", pod, f"needs claim {name}, which is not there", ref)
        elif claim.metadata.deletion_timestamp is not None:
            yield _cause("claim-being-deleted", pod, f"needs claim {name}, which is being deleted", ref)
        elif claim.status.phase == "Lost":
            yield _cause("claim-lost", pod, f"needs claim {name}, which has lost its volume", ref)
        elif claim.status.phase != "Bound" and not _waits_for_pod(view, claim):
            yield _cause("claim-not-bound", pod, f"needs claim {name}, which is {claim.status.phase or 'new'}", ref)


def _waits_for_pod(view: View, claim: PersistentVolumeClaim) -> bool:
    """Whether a claim waits for the scheduler, which then says itself what is in the way."""
    found = view.storage_classes.get(claim.spec.storage_class_name or "")
    return found is not None and found.volume_binding_mode == "WaitForFirstConsumer"


def _in_use_elsewhere(view: View, pod: Pod) -> Cause | None:
    """A claim for one node that pods on another node still have."""
    for name in _claim_names(pod):
        key = f"{pod.metadata.namespace}/{name}"
        claim = view.persistent_volume_claims.get(key)
        if claim is None or not set(claim.status.access_modes) <= {*_ALONE, "ReadOnlyMany"}:
            continue
        others = (view.pods[each] for each in view.group("pods_by_claim", key))
        for other in others:
            node = other.spec.node_name
            if other.metadata.uid != pod.metadata.uid and node not in (None, "", pod.spec.node_name):
                text = f"waits for claim {name}, which pod {other.name} has on node {node}"
                return _cause("claim-in-use-elsewhere", pod, text, f"pvc/{name}", f"pod/{other.name}")
    return None


# -- on its node -------------------------------------------------------------------------------------------------------
def _starting(view: View, pod: Pod) -> Cause:
    """Why a pod that is on a node is not ready."""
    sandbox: Sandbox | None = view.get("sandboxes", pod.metadata.uid or "")
    if sandbox is not None and sandbox.awaiting:
        held = _in_use_elsewhere(view, pod)
        if held is not None:
            return held
        disks = ", ".join(sandbox.awaiting)
        return _cause("volume-not-attached", pod, f"waits on node {pod.spec.node_name} for {disks} to be attached")
    if sandbox is not None and sandbox.mount_error:
        return _cause("volume-not-mounted", pod, f"waits for a volume: {sandbox.mount_error}")
    found = next(_claims(view, pod), None)
    if found is not None and pod.status.phase == "Pending":
        return found
    for each in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        state = each.state
        if state is not None and state.waiting is not None and state.waiting.reason not in _ON_ITS_WAY:
            said = f": {state.waiting.message}" if state.waiting.message else ""
            return _cause("container-waits", pod, f"has container {each.name} in {state.waiting.reason}{said}")
        if state is not None and state.terminated is not None and state.terminated.exit_code:
            text = f"has container {each.name} that has ended with code {state.terminated.exit_code}"
            return _cause("container-ended", pod, text)
    if pod.status.phase == "Running":
        return _cause("not-ready", pod, "runs, and does not say that it is ready")
    return _cause("starting", pod, "is starting")


_ON_ITS_WAY = (None, "", "ContainerCreating", "PodInitializing")


# -- remedies ----------------------------------------------------------------------------------------------------------
_OF_NODE = (
    "bring {1} back",
    "if {1} is off for ever, delete it, or taint it with node.kubernetes.io/out-of-service:NoExecute",
    "delete {0} by force only if its containers are known to have ended: else there are two of it",
)
_DELETE = ("delete {0}: it is made again from the present version",)
_ASK = ('sim.explain("{1}") says what it lacks',)
_ASK_POD = ('sim.explain("{0}") says more',)
_REMEDIES: dict[str, tuple[str, ...]] = {
    "broken-pod-is-waited-for": _DELETE,
    "claim-being-deleted": ("delete the pods that still refer to {-1}: it is gone then, and can be made again",),
    "claim-in-use-elsewhere": ("{1} is for one node at a time: use the strategy Recreate, or delete {2}",),
    "claim-lost": _ASK,
    "claim-missing": ("create {1}",),
    "claim-not-bound": _ASK,
    "container-ended": _ASK_POD,
    "container-waits": _ASK_POD,
    "end-unconfirmed": _OF_NODE,
    "gated": ("take the gates of {0} away",),
    "job-failed": ("mend what its pods fail of, and create {0} again",),
    "no-parallelism": ("give {0} a parallelism",),
    "node-in-trouble": _OF_NODE,
    "none-may-go": ("let one be unavailable (maxUnavailable: 1), or use the strategy Recreate",),
    "old-pod-remains": _OF_NODE,
    "on-delete": _DELETE,
    "partition": ("lower spec.updateStrategy.rollingUpdate.partition",),
    "pod-not-scheduled": _ASK_POD,
    "paused": ("kubectl rollout resume {0}",),
    "starting": _ASK_POD,
    "suspended": ("set spec.suspend of {0} to false",),
    "volume-not-attached": _ASK_POD,
    "volume-not-mounted": _ASK_POD,
}
"""By cause: what would help, with the numbers of the objects that it is about."""


def remedies(causes: Iterable[Cause]) -> tuple[str, ...]:
    """What would help against some causes, each thing once; nothing where time does, or nobody can say.

    >>> remedies([Cause("paused", "it is paused", ("deploy/web",))])
    ('kubectl rollout resume deploy/web',)
    """
    found: dict[str, None] = {}
    asked: set[tuple[str, ...]] = set()
    for cause in causes:
        texts = _REMEDIES.get(cause.code, ())
        if texts is _OF_NODE and len(cause.objects) < 2:
            continue  # its node is well: it will go by itself
        if texts is _ASK_POD and texts in asked:
            continue  # one example of several pods is enough
        asked.add(texts)
        last = cause.objects[-1] if cause.objects else ""
        found |= dict.fromkeys(text.replace("{-1}", last).format(*cause.objects) for text in texts)
    return tuple(found)
