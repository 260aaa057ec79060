"""Curves along the reasoning, pooled over reasoning lengths, for any resampling of the questions."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cotfaith.stats.intervals import Floats, bootstrap_sums, percentile_interval


@dataclass(frozen=True)
class CurveSpec:
    """What is read along a curve."""

    measure: Literal["same", "correct"] = "same"
    unchanged_at: float | None = None
    """The position of the original reasoning. If no edit stands there, the original answers of the samples
    that the intervention could edit elsewhere count; an unread one counts as changed."""


@dataclass(frozen=True)
class _Rows:
    """The rows of a frame, in numbers."""

    question: NDArray[np.intp]
    """Its place among the names of the questions."""
    sample: NDArray[np.intp]
    steps: NDArray[np.intp]

    @classmethod
    def of(cls, frame: pd.DataFrame, names: list[str]) -> "_Rows":
        question = pd.Index(names).get_indexer(pd.Index(frame["question"]))
        return cls(question, frame["sample"].to_numpy(), frame["n_steps"].to_numpy())

    def only(self, rows: NDArray[np.bool_]) -> "_Rows":
        return _Rows(self.question[rows], self.sample[rows], self.steps[rows])

    def among(self, others: "_Rows") -> NDArray[np.bool_]:
        """Tell which rows are of a question and sample of the others."""
        most = 1 + max(self.sample.max(initial=0), others.sample.max(initial=0))
        mine, theirs = (rows.question * most + rows.sample for rows in (self, others))
        return np.isin(mine, theirs)


class PooledCurve:
    """Counts by question, length and position; sums of rows give the curve of any resampling."""

    def __init__(self, spec: CurveSpec, traces: pd.DataFrame, outcomes: pd.DataFrame) -> None:
        self.nobs, self.questions = len(outcomes), outcomes["question"].nunique()
        self._positions: list[Floats] = []
        self.lengths: list[int] = sorted(set(outcomes["n_steps"]))
        self.names: list[str] = sorted(set(traces["question"]))
        """The questions of the table's rows."""
        own, edited = (_Rows.of(frame, self.names) for frame in (traces, outcomes))
        places, values = (outcomes[name].to_numpy(dtype=float) for name in ("position", spec.measure))
        blocks = []
        for n in self.lengths:
            here, original = edited.steps == n, own.steps == n
            positions, hits, total = self._counted(edited.question[here], places[here], values[here])
            if spec.unchanged_at is not None and spec.unchanged_at not in positions:
                kept = original & own.among(edited.only(here))
                unedited = traces["answer"].notna() if spec.measure == "same" else traces[spec.measure]
                right = unedited[kept].to_numpy(dtype=float)
                more = self._counted(own.question[kept], np.full(len(right), spec.unchanged_at), right)
                positions, hits, total = (
                    np.concatenate(parts, axis=-1)
                    for parts in zip((positions, hits, total), more, strict=True)
                )
            order = np.argsort(positions)
            samples = np.bincount(own.question[original], minlength=len(self.names))
            self._positions.append(positions[order])
            blocks.append(np.column_stack([samples, hits[:, order], total[:, order]]))
        self.table = np.hstack(blocks).astype(float)
        self._ends = np.cumsum([block.shape[1] for block in blocks])[:-1]

    def _counted(
        self, questions: NDArray[np.intp], positions: Floats, values: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return the positions that there are, and hits and outcomes by question and position."""
        places, columns = np.unique(positions, return_inverse=True)
        hits, total = np.zeros((2, len(self.names), len(places)))
        np.add.at(hits, (questions, columns), values)
        np.add.at(total, (questions, columns), 1.0)
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
