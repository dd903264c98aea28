"""Containers: what they run, what they mount, how they are probed, and what the kubelet says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from volsim.objects._record import FrozenDict, Record, frozen_json, frozen_map, frozen_tuple, record
from volsim.objects.volumes import ObjectFieldSelector, ResourceFieldSelector
from volsim.quantity import Quantity

__all__ = [
    "Capabilities",
    "ConfigMapEnvSource",
    "ConfigMapKeySelector",
    "Container",
    "ContainerPort",
    "ContainerRestartRule",
    "ContainerRestartRuleOnExitCodes",
    "ContainerState",
    "ContainerStateRunning",
    "ContainerStateTerminated",
    "ContainerStateWaiting",
    "ContainerStatus",
    "EnvFromSource",
    "EnvVar",
    "EnvVarSource",
    "EphemeralContainer",
    "ExecAction",
    "FileKeySelector",
    "GRPCAction",
    "HTTPGetAction",
    "Lifecycle",
    "LifecycleHandler",
    "Probe",
    "ResourceRequirements",
    "SELinuxOptions",
    "SecretEnvSource",
    "SecretKeySelector",
    "SecurityContext",
    "SleepAction",
    "TCPSocketAction",
    "VolumeDevice",
    "VolumeMount",
    "VolumeMountStatus",
]


@record
class ConfigMapKeySelector(Record):
    """One key of a config map."""

    name: str | None = None
    key: str | None = None
    optional: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class SecretKeySelector(Record):
    """One key of a secret."""

    name: str | None = None
    key: str | None = None
    optional: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class FileKeySelector(Record):
    """One key of a file in a volume that holds variables."""

    key: str | None = None
    optional: bool | None = None
    path: str | None = None
    volume_name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class EnvVarSource(Record):
    """Where the value of a variable comes from."""

    config_map_key_ref: ConfigMapKeySelector | None = None
    field_ref: ObjectFieldSelector | None = None
    file_key_ref: FileKeySelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    secret_key_ref: SecretKeySelector | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class EnvVar(Record):
    """A variable of a container's environment."""

    name: str | None = None
    value: str | None = None
    value_from: EnvVarSource | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ConfigMapEnvSource(Record):
    """All keys of a config map as variables."""

    name: str | None = None
    optional: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class SecretEnvSource(Record):
    """All keys of a secret as variables."""

    name: str | None = None
    optional: bool | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class EnvFromSource(Record):
    """A whole config map or secret as variables."""

    config_map_ref: ConfigMapEnvSource | None = None
    prefix: str | None = None
    secret_ref: SecretEnvSource | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ExecAction(Record):
    """A command to run in the container."""

    command: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class HTTPGetAction(Record):
    """An HTTP request to the container."""

    host: str | None = None
    path: str | None = None
    port: int | str | None = None
    scheme: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class TCPSocketAction(Record):
    """A TCP connection to the container."""

    host: str | None = None
    port: int | str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class GRPCAction(Record):
    """A gRPC health request to the container."""

    port: int | None = None
    service: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class SleepAction(Record):
    """A pause in a lifecycle hook."""

    seconds: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Probe(Record):
    """How the kubelet asks whether a container lives, is ready or has started; periods are seconds."""

    exec: ExecAction | None = None
    failure_threshold: int | None = None
    grpc: GRPCAction | None = None
    http_get: HTTPGetAction | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    success_threshold: int | None = None
    tcp_socket: TCPSocketAction | None = None
    termination_grace_period_seconds: int | None = None
    timeout_seconds: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class LifecycleHandler(Record):
    """What a hook does."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    sleep: SleepAction | None = None
    tcp_socket: TCPSocketAction | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Lifecycle(Record):
    """Hooks after the start and before the stop of a container."""

    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ContainerPort(Record):
    """A port that a container listens on."""

    name: str | None = None
    container_port: int | None = None
    host_ip: str | None = None
    host_port: int | None = None
    protocol: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ResourceRequirements(Record):
    """What a container asks for, and may use at most."""

    limits: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    requests: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class SELinuxOptions(Record):
    """The SELinux label that a process or a mount gets."""

    type: str | None = None
    level: str | None = None
    role: str | None = None
    user: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Capabilities(Record):
    """Linux capabilities added and dropped."""

    add: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    drop: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class SecurityContext(Record):
    """As whom, and how privileged, a container runs."""

    allow_privilege_escalation: bool | None = None
    capabilities: Capabilities | None = None
    privileged: bool | None = None
    proc_mount: str | None = None
    read_only_root_filesystem: bool | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    se_linux_options: SELinuxOptions | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeMount(Record):
    """Where a volume appears in a container."""

    name: str | None = None
    mount_path: str | None = None
    mount_propagation: str | None = None
    read_only: bool | None = None
    recursive_read_only: str | None = None
    sub_path: str | None = None
    sub_path_expr: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeDevice(Record):
    """Where a raw block volume appears in a container."""

    name: str | None = None
    device_path: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ContainerRestartRuleOnExitCodes(Record):
    """Exit codes that a restart rule is about."""

    operator: str | None = None
    values: tuple[int, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ContainerRestartRule(Record):
    """What to do when a container exits in a given way."""

    action: str | None = None
    exit_codes: ContainerRestartRuleOnExitCodes | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class Container(Record):
    """One container of a pod (app and init containers alike)."""

    name: str | None = None
    args: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    command: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    env: tuple[EnvVar, ...] = attrs.field(default=(), converter=frozen_tuple)
    env_from: tuple[EnvFromSource, ...] = attrs.field(default=(), converter=frozen_tuple)
    image: str | None = None
    image_pull_policy: str | None = None
    lifecycle: Lifecycle | None = None
    liveness_probe: Probe | None = None
    ports: tuple[ContainerPort, ...] = attrs.field(default=(), converter=frozen_tuple)
    readiness_probe: Probe | None = None
    resources: ResourceRequirements = attrs.field(factory=ResourceRequirements)
    restart_policy: str | None = None
    restart_policy_rules: tuple[ContainerRestartRule, ...] = attrs.field(default=(), converter=frozen_tuple)
    security_context: SecurityContext | None = None
    startup_probe: Probe | None = None
    stdin: bool | None = None
    stdin_once: bool | None = None
    termination_message_path: str | None = None
    termination_message_policy: str | None = None
    tty: bool | None = None
    volume_devices: tuple[VolumeDevice, ...] = attrs.field(default=(), converter=frozen_tuple)
    volume_mounts: tuple[VolumeMount, ...] = attrs.field(default=(), converter=frozen_tuple)
    working_dir: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class EphemeralContainer(Record):
    """A container that was added to a running pod for debugging."""

    name: str | None = None
    args: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    command: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    env: tuple[EnvVar, ...] = attrs.field(default=(), converter=frozen_tuple)
    env_from: tuple[EnvFromSource, ...] = attrs.field(default=(), converter=frozen_tuple)
    image: str | None = None
    image_pull_policy: str | None = None
    lifecycle: Lifecycle | None = None
    liveness_probe: Probe | None = None
    ports: tuple[ContainerPort, ...] = attrs.field(default=(), converter=frozen_tuple)
    readiness_probe: Probe | None = None
    resources: ResourceRequirements = attrs.field(factory=ResourceRequirements)
    restart_policy: str | None = None
    restart_policy_rules: tuple[ContainerRestartRule, ...] = attrs.field(default=(), converter=frozen_tuple)
    security_context: SecurityContext | None = None
    startup_probe: Probe | None = None
    stdin: bool | None = None
    stdin_once: bool | None = None
    target_container_name: str | None = None
    termination_message_path: str | None = None
    termination_message_policy: str | None = None
    tty: bool | None = None
    volume_devices: tuple[VolumeDevice, ...] = attrs.field(default=(), converter=frozen_tuple)
    volume_mounts: tuple[VolumeMount, ...] = attrs.field(default=(), converter=frozen_tuple)
    working_dir: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ContainerStateRunning(Record):
    """The container runs since `started_at`."""

    started_at: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ContainerStateTerminated(Record):
    """The container's process ended: when, how and why."""

    container_id: str | None = None
    exit_code: int | None = None
    finished_at: int | None = None
    message: str | None = None
    reason: str | None = None
    signal: int | None = None
    started_at: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ContainerStateWaiting(Record):
    """The container does not run yet, or not again yet."""

    message: str | None = None
    reason: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ContainerState(Record):
    """What a container is doing: waiting, running or terminated."""

    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None
    waiting: ContainerStateWaiting | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class VolumeMountStatus(Record):
    """How a volume is mounted in a running container."""

    name: str | None = None
    mount_path: str | None = None
    read_only: bool | None = None
    recursive_read_only: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ContainerStatus(Record):
    """What the kubelet says of one container."""

    name: str | None = None
    allocated_resources: Mapping[str, Quantity] = attrs.field(factory=FrozenDict, converter=frozen_map)
    container_id: str | None = None
    image: str | None = None
    image_id: str | None = None
    last_state: ContainerState | None = None
    ready: bool | None = None
    resources: ResourceRequirements | None = None
    restart_count: int | None = None
    started: bool | None = None
    state: ContainerState | None = None
    stop_signal: str | None = None
    volume_mounts: tuple[VolumeMountStatus, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)
