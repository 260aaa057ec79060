"""Curves along the reasoning, pooled over reasoning lengths, for any resampling of the questions."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

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
        self.lengths: list[int] = sorted(set(outcomes["n_steps"]))
        self.names: list[str] = sorted(set(traces["question"]))
        """The questions of the table's rows."""
        blocks = []
        for n in self.lengths:
            original = traces[traces["n_steps"] == n]
            here = outcomes[outcomes["n_steps"] == n]
            positions, hits, total = self._counted(here["question"], here["position"], here[spec.measure])
            if spec.unchanged_at is not None and spec.unchanged_at not in positions:
                edited = original.merge(here[["question", "sample"]].drop_duplicates())
                kept = edited["answer"].notna() if spec.measure == "same" else edited[spec.measure]
                at = np.full(len(edited), spec.unchanged_at)
                more = self._counted(edited["question"], at, kept)
                positions, hits, total = (
                    np.concatenate(parts, axis=-1)
                    for parts in zip((positions, hits, total), more, strict=True)
                )
            order = np.argsort(positions)
            samples = self._counted(original["question"], np.zeros(len(original)), np.zeros(len(original)))[2]
            self._positions.append(positions[order])
            blocks.append(np.column_stack([samples, hits[:, order], total[:, order]]))
        self.table = np.hstack(blocks).astype(float)
        self._ends = np.cumsum([block.shape[1] for block in blocks])[:-1]

    def _counted(
        self, questions: pd.Series, positions: ArrayLike, values: ArrayLike
    ) -> tuple[Floats, Floats, Floats]:
        """Return the positions that there are, and hits and outcomes by question and position."""
        rows = pd.Index(self.names).get_indexer(pd.Index(questions))
        places, columns = np.unique(np.asarray(positions, dtype=float), return_inverse=True)
        hits, total = np.zeros((2, len(self.names), len(places)))
        np.add.at(hits, (rows, columns), np.asarray(values, dtype=float))
        np.add.at(total, (rows, columns), 1.0)
        return places, hits, total

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

    def areas_by_length(self, sums: Floats) -> tuple[Floats, Floats]:
        """Return the areas over the curves of each length and how many samples have it, (rows, lengths) each.

        Without any outcome of a length, its area is NaN and its samples count as none.
        """
        areas, samples = [], []
        for block, positions in zip(np.split(sums, self._ends, axis=1), self._positions, strict=True):
            hits, total = np.split(block[:, 1:], 2, axis=1)
            grid = np.unique(np.concatenate([[0.0, 1.0], positions]))
            area = 1 - np.trapezoid(_interpolate(grid, positions, hits, total), grid, axis=1)
            counted = total.any(axis=1)
            areas.append(np.where(counted, area, np.nan))
            samples.append(block[:, 0] * counted)
        return np.column_stack(areas), np.column_stack(samples)


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
