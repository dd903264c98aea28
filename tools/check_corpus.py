"""Checks many manifests, each in a process of its own with a limit: `python tools/check_corpus.py FILES…`.

Prints a line for each file: verdict, seconds of processor time, situations, codes. `--save` keeps all of it as JSON.
Other options are those of `volsim check`; one that takes a value is given as `--max-seconds=30`.
With `--page`, the applications are those of the table in `docs/explanation/thirty-applications.md`, whose last columns
are written anew; the manifests lie in the collection beside the repository.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanation" / "thirty-applications.md"
CORPUS = ROOT.parent / "shared" / "manifests"
BEGIN, END = "<!-- begin: written by tools/check_corpus.py --page -->", "<!-- end -->"
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


def states(found: Mapping[str, Any]) -> int:
    """How many situations were seen."""
    return sum(each["states"] for each in found.get("explored", ()))


def codes(found: Mapping[str, Any]) -> str:
    """The codes of what was found, each once."""
    return " ".join(sorted({each["code"] for each in found.get("findings", ())}))


def unseen(found: Mapping[str, Any]) -> int:
    """How many explorations did not see everything."""
    return sum(not each["complete"] for each in found.get("explored", ()))


def line(name: str, found: Mapping[str, Any]) -> str:
    """One line about a file."""
    more = f" ({unseen(found)} not all seen)" if unseen(found) else ""
    return f"{found['verdict']:<9}{found['seconds']:>7.1f} s {states(found):>7}  {codes(found):<24} {name}{more}"


# -- the page ----------------------------------------------------------------------------------------------------------
def rows(page: str) -> list[tuple[str, ...]]:
    """The rows of the table of a page: application, manifest (REPOSITORY: PATH), verdict, codes, and what it cost."""
    table = page.partition(BEGIN)[2].partition(END)[0].strip().splitlines()[2:]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table]


def renewed(page: str, only: str, options: Sequence[str], seconds: int) -> str:
    """The page with its table written anew, as far as the applications' names hold `only`."""
    index = json.loads((CORPUS / "INDEX.json").read_text(encoding="utf-8"))
    files = {
        f"{each['repository'].removeprefix('https://github.com/')}: {each['path']}": each["file"] for each in index
    }
    lines = [
        "| application | manifest | verdict | findings | situations | seconds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows(page):
        cells, name, manifest = row, row[0], row[1].strip("`")
        if only in name:
            found = checked(CORPUS / files[manifest], options, seconds)
            print(line(name, found), flush=True)
            told = found["verdict"] + (" (not all seen)" if unseen(found) and found["verdict"] == "findings" else "")
            cells = (name, f"`{manifest}`", told, codes(found), f"{states(found):,}", f"{found['seconds']:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    head, _, rest = page.partition(BEGIN)
    return "\n".join([f"{head}{BEGIN}", *lines, END + rest.partition(END)[2]])


def _files(given: Sequence[Path]) -> Iterator[Path]:
    for each in given:
        yield from sorted(each.rglob("*.yaml")) if each.is_dir() else [each]


def main() -> None:
    """Check the files and folders given, or the applications of the page."""
    parser = argparse.ArgumentParser(description="check many manifests, each in a process of its own")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILES", help="files and folders")
    parser.add_argument("--seconds", type=int, default=60, help="of processor time for each (default 60)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep what was found as JSON")
    parser.add_argument("--page", action="store_true", help="write the table of the page anew")
    parser.add_argument("--only", default="", metavar="TEXT", help="of the page, only applications with this name")
    arguments, options = parser.parse_known_args()
    if arguments.page:
        page = renewed(PAGE.read_text(encoding="utf-8"), arguments.only, options, arguments.seconds)
        PAGE.write_text(page, encoding="utf-8")
        return
    results: dict[str, Any] = {}
    for file in _files(arguments.files):
        results[str(file)] = found = checked(file, options, arguments.seconds)
        print(line(str(file), found), flush=True)
        if arguments.save is not None:
            arguments.save.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
