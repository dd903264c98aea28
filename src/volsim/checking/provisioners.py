"""Provisioners and CSI drivers by their names: where the bytes of their volumes are, and what stands for those unknown.

>>> stand_in("k8s.io/minikube-hostpath"), is_on_a_node("k8s.io/minikube-hostpath")
('external.minikube-hostpath.k8s.io', True)
"""

from __future__ import annotations

import re

__all__ = [
    "DRIVER",
    "IN_TREE",
    "LOCAL",
    "SHARES",
    "in_tree_source",
    "is_local",
    "is_on_a_node",
    "is_on_a_server",
    "stand_in",
]

DRIVER, SHARES, LOCAL = "disks.csi.volsim.dev", "shares.csi.volsim.dev", "local-path.rancher.io"
"""The drivers of classes that nobody defines: of disks, of files on a server, of directories of one node."""
IN_TREE = "kubernetes.io/"
_IN_TREE_SOURCES = {
    "aws-ebs": "awsElasticBlockStore",
    "azure-disk": "azureDisk",
    "azure-file": "azureFile",
    "cinder": "cinder",
    "flocker": "flocker",
    "gce-pd": "gcePersistentDisk",
    "glusterfs": "glusterfs",
    "photon-pd": "photonPersistentDisk",
    "portworx-volume": "portworxVolume",
    "quobyte": "quobyte",
    "rbd": "rbd",
    "scaleio": "scaleIO",
    "storageos": "storageos",
    "vsphere-volume": "vsphereVolume",
}
"""What Kubernetes' own provisioners make, by the name behind the slash."""
_ON_NODES = ("openebs.io/local", "local.csi.openebs.io", "zfs.csi.openebs.io", "directpv-min-io")
"""Provisioners and drivers whose volumes are on the disk of one node, although their names do not say so."""
_NODE = re.compile(r"host-?path|local-?path|lvm")
"""Names of provisioners and drivers of which they do."""
_LOCAL_CLASS = re.compile(r"local-?path|host-?path|local-storage|topolvm|\blvm")
"""Names of such classes: those of k3s, minikube, OpenEBS, the local static provisioner."""
_EXTERNAL = "external."
"""How the driver is called that stands for an external provisioner that is no CSI driver."""
_ATTACHED = re.compile(r"rbd|iscsi|cinder|disk|block|ebs")
"""Names of such provisioners whose volumes are attached; most make directories on file servers."""
_SHARE = re.compile(r"nfs|efs|cifs|smb|cephfs|azure-?file|^file\.csi\.azure|filestore|gluster|fsx|juicefs")
"""Names of classes and drivers that promise files on a server, mounted over the network by any number of nodes."""


def in_tree_source(provisioner: str) -> str:
    """The type of volume that one of Kubernetes' own provisioners makes; empty for another one.

    >>> in_tree_source("kubernetes.io/glusterfs"), in_tree_source("ebs.csi.aws.com")
    ('glusterfs', '')
    """
    return _IN_TREE_SOURCES.get(provisioner.removeprefix(IN_TREE), "") if provisioner.startswith(IN_TREE) else ""


def is_on_a_node(provisioner: str) -> bool:
    """Whether each volume of a provisioner, or of the driver that stands for it, is on the disk of one node.

    >>> is_on_a_node("rancher.io/local-path"), is_on_a_node("topolvm.io"), is_on_a_node("ebs.csi.aws.com")
    (True, True, False)
    """
    return bool(_NODE.search(provisioner)) or provisioner in (*_ON_NODES, *map(stand_in, _ON_NODES))


def is_local(storage_class: str) -> bool:
    """Whether the name of a class that nobody defines promises volumes that are each on the disk of one node.

    >>> is_local("local-path"), is_local("openebs-hostpath"), is_local("fast")
    (True, True, False)
    """
    return bool(_LOCAL_CLASS.search(storage_class))


def is_on_a_server(driver: str) -> bool:
    """Whether a driver has its storage on a server, as its name says; what is external and no CSI driver mostly has.

    >>> is_on_a_server("efs.csi.aws.com"), is_on_a_server("ebs.csi.aws.com"), is_on_a_server(stand_in("fuseim.pri/ifs"))
    (True, False, True)
    """
    is_external = driver.startswith(_EXTERNAL) and not _ATTACHED.search(driver)
    return driver == SHARES or is_external or bool(_SHARE.search(driver))


def stand_in(provisioner: str) -> str:
    """The CSI driver that stands for a provisioner: itself, if it is one, or Kubernetes' own.

    >>> stand_in("rancher.io/local-path"), stand_in("ebs.csi.aws.com")
    ('external.local-path.rancher.io', 'ebs.csi.aws.com')
    """
    if "/" not in provisioner or provisioner.startswith(IN_TREE):
        return provisioner
    return _EXTERNAL + re.sub(r"[^a-z0-9.-]", "-", ".".join(reversed(provisioner.lower().split("/"))))
