"""What kubectl and the API server's printers say in each version: one named rule for each difference.

What decides what *happens* is in `volsim.rules`; here is only what is *shown*, and which words a command line takes.
A client is as old as its cluster here, as in the tutorial.

>>> Dialect((1, 15)).restart_age, Dialect((1, 36)).restart_age
(False, True)
"""

from __future__ import annotations

from volsim.rules import NEWEST

__all__ = ["Dialect"]

Version = tuple[int, int]


class _Since:
    """A rule that holds from a version on, until another if one is given; `source` says where it is written."""

    def __init__(self, first: Version | None, source: str, *, until: Version | None = None) -> None:
        self.first, self.until, self.source = first, until, source

    def __get__(self, dialect: Dialect, owner: type) -> bool:
        started = self.first is None or dialect.version >= self.first
        return started and (self.until is None or dialect.version < self.until)


class Dialect:
    """The words of one version of kubectl, and the columns of one version of the API server."""

    def __init__(self, version: Version = NEWEST) -> None:
        self.version = version

    # -- what the API server's printers show (pkg/printers/internalversion/printers.go) ------------------------------
    restart_age = _Since((1, 22), "printPod: `3 (2m ago)` in RESTARTS")
    not_ready_if_partly_completed = _Since((1, 18), "printPod: `NotReady` if the containers that run are not ready")
    error_beats_completed = _Since((1, 35), "printPod: a container's error is shown even if another one completed")
    terminal_pods_keep_their_status = _Since((1, 31), "printPod: no `Terminating` for Failed and Succeeded pods")
    scheduling_gated = _Since((1, 26), "printPod: `SchedulingGated`")
    initialized_condition_counts = _Since((1, 28), "printPod: the condition Initialized ends the init containers' say")
    storage_class_details = _Since((1, 18), "printStorageClass: RECLAIMPOLICY, VOLUMEBINDINGMODE, ALLOWVOLUMEEXPANSION")
    volume_attributes_class = _Since((1, 29), "printPersistentVolume, printPersistentVolumeClaim")
    csi_printers = _Since((1, 18), "printCSINode, printCSIDriver: more than name and age")
    csi_driver_capacity = _Since((1, 21), "printCSIDriver: STORAGECAPACITY, TOKENREQUESTS, REQUIRESREPUBLISH")
    job_status = _Since((1, 30), "printJob: STATUS")
    job_success_criteria = _Since((1, 34), "printJob: `SuccessCriteriaMet`")
    cron_job_time_zone = _Since((1, 30), "printCronJob: TIMEZONE")
    service_account_secrets = _Since(None, "printServiceAccount: SECRETS", until=(1, 35))
    priority_class_preemption = _Since((1, 32), "printPriorityClass: PREEMPTIONPOLICY")
    quota_age_last = _Since((1, 33), "printResourceQuota: AGE behind the rest")
    kernel_with_architecture = _Since((1, 36), "printNode: `6.1.0 (amd64)`")
    counts_binary_data = _Since((1, 16), "printConfigMap: binaryData counts")
    # -- which names and groups ---------------------------------------------------------------------------------------
    extensions_come_first = _Since(None, "discovery: workloads are first found in `extensions`", until=(1, 16))
    # -- get ---------------------------------------------------------------------------------------------------------
    says_where_nothing_was_found = _Since((1, 17), "cmd/get: `No resources found in default namespace.`")
    list_self_link = _Since(None, 'cmd/get: `selfLink: ""` in the metadata of a List', until=(1, 24))
    # -- exec and logs -----------------------------------------------------------------------------------------------
    exec_without_dashes_warns = _Since((1, 18), "cmd/exec: `kubectl exec [POD] [COMMAND] is DEPRECATED`")
    exec_needs_dashes = _Since((1, 31), "cmd/exec: the form without `--` was removed")
    defaulted_container = _Since((1, 21), 'polymorphichelpers and cmd/exec: `Defaulted container "x" out of: x, y`')
    names_valid_containers = _Since((1, 36), "util/podcmd: `container x is not valid for pod y out of: a, b`")
    logs_default_container = _Since((1, 24), "polymorphichelpers: logs of the first container if none is named")
    # -- delete, drain, apply ----------------------------------------------------------------------------------------
    deleted_from_namespace = _Since((1, 34), 'cmd/delete: `pod "x" deleted from default namespace`')
    warnings_look_alike = _Since(
        (1, 25), "cmd/delete, cmd/drain: `Warning: …` as the API server's; before, other cases"
    )
    drain_continues = _Since((1, 23), "cmd/drain: goes on with the next node after one that cannot be drained")
    drain_knows_any_controller = _Since((1, 24), "drain: `Pods that declare no controller`")
    drain_names_namespace = _Since((1, 18), 'drain: `evicting pod default/x`; before, `evicting pod "x"`')
    drain_errors_name_namespace = _Since((1, 20), 'drain: `error when evicting pods/"x" -n "y"`')
    drain_waits_with_context = _Since((1, 29), "drain: `context deadline exceeded`, not `global timeout reached`")
    delete_empty_dir_data = _Since((1, 20), "cmd/drain: --delete-emptydir-data; before, --delete-local-data")
    dry_run_strategies = _Since((1, 18), "cmd/util: --dry-run=none|client|server; before, a switch")
    dry_run_switch = _Since(None, "cmd/util: --dry-run is a switch", until=(1, 18))
    cascade_switch = _Since(None, "cmd/delete: --cascade is a switch", until=(1, 20))
    cascade_strategies = _Since((1, 20), "cmd/delete: --cascade=background|orphan|foreground; before, a switch")
    apply_names_the_unannotated = _Since((1, 20), "cmd/apply: `resource pods/x is missing the … annotation`")
    apply_warns_of_deletion = _Since((1, 20), "cmd/apply: `Detected changes to resource x which is … being deleted.`")
    api_warnings = _Since((1, 20), "client-go: warnings of the API server are printed")
    # -- describe (pkg/describe/describe.go) -------------------------------------------------------------------------
    claim_used_by = _Since((1, 20), "describePersistentVolumeClaim: `Used By:`; before, `Mounted By:`")
    hides_last_applied = _Since((1, 18), "printAnnotationsMultiline: not what `apply` notes for itself")
    describes_pod_ips = _Since((1, 16), "describePod: `IPs:`")
    describes_pod_cidrs = _Since((1, 16), "describeNode: `PodCIDRs:`")
    describes_service_account = _Since((1, 25), "describePod: `Service Account:`")
    describes_spread = _Since((1, 25), "describePod: `Topology Spread Constraints:`")
    describes_lease = _Since((1, 17), "describeNode: `Lease:`")
    describes_kube_proxy = _Since(None, "describeNode: `Kube-Proxy Version:`", until=(1, 36))
    age_in_capitals = _Since(None, "describeNodeResource: `AGE`", until=(1, 21))
    node_details_indented_twice = _Since((1, 17), "describeNode: two blanks before capacities and system info")
    describes_ip_families = _Since((1, 20), "describeService: `IP Families:`, `IPs:`")
    describes_internal_traffic = _Since((1, 31), "describeService: `Internal Traffic Policy:`")
    describes_completion_mode = _Since((1, 21), "describeJob: `Completion Mode:`")
    describes_binary_data = _Since((1, 22), "describeConfigMap: `BinaryData`")
    template_node_selectors = _Since((1, 30), "DescribePodTemplate: `Node-Selectors:`, `Tolerations:`")
    describes_max_unavailable = _Since((1, 25), "describeStatefulSet: `MaxUnavailable:`")
    describes_ready_job_pods = _Since((1, 23), "describeJob: `1 Active (1 Ready)`; before, `1 Running`")
    lists_empty_replica_sets = _Since((1, 27), "describeDeployment: OldReplicaSets with those that have no pods left")
    plain_optional = _Since((1, 33), "printProjectedVolumeSource: `Optional:`; before, `SecretOptionalName:`")
    # -- others ------------------------------------------------------------------------------------------------------
    events_command = _Since((1, 23), "cmd/events (`kubectl alpha events` before 1.26)")
    says_unlabeled = _Since((1, 23), "cmd/label: `unlabeled`; before, `labeled`")
    run_makes_pods = _Since((1, 18), "cmd/run: a Pod; before, a Deployment unless --restart says otherwise")
    run_makes_deployments = _Since(None, "cmd/run: --replicas", until=(1, 18))
    lists_api_versions = _Since((1, 20), "cmd/api-resources: APIVERSION; before, APIGROUP")
    plain_version = _Since((1, 28), "cmd/version: what was --short before")
    says_control_plane = _Since((1, 20), "cmd/cluster-info: `control plane`; before, `master`")
    cobra_prints_errors = _Since(None, "cmd/kubectl: `Error:` and `Run 'kubectl --help' for usage.`", until=(1, 22))
