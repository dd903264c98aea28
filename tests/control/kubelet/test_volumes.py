"""Kubelet: every type of volume, what is behind it, how much fits into it, and what a process gets when it fails.

Source: kubelet, pkg/kubelet/volumemanager; pkg/volume.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import volsim
from volsim.engine.actions import Fault
from volsim.errors import FileError
from volsim.storage import tree
from volsim.storage.backends import Backend
from volsim.storage.sources import SOURCES
from volsim.storage.tree import Directory

Manifest = dict[str, Any]
WRITER = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"]


def pod(volumes: list[Manifest], mounts: list[Manifest] | None = None, name: str = "p", **spec: Any) -> Manifest:
    seen = (
        mounts if mounts is not None else [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in volumes]
    )
    container = {"name": "a", "image": "busybox", "command": WRITER, "volumeMounts": seen}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": volumes, **spec},
    }


def claimed(
    source: Manifest, *, size: str = "1Gi", mode: str = "Filesystem", access: str = "ReadWriteOnce"
) -> list[Manifest]:
    """A PersistentVolume with a source, and the claim that it is bound to."""
    spec = {"accessModes": [access], "storageClassName": "", "volumeMode": mode}
    volume = {**spec, "capacity": {"storage": size}, "persistentVolumeReclaimPolicy": "Retain", **source}
    claim = {**spec, "resources": {"requests": {"storage": size}}, "volumeName": "pv"}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv"}, "spec": volume},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": claim},
    ]


CLAIM = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}


def events(sim: volsim.Simulation, reason: str) -> list[str]:
    return list(dict.fromkeys(event.message or "" for event in sim.events if event.reason == reason))


def error(code: int, act: Callable[[], Any]) -> None:
    with pytest.raises(FileError) as caught:
        act()
    assert caught.value.errno == code, errno.errorcode[caught.value.errno or 0]


INLINE: Mapping[str, Manifest] = {
    "emptyDir": {},
    "hostPath": {"path": "/srv/data"},
    "nfs": {"server": "files", "path": "/export"},
    "iscsi": {"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2026-01.org:disk", "lun": 0},
    "fc": {"wwids": ["3600508b4"]},
    "rbd": {"monitors": ["10.0.0.1"], "image": "disk"},
    "cephfs": {"monitors": ["10.0.0.1"]},
    "glusterfs": {"endpoints": "gluster", "path": "vol"},
    "azureFile": {"secretName": "s", "shareName": "share"},
    "azureDisk": {"diskName": "d", "diskURI": "https://a.blob.core.windows.net/c/d.vhd"},
    "awsElasticBlockStore": {"volumeID": "vol-1"},
    "gcePersistentDisk": {"pdName": "pd"},
    "cinder": {"volumeID": "vol-2"},
    "vsphereVolume": {"volumePath": "[ds] d.vmdk"},
    "portworxVolume": {"volumeID": "pwx"},
    "quobyte": {"registry": "r:7861", "volume": "v"},
    "scaleIO": {"gateway": "https://g", "system": "s", "volumeName": "v", "secretRef": {"name": "s"}},
    "storageos": {"volumeName": "v"},
    "flocker": {"datasetName": "v"},
    "photonPersistentDisk": {"pdID": "pd"},
    "flexVolume": {"driver": "example.com/lvm"},
    "gitRepo": {"repository": "https://example.org/notes.git"},
}
CONFIGURATION = {"configMap", "secret", "downwardAPI", "projected", "image"}
CLAIMS = {"persistentVolumeClaim", "ephemeral", "local", "csi"}


def test_every_type_of_the_api_is_tried() -> None:
    assert {kind.name for kind in SOURCES} == set(INLINE) | CONFIGURATION | CLAIMS


@pytest.mark.parametrize("source", INLINE)
def test_a_type_is_mounted_while_there_is_a_plugin_and_not_after(source: str) -> None:
    until = next(kind.until for kind in SOURCES if kind.name == source)
    last = volsim.Simulation(nodes=1, kubernetes="1.20" if source != "photonPersistentDisk" else "1.19")
    last.apply(pod([{"name": "v", source: INLINE[source]}]))
    last.run("10s")
    assert last.get("pod/p").status.phase == "Running"
    last.write_file("p", "/v/f", b"x")
    assert last.read_file("p", "/v/f") == b"x"
    newest = volsim.Simulation(nodes=1)
    newest.apply(pod([{"name": "v", source: INLINE[source]}]))
    newest.run("10s")
    migrated = {
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cinder",
        "gcePersistentDisk",
        "portworxVolume",
        "vsphereVolume",
    }
    if until and source not in migrated:
        text = 'failed to get Plugin from volumeSpec for volume "v" err=no volume plugin matched'
        assert [message.endswith(text) for message in events(newest, "FailedMount")] == [True]
    elif source in ("gitRepo", *migrated):
        assert newest.get("pod/p").status.phase == "Pending"
    else:
        assert newest.get("pod/p").status.phase == "Running"


def test_a_repository_is_cloned_until_that_is_disabled() -> None:
    text = "git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate"
    sim = volsim.Simulation(nodes=1, kubernetes="1.36")
    sim.apply(pod([{"name": "v", "gitRepo": INLINE["gitRepo"]}]))
    sim.run("1s")
    assert events(sim, "FailedMount") == [f'MountVolume.SetUp failed for volume "v" : {text} `GitRepoVolumeDriver`']


def test_an_image_is_a_read_only_volume() -> None:
    sim = volsim.Simulation(nodes=1, kubernetes="1.36")
    sim.apply(pod([{"name": "v", "image": {"reference": "nginx:1.27"}}]))
    sim.settle()
    assert "index.html" in sim.exec("p", "ls /v/usr/share/nginx/html").stdout
    error(errno.EROFS, lambda: sim.write_file("p", "/v/f", b"x"))
    before = volsim.Simulation(nodes=1, rules=volsim.Rules.for_version("1.36", image_volume=False))
    before.apply(pod([{"name": "v", "emptyDir": {}}]))
    assert before.settle() >= 0


class TestSizes:
    """The size of a PersistentVolume is how much its disk holds; of an export or a host path it says nothing."""

    @pytest.mark.parametrize("source", ["iscsi", "fc", "csi"])
    def test_a_disk_is_full_when_it_is_full(self, source: str) -> None:
        sim = volsim.Simulation(nodes=1)
        if source == "csi":
            sim.install_csi_driver("csi.example.com")
        handle = {"driver": "csi.example.com", "volumeHandle": "h"}
        sim.apply([*claimed({source: INLINE.get(source, handle)}, size="1Mi"), pod([CLAIM])])
        sim.run("15s")
        sim.write_file("p", "/v/f", b"x" * (1024 * 1024 - 4096))
        error(errno.ENOSPC, lambda: sim.write_file("p", "/v/g", b"x" * 8192))
        sim.exec("p", "rm /v/f")
        sim.write_file("p", "/v/g", b"x" * 8192)

    @pytest.mark.parametrize("source", ["nfs", "hostPath"])
    def test_an_export_or_a_host_path_takes_more_than_it_says(self, source: str) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply([*claimed({source: INLINE[source]}, size="1Mi"), pod([CLAIM])])
        sim.run("15s")
        sim.write_file("p", "/v/f", b"x" * (3 * 1024 * 1024))


class TestErrorsOfAProcess:
    """What a process gets from the kernel when what lies behind a volume has gone."""

    def test_a_server_that_does_not_answer_is_an_input_output_error(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(pod([{"name": "v", "nfs": INLINE["nfs"]}]))
        sim.settle()
        sim.write_file("p", "/v/f", b"x")
        sim.fail_backend("files")
        error(errno.EIO, lambda: sim.read_file("p", "/v/f"))
        sim.recover_backend("files")
        assert sim.read_file("p", "/v/f") == b"x"

    def test_an_export_that_was_made_again_is_stale_until_the_container_restarts(self) -> None:
        sim = volsim.Simulation(nodes=1)
        whole = {"name": "all", "nfs": {"server": "files", "path": "/"}}
        sim.apply(pod([{"name": "v", "nfs": {"server": "files", "path": "/export"}}]))
        sim.apply(pod([whole], name="admin"))
        sim.settle()
        sim.write_file("p", "/v/f", b"old")
        sim.exec("admin", ["sh", "-c", "rm -r /all/export; mkdir /all/export; echo -n new > /all/export/f"])
        error(errno.ESTALE, lambda: sim.read_file("p", "/v/f"))
        error(errno.ESTALE, lambda: sim.write_file("p", "/v/f", b"x"))
        sim.crash_container("p")
        sim.settle()
        assert sim.read_file("p", "/v/f") == b"new"

    def test_permissions_bind_users_and_not_root(self) -> None:
        sim = volsim.Simulation(nodes=1)
        volumes = [{"name": "v", "hostPath": {"path": "/srv/data", "type": "DirectoryOrCreate"}}]
        sim.apply([pod(volumes), pod(volumes, name="user", securityContext={"runAsUser": 1000})])
        sim.settle()
        sim.write_file("p", "/v/f", b"x")
        assert sim.read_file("user", "/v/f") == b"x"
        error(errno.EACCES, lambda: sim.write_file("user", "/v/f", b"y"))
        sim.exec("p", "chmod 600 /v/f")
        error(errno.EACCES, lambda: sim.read_file("user", "/v/f"))

    @pytest.mark.parametrize("image", ["mysql:8.0", "postgres:16"])
    def test_a_database_that_is_not_root_needs_a_volume_of_its_group(self, image: str) -> None:
        path = "/var/lib/mysql" if image.startswith("mysql") else "/var/lib/postgresql/data"
        for security, source, restarts in (
            ({"runAsUser": 999}, {"hostPath": {"path": "/srv/data", "type": "DirectoryOrCreate"}}, True),
            (
                {"runAsUser": 999, "fsGroup": 999},
                {"hostPath": {"path": "/srv/data", "type": "DirectoryOrCreate"}},
                True,
            ),
            ({"runAsUser": 999, "fsGroup": 999}, {"emptyDir": {}}, False),
        ):
            sim = volsim.Simulation(nodes=1)
            manifest = pod([{"name": "v", **source}], [{"name": "v", "mountPath": path}], securityContext=security)
            words = [{"name": name, "value": "x"} for name in ("MYSQL_ROOT_PASSWORD", "POSTGRES_PASSWORD")]
            manifest["spec"]["containers"] = [
                {**manifest["spec"]["containers"][0], "image": image, "command": [], "env": words}
            ]
            sim.apply(manifest)
            sim.run("15s")
            assert bool(sim.get("pod/p").status.container_statuses[0].restart_count) == restarts
            assert ("Permission denied" in sim.kubectl("logs p")) == restarts

    def test_a_read_only_claim_is_read_only_whatever_the_mount_says(self) -> None:
        sim = volsim.Simulation(nodes=1)
        read_only = {"name": "v", "persistentVolumeClaim": {"claimName": "c", "readOnly": True}}
        sim.apply([*claimed({"nfs": INLINE["nfs"]}), pod([read_only])])
        sim.run("15s")
        error(errno.EROFS, lambda: sim.write_file("p", "/v/f", b"x"))


class TestBareDevices:
    """volumeMode Block: the container gets the bytes of the disk, and no file system."""

    @pytest.mark.parametrize("source", ["iscsi", "csi"])
    def test_bytes_are_read_by_the_next_pod(self, source: str) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.install_csi_driver("csi.example.com")
        handle = {"driver": "csi.example.com", "volumeHandle": "h"}
        manifest = pod([CLAIM], [])
        manifest["spec"]["containers"][0]["volumeDevices"] = [{"name": "v", "devicePath": "/dev/xvda"}]
        sim.apply([*claimed({source: INLINE.get(source, handle)}, mode="Block"), manifest])
        sim.run("15s")
        assert sim.get("pod/p").status.phase == "Running"
        sim.exec("p", ["sh", "-c", "echo hello > /dev/xvda"])
        sim.delete("pod/p")
        sim.settle()
        sim.apply(manifest)
        sim.settle()
        assert sim.exec("p", "head -c 5 /dev/xvda").stdout == "hello"
        assert len(events(sim, "SuccessfulMountVolume")) == 3  # of the node, of each pod


class TestWhereAVolumeMayBe:
    """The kubelet checks what the scheduler has checked: a pod may have been put on a node by its name."""

    def test_a_local_volume_of_another_node_is_not_mounted(self) -> None:
        sim = volsim.Simulation(nodes=2)
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node02"]}]}]
        affinity = {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}
        sim.apply([*claimed({"local": {"path": "/srv/data"}, **affinity}), pod([CLAIM], nodeName="node01")])
        sim.run("15s")
        text = 'MountVolume.NodeAffinity check failed for volume "pv" : no matching NodeSelectorTerms'
        assert events(sim, "FailedMount")[-1] == text

    def test_a_volume_that_no_container_uses_is_left_alone(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(pod([{"name": "v", "configMap": {"name": "nope"}}], []))
        sim.settle()
        assert sim.get("pod/p").status.phase == "Running"


class TestResourcesInFiles:
    """The downward API rounds a container's resources up to whole units of the divisor."""

    @pytest.mark.parametrize(
        ("resource", "divisor", "text"),
        [
            ("limits.cpu", None, "1"),
            ("limits.cpu", "1m", "250"),
            ("limits.memory", "1Mi", "64"),
            ("requests.memory", "1", "33554432"),
            ("requests.cpu", None, "1"),
        ],
    )
    def test_in_a_volume_and_in_the_environment(self, resource: str, divisor: str | None, text: str) -> None:
        sim = volsim.Simulation(nodes=1)
        ref = {"containerName": "a", "resource": resource, **({"divisor": divisor} if divisor else {})}
        manifest = pod([{"name": "v", "downwardAPI": {"items": [{"path": "f", "resourceFieldRef": ref}]}}])
        container = manifest["spec"]["containers"][0]
        container["resources"] = {
            "limits": {"cpu": "250m", "memory": "64Mi"},
            "requests": {"cpu": "100m", "memory": "32Mi"},
        }
        container["env"] = [{"name": "R", "valueFrom": {"resourceFieldRef": ref}}]
        sim.apply(manifest)
        sim.settle()
        assert sim.read_file("p", "/v/f") == text.encode()
        assert sim.exec("p", ["sh", "-c", "echo $R"]).stdout == f"{text}\n"


def test_what_is_immutable_is_never_read_again() -> None:
    sim = volsim.Simulation(nodes=1)
    configuration = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "old"}}
    sim.apply([{**configuration, "immutable": True}, pod([{"name": "v", "configMap": {"name": "c"}}])])
    sim.settle()
    sim.delete("configmap/c")
    sim.apply({**configuration, "data": {"k": "new"}})
    sim.run("10m")
    assert sim.read_file("p", "/v/k") == b"old"


def test_a_pod_as_a_real_cluster_shows_it_has_its_token_and_the_certificate() -> None:
    """The volume that the API server gives to every pod, as it stands in what `kubectl get -o yaml` prints."""
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    volume = {"name": "kube-api-access-x8k2p", "projected": {"defaultMode": 420, "sources": sources}}
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    mounts = [{"name": "kube-api-access-x8k2p", "mountPath": path, "readOnly": True}]
    sim = volsim.Simulation(nodes=1)
    sim.apply(pod([volume], mounts, serviceAccountName="default"))
    sim.settle()
    assert sim.exec("p", ["ls", path]).stdout == "ca.crt\nnamespace\ntoken\n"
    assert sim.read_file("p", f"{path}/namespace") == b"default"


class TestMountsOfTheNode:
    """What the kubelet has mounted below a directory of the node is seen by who has that directory."""

    PODS = "/var/lib/kubelet/pods"

    def cluster(self, propagation: str | None, **mount: Any) -> volsim.Simulation:
        """A pod, one that looks at all pods' directories, and another pod that comes later."""
        sim = volsim.Simulation(nodes=1)
        look = {
            "name": "pods",
            "mountPath": "/pods",
            **({"mountPropagation": propagation} if propagation else {}),
            **mount,
        }
        sim.apply(pod([{"name": "v", "nfs": INLINE["nfs"]}, {"name": "m", "emptyDir": {"medium": "Memory"}}]))
        sim.settle()
        sim.apply(pod([{"name": "pods", "hostPath": {"path": self.PODS}}], [look], name="agent"))
        sim.settle()
        sim.apply(pod([{"name": "v", "nfs": {"server": "files", "path": "/later"}}], name="later"))
        sim.settle()
        sim.write_file("p", "/v/f", b"on the server")
        sim.write_file("p", "/m/f", b"in memory")
        sim.write_file("later", "/v/f", b"later")
        return sim

    @pytest.mark.parametrize(("propagation", "later"), [(None, False), ("None", False), ("HostToContainer", True)])
    def test_those_that_come_later_are_seen_if_they_are_to_be(self, propagation: str | None, later: bool) -> None:
        sim = self.cluster(propagation)
        text = sim.exec("agent", ["sh", "-c", "cat $(find /pods -name f -type f)"]).stdout
        assert ("on the server" in text, "in memory" in text, "later" in text) == (True, True, later)

    @pytest.mark.parametrize(("recursive", "refused"), [(None, False), ("Enabled", True)])
    def test_read_only_ends_at_a_mount_unless_it_is_recursive(self, recursive: str | None, refused: bool) -> None:
        more = {"recursiveReadOnly": recursive, "mountPropagation": "None"} if recursive else {}
        sim = self.cluster(None, readOnly=True, **more)
        uid = sim.get("pod/p").metadata.uid
        paths = [f"/pods/{uid}/volumes/kubernetes.io~nfs/v/f", f"/pods/{uid}/volumes/kubernetes.io~empty-dir/m/f"]
        for path in paths:
            if refused:
                error(errno.EROFS, lambda path=path: sim.write_file("agent", path, b"x"))  # type: ignore[misc]
            else:
                sim.write_file("agent", path, b"x")
        assert sim.read_file("p", "/m/f") == (b"in memory" if refused else b"x")
        error(errno.EROFS, lambda: sim.write_file("agent", "/pods/f", b"x"))


def test_a_repository_is_cloned_into_the_volume() -> None:
    url = "https://example.org/notes.git"
    sim = volsim.Simulation(nodes=1, kubernetes="1.30")
    repository = Backend(name=url, root=tree.write(Directory(), "/README", b"notes"))
    sim._act(Fault("make", url), lambda draft: draft.put("backends", url, repository))
    sim.apply(
        pod(
            [
                {"name": "v", "gitRepo": {"repository": url}},
                {"name": "w", "gitRepo": {"repository": url, "directory": "."}},
            ]
        )
    )
    sim.settle()
    assert sim.read_file("p", "/v/notes/README") == sim.read_file("p", "/w/README") == b"notes"


@pytest.mark.parametrize(("kubernetes", "times"), [("1.20", 4), ("1.26", 4), ("1.36", 0)])
def test_before_1_27_a_pod_said_every_two_minutes_that_it_waits(kubernetes: str, times: int) -> None:
    sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
    volumes = [{"name": "v", "configMap": {"name": "nope"}}, {"name": "e", "emptyDir": {}}]
    sim.apply(pod(volumes))
    sim.run("500s")
    said = [event.message for event in sim.events if (event.message or "").startswith("Unable to attach or mount")]
    assert len(said) == times
    names = (
        "unattached volumes=[], failed to process volumes=[]" if kubernetes == "1.26" else "unattached volumes=[v e]"
    )
    text = f"Unable to attach or mount volumes: unmounted volumes=[v], {names}: timed out waiting for the condition"
    assert set(said) <= {text}
    sim.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nope"}, "data": {}})
    sim.run("123s")
    assert sim.get("pod/p").status.phase == "Running"


def test_a_node_that_is_cut_off_keeps_the_configuration_that_it_knows() -> None:
    sim = volsim.Simulation(nodes=1)
    configuration = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "old"}}
    tolerations = [{"operator": "Exists"}]
    sim.apply([configuration, pod([{"name": "v", "configMap": {"name": "c"}}], tolerations=tolerations)])
    sim.settle()
    sim.partition_node("node01")
    sim.apply({**configuration, "data": {"k": "new"}})
    sim.run("10m")
    sim.heal_node("node01")
    sim.run("59s")
    assert sim.read_file("p", "/v/k") == b"old"
    sim.run("1s")
    assert sim.read_file("p", "/v/k") == b"new"


def test_a_node_that_starts_while_it_is_cut_off_knows_no_pods() -> None:
    """Their volumes are as they were, and nobody uses them until the API server can be asked again."""
    sim = volsim.Simulation(nodes=1)
    sim.apply(pod([{"name": "v", "emptyDir": {}}], tolerations=[{"operator": "Exists"}]))
    sim.settle()
    sim.write_file("p", "/v/f", b"x")
    sim.partition_node("node01")
    sim.fail_node("node01")
    sim.recover_node("node01")
    sim.run("10m")
    assert all(row.boot < sim.state.get("machines", "node01").boot for row in sim.state.table("containers").values())
    sim.heal_node("node01")
    sim.settle()
    assert sim.read_file("p", "/v/f") == b"x"
    assert sim.get("pod/p").status.container_statuses[0].restart_count == 1
