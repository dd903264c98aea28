"""Control planes and kubelets that have other ideas of what a silent node means."""

from __future__ import annotations

from volsim.apiserver.writes import Delete, Put, Write
from volsim.control import attach_detach, taint_eviction
from volsim.control.contract import NOTHING, Outcome
from volsim.control.kubelet import pods as kubelet
from volsim.exercises.semantics import Mutant
from volsim.exercises.wrong.bytes import uid_of
from volsim.objects import Pod
from volsim.state import View
from volsim.state.runtime import Attachment, Container, Machine, Sandbox

__all__ = ["MUTANTS"]


def evict_at_once(view: View, key: str) -> Outcome:
    """Evict a pod as soon as its node has a taint that it tolerates only for a while."""
    outcome = taint_eviction.sync(view, key)
    pod: Pod | None = view.pods.get(key.rpartition("@")[0])
    if outcome.requeue_after_us is None or pod is None or pod.metadata.deletion_timestamp is not None:
        return outcome
    return Outcome((Delete("pods", pod.key, uid=pod.metadata.uid),), says=f"evict pod {pod.key} at once")


def evict_for_good(view: View, key: str) -> Outcome:
    """Remove the evicted pods of StatefulSets from the API, though nobody knows whether they still run."""
    outcome = taint_eviction.sync(view, key)
    pod: Pod | None = view.pods.get(key.rpartition("@")[0])
    if pod is None or not any(each.kind == "StatefulSet" for each in pod.metadata.owner_references):
        return outcome
    writes = tuple(
        write._replace(grace_seconds=0) if isinstance(write, Delete) and write.table == "pods" else write
        for write in outcome.writes
    )
    return outcome._replace(writes=writes)


def stop_when_cut_off(view: View, key: str) -> Outcome:
    """Stop a pod's containers when its kubelet cannot talk to the control plane any more."""
    sandbox: Sandbox | None = view.get("sandboxes", uid_of(key))
    machine: Machine | None = view.get("machines", sandbox.node) if sandbox is not None else None
    if sandbox is None or machine is None or not machine.powered or machine.connected:
        return kubelet.sync(view, key)
    writes: list[Write] = []
    for spec in sandbox.pod.spec.containers:
        row: Container | None = view.get("containers", f"{uid_of(key)}/{spec.name}")
        if row is not None and row.running:
            ended = row.replace(
                running=False, exit_code=137, reason="Error", finished_us=view.now_us, memory=None, wake_us=None
            )
            writes.append(Put("containers", f"{uid_of(key)}/{spec.name}", ended))
    return Outcome(tuple(writes), says=f"stop pod {sandbox.pod.key}: nobody is there to ask") if writes else NOTHING


def go_on_after_healing(view: View, key: str) -> Outcome:
    """Let a pod go on that was deleted while its node was cut off."""
    pod: Pod | None = view.pods.get(key.rpartition("@")[0])
    work = kubelet.work_on(view, key.rpartition("@")[0], uid_of(key))
    if work is None or work.sandbox is None or pod is None or pod.metadata.deletion_timestamp is None or work.gone:
        return kubelet.sync(view, key)
    deleted_us = pod.metadata.deletion_timestamp - (pod.metadata.deletion_grace_period_seconds or 0) * 1_000_000
    if not work.machine.connected or work.machine.changed_us <= deleted_us:
        return kubelet.sync(view, key)
    work.pod = work.sandbox.pod  # as the kubelet saw it last, before the cut
    kubelet._notice_reboot(work)
    kubelet._run(work)
    return work.outcome(None)


def attach_everywhere(view: View, key: str) -> Outcome:
    """Attach a disk to a node although another one has it."""
    outcome = attach_detach.sync(view, key)
    disk, _, node = key.rpartition("@")
    rows = [write.value for write in outcome.writes if isinstance(write, Put) and write.key == key]
    row: Attachment | None = rows[0] if rows else view.get("attach_detach", key)
    if row is None or row.state != "blocked" or row.driver:
        return outcome
    pods = attach_detach._wanting(view, disk, node, row)
    return attach_detach._attach_here(view, key, row, pods) if pods else outcome


MUTANTS = (
    Mutant(
        name="eviction-comes-at-once",
        title="Pods of a silent node are replaced as soon as the node is NotReady",
        belief="Kubernetes heals itself: it sees that the node is down, so it starts the pods elsewhere.",
        controller="taint-eviction",
        sync=evict_at_once,
    ),
    Mutant(
        name="stateful-set-fails-over",
        title="A StatefulSet's pod of a dead node is started on another node without anybody's doing",
        belief="A Deployment does that, and a database needs it even more.",
        controller="taint-eviction",
        sync=evict_for_good,
    ),
    Mutant(
        name="partition-stops-containers",
        title="A kubelet that is cut off stops its containers",
        belief="Otherwise both sides would write, and surely somebody has thought of that.",
        controller="kubelet",
        sync=stop_when_cut_off,
    ),
    Mutant(
        name="healing-stops-nobody",
        title="A pod that was replaced while its node was cut off goes on running afterwards",
        belief="Nobody tells a running container anything; it was running all the time.",
        controller="kubelet",
        sync=go_on_after_healing,
    ),
    Mutant(
        name="rwo-is-a-wish",
        title="A ReadWriteOnce disk is attached to two nodes at once",
        belief="Access modes are only matched when claims are bound; nothing enforces them. (True of NFS!)",
        controller="attach-detach",
        sync=attach_everywhere,
    ),
)
