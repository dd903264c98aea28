"""Quantities of storage, memory, CPU: exact numbers with Kubernetes' suffixes.

Modelled: all suffixes, decimal exponents, rounding up to nano-units, the cap at 2**63 - 1, canonical text.
Not modelled: the internal switch between int64 and big decimals, which nobody can see.
Source: apimachinery, pkg/api/resource (quantity.go, suffix.go).

>>> Quantity("1.5Gi") == Quantity("1536Mi"), str(Quantity("1.5Gi"))
(True, '1536Mi')
>>> Quantity("10Gb")
Traceback (most recent call last):
    ...
ValueError: '10Gb' has the unknown suffix 'Gb'; did you mean '10G'?
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache, total_ordering
from typing import NoReturn

__all__ = ["Quantity"]

NANO = 10**9  # nano-units in one; Kubernetes keeps no smaller part
_MAX = (2**63 - 1) * NANO  # what does not fit into an int64 is cut to the largest that does

_BINARY = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4, "Pi": 1024**5, "Ei": 1024**6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SUFFIX_OF = {exponent: suffix for suffix, exponent in _DECIMAL.items()}

_NUMBER = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(.*)", re.ASCII | re.DOTALL)
_EXPONENT = re.compile(r"[eE]([+-]?\d+)", re.ASCII)


@total_ordering
class Quantity:
    """An exact amount. Equal and ordered by value; the way it was written is kept in `given`.

    `format` is how the canonical text is built: ``"DecimalSI"``, ``"BinarySI"`` or ``"DecimalExponent"``.
    Raises `ValueError` with a remedy for a text that is no quantity.

    >>> Quantity("500M") + Quantity("1Gi") > Quantity(10)
    True
    >>> Quantity("0.1"), str(Quantity("0.1")), int(Quantity("0.1"))
    (Quantity('0.1'), '100m', 1)
    """

    __slots__ = ("_kept", "format", "given", "nano", "written")

    nano: int  # the amount in 10**-9 units
    format: str
    _kept: bool  # Kubernetes prints the given text again
    given: str  # the text that was read
    written: int | float | str  # what stood in the manifest; a float is only remembered there, never computed with

    def __new__(cls, value: int | str | Quantity = 0) -> Quantity:
        """The quantity that a text or whole number stands for. Cost: repeated texts come from a cache."""
        if isinstance(value, Quantity):
            return value
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(f"{value!r} is no quantity; write it as a text or a whole number, like '10Gi'")
        return _parse(value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Quantity cannot be changed; {name!r} belongs to a value that is shared")

    @classmethod
    def of_decimal(cls, number: float) -> Quantity:
        """The quantity that a manifest means by a number such as ``0.5``: its shortest decimal text, taken exactly.

        >>> Quantity.of_decimal(0.1) == Quantity("100m")
        True
        """
        read = _parse(repr(number))
        return _make(read.nano, read.format, read.given, written=number)

    @classmethod
    def of_nano(cls, nano: int, format: str = "DecimalSI") -> Quantity:
        """The quantity of so many 10**-9 units, to be shown in `format`."""
        return _make(nano, format, None)

    def canonical(self) -> str:
        """The text that Kubernetes prints: the largest suffix that needs no fraction.

        A short decimal text that looks canonical is printed as given, `"100.035k"` for one, as Kubernetes does.

        >>> Quantity("1024Mi").canonical(), Quantity("1500").canonical(), Quantity("12e6").canonical()
        ('1Gi', '1500', '12e6')
        """
        if self._kept:
            return self.given
        if self.nano == 0:
            return "0"
        if self.format == "BinarySI" and abs(self.nano) >= 1024 * NANO and self.nano % NANO == 0:
            return _binary_text(int(self))
        digits, exponent = self.nano, -9
        while digits % 1000 == 0 and exponent < 18:
            digits, exponent = digits // 1000, exponent + 3
        if self.format == "DecimalExponent":
            return f"{digits}e{exponent}" if exponent else str(digits)
        return f"{digits}{_SUFFIX_OF[exponent]}"

    def rounded_up(self, scale: int = 0) -> Quantity:
        """The least multiple of 10**scale that is not smaller in magnitude (Kubernetes rounds away from zero)."""
        if scale <= -9:
            return self
        unit = 10 ** (9 + scale)
        magnitude = -(-abs(self.nano) // unit) * unit
        return self if magnitude == abs(self.nano) else _make(_signed(self.nano, magnitude), self.format, None)

    @property
    def milli(self) -> int:
        """The amount in thousandths, rounded up."""
        return _signed(self.nano, -(-abs(self.nano) // 10**6))

    def __int__(self) -> int:
        """The amount in whole units, rounded up (away from zero) as Kubernetes' `Value()` does."""
        return _signed(self.nano, -(-abs(self.nano) // NANO))

    def __str__(self) -> str:
        return self.canonical()

    def __repr__(self) -> str:
        return f"Quantity({self.given!r})"

    def __bool__(self) -> bool:
        return self.nano != 0

    def __hash__(self) -> int:
        return hash(self.nano)

    def __eq__(self, other: object) -> bool:
        return self.nano == other.nano if isinstance(other, Quantity) else NotImplemented

    def __lt__(self, other: Quantity) -> bool:
        return self.nano < other.nano if isinstance(other, Quantity) else NotImplemented

    def __add__(self, other: Quantity) -> Quantity:
        """The sum, shown as the left one is unless that is zero."""
        if not isinstance(other, Quantity):
            return NotImplemented
        return _make(self.nano + other.nano, self.format if self.nano else other.format, None)

    def __sub__(self, other: Quantity) -> Quantity:
        """The difference, shown as the left one is unless that is zero."""
        if not isinstance(other, Quantity):
            return NotImplemented
        return _make(self.nano - other.nano, self.format if self.nano else other.format, None)

    def __neg__(self) -> Quantity:
        return _make(-self.nano, self.format, None)

    def __copy__(self) -> Quantity:
        return self

    def __deepcopy__(self, memo: object) -> Quantity:
        return self

    def __reduce__(self) -> tuple[type[Quantity], tuple[str]]:
        return (Quantity, (self.given,))


def _signed(sign_of: int, magnitude: int) -> int:
    return -magnitude if sign_of < 0 else magnitude


def _make(
    nano: int, format: str, given: str | None, kept: bool = False, written: float | str | None = None
) -> Quantity:
    made = object.__new__(Quantity)
    put = object.__setattr__
    put(made, "nano", nano)
    put(made, "format", format)
    put(made, "given", "" if given is None else given)
    put(made, "_kept", kept)
    if given is None:
        put(made, "given", made.canonical())
    put(made, "written", made.given if written is None else written)
    return made


def _binary_text(units: int) -> str:
    suffix = ""
    for name in _BINARY:
        if units % 1024:
            break
        units, suffix = units // 1024, name
    return f"{units}{suffix}"


@lru_cache(maxsize=8192, typed=True)  # a cluster's manifests repeat a few dozen texts; the bound is for generated ones
def _parse(given: int | str) -> Quantity:
    text = str(given)
    match = _NUMBER.fullmatch(text)
    if match is None:
        _refuse_number(text)
    sign, number, suffix = match.groups()
    exponent = _EXPONENT.fullmatch(suffix)
    if suffix in _BINARY:
        format, factor = "BinarySI", Fraction(_BINARY[suffix])
    elif suffix in _DECIMAL:
        format, factor = "DecimalSI", Fraction(10) ** _DECIMAL[suffix]
    elif exponent is not None:
        power = max(-400, min(400, int(exponent[1])))  # far outside of what can be told apart: keep it cheap
        format, factor = "DecimalExponent", Fraction(10) ** power
    else:
        _refuse_suffix(text, sign + number, suffix)
    exact = Fraction(number) * factor * NANO
    nano = -(-exact.numerator // exact.denominator)
    if format == "BinarySI":
        nano = min(nano, _MAX)
    if format == "BinarySI" and 0 < exact < NANO:
        format = "DecimalSI"  # less than one byte has no binary text
    return _make(-nano if sign == "-" else nano, format, text, _looks_canonical(number, factor, format), given)


def _looks_canonical(number: str, factor: Fraction, format: str) -> bool:
    """Whether Kubernetes takes the text for canonical without looking closer (its path for up to 18 digits)."""
    whole, _, fraction = number.partition(".")
    digits = (whole.lstrip("0") or "0") + fraction
    if format == "BinarySI" or len(digits) > 18:
        return False
    smallest = factor / 10 ** len(fraction)
    power = len(str(smallest.numerator)) - len(str(smallest.denominator))
    return power >= -9 and power % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _refuse_number(text: str) -> NoReturn:
    stripped = text.strip()
    if not stripped:
        raise ValueError(f"{text!r} is no quantity; write a number with or without a suffix, like '10Gi'")
    if stripped != text and _NUMBER.fullmatch(stripped):
        raise ValueError(f"{text!r} has blanks around the number; did you mean {stripped!r}?")
    raise ValueError(f"{text!r} is no quantity: it does not begin with a number; write it like '10Gi' or '500M'")


def _refuse_suffix(text: str, number: str, suffix: str) -> NoReturn:
    known = ", ".join([*_BINARY, *filter(None, _DECIMAL)])
    word = suffix.strip()
    bare = re.sub(r"(?i)(bytes?|b)$", "", word)
    remedy = f"the suffixes are {known}"
    if suffix != word and (word in _BINARY or word in _DECIMAL):
        raise ValueError(f"{text!r} has a blank between number and suffix; did you mean {number + word!r}?")
    if re.match(r"[\d.,+-]", word):
        raise ValueError(f"{text!r} is no quantity: {number + word[0]!r} is no number; write it like '1.5Gi' or '500M'")
    for candidate in (bare, bare.capitalize(), bare.lower()):
        if candidate in _BINARY or candidate in _DECIMAL:
            meant = "M" if candidate == "m" else candidate  # 'mb' hardly ever means thousandths of a byte
            remedy = f"did you mean {number + meant!r}?"
            break
    raise ValueError(f"{text!r} has the unknown suffix {word!r}; {remedy}")
