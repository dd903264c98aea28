"""How long bytes live: every cell is run, and pinned."""

from __future__ import annotations

import pytest

import volsim
from volsim.analysis.lifetimes import ENDINGS, OUTCOMES, VOLUMES, lifetime, lifetimes

KEPT, LEFT, GONE, NONE = "kept", "left behind", "gone", ""
PINNED = {
    # container crash, pod deleted, moved, node rebooted, destroyed; claim deleted: Retain, Delete, Recycle
    "container's own layer": (GONE, GONE, GONE, GONE, GONE, NONE, NONE, NONE),
    "emptyDir": (KEPT, GONE, GONE, KEPT, GONE, NONE, NONE, NONE),
    "emptyDir in memory": (KEPT, GONE, GONE, GONE, GONE, NONE, NONE, NONE),
    "hostPath": (KEPT, KEPT, LEFT, KEPT, GONE, NONE, NONE, NONE),
    "nfs": (KEPT, KEPT, KEPT, KEPT, KEPT, NONE, NONE, NONE),
    "generic ephemeral": (KEPT, GONE, GONE, KEPT, GONE, LEFT, GONE, NONE),
    "claim of a disk": (KEPT, KEPT, KEPT, KEPT, KEPT, LEFT, GONE, LEFT),  # nobody can recycle a disk
    "claim of an export": (KEPT, KEPT, KEPT, KEPT, KEPT, LEFT, LEFT, GONE),  # nobody can delete an export
    "claim of a local directory": (KEPT, KEPT, LEFT, KEPT, GONE, LEFT, LEFT, LEFT),
}


def test_every_cell_is_as_it_was() -> None:
    found: dict[str, list[str]] = {}
    for volume, _, left in lifetimes():
        found.setdefault(volume, []).append(left)
    assert {volume: tuple(row) for volume, row in found.items()} == PINNED


@pytest.mark.parametrize("version", [(1, 15), (1, 20), (1, 28)])
def test_versions_agree(version: tuple[int, int]) -> None:
    """What survives is older than Kubernetes 1.15; only generic ephemeral volumes are not."""
    for volume in set(VOLUMES) - {"generic ephemeral"}:
        row = tuple(lifetime(volume, ending, version) for ending in ENDINGS)
        assert row == PINNED[volume], volume


def test_every_outcome_has_a_meaning_and_is_reached() -> None:
    assert {left for row in PINNED.values() for left in row} == set(OUTCOMES)


def test_a_name_that_is_not_looked_at_is_refused() -> None:
    with pytest.raises(volsim.VolsimError, match="did you mean 'emptyDir'"):
        lifetime("emptydir", "pod deleted")
