"""Checks many manifests, each in a process of its own with a limit: `python tools/check_corpus.py FILES…`.

Prints a line for each file: verdict, seconds of processor time, situations, codes. `--save` keeps all of it as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_COMMAND = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, 2 * (int(sys.argv[1]),))
from volsim.cli import main
sys.exit(main(sys.argv[2:]))
"""


REFUSED = 3
"""The exit code for a design that cannot be."""


def checked(file: Path, options: Sequence[str], seconds: int) -> dict[str, Any]:
    """What `volsim check` says of a file, and how much processor time it needed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, str(seconds), "check", str(file), "-o", "json", *options],
            stdout=out,
            stderr=err,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        told, complaint = out.read().decode(), err.read().decode()
    report: dict[str, Any] = json.loads(told) if told else {}
    if not report:
        report["verdict"] = "too slow" if code < 0 else "refused" if code == REFUSED else "crash"
    return {
        **report,
        "seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "megabytes": round(usage.ru_maxrss / 1024),
        **({"error": complaint.strip()} if complaint else {}),
    }


def states(found: dict[str, Any]) -> int:
    """How many situations were seen."""
    return sum(each["states"] for each in found.get("explored", ()))


def line(name: str, found: dict[str, Any]) -> str:
    """One line about a file."""
    codes = " ".join(sorted({each["code"] for each in found.get("findings", ())}))
    partly = sum(not each["complete"] for each in found.get("explored", ()))
    more = f" ({partly} not all seen)" if partly else ""
    return f"{found['verdict']:<9}{found['seconds']:>7.1f} s {states(found):>7}  {codes:<24} {name}{more}"


def _files(given: Sequence[Path]) -> Iterator[Path]:
    for each in given:
        yield from sorted(each.rglob("*.yaml")) if each.is_dir() else [each]


def main() -> None:
    """Check the files and folders given."""
    parser = argparse.ArgumentParser(description="check many manifests, each in a process of its own")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILES", help="files and folders")
    parser.add_argument("--seconds", type=int, default=60, help="of processor time for each (default 60)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep what was found as JSON")
    arguments, options = parser.parse_known_args()
    results: dict[str, Any] = {}
    for file in _files(arguments.files):
        results[str(file)] = found = checked(file, options, arguments.seconds)
        print(line(str(file), found), flush=True)
        if arguments.save is not None:
            arguments.save.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
