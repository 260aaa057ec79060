"""Numbers that are compared, one a model or a task, each a function of sums over questions.

In this form any resampling of the questions gives all of them again, and so every contrast of them.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import t

from cotfaith.stats.curves import CurveSpec, PooledCurve
from cotfaith.stats.intervals import Floats, bootstrap_sums, detectable, percentile_interval, within_range
from cotfaith.stats.tables import sums, total


@dataclass(frozen=True)
class Compared:
    """Some numbers of the same kind, and what they are counted from."""

    names: tuple[str, ...]
    """Of the models, from the smallest on, or of the tasks, from the hardest on."""
    counts: Floats
    """(questions, columns)"""
    of: Callable[[Floats], Floats]
    """The numbers from sums of rows, (rows, columns) → (rows, names); NaN where nothing was counted."""
    nobs: int = 0
    least: float = 0.0
    """The lowest that a number can be; the highest is 1."""

    @cached_property
    def values(self) -> Floats:
        """The numbers over all questions, (names,)."""
        return np.asarray(self.of(self.counts.sum(axis=0, keepdims=True))[0])

    @cached_property
    def each(self) -> Floats:
        """The numbers of each question by itself, (questions, names); NaN where it was not asked."""
        return self.of(self.counts)

    @property
    def shared(self) -> "Compared":
        """The same on the questions that all have in common."""
        return replace(self, counts=self.counts[~np.isnan(self.each).any(axis=1)])


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of numbers, how sure it is, and what would have been found."""

    value: float
    ci_low: float
    ci_high: float
    p: float
    """Two-sided, of Student's t: the value for its bootstrap standard error."""
    detectable: float
    """The smallest true value that would have been found with 80% power."""
    questions: int


def contrast(compared: Compared, weights: Floats, span: float, seed: int = 0) -> Contrast:
    """Estimate Σ weights · numbers, which times the span is a difference of two numbers.

    Parameters
    ----------
    compared : Compared
        The numbers.
    weights : (names,), float
        Their weights, e.g. those of a least-squares slope.
    span : float
        Makes a difference of two numbers of the contrast, for the interval where no resampling changes it.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    Contrast
        NaN throughout where a number is missing.

    Notes
    -----
    Interval: cluster bootstrap over questions with expanded percentiles, as everywhere. A draw in which a
    number is missing is left out of it.
    """
    counted = compared.counts[compared.counts.any(axis=1)]
    n = len(counted)
    value = float(compared.values @ weights)
    if np.isnan(value) or n == 0:
        return Contrast(*(np.nan,) * 5, n)
    drawn = compared.of(bootstrap_sums(counted, seed)) @ weights
    low, high = (percentile_interval(drawn, n) * span).tolist()
    low, high = within_range(value * span, low, high, n, least=-1.0)
    error = float(np.nanstd(drawn)) * np.sqrt(n / max(n - 1, 1))
    p = float(2 * t.sf(abs(value) / error, n - 1)) if error > 0 and n > 1 else 1.0
    return Contrast(value, low / span, high / span, p, detectable(error), n)


def slope_weights(n_params: Floats) -> tuple[Floats, float]:
    """Return the weights of a least-squares slope on log10(parameters), and the span of that."""
    x = np.log10(n_params)
    return (x - x.mean()) / ((x - x.mean()) ** 2).sum(), float(np.ptp(x))


def ratios(frame: pd.DataFrame, column: str, by: str, order: Sequence[Hashable]) -> Compared:
    """Compare the mean of a column between models or tasks.

    `frame` has one row an outcome: `task`, `question`, the column (in [0, 1]) and what it is compared by.
    """
    hits, totals = _sums(frame, column, by, order)
    n = len(order)
    names = tuple(map(str, order))
    return Compared(names, np.hstack([hits, totals]), lambda s: _ratio(s[:, :n], s[:, n:]), total(frame))


def standardised(frame: pd.DataFrame, column: str, by: str, order: Sequence[Hashable]) -> Compared:
    """Compare means as `ratios` does, at one distribution of reasoning lengths.

    Notes
    -----
    Direct standardisation: Σ_n w_n · mean of the outcomes on reasoning of n steps, where w_n is the share of
    outcomes on n steps, averaged over what is compared. Lengths that one of these lacks are left out, since
    nothing is known of it there; where no length is common to all, the numbers are NaN.
    """
    lengths = sorted(frame["n_steps"].unique())
    shape = len(order), len(lengths)
    cells = [(name, n) for name in order for n in lengths]
    counts = np.hstack(_sums(frame, column, [by, "n_steps"], cells))

    def of(sums: Floats) -> Floats:
        hit, total = (half.reshape(len(sums), *shape) for half in np.split(sums, 2, axis=1))
        return _weighed(_ratio(hit, total), total)

    return Compared(tuple(map(str, order)), counts, of, total(frame))


def excesses(
    edited: pd.DataFrame, floor: pd.DataFrame, column: str, by: str, order: Sequence[Hashable]
) -> Compared:
    """Compare how much lower a mean is under an edit than without one, on the questions that have both."""
    whole = pd.concat([edited, floor])
    halves = [_sums(frame, column, by, order, of=whole) for frame in (floor, edited)]
    both = (halves[0][1] > 0) & (halves[1][1] > 0)
    blocks = [np.where(both, block, 0.0) for half in halves for block in half]
    n = len(order)

    def of(sums: Floats) -> Floats:
        base, of_base, edit, of_edit = (sums[:, i * n : (i + 1) * n] for i in range(4))
        return _ratio(base, of_base) - _ratio(edit, of_edit)

    return Compared(tuple(map(str, order)), np.hstack(blocks), of, total(edited), least=-1.0)


def areas(curves: Mapping[str, PooledCurve], *, same_lengths: bool = False) -> Compared:
    """Compare the areas over pooled curves, of models from the smallest on.

    With `same_lengths` they are standardised as in `standardised`, by the share of samples of a length.
    """
    every = pd.Index(sorted({name for curve in curves.values() for name in curve.names}))
    tables = [np.zeros((len(every), curve.table.shape[1])) for curve in curves.values()]
    for table, curve in zip(tables, curves.values(), strict=True):
        table[every.get_indexer(pd.Index(curve.names))] = curve.table
    ends = np.cumsum([table.shape[1] for table in tables])[:-1]
    lengths = sorted({n for curve in curves.values() for n in curve.lengths})

    def of(sums: Floats) -> Floats:
        parts = np.split(sums, ends, axis=1)
        if not same_lengths:
            each = [curve.area_over(part) for curve, part in zip(curves.values(), parts, strict=True)]
            return np.column_stack(each)
        over = np.full((len(sums), len(curves), len(lengths)), np.nan)
        samples = np.zeros_like(over)
        for i, (curve, part) in enumerate(zip(curves.values(), parts, strict=True)):
            at = [lengths.index(n) for n in curve.lengths]
            over[:, i, at], samples[:, i, at] = curve.areas_by_length(part)
        return _weighed(over, samples)

    nobs = sum(curve.nobs for curve in curves.values())
    return Compared(tuple(curves), np.hstack(tables), of, nobs)


def curves_of(
    spec: CurveSpec, traces: pd.DataFrame, outcomes: pd.DataFrame, models: Sequence[str]
) -> dict[str, PooledCurve]:
    """Return each model's curve."""
    return {
        model: PooledCurve(spec, traces[traces["model"] == model], outcomes[outcomes["model"] == model])
        for model in models
    }


def _weighed(numbers: Floats, weights: Floats) -> Floats:
    """Average numbers by length, (rows, names, lengths) → (rows, names), at the mean share of each length."""
    common = np.all(weights > 0, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (weights / weights.sum(axis=2, keepdims=True)).mean(axis=1, keepdims=True) * common
        shares = shares / shares.sum(axis=2, keepdims=True)
    whole = np.where(shares > 0, np.nan_to_num(numbers) * shares, 0.0).sum(axis=2)
    return np.where(np.any(common, axis=2), whole, np.nan)


def _sums(
    frame: pd.DataFrame,
    column: str,
    by: str | list[str],
    order: Sequence[Hashable],
    of: pd.DataFrame | None = None,
) -> tuple[Floats, Floats]:
    """Return sums and numbers of rows, (questions, order) each; the questions may be another frame's."""
    names = [by] if isinstance(by, str) else by
    keys = [name for name in ("task", "question") if name not in names]
    rows = (frame if of is None else of).groupby(keys).size().index
    cells = sums(frame, [*keys, *names], column)
    tables = [cells[part].unstack(by).reindex(index=rows, columns=list(order)) for part in ("sum", "size")]
    hits, totals = (table.fillna(0.0).to_numpy(dtype=float) for table in tables)
    return hits, totals


def _ratio(hits: Floats, totals: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(hits / totals)
