"""Disks that pods name themselves: the attach/detach controller knows of no access mode, and the storage decides."""

from __future__ import annotations

from typing import Any

import pytest

import volsim

VERSIONS = ["1.20", "1.36"]
"""Attached by Kubernetes itself, and by the CSI driver that has taken over."""


def cluster(version: str, *, read_only: bool = False) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=2, kubernetes=version)
    sim.install_csi_driver("pd.csi.storage.gke.io")
    for number in (1, 2):
        disk = {"gcePersistentDisk": {"pdName": "disk", "readOnly": read_only}}
        spec: dict[str, Any] = {
            "nodeSelector": {"kubernetes.io/hostname": f"node0{number}"},
            "containers": [{"name": "c", "image": "nginx", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}],
            "volumes": [{"name": "d", **disk}],
        }
        sim.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{number}"}, "spec": spec})
        sim.run("1m")
    return sim


@pytest.mark.parametrize("version", VERSIONS)
def test_a_second_node_is_refused_by_the_storage_and_says_why(version: str) -> None:
    sim = cluster(version)
    assert sim.get("pod/p1").status.phase == "Running"
    assert sim.get("pod/p2").status.phase == "Pending"
    [said] = {event.message for event in sim.events if event.reason == "FailedAttachVolume"}
    assert (said or "").startswith('AttachVolume.Attach failed for volume "d" : ')
    assert (said or "").endswith("attached to node node01")


@pytest.mark.parametrize("version", VERSIONS)
def test_it_has_the_disk_as_soon_as_the_first_node_has_let_go(version: str) -> None:
    sim = cluster(version)
    sim.delete("pod/p1")
    sim.run("5m")
    assert sim.get("pod/p2").status.phase == "Running"


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_only_read_is_attached_to_both(version: str) -> None:
    sim = cluster(version, read_only=True)
    assert [sim.get(f"pod/p{number}").status.phase for number in (1, 2)] == ["Running", "Running"]
