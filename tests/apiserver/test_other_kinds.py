"""Nodes, namespaces, secrets, services, workloads and what all objects have: what is refused of them.

Source: kube-apiserver, pkg/apis/{core,apps,batch}/validation/validation.go; apimachinery,
pkg/api/validation/objectmeta.go.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.manifests import Manifest, accept, container, pod, refusal, volume, workload
from volsim.apiserver.validation import validate_create, validate_status_update, validate_update
from volsim.manifests import from_manifest
from volsim.rules import Rules


def core(kind: str, **body: Any) -> Manifest:
    """An object of the core API."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "data"}, **body}


def told(manifest: Manifest, version: str = "1.36") -> list[str]:
    """What is wrong with an object that is not defaulted."""
    return [str(error) for error in validate_create(from_manifest(manifest), Rules.for_version(version))]


def told_of_change(old: Manifest, new: Manifest, version: str = "1.36") -> list[str]:
    """What is wrong with an update; first lines only."""
    errors = validate_update(from_manifest(new), from_manifest(old), Rules.for_version(version))
    return [str(error).partition("\n")[0] for error in errors]


class TestNodes:
    def test_a_taint_is_there_once_with_an_effect(self) -> None:
        taints = [
            {"key": "a", "effect": "NoSchedule"},
            {"key": "a", "effect": "NoSchedule"},
            {"key": "b", "effect": "Slow"},
        ]
        errors = told(core("Node", spec={"taints": [*taints, {"key": "c", "value": "no blanks"}]}))
        assert errors[:2] == [
            (
                'metadata.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}: taints must be unique '
                "by key and "
                "effect pair"
            ),
            (
                'metadata.taints[2].effect: Unsupported value: "Slow": supported values: "NoSchedule", '
                '"PreferNoSchedule", '
                '"NoExecute"'
            ),
        ]
        assert errors[2].startswith('metadata.taints[3].value: Invalid value: "no blanks"')
        assert errors[3] == "metadata.taints[3].effect: Required value"

    def test_a_node_has_no_half_gpus(self) -> None:
        node = core("Node", status={"capacity": {"example.com/gpu": "500m", "cpu": "500m", "memory": "-1"}})
        assert told(node) == [
            'status.capacity.example.com/gpu: Invalid value: "500m": must be an integer',
            'status.capacity.memory: Invalid value: "-1": must be greater than or equal to 0',
        ]

    def test_what_a_cloud_says_of_a_node_stays(self) -> None:
        old = core("Node", spec={"providerID": "cloud://a", "podCIDRs": ["10.0.0.0/24"]})
        new = core("Node", spec={"providerID": "cloud://b", "podCIDRs": ["10.0.1.0/24"]})
        assert told_of_change(old, new) == [
            'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
            'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
        ]
        assert told_of_change(core("Node"), new) == []


class TestNamespaces:
    def test_a_namespace_is_a_label(self) -> None:
        assert told({**core("Namespace"), "metadata": {"name": "a.b"}}) == [
            'metadata.name: Invalid value: "a.b": must not contain dots'
        ]

    def test_only_what_is_being_deleted_is_terminating(self) -> None:
        active, leaving = (
            from_manifest(core("Namespace", status={"phase": phase})) for phase in ("Active", "Terminating")
        )
        text = "may only be 'Active' if `deletionTimestamp` is empty"
        errors = validate_status_update(leaving, active, Rules())
        assert [str(error) for error in errors] == [f'status.Phase: Invalid value: "Terminating": {text}']
        deleted: Any = active.replace(metadata=active.metadata.replace(deletion_timestamp=1))
        [error] = validate_status_update(deleted, deleted, Rules())
        assert error.text.endswith("may only be 'Terminating' if `deletionTimestamp` is not empty")


class TestConfiguration:
    def test_a_key_is_there_once(self) -> None:
        config = core("ConfigMap", data={"a": "1"}, binaryData={"a": "MQ=="})
        assert refusal(config) == ['data[a]: Invalid value: "a": duplicate of key present in binaryData']

    @pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
    def test_a_mebibyte_is_enough(self, kind: str) -> None:
        part = "binaryData" if kind == "ConfigMap" else "data"
        named = {"metadata": {"name": "data", "namespace": "default"}}
        assert told(core(kind, **{part: {"a": "AAAA" * 349525}}) | named) == []
        [error] = told(core(kind, **{part: {"a": "AAAA" * 349526}}) | named)
        assert error.endswith("Too long: may not be more than 1048576 bytes")

    @pytest.mark.parametrize(
        ("kind", "fields"),
        [
            ("kubernetes.io/basic-auth", ["data[username]", "data[password]"]),
            ("kubernetes.io/dockercfg", ["data[.dockercfg]"]),
            ("kubernetes.io/dockerconfigjson", ["data[.dockerconfigjson]"]),
            ("kubernetes.io/service-account-token", ["metadata.annotations[kubernetes.io/service-account.name]"]),
            ("kubernetes.io/ssh-auth", ["data[ssh-privatekey]"]),
            ("kubernetes.io/tls", ["data[tls.crt]", "data[tls.key]"]),
            ("example.com/mine", []),
        ],
    )
    def test_a_type_of_secret_asks_for_its_keys(self, kind: str, fields: list[str]) -> None:
        assert told(core("Secret", type=kind) | {"metadata": {"name": "s", "namespace": "default"}}) == [
            f"{field}: Required value" for field in fields
        ]

    def test_the_contents_of_a_secret_are_not_told(self) -> None:
        secret = core("Secret", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "eA=="})
        [error] = refusal(secret)
        assert error.startswith('data[.dockerconfigjson]: Invalid value: "<secret contents redacted>"')
        accept(core("Secret", type="kubernetes.io/dockerconfigjson", stringData={".dockerconfigjson": "{}"}))

    def test_a_secret_keeps_its_type(self) -> None:
        one, two = (core("Secret", type=kind) for kind in ("a", "b"))
        assert told_of_change(one, two) == ['type: Invalid value: "b": field is immutable']


class TestServices:
    def service(self, **spec: Any) -> Manifest:
        return core("Service", spec=spec)

    def test_a_service_without_an_address_is_inside_the_cluster(self) -> None:
        headless = self.service(clusterIP="None", type="NodePort")
        assert refusal(headless) == [
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"
        ]
        accept(self.service(clusterIP="None"))

    def test_a_name_outside_is_a_name(self) -> None:
        assert refusal(self.service(type="ExternalName", clusterIP="10.0.0.1")) == [
            "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
            "spec.externalName: Required value",
        ]

    def test_ports_do_not_meet(self) -> None:
        port = {"port": 80, "nodePort": 30080}
        ports = [port | {"name": "a"}, port | {"name": "a", "appProtocol": "/"}]
        errors = refusal(self.service(ports=ports))
        assert errors[0] == 'spec.ports[1].name: Duplicate value: "a"'
        assert errors[-4:] == [
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
            "spec.ports[1].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
            "spec.ports[1].nodePort: Duplicate value: 30080",
            'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}',
        ]


class TestPriorities:
    def priority(self, name: str, **body: Any) -> Manifest:
        kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        return {**kind, **body}

    @pytest.mark.parametrize(
        ("name", "body", "why"),
        [
            ("system-mine", {"value": 1}, "system-mine is not a known system priority class"),
            (
                "system-node-critical",
                {"value": 1},
                "value of system-node-critical PriorityClass must be 2000001000",
            ),
            (
                "system-node-critical",
                {"value": 2000001000, "globalDefault": True},
                "globalDefault of system-node-critical PriorityClass must be false",
            ),
        ],
    )
    def test_names_of_the_system_are_its_own(self, name: str, body: Manifest, why: str) -> None:
        text = "priority class names with 'system-' prefix are reserved for system use only. error: "
        assert refusal(self.priority(name, **body)) == [f"metadata.name: Forbidden: {text}{why}"]

    def test_pods_have_the_value_already(self) -> None:
        one, two = (
            self.priority("high", value=value, preemptionPolicy=policy) for value, policy in ((1, "Never"), (2, "x"))
        )
        assert told_of_change(one, two) == [
            "value: Forbidden: may not be changed in an update.",
            'preemptionPolicy: Invalid value: "x": field is immutable',
        ]


class TestWorkloads:
    def test_a_selector_must_be_readable(self) -> None:
        expression = {"key": "app", "operator": "Is", "values": ["web"]}
        selector = {"matchExpressions": [expression]}
        place = "spec.selector.matchExpressions[0].operator"
        for kind, text in (("Deployment", ": invalid label selector"), ("StatefulSet", "")):
            first, second = refusal(workload(kind, selector=selector))
            assert first == f'{place}: Invalid value: "Is": not a valid selector operator'
            assert second.startswith("spec.selector: Invalid value: {")
            assert second.endswith(f"}}{text}")

    @pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
    def test_a_selector_says_something(self, kind: str) -> None:
        what = kind.lower()
        errors = refusal(workload(kind, selector={}))
        assert f"spec.selector: Invalid value: {{}}: empty selector is invalid for {what}" in errors

    def test_the_oldest_kind_selects_by_labels(self) -> None:
        accept(workload("ReplicationController", "v1", selector={"app": "web"}))
        assert refusal(workload("ReplicationController", "v1", selector={"app": "db"}, replicas=-1)) == [
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        ]

    def test_a_deployment_has_a_strategy_and_time(self) -> None:
        recreate = {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}
        assert refusal(workload("Deployment", strategy=recreate, progressDeadlineSeconds=5, minReadySeconds=5)) == [
            "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
            "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
        ]
        assert refusal(workload("Deployment", strategy={"type": "Blue"})) == [
            'spec.strategy: Unsupported value: {"type":"Blue"}: supported values: "Recreate", "RollingUpdate"'
        ]
        [error] = refusal(workload("Deployment", strategy={"rollingUpdate": {"maxSurge": "some", "maxUnavailable": 1}}))
        assert error.startswith('spec.strategy.rollingUpdate.maxSurge: Invalid value: "some": a valid percent string')

    def test_pods_that_are_kept_running_have_no_deadline(self) -> None:
        late = workload("Deployment", template=pod(activeDeadlineSeconds=5)["spec"])
        text = "activeDeadlineSeconds in ReplicaSet is not Supported"
        assert refusal(late) == [f"spec.template.spec.activeDeadlineSeconds: Forbidden: {text}"]

    def test_a_stateful_set_has_policies(self) -> None:
        strategy = {"type": "OnDelete", "rollingUpdate": {"partition": 1}}
        broken = workload(
            "StatefulSet",
            podManagementPolicy="Chaos",
            updateStrategy=strategy,
            persistentVolumeClaimRetentionPolicy={"whenScaled": "Keep"},
            ordinals={"start": -1},
            serviceName="a.b",
        )
        assert refusal(broken) == [
            "spec.podManagementPolicy: Invalid value: \"Chaos\": must be 'OrderedReady' or 'Parallel'",
            (
                'spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: only allowed for updateStrategy '
                "'RollingUpdate'"
            ),
            (
                'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Keep": supported '
                'values: "Retain", '
                '"Delete"'
            ),
            "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0",
            'spec.serviceName: Invalid value: "a.b": must not contain dots',
        ]

    def test_a_stateful_set_updates_some_pods_at_once(self) -> None:
        field = "spec.updateStrategy.rollingUpdate"
        for share, text in (("0%", "cannot be 0"), ("101%", "must not be greater than 100%")):
            rolling = {"rollingUpdate": {"maxUnavailable": share, "partition": -1}}
            spoiled = workload("StatefulSet", updateStrategy=rolling)
            assert refusal(spoiled, max_unavailable_stateful_set=True) == [
                f"{field}.partition: Invalid value: -1: must be greater than or equal to 0",
                f'{field}.maxUnavailable: Invalid value: "{share}": {text}',
            ]
        assert refusal(workload("StatefulSet", updateStrategy={"type": "Blue"})) == [
            "spec.updateStrategy: Invalid value: {\"type\":\"Blue\"}: must be 'RollingUpdate' or 'OnDelete'"
        ]

    def test_a_daemon_set_updates_some_pods_at_once(self) -> None:
        none = workload("DaemonSet", updateStrategy={"rollingUpdate": {"maxUnavailable": 0}})
        field = "spec.updateStrategy.rollingUpdate.maxUnavailable"
        assert refusal(none) == [f"{field}: Required value: cannot be 0 when maxSurge is 0"]
        assert refusal(none, "1.20") == [f"{field}: Invalid value: 0: cannot be 0"]
        accept(workload("DaemonSet", updateStrategy={"type": "OnDelete"}))
        [error] = refusal(workload("DaemonSet", updateStrategy={"type": "Blue"}))
        assert error.endswith('supported values: "RollingUpdate", "OnDelete"')

    def test_debuggers_are_not_made_of_templates(self) -> None:
        template = pod(ephemeralContainers=[container(name="debug")])["spec"]
        text = "ephemeral containers not allowed in pod template"
        assert refusal(workload("Deployment", template=template)) == [
            f"spec.template.spec.ephemeralContainers: Forbidden: {text}"
        ]

    def test_revisions_do_not_change(self) -> None:
        one, two = ({"apiVersion": "apps/v1", "kind": "ControllerRevision", "data": {"a": data}} for data in (1, 2))
        named = {"metadata": {"name": "r", "namespace": "default"}}
        assert told({**named, "apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": -1}) == [
            "revision: Invalid value: -1: must be greater than or equal to 0",
            "data: Required value: data is mandatory",
        ]
        assert told_of_change(one | named, two | named) == ['data: Invalid value: {"a":2}: field is immutable']


ONCE = pod(restartPolicy="Never")["spec"]


class TestJobs:
    def job(self, **spec: Any) -> Manifest:
        return workload("Job", "batch/v1", **{"selector": None, "template": ONCE, **spec})

    def test_a_job_finds_its_own_pods(self) -> None:
        [error] = refusal(self.job(selector={"matchLabels": {"app": "web"}}))
        assert error == 'spec.selector: Invalid value: {"matchLabels":{"app":"web"}}: `selector` not auto-generated'
        accept(self.job(selector={"matchLabels": {"app": "web"}}, manualSelector=True))
        errors = refusal(self.job(manualSelector=True))
        assert errors[0] == "spec.selector: Required value"

    def test_indexes_are_counted(self) -> None:
        assert refusal(self.job(backoffLimitPerIndex=1, maxFailedIndexes=1)) == [
            "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
            "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode",
        ]
        broken = self.job(completionMode="Indexed", parallelism=100_001, maxFailedIndexes=100_001)
        assert refusal(broken) == [
            "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
            "spec.completions: Required value: when completion mode is Indexed",
            (
                "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode "
                "is Indexed"
            ),
            "spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 100000",
        ]
        [error] = refusal(self.job(completionMode="Sorted"))
        assert error.endswith('supported values: "NonIndexed", "Indexed"')

    def test_a_name_leaves_room_for_the_index(self) -> None:
        long = self.job(completionMode="Indexed", completions=11) | {"metadata": {"name": "j" * 61}}
        [error] = refusal(long)
        assert error.endswith(f"will not able to create pod with invalid DNS label: {'j' * 61}-10")

    def test_an_indexed_job_grows_evenly(self) -> None:
        simulation = accept(self.job(completionMode="Indexed", completions=2, parallelism=2))
        simulation.apply(self.job(completionMode="Indexed", completions=3, parallelism=3))
        old, new = (self.job(completionMode="Indexed", completions=number, parallelism=2) for number in (2, 3))
        assert told_of_change(old, new)[-1].endswith("can only be modified in tandem with spec.parallelism")

    def test_a_cron_job_has_a_short_name_and_makes_jobs_that_find_their_pods(self) -> None:
        job = {"spec": {"template": {"spec": ONCE}, "selector": {"matchLabels": {"a": "b"}}, "manualSelector": True}}
        cron: Manifest = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c" * 53}}
        cron["spec"] = {"schedule": "TZ=UTC 0 0 * * *", "jobTemplate": job, "timeZone": "UTC"}
        zone, *others = refusal(cron)
        assert zone.endswith("cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
        assert "cannot use both timeZone field" in refusal(cron, "1.28")[0]
        place = "spec.jobTemplate.spec"
        assert others == [
            f'{place}.selector: Invalid value: {{"matchLabels":{{"a":"b"}}}}: `selector` will be auto-generated',
            f'{place}.manualSelector: Unsupported value: true: supported values: "nil", "false"',
            f'metadata.name: Invalid value: "{"c" * 53}": must be no more than 52 characters',
        ]

    def test_a_cron_jobs_schedule_may_change(self) -> None:
        cron: Manifest = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}}
        cron["spec"] = {"schedule": "@daily", "jobTemplate": {"spec": {"template": {"spec": ONCE}}}}
        accept(cron).apply({**cron, "spec": {**cron["spec"], "schedule": "0 0 * * *"}})


class TestMetadata:
    def test_labels_and_annotations_have_keys(self) -> None:
        spoiled = volume()
        spoiled["metadata"] = {"name": "data", "labels": {"a/b/c": "x"}, "annotations": {"/a": "x"}}
        errors = refusal(spoiled)
        assert [error.partition(": ")[0] for error in errors] == ["metadata.labels", "metadata.annotations"]

    def test_annotations_have_a_bound(self) -> None:
        spoiled = volume()
        spoiled["metadata"] = {"name": "data", "annotations": {"a": "x" * 256 * 1024}}
        assert told(spoiled) == ["metadata.annotations: Too long: may not be more than 262144 bytes"]

    def test_an_owner_is_named_in_full_and_only_one_controls(self) -> None:
        owners = [
            {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "1", "controller": True},
            {"apiVersion": "v1", "kind": "Pod", "name": "b", "uid": "2", "controller": True},
            {"apiVersion": "v1", "kind": "Event", "name": "c", "uid": "3"},
            {"kind": "", "name": "", "uid": ""},
        ]
        spoiled = volume()
        spoiled["metadata"] = {"name": "data", "ownerReferences": owners}
        errors = told(spoiled)
        assert errors[0].endswith(
            'Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b'
        )
        assert errors[1].endswith("/v1, Kind=Event is disallowed from being an owner")
        assert [error.partition(": ")[0] for error in errors[2:]] == [
            "metadata.ownerReferences.apiVersion",
            "metadata.ownerReferences.kind",
            "metadata.ownerReferences.name",
            "metadata.ownerReferences.uid",
        ]

    def test_nobody_is_waited_for_in_two_ways(self) -> None:
        spoiled = volume()
        spoiled["metadata"] = {"name": "data", "finalizers": ["orphan", "foregroundDeletion"]}
        assert told(spoiled)[0].endswith("finalizer orphan and foregroundDeletion cannot be both set")

    def test_what_is_being_deleted_waits_for_nobody_new(self) -> None:
        old: Any = from_manifest(volume())
        old = old.replace(
            metadata=old.metadata.replace(deletion_timestamp=1, finalizers=("example.com/a",), generation=2)
        )
        new = old.replace(metadata=old.metadata.replace(finalizers=("example.com/a", "example.com/b"), generation=1))
        text = "no new finalizers can be added if the object is being deleted, found new finalizers"
        assert [str(error) for error in validate_update(new, old, Rules())] == [
            f'metadata.finalizers: Forbidden: {text} []string{{"example.com/b"}}',
            "metadata.generation: Invalid value: 1: must not be decremented",
        ]

    def test_a_name_is_made_of_a_prefix_that_may_end_in_a_dash(self) -> None:
        made: Any = accept(volume() | {"metadata": {"generateName": "data-"}}).list("pv")
        assert made[0].name.startswith("data-")
        errors = refusal(volume() | {"metadata": {"generateName": "Data-"}})
        assert [error.partition(": ")[0] for error in errors] == ["metadata.generateName", "metadata.name"]

    def test_roles_are_named_anyhow(self) -> None:
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "system:node"},
        }
        with pytest.warns(UserWarning, match="ClusterRole"):
            accept(role)
