"""Nodes that nobody has described are no obstacle: what a design asks of them, they have."""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from volsim.checking.design import Design
from volsim.checking.nodes import ZONE, counted, labelled, labels_asked
from volsim.errors import VolsimError

HOSTNAME = "kubernetes.io/hostname"


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx", **spec.pop("container", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def workload(replicas: int, **spec: Any) -> dict[str, Any]:
    labels = {"app": "w"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "w"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod(**spec)["spec"]},
        },
    }


def local_volume(*hosts: str) -> dict[str, Any]:
    expression = {"key": HOSTNAME, "operator": "In", "values": list(hosts)}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "v"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "local": {"path": "/mnt/disk"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
        },
    }


def wants(key: str, operator: str, *values: str) -> dict[str, Any]:
    expression = {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


APART = {
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {"app": "w"}}, "topologyKey": HOSTNAME}
            ]
        }
    }
}


def names(given: int | None, *objects: dict[str, Any]) -> list[str]:
    return [node.metadata.name or "" for node in counted(given, objects)]


class TestNumber:
    """There are three, where these are not too few: then one is left for what a fault drives from another."""

    def test_three_are_usual(self) -> None:
        assert names(None, pod()) == ["node01", "node02", "node03"]

    def test_more_pods_that_stay_apart_have_one_more(self) -> None:
        assert len(names(None, workload(2, **APART))) == 3
        assert len(names(None, workload(3, **APART))) == 3
        assert len(names(None, workload(5, **APART))) == 6
        assert len(names(None, workload(4, container={"ports": [{"containerPort": 80, "hostPort": 80}]}))) == 5

    def test_a_number_that_is_given_counts(self) -> None:
        assert len(names(2, workload(5, **APART))) == 2

    def test_nodes_that_are_named_are_there(self) -> None:
        assert names(None, pod(nodeName="worker-7")) == ["worker-7", "node01", "node02"]
        assert names(2, local_volume("a", "b", "c")) == ["a", "b"]
        assert names(None, local_volume("a", "b", "c", "d")) == ["a", "b", "c", "d"]
        assert names(2, pod(nodeSelector={HOSTNAME: "node02"})) == ["node02", "node01"]

    @pytest.mark.parametrize(("given", "says"), [(0, "at least one node"), (-1, "from 0 on"), (5001, "at most 5000")])
    def test_impossible_numbers_are_refused(self, given: int, says: str) -> None:
        with pytest.raises(VolsimError, match=says):
            counted(given, [])


class TestLabels:
    """Nodes have the labels that selectors name."""

    @pytest.mark.parametrize(
        ("spec", "labels"),
        [
            ({"nodeSelector": {"disk": "ssd"}}, {"disk": ("ssd",)}),
            (wants("disk", "In", "ssd", "nvme"), {"disk": ("ssd",)}),
            (wants("gpu", "Exists"), {"gpu": ("true",)}),
            (wants("cores", "Gt", "8"), {"cores": ("9",)}),
            (wants("cores", "Lt", "8"), {"cores": ("7",)}),
            (wants("spot", "DoesNotExist"), {}),
        ],
    )
    def test_one_value_that_does_is_enough(self, spec: dict[str, Any], labels: dict[str, Any]) -> None:
        assert labels_asked([pod(**spec)]) == labels
        report = volsim.check(pod(**spec), nodes=1, faults="container-crash")
        assert report.verdict == "clean"

    def test_several_values_come_in_turn(self) -> None:
        objects = [pod("a", nodeSelector={"pool": "x"}), pod("b", nodeSelector={"pool": "y"})]
        assert [node.metadata.labels["pool"] for node in labelled(counted(3, objects), objects)] == ["x", "y", "x"]

    def test_each_part_finds_what_it_asks_on_every_node(self) -> None:
        design = Design.read([pod("a", nodeSelector={"pool": "x"}), pod("b", nodeSelector={"pool": "y"})], nodes=2)
        for part, pool in zip(design.parts(), "xy", strict=True):
            assert {node.metadata.labels["pool"] for node in design.start(part).list("nodes")} == {pool}

    def test_a_volume_of_a_zone_has_nodes_there(self) -> None:
        volume = local_volume("a")
        volume["metadata"]["labels"] = {"failure-domain.beta.kubernetes.io/zone": "eu-1a__eu-1b"}
        [node] = labelled(counted(1, [volume]), [volume])
        assert node.metadata.labels[ZONE] == node.metadata.labels["failure-domain.beta.kubernetes.io/zone"] == "eu-1a"

    def test_what_was_made_up_is_said(self) -> None:
        assumed = Design.read(pod(nodeSelector={"disk": "ssd"}), nodes=1).assumed
        assert assumed == ("nodes: have the labels that are asked for (disk=ssd)",)

    def test_nodes_that_are_described_stay_as_they_are(self) -> None:
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "labels": {"disk": "hdd"}}}
        report = volsim.check([node, pod(nodeSelector={"disk": "ssd"})], faults="container-crash")
        assert [finding.code for finding in report.findings] == ["VS301"]


def test_devices_are_there() -> None:
    limits = {"resources": {"limits": {"nvidia.com/gpu": 2, "hugepages-2Mi": "1Gi", "memory": "1Gi"}}}
    assert volsim.check(pod(container=limits), nodes=1, faults="container-crash").verdict == "clean"
