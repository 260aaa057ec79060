"""Curves along the reasoning, pooled over reasoning lengths, for any resampling of the questions."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cotfaith.stats.intervals import Floats, bootstrap_sums, percentile_interval


@dataclass(frozen=True)
class CurveSpec:
    """What is read along a curve."""

    measure: Literal["same", "correct"] = "same"
    unchanged_at: float | None = None
    """Where the reasoning is the original: there, without an edit, count the original answers of the samples
    that the intervention could edit elsewhere. An unread one is the same as nothing."""


class PooledCurve:
    """Counts by question, length and position; sums of rows give the curve of any resampling."""

    def __init__(self, spec: CurveSpec, traces: pd.DataFrame, outcomes: pd.DataFrame) -> None:
        self.nobs, self.questions = len(outcomes), outcomes["question"].nunique()
        self._positions: list[Floats] = []
        blocks = []
        for n in sorted(set(outcomes["n_steps"])):
            original = traces[traces["n_steps"] == n]
            here = outcomes[outcomes["n_steps"] == n]
            samples = _per_question(original.assign(position=0.0), "position", traces)[1]
            hits, total = _per_question(here, spec.measure, traces)
            if spec.unchanged_at is not None and spec.unchanged_at not in total:
                edited = original.merge(here[["question", "sample"]].drop_duplicates())
                kept = edited.assign(position=spec.unchanged_at, same=edited["answer"].notna())
                more_hits, more = _per_question(kept, spec.measure, traces)
                hits, total = hits.join(more_hits), total.join(more)
            order = sorted(total.columns)
            self._positions.append(np.array(order, dtype=float))
            blocks.append(np.column_stack([samples, hits[order], total[order]]))
        self.table = np.hstack(blocks).astype(float)
        self._ends = np.cumsum([block.shape[1] for block in blocks])[:-1]

    def at(self, grid: Floats, sums: Floats) -> Floats:
        """Return the pooled curve on a grid, (rows, cells) → (rows, grid)."""
        weighted, weights = np.zeros((len(sums), len(grid))), np.zeros((len(sums), 1))
        for block, positions in zip(np.split(sums, self._ends, axis=1), self._positions, strict=True):
            hits, total = np.split(block[:, 1:], 2, axis=1)
            counted = total.any(axis=1, keepdims=True)
            weight = block[:, :1] * counted
            weighted += weight * _interpolate(grid, positions, hits, total)
            weights += weight
        with np.errstate(invalid="ignore"):
            result: Floats = weighted / weights
        return result

    def band(self, grid: Floats, seed: int) -> Floats:
        """Return the interval at every point of the grid, (2, grid)."""
        return percentile_interval(self.at(grid, bootstrap_sums(self.table, seed)), len(self.table))

    def area_over(self, sums: Floats) -> Floats:
        """Return 1 minus the trapezoid area under the pooled curve, (rows, cells) → (rows,)."""
        grid = np.unique(np.concatenate([[0.0, 1.0], *self._positions]))
        return np.asarray(1 - np.trapezoid(self.at(grid, sums), grid, axis=1))


def _per_question(
    frame: pd.DataFrame, measure: str, traces: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return hits and outcomes by question (all of the traces') and position."""
    cells = frame.assign(hit=frame[measure].astype(float)).groupby(["question", "position"])["hit"]
    questions = sorted(set(traces["question"]))
    tables = (cells.sum().unstack(), cells.size().unstack())
    hits, total = (table.reindex(questions).fillna(0.0).astype(float) for table in tables)
    return hits, total


def _interpolate(grid: Floats, positions: Floats, hits: Floats, total: Floats) -> Floats:
    """Return rates between positions, (rows, positions) → (rows, grid); 0 where a row has no outcome."""
    rates = np.zeros((len(total), len(grid)))
    whole = (total > 0).all(axis=1)
    between = np.array([np.interp(grid, positions, unit) for unit in np.eye(len(positions))])
    rates[whole] = (hits[whole] / total[whole]) @ between
    for row in np.flatnonzero(~whole & total.any(axis=1)):
        seen = total[row] > 0
        rates[row] = np.interp(grid, positions[seen], hits[row, seen] / total[row, seen])
    return rates
