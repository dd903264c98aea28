"""Mounts: what people expect of host paths, read-only mounts, subPaths and directories that are not empty.

Each class is one incident; its docstring says what people get wrong.
Source: kubelet, pkg/kubelet/volumemanager, pkg/volume/{hostpath,configmap,util/subpath}; kubernetes.io/docs, volumes.
"""

from __future__ import annotations

from errno import EROFS

import pytest

import volsim
from tests.incidents.manifests import (
    claim,
    containers,
    has_file,
    manifest,
    messages,
    never,
    phase,
    pod,
    settled,
    volume,
)
from volsim.engine.cluster import default_engine
from volsim.engine.perform import Engine

HOST = "hostPath: {path: /srv/data, type: DirectoryOrCreate}"
SHELL = '["sh", "-c", "trap \'exit 0\' TERM; while :; do sleep 3600 & wait; done"]'


def cluster(kubernetes: str = "1.36", nodes: int = 1, **rules: float | bool) -> volsim.Simulation:
    return volsim.Simulation(nodes=nodes, rules=volsim.Rules.for_version(kubernetes, **rules))


def shell(*mounts: str, **fields: str) -> str:
    """One container with a shell and these mounts."""
    return containers(image="busybox", command=SHELL, volumeMounts=f"[{', '.join(mounts)}]", **fields)


def mount(name: str, path: str, more: str = "") -> str:
    return f"{{name: {name}, mountPath: {path}{', ' if more else ''}{more}}}"


def configuration(value: str, more: str = "") -> str:
    fields = {"immutable": "true"} if more == "immutable" else {}
    return manifest("v1", "ConfigMap", "cm", data=f"{{key: {value}}}", **fields)


class TestHostPathDataStaysOnItsNode:
    """INC-58: a hostPath is believed to follow its pod; it works where there is one node."""

    @pytest.mark.parametrize("through", ["pod", "volume"])
    def test_another_node_has_other_data_and_the_first_still_has_them(self, kubernetes: str, through: str) -> None:
        sim = cluster(kubernetes, nodes=2)
        source = HOST if through == "pod" else ""
        if through == "volume":
            settled(sim, volume(source=HOST), claim())
            assert sim.get("pv/v").spec.node_affinity is None, "unlike a local volume it says nothing of nodes"
        for node, seen in (("node01", False), ("node02", False), ("node01", True), ("node02", False)):
            settled(sim, pod(source=source, nodeSelector=f"{{kubernetes.io/hostname: {node}}}"))
            assert has_file(sim, "pod/p", "/data/f") == seen
            if node == "node01":
                sim.write_file("pod/p", "/data/f", "here")
            sim.delete("pod/p")
            sim.settle()


class TestHostPathTypes:
    """INC-59: "is not a directory" is said of a path that is not there, too."""

    @pytest.mark.parametrize(
        ("type_", "absent", "directory", "file"),
        [
            ("Directory", "a directory", "", "a directory"),
            ("File", "a file", "a file", ""),
            ("DirectoryOrCreate", "", "", "a directory"),
            ("FileOrCreate", "", "a file", ""),
            ("Socket", "a socket file", "a socket file", "a socket file"),
            ('""', "", "", ""),
        ],
    )
    def test_the_matrix(self, kubernetes: str, type_: str, absent: str, directory: str, file: str) -> None:
        for what, wrong in (("absent", absent), ("directory", directory), ("file", file)):
            sim = cluster(kubernetes)
            settled(sim, pod("admin", source="hostPath: {path: /srv, type: Directory}"))
            if what == "directory":
                sim.exec("admin", "mkdir /data/x")
            elif what == "file":
                sim.write_file("admin", "/data/x", "f")
            sim.apply(pod(source=f"hostPath: {{path: /srv/x, type: {type_}}}"))
            sim.run("1s")
            assert phase(sim, "pod/p") == ("Pending" if wrong else "Running")
            text = f'MountVolume.SetUp failed for volume "data" : hostPath type check failed: /srv/x is not {wrong}'
            assert set(messages(sim, "FailedMount")) == ({text} if wrong else set())

    def test_it_heals_when_the_path_is_made(self, kubernetes: str) -> None:
        sim = cluster(kubernetes)
        sim.apply(pod(source="hostPath: {path: /srv/x, type: Directory}"))
        assert never(sim, lambda sim: phase(sim, "pod/p") != "Pending", within="1h")
        tries = sum("hostPath type check failed" in text for text in messages(sim, "FailedMount"))
        assert tries == 10 + 3600 // 122 - 2, "0.5 s, 1 s, 2 s … then every 2 min 2 s"
        settled(sim, pod("admin", source="hostPath: {path: /srv, type: Directory}"))
        sim.exec("admin", "mkdir /data/x")
        waited = sim.run(until=lambda sim: phase(sim, "pod/p") == "Running", limit="10m")
        assert waited <= 122


class TestPodsAreCoupledByTheirNode:
    """INC-60: a hostPath is believed to be private to its pod."""

    def test_pods_of_two_namespaces_share_it_and_nobody_cleans_up(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, nodes=2)
        sim.apply(manifest("v1", "Namespace", "other"))
        settled(sim, pod(source=HOST, nodeName="node01"), pod("p", namespace="other", source=HOST, nodeName="node01"))
        settled(sim, pod("q", source=HOST, nodeName="node02"))
        sim.write_file("pod/p", "/data/f", "one")
        assert sim.read_file("pod/p", "/data/f", namespace="other") == b"one"
        assert not has_file(sim, "pod/q", "/data/f")
        sim.delete("pod/p")
        sim.settle()
        assert sim.read_file("pod/p", "/data/f", namespace="other") == b"one"

    def test_its_owner_is_not_changed_for_a_group(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), pod("q", source=HOST))
        sim.write_file("pod/q", "/data/f", "root's")
        settled(sim, pod(source=HOST, securityContext="{runAsUser: 1000, fsGroup: 2000}"))
        assert sim.exec("p", "stat -c %u:%g /data /data/f").stdout == "0:0\n0:0\n"
        with pytest.raises(volsim.FileError, match="Permission denied"):
            sim.write_file("pod/p", "/data/g", "mine")


class TestWhatIsBehindAMountIsNotRubbish:
    """INC-61: "orphaned pod found, but volume paths are still present on disk" reads like rubbish to be removed."""

    def test_the_kubelet_lets_go_of_a_mount_and_removes_nothing_behind_it(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), pod(source="nfs: {server: nas, path: /v}"))
        sim.write_file("pod/p", "/data/f", "precious")
        sim.partition_node("node01")
        sim.run("1m")
        sim.delete("pod/p", force=True)
        sim.run("10m")
        sim.heal_node("node01")
        sim.settle()
        assert not [path for path in sim.host_files("node01") if "/var/lib/kubelet/pods/" in path]
        settled(sim, pod("reader", source="nfs: {server: nas, path: /v}"))
        assert sim.read_file("pod/reader", "/data/f") == b"precious"

    def test_who_removes_the_directories_of_a_pod_removes_what_is_mounted_there(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), pod(source="nfs: {server: nas, path: /v}"))
        sim.write_file("pod/p", "/data/f", "precious")
        settled(sim, pod("admin", source="hostPath: {path: /var/lib/kubelet/pods}"))
        uid = sim.get("pod/p").metadata.uid
        found = sim.exec("admin", f"find /data/{uid} -type f").stdout
        assert found == f"/data/{uid}/volumes/kubernetes.io~nfs/data/f\n"
        assert "Device or resource busy" in sim.exec("admin", f"rm -rf /data/{uid}").stderr, "the mount point stays"
        sim.delete("pod/p")
        settled(sim, pod("reader", source="nfs: {server: nas, path: /v}"))
        assert not has_file(sim, "pod/reader", "/data/f")


class TestAMountHidesWhatTheImageHas:
    """INC-62: from Docker people know that a new volume gets a copy of what the image has there."""

    PAGE = "/usr/share/nginx/html"

    def test_only_the_volume_is_seen_and_nothing_is_copied(self, kubernetes: str) -> None:
        plain = settled(cluster(kubernetes), pod(source="emptyDir: {}"))
        assert has_file(plain, "pod/p", f"{self.PAGE}/index.html")
        sim = settled(cluster(kubernetes), pod(source="emptyDir: {}", containers=containers(self.PAGE)))
        assert sim.exec("p", f"ls -A {self.PAGE}").stdout == ""

    def test_a_sub_path_hides_one_file_and_leaves_its_siblings(self, kubernetes: str) -> None:
        over = mount("data", f"{self.PAGE}/key", "subPath: key")
        sim = settled(
            cluster(kubernetes),
            configuration("value"),
            pod(source="configMap: {name: cm}", containers=containers(volumeMounts=f"[{over}]")),
        )
        assert sim.read_file("pod/p", f"{self.PAGE}/key") == b"value"
        assert has_file(sim, "pod/p", f"{self.PAGE}/index.html")
        with pytest.raises(volsim.FileError) as refused:
            sim.write_file("pod/p", f"{self.PAGE}/key", "x")
        assert refused.value.errno == EROFS


class TestSubPathsAreNotUpdated:
    """INC-63: the same file of one ConfigMap changes in one place and stays as it was in another."""

    MOUNTS = mount("data", "/whole"), mount("data", "/one/key", "subPath: key")
    ENV = "[{name: KEY, valueFrom: {configMapKeyRef: {name: cm, key: key}}}]"

    def running(self, kubernetes: str, more: str = "") -> volsim.Simulation:
        one = shell(*self.MOUNTS, env=self.ENV)
        return settled(
            cluster(kubernetes), configuration("old", more), pod(source="configMap: {name: cm}", containers=one)
        )

    @staticmethod
    def seen(sim: volsim.Simulation) -> list[str]:
        text = "cat /whole/key; echo; cat /one/key; echo; echo $KEY"
        return sim.exec("p", ["sh", "-c", text]).stdout.split("\n")[:3]

    def test_the_directory_follows_within_a_minute_and_nothing_else_does(self, kubernetes: str) -> None:
        sim = self.running(kubernetes)
        sim.apply(configuration("new"))
        sim.run("59s")
        assert self.seen(sim) == ["old", "old", "old"]
        sim.run("1s")
        assert self.seen(sim) == ["new", "old", "old"]
        sim.run("1d")
        assert self.seen(sim) == ["new", "old", "old"]

    def test_a_container_that_starts_again_gets_what_is_there_then(self, kubernetes: str) -> None:
        sim = self.running(kubernetes)
        sim.apply(configuration("new"))
        sim.run("2m")
        sim.crash_container("p")
        sim.settle()
        assert self.seen(sim) == ["new", "new", "new"]

    def test_what_is_immutable_cannot_change_at_all(self, kubernetes: str) -> None:
        sim = self.running(kubernetes, "immutable")
        with pytest.raises(volsim.Invalid, match="field is immutable when `immutable` is set"):
            sim.apply(configuration("new", "immutable"))
        sim.delete("configmap/cm")
        sim.apply(configuration("new"))
        sim.run("1h")
        assert self.seen(sim) == ["old", "old", "old"]


class TestAGroupIsGivenTheWholeVolume:
    """INC-68: a volume with many files takes long to mount, and attaching is blamed."""

    def test_every_mount_touches_every_file_unless_the_root_is_right(self, kubernetes: str) -> None:
        for policy, touched in (("", True), ("OnRootMismatch", False)):
            sim = settled(
                cluster(kubernetes), volume(source="iscsi: {targetPortal: t, iqn: iqn.2026-01.org:d, lun: 0}"), claim()
            )
            context = f"{{runAsUser: 1000, fsGroup: 2000{', fsGroupChangePolicy: ' + policy if policy else ''}}}"
            settled(sim, pod(securityContext=context))
            sim.run("15s")
            sim.exec("p", ["sh", "-c", "echo x > /data/f; chmod 600 /data/f"])
            assert sim.exec("p", "stat -c '%a %g' /data").stdout == "2775 2000\n"
            sim.delete("pod/p")
            sim.settle()
            settled(sim, pod(securityContext=context))
            sim.run("15s")
            assert sim.exec("p", "stat -c '%a %g' /data/f").stdout == ("660 2000\n" if touched else "600 2000\n")


class TestReadOnlyIsAboutOneMount:
    """INC-69: `readOnly` is read as "nobody writes"."""

    def test_another_pod_writes_and_the_reader_sees_it(self, kubernetes: str) -> None:
        read_only = containers(volumeMounts=f"[{mount('data', '/data', 'readOnly: true')}]")
        sim = settled(cluster(kubernetes), volume(), claim(), pod(), pod("r", containers=read_only))
        sim.write_file("pod/p", "/data/f", "new")
        assert sim.read_file("pod/r", "/data/f") == b"new"
        with pytest.raises(volsim.FileError) as refused:
            sim.write_file("pod/r", "/data/f", "x")
        assert refused.value.errno == EROFS

    def test_a_volume_inside_of_a_read_only_one_can_be_written(self, kubernetes: str) -> None:
        both = shell(mount("data", "/data", "readOnly: true"), mount("inner", "/data/inner"))
        volumes = f"[{{name: data, {HOST}}}, {{name: inner, emptyDir: {{}}}}]"
        sim = settled(cluster(kubernetes), pod("admin", source=HOST))
        sim.exec("admin", "mkdir /data/inner")
        settled(sim, pod(containers=both, volumes=volumes))
        sim.write_file("pod/p", "/data/inner/f", "x")
        with pytest.raises(volsim.FileError):
            sim.write_file("pod/p", "/data/f", "x")


class TestSomebodyMustLiftTheFinalizer:
    """INC-70: a test against an API server alone hangs, for it has no controllers; people take finalizers away."""

    def test_without_its_controller_a_deleted_claim_never_goes(self, kubernetes: str) -> None:
        alone = Engine(tuple(each for each in default_engine().controllers if "protection" not in each.name))
        sim = volsim.Simulation(nodes=0, kubernetes=kubernetes, engine=alone)
        sim.apply(claim())
        sim.delete("pvc/c")
        assert never(sim, lambda sim: phase(sim, "pvc/c") == "gone")

    def test_with_it_the_claim_binds_and_goes_at_once(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes, nodes=0), volume(), claim())
        assert phase(sim, "pvc/c") == "Bound"
        sim.delete("pvc/c")
        sim.settle()
        assert phase(sim, "pvc/c") == "gone"
