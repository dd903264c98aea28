"""A stable 64-bit number for any value of the model: equal values have equal ones, on any machine and hash seed.

A record remembers the number of itself, so that after `pod.replace(status=…)` only the status is hashed again.
Numbers of parts are combined by Python's hash of a tuple of integers, which depends on nothing but them; texts go
through BLAKE2b once and are remembered. `resourceVersion` is left out: it counts writes, and says nothing of what is.

Two different states share a number with probability 2**-64; for ten million visited states that makes one
collision in 370,000 explorations.

>>> fingerprint(("a", 1)) == fingerprint(("a", 1)), fingerprint("a") == fingerprint(b"a")
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from hashlib import blake2b
from typing import Any, TypeVar

import attrs

from volsim.errors import VolsimError
from volsim.objects._record import FrozenDict, Record
from volsim.quantity import Quantity

__all__ = ["fingerprint", "remembered", "scattered"]

R = TypeVar("R", bound=Record)
T = TypeVar("T")

_TEXTS: dict[str, int] = {}
_ANSWERS_LIMIT = 1_000
_TEXTS_LIMIT = 1_000_000  # forget all and start again: bounds memory in long explorations
_FIELDS: dict[type, tuple[int, tuple[str, ...]]] = {}
_NONE, _TRUE, _FALSE, _TUPLE, _MAP, _NUMBER = (0x6E6F6E65, 0x74727565, 0x66616C73, 0x7475706C, 0x6D617021, 0x6E756D62)
_MASK = (1 << 64) - 1
_LEFT_OUT = frozenset({"resource_version"})
_set = object.__setattr__


def _text(value: str) -> int:
    found = _TEXTS.get(value)
    if found is None:
        if len(_TEXTS) >= _TEXTS_LIMIT:
            _TEXTS.clear()
        found = _TEXTS[value] = int.from_bytes(blake2b(value.encode("utf-8", "surrogatepass"), digest_size=7).digest())
    return found


def _record(value: Any) -> int:
    kind = type(value)
    known = _FIELDS.get(kind)
    if known is None:
        names = tuple(field.name for field in attrs.fields(kind) if field.name not in _LEFT_OUT and field.eq)
        known = _FIELDS[kind] = (_text(kind.__name__), names)
    # A field at its most common value contributes nothing but its absence: most fields of most records are empty.
    parts = [known[0]]
    for number, name in enumerate(known[1]):
        part = getattr(value, name)
        if part is not None:
            parts.append(number)
            parts.append(fingerprint(part))
    return hash(tuple(parts))


def scattered(number: int) -> int:
    """The number, so mixed that sums of such numbers say what has been added up.

    Python's hash of a tuple is all but linear in its last part: if two rows change their values with each other, the
    sum of their hashes stays the same in two cases of five. The constant is odd, and as many bits are 1 as are 0.

    >>> scattered(0), scattered(1) + scattered(4) == scattered(2) + scattered(3)
    (0, False)
    """
    number = ((number & _MASK) ^ (number & _MASK) >> 32) * 0xD6E8FEB86659FD93 & _MASK
    return number ^ number >> 32


def fingerprint(value: Any) -> int:
    """The number of `value`: a record, text, bytes, number, None, tuple or `FrozenDict` of such.

    Objects with an integer attribute `fingerprint` (file trees) say their own. Cost: the size of what has not been
    hashed before.
    """
    if isinstance(value, Record):
        try:
            return value._fingerprint
        except AttributeError:
            found = _record(value)
            _set(value, "_fingerprint", found)
            return found
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return _NONE
    if value is True or value is False:
        return _TRUE if value else _FALSE
    if isinstance(value, int | float):
        return hash((_NUMBER, hash(value)))
    if isinstance(value, tuple):
        return hash((_TUPLE, *map(fingerprint, value)))
    if isinstance(value, FrozenDict):
        return hash((_MAP, *sorted(hash((fingerprint(key), fingerprint(item))) for key, item in value.items())))
    if isinstance(value, Quantity):
        return hash((_NUMBER, value.nano, _text(value.given)))
    if isinstance(value, bytes):
        return int.from_bytes(blake2b(value, digest_size=7, person=b"bytes").digest())
    own = getattr(value, "fingerprint", None)
    if isinstance(own, int):
        return own
    raise VolsimError(
        f"a {type(value).__name__} cannot be part of a state: it is no record, text, number, tuple or FrozenDict"
    )


def remembered(function: Callable[[R], T]) -> Callable[[R], T]:
    """The function of one record, which is asked again only for a record that differs from those before.

    It must depend on nothing else, nor on a `resourceVersion`, and give something that nobody changes. At most a
    thousand answers are kept. For a record whose number is known, an answer costs as much as a look into a dict.

    >>> from volsim.objects import ObjectMeta
    >>> asked = []
    >>> name_of = remembered(lambda meta: asked.append(meta) or meta.name)
    >>> name_of(ObjectMeta(name="a")), name_of(ObjectMeta(name="a")), len(asked)
    ('a', 'a', 1)
    """
    answers: dict[int, T] = {}

    @wraps(function)
    def answer(record: R) -> T:
        number = fingerprint(record)
        if number not in answers:
            if len(answers) >= _ANSWERS_LIMIT:
                answers.clear()
            answers[number] = function(record)
        return answers[number]

    return answer
