"""Probes: when a container has started, whether it lives and is ready.

Source: kubelet, pkg/kubelet/prober/worker.go (doProbe).
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from tests.control.kubelet.pods import WAIT, command, container, pod, running, said, status, told, wait
from volsim.programs import Pause, Process, function, register

SICK = command("[ ! -f /data/sick ]")
HTTP = {"httpGet": {"port": 80}}


def probed(script: str = WAIT, **probes: Any) -> dict[str, Any]:
    return container(script, **{f"{kind}Probe": probe for kind, probe in probes.items()})


class TestLiveness:
    """A container that fails its probe so many times in a row is killed and started again."""

    LIVENESS: ClassVar = {**SICK, "periodSeconds": 5, "failureThreshold": 3}

    def test_so_many_failures_in_a_row_restart_it(self) -> None:
        sim = running(pod(probed(f"rm -f /data/sick; {WAIT}", liveness=self.LIVENESS)))
        sim.write_file("pod/p", "/data/sick", "")
        assert status(wait(sim, 13)).restart_count == 0
        assert status(wait(sim, 4)).restart_count == 1
        assert said(sim, "Unhealthy") == ["Liveness probe failed: "] * 3
        assert said(sim, "Killing") == ["Container app failed liveness probe, will be restarted"]

    def test_a_success_between_starts_the_count_anew(self) -> None:
        sim = running(pod(probed(liveness=self.LIVENESS)))
        for _ in range(4):
            sim.write_file("pod/p", "/data/sick", "")
            wait(sim, 10)
            sim.exec("pod/p", "rm /data/sick")
            wait(sim, 5)
        assert status(sim).restart_count == 0

    def test_the_probe_has_a_grace_of_its_own(self) -> None:
        deaf = "trap '' TERM; rm -f /data/sick; sleep 10000"
        liveness = {**self.LIVENESS, "failureThreshold": 1, "terminationGracePeriodSeconds": 3}
        sim = running(pod(probed(deaf, liveness=liveness), terminationGracePeriodSeconds=600))
        sim.write_file("pod/p", "/data/sick", "")
        assert status(wait(sim, 6)).restart_count == 0
        assert status(wait(sim, 3)).restart_count == 1
        assert status(sim).last_state.terminated.exit_code == 137

    def test_it_is_in_the_back_off_like_any_other_crash(self) -> None:
        liveness = {**command("false"), "periodSeconds": 1, "failureThreshold": 1}
        sim = running(pod(probed(liveness=liveness)), for_=30)
        assert status(sim).restart_count == 2  # at once, and after 10 seconds; the next is after 20 more
        assert said(sim, "BackOff")

    def test_an_output_is_shown(self) -> None:
        liveness = {**command("echo no good; exit 1"), "periodSeconds": 1}
        sim = running(pod(probed(liveness=liveness)), for_=1.5)
        assert said(sim, "Unhealthy") == ["Liveness probe failed: no good\n"]


class TestReadiness:
    """Only a container whose probe succeeds is ready; nothing else happens to it."""

    def test_it_is_ready_as_long_as_it_answers(self) -> None:
        sim = running(pod(probed(readiness={**SICK, "periodSeconds": 1, "failureThreshold": 1})))
        assert status(sim).ready
        sim.write_file("pod/p", "/data/sick", "")
        assert not status(wait(sim, 2)).ready
        assert status(sim).restart_count == 0
        sim.exec("pod/p", "rm /data/sick")
        assert status(wait(sim, 2)).ready

    def test_delay_and_threshold_make_it_late(self) -> None:
        readiness = {**command("true"), "initialDelaySeconds": 10, "periodSeconds": 5, "successThreshold": 2}
        sim = running(pod(probed(readiness=readiness)), for_=14)
        assert not status(sim).ready
        assert status(wait(sim, 2)).ready

    def test_the_pod_is_ready_when_all_are(self) -> None:
        sim = running(pod(probed(readiness=command("false")), container(name="other")))
        conditions = {each.type: each.status for each in sim.get("pod/p").status.conditions}
        assert conditions["Ready"] == conditions["ContainersReady"] == "False"

    def test_it_runs_for_ever_without_work_that_has_to_be_waited_for(self) -> None:
        sim = running(pod(probed(readiness=command("false"))), for_=60)
        assert sim.settle() < 60


class TestStartup:
    """Until a startup probe has succeeded, the others are not asked; if it never does, the container is killed."""

    def test_the_others_are_held_back(self) -> None:
        slow = f"sleep 12; touch /data/started; {WAIT}"
        startup = {**command("[ -f /data/started ]"), "periodSeconds": 5, "failureThreshold": 10}
        liveness = {**command("[ -f /data/started ]"), "periodSeconds": 1, "failureThreshold": 1}
        sim = running(pod(probed(slow, startup=startup, liveness=liveness)), for_=11)
        assert (status(sim).started, status(sim).ready) == (False, False)
        wait(sim, 30)
        assert (status(sim).started, status(sim).ready, status(sim).restart_count) == (True, True, 0)

    def test_too_many_failures_are_the_end(self) -> None:
        startup = {**command("false"), "periodSeconds": 2, "failureThreshold": 3}
        sim = running(pod(probed(startup=startup)), for_=7)
        assert said(sim, "Killing") == ["Container app failed startup probe, will be restarted"]

    def test_a_sidecar_that_has_not_started_keeps_the_app_waiting(self) -> None:
        startup = {**command("[ -f /data/started ]"), "periodSeconds": 1, "failureThreshold": 100}
        side = {
            **probed(f"sleep 5; touch /data/started; {WAIT}", startup=startup),
            "restartPolicy": "Always",
            "name": "side",
        }
        sim = running(pod(container(f"echo app > /data/log; {WAIT}"), initContainers=[side]), for_=4)
        assert status(sim).state.waiting.reason == "PodInitializing"
        assert told(wait(sim, 3)) == ["app"]


class TestTime:
    def test_a_command_that_takes_too_long_has_failed(self) -> None:
        readiness = {**command("sleep 3"), "timeoutSeconds": 2, "periodSeconds": 10}
        sim = running(pod(probed(readiness=readiness)), for_=5)
        assert said(sim, "Unhealthy") == [
            'Readiness probe failed: command timed out: "sh -c sleep 3" timed out after 2s'
        ]

    def test_a_command_may_take_the_time_it_has(self) -> None:
        readiness = {**command("sleep 3"), "timeoutSeconds": 5, "periodSeconds": 10}
        sim = running(pod(probed(readiness=readiness)), for_=2)
        assert not status(sim).ready
        assert status(wait(sim, 2)).ready


class TestOverTheNetwork:
    """What a container would answer is not modelled: it answers if it runs, or as its program says."""

    @pytest.fixture
    def answering(self) -> str:
        def serve(process: Process, memory: Any) -> Pause:
            return Pause.serving("memory")

        def answer(process: Process, memory: Any, kind: str) -> str | None:
            return f"HTTP probe failed with statuscode: 500 ({kind})" if process.files.exists("/data/sick") else None

        register("answering", function(serve, on_probe=answer))
        return "answering"

    def test_a_server_that_runs_answers(self) -> None:
        sim = running(pod({**probed(readiness=HTTP, liveness=HTTP), "image": "nginx", "command": None}), for_=100)
        assert (status(sim).ready, status(sim).restart_count) == (True, 0)

    def test_a_program_may_answer_by_itself(self, answering: str) -> None:
        app = {
            **probed(liveness={**HTTP, "periodSeconds": 5, "failureThreshold": 2}),
            "image": answering,
            "command": None,
        }
        sim = running(pod(app))
        sim.write_file("pod/p", "/data/sick", "")
        wait(sim, 12)
        assert status(sim).restart_count == 1
        assert said(sim, "Unhealthy")[0] == "Liveness probe failed: HTTP probe failed with statuscode: 500 (liveness)"
