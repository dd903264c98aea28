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

_CSI_MIGRATIONS = {
    "kubernetes.io/aws-ebs": ("ebs.csi.aws.com", (1, 23)),
    "kubernetes.io/azure-disk": ("disk.csi.azure.com", (1, 23)),
    "kubernetes.io/azure-file": ("file.csi.azure.com", (1, 24)),
    "kubernetes.io/cinder": ("cinder.csi.openstack.org", (1, 21)),
    "kubernetes.io/gce-pd": ("pd.csi.storage.gke.io", (1, 23)),
    "kubernetes.io/portworx-volume": ("pxd.portworx.com", (1, 31)),
    "kubernetes.io/vsphere-volume": ("csi.vsphere.vmware.com", (1, 25)),
}
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
    """  # noqa: E501
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


def _count(default: int, source: str) -> Any:
    """A number of things."""
    return attrs.field(
        default=None,
        converter=attrs.converters.optional(int),
        metadata={"what": "count", "default": default, "source": source},
    )


@attrs.frozen(kw_only=True, slots=True, cache_hash=True)
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
    node_lease_renew_interval: float = _clock(10.0, "kubelet, nodeLeaseRenewIntervalFraction 0.25 of the lease's 40 s")
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
    leader_election_renew_deadline: float = _clock(
        10.0, "kube-controller-manager, kube-scheduler --leader-elect-renew-deadline: how long they do without it"
    )
    max_wait_for_unmount: float = _clock(360.0, "attach/detach controller, maxWaitForUnmountDuration")
    attach_detach_round: float = _clock(0.1, "attach/detach controller, reconcilerLoopPeriod")
    csi_attach_timeout: float = _clock(120.0, "kube-controller-manager, csiTimeout: waiting for an external attacher")
    pod_gc_period: float = _clock(20.0, "pod garbage collector, gcCheckPeriod")
    pod_gc_quarantine: float = _clock(40.0, "pod garbage collector, quarantineTime")
    job_sync_batch_period: float = _clock(
        0.0, "Job controller: changes of pods are gathered for a second (SyncJobBatchPeriod)", since={(1, 24): 1.0}
    )
    terminated_pod_gc_threshold: int = _count(12_500, "kube-controller-manager --terminated-pod-gc-threshold")
    event_ttl: float = _clock(3600.0, "kube-apiserver --event-ttl: how long an event is kept")
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
    pod_attach_and_mount_timeout: float = _clock(123.0, "kubelet, podAttachAndMountTimeout (2 min 3 s)")
    pod_sync_backoff: float = _clock(
        10.0, "kubelet, backOffPeriod: until a pod that could not be synced is tried again (up to half as much longer)"
    )
    pod_sync_delay: float = _clock(1.0, "kubelet, plegRelistPeriod: a pod whose containers changed is looked at again")
    volume_stats_period: float = _clock(60.0, "kubelet --volume-stats-agg-period: what is used of volumes is counted")
    eviction_monitoring_period: float = _clock(10.0, "kubelet, evictionMonitoringPeriod: usage is compared with limits")
    eviction_pressure_transition: float = _clock(300.0, "kubelet --eviction-pressure-transition-period")
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
    force_detach_only_from_unhealthy: bool = _gate(
        (1, 26), "kubernetes#110721: 6 min, but only if the node is not ready"
    )
    disable_force_detach_on_timeout: bool = _gate(
        None, "kube-controller-manager --disable-force-detach-on-timeout (KEP-2268)"
    )
    attach_timeout_names_attacher: bool = _gate((1, 24), "kubernetes#108628: `timed out waiting for external-attacher`")
    mount_timeout_names_unprocessed: bool = _gate(
        (1, 26), "kubernetes#112719: the kubelet lists only volumes that are to be attached, and those not processed"
    )
    stateful_set_auto_delete_pvc: bool = _gate((1, 27), "KEP-1847 StatefulSetAutoDeletePVC")
    ga_provisioner_annotation: bool = _gate((1, 23), "kubernetes#104590: volume.kubernetes.io/storage-provisioner")
    provisioner_deselects_lost_node: bool = _gate(
        (1, 28), "sig-storage-lib-external-provisioner#139: of the provisioners of that time"
    )
    external_provisioning_hint: bool = _gate(
        (1, 28), "persistent volume controller: the event ExternalProvisioning helps"
    )
    csi_volumes_are_external: bool = _gate((1, 23), "kubernetes#105773: static CSI volumes have an external deleter")
    controller_has_local_plugin: bool = _gate(
        (1, 15), "cmd/kube-controller-manager/app/plugins.go: local volumes", off_since=(1, 31)
    )
    pvc_unused_since_time: bool = _gate(None, "KEP-5541 PersistentVolumeClaimUnusedSinceTime (alpha)")
    expanding_needs_class: bool = _gate(
        (1, 15), "kubernetes#94489: the expand controller asks for the claim's class", off_since=(1, 21)
    )
    external_expanding_terse: bool = _gate((1, 24), "expand controller: the wording of the event ExternalExpanding")
    lower_case_errors: bool = _gate((1, 27), "persistent volume controller: `error getting deleter …`, not `Error …`")
    recycler_finds: bool = _gate((1, 26), "kubernetes#112689: the recycler pod deletes with find, not with rm")
    pv_last_phase_transition_time: bool = _gate((1, 29), "KEP-3762 PersistentVolumeLastPhaseTransitionTime")
    ordered_namespace_deletion: bool = _gate((1, 33), "KEP-5080 OrderedNamespaceDeletion")
    namespace_name_label: bool = _gate((1, 21), "KEP-2161 NamespaceDefaultLabelName: kubernetes.io/metadata.name")
    disruption_allowed_condition: bool = _gate((1, 21), "disruption controller: the condition DisruptionAllowed")
    budgets_bear_unmanaged_pods: bool = _gate((1, 22), "disruption controller: pods without a controller are no error")
    empty_budget_selects_all: bool = _gate((1, 21), "policy/v1: an empty selector selects all pods of the namespace")
    pod_disruption_conditions: bool = _gate((1, 26), "KEP-3329 PodDisruptionConditions")
    separate_taint_eviction: bool = _gate(
        (1, 29), "KEP-3902 SeparateTaintEvictionController: events of `taint-eviction-controller`"
    )
    evictions_ignore_pending_pods: bool = _gate(
        (1, 19), "kubernetes#83906, kubernetes#91342: budgets are not asked about pods that are Pending or deleted"
    )
    evictions_spare_unready_pods: bool = _gate(
        (1, 20), "kubernetes#94381: an unready pod may be evicted if enough others are healthy"
    )
    unhealthy_pod_eviction_policy: bool = _gate((1, 27), "KEP-3017 PDBUnhealthyPodEvictionPolicy")
    eviction_tells_of_failed_sync: bool = _gate((1, 35), "kubernetes#133097: the cause of a refused eviction")
    non_preempting_priority: bool = _gate((1, 19), "KEP-902 NonPreemptingPriority")
    pod_scheduling_readiness: bool = _gate((1, 27), "KEP-3521 PodSchedulingReadiness")
    ephemeral_containers: bool = _gate((1, 23), "KEP-277 EphemeralContainers: pods/ephemeralcontainers")
    static_pods_refer_to_nothing: bool = _gate((1, 34), "kubelet: PreventStaticPodAPIReferences")
    recursive_read_only_mounts: bool = _gate((1, 31), "KEP-3857 RecursiveReadOnlyMounts")
    image_volume: bool = _gate((1, 35), "KEP-4639 ImageVolume")
    git_repo_volume: bool = _gate((1, 15), "KEP-5040 gitRepo volumes are off by default", off_since=(1, 33))
    service_account_token_projection: bool = _gate((1, 21), "KEP-1205 BoundServiceAccountTokenVolume")
    nodes_run_docker: bool = _gate((1, 15), "kubelet: dockershim, removed in 1.24", off_since=(1, 24))
    memory_volumes_are_sized: bool = _gate((1, 22), "KEP-1967 SizeMemoryBackedVolumes: the size of an emptyDir's tmpfs")
    container_is_killed_whole: bool = _gate((1, 28), "kubelet, cgroup v2: memory.oom.group, for want of memory")
    terse_container_events: bool = _gate((1, 36), "kubelet: `Container created` instead of `Created container x`")
    terminal_phase_before_removal: bool = _gate((1, 27), "kubelet: deleted pods get a final phase (kubernetes#115331)")
    pod_ready_to_start_containers: bool = _gate((1, 29), "KEP-3085 PodReadyToStartContainersCondition")
    terminating_replicas: bool = _gate((1, 35), "KEP-3973 DeploymentReplicaSetTerminatingReplicas")
    pod_deletion_cost: bool = _gate((1, 22), "KEP-2255 PodDeletionCost")
    pod_gc_evicted_first: bool = _gate((1, 27), "pod garbage collector: evicted pods go first (kubernetes#116167)")
    stateful_set_partition_needs_type: bool = _gate(
        (1, 15), "kubernetes#84596: a partition is lost where the update strategy has no type", off_since=(1, 18)
    )
    stateful_set_restarts_succeeded: bool = _gate((1, 27), "kubernetes#120398: Succeeded pods of StatefulSets, too")
    stateful_set_tells_of_recreation: bool = _gate(
        (1, 15), "kubernetes#123809: the event RecreatingFailedPod", off_since=(1, 31)
    )
    stateful_set_remakes_claims: bool = _gate((1, 26), "StatefulSet controller: claims of Pending pods, again")
    stateful_set_capital_events: bool = _gate((1, 33), "StatefulSet controller: `Create Pod` instead of `create Pod`")
    stateful_set_start_ordinal: bool = _gate((1, 27), "KEP-3335 StatefulSetStartOrdinal")
    max_unavailable_stateful_set: bool = _gate(None, "KEP-961 MaxUnavailableStatefulSet is off by default")
    daemon_set_restarts_succeeded: bool = _gate((1, 27), "kubernetes#117073: Succeeded pods of DaemonSets, too")
    daemon_set_update_surge: bool = _gate((1, 22), "KEP-1591 DaemonSetUpdateSurge")
    job_tracking_with_finalizers: bool = _gate((1, 25), "KEP-2307 JobTrackingWithFinalizers")
    job_counts_failed_pods: bool = _gate((1, 21), "kubernetes#93779: a Job's backoffLimit is about pods")
    job_pod_failure_backoff: bool = _gate((1, 27), "Job controller: back-off from when pods failed (kubernetes#114768)")
    job_ready_pods: bool = _gate((1, 24), "KEP-2879 JobReadyPods")
    job_pod_replacement_policy: bool = _gate((1, 29), "KEP-3939 JobPodReplacementPolicy")
    job_delays_terminal_condition: bool = _gate((1, 31), "kubernetes#125510: a Job ends after its last pod")
    indexed_job: bool = _gate((1, 22), "KEP-2214 IndexedJob")
    suspend_job: bool = _gate((1, 22), "KEP-2232 SuspendJob")
    job_pod_failure_policy: bool = _gate((1, 26), "KEP-3329 JobPodFailurePolicy")
    job_backoff_limit_per_index: bool = _gate((1, 29), "KEP-3850 JobBackoffLimitPerIndex")
    job_success_policy: bool = _gate((1, 31), "KEP-3998 JobSuccessPolicy")
    job_managed_by: bool = _gate((1, 32), "KEP-4368 JobManagedBy")
    job_start_cleared_by_suspension: bool = _gate((1, 36), "KEP-5440 MutableSchedulingDirectivesForSuspendedJobs")
    job_prefixed_labels: bool = _gate((1, 27), "Jobs: labels batch.kubernetes.io/controller-uid and …/job-name")
    ttl_after_finished: bool = _gate((1, 21), "KEP-592 TTLAfterFinished")
    cron_job_controller_v2: bool = _gate((1, 21), "KEP-19 CronJobControllerV2")
    cron_job_condition_in_event: bool = _gate((1, 31), "CronJob controller: `condition: Complete`, not `status: …`")
    cron_job_time_zone: bool = _gate((1, 25), "KEP-3140 CronJobTimeZone")
    cron_job_scheduled_annotation: bool = _gate((1, 28), "KEP-4026 CronJobsScheduledAnnotation")
    pod_index_label: bool = _gate((1, 28), "KEP-4017 PodIndexLabel")
    logarithmic_scale_down: bool = _gate((1, 22), "KEP-2185 LogarithmicScaleDown")
    scaling_event_names_old_size: bool = _gate((1, 26), "deployment controller: `Scaled up replica set x to 3 from 1`")
    scaling_event_from_to: bool = _gate((1, 31), "deployment controller: `Scaled up replica set x from 1 to 3`")
    mutable_csi_node_allocatable: bool = _gate((1, 35), "KEP-4876 MutableCSINodeAllocatableCount")
    pod_topology_labels: bool = _gate((1, 35), "KEP-4742 PodTopologyLabelsAdmission")
    nominated_node_cleared_when_bound: bool = _gate((1, 35), "ClearingNominatedNodeNameAfterBinding")
    nominated_node_while_binding: bool = _gate((1, 35), "KEP-5278 NominatedNodeNameForExpectation")
    dynamic_resource_allocation: bool = _gate((1, 34), "KEP-4381 DynamicResourceAllocation")
    # -- gates: what the scheduler asks, says and how it weighs ------------------------------------------------------
    pod_update_ends_backoff: bool = _gate(
        (1, 15), "kubernetes#98829: a changed pod waits, too, since", off_since=(1, 21)
    )
    deleted_pod_is_mentioned: bool = _gate((1, 15), "kube-scheduler: `skip schedule deleting pod`", off_since=(1, 32))
    scheduler_pops_from_backoff: bool = _gate((1, 33), "KEP-5142 SchedulerPopFromBackoffQ")
    taints_asked_first: bool = _gate((1, 20), "kube-scheduler: TaintToleration before NodeResourcesFit")
    missing_claim_is_counted: bool = _gate((1, 20), "kube-scheduler: VolumeBinding looks whether the claims exist")
    unbound_claim_is_counted: bool = _gate((1, 19), "kube-scheduler: VolumeBinding has a PreFilter")
    unbound_claim_names_plugin: bool = _gate(
        (1, 18), "kube-scheduler: `running … filter plugin for pod …`", off_since=(1, 19)
    )
    lost_claim_is_noticed: bool = _gate((1, 21), "kube-scheduler: `claim bound to non-existent persistentvolume`")
    pre_filter_reason_uncounted: bool = _gate((1, 26), "kube-scheduler: what PreFilter says is not said of each node")
    preemption_in_reason: bool = _gate((1, 24), "kubernetes#107775: `preemption: 0/3 nodes are available: …`")
    preemption_period_doubled: bool = _gate((1, 26), "kubernetes#123301: `… for scheduling..`", off_since=(1, 30))
    node_affinity_in_reason: bool = _gate((1, 20), "kube-scheduler: `didn't match Pod's node affinity`")
    node_selector_in_reason: bool = _gate((1, 21), "kube-scheduler: `didn't match Pod's node affinity/selector`")
    taint_named_in_reason: bool = _gate((1, 18), "kubernetes#87250: `had taint {key: value}, that the pod …`")
    untolerated_taint_reason: bool = _gate((1, 24), "kube-scheduler: `had untolerated taint {key: value}`")
    terse_taint_reason: bool = _gate((1, 35), "kubernetes#134740: `had untolerated taint(s)`")
    volume_affinity_in_reason: bool = _gate(
        (1, 33), "kubernetes#129887: `didn't match PersistentVolume's node affinity`"
    )
    pre_filter_narrows_nodes: bool = _gate((1, 26), "kube-scheduler: NodeAffinity names the only nodes")
    unfit_request_is_unresolvable: bool = _gate(
        (1, 34), "kube-scheduler: no preemption for what a node could never hold"
    )
    balance_of_requests: bool = _gate((1, 22), "kube-scheduler: NodeResourcesBalancedAllocation by standard deviation")
    best_effort_has_no_balance: bool = _gate((1, 33), "kubernetes#129138: NodeResourcesBalancedAllocation skips them")
    balance_counts_improvement: bool = _gate(
        (1, 36), "kube-scheduler: NodeResourcesBalancedAllocation, before and after"
    )
    preempted_by_reason: bool = _gate(
        (1, 19), "kube-scheduler: `Preempted by default/x on node …`, not `by default/x …`"
    )
    preemptor_is_anonymous: bool = _gate(
        (1, 26), "kubernetes#114980: `Preempted by a pod on node …`", off_since=(1, 29)
    )
    preemptor_named_by_uid: bool = _gate((1, 29), "kube-scheduler: `Preempted by pod <uid> on node …`")
    read_write_once_pod_reason_names_nodes: bool = _gate((1, 29), "kube-scheduler: `node(s) unavailable due to …`")
    volume_zone_knows_final_labels: bool = _gate(
        (1, 20), "kube-scheduler: VolumeZone and topology.kubernetes.io labels"
    )
    volume_zone_refuses_unbound: bool = _gate((1, 21), "kube-scheduler: VolumeZone turns a pod away, before an error")
    volume_zone_looks_first: bool = _gate((1, 27), "kubernetes#114149: VolumeZone has a PreFilter")
    in_tree_volumes_are_counted: bool = _gate((1, 15), "kube-scheduler: EBSLimits, GCEPDLimits, …", off_since=(1, 31))
    volume_limits_in_allocatable: bool = _gate(
        (1, 15), "kube-scheduler: attachable-volumes-… of nodes", off_since=(1, 31)
    )
    volume_attachments_are_counted: bool = _gate(
        (1, 26), "kubernetes#113768: NodeVolumeLimits counts VolumeAttachments"
    )
    mount_timeouts_are_told: bool = _gate(
        (1, 15), "kubelet: the event `Unable to attach or mount volumes: … timed out`", off_since=(1, 27)
    )
    root_ca_is_published: bool = _gate((1, 20), "kube-controller-manager, root CA publisher: RootCAConfigMap")
    local_paths_are_prepared: bool = _gate(
        (1, 15), "volsim: whoever makes a local volume has made its directory; without this rule it must be there"
    )
    deadlines_are_contexts: bool = _gate((1, 27), "kube-scheduler, kubelet: `context deadline exceeded`")
    scheduler_weights_preferences: bool = _gate((1, 23), "kube-scheduler v1beta3: soft taints weigh 3, affinities 2")
    default_topology_spread: bool = _gate((1, 20), "KEP-1258 DefaultPodTopologySpread")
    # -- gates: what the API server refuses, and in which words ----------------------------------------------------
    names_after_rfc_1123: bool = _gate((1, 20), "apimachinery: `a lowercase RFC 1123 label`, not `a DNS-1123 label`")
    dots_in_label_named: bool = _gate((1, 27), "apimachinery: of a label with dots: `must not contain dots`")
    port_name_needs_letter: bool = _gate((1, 25), "apimachinery: `at least one letter (a-z)`, not `letter or number`")
    json_in_field_errors: bool = _gate((1, 34), "apimachinery: field errors show values as JSON, not in Go's syntax")
    too_long_says_may_not: bool = _gate((1, 32), "apimachinery: `may not be more than`, not `must have at most`")
    selector_values_checked: bool = _gate((1, 26), "apimachinery: values in a label selector are label values")
    node_affinity_values_checked: bool = _gate((1, 33), "core validation: values in required node affinity likewise")
    affinity_label_selector_path: bool = _gate((1, 21), "core validation: a pod affinity's `labelSelector` is named so")
    immutable_specs_show_difference: bool = _gate((1, 20), "core validation: a refused change of a spec is shown")
    any_volume_data_source: bool = _gate((1, 24), "KEP-1495 AnyVolumeDataSource")
    cross_namespace_volume_data_source: bool = _gate(None, "KEP-3294 CrossNamespaceVolumeDataSource")
    data_source_remedy: bool = _gate((1, 26), "core validation: `must be 'PersistentVolumeClaim' when …`")
    data_source_group_checked: bool = _gate((1, 29), "core validation: a data source's apiGroup is a DNS subdomain")
    attributes_class_in_wording: bool = _gate((1, 29), "core validation: `except … and volumeAttributesClassName`")
    beta_topology_labels_replaceable: bool = _gate((1, 27), "core validation: a volume's node affinity may turn GA")
    mutable_pv_node_affinity: bool = _gate(None, "KEP-5381 MutablePVNodeAffinity")
    secret_references_named: bool = _gate((1, 25), "core validation: the path of a CSI volume's secret")
    secret_names_with_dots: bool = _gate((1, 27), "core validation: CSI volumes may name secrets with dots")
    block_ephemeral_volumes: bool = _gate((1, 23), "core validation: volumeDevices of generic ephemeral volumes")
    csi_driver_name_needed_first: bool = _gate((1, 35), "core validation: an empty driver name is only `Required`")
    trust_bundle_path: bool = _gate((1, 31), "core validation: `clusterTrustBundle`, not `clusterTrustBundlePEM`")
    template_metadata_general: bool = _gate((1, 26), "core validation: `cannot be set`, in a few words")
    projected_token_path_checked: bool = _gate((1, 30), "core validation: a projected token's path is local")
    class_fields_immutable: bool = _gate((1, 36), "storage validation: `field is immutable`, not `updates … forbidden`")
    attachment_volume_name_checked: bool = _gate((1, 36), "storage validation: a VolumeAttachment's volume name")
    csi_driver_fields_mutable: bool = _gate((1, 21), "storage validation: some fields of a CSIDriver, not none")
    csi_driver_mostly_mutable: bool = _gate((1, 30), "storage validation: fsGroupPolicy and podInfoOnMount as well")
    csi_driver_capacity_mutable: bool = _gate((1, 23), "storage validation: a CSIDriver's storageCapacity as well")
    csi_node_drivers_path: bool = _gate((1, 33), "storage validation: `spec.drivers`, not `CSINodeDriver`")
    long_csi_node_ids: bool = _gate((1, 22), "storage validation: node ids of 256 characters, not 128")
    pod_spec_checked_on_update: bool = _gate((1, 20), "core validation: ValidatePodUpdate checks the whole pod")
    container_kinds_apart: bool = _gate((1, 25), "core validation: app, init and ephemeral containers on their own")
    pod_update_lists_fields: bool = _gate((1, 27), "core validation: `pod updates may not change fields other than …`")
    negative_grace_period_mendable: bool = _gate((1, 22), "core validation: from negative to 1 in an update")
    host_network_in_templates: bool = _gate((1, 28), "core validation: a template may leave host ports to the pod")
    sidecar_containers: bool = _gate((1, 29), "KEP-753 SidecarContainers")
    container_restart_rules: bool = _gate((1, 35), "KEP-5307 ContainerRestartRules")
    restart_all_containers: bool = _gate((1, 36), "KEP-5532 RestartAllContainersOnContainerExits")
    env_files: bool = _gate((1, 35), "KEP-3721 EnvFiles")
    relaxed_environment_variable_names: bool = _gate((1, 32), "KEP-4369 RelaxedEnvironmentVariableValidation")
    pod_level_resources: bool = _gate((1, 34), "KEP-2837 PodLevelResources")
    hostname_override: bool = _gate((1, 35), "KEP-4762 HostnameOverride")
    limit_named_in_error: bool = _gate((1, 27), "core validation: `must be less than or equal to cpu limit of 1`")
    huge_pages_divisible: bool = _gate((1, 21), "core validation: huge pages in multiples of their size")
    sleep_action: bool = _gate((1, 30), "KEP-3960 PodLifecycleSleepAction")
    sleep_action_zero: bool = _gate((1, 33), "KEP-4818 PodLifecycleSleepActionAllowZero")
    taint_toleration_comparison: bool = _gate(None, "KEP-5471 TaintTolerationComparisonOperators")
    numeric_operators_listed: bool = _gate((1, 35), "core validation: a toleration's operators include Lt and Gt")
    toleration_shown_whole: bool = _gate((1, 15), "core validation: a refused toleration is shown", off_since=(1, 32))
    affinity_match_label_keys: bool = _gate((1, 31), "KEP-3633 MatchLabelKeysInPodAffinity")
    spread_match_label_keys: bool = _gate((1, 27), "KEP-3243 MatchLabelKeysInPodTopologySpread")
    spread_keys_merge: bool = _gate((1, 34), "KEP-3243 MatchLabelKeysInPodTopologySpreadSelectorMerge")
    spread_selector_checked: bool = _gate((1, 27), "core validation: a spread constraint's labelSelector")
    shared_disks_read_only: bool = _gate((1, 15), "SkipReadOnlyValidationGCE: GCE disks in replicas", off_since=(1, 29))
    stateful_set_names_are_labels: bool = _gate((1, 27), "apps validation: a StatefulSet's name is a DNS label")
    stateful_set_checked_on_update: bool = _gate((1, 25), "apps validation: ValidateStatefulSetUpdate checks the spec")
    stateful_set_service_is_label: bool = _gate((1, 33), "apps validation: a StatefulSet's serviceName is a DNS label")
    stateful_set_template_checked: bool = _gate((1, 34), "apps validation: a StatefulSet's pods and claims as well")
    stateful_set_min_ready_seconds: bool = _gate((1, 23), "KEP-2599 StatefulSetMinReadySeconds")
    stateful_set_mutable_history: bool = _gate((1, 33), "apps validation: revisionHistoryLimit may change")
    relaxed_service_names: bool = _gate((1, 36), "KEP-5311 RelaxedServiceNameValidation")
    zones_in_schedules: bool = _gate((1, 15), "batch validation: TZ=… in a CronJob's schedule", off_since=(1, 29))
    huge_pages_in_downward_api: bool = _gate((1, 22), "KEP-2053 DownwardAPIHugePages")
    expand_persistent_volumes: bool = _gate((1, 15), "KEP-284 ExpandPersistentVolumes")
    user_namespaces: bool = _gate((1, 33), "KEP-127 UserNamespacesSupport")
    host_ips_in_environment: bool = _gate((1, 29), "KEP-2681 PodHostIPs")
    grace_period_needed: bool = _gate((1, 31), "core validation: a pod's terminationGracePeriodSeconds")
    pod_quality_immutable: bool = _gate((1, 32), "core validation: a pod's qosClass")

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(type(self)):
            if getattr(self, field.name) is None:
                object.__setattr__(self, field.name, self._default(field.metadata))

    def _default(self, rule: Mapping[str, Any]) -> float | bool:
        """What a rule is in this version if nobody says otherwise."""
        if rule["what"] == "clock":
            newer = [value for first, value in sorted(rule["since"].items()) if self.version >= first]
            return float(newer[-1] if newer else rule["default"])
        if rule["what"] == "count":
            return int(rule["default"])
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

    def csi_driver_for(self, plugin: str) -> str | None:
        """The CSI driver that has taken over from an in-tree volume plugin; None while the plugin does its own work.

        Source: KEP-625 and the CSIMigration* gates, which were on by default from these versions.

        >>> Rules.for_version("1.20").csi_driver_for("kubernetes.io/aws-ebs")
        >>> Rules.for_version("1.36").csi_driver_for("kubernetes.io/aws-ebs")
        'ebs.csi.aws.com'
        """
        driver, since = _CSI_MIGRATIONS.get(plugin, (None, NEWEST))
        return driver if self.version >= since else None

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
