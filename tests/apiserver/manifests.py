"""Manifests that the API server takes as they are, for tests that spoil them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from volsim import Simulation
from volsim.errors import Invalid
from volsim.rules import Rules

Manifest = dict[str, Any]


def volume(**spec: Any) -> Manifest:
    """A PersistentVolume on an NFS server."""
    given = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "nfs": {"server": "nas", "path": "/exports/data"},
    }
    return _object("PersistentVolume", "v1", given, spec)


def claim(**spec: Any) -> Manifest:
    """A claim on one gibibyte."""
    given = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return _object("PersistentVolumeClaim", "v1", given, spec)


def container(**more: Any) -> Manifest:
    """A web server."""
    return _without_none({"name": "web", "image": "nginx:1.27"}, more)


def pod(*, containers: list[Manifest] | None = None, **spec: Any) -> Manifest:
    """A pod with one web server."""
    given = {"containers": [container()] if containers is None else containers}
    return _object("Pod", "v1", given, spec)


def workload(kind: str, api_version: str = "apps/v1", *, template: Manifest | None = None, **spec: Any) -> Manifest:
    """A workload that keeps web servers running."""
    labels = {"app": "web"}
    made = {"metadata": {"labels": labels}, "spec": pod()["spec"] if template is None else template}
    given: Manifest = {"selector": {"matchLabels": labels}, "template": made}
    if kind == "StatefulSet":
        given["serviceName"] = "web"
    return _object(kind, api_version, given, spec)


def storage_class(**more: Any) -> Manifest:
    """A class whose volumes a CSI driver makes."""
    body = _without_none({"provisioner": "disk.csi.example.com"}, more)
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}, **body}


def _without_none(given: Manifest, changes: Mapping[str, Any]) -> Manifest:
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def _object(kind: str, api_version: str, given: Manifest, changes: Mapping[str, Any]) -> Manifest:
    spec = _without_none(given, changes)
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "data"}, "spec": spec}


def refusal(manifest: Any, version: str = "1.36", **gates: bool) -> list[str]:
    """What the API server says to a manifest that it refuses, error by error; the cluster stays as it was."""
    simulation = Simulation(nodes=0, rules=Rules.for_version(version, **gates))
    before = simulation.state.fingerprint
    with pytest.raises(Invalid) as caught:
        simulation.apply(manifest)
    assert simulation.state.fingerprint == before
    return [str(error) for error in caught.value.errors]


def accept(manifest: Any, version: str = "1.36") -> Simulation:
    """A simulation in which the manifest has been applied."""
    simulation = Simulation(nodes=0, kubernetes=version)
    simulation.apply(manifest)
    return simulation
