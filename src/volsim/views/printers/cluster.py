"""Nodes, namespaces, events, configuration, services: what `kubectl get` says of them.

Source: kubernetes, pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from volsim.manifests import timestamp
from volsim.objects import (
    ConfigMap,
    Event,
    EventSource,
    Lease,
    LimitRange,
    Namespace,
    Node,
    NodeSystemInfo,
    ObjectReference,
    PriorityClass,
    ResourceQuota,
    Secret,
    Service,
    ServiceAccount,
)
from volsim.quantity import Quantity
from volsim.views.tables import Column, Look, Printer, Row, labels_text

__all__ = ["CLUSTER_PRINTERS", "event_source", "external_addresses", "node_address", "node_roles"]

ROLE_PREFIX, ROLE_LABEL = "node-role.kubernetes.io/", "kubernetes.io/role"


def node_roles(node: Node) -> str:
    """The roles that a node's labels give it; `<none>` if none."""
    labels = node.metadata.labels
    roles = {label.removeprefix(ROLE_PREFIX) for label in labels if label.startswith(ROLE_PREFIX)}
    roles.add(labels.get(ROLE_LABEL, ""))
    return ",".join(sorted(roles - {""})) or "<none>"


def node_address(node: Node, kind: str) -> str:
    """The node's first address of a kind such as `InternalIP`."""
    return next((each.address or "" for each in node.status.addresses if each.type == kind), "<none>")


def _node(node: Node, look: Look) -> Row:
    ready = next((each for each in node.status.conditions if each.type == "Ready"), None)
    status = "Unknown" if ready is None else "Ready" if ready.status == "True" else "NotReady"
    info = node.status.node_info or NodeSystemInfo()
    kernel = info.kernel_version or "<unknown>"
    return {
        "NAME": node.name,
        "STATUS": f"{status},SchedulingDisabled" if node.spec.unschedulable else status,
        "ROLES": node_roles(node),
        "AGE": look.age(node),
        "VERSION": info.kubelet_version or "",
        "INTERNAL-IP": node_address(node, "InternalIP"),
        "EXTERNAL-IP": node_address(node, "ExternalIP"),
        "OS-IMAGE": info.os_image or "<unknown>",
        "KERNEL-VERSION": (
            f"{kernel} ({info.architecture})" if look.dialect.kernel_with_architecture and info.architecture else kernel
        ),
        "CONTAINER-RUNTIME": info.container_runtime_version or "<unknown>",
    }


def _namespace(obj: Namespace, look: Look) -> Row:
    return {"NAME": obj.name, "STATUS": obj.status.phase or "", "AGE": look.age(obj)}


def event_source(source: EventSource | None) -> str:
    """Who said it, and on which node."""
    source = source or EventSource()
    return ", ".join(part for part in (source.component, source.host) if part)


def _event(event: Event, look: Look) -> Row:
    first = event.event_time if event.first_timestamp is None else event.first_timestamp
    last, count = event.last_timestamp, event.count or 1
    if event.series is not None:
        last, count = event.series.last_observed_time, event.series.count or 0
    about = event.involved_object or ObjectReference()
    kind = (about.kind or "").lower()
    return {
        "LAST SEEN": look.since(first if last is None else last),
        "TYPE": event.type or "",
        "REASON": event.reason or "",
        "OBJECT": f"{kind}/{about.name}" if about.name else kind,
        "SUBOBJECT": about.field_path or "",
        "SOURCE": event_source(event.source),
        "MESSAGE": (event.message or "").strip(),
        "FIRST SEEN": look.since(first),
        "COUNT": count,
        "NAME": event.name,
    }


def _config_map(obj: ConfigMap, look: Look) -> Row:
    binary = len(obj.binary_data) if look.dialect.counts_binary_data else 0
    return {"NAME": obj.name, "DATA": len(obj.data) + binary, "AGE": look.age(obj)}


def _secret(obj: Secret, look: Look) -> Row:
    return {"NAME": obj.name, "TYPE": obj.type or "", "DATA": len(obj.data), "AGE": look.age(obj)}


def _service_account(obj: ServiceAccount, look: Look) -> Row:
    return {"NAME": obj.name, "SECRETS": len(obj.secrets), "AGE": look.age(obj)}


def _service(obj: Service, look: Look) -> Row:
    spec = obj.spec
    return {
        "NAME": obj.name,
        "TYPE": spec.type or "",
        "CLUSTER-IP": (spec.cluster_ips[0] if spec.cluster_ips else spec.cluster_ip) or "<none>",
        "EXTERNAL-IP": external_addresses(obj),
        "PORT(S)": ",".join(map(_port, spec.ports)) or "<none>",
        "AGE": look.age(obj),
        "SELECTOR": labels_text(spec.selector),
    }


def _port(port: Any) -> str:
    node_port = f":{port.node_port}" if port.node_port else ""
    return f"{port.port}{node_port}/{port.protocol}"


def external_addresses(service: Service) -> str:
    """How a service is reached from outside, as far as the API knows."""
    spec = service.spec
    match spec.type:
        case "ExternalName":
            return spec.external_name or ""
        case "ClusterIP" | "NodePort":
            return ",".join(spec.external_ips) or "<none>"
        case "LoadBalancer":
            ingress = service.carried.get("status", {}).get("loadBalancer", {}).get("ingress", ())
            found = sorted({each.get("ip") or each.get("hostname") or "" for each in ingress} - {""})
            return ",".join((*found, *spec.external_ips)) or "<pending>"
    return "<unknown>"


def _priority_class(obj: PriorityClass, look: Look) -> Row:
    return {
        "NAME": obj.name,
        "VALUE": obj.value or 0,
        "GLOBAL-DEFAULT": bool(obj.global_default),
        "AGE": look.age(obj),
        "PREEMPTIONPOLICY": obj.preemption_policy or "",
    }


def _lease(obj: Lease, look: Look) -> Row:
    return {"NAME": obj.name, "HOLDER": obj.spec.holder_identity or "", "AGE": look.age(obj)}


def _limit_range(obj: LimitRange, look: Look) -> Row:
    return {"NAME": obj.name, "CREATED AT": _created(obj)}


def _created(obj: LimitRange) -> str:
    created = obj.metadata.creation_timestamp
    return "<unknown>" if created is None else timestamp(created)


def _quota(obj: ResourceQuota, look: Look) -> Row:
    used, hard = obj.status.used, obj.status.hard
    parts = [(name, f"{name}: {used.get(name, Quantity(0))}/{hard[name]}") for name in sorted(hard)]
    return {
        "NAME": obj.name,
        "REQUEST": ", ".join(text for name, text in parts if not name.startswith("limits.")),
        "LIMIT": ", ".join(text for name, text in parts if name.startswith("limits.")),
        "AGE": look.age(obj),
    }


def _columns(*titles: str) -> tuple[Column, ...]:
    return tuple(map(Column, titles))


CLUSTER_PRINTERS = {
    "Node": Printer(
        columns=(
            *_columns("NAME", "STATUS", "ROLES", "AGE", "VERSION"),
            Column("INTERNAL-IP", wide=True),
            Column("EXTERNAL-IP", wide=True),
            Column("OS-IMAGE", wide=True),
            Column("KERNEL-VERSION", wide=True),
            Column("CONTAINER-RUNTIME", wide=True),
        ),
        row=_node,
    ),
    "Namespace": Printer(columns=_columns("NAME", "STATUS", "AGE"), row=_namespace),
    "Event": Printer(
        columns=(
            *_columns("LAST SEEN", "TYPE", "REASON", "OBJECT"),
            Column("SUBOBJECT", wide=True),
            Column("SOURCE", wide=True),
            Column("MESSAGE"),
            Column("FIRST SEEN", wide=True),
            Column("COUNT", wide=True),
            Column("NAME", wide=True),
        ),
        row=_event,
    ),
    "ConfigMap": Printer(columns=_columns("NAME", "DATA", "AGE"), row=_config_map),
    "Secret": Printer(columns=_columns("NAME", "TYPE", "DATA", "AGE"), row=_secret),
    "ServiceAccount": Printer(
        columns=(Column("NAME"), Column("SECRETS", rule="service_account_secrets"), Column("AGE")),
        row=_service_account,
    ),
    "Service": Printer(
        columns=(
            *_columns("NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"),
            Column("SELECTOR", wide=True),
        ),
        row=_service,
    ),
    "PriorityClass": Printer(
        columns=(
            *_columns("NAME", "VALUE", "GLOBAL-DEFAULT", "AGE"),
            Column("PREEMPTIONPOLICY", rule="priority_class_preemption"),
        ),
        row=_priority_class,
    ),
    "Lease": Printer(columns=_columns("NAME", "HOLDER", "AGE"), row=_lease),
    "LimitRange": Printer(columns=_columns("NAME", "CREATED AT"), row=_limit_range),
    "ResourceQuota": Printer(
        columns=(
            Column("NAME"),
            Column("AGE", rule="!quota_age_last"),
            Column("REQUEST"),
            Column("LIMIT"),
            Column("AGE", rule="quota_age_last"),
        ),
        row=_quota,
    ),
}
