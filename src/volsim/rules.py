"""Which Kubernetes is simulated: its version, feature gates and clocks.

Where versions differ, the difference is one named rule here, never an ``if version`` in a controller: a controller
asks `rules.honor_pv_reclaim_policy`, not whether the version is above 1.31. Each rule names its source.
Durations are given in seconds (or as `timedelta`, ``"5m"``, ``"1h30m"``) and kept in seconds.

>>> Rules().version
(1, 36)
>>> Rules.for_version("1.20").node_monitor_grace_period
40.0
>>> Rules.for_version("1.20", default_toleration_seconds="4s").default_toleration_seconds
4.0
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from volsim.errors import VolsimError, did_you_mean

__all__ = ["NEWEST", "OLDEST", "Duration", "Rules", "microseconds", "seconds"]

OLDEST = (1, 15)
"""The oldest version that is simulated: the tutorial's."""
NEWEST = (1, 36)
"""The newest version that has been verified; the default."""

Duration = float | int | str | timedelta
"""A duration as users may write it: seconds, a `timedelta`, or a text such as ``"90s"``, ``"5m"``, ``"1h30m"``."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def seconds(value: Duration) -> float:
    """`value` in seconds.

    >>> seconds("1h30m"), seconds("250ms"), seconds(90), seconds(timedelta(minutes=2))
    (5400.0, 0.25, 90.0, 120.0)
    >>> seconds("5 minutes")
    Traceback (most recent call last):
        ...
    volsim.errors.VolsimError: '5 minutes' is no duration; write seconds, a timedelta, or a text such as '90s', '5m', '1h30m', '250ms'
    """
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        parts = _PART.findall(text)
        if parts and "".join(number + unit for number, unit in parts) == text:
            return float(sum(float(number) * _UNITS[unit] for number, unit in parts))
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
    raise VolsimError(
        f"{value!r} is no duration; write seconds, a timedelta, or a text such as '90s', '5m', '1h30m', '250ms'"
    )


def microseconds(value: Duration) -> int:
    """`value` in whole microseconds, the unit in which states keep time.

    >>> microseconds("1.5s")
    1500000
    """
    return round(seconds(value) * 1_000_000)


def _version(text: str | tuple[int, int]) -> tuple[int, int]:
    if isinstance(text, tuple):
        found = text
    else:
        match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.\d+)?", str(text).strip())
        if not match:
            raise VolsimError(f"{text!r} is no Kubernetes version; write one such as '1.36'")
        found = (int(match[1]), int(match[2]))
    if not OLDEST <= found <= NEWEST:
        raise VolsimError(
            f"Kubernetes {found[0]}.{found[1]} is not simulated; versions from "
            f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]} are"
        )
    return found


def _clock(default: float, source: str, *, since: dict[tuple[int, int], float] | None = None) -> Any:
    """A duration in seconds; `since` gives other defaults from a version on."""
    return attrs.field(
        default=None,
        converter=attrs.converters.optional(seconds),
        metadata={"what": "clock", "default": default, "source": source, "since": since or {}},
    )


def _gate(on_since: tuple[int, int] | None, source: str, *, off_since: tuple[int, int] | None = None) -> Any:
    """A yes/no rule that is on from version `on_since` (None: never by itself) until `off_since`."""
    return attrs.field(
        default=None,
        converter=attrs.converters.optional(bool),
        metadata={"what": "gate", "on_since": on_since, "off_since": off_since, "source": source},
    )


@attrs.frozen(kw_only=True, slots=True)
class Rules:
    """The rules of one Kubernetes version; any of them can be changed by name.

    An unknown name is an error that lists the known ones (`Rules.for_version` and the constructor alike).

    >>> Rules(version="1.30").honor_pv_reclaim_policy, Rules(version="1.33").honor_pv_reclaim_policy
    (False, True)
    >>> Rules.for_version("1.20", pod_gc_perod=1)
    Traceback (most recent call last):
        ...
    volsim.errors.VolsimError: there is no rule 'pod_gc_perod'; did you mean 'pod_gc_period'?
    """

    version: tuple[int, int] = attrs.field(default=NEWEST, converter=_version)
    """(major, minor) of the Kubernetes release."""

    # -- clocks: node health ---------------------------------------------------------------------------------------
    node_lease_renew_interval: float = _clock(
        10.0, "kubelet, nodeLeaseRenewIntervalFraction 0.25 of the lease's 40 s"
    )
    node_monitor_period: float = _clock(5.0, "kube-controller-manager --node-monitor-period")
    node_monitor_grace_period: float = _clock(
        40.0, "kube-controller-manager --node-monitor-grace-period (50 s since 1.32)", since={(1, 32): 50.0}
    )
    default_toleration_seconds: float = _clock(
        300.0, "kube-apiserver --default-not-ready-toleration-seconds, --default-unreachable-toleration-seconds"
    )
    node_eviction_rate: float = _clock(0.1, "kube-controller-manager --node-eviction-rate (nodes a second)")
    secondary_node_eviction_rate: float = _clock(
        0.01, "kube-controller-manager --secondary-node-eviction-rate (nodes a second; 0 for at most 50 nodes)"
    )
    # -- clocks: controllers ---------------------------------------------------------------------------------------
    pv_resync_period: float = _clock(15.0, "kube-controller-manager --pvclaimbinder-sync-period")
    attach_detach_resync_period: float = _clock(60.0, "kube-controller-manager, desired state populator")
    max_wait_for_unmount: float = _clock(360.0, "attach/detach controller, maxWaitForUnmountDuration")
    pod_gc_period: float = _clock(20.0, "pod garbage collector, gcCheckPeriod")
    pod_gc_quarantine: float = _clock(40.0, "pod garbage collector, quarantineTime")
    recycler_nfs_timeout: float = _clock(300.0, "pv-recycler-minimum-timeout-nfs")
    recycler_host_path_timeout: float = _clock(60.0, "pv-recycler-minimum-timeout-hostpath")
    # -- clocks: scheduler -----------------------------------------------------------------------------------------
    scheduler_backoff_initial: float = _clock(1.0, "kube-scheduler podInitialBackoffSeconds")
    scheduler_backoff_max: float = _clock(10.0, "kube-scheduler podMaxBackoffSeconds")
    scheduler_unschedulable_flush: float = _clock(
        60.0, "kube-scheduler, flush of unschedulable pods (5 min since 1.24)", since={(1, 24): 300.0}
    )
    scheduler_bind_timeout: float = _clock(600.0, "kube-scheduler VolumeBinding bindTimeoutSeconds")
    # -- clocks: kubelet -------------------------------------------------------------------------------------------
    crash_loop_backoff_initial: float = _clock(10.0, "kubelet, backOffPeriod")
    crash_loop_backoff_max: float = _clock(300.0, "kubelet, MaxContainerBackOff")
    mount_retry_initial: float = _clock(0.5, "kubelet, exponentialbackoff initialDurationBeforeRetry")
    mount_retry_max: float = _clock(122.0, "kubelet, exponentialbackoff maxDurationBeforeRetry (2 min 2 s)")
    config_sync_delay: float = _clock(60.0, "kubelet syncFrequency: when a mounted ConfigMap or Secret is refreshed")
    container_start_seconds: float = _clock(
        0.0, "volsim: time from a mounted pod to its running containers (a real kubelet takes about a second)"
    )
    node_boot_seconds: float = _clock(0.0, "volsim: time from power on to a ready kubelet")
    # -- gates -----------------------------------------------------------------------------------------------------
    read_write_once_pod: bool = _gate((1, 27), "KEP-2485 ReadWriteOncePod")
    generic_ephemeral_volume: bool = _gate((1, 21), "KEP-1698 GenericEphemeralVolume")
    newest_default_class_wins: bool = _gate((1, 26), "kubernetes#110559: two default StorageClasses are allowed")
    retroactive_default_storage_class: bool = _gate((1, 26), "KEP-3333 RetroactiveDefaultStorageClass")
    honor_pv_reclaim_policy: bool = _gate((1, 31), "KEP-2644 HonorPVReclaimPolicy")
    recover_volume_expansion_failure: bool = _gate((1, 32), "KEP-1790 RecoverVolumeExpansionFailure")
    volume_attributes_class: bool = _gate((1, 34), "KEP-3751 VolumeAttributesClass")
    out_of_service_taint: bool = _gate((1, 26), "KEP-2268 NodeOutOfServiceVolumeDetach")
    stateful_set_auto_delete_pvc: bool = _gate((1, 27), "KEP-1847 StatefulSetAutoDeletePVC")
    ordered_namespace_deletion: bool = _gate((1, 33), "KEP-5080 OrderedNamespaceDeletion")
    pod_disruption_conditions: bool = _gate((1, 26), "KEP-3329 PodDisruptionConditions")
    pod_scheduling_readiness: bool = _gate((1, 27), "KEP-3521 PodSchedulingReadiness")
    recursive_read_only_mounts: bool = _gate((1, 31), "KEP-3857 RecursiveReadOnlyMounts")
    image_volume: bool = _gate((1, 35), "KEP-4639 ImageVolume")
    git_repo_volume: bool = _gate((1, 15), "KEP-5040 gitRepo volumes are off by default", off_since=(1, 33))
    service_account_token_projection: bool = _gate((1, 21), "KEP-1205 BoundServiceAccountTokenVolume")
    terse_container_events: bool = _gate((1, 36), "kubelet: `Container created` instead of `Created container x`")
    terminal_phase_before_removal: bool = _gate((1, 27), "kubelet: deleted pods get a final phase (kubernetes#115331)")
    pod_ready_to_start_containers: bool = _gate((1, 29), "KEP-3085 PodReadyToStartContainersCondition")
    mutable_csi_node_allocatable: bool = _gate((1, 36), "KEP-4876 MutableCSINodeAllocatableCount")

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(type(self)):
            if getattr(self, field.name) is None:
                object.__setattr__(self, field.name, self._default(field.metadata))

    def _default(self, rule: Mapping[str, Any]) -> float | bool:
        """What a rule is in this version if nobody says otherwise."""
        if rule["what"] == "clock":
            newer = [value for first, value in sorted(rule["since"].items()) if self.version >= first]
            return float(newer[-1] if newer else rule["default"])
        since, until = rule["on_since"], rule["off_since"]
        return since is not None and self.version >= since and (until is None or self.version < until)

    @classmethod
    def for_version(cls, version: str | tuple[int, int] = NEWEST, **overrides: Any) -> Rules:
        """The rules of `version` (``"1.15"`` … ``"1.36"``), with clocks or gates changed by name.

        Raises `VolsimError` for a version that is not simulated and for an unknown name.
        """
        known = {field.name: field for field in attrs.fields(cls) if field.name != "version"}
        unknown = [name for name in overrides if name not in known]
        if unknown:
            text = [f"there is no rule {name!r}; {did_you_mean(name, known) or _listed(known)}" for name in unknown]
            raise VolsimError("\n".join(text))
        return cls(version=version, **overrides)

    @property
    def git_version(self) -> str:
        """The version as `kubectl get nodes` prints it.

        >>> Rules.for_version("1.15").git_version
        'v1.15.0'
        """
        return f"v{self.version[0]}.{self.version[1]}.{2 if self.version == NEWEST else 0}"

    @property
    def container_runtime_version(self) -> str:
        """The container runtime of the nodes: Docker until dockershim was removed in 1.24.

        >>> Rules.for_version("1.15").container_runtime_version
        'docker://18.9.7'
        """
        return "containerd://2.1.0" if self.version >= (1, 24) else "docker://18.9.7"


def _listed(names: Any) -> str:
    return "there are " + ", ".join(f"'{name}'" for name in sorted(names))
