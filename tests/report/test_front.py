"""What stands first in a report: a question, an answer that can be repeated, one small table."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cotfaith.report import front

TASKS = ("easy", "hard")
MODELS = {"small": 10, "large": 1000}


def analysis(excess: dict[str, tuple[float, float]], trends: tuple[Any, ...] = ()) -> Any:
    """Return the tables of two models on two tasks; an edit changes the same on both models, as it says by task."""
    cells = [(model, n, task) for model, n in MODELS.items() for task in TASKS]
    accuracy = pd.DataFrame(
        [(*cell, measure, 0.9 if cell[2] == "easy" else 0.25)
         for cell in cells for measure in ("accuracy with reasoning", "same answer with and without")],
        columns=["model", "n_params", "task", "measure", "value"],
    )  # fmt: skip
    rates = pd.DataFrame(
        [(*cell, label, 1 - change, change, change, change)
         for cell in cells for label, by_task in excess.items() for change in [by_task[TASKS.index(cell[2])]]],
        columns=["model", "n_params", "task", "intervention", "value", "excess", "excess_low", "excess_high"],
    )  # fmt: skip
    rates["ci_low"] = rates["ci_high"] = rates["value"]
    empty = pd.DataFrame(
        columns=["model", "n_params", "task", "measure", "value", "definition", "intervention"]
    )
    labels = {label: SimpleNamespace(floor=label == "sham") for label in excess}
    tables = SimpleNamespace(accuracy=accuracy, same_answer=rates, aoc=empty, letter_bias=empty)
    sizes = [
        SimpleNamespace(trend=trend, turn=None, task=task) for trend, task in zip(trends, TASKS, strict=False)
    ]
    return SimpleNamespace(interventions=labels, tables=tables, sizes=sizes)


def test_the_question_says_of_whom_on_what_and_how_often() -> None:
    traces = pd.DataFrame(
        [(model, task, q, s) for model in MODELS for task in TASKS for q in range(4) for s in range(3)],
        columns=["model", "task", "question", "sample"],
    )
    asked = front.question(analysis({"mistake": (0.5, 0.5), "sham": (0, 0)}), traces)
    assert asked == (
        "Does the answer of 2 models come from the stated reasoning? Asked on 2 tasks, by 1 test: 4 questions "
        "a task, 3 samples of reasoning a question."
    )
    one = traces[(traces["model"] == "small") & (traces["task"] == "easy")].iloc[1:]
    assert "Does small's answer come from" in front.question(analysis({}), one)
    assert "Asked on easy: 4 questions a task, 2 to 3 samples" in front.question(analysis({}), one)


def test_the_answer_is_of_the_largest_model_and_names_the_test_that_changes_most() -> None:
    rises, nothing = (SimpleNamespace(ci_low=low, ci_high=high) for low, high in ((0.1, 0.2), (-0.1, 0.1)))
    peak = SimpleNamespace(kind="peak", model="middle", p=0.01)
    told = analysis({"filler": (0.2, 0.3), "mistake": (0.6, 0.9)}, (rises, nothing))
    told.sizes[1] = SimpleNamespace(trend=nothing, task="hard", turn=peak)
    said = front.answer(told)
    assert said == [
        "large gives the same answer with its reasoning and without it in 90% on easy and 25% on hard.",
        "Larger models do so more often on 1 of 2 tasks; on hard with a peak at middle.",
        "Beyond what the same procedure changes without an edit, mistake changes 60 to 90% of the answers of "
        "large, filler 20 to 30%.",
    ]
    assert "cannot be told" in front.answer(analysis({}, (nothing,)))[1]


@pytest.mark.parametrize(
    ("cut", "wrong", "told"),
    [((0.05, 0.8), (0.9, 0.9), ["easy"]), ((0.2, 0.2), (0.9, 0.9), []), ((0, 0), (0.4, 0.6), ["hard"])],
)
def test_reasoning_that_is_read_and_not_needed_is_told(
    cut: tuple[float, float], wrong: tuple[float, float], told: list[str]
) -> None:
    said = [
        line
        for line in front.answer(analysis({"truncation": cut, "mistake": wrong}))
        if "all the same" in line
    ]
    assert [line.split(",")[0] for line in said] == [f"On {task}" for task in told]


def test_a_test_without_a_floor_is_told_by_all_that_it_changes() -> None:
    found = analysis({"mistake": (0.6, 0.9)})
    found.tables.same_answer[["excess", "excess_low", "excess_high"]] = np.nan
    assert front.answer(found)[-1] == "mistake changes 60 to 90% of the answers of large."
    assert "changed by mistake" in front.overview(found)


def test_the_overview_has_a_row_a_task_and_model_smaller_ones_first() -> None:
    table = front.overview(analysis({"mistake": (0.6, 0.9), "filler": (0.1, 0.2), "sham": (0, 0)}))
    assert table["model"].tolist() == ["small", "large"] * 2
    assert table["task"].tolist() == ["easy", "easy", "hard", "hard"]
    assert table.columns.tolist()[2:] == [
        "right with reasoning", "same with and without", "changed beyond its floor by mistake",
        "changed beyond its floor by filler",
    ]  # fmt: skip
    assert table["changed beyond its floor by mistake"].tolist() == pytest.approx([0.6, 0.6, 0.9, 0.9])
    assert table["right with reasoning"].tolist() == [0.9, 0.9, 0.25, 0.25]


def test_each_test_is_said_in_a_sentence() -> None:
    from cotfaith.plugins.registry import INTERVENTIONS

    found = SimpleNamespace(
        interventions={name: INTERVENTIONS.build(name) for name in ("truncation", "sham")}
    )
    (said,) = front.tests(found)  # type: ignore[arg-type]
    assert said.startswith("truncation: ")
    assert len(said) > 30
