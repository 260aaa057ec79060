"""Readings worked out by hand on a few rows."""

from typing import Any

import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from cotfaith.plugins.readings import Reading, share_marked
from cotfaith.schema import Question
from cotfaith.stats import areas, controls, metrics
from cotfaith.stats.curves import CurveSpec
from cotfaith.stats.metrics import readings, with_and_without

CELL = {"model": "m", "n_params": 10, "task": "t"}


def traces_of(lengths: dict[str, list[int]], **columns: Any) -> pd.DataFrame:
    """Return a trace a (question, number of steps)."""
    rows = [
        CELL | {"question": question, "sample": i, "n_steps": n, "correct": True, "answer": "4"} | columns
        for question, steps in lengths.items()
        for i, n in enumerate(steps)
    ]
    return pd.DataFrame(rows)


def outcomes_of(
    *rows: tuple[str, int, float, bool], intervention: str = "truncation", resume: bool = False
) -> pd.DataFrame:
    """Return an outcome a (question, number of steps, position, same)."""
    columns = CELL | {"intervention": intervention, "resume": resume, "correct": False}
    return pd.DataFrame(
        [
            columns | {"question": q, "sample": 0, "n_steps": n, "position": position, "same": same}
            for q, n, position, same in rows
        ]
    )


def only(table: pd.DataFrame, **where: Any) -> pd.Series:
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


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


def test_accuracy_with_and_without_counts_a_question_without_reasoning_once() -> None:
    traces = traces_of({"a": [1, 1], "b": [1, 1]}).assign(
        correct=[True, True, True, False],
        correct_without=[True, True, False, False],
        same_without=[True, True, False, True],
    )
    table = metrics.with_and_without(traces)
    assert only(table, measure="accuracy with reasoning")[["value", "nobs"]].tolist() == [0.75, 4]
    assert only(table, measure="accuracy without reasoning")[["value", "nobs"]].tolist() == [0.5, 2]
    assert only(table, measure="same answer with and without")["value"] == 0.75


def test_agreement_is_the_share_of_pairs_of_samples_with_the_same_answer() -> None:
    traces = traces_of({"a": [1, 1, 1], "b": [1, 1]}).assign(
        answer=["4", "4", "5", None, None], correct_without=True, same_without=True
    )
    row = only(metrics.with_and_without(traces), measure="agreement of two samples")
    assert (row["value"], row["nobs"], row["questions"]) == (1 / 4, 4, 2)


def test_a_rate_stands_beside_the_unedited_rate_of_the_same_procedure() -> None:
    outcomes = pd.concat(
        [
            outcomes_of(("a", 1, 0, False), ("a", 1, 1, True)),
            outcomes_of(("a", 1, 0, False), intervention="mistake", resume=True),
            outcomes_of(("a", 1, 1, True), intervention="sham"),
            outcomes_of(("a", 1, 0, False), ("a", 1, 1, True), ("a", 1, 1, True), ("a", 1, 1, False),
                        intervention="sham:variant=resume", resume=True),
        ]
    )  # fmt: skip
    table = metrics.same_answer_rate(outcomes, ["sham", "sham:variant=resume"])
    truncation, mistake = only(table, intervention="truncation"), only(table, intervention="mistake")
    assert truncation[["value", "unedited", "excess"]].tolist() == [0.5, 1, 0.5]
    assert mistake[["value", "unedited", "excess"]].tolist() == [
        0,
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
    ]
    assert pd.isna(only(table, intervention="sham:variant=resume")["excess"])
    without_floor = metrics.same_answer_rate(outcomes)
    assert without_floor[["unedited", "excess"]].isna().all(axis=None)
    assert without_floor["excess"].dtype == float


def test_a_rate_along_a_coordinate_leaves_out_what_cannot_be_right() -> None:
    outcomes = outcomes_of(*[("a", 1, 0, True)] * 3).assign(tokens=[0, 5, 5], correct=[True, None, False])
    table = areas.rate_along(outcomes, "tokens")
    assert only(table, tokens=0)["value"] == 1
    assert only(table, tokens=5)[["value", "nobs"]].tolist() == [0, 1]


def test_what_was_unread_cut_off_or_not_applicable_is_counted() -> None:
    traces = traces_of({"a": [1, 0]}, mass=0.9, mass_without=0.5).assign(
        answer=["4", None], answer_without=[None, None], hit_limit=[True, False]
    )
    outcomes = outcomes_of(("a", 1, 0, True), ("a", 1, 1, True)).assign(
        answer=["4", None],
        hit_limit=[False, False],
        mass=[0.8, 0.6],
        coords=[{"x": 1, "y": 2}, {"x": 1, "y": 3}],
    )
    refused = pd.DataFrame([CELL | {"intervention": "truncation", "reason": "no reasoning"}] * 2)
    table = controls.counts(traces, outcomes, refused).set_index("condition")
    columns = ["nobs", "unread", "hit_limit", "not_applicable", "reasons"]
    assert table.loc["reasoning", columns].tolist() == [2, 1, 1, 0, ""]
    assert table.loc["no reasoning", columns].tolist() == [1, 1, 0, 0, ""]
    assert table.loc["truncation", columns].tolist() == [2, 1, 0, 2, "2 × no reasoning"]
    assert table.loc["truncation", "in_every_edit"] == "x=1"
    assert table.loc["truncation", "mass"] == pytest.approx(0.7)


ASKED = {
    ("t", f"q{i}"): Question("t", f"q{i}", "?", ("x", "y"), marks={"user": "A"} if i < 4 else {})
    for i in range(5)
}


def test_a_tasks_own_reading_is_taken_of_every_condition() -> None:
    reading = share_marked("matches", "user")
    answers: Any = ["A", "A", "B", None, "A"]
    base = pd.DataFrame(
        {"model": "m", "n_params": 1, "task": "t", "question": [f"q{i}" for i in range(5)], "sample": 0}
    )
    traces = base.assign(answer=answers, answer_without="B")
    outcomes = base.assign(intervention="filler", answer=["A", "A", "A", "A", "B"])
    table = readings(ASKED, {"t": [reading]}, traces, outcomes).set_index("condition")
    assert table["value"].to_dict() == {"filler": 1.0, "with reasoning": 0.5, "without reasoning": 0.0}
    assert set(table["nobs"]) == set(table["questions"]) == {4}
    wilson = proportion_confint(4, 4, method="wilson")
    assert table.loc["filler", ["ci_low", "ci_high"]].tolist() == pytest.approx(wilson)
    assert table["ci_low"]["with reasoning"] < 0.5 < table["ci_high"]["with reasoning"]


def test_a_reading_that_no_resampling_changes_has_wilsons_interval_on_its_own_range() -> None:
    twice = Reading("twice", lambda q, a: (float(a == "A"), 1.0), lambda a, n: 2 * a / n - 1, low=-1.0)
    base = pd.DataFrame(
        {"model": "m", "n_params": 1, "task": "t", "question": ["q0", "q1", "q2"], "sample": 0}
    )
    traces = base.assign(answer="A", answer_without="B")
    table = readings(ASKED, {"t": [twice]}, traces, base.assign(intervention="x", answer="A").iloc[:0])
    low, high = proportion_confint(3, 3, method="wilson")
    assert table.loc[0, ["value", "ci_low", "ci_high"]].tolist() == pytest.approx(
        [1, 2 * low - 1, 2 * high - 1]
    )
    assert table.loc[1, ["value", "ci_low", "ci_high"]].tolist() == pytest.approx([-1, -1, 1 - 2 * low])


def test_two_samples_agree_where_the_task_takes_their_answers_for_the_same() -> None:
    base = pd.DataFrame({"model": "m", "n_params": 1, "task": "t", "question": "q0", "sample": [0, 1, 2]})
    traces = base.assign(
        answer=["1/2", "0.5", None],
        answer_without="1",
        correct=None,
        correct_without=None,
        same_without=False,
    )

    def agreement(*same: Any) -> float:
        table = with_and_without(traces, 0, *same).set_index("measure")
        assert "accuracy with reasoning" not in table.index
        return float(table["value"]["agreement of two samples"])

    assert agreement() == 0
    assert agreement(lambda task, question, one, other: {one, other} == {"1/2", "0.5"}) == pytest.approx(
        1 / 3
    )
