"""The README's way from nothing to a graded answer is three commands, and they do what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.repo.sources import ROOT


def commands() -> list[str]:
    """What the README's section on exercises says to type."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Exercises\n")[2].partition("\n## ")[0]
    return [line.strip() for line in re.findall(r"^    .*$", section, re.MULTILINE)]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of this package, and put what it prints where it says."""
    line, _, target = command.partition(" > ")
    program, *arguments = shlex.split(line)
    assert program == "volsim"
    done = subprocess.run(
        [sys.executable, "-m", "volsim", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if target:
        (folder / target).write_text(done.stdout, encoding="utf-8")
    return done


def test_three_commands_lead_from_pip_to_the_first_graded_answer(tmp_path: Path) -> None:
    install, *others = commands()
    assert install.startswith("python -m pip install")
    assert len(others) == 2
    shown, graded = [run(command, tmp_path) for command in others]
    assert (shown.returncode, shown.stderr) == (0, "")
    assert (graded.returncode, graded.stderr) == (1, "")
    assert graded.stdout.startswith("container-layer: a-belief: ")
    assert [path.name for path in tmp_path.iterdir()] == ["answer.py"]
