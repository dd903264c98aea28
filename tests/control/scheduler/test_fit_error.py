"""What is said of a pod that cannot be placed, in the words of each version.

Source: the recorded traces of 1.20.2 and 1.36.2, and upstream's source at 1.15.5, 1.24, 1.28.
"""

from __future__ import annotations

import pytest

from tests.control.scheduler.clusters import attempts, claim, cluster, node, pod, said, scheduled, storage_class

UNHELPFUL = "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
TWO = [node("n1"), node("n2")]


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("1.15", "0/2 nodes are available: 2 node(s) were unschedulable."),
        ("1.20", "0/2 nodes are available: 2 node(s) were unschedulable."),
        ("1.24", f"0/2 nodes are available: 2 node(s) were unschedulable. {UNHELPFUL}"),
        ("1.28", f"0/2 nodes are available: 2 node(s) were unschedulable. {UNHELPFUL}."),
        (
            "1.36",
            f"0/2 nodes are available: 2 node(s) were unschedulable. no new claims to deallocate, {UNHELPFUL}",
        ),
    ],
)
def test_where_no_node_will_do(version: str, text: str) -> None:
    sim = cluster(TWO, kubernetes=version)
    for name in ("n1", "n2"):
        sim.cordon(name)
    sim.apply(pod())
    sim.settle()
    assert said(sim) == text


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("1.15", 'persistentvolumeclaim "data" not found'),
        ("1.20", '0/2 nodes are available: 2 persistentvolumeclaim "data" not found.'),
        ("1.24", f'0/2 nodes are available: 2 persistentvolumeclaim "data" not found. {UNHELPFUL}'),
        ("1.28", f'0/2 nodes are available: persistentvolumeclaim "data" not found. {UNHELPFUL}.'),
        ("1.36", '0/2 nodes are available: persistentvolumeclaim "data" not found. not found'),
    ],
)
def test_where_a_claim_is_missing(version: str, text: str) -> None:
    sim = cluster(TWO, pod(claims=("data",)), kubernetes=version)
    assert said(sim) == text


@pytest.mark.parametrize(
    ("version", "reason", "text"),
    [
        ("1.15", "Unschedulable", "pod has unbound immediate PersistentVolumeClaims (repeated 2 times)"),
        (
            "1.18",
            "Unschedulable",
            'running "VolumeBinding" filter plugin for pod "web": pod has unbound immediate PersistentVolumeClaims',
        ),
        (
            "1.20",
            "Unschedulable",
            "0/2 nodes are available: 2 pod has unbound immediate PersistentVolumeClaims.",
        ),
        (
            "1.36",
            "Unschedulable",
            "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
        ),
    ],
)
def test_where_a_claim_is_not_bound_that_should_be(version: str, reason: str, text: str) -> None:
    now = storage_class("now", volumeBindingMode="Immediate")
    sim = cluster(TWO, now, claim(storage_class="now"), pod(claims=("data",)), kubernetes=version)
    assert said(sim) == text
    assert scheduled(sim).reason == reason
    assert len(attempts(sim)) == 1


def test_reasons_are_sorted_as_texts() -> None:
    taints = [{"key": "a", "value": "b", "effect": "NoSchedule"}]
    nodes = [node(f"x{number:02}", taints=taints) for number in range(12)] + [node("n1"), node("n2", pods="0")]
    sim = cluster(nodes, pod(cpu="5"), kubernetes="1.20")
    assert said(sim) == (
        "0/14 nodes are available: 1 Too many pods, 12 node(s) had taint {a: b}, that the pod didn't tolerate, "
        "2 Insufficient cpu."
    )
