"""Attaching disks to nodes and detaching them: the controller, CSI drivers' attachers, and the kubelet's part.

Source: pkg/controller/volume/attachdetach; pkg/volume/csi/csi_attacher.go; kubernetes-csi/external-attacher;
pkg/kubelet/volumemanager.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import EIO
from hashlib import sha256
from typing import Any

import pytest

import volsim
from tests.control.workloads import engine_of, messages
from volsim.control.attach_detach import attachment_name
from volsim.control.attachable import attachable
from volsim.control.kubelet.pods import work_on
from volsim.engine.actions import Sync

DRIVER = "csi.example.com"
VOLUME = f"kubernetes.io/csi/{DRIVER}^disk"
ISCSI = {"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2026-01.org.example:disk", "lun": 0}
GCE = {"pdName": "disk"}
EXCLUSIVE = "Volume is already exclusively attached to one node and can't be attached to another"
Manifest = dict[str, Any]


def volume(modes: tuple[str, ...] = ("ReadWriteOnce",), name: str = "pv", **source: Any) -> list[Manifest]:
    """A volume and the claim that is bound to it; a CSI volume unless told otherwise."""
    given = source or {"csi": {"driver": DRIVER, "volumeHandle": "disk"}}
    size = {"storage": "1Gi"}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {"capacity": size, "accessModes": list(modes), "storageClassName": "", **given},
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name},
            "spec": {
                "accessModes": [modes[0]],
                "resources": {"requests": size},
                "storageClassName": "",
                "volumeName": name,
            },
        },
    ]


def pod(name: str, node: str, *claims: str, uses: Manifest | None = None, **spec: Any) -> Manifest:
    """A pod on a node with claims, or with a volume of its own (`uses`)."""
    volumes = [{"name": each, "persistentVolumeClaim": {"claimName": each}} for each in claims]
    if uses is not None:
        volumes = [{"name": "own", **uses}]
    mounts = [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in volumes]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "c", "image": "nginx:1", "volumeMounts": mounts}],
            "volumes": volumes,
            "terminationGracePeriodSeconds": 1,
            **spec,
        },
    }


def cluster(nodes: int = 2, kubernetes: str = "1.36", **rules: Any) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=nodes, rules=volsim.Rules.for_version(kubernetes, **rules))
    sim.install_csi_driver(DRIVER)
    return sim


def attached(sim: volsim.Simulation, node: str) -> list[str]:
    return [each.name or "" for each in sim.get(f"node/{node}").status.volumes_attached]


def in_use(sim: volsim.Simulation, node: str) -> list[str]:
    return list(sim.get(f"node/{node}").status.volumes_in_use)


def attachments(sim: volsim.Simulation) -> list[tuple[str | None, bool]]:
    """(node, attached) of the VolumeAttachments."""
    return [(each.spec.node_name, bool(each.status.attached)) for each in sim.list("volumeattachments")]


def holders(sim: volsim.Simulation, backend: str = "disk") -> tuple[str, ...]:
    """The nodes to which the storage itself has attached a disk."""
    found: tuple[str, ...] = sim.state.get("backends", backend).attached_to
    return found


def phase(sim: volsim.Simulation, name: str) -> str:
    return str(sim.get(f"pod/{name}").status.phase)


def force(sim: volsim.Simulation, name: str) -> None:
    sim.delete(f"pod/{name}", force=True, grace_period=0)


def dead_node(kubernetes: str = "1.36", **rules: Any) -> volsim.Simulation:
    """A pod `a` with an exclusive disk on node01, which has lost its power and is known to be silent."""
    sim = cluster(kubernetes=kubernetes, **rules)
    sim.apply([*volume(), pod("a", "node01", "pv")])
    sim.settle()
    sim.fail_node("node01")
    sim.run("70s")
    return sim


class TestAttaching:
    """A CSI volume is attached through a VolumeAttachment, and only then mounted."""

    def test_a_pod_gets_its_disk(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        assert phase(sim, "a") == "Running"
        assert attached(sim, "node01") == in_use(sim, "node01") == [VOLUME]
        assert (attached(sim, "node02"), in_use(sim, "node02")) == ([], [])
        assert attachments(sim) == [("node01", True)]
        assert holders(sim) == ("node01",)
        assert messages(sim, "SuccessfulAttachVolume") == ['AttachVolume.Attach succeeded for volume "pv" ']

    def test_the_attachment_is_named_after_volume_driver_and_node(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        (found,) = sim.list("volumeattachments")
        assert found.metadata.name == "csi-" + sha256(f"disk{DRIVER}node01".encode()).hexdigest()
        assert found.metadata.finalizers == ("external-attacher/csi-example-com",)
        assert found.spec.attacher == DRIVER
        assert found.spec.source.persistent_volume_name == "pv"

    def test_the_attacher_holds_the_volume_for_ever_after(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        sim.delete("pod/a")
        sim.settle()
        assert attachments(sim) == []
        assert "external-attacher/csi-example-com" in sim.get("pv/pv").metadata.finalizers

    def test_two_pods_on_one_node_share_a_disk(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv"), pod("b", "node01", "pv")])
        sim.settle()
        assert (phase(sim, "a"), phase(sim, "b")) == ("Running", "Running")
        sim.delete("pod/a")
        sim.settle()
        assert attached(sim, "node01") == [VOLUME]
        sim.delete("pod/b")
        sim.settle()
        assert attached(sim, "node01") == in_use(sim, "node01") == []
        assert holders(sim) == ()

    def test_a_claim_that_is_bound_later_brings_the_disk(self) -> None:
        sim = cluster()
        sim.apply(pod("a", "node01", "pv"))
        sim.run("5s")
        sim.apply(volume())
        sim.settle()
        sim.run("1m")
        assert phase(sim, "a") == "Running"

    def test_a_driver_without_attach_needs_none(self) -> None:
        sim = volsim.Simulation(nodes=2)
        sim.install_csi_driver(DRIVER, attach_required=False)
        sim.apply([*volume(), pod("a", "node01", "pv"), pod("b", "node02", "pv")])
        sim.settle()
        assert (phase(sim, "a"), phase(sim, "b")) == ("Running", "Running")
        assert attachments(sim) == []
        assert attached(sim, "node01") == in_use(sim, "node01") == []

    @pytest.mark.parametrize("source", [{"nfs": {"server": "s", "path": "/"}}, {"hostPath": {"path": "/data"}}])
    def test_what_cannot_be_attached_is_not_guarded(self, source: Manifest) -> None:
        sim = cluster()
        sim.apply([*volume(**source), pod("a", "node01", "pv"), pod("b", "node02", "pv")])
        sim.settle()
        assert (phase(sim, "a"), phase(sim, "b")) == ("Running", "Running")

    def test_a_directory_needs_nothing_either(self) -> None:
        sim = cluster()
        sim.apply(pod("a", "node01", uses={"emptyDir": {}}))
        sim.settle()
        assert phase(sim, "a") == "Running"
        assert attached(sim, "node01") == in_use(sim, "node01") == []

    def test_a_claim_whose_volume_names_another_claim_brings_nothing(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        draft = sim.state.draft()
        found = draft.persistent_volumes["pv"]
        assert found.spec.claim_ref is not None
        other = found.spec.replace(claim_ref=found.spec.claim_ref.replace(uid="another"))
        (mount,) = draft.pods["default/a"].spec.volumes
        assert attachable(draft, draft.pods["default/a"], mount) is not None
        draft.put("persistentvolumes", "pv", found.replace(spec=other))
        assert attachable(draft, draft.pods["default/a"], mount) is None

    def test_a_pod_that_has_ended_lets_its_disk_go(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv", restartPolicy="Never")])
        sim.settle()
        sim.exit_container("a", 0)
        sim.settle()
        assert phase(sim, "a") == "Succeeded"
        assert attachments(sim) == []

    def test_a_pod_that_comes_in_the_same_instant_finds_the_disk_still_there(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        sim.delete("pod/a")
        sim.run("0.01s")
        sim.apply(pod("b", "node01", "pv"))
        sim.settle()
        assert phase(sim, "b") == "Running"
        assert len(messages(sim, "SuccessfulAttachVolume")) == 1


class TestDriversThatAreMissing:
    """Nobody attaches the volumes of a driver that is not installed; controller and kubelet say so, again and again."""

    @pytest.mark.parametrize(
        ("kubernetes", "attach", "mount"),
        [
            (
                "1.36",
                "timed out waiting for external-attacher of other.csi CSI driver to attach volume disk",
                None,  # since 1.27 the kubelet says nothing of a mere time-out
            ),
            (
                "1.20",
                "attachment timeout for volume disk",
                "unattached volumes=[pv]: timed out waiting for the condition",
            ),
        ],
    )
    def test_they_are_waited_for(self, kubernetes: str, attach: str, mount: str | None) -> None:
        sim = cluster(kubernetes=kubernetes)
        csi = {"driver": "other.csi", "volumeHandle": "disk"}
        sim.apply([*volume(csi=csi), pod("a", "node01", "pv")])
        sim.settle()
        assert attachments(sim) == [("node01", False)]
        sim.run("119s")
        assert messages(sim, "FailedAttachVolume") == []
        sim.run("10s")
        assert messages(sim, "FailedAttachVolume") == [f'AttachVolume.Attach failed for volume "pv" : {attach}']
        text = f"Unable to attach or mount volumes: unmounted volumes=[pv], {mount}"
        assert messages(sim, "FailedMount") == ([text] if mount else [])
        sim.run("4m")
        assert len(messages(sim, "FailedAttachVolume")) == 3
        assert len(messages(sim, "FailedMount")) == (3 if mount else 0)
        assert phase(sim, "a") == "Pending"

    def test_the_disk_comes_with_the_driver(self) -> None:
        sim = cluster()
        sim.apply([*volume(csi={"driver": "other.csi", "volumeHandle": "disk"}), pod("a", "node01", "pv")])
        sim.settle()
        sim.install_csi_driver("other.csi")
        sim.settle()
        assert phase(sim, "a") == "Running"

    def test_a_pod_that_gives_up_takes_its_attachment_with_it(self) -> None:
        sim = cluster()
        sim.apply([*volume(csi={"driver": "other.csi", "volumeHandle": "disk"}), pod("a", "node01", "pv")])
        sim.settle()
        sim.delete("pod/a")
        sim.settle()
        assert attachments(sim) == []
        assert not sim.state.table("attach_detach")


class TestStorageThatTakesTime:
    """Attaching and detaching take as long as the driver was told; controller and kubelet wait, up to their limits."""

    def slow(self, **seconds: Any) -> volsim.Simulation:
        sim = volsim.Simulation(nodes=2)
        sim.install_csi_driver(DRIVER, **seconds)
        sim.apply([*volume(), pod("a", "node01", "pv")])
        return sim

    def test_a_pod_starts_when_its_disk_is_there(self) -> None:
        sim = self.slow(attach_seconds="15s")
        assert sim.run(until=lambda sim: phase(sim, "a") == "Running") == 15
        assert messages(sim, "FailedAttachVolume") == []

    def test_after_two_minutes_the_controller_complains_and_goes_on_waiting(self) -> None:
        sim = self.slow(attach_seconds=150)
        assert sim.run(until=lambda sim: phase(sim, "a") == "Running") == 150
        assert len(messages(sim, "FailedAttachVolume")) == 1

    def test_the_next_node_waits_until_it_is_detached(self) -> None:
        sim = self.slow(attach_seconds=10, detach_seconds=60)
        sim.run("1m")
        sim.delete("pod/a")
        sim.run("2s")
        sim.apply(pod("b", "node02", "pv"))
        assert 67 <= 2 + sim.run(until=lambda sim: phase(sim, "b") == "Running") <= 72
        assert messages(sim, "FailedAttachVolume") == [], "nobody is told while it is on its way"
        assert holders(sim) == ("node02",)

    def test_a_fault_adds_to_it_and_its_repair_takes_that_away_only(self) -> None:
        sim = self.slow(attach_seconds=10)
        sim.run("1m")
        sim.fail_driver(DRIVER, attach="30s")
        sim.delete("pod/a")
        sim.settle()
        sim.apply(pod("b", "node02", "pv"))
        assert sim.run(until=lambda sim: phase(sim, "b") == "Running") == 40
        sim.recover_driver(DRIVER)
        sim.delete("pod/b")
        sim.settle()
        sim.apply(pod("c", "node01", "pv"))
        assert sim.run(until=lambda sim: phase(sim, "c") == "Running") == 10


class TestMultiAttach:
    """A volume without a shared access mode is attached to one node; whoever wants it elsewhere is told once."""

    def test_a_second_node_has_to_wait(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv"), pod("b", "node02", "pv")])
        sim.settle()
        sim.run("20m")
        assert phase(sim, "b") == "Pending"
        assert (attached(sim, "node02"), in_use(sim, "node02")) == ([], [VOLUME])
        text = 'Multi-Attach error for volume "pv" Volume is already used by pod(s) a'
        assert messages(sim, "FailedAttachVolume") == [text]
        sim.delete("pod/a")
        sim.settle()
        assert phase(sim, "b") == "Running"
        assert attachments(sim) == [("node02", True)]

    def test_pods_of_other_namespaces_are_only_counted(self) -> None:
        sim = cluster()
        sim.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
        sim.apply(pod("a", "node01", uses={"iscsi": ISCSI}))
        sim.apply(pod("x", "node01", uses={"iscsi": ISCSI}), namespace="other")
        sim.settle()
        sim.apply([*volume(iscsi=ISCSI), pod("b", "node02", "pv")])  # the same disk, this time by an exclusive volume
        sim.settle()
        (text,) = messages(sim, "FailedAttachVolume")
        assert text.endswith("Volume is already used by pod(s) a and 1 pod(s) in different namespaces")

    @pytest.mark.parametrize(
        "modes",
        [("ReadWriteMany",), ("ReadOnlyMany",), ("ReadWriteOnce", "ReadWriteMany"), ("ReadWriteOnce", "ReadOnlyMany")],
    )
    def test_one_shared_mode_of_the_volume_switches_the_check_off(self, modes: tuple[str, ...]) -> None:
        sim = cluster()
        sim.apply([*volume(modes), pod("a", "node01", "pv"), pod("b", "node02", "pv")])
        sim.settle()
        assert (phase(sim, "a"), phase(sim, "b")) == ("Running", "Running")
        assert holders(sim) == ("node01", "node02")
        sim.delete("pod/a")
        sim.settle()
        assert holders(sim) == ("node02",)

    def test_of_two_that_wait_one_gets_the_disk_and_the_other_goes_on_waiting(self) -> None:
        sim = cluster(nodes=3)
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        sim.apply([pod("b", "node02", "pv"), pod("c", "node03", "pv")])
        sim.settle()
        sim.delete("pod/a")
        sim.settle()
        assert sorted((phase(sim, "b"), phase(sim, "c"))) == ["Pending", "Running"]
        assert len(holders(sim)) == 1

    def test_a_pod_that_gives_up_waiting_is_forgotten(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv"), pod("b", "node02", "pv")])
        sim.settle()
        sim.delete("pod/b")
        sim.settle()
        assert in_use(sim, "node02") == []
        assert list(sim.state.table("attach_detach")) == [f"csi/{DRIVER}^disk@node01"]

    def test_nobody_is_told_when_the_disk_is_on_its_way(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        sim.delete("pod/a")
        sim.run("0.01s")
        sim.apply(pod("b", "node02", "pv"))
        sim.settle()
        assert phase(sim, "b") == "Running"
        assert messages(sim, "FailedAttachVolume") == []


class TestDeadNodes:
    """INC-23: the six minutes begin when the pod's object is gone, or nothing of it runs according to the API."""

    def test_nothing_is_detached_while_the_pod_is_said_to_run(self) -> None:
        sim = dead_node()
        sim.delete("pod/a")
        sim.apply(pod("b", "node02", "pv"))
        sim.run("24h")
        assert phase(sim, "b") == "Pending"
        assert attachments(sim) == [("node01", True)]
        assert messages(sim, "FailedAttachVolume")[0].endswith("Volume is already used by pod(s) a")

    def test_after_a_forced_deletion_it_takes_six_minutes(self) -> None:
        sim = dead_node()
        force(sim, "a")
        sim.apply(pod("b", "node02", "pv"))
        sim.run("359s")
        assert attachments(sim) == [("node01", True)]
        assert messages(sim, "FailedAttachVolume")[0] == f'Multi-Attach error for volume "pv" {EXCLUSIVE}'
        sim.run("2s")
        assert attachments(sim) == [("node02", True)]
        assert phase(sim, "b") == "Running"
        assert in_use(sim, "node01") == [VOLUME]  # nobody can say otherwise
        assert attached(sim, "node01") == []

    def test_a_node_that_comes_back_in_time_unmounts_and_the_disk_is_free_at_once(self) -> None:
        sim = dead_node()
        force(sim, "a")
        sim.apply(pod("b", "node02", "pv"))
        sim.run("30s")
        sim.recover_node("node01")
        sim.run("2s")
        assert phase(sim, "b") == "Running"
        assert in_use(sim, "node01") == []

    def test_a_healthy_node_is_never_forced_since_1_26(self) -> None:
        for version, nodes in (("1.36", ["node01"]), ("1.26", ["node01"]), ("1.25", ["node02"]), ("1.20", ["node02"])):
            sim = cluster(kubernetes=version, node_monitor_grace_period="30d")  # the node is dead and counts as ready
            sim.apply([*volume(), pod("a", "node01", "pv")])
            sim.settle()
            sim.fail_node("node01")
            force(sim, "a")
            sim.apply(pod("b", "node02", "pv"))
            sim.run("1h")
            assert [node for node, _ in attachments(sim)] == nodes

    def test_force_can_be_switched_off(self) -> None:
        sim = dead_node(disable_force_detach_on_timeout=True)
        force(sim, "a")
        sim.run("24h")
        assert attachments(sim) == [("node01", True)]
        sim.taint("node01", "node.kubernetes.io/out-of-service", effect="NoExecute")
        sim.run("1s")
        assert attachments(sim) == []

    def test_a_node_that_turns_unhealthy_later_is_forced_then(self) -> None:
        sim = cluster(node_monitor_grace_period="10m")
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        sim.fail_node("node01")
        force(sim, "a")
        sim.run("9m50s")
        assert attachments(sim) == [("node01", True)]
        sim.run("25s")
        assert attachments(sim) == []

    def test_out_of_service_frees_the_disk_at_once_by_key_alone(self) -> None:
        sim = dead_node()
        force(sim, "a")
        sim.run("10s")
        sim.taint("node01", "node.kubernetes.io/out-of-service", "whatever", effect="NoSchedule")
        sim.run("0.2s")
        assert attachments(sim) == []

    def test_out_of_service_meant_nothing_before_1_26(self) -> None:
        sim = dead_node("1.25")
        force(sim, "a")
        sim.run("10s")
        sim.taint("node01", "node.kubernetes.io/out-of-service", effect="NoExecute")
        sim.run("1m")
        assert attachments(sim) == [("node01", True)]

    def test_a_deleted_node_counts_as_unhealthy_and_as_using_what_it_used(self) -> None:
        sim = dead_node()
        sim.delete("node/node01")
        force(sim, "a")
        sim.apply(pod("b", "node02", "pv"))
        sim.run("359s")
        assert attachments(sim) == [("node01", True)]
        sim.run("2s")
        assert attachments(sim) == [("node02", True)]

    def test_a_pod_that_never_started_on_a_dead_node_does_not_hold_its_disk(self) -> None:
        sim = cluster()
        sim.apply(volume())
        sim.settle()
        sim.fail_node("node01")
        sim.apply(pod("a", "node01", "pv"))
        sim.run("1s")
        assert attachments(sim) == [("node01", True)]
        assert in_use(sim, "node01") == []
        sim.delete("pod/a")
        sim.run("1s")
        assert attachments(sim) == []

    def test_a_node_that_is_registered_again_gets_its_report_back(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        node = volsim.to_manifest(sim.get("node/node01"))
        sim.delete("node/node01")
        sim.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node["metadata"]["name"]}})
        sim.settle()
        assert attached(sim, "node01") == in_use(sim, "node01") == [VOLUME]


class TestBytes:
    """Only the nodes to which a disk is attached can read and write it; detaching changes none of its bytes."""

    def test_data_follow_the_disk(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        sim.write_file("a", "/pv/t", b"row")
        sim.delete("pod/a")
        sim.apply(pod("b", "node02", "pv"))
        sim.settle()
        assert sim.read_file("b", "/pv/t") == b"row"

    def test_a_partitioned_writer_loses_the_disk_when_it_is_forced_away(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        uid = sim.get("pod/a").metadata.uid or ""
        sim.partition_node("node01")
        sim.run("70s")
        force(sim, "a")
        sim.apply(pod("b", "node02", "pv"))
        sim.run("5m")
        writer = fetch(sim, uid)
        assert writer() is not None  # it still runs there, and has the disk
        sim.run("2m")
        assert phase(sim, "b") == "Running"
        with pytest.raises(volsim.FileError) as caught:
            fetch(sim, uid)()
        assert caught.value.errno == EIO

    def test_a_sub_path_of_a_lost_disk_is_no_crash(self) -> None:
        sim = cluster()
        given = pod("a", "node01", "pv")
        given["spec"]["containers"][0]["volumeMounts"][0]["subPath"] = "inner"
        sim.apply([*volume(), given])
        sim.settle()
        sim.write_file("a", "/pv/t", b"row")
        sim.fail_backend("disk")
        with pytest.raises(volsim.FileError) as caught:
            sim.read_file("a", "/pv/t")
        assert caught.value.errno == EIO


def fetch(sim: volsim.Simulation, uid: str) -> Callable[[], Any]:
    """What a process of the pod `a` reads of its disk, as its kubelet sees the pod."""
    work = work_on(sim.state, "default/a", uid)
    assert work is not None
    assert work.sandbox is not None
    backing = work.sandbox.mounted["pv"].backing
    return lambda: work.fetch(backing)


class TestPluginsOfKubernetesOwn:
    """Disks that no CSI driver has: attached by the controller manager itself, which takes no time."""

    def test_a_disk_is_attached_without_a_volume_attachment(self) -> None:
        sim = volsim.Simulation(nodes=2)
        sim.apply([*volume(iscsi=ISCSI), pod("a", "node01", "pv")])
        sim.settle()
        assert phase(sim, "a") == "Running"
        assert attached(sim, "node01") == ["kubernetes.io/iscsi/10.0.0.1:3260:iqn.2026-01.org.example:disk:0"]
        assert attachments(sim) == []
        (backend,) = sim.state.table("backends").values()
        assert backend.attached_to == ("node01",)
        sim.delete("pod/a")
        sim.settle()
        assert attached(sim, "node01") == in_use(sim, "node01") == []
        (backend,) = sim.state.table("backends").values()
        assert backend.attached_to == ()

    @pytest.mark.parametrize(
        ("source", "name"),
        [
            ({"fc": {"targetWWNs": ["50060e801049cfd1"], "lun": 0}}, "fc/[50060e801049cfd1]:0"),
            ({"fc": {"wwids": ["3600508b400105e210000900000490000"]}}, "fc/[3600508b400105e210000900000490000]"),
            ({"rbd": {"monitors": ["10.0.0.1", "10.0.0.2"], "image": "i"}}, "rbd/[10.0.0.1 10.0.0.2]:i"),
            ({"awsElasticBlockStore": {"volumeID": "aws://zone/vol-1"}}, "aws-ebs/aws://zone/vol-1"),
            ({"gcePersistentDisk": GCE}, "gce-pd/disk"),
            (
                {"azureDisk": {"diskName": "d", "diskURI": "/subscriptions/s/d", "kind": "Managed"}},
                "azure-disk//subscriptions/s/d",
            ),
            ({"cinder": {"volumeID": "v"}}, "cinder/v"),
            ({"vsphereVolume": {"volumePath": "[ds] d.vmdk"}}, "vsphere-volume/[ds] d.vmdk"),
        ],
    )
    def test_what_disks_are_called(self, source: Manifest, name: str) -> None:
        sim = volsim.Simulation(nodes=1, kubernetes="1.20")
        sim.apply([*volume(**source), pod("a", "node01", "pv")])
        sim.settle()
        assert attached(sim, "node01") == [f"kubernetes.io/{name}"]
        assert phase(sim, "a") == "Running"

    def test_a_volume_in_a_pod_is_attached_too(self) -> None:
        sim = volsim.Simulation(nodes=2)
        sim.apply([pod("a", "node01", uses={"iscsi": ISCSI}), pod("b", "node02", uses={"iscsi": ISCSI})])
        sim.settle()
        assert (phase(sim, "a"), phase(sim, "b")) == ("Running", "Running")  # no access modes to go by
        assert messages(sim, "SuccessfulAttachVolume") == ['AttachVolume.Attach succeeded for volume "own" '] * 2

    def test_some_types_are_never_shared(self) -> None:
        sim = volsim.Simulation(nodes=2, kubernetes="1.20")
        uses = {"cinder": {"volumeID": "v"}}
        sim.apply(pod("a", "node01", uses=uses))
        sim.settle()
        sim.apply(pod("b", "node02", uses=uses))
        sim.settle()
        assert phase(sim, "b") == "Pending"

    def test_a_csi_driver_that_has_taken_over_is_asked(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.install_csi_driver("pd.csi.storage.gke.io")
        sim.apply([*volume(gcePersistentDisk=GCE), pod("a", "node01", "pv")])
        sim.settle()
        assert phase(sim, "a") == "Running"
        handle = "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/disk"
        assert attached(sim, "node01") == [f"kubernetes.io/csi/pd.csi.storage.gke.io^{handle}"]
        assert holders(sim) == ("node01",)

    def test_a_csi_driver_that_has_taken_over_is_asked_for_volumes_in_pods(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.install_csi_driver("ebs.csi.aws.com")
        uses = {"awsElasticBlockStore": {"volumeID": "aws://zone/vol-1"}}
        sim.apply(pod("a", "node01", uses=uses))
        sim.settle()
        (found,) = sim.list("volumeattachments")
        assert found.spec.source.persistent_volume_name is None
        assert found.spec.source.inline_volume_spec.csi.volume_handle == "vol-1"
        assert holders(sim, "aws://zone/vol-1") == ("node01",)
        sim.delete("pod/a")
        sim.settle()
        assert holders(sim, "aws://zone/vol-1") == ()

    def test_a_type_that_is_gone_is_attached_by_nobody(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply([*volume(rbd={"monitors": ["m"], "image": "i"}), pod("a", "node01", "pv")])
        sim.settle()
        assert attached(sim, "node01") == []


class TestWhatSomebodyRemoved:
    """Objects that an administrator removes under the controllers' hands."""

    def test_an_attachment_that_was_deleted_comes_back_within_a_minute(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        (found,) = sim.list("volumeattachments")
        sim.delete(f"volumeattachment/{found.metadata.name}")
        sim.run("0.2s")
        assert attachments(sim) == []
        with pytest.raises(volsim.FileError):
            sim.read_file("a", "/pv/t")
        sim.run("1m")
        assert attachments(sim) == [("node01", True)]
        sim.write_file("a", "/pv/t", b"row")

    def test_an_attachment_that_was_deleted_before_its_last_pod_went_is_not_missed(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        (found,) = sim.list("volumeattachments")
        sim.delete(f"volumeattachment/{found.metadata.name}")
        sim.run("0.2s")
        sim.delete("pod/a")
        sim.run("5s")
        assert attachments(sim) == []
        assert attached(sim, "node01") == []
        assert not sim.state.table("attach_detach")

    def test_a_volume_that_is_being_deleted_is_not_attached_any_more(self) -> None:
        sim = cluster()
        sim.apply(volume())
        sim.settle()
        sim.delete("pv/pv")
        sim.apply(pod("a", "node01", "pv"))
        sim.run("1m")
        assert attachments(sim) == [("node01", False)]
        assert phase(sim, "a") == "Pending"

    def test_a_deleted_volume_waits_until_it_is_attached_nowhere(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        sim.patch("pv/pv", {"metadata": {"finalizers": ["external-attacher/csi-example-com"]}})
        sim.delete("pv/pv")
        sim.delete("pvc/pv")
        sim.settle()
        assert "external-attacher/csi-example-com" in sim.get("pv/pv").metadata.finalizers
        sim.delete("pod/a")
        sim.settle()
        assert sim.list("pv") == []

    def test_a_pod_keeps_its_disk_when_its_claim_is_torn_away(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        sim.delete("pvc/pv")
        sim.patch("pvc/pv", {"metadata": {"finalizers": None}})
        sim.run("5m")
        assert sim.list("pvc") == []
        assert attachments(sim) == [("node01", True)]
        sim.delete("pod/a")
        sim.settle()
        assert attachments(sim) == []

    def test_a_volume_that_comes_after_its_claim_was_bound_is_found_in_the_next_round_of_all_pods(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        manifest = volsim.to_manifest(sim.get("pv/pv"))
        sim.delete("pod/a")
        sim.delete("pv/pv")
        sim.patch("pv/pv", {"metadata": {"finalizers": None}})
        sim.settle()
        assert sim.get("pvc/pv").status.phase == "Lost"
        sim.apply(pod("b", "node01", "pv"))
        sim.settle()
        claim_ref = manifest["spec"]["claimRef"]
        sim.create(
            {
                **volume()[0],
                "spec": {**volume()[0]["spec"], "claimRef": {k: claim_ref[k] for k in ("namespace", "name", "uid")}},
            }
        )
        sim.settle()
        sim.run("5m")
        assert phase(sim, "b") == "Running"

    def test_a_disk_whose_claim_and_attachment_are_torn_away_is_attached_again(self) -> None:
        sim = cluster()
        sim.apply([*volume(), pod("a", "node01", "pv")])
        sim.settle()
        sim.delete("pvc/pv")
        sim.patch("pvc/pv", {"metadata": {"finalizers": None}})
        (found,) = sim.list("volumeattachments")
        sim.delete(f"volumeattachment/{found.metadata.name}")
        sim.run("2m")
        assert attachments(sim) == [("node01", True)]

    def test_an_attachment_that_was_made_by_hand_is_taken_up(self) -> None:
        sim = cluster()
        sim.apply(volume())
        sim.create(by_hand())
        sim.settle()
        assert attachments(sim) == [("node01", True)]
        sim.apply(pod("a", "node01", "pv"))
        sim.settle()
        assert phase(sim, "a") == "Running"
        sim.delete("pod/a")
        sim.settle()
        assert attachments(sim) == []

    def test_an_attachment_that_is_on_its_way_out_is_waited_for(self) -> None:
        sim = cluster()
        sim.apply(volume())
        sim.create(by_hand("example.com/hold"))
        sim.settle()
        name = by_hand()["metadata"]["name"]
        sim.delete(f"volumeattachment/{name}")
        sim.settle()
        assert holders(sim) == ()
        sim.apply(pod("a", "node01", "pv"))
        sim.run("5s")
        assert phase(sim, "a") == "Pending"
        sim.patch(f"volumeattachment/{name}", {"metadata": {"finalizers": None}})
        sim.settle()
        assert phase(sim, "a") == "Running"

    def test_an_attachment_of_a_missing_driver_is_made_again(self) -> None:
        sim = cluster()
        sim.apply([*volume(csi={"driver": "other.csi", "volumeHandle": "disk"}), pod("a", "node01", "pv")])
        sim.settle()
        (found,) = sim.list("volumeattachments")
        sim.delete(f"volumeattachment/{found.metadata.name}")
        sim.settle()
        (again,) = sim.list("volumeattachments")
        assert again.metadata.uid != found.metadata.uid

    def test_a_pod_that_takes_up_an_attachment_waits_for_the_attacher_as_long(self) -> None:
        sim = cluster()
        sim.apply(volume(csi={"driver": "other.csi", "volumeHandle": "disk"}))
        given = by_hand()
        given["metadata"]["name"] = attachment_name("other.csi", "disk", "node01")
        given["spec"]["attacher"] = "other.csi"
        sim.create(given)
        sim.run("10m")
        sim.apply(pod("a", "node01", "pv"))
        sim.run("119s")
        assert messages(sim, "FailedAttachVolume") == []
        sim.run("1s")
        assert len(messages(sim, "FailedAttachVolume")) == 1

    def test_the_finalizer_of_an_attacher_that_is_not_there_is_left_alone(self) -> None:
        sim = cluster()
        sim.apply(volume()[0])
        sim.patch("pv/pv", {"metadata": {"finalizers": ["external-attacher/other-csi"]}})
        sim.settle()
        sim.delete("pv/pv")
        sim.settle()
        assert sim.get("pv/pv").metadata.finalizers == ("external-attacher/other-csi",)


def by_hand(*finalizers: str) -> Manifest:
    """The VolumeAttachment that the controller would make for the volume on node01."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "VolumeAttachment",
        "metadata": {"name": attachment_name(DRIVER, "disk", "node01"), "finalizers": list(finalizers)},
        "spec": {"attacher": DRIVER, "nodeName": "node01", "source": {"persistentVolumeName": "pv"}},
    }


class TestEphemeralVolumes:
    """A claim that was made for a pod brings its disk only to that pod."""

    def test_it_is_attached_like_any_other(self) -> None:
        sim = cluster()
        sim.apply(fast_class())
        sim.apply(pod("a", "node01", uses=ephemeral()))
        sim.run("10s")  # the kubelet tries again: it does not hear that the claim is bound
        assert phase(sim, "a") == "Running"
        assert len(attached(sim, "node01")) == 1
        sim.delete("pod/a")
        sim.settle()
        assert attachments(sim) == []

    def test_a_claim_that_belongs_to_nobody_brings_no_disk(self) -> None:
        sim = cluster()
        sim.apply(volume(name="a-own"))
        sim.settle()
        sim.apply(pod("a", "node01", uses=ephemeral()))
        sim.run("1m")
        assert attachments(sim) == []


def fast_class() -> Manifest:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "fast"},
        "provisioner": DRIVER,
    }


def ephemeral() -> Manifest:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "fast"}
    return {"ephemeral": {"volumeClaimTemplate": {"spec": spec}}}


class TestLaws:
    """What holds whatever happens."""

    def test_looking_twice_changes_nothing(self) -> None:
        sim = cluster(nodes=3)
        sim.apply([*volume(), pod("a", "node01", "pv"), pod("b", "node02", "pv")])
        sim.apply(
            [
                *volume(("ReadWriteMany",), "shared", iscsi=ISCSI),
                pod("c", "node03", "shared"),
                pod("d", "node01", "shared"),
            ]
        )
        sim.settle()
        engine = engine_of("attach-detach", "csi-attacher", "csi-attacher-volumes")
        state = sim.state
        keys = [("attach-detach", key) for key in state.table("attach_detach")]
        keys += [("csi-attacher", key) for key in state.table("volumeattachments")]
        keys += [("csi-attacher-volumes", key) for key in state.persistent_volumes]
        assert len(keys) == 7
        for name, key in keys:
            after, step = engine.perform(state, Sync(name, key))
            assert step.changes == ()
            assert step.events == ()
            assert after.get("attach_detach", key) == state.get("attach_detach", key)

    def test_an_exclusive_disk_is_never_at_two_nodes(self) -> None:
        sim = cluster(nodes=3)
        sim.apply(volume())
        moves: list[Callable[[], Any]] = [
            lambda: sim.apply([pod("a", "node01", "pv"), pod("b", "node02", "pv"), pod("c", "node03", "pv")]),
            lambda: sim.fail_node("node01"),
            lambda: force(sim, "a"),
            lambda: sim.run("10m"),
            lambda: sim.delete("pod/b"),
            lambda: sim.recover_node("node01"),
            lambda: sim.partition_node("node03"),
            lambda: sim.run("10m"),
            lambda: sim.heal_node("node03"),
        ]
        for move in moves:
            move()
            while (due := sim.peek()) is not None and due < sim.now + 30:
                sim.step()
                backend = sim.state.get("backends", "disk")
                assert backend is None or len(backend.attached_to) <= 1

    def test_nothing_is_left_when_all_pods_are_gone(self) -> None:
        sim = cluster(nodes=3)
        sim.apply([*volume(), pod("a", "node01", "pv"), pod("b", "node02", "pv"), pod("c", "node03", "pv")])
        sim.settle()
        for name in "abc":
            sim.delete(f"pod/{name}")
        sim.settle()
        assert attachments(sim) == []
        assert not sim.state.table("attach_detach")
        for node in ("node01", "node02", "node03"):
            assert attached(sim, node) == in_use(sim, node) == []
