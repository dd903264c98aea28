"""Laws of rollouts: they keep what they promise whatever the strategy is and in whatever order controllers work."""

from __future__ import annotations

from itertools import islice, repeat
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.control.workloads import (
    active,
    choices,
    come_to,
    condition,
    deployment,
    engine_of,
    last,
    objects,
    ready,
    walk,
)
from volsim.control.contract import Outcome
from volsim.control.deployment.rollout import fenceposts
from volsim.engine.simulation import Simulation
from volsim.objects import Deployment
from volsim.state import State

ENGINE = engine_of("deployment", "replicaset", "garbage-collector", "kubelet-node", "kubelet")
OURS = ("deployment", "replicaset", "garbage-collector")
numbers = st.integers(0, 3) | st.integers(0, 100).map(lambda percent: f"{percent}%")


@st.composite
def strategies(draw: st.DrawFn) -> dict[str, Any]:
    """Valid strategies; shrink towards Recreate, then towards small numbers."""
    if draw(st.booleans()):
        surge, unavailable = draw(numbers), draw(numbers)
        if surge in (0, "0%") and unavailable in (0, "0%"):
            surge = 1  # both zero is refused
        return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    return {"type": "Recreate"}


orders = st.lists(st.integers(0, 30), max_size=60)


def running(replicas: int, strategy: dict[str, Any]) -> Simulation:
    sim = Simulation(nodes=1, engine=ENGINE)
    sim.apply(deployment(replicas=replicas, strategy=strategy))
    sim.settle()
    return sim


def asked_for(state: State) -> int:
    """How many pods the replica sets ask for together: what the surge is about (those that end come on top)."""
    return sum(each.spec.replicas or 0 for each in state.replica_sets.values())


def legal(state: State) -> None:
    """At rest a deployment has what it asks for, of its newest version, and says so."""
    found: Deployment = state.deployments["default/web"]
    pods = active(state)
    replicas = found.spec.replicas or 0
    images = {pod.spec.containers[0].image for pod in pods}
    assert ready(pods) == replicas
    assert images <= {found.spec.template.spec.containers[0].image}
    assert (found.status.replicas or 0) == (found.status.updated_replicas or 0) == replicas
    assert (found.status.available_replicas or 0) == replicas
    assert found.status.observed_generation == found.metadata.generation
    assert condition(found, "Progressing").reason == "NewReplicaSetAvailable"


@settings(max_examples=40)
@given(st.integers(0, 5), strategies(), st.lists(st.sampled_from(["nginx:2", "nginx:3"]), max_size=2), orders)
def test_a_rollout_keeps_its_surge_and_its_availability(
    replicas: int, strategy: dict[str, Any], images: list[str], order: list[int]
) -> None:
    sim = running(replicas, strategy)
    surge, unavailable = fenceposts(sim.get("deploy/web"))
    drawn = choices(order)
    for image in images:
        sim = sim.fork()
        sim.apply(deployment(replicas=replicas, strategy=strategy, image=image))
        state = sim.state
        for state in walk(ENGINE, sim.state, drawn):
            pods = active(state)
            assert asked_for(state) <= replicas + surge
            if strategy["type"] == "RollingUpdate":
                assert ready(pods) >= replicas - unavailable
            else:
                assert len({pod.spec.containers[0].image for pod in state.pods.values()}) <= 1
        legal(state)
        sim = come_to(sim, state)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.just("scale"), st.integers(0, 5))
        | st.tuples(st.just("image"), st.sampled_from(["nginx:1", "nginx:2"]))
        | st.tuples(st.just("delete pod"), st.integers(0, 4)),
        max_size=4,
    ),
    strategies(),
    orders,
    st.integers(0, 20),
)
def test_whatever_happens_and_in_whatever_order_the_deployment_comes_to_rest_complete(
    happenings: list[tuple[str, Any]], strategy: dict[str, Any], order: list[int], between: int
) -> None:
    sim = running(2, strategy)
    spec: dict[str, Any] = {"replicas": 2, "strategy": strategy}
    drawn = choices(order)
    for what, value in happenings:
        if what == "delete pod":
            pods = sim.list("pods")
            if pods:
                sim.delete(f"pod/{pods[value % len(pods)].name}")
        else:
            spec["replicas" if what == "scale" else "image"] = value
            sim.apply(deployment(**spec))
        sim = come_to(sim, last(islice(walk(ENGINE, sim.state, drawn), between), sim.state))
    state = last(walk(ENGINE, sim.state, drawn), sim.state)
    legal(state)


@settings(max_examples=25)
@given(st.integers(0, 4), strategies(), orders)
def test_one_controller_alone_comes_to_rest_after_few_steps(
    replicas: int, strategy: dict[str, Any], order: list[int]
) -> None:
    """A sync may leave the next step to the next sync, but what it leaves gets less."""
    sim = running(replicas, strategy)
    sim.apply(deployment(replicas=replicas, strategy=strategy, image="nginx:2"))
    drawn, state = choices(order), sim.state
    while actions := [each for each in ENGINE.enabled(state) if each.controller in OURS]:
        action = actions[next(drawn) % len(actions)]._replace(choice=None)
        for _ in range(2 + 2 * replicas):
            before = objects(state)
            state, step = ENGINE.perform(state, action)
            if objects(state) == before:
                break
        assert objects(state) == before
        assert step.events == ()


@settings(max_examples=25)
@given(st.integers(0, 4), strategies(), orders)
def test_at_rest_no_sync_of_any_object_changes_anything(
    replicas: int, strategy: dict[str, Any], order: list[int]
) -> None:
    sim = running(replicas, strategy)
    sim.apply(deployment(replicas=replicas, strategy=strategy, image="nginx:2"))
    *_, state = walk(ENGINE, sim.state, choices(order))
    keys = [("deployment", key) for key in state.deployments] + [("replicaset", key) for key in state.replica_sets]
    keys += [("garbage-collector", f"{table}/{key}") for table in state.api_tables for key in state.table(table)]
    for name, key in keys:
        found = ENGINE.controller(name).sync(state, key)
        assert isinstance(found, Outcome)
        assert (found.writes, found.events) == ((), ())


def test_some_rollout_does_use_all_of_its_surge_and_all_that_may_be_unavailable() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}}
    sim = running(3, strategy)
    sim.apply(deployment(replicas=3, strategy=strategy, image="nginx:2"))
    seen = [(asked_for(state), ready(active(state))) for state in walk(ENGINE, sim.state, repeat(0))]
    assert max(number for number, _ in seen) == 5
    assert min(number for _, number in seen) == 2
