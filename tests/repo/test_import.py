"""`import volsim` is quick because it loads next to nothing; what is heavy comes when it is first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import volsim

HEAVY = {"attrs", "dask", "hypothesis", "jsonpatch", "matplotlib", "networkx", "numpy", "pytest", "sqlite3", "yaml"}
EXPLORING = {"dask", "hypothesis", "matplotlib", "networkx", "numpy", "pytest"}


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh Python has loaded after `code`, and had not before."""
    program = f"import sys; before = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_package_alone_loads_no_other_module_of_its_own() -> None:
    assert {name for name in loaded_by("import volsim") if name.partition(".")[0] == "volsim"} == {"volsim"}


def test_the_package_alone_loads_nothing_heavy() -> None:
    assert not {name.partition(".")[0] for name in loaded_by("import volsim")} & HEAVY


def test_a_simulation_loads_nothing_that_only_exploring_or_plotting_needs() -> None:
    loaded = {name.partition(".")[0] for name in loaded_by("import volsim; volsim.Simulation(nodes=1)")}
    assert not loaded & EXPLORING


@pytest.mark.parametrize("name", volsim.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(volsim, name)
    assert (value.__doc__ or "").strip(), f"volsim.{name} has no docstring"
    assert name in dir(volsim)


def test_the_public_names_are_the_lazy_ones_each_once() -> None:
    homes = [*volsim._MODULES, *(name for names in volsim._HOMES.values() for name in names)]
    assert sorted(volsim.__all__) == sorted(homes)
    assert len(set(homes)) == len(homes)


def test_an_unknown_name_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Simulatoin'"):
        getattr(volsim, "Simulatoin")  # noqa: B009 - mypy would refuse the attribute
