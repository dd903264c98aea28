"""Reference solutions catch every mutant; typical wrong answers get the verdict that they deserve."""

from __future__ import annotations

import attrs
import pytest

from tests.exercises.answers import STARTS, WRONG, wrong_answers
from volsim.exercises import EXERCISES, MUTANTS, Exercise, Report, Verdict
from volsim.exercises.catalogue import exercise
from volsim.exercises.judging import judge

CAUGHT = {
    "container-layer": ["layer-survives-restart", "layer-survives-clean-exit"],
    "empty-dir": ["empty-dir-dies-with-container", "empty-dir-stays"],
    "memory-and-reboot": ["memory-survives-reboot", "disk-dies-with-reboot"],
    "host-path": ["host-path-is-shared", "host-path-dies-with-pod"],
    "read-write-once": ["rwo-is-per-pod", "rwo-is-a-wish"],
    "smallest-fit": ["binder-ignores-size", "binder-takes-first", "binder-wants-exact-size", "immediate-waits-for-pod"],
    "released": ["released-is-available", "released-knows-its-name"],
    "reclaim-policies": ["reclaimer-deletes-retained", "delete-leaves-bytes", "recycler-scrubs-nothing"],
    "protection": ["claim-goes-at-once", "volume-goes-at-once", "ended-pod-holds-no-claim"],
    "first-consumer": ["first-consumer-is-not-awaited", "immediate-waits-for-pod"],
    "dead-node-deployment": ["eviction-never-comes", "eviction-comes-at-once"],
    "dead-node-stateful-set": ["stateful-set-fails-over", "eviction-never-comes"],
    "split-brain": ["partition-stops-containers", "healing-stops-nobody"],
}
"""The mutants that each reference solution catches: all of its exercise."""


ELSEWHERE: dict[str, list[str]] = {
    "memory-and-reboot": ["empty-dir-dies-with-container"],  # a reboot starts containers again
    "released": ["immediate-waits-for-pod", "reclaimer-deletes-retained"],
    "reclaim-policies": ["released-is-available"],
    "protection": ["immediate-waits-for-pod"],
    "split-brain": ["eviction-never-comes"],
}
"""The mutants of other exercises that it catches as well."""


def verdict_on(which: Exercise, text: str) -> Report:
    """The judge's last word, in this process."""
    *_, last = judge(which, text)
    return last


def test_every_exercise_is_looked_at() -> None:
    names = [each.name for each in EXERCISES]
    assert len(names) >= 12
    assert names == list(STARTS) == list(WRONG)
    assert [each.name for each in EXERCISES if each.mutants] == list(CAUGHT)


@pytest.mark.parametrize("each", EXERCISES, ids=lambda each: each.name)
def test_the_reference_solution_passes_and_catches_all(each: Exercise) -> None:
    report = verdict_on(each, each.solution)
    assert report.passed, str(report)
    assert [result.name for result in report.results] == (CAUGHT.get(each.name) or [case.name for case in each.cases])
    assert all(result.passed for result in report.results)


@pytest.mark.slow
@pytest.mark.parametrize("each", EXERCISES, ids=lambda each: each.name)
def test_the_reference_solution_passes_on_the_oldest_version_and_with_other_seeds(each: Exercise) -> None:
    *_, report = judge(each, each.solution, kubernetes="1.15", seed=7)
    assert report.passed, str(report)


def test_the_point_of_an_exercise_can_be_reached_in_ones_own_words() -> None:
    """Other names, `create` for `apply`, a node that burns for one without power."""
    two_pods = exercise("read-write-once").solution.replace('pod("a"', 'pod("first"').replace('pod("b"', 'pod("second"')
    two_pods = two_pods.replace("pod/a", "pod/first").replace("pod/b", "pod/second")
    created = exercise("first-consumer").solution.replace("sim.apply", "sim.create")
    burnt = exercise("dead-node-deployment").solution.replace("fail_node", "destroy_node")
    for name, text in (("read-write-once", two_pods), ("first-consumer", created), ("dead-node-deployment", burnt)):
        assert text != exercise(name).solution
        report = verdict_on(exercise(name), text)
        assert report.passed, str(report)


@pytest.mark.slow
def test_which_solution_catches_which_mutant_of_all() -> None:
    """A solution that catches mutants of other exercises is no mistake; the table shows what hangs together."""
    everything = tuple(MUTANTS.values())
    caught = {}
    for each in EXERCISES:
        if each.mutants:
            *_, last = judge(attrs.evolve(each, mutants=everything), each.solution)
            names = [result.name for result in last.results if result.passed]
            caught[each.name] = sorted(set(names) - set(CAUGHT[each.name]))
    assert {name: others for name, others in caught.items() if others} == ELSEWHERE


@pytest.mark.parametrize(("name", "verdict", "text"), wrong_answers(), ids=lambda value: str(value)[:24])
def test_a_wrong_answer_gets_the_verdict_that_it_deserves(name: str, verdict: Verdict, text: str) -> None:
    report = verdict_on(exercise(name), text)
    assert report.verdict is verdict, str(report)


def test_a_mutant_that_no_exercise_has_is_told_from_the_truth_elsewhere() -> None:
    taught = {name for names in CAUGHT.values() for name in names}
    assert MUTANTS.keys() - taught == {"binder-shares-volume"}


@pytest.mark.parametrize("each", EXERCISES, ids=lambda each: each.name)
def test_an_exercise_says_all_that_a_class_needs(each: Exercise) -> None:
    assert each.goal.endswith(".")
    assert 10 <= each.minutes <= 90
    assert len(each.hints) >= 2
    assert f'EXERCISE = "{each.name}"' in each.start
    assert f'EXERCISE = "{each.name}"' in each.solution
    assert bool(each.mutants) != bool(each.cases)
    assert bool(each.reached) == bool(each.mutants)
    assert len([line for line in each.start.splitlines() if line.strip()]) <= 14
