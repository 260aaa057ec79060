"""Models and interventions of one run compared, worked out by hand on a few rows."""

from typing import Any

import pandas as pd
import pytest

from cotfaith.errors import InputError
from cotfaith.stats.compare import compare_within
from cotfaith.store.frames import RunFrames

NONE = pd.DataFrame()


def run_of(
    *rows: tuple[str, str, str, bool], probs: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
) -> RunFrames:
    """Return a run of one sample a (model, intervention, question, same)."""
    cells: list[dict[str, Any]] = [
        {"task": "t", "model": m, "intervention": i, "question": q, "sample": 0, "same": same, "correct": same,
         "probs": probs[0], "original_probs": probs[1]}
        for m, i, q, same in rows
    ]  # fmt: skip
    outcomes = pd.DataFrame(cells)
    traces = outcomes.drop_duplicates(["model", "question"]).assign(
        correct=True, correct_without=False, same_without=False
    )
    return RunFrames(NONE, NONE, traces, NONE, outcomes, NONE, NONE)


QUESTIONS = [f"q{i}" for i in range(8)]
MISTAKES_CHANGE_MORE = run_of(
    *[("small", "mistake", q, False) for q in QUESTIONS],
    *[("small", "paraphrase", q, q != "q0") for q in QUESTIONS],
    *[("large", "mistake", q, q in ("q0", "q1")) for q in QUESTIONS],
    *[("large", "paraphrase", q, True) for q in QUESTIONS],
)


def row(table: pd.DataFrame, **where: str) -> pd.Series:
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_two_interventions_are_compared_question_by_question_for_each_model() -> None:
    table = compare_within(MISTAKES_CHANGE_MORE, interventions=["mistake", "paraphrase"])
    small = row(table, model="small", measure="mistake → paraphrase: same answer")
    assert (small["first"], small["second"], small["value"]) == (0, 7 / 8, 7 / 8)
    assert (small["test"], small["questions"]) == ("McNemar", 8)
    assert small["p"] == pytest.approx(2 / 2**7)  # seven questions differ, all in one direction
    large = row(table, model="large", measure="mistake → paraphrase: same answer")
    assert large["value"] == 6 / 8
    assert large["p_holm"] == large["p"]


def test_two_models_are_compared_under_each_intervention_and_without_any() -> None:
    table = compare_within(MISTAKES_CHANGE_MORE, models=["small", "large"])
    assert set(table["model"]) == {"small → large"}
    assert row(table, measure="mistake: same answer")["value"] == 2 / 8
    assert row(table, measure="paraphrase: same answer")["value"] == 1 / 8
    assert row(table, measure="accuracy with reasoning")["value"] == 0
    one = compare_within(MISTAKES_CHANGE_MORE, models=["large", "small"], interventions=["mistake"])
    assert set(one["measure"]) == {"mistake: same answer", "mistake: accuracy"}
    assert row(one, measure="mistake: same answer")["value"] == -2 / 8


def test_all_pairs_of_more_are_corrected_together() -> None:
    run = run_of(
        *[("a", "mistake", q, False) for q in QUESTIONS],
        *[("b", "mistake", q, True) for q in QUESTIONS],
        *[("c", "mistake", q, q in ("q0", "q1")) for q in QUESTIONS],
    )
    same = compare_within(run, models=["a", "b", "c"]).query("measure == 'mistake: same answer'")
    assert same["model"].tolist() == ["a → b", "a → c", "b → c"]
    ps = [2 / 2**8, 2 / 2**2, 2 / 2**6]
    assert same["p"].tolist() == pytest.approx(ps)
    assert same["p_holm"].tolist() == pytest.approx([3 * ps[0], ps[1], 2 * ps[2]])


def test_probabilities_that_move_are_compared_too() -> None:
    run = run_of(*[(m, "mistake", q, True) for m in "ab" for q in QUESTIONS], probs=((0.9, 0.1), (0.6, 0.4)))
    found = row(compare_within(run, models=["a", "b"]), measure="mistake: total variation distance")
    assert (found["first"], found["test"]) == (pytest.approx(0.3), "sign flips")


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"models": ["small", "lagre"]}, "unknown model of the run 'lagre'. Did you mean 'large'"),
        ({"interventions": ["mistake", "sham"]}, "unknown intervention of the run 'sham'"),
        ({"models": ["small", "small"]}, "nothing to compare: name two runs, or of one run two --model"),
        ({}, "nothing to compare"),
    ],
)
def test_what_cannot_be_compared_is_told(named: dict[str, list[str]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        compare_within(MISTAKES_CHANGE_MORE, **named)  # type: ignore[arg-type]
