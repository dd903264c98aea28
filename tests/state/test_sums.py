"""What is kept as a sum over rows tells rows apart that have changed their values with each other."""

from __future__ import annotations

from itertools import permutations

from tests.control.scheduler.clusters import node
from volsim.manifests import from_manifest
from volsim.objects import Node
from volsim.rules import Rules
from volsim.state import State


def with_rows(table: str, rows: dict[str, object]) -> State:
    draft = State.empty(Rules()).draft()
    for key, value in rows.items():
        draft.put(table, key, value)
    return draft.seal()


def test_states_of_swapped_rows_differ() -> None:
    keys = [f"node{number:02}" for number in range(5)]
    states = [with_rows("memory", dict(zip(keys, some, strict=True))) for some in permutations(range(5))]
    assert len({state.fingerprint for state in states}) == 120


def test_nodes_of_swapped_sizes_are_not_alike() -> None:
    def alike(sizes: tuple[str, ...]) -> tuple[int, ...] | None:
        made = [from_manifest(node(f"n{at}", cpu=size)) for at, size in enumerate(sizes)]
        return with_rows("nodes", {each.key: each for each in made if isinstance(each, Node)}).total("nodes_alike", "")

    assert len({alike(sizes) for sizes in permutations("12345")}) == 120
