"""Numbers of several models beside each other, worked out by hand on a few rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cotfaith.stats import areas as one_by_one
from cotfaith.stats.compared import areas, contrast, curves_of, excesses, ratios, slope_weights, standardised
from cotfaith.stats.curves import CurveSpec

MODELS = ["a", "b", "c"]
SIZES = np.array([1e3, 1e4, 1e5])


def rows(*cells: tuple[str, str, int, bool], **more: Any) -> pd.DataFrame:
    """Return an outcome a (model, question, number of steps, same)."""
    columns = {"task": "t", "sample": 0} | more
    return pd.DataFrame(
        [columns | {"model": m, "question": q, "n_steps": n, "same": same} for m, q, n, same in cells]
    )


def rated(rates: dict[str, int], steps: dict[str, int] | None = None) -> pd.DataFrame:
    """Return five questions a model, of which so many stay the same."""
    return rows(
        *[(m, f"q{i}", (steps or {}).get(m, 1), i < kept) for m, kept in rates.items() for i in range(5)]
    )


def test_a_trend_is_the_least_squares_slope_for_ten_times_the_parameters() -> None:
    compared = ratios(rated({"a": 1, "b": 2, "c": 4}), "same", "model", MODELS)
    assert compared.values.tolist() == pytest.approx([0.2, 0.4, 0.8])
    found = contrast(compared, *slope_weights(SIZES))
    assert found.value == pytest.approx(np.polyfit([3, 4, 5], [0.2, 0.4, 0.8], 1)[0])
    assert found.ci_low < found.value < found.ci_high
    assert (found.questions, compared.nobs) == (5, 15)


def test_where_nothing_varies_a_trend_is_not_sure_all_the_same() -> None:
    found = contrast(ratios(rated({"a": 5, "b": 5, "c": 5}), "same", "model", MODELS), *slope_weights(SIZES))
    assert (found.value, found.p) == (0, 1)
    assert found.ci_low < 0 < found.ci_high


def test_shared_questions_are_those_that_every_model_has() -> None:
    frame = pd.concat([rated({"a": 1, "b": 2, "c": 4}), rows(("a", "alone", 1, True))])
    compared = ratios(frame, "same", "model", MODELS)
    assert compared.values[0] == pytest.approx(2 / 6)
    assert compared.shared.values[0] == pytest.approx(1 / 5)
    ends = [contrast(one, *slope_weights(SIZES)).questions for one in (compared, compared.shared)]
    assert ends == [6, 5]


def test_a_model_without_outcomes_leaves_no_trend() -> None:
    found = contrast(ratios(rated({"a": 1, "b": 2}), "same", "model", MODELS), *slope_weights(SIZES))
    assert np.isnan([found.value, found.ci_low, found.p]).all()


def test_at_equal_lengths_a_difference_that_lengths_make_is_gone() -> None:
    # Answers after one step always change, after two never. The larger model has more of two.
    short, long = (
        [("a", f"q{i}", n, n == 2) for i, n in enumerate((1, 1, 1, 2))],
        [("b", f"q{i}", n, n == 2) for i, n in enumerate((1, 2, 2, 2))],
    )
    frame = rows(*short, *long)
    assert ratios(frame, "same", "model", ["a", "b"]).values.tolist() == [0.25, 0.75]
    # At the mean of both distributions, half of each length.
    assert standardised(frame, "same", "model", ["a", "b"]).values.tolist() == [0.5, 0.5]


def test_a_question_counts_at_equal_lengths_also_where_its_own_answers_share_no_length() -> None:
    # Each question has one length a model, and never the same for both: only over all questions is there a common one.
    cells = [("a", f"q{i}", 1 + i % 2, i < 3) for i in range(8)] + [
        ("b", f"q{i}", 2 - i % 2, i < 5) for i in range(8)
    ]
    compared = standardised(rows(*cells), "same", "model", ["a", "b"])
    assert np.isnan(compared.each).all()
    found = contrast(compared, np.array([-1.0, 1.0]), 1.0)
    assert found.questions == 8
    assert found.value == pytest.approx(0.25)
    assert found.ci_low < found.value < found.ci_high


def test_a_length_that_one_model_lacks_is_left_out_and_without_a_common_one_nothing_is_told() -> None:
    frame = rows(("a", "q0", 1, False), ("a", "q1", 3, True), ("b", "q0", 1, True), ("b", "q1", 2, False))
    assert standardised(frame, "same", "model", ["a", "b"]).values.tolist() == [0, 1]
    apart = rows(("a", "q0", 1, False), ("b", "q0", 2, True))
    assert np.isnan(standardised(apart, "same", "model", ["a", "b"]).values).all()


def test_a_change_beyond_the_floor_is_taken_on_questions_that_have_both() -> None:
    floor = rows(*[("a", f"q{i}", 1, i != 0) for i in range(4)])
    edited = rows(*[("a", f"q{i}", 1, i == 3) for i in range(1, 4)])
    compared = excesses(edited, floor, "same", "model", ["a"])
    assert compared.values[0] == pytest.approx(1 - 1 / 3)
    assert compared.least == -1


def curved(lengths: dict[str, list[int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return traces and edits of each step, whose answers change at the first one; a question a length."""
    traces = rows(*[(m, f"q{i}", n, True) for m, several in lengths.items() for i, n in enumerate(several)])
    traces = traces.assign(n_params=10, answer="x")
    edits = traces.loc[np.repeat(traces.index, traces["n_steps"])]
    at = edits.groupby(level=0).cumcount()
    edits = edits.assign(position=at / edits["n_steps"], same=at > 0, intervention="mistake")
    return traces, edits.reset_index(drop=True)


def test_areas_beside_each_other_are_those_of_each_model_by_itself() -> None:
    traces, edits = curved({"a": [1, 1, 2], "b": [2, 4]})
    spec = CurveSpec(unchanged_at=1.0)
    compared = areas(curves_of(spec, traces, edits, ["a", "b"]))
    alone = one_by_one.aoc(spec, traces, edits).set_index("model")["value"]
    assert compared.values.tolist() == pytest.approx([alone["a"], alone["b"]])
    assert compared.values[0] == pytest.approx(2 / 3 * 0.5 + 1 / 3 * 0.25)
    assert np.isnan(compared.each[2]).tolist() == [False, True]


def test_areas_at_equal_lengths_weigh_the_lengths_that_all_have() -> None:
    traces, edits = curved({"a": [1, 1, 2], "b": [1, 2, 2]})
    spec = CurveSpec(unchanged_at=1.0)
    curves = curves_of(spec, traces, edits, ["a", "b"])
    assert areas(curves).values.tolist() == pytest.approx([(0.5 + 0.5 + 0.25) / 3, (0.5 + 0.25 + 0.25) / 3])
    assert areas(curves, same_lengths=True).values.tolist() == pytest.approx([0.375, 0.375])
