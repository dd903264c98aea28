"""What a pod keeps through crashes, lost sandboxes, reboots and restarts of the kubelet, in any order.

An emptyDir on disk keeps everything as long as there is the pod; one in memory until the next reboot; a container's
layer nothing at all. Init containers run once for each sandbox, and containers once for each time that they ended.
Source: facts 01a, 01d and 06 of a real kubelet; pkg/kubelet/kuberuntime/kuberuntime_manager.go (computePodActions).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from tests.control.kubelet.pods import WAIT, container, pod, status, told, wait
from volsim.control.kubelet import containers
from volsim.control.kubelet import pods as kubelet
from volsim.control.kubelet.work import PodWork
from volsim.engine.actions import Fault
from volsim.engine.processes import lose_sandbox
from volsim.programs.images import Image
from volsim.state.runtime import Container

EVENTS = ("crash", "exit", "sandbox", "reboot", "kubelet")
RESTARTING = {"crash", "exit", "sandbox", "reboot"}
RECREATING = {"sandbox", "reboot"}
LONG = 700  # seconds: no back-off is left, and none is remembered


def started() -> volsim.Simulation:
    """A pod that counts in each of its places how often its containers have run."""
    count = "for x in /data /memory /; do echo {} >> $x/log; done"
    mounts = [{"name": "data", "mountPath": "/data"}, {"name": "memory", "mountPath": "/memory"}]
    init = container(count.format("init"), "init", volumeMounts=mounts)
    app = container(f"{count.format('app')}; {WAIT}", volumeMounts=mounts)
    given = pod(app, initContainers=[init])
    given["spec"]["volumes"].append({"name": "memory", "emptyDir": {"medium": "Memory"}})
    sim = volsim.Simulation(nodes=1)
    sim.apply([given])
    return wait(sim, 5)


def happen(sim: volsim.Simulation, event: str) -> None:
    if event == "crash":
        sim.crash_container("pod/p")
    elif event == "exit":
        sim.exit_container("pod/p", 0)
    elif event == "sandbox":
        sim._act(Fault("kill the sandbox of", "pod/p"), partial(lose_sandbox, pod=sim.get("pod/p")))
    elif event == "reboot":
        sim.fail_node("node01")
        sim.recover_node("node01")
    else:
        sim.stop_kubelet("node01")
        wait(sim, 10)
        sim.start_kubelet("node01")
    wait(sim, LONG)


def check(sim: volsim.Simulation, events: list[str]) -> None:
    """What the pod has after these events, each long after the other."""
    expected: dict[str, list[str]] = {"/data": ["init", "app"], "/memory": ["init", "app"]}
    for event in events:
        if event == "reboot":
            expected["/memory"] = []
        ran = ["init", "app"] if event in RECREATING else ["app"] if event in RESTARTING else []
        for lines in expected.values():
            lines.extend(ran)
    for place, lines in expected.items():
        assert told(sim, f"{place}/log") == lines, place
    assert told(sim, "/log") == ["app"]
    assert status(sim).restart_count == sum(event in RESTARTING for event in events)
    assert status(sim, "init").restart_count == sum(event in RECREATING for event in events)


@settings(max_examples=30)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=4))
def test_what_is_left_follows_from_what_happened(events: list[str]) -> None:
    sim = started()
    uid = sim.get("pod/p").metadata.uid
    for event in events:
        happen(sim, event)
    assert sim.get("pod/p").metadata.uid == uid
    check(sim, events)


def _runs_init_containers_once(work: PodWork) -> bool:
    assert work.sandbox is not None
    work.sandbox = work.sandbox.replace(lost=False)
    return True


_notice_reboot = kubelet._notice_reboot


def _keeps_memory(work: PodWork) -> None:
    before = work.sandbox
    _notice_reboot(work)
    if work.sandbox is not None and before is not None:
        work.sandbox = work.sandbox.replace(memory=before.memory)


def _keeps_layers(work: PodWork, name: str, image: Image) -> Container:
    return _fresh(work, name, image).replace(layer=work.row(name).layer)


_fresh = containers._fresh


@pytest.mark.parametrize(
    ("module", "name", "wrong", "event"),
    [
        (kubelet, "_renew_sandbox", _runs_init_containers_once, "sandbox"),
        (kubelet, "_notice_reboot", _keeps_memory, "reboot"),
        (containers, "_fresh", _keeps_layers, "crash"),
    ],
    ids=["init containers run once for all", "memory survives a reboot", "layers survive a restart"],
)
def test_the_law_tells_wrong_kubelets(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, wrong: Any, event: str
) -> None:
    sim = started()
    check(sim, [])
    monkeypatch.setattr(module, name, wrong)
    happen(sim, event)
    with pytest.raises(AssertionError):
        check(sim, [event])


def test_a_kubelet_that_was_restarted_has_forgotten_the_back_off() -> None:
    sim = started()
    for _ in range(3):
        sim.crash_container("pod/p")
        wait(sim, 1)
    assert status(sim).state.waiting.reason == "CrashLoopBackOff"
    sim.stop_kubelet("node01")
    wait(sim, 1)
    sim.start_kubelet("node01")
    wait(sim, 1)
    assert status(sim).state.running is not None


def test_a_kubelet_that_was_restarted_stops_a_pod_from_the_beginning() -> None:
    sim = volsim.Simulation(nodes=1)
    sim.apply([pod(container("trap '' TERM; sleep 10000"))])
    wait(sim, 1)
    sim.delete("pod/p")
    wait(sim, 8)
    sim.stop_kubelet("node01")
    wait(sim, 30)
    assert len(sim.list("pods")) == 1
    sim.start_kubelet("node01")
    wait(sim, 9)
    assert len(sim.list("pods")) == 1
    wait(sim, 2)
    assert sim.list("pods") == []
