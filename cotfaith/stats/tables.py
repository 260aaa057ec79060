"""Estimates in groups: the rows and columns that all tables of a run have in common.

A row of a frame is an outcome (or a sample of reasoning), or it stands for `n` of them that are alike, as
those of `store.counts` do: then its numbers are their means.
"""

from collections.abc import Hashable, Iterator
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from cotfaith.schema import Estimate
from cotfaith.stats.intervals import Floats, cluster_bootstrap, proportion

CELL = ["model", "n_params", "task"]
CURVE = [*CELL, "intervention"]
ESTIMATE = [f.name for f in fields(Estimate)]


def share_of(frame: pd.DataFrame, column: str, seed: int = 0) -> pd.DataFrame:
    """Return the mean of a true-or-false column.

    Parameters
    ----------
    frame : DataFrame
        One row an outcome, with `model`, `n_params`, `task`, `question` and the column; rows in which it is
        missing are left out.
    column : str
        Its name.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    DataFrame
        One row a (model, task); value in [0, 1].
    """
    return proportions(frame[frame[column].notna()], CELL, column, seed)


def weights(frame: pd.DataFrame) -> pd.Series:
    """Return for how many outcomes each row stands: its `n`, or one where rows are not counted together."""
    return frame["n"] if "n" in frame else pd.Series(1, index=frame.index)


def total(frame: pd.DataFrame) -> int:
    """Return for how many outcomes a frame stands."""
    return int(weights(frame).sum())


def mean(frame: pd.DataFrame, column: str) -> float:
    """Return the mean of a number, or the share of a true-or-false column, over all outcomes; NaN of none."""
    n = weights(frame)
    return float((frame[column].astype(float) * n).sum() / n.sum()) if len(frame) else float("nan")


def sums(frame: pd.DataFrame, by: str | list[str], column: str) -> pd.DataFrame:
    """Return the `sum` of a number over the outcomes of each group, and their number, the `size`."""
    n = weights(frame)
    names = [by] if isinstance(by, str) else by
    counted = frame[names].assign(sum=frame[column].astype(float) * n, size=n.astype(float))
    return counted.groupby(by, sort=True)[["sum", "size"]].sum()


def means_by(frame: pd.DataFrame, by: list[str], columns: list[str]) -> pd.DataFrame:
    """Return the mean of each number over the outcomes of each group that have it; NaN where none has."""
    n = weights(frame)
    values = frame[columns].astype(float)
    counted = values.notna().mul(n, axis=0)
    parts = pd.concat(
        [frame[by], values.mul(n, axis=0).add_prefix("sum "), counted.add_prefix("of ")], axis=1
    )
    found = parts.groupby(by, sort=True).sum()
    return pd.DataFrame(
        {c: found[f"sum {c}"] / found[f"of {c}"].where(found[f"of {c}"] > 0) for c in columns}
    )


def by_question(
    frame: pd.DataFrame, by: list[str], column: str
) -> Iterator[tuple[dict[str, Hashable], Floats]]:
    """Yield of each group, smaller models first, the sum of a number and the outcomes by question."""
    of_question = sums(frame, [*_order(by), "question"], column).reset_index()
    for names, group in groups(of_question, by):
        yield names, group[["sum", "size"]].to_numpy()


def proportions(frame: pd.DataFrame, by: list[str], column: str, seed: int) -> pd.DataFrame:
    """Estimate the mean of a true-or-false column in every group."""
    rows = [
        names | asdict(proportion(clusters[:, 0], clusters[:, 1], seed))
        for names, clusters in by_question(frame, by, column)
    ]
    return estimates(rows, [*by])


def estimates(rows: list[dict[Any, Any]], names: list[str]) -> pd.DataFrame:
    """Return estimates with their names; numbers are numbers even where there is no row."""
    kinds = dict.fromkeys(["value", "ci_low", "ci_high"], float) | dict.fromkeys(["nobs", "questions"], int)
    table = pd.DataFrame(rows, columns=[*names, *ESTIMATE]).astype(kinds)
    return table.astype({"n_params": int}) if "n_params" in names else table


def groups(frame: pd.DataFrame, by: list[str]) -> Iterator[tuple[dict[str, Hashable], pd.DataFrame]]:
    """Yield the frame in groups, smaller models first, with the values of the columns that they share."""
    order = _order(by)
    for values, group in frame.groupby(order, sort=True):
        found = dict(zip(order, values, strict=True))
        yield {name: found[name] for name in by}, group


def _order(by: list[str]) -> list[str]:
    return sorted(by, key=lambda name: name != "n_params")


def means(frame: pd.DataFrame, by: list[str], column: str, seed: int) -> pd.DataFrame:
    """Estimate the mean of a number in every group, over all outcomes; questions are resampled."""
    rows = []
    for names, clusters in by_question(frame, by, column):
        value, low, high = cluster_bootstrap(clusters, lambda sums: sums[:, 0] / sums[:, 1], seed)
        rows.append(names | asdict(Estimate(value, low, high, int(clusters[:, 1].sum()), len(clusters))))
    return estimates(rows, [*by])


def named(table: pd.DataFrame, control: str) -> pd.DataFrame:
    """Say which control a table's estimates are."""
    table.insert(len(CURVE), "control", control)
    return table
