"""Kubelet, the volume manager: mounts what a pod's containers use, again and again until it can, and keeps it fresh.

Modelled: volumes that no container uses are left alone; a volume that cannot be set up is tried again after 0.5 s, 1 s
and so on up to 2 min 2 s; one that cannot even be looked up (an unbound claim) as often as the pod is synced;
ConfigMaps and Secrets that have changed are brought up to date with the pod's next sync, in one swap.
Not modelled: chance in these periods; that volumes of one pod are tried again at different times.
Source: kubelet, pkg/kubelet/volumemanager (WaitForAttachAndMount, reconciler, populator), kubelet.go (SyncPod);
pkg/util/goroutinemap/exponentialbackoff.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from volsim.control.attachable import Attachable
from volsim.control.kubelet import attaching
from volsim.control.kubelet.claims import Wanted, expected_volumes, resolve
from volsim.control.kubelet.places import MountError, ProcessingError
from volsim.control.kubelet.volumes import USED_ALONE, is_stale, is_taken, refresh, set_up
from volsim.control.kubelet.work import PodWork
from volsim.objects import Pod, Volume
from volsim.rules import microseconds
from volsim.state import Change, View
from volsim.state.runtime import Sandbox

__all__ = ["has_configuration", "mount", "pods_waiting_for_others", "pods_with_configuration"]

_FAILURES_MOST = 8  # after so many the delay does not grow any more


def mount(work: PodWork) -> bool:
    """Set up the volumes that are not yet; whether all are."""
    sandbox = work.sandbox
    assert sandbox is not None, "a pod has a sandbox before its volumes are looked at"
    expected = expected_volumes(work.pod)
    missing = [volume for volume in expected if volume.name not in sandbox.mounted]
    if not missing:
        _refresh(work, expected)
        return True
    waits = sandbox.retry_us is not None and sandbox.retry_us > work.now_us and sandbox.boot == work.machine.boot
    if waits and not _is_free_again(work, sandbox, missing):
        work.wake_at(sandbox.retry_us, background=True)
        attaching.say_late(work)
        return False
    wanted, problems = _looked_up(work, missing)
    disks = attaching.disks_of(work)
    waiting = attaching.note_waiting(work, disks, [volume for volume in missing if volume.name in wanted])
    failed = ""
    for volume in missing:
        if volume.name in wanted and volume.name not in waiting:
            failed = _set_up(work, volume, wanted[volume.name or ""], disks) or failed
    if problems:
        attaching.say_unprocessed(work, waiting, problems)
    elif waiting:
        attaching.say_waiting(work, disks, waiting)
    if work.rejected is not None:
        return False
    return _try_again(work, failed, bool(problems)) and not waiting


def _looked_up(work: PodWork, missing: list[Volume]) -> tuple[dict[str, Wanted], dict[str, str]]:
    """What the volumes stand for, by their names; and why that is not known of others."""
    wanted: dict[str, Wanted] = {}
    problems: dict[str, str] = {}
    for volume in missing:
        try:
            wanted[volume.name or ""] = resolve(work, volume)
        except ProcessingError as error:
            problems[volume.name or ""] = str(error)
    return wanted, problems


def _try_again(work: PodWork, failed: str, unprocessed: bool) -> bool:
    """Note when mounting is tried again; whether it need not be."""
    sandbox = work.sandbox
    assert sandbox is not None, "it is being set up"
    if not failed and not unprocessed:
        work.sandbox = sandbox.replace(mount_failures=0, mount_error="", retry_us=None, unmounted_since_us=None)
        return True
    failures = sandbox.mount_failures
    retry_us = work.now_us + microseconds(work.rules.pod_sync_backoff)
    if failed:
        first, most = microseconds(work.rules.mount_retry_initial), microseconds(work.rules.mount_retry_max)
        retry_us = work.now_us + min(first << failures, most)
        failures = min(failures + 1, _FAILURES_MOST)
    work.sandbox = sandbox.replace(mount_failures=failures, mount_error=failed, retry_us=retry_us)
    work.wake_at(retry_us, background=True)
    attaching.say_late(work)
    work.notes.append(failed or "a volume cannot be looked up")
    return False


def _set_up(work: PodWork, volume: Volume, wanted: Wanted, disks: Mapping[str, Attachable]) -> str:
    """Set up one volume; what is wrong with it, or nothing."""
    try:
        place = set_up(work, volume, wanted, attached=volume.name in disks)
    except MountError as error:
        return _failed(work, wanted, error)
    sandbox = work.sandbox
    assert sandbox is not None, "it is being set up"
    work.sandbox = sandbox.replace(mounted=type(sandbox.mounted)({**sandbox.mounted, volume.name or "": place}))
    return ""


def _failed(work: PodWork, wanted: Wanted, error: MountError) -> str:
    text = f'{error.during} for volume "{wanted.name}" : {error}'
    work.event("Warning", "FailedMount", text)
    return text


# -- volumes that one pod has alone ------------------------------------------------------------------------------------
def _is_free_again(work: PodWork, sandbox: Sandbox, missing: list[Volume]) -> bool:
    """Whether the pod waits for a volume that another pod had, and has no more.

    Unmounting is another operation on the volume, and the delay of the one that failed is forgotten.
    """
    if not sandbox.mount_error.endswith(USED_ALONE):
        return False
    wanted, _ = _looked_up(work, missing)
    return not any(is_taken(work, each) for each in wanted.values())


def pods_waiting_for_others(view: View, change: Change) -> Iterator[Pod]:
    """The pods of a node that wait for a volume which another pod, whose volumes are unmounted, may have had."""
    before, after = change.before, change.after
    if before is None or not before.mounted or (after is not None and after.mounted):
        return
    for uid in view.group("sandboxes_by_node", before.node):
        sandbox: Sandbox = view.get("sandboxes", uid)
        if sandbox.mount_error.endswith(USED_ALONE):
            yield sandbox.pod


# -- configuration that changes ----------------------------------------------------------------------------------------
def _refresh(work: PodWork, expected: list[Volume]) -> None:
    """Bring configuration volumes up to date, if something has changed and it is time for that.

    A kubelet that cannot hear the API server does not know of it.
    """
    sandbox = work.sandbox
    assert sandbox is not None, "its volumes are mounted"
    if not work.machine.hears:
        return
    volumes = [each for each in expected if _is_configuration(each) and not sandbox.mounted[each.name or ""].final]
    if not volumes or (sandbox.refresh_us is None and not any(_differs(work, volume) for volume in volumes)):
        return
    due_us = sandbox.refresh_us or work.now_us + microseconds(work.rules.config_sync_delay)
    if work.now_us < due_us and not _is_synced_anyway(work):
        work.sandbox = sandbox.replace(refresh_us=due_us)
        work.wake_at(due_us, background=False)
        return
    work.notes.append("refresh configuration volumes")
    failures = [text for volume in volumes if (text := _refresh_one(work, volume))]
    sandbox = work.sandbox
    assert sandbox is not None, "its volumes are mounted"
    if not failures:
        work.sandbox = sandbox.replace(refresh_us=None, mount_failures=0, pod=work.pod)
        return
    first, most = microseconds(work.rules.mount_retry_initial), microseconds(work.rules.mount_retry_max)
    again_us = work.now_us + min(first << sandbox.mount_failures, most)
    count = min(sandbox.mount_failures + 1, _FAILURES_MOST)
    work.sandbox = sandbox.replace(refresh_us=again_us, mount_failures=count, pod=work.pod)
    work.wake_at(again_us, background=True)


def _differs(work: PodWork, volume: Volume) -> bool:
    """Whether a volume would get other contents than it has, or could not get any."""
    try:
        return is_stale(work, volume)
    except MountError:
        return True


def _refresh_one(work: PodWork, volume: Volume) -> str:
    """Bring one volume up to date; what is wrong with it, or nothing."""
    wanted = resolve(work, volume)
    try:
        refresh(work, volume, wanted)
    except MountError as error:
        return _failed(work, wanted, error)
    return ""


def _is_synced_anyway(work: PodWork) -> bool:
    """Whether the pod is synced for another reason: a container has ended, or its labels or annotations changed."""
    known, meta = work.known_pod, work.pod.metadata
    patched = known is not None and (meta.labels, meta.annotations) != (
        known.metadata.labels,
        known.metadata.annotations,
    )
    return patched or any(not work.row(spec.name or "").running for spec in work.pod.spec.containers)


def _is_configuration(volume: Volume) -> bool:
    sources = (volume.config_map, volume.secret, volume.downward_api, volume.projected)
    return any(source is not None for source in sources)


def has_configuration(pod: Pod) -> bool:
    """Whether a pod has volumes that follow the API's objects.

    >>> has_configuration(Pod())
    False
    """
    return any(map(_is_configuration, pod.spec.volumes))


def pods_with_configuration(view: View, change: Change) -> Iterator[Pod]:
    """The pods on nodes that have the ConfigMap or Secret in a volume."""
    for uid in view.group("sandboxes_by_configuration", f"{change.table}/{change.key}"):
        sandbox: Sandbox = view.get("sandboxes", uid)
        yield sandbox.pod
