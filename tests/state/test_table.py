"""Tables are values: whatever happens to a fork, the original does not notice, and both agree with a plain dict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from volsim.state import Fifo, Ordered, Table

keys = st.integers(0, 400).map("k{}".format)
writes = st.lists(st.tuples(st.sampled_from(["set", "discard", "fork"]), keys, st.integers()), max_size=400)


@given(writes)
def test_a_table_agrees_with_a_dict_and_its_forks_do_not_disturb_it(steps: list[tuple[str, str, int]]) -> None:
    table: Table[str, int] = Table().fork(object())
    model: dict[str, int] = {}
    sealed: list[tuple[Table[str, int], dict[str, int]]] = []
    for verb, key, value in steps:
        if verb == "set":
            table.set(key, value)
            model[key] = value
        elif verb == "discard":
            table.discard(key)
            model.pop(key, None)
        else:
            sealed.append((table, dict(model)))
            table = table.fork(object())
    for each, expected in [*sealed, (table, model)]:
        assert list(each.items()) == sorted(expected.items())
        assert len(each) == len(expected)
        assert all(key in each for key in expected)


@given(st.integers(0, 6000))
def test_a_table_grows_without_losing_anything(count: int) -> None:
    table: Table[int, int] = Table().fork(object())
    for number in range(count):
        table.set(number, -number)
    assert len(table) == count
    assert all(table.get(number) == -number for number in range(count))
    assert table.get(count) is None


@given(st.lists(st.tuples(st.sampled_from(["add", "discard", "fork"]), st.integers(0, 2000)), max_size=600))
def test_an_ordered_collection_agrees_with_a_sorted_set(steps: list[tuple[str, int]]) -> None:
    ordered: Ordered[tuple[int]] = Ordered().fork(object())
    model: set[int] = set()
    sealed: list[tuple[Ordered[tuple[int]], list[int]]] = []
    for verb, number in steps:
        if verb == "add" and number not in model:
            ordered.add((number,))
            model.add(number)
        elif verb == "discard":
            ordered.discard((number,))
            model.discard(number)
        elif verb == "fork":
            sealed.append((ordered, sorted(model)))
            ordered = ordered.fork(object())
    for each, expected in [*sealed, (ordered, sorted(model))]:
        assert [item[0] for item in each] == expected
        assert len(each) == len(expected)
        assert each.first() == ((expected[0],) if expected else None)
        middle = 1000
        assert [item[0] for item in each.at_least((middle,))] == [number for number in expected if number >= middle]


def test_an_ordered_collection_of_many_chunks_finds_the_smallest_that_is_enough() -> None:
    ordered: Ordered[tuple[int, str]] = Ordered().fork(object())
    for number in range(5000):
        ordered.add((number * 7919 % 5000, f"v{number}"))
    assert next(ordered.at_least((2500,)))[0] == 2500
    for number in range(5000):
        ordered.discard((number * 7919 % 5000, f"v{number}"))
    assert len(ordered) == 0
    assert ordered.first() is None


steps = st.tuples(st.sampled_from(["push", "discard", "first", "fork"]), st.integers(0, 9))


@given(st.lists(steps, max_size=300))
def test_a_queue_keeps_the_order_in_which_its_items_first_came(actions: list[tuple[str, int]]) -> None:
    queue: Fifo[int] = Fifo().fork(object())
    model: dict[int, None] = {}
    sealed: list[tuple[Fifo[int], list[int]]] = []
    for verb, item in actions:
        if verb == "push":
            queue.push(item)
            model.setdefault(item)
        elif verb == "discard":
            queue.discard(item)
            model.pop(item, None)
        elif verb == "first":
            assert queue.first() == next(iter(model), None)
        else:
            sealed.append((queue, list(model)))
            queue = queue.fork(object())
    for each, expected in [*sealed, (queue, list(model))]:
        assert list(each) == expected
        assert len(each) == len(expected)
        assert all(item in each for item in expected)


def test_a_long_used_queue_forgets_what_has_left_it() -> None:
    queue: Fifo[int] = Fifo().fork(object())
    for number in range(10_000):
        queue.push(number)
        assert queue.first() == number
        queue.discard(number)
    assert len(queue._items) < 200
