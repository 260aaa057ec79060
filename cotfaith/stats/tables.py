"""Estimates in groups: the rows and columns that all tables of a run have in common."""

from collections.abc import Hashable, Iterator
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from cotfaith.schema import Estimate
from cotfaith.stats.intervals import (
    cluster_bootstrap,
    proportion,
)

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


def proportions(frame: pd.DataFrame, by: list[str], column: str, seed: int) -> pd.DataFrame:
    """Estimate the mean of a true-or-false column in every group."""
    rows = []
    for names, group in groups(frame, by):
        clusters = group.groupby("question")[column].agg(["sum", "size"]).astype(float)
        rows.append(names | asdict(proportion(clusters["sum"].to_numpy(), clusters["size"].to_numpy(), seed)))
    return estimates(rows, [*by])


def estimates(rows: list[dict[Any, Any]], names: list[str]) -> pd.DataFrame:
    """Return estimates with their names; numbers are numbers even where there is no row."""
    kinds = dict.fromkeys(["value", "ci_low", "ci_high"], float) | dict.fromkeys(["nobs", "questions"], int)
    table = pd.DataFrame(rows, columns=[*names, *ESTIMATE]).astype(kinds)
    return table.astype({"n_params": int}) if "n_params" in names else table


def groups(frame: pd.DataFrame, by: list[str]) -> Iterator[tuple[dict[str, Hashable], pd.DataFrame]]:
    """Yield the frame in groups, smaller models first, with the values of the columns that they share."""
    order = sorted(by, key=lambda name: name != "n_params")
    for values, group in frame.groupby(order, sort=True):
        found = dict(zip(order, values, strict=True))
        yield {name: found[name] for name in by}, group


def means(frame: pd.DataFrame, by: list[str], column: str, seed: int) -> pd.DataFrame:
    """Estimate the mean of a number in every group, over all rows; questions are resampled."""
    rows = []
    for names, group in groups(frame, by):
        clusters = group.groupby("question")[column].agg(["sum", "size"]).to_numpy(dtype=float)
        value, low, high = cluster_bootstrap(clusters, lambda sums: sums[:, 0] / sums[:, 1], seed)
        rows.append(names | asdict(Estimate(value, low, high, len(group), len(clusters))))
    return estimates(rows, [*by])


def named(table: pd.DataFrame, control: str) -> pd.DataFrame:
    """Say which control a table's estimates are."""
    table.insert(len(CURVE), "control", control)
    return table
