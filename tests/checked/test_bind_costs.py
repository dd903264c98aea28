"""What binding one claim costs in look-ups and writes: the same whether the cluster holds sixty pairs or a thousand.

Times would say this less well: they jump with the machine, these counts do not. A change that makes them grow with the
cluster is a scan; a change that raises them by one is for its author to know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.workloads import claim, cluster, create, run, volume
from volsim.engine.perform import Engine
from volsim.state import Draft
from volsim.state.table import Ordered, Table

PAIRS = 20  # so many are bound and counted, in a cluster that has `others` pairs already

READS = (Table, "get"), (Table, "__getitem__"), (Table, "__contains__"), (Ordered, "at_least")
WRITES = (Table, "set"), (Table, "discard"), (Ordered, "add"), (Ordered, "discard")


def counted(monkeypatch: pytest.MonkeyPatch, others: int, work: Callable[[Engine, Draft], int]) -> Counter[str]:
    """What `work` looked up, wrote and had done, in a cluster in which `others` pairs are bound."""
    engine, draft = cluster()
    for number in range(others):
        create(draft, volume(number))
        create(draft, claim(number))
    for number in range(others, others + PAIRS):
        create(draft, volume(number))
    run(engine, draft)
    counts: Counter[str] = Counter()
    with monkeypatch.context() as patched:
        for kind, methods in (("reads", READS), ("writes", WRITES)):
            for cls, name in methods:
                patched.setattr(cls, name, counting(counts, kind, getattr(cls, name)))
        patched.setattr(Draft, "put", counting_puts(counts, Draft.put))
        counts["actions"] = work(engine, draft)
    bound = [each for each in draft.persistent_volume_claims.unordered() if each.status.phase == "Bound"]
    assert len(bound) == others + PAIRS
    return counts


def counting(counts: Counter[str], kind: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Any:
        counts[kind] += 1
        return method(*given, **named)

    return call


def counting_puts(counts: Counter[str], method: Callable[..., Any]) -> Callable[..., Any]:
    def call(draft: Draft, table: str, *given: Any, **named: Any) -> Any:
        counts[table] += 1
        return method(draft, table, *given, **named)

    return call


def bind(engine: Engine, draft: Draft, others: int) -> int:
    for number in range(others, others + PAIRS):
        create(draft, claim(number))
    return run(engine, draft)


def test_the_rows_written_and_the_actions_are_those_that_a_bind_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim is created; volume and claim get each other's name, then their phase: as many writes as upstream."""
    counts = counted(monkeypatch, 60, lambda engine, draft: bind(engine, draft, 60))
    per_bind = {what: count / PAIRS for what, count in counts.items() if what not in ("reads", "writes")}
    assert per_bind == {"actions": 1, "persistentvolumes": 2, "persistentvolumeclaims": 3}


@pytest.mark.parametrize("others", [60, 250, 1_000])
def test_look_ups_and_writes_of_a_bind_do_not_depend_on_the_size_of_the_cluster(
    monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    counts = counted(monkeypatch, others, lambda engine, draft: bind(engine, draft, others))
    assert (counts["reads"] / PAIRS, counts["writes"] / PAIRS) == (65, 16.55)
