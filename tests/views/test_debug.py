"""`kubectl debug`: an ephemeral container for a pod (kubectl, pkg/cmd/debug/debug.go)."""

from __future__ import annotations

import pytest

from tests.views.conftest import PAIR, Terminal, terminal_of
from volsim import Simulation


def test_a_container_is_added_and_can_be_used(sim: Simulation, kubectl: Terminal) -> None:
    sim.apply(PAIR)
    sim.run(for_=1)
    assert kubectl("debug pair --image=busybox -c look -- sh -c 'echo seen; sleep 1000'") == ""
    sim.run(for_=1)
    assert kubectl("logs pair -c look") == "seen\n"
    assert kubectl("exec pair -c look -- echo here") == "here\n"
    assert "Ephemeral Containers:\n  look:\n" in kubectl("describe pod pair")


def test_the_name_is_drawn_and_what_is_targeted_is_said(sim: Simulation, kubectl: Terminal) -> None:
    sim.apply(PAIR)
    sim.run(for_=1)
    first = kubectl("debug pair --image=busybox --target=one").splitlines()
    assert first[0].startswith('Targeting container "one". If you don\'t see processes from this container')
    assert first[1].startswith("Defaulting debug container name to debugger-")
    assert kubectl("debug pod/pair --image=busybox -q") == ""
    added = sim.get("pod/pair").spec.ephemeral_containers
    assert len({each.name for each in added}) == 2
    assert [each.target_container_name for each in added] == ["one", None]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("debug pair", "error: you must specify --image when not using --copy-to."),
        ("debug --image=busybox", "error: NAME or filename is required for debug"),
        ("debug pair --image=busybox --image-pull-policy=x", "error: invalid image pull policy: x"),
        (
            "debug node/node01 --image=busybox",
            "error: volsim debugs pods, not Node node01; of a node use sim.host_files(…)",
        ),
        ("debug nobody --image=busybox", 'Error from server (NotFound): pods "nobody" not found'),
        ("debug pair --image=busybox --target=x -q -c look", 'targetContainerName: Not found: "x"'),
    ],
)
def test_what_cannot_be_done_is_refused(sim: Simulation, kubectl: Terminal, line: str, answer: str) -> None:
    sim.apply(PAIR)
    sim.run(for_=1)
    assert answer in kubectl(line)
    assert sim.get("pod/pair").spec.ephemeral_containers == ()


def test_older_servers_have_it_disabled() -> None:
    sim = Simulation(nodes=1, kubernetes="1.22")
    sim.apply(PAIR)
    sim.run(for_=1)
    assert "error: ephemeral containers are disabled for this cluster" in terminal_of(sim)("debug pair --image=busybox")
