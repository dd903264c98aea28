"""The command `volsim`: a thin front over the library."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

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

    version = commands.add_parser("version", help="print the version")
    version.set_defaults(run=lambda _: print(f"volsim {__version__}") or 0)
    return parser


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
