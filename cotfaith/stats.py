"""How sure we are: intervals for numbers whose observations come in clusters."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from cotfaith.schema import Estimate

Floats = NDArray[np.float64]
DRAWS = 2000
LEVEL = 0.95


def cluster_bootstrap(
    counts: Floats, statistic: Callable[[Floats], Floats], seed: int, draws: int = DRAWS
) -> tuple[float, float, float]:
    """Estimate a statistic of summed counts, with a percentile interval over resampled clusters.

    Parameters
    ----------
    counts : (clusters, cells), float
        What each cluster (question) adds to each cell, e.g. outcomes and same answers at each position.
    statistic : (sums, cells) → (sums,)
        The statistic of many rows of summed cells at once, unbounded in general. NaN where it is undefined.
    seed : int
        Decides the draws.
    draws : int
        Bootstrap samples; each takes as many clusters as there are, with replacement.

    Returns
    -------
    (value, ci_low, ci_high)
        The statistic of all clusters and the 2.5% and 97.5% quantiles over the draws in which it is defined.

    Notes
    -----
    All samples of a question stay together, since they are not independent (Miller 2024, arXiv 2411.00640).
    The percentile interval is too narrow for few clusters: with 10 of them read it as a lower bound of the
    width. It has no width at all where all clusters agree; `proportion` then uses another interval.
    """
    value = statistic(counts.sum(axis=0, keepdims=True))[0]
    low, high = percentile_interval(statistic(bootstrap_sums(counts, seed, draws)))
    return float(value), float(low), float(high)


def bootstrap_sums(counts: Floats, seed: int, draws: int = DRAWS) -> Floats:
    """Return the summed counts of resampled clusters, (clusters, cells) → (draws, cells)."""
    return _resampled(len(counts), seed, draws) @ counts


def percentile_interval(drawn: Floats) -> Floats:
    """Return the 2.5% and 97.5% quantiles over the first axis, (draws, ...) → (2, ...), without NaNs."""
    tail = (1 - LEVEL) / 2
    if np.isnan(drawn).all():
        return np.full((2, *drawn.shape[1:]), np.nan)
    return np.asarray(np.nanquantile(drawn, [tail, 1 - tail], axis=0))


def proportion(successes: Floats, totals: Floats, seed: int, draws: int = DRAWS) -> Estimate:
    """Estimate a proportion Σ successes / Σ totals over clusters.

    Parameters
    ----------
    successes, totals : (clusters,), float
        Counts of each question, 0 ≤ successes ≤ totals; questions with a total of 0 are left out.
    seed, draws : int
        As in `cluster_bootstrap`.

    Returns
    -------
    Estimate
        In [0, 1]. The interval is the cluster bootstrap's; where all questions are alike it is Wilson's
        (1927) with the questions as trials, as if the samples of a question were one observation.

    Notes
    -----
    Without any outcome the value and the interval are NaN.
    """
    counted = totals > 0
    successes, totals = successes[counted], totals[counted]
    nobs, questions = int(totals.sum()), int(counted.sum())
    if nobs == 0:
        return Estimate(np.nan, np.nan, np.nan, 0, 0)
    counts = np.column_stack([successes, totals])
    value, low, high = cluster_bootstrap(counts, _ratio, seed, draws)
    return Estimate(value, *without_width(value, low, high, questions), nobs, questions)


def at_the_edge(value: float, low: float, high: float, questions: int) -> tuple[float, float]:
    """Return the interval, or Wilson's (1927) with the questions as trials where all agree on 0 or on 1.

    There the bootstrap cannot vary, and an interval without width would claim to be sure.
    """
    return without_width(value, low, high, questions) if value in (0, 1) else (float(low), float(high))


def without_width(value: float, low: float, high: float, questions: int) -> tuple[float, float]:
    """Return the interval of a number in [0, 1], or Wilson's (1927) where resampling changes nothing."""
    if not low == high == value:
        return float(low), float(high)
    wilson = proportion_confint(value * questions, questions, alpha=1 - LEVEL, method="wilson")
    return min(float(wilson[0]), value), max(float(wilson[1]), value)


@lru_cache(maxsize=32)
def _resampled(clusters: int, seed: int, draws: int) -> Floats:
    """Draw how often each cluster is taken, (draws, clusters)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=draws).astype(np.float64)


def _ratio(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Any = sums[:, 0] / sums[:, 1]
    return np.asarray(result, dtype=np.float64)
