"""The command `volsim`: a thin front over the library."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from volsim import __version__
from volsim.errors import VolsimError

if TYPE_CHECKING:
    from volsim.checking.findings import CheckReport

__all__ = ["main"]

REPORT_FORMS = ("text", "json", "sarif", "junit", "markdown")
"""Those of `volsim.checking.screens`, which is too heavy to be imported for every command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code.

    0 if all is well, 1 if something did not hold, 2 for a command line that cannot be understood; `check` says with 3
    that its input is wrong, and with 4 that it did not see everything and found nothing.

    >>> main(["version"])
    volsim 0.1.0
    0
    """
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except VolsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(arguments.wrong)
    except BrokenPipeError:
        return 0


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="volsim", description="Kubernetes volume semantics, simulated in memory.")
    parser.set_defaults(run=lambda _: _help(parser), wrong=1)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    tour = commands.add_parser(
        "tour", help="replay the tutorial: each command and what it printed, what survived and why"
    )
    _common(tour, version="1.15")
    tour.set_defaults(run=_tour)

    _check(commands.add_parser("check", help="what can happen to an application's data and pods: findings with proofs"))

    _exercise(commands.add_parser("exercise", help="the exercises and their grader"))

    version = commands.add_parser("version", help="print the version")
    version.set_defaults(run=lambda _: print(f"volsim {__version__}") or 0)
    return parser


def _check(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("manifests", nargs="*", metavar="MANIFESTS", help="files or folders; - reads from standard input")
    add("--nodes", metavar="N|FILE", help="how many nodes, their names with commas, or their manifests (default 3)")
    add(
        "--faults",
        metavar="A,B",
        help="what may happen, one at a time: container-crash, pod-loss, reboot, node-loss, node-return, partition, "
        "disk-loss, backend-loss, rollout, drain, deletion, force-deletion, out-of-service; several with +, as in "
        "node-loss+rollout (default container-crash,pod-loss,node-loss,node-return,rollout,drain)",
    )
    add("--recover-within", metavar="DURATION", help="recovering later is a finding: 90s, 10m, 1h30m")
    add("--readonly-image", action="append", default=[], metavar="IMAGE", help="an image that writes nothing")
    add("--max-states", type=int, default=20_000, metavar="N", help="of each exploration (default 20000)")
    add("--max-seconds", type=float, default=60.0, metavar="S", help="of each exploration (default 60)")
    add("--all-replicas", action="store_true", help="explore all replicas, also where two of them show what all do")
    add("--no-remedies", action="store_true", help="do not try which changes would help")
    add("-q", "--no-progress", action="store_true", help="show no line of progress, not even on a terminal")
    add("--explain", metavar="CODE", help="only say what a finding means, why people are surprised, what helps")
    add("-o", "--output", choices=REPORT_FORMS, default="text", help="how to print it (default text)")
    _common(parser, version="1.36")
    parser.set_defaults(run=lambda arguments: _run_check(parser, arguments), wrong=3)


def _run_check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    from volsim.checking.screens import EXIT_CODES, explained, shown

    if arguments.explain is not None:
        print(explained(arguments.explain))
        return 0
    if not arguments.manifests:
        parser.error("give manifests: files, folders, or - for standard input")
    shows = sys.stderr.isatty() and not arguments.no_progress
    try:
        report = _checked(arguments, _tell if shows else None)
    finally:
        if shows:
            _tell("")
    print(shown(report, arguments.output))
    return EXIT_CODES[report.verdict]


def _checked(arguments: argparse.Namespace, progress: Callable[[str], None] | None) -> CheckReport:
    from volsim.checking.check import check
    from volsim.checking.screens import nodes_of

    return check(
        [sys.stdin if given == "-" else Path(given) for given in arguments.manifests],
        nodes=nodes_of(arguments.nodes),
        faults=arguments.faults,
        kubernetes=arguments.kubernetes,
        recover_within=arguments.recover_within,
        read_only_images=arguments.readonly_image,
        seed=arguments.seed,
        all_replicas=arguments.all_replicas,
        max_states=arguments.max_states,
        max_seconds=arguments.max_seconds,
        remedies=not arguments.no_remedies,
        progress=progress,
    )


def _tell(line: str) -> None:
    """Show what is being done, in the last line of the terminal; an empty text clears it."""
    width = shutil.get_terminal_size().columns - 1  # a full line would go on in the next, which is never cleared
    print(f"\r\x1b[K{line[:width]}", end="", file=sys.stderr, flush=True)


def _exercise(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=lambda _: _help(parser))
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND")

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text)
        made.add_argument("-o", "--output", choices=["text", "json"], default="text", help="how to print it")
        made.set_defaults(run=run)
        return made

    verb("list", _list_exercises, "all exercises")

    show = verb("show", _show_exercise, "the story and the task of an exercise")
    show.add_argument("exercise", help="its number or name")
    show.add_argument("--hint", type=int, metavar="N", help="also the hints up to the N-th")
    show.add_argument("--start", action="store_true", help="only the file to begin with: redirect it into answer.py")
    show.add_argument("--solution", action="store_true", help="only the reference solution")

    check = verb("check", _check_answers, "grade answers; the exit code is 0 only if all pass")
    check.add_argument("files", nargs="+", metavar="FILE", help="an answer: a file of Python, or a notebook")
    check.add_argument("--exercise", metavar="NAME", help="what it answers, if it does not say EXERCISE = …")
    _common(check, version="1.36")

    notebook = verbs.add_parser("notebook", help="write exercises as notebooks in which a cell grades itself")
    notebook.add_argument("exercises", nargs="+", metavar="EXERCISE", help="numbers or names, or all")
    notebook.add_argument("--folder", default=".", metavar="DIR", help="where to (default: here)")
    notebook.set_defaults(run=_write_notebooks)

    score = verb("score", _score_suite, "grade tests for pytest: how many of all mutants they catch")
    score.add_argument("file", metavar="FILE", help="tests that use volsim's fixtures: a file or a folder")
    _common(score, version="1.36")


def _list_exercises(arguments: argparse.Namespace) -> int:
    from volsim.exercises.screens import as_json, listing

    print(json.dumps(as_json(), indent=2) if arguments.output == "json" else listing())
    return 0


def _show_exercise(arguments: argparse.Namespace) -> int:
    from volsim.exercises import exercise
    from volsim.exercises.screens import as_json, shown

    found = exercise(arguments.exercise)
    if arguments.start or arguments.solution:
        print(found.start if arguments.start else found.solution, end="")
    elif arguments.output == "json":
        print(json.dumps(as_json([found])[0], indent=2))
    else:
        print(shown(found, hints=arguments.hint or 0))
    return 0


def _check_answers(arguments: argparse.Namespace) -> int:
    from volsim.exercises.grading import graded

    asked = {"kubernetes": arguments.kubernetes, "seed": arguments.seed}
    reports = {file: graded(file, arguments.exercise, **asked) for file in dict.fromkeys(arguments.files)}
    if arguments.output == "json":
        print(json.dumps([{"file": file, **report.as_json()} for file, report in reports.items()], indent=2))
    else:
        print("\n".join(f"{file}: {report}" if len(reports) > 1 else str(report) for file, report in reports.items()))
    return 0 if all(report.passed for report in reports.values()) else 1


def _write_notebooks(arguments: argparse.Namespace) -> int:
    from volsim.exercises.screens import write_notebooks

    print("\n".join(write_notebooks(arguments.exercises, Path(arguments.folder))))
    return 0


def _score_suite(arguments: argparse.Namespace) -> int:
    from volsim.exercises import mutation_score

    score = mutation_score(arguments.file, kubernetes=arguments.kubernetes, seed=arguments.seed)
    print(json.dumps(score.as_json(), indent=2) if arguments.output == "json" else score)
    return 0 if score.passes_on_truth and not score.problem and not score.missed else 1


def _common(parser: argparse.ArgumentParser, *, version: str) -> None:
    parser.add_argument(
        "--kubernetes", metavar="VERSION", default=version, help=f"which Kubernetes to simulate (default {version})"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="what is left open is drawn from it (default 0)"
    )


def _tour(arguments: argparse.Namespace) -> int:
    from volsim.tour import tour

    tour(kubernetes=arguments.kubernetes, seed=arguments.seed)
    return 0
