"""What tasks read from their answers, worked out by hand on a few rows."""

from typing import Any

import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from cotfaith.plugins.scores import Score, share_marked
from cotfaith.schema import Question
from cotfaith.stats.scores import scores

ASKED = {
    ("t", f"q{i}"): Question("t", f"q{i}", "?", ("x", "y"), marks={"user": "A"} if i < 4 else {})
    for i in range(5)
}


def test_a_tasks_own_score_is_taken_of_every_condition() -> None:
    score = share_marked("matches", "user")
    answers: Any = ["A", "A", "B", None, "A"]
    base = pd.DataFrame(
        {"model": "m", "n_params": 1, "task": "t", "question": [f"q{i}" for i in range(5)], "sample": 0}
    )
    traces = base.assign(answer=answers, answer_without="B")
    outcomes = base.assign(intervention="filler", answer=["A", "A", "A", "A", "B"])
    table = scores(ASKED, {"t": [score]}, traces, outcomes).set_index("condition")
    assert table["value"].to_dict() == {"filler": 1.0, "with reasoning": 0.5, "without reasoning": 0.0}
    assert set(table["nobs"]) == set(table["questions"]) == {4}
    wilson = proportion_confint(4, 4, method="wilson")
    assert table.loc["filler", ["ci_low", "ci_high"]].tolist() == pytest.approx(wilson)
    assert table["ci_low"]["with reasoning"] < 0.5 < table["ci_high"]["with reasoning"]


def test_a_score_that_no_resampling_changes_has_wilsons_interval_on_its_own_range() -> None:
    twice = Score("twice", lambda q, a: (float(a == "A"), 1.0), lambda a, n: 2 * a / n - 1, low=-1.0)
    base = pd.DataFrame(
        {"model": "m", "n_params": 1, "task": "t", "question": ["q0", "q1", "q2"], "sample": 0}
    )
    traces = base.assign(answer="A", answer_without="B")
    table = scores(ASKED, {"t": [twice]}, traces, base.assign(intervention="x", answer="A").iloc[:0])
    low, high = proportion_confint(3, 3, method="wilson")
    assert table.loc[0, ["value", "ci_low", "ci_high"]].tolist() == pytest.approx(
        [1, 2 * low - 1, 2 * high - 1]
    )
    assert table.loc[1, ["value", "ci_low", "ci_high"]].tolist() == pytest.approx([-1, -1, 1 - 2 * low])
