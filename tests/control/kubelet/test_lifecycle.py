"""Hooks: what runs after a container's start and before its stop, and what waits for it.

Source: kubelet, pkg/kubelet/kuberuntime/kuberuntime_container.go (startContainer, executePreStopHook).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.kubelet.pods import DEAF, WAIT, command, container, pod, running, said, status, told, wait


def hooked(script: str = WAIT, **hooks: Any) -> dict[str, Any]:
    return container(script, lifecycle=hooks)


class TestPostStart:
    """A container is not shown as running, and nothing is started after it, until its postStart hook has ended."""

    def test_the_next_container_waits_for_the_hook(self) -> None:
        first = hooked(postStart=command("sleep 5; echo hook >> /data/log"))
        second = container(f"echo second >> /data/log; {WAIT}", name="second")
        sim = running(pod(first, second))
        assert [status(sim, each).state.running for each in ("app", "second")] == [None, None]
        assert sim.get("pod/p").status.phase == "Pending"
        wait(sim, 5)
        assert told(sim) == ["hook", "second"]
        assert sim.get("pod/p").status.phase == "Running"

    def test_a_hook_that_fails_kills_its_container_and_the_restart_policy_decides(self) -> None:
        sim = running(pod(hooked(f"echo start >> /data/log; {WAIT}", postStart=command("exit 3"))), for_=5)
        assert said(sim, "FailedPostStartHook")[0] == "PostStartHook failed"
        assert said(sim, "Killing")[0] == "FailedPostStartHook"
        assert status(sim).restart_count == 1  # and the next after 10 seconds
        wait(sim, 8)
        assert status(sim).restart_count == 2

    def test_sleep_takes_its_time(self) -> None:
        sim = running(pod(hooked(postStart={"sleep": {"seconds": 4}})), for_=3)
        assert status(sim).state.running is None
        assert status(wait(sim, 2)).state.running is not None

    def test_what_cannot_be_run_fails(self) -> None:
        sim = running(pod(hooked(postStart={"exec": {"command": ["/no/such"]}}), restartPolicy="Never"), for_=20)
        assert said(sim, "FailedPostStartHook") == ["PostStartHook failed"]

    def test_a_crash_cuts_the_hook_short(self) -> None:
        first = hooked(postStart=command("sleep 100"))
        sim = running(pod(first, container(name="second"), restartPolicy="Never"))
        assert status(sim, "second").state.running is None
        sim.crash_container("pod/p", "app")
        wait(sim, 1)
        assert said(sim, "FailedPostStartHook") == ["PostStartHook failed"]
        assert status(sim, "second").state.running is not None


class TestPreStop:
    """A preStop hook runs before TERM and uses up the grace; at its end comes TERM, and two seconds later KILL."""

    def test_term_comes_after_the_hook(self) -> None:
        script = f"trap 'echo TERM >> /data/log; exit 0' TERM; {WAIT.partition('; ')[2]}"
        hook = command("echo hook >> /data/log; sleep 3")
        sim = running(pod(hooked(script, preStop=hook), container(DEAF, name="deaf")))
        sim.delete("pod/p")
        assert told(wait(sim, 2.5), container="deaf") == ["hook"]
        assert told(wait(sim, 1), container="deaf") == ["hook", "TERM"]

    @pytest.mark.parametrize(("hook", "dead_after"), [("sleep 3", 10), ("sleep 9", 11), ("sleep 60", 12)])
    def test_the_hook_uses_up_the_grace_but_for_two_seconds(self, hook: str, dead_after: int) -> None:
        sim = running(pod(hooked(DEAF, preStop=command(hook))))
        sim.delete("pod/p")
        wait(sim, dead_after - 0.5)
        assert len(sim.list("pods")) == 1
        wait(sim, 1)
        assert sim.list("pods") == []
        assert bool(said(sim, "FailedPreStopHook")) is (hook == "sleep 60")  # it was cut short

    def test_there_is_no_time_for_a_hook_without_grace(self) -> None:
        sim = running(pod(hooked(f"{WAIT}", preStop=command("echo hook > /data/log; sleep 5"))))
        sim.delete("pod/p", force=True)
        wait(sim, 1)
        assert sim.list("pods") == []
        assert not any(path.endswith("/log") for path in sim.host_files("node01"))

    def test_a_crash_has_no_hook(self) -> None:
        sim = running(pod(hooked(preStop=command("echo hook >> /data/log"))))
        sim.crash_container("pod/p")
        wait(sim, 1)
        assert not any(path.endswith("/log") for path in sim.host_files("node01"))

    def test_a_crash_while_it_runs_is_its_end(self) -> None:
        sim = running(pod(hooked(preStop=command("sleep 60")), terminationGracePeriodSeconds=100))
        sim.delete("pod/p")
        wait(sim, 1)
        sim.crash_container("pod/p")
        wait(sim, 1)
        assert said(sim, "FailedPreStopHook") == ["PreStopHook failed"]
        assert sim.list("pods") == []

    def test_a_hook_may_end_its_own_container(self) -> None:
        sim = running(pod(hooked(preStop=command("kill 1; sleep 5"))))
        sim.delete("pod/p")
        wait(sim, 1)
        assert sim.list("pods") == []
