"""Ephemeral containers: what is added to a running pod to look into it, started once, and never changed again.

Source: KEP-277; kubelet, pkg/kubelet/kuberuntime/kuberuntime_manager.go (computePodActions, SyncPod); kube-apiserver,
pkg/apis/core/validation/validation.go (ValidatePodEphemeralContainersUpdate, validateEphemeralContainers).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import volsim
from tests.control.kubelet.pods import DEAF, WAIT, container, pod, running, said, told, wait
from volsim.errors import Invalid, NotFound


def debug(sim: volsim.Simulation, *containers: dict[str, Any], kind: str = "strategic", ref: str = "pod/p") -> Any:
    """Add containers to the pod, by its subresource."""
    patch = {"spec": {"ephemeralContainers": list(containers)}}
    return sim.patch(ref, patch, type=kind, subresource="ephemeralcontainers")


def added(sim: volsim.Simulation, name: str = "look") -> Any:
    """What the API says of an ephemeral container."""
    statuses = sim.get("pod/p").status.ephemeral_container_statuses
    return next(each for each in statuses if each.name == name)


class TestRunning:
    """It runs beside the others, which do not notice."""

    def test_it_is_started_and_nothing_else_is_restarted(self) -> None:
        sim = running(pod(container()))
        before = sim.get("pod/p").status
        debug(sim, container(name="look"))
        wait(sim, 1)
        after = sim.get("pod/p").status
        assert added(sim).state.running is not None
        assert (added(sim).ready, added(sim).started, added(sim).restart_count) == (False, None, 0)
        assert after.container_statuses == before.container_statuses
        assert after.conditions == before.conditions

    def test_it_sees_the_volumes_of_the_pod(self) -> None:
        sim = running(pod(container()))
        sim.write_file("pod/p", "/data/letter", "precious")
        debug(sim, container(name="look"))
        wait(sim, 1)
        assert sim.exec("pod/p", "cat /data/letter", container="look").stdout == "precious"

    def test_a_volume_that_nobody_used_is_mounted_for_it(self) -> None:
        sim = running(pod({"name": "app", "image": "nginx"}))
        assert not any("/volumes/" in path for path in sim.host_files("node01"))
        debug(sim, container(f"echo found > /data/log; {WAIT}", name="look"))
        wait(sim, 1)
        assert told(sim, container="look") == ["found"]

    def test_it_runs_although_an_init_container_fails(self) -> None:
        sim = running(pod(container(), initContainers=[container("exit 1", name="first")]))
        debug(sim, container(name="look"))
        wait(sim, 1)
        assert added(sim).state.running is not None
        assert sim.get("pod/p").status.phase == "Pending"

    @pytest.mark.parametrize("code", [0, 3])
    def test_it_is_never_restarted(self, code: int) -> None:
        sim = running(pod(container()))
        debug(sim, container(f"exit {code}", name="look"))
        wait(sim, 600)
        assert added(sim).state.terminated.exit_code == code
        assert added(sim).restart_count == 0
        assert sim.get("pod/p").status.phase == "Running"
        assert not said(sim, "BackOff")

    def test_a_reboot_ends_it_for_good(self) -> None:
        sim = running(pod(container()))
        debug(sim, container(name="look"))
        wait(sim, 1)
        sim.reboot_node("node01")
        wait(sim, 120)
        status = sim.get("pod/p").status
        assert status.container_statuses[0].state.running is not None
        assert added(sim).state.terminated.exit_code == 137

    def test_what_cannot_be_run_has_ended(self) -> None:
        sim = running(pod(container()))
        debug(sim, {"name": "look", "image": "busybox", "command": ["/no/such"]})
        wait(sim, 60)
        assert added(sim).state.terminated.reason == "StartError"
        assert len([text for text in said(sim, "Failed") if "/no/such" in text]) == 1


class TestEnding:
    """It keeps no pod alive, and no pod waits longer for it than its grace period."""

    def test_it_ends_with_the_pod(self) -> None:
        sim = running(pod(container()))
        debug(sim, container(name="look"))
        wait(sim, 1)
        sim.delete("pod/p")
        wait(sim, 1)
        assert sim.list("pods") == []
        assert "Stopping container look" in said(sim, "Killing")
        assert not sim.state.table("containers")

    def test_a_deaf_one_is_killed_at_the_end_of_the_grace(self) -> None:
        sim = running(pod(container()))
        debug(sim, container(DEAF, name="look"))
        wait(sim, 1)
        sim.delete("pod/p")
        wait(sim, 9)
        assert len(sim.list("pods")) == 1
        wait(sim, 2)
        assert sim.list("pods") == []

    def test_a_pod_that_has_done_its_work_does_not_wait_for_it(self) -> None:
        sim = running(pod(container("sleep 20"), restartPolicy="Never"))
        debug(sim, container(name="look"))
        wait(sim, 30)
        assert sim.get("pod/p").status.phase == "Succeeded"
        assert added(sim).state.terminated is not None

    def test_a_sidecar_does_not_wait_for_it(self) -> None:
        told_at = f"trap 'echo TERM >> /data/log' TERM; {WAIT.partition('; ')[2]}"
        sim = running(pod(container(), initContainers=[container(told_at, name="car", restartPolicy="Always")]))
        debug(sim, container(DEAF, name="look"))
        wait(sim, 1)
        sim.delete("pod/p")
        wait(sim, 1)
        assert told(sim, container="look") == ["TERM"]


class TestTheSubresource:
    """They come by `pods/ephemeralcontainers` alone, to stay as they are."""

    def test_a_second_one_joins_the_first(self) -> None:
        sim = running(pod(container()))
        debug(sim, container(name="look"))
        debug(sim, container(name="again"))
        wait(sim, 1)
        assert {each.name for each in sim.get("pod/p").spec.ephemeral_containers} == {"look", "again"}
        assert added(sim).state.running is not None
        assert added(sim, "again").state.running is not None

    def test_none_is_removed(self) -> None:
        sim = running(pod(container()))
        debug(sim, container(name="look"))
        with pytest.raises(Invalid, match='existing ephemeral containers "look" may not be removed'):
            debug(sim, container(name="again"), kind="merge")

    def test_none_is_changed(self) -> None:
        sim = running(pod(container()))
        debug(sim, container(name="look"))
        with pytest.raises(Invalid, match='existing ephemeral containers "look" may not be changed'):
            debug(sim, {"name": "look", "image": "alpine"})

    def test_nothing_else_is_changed(self) -> None:
        sim = running(pod(container()))
        patch = {"metadata": {"labels": {"a": "b"}}, "spec": {"activeDeadlineSeconds": 5}}
        sim.patch("pod/p", patch, subresource="ephemeralcontainers")
        assert sim.get("pod/p").spec.active_deadline_seconds is None

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("ports", [{"containerPort": 80}]),
            ("resources", {"requests": {"cpu": "1"}}),
            ("livenessProbe", {"exec": {"command": ["true"]}}),
            ("lifecycle", {"preStop": {"exec": {"command": ["true"]}}}),
        ],
    )
    def test_it_promises_nothing(self, field: str, value: Any) -> None:
        sim = running(pod(container()))
        with pytest.raises(Invalid, match=f"{field}: Forbidden: cannot be set for an Ephemeral Container"):
            debug(sim, container(name="look", **{field: value}))

    def test_it_mounts_no_part_of_a_volume(self) -> None:
        sim = running(pod(container()))
        mounts = [{"name": "data", "mountPath": "/data", "subPath": "part"}]
        with pytest.raises(Invalid, match="subPath: Forbidden: cannot be set for an Ephemeral Container"):
            debug(sim, {"name": "look", "image": "busybox", "volumeMounts": mounts})

    def test_an_update_of_the_pod_adds_none(self) -> None:
        sim = running(pod(container()))
        with pytest.raises(Invalid, match="pod updates may not change fields other than"):
            sim.patch("pod/p", {"spec": {"ephemeralContainers": [container(name="look")]}})

    def test_a_mirror_pod_takes_none(self) -> None:
        sim = running()
        sim.write_host_file("node01", "/etc/kubernetes/manifests/p.json", json.dumps(pod(container())))
        wait(sim, 1)
        with pytest.raises(Invalid, match="static pods do not support ephemeral containers"):
            debug(sim, container(name="look"), ref="pod/p-node01")

    @pytest.mark.parametrize(("version", "known"), [("1.22", False), ("1.23", True)])
    def test_it_is_there_since_1_23(self, version: str, known: bool) -> None:
        sim = running(pod(container()), kubernetes=version)
        if known:
            debug(sim, container(name="look"))
            assert added(wait(sim, 1)).state.running is not None
        else:
            with pytest.raises(NotFound, match="the server could not find the requested resource"):
                debug(sim, container(name="look"))

    def test_other_kinds_have_no_such_subresource(self) -> None:
        with pytest.raises(NotFound, match="the server could not find the requested resource"):
            running().patch("node/node01", {}, subresource="ephemeralcontainers")
