"""The grader: an answer in, a report out. The answer runs in a process of its own.

>>> from volsim.exercises import check
>>> print(check("EXERCISE = 'container-layer'"))
container-layer: unreadable: there is no test in it: write def test_…(volsim_cluster)
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import volsim
from volsim.errors import VolsimError
from volsim.exercises.catalogue import exercise as find
from volsim.exercises.confined import OUT_OF_MEMORY
from volsim.exercises.reading import exercise_of, parsed, read
from volsim.exercises.report import Report, Verdict

__all__ = ["CPU_SECONDS", "MEMORY_BYTES", "Ended", "check", "confined", "graded"]

CPU_SECONDS = 120  # the slowest reference solution takes a tenth of it on a slow machine
MEMORY_BYTES = 2 << 30  # of address space; the slowest reference solution takes a tenth
_UNSET = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "HYPOTHESIS_PROFILE", "PYTHONSTARTUP", "PYTHONWARNINGS")
"""Settings of whoever grades that are none of the answer's."""


def check(
    answer: Path | str,
    exercise: str | int | None = None,
    *,
    kubernetes: str | None = None,
    seed: int = 0,
    cpu_seconds: int = CPU_SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Report:
    """What an answer is worth: a file, or its text. Raises `VolsimError` if it cannot be told what it answers.

    The exercise is the one that the answer names, unless one is given by name or number. Its clusters are of the
    version `kubernetes` (the newest) and have `seed` and the two seeds after it, unless the answer asks for others.
    """
    text = read(answer) if isinstance(answer, Path) else answer
    named = find(exercise if exercise is not None else _named(text)).name
    volsim.Simulation(nodes=0, kubernetes=kubernetes)  # else an unknown version would look like the answer's mistake
    job = {"what": "answer", "exercise": named, "text": text, "kubernetes": kubernetes, "seed": seed}
    ended = confined(job, cpu_seconds=cpu_seconds, memory_bytes=memory_bytes)
    nothing = Report(exercise=named, verdict=Verdict.NEVER_ENDS, message="it did not end when it was loaded")
    report = Report.from_json(ended.lines[-1]) if ended.lines else nothing
    if ended.code == OUT_OF_MEMORY:
        return report.saying(Verdict.TOO_MUCH_MEMORY, f"it took more than {memory_bytes >> 20} MiB")
    if ended.out_of_time:
        return report.saying(Verdict.NEVER_ENDS, f"{report.message} within {cpu_seconds} s")
    if not ended.done:
        return report.saying(Verdict.BROKEN, f"it ended its process, {ended.how}, before all was said")
    return report


def graded(file: str, exercise: str | int | None = None, *, kubernetes: str | None = None, seed: int = 0) -> Report:
    """What the answer in a file is worth; one that cannot be read or names no exercise is unreadable, and no error.

    Raises `VolsimError` if there is no such exercise or version.
    """
    named = "" if exercise is None else find(exercise).name
    volsim.Simulation(nodes=0, kubernetes=kubernetes)
    try:
        return check(Path(file), exercise, kubernetes=kubernetes, seed=seed)
    except VolsimError as error:
        return Report(exercise=named, verdict=Verdict.UNREADABLE, message=str(error))


def _named(text: str) -> str:
    try:
        named = exercise_of(parsed(text))
    except VolsimError as error:
        raise VolsimError(f"{error}; so it does not say which exercise it answers") from None
    if named is None:
        raise VolsimError("which exercise is it? Let the answer say EXERCISE = 'container-layer', or name it")
    return named


class Ended(NamedTuple):
    """How a confined process ended."""

    lines: list[dict[str, Any]]
    """What it reported."""
    done: bool
    """Whether it came to the end."""
    code: int
    """What it exited with; negative: the signal that ended it."""
    out_of_time: bool

    @property
    def how(self) -> str:
        """How the process ended, in words."""
        return f"with exit code {self.code}" if self.code >= 0 else f"by {signal.Signals(-self.code).name}"


def confined(job: dict[str, Any], *, cpu_seconds: int, memory_bytes: int) -> Ended:
    """Run a job in a process of its own, in an empty folder, with limits."""
    token = secrets.token_hex()
    limits = {"cpu_seconds": cpu_seconds, "memory_bytes": memory_bytes, "token": token}
    with (
        tempfile.TemporaryDirectory(prefix="volsim-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as source,
        tempfile.TemporaryFile() as sink,
    ):
        source.write(json.dumps({**job, **limits}).encode())
        source.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "volsim.exercises.confined"],
            stdin=source,
            stdout=sink,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        late = _waited(child, 5 * cpu_seconds)
        sink.seek(0)
        out = sink.read().decode(errors="replace")
    found = [json.loads(line) for line in out.splitlines() if token in line and line.endswith("}")]
    out_of_time = late or child.returncode == -getattr(signal, "SIGXCPU", 0)
    reports = [each["line"] for each in found if "line" in each]
    return Ended(reports, any("done" in each for each in found), child.returncode, out_of_time)


def _environment(folder: str) -> dict[str, str]:
    """What the process finds around it: the same packages, and hashes that are the same each time."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
    here = str(Path(volsim.__file__).parents[1])
    paths = [os.path.abspath(each) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    own = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": folder}
    return {**kept, **own, "PYTHONPATH": os.pathsep.join([here, *paths])}


def _waited(child: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for a process, at most so long, and end whatever it has left behind; whether it took too long.

    The clock on the wall is for an answer that sleeps; one that works may have to share the machine.
    """
    late = False
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):  # nobody is left
                os.killpg(child.pid, signal.SIGKILL)
        child.kill()
        child.wait()
    return late
