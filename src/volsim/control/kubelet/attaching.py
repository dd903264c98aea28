"""Kubelet: waits until the disks of a pod are attached to the node, and tells who attaches them that it uses them.

A disk is mounted only when the node's status has it both among the volumes in use (so that it is not detached
meanwhile) and among the attached ones.
Source: kubelet, pkg/kubelet/volumemanager/{volume_manager,reconciler}, kubelet.go (rejectPod); operationexecutor
(GenerateVerifyControllerAttachedVolumeFunc).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from volsim.control.attachable import Attachable, attachables
from volsim.control.kubelet.claims import expected_volumes
from volsim.control.kubelet.work import PodWork
from volsim.objects import Node, Volume, VolumeAttachment
from volsim.rules import microseconds
from volsim.state import Change, View
from volsim.state.runtime import Sandbox
from volsim.storage.backends import Backend

__all__ = [
    "disks_of",
    "is_ready_to_mount",
    "note_waiting",
    "say_late",
    "say_unprocessed",
    "say_waiting",
    "waiting_pods",
]


def disks_of(work: PodWork) -> dict[str, Attachable]:
    """The pod's volumes that have to be attached, by name."""
    return dict(attachables(work.view, work.pod))


def note_waiting(work: PodWork, disks: Mapping[str, Attachable], missing: list[Volume]) -> set[str]:
    """Note which disks the pod uses; the names of its volumes that are missing and cannot be mounted yet."""
    sandbox = work.sandbox
    assert sandbox is not None, "a pod has a sandbox before its volumes are looked at"
    names = {volume.name for volume in missing}
    waiting = {name for name, disk in disks.items() if name in names and not is_ready_to_mount(work, disk)}
    # What is mounted stays in use, even if its claim names it no more
    in_use = tuple(sorted({*sandbox.in_use, *(disk.volume for disk in disks.values())}))
    awaiting = tuple(sorted({disks[name].volume for name in waiting}))
    if (in_use, awaiting) != (sandbox.in_use, sandbox.awaiting):
        work.sandbox = sandbox.replace(
            in_use=in_use,
            awaiting=awaiting,
            awaiting_since_us=(sandbox.awaiting_since_us or work.now_us) if awaiting else None,
        )
    return waiting


def is_ready_to_mount(work: PodWork, disk: Attachable) -> bool:
    """Whether a disk is attached to the pod's node, and the node has said that it uses it."""
    node: Node | None = work.view.nodes.get(work.node)
    backend: Backend | None = work.view.get("backends", disk.backend)
    return (
        node is not None
        and disk.volume in node.status.volumes_in_use
        and any(each.name == disk.volume for each in node.status.volumes_attached)
        and backend is not None
        and work.node in backend.attached_to
    )


def say_waiting(work: PodWork, disks: Mapping[str, Attachable], waiting: set[str]) -> None:
    """Say that the pod has been waiting for its disks for too long, each time that it has."""
    sandbox = work.sandbox
    assert sandbox is not None and sandbox.awaiting_since_us is not None, "there is something that the pod waits for"
    timeout_us = microseconds(work.rules.pod_attach_and_mount_timeout)
    if work.now_us >= sandbox.awaiting_since_us + timeout_us:
        late = (
            "context deadline exceeded" if work.rules.deadlines_are_contexts else "timed out waiting for the condition"
        )
        text = _missing_text(work, waiting, {}, late)
        if work.rules.mutable_csi_node_allocatable and any(_is_refused(work, disks[name]) for name in waiting):
            text = f"Node has reached its volume attachment limit, rejecting pod. {text}"
            work.event("Warning", "VolumeAttachmentLimitExceeded", text)
            work.rejected = "VolumeAttachmentLimitExceeded", text
            return
        if work.rules.mount_timeouts_are_told:
            work.event("Warning", "FailedMount", f"Unable to attach or mount volumes: {text}")
        work.sandbox = sandbox = sandbox.replace(awaiting_since_us=work.now_us)
    assert sandbox.awaiting_since_us is not None
    work.wake_at(sandbox.awaiting_since_us + timeout_us, background=True)
    work.notes.append(f"wait for {', '.join(sorted(disks[name].name for name in waiting))} to be attached")


def say_late(work: PodWork) -> None:
    """Say that volumes which could not be set up are still missing, each time that the pod has waited long enough."""
    sandbox = work.sandbox
    assert sandbox is not None, "the pod is being set up"
    if not work.rules.mount_timeouts_are_told or not sandbox.mount_error:
        return
    timeout_us = microseconds(work.rules.pod_attach_and_mount_timeout)
    since_us = work.now_us if sandbox.unmounted_since_us is None else sandbox.unmounted_since_us
    if work.now_us >= since_us + timeout_us:
        text = _missing_text(work, set(), {}, "timed out waiting for the condition")
        work.event("Warning", "FailedMount", f"Unable to attach or mount volumes: {text}")
        since_us = work.now_us
    work.sandbox = sandbox.replace(unmounted_since_us=since_us)
    work.wake_at(since_us + timeout_us, background=True)


def say_unprocessed(work: PodWork, waiting: set[str], problems: Mapping[str, str]) -> None:
    """Say which of the pod's volumes the kubelet cannot even look up, and why."""
    why = list(dict.fromkeys(problems.values()))
    error = why[0] if len(why) == 1 else f"[{', '.join(why)}]"
    text = _missing_text(work, waiting, problems, error)
    work.event("Warning", "FailedMount", f"Unable to attach or mount volumes: {text}")


def _missing_text(work: PodWork, waiting: set[str], problems: Mapping[str, str], why: str) -> str:
    sandbox = work.sandbox
    assert sandbox is not None, "the pod is being set up"
    expected = [volume.name or "" for volume in expected_volumes(work.pod)]
    unmounted = sorted(name for name in expected if name not in sandbox.mounted)
    unattached, unprocessed = sorted(waiting), f", failed to process volumes=[{' '.join(sorted(problems))}]"
    if not work.rules.mount_timeout_names_unprocessed:
        unattached, unprocessed = [volume.name or "" for volume in work.pod.spec.volumes], ""
    return f"unmounted volumes=[{' '.join(unmounted)}], unattached volumes=[{' '.join(unattached)}]{unprocessed}: {why}"


_RESOURCE_EXHAUSTED = 8  # a code of gRPC


def _is_refused(work: PodWork, disk: Attachable) -> bool:
    """Whether the driver does not attach the disk because the node has as many as it can have."""
    for name in work.view.group("attachments_by_volume", disk.name):
        attachment: VolumeAttachment = work.view.get("volumeattachments", name)
        error = attachment.status.attach_error
        if attachment.spec.node_name == work.node and error is not None and error.error_code == _RESOURCE_EXHAUSTED:
            return True
    return False


def waiting_pods(view: View, change: Change) -> Iterator[Sandbox]:
    """The pods that wait for a disk which the node's status now has among the attached ones and those in use."""
    before: Node | None = change.before
    after: Node | None = change.after
    if after is None or (before is not None and before.status is after.status):
        return
    new = _mountable(after) - (_mountable(before) if before is not None else frozenset())
    if not new:
        return
    for uid in view.group("sandboxes_with_disks", change.key):
        sandbox: Sandbox = view.get("sandboxes", uid)
        if not new.isdisjoint(sandbox.awaiting):
            yield sandbox


def _mountable(node: Node) -> frozenset[str]:
    return frozenset(each.name or "" for each in node.status.volumes_attached).intersection(node.status.volumes_in_use)
