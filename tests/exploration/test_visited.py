"""What a search keeps of the situations that it has seen."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from volsim.exploration.answers import Visited

# numbers whose lowest bits are the same fall into one place
NUMBERS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 300).map(lambda number: number << 40))


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, max_size=200))
def test_each_situation_is_found_where_it_was_put(numbers: list[int]) -> None:
    visited, known = Visited(), dict[int, int]()
    for number in numbers:
        assert visited.index(number) == known.get(number)
        assert (number in visited) == (number in known)
        if number not in known:
            known[number] = visited.add(number, -1, ())
    assert list(visited.numbers) == list(known)
    assert all(visited.index(number) == at for number, at in known.items())
