"""Exploring: situations, moves a second, bytes a situation, what reductions save."""

from __future__ import annotations

import time
import tracemalloc

import pytest

import volsim
from volsim.exploration import ALL_REDUCTIONS, Bounds, Exploration, Faults, Order, Reduction, search

SET = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: csi.example.com
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 3
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: c, image: nginx, volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}
"""
DEPLOYMENT = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: web}
spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: nginx, volumeMounts: [{name: data, mountPath: /data}]}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: web}}]
"""


def running() -> volsim.Simulation:
    """Three nodes with a StatefulSet of three and a Deployment with a claim, all of it up."""
    sim = volsim.Simulation(nodes=3)
    sim.install_csi_driver("csi.example.com")
    sim.apply(SET)
    sim.apply(DEPLOYMENT)
    sim.settle()
    return sim


def explored(sim: volsim.Simulation, faults: Faults, order: Order, reductions: frozenset[Reduction]) -> Exploration:
    bounds = Bounds(max_states=50_000)
    return search(sim.state, sim.engine, faults=faults, order=order, reductions=reductions, bounds=bounds)


@pytest.mark.parametrize("healing", [False, True], ids=["for good", "may return"])
def test_one_node_of_three_fails(benchmark, note, healing: bool) -> None:
    """A complete verdict about one node failure at any time."""
    sim = running()
    faults = Faults(node_failures=1, healing=healing)
    start = time.process_time()
    found = benchmark.pedantic(lambda: explored(sim, faults, Order.WAVES, ALL_REDUCTIONS), rounds=1)
    seconds = time.process_time() - start
    assert found.complete
    note(
        f"{found.states:,} situations, {found.transitions:,} moves in {seconds:.1f} s:"
        f" {seconds / found.transitions * 1e3:.2f} ms a move",
        "complete in ≤ 60 s",
    )


def test_what_reductions_save(benchmark, note) -> None:
    """The same cluster and a failure for good, with nothing left out and with everything."""
    sim = running()
    faults = Faults(node_failures=1, healing=False)
    plain = explored(sim, faults, Order.ANY, frozenset())
    found = benchmark.pedantic(lambda: explored(sim, faults, Order.WAVES, ALL_REDUCTIONS), rounds=1)
    assert plain.complete
    assert found.complete
    note(f"{plain.states:,} → {found.states:,}: ÷ {plain.states / found.states:.0f}", "÷ 20 on symmetric designs")


def test_memory_of_a_situation(benchmark, note) -> None:
    """What a search keeps of each situation when it is over."""
    sim = running()
    bounds = Bounds(max_states=2_000)

    def some() -> Exploration:
        return search(
            sim.state,
            sim.engine,
            faults=Faults(node_failures=1),
            order=Order.WAVES,
            reductions=ALL_REDUCTIONS,
            bounds=bounds,
        )

    tracemalloc.start()
    found = benchmark.pedantic(some, rounds=1)
    kept = found._visited
    only = tracemalloc.Filter(inclusive=True, filename_pattern="*search.py")
    snapshot = tracemalloc.take_snapshot().filter_traces([only])
    tracemalloc.stop()
    size = sum(each.size for each in snapshot.statistics("lineno")) / len(kept)
    note(f"{size:.0f} bytes a situation ({len(kept):,} kept, ways to them included)", "≤ 100 bytes")
