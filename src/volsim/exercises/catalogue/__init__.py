"""The exercises, in the order in which one should do them."""

from __future__ import annotations

from importlib import import_module

from volsim.errors import VolsimError, did_you_mean
from volsim.exercises.exercise import Exercise

__all__ = ["EXERCISES", "exercise"]

_ORDER = (
    "container-layer",
    "empty-dir",
    "memory-and-reboot",
    "host-path",
    "read-write-once",
    "smallest-fit",
    "released",
    "reclaim-policies",
    "protection",
    "first-consumer",
    "dead-node-deployment",
    "dead-node-stateful-set",
    "split-brain",
    "your-own-binder",
    "any-single-failure",
)

EXERCISES: tuple[Exercise, ...] = tuple(
    import_module(f"volsim.exercises.catalogue.{name.replace('-', '_')}").EXERCISE for name in _ORDER
)
"""All exercises."""


def exercise(which: str | int) -> Exercise:
    """The exercise of that name or number, counted from 1. Raises `VolsimError` if there is none.

    >>> exercise(1).name, exercise("empty-dir").title
    ('container-layer', 'An emptyDir lives as long as its pod')
    >>> exercise("empty-dirs")
    Traceback (most recent call last):
        ...
    volsim.errors.VolsimError: there is no exercise 'empty-dirs'; did you mean 'empty-dir'?
    """
    if str(which).isdigit():
        if not 1 <= int(which) <= len(EXERCISES):
            raise VolsimError(f"there is no exercise {which}; they are numbered from 1 to {len(EXERCISES)}")
        return EXERCISES[int(which) - 1]
    for each in EXERCISES:
        if each.name == which:
            return each
    raise VolsimError(f"there is no exercise {which!r}; {did_you_mean(str(which), [each.name for each in EXERCISES])}")
