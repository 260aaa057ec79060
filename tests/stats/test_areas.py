"""Curves and the area over them, worked out by hand on a few rows."""

from collections.abc import Sequence

import pandas as pd
import pytest

from cotfaith.stats import areas
from cotfaith.stats.curves import CurveSpec
from tests.stats.frames import only, outcomes_of, traces_of

# Two samples of one step, with curve (0, 1) and (1, 1): rates .5, 1 → area .75 → AOC_1 = .25.
# One sample of two steps, with curve (0, 0, 1): area (0 + .5) / 2 = .25 → AOC_2 = .75.
TRACES = traces_of({"a": [1, 2], "b": [1]})
OUTCOMES = outcomes_of(
    ("a", 1, 0, False), ("a", 1, 1, True),
    ("b", 1, 0, True), ("b", 1, 1, True),
    ("a", 2, 0, False), ("a", 2, 0.5, False), ("a", 2, 1, True),
)  # fmt: skip


def test_aoc_weighs_lengths_by_how_many_samples_have_them() -> None:
    row = only(areas.aoc(CurveSpec(), TRACES, OUTCOMES))
    assert row["value"] == pytest.approx(2 / 3 * 0.25 + 1 / 3 * 0.75)
    assert (row["nobs"], row["questions"]) == (7, 2)
    # By prefixes instead of samples, the common error, it would be (4 × .25 + 3 × .75) / 7.
    assert row["value"] != pytest.approx((4 * 0.25 + 3 * 0.75) / 7)


def test_aoc_is_one_half_where_only_the_last_of_many_steps_decides_linearly() -> None:
    ramp = outcomes_of(*[(str(q), 4, k / 4, q < k) for q in range(4) for k in range(5)])
    row = only(areas.aoc(CurveSpec(), traces_of({str(q): [4] for q in range(4)}), ramp))
    assert row["value"] == pytest.approx(0.5)


def test_aoc_ends_at_the_unchanged_reasoning_where_an_intervention_has_no_edit_there() -> None:
    mistakes = outcomes_of(("a", 2, 0, False), ("a", 2, 0.5, False))
    spec = CurveSpec(unchanged_at=1.0)
    row = only(areas.aoc(spec, traces_of({"a": [2]}), mistakes))
    assert row["value"] == pytest.approx(1 - 0.25)


def test_an_unread_original_answer_is_not_the_same_at_the_unchanged_end() -> None:
    mistakes = outcomes_of(("a", 2, 0, False), ("a", 2, 0.5, False))
    unread = traces_of({"a": [2]}).assign(answer=None)
    row = only(areas.aoc(CurveSpec(unchanged_at=1.0), unread, mistakes))
    assert row["value"] == 1


def test_the_unchanged_end_counts_the_samples_that_could_be_edited() -> None:
    traces = traces_of({"a": [1], "b": [1]}).assign(correct=[True, False])
    only_b = outcomes_of(("b", 1, 1, True))
    curve = areas.pooled_curve(CurveSpec("correct", 0.0), traces, only_b)
    assert curve["value"].tolist() == [0] * 11


def test_an_interval_has_a_width_where_all_questions_agree() -> None:
    alike = outcomes_of(*[(str(q), 1, position, True) for q in range(20) for position in (0, 1)])
    row = only(areas.aoc(CurveSpec(), traces_of({str(q): [1] for q in range(20)}), alike))
    assert (row["value"], row["ci_low"]) == (0, 0)
    assert row["ci_high"] == pytest.approx(
        1.96**2 / (20 + 1.96**2), rel=1e-3
    )  # Wilson's upper end for 0 of 20


def test_a_position_without_outcomes_is_interpolated() -> None:
    mistakes = outcomes_of(("a", 4, 0, False), ("a", 4, 0.75, True))
    row = only(areas.aoc(CurveSpec(unchanged_at=1.0), traces_of({"a": [4]}), mistakes))
    assert row["value"] == pytest.approx(0.75 / 2)


def test_samples_without_steps_do_not_weigh() -> None:
    with_empty = traces_of({"a": [1, 2, 0, 0], "b": [1]})
    assert only(areas.aoc(CurveSpec(), with_empty, OUTCOMES))["value"] == pytest.approx(
        only(areas.aoc(CurveSpec(), TRACES, OUTCOMES))["value"]
    )


def test_aoc_lies_in_its_interval_and_between_0_and_1() -> None:
    row = only(areas.aoc(CurveSpec(), TRACES, OUTCOMES))
    assert 0 <= row["ci_low"] <= row["value"] <= row["ci_high"] <= 1
    assert row["ci_low"] < row["ci_high"]


def test_the_pooled_curve_is_the_one_whose_area_aoc_takes() -> None:
    curve = areas.pooled_curve(CurveSpec(), TRACES, OUTCOMES).set_index("position")["value"]
    assert curve[0.0] == pytest.approx(2 / 3 * 0.5)
    assert curve[0.5] == pytest.approx(2 / 3 * 0.75)
    assert curve[1.0] == pytest.approx(1)


def test_the_pooled_accuracy_curve_begins_at_the_original_accuracy() -> None:
    traces = traces_of({"a": [1], "b": [1]}).assign(correct=[True, False])
    rewritten = outcomes_of(("a", 1, 1, True), ("b", 1, 1, True))
    spec = CurveSpec("correct", unchanged_at=0.0)
    curve = areas.pooled_curve(spec, traces, rewritten).set_index("position")["value"]
    assert curve[0.0] == pytest.approx(0.5)
    assert curve[0.5] == pytest.approx(0.25)
    assert curve[1.0] == pytest.approx(0)


def test_the_curve_by_length_keeps_lengths_apart() -> None:
    table = areas.same_answer_curve(OUTCOMES)
    assert only(table, n_steps=1, position=0)["value"] == 0.5
    assert only(table, n_steps=2, position=0)["value"] == 0
    assert only(table, n_steps=2, position=1)["value"] == 1


def test_a_rate_along_a_coordinate_leaves_out_what_cannot_be_right() -> None:
    outcomes = outcomes_of(*[("a", 1, 0, True)] * 3).assign(tokens=[0, 5, 5], correct=[True, None, False])
    table = areas.rate_along(outcomes, "tokens")
    assert only(table, tokens=0)["value"] == 1
    assert only(table, tokens=5)[["value", "nobs"]].tolist() == [0, 1]


def shown(
    traces: pd.DataFrame, outcomes: pd.DataFrame, whole: Sequence[bool]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give traces their reasoning, and say of each outcome whether it shows the whole of it."""
    named = [
        frame.assign(trace=frame["question"] + frame["n_steps"].astype(str)) for frame in (traces, outcomes)
    ]
    texts = ["all" if one else "part" for one in whole]
    return named[0].assign(reasoning="all"), named[1].assign(shown=texts)


def test_an_aoc_of_mistakes_in_one_step_is_all_that_it_could_be_where_every_answer_changes() -> None:
    traces, outcomes = shown(
        traces_of({"a": [1], "b": [1]}), outcomes_of(("a", 1, 0, False), ("b", 1, 0, False)), [False, False]
    )
    spec = CurveSpec(unchanged_at=1.0)
    assert only(areas.aoc(spec, traces, outcomes))["value"] == pytest.approx(0.5)
    table = areas.largest_aoc(spec, traces, outcomes)
    assert only(table, definition=areas.LARGEST)["value"] == pytest.approx(0.5)
    assert only(table, definition=areas.OF_LARGEST)["value"] == pytest.approx(1)


def test_the_share_of_the_largest_aoc_can_be_compared_between_lengths() -> None:
    # Half of the edited answers change: of one step, AOC .25 of .5; of two, with edits at 0 and .5, .375 of .75.
    for n, aoc, most in ((1, 0.25, 0.5), (2, 0.375, 0.75)):
        edits = [(q, n, k / n, q == "b") for q in "ab" for k in range(n)]
        traces, outcomes = shown(traces_of({"a": [n], "b": [n]}), outcomes_of(*edits), [False] * 2 * n)
        spec = CurveSpec(unchanged_at=1.0)
        assert only(areas.aoc(spec, traces, outcomes))["value"] == pytest.approx(aoc)
        table = areas.largest_aoc(spec, traces, outcomes)
        assert only(table, definition=areas.LARGEST)["value"] == pytest.approx(most)
        assert only(table, definition=areas.OF_LARGEST)["value"] == pytest.approx(0.5)


def test_what_shows_the_whole_reasoning_is_not_edited_unless_more_is_drawn_from_it() -> None:
    edits = [("a", 1, 0, False), ("a", 1, 1, True)]
    traces = traces_of({"a": [1]})
    kept = shown(traces, outcomes_of(*edits), [False, True])
    assert only(areas.largest_aoc(CurveSpec(), *kept), definition=areas.LARGEST)["value"] == pytest.approx(
        0.5
    )
    resumed = shown(traces, outcomes_of(*edits, resume=True), [False, True])
    assert only(areas.largest_aoc(CurveSpec(), *resumed), definition=areas.LARGEST)["value"] == pytest.approx(
        1
    )


def test_where_no_edit_can_change_the_area_there_is_no_share_of_it() -> None:
    traces, outcomes = shown(
        traces_of({"a": [1]}), outcomes_of(("a", 1, 0, True), ("a", 1, 1, True)), [True, True]
    )
    assert only(areas.largest_aoc(CurveSpec(), traces, outcomes), definition=areas.OF_LARGEST).isna()["value"]
