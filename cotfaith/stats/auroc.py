"""The area under the receiver operating characteristic, with an interval over questions."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from cotfaith.schema import Estimate
from cotfaith.stats.intervals import Floats, bootstrap_sums, percentile_interval, within_range

HALF = 0.5


def auroc(scores: Floats, labels: Sequence[bool]) -> float:
    """Return the area under the receiver operating characteristic.

    Parameters
    ----------
    scores : (items,), float
        Higher means more likely positive.
    labels : (items,), bool
        Which are positive.

    Returns
    -------
    float
        In [0, 1]: the chance that a positive item scores higher than a negative one, ties counted half; .5
        tells nothing. NaN without a positive or without a negative.

    Notes
    -----
    The Mann-Whitney statistic over the number of pairs (Hanley and McNeil 1982, Radiology 143).
    """
    positive = np.asarray(labels, dtype=bool)
    n, m = int(positive.sum()), int((~positive).sum())
    if n == 0 or m == 0:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - n * (n + 1) / 2) / (n * m))


def auroc_estimate(
    scores: Floats, labels: Sequence[bool], clusters: Sequence[str], seed: int = 0
) -> Estimate:
    """Estimate an AUROC with an interval that resamples clusters.

    Parameters
    ----------
    scores, labels
        As in `auroc`.
    clusters : (items,)
        The question of each item; all items of a question are resampled together.
    seed : int
        Decides the draws.

    Returns
    -------
    Estimate
        In [0, 1]; nobs counts items.

    Notes
    -----
    Cluster bootstrap with expanded percentiles, as in `stats.intervals`. A draw without a positive or without
    a negative item is left out. Where every draw separates perfectly the interval leaves room for questions
    that were not seen, as everywhere in this package.
    """
    value = auroc(scores, labels)
    names, place = np.unique(np.asarray(clusters), return_inverse=True)
    if np.isnan(value):
        return Estimate(value, value, value, len(scores), len(names))
    positive = np.asarray(labels, dtype=bool)
    first, second = scores[positive][:, None], scores[~positive][None, :]
    wins = (first > second) + HALF * (first == second)
    weights = bootstrap_sums(np.eye(len(names)), seed)[:, place]
    ahead, behind = weights[:, positive], weights[:, ~positive]
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = ((ahead @ wins) * behind).sum(axis=1) / (ahead.sum(axis=1) * behind.sum(axis=1))
    low, high = percentile_interval(drawn, len(names)).tolist()
    low, high = within_range(value, low, high, len(names))
    return Estimate(value, low, high, len(scores), len(names))
