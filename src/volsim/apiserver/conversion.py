"""Old API versions: what the API server makes of them.

Modelled: the workloads of extensions/v1beta1, apps/v1beta1 and apps/v1beta2, batch/v1beta1, policy/v1beta1 and
storage.k8s.io/v1beta1, with the defaults that these versions had and the later ones have not.
Source: pkg/apis/extensions/v1beta1/defaults.go and pkg/apis/apps/v1beta{1,2}/defaults.go (until 1.15/1.21);
https://kubernetes.io/docs/reference/using-api/deprecation-guide/

A version that the simulated Kubernetes does not serve any more is converted all the same, with a warning: the question
is what the design does, not whether it has been retyped.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import attrs

from volsim.objects import (
    DaemonSetUpdateStrategy,
    Deployment,
    DeploymentStrategy,
    LabelSelector,
    RollingUpdateDeployment,
)
from volsim.objects.generic import GenericObject
from volsim.rules import Rules

__all__ = ["convert"]


class _Served(NamedTuple):
    """Until when an old API version of a kind was served, and what is there instead."""

    deprecated: tuple[int, int]
    removed: tuple[int, int]


_OLD: dict[tuple[str, str], _Served] = {
    **{
        (version, kind): _Served((1, 9), (1, 16))
        for version in ("extensions/v1beta1", "apps/v1beta1", "apps/v1beta2")
        for kind in ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "ControllerRevision")
    },
    **{
        ("storage.k8s.io/v1beta1", kind): _Served((1, 19), (1, 22))
        for kind in ("StorageClass", "VolumeAttachment", "CSIDriver", "CSINode")
    },
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity"): _Served((1, 24), (1, 27)),
    ("storage.k8s.io/v1beta1", "VolumeAttributesClass"): _Served((1, 34), (1, 37)),
    ("batch/v1beta1", "CronJob"): _Served((1, 21), (1, 25)),
    ("policy/v1beta1", "PodDisruptionBudget"): _Served((1, 21), (1, 25)),
    ("scheduling.k8s.io/v1beta1", "PriorityClass"): _Served((1, 14), (1, 22)),
    ("coordination.k8s.io/v1beta1", "Lease"): _Served((1, 19), (1, 22)),
}
_SELECTS_BY_TEMPLATE = frozenset({"extensions/v1beta1", "apps/v1beta1"})


def convert(obj: Any, rules: Rules) -> tuple[Any, tuple[str, ...]]:
    """The object in the present version of its kind, and the warnings that go with it.

    >>> new, warnings = convert(Deployment(api_version="extensions/v1beta1"), Rules())
    >>> new.api_version, warnings[0]
    ('apps/v1', 'extensions/v1beta1 Deployment is deprecated in v1.9+, unavailable in v1.16+; use apps/v1 Deployment')
    """
    if isinstance(obj, GenericObject):
        return obj, ()
    cls: type = type(obj)
    present = _present_version(cls)
    old = obj.api_version
    if old == present:
        return obj, ()
    served = _OLD.get((old, obj.kind))
    new = _with_old_defaults(obj, old).replace(api_version=present)
    return new, _warnings(obj.kind, old, present, served, rules)


@cache
def _present_version(cls: type) -> str:
    """The version in which objects of a class are kept: the default of its `api_version`."""
    return str(attrs.fields_dict(cls)["api_version"].default)


def _warnings(kind: str, old: str, present: str, served: _Served | None, rules: Rules) -> tuple[str, ...]:
    if served is None or rules.version < served.deprecated:
        return ()
    if rules.version < (1, 19) and rules.version < served.removed:
        return ()  # before 1.19 the API server did not warn
    since, until = ("v{}.{}+".format(*version) for version in (served.deprecated, served.removed))
    said = [f"{old} {kind} is deprecated in {since}, unavailable in {until}; use {present} {kind}"]
    if rules.version >= served.removed:
        said.append(
            f"Kubernetes {rules.version[0]}.{rules.version[1]} does not serve {old} {kind} any more; "
            f"volsim has converted it to {present}"
        )
    return tuple(said)


def _with_old_defaults(obj: Any, old: str) -> Any:
    spec: Any = getattr(obj, "spec", None)
    if old in _SELECTS_BY_TEMPLATE and getattr(spec, "template", None) is not None and spec.selector is None:
        labels = spec.template.metadata.labels if spec.template.metadata is not None else {}
        spec = spec.replace(selector=LabelSelector(match_labels=labels))
        obj = obj.replace(spec=spec)
    if old == "extensions/v1beta1":
        if isinstance(obj, Deployment):
            obj = obj.replace(spec=_old_deployment(obj.spec))
        elif obj.kind == "DaemonSet" and obj.spec.update_strategy is None:
            obj = obj.replace(spec=obj.spec.replace(update_strategy=DaemonSetUpdateStrategy(type="OnDelete")))
    elif old == "apps/v1beta1" and isinstance(obj, Deployment) and obj.spec.revision_history_limit is None:
        obj = obj.replace(spec=obj.spec.replace(revision_history_limit=2))
    return obj


def _old_deployment(spec: Any) -> Any:
    """extensions/v1beta1: one pod at a time, no deadline, every old ReplicaSet kept."""
    strategy = spec.strategy or DeploymentStrategy(type="RollingUpdate")
    if strategy.type in (None, "RollingUpdate"):
        rolling = strategy.rolling_update or RollingUpdateDeployment()
        rolling = rolling.replace(
            max_surge=1 if rolling.max_surge is None else rolling.max_surge,
            max_unavailable=1 if rolling.max_unavailable is None else rolling.max_unavailable,
        )
        strategy = strategy.replace(type="RollingUpdate", rolling_update=rolling)
    most = 2147483647
    return spec.replace(
        strategy=strategy,
        revision_history_limit=most if spec.revision_history_limit is None else spec.revision_history_limit,
        progress_deadline_seconds=most if spec.progress_deadline_seconds is None else spec.progress_deadline_seconds,
    )
