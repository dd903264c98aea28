"""hostPath: a directory of the node, whoever is scheduled there; it knows nothing of pods.

Source: kubelet, pkg/volume/hostpath/host_path.go; https://kubernetes.io/docs/concepts/storage/volumes/#hostpath
"""

from __future__ import annotations

import pytest

import volsim
from tests.tutorial.conftest import Article

CA = "/etc/kubernetes/pki/ca.crt"


def read(article: Article) -> bytes:
    return article.sim.read_file("pod/kube-apiserver", CA, namespace="kube-system")


def test_two_pods_on_one_node_see_each_others_writes(article: Article) -> None:
    article.apply("kube-apiserver.yaml", "certs.yaml")
    assert article.sim.get("pod/kube-apiserver", "kube-system").status.phase == "Running"
    assert read(article) == b"the CA of this cluster\n"


@pytest.mark.parametrize("path", ["/etc/ssl/certs/x", "/etc/pki/x", "/etc/kubernetes/pki/x"])
def test_a_read_only_mount_refuses_writes(article: Article, path: str) -> None:
    article.apply("kube-apiserver.yaml")
    with pytest.raises(volsim.FileError, match="Read-only file system") as caught:
        article.sim.write_file("pod/kube-apiserver", path, b"x", namespace="kube-system")
    assert caught.value.errno == 30
    result = article.sim.exec("pod/kube-apiserver", ["sh", "-c", f"echo x > {path}"], namespace="kube-system")
    assert result.exit_code != 0
    assert "Read-only file system" in result.stderr


def test_directory_or_create_makes_the_directories_on_the_node(article: Article) -> None:
    article.apply("kube-apiserver.yaml")
    result = article.sim.exec("pod/kube-apiserver", "ls /etc/pki", namespace="kube-system")
    assert (result.stdout, result.exit_code) == ("", 0)


def test_the_directory_outlives_its_pods(article: Article) -> None:
    article.apply("kube-apiserver.yaml", "certs.yaml")
    for pod in ("kube-apiserver", "certs"):
        article.sim.delete(f"pod/{pod}", namespace="kube-system")
    article.sim.settle()
    assert article.sim.list("pods", "kube-system") == []
    assert article.sim.host_files("master")[CA] == b"the CA of this cluster\n"
    article.apply("kube-apiserver.yaml")
    assert read(article) == b"the CA of this cluster\n"


def test_while_the_node_is_down_nobody_can_read_it_and_afterwards_it_is_all_there(article: Article) -> None:
    article.apply("kube-apiserver.yaml", "certs.yaml")
    article.sim.fail_node("master")
    with pytest.raises(volsim.Unreachable, match="master"):
        read(article)
    with pytest.raises(volsim.Unreachable, match="master"):
        article.sim.host_files("master")
    article.sim.recover_node("master")
    article.sim.run("1m")
    assert read(article) == b"the CA of this cluster\n"


def test_a_destroyed_node_takes_it_along(article: Article) -> None:
    article.apply("kube-apiserver.yaml", "certs.yaml")
    article.sim.destroy_node("master")
    with pytest.raises(volsim.VolsimError, match="master"):
        article.sim.recover_node("master")
    with pytest.raises(volsim.Unreachable):
        article.sim.host_files("master")


def test_a_rescheduled_pod_sees_the_other_nodes_directory(article: Article) -> None:
    article.apply("kube-apiserver.yaml", "certs.yaml")
    article.sim.delete("pod/kube-apiserver", namespace="kube-system")
    article.sim.settle()
    article.apply("kube-apiserver-node01.yaml")
    with pytest.raises(volsim.FileError, match="No such file or directory"):
        read(article)


def test_a_database_on_a_host_path_loses_its_row_with_its_node_and_finds_it_there_again(article: Article) -> None:
    article.apply("mysql-hostpath.yaml")
    article.create_row()
    node = article.power_off_node_of_mysql()
    assert not article.has_row()
    article.sim.recover_node(node)
    article.sim.run("2m")
    assert any(path.startswith("/data/mysql/") for path in article.sim.host_files(node)), "the bytes never left"
