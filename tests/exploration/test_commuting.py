"""What is learned of moves never gets lost, does not depend on who told of it first, and makes a search begin anew."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

import volsim
from tests.exploration.clusters import claim, cluster, volume
from volsim.exploration.commuting import NOTHING_KNOWN, Commuting, Known, Learned, Lesson
from volsim.exploration.faults import Faults
from volsim.exploration.moves import Move, Standpoint, moves_from, ready

pairs = st.tuples(st.integers(0, 3), st.integers(4, 6))
lessons: st.SearchStrategy[Learned] = st.tuples(st.dictionaries(pairs, st.booleans()), st.sets(pairs))


def after(told: list[Learned]) -> Known:
    known = NOTHING_KNOWN
    for learned in told:
        known = known.learning(learned)
    return known


@given(st.lists(lessons, max_size=3))
def test_the_order_in_which_parts_tell_changes_nothing(told: list[Learned]) -> None:
    assert len({repr(sorted(after(list(each)).conflicts.items())) for each in itertools.permutations(told)}) == 1
    assert len({after(list(each)).relied_on for each in itertools.permutations(told)}) == 1


def test_where_two_parts_disagree_the_two_do_not_commute() -> None:
    commute: Learned = ({(1, 2): False}, {(1, 2)})
    conflict: Learned = ({(1, 2): True}, set())
    for told in ([commute, conflict], [conflict, commute]):
        assert after(told).conflicts == {(1, 2): True}
        assert after(told).is_stale
    assert not after([commute]).is_stale
    assert not after([conflict]).is_stale


def test_two_that_a_property_sees_are_not_relied_on() -> None:
    known = after([({(1, 2): False}, {(1, 2)})])
    assert not known.showing(1).is_stale
    assert known.showing(1).showing(2).is_stale
    assert known.showing(1).showing(1) == known.showing(1)


def test_what_is_known_stays_as_it_is() -> None:
    before = after([({(1, 2): False}, set())])
    before.learning(({(1, 2): True, (1, 3): False}, {(1, 3)}))
    before.showing(1)
    assert before == Known(frozenset(), {(1, 2): False}, frozenset())
    assert before.learning(({}, set())) is before


def two_binds() -> tuple[volsim.Simulation, list[Move]]:
    """Two claims of which each has a volume of its own, and both are to be bound."""
    sim = cluster(volume("v", "1Gi"), volume("w", "5Gi"))
    sim.run("0s")
    sim.apply([claim("c", "1Gi"), claim("d", "5Gi")])
    here = Standpoint(sim.state, Faults().none_spent, (), ready(sim.engine, sim.state))
    return sim, list(moves_from(sim.engine, here, Faults(), None, skip_idle=True))


def test_a_part_tries_out_what_nobody_knows_and_relies_on_what_is_known() -> None:
    sim, moves = two_binds()
    commuting = Commuting(sim.engine)
    binds = [move for move in moves if move.action[0] == "pv-binder"]
    first, second = (commuting.signature(move).number for move in binds)
    pair = (min(first, second), max(first, second))

    fresh = Lesson(commuting, NOTHING_KNOWN)
    assert len(fresh.followed(sim.state, binds)) == 1
    assert fresh.learned == ({pair: False}, {pair})

    told = Lesson(commuting, NOTHING_KNOWN.learning(({pair: True}, set())))
    assert told.followed(sim.state, binds) == binds
    assert told.learned == ({}, set())

    seen = Lesson(commuting, NOTHING_KNOWN.showing(first).showing(second))
    assert seen.followed(sim.state, binds) == binds


def test_a_signature_is_the_same_for_whoever_works_it_out() -> None:
    sim, moves = two_binds()
    one, other = Commuting(sim.engine), Commuting(sim.engine)
    assert [one.signature(move) for move in moves] == [other.signature(move) for move in reversed(moves)][::-1]
    assert len({one.signature(move) for move in moves}) == len(moves)
