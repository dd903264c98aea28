"""Explanations of disruption budgets: what keeps a drain, and that the remedies help."""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.test_disruption import budget
from tests.control.workloads import deployment, workload
from volsim.manifests import timestamp

ANYWHERE: dict[str, Any] = {"nodeName": None}


def cluster(replicas: int = 2, **spec: Any) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=2)
    sim.apply(deployment(replicas=replicas, pod=ANYWHERE))
    sim.apply(budget(**spec))
    sim.settle()
    return sim


def codes(sim: volsim.Simulation, name: str = "web") -> list[str]:
    return [cause.code for cause in sim.explain(f"pdb/{name}").causes]


def test_it_allows_what_it_says() -> None:
    sim = cluster(minAvailable=1)
    assert str(sim.explain("pdb/web")) == "pdb/web allows 1 evictions: 1 pods have to be healthy, 2 are."


@pytest.mark.parametrize(("spec", "bound"), [({"minAvailable": 2}, "minAvailable 2"), ({"maxUnavailable": 0}, "maxUn")])
def test_it_is_too_tight_until_there_is_one_more(spec: dict[str, Any], bound: str) -> None:
    sim = cluster(**spec)
    [cause] = sim.explain("pdb/web").causes
    assert cause.code == "too-tight"
    assert bound in cause.text
    if "minAvailable" in spec:
        sim.scale("deploy/web", 3)  # as it says
        sim.settle()
        assert codes(sim) == []


def test_a_pod_that_is_ill_counts_against_it() -> None:
    sim = cluster(minAvailable=1)
    sim.fail_node(sim.list("pods")[0].spec.node_name)
    sim.run("1m")
    assert sim.get("pdb/web").status.disruptions_allowed == 0
    assert "node-in-trouble" in codes(sim)


def test_an_eviction_that_was_announced_counts_for_a_while() -> None:
    sim = cluster(minAvailable=1)
    [first, _] = sim.list("pods")
    announced = {"disruptionsAllowed": 0, "disruptedPods": {first.name: timestamp(0)}}
    sim.patch("pdb/web", {"status": announced}, subresource="status")
    sim.run("1s")
    found = sim.explain("pdb/web")
    assert [cause.code for cause in found.causes] == ["announced"]
    sim.run(until=lambda sim: codes(sim) == [])
    assert sim.now == found.expected[0].at


def test_two_budgets_for_one_pod() -> None:
    sim = cluster(minAvailable=0)
    sim.apply(budget("second", minAvailable=0))
    sim.settle()
    assert codes(sim) == ["several-budgets"]


def test_it_cannot_be_computed() -> None:
    sim = volsim.Simulation(nodes=1)
    sim.apply(workload("DaemonSet", pod=ANYWHERE))
    sim.apply(budget(minAvailable="50%"))
    sim.run("1m")
    first, *_ = sim.explain("pdb/web").causes
    assert first.code == "cannot-tell"
    assert first.text.endswith("daemonsets.apps does not implement the scale subresource")
    sim.patch("pdb/web", {"spec": {"minAvailable": 0}})  # as it says
    sim.settle()
    assert codes(sim) == []


def test_it_has_just_been_changed() -> None:
    sim = cluster(minAvailable=1)
    sim.patch("pdb/web", {"spec": {"minAvailable": 2}})
    assert codes(sim) == ["not-looked-at"]


def test_it_selects_nobody() -> None:
    sim = cluster(selector={"matchLabels": {"app": "none"}}, minAvailable=1)
    assert codes(sim) == ["selects-nobody"]
