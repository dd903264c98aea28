"""What counts as one situation, and what does not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import volsim
from tests.exploration.clusters import cluster, deployment, pod, settled
from volsim.exploration import situation
from volsim.exploration.digests import TIMES, TOLD, Reader
from volsim.exploration.situation import clocks
from volsim.manifests.schema import time_fields
from volsim.objects import KINDS, Condition, ContainerStateRunning, Taint, snake
from volsim.state.runtime import Container, Ended

PACKAGE = Path(volsim.__file__).parent
digest = Reader().digest
ROOMS = ("apiserver", "control", "engine", "programs", "storage")


# -- times -------------------------------------------------------------------------------------------------------------
def test_every_time_of_the_api_is_known() -> None:
    classes = [*KINDS.values(), Condition, Taint, ContainerStateRunning]
    named = {snake(name) for cls in classes for name in time_fields(cls)}
    assert named
    assert named <= TIMES | TOLD


DURATIONS = {
    "backoff_us": "how long a back-off is",
    "elapsed_us": "how long a program had paused",
    "heartbeat_phase_us": "an offset within the renewal of leases",
    "left_us": "how long a program still waits",
    "period_us": "how often a namespace is looked at",
    "pull_backoff_us": "how long the back-off of pulling an image is",
}
"""What ends like a time in rows that no API shows, and is none."""


def test_every_time_that_no_api_shows_is_known() -> None:
    """A new one must be put among `TIMES`: else it keeps states apart that are one situation."""
    found = {
        field.target.id
        for path in [*(PACKAGE / "state").glob("runtime.py"), *(PACKAGE / "control").rglob("*.py")]
        for cls in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(cls, ast.ClassDef)
        for field in cls.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    }
    times = {name for name in found if name.endswith("_us") and name != "requeue_after_us"}  # of an outcome, no row
    assert times
    assert times - DURATIONS.keys() <= TIMES


def test_nothing_in_a_cluster_asks_for_a_time_that_is_only_told() -> None:
    """Else it would have to count: put it among `TIMES`."""
    asked = {
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.attr}"
        for room in ROOMS
        for path in (PACKAGE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in TOLD and isinstance(node.ctx, ast.Load)
    }
    asked = {where for where in asked if not where.endswith(": time") or "spec" in where}  # `Step.time` is no field
    assert not asked


def test_a_cluster_at_rest_is_in_one_situation_for_ever() -> None:
    sim = settled(cluster(pod("p"), nodes=1))
    sim.run("1d")
    rested = situation(sim.state)
    sim.run("30d")
    assert situation(sim.state) == rested


def test_how_long_ago_something_was_counts_while_somebody_may_look_back() -> None:
    sim = settled(cluster(nodes=1))
    sim.run("1d")
    sim.fail_node("node01")
    numbers = []
    for _ in range(3):
        numbers.append(situation(sim.state))
        sim.run("1s")
    assert len(set(numbers)) == 3


def test_of_two_things_long_ago_it_counts_which_was_first() -> None:
    manifests = {name: pod(name) for name in ("a", "b")}
    numbers = []
    for first, second in (("a", "b"), ("b", "a")):
        sim = cluster(manifests[first], nodes=1)
        sim.run("1h")
        sim.apply(manifests[second])
        sim.run("2d")
        numbers.append(situation(sim.state))
    assert numbers[0] != numbers[1]


def test_an_object_that_asks_for_a_long_time_lengthens_the_look_back() -> None:
    sim = settled(cluster(pod("p"), nodes=1))
    assert digest(sim.get("pod/p")).longest_us < clocks(sim.rules).look_back_us
    patient = pod("q")
    patient["spec"]["tolerations"] = [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 86_400}]
    sim.apply(patient)
    assert digest(sim.get("pod/q")).longest_us == 86_400_000_000


def test_a_cron_job_goes_by_the_calendar() -> None:
    template = {"spec": {"template": {"spec": {**pod("p")["spec"], "restartPolicy": "Never"}}}}
    monthly = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "monthly"},
        "spec": {"schedule": "0 0 1 * *", "jobTemplate": template},
    }
    sim = cluster(monthly, nodes=1)
    sim.run("2d")
    early = situation(sim.state)
    sim.run("10d")
    assert situation(sim.state) != early


def test_how_a_container_ended_before_is_told_from_when() -> None:
    first = digest(Container(last=Ended(exit_code=137, started_us=1_000_000, finished_us=2_000_000, reason="Error")))
    later = digest(Container(last=Ended(exit_code=137, started_us=5_000_000, finished_us=9_000_000, reason="Error")))
    other = digest(Container(last=Ended(exit_code=0, started_us=1_000_000, finished_us=2_000_000, reason="Completed")))
    assert first.shape == later.shape != other.shape
    assert first.times[-2:] == (1_000_000, 2_000_000) == other.times[-2:]


def test_of_what_only_counts_up_it_does_not_count_for_ever_how_far() -> None:
    few, many, more = (digest(Container(restarts=restarts)) for restarts in (3, 30, 31))
    assert few != many == more


# -- marks -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("default/web", ()),
        ("default/web-86b5c8-x8k2p", ("x8k2p",)),
        ("web-x8k2p-data", ("x8k2p",)),
        ("web-mysql", ()),
        ("10.244.0.2 and 10.0.0.1", ("10.244.0.2",)),
        ("pvc-5af95f01-9307-4061-be5e-7982b0642a6e", ("5af95f01-9307-4061-be5e-7982b0642a6e",)),
        ("containerd://" + 64 * "0", ("containerd://" + 64 * "0",)),
    ],
)
def test_what_nobody_chose_is_a_mark(text: str, marks: tuple[str, ...]) -> None:
    assert digest(text).marks == marks


@pytest.mark.parametrize("replicas", [1, 2])
def test_how_uids_addresses_and_generated_names_read_does_not_count(replicas: int) -> None:
    numbers = {situation(settled(cluster(deployment("web", replicas), nodes=1, seed=seed)).state) for seed in range(5)}
    assert len(numbers) == 1


def test_a_name_that_somebody_chose_counts_even_if_it_looks_generated() -> None:
    one, other = (cluster(pod(name), nodes=1) for name in ("web-22222", "web-44444"))
    assert situation(one.state) != situation(other.state)


def crashed(*which: int) -> int:
    """The situation in which the containers of some of three replicas have just crashed; they are counted by name."""
    sim = settled(cluster(deployment("web", 3), nodes=1))
    pods = sim.list("pods")
    for number in which:
        sim.crash_container(f"pod/{pods[number].name}")
    return situation(sim.state)


def test_it_counts_how_many_of_equal_pods_crashed_but_not_which() -> None:
    assert crashed(0) == crashed(1) == crashed(2)
    assert crashed(0, 1) == crashed(1, 2)
    assert len({crashed(), crashed(0), crashed(0, 1), crashed(0, 1, 2)}) == 4


def test_a_deadline_that_is_none_keeps_nothing_apart() -> None:
    """The old default of a Deployment: else everything that happened in the last 68 years would count."""
    numbers = set()
    web = deployment("web", 1)
    web["spec"]["progressDeadlineSeconds"] = 2**31 - 1
    sim = settled(cluster(web, nodes=1))
    for _ in range(3):
        sim.run("1d")
        numbers.add(situation(sim.state))
    assert len(numbers) == 1
