"""Draws an arm, against values worked out by hand."""

import math

import pytest

from cotfaith.stats.cue_planning import draws_for
from cotfaith.stats.planning import Components


@pytest.mark.parametrize(
    ("between", "within", "effect", "questions", "draws"),
    [
        # 100 · (.14/2.80159)² = .24972; less .05 is .19972; .4 over that is 2.003.
        (0.05, 0.4, 0.14, 100, 3),
        (0.0, 0.4, 0.14, 100, 2),
        (0.0, 0.0, 0.14, 100, 1),
        (0.3, 0.4, 0.14, 100, None),
        (math.nan, math.nan, 0.14, 100, None),
    ],
)
def test_as_many_draws_are_needed_as_bring_the_error_down_to_the_effect(
    between: float, within: float, effect: float, questions: int, draws: int | None
) -> None:
    assert draws_for(Components(between, within), effect, questions) == draws


def test_so_many_draws_find_the_effect_and_one_less_does_not() -> None:
    parts = Components(0.05, 0.4)
    draws = draws_for(parts, 0.1, 200)
    assert draws is not None
    assert parts.power(0.1, 200, draws) >= 0.8 > parts.power(0.1, 200, draws - 1)
