"""Label selectors as kubectl takes them with ``-l``: ``app=mysql,tier in (a,b),!old``.

Source: apimachinery, pkg/labels/selector.go (the grammar in Parse).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from volsim.errors import VolsimError
from volsim.objects.meta import LabelSelector, LabelSelectorRequirement

__all__ = ["parse_selector"]

_SET = re.compile(r"^([\w./-]+)\s+(in|notin)\s+\(([^()]*)\)$")
_EQUAL = re.compile(r"^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$")
_EXISTS = re.compile(r"^(!?)\s*([\w./-]+)$")


def parse_selector(selector: str | Mapping[str, str] | None) -> LabelSelector:
    """The selector that a text or a map of labels means; None selects everything.

    Raises `VolsimError` for a text that is no selector.

    >>> parse_selector("app=mysql,tier in (a, b)").matches({"app": "mysql", "tier": "b"})
    True
    >>> parse_selector("app=").matches({"app": "x"})
    False
    """
    if selector is None:
        return LabelSelector()
    if not isinstance(selector, str):
        return LabelSelector(match_labels=dict(selector))
    parts = re.split(r",(?![^(]*\))", selector) if selector.strip() else []
    return LabelSelector(match_expressions=tuple(_requirement(part.strip(), selector) for part in parts))


def _requirement(text: str, whole: str) -> LabelSelectorRequirement:
    if match := _SET.match(text):
        values = tuple(value.strip() for value in match[3].split(","))
        return LabelSelectorRequirement(key=match[1], operator="In" if match[2] == "in" else "NotIn", values=values)
    if match := _EQUAL.match(text):
        return LabelSelectorRequirement(
            key=match[1], operator="NotIn" if match[2] == "!=" else "In", values=(match[3],)
        )
    if match := _EXISTS.match(text):
        return LabelSelectorRequirement(key=match[2], operator="DoesNotExist" if match[1] else "Exists")
    raise VolsimError(
        f"{whole!r} is no label selector: cannot read {text!r}; write such as 'app=mysql,tier in (a,b),!old'"
    )
