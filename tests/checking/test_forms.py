"""The forms of a report: what stands in each, to the letter where people read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import volsim
from volsim.checking.findings import CheckReport
from volsim.checking.kinds import KINDS
from volsim.checking.screens import shown

DESIGN = """# A comment.
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---

apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: nginx, volumeMounts: [{name: v, mountPath: /data}]}]
      volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
"""
TEXT = """\
Kubernetes 1.36; faults: rollout
assumed: storageclass/fast: provisioned by a CSI driver that attaches its disks (disks.csi.volsim.dev)

1. VS302 rollout-stuck (error): a rollout of Deployment/default/web can stop for ever
   at FILE:8
   how it comes about:
         0 s  user: kubectl rollout restart deployment/web -n default
         0 s  deployment: deployment default/web: create replica set web-NEW
         0 s  replicaset: replicaset default/web-NEW: create 1 pods
         0 s  scheduler: assign pod default/web-NEW-POD to node02
         0 s  kubelet: pod default/web-NEW-POD on node02: wait for the volume of data to be attached (13 times, \
the last at 1353 s)
   and so on for ever:
      1476 s  kubelet: pod default/web-NEW-POD on node02: wait for the volume of data to be attached
"""
MARKDOWN = """\
### volsim check: findings

Something can happen that people do not expect. Kubernetes 1.36; faults: rollout.

| | finding | what can happen | where |
| --- | --- | --- | --- |
| 🔴 | VS302 rollout-stuck | a rollout of Deployment/default/web can stop for ever | `FILE:8` |
| 🔴 | VS201 two-writers | under rollout, two pods can write default/data at once | `FILE:8` |

<details>
<summary>VS302: how it comes about, and what helps</summary>

```text
      0 s  user: kubectl rollout restart deployment/web -n default
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("designs") / "design.yaml"
    file.write_text(DESIGN)
    return file


@pytest.fixture(scope="module")
def report(file: Path) -> CheckReport:
    return volsim.check([file], nodes=2, faults="rollout")


@pytest.fixture(scope="module")
def partly(file: Path) -> CheckReport:
    return volsim.check([file], nodes=2, faults="pod-loss", max_states=5)


def plain(text: str, file: Path, report: CheckReport) -> str:
    """The text without what nobody chose: the generated names and the file's folder."""
    pod = next(line.split("pod default/")[1].split()[0] for line in report.findings[0].told if "assign pod" in line)
    return text.replace(pod, "web-NEW-POD").replace(pod.rpartition("-")[0], "web-NEW").replace(str(file), "FILE")


def test_the_text_tells_each_finding_with_place_story_and_help(file: Path, report: CheckReport) -> None:
    assert plain(shown(report, "text"), file, report).startswith(TEXT)
    assert str(report) == shown(report, "text")


def test_markdown_has_a_table_and_stories_to_unfold(file: Path, report: CheckReport) -> None:
    told = plain(shown(report, "markdown"), file, report)
    assert told.startswith(MARKDOWN)
    assert told.count("```") == 4
    assert told.endswith("(disks.csi.volsim.dev)")


def test_sarif_names_the_rule_the_file_and_the_line(file: Path, report: CheckReport) -> None:
    log: dict[str, Any] = json.loads(shown(report, "sarif"))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("volsim", volsim.__version__)
    assert [rule["id"] for rule in driver["rules"]] == list(KINDS)
    result, other = run["results"]
    assert [place["physicalLocation"]["region"]["startLine"] for place in other["relatedLocations"]] == [2]
    assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "VS302"
    assert result["level"] == "error"
    [location] = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": file.as_uri()},
        "region": {"startLine": 8},
    }
    assert location["logicalLocations"] == [{"fullyQualifiedName": "Deployment/default/web", "kind": "resource"}]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps] == [line.strip() for line in report.findings[0].told]


def test_sarif_names_files_relative_to_where_the_check_runs(
    file: Path, report: CheckReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    log: dict[str, Any] = json.loads(shown(report, "sarif"))
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "design.yaml"


def test_sarif_says_what_was_not_seen(partly: CheckReport) -> None:
    [run] = json.loads(shown(partly, "sarif"))["runs"]
    assert run["results"] == []
    texts = [each["message"]["text"] for each in run["invocations"][0]["toolExecutionNotifications"]]
    assert "not all was seen of Deployment/default/web under pod-loss: max_states" in texts


def test_the_identity_of_a_finding_stays_when_lines_move(report: CheckReport) -> None:
    moved = volsim.check("#\n" + DESIGN, nodes=2, faults="rollout")
    prints = [
        json.loads(shown(each, "sarif"))["runs"][0]["results"][0]["partialFingerprints"] for each in (report, moved)
    ]
    assert prints[0] == prints[1]


def test_junit_has_a_case_for_each_kind_and_part(report: CheckReport) -> None:
    root = ElementTree.fromstring(shown(report, "junit"))
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == (str(len(KINDS)), "2", "0")
    [suite] = root
    assert suite.get("name") == "Deployment/default/web"
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["VS201 two-writers", "VS302 rollout-stuck"]
    told = next(case.findtext("failure") or "" for case in suite if case.get("name") == "VS302 rollout-stuck")
    assert all(line in told for line in report.findings[0].told)


def test_junit_skips_what_was_not_seen(partly: CheckReport) -> None:
    root = ElementTree.fromstring(shown(partly, "junit"))
    assert (root.get("failures"), root.get("skipped")) == ("0", str(len(KINDS)))


def test_a_report_of_dicts_has_no_lines(report: CheckReport) -> None:
    manifests = [volsim.to_manifest(obj) for obj in volsim.load(DESIGN)]
    told = volsim.check(manifests, nodes=2, faults="rollout")
    assert told.places == {}
    log = json.loads(shown(told, "sarif"))
    assert "physicalLocation" not in log["runs"][0]["results"][0]["locations"][0]
    assert shown(told, "markdown").count("|  |") == 2


def test_many_things_that_are_assumed_are_counted() -> None:
    volumes = [{"name": f"v{at}", "configMap": {"name": f"c{at}"}} for at in range(6)]
    spec = {"containers": [{"name": "c", "image": "nginx"}], "volumes": volumes}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    report = volsim.check(manifest, nodes=1, faults="container-crash")
    assert len(report.assumed) == 6
    told = "assumed: configmap/c0, configmap/c1, configmap/c2, configmap/c3 and 2 others: are there"
    assert told in shown(report, "text").splitlines()
