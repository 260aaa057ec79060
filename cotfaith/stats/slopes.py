"""The binomial model of same answers on model size."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.stats import t
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.generalized_estimating_equations import GEE
from statsmodels.tools.sm_exceptions import ModelWarning

from cotfaith.stats.intervals import Floats, student
from cotfaith.stats.tables import means_by

SIZES_FOR_BIAS = 4
"""Models from which the letter bias, one number a model, can be told from size."""
GRID = 50


@dataclass(frozen=True)
class Slope:
    """A coefficient of the binomial model on log10(parameters), in log-odds for ten times the parameters."""

    value: float
    ci_low: float
    ci_high: float
    p: float
    p_holm: float = float("nan")
    """Corrected for the number of tasks."""


class Slopes(NamedTuple):
    """What the binomial model says of one task."""

    slope: Slope | None
    """None where the model has no finite solution, as where nearly all answers of a size are the same."""
    adjusted: Slope | None
    """The slope beside the covariates."""
    covariates: tuple[str, ...]
    fitted: tuple[tuple[float, float, float, float], ...]
    """The model's share along size with its 95% band: parameters, share, low, high."""


def binomial_slopes(traces: pd.DataFrame, letter_bias: Mapping[tuple[str, str], float]) -> Slopes:
    """Return the slope of one task's same-answer share on log10(parameters), alone and beside covariates.

    Parameters
    ----------
    traces : DataFrame
        One task's, as in `cotfaith.stats.sizes.by_size`.
    letter_bias : mapping of (task, model) to float
        In [0, 1]; a covariate where it is known, and where the models are enough to tell it from size.

    Returns
    -------
    Slopes
        In log-odds for ten times the parameters, unbounded; a model's samples of a question are one share.
    """
    by = ["question", "model"]
    shares = means_by(traces, by, ["same_without", "correct"])
    named = traces.groupby(by)[["n_params", "task"]].first()
    cells = shares.set_axis(["share", "accuracy"], axis=1).join(named).reset_index()
    biases = [letter_bias.get((task, model), np.nan) for task, model in cells[["task", "model"]].to_numpy()]
    return slopes_of(cells.assign(weight=1.0, letter_bias=biases), ("accuracy", "letter_bias"))


def slopes_of(cells: pd.DataFrame, wanted: Sequence[str]) -> Slopes:
    """Return the slope of shares on log10(parameters), alone and beside the covariates that can be told.

    Parameters
    ----------
    cells : DataFrame
        One row a (question, model), with `question`, `n_params`, `share` (in [0, 1]), `weight` (the outcomes
        that it is a share of, or 1 where every model's share of a question counts the same) and covariates.
    wanted : sequence of str
        Columns that are covariates where they are known throughout and vary. The letter bias, one number a
        model, is one only of `SIZES_FOR_BIAS` sizes and more.

    Returns
    -------
    Slopes
        In log-odds for ten times the parameters, unbounded.

    Notes
    -----
    A GEE (Liang and Zeger 1986, Biometrika 73) with questions as clusters, independence as working
    correlation and the bias-reduced sandwich of Mancl and DeRouen (2001, Biometrics 57), read with Student's
    distribution for as many questions.
    """
    sized = cells.assign(size=np.log10(cells["n_params"].astype(float)))
    slope, fitted = _slope(sized, ())
    covariates = _covariates(sized, wanted)
    return Slopes(slope, _slope(sized, covariates)[0] if covariates else None, covariates, fitted)


def _covariates(cells: pd.DataFrame, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the covariates that are known and vary, as far as they can be told from size."""
    if cells["n_params"].nunique() < SIZES_FOR_BIAS:
        wanted = [name for name in wanted if name != "letter_bias"]
    return tuple(name for name in wanted if cells[name].notna().all() and cells[name].std() > 0)


def _slope(
    cells: pd.DataFrame, covariates: tuple[str, ...]
) -> tuple[Slope | None, tuple[tuple[float, float, float, float], ...]]:
    """Fit the binomial model; return its slope on size and, without covariates, the curve it draws."""
    questions = cells["question"].nunique()
    if questions < 2:
        return None, ()
    design = np.column_stack([np.ones(len(cells)), cells[["size", *covariates]].to_numpy(dtype=float)])
    clusters = pd.factorize(cells["question"])[0]
    shares, weights = (cells[name].to_numpy(dtype=float) for name in ("share", "weight"))
    model = GEE(
        shares,
        design,
        groups=clusters,
        family=sm.families.Binomial(),
        cov_struct=Independence(),
        weights=weights,
    )
    with warnings.catch_warnings():
        for kind in (RuntimeWarning, ModelWarning):
            warnings.simplefilter("error", kind)
        try:
            params = np.asarray(model.fit().params)
            covariance = bias_reduced(params, design, shares, weights, clusters)
            slope, error = float(params[1]), float(np.sqrt(covariance[1, 1]))
            curve = () if covariates else _curve(params, covariance, cells["size"], questions)
        except (Warning, ValueError, np.linalg.LinAlgError):
            return None, ()  # separated, or no answer ever differs: there is no finite slope
    if not 0 < error < np.inf:
        return None, ()
    half = student(questions) * error
    p = float(2 * t.sf(abs(slope / error), questions - 1))
    return Slope(slope, slope - half, slope + half, p), curve


def bias_reduced(
    params: Floats, design: Floats, shares: Floats, weights: Floats, clusters: NDArray[np.intp]
) -> Floats:
    """Return the bias-reduced sandwich covariance of a logistic regression on clustered shares.

    Parameters
    ----------
    params : (p,), design : (rows, p), shares, weights : (rows,), clusters : (rows,)
        The fitted coefficients and what they were fitted to.

    Returns
    -------
    (p, p)

    Notes
    -----
    Mancl and DeRouen 2001, with independence as working correlation: each cluster's residuals are multiplied
    by (I − H)⁻¹, where H is its block of the hat matrix. statsmodels has it without weights, and gives the
    same with weights of 1.
    """
    means = 1 / (1 + np.exp(-design @ params))
    spread = means * (1 - means)
    bread = np.linalg.inv(design.T @ (design * (weights * spread)[:, None]))
    middle = np.zeros_like(bread)
    for cluster in np.split(np.argsort(clusters, kind="stable"), np.cumsum(np.bincount(clusters))[:-1]):
        rows, weight = design[cluster], weights[cluster]
        hat = (rows * spread[cluster][:, None]) @ bread @ (rows * weight[:, None]).T
        residuals = np.linalg.solve(np.eye(len(cluster)) - hat, shares[cluster] - means[cluster])
        score = rows.T @ (weight * residuals)
        middle += np.outer(score, score)
    return np.asarray(bread @ middle @ bread)


def _curve(
    params: Floats, covariance: Floats, size: pd.Series, questions: int
) -> tuple[tuple[float, float, float, float], ...]:
    """Return the fitted share along size with its band, which is the log-odds' turned into shares."""
    at = np.linspace(size.min(), size.max(), GRID)
    design = np.column_stack([np.ones(GRID), at])
    odds = design @ params
    half = student(questions) * np.sqrt(np.einsum("ij,jk,ik->i", design, covariance, design))
    share, low, high = (1 / (1 + np.exp(-x)) for x in (odds, odds - half, odds + half))
    return tuple(map(tuple, np.column_stack([10**at, share, low, high]).tolist()))
