"""How the share of answers that are the same with and without reasoning goes with size and with ease."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cotfaith.stats import cluster_bootstrap

Floats = npt.NDArray[np.float64]

SIZES_OF_A_TREND = 3


@dataclass(frozen=True)
class Trend:
    """A change of the same-answer share and its 95% interval."""

    of: str
    """The task whose models, or the model whose tasks, are compared."""
    shares: tuple[tuple[str, float], ...]
    """The share of each model or task, from the smallest model or the hardest task on."""
    value: float
    ci_low: float
    ci_high: float


def by_size(traces: pd.DataFrame, seed: int = 0) -> list[Trend]:
    """Return how the same-answer share changes with model size, task by task.

    Parameters
    ----------
    traces : DataFrame
        One row a sample of reasoning, with `task`, `model`, `n_params`, `question` and `same_without` (bool).
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    list of Trend
        One a task with three sizes or more: the least-squares slope of the share on log10(parameters), the
        change for ten times the parameters, unbounded in general.

    Notes
    -----
    Questions are resampled with all their models and samples, so that the comparison stays paired (Miller
    2024, arXiv 2411.00640). A straight line says nothing of a turn between the ends; the shares show it.
    """
    trends = []
    for task, frame in traces.groupby("task"):
        sizes = frame.groupby("model")["n_params"].first().sort_values(kind="stable")
        if sizes.nunique() >= SIZES_OF_A_TREND:
            x = np.log10(sizes.to_numpy(dtype=float))
            trends.append(_trend(str(task), frame, "model", list(sizes.index), _slope_on(x), seed))
    return trends


def by_ease(traces: pd.DataFrame, seed: int = 0) -> list[Trend]:
    """Return how much higher the same-answer share is on the easiest task than on the hardest, by model.

    Parameters
    ----------
    traces : DataFrame
        As in `by_size`, with `correct` (bool). A task is the easier the higher the accuracy with reasoning
        over all models.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    list of Trend
        One a model, the smallest first, where there are two tasks or more: the difference of two shares, in
        [-1, 1].

    Notes
    -----
    Tasks have questions of their own, so the comparison is not paired.
    """
    tasks = list(traces.groupby("task")["correct"].mean().sort_values().index)
    if len(tasks) < 2:
        return []
    models = traces.groupby("model")["n_params"].first().sort_values(kind="stable").index
    frames = {str(model): traces[traces["model"] == model] for model in models}
    return [_trend(model, frame, "task", tasks, _last_less_first, seed) for model, frame in frames.items()]


def _trend(
    of: str,
    frame: pd.DataFrame,
    column: str,
    order: Sequence[Hashable],
    statistic: Callable[[Floats], Floats],
    seed: int,
) -> Trend:
    """Estimate a statistic of the shares of several models or tasks."""
    keys = list(dict.fromkeys(["task", "question", column]))
    same = frame.groupby(keys)["same_without"]
    parts = [same.agg(part).unstack(column).reindex(columns=list(order)) for part in ("sum", "size")]
    counts = np.hstack([part.fillna(0).to_numpy(dtype=float) for part in parts])
    n = len(order)

    def of_sums(sums: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return statistic(sums[:, :n] / sums[:, n:])

    shares = counts[:, :n].sum(axis=0) / counts[:, n:].sum(axis=0)
    named = tuple((str(name), float(share)) for name, share in zip(order, shares, strict=True))
    return Trend(of, named, *cluster_bootstrap(counts, of_sums, seed))


def _slope_on(x: Floats) -> Callable[[Floats], Floats]:
    """Return the least-squares slope on x of each row of shares."""
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    return lambda shares: shares @ weights


def _last_less_first(shares: Floats) -> Floats:
    return shares[:, -1] - shares[:, 0]
