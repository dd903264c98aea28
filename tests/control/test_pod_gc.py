"""The pod garbage collector.

Source: pkg/controller/podgc/gc_controller.go.
"""

from __future__ import annotations

from typing import Any

import volsim
from tests.control.workloads import condition, template

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def pod(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**template()["spec"], **spec}}


def names(sim: volsim.Simulation) -> set[str]:
    return {each.name for each in sim.list("pods")}


class TestPodsOfMissingNodes:
    """A node that is gone is under quarantine for 40 seconds from the next pass on; then its pods go."""

    def test_pods_go_after_the_quarantine(self) -> None:
        sim = volsim.Simulation(nodes=2)
        sim.apply(pod("web"))
        sim.settle()
        sim.run("25s")
        sim.delete("node/node01")
        sim.run("54s")  # the pass at 40 s sees it, the one at 80 s acts
        assert names(sim) == {"web"}
        sim.run("1s")
        assert names(sim) == set()
        assert sim.now == 80.0

    def test_a_node_that_is_back_in_time_keeps_its_pods(self) -> None:
        sim = volsim.Simulation(nodes=2)
        sim.apply(pod("web"))
        sim.settle()
        node = volsim.to_manifest(sim.get("node/node01"))
        sim.delete("node/node01")
        sim.run("30s")
        sim.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node["metadata"]["name"]}})
        sim.settle()
        sim.run("5m")
        assert names(sim) == {"web"}

    def test_a_pod_made_for_a_node_that_never_was_goes_too(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(pod("web", nodeName="nowhere"))
        sim.settle()
        assert names(sim) == set()
        assert sim.now == 40.0

    def test_the_pod_is_said_to_have_failed_first_since_1_26(self) -> None:
        for version, expected in (("1.20", []), ("1.36", ["Failed"])):
            sim = volsim.Simulation(nodes=1, kubernetes=version)
            metadata = {"name": "web", "finalizers": ["example.com/keep"]}
            sim.apply({**pod("web", nodeName="nowhere"), "metadata": metadata})
            sim.settle()
            found = sim.get("pod/web")
            assert [found.status.phase] == (expected or ["Pending"])
            if expected:
                why = condition(found, "DisruptionTarget")
                assert (why.reason, why.message) == ("DeletionByPodGC", "PodGC: node no longer exists")

    def test_a_quiet_cluster_has_no_passes(self) -> None:
        sim = volsim.Simulation(nodes=2)
        sim.apply(pod("web"))
        sim.settle()
        steps = len(sim.trace)
        sim.run("1d")
        assert len(sim.trace) == steps


class TestTerminatingPods:
    def test_without_a_node_they_go_with_the_next_pass(self) -> None:
        """Only a finalizer can keep such a pod; it is said to have failed, and stays until that is gone."""
        sim = volsim.Simulation(nodes=0)
        manifest = pod("web")
        del manifest["spec"]["nodeName"]
        manifest["metadata"]["finalizers"] = ["example.com/keep"]
        sim.apply(manifest)
        sim.run("5s")
        sim.delete("pod/web")
        sim.settle()
        assert sim.get("pod/web").status.phase == "Failed"
        assert sim.now == 20.0

    def test_on_a_node_out_of_service_they_go_since_1_26(self) -> None:
        for version, expected in (("1.25", {"web"}), ("1.26", set())):
            sim = volsim.Simulation(nodes=1, kubernetes=version)
            sim.apply(pod("web", tolerations=[{"operator": "Exists"}]))
            sim.settle()
            sim.fail_node("node01")
            sim.run("2m")
            sim.delete("pod/web")
            sim.taint("node01", OUT_OF_SERVICE, "nodeshutdown", effect="NoExecute")
            sim.run("20s")
            assert names(sim) == expected

    def test_in_either_order(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(pod("web", tolerations=[{"operator": "Exists"}]))
        sim.settle()
        sim.fail_node("node01")
        sim.run("2m")
        sim.taint("node01", OUT_OF_SERVICE, "nodeshutdown", effect="NoExecute")
        sim.run("1m")
        assert names(sim) == {"web"}  # it tolerates everything, and nobody has deleted it
        sim.delete("pod/web")
        sim.run("20s")
        assert names(sim) == set()

    def test_on_a_healthy_node_the_taint_removes_nothing_by_force(self) -> None:
        sim = volsim.Simulation(nodes=1)
        metadata = {"name": "web", "finalizers": ["example.com/keep"]}
        sim.apply({**pod("web", tolerations=[{"operator": "Exists"}]), "metadata": metadata})
        sim.settle()
        sim.taint("node01", OUT_OF_SERVICE, "nodeshutdown", effect="NoExecute")
        sim.delete("pod/web")
        sim.settle()
        assert sim.get("pod/web").metadata.deletion_grace_period_seconds in (0, 30)
        assert sim.get("pod/web").status.phase != "Running"


class TestEndedPods:
    def ended(self, version: str = "1.36", threshold: int = 2) -> volsim.Simulation:
        rules = volsim.Rules.for_version(version, terminated_pod_gc_threshold=threshold)
        sim = volsim.Simulation(nodes=1, rules=rules)
        for number in range(4):
            sim.apply(pod(f"job-{number}", restartPolicy="Never"))
            sim.run("1s")
        sim.patch("pod/job-3", {"status": {"phase": "Failed", "reason": "Evicted"}}, subresource="status")
        for number in range(3):
            sim.exit_container(f"pod/job-{number}")
        sim.settle()
        return sim

    def test_the_oldest_beyond_the_threshold_go(self) -> None:
        assert names(self.ended("1.20")) == {"job-2", "job-3"}

    def test_evicted_ones_go_first_since_1_27(self) -> None:
        assert names(self.ended("1.36")) == {"job-1", "job-2"}

    def test_no_threshold_no_limit(self) -> None:
        assert len(names(self.ended(threshold=0))) == 4
