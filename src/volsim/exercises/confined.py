"""The process in which an answer runs: with limits on time, memory and files, and nothing to read but the answer.

``python -m volsim.exercises.confined`` reads a job as JSON and writes reports, a line each, and at the end that it is
done. What the answer prints goes nowhere, and what it writes where reports go lacks the job's token.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

__all__ = ["OUT_OF_MEMORY", "allow", "main"]

OUT_OF_MEMORY = 77
"""What the process exits with if there was not enough memory for it."""
FILE_BYTES = 16 << 20  # what any file may have that it writes: reports have a hundredth


def _limit(cpu_seconds: int, memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # not on this system: the parent's clock is the only limit
        return
    limits = {
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 1),
        resource.RLIMIT_AS: (memory_bytes, memory_bytes),
        resource.RLIMIT_FSIZE: (FILE_BYTES, FILE_BYTES),
        resource.RLIMIT_CORE: (0, 0),
    }
    for what, wanted in limits.items():
        _, most = resource.getrlimit(what)
        bounded = most != resource.RLIM_INFINITY  # whoever grades has limits too
        with suppress(ValueError, OSError):  # macOS has no limit of address space
            resource.setrlimit(what, (min(wanted[0], most), min(wanted[1], most)) if bounded else wanted)


def allow(cpu_seconds: int) -> None:
    """Give the process so much more time from now on, as far as all that it has goes."""
    try:
        import resource
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    used = resource.getrusage(resource.RUSAGE_SELF)
    end = int(used.ru_utime + used.ru_stime) + cpu_seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (end if most == resource.RLIM_INFINITY else min(end, most), most))


def main(source: IO[str], sink: IO[str]) -> None:
    """Judge the answer of one job."""
    job: dict[str, Any] = json.load(source)
    token = job.pop("token")
    _limit(job["cpu_seconds"], job["memory_bytes"])
    for line in _lines(job):
        sink.write(json.dumps({"token": token, "line": line}) + "\n")
        sink.flush()
    sink.write(json.dumps({"token": token, "done": True}) + "\n")


def _lines(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if job["what"] == "suite":
        from volsim.exercises.suite import reports_of

        yield from reports_of(job["path"], job["mutants"], job["options"])
        return
    from volsim.exercises.catalogue import exercise
    from volsim.exercises.judging import judge

    for report in judge(exercise(job["exercise"]), job["text"], kubernetes=job["kubernetes"], seed=job["seed"]):
        yield report.as_json()


if __name__ == "__main__":
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):  # what an answer prints is no report, however much it is
        os.dup2(nowhere, stream)
    try:
        main(sys.stdin, reports)
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
