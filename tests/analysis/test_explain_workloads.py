"""Explanations of workloads: what each controller waits for, what keeps each pod, and that the remedies help."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

import volsim
from tests.control.workloads import CONTAINER, job, workload
from tests.incidents.manifests import DRIVER, FORCE, claim, settled, storage_class, volume

Manifest = dict[str, Any]
ANYWHERE: Manifest = {"nodeName": None}
SHARED: Manifest = {
    "nodeName": None,
    "containers": [{"name": "c", "image": "nginx:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}],
}


def cluster(*manifests: Any, nodes: int = 2) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=nodes)
    sim.install_csi_driver(DRIVER)
    sim.apply(storage_class())
    for each in manifests:
        sim.apply(each)
    sim.settle()
    return sim


def deployment(image: str = "nginx:1", pod: Manifest = ANYWHERE, **spec: Any) -> Manifest:
    given = dict(pod)
    if "containers" in given:
        given["containers"] = [{**given["containers"][0], "image": image}]
    return workload("Deployment", image=image, pod=given, **spec)


def codes(sim: volsim.Simulation, ref: str) -> list[str]:
    return [cause.code for cause in sim.explain(ref).causes]


def objects(sim: volsim.Simulation, ref: str) -> set[str]:
    return {each for cause in sim.explain(ref).causes for each in cause.objects}


class TestDeployment:
    def test_complete(self) -> None:
        sim = cluster(deployment(replicas=2))
        assert str(sim.explain("deploy/web")) == "deploy/web is complete: 2 of 2 pods are new and available."

    def test_just_changed(self) -> None:
        sim = cluster(deployment())
        sim.scale("deploy/web", 2)
        assert "has not looked at it yet" in sim.explain("deploy/web").summary

    def test_a_rollout_that_needs_one_disk_twice(self) -> None:
        disk = volume(source=f"csi: {{driver: {DRIVER}, volumeHandle: disk}}")
        sim = cluster(disk, claim(), deployment(pod=SHARED))
        [old] = sim.list("pods")
        sim.cordon(old.spec.node_name)
        sim.apply(deployment("nginx:2", pod=SHARED))
        sim.run("11m")
        assert codes(sim, "deploy/web") == ["deadline-exceeded", "none-may-go", "claim-in-use-elsewhere"]
        assert {"pvc/c", f"pod/{old.name}"} <= objects(sim, "deploy/web")
        assert any("Recreate" in remedy for remedy in sim.explain("deploy/web").remedies)
        sim.delete(f"pod/{old.name}")  # as it says
        sim.scale("deploy/web", 0)
        sim.settle()
        sim.scale("deploy/web", 1)
        sim.settle()
        assert codes(sim, "deploy/web") == []

    def test_recreate_waits_for_a_pod_on_a_dead_node(self) -> None:
        sim = cluster(deployment(strategy={"type": "Recreate"}))
        [old] = sim.list("pods")
        sim.fail_node(old.spec.node_name)
        sim.run("10m")
        sim.apply(deployment("nginx:2", strategy={"type": "Recreate"}))
        sim.run("1m")
        [cause, *_] = sim.explain("deploy/web").causes
        assert (cause.code, cause.objects) == ("old-pod-remains", (f"pod/{old.name}", f"node/{old.spec.node_name}"))
        assert cause.text.endswith(f"its node {old.spec.node_name} is off")
        sim.recover_node(old.spec.node_name)
        sim.run("10m")
        assert codes(sim, "deploy/web") == []

    def test_paused(self) -> None:
        sim = cluster(deployment(replicas=1))
        sim.patch("deploy/web", {"spec": {"paused": True}})
        sim.apply(deployment("nginx:2", paused=True))
        sim.settle()
        found = sim.explain("deploy/web")
        assert (found.causes[0].code, found.remedies) == ("paused", ("kubectl rollout resume deploy/web",))

    def test_pods_that_the_api_server_refuses(self) -> None:
        sim = cluster(deployment(pod={"nodeName": None, "priorityClassName": "none"}))
        for ref in ("deploy/web", f"rs/{sim.list('rs')[0].name}"):
            cause = sim.explain(ref).causes[-1]
            assert cause.code == "pods-refused"
            assert "no PriorityClass with name none was found" in cause.text

    def test_not_ready_for_long_enough(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(deployment(minReadySeconds=60))
        sim.run("10s")
        assert codes(sim, "deploy/web") == ["not-ready-for-long"]
        found = {each.code: each.at for each in sim.explain("deploy/web").expected}
        sim.run(until=lambda sim: sim.get("deploy/web").status.available_replicas == 1)
        assert found["available"] == sim.now

    def test_when_the_rollout_counts_as_failed(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(deployment(pod={"nodeName": None, "nodeSelector": {"disk": "fast"}}))
        sim.run("1m")
        [due] = [each.at for each in sim.explain("deploy/web").expected if each.code == "deadline-exceeded"]
        sim.run(until=lambda sim: "deadline-exceeded" in codes(sim, "deploy/web"))
        assert sim.now == due

    def test_when_pods_on_a_silent_node_are_told_to_go(self) -> None:
        sim = cluster(deployment(replicas=2))
        node = sim.list("pods")[0].spec.node_name
        sim.fail_node(node)
        sim.run("2m")
        expected = [each for each in sim.explain("deploy/web").expected if each.code == "evicted"]
        sim.run(until=lambda sim: any(pod.metadata.deletion_timestamp for pod in sim.list("pods")))
        assert expected[0].at == sim.now

    def test_being_deleted(self) -> None:
        sim = cluster(deployment())
        sim.partition_node("node01")
        sim.partition_node("node02")
        sim.delete("deploy/web", propagation="Foreground")
        sim.run("1m")
        assert codes(sim, "deploy/web") == ["held", "dependent-remains"]


class TestPods:
    @pytest.mark.parametrize(
        ("pod", "code", "text"),
        [
            ({"nodeSelector": {"disk": "fast"}}, "pod-not-scheduled", "0/1 nodes are available"),
            ({"schedulingGates": [{"name": "wait"}]}, "gated", "waits at a gate: wait"),
            (SHARED, "claim-missing", "needs claim c, which is not there"),
            (
                {"nodeName": "node01", **{k: v for k, v in SHARED.items() if k != "nodeName"}},
                "claim-missing",
                "claim c",
            ),
            ({"nodeName": "nowhere"}, "node-in-trouble", "is on node nowhere, which is not there any more"),
        ],
    )
    def test_why_it_does_not_run(self, pod: Manifest, code: str, text: str) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(deployment(pod={"nodeName": None, **pod}))
        sim.run("10s")
        [cause] = sim.explain("deploy/web").causes
        assert cause.code == code
        assert text in cause.text

    def test_a_mount_that_fails(self) -> None:
        host = {"name": "data", "hostPath": {"path": "/none", "type": "Directory"}}
        sim = volsim.Simulation(nodes=1)
        sim.apply(deployment(pod={**SHARED, "volumes": [host]}))
        sim.run("10s")
        [cause] = sim.explain("deploy/web").causes
        assert cause.code == "volume-not-mounted"
        assert "hostPath type check failed" in cause.text

    def test_a_container_that_crashes(self) -> None:
        crashing = {
            "nodeName": None,
            "containers": [{**CONTAINER, "image": "busybox", "command": ["sh", "-c", "exit 3"]}],
        }
        sim = volsim.Simulation(nodes=1)
        sim.apply(workload("Deployment", pod=crashing))
        sim.run("1m")
        [cause] = sim.explain("deploy/web").causes
        assert cause.code in ("container-waits", "container-ended")

    def test_a_claim_that_is_not_bound(self) -> None:
        cause = cluster(claim(), deployment(pod=SHARED)).explain("deploy/web").causes[-1]
        assert (cause.code, cause.objects[1]) == ("claim-not-bound", "pvc/c")

    def test_a_claim_that_has_lost_its_volume(self) -> None:
        sim = cluster(volume(), claim(), deployment(pod=SHARED))
        sim.delete("pv/v")
        sim.patch("pv/v", FORCE)
        sim.scale("deploy/web", 2)
        sim.run("1m")
        [cause] = sim.explain("deploy/web").causes
        assert (cause.code, cause.objects[1]) == ("claim-lost", "pvc/c")

    def test_a_claim_that_is_on_its_way_out(self) -> None:
        sim = cluster(volume(), claim(), deployment(pod=SHARED, replicas=1))
        sim.delete("pvc/c")
        sim.scale("deploy/web", 2)
        sim.settle()
        [cause] = sim.explain("deploy/web").causes
        assert (cause.code, cause.objects[1]) == ("claim-being-deleted", "pvc/c")


class TestStatefulSet:
    def stateful_set(self, image: str = "nginx:1", pod: Manifest = ANYWHERE, **spec: Any) -> Manifest:
        return workload("StatefulSet", image=image, pod=pod, serviceName="web", **{"replicas": 3, **spec})

    def test_complete(self) -> None:
        sim = cluster(self.stateful_set())
        assert str(sim.explain("sts/web")) == "sts/web has 3 of 3 pods ready, all of its present version."

    def test_one_after_the_other(self) -> None:
        sim = cluster(self.stateful_set(pod={"nodeName": None, "nodeSelector": {"disk": "fast"}}))
        first, second = sim.explain("sts/web").causes
        assert (first.code, first.text) == ("waits-for", "pods go in order: web-1 is made when web-0 is ready")
        assert second.code == "pod-not-scheduled"

    def test_all_at_once_waits_for_nobody(self) -> None:
        pod = {"nodeName": None, "nodeSelector": {"disk": "fast"}}
        sim = cluster(self.stateful_set(pod=pod, podManagementPolicy="Parallel"))
        assert codes(sim, "sts/web") == ["pod-not-scheduled"] * 3

    def test_the_object_of_a_pod_on_a_dead_node(self) -> None:
        sim = cluster(self.stateful_set(replicas=1))
        node = sim.get("pod/web-0").spec.node_name
        sim.partition_node(node)
        sim.run("10m")
        found = sim.explain("sts/web")
        [cause] = found.causes
        assert (cause.code, cause.objects) == ("end-unconfirmed", ("pod/web-0", f"node/{node}"))
        assert any("two of it" in each for each in found.remedies)
        sim.heal_node(node)
        sim.run("5m")
        assert codes(sim, "sts/web") == []

    def test_the_partition_and_on_delete(self) -> None:
        held = {"rollingUpdate": {"partition": 2}}
        sim = cluster(self.stateful_set(updateStrategy=held))
        settled(sim)
        sim.apply(self.stateful_set("nginx:2", updateStrategy=held))
        sim.settle()
        [cause] = sim.explain("sts/web").causes
        assert (cause.code, cause.objects) == ("partition", ("pod/web-0", "pod/web-1"))
        sim.patch("sts/web", {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}})
        sim.settle()
        [cause] = sim.explain("sts/web").causes
        assert (cause.code, cause.objects) == ("on-delete", ("pod/web-0", "pod/web-1"))

    def test_a_broken_pod_is_not_replaced_by_the_version_that_mends_it(self) -> None:
        sim = cluster(self.stateful_set(replicas=1))
        broken = {"nodeName": None, "nodeSelector": {"disk": "fast"}}
        sim.apply(self.stateful_set(pod=broken, replicas=1))
        sim.run("2m")
        sim.apply(self.stateful_set(replicas=1))
        sim.run("10m")
        assert codes(sim, "sts/web") == ["broken-pod-is-waited-for", "pod-not-scheduled"]
        assert sim.explain("sts/web").remedies[0].startswith("delete pod/web-0")
        sim.delete("pod/web-0")
        sim.settle()
        assert codes(sim, "sts/web") == []

    def test_a_claim_that_has_to_be_gone_first(self) -> None:
        size = {"requests": {"storage": "1Gi"}}
        asked = {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": size}
        template = [{"metadata": {"name": "data"}, "spec": asked}]
        guest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "guest"}}
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}]
        spec = {"containers": [CONTAINER], "volumes": volumes}
        sim = cluster(self.stateful_set(replicas=1, volumeClaimTemplates=template), {**guest, "spec": spec}, nodes=1)
        sim.delete("pvc/data-web-0")
        sim.delete("pod/web-0")
        sim.run("5m")
        [cause] = sim.explain("sts/web").causes
        assert (cause.code, cause.objects) == ("claim-being-deleted", ("pvc/data-web-0",))
        sim.delete("pod/guest")
        sim.settle()
        assert codes(sim, "sts/web") == []


class TestDaemonSet:
    def test_nodes_that_are_not_for_it(self) -> None:
        sim = cluster(nodes=3)
        sim.taint("node02", "gpu", effect="NoSchedule")
        sim.apply(workload("DaemonSet", pod=ANYWHERE))
        sim.settle()
        assert str(sim.explain("ds/web")) == "ds/web has 2 of 2 pods ready; 1 of 3 nodes are not for it."

    def test_a_node_that_is_off(self) -> None:
        sim = cluster(workload("DaemonSet", pod=ANYWHERE))
        sim.fail_node("node02")
        sim.run("5m")
        [cause] = sim.explain("ds/web").causes
        assert (cause.code, cause.objects[1]) == ("node-in-trouble", "node/node02")

    def test_on_delete(self) -> None:
        spec: Manifest = {"updateStrategy": {"type": "OnDelete"}, "pod": ANYWHERE}
        sim = cluster(workload("DaemonSet", **spec))
        sim.apply(workload("DaemonSet", image="nginx:2", **spec))
        sim.settle()
        assert codes(sim, "ds/web") == ["on-delete"]
        assert "2 of another version" in sim.explain("ds/web").summary

    def test_a_node_without_a_pod(self) -> None:
        sim = cluster(workload("DaemonSet", pod={"nodeName": None, "priorityClassName": "none"}), nodes=1)
        assert codes(sim, "ds/web") == ["no-pod-for-node"]


class TestJob:
    FAILING: ClassVar[Any] = {"containers": [{"name": "c", "image": "busybox", "command": ["sh", "-c", "exit 3"]}]}

    def test_running_and_complete(self) -> None:
        sim = cluster(job())
        assert str(sim.explain("job/work")) == "job/work has 0 of 1 completions; 1 pods are active, and run."
        sim.exit_container(f"pod/{sim.list('pods')[0].name}")
        sim.settle()
        assert str(sim.explain("job/work")) == "job/work is complete: 1 pods have succeeded."

    def test_between_two_failures(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(job(pod=self.FAILING))
        sim.run("15s")
        [cause] = sim.explain("job/work").causes
        assert cause.code == "backing-off"
        [next_pod] = sim.explain("job/work").expected
        pods = len(sim.list("pods"))
        sim.run(until=lambda sim: len(sim.list("pods")) > pods)
        assert next_pod.at == sim.now

    def test_failed_for_good(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(job(pod=self.FAILING, backoffLimit=1))
        sim.run("10m")
        [cause] = sim.explain("job/work").causes
        assert cause.text == "BackoffLimitExceeded: Job has reached the specified backoff limit"

    @pytest.mark.parametrize(
        ("spec", "code"), [({"suspend": True}, "suspended"), ({"parallelism": 0}, "no-parallelism")]
    )
    def test_told_to_wait(self, spec: Manifest, code: str) -> None:
        assert codes(cluster(job(**spec)), "job/work") == [code]

    def test_its_pod_finds_no_node(self) -> None:
        sim = cluster(job(pod={"nodeSelector": {"disk": "fast"}}))
        assert codes(sim, "job/work") == ["pod-not-scheduled"]


def test_at_most_ten_pods_are_told_of() -> None:
    sim = cluster(deployment(pod={"nodeName": None, "nodeSelector": {"disk": "fast"}}, replicas=12))
    assert codes(sim, "deploy/web") == ["deadline-exceeded", *["pod-not-scheduled"] * 10]
    assert len(sim.explain("deploy/web").remedies) == 1, "one example is enough"
