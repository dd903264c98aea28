"""Attach/detach: brings disks to the nodes whose pods want them, and takes them away afterwards.

Modelled: VolumeAttachments for CSI drivers, plugins of Kubernetes' own (which attach at once), the Multi-Attach check
and its events, status.volumesAttached, detaching of what no pod wants as soon as the node does not report it in use,
force after 6 minutes (by version only from unhealthy nodes, or never), the out-of-service taint, nodes that were
deleted, pods whose claim has gone since, attachments that somebody removed. A disk is attached at once; it is let go in
the next round of the reconciler, so that a pod that comes to the same node meanwhile finds it there.
Not modelled: refusals and slowness of cloud providers, detach errors, nodes that attach by themselves, pods that keep
their volumes after they have ended.
Source: kube-controller-manager, pkg/controller/volume/attachdetach (attach_detach_controller.go, reconciler, populator,
util); pkg/volume/csi/csi_attacher.go.

The key is ``disk@node``. What is known of such a pair stands in the runtime table "attach_detach".
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from volsim.apiserver.writes import Create, Delete, Put, UpdateStatus, Write
from volsim.control.attachable import Attachable, attachable, attachables
from volsim.control.contract import NOTHING, Controller, EventNote, Outcome, normal, warning
from volsim.objects import (
    AttachedVolume,
    ContainerState,
    CSIPersistentVolumeSource,
    Node,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    Pod,
    VolumeAttachment,
    VolumeAttachmentSource,
    VolumeAttachmentSpec,
)
from volsim.rules import microseconds
from volsim.state import Change, View, Wake, is_ready, on_node
from volsim.state.runtime import Attachment
from volsim.storage.backends import Backend
from volsim.storage.sources import source_of

__all__ = [
    "CONTROLLER", "OUT_OF_SERVICE", "attachment_name", "free_at", "holders", "is_used_on", "key_of",
    "multi_attach_error", "users",
]  # fmt: skip

TABLE = "attach_detach"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
_FOR_ONE_NODE = ("kubernetes.io/aws-ebs/", "kubernetes.io/gce-pd/", "kubernetes.io/vsphere-volume/")
"""Disks that clouds attach to one node at a time, if they can be written. Source: k8s.io/legacy-cloud-providers."""
_RETRY_FIRST_US, _RETRY_MAX_US = 500_000, 122_000_000  # goroutinemap/exponentialbackoff: 500 ms doubled up to 2 min 2 s


def key_of(disk: str, node: str) -> str:
    """The controller's key of a disk on a node.

    >>> key_of("csi/csi.example.com^vol-1", "node01")
    'csi/csi.example.com^vol-1@node01'
    """
    return f"{disk}@{node}"


def attachment_name(driver: str, handle: str, node: str) -> str:
    """The name of the VolumeAttachment of a CSI volume on a node.

    >>> attachment_name("csi.example.com", "vol-1", "node01")[:16]
    'csi-f2e404433e83'
    """
    return f"csi-{sha256(f'{handle}{driver}{node}'.encode()).hexdigest()}"


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_pod(view: View, change: Change) -> Iterator[str]:
    """A pod's disks need a look when it comes to a node, and when it is through with them."""
    before: Pod | None = change.before
    after: Pod | None = change.after
    old, new = _node_wanting(before), _node_wanting(after)
    if old == new and _uid(before) == _uid(after):
        return
    if before is not None and old is not None:
        name = _name_of(before)
        for key in view.group("attach_detach_by_node", old):
            if name in view.get(TABLE, key).pods:
                yield key
    if after is not None:
        yield from _keys(view, after)


def watch_claim(view: View, change: Change) -> Iterator[str]:
    """The pods of a claim get their disks when it is bound."""
    before: PersistentVolumeClaim | None = change.before
    after: PersistentVolumeClaim | None = change.after
    if after is None or after.status.phase != "Bound":
        return
    if before is None or before.status.phase != "Bound" or before.spec is not after.spec:
        for pod in view.group("pods_by_claim", change.key):
            yield from _keys(view, view.pods[pod])


def watch_volume(view: View, change: Change) -> Iterator[Wake]:
    """A volume that comes after its claim was bound is only noticed when all pods are gone through again."""
    before: PersistentVolume | None = change.before
    after: PersistentVolume | None = change.after
    if after is None or after.spec.claim_ref is None or (before is not None and before.spec is after.spec):
        return
    for pod in view.group("pods_by_claim", f"{after.spec.claim_ref.namespace}/{after.spec.claim_ref.name}"):
        for key in _keys(view, view.pods[pod]):
            if view.get(TABLE, key) is None:
                yield Wake(key, _next_pass(view))


def watch_node(view: View, change: Change) -> Iterator[str]:
    """A node's disks need a look when it comes or goes, unmounts one, falls ill or is taken out of service."""
    before: Node | None = change.before
    after: Node | None = change.after
    if before is not None and after is not None:
        yield from _keys_of_changed_node(view, before, after)
        return
    yield from view.group("attach_detach_by_node", change.key)
    if after is not None:
        for pod in view.pods_on(change.key):
            yield from _keys(view, pod)


def _keys_of_changed_node(view: View, before: Node, after: Node) -> Iterator[str]:
    old, new = before.status.volumes_in_use, after.status.volumes_in_use
    mounts = set(old) ^ set(new) if old != new else set()
    health = (is_ready(before), _is_out_of_service(before)) != (is_ready(after), _is_out_of_service(after))
    if not mounts and not health:
        return
    for key in view.group("attach_detach_by_node", after.metadata.name or ""):
        row: Attachment = view.get(TABLE, key)
        if row.volume in mounts or (health and row.released_us is not None):
            yield key


def watch_attachment(view: View, change: Change) -> Iterator[str | Wake]:
    """An attachment needs a look when its attacher has done something; that somebody removed it is noticed later."""
    before: VolumeAttachment | None = change.before
    after: VolumeAttachment | None = change.after
    for key in view.group("attach_detach_by_attachment", change.key):
        row: Attachment = view.get(TABLE, key)
        if after is None and row.state == "attached":
            yield Wake(key, _next_pass(view))
        elif before is None or after is None or before.status is not after.status:
            yield key


def watch_row(view: View, change: Change) -> Iterator[str]:
    """Nodes that wait for a disk need a look when another one gets on with it, or lets it go."""
    before: Attachment | None = change.before
    after: Attachment | None = change.after
    if before is None or not before.holds:
        return
    if after is None or (after.state, after.released_us) != (before.state, before.released_us):
        yield from view.group("attach_detach_blocked", before.disk)


def _next_pass(view: View) -> int:
    """When the controller next goes through everything."""
    period_us = microseconds(view.rules.attach_detach_resync_period)
    return (view.now_us // period_us + 1) * period_us


def _keys(view: View, pod: Pod) -> Iterator[str]:
    """The disks that a pod wants on its node."""
    node = _node_wanting(pod)
    if node is not None:
        for _, wish in attachables(view, pod):
            yield key_of(wish.disk, node)


# -- who wants a disk --------------------------------------------------------------------------------------------------
def _name_of(pod: Pod) -> str:
    return f"{pod.key}@{pod.metadata.uid}"


def _uid(pod: Pod | None) -> str | None:
    return pod.metadata.uid if pod is not None else None


def _node_wanting(pod: Pod | None) -> str | None:
    """The node on which a pod wants its volumes; None if it has none, or is through with them."""
    if pod is None or not pod.spec.volumes or not pod.spec.node_name or is_through(pod):
        return None
    return pod.spec.node_name


def is_through(pod: Pod) -> bool:
    """Whether a pod does not need its volumes any more: it has ended, or is being deleted and nothing of it runs.

    What counts is what the API says: a pod on a dead node whose container was last heard of running needs them.

    >>> from volsim.objects import PodStatus
    >>> is_through(Pod(status=PodStatus(phase="Succeeded"))), is_through(Pod())
    (True, False)
    """
    status = pod.status
    if status.phase in ("Succeeded", "Failed"):
        return True
    if pod.metadata.deletion_timestamp is None:
        return False
    told = (*status.init_container_statuses, *status.container_statuses, *status.ephemeral_container_statuses)
    states = [each.state or ContainerState() for each in told]
    return all(state.terminated is not None or state.waiting is not None for state in states)


def _wanting(view: View, disk: str, node: str, row: Attachment | None) -> dict[str, Pod]:
    """The pods on a node that want a disk, by name: also those whose claim has gone since they were seen first."""
    found: dict[str, Pod] = {}
    for name in row.pods if row is not None else ():
        pod = view.pods.get(name.rpartition("@")[0])
        if pod is not None and _name_of(pod) == name and _node_wanting(pod) == node:
            found[name] = pod
    for key in _candidates(view, disk, node):
        pod = view.pods[key]
        if _name_of(pod) not in found and _node_wanting(pod) == node and _wish(view, pod, disk) is not None:
            found[_name_of(pod)] = pod
    return dict(sorted(found.items()))


def _candidates(view: View, disk: str, node: str) -> Iterator[str]:
    for name in view.group("volumes_by_disk", disk):
        ref = view.persistent_volumes[name].spec.claim_ref
        if ref is not None:
            yield from view.group("pods_by_node_and_volume", on_node(node, claim=f"{ref.namespace}/{ref.name}"))
    yield from view.group("pods_by_node_and_volume", on_node(node, disk=disk))


def users(view: View, row: Attachment) -> list[Pod]:
    """The pods for whose sake a disk is kept on a node, or is to come there.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> users(State.empty(Rules()), Attachment(disk="d", node="node01", volume="v", name="pv"))
    []
    """
    return list(_wanting(view, row.disk, row.node, row).values())


def holders(view: View, disk: str) -> list[Attachment]:
    """The nodes that have a disk, or may have it.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> holders(State.empty(Rules()), "csi/csi.example.com^vol-1")
    []
    """
    return [view.get(TABLE, key) for key in view.group("attach_detach_by_disk", disk)]


def _wish(view: View, pod: Pod, disk: str) -> Attachable | None:
    found = (attachable(view, pod, volume) for volume in pod.spec.volumes)
    return next((wish for wish in found if wish is not None and wish.disk == disk), None)


# -- one disk on one node ----------------------------------------------------------------------------------------------
def sync(view: View, key: str) -> Outcome:
    """Bring one disk on one node closer to where the pods want it."""
    disk, _, node = key.rpartition("@")
    row: Attachment | None = view.get(TABLE, key)
    pods = _wanting(view, disk, node, row)
    if row is None or row.state == "blocked":
        return _start(view, key, row, pods)
    if row.state == "detaching":
        return NOTHING if row.attachment in view.table("volumeattachments") else _start(view, key, row, pods)
    if not pods:
        return _let_go(view, key, row)
    return _go_on_attaching(view, key, row, pods) if row.state == "attaching" else _hold(view, key, row, pods)


def _put(view: View, key: str, row: Attachment) -> list[Write]:
    return [] if row == view.get(TABLE, key) else [Put(TABLE, key, row)]


# -- attaching ---------------------------------------------------------------------------------------------------------
def _start(view: View, key: str, row: Attachment | None, pods: dict[str, Pod]) -> Outcome:
    """Begin to attach a disk, unless another node has it that it cannot be shared with."""
    disk, _, node = key.rpartition("@")
    if not pods or node not in view.nodes:  # a node that is not there is not managed
        return NOTHING if row is None else Outcome((Put(TABLE, key, None),), says=f"forget {key}")
    fresh = _fresh(view, disk, node, pods) or row
    assert fresh is not None, "a pod that wants a disk without a row resolves to it"
    told = row is not None and row.told
    fresh = fresh.replace(state="blocked", pods=tuple(pods), told=told, released_us=None, attachment="")
    others = [each for each in holders(view, disk) if each.node != node]
    if others and not fresh.shared:
        return _block(view, key, fresh, pods, others)
    return _ask_attacher(view, key, fresh, pods) if fresh.driver else _attach_here(view, key, fresh, pods)


def _fresh(view: View, disk: str, node: str, pods: dict[str, Pod]) -> Attachment | None:
    wishes = (_wish(view, pod, disk) for pod in pods.values())
    wish = next((each for each in wishes if each is not None), None)
    if wish is None:
        return None
    return Attachment(
        disk=disk,
        node=node,
        volume=wish.volume,
        name=wish.name,
        driver=wish.driver,
        handle=wish.handle,
        backend=wish.backend,
        shared=wish.shared,
    )


def _block(view: View, key: str, row: Attachment, pods: dict[str, Pod], others: list[Attachment]) -> Outcome:
    """Let a node wait for a disk; say so once, unless the disk is just on its way."""
    events: tuple[EventNote, ...] = ()
    if not row.told and all(each.state == "attached" and not _is_leaving(view, each) for each in others):
        row = row.replace(told=True)
        near = [pod for each in others for pod in users(view, each)]
        text = multi_attach_error
        events = tuple(warning(pod, "FailedAttachVolume", text(row.name, pod, near)) for pod in pods.values())
    writes = _put(view, key, row)
    return Outcome(tuple(writes), events, says=f"{row.name} waits for another node" if writes else "")


def multi_attach_error(name: str, pod: Pod, users: list[Pod]) -> str:
    """What a pod is told that wants a volume which `users` on other nodes have; it hears no names of other namespaces.

    >>> user = Pod(metadata=ObjectMeta(name="web-0"))
    >>> multi_attach_error("pv", Pod(), [user])
    'Multi-Attach error for volume "pv" Volume is already used by pod(s) web-0'
    """
    start = f'Multi-Attach error for volume "{name}" Volume is already'
    if not users:
        return f"{start} exclusively attached to one node and can't be attached to another"
    near = [user.name for user in users if user.namespace == pod.namespace]
    far = len(users) - len(near)
    if not near:
        return f"{start} used by {far} pod(s) in different namespaces"
    rest = f" and {far} pod(s) in different namespaces" if far else ""
    return f"{start} used by pod(s) {', '.join(near)}{rest}"


def _is_leaving(view: View, row: Attachment) -> bool:
    """Whether a disk is to be detached from a node in this round or the next one."""
    if users(view, row):
        return False
    free_us = free_at(view, row)
    return free_us is not None and free_us <= _next_round(view, view.now_us)


def _ask_attacher(view: View, key: str, row: Attachment, pods: dict[str, Pod]) -> Outcome:
    """Make the VolumeAttachment that asks the CSI driver's attacher; take up one that is there."""
    name = attachment_name(row.driver, row.handle, row.node)
    found: VolumeAttachment | None = view.get("volumeattachments", name)
    if found is None:
        fails_us = view.now_us + microseconds(view.rules.csi_attach_timeout)
        row = row.replace(state="attaching", attachment=name, fails_us=fails_us)
        return Outcome(
            (Create(_attachment(view, row, pods)), *_put(view, key, row)),
            requeue_after_us=fails_us - view.now_us,
            background=True,
            says=f"ask {row.driver} to attach {row.name} to {row.node}",
        )
    if found.metadata.deletion_timestamp is not None:  # once it is gone, from the beginning
        row = row.replace(state="detaching", attachment=name)
        return Outcome(tuple(_put(view, key, row)), says=f"wait until {row.name} is detached from {row.node}")
    return _go_on_attaching(view, key, row.replace(state="attaching", attachment=name), pods)


def _attachment(view: View, row: Attachment, pods: dict[str, Pod]) -> VolumeAttachment:
    if row.name in view.group("volumes_by_disk", row.disk):
        source = VolumeAttachmentSource(persistent_volume_name=row.name)
    else:  # a volume in a pod, of a type that a CSI driver has taken over
        read_only = _is_only_read(row, pods) or None
        csi = CSIPersistentVolumeSource(driver=row.driver, volume_handle=row.handle, read_only=read_only)
        spec = PersistentVolumeSpec(access_modes=("ReadWriteOnce",), csi=csi)
        source = VolumeAttachmentSource(inline_volume_spec=spec)
    return VolumeAttachment(
        metadata=ObjectMeta(name=row.attachment),
        spec=VolumeAttachmentSpec(attacher=row.driver, node_name=row.node, source=source),
    )


def _is_only_read(row: Attachment, pods: dict[str, Pod]) -> bool:
    """Whether the pods say of a volume of their own that they only read it."""
    volumes = (volume for pod in pods.values() for volume in pod.spec.volumes if volume.name == row.name)
    return all(getattr(source_of(volume)[1], "read_only", False) for volume in volumes)


def _go_on_attaching(view: View, key: str, row: Attachment, pods: dict[str, Pod]) -> Outcome:
    """Wait for the attacher; say when that takes too long."""
    row = row.replace(pods=tuple(pods), released_us=None)
    found: VolumeAttachment | None = view.get("volumeattachments", row.attachment)
    if found is None or found.metadata.deletion_timestamp is not None:
        return _start(view, key, row, pods)
    if found.status.attached:
        return _attached(view, key, row, pods)
    if found.status.attach_error is not None:
        return _refused(view, key, row, pods, found.status.attach_error.message or "")
    timeout_us = microseconds(view.rules.csi_attach_timeout)
    if row.fails_us is None:
        row = row.replace(fails_us=view.now_us + timeout_us)
    assert row.fails_us is not None
    events: tuple[EventNote, ...] = ()
    if view.now_us >= row.fails_us:
        why = f"attachment timeout for volume {row.handle}"
        if view.rules.attach_timeout_names_attacher:
            why = f"timed out waiting for external-attacher of {row.driver} CSI driver to attach volume {row.handle}"
        text = f'AttachVolume.Attach failed for volume "{row.name}" : {why}'
        events = tuple(warning(pod, "FailedAttachVolume", text) for pod in pods.values())
        row = row.replace(failures=row.failures + 1, fails_us=view.now_us + _pause_us(row) + timeout_us)
    assert row.fails_us is not None
    says = f"{row.driver} has not attached {row.name} to {row.node}" if events else ""
    return Outcome(tuple(_put(view, key, row)), events, row.fails_us - view.now_us, background=True, says=says)


def _pause_us(row: Attachment) -> int:
    """How long the controller waits after a failure, before it tries again."""
    return min(_RETRY_FIRST_US << min(row.failures, 30), _RETRY_MAX_US)


def _refused(view: View, key: str, row: Attachment, pods: dict[str, Pod], why: str) -> Outcome:
    """Say what the attacher says of its driver's error, at once and again at every attempt."""
    if row.failures and row.fails_us is not None and view.now_us < row.fails_us:  # between two attempts
        return Outcome(tuple(_put(view, key, row)), requeue_after_us=row.fails_us - view.now_us, background=True)
    text = f'AttachVolume.Attach failed for volume "{row.name}" : {why}'
    pause_us = _pause_us(row)
    row = row.replace(failures=row.failures + 1, fails_us=view.now_us + pause_us)
    events = tuple(warning(pod, "FailedAttachVolume", text) for pod in pods.values())
    says = f"{row.driver} does not attach {row.name} to {row.node}: {why}"
    return Outcome(tuple(_put(view, key, row)), events, pause_us, background=True, says=says)


def _attach_here(view: View, key: str, row: Attachment, pods: dict[str, Pod]) -> Outcome:
    """Let a plugin of Kubernetes' own attach the disk: that takes no time."""
    backend: Backend = view.get("backends", row.backend) or Backend(name=row.backend, family="disk")
    other = next((name for name in backend.attached_to if name != row.node), None)
    if other is not None and row.volume.startswith(_FOR_ONE_NODE) and not _may_share(view, row, pods):
        why = f"disk {row.backend} is already attached to node {other}"
        text = f'AttachVolume.Attach failed for volume "{row.name}" : {why}'
        events = () if row.told else tuple(warning(pod, "FailedAttachVolume", text) for pod in pods.values())
        return Outcome(
            tuple(_put(view, key, row.replace(told=True))), events, says=f"{row.name}: {why}" if events else ""
        )
    return _attached(view, key, row, pods, Put("backends", row.backend, backend.attached(row.node)))


def _may_share(view: View, row: Attachment, pods: dict[str, Pod]) -> bool:
    """Whether a cloud gives a disk to a second node: what is only read, and what a PersistentVolume says of it."""
    return row.name in view.group("volumes_by_disk", row.disk) or _is_only_read(row, pods)


def _attached(view: View, key: str, row: Attachment, pods: dict[str, Pod], *done: Write) -> Outcome:
    """The disk is there: report it in the node's status, and say so to the pods."""
    row = row.replace(state="attached", failures=0, fails_us=None, in_use=True)
    text = f'AttachVolume.Attach succeeded for volume "{row.name}" '  # the space at the end is real
    return Outcome(
        (*done, *_report(view, row, attached=True), *_put(view, key, row)),
        tuple(normal(pod, "SuccessfulAttachVolume", text) for pod in pods.values()),
        says=f"{row.name} is attached to {row.node}",
    )


def _report(view: View, row: Attachment, *, attached: bool) -> list[Write]:
    """The write that makes the node's status say whether the disk is attached, if it does not say so."""
    node = view.nodes.get(row.node)
    if node is None:
        return []
    volumes = node.status.volumes_attached
    if any(each.name == row.volume for each in volumes) == attached:
        return []
    if attached:
        volumes = (*volumes, AttachedVolume(name=row.volume, device_path=""))
    else:
        volumes = tuple(each for each in volumes if each.name != row.volume)
    return [UpdateStatus(node.replace(status=node.status.replace(volumes_attached=volumes)))]


# -- holding and letting go --------------------------------------------------------------------------------------------
def _hold(view: View, key: str, row: Attachment, pods: dict[str, Pod]) -> Outcome:
    """Keep a disk where it is; attach it again if somebody has removed its VolumeAttachment."""
    if row.attachment and row.attachment not in view.table("volumeattachments"):
        again = _start(view, key, row, pods)
        return again._replace(writes=(*_report(view, row, attached=False), *again.writes))
    row = row.replace(pods=tuple(pods), released_us=None, in_use=is_used_on(view, row))
    writes = (*_report(view, row, attached=True), *_put(view, key, row))
    return Outcome(writes, says=f"keep {row.name} on {row.node}") if writes else NOTHING


def _let_go(view: View, key: str, row: Attachment) -> Outcome:
    """Detach a disk that no pod wants, as soon as that is safe, or the wait for that is over."""
    released_us = view.now_us if row.released_us is None else row.released_us
    row = row.replace(pods=(), released_us=released_us, in_use=is_used_on(view, row))
    free_us = free_at(view, row)
    if free_us is None or free_us > view.now_us:
        writes = tuple(_put(view, key, row))
        says = f"nobody wants {row.name} on {row.node} any more" if writes else ""
        return Outcome(writes, requeue_after_us=None if free_us is None else free_us - view.now_us, says=says)
    writes = (*_report(view, row, attached=False), *_detach(view, key, row))
    return Outcome(writes, says=f"detach {row.name} from {row.node}")


def is_used_on(view: View, row: Attachment) -> bool:
    """Whether the node has the disk mounted, as it said last.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> is_used_on(State.empty(Rules()), Attachment(disk="d", node="node01", volume="v", name="pv", in_use=False))
    False
    """
    node = view.nodes.get(row.node)
    return row.in_use if node is None else row.volume in node.status.volumes_in_use


def free_at(view: View, row: Attachment) -> int | None:
    """When a disk that no pod wants may be detached, in microseconds; None if waiting does not help.

    >>> from volsim.rules import Rules
    >>> from volsim.state import State
    >>> row = Attachment(disk="d", node="node01", volume="v", name="pv", in_use=True, released_us=0)
    >>> free_at(State.empty(Rules()), row)
    360000000
    """
    node, rules = view.nodes.get(row.node), view.rules
    since_us = view.now_us if row.released_us is None else row.released_us
    out_of_service = rules.out_of_service_taint and node is not None and _is_out_of_service(node)
    if out_of_service or not is_used_on(view, row):
        return _next_round(view, since_us)
    healthy = node is not None and is_ready(node)  # a node that is not there is not healthy
    if rules.disable_force_detach_on_timeout or (healthy and rules.force_detach_only_from_unhealthy):
        return None
    return since_us + microseconds(rules.max_wait_for_unmount)


def _next_round(view: View, time_us: int) -> int:
    """The first round of the reconciler after a time."""
    period_us = microseconds(view.rules.attach_detach_round)
    return (time_us // period_us + 1) * period_us


def _is_out_of_service(node: Node) -> bool:
    """Only the taint's key counts, not its effect and not the node's health."""
    return any(taint.key == OUT_OF_SERVICE for taint in node.spec.taints)


def _detach(view: View, key: str, row: Attachment) -> list[Write]:
    if row.driver:
        found: VolumeAttachment | None = view.get("volumeattachments", row.attachment)
        if found is None:
            return [Put(TABLE, key, None)]
        gone = Delete("volumeattachments", row.attachment, uid=found.metadata.uid)
        return [Put(TABLE, key, row.replace(state="detaching")), gone]
    backend: Backend | None = view.get("backends", row.backend)
    done: list[Write] = [] if backend is None else [Put("backends", row.backend, backend.detached(row.node))]
    return [*done, Put(TABLE, key, None)]


CONTROLLER = Controller(
    name="attach-detach",
    component="attachdetach-controller",
    watches={
        "pods": watch_pod,
        "persistentvolumeclaims": watch_claim,
        "persistentvolumes": watch_volume,
        "nodes": watch_node,
        "volumeattachments": watch_attachment,
        TABLE: watch_row,
    },
    sync=sync,
)
