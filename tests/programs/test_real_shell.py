"""Our shell and a real one do the same, on scripts that both must agree on: output, status, and files.

How the real one is kept from doing harm, `real_shell` says; which scripts these are, `shell_grammar`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.programs.box import Box
from tests.programs.real_shell import Cage, Outcome, refuse
from tests.programs.shell_grammar import scripts
from volsim.storage import tree
from volsim.storage.tree import Directory, File

ROOT = Path(__file__).parents[2]
ASKED = os.environ.get("VOLSIM_REAL_SHELL") == "1"
NIGHTLY = settings().max_examples > 100
SCRIPTS = 500 if NIGHTLY else 80  # a real shell takes about 30 ms for each


@pytest.fixture(scope="module")
def cage() -> Iterator[Cage]:
    """A cage that has been tried: nothing can be made outside of it."""
    if not sys.platform.startswith("linux"):
        pytest.skip("a real shell is compared on Linux only")
    if os.geteuid() != 0 and not ASKED:
        pytest.skip("a real shell runs as nobody, which only root can arrange; VOLSIM_REAL_SHELL=1 runs it as you")
    with tempfile.TemporaryDirectory(prefix="volsim-tools-") as name:
        try:
            made = Cage(Path(name))
        except FileNotFoundError as error:
            pytest.skip(f"a real shell needs the tool {error}")
        for directory in (Path("/"), ROOT, Path(name)):
            if made.can_write(directory / "volsim-canary"):
                pytest.skip(f"THE CAGE IS OPEN: a real shell could write to {directory}, so none is run")
        yield made


def ours(script: str) -> Outcome:
    """What our shell makes of a script in an empty directory."""
    box = Box(volumes={"/w": Directory()})
    ran = box.sh(script, cwd="/w")
    assert ran.code is not None, "nothing in these scripts waits"
    found = {
        path.strip("/"): node.data if isinstance(node, File) else None for path, node in tree.walk(box.trees["/w"])
    }
    found.pop("", None)
    return Outcome(ran.stdout.encode(), ran.code, found, bool(ran.stderr))


def test_the_cage_lets_a_script_work_within_it(cage: Cage) -> None:
    assert cage.run("mkdir d; echo a > d/b; cat d/b; exit 3") == Outcome(b"a\n", 3, {"d": None, "d/b": b"a\n"}, False)


def test_the_cage_ends_what_does_not_end(cage: Cage) -> None:
    assert cage.run("while true; do true; done", cpu_seconds=1).code < 0


@given(scripts())
@settings(max_examples=SCRIPTS // 4)
def test_every_script_of_the_grammar_is_let_through(script: str) -> None:
    refuse(script)


@given(scripts())
@settings(max_examples=SCRIPTS)
def test_a_script_does_what_it_does_in_a_real_shell(cage: Cage, script: str) -> None:
    assert ours(script) == cage.run(script)
