"""What a pod demands of a node itself: open, tolerable, labelled as wanted, with a free port.

Source: kube-scheduler, plugins/{nodeunschedulable,tainttoleration,nodeaffinity,nodeports}.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.scheduler.clusters import Manifest, cluster, favourites, node, place, pod, possible, said, why


def taint(effect: str, key: str = "dedicated", value: str = "db") -> Manifest:
    return {"key": key, "value": value, "effect": effect}


class TestCordonedNodes:
    def test_take_no_pods(self) -> None:
        sim = cluster([node("n1"), node("n2")])
        sim.cordon("n1")
        assert possible(sim, pod()) == ["n2"]
        sim.cordon("n2")
        sim.apply(pod())
        sim.settle()
        assert why(sim) == "0/2 nodes are available: 2 node(s) were unschedulable."

    def test_but_those_that_tolerate_it(self) -> None:
        sim = cluster([node("n1")])
        sim.cordon("n1")
        tolerant = pod(tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}])
        assert possible(sim, tolerant) == ["n1"]


class TestTaints:
    @pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
    @pytest.mark.parametrize(
        ("toleration", "helps"),
        [
            ({"key": "dedicated", "operator": "Equal", "value": "db"}, True),
            ({"key": "dedicated", "operator": "Exists"}, True),
            ({"operator": "Exists"}, True),
            ({"key": "dedicated", "operator": "Equal", "value": "web"}, False),
            ({"key": "other", "operator": "Exists"}, False),
        ],
        ids=["equal", "key", "everything", "other value", "other key"],
    )
    def test_are_tolerated_or_not(self, effect: str, toleration: Manifest, helps: bool) -> None:
        sim = cluster([node("n1", taints=[taint(effect)])])
        assert possible(sim, pod(tolerations=[toleration])) == (["n1"] if helps else [])

    def test_soft_ones_only_make_a_node_less_liked(self) -> None:
        soft = [taint("PreferNoSchedule"), taint("PreferNoSchedule", "slow")]
        sim = cluster([node("n1", taints=soft), node("n2", taints=soft[:1]), node("n3")])
        assert possible(sim, pod()) == ["n1", "n2", "n3"]
        assert favourites(sim, pod()) == ["n3"]
        assert favourites(sim, pod(tolerations=[{"key": "dedicated", "operator": "Exists"}])) == ["n2", "n3"]

    @pytest.mark.parametrize(
        ("version", "text"),
        [
            ("1.15", "1 node(s) had taints that the pod didn't tolerate"),
            ("1.20", "1 node(s) had taint {dedicated: db}, that the pod didn't tolerate"),
            ("1.28", "1 node(s) had untolerated taint {dedicated: db}"),
            ("1.36", "1 node(s) had untolerated taint(s)"),
        ],
    )
    def test_are_named_in_the_words_of_the_version(self, version: str, text: str) -> None:
        sim = cluster([node("n1", taints=[taint("NoSchedule")])], pod(), kubernetes=version)
        assert said(sim).startswith(f"0/1 nodes are available: {text}.")


def requirement(operator: str, *values: str, key: str = "disk") -> Manifest:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def required(*terms: Manifest) -> Manifest:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


class TestNodeAffinity:
    NODES = (
        node("n1", labels={"disk": "ssd", "cores": "8"}),
        node("n2", labels={"disk": "hdd", "cores": "16"}),
        node("n3"),
    )

    @pytest.mark.parametrize(
        ("expressions", "expected"),
        [
            ([requirement("In", "ssd", "nvme")], ["n1"]),
            ([requirement("NotIn", "ssd")], ["n2", "n3"]),
            ([requirement("Exists")], ["n1", "n2"]),
            ([requirement("DoesNotExist")], ["n3"]),
            ([requirement("Gt", "8", key="cores")], ["n2"]),
            ([requirement("Lt", "16", key="cores")], ["n1"]),
            ([requirement("Exists"), requirement("Gt", "8", key="cores")], ["n2"]),
        ],
        ids=["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "both"],
    )
    def test_a_term_demands_all_that_it_says(self, expressions: list[Manifest], expected: list[str]) -> None:
        sim = cluster(list(self.NODES))
        assert possible(sim, pod(affinity=required({"matchExpressions": expressions}))) == expected

    def test_one_term_of_several_is_enough(self) -> None:
        sim = cluster(list(self.NODES))
        terms = [{"matchExpressions": [requirement("In", value)]} for value in ("ssd", "hdd")]
        assert possible(sim, pod(affinity=required(*terms))) == ["n1", "n2"]

    def test_the_node_selector_counts_as_well(self) -> None:
        sim = cluster(list(self.NODES))
        affinity = required({"matchExpressions": [requirement("Exists")]})
        assert possible(sim, pod(nodeSelector={"disk": "hdd"}, affinity=affinity)) == ["n2"]
        assert possible(sim, pod(nodeSelector={"disk": "tape"})) == []

    def test_preferred_terms_add_their_weights(self) -> None:
        sim = cluster(list(self.NODES))

        def prefer(**weights: int) -> Manifest:
            terms = [
                {"weight": weight, "preference": {"matchExpressions": [requirement("In", value)]}}
                for value, weight in weights.items()
            ]
            return pod(affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}})

        assert favourites(sim, prefer(ssd=1, hdd=5)) == ["n2"]
        assert favourites(sim, prefer(ssd=5, hdd=1)) == ["n1"]
        assert favourites(sim, prefer(tape=5)) == ["n1", "n2", "n3"]

    @pytest.mark.parametrize(
        ("version", "text"),
        [
            ("1.18", "2 node(s) didn't match node selector."),
            ("1.20", "2 node(s) didn't match Pod's node affinity."),
            ("1.36", "2 node(s) didn't match Pod's node affinity/selector."),
        ],
    )
    def test_is_spoken_of_in_the_words_of_the_version(self, version: str, text: str) -> None:
        sim = cluster([node("n1"), node("n2")], pod(nodeSelector={"disk": "ssd"}), kubernetes=version)
        assert said(sim).startswith(f"0/2 nodes are available: {text}")


class TestANodeByName:
    """As a DaemonSet's pods ask for theirs: by the field `metadata.name`."""

    def named(self, *names: str, **spec: Any) -> Manifest:
        fields = [{"key": "metadata.name", "operator": "In", "values": [name]} for name in names]
        return pod(affinity=required({"matchFields": fields}), **spec)

    def test_only_that_node_is_asked(self) -> None:
        sim = cluster([node("n1"), node("n2")], self.named("n2"))
        assert place(sim) == "n2"

    def test_the_others_are_said_to_be_out_of_the_question(self) -> None:
        sim = cluster([node("n1"), node("n2")], self.named("n2", cpu="8"))
        assert why(sim) == (
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]."
        )

    def test_two_names_at_once_are_a_contradiction(self) -> None:
        sim = cluster([node("n1"), node("n2")], self.named("n1", "n2"))
        assert "pod affinity terms conflict" in said(sim)

    def test_a_node_that_does_not_exist(self) -> None:
        sim = cluster([node("n1")], self.named("n9"))
        assert why(sim) == "0/1 nodes are available: 1 node(s) didn't satisfy plugin(s) [NodeAffinity]."
        sim.run("1m")
        sim.apply(node("n9"))
        sim.settle()
        assert (place(sim), sim.now) == ("n9", 60.0)


class TestHostPorts:
    @pytest.mark.parametrize(
        ("port", "expected"),
        [
            ({"hostPort": 80}, ["n2"]),
            ({"hostPort": 81}, ["n1", "n2"]),
            ({"hostPort": 80, "protocol": "UDP"}, ["n1", "n2"]),
            ({"hostPort": 80, "hostIP": "10.0.0.1"}, ["n2"]),
            ({"hostPort": 443, "hostIP": "10.0.0.2"}, ["n1", "n2"]),
            ({"hostPort": 443}, ["n2"]),
            ({}, ["n1", "n2"]),
        ],
        ids=["taken", "free", "other protocol", "taken on all", "other address", "taken on one", "none of the host"],
    )
    def test_are_had_once_on_each_node(self, port: Manifest, expected: list[str]) -> None:
        taken = [
            {"containerPort": 80, "hostPort": 80},
            {"containerPort": 443, "hostPort": 443, "hostIP": "10.0.0.1"},
        ]
        sim = cluster([node("n1"), node("n2")], pod("there", ports=taken, nodeName="n1"))
        assert possible(sim, pod(ports=[{"containerPort": 8080, **port}])) == expected

    def test_what_is_said_when_none_is_free(self) -> None:
        ports = [{"containerPort": 80, "hostPort": 80}]
        sim = cluster([node("n1")], pod("there", ports=ports), pod(ports=ports))
        assert said(sim) == (
            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. no new claims to "
            "deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
        )
