"""Images that cannot be had: what is said, and how often it is tried.

Source: kubelet, pkg/kubelet/images/image_manager.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.control.kubelet.pods import container, pod, running, said, status, wait
from volsim.programs import withhold

IMAGE = "registry.example.com/app:2"


@pytest.fixture(autouse=True)
def missing() -> Iterator[None]:
    withhold(IMAGE)
    yield
    withhold(IMAGE, None)


def test_pulling_is_tried_again_twice_as_late_up_to_five_minutes() -> None:
    sim = running(pod(container(image=IMAGE)), for_=1300)
    times = [step.time for step in sim.trace for event in step.events if event.note.reason == "Pulling"]
    gaps = [round(later - earlier) for earlier, later in pairwise(times)]
    assert gaps == [10, 20, 40, 80, 160, 300, 300, 300]


def test_it_starts_with_the_next_attempt_when_the_image_is_there() -> None:
    sim = running(pod(container(image=IMAGE)), for_=5)
    waiting = status(sim).state.waiting
    assert waiting.reason == "ImagePullBackOff"
    assert waiting.message.startswith(f'Back-off pulling image "{IMAGE}": ErrImagePull: ')
    withhold(IMAGE, None)
    assert status(wait(sim, 6)).state.running is not None
    assert status(sim).restart_count == 0


def test_a_pod_without_its_image_is_removed_at_once() -> None:
    sim = running(pod(container(image=IMAGE)), for_=5)
    sim.delete("pod/p")
    wait(sim, 0.1)
    assert sim.list("pods") == []


def test_a_container_that_runs_does_not_miss_its_image_until_it_is_restarted() -> None:
    withhold(IMAGE, None)
    sim = running(pod(container(image=IMAGE)), for_=5)
    withhold(IMAGE)
    wait(sim, 60)
    assert status(sim).state.running is not None
    sim.crash_container("pod/p")
    wait(sim, 5)
    assert status(sim).state.running is None
    assert said(sim, "Pulling") == [f'Pulling image "{IMAGE}"']
