"""Which nodes are looked at, and in which order.

Source: kube-scheduler, pkg/scheduler/schedule_one.go (numFeasibleNodesToFind), backend/cache/node_tree.go.
"""

from __future__ import annotations

from tests.control.scheduler.clusters import attempt_for, cluster, node, pod, zoned
from volsim.control.scheduler.framework import Code
from volsim.control.scheduler.lineup import lineup_of
from volsim.control.scheduler.search import ROTATION, ask, search


def test_each_zone_has_its_turn() -> None:
    sim = cluster([*zoned("b1", "a1", "a2", "a3", "b2"), node("n1")])
    assert [each.name for each in lineup_of(sim.state).nodes] == ["n1", "a1", "b1", "a2", "b2", "a3"]


def test_the_order_follows_the_nodes() -> None:
    sim = cluster(zoned("a1", "b1"))
    before = lineup_of(sim.state).nodes
    assert lineup_of(sim.state).nodes is before
    sim.apply(zoned("a0")[0])
    assert [each.name for each in lineup_of(sim.state).nodes] == ["a0", "b1", "a1"]
    sim.delete("node/a0")
    assert lineup_of(sim.state).nodes is before
    sim.cordon("a1")
    assert lineup_of(sim.state).nodes[0].unschedulable


class TestManyNodes:
    """Of 200 nodes the search ends when 100 fit (48 % would be 96); the next one goes on from there."""

    NAMES = tuple(f"n{number:03}" for number in range(200))

    def test_only_as_many_as_are_needed_are_looked_at(self) -> None:
        sim = cluster([node(name) for name in self.NAMES])
        found = search(attempt_for(sim, pod()))
        assert [each.name for each in found.nodes] == list(self.NAMES[:100])

    def test_the_next_search_goes_on_from_there(self) -> None:
        sim = cluster([node(name) for name in self.NAMES], pod("first"))
        assert sim.state.get("memory", ROTATION) == 100
        sim.cordon("n150")
        found = search(attempt_for(sim, pod()))
        assert found.nodes.names == ["n000", *self.NAMES[100:150], *self.NAMES[151:]]

    def test_every_node_is_looked_at_before_it_fails(self) -> None:
        sim = cluster([node(name) for name in self.NAMES], pod("first"))
        refused = search(attempt_for(sim, pod(cpu="5"))).refused
        assert [(each.plugin, each.nodes.bit_count()) for each in refused] == [("NodeResourcesFit", 200)]


def test_few_nodes_are_all_looked_at() -> None:
    sim = cluster([node(f"n{number}") for number in range(99)], pod("first"))
    found = search(attempt_for(sim, pod()))
    assert len(found.nodes) == 99
    assert ROTATION not in sim.state.table("memory")


class TestOneNode:
    """What preemption asks: all filters about one node."""

    def test_it_will_do_or_not(self) -> None:
        sim = cluster([node("n1"), node("n2", cpu="1")])
        attempt = attempt_for(sim, pod(cpu="2"))
        assert ask(attempt, "n1") is None
        refused = ask(attempt, "n2")
        assert refused is not None
        assert refused.reasons == ("Insufficient cpu",)

    def test_a_pod_that_is_turned_away_from_all_is_turned_away_from_it(self) -> None:
        refused = ask(attempt_for(cluster([node("n1")]), pod(claims=("data",))), "n1")
        assert refused is not None
        assert refused.reasons == ('persistentvolumeclaim "data" not found',)

    def test_a_node_that_is_out_of_the_question(self) -> None:
        field = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
        terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
        refused = ask(attempt_for(cluster([node("n1"), node("n2")]), pod(affinity=affinity)), "n2")
        assert refused is not None
        assert refused.code is Code.UNRESOLVABLE
