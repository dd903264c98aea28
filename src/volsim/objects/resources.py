"""What a pod asks for, added up over its containers.

Source: component-helpers, resource/helpers.go (PodRequests); kube-scheduler, pkg/scheduler/util/pod_resources.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from volsim.objects.containers import Container
from volsim.objects.pods import PodSpec
from volsim.quantity import Quantity

__all__ = ["Amounts", "amount_of", "pod_requests", "scored_requests"]

Amounts = dict[str, int]
"""Resource name -> whole units; thousandths for cpu."""

# What scoring counts for a container that asks for nothing, so that not all such pods land on one node
DEFAULT_CPU_MILLI = 100
DEFAULT_MEMORY_BYTES = 200 * 1024 * 1024


def amount_of(resource: str, quantity: Quantity) -> int:
    """A quantity in the scheduler's units: thousandths for cpu, whole units for all else.

    >>> amount_of("cpu", Quantity("1500m")), amount_of("memory", Quantity("1Ki"))
    (1500, 1024)
    """
    return quantity.milli if resource == "cpu" else int(quantity)


def _requests(container: Container) -> Amounts:
    return {name: amount_of(name, quantity) for name, quantity in container.resources.requests.items()}


def _scored(container: Container) -> Amounts:
    return {"cpu": DEFAULT_CPU_MILLI, "memory": DEFAULT_MEMORY_BYTES, **_requests(container)}


def _plus(left: Amounts, right: Mapping[str, int]) -> Amounts:
    return {**left, **{name: left.get(name, 0) + amount for name, amount in right.items()}}


def _most(left: Amounts, right: Mapping[str, int]) -> Amounts:
    return {**left, **{name: max(left.get(name, 0), amount) for name, amount in right.items()}}


def _added_up(spec: PodSpec, ask: Callable[[Container], Amounts]) -> Amounts:
    """The app containers and sidecars together, or the greediest moment of initialisation, and the overhead."""
    total: Amounts = {}
    for container in spec.containers:
        total = _plus(total, ask(container))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.init_containers:
        if container.restart_policy == "Always":  # stays beside all that follow
            sidecars = _plus(sidecars, ask(container))
            peak = _most(peak, sidecars)
        else:
            peak = _most(peak, _plus(sidecars, ask(container)))
    total = _most(_plus(total, sidecars), peak)
    overhead = {name: amount_of(name, quantity) for name, quantity in spec.overhead.items()}
    return _plus(total, overhead)


def pod_requests(spec: PodSpec) -> Amounts:
    """What a pod asks of its node, by resource.

    >>> from volsim.objects import ResourceRequirements
    >>> half = ResourceRequirements(requests={"cpu": Quantity("500m")})
    >>> pod_requests(PodSpec(containers=(Container(name="a", resources=half), Container(name="b", resources=half))))
    {'cpu': 1000}
    """
    return _added_up(spec, _requests)


def scored_requests(spec: PodSpec) -> tuple[int, int]:
    """cpu in thousandths and memory in bytes as scoring counts them: a container that asks for nothing counts a little.

    >>> scored_requests(PodSpec(containers=(Container(name="a"),)))
    (100, 209715200)
    """
    total = _added_up(spec, _scored)
    return total.get("cpu", 0), total.get("memory", 0)
