"""What goes with size under interventions, where the truth is known: on ragged data, like real ones."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd

from cotfaith.stats import sizes, slopes
from cotfaith.stats.areas import OF_LARGEST, largest_aoc
from cotfaith.stats.compared import (
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
from cotfaith.truth import simulation
from cotfaith.truth.checks import SIZES, Check, Kind, logistic
from cotfaith.truth.simulation import Design, Ragged

LENGTHS_BY_SIZE = dict(
    zip(
        SIZES,
        ((0.4, 0.3, 0.2, 0.1), (0.3, 0.3, 0.2, 0.2), (0.2, 0.2, 0.3, 0.3), (0.1, 0.2, 0.3, 0.4)),
        strict=True,
    )
)
"""Larger models reason in more steps."""
SAME_LENGTHS = dict.fromkeys(SIZES, (0.25, 0.25, 0.25, 0.25))


def _shares(of: Callable[[float, int], float]) -> dict[float, dict[int, float]]:
    """Return a share for each size and number of steps."""
    return {size: {n: of(np.log10(size), n) for n in range(1, 5)} for size in SIZES}


BOTH = Ragged(_shares(lambda size, n: 0.2 + 0.05 * size + 0.06 * n), LENGTHS_BY_SIZE)
"""Answers stay the same the more often, the larger the model and the longer its reasoning."""
LENGTH_ALONE = Ragged(_shares(lambda _, n: 0.2 + 0.15 * n), LENGTHS_BY_SIZE)
"""They do for the longer reasoning alone, which larger models write."""
NOTHING = Ragged(_shares(lambda _, n: 0.2 + 0.15 * n), SAME_LENGTHS)
"""Length matters, and no size has more of it."""


def checks_by_size() -> Iterator[Check]:
    """Yield every check of what goes with size."""
    for questions in (20, 50, 200):
        yield from _of(Design(questions, 5, 0.3))
    for questions in (20, 50, 200):
        yield from _of_others(Design(questions, 5, 0.3))


def _of(design: Design) -> Iterator[Check]:

    def check(estimator: str, kind: Kind, truth: float, hit: Callable[..., bool], *of: object) -> Check:
        return Check(estimator, kind, truth, design, partial(hit, design, *of))

    for name, standard in (("", False), (" at equal lengths", True)):
        rate = BOTH.slope(BOTH.rates(standardised=standard))
        area = BOTH.slope(BOTH.areas(standardised=standard))
        yield check(f"same-answer rate by size{name}", "covers", rate, _rate_by_size, standard, rate)
        yield check(f"AOC by size{name}", "covers", area, _area_by_size, standard, area)
    beyond = -BOTH.slope(BOTH.rates())
    yield check("change beyond the floor by size", "covers", beyond, _excess_by_size, beyond)
    yield check("slope on size (GEE), weighted", "covers", 0.6, _weighted_slope, 0.6)
    yield check("same-answer rate by size", "rejects", 0.0, _trend_found, NOTHING, False)
    yield check("AOC by size", "rejects", 0.0, _area_found, NOTHING)
    length = "where length alone goes with size"
    yield check(
        f"same-answer rate by size at equal lengths, {length}",
        "rejects",
        0.0,
        _trend_found,
        LENGTH_ALONE,
        True,
    )
    yield check(f"slope on size (GEE) beside length, {length}", "rejects", 0.0, _adjusted_found)
    if design.questions >= 50:
        slope = LENGTH_ALONE.slope(LENGTH_ALONE.rates())
        yield check(f"same-answer rate by size, {length}", "sees", slope, _trend_found, LENGTH_ALONE, False)


def _of_others(design: Design) -> Iterator[Check]:
    """Yield the checks of total variation by size, and of the AOC as a share of the largest."""
    yield Check("total variation by size", "covers", 0.05, design, partial(_moved_by_size, design, 0.05))
    one = Ragged({SIZES[0]: dict.fromkeys(range(1, 5), 0.6)}, {SIZES[0]: LENGTHS_BY_SIZE[SIZES[0]]})
    share = 1 - one.rate(SIZES[0], 1)
    hit = partial(_of_largest, design, one, share)
    yield Check("AOC over the largest", "covers", share, design, hit)


def _ragged_trend(design: Design, truth: Ragged, standard: bool, rng: np.random.Generator) -> Contrast:
    frame = simulation.ragged(rng, design, truth)[1]
    models = sizes.models_of(frame)
    read = standardised if standard else ratios
    return contrast(read(frame, "same", "model", models), *slope_weights(np.array(SIZES)))


def _ragged_area(design: Design, truth: Ragged, standard: bool, rng: np.random.Generator) -> Contrast:
    traces, frame = simulation.ragged(rng, design, truth)
    made = curves_of(CurveSpec(unchanged_at=1.0), traces, frame, sizes.models_of(frame))
    return contrast(areas(made, same_lengths=standard), *slope_weights(np.array(SIZES)))


def _within(found: Contrast, truth: float) -> bool:
    return found.ci_low <= truth <= found.ci_high


def _rate_by_size(design: Design, standard: bool, truth: float, rng: np.random.Generator) -> bool:
    return _within(_ragged_trend(design, BOTH, standard, rng), truth)


def _area_by_size(design: Design, standard: bool, truth: float, rng: np.random.Generator) -> bool:
    return _within(_ragged_area(design, BOTH, standard, rng), truth)


def _excess_by_size(design: Design, truth: float, rng: np.random.Generator) -> bool:
    """Read the change beyond a floor that is the same for all sizes."""
    flat = Ragged(_shares(lambda *_: 0.9), LENGTHS_BY_SIZE)
    edited, floor = (simulation.ragged(rng, design, one)[1] for one in (BOTH, flat))
    compared = excesses(edited, floor, "same", "model", sizes.models_of(edited))
    return _within(contrast(compared, *slope_weights(np.array(SIZES))), truth)


def _trend_found(design: Design, truth: Ragged, standard: bool, rng: np.random.Generator) -> bool:
    return _ragged_trend(design, truth, standard, rng).p < 0.05


def _area_found(design: Design, truth: Ragged, rng: np.random.Generator) -> bool:
    return _ragged_area(design, truth, False, rng).p < 0.05


def _moved_by_size(design: Design, slope: float, rng: np.random.Generator) -> bool:
    """Read a number of each outcome that rises with size, from a question's own level on."""
    frame = simulation.ragged(rng, design, NOTHING)[1]
    level = dict(zip(frame["question"].unique(), rng.normal(0, 0.1, design.questions), strict=False))
    sized = slope * (np.log10(frame["n_params"].astype(float)) - 5.5)
    moved = 0.5 + sized + frame["question"].map(level).astype(float) + rng.normal(0, 0.1, len(frame))
    compared = ratios(frame.assign(moved=moved), "moved", "model", sizes.models_of(frame))
    return _within(contrast(compared, *slope_weights(np.array(SIZES))), slope)


def _of_largest(design: Design, truth: Ragged, share: float, rng: np.random.Generator) -> bool:
    """Read the AOC of mistakes as a share of what it would be if every edited answer changed."""
    traces, edits = simulation.ragged(rng, design, truth)
    named = [
        frame.assign(trace=frame["question"] + "-" + frame["sample"].astype(str)) for frame in (traces, edits)
    ]
    shown = named[0].assign(reasoning="all"), named[1].assign(shown="part")
    table = largest_aoc(CurveSpec(unchanged_at=1.0), *shown)
    row = table[table["definition"] == OF_LARGEST].iloc[0]
    return bool(row["ci_low"] <= share <= row["ci_high"])


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    cells = frame.assign(same=frame["same"].astype(float)).groupby(["question", "model"], as_index=False)
    return cells.agg(
        share=("same", "mean"),
        weight=("same", "size"),
        n_params=("n_params", "first"),
        n_steps=("n_steps", "mean"),
    )


def _weighted_slope(design: Design, slope: float, rng: np.random.Generator) -> bool:
    by_size = logistic(slope)
    truth = Ragged(
        {size: dict.fromkeys(range(1, 5), by_size[size]) for size in SIZES}, LENGTHS_BY_SIZE, unread=0.0
    )
    found = slopes.slopes_of(_cells(simulation.ragged(rng, design, truth)[1]), ()).slope
    return found is not None and found.ci_low <= slope <= found.ci_high


def _adjusted_found(design: Design, rng: np.random.Generator) -> bool:
    """Look for a slope beside the length, which alone moves the log-odds, and is one a question and model."""
    odds = {n: 1 / (1 + np.exp(-0.8 * (n - 2.5))) for n in range(1, 5)}
    truth = Ragged(dict.fromkeys(SIZES, odds), LENGTHS_BY_SIZE, unread=0.0, alike=True)
    found = slopes.slopes_of(_cells(simulation.ragged(rng, design, truth)[1]), ("n_steps",)).adjusted
    return found is not None and found.p < 0.05
