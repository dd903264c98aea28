"""Validation of what every object has: names, labels, annotations, finalizers, owners, selectors.

Source: apimachinery, pkg/api/validation/objectmeta.go, pkg/apis/meta/v1/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from volsim.apiserver.validation.fields import (
    Errors,
    dns_label_problem,
    dns_name_problem,
    label_value_problem,
    qualified_name_problem,
)

__all__ = ["check_labels", "check_metadata", "check_metadata_update", "check_selector"]

_LABEL_NAMES = frozenset({"Namespace", "Service"})
_FREE_NAMES = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
_ANNOTATIONS_MOST = 256 * 1024


def check_metadata(errors: Errors, obj: Any, *, namespaced: bool | None) -> None:
    """The metadata of a new object; `namespaced` None: nobody knows."""
    meta = obj.metadata
    if meta.generate_name:
        errors.problem("metadata.generateName", meta.generate_name, _generated_problem(obj, meta.generate_name))
    if not meta.name:
        errors.required("metadata.name", "name or generateName is required")
    elif obj.kind not in _FREE_NAMES:
        rule = dns_label_problem if obj.kind in _LABEL_NAMES else dns_name_problem
        errors.problem("metadata.name", meta.name, rule(meta.name))
    if namespaced is True:
        if not meta.namespace:
            errors.required("metadata.namespace")
        else:
            errors.problem("metadata.namespace", meta.namespace, dns_label_problem(meta.namespace))
    elif namespaced is False and meta.namespace:
        errors.forbidden("metadata.namespace", "not allowed on this type")
    check_labels(errors, meta.labels, "metadata.labels")
    check_annotations(errors, meta.annotations, "metadata.annotations")
    _owners(errors, meta.owner_references)
    for number, name in enumerate(meta.finalizers):
        errors.problem(f"metadata.finalizers[{number}]", name, qualified_name_problem(name))
        if "/" not in name and name not in ("orphan", "foregroundDeletion", "kubernetes"):
            errors.invalid(f"metadata.finalizers[{number}]", name, "name is neither a standard finalizer name nor is it fully qualified")


def _generated_problem(obj: Any, text: str) -> str | None:
    """A prefix may end in a dash: something will follow."""
    rule = dns_label_problem if obj.kind in _LABEL_NAMES else dns_name_problem
    return rule(text[:-1] + "a" if text.endswith("-") else text)


def check_labels(errors: Errors, labels: Any, field: str) -> None:
    """Keys are qualified names, values are label values."""
    for key, value in labels.items():
        errors.problem(field, key, qualified_name_problem(key))
        errors.problem(field, value, label_value_problem(value))


def check_annotations(errors: Errors, annotations: Any, field: str) -> None:
    """Keys are qualified names; together they have a limit."""
    for key in annotations:
        errors.problem(field, key, qualified_name_problem(key.lower()))
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_MOST:
        errors.too_long(field, _ANNOTATIONS_MOST)


def _owners(errors: Errors, owners: Any) -> None:
    controllers = [owner for owner in owners if owner.controller]
    for number, owner in enumerate(owners):
        field = f"metadata.ownerReferences[{number}]"
        for name in ("api_version", "kind", "name", "uid"):
            if not getattr(owner, name):
                camel = "apiVersion" if name == "api_version" else name
                errors.invalid(f"{field}.{camel}", "", "must not be empty")
    if len(controllers) > 1:
        errors.invalid(
            "metadata.ownerReferences",
            ", ".join(f"{each.kind}/{each.name}" for each in controllers),
            "Only one reference can have Controller set to true",
        )


def check_metadata_update(errors: Errors, new: Any, old: Any) -> None:
    """What of the metadata an update may not change."""
    for field, name in (("name", "name"), ("namespace", "namespace"), ("uid", "uid")):
        if getattr(new.metadata, name) != getattr(old.metadata, name):
            errors.invalid(f"metadata.{field}", getattr(new.metadata, name), "field is immutable")
    check_labels(errors, new.metadata.labels, "metadata.labels")
    check_annotations(errors, new.metadata.annotations, "metadata.annotations")
    if new.metadata.deletion_timestamp is not None:
        added = [name for name in new.metadata.finalizers if name not in old.metadata.finalizers]
        if added:
            errors.forbidden(
                "metadata.finalizers",
                f"no new finalizers can be added if the object is being deleted, found new finalizers {list(added)!r}",
            )


def check_selector(errors: Errors, selector: Any, field: str) -> None:
    """A label selector: operators and values fit together, keys and values are labels."""
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
                errors.forbidden(f"{place}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        else:
            errors.invalid(f"{place}.operator", each.operator or "", "not a valid selector operator")
        errors.problem(f"{place}.key", each.key or "", qualified_name_problem(each.key or ""))
