"""Kubelets that keep what should go, or lose what should stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volsim.apiserver.writes import Put, Write
from volsim.control.contract import Choose, Outcome
from volsim.control.kubelet import pods as kubelet
from volsim.control.kubelet.volumes import volume_directory
from volsim.exercises.semantics import Mutant
from volsim.objects import Pod
from volsim.state import View
from volsim.state.runtime import Container, Machine, Sandbox
from volsim.storage import tree

__all__ = ["MUTANTS", "changed_machine", "uid_of"]


def uid_of(key: str) -> str:
    """The uid in a kubelet's key."""
    return key.rpartition("@")[2]


def changed_machine(view: View, outcome: Outcome, node: str, change: Callable[[Any], Any]) -> Outcome:
    """The outcome, with the disk of a node changed by a function of its root."""
    machine: Machine = view.get("machines", node)
    kept: list[Write] = []
    for write in outcome.writes:
        if isinstance(write, Put) and (write.table, write.key) == ("machines", node):
            machine = write.value
        else:
            kept.append(write)
    return outcome._replace(writes=(Put("machines", node, machine.replace(disk=change(machine.disk))), *kept))


# -- a container's own layer -------------------------------------------------------------------------------------------
def _with_old_layers(view: View, key: str, kept: Callable[[Container], bool]) -> Outcome:
    outcome = kubelet.sync(view, key)
    return outcome._replace(writes=tuple(_with_old_layer(view, write, kept) for write in outcome.writes))


def _with_old_layer(view: View, write: Write, kept: Callable[[Container], bool]) -> Write:
    if not isinstance(write, Put) or write.table != "containers" or write.value is None:
        return write
    old: Container | None = view.get("containers", write.key)
    if old is None or write.value.restarts <= old.restarts or not kept(old):
        return write
    return write._replace(value=write.value.replace(layer=old.layer))


def keep_layer(view: View, key: str) -> Outcome:
    """Give a container that is started again the layer of the one before."""
    return _with_old_layers(view, key, lambda old: True)


def keep_layer_of_clean_exit(view: View, key: str) -> Outcome:
    """Give a container the layer of the one before, if that ended with exit code 0."""
    return _with_old_layers(view, key, lambda old: old.exit_code == 0)


# -- reboots -----------------------------------------------------------------------------------------------------------
def _rebooted(view: View, key: str) -> Sandbox | None:
    """The sandbox of a pod that the kubelet finds after a reboot."""
    sandbox: Sandbox | None = view.get("sandboxes", uid_of(key))
    machine: Machine | None = view.get("machines", sandbox.node) if sandbox is not None else None
    if sandbox is None or machine is None or not machine.powered or sandbox.boot == machine.boot:
        return None
    return sandbox


def keep_memory(view: View, key: str) -> Outcome:
    """Fill emptyDirs in memory after a reboot with what was in them before."""
    before, outcome = _rebooted(view, key), kubelet.sync(view, key)
    if before is None:
        return outcome
    in_memory = {each.name or "" for each in before.pod.spec.volumes if each.empty_dir is not None}
    old = {name: root for name, root in before.memory.items() if name in in_memory}
    writes = tuple(
        write._replace(value=write.value.replace(memory=type(before.memory)({**write.value.memory, **old})))
        if isinstance(write, Put) and write.table == "sandboxes" and write.value is not None
        else write
        for write in outcome.writes
    )
    return outcome._replace(writes=writes)


def _emptied(disk: Any, pod: Pod) -> Any:
    for volume in pod.spec.volumes:
        path = volume_directory(pod.metadata.uid or "", "emptyDir", volume.name or "")
        if volume.empty_dir is not None and tree.exists(disk, path):
            disk = tree.mkdir(tree.rmtree(disk, path), path, mode=0o777)
    return disk


def empty_at_reboot(view: View, key: str) -> Outcome:
    """Empty the emptyDirs on a node's disk when it was rebooted."""
    before, outcome = _rebooted(view, key), kubelet.sync(view, key)
    if before is None:
        return outcome
    return changed_machine(view, outcome, before.node, lambda disk: _emptied(disk, before.pod))


# -- hostPath ----------------------------------------------------------------------------------------------------------
def _host_paths(pod: Pod) -> list[str]:
    return [each.host_path.path or "" for each in pod.spec.volumes if each.host_path is not None]


def _brought(view: View, disk: Any, node: str, pod: Pod) -> Any:
    """The disk of a node, its empty host paths filled with what another node has there."""
    others = [machine.disk for name, machine in view.table("machines").items() if name != node]
    for path in _host_paths(pod):
        here = tree.lookup(disk, path)
        found = [there for other in others if (there := tree.lookup(other, path)) is not None and there != here]
        if found and here == tree.lookup(tree.mkdir(tree.Directory(), path, parents=True), path):
            disk = tree.put(disk, path, found[0])
    return disk


def share_host_paths(view: View, key: str) -> Outcome:
    """Let a pod find on its node what another node has at the same path."""
    outcome = kubelet.sync(view, key)
    if view.get("sandboxes", uid_of(key)) is not None:
        return outcome
    begun = [each.value for each in outcome.writes if isinstance(each, Put) and each.table == "sandboxes"]
    if not begun or begun[0] is None or not _host_paths(begun[0].pod):
        return outcome
    node, pod = begun[0].node, begun[0].pod
    return changed_machine(view, outcome, node, lambda disk: _brought(view, disk, node, pod))


def remove_host_paths(view: View, key: str) -> Outcome:
    """Remove a pod's host paths with the pod."""
    outcome, before = kubelet.sync(view, key), view.get("sandboxes", uid_of(key))
    gone = any(isinstance(each, Put) and each.table == "sandboxes" and each.value is None for each in outcome.writes)
    if before is None or not gone or not _host_paths(before.pod):
        return outcome

    def without(disk: Any) -> Any:
        for path in _host_paths(before.pod):
            disk = tree.rmtree(disk, path) if tree.exists(disk, path) else disk
        return disk

    return changed_machine(view, outcome, before.node, without)


# -- access modes ------------------------------------------------------------------------------------------------------
def _claims(pod: Pod) -> set[str]:
    return {
        each.persistent_volume_claim.claim_name or ""
        for each in pod.spec.volumes
        if each.persistent_volume_claim is not None
    }


def one_pod_at_a_time(view: View, key: str) -> Outcome | Choose:
    """Keep a pod from starting while another one on its node has its ReadWriteOnce claim."""
    pod: Pod | None = view.pods.get(key.rpartition("@")[0])
    if pod is None or pod.metadata.deletion_timestamp is not None or view.get("sandboxes", uid_of(key)) is not None:
        return kubelet.sync(view, key)
    once = {
        name
        for name in _claims(pod)
        if (claim := view.persistent_volume_claims.get(f"{pod.metadata.namespace}/{name}")) is not None
        and tuple(claim.spec.access_modes) == ("ReadWriteOnce",)
    }
    for uid in view.group("sandboxes_by_node", pod.spec.node_name or ""):
        other: Sandbox = view.get("sandboxes", uid)
        if once & _claims(other.pod):
            return Outcome(requeue_after_us=10_000_000, background=True, says=f"pod {pod.key} waits for its claim")
    return kubelet.sync(view, key)


MUTANTS = (
    Mutant(
        name="layer-survives-restart",
        title="A container that is started again finds the files that it wrote outside of its volumes",
        belief="It is the same pod with the same name and address, and `docker restart` keeps them too.",
        controller="kubelet",
        sync=keep_layer,
    ),
    Mutant(
        name="layer-survives-clean-exit",
        title="A container finds the files of the one before, if that ended properly",
        belief="A crash loses what was not saved; a program that ends with exit code 0 had time to save its files.",
        controller="kubelet",
        sync=keep_layer_of_clean_exit,
    ),
    Mutant(
        name="memory-survives-reboot",
        title="An emptyDir in memory is full again after a reboot",
        belief="An emptyDir lives as long as its pod, and the pod has survived the reboot; `medium` is about speed.",
        controller="kubelet",
        sync=keep_memory,
    ),
    Mutant(
        name="disk-dies-with-reboot",
        title="An emptyDir on disk is empty after a reboot",
        belief="It is scratch space like /tmp, and a reboot cleans that.",
        controller="kubelet",
        sync=empty_at_reboot,
    ),
    Mutant(
        name="host-path-is-shared",
        title="A pod finds at a hostPath what a pod on another node wrote there",
        belief="The manifest names one path for all pods; it worked on the cluster of one node on my desk.",
        controller="kubelet",
        sync=share_host_paths,
    ),
    Mutant(
        name="host-path-dies-with-pod",
        title="What is at a hostPath goes with the pod that mounted it",
        belief="A volume that stands in the pod's spec is part of the pod; an emptyDir goes with it, too.",
        controller="kubelet",
        sync=remove_host_paths,
    ),
    Mutant(
        name="rwo-is-per-pod",
        title="Of two pods on one node, only one can use a ReadWriteOnce claim",
        belief="Once means once: one writer. (That is ReadWriteOncePod.)",
        controller="kubelet",
        sync=one_pod_at_a_time,
    ),
)
