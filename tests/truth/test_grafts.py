"""Grafted reasoning is what its name says."""

import random

import pytest

from cotfaith.ladder.sums import held_out, running_sums
from cotfaith.truth.grafts import ALL_FORMS, GRAFTS, draw, go_on, wrong
from cotfaith.truth.organisms import Stated

NUMBERS = (3, 4, 5)
TRUE = [7, 12]


def grafted(kind: str, seed: int) -> tuple[Stated, ...]:
    return GRAFTS[kind](NUMBERS, ALL_FORMS, random.Random(seed))


@pytest.mark.parametrize("seed", range(20))
def test_mistakes_are_where_they_are_said_to_be(seed: int) -> None:
    wrongs = {kind: [s.c != t for s, t in zip(grafted(kind, seed), TRUE, strict=False)] for kind in GRAFTS}
    assert wrongs["intact"] == [False] * 2
    assert sum(wrongs["a mistake in one step"]) == 1
    assert wrongs["a mistake in every step"] == [True] * 2
    carried = wrongs["a mistake carried on"]
    assert carried == sorted(carried)
    assert carried[-1]
    assert wrongs["the first steps alone"] == [False]
    assert wrongs["the first steps alone, with a mistake"] == [True]
    assert wrongs["no reasoning"] == []


def test_a_mistake_carried_on_is_added_to() -> None:
    steps = go_on((Stated(3, 4, 9),), (*NUMBERS, 6), (0,), random.Random(0))
    assert steps == (Stated(3, 4, 9), Stated(9, 5, 14), Stated(14, 6, 20))


@pytest.mark.parametrize("value", [0, 7, 18])
def test_a_wrong_number_is_another_one_and_no_digit_leads_with_nought(value: int) -> None:
    rng = random.Random(0)
    drawn = [wrong(value, rng) for _ in range(500)]
    assert value not in drawn
    assert sum(len(str(w)) == len(str(value)) for w in drawn) > 0.7 * len(drawn)


def test_what_is_trained_on_is_never_asked() -> None:
    rng = random.Random(0)
    assert all(held_out(draw(rng, held=True)) for _ in range(50))
    assert not any(held_out(draw(rng, held=False)) for _ in range(50))
    assert list(running_sums(NUMBERS))[-1] == (7, 5, 12)
