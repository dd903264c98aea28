"""The plugin gives clusters to tests, and puts beside a failure what happened in them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

WORKS = """
import sys

LOADED = "volsim.testing.machine" in sys.modules

from hypothesis import HealthCheck, given, settings
from volsim.testing import strategies

def test_pytest_alone_loads_no_machine():
    assert not LOADED

def test_fixtures(volsim_simulation, volsim_cluster):
    assert len(volsim_simulation.list("nodes")) == 3
    sim = volsim_cluster({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}, nodes=2)
    assert (len(sim.list("nodes")), sim.get("namespace/team").status.phase) == (2, "Active")

@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(claim=strategies.claims())
def test_the_factory_goes_with_given(volsim_cluster, claim):
    assert volsim_cluster(claim).list("pvc")
"""
FAILS = """
def test_it(volsim_cluster):
    sim = volsim_cluster(nodes=1)
    sim.cordon("node01")
    sim.run("1m")
    assert sim.now == 59
"""
SHOWS_OPTIONS = """
def test_it(volsim_simulation, volsim_cluster):
    assert volsim_simulation.rules.version[:2] == (1, 20)
    assert volsim_cluster(kubernetes="1.30").rules.version[:2] == (1, 30)
    assert volsim_simulation.state.salt == 7
"""


def pytest_on(folder: Path, text: str, *options: str) -> tuple[int, str]:
    """Run a test file in a process of its own; its exit code and what it printed."""
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    named = {each.name for each in entry_points(group="pytest11")}
    plugin = [] if "volsim" in named else ["-p", "volsim.testing.plugin"]
    command = [sys.executable, "-m", "pytest", "-q", *plugin, "-p", "no:cacheprovider", "--rootdir", str(folder)]
    done = subprocess.run(
        [*command, *options, "test_it.py"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def test_the_fixtures_make_clusters_also_below_given_and_load_nothing_that_is_not_asked_for(tmp_path: Path) -> None:
    code, printed = pytest_on(tmp_path, WORKS)
    assert code == 0, printed


def test_a_failure_shows_the_story_and_the_timeline(tmp_path: Path) -> None:
    code, printed = pytest_on(tmp_path, FAILS)
    assert code == 1
    story = printed.partition("volsim story")[2].partition("volsim timeline")[0]
    assert "$ kubectl cordon node01\n# 1m pass\n" in story
    assert "user: patch node/node01" in printed.partition("volsim timeline")[2]


def test_seed_and_version_are_options(tmp_path: Path) -> None:
    code, printed = pytest_on(tmp_path, SHOWS_OPTIONS, "--volsim-seed", "7", "--volsim-kubernetes", "1.20")
    assert code == 0, printed


def test_a_version_that_there_is_not_is_refused_before_any_test_runs(tmp_path: Path) -> None:
    code, printed = pytest_on(tmp_path, WORKS, "--volsim-kubernetes", "1.99")
    assert code == 4
    assert "--volsim-kubernetes: " in printed
    assert "1.99" in printed


def test_the_project_names_the_plugin_for_pytest() -> None:
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"volsim": "volsim.testing.plugin"}
