"""Faults come as often as their budget allows, wherever they can come, and can be healed."""

from __future__ import annotations

import attrs
import pytest

import volsim
from tests.exploration.clusters import claim, cluster, pod, settled, volume
from volsim.engine.actions import Fault
from volsim.exploration import Faults, Property, Verdict, search
from volsim.exploration.faults import ACTS, KINDS, strike
from volsim.state import State


def running_pod() -> volsim.Simulation:
    """A pod that uses a volume of a file server, on the only node."""
    return settled(cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1))


def offered(faults: Faults, state: State) -> list[str]:
    return [f"{fault.what} {fault.target}" for fault, _ in faults.choices(state, faults.none_spent)]


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(), []),
        (Faults(node_failures=1), ["power off node01"]),
        (Faults(partitions=1), ["cut off node01"]),
        (Faults(node_losses=1), ["destroy node01"]),
        (Faults(backend_failures=1), ["make unreachable 172.16.1.30"]),
        (Faults(node_failures=1, partitions=1), ["power off node01", "cut off node01"]),
    ],
)
def test_a_fault_is_offered_where_it_can_come(faults: Faults, expected: list[str]) -> None:
    assert offered(faults, running_pod().state) == expected


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.healed_by])
def test_a_fault_that_has_come_can_be_healed_and_does_not_come_again(name: str) -> None:
    sim = running_pod()
    faults = attrs.evolve(Faults(), **{name: 1})  # type: ignore[arg-type]
    ((fault, spent),) = faults.choices(sim.state, faults.none_spent)
    broken, step = strike(sim.engine, sim.state, fault)
    assert step.action == fault
    ((healing, spent_after),) = faults.choices(broken, spent)
    assert (healing.what, spent_after) == (KINDS[name].healed_by, spent)
    healed, _ = strike(sim.engine, broken, healing)
    assert list(faults.choices(healed, spent)) == []
    without = attrs.evolve(faults, healing=False)
    assert list(without.choices(broken, spent)) == []


def test_a_lost_node_comes_not_back() -> None:
    sim, faults = running_pod(), Faults(node_losses=1, node_failures=1, partitions=1)
    lost, _ = strike(sim.engine, sim.state, Fault("destroy", "node01"))
    assert offered(faults, lost) == []


def test_a_fault_wakes_whoever_watches() -> None:
    sim = running_pod()
    assert sim.state.ready() == []
    off, _ = strike(sim.engine, sim.state, Fault("power off", "node01"))
    assert ("node-lifecycle", "node01") in off.ready()
    assert sim.state.ready() == []


def test_a_search_puts_a_fault_between_any_two_actions() -> None:
    sim = cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1)

    def is_off_while(phase: str | None, node: str | None, pod_phase: str) -> Property:
        return lambda state: (
            not state.get("machines", "node01").powered
            and state.persistent_volume_claims["default/c"].status.phase == phase
            and state.pods["default/p"].spec.node_name == node
            and state.pods["default/p"].status.phase == pod_phase
        )

    found = search(
        sim.state,
        sim.engine,
        faults=Faults(node_failures=1, healing=False),
        sometimes={
            "before all": is_off_while("Pending", None, "Pending"),
            "after binding": is_off_while("Bound", None, "Pending"),
            "after placing": is_off_while("Bound", "node01", "Pending"),
            "after starting": is_off_while("Bound", "node01", "Running"),
        },
    )
    assert found.verdict is Verdict.HOLDS


def test_a_node_that_may_fail_and_come_back_ends_with_the_pod_running_or_without_power() -> None:
    sim = running_pod()
    found = search(
        sim.state,
        sim.engine,
        faults=Faults(node_failures=1),
        sometimes={"it runs": lambda state: state.pods["default/p"].status.phase == "Running"},
    )
    assert found.complete
    ends = [found.state(found.path(number)) for number in found.terminal]
    pods = [(state.get("machines", "node01").powered, state.pods.get("default/p")) for state in ends]
    assert {(powered, pod is not None and pod.status.phase) for powered, pod in pods} >= {(True, "Running")}
    assert all(powered for powered, pod in pods if pod is None)


def test_every_fault_and_healing_has_its_act() -> None:
    words = {word for kind in KINDS.values() for word in (kind.what, kind.healed_by) if word}
    assert words == set(ACTS)


def test_an_unknown_fault_is_an_error_with_a_suggestion() -> None:
    sim = cluster()
    with pytest.raises(volsim.VolsimError, match="no fault 'power of'; did you mean 'power off'"):
        strike(sim.engine, sim.state, Fault("power of", "node01"))


@pytest.mark.parametrize("budget", [-1, True, "1", 1.5])
def test_a_budget_that_is_no_number_is_refused(budget: object) -> None:
    with pytest.raises(volsim.VolsimError, match="a budget is a whole number from 0 on"):
        Faults(partitions=budget)  # type: ignore[arg-type]
