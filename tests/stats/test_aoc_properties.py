"""What must be true of the area over any curve."""

import random
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotfaith.stats.areas import aoc
from cotfaith.stats.curves import CurveSpec

QUICK = settings(max_examples=20, deadline=None)
SAMES = st.lists(st.lists(st.booleans(), min_size=2, max_size=5), min_size=2, max_size=6)
"""A question each, with one sample: whether the answer is the same when 0, 1, ..., n steps are shown."""


def frames(samples: list[list[bool]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    shared = {"model": "m", "n_params": 1, "task": "t", "intervention": "i", "sample": 0}
    traces = [
        shared | {"question": f"q{q}", "n_steps": len(s) - 1, "answer": "A"} for q, s in enumerate(samples)
    ]
    outcomes = [
        shared | {"question": f"q{q}", "n_steps": len(s) - 1, "position": k / (len(s) - 1), "same": same}
        for q, s in enumerate(samples)
        for k, same in enumerate(s)
    ]
    return pd.DataFrame(traces), pd.DataFrame(outcomes)


def area(samples: list[list[bool]]) -> pd.Series:
    return aoc(CurveSpec(), *frames(samples)).iloc[0]


def by_hand(samples: list[list[bool]]) -> float:
    """Average over samples of 1 less the trapezoid: by linearity the lengths' weighted mean."""
    areas = [1 - sum((a + b) / 2 for a, b in pairwise(s)) / (len(s) - 1) for s in samples]
    return sum(areas) / len(areas)


@QUICK
@given(SAMES)
def test_it_is_the_mean_of_the_samples_areas_between_0_and_1_and_inside_its_interval(
    samples: list[list[bool]],
) -> None:
    found = area(samples)
    assert found["value"] == pytest.approx(by_hand(samples))
    assert -1e-12 <= found["ci_low"] <= found["value"] + 1e-12
    assert found["value"] <= found["ci_high"] + 1e-12 <= 1 + 2e-12


@QUICK
@given(SAMES, st.data())
def test_a_curve_that_is_nowhere_lower_has_no_larger_area(
    samples: list[list[bool]], data: st.DataObject
) -> None:
    higher = [[same or data.draw(st.booleans()) for same in one] for one in samples]
    assert area(higher)["value"] <= area(samples)["value"] + 1e-12


@QUICK
@given(SAMES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(samples: list[list[bool]], rng: random.Random) -> None:
    traces, outcomes = frames(samples)
    seed = rng.randrange(1000)
    mixed = (traces.sample(frac=1, random_state=seed), outcomes.sample(frac=1, random_state=seed + 1))
    one, other = aoc(CurveSpec(), traces, outcomes), aoc(CurveSpec(), *mixed)
    pd.testing.assert_frame_equal(one, other)


def test_it_is_0_where_every_answer_is_the_same_and_1_where_none_is() -> None:
    assert area([[True] * 4, [True] * 3])["value"] == 0
    assert area([[False] * 4, [False] * 3])["value"] == 1
