"""How many situations small clusters can be in. One wrong word in a guard changes a count.

Each count is derived in a comment: first that of all situations in any order, with nothing left out; then, after
*Waves*, that of a search with all reductions, where that is another. Where a change of the semantics changes one,
derive it anew: the steps to each situation (`Exploration.replay`) tell the story. Counts that are too large for a head
are those of a model of its own (`tests/checked/binding_model.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import perm
from typing import Any, NamedTuple

import pytest

import volsim
from tests.checked.binding_model import binding
from tests.exploration.clusters import claim, cluster, deployment, pod, settled, volume
from volsim.exploration import ALL_REDUCTIONS, Exploration, Faults, Order, Verdict, exact, search
from volsim.state import Change, View

DRIVER = "csi.example.com"


# -- volumes and claims ------------------------------------------------------------------------------------------------
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
    # Reduced: the claims are alike, so it counts how many have looked. Nobody has it: none, one or both, P or not: 6;
    # one has it, the other has looked or has not: 2. The resync wakes the one, or both: 2; in vain: 1.
    return cluster(volume("v"), claim("c"), claim("d"))


def claim_before_volume() -> volsim.Simulation:
    # One path: the volume is new, is free, the resync comes, the claim is bound.
    return cluster_with_a_waiting_claim(volume("v"))


def cluster_with_a_waiting_claim(late: dict[str, object]) -> volsim.Simulation:
    sim = settled(cluster(claim("c")))
    sim.apply(late)
    return sim


def claims_without_a_volume() -> volsim.Simulation:
    # Each of five claims has been told to wait or has not: 2 ** 5; of those that have not any may be next: 5 * 2 ** 4.
    # Waves: nobody minds whose turn it is: one after the other.
    return cluster(*[claim(f"c{number}") for number in range(5)])


def retained() -> volsim.Simulation:
    # Bound; the claim is to go; the claim is gone, and the phases (P) look: 3. The volume is Released, of which P and
    # the reclaimer (R) hear, both in vain: 4.
    # Waves: what is in vain is no move: Released is one situation.
    return settled(cluster(volume("v"), claim("c")))


def failed() -> volsim.Simulation:
    # As `retained` until the volume is Released: 3. P has heard of that, or has not: 2. R can do nothing with an
    # export, and says so: the volume has Failed, of which P and R hear, both in vain: 4.
    # Waves: Released and Failed are one situation each.
    wanted = volume("v")
    wanted["spec"]["persistentVolumeReclaimPolicy"] = "Delete"
    return settled(cluster(wanted, claim("c")))


# -- pods with claims --------------------------------------------------------------------------------------------------
def pod_with_claim() -> volsim.Simulation:
    # P, B and the scheduler (S) are ready; none of them needs another to have looked. Nothing is bound in {}, P, B, S,
    # PS, BP, BS and BPS; PB and PSB are bound: 10. From the two bound ones the pod is placed (one that was refused is
    # tried again at once, for there is nothing else to do), started, looked at once more, and the resync comes: 4. From
    # BPS the resync comes first, then bind, place, start and look: 5.
    # Waves: S, in vain, gets on with both others and comes first: 2. Then P, B, place, start, look, resync: 6; or B, P,
    # resync, bind, place, start, look: 7.
    return cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1)


def two_claims_and_a_pod() -> volsim.Simulation:
    # P, the looks C and D, and S at the pod of C. Nobody has the volume: 8 as in `two_claims_one_volume`, each with S
    # or without: 16. C has it: D has looked or has not, and the pod has not been tried, was refused and is tried again,
    # or is placed with 2, 1, 0 looks of the kubelet to come: 2 * 5. D has it: C has looked or has not, S too: 4. In
    # three of these 30 nothing is ready: the resync. C has it: D is to look, has looked: 2. D has it: C is to look, has
    # looked: 2, and then S looks every 300 s, four times until that is long ago: 4. Nobody has it: both are to look: 1;
    # if D does, that has been counted; if C does, D has looked or has not while the pod is tried again or has 2, 1, 0
    # looks to come: 8. So 30 + 2 + 6 + 9. Ends: the pod runs since the first instant or the resync; it waits: 5.
    # Waves: S in vain first: 1; then as without the pod: 12; C has it: placed, started, looked, resync, D in vain: 5; D
    # has it: 6; nobody has it: 1, and C takes it, D in vain, placed, started, looked: 5.
    return cluster(volume("v"), claim("c"), claim("d"), pod("p", "c"), nodes=1)


def delayed_binding() -> volsim.Simulation:
    # P; the binder's first look (A), which only says that the claim waits; S. Any of P, A and S may have looked, S in
    # vain as long as it was not after P: 8. S after P chooses the volume. Then A, P (at the reservation) and S (is it
    # bound by now?) may have looked or not before the binder (B) completes it: 8; after B, A and P may still be to
    # come: 4; and twice all that, for a pod that was refused is known: 24. Then it is placed; A and P may still be to
    # come, and 2, 1, 0 looks of the kubelet: 12. The resync: 1.
    # Waves: A, and S in vain or not, and P: {}, A, AS, AP, ASP: 5. The volume is chosen; S has looked, or not, before
    # B; bound: 3, for a pod that was refused and one that was not: 6. Placed, started, looked, resync: 4.
    late: dict[str, Any] = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "late"}}
    late |= {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}
    wanted, asking = volume("v"), claim("c")
    wanted["spec"]["storageClassName"] = asking["spec"]["storageClassName"] = "late"
    return cluster(late, wanted, asking, pod("p", "c"), nodes=1)


def claim_in_use() -> volsim.Simulation:
    # Somebody deletes the claim, somebody the pod. Neither: 1. Only the claim: the protection (T) is to look, has
    # looked in vain: 2. Only the pod: told to go, gone with one more look of the kubelet (K) to come, gone: 3. Both
    # told: T has looked in vain, or not: 2. The pod is gone, and T woken: K to come or not: 2. The claim is gone, P is
    # to look: K or not: 2. Released: P, R and K, all in vain: 8.
    # Waves: neither: 1. The claim: 2. The pod, told and gone: 2. Both, and T has looked when only the claim was told,
    # has looked now, has not: 3. The pod is gone, the claim, Released: 3.
    return settled(cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1))


DELETIONS = Faults(user_actions=["kubectl delete pvc c --wait=false", "kubectl delete pod p --wait=false"])


# -- pods and nodes ----------------------------------------------------------------------------------------------------
def pods_on_two_nodes() -> volsim.Simulation:
    # The first of two pods goes to either node, the second to the other. Neither is placed: 1. One is: 2 pods, 2 nodes,
    # and 2, 1, 0 looks of its kubelet to come: 12. Both are: 2 ways, 3 * 3 looks: 18.
    # Waves: the nodes are alike, the pods are, and the kubelets get on with each other. Neither is placed, one is, both
    # are: 3; then their four looks one after the other: 4.
    return cluster(pod("p"), pod("q"), nodes=2)


def set_of_two() -> volsim.Simulation:
    # The set (D) is to look: 1. It has made the first pod, and is to look again: D or not, placed or not: 4. The pod is
    # started, of which D hears, and K is to look once more: 2. D has made the second pod: K, D, placed: 8. That is
    # started, of which D hears: both kubelets, and D: 8.
    # Waves: who is still to come of those who were ready together counts too. D: 1. S and D at the first pod: 1; S has
    # come, D has, then the other, then D once more (S woke it), before K or after it: 4; started: 2. D has made the
    # second pod: 2, which meet when K has looked: 1. As with the first pod: 4, and 2. D has looked; K has, too: 2.
    workload = deployment("db", 2)
    workload["kind"] = "StatefulSet"
    workload["spec"]["serviceName"] = "db"
    return cluster(workload, nodes=1)


def crashing_container() -> volsim.Simulation:
    # One path: it runs, is killed, is started at once: 3. It is killed again, and is to wait for 10 s, with one more
    # look of the kubelet to come and without: 3. It is started, with one more look to come and without: 2.
    wanted = pod("p")
    wanted["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {}}]
    return settled(cluster(wanted, nodes=1))


def node_that_may_fail() -> volsim.Simulation:
    # Up: 1. Off, and the node controller has not looked, waits for the grace period's end, has found out, has tainted
    # the node, has nothing more to do: 5. Power is back before it looked: kubelet and controller are both ready, either
    # is, none is: 4. Back while it waited: both ready, or only the controller, with its timer; the rest are the same:
    # 2. Back when it had found out, before the taint: both ready; if the kubelet is first, the controller finds nothing
    # to taint: 3. Back after the taint: both ready, either is; with the taint gone they join the others: 3.
    # Waves: as many situations, by fewer ways.
    return settled(cluster(nodes=1))


def only_node_is_destroyed() -> volsim.Simulation:
    # Up: 1. Destroyed: the node controller (N) and the kubelet (K) are woken, K in vain: 4. The grace period is over: N
    # has said Unknown, then has set the taint, then has looked once more, and K, in vain, or not: 6. Where every node
    # is silent nobody is evicted.
    # Waves: without K: 1, 2 and 3.
    wanted = pod("p")
    wanted["spec"]["volumes"] = [{"name": "data", "hostPath": {"path": "/data"}}]
    return settled(cluster(wanted, nodes=1))


def drained_with_a_budget() -> volsim.Simulation:
    # Up: 1. Either of two nodes is drained: it is cordoned, and N looks twice, at what it has written itself too: 3
    # each. Neither loses a pod: one has none, and the other's may not go.
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}}
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    return settled(cluster(deployment("web", 1), {**budget, "spec": spec}, nodes=2))


# -- disks -------------------------------------------------------------------------------------------------------------
def disk_on(node: str) -> volsim.Simulation:
    """A pod on one of two nodes, with a disk that can be on one of them only."""
    sim = volsim.Simulation(nodes=2)
    sim.install_csi_driver(DRIVER)
    sim.apply([disk(), claim("c"), on(node, pod("p", "c"))])
    return settled(sim)


def disk() -> dict[str, Any]:
    made = volume("v")
    del made["spec"]["nfs"]
    made["spec"]["csi"] = {"driver": DRIVER, "volumeHandle": "disk"}
    return made


def on(node: str, wanted: dict[str, Any]) -> dict[str, Any]:
    wanted["spec"]["nodeName"] = node
    return wanted


def disk_of_a_node_that_dies() -> volsim.Simulation:
    # Up: 1. The other node is destroyed: N is to look, waits, has said Unknown, has set the taint, has looked once
    # more: 5. The node with the pod is: N and K (in vain) are to look: 4. N has said Unknown, K or not: 2. N has set
    # the taint: it is to look once more, the eviction is to count 300 s from now, K, in any order: 8. The pod is told
    # to go, of which K hears, in vain: 2. There it stays.
    # Waves: without K: 1 and 5; N is to look, waits, Unknown, taint, N, eviction, told: 7.
    return disk_on("node01")


def disk_that_is_let_go() -> volsim.Simulation:
    # Up: 1. The pod is told to go: 1. It is gone: the attach/detach controller (A) is to look, the kubelet to report
    # (V) that the disk is not in use, and to look once more (K). Before V, A looks in vain: A, K: 4. V wakes N, and A,
    # which knows whether it has looked: 2 * 2 * 2. A has asked for the detachment: N, K: 4. The attachment is to go 100
    # ms later: 1. The driver has let go, of which A and the driver's other half (for volumes) hear: 4.
    # Waves: 2; without K, V and A in both orders, of which V first needs no other look of A: 4. A has asked, N has
    # looked: 2. The attachment is to go, the driver has let go, end: 3.
    return disk_on("node01")


def disk_that_two_nodes_want() -> volsim.Simulation:
    # A pod of another node wants the disk: A and K are to look, A may be first: 2. K waits for the disk, is to look
    # once more, and to report (V) that it uses it. Before V: A, K: 4. V wakes N, and A, which has not looked, has
    # looked before, has looked now: 3 * 2 * 2. So 18; in the last of them there is nothing to do but to wait for the
    # disk. K looks every 123 s, five times more until the first was long ago (660 s): 5. From then on it counts only
    # where the loops of the control plane are, which come round after 300 s: 300 / gcd(123, 300) = 100. Ends: 1 + 5 +
    # 100.
    # Waves: A and K in both orders: 4; V, K, A, N one after the other: 4. K five times more, and once for all that come
    # after: 6. Ends: 7.
    sim = disk_on("node01")
    sim.apply(on("node02", pod("q", "c")))
    return sim


class Case(NamedTuple):
    """A cluster, what may happen to it, and its situations, moves and ends: in any order, and in waves, reduced."""

    make: Callable[[], volsim.Simulation]
    faults: Faults
    plain: tuple[int, int, int]
    reduced: tuple[int, int, int]


NOTHING = Faults()
CLAIM_DELETED = Faults(user_actions=["kubectl delete pvc c --wait=false"])
POD_DELETED = Faults(user_actions=["kubectl delete pod p --wait=false"])
CASES = [
    Case(one_volume_one_claim, NOTHING, (7, 7, 1), (7, 7, 1)),
    Case(two_claims_one_volume, NOTHING, (17, 21, 2), (11, 15, 1)),
    Case(claim_before_volume, NOTHING, (4, 3, 1), (4, 3, 1)),
    Case(claims_without_a_volume, NOTHING, (32, 80, 1), (6, 5, 1)),
    Case(retained, CLAIM_DELETED, (7, 7, 2), (4, 3, 2)),
    Case(failed, CLAIM_DELETED, (9, 10, 2), (5, 4, 2)),
    Case(pod_with_claim, NOTHING, (19, 22, 2), (15, 14, 2)),
    Case(two_claims_and_a_pod, NOTHING, (47, 71, 7), (30, 34, 7)),
    Case(delayed_binding, NOTHING, (45, 91, 1), (15, 17, 1)),
    Case(claim_in_use, DELETIONS, (20, 31, 4), (11, 13, 4)),
    Case(pods_on_two_nodes, NOTHING, (31, 48, 2), (7, 9, 1)),
    Case(set_of_two, NOTHING, (23, 38, 1), (19, 22, 1)),
    Case(crashing_container, Faults(container_crashes=2), (8, 7, 4), (8, 7, 4)),
    Case(node_that_may_fail, Faults(node_failures=1), (18, 24, 4), (18, 21, 4)),
    Case(only_node_is_destroyed, Faults(node_losses=1), (11, 13, 2), (6, 5, 2)),
    Case(drained_with_a_budget, Faults(drains=1, healing=False), (7, 6, 3), (7, 6, 3)),
    Case(disk_of_a_node_that_dies, Faults(node_losses=1), (22, 28, 3), (13, 12, 3)),
    Case(disk_that_is_let_go, POD_DELETED, (23, 36, 2), (11, 11, 2)),
    Case(disk_that_two_nodes_want, NOTHING, (123, 137, 106), (14, 15, 7)),
]


def counts(found: Exploration) -> tuple[int, int, int]:
    assert found.verdict is Verdict.HOLDS
    return found.states, found.transitions, len(found.terminal)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.make.__name__)
def test_a_small_cluster_has_as_many_situations_as_derived(case: Case) -> None:
    sim = case.make()
    assert counts(search(sim.state, sim.engine, faults=case.faults)) == case.plain


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.make.__name__)
def test_with_all_reductions_it_has_as_many_as_derived(case: Case) -> None:
    sim = case.make()
    found = search(sim.state, sim.engine, faults=case.faults, order=Order.WAVES, reductions=ALL_REDUCTIONS)
    assert counts(found) == case.reduced


# -- larger ones -------------------------------------------------------------------------------------------------------
def recreated() -> volsim.Simulation:
    # Ends: before the rollout, and after it: both pods are never there, so whatever was overtaken leaves no trace.
    wanted = deployment("web", 1)
    wanted["spec"]["strategy"] = {"type": "Recreate"}
    return settled(cluster(wanted, nodes=1))


def rolled_with_a_disk() -> volsim.Simulation:
    # The new pod is placed on the node that has none, and waits for the disk, which its kubelet asks for every 123 s;
    # the Deployment waits, too, so nothing has ended before it says after 601 s that it makes no progress. From then on
    # there are ends: that one, those 14, 137, 260, 383, 506 and 629 s later, and then, all that being long ago, one for
    # each phase of the loops: 300 / gcd(123, 300) = 100. With the one before the rollout 1 + 1 + 6 + 100.
    # Waves: without phases 1 + 1 + 6 + 1.
    sim = volsim.Simulation(nodes=2)
    sim.install_csi_driver(DRIVER)
    wanted = deployment("web", 1)
    wanted["spec"]["template"]["spec"] = pod("", "c")["spec"]
    sim.apply([disk(), claim("c"), wanted])
    return settled(sim)


def drained() -> volsim.Simulation:
    # Ends: neither of two nodes is drained; that without a pod is; that with the pod is, and it runs on the other one.
    # In any order that is two: the Deployment may or may not have heard that it had no pod for a while, and then its
    # conditions stand in another order.
    return settled(cluster(deployment("web", 1), nodes=2))


RESTART = Faults(user_actions=["kubectl rollout restart deploy/web"])
LARGER = [
    # Only the ends are derived.
    Case(recreated, RESTART, (192, 519, 2), (47, 62, 2)),
    Case(rolled_with_a_disk, RESTART, (191, 321, 108), (35, 41, 9)),
    Case(drained, Faults(drains=1, healing=False), (409, 1_273, 4), (33, 39, 3)),
]


@pytest.mark.parametrize("case", LARGER, ids=lambda case: case.make.__name__)
def test_a_larger_cluster_has_as_many_ends_as_derived(case: Case) -> None:
    sim = case.make()
    assert counts(search(sim.state, sim.engine, faults=case.faults)) == case.plain
    found = search(sim.state, sim.engine, faults=case.faults, order=Order.WAVES, reductions=ALL_REDUCTIONS)
    assert counts(found) == case.reduced


SIZES = [
    # Volumes, claims, pods and nodes; situations and moves.
    ((1, 3, 0, 0), (41, 63)),
    ((2, 1, 0, 0), (15, 20)),
    ((2, 3, 0, 0), (111, 207)),
    ((3, 3, 0, 0), (320, 745)),
    ((1, 1, 1, 2), (26, 30)),
    ((2, 2, 1, 2), (167, 315)),
    ((2, 2, 2, 2), (547, 1_205)),
]


@pytest.mark.parametrize(("size", "expected"), SIZES, ids=str)
def test_binding_has_as_many_situations_as_a_model_of_its_own(
    size: tuple[int, int, int, int], expected: tuple[int, int]
) -> None:
    """Ends: which volume each claim has; where the pods are; and, if there is a pod, whether it came after the resync.

    A pod that is placed on one of two nodes leaves the next one no choice.
    """
    volumes, claims, pods, nodes = size
    sim = cluster(
        *[volume(f"v{number}") for number in range(volumes)],
        *[claim(f"c{number}") for number in range(claims)],
        *[pod(f"p{number}", f"c{number}") for number in range(pods)],
        nodes=nodes,
    )
    found = counts(search(sim.state, sim.engine))
    assert found == binding(*size)
    bindings = perm(max(volumes, claims), min(volumes, claims))
    assert found == (*expected, bindings * (nodes or 1) * 2**pods)


@pytest.mark.parametrize("pods", [1, 2, 3])
def test_pods_that_have_nothing_to_do_with_each_other_multiply(pods: int) -> None:
    """Each is not placed, or is placed with 2, 1, 0 looks of the kubelet to come."""
    sim = cluster(*[pod(f"p{number}") for number in range(pods)], nodes=1)
    assert counts(search(sim.state, sim.engine)) == (4**pods, 3 * pods * 4 ** (pods - 1), 1)


def hears_at_once(view: View, change: Change) -> Iterator[str]:
    """What a claim would hear of volumes if the binder did not wait for its resync."""
    yield from view.group("claims_unbound", "")


@pytest.mark.parametrize("make", [one_volume_one_claim, two_claims_one_volume, pod_with_claim])
def test_one_wrong_word_changes_a_count(make: Callable[[], volsim.Simulation]) -> None:
    sim = make()
    binder = sim.engine.controller("pv-binder")
    mutant = sim.engine.replacing("pv-binder", watches={**binder.watches, "persistentvolumes": hears_at_once})
    expected = next(case.plain for case in CASES if case.make is make)
    assert counts(search(sim.state, mutant)) != expected


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
