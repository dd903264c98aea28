"""Pods and pod templates, as `kubectl describe` shows them.

Source: kubectl, pkg/describe/describe.go (describePod, describeContainers, DescribePodTemplate, DescribeProbe).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from volsim.objects import (
    Container,
    ContainerState,
    ContainerStatus,
    EnvVar,
    EphemeralContainer,
    Event,
    Pod,
    PodTemplateSpec,
    Probe,
    Toleration,
)
from volsim.quantity import Quantity
from volsim.views.describers.volumes import describe_volumes
from volsim.views.printers.pods import TERMINAL
from volsim.views.printers.workloads import selector_text
from volsim.views.sheet import Sheet, moment

__all__ = ["describe_pod", "describe_template", "qos_class"]

AnyContainer = Container | EphemeralContainer


def describe_pod(sheet: Sheet, pod: Pod, events: Sequence[Event] | None) -> None:
    """The whole page of a pod."""
    sheet.head(pod)
    if pod.spec.priority is not None:
        sheet.field("Priority", pod.spec.priority)
    if pod.spec.priority_class_name:
        sheet.field("Priority Class Name", pod.spec.priority_class_name)
    if sheet.look.dialect.describes_service_account and pod.spec.service_account_name:
        sheet.field("Service Account", pod.spec.service_account_name)
    node = f"{pod.spec.node_name}/{pod.status.host_ip or ''}" if pod.spec.node_name else "<none>"
    sheet.field("Node", node)
    if pod.status.start_time is not None:
        sheet.field("Start Time", moment(pod.status.start_time))
    sheet.marks(pod)
    _status(sheet, pod)
    _addresses(sheet, pod)
    sheet.controller(pod)
    if pod.status.nominated_node_name:
        sheet.field("NominatedNodeName", pod.status.nominated_node_name)
    if pod.spec.init_containers:
        _containers(sheet, "Init Containers", pod.spec.init_containers, pod.status.init_container_statuses, pod)
    _containers(sheet, "Containers", pod.spec.containers, pod.status.container_statuses, pod)
    if pod.spec.ephemeral_containers:
        statuses = pod.status.ephemeral_container_statuses
        _containers(sheet, "Ephemeral Containers", pod.spec.ephemeral_containers, statuses, pod)
    _conditions(sheet, pod)
    describe_volumes(sheet, pod.spec.volumes)
    sheet.field("QoS Class", pod.status.qos_class or qos_class(pod))
    sheet.labels("Node-Selectors", pod.spec.node_selector)
    sheet.several("Tolerations", _tolerations(pod.spec.tolerations))
    if sheet.look.dialect.describes_spread:
        _spread(sheet, pod.spec.topology_spread_constraints, 0)
    sheet.events(events)


def _status(sheet: Sheet, pod: Pod) -> None:
    gone_us = pod.metadata.deletion_timestamp
    finished = pod.status.phase in TERMINAL and sheet.look.dialect.terminal_pods_keep_their_status
    if gone_us is not None and not finished:
        sheet.field("Status", f"Terminating (lasts {sheet.look.since(gone_us)})")
        sheet.field("Termination Grace Period", f"{pod.metadata.deletion_grace_period_seconds or 0}s")
    else:
        sheet.field("Status", pod.status.phase or "")
    if pod.status.reason:
        sheet.field("Reason", pod.status.reason)
    if pod.status.message:
        sheet.field("Message", pod.status.message)


def _addresses(sheet: Sheet, pod: Pod) -> None:
    sheet.field("IP", pod.status.pod_ip or "")
    if not sheet.look.dialect.describes_pod_ips:
        return
    if not pod.status.pod_ips:
        sheet.field("IPs", "<none>")
        return
    sheet.line("IPs:")
    for address in pod.status.pod_ips:
        sheet.field("IP", address.ip or "", 1)


def _conditions(sheet: Sheet, pod: Pod) -> None:
    statuses = {each.type: each.status for each in pod.status.conditions}
    if pod.spec.readiness_gates:
        sheet.line("Readiness Gates:\n  Type\tStatus")
        for gate in pod.spec.readiness_gates:
            sheet.line(f"{gate.condition_type} \t{statuses.get(gate.condition_type, '<none>')} ", 1)
    if pod.status.conditions:
        sheet.line("Conditions:\n  Type\tStatus")
        for condition in pod.status.conditions:
            sheet.line(f"{condition.type} \t{condition.status} ", 1)


def _tolerations(tolerations: Iterable[Toleration]) -> list[str]:
    shown = []
    for each in sorted(tolerations, key=lambda toleration: toleration.key or ""):
        text = each.key or ""
        if each.value:
            text += f"={each.value}"
        if each.effect:
            text += f":{each.effect}"
        if each.operator == "Exists" and not each.value:
            text += " op=Exists" if text else "op=Exists"
        if each.toleration_seconds is not None:
            text += f" for {each.toleration_seconds}s"
        shown.append(text)
    return shown


def _spread(sheet: Sheet, constraints: Sequence[Any], level: int) -> None:
    lines = []
    for each in sorted(constraints, key=lambda constraint: constraint.topology_key or ""):
        text = f"{each.topology_key}:{each.when_unsatisfiable} when max skew {each.max_skew} is exceeded"
        if each.label_selector is not None:
            text += f" for selector {selector_text(each.label_selector) or '<none>'}"
        lines.append(text)
    if lines:
        sheet.several("Topology Spread Constraints", lines, level)


# -- containers --------------------------------------------------------------------------------------------------------
def _containers(
    sheet: Sheet,
    title: str,
    containers: Sequence[AnyContainer],
    statuses: Sequence[ContainerStatus],
    pod: Pod | None,
    level: int = 0,
) -> None:
    by_name = {status.name: status for status in statuses}
    sheet.line(f"{title}:" if containers else f"{title}: <none>", level)
    for container in containers:
        status = by_name.get(container.name)
        sheet.line(f"{' ' if level else ''}{container.name}:", 1)
        _basics(sheet, container, status)
        _command(sheet, container)
        if status is not None:
            _state(sheet, status)
        _resources(sheet, "Limits", container.resources.limits)
        _resources(sheet, "Requests", container.resources.requests)
        _probes(sheet, container)
        _environment(sheet, container, pod)
        _mounts(sheet, container)


def _basics(sheet: Sheet, container: AnyContainer, status: ContainerStatus | None) -> None:
    if status is not None:
        sheet.field("Container ID", status.container_id or "", 2)
    sheet.field("Image", container.image or "", 2)
    if status is not None:
        sheet.field("Image ID", status.image_id or "", 2)
    for title, numbers in (
        ("Port", [each.container_port for each in container.ports]),
        ("Host Port", [each.host_port or 0 for each in container.ports]),
    ):
        ports = []
        for port, number in zip(container.ports, numbers, strict=True):
            text = f"{number}/{port.protocol or 'TCP'}"
            ports.append(f"{text} ({port.name})" if port.name else text)
        sheet.field(f"{title}s" if len(ports) > 1 else title, ", ".join(ports) or "<none>", 2)


def _command(sheet: Sheet, container: AnyContainer) -> None:
    for title, words in (("Command", container.command), ("Args", container.args)):
        if words:
            sheet.line(f"{title}:", 2)
        for word in words:
            for line in word.split("\n"):
                sheet.line(line, 3)


def _state(sheet: Sheet, status: ContainerStatus) -> None:
    _one_state(sheet, "State", status.state or ContainerState())
    if status.last_state is not None and status.last_state.terminated is not None:
        _one_state(sheet, "Last State", status.last_state)
    sheet.field("Ready", "True" if status.ready else "False", 2)
    sheet.field("Restart Count", status.restart_count or 0, 2)


def _one_state(sheet: Sheet, title: str, state: ContainerState) -> None:
    if state.running is not None:
        sheet.field(title, "Running", 2)
        sheet.field("Started", moment(state.running.started_at), 3)
    elif state.terminated is not None:
        end = state.terminated
        sheet.field(title, "Terminated", 2)
        for name, text in (("Reason", end.reason), ("Message", end.message)):
            if text:
                sheet.field(name, text, 3)
        sheet.field("Exit Code", end.exit_code or 0, 3)
        if end.signal:
            sheet.field("Signal", end.signal, 3)
        sheet.field("Started", moment(end.started_at), 3)
        sheet.field("Finished", moment(end.finished_at), 3)
    else:
        sheet.field(title, "Waiting", 2)
        if state.waiting is not None and state.waiting.reason:
            sheet.field("Reason", state.waiting.reason, 3)


def _resources(sheet: Sheet, title: str, amounts: Mapping[str, Quantity]) -> None:
    if amounts:
        sheet.line(f"{title}:", 2)
    for name, amount in sorted(amounts.items()):
        sheet.field(name, amount, 3)


def _probes(sheet: Sheet, container: AnyContainer) -> None:
    for title, probe in (
        ("Liveness", container.liveness_probe),
        ("Readiness", container.readiness_probe),
        ("Startup", container.startup_probe),
    ):
        if probe is not None:
            sheet.field(title, _probe(probe), 2)


def _probe(probe: Probe) -> str:
    how = (
        f"delay={probe.initial_delay_seconds or 0}s timeout={probe.timeout_seconds or 0}s "
        f"period={probe.period_seconds or 0}s #success={probe.success_threshold or 0} "
        f"#failure={probe.failure_threshold or 0}"
    )
    if probe.exec is not None:
        return f"exec [{' '.join(probe.exec.command)}] {how}"
    if probe.http_get is not None:
        get = probe.http_get
        return f"http-get {(get.scheme or 'HTTP').lower()}://{get.host or ''}:{get.port}{get.path or ''} {how}"
    if probe.tcp_socket is not None:
        return f"tcp-socket {probe.tcp_socket.host or ''}:{probe.tcp_socket.port} {how}"
    if probe.grpc is not None:
        return f"grpc <pod>:{probe.grpc.port} {probe.grpc.service or ''} {how}"
    return f"unknown {how}"


# -- environment -------------------------------------------------------------------------------------------------------
def _environment(sheet: Sheet, container: AnyContainer, pod: Pod | None) -> None:
    if container.env_from:
        sheet.line("Environment Variables from:", 2)
        for source in container.env_from:
            sheet.line(_env_from(source), 3)
    sheet.line("Environment:" if container.env else "Environment:\t<none>", 2)
    for variable in container.env:
        first, *rest = _env_value(variable, container, pod).split("\n")
        sheet.line(f"{variable.name}:\t{first}", 3)
        for line in rest:
            sheet.line(f"\t{line}", 3)


def _env_from(source: Any) -> str:
    reference, kind = source.config_map_ref, "ConfigMap"
    if reference is None:
        reference, kind = source.secret_ref, "Secret"
    prefix = f" with prefix '{source.prefix}'" if source.prefix else ""
    name, optional = (reference.name or "", reference.optional) if reference is not None else ("", None)
    return f"{name}\t{kind}{prefix}\tOptional: {_switch(optional)}"


def _switch(value: bool | None) -> str:
    return "true" if value else "false"


def _env_value(variable: EnvVar, container: AnyContainer, pod: Pod | None) -> str:
    source = variable.value_from
    if source is None:
        return variable.value or ""
    if source.field_ref is not None:
        path = source.field_ref.field_path or ""
        return f"{_pod_field(pod, path)} ({source.field_ref.api_version or 'v1'}:{path})"
    if source.resource_field_ref is not None:
        name = source.resource_field_ref.resource or ""
        return f"{_resource_value(container, name)} ({name})"
    if source.secret_key_ref is not None:
        ref = source.secret_key_ref
        return f"<set to the key '{ref.key}' in secret '{ref.name}'>\tOptional: {_switch(ref.optional)}"
    if source.config_map_key_ref is not None:
        key = source.config_map_key_ref
        return f"<set to the key '{key.key}' of config map '{key.name}'>\tOptional: {_switch(key.optional)}"
    return ""


def _pod_field(pod: Pod | None, path: str) -> str:
    """A field of the pod, as the downward API gives it; empty for a template."""
    if pod is None:
        return ""
    known = {
        "metadata.name": pod.name,
        "metadata.namespace": pod.metadata.namespace,
        "metadata.uid": pod.metadata.uid,
        "spec.nodeName": pod.spec.node_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.hostIP": pod.status.host_ip,
        "status.podIP": pod.status.pod_ip,
    }
    for prefix, values in (
        ("metadata.labels", pod.metadata.labels),
        ("metadata.annotations", pod.metadata.annotations),
    ):
        if path.startswith(f"{prefix}['"):
            return values.get(path.removeprefix(f"{prefix}['").removesuffix("']"), "")
    return known.get(path) or ""


def _resource_value(container: AnyContainer, name: str) -> str:
    which, _, resource = name.partition(".")
    amounts = container.resources.limits if which == "limits" else container.resources.requests
    amount = amounts.get(resource)
    if amount is None and which == "limits" and resource in ("cpu", "memory"):
        return "node allocatable"
    return "0" if amount is None else str(int(amount))


def _mounts(sheet: Sheet, container: AnyContainer) -> None:
    sheet.line("Mounts:" if container.volume_mounts else "Mounts:\t<none>", 2)
    for mount in sorted(container.volume_mounts, key=lambda each: each.mount_path or ""):
        flags = "ro" if mount.read_only else "rw"
        if mount.sub_path:
            flags += f',path="{mount.sub_path}"'
        sheet.line(f"{mount.mount_path} from {mount.name} ({flags})", 3)
    if container.volume_devices:
        sheet.line("Devices:" if container.volume_mounts else "Devices:\t<none>", 2)
    for device in sorted(container.volume_devices, key=lambda each: each.device_path or ""):
        sheet.line(f"{device.device_path} from {device.name}", 3)


# -- templates ---------------------------------------------------------------------------------------------------------
def describe_template(sheet: Sheet, template: PodTemplateSpec) -> None:
    """The pod template of a workload."""
    sheet.line("Pod Template:")
    sheet.labels("Labels", template.metadata.labels, 1)
    if template.metadata.annotations:
        sheet.annotations("Annotations", template.metadata.annotations, 1)
    spec = template.spec
    if spec.service_account_name:
        sheet.field("Service Account", spec.service_account_name, 1)
    if spec.init_containers:
        _containers(sheet, "Init Containers", spec.init_containers, (), None, 1)
    _containers(sheet, "Containers", spec.containers, (), None, 1)
    describe_volumes(sheet, spec.volumes, 1)
    if sheet.look.dialect.describes_spread:
        _spread(sheet, spec.topology_spread_constraints, 1)
    if spec.priority_class_name:
        sheet.field("Priority Class Name", spec.priority_class_name, 1)
    if sheet.look.dialect.template_node_selectors:
        sheet.labels("Node-Selectors", spec.node_selector, 1)
        sheet.several("Tolerations", _tolerations(spec.tolerations), 1)


def qos_class(pod: Pod) -> str:
    """The pod's class of service, from what its containers ask for and may use.

    >>> qos_class(Pod())
    'BestEffort'
    """
    containers = (*pod.spec.containers, *pod.spec.init_containers)
    asked = [each.resources.requests.get(name) for each in containers for name in ("cpu", "memory")]
    limits = [each.resources.limits.get(name) for each in containers for name in ("cpu", "memory")]
    if not any(asked) and not any(limits):
        return "BestEffort"
    same = all(limit and want in (None, limit) for want, limit in zip(asked, limits, strict=True))
    return "Guaranteed" if same else "Burstable"
