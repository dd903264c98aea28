"""What the API server adds to new objects, or refuses of them, before they are looked at closely.

Source: kube-apiserver, plugin/pkg/admission/{priority,podtopologylabels}; apiserver, pkg/admission/errors.go;
pkg/registry/core/pod/strategy.go, pkg/registry/apps/daemonset/strategy.go.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

import volsim
from tests.apiserver.manifests import Manifest, claim, container, pod, refusal, workload


def cluster(*manifests: Manifest, version: str = "1.36", nodes: int = 0) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=nodes, kubernetes=version)
    for manifest in manifests:
        sim.apply(manifest)
    return sim


def refused(sim: volsim.Simulation, manifest: Manifest) -> str:
    """What is said of a manifest that is forbidden."""
    with pytest.raises(volsim.Forbidden) as error:
        sim.create(manifest)
    return str(error.value)


def priority_class(name: str, value: int, **more: Any) -> Manifest:
    metadata = {"name": name}
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": metadata,
        "value": value,
        **more,
    }


class TestPriority:
    """A pod's priority is that of its class: who says it besides must say the same."""

    HIGH = priority_class("high", 1000, preemptionPolicy="Never")

    def test_a_pod_has_what_its_class_has(self) -> None:
        sim = cluster(self.HIGH, pod(priorityClassName="high"))
        spec = sim.get("pod/data").spec
        assert (spec.priority, spec.preemption_policy) == (1000, "Never")

    def test_to_say_the_same_is_no_error(self) -> None:
        sim = cluster(self.HIGH, pod(priorityClassName="high", priority=1000, preemptionPolicy="Never"))
        assert sim.get("pod/data").spec.priority == 1000

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            (
                {"priority": 5},
                (
                    "the integer value of priority (5) must not be provided in pod spec; priority admission controller "
                    "computed 0 from the given PriorityClass name"
                ),
            ),
            (
                {"priorityClassName": "high", "preemptionPolicy": "PreemptLowerPriority"},
                (
                    "the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; "
                    "priority admission controller computed Never from the given PriorityClass name"
                ),
            ),
            ({"priorityClassName": "low"}, "no PriorityClass with name low was found"),
        ],
    )
    def test_anything_else_is_forbidden(self, given: Manifest, text: str) -> None:
        assert refused(cluster(self.HIGH), pod(**given)) == f'pods "data" is forbidden: {text}'

    def test_until_1_18_every_pod_preempted(self) -> None:
        sim = cluster(self.HIGH, pod(priorityClassName="high", preemptionPolicy="Never"), version="1.18")
        spec = sim.get("pod/data").spec
        assert (spec.priority, spec.preemption_policy) == (1000, None)
        assert sim.get("priorityclass/high").preemption_policy is None

    def test_who_names_no_class_has_the_default_one(self) -> None:
        sim = cluster(priority_class("usual", 7, globalDefault=True), pod())
        spec = sim.get("pod/data").spec
        assert (spec.priority, spec.priority_class_name) == (7, "usual")

    def test_there_is_one_default(self) -> None:
        sim = cluster(priority_class("usual", 7, globalDefault=True), priority_class("other", 8))
        text = "is forbidden: PriorityClass usual is already marked as default. Only one default can exist"
        third = priority_class("third", 9, globalDefault=True)
        assert refused(sim, third) == f'priorityclasses.scheduling.k8s.io "third" {text}'
        with pytest.raises(volsim.Forbidden, match="is already marked as default"):
            sim.patch("priorityclass/other", {"globalDefault": True})
        sim.patch("priorityclass/usual", {"description": "as always"})


class TestNameInRefusals:
    """What is refused before it gets its name is called by what the name would begin with."""

    def test_admission_knows_the_beginning_only(self) -> None:
        unnamed = {**pod(priority=5), "metadata": {"generateName": "web-"}}
        assert refused(cluster(), unnamed).startswith('pods "web-" is forbidden: the integer value of priority')

    def test_a_namespace_that_ends_likewise(self) -> None:
        sim = cluster(nodes=1)
        sim.apply("{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
        sim.apply(pod(), namespace="team")
        sim.run("5s")
        sim.delete("ns/team")
        unnamed = {**pod(), "metadata": {"generateName": "web-", "namespace": "team"}}
        assert refused(sim, unnamed) == (
            'pods "web-" is forbidden: unable to create new content in namespace team because it is being terminated'
        )

    def test_of_two_default_classes(self) -> None:
        mark = {"storageclass.kubernetes.io/is-default-class": "true"}
        classes: list[Manifest] = [
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": name, "annotations": mark},
                "provisioner": "x.example.com",
            }
            for name in ("a", "b")
        ]
        sim = cluster(*classes, version="1.24")
        unnamed = {**claim(), "metadata": {"generateName": "data-"}}
        assert refused(sim, unnamed) == (
            'persistentvolumeclaims "data-" is forbidden: Internal error occurred: 2 default StorageClasses were found'
        )

    def test_validation_knows_the_whole_name(self) -> None:
        unnamed = {**pod(restartPolicy="Maybe"), "metadata": {"generateName": "web-"}}
        with pytest.raises(volsim.Invalid, match=r'Pod "web-[a-z0-9]{5}" is invalid'):
            cluster().create(unnamed)


class TestTopologyLabels:
    """A pod that says itself on which node it runs gets the node's zone and region, as one that is scheduled does."""

    def located(self, version: str, **labels: str) -> Any:
        sim = cluster(version=version, nodes=1)
        sim.patch(
            "node/node01",
            {"metadata": {"labels": {"topology.kubernetes.io/zone": "a", "topology.kubernetes.io/x": "b"}}},
        )
        sim.apply({**pod(nodeName="node01"), "metadata": {"name": "data", "labels": labels}})
        return dict(sim.get("pod/data").metadata.labels)

    def test_since_1_35(self) -> None:
        assert self.located("1.34", app="web") == {"app": "web"}
        assert self.located("1.35", app="web") == {"app": "web", "topology.kubernetes.io/zone": "a"}

    def test_what_the_pod_says_is_overwritten(self) -> None:
        assert self.located("1.36", **{"topology.kubernetes.io/zone": "z"}) == {"topology.kubernetes.io/zone": "a"}

    def test_a_node_that_is_not_there_is_no_error(self) -> None:
        assert cluster(pod(nodeName="nowhere")).get("pod/data").metadata.labels == {}


class TestGates:
    def test_a_pod_at_a_gate_says_so_from_the_beginning(self) -> None:
        [told] = cluster(pod(schedulingGates=[{"name": "wait"}])).get("pod/data").status.conditions
        assert (told.type, told.status, told.reason, told.message) == (
            "PodScheduled",
            "False",
            "SchedulingGated",
            "Scheduling is blocked due to non-empty scheduling gates",
        )

    def test_before_1_27_there_were_no_gates(self) -> None:
        assert cluster(pod(schedulingGates=[{"name": "wait"}]), version="1.26").get("pod/data").status.conditions == ()


class TestTemplates:
    """A template lacks some defaults that its pods get: they would show as changes of the template."""

    LIMITED: ClassVar[Manifest] = {"containers": [container(resources={"limits": {"cpu": "1"}})]}

    @pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])
    def test_requests_and_service_links_are_the_pods_alone(self, kind: str) -> None:
        sim = cluster(workload(kind, template=self.LIMITED), pod(**self.LIMITED))
        template = sim.get(f"{kind.lower()}/data").spec.template.spec
        assert template.containers[0].resources.requests == {}
        assert template.enable_service_links is None
        assert template.restart_policy == "Always"
        made = sim.get("pod/data").spec
        assert str(made.containers[0].resources.requests["cpu"]) == "1"
        assert made.enable_service_links is True

    def test_what_is_requested_stays(self) -> None:
        given = {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}
        sim = cluster(pod(containers=[container(resources=given)]))
        requests = sim.get("pod/data").spec.containers[0].resources.requests
        assert {name: str(amount) for name, amount in requests.items()} == {"cpu": "1", "memory": "1Gi"}

    @pytest.mark.parametrize(
        ("given", "partition"),
        [
            (None, 0),
            ({}, 0),
            ({"rollingUpdate": {}}, 0),
            ({"type": "RollingUpdate"}, None),
            ({"type": "OnDelete"}, None),
        ],
    )
    def test_who_names_the_strategy_and_no_more_gets_no_partition(
        self, given: Manifest | None, partition: int | None
    ) -> None:
        strategy = cluster(workload("StatefulSet", updateStrategy=given)).get("sts/data").spec.update_strategy
        assert strategy.type == (given or {}).get("type", "RollingUpdate")
        rolling = strategy.rolling_update
        assert (rolling.partition if rolling is not None else None) == partition

    @pytest.mark.parametrize(("version", "partition"), [("1.17", 0), ("1.18", 2), ("1.36", 2)])
    def test_a_partition_was_lost_where_the_strategy_had_no_type(self, version: str, partition: int) -> None:
        strategy = {"rollingUpdate": {"partition": 2}}
        found = cluster(workload("StatefulSet", updateStrategy=strategy), version=version).get("sts/data")
        assert found.spec.update_strategy.rolling_update.partition == partition


class TestTemplateGeneration:
    """A DaemonSet counts the changes of its template in an annotation that nobody else can set."""

    NAME = "deprecated.daemonset.template.generation"

    def count(self, sim: volsim.Simulation) -> str | None:
        found: str | None = sim.get("ds/data").metadata.annotations.get(self.NAME)
        return found

    def test_it_counts_changes_of_the_template_only(self) -> None:
        sim = cluster(workload("DaemonSet"))
        assert self.count(sim) == "1"
        sim.patch("ds/data", {"spec": {"minReadySeconds": 5}})
        assert self.count(sim) == "1"
        sim.apply(workload("DaemonSet", minReadySeconds=5, template={"containers": [container(image="nginx:2")]}))
        assert self.count(sim) == "2"
        sim.patch("ds/data", {"metadata": {"annotations": {self.NAME: "7"}}})
        assert self.count(sim) == "2"
        sim.replace(workload("DaemonSet", minReadySeconds=5, template={"containers": [container(image="nginx:2")]}))
        assert self.count(sim) == "2"

    def test_its_pods_are_labelled_with_it(self) -> None:
        sim = cluster(workload("DaemonSet"), nodes=1)
        sim.settle()
        [daemon] = sim.list("pods")
        assert daemon.metadata.labels["pod-template-generation"] == "1"


class TestNodeOfAPod:
    """Only the scheduler's binding puts a pod on a node; to write the field is refused."""

    @pytest.mark.parametrize("version", ["1.15", "1.24", "1.36"])
    def test_to_patch_it_is_refused(self, version: str) -> None:
        sim = cluster(pod(), version=version, nodes=0)
        with pytest.raises(volsim.Invalid, match=r"spec: Forbidden: pod updates may not change fields other than"):
            sim.patch("pod/data", {"spec": {"nodeName": "node01"}})
        assert sim.get("pod/data").spec.node_name is None

    def test_a_pod_is_not_moved_either(self) -> None:
        sim = cluster(pod(nodeName="node01"), nodes=2)
        with pytest.raises(volsim.Invalid, match=r"spec: Forbidden: pod updates may not change fields other than"):
            sim.patch("pod/data", {"spec": {"nodeName": "node02"}})


def test_a_template_may_name_only_the_preemption_policies_that_there_are() -> None:
    template = {"containers": [container()], "preemptionPolicy": "Always"}
    assert refusal(workload("Deployment", template=template)) == [
        (
            "spec.template.spec.preemptionPolicy: Unsupported value: "
            '"Always": supported values: "PreemptLowerPriority", "Never"'
        )
    ]


class TestLabels:
    """Labels that the API server gives."""

    @pytest.mark.parametrize(("version", "labelled"), [("1.20", False), ("1.21", True), ("1.36", True)])
    def test_a_namespace_has_its_name_for_a_label(self, version: str, labelled: bool) -> None:
        named = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": {"a": "b"}}}
        sim = cluster(named, version=version)
        own = {"kubernetes.io/metadata.name": "team"} if labelled else {}
        assert sim.get("ns/team").metadata.labels == {"a": "b", **own}
        sim.patch("ns/team", {"metadata": {"labels": {"kubernetes.io/metadata.name": None, "a": None}}})
        assert sim.get("ns/team").metadata.labels == own
        assert bool(sim.get("ns/default").metadata.labels) == labelled

    def test_also_one_whose_name_is_made_up(self) -> None:
        [made] = cluster().create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "team-"}})
        assert made.metadata.labels == {"kubernetes.io/metadata.name": made.name}

    @pytest.mark.parametrize(
        ("kind", "api_version"), [("Job", "batch/v1"), ("ReplicationController", "v1"), ("Deployment", "apps/v1")]
    )
    def test_some_workloads_without_labels_have_those_of_their_pods(self, kind: str, api_version: str) -> None:
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {**pod()["spec"], "restartPolicy": "Never"}}
        if kind != "Job":
            template["spec"]["restartPolicy"] = "Always"
        spec: Manifest = {"template": template}
        if kind == "Deployment":
            spec["selector"] = {"matchLabels": {"app": "web"}}
        for labels in ({}, {"own": "x"}):
            manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "data", "labels": labels}}
            found = cluster({**manifest, "spec": spec}).get(f"{kind.lower()}/data").metadata.labels
            assert found == (labels or ({} if kind == "Deployment" else {"app": "web"}))


class TestJobs:
    SPEC: ClassVar[Manifest] = {"template": {"spec": {**pod()["spec"], "restartPolicy": "Never"}}}

    def test_the_jobs_of_a_schedule_get_their_defaults_when_they_are_made(self) -> None:
        spec = {"schedule": "0 0 * * *", "jobTemplate": {"spec": self.SPEC}}
        cron_job = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "data"}, "spec": spec}
        job = cluster(cron_job).get("cronjob/data").spec.job_template.spec
        assert (job.completions, job.backoff_limit, job.suspend) == (None, None, None)
        assert job.template.spec.dns_policy == "ClusterFirst"

    def test_with_a_limit_for_each_index_there_is_none_for_all(self) -> None:
        manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "data"}}
        indexed = {**self.SPEC, "completionMode": "Indexed", "completions": 2, "backoffLimitPerIndex": 1}
        assert cluster({**manifest, "spec": indexed}).get("job/data").spec.backoff_limit == 2**31 - 1
        assert cluster({**manifest, "spec": self.SPEC}).get("job/data").spec.backoff_limit == 6
