"""A database on an NFS claim: the data is where no pod and no node can take it along.

Source: the tutorial; kube-controller-manager's persistent volume, node lifecycle and taint eviction controllers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest

import volsim
from tests.tutorial.conftest import MANIFESTS, Article


@pytest.fixture
def database(article: Article) -> Article:
    """The article's claim with the article's database on it, and one row in it."""
    article.apply("nfs-pv.yaml", "nfs-pvc.yaml", "mysql-pod.yaml")
    article.create_row()
    return article


def test_the_volume_is_available_until_the_claim_binds_it(article: Article) -> None:
    article.apply("nfs-pv.yaml")
    assert article.sim.get("pv/nfs-pv").status.phase == "Available"
    article.apply("nfs-pvc.yaml")
    volume, claim = article.sim.get("pv/nfs-pv"), article.sim.get("pvc/nfs-pvc")
    assert (volume.status.phase, claim.status.phase) == ("Bound", "Bound")
    assert claim.spec.volume_name == "nfs-pv"
    assert (volume.spec.claim_ref.namespace, volume.spec.claim_ref.name) == ("default", "nfs-pvc")
    assert volume.spec.claim_ref.uid == claim.metadata.uid


def test_the_old_deployment_is_converted_and_its_selector_is_the_templates_labels(article: Article) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        article.sim.apply(MANIFESTS / "mysql-pod.yaml")
    deployment = article.sim.get("deploy/mysql")
    assert deployment.api_version == "apps/v1"
    assert dict(deployment.spec.selector.match_labels) == {"app": "mysql"}
    removed = [str(each.message) for each in caught if issubclass(each.category, volsim.ApiWarning)]
    assert bool(removed) == (article.kubernetes == "1.36"), "1.15 still served it"


def test_the_row_is_stored_on_the_nfs_server_and_on_no_node(database: Article) -> None:
    pod = database.sim.get(f"pod/{database.mysql()}")
    files = database.sim.host_files(pod.spec.node_name)
    assert not any(b"zhangsan" in content for content in files.values())
    backend = database.sim.state.get("backends", "172.16.1.30")
    assert backend is not None
    assert database.has_row()


def test_a_deleted_pod_is_replaced_under_a_new_name_and_finds_the_row(database: Article) -> None:
    old = database.sim.get(f"pod/{database.mysql()}")
    database.sim.delete(f"pod/{old.metadata.name}")
    database.sim.run("40s")
    new = database.sim.get(f"pod/{database.mysql()}")
    assert new.metadata.name != old.metadata.name
    assert new.metadata.uid != old.metadata.uid
    assert database.has_row()


def test_a_dead_node_is_found_out_after_the_grace_period(database: Article) -> None:
    node = database.sim.get(f"pod/{database.mysql()}").spec.node_name
    database.sim.fail_node(node)
    grace = {"1.15": 40, "1.36": 50}[database.kubernetes]
    passed = database.sim.run(until=lambda sim: ready(sim, node) == "Unknown", limit="5m")
    assert grace - 10 <= passed <= grace + 15
    database.sim.run("1s")  # the taint is the work of the controller's next pass
    taints = {(taint.key, taint.effect) for taint in database.sim.get(f"node/{node}").spec.taints}
    assert ("node.kubernetes.io/unreachable", "NoSchedule") in taints


def ready(sim: volsim.Simulation, node: str) -> str:
    return str(next(each.status for each in sim.get(f"node/{node}").status.conditions if each.type == "Ready"))


def test_its_pod_is_left_terminating_and_a_replacement_runs_elsewhere_with_the_row(database: Article) -> None:
    old = database.sim.get(f"pod/{database.mysql()}")
    start = database.sim.now
    node = database.power_off_node_of_mysql()
    assert 330 <= database.sim.now - start <= 370, "the grace period, then five minutes of toleration"
    left = database.sim.get(f"pod/{old.metadata.name}")
    assert left.metadata.uid == old.metadata.uid
    assert left.metadata.deletion_timestamp is not None
    assert database.sim.get(f"pod/{database.mysql()}").spec.node_name != node
    assert database.has_row()
    table = database.kubectl("get pod -o wide")
    assert [line.split()[2] for line in table.splitlines()[1:]].count("Terminating") == 1
    assert "NotReady" in database.kubectl("get nodes")


def test_the_old_pod_goes_when_its_node_is_back(database: Article) -> None:
    old = database.mysql()
    node = database.power_off_node_of_mysql()
    database.sim.run("1h")
    assert database.sim.get(f"pod/{old}").metadata.deletion_timestamp is not None, "however long one waits"
    database.sim.recover_node(node)
    database.sim.run("1m")
    with pytest.raises(volsim.NotFound):
        database.sim.get(f"pod/{old}")
    assert ready(database.sim, node) == "True"
    assert not database.sim.get(f"node/{node}").spec.taints
    assert database.has_row()


def test_recycling_a_released_volume_scrubs_it(database: Article) -> None:
    database.sim.delete("deploy/mysql")
    database.sim.delete("pvc/nfs-pvc")
    database.sim.settle()
    volume = database.sim.get("pv/nfs-pv")
    assert volume.status.phase == "Available"
    assert volume.spec.claim_ref is None
    database.apply("nfs-pvc.yaml", "mysql-pod.yaml")
    assert not database.has_row(), "Recycle means that the bytes are removed"


def test_the_same_seed_gives_the_same_trace(article_of: Callable[[str], Article]) -> None:
    traces = []
    for _ in range(2):
        article = article_of("1.36")
        article.apply("nfs-pv.yaml", "nfs-pvc.yaml", "mysql-pod.yaml")
        article.power_off_node_of_mysql()
        traces.append("\n".join(map(str, article.sim.trace)))
    assert traces[0] == traces[1]
