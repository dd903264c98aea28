"""Validation of what containers and pods ask for: names of resources, amounts, requests within limits.

Modelled: containers, pods as a whole (pod-level resources), huge pages, extended resources.
Not modelled: claims of dynamic resource allocation, resize policies.
Source: kube-apiserver, pkg/apis/core/validation/validation.go (validateResourceRequirements, validatePodResources),
pkg/apis/core/helper/helpers.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from volsim.apiserver.validation.fields import Errors, label_key
from volsim.objects import Container, PodSpec, ResourceRequirements
from volsim.quantity import Quantity

__all__ = ["check_amounts", "check_container_resources", "check_pod_resources", "is_native", "resource_name"]

_HUGE_PAGES = "hugepages-"
_COMPUTE = ("cpu", "memory")
_OF_CONTAINERS = frozenset({*_COMPUTE, "ephemeral-storage"})
_COUNTED = frozenset(
    {
        "configmaps",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
        "services.loadbalancers",
        "services.nodeports",
    }
)
_STANDARD = frozenset(
    {
        *_COUNTED,
        *(f"{part}{name}" for part in ("", "requests.", "limits.") for name in _OF_CONTAINERS),
        "storage",
        "requests.storage",
    }
)


def is_native(name: str) -> bool:
    """Whether a resource is Kubernetes' own, as opposed to an extended one.

    >>> is_native("cpu"), is_native("example.com/gpu")
    (True, False)
    """
    return "/" not in name or "kubernetes.io/" in name


@lru_cache(1024)
def resource_name(name: str) -> Sequence[str]:
    """A resource: a standard one, or one with a domain."""
    problems = label_key(name)
    if not problems and "/" not in name and not _is_standard(name):
        return ("must be a standard resource type or fully qualified",)
    return problems


def _is_standard(name: str) -> bool:
    return name in _STANDARD or name.startswith((_HUGE_PAGES, f"requests.{_HUGE_PAGES}"))


_NameCheck = Callable[[Errors, str, str], None]
"""A rule for the name of a resource: the errors, the name, and the field in which it stands."""


def _check_container_name(errors: Errors, name: str, field: str) -> None:
    if name in _OF_CONTAINERS:
        return
    errors.check(field, name, resource_name)
    if "/" not in name:
        if not name.startswith(_HUGE_PAGES):
            errors.invalid(field, name, "must be a standard resource for containers")
    elif not is_native(name) and not _is_extended(name):
        errors.invalid(field, name, "doesn't follow extended resource name standard")


def _check_pod_name(errors: Errors, name: str, field: str) -> None:
    if errors.check(field, name, resource_name) and name not in _COMPUTE and not name.startswith(_HUGE_PAGES):
        errors.not_supported(field, name, ("cpu", _HUGE_PAGES, "memory"))


def _is_extended(name: str) -> bool:
    """Whether the name is one of somebody else's resources, which a quota can count under `requests.`."""
    return not is_native(name) and not name.startswith("requests.") and not label_key(f"requests.{name}")


def check_amounts(errors: Errors, amounts: Mapping[str, Quantity], field: str) -> None:
    """Amounts by resource, whatever their names: nothing below zero, no halves of what can only be counted."""
    for name, amount in amounts.items():
        _check_amount(errors, name, amount, f"{field}.{name}")


def _check_amount(errors: Errors, name: str, amount: Quantity, field: str) -> None:
    if amount.nano < 0:
        errors.not_negative(field, amount)
    if name not in _OF_CONTAINERS and amount.milli % 1000 and (name in _COUNTED or _is_extended(name)):
        errors.invalid(field, amount, "must be an integer")


def check_container_resources(errors: Errors, resources: ResourceRequirements, field: str) -> None:
    """Requests and limits of a container.

    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> much = ResourceRequirements(requests={"cpu": Quantity("2")}, limits={"cpu": Quantity("1")})
    >>> check_container_resources(errors, much, "spec.containers[0].resources")
    >>> print(errors[0])
    spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1
    """
    if resources.limits or resources.requests:
        _check_resources(errors, resources, field, _check_container_name)


def _check_resources(errors: Errors, resources: ResourceRequirements, field: str, check_name: _NameCheck) -> None:
    limits, requests = resources.limits, resources.requests
    for name, amount in limits.items():
        place = f"{field}.limits[{name}]"
        check_name(errors, name, place)
        _check_amount(errors, name, amount, place)
        _check_huge_pages(errors, name, amount, place)
    for name, amount in requests.items():
        place = f"{field}.requests[{name}]"
        check_name(errors, name, place)
        _check_amount(errors, name, amount, place)
        _check_within(errors, name, amount, limits.get(name), field)
        _check_huge_pages(errors, name, amount, place)
    if any(name.startswith(_HUGE_PAGES) for name in (*limits, *requests)):
        if not any(name in limits or name in requests for name in _COMPUTE):
            errors.forbidden(field, "HugePages require cpu or memory")


def _check_within(errors: Errors, name: str, amount: Quantity, limit: Quantity | None, field: str) -> None:
    """A request within its limit; exactly the limit, where no more can be promised than is there."""
    overcommit = is_native(name) and not name.startswith(_HUGE_PAGES)
    if limit is None:
        if not overcommit:
            errors.required(f"{field}.limits", "Limit must be set for non overcommitable resources")
        return
    if amount == limit or (overcommit and amount < limit):
        return
    rule = "less than or equal" if overcommit else "equal"
    bound = f"{name} limit of {limit}" if errors.rules.limit_named_in_error else f"{name} limit"
    errors.invalid(f"{field}.requests", amount, f"must be {rule} to {bound}")


def _check_huge_pages(errors: Errors, name: str, amount: Quantity, field: str) -> None:
    if name.startswith(_HUGE_PAGES) and errors.rules.huge_pages_divisible:
        size = _page_bytes(name)
        if size <= 0 or int(amount) % size:
            errors.invalid(field, amount, f"{amount} is not positive integer multiple of {name}")


def _page_bytes(name: str) -> int:
    """The size of a page that stands in the resource's name; 0 if none does."""
    try:
        size = Quantity(name.removeprefix(_HUGE_PAGES))
    except ValueError:
        return 0
    return 0 if size.milli % 1000 else int(size)


# -- pods as a whole ---------------------------------------------------------------------------------------------------
def check_pod_resources(errors: Errors, spec: PodSpec, field: str) -> None:
    """Requests and limits of a pod: its containers fit into them."""
    resources = spec.resources
    if resources is None:
        return
    if spec.os is not None and spec.os.name == "windows":
        errors.forbidden(field, "may not be set for a windows pod")
        return
    _check_resources(errors, resources, field, _check_pod_name)
    for name, total in _added_up(spec, "requests").items():
        given = resources.requests.get(name)
        if given is not None and total > given:
            text = f"must be greater than or equal to aggregate container requests of {total}"
            errors.invalid(f"{field}.requests[{name}]", given, text)
    for name, total in _added_up(spec, "limits").items():
        given = resources.limits.get(name)
        if given is not None and total > given and name.startswith(_HUGE_PAGES):
            text = f"must be greater than or equal to aggregate container limits of {total}"
            errors.invalid(f"{field}.limits[{name}]", given, text)
    for number, container in enumerate(spec.containers):
        _check_container_limits(errors, container, resources, f"{field}.containers[{number}]")


def _check_container_limits(errors: Errors, container: Container, pod: ResourceRequirements, field: str) -> None:
    for name, limit in container.resources.limits.items():
        most = pod.limits.get(name)
        if most is not None and limit > most:
            errors.invalid(f"{field}[{name}].limits", limit, f"must be less than or equal to pod limits of {most}")


def _added_up(spec: PodSpec, part: str) -> dict[str, Quantity]:
    """Requests or limits of all app containers and sidecars together, or of the greediest moment before they run."""
    total: dict[str, Quantity] = {}
    for container in spec.containers:
        total = _plus(total, getattr(container.resources, part))
    sidecars: dict[str, Quantity] = {}
    peak: dict[str, Quantity] = {}
    for container in spec.init_containers:
        now = _plus(sidecars, getattr(container.resources, part))
        if container.restart_policy == "Always":
            total = _plus(total, getattr(container.resources, part))
            sidecars = now
        peak = _most(peak, now)
    return _most(total, peak)


def _plus(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> dict[str, Quantity]:
    return {**left, **{name: left[name] + amount if name in left else amount for name, amount in right.items()}}


def _most(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> dict[str, Quantity]:
    return {**left, **{name: max(left.get(name, amount), amount) for name, amount in right.items()}}
