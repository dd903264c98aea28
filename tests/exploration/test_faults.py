"""Faults come as often as their budget allows, wherever they can come, and can be healed; people do what they may."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import pytest

import volsim
from tests.exploration.clusters import claim, cluster, deployment, pod, settled, volume
from volsim.engine.actions import Ask, Fault
from volsim.exploration import Faults, Verdict, search, sometimes
from volsim.exploration.faults import BUDGETS, strike
from volsim.state import State

HEALED = {name: kind for name, kinds in BUDGETS.items() for kind in kinds if kind.healing}
ZONES = [
    {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}}
    for name, zone in (("node01", "a"), ("node02", "b"))
]


def running_pod() -> volsim.Simulation:
    """A pod that uses a volume of a file server, on the only node."""
    sim = volsim.Simulation(nodes=ZONES[:1])
    sim.install_csi_driver("disks.example.com")
    sim.apply([volume("v"), claim("c"), pod("p", "c")])
    return settled(sim)


def offered(faults: Faults, state: State) -> list[str]:
    return [str(action) for action, _ in faults.choices(state, faults.none_spent)]


EXPECTED = {
    "node_failures": ["power off node01"],
    "reboots": ["reboot node01"],
    "partitions": ["cut off node01"],
    "node_losses": ["destroy node01"],
    "kubelet_stops": ["stop the kubelet of node01"],
    "zone_failures": ["power off zone a"],
    "backend_failures": ["make unreachable 172.16.1.30"],
    "driver_failures": ["stop attaching with disks.example.com", "stop detaching with disks.example.com"],
    "component_outages": ["stop apiserver", "stop controller-manager", "stop scheduler"],
    "container_crashes": ["exit 137 pod/default/p -c app"],
    "pod_deletions": ["delete pod/default/p"],
    "drains": ["drain node01"],
}
"""What may come to a node with a running pod, by budget."""


def test_every_budget_is_tried() -> None:
    assert EXPECTED.keys() == BUDGETS.keys() - {"controller_crashes"}  # see test_crashes.py


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_is_offered_where_it_can_come(name: str) -> None:
    faults = attrs.evolve(Faults(), **{name: 1})  # type: ignore[arg-type]
    assert offered(faults, running_pod().state) == [f"fault: {each}" for each in EXPECTED[name]]


def test_nothing_is_offered_without_a_budget() -> None:
    assert offered(Faults(), running_pod().state) == []


def test_several_budgets_are_offered_in_the_order_of_the_table() -> None:
    faults = Faults(partitions=1, node_failures=1)
    assert offered(faults, running_pod().state) == ["fault: power off node01", "fault: cut off node01"]


@pytest.mark.parametrize("name", HEALED)
def test_a_fault_that_has_come_can_be_healed_and_does_not_come_again(name: str) -> None:
    sim = running_pod()
    faults = attrs.evolve(Faults(), **{name: 1})  # type: ignore[arg-type]
    fault, spent = next(faults.choices(sim.state, faults.none_spent))
    broken, step = strike(sim.engine, sim.state, fault)
    assert step.action == fault
    ((healing, spent_after),) = faults.choices(broken, spent)
    assert (healing.what, spent_after) == (HEALED[name].healing, spent)  # type: ignore[union-attr]
    healed, _ = strike(sim.engine, broken, healing)
    assert list(faults.choices(healed, spent)) == []
    without = attrs.evolve(faults, healing=False)
    assert list(without.choices(broken, spent)) == []


@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - HEALED.keys()))
def test_a_fault_that_nobody_has_to_heal_is_offered_once(name: str) -> None:
    sim = running_pod()
    faults = attrs.evolve(Faults(), **{name: 1})  # type: ignore[arg-type]
    fault, spent = next(faults.choices(sim.state, faults.none_spent))
    after, _ = strike(sim.engine, sim.state, fault)
    assert list(faults.choices(after, spent)) == []


def test_a_lost_node_comes_not_back() -> None:
    sim = running_pod()
    faults = Faults(node_losses=1, node_failures=1, partitions=1, reboots=1, kubelet_stops=1, zone_failures=1)
    lost, _ = strike(sim.engine, sim.state, Fault("destroy", "node01"))
    assert offered(faults, lost) == []


def test_a_fault_wakes_whoever_watches() -> None:
    sim = running_pod()
    assert sim.state.ready() == []
    off, _ = strike(sim.engine, sim.state, Fault("power off", "node01"))
    assert ("node-lifecycle", "node01") in off.ready()
    assert sim.state.ready() == []


@pytest.mark.parametrize("name", EXPECTED)
def test_a_search_with_one_fault_of_any_kind_sees_everything(name: str) -> None:
    """What a fault leaves behind does not grow: the situations after it are few, though time goes on."""
    sim = running_pod()
    found = search(sim.state, sim.engine, faults=attrs.evolve(Faults(), **{name: 1}), max_states=500)  # type: ignore[arg-type]
    assert found.complete
    assert found.states > 1


def test_a_search_puts_a_fault_between_any_two_actions() -> None:
    sim = cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1)

    def is_off_while(phase: str | None, node: str | None, pod_phase: str) -> Any:
        def holds(look: volsim.Simulation) -> bool:
            state = look.state
            return (
                not state.get("machines", "node01").powered
                and state.persistent_volume_claims["default/c"].status.phase == phase
                and state.pods["default/p"].spec.node_name == node
                and state.pods["default/p"].status.phase == pod_phase
            )

        return holds

    found = search(
        sim.state,
        sim.engine,
        faults=Faults(node_failures=1, healing=False),
        properties=[
            sometimes("before all", is_off_while("Pending", None, "Pending")),
            sometimes("after binding", is_off_while("Bound", None, "Pending")),
            sometimes("after placing", is_off_while("Bound", "node01", "Pending")),
            sometimes("after starting", is_off_while("Bound", "node01", "Running")),
        ],
    )
    assert found.verdict is Verdict.HOLDS


def test_an_unknown_fault_is_an_error_with_a_suggestion() -> None:
    sim = cluster()
    with pytest.raises(volsim.VolsimError, match="no fault 'power of'; did you mean 'power off'"):
        strike(sim.engine, sim.state, Fault("power of", "node01"))


@pytest.mark.parametrize("budget", [-1, True, "1", 1.5])
def test_a_budget_that_is_no_number_is_refused(budget: object) -> None:
    with pytest.raises(volsim.VolsimError, match="a budget is a whole number from 0 on"):
        Faults(partitions=budget)  # type: ignore[arg-type]


# -- what people do ----------------------------------------------------------------------------------------------------
def scale_to_zero(sim: volsim.Simulation) -> None:
    """A user's action as a function."""
    sim.scale("deploy/web", 0)


def running_web() -> volsim.Simulation:
    return settled(cluster(deployment("web", 1), nodes=1))


ACTIONS = {
    "kubectl scale deploy/web --replicas=0": "kubectl scale deploy/web --replicas=0",
    "kubectl apply -f - (deployment/web)": deployment("web", 0),
    "call tests.exploration.test_faults:scale_to_zero": scale_to_zero,
}


@pytest.mark.parametrize("said", ACTIONS)
def test_what_people_may_do_is_offered_once_and_done(said: str) -> None:
    sim = running_web()
    faults = Faults(user_actions=[ACTIONS[said]])
    ((ask, spent),) = faults.choices(sim.state, faults.none_spent)
    assert str(ask) == f"user: {said}"
    after, step = strike(sim.engine, sim.state, ask)
    assert step.action == ask
    assert any(change.table == "deployments" for change in step.changes)
    assert after.deployments["default/web"].spec.replicas == 0
    assert list(faults.choices(after, spent)) == []


@pytest.mark.parametrize("said", ACTIONS)
def test_what_people_do_is_a_value_that_can_be_sent_and_done_again(said: str) -> None:
    sim = running_web()
    (ask,) = Faults(user_actions=[ACTIONS[said]]).user_actions
    sent = pickle.loads(pickle.dumps(ask))
    assert sent == ask
    assert eval(repr(ask), {"Ask": Ask}) == ask
    assert strike(sim.engine, sim.state, sent)[0] == strike(sim.engine, sim.state, ask)[0]


def test_what_is_refused_changes_nothing_and_is_told() -> None:
    sim = running_web()
    (ask,) = Faults(user_actions=["kubectl scale deploy/wep --replicas=0"]).user_actions
    after, step = strike(sim.engine, sim.state, ask)
    assert after == sim.state
    assert "refused" in str(step)
    assert 'deployments.apps "wep" not found' in str(step)


def test_without_an_api_server_nobody_can_ask_for_anything() -> None:
    sim = running_web()
    faults = Faults(pod_deletions=1, drains=1, user_actions=["kubectl cordon node01"])
    assert len(offered(faults, sim.state)) == 3
    sim.cordon("node01")
    sim.stop_component("apiserver")
    assert offered(faults, sim.state) == []
    sim.start_component("apiserver")
    assert len(offered(faults, sim.state)) == 4  # it can be uncordoned, too


def test_an_action_that_waits_is_an_error_with_a_remedy() -> None:
    sim = running_web()
    name = sim.list("pods")[0].name
    (ask,) = Faults(user_actions=[f"kubectl delete pod {name}"]).user_actions
    with pytest.raises(volsim.VolsimError, match=r"add --wait=false"):
        strike(sim.engine, sim.state, ask)


def test_a_function_that_has_no_name_is_refused() -> None:
    with pytest.raises(volsim.VolsimError, match="give a function of a module"):
        Faults(user_actions=[lambda sim: None])


def test_one_action_alone_is_refused() -> None:
    with pytest.raises(volsim.VolsimError, match="give a list"):
        Faults(user_actions="kubectl get pods")


def test_a_search_lets_people_act_at_any_time() -> None:
    sim = cluster(deployment("web", 1), nodes=1)
    found = search(
        sim.state,
        sim.engine,
        faults=Faults(user_actions=["kubectl scale deploy/web --replicas=0"]),
        properties=[
            sometimes("no pod was ever made", lambda sim: _wants(sim) == 0 and not sim.list("pods")),
            sometimes("a pod is told to go", lambda sim: _wants(sim) == 0 and _is_told_to_go(sim)),
        ],
    )
    assert found.verdict is Verdict.HOLDS
    told = found.answer("a pod is told to go").path
    assert told is not None
    assert any(isinstance(action, Ask) for action in told)


def _wants(sim: volsim.Simulation) -> int | None:
    return sim.get("deploy/web").spec.replicas  # type: ignore[no-any-return]


def _is_told_to_go(sim: volsim.Simulation) -> bool:
    return any(pod.metadata.deletion_timestamp is not None for pod in sim.list("pods"))
