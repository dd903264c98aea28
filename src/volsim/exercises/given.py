"""What exercises give: short ways to write manifests, so that an answer can be about what matters.

>>> claim("data", "2Gi")["spec"]["resources"]
{'requests': {'storage': '2Gi'}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["claim", "daemon_set", "deployment", "pod", "stateful_set", "storage_class", "volume"]

Manifest = dict[str, Any]
Volumes = Mapping[str, str | Mapping[str, Any]]
"""By the path at which it is mounted: the name of a claim, or a volume source such as ``{"emptyDir": {}}``."""


def _object(api_version: str, kind: str, name: str, **more: Any) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **more}


def _pod_spec(volumes: Volumes, command: Sequence[str] | None) -> Manifest:
    container: Manifest = {"name": "main", "image": "busybox" if command else "nginx"}
    if command:
        container["command"] = list(command)
    if not volumes:
        return {"containers": [container]}
    container["volumeMounts"] = [{"name": f"v{at}", "mountPath": path} for at, path in enumerate(volumes)]
    sources = [
        {"persistentVolumeClaim": {"claimName": each}} if isinstance(each, str) else dict(each)
        for each in volumes.values()
    ]
    return {"containers": [container], "volumes": [{"name": f"v{at}", **each} for at, each in enumerate(sources)]}


def pod(
    name: str,
    volumes: Volumes | None = None,
    *,
    node: str | None = None,
    command: Sequence[str] | None = None,
    restart: str = "Always",
) -> Manifest:
    """A pod of one container that serves for ever, or runs `command`; on `node`, or wherever the scheduler likes."""
    spec = {**_pod_spec(volumes or {}, command), "restartPolicy": restart}
    return _object("v1", "Pod", name, spec=spec if node is None else {**spec, "nodeName": node})


def volume(
    name: str,
    size: str = "1Gi",
    *,
    source: Mapping[str, Any] | None = None,
    policy: str = "Retain",
    modes: Sequence[str] = ("ReadWriteOnce",),
    storage_class: str = "",
    node: str | None = None,
) -> Manifest:
    """A PersistentVolume on an NFS server, or of another `source`; with `node`, reachable from there alone."""
    spec: Manifest = {
        "capacity": {"storage": size},
        "accessModes": list(modes),
        "persistentVolumeReclaimPolicy": policy,
        "storageClassName": storage_class,
        **(source if source is not None else {"nfs": {"server": "nfs.example.com", "path": f"/{name}"}}),
    }
    if node is not None:
        term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    return _object("v1", "PersistentVolume", name, spec=spec)


def claim(
    name: str, size: str = "1Gi", *, modes: Sequence[str] = ("ReadWriteOnce",), storage_class: str = ""
) -> Manifest:
    """A PersistentVolumeClaim."""
    spec = {
        "accessModes": list(modes),
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": size}},
    }
    return _object("v1", "PersistentVolumeClaim", name, spec=spec)


def storage_class(name: str, *, waits: bool = False) -> Manifest:
    """A StorageClass of volumes that somebody makes by hand; with `waits`, WaitForFirstConsumer."""
    mode = "WaitForFirstConsumer" if waits else "Immediate"
    return _object(
        "storage.k8s.io/v1", "StorageClass", name, provisioner="kubernetes.io/no-provisioner", volumeBindingMode=mode
    )


def _workload(kind: str, name: str, spec: Manifest, volumes: Volumes, command: Sequence[str] | None) -> Manifest:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": _pod_spec(volumes, command)}
    return _object("apps/v1", kind, name, spec={"selector": {"matchLabels": labels}, "template": template, **spec})


def deployment(
    name: str, volumes: Volumes | None = None, *, replicas: int = 1, command: Sequence[str] | None = None
) -> Manifest:
    """A Deployment of such pods."""
    return _workload("Deployment", name, {"replicas": replicas}, volumes or {}, command)


def stateful_set(
    name: str, volumes: Volumes | None = None, *, replicas: int = 1, command: Sequence[str] | None = None
) -> Manifest:
    """A StatefulSet of such pods; all share the claims that are named."""
    return _workload("StatefulSet", name, {"replicas": replicas, "serviceName": name}, volumes or {}, command)


def daemon_set(name: str, volumes: Volumes | None = None, *, command: Sequence[str] | None = None) -> Manifest:
    """A DaemonSet of such pods: one on every node."""
    return _workload("DaemonSet", name, {}, volumes or {}, command)
