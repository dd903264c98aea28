"""A search sees everything that can happen, says honestly what it did not see, and proves what it found."""

from __future__ import annotations

import pytest

import volsim
from tests.exploration.clusters import claim, cluster, pod, settled, volume
from volsim.engine.actions import Lapse, Request, Sync
from volsim.exploration import Exploration, Faults, Order, Verdict, exact, search
from volsim.exploration.search import perform
from volsim.state import State


def phase_of(state: State, name: str) -> str | None:
    return state.persistent_volume_claims[f"default/{name}"].status.phase


def is_bound(name: str) -> str:
    return f"claim {name} is bound"


def two_claims(**given: object) -> Exploration:
    """Two claims that want the one volume there is."""
    sim = cluster(volume("v"), claim("c"), claim("d"))
    return search(
        sim.state,
        sim.engine,
        always={"nobody is lost": lambda state: "Lost" not in (phase_of(state, "c"), phase_of(state, "d"))},
        sometimes={is_bound(name): lambda state, name=name: phase_of(state, name) == "Bound" for name in ("c", "d")},  # type: ignore[misc]
        **given,  # type: ignore[arg-type]
    )


# -- verdicts ----------------------------------------------------------------------------------------------------------
def test_whoever_comes_first_may_get_the_volume() -> None:
    found = two_claims()
    assert found.complete
    assert found.verdict is Verdict.HOLDS
    assert {answer.name: answer.verdict for answer in found.answers} == {
        "nobody is lost": Verdict.HOLDS,
        is_bound("c"): Verdict.HOLDS,
        is_bound("d"): Verdict.HOLDS,
    }


def test_what_never_shows_violates_a_sometimes() -> None:
    sim = cluster(claim("c"))
    found = search(sim.state, sim.engine, sometimes={is_bound("c"): lambda state: phase_of(state, "c") == "Bound"})
    assert found.verdict is Verdict.VIOLATED
    assert found.answer(is_bound("c")).path is None


def test_a_search_that_did_not_see_everything_is_no_pass() -> None:
    found = two_claims(max_states=3)
    assert (found.states, found.stopped_by, found.complete) == (3, "max_states", False)
    assert found.verdict is Verdict.UNKNOWN
    assert found.answer("nobody is lost").verdict is Verdict.UNKNOWN
    assert found.answer(is_bound("d")).verdict is Verdict.UNKNOWN


def test_what_is_seen_before_a_search_ends_early_is_seen() -> None:
    sim = cluster(volume("v"), claim("c"))
    never = {"it is never bound": lambda state: phase_of(state, "c") != "Bound"}
    found = search(sim.state, sim.engine, always=never, max_states=6)
    assert found.stopped_by == "max_states"
    assert found.verdict is Verdict.VIOLATED


def test_what_is_due_later_than_asked_for_is_not_seen() -> None:
    sim = cluster(volume("v"), claim("c"))
    found = search(sim.state, sim.engine, until="14s")
    assert (found.stopped_by, found.verdict) == ("until", Verdict.UNKNOWN)
    assert search(sim.state, sim.engine, until="15s").verdict is Verdict.HOLDS


def test_a_bound_that_is_just_enough_stops_nothing() -> None:
    sim = cluster(volume("v"), claim("c"))
    assert search(sim.state, sim.engine, max_states=7).complete
    assert not search(sim.state, sim.engine, max_states=6).complete


def test_a_property_that_raises_is_violated_and_told_with_its_path() -> None:
    sim = cluster(volume("v"), claim("c"))

    def raises(state: State) -> bool:
        if phase_of(state, "c") == "Bound":
            raise ZeroDivisionError("by accident")
        return True

    for given in ({"always": {"p": raises}}, {"sometimes": {"p": lambda state: not raises(state)}}):
        answer = search(sim.state, sim.engine, **given).answer("p")
        assert (answer.verdict, answer.error) == (Verdict.VIOLATED, "ZeroDivisionError: by accident")
        assert answer.path is not None
        assert len(answer.path) == 2
        assert str(answer).endswith("p: violated after 2 actions: it raised ZeroDivisionError: by accident")


# -- paths -------------------------------------------------------------------------------------------------------------
def test_a_path_is_a_shortest_one_and_can_be_replayed() -> None:
    found = two_claims()
    path = found.answer(is_bound("d")).path
    assert path is not None
    steps = found.replay(path)
    assert [str(step).strip() for step in steps] == [
        "0.000s  pv-phases: volume v is Available",
        "0.000s  pv-binder: bind claim default/d to volume v",
    ]
    assert phase_of(found.state(path), "d") == "Bound"


def test_the_path_to_the_start_is_empty() -> None:
    sim = settled(cluster(claim("c")))
    found = search(sim.state, sim.engine)
    assert [found.path(number) for number in found.terminal] == [()]
    assert found.state(()) == sim.state


def test_every_terminal_situation_is_reached_by_its_path() -> None:
    found = two_claims(same=exact)
    for number in found.terminal:
        state = found.state(found.path(number))
        assert exact(state) == state.fingerprint
        assert state.next_due_us(background=False) is None


def test_an_open_choice_is_taken_in_every_way() -> None:
    sim = settled(cluster(nodes=2))
    sim.apply(pod("p"))
    found = search(sim.state, sim.engine)
    nodes = {found.state(found.path(number)).pods["default/p"].spec.node_name for number in found.terminal}
    assert nodes == {"node01", "node02"}
    choices = {action.choice for number in found.terminal for action in found.path(number) if isinstance(action, Sync)}
    assert choices == {None, "node01", "node02"}


def test_the_state_from_which_a_search_starts_stays_as_it_is() -> None:
    sim = cluster(volume("v"), claim("c"))
    before, number = sim.state, sim.state.fingerprint
    search(sim.state, sim.engine, faults=Faults(node_failures=1))
    assert before.fingerprint == number
    assert sim.state == before


# -- whoever is slow ---------------------------------------------------------------------------------------------------
def test_whoever_is_slow_may_be_passed_over_by_the_clock() -> None:
    """The resync comes after 15 s although a claim was not looked at; and all that may come otherwise may, too."""
    any_order, slow = two_claims(), two_claims(order=Order.SLOW)
    assert slow.complete
    assert set(any_order.numbers) < set(slow.numbers)
    lapses = [action for number in slow.numbers for action in slow.path(number) if isinstance(action, Lapse)]
    assert {str(action) for action in lapses} == {"clock: goes on to pv-binder"}


def test_a_clock_that_goes_on_is_told_with_those_who_are_late() -> None:
    sim = cluster(volume("v"), claim("c"))
    sim.run("0s")
    sim.apply(claim("d"))
    _, step = perform(sim.engine, sim.state, Lapse("the next resync"))
    assert str(step) == "    15.000s  clock: goes on to the next resync, before pv-binder: default/d"
    with pytest.raises(volsim.VolsimError, match="nothing is due"):
        perform(sim.engine, cluster().state, Lapse("nothing"))


def test_what_is_tried_again_for_ever_is_closed_although_somebody_is_slow() -> None:
    sim = cluster(pod("p", "c"), nodes=1)
    assert search(sim.state, sim.engine, order=Order.SLOW, max_states=500).complete


# -- what it prints ----------------------------------------------------------------------------------------------------
def test_it_says_what_it_saw_and_what_it_found() -> None:
    assert str(two_claims()) == (
        "holds: 17 states, 21 transitions, 2 terminal\n"
        "always nobody is lost: holds\n"
        "sometimes claim c is bound: holds after 2 actions\n"
        "sometimes claim d is bound: holds after 2 actions"
    )
    assert str(two_claims(max_states=3)).startswith(
        "unknown: 3 states, 3 transitions, 0 terminal, stopped by max_states\n"
    )


# -- what is refused ---------------------------------------------------------------------------------------------------
def test_a_search_without_a_state_is_refused() -> None:
    with pytest.raises(volsim.VolsimError, match="max_states=0: a search sees at least the state"):
        two_claims(max_states=0)


def test_one_name_for_two_properties_is_refused() -> None:
    sim = cluster()
    with pytest.raises(volsim.VolsimError, match="'p' is asked for twice"):
        search(sim.state, sim.engine, always={"p": lambda _: True}, sometimes={"p": lambda _: True})


def test_a_property_or_a_situation_that_is_unknown_is_an_error_that_says_what_is_known() -> None:
    found = two_claims()
    with pytest.raises(volsim.VolsimError, match="not asked about 'p'; it was about 'nobody is lost'"):
        found.answer("p")
    with pytest.raises(volsim.VolsimError, match="did not see situation 1; it saw 17 others"):
        found.path(1)
    sim = cluster()
    with pytest.raises(volsim.VolsimError, match="it was about no property"):
        search(sim.state, sim.engine).answer("p")


def test_a_request_is_no_part_of_a_search() -> None:
    sim = cluster()
    with pytest.raises(volsim.VolsimError, match="user: delete pod/p: a search chooses"):
        perform(sim.engine, sim.state, Request("delete", "pod/p"))
