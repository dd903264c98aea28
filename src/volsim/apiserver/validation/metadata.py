"""Validation of what every object has: names, labels, annotations, finalizers, owners; and of label selectors.

Source: apimachinery, pkg/api/validation/objectmeta.go and pkg/apis/meta/v1/validation/validation.go; core validation,
ValidateObjectMeta, ValidateObjectMetaUpdate and ValidateTemplateObjectMeta.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volsim.apiserver.validation.fields import (
    Errors,
    TextRule,
    dns_label,
    dns_name,
    label_key,
    label_value,
    letter_label,
    prefix_of,
)
from volsim.objects import GenericObject, LabelSelector, ObjectMeta, OwnerReference
from volsim.rules import Rules

__all__ = [
    "check_annotations",
    "check_identity",
    "check_labels",
    "check_metadata",
    "check_metadata_update",
    "check_selector",
    "check_template_metadata",
    "selector_has_wrong_value",
]

_ANY_NAME = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})  # only a segment of a path
_ANNOTATIONS_MOST = 256 * 1024  # TotalAnnotationSizeLimitB: an object must fit into etcd
_STANDARD_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})


def name_rule(kind: str, rules: Rules) -> TextRule | None:
    """How objects of a kind are named; None: anyhow."""
    if kind == "Namespace" or (kind == "StatefulSet" and rules.stateful_set_names_are_labels):
        return dns_label
    if kind == "Service":
        return dns_label if rules.relaxed_service_names else letter_label
    return None if kind in _ANY_NAME else dns_name


# -- create ------------------------------------------------------------------------------------------------------------
def check_metadata(errors: Errors, obj: Any) -> None:
    """The metadata of an object.

    >>> from volsim.objects import PersistentVolume
    >>> errors = Errors(Rules())
    >>> check_metadata(errors, PersistentVolume())
    >>> print(errors[0])
    metadata.name: Required value: name or generateName is required
    """
    meta: ObjectMeta = obj.metadata
    check_identity(errors, obj)
    _check_attached(errors, meta)
    if meta.finalizers:
        for each in meta.finalizers:
            errors.check("metadata.finalizers", each, label_key)
        if "orphan" in meta.finalizers and "foregroundDeletion" in meta.finalizers:
            text = "finalizer orphan and foregroundDeletion cannot be both set"
            errors.invalid("metadata.finalizers", meta.finalizers, text)
        _check_finalizers(errors, meta)


def check_identity(errors: Errors, obj: Any) -> None:
    """What an object is called, and in which namespace it is."""
    meta: ObjectMeta = obj.metadata
    _check_name(errors, meta, name_rule(obj.kind, errors.rules))
    if isinstance(obj, GenericObject):
        return  # nobody knows whether its kind has a namespace
    if obj.NAMESPACED:
        errors.name("metadata.namespace", meta.namespace, dns_label)
    elif meta.namespace:
        errors.forbidden("metadata.namespace", "not allowed on this type")


def _check_name(errors: Errors, meta: ObjectMeta, rule: TextRule | None) -> None:
    prefix = meta.generate_name
    if prefix and rule is not None:
        errors.check("metadata.generateName", prefix, prefix_of(rule))
    if not meta.name:
        errors.required("metadata.name", "name or generateName is required")
    elif rule is not None:
        errors.check("metadata.name", meta.name, rule)


def _check_attached(errors: Errors, meta: ObjectMeta) -> None:
    """Labels, annotations and owners: what an update is asked as well."""
    if meta.labels:
        check_labels(errors, meta.labels, "metadata.labels")
    if meta.annotations:
        check_annotations(errors, meta.annotations, "metadata.annotations")
    if meta.owner_references:
        _check_owners(errors, meta.owner_references)


def _check_finalizers(errors: Errors, meta: ObjectMeta) -> None:
    """A finalizer without a domain is one of Kubernetes' own."""
    for number, name in enumerate(meta.finalizers):
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            errors.invalid(f"metadata.finalizers[{number}]", name, text)


def check_labels(errors: Errors, labels: Mapping[str, str], field: str) -> None:
    """Keys are qualified names, values are label values."""
    for key, value in labels.items():
        errors.check(field, key, label_key)
        errors.check(field, value, label_value)


def check_annotations(errors: Errors, annotations: Mapping[str, str], field: str) -> None:
    """Keys are qualified names, in any case; together they have a limit."""
    size = 0
    for key, value in annotations.items():
        problems = label_key(key.lower())
        if problems:
            errors.tell(field, key, problems)
        size += len(key) + len(value)
    if size > _ANNOTATIONS_MOST:
        errors.too_long(field, _ANNOTATIONS_MOST)


def _check_owners(errors: Errors, owners: tuple[OwnerReference, ...]) -> None:
    field, first = "metadata.ownerReferences", ""
    for owner in owners:
        if not (owner.api_version or "").rpartition("/")[2]:
            errors.invalid(f"{field}.apiVersion", owner.api_version or "", "version must not be empty")
        for name in ("kind", "name", "uid"):
            if not getattr(owner, name):
                errors.invalid(f"{field}.{name}", "", "must not be empty")
        if (owner.api_version, owner.kind) == ("v1", "Event"):
            errors.invalid(field, owner, "/v1, Kind=Event is disallowed from being an owner")
        if owner.controller:
            this = f"{owner.kind}/{owner.name}"
            if first:
                text = 'Only one reference can have Controller set to true. Found "true" in references for'
                errors.invalid(field, owners, f"{text} {first} and {this}")
            first = first or this


# -- update ------------------------------------------------------------------------------------------------------------
def check_metadata_update(errors: Errors, new: ObjectMeta, old: ObjectMeta) -> None:
    """What of the metadata an update may change, and how. Free of cost where the metadata is the old one."""
    if new is old:
        return
    if old.deletion_timestamp is not None:
        added = sorted(set(new.finalizers) - set(old.finalizers))
        if added:
            listed = ", ".join(f'"{each}"' for each in added)
            text = "no new finalizers can be added if the object is being deleted, found new finalizers"
            errors.forbidden("metadata.finalizers", f"{text} []string{{{listed}}}")
    if (new.generation or 0) < (old.generation or 0):
        errors.invalid("metadata.generation", new.generation or 0, "must not be decremented")
    errors.immutable("metadata.name", new.name, old.name)
    errors.immutable("metadata.namespace", new.namespace, old.namespace)
    errors.immutable("metadata.uid", new.uid, old.uid)
    for name, field in _TIMES_OF_LIFE:
        if getattr(new, name) != getattr(old, name):
            errors.invalid(f"metadata.{field}", getattr(new, name), "field is immutable")
    _check_attached(errors, new)
    _check_finalizers(errors, new)


_TIMES_OF_LIFE = (
    ("creation_timestamp", "creationTimestamp"),
    ("deletion_timestamp", "deletionTimestamp"),
    ("deletion_grace_period_seconds", "deletionGracePeriodSeconds"),
)


# -- templates and selectors -------------------------------------------------------------------------------------------
_REFUSED_IN_TEMPLATES = (  # attributes, and what upstream calls them
    ("name", "name"),
    ("generate_name", "generateName"),
    ("namespace", "namespace"),
    ("uid", "uID"),
    ("resource_version", "resourceVersion"),
    ("generation", "generation"),
    ("creation_timestamp", "creationTimestamp"),
    ("deletion_timestamp", "deletionTimestamp"),
    ("deletion_grace_period_seconds", "deletionGracePeriodSeconds"),
    ("owner_references", "ownerReferences"),
    ("finalizers", "finalizers"),
)


def check_template_metadata(errors: Errors, meta: ObjectMeta, field: str) -> None:
    """The metadata of a claim that is made for a pod: labels and annotations, nothing else."""
    check_annotations(errors, meta.annotations, f"{field}.annotations")
    check_labels(errors, meta.labels, f"{field}.labels")
    text = "cannot be set" if errors.rules.template_metadata_general else "cannot be set for an ephemeral volume"
    for attribute, name in _REFUSED_IN_TEMPLATES:
        if getattr(meta, attribute):
            errors.forbidden(f"{field}.{name}", text)
    for name in ("selfLink", "managedFields"):
        if meta.carried.get(name):
            errors.forbidden(f"{field}.{name}", text)


def check_selector(errors: Errors, selector: LabelSelector | None, field: str, *, any_value: bool = False) -> None:
    """A label selector: operators and values fit together, keys and values are labels.

    `any_value`: values need not be label values, because those of the old object are not.
    """
    if selector is None:
        return
    check_labels(errors, selector.match_labels, f"{field}.matchLabels")
    for number, each in enumerate(selector.match_expressions):
        place = f"{field}.matchExpressions[{number}]"
        if each.operator in ("In", "NotIn"):
            if not each.values:
                errors.required(f"{place}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif each.operator in ("Exists", "DoesNotExist"):
            if each.values:
                errors.forbidden(
                    f"{place}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                )
        else:
            errors.invalid(f"{place}.operator", each.operator or "", "not a valid selector operator")
        errors.check(f"{place}.key", each.key or "", label_key)
        if errors.rules.selector_values_checked and not any_value:
            for index, value in enumerate(each.values):
                errors.check(f"{place}.values[{index}]", value, label_value)


def selector_has_wrong_value(selector: LabelSelector | None) -> bool:
    """Whether a selector names a value that no label can have, as was possible before 1.26."""
    if selector is None:
        return False
    return any(label_value(value) for each in selector.match_expressions for value in each.values)
