"""Quantities read, print, compare and round as upstream's own unit tests say.

Source: apimachinery, pkg/api/resource/quantity_test.go, as neutral data (see the tables' README).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from volsim.quantity import Quantity

TABLES = Path(__file__).parents[2] / ".." / "shared" / "conformance" / "tables"
pytestmark = pytest.mark.skipif(not TABLES.is_dir(), reason="the conformance tables lie beside the repository")


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{file.parent.name}/{case['id']}")
        for file in sorted(TABLES.glob("*/quantity.json"))
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
    ]


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


@pytest.mark.parametrize("case", cases())
def test_upstream_case(case: dict[str, Any]) -> None:
    call, expected = case["action"]["call"], dict(case["expected"])
    if expected.get("error"):
        with pytest.raises(ValueError, match="'"):
            answer(call, case["initial"])
        return
    if "value" in expected:
        expected["value"] = Quantity(expected["value"])
    assert answer(call, case["initial"]) == expected


def test_both_versions_of_the_table_were_read() -> None:
    assert len(cases()) == 138 + 136
