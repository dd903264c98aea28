"""The command `volsim`: a thin front over the library."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from volsim import __version__
from volsim.errors import VolsimError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code.

    0 if all is well, 1 if something did not hold, 2 for a command line that cannot be understood.

    >>> main(["version"])
    volsim 0.1.0
    0
    """
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except VolsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="volsim", description="Kubernetes volume semantics, simulated in memory.")
    parser.set_defaults(run=lambda _: _help(parser))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    tour = commands.add_parser(
        "tour", help="replay the tutorial: each command and what it printed, what survived and why"
    )
    _common(tour, version="1.15")
    tour.set_defaults(run=_tour)

    _exercise(commands.add_parser("exercise", help="the exercises and their grader"))

    version = commands.add_parser("version", help="print the version")
    version.set_defaults(run=lambda _: print(f"volsim {__version__}") or 0)
    return parser


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
    check.add_argument("files", nargs="+", metavar="FILE", help="an answer")
    check.add_argument("--exercise", metavar="NAME", help="what it answers, if it does not say EXERCISE = …")

    score = verb("score", _score_suite, "grade a pytest file: how many of all mutants it catches")
    score.add_argument("file", metavar="FILE", help="tests that use volsim's fixtures")


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
    from volsim.exercises import check
    from volsim.exercises.screens import read

    reports = [check(read(file), arguments.exercise) for file in arguments.files]
    if arguments.output == "json":
        named = zip(arguments.files, reports, strict=True)
        print(json.dumps([{"file": file, **report.as_json()} for file, report in named], indent=2))
    else:
        print("\n".join(map(str, reports)))
    return 0 if all(report.passed for report in reports) else 1


def _score_suite(arguments: argparse.Namespace) -> int:
    from volsim.exercises import mutation_score

    score = mutation_score(arguments.file)
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
