"""How many situations small clusters can be in. One wrong word in a guard changes a count.

Each count is derived in a comment. Where a change of the semantics changes one, derive it anew: the steps to each
situation (`Exploration.replay`) tell the story.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

import volsim
from tests.exploration.clusters import claim, cluster, deployment, pod, settled, volume
from volsim.exploration import Exploration, Faults, Verdict, exact, search


def one_volume_one_claim() -> volsim.Simulation:
    # The volume's phase (P) and the binder (B) are ready: 1. P first: then the claim is bound, then the resync finds
    # nothing: 3. B first: the claim is told to wait, then the volume is free, then the resync wakes the claim: 3; and
    # then it is bound, where the first way has led already.
    return cluster(volume("v"), claim("c"))


def two_claims_one_volume() -> volsim.Simulation:
    # P, and the binder's look at each claim, C and D. Nothing is bound in {}, P, C, D, CD, CP, DP and CDP: 8. Whoever
    # looks first after P gets the volume: one of two has it, and the other has looked or has not: 4, so 12 at the first
    # instant. From the 3 of them in which nothing is ready the resync leads on: it wakes the claim that has none, after
    # CDP both, of which the first to look gets it and leads to where the others are: 3. The one without looks in vain:
    # 2 ends.
    return cluster(volume("v"), claim("c"), claim("d"))


def claim_before_volume() -> volsim.Simulation:
    # One path: the volume is new, is free, the resync comes, the claim is bound.
    return cluster_with_a_waiting_claim(volume("v"))


def cluster_with_a_waiting_claim(late: dict[str, object]) -> volsim.Simulation:
    sim = settled(cluster(claim("c")))
    sim.apply(late)
    return sim


def pod_with_claim() -> volsim.Simulation:
    # P, B and the scheduler (S) are ready; none of them needs another to have looked. Nothing is bound in {}, P, B, S,
    # PS, BP, BS and BPS; PB and PSB are bound: 10. From the two bound ones the pod is placed (one that was refused is
    # tried again at once, for there is nothing else to do), started, looked at once more, and the resync comes: 4.
    # From BPS the resync comes first, then bind, place, start and look: 5.
    return cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1)


def node_that_may_fail() -> volsim.Simulation:
    # Up: 1. Off, and the node controller has not looked, waits for the grace period's end, has found out, has tainted
    # the node, has nothing more to do: 5. Power is back before it looked: kubelet and controller are both ready, either
    # is, none is: 4. Back while it waited: both ready, or only the controller, with its timer; the rest are the same:
    # 2. Back when it had found out, before the taint: both ready; if the kubelet is first, the controller finds nothing
    # to taint: 3. Back after the taint: both ready, either is; with the taint gone they join the others: 3.
    return settled(cluster(nodes=1))


CASES: list[tuple[Callable[[], volsim.Simulation], Faults, tuple[int, int, int]]] = [
    (one_volume_one_claim, Faults(), (7, 7, 1)),
    (two_claims_one_volume, Faults(), (17, 21, 2)),
    (claim_before_volume, Faults(), (4, 3, 1)),
    (pod_with_claim, Faults(), (19, 22, 2)),
    (node_that_may_fail, Faults(node_failures=1), (18, 24, 4)),
]


def explored(make: Callable[[], volsim.Simulation], faults: Faults) -> Exploration:
    sim = make()
    return search(sim.state, sim.engine, faults=faults)


@pytest.mark.parametrize(("make", "faults", "counts"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_small_cluster_has_as_many_situations_as_derived(
    make: Callable[[], volsim.Simulation], faults: Faults, counts: tuple[int, int, int]
) -> None:
    found = explored(make, faults)
    assert found.verdict is Verdict.HOLDS
    assert (found.states, found.transitions, len(found.terminal)) == counts


def test_two_replicas_are_not_four_things_because_of_how_they_are_called() -> None:
    """Each of two pods may be the first to be called, addressed and placed: kept apart, that makes four ends of one."""
    sim = cluster(deployment("web", 2), nodes=2)
    apart = search(sim.state, sim.engine, same=exact)
    found = search(sim.state, sim.engine)
    assert (len(apart.terminal), len(found.terminal)) == (4, 1)
    assert apart.states > 3 * found.states


def test_a_pod_that_is_tried_again_for_ever_has_few_situations() -> None:
    """Every five minutes the scheduler looks again: kept apart by the time, these would never end."""
    sim = cluster(pod("p"))
    apart = search(sim.state, sim.engine, same=exact, max_states=200)
    assert (apart.verdict, apart.stopped_by) == (Verdict.UNKNOWN, "max_states")
    # New, refused, and refused again after 300, 600, 900 and 1200 s: nobody looks back further than 660 s (twice the
    # longest crash back-off, and a period), so from then on it was all long ago.
    found = search(sim.state, sim.engine)
    assert (found.verdict, found.states) == (Verdict.HOLDS, 6)
