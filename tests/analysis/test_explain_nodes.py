"""What `explain` says of nodes: what becomes of their pods and disks, and when; a future that comes true."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from tests.analysis.future import check, codes, expected
from tests.incidents.manifests import claim, pod, settled, volume
from tests.incidents.test_node_failures import (
    CLAIM,
    CSI,
    OUT_OF_SERVICE,
    cluster,
    evicted,
    failed,
    node_of,
    pods,
    workload,
)
from volsim.testing import Call, strategies


class TestNode:
    def test_it_is_well(self) -> None:
        sim = settled(cluster("1.36", nodes=1), pod(source="emptyDir: {}"))
        assert str(sim.explain("node/node01")) == "node/node01 is Ready; 1 pod is on it."

    def test_it_is_cordoned(self) -> None:
        sim = cluster("1.36", nodes=1)
        sim.cordon("node01")
        sim.settle()
        found = sim.explain("node/node01")
        assert found.summary == "node/node01 is Ready, and cordoned; no pods are on it."
        assert (codes(found), found.remedies) == (["cordoned"], ("kubectl uncordon node01",))

    def test_nobody_has_noticed_yet(self) -> None:
        sim = cluster("1.36", workload())
        node = failed(sim)
        found = sim.explain(f"node/{node}")
        assert found.summary == f"node/{node} does not answer, and is still shown as Ready; 1 pod is on it."
        assert (codes(found), expected(found)) == (["node-off", "not-noticed"], ["noticed"])
        check(sim, found)

    def test_its_pods_are_told_to_go(self) -> None:
        sim = cluster("1.36", workload())
        node = failed(sim)
        sim.apply(pod("p", source="emptyDir: {}", nodeName=node))
        sim.run("100s")
        found = sim.explain(f"node/{node}")
        assert found.summary == f"node/{node} does not answer; 2 pods are on it."
        assert expected(found) == ["evicted", "evicted"]
        check(sim, found)

    def test_its_disks_are_taken_away(self) -> None:
        sim = cluster("1.36", volume(source=CSI), claim(), workload(volumes=f"[{CLAIM}]"))
        old = pods(sim)[0]
        node = evicted(sim)
        assert codes(sim.explain(f"node/{node}")) == ["node-off", "unconfirmed"], "the pod still wants its disk"
        sim.delete(f"pod/{old.name}", force=True)
        sim.run("10s")
        found = sim.explain(f"node/{node}")
        assert (codes(found), expected(found)) == (["node-off", "disk-leaving"], ["detached"])
        check(sim, found)

    def test_force_is_switched_off(self) -> None:
        rules = {"disable_force_detach_on_timeout": True}
        sim = cluster("1.36", volume(source=CSI), claim(), workload(volumes=f"[{CLAIM}]"), **rules)
        old = pods(sim)[0]
        node = evicted(sim)
        sim.delete(f"pod/{old.name}", force=True)
        sim.run("10s")
        found = sim.explain(f"node/{node}")
        assert (codes(found), found.expected) == (["node-off", "disk-mounted"], ())
        assert "force is switched off" in str(found)
        sim.run("2d")
        assert sim.get(f"node/{node}").status.volumes_attached

    def test_it_is_out_of_service_though_it_answers(self) -> None:
        sim = cluster("1.36", workload())
        node = node_of(sim)
        sim.taint(node, OUT_OF_SERVICE, effect="NoExecute")
        sim.run("1m")
        found = sim.explain(f"node/{node}")
        assert codes(found) == ["out-of-service"]
        sim.kubectl(found.remedies[0].partition(":")[0].removeprefix("kubectl "))
        assert codes(sim.explain(f"node/{node}")) == []

    def test_its_pods_are_removed_by_the_collector(self) -> None:
        sim = cluster("1.36", workload())
        node = evicted(sim)
        sim.run("1s")
        sim.taint(node, OUT_OF_SERVICE, effect="NoExecute")
        found = sim.explain(f"node/{node}")
        assert expected(found) == ["removed"]
        check(sim, found)


NAMES = st.sampled_from(["node01", "node02", "node03"])


@settings(max_examples=25)
@given(strategies.clusters(), strategies.faults(node_names=NAMES), st.integers(0, 500))
def test_what_is_expected_comes_in_its_time(sim: volsim.Simulation, fault: Call, seconds: int) -> None:
    """Whatever the cluster, and whenever after a fault: if nobody does anything else, it comes as it was said."""
    sim.settle()
    fault.do(sim)
    sim.run(seconds)
    placed = [each for each in sim.list("pods") if each.spec.node_name]
    for ref in [*(f"node/{each.name}" for each in sim.list("nodes")), *(f"pod/{each.name}" for each in placed)]:
        found = sim.explain(ref)
        assert str(found).startswith(f"{ref} ")
        check(sim, found)
