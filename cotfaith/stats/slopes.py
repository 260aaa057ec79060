"""The binomial model of same answers on model size."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import t
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.generalized_estimating_equations import GEE
from statsmodels.tools.sm_exceptions import ModelWarning

from cotfaith.stats.intervals import student

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
        In log-odds for ten times the parameters, unbounded.

    Notes
    -----
    A GEE (Liang and Zeger 1986, Biometrika 73) with questions as clusters, independence as working
    correlation and the bias-reduced sandwich of Mancl and DeRouen (2001, Biometrics 57), read with Student's
    distribution for as many questions. A model's samples of a question enter as one share.
    """
    cells = _cells(traces, letter_bias)
    slope, fitted = _slope(cells, ())
    covariates = _covariates(cells)
    return Slopes(slope, _slope(cells, covariates)[0] if covariates else None, covariates, fitted)


def _cells(frame: pd.DataFrame, letter_bias: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """Return one row a (model, question) with what the binomial model reads."""
    shares = frame.assign(
        same=frame["same_without"].astype(float), accuracy=frame["correct"].astype(float)
    ).groupby(["question", "model"], as_index=False)
    cells = shares.agg({"same": "mean", "accuracy": "mean", "n_params": "first", "task": "first"})
    biases = [letter_bias.get((task, model), np.nan) for task, model in cells[["task", "model"]].to_numpy()]
    return cells.assign(size=np.log10(cells["n_params"].astype(float)), letter_bias=biases)


def _covariates(cells: pd.DataFrame) -> tuple[str, ...]:
    """Return the covariates that are known and vary, as far as they can be told from size."""
    wanted = ["accuracy"]
    if cells["n_params"].nunique() >= SIZES_FOR_BIAS:
        wanted.append("letter_bias")
    return tuple(name for name in wanted if cells[name].notna().all() and cells[name].std() > 0)


def _slope(
    cells: pd.DataFrame, covariates: tuple[str, ...]
) -> tuple[Slope | None, tuple[tuple[float, float, float, float], ...]]:
    """Fit the binomial model; return its slope on size and, without covariates, the curve it draws."""
    design = np.column_stack([np.ones(len(cells)), cells[["size", *covariates]].to_numpy(dtype=float)])
    model = GEE(
        cells["same"].to_numpy(dtype=float),
        design,
        groups=pd.factorize(cells["question"])[0],
        family=sm.families.Binomial(),
        cov_struct=Independence(),
    )
    questions = cells["question"].nunique()
    if questions < 2:
        return None, ()
    with warnings.catch_warnings():
        for kind in (RuntimeWarning, ModelWarning):
            warnings.simplefilter("error", kind)
        try:
            fit = model.fit(cov_type="bias_reduced")
            slope, error = float(fit.params[1]), float(fit.bse[1])
            curve = _curve(fit, cells["size"], questions)
        except (Warning, ValueError, np.linalg.LinAlgError):
            return None, ()  # separated, or no answer ever differs: there is no finite slope
    if not 0 < error < np.inf:
        return None, ()
    half = student(questions) * error
    p = float(2 * t.sf(abs(slope / error), questions - 1))
    return Slope(slope, slope - half, slope + half, p), curve


def _curve(fit: Any, size: pd.Series, questions: int) -> tuple[tuple[float, float, float, float], ...]:
    """Return the fitted share along size with its band, which is the log-odds' turned into shares."""
    if len(fit.params) > 2:
        return ()
    at = np.linspace(size.min(), size.max(), GRID)
    design = np.column_stack([np.ones(GRID), at])
    odds = design @ fit.params
    half = student(questions) * np.sqrt(np.einsum("ij,jk,ik->i", design, fit.cov_params(), design))
    share, low, high = (1 / (1 + np.exp(-x)) for x in (odds, odds - half, odds + half))
    return tuple(map(tuple, np.column_stack([10**at, share, low, high]).tolist()))
