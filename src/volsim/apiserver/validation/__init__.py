"""What the API server refuses: all field errors of an object at once, in Kubernetes' words and order.

Each module knows a group of kinds; here it is decided which of their functions are asked. The objects are admitted and
defaulted already. Fields that volsim only carries are never an error, and a kind that it only carries is asked for
its metadata alone. Where versions differ, the difference is a named rule (`volsim.rules`).
Source: kube-apiserver, pkg/registry/**/strategy.go (Validate, ValidateUpdate); apiserver, registry/rest/update.go.

>>> from volsim.objects import ObjectMeta, PersistentVolumeClaim
>>> claim = PersistentVolumeClaim(metadata=ObjectMeta(name="my_data", namespace="default"))
>>> for error in validate_create(claim, Rules()):
...     print(error.field, error.type)
metadata.name FieldValueInvalid
spec.accessModes FieldValueRequired
spec.resources[storage] FieldValueRequired
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volsim.apiserver.validation import core, persistent, pods, storage, workloads
from volsim.apiserver.validation.fields import Errors
from volsim.apiserver.validation.metadata import check_metadata, check_metadata_update
from volsim.errors import FieldError
from volsim.objects import (
    ConfigMap,
    ControllerRevision,
    CronJob,
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    DaemonSet,
    Deployment,
    Job,
    Namespace,
    Node,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    PodDisruptionBudget,
    PriorityClass,
    ReplicaSet,
    ReplicationController,
    Secret,
    Service,
    StatefulSet,
    StorageClass,
    VolumeAttachment,
    VolumeAttributesClass,
)
from volsim.rules import Rules

__all__ = ["validate_create", "validate_ephemeral_containers", "validate_status_update", "validate_update"]

_Check = Callable[[Errors, Any], None]
_UpdateCheck = Callable[[Errors, Any, Any], None]

_CREATE: dict[type, _Check] = {
    ConfigMap: core.check_config_map,
    ControllerRevision: workloads.check_revision,
    CronJob: workloads.check_cron_job,
    CSIDriver: storage.check_csi_driver,
    CSINode: storage.check_csi_node,
    CSIStorageCapacity: storage.check_storage_capacity,
    DaemonSet: workloads.check_daemon_set,
    Deployment: workloads.check_deployment,
    Job: workloads.check_job,
    Namespace: core.check_namespace,
    Node: core.check_node,
    PersistentVolume: persistent.check_volume,
    PersistentVolumeClaim: persistent.check_claim,
    Pod: pods.check_pod,
    PodDisruptionBudget: workloads.check_disruption_budget,
    PriorityClass: core.check_priority_class,
    ReplicaSet: workloads.check_replica_set,
    ReplicationController: workloads.check_replication_controller,
    Secret: core.check_secret,
    Service: core.check_service,
    StatefulSet: workloads.check_stateful_set,
    StorageClass: storage.check_storage_class,
    VolumeAttachment: storage.check_attachment,
    VolumeAttributesClass: storage.check_attributes_class,
}


def _as_new(check: _Check) -> _UpdateCheck:
    """The check of an update that is asked no more than a new object is."""

    def check_update(errors: Errors, new: Any, old: Any) -> None:
        if new.spec is not old.spec:
            check(errors, new)

    return check_update


_UPDATE: dict[type, _UpdateCheck] = {
    ConfigMap: core.check_config_map_update,
    ControllerRevision: workloads.check_revision_update,
    CronJob: workloads.check_cron_job_update,
    CSIDriver: storage.check_csi_driver_update,
    CSINode: storage.check_csi_node_update,
    CSIStorageCapacity: storage.check_storage_capacity_update,
    DaemonSet: workloads.check_daemon_set_update,
    Deployment: workloads.check_deployment_update,
    Job: workloads.check_job_update,
    Node: core.check_node_update,
    PersistentVolume: persistent.check_volume_update,
    PersistentVolumeClaim: persistent.check_claim_update,
    Pod: pods.check_pod_update,
    PodDisruptionBudget: _as_new(workloads.check_disruption_budget),
    PriorityClass: core.check_priority_class_update,
    ReplicaSet: workloads.check_replica_set_update,
    ReplicationController: _as_new(workloads.check_replication_controller),
    Secret: core.check_secret_update,
    Service: _as_new(core.check_service),
    StatefulSet: workloads.check_stateful_set_update,
    StorageClass: storage.check_storage_class_update,
    VolumeAttachment: storage.check_attachment_update,
    VolumeAttributesClass: storage.check_attributes_class_update,
}

_STATUS: dict[type, _UpdateCheck] = {
    Namespace: core.check_namespace_status,
    PersistentVolumeClaim: persistent.check_claim_status,
    Pod: pods.check_pod_status,
}


def validate_create(obj: Any, rules: Rules) -> list[FieldError]:
    """What is wrong with a new object; nothing, if it can be stored."""
    errors = Errors(rules)
    check_metadata(errors, obj)
    check = _CREATE.get(type(obj))
    if check is not None:
        check(errors, obj)
    return errors


def validate_update(new: Any, old: Any, rules: Rules) -> list[FieldError]:
    """What an update must not do. A spec that is still the old one is not looked at again.

    >>> from volsim.objects import ObjectMeta, StorageClass
    >>> old = StorageClass(metadata=ObjectMeta(name="fast"), provisioner="example.com/ssd", reclaim_policy="Delete")
    >>> print(*validate_update(old.replace(reclaim_policy="Retain"), old, Rules()))
    reclaimPolicy: Invalid value: "Retain": field is immutable
    """
    errors = Errors(rules)
    check_metadata_update(errors, new.metadata, old.metadata)
    check = _UPDATE.get(type(new))
    if check is not None:
        check(errors, new, old)
    return errors


def validate_ephemeral_containers(new: Pod, old: Pod, rules: Rules) -> list[FieldError]:
    """What must not be added to a running pod, or changed of what was."""
    errors = Errors(rules)
    pods.check_added_containers(errors, new, old)
    return errors


def validate_status_update(new: Any, old: Any, rules: Rules) -> list[FieldError]:
    """What an update of the status must not say."""
    errors = Errors(rules)
    check_metadata_update(errors, new.metadata, old.metadata)
    check = _STATUS.get(type(new))
    if check is not None:
        check(errors, new, old)
    return errors
