"""Pods that spread over zones and nodes.

Source: kube-scheduler, plugins/podtopologyspread; plugins/helper/spread.go.
"""

from __future__ import annotations

from typing import Any

from tests.control.scheduler.clusters import Manifest, cluster, favourites, node, place, pod, possible, why, zoned

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
LABELS = {"app": "web"}


def constraint(key: str = ZONE, **more: Any) -> Manifest:
    return {
        "topologyKey": key,
        "maxSkew": 1,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": LABELS},
        **more,
    }


def web(name: str = "web", *constraints: Manifest, **spec: Any) -> Manifest:
    return pod(name, labels=LABELS, topologySpreadConstraints=list(constraints), cpu="0", memory="0", **spec)


class TestHardConstraints:
    def test_the_emptiest_zone_is_the_measure(self) -> None:
        sim = cluster(zoned("a1", "a2", "b1"), web("w1", nodeName="a1"))
        assert possible(sim, web("new", constraint())) == ["b1"]
        assert possible(sim, web("new", constraint(maxSkew=2))) == ["a1", "a2", "b1"]
        assert possible(sim, web("new", constraint(HOST))) == ["a2", "b1"]

    def test_all_constraints_must_hold(self) -> None:
        sim = cluster(zoned("a1", "a2", "b1"), web("w1", nodeName="a1"), web("w2", nodeName="b1"))
        assert possible(sim, web("new", constraint(), constraint(HOST))) == ["a2"]

    def test_a_pod_that_does_not_match_adds_nothing(self) -> None:
        sim = cluster(zoned("a1", "b1"), web("w1", nodeName="a1"))
        other = pod("new", topologySpreadConstraints=[constraint()])
        assert possible(sim, other) == ["a1", "b1"]

    def test_pods_on_their_way_out_do_not_count(self) -> None:
        leaving = {**web("w1", nodeName="a1"), "metadata": {"name": "w1", "labels": LABELS, "finalizers": ["a/b"]}}
        sim = cluster(zoned("a1", "b1"), leaving)
        sim.delete("pod/w1", force=True)
        assert possible(sim, web("new", constraint())) == ["a1", "b1"]

    def test_what_is_said(self) -> None:
        nodes = [*zoned("a1"), node("n1"), *({**each, "spec": {"unschedulable": True}} for each in zoned("b1"))]
        sim = cluster(nodes, web("w1", nodeName="a1"), web("web", constraint()))
        assert why(sim) == (
            "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match "
            "pod topology spread constraints (missing required label), 1 node(s) were unschedulable."
        )

    def test_a_pod_that_goes_where_it_is_full_wakes_it(self) -> None:
        nodes = [*zoned("a1"), *({**each, "spec": {"unschedulable": True}} for each in zoned("b1"))]
        sim = cluster(nodes, web("w1", nodeName="a1"), web("web", constraint()))
        sim.run("1m")
        sim.delete("pod/w1", force=True)
        sim.settle()
        assert (place(sim), sim.now) == ("a1", 60.0)

    def test_a_zone_that_is_gone_wakes_it(self) -> None:
        nodes = [*zoned("a1"), *({**each, "spec": {"unschedulable": True}} for each in zoned("b1"))]
        sim = cluster(nodes, web("w1", nodeName="a1"), web("web", constraint()))
        sim.run("1m")
        sim.delete("node/b1")
        sim.settle()
        assert (place(sim), sim.now) == ("a1", 60.0)


class TestWhichDomainsCount:
    def test_fewer_domains_than_demanded_count_as_empty_ones(self) -> None:
        sim = cluster(zoned("a1", "b1"), web("w1", nodeName="a1"), web("w2", nodeName="b1"))
        assert possible(sim, web("new", constraint(minDomains=2))) == ["a1", "b1"]
        assert possible(sim, web("new", constraint(minDomains=3))) == []

    def test_nodes_that_the_pod_does_not_want_count_only_if_asked_for(self) -> None:
        sim = cluster(zoned("a1", "b1"), web("w1", nodeName="a1"))
        wants = {"nodeSelector": {ZONE: "a"}}
        assert possible(sim, web("new", constraint(), **wants)) == ["a1"]
        assert possible(sim, web("new", constraint(nodeAffinityPolicy="Ignore"), **wants)) == []

    def test_tainted_nodes_count_unless_taints_are_honoured(self) -> None:
        taints = [{"key": "dedicated", "effect": "NoSchedule"}]
        nodes = [*zoned("a1"), node("b1", labels={ZONE: "b"}, taints=taints)]
        sim = cluster(nodes, web("w1", nodeName="a1"))
        assert possible(sim, web("new", constraint())) == []
        assert possible(sim, web("new", constraint(nodeTaintsPolicy="Honor"))) == ["a1"]

    def test_label_keys_count_the_pods_of_one_revision(self) -> None:
        old = web("w1", nodeName="a1")
        old["metadata"]["labels"] = {**LABELS, "hash": "1"}
        sim = cluster(zoned("a1", "b1"), old)
        new = web("new", constraint(matchLabelKeys=["hash"]))
        new["metadata"]["labels"] = {**LABELS, "hash": "2"}
        assert possible(sim, new) == ["a1", "b1"]


class TestSoftConstraints:
    def test_the_emptier_domain_is_the_better_one(self) -> None:
        sim = cluster(zoned("a1", "a2", "b1"), web("w1", nodeName="a1"))
        soft = {"whenUnsatisfiable": "ScheduleAnyway"}
        assert favourites(sim, web("new", constraint(**soft))) == ["b1"]
        assert favourites(sim, web("new", constraint(HOST, **soft))) == ["a2", "b1"]

    def test_a_node_without_the_label_comes_last(self) -> None:
        sim = cluster([*zoned("a1"), node("n1")], web("w1", nodeName="a1"))
        assert favourites(sim, web("new", constraint(whenUnsatisfiable="ScheduleAnyway"))) == ["a1"]

    def test_a_selector_that_selects_everything_counts_nothing(self) -> None:
        sim = cluster(zoned("a1", "b1"), web("w1", nodeName="a1"))
        every = constraint(labelSelector={}, whenUnsatisfiable="ScheduleAnyway")
        assert favourites(sim, web("new", every)) == ["a1", "b1"]


class TestPodsOfAServiceOrWorkload:
    """They spread without being told."""

    def test_a_services_pods(self) -> None:
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": LABELS, "ports": [{"port": 80}]},
        }
        sim = cluster(zoned("a1", "a2", "b1"), service, web("w1", nodeName="a1"), web("w2", nodeName="a1"))
        assert favourites(sim, web("new")) == ["b1"]
        assert favourites(sim, pod("other", cpu="0", memory="0")) == ["a1", "a2", "b1"]

    def test_a_replica_sets_pods(self) -> None:
        workload = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 6,
                "selector": {"matchLabels": LABELS},
                "template": {"metadata": {"labels": LABELS}, "spec": web()["spec"]},
            },
        }
        sim = cluster(zoned("a1", "b1", "c1"), workload, more=("replicaset",))
        places = sorted(each.spec.node_name for each in sim.list("pods"))
        assert places == ["a1", "a1", "b1", "b1", "c1", "c1"]

    def test_a_replication_controllers_pods(self) -> None:
        workload = {
            "apiVersion": "v1",
            "kind": "ReplicationController",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 4,
                "selector": LABELS,
                "template": {"metadata": {"labels": LABELS}, "spec": web()["spec"]},
            },
        }
        sim = cluster(zoned("a1", "b1"), workload, more=("replication",))
        assert sorted(each.spec.node_name for each in sim.list("pods")) == ["a1", "a1", "b1", "b1"]
