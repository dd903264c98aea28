"""Kubelet: where the bytes of a pod's volumes are, set up before its containers start and torn down after.

Modelled: emptyDir on disk and in memory, hostPath with its type checks, claims (bound, through their volume), local
directories and devices, exports and disks behind the network (those that have to be attached can be used only from
where they are), bare devices (volumeMode Block), configuration volumes, images, inline CSI volumes of drivers that are
installed, fsGroup with its policy, the pods that share a ReadWriteOncePod volume.
Not modelled: file systems other than the volume's first, mount options; a gitRepo volume has what the backend of the
repository's URL holds; SELinux labels.
Source: kubelet, pkg/kubelet/volumemanager, pkg/volume/{emptydir,hostpath,local,nfs,csi,…}.
"""

from __future__ import annotations

from collections.abc import Callable

from volsim.control.kubelet.claims import Wanted, csi_driver_of
from volsim.control.kubelet.configuration import configuration, is_final
from volsim.control.kubelet.host_paths import host_path, local_device, local_path
from volsim.control.kubelet.ownership import own
from volsim.control.kubelet.places import MountError, Place, pod_directory, volume_directory
from volsim.control.kubelet.work import ATTACHED, BACKEND, DISK, MEMORY, RAW, RAW_ATTACHED, PodWork
from volsim.objects import Volume
from volsim.programs.images import image_for
from volsim.state.runtime import Driver, Sandbox
from volsim.storage import tree
from volsim.storage.backends import Backend, backend_of
from volsim.storage.sources import SOURCES
from volsim.storage.tree import Directory

__all__ = [
    "USED_ALONE",
    "MountError",
    "Place",
    "is_stale",
    "is_taken",
    "pod_directory",
    "refresh",
    "set_up",
    "tear_down",
    "volume_directory",
]

USED_ALONE = "volume uses the ReadWriteOncePod access mode and is already in use by another pod"
"""What the kubelet says of a volume that another pod has alone."""
_DEVICES = frozenset(kind.name for kind in SOURCES if kind.attachable)
_DISKS = frozenset(kind.name for kind in SOURCES if kind.family == "disk")
_CONFIGURATION = frozenset({"configMap", "secret", "downwardAPI", "projected"})
_GIT_DISABLED = (
    "git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate "
    "`GitRepoVolumeDriver`"
)


# -- set up ------------------------------------------------------------------------------------------------------------
def set_up(work: PodWork, volume: Volume, wanted: Wanted, *, attached: bool = False) -> Place:
    """Make a volume ready for the pod's containers; `attached` if it is a disk that was attached to the node for it.

    Raises `MountError` in the kubelet's words.
    """
    _check_node_affinity(work, wanted)
    if is_taken(work, wanted):
        raise MountError(USED_ALONE)
    place = _place(work, volume, wanted, attached)
    if wanted.source not in ("hostPath", "emptyDir") or place.kind != DISK:
        place = place.replace(mounted_at=volume_directory(work.uid, wanted.source, wanted.name))
    if wanted.block:
        _tell_of_device(work, wanted)
    if wanted.source != "local" or not any(_sharing(work, wanted)):  # the first pod's group stays
        own(work, place, wanted)
    return place


def _place(work: PodWork, volume: Volume, wanted: Wanted, attached: bool) -> Place:
    if wanted.source in _CONFIGURATION:
        return _configuration(work, volume)
    own_way = _OWN_WAY.get(wanted.source)
    if own_way is not None and not (wanted.source == "csi" and wanted.volume is not None):
        return own_way(work, volume, wanted)
    if wanted.source == "local":
        return local_device(work, wanted) if wanted.block else local_path(work, wanted)
    return _backend(work, wanted, attached)


def _tell_of_device(work: PodWork, wanted: Wanted) -> None:
    """A device is mapped twice: for the node, and for the pod."""
    plugin = volume_directory(work.uid, wanted.source, "").rstrip("/").rpartition("/")[2]
    csi = f"/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/{wanted.name}/dev"
    of_node = f"/var/lib/kubelet/plugins/{plugin}/volumeDevices/{wanted.name}"
    of_pod = f"{pod_directory(work.uid)}/volumeDevices/{plugin}"
    for what, path in (("globalMapPath", csi if wanted.source == "csi" else of_node), ("volumeMapPath", of_pod)):
        text = f'MapVolume.MapPodDevice succeeded for volume "{wanted.name}" {what} "{path}"'
        work.event("Normal", "SuccessfulMountVolume", text)


def _configuration(work: PodWork, volume: Volume) -> Place:
    place = _in_memory(work, volume.name or "", _made(work, volume, None), read_only=True)
    return place.replace(final=True) if is_final(work.view, work.pod, volume) else place


def _made(work: PodWork, volume: Volume, before: Directory | None) -> Directory:
    assert work.sandbox is not None, "a pod has a sandbox before its volumes are set up"
    return configuration(work.view, work.pod, volume, work.now_us, address=work.sandbox.address, before=before)


def is_stale(work: PodWork, volume: Volume) -> bool:
    """Whether a mounted configuration volume has not what it should have. Raises `MountError`."""
    before = work.fetch((MEMORY, volume.name or ""))
    return _made(work, volume, before) is not before


def refresh(work: PodWork, volume: Volume, wanted: Wanted) -> None:
    """Bring a mounted configuration volume up to date, in one swap. Raises `MountError`; then it stays as it was."""
    place = Place(kind=MEMORY, name=volume.name or "", read_only=True)
    before = work.fetch(place.backing)
    after = _made(work, volume, before)
    if after is not before:
        work.store(place.backing, after)
        own(work, place, wanted)


def _in_memory(work: PodWork, name: str, root: Directory, *, read_only: bool = False) -> Place:
    assert work.sandbox is not None
    memory = type(work.sandbox.memory)({**work.sandbox.memory, name: root})
    work.sandbox = work.sandbox.replace(memory=memory)
    return Place(kind=MEMORY, name=name, read_only=read_only)


def _empty_dir(work: PodWork, volume: Volume, wanted: Wanted) -> Place:
    assert work.sandbox is not None
    medium, name = wanted.record.medium or "", volume.name or ""
    if medium == "Memory" or medium.startswith("HugePages"):
        return _in_memory(work, name, work.sandbox.memory.get(name) or Directory(mode=0o1777))
    if medium:
        raise MountError(f'unknown storage medium "{medium}"')
    return _pod_directory(work, volume_directory(work.uid, "emptyDir", name))


def _host_path(work: PodWork, volume: Volume, wanted: Wanted) -> Place:
    place = host_path(work, wanted.record.path or "", wanted.record.type or "")
    return place.replace(read_only=wanted.read_only)


def _git_repo(work: PodWork, volume: Volume, wanted: Wanted) -> Place:
    if not work.rules.git_repo_volume:
        raise MountError(_GIT_DISABLED)
    path = volume_directory(work.uid, "gitRepo", volume.name or "")
    fresh = not tree.exists(work.disk, path)
    place = _pod_directory(work, path)
    repository: Backend | None = work.view.get("backends", wanted.record.repository or "")
    if fresh and repository is not None:
        name = (wanted.record.repository or "").rstrip("/").rpartition("/")[2].removesuffix(".git")
        target = name if wanted.record.directory in (None, "") else wanted.record.directory
        inner = path if target == "." else f"{path}/{target}"
        work.disk = tree.put(work.disk, inner, repository.root)
    return place


def _image(work: PodWork, volume: Volume, wanted: Wanted) -> Place:
    return _in_memory(work, volume.name or "", image_for(wanted.record.reference or "").files, read_only=True)


def _inline_csi(work: PodWork, volume: Volume, wanted: Wanted) -> Place:
    _require_driver(work, wanted, "MountVolume.SetUp failed", "mounter.SetUpAt failed to get CSI client")
    place = _pod_directory(work, volume_directory(work.uid, "csi", volume.name or ""))
    return place.replace(read_only=wanted.read_only)


_OWN_WAY: dict[str, Callable[[PodWork, Volume, Wanted], Place]] = {
    "emptyDir": _empty_dir,
    "hostPath": _host_path,
    "gitRepo": _git_repo,
    "image": _image,
    "csi": _inline_csi,
}


def _pod_directory(work: PodWork, path: str, mode: int = 0o777) -> Place:
    """A directory on the node's disk; one that is there already (after a reboot) is kept as it is."""
    if not tree.exists(work.disk, path):
        disk = tree.mkdir(work.disk, path.rpartition("/")[0], parents=True)
        work.disk = tree.mkdir(disk, path, mode=mode)
    return Place(kind=DISK, name=work.node, path=path)


def _require_driver(work: PodWork, wanted: Wanted, during: str, doing: str) -> None:
    """The driver's plugin must run on the node: it is on every node as soon as it is installed."""
    name = csi_driver_of(wanted, work.rules) or ""
    driver: Driver | None = work.view.get("drivers", name)
    if driver is None:
        text = f"driver name {name} not found in the list of registered CSI drivers"
        raise MountError(f"kubernetes.io/csi: {doing}: {text}", during=during)


def _check_node_affinity(work: PodWork, wanted: Wanted) -> None:
    """A volume that cannot be reached from the node is not mounted there, whoever has put the pod on it."""
    affinity = wanted.volume.spec.node_affinity if wanted.volume is not None else None
    node = work.view.nodes.get(work.node)
    if affinity is None or affinity.required is None or node is None:
        return
    fields = {"metadata.name": node.metadata.name or ""}
    if not any(term.matches(node.metadata.labels, fields) for term in affinity.required.node_selector_terms):
        what = "MapVolume" if wanted.block else "MountVolume"
        raise MountError("no matching NodeSelectorTerms", during=f"{what}.NodeAffinity check failed")


def is_taken(work: PodWork, wanted: Wanted) -> bool:
    """Whether another pod has the volume, and has it alone."""
    return _is_used_alone(wanted) and any(_sharing(work, wanted))


def _is_used_alone(wanted: Wanted) -> bool:
    """Whether one pod alone may mount the volume; plugins that mount anew for each pod (hostPath, nfs) cannot tell."""
    modes = wanted.volume.spec.access_modes if wanted.volume is not None else ()
    return "ReadWriteOncePod" in modes and (wanted.source == "local" or wanted.source in _DEVICES)


def _sharing(work: PodWork, wanted: Wanted) -> list[str]:
    """The other pods for which the kubelet has mounted the volume; they may be gone from the API already."""
    found: list[str] = []
    claim = wanted.volume.spec.claim_ref if wanted.volume is not None else None
    if claim is None:
        return found
    for uid in work.view.group("sandboxes_by_node", work.node):
        sandbox: Sandbox = work.view.get("sandboxes", uid)
        pod = sandbox.pod
        if uid == work.uid or sandbox.boot != work.machine.boot or pod.metadata.namespace != claim.namespace:
            continue
        for each in pod.spec.volumes:
            source = each.persistent_volume_claim
            if source is not None and source.claim_name == claim.name and each.name in sandbox.mounted:
                found.append(uid)
    return found


def _backend(work: PodWork, wanted: Wanted, attached: bool) -> Place:
    if csi_driver_of(wanted, work.rules) is not None and not attached:
        doing = "attacher.MountDevice failed to create newCsiDriverClient"
        _require_driver(work, wanted, "MountVolume.MountDevice failed", doing)
    name, path = backend_of(wanted.source, wanted.record)
    backend: Backend | None = work.view.get("backends", name)
    if backend is not None and not backend.reachable:
        raise MountError(f"mount failed: exit status 32: mount: {name}{path}: Connection timed out")
    if wanted.block:
        return Place(kind=RAW_ATTACHED if attached else RAW, name=name, read_only=wanted.read_only)
    place = Place(
        kind=ATTACHED if attached else BACKEND,
        name=name,
        path=path,
        read_only=wanted.read_only,
        capacity=_capacity(wanted),
    )
    root = work.fetch(place.backing)
    if path and not tree.exists(root, path):
        root = tree.mkdir(root, path, parents=True)  # an export that nobody declared is there, and empty
    work.store(place.backing, root)
    return place


def _capacity(wanted: Wanted) -> int | None:
    """The size of a disk; that of an export is a wish, which nobody enforces."""
    if wanted.source not in _DISKS or wanted.volume is None:
        return None
    storage = wanted.volume.spec.capacity.get("storage")
    return None if storage is None else int(storage)


# -- tear down ---------------------------------------------------------------------------------------------------------
def tear_down(work: PodWork) -> None:
    """Remove the pod's own directories and what it had in memory. What is mounted from elsewhere is only let go."""
    path = pod_directory(work.uid)
    if tree.exists(work.disk, path):
        work.disk = tree.rmtree(work.disk, path)
