"""`check` as a function: verdicts, faults, what is not counted as data."""

from __future__ import annotations

from importlib import import_module
from itertools import cycle
from typing import Any

import pytest

import volsim
from volsim import properties
from volsim.checking.plans import DEFAULT_FAULTS, FAULT_NAMES, FAULTS_MEAN, names
from volsim.checking.questions import Question
from volsim.errors import VolsimError

CACHE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {}}
    spec:
      containers: [{name: web, image: nginx, volumeMounts: [{name: cache, mountPath: /cache}]}]
      volumes: [{name: cache, emptyDir: {}}]
"""


def codes(source: str, **options: object) -> list[str]:
    report = volsim.check(source, nodes=1, faults="pod-loss", **options)  # type: ignore[arg-type]
    return [finding.code for finding in report.findings]


def test_what_a_pod_wrote_to_an_emptydir_is_lost_with_it() -> None:
    assert codes(CACHE) == ["VS101"]


@pytest.mark.parametrize("volumes", ["cache", "'*'", "'other, cache'"])
def test_a_volume_that_is_scratch_holds_nothing_of_value(volumes: str) -> None:
    assert codes(CACHE.replace("annotations: {}", f"annotations: {{volsim.dev/scratch: {volumes}}}")) == []


def test_scratch_names_volumes_and_no_others() -> None:
    assert codes(CACHE.replace("annotations: {}", "annotations: {volsim.dev/scratch: other}")) == ["VS101"]


def test_a_pod_that_only_reads_loses_nothing() -> None:
    assert codes(CACHE.replace("annotations: {}", "annotations: {volsim.dev/read-only: 'true'}")) == []
    assert codes(CACHE, read_only_images=["nginx"]) == []
    assert codes(CACHE, read_only_images=["httpd"]) == ["VS101"]


def test_a_report_that_saw_everything_and_found_nothing_is_clean() -> None:
    report = volsim.check(CACHE, nodes=1, faults="container-crash")
    assert (report.verdict, report.ok, report.findings) == ("clean", True, ())
    assert [(each.fault, each.complete) for each in report.explored] == [("", True), ("container-crash", True)]


def test_what_was_not_seen_is_unknown_and_not_ok() -> None:
    report = volsim.check(CACHE, nodes=1, faults="container-crash", max_states=4)
    assert (report.verdict, report.ok) == ("unknown", False)


def test_a_finding_under_several_faults_is_one_with_the_shortest_story() -> None:
    report = volsim.check(CACHE, nodes=1, faults="pod-loss,rollout")
    [finding] = report.findings
    assert {finding.fault, *finding.also} == {"pod-loss", "rollout"}
    assert len(finding.told) <= 3


@pytest.mark.parametrize("version", ["1.15", "1.20", "1.24", "1.31", "1.36"])
def test_the_version_is_that_asked_for(version: str) -> None:
    report = volsim.check(CACHE, nodes=1, faults="pod-loss", kubernetes=version)
    assert (report.kubernetes, [each.code for each in report.findings]) == (version, ["VS101"])


class TestFaults:
    """Faults are named."""

    def test_all_names_are_known(self) -> None:
        assert names(",".join(FAULT_NAMES)) == FAULT_NAMES
        assert names(FAULT_NAMES) == FAULT_NAMES
        assert tuple(FAULTS_MEAN) == FAULT_NAMES

    def test_none_given_means_the_usual_ones(self) -> None:
        assert names(None) == DEFAULT_FAULTS

    def test_each_counts_once_in_the_order_given(self) -> None:
        assert names(" rollout, drain,rollout,") == ("rollout", "drain")

    @pytest.mark.parametrize("wrong", ["", ",", "node-los", ["rollout", "sunrise"]])
    def test_others_are_refused(self, wrong: str | list[str]) -> None:
        with pytest.raises(VolsimError, match="no fault"):
            names(wrong)


def test_what_a_question_leaves_unclear_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that is answered in one way and in the other where nothing differs is answered by nobody."""

    def by_mood(sim: volsim.Simulation, *args: Any) -> list[Question]:
        moods = cycle([True, False])
        question = properties.eventually("it is in the mood", lambda sim: next(moods))
        return [Question("VS303", ("Deployment/default/web",), question, "it is not", "")]

    monkeypatch.setattr(import_module("volsim.checking.check"), "questions_after", by_mood)
    report = volsim.check(CACHE, nodes=1, faults="node-return")
    assert report.verdict == "unknown"
    assert "under node-return: unclear; a question tells apart what counts as one situation" in str(report)
