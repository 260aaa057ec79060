"""How what an intervention does to answers goes with model size: each measure of change, task by task."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cotfaith.stats.answer_change import moved
from cotfaith.stats.compared import (
    Compared,
    Contrast,
    areas,
    contrast,
    curves_of,
    excesses,
    ratios,
    slope_weights,
    standardised,
)
from cotfaith.stats.curves import CurveSpec
from cotfaith.stats.paired import Difference, holm
from cotfaith.stats.sizes import SIZES_OF_A_TREND, Extremum, extremum_of, models_of, neighbours_of, sizes_of
from cotfaith.stats.slopes import Slope, Slopes, slopes_of
from cotfaith.stats.tables import means_by, sums

SAME, EXCESS, AREA, MOVED, RIGHT = (
    "same-answer rate",
    "change beyond the floor",
    "AOC",
    "total variation distance",
    "accuracy",
)
BY = ["question", "model"]
COVARIATES = ("accuracy", "letter_bias", "n_steps", "text_tokens", "surprise")
"""What else may change with size: how often reasoning ends right, letter bias, how long it is in steps and
in tokens, and how much less likely than its own a token of the edit is to the model."""


@dataclass(frozen=True)
class Reading:
    """What is read from an intervention's outcomes."""

    spec: CurveSpec
    """Of its curve along the reasoning."""
    along: bool
    """Whether it has such a curve, and so an AOC."""
    right: bool
    """Whether its accuracy is read."""


@dataclass(frozen=True)
class ChangeBySize:
    """All that is said of one measure under one intervention on one task."""

    task: str
    intervention: str
    measure: str
    values: tuple[tuple[str, float], ...]
    """Of each model, from the smallest on."""
    sizes: int
    """How many different sizes the models have."""
    neighbours: tuple[tuple[str, str, Difference], ...]
    """Each model and the next larger one, paired by question; p is Holm's over them."""
    trend: Contrast | None = None
    """For ten times the parameters; None with fewer than three sizes, of which no trend can be estimated."""
    p_holm: float = float("nan")
    """The trend's, corrected over all that is tested: tasks × interventions × measures."""
    shared: Contrast | None = None
    """The trend on the questions that all models have outcomes for."""
    standardised: Contrast | None = None
    """The trend at one distribution of reasoning lengths; None for measures that are not taken by length."""
    slopes: Slopes | None = None
    """The binomial model, of shares; p_holm as above."""
    turn: Extremum | None = None


def changes_by_size(
    traces: pd.DataFrame,
    outcomes: pd.DataFrame,
    readings: Mapping[str, Reading],
    floors: Sequence[str],
    letter_bias: Mapping[tuple[str, str], float],
    seed: int = 0,
) -> list[ChangeBySize]:
    """Return how every measure of change goes with model size, under every intervention and on every task.

    Parameters
    ----------
    traces, outcomes : DataFrame
        The frames of a run.
    readings : mapping of intervention to Reading
        The interventions that are read; floors are compared with, and not read.
    floors : sequence of str
        The interventions that change nothing.
    letter_bias : mapping of (task, model) to float
        In [0, 1]; a covariate where it is known.
    seed : int
        Decides resamplings and flips.

    Returns
    -------
    list of ChangeBySize
        One a (task, intervention, measure) that two models or more have. Trends are in the measure's unit for
        ten times the parameters.

    Notes
    -----
    `trend` is the least-squares slope of the models' values on log10(parameters), with a cluster bootstrap
    over questions; so are `shared` and `standardised`. Larger models write other reasoning: the plain trend
    holds whatever comes with that, `standardised` takes lengths out of it, and the adjusted slope what stands
    in `COVARIATES`, as far as it is known and varies. In the binomial model a model's outcomes of a question
    are one share with their number as its weight.
    """
    found = [
        _one(task, label, measure, parts, seed)
        for (task, label), mine in outcomes.groupby(["task", "intervention"], sort=True)
        if str(label) in readings and mine["model"].nunique() > 1
        for measure, parts in _measures(
            readings[str(label)], traces[traces["task"] == task], mine, _floor(outcomes, floors, task, mine)
        )
    ]
    beside = {
        task: means_by(own.assign(accuracy=own["correct"]), BY, ["accuracy", "n_steps", "text_tokens"])
        for task, own in traces.groupby("task")
    }
    own = [replace(one, slopes=_slopes(one, beside[one.task], outcomes, letter_bias)) for one in found]
    return _corrected(own)


@dataclass(frozen=True)
class _Parts:
    """What a measure is taken from."""

    frame: pd.DataFrame
    plain: Compared
    by_length: Compared | None
    models: tuple[str, ...]


def _measures(
    reading: Reading, traces: pd.DataFrame, mine: pd.DataFrame, floor: pd.DataFrame
) -> Iterator[tuple[str, _Parts]]:
    """Yield the measures of one intervention on one task that two models or more have."""
    columns = {SAME: mine.assign(value=mine["same"].astype(float))}
    columns[MOVED] = mine.assign(value=moved(mine))
    if reading.right:
        columns[RIGHT] = mine.assign(value=mine["correct"].astype(float))
    for measure, frame in columns.items():
        known = frame[frame["value"].notna()]
        models = tuple(models_of(known)) if len(known) else ()
        if len(models) > 1:
            plain, by_length = (read(known, "value", "model", models) for read in (ratios, standardised))
            yield measure, _Parts(known, plain, by_length, models)
    models = tuple(models_of(mine))
    if len(set(floor["model"]) & set(models)) == len(models):
        yield EXCESS, _Parts(mine, excesses(mine, floor, "same", "model", models), None, models)
    if reading.along and (mine["position"].nunique() > 1 or reading.spec.unchanged_at is not None):
        curves = curves_of(reading.spec, traces, mine, models)
        plain, by_length = (areas(curves, same_lengths=same) for same in (False, True))
        yield AREA, _Parts(mine, plain, by_length, models)


def _floor(outcomes: pd.DataFrame, floors: Sequence[str], task: object, mine: pd.DataFrame) -> pd.DataFrame:
    """Return what the same procedure gives without an edit; no edit shows less than one step."""
    same = (outcomes["task"] == task) & (outcomes["resume"] == mine["resume"].any())
    return outcomes[same & outcomes["intervention"].isin(floors) & (outcomes["position"] > 0)]


def _one(task: object, label: object, measure: str, parts: _Parts, seed: int) -> ChangeBySize:
    plain, models = parts.plain, parts.models
    values = tuple((model, float(value)) for model, value in zip(models, plain.values, strict=True))
    n_params = sizes_of(parts.frame, models)
    found = ChangeBySize(
        str(task),
        str(label),
        measure,
        values,
        len(set(n_params)),
        neighbours_of(models, plain.each, seed),
    )
    if found.sizes < SIZES_OF_A_TREND:
        return found
    weights = slope_weights(n_params)
    return replace(
        found,
        trend=contrast(plain, *weights, seed),
        shared=contrast(plain.shared, *weights, seed),
        standardised=contrast(parts.by_length, *weights, seed) if parts.by_length else None,
        turn=extremum_of(models, plain.each, seed),
    )


def _slopes(
    one: ChangeBySize,
    beside: pd.DataFrame,
    outcomes: pd.DataFrame,
    letter_bias: Mapping[tuple[str, str], float],
) -> Slopes | None:
    """Fit the binomial model to a measure that is a share of outcomes."""
    if one.trend is None or one.measure not in (SAME, MOVED, RIGHT):
        return None
    mine = outcomes[(outcomes["task"] == one.task) & (outcomes["intervention"] == one.intervention)]
    column = {SAME: "same", RIGHT: "correct"}.get(one.measure)
    values = mine[column].astype(float) if column else pd.Series(moved(mine), index=mine.index)
    known = mine.assign(value=values, surprise=mine["original_logprob"] - mine["logprob"])
    known = known[known["value"].notna()]
    cells = means_by(known, BY, ["value", "surprise"]).rename(columns={"value": "share"})
    sizes = known.groupby(BY)["n_params"].first()
    cells = cells.assign(weight=sums(known, BY, "value")["size"], n_params=sizes).reset_index()
    biases = [letter_bias.get((one.task, model), np.nan) for model in cells["model"]]
    return slopes_of(cells.assign(letter_bias=biases).merge(beside.reset_index(), on=BY), COVARIATES)


def _corrected(found: Sequence[ChangeBySize]) -> list[ChangeBySize]:
    """Correct p over all that is tested: trends, slopes and adjusted slopes, each kind by itself."""
    trends = holm([one.trend.p if one.trend else np.nan for one in found])
    corrected = [replace(one, p_holm=p) for one, p in zip(found, trends, strict=True)]
    for name in ("slope", "adjusted"):
        slopes = [getattr(one.slopes, name) if one.slopes else None for one in corrected]
        ps = holm([slope.p if slope else np.nan for slope in slopes])
        corrected = [
            one if slope is None else replace(one, slopes=_with(one.slopes, name, replace(slope, p_holm=p)))
            for one, slope, p in zip(corrected, slopes, ps, strict=True)
        ]
    return corrected


def _with(slopes: Slopes | None, name: str, slope: Slope) -> Slopes:
    assert slopes is not None
    return slopes._replace(slope=slope) if name == "slope" else slopes._replace(adjusted=slope)
