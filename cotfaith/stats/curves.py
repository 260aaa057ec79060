"""Curves along the reasoning, pooled over reasoning lengths, for any resampling of the questions."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cotfaith.stats.intervals import Floats, bootstrap_sums, percentile_interval
from cotfaith.stats.tables import total, weights


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
    steps: NDArray[np.intp]
    n: Floats
    """For how many outcomes, or samples, each stands."""

    @classmethod
    def of(cls, frame: pd.DataFrame, names: list[str]) -> "_Rows":
        question = pd.Index(names).get_indexer(pd.Index(frame["question"]))
        return cls(question, frame["n_steps"].to_numpy(), weights(frame).to_numpy(dtype=float))


class PooledCurve:
    """Counts by question, length and position; sums of rows give the curve of any resampling."""

    def __init__(self, spec: CurveSpec, traces: pd.DataFrame, outcomes: pd.DataFrame) -> None:
        self.nobs, self.questions = total(outcomes), outcomes["question"].nunique()
        self._positions: list[Floats] = []
        self.lengths: list[int] = sorted(outcomes["n_steps"].unique())
        self.names: list[str] = sorted(traces["question"].unique())
        """The questions of the table's rows."""
        own, edited = (_Rows.of(frame, self.names) for frame in (traces, outcomes))
        places, values = (outcomes[name].to_numpy(dtype=float) for name in ("position", spec.measure))
        unedited = outcomes.iloc[:0] if spec.unchanged_at is None else _unedited(spec, traces, outcomes)
        original, right = _Rows.of(unedited, self.names), unedited[spec.measure].to_numpy(dtype=float)
        blocks = []
        for n in self.lengths:
            here, kept = edited.steps == n, original.steps == n
            positions, hits, outof = self._counted(edited, here, places, values)
            if spec.unchanged_at is not None and spec.unchanged_at not in positions:
                at = np.full(len(right), spec.unchanged_at)
                more = self._counted(original, kept, at, right)
                positions, hits, outof = (
                    np.concatenate(parts, axis=-1)
                    for parts in zip((positions, hits, outof), more, strict=True)
                )
            order = np.argsort(positions)
            mine = own.steps == n
            samples = np.bincount(own.question[mine], own.n[mine], minlength=len(self.names))
            self._positions.append(positions[order])
            blocks.append(np.column_stack([samples, hits[:, order], outof[:, order]]))
        self.table = np.hstack(blocks).astype(float)
        self._ends = np.cumsum([block.shape[1] for block in blocks])[:-1]

    def _counted(
        self, rows: _Rows, chosen: NDArray[np.bool_], positions: Floats, values: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return the positions that there are, and hits and outcomes by question and position."""
        places, columns = np.unique(positions[chosen], return_inverse=True)
        hits, outof = np.zeros((2, len(self.names), len(places)))
        cells, n = (rows.question[chosen], columns), rows.n[chosen]
        np.add.at(hits, cells, values[chosen] * n)
        np.add.at(outof, cells, n)
        return places, hits, outof

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


def _unedited(spec: CurveSpec, traces: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the samples that there are outcomes of, with what their own reasoning gives."""
    if "n" in outcomes:
        rows = outcomes[outcomes["first" if spec.measure == "same" else "first_judged"]]
        own = rows.assign(answer=rows["original_answer"], correct=rows["original_correct"])
    else:
        by = ["question", "sample"]
        own = traces[pd.MultiIndex.from_frame(traces[by]).isin(pd.MultiIndex.from_frame(outcomes[by]))]
    return own.assign(same=own["answer"].notna())


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
