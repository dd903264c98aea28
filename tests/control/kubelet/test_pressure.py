"""A node whose disk is nearly full: whom it evicts, in which order and words, and when it has recovered.

Source: kubelet, pkg/kubelet/eviction/{eviction_manager,helpers}.go (rankDiskPressureFunc, evictionMessage).
"""

from __future__ import annotations

import re
from typing import Any

import pytest

import volsim
from tests.control.kubelet.pods import container, pod, said, wait

MEBI = 2**20


def node(mebibytes: int = 100) -> dict[str, Any]:
    capacity = {"ephemeral-storage": f"{mebibytes}Mi", "memory": "8Gi", "cpu": "4", "pods": "110"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node01"}, "status": {"capacity": capacity}}


def user(name: str, requests: int = 0, priority: str = "") -> dict[str, Any]:
    """A pod that asks for so many MiB of the disk."""
    resources: dict[str, Any] = {"requests": {"ephemeral-storage": f"{requests}Mi"}} if requests else {}
    spec: dict[str, Any] = {"priorityClassName": priority} if priority else {}
    return pod(container("sleep 100000", resources=resources), name=name, **spec)


def filled(*users: tuple[dict[str, Any], int]) -> volsim.Simulation:
    """A node of 100 MiB with pods that have written so many MiB each."""
    sim = volsim.Simulation(nodes=[node()])
    for name, value in [("low", -10), ("high", 10)]:
        kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
        sim.apply([{**kind, "metadata": {"name": name}, "value": value}])
    for each, _ in users:
        sim.apply([each])
    wait(sim, 2)
    for each, mebibytes in users:
        sim.write_file(f"pod/{each['metadata']['name']}", "/data/f", b"x" * (mebibytes * MEBI))
    return sim


def evicted(sim: volsim.Simulation) -> list[str]:
    return [
        event.note.about.metadata.name for step in sim.trace for event in step.events if event.note.reason == "Evicted"
    ]


@pytest.mark.parametrize(
    ("users", "victim"),
    [
        ([(user("a", 50), 45), (user("b"), 47)], "b"),  # who uses more than it asked for
        ([(user("a", priority="low"), 30), (user("b", priority="high"), 62)], "a"),  # the less important
        ([(user("a"), 30), (user("b"), 62)], "b"),  # who uses more
        ([(user("a", 10), 40), (user("b", 45), 52)], "a"),  # who uses more above what it asked for
        ([(user("a", 47), 45), (user("b", 50), 47)], "a"),  # nobody exceeds: who is nearest to it
    ],
)
def test_who_goes_first(users: list[tuple[dict[str, Any], int]], victim: str) -> None:
    assert evicted(wait(filled(*users), 15))[0] == victim


def test_one_goes_in_each_round_until_there_is_room() -> None:
    sim = filled((user("a"), 46), (user("b"), 47))
    wait(sim, 60)
    assert evicted(sim) == ["b"]
    sim = filled((user("a"), 2), (user("b"), 93))
    sim.write_file("pod/a", "/data/g", b"x" * 3 * MEBI)
    wait(sim, 60)
    assert evicted(sim) == ["b"]


def test_what_is_said() -> None:
    sim = filled((user("a"), 95))
    sim.write_file("pod/a", "/layer", b"x" * 10_000)
    wait(sim, 15)
    (text,) = said(sim, "Evicted")
    assert re.fullmatch(
        r"The node was low on resource: ephemeral-storage\. Threshold quantity: 10485760, available: \d+Ki\. "
        r"Container app was using \d+Ki, request is 0, has larger consumption of ephemeral-storage\. ",
        text,
    )
    found = sim.get("pod/a").status
    (target,) = (each for each in found.conditions if each.type == "DisruptionTarget")
    assert (target.status, target.reason, target.message) == ("True", "TerminationByKubelet", text)


def test_a_disk_with_room_is_never_looked_at() -> None:
    sim = wait(filled((user("a"), 20)), 600)
    assert evicted(sim) == []
    assert not any("kubelet-eviction" in str(step) for step in sim.trace)


def test_who_makes_room_in_time_keeps_its_pods() -> None:
    sim = filled((user("a"), 95))
    sim.exec("pod/a", "rm /data/f")
    wait(sim, 60)
    assert evicted(sim) == []
