"""printPod: READY, STATUS, RESTARTS of pods (facts of upstream's printers_test.go, TestPrintPod)."""

from __future__ import annotations

from typing import Any

import pytest

from volsim.objects import (
    Condition,
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    ObjectMeta,
    Pod,
    PodIP,
    PodReadinessGate,
    PodSpec,
    PodStatus,
)
from volsim.views.dialect import Dialect
from volsim.views.printers import printer_for
from volsim.views.tables import Look

SECOND, DAY = 1_000_000, 86_400_000_000
NOW = 100 * DAY

RUNNING = ContainerState(running=ContainerStateRunning(started_at=0))
COMPLETED = ContainerState(terminated=ContainerStateTerminated(reason="Completed", exit_code=0))


def waiting(reason: str | None) -> ContainerState:
    return ContainerState(waiting=ContainerStateWaiting(reason=reason))


def ended(code: int, reason: str | None = None, ago: int | None = None, signal: int | None = None) -> ContainerState:
    finished = None if ago is None else NOW - ago
    return ContainerState(
        terminated=ContainerStateTerminated(exit_code=code, reason=reason, finished_at=finished, signal=signal)
    )


def status(name: str = "c", restarts: int = 0, **given: Any) -> ContainerStatus:
    return ContainerStatus(name=name, restart_count=restarts, **given)


def ready(name: str = "c", restarts: int = 0, **given: Any) -> ContainerStatus:
    return status(name, restarts, ready=True, state=RUNNING, **given)


def pod(
    count: int, *statuses: ContainerStatus, phase: str = "podPhase", init: tuple[Any, ...] = (), **given: Any
) -> Pod:
    """A pod of `count` containers with these statuses; `init` are its init containers and their statuses."""
    gone = given.pop("deleted", None)
    specs, init_statuses = init or ((), ())
    return Pod(
        metadata=ObjectMeta(name="p", creation_timestamp=NOW - 5 * SECOND, deletion_timestamp=gone),
        spec=PodSpec(containers=tuple(Container(name=f"c{n}") for n in range(count)), init_containers=specs),
        status=PodStatus(phase=phase, container_statuses=statuses, init_container_statuses=init_statuses, **given),
    )


def shown(pod: Pod, version: tuple[int, int] = (1, 36)) -> tuple[str, str, str]:
    """READY, STATUS and RESTARTS."""
    row = printer_for("Pod").row(pod, Look(Dialect(version), NOW))
    return row["READY"], row["STATUS"], row["RESTARTS"]


class TestContainers:
    """The last word is the first container's; a pod's own reason comes before its phase."""

    def test_phase_is_shown_if_nobody_says_more(self) -> None:
        assert shown(pod(2, ready(restarts=3), status(restarts=3))) == ("1/2", "podPhase", "6")

    def test_waiting_reason_is_shown(self) -> None:
        found = pod(2, status(restarts=3, state=waiting("ImagePullBackOff")), ready(restarts=3))
        assert shown(found) == ("1/2", "ImagePullBackOff", "6")

    def test_container_that_is_ready_but_waits_does_not_count(self) -> None:
        found = pod(2, status(restarts=3, state=waiting("x")), status(restarts=3, ready=True, state=waiting("x")))
        assert shown(found) == ("0/2", "x", "6")

    def test_pods_reason_comes_before_its_phase(self) -> None:
        assert shown(pod(2, ready(restarts=3), status(restarts=3), reason="Evicted"))[1] == "Evicted"

    def test_container_that_is_ready_but_does_not_run_does_not_count(self) -> None:
        assert shown(pod(2, ready(), status(ready=True)))[0] == "1/2"

    @pytest.mark.parametrize(
        ("state", "text"),
        [(ended(1, "Error"), "Error"), (ended(2), "ExitCode:2"), (ended(137, signal=9), "Signal:9")],
    )
    def test_end_is_told_by_reason_signal_or_code(self, state: ContainerState, text: str) -> None:
        assert shown(pod(1, status(state=state)))[1] == text


class TestCompletedBesideRunning:
    """Some containers have completed, others run."""

    MIXED = (ready(), status(state=COMPLETED))

    def test_it_runs_if_the_pod_is_ready(self) -> None:
        found = pod(2, *reversed(self.MIXED), conditions=(Condition(type="Ready", status="True"),))
        assert shown(found)[1] == "Running"

    def test_it_is_not_ready_otherwise(self) -> None:
        assert shown(pod(2, *reversed(self.MIXED)))[1] == "NotReady"

    def test_old_versions_call_it_running(self) -> None:
        assert shown(pod(2, *reversed(self.MIXED)), (1, 17))[1] == "Running"

    def test_error_of_a_later_container_is_shown(self) -> None:
        found = pod(2, status(state=COMPLETED), status(state=ended(1, "podCrash")))
        assert shown(found)[1] == "podCrash"
        assert shown(found, (1, 34))[1] == "Completed"


class TestInitContainers:
    """What keeps a pod in its init containers, and how often they were restarted."""

    ONE = (Container(name="i1"),)
    TWO = (Container(name="i1"), Container(name="i2"))
    SIDECAR = (Container(name="i1", restart_policy="Always"), Container(name="i2"))
    LAST = ended(0, ago=10 * SECOND)

    def test_first_runs(self) -> None:
        found = pod(1, init=(self.ONE, (status("i1", 3, state=RUNNING, last_state=self.LAST),)))
        assert shown(found) == ("0/1", "Init:0/1", "3 (10s ago)")

    def test_second_waits_for_the_first_only_while_that_is_not_done(self) -> None:
        found = pod(1, init=(self.TWO, (status("i1", state=COMPLETED), status("i2", state=waiting("PodInitializing")))))
        assert shown(found)[1] == "Init:1/2"

    def test_restarts_behind_the_one_that_is_not_done_do_not_count(self) -> None:
        found = pod(1, init=(self.TWO, (status("i1", 2, state=RUNNING), status("i2", 5))))
        assert shown(found)[2] == "2"

    @pytest.mark.parametrize(
        ("state", "text"),
        [
            (ended(1, "Error"), "Init:Error"),
            (ended(1), "Init:ExitCode:1"),
            (ended(1, signal=9), "Init:Signal:9"),
            (waiting("CrashLoopBackOff"), "Init:CrashLoopBackOff"),
        ],
    )
    def test_failure_is_told(self, state: ContainerState, text: str) -> None:
        assert shown(pod(1, init=(self.ONE, (status("i1", state=state),))))[1] == text

    def test_all_done_means_the_app_containers_speak(self) -> None:
        found = pod(
            1,
            ready(restarts=4, last_state=ended(0, ago=20 * SECOND)),
            phase="Running",
            init=(self.ONE, (status("i1", 3, state=COMPLETED),)),
        )
        assert shown(found) == ("1/1", "Running", "4 (20s ago)")

    def test_started_sidecar_counts_as_a_container(self) -> None:
        statuses = (status("i1", 1, started=True, ready=True, state=RUNNING), status("i2", state=COMPLETED))
        assert shown(pod(1, ready(), phase="Running", init=(self.SIDECAR, statuses))) == ("2/2", "Running", "1")

    def test_sidecar_that_has_not_started_holds_the_pod(self) -> None:
        found = pod(1, init=(self.SIDECAR, (status("i1", started=False, state=RUNNING),)))
        assert shown(found) == ("0/2", "Init:0/2", "0")

    def test_initialized_condition_ends_their_say(self) -> None:
        """A sidecar that crashes after the start is not an initialization."""
        crashed = (status("i1", 2, started=False, state=ended(1, "Error")), status("i2", state=COMPLETED))
        found = pod(
            1,
            ready(),
            phase="Running",
            init=(self.SIDECAR, crashed),
            conditions=(Condition(type="Initialized", status="True"),),
        )
        assert shown(found)[1:] == ("Init:Error", "2")
        assert shown(found)[0] == "1/2"


class TestDeletion:
    """What a pod that is being deleted is called."""

    def test_it_is_terminating(self) -> None:
        assert shown(pod(1, ready(), phase="Running", deleted=NOW))[1] == "Terminating"

    def test_its_node_is_lost(self) -> None:
        assert shown(pod(1, phase="Running", reason="NodeLost", deleted=NOW))[1] == "Unknown"

    def test_finished_pod_keeps_its_word(self) -> None:
        found = pod(1, status(state=COMPLETED), phase="Succeeded", deleted=NOW)
        assert shown(found)[1] == "Completed"
        assert shown(found, (1, 30))[1] == "Terminating"


class TestRestarts:
    """RESTARTS tells since 1.22 when the last one was."""

    CRASHED = pod(1, ready(restarts=3, last_state=ended(1, ago=5 * DAY)), phase="Running")

    def test_age_of_the_last_restart(self) -> None:
        assert shown(self.CRASHED)[2] == "3 (5d ago)"

    def test_old_versions_tell_the_number(self) -> None:
        assert shown(self.CRASHED, (1, 21))[2] == "3"

    def test_no_restart_has_no_age(self) -> None:
        assert shown(pod(1, ready(last_state=ended(0, ago=DAY))))[2] == "0"


def test_scheduling_gate_is_shown() -> None:
    gated = pod(2, conditions=(Condition(type="PodScheduled", status="False", reason="SchedulingGated"),))
    assert shown(gated)[1] == "SchedulingGated"
    assert shown(gated, (1, 25))[1] == "podPhase"


def test_wide_columns() -> None:
    found = pod(
        1,
        pod_ips=(PodIP(ip="10.1.2.3"),),
        nominated_node_name="node02",
        conditions=(Condition(type="db", status="True"),),
    )
    found = found.replace(
        spec=found.spec.replace(
            node_name="node01",
            readiness_gates=(PodReadinessGate(condition_type="db"), PodReadinessGate(condition_type="x")),
        )
    )
    row = printer_for("Pod").row(found, Look(Dialect(), NOW))
    assert [row[title] for title in ("IP", "NODE", "NOMINATED NODE", "READINESS GATES")] == [
        "10.1.2.3",
        "node01",
        "node02",
        "1/2",
    ]
    bare = printer_for("Pod").row(Pod(), Look(Dialect(), NOW))
    assert [bare[title] for title in ("IP", "NODE", "NOMINATED NODE", "READINESS GATES")] == ["<none>"] * 4
