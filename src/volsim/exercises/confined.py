"""The process in which an answer runs: with limits on time and memory, and nothing to read but the answer.

``python -m volsim.exercises.confined`` reads a job as JSON and writes reports, a line each; the last one counts. What
the answer prints goes elsewhere, and what it writes where reports go lacks the job's token.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import IO, Any

__all__ = ["main"]


def _limit(cpu_seconds: int, memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # not on this system: the parent's clock is the only limit
        return
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def main(source: IO[str], sink: IO[str]) -> None:
    """Judge the answer of one job."""
    job: dict[str, Any] = json.load(source)
    _limit(job["cpu_seconds"], job["memory_bytes"])
    for line in _lines(job):
        sink.write(json.dumps({"token": job["token"], "line": line}) + "\n")
        sink.flush()


def _lines(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if job["what"] == "suite":
        from volsim.exercises.suite import reports_of

        yield from reports_of(job["path"], job["mutants"])
        return
    from volsim.exercises.catalogue import exercise
    from volsim.exercises.judging import judge

    for report in judge(exercise(job["exercise"]), job["text"]):
        yield report.as_json()


if __name__ == "__main__":
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what an answer prints is no report
    try:
        main(sys.stdin, reports)
    except MemoryError:
        sys.exit(77)
