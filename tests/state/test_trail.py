"""The trail says what has changed since somebody looked, or that this is not known."""

from __future__ import annotations

import copy
import pickle

from hypothesis import given
from hypothesis import strategies as st

from tests.control.scheduler.clusters import attempt_for, cluster, node, pod
from volsim.control.scheduler.lineup import lineup_of
from volsim.control.scheduler.node_facts import NodeInfo, question
from volsim.state.trail import _LONGEST_TRAIL, Trail

groups = st.lists(st.sampled_from("abc"), max_size=6)


@given(groups, groups, groups)
def test_forks_see_their_own_changes_and_not_each_others(shared: list[str], mine: list[str], others: list[str]) -> None:
    fork = Trail()
    for group in shared:
        fork = fork.then(group)
    one, other = fork, fork
    for group in mine:
        one = one.then(group)
    for group in others:
        other = other.then(group)
    assert set(one.since(fork, 9) or []) == set(mine)
    if mine and others:
        assert one.since(other, 9) is None
    assert one.since(fork, len(set(mine)) - 2) is None or len(set(mine)) < 2


def test_a_long_history_is_cut_and_can_be_thrown_away() -> None:
    start = trail = Trail()
    for number in range(3 * _LONGEST_TRAIL):
        trail = trail.then(str(number % 7))
    assert trail.since(start, 99) is None
    lately = trail
    assert trail.then("x").since(lately, 99) == ["x"]
    del trail, lately  # thousands of links, one inside the other


def test_a_copy_begins_a_history_of_its_own() -> None:
    trail = Trail()
    for _ in range(5_000):
        trail = trail.then("a")
    for other in (pickle.loads(pickle.dumps(trail)), copy.deepcopy(trail)):
        assert other.since(trail, 9) is None
        assert trail.since(other, 9) is None


def test_what_was_worked_out_in_one_fork_is_not_believed_in_another() -> None:
    """Two forks of a cluster place the same pod on different nodes; asked in turn, each gets its own answer."""
    sim = cluster([node("n1"), node("n2")])
    first, second = sim.fork(), sim.fork()
    first.apply(pod("a", nodeName="n1"))
    second.apply(pod("a", nodeName="n2"))
    asked = question("how many pods")

    def pods(info: NodeInfo) -> int:
        return info.usage[0]

    for _ in range(2):
        for fork, wanted in ((first, [1, 0]), (second, [0, 1]), (sim, [0, 0])):
            view = attempt_for(fork, pod("new")).view
            assert lineup_of(view).standing(view, asked, pods).said == wanted
