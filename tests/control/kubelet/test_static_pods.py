"""Static pods: what a kubelet runs because a file on its node says so, and the mirror pods that show it.

Source: kubelet, pkg/kubelet/config/{file,common}.go, pkg/kubelet/pod/mirror_client.go, kubelet.go
(tryReconcileMirrorPods); pkg/api/pod/util.go (HasAPIObjectReference).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import volsim
from tests.control.kubelet.pods import WAIT, container, pod, running, said, wait

PATH = "/etc/kubernetes/manifests/p.json"


def static(sim: volsim.Simulation, script: str = WAIT, seconds: float = 1, path: str = PATH, **spec: Any) -> Any:
    """Put a manifest onto the node, and let a while pass."""
    sim.write_host_file("node01", path, json.dumps(pod(container(script), **spec)))
    return wait(sim, seconds)


def rows(sim: volsim.Simulation) -> list[Any]:
    """The containers that run on the node, whoever knows of them."""
    return [row for row in sim.state.table("containers").values() if row.running]


class TestTheMirror:
    """The API shows what runs, and has no say in it."""

    def test_the_pod_runs_under_the_name_of_its_node(self) -> None:
        sim = static(running())
        mirror = sim.get("pod/p-node01")
        assert mirror.status.phase == "Running"
        assert mirror.spec.node_name == "node01"
        assert all(each.status == "True" for each in mirror.status.conditions)

    def test_its_annotations_and_its_owner_say_where_it_is_from(self) -> None:
        sim = static(running())
        mirror = sim.get("pod/p-node01").metadata
        found = {key.rpartition("/")[2]: value for key, value in mirror.annotations.items()}
        assert found["config.source"] == "file"
        assert found["config.hash"] == found["config.mirror"] != mirror.uid
        assert "config.seen" in found
        (owner,) = mirror.owner_references
        assert (owner.kind, owner.name, owner.controller) == ("Node", "node01", True)
        assert owner.uid == sim.get("node/node01").metadata.uid

    def test_it_tolerates_whatever_happens_to_the_node(self) -> None:
        last = static(running()).get("pod/p-node01").spec.tolerations[-1]
        assert (last.operator, last.effect, last.key) == ("Exists", "NoExecute", None)

    @pytest.mark.parametrize("force", [False, True])
    def test_a_deleted_mirror_is_made_again_and_the_process_goes_on(self, force: bool) -> None:
        sim = static(running())
        before, (process,) = sim.get("pod/p-node01"), rows(sim)
        sim.delete("pod/p-node01", force=force)
        wait(sim, 60)
        after = sim.get("pod/p-node01")
        assert after.metadata.uid != before.metadata.uid
        assert after.metadata.deletion_timestamp is None
        assert after.status.phase == "Running"
        assert rows(sim) == [process]

    def test_a_mirror_of_nothing_is_removed(self) -> None:
        mirror = pod(container(), nodeName="node01")
        mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "1234"}
        assert running(mirror).list("pods") == []

    def test_files_are_reached_through_the_mirror(self) -> None:
        sim = static(running())
        sim.write_file("pod/p-node01", "/data/letter", "precious")
        assert sim.exec("pod/p-node01", "cat /data/letter").stdout == "precious"

    def test_the_directory_of_its_volumes_has_the_hash_in_its_name(self) -> None:
        sim = static(running(), f"echo x > /data/x; {WAIT}")
        mirror = sim.get("pod/p-node01").metadata.annotations["kubernetes.io/config.mirror"]
        assert f"/var/lib/kubelet/pods/{mirror}/volumes/kubernetes.io~empty-dir/data/x" in sim.host_files("node01")

    def test_a_drain_leaves_it_alone(self) -> None:
        sim = static(running())
        (process,) = rows(sim)
        sim.drain("node01")
        wait(sim, 60)
        assert rows(sim) == [process]


class TestTheFile:
    """The file decides, and nothing else."""

    def test_its_removal_stops_the_pod(self) -> None:
        sim = static(running())
        sim.remove_host_file("node01", PATH)
        wait(sim, 1)
        assert sim.list("pods") == []
        assert rows(sim) == []
        assert not any("/var/lib/kubelet/pods/" in path for path in sim.host_files("node01"))
        assert said(sim, "Killing") == ["Stopping container app"]

    def test_another_content_is_another_pod_once_the_first_has_ended(self) -> None:
        sim = static(running(), "trap 'sleep 5; exit 0' TERM; sleep 1000 & wait")
        before = sim.get("pod/p-node01").metadata
        static(sim, f"echo second; {WAIT}")
        assert sim.get("pod/p-node01").metadata.uid == before.uid
        assert len(rows(sim)) == 1
        wait(sim, 15)
        assert sim.get("pod/p-node01").metadata.uid != before.uid
        assert len(rows(sim)) == 1
        assert rows(sim)[0].log == b"second\n"

    @pytest.mark.parametrize("text", ["", "kind: ", "\x00", '{"apiVersion": "v1", "kind": "ConfigMap"}', "a: [\n"])
    def test_what_is_no_pod_is_left_alone(self, text: str) -> None:
        sim = running()
        sim.write_host_file("node01", PATH, text)
        assert wait(sim, 1).list("pods") == []

    def test_hidden_files_are_left_alone(self) -> None:
        assert static(running(), path="/etc/kubernetes/manifests/.p.json").list("pods") == []

    def test_a_pod_may_put_it_there(self) -> None:
        text = json.dumps(pod(container(), name="q"))
        mount = [{"name": "host", "mountPath": "/host"}]
        writer = {"name": "app", "image": "busybox", "command": ["sh", "-c", WAIT], "volumeMounts": mount}
        manifest = pod(writer)
        manifest["spec"]["volumes"] = [
            {"name": "host", "hostPath": {"path": "/etc/kubernetes/manifests", "type": "DirectoryOrCreate"}}
        ]
        sim = running(manifest)
        sim.write_file("pod/p", "/host/q.json", text)
        assert wait(sim, 1).get("pod/q-node01").status.phase == "Running"

    @pytest.mark.parametrize(("version", "runs"), [("1.33", 1), ("1.34", 0)])
    def test_it_must_not_refer_to_objects_of_the_api(self, version: str, runs: int) -> None:
        env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "a", "optional": True}}}]
        sim = running(kubernetes=version)
        sim.write_host_file("node01", PATH, json.dumps(pod(container(env=env))))
        wait(sim, 1)
        assert len(rows(sim)) == runs
        assert sim.list("pods") == []  # NodeRestriction takes no mirror of it


class TestWithoutTheControlPlane:
    """A kubelet needs nobody to run them."""

    def test_it_runs_while_the_node_is_cut_off(self) -> None:
        sim = running()
        sim.partition_node("node01")
        static(sim)
        assert len(rows(sim)) == 1
        assert sim.list("pods") == []
        sim.heal_node("node01")
        wait(sim, 1)
        assert sim.get("pod/p-node01").status.phase == "Running"

    def test_it_runs_while_there_is_no_api_server(self) -> None:
        sim = running()
        sim.stop_component("kube-apiserver")
        static(sim)
        assert len(rows(sim)) == 1

    def test_it_is_started_after_a_reboot_of_a_node_that_is_cut_off(self) -> None:
        sim = static(running())
        sim.partition_node("node01")
        sim.reboot_node("node01")
        wait(sim, 1)
        (process,) = rows(sim)
        assert (process.boot, process.restarts) == (2, 1)

    def test_it_is_not_evicted_from_a_node_that_is_silent(self) -> None:
        sim = static(running())
        sim.stop_kubelet("node01")
        wait(sim, 1000)
        sim.start_kubelet("node01")
        wait(sim, 60)
        mirror = sim.get("pod/p-node01")
        assert mirror.metadata.deletion_timestamp is None
        assert {each.type: each.status for each in mirror.status.conditions}["Ready"] == "True"

    def test_a_file_is_not_read_while_the_kubelet_does_not_run(self) -> None:
        sim = running()
        sim.stop_kubelet("node01")
        static(sim)
        assert rows(sim) == []
        sim.start_kubelet("node01")
        assert len(rows(wait(sim, 1))) == 1
