"""The command `volsim check`: what it takes, what it prints, its exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest

from volsim.checking.kinds import KINDS
from volsim.checking.plans import DEFAULT_FAULTS, FAULT_NAMES
from volsim.checking.screens import FORMS
from volsim.cli import REPORT_FORMS, main

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: nginx}]}
"""
NOTHING_TO_LOSE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
"""

Check = Callable[..., tuple[int, str, str]]


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    def run(manifests: str, *options: str) -> tuple[int, str, str]:
        (tmp_path / "design.yaml").write_text(manifests)
        code = main(["check", str(tmp_path / "design.yaml"), *options])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_a_finding_is_told_with_its_story_and_the_exit_code_is_1(check: Check) -> None:
    code, out, err = check(POD, "--faults", "pod-loss", "--nodes", "2")
    assert (code, err) == (1, "")
    assert "1. VS303 not-replaced (error): after pod-loss, Pod/default/web does not run again" in out
    assert "        0 s  fault: delete pod/default/web\n" in out
    assert "findings: 1 finding; " in out


def test_a_clean_design_ends_with_0(check: Check) -> None:
    code, out, _ = check(NOTHING_TO_LOSE, "--faults", "pod-loss", "--nodes", "one,two")
    assert code == 0
    assert out.splitlines()[-1].startswith("clean: 0 findings; ")


def test_what_was_not_seen_ends_with_4(check: Check) -> None:
    code, out, _ = check(NOTHING_TO_LOSE, "--faults", "pod-loss", "--nodes", "2", "--max-states", "3")
    assert code == 4
    assert "unknown: 0 findings; " in out
    assert (
        "not all was seen of Deployment/default/web under pod-loss: max_states; more is seen with --max-states" in out
    )


def test_json_has_the_report(check: Check) -> None:
    code, out, _ = check(POD, "--faults", "pod-loss", "--nodes", "2", "-o", "json")
    report = json.loads(out)
    assert code == 1
    assert list(report) == ["verdict", "kubernetes", "faults", "findings", "explored", "assumed"]
    [finding] = report["findings"]
    assert (finding["code"], finding["kind"], finding["severity"]) == ("VS303", "not-replaced", "error")
    assert (finding["objects"], finding["fault"], finding["also"]) == (["Pod/default/web"], "pod-loss", [])
    assert finding["story"][0] == "0 s  fault: delete pod/default/web"
    assert finding["remedy"]
    assert {each["fault"] for each in report["explored"]} == {None, "pod-loss"}


def test_the_same_command_prints_the_same(check: Check) -> None:
    options = ["--faults", "pod-loss", "--nodes", "3", "--seed", "7", "-o", "json"]
    assert check(POD, *options) == check(POD, *options)


def test_manifests_may_come_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(POD))
    assert main(["check", "-", "--faults", "pod-loss", "--nodes", "1"]) == 1
    assert "VS303" in capsys.readouterr().out


def test_nodes_may_be_a_file(check: Check, tmp_path: Path) -> None:
    nodes = tmp_path / "nodes" / "nodes.yaml"
    nodes.parent.mkdir()
    nodes.write_text("{apiVersion: v1, kind: Node, metadata: {name: only}}")
    code, out, _ = check(POD, "--faults", "pod-loss", "--nodes", str(nodes))
    assert code == 1
    assert "only: container web exits 0" in out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--nodes", "0"], "nodes=0: a design needs at least one node"),
        (["--nodes", "-3"], "nodes=-3: give a number from 0 on"),
        (["--nodes", "1000000"], "a Kubernetes cluster has at most 5000 nodes"),
        (["--nodes", "a,a"], "'a' stands there more than once"),
        (["--nodes", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["--faults", "pod-los"], "there is no fault 'pod-los'; did you mean 'pod-loss'?"),
        (["--faults", ","], "no fault is asked for"),
        (["--nodes", ""], "nodes='': give a whole number, names with commas, or a file of Nodes"),
        (["--nodes", "2.5"], "nodes='2.5': give a whole number"),
        (["--nodes", ","], "a design needs at least one node"),
        (["--faults", "drain+"], "there is no fault ''"),
        (["--recover-within", "soon"], "'soon' is no duration"),
        (["--recover-within", "0s"], "recover_within='0s': give a time within which it has to run again"),
        (["--max-seconds", "0"], "max_seconds=0: give more than 0 seconds"),
        (["--max-seconds", "-1"], "max_seconds=-1: give more than 0 seconds"),
        (["--kubernetes", "1.2"], "Kubernetes 1.2 is not simulated"),
        (["--max-states", "0"], "max_states=0"),
        (["--explain", "lost"], "there is no finding 'lost'; there are 'data-left-behind'"),
        (["--explain", "VS999"], "there is no finding 'VS999'; there are 'VS101', 'VS102'"),
    ],
)
def test_wrong_input_ends_with_3_and_one_clear_error(check: Check, options: list[str], says: str) -> None:
    code, out, err = check(POD, *options)
    assert (code, out) == (3, "")
    assert err.startswith("error: ")
    assert says in err


@pytest.mark.parametrize(
    ("manifests", "says"),
    [
        ("kind: Pod\n", "apiVersion: is missing"),
        ("a: [\n", "design.yaml:"),
        ("# nothing\n", "there is nothing to check"),
        (POD.replace("containers", "container"), "did you mean 'containers'?"),
        (
            POD.replace("name: web, image", "name: 'W e b', image"),
            "the API server refuses the design:\nPod/default/web",
        ),
    ],
)
def test_wrong_manifests_end_with_3(check: Check, manifests: str, says: str) -> None:
    code, out, err = check(manifests)
    assert (code, out) == (3, "")
    assert says in err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("nowhere.yaml", "nowhere.yaml: there is no such file or folder"),
        ("empty", "empty: there is no *.yaml, *.yml or *.json in this folder"),
        ("binary.yaml", "binary.yaml:1:1: a manifest is a map with apiVersion and kind"),
        ("-", "there is nothing to check: the source holds no object"),
    ],
)
def test_what_holds_no_manifest_ends_with_3(
    given: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README").write_text("nothing")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00bin")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", StringIO(""))
    assert main(["check", given]) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert says in told.err


@pytest.mark.parametrize("options", [["--max-states", "many"], ["-o", "yaml"], ["--no-such-option"]])
def test_a_command_line_that_cannot_be_understood_ends_with_2(check: Check, options: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        check(POD, *options)
    assert caught.value.code == 2


def test_a_command_line_without_manifests_cannot_be_understood(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["check"])
    assert caught.value.code == 2
    assert "give manifests" in capsys.readouterr().err


@pytest.mark.parametrize("code", KINDS)
def test_each_code_is_explained(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--explain", code.lower()]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{code} {KINDS[code].name} (")
    assert "why people are surprised:" in told
    assert main(["check", "--explain", KINDS[code].name]) == 0
    assert capsys.readouterr().out == told


def test_help_names_every_fault_and_form(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    told = "".join(capsys.readouterr().out.split())
    assert ",".join(FAULT_NAMES) in told
    assert f"(default{','.join(DEFAULT_FAULTS)})" in told
    assert tuple(FORMS) == REPORT_FORMS


class TestProgress:
    """On a terminal a line says what is being done, and is gone when that is done."""

    FAST = ("--faults", "pod-loss", "--nodes", "1")

    def test_it_says_which_part_and_fault(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        _, out, err = check(POD, *self.FAST)
        assert "\r\x1b[KPod/default/web: start\r" in err
        assert "\r\x1b[KPod/default/web: pod-loss\r" in err
        assert err.endswith("\r\x1b[K")
        assert "\x1b" not in out

    def test_it_says_how_far_a_long_exploration_is(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        monkeypatch.setattr(import_module("volsim.checking.check"), "_OFTEN", 0)
        _, _, err = check(POD, *self.FAST)
        assert re.search(r"Pod/default/web: pod-loss, [0-9]+ situations, 0 s", err)

    def test_it_fits_the_terminal(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "12")
        _, _, err = check(POD, *self.FAST)
        assert "\r\x1b[KPod/default\r" in err

    @pytest.mark.parametrize("option", ["-q", "--no-progress"])
    def test_it_can_be_switched_off(self, option: str, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        assert check(POD, *self.FAST, option)[2] == ""

    def test_nobody_sees_it_where_there_is_no_terminal(self, check: Check) -> None:
        assert check(POD, *self.FAST)[2] == ""

    def test_json_and_exit_code_stay_as_they_are(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        plain = check(POD, *self.FAST, "-o", "json")
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        assert check(POD, *self.FAST, "-o", "json")[:2] == plain[:2]

    def test_it_is_cleared_before_an_error(self, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        code, _, err = check(POD.replace("name: web, image", "name: 'W e b', image"), *self.FAST)
        assert code == 3
        assert "\r\x1b[Kerror: the API server refuses" in err
