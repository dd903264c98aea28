"""A state is a value: it never changes, equal states are equal, and indexes say nothing that the tables do not say."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from volsim.objects import (
    Container,
    ObjectMeta,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource,
    PersistentVolumeSpec,
    Pod,
    PodSpec,
    ResourceRequirements,
    Volume,
)
from volsim.quantity import Quantity
from volsim.rules import Rules
from volsim.state import Change, Draft, State, View, Watch, fingerprint
from volsim.state.cluster import is_api
from volsim.state.indexes import rebuilt
from volsim.state.totals import totals_rebuilt

names = st.sampled_from(["a", "b", "c"])
nodes = st.sampled_from([None, "node01", "node02"])


def pod(name: str, node: str | None, claim: str) -> Pod:
    source = PersistentVolumeClaimVolumeSource(claim_name=claim)
    volumes = (Volume(name="data", persistent_volume_claim=source),)
    requests = ResourceRequirements(requests={"cpu": Quantity("100m"), "memory": Quantity(f"{ord(claim)}Mi")})
    spec = PodSpec(containers=(Container(name="c", resources=requests),), node_name=node, volumes=volumes)
    return Pod(metadata=ObjectMeta(name=name, namespace="default", uid=f"uid-{name}"), spec=spec)


def volume(name: str, size: int, claim: str | None) -> PersistentVolume:
    ref = ObjectReference(namespace="default", name=claim) if claim else None
    spec = PersistentVolumeSpec(
        capacity={"storage": Quantity(f"{size}Gi")}, access_modes=("ReadWriteOnce",), claim_ref=ref
    )
    return PersistentVolume(metadata=ObjectMeta(name=name), spec=spec)


def claim(name: str, bound_to: str | None) -> PersistentVolumeClaim:
    spec = PersistentVolumeClaimSpec(volume_name=bound_to)
    return PersistentVolumeClaim(metadata=ObjectMeta(name=name, namespace="default"), spec=spec)


rows = st.one_of(
    st.builds(lambda n, w, c: ("pods", f"default/{n}", pod(n, w, c)), names, nodes, names),
    st.builds(lambda n: ("pods", f"default/{n}", None), names),
    st.builds(lambda n, s, c: ("persistentvolumes", n, volume(n, s, c)), names, st.integers(1, 3), st.none() | names),
    st.builds(lambda n: ("persistentvolumes", n, None), names),
    st.builds(lambda n, v: ("persistentvolumeclaims", f"default/{n}", claim(n, v)), names, st.none() | names),
)


def totals_of(draft: Draft | State) -> dict[str, dict[str, tuple[int, ...]]]:
    return {name: dict(table) for name, table in draft._totals.items()}


def indexes_of(draft: Draft | State) -> dict[str, dict[str, list[Any]]]:
    return {
        index: {group: list(draft.group(index, group)) for group in groups}
        for index, groups in ((name, draft.group_names(name)) for name in draft._groups)
    }


@given(st.lists(rows, max_size=60))
def test_the_kept_indexes_are_those_that_the_tables_give(writes: list[tuple[str, str, Any]]) -> None:
    draft = State.empty(Rules()).draft()
    for number, (table, key, value) in enumerate(writes):
        draft.put(table, key, value)
        if number % 7 == 0:
            draft.seal()
    assert indexes_of(draft) == rebuilt(draft._tables, is_api)
    assert totals_of(draft) == totals_rebuilt(draft._tables)


@given(st.lists(rows, max_size=40), st.lists(rows, max_size=40))
def test_a_sealed_state_never_notices_what_happens_to_its_drafts(
    before: list[tuple[str, str, Any]], after: list[tuple[str, str, Any]]
) -> None:
    draft = State.empty(Rules()).draft()
    for write in before:
        draft.put(*write)
    state = draft.seal()
    number = state.fingerprint
    seen = {name: dict(state.table(name)) for name in ("pods", "persistentvolumes", "persistentvolumeclaims")}
    other = state.draft()
    for write in after:
        draft.put(*write)
        other.put(*write)
        other.enqueue("binder", write[1])
        other.set_timer("binder", write[1], 5)
    assert {name: dict(state.table(name)) for name in seen} == seen
    assert state.fingerprint == number
    assert state.ready() == []
    assert indexes_of(state) == rebuilt(state._tables, is_api)
    assert totals_of(state) == totals_rebuilt(state._tables)
    assert draft.seal() == other.seal() or after


@given(st.lists(rows, max_size=40), st.integers(0, 40))
def test_a_fingerprint_does_not_depend_on_the_way(writes: list[tuple[str, str, Any]], asked: int) -> None:
    one, other = State.empty(Rules()).draft(), State.empty(Rules()).draft()
    for number, write in enumerate(writes):
        one.put(*write)
        if number == asked:
            _ = one.fingerprint
            one.seal()
    for key in {(table, key) for table, key, _ in writes}:
        table, name = key
        value = one.get(table, name)
        if value is not None:
            other.put(table, name, value)
    assert one.seal().fingerprint == other.seal().fingerprint
    assert one.seal() == other.seal()


def test_a_changed_row_changes_the_fingerprint_and_changing_it_back_restores_it() -> None:
    draft = State.empty(Rules()).draft()
    first = pod("a", None, "c")
    draft.put("pods", first.key, first)
    before = draft.seal()
    draft.put("pods", first.key, first.replace(spec=first.spec.replace(node_name="node01")))
    assert draft.seal() != before
    draft.put("pods", first.key, pod("a", None, "c"))
    assert draft.seal() == before


def test_a_fingerprint_is_the_same_under_every_hash_seed() -> None:
    code = (
        "from volsim.objects import Pod, ObjectMeta\nfrom volsim.state import fingerprint\n"
        "print(fingerprint(Pod(metadata=ObjectMeta(name='x', labels={'a': 'b', 'c': 'd', 'e': 'f'}))))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "random")
    }
    assert len(seen) == 1


def test_the_resource_version_is_no_part_of_the_value() -> None:
    one = pod("a", None, "c")
    other = one.replace(metadata=one.metadata.replace(resource_version="77"))
    assert fingerprint(one) == fingerprint(other)


def test_work_is_done_in_the_order_in_which_it_was_asked_for_and_once() -> None:
    draft = State.empty(Rules()).draft()
    for key in ("a", "b", "a"):
        draft.enqueue("binder", key)
    assert draft.ready() == [("binder", "a"), ("binder", "b")]
    draft.take("binder", "a")
    assert draft.first_ready() == ("binder", "b")
    draft.enqueue("binder", "a")
    assert draft.ready() == [("binder", "b"), ("binder", "a")]


def test_timers_come_by_time_then_priority_then_sequence() -> None:
    draft = State.empty(Rules()).draft()
    draft.set_timer("late", "x", 20)
    draft.set_timer("second", "x", 10, priority=1)
    draft.set_timer("third", "x", 10, priority=1)
    draft.set_timer("first", "x", 10, priority=0)
    assert draft.next_due_us() == 10
    draft.wait_until(10)
    assert [name for name, _ in draft.ready()] == ["first", "second", "third"]
    assert draft.now_us == 10
    draft.take("first", "x")
    draft.take("second", "x")
    draft.take("third", "x")
    assert draft.next_due_us() == 20


def test_a_background_timer_is_no_work_to_wait_for() -> None:
    draft = State.empty(Rules()).draft()
    draft.set_timer("retry", "x", 10, background=True)
    assert draft.next_due_us() == 10
    assert draft.next_due_us(background=False) is None
    draft.set_timer("retry", "x", 10)
    assert draft.next_due_us(background=False) == 10


def test_a_watch_wakes_its_controller_when_a_step_wrote_to_its_table() -> None:
    watches = {"pods": [("scheduler", lambda view, change: [change.key])]}
    draft = State.empty(Rules()).draft(watches)
    draft.put("pods", "default/a", pod("a", None, "c"))
    draft.put("persistentvolumes", "v", volume("v", 1, None))
    assert draft.ready() == [], "the step is not over"
    assert [(change.table, change.key) for change in draft.take_changes()] == [
        ("pods", "default/a"),
        ("persistentvolumes", "v"),
    ]
    assert draft.ready() == [("scheduler", "default/a")]
    assert draft.take_changes() == ()


def test_a_watch_is_told_once_a_step_of_a_row_however_often_it_was_written() -> None:
    told: list[Change] = []

    def watch(view: View, change: Change) -> list[str]:
        told.append(change)
        return []

    watches: dict[str, list[tuple[str, Watch]]] = {"pods": [("scheduler", watch)]}
    draft = State.empty(Rules()).draft(watches)
    draft.put("pods", "default/a", pod("a", None, "c"))
    draft.put("pods", "default/a", last := pod("a", "node01", "c"))
    draft.put("pods", "default/b", pod("b", None, "c"))
    draft.put("pods", "default/b", None)
    assert len(draft.take_changes()) == 4
    assert [(change.before, change.after) for change in told] == [(None, last)]
