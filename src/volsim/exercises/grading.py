"""The grader: an answer in, a report out. The answer runs in a process of its own.

>>> from volsim.exercises import check
>>> print(check("EXERCISE = 'container-layer'"))
container-layer: unreadable: there is no test in it: write def test_…(volsim_cluster)
"""

from __future__ import annotations

import ast
import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from volsim.errors import VolsimError
from volsim.exercises.catalogue import exercise as find
from volsim.exercises.reading import exercise_of
from volsim.exercises.report import Report, Verdict

__all__ = ["CPU_SECONDS", "MEMORY_BYTES", "check", "confined"]

CPU_SECONDS = 120  # the slowest reference solution takes a tenth of it on a slow machine
MEMORY_BYTES = 2 << 30  # of address space; the slowest reference solution takes a tenth
_OUT_OF_MEMORY = 77  # what the confined process exits with


def check(
    answer: Path | str,
    exercise: str | int | None = None,
    *,
    cpu_seconds: int = CPU_SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Report:
    """What an answer is worth: a file, or its text. Raises `VolsimError` if it cannot be told what it answers.

    The exercise is the one that the answer names, unless one is given by name or number.
    """
    text = answer.read_text(encoding="utf-8") if isinstance(answer, Path) else answer
    named = find(exercise if exercise is not None else _named(text)).name
    job = {"what": "answer", "exercise": named, "text": text}
    lines, code, errors = confined(job, cpu_seconds=cpu_seconds, memory_bytes=memory_bytes)
    report = Report.from_json(lines[-1]) if lines else Report(exercise=named, verdict=Verdict.NEVER_ENDS, message="")
    if code == _OUT_OF_MEMORY or "MemoryError" in report.message:
        return report.saying(Verdict.TOO_MUCH_MEMORY, f"it took more than {memory_bytes >> 20} MiB")
    if code != 0 and report.verdict is not Verdict.NEVER_ENDS:
        return report.saying(Verdict.BROKEN, errors.strip().rpartition("\n")[2] or f"its process ended with {code}")
    if code > 0:
        return report.saying(Verdict.BROKEN, f"its process ended with {code}: {errors.strip().rpartition(chr(10))[2]}")
    if report.verdict is Verdict.NEVER_ENDS:
        return report.saying(Verdict.NEVER_ENDS, f"{report.message or 'it did not end'} within {cpu_seconds} s")
    return report


def _named(text: str) -> str:
    try:
        named = exercise_of(ast.parse(text))
    except SyntaxError as error:
        raise VolsimError(f"line {error.lineno}: {error.msg}; so it does not say which exercise it answers") from None
    if named is None:
        raise VolsimError("which exercise is it? Let the answer say EXERCISE = 'container-layer', or name it")
    return named


def confined(job: dict[str, Any], *, cpu_seconds: int, memory_bytes: int) -> tuple[list[dict[str, Any]], int, str]:
    """The lines that the confined process wrote, its exit code (negative: how it was killed), and its errors."""
    token = secrets.token_hex()
    limits = {"cpu_seconds": cpu_seconds, "memory_bytes": memory_bytes, "token": token}
    child = subprocess.Popen(
        [sys.executable, "-m", "volsim.exercises.confined"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with child:
        try:
            # The clock on the wall is for an answer that sleeps; one that works may have to share the machine.
            out, errors = child.communicate(json.dumps({**job, **limits}), timeout=5 * cpu_seconds)
            code = child.returncode
        except subprocess.TimeoutExpired:
            child.kill()
            out, errors = child.communicate()
            code = child.returncode
    found = [json.loads(line) for line in out.splitlines() if token in line and line.endswith("}")]
    return [each["line"] for each in found], code, errors
