"""Validation of pods: what they run and where, what of them can change, and what may be said of them.

Modelled: the spec of pods and of templates, updates (of gated pods as well), status updates.
Not modelled: host aliases, DNS options, sysctls, seccomp, AppArmor and Windows options, claims of dynamic resource
allocation, resizing in place, addresses in the status.
Source: kube-apiserver, pkg/apis/core/validation/validation.go (ValidatePodSpec, ValidatePodCreate, ValidatePodUpdate,
ValidatePodEphemeralContainersUpdate, ValidatePodStatusUpdate, ValidatePodTemplateSpec).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from volsim.apiserver.validation.amounts import check_container_resources, check_pod_resources
from volsim.apiserver.validation.containers import (
    Surroundings,
    check_containers,
    check_ephemeral_containers,
    check_init_containers,
    check_user,
    check_whitespace,
)
from volsim.apiserver.validation.fields import Errors, between, difference, dns_label, dns_name, label_key, same
from volsim.apiserver.validation.metadata import check_annotations, check_identity, check_labels
from volsim.apiserver.validation.persistent import check_claim_template
from volsim.apiserver.validation.placement import (
    check_added_tolerations,
    check_affinity,
    check_node_affinity_change,
    check_spread,
    check_tolerations,
)
from volsim.apiserver.validation.volumes import check_volumes
from volsim.objects import (
    Affinity,
    Container,
    ContainerStatus,
    EphemeralContainer,
    Pod,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    ResourceRequirements,
)

__all__ = [
    "check_added_containers",
    "check_file_keys",
    "check_pod",
    "check_pod_spec",
    "check_pod_status",
    "check_pod_template",
    "check_pod_update",
]

_SECONDS_MOST = 2**31 - 1
_IDS_MOST = 2**31 - 1
_MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_is_integer = re.compile(r"-[0-9]+|0|[1-9][0-9]*").fullmatch


# -- create ------------------------------------------------------------------------------------------------------------
def check_pod(errors: Errors, pod: Pod) -> None:
    """A new pod: its annotations and its spec.

    >>> from volsim.objects import ObjectMeta
    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> spec = PodSpec(restart_policy="Always", dns_policy="Default", termination_grace_period_seconds=30)
    >>> check_pod(errors, Pod(metadata=ObjectMeta(name="web"), spec=spec))
    >>> print(*errors)
    spec.containers: Required value
    """
    spec = pod.spec
    _check_annotations(errors, pod.metadata.annotations, spec, "metadata.annotations")
    _check_whole_pod(errors, pod)
    if spec.ephemeral_containers:
        errors.forbidden("spec.ephemeralContainers", "cannot be set on create")
    if spec.node_name and spec.scheduling_gates:
        errors.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")


def _check_whole_pod(errors: Errors, pod: Pod, old: PodSpec | None = None) -> None:
    """The spec, and what is asked of pods but not of templates."""
    spec = pod.spec
    check_pod_spec(errors, spec, "spec", pod_name=pod.metadata.name, is_pod=True, old=old)
    if not spec.service_account_name:
        _refuse_tokens(errors, spec)
    for containers, field in ((spec.containers, "spec.containers"), (spec.init_containers, "spec.initContainers")):
        for number, container in enumerate(containers):
            check_whitespace(errors, container, f"{field}[{number}]")


def _refuse_tokens(errors: Errors, spec: PodSpec) -> None:
    """A pod that is nobody has no token."""
    for number, volume in enumerate(spec.volumes):
        if volume.projected is None:
            continue
        for index, source in enumerate(volume.projected.sources):
            if source.service_account_token is not None:
                field = f"spec.volumes[{number}].projected.sources[{index}].serviceAccountToken"
                errors.forbidden(field, "must not be specified when serviceAccountName is not set")


def _check_annotations(errors: Errors, annotations: Mapping[str, str], spec: PodSpec, field: str) -> None:
    """Annotations that mean something to Kubernetes."""
    if not annotations:
        return
    if _MIRROR in annotations and not spec.node_name:
        text = "must set spec.nodeName if mirror pod annotation is set"
        errors.invalid(f"{field}[{_MIRROR}]", annotations[_MIRROR], text)
    cost = annotations.get(_DELETION_COST)
    if cost is not None and errors.rules.pod_deletion_cost:
        if not _is_integer(cost) or not -(2**31) <= int(cost) < 2**31:
            errors.invalid(f"{field}[{_DELETION_COST}]", cost, "must be a 32bit integer")


def check_pod_template(errors: Errors, template: PodTemplateSpec, field: str) -> None:
    """The pod that a workload makes copies of."""
    check_labels(errors, template.metadata.labels, f"{field}.labels")
    check_annotations(errors, template.metadata.annotations, f"{field}.annotations")
    _check_annotations(errors, template.metadata.annotations, template.spec, f"{field}.annotations")
    check_pod_spec(errors, template.spec, f"{field}.spec", pod_name=None, is_pod=False)
    if template.spec.ephemeral_containers:
        errors.forbidden(f"{field}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")


# -- the spec ----------------------------------------------------------------------------------------------------------
def check_pod_spec(
    errors: Errors, spec: PodSpec, field: str, *, pod_name: str | None, is_pod: bool, old: PodSpec | None = None
) -> None:
    """What a pod, or the pods of a template, would run; what is wrong in the old spec as well is let pass."""
    rules = errors.rules
    if spec.termination_grace_period_seconds is None and rules.grace_period_needed:
        errors.required(f"{field}.terminationGracePeriodSeconds")
    volumes = check_volumes(
        errors,
        spec.volumes,
        f"{field}.volumes",
        check_claim_template=check_claim_template,
        pod_name=pod_name,
        is_pod=is_pod,
    )
    pod = Surroundings(volumes, spec.termination_grace_period_seconds, spec.host_users is not False)
    check_containers(errors, spec.containers, f"{field}.containers", pod)
    if spec.init_containers:
        check_init_containers(errors, spec, f"{field}.initContainers", pod)
    if spec.ephemeral_containers:
        check_ephemeral_containers(errors, spec, f"{field}.ephemeralContainers", pod)
    if rules.pod_level_resources:
        check_pod_resources(errors, spec, f"{field}.resources")
    if spec.host_network:
        _check_host_network(errors, spec.containers, f"{field}.containers", is_pod)
    _check_settings(errors, spec, field)
    _check_placement(errors, spec, field, old)
    _check_names(errors, spec, field)
    if spec.tolerations:
        numeric = old is not None and any(each.operator in ("Gt", "Lt") for each in old.tolerations)
        check_tolerations(errors, spec.tolerations, f"{field}.tolerations", numeric=numeric)
    _check_priority(errors, spec, field)
    if rules.env_files:
        check_file_keys(errors, spec, field)


_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")


def _check_settings(errors: Errors, spec: PodSpec, field: str) -> None:
    """What all containers of the pod share."""
    errors.one_of(f"{field}.restartPolicy", spec.restart_policy, ("Always", "OnFailure", "Never"))
    errors.one_of(f"{field}.dnsPolicy", spec.dns_policy, _DNS_POLICIES)
    if spec.dns_policy == "None" and not spec.carried.get("dnsConfig"):
        errors.required(f"{field}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None")
    if spec.node_selector:
        check_labels(errors, spec.node_selector, f"{field}.nodeSelector")
    if spec.security_context is not None:
        _check_security(errors, spec, spec.security_context, f"{field}.securityContext")


def _check_placement(errors: Errors, spec: PodSpec, field: str, old: PodSpec | None) -> None:
    """When and where the pod may run, and what it shares with its node."""
    if spec.affinity is not None:
        check_affinity(errors, spec.affinity, f"{field}.affinity", old.affinity if old is not None else None)
    _check_gates(errors, spec, field)
    if spec.topology_spread_constraints:
        check_spread(errors, spec.topology_spread_constraints, f"{field}.topologySpreadConstraints")
    if spec.host_users is False:
        _check_host_users(errors, spec, field)


def _check_host_network(errors: Errors, containers: Sequence[Container], field: str, is_pod: bool) -> None:
    """On the node's own network a port is the node's port."""
    to_come = errors.rules.host_network_in_templates and not is_pod
    for number, container in enumerate(containers):
        for index, port in enumerate(container.ports):
            place, mine, theirs = f"{field}[{number}].ports[{index}]", port.container_port or 0, port.host_port or 0
            if mine == theirs or (to_come and not theirs):
                continue
            if errors.rules.host_network_in_templates:
                errors.invalid(f"{place}.hostPort", theirs, "must match `containerPort` when `hostNetwork` is true")
            else:
                errors.invalid(f"{place}.containerPort", mine, "must match `hostPort` when `hostNetwork` is true")


_GROUP_CHANGES = ("Always", "OnRootMismatch")
_GROUP_POLICIES = ("Merge", "Strict")
_LABEL_CHANGES = ("MountOption", "Recursive")


def _check_security(errors: Errors, spec: PodSpec, context: PodSecurityContext, field: str) -> None:
    if context.fs_group is not None and not 0 <= context.fs_group <= _IDS_MOST:
        errors.invalid(f"{field}.fsGroup", context.fs_group, between(0, _IDS_MOST))
    check_user(errors, context, field)
    for number, group in enumerate(context.supplemental_groups):
        if not 0 <= group <= _IDS_MOST:
            errors.invalid(f"{field}.supplementalGroups[{number}]", group, between(0, _IDS_MOST))
    if spec.share_process_namespace and spec.host_pid:
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.invalid(f"{field}.shareProcessNamespace", spec.share_process_namespace, text)
    for value, name, known in (
        (context.fs_group_change_policy, "fsGroupChangePolicy", _GROUP_CHANGES),
        (context.supplemental_groups_policy, "supplementalGroupsPolicy", _GROUP_POLICIES),
        (context.se_linux_change_policy, "seLinuxChangePolicy", _LABEL_CHANGES),
    ):
        if value is not None and value not in known:
            errors.not_supported(f"{field}.{name}", value, known)


def _check_gates(errors: Errors, spec: PodSpec, field: str) -> None:
    for number, readiness in enumerate(spec.readiness_gates):
        errors.check(f"{field}.readinessGates[{number}].conditionType", readiness.condition_type or "", label_key)
    names: set[str | None] = set()
    for number, gate in enumerate(spec.scheduling_gates):
        errors.check(f"{field}.schedulingGates[{number}]", gate.name or "", label_key)
        if gate.name in names:
            errors.duplicate(f"{field}.schedulingGates[{number}]", gate.name or "")
        names.add(gate.name)


def _all_containers(spec: PodSpec, field: str) -> Iterator[tuple[str, Container | EphemeralContainer]]:
    """Each container with the field in which it stands."""
    for number, container in enumerate(spec.init_containers):
        yield f"{field}.initContainers[{number}]", container
    for number, container in enumerate(spec.containers):
        yield f"{field}.containers[{number}]", container
    for number, ephemeral in enumerate(spec.ephemeral_containers):
        yield f"{field}.ephemeralContainers[{number}]", ephemeral


def _check_host_users(errors: Errors, spec: PodSpec, field: str) -> None:
    """Users of its own go with no other share in the node, and no file's owner can be mapped on a raw device."""
    text = "when `hostUsers` is false"
    for shared, name in ((spec.host_network, "hostNetwork"), (spec.host_pid, "HostPID"), (spec.host_ipc, "HostIPC")):
        if shared:
            errors.forbidden(f"{field}.{name}", text)
    for place, container in _all_containers(spec, field):
        if container.volume_devices:
            errors.forbidden(f"{place}.volumeDevices", text)


def _check_names(errors: Errors, spec: PodSpec, field: str) -> None:
    """The names that stand in a spec, and its deadline."""
    if spec.hostname_override is not None:
        _check_hostname_override(errors, spec, spec.hostname_override, f"{field}.hostnameOverride")
    if spec.service_account_name:
        errors.check(f"{field}.serviceAccountName", spec.service_account_name, dns_name)
    if spec.node_name:
        errors.check(f"{field}.nodeName", spec.node_name, dns_name)
    deadline = spec.active_deadline_seconds
    if deadline is not None and not 1 <= deadline <= _SECONDS_MOST:
        errors.invalid(f"{field}.activeDeadlineSeconds", deadline, between(1, _SECONDS_MOST))
    if spec.hostname:
        errors.check(f"{field}.hostname", spec.hostname, dns_label)
    if spec.subdomain:
        errors.check(f"{field}.subdomain", spec.subdomain, dns_label)


def _check_hostname_override(errors: Errors, spec: PodSpec, name: str, field: str) -> None:
    if spec.set_hostname_as_fqdn:
        errors.forbidden(field, "may not be specified when setHostnameAsFQDN is true")
    if spec.host_network:
        errors.forbidden(field, "may not be specified when hostNetwork is true")
    if len(name) > 64:  # the kernel's bound
        errors.too_long(field, 64)
    errors.check(field, name, dns_name)


def _check_priority(errors: Errors, spec: PodSpec, field: str) -> None:
    """Priority, runtime class, overhead and operating system."""
    if spec.priority_class_name:
        errors.check(f"{field}.priorityClassName", spec.priority_class_name, dns_name)
    if spec.runtime_class_name is not None:
        errors.check(f"{field}.runtimeClassName", spec.runtime_class_name, dns_name)
    if spec.preemption_policy is not None:
        errors.one_of(f"{field}.preemptionPolicy", spec.preemption_policy, ("PreemptLowerPriority", "Never"))
    if spec.overhead:
        check_container_resources(errors, ResourceRequirements(limits=spec.overhead), f"{field}.overhead")
    if spec.os is None:
        return
    if not spec.os.name:
        errors.required(f"{field}.os.name")
    elif spec.os.name not in ("linux", "windows"):
        errors.not_supported(f"{field}.os", spec.os.name, ("linux", "windows"))


def check_file_keys(errors: Errors, spec: PodSpec, field: str) -> None:
    """Variables from a file: it lies in an emptyDir of the pod, where an init container has written it."""
    volumes = {volume.name: volume for volume in spec.volumes}
    for place, container in _all_containers(spec, field):
        for number, variable in enumerate(container.env):
            ref = variable.value_from.file_key_ref if variable.value_from is not None else None
            if ref is None:
                continue
            named = f"{place}.env[{number}].valueFrom.fileKeyRef.volumeName"
            if ref.volume_name not in volumes:
                errors.not_found(named, ref.volume_name or "")
            elif volumes[ref.volume_name].empty_dir is None:
                errors.invalid(named, ref.volume_name, "referenced volume must be of type emptyDir")


# -- update ------------------------------------------------------------------------------------------------------------
def check_pod_update(errors: Errors, new: Pod, old: Pod) -> None:
    """What may change of a pod: images, its deadline, more tolerations, fewer gates; hardly anything else."""
    if new.metadata is not old.metadata:
        _check_annotation_changes(errors, new, old)
    if new.spec is old.spec:
        return
    if errors.rules.pod_spec_checked_on_update:
        check_identity(errors, new)
        _check_whole_pod(errors, new, old.spec)
    if _containers_come_or_go(errors, new.spec, old.spec) or not _check_deadline(errors, new.spec, old.spec):
        return
    check_added_tolerations(errors, new.spec, old.spec, "spec.tolerations")
    before = {gate.name for gate in old.spec.scheduling_gates}
    for number, gate in enumerate(new.spec.scheduling_gates):
        if gate.name not in before:
            text = f"only deletion is allowed, but found new scheduling gate '{gate.name}'"
            errors.forbidden(f"spec.schedulingGates[{number}].name", text)
    spec = _without_allowed_changes(errors, new.spec, old.spec)
    if not same(spec, old.spec):
        errors.forbidden("spec", f"{_only_these(errors)}\n{difference(old.spec, spec)}")


def check_added_containers(errors: Errors, new: Pod, old: Pod) -> None:
    """What somebody adds to a running pod, to look into it: never to be changed or taken away again.

    Source: pkg/apis/core/validation/validation.go, ValidatePodEphemeralContainersUpdate.
    """
    if _MIRROR in old.metadata.annotations:
        errors.forbidden("", "static pods do not support ephemeral containers")
        return
    _check_whole_pod(errors, new, old.spec)
    field = "spec.ephemeralContainers"
    found = {each.name: each for each in new.spec.ephemeral_containers}
    for each in old.spec.ephemeral_containers:
        now = found.get(each.name)
        if now is None:
            errors.forbidden(field, f'existing ephemeral containers "{each.name}" may not be removed\n')
        elif not same(now, each):
            text = f'existing ephemeral containers "{each.name}" may not be changed\n{difference(each, now)}'
            errors.forbidden(field, text)


def _check_annotation_changes(errors: Errors, new: Pod, old: Pod) -> None:
    """A mirror pod is one from its first to its last day."""
    now, before = (each.metadata.annotations.get(_MIRROR) for each in (new, old))
    if now != before:
        done = "add" if before is None else "remove or update"
        errors.forbidden(f"metadata.annotations[{_MIRROR}]", f"may not {done} mirror pod annotation")
    _check_annotations(errors, new.metadata.annotations, new.spec, "metadata.annotations")


def _containers_come_or_go(errors: Errors, new: PodSpec, old: PodSpec) -> bool:
    """Whether the containers are other ones, which is an error; their images must be there."""
    for now, before, field in (
        (new.containers, old.containers, "spec.containers"),
        (new.init_containers, old.init_containers, "spec.initContainers"),
    ):
        if len(now) != len(before):
            errors.forbidden(field, "pod updates may not add or remove containers")
            return True
        for number, container in enumerate(now):
            errors.needed(f"{field}[{number}].image", container.image)
            check_whitespace(errors, container, f"{field}[{number}]")
    return False


def _check_deadline(errors: Errors, new: PodSpec, old: PodSpec) -> bool:
    """A deadline is set once and then only drawn nearer: whether that is so."""
    field, now, before = "spec.activeDeadlineSeconds", new.active_deadline_seconds, old.active_deadline_seconds
    if now is None:
        if before is not None:
            errors.invalid(field, None, "must not update from a positive integer to nil value")
        return True
    if not 0 <= now <= _SECONDS_MOST:
        errors.invalid(field, now, between(0, _SECONDS_MOST))
        return False
    if before is not None and before < now:
        errors.invalid(field, now, "must be less than or equal to previous value")
        return False
    return True


def _with_images(now: Sequence[Container], before: Sequence[Container]) -> tuple[Container, ...]:
    return tuple(each.replace(image=was.image) for each, was in zip(now, before, strict=True))


def _without_allowed_changes(errors: Errors, new: PodSpec, old: PodSpec) -> PodSpec:
    """The new spec with the old values where a change is allowed."""
    spec = new.replace(
        containers=_with_images(new.containers, old.containers),
        init_containers=_with_images(new.init_containers, old.init_containers),
        active_deadline_seconds=old.active_deadline_seconds,
        scheduling_gates=old.scheduling_gates,
        tolerations=old.tolerations,
    )
    if errors.rules.negative_grace_period_mendable and new.termination_grace_period_seconds == 1:
        if (old.termination_grace_period_seconds or 0) < 0:
            spec = spec.replace(termination_grace_period_seconds=old.termination_grace_period_seconds)
    return _without_narrowing(errors, spec, old) if old.scheduling_gates else spec


def _without_narrowing(errors: Errors, new: PodSpec, old: PodSpec) -> PodSpec:
    """A pod that waits at a gate can still be narrowed to fewer nodes."""
    if any(new.node_selector.get(key) != value for key, value in old.node_selector.items()):
        text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        errors.invalid("spec.nodeSelector", new.node_selector, text)
    new = new.replace(node_selector=old.node_selector)
    now, before = (spec.affinity.node_affinity if spec.affinity is not None else None for spec in (new, old))
    if same(now, before):
        return new
    check_node_affinity_change(errors, new.affinity, old.affinity, "spec.affinity")
    affinity = (new.affinity or Affinity()).replace(node_affinity=before)
    return new.replace(affinity=None if old.affinity is None and affinity == Affinity() else affinity)


_UPDATABLE = (
    "`spec.containers[*].image`",
    "`spec.initContainers[*].image`",
    "`spec.activeDeadlineSeconds`",
    "`spec.tolerations` (only additions to existing tolerations)",
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
)


def _only_these(errors: Errors) -> str:
    """What may change, in the words of the version."""
    if errors.rules.pod_update_lists_fields:
        listed = ",".join(_UPDATABLE)
    else:
        *first, last = _UPDATABLE if errors.rules.negative_grace_period_mendable else _UPDATABLE[:-1]
        listed = f"{', '.join(first)} or {last}"
    return f"pod updates may not change fields other than {listed}"


# -- status ------------------------------------------------------------------------------------------------------------
_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")


def check_pod_status(errors: Errors, new: Pod, old: Pod) -> None:
    """What is said of a pod: no container comes back from the end, if the pod is not to be restarted."""
    rules, status, was = errors.rules, new.status, old.status
    for number, condition in enumerate(status.conditions):
        if condition.type not in _SYSTEM_CONDITIONS:
            errors.check(f"status.conditions[{number}].Type", condition.type or "", label_key)
    nominated = status.nominated_node_name
    if nominated and nominated != was.nominated_node_name:
        errors.check("status.nominatedNodeName", nominated, dns_name)
        if old.spec.node_name and rules.nominated_node_cleared_when_bound:
            text = "may not be set on pods that are already bound to a node"
            errors.forbidden("status.nominatedNodeName", text)
    if rules.pod_quality_immutable:
        errors.immutable("status.qosClass", status.qos_class, was.qos_class)
    _check_ends(errors, status.container_statuses, was.container_statuses, old.spec, old.spec.containers)
    statuses = (status.init_container_statuses, was.init_container_statuses)
    _check_ends(errors, *statuses, old.spec, old.spec.init_containers, "status.initContainerStatuses")


def _check_ends(
    errors: Errors,
    new: Sequence[ContainerStatus],
    old: Sequence[ContainerStatus],
    spec: PodSpec,
    containers: Sequence[Container],
    field: str = "status.containerStatuses",
) -> None:
    if errors.rules.restart_all_containers and _all_could_restart(spec):
        return
    by_name = {container.name: container for container in containers}
    for number, before in enumerate(old):
        end = before.state.terminated if before.state is not None else None
        if end is None or _may_restart(errors, by_name.get(before.name), spec, end.exit_code or 0):
            continue
        for now in new:
            if now.name == before.name and (now.state is None or now.state.terminated is None):
                errors.forbidden(f"{field}[{number}].state", "may not be transitioned to non-terminated state")


def _all_could_restart(spec: PodSpec) -> bool:
    """Whether some container's end restarts the whole pod."""
    containers = (*spec.init_containers, *spec.containers)
    return any(rule.action == "RestartAllContainers" for each in containers for rule in each.restart_policy_rules)


def _may_restart(errors: Errors, container: Container | None, spec: PodSpec, exit_code: int) -> bool:
    policy = spec.restart_policy
    if container is not None and errors.rules.container_restart_rules:
        for rule in container.restart_policy_rules:
            codes = rule.exit_codes
            if codes is not None and (exit_code in codes.values) == (codes.operator == "In"):
                return True
    if container is not None and container.restart_policy is not None:
        policy = container.restart_policy
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)
