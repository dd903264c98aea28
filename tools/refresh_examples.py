"""Writes into the documentation what its examples print now: `python tools/refresh_examples.py README.md docs/*/*.md`.

Only output that has changed is touched, so an ellipsis in it stays. Read the difference before you commit it: an
example that shows something else than before is either better or broken.
"""

from __future__ import annotations

import builtins
import doctest
import io
import re
import shlex
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from volsim.cli import main as volsim

FENCE = re.compile(r"^```(python|console)\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
PARSER = doctest.DocTestParser()
CHECKER = doctest.OutputChecker()


def refreshed(text: str) -> str:
    """The page with the output of each example as it is now; the examples of one page go on from each other."""
    names: dict[str, Any] = {"__name__": "__main__"}

    def block(match: re.Match[str]) -> str:
        made = session(match[2], names) if match[1] == "python" else shell(match[2])
        return f"```{match[1]}\n{made}\n```"

    return FENCE.sub(block, text)


def session(source: str, names: dict[str, Any]) -> str:
    """A session at Python's prompt, run again."""
    if ">>>" not in source:
        return source
    lines: list[str] = []
    for part in PARSER.parse(source + "\n"):
        if isinstance(part, doctest.Example):
            typed = part.source.rstrip("\n").split("\n")
            lines += [f"{'>>>' if number == 0 else '...'} {line}".rstrip() for number, line in enumerate(typed)]
            lines += output(part, names)
        elif part.strip("\n"):
            lines += part.strip("\n").split("\n")
    return "\n".join(lines)


def output(example: doctest.Example, names: dict[str, Any]) -> list[str]:
    """What an example shows: what it showed before if that still holds."""
    printed = run(example.source, names)
    if CHECKER.check_output(example.want, printed, doctest.ELLIPSIS):
        printed = example.want
    return (
        [line if line.strip() else "<BLANKLINE>" for line in printed.removesuffix("\n").split("\n")] if printed else []
    )


def run(source: str, names: dict[str, Any]) -> str:
    """What a statement prints, or the end of its traceback."""
    printed = io.StringIO()

    def show(value: Any) -> None:
        if value is not None:
            builtins.print(repr(value), file=printed)

    shown, sys.displayhook = sys.displayhook, show
    try:
        with redirect_stdout(printed):
            exec(compile(source, "<example>", "single"), names)
    except Exception as error:  # noqa: BLE001 - whatever it is, the page shows it
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        printed.write(f"Traceback (most recent call last):\n    ...\n{name}: {error}\n")
    finally:
        sys.displayhook = shown
    return printed.getvalue()


def shell(source: str) -> str:
    """A session at a shell's prompt; commands other than `volsim` stay as they are."""
    head, *commands = ("\n" + source).split("\n$ ")
    made = [head.removeprefix("\n")] if head else []
    for command in commands:
        line, _, shown = command.partition("\n")
        if line.startswith("volsim "):
            printed = io.StringIO()
            with redirect_stdout(printed):
                volsim(shlex.split(line)[1:])
            if not CHECKER.check_output(shown.strip() + "\n", printed.getvalue().strip() + "\n", doctest.ELLIPSIS):
                shown = printed.getvalue().rstrip("\n")
        made.append(f"$ {line}" + (f"\n{shown}" if shown else ""))
    return "\n".join(made)


def main(paths: list[str]) -> int:
    """Refresh the pages; the exit code."""
    warnings.simplefilter("ignore")
    for path in map(Path, paths):
        before = path.read_text(encoding="utf-8")
        after = refreshed(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"changed: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
