"""Writes the chapters and the exercises as notebooks: `python tools/build_notebooks.py [FOLDER] [PAGE…]`.

The pages of docs/tutorial and docs/exercises are the only source. What one types at Python's prompt becomes cells, each
up to the next thing that is shown, so that a notebook shows what the page shows; jupytext makes notebooks of that. An
exercise's chapter ends with its worksheet. Without a folder they go to docs/_build/notebooks.
"""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path
from typing import Any

from volsim.exercises import EXERCISES
from volsim.exercises.notebooks import as_json, notebook_of, worksheet

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for room in ("tutorial", "exercises") for path in (ROOT / "docs" / room).glob("*.md"))
CHAPTERS = [path for path in PAGES if path.stem != "index"]

FENCE = re.compile(r"^(`{3,})(\S+)(?: (\S+))?\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[([^\]]*)\]\(([^)]*\.md)\)")
PARSER = doctest.DocTestParser()
CHECKER = doctest.OutputChecker()
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # IPython breaks long values into lines
RAISES = ' tags=["raises-exception"]'
"""Lets a notebook go on after a cell that is to fail."""


# -- from a page to a notebook -----------------------------------------------------------------------------------------
def cells(session: str) -> list[tuple[str, str]]:
    """A session at Python's prompt as cells: the code, and what it shows; a cell ends where something is shown."""
    found: list[tuple[str, str]] = []
    code = ""
    for example in PARSER.get_examples(session + "\n"):
        code += example.source
        if example.want:
            found.append((code.rstrip("\n"), example.want))
            code = ""
    return [*found, (code.rstrip("\n"), "")] if code else found


def markdown(page: Path) -> str:
    """The page as Markdown from which jupytext makes a notebook."""

    def block(match: re.Match[str]) -> str:
        _, language, argument, body = match.groups()
        if language == "{literalinclude}":
            return included(page.parent / argument, body)
        if language != "python":
            return match[0]
        fences = [
            f"```python{RAISES if wanted.startswith('Traceback') else ''}\n{code}\n```" for code, wanted in cells(body)
        ]
        return "\n\n".join(fences)

    text = LINK.sub(lambda match: linked(match, page), FENCE.sub(block, page.read_text(encoding="utf-8")))
    answers = [each for each in EXERCISES if page.parent.name == "exercises" and each.name == page.stem]
    return "\n".join([text, *(worksheet(each).replace("# ", "## ", 1) for each in answers)])


def included(path: Path, options: str) -> str:
    """A file that the page shows, up to where it shows it."""
    text = path.read_text(encoding="utf-8")
    end = re.search(r'^:end-before: "?(.*?)"?$', options, re.MULTILINE)
    shown = text.partition(end[1])[0] if end else text
    return f"```yaml\n{shown.strip()}\n```"


def linked(match: re.Match[str], page: Path) -> str:
    """A link to a chapter leads to its notebook; other pages are not there beside notebooks."""
    words, target = match.groups()
    return f"[{words}]({target[:-3]}.ipynb)" if (page.parent / target).resolve() in CHAPTERS else words


def notebook(page: Path) -> Any:
    """The page as a notebook in which nothing has run yet."""
    return notebook_of(markdown(page))


# -- what a page shows, and what its notebook showed -------------------------------------------------------------------
def wanted(page: Path) -> list[str]:
    """What the page shows, for each cell of code that its notebook has before the worksheet."""
    sessions = (match[4] for match in FENCE.finditer(page.read_text(encoding="utf-8")) if match[2] == "python")
    return [shown for session in sessions for _, shown in cells(session)]


def shown(cell: Any) -> str:
    """What a cell has shown when it ran, as the page would show it."""
    text = ""
    for output in cell.outputs:
        if output.output_type == "stream":
            text += output.text if output.name == "stdout" else ""
        elif output.output_type == "error":
            text += f"Traceback (most recent call last):\n    ...\n{output.ename}: {output.evalue}\n"
        else:
            text += output.data["text/plain"] + "\n"
    return text


def differences(page: Path, executed: Any) -> list[str]:
    """Where an executed notebook shows something else than its page."""
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    found = []
    for expected, cell in zip(wanted(page), code, strict=False):
        # At the prompt an error has its module before it.
        bare = (
            re.sub(r"^(?:\w+\.)+(\w+: )", r"\1", expected, flags=re.MULTILINE) if "Traceback" in expected else expected
        )
        if not CHECKER.check_output(bare, shown(cell), FLAGS):
            found.append(f"{page.name}: {cell.source}\nthe page shows:\n{expected}\nthe notebook shows:\n{shown(cell)}")
    return found


def main(arguments: list[str]) -> int:
    """Write the notebooks; all of them, unless pages are named."""
    folder = Path(arguments[0]) if arguments else ROOT / "docs" / "_build" / "notebooks"
    pages = [Path(each).resolve() for each in arguments[1:]] or CHAPTERS
    for page in pages:
        target = folder / page.parent.name / f"{page.stem}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(as_json(notebook(page)), encoding="utf-8")
        print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
