"""What an explanation consists of."""

from __future__ import annotations

from typing import NamedTuple

import attrs

__all__ = ["Cause", "Expectation", "Explanation"]


class Cause(NamedTuple):
    """One reason why something is as it is.

    >>> print(Cause("too-small", "volume v has 1Gi, 4Gi less than 5Gi", ("pv/v",)))
    too-small: volume v has 1Gi, 4Gi less than 5Gi
    """

    code: str
    """A stable word for programs: ``too-small``, ``class-differs``, …"""
    text: str
    objects: tuple[str, ...] = ()
    """The objects that it is about, as addresses."""

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


class Expectation(NamedTuple):
    """What happens at a time by itself, if nobody does anything and nothing else fails.

    >>> print(Expectation("evicted", "pod web is told to go", at=361.0, after=300.0))
    in 300 s: pod web is told to go
    """

    code: str
    """A stable word for programs: ``evicted``, ``detached``, …"""
    text: str
    at: float
    """Simulated seconds since the start."""
    after: float
    """Seconds from now."""
    objects: tuple[str, ...] = ()
    """The objects that it is about, as addresses."""

    def __str__(self) -> str:
        return f"in {self.after:g} s: {self.text}" if self.after > 0 else f"now: {self.text}"


@attrs.frozen
class Explanation:
    """Why an object is as it is: a sentence, its causes, and what would change it. `str()` is for people.

    >>> print(Explanation("pv/v", "pv/v is Available: no claim has asked for it."))
    pv/v is Available: no claim has asked for it.
    """

    about: str
    """The object's address."""
    summary: str
    causes: tuple[Cause, ...] = ()
    remedies: tuple[str, ...] = ()
    """What would change it, the smallest change first."""
    expected: tuple[Expectation, ...] = ()
    """What comes next by itself, in order of time. Told of pods and nodes; nothing: it stays as it is."""

    def __str__(self) -> str:
        lines = [self.summary, *(f"- {cause}" for cause in self.causes)]
        if self.expected:
            lines += ["What comes next:", *(f"- {each}" for each in self.expected)]
        if self.remedies:
            lines += ["What would help:", *(f"- {remedy}" for remedy in self.remedies)]
        return "\n".join(lines)
