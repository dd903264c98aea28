"""Where a search ends early, and how far it is."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

import attrs

from volsim.errors import VolsimError
from volsim.quantity import Quantity
from volsim.rules import Duration

__all__ = ["Bounds", "Progress", "Watch", "resident_bytes"]

_STATM = Path("/proc/self/statm")


def _bytes(given: int | str | None) -> int | None:
    if given is None:
        return None
    try:
        size = int(Quantity(given)) if isinstance(given, int | str) else 0
    except ValueError:
        size = 0
    if size < 1:
        raise VolsimError(f"max_memory={given!r}: give a number of bytes, or a quantity such as '2Gi'")
    return size


@attrs.frozen(kw_only=True)
class Bounds:
    """Where a search ends early. What it did not see, it says.

    >>> Bounds(max_memory="2Gi").max_memory
    2147483648
    """

    max_states: int = 100_000
    max_depth: int | None = None
    """Moves from the start."""
    max_seconds: float | None = None
    """Real seconds."""
    max_memory: int | None = attrs.field(default=None, converter=_bytes)
    """Bytes by which the process may grow; a quantity such as ``"2Gi"`` is taken as well."""
    until: Duration | None = None
    """Simulated time from the start: nothing that is due later is done."""

    def __attrs_post_init__(self) -> None:
        if self.max_states < 1:
            raise VolsimError(f"max_states={self.max_states}: a search sees at least the state from which it starts")
        if self.max_memory is not None:
            resident_bytes()


class Progress(NamedTuple):
    """How far a search is."""

    states: int
    frontier: int
    depth: int
    seconds: float
    run: int
    """The how-manieth time it goes over everything, from 1: see `volsim.exploration.commuting`."""


def resident_bytes() -> int:
    """How much memory this process has. Where the system only tells the most that it had, that.

    Raises `VolsimError` on a system that tells neither.
    """
    try:
        if sys.platform == "linux":
            import resource

            return int(_STATM.read_bytes().split()[1]) * resource.getpagesize()
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    except (ImportError, OSError):
        raise VolsimError(
            "max_memory: this system does not say how much memory a process has; use max_states"
        ) from None
    return most if sys.platform == "darwin" else most * 1024


class Watch:
    """Says when a bound of real time or memory is hit, from the moment at which it is made."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds, self._started = bounds, time.monotonic()
        self._before = 0 if bounds.max_memory is None else resident_bytes()

    @property
    def seconds(self) -> float:
        """How long it is running."""
        return time.monotonic() - self._started

    def hit(self) -> str:
        """The name of the bound that is hit, or nothing."""
        bounds = self._bounds
        if bounds.max_seconds is not None and self.seconds > bounds.max_seconds:
            return "max_seconds"
        if bounds.max_memory is not None and resident_bytes() - self._before > bounds.max_memory:
            return "max_memory"
        return ""
