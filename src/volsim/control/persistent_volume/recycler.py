"""PV recycler: scrubs a released volume with a pod and makes it available again.

Modelled: the recycler pod with its command, its success and failure, volumes that are still in use, plugins that cannot
recycle, the events of the pod's scheduling told about the volume.
Not modelled: the other events of the recycler pod, a recycler pod that somebody else had put there.
Source: kube-controller-manager, persistent volume controller (recycleVolumeOperation); pkg/volume/util/recyclerclient;
pkg/volume/plugins.go (NewPersistentVolumeRecyclerPodTemplate).

A finished recycler pod is deleted in the same step in which its volume is freed, so a look at any time tells how far it
is.
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.apiserver.writes import Create, Delete, UpdateStatus
from volsim.control.contract import NOTHING, Controller, Outcome, normal, warning
from volsim.control.persistent_volume.binder import next_resync_us
from volsim.control.persistent_volume.plugins import has_recycler
from volsim.control.persistent_volume.reclaimer import fail, is_released
from volsim.control.persistent_volume.volumes import unbound
from volsim.objects import (
    Container,
    HostPathVolumeSource,
    NFSVolumeSource,
    ObjectMeta,
    PersistentVolume,
    Pod,
    PodSpec,
    Volume,
    VolumeMount,
)
from volsim.rules import Rules
from volsim.state import Change, View, Wake, claim_keys_of

__all__ = ["CONTROLLER", "recycler_pod"]

NAMESPACE, PREFIX = "default", "recycler-for-"
_GI = 1024**3
_SECONDS_PER_GI = 30  # pv-recycler-increment-timeout-nfs, pv-recycler-timeout-increment-hostpath
_FIND = 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1'
_RM = 'test -e /scrub && rm -rf /scrub/..?* /scrub/.[!.]* /scrub/*  && test -z "$(ls -A /scrub)" || exit 1'


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_volume(view: View, change: Change) -> Iterator[str]:
    """A volume that is to be recycled needs a look when it has been released, or changes afterwards."""
    after: PersistentVolume | None = change.after
    if after is None or after.spec.persistent_volume_reclaim_policy != "Recycle":
        return
    if after.status.phase in ("Released", "Failed"):
        yield change.key


def watch_pod(view: View, change: Change) -> Iterator[str | Wake]:
    """A volume hears at once of its recycler pod, and at the next resync of pods that use it no more."""
    before, after = change.before, change.after
    pod: Pod = after if after is not None else before
    name = pod.metadata.name or ""
    if pod.metadata.namespace == NAMESPACE and name.startswith(PREFIX):
        if (
            before is None
            or after is None
            or before.status.phase != after.status.phase
            or before.spec.node_name != after.spec.node_name
            or _why_unscheduled(before) != _why_unscheduled(after)
        ):
            yield name.removeprefix(PREFIX)
    elif after is None or (before is not None and _ended(after) and not _ended(before)):
        for key in claim_keys_of(pod):
            for volume in view.group("volumes_by_claim", key):
                if view.persistent_volumes[volume].spec.persistent_volume_reclaim_policy == "Recycle":
                    yield Wake(volume, next_resync_us(view))


def _why_unscheduled(pod: Pod) -> str:
    """What the scheduler says of a pod that it cannot place; empty if it says nothing."""
    found = (each.message for each in pod.status.conditions if each.type == "PodScheduled" and each.status == "False")
    return next(found, None) or ""


def _ended(pod: Pod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")


# -- one volume --------------------------------------------------------------------------------------------------------
def sync(view: View, key: str) -> Outcome:
    """Bring one released volume a step closer to being free again."""
    volume = view.persistent_volumes.get(key)
    pod = view.pods.get(f"{NAMESPACE}/{PREFIX}{key}")
    wanted = (
        volume is not None and volume.spec.persistent_volume_reclaim_policy == "Recycle" and is_released(view, volume)
    )
    if volume is None or not wanted:
        return NOTHING
    if pod is None:
        return _start(view, volume)
    if pod.metadata.deletion_timestamp is not None:
        return NOTHING  # an earlier attempt is still on its way out
    match pod.status.phase:
        case "Succeeded":
            return _finish(view, volume, pod)
        case "Failed":
            return _give_up(view, volume, pod)
    return _tell_of_scheduling(view, volume, pod)


def _start(view: View, volume: PersistentVolume) -> Outcome:
    ref = volume.spec.claim_ref
    assert ref is not None, "a released volume refers to its claim"
    claim_key = f"{ref.namespace}/{ref.name}"
    users = [key for key in view.group("pods_by_claim", claim_key) if not _ended(view.pods[key])]
    if users and view.persistent_volume_claims.get(claim_key) is None:
        text = f"Volume is used by pods: {','.join(users)}"
        return Outcome(
            events=(normal(volume, "VolumeFailedRecycle", text),),
            says=f"volume {volume.metadata.name} is not recycled yet: {text}",
        )
    if not has_recycler(view, volume):
        return fail(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!")
    return Outcome((Create(recycler_pod(volume, view.rules)),), says=f"start to recycle volume {volume.metadata.name}")


def _tell_of_scheduling(view: View, volume: PersistentVolume, pod: Pod) -> Outcome:
    """Say of the volume what the scheduler said of its pod; the kubelet has not started it yet."""
    why = _why_unscheduled(pod)
    if why:
        note = warning(volume, "RecyclerPod", f"Recycler pod: {why}")
        return Outcome(events=(note,), says=f"{pod.key} waits for a node")
    if not pod.spec.node_name or pod.status.phase != "Pending" or pod.status.start_time is not None:
        return NOTHING
    text = f"Recycler pod: Successfully assigned {pod.key} to {pod.spec.node_name}"
    return Outcome(events=(normal(volume, "RecyclerPod", text),), says=f"{pod.key} is to run on {pod.spec.node_name}")


def _finish(view: View, volume: PersistentVolume, pod: Pod) -> Outcome:
    return Outcome(
        (Delete("pods", pod.key, uid=pod.metadata.uid), *unbound(volume)),
        (normal(volume, "VolumeRecycled", "Volume recycled"),),
        says=f"volume {volume.metadata.name} is recycled",
    )


def _give_up(view: View, volume: PersistentVolume, pod: Pod) -> Outcome:
    """Mark the volume Failed; the next resync tries again."""
    why = pod.status.message or "pod failed, pod.Status.Message unknown"
    text = f"Recycle failed: failed to recycle volume: {why}"
    status = volume.status.replace(phase="Failed", message=text)
    writes = (Delete("pods", pod.key, uid=pod.metadata.uid), UpdateStatus(volume.replace(status=status)))
    events = () if volume.status.phase == "Failed" else (warning(volume, "VolumeFailedRecycle", text),)
    after_us = next_resync_us(view) - view.now_us
    return Outcome(writes, events, after_us, background=True, says=f"volume {volume.metadata.name}: {text}")


def recycler_pod(volume: PersistentVolume, rules: Rules) -> Pod:
    """The pod that removes everything in a volume.

    >>> volume = PersistentVolume(metadata=ObjectMeta(name="v"))
    >>> recycler_pod(volume, Rules()).spec.containers[0].args[1]
    'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1'
    """
    storage = volume.spec.capacity.get("storage")
    least = rules.recycler_nfs_timeout if volume.spec.nfs is not None else rules.recycler_host_path_timeout
    timeout = max(round(least), (int(storage) // _GI if storage is not None else 0) * _SECONDS_PER_GI)
    container = Container(
        name="pv-recycler",
        image="registry.k8s.io/build-image/debian-base:bookworm-v1.0.6"
        if rules.recycler_finds
        else "k8s.gcr.io/busybox:1.27",
        command=("/bin/sh",),
        args=("-c", _FIND if rules.recycler_finds else _RM),
        volume_mounts=(VolumeMount(name="vol", mount_path="/scrub"),),
    )
    return Pod(
        metadata=ObjectMeta(name=f"{PREFIX}{volume.metadata.name}", namespace=NAMESPACE),
        spec=PodSpec(
            active_deadline_seconds=timeout,
            restart_policy="Never",
            containers=(container,),
            volumes=(_source(volume),),
        ),
    )


def _source(volume: PersistentVolume) -> Volume:
    """The volume's own storage, mounted without the claim."""
    spec = volume.spec
    if spec.nfs is not None:
        return Volume(name="vol", nfs=NFSVolumeSource(server=spec.nfs.server, path=spec.nfs.path))
    if spec.host_path is not None:
        return Volume(name="vol", host_path=HostPathVolumeSource(path=spec.host_path.path))
    return Volume(name="vol")  # a plugin of somebody's own, which serves any source


CONTROLLER = Controller(
    name="pv-recycler",
    component="persistentvolume-controller",
    watches={"persistentvolumes": watch_volume, "pods": watch_pod},
    sync=sync,
)
