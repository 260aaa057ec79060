"""How sure we are: intervals for numbers whose observations come in clusters."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t
from statsmodels.stats.proportion import proportion_confint

from cotfaith.schema import Estimate

Floats = NDArray[np.float64]
DRAWS = 2000
LEVEL = 0.95
POWER = 0.8
EDGE = 5
"""Successes or failures, counted in questions, below which a share is at the edge of what it can be."""


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
        The statistic of all clusters and its interval, as in `percentile_interval`.

    Notes
    -----
    All samples of a question stay together, since they are not independent (Miller 2024, arXiv 2411.00640).
    The interval has no width at all where all clusters agree; `proportion` then uses another one. How often
    it covers the truth stands in results/validation.
    """
    value = statistic(counts.sum(axis=0, keepdims=True))[0]
    low, high = percentile_interval(statistic(bootstrap_sums(counts, seed, draws)), len(counts))
    return float(value), float(low), float(high)


def bootstrap_sums(counts: Floats, seed: int, draws: int = DRAWS) -> Floats:
    """Return the summed counts of resampled clusters, (clusters, cells) → (draws, cells)."""
    return _resampled(len(counts), seed, draws) @ counts


def percentile_interval(drawn: Floats, clusters: int) -> Floats:
    """Return the 95% interval of a statistic from its bootstrap draws, (draws, ...) → (2, ...), without NaNs.

    Notes
    -----
    Hesterberg's (2015, The American Statistician 69, section 5.2) expanded percentile interval: the tails are
    those of the normal distribution at √(n/(n−1)) times Student's quantile for n clusters, since resampling n
    clusters gives a spread that is too small by √((n−1)/n), and an estimated one at that. Of one cluster
    nothing can be told: the interval then has no width.
    """
    missing = np.isnan(drawn)
    if missing.all():
        return np.full((2, *drawn.shape[1:]), np.nan)
    n = max(clusters, 2)
    tail = float(norm.cdf(-student(clusters) * np.sqrt(n / (n - 1))))
    quantile = np.nanquantile if missing.any() else np.quantile  # the second is much faster
    return np.asarray(quantile(drawn, [tail, 1 - tail], axis=0))


def student(clusters: int) -> float:
    """Return Student's 97.5% quantile for a mean of so many clusters."""
    return float(t.ppf(1 - (1 - LEVEL) / 2, max(clusters - 1, 1)))


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
        In [0, 1]. The interval is the cluster bootstrap's. At the edges, where the successes or the failures
        make up less than `EDGE` questions, the bootstrap sees too little of what might vary; there it is
        Wilson's (1927) with Student's quantile and as many trials as would give the standard error between
        questions. Where all questions are alike it is Wilson's with the questions as trials.

    Notes
    -----
    Without any outcome the value and the interval are NaN. Effective numbers of trials in intervals for
    proportions of clustered data: Korn and Graubard 1998, Survey Methodology 24.
    """
    counted = totals > 0
    successes, totals = successes[counted], totals[counted]
    nobs, questions = int(totals.sum()), int(counted.sum())
    if nobs == 0:
        return Estimate(np.nan, np.nan, np.nan, 0, 0)
    counts = np.column_stack([successes, totals])
    value, low, high = cluster_bootstrap(counts, _ratio, seed, draws)
    error = clustered_error(successes, totals)
    if error > 0 and min(value, 1 - value) * questions < EDGE:
        low, high = wilson(value, min(max(value * (1 - value) / error**2, 1.0), nobs))
    return Estimate(value, *within_range(value, low, high, questions), nobs, questions)


def clustered_error(successes: Floats, totals: Floats) -> float:
    """Return the cluster-robust standard error of Σ successes / Σ totals over clusters.

    Parameters
    ----------
    successes, totals : (clusters,), float
        Counts of each question, 0 ≤ successes ≤ totals.

    Returns
    -------
    float
        At least 0; NaN for one cluster.

    Notes
    -----
    The square root of n/(n−1) · Σ (s_i − p·t_i)² / (Σ t_i)²: the linearised ratio estimator, which for equal
    totals is the standard error of the clusters' means (Miller 2024, arXiv 2411.00640, equation 4, with the
    correction for few clusters).
    """
    n, whole = len(totals), totals.sum()
    if n < 2:
        return float("nan")
    residuals = successes - successes.sum() / whole * totals
    return float(np.sqrt(n / (n - 1) * (residuals**2).sum()) / whole)


def detectable_from(low: float, high: float) -> float:
    """Return the smallest true difference that is found with 80% power, from a 95% interval's width.

    Parameters
    ----------
    low, high : float
        The ends of the interval, in the difference's own unit.

    Returns
    -------
    float
        In the same unit, at least 0.

    Notes
    -----
    (z_.975 + z_.8) times the standard error that the interval stands for; normal theory.
    """
    error = (high - low) / (2 * float(norm.ppf(1 - (1 - LEVEL) / 2)))
    return detectable(error)


def detectable(error: float) -> float:
    """Return the smallest true difference that is found with 80% power at a standard error, two-sided 5%.

    Parameters
    ----------
    error : float
        The standard error, in the difference's own unit.

    Returns
    -------
    float
        In the same unit, at least 0.

    Notes
    -----
    (z_.975 + z_.8) · error = 2.80 · error; normal theory.
    """
    return float((norm.ppf(1 - (1 - LEVEL) / 2) + norm.ppf(POWER)) * error)


def wilson(value: float, trials: float) -> tuple[float, float]:
    """Return the 95% score interval of a share of so many trials, with Student's quantile for the normal's.

    Parameters
    ----------
    value : float
        The share, in [0, 1].
    trials : float
        Above 0; effective numbers of trials need not be whole.

    Returns
    -------
    (ci_low, ci_high)
        In [0, 1].

    Notes
    -----
    Wilson 1927, JASA 22.
    """
    z = student(int(np.ceil(trials)))
    centre = (value + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(value * (1 - value) / trials + (z / trials / 2) ** 2)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def within_range(
    value: float, low: float, high: float, questions: int, least: float = 0.0
) -> tuple[float, float]:
    """Return the interval of a number between `least` and 1, widened where resampling changes nothing.

    There all questions are alike, and an interval without width would claim to be sure. It is widened by the
    share of questions that might still differ: Wilson's (1927) upper limit for 0 out of `questions`.
    """
    if not max(abs(low - value), abs(high - value)) <= 1e-9:  # NaN stays as it is
        return float(low), float(high)
    unseen = float(proportion_confint(0, questions, alpha=1 - LEVEL, method="wilson")[1])
    return max(least, value - unseen), min(1.0, value + unseen)


@lru_cache(maxsize=4)
def _resampled(clusters: int, seed: int, draws: int) -> Floats:
    """Draw how often each cluster is taken, (draws, clusters)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=draws).astype(np.float64)


def _ratio(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Any = sums[:, 0] / sums[:, 1]
    return np.asarray(result, dtype=np.float64)
