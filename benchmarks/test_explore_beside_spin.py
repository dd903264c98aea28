"""Exploring beside spin in the same run: the same cluster, with as many situations and moves in both.

spin makes a verifier in C of `models/binding.pml`, in which each process is one controller with one key; volsim follows
the controllers themselves, with all that they read and write. On a cluster that both go through completely the numbers
are compared; spin's rate is taken from a larger one, for it is through with the small one before its clock has moved.
Times are CPU time of the search alone, spin's translation and compilation left out.
"""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

import volsim
from tests.exploration.clusters import claim, cluster, pod, volume
from volsim.exploration import ALL_REDUCTIONS, Bounds, Order, Verdict, eventually, search

MODEL = Path(__file__).parent / "models" / "binding.pml"
NEEDED = ("spin", "gcc")
MISSING = [name for name in NEEDED if shutil.which(name) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed here: {', '.join(MISSING)}")


class Size(NamedTuple):
    """How large the cluster is; a volume fits every claim, pod i uses claim i."""

    volumes: int
    claims: int
    pods: int
    nodes: int

    @property
    def options(self) -> list[str]:
        return [f"-D{name.upper()}={number}" for name, number in self._asdict().items()]

    def __str__(self) -> str:
        return ", ".join(f"{number} {name}" for name, number in self._asdict().items())


SMALL, LARGE = Size(3, 3, 2, 2), Size(4, 4, 3, 3)


class Verified(NamedTuple):
    """What spin's verifier tells of a search."""

    states: int
    moves: int
    seconds: float
    state_bytes: float

    @property
    def rate(self) -> float:
        return self.states / self.seconds


def verified(size: Size, directory: Path) -> Verified:
    """spin's search through all states: no partial-order reduction, and no variable left out that is only written."""
    shutil.copy(MODEL, directory)
    run(directory, "spin", "-o2", *size.options, "-a", MODEL.name)
    run(directory, "gcc", "-O2", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    told = run(directory, "./pan", "-n", "-m1000000")
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert "errors: 0" in told
    states = number(r"(\d+) states, stored", told)
    stored_bytes = number(r"([\d.]+)\s+equivalent memory usage for states", told) * 2**20
    moves = number(r"(\d+) transitions \(= stored\+matched\)", told) - 1  # it counts the start as one
    return Verified(int(states), int(moves), seconds, stored_bytes / states)


def number(pattern: str, told: str) -> float:
    found = re.search(pattern, told)
    assert found is not None, f"spin did not tell {pattern!r}:\n{told}"
    return float(found[1])


def run(directory: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(command)} does not work here: {done.stderr or done.stdout}".strip())
    return done.stdout


def made(size: Size) -> volsim.Simulation:
    """The cluster of the model."""
    volumes = [volume(f"v{at}") for at in range(size.volumes)]
    claims = [claim(f"c{at}") for at in range(size.claims)]
    pods = [pod(f"p{at}", f"c{at}") for at in range(size.pods)]
    return cluster(*volumes, *claims, *pods, nodes=size.nodes)


def all_run(sim: volsim.Simulation) -> bool:
    return all(each.status.phase == "Running" for each in sim.list("pods"))


def test_as_many_situations_as_spin(benchmark, note, tmp_path: Path) -> None:
    """With nothing left out, in any order: state for state what spin sees; and how fast."""
    small = verified(SMALL, tmp_path)
    large = verified(LARGE, tmp_path)
    sim = made(SMALL)
    start = time.process_time()
    found = benchmark.pedantic(lambda: search(sim.state, sim.engine), rounds=1)
    seconds = time.process_time() - start
    assert found.complete
    assert (found.states, found.transitions) == (small.states, small.moves)
    rate = found.states / seconds
    note(
        f"{SMALL}: {found.states:,} situations and {found.transitions:,} moves in both; volsim {rate:,.0f} situations/s"
        f" ({seconds / found.transitions * 1e6:.0f} µs a move), spin {large.rate:,.0f}/s ({large.state_bytes:.0f} bytes"
        f" a state; rate of its {large.states:,} states for {LARGE}): 1/{large.rate / rate:,.0f}",
        "≥ 1/15 of spin",
    )


def test_the_same_verdict_with_reductions_as_spin_without(benchmark, note, tmp_path: Path) -> None:
    """What a reduced search need not see counts as seen: the states that spin visits, in the time to the verdict."""
    other = verified(LARGE, tmp_path)
    sim = made(LARGE)
    start = time.process_time()
    found = benchmark.pedantic(
        lambda: search(
            sim.state,
            sim.engine,
            order=Order.WAVES,
            reductions=ALL_REDUCTIONS,
            properties=[eventually("all pods run", all_run)],
            bounds=Bounds(max_states=50_000),
        ),
        rounds=1,
    )
    seconds = time.process_time() - start
    assert found.verdict is Verdict.HOLDS
    note(
        f"{LARGE}: {found.states:,} situations decide for spin's {other.states:,}, in {seconds:.1f} s and"
        f" {other.seconds:.2f} s: 1/{seconds / other.seconds:.0f}",
        "≥ 1/15 of spin",
    )
