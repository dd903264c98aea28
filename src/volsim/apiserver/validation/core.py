"""Validation of the cluster around the pods: nodes, namespaces, configuration, services, priority classes.

Modelled: Node, Namespace, ConfigMap, Secret, Service (types, ports, selectors), PriorityClass.
Not modelled: addresses, families and ranges of Services and Nodes, load balancers, traffic policies.
Source: kube-apiserver, pkg/apis/core/validation/validation.go (ValidateNode, ValidateNamespace, ValidateConfigMap,
ValidateSecret, ValidateService), pkg/apis/scheduling/validation/validation.go.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from volsim.apiserver.validation.amounts import check_amounts
from volsim.apiserver.validation.fields import Errors, config_key, dns_label, dns_name, label_key
from volsim.apiserver.validation.metadata import check_labels
from volsim.apiserver.validation.placement import check_taints
from volsim.objects import ConfigMap, Namespace, Node, PriorityClass, Secret, Service, ServicePort, ServiceSpec

__all__ = [
    "check_config_map",
    "check_config_map_update",
    "check_namespace",
    "check_namespace_status",
    "check_node",
    "check_node_update",
    "check_priority_class",
    "check_priority_class_update",
    "check_secret",
    "check_secret_update",
    "check_service",
]


# -- nodes and namespaces ----------------------------------------------------------------------------------------------
def check_node(errors: Errors, node: Node) -> None:
    """Taints and amounts of resources. Upstream finds the taints in the metadata, where they once were.

    >>> from volsim.objects import NodeSpec, Taint
    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> check_node(errors, Node(spec=NodeSpec(taints=(Taint(key="a", effect="Never"),))))
    >>> print(errors[0].field)
    metadata.taints[0].effect
    """
    check_taints(errors, node.spec.taints, "metadata.taints")
    check_amounts(errors, node.status.capacity, "status.capacity")
    check_amounts(errors, node.status.allocatable, "status.allocatable")


def check_node_update(errors: Errors, new: Node, old: Node) -> None:
    """What a cloud or the network has said of a node once stays so."""
    if new.spec is old.spec:
        return
    if old.spec.pod_cidrs and new.spec.pod_cidrs != old.spec.pod_cidrs:
        errors.forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')
    if old.spec.provider_id and new.spec.provider_id != old.spec.provider_id:
        errors.forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid')
    check_taints(errors, new.spec.taints, "metadata.taints")


def check_namespace(errors: Errors, namespace: Namespace) -> None:
    """The finalizers of a namespace's contents; its name is the metadata's matter."""
    for name in namespace.spec.finalizers:
        errors.check("spec.finalizers", name, label_key)


def check_namespace_status(errors: Errors, new: Namespace, old: Namespace) -> None:
    """A namespace that is being deleted is terminating, and no other one."""
    if new.metadata.deletion_timestamp is None:
        if new.status.phase != "Active":
            text = "may only be 'Active' if `deletionTimestamp` is empty"
            errors.invalid("status.Phase", new.status.phase or "", text)
    elif new.status.phase != "Terminating":
        text = "may only be 'Terminating' if `deletionTimestamp` is not empty"
        errors.invalid("status.Phase", new.status.phase or "", text)


# -- configuration -----------------------------------------------------------------------------------------------------
_LARGEST = 1024 * 1024  # bytes of a ConfigMap's or Secret's values: an object must fit into etcd


def check_config_map(errors: Errors, config: ConfigMap) -> None:
    """Keys that can be files' names, each once; not too much of it."""
    for key in config.data:
        errors.check(f"data[{key}]", key, config_key)
        if key in config.binary_data:
            errors.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in config.binary_data:
        errors.check(f"binaryData[{key}]", key, config_key)
    if sum(len(text.encode()) for text in config.data.values()) + _decoded(config.binary_data) > _LARGEST:
        errors.too_long("", _LARGEST)


def _decoded(data: Mapping[str, str]) -> int:
    """How many bytes base64 texts stand for."""
    return sum(len(text) // 4 * 3 - text[-2:].count("=") for text in data.values())


def check_config_map_update(errors: Errors, new: ConfigMap, old: ConfigMap) -> None:
    """What is immutable stays as it is."""
    _check_immutable(errors, new, old, ("data", "data"), ("binary_data", "binaryData"))
    check_config_map(errors, new)


def _check_immutable(errors: Errors, new: Any, old: Any, *parts: tuple[str, str]) -> None:
    if not old.immutable:
        return
    text = "field is immutable when `immutable` is set"
    if not new.immutable:
        errors.forbidden("immutable", text)
    for attribute, name in parts:
        if getattr(new, attribute) != getattr(old, attribute):
            errors.forbidden(name, text)


_ACCOUNT = "kubernetes.io/service-account.name"
_NEEDED_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_IN_JSON = ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson")
_LOGIN = ("username", "password")


def check_secret(errors: Errors, secret: Secret) -> None:
    """Keys that can be files' names, and those that the type asks for; not too much of it."""
    data = {**secret.data, **secret.string_data}
    for key in data:
        errors.check(f"data[{key}]", key, config_key)
    plain = sum(len(text.encode()) for text in secret.string_data.values())
    if plain + _decoded(secret.data) > _LARGEST:
        errors.too_long("data", _LARGEST)
    kind = secret.type or ""
    if kind == "kubernetes.io/service-account-token" and not secret.metadata.annotations.get(_ACCOUNT):
        errors.required(f"metadata.annotations[{_ACCOUNT}]")
    if kind == "kubernetes.io/basic-auth" and not any(key in data for key in _LOGIN):
        for key in _LOGIN:
            errors.required(f"data[{key}]")
    for key in _NEEDED_KEYS.get(kind, ()):
        if key not in data or (kind == "kubernetes.io/ssh-auth" and not data[key]):
            errors.required(f"data[{key}]")
        elif kind in _IN_JSON and not _is_json_object(secret, key):
            errors.invalid(f"data[{key}]", "<secret contents redacted>", "must be a JSON object")


def _is_json_object(secret: Secret, key: str) -> bool:
    text: str | bytes | None = secret.string_data.get(key)
    try:
        return isinstance(json.loads(b64decode(secret.data[key]) if text is None else text), dict)
    except ValueError:
        return False


def check_secret_update(errors: Errors, new: Secret, old: Secret) -> None:
    """A Secret keeps its type; what is immutable stays as it is."""
    errors.immutable("type", new.type, old.type)
    _check_immutable(errors, new, old, ("data", "data"), ("string_data", "data"))
    check_secret(errors, new)


# -- services ----------------------------------------------------------------------------------------------------------
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")


def check_service(errors: Errors, service: Service) -> None:
    """A type, and ports that it can have; updates are asked the same."""
    spec = service.spec
    headless = spec.cluster_ip == "None" or spec.cluster_ips[:1] == ("None",)
    if not spec.ports and not headless and spec.type != "ExternalName":
        errors.required("spec.ports")
    if headless and spec.type in ("LoadBalancer", "NodePort"):
        text = f"may not be set to 'None' for {spec.type} services"
        errors.invalid("spec.clusterIPs[0]", "None", text)
    if spec.type == "ExternalName":
        _check_external_name(errors, spec)
    names: set[str] = set()
    for number, port in enumerate(spec.ports):
        _check_port(errors, port, f"spec.ports[{number}]", len(spec.ports) > 1, names)
    check_labels(errors, spec.selector, "spec.selector")
    errors.one_of("spec.sessionAffinity", spec.session_affinity, ("ClientIP", "None"))
    errors.one_of("spec.type", spec.type, _TYPES)
    _check_port_numbers(errors, spec)


def _check_external_name(errors: Errors, spec: ServiceSpec) -> None:
    if spec.cluster_ips or spec.cluster_ip:
        errors.forbidden("spec.clusterIPs", "may not be set for ExternalName services")
    errors.name("spec.externalName", (spec.external_name or "").removesuffix("."), dns_name)


def _check_port(errors: Errors, port: ServicePort, field: str, is_one_of_many: bool, names: set[str]) -> None:
    if port.name:
        errors.check(f"{field}.name", port.name, dns_label)
        if port.name in names:
            errors.duplicate(f"{field}.name", port.name)
        names.add(port.name)
    elif is_one_of_many:
        errors.required(f"{field}.name")
    errors.port(f"{field}.port", port.port)
    errors.one_of(f"{field}.protocol", port.protocol, _PROTOCOLS)
    errors.port(f"{field}.targetPort", port.target_port)
    if port.app_protocol is not None:
        errors.check(f"{field}.appProtocol", port.app_protocol, label_key)


def _check_port_numbers(errors: Errors, spec: ServiceSpec) -> None:
    """No port twice, and no node's port for a service that is inside the cluster only."""
    if spec.type == "ClusterIP":
        for number, port in enumerate(spec.ports):
            if port.node_port:
                text = "may not be used when `type` is 'ClusterIP'"
                errors.forbidden(f"spec.ports[{number}].nodePort", text)
    taken: set[tuple[str | None, int | None]] = set()
    for number, port in enumerate(spec.ports):
        if port.node_port and (port.protocol, port.node_port) in taken:
            errors.duplicate(f"spec.ports[{number}].nodePort", port.node_port)
        taken.add((port.protocol, port.node_port))
    seen: set[tuple[str | None, int | None]] = set()
    for number, port in enumerate(spec.ports):
        if (port.protocol, port.port) in seen:
            errors.duplicate(f"spec.ports[{number}]", ServicePort(protocol=port.protocol, port=port.port))
        seen.add((port.protocol, port.port))


# -- priority classes --------------------------------------------------------------------------------------------------
_SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_HIGHEST_OF_USERS = 1_000_000_000


def check_priority_class(errors: Errors, priority: PriorityClass) -> None:
    """How important pods are; above all others are only Kubernetes' own."""
    name, value = priority.metadata.name or "", priority.value or 0
    if name.startswith("system-"):
        if _SYSTEM_CLASSES.get(name) != value or priority.global_default:
            text = "priority class names with 'system-' prefix are reserved for system use only. error: "
            errors.forbidden("metadata.name", f"{text}{_why_not_system(name, value)}")
    elif value > _HIGHEST_OF_USERS:
        text = f"maximum allowed value of a user defined priority is {_HIGHEST_OF_USERS}"
        errors.forbidden("value", text)
    policy = priority.preemption_policy
    if policy is not None:
        errors.one_of("preemptionPolicy", policy, ("PreemptLowerPriority", "Never"))


def _why_not_system(name: str, value: int) -> str:
    if name not in _SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if value != _SYSTEM_CLASSES[name]:
        return f"value of {name} PriorityClass must be {_SYSTEM_CLASSES[name]}"
    return f"globalDefault of {name} PriorityClass must be false"


def check_priority_class_update(errors: Errors, new: PriorityClass, old: PriorityClass) -> None:
    """A class keeps its value: pods have it already."""
    if (new.value or 0) != (old.value or 0):
        errors.forbidden("value", "may not be changed in an update.")
    errors.immutable("preemptionPolicy", new.preemption_policy, old.preemption_policy)
