"""Pods that want to be near to others, or away from them.

Source: kube-scheduler, plugins/interpodaffinity.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.scheduler.clusters import Manifest, cluster, favourites, place, pod, possible, why, zoned

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
NODES = zoned("a1", "a2", "b1")


def term(app: str | None = "db", key: str = ZONE, **more: Any) -> Manifest:
    selector = {"matchLabels": {"app": app}} if app is not None else None
    return {"labelSelector": selector, "topologyKey": key, **more}


def near(*terms: Manifest) -> Manifest:
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def away(*terms: Manifest) -> Manifest:
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def rather(weight: int, one: Manifest, side: str = "podAffinity") -> Manifest:
    return {side: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm": one}]}}


DB = pod("db", labels={"app": "db"}, nodeName="a1")


class TestAffinity:
    @pytest.mark.parametrize(
        ("terms", "expected"),
        [
            ([term()], ["a1", "a2"]),
            ([term(key=HOST)], ["a1"]),
            ([term("cache")], []),
            ([term(), term("cache")], []),
            ([term(None)], []),
            ([term(key="rack")], []),
            ([term(namespaces=["other"])], []),
            ([term(namespaces=["default", "other"])], ["a1", "a2"]),
            ([term(namespaceSelector={})], ["a1", "a2"]),
            ([term(namespaceSelector={"matchLabels": {"team": "x"}})], []),
        ],
        ids=[
            "zone", "node", "nobody", "one pod must meet both", "no selector", "no such label", "other namespace",
            "named namespaces", "every namespace", "selected namespaces",
        ],
    )  # fmt: skip
    def test_the_pod_goes_near_to_those_that_are_meant(self, terms: list[Manifest], expected: list[str]) -> None:
        sim = cluster(NODES, DB)
        assert possible(sim, pod(affinity=near(*terms))) == expected

    def test_the_first_of_its_kind_may_go_anywhere(self) -> None:
        sim = cluster(NODES)
        assert possible(sim, pod(labels={"app": "db"}, affinity=near(term()))) == ["a1", "a2", "b1"]
        assert possible(sim, pod(labels={"app": "web"}, affinity=near(term()))) == []

    def test_what_is_said(self) -> None:
        sim = cluster(NODES, pod(affinity=near(term())))
        assert why(sim) == "0/3 nodes are available: 3 node(s) didn't match pod affinity rules."

    def test_a_friend_that_comes_wakes_it(self) -> None:
        sim = cluster(NODES, pod(affinity=near(term())))
        sim.run("1m")
        sim.apply(DB)
        sim.settle()
        assert (place(sim) in ("a1", "a2"), sim.now) == (True, 60.0)

    def test_a_pod_that_has_ended_is_no_friend(self) -> None:
        sim = cluster(NODES, DB)
        sim.patch("pod/db", {"status": {"phase": "Failed"}}, subresource="status")
        assert possible(sim, pod(affinity=near(term()))) == []

    def test_label_keys_narrow_it_to_pods_like_itself(self) -> None:
        sim = cluster(NODES, pod("old", labels={"app": "db", "hash": "1"}, nodeName="a1"))
        spec = near(term(matchLabelKeys=["hash"]))
        assert possible(sim, pod(labels={"app": "db", "hash": "1"}, affinity=spec)) == ["a1", "a2"]
        assert possible(sim, pod(labels={"app": "db", "hash": "2"}, affinity=spec)) == ["a1", "a2", "b1"]  # the first
        other = near(term(mismatchLabelKeys=["hash"]))
        assert possible(sim, pod(labels={"app": "web", "hash": "2"}, affinity=other)) == ["a1", "a2"]
        assert possible(sim, pod(labels={"app": "web", "hash": "1"}, affinity=other)) == []


class TestAntiAffinity:
    def test_the_pod_goes_away_from_those_that_are_meant(self) -> None:
        sim = cluster(NODES, DB)
        assert possible(sim, pod(affinity=away(term()))) == ["b1"]
        assert possible(sim, pod(affinity=away(term(key=HOST)))) == ["a2", "b1"]
        assert possible(sim, pod(affinity=away(term(key="rack")))) == ["a1", "a2", "b1"]

    def test_those_that_are_there_mind_as_well(self) -> None:
        sim = cluster(NODES, pod("db", labels={"app": "db"}, affinity=away(term("web")), nodeName="a1"))
        assert possible(sim, pod(labels={"app": "web"})) == ["b1"]
        assert possible(sim, pod(labels={"app": "mail"})) == ["a1", "a2", "b1"]

    def test_what_is_said(self) -> None:
        alone = away(term("web", HOST))
        names = [f"web-{number}" for number in range(4)]
        sim = cluster(NODES, *(pod(name, labels={"app": "web"}, affinity=alone) for name in names))
        assert {place(sim, name) for name in names[:3]} == {"a1", "a2", "b1"}
        assert why(sim, "web-3") == "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules."
        sim.apply(pod("other", labels={"app": "web"}))
        sim.settle()
        assert why(sim, "other") == (
            "0/3 nodes are available: 3 node(s) didn't satisfy existing pods anti-affinity rules."
        )

    def test_a_foe_that_goes_wakes_it(self) -> None:
        sim = cluster(zoned("a1"), DB, pod(affinity=away(term())))
        assert place(sim) is None
        sim.run("1m")
        sim.delete("pod/db", force=True)
        sim.settle()
        assert (place(sim), sim.now) == ("a1", 60.0)

    def test_a_node_elsewhere_wakes_it(self) -> None:
        sim = cluster(zoned("a1"), DB, pod(affinity=away(term())))
        sim.run("1m")
        sim.apply(zoned("b1")[0])
        sim.settle()
        assert (place(sim), sim.now) == ("b1", 60.0)


class TestWishes:
    def test_are_a_matter_of_score(self) -> None:
        sim = cluster(NODES, pod("db", labels={"app": "db"}, nodeName="a1", cpu="0", memory="0"))
        assert favourites(sim, pod(affinity=rather(100, term(key=HOST)))) == ["a1"]
        assert favourites(sim, pod(affinity=rather(100, term(), "podAntiAffinity"))) == ["b1"]

    def test_of_those_that_are_there_count_as_well(self) -> None:
        for affinity, expected in (
            (rather(100, term("web", HOST)), ["a1"]),
            (rather(100, term("web", ZONE), "podAntiAffinity"), ["b1"]),
            (near(term("web", HOST)), ["a1"]),
        ):
            there = pod("db", labels={"app": "web"}, nodeName="a1", affinity=affinity, cpu="0", memory="0")
            sim = cluster(NODES, there)
            assert favourites(sim, pod(labels={"app": "web"})) == expected
