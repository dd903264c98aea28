"""Every volume source of the API: what it is, who may use it how, and what volsim models of it.

The fidelity table of the documentation is generated from `SOURCES`. "Until" is the last version whose kubelet has a
plugin of its own for the type; afterwards the field stays in the API and, where there is one, a CSI driver takes over
(CSI migration) or the pod does not start.
Source: staging/src/k8s.io/api/core/v1/types.go (VolumeSource, PersistentVolumeSource); the access modes are those that
https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes lists.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from volsim.objects.names import snake
from volsim.rules import Rules

__all__ = ["SOURCES", "SourceKind", "has_own_plugin", "is_switched_off", "source_of", "taken_over_by"]


class SourceKind(NamedTuple):
    """One volume source type."""

    name: str
    """As in a manifest."""
    family: str
    """Where its bytes are: `node-directory`, `host-path`, `configuration`, `claim`, `export`, `disk`, `image`, `stand-in`."""
    modes: str
    """The access modes that its plugin knows, abbreviated; empty where the question does not arise."""
    attachable: bool
    until: str
    """The last version with an in-tree plugin; empty if there still is one."""
    modelled: str
    not_yet: str = ""


_EXPORT = "an export on a server, shared by all nodes, without a limit; server failure"
_DISK = "a disk behind the network, with its bytes and size, or bare; disk failure"
_ATTACHED = f"{_DISK}; attaching, exclusive use by one node"
_STAND_IN = "an empty directory of the pod stands in for it"

SOURCES: tuple[SourceKind, ...] = (
    SourceKind("emptyDir", "node-directory", "", False, "", "directory of the pod on its node's disk or in memory; lifetime, sizeLimit", "huge pages"),
    SourceKind("hostPath", "host-path", "RWO", False, "", "the node's own directory, all seven types and their checks"),
    SourceKind("persistentVolumeClaim", "claim", "", False, "", "the bound volume's bytes, or its bare device; readOnly"),
    SourceKind("ephemeral", "claim", "", False, "", "a claim made for the pod and owned by it"),
    SourceKind("configMap", "configuration", "", False, "", "keys, items, modes, optional and missing ones; updates while mounted"),
    SourceKind("secret", "configuration", "", False, "", "keys, items, modes, optional and missing ones; updates while mounted"),
    SourceKind("downwardAPI", "configuration", "", False, "", "fields of the pod, resources of its containers; updates while mounted"),
    SourceKind("projected", "configuration", "", False, "", "several sources in one directory, the last wins; updates while mounted", "trust bundles, certificates"),
    SourceKind("nfs", "export", "RWO ROX RWX", False, "", _EXPORT),
    SourceKind("cephfs", "export", "RWO ROX RWX", False, "1.30", _EXPORT),
    SourceKind("glusterfs", "export", "RWO ROX RWX", False, "1.25", _EXPORT),
    SourceKind("azureFile", "export", "RWO ROX RWX", False, "1.29", _EXPORT),
    SourceKind("quobyte", "export", "RWO ROX RWX", False, "1.24", _EXPORT),
    SourceKind("iscsi", "disk", "RWO ROX", True, "", _ATTACHED),
    SourceKind("fc", "disk", "RWO ROX", True, "", _ATTACHED),
    SourceKind("rbd", "disk", "RWO ROX", True, "1.30", _ATTACHED),
    SourceKind("awsElasticBlockStore", "disk", "RWO", True, "1.26", _ATTACHED),
    SourceKind("gcePersistentDisk", "disk", "RWO ROX", True, "1.27", _ATTACHED),
    SourceKind("azureDisk", "disk", "RWO", True, "1.26", _ATTACHED),
    SourceKind("cinder", "disk", "RWO", True, "1.25", _ATTACHED),
    SourceKind("vsphereVolume", "disk", "RWO", True, "1.29", _ATTACHED),
    SourceKind("portworxVolume", "disk", "RWO RWX", False, "1.35", _DISK),
    SourceKind("photonPersistentDisk", "disk", "RWO", True, "1.19", _ATTACHED),
    SourceKind("scaleIO", "disk", "RWO ROX", False, "1.21", _DISK),
    SourceKind("storageos", "disk", "RWO", False, "1.24", _DISK),
    SourceKind("flocker", "disk", "RWO", False, "1.24", _DISK),
    SourceKind("local", "host-path", "RWO RWOP", False, "", "a directory or device of one node's disk"),
    SourceKind("csi", "disk", "RWO ROX RWX RWOP", True, "", "a persistent volume's bytes behind its handle; attaching, exclusive use by one node; inline: " + _STAND_IN),
    SourceKind("flexVolume", "disk", "RWO ROX", False, "", _DISK, "drivers and what they can do"),
    SourceKind("gitRepo", "stand-in", "", False, "", "a directory of the pod with what the backend of the repository's URL holds", "revisions"),
    SourceKind("image", "image", "", False, "", "the files that volsim knows of the image"),
)  # fmt: skip
"""All types, in the order of the documentation's table."""

_ATTRIBUTES = {kind.name: snake(kind.name) for kind in SOURCES}
_UNTIL = {kind.name: tuple(map(int, kind.until.split("."))) for kind in SOURCES if kind.until}
_TAKEN_OVER = {
    "awsElasticBlockStore": "kubernetes.io/aws-ebs",
    "azureDisk": "kubernetes.io/azure-disk",
    "azureFile": "kubernetes.io/azure-file",
    "cinder": "kubernetes.io/cinder",
    "gcePersistentDisk": "kubernetes.io/gce-pd",
    "portworxVolume": "kubernetes.io/portworx-volume",
    "vsphereVolume": "kubernetes.io/vsphere-volume",
}
"""The in-tree plugins that CSI drivers took over, by the source that they served."""


def has_own_plugin(source: str, rules: Rules) -> bool:
    """Whether this version still has a plugin of its own for the type.

    >>> has_own_plugin("nfs", Rules()), has_own_plugin("rbd", Rules.for_version("1.30")), has_own_plugin("rbd", Rules())
    (True, True, False)
    """
    until = _UNTIL.get(source)
    return until is None or rules.version <= until


def is_switched_off(source: str, rules: Rules) -> bool:
    """Whether the plugin is there, but this version has a gate before it that is shut.

    >>> is_switched_off("gitRepo", Rules()), is_switched_off("gitRepo", Rules.for_version("1.30"))
    (True, False)
    """
    return source == "gitRepo" and not rules.git_repo_volume


def taken_over_by(source: str, rules: Rules) -> str | None:
    """The CSI driver that serves the type instead of Kubernetes' own plugin; None if there is none (yet).

    >>> taken_over_by("cinder", Rules()), taken_over_by("nfs", Rules())
    ('cinder.csi.openstack.org', None)
    """
    plugin = _TAKEN_OVER.get(source)
    return None if plugin is None else rules.csi_driver_for(plugin)


def source_of(volume: Any) -> tuple[str | None, Any]:
    """The name and the record of the source of a pod's volume or a PersistentVolume's spec; (None, None) for none.

    >>> from volsim.objects import EmptyDirVolumeSource, Volume
    >>> source_of(Volume(name="v", empty_dir=EmptyDirVolumeSource()))[0]
    'emptyDir'
    """
    for name, attribute in _ATTRIBUTES.items():
        found = getattr(volume, attribute, None)
        if found is not None:
            return name, found
    return None, None
