"""What must come along when the package is installed."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import volsim
from tests.repo.sources import ROOT
from volsim.manifests import schema
from volsim.tour import manifest_directory


@pytest.fixture(scope="module")
def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_tutorials_manifests_come_along() -> None:
    here = {path.name: path.read_bytes() for path in (ROOT / "examples" / "tutorial").glob("*.yaml")}
    assert here
    assert {path.name: path.read_bytes() for path in manifest_directory().glob("*.yaml")} == here


def test_type_checkers_and_the_schema_find_their_files() -> None:
    installed = Path(volsim.__file__).parent
    assert (installed / "py.typed").exists()
    assert schema.known_version("v1")


def test_there_is_one_version() -> None:
    assert version("volsim") == volsim.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{volsim.__version__}]" in changes


def test_all_extras_together_are_dev(project: dict[str, dict[str, dict[str, list[str]]]]) -> None:
    extras = project["project"]["optional-dependencies"]
    assert extras["dev"] == [f"volsim[{','.join(name for name in extras if name != 'dev')}]"]
