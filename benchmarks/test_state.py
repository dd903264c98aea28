"""Forks, undo and single steps: what a value costs, small and large."""

from __future__ import annotations

import time

import pytest

from benchmarks.workloads import claim, cluster, create, quiet_gc, run, volume
from volsim.state import Draft


def bound(count: int, nodes: int = 0) -> tuple[object, Draft]:
    engine, draft = cluster(nodes)
    for number in range(count):
        create(draft, volume(number))
        create(draft, claim(number))
    run(engine, draft)
    return engine, draft


@pytest.mark.parametrize("count", [100, 100_000])
def test_fork(benchmark, note, count: int) -> None:
    """From a draft that was just written: seal it, fork it, write to the fork."""
    engine, draft = bound(count)
    state = draft.seal()
    sealed = benchmark(lambda: state.draft(engine.watches))
    assert sealed is not None

    def seal_and_write() -> None:
        draft.put("memory", "benchmark", time.perf_counter_ns())
        fork = draft.seal().draft()
        fork.put("memory", "benchmark", 0)

    start = time.process_time()
    for _ in range(200):
        seal_and_write()
    both = (time.process_time() - start) / 200
    fork = benchmark.stats.stats.median
    note(
        f"{fork * 1e6:.1f} µs from a sealed state; write, seal, fork, write: {both * 1e6:.0f} µs", "O(1); ≤ 20 ms once"
    )


@pytest.mark.parametrize("count", [100, 100_000])
def test_undo(benchmark, note, count: int) -> None:
    """One bind on a fork, thrown away again."""
    engine, draft = bound(count)
    create(draft, volume(count))
    run(engine, draft)
    create(draft, claim(count))
    state = draft.seal()
    action = engine.next_action(state.draft(engine.watches))
    _, step = benchmark(lambda: engine.perform(state, action))
    assert step.changes
    assert state.get("persistentvolumeclaims", f"default/c-{count:06}").spec.volume_name is None
    note(
        f"{benchmark.stats.stats.median * 1e6:.0f} µs for bind and undo, {len(step.changes)} writes",
        "what the step changed",
    )


@pytest.mark.parametrize("nodes", [3, 5_000])
def test_step(benchmark, note, nodes: int) -> None:
    """One bind on a small and on a large cluster."""
    engine, draft = bound(10 if nodes == 3 else 10_000, nodes)
    number = 200_000
    create(draft, volume(number))
    run(engine, draft)
    create(draft, claim(number))
    state = draft.seal()
    action = engine.next_action(state.draft(engine.watches))
    benchmark(lambda: engine.perform(state, action))
    note(f"{benchmark.stats.stats.median * 1e6:.0f} µs", "the same on both")


def test_dispatch(benchmark, note) -> None:
    """The engine's own work on an action: 1,000 are pending, and the controller does nothing."""
    engine, draft = cluster(3)
    for number in range(1_000):
        draft.enqueue("pv-binder", f"default/missing-{number}")

    def one() -> None:
        action = engine.next_action(draft)
        engine.sync(draft, action)
        draft.enqueue(action.controller, action.key)

    with quiet_gc():
        benchmark(one)
    note(
        f"{benchmark.stats.stats.median * 1e6:.1f} µs an action",
        "SimPy's process event: 1.2 to 1.6 µs at 1,000 pending",
    )


def test_fingerprint(benchmark, note) -> None:
    """Asking for it after one bind on 10,000 pairs."""
    engine, draft = bound(10_000)
    create(draft, volume(20_000))
    run(engine, draft)
    create(draft, claim(20_000))
    state = draft.seal()
    _ = state.fingerprint
    action = engine.next_action(state.draft(engine.watches))

    def ask() -> int:
        after, _ = engine.perform(state, action)
        return after.fingerprint

    benchmark(ask)
    note(f"{benchmark.stats.stats.median * 1e6:.0f} µs for bind and fingerprint", "what the step changed")
