"""A node that fails: when that is noticed, what becomes of its pods and disks, and what an administrator changes.

Each class is one incident; its docstring says what people get wrong. Times are counted from the failure.
Source: kube-controller-manager: node lifecycle, taint eviction, pod garbage collector, attach/detach controller,
Deployment and StatefulSet controllers; kubelet.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

import volsim
from tests.incidents.manifests import (
    DRIVER,
    claim,
    containers,
    exists,
    has_file,
    is_terminating,
    manifest,
    messages,
    never,
    phase,
    pod,
    settled,
    spec,
    volume,
)
from volsim.objects import Pod

CSI = f"csi: {{driver: {DRIVER}, volumeHandle: disk}}"
CLAIM = "{name: data, persistentVolumeClaim: {claimName: c}}"
SCRATCH = "{name: data, emptyDir: {}}"
UNREACHABLE = "node.kubernetes.io/unreachable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
TOLERATES_ALL = "[{operator: Exists}]"


def grace(kubernetes: str) -> int:
    """How many seconds a node may be silent."""
    return 50 if kubernetes in ("1.32", "1.36") else 40


def cluster(kubernetes: str = "1.36", *texts: str, nodes: int = 3, **rules: bool) -> volsim.Simulation:
    """Nodes with a CSI driver, and what is to be there besides."""
    sim = volsim.Simulation(nodes=nodes, rules=volsim.Rules.for_version(kubernetes, **rules))
    sim.install_csi_driver(DRIVER)
    return settled(sim, *texts)


def workload(kind: str = "Deployment", volumes: str = f"[{SCRATCH}]", image: str = "web:1", **fields: str) -> str:
    """One replica, or one on each node, with its pods' volumes; fields of the pod are marked by `pod_`."""
    of_pod = {field.removeprefix("pod_"): value for field, value in fields.items() if field.startswith("pod_")}
    template = spec(
        metadata="{labels: {app: web}}", spec=spec(containers=containers(image=image), volumes=volumes, **of_pod)
    )
    given = {field: value for field, value in fields.items() if not field.startswith("pod_")}
    if kind == "StatefulSet":
        given["serviceName"] = "web"
    whole = spec(selector="{matchLabels: {app: web}}", template=template, **given)
    return manifest("apps/v1", kind, "web", spec=whole)


def pods(sim: volsim.Simulation) -> list[Pod]:
    """The workload's pods, the oldest first."""
    found = sim.list("pods", selector="app=web")
    return sorted(found, key=lambda pod: (pod.metadata.creation_timestamp, pod.name))


def node_of(sim: volsim.Simulation) -> str:
    return str(pods(sim)[0].spec.node_name)


def failed(sim: volsim.Simulation) -> str:
    """Power off the node of the workload's pod, just after it was heard of for the last time; its name."""
    node = node_of(sim)
    lease_us = round(sim.rules.node_lease_renew_interval * 1_000_000)
    since_lease_us = (sim.state.now_us - sim.state.get("machines", node).heartbeat_phase_us) % lease_us
    sim.run((lease_us - since_lease_us) / 1_000_000)
    sim.fail_node(node)
    return node


def passed(sim: volsim.Simulation, happens: Callable[[volsim.Simulation], bool], limit: str = "1h") -> float:
    """How many seconds pass until something happens."""
    return sim.run(until=happens, limit=limit)


def taints(sim: volsim.Simulation, node: str) -> set[tuple[str | None, str | None]]:
    return {(taint.key, taint.effect) for taint in sim.get(f"node/{node}").spec.taints}


def is_ready(sim: volsim.Simulation, node: str) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in sim.get(f"node/{node}").status.conditions)


def is_evicting(sim: volsim.Simulation, node: str) -> bool:
    """Whether the pods of a node begin to lose their patience."""
    return (UNREACHABLE, "NoExecute") in taints(sim, node)


def is_replaced(sim: volsim.Simulation) -> bool:
    return len(pods(sim)) > 1


def is_up_again(sim: volsim.Simulation, old: Pod) -> bool:
    """Whether another pod than the old one runs."""
    return any(each.status.phase == "Running" and each.metadata.uid != old.metadata.uid for each in pods(sim))


def evicted(sim: volsim.Simulation) -> str:
    """Fail the pod's node, and wait until the pod is told to go; the node's name."""
    node = failed(sim)
    passed(sim, lambda sim: is_terminating(sim, f"pod/{pods(sim)[0].name}"))
    return node


class TestDeploymentOnADeadNode:
    """INC-21: nothing happens for 40 or 50 s, and nothing to the pods for 300 s more; the old pod stays afterwards."""

    @pytest.mark.parametrize("kubernetes", ["1.20", "1.31", "1.32", "1.36"])
    def test_each_step_comes_in_its_time(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, workload())
        old = pods(sim)[0]
        node, name, limit = failed(sim), old.name, grace(kubernetes)
        start = sim.now
        assert never(sim, lambda sim: not is_ready(sim, node), within=f"{limit - 1}s")
        assert sim.get(f"pod/{name}").status.phase == "Running"
        passed(sim, lambda sim: is_evicting(sim, node))
        assert limit <= sim.now - start <= limit + 10
        self.check_what_is_said(sim, node, name)
        tainted = sim.now
        assert passed(sim, lambda sim: is_terminating(sim, f"pod/{name}")) == 300
        sim.run(0)
        assert [each.metadata.creation_timestamp for each in pods(sim)] == [
            old.metadata.creation_timestamp,
            (tainted + 300) * 1_000_000,
        ], "the replacement is made at the same moment"
        assert limit + 300 <= sim.now - start <= limit + 316
        sim.run("1m")
        assert is_up_again(sim, old)

    def check_what_is_said(self, sim: volsim.Simulation, node: str, name: str) -> None:
        [ready] = [each for each in sim.get(f"node/{node}").status.conditions if each.type == "Ready"]
        assert (ready.status, ready.reason) == ("Unknown", "NodeStatusUnknown")
        assert ready.message == "Kubelet stopped posting node status."
        assert taints(sim, node) == {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")}
        shown = sim.get(f"pod/{name}")
        assert shown.status.phase == "Running", "nobody has seen it end"
        assert {each.type: each.status for each in shown.status.conditions}["Ready"] == "False"
        assert messages(sim, "NodeNotReady") == [f"Node {node} status is now: NodeNotReady", "Node is not ready"]

    @pytest.mark.parametrize(("kubernetes", "told"), [("1.24", False), ("1.26", True), ("1.36", True)])
    def test_the_old_pod_is_terminating_for_ever(self, kubernetes: str, told: bool) -> None:
        sim = cluster(kubernetes, workload())
        old = pods(sim)[0].name
        evicted(sim)
        reasons = [each.reason for each in sim.get(f"pod/{old}").status.conditions if each.type == "DisruptionTarget"]
        assert reasons == (["DeletionByTaintManager"] if told else [])
        assert never(sim, lambda sim: not exists(sim, f"pod/{old}"), within="30d")
        assert (is_terminating(sim, f"pod/{old}"), phase(sim, f"pod/{old}")) == (True, "Running")


class TestStatefulSetOnADeadNode:
    """INC-22: a StatefulSet does not replace a pod that may still run: one identity is to be there once."""

    @pytest.fixture
    def sim(self, kubernetes: str) -> volsim.Simulation:
        return cluster(kubernetes, workload("StatefulSet"))

    def test_there_is_no_replacement(self, sim: volsim.Simulation) -> None:
        uid = pods(sim)[0].metadata.uid
        evicted(sim)
        assert never(sim, lambda sim: [each.metadata.uid for each in pods(sim)] != [uid], within="30d")

    def test_the_node_comes_back(self, sim: volsim.Simulation) -> None:
        old = pods(sim)[0]
        node = evicted(sim)
        sim.recover_node(node)
        assert passed(sim, lambda sim: is_up_again(sim, old)) <= 60

    def test_the_node_object_is_deleted(self, sim: volsim.Simulation) -> None:
        old = pods(sim)[0]
        node = evicted(sim)
        sim.run("1h")
        sim.delete(f"node/{node}")
        assert 40 <= passed(sim, lambda sim: is_up_again(sim, old)) <= 80

    def test_the_pod_is_deleted_by_force(self, sim: volsim.Simulation) -> None:
        old = pods(sim)[0]
        evicted(sim)
        sim.delete("pod/web-0", force=True)
        assert passed(sim, lambda sim: is_up_again(sim, old)) <= 1

    def test_the_node_is_taken_out_of_service(self, sim: volsim.Simulation, kubernetes: str) -> None:
        old = pods(sim)[0]
        node = evicted(sim)
        sim.taint(node, OUT_OF_SERVICE, "nodeshutdown", effect="NoExecute")
        if kubernetes == "1.24":
            assert never(sim, lambda sim: is_up_again(sim, old))
        else:
            assert passed(sim, lambda sim: is_up_again(sim, old)) <= 21


class TestDiskOfADeadNode:
    """INC-23: "wait six minutes" is not true: without an act on pod or node the six minutes never begin."""

    @pytest.fixture
    def sim(self, kubernetes: str) -> volsim.Simulation:
        sim = cluster(kubernetes, volume(source=CSI), claim(), workload(volumes=f"[{CLAIM}]"))
        sim.write_file(f"pod/{pods(sim)[0].name}", "/data/f", "precious")
        return sim

    def test_without_an_act_the_replacement_waits_for_ever(self, sim: volsim.Simulation, kubernetes: str) -> None:
        old = pods(sim)[0]
        evicted(sim)
        assert never(sim, lambda sim: is_up_again(sim, old), within="24h")
        waiting = volsim.to_manifest(pods(sim)[1])["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["reason"] == "ContainerCreating"
        assert messages(sim, "FailedAttachVolume") == [
            f'Multi-Attach error for volume "v" Volume is already used by pod(s) {old.name}'
        ], "it is said once"
        told = [event.first_timestamp or 0 for event in sim.events if event.reason == "FailedMount"]
        if kubernetes == "1.24":
            assert all(122 <= (later - before) / 1e6 <= 150 for before, later in pairwise(told))
        assert (len(told) > 500) == (kubernetes == "1.24"), "newer kubelets wait in silence"

    def test_the_six_minutes_begin_when_the_old_pod_is_gone(self, sim: volsim.Simulation) -> None:
        old = pods(sim)[0]
        evicted(sim)
        sim.run("20m")
        sim.delete(f"pod/{old.name}", force=True)
        assert 360 <= passed(sim, lambda sim: bool(messages(sim, "SuccessfulAttachVolume")[1:])) <= 361
        sim.run("2m")
        assert sim.read_file(f"pod/{pods(sim)[0].name}", "/data/f") == b"precious"


class TestOutOfService:
    """INC-24: the taint is for machines that are certainly off; it frees pods and disks at once, on any machine."""

    @pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
    @pytest.mark.parametrize("kubernetes", ["1.26", "1.28", "1.36"])
    def test_all_runs_again_within_the_collectors_period(self, kubernetes: str, kind: str) -> None:
        sim = cluster(kubernetes, volume(source=CSI), claim(), workload(kind, f"[{CLAIM}]"))
        old = pods(sim)[0]
        sim.write_file(f"pod/{old.name}", "/data/f", "precious")
        node = evicted(sim)
        sim.run("10m")
        sim.taint(node, OUT_OF_SERVICE, "nodeshutdown", effect="NoExecute")
        assert passed(sim, lambda sim: is_up_again(sim, old)) <= 22
        assert sim.read_file(f"pod/{pods(sim)[-1].name}", "/data/f") == b"precious"

    def test_it_evicts_what_was_not_evicted_yet(self) -> None:
        sim = cluster("1.36", volume(source=CSI), claim(), workload(volumes=f"[{CLAIM}]"))
        old = pods(sim)[0]
        node = failed(sim)
        passed(sim, lambda sim: is_evicting(sim, node))
        sim.taint(node, OUT_OF_SERVICE, effect="NoExecute")
        assert passed(sim, lambda sim: is_up_again(sim, old)) <= 22

    def test_a_pod_that_tolerates_everything_stays(self) -> None:
        sim = cluster("1.36", workload(pod_tolerations=TOLERATES_ALL))
        old = pods(sim)[0]
        node = failed(sim)
        sim.taint(node, OUT_OF_SERVICE, effect="NoExecute")
        assert never(sim, lambda sim: is_up_again(sim, old), within="24h")

    def test_on_a_healthy_node_it_evicts_and_the_kubelet_ends_the_pod(self) -> None:
        sim = cluster("1.36", workload())
        old = pods(sim)[0]
        sim.taint(node_of(sim), OUT_OF_SERVICE, effect="NoExecute")
        sim.run("1m")
        assert not exists(sim, f"pod/{old.name}")
        assert is_up_again(sim, old)

    def test_on_a_node_that_is_only_cut_off_two_write(self) -> None:
        sim = cluster("1.36", volume(source=CSI), claim(), workload(volumes=f"[{CLAIM}]"))
        old, node = pods(sim)[0], node_of(sim)
        sim.partition_node(node)
        passed(sim, lambda sim: is_terminating(sim, f"pod/{old.name}"))
        sim.taint(node, OUT_OF_SERVICE, effect="NoExecute")
        passed(sim, lambda sim: is_up_again(sim, old))
        assert sim.state.get("containers", f"{old.metadata.uid}/app").running, "nobody could tell the old one to stop"


class TestRecreateWaitsForTheDead:
    """INC-27: the strategy that is advised for exclusive disks waits for every old pod, also for one that is dead."""

    def test_the_rollout_has_no_pods_until_the_old_one_is_gone(self, kubernetes: str) -> None:
        recreate = {"volumes": f"[{CLAIM}]", "strategy": "{type: Recreate}"}
        sim = cluster(kubernetes, volume(source=CSI), claim(), workload(**recreate))
        old = pods(sim)[0]
        evicted(sim)
        sim.run("1m")
        assert len(pods(sim)) == 2, "without a rollout there is a replacement, which waits for the disk"
        sim.apply(workload(image="web:2", **recreate))
        sim.run("1m")
        assert never(sim, lambda sim: [each.name for each in pods(sim)] != [old.name], within="24h")
        sim.delete(f"pod/{old.name}", force=True)
        sim.run("10m")
        assert [(each.spec.containers[0].image, each.status.phase) for each in pods(sim)] == [("web:2", "Running")]


class TestNodeIsBackInTime:
    """INC-28: not every failure moves pods: a node that is back within 300 s keeps them."""

    def test_the_pod_stays_and_its_containers_are_started_again(self, kubernetes: str) -> None:
        memory = "{name: memory, emptyDir: {medium: Memory}}"
        mounts = "[{name: data, mountPath: /data}, {name: disk, mountPath: /disk}, {name: memory, mountPath: /memory}]"
        volumes = f"[{CLAIM}, {{name: disk, emptyDir: {{}}}}, {memory}]"
        template = spec(containers=containers(volumeMounts=mounts), volumes=volumes)
        sim = cluster(kubernetes, volume(source=CSI), claim(), manifest("v1", "Pod", "p", spec=template))
        before = sim.get("pod/p")
        for place in ("data", "disk", "memory"):
            sim.write_file("pod/p", f"/{place}/f", "precious")
        sim.fail_node(before.spec.node_name)
        sim.run("200s")
        sim.recover_node(before.spec.node_name)
        sim.run("2m")
        after = sim.get("pod/p")
        assert (after.metadata.uid, after.metadata.deletion_timestamp) == (before.metadata.uid, None)
        assert after.status.container_statuses[0].restart_count == 1
        assert [has_file(sim, "pod/p", f"/{place}/f") for place in ("data", "disk", "memory")] == [True, True, False]
        assert taints(sim, before.spec.node_name) == set()
        assert "Cancelling deletion of Pod default/p" in messages(sim, "TaintManagerEviction")
        assert messages(sim, "FailedAttachVolume") == []
        assert never(sim, lambda sim: is_terminating(sim, "pod/p"), within="1h")


class TestNodeIsBackTooLate:
    """INC-29: a pod that was told to go does not come back with its node: it is ended there."""

    def test_the_old_pod_goes_and_the_new_one_gets_the_disk_at_once(self, kubernetes: str) -> None:
        volumes = f"[{CLAIM}, {{name: scratch, emptyDir: {{}}}}]"
        sim = cluster(kubernetes, volume(source=CSI), claim(), workload(volumes=volumes))
        old = pods(sim)[0]
        node = evicted(sim)
        sim.run("4m")
        assert not is_up_again(sim, old)
        sim.recover_node(node)
        assert passed(sim, lambda sim: is_up_again(sim, old)) <= 180, "far less than the six minutes"
        assert not exists(sim, f"pod/{old.name}")
        assert not [path for path in sim.host_files(node) if str(old.metadata.uid) in path]


class TestNodeObjectDeleted:
    """INC-30: to delete the Node is no instant failover: pods go after 40 to 60 s, disks six minutes later."""

    def test_pods_go_after_the_quarantine(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, workload())
        old = pods(sim)[0]
        node = evicted(sim)
        sim.run("1h")
        sim.delete(f"node/{node}")
        gone = passed(sim, lambda sim: not exists(sim, f"pod/{old.name}"))
        assert 40 <= gone <= 80, "the quarantine of 40 s, and passes every 20 s before and after it"

    def test_pods_that_seem_to_run_are_marked_and_go_too(self) -> None:
        sim = cluster("1.36", workload())
        old = pods(sim)[0]
        sim.fail_node(node_of(sim))
        sim.delete(f"node/{node_of(sim)}")
        assert 40 <= passed(sim, lambda sim: not exists(sim, f"pod/{old.name}")) <= 80
        changes = [change for change in sim.trace[-1].changes if change.table == "pods" and change.key == old.key]
        marked = changes[0].after
        assert marked.status.phase == "Failed"
        assert [each.message for each in marked.status.conditions if each.type == "DisruptionTarget"] == [
            "PodGC: node no longer exists"
        ]

    def test_a_disk_is_forced_off_six_minutes_after_the_pod_is_gone(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, volume(source=CSI), claim(), workload(volumes=f"[{CLAIM}]"))
        old = pods(sim)[0]
        node = evicted(sim)
        sim.delete(f"node/{node}")
        passed(sim, lambda sim: not exists(sim, f"pod/{old.name}"))
        assert 360 <= passed(sim, lambda sim: len(messages(sim, "SuccessfulAttachVolume")) > 1) <= 361

    def test_a_machine_that_lives_goes_on_until_it_hears_that_its_pods_are_gone(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, workload())
        old, node = pods(sim)[0], node_of(sim)
        sim.partition_node(node)
        sim.run("1m")
        sim.delete(f"node/{node}")
        sim.run("2m")
        assert not exists(sim, f"pod/{old.name}")
        assert sim.state.get("containers", f"{old.metadata.uid}/app").running
        sim.heal_node(node)
        sim.run("2m")
        assert sim.state.get("containers", f"{old.metadata.uid}/app") is None


def zoned(count: int, zone: str, start: int = 1) -> list[str]:
    """Nodes of one zone."""
    labels = f"{{topology.kubernetes.io/region: r, topology.kubernetes.io/zone: {zone}}}"
    return [manifest("v1", "Node", f"{zone}{number:02}", labels=labels) for number in range(start, start + count)]


def when_tainted(sim: volsim.Simulation) -> list[float]:
    """When nodes were tainted so that their pods go, in seconds, the first one first."""
    return sorted(
        (taint.time_added or 0) / 1_000_000
        for node in sim.list("nodes")
        for taint in node.spec.taints
        if (taint.key, taint.effect) == (UNREACHABLE, "NoExecute")
    )


class TestManyNodesFail:
    """INC-31: whether pods are evicted depends on how many other nodes fail, and on nothing that a pod says."""

    def failing(self, nodes: list[str], *failing: str) -> volsim.Simulation:
        sim = volsim.Simulation(nodes=nodes)
        for name in failing:
            sim.apply(pod(f"on-{name}", source="emptyDir: {}", nodeName=name))
        sim.settle()
        for name in failing:
            sim.fail_node(name)
        return sim

    def test_all_zones_nobody_is_evicted_and_time_starts_afresh_afterwards(self) -> None:
        names = ["a01", "b01", "c01"]
        sim = self.failing([*zoned(1, "a"), *zoned(1, "b"), *zoned(1, "c")], *names)
        sim.run("2m")
        assert not any(is_ready(sim, name) for name in names)
        assert when_tainted(sim) == [], "taints that some had already are taken away again"
        assert never(sim, lambda sim: any(is_terminating(sim, f"pod/on-{name}") for name in names), within="2d")
        sim.recover_node("a01")
        passed(sim, lambda sim: len(when_tainted(sim)) == 2)
        assert 299 <= passed(sim, lambda sim: is_terminating(sim, "pod/on-b01")) <= 310

    def test_one_zone_of_three_its_nodes_are_evicted_one_every_ten_seconds(self) -> None:
        failing = ["a01", "a02", "a03"]
        sim = self.failing([*zoned(3, "a"), *zoned(3, "b"), *zoned(3, "c")], *failing)
        passed(sim, lambda sim: len(when_tainted(sim)) == 3)
        first, second, third = when_tainted(sim)
        assert (second - first >= 10, third - second >= 10, third - first <= 30) == (True, True, True)

    def test_most_of_a_small_zone_nobody_is_evicted(self) -> None:
        sim = self.failing([*zoned(5, "a"), *zoned(3, "b")], "a01", "a02", "a03")
        sim.run("2m")
        evicted = when_tainted(sim)
        assert len(evicted) < 3, "those that were noticed before it was most of the zone"
        assert never(sim, lambda sim: when_tainted(sim) != evicted, within="2d")

    def test_most_of_a_large_zone_one_node_every_hundred_seconds(self) -> None:
        failing = [f"a{number:02}" for number in range(1, 34)]
        sim = self.failing([*zoned(60, "a"), *zoned(3, "b")], *failing)
        passed(sim, lambda sim: len(when_tainted(sim)) >= 12, limit="3h")
        gaps = [after - before for before, after in pairwise(when_tainted(sim))]
        assert all(gap >= 100 for gap in gaps[-6:])
        assert all(gap >= 10 for gap in gaps)

    @pytest.mark.parametrize(("nodes", "failing"), [(2, 1), (3, 2)])
    def test_few_nodes_evict_normally(self, nodes: int, failing: int) -> None:
        names = [f"a{number:02}" for number in range(1, failing + 1)]
        sim = self.failing(zoned(nodes, "a"), *names)
        sim.run("7m")
        assert all(is_terminating(sim, f"pod/on-{name}") for name in names)


class TestDaemonSetOnADeadNode:
    """INC-32: a DaemonSet's pod on a dead node is shown as Running for ever: that is no sign of life."""

    def test_it_stays_until_its_node_object_goes_and_leaves_its_bytes(self, kubernetes: str) -> None:
        volumes = "[{name: data, hostPath: {path: /mnt, type: DirectoryOrCreate}}]"
        sim = cluster(kubernetes, workload("DaemonSet", volumes))
        old = pods(sim)[0]
        sim.write_file(f"pod/{old.name}", "/data/f", "precious")
        node = failed(sim)
        assert never(sim, lambda sim: is_terminating(sim, f"pod/{old.name}"), within="30d")
        shown = sim.get(f"pod/{old.name}")
        assert shown.status.phase == "Running"
        assert {each.type: each.status for each in shown.status.conditions}["Ready"] == "False"
        sim.delete(f"node/{node}")
        assert 40 <= passed(sim, lambda sim: not exists(sim, f"pod/{old.name}")) <= 80
        sim.recover_node(node)
        sim.run("2m")
        assert sim.host_files(node)["/mnt/f"] == b"precious"


def tolerating(*limits: tuple[str, int | None]) -> str:
    """Tolerations of NoExecute taints by key, each for so many seconds or (None) for ever."""
    each = "{{key: {}, operator: Exists, effect: NoExecute{}}}"
    return f"[{', '.join(each.format(key, '' if s is None else f', tolerationSeconds: {s}') for key, s in limits)}]"


class TestTolerationSeconds:
    """INC-33: the smallest of the limits that apply counts, from the first taint on; no toleration means at once."""

    @pytest.mark.parametrize("seconds", [30, 600, 0])
    def test_the_limit_counts_from_the_taint(self, kubernetes: str, seconds: int) -> None:
        sim = cluster(kubernetes, workload(pod_tolerations=tolerating((UNREACHABLE, seconds))))
        old, node = pods(sim)[0], failed(sim)
        start = sim.now
        passed(sim, lambda sim: is_evicting(sim, node))
        assert passed(sim, lambda sim: is_terminating(sim, f"pod/{old.name}")) == seconds
        assert grace(kubernetes) <= sim.now - start - seconds <= grace(kubernetes) + 10

    def test_without_a_limit_the_pod_stays(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, workload(pod_tolerations=tolerating((UNREACHABLE, None))))
        old = pods(sim)[0]
        failed(sim)
        assert never(sim, lambda sim: is_terminating(sim, f"pod/{old.name}"), within="30d")

    @pytest.mark.parametrize(
        ("limits", "taints", "seconds"),
        [
            ([("a", 60), ("b", 30)], ["a", "b"], 30),
            ([("b", 30), ("a", 60)], ["a", "b"], 30),
            ([("a", None), ("b", 30)], ["a", "b"], 30),
            ([("a", 60), ("a", 30)], ["a"], 60),
            ([("a", 60)], ["a", "b"], 0),
        ],
        ids=["smallest", "in-any-order", "for-ever-and-a-while", "first-of-two-for-one-taint", "one-not-tolerated"],
    )
    def test_several_limits(
        self, kubernetes: str, limits: list[tuple[str, int | None]], taints: list[str], seconds: int
    ) -> None:
        sim = cluster(kubernetes, workload(pod_tolerations=tolerating(*limits)))
        old = pods(sim)[0]
        sim.patch(f"node/{node_of(sim)}", {"spec": {"taints": [{"key": key, "effect": "NoExecute"} for key in taints]}})
        assert passed(sim, lambda sim: is_terminating(sim, f"pod/{old.name}")) == seconds

    def test_a_second_taint_does_not_shorten_the_time_that_runs(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, workload(pod_tolerations=tolerating(("a", 60), ("b", 5))))
        old, node = pods(sim)[0], node_of(sim)
        sim.taint(node, "a", effect="NoExecute")
        sim.run("20s")
        sim.taint(node, "b", effect="NoExecute")
        assert passed(sim, lambda sim: is_terminating(sim, f"pod/{old.name}")) == 40


class TestShutdownByDefault:
    """INC-34: graceful node shutdown is not active by default: to shut a node down is to switch it off."""

    def test_it_is_a_power_failure(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, volume(source=CSI), claim(), workload(volumes=f"[{CLAIM}]"))
        old = pods(sim)[0]
        node = failed(sim)
        start = sim.now
        passed(sim, is_replaced)
        assert grace(kubernetes) + 300 <= sim.now - start <= grace(kubernetes) + 310
        assert (phase(sim, f"pod/{old.name}"), is_terminating(sim, f"pod/{old.name}")) == ("Running", True)
        assert sim.get(f"node/{node}").status.volumes_attached, "nobody has taken the disk away"
        assert never(sim, lambda sim: is_up_again(sim, old), within="24h")
