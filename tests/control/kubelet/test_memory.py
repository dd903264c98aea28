"""What fits into an emptyDir in memory, and who is killed for what is in it.

Source: pkg/volume/emptydir/empty_dir.go (calculateEmptyDirMemorySize); facts 01c, 09 and 09b of a real kubelet.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from tests.control.kubelet.pods import WAIT, container, pod, running, status, told, wait
from volsim.errors import FileError

PAGE = 4096
SIZE = 16 * PAGE


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(0, 8 * PAGE), min_size=1, max_size=6))
def test_what_is_written_takes_whole_pages_and_never_more_than_there_are(sizes: list[int]) -> None:
    sim = running(pod(container(), data={"medium": "Memory", "sizeLimit": str(SIZE)}))
    used = 0
    for number, size in enumerate(sizes):
        pages = -(-size // PAGE) * PAGE
        if used + pages <= SIZE:
            sim.write_file("pod/p", f"/data/{number}", b"x" * size)
            used += pages
        else:
            with pytest.raises(FileError, match="No space left on device"):
                sim.write_file("pod/p", f"/data/{number}", b"x" * size)
    free = int(sim.exec("pod/p", "df -k /data").stdout.splitlines()[1].split()[3])
    assert free == (SIZE - used) // 1024


@pytest.mark.parametrize(
    ("limits", "size_limit", "expected"),
    [
        (("64Mi", "32Mi"), None, "98304"),  # all together
        (("64Mi", "32Mi"), "16Mi", "16384"),
        (("64Mi", "32Mi"), "1Gi", "98304"),
        (("64Mi", ""), None, str(8 * 1024 * 1024)),  # one may use what the node has
        (("", ""), "16Mi", "16384"),
        (("", ""), "0", str(8 * 1024 * 1024)),
    ],
)
def test_its_size_is_the_least_of_what_is_said(limits: tuple[str, str], size_limit: str | None, expected: str) -> None:
    made = [
        container(name=f"c{number}", resources={"limits": {"memory": limit}} if limit else {})
        for number, limit in enumerate(limits)
    ]
    data = {"medium": "Memory", **({"sizeLimit": size_limit} if size_limit is not None else {})}
    sim = running(pod(*made, data=data))
    assert sim.exec("pod/p", "df -k /data", "c0").stdout.splitlines()[1].split()[1] == expected


FILL = "dd if=/dev/zero of=/data/big bs=1M count=64; echo $? >> /log; echo rc >> /log"


def filled(medium: str = "Memory", **rules: Any) -> volsim.Simulation:
    app = container(f"{FILL}; {WAIT}", resources={"limits": {"memory": "32Mi"}})
    return running(pod(app, container(name="other"), data={"medium": medium}), for_=2, **rules)


def test_one_process_or_the_whole_container_is_killed() -> None:
    """With cgroup v2 Kubernetes has the kernel kill all of a container, since 1.28."""
    sim = filled(container_is_killed_whole=False)
    assert told(sim, "/log", container="app") == ["137", "rc"]
    assert status(sim).restart_count == 0
    sim = filled(container_is_killed_whole=True)
    assert status(sim).last_state.terminated.reason == "OOMKilled"
    assert status(sim, "other").restart_count == 0


def test_a_disk_is_no_memory() -> None:
    sim = filled(medium="")
    assert told(sim, "/log", container="app") == ["0", "rc"]


def test_what_another_container_has_written_does_not_count() -> None:
    writer = container(f"dd if=/dev/zero of=/data/big bs=1M count=40; {WAIT}", "writer")
    app = container(resources={"limits": {"memory": "32Mi"}})
    sim = running(pod(writer, app, data={"medium": "Memory"}), for_=2)
    sim.write_file("pod/p", "/data/small", b"x" * 20 * 2**20, "app")
    assert status(sim).restart_count == 0
    with pytest.raises(FileError, match="Cannot allocate memory"):
        sim.write_file("pod/p", "/data/more", b"x" * 20 * 2**20, "app")


def test_what_is_removed_can_be_written_again() -> None:
    app = container(resources={"limits": {"memory": "32Mi"}})
    sim = running(pod(app, data={"medium": "Memory"}))
    for _ in range(3):
        sim.write_file("pod/p", "/data/f", b"x" * 20 * 2**20)
        sim.exec("pod/p", "rm /data/f")
    assert status(wait(sim, 1)).restart_count == 0
