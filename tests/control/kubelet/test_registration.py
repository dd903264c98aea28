"""Registration: a kubelet that starts makes its Node if there is none; one that runs does not miss it.

Source: kubelet, pkg/kubelet/kubelet_node_status.go (registerWithAPIServer, registrationCompleted).
"""

from __future__ import annotations

import pytest

import volsim
from tests.control.kubelet.pods import container, pod, running, wait


def nodes(sim: volsim.Simulation) -> list[str]:
    return [node.name for node in sim.list("nodes")]


def without_its_node() -> volsim.Simulation:
    """A cluster whose only Node was deleted some time ago, while its kubelet ran."""
    sim = running()
    sim.delete("node/node01")
    return wait(sim, 600)


def test_a_kubelet_that_runs_does_not_miss_its_node() -> None:
    assert nodes(without_its_node()) == []


@pytest.mark.parametrize("how", ["reboot", "restart", "power"])
def test_a_kubelet_that_starts_registers_it(how: str) -> None:
    sim = without_its_node()
    if how == "reboot":
        sim.reboot_node("node01")
    elif how == "restart":
        sim.stop_kubelet("node01")
        sim.start_kubelet("node01")
    else:
        sim.fail_node("node01")
        sim.recover_node("node01")
    wait(sim, 60)
    assert nodes(sim) == ["node01"]
    node = sim.get("node/node01")
    assert {each.type: each.status for each in node.status.conditions}["Ready"] == "True"
    assert node.metadata.labels["kubernetes.io/hostname"] == "node01"
    assert not node.spec.taints
    sim.apply(pod(container()))
    assert wait(sim, 5).get("pod/p").status.phase == "Running"


def test_a_start_of_the_kubelet_that_runs_changes_nothing() -> None:
    sim = without_its_node()
    sim.start_kubelet("node01")
    assert nodes(wait(sim, 60)) == []


def test_the_network_makes_no_node() -> None:
    sim = without_its_node()
    sim.partition_node("node01")
    sim.heal_node("node01")
    assert nodes(wait(sim, 60)) == []


def test_a_kubelet_that_starts_without_the_network_registers_later() -> None:
    sim = running()
    sim.partition_node("node01")
    sim.reboot_node("node01")
    sim.delete("node/node01")
    assert nodes(wait(sim, 60)) == []
    sim.heal_node("node01")
    assert nodes(wait(sim, 60)) == ["node01"]
    sim.delete("node/node01")
    sim.partition_node("node01")
    sim.heal_node("node01")
    assert nodes(wait(sim, 60)) == []  # it has registered, and does not again
