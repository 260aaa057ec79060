"""A run counted: rows that stand for several outcomes, from which the same is estimated."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cotfaith.bench.synthetic import Design, write_run
from cotfaith.schema import Answer, Edit, ModelInfo, Outcome, Question, Trace
from cotfaith.stats.analysis import Tables, analyse
from cotfaith.stats.counted import counted
from cotfaith.store.counts import Counts, count
from cotfaith.store.frames import load_run
from cotfaith.store.store import Store

STEPS = (" 1 + 2 = 3.", " 3 + 4 = 7.")
ASKED = Question("addition:operands=3", "q", "What is 1 + 2 + 4?", gold="7")


def answered(text: str | None, correct: bool | None = None) -> Answer:
    return Answer(text, probability=0.5, completion=str(text), correct=correct)


def small_run(folder: Path) -> None:
    """Write four samples of one question, whose two edits leave, change, or leave unread the answer."""
    store = Store.create(folder, {"seed": 0})
    store.add_model(ModelInfo("m", "f", 10))
    store.add_questions({"q": ASKED})
    store.add_intervention("i", "truncation", "truncation")
    right, wrong = answered("7", correct=True), answered("5", correct=False)
    unread = answered(None, correct=False)
    then = {0: (right, right), 1: (right, right), 2: (wrong, right), 3: (unread, right)}
    for sample, answers in then.items():
        trace = Trace(
            ASKED, sample, STEPS, 5, False, right, wrong, same_without=False, text_tokens=10 + sample
        )
        store.add_traces([(f"t{sample}", "f", "q", trace)])
        edits = {
            f"{sample}-{k}": (f"t{sample}", Edit(trace, STEPS[:k], k / 2, coords={"k": k})) for k in (0, 2)
        }
        store.add_edits("i", [f"t{sample}"], edits)
        outcomes = [
            (name, Outcome(answer, answer.text == "7", tokens=5 * sample))
            for name, answer in zip(edits, answers, strict=True)
        ]
        store.add_outcomes(outcomes)
    store.close()


@pytest.fixture
def found(tmp_path: Path) -> Counts:
    small_run(tmp_path)
    return count(Store.open(tmp_path), lambda task, shown, reasoning: None)


def test_outcomes_that_are_alike_are_one_row(found: Counts) -> None:
    rows = found.outcomes.sort_values(["position", "n"])[
        ["position", "same", "answer", "correct", "n", "tokens"]
    ]
    read = rows.assign(answer=rows["answer"].notna()).to_numpy().tolist()
    # At 0: sample 2 is wrong, 3 is unread, 0 and 1 are right; all four at 1. Of tokens the most.
    assert sorted(read, key=str) == [
        [0.0, False, False, 0.0, 1, 15],
        [0.0, False, True, 0.0, 1, 10],
        [0.0, True, True, 1.0, 2, 5],
        [1.0, True, True, 1.0, 4, 15],
    ]
    assert found.outcomes["coords"].tolist() == [{"k": 0}, {"k": 0}, {"k": 0}, {"k": 2}]


def test_the_first_outcomes_count_the_samples(found: Counts) -> None:
    first = found.outcomes[found.outcomes["first"]]
    assert first["n"].sum() == 4
    assert first["position"].unique().tolist() == [0.0]
    # Half of the two edits of samples 2 and 3 changed the answer, none of those of 0 and 1.
    assert (first["n"] * first["changed_of_sample"]).sum() == 1.0


def test_samples_that_are_alike_are_one_row_but_for_the_first(found: Counts) -> None:
    rows = found.traces[["sample", "n", "text_tokens", "most_text_tokens"]].to_numpy().tolist()
    assert rows == [[0, 1, 10, 10], [1, 3, 12, 13]]


def test_texts_are_read_before_they_are_left_out(found: Counts) -> None:
    by_position = found.outcomes.groupby("position")[["changed", "whole"]].all()
    assert by_position.to_numpy().tolist() == [[False, False], [False, True]]
    assert "shown" not in found.outcomes


def test_all_estimates_of_counts_are_those_of_rows(tmp_path: Path) -> None:
    write_run(tmp_path, Design(questions=4, samples=3))
    with_rows = analyse(load_run(tmp_path)).tables
    with_counts = analyse(counted(Store.open(tmp_path))).tables
    for field in fields(Tables):
        rows, counts = getattr(with_rows, field.name), getattr(with_counts, field.name)
        pd.testing.assert_frame_equal(counts, rows, rtol=0, atol=1e-11, obj=field.name, check_dtype=False)


def test_repeated_rows_count_as_often(tmp_path: Path) -> None:
    small_run(tmp_path)
    rows = load_run(tmp_path).outcomes
    from cotfaith.stats.answer_change import same_answer_rate, unread_answers
    from cotfaith.stats.areas import same_answer_curve

    thrice = rows.loc[np.repeat(rows.index, 3)].reset_index(drop=True)
    for estimate in (same_answer_rate, unread_answers, same_answer_curve):
        pd.testing.assert_frame_equal(estimate(rows.assign(n=3)), estimate(thrice))
