"""Frames for tests of statistics, and a row of a table."""

from typing import Any

import pandas as pd

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
