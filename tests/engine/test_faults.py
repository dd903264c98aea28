"""What each fault does and does not, what heals it, and what a process of the control plane forgets when it restarts.

Source: kubelet and container runtime; kube-controller-manager (attachdetach, nodelifecycle, podgc, tainteviction);
client-go, tools/leaderelection; kubernetes-csi/external-attacher.
"""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import volsim
from tests.incidents.manifests import (
    DRIVER,
    claim,
    containers,
    is_terminating,
    manifest,
    messages,
    phase,
    pod,
    settled,
    volume,
)
from tests.incidents.manifests import spec as fields_of
from volsim.engine.actions import Fault
from volsim.engine.cluster import default_engine
from volsim.engine.faults import KINDS
from volsim.engine.perform import Engine

HEALED = [kind for kind in KINDS if kind.healing]
CSI = f"csi: {{driver: {DRIVER}, volumeHandle: disk}}"
REFUSED = "The connection to the server 172.16.1.30:6443 was refused - did you specify the right host or port?"
WRITER = containers(image="busybox", command='["sh", "-c", "while true; do echo alive >> /data/log; sleep 10; done"]')


def node(name: str, zone: str) -> dict[str, Any]:
    labels = {"topology.kubernetes.io/zone": zone}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def deployment(name: str = "web", replicas: int = 1) -> str:
    template = f"{{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: a, image: nginx}}]}}}}"
    selector = f"{{matchLabels: {{app: {name}}}}}"
    given = fields_of(replicas=str(replicas), selector=selector, template=template)
    return manifest("apps/v1", "Deployment", name, spec=given)


def cluster(*texts: str, nodes: Any = 2, **rules: Any) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=nodes, rules=volsim.Rules.for_version("1.36", **rules))
    sim.install_csi_driver(DRIVER)
    return settled(sim, *texts)


def full_cluster() -> volsim.Simulation:
    """A cluster in which every kind of fault has a target."""
    nodes = [node("node01", "a"), node("node02", "b")]
    return cluster(volume(), claim(), pod(), volume("d", CSI), claim("cd"), pod("pd", "cd"), nodes=nodes)


def log(sim: volsim.Simulation, where: str = "/v/log") -> bytes:
    """What has been written to the file server, whoever can be asked."""
    root = sim.state.get("backends", "nas").root
    return root.entries["v"].entries["log"].data  # type: ignore[no-any-return]


# -- the table ---------------------------------------------------------------------------------------------------------
class TestTheTable:
    """Each fault is an action with its healing twin."""

    @pytest.mark.parametrize("kind", HEALED, ids=lambda kind: kind.what)
    def test_a_fault_and_its_healing_leave_a_target_that_can_be_struck_again(self, kind: Any) -> None:
        sim = full_cluster()
        target = next(iter(kind.targets(sim.state)))
        assert kind.can_strike(sim.state, target)
        assert not kind.can_heal(sim.state, target)
        sim.inflict(kind.what, target)
        assert kind.can_heal(sim.state, target)
        sim.inflict(kind.healing, target)
        assert kind.can_strike(sim.state, target)
        assert not kind.can_heal(sim.state, target)

    @pytest.mark.parametrize("kind", HEALED, ids=lambda kind: kind.what)
    def test_a_fault_that_is_there_changes_nothing_and_neither_does_a_healing_of_what_is_well(self, kind: Any) -> None:
        sim = full_cluster()
        target = next(iter(kind.targets(sim.state)))
        assert sim.inflict(kind.healing, target).changes == ()
        sim.inflict(kind.what, target)
        sim.run("1h")
        assert sim.inflict(kind.what, target).changes == ()

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.what)
    def test_a_target_that_is_not_there_is_an_error(self, kind: Any) -> None:
        sim = full_cluster()
        before = sim.state
        with pytest.raises(volsim.NotFound):
            sim.inflict(kind.what, "nothing-of-that-name")
        assert sim.state == before

    def test_a_fault_in_the_trace_can_be_replayed(self) -> None:
        sim = full_cluster()
        again = sim.fork()
        sim.partition_node("node01")
        sim.fail_driver(DRIVER, attach="30s", detach=None)
        sim.crash_container("pd")
        faults = [step.action for step in sim.trace[len(again.trace) :]]
        for fault in faults:
            assert isinstance(fault, Fault)
            again.inflict(fault.what, fault.target)
        assert again.state == sim.state

    def test_names_that_are_nearly_right_are_suggested(self) -> None:
        sim = full_cluster()
        with pytest.raises(volsim.NotFound, match="no component of the control plane is named 'schedular'; did you"):
            sim.stop_component("schedular")
        with pytest.raises(volsim.NotFound, match="no node is in a zone 'c'; there are 'a', 'b'"):
            sim.fail_zone("c")
        with pytest.raises(volsim.NotFound, match=r"no CSI driver named 'disk\.example\.com'; did you mean"):
            sim.fail_driver("disk.example.com", attach=None)

    def test_a_cluster_without_zones_says_so(self) -> None:
        with pytest.raises(volsim.NotFound, match=r"no node has the label topology\.kubernetes\.io/zone"):
            cluster().fail_zone("a")


# -- nodes -------------------------------------------------------------------------------------------------------------
class TestReboot:
    """Off and on at once: nobody outside notices, the processes start anew."""

    def test_the_pod_stays_and_its_container_starts_again(self) -> None:
        sim = cluster(pod(source="emptyDir: {}"), nodes=1)
        before = sim.get("pod/p")
        sim.reboot_node("node01")
        sim.settle()
        after = sim.get("pod/p")
        assert after.metadata.uid == before.metadata.uid
        assert after.status.container_statuses[0].restart_count == 1
        assert not messages(sim, "NodeNotReady")

    def test_the_node_tells_that_it_was_off(self) -> None:
        sim = cluster(nodes=1)
        before = sim.get("node/node01").status.node_info.boot_id
        sim.reboot_node("node01")
        sim.settle()
        after = sim.get("node/node01").status.node_info.boot_id
        assert before != after
        assert messages(sim, "Rebooted") == [f"Node node01 has been rebooted, boot id: {after}"]

    def test_a_partition_is_no_reboot(self) -> None:
        sim = cluster(nodes=1)
        sim.partition_node("node01")
        sim.run("2m")
        sim.heal_node("node01")
        sim.settle()
        assert not messages(sim, "Rebooted")

    def test_a_node_that_is_off_cannot_be_rebooted(self) -> None:
        sim = cluster(nodes=1)
        sim.fail_node("node01")
        with pytest.raises(volsim.VolsimError, match="is off and cannot be rebooted; power it on"):
            sim.reboot_node("node01")

    def test_power_cut_while_cut_off_does_not_hide_since_when_it_is_silent(self) -> None:
        sim = cluster(nodes=2)
        sim.run("100s")
        sim.partition_node("node01")
        sim.run("45s")
        sim.fail_node("node01")
        sim.run("20s")
        assert "NodeNotReady" in [event.reason for event in sim.events]


class TestKubeletStops:
    """Containers go on, nothing is reported, no new pods, exec does not work."""

    def test_containers_go_on_writing(self) -> None:
        sim = cluster(volume(), claim(), pod(containers=WRITER), nodes=1)
        sim.run("1m")
        sim.stop_kubelet("node01")
        before = len(log(sim))
        sim.run("100s")
        assert len(log(sim)) - before == 10 * len("alive\n")

    def test_the_node_is_given_up_and_comes_back(self) -> None:
        sim = cluster(nodes=1)
        sim.stop_kubelet("node01")
        sim.run("2m")
        assert "NotReady" in sim.kubectl("get nodes")
        sim.start_kubelet("node01")
        sim.settle()
        assert "NotReady" not in sim.kubectl("get nodes")

    def test_no_new_pod_starts_and_none_is_stopped(self) -> None:
        sim = cluster(pod("old", source="emptyDir: {}"), nodes=1)
        sim.stop_kubelet("node01")
        sim.apply(pod("new", source="emptyDir: {}"))
        sim.delete("pod/old")
        sim.run("30s")
        assert phase(sim, "pod/new") == "Pending"
        assert is_terminating(sim, "pod/old")
        sim.start_kubelet("node01")
        sim.settle()
        assert (phase(sim, "pod/new"), phase(sim, "pod/old")) == ("Running", "gone")

    def test_exec_does_not_work(self) -> None:
        sim = cluster(pod(source="emptyDir: {}"), nodes=1)
        sim.stop_kubelet("node01")
        with pytest.raises(volsim.Unreachable, match="node node01 has no kubelet that runs"):
            sim.exec("p", "true")

    def test_a_container_that_dies_meanwhile_is_started_again_afterwards(self) -> None:
        sim = cluster(pod(source="emptyDir: {}"), nodes=1)
        sim.stop_kubelet("node01")
        sim.crash_container("p")
        sim.run("30s")
        assert sim.get("pod/p").status.container_statuses[0].restart_count == 0
        sim.start_kubelet("node01")
        sim.settle()
        assert sim.get("pod/p").status.container_statuses[0].restart_count == 1

    def test_a_power_cut_ends_it_for_a_kubelet_starts_with_its_node(self) -> None:
        sim = cluster(nodes=1)
        sim.stop_kubelet("node01")
        sim.fail_node("node01")
        sim.recover_node("node01")
        assert sim.state.get("machines", "node01").answers


class TestZone:
    """All nodes of a zone fail together."""

    def test_only_the_nodes_of_the_zone_lose_power(self) -> None:
        sim = cluster(nodes=[node("node01", "a"), node("node02", "a"), node("node03", "b")])
        sim.fail_zone("a")
        sim.run("2m")
        nodes = {each.name: each.status.conditions[-1].status for each in sim.list("nodes")}
        assert nodes == {"node01": "Unknown", "node02": "Unknown", "node03": "True"}
        sim.recover_zone("a")
        sim.settle()
        assert "NotReady" not in sim.kubectl("get nodes")

    def test_a_node_that_is_destroyed_stays_so(self) -> None:
        sim = cluster(nodes=[node("node01", "a"), node("node02", "a")])
        sim.destroy_node("node01")
        sim.fail_zone("a")
        sim.recover_zone("a")
        assert [sim.state.get("machines", name).powered for name in ("node01", "node02")] == [False, True]


# -- storage -----------------------------------------------------------------------------------------------------------
class TestDriver:
    """The storage behind a CSI driver attaches or detaches late, or answers with errors."""

    def disk_user(self, **faults: Any) -> volsim.Simulation:
        sim = cluster(volume("d", CSI), claim("cd"))
        sim.fail_driver(DRIVER, **faults)
        sim.apply(pod("pd", "cd"))
        return sim

    def test_a_late_driver_attaches_late(self) -> None:
        sim = self.disk_user(attach="30s")
        assert sim.run(until=lambda sim: phase(sim, "pod/pd") == "Running") == pytest.approx(30, abs=1.5)

    def test_one_that_takes_longer_than_two_minutes_is_told_of(self) -> None:
        sim = self.disk_user(attach="3m")
        sim.run("10m")
        assert phase(sim, "pod/pd") == "Running"
        assert [text for text in messages(sim, "FailedAttachVolume") if f"of {DRIVER} CSI driver" in text]

    def test_an_error_is_told_and_the_pod_waits_until_it_is_mended(self) -> None:
        sim = self.disk_user(attach=None)
        sim.run("10m")
        assert phase(sim, "pod/pd") == "Pending"
        text = f"rpc error: code = Unavailable desc = the storage of {DRIVER} does not answer"
        assert f'AttachVolume.Attach failed for volume "d" : {text}' in messages(sim, "FailedAttachVolume")
        sim.recover_driver(DRIVER)
        assert sim.run(until=lambda sim: phase(sim, "pod/pd") == "Running") < 5

    def test_a_disk_that_cannot_be_detached_keeps_the_next_pod_waiting(self) -> None:
        sim = cluster(volume("d", CSI), claim("cd"), pod("p1", "cd", nodeName="node01"))
        sim.fail_driver(DRIVER, detach=None)
        sim.delete("pod/p1")
        sim.apply(pod("p2", "cd", nodeName="node02"))
        sim.run("1h")
        assert sim.state.get("backends", "disk").attached_to == ("node01",)
        assert phase(sim, "pod/p2") == "Pending"
        [attachment] = [each for each in sim.list("volumeattachments") if each.spec.node_name == "node01"]
        assert "does not answer" in attachment.status.detach_error.message
        sim.recover_driver(DRIVER)
        sim.settle()
        assert sim.state.get("backends", "disk").attached_to == ("node02",)
        assert phase(sim, "pod/p2") == "Running"

    def test_a_late_detach_is_waited_for(self) -> None:
        sim = cluster(volume("d", CSI), claim("cd"), pod("p1", "cd", nodeName="node01"))
        sim.fail_driver(DRIVER, detach="1m")
        sim.delete("pod/p1")
        sim.run(until=lambda sim: phase(sim, "pod/p1") == "gone")
        sim.run("59s")
        assert sim.state.get("backends", "disk").attached_to == ("node01",)
        sim.run("5s")
        assert sim.state.get("backends", "disk").attached_to == ()


# -- the control plane -------------------------------------------------------------------------------------------------
class TestApiServerDown:
    """Nobody can write or be told; kubelets go on with what they know."""

    def test_requests_are_refused_as_kubectl_says_it(self) -> None:
        sim = cluster(pod(source="emptyDir: {}"))
        sim.stop_component("apiserver")
        before = sim.state
        requests: list[Any] = [
            lambda: sim.apply(claim()),
            lambda: sim.delete("pod/p"),
            lambda: sim.exec("p", "true"),
            lambda: sim.kubectl("get pods"),
            lambda: sim.drain("node01"),
            lambda: sim.inflict("delete", "pod/default/p"),
        ]
        for request in requests:
            with pytest.raises(volsim.Unreachable, match="The connection to the server"):
                request()
        assert sim.state == before
        with pytest.raises(volsim.Unreachable) as refused:
            sim.kubectl("get pods")
        assert str(refused.value) == REFUSED
        assert "Client Version" in sim.kubectl("version --client")

    def test_containers_go_on_and_are_restarted(self) -> None:
        sim = cluster(volume(), claim(), pod(containers=WRITER), nodes=1)
        sim.stop_component("kube-apiserver")
        before = len(log(sim))
        sim.run("100s")
        assert len(log(sim)) - before == 10 * len("alive\n")
        sim.crash_container("p")
        sim.run("20s")
        sim.start_component("apiserver")
        sim.settle()
        assert sim.get("pod/p").status.container_statuses[0].restart_count == 1

    def test_a_node_that_dies_meanwhile_is_missed_only_afterwards(self) -> None:
        sim = cluster(nodes=2)
        sim.stop_component("apiserver")
        sim.fail_node("node01")
        sim.run("1h")
        sim.start_component("apiserver")
        started = sim.now
        sim.run(until=lambda sim: "NodeNotReady" in [event.reason for event in sim.events])
        assert 50 <= sim.now - started <= 55

    @pytest.mark.parametrize(("outage", "waits"), [("9s", 300), ("11s", 350)])
    def test_who_is_without_a_lease_for_ten_seconds_starts_anew(self, outage: str, waits: int) -> None:
        """A controller manager that goes on knows since when a pod bears its node's taint."""
        sim = cluster(deployment(), nodes=2)
        [web] = sim.list("pods")
        sim.fail_node(web.spec.node_name)
        sim.run(until=lambda sim: sim.get(f"node/{web.spec.node_name}").spec.taints)
        tainted = sim.now
        sim.run("50s")
        sim.stop_component("apiserver")
        sim.run(outage)
        sim.start_component("apiserver")
        expected = waits + (float(outage[:-1]) if waits == 350 else 0)
        sim.run(until=lambda sim: is_terminating(sim, f"pod/{web.name}"))
        assert sim.now - tainted == pytest.approx(expected, abs=0.5)


class TestControllerManagerRestarts:
    """What was only in memory is lost; what the API says is found again."""

    def test_work_waits(self) -> None:
        sim = cluster()
        sim.stop_component("controller-manager")
        sim.apply(deployment(replicas=2))
        sim.settle()
        assert sim.list("pods") == []
        sim.start_component("controller-manager")
        sim.settle()
        assert [each.status.phase for each in sim.list("pods")] == ["Running", "Running"]

    def test_the_scheduler_goes_on_without_it_and_it_without_the_scheduler(self) -> None:
        sim = cluster()
        sim.stop_component("controller-manager")
        sim.apply(pod(source="emptyDir: {}"))
        sim.settle()
        assert phase(sim, "pod/p") == "Running"
        sim.start_component("controller-manager")
        sim.stop_component("scheduler")
        sim.apply(deployment())
        sim.settle()
        assert sorted(each.status.phase for each in sim.list("pods")) == ["Pending", "Running"]
        sim.start_component("scheduler")
        sim.settle()
        assert sorted(each.status.phase for each in sim.list("pods")) == ["Running", "Running"]

    def restarted(self, sim: volsim.Simulation) -> None:
        sim.stop_component("controller-manager")
        sim.start_component("controller-manager")

    def test_a_silent_node_has_its_whole_grace_again(self) -> None:
        sim = cluster()
        sim.fail_node("node01")
        sim.run("40s")
        self.restarted(sim)
        started = sim.now
        sim.run(until=lambda sim: "NodeNotReady" in [event.reason for event in sim.events])
        assert 50 <= sim.now - started <= 55

    def test_a_pod_can_bear_its_taint_for_all_of_its_time_again(self) -> None:
        sim = cluster(deployment())
        [web] = sim.list("pods")
        sim.fail_node(web.spec.node_name)
        sim.run("5m")
        assert not is_terminating(sim, f"pod/{web.name}")
        self.restarted(sim)
        started = sim.now
        sim.run(until=lambda sim: is_terminating(sim, f"pod/{web.name}"))
        assert sim.now - started == pytest.approx(300, abs=56)
        assert sim.now - started >= 300

    def test_the_six_minutes_of_a_disk_begin_again(self) -> None:
        sim = cluster(volume("d", CSI), claim("cd"), pod("p1", "cd", nodeName="node01"))
        sim.fail_node("node01")
        sim.run("2m")
        sim.delete("pod/p1", force=True)
        sim.apply(pod("p2", "cd", nodeName="node02"))
        sim.run("5m")
        self.restarted(sim)
        started = sim.now
        sim.run(until=lambda sim: phase(sim, "pod/p2") == "Running")
        assert 360 <= sim.now - started <= 362

    def test_the_quarantine_of_pods_without_their_node_begins_again(self) -> None:
        sim = cluster(pod(source="emptyDir: {}", nodeName="node01"))
        sim.fail_node("node01")
        sim.delete("node/node01")
        sim.run("30s")
        self.restarted(sim)
        started = sim.now
        sim.run(until=lambda sim: phase(sim, "pod/p") == "gone")
        assert 40 <= sim.now - started <= 60

    def test_a_disk_whose_pod_went_meanwhile_is_detached(self) -> None:
        sim = cluster(volume("d", CSI), claim("cd"), pod("p1", "cd", nodeName="node01"))
        sim.stop_component("controller-manager")
        sim.delete("pod/p1")
        sim.settle()
        assert sim.state.get("backends", "disk").attached_to == ("node01",)
        sim.start_component("controller-manager")
        sim.settle()
        assert sim.state.get("backends", "disk").attached_to == ()

    def test_only_a_process_that_was_down_forgets(self) -> None:
        sim = cluster(deployment())
        sim.fail_node(sim.list("pods")[0].spec.node_name)
        sim.run("2m")
        before = dict(sim.state.table("memory").items())
        assert sim.inflict("start", "controller-manager").changes == ()
        assert dict(sim.state.table("memory").items()) == before

    def test_without_a_look_at_everything_work_would_be_left_undone(self) -> None:
        """A wrong engine, in which a process that starts only hears of what happens from then on."""

        class Deaf(Engine):
            def __attrs_post_init__(self) -> None:
                super().__attrs_post_init__()
                self.watches["components"] = ()

        sim = volsim.Simulation(nodes=2, engine=Deaf(default_engine().controllers))
        sim.stop_component("controller-manager")
        sim.apply(deployment(replicas=2))
        sim.settle()
        sim.start_component("controller-manager")
        sim.settle()
        assert sim.list("pods") == []


# -- pods and drains ---------------------------------------------------------------------------------------------------
class TestDrain:
    """Cordon, then evict what no budget protects."""

    def test_pods_move_and_the_node_takes_none_until_it_is_uncordoned(self) -> None:
        sim = cluster(deployment(replicas=2))
        sim.drain("node01")
        sim.settle()
        assert {each.spec.node_name for each in sim.list("pods")} == {"node02"}
        sim.uncordon("node01")
        sim.scale("deploy/web", 4)
        sim.settle()
        assert {each.spec.node_name for each in sim.list("pods")} == {"node01", "node02"}

    def test_pods_of_daemon_sets_stay(self) -> None:
        template = "{metadata: {labels: {app: d}}, spec: {containers: [{name: a, image: nginx}]}}"
        text = manifest(
            "apps/v1", "DaemonSet", "d", spec=fields_of(selector="{matchLabels: {app: d}}", template=template)
        )
        sim = cluster(text)
        before = [each.metadata.uid for each in sim.list("pods")]
        sim.drain("node01")
        sim.settle()
        assert [each.metadata.uid for each in sim.list("pods")] == before

    def test_a_budget_protects_pods_from_one_try(self) -> None:
        budget = manifest(
            "policy/v1",
            "PodDisruptionBudget",
            "b",
            spec=fields_of(maxUnavailable="1", selector="{matchLabels: {app: web}}"),
        )
        sim = cluster(deployment(replicas=3), budget, nodes=1)
        sim.drain("node01")
        assert sum(each.metadata.deletion_timestamp is not None for each in sim.list("pods")) == 1
        [kept] = sim.list("pdb")
        assert kept.status.disruptions_allowed == 0

    def test_a_pod_that_is_lost_is_replaced(self) -> None:
        sim = cluster(deployment())
        [web] = sim.list("pods")
        sim.inflict("delete", f"pod/default/{web.name}")
        sim.settle()
        [other] = sim.list("pods")
        assert other.metadata.uid != web.metadata.uid


class TestWrongFaults:
    """The tests above can fail."""

    def test_a_kubelet_that_works_although_it_is_stopped_is_found_out(self) -> None:
        """A wrong kubelet that does not ask whether it runs."""
        right = default_engine().controller("kubelet").sync

        def wrong(view: Any, key: str) -> Any:
            machines = dict(view.table("machines").items())
            if all(machine.kubelet for machine in machines.values()):
                return right(view, key)
            draft = view.seal().draft() if hasattr(view, "seal") else view.draft()
            for name, machine in machines.items():
                draft.put("machines", name, attrs.evolve(machine, kubelet=True))
            return right(draft.seal(), key)

        engine = default_engine().replacing("kubelet", sync=wrong)
        sim = volsim.Simulation(nodes=1, engine=engine)
        sim.stop_kubelet("node01")
        sim.apply(pod("new", source="emptyDir: {}"))
        sim.run("30s")
        assert phase(sim, "pod/new") == "Running"
