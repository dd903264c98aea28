"""Quantities read, print, compare and round as upstream's own unit tests say.

Source: apimachinery, pkg/api/resource/quantity_test.go, as neutral data (see the tables' README).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.tables import Case, check_counts, parameters
from volsim.quantity import Quantity


def answer(call: str, given: dict[str, Any]) -> dict[str, Any]:
    if call == "compare":
        x, y = Quantity(given["x"]), Quantity(given["y"])
        return {"cmp": (x > y) - (x < y)}
    quantity = Quantity(given["input"])
    if call == "roundUp":
        rounded = quantity.rounded_up(given["scale"])
        return {"value": rounded, "exact": rounded == quantity}
    if call == "parse":
        return {"format": quantity.format, "value": quantity, "canonical": str(quantity)}
    if "alternate" in given:
        assert Quantity(given["alternate"]) == quantity
    return {"canonical": str(quantity)}


@pytest.mark.parametrize(("path", "case"), parameters("quantity"))
def test_a_quantity_is_what_upstream_says(path: Path, case: Case) -> None:
    call, expected = case["action"]["call"], dict(case["expected"])
    if expected.get("error"):
        with pytest.raises(ValueError, match="'"):
            answer(call, case["initial"])
        return
    if "value" in expected:
        expected["value"] = Quantity(expected["value"])
    assert answer(call, case["initial"]) == expected


def test_how_many_cases_were_run_is_pinned() -> None:
    check_counts("quantity", {"1.20.2 run": 138, "1.36.2 run": 136})
