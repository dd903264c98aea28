"""What the controller manager's own volume plugins can do with a volume: recycle it, or delete its storage.

Modelled: which plugins there are by version, the errors where one is missing, deletion of hostPath directories and of disks.
Not modelled: errors of cloud providers.
Source: cmd/kube-controller-manager/app/plugins.go; pkg/volume/plugins.go (Find…PluginBySpec); pkg/volume/hostpath.
"""

from __future__ import annotations

import re

from volsim.apiserver.writes import Put, Write
from volsim.objects import Node, PersistentVolume
from volsim.objects.binding import MIGRATED_TO, PROVISIONED_BY
from volsim.rules import Rules
from volsim.state import View
from volsim.state.runtime import Machine
from volsim.storage import tree
from volsim.storage.backends import backend_of
from volsim.storage.sources import SOURCES, source_of

__all__ = ["DeleteError", "delete_storage", "has_recycler", "is_external"]

_RECYCLERS = frozenset({"nfs", "hostPath"})
_NO_DELETERS = frozenset({"nfs", "iscsi", "fc", "local", "cephfs", "flexVolume"})
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_UNTIL = {kind.name: kind.until for kind in SOURCES}


class DeleteError(Exception):
    """The storage cannot be deleted; the text is what the controller says of it."""


def has_recycler(volume: PersistentVolume) -> bool:
    """Whether there is a plugin that can scrub the volume."""
    return source_of(volume.spec)[0] in _RECYCLERS


def is_external(volume: PersistentVolume, rules: Rules) -> bool:
    """Whether somebody outside of the controller manager deletes the volume: an external provisioner."""
    provisioner = volume.metadata.annotations.get(PROVISIONED_BY)
    if MIGRATED_TO in volume.metadata.annotations:
        return True
    if provisioner:
        return not provisioner.startswith("kubernetes.io/")
    return rules.csi_volumes_are_external and volume.spec.csi is not None


def _known(source: str | None, rules: Rules) -> bool:
    """Whether the controller manager has a plugin for the type, whatever it can do."""
    if source is None:
        return False
    if source in ("local", "flexVolume"):
        return rules.controller_has_local_plugin
    until = _UNTIL[source]
    return not until or rules.version <= tuple(int(part) for part in until.split("."))


def delete_storage(view: View, volume: PersistentVolume) -> tuple[Write, ...]:
    """The writes by which a volume's storage goes. Raises `DeleteError` if no plugin can do that."""
    source, record = source_of(volume.spec)
    if not _known(source, view.rules) or source in _NO_DELETERS or source == "csi":
        problem = "no deletable volume plugin matched" if _known(source, view.rules) else "no volume plugin matched"
        error = "error" if view.rules.lower_case_errors else "Error"
        raise DeleteError(f'{error} getting deleter volume plugin for volume "{volume.metadata.name}": {problem}')
    assert source is not None, "an unknown source has no plugin"
    if source == "hostPath":
        return _delete_host_path(view, record.path or "")
    name, _ = backend_of(source, record)
    return (Put("backends", name, None),)


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
