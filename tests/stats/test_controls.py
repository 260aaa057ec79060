"""Controls worked out by hand on a few rows."""

from typing import Any

import pandas as pd
import pytest

from cotfaith.stats import answer_change, controls
from cotfaith.stats.tables import means
from tests.stats.frames import CELL, outcomes_of, traces_of


def outcomes(*rows: dict[str, Any], **columns: Any) -> pd.DataFrame:
    """Return an outcome a row, each of a question of its own."""
    common = (
        CELL | {"intervention": "edit", "position": 1.0, "resume": False, "n_steps": 2, "sample": 0} | columns
    )
    return pd.DataFrame([common | {"question": f"q{i}"} | row for i, row in enumerate(rows)])


def values(table: pd.DataFrame, column: str = "control") -> dict[str, float]:
    return {
        name: round(value, 6) for name, value in table[[column, "value"]].itertuples(index=False, name=None)
    }


def test_three_readings_of_unread_answers() -> None:
    frame = outcomes(
        {"answer": "A", "original_answer": "A", "same": True},
        {"answer": "B", "original_answer": "A", "same": False},
        {"answer": None, "original_answer": "A", "same": False},
        {"answer": "A", "original_answer": None, "same": False},
    )
    assert values(answer_change.unread_answers(frame)) == {
        "answers read": 0.5,
        "same, unread answers left out": 0.5,
        "same, an unread answer counted as changed": 0.25,
        "same, an unread answer counted as the same": 0.75,
    }


def test_the_distance_of_distributions_is_half_the_sum_of_what_moves() -> None:
    frame = outcomes(
        {"probs": [0.5, 0.5], "original_probs": [0.5, 0.5]},
        {"probs": [0.9, 0.1], "original_probs": [0.4, 0.6]},
        {"probs": [], "original_probs": []},
    )
    table = answer_change.distance(frame)
    assert values(table) == {"total variation distance": 0.25}
    assert table["nobs"].tolist() == [2]


def test_edits_are_checked_for_text_values_length_and_likelihood() -> None:
    reasoning = " 1 + 2 = 3. 3 + 4 = 7."
    traces = pd.DataFrame(
        [
            CELL | {"trace": "k", "question": "q2", "reasoning": reasoning, "text_tokens": 10},
            CELL | {"trace": "l", "question": "q2", "reasoning": "", "text_tokens": 20},
        ]
    )
    common = {"trace": "k", "original_logprob": -1.0}
    frame = outcomes(
        {"shown": " 1 + 2 = 3.", "tokens": 5, "logprob": None, "position": 0.5},
        {"shown": " 1 + 2 = 4.", "tokens": 5, "logprob": -3.0, "position": 0.5},
        {"shown": " 1 plus 2 is 3. 3 plus 4 is 7.", "tokens": 12, "logprob": -2.0},
        {"shown": reasoning, "tokens": 10, "logprob": None},
        **common,
    )

    def results(text: str) -> tuple[str, ...]:
        return tuple(word.strip(".") for word in text.split() if word.endswith("."))

    assert values(controls.edits_checked(traces, frame, {"t": results})) == {
        "text changed": 0.5,
        "values kept": 0.5,
        "length at the end": 0.6,  # 12 tokens, and the longest reasoning of the question has 20
        "log-probability": -2.5,
        "original log-probability": -1.0,
    }


def test_means_are_over_all_rows_and_resample_questions() -> None:
    frame = outcomes({"x": 1.0}, {"x": 2.0}, {"x": 6.0})
    table = means(frame, ["task"], "x", 0)
    (row,) = table.to_dict("records")
    assert row["value"] == pytest.approx(3)
    assert row["ci_low"] < 3 < row["ci_high"]
    assert row["questions"] == 3


def test_what_was_unread_cut_off_or_not_applicable_is_counted() -> None:
    free = {"probability": float("nan"), "probability_without": 0.25}
    traces = traces_of({"a": [1, 0]}, mass=0.9, mass_without=0.5, **free).assign(
        answer=["4", None], answer_without=[None, None], hit_limit=[True, False]
    )
    outcomes = outcomes_of(("a", 1, 0, True), ("a", 1, 1, True)).assign(
        answer=["4", None],
        hit_limit=[False, False],
        mass=[0.8, 0.6],
        probability=[0.3, 0.5],
        coords=[{"x": 1, "y": 2}, {"x": 1, "y": 3}],
    )
    refused = pd.DataFrame([CELL | {"intervention": "truncation", "reason": "no reasoning"}] * 2)
    table = controls.counts(traces, outcomes, refused).set_index("condition")
    columns = ["nobs", "unread", "hit_limit", "not_applicable", "reasons"]
    assert table.loc["reasoning", columns].tolist() == [2, 1, 1, 0, ""]
    assert table.loc["no reasoning", columns].tolist() == [1, 1, 0, 0, ""]
    assert table.loc["truncation", columns].tolist() == [2, 1, 0, 2, "2 × no reasoning"]
    assert table.loc["truncation", "in_every_edit"] == "x=1"
    assert table.loc["truncation", ["mass", "probability"]].tolist() == pytest.approx([0.7, 0.4])
    assert table.loc["no reasoning", ["mass", "probability"]].tolist() == [0.5, 0.25]
    assert table["probability"].isna().loc["reasoning"]


def test_attention_to_the_reasoning_is_described_by_layers_in_thirds() -> None:
    few = outcomes({"attention": [0.2, 0.4, 0.9]}, {"attention": [0.4, 0.4, 0.7]}, {"attention": []})
    assert values(controls.attention(few)) == {
        "attention to the reasoning, layers 0 (descriptive)": 0.3,
        "attention to the reasoning, layers 1 (descriptive)": 0.4,
        "attention to the reasoning, layers 2 (descriptive)": 0.8,
    }
    many = outcomes({"attention": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]})
    assert values(controls.attention(many)) == {
        "attention to the reasoning, layers 0-1 (descriptive)": 0.1,
        "attention to the reasoning, layers 2-3 (descriptive)": 0.5,
        "attention to the reasoning, layers 4-5 (descriptive)": 0.9,
    }
    assert controls.attention(outcomes({"attention": []})).empty
