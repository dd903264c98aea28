"""What Hypothesis prints when a property fails: a small program that can be pasted."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings

import volsim
from volsim import objects
from volsim.testing import cluster_of, strategies

LIMITS = settings(derandomize=True, database=None, max_examples=500, phases=[Phase.generate, Phase.shrink])


def counterexample() -> str:
    """What is printed for the property that no claim is ever bound."""

    @LIMITS
    @given(strategies.clusters())
    def no_claim_is_ever_bound(sim: volsim.Simulation) -> None:
        sim.settle()
        assert all(claim.status.phase != "Bound" for claim in sim.list("pvc"))

    with pytest.raises(AssertionError) as failure:
        no_claim_is_ever_bound()
    return "\n".join(failure.value.__notes__)


def test_a_counterexample_can_be_pasted_and_shows_what_it_shows() -> None:
    told = counterexample()
    lines = [line.partition("  # ")[0] for line in told.splitlines()]
    start = next(number for number, line in enumerate(lines) if "sim=cluster_of(" in line)
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = next(number for number in range(start + 1, len(lines)) if lines[number].startswith(" " * indent + ")"))
    program = "\n".join(lines[start : end + 1]).strip().removeprefix("sim=").rstrip(",")
    sim = eval(program, {"cluster_of": cluster_of, **vars(objects)})
    sim.settle()
    assert [claim.status.phase for claim in sim.list("pvc")] == ["Bound"]
    assert [volume.name for volume in sim.list("pv")] == ["v1"]


def test_a_counterexample_says_nothing_that_goes_without_saying() -> None:
    assert "None" not in counterexample()
