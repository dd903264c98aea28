"""Laws of jobs: every end of a pod is counted once, in whatever order controllers work and whatever pods come to."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.control.workloads import choices, come_to, engine_of, job, last, walk
from volsim.engine.simulation import Simulation
from volsim.objects import Job
from volsim.state import State

ENGINE = engine_of("job", "job-lost-pods", "garbage-collector", "kubelet-node", "kubelet")
ON_NODE = {"nodeName": "node01"}

orders = st.lists(st.integers(0, 30), max_size=40)
ends = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0, 1])), max_size=6)
modes = st.sampled_from(["NonIndexed", "Indexed"])


def finished(state: State) -> Job:
    found: Job = state.table("jobs")["default/work"]
    assert {each.type for each in found.status.conditions if each.status == "True"} >= {"Complete"}
    return found


def running(sim: Simulation) -> list[str]:
    return [pod.name for pod in sim.list("pods") if pod.status.phase == "Running"]


@pytest.mark.parametrize("version", ["1.20", "1.26", "1.36"])
@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 4), modes, ends, orders, st.integers(0, 12))
def test_every_end_of_a_pod_is_counted_once(
    version: str,
    parallelism: int,
    completions: int,
    mode: str,
    happenings: list[tuple[int, int]],
    order: list[int],
    between: int,
) -> None:
    drawn, failures, over = choices(order), 0, set[str]()
    sim = Simulation(nodes=1, engine=ENGINE, kubernetes=version)
    spec: dict[str, Any] = {"parallelism": parallelism, "completions": completions, "completionMode": mode}
    sim.apply(job(pod=ON_NODE, backoffLimit=99, **spec))
    for which, code in happenings:
        sim = come_to(sim, last(islice(walk(ENGINE, sim.state, drawn), between), sim.state))
        names = [name for name in running(sim) if name not in over]  # the kubelet may not have told of it yet
        if names:
            name = names[which % len(names)]
            sim.exit_container(f"pod/{name}", code)
            over.add(name)
            failures += code
    sim = come_to(sim, last(walk(ENGINE, sim.state, drawn), sim.state))
    while names := running(sim):
        for name in names:
            sim.exit_container(f"pod/{name}")
        sim = come_to(sim, last(walk(ENGINE, sim.state, drawn), sim.state))
    status = finished(sim.state).status
    assert (status.active or 0, status.succeeded, status.failed or 0) == (0, completions, failures)
    pods = sim.list("pods")
    assert all(pod.metadata.finalizers == () for pod in pods)
    assert len(pods) == completions + failures
    if mode == "Indexed" and version != "1.20":
        done = [pod.spec.hostname for pod in pods if pod.status.phase == "Succeeded"]
        assert sorted(done) == [f"work-{number}" for number in range(completions)]


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 4), ends, orders, st.integers(0, 12))
def test_at_no_time_are_there_more_pods_than_there_may_be(
    parallelism: int, completions: int, happenings: list[tuple[int, int]], order: list[int], between: int
) -> None:
    drawn = choices(order)
    sim = Simulation(nodes=1, engine=ENGINE)
    sim.apply(job(pod=ON_NODE, backoffLimit=99, parallelism=parallelism, completions=completions))
    for which, code in happenings:
        state = sim.state
        for state in islice(walk(ENGINE, sim.state, drawn), between):
            alive = [pod for pod in state.pods.values() if pod.status.phase in ("Pending", "Running")]
            done = sum(pod.status.phase == "Succeeded" for pod in state.pods.values())
            assert len(alive) <= parallelism
            assert len(alive) + done <= completions
        sim = come_to(sim, state)
        pods = running(sim)
        if pods:
            sim.exit_container(f"pod/{pods[which % len(pods)]}", code)
