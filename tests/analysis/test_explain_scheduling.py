"""Why a pod has no node, and what would give it one: told per node, and tried before it is said.

The filters' meaning is Kubernetes' (kube-scheduler, plugins/*); the words are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import volsim
from tests.control.scheduler.clusters import Manifest, claim, cluster, node, pod, storage_class, volume, zoned
from tests.control.scheduler.test_preemption import priority_class
from volsim.analysis.explain.changes import Change, smallest
from volsim.analysis.explain.explanation import Explanation
from volsim.analysis.explain.scheduling import explain_pending
from volsim.objects import Node, Pod

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
BINDERS = ("pv-binder", "pv-phases")


def explained(sim: volsim.Simulation, name: str = "web") -> Explanation:
    found = sim.get(f"pod/{name}")
    assert isinstance(found, Pod)
    return explain_pending(sim.state, found)


def codes(explanation: Explanation) -> list[str]:
    return [cause.code for cause in explanation.causes]


def text(explanation: Explanation) -> str:
    return "\n".join(cause.text for cause in explanation.causes)


class TestNodes:
    """Every filter that refuses a node is told of, not the first alone."""

    def test_cordons_and_taints(self) -> None:
        sim = cluster([node("n1"), node("n2", taints=[{"key": "db", "value": "x", "effect": "NoSchedule"}])], pod())
        assert sim.get("pod/web").spec.node_name == "n1"
        sim.cordon("n1")
        sim.apply(pod("late"))
        sim.settle()
        found = explained(sim, "late")
        assert found.summary == "pod/late is Pending: none of 2 nodes can take it."
        assert codes(found) == ["cordoned", "taint-not-tolerated"]
        assert found.causes[1].text == "n2: the pod does not tolerate its taint db=x:NoSchedule"
        assert found.remedies == (
            "uncordon node n1",
            "remove the taint db=x:NoSchedule of node n2",
            "let the pod (a new one) tolerate db=x:NoSchedule",
        )

    def test_by_how_much_resources_are_missing(self) -> None:
        there = pod("there", cpu="1500m", nodeName="n1")
        found = explained(cluster([node("n1", cpu="2"), node("n2", cpu="1")], there, pod(cpu="1200m")))
        assert found.causes[0].text == "n2: it has 1 of 1 cpu left, 200m less than the 1200m asked for"
        assert found.causes[1].text == "n1: it has 500m of 2 cpu left, 700m less than the 1200m asked for"
        assert found.remedies[0] == "ask for no more than 1 cpu (a new pod)", "the smallest step comes first"
        assert "delete pod default/there from node n1" in found.remedies

    def test_a_node_that_is_full_of_pods(self) -> None:
        found = explained(cluster([node("n1", pods="1")], pod("there"), pod()))
        assert text(found) == "n1: it takes 1 pods and has 1"
        assert found.remedies == ("delete pod default/there from node n1", "add a node like n1")

    def test_selectors_and_affinity(self) -> None:
        wanted = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [on("disk", "ssd")]}]}}}
        sim = cluster([node("n1", labels={"disk": "hdd"}), node("n2")], pod(nodeSelector={"disk": "ssd"}))
        assert text(explained(sim)).splitlines() == [
            "n1: its label disk says hdd; the pod's nodeSelector wants ssd",
            "n2: it has no label disk; the pod's nodeSelector wants ssd",
        ]
        assert explained(sim).remedies[0] == "label node n1 disk=ssd"
        other = explained(cluster([node("n1")], pod(affinity=wanted)))
        assert codes(other) == ["affinity-differs"]
        assert other.remedies == ("make the pod's required node affinity a preferred one (a new pod)",)

    def test_ports(self) -> None:
        ports = [{"containerPort": 80, "hostPort": 80}]
        found = explained(cluster([node("n1")], pod("there", ports=ports), pod(ports=ports)))
        assert text(found) == "n1: pod default/there has its port 80"
        assert found.remedies == ("delete pod default/there from node n1", "add a node like n1")

    def test_where_two_things_are_missing_a_pair_is_found(self) -> None:
        machine = node("n1", taints=[{"key": "db", "effect": "NoSchedule"}])
        found = explained(cluster([machine], pod(nodeSelector={"disk": "ssd"})))
        assert codes(found) == ["taint-not-tolerated", "selector-differs"]
        assert found.remedies[0] == "add a node like n1, but with disk=ssd", "one change that does it alone"
        pinned = explained(cluster([node("n1", taints=machine["spec"]["taints"])], pod(cpu="9")))
        assert (
            pinned.remedies[0]
            == "remove the taint db:NoSchedule of node n1, and ask for no more than 4 cpu (a new pod)"
        )

    def test_memory(self) -> None:
        found = explained(cluster([node("n1")], pod(memory="9Gi")))
        assert text(found) == "n1: it has 8Gi of 8Gi memory left, 1Gi less than the 9Gi asked for"
        assert found.remedies == ("ask for no more than 8Gi memory (a new pod)",)

    def test_a_node_that_is_silent(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.fail_node("node01")
        sim.run("2m")
        sim.apply(pod())
        sim.run("1s")
        found = explained(sim)
        assert codes(found) == ["taint-not-tolerated"]
        assert found.remedies == ("bring node node01 back", "add a node like node01")

    def test_the_only_nodes_that_its_affinity_names(self) -> None:
        field = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
        named = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchFields": [field]}]}}}
        found = explained(cluster([node("n1", pods="0"), node("n2")], pod(affinity=named)))
        assert codes(found) == ["too-many-pods", "affinity-differs"]

    def test_of_many_nodes_the_nearest_are_told_of_and_the_others_counted(self) -> None:
        machines = [node(f"n{at:02}", cpu="1" if at else "3") for at in range(60)]
        found = explained(cluster(machines, pod(cpu="4")))
        assert len(found.causes) == 11
        assert found.causes[0].text.startswith("n00: it has 3 of 3 cpu left")
        assert found.causes[-1].text == "of 60 nodes 60: Insufficient cpu"


def on(key: str, *values: str) -> Manifest:
    return {"key": key, "operator": "In", "values": list(values)}


class TestVolumes:
    """The chain goes from the pod to its claim, to the claim's volume, to the place where that can be used."""

    MADE = (storage_class("made", provisioner="csi.example.com"), claim(storage_class="made"))
    """A claim for which a volume is to be made, by somebody who is not there."""

    def test_a_bound_volume_is_elsewhere(self) -> None:
        elsewhere = volume("v", node="n1")
        sim = cluster(
            [node("n1"), node("n2")], storage_class(), elsewhere, claim(), pod(claims=("data",)), more=BINDERS
        )
        assert sim.get("pod/web").spec.node_name == "n1"
        sim.apply(pod("late", claims=("data",), nodeSelector={HOST: "n2"}))
        sim.settle()
        found = explained(sim, "late")
        assert text(found).splitlines() == [
            "n1: its label kubernetes.io/hostname says n1; the pod's nodeSelector wants n2",
            "n2: it does not reach volume v of claim data, which is where kubernetes.io/hostname is n1",
        ]
        assert found.causes[1].objects == ("node/n2", "pvc/data", "pv/v")
        assert found.remedies == ("take kubernetes.io/hostname=n2 out of the pod's nodeSelector (a new pod)",)

    def test_a_zone_without_nodes(self) -> None:
        sim = cluster(zoned("a1", "b1"), storage_class(), zonal("b"), claim(), more=BINDERS)
        sim.apply(pod(claims=("data",)))
        sim.settle()
        sim.delete("pod/web", force=True, grace_period=0)
        sim.delete("node/b1")
        sim.apply(pod(claims=("data",)))
        sim.settle()
        found = explained(sim)
        assert text(found) == f"a1: it does not reach volume v of claim data, which is where {ZONE} is b"
        assert found.remedies == (f"add a node like a1, but with {ZONE}=b",)

    def test_nothing_to_bind(self) -> None:
        found = explained(cluster([node("n1")], storage_class(), claim(), pod(claims=("data",)), more=BINDERS))
        assert text(found) == "n1: there is no volume for data that it reaches, and none can be made for it"
        assert found.remedies == (
            "create a PersistentVolume of class later, of at least 1Gi, that node n1 reaches, for claim data",
        )

    def test_a_claim_that_is_missing_or_not_bound(self) -> None:
        missing = explained(cluster([node("n1")], pod(claims=("data",))))
        assert codes(missing) == ["claim-missing"]
        assert missing.remedies == ("create a PersistentVolumeClaim data in namespace default",)
        unbound = explained(cluster([node("n1")], claim(storage_class=""), pod(claims=("data",)), more=BINDERS))
        assert codes(unbound)[:2] == ["claim-not-usable", "no-volumes"]
        assert "create a PersistentVolume without a class, of at least 1Gi, with ReadWriteOnce" in unbound.remedies

    def test_a_volume_with_the_label_of_a_zone(self) -> None:
        labelled = volume("v")
        labelled["metadata"]["labels"] = {ZONE: "b"}
        parts = [storage_class(), labelled, claim(volumeName="v")]
        sim = cluster(zoned("a1"), *parts, pod(claims=("data",)), more=BINDERS)
        found = explained(sim)
        assert text(found) == f"a1: volume v of claim data is where {ZONE} is b"
        assert found.causes[0].objects == ("node/a1", "pvc/data", "pv/v")

    def test_limits_of_volumes_are_told_of_in_kubernetes_words(self) -> None:
        drivers = [{"name": "csi", "nodeID": "n1", "allocatable": {"count": 0}}]
        full = {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "n1"}}
        made = storage_class("made", provisioner="csi")
        parts = [{**full, "spec": {"drivers": drivers}}, made, claim(storage_class="made"), pod(claims=("data",))]
        found = explained(cluster([node("n1")], *parts, more=BINDERS))
        assert text(found) == "n1: node(s) exceed max volume count (NodeVolumeLimits)"

    def test_a_volume_is_being_bound(self) -> None:
        parts = [storage_class(), volume("v", node="n1"), claim(), pod(claims=("data",))]
        sim = cluster([node("n1")], *parts[:-1], more=BINDERS)
        sim.apply(parts[-1])
        sim.step()
        assert text(explained(sim)).startswith("claim default/data is to be bound to volume v")

    def test_a_generic_ephemeral_volume_waits_for_its_claim(self) -> None:
        template = {"spec": claim()["spec"]}
        scratch = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}
        kept = {"name": "kept", "emptyDir": {}}
        found = explained(cluster([node("n1")], pod(volumes=[kept, scratch])))
        assert text(found) == "its volume scratch is claim web-scratch, which namespace default does not have"

    def test_a_claim_for_one_pod_alone(self) -> None:
        alone: dict[str, Any] = {"accessModes": ["ReadWriteOncePod"]}
        made = volume("v", storage_class="")
        made["spec"].update(alone)
        objects = [made, claim(storage_class="", **alone), pod("first", claims=("data",)), pod(claims=("data",))]
        found = explained(cluster([node("n1"), node("n2")], *objects, more=BINDERS))
        assert codes(found) == ["claim-in-use", "claim-in-use"]
        assert len(found.remedies) == 1
        assert found.remedies[0].startswith("delete pod default/first from node n")

    def test_a_node_is_reserved_while_volumes_are_made(self) -> None:
        made = storage_class("made", provisioner="csi.example.com")
        found = explained(cluster([node("n1")], made, claim(storage_class="made"), pod(claims=("data",)), more=BINDERS))
        assert (
            "node n1 is reserved for it until its volumes are bound; the scheduler gives up in 600 s" in found.summary
        )
        assert codes(found) == ["claim-not-usable", "no-volumes", "no-provisioner"]

    def test_a_node_that_was_named_past_the_scheduler(self) -> None:
        made = storage_class("made", provisioner="csi.example.com")
        sim = cluster(
            [node("n1")], made, claim(storage_class="made"), pod(claims=("data",), nodeName="n1"), more=BINDERS
        )
        found = explained(sim)
        assert codes(found)[0] == "not-scheduled"
        assert found.remedies == (f"select the node by nodeSelector {HOST}: n1 (in a new pod)",)


def zonal(zone: str) -> Manifest:
    made = volume("v", node="x")
    made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"] = [{"matchExpressions": [on(ZONE, zone)]}]
    return made


class TestOtherPods:
    def test_who_does_not_want_to_be_with_whom(self) -> None:
        term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": HOST}
        shy = {"podAntiAffinity": {REQUIRED: [term]}}
        first = pod("first", labels={"app": "web"})
        found = explained(cluster([node("n1")], first, pod(affinity=shy)))
        assert text(found) == f"n1: the pod does not want to be with default/first, where {HOST} is n1"
        assert found.remedies == (
            "make the pod's required pod anti-affinity a preferred one (a new pod)",
            "delete pod default/first from node n1",
            "add a node like n1",
        )
        lonely = explained(cluster([node("n1")], pod(affinity={"podAffinity": {REQUIRED: [term]}})))
        assert text(lonely) == f"n1: no pod that the pod wants to be with is there, where {HOST} is n1"

    def test_how_uneven_it_would_become(self) -> None:
        spread = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
        limits = [{**spread, "labelSelector": {"matchLabels": {"app": "web"}}}]
        there = pod("there", labels={"app": "web"}, nodeName="a1")
        new = pod(labels={"app": "web"}, topologySpreadConstraints=limits, cpu="3")
        full = pod("full", cpu="3", nodeName="b1")
        found = explained(cluster(zoned("a1", "b1"), there, full, new))
        uneven, small = text(found).splitlines()
        assert uneven.startswith(
            f"a1: where {ZONE} is a there are 1 pods of its kind, elsewhere only 0; one more would"
        )
        assert small == "b1: it has 1 of 4 cpu left, 2 less than the 3 asked for"
        assert found.remedies == (
            "set whenUnsatisfiable: ScheduleAnyway in the pod's topologySpreadConstraints (a new pod)",
            "ask for no more than 1 cpu (a new pod)",
            "delete pod default/there from node a1",
        )

    def test_a_node_without_the_label_over_which_pods_are_spread(self) -> None:
        spread = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
        found = explained(cluster([node("n1")], pod(topologySpreadConstraints=[spread])))
        assert text(found) == f"n1: it has no label {ZONE}, over which the pod is to be spread"

    def test_victims_that_are_on_their_way_out(self) -> None:
        sim = cluster([node("n1", cpu="1")], priority_class(10), pod("lesser", cpu="1", nodeName="n1"))
        sim.apply(pod(cpu="1", priorityClassName="p10"))
        sim.step()
        found = explained(sim)
        assert found.summary == "pod/web is Pending: less important pods make room for it on node n1."
        assert text(found) == "pod default/lesser is on its way out"


class TestNobodyLooks:
    def test_scheduling_gates(self) -> None:
        found = explained(cluster([node("n1")], pod(schedulingGates=[{"name": "example.com/quota"}])))
        assert codes(found) == ["gated"]
        assert "take example.com/quota out of spec.schedulingGates" in found.remedies[0]

    def test_another_scheduler(self) -> None:
        found = explained(cluster([node("n1")], pod(schedulerName="batch")))
        assert text(found) == "it waits for the scheduler batch; there is only default-scheduler"

    def test_no_nodes(self) -> None:
        assert explained(cluster([], pod())).summary == "pod/web is Pending: there is no node."

    def test_a_node_that_does_not_exist(self) -> None:
        found = explained(cluster([node("n1")], pod(nodeName="n7")))
        assert codes(found) == ["node-missing"]

    def test_it_is_about_to_be_tried(self) -> None:
        sim = cluster([node("n1")])
        sim.apply(pod())
        text = "pod/web is Pending, but not for long: n1 can take it; it is to be tried again."
        assert explained(sim).summary == text


# -- what is said to help does help ------------------------------------------------------------------------------------
DOES: dict[str, Callable[[volsim.Simulation], Any]] = {
    "uncordon node n1": lambda sim: sim.uncordon("n1"),
    "remove the taint db=x:NoSchedule of node n2": lambda sim: sim.taint("n2", "db", effect="NoSchedule", remove=True),
    "delete pod default/there from node n3": lambda sim: sim.delete("pod/there", force=True, grace_period=0),
    "label node n4 disk=ssd": lambda sim: sim.label("node/n4", disk="ssd"),
}


@pytest.mark.parametrize("remedy", DOES)
def test_a_remedy_that_is_carried_out_gives_the_pod_a_place(remedy: str) -> None:
    number = remedy.partition("n")[0] and remedy.rsplit(" n", maxsplit=1)[-1][0]
    machines = {
        "1": {**node("n1", labels={"disk": "ssd"}), "spec": {"unschedulable": True}},
        "2": node("n2", labels={"disk": "ssd"}, taints=[{"key": "db", "value": "x", "effect": "NoSchedule"}]),
        "3": node("n3", labels={"disk": "ssd"}, pods="1"),
        "4": node("n4"),
    }
    there = [pod("there", nodeName="n3")] if number == "3" else []
    sim = cluster([machines[number]], *there, pod(nodeSelector={"disk": "ssd"}))
    assert remedy in explained(sim).remedies
    DOES[remedy](sim)
    sim.run("10m")
    assert sim.get("pod/web").spec.node_name == f"n{number}"


def test_what_does_not_help_is_not_said() -> None:
    """The changes are tried: one that opens the wrong door is left out."""

    def opened(draft: Any, tried: Pod) -> Pod:
        found: Node = draft.nodes["n1"]
        draft.put("nodes", "n1", found.replace(spec=found.spec.replace(unschedulable=None)))
        return tried

    def in_vain(draft: Any, tried: Pod) -> Pod:
        return tried

    sim = cluster([{**node("n1"), "spec": {"unschedulable": True}}], pod())
    waiting = sim.state.pods["default/web"]
    useless, useful = Change("wait", in_vain), Change("open it", opened)
    assert smallest(sim.state, waiting, [useless, useful]) == ["open it"]
    assert smallest(sim.state, waiting, [useless]) == []
    assert sim.state.nodes["n1"].spec.unschedulable, "it was tried on a fork"
