"""emptyDir: an empty directory that lives exactly as long as its pod.

Source: kubelet, pkg/volume/emptydir/empty_dir.go; https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
"""

from __future__ import annotations

import pytest

import volsim
from tests.tutorial.conftest import Article


def hello_of(article: Article) -> tuple[str, str]:
    """The node of the pod and the path of the file on its disk."""
    pod = article.sim.get("pod/read-write")
    path = f"/var/lib/kubelet/pods/{pod.metadata.uid}/volumes/kubernetes.io~empty-dir/share-volume/hello"
    return pod.spec.node_name, path


def test_both_containers_read_what_one_has_written(article: Article) -> None:
    article.apply("emptydir.yaml")
    for container, path in (("read", "/read/hello"), ("write", "/write/hello")):
        result = article.sim.exec("pod/read-write", f"cat {path}", container=container)
        assert (result.stdout, result.exit_code) == ("hello volumes\n", 0)


def test_the_reading_container_has_printed_it(article: Article) -> None:
    article.apply("emptydir.yaml")
    assert article.kubectl("logs read-write -c read") == "hello volumes\n"


def test_the_bytes_lie_on_the_disk_of_its_node_and_on_no_other(article: Article) -> None:
    article.apply("emptydir.yaml")
    node, path = hello_of(article)
    assert article.sim.host_files(node)[path] == b"hello volumes\n"
    for other in {"master", "node01", "node02"} - {node}:
        assert path not in article.sim.host_files(other)


def test_a_container_that_crashes_keeps_the_volume_and_loses_its_own_layer(article: Article) -> None:
    article.apply("emptydir.yaml")
    uid = article.sim.get("pod/read-write").metadata.uid
    article.sim.write_file("pod/read-write", "/write/kept", b"k", container="write")
    article.sim.write_file("pod/read-write", "/lost", b"l", container="write")
    article.sim.crash_container("pod/read-write", "write")
    article.sim.run("1s")
    pod = article.sim.get("pod/read-write")
    assert pod.metadata.uid == uid
    assert {status.name: status.restart_count for status in pod.status.container_statuses} == {"write": 1, "read": 0}
    assert article.sim.read_file("pod/read-write", "/write/kept", container="write") == b"k"
    with pytest.raises(volsim.FileError, match="/lost: No such file or directory"):
        article.sim.read_file("pod/read-write", "/lost", container="write")


def test_deleting_the_pod_removes_the_directory(article: Article) -> None:
    article.apply("emptydir.yaml")
    node, path = hello_of(article)
    article.sim.delete("pod/read-write")
    assert path in article.sim.host_files(node), "its containers have the grace period"
    article.sim.settle()
    assert [name for name in article.sim.host_files(node) if "read-write" in name or path in name] == []
    with pytest.raises(volsim.NotFound, match='pods "read-write" not found'):
        article.sim.get("pod/read-write")


def test_a_shell_as_first_process_takes_the_whole_grace_period(article: Article) -> None:
    article.apply("emptydir.yaml")
    start = article.sim.now
    article.sim.delete("pod/read-write")
    article.sim.settle()
    assert article.sim.now - start == pytest.approx(30, abs=1)


def test_a_reboot_keeps_an_empty_dir_on_disk_and_loses_one_in_memory(article: Article) -> None:
    article.sim.apply(
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: two}
        spec:
          containers:
          - name: main
            image: busybox
            command: [sleep, "100000"]
            volumeMounts: [{name: disk, mountPath: /disk}, {name: memory, mountPath: /memory}]
          volumes:
          - {name: disk, emptyDir: {}}
          - {name: memory, emptyDir: {medium: Memory}}
        """
    )
    article.sim.run("10s")
    article.sim.write_file("pod/two", "/disk/f", b"d")
    article.sim.write_file("pod/two", "/memory/g", b"m")
    article.sim.crash_container("pod/two")
    article.sim.run("1s")
    assert article.sim.read_file("pod/two", "/memory/g") == b"m", "a crash of the container is no reboot"
    pod = article.sim.get("pod/two")
    article.sim.fail_node(pod.spec.node_name)
    article.sim.recover_node(pod.spec.node_name)
    article.sim.run("20s")
    again = article.sim.get("pod/two")
    assert again.metadata.uid == pod.metadata.uid
    assert again.status.phase == "Running"
    assert article.sim.read_file("pod/two", "/disk/f") == b"d"
    with pytest.raises(volsim.FileError, match="/memory/g: No such file or directory"):
        article.sim.read_file("pod/two", "/memory/g")


def test_eviction_and_rescheduling_start_with_an_empty_one(article: Article) -> None:
    article.apply("mysql-emptydir.yaml")
    article.create_row()
    assert article.has_row()
    node = article.power_off_node_of_mysql()
    assert not article.has_row()
    article.sim.recover_node(node)
    article.sim.run("2m")
    assert [path for path in article.sim.host_files(node) if "mysql-pv-storage" in path] == []
