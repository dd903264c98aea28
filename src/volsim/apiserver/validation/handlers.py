"""Validation of what the kubelet does to containers: probes, and the hooks of their life.

Not modelled: HTTP headers, stop signals.
Source: kube-apiserver, pkg/apis/core/validation/validation.go (validateProbe, validateLifecycle, validateHandler).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volsim.apiserver.validation.fields import Errors
from volsim.objects import ExecAction, GRPCAction, HTTPGetAction, Lifecycle, Probe, SleepAction, TCPSocketAction

__all__ = ["check_lifecycle", "check_probes"]

_SCHEMES = ("HTTP", "HTTPS")
_Check = Callable[[Errors, Any, str, int | None], None]


def check_probes(errors: Errors, container: Any, field: str, grace_seconds: int | None) -> None:
    """A container's probes. Only readiness has to be reached more than once, and nothing is killed for lack of it.

    >>> from volsim.objects import Container
    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> check_probes(errors, Container(liveness_probe=Probe(success_threshold=2)), "spec.containers[0]", 30)
    >>> print(*errors, sep=chr(10))
    spec.containers[0].livenessProbe: Required value: must specify a handler type
    spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1
    """
    for probe, name in (
        (container.liveness_probe, "livenessProbe"),
        (container.readiness_probe, "readinessProbe"),
        (container.startup_probe, "startupProbe"),
    ):
        if probe is None:
            continue
        place = f"{field}.{name}"
        _check_probe(errors, probe, place, grace_seconds)
        if name != "readinessProbe":
            if probe.success_threshold != 1:
                errors.invalid(f"{place}.successThreshold", probe.success_threshold or 0, "must be 1")
        elif probe.termination_grace_period_seconds is not None:
            grace = probe.termination_grace_period_seconds
            errors.invalid(f"{place}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")


def _check_probe(errors: Errors, probe: Probe, field: str, grace_seconds: int | None) -> None:
    _check_handler(errors, probe, field, grace_seconds)
    errors.not_negative(f"{field}.initialDelaySeconds", probe.initial_delay_seconds)
    errors.not_negative(f"{field}.timeoutSeconds", probe.timeout_seconds)
    errors.not_negative(f"{field}.periodSeconds", probe.period_seconds)
    errors.not_negative(f"{field}.successThreshold", probe.success_threshold)
    errors.not_negative(f"{field}.failureThreshold", probe.failure_threshold)
    grace = probe.termination_grace_period_seconds
    if grace is not None and grace <= 0:
        errors.invalid(f"{field}.terminationGracePeriodSeconds", grace, "must be greater than 0")


def check_lifecycle(errors: Errors, lifecycle: Lifecycle, field: str, grace_seconds: int | None) -> None:
    """What is done after a container has started and before it stops."""
    for hook, name in ((lifecycle.post_start, "postStart"), (lifecycle.pre_stop, "preStop")):
        if hook is not None:
            _check_handler(errors, hook, f"{field}.{name}", grace_seconds)


# -- handlers ----------------------------------------------------------------------------------------------------------
def _check_handler(errors: Errors, handler: Any, field: str, grace_seconds: int | None) -> None:
    """Exactly one thing to do."""
    found = False
    for attribute, name, check in _HANDLERS:
        given = getattr(handler, attribute, None)  # probes do not sleep, hooks know no gRPC
        if given is None:
            continue
        if found:
            errors.forbidden(f"{field}.{name}", "may not specify more than 1 handler type")
        else:
            check(errors, given, f"{field}.{name}", grace_seconds)
        found = True
    if not found:
        errors.required(field, "must specify a handler type")


def _check_exec(errors: Errors, action: ExecAction, field: str, grace_seconds: int | None) -> None:
    errors.needed(f"{field}.command", action.command)


def _check_http(errors: Errors, action: HTTPGetAction, field: str, grace_seconds: int | None) -> None:
    errors.needed(f"{field}.path", action.path)
    errors.port(f"{field}.port", action.port)
    if action.scheme not in _SCHEMES:
        errors.not_supported(f"{field}.scheme", action.scheme or "", _SCHEMES)


def _check_port(errors: Errors, action: TCPSocketAction | GRPCAction, field: str, grace_seconds: int | None) -> None:
    errors.port(f"{field}.port", action.port)


def _check_sleep(errors: Errors, action: SleepAction, field: str, grace_seconds: int | None) -> None:
    """Sleep no longer than the pod is given; a wrong grace period is told elsewhere."""
    seconds = action.seconds or 0
    if grace_seconds is None:
        return
    if errors.rules.sleep_action_zero:
        least, text = 0, f"must be non-negative and less than terminationGracePeriodSeconds ({grace_seconds})"
    else:
        least, text = 1, f"must be greater than 0 and less than terminationGracePeriodSeconds ({grace_seconds})"
    if not least <= seconds <= grace_seconds:
        errors.invalid(field, seconds, text)


_HANDLERS: tuple[tuple[str, str, _Check], ...] = (
    ("exec", "exec", _check_exec),
    ("http_get", "httpGet", _check_http),
    ("tcp_socket", "tcpSocket", _check_port),
    ("grpc", "grpc", _check_port),
    ("sleep", "sleep", _check_sleep),
)
