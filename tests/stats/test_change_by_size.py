"""What is said of size under interventions, on a few rows that were worked out by hand."""

from typing import Any

import pandas as pd
import pytest

from cotfaith.stats.change_by_size import (
    AREA,
    EXCESS,
    MOVED,
    RIGHT,
    SAME,
    ChangeBySize,
    Reading,
    changes_by_size,
)
from cotfaith.stats.curves import CurveSpec
from cotfaith.stats.paired import holm

SIZES = {"b-small": 1_000, "a-middle": 10_000, "c-large": 100_000}
KEPT = {"b-small": 1, "a-middle": 3, "c-large": 5}
QUESTIONS = [f"q{i}" for i in range(6)]
ALONG = Reading(CurveSpec(unchanged_at=1.0), along=True, right=False)


def run(kept: dict[str, int] = KEPT, **more: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return traces of one step, and of each model an edit a question, of which so many stay the same."""
    traces = pd.DataFrame(
        [
            {"task": "t", "model": m, "n_params": SIZES[m], "question": q, "sample": 0, "n_steps": 1,
             "answer": "x", "correct": True, "text_tokens": 7}
            for m in kept
            for q in QUESTIONS
        ]
    )  # fmt: skip
    edits = traces.assign(
        intervention="mistake",
        position=0.0,
        resume=False,
        same=[QUESTIONS.index(q) < kept[m] for m, q in traces[["model", "question"]].to_numpy()],
        probs=[[]] * len(traces),
        original_probs=[[]] * len(traces),
        logprob=None,
        original_logprob=-1.0,
    )
    floor = edits.assign(intervention="sham", position=1.0, same=True)
    return traces, pd.concat([edits.assign(**more), floor], ignore_index=True)


def read(reading: Reading = ALONG, **more: Any) -> dict[str, ChangeBySize]:
    found = changes_by_size(*run(**more), {"mistake": reading}, ["sham"], {})
    return {one.measure: one for one in found}


def test_every_measure_has_the_trend_of_its_values_from_the_smallest_model_on() -> None:
    found = read()
    assert set(found) == {SAME, EXCESS, AREA}
    assert found[SAME].values == (("b-small", 1 / 6), ("a-middle", 3 / 6), ("c-large", 5 / 6))
    trends = {measure: one.trend for measure, one in found.items()}
    assert {m: trend.value for m, trend in trends.items() if trend} == pytest.approx(
        {SAME: 1 / 3, EXCESS: -1 / 3, AREA: -1 / 6}
    )
    assert [one.measure for one in found.values() if one.standardised is None] == [EXCESS]
    ps = [one.trend.p for one in found.values() if one.trend]
    assert [one.p_holm for one in found.values()] == pytest.approx(holm(ps))


def test_neighbouring_sizes_are_paired_by_question() -> None:
    (first, second) = read()[SAME].neighbours
    assert [first[:2], second[:2]] == [("b-small", "a-middle"), ("a-middle", "c-large")]
    assert first[2].value == pytest.approx(2 / 6)
    assert first[2].questions == 6


def test_a_middle_size_below_both_ends_is_a_dip() -> None:
    turn = read(kept={"b-small": 5, "a-middle": 0, "c-large": 5})[SAME].turn
    assert turn is not None
    assert (turn.kind, turn.model) == ("dip", "a-middle")


def test_two_sizes_give_no_trend() -> None:
    found = read(kept={"b-small": 1, "c-large": 5})[SAME]
    assert (found.sizes, found.trend, found.slopes) == (2, None, None)
    assert len(found.neighbours) == 1


def test_probabilities_and_accuracy_are_read_where_there_are_any() -> None:
    right = Reading(CurveSpec(), along=False, right=True)
    found = read(right, probs=[[0.9, 0.1]] * 18, original_probs=[[0.6, 0.4]] * 18)
    assert set(found) == {SAME, EXCESS, MOVED, RIGHT}
    assert dict(found[MOVED].values) == pytest.approx(dict.fromkeys(SIZES, 0.3))


def test_the_binomial_model_weighs_shares_and_takes_covariates_that_vary() -> None:
    slopes = read()[SAME].slopes
    assert slopes is not None
    assert (
        slopes.covariates == ()
    )  # accuracy, steps and tokens are the same everywhere, surprise is not known
    assert slopes.slope is not None
    assert slopes.slope.value > 0


def test_a_floor_that_a_model_lacks_leaves_no_change_beyond_it() -> None:
    traces, outcomes = run()
    lacking = outcomes[~((outcomes["intervention"] == "sham") & (outcomes["model"] == "a-middle"))]
    found = changes_by_size(traces, lacking, {"mistake": ALONG}, ["sham"], {})
    assert EXCESS not in {one.measure for one in found}
