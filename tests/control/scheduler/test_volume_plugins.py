"""What volumes that are there forbid: disks that cannot be shared, limits of nodes, zones.

Source: kube-scheduler, plugins/{volumerestrictions,nodevolumelimits,volumezone}.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.scheduler.clusters import (
    Manifest,
    attempt_for,
    claim,
    cluster,
    node,
    place,
    pod,
    possible,
    storage_class,
    volume,
    why,
    zoned,
)
from volsim.control.scheduler import in_tree_volume_limits, volume_zone
from volsim.control.scheduler.framework import Known, Status

BINDER = ("pv-binder", "pv-phases")
NOW = storage_class("now", volumeBindingMode="Immediate")
NODES = [node("n1"), node("n2")]


def with_volumes(name: str, *sources: Manifest, **spec: Any) -> Manifest:
    return pod(name, volumes=[{"name": f"v{number}", **source} for number, source in enumerate(sources)], **spec)


class TestDisksNamedInPods:
    @pytest.mark.parametrize(
        ("mine", "shared"),
        [
            ({"gcePersistentDisk": {"pdName": "d"}}, False),
            ({"gcePersistentDisk": {"pdName": "d", "readOnly": True}}, True),
            ({"awsElasticBlockStore": {"volumeID": "d"}}, False),
            ({"awsElasticBlockStore": {"volumeID": "d", "readOnly": True}}, False),
            ({"iscsi": {"iqn": "iqn.2026-01.com.example:d", "targetPortal": "10.0.0.1", "lun": 0}}, False),
            (
                {"iscsi": {"iqn": "iqn.2026-01.com.example:d", "targetPortal": "10.0.0.1", "lun": 0, "readOnly": True}},
                True,
            ),
            ({"rbd": {"monitors": ["m1", "m2"], "image": "d"}}, False),
            ({"rbd": {"monitors": ["m1", "m2"], "image": "d", "readOnly": True}}, True),
            ({"nfs": {"server": "s", "path": "/d"}}, True),
        ],
        ids=["gce", "gce read", "ebs", "ebs read", "iscsi", "iscsi read", "rbd", "rbd read", "nfs"],
    )
    def test_can_be_shared_or_not(self, mine: Manifest, shared: bool) -> None:
        sim = cluster(NODES, with_volumes("there", mine, nodeName="n1"))
        assert possible(sim, with_volumes("new", mine)) == (["n1", "n2"] if shared else ["n2"])

    def test_another_disk_is_no_matter(self) -> None:
        disks = [{"rbd": {"monitors": [monitor], "image": "d"}} for monitor in ("m1", "m2")]
        sim = cluster(NODES, with_volumes("there", disks[0], nodeName="n1"))
        assert possible(sim, with_volumes("new", disks[1])) == ["n1", "n2"]

    def test_a_pod_that_frees_the_disk_wakes_the_one_that_waits(self) -> None:
        disk = {"gcePersistentDisk": {"pdName": "d"}}
        sim = cluster([node("n1")], with_volumes("there", disk), with_volumes("web", disk))
        assert why(sim) == "0/1 nodes are available: 1 node(s) had no available disk."
        sim.run("1m")
        sim.delete("pod/there", force=True)
        sim.settle()
        assert (place(sim), sim.now) == ("n1", 60.0)


class TestReadWriteOncePod:
    def parts(self) -> list[Manifest]:
        one_pod = volume("pv", storage_class="now")
        one_pod["spec"]["accessModes"] = ["ReadWriteOncePod"]
        one_pod["spec"]["csi"] = {"driver": "csi.example.com", "volumeHandle": "v"}
        del one_pod["spec"]["nfs"]
        return [NOW, claim(storage_class="now", accessModes=["ReadWriteOncePod"]), one_pod]

    def test_one_pod_at_a_time(self) -> None:
        sim = cluster(NODES, *self.parts(), pod("first", claims=("data",)), more=BINDER)
        assert place(sim, "first") is not None
        sim.apply(pod(claims=("data",)))
        sim.settle()
        assert why(sim) == (
            "0/2 nodes are available: 2 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access "
            "mode already in-use by another pod."
        )
        sim.run("1m")
        sim.delete("pod/first", force=True)
        assert sim.run(until=lambda sim: place(sim) is not None) == 0.0

    def test_the_older_words(self) -> None:
        sim = cluster(NODES, *self.parts(), pod("first", claims=("data",)), more=BINDER, kubernetes="1.27")
        sim.apply(pod(claims=("data",)))
        sim.run("1s")
        text = "2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode."
        assert text in why(sim)


def reporting(resource: str, amount: str) -> Manifest:
    """The node n1 that says itself how much it can take of something."""
    allocatable: dict[str, Any] = {resource: amount}
    return node("n1", **allocatable)


def csi_node(name: str, count: int) -> Manifest:
    driver = {"name": "csi.example.com", "nodeID": name, "allocatable": {"count": count}}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": {"name": name},
        "spec": {"drivers": [driver]},
    }


def csi_volume(name: str, claim: str) -> Manifest:
    made = volume(name, storage_class="now")
    del made["spec"]["nfs"]
    made["spec"]["csi"] = {"driver": "csi.example.com", "volumeHandle": name}
    made["spec"]["claimRef"] = {"namespace": "default", "name": claim}
    return made


class TestLimitsOfCSIDrivers:
    def parts(self, *names: str) -> list[Manifest]:
        claims = [claim(name, storage_class="now") for name in names]
        return [NOW, *claims, *(csi_volume(f"pv-{name}", name) for name in names)]

    def test_a_node_takes_only_so_many(self) -> None:
        sim = cluster(NODES, csi_node("n1", 1), csi_node("n2", 2), *self.parts("a", "b", "c"), more=BINDER)
        for name in "ab":
            sim.apply(pod(name, claims=(name,), nodeName=f"n{'ab'.index(name) + 1}"))
        assert possible(sim, pod("new", claims=("c",))) == ["n2"]
        assert possible(sim, pod("new", claims=("a",))) == ["n1", "n2"]  # attached there already

    def test_what_is_said_and_what_helps(self) -> None:
        sim = cluster([node("n1")], csi_node("n1", 1), *self.parts("a", "b"), more=BINDER)
        sim.apply(pod("first", claims=("a",), nodeName="n1"))
        sim.apply(pod(claims=("b",)))
        sim.settle()
        assert why(sim) == "0/1 nodes are available: 1 node(s) exceed max volume count."
        sim.run("1m")
        sim.apply(csi_node("n1", 2))
        assert sim.run(until=lambda sim: place(sim) == "n1") == 0.0

    def test_what_is_attached_counts_since_1_26(self) -> None:
        attachment = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "VolumeAttachment",
            "metadata": {"name": "csi-1"},
            "spec": {
                "attacher": "csi.example.com",
                "nodeName": "n1",
                "source": {"persistentVolumeName": "pv-a"},
            },
        }
        for version, expected in (("1.25", ["n1"]), ("1.36", [])):
            parts = [csi_node("n1", 1), *self.parts("a", "b"), attachment]
            sim = cluster([node("n1")], *parts, more=BINDER, kubernetes=version)
            assert possible(sim, pod("new", claims=("b",))) == expected

    def test_a_claim_without_a_volume_counts_for_its_class(self) -> None:
        maker = storage_class(provisioner="csi.example.com")
        sim = cluster([node("n1")], csi_node("n1", 0), maker, claim())
        assert possible(sim, pod("new", claims=("data",))) == []

    def test_nodes_could_say_it_themselves_until_1_31(self) -> None:
        for version, expected in (("1.30", []), ("1.31", ["n1"])):
            limited = reporting("attachable-volumes-csi-csi.example.com", "0")
            sim = cluster([limited], *self.parts("a"), more=BINDER, kubernetes=version)
            assert possible(sim, pod("new", claims=("a",))) == expected


class TestLimitsOfClouds:
    """EBS, GCE and Azure disks were counted by plugins of their own until 1.31."""

    DISKS = (
        ("awsElasticBlockStore", "volumeID", "aws-ebs"),
        ("gcePersistentDisk", "pdName", "gce-pd"),
        ("azureDisk", "diskName", "azure-disk"),
    )

    @pytest.mark.parametrize(("field", "name", "resource"), DISKS, ids=[each[2] for each in DISKS])
    def test_a_node_takes_only_so_many(self, field: str, name: str, resource: str) -> None:
        def disk(number: int) -> Manifest:
            uri = f"https://account.blob.core.windows.net/disks/disk-{number}.vhd"
            more = {"diskURI": uri} if field == "azureDisk" else {}
            return {field: {name: f"disk-{number}", **more}}

        for version, expected in (("1.30", ["n2"]), ("1.31", ["n1", "n2"])):
            limited = reporting(f"attachable-volumes-{resource}", "2")
            there = with_volumes("there", disk(1), disk(2), nodeName="n1")
            sim = cluster([limited, node("n2")], there, kubernetes=version)
            assert possible(sim, with_volumes("new", disk(3))) == expected

    def test_disks_of_claims_count_as_well(self) -> None:
        """One that is bound, and one that is yet to be made."""
        maker = storage_class(provisioner="kubernetes.io/aws-ebs")
        disk = volume("pv", storage_class="later")
        del disk["spec"]["nfs"]
        disk["spec"]["awsElasticBlockStore"] = {"volumeID": "d1"}
        limited = reporting("attachable-volumes-aws-ebs", "1")
        parts = [maker, disk, claim("bound", volumeName="pv"), claim("waiting")]
        sim = cluster([limited], *parts, kubernetes="1.20")
        attempt = attempt_for(sim, pod(claims=("bound", "waiting", "missing")))
        assert in_tree_volume_limits.EBS.pre_filter is not None
        check = in_tree_volume_limits.EBS.pre_filter(attempt)
        assert callable(check)
        assert check(attempt.node("n1")) == in_tree_volume_limits.EXCEEDED

    def test_a_node_that_has_moved_to_csi_has_no_such_limit(self) -> None:
        moved = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSINode",
            "metadata": {
                "name": "n1",
                "annotations": {"storage.alpha.kubernetes.io/migrated-plugins": "kubernetes.io/aws-ebs"},
            },
            "spec": {"drivers": []},
        }
        disk = {"awsElasticBlockStore": {"volumeID": "d1"}}
        limited = reporting("attachable-volumes-aws-ebs", "0")
        for parts, expected in (([], []), ([moved], ["n1"])):
            sim = cluster([limited], *parts, kubernetes="1.20")
            assert possible(sim, with_volumes("new", disk)) == expected

    def test_without_a_word_the_clouds_own_limits_hold(self) -> None:
        disks = [{"awsElasticBlockStore": {"volumeID": f"d{number}"}} for number in range(25)]
        small = node("n2", labels={"node.kubernetes.io/instance-type": "m5.large"})
        there = [with_volumes(f"on-{name}", *disks, nodeName=name) for name in ("n1", "n2")]
        sim = cluster([node("n1"), small], *there, kubernetes="1.20")
        new = with_volumes("new", {"awsElasticBlockStore": {"volumeID": "more"}})
        assert possible(sim, new) == ["n1"]


class TestZonesOfVolumes:
    def in_zone(self, key: str, value: str) -> list[Manifest]:
        labelled = volume("pv", storage_class="now")
        labelled["metadata"]["labels"] = {key: value}
        return [NOW, claim(storage_class="now"), labelled]

    @pytest.mark.parametrize("key", ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"])
    def test_the_pod_goes_to_a_node_of_the_zone(self, key: str) -> None:
        sim = cluster(zoned("a1", "b1", "c1"), *self.in_zone(key, "b"), more=BINDER)
        assert possible(sim, pod("new", claims=("data",))) == ["b1"]

    def test_of_several_zones(self) -> None:
        parts = self.in_zone("topology.kubernetes.io/zone", "a__c")
        sim = cluster(zoned("a1", "b1", "c1"), *parts, more=BINDER)
        assert possible(sim, pod("new", claims=("data",))) == ["a1", "c1"]

    def test_nodes_without_zones_are_no_matter(self) -> None:
        parts = self.in_zone("topology.kubernetes.io/zone", "a")
        sim = cluster([node("n1"), *zoned("b1")], *parts, more=BINDER)
        assert possible(sim, pod("new", claims=("data",))) == ["n1"]

    def test_what_is_said(self) -> None:
        parts = self.in_zone("topology.kubernetes.io/zone", "a")
        sim = cluster(zoned("b1"), *parts, pod(claims=("data",)), more=BINDER)
        assert why(sim) == "0/1 nodes are available: 1 node(s) had no available volume zone."

    def test_a_claim_that_waits_is_passed_over(self) -> None:
        attempt = attempt_for(cluster(zoned("a1"), storage_class(), claim()), pod(claims=("data",)))
        assert volume_zone.pre_filter(attempt) is None

    @pytest.mark.parametrize(
        ("there", "reason"),
        [
            ([], 'persistentvolumeclaim "data" not found'),
            ([claim(storage_class="")], "PersistentVolumeClaim had no pv name and storageClass name"),
            ([claim(storage_class="none")], 'storageclasses.storage.k8s.io "none" not found'),
            ([NOW, claim(storage_class="now")], "PersistentVolume had no name"),
            ([claim(volumeName="pv")], 'persistentvolume "pv" not found'),
        ],
        ids=["no claim", "no class", "no such class", "no volume", "no such volume"],
    )
    def test_what_cannot_be_known(self, there: list[Manifest], reason: str) -> None:
        """Since 1.27 that turns the pod away at once; before, it was said of the nodes that have a zone."""
        sim = cluster([*zoned("a1"), node("n1")], *there)
        answer = volume_zone.pre_filter(attempt_for(sim, pod(claims=("data",))))
        assert isinstance(answer, Status)
        assert answer.reasons == (reason,)
        older = attempt_for(cluster([*zoned("a1"), node("n1")], *there, kubernetes="1.26"), pod(claims=("data",)))
        found = volume_zone.pre_filter(older)
        assert isinstance(found, Known)
        assert found.filter(older.node("n1")) is None
        assert found.filter(older.node("a1")) == answer
