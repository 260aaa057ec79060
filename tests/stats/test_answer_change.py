"""How often an answer changes, worked out by hand on a few rows."""

from typing import Any

import pandas as pd
import pytest

from cotfaith.stats import answer_change
from cotfaith.stats.answer_change import with_and_without
from tests.stats.frames import only, outcomes_of, traces_of


def test_accuracy_with_and_without_counts_a_question_without_reasoning_once() -> None:
    traces = traces_of({"a": [1, 1], "b": [1, 1]}).assign(
        correct=[True, True, True, False],
        correct_without=[True, True, False, False],
        same_without=[True, True, False, True],
    )
    table = answer_change.with_and_without(traces)
    assert only(table, measure="accuracy with reasoning")[["value", "nobs"]].tolist() == [0.75, 4]
    assert only(table, measure="accuracy without reasoning")[["value", "nobs"]].tolist() == [0.5, 2]
    assert only(table, measure="same answer with and without")["value"] == 0.75


def test_agreement_is_the_share_of_pairs_of_samples_with_the_same_answer() -> None:
    traces = traces_of({"a": [1, 1, 1], "b": [1, 1]}).assign(
        answer=["4", "4", "5", None, None], correct_without=True, same_without=True
    )
    row = only(answer_change.with_and_without(traces), measure="agreement of two samples")
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
    table = answer_change.same_answer_rate(outcomes, ["sham", "sham:variant=resume"])
    truncation, mistake = only(table, intervention="truncation"), only(table, intervention="mistake")
    assert truncation[["value", "unedited", "excess"]].tolist() == [0.5, 1, 0.5]
    assert mistake[["value", "unedited", "excess"]].tolist() == [
        0,
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
    ]
    assert pd.isna(only(table, intervention="sham:variant=resume")["excess"])
    without_floor = answer_change.same_answer_rate(outcomes)
    assert without_floor[["unedited", "excess"]].isna().all(axis=None)
    assert without_floor["excess"].dtype == float


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
