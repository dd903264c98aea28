"""A story as people read it: the time counts from the fault, what repeats is one line, disks have their claims' names.

>>> from volsim.engine.actions import Fault, Step, Sync
>>> steps = [Step(3_600_000_000, Fault("power off", "node01"), (), ())]
>>> steps += [Step(at * 1_000_000, Sync("kubelet", "web"), (None,), (), "wait for pvc-1") for at in (3950, 4073, 4196)]
>>> for line in tell(Story(tuple(steps)), {"pvc-1": "data"}): print(line)
      0 s  fault: power off node01
    350 s  kubelet: wait for the volume of data (3 times, the last at 596 s)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from volsim.engine.actions import Ask, Fault, Step, Sync
from volsim.engine.simulation import Simulation
from volsim.exploration.story import Story

__all__ = ["claims_of_volumes", "tell", "without_preemption"]

FOR_EVER = "and so on for ever:"
_PREEMPTION = re.compile(r"( no new claims to deallocate,)? preemption: .*", re.DOTALL)
_REPORTS = re.compile(r": report$|: report node \S+ ready$")
"""What only writes down in a status what has been told before."""


def tell(story: Story, claims: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The lines of a story; `claims` names the claim of each volume whose own name nobody chose."""
    first = next((at for at, step in enumerate(story.steps) if isinstance(step.action, Fault | Ask)), None)
    steps = story.steps[first or 0 :]  # before it all was well
    zero_us = steps[0].time_us if first is not None else 0
    names = claims or {}
    told = list(_lines(steps, zero_us, names)) or ["nothing has to happen for it"]
    again = list(_lines(story.cycle, zero_us, names))
    return (*told, FOR_EVER, *again) if again else tuple(told)


def claims_of_volumes(sims: Iterable[Simulation]) -> dict[str, str]:
    """The claim of each volume that was provisioned for it, by the volume's name."""
    found: dict[str, str] = {}
    for sim in sims:
        for name, volume in sim.state.persistent_volumes.items():
            claim = volume.spec.claim_ref
            if claim is not None and claim.uid and name == f"pvc-{claim.uid}":
                place = "" if claim.namespace == "default" else f"{claim.namespace}/"
                found[name] = f"{place}{claim.name}"
    return found


def _lines(steps: Iterable[Step], zero_us: int, claims: Mapping[str, str]) -> Iterator[str]:
    """A line for each different thing that happened, where it happened first."""
    times: dict[str, list[int]] = {}
    for step in steps:
        if step.changes or not isinstance(step.action, Sync):
            text = _short(str(step).partition("s  ")[2])
            if not _REPORTS.search(text):
                times.setdefault(_named(text, claims), []).append(step.time_us - zero_us)
    for text, at_us in times.items():
        more = f" ({len(at_us)} times, the last at {_seconds(at_us[-1])})" if len(at_us) > 1 else ""
        yield f"{_seconds(at_us[0]):>9}  {text}{more}"


def _short(text: str) -> str:
    """What a command prints in several lines, without all but its last words; what the scheduler says, in short."""
    first, *rest = text.strip().splitlines()
    return f"{first.partition(': refused: ')[0]}: {rest[-1]}" if rest else without_preemption(first)


def without_preemption(text: str) -> str:
    """What the scheduler says, without what it says of pods that might make room.

    >>> without_preemption("0/1 nodes are available: 1 Too many pods. preemption: 0/1 nodes are available: ...")
    '0/1 nodes are available: 1 Too many pods.'
    """
    return _PREEMPTION.sub("", text)


def _seconds(time_us: int) -> str:
    return f"{round(time_us / 1e6, 1):.12g} s"


def _named(text: str, claims: Mapping[str, str]) -> str:
    for volume, claim in claims.items():
        text = re.sub(rf"(the )?(volume )?\b{re.escape(volume)}\b", f"the volume of {claim}", text)
    return text
