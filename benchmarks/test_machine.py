"""A step of `ClusterMachine`, beside what Hypothesis takes for the same step by itself."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from benchmarks.workloads import quiet_gc
from volsim import Simulation
from volsim.testing import ClusterMachine

EXAMPLES, STEPS = 60, 30
RUNS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Timed(ClusterMachine):
    """Counts the calls, and the CPU time that they and the invariants take."""

    spent = 0.0
    calls_made = 0

    def new_simulation(self) -> Simulation:
        start = time.process_time()
        made = super().new_simulation()
        Timed.spent += time.process_time() - start
        return made

    def attempt(self, method: str, argument: Any = None, **options: Any) -> None:
        start = time.process_time()
        super().attempt(method, argument, **options)
        Timed.spent += time.process_time() - start
        Timed.calls_made += 1

    @invariant()
    def no_volume_has_two_claims(self) -> None:
        start = time.process_time()
        super().no_volume_has_two_claims()
        super().no_claim_has_two_volumes()
        Timed.spent += time.process_time() - start


def steps_of(machine: type[Timed]) -> tuple[float, float]:
    """CPU microseconds of a call: all of it, and our part."""
    Timed.spent, Timed.calls_made = 0.0, 0
    with quiet_gc():
        start = time.process_time()
        run_state_machine_as_test(machine, settings=RUNS)
        whole = time.process_time() - start
    return whole / Timed.calls_made * 1e6, Timed.spent / Timed.calls_made * 1e6


def test_step_of_a_machine(benchmark, note) -> None:
    steps_of(Timed)  # the first time, everything is imported and compiled
    whole, ours = benchmark.pedantic(steps_of, args=(Timed,), rounds=1, iterations=1)
    share = ours / (whole - ours)
    text = f"{whole:.0f} µs a call, {ours:.0f} µs of it ours: {share:.0%} of Hypothesis' own"
    note(text, "≤ 15 % of Hypothesis' own cost of a rule")
