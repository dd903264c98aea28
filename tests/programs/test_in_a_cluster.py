"""Programs in the containers of a cluster: their logs, their signals, their end.

Source: kubelet, pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer).
"""

from __future__ import annotations

import pytest

import volsim
from volsim.programs import Pause, Process, function, register

POD = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  restartPolicy: %s
  terminationGracePeriodSeconds: 30
  containers:
  - name: c
    image: %s
    command: %s
    tty: %s
"""


def simulation(
    command: str, *, image: str = "busybox", restart: str = "Never", tty: str = "false"
) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=1)
    sim.apply(POD % (restart, image, command, tty))
    sim.run("5s")
    return sim


def test_a_log_has_output_and_errors_in_their_order() -> None:
    sim = simulation("[sh, -c, 'echo one; echo two >&2; echo three']")
    assert sim.kubectl("logs p") == "one\ntwo\nthree\n"
    assert sim.get("pod/p").status.phase == "Succeeded"


def test_a_trap_ends_a_pod_before_its_grace_period() -> None:
    for script, seconds in (
        ("trap 'exit 0' TERM; sleep 1000 & wait", 0),
        ("trap 'exit 0' TERM; while true; do sleep 10; done", 5),
        ("while true; do sleep 10; done", 30),
    ):
        sim = simulation(f'[sh, -c, "{script}"]')
        start = sim.now
        sim.delete("pod/p")
        sim.settle()
        assert sim.now - start == pytest.approx(seconds, abs=1.5), script


def test_a_signal_does_not_cut_a_sleep_short() -> None:
    sim = simulation("""[sh, -c, "trap 'echo got' TERM; sleep 20"]""")
    sim.delete("pod/p")
    sim.run("12s")
    assert sim.get("pod/p").metadata.deletion_timestamp is not None, "17 s have passed"
    sim.run("6s")
    with pytest.raises(volsim.NotFound):
        sim.get("pod/p")


def test_kill_1_reaches_the_containers_own_process() -> None:
    sim = simulation("[nginx]", image="nginx", restart="Always")
    assert sim.exec("pod/p", "kill 1").exit_code == 0
    sim.run("2s")
    status = sim.get("pod/p").status.container_statuses[0]
    assert (status.restart_count, status.last_state.terminated.exit_code) == (1, 0)


def test_kill_1_is_dropped_by_a_shell_and_kill_9_by_everything() -> None:
    sim = simulation("[sh, -c, 'sleep 1000']", restart="Always")
    for line in ("kill 1", "kill -9 1"):
        sim.exec("pod/p", line)
        sim.run("2s")
    assert sim.get("pod/p").status.container_statuses[0].restart_count == 0


def test_a_shell_on_a_terminal_waits_for_ever() -> None:
    assert simulation("[sh]", tty="true").get("pod/p").status.phase == "Running"
    assert simulation("[sh]").get("pod/p").status.phase == "Succeeded"


def test_an_exec_that_sleeps_lets_time_pass() -> None:
    sim = simulation("[sleep, '1000']")
    before = sim.now
    assert sim.exec("pod/p", ["sh", "-c", "echo a; sleep 3; echo b"]).stdout == "a\nb\n"
    assert sim.now - before == pytest.approx(3, abs=0.5)


def test_a_command_that_is_not_there_is_a_start_error() -> None:
    sim = simulation("[nope]")
    state = sim.get("pod/p").status.container_statuses[0].state.terminated
    assert state.reason == "StartError"


def test_a_loop_leaves_the_state_as_it_was_but_for_what_it_writes() -> None:
    sim = simulation("[sh, -c, 'while true; do sleep 60; done']", restart="Always")
    memories = set()
    uid = sim.get("pod/p").metadata.uid
    for _ in range(3):
        sim.run("60s")
        memories.add(sim.state.get("containers", f"{uid}/c").memory)
    assert len(memories) == 1


def test_your_own_image_runs_in_a_pod() -> None:
    def writer(process: Process, memory: int | None) -> Pause:
        process.print(f"tick {memory or 0}")
        return Pause.sleeping(60_000_000, memory=(memory or 0) + 1)

    register("ticker", function(writer))
    sim = volsim.Simulation(nodes=1)
    sim.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "t"},
            "spec": {"containers": [{"name": "c", "image": "x/ticker:1"}]},
        }
    )
    sim.run("130s")
    fork = sim.fork()
    fork.run("60s")
    assert sim.kubectl("logs t") == "tick 0\ntick 1\ntick 2\n"
    assert fork.kubectl("logs t").endswith("tick 3\n")


@pytest.mark.parametrize("before", [Pause.serving(), Pause.sleeping(3_600_000_000)])
def test_a_program_that_a_signal_wakes_goes_on_in_time(before: Pause) -> None:
    def answer(process: Process, memory: str | None) -> Pause:
        process.print("done" if memory else "waiting")
        return before

    def hear(process: Process, memory: str | None, name: str) -> Pause | None:
        return Pause.sleeping(2_000_000, memory="called") if name == "USR1" else None

    register("doorman", function(answer, on_signal=hear))
    sim = simulation("[doorman]", image="doorman", restart="Always")
    assert sim.exec("pod/p", "kill -USR1 1").exit_code == 0
    sim.run("1s")
    assert sim.kubectl("logs p") == "waiting\n"
    sim.run("2s")
    assert sim.kubectl("logs p") == "waiting\ndone\n"
