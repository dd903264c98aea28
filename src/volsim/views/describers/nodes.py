"""Nodes, as `kubectl describe` shows them.

Source: kubectl, pkg/describe/describe.go (describeNode, describeNodeResource, describeNodeLease).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from volsim.objects import Container, Event, Lease, Node, NodeSystemInfo, Pod, Taint
from volsim.quantity import Quantity
from volsim.views.printers.cluster import node_roles
from volsim.views.sheet import Sheet, moment

__all__ = ["describe_node"]

NOTHING = Quantity(0)
STANDARD = ("cpu", "memory", "ephemeral-storage")

Amounts = Mapping[str, Quantity]


def describe_node(
    sheet: Sheet, node: Node, pods: Sequence[Pod], lease: Lease | None, events: Sequence[Event] | None
) -> None:
    """The whole page of a node; `pods` are those on it that have not ended."""
    sheet.head(node, namespaced=False)
    sheet.field("Roles", node_roles(node))
    sheet.marks(node)
    sheet.field("CreationTimestamp", moment(node.metadata.creation_timestamp))
    sheet.several("Taints", _taints(node.spec.taints))
    sheet.field("Unschedulable", "true" if node.spec.unschedulable else "false")
    if sheet.look.dialect.describes_lease:
        _lease(sheet, node, lease)
    _conditions(sheet, node)
    sheet.line("Addresses:")
    for address in node.status.addresses:
        sheet.field(address.type or "", address.address or "", 1)
    _details(sheet, node)
    if node.spec.pod_cidr:
        sheet.field("PodCIDR", node.spec.pod_cidr)
    if node.spec.pod_cidrs and sheet.look.dialect.describes_pod_cidrs:
        sheet.field("PodCIDRs", ",".join(node.spec.pod_cidrs))
    if node.spec.provider_id:
        sheet.field("ProviderID", node.spec.provider_id)
    _resources(sheet, node, pods)
    sheet.events(events)


def _taints(taints: Iterable[Taint]) -> list[str]:
    ordered = sorted(taints, key=lambda taint: f"{taint.effect},{taint.key}")
    return [f"{each.key}{f'={each.value}' if each.value else ''}:{each.effect}" for each in ordered]


def _lease(sheet: Sheet, node: Node, lease: Lease | None) -> None:
    if lease is None:
        sheet.field("Lease", f'Failed to get lease: leases.coordination.k8s.io "{node.name}" not found')
        return
    sheet.line("Lease:")
    spec = lease.spec
    sheet.field("HolderIdentity", spec.holder_identity or "<unset>", 1)
    for title, time_us in (("AcquireTime", spec.acquire_time), ("RenewTime", spec.renew_time)):
        sheet.field(title, "<unset>" if time_us is None else moment(time_us), 1)


def _conditions(sheet: Sheet, node: Node) -> None:
    if not node.status.conditions:
        return
    sheet.line("Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage")
    sheet.line("----\t------\t-----------------\t------------------\t------\t-------", 1)
    for each in node.status.conditions:
        times = f"{moment(each.last_heartbeat_time)} \t{moment(each.last_transition_time)}"
        sheet.line(f"{each.type} \t{each.status} \t{times} \t{each.reason or ''} \t{each.message or ''}", 1)


def _details(sheet: Sheet, node: Node) -> None:
    """Capacities and what the kubelet says of its machine."""
    indent = "  " if sheet.look.dialect.node_details_indented_twice else " "
    for title, amounts in (("Capacity", node.status.capacity), ("Allocatable", node.status.allocatable)):
        if amounts:
            sheet.line(f"{title}:")
        for name, amount in sorted(amounts.items()):
            sheet.line(f"{indent}{name}:\t{amount}")
    info = node.status.node_info or NodeSystemInfo()
    sheet.line("System Info:")
    details = [
        ("Machine ID", info.machine_id),
        ("System UUID", info.system_uuid),
        ("Boot ID", info.boot_id),
        ("Kernel Version", info.kernel_version),
        ("OS Image", info.os_image),
        ("Operating System", info.operating_system),
        ("Architecture", info.architecture),
        ("Container Runtime Version", info.container_runtime_version),
        ("Kubelet Version", info.kubelet_version),
    ]
    if sheet.look.dialect.describes_kube_proxy:
        details.append(("Kube-Proxy Version", info.kube_proxy_version))
    for title, value in details:
        sheet.line(f"{indent}{title}:\t{value or ''}")


# -- what the pods take ------------------------------------------------------------------------------------------------
def _resources(sheet: Sheet, node: Node, pods: Sequence[Pod]) -> None:
    room = node.status.allocatable or node.status.capacity
    age = "AGE" if sheet.look.dialect.age_in_capitals else "Age"
    sheet.field("Non-terminated Pods", f"({len(pods)} in total)")
    sheet.line(f"Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\t{age}", 1)
    sheet.line("---------\t----\t\t------------\t----------\t---------------\t-------------\t---", 1)
    for pod in pods:
        requests, limits = _of_pod(pod, _requests), _of_pod(pod, _limits)
        cells = [_share(each, name, room) for name in ("cpu", "memory") for each in (requests, limits)]
        row = "\t".join([*cells, sheet.look.age(pod)])
        sheet.line(f"{pod.metadata.namespace}\t{pod.name}\t\t{row}", 1)
    sheet.line("Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)")
    sheet.line("Resource\tRequests\tLimits", 1)
    sheet.line("--------\t--------\t------", 1)
    requests = _sum(_of_pod(pod, _requests) for pod in pods)
    limits = _sum(_of_pod(pod, _limits) for pod in pods)
    for name in STANDARD:
        sheet.line(f"{name}\t{_share(requests, name, room)}\t{_share(limits, name, room)}", 1)
    for name in sorted(name for name in room if name not in (*STANDARD, "pods")):
        taken = (requests.get(name, NOTHING), limits.get(name, NOTHING))
        if name.startswith("hugepages-"):
            sheet.line(f"{name}\t{_share(requests, name, room)}\t{_share(limits, name, room)}", 1)
        else:
            sheet.line(f"{name}\t{taken[0]}\t{taken[1]}", 1)


def _share(amounts: Amounts, name: str, room: Amounts) -> str:
    """An amount and which part of the node's it is, cut off to whole percents."""
    amount, whole = amounts.get(name, NOTHING), room.get(name, NOTHING)
    part = amount.nano * 100 // whole.nano if whole.nano else 0
    return f"{amount} ({part}%)"


def _requests(container: Container) -> Amounts:
    return {**container.resources.limits, **container.resources.requests}


def _limits(container: Container) -> Amounts:
    return container.resources.limits


def _of_pod(pod: Pod, of: Callable[[Container], Amounts]) -> dict[str, Quantity]:
    """What a pod takes: its containers together, or its greediest init container, and the overhead."""
    sidecars = [each for each in pod.spec.init_containers if each.restart_policy == "Always"]
    total = _sum(map(of, (*pod.spec.containers, *sidecars)))
    for container in pod.spec.init_containers:
        if container in sidecars:
            continue
        for name, amount in of(container).items():
            total[name] = max(total.get(name, NOTHING), amount)
    return _sum([total, pod.spec.overhead]) if total else total


def _sum(parts: Iterable[Amounts]) -> dict[str, Quantity]:
    total: dict[str, Quantity] = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total[name] + amount if name in total else amount
    return total
