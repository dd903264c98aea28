"""What a pod asks for must be left, and an emptier and more evenly used node is the better one.

Source: kube-scheduler, plugins/noderesources/{fit,least_allocated,balanced_allocation}.go.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.scheduler.clusters import (
    Manifest,
    attempt_for,
    cluster,
    favourites,
    node,
    place,
    pod,
    possible,
    said,
    why,
)
from volsim.control.scheduler import balanced_allocation, node_resources_fit
from volsim.control.scheduler.framework import SteadyScore


def asking(name: str = "c", **requests: str) -> list[Manifest]:
    return [{"name": name, "image": "nginx:1", "resources": {"requests": requests}}]


class TestFit:
    @pytest.mark.parametrize(
        ("spec", "reason"),
        [
            ({"cpu": "3100m"}, "Insufficient cpu"),
            ({"memory": "7Gi"}, "Insufficient memory"),
            ({"cpu": "4", "memory": "8Gi"}, "Insufficient cpu, 1 Insufficient memory"),
            ({"containers": asking(**{"ephemeral-storage": "1Gi"})}, "Insufficient ephemeral-storage"),
            ({"overhead": {"cpu": "3100m"}}, "Insufficient cpu"),
            ({"initContainers": asking("init", cpu="3100m")}, "Insufficient cpu"),
        ],
        ids=["cpu", "memory", "both", "ephemeral storage", "overhead", "init container"],
    )
    def test_what_is_not_left_is_named(self, spec: dict[str, Any], reason: str) -> None:
        sim = cluster([node("n1")], pod("there", cpu="1", memory="2Gi", nodeName="n1"), pod(**spec))
        assert why(sim) == f"0/1 nodes are available: 1 {reason}."

    def test_exactly_what_is_left_is_enough(self) -> None:
        sim = cluster([node("n1")], pod("there", cpu="1", memory="2Gi", nodeName="n1"), pod(cpu="3", memory="6Gi"))
        assert place(sim) == "n1"

    def test_a_full_node_is_full_for_pods_that_ask_for_nothing(self) -> None:
        sim = cluster([node("n1", pods="1")], pod("there", nodeName="n1"), pod(cpu="5"))
        assert why(sim) == "0/1 nodes are available: 1 Insufficient cpu, 1 Too many pods."
        assert possible(sim, pod("other")) == []

    def test_extended_resources_are_counted(self) -> None:
        gpu = "example.com/gpu"
        limits = {"requests": {gpu: "1"}, "limits": {gpu: "1"}}
        containers = [{"name": "c", "image": "nginx:1", "resources": limits}]
        amounts: dict[str, Any] = {gpu: "1"}
        nodes = [node("n1", **amounts), node("n2")]
        sim = cluster(nodes, pod("there", containers=containers), pod(containers=containers))
        assert place(sim, "there") == "n1"
        assert why(sim) == f"0/2 nodes are available: 2 Insufficient {gpu}."

    def test_pods_that_have_ended_do_not_count(self) -> None:
        sim = cluster([node("n1")], pod("there", cpu="3", nodeName="n1"))
        assert possible(sim, pod(cpu="2")) == []
        sim.patch("pod/there", {"status": {"phase": "Succeeded"}}, subresource="status")
        assert possible(sim, pod(cpu="2")) == ["n1"]

    def test_a_request_that_no_empty_node_meets_is_hopeless_since_1_34(self) -> None:
        hopeless, hopeful = "Preemption is not helpful for scheduling", "No preemption victims found for incoming pod"
        for version, expected in (("1.33", hopeful), ("1.34", hopeless)):
            sim = cluster([node("n1")], pod(cpu="5"), kubernetes=version)
            assert expected in said(sim)


class TestScore:
    def left(self, requests: dict[str, Any], **there: Any) -> int:
        """What LeastAllocated gives a node with 4 cpu and 8Gi on which a pod asks for `there`."""
        sim = cluster([node("n1")], pod("there", nodeName="n1", **there))
        attempt = attempt_for(sim, pod(**requests))
        answer = node_resources_fit.score(attempt, [attempt.node("n1")])
        assert isinstance(answer, SteadyScore)
        return answer.of(attempt.node("n1"))

    def test_the_share_that_is_left_of_cpu_and_memory(self) -> None:
        assert self.left({"cpu": "1", "memory": "1Gi"}, cpu="1", memory="1Gi") == (50 + 75) // 2
        assert self.left({"cpu": "4", "memory": "8Gi"}, cpu="0", memory="0") == 0

    def test_a_container_that_asks_for_nothing_counts_as_a_small_one(self) -> None:
        cpu, memory = 100 - 100 * 200 // 4000, 100 * (8192 - 400) // 8192  # 100m and 200Mi each
        assert self.left({}) == (cpu + memory) // 2

    @pytest.mark.parametrize(
        ("version", "lopsided", "even"),
        [("1.20", 75, 75), ("1.28", 87, 87), ("1.36", 50 + (50 + 87 - 75) // 2, 50 + (50 + 87 - 100) // 2)],
        ids=["share", "deviation", "improvement"],
    )
    def test_the_balance_of_cpu_and_memory(self, version: str, lopsided: int, even: int) -> None:
        sim = cluster(
            [node("n1"), node("n2")],
            pod("cpu", cpu="2", memory="0", nodeName="n1"),
            pod("both", cpu="1", memory="2Gi", nodeName="n2"),
            kubernetes=version,
        )
        attempt = attempt_for(sim, pod(cpu="1", memory="4Gi"))
        found = balanced_allocation.score(attempt, [attempt.node("n1"), attempt.node("n2")])
        assert found is not None
        assert [found.of(attempt.node(name)) for name in ("n1", "n2")] == [lopsided, even]

    def test_a_pod_that_asks_for_nothing_has_no_say_in_the_balance(self) -> None:
        sim = cluster([node("n1")])
        assert balanced_allocation.score(attempt_for(sim, pod()), []) is None

    def test_the_total_decides(self) -> None:
        sim = cluster(
            [node("n1"), node("n2"), node("n3", cpu="8", memory="16Gi")],
            pod("one", cpu="1", memory="1Gi", nodeName="n1"),
            pod("two", cpu="4", memory="8Gi", nodeName="n3"),
        )
        assert favourites(sim, pod(cpu="1", memory="1Gi")) == ["n2"]
