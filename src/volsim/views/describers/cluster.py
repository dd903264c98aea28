"""Services, namespaces, configuration, and everything that has no page of its own, as `kubectl describe` shows them.

Source: kubectl, pkg/describe/describe.go (describeService, describeNamespace, describeConfigMap, describeSecret,
printUnstructuredContent).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

from volsim.manifests import to_manifest
from volsim.objects import ConfigMap, Event, LimitRange, Namespace, Object, Pod, ResourceQuota, Secret, Service
from volsim.quantity import Quantity
from volsim.views.sheet import Sheet, moment
from volsim.views.tables import labels_text

__all__ = [
    "describe_anything",
    "describe_config_map",
    "describe_namespace",
    "describe_secret",
    "describe_service",
]


# -- services ----------------------------------------------------------------------------------------------------------
def describe_service(sheet: Sheet, obj: Service, pods: Sequence[Pod], events: Sequence[Event] | None) -> None:
    """The whole page of a service; `pods` are those that its selector finds."""
    spec = obj.spec
    sheet.head(obj)
    sheet.marks(obj)
    sheet.field("Selector", labels_text(spec.selector))
    sheet.field("Type", spec.type or "")
    families = sheet.look.dialect.describes_ip_families
    if families:
        if spec.ip_family_policy is not None:
            sheet.field("IP Family Policy", spec.ip_family_policy)
        sheet.field("IP Families", ",".join(spec.ip_families) or "<none>")
    sheet.field("IP", spec.cluster_ip or "")
    if families:
        sheet.field("IPs", ",".join(spec.cluster_ips) or "<none>")
    for title, text in (
        ("External IPs", ",".join(spec.external_ips)),
        ("Desired LoadBalancer IP", spec.load_balancer_ip),
        ("External Name", spec.external_name),
    ):
        if text:
            sheet.field(title, text)
    for port in spec.ports:
        _port(sheet, port, pods)
    sheet.field("Session Affinity", spec.session_affinity or "")
    if spec.external_traffic_policy:
        sheet.field("External Traffic Policy", spec.external_traffic_policy)
    if spec.internal_traffic_policy is not None and sheet.look.dialect.describes_internal_traffic:
        sheet.field("Internal Traffic Policy", spec.internal_traffic_policy)
    sheet.events(events)


def _port(sheet: Sheet, port: Any, pods: Sequence[Pod]) -> None:
    name, protocol = port.name or "<unset>", port.protocol or "TCP"
    sheet.field("Port", f"{name}\t{port.port}/{protocol}")
    sheet.field("TargetPort", f"{port.target_port}/{protocol}")
    if port.node_port:
        sheet.field("NodePort", f"{name}\t{port.node_port}/{protocol}")
    sheet.field("Endpoints", _endpoints(port, pods))


MOST_ENDPOINTS = 3


def _endpoints(port: Any, pods: Sequence[Pod]) -> str:
    """The addresses of the ready pods, at most three of them."""
    found = []
    for pod in pods:
        ready = any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions)
        number = _target(port, pod)
        if ready and pod.status.pod_ip and number is not None:
            found.append(f"{pod.status.pod_ip}:{number}")
    text = ",".join(found[:MOST_ENDPOINTS]) or ("<none>" if port is not None else "")
    return f"{text} + {len(found) - MOST_ENDPOINTS} more..." if len(found) > MOST_ENDPOINTS else text


def _target(port: Any, pod: Pod) -> int | None:
    """The number of the pod's port that the service means."""
    if isinstance(port.target_port, int):
        return port.target_port
    ports = [each for container in pod.spec.containers for each in container.ports]
    return next((each.container_port for each in ports if each.name == port.target_port), None)


# -- namespaces --------------------------------------------------------------------------------------------------------
def describe_namespace(
    sheet: Sheet, obj: Namespace, quotas: Sequence[ResourceQuota], limits: Sequence[LimitRange]
) -> None:
    """The whole page of a namespace."""
    sheet.head(obj, namespaced=False)
    sheet.marks(obj)
    sheet.field("Status", obj.status.phase or "")
    if obj.status.conditions:
        rows = [
            (each.type, each.status, moment(each.last_transition_time), each.reason or "", each.message or "")
            for each in obj.status.conditions
        ]
        sheet.table("Conditions", ("Type", "Status", "LastTransitionTime", "Reason", "Message"), rows)
    sheet.line("")
    _quotas(sheet, quotas)
    sheet.line("")
    _limits(sheet, limits)


def _quotas(sheet: Sheet, quotas: Sequence[ResourceQuota]) -> None:
    if not quotas:
        sheet.line("No resource quota.")
        return
    sheet.line("Resource Quotas")
    for quota in quotas:
        sheet.field("  Name", quota.name)
        sheet.line("Resource\tUsed\tHard", 1)
        sheet.line("--------\t---\t---", 1)
        for name in sorted(quota.status.hard):
            sheet.line(f"{name}\t{quota.status.used.get(name, Quantity(0))}\t{quota.status.hard[name]}", 1)


def _limits(sheet: Sheet, ranges: Sequence[LimitRange]) -> None:
    if not ranges:
        sheet.line("No LimitRange resource.")
        return
    sheet.line("Resource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio")
    sheet.line(" ----\t--------\t---\t---\t---------------\t-------------\t-----------------------")
    for each in ranges:
        for item in each.spec.limits:
            columns = (item.min, item.max, item.default_request, item.default, item.max_limit_request_ratio)
            for name in sorted({key for column in columns for key in column}):
                cells = "\t".join(str(column.get(name, "-")) for column in columns)
                sheet.line(f" {item.type}\t{name}\t{cells}")


# -- configuration -----------------------------------------------------------------------------------------------------
def describe_config_map(sheet: Sheet, obj: ConfigMap, events: Sequence[Event] | None) -> None:
    """The whole page of a config map."""
    sheet.head(obj)
    sheet.marks(obj)
    sheet.line("\nData\n====")
    for key, value in sorted(obj.data.items()):
        sheet.line(f"{key}:\n----")
        sheet.line(value)
        if sheet.look.dialect.describes_binary_data:
            sheet.line("")
    if sheet.look.dialect.describes_binary_data:
        sheet.line("\nBinaryData\n====")
        for key, value in sorted(obj.binary_data.items()):
            sheet.line(f"{key}: {_size(value)} bytes")
        sheet.line("")
    sheet.events(events)


def describe_secret(sheet: Sheet, obj: Secret) -> None:
    """The whole page of a secret: how long its values are."""
    sheet.head(obj)
    sheet.marks(obj)
    sheet.line(f"\nType:\t{obj.type or ''}")
    sheet.line("\nData\n====")
    for key, value in sorted(obj.data.items()):
        sheet.field(key, f"{_size(value)} bytes")


def _size(text: str) -> int:
    try:
        return len(base64.b64decode(text, validate=True))
    except binascii.Error:
        return len(text)


# -- everything else ---------------------------------------------------------------------------------------------------
SKIPPED = (".metadata.name", ".metadata.namespace", ".metadata.labels", ".metadata.annotations")


def describe_anything(sheet: Sheet, obj: Object, events: Sequence[Event] | None) -> None:
    """A page for any object: all its fields."""
    sheet.head(obj)
    sheet.marks(obj)
    _content(sheet, to_manifest(obj), "", 0)
    sheet.events(events)


def _content(sheet: Sheet, content: Mapping[str, Any], path: str, level: int) -> None:
    for name, value in sorted(content.items()):
        here = f"{path}.{name}"
        if here in SKIPPED:
            continue
        if isinstance(value, Mapping):
            sheet.line(f"{_title(name)}:", level)
            _content(sheet, value, here, level + 1)
        elif isinstance(value, list):
            sheet.line(f"{_title(name)}:", level)
            for item in value:
                if isinstance(item, Mapping):
                    _content(sheet, item, here, level + 1)
                else:
                    sheet.line(_plain(item), level + 1)
        else:
            sheet.field(_title(name), _plain(value), level)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "<nil>" if value is None else str(value)


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|-")
_ACRONYMS = ("API", "URL", "UID", "GUID")


def _title(field: str) -> str:
    """A field's name in words: `reclaimPolicy` is `Reclaim Policy`; what has other signs in it stays."""
    if not re.fullmatch(r"[A-Za-z-]+", field):
        return field
    words = _WORD.findall(field)
    return " ".join(
        word.upper() if word.upper() in _ACRONYMS else word.capitalize() if word.islower() else word for word in words
    )
