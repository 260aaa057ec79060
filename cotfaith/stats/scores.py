"""What tasks read from their answers beside accuracy, with an interval over questions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import pandas as pd

from cotfaith.plugins.scores import Counts, Score
from cotfaith.schema import Estimate, Question
from cotfaith.stats.intervals import (
    Floats,
    cluster_bootstrap,
    within_range,
)
from cotfaith.stats.tables import CELL, estimates, groups, weights

Wanted = Mapping[str, Sequence[Score]]
"""What each task reads."""


def scores(
    questions: Mapping[tuple[str, str], Question],
    wanted: Wanted,
    traces: pd.DataFrame,
    outcomes: pd.DataFrame,
    seed: int = 0,
) -> pd.DataFrame:
    """Return what tasks read from their answers beside accuracy, with and without reasoning and by edit.

    Parameters
    ----------
    questions : mapping of (task, id) to Question
        All that were asked.
    wanted : mapping of task to a sequence of Score
        What each task reads, e.g. a bias score.
    traces, outcomes : DataFrame
        The frames of a run.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    DataFrame
        One row a (model, task, condition, score) that counts any answer; value in the score's range.
        `nobs` counts the answers that the score counts, `questions` the questions that they came from.

    Notes
    -----
    The interval resamples questions. Where no resampling changes the number it leaves room, within the
    score's range, for what questions among so many might still be otherwise. NaN where the number is
    undefined, as a bias score is where every answer is `unknown`.
    """
    answers = _by_condition(traces, outcomes)
    rows = []
    for names, group in groups(answers[answers["task"].isin(list(wanted))], [*CELL, "condition"]):
        asked = [questions[str(names["task"]), question] for question in group["question"]]
        read = [None if pd.isna(answer) else answer for answer in group["answer"]]
        for score in wanted[str(names["task"])]:
            each = [score.counts(q, answer) for q, answer in zip(asked, read, strict=True)]
            counted = [
                _Counted(q.id, n, counts)
                for q, n, counts in zip(asked, weights(group), each, strict=True)
                if counts is not None
            ]
            if counted:
                rows.append(names | {"score": score.name} | asdict(_estimate(score, counted, seed)))
    return estimates(rows, [*CELL, "condition", "score"])


def _by_condition(traces: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return every answer of a run with the condition under which it was given."""
    once = traces[traces["sample"] == 0]
    conditions = [
        traces.assign(condition="with reasoning"),
        once.assign(condition="without reasoning", answer=once["answer_without"]),
        outcomes.assign(condition=outcomes["intervention"]),
    ]
    columns = [*CELL, "condition", "question", "answer", "n"]
    return pd.concat([frame.assign(n=weights(frame))[columns] for frame in conditions], ignore_index=True)


class _Counted(NamedTuple):
    """What equal answers to a question add, each."""

    question: str
    n: int
    counts: Counts


def _estimate(score: Score, counted: Sequence[_Counted], seed: int) -> Estimate:
    """Estimate a score from what each answer adds, question by question."""
    table = pd.DataFrame([one.counts for one in counted], dtype=float)
    n = np.array([one.n for one in counted])
    sums = table.mul(n, axis=0).groupby([one.question for one in counted], sort=True).sum().to_numpy()

    def value(summed: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(score.value(*summed.T), dtype=float)

    found, low, high = cluster_bootstrap(sums, value, seed)
    width = score.high - score.low
    place, low, high = ((x - score.low) / width for x in (found, low, high))
    low, high = (score.low + width * end for end in within_range(place, low, high, len(sums)))
    return Estimate(found, low, high, int(n.sum()), len(sums))
