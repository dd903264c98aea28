"""Exploring: situations, moves a second, bytes a situation, what reductions save."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest

import volsim
from tests.exploration.clusters import cluster, deployment, pod, settled
from volsim import properties
from volsim.exploration import ALL_REDUCTIONS, Bounds, Exploration, Faults, Order, Property, Reduction, search

ROOT = Path(__file__).parents[1]

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


def explored(
    sim: volsim.Simulation,
    faults: Faults,
    order: Order,
    reductions: frozenset[Reduction],
    asked: Iterable[Property] = (),
    *,
    max_states: int = 50_000,
) -> Exploration:
    bounds = Bounds(max_states=max_states)
    return search(
        sim.state, sim.engine, faults=faults, order=order, reductions=reductions, bounds=bounds, properties=asked
    )


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


# -- what reductions save ----------------------------------------------------------------------------------------------
def four_pods() -> volsim.Simulation:
    """Four pods have just been made, and three nodes could take them."""
    return cluster(*[pod(f"p{number}") for number in range(4)], nodes=3)


def three_replicas() -> volsim.Simulation:
    """Three nodes with a replica of a Deployment on each."""
    return settled(cluster(deployment("web", 3), nodes=3))


DESIGNS = {
    "set and disk, node lost": (running, Faults(node_failures=1, healing=False), ("sts/db", "deploy/web")),
    "four pods start": (four_pods, Faults(), ("pod/p0", "pod/p3")),
    "three replicas, node may return": (three_replicas, Faults(node_failures=1), ("deploy/web",)),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_what_reductions_save(benchmark, note, design: str) -> None:
    """The same cluster with nothing left out and with everything; the verdicts are the same."""
    make, faults, refs = DESIGNS[design]
    sim = make()
    asked = [properties.runs(ref) for ref in refs]
    plain = explored(sim, faults, Order.ANY, frozenset(), asked)
    found = benchmark.pedantic(lambda: explored(sim, faults, Order.WAVES, ALL_REDUCTIONS, asked), rounds=1)
    assert plain.complete
    assert found.complete
    assert verdicts(found) == verdicts(plain)
    note(f"{plain.states:,} → {found.states:,}: ÷ {plain.states / found.states:.0f}", "÷ 20 on symmetric designs")


def verdicts(found: Exploration) -> dict[str, str]:
    return {answer.name: str(answer.verdict) for answer in found.answers}


# -- memory ------------------------------------------------------------------------------------------------------------
FEW, MANY = 500, 2_500
"""Situations after which the search ends: what it needs whatever is seen is left out by taking the difference."""
CACHES = ("digests", "situation", "commuting")
"""Modules that remember what texts and moves look like, up to a limit: that is nothing of a situation."""


def kept_bytes(sim: volsim.Simulation, states: int) -> int:
    """What exploring has allocated, and still needs, when a search over so many situations is over."""
    gc.collect()
    tracemalloc.start()
    found = explored(sim, Faults(node_failures=1), Order.WAVES, ALL_REDUCTIONS, max_states=states)
    assert found.states == states
    gc.collect()
    own = [tracemalloc.Filter(inclusive=True, filename_pattern="*/volsim/exploration/*")]
    caches = [tracemalloc.Filter(inclusive=False, filename_pattern=f"*/exploration/{name}.py") for name in CACHES]
    snapshot = tracemalloc.take_snapshot().filter_traces(own).filter_traces(caches)
    tracemalloc.stop()
    return sum(each.size for each in snapshot.statistics("filename"))


def test_memory_of_a_situation(benchmark, note) -> None:
    """What a search keeps of each situation when it is over, and of the way to it."""
    few = kept_bytes(running(), FEW)
    many = benchmark.pedantic(lambda: kept_bytes(running(), MANY), rounds=1)
    size = (many - few) / (MANY - FEW)
    note(
        f"{size:.0f} bytes a situation (the last {MANY - FEW:,} of {MANY:,}, the ways to them included)", "≤ 100 bytes"
    )


# -- the largest goal --------------------------------------------------------------------------------------------------
LARGEST = """
import resource, time
from benchmarks.test_explore import largest
start = time.process_time()
found = largest()
peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(found.complete, found.states, found.transitions, time.process_time() - start, peak_kib * 1024)
"""


def largest() -> Exploration:
    """Three nodes; three pods of a set and one of a Deployment with a claim each, one without; one failure."""
    sim = running()
    sim.apply(deployment("front", 1))
    sim.settle()
    assert (len(sim.list("pods")), len(sim.list("pvc")), len(sim.list("nodes"))) == (5, 4, 3)
    asked = [properties.runs("deploy/web"), properties.runs("sts/db"), properties.one_identity("sts/db")]
    return explored(sim, Faults(node_failures=1), Order.WAVES, ALL_REDUCTIONS, asked)


def test_three_nodes_five_pods_four_claims_one_failure(benchmark, note) -> None:
    """A complete verdict, a failure at any time that may be over at any time; in a process of its own."""
    command = [sys.executable, "-c", LARGEST]

    def told() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    complete, states, moves, seconds, peak = benchmark.pedantic(told, rounds=1).split()
    assert complete == "True"
    note(
        f"{int(states):,} situations, {int(moves):,} moves in {float(seconds):.1f} s,"
        f" {int(peak) / 2**20:.0f} MiB at most",
        "≤ 60 s, ≤ 1 GiB",
    )
