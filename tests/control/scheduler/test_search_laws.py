"""A search that takes nodes in sets finds what a look at one node after the other finds.

The plain search here asks the filters about each node in turn, until enough are found. Both must agree on the nodes, on
where the next search begins, on each node's reason and on the best nodes, whatever the cluster is like.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from tests.control.scheduler.clusters import (
    Manifest,
    attempt_for,
    claim,
    cluster,
    created_pod,
    node,
    pod,
    storage_class,
    volume,
)
from volsim.control.scheduler import search as module
from volsim.control.scheduler.framework import Attempt, Graded, Sample, Status, SteadyScore
from volsim.control.scheduler.lineup import places_in
from volsim.control.scheduler.node_facts import NodeInfo, usage_of
from volsim.control.scheduler.plugins import plugins_of
from volsim.control.scheduler.search import FEW_NODES, ROTATION, best, prepare, search
from volsim.state import Draft

ZONE, HOST, BETA = "topology.kubernetes.io/zone", "kubernetes.io/hostname", "failure-domain.beta.kubernetes.io/zone"
VERSIONS = ("1.15", "1.24", "1.36")


class Plain(NamedTuple):
    """What comes of asking about one node after the other."""

    nodes: list[str]
    statuses: dict[str, tuple[str, Status]]
    end: int


def plain_search(attempt: Attempt) -> Plain | None:
    """The search as upstream does it; None for a pod that is turned away as a whole."""
    prepared, every = prepare(attempt), attempt.lineup.nodes
    if prepared.whole is not None:
        return None
    start = attempt.view.get("memory", ROTATION) or 0 if len(every) >= FEW_NODES and prepared.only is None else 0
    asked = [each for each in (*every[start:], *every[:start]) if prepared.only is None or each.name in prepared.only]
    enough = module._enough(len(asked))
    nodes: list[str] = []
    statuses: dict[str, tuple[str, Status]] = {}
    for facts in asked:
        refused = prepared.refusal(attempt.node(facts.name))
        if refused is not None:
            statuses[facts.name] = refused
            continue
        nodes.append(facts.name)
        if len(nodes) == enough:
            break
    end = (start + len(nodes) + len(statuses)) % len(every) if every and prepared.only is None else start
    return Plain(nodes, statuses, end)


def plain_best(attempt: Attempt, names: list[str]) -> list[str]:
    """The nodes with the best total, each node's scores added up by itself; pods that are nominated do not count."""
    sample = Sample(attempt, attempt.lineup.named(names))
    infos = {name: NodeInfo(attempt.lineup.facts(name), usage_of(attempt.view, name)) for name in sample.names}
    totals = dict.fromkeys(infos, 0)
    for plugin in plugins_of(attempt.rules):
        answer = plugin.score(attempt, sample) if plugin.score is not None else None
        for (name, info), at in zip(infos.items(), places_in(sample.set), strict=True):
            if isinstance(answer, SteadyScore):
                score = answer.of(info)
            elif isinstance(answer, Graded):
                score = sum(its for its, nodes in answer.sets.items() if nodes >> at & 1)
            else:
                score = answer[list(infos).index(name)] if answer is not None else 0
            totals[name] += plugin.weight(attempt.rules) * score
    return sorted(name for name, total in totals.items() if total == max(totals.values()))


def check_agreement(attempt: Attempt) -> None:
    plain, found = plain_search(attempt), search(attempt)
    if plain is None:
        assert found.whole is not None
        return
    assert sorted(found.nodes.names) == sorted(plain.nodes)
    start = attempt.view.get("memory", ROTATION) or 0
    assert (found.rotation.value if found.rotation is not None else start) == plain.end  # type: ignore[union-attr]
    if plain.nodes:
        assert best(attempt, found.nodes) == plain_best(attempt, plain.nodes)
        return
    names = attempt.lineup.names
    assert {name: refused[:2] for refused in found.refused for name in names(refused.nodes)} == plain.statuses


# -- clusters ----------------------------------------------------------------------------------------------------------
labels = st.dictionaries(st.sampled_from(["disk", ZONE, BETA]), st.sampled_from(["a", "b", "7"]), min_size=1)
taints = st.lists(
    st.builds(
        lambda key, effect: {"key": key, "effect": effect},
        st.sampled_from("xy"),
        st.sampled_from(["NoSchedule", "PreferNoSchedule"]),
    ),
    max_size=1,
)


@st.composite
def nodes(draw: st.DrawFn) -> list[Manifest]:
    found = []
    for number in range(draw(st.integers(0, 5))):
        sizes = {"cpu": draw(st.sampled_from(["1", "4"])), "pods": draw(st.sampled_from(["1", "2", "110"]))}
        each = node(f"n{number}", labels=draw(labels), taints=draw(taints), **sizes)
        each["spec"]["unschedulable"] = draw(st.integers(0, 9)) == 9
        found.append(each)
    return found


def on_label(key: str, *values: str, operator: str = "In") -> Manifest:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def on_name(operator: str, *names: str) -> Manifest:
    return {"matchFields": [{"key": "metadata.name", "operator": operator, "values": list(names)}]}


TERMS = (
    on_label("disk", "a", "7"),
    on_label(ZONE, "a", operator="NotIn"),
    on_label("disk", operator="Exists"),
    on_label(HOST, "n1", "n2", "n9"),
    on_label(BETA, operator="DoesNotExist"),
    on_label("disk", "5", operator="Gt"),
    {
        **on_label("disk", operator="Exists"),
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}],
    },
    {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n1"]}]},
)
terms = st.lists(st.sampled_from(TERMS), min_size=1, max_size=2).map(lambda some: {"nodeSelectorTerms": some})


def bound(name: str) -> Manifest:
    """A claim that is bound to the volume of its name."""
    made = claim(name, volumeName=name)
    made["metadata"]["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
    return made


@st.composite
def storage(draw: st.DrawFn) -> list[Manifest]:
    """Claims of every sort: bound to a volume of a zone or of some nodes, and waiting for local or for new volumes."""
    zonal, some = volume("zonal"), volume("some")
    zonal["metadata"]["labels"] = {draw(st.sampled_from([ZONE, BETA])): draw(st.sampled_from(["a", "a__b"]))}
    some["spec"]["nodeAffinity"] = {"required": draw(terms)}
    local = [volume(f"local{at}", size, node=on) for at, (size, on) in enumerate([("1Gi", "n0"), ("2Gi", "n1")])]
    topology = {"matchLabelExpressions": [{"key": "disk", "values": ["a"]}]}
    made = storage_class("made", provisioner="csi", allowedTopologies=draw(st.sampled_from([[], [topology]])))
    capacity = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIStorageCapacity",
        "metadata": {"name": "some"},
        "storageClassName": "made",
        "nodeTopology": {"matchLabels": {ZONE: "a"}},
        "capacity": "1Gi",
    }
    driver = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "csi"}}
    driver["spec"] = {"storageCapacity": draw(st.booleans())}
    full = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": {"name": "n1"},
        "spec": {"drivers": [{"name": "csi", "nodeID": "n1", "allocatable": {"count": draw(st.integers(0, 1))}}]},
    }
    waiting = [claim("local"), claim("large", "2Gi"), claim("made", storage_class="made"), claim("huge", "9Gi", "made")]
    return [storage_class(), made, capacity, driver, full, zonal, some, *local, bound("zonal"), bound("some"), *waiting]


@st.composite
def pods(draw: st.DrawFn, name: str) -> Manifest:
    """A pod with a few wishes, of all that filters know."""
    spec: dict[str, Any] = {"cpu": draw(st.sampled_from(["0", "100m", "500m", "2"]))}
    app = draw(st.sampled_from(["web", "db"]))
    key = draw(st.sampled_from([ZONE, HOST, "disk"]))
    near = {"labelSelector": {"matchLabels": {"app": draw(st.sampled_from(["web", "db"]))}}, "topologyKey": key}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    spread = {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": app}},
        "nodeTaintsPolicy": draw(st.sampled_from(["Honor", "Ignore"])),
        "minDomains": draw(st.sampled_from([1, 3])),
    }
    wishes: dict[str, dict[str, Any]] = {
        "tolerations": {"tolerations": [{"key": draw(st.sampled_from("xy")), "operator": "Exists"}]},
        "selector": {"nodeSelector": {"disk": "a"}},
        "nodes": {"affinity": {"nodeAffinity": {required: draw(terms)}}},
        "near": {"affinity": {"podAffinity": {required: [near]}}},
        "away": {"affinity": {"podAntiAffinity": {required: [near]}}},
        "port": {"ports": [{"containerPort": 80, "hostPort": draw(st.sampled_from([80, 81]))}]},
        "spread": {"topologySpreadConstraints": [spread]},
    }
    for wish in draw(st.lists(st.sampled_from(sorted(wishes)), max_size=3, unique=True)):
        spec.update(wishes[wish])
    claims = draw(
        st.lists(st.sampled_from(["zonal", "some", "local", "large", "made", "huge"]), max_size=2, unique=True)
    )
    return pod(name, labels={"app": app}, claims=tuple(claims), **spec)


def nominated(attempt: Attempt, name: str) -> Attempt:
    """The attempt, after another pod that wants 3 cpu has been promised a node."""
    draft = attempt.view
    assert isinstance(draft, Draft)
    other = created_pod(draft, pod("promised", cpu="3"))
    status = other.status.replace(nominated_node_name=name)
    draft.put("pods", other.key, other.replace(status=status))
    return Attempt(draft, attempt.pod)


@settings(max_examples=40)
@given(st.sampled_from(VERSIONS), nodes(), storage(), st.data())
def test_a_search_in_sets_finds_what_a_plain_one_finds(
    version: str, machines: list[Manifest], objects: list[Manifest], data: st.DataObject
) -> None:
    """While pods come, and nodes are cordoned and labelled: so what is remembered has to be kept up."""
    sim = cluster(machines, *objects, more=("pv-binder", "pv-phases"), kubernetes=version)
    names = [machine["metadata"]["name"] for machine in machines]
    seldom: st.SearchStrategy[Any] = st.integers(0, 3).map(lambda number: number == 3)
    for number in range(4):
        sim.apply(data.draw(pods(f"p{number}")))
        sim.settle()
        if names and data.draw(seldom):
            change = data.draw(st.sampled_from([sim.cordon, sim.uncordon]))
            change(data.draw(st.sampled_from(names)))
        attempt = attempt_for(sim, data.draw(pods("new")))
        check_agreement(attempt)
        if names and data.draw(seldom):
            check_agreement(nominated(attempt, data.draw(st.sampled_from(names))))


@settings(max_examples=20)
@given(st.integers(0, 219), st.sets(st.integers(0, 219)), st.sampled_from(["100m", "3", "5"]), st.booleans())
def test_so_it_does_where_only_some_nodes_are_looked_at(start: int, closed: set[int], cpu: str, ports: bool) -> None:
    """Of 220 nodes in two zones, from somewhere on; a filter that has to ask each node looks at no more of them."""
    sim, draft = large()
    for number in closed:
        machine = draft.nodes[f"n{number:03}"]
        draft.put("nodes", f"n{number:03}", machine.replace(spec=machine.spec.replace(unschedulable=True)))
    draft.put("memory", ROTATION, start)
    spec: dict[str, Any] = {"cpu": cpu}
    if ports:
        spec["volumes"] = [{"name": "disk", "gcePersistentDisk": {"pdName": "d"}}]
    check_agreement(Attempt(draft, attempt_for(sim, pod(**spec)).pod))


@cache
def large_cluster() -> volsim.Simulation:
    there = pod("there", cpu="2", volumes=[{"name": "disk", "gcePersistentDisk": {"pdName": "d"}}], nodeName="n007")
    return cluster([node(f"n{number:03}", labels={ZONE: "ab"[number % 2]}) for number in range(220)], there)


def large() -> tuple[volsim.Simulation, Draft]:
    """A cluster of 220 nodes, and a draft of it."""
    sim = large_cluster()
    return sim, sim.state.draft({})
