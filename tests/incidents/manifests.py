"""Manifests of the incidents as YAML text, and short questions about what became of them.

A field's value is given as YAML, under the field's name in the API; a field that is given as "" is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import ENOENT

import volsim

DRIVER = "disks.example.com"
FORCE = {"metadata": {"finalizers": None}}
"""The patch by which people take an object's finalizers away."""


def manifest(
    api_version: str,
    kind: str,
    name: str,
    namespace: str = "",
    *,
    labels: str = "",
    annotations: str = "",
    **fields: str,
) -> str:
    """One document of YAML, with its end."""
    metadata = spec(name=name, namespace=namespace, labels=labels, annotations=annotations)
    given = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
    return "\n".join([*(f"{field}: {value}" for field, value in given.items()), "---\n"])


def spec(**fields: str) -> str:
    """The fields of a spec, as YAML; fields that are empty are left out."""
    return "{" + ", ".join(f"{field}: {value}" for field, value in fields.items() if value) + "}"


def volume(name: str = "v", source: str = "nfs: {server: nas, path: /v}", **fields: str) -> str:
    """A PersistentVolume of 1Gi without a class, made by hand: an export unless told otherwise."""
    kind, _, value = source.partition(": ")
    given = {"capacity": "{storage: 1Gi}", "accessModes": "[ReadWriteOnce]", "storageClassName": '""', kind: value}
    return manifest("v1", "PersistentVolume", name, spec=spec(**{**given, **fields}))


def claim(name: str = "c", size: str = "1Gi", namespace: str = "", **fields: str) -> str:
    """A claim to 1Gi without a class, unless told otherwise."""
    given = {
        "resources": f"{{requests: {{storage: {size}}}}}",
        "accessModes": "[ReadWriteOnce]",
        "storageClassName": '""',
    }
    return manifest("v1", "PersistentVolumeClaim", name, namespace, spec=spec(**{**given, **fields}))


def storage_class(name: str = "fast", **fields: str) -> str:
    """A class of the CSI driver."""
    return manifest("storage.k8s.io/v1", "StorageClass", name, **{"provisioner": DRIVER, **fields})


def default_class(name: str = "fast") -> str:
    """A class that is marked as the one for claims that name none."""
    return storage_class(name, annotations='{storageclass.kubernetes.io/is-default-class: "true"}')


def containers(mount: str = "/data", **fields: str) -> str:
    """One container that waits to be told to stop, with the pod's volume `data`."""
    mounts = f"[{{name: data, mountPath: {mount}}}]"
    given = {"name": "app", "image": "nginx:1", "volumeMounts": mounts}
    return f"[{spec(**{**given, **fields})}]"


def pod(name: str = "p", uses: str = "c", namespace: str = "", source: str = "", **fields: str) -> str:
    """A pod with the claim `uses`, or with another `source`, at /data."""
    source = source or f"persistentVolumeClaim: {{claimName: {uses}}}"
    given = {"containers": containers(), "volumes": f"[{{name: data, {source}}}]"}
    return manifest("v1", "Pod", name, namespace, spec=spec(**{**given, **fields}))


def reader(source: str = "nfs: {server: nas, path: /v}", node: str = "node01") -> str:
    """A pod that looks at a volume's bytes past all claims."""
    return pod("reader", source=source, nodeName=node)


# -- questions ---------------------------------------------------------------------------------------------------------
def phase(sim: volsim.Simulation, ref: str, namespace: str = "default") -> str:
    """The phase of an object; `gone` if there is none."""
    try:
        return str(sim.get(ref, namespace).status.phase)
    except volsim.NotFound:
        return "gone"


def exists(sim: volsim.Simulation, ref: str, namespace: str = "default") -> bool:
    return phase(sim, ref, namespace) != "gone"


def is_terminating(sim: volsim.Simulation, ref: str, namespace: str = "default") -> bool:
    return sim.get(ref, namespace).metadata.deletion_timestamp is not None


def messages(sim: volsim.Simulation, reason: str) -> list[str]:
    """The texts of the events of one reason, in order."""
    return [event.message or "" for event in sim.events if event.reason == reason]


def never(sim: volsim.Simulation, happens: Callable[[volsim.Simulation], bool], within: str = "10d") -> bool:
    """Whether something does not happen at any time from now on, so far as `within` reaches."""
    try:
        sim.run(until=happens, limit=within)
    except volsim.LimitExceeded:
        return True
    return False


def has_file(sim: volsim.Simulation, ref: str, path: str) -> bool:
    """Whether a container sees a file."""
    try:
        sim.read_file(ref, path)
    except volsim.FileError as error:
        if error.errno != ENOENT:
            raise
        return False
    return True


def disks(sim: volsim.Simulation) -> list[str]:
    """The names of the disks that the storage still has."""
    return [name for name, backend in sim.state.table("backends").items() if backend.family == "disk"]


def settled(sim: volsim.Simulation, *texts: str) -> volsim.Simulation:
    """The simulation after these have been applied and nothing more happens by itself."""
    for text in texts:
        sim.apply(text)
    sim.settle()
    return sim
