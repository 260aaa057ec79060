"""How the share of answers that are the same with and without reasoning goes with size and with ease."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from cotfaith.stats.compared import Compared, contrast, ratios, slope_weights
from cotfaith.stats.intervals import Floats
from cotfaith.stats.paired import Difference, difference, holm, sign_flip
from cotfaith.stats.slopes import Slope, binomial_slopes
from cotfaith.stats.tables import means_by

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


@dataclass(frozen=True)
class Extremum:
    """A middle size whose share is lower than that of both ends (a dip) or higher (a peak)."""

    model: str
    kind: str
    """`dip` or `peak`."""
    to_smallest: float
    """Its share less the smallest model's."""
    to_largest: float
    p: float
    """Of both differences having this sign by chance, corrected for the middle sizes."""


@dataclass(frozen=True)
class BySize:
    """All that is said of one task's models."""

    task: str
    shares: tuple[tuple[str, float], ...]
    neighbours: tuple[tuple[str, str, Difference], ...]
    """Each model and the next larger one; p is Holm's over them."""
    sizes: int
    """How many different sizes the models have."""
    trend: Trend | None = None
    """None with fewer than three sizes, of which no trend can be estimated."""
    slope: Slope | None = None
    """None where the model has no finite solution, as where nearly all answers of a size are the same."""
    adjusted: Slope | None = None
    """The slope beside the covariates."""
    covariates: tuple[str, ...] = ()
    turn: Extremum | None = None
    """The most likely one."""
    fitted: tuple[tuple[float, float, float, float], ...] = ()
    """The model's share along size with its 95% band: parameters, share, low, high."""


def by_size(
    traces: pd.DataFrame, letter_bias: Mapping[tuple[str, str], float], seed: int = 0
) -> list[BySize]:
    """Return how the same-answer share changes with model size, task by task.

    Parameters
    ----------
    traces : DataFrame
        One row a sample of reasoning, with `task`, `model`, `n_params`, `question`, `same_without` (bool) and
        `correct` (bool, None where nothing is right).
    letter_bias : mapping of (task, model) to float
        In [0, 1]; a covariate of the second model where it is known.
    seed : int
        Decides resamplings and flips.

    Returns
    -------
    list of BySize
        One a task with two models or more.

    Notes
    -----
    The questions are crossed with the models, so all comparisons are paired. `trend` is the least-squares
    slope of the share, with a bootstrap over questions; `slope` is of `stats.slopes`. A straight line says
    nothing of a turn between the ends: `turn` does, as an intersection-union test of one-sided sign flips
    (Berger 1982, Technometrics 24), with Bonferroni's correction for the middle sizes. Seeking both dips
    and peaks needs none: where a false one of one kind is as likely as the test's level, one of the other is
    out of reach. Slopes' p are Holm's over tasks.
    """
    found = [_of_task(str(task), frame, letter_bias, seed) for task, frame in traces.groupby("task")]
    several = [one for one in found if one is not None]
    for name in ("slope", "adjusted"):
        slopes = [getattr(one, name) for one in several]
        corrected = iter(holm([slope.p for slope in slopes if slope is not None]))
        several = [
            one if slope is None else replace(one, **{name: replace(slope, p_holm=next(corrected))})
            for one, slope in zip(several, slopes, strict=True)
        ]
    return several


def by_ease(traces: pd.DataFrame, seed: int = 0) -> list[Trend]:
    """Return how much higher the same-answer share is on the easiest task than on the hardest, by model.

    Parameters
    ----------
    traces : DataFrame
        As in `by_size`. A task is the easier the higher the accuracy with reasoning over all models; tasks
        without right answers are left out, and models that lack a task.
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
    judged = traces[traces["correct"].notna()]
    whole = judged.groupby("model")["task"].nunique() == judged["task"].nunique()
    judged = judged[judged["model"].map(whole).astype(bool)]
    right = means_by(judged, ["task"], ["correct"])["correct"]
    tasks = list(right.sort_values().index)
    if len(tasks) < 2:
        return []
    return [
        _trend(model, ratios(judged[judged["model"] == model], "same_without", "task", tasks), None, seed)
        for model in models_of(judged)
    ]


def _of_task(
    task: str, frame: pd.DataFrame, letter_bias: Mapping[tuple[str, str], float], seed: int
) -> BySize | None:
    models = models_of(frame)
    if len(models) < 2:
        return None
    means = _means(frame)
    shares = tuple((model, float(means[model].mean())) for model in models)
    neighbours = neighbours_of(models, means.to_numpy(), seed)
    found = BySize(task, shares, neighbours, frame["n_params"].nunique())
    if found.sizes < SIZES_OF_A_TREND:
        return found
    return replace(
        found,
        trend=trend_of(task, frame, seed),
        turn=turn_of(frame, seed),
        **binomial_slopes(frame, letter_bias)._asdict(),
    )


def models_of(frame: pd.DataFrame) -> list[str]:
    """Return the models from the smallest to the largest."""
    return [
        str(model) for model in frame.groupby("model")["n_params"].first().sort_values(kind="stable").index
    ]


def sizes_of(frame: pd.DataFrame, models: Sequence[str]) -> Floats:
    """Return the models' numbers of parameters."""
    return frame.groupby("model")["n_params"].first()[list(models)].to_numpy(dtype=float)


def _means(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the share of the same answers, (questions, models), from the smallest model to the largest."""
    shares = means_by(frame, ["question", "model"], ["same_without"])["same_without"]
    return shares.unstack("model")[models_of(frame)]


def trend_of(task: str, frame: pd.DataFrame, seed: int = 0) -> Trend:
    """Return the least-squares slope of one task's share on log10(parameters), as in `by_size`."""
    models = models_of(frame)
    compared = ratios(frame, "same_without", "model", models)
    return _trend(task, compared, slope_weights(sizes_of(frame, models)), seed)


def turn_of(frame: pd.DataFrame, seed: int = 0) -> Extremum | None:
    """Return the middle size of one task that most likely is lower, or higher, than both ends."""
    means = _means(frame)
    return extremum_of(list(means.columns), means.to_numpy(), seed)


def neighbours_of(models: Sequence[str], each: Floats, seed: int) -> tuple[tuple[str, str, Difference], ...]:
    """Return the paired differences from one size to the next, of numbers a question, (questions, models)."""
    found = [difference(each[:, i], each[:, i + 1], seed) for i in range(len(models) - 1)]
    corrected = holm([apart.p for apart in found])
    apart = (replace(one, p=p) for one, p in zip(found, corrected, strict=True))
    return tuple((*pair, one) for pair, one in zip(pairwise(models), apart, strict=True))


def extremum_of(models: Sequence[str], each: Floats, seed: int) -> Extremum | None:
    """Return the middle size that most likely is below, or above, both ends, from numbers a question."""
    found = []
    for i, model in enumerate(models[1:-1], start=1):
        ends = [each[:, i] - each[:, end] for end in (0, len(models) - 1)]
        ends = [end[~np.isnan(end)] for end in ends]
        if not all(map(len, ends)):
            continue
        values = [float(end.mean()) for end in ends]
        for kind, sign in (("dip", -1), ("peak", 1)):
            if all(sign * value > 0 for value in values):
                p = max(sign_flip(end, seed) / 2 for end in ends)
                found.append(Extremum(model, kind, values[0], values[1], min(1.0, p * (len(models) - 2))))
    return min(found, key=lambda turn: turn.p, default=None)


def _trend(of: str, compared: Compared, weights: tuple[Floats, float] | None, seed: int) -> Trend:
    """Estimate a contrast of shares of models or tasks; without weights, the last less the first."""
    n = len(compared.names)
    chosen, span = weights or (np.array([-1.0, *[0.0] * (n - 2), 1.0]), 1.0)
    found = contrast(compared, chosen, span, seed)
    shares = tuple((name, float(share)) for name, share in zip(compared.names, compared.values, strict=True))
    return Trend(of, shares, found.value, found.ci_low, found.ci_high)
