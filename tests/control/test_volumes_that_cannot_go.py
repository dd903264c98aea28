"""What is said of volumes that cannot be deleted, recycled or made larger yet.

Source: recordings; kubernetes-csi/external-provisioner (canDeleteVolume); kube-controller-manager, recycler and
expand controller.
"""

from __future__ import annotations

import pytest

import volsim
from tests.incidents.manifests import DRIVER, claim, exists, messages, pod, settled, storage_class, volume

ATTACHED = "persistentvolume {} is still attached to node node01"


def used(kubernetes: str = "1.36") -> tuple[volsim.Simulation, str]:
    """A pod with a volume that a driver has made for its claim, and the volume's name."""
    sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
    sim.install_csi_driver(DRIVER)
    settled(sim, storage_class(), claim(storageClassName="fast"), pod())
    return sim, str(sim.get("pvc/c").spec.volume_name)


class TestStillAttached:
    def test_it_is_said_and_the_volume_goes_when_it_is_detached(self) -> None:
        sim, name = used()
        sim.delete("pvc/c")
        sim.delete("pod/p")
        sim.settle()
        assert messages(sim, "VolumeFailedDelete") == [ATTACHED.format(name)]
        assert not exists(sim, f"pv/{name}")

    def test_it_is_tried_again_later_and_later_as_long_as_a_dead_node_has_it(self) -> None:
        sim, name = used()
        sim.fail_node("node01")
        sim.run("2m")
        sim.delete("pvc/c")
        sim.delete("pod/p", force=True)
        start = sim.now
        sim.run("10s")
        said = [(each.first_timestamp or 0) / 1e6 - start for each in sim.events if each.reason == "VolumeFailedDelete"]
        assert said == [0, 1, 3, 7]
        sim.run("30m")
        assert not exists(sim, f"pv/{name}"), "after six minutes the disk is forced off"
        assert [key for key in sim.state.table("memory") if key.startswith("csi-deleter/")] == []

    def test_settling_does_not_wait_for_ever(self) -> None:
        sim, name = used()
        sim.stop_kubelet("node01")
        sim.delete("pvc/c")
        sim.delete("pod/p", force=True)
        sim.patch(f"pv/{name}", {"metadata": {"annotations": {"seen": "yes"}}})
        assert sim.settle() < 3_600


class TestRecyclerWithoutANode:
    def test_what_the_scheduler_says_of_its_pod_is_said_of_the_volume(self) -> None:
        sim = volsim.Simulation(nodes=1)
        settled(sim, volume(persistentVolumeReclaimPolicy="Recycle"), claim())
        sim.cordon("node01")
        sim.delete("pvc/c")
        sim.run("1m")
        [said] = messages(sim, "RecyclerPod")
        assert said.startswith("Recycler pod: 0/1 nodes are available: 1 node(s) were unschedulable.")
        sim.uncordon("node01")
        sim.run("3m")
        assert messages(sim, "RecyclerPod")[1:] == [
            "Recycler pod: Successfully assigned default/recycler-for-v to node01"
        ]
        assert sim.get("pv/v").status.phase == "Available"


class TestExpansionWithoutAClass:
    @pytest.mark.parametrize(("kubernetes", "said"), [("1.20", 0), ("1.21", 1), ("1.36", 1)])
    def test_it_was_not_mentioned_before_1_21(self, kubernetes: str, said: int) -> None:
        sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
        reserved = "{name: c, namespace: default}"
        settled(sim, volume(claimRef=reserved), claim(size="5Gi", volumeName="v"))
        assert sim.get("pvc/c").status.phase == "Bound"
        assert len(messages(sim, "ExternalExpanding")) == said
