"""What a pod may use of its node's disk: counted as du does, noticed at the kubelet's times.

Source: kubelet, pkg/kubelet/eviction/eviction_manager.go (localStorageEviction).
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.control.kubelet.pods import WAIT, container, pod, running, said, wait
from volsim.control.kubelet.eviction import disk_usage
from volsim.storage import tree
from volsim.storage.tree import Directory, File

LIMIT = {"sizeLimit": "64Ki"}


@settings(max_examples=50)
@given(sizes=st.lists(st.integers(0, 20_000), max_size=5), depth=st.integers(0, 3))
def test_usage_is_whole_blocks_of_files_and_directories(sizes: list[int], depth: int) -> None:
    root, path = Directory(), ""
    for level in range(depth):
        path = f"{path}/d{level}"
        root = tree.mkdir(root, path)
    for number, size in enumerate(sizes):
        root = tree.write(root, f"{path}/f{number}", b"x" * size)
    used = disk_usage(root)
    assert used % 4096 == 0
    assert used == 4096 * (1 + depth + sum(-(-size // 4096) for size in sizes))
    assert used >= root.size or any(isinstance(node, File) for _, node in tree.walk(root))


@settings(max_examples=20)
@given(blocks=st.integers(12, 18), second=st.integers(1, 119))
def test_who_is_above_the_limit_at_a_full_minute_is_evicted_and_nobody_else(blocks: int, second: int) -> None:
    sim = running(pod(container("sleep 100000"), data=LIMIT), for_=second)
    sim.write_file("pod/p", "/data/f", b"x" * 4096 * blocks)
    over = 4096 * (blocks + 1) > 64 * 1024
    to_next = 60 - sim.now % 60
    wait(sim, to_next - 0.5)
    assert said(sim, "Evicted") == []
    wait(sim, 4)
    assert bool(said(sim, "Evicted")) is over
    assert (sim.get("pod/p").status.phase == "Failed") is over


def test_what_is_removed_in_time_is_not_noticed() -> None:
    sim = running(pod(container(), data=LIMIT), for_=5)
    sim.write_file("pod/p", "/data/f", b"x" * 100_000)
    wait(sim, 30)
    sim.exec("pod/p", "rm /data/f")
    wait(sim, 120)
    assert said(sim, "Evicted") == []


def test_layers_are_counted_every_ten_seconds_and_volumes_every_minute() -> None:
    limits = {"limits": {"ephemeral-storage": "64Ki"}}
    for path, seconds in [("/f", 10), ("/data/f", 60)]:
        sim = running(pod(container(resources=limits)), for_=1)
        sim.write_file("pod/p", path, b"x" * 100_000)
        wait(sim, seconds - 1.5)
        assert said(sim, "Evicted") == []
        wait(sim, 1)
        assert said(sim, "Evicted") == [
            "Pod ephemeral local storage usage exceeds the total limit of containers 64Ki. "
        ]


def test_a_container_that_is_too_large_though_all_together_are_not() -> None:
    limits = [{"limits": {"ephemeral-storage": size}} for size in ("64Ki", "1Mi")]
    sim = running(pod(container(resources=limits[0]), container(name="other", resources=limits[1])))
    sim.write_file("pod/p", "/f", b"x" * 100_000)
    wait(sim, 15)
    assert said(sim, "Evicted") == ['Container app exceeded its local ephemeral storage limit "64Ki". ']


@pytest.mark.parametrize("data", [{}, {"sizeLimit": "0"}])
def test_without_a_limit_nothing_is_counted(data: dict[str, str]) -> None:
    sim = running(pod(container(f"dd if=/dev/zero of=/data/f bs=1M count=9; {WAIT}"), data=data), for_=300)
    assert sim.get("pod/p").status.phase == "Running"
    assert all(sandbox.due_us is None for sandbox in sim.state.table("sandboxes").values())


def test_a_pod_that_is_below_its_limit_leaves_the_queue_empty() -> None:
    sim = running(pod(container(), data=LIMIT), for_=120)
    sim.write_file("pod/p", "/data/f", b"x")
    assert sim.settle() < 120
    wait(sim, 120)
    assert sim.peek() is None or sim.peek() > sim.now + 60  # type: ignore[operator]
