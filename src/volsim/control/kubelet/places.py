"""Kubelet: where the bytes of a volume are, and what is said when they cannot be had."""

from __future__ import annotations

from volsim.objects._record import Record, record

__all__ = ["MountError", "Place", "ProcessingError", "pod_directory", "volume_directory"]

KUBELET = "/var/lib/kubelet"
_PLUGINS = {  # API name -> the directory of its plugin below a pod's volumes
    "emptyDir": "kubernetes.io~empty-dir",
    "configMap": "kubernetes.io~configmap",
    "secret": "kubernetes.io~secret",
    "downwardAPI": "kubernetes.io~downward-api",
    "projected": "kubernetes.io~projected",
    "gitRepo": "kubernetes.io~git-repo",
    "image": "kubernetes.io~image",
    "csi": "kubernetes.io~csi",
    "flexVolume": "kubernetes.io~flexvolume",
    "local": "kubernetes.io~local-volume",
    "nfs": "kubernetes.io~nfs",
    "iscsi": "kubernetes.io~iscsi",
    "fc": "kubernetes.io~fc",
    "rbd": "kubernetes.io~rbd",
    "cephfs": "kubernetes.io~cephfs",
    "glusterfs": "kubernetes.io~glusterfs",
    "azureFile": "kubernetes.io~azure-file",
    "azureDisk": "kubernetes.io~azure-disk",
    "awsElasticBlockStore": "kubernetes.io~aws-ebs",
    "gcePersistentDisk": "kubernetes.io~gce-pd",
    "cinder": "kubernetes.io~cinder",
    "vsphereVolume": "kubernetes.io~vsphere-volume",
    "portworxVolume": "kubernetes.io~portworx-volume",
}


class MountError(Exception):
    """A volume cannot be set up, or a container cannot get it; the text is what the kubelet says of it."""

    def __init__(
        self, text: str, *, during: str = "MountVolume.SetUp failed", reason: str = "CreateContainerConfigError"
    ) -> None:
        super().__init__(text)
        self.during = during
        """The step of mounting that failed, as events name it."""
        self.reason = reason
        """Why a container that needs the volume waits, if it is the container that cannot get it."""


class ProcessingError(Exception):
    """The kubelet does not know what to mount: a claim or a type of volume is not as it must be."""


@record
class Place(Record):
    """Where a volume's bytes are.

    >>> Place(kind="disk", name="node01", path="/data").backing
    ('disk', 'node01')
    """

    kind: str
    """`disk` (of a node), `memory` (of the pod), `backend`, `attached` (a backend that is attached to the node),
    `device` (a file system on a block device of the node), `raw` or `raw-attached` (the bare bytes of a backend)."""
    name: str
    path: str = ""
    """Below the root of the backing."""
    read_only: bool = False
    mounted_at: str = ""
    """Where on the node it is mounted; empty if it lies on the node's disk itself."""
    capacity: int | None = None
    """How many bytes a disk holds, as its PersistentVolume says; None where that is no limit."""
    final: bool = False
    """A configuration volume that is never refreshed: all that it is made of is immutable."""

    @property
    def backing(self) -> tuple[str, str]:
        """The name of the backing, as `PodWork.fetch` takes it."""
        return (self.kind, self.name)


def pod_directory(uid: str) -> str:
    """The directory of a pod on its node's disk.

    >>> pod_directory("756b4f4a")
    '/var/lib/kubelet/pods/756b4f4a'
    """
    return f"{KUBELET}/pods/{uid}"


def volume_directory(uid: str, source: str, volume: str) -> str:
    """The directory of a volume of a pod on its node's disk; `source` is the source's name in the API.

    >>> volume_directory("756b4f4a", "emptyDir", "share-volume")
    '/var/lib/kubelet/pods/756b4f4a/volumes/kubernetes.io~empty-dir/share-volume'
    """
    return f"{pod_directory(uid)}/volumes/{_PLUGINS.get(source, source.lower())}/{volume}"
