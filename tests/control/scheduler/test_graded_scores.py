"""Scores that are found for sets of nodes are those that each node would get by itself.

Source of the formulas, which are said here once more node by node: kube-scheduler, plugins/podtopologyspread, plugins/
interpodaffinity and plugins/nodeaffinity (scoring.go, node_affinity.go), plugins/helper/normalize_score.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from tests.control.scheduler.clusters import Manifest, attempt_for, cluster, node, pod
from volsim.control.scheduler import inter_pod_affinity, node_affinity, pod_topology_spread
from volsim.control.scheduler.framework import Attempt, Graded, Plugin, Sample

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

labels = st.fixed_dictionaries({}, optional={ZONE: st.sampled_from("ab"), "disk": st.sampled_from(["ssd", "hdd"])})
apps = st.sampled_from(["web", "db"])
places = st.lists(st.tuples(apps, st.integers(0, 5)), max_size=8)


@st.composite
def clusters(draw: st.DrawFn) -> volsim.Simulation:
    """Up to six nodes, some without labels, and pods on them."""
    sizes = draw(st.lists(labels, min_size=1, max_size=6))
    sim = cluster([node(f"n{at}", labels=given) for at, given in enumerate(sizes)])
    for number, (app, on) in enumerate(draw(places)):
        if f"n{on}" in sim.state.nodes:
            sim.apply(pod(f"p{number}", labels={"app": app}, nodeName=f"n{on}"))
    return sim


def graded(plugin: Plugin, attempt: Attempt) -> dict[str, int]:
    """What the plugin gives each node."""
    assert plugin.score is not None
    found = plugin.score(attempt, Sample(attempt, attempt.lineup.every))
    assert isinstance(found, Graded)
    scores = dict.fromkeys(attempt.lineup.place, 0)
    for score, nodes in found.sets.items():
        scores |= dict.fromkeys(attempt.lineup.names(nodes), score)
    return scores


def matching(attempt: Attempt, app: str, key: str, on: Mapping[str, str]) -> int:
    """How many pods of an application are in a node's domain."""
    nodes = attempt.view.nodes
    return sum(
        each.metadata.labels["app"] == app and nodes[each.spec.node_name].metadata.labels.get(key, "") == on.get(key)
        for each in attempt.view.pods.values()
        if each.spec.node_name
    )


def constraint(key: str, skew: int) -> Manifest:
    selector = {"matchLabels": {"app": "web"}}
    return {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}


@settings(max_examples=40)
@given(clusters(), st.lists(st.sampled_from([ZONE, HOST, "disk"]), min_size=1, unique=True), st.integers(1, 3))
def test_spread(sim: volsim.Simulation, keys: list[str], skew: int) -> None:
    """The sum of (pods of the domain, times ln(domains + 2), + maxSkew - 1); the lowest sum becomes 100."""
    limits = [constraint(key, skew) for key in keys]
    attempt = attempt_for(sim, pod(labels={"app": "web"}, topologySpreadConstraints=limits))
    every = {name: each.metadata.labels for name, each in sim.state.nodes.items()}
    eligible = {name: has for name, has in every.items() if all(key in has for key in keys)}
    raw = dict.fromkeys(eligible, 0.0)
    for key in keys:
        weight = log(len({has[key] for has in eligible.values()}) + 2)
        for name, has in eligible.items():
            among = [each for each in eligible if key == HOST or eligible[each][key] == has[key]]
            count = sum(matching(attempt, "web", HOST, every[each]) for each in among if key != HOST or each == name)
            raw[name] += count * weight + skew - 1
    rounded = {name: floor(value + 0.5) for name, value in raw.items()}
    low, high = min(rounded.values(), default=0), max(rounded.values(), default=0)
    wanted = {name: 100 * (high + low - value) // high if high else 100 for name, value in rounded.items()}
    assert graded(pod_topology_spread.PLUGIN, attempt) == {**dict.fromkeys(every, 0), **wanted}


def wish(app: str, key: str, weight: int) -> Manifest:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}
    return {"weight": weight, "podAffinityTerm": term}


wishes = st.lists(st.tuples(apps, st.sampled_from([ZONE, HOST, "disk"]), st.integers(1, 9)), max_size=3)


@settings(max_examples=40)
@given(clusters(), wishes, wishes)
def test_wishes_about_other_pods(
    sim: volsim.Simulation, near: list[tuple[str, str, int]], away: list[tuple[str, str, int]]
) -> None:
    """The weights of the wishes, once for each pod that is meant in the domain, brought to 0 … 100."""
    affinity: dict[str, Any] = {
        "podAffinity": {PREFERRED: [wish(*each) for each in near]},
        "podAntiAffinity": {PREFERRED: [wish(*each) for each in away]},
    }
    attempt = attempt_for(sim, pod(affinity=affinity))
    every = {name: each.metadata.labels for name, each in sim.state.nodes.items()}
    raw = {
        name: sum(weight * matching(attempt, app, key, has) for app, key, weight in near)
        - sum(weight * matching(attempt, app, key, has) for app, key, weight in away)
        for name, has in every.items()
    }
    low, high = min(raw.values()), max(raw.values())
    wanted = {name: int(100 * ((value - low) / (high - low))) if high > low else 0 for name, value in raw.items()}
    assert inter_pod_affinity.PLUGIN.score is not None
    if inter_pod_affinity.PLUGIN.score(attempt, Sample(attempt, attempt.lineup.every)) is None:
        assert set(wanted.values()) == {0}, "nobody wishes anything"
    else:
        assert graded(inter_pod_affinity.PLUGIN, attempt) == wanted


@settings(max_examples=40)
@given(clusters(), st.lists(st.tuples(st.sampled_from(["ssd", "hdd"]), st.integers(1, 9)), min_size=1, max_size=3))
def test_wishes_about_nodes(sim: volsim.Simulation, preferred: list[tuple[str, int]]) -> None:
    """The weights of the terms that a node meets; the highest sum becomes 100."""
    terms = [
        {"weight": weight, "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": [disk]}]}}
        for disk, weight in preferred
    ]
    attempt = attempt_for(sim, pod(affinity={"nodeAffinity": {PREFERRED: terms}}))
    raw = {
        name: sum(weight for disk, weight in preferred if each.metadata.labels.get("disk") == disk)
        for name, each in sim.state.nodes.items()
    }
    highest = max(raw.values()) or 1
    assert graded(node_affinity.PLUGIN, attempt) == {name: 100 * value // highest for name, value in raw.items()}
