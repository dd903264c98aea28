"""Cron jobs: which jobs they make when, what becomes of those, what versions differ in.

Source: pkg/controller/cronjob/cronjob_controllerv2.go, utils.go.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

import volsim
from tests.control.workloads import engine_of, job_spec, messages
from volsim.control.contract import Outcome
from volsim.errors import Invalid

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
START_MINUTE = 29_453_760  # 2026-01-01T00:00Z, in minutes since 1970


def cron_job(schedule: str = "* * * * *", job: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "tick"}}, "spec": job_spec(**(job or {}))}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick"},
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
    }


def cluster(version: str | None = None, **spec: Any) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=1, kubernetes=version)
    manifest = cron_job(**spec)
    if version == "1.20":
        manifest["apiVersion"] = "batch/v1beta1"
    sim.apply(manifest)
    return sim


def minutes(sim: volsim.Simulation) -> list[int]:
    """The jobs, by the minute in their names."""
    return [int(each.name.removeprefix("tick-")) - START_MINUTE for each in sim.list("jobs")]


def exit_pods(sim: volsim.Simulation, code: int = 0) -> None:
    for pod in sim.list("pods"):
        if pod.status.phase == "Running":
            sim.exit_container(f"pod/{pod.name}", code)
    sim.settle()


def _has_seen(sim: Any, seen: list[float], number: int = 4) -> bool:
    """Note when each refusal was told; whether there are enough."""
    if len(messages(sim, "FailedCreate")) > len(seen):
        seen.append(sim.now)
    return len(seen) >= number


def active(sim: volsim.Simulation) -> list[int]:
    return [int((ref.name or "").removeprefix("tick-")) - START_MINUTE for ref in sim.get("cronjob/tick").status.active]


class TestCalendar:
    def test_a_job_each_time_with_the_minute_in_its_name(self) -> None:
        sim = cluster(schedule="*/2 * * * *")
        assert sim.settle() == 0.0  # nothing waits for the calendar
        sim.run("5m")
        assert minutes(sim) == [2, 4]
        assert active(sim) == [2, 4]
        assert sim.get("cronjob/tick").status.last_schedule_time == 240_000_000
        assert messages(sim, "SuccessfulCreate")[0] == f"Created job tick-{START_MINUTE + 2}"

    def test_it_is_made_a_tenth_of_a_second_late(self) -> None:
        sim = cluster()
        sim.run("90s")
        assert sim.list("jobs")[0].metadata.creation_timestamp == 60_100_000

    def test_it_is_the_cron_jobs_own_and_like_the_template(self) -> None:
        sim = cluster(job={"parallelism": 2})
        sim.run("90s")
        (made,) = sim.list("jobs")
        (owner,) = made.metadata.owner_references
        assert (owner.kind, owner.name, owner.controller) == ("CronJob", "tick", True)
        assert (made.metadata.labels["app"], made.spec.parallelism) == ("tick", 2)
        assert made.metadata.annotations[SCHEDULED] == "2026-01-01T00:01:00Z"

    def test_the_annotation_is_there_since_1_28_and_in_the_time_zone(self) -> None:
        sim = cluster("1.27")
        sim.run("90s")
        assert sim.list("jobs")[0].metadata.annotations == {}
        sim = cluster(schedule="5 1 * * *", timeZone="Europe/Berlin")
        sim.run("10m")
        (made,) = sim.list("jobs")
        assert (
            made.metadata.annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] == "2026-01-01T01:05:00+01:00"
        )

    def test_time_zones_are_there_since_1_25(self) -> None:
        for version, expected in (("1.24", []), ("1.25", [5])):
            sim = cluster(version, schedule="5 1 * * *", timeZone="Europe/Berlin")
            sim.run("10m")
            assert minutes(sim) == expected

    def test_a_zone_in_the_schedule_is_frowned_upon_and_refused_since_1_29(self) -> None:
        sim = cluster("1.28", schedule="TZ=Europe/Berlin 5 1 * * *")
        sim.run("10m")
        assert minutes(sim) == [5]
        assert messages(sim, "UnsupportedSchedule")[0].startswith("CRON_TZ or TZ used in schedule")
        with pytest.raises(Invalid, match="cannot use TZ or CRON_TZ in schedule"):
            cluster("1.29", schedule="TZ=Europe/Berlin 5 1 * * *")

    @pytest.mark.parametrize(
        ("spec", "text"),
        [
            ({"schedule": "61 * * * *"}, "end of range (61) above maximum (59): 61"),
            ({"timeZone": ""}, "timeZone must be nil or non-empty string"),
            ({"timeZone": "local"}, "timeZone must be an explicit time zone"),
            ({"timeZone": "Europe/Atlantis"}, "unknown time zone Europe/Atlantis"),
            ({"timeZone": "../etc"}, "unknown time zone ../etc"),
        ],
    )
    def test_what_means_no_time_is_refused(self, spec: dict[str, Any], text: str) -> None:
        with pytest.raises(Invalid) as found:
            cluster(**spec)
        assert text in str(found.value)

    def test_a_day_that_never_comes_is_told(self) -> None:
        sim = cluster(schedule="0 0 31 2 *")
        sim.run("1m")
        reason = "time difference between two schedules is less than 1 second"
        assert messages(sim, "InvalidSchedule") == [f"invalid schedule: 0 0 31 2 * : {reason}"]

    def test_so_it_is_of_a_schedule_that_is_changed_to_such_a_day(self) -> None:
        sim = cluster()
        sim.run("90s")
        sim.patch("cronjob/tick", {"spec": {"schedule": "0 0 31 2 *"}})
        sim.run("5m")
        assert minutes(sim) == [1]
        assert len(messages(sim, "InvalidSchedule")) == 1

    def test_another_schedule_counts_from_when_it_is_given(self) -> None:
        sim = cluster(schedule="0 * * * *")
        sim.run("10m30s")
        sim.patch("cronjob/tick", {"spec": {"schedule": "*/5 * * * *"}})
        assert sim.settle() == 0.0
        sim.run("4m")
        assert minutes(sim) == []
        sim.run("1m")
        assert minutes(sim) == [15]


class TestSuspension:
    def test_nothing_starts_meanwhile_and_the_last_missed_time_counts_after(self) -> None:
        sim = cluster(suspend=True)
        sim.run("10m30s")
        assert minutes(sim) == []
        sim.patch("cronjob/tick", {"spec": {"suspend": False}})
        sim.run("1s")
        assert minutes(sim) == [10]

    def test_unless_its_deadline_is_over(self) -> None:
        sim = cluster(suspend=True, startingDeadlineSeconds=20)
        sim.run("10m30s")
        sim.patch("cronjob/tick", {"spec": {"suspend": False}})
        sim.run("10s")
        assert minutes(sim) == []
        sim.run("1m")
        assert minutes(sim) == [11]

    def test_after_more_than_100_missed_times(self) -> None:
        sim = cluster(suspend=True)
        sim.run("2h30s")
        sim.patch("cronjob/tick", {"spec": {"suspend": False}})
        sim.run("1s")
        assert minutes(sim) == [120]
        assert messages(sim, "TooManyMissedTimes")[0].startswith("too many missed start times. Set or decrease")

    def test_which_in_1_20_ends_it(self) -> None:
        sim = cluster("1.20", suspend=True)
        sim.run("2h30s")
        sim.patch("cronjob/tick", {"spec": {"suspend": False}})
        sim.run("5m")
        assert sim.list("jobs") == []
        assert "too many missed start time (> 100)" in messages(sim, "FailedNeedsStart")[0]


class TestConcurrency:
    def test_allow(self) -> None:
        sim = cluster()
        sim.run("3m30s")
        assert (minutes(sim), active(sim)) == ([1, 2, 3], [1, 2, 3])

    def test_forbid_waits_for_the_one_that_runs(self) -> None:
        sim = cluster(concurrencyPolicy="Forbid")
        sim.run("3m30s")
        assert minutes(sim) == [1]
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        assert set(messages(sim, "JobAlreadyActive")) == {text}
        exit_pods(sim)
        sim.run("1s")
        assert minutes(sim) == [1, 3]  # the time it missed last

    def test_replace_deletes_the_one_that_runs(self) -> None:
        sim = cluster(concurrencyPolicy="Replace")
        sim.run("3m30s")
        assert (minutes(sim), active(sim)) == ([3], [3])
        assert messages(sim, "SuccessfulDelete")[0] == f"Deleted job tick-{START_MINUTE + 1}"
        assert len(sim.list("pods")) == 1


class TestHistory:
    def test_some_finished_jobs_are_kept(self) -> None:
        sim = cluster(successfulJobsHistoryLimit=2, failedJobsHistoryLimit=1, job={"backoffLimit": 0})
        for code in (0, 1, 0, 1, 0, 0):
            sim.run("1m")
            exit_pods(sim, code)
        sim.run("30s")
        exit_pods(sim)
        assert minutes(sim) == [4, 5, 6]
        assert active(sim) == []

    def test_none(self) -> None:
        sim = cluster(successfulJobsHistoryLimit=0)
        sim.run("90s")
        exit_pods(sim)
        assert (minutes(sim), active(sim)) == ([], [])
        assert sim.get("cronjob/tick").status.last_successful_time is not None

    def test_the_end_of_a_job_is_told(self) -> None:
        for version, word in ((None, "condition"), ("1.30", "status")):
            sim = cluster(version)
            sim.run("90s")
            exit_pods(sim)
            assert messages(sim, "SawCompletedJob") == [f"Saw completed job: tick-{START_MINUTE + 1}, {word}: Complete"]
            status = sim.get("cronjob/tick").status
            assert (status.active, status.last_successful_time) == ((), sim.list("jobs")[0].status.completion_time)

    def test_a_job_that_is_gone_is_told(self) -> None:
        sim = cluster()
        sim.run("90s")
        sim.delete(f"job/tick-{START_MINUTE + 1}")
        sim.settle()
        assert active(sim) == []
        assert messages(sim, "MissingJob") == [f"Active job went missing: tick-{START_MINUTE + 1}"]

    def test_a_strange_job_is_told(self) -> None:
        sim = cluster()
        owner = sim.get("cronjob/tick")
        reference = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "tick", "uid": owner.metadata.uid}
        metadata = {"name": "by-hand", "ownerReferences": [{**reference, "controller": True}]}
        sim.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job_spec()})
        sim.settle()
        assert set(messages(sim, "UnexpectedJob")) == {
            "Saw a job that the controller did not create or forgot: by-hand"
        }
        assert active(sim) == []


class TestTrouble:
    def test_a_name_that_is_taken_stops_it_until_something_changes(self) -> None:
        sim = cluster()
        metadata = {"name": f"tick-{START_MINUTE + 1}"}
        sim.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job_spec()})
        sim.run("5m")
        assert minutes(sim) == [1]

    def test_a_refused_job_is_tried_again_ever_more_slowly(self) -> None:
        for version, times in ((None, [60.1, 60.105, 60.115, 60.135]), ("1.22", [60.1, 60.105, 60.115, 60.135])):
            sim = volsim.Simulation(nodes=1, kubernetes=version)
            manifest = cron_job(job={"completionMode": "Indexed", "completions": 1_000})
            manifest["metadata"]["name"] = "t" * 52  # with the minute and the number of a pod, it is too long
            sim.apply(manifest)
            seen: list[float] = []
            sim.run(until=partial(_has_seen, seen=seen))
            assert seen == times
            assert messages(sim, "FailedCreate")[0].startswith('Error creating job: Job.batch "tttt')

    def test_all_goes_with_it(self) -> None:
        sim = cluster()
        sim.run("3m30s")
        sim.delete("cronjob/tick")
        sim.settle()
        assert (sim.list("jobs"), sim.list("pods")) == ([], [])
        sim.run("5m")
        assert sim.list("jobs") == []

    def test_nothing_is_made_in_a_namespace_that_ends(self) -> None:
        sim = volsim.Simulation(nodes=1, engine=engine_of("cron-job"))
        sim.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}})
        sim.apply(cron_job(), namespace="going")
        sim.delete("namespace/going")
        sim.run("5m")
        assert (sim.list("jobs", namespace="going"), messages(sim, "FailedCreate")) == ([], [])


class TestTheOlderController:
    def test_in_1_20_it_looks_around_every_ten_seconds_and_names_jobs_by_the_second(self) -> None:
        sim = cluster("1.20")
        sim.run("65s")
        (made,) = sim.list("jobs")
        assert (made.name, made.metadata.creation_timestamp) == (f"tick-{(START_MINUTE + 1) * 60}", 60_000_000)
        sim.exit_container(f"pod/{sim.list('pods')[0].name}")
        sim.run("4s")
        assert active(sim) != []
        sim.run("1s")
        assert active(sim) == []
        assert sim.get("cronjob/tick").status.last_successful_time is None


def test_sync_twice_is_sync_once() -> None:
    sim = cluster()
    sim.run("3m30s")
    exit_pods(sim)
    found = sim.engine.controller("cron-job").sync(sim.state, "default/tick")
    assert isinstance(found, Outcome)
    assert (found.writes, found.events) == ((), ())
