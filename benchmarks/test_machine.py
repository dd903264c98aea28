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
    """Counts the calls, and the CPU time that the cluster takes for them, and the machine for its invariants."""

    spent = 0.0
    looked = 0.0
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
        Timed.looked += time.process_time() - start


def steps_of(machine: type[Timed]) -> tuple[float, float, float]:
    """CPU microseconds of a call: all of it, what the cluster takes, and what the invariants take."""
    Timed.spent, Timed.looked, Timed.calls_made = 0.0, 0.0, 0
    with quiet_gc():
        start = time.process_time()
        run_state_machine_as_test(machine, settings=RUNS)
        whole = time.process_time() - start
    made = Timed.calls_made / 1e6
    return whole / made, Timed.spent / made, Timed.looked / made


def test_step_of_a_machine(benchmark, note) -> None:
    steps_of(Timed)  # the first time, everything is imported and compiled
    whole, cluster, looked = benchmark.pedantic(steps_of, args=(Timed,), rounds=1, iterations=1)
    own = whole - cluster - looked
    text = (
        f"{whole:.0f} µs a call: Hypothesis {own:.0f}, the cluster {cluster:.0f} ({cluster / own:.0%} of Hypothesis), "
    )
    note(f"{text}invariants {looked:.0f} ({looked / own:.0%})", "cluster and invariants ≤ 15 % of Hypothesis' own")
