"""What stands in for what a design leaves open: classes, volumes without value, programs that nobody can follow."""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from volsim.checking.design import Design
from volsim.checking.trials import tried

LOOP = "while true; do date >> /data/log; sleep 5; done"


def pod(
    volume: dict[str, Any] | None = None,
    *,
    at: str = "/data",
    image: str = "nginx",
    command: list[str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "c", "image": image, **({"command": command} if command else {})}
    if volume is not None:
        container["volumeMounts"] = [{"name": "v", "mountPath": at}]
        spec["volumes"] = [{"name": "v", **volume}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container], **spec}}


def claim(storage_class: str, mode: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "c"},
        "spec": {
            "storageClassName": storage_class,
            "accessModes": [mode],
            "resources": {"requests": {"storage": "1Gi"}},
            **spec,
        },
    }


class TestClasses:
    """A class that nobody defines makes what its claims are for."""

    @pytest.mark.parametrize(
        ("name", "mode", "driver"),
        [
            ("fast", "ReadWriteOnce", "disks.csi.volsim.dev"),
            ("fast", "ReadWriteMany", "shares.csi.volsim.dev"),
            ("fast", "ReadOnlyMany", "shares.csi.volsim.dev"),
            ("nfs-csi", "ReadWriteOnce", "shares.csi.volsim.dev"),
            ("rook-cephfs", "ReadWriteOnce", "shares.csi.volsim.dev"),
            ("azurefile-premium", "ReadWriteOnce", "shares.csi.volsim.dev"),
            ("local-path", "ReadWriteOnce", "local-path.rancher.io"),
            ("openebs-hostpath", "ReadWriteOnce", "local-path.rancher.io"),
        ],
    )
    def test_disks_for_one_node_files_for_many(self, name: str, mode: str, driver: str) -> None:
        [said] = Design.read([claim(name, mode), pod()], nodes=1).assumed
        assert said.startswith(f"storageclass/{name}: ")
        assert f"({driver})" in said

    def test_the_class_of_an_old_claim_stands_in_an_annotation(self) -> None:
        old = claim("fast", "ReadWriteOnce")
        del old["spec"]["storageClassName"]
        old["metadata"]["annotations"] = {"volume.beta.kubernetes.io/storage-class": "fast"}
        report = volsim.check(
            [old, pod({"persistentVolumeClaim": {"claimName": "c"}})], nodes=1, faults="container-crash"
        )
        assert report.verdict == "clean"
        assert report.assumed[0].startswith("storageclass/fast: ")

    def test_a_block_device_for_many_is_a_disk(self) -> None:
        [said] = Design.read([claim("fast", "ReadWriteMany", volumeMode="Block"), pod()], nodes=1).assumed
        assert "(disks.csi.volsim.dev)" in said


def test_a_disk_has_a_file_system_that_a_pods_group_may_use() -> None:
    manifest = pod({"persistentVolumeClaim": {"claimName": "c"}}, image="busybox", securityContext={"fsGroup": 1001})
    manifest["spec"]["containers"][0] |= {
        "command": ["sh", "-c", "touch /data/x && sleep infinity"],
        "securityContext": {"runAsUser": 1001},
    }
    assert (
        volsim.check([claim("fast", "ReadWriteOnce"), manifest], nodes=1, faults="container-crash").verdict == "clean"
    )
    del manifest["spec"]["securityContext"]
    report = volsim.check([claim("fast", "ReadWriteOnce"), manifest], nodes=1, faults="container-crash")
    assert [each.code for each in report.findings] == ["VS301"]


class TestVolumesWithoutValue:
    """What is written to some volumes is no data, and that is said."""

    @pytest.mark.parametrize(
        ("volume", "at"),
        [
            ({"emptyDir": {}}, "/tmp"),
            ({}, "/run"),
            ({"emptyDir": {}}, "/var/run/nginx"),
            ({"emptyDir": {"medium": "Memory"}}, "/dev/shm"),
            ({"hostPath": {"path": "/sys/fs/cgroup"}}, "/data"),
            ({"hostPath": {"path": "/"}}, "/host"),
            ({"hostPath": {"path": "/lib/modules"}}, "/lib/modules"),
            ({"csi": {"driver": "nfs.csi.k8s.io"}}, "/data"),
        ],
    )
    def test_they_are_not_followed(self, volume: dict[str, Any], at: str) -> None:
        report = volsim.check(pod(volume, at=at), nodes=1, faults="pod-loss")
        assert [each.code for each in report.findings] == ["VS303"]
        [said] = report.assumed
        assert said.startswith("volume v of Pod/default/p: ")

    @pytest.mark.parametrize("at", ["/tmp/data", "/data", "/running"])
    def test_others_are(self, at: str) -> None:
        report = volsim.check(pod({"emptyDir": {}}, at=at), nodes=1, faults="pod-loss")
        assert {each.code for each in report.findings} == {"VS101", "VS303"}
        assert report.assumed == ()

    @pytest.mark.parametrize(
        ("init", "codes"),
        [
            ({"command": ["sh", "-c", "cp /defaults/* /config"]}, ["VS303"]),
            ({"image": "example.com/fetch"}, ["VS303"]),
            ({"command": ["sh", "-c", "chown -R 1000 /config"]}, ["VS303", "VS101"]),
        ],
    )
    def test_what_init_containers_fill_anew_is_not_followed(self, init: dict[str, Any], codes: list[str]) -> None:
        manifest = pod({"emptyDir": {}}, at="/config")
        mounts = [{"name": "v", "mountPath": "/config"}]
        manifest["spec"]["initContainers"] = [{"name": "i", "image": "busybox", "volumeMounts": mounts, **init}]
        report = volsim.check(manifest, nodes=1, faults="pod-loss", remedies=False)
        assert [each.code for each in report.findings] == codes
        is_said = "volume v of Pod/default/p: is filled anew for each pod, by init container i" in report.assumed
        assert is_said == (codes == ["VS303"])

    def test_a_claim_is_followed_wherever_it_is_mounted(self) -> None:
        report = volsim.check(
            [claim("fast", "ReadWriteOnce"), pod({"persistentVolumeClaim": {"claimName": "c"}}, at="/tmp")],
            nodes=1,
            faults="deletion",
        )
        assert "VS101" in {each.code for each in report.findings}

    def test_what_is_annotated_stays_annotated(self) -> None:
        manifest = pod({"emptyDir": {}}, at="/tmp")
        manifest["metadata"]["annotations"] = {"volsim.dev/scratch": "cache"}
        [made] = Design.read(manifest, nodes=1).objects
        assert made["metadata"]["annotations"] == {"volsim.dev/scratch": "cache,v"}


class TestTrials:
    """What containers run is tried before anything is explored."""

    def said(self, *manifests: dict[str, Any]) -> tuple[str, ...]:
        design = Design.read(list(manifests), nodes=1)
        return tried(design, design.parts()[0])[1]

    def test_a_script_that_goes_round_for_ever_stands_as_a_server(self) -> None:
        looping = pod({"emptyDir": {}}, image="busybox", command=["sh", "-c", LOOP])
        assert self.said(looping) == ("containers c: run as servers, for they go round for ever",)
        report = volsim.check(looping, nodes=2)
        assert all(each.complete for each in report.explored)
        assert {each.code for each in report.findings} == {"VS101", "VS303", "VS501"}
        assert "containers c: run as servers, for they go round for ever" in report.assumed

    def test_a_command_that_is_not_there_stands_as_a_server(self) -> None:
        lost = pod(image="mysql", command=["/scripts/start.sh"])
        assert self.said(lost) == ("containers c: run as servers, for what they run is not known",)

    @pytest.mark.parametrize(
        "command",
        [["sleep", "infinity"], ["sh", "-c", "date > /tmp/x; sleep 100000"], ["sh", "-c", "exit 1"], ["true"]],
    )
    def test_what_can_be_followed_is_run(self, command: list[str]) -> None:
        assert self.said(pod(image="busybox", command=command)) == ()

    def test_a_container_that_fails_is_still_a_finding(self) -> None:
        report = volsim.check(pod(image="busybox", command=["sh", "-c", "exit 1"]), nodes=1, faults="pod-loss")
        assert [each.code for each in report.findings] == ["VS301"]


def test_configuration_has_room_for_all_that_is_mounted_inside_it() -> None:
    inner = ("provisioning/datasources", "provisioning/dashboards")
    names = ["outer", "one", "two"]
    manifest = pod(volumes=[{"name": name, "configMap": {"name": name}} for name in names])
    paths = ["/etc/grafana", *(f"/etc/grafana/{path}" for path in inner)]
    mounts = [{"name": name, "mountPath": path} for name, path in zip(names, paths, strict=True)]
    manifest["spec"]["containers"][0]["volumeMounts"] = mounts
    assert volsim.check(manifest, nodes=1, faults="container-crash").verdict == "clean"


def test_a_driver_finds_the_directories_that_the_kubelet_makes() -> None:
    registry = {"hostPath": {"path": "/var/lib/kubelet/plugins_registry", "type": "Directory"}}
    assert volsim.check(pod(registry), nodes=1, faults="container-crash").verdict == "clean"


class TestSettings:
    """A program that lacks a setting which no manifest gives is no finding about storage."""

    def test_a_database_without_its_password_stands_as_a_server(self) -> None:
        design = Design.read(pod({"emptyDir": {}}, at="/var/lib/postgresql/data", image="postgres:16"), nodes=1)
        part, said = tried(design, design.parts()[0])
        [container] = part.objects[-1]["spec"]["containers"]
        assert container["command"][-1].endswith("sleep infinity & wait")
        assert said == (
            "containers c: run as servers, for what they run ends at once: it lacks settings that no manifest gives",
        )

    def test_a_database_without_its_configuration_stands_as_a_server(self) -> None:
        command = ["redis-server", "/conf/redis.conf"]
        lost = pod({"configMap": {"name": "redis"}}, at="/conf", image="redis", command=command)
        design = Design.read(lost, nodes=1)
        assert tried(design, design.parts()[0])[1] != ()
        given = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "redis"}, "data": {"other.conf": ""}}
        design = Design.read([given, lost], nodes=1)
        assert tried(design, design.parts()[0])[1] == ()

    def test_one_that_cannot_use_its_volume_is_left_to_fail(self) -> None:
        database = pod({"hostPath": {"path": "/srv/db", "type": "DirectoryOrCreate"}}, at="/data", image="redis")
        [container] = database["spec"]["containers"]
        container |= {"args": ["--dir", "/data", "--appendonly", "yes"]}
        container["volumeMounts"][0]["readOnly"] = True
        design = Design.read(database, nodes=1)
        assert tried(design, design.parts()[0])[1] == ()
        assert [finding.code for finding in volsim.check(database, nodes=1, faults="pod-loss").findings] == ["VS301"]


def test_a_type_that_is_switched_off_is_said_to_be_so() -> None:
    source = {"gitRepo": {"repository": "https://example.com/app.git"}}
    codes = {
        version: [finding.code for finding in volsim.check(pod(source), kubernetes=version, nodes=1).findings]
        for version in ("1.30", "1.36")
    }
    assert "VS601" not in codes["1.30"]
    assert codes["1.36"] == ["VS601"]
