"""A shell pauses in the middle of anything and goes on there; what it is meanwhile is a value.

Source: POSIX.1-2017, XCU 2.9 and 2.11 (signals and error handling); pid_namespaces(7).
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.programs.box import Box
from volsim.objects._record import FrozenDict
from volsim.programs.process import Pause
from volsim.state.fingerprint import fingerprint

CONSTRUCTS = [
    ("echo a; sleep 1; echo b", "a\nb\n", 1),
    ("for i in 1 2 3; do echo $i; sleep 2; done; echo end", "1\n2\n3\nend\n", 6),
    ("i=0; while [ $i -lt 2 ]; do i=$((i+1)); sleep 5; echo $i; done", "1\n2\n", 10),
    ("while sleep 1; do echo x; break; done", "x\n", 1),
    ("if sleep 1; then echo a; else echo b; fi", "a\n", 1),
    ("sleep 1 && echo a || echo b", "a\n", 1),
    ("! sleep 1; echo $?", "1\n", 1),
    ("case x in x) sleep 1; echo in;; esac; echo out", "in\nout\n", 1),
    ("f() { sleep 1; echo $1; local y=2; sleep 1; return $y; }; f a; echo $?", "a\n2\n", 2),
    ("(sleep 1; echo sub; exit 3); echo $?", "sub\n3\n", 1),
    ("{ sleep 1; echo group; } > /t; cat /t", "group\n", 1),
    ("x=$(sleep 2; echo late); echo $x", "late\n", 2),
    ("echo a$(sleep 1)b `sleep 1; echo c`", "ab c\n", 2),
    ("(sleep 1; echo a) | (sleep 3; cat)", "a\n", 3),
    ("sleep 1 | sleep 3 | sleep 2; echo done", "done\n", 3),
    ("echo x | while read y; do sleep 1; echo $y; done", "x\n", 1),
    ("eval 'sleep 1; echo eval'", "eval\n", 1),
    ("trap 'sleep 1; echo bye' EXIT; sleep 1", "bye\n", 2),
    ("sleep 2 & sleep 1; echo first; wait; echo both", "first\nboth\n", 2),
    ("(sleep 3; echo slow) & (sleep 1; echo fast) & wait", "fast\nslow\n", 3),
    ("sleep 1 & exec sleep 5", "", 5),
    ("sh -c 'sleep 1; echo inner'; echo outer", "inner\nouter\n", 1),
    ("env A=1 sh -c 'sleep 1; echo $A'", "1\n", 1),
    ("timeout 3 sh -c 'sleep 1; echo a; sleep 5; echo b'; echo $?", "a\n143\n", 3),
    ("cat <<E | (sleep 1; cat)\nhere\nE", "here\n", 1),
    ("sleep 0.5 0.5; sleep 1m; date +%M:%S", "01:01\n", 61),
    ("exec 3< /f; read a <&3; sleep 1; read b <&3; echo $a $b", "1 2\n", 1),
    ("set -e; sleep 1; echo a; false; echo b", "a\n", 1),
]


@pytest.mark.parametrize(("script", "expected", "seconds"), CONSTRUCTS)
def test_a_script_sleeps_in_any_construct_and_goes_on_there(script: str, expected: str, seconds: float) -> None:
    ran = Box(files={"/f": "1\n2\n"}).sh(script)
    assert (ran.stdout, ran.stderr, ran.seconds) == (expected, "", seconds)


def is_a_value(memory: Any) -> bool:
    """Whether a pause remembers nothing that could not be forked, compared and saved."""
    return isinstance(fingerprint(memory), int) and memory == copy.deepcopy(memory)


@pytest.mark.parametrize("script", [script for script, _, _ in CONSTRUCTS])
def test_what_it_remembers_is_a_value(script: str) -> None:
    running = Box(files={"/f": "1\n2\n"}).started("sh", "-c", script)
    assert is_a_value(running.pause.memory)
    while running.go_on():
        assert is_a_value(running.pause.memory)


def test_a_loop_is_at_every_pause_the_same_value_again() -> None:
    running = Box().started("sh", "-c", "while true; do date >> /log; sleep 5; done", pid1=True)
    memories = set()
    for _ in range(5):
        memories.add(fingerprint(running.pause.memory))
        running.go_on()
    assert len(memories) == 1
    assert running.box.read("/log").count("\n") == 6


def test_two_ways_from_one_memory_do_not_meet() -> None:
    box = Box(files={"/way": "left"})
    running = box.started("sh", "-c", "x=1; sleep 1; x=$x$(cat /way); sleep 1; echo $x")
    fork = running.pause
    running.go_on()
    running.go_on()
    assert running.ran.stdout == "1left\n"
    box.put("/way", "right")
    running.pause = fork
    running.go_on()
    running.go_on()
    assert running.ran.stdout == "1left\n1right\n"


def test_what_happened_to_files_meanwhile_is_seen() -> None:
    box = Box(files={"/f": "old"})
    running = box.started("sh", "-c", "sleep 1; cat /f")
    box.put("/f", "new")
    running.go_on()
    assert running.ran.stdout == "new"


@pytest.mark.parametrize("script", ["while :; do :; done", "f() { f; }; f", "for i in $(seq 1 100000); do :; done"])
def test_an_endless_loop_without_a_pause_is_found_out(script: str) -> None:
    ran = Box().sh(script)
    assert ran.code in (2, 137)
    assert "endless loop" in ran.stderr or "functions within each other" in ran.stderr


def test_a_fork_bomb_is_found_out() -> None:
    ran = Box().sh(":() { :|:& }; bomb() { bomb | bomb & }; bomb; wait")
    assert ran.code is not None


def test_writing_without_end_is_found_out() -> None:
    assert Box().sh("yes > /dev/null").code == 137
    assert Box().sh("yes | head -n 2").stdout == "y\ny\n"
    assert Box().sh("yes | sleep 2; echo over").seconds == 2


def test_a_device_that_never_ends_is_found_out() -> None:
    ran = Box().sh("sort < /dev/zero")
    assert (ran.code, ran.stderr) == (137, "sort: killed: it reads a device that never ends\n")


# -- signals -----------------------------------------------------------------------------------------------------------
def test_the_first_process_ignores_term_without_a_trap() -> None:
    running = Box().started("sh", "-c", "sleep 100; echo end", pid1=True)
    assert not running.signal("TERM", after=30)
    assert running.pause.wake_after_us == 70_000_000


def test_any_other_process_ends_at_term() -> None:
    running = Box().started("sh", "-c", "sleep 100; echo end")
    assert running.signal("TERM")
    assert running.ran.code == 143


def test_a_trap_runs_when_the_command_in_front_has_ended() -> None:
    running = Box().started(
        "sh", "-c", "trap 'echo bye; exit 0' TERM; while true; do sleep 10; echo tick; done", pid1=True
    )
    running.go_on()
    assert running.signal("TERM", after=4)
    assert (running.ran.code, running.pause.wake_after_us) == (None, 6_000_000)
    running.go_on()
    assert (running.ran.stdout, running.ran.code, running.ran.seconds) == ("tick\nbye\n", 0, 20)


def test_wait_is_interrupted_at_once() -> None:
    running = Box().started("sh", "-c", "trap 'echo bye; exit 0' TERM; sleep 1000 & wait; echo $?", pid1=True)
    assert running.signal("TERM", after=7)
    assert (running.ran.stdout, running.ran.code, running.ran.seconds) == ("bye\n", 0, 7)


def test_after_a_trap_the_script_goes_on() -> None:
    running = Box().started("sh", "-c", "trap 'echo got' HUP; sleep 1000 & wait; echo $?; sleep 5; echo end", pid1=True)
    running.signal("HUP", after=1)
    assert running.ran.stdout == "got\n129\n"
    running.go_on()
    assert running.ran == ("got\n129\nend\n", "", 0, 6)


def test_an_ignored_signal_is_ignored_by_children_too() -> None:
    running = Box().started("sh", "-c", "trap '' TERM; sleep 5; echo end")
    assert not running.signal("TERM", after=1)
    running.go_on()
    assert running.ran == ("end\n", "", 0, 5)


def test_a_trap_can_be_taken_back() -> None:
    running = Box().started("sh", "-c", "trap 'echo no' TERM; trap - TERM; sleep 5", pid1=False)
    running.signal("TERM")
    assert (running.ran.stdout, running.ran.code) == ("", 143)


def test_exec_replaces_the_shell_so_that_its_program_gets_the_signal() -> None:
    box = Box("nginx")
    running = box.started("sh", "-c", "echo start; exec nginx -g 'daemon off;'", pid1=True)
    assert running.signal("TERM", after=3)
    assert (running.ran.stdout, running.ran.code) == ("start\n", 0)


def test_the_last_command_takes_the_shells_place() -> None:
    running = Box("nginx").started("sh", "-c", "echo start; nginx", pid1=True)
    assert running.signal("TERM")
    assert running.ran.code == 0


def test_children_are_killed_by_number() -> None:
    ran = Box().sh(
        "sleep 100 & kill $!; wait $!; echo $?; sleep 100 & kill -9 $!; wait $!; echo $?; kill -0 $! || echo gone"
    )
    assert ran.stdout == "143\n137\ngone\n"
    assert ran.seconds == 0
    assert "Terminated" in ran.stderr


def test_a_signal_for_another_process_is_passed_on() -> None:
    box = Box()
    process = box.process(("sh", "-c", "kill 1; kill -HUP 1; kill 77"))
    box.started("sh", "-c", "true").program.start(process)
    assert process.sent == [(1, "TERM"), (1, "HUP")]
    assert b"can't kill pid 77: No such process" in process.stderr


def test_a_pipe_that_nobody_reads_ends_its_writer() -> None:
    ran = Box().sh("(while true; do echo x; done; echo never) | head -n 1; echo $?")
    assert ran.stdout == "x\n0\n"


def test_memory_is_a_record_that_can_be_rebuilt() -> None:
    from volsim.programs.shell.state import Channel, Frame, LoopState, Processes, ShellState, Task, Wait

    names = {each.__name__: each for each in (Channel, Frame, LoopState, Processes, ShellState, Task, Wait, FrozenDict)}
    running = Box().started("sh", "-c", "for i in a b; do sleep 1 | cat; done", pid1=True)
    assert isinstance(running.pause, Pause)
    assert eval(repr(running.pause.memory), names) == running.pause.memory
