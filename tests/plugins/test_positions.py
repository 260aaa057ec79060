from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cotfaith.plugins.positions import positions

STEPS = st.integers(0, 300)


def test_positions_are_both_ends_then_halves_and_quarters() -> None:
    assert positions(8, 2) == [0, 8]
    assert positions(8, 3) == [0, 4, 8]
    assert positions(8, 5) == [0, 2, 4, 6, 8]
    assert positions(8, 9) == positions(8) == list(range(9))
    assert positions(144, 9) == [0, 18, 36, 54, 72, 90, 108, 126, 144]
    assert positions(5, 4) == [0, 1, 2, 5]


def test_short_reasoning_has_no_more_positions_than_it_has() -> None:
    assert positions(0, 20) == [0]
    assert positions(1, 20) == [0, 1]
    assert positions(3, 20) == [0, 1, 2, 3]


@given(STEPS, st.integers(2, 40), st.integers(0, 300))
def test_more_positions_add_to_those_before(steps: int, most: int, more: int) -> None:
    before, after = positions(steps, most), positions(steps, most + more)
    assert len(before) == min(most, steps + 1)
    assert sorted([*before, *positions(steps, most + more, done=most)]) == after


@given(STEPS)
def test_all_positions_are_every_number_of_steps_once(steps: int) -> None:
    assert positions(steps) == list(range(steps + 1))
    assert positions(steps, done=steps + 1) == []


@given(st.integers(20, 300), st.integers(2, 20))
def test_few_positions_leave_no_large_gap(steps: int, most: int) -> None:
    found = positions(steps, most)
    gaps = [b - a for a, b in pairwise(found)]
    halvings = (most - 1).bit_length() - 1  # the sequence has at least halved so often everywhere
    assert max(gaps) <= -(-steps // 2**halvings) + 1
