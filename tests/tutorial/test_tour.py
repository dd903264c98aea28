"""The tour tells the same facts of every version, each of them checked against what the simulation printed."""

from __future__ import annotations

import pytest

from volsim.tour import tour


@pytest.mark.parametrize("kubernetes", ["1.15", "1.20", "1.27", "1.31", "1.36"])
def test_every_fact_holds_in_every_version(kubernetes: str) -> None:
    printed: list[str] = []
    assert tour(printed.append, kubernetes=kubernetes) == 22
    assert sum(line.startswith("=> ") for line in printed) == 22
    assert not any(line.startswith(("error", "Error")) for line in printed)


def test_it_is_told_the_same_with_the_same_seed() -> None:
    first: list[str] = []
    second: list[str] = []
    tour(first.append, seed=7)
    tour(second.append, seed=7)
    assert first == second
