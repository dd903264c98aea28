"""What hangs on what, and what a failure takes with it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import networkx
import pytest
from hypothesis import given

import volsim
from tests.exploration.clusters import claim, cluster, deployment, pod, settled, volume
from volsim.analysis import BlastRadius, blast_radius, coupling, graph
from volsim.analysis.coupling import RELATIONS
from volsim.testing import strategies


def edges(sim: volsim.Simulation, source: str) -> set[tuple[str, str]]:
    """What something needs, and in what way."""
    found = graph(sim).out_edges(source, data="relation")  # type: ignore[var-annotated]
    return {(relation, target) for _, target, relation in found}


def radius(sim: volsim.Simulation, failed: str) -> BlastRadius:
    return blast_radius(graph(sim), failed)


def with_volumes(name: str, *volumes: dict[str, Any], **spec: Any) -> dict[str, Any]:
    made = pod(name)
    made["spec"].update(volumes=[{"name": f"v{at}", **given} for at, given in enumerate(volumes)], **spec)
    return made


def host_path_volume(name: str) -> dict[str, Any]:
    made = volume(name)
    del made["spec"]["nfs"]
    made["spec"]["hostPath"] = {"path": "/data"}
    return made


def local_volume(name: str, *nodes: str) -> dict[str, Any]:
    made = volume(name)
    del made["spec"]["nfs"]
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": list(nodes)}
    made["spec"]["local"] = {"path": "/mnt"}
    made["spec"]["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}
    return made


# -- the graph ---------------------------------------------------------------------------------------------------------
def test_a_pod_hangs_on_its_node_its_claim_and_through_them_on_the_file_server() -> None:
    sim = settled(cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1))
    assert edges(sim, "pod/default/p") == {("runs on", "node/node01"), ("mounts", "pvc/default/c")}
    assert edges(sim, "pvc/default/c") == {("is bound to", "pv/v")}
    assert edges(sim, "pv/v") == {("lies on", "backend/172.16.1.30")}
    assert networkx.has_path(graph(sim), "pod/default/p", "backend/172.16.1.30")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"emptyDir": {}}, {("mounts", "volume/default/p/v0")}),
        ({"hostPath": {"path": "/data"}}, {("mounts", "disk/node01")}),
        ({"nfs": {"server": "10.0.0.9", "path": "/"}}, {("mounts", "backend/10.0.0.9")}),
        ({"configMap": {"name": "m"}}, {("reads", "cm/default/m")}),
        ({"configMap": {"name": "m", "optional": True}}, set()),
        ({"secret": {"secretName": "s"}}, {("reads", "secret/default/s")}),
        ({"secret": {"secretName": "s", "optional": True}}, set()),
        (
            {"projected": {"sources": [{"configMap": {"name": "m"}}, {"secret": {"name": "s", "optional": True}}]}},
            {("reads", "cm/default/m")},
        ),
        (
            {"projected": {"sources": [{"configMap": {"name": "m", "optional": True}}, {"secret": {"name": "s"}}]}},
            {("reads", "secret/default/s")},
        ),
        ({"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}}, set()),
    ],
)
def test_a_pod_hangs_on_what_its_volumes_need(source: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    sim = settled(cluster(with_volumes("p", source), nodes=1))
    assert edges(sim, "pod/default/p") == {("runs on", "node/node01")} | expected


@pytest.mark.parametrize(("medium", "place"), [("", "disk/node01"), ("Memory", "node/node01")])
def test_an_empty_dir_lies_on_its_nodes_disk_or_in_its_memory(medium: str, place: str) -> None:
    sim = settled(cluster(with_volumes("p", {"emptyDir": {"medium": medium}}), nodes=1))
    assert edges(sim, "volume/default/p/v0") == {("lies on", place)}


def test_the_environment_of_a_container_is_read_too() -> None:
    made = pod("p")
    made["spec"]["containers"][0].update(
        envFrom=[{"configMapRef": {"name": "m"}}, {"secretRef": {"name": "maybe", "optional": True}}],
        env=[
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
            {"name": "C", "value": "plain"},
        ],
    )
    sim = settled(cluster(made, nodes=1))
    assert edges(sim, "pod/default/p") == {
        ("runs on", "node/node01"),
        ("reads", "cm/default/m"),
        ("reads", "secret/default/s"),
    }


def test_what_is_referred_to_and_not_there_is_in_the_graph_as_missing() -> None:
    sim = settled(cluster(pod("p", "nobody-made-it"), nodes=1))
    missing = {node for node, is_missing in graph(sim).nodes(data="missing") if is_missing}
    assert missing == {"pvc/default/nobody-made-it"}


def test_a_workload_consists_of_what_it_controls() -> None:
    sim = settled(cluster(deployment("web", 2), nodes=1))
    ((relation, replica_set),) = edges(sim, "deploy/default/web")
    assert relation == "consists of"
    assert edges(sim, replica_set) == {("consists of", f"pod/{each.key}") for each in sim.list("pods")}


def test_a_class_is_pointed_out_and_not_needed() -> None:
    wanted = claim("c")
    wanted["spec"]["storageClassName"] = "fast"
    sim = settled(cluster(wanted))
    assert edges(sim, "pvc/default/c") == {("is of class", "sc/fast")}
    assert radius(sim, "sc/fast") == BlastRadius(failed="sc/fast")


def test_a_pod_that_has_ended_needs_nothing() -> None:
    made = pod("p", "c")
    made["spec"]["restartPolicy"] = "Never"
    sim = settled(cluster(volume("v"), claim("c"), made, nodes=1))
    sim.exit_container("pod/p")
    sim.settle()
    assert edges(sim, "pod/default/p") == set()


# -- volumes on nodes' disks -------------------------------------------------------------------------------------------
def test_a_host_path_volume_lies_where_its_pods_are() -> None:
    sim = settled(cluster(host_path_volume("v"), claim("c"), nodes=2))
    assert edges(sim, "pv/v") == set()
    sim.apply([pod("p", "c")])
    sim.settle()
    assert edges(sim, "pv/v") == {("lies on", f"disk/{sim.get('pod/p').spec.node_name}")}


def test_a_host_path_volume_that_is_used_on_two_nodes_is_two_directories() -> None:
    pods = [pod(name, "c") for name in ("p", "q")]
    for each, node in zip(pods, ("node01", "node02"), strict=True):
        each["spec"]["nodeName"] = node
    sim = settled(cluster(host_path_volume("v"), claim("c"), *pods, nodes=2))
    assert edges(sim, "pv/v") == {("lies partly on", "disk/node01"), ("lies partly on", "disk/node02")}
    assert radius(sim, "node/node01") == BlastRadius(
        failed="node/node01", stops=("pod/default/p",), weakened=("pv/v",), data=("pv/v",)
    )


@pytest.mark.parametrize(
    ("nodes", "expected"), [(["node02"], {("lies on", "disk/node02")}), (["node01", "node02"], set())]
)
def test_a_local_volume_lies_on_the_only_node_from_which_it_can_be_reached(
    nodes: list[str], expected: set[tuple[str, str]]
) -> None:
    sim = settled(cluster(local_volume("v", *nodes), nodes=2))
    assert edges(sim, "pv/v") == expected


# -- failures ----------------------------------------------------------------------------------------------------------
def test_a_node_takes_its_pods_and_what_is_on_its_disk() -> None:
    sim = settled(
        cluster(local_volume("v", "node01"), claim("c"), pod("p", "c"), with_volumes("q", {"emptyDir": {}}), nodes=1)
    )
    assert radius(sim, "node/node01") == BlastRadius(
        failed="node/node01",
        stops=("pod/default/p", "pod/default/q", "pvc/default/c"),
        data=("pv/v", "volume/default/q/v0"),
    )


def test_a_file_server_takes_pods_on_all_nodes_and_no_node() -> None:
    pods = [pod(name, "c") for name in ("p", "q")]
    for each, node in zip(pods, ("node01", "node02"), strict=True):
        each["spec"]["nodeName"] = node
    sim = settled(cluster(volume("v"), claim("c"), *pods, pod("r"), nodes=2))
    assert radius(sim, "backend/172.16.1.30") == BlastRadius(
        failed="backend/172.16.1.30",
        stops=("pod/default/p", "pod/default/q", "pvc/default/c"),
        data=("pv/v",),
    )


def test_a_workload_stops_with_its_last_pod_and_is_weakened_by_any_other() -> None:
    sim = settled(cluster(deployment("web", 2), nodes=2))
    (replica_set,) = sim.list("rs")
    workload = {"deploy/default/web", f"rs/{replica_set.key}"}
    one = radius(sim, "node/node01")
    assert (len(one.stops), set(one.weakened)) == (1, workload)
    sim.scale("deploy/web", 1)
    sim.settle()
    (left,) = sim.list("pods")
    all_of_it = radius(sim, f"node/{left.spec.node_name}")
    assert set(all_of_it.stops) == {f"pod/{left.key}", *workload}
    assert all_of_it.weakened == ()


def test_what_is_not_in_the_graph_cannot_fail() -> None:
    with pytest.raises(volsim.NotFound, match="'node/node1' is not in the graph; did you mean 'node/node01'"):
        radius(cluster(nodes=1), "node/node1")
    with pytest.raises(volsim.NotFound, match="'node/node1' is not in the graph"):
        radius(cluster(nodes=0), "node/node1")


# -- laws --------------------------------------------------------------------------------------------------------------
@given(strategies.clusters())
def test_every_part_of_the_graph_is_described(sim: volsim.Simulation) -> None:
    sim.settle()
    found = coupling(sim.state)
    assert {attributes["relation"] for *_, attributes in found.edges(data=True)} <= set(RELATIONS)
    for node, attributes in found.nodes(data=True):
        assert node == f"{attributes['kind']}/{attributes['name']}"
    assert networkx.is_directed_acyclic_graph(found)


@given(strategies.clusters())
def test_every_pod_of_a_node_that_fails_stops_and_each_thing_is_told_of_once(sim: volsim.Simulation) -> None:
    sim.settle()
    for node in sim.list("nodes"):
        found = radius(sim, f"node/{node.name}")
        running = {f"pod/{each.key}" for each in sim.state.pods_on(node.name) if each.status.phase == "Running"}
        assert running <= set(found.stops)
        assert not set(found.stops) & set(found.weakened)
        assert list(found.stops) == sorted(set(found.stops))


def test_networkx_is_loaded_only_by_the_graph() -> None:
    code = "import sys, volsim.analysis; assert 'networkx' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
