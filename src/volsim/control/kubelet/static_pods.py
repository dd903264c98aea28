"""Kubelet: static pods, which it runs because a file on its node says so, and their mirrors in the API.

Modelled: manifests in /etc/kubernetes/manifests, read whenever that directory changes and when the kubelet starts;
pods that run without an API server; a pod's replacement when its file changes and its end when the file goes; mirror
pods, made again when somebody deletes them; manifests that refer to objects of the API, which are not run since 1.34.
Not modelled: the 20 s until a changed file is noticed where the system does not tell; manifests at a URL; secrets that
volumes of old plugins name; errors in a manifest, which only the kubelet's log would show.
Source: kubelet, pkg/kubelet/config/{file,common}.go, pkg/kubelet/pod/mirror_client.go, kubelet.go
(tryReconcileMirrorPods), kubelet_pods.go (HandlePodCleanups); pkg/api/pod/util.go (HasAPIObjectReference).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b

from volsim.apiserver.defaults import default
from volsim.apiserver.strategy import qos_class, strip_disabled
from volsim.apiserver.validation import validate_create
from volsim.apiserver.writes import Create, Delete, Put, UpdateStatus, Write
from volsim.control.contract import NOTHING, Controller, Outcome
from volsim.control.kubelet.mirrors import HASH, MIRROR, SEEN, SOURCE, is_mirror, is_static
from volsim.errors import ManifestError
from volsim.manifests import read, timestamp
from volsim.objects import Condition, FrozenDict, Node, OwnerReference, Pod, PodStatus, Toleration
from volsim.rules import Rules
from volsim.state import Change, View
from volsim.state.runtime import Machine, Sandbox
from volsim.storage import tree
from volsim.storage.sources import source_of

__all__ = ["CONTROLLER", "MANIFESTS"]

MANIFESTS = "/etc/kubernetes/manifests"
"""Where kubeadm lets a kubelet look (staticPodPath)."""


def _directory(machine: Machine) -> tree.Directory | None:
    found = tree.lookup(machine.disk, MANIFESTS)
    return found if isinstance(found, tree.Directory) else None


def _has_some(view: View, node: str) -> bool:
    """Whether a node has static pods, or may have: most have none, and need no look."""
    machine: Machine | None = view.get("machines", node)
    if machine is not None and _directory(machine) is not None:
        return True
    return any(is_static(view.get("sandboxes", uid).pod) for uid in view.group("sandboxes_by_node", node))


def watch_machine(view: View, change: Change) -> Iterator[str]:
    """A node needs a look when its manifests change, its kubelet starts, or it can talk to the API again."""
    before, after = change.before, change.after
    if after is None:
        return
    now = (after.powered, after.kubelet, after.hears, after.boot)
    if before is None or now != (before.powered, before.kubelet, before.hears, before.boot):
        if _has_some(view, change.key):
            yield change.key
    elif before.disk is not after.disk and _directory(before) is not _directory(after):
        yield change.key


def watch_sandbox(view: View, change: Change) -> Iterator[str]:
    """A node needs a look when a static pod of it is gone, or has something to tell."""
    before, after = change.before, change.after
    sandbox: Sandbox = after if after is not None else before
    if is_static(sandbox.pod) and (before is None or after is None or before.pod is not after.pod):
        yield sandbox.node


def watch_pod(view: View, change: Change) -> Iterator[str]:
    """A node needs a look when somebody touches a mirror pod of it."""
    pod: Pod = change.after if change.after is not None else change.before
    if is_mirror(pod) and pod.spec.node_name:
        yield pod.spec.node_name


def watch_node(view: View, change: Change) -> Iterator[str]:
    """Mirror pods are made when the node is there that owns them."""
    if change.before is None and _has_some(view, change.key):
        yield change.key


def sync(view: View, key: str) -> Outcome:
    """Run what the files of one node say, and show it in the API."""
    machine: Machine | None = view.get("machines", key)
    if machine is None or not machine.powered or not machine.kubelet:
        return NOTHING
    held: list[Sandbox] = [
        sandbox
        for sandbox in (view.get("sandboxes", uid) for uid in view.group("sandboxes_by_node", key))
        if is_static(sandbox.pod)
    ]
    writes = [*_runs(view, key, machine, held)]
    if machine.hears:
        writes += _shows(view, key, held)
    return Outcome(tuple(writes), says=f"look at the static pods of node {key}") if writes else NOTHING


# -- files -------------------------------------------------------------------------------------------------------------
def _runs(view: View, node: str, machine: Machine, held: list[Sandbox]) -> Iterator[Write]:
    """The writes by which pods begin whose file is new, and end whose file is gone or says something else."""
    wanted = {pod.metadata.uid: pod for pod in _manifests(machine, node, view.rules)}
    for sandbox in held:
        pod = sandbox.pod
        if pod.metadata.uid not in wanted and pod.metadata.deletion_timestamp is None:
            grace = pod.spec.termination_grace_period_seconds
            ended = pod.metadata.replace(deletion_timestamp=view.now_us, deletion_grace_period_seconds=grace)
            yield Put("sandboxes", pod.metadata.uid or "", sandbox.replace(pod=pod.replace(metadata=ended)))
    names = {sandbox.pod.key for sandbox in held}
    for uid, pod in wanted.items():
        if pod.key in names:
            continue  # it runs, or another of that name has to end first
        names.add(pod.key)
        annotations = FrozenDict({**pod.metadata.annotations, SEEN: timestamp(view.now_us)})
        seen = pod.replace(metadata=pod.metadata.replace(annotations=annotations, creation_timestamp=view.now_us))
        yield Put("sandboxes", uid or "", Sandbox(node=node, pod=seen, boot=machine.boot))


def _manifests(machine: Machine, node: str, rules: Rules) -> Iterator[Pod]:
    """The pods of a node's files, by the files' names; those that begin with a dot are left alone."""
    directory = _directory(machine)
    for name, file in sorted(directory.entries.items()) if directory is not None else ():
        if isinstance(file, tree.File) and not name.startswith("."):
            pod = _static_pod(file.data, f"{MANIFESTS}/{name}", node, rules)
            if pod is not None:
                yield pod


@lru_cache(maxsize=256)
def _static_pod(data: bytes, path: str, node: str, rules: Rules) -> Pod | None:
    """The pod that a file describes, as the kubelet runs it; None if it cannot be run."""
    try:
        objects = read(data.decode() + "\n").objects
    except (ManifestError, UnicodeDecodeError):
        return None
    if len(objects) != 1 or not isinstance(objects[0], Pod) or not objects[0].metadata.name:
        return None
    pod = default(strip_disabled(objects[0], rules), rules)
    uid = blake2b(f"{node}|{path}|".encode() + data, digest_size=16).hexdigest()
    metadata = pod.metadata.replace(
        name=f"{pod.metadata.name}-{node.lower()}",
        namespace=pod.metadata.namespace or "default",
        uid=uid,
        annotations=FrozenDict({**pod.metadata.annotations, HASH: uid, SOURCE: "file"}),
    )
    tolerations = (*pod.spec.tolerations, Toleration(operator="Exists", effect="NoExecute"))
    spec = pod.spec.replace(node_name=node, tolerations=tolerations)
    pod = pod.replace(metadata=metadata, spec=spec, status=PodStatus(phase="Pending", conditions=(_SCHEDULED,)))
    if validate_create(pod, rules) or (rules.static_pods_refer_to_nothing and _refers(pod)):
        return None
    made: Pod = pod.replace(status=pod.status.replace(qos_class=qos_class(pod)))
    return made


_SCHEDULED = Condition(type="PodScheduled", status="True")
_ASKS_THE_API = ("configMap", "secret", "csi", "glusterfs", "persistentVolumeClaim", "ephemeral", "azureFile")
"""The volume sources for which a kubelet has to ask the API."""


def _refers(pod: Pod) -> bool:
    """Whether the pod needs other objects of the API, which a static pod must not."""
    spec = pod.spec
    if spec.service_account_name or spec.image_pull_secrets:
        return True
    for container in (*spec.init_containers, *spec.containers):
        values = [each.value_from for each in container.env if each.value_from is not None]
        if container.env_from or any(each.secret_key_ref or each.config_map_key_ref for each in values):
            return True
    for volume in spec.volumes:
        name, source = source_of(volume)
        if name in _ASKS_THE_API:
            return True
        if name == "projected" and any(each.downward_api is None for each in source.sources):
            return True
    return False


# -- mirrors -----------------------------------------------------------------------------------------------------------
def _shows(view: View, node: str, held: list[Sandbox]) -> Iterator[Write]:
    """The writes by which the API shows what runs: mirror pods are made, told the status, and removed."""
    pods = {sandbox.pod.key: sandbox.pod for sandbox in held}
    mirrors = {pod.key: pod for pod in view.pods_on(node) if is_mirror(pod)}
    for key, mirror in mirrors.items():
        pod = pods.get(key)
        if pod is not None and pod.metadata.deletion_timestamp is not None:
            continue  # it is shown until it has ended
        another = pod is None or mirror.metadata.annotations[MIRROR] != pod.metadata.uid
        if another or mirror.metadata.deletion_timestamp is not None:
            yield Delete("pods", key, uid=mirror.metadata.uid, grace_seconds=0)
        elif pod is not None and mirror.status != pod.status:
            yield UpdateStatus(mirror.replace(status=pod.status))
    owner: Node | None = view.nodes.get(node)
    for pod in pods.values():
        if owner is not None and pod.metadata.deletion_timestamp is None and _may_be_shown(view, pod):
            yield Create(_mirror(pod, owner))


def _may_be_shown(view: View, pod: Pod) -> bool:
    """Whether the API server would take the mirror pod (NodeRestriction refuses one that refers to others)."""
    namespace = view.get("namespaces", pod.metadata.namespace or "")
    if namespace is None or namespace.metadata.deletion_timestamp is not None:
        return False
    return view.pods.get(pod.key) is None and not _refers(pod)


def _mirror(pod: Pod, owner: Node) -> Pod:
    ref = OwnerReference(
        api_version="v1", kind="Node", name=owner.metadata.name, uid=owner.metadata.uid, controller=True
    )
    annotations: Mapping[str, str] = {**pod.metadata.annotations, MIRROR: pod.metadata.uid or ""}
    metadata = pod.metadata.replace(
        uid=None, creation_timestamp=None, owner_references=(ref,), annotations=FrozenDict(annotations)
    )
    return pod.replace(metadata=metadata)


CONTROLLER = Controller(
    name="kubelet-static-pods",
    component="kubelet",
    watches={"machines": watch_machine, "sandboxes": watch_sandbox, "pods": watch_pod, "nodes": watch_node},
    sync=sync,
)
