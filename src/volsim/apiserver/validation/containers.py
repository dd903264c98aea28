"""Validation of containers: app containers, init containers and sidecars, ephemeral containers.

Modelled: names, images, ports, variables, mounts and devices, probes and hooks, resources, security contexts, restart
rules. Errors come in the order of Kubernetes 1.25 and later, with few exceptions.
Not modelled: seccomp, AppArmor and Windows options, resize policies, stop signals.
Source: kube-apiserver, pkg/apis/core/validation/validation.go (validateContainerCommon, validateContainers,
validateInitContainers, validateEphemeralContainers, ValidateVolumeMounts, ValidateVolumeDevices).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

from volsim.apiserver.validation.amounts import check_container_resources
from volsim.apiserver.validation.environment import check_environment, check_environment_sources
from volsim.apiserver.validation.fields import Errors, between, dns_label
from volsim.apiserver.validation.handlers import check_lifecycle, check_probes
from volsim.apiserver.validation.paths import check_relative_path
from volsim.objects import (
    Container,
    ContainerPort,
    ContainerRestartRule,
    EphemeralContainer,
    PodSpec,
    SecurityContext,
    Volume,
    VolumeDevice,
    VolumeMount,
)

__all__ = [
    "PULL_POLICIES",
    "Surroundings",
    "check_containers",
    "check_devices",
    "check_ephemeral_containers",
    "check_init_containers",
    "check_mounts",
    "check_user",
    "check_whitespace",
]

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_IDS_MOST = 2**31 - 1


class Surroundings(NamedTuple):
    """What the checks of a container must know of its pod."""

    volumes: Mapping[str, Volume]
    """The pod's volumes that are right, by name."""
    grace_seconds: int | None
    """How long the pod may take to end; None if that is wrong itself."""
    host_users: bool
    """Whether the containers' users are the node's."""


# -- the kinds of containers -------------------------------------------------------------------------------------------
def check_containers(errors: Errors, containers: Sequence[Container], field: str, pod: Surroundings) -> None:
    """The app containers: at least one."""
    if not containers:
        errors.required(field)
        return
    names: set[str | None] = set()
    for number, container in enumerate(containers):
        place = f"{field}[{number}]"
        _check_common(errors, container, place, pod, names)
        names.add(container.name)
        if container.lifecycle is not None:
            check_lifecycle(errors, container.lifecycle, f"{place}.lifecycle", pod.grace_seconds)
        check_probes(errors, container, place, pod.grace_seconds)
        if errors.rules.container_restart_rules:
            _check_restart_rules(errors, container, place)
        elif container.restart_policy is not None:
            errors.forbidden(f"{place}.restartPolicy", "may not be set for non-init containers")
    _check_host_ports(errors, containers, field)


def check_init_containers(errors: Errors, spec: PodSpec, field: str, pod: Surroundings) -> None:
    """The containers that run before the others, and the sidecars among them."""
    names = {container.name for container in spec.containers}
    for number, container in enumerate(spec.init_containers):
        place = f"{field}[{number}]"
        _check_common(errors, container, place, pod, names)
        _check_init_restart(errors, container, place)
        if container.name:
            names.add(container.name)
        _check_host_ports(errors, (container,), field)  # they run one by one
        if container.restart_policy != "Always":
            _refuse_sidecar_fields(errors, container, place)
            continue
        if container.lifecycle is not None:
            check_lifecycle(errors, container.lifecycle, f"{place}.lifecycle", pod.grace_seconds)
        check_probes(errors, container, place, pod.grace_seconds)


_SIDECAR_FIELDS = (
    ("lifecycle", "lifecycle"),
    ("liveness_probe", "livenessProbe"),
    ("readiness_probe", "readinessProbe"),
    ("startup_probe", "startupProbe"),
)


def _refuse_sidecar_fields(errors: Errors, container: Container, field: str) -> None:
    """What ends by itself has neither probes nor hooks."""
    for attribute, name in _SIDECAR_FIELDS:
        given = getattr(container, attribute)
        if given is None:
            continue
        if errors.rules.container_kinds_apart:
            text = "may not be set for init containers"
            if errors.rules.sidecar_containers:
                text += " without restartPolicy=Always"
            errors.forbidden(f"{field}.{name}", text)
        else:
            errors.invalid(f"{field}.{name}", given, "must not be set for init containers")


_NOT_EPHEMERAL = (
    ("ports", "ports"),
    ("resources", "resources"),
    ("restart_policy", "restartPolicy"),
    ("restart_policy_rules", "restartPolicyRules"),
    ("liveness_probe", "livenessProbe"),
    ("readiness_probe", "readinessProbe"),
    ("startup_probe", "startupProbe"),
    ("lifecycle", "lifecycle"),
)
_NOT_FOR_EPHEMERAL = "cannot be set for an Ephemeral Container"


def check_ephemeral_containers(errors: Errors, spec: PodSpec, field: str, pod: Surroundings) -> None:
    """The containers that somebody adds to look into a running pod: they promise nothing to anybody."""
    others = {container.name for container in (*spec.containers, *spec.init_containers)}
    names = set(others)
    for number, container in enumerate(spec.ephemeral_containers):
        place = f"{field}[{number}]"
        # Until 1.25 each of them was checked as a list of one, which shows in the paths.
        common = place if errors.rules.container_kinds_apart else f"{place}[0]"
        _check_common(errors, container, common, pod, names)
        check_whitespace(errors, container, common)
        names.add(container.name)
        target = container.target_container_name
        if target and target not in others:
            errors.not_found(f"{place}.targetContainerName", target)
        for attribute, name in _NOT_EPHEMERAL:
            given = getattr(container, attribute)
            if given if attribute != "resources" else given.limits or given.requests:
                errors.forbidden(f"{place}.{name}", _NOT_FOR_EPHEMERAL)
        for index, mount in enumerate(container.volume_mounts):
            for path, name in ((mount.sub_path, "subPath"), (mount.sub_path_expr, "subPathExpr")):
                if path:
                    errors.forbidden(f"{place}.volumeMounts[{index}].{name}", _NOT_FOR_EPHEMERAL)


def check_whitespace(errors: Errors, container: Container | EphemeralContainer, field: str) -> None:
    """No blanks around the image of a pod; templates may have them, for what fills them in later."""
    image = container.image or ""
    if image != image.strip():
        errors.invalid(f"{field}.image", image, "must not have leading or trailing whitespace")


# -- what all kinds have -----------------------------------------------------------------------------------------------
def _check_common(
    errors: Errors, container: Container | EphemeralContainer, field: str, pod: Surroundings, names: Set[str | None]
) -> None:
    """`names`: those that the container must not have, because another one has them."""
    errors.name(f"{field}.name", container.name, dns_label)
    taken = container.name in names
    if taken and not errors.rules.container_kinds_apart:
        errors.duplicate(f"{field}.name", container.name or "")
    if not container.image:
        errors.required(f"{field}.image")
    _check_message_policy(errors, container.termination_message_policy, f"{field}.terminationMessagePolicy")
    if container.ports:
        _check_ports(errors, container.ports, f"{field}.ports")
    if container.env:
        check_environment(errors, container.env, f"{field}.env")
    if container.env_from:
        check_environment_sources(errors, container.env_from, f"{field}.envFrom")
    if container.volume_mounts:
        check_mounts(errors, container, f"{field}.volumeMounts", pod.volumes)
    if container.volume_devices:
        check_devices(errors, container, f"{field}.volumeDevices", pod.volumes)
    errors.one_of(f"{field}.imagePullPolicy", container.image_pull_policy, PULL_POLICIES)
    check_container_resources(errors, container.resources, f"{field}.resources")
    if container.security_context is not None:
        _check_security(errors, container.security_context, f"{field}.securityContext", pod.host_users)
    if taken and errors.rules.container_kinds_apart:
        errors.duplicate(f"{field}.name", container.name or "")


def _check_message_policy(errors: Errors, policy: str | None, field: str) -> None:
    if policy in _MESSAGE_POLICIES:
        return
    if errors.rules.container_kinds_apart:
        errors.one_of(field, policy, _MESSAGE_POLICIES)
        return
    text = "must be 'File' or 'FallbackToLogsOnError'"
    if policy:
        errors.invalid(field, policy, text)
    else:
        errors.required(field, text)


def _check_ports(errors: Errors, ports: Sequence[ContainerPort], field: str) -> None:
    names: set[str] = set()
    for number, port in enumerate(ports):
        place = f"{field}[{number}]"
        if port.name:
            before = len(errors)
            errors.port(f"{place}.name", port.name)
            if len(errors) == before:
                if port.name in names:
                    errors.duplicate(f"{place}.name", port.name)
                names.add(port.name)
        if port.container_port:
            errors.port(f"{place}.containerPort", port.container_port)
        else:
            errors.required(f"{place}.containerPort")
        if port.host_port:
            errors.port(f"{place}.hostPort", port.host_port)
        errors.one_of(f"{place}.protocol", port.protocol, _PROTOCOLS)


def _check_host_ports(errors: Errors, containers: Sequence[Container], field: str) -> None:
    """No two containers on the same port of the node."""
    taken: set[str] = set()
    for number, container in enumerate(containers):
        for index, port in enumerate(container.ports):
            if port.host_port:
                wanted = f"{port.protocol or ''}/{port.host_ip or ''}/{port.host_port}"
                if wanted in taken:
                    errors.duplicate(f"{field}[{number}].ports[{index}].hostPort", wanted)
                taken.add(wanted)


def _check_security(errors: Errors, context: SecurityContext, field: str, host_users: bool) -> None:
    check_user(errors, context, field)
    if context.proc_mount is not None:
        if context.proc_mount not in ("Default", "Unmasked"):
            errors.not_supported(f"{field}.procMount", context.proc_mount, ("Default", "Unmasked"))
        if context.proc_mount == "Unmasked" and host_users and errors.rules.user_namespaces:
            errors.invalid(f"{field}.procMount", context.proc_mount, "`hostUsers` must be false to use `Unmasked`")
    if context.allow_privilege_escalation is not False:
        return
    if context.privileged:
        text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        errors.invalid(field, context, text)
    if context.capabilities is not None:
        for _ in (each for each in context.capabilities.add if each == "CAP_SYS_ADMIN"):
            text = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.invalid(field, context, text)


def check_user(errors: Errors, context: Any, field: str) -> None:
    """As whom a container, or a whole pod, runs: ids of 31 bits."""
    for number, name in ((context.run_as_user, "runAsUser"), (context.run_as_group, "runAsGroup")):
        if number is not None and not 0 <= number <= _IDS_MOST:
            errors.invalid(f"{field}.{name}", number, between(0, _IDS_MOST))


# -- restarts ----------------------------------------------------------------------------------------------------------
def _check_init_restart(errors: Errors, container: Container, field: str) -> None:
    rules = errors.rules
    if container.restart_policy is None:
        if container.restart_policy_rules:
            errors.required(f"{field}.restartPolicy", "must specify restartPolicy when restart rules are used")
    elif not rules.container_restart_rules:
        errors.one_of(f"{field}.restartPolicy", container.restart_policy, ("Always",))
    elif container.restart_policy != "Always" or rules.restart_all_containers:
        _check_restart_rules(errors, container, field)
    elif container.restart_policy_rules:
        text = "restartPolicyRules are not allowed for init containers with restart policy Always"
        errors.forbidden(f"{field}.restartPolicyRules", text)


def _check_restart_rules(errors: Errors, container: Container, field: str) -> None:
    """When a container is restarted, whatever the pod's policy says."""
    policy, rules = container.restart_policy, container.restart_policy_rules
    if policy is None and not rules:
        return
    if policy is None:
        errors.required(f"{field}.restartPolicy", "must specify restartPolicy when restart rules are used")
    elif policy not in ("Always", "Never", "OnFailure"):
        errors.not_supported(f"{field}.restartPolicy", policy, ("Always", "Never", "OnFailure"))
    if len(rules) > 20:
        errors.too_many(f"{field}.restartPolicyRules", len(rules), 20)
    for number, rule in enumerate(rules):
        _check_restart_rule(errors, rule, f"{field}.restartPolicyRules[{number}]")


def _check_restart_rule(errors: Errors, rule: ContainerRestartRule, field: str) -> None:
    actions = ("Restart", "RestartAllContainers") if errors.rules.restart_all_containers else ("Restart",)
    if rule.action not in actions:
        errors.not_supported(f"{field}.action", rule.action or "", actions)
    codes = rule.exit_codes
    if codes is None:
        errors.required(f"{field}.exitCodes", "must be specified")
        return
    if codes.operator not in ("In", "NotIn"):
        errors.not_supported(f"{field}.exitCodes.operator", codes.operator or "", ("In", "NotIn"))
    if len(codes.values) > 255:
        errors.too_many(f"{field}.exitCodes.values", len(codes.values), 255)


# -- mounts and devices ------------------------------------------------------------------------------------------------
def check_mounts(
    errors: Errors, container: Container | EphemeralContainer, field: str, volumes: Mapping[str, Volume]
) -> None:
    """Where the volumes are in the container: each path once, no volume that the pod has not.

    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> mount = VolumeMount(name="data", mount_path="/data")
    >>> check_mounts(errors, Container(volume_mounts=(mount,)), "spec.containers[0].volumeMounts", {})
    >>> print(errors[0])
    spec.containers[0].volumeMounts[0].name: Not found: "data"
    """
    devices = {device.name: device.device_path for device in container.volume_devices}
    paths: set[str | None] = set()
    for number, mount in enumerate(container.volume_mounts):
        place, name, path = f"{field}[{number}]", mount.name or "", mount.mount_path or ""
        errors.needed(f"{place}.name", name)
        if name not in volumes:
            errors.not_found(f"{place}.name", name)
        errors.needed(f"{place}.mountPath", path)
        if path in paths:
            errors.invalid(f"{place}.mountPath", path, "must be unique")
        paths.add(path)
        if name in devices:
            errors.invalid(f"{place}.name", name, "must not already exist in volumeDevices")
        if path in devices.values():
            errors.invalid(f"{place}.mountPath", path, "must not already exist as a path in volumeDevices")
        _check_mount_options(errors, mount, field, place, container.security_context)


def _check_mount_options(
    errors: Errors, mount: VolumeMount, field: str, place: str, context: SecurityContext | None
) -> None:
    """What part of the volume is mounted, and how. Upstream names the list where one of its mounts is wrong."""
    if mount.sub_path:
        check_relative_path(errors, mount.sub_path, f"{field}.subPath")
    if mount.sub_path_expr:
        if mount.sub_path:
            text = "subPathExpr and subPath are mutually exclusive"
            errors.invalid(f"{place}.subPathExpr", mount.sub_path_expr, text)
        check_relative_path(errors, mount.sub_path_expr, f"{field}.subPathExpr")
    propagation = mount.mount_propagation
    if propagation is not None:
        known = ("Bidirectional", "HostToContainer", "None")
        if propagation not in known:
            errors.not_supported(f"{field}.mountPropagation", propagation, known)
        if propagation == "Bidirectional" and not (context is not None and context.privileged):
            text = "Bidirectional mount propagation is available only to privileged containers"
            errors.forbidden(f"{field}.mountPropagation", text)
    if mount.recursive_read_only is not None:
        _check_recursive_read_only(errors, mount, f"{field}.recursiveReadOnly")


def _check_recursive_read_only(errors: Errors, mount: VolumeMount, field: str) -> None:
    known = ("Disabled", "Enabled", "IfPossible")
    if mount.recursive_read_only not in known:
        errors.not_supported(field, mount.recursive_read_only or "", known)
    elif mount.recursive_read_only != "Disabled":
        if not mount.read_only:
            errors.forbidden(field, "may only be specified when readOnly is true")
        if mount.mount_propagation not in (None, "None"):
            errors.forbidden(field, "may only be specified when mountPropagation is None or not specified")


def check_devices(
    errors: Errors, container: Container | EphemeralContainer, field: str, volumes: Mapping[str, Volume]
) -> None:
    """Where the raw volumes are in the container: claims only, each name and each path once."""
    mounts = {mount.name: mount.mount_path for mount in container.volume_mounts}
    names: set[str] = set()
    paths: set[str] = set()
    for number, device in enumerate(container.volume_devices):
        place, name, path = f"{field}[{number}]", device.name or "", device.device_path or ""
        errors.needed(f"{place}.name", name)
        if name in names:
            errors.invalid(f"{place}.name", name, "must be unique")
        _check_device_volume(errors, device, f"{place}.name", volumes)
        errors.needed(f"{place}.devicePath", path)
        if path in paths:
            errors.invalid(f"{place}.devicePath", path, "must be unique")
        if ".." in path.split("/"):
            errors.invalid(f"{place}.devicePath", path, "can not contain backsteps ('..')")
        else:
            paths.add(path)
        if name in mounts:
            errors.invalid(f"{place}.name", name, "must not already exist in volumeMounts")
        if path in mounts.values():
            errors.invalid(f"{place}.devicePath", path, "must not already exist as a path in volumeMounts")
        if name:
            names.add(name)


def _check_device_volume(errors: Errors, device: VolumeDevice, field: str, volumes: Mapping[str, Volume]) -> None:
    volume = volumes.get(device.name or "")
    if volume is None:
        errors.not_found(field, device.name or "")
        return
    ephemeral = errors.rules.block_ephemeral_volumes
    if volume.persistent_volume_claim is None and not (ephemeral and volume.ephemeral is not None):
        types = "PersistentVolumeClaim or Ephemeral" if ephemeral else "PersistentVolumeClaim"
        errors.invalid(field, device.name, f"can only use volume source type of {types} for block mode")
