"""What scheduling one pod costs in look-ups: the same however many nodes cannot take it for a known reason.

Times would say this less well: they jump with the machine, these counts do not. A change that makes them grow with the
cluster is a scan. The first pod of a kind pays for a look at every node; so it is not counted.
"""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.workloads import OBSTACLES, create, crowd, pod, run, wishes
from tests.checked.test_bind_costs import READS, counting
from volsim.control.scheduler import CONTROLLER
from volsim.control.scheduler.node_facts import NodeInfo
from volsim.engine.perform import Engine
from volsim.state import Draft

PODS = 5
FREE = 20
SIZES = (150, 900)  # both are large clusters, where a search remembers where it ended


def counted(monkeypatch: pytest.MonkeyPatch, nodes: int, obstacle: str, free: int = FREE) -> Counter[str]:
    """What placing some pods looked up, and how often a node was asked about."""
    engine, draft = crowd(nodes, free, obstacle)
    place(engine, draft, 0, obstacle)
    counts: Counter[str] = Counter()
    with monkeypatch.context() as patched:
        for cls, name in READS:
            patched.setattr(cls, name, counting(counts, "reads", getattr(cls, name)))
        patched.setattr(NodeInfo, "__init__", counting(counts, "nodes", NodeInfo.__init__))
        for number in range(1, PODS + 1):
            place(engine, draft, number, obstacle)
    return counts


def place(engine: Engine, draft: Draft, number: int, obstacle: str) -> None:
    create(draft, pod(number, **wishes(obstacle)))
    run(engine, draft)


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_look_ups_of_a_placed_pod_do_not_depend_on_the_nodes_that_cannot_take_it(
    monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    few, many = (counted(monkeypatch, nodes, obstacle) for nodes in SIZES)
    assert few == many


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_nor_do_those_of_a_pod_that_no_node_can_take(monkeypatch: pytest.MonkeyPatch, obstacle: str) -> None:
    few, many = (counted(monkeypatch, nodes, obstacle, free=0) for nodes in SIZES)
    assert few == many


@pytest.mark.parametrize(("obstacle", "reads"), [("tainted", 14), ("full", 14), ("unlabelled", 14), ("elsewhere", 22)])
def test_a_decision_looks_up_so_much(monkeypatch: pytest.MonkeyPatch, obstacle: str, reads: int) -> None:
    """Usage and rotation, the pod and its memory, the indexes that plugins ask; one node whose usage has changed."""
    engine, draft = crowd(SIZES[0], FREE, obstacle)
    for number in (0, 1):
        place(engine, draft, number, obstacle)
    create(draft, pod(2, **wishes(obstacle)))
    counts: Counter[str] = Counter()
    with monkeypatch.context() as patched:
        for cls, name in READS:
            patched.setattr(cls, name, counting(counts, "reads", getattr(cls, name)))
        patched.setattr(NodeInfo, "__init__", counting(counts, "nodes", NodeInfo.__init__))
        CONTROLLER.sync(draft, "default/p-000002")
    assert counts == {"reads": reads, "nodes": 2}
