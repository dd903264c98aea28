"""What the controller manager's own volume plugins can do: make, recycle and delete storage.

Modelled: which plugins there are by version, the errors where one is missing, making and deleting disks of cloud
providers, a provider that does not answer, deletion of hostPath directories.
Not modelled: quotas and other refusals of cloud providers, what is deleted while it is attached.
Source: cmd/kube-controller-manager/app/plugins.go; pkg/volume/plugins.go (Find…PluginBySpec); pkg/volume/hostpath;
persistent volume controller (findDeletablePlugin, findProvisionablePlugin).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from volsim.apiserver.writes import Put, Write
from volsim.objects import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    AzureFilePersistentVolumeSource,
    CinderPersistentVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    GlusterfsPersistentVolumeSource,
    Node,
    PersistentVolume,
    PhotonPersistentDiskVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    RBDPersistentVolumeSource,
    ScaleIOPersistentVolumeSource,
    StorageOSPersistentVolumeSource,
    VsphereVirtualDiskVolumeSource,
)
from volsim.objects.binding import MIGRATED_TO, PROVISIONED_BY
from volsim.objects.names import snake
from volsim.rules import Rules
from volsim.state import View
from volsim.state.runtime import Machine, Plugin
from volsim.storage import tree
from volsim.storage.backends import Backend, backend_of
from volsim.storage.sources import has_own_plugin, source_of

__all__ = ["DeleteError", "delete_storage", "has_recycler", "in_tree_plugins", "new_source"]

_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")

# Plugins that only mount: the controller manager knows them, and can do nothing with their volumes.
_PLAIN = {
    "iscsi": "iscsi",
    "fc": "fc",
    "csi": "csi",
    "cephfs": "cephfs",
    "local": "local-volume",
}

# Plugins that make and delete storage, with the source of a volume that was made under a given name.
_PROVIDERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "awsElasticBlockStore": ("aws-ebs", lambda name: AWSElasticBlockStoreVolumeSource(volume_id=name)),
    "gcePersistentDisk": ("gce-pd", lambda name: GCEPersistentDiskVolumeSource(pd_name=name)),
    "azureDisk": ("azure-disk", lambda name: AzureDiskVolumeSource(disk_name=name, disk_uri=name)),
    "azureFile": (
        "azure-file",
        lambda name: AzureFilePersistentVolumeSource(share_name=name, secret_name="azure-storage-account"),
    ),
    "cinder": ("cinder", lambda name: CinderPersistentVolumeSource(volume_id=name)),
    "vsphereVolume": ("vsphere-volume", lambda name: VsphereVirtualDiskVolumeSource(volume_path=name)),
    "portworxVolume": ("portworx-volume", lambda name: PortworxVolumeSource(volume_id=name)),
    "rbd": ("rbd", lambda name: RBDPersistentVolumeSource(image=name, monitors=("monitor",))),
    "glusterfs": ("glusterfs", lambda name: GlusterfsPersistentVolumeSource(endpoints=f"glusterfs-{name}", path=name)),
    "quobyte": ("quobyte", lambda name: QuobyteVolumeSource(registry="registry", volume=name)),
    "scaleIO": (
        "scaleio",
        lambda name: ScaleIOPersistentVolumeSource(volume_name=name, gateway="gateway", system="scaleio"),
    ),
    "storageos": ("storageos", lambda name: StorageOSPersistentVolumeSource(volume_name=name)),
    "flocker": ("flocker", lambda name: FlockerVolumeSource(dataset_uuid=name)),
    "photonPersistentDisk": ("photon-pd", lambda name: PhotonPersistentDiskVolumeSource(pd_id=name)),
}


def in_tree_plugins(rules: Rules) -> Iterator[Plugin]:
    """The plugins that the controller manager of this version has.

    >>> sorted(plugin.name for plugin in in_tree_plugins(Rules()) if plugin.recycles)
    ['kubernetes.io/host-path', 'kubernetes.io/nfs']
    """
    yield Plugin(name="kubernetes.io/nfs", source="nfs", recycles=True)
    yield Plugin(name="kubernetes.io/host-path", source="hostPath", deletes=True, recycles=True)
    for source, name in _PLAIN.items():
        if source != "local" or rules.controller_has_local_plugin:
            if has_own_plugin(source, rules):
                yield Plugin(name=f"kubernetes.io/{name}", source=source)
    for source, (name, _) in _PROVIDERS.items():
        if has_own_plugin(source, rules):
            yield Plugin(name=f"kubernetes.io/{name}", source=source, provisions=True, deletes=True)


def new_source(plugin: Plugin, name: str) -> dict[str, Any]:
    """The source of a volume that the plugin has made under this name, as a field of a PersistentVolume's spec."""
    if not plugin.source:
        return {}
    return {snake(plugin.source): _PROVIDERS[plugin.source][1](name)}


def _for(view: View, volume: PersistentVolume) -> Plugin | None:
    """The plugin that serves the volume's source."""
    source = source_of(volume.spec)[0]
    for plugin in view.table("plugins").values():
        if plugin.source in ("", source):
            return plugin  # type: ignore[no-any-return]
    return None


def has_recycler(view: View, volume: PersistentVolume) -> bool:
    """Whether there is a plugin that can scrub the volume."""
    plugin = _for(view, volume)
    return plugin is not None and plugin.recycles


# -- deletion ----------------------------------------------------------------------------------------------------------
class DeleteError(Exception):
    """The storage cannot be deleted; the text is what the controller says of it."""


def delete_storage(view: View, volume: PersistentVolume) -> tuple[Write, ...] | None:
    """The writes by which a volume's storage goes; None if an external provisioner deletes it.

    Raises `DeleteError` if no plugin can do that, or its provider does not answer.
    """
    plugin = _deleter(view, volume)
    if plugin is None:
        return None
    source, record = source_of(volume.spec)
    if source is None:
        return _answering(view, plugin.name)
    if source == "hostPath":
        return _delete_host_path(view, record.path or "")
    name, _ = backend_of(source, record)
    return (*_answering(view, plugin.name), *_answering(view, name), Put("backends", name, None))


def _answering(view: View, name: str) -> tuple[Write, ...]:
    """Nothing to write; raises `DeleteError` if the backend or provider of that name does not answer."""
    backend: Backend | None = view.get("backends", name)
    if backend is not None and not backend.reachable:
        raise DeleteError(f"{name} does not answer")
    return ()


def _deleter(view: View, volume: PersistentVolume) -> Plugin | None:
    """The plugin that deletes the volume; None if that is somebody else's task. Raises `DeleteError`."""
    maker = volume.metadata.annotations.get(PROVISIONED_BY)
    if maker:
        plugin: Plugin | None = view.get("plugins", maker)
        if plugin is not None and plugin.deletes:
            return plugin
        if not maker.startswith("kubernetes.io/"):
            return None
        raise DeleteError(f"no volume plugin matched name: {maker}" if plugin is None else _NOT_DELETABLE)
    if MIGRATED_TO in volume.metadata.annotations:
        return None
    if view.rules.csi_volumes_are_external and volume.spec.csi is not None:
        return None
    plugin = _for(view, volume)
    if plugin is not None and plugin.deletes:
        return plugin
    error = "error" if view.rules.lower_case_errors else "Error"
    problem = "no volume plugin matched" if plugin is None else _NOT_DELETABLE
    raise DeleteError(f'{error} getting deleter volume plugin for volume "{volume.metadata.name}": {problem}')


_NOT_DELETABLE = "no deletable volume plugin matched"


def _delete_host_path(view: View, path: str) -> tuple[Write, ...]:
    """The directory goes from the machine on which the controller manager runs; other nodes keep theirs."""
    if not re.match(r"/tmp/.+", path):
        raise DeleteError(f"host_path deleter only supports /tmp/.+ but received provided {path}")
    writes: list[Write] = []
    for name in _control_plane(view):
        machine: Machine | None = view.get("machines", name)
        if machine is not None and machine.answers and tree.exists(machine.disk, path):
            writes.append(Put("machines", name, machine.replace(disk=tree.rmtree(machine.disk, path))))
    return tuple(writes)


def _control_plane(view: View) -> list[str]:
    """The nodes of the control plane; the only node of a cluster of one is everything."""
    nodes: list[Node] = list(view.nodes.values())
    marked = [node for node in nodes if any(label in node.metadata.labels for label in _CONTROL_PLANE)]
    return [node.metadata.name or "" for node in (marked or (nodes if len(nodes) == 1 else []))]
