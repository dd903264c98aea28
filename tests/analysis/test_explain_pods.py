"""What `explain` says of pods: the causes, and a future that comes true; what it advises, tried."""

from __future__ import annotations

import attrs
import pytest

import volsim
from tests.analysis.future import check, codes, expected
from tests.incidents.manifests import (
    DRIVER,
    claim,
    containers,
    exists,
    pod,
    settled,
    volume,
)
from tests.incidents.test_node_failures import CLAIM, CSI, cluster, evicted, failed, node_of, pods, tolerating, workload

UNREACHABLE = "node.kubernetes.io/unreachable"


def on_a_dead_node(kind: str = "Deployment", **fields: str) -> tuple[volsim.Simulation, str, str]:
    """A workload whose node has just failed; the pod's address, and the node."""
    sim = cluster("1.36", volume(source=CSI), claim(), workload(kind, f"[{CLAIM}]", **fields))
    ref = f"pod/{pods(sim)[0].name}"
    return sim, ref, failed(sim)


class TestPodOfASilentNode:
    def test_before_it_is_noticed(self) -> None:
        sim, ref, node = on_a_dead_node()
        found = sim.explain(ref)
        assert found.summary == f"{ref} is Running as far as anybody knows: its node {node} does not answer."
        assert codes(found) == ["node-off", "not-noticed"]
        assert expected(found) == ["noticed"]
        check(sim, found)

    @pytest.mark.parametrize(
        ("kind", "then"),
        [
            ("Deployment", "its ReplicaSet makes another one at once"),
            ("StatefulSet", "its StatefulSet replaces it when its object is gone, not before"),
        ],
    )
    def test_until_it_is_told_to_go(self, kind: str, then: str) -> None:
        sim, ref, _ = on_a_dead_node(kind)
        sim.run("100s")
        found = sim.explain(ref)
        assert expected(found) == ["evicted"]
        assert found.expected[0].text.endswith(then)
        check(sim, found)

    def test_a_pod_that_bears_it_for_ever_is_never_told(self) -> None:
        sim, ref, _ = on_a_dead_node(pod_tolerations=tolerating((UNREACHABLE, None)))
        sim.run("100s")
        found = sim.explain(ref)
        assert (codes(found), expected(found)) == (["node-off", "tolerates"], [])
        sim.run("30d")
        assert sim.get(ref).metadata.deletion_timestamp is None

    def test_a_daemon_sets_pod_always_does(self) -> None:
        sim = cluster("1.36", workload("DaemonSet", "[{name: data, emptyDir: {}}]"))
        ref = f"pod/{pods(sim)[0].name}"
        failed(sim)
        sim.run("100s")
        assert "a DaemonSet's pods always do" in str(sim.explain(ref))

    def test_no_node_answers(self) -> None:
        sim, ref, _ = on_a_dead_node()
        for node in sim.list("nodes"):
            sim.fail_node(node.name)
        sim.run("100s")
        found = sim.explain(ref)
        assert (codes(found), expected(found)) == (["node-off", "full-disruption"], [])
        assert any(each.startswith("bring one node back") for each in found.remedies)

    def test_it_waits_for_its_nodes_turn(self) -> None:
        sim = volsim.Simulation(nodes=8)
        for number in (1, 2, 3):
            sim.apply(pod(f"p{number}", source="emptyDir: {}", nodeName=f"node0{number}"))
        sim.settle()
        for number in (1, 2, 3):
            sim.fail_node(f"node0{number}")
        sim.run(until=lambda sim: any("rate-limit" in codes(sim.explain(f"pod/p{n}")) for n in (1, 2, 3)))
        [waiting] = [f"pod/p{n}" for n in (1, 2, 3) if "rate-limit" in codes(sim.explain(f"pod/p{n}"))]
        assert expected(sim.explain(waiting)) == ["tainted"]
        check(sim, sim.explain(waiting))

    def test_most_of_a_small_zone_is_silent(self) -> None:
        sim = volsim.Simulation(nodes=4)
        for number in (1, 2, 3):
            sim.apply(pod(f"p{number}", source="emptyDir: {}", nodeName=f"node0{number}"))
        sim.settle()
        for number in (1, 2, 3):
            sim.fail_node(f"node0{number}")
        sim.run("90s")
        found = [sim.explain(f"pod/p{number}") for number in (1, 2, 3)]
        spared = [each for each in found if "partial-disruption" in codes(each)]
        assert spared
        assert all(each.expected == () for each in spared)
        for each in found:
            check(sim, each)
        sim.run("1h")
        assert all(sim.get(each.about).metadata.deletion_timestamp is None for each in spared)

    @pytest.mark.parametrize(
        ("fault", "code"),
        [("partition_node", "node-cut-off"), ("stop_kubelet", "kubelet-stopped"), ("destroy_node", "node-destroyed")],
    )
    def test_what_is_wrong_with_the_node(self, fault: str, code: str) -> None:
        sim = cluster("1.36", workload())
        getattr(sim, fault)(node_of(sim))
        found = sim.explain(f"pod/{pods(sim)[0].name}")
        assert codes(found)[0] == code
        assert ("two of it" in str(found)) == (code != "node-destroyed"), "what still runs makes force a risk"
        check(sim, found)

    def test_without_a_controller_manager_nothing_comes(self) -> None:
        sim, ref, _ = on_a_dead_node()
        sim.stop_component("controller-manager")
        found = sim.explain(ref)
        assert "control-plane-down" in codes(found)
        assert found.expected == ()


class TestTerminatingPod:
    def test_nobody_confirms_its_end(self) -> None:
        sim, ref, node = on_a_dead_node()
        wait_until_told_to_go(sim, ref)
        found = sim.explain(ref)
        assert codes(found) == ["node-off", "unconfirmed"]
        assert found.expected == ()
        sim.run("1d")
        assert exists(sim, ref)
        assert [each.split(":")[0].split(" -n")[0] for each in found.remedies] == [
            f"bring node {node} back",
            f"kubectl taint node {node} node.kubernetes.io/out-of-service=nodeshutdown",
            f"kubectl delete pod {ref.partition('/')[2]}",
            f"kubectl delete node {node}",
        ]

    @pytest.mark.parametrize("number", range(4))
    def test_each_thing_that_would_help_does(self, number: int) -> None:
        sim, ref, node = on_a_dead_node()
        wait_until_told_to_go(sim, ref)
        remedy = sim.explain(ref).remedies[number]
        if remedy.startswith("kubectl"):
            sim.kubectl(remedy.partition(": ")[0].removeprefix("kubectl ") if "taint" not in remedy else taint_of(node))
        else:
            sim.recover_node(node)
        sim.run("2m")
        assert not exists(sim, ref), remedy

    @pytest.mark.parametrize("cure", ["delete", "taint"])
    def test_the_garbage_collector_comes(self, cure: str) -> None:
        sim, ref, node = on_a_dead_node()
        wait_until_told_to_go(sim, ref)
        if cure == "delete":
            sim.delete(f"node/{node}")
            sim.run("25s")
        else:
            sim.taint(node, "node.kubernetes.io/out-of-service", effect="NoExecute")
            sim.run("1s")
        found = sim.explain(ref)
        assert (codes(found), expected(found)) == (["no-kubelet"], ["removed"])
        check(sim, found)

    def test_its_grace_period_runs(self) -> None:
        stubborn = containers(image="busybox", command='[sh, -c, "trap : TERM; while true; do sleep 1; done"]')
        sim = settled(cluster("1.36", nodes=1), pod(source="emptyDir: {}", containers=stubborn))
        sim.delete("pod/p")
        sim.run("10s")
        found = sim.explain("pod/p")
        assert (codes(found), expected(found)) == (["grace"], ["killed"])
        assert found.expected[0].after == 20
        check(sim, found)

    def test_a_finalizer_holds_it(self) -> None:
        sim = settled(cluster("1.36", nodes=1), pod(source="emptyDir: {}"))
        sim.patch("pod/p", {"metadata": {"finalizers": ["example.com/hold"]}})
        sim.delete("pod/p")
        sim.run("5m")
        found = sim.explain("pod/p")
        assert codes(found) == ["held"]
        sim.patch("pod/p", {"metadata": {"finalizers": None}})
        assert not exists(sim, "pod/p")


def wait_until_told_to_go(sim: volsim.Simulation, ref: str) -> None:
    sim.run(until=lambda sim: sim.get(ref).metadata.deletion_timestamp is not None)


def taint_of(node: str) -> str:
    return f"taint node {node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"


class TestPodThatWaitsForItsDisk:
    def waiting(self) -> tuple[volsim.Simulation, str, str]:
        """The replacement of a pod on a dead node; its address, and the old pod's."""
        sim = cluster("1.36", volume(source=CSI), claim(), workload(volumes=f"[{CLAIM}]"))
        old = f"pod/{pods(sim)[0].name}"
        evicted(sim)
        sim.run("1m")
        return sim, f"pod/{pods(sim)[1].name}", old

    def test_the_old_pod_has_it(self) -> None:
        sim, ref, old = self.waiting()
        found = sim.explain(ref)
        assert codes(found) == ["disk-held"]
        assert found.causes[0].objects[-1] == old
        assert "have not begun" in found.causes[0].text
        assert found.expected == ()

    def test_the_six_minutes_run(self) -> None:
        sim, ref, old = self.waiting()
        sim.delete(old, force=True)
        sim.run("1m")
        found = sim.explain(ref)
        assert (codes(found), expected(found)) == (["disk-leaving"], ["detached"])
        assert 300 <= found.expected[0].after <= 300.2
        check(sim, found)

    def test_a_healthy_node_keeps_what_it_has_mounted(self) -> None:
        sim = cluster("1.36", volume(source=CSI), claim(), pod("p", nodeName="node01"), pod("q", nodeName="node02"))
        found = sim.explain("pod/q")
        assert codes(found) == ["disk-held"]
        assert "delete pod default/p, or run both pods on one node" in found.remedies
        sim.delete("pod/p")
        sim.settle()
        assert sim.get("pod/q").status.phase == "Running"

    def test_no_driver_attaches_it(self) -> None:
        sim = volsim.Simulation(nodes=1)
        settled(sim, volume(source=CSI), claim(), pod())
        found = sim.explain("pod/p")
        assert codes(found)[0] == "no-attacher"
        assert expected(found)[0] == "attach-complained"
        check(sim, found)
        sim.install_csi_driver(DRIVER)
        sim.run("5m")
        assert sim.get("pod/p").status.phase == "Running", "what would help helps"

    def test_the_storage_takes_its_time(self) -> None:
        sim = volsim.Simulation(nodes=2)
        sim.install_csi_driver(DRIVER, attach_seconds=20, detach_seconds="1m")
        for text in (volume(source=CSI), claim(), pod("p", nodeName="node01")):
            sim.apply(text)
        sim.run("5s")
        found = sim.explain("pod/p")
        assert (codes(found), expected(found)[0]) == (["attaching"], "attached")
        assert found.expected[0].after == 15
        check(sim, attrs.evolve(found, expected=found.expected[:1]))
        sim.run("1m")
        sim.apply(pod("q", nodeName="node02"))
        sim.delete("pod/p", grace_period=1)
        sim.run("10s")
        found = sim.explain("pod/q")
        assert (codes(found), expected(found)) == (["detaching"], ["detached"])
        assert 45 <= found.expected[0].after <= 55
        check(sim, found)

    def test_the_attacher_refuses(self) -> None:
        sim = cluster("1.36", volume(source=CSI), claim())
        sim.fail_driver(DRIVER, attach=None)
        sim.apply(pod())
        sim.run("1s")
        found = sim.explain("pod/p")
        assert codes(found)[0] == "attach-fails"


class TestPodThatDoesNotStart:
    def test_a_mount_fails_and_is_tried_again(self) -> None:
        sim = settled(cluster("1.36", nodes=1), pod(source="hostPath: {path: /missing, type: Directory}"))
        sim.run("10s")
        found = sim.explain("pod/p")
        assert (codes(found), expected(found)) == (["mount-fails"], ["mount-retried"])
        assert "/missing is not a directory" in found.causes[0].text
        check(sim, found)

    def test_a_config_map_is_missing(self) -> None:
        sim = settled(cluster("1.36", nodes=1), pod(source="configMap: {name: settings}"))
        sim.run("10s")
        found = sim.explain("pod/p")
        assert codes(found) == ["mount-fails"]
        assert 'configmap "settings" not found' in found.causes[0].text
        check(sim, found)

    def test_a_claim_is_not_bound(self) -> None:
        sim = settled(cluster("1.36", nodes=1), claim(), pod(nodeName="node01"))
        found = sim.explain("pod/p")
        assert codes(found) == ["claim-not-bound"]
        assert 'see sim.explain("pvc/c")' in found.remedies
        check(sim, found)

    def test_a_value_from_a_missing_config_map(self) -> None:
        env = "[{name: A, valueFrom: {configMapKeyRef: {name: settings, key: a}}}]"
        sim = settled(cluster("1.36", nodes=1), pod(source="emptyDir: {}", containers=containers(env=env)))
        assert codes(sim.explain("pod/p")) == ["configuration-missing"]

    def test_a_crash_loop(self) -> None:
        dies = containers(image="busybox", command='[sh, -c, "exit 3"]')
        sim = settled(cluster("1.36", nodes=1), pod(source="emptyDir: {}", containers=dies))
        sim.run("1m")
        found = sim.explain("pod/p")
        assert (codes(found), expected(found)) == (["crash-loop"], ["restarted"])
        assert "exit code 3" in found.causes[0].text
        check(sim, found)

    def test_its_readiness_probe_fails(self) -> None:
        probe = "{exec: {command: [cat, /ready]}, periodSeconds: 7}"
        asked = containers(image="busybox", command="[sleep, infinity]", readinessProbe=probe)
        sim = settled(cluster("1.36", nodes=1), pod(source="emptyDir: {}", containers=asked))
        sim.run("1m")
        found = sim.explain("pod/p")
        assert found.summary == "pod/p is Running on node node01, but not ready."
        assert (codes(found), expected(found)) == (["probe-fails"], ["probed"])
        check(sim, found)
        sim.exec("pod/p", "touch /ready")
        sim.run("10s")
        assert str(sim.explain("pod/p")) == "pod/p is Running on node node01, and ready."

    def test_its_init_container_runs(self) -> None:
        init = "[{name: prepare, image: busybox, command: [sleep, '60']}]"
        sim = cluster("1.36", nodes=1)
        sim.apply(pod(source="emptyDir: {}", initContainers=init))
        sim.run("10s")
        found = sim.explain("pod/p")
        assert found.summary == "pod/p is Pending on node node01: its kubelet has not started all of it yet."
        assert codes(found) == ["initialising"]

    def test_it_was_not_scheduled(self) -> None:
        sim = settled(cluster("1.36", nodes=1), pod("p", "nothing"))
        assert "pod/p is Pending" in str(sim.explain("pod/p"))


class TestPodThatIsAsItShouldBe:
    def test_it_runs(self) -> None:
        sim = settled(cluster("1.36", nodes=1), pod(source="emptyDir: {}"))
        found = sim.explain("pod/p")
        assert str(found) == "pod/p is Running on node node01, and ready."

    def test_it_has_ended(self) -> None:
        done = containers(image="busybox", command='[sh, -c, "exit 0"]')
        sim = settled(cluster("1.36", nodes=1), pod(source="emptyDir: {}", containers=done, restartPolicy="Never"))
        found = sim.explain("pod/p")
        assert found.summary == "pod/p has ended: Succeeded."
        assert codes(found) == ["container-ended"]

    def test_a_taint_that_it_bears_for_a_while(self) -> None:
        given = tolerating(("maintenance", 60))
        sim = settled(cluster("1.36", nodes=1), pod(source="emptyDir: {}", tolerations=given))
        sim.taint("node01", "maintenance", effect="NoExecute")
        sim.run("10s")
        found = sim.explain("pod/p")
        assert expected(found) == ["evicted"]
        assert found.expected[0].after == 50
        check(sim, found)


def test_a_future_that_comes_at_another_time_is_noticed() -> None:
    """What these tests ask of the future can fail."""
    sim, ref, _ = on_a_dead_node()
    found = sim.explain(ref)
    for seconds in (-1, 1):
        moved = found.expected[0]._replace(at=found.expected[0].at + seconds, after=found.expected[0].after + seconds)
        with pytest.raises(AssertionError, match=r"too early|not there"):
            check(sim, attrs.evolve(found, expected=(moved,)))
