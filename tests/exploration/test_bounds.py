"""Where a search ends early, what was not decided is unknown: for every bound, and for every word."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
import pytest

import volsim
from tests.exploration.clusters import claim, cluster, pod, volume
from volsim import Faults, properties
from volsim.exploration import Bounds, Property, bounds, sometimes
from volsim.exploration.report import Report


def lost(sim: Any) -> bool:
    return any(each.status.phase == "Lost" for each in sim.list("pvc"))


def runs(sim: Any) -> bool:
    return any(each.status.phase == "Running" for each in sim.list("pods"))


WORDS: dict[str, Property] = {
    "always": properties.always("nothing is lost", lambda sim: not lost(sim)),
    "always, of something": properties.always("what is lost is lost", lambda sim: True, when=lost),
    "sometimes": sometimes("something is lost", lost),
    "eventually": properties.eventually("the pod runs", runs),
    "within": properties.within("nothing is lost for long", "1h", lambda sim: not lost(sim)),
}
"""Of each, nothing is decided before everything is seen."""

BOUNDS: dict[str, dict[str, Any]] = {
    "max_states": {"max_states": 3},
    "max_depth": {"max_depth": 1},
    "max_seconds": {"max_seconds": 0.0},
    "max_memory": {"max_memory": 1},
    "until": {"until": "0s"},
}


@pytest.fixture(autouse=True)
def grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that grows whenever somebody looks."""
    sizes = itertools.count(1_000, 1_000)
    monkeypatch.setattr(bounds, "resident_bytes", lambda: next(sizes))


def explored(prop: Property, **given: Any) -> Report:
    sim = cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1)
    return volsim.explore(sim, faults=Faults(container_crashes=1), properties=[prop], **given)


def test_every_bound_is_tried() -> None:
    assert BOUNDS.keys() == {field.name for field in attrs.fields(Bounds)}


@pytest.mark.parametrize("strategy", ["breadth", "depth"])
@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("word", WORDS)
def test_what_was_not_seen_neither_holds_nor_fails(word: str, bound: str, strategy: str) -> None:
    report = explored(WORDS[word], **BOUNDS[bound], strategy=strategy)
    [answer] = report.answers
    assert (answer.verdict, report.verdict) == ("unknown", "unknown")
    assert not report.ok
    assert not report.complete
    assert not report.vacuous
    assert report.explored.stopped_by == bound
    assert f"stopped by {bound}: " in str(report)
    assert "holds" not in str(report)
    assert report.hints


@pytest.mark.parametrize("word", WORDS)
def test_walks_by_chance_decide_nothing_that_takes_everything(word: str) -> None:
    report = explored(WORDS[word], strategy="random", max_states=50)
    assert [answer.verdict for answer in report.answers] == ["unknown"]
    assert report.explored.stopped_by == "chance"


@pytest.mark.parametrize("word", WORDS)
def test_without_a_bound_each_is_decided(word: str) -> None:
    """Else the tests above would say nothing."""
    report = explored(WORDS[word])
    assert [answer.verdict for answer in report.answers] == ["violated" if word == "sometimes" else "holds"]


def test_what_is_left_is_counted() -> None:
    """With `max_depth` those at the edge; with `max_states` those from which nothing was followed."""
    shallow = explored(WORDS["always"], max_depth=1)
    assert shallow.frontier == shallow.states - 1
    few = explored(WORDS["always"], max_states=5)
    assert 0 < few.frontier < few.states == 5


# -- memory ------------------------------------------------------------------------------------------------------------
def test_a_process_that_grows_is_stopped_and_one_that_does_not_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kept: list[bytearray] = []

    def keeps(sim: Any) -> bool:
        kept.append(bytearray(b"x" * (4 << 20)))
        return True

    stopped = explored(properties.always("it keeps a lot", keeps), max_memory="16Mi")
    assert stopped.explored.stopped_by == "max_memory"
    assert stopped.states < explored(WORDS["always"]).states
    assert 3 <= len(kept) <= 8
    assert explored(WORDS["always"], max_memory="1Gi").ok


@pytest.mark.parametrize(
    ("given", "size"), [("2Gi", 2 << 30), (4096, 4096), ("1500k", 1_500_000), (None, None)], ids=str
)
def test_memory_is_a_quantity(given: int | str | None, size: int | None) -> None:
    assert Bounds(max_memory=given).max_memory == size


@pytest.mark.parametrize("given", [0, -1, "0", "much", 1.5, True])
def test_memory_that_is_no_size_is_refused(given: Any) -> None:
    with pytest.raises(volsim.VolsimError, match=r"max_memory=.*: give a number of bytes, or a quantity such as '2Gi'"):
        Bounds(max_memory=given)


def test_a_system_that_does_not_say_how_much_memory_it_gives_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> int:
        raise volsim.VolsimError("max_memory: this system does not say how much memory it gives; use max_states")

    monkeypatch.setattr(bounds, "resident_bytes", nothing)
    with pytest.raises(volsim.VolsimError, match="use max_states"):
        Bounds(max_memory="1Gi")
    Bounds(max_states=1)
