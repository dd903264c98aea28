"""What the command line shows of a check: a report in the form asked for, and what a code means."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from volsim.checking.findings import CheckReport
from volsim.checking.junit import junit
from volsim.checking.kinds import KINDS
from volsim.checking.markdown import markdown
from volsim.checking.sarif import sarif
from volsim.checking.text import text
from volsim.errors import VolsimError, did_you_mean

__all__ = ["EXIT_CODES", "FORMS", "explained", "nodes_of", "shown"]

_NUMBER = re.compile(r"[-+]?[0-9]*[.][0-9]*")
EXIT_CODES = {"clean": 0, "findings": 1, "unknown": 4}
"""The exit code of each verdict; 2 is for a command line that cannot be understood, 3 for a design that cannot be."""


def _json(report: CheckReport) -> str:
    return json.dumps(report.as_dict(), indent=2)


FORMS: dict[str, Callable[[CheckReport], str]] = {
    "text": text,
    "json": _json,
    "sarif": sarif,
    "junit": junit,
    "markdown": markdown,
}
"""The forms of a report, by name."""


def shown(report: CheckReport, form: str) -> str:
    """A report in one of the `FORMS`."""
    return FORMS[form](report)


def explained(code: str) -> str:
    """What a finding of a kind means, why people are surprised, how it comes about, what helps.

    `code` is a code or a kind's name. Raises `VolsimError` for an unknown one.

    >>> print(explained("data-lost").splitlines()[0])
    VS101 data-lost (error)
    """
    named = {kind.name: kind for kind in KINDS.values()}
    kind = KINDS.get(code.upper()) or named.get(code.lower())
    if kind is None:
        known = KINDS if code[:2].upper() == "VS" else named
        raise VolsimError(f"there is no finding {code!r}; {did_you_mean(code, known)}")
    parts = {
        "what it means": kind.means,
        "why people are surprised": kind.surprise,
        "the mechanism": kind.mechanism,
        "what helps": kind.helps,
    }
    told = [f"{title}:\n{textwrap.indent(textwrap.fill(words, 96), '  ')}" for title, words in parts.items()]
    return "\n\n".join([f"{kind.code} {kind.name} ({kind.severity})", *told])


def nodes_of(given: str | None) -> Any:
    """The nodes of a design as a command line gives them: a number, a file or folder of Nodes, names with commas.

    >>> nodes_of("3"), nodes_of("a,b"), nodes_of(None)
    (3, ['a', 'b'], None)
    """
    if given is None:
        return None
    try:
        return int(given)
    except ValueError:
        pass
    if not given.strip() or _NUMBER.fullmatch(given):
        raise VolsimError(f"nodes={given!r}: give a whole number, names with commas, or a file of Nodes")
    if Path(given).exists() or "/" in given or given.endswith((".yaml", ".yml", ".json")):
        return [Path(given)]
    return [name.strip() for name in given.split(",") if name.strip()]
