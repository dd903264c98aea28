"""Bad states that need an interleaving: found where they can be, shown absent where they cannot."""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.exploration.clusters import claim, cluster, deployment, pod, settled, volume
from volsim import Faults, properties
from volsim.exploration import Order

DRIVER = "csi.example.com"


def given_to(name: str) -> properties.Property:
    def holds(sim: volsim.Simulation) -> bool:
        return bool(sim.get(f"pvc/{name}").status.phase == "Bound")

    return properties.sometimes(f"claim {name} gets the volume", holds)


@pytest.mark.parametrize("order", list(Order))
def test_a_volume_name_alone_reserves_nothing(order: Order) -> None:
    mine = claim("mine")
    mine["spec"]["volumeName"] = "v"
    report = volsim.explore(
        cluster(volume("v"), mine, claim("other")), properties=[given_to("mine"), given_to("other")], order=order
    )
    assert report.ok


@pytest.mark.parametrize("order", list(Order))
def test_a_claim_ref_reserves_the_volume_in_every_order(order: Order) -> None:
    reserved = volume("v")
    reserved["spec"]["claimRef"] = {"namespace": "default", "name": "mine"}
    report = volsim.explore(
        cluster(reserved, claim("mine"), claim("other")), properties=[given_to("mine"), given_to("other")], order=order
    )
    assert report.complete
    assert [violation.name for violation in report.violations] == ["claim other gets the volume"]


def provisioned(version: str) -> volsim.Simulation:
    """A claim whose volume a driver has provisioned, with the policy Delete."""
    sim = volsim.Simulation(nodes=0, kubernetes=version)
    sim.install_csi_driver(DRIVER)
    storage_class = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}}
    wanted = claim("c")
    wanted["spec"]["storageClassName"] = "fast"
    sim.apply([{**storage_class, "provisioner": DRIVER}, wanted])
    return settled(sim)


@pytest.mark.parametrize(("version", "leaks"), [("1.30", True), ("1.31", False), ("1.33", False)])
def test_whoever_is_deleted_first_decides_whether_the_disk_is_freed(version: str, leaks: bool) -> None:
    sim = provisioned(version)
    volume_name = sim.get("pvc/c").spec.volume_name
    both = [f"kubectl delete pv {volume_name} --wait=false", "kubectl delete pvc c --wait=false"]
    disks = len(sim.state.table("backends"))
    assert disks == 1

    def all_gone(sim: volsim.Simulation) -> bool:
        return not sim.list("pv") and not sim.list("pvc")

    def is_freed(sim: volsim.Simulation) -> bool:
        return not all_gone(sim) or len(sim.state.table("backends")) == 0

    report = volsim.explore(
        sim,
        faults=Faults(user_actions=both),
        properties=[
            properties.sometimes("all is gone", all_gone),
            properties.eventually("the disk is freed", is_freed),
        ],
    )
    assert report.complete
    assert [violation.name for violation in report.violations] == (["the disk is freed"] if leaks else [])
    if leaks:
        told = str(report.violations[0].story)
        assert told.index(f"kubectl delete pv {volume_name}") < told.index("kubectl delete pvc c")


def rolling(strategy: str) -> volsim.Simulation:
    """A Deployment of one replica with a disk that can be on one node only, on two nodes."""
    sim = volsim.Simulation(nodes=2)
    sim.install_csi_driver(DRIVER)
    wanted, workload = claim("data"), deployment("web", 1)
    wanted["spec"]["storageClassName"] = "fast"
    spec: dict[str, Any] = workload["spec"]
    spec["strategy"] = {"type": strategy}
    spec["template"]["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    spec["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    storage_class = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}}
    sim.apply([{**storage_class, "provisioner": DRIVER}, wanted, workload])
    return settled(sim)


def is_rolled_out(sim: volsim.Simulation) -> bool:
    """Whether nobody has begun, or all is done."""
    web = sim.get("deploy/web")
    if web.metadata.generation == 1:
        return True
    status = web.status
    counts = {status.updated_replicas, status.ready_replicas, status.replicas}
    return status.observed_generation == 2 and counts == {1}


@pytest.mark.parametrize(("strategy", "may_stop"), [("RollingUpdate", True), ("Recreate", False)])
def test_a_rolling_update_stops_where_the_new_pod_is_placed_elsewhere(strategy: str, may_stop: bool) -> None:
    report = volsim.explore(
        rolling(strategy),
        faults=Faults(user_actions=["kubectl rollout restart deploy/web"]),
        properties=[
            properties.sometimes("it begins", lambda sim: sim.get("deploy/web").metadata.generation == 2),
            properties.eventually("it is rolled out", is_rolled_out),
        ],
    )
    assert report.complete
    assert [violation.name for violation in report.violations] == (["it is rolled out"] if may_stop else [])
    if may_stop:
        assert "attached" in str(report.violations[0].story)


def test_a_forced_deletion_on_a_node_that_is_cut_off_makes_an_identity_twice() -> None:
    workload = deployment("db", 1)
    workload["kind"] = "StatefulSet"
    workload["spec"]["serviceName"] = "db"
    sim = settled(cluster(workload, nodes=2))
    forced = "kubectl delete pod db-0 --force --grace-period=0 --wait=false"
    once = properties.one_identity("sts/db")
    report = volsim.explore(sim, faults=Faults(partitions=1, user_actions=[forced]), properties=[once])
    assert [violation.name for violation in report.violations] == [once.name]
    told = report.violations[0].story.told()
    assert "cut off" in told[0] or "cut off" in told[1]
    assert volsim.explore(sim, faults=Faults(partitions=1), properties=[once]).ok


# -- whoever is slow ---------------------------------------------------------------------------------------------------
def spared(sim: volsim.Simulation) -> bool:
    """Whether no pod was evicted from a node that had been heard for a while (kubernetes/kubernetes#53423)."""
    for each in sim.list("pods"):
        if each.metadata.deletion_timestamp is not None:
            machine = sim.state.get("machines", each.spec.node_name)
            asked_us = each.metadata.deletion_timestamp - each.metadata.deletion_grace_period_seconds * 1_000_000
            if machine.answers and machine.changed_us < asked_us:
                return False
    return True


@pytest.mark.parametrize("order", list(Order))
def test_a_node_that_is_back_in_time_keeps_its_pods_unless_somebody_is_slow(order: Order) -> None:
    """Back after 200 s of the 300 s that a pod tolerates; but whoever takes the taint away does not come to it."""
    sim = settled(cluster(pod("p"), nodes=2))
    sim.run("1h")
    kept = properties.always("a node that is back keeps its pods", spared)
    report = volsim.explore(sim, faults=Faults(partitions=1), properties=[kept], order=order)
    assert report.complete
    assert report.ok is (order is not Order.SLOW)
    if order is Order.SLOW:
        told = [line.strip().partition("  ")[2] for line in report.violations[0].story.told()]
        back = next(at for at, line in enumerate(told) if "reconnect" in line)
        assert told[back + 1].startswith("clock: goes on to taint-eviction: default/p, before ")
        assert "node-lifecycle: " in told[back + 1]
        assert told[back + 2].startswith("taint-eviction: evict pod default/p")
