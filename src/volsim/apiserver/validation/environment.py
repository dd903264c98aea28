"""Validation of a container's environment: variables, and where their values come from.

Source: kube-apiserver, pkg/apis/core/validation/validation.go (ValidateEnv, ValidateEnvFrom).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from volsim.apiserver.validation.configuration import check_field_ref, check_resource_field_ref
from volsim.apiserver.validation.fields import (
    Errors,
    TextRule,
    config_key,
    dns_label,
    dns_name,
    no_parent,
    prefix_of,
    with_pattern,
)
from volsim.apiserver.validation.paths import check_no_backsteps
from volsim.objects import (
    ConfigMapKeySelector,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    FileKeySelector,
    SecretKeySelector,
)
from volsim.rules import Rules

__all__ = ["check_environment", "check_environment_sources", "check_file_key"]

_STRICT_NAME = r"[-._a-zA-Z][-._a-zA-Z0-9]*"
_is_strict_name = re.compile(_STRICT_NAME).fullmatch
_is_relaxed_name = re.compile(r"[ -<>-~]*").fullmatch  # printable ASCII without the equals sign
_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_FIELDS_WITH_ONE_HOST_IP = tuple(field for field in _FIELDS if field != "status.hostIPs")


def _relaxed_name(text: str) -> Sequence[str]:
    problems = [] if text else ["environment variable name must be non-empty"]
    if not _is_relaxed_name(text):
        rule = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        problems.append(rule)
    return problems


def _strict_name(text: str) -> Sequence[str]:
    problems = []
    if not _is_strict_name(text):
        rule = (
            "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and "
            "must not start with a digit"
        )
        problems.append(with_pattern(rule, _STRICT_NAME, "my.env-name", "MY_ENV.NAME", "MyEnvName1"))
    return (*problems, *no_parent(text))


def _name_rule(rules: Rules) -> TextRule:
    return _relaxed_name if rules.relaxed_environment_variable_names else _strict_name


def check_environment(errors: Errors, variables: Sequence[EnvVar], field: str) -> None:
    """Variables one by one: a name, and a value or one source of it.

    >>> errors = Errors(Rules())
    >>> check_environment(errors, (EnvVar(name="A=B"), EnvVar(name="C", value_from=EnvVarSource())), "env")
    >>> [error.field for error in errors]
    ['env[0].name', 'env[1].valueFrom']
    """
    rule = _name_rule(errors.rules)
    for number, variable in enumerate(variables):
        errors.name(f"{field}[{number}].name", variable.name, rule)
        if variable.value_from is not None:
            _check_source(errors, variable.value_from, bool(variable.value), f"{field}[{number}].valueFrom")


def _check_source(errors: Errors, source: EnvVarSource, has_value: bool, field: str) -> None:
    given = 0
    if source.field_ref is not None:
        given += 1
        allowed = _FIELDS if errors.rules.host_ips_in_environment else _FIELDS_WITH_ONE_HOST_IP
        check_field_ref(errors, source.field_ref, f"{field}.fieldRef", allowed)
    if source.resource_field_ref is not None:
        given += 1
        check_resource_field_ref(errors, source.resource_field_ref, f"{field}.resourceFieldRef", in_volume=False)
    for ref, name in ((source.config_map_key_ref, "configMapKeyRef"), (source.secret_key_ref, "secretKeyRef")):
        if ref is not None:
            given += 1
            _check_key(errors, ref, f"{field}.{name}")
    if source.file_key_ref is not None:
        given += 1
        check_file_key(errors, source.file_key_ref, f"{field}.fileKeyRef")
    if not given:
        last = ", `secretKeyRef` or `fileKeyRef`" if errors.rules.env_files else " or `secretKeyRef`"
        errors.invalid(field, "", f"must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`{last}")
    elif has_value:
        errors.invalid(field, "", "may not be specified when `value` is not empty")
    elif given > 1:
        errors.invalid(field, "", "may not have more than one field specified at a time")


def _check_key(errors: Errors, ref: ConfigMapKeySelector | SecretKeySelector, field: str) -> None:
    errors.check(f"{field}.name", ref.name or "", dns_name)
    errors.name(f"{field}.key", ref.key, config_key)


def check_file_key(errors: Errors, ref: FileKeySelector, field: str) -> None:
    """A variable in a file of a volume."""
    errors.name(f"{field}.key", ref.key, _relaxed_name)
    errors.name(f"{field}.volumeName", ref.volume_name, dns_label)
    if errors.needed(f"{field}.path", ref.path):
        check_no_backsteps(errors, ref.path or "", f"{field}.path")


def check_environment_sources(errors: Errors, sources: Sequence[EnvFromSource], field: str) -> None:
    """Whole ConfigMaps and Secrets as variables. Where one of them is wrong, upstream names the list."""
    for number, source in enumerate(sources):
        if source.prefix:
            errors.check(f"{field}[{number}].prefix", source.prefix, _name_rule(errors.rules))
        for ref, name in ((source.config_map_ref, "configMapRef"), (source.secret_ref, "secretRef")):
            if ref is not None:
                errors.name(f"{field}[{number}].{name}.name", ref.name, prefix_of(dns_name))
        if source.config_map_ref is None and source.secret_ref is None:
            errors.invalid(field, "", "must specify one of: `configMapRef` or `secretRef`")
        elif source.config_map_ref is not None and source.secret_ref is not None:
            errors.invalid(field, "", "may not have more than one field specified at a time")
