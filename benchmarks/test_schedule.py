"""Placing pods beside thousands of nodes that cannot take them; the workloads that a real control plane was given."""

from __future__ import annotations

import time

import pytest

import volsim
from benchmarks.workloads import (
    OBSTACLES,
    claim,
    claimed,
    cluster,
    create,
    crowd,
    deployment,
    pod,
    quiet_gc,
    run,
    volume,
    wishes,
)
from volsim.engine.perform import Engine
from volsim.state import Draft

PODS = 500
FREE = 60  # so many nodes can take a pod, the others cannot
FIGURES: dict[tuple[str, int], float] = {}


def place(nodes: int, obstacle: str) -> float:
    """CPU seconds of the scheduler's work on so many pods; the first one, which pays for a look at every node, not."""
    engine, draft = crowd(nodes, FREE, obstacle)
    create(draft, pod(0, **wishes(obstacle)))
    run(engine, draft)
    spent = 0.0
    with quiet_gc():
        for number in range(1, PODS + 1):
            create(draft, pod(number, **wishes(obstacle)))
            while draft.first_ready() is not None:
                action = engine.next_action(draft)
                assert action is not None
                start = time.process_time()
                engine.sync(draft, action)
                if action.controller == "scheduler":
                    spent += time.process_time() - start
    assert all(each.spec.node_name for each in draft.pods.unordered())
    return spent


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("nodes", [100, 1_000, 5_000])
def test_place(benchmark, note, nodes: int, obstacle: str) -> None:
    spent = benchmark.pedantic(place, args=(nodes, obstacle), rounds=1, iterations=1) / PODS
    FIGURES[obstacle, nodes] = spent
    growth = spent / FIGURES.get((obstacle, 100), spent)
    note(f"{spent * 1e6:.0f} µs of the scheduler a pod; × {growth:.2f} of 100 nodes", "the same")


# -- what a real control plane 1.20.2 was given ------------------------------------------------------------------------
def test_pods_with_claims(benchmark, note) -> None:
    """500 pods, pod i on claim i, 50 nodes. Recorded: 3.7 s until all are scheduled, 7.1 s until all are running."""
    spent: dict[str, float] = {}

    def work() -> None:
        engine, draft = cluster(50)
        for number in range(PODS):
            create(draft, volume(number))
            create(draft, claim(number))
        run(engine, draft)
        pods = [pod(number, **claimed(number)) for number in range(PODS)]
        with quiet_gc():
            start = time.process_time()
            for each in pods:
                create(draft, each)
            while draft.group_size("pods_unscheduled", ""):
                work_once(engine, draft)
            spent["scheduled"] = time.process_time() - start
            while not has_run(draft, f"default/p-{PODS - 1:06}") or running(draft) < PODS:
                work_once(engine, draft)
            spent["running"] = time.process_time() - start

    benchmark.pedantic(work, rounds=1, iterations=1)
    scheduled, all_running = spent["scheduled"], spent["running"]
    note(
        f"scheduled {scheduled:.2f} s ({3.7 / scheduled:.0f} × the recorded control plane), "
        f"running {all_running:.2f} s ({7.1 / all_running:.0f} ×)",
        "≥ 100 ×",
    )


def work_once(engine: Engine, draft: Draft) -> None:
    action = engine.next_action(draft)
    assert action is not None
    engine.sync(draft, action)


def has_run(draft: Draft, key: str) -> bool:
    return draft.pods[key].status.phase == "Running"


def running(draft: Draft) -> int:
    return sum(each.status.phase == "Running" for each in draft.pods.unordered())


def test_ten_of_fifty_nodes_die(benchmark, note) -> None:
    """A Deployment of 500 on 50 nodes: from the power cut to the end. Recorded after the last eviction: 1.4 s."""
    spent: dict[str, float] = {}

    def work() -> None:
        sim = volsim.Simulation(nodes=50)
        sim.create(deployment(PODS))
        sim.settle()
        dead = sorted(sim.state.nodes)[:10]
        spent["lost"] = sum(sim.state.group_size("pods_by_node", name) for name in dead)
        with quiet_gc():
            start = time.process_time()
            for name in dead:
                sim.fail_node(name)
            sim.run("10m")
            spent["all"] = time.process_time() - start
        alive = [each for each in sim.state.pods.values() if each.status.phase == "Running"]
        assert len([each for each in alive if each.spec.node_name not in dead]) == PODS

    benchmark.pedantic(work, rounds=1, iterations=1)
    per_pod = spent["all"] / spent["lost"]
    note(
        f"{spent['all']:.2f} s for {spent['lost']:.0f} pods, the ten minutes before they are evicted included: "
        f"{1.4 / 96 / per_pod:.0f} × the recorded control plane's work after the last eviction of 96",
        "≥ 100 ×",
    )
