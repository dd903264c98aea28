"""Binding N volumes and N claims, beside the same number of probes and writes in plain dicts in the same run."""

from __future__ import annotations

import random
import time

import pytest

from benchmarks.workloads import claim, cluster, create, quiet_gc, run, volume

RECORDED_SECONDS_PER_PAIR = 14.5 / 1_000  # the real control plane 1.20.2, 1,000 pairs, no client throttling
FIGURES: dict[int, tuple[float, float]] = {}


def bind_all(count: int) -> float:
    """CPU seconds from the first claim to all Bound."""
    engine, draft = cluster()
    for number in range(count):
        create(draft, volume(number))
    run(engine, draft)
    claims = [claim(number) for number in range(count)]
    with quiet_gc():
        start = time.process_time()
        for each in claims:
            create(draft, each)
        run(engine, draft)
        spent = time.process_time() - start
    assert all(each.status.phase == "Bound" for each in draft.persistent_volume_claims.unordered())
    return spent


def dict_floor(count: int) -> float:
    """CPU seconds for two reads and two writes a pair in two dicts, in random order of the keys."""
    keys = [f"default/c-{number:06}" for number in range(count)]
    volumes = {f"pv-{number:06}": [number] for number in range(count)}
    claims = {key: [number] for number, key in enumerate(keys)}
    order = list(range(count))
    random.Random(0).shuffle(order)
    with quiet_gc():
        start = time.process_time()
        for number in order:
            name, key = f"pv-{number:06}", keys[number]
            found, mine = volumes[name], claims[key]
            volumes[name], claims[key] = [*found, key], [*mine, name]
        return time.process_time() - start


@pytest.mark.parametrize("count", [1_000, 10_000, 100_000])
def test_bind(benchmark, note, count: int) -> None:
    spent = benchmark.pedantic(bind_all, args=(count,), rounds=1 if count > 10_000 else 3, iterations=1)
    floor = min(dict_floor(count) for _ in range(3))
    per_pair, floor_pair = spent / count, floor / count
    FIGURES[count] = per_pair, floor_pair
    text = f"{per_pair * 1e6:.0f} µs a pair (dict floor {floor_pair * 1e6:.2f} µs), "
    text += f"{RECORDED_SECONDS_PER_PAIR / per_pair:.0f} × the recorded control plane"
    goal = "≥ 100 × the recorded control plane"
    if count == 100_000 and 1_000 in FIGURES:
        growth, floor_growth = per_pair / FIGURES[1_000][0], floor_pair / FIGURES[1_000][1]
        text += f"; growth from 1,000: × {growth:.2f} (floor × {floor_growth:.2f})"
        goal += "; growth ≤ 1.3 × the floor's"
    note(text, goal)
