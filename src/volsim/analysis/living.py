"""What lives at this instant: pods whose processes really run, whatever the API says of them, and what they can write.

>>> from volsim import Simulation
>>> sim = Simulation(nodes=1)
>>> _ = sim.apply('''
... apiVersion: v1
... kind: Pod
... metadata: {name: web}
... spec: {containers: [{name: web, image: nginx}]}
... '''), sim.settle()
>>> [(each.key, each.node, each.serves) for each in living(sim.state)]
[('default/web', 'node01', True)]
>>> sim.fail_node("node01")
>>> sim.get("pod/web").status.phase, list(living(sim.state))
('Running', [])
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from volsim.control.kubelet.places import Place
from volsim.objects import Container, Pod
from volsim.state import View
from volsim.state.runtime import Machine, Sandbox

__all__ = ["Living", "Use", "living", "running_containers", "workload_of", "writers"]

Workload = tuple[str, str, str]
"""Kind, namespace and name."""


@attrs.frozen
class Use:
    """A volume that a living pod has mounted."""

    volume: str
    """Its name in the pod."""
    place: Place
    claim: str
    """The key of its claim; empty if it has none."""
    paths: tuple[tuple[str, str], ...]
    """(container, path of the mount or the device) of those of its containers that may write it."""


@attrs.frozen
class Living:
    """A pod of which all app containers run in this moment."""

    key: str
    uid: str
    node: str
    workload: Workload
    """What it belongs to at last: not its ReplicaSet, but the Deployment. A pod on its own belongs to itself."""
    serves: bool
    """Whether the API says that it is ready and not about to go, and its node is heard."""
    uses: tuple[Use, ...]


def living(view: View) -> Iterator[Living]:
    """The pods that live, by uid. O(sandboxes)."""
    for uid, sandbox in view.table("sandboxes").items():
        machine: Machine | None = view.get("machines", sandbox.node)
        if machine is None or not machine.powered or sandbox.boot != machine.boot or not _runs(view, uid, sandbox):
            continue
        pod: Pod = sandbox.pod
        yield Living(
            pod.key,
            uid,
            sandbox.node,
            workload_of(view, pod),
            machine.answers and _says_ready(view.pods.get(pod.key), uid),
            tuple(_uses(view, sandbox, uid)),
        )


def _runs(view: View, uid: str, sandbox: Sandbox) -> bool:
    rows = [view.get("containers", f"{uid}/{spec.name}") for spec in sandbox.pod.spec.containers]
    return all(row is not None and row.running and row.boot == sandbox.boot for row in rows)


def _says_ready(pod: Pod | None, uid: str) -> bool:
    if pod is None or pod.metadata.uid != uid or pod.metadata.deletion_timestamp is not None:
        return False
    return any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions)


def _uses(view: View, sandbox: Sandbox, uid: str) -> Iterator[Use]:
    pod = sandbox.pod
    for volume in pod.spec.volumes:
        place = sandbox.mounted.get(volume.name or "")
        if not isinstance(place, Place):
            continue
        paths = () if place.read_only else tuple(_writable(running_containers(pod), volume.name or ""))
        claim = ""
        if volume.persistent_volume_claim is not None:
            claim = f"{pod.metadata.namespace}/{volume.persistent_volume_claim.claim_name}"
        elif volume.ephemeral is not None:
            claim = f"{pod.metadata.namespace}/{pod.name}-{volume.name}"
        yield Use(volume.name or "", place, claim, paths)


def running_containers(pod: Pod) -> tuple[Container, ...]:
    """The containers that run as long as the pod does: its own, and init containers that are sidecars.

    >>> from volsim.objects import PodSpec
    >>> spec = PodSpec(containers=(Container(name="c"),), init_containers=(Container(name="i"),))
    >>> [container.name for container in running_containers(Pod(spec=spec))]
    ['c']
    """
    sidecars = (container for container in pod.spec.init_containers if container.restart_policy == "Always")
    return (*pod.spec.containers, *sidecars)


def _writable(containers: tuple[Container, ...], volume: str) -> Iterator[tuple[str, str]]:
    for container in containers:
        for mount in container.volume_mounts:
            if mount.name == volume and not mount.read_only:
                yield container.name or "", mount.mount_path or ""
        for device in container.volume_devices:
            if device.name == volume:
                yield container.name or "", device.device_path or ""


def workload_of(view: View, pod: Pod) -> Workload:
    """What the pod belongs to at last, by its owner references; itself if nobody owns it.

    An owner that is gone still counts by the name that the pod gives.
    """
    namespace, owner = pod.metadata.namespace or "default", _controller(pod)
    if owner is None:
        return "Pod", namespace, pod.name
    kind, name = owner
    if kind in ("ReplicaSet", "Job"):
        table = "replicasets" if kind == "ReplicaSet" else "jobs"
        above = view.get(table, f"{namespace}/{name}")
        if above is not None and (found := _controller(above)) is not None:
            return found[0], namespace, found[1]
    return kind, namespace, name


def _controller(obj: Pod) -> tuple[str, str] | None:
    for reference in obj.metadata.owner_references:
        if reference.controller:
            return reference.kind or "", reference.name or ""
    return None


def writers(view: View, claim: str) -> tuple[Living, ...]:
    """The living pods that have a claim's data mounted so that they can write it."""
    return tuple(each for each in living(view) if any(use.claim == claim and use.paths for use in each.uses))
