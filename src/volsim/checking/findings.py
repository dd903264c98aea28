"""What a check found: findings, what was explored, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import attrs

from volsim.checking.kinds import KINDS, Kind
from volsim.exploration.story import Story

__all__ = ["UNCLEAR", "CheckReport", "Explored", "Finding", "Place"]


class Place(NamedTuple):
    """Where an object stands; lines count from 1.

    >>> print(Place("web.yaml", 3))
    web.yaml:3
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@attrs.frozen(kw_only=True)
class Finding:
    """One thing that can happen to a design, with its proof."""

    code: str
    objects: tuple[str, ...]
    """Whom it happens to, as ``KIND/NAMESPACE/NAME``."""
    part: tuple[str, ...]
    """The workloads that were checked together."""
    summary: str
    """One sentence."""
    fault: str
    """The fault under which it was found first; empty if none is needed."""
    story: Story
    told: tuple[str, ...]
    """The story as people read it, a line for each thing that happens."""
    remedy: str
    also: tuple[str, ...] = ()
    """The other faults under which it was found."""
    why: tuple[str, ...] = ()
    """What keeps it as it is at the end of the story, if that is what it is about."""
    way_out: str = ""
    """What somebody can do then: it was tried."""

    @property
    def kind(self) -> Kind:
        """What kind of finding it is."""
        return KINDS[self.code]

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON has it."""
        return {
            "code": self.code,
            "kind": self.kind.name,
            "severity": self.kind.severity,
            "objects": list(self.objects),
            "summary": self.summary,
            "fault": self.fault or None,
            "also": list(self.also),
            "story": [line.strip() for line in self.told],
            "why": list(self.why),
            "way_out": self.way_out or None,
            "remedy": self.remedy,
        }


@attrs.frozen(kw_only=True)
class Explored:
    """One exploration of a part of the design under one fault."""

    part: tuple[str, ...]
    """The workloads that were checked together."""
    fault: str
    states: int
    complete: bool
    why: str = ""
    """What stopped it, if something did."""
    seconds: float = 0.0

    @property
    def hint(self) -> str:
        """What would let it see everything, if it did not.

        >>> Explored(part=("Pod/default/web",), fault="drain", states=9, complete=False, why="max_states").hint
        'more is seen with --max-states, and there is less to see with --nodes 2'
        """
        if self.why == UNCLEAR:
            return "a question tells apart what counts as one situation, which is a fault of volsim: please report it"
        return "" if self.complete else _HINTS.format(self.why.replace("_", "-"))


UNCLEAR = "unclear"
"""Why not all is known although everything was seen: see `volsim.exploration.answers.Answer.unclear`."""
_HINTS = "more is seen with --{}, and there is less to see with --nodes 2"
"""Options of the command line: those of `check` have the same names."""


@attrs.frozen(kw_only=True)
class CheckReport:
    """What `check` found out about a design.

    `verdict` is ``"clean"``, ``"findings"`` or, if nothing was found but not everything was seen, ``"unknown"``.
    """

    findings: tuple[Finding, ...]
    explored: tuple[Explored, ...]
    assumed: tuple[str, ...]
    """What was made up or taken for granted, a line each."""
    kubernetes: str
    faults: tuple[str, ...]
    places: Mapping[str, Place] = attrs.field(factory=dict, repr=False)
    """Where each object stands, as far as it stands in a file."""

    @property
    def verdict(self) -> str:
        """`clean`, `findings` or `unknown`."""
        if self.findings:
            return "findings"
        return "clean" if all(each.complete for each in self.explored) else "unknown"

    @property
    def ok(self) -> bool:
        """Whether the design is clean."""
        return self.verdict == "clean"

    def places_of(self, finding: Finding) -> tuple[Place, ...]:
        """Where the objects of a finding stand; of what stands nowhere, the workloads checked with it."""
        claims = [f"PersistentVolumeClaim/{each[6:]}" for each in finding.objects if each.startswith("claim ")]
        found = [self.places[each] for each in (*finding.objects, *claims) if each in self.places]
        return tuple(found or [self.places[each] for each in finding.part if each in self.places])

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "verdict": self.verdict,
            "kubernetes": self.kubernetes,
            "faults": list(self.faults),
            "findings": [finding.as_dict() for finding in self.findings],
            "explored": [
                {
                    "part": list(each.part),
                    "fault": each.fault or None,
                    "states": each.states,
                    "complete": each.complete,
                    **({"why": each.why, "hint": each.hint} if each.why else {}),
                }
                for each in self.explored
            ],
            "assumed": list(self.assumed),
        }

    def __str__(self) -> str:
        from volsim.checking.text import text

        return text(self)
