"""How containers are stopped: grace, TERM, KILL, the turn of sidecars; what a deadline and a second deletion do.

Source: kubelet, pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer), …_termination_order.go.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from tests.control.kubelet.pods import DEAF, WAIT, container, pod, running, said, status, told, wait
from volsim.control.kubelet import pods as kubelet
from volsim.control.kubelet.termination import stop_pod
from volsim.control.kubelet.work import PodWork
from volsim.engine.cluster import default_engine
from volsim.state import View
from volsim.state.runtime import Container


def ends(sim: volsim.Simulation, within: float = 3600) -> float:
    """After how many seconds the pod is gone."""
    return sim.run(until=lambda each: each.list("pods") == [], limit=within)


@pytest.mark.parametrize(("script", "grace", "seconds"), [(WAIT, 30, 0), (DEAF, 30, 30), (DEAF, 1, 2), (DEAF, 0, 0)])
def test_term_ends_who_listens_and_kill_the_others(script: str, grace: int, seconds: int) -> None:
    """Nobody gets less than two seconds; with a grace of 0 the object does not wait for that."""
    sim = running(pod(container(script), terminationGracePeriodSeconds=grace))
    sim.delete("pod/p")
    assert ends(sim) == pytest.approx(seconds, abs=0.1)


def test_who_was_deleted_by_force_lives_on_for_two_seconds() -> None:
    sim = running(pod(container("while :; do echo . >> /data/log; sleep 0.1; done")))
    sim.delete("pod/p", force=True)
    assert sim.list("pods") == []
    assert sim.state.table("sandboxes")
    wait(sim, 1.9)
    assert sim.state.table("sandboxes")
    wait(sim, 0.2)
    assert not sim.state.table("sandboxes")


class TestTheOrderOfSidecars:
    """Sidecars are told when the containers have ended that were started after them, the last one first."""

    def side(self, name: str, script: str = "") -> dict[str, Any]:
        trap = f"trap 'echo {name} >> /data/log; {script} exit 0' TERM; while :; do sleep 3600 & wait; done"
        return {**container(trap, name), "restartPolicy": "Always"}

    def sim(self, app: str, grace: int = 30, **spec: Any) -> volsim.Simulation:
        reader = container(DEAF, "reader")
        inits = [self.side("first"), self.side("second", "sleep 3;")]
        given = {"initContainers": inits, "terminationGracePeriodSeconds": grace, **spec}
        return running(pod(container(app), reader, **given), for_=2)

    def test_they_are_told_in_reverse_order_after_the_app(self) -> None:
        sim = self.sim(
            "trap 'sleep 2; echo app >> /data/log; exit 0' TERM; while :; do sleep 3600 & wait; done", grace=20
        )
        sim.exec("pod/p", "true")
        sim.delete("pod/p")
        assert told(wait(sim, 19), container="reader") == ["app"]  # the reader is an app container, too, and deaf
        log = next(path for path in sim.host_files("node01") if path.endswith("/log"))
        wait(sim, 2)  # the reader is killed; nobody has any grace left but for two seconds
        assert sim.host_files("node01")[log].decode().split() == ["app", "second", "first"]
        assert ends(sim) < 3

    def test_a_pod_that_has_done_its_work_stops_them(self) -> None:
        inits = [self.side("first")]
        sim = running(pod(container("sleep 3"), initContainers=inits, restartPolicy="Never"), for_=2)
        assert sim.get("pod/p").status.phase == "Running"
        wait(sim, 3)
        assert sim.get("pod/p").status.phase == "Succeeded"
        assert status(sim, "first").state.terminated.exit_code == 0


class TestDeadlines:
    """activeDeadlineSeconds counts from the start of the pod, and ends what has not even begun."""

    def test_it_ends_a_pod_that_waits_for_its_volume(self) -> None:
        given = pod(container(), activeDeadlineSeconds=20)
        given["spec"]["volumes"] = [{"name": "data", "hostPath": {"path": "/absent", "type": "Directory"}}]
        sim = running(given, for_=19)
        assert sim.get("pod/p").status.phase == "Pending"
        found = wait(sim, 2).get("pod/p").status
        assert (found.phase, found.reason) == ("Failed", "DeadlineExceeded")

    def test_restarts_do_not_extend_it(self) -> None:
        sim = running(pod(container("sleep 5; exit 1"), activeDeadlineSeconds=60), for_=59)
        assert sim.get("pod/p").status.phase == "Running"
        assert wait(sim, 15).get("pod/p").status.reason == "DeadlineExceeded"

    def test_a_container_gets_its_grace(self) -> None:
        sim = running(pod(container(DEAF), activeDeadlineSeconds=10), for_=19)
        assert sim.get("pod/p").status.phase == "Running"
        assert wait(sim, 2).get("pod/p").status.phase == "Failed"
        assert status(sim).state.terminated.exit_code == 137


@settings(max_examples=25)
@given(
    first=st.integers(3, 40),
    later=st.lists(st.tuples(st.integers(1, 10), st.integers(1, 60)), max_size=2),
)
def test_only_the_first_grace_counts(first: int, later: list[tuple[int, int]]) -> None:
    """However often a pod is deleted, its process dies when the first deletion said (kubernetes#113606)."""
    sim = running(pod(container(DEAF), terminationGracePeriodSeconds=first))
    assert lives_for(sim, later) == pytest.approx(first, abs=0.1)


def lives_for(sim: volsim.Simulation, later: list[tuple[int, int]]) -> float:
    """How long the pod's process lives after it is deleted, and deleted again after so long with such a grace."""
    start = sim.now
    sim.delete("pod/p")
    for after, grace in later:
        wait(sim, after)
        if sim.list("pods"):
            sim.delete("pod/p", grace_period=grace)
    wait(sim, 60)
    gone = [
        step.time
        for step in sim.trace
        for change in step.changes
        if change.table == "sandboxes" and change.after is None
    ]
    return gone[0] - start


def test_the_law_tells_a_kubelet_that_takes_every_grace_at_its_word() -> None:
    """A mutant in which the shorter grace of a second deletion holds breaks it."""

    def impatient(view: View, key: str) -> Any:
        outcome = kubelet.sync(view, key)
        pod_key, _, uid = key.rpartition("@")
        work: PodWork | None = kubelet.work_on(view, pod_key, uid)
        if work is None or work.sandbox is None or work.pod.metadata.deletion_timestamp is None:
            return outcome
        seconds = work.pod.metadata.deletion_grace_period_seconds or 0
        for spec in work.specs:
            row: Container = work.row(spec.name or "")
            if row.kill_us is not None:
                work.set_row(spec.name or "", row.replace(kill_us=min(row.kill_us, work.now_us + seconds * 1_000_000)))
        stopped = stop_pod(work, seconds * 1_000_000)
        return outcome if stopped else work.outcome(None)

    sim = volsim.Simulation(nodes=1, engine=default_engine().replacing("kubelet", sync=impatient))
    sim.apply(pod(container(DEAF), terminationGracePeriodSeconds=40))
    wait(sim, 1)
    assert lives_for(sim, [(5, 3)]) < 39


def test_killing_is_said_once_of_each_container() -> None:
    sim = running(pod(container(), container(DEAF, "deaf")))
    sim.delete("pod/p")
    ends(sim)
    assert sorted(said(sim, "Killing")) == ["Stopping container app", "Stopping container deaf"]
