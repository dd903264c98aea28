"""A whole suite of tests has a grade: the mutants that it catches. It may be one file, or a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import volsim
from volsim.cli import main
from volsim.exercises import MUTANTS, mutation_score

BINDING = """
from hypothesis import given, strategies as st
from manifests import claim, volume

@given(size=st.integers(1, 5), asked=st.integers(1, 5))
def test_a_claim_gets_what_is_large_enough(volsim_cluster, size, asked):
    sim = volsim_cluster(volume("v", f"{size}Gi"), claim("c", f"{asked}Gi"))
    sim.settle()
    assert (sim.get("pvc/c").status.phase == "Bound") == (size >= asked)

class TestReleased:
    def test_a_released_volume_is_not_available(self, bound):
        bound.delete("pvc/c")
        bound.settle()
        assert bound.get("pv/v").status.phase == "Released"
"""
NODES = """
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant
from manifests import stateful_set
from volsim.testing import ClusterMachine

SEEN = []

def test_a_pod_of_a_stateful_set_is_not_replaced(volsim_simulation):
    sim = volsim_simulation
    SEEN.append(sim)
    sim.apply(stateful_set("db"))
    sim.settle()
    old = sim.get("pod/db-0")
    sim.fail_node(old.spec.node_name)
    sim.run("1h")
    assert sim.get("pod/db-0").metadata.uid == old.metadata.uid
    assert len(SEEN) == 1, "the file is read anew for each semantics"

class Machine(ClusterMachine):
    @invariant()
    def no_claim_is_lost(self):
        assert all(each.status.phase != "Lost" for each in self.sim.list("pvc"))

TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=3, stateful_step_count=5, suppress_health_check=list(HealthCheck))
"""
CONFTEST = """
import pytest
from manifests import claim, volume

@pytest.fixture
def bound(volsim_cluster):
    sim = volsim_cluster(volume("v"), claim("c"))
    sim.settle()
    return sim
"""


def a_folder(tmp_path: Path) -> Path:
    """A suite as one would find it: a conftest, a module that the tests share, two files of tests."""
    folder = tmp_path / "tests"
    folder.mkdir()
    files = {
        "conftest.py": CONFTEST,
        "manifests.py": "from volsim.exercises.given import claim, stateful_set, volume",
        "test_binding.py": BINDING,
        "test_nodes.py": NODES,
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def a_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "test_mine.py"
    file.write_text(text, encoding="utf-8")
    return file


NAMES = ["binder-ignores-size", "released-is-available", "stateful-set-fails-over", "empty-dir-stays"]


def test_a_folder_of_tests_is_worth_the_mutants_that_it_catches(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    before = sorted(path.name for path in folder.rglob("*"))
    score = mutation_score(folder, NAMES)
    assert (score.caught, score.missed, score.share) == (tuple(NAMES[:3]), ("empty-dir-stays",), 0.75)
    assert sorted(path.name for path in folder.rglob("*")) == before, "it leaves nothing behind"


@pytest.mark.slow
def test_a_file_is_as_good_as_a_folder(tmp_path: Path) -> None:
    text = BINDING.partition("class")[0].replace("from manifests", "from volsim.exercises.given")
    score = mutation_score(a_file(tmp_path, text), NAMES)
    assert score.caught == ("binder-ignores-size",)


@pytest.mark.slow
def test_a_mutant_on_which_the_suite_ends_its_process_is_caught_and_the_others_are_tried(tmp_path: Path) -> None:
    text = BINDING.partition("class")[0].replace("from manifests", "import os\nfrom volsim.exercises.given")
    text = text.replace(
        "    assert (", "    if sim.get('pvc/c').status.phase == 'Bound' and asked > size: os._exit(3)\n    assert ("
    )
    score = mutation_score(a_file(tmp_path, text), ["empty-dir-stays", *NAMES[:2], "binder-wants-exact-size"])
    assert score.caught == ("binder-ignores-size", "binder-wants-exact-size")


VERSION = """
def test_it(volsim_simulation):
    assert volsim_simulation.rules.version[:2] == (1, 20)
    assert volsim_simulation.seed == 7
"""

NOTHING = [
    ("def test_it(volsim_cluster): assert False", "it fails on the truth: test_it"),
    ("x = 1", "no test in it ran"),
    ("def", "it fails on the truth: "),
    ("import volsim\ndef test_it(): assert volsim.Simulation().now == 0", "none can see a mutant"),
    ("import os\ndef test_it(): os._exit(0)", "it did not end on the truth (its process ended with exit code 0)"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("text", "problem"), NOTHING)
def test_a_suite_that_says_nothing_has_no_score(tmp_path: Path, text: str, problem: str) -> None:
    score = mutation_score(a_file(tmp_path, text), [])
    assert problem in score.problem
    assert str(score).startswith("no score: ")


@pytest.mark.slow
def test_version_and_seed_are_those_that_are_asked_for(tmp_path: Path) -> None:
    file = a_file(tmp_path, VERSION.replace("volsim_simulation.seed", "volsim_simulation.state.salt"))
    assert mutation_score(file, [], kubernetes="1.20", seed=7).problem == ""
    assert "it fails on the truth" in mutation_score(file, []).problem


@pytest.mark.slow
def test_the_command_says_how_many_of_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exercise", "score", str(a_folder(tmp_path)), "-o", "json"]) == 1
    score = json.loads(capsys.readouterr().out)
    assert len(score["caught"]) + len(score["missed"]) == len(MUTANTS)
    assert set(score["caught"]) >= set(NAMES[:3])
    assert not score["problem"]


def test_a_suite_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(volsim.VolsimError, match="there is no file"):
        mutation_score(tmp_path / "nowhere.py")
    with pytest.raises(volsim.VolsimError, match="no mutant 'empty-dir-stay'; did you mean"):
        mutation_score(tmp_path, ["empty-dir-stay"])
