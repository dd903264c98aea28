"""Quantities are exact, ordered by value, and keep the text they were written with.

Source: apimachinery, pkg/api/resource (the upstream table itself is in tests/conformance).
"""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volsim.quantity import Quantity

SUFFIXES = {
    "": Fraction(1),
    "m": Fraction(1, 1000),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "e3": Fraction(10**3),
}
texts = st.builds(
    lambda sign, number, suffix: f"{sign}{number}{suffix}",
    st.sampled_from(["", "-", "+"]),
    st.one_of(st.integers(0, 10**9).map(str), st.decimals(0, 10**6, places=2).map(str)),
    st.sampled_from(sorted(SUFFIXES)),
)


def exact(text: str) -> Fraction:
    suffix = next(s for s in sorted(SUFFIXES, key=len, reverse=True) if text.endswith(s))
    return Fraction(text.removesuffix(suffix)) * SUFFIXES[suffix]


@given(texts)
def test_the_canonical_text_is_the_same_amount(text: str) -> None:
    quantity = Quantity(text)
    assert Quantity(quantity.canonical()) == quantity


@given(texts)
def test_canonical_is_a_fixed_point(text: str) -> None:
    shown = Quantity(text).canonical()
    assert Quantity(shown).canonical() == shown


@given(texts)
def test_the_value_is_exact_up_to_nano_units(text: str) -> None:
    assert abs(Fraction(Quantity(text).nano, 10**9) - exact(text)) < Fraction(1, 10**9)


@given(texts, texts)
def test_order_is_the_order_of_the_values(x: str, y: str) -> None:
    assert (Quantity(x) < Quantity(y)) == (Quantity(x).nano < Quantity(y).nano)
    assert (Quantity(x) == Quantity(y)) == (Quantity(x).nano == Quantity(y).nano)


@given(texts, texts)
def test_sum_and_difference_undo_each_other(x: str, y: str) -> None:
    assert Quantity(x) + Quantity(y) - Quantity(y) == Quantity(x)
    negated = -Quantity(x)
    assert -negated == Quantity(x)


@given(texts)
def test_equal_amounts_have_equal_hashes_and_repr_rebuilds(text: str) -> None:
    quantity = Quantity(text)
    assert hash(Quantity(quantity.canonical())) == hash(quantity)
    assert eval(repr(quantity)).given == quantity.given
    assert pickle.loads(pickle.dumps(quantity)) == copy.deepcopy(quantity) == quantity


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"),
        ("0.05Gi", "53687091200m"),
        ("100.035k", "100.035k"),
        ("0.1", "100m"),
        ("1e3", "1e3"),
        ("1000", "1k"),
        ("0Ki", "0"),
        (1073741824, "1073741824"),
    ],
)
def test_prints_as_kubernetes_does(given_text: int | str, shown: str) -> None:
    assert str(Quantity(given_text)) == shown


def test_whole_units_and_thousandths_are_rounded_up_away_from_zero() -> None:
    assert (int(Quantity("1.2")), int(Quantity("-1.2")), Quantity("1500u").milli) == (2, -2, 2)


def test_a_sum_is_shown_as_its_left_part_unless_that_is_zero() -> None:
    assert str(Quantity("1Gi") + Quantity("1G")) == "2073741824"
    assert str(Quantity(0) + Quantity("1Gi")) == "1Gi"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("10Gb", "'10Gb' has the unknown suffix 'Gb'; did you mean '10G'?"),
        ("10gi", "'10gi' has the unknown suffix 'gi'; did you mean '10Gi'?"),
        ("10 Gi", "'10 Gi' has a blank between number and suffix; did you mean '10Gi'?"),
        ("5mb", "'5mb' has the unknown suffix 'mb'; did you mean '5M'?"),
        ("10K", "'10K' has the unknown suffix 'K'; did you mean '10k'?"),
        (" 5", "' 5' has blanks around the number; did you mean '5'?"),
        ("", "'' is no quantity; write a number with or without a suffix, like '10Gi'"),
        ("FILESTORE_CAPACITY", "'FILESTORE_CAPACITY' is no quantity: it does not begin with a number"),
        ("1,5Gi", "'1,5Gi' is no quantity: '1,' is no number; write it like '1.5Gi' or '500M'"),
        ("3Gigs", "'3Gigs' has the unknown suffix 'Gigs'; the suffixes are Ki, Mi"),
        (True, "True is no quantity"),
        (1.5, "1.5 is no quantity; write it as a text or a whole number"),
    ],
)
def test_a_bad_text_is_answered_with_a_remedy(text: object, told: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|suffix|blank") as caught:
        Quantity(text)  # type: ignore[arg-type]
    assert str(caught.value).startswith(told)


def test_a_quantity_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="cannot be changed"):
        Quantity("1Gi").nano = 5
