"""What a type checker knows of the public names: mypy checks this file, and pytest runs it, so that it is true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_type

import pytest

import volsim
from volsim.objects import Event, Pod

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"nodeName": "node01", "containers": [{"name": "web", "image": "nginx"}]},
}


@pytest.fixture
def sim() -> volsim.Simulation:
    made = volsim.Simulation(nodes=["node01"], kubernetes="1.36", seed=0)
    made.apply(POD)
    made.settle()
    return assert_type(made, volsim.Simulation)


def test_quantities() -> None:
    assert_type(volsim.Quantity("1Gi"), volsim.Quantity)
    assert_type(volsim.Quantity(1) + volsim.Quantity("500m"), volsim.Quantity)
    assert_type(volsim.Quantity(1) < volsim.Quantity(2), bool)


def test_rules() -> None:
    rules = volsim.Rules.for_version("1.20", pod_gc_period="5s")
    assert_type(rules, volsim.Rules)
    assert_type(rules.pod_gc_period, float)
    assert_type(rules.honor_pv_reclaim_policy, bool)


def test_manifests_and_objects() -> None:
    [pod] = volsim.load(POD)
    assert_type(volsim.to_manifest(pod), dict[str, Any])
    assert isinstance(pod, Pod)
    assert_type(pod.metadata.labels, Mapping[str, str])
    assert_type(pod.replace(metadata=pod.metadata), Pod)


def test_time_and_steps(sim: volsim.Simulation) -> None:
    assert_type(sim.now, float)
    assert_type(sim.run("1m"), float)
    assert_type(sim.run(until=lambda each: each.now > 0, limit="1h"), float)
    assert_type(sim.settle(), float)
    assert_type(sim.peek(), float | None)
    assert_type(sim.step(), volsim.Step | None)
    assert_type(sim.trace, Sequence[volsim.Step])
    assert_type(sim.events, Sequence[Event])


def test_bytes(sim: volsim.Simulation) -> None:
    assert_type(sim.write_file("pod/web", "/a", b"x"), None)
    assert_type(sim.read_file("pod/web", "/a"), bytes)
    assert_type(sim.host_files("node01"), Mapping[str, bytes])
    assert_type(sim.exec("pod/web", "true"), volsim.ExecResult)


def test_values(sim: volsim.Simulation) -> None:
    assert_type(sim.state, volsim.State)
    assert_type(sim.fork(), volsim.Simulation)
    assert_type(sim.state == sim.fork().state, bool)
