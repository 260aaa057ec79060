"""Paired differences between two conditions that were asked the same questions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.contingency_tables import mcnemar

from cotfaith.stats.intervals import Floats, bootstrap_sums, detectable, percentile_interval, within_range

FLIPS = 10_000
FLIPS_AT_ONCE = 1024
TIE = 1e-9


@dataclass(frozen=True)
class Difference:
    """The mean difference over questions, and whether it could be nothing."""

    value: float
    ci_low: float
    ci_high: float
    p: float
    """Of the two-sided sign-flip test."""
    questions: int
    detectable: float
    """The smallest true difference that would have been found with 80% power; where all questions agree, what
    the interval leaves possible."""

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.ci_low > 0 or self.ci_high < 0


def difference(first: Floats, second: Floats, seed: int) -> Difference:
    """Estimate and test the mean of second − first.

    Parameters
    ----------
    first, second : (questions,), float
        Each question's mean under the two conditions, question by question; NaN where it was not asked.
    seed : int
        Decides resamplings and flips.

    Returns
    -------
    Difference
        Every question counts the same, however many samples it has. NaN throughout without a shared question.

    Notes
    -----
    Interval: cluster bootstrap over questions. Test: `sign_flip`. Pairing takes the questions' difficulty out
    of the error (Miller 2024, arXiv 2411.00640, section 4.2).
    """
    both = ~(np.isnan(first) | np.isnan(second))
    apart = (second - first)[both]
    n = len(apart)
    if n == 0:
        return Difference(np.nan, np.nan, np.nan, np.nan, 0, np.nan)
    drawn = bootstrap_sums(apart[:, None], seed)[:, 0] / n
    value = float(apart.mean())
    low, high = percentile_interval(drawn, n).tolist()
    low, high = within_range(value, low, high, n, least=-1.0)
    error = float(apart.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    smallest = detectable(error) if error > 0 else (high - low) / 2
    return Difference(value, low, high, sign_flip(apart, seed), n, smallest)


def sign_flip(differences: Floats, seed: int, flips: int = FLIPS) -> float:
    """Return the two-sided p of a mean difference, if each question's were as likely with either sign.

    Parameters
    ----------
    differences : (questions,), float
        Second minus first condition, one a question.
    seed, flips : int
        Random sign vectors; with few questions all of them are taken, once each.

    Returns
    -------
    float
        In (0, 1]: the share of sign vectors whose mean is further from 0, and half of those where it is as
        far, the observed one among them (the mid-p). 1 where no question differs.

    Notes
    -----
    Holds for any distribution under the null that conditions are exchangeable within questions. Same-answer
    shares of a few samples often tie, and counting ties in full rejects in 3% of cases instead of 5%
    (Lancaster 1961, JASA 56, for the mid-p). Random sign vectors: Dwass 1957, Annals of Math. Statistics 28.
    """
    if not differences.any():
        return 1.0
    extra = int(2 ** len(differences) > flips)  # the observed signs, which random ones leave out
    further, ties = 0, extra
    signs = _signs(len(differences), seed, flips)
    for start in range(0, len(signs), FLIPS_AT_ONCE):
        sums = signs[start : start + FLIPS_AT_ONCE] @ differences
        beyond = np.abs(sums) - abs(differences.sum())
        further += int((beyond > TIE).sum())
        ties += int((np.abs(beyond) <= TIE).sum())
    return (further + ties / 2) / (len(signs) + extra)


def mcnemar_exact(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Return the p of McNemar's exact test for one true-or-false outcome a question under two conditions.

    Parameters
    ----------
    first, second : (questions,), bool
        The outcomes under the two conditions, question by question.

    Returns
    -------
    float
        In (0, 1], two-sided; 1 where the conditions never differ.

    Notes
    -----
    Binomial test of the questions on which the conditions differ, two-sided; conservative where these are
    few. Reference: McNemar 1947, Psychometrika 12.
    """
    table = np.zeros((2, 2), dtype=int)
    for one, other in zip(first, second, strict=True):
        table[int(one), int(other)] += 1
    return float(mcnemar(table, exact=True).pvalue)


@lru_cache(maxsize=2)
def _signs(n: int, seed: int, flips: int) -> NDArray[np.int8]:
    """Return sign vectors, (flips, n): all that there are, or random ones where these are too many."""
    if 2**n <= flips:
        flipped = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.int8)
    else:
        flipped = np.random.default_rng(seed).integers(0, 2, size=(flips, n), dtype=np.int8)
    return 1 - 2 * flipped


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values corrected for being several (Holm 1979, Scand. J. Statistics 6); NaN stays.

    The i-th smallest of n is multiplied by n − i + 1, is at least the one before, and at most 1.
    """
    known = np.array([p for p in ps if not np.isnan(p)])
    order = np.argsort(known, kind="stable")
    stepped = np.maximum.accumulate(known[order] * np.arange(len(known), 0, -1)).clip(max=1.0)
    known[order] = stepped
    corrected = iter(known.tolist())
    return [float(p) if np.isnan(p) else next(corrected) for p in ps]
