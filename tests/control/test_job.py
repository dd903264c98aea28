"""Jobs: how many pods they have, when they try again, when they are over.

Source: pkg/controller/job/job_controller.go, indexed_job_utils.go, backoff_utils.go; ttlafterfinished_controller.go.
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.workloads import engine_of, job, messages
from volsim.control.contract import Outcome
from volsim.control.job.counting import finished_at, indexes_from, indexes_to_text
from volsim.objects import (
    Condition,
    ContainerState,
    ContainerStateTerminated,
    ContainerStatus,
    ObjectMeta,
    Pod,
    PodStatus,
)

TRACKING = "batch.kubernetes.io/job-tracking"


def settled(version: str | None = None, **spec: Any) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=2, kubernetes=version)
    sim.apply(job(**spec))
    sim.settle()
    return sim


def settled_but_cut_off(**spec: Any) -> volsim.Simulation:
    """A job whose pods run, on nodes that do not learn of anything any more."""
    sim = volsim.Simulation(nodes=2)
    sim.apply(job(**spec))
    sim.run("2s")
    for node in ("node01", "node02"):
        sim.partition_node(node)
    return sim


def reconnect(sim: volsim.Simulation) -> None:
    for node in ("node01", "node02"):
        sim.heal_node(node)
    sim.settle()


def running(sim: volsim.Simulation) -> list[str]:
    return [pod.name for pod in sim.list("pods") if pod.status.phase == "Running"]


def exit_pods(sim: volsim.Simulation, code: int = 0, most: int = 99) -> None:
    """The containers of the running pods exit; then time passes until the job has done what it wants."""
    for name in running(sim)[:most]:
        sim.exit_container(f"pod/{name}", code)
    sim.settle()


def counts(sim: volsim.Simulation) -> tuple[int | None, int | None, int | None]:
    status = sim.get("job/work").status
    return status.active, status.succeeded, status.failed


def conditions(sim: volsim.Simulation) -> dict[str, tuple[str, str | None]]:
    return {each.type: (each.status, each.reason) for each in sim.get("job/work").status.conditions}


def starts(sim: volsim.Simulation) -> list[int]:
    """When each pod was made, in seconds."""
    return sorted(pod.metadata.creation_timestamp // 1_000_000 for pod in sim.list("pods"))


class TestCompletion:
    def test_as_many_pods_at_once_as_parallelism_until_enough_have_succeeded(self) -> None:
        sim = settled(parallelism=2, completions=3)
        assert (len(running(sim)), counts(sim)) == (2, (2, None, None))
        exit_pods(sim)
        assert (len(running(sim)), counts(sim)) == (1, (1, 2, None))
        exit_pods(sim)
        assert counts(sim) == (None, 3, None)
        assert conditions(sim) == {
            "SuccessCriteriaMet": ("True", "CompletionsReached"),
            "Complete": ("True", "CompletionsReached"),
        }
        assert messages(sim, "Completed") == ["Job completed"]

    def test_before_1_31_one_condition_says_it(self) -> None:
        sim = settled("1.30")
        exit_pods(sim)
        assert conditions(sim) == {"Complete": ("True", None)}

    def test_without_completions_the_first_success_ends_it_when_the_others_have_ended(self) -> None:
        sim = settled(parallelism=3)
        exit_pods(sim, most=1)
        assert counts(sim) == (2, 1, None)
        exit_pods(sim)
        assert counts(sim) == (None, 3, None)
        assert "Complete" in conditions(sim)

    def test_changes_of_pods_are_gathered_for_a_second_since_1_24(self) -> None:
        for version, expected in (("1.23", 0), ("1.24", 2)):
            sim = settled(version, completions=2, parallelism=1)
            exit_pods(sim)
            assert starts(sim)[-1] == expected

    def test_pods_are_tracked_by_a_finalizer_since_1_25(self) -> None:
        for version, expected in (("1.24", ()), ("1.25", (TRACKING,))):
            sim = settled(version)
            assert [pod.metadata.finalizers for pod in sim.list("pods")] == [expected]
            exit_pods(sim)
            assert [pod.metadata.finalizers for pod in sim.list("pods")] == [()]

    def test_what_was_counted_stays_counted_when_the_pod_is_deleted(self) -> None:
        for version, expected in (("1.24", (1, None, None)), ("1.25", (1, 1, None))):
            sim = settled(version, completions=2, parallelism=1)
            done = running(sim)[0]
            exit_pods(sim)
            sim.delete(f"pod/{done}")
            sim.settle()
            assert counts(sim) == expected

    def test_a_smaller_parallelism_deletes_pods(self) -> None:
        sim = settled(parallelism=4, completions=8)
        sim.patch("job/work", {"spec": {"parallelism": 1}})
        sim.settle()
        assert (len(running(sim)), len(messages(sim, "SuccessfulDelete"))) == (1, 3)
        assert counts(sim) == (1, None, None)

    def test_a_finished_job_is_left_alone(self) -> None:
        sim = settled()
        exit_pods(sim)
        sim.patch("job/work", {"spec": {"parallelism": 5}})
        sim.settle()
        assert running(sim) == []


class TestFailure:
    def test_failed_pods_are_replaced_after_10_s_and_20_s_until_the_limit(self) -> None:
        sim = settled(backoffLimit=2)
        for _ in range(3):
            exit_pods(sim, 1)
        first, second, third = starts(sim)
        assert (second - first, third - second) == (11, 21)  # the pods ran for a second
        assert counts(sim) == (None, None, 3)
        assert conditions(sim) == {
            "FailureTarget": ("True", "BackoffLimitExceeded"),
            "Failed": ("True", "BackoffLimitExceeded"),
        }
        assert messages(sim, "BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]

    @pytest.mark.parametrize("version", ["1.20", "1.22"])
    def test_before_1_27_the_first_is_replaced_at_once(self, version: str) -> None:
        sim = settled(version, backoffLimit=3)
        for _ in range(4):
            exit_pods(sim, 1)
        assert starts(sim) == [0, 0, 10, 30]
        assert "Failed" in conditions(sim)

    def test_in_1_24_a_pod_that_gets_ready_ends_the_back_off(self) -> None:
        sim = settled("1.24", backoffLimit=3)
        for _ in range(4):
            exit_pods(sim, 1)
        first, *_, last = starts(sim)
        assert last - first < 10

    def test_in_1_26_a_success_ends_the_back_off(self) -> None:
        sim = settled("1.26", backoffLimit=9, completions=3, parallelism=1)
        exit_pods(sim, 1)
        exit_pods(sim, 1)
        exit_pods(sim)
        exit_pods(sim, 1)
        first, second, third, fourth, fifth = starts(sim)
        assert (second - first, third - second, fourth - third, fifth - fourth) == (2, 11, 2, 2)

    def test_a_success_starts_the_back_off_anew(self) -> None:
        sim = settled(backoffLimit=9, completions=3, parallelism=1)
        exit_pods(sim, 1)
        exit_pods(sim)
        exit_pods(sim, 1)
        waits = [later - earlier for earlier, later in zip(starts(sim), starts(sim)[1:], strict=False)]
        assert waits == [11, 2, 11]

    def test_restarts_of_containers_count_under_on_failure(self) -> None:
        sim = settled(backoffLimit=2, pod={"restartPolicy": "OnFailure"})
        exit_pods(sim, 1)
        sim.run("1m")
        assert counts(sim) == (1, None, None)
        exit_pods(sim, 1)
        sim.run("1m")
        assert counts(sim) == (None, None, 1)
        assert "Failed" in conditions(sim)

    def test_a_deadline_ends_it(self) -> None:
        for version, end in ((None, 21), ("1.30", 20), ("1.20", 20)):
            sim = settled(version, activeDeadlineSeconds=20, parallelism=2)
            assert running(sim) == []
            assert counts(sim) == (None, None, 2)
            (failed,) = (each for each in sim.get("job/work").status.conditions if each.type == "Failed")
            assert (failed.reason, failed.last_transition_time) == ("DeadlineExceeded", end * 1_000_000)
            assert messages(sim, "DeadlineExceeded") == ["Job was active longer than specified deadline"]

    def test_since_1_31_it_has_failed_when_its_last_pod_is_gone(self) -> None:
        sim = settled_but_cut_off(activeDeadlineSeconds=20)
        sim.run("22s")
        assert conditions(sim) == {"FailureTarget": ("True", "DeadlineExceeded")}
        assert sim.get("job/work").status.terminating == 1
        reconnect(sim)
        assert conditions(sim)["Failed"] == ("True", "DeadlineExceeded")

    def test_a_pod_that_is_deleted_counts_as_failed_before_it_has_ended(self) -> None:
        sim = settled_but_cut_off()
        sim.delete(f"pod/{running(sim)[0]}")
        sim.run("15s")
        assert counts(sim) == (1, None, 1)
        assert (len(sim.list("pods")), sim.get("job/work").status.terminating) == (2, 1)

    def test_the_policy_failed_waits_until_it_has_ended(self) -> None:
        sim = settled_but_cut_off(podReplacementPolicy="Failed")
        sim.delete(f"pod/{running(sim)[0]}")
        sim.run("15s")
        assert counts(sim) == (None, None, None)
        assert (len(sim.list("pods")), sim.get("job/work").status.terminating) == (1, 1)
        reconnect(sim)
        assert (counts(sim), conditions(sim)["Complete"][0]) == ((None, 1, None), "True")  # it exits with 0 if told to

    def test_a_refused_pod_is_tried_again(self) -> None:
        high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}
        for version, before, after in ((None, 3, 7), ("1.26", 30, 70)):
            sim = settled(version, pod={"priorityClassName": "high"})
            sim.run(before + 1)
            assert {text.partition(" is forbidden: ")[2] for text in messages(sim, "FailedCreate")} == {
                "no PriorityClass with name high was found"
            }
            assert len(messages(sim, "FailedCreate")) == 3
            sim.apply(high)
            sim.run("10m")
            assert starts(sim) == [after]

    def test_nothing_is_made_in_a_namespace_that_ends(self) -> None:
        sim = volsim.Simulation(nodes=1, engine=engine_of("job"))
        sim.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}})
        sim.apply(job(), namespace="going")
        sim.delete("namespace/going")
        sim.run("1m")
        assert (sim.list("pods", namespace="going"), messages(sim, "FailedCreate")) == ([], [])


class TestSuspension:
    def test_a_suspended_job_has_no_pods_and_does_not_count_those_it_deleted(self) -> None:
        sim = settled(parallelism=2, completions=2)
        sim.patch("job/work", {"spec": {"suspend": True}})
        sim.settle()
        assert (running(sim), counts(sim)) == ([], (None, None, None))
        assert conditions(sim) == {"Suspended": ("True", "JobSuspended")}
        sim.run("1m")
        sim.patch("job/work", {"spec": {"suspend": False}})
        sim.settle()
        assert (len(running(sim)), counts(sim)) == (2, (2, None, None))
        assert conditions(sim) == {"Suspended": ("False", "JobResumed")}
        assert (messages(sim, "Suspended"), messages(sim, "Resumed")) == (["Job suspended"], ["Job resumed"])

    def test_its_time_starts_when_it_is_resumed(self) -> None:
        for version, cleared in ((None, True), ("1.35", False)):
            sim = settled(version)
            sim.patch("job/work", {"spec": {"suspend": True}})
            sim.settle()
            assert (sim.get("job/work").status.start_time is None) is cleared
            sim.run("1m")
            now_us = round(sim.now * 1_000_000)
            sim.patch("job/work", {"spec": {"suspend": False}})
            sim.settle()
            assert sim.get("job/work").status.start_time == now_us

    def test_a_deadline_does_not_pass_meanwhile(self) -> None:
        sim = settled(suspend=True, activeDeadlineSeconds=10)
        assert sim.get("job/work").status.start_time is None
        sim.run("1m")
        sim.patch("job/work", {"spec": {"suspend": False}})
        sim.run("5s")
        assert len(running(sim)) == 1

    def test_there_is_none_before_1_22(self) -> None:
        sim = settled("1.21", suspend=True, completionMode="Indexed", completions=1)
        assert len(running(sim)) == 1
        assert (sim.get("job/work").spec.suspend, sim.get("job/work").spec.completion_mode) == (None, None)


class TestIndexes:
    def test_each_pod_has_a_number_in_name_hostname_label_and_environment(self) -> None:
        sim = settled(completionMode="Indexed", completions=3, parallelism=2)
        first, second = sim.list("pods")
        assert (first.name[:-5], second.name[:-5]) == ("work-0-", "work-1-")
        key = "batch.kubernetes.io/job-completion-index"
        assert (second.metadata.annotations[key], second.metadata.labels[key]) == ("1", "1")
        assert second.spec.hostname == "work-1"
        variables = {each.name: each.value for each in second.spec.containers[0].env}
        assert variables == {"JOB_COMPLETION_INDEX": "1"}

    def test_a_number_is_done_once(self) -> None:
        sim = settled(completionMode="Indexed", completions=3, parallelism=2)
        sim.exit_container(f"pod/{running(sim)[1]}", 0)
        sim.exit_container(f"pod/{running(sim)[0]}", 1)
        sim.settle()
        assert sim.get("job/work").status.completed_indexes == "1"
        assert [name[:7] for name in running(sim)] == ["work-0-", "work-2-"]
        exit_pods(sim)
        assert sim.get("job/work").status.completed_indexes == "0-2"
        assert counts(sim) == (None, 3, 1)

    def test_pods_whose_number_is_not_wanted_go_first(self) -> None:
        sim = settled(completionMode="Indexed", completions=4, parallelism=4)
        sim.patch("job/work", {"spec": {"parallelism": 2, "completions": 2}})
        sim.settle()
        assert [name[:7] for name in running(sim)] == ["work-0-", "work-1-"]

    def test_the_label_is_there_since_1_28(self) -> None:
        sim = settled("1.27", completionMode="Indexed", completions=1)
        (pod,) = sim.list("pods")
        assert "batch.kubernetes.io/job-completion-index" not in pod.metadata.labels

    @pytest.mark.parametrize(
        ("numbers", "text"),
        [([], ""), ([0], "0"), ([0, 1], "0,1"), ([0, 1, 2], "0-2"), ([1, 3, 4, 5, 9], "1,3-5,9")],
    )
    def test_text(self, numbers: list[int], text: str) -> None:
        assert indexes_to_text(numbers) == text
        assert indexes_from(text, 100) == set(numbers)


class TestOwnership:
    def test_its_pods_go_with_it_though_nobody_counts_them(self) -> None:
        for propagation in ("Background", "Foreground"):
            sim = settled(parallelism=2)
            sim.delete("job/work", propagation=propagation)
            sim.settle()
            assert (sim.list("jobs"), sim.list("pods")) == ([], [])

    def test_orphans_are_let_go(self) -> None:
        sim = settled()
        sim.delete("job/work", propagation="Orphan")
        sim.settle()
        (pod,) = sim.list("pods")
        assert (pod.status.phase, pod.metadata.finalizers, pod.metadata.owner_references) == ("Running", (), ())

    def test_a_pod_that_waits_for_nobody_is_let_go(self) -> None:
        sim = volsim.Simulation(nodes=1)
        spec = job()["spec"]["template"]["spec"]
        metadata = {"name": "alone", "finalizers": [TRACKING]}
        sim.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        sim.settle()
        assert sim.get("pod/alone").metadata.finalizers == ()

    def test_it_adopts_what_it_selects(self) -> None:
        sim = volsim.Simulation(nodes=1)
        metadata = {"name": "early", "labels": {"app": "work"}}
        spec = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "app:1"}]}
        sim.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        manifest = job(manualSelector=True, selector={"matchLabels": {"app": "work"}})
        manifest["spec"]["template"]["metadata"] = {"labels": {"app": "work"}}
        sim.apply(manifest)
        sim.settle()
        assert running(sim) == ["early"]
        assert sim.get("pod/early").metadata.finalizers == (TRACKING,)
        exit_pods(sim)
        assert counts(sim) == (None, 1, None)

    def test_another_controllers_job_is_left_alone(self) -> None:
        for version, expected in (("1.31", 1), ("1.32", 0)):
            sim = settled(version, managedBy="example.com/queue")
            assert len(sim.list("pods")) == expected

    def test_sync_twice_is_sync_once(self) -> None:
        sim = settled(parallelism=2, completions=4)
        exit_pods(sim, most=1)
        found = sim.engine.controller("job").sync(sim.state, "default/work")
        assert isinstance(found, Outcome)
        assert (found.writes, found.events) == ((), ())


class TestTimeToLive:
    def test_a_finished_job_goes_with_its_pods(self) -> None:
        sim = settled(ttlSecondsAfterFinished=30)
        exit_pods(sim)
        assert (sim.now, sim.list("jobs"), sim.list("pods")) == (32.0, [], [])

    def test_more_time_may_be_given(self) -> None:
        sim = settled(ttlSecondsAfterFinished=30)
        sim.exit_container(f"pod/{running(sim)[0]}")
        sim.run("10s")
        sim.patch("job/work", {"spec": {"ttlSecondsAfterFinished": 60}})
        sim.run("30s")
        assert len(sim.list("jobs")) == 1
        sim.settle()
        assert (sim.now, sim.list("jobs")) == (62.0, [])

    def test_there_is_none_before_1_21(self) -> None:
        sim = settled("1.20", ttlSecondsAfterFinished=30)
        exit_pods(sim)
        sim.run("10m")
        assert len(sim.list("jobs")) == 1


class TestWhenAPodEnded:
    """The last that is known of: containers, readiness, deletion, creation."""

    def test_rule(self) -> None:
        ended = ContainerStatus(name="c", state=ContainerState(terminated=ContainerStateTerminated(finished_at=7)))
        alive = ContainerStatus(name="d", state=ContainerState())
        unready = Condition(type="Ready", status="False", last_transition_time=5)
        metadata = ObjectMeta(name="p", creation_timestamp=1)
        deleted = metadata.replace(deletion_timestamp=30_000_003, deletion_grace_period_seconds=30)
        assert finished_at(Pod(metadata=metadata, status=PodStatus(container_statuses=(ended,)))) == 7
        status = PodStatus(container_statuses=(ended, alive), conditions=(unready,))
        assert finished_at(Pod(metadata=metadata, status=status)) == 5
        assert finished_at(Pod(metadata=deleted)) == 3
        assert finished_at(Pod(metadata=metadata)) == 1
