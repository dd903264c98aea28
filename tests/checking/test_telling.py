"""How a story is told: from the fault on, in short."""

from __future__ import annotations

from volsim.checking.telling import tell
from volsim.engine.actions import Ask, Fault, Step, Sync
from volsim.exploration.story import Story


def look(at: int, told: str) -> Step:
    return Step(at * 1_000_000, Sync("kubelet", "web"), (None,), (), told)  # type: ignore[arg-type]


def test_what_was_before_the_fault_is_not_told() -> None:
    story = Story((look(10, "start container web"), Step(20_000_000, Fault("power off", "node01"), (), ())))
    assert tell(story) == ("      0 s  fault: power off node01",)


def test_without_a_fault_all_is_told() -> None:
    assert tell(Story((look(10, "start container web"),))) == ("     10 s  kubelet: start container web",)


def test_of_what_kubectl_prints_the_last_line_is_told() -> None:
    refused = Step(
        0,
        Ask("kubectl drain node01"),
        (),
        (),
        "kubectl drain node01: refused: node01 cordoned\nerror: first\nerror: last",
    )
    assert tell(Story((refused,))) == ("      0 s  user: kubectl drain node01: error: last",)


def test_what_the_scheduler_says_of_preemption_is_left_out() -> None:
    said = "cannot be placed: 0/1 nodes are available: 1 Too many pods. no new claims to deallocate, preemption: 0/1 x"
    assert tell(Story((look(0, said),))) == (
        "      0 s  kubelet: cannot be placed: 0/1 nodes are available: 1 Too many pods.",
    )
