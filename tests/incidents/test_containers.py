"""Containers and their own directories: what "restart" means, what a limit does, what runs twice.

Each class is one incident; its docstring says what people get wrong.
Source: kubelet, pkg/kubelet/{kuberuntime,eviction}, pkg/volume/emptydir; facts of a real kubelet 1.36.
"""

from __future__ import annotations

import pytest

import volsim
from tests.incidents.manifests import exists, has_file, manifest, messages, phase, pod, settled, spec

WAIT = 'trap "exit 0" TERM; while :; do sleep 3600 & wait; done'
EMPTY = "emptyDir: {}"
MEMORY = "emptyDir: {medium: Memory}"


def cluster(kubernetes: str = "1.36", nodes: int = 1, **rules: float | bool) -> volsim.Simulation:
    return volsim.Simulation(nodes=nodes, rules=volsim.Rules.for_version(kubernetes, **rules))


def shell(script: str, name: str = "app", mount: str = "/data", **fields: str) -> str:
    """A container that runs a script in a shell, with the pod's volume `data`."""
    command = "[sh, -c, " + repr(script).replace("\\'", "''") + "]"
    given = {"name": name, "image": "busybox:1", "command": command}
    return spec(**{**given, "volumeMounts": f"[{{name: data, mountPath: {mount}}}]", **fields})


def writer(source: str = EMPTY, *, script: str = WAIT, limits: str = "", **fields: str) -> str:
    """Pod p with a volume of its own at /data."""
    resources = f"{{limits: {limits}}}" if limits else ""
    return pod(source=source, containers=f"[{shell(script, resources=resources)}]", **fields)


def deployment(script: str = WAIT, source: str = EMPTY) -> str:
    template = spec(
        metadata="{labels: {app: web}}",
        spec=spec(
            containers=f"[{shell(script)}]", volumes=f"[{{name: data, {source}}}]", terminationGracePeriodSeconds="2"
        ),
    )
    return manifest(
        "apps/v1", "Deployment", "web", spec=spec(replicas="1", selector="{matchLabels: {app: web}}", template=template)
    )


def pods(sim: volsim.Simulation) -> list[str]:
    return [f"pod/{each.metadata.name}" for each in sim.list("pods")]


def restarts(sim: volsim.Simulation, ref: str = "pod/p") -> int:
    return int(sim.get(ref).status.container_statuses[0].restart_count)


def disk(sim: volsim.Simulation) -> set[str]:
    """The files of the pods' volumes on node01."""
    return {path.rpartition("/")[2] for path in sim.host_files("node01") if "/volumes/" in path}


class TestAnEmptyDirSurvivesACrashAndNoReplacement:
    """INC-51: "it was only restarted" is said of containers, which keep an emptyDir, and of pods, which get another."""

    def test_a_container_that_crashes_keeps_it(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), deployment())
        (ref,) = pods(sim)
        uid = sim.get(ref).metadata.uid
        sim.write_file(ref, "/data/f", "kept")
        for _ in range(4):  # also in a crash loop
            sim.crash_container(ref)
            sim.run(for_="2m")
        assert pods(sim) == [ref]
        assert sim.get(ref).metadata.uid == uid
        assert restarts(sim, ref) == 4
        assert sim.read_file(ref, "/data/f") == b"kept"

    @pytest.mark.parametrize("how", ["deleted", "another image"])
    def test_a_pod_that_takes_its_place_has_its_own(self, kubernetes: str, how: str) -> None:
        sim = settled(cluster(kubernetes), deployment())
        (old,) = pods(sim)
        sim.write_file(old, "/data/f", "lost")
        if how == "deleted":
            sim.delete(old)
        else:
            sim.patch(
                "deploy/web",
                '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "busybox:2"}]',
                type="json",
            )
        sim.settle()
        (new,) = pods(sim)
        assert new != old
        assert sim.get(new).spec.node_name == "node01"
        assert not has_file(sim, new, "/data/f")
        assert "f" not in disk(sim)


class TestAnEmptyDirAndAReboot:
    """INC-52: an emptyDir is no memory: its files are there after a reboot, those in memory are not."""

    def ran(self, kubernetes: str, policy: str = "Always", nodes: int = 1) -> volsim.Simulation:
        volumes = f"[{{name: data, {EMPTY}}}, {{name: memory, {MEMORY}}}]"
        mounts = "[{name: data, mountPath: /data}, {name: memory, mountPath: /memory}]"
        sim = cluster(kubernetes, nodes)
        app = shell(WAIT, volumeMounts=mounts)
        sim.apply(pod(containers=f"[{app}]", volumes=volumes, restartPolicy=policy, nodeName="node01"))
        sim.run(for_="5s")
        sim.write_file("pod/p", "/data/f", "kept")
        sim.write_file("pod/p", "/memory/g", "lost")
        return sim

    def test_the_disk_is_kept_and_memory_is_not(self, kubernetes: str) -> None:
        sim = self.ran(kubernetes)
        uid = sim.get("pod/p").metadata.uid
        sim.fail_node("node01")
        sim.run(for_="2m")
        sim.recover_node("node01")
        sim.run(for_="2m")
        assert sim.get("pod/p").metadata.uid == uid
        assert restarts(sim) == 1
        assert sim.read_file("pod/p", "/data/f") == b"kept"
        assert not has_file(sim, "pod/p", "/memory/g")

    def test_a_pod_that_ended_with_the_reboot_has_no_directory(self, kubernetes: str) -> None:
        sim = self.ran(kubernetes, policy="Never")
        sim.fail_node("node01")
        sim.recover_node("node01")
        sim.run(for_="1m")
        assert phase(sim, "pod/p") == "Failed"
        assert disk(sim) == set()

    def test_a_pod_that_was_evicted_meanwhile_has_none_either(self, kubernetes: str) -> None:
        sim = self.ran(kubernetes, nodes=3)
        sim.fail_node("node01")
        sim.run(for_="10m")
        sim.recover_node("node01")
        sim.settle()
        assert not exists(sim, "pod/p")
        assert disk(sim) == set()


class TestASizeLimitIsNoQuota:
    """INC-53: on disk, sizeLimit refuses nothing: the write succeeds and the pod is evicted; in memory it is ENOSPC."""

    TOO_MUCH = f"dd if=/dev/zero of=/data/f bs=1M count=3; echo $? > /rc; {WAIT}"

    def test_the_write_succeeds_and_the_pod_is_evicted(self, kubernetes: str) -> None:
        sim = cluster(kubernetes)
        sim.apply(writer("emptyDir: {sizeLimit: 2Mi}", script=self.TOO_MUCH.replace(WAIT, "sleep 10000")))
        sim.run(for_="5s")
        assert sim.read_file("pod/p", "/rc") == b"0\n"
        assert phase(sim, "pod/p") == "Running"
        sim.run(for_="75s")
        found = sim.get("pod/p").status
        assert (found.phase, found.reason) == ("Failed", "Evicted")
        assert found.message == 'Usage of EmptyDir volume "data" exceeds the limit "2Mi". '
        assert disk(sim) == set()

    def test_what_is_as_large_as_the_limit_stays(self, kubernetes: str) -> None:
        """The directory itself counts: 2Mi less its 4096 bytes are the limit, and no more than it."""
        script = f"dd if=/dev/zero of=/data/f bs=4096 count=511; {WAIT}"
        sim = settled(cluster(kubernetes), writer("emptyDir: {sizeLimit: 2Mi}", script=script))
        sim.run(for_="5m")
        assert phase(sim, "pod/p") == "Running"

    def test_a_deployment_replaces_it_and_the_old_object_stays(self, kubernetes: str) -> None:
        script = "[ $HOSTNAME = never ] || dd if=/dev/zero of=/data/f bs=1M count=3; sleep 10000"
        sim = cluster(kubernetes)
        sim.apply(deployment(script, "emptyDir: {sizeLimit: 2Mi}"))
        sim.run(for_="90s")
        phases = sorted(each.status.phase for each in sim.list("pods"))
        assert phases == ["Failed", "Running"]

    def test_in_memory_there_is_no_room_and_no_eviction(self) -> None:
        sim = settled(cluster(), writer("emptyDir: {medium: Memory, sizeLimit: 2Mi}", script=self.TOO_MUCH))
        assert sim.read_file("pod/p", "/rc") == b"1\n"
        assert len(sim.read_file("pod/p", "/data/f")) == 2 * 1024 * 1024
        sim.run(for_="5m")
        assert phase(sim, "pod/p") == "Running"

    def test_before_1_22_memory_was_evicted_as_disks_are(self) -> None:
        sim = cluster("1.20")
        sim.apply(writer("emptyDir: {medium: Memory, sizeLimit: 2Mi}", script=self.TOO_MUCH))
        sim.run(for_="5s")
        assert sim.read_file("pod/p", "/rc") == b"0\n"
        sim.run(for_="75s")
        assert messages(sim, "Evicted") == ['Usage of EmptyDir volume "data" exceeds the limit "2Mi". ']


class TestATmpfsIsMemory:
    """INC-54: what lies in a tmpfs counts as the container's memory, and a restart does not empty it."""

    FILL = "echo start >> /data/log; exec dd if=/dev/zero of=/data/big bs=1M count=64"

    def test_the_container_is_killed_again_and_again_and_the_volume_stays_full(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), writer(MEMORY, script=self.FILL, limits="{memory: 32Mi}"))
        sim.run(for_="2m")
        (status,) = sim.get("pod/p").status.container_statuses
        assert status.restart_count >= 3
        ended = status.last_state.terminated or status.state.terminated
        assert (ended.exit_code, ended.reason) == (137, "OOMKilled")
        path = next(path for path in sim.host_files("node01") if path.endswith("/data/big"))
        assert 30 * 2**20 < len(sim.host_files("node01")[path]) < 32 * 2**20

    def test_deletion_frees_it(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), writer(MEMORY, script=self.FILL, limits="{memory: 32Mi}"))
        sim.delete("pod/p")
        sim.settle()
        assert disk(sim) == set()

    def test_without_a_limit_it_is_as_large_as_the_nodes_memory(self) -> None:
        sim = settled(cluster(), writer(MEMORY, script=f"df -k /data > /df; {WAIT}"))
        memory = int(sim.get("node/node01").status.allocatable["memory"])
        assert int(sim.read_file("pod/p", "/df").decode().splitlines()[1].split()[1]) == memory // 1024


class TestTheWritableLayerIsNoPlaceForData:
    """INC-55: a pod is no machine: what a container writes outside of volumes is gone when it is started again."""

    def test_a_restarted_container_begins_with_its_image(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), writer())
        sim.write_file("pod/p", "/srv-data", "lost")
        before = sim.get("pod/p")
        sim.crash_container("pod/p")
        sim.settle()
        after = sim.get("pod/p")
        assert (after.metadata.uid, after.status.pod_ip) == (before.metadata.uid, before.status.pod_ip)
        assert restarts(sim) == 1
        assert not has_file(sim, "pod/p", "/srv-data")


class TestInitContainersRunAgain:
    """INC-56: after a crash init containers do not run again; after a reboot they do, over what they left before."""

    def ran(self, kubernetes: str) -> volsim.Simulation:
        init = shell("mkdir /data/repository && echo init >> /data/log", name="init")
        app = shell(f"echo app >> /data/log; {WAIT}")
        return settled(cluster(kubernetes), pod(source=EMPTY, initContainers=f"[{init}]", containers=f"[{app}]"))

    def test_not_after_a_crash(self, kubernetes: str) -> None:
        sim = self.ran(kubernetes)
        sim.crash_container("pod/p")
        sim.settle()
        assert sim.read_file("pod/p", "/data/log") == b"init\napp\napp\n"

    def test_again_after_a_reboot_and_so_they_must_bear_it(self, kubernetes: str) -> None:
        """As `git clone` does, this one fails if its directory is there."""
        sim = self.ran(kubernetes)
        sim.fail_node("node01")
        sim.recover_node("node01")
        sim.run(for_="5m")
        (init,) = sim.get("pod/p").status.init_container_statuses
        assert init.restart_count >= 1
        ended = init.last_state.terminated or init.state.terminated
        assert ended.exit_code == 1
        assert phase(sim, "pod/p") in ("Pending", "Running")
        assert restarts(sim) == 0  # the app waits for it for ever


class TestAFullDiskEvictsTheNeighbour:
    """INC-57: without limits it is the node that runs full; who goes then is decided by requests and priorities."""

    def node(self) -> dict[str, object]:
        amounts = {"ephemeral-storage": "100Mi", "memory": "8Gi", "cpu": "4", "pods": "110"}
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node01"}, "status": {"capacity": amounts}}

    def fill(self, mebibytes: int) -> str:
        return f"dd if=/dev/zero of=/data/f bs=1M count={mebibytes}; sleep 10000"

    def filled(self, kubernetes: str, culprit: int = 60, **neighbour: str) -> volsim.Simulation:
        """Pod small with 35 MiB, pod big with more, which asked for as much."""
        sim = volsim.Simulation(nodes=[self.node()], kubernetes=kubernetes)
        asked = f"{{requests: {{ephemeral-storage: {culprit + 1}Mi}}}}"
        sim.apply(pod(name="small", source=EMPTY, containers=f"[{shell(self.fill(35))}]", **neighbour))
        sim.run(for_="5s")
        sim.apply(pod(name="big", source=EMPTY, containers=f"[{shell(self.fill(culprit), resources=asked)}]"))
        sim.run(for_="1m")
        return sim

    def pressure(self, sim: volsim.Simulation) -> str:
        return str(
            next(each.status for each in sim.get("node/node01").status.conditions if each.type == "DiskPressure")
        )

    def test_who_asked_for_what_it_uses_stays_and_the_neighbour_goes(self, kubernetes: str) -> None:
        sim = self.filled(kubernetes)
        found = sim.get("pod/small").status
        assert (found.phase, found.reason) == ("Failed", "Evicted")
        assert (found.message or "").startswith("The node was low on resource: ephemeral-storage. Threshold quantity: ")
        assert phase(sim, "pod/big") == "Running"
        assert messages(sim, "EvictionThresholdMet")

    def test_the_node_says_so_for_five_minutes_more_and_turns_pods_away(self, kubernetes: str) -> None:
        sim = self.filled(kubernetes)
        assert self.pressure(sim) == "True"
        assert any(taint.key == "node.kubernetes.io/disk-pressure" for taint in sim.get("node/node01").spec.taints)
        sim.apply(pod(name="late", source=EMPTY, containers=f"[{shell(WAIT)}]", nodeName="node01"))
        sim.run(for_="1s")
        assert (sim.get("pod/late").status.phase, sim.get("pod/late").status.reason) == ("Failed", "Evicted")
        sim.run(for_="3m")
        assert self.pressure(sim) == "True"
        sim.run(for_="3m")
        assert self.pressure(sim) == "False"
        assert messages(sim, "NodeHasDiskPressure") == ["Node node01 status is now: NodeHasDiskPressure"]
        assert messages(sim, "NodeHasNoDiskPressure") == ["Node node01 status is now: NodeHasNoDiskPressure"]

    def test_the_critical_stay(self, kubernetes: str) -> None:
        sim = self.filled(kubernetes, namespace="kube-system", priorityClassName="system-node-critical")
        assert phase(sim, "pod/big") == "Failed"

    def test_what_exceeds_the_limit_of_a_container_or_of_all_together(self, kubernetes: str) -> None:
        sim = cluster(kubernetes)
        sim.apply(writer(script=self.fill(3), limits="{ephemeral-storage: 2Mi}"))
        sim.run(for_="75s")
        text = "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. "
        assert messages(sim, "Evicted") == [text]
