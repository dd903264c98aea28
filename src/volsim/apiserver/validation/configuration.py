"""Validation of what configuration volumes and variables show: keys, the pod's fields, tokens, trust bundles.

Not modelled: pod certificates, which volsim only carries.
Source: kube-apiserver, pkg/apis/core/validation/validation.go (validateSecretVolumeSource,
validateConfigMapVolumeSource, validateDownwardAPIVolumeFile, validateProjectionSources, validateObjectFieldSelector).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from volsim.apiserver.validation.fields import Errors, TextRule, dns_label, dns_name, label_key
from volsim.apiserver.validation.metadata import check_selector
from volsim.apiserver.validation.paths import check_file, check_mode
from volsim.objects import (
    DownwardAPIVolumeFile,
    KeyToPath,
    ObjectFieldSelector,
    ResourceFieldSelector,
    VolumeProjection,
)


# -- keys and fields ---------------------------------------------------------------------------------------------------
def check_key_to_path(errors: Errors, item: KeyToPath, field: str) -> None:
    """One key of a ConfigMap or Secret, and the file it becomes."""
    errors.needed(f"{field}.key", item.key)
    errors.needed(f"{field}.path", item.path)
    check_file(errors, item.path or "", f"{field}.path")
    check_mode(errors, item.mode, f"{field}.mode")


def _check_items(errors: Errors, source: Any, field: str) -> None:
    check_mode(errors, source.default_mode, f"{field}.defaultMode")
    for number, item in enumerate(source.items):
        check_key_to_path(errors, item, f"{field}.items[{number}]")


def check_secret(errors: Errors, source: Any, field: str) -> None:
    """The keys of a Secret as files."""
    errors.needed(f"{field}.secretName", source.secret_name)
    _check_items(errors, source, field)


def check_config_map(errors: Errors, source: Any, field: str) -> None:
    """The keys of a ConfigMap as files."""
    errors.needed(f"{field}.name", source.name)
    _check_items(errors, source, field)


_FILE_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_SUBSCRIPT = re.compile(r"(.+?)\['(.*)'\]")
_READABLE = frozenset(
    {
        *_FILE_FIELDS,
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.serviceAccountName",
        "spec.schedulerName",
        "status.phase",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    }
)


def check_field_ref(errors: Errors, ref: ObjectFieldSelector, field: str, allowed: Sequence[str]) -> None:
    """A field of the pod that a variable or a file shows."""
    if not errors.needed(f"{field}.apiVersion", ref.api_version) or not errors.needed(
        f"{field}.fieldPath", ref.field_path
    ):
        return
    path = ref.field_path or ""
    subscripted = _SUBSCRIPT.fullmatch(path)
    problem = _unreadable(ref.api_version or "", path, subscripted)
    if problem:
        errors.invalid(f"{field}.fieldPath", path, f"error converting fieldPath: {problem}")
    elif subscripted is not None:
        key = subscripted[2].lower() if subscripted[1] == "metadata.annotations" else subscripted[2]
        errors.check(field, key, label_key)
    else:
        shown = "spec.nodeName" if path == "spec.host" else path
        if shown not in allowed:
            errors.not_supported(f"{field}.fieldPath", shown, allowed)


def _unreadable(version: str, path: str, subscripted: re.Match[str] | None) -> str:
    """Why the server does not know the field at all; an empty text if it does."""
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscripted is not None:
        known = subscripted[1] in ("metadata.annotations", "metadata.labels")
        return "" if known else f"field label does not support subscript: {path}"
    return "" if path in _READABLE or path == "spec.host" else f"field label not supported: {path}"


_RESOURCE_FIELDS = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_HUGE_PAGES = ("requests.hugepages-", "limits.hugepages-")
_BYTE_DIVISORS = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"
_DIVISORS = {
    "cpu": ("1m and 1", frozenset({"1m", "1"}), "cpu"),
    "memory": (_BYTE_DIVISORS, frozenset(_BYTE_DIVISORS.split(", ")), "memory"),
    "ephemeral-storage": (_BYTE_DIVISORS, frozenset(_BYTE_DIVISORS.split(", ")), "local ephemeral storage"),
    "hugepages": (_BYTE_DIVISORS, frozenset(_BYTE_DIVISORS.split(", ")), "hugepages"),
}


def check_resource_field_ref(errors: Errors, ref: ResourceFieldSelector, field: str, *, in_volume: bool) -> None:
    """A container's request or limit that a variable or a file shows."""
    resource = ref.resource or ""
    if in_volume and not ref.container_name:
        errors.required(f"{field}.containerName")
    elif not resource:
        errors.required(f"{field}.resource")
    elif resource not in _RESOURCE_FIELDS and not (
        errors.rules.huge_pages_in_downward_api and resource.startswith(_HUGE_PAGES)
    ):
        errors.not_supported(f"{field}.resource", resource, _RESOURCE_FIELDS)
    if ref.divisor is None or not ref.divisor:
        return
    name = "hugepages" if resource.startswith(_HUGE_PAGES) else resource.partition(".")[2]
    listed, divisors, called = _DIVISORS.get(name, ("", None, ""))
    if divisors is not None and str(ref.divisor) not in divisors:
        text = f"only divisor's values {listed} are supported with the {called} resource"
        errors.invalid(f"{field}.divisor", resource, text)


def _check_downward_file(errors: Errors, file: DownwardAPIVolumeFile, field: str) -> None:
    errors.needed(f"{field}.path", file.path)
    check_file(errors, file.path or "", f"{field}.path")
    if file.field_ref is not None:
        check_field_ref(errors, file.field_ref, f"{field}.fieldRef", _FILE_FIELDS)
        if file.resource_field_ref is not None:
            errors.invalid(field, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    elif file.resource_field_ref is not None:
        check_resource_field_ref(errors, file.resource_field_ref, f"{field}.resourceFieldRef", in_volume=True)
    else:
        errors.required(field, "one of fieldRef and resourceFieldRef is required")
    check_mode(errors, file.mode, f"{field}.mode")


def check_downward(errors: Errors, source: Any, field: str) -> None:
    """Facts about the pod as files."""
    check_mode(errors, source.default_mode, f"{field}.defaultMode")
    for file in source.items:
        _check_downward_file(errors, file, field)


# -- projected ---------------------------------------------------------------------------------------------------------
def check_projected(errors: Errors, source: Any, field: str) -> None:
    """Several sources in one directory: no two make the same file."""
    check_mode(errors, source.default_mode, f"{field}.defaultMode")
    files: set[str] = set()
    for number, part in enumerate(source.sources):
        place = f"{field}.sources[{number}]"
        _check_projected_keys(errors, part, field, place, files)
        _check_projected_downward(errors, part, field, place, files)
        _check_projected_token(errors, part, field, place)
        _check_projected_bundle(errors, part, field, place, files)
        if sum(getattr(part, each) is not None for each in _PROJECTIONS) > 1:
            per = " per source" if errors.rules.trust_bundle_path else ""
            errors.forbidden(place, f"may not specify more than 1 volume type{per}")


_PROJECTIONS = ("secret", "config_map", "downward_api", "service_account_token", "cluster_trust_bundle")


def _one_file(errors: Errors, files: set[str], path: str | None, field: str, shown: str | None) -> None:
    """No two parts of a projected volume may make the same file."""
    if not path:
        return
    if path in files:
        errors.invalid(field, shown or "", "conflicting duplicate paths")
    files.add(path)


def _check_projected_keys(errors: Errors, part: VolumeProjection, field: str, place: str, files: set[str]) -> None:
    for source, name in ((part.secret, "secret"), (part.config_map, "configMap")):
        if source is None:
            continue
        errors.needed(f"{place}.{name}.name", source.name)
        for number, item in enumerate(source.items):
            check_key_to_path(errors, item, f"{place}.{name}.items[{number}]")
            _one_file(errors, files, item.path, field, source.name)


def _check_projected_downward(errors: Errors, part: VolumeProjection, field: str, place: str, files: set[str]) -> None:
    if part.downward_api is not None:
        for file in part.downward_api.items:
            _check_downward_file(errors, file, f"{place}.downwardAPI")
            _one_file(errors, files, file.path, field, file.path)


def _check_projected_token(errors: Errors, part: VolumeProjection, field: str, place: str) -> None:
    token = part.service_account_token
    if token is None:
        return
    seconds = token.expiration_seconds or 0
    if seconds < 600:  # a token of less than ten minutes could not be renewed in time
        text = "may not specify a duration less than 10 minutes"
        errors.invalid(f"{place}.serviceAccountToken.expirationSeconds", seconds, text)
    if seconds > 1 << 32:
        text = "may not specify a duration larger than 2^32 seconds"
        errors.invalid(f"{place}.serviceAccountToken.expirationSeconds", seconds, text)
    if errors.needed(f"{field}.path", token.path) and errors.rules.projected_token_path_checked:
        check_file(errors, token.path or "", f"{field}.path")


def _check_projected_bundle(errors: Errors, part: VolumeProjection, field: str, place: str, files: set[str]) -> None:
    bundle = part.cluster_trust_bundle
    if bundle is None:
        return
    place += ".clusterTrustBundle" if errors.rules.trust_bundle_path else ".clusterTrustBundlePEM"
    if bundle.name is not None and bundle.signer_name is not None:
        errors.invalid(place, bundle, "only one of name and signerName may be used")
    elif bundle.name is not None:
        if not bundle.name:
            errors.required(f"{place}.name", "must be a valid object name")
        _check_bundle_name(errors, bundle.name, f"{place}.name")
        if bundle.label_selector is not None:
            text = "labelSelector must be unset if name is specified"
            errors.invalid(f"{place}.labelSelector", bundle.label_selector, text)
    elif bundle.signer_name is not None:
        if not bundle.signer_name:
            errors.required(f"{place}.signerName", "must be a valid signer name")
        check_signer_name(errors, bundle.signer_name, f"{place}.signerName")
        check_selector(errors, bundle.label_selector, f"{place}.labelSelector")
    else:
        errors.required(place, "either name or signerName must be specified")
    errors.needed(f"{place}.path", bundle.path)
    check_file(errors, bundle.path or "", f"{place}.path")
    _one_file(errors, files, bundle.path, field, bundle.path)


def _check_bundle_name(errors: Errors, name: str, field: str) -> None:
    """A signer's trust bundle is called `signer.domain:name:rest`, any other one as most objects are."""
    signer, colon, rest = name.rpartition(":")
    problems = dns_name(rest)
    if colon and not signer:
        problems = ('ClusterTrustBundle without signer name must not have ":" in its name',)
    errors.tell(field, name, [f"not a valid clustertrustbundlename: {each}" for each in problems])


def check_signer_name(errors: Errors, name: str, field: str) -> None:
    """The name of a certificates' signer: a domain of two labels at least, and a path."""
    if not errors.needed(field, name):
        return
    domain, slash, path = name.partition("/")
    if not slash or "/" in path:
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        errors.invalid(field, name, text)
        return
    _check_segments(errors, field, domain, dns_label)
    if "." not in domain:
        errors.invalid(field, domain, "should be a domain with at least two segments separated by dots")
    _check_segments(errors, field, path, dns_name)


def _check_segments(errors: Errors, field: str, text: str, rule: TextRule) -> None:
    """Each part between dots follows the rule; the first that does not is enough."""
    for part in text.split("."):
        problems = rule(part)
        if problems:
            errors.tell(field, text, [f'validating label "{part}": {each}' for each in problems])
            return
