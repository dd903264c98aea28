"""Every incident of the groups that stand here is replayed by a class of tests, and each class says which one it is."""

from __future__ import annotations

import inspect
import re
from types import ModuleType

import pytest

from tests.incidents import (
    test_access_modes_and_attach,
    test_claims_and_volumes,
    test_containers,
    test_mounts,
    test_node_failures,
    test_scheduling,
    test_workloads,
)

GROUPS = [
    (test_claims_and_volumes, [*(f"{number:02}" for number in range(1, 21)), "20b", "20c"]),
    (test_access_modes_and_attach, [f"{number:02}" for number in range(35, 43)]),
    (test_node_failures, [*map(str, range(21, 25)), *map(str, range(27, 35))]),
    (test_scheduling, [f"{number:02}" for number in range(43, 50)]),
    (test_containers, [str(number) for number in range(51, 58)]),
    (test_mounts, ["58", "59", "60", "61", "62", "63", "68", "69", "70"]),
    (test_workloads, ["25", "26", "50", "64", "65", "66", "67"]),
]


def replayed(module: ModuleType) -> list[str]:
    """The numbers of the incidents that a file's classes replay, in the order in which they stand there."""
    found = []
    for name, each in vars(module).items():
        if inspect.isclass(each) and name.startswith("Test"):
            number = re.match(r"INC-(\w+): ", each.__doc__ or "")
            assert number is not None, f"{name} does not say which incident it replays"
            assert any(method.startswith("test_") for method in vars(each)), f"{name} tests nothing"
            found.append(number[1])
    return found


@pytest.mark.parametrize(("module", "incidents"), GROUPS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_incident_of_the_group_is_replayed_once_and_in_order(module: ModuleType, incidents: list[str]) -> None:
    assert replayed(module) == incidents
