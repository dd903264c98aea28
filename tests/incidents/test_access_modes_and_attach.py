"""Access modes and attaching: who may use a volume where, who checks it, and who waits for whom.

Each class is one incident; its docstring says what people get wrong.
Source: kube-controller-manager, pkg/controller/volume/attachdetach; kube-scheduler, VolumeRestrictions and
NodeVolumeLimits; kubelet, volume manager.
"""

from __future__ import annotations

from errno import EROFS
from typing import Any

import pytest

import volsim
from tests.incidents.manifests import (
    DRIVER,
    claim,
    containers,
    exists,
    has_file,
    manifest,
    messages,
    never,
    phase,
    pod,
    settled,
    spec,
    storage_class,
    volume,
)

CSI = f"csi: {{driver: {DRIVER}, volumeHandle: disk}}"
NFS = "nfs: {server: nas, path: /v}"
BOTH_NODES = (
    "{required: {nodeSelectorTerms: [{matchExpressions: "
    "[{key: kubernetes.io/hostname, operator: In, values: [node01, node02]}]}]}}"
)
USED = 'Multi-Attach error for volume "v" Volume is already used by pod(s) p1'
EXCLUSIVE = (
    'Multi-Attach error for volume "v" Volume is already exclusively attached to one node and '
    "can't be attached to another"
)


def cluster(kubernetes: str = "1.36", *texts: str, attach: bool = True, **rules: Any) -> volsim.Simulation:
    """Two nodes with a CSI driver, and what is to be there besides."""
    sim = volsim.Simulation(nodes=2, rules=volsim.Rules.for_version(kubernetes, **rules))
    sim.install_csi_driver(DRIVER, attach_required=attach)
    return settled(sim, *texts)


def on(name: str, node: str, **fields: str) -> str:
    """A pod that says itself on which node it runs."""
    return pod(name, nodeName=node, **fields)


def running(sim: volsim.Simulation, *names: str) -> list[bool]:
    return [phase(sim, f"pod/{name}") == "Running" for name in names]


def attached_to(sim: volsim.Simulation) -> list[str]:
    """The nodes for which there is an attachment."""
    return [each.spec.node_name or "" for each in sim.list("volumeattachments")]


class TestOnceMeansOncePerNode:
    """INC-35: ReadWriteOnce does not stop two pods on the same node: "once" is once per node."""

    def test_two_pods_on_one_node_both_write(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, volume(source=CSI), claim(), on("p1", "node01"), on("p2", "node01"))
        assert running(sim, "p1", "p2") == [True, True]
        sim.write_file("pod/p1", "/data/f", "one")
        assert sim.read_file("pod/p2", "/data/f") == b"one"
        sim.write_file("pod/p2", "/data/f", "two")
        assert sim.read_file("pod/p1", "/data/f") == b"two"
        assert messages(sim, "FailedAttachVolume") == []


def deployment(image: str, **fields: str) -> str:
    """One replica with the claim c, and the default strategy: one pod more, none less."""
    template = spec(
        metadata="{labels: {app: web}}",
        spec=spec(
            containers=containers(image=image),
            volumes="[{name: data, persistentVolumeClaim: {claimName: c}}]",
            **fields,
        ),
    )
    return manifest("apps/v1", "Deployment", "web", spec=spec(selector="{matchLabels: {app: web}}", template=template))


def web_pods(sim: volsim.Simulation) -> dict[str, str]:
    """The phases of the deployment's pods, by image."""
    return {each.spec.containers[0].image: each.status.phase for each in sim.list("pods", selector="app=web")}


class TestRollingUpdateWithAnExclusiveDisk:
    """INC-36: a rolling update needs the disk twice; whether that works depends on the node that is picked."""

    def updated(self, kubernetes: str, *, elsewhere: bool) -> volsim.Simulation:
        """A deployment that ran on a node, and has just been given another image."""
        sim = cluster(kubernetes, volume(source=CSI), claim(), deployment("web:1"))
        [old] = sim.list("pods", selector="app=web")
        sim.write_file(f"pod/{old.metadata.name}", "/data/f", "precious")
        free = {"node01": "node02", "node02": "node01"}[old.spec.node_name]
        sim.cordon(old.spec.node_name if elsewhere else free)
        sim.apply(deployment("web:2"))
        return sim

    def test_on_another_node_it_is_stuck_for_ever(self, kubernetes: str) -> None:
        sim = self.updated(kubernetes, elsewhere=True)
        sim.run("5m")
        assert web_pods(sim) == {"web:1": "Running", "web:2": "Pending"}
        [text] = messages(sim, "FailedAttachVolume")
        assert text.startswith('Multi-Attach error for volume "v" Volume is already used by pod(s) web-')
        sim.run("11m")
        assert self.progressing(sim) == ("False", "ProgressDeadlineExceeded")
        assert never(sim, lambda sim: web_pods(sim) != {"web:1": "Running", "web:2": "Pending"}, within="12h")

    def test_on_the_same_node_it_works_and_both_write_for_a_while(self, kubernetes: str) -> None:
        sim = self.updated(kubernetes, elsewhere=False)
        sim.run(until=lambda sim: web_pods(sim) == {"web:1": "Running", "web:2": "Running"}, limit="5m")
        settled(sim)
        assert web_pods(sim) == {"web:2": "Running"}
        [new] = sim.list("pods", selector="app=web")
        assert sim.read_file(f"pod/{new.metadata.name}", "/data/f") == b"precious"
        assert self.progressing(sim) == ("True", "NewReplicaSetAvailable")

    def progressing(self, sim: volsim.Simulation) -> tuple[str, str]:
        conditions = sim.get("deploy/web").status.conditions
        found = next(each for each in conditions if each.type == "Progressing")
        return found.status, found.reason


class TestOnceIsNotEnforcedWithoutAttaching:
    """INC-37: for volumes that are not attached, access modes only say which claim fits: nobody checks them."""

    @pytest.mark.parametrize(
        ("source", "is_shared"),
        [(NFS, True), (CSI, True), ("hostPath: {path: /mnt/v}", False), ("local: {path: /mnt/v}", False)],
        ids=["nfs", "csi without attach", "hostPath", "local"],
    )
    def test_two_nodes_mount_it_and_nobody_complains(self, kubernetes: str, source: str, is_shared: bool) -> None:
        affinity = {"nodeAffinity": BOTH_NODES} if source.startswith("local") else {}
        sim = cluster(kubernetes, volume(source=source, **affinity), claim(), attach=False)
        settled(sim, on("p1", "node01"), on("p2", "node02"))
        assert running(sim, "p1", "p2") == [True, True]
        sim.write_file("pod/p1", "/data/one", "1")
        sim.write_file("pod/p2", "/data/two", "2")
        assert has_file(sim, "pod/p2", "/data/one") == is_shared
        assert has_file(sim, "pod/p1", "/data/two") == is_shared
        assert [event.message for event in sim.events if event.type == "Warning"] == []
        assert attached_to(sim) == []


class TestWhatSharedModesMean:
    """INC-38: the modes of the volume decide, not those of the claim, and ReadOnlyMany makes no mount read-only."""

    @pytest.mark.parametrize("source", [NFS, CSI], ids=["nfs", "csi"])
    def test_read_only_many_can_be_written(self, kubernetes: str, source: str) -> None:
        modes = "[ReadOnlyMany]"
        sim = cluster(kubernetes, volume(source=source, accessModes=modes), claim(accessModes=modes))
        settled(sim, on("p1", "node01"), on("p2", "node02"))
        sim.write_file("pod/p1", "/data/f", "written")
        assert sim.read_file("pod/p2", "/data/f") == b"written"

    @pytest.mark.parametrize("where", ["claim", "mount"])
    def test_it_is_read_only_where_the_pod_says_so(self, kubernetes: str, where: str) -> None:
        modes = "[ReadOnlyMany]"
        sim = cluster(kubernetes, volume(accessModes=modes), claim(accessModes=modes), on("writer", "node01"))
        if where == "claim":
            reading = pod("p", source="persistentVolumeClaim: {claimName: c, readOnly: true}")
        else:
            mounts = "[{name: data, mountPath: /data, readOnly: true}]"
            reading = pod("p", containers=containers(volumeMounts=mounts))
        settled(sim, reading)
        sim.write_file("pod/writer", "/data/f", "written")
        assert sim.read_file("pod/p", "/data/f") == b"written"
        with pytest.raises(volsim.FileError) as refused:
            sim.write_file("pod/p", "/data/f", "more")
        assert refused.value.errno == EROFS

    @pytest.mark.parametrize(
        ("modes", "both"),
        [
            ("[ReadWriteOnce]", False),
            ("[ReadWriteOnce, ReadWriteMany]", True),
            ("[ReadWriteOnce, ReadOnlyMany]", True),
        ],
    )
    def test_one_shared_mode_of_the_volume_switches_the_check_off(
        self, kubernetes: str, modes: str, both: bool
    ) -> None:
        sim = cluster(kubernetes, volume(source=CSI, accessModes=modes), claim(accessModes="[ReadWriteOnce]"))
        settled(sim, on("p1", "node01"), on("p2", "node02"))
        assert running(sim, "p1", "p2") == [True, both]
        assert messages(sim, "FailedAttachVolume") == ([] if both else [USED])
        assert attached_to(sim) == (["node01", "node02"] if both else ["node01"])

    def test_a_volume_without_any_mode_is_not_checked_either(self, kubernetes: str) -> None:
        source = "iscsi: {targetPortal: '10.0.0.1:3260', iqn: 'iqn.2026-01.org.example:disk', lun: 0}"
        sim = cluster(kubernetes, on("p1", "node01", source=source), on("p2", "node02", source=source))
        assert running(sim, "p1", "p2") == [True, True]


SOLE = {"accessModes": "[ReadWriteOncePod]"}
TAKEN = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
)


@pytest.fixture(params=["1.27", "1.29", "1.36"])
def sole(request: pytest.FixtureRequest) -> volsim.Simulation:
    """A volume that one pod may use, and p1 that uses it."""
    return cluster(request.param, volume(source=CSI, **SOLE), claim(**SOLE), pod("p1"))


class TestReadWriteOncePod:
    """INC-39: ReadWriteOncePod mends INC-35, and turns the "maybe" of INC-36 into "always"."""

    @pytest.mark.parametrize("kubernetes", ["1.24", "1.26"])
    def test_before_1_27_there_was_no_such_mode(self, kubernetes: str) -> None:
        sim = cluster(kubernetes)
        for text in (volume(source=CSI, **SOLE), claim(**SOLE)):
            with pytest.raises(volsim.Invalid, match='Unsupported value: "ReadWriteOncePod"'):
                sim.apply(text)

    def test_it_stands_alone(self, sole: volsim.Simulation) -> None:
        with pytest.raises(volsim.Invalid, match="may not use ReadWriteOncePod with other access modes"):
            sole.apply(volume("w", accessModes="[ReadWriteOncePod, ReadWriteOnce]"))

    def test_a_second_pod_is_not_scheduled_until_the_first_is_gone(self, sole: volsim.Simulation) -> None:
        settled(sole, pod("p2"))
        assert running(sole, "p1", "p2") == [True, False]
        condition = next(each for each in sole.get("pod/p2").status.conditions if each.type == "PodScheduled")
        assert (condition.status, condition.reason) == ("False", "Unschedulable")
        taken = TAKEN
        if sole.rules.version < (1, 29):
            taken = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
        assert taken in condition.message
        assert never(sole, lambda sim: phase(sim, "pod/p2") != "Pending")
        sole.delete("pod/p1")
        assert running(settled(sole), "p2") == [True]

    def test_a_pod_of_higher_priority_preempts_the_first(self, sole: volsim.Simulation) -> None:
        urgent = manifest("scheduling.k8s.io/v1", "PriorityClass", "urgent", value="1000")
        settled(sole, urgent, pod("p2", priorityClassName="urgent"))
        assert not exists(sole, "pod/p1")
        assert running(sole, "p2") == [True]
        assert messages(sole, "Preempted")

    def test_a_pod_that_goes_round_the_scheduler_is_refused_by_the_kubelet(self, sole: volsim.Simulation) -> None:
        node = sole.get("pod/p1").spec.node_name
        settled(sole, on("p2", node))
        assert running(sole, "p1", "p2") == [True, False]
        text = "volume uses the ReadWriteOncePod access mode and is already in use by another pod"
        assert messages(sole, "FailedMount")[0] == f'MountVolume.SetUp failed for volume "v" : {text}'
        sole.delete("pod/p1")
        sole.run("3m")
        assert running(sole, "p2") == [True]

    @pytest.mark.parametrize("version", ["1.27", "1.36"])
    @pytest.mark.parametrize("elsewhere", [False, True])
    def test_a_rolling_update_is_stuck_on_whichever_node(self, version: str, elsewhere: bool) -> None:
        sim = cluster(version, volume(source=CSI, **SOLE), claim(**SOLE), deployment("web:1"))
        [old] = sim.list("pods", selector="app=web")
        free = {"node01": "node02", "node02": "node01"}[old.spec.node_name]
        sim.cordon(old.spec.node_name if elsewhere else free)
        settled(sim, deployment("web:2"))
        assert never(sim, lambda sim: web_pods(sim) != {"web:1": "Running", "web:2": "Pending"}, within="12h")
        [new] = [each for each in sim.list("pods", selector="app=web") if each.spec.containers[0].image == "web:2"]
        assert new.spec.node_name is None


class TestAttachLimit:
    """INC-40: the limit is not what the cloud can do; it is what the CSINode says that the driver can do."""

    def limited(self, kubernetes: str, count: int | None, **parameters: str) -> volsim.Simulation:
        """One node whose driver says that it can take `count` volumes, and pods with claims a, b and c."""
        sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
        sim.install_csi_driver(DRIVER)
        settled(sim)
        sim.delete("csinode/node01")
        limit = f", allocatable: {{count: {count}}}" if count is not None else ""
        drivers = f"[{{name: {DRIVER}, nodeID: node01{limit}}}]"
        given = f"{{{', '.join(f'{key}: {value!r}' for key, value in parameters.items())}}}"
        settled(
            sim,
            manifest("storage.k8s.io/v1", "CSINode", "node01", spec=f"{{drivers: {drivers}}}"),
            storage_class(parameters=given),
        )
        for name in ("a", "b", "c"):
            settled(sim, claim(name, storageClassName="fast"), pod(name, uses=name))
        return sim

    def test_what_exceeds_the_count_is_not_scheduled(self, kubernetes: str) -> None:
        sim = self.limited(kubernetes, 2)
        assert running(sim, "a", "b", "c") == [True, True, False]
        assert "1 node(s) exceed max volume count" in messages(sim, "FailedScheduling")[-1]
        assert never(sim, lambda sim: phase(sim, "pod/c") != "Pending")
        sim.delete("pod/a")
        assert running(settled(sim), "c") == [True]

    def test_without_a_count_there_is_no_limit(self, kubernetes: str) -> None:
        assert running(self.limited(kubernetes, None), "a", "b", "c") == [True, True, True]

    @pytest.mark.parametrize("kubernetes", ["1.24", "1.34"])
    def test_until_1_34_what_the_driver_then_refuses_waits_for_ever(self, kubernetes: str) -> None:
        sim = self.limited(kubernetes, None, maxPerNode="2")
        assert sim.get("pod/c").spec.node_name == "node01"
        assert sim.get("pod/c").status.container_statuses[0].state.waiting.reason == "ContainerCreating"
        assert never(sim, lambda sim: phase(sim, "pod/c") == "Running", within="1d")
        [refused] = [each for each in sim.list("volumeattachments") if not each.status.attached]
        assert refused.status.attach_error.message.startswith("rpc error: code = ResourceExhausted desc = ")
        assert messages(sim, "FailedAttachVolume")
        sim.delete("pod/a")
        sim.run("10m")
        assert running(sim, "c") == [True], "with room for it the next attempt succeeds"

    def test_the_refusal_is_told_to_the_pod(self, kubernetes: str) -> None:
        sim = self.limited(kubernetes, None, maxPerNode="2")
        sim.run("10s")
        name = sim.get("pvc/c").spec.volume_name
        text = f'AttachVolume.Attach failed for volume "{name}" : rpc error: code = ResourceExhausted desc = '
        assert messages(sim, "FailedAttachVolume")[0].startswith(text)

    @pytest.mark.parametrize("kubernetes", ["1.35", "1.36"])
    def test_since_1_35_the_pod_is_ended_so_that_it_can_be_replaced(self, kubernetes: str) -> None:
        sim = self.limited(kubernetes, None, maxPerNode="2")
        sim.run("10m")
        found = sim.get("pod/c").status
        assert (found.phase, found.reason) == ("Failed", "VolumeAttachmentLimitExceeded")
        assert found.message.startswith(
            "Pod was rejected: Node has reached its volume attachment limit, rejecting pod."
        )
        assert len(sim.get("node/node01").status.volumes_in_use) == 2, "a's and b's, no longer c's"


def silent_but_ready(kubernetes: str, **rules: Any) -> volsim.Simulation:
    """p1's node counts as Ready, but never says that the disk is unmounted; p1's object is gone, and p2 waits."""
    sim = cluster(kubernetes, volume(source=CSI), claim(), on("p1", "node01"), node_monitor_grace_period="90d", **rules)
    sim.fail_node("node01")
    sim.delete("pod/p1", force=True)
    sim.apply(on("p2", "node02"))
    return sim


class TestStillMountedOnAHealthyNode:
    """INC-41: "after six minutes it is forced": since 1.26 never from a node that is Ready."""

    @pytest.mark.parametrize("kubernetes", ["1.26", "1.36"])
    def test_it_is_never_forced(self, kubernetes: str) -> None:
        sim = silent_but_ready(kubernetes)
        assert never(sim, lambda sim: attached_to(sim) != ["node01"] or phase(sim, "pod/p2") != "Pending", within="7d")
        ready = next(each for each in sim.get("node/node01").status.conditions if each.type == "Ready")
        assert ready.status == "True"
        assert len(sim.get("node/node01").status.volumes_in_use) == 1
        assert messages(sim, "FailedAttachVolume")[0] == EXCLUSIVE

    @pytest.mark.parametrize("kubernetes", ["1.26", "1.36"])
    def test_the_out_of_service_taint_overrides(self, kubernetes: str) -> None:
        sim = silent_but_ready(kubernetes)
        sim.run("1h")
        sim.taint("node01", "node.kubernetes.io/out-of-service", effect="NoExecute")
        sim.run("2s")
        assert attached_to(sim) == ["node02"]
        assert running(sim, "p2") == [True]

    @pytest.mark.parametrize("kubernetes", ["1.24", "1.25"])
    def test_before_1_26_it_was_forced_after_six_minutes(self, kubernetes: str) -> None:
        sim = silent_but_ready(kubernetes)
        sim.run("359s")
        assert attached_to(sim) == ["node01"]
        sim.run("2s")
        assert attached_to(sim) == ["node02"]
        assert running(sim, "p2") == [True]


class TestForceSwitchedOff:
    """INC-42: `--disable-force-detach-on-timeout` is used for safety, and then failover does not work any more."""

    def dead(self, *, off: bool) -> volsim.Simulation:
        """p1 was deleted by force on a node that has lost its power; p2 waits for the disk since then."""
        sim = cluster("1.36", volume(source=CSI), claim(), on("p1", "node01"), disable_force_detach_on_timeout=off)
        sim.write_file("pod/p1", "/data/f", "precious")
        sim.fail_node("node01")
        sim.run("70s")
        sim.delete("pod/p1", force=True)
        sim.apply(on("p2", "node02"))
        return sim

    @pytest.mark.parametrize("off", [False, True])
    def test_six_minutes_change_nothing_where_it_is_off(self, off: bool) -> None:
        sim = self.dead(off=off)
        sim.run("361s")
        assert attached_to(sim) == (["node01"] if off else ["node02"])
        assert running(sim, "p2") == [not off]

    def test_it_is_never_detached_by_itself(self) -> None:
        sim = self.dead(off=True)
        assert never(sim, lambda sim: attached_to(sim) != ["node01"] or phase(sim, "pod/p2") != "Pending", within="7d")

    @pytest.mark.parametrize("cure", ["node comes back", "out of service"])
    def test_the_node_or_the_taint_frees_it_and_the_bytes_are_there(self, cure: str) -> None:
        sim = self.dead(off=True)
        sim.run("1h")
        if cure == "node comes back":
            sim.recover_node("node01")
        else:
            sim.taint("node01", "node.kubernetes.io/out-of-service", effect="NoExecute")
        sim.run("1m")
        assert attached_to(sim) == ["node02"]
        assert sim.read_file("pod/p2", "/data/f") == b"precious"
