"""Calls print as they would be typed; a run of them is a program that can be pasted, and a story for kubectl."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given, settings

import volsim
from tests.exploration.clusters import claim, pod, volume
from volsim.testing import Call, RecordedSimulation, cluster_of, program, story, strategies


def test_a_call_prints_as_it_would_be_written() -> None:
    assert str(Call("fail_node", "node01")) == "sim.fail_node('node01')"
    assert str(Call("delete", "pod/p", (("force", True),))) == "sim.delete('pod/p', force=True)"
    assert str(Call("step")) == "sim.step()"


@pytest.mark.parametrize("call", [Call("run", "1s"), Call("step"), Call("delete", "pod/p", (("force", True),))])
def test_a_call_prints_as_python_that_rebuilds_it(call: Call) -> None:
    assert eval(repr(call)) == call


def test_a_call_says_whether_it_was_accepted() -> None:
    sim = cluster_of(nodes=1)
    assert Call("fail_node", "node01").do(sim)
    assert not Call("fail_node", "node09").do(sim)


@given(strategies.clusters(max_nodes=2), strategies.action_sequences(max_size=4))
@settings(max_examples=30)
def test_a_program_leads_to_the_same_cluster(begun: RecordedSimulation, calls: list[Call]) -> None:
    sim = RecordedSimulation(nodes=2)
    for obj in begun.list("pvc") + begun.list("pv"):
        Call("create", obj).do(sim)
    for call in calls:
        call.do(sim)
    lines = [line for line in sim.program().splitlines() if line != "import volsim"]
    names: dict[str, Any] = {"volsim": volsim}
    for line in lines:
        try:
            exec(line, names)
        except volsim.VolsimError:
            continue  # what was refused is refused again
    assert names["sim"].state == sim.state


def test_a_recorded_simulation_remembers_what_was_asked_and_not_what_that_took() -> None:
    sim = cluster_of([volume("v")], nodes=1)
    sim.cordon("node01")
    sim.crash_container  # noqa: B018 - only looked at, not called
    with pytest.raises(volsim.NotFound):
        sim.delete("pod/p")
    assert [call.method for call in sim.calls] == ["apply", "cordon", "delete"]


def test_what_a_fork_does_only_the_fork_remembers() -> None:
    sim = cluster_of()
    told: list[RecordedSimulation] = []
    sim.forked = told.append
    fork = sim.fork()
    fork.run("1m")
    sim.settle()
    assert ([call.method for call in fork.calls], [call.method for call in sim.calls]) == (["run"], ["settle"])
    assert told == [fork]


def test_a_story_is_what_one_would_type_into_a_terminal() -> None:
    sim = cluster_of([claim("c"), pod("p", "c")], nodes=1)
    sim.settle()
    sim.delete("pod/p", force=True)
    sim.fail_node("node01")
    sim.run("5m")
    lines = sim.story().splitlines()
    assert lines[0] == "$ kubectl apply -f - <<EOF"
    assert lines[-4:] == [
        "# nothing more happens by itself",
        "$ kubectl delete pod/p --force --grace-period=0 --wait=false",
        "# node01 loses power",
        "# 5m pass",
    ]


WORDS = [
    (Call("cordon", "node01"), "$ kubectl cordon node01"),
    (Call("scale", "deployment/a", (("replicas", 2),)), "$ kubectl scale deployment/a --replicas=2"),
    (Call("exec", "pod/p", (("command", "ls"),)), "$ kubectl exec pod/p -- ls"),
    (Call("read_file", "pod/p", (("path", "/a"),)), "$ kubectl exec pod/p -- cat /a"),
    (
        Call("write_file", "pod/p", (("path", "/a"), ("data", b"x"))),
        "$ kubectl exec pod/p -- sh -c 'printf %s x > /a'",
    ),
    (
        Call("exec", "pod/p", (("command", ["sh", "-c", "ls /a b"]),)),
        "$ kubectl exec pod/p -- sh -c 'ls /a b'",
    ),
    (
        Call("exec", "pod/p", (("command", "mysql -p"), ("stdin", b"select 1;\n"))),
        "$ kubectl exec -i pod/p -- mysql -p <<'EOF'\nselect 1;\nEOF",
    ),
    (Call("kubectl", "get pods"), "$ kubectl get pods"),
    (Call("run", None, (("until", len),)), "# until what is waited for pass"),
    (Call("step"), "# the next thing happens"),
    (Call("delete", "pvc/c", (("grace_period", 5),)), "$ kubectl delete pvc/c --grace-period=5 --wait=false"),
    (Call("patch", "pvc/c", (("patch", {"a": 1}),)), "$ kubectl patch pvc/c --type=merge -p '{\"a\": 1}'"),
]


@pytest.mark.parametrize(("call", "text"), WORDS, ids=[call.method for call, _ in WORDS])
def test_each_call_has_its_command(call: Call, text: str) -> None:
    assert story([call]) == text


def test_what_is_written_is_one_word_for_the_shell() -> None:
    command = story([Call("write_file", "pod/p", (("path", "/a"), ("data", "it's three weeks of work")))])
    sh, flag, script = shlex.split(command)[-3:]
    sim = cluster_of([pod("p")])
    sim.settle()
    assert sim.exec("pod/p", [sh, flag, script]).exit_code == 0
    assert sim.read_file("pod/p", "/a") == b"it's three weeks of work"


def test_a_program_names_how_the_cluster_was_made() -> None:
    assert program([], start=repr(3)) == "import volsim\nsim = 3"
    assert RecordedSimulation(nodes=2, seed=4).program().endswith("sim = volsim.Simulation(nodes=2, seed=4)")
